//! KHQR against implementations that are not ours: two npm packages, one of them the official SDK, two PyPI packages
//! and a barcode reader. `.ci/install-khqr.sh` installs them; on CI they have to be there.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use payon_sim::base::{Amount, Currency, Millis};
use payon_sim::khqr::{Account, Payload, md5, svg, terminal};
use serde_json::{Value, json};

/// The moment to which the scripts freeze the clock.
const NOW: Millis = Millis(1_767_225_600_000);
const FAR: Millis = Millis(4_102_444_800_000);

#[test]
fn the_official_sdk_agrees() {
    compare("node", "check.js", "bakong-khqr", &cases());
}

#[test]
fn ts_khqr_agrees() {
    compare("node", "check.js", "ts-khqr", &cases());
}

#[test]
fn an_emvco_checker_agrees() {
    compare("python", "check.py", "cemacqr", &cases());
}

#[test]
fn konthaina_khqr_agrees() {
    compare("python", "check.py", "konthaina-khqr", &cases());
}

#[test]
fn a_barcode_reader_reads_the_drawings() {
    compare("python", "check.py", "zxing-cpp", &cases());
}

/// Runs one script over all cases. Without the tools the comparison is left out, except on CI.
fn compare(runtime: &str, script: &str, package: &str, cases: &[Value]) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let tools = root.join("target/ext/khqr");
    let (program, installed) = match runtime {
        "node" => (PathBuf::from("node"), tools.join("node_modules").join(package)),
        _ => (tools.join("venv/bin/python"), tools.join("venv/bin/python")),
    };
    if !installed.exists() {
        let lacking = format!("{package} is not installed; .ci/install-khqr.sh does that");
        assert!(std::env::var_os("CI").is_none(), "{lacking}");
        println!("skipped: {lacking}");
        return;
    }
    let mut child = Command::new(program)
        .arg(root.join("tests/khqr-sdk").join(script))
        .arg(package)
        .env("NODE_PATH", tools.join("node_modules"))
        .env("PYTHONUTF8", "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the runtime starts");
    let mut input = child.stdin.take().expect("piped");
    for case in cases {
        writeln!(input, "{case}").expect("the script reads");
    }
    drop(input);
    let output = child.wait_with_output().expect("the script ends");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}");
    println!("{said}");
}

/// What the scripts are given: strings of ours with what went in, and two that are not to be accepted.
fn cases() -> Vec<Value> {
    let mut cases: Vec<_> = payloads().iter().map(case).collect();
    let good = payloads()[0].encode().expect("valid");
    for bad in [good.replace("KH59", "KX59"), good.replace("6304", "6305")] {
        cases.push(json!({ "qr": bad, "valid": false, "svg": svg(&bad).expect("drawn"),
            "terminal": terminal(&bad).expect("drawn"), "fields": {} }));
    }
    cases
}

fn case(payload: &Payload) -> Value {
    let qr = payload.encode().unwrap_or_else(|finding| panic!("{finding}: {payload:?}"));
    let text = |text: &str| if text.is_empty() { Value::Null } else { text.into() };
    let time = |moment: Option<Millis>| {
        let dynamic = !payload.amount.is_empty();
        moment.filter(|_| dynamic).map_or(Value::Null, |moment| moment.0.to_string().into())
    };
    let (kind, id, information, merchant_id, bank) = match &payload.account {
        Account::Individual { id, information, bank } => {
            ("29", id, text(information), Value::Null, bank)
        }
        Account::Merchant { id, merchant_id, bank } => {
            ("30", id, Value::Null, text(merchant_id), bank)
        }
    };
    let fields = json!({
        "merchantType": kind,
        "bakongAccountID": id,
        "accountInformation": information,
        "merchantID": merchant_id,
        "acquiringBank": text(bank),
        "billNumber": text(&payload.bill_number),
        "mobileNumber": text(&payload.mobile_number),
        "storeLabel": text(&payload.store_label),
        "terminalLabel": text(&payload.terminal_label),
        "purposeOfTransaction": text(&payload.purpose),
        "languagePreference": text(&payload.language),
        "merchantNameAlternateLanguage": text(&payload.other_name),
        "merchantCityAlternateLanguage": text(&payload.other_city),
        "creationTimestamp": time(Some(payload.created)),
        "expirationTimestamp": time(payload.expires),
        "payloadFormatIndicator": "01",
        "pointofInitiationMethod": if payload.amount.is_empty() { "11" } else { "12" },
        "unionPayMerchant": text(&payload.union_pay),
        "merchantCategoryCode": &payload.category,
        "transactionCurrency": payload.currency.number(),
        "transactionAmount": text(&payload.amount),
        "countryCode": "KH",
        "merchantName": &payload.name,
        "merchantCity": &payload.city,
    });
    json!({ "qr": qr, "md5": md5(&qr), "valid": true, "fields": fields,
        "svg": svg(&qr).expect("drawn"), "terminal": terminal(&qr).expect("drawn") })
}

/// A spread over kinds, currencies, amounts, scripts, lengths and checksums.
fn payloads() -> Vec<Payload<'static>> {
    let usd = |minor| shop(Currency::Usd).with_amount(Amount::from_minor(minor), NOW, FAR);
    let khr = |minor| shop(Currency::Khr).with_amount(Amount::from_minor(minor), NOW, FAR);
    let mut all = vec![shop(Currency::Usd), shop(Currency::Khr)];
    all.extend([1, 5, 10, 99, 100, 101, 150, 1000, 123_456, 999_999_999_999].map(usd));
    all.extend([1, 100, 4000, 50_500, 9_999_999_999_999].map(khr));
    for (information, bank) in [("", ""), ("", "Dev Bank"), ("000000001021", "Dev Bank")] {
        let (id, information, bank) = ("jonhsmith@devb".into(), information.into(), bank.into());
        let account = Account::Individual { id, information, bank };
        let person = Payload::new(account, "Jonh Smith", Currency::Khr);
        all.push(person.clone());
        all.push(person.with_amount(Amount::from_minor(500), NOW, FAR));
    }
    all.extend([
        // Scripts.
        Payload {
            name: "ហាងប៉ាយអន".into(), city: "ភ្នំពេញ".into(), ..usd(325)
        },
        Payload {
            language: "km".into(),
            other_name: "ហាងប៉ាយអន".into(),
            other_city: "ភ្នំពេញ".into(),
            ..khr(12_000)
        },
        Payload { language: "ZH".into(), other_name: "文山".into(), ..shop(Currency::Usd) },
        Payload { name: "Café \"Ö\" & 'ñ' <b>".into(), ..usd(700) },
        Payload { name: "Shop 😀".into(), ..usd(700) },
        Payload { bill_number: "#A/1-2+3?x=1 %20&\\".into(), ..usd(700) },
        // Lengths.
        Payload {
            name: "N".repeat(25).into(),
            city: "C".repeat(15).into(),
            category: "0742".into(),
            ..usd(100)
        },
        Payload {
            bill_number: "B".repeat(25).into(),
            mobile_number: "8".repeat(25).into(),
            store_label: "S".repeat(25).into(),
            terminal_label: "T".repeat(8).into(),
            ..khr(100)
        },
        Payload {
            purpose: "P".repeat(25).into(),
            terminal_label: "T".repeat(25).into(),
            ..usd(100)
        },
        Payload {
            language: "km".into(),
            other_name: "ក".repeat(25).into(),
            other_city: "ខ".repeat(15).into(),
            ..usd(100)
        },
        Payload {
            account: Account::Merchant {
                id: format!("{}@ppcb", "a".repeat(22)).into(),
                merchant_id: "9".repeat(32).into(),
                bank: "B".repeat(28).into(),
            },
            ..usd(200)
        },
        Payload { union_pay: "0001034400010344ABCDEFGHIJKLMNO".into(), ..khr(1000) },
        Payload { union_pay: "U".repeat(99).into(), ..shop(Currency::Khr) },
        // Times.
        Payload { expires: Some(NOW), ..usd(100) },
        Payload { expires: Some(NOW.plus(300_000)), ..usd(100) },
        Payload { expires: Some(Millis(9_999_999_999_999)), ..usd(100) },
    ]);
    // Checksums that begin with one, two and three zeros.
    for zeros in ["0", "00", "000"] {
        let numbered =
            |number: u32| Payload { bill_number: format!("Z{number}").into(), ..usd(100) };
        let begins = |payload: &Payload| {
            let qr = payload.encode().expect("valid");
            let crc = &qr[qr.len() - 4..];
            crc.starts_with(zeros) && !crc[zeros.len()..].starts_with('0')
        };
        all.extend((0..100_000).map(numbered).find(begins));
    }
    all
}

fn shop(currency: Currency) -> Payload<'static> {
    let account = Account::Merchant {
        id: "payon_mock@ppcb".into(),
        merchant_id: "M000000143".into(),
        bank: "PPCBank".into(),
    };
    Payload::new(account, "PAYON Mock Shop", currency)
}
