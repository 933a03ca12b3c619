//! The format against the vector file: what the official SDK writes, refuses and lets pass, and published samples.

use std::borrow::Cow;

use proptest::prelude::*;
use serde_json::Value;

#[allow(clippy::enum_glob_use, reason = "tables of them")]
use super::KhqrProblem::*;
use super::*;
use crate::base::{Amount, Currency, Millis};

/// The moment at which the vectors were made.
const NOW: Millis = Millis(1_767_225_600_000);
const FAR: Millis = Millis(4_102_444_800_000);

fn vectors(section: &str) -> Vec<Value> {
    let file = include_str!("../../fixtures/vectors/khqr.json");
    let mut file: Value = serde_json::from_str(file).expect("JSON");
    serde_json::from_value(file[section].take()).expect("a list")
}

fn text<'a>(value: &'a Value, member: &str) -> &'a str {
    value[member].as_str().unwrap_or_default()
}

/// The SDK's input as a payload. The outer error is a currency that the type cannot even hold.
fn payload(input: &Value) -> Result<Payload<'static>, KhqrProblem> {
    let own = |member: &str| Cow::from(text(input, member).to_owned());
    let (id, bank) = (own("bakongAccountID"), own("acquiringBank"));
    let account = match text(input, "type") {
        "merchant" => Account::Merchant { id, merchant_id: own("merchantID"), bank },
        _ => Account::Individual { id, information: own("accountInformation"), bank },
    };
    let currency = Currency::from_number(&input["currency"].to_string())
        .ok_or(KhqrProblem::CurrencyUnsupported)?;
    let expires = input["expirationTimestamp"].as_i64().map(Millis);
    let mut payload = Payload::new(account, own("merchantName"), currency);
    payload.city = own("merchantCity");
    payload.union_pay = own("upiMerchantAccount");
    payload.bill_number = own("billNumber");
    payload.mobile_number = own("mobileNumber");
    payload.store_label = own("storeLabel");
    payload.terminal_label = own("terminalLabel");
    payload.purpose = own("purposeOfTransaction");
    payload.language = own("languagePreference");
    payload.other_name = own("merchantNameAlternateLanguage");
    payload.other_city = own("merchantCityAlternateLanguage");
    payload.created = NOW;
    payload.expires = expires;
    match &input["amount"] {
        Value::Null => {}
        Value::Number(number) if number.as_f64() == Some(0.0) => {
            payload = payload.with_amount(Amount::ZERO, NOW, FAR);
        }
        Value::Number(number) => match Amount::parse(&number.to_string(), currency) {
            Ok(amount) => payload = payload.with_amount(amount, NOW, expires.unwrap_or_default()),
            Err(_) => payload.amount = number.to_string().into(),
        },
        other => payload.amount = other.as_str().expect("text").to_owned().into(),
    }
    payload.expires = expires;
    Ok(payload)
}

fn problems(text: &str, now: Millis) -> Vec<KhqrProblem> {
    judge(text, now).into_iter().map(|finding| finding.problem).collect()
}

fn shop() -> Payload<'static> {
    let account = Account::Merchant {
        id: "payon_mock@ppcb".into(),
        merchant_id: "M000000143".into(),
        bank: "PPCBank".into(),
    };
    Payload::new(account, "PAYON Mock Shop", Currency::Usd)
}

/// V01 with one piece replaced and the CRC made right again.
fn altered(from: &str, to: &str) -> String {
    let good = shop().with_amount(Amount::from_minor(100), NOW, FAR).encode().expect("valid");
    assert!(good.contains(from), "{from:?} is not in {good}");
    let changed = good.replacen(from, to, 1);
    let covered = &changed[..changed.len() - 4];
    format!("{covered}{}", tlv::checksum(covered))
}

#[test]
fn what_the_official_sdk_writes_is_written() {
    for vector in vectors("valid") {
        let id = text(&vector, "id");
        let qr = payload(&vector["input"]).expect("a currency").encode().expect(id);
        assert_eq!(qr, text(&vector, "qr"), "{id}");
        assert_eq!(md5(&qr), text(&vector, "md5"), "{id}");
    }
}

#[test]
fn what_the_official_sdk_refuses_is_refused_with_its_code() {
    for vector in vectors("rejected_inputs") {
        let refusal = payload(&vector["input"])
            .and_then(|payload| payload.encode().map_err(|finding| finding.problem))
            .expect_err(text(&vector, "id"));
        let code = refusal.sdk_code().map(u64::from);
        assert_eq!(code, vector["status"]["errorCode"].as_u64(), "{}", text(&vector, "id"));
    }
}

#[test]
fn decoding_gives_back_what_went_in_under_the_official_names() {
    for vector in vectors("valid") {
        let id = text(&vector, "id");
        let decoded = decode(text(&vector, "qr"));
        for (name, expected) in vector["official_decode"].as_object().expect("an object") {
            if name != "merchantType" {
                assert_eq!(decoded.value(name), expected.as_str(), "{id} {name}");
            }
        }
        for (name, expected) in vector["input"].as_object().expect("an object") {
            let Some(expected) = expected.as_str() else { continue };
            let name = match name.as_str() {
                "type" => continue,
                "amount" => "transactionAmount",
                "upiMerchantAccount" => "unionPayMerchant",
                other => other,
            };
            assert_eq!(decoded.value(name), Some(expected), "{id} {name}");
        }
        let shape = |tag: &Tag| (tag.tag.clone(), tag.length);
        let tags: Vec<_> = decoded.tags.iter().map(shape).collect();
        let listed = |tag: &Value| {
            (text(tag, "tag").to_owned(), tag["length"].as_u64().expect("a length") as usize)
        };
        let expected: Vec<_> =
            vector["tlv"].as_array().expect("a list").iter().map(listed).collect();
        assert_eq!(tags, expected, "{id}");
        assert_eq!(decoded.characters as u64, vector["characters"].as_u64().expect("a length"));
        assert!(decoded.crc.ok, "{id}");
    }
}

#[test]
fn a_payload_is_summed_up() {
    let bill = Payload { bill_number: "INV-1".into(), ..shop() };
    let dynamic = bill.with_amount(Amount::from_minor(1250), NOW, FAR).encode().expect("valid");
    let decoded = decode(&dynamic);
    assert_eq!(decoded.kind, Some(KhqrKind::Merchant));
    assert_eq!(decoded.initiation, Some(Initiation::Dynamic));
    assert_eq!(decoded.account_id.as_deref(), Some("payon_mock@ppcb"));
    assert_eq!(decoded.merchant_name.as_deref(), Some("PAYON Mock Shop"));
    assert_eq!(decoded.merchant_city.as_deref(), Some("Phnom Penh"));
    assert_eq!((decoded.currency, decoded.amount.as_deref()), (Some(Currency::Usd), Some("12.50")));
    assert_eq!((decoded.created, decoded.expires), (Some(NOW), Some(FAR)));
    assert_eq!(decoded.value("billNumber"), Some("INV-1"));

    let kind = |information: &str| {
        let (id, bank) = ("khqr@devb".into(), "".into());
        let account = Account::Individual { id, information: information.into(), bank };
        let text = Payload::new(account, "Sok", Currency::Khr).encode().expect("valid");
        let decoded = decode(&text);
        assert_eq!(decoded.initiation, Some(Initiation::Static));
        decoded.kind
    };
    assert_eq!(kind(""), Some(KhqrKind::Individual));
    assert_eq!(kind("0012"), Some(KhqrKind::Remittance));
}

#[test]
fn every_hand_made_payload_gets_its_verdict() {
    let expected: &[(&str, &[KhqrProblem])] = &[
        ("N01", &[]),
        ("N02", &[CrcWrong]),
        ("N04", &[CrcWrong]),
        ("N05", &[CrcMissing]),
        ("N07", &[ExpiryMissing]),
        ("N08", &[]),
        ("N10", &[InitiationUnknown]),
        ("N11", &[InitiationMissing]),
        ("N13", &[CityMissing]),
        ("N14", &[CategoryMissing]),
        ("N16", &[CurrencyUnsupported]),
        ("N17", &[AmountInvalid]),
        ("N19", &[AmountInvalid]),
        ("N20", &[AmountInvalid]),
        ("N22", &[NameLength]),
        ("N23", &[CityLength]),
        ("N25", &[MerchantIdMissing, AcquiringBankMissing]),
        ("N26", &[AccountTagTwice]),
        ("N28", &[TagOrder]),
        ("N29", &[]),
        ("N31", &[ExpiryInvalid]),
        ("N32", &[Malformed]),
        ("N34", &[]),
        ("N35", &[]),
        ("N37", &[CrcWrong]),
        ("N38", &[CrcNotLast]),
        ("N40", &[Malformed]),
        ("N41", &[FormatUnknown]),
        ("N43", &[CountryUnknown]),
        ("N44", &[Malformed]),
    ];
    let vectors = vectors("payloads_to_judge");
    assert_eq!(vectors.len(), expected.len());
    for (vector, (id, verdict)) in vectors.iter().zip(expected) {
        assert_eq!(text(vector, "id"), *id);
        assert_eq!(problems(text(vector, "qr"), NOW), *verdict, "{id} {}", text(vector, "note"));
    }
    let expiring = vectors.iter().find(|vector| text(vector, "id") == "N29").expect("N29");
    assert_eq!(problems(text(expiring, "qr"), NOW.plus(1000)), []);
    assert_eq!(problems(text(expiring, "qr"), NOW.plus(1001)), [Expired]);
    for vector in self::vectors("valid") {
        assert_eq!(problems(text(&vector, "qr"), NOW), [], "{}", text(&vector, "id"));
    }
}

#[test]
fn published_samples_have_the_checksums_that_were_computed_for_them() {
    // Most samples are older than the expiry in tag 99, so that is what is wrong with them.
    let expected: &[(&str, &[KhqrProblem])] = &[
        ("NBC1", &[Malformed, CrcWrong]),
        ("NBC2", &[ExpiryMissing]),
        ("NBC3", &[ExpiryMissing]),
        ("NBC4", &[ExpiryMissing]),
        ("NBC5", &[ExpiryMissing]),
        ("NBC6", &[UnionPayCurrency, ExpiryMissing]),
        ("NBC7", &[UnionPayCurrency, ExpiryMissing]),
        ("NBC8", &[UnionPayCurrency, ExpiryMissing]),
        ("NBC9", &[UnionPayCurrency, ExpiryMissing]),
        ("NBC10", &[UnionPayCurrency, ExpiryMissing]),
        ("NBC11", &[]),
        ("ABA1", &[Expired]),
        ("RS1", &[ExpiryMissing]),
        ("RS2", &[]),
        ("RS3", &[AmountInvalid, ExpiryMissing]),
        ("TS1", &[Expired]),
        ("OFF1", &[MerchantIdMissing, AcquiringBankMissing, TerminalLabelLength, Expired]),
    ];
    let vectors = vectors("published");
    assert_eq!(vectors.len(), expected.len());
    for (vector, (id, verdict)) in vectors.iter().zip(expected) {
        assert_eq!(text(vector, "id"), *id);
        let qr = text(vector, "qr");
        assert_eq!(Some(decode(qr).crc.ok), vector["crc_ok"].as_bool(), "{id}");
        assert_eq!(md5(qr), text(vector, "md5_utf8"), "{id}");
        assert_eq!(problems(qr, NOW), *verdict, "{id}");
        let whole = text(vector, "tlv") == "ok";
        assert_eq!(!problems(qr, NOW).contains(&Malformed), whole, "{id}");
    }
}

#[test]
fn what_no_public_tool_notices_is_noticed() {
    let check = |payload: String, expected: &[KhqrProblem]| {
        assert_eq!(problems(&payload, NOW), expected, "{payload}");
    };
    let good = shop().with_amount(Amount::from_minor(100), NOW, FAR).encode().expect("valid");
    let (covered, crc) = good.split_at(good.len() - 4);
    check(format!("{covered}{}", crc.to_lowercase()), &[CrcLowerCase]);
    check(altered("54011", "54081,000.00"), &[AmountInvalid]);
    check(altered("54011", "5402-1"), &[AmountInvalid]);
    check(altered("54011", "5401154011"), &[TagRepeated]);
    check(altered("010212", "010211"), &[AmountOnStatic]);
    check(altered("54011", ""), &[AmountMissing]);
    check(altered("52045999", "5204599x"), &[CategoryInvalid]);
    check(altered("52045999", "5203599"), &[CategoryLength]);
    check(altered("0015payon_mock@ppcb", "0015payon_mock_ppcb"), &[AccountInvalid]);
    check(altered("30440015payon_mock@ppcb", "30290000"), &[AccountMissing]);
    check(altered("5915PAYON Mock Shop", "5900"), &[NameMissing]);
    check(altered("PAYON Mock Shop", "PAYON\nMock Shop"), &[ControlCharacter]);
    check(altered("5802KH", "5802KH6200"), &[ValueEmpty, TagOrder]);
    check(altered("9934", "64060002km9934"), &[OtherNameMissing]);
    check(altered("4102444800000", "1767225599999"), &[ExpiryBeforeCreation, Expired]);
    check(altered("00131767225600000", "0013176722560000x"), &[CreationInvalid]);
    check(altered("993400131767225600000", "9917"), &[CreationMissing]);
    check(altered("30440015payon_mock@ppcb0110M0000001430207PPCBank", ""), &[AccountTagMissing]);
    check(
        String::new(),
        &[
            FormatMissing,
            InitiationMissing,
            CategoryMissing,
            CurrencyMissing,
            CountryMissing,
            NameMissing,
            CityMissing,
            CrcMissing,
            AccountTagMissing,
        ],
    );
}

#[test]
fn the_builder_is_as_strict_as_the_judge() {
    let refused = |change: fn(&mut Payload)| {
        let mut payload = shop().with_amount(Amount::from_minor(100), NOW, FAR);
        change(&mut payload);
        payload.encode().expect_err("refused").problem
    };
    assert_eq!(refused(|p| p.amount = "1.005".into()), KhqrProblem::AmountInvalid);
    assert_eq!(refused(|p| p.amount = "0.00".into()), KhqrProblem::AmountInvalid);
    assert_eq!(
        refused(|p| (p.currency, p.amount) = (Currency::Khr, "5000.50".into())),
        KhqrProblem::AmountInvalid
    );
    assert_eq!(refused(|p| p.expires = Some(NOW.plus(-1))), KhqrProblem::ExpiryBeforeCreation);
    assert_eq!(refused(|p| p.created = Millis(0)), KhqrProblem::CreationInvalid);
    assert_eq!(refused(|p| p.name = "x".repeat(100).into()), KhqrProblem::NameLength);
    assert_eq!(refused(|p| p.store_label = "x".repeat(120).into()), KhqrProblem::StoreLabelLength);
    assert_eq!(refused(|p| p.other_name = "ហាង".into()), KhqrProblem::LanguageMissing);
    // What the official builder would print with a three-digit length.
    let long = |length: usize| Account::Merchant {
        id: format!("{}@ppcb", "a".repeat(22)).into(),
        merchant_id: "9".repeat(32).into(),
        bank: "B".repeat(length).into(),
    };
    assert!(Payload { account: long(28), ..shop() }.encode().is_ok());
    let refusal = Payload { account: long(29), ..shop() }.encode().expect_err("100 characters");
    assert_eq!((refusal.problem, refusal.position), (KhqrProblem::TemplateTooLong, 12));
    let nobody = Account::Individual { id: "".into(), information: "".into(), bank: "".into() };
    let refusal = Payload { account: nobody, ..shop() }.encode().expect_err("no account");
    assert_eq!(refusal.problem, KhqrProblem::AccountMissing);
    assert_eq!(
        shop()
            .with_amount(Amount::from_minor(100), NOW, Millis(FAR.0 / 1000))
            .encode()
            .map_err(|finding| finding.to_string()),
        Err("Tag 99.01, at character 144: 10 characters. \
             The expiry is 13 digits: milliseconds since 1970, not seconds."
            .into())
    );
}

#[test]
fn lengths_and_positions_are_counted_in_utf16() {
    let name = |name: &str| Payload { name: name.to_owned().into(), ..shop() };
    assert!(name("ហាងប៉ាយអន").encode().expect("valid").contains("5909ហាងប៉ាយអន"));
    assert!(name("Shop 😀").encode().expect("valid").contains("5907Shop 😀"));
    assert_eq!(name(&"😀".repeat(13)).encode().expect_err("26").problem, KhqrProblem::NameLength);
    let split = altered("5915PAYON Mock Shop", "5903😀😀");
    assert!(problems(&split, NOW).contains(&KhqrProblem::Malformed));
    let findings = judge(&altered("5915PAYON Mock Shop6010Phnom Penh", "5902😀6000"), NOW);
    let place = findings.first().map(|finding| (finding.tag.as_str(), finding.position));
    // 86 is where tag 59 begins in V01; 4 + 2 for it and 4 for the header of tag 60.
    assert_eq!(place, Some(("60", 86 + 4 + 2 + 4)));
}

#[test]
fn every_payload_is_drawn_so_that_it_can_be_scanned() {
    let texts: Vec<_> = vectors("valid").iter().map(|v| text(v, "qr").to_owned()).collect();
    for qr in texts {
        let svg = svg(&qr).expect("drawn");
        assert_eq!(scan(&modules_of_svg(&svg)), qr);
        assert!(svg.starts_with("<svg ") && svg.contains(r#"role="img""#));
        let outside = svg.replace("http://www.w3.org/2000/svg", "");
        assert!(
            !outside.contains("href") && !outside.contains("http") && !outside.contains("url(")
        );
        assert_eq!(scan(&modules_of_blocks(&terminal(&qr).expect("drawn"))), qr);
    }
    let long = "x".repeat(2332);
    assert_eq!(
        svg(&long).map_err(|error| error.to_string()),
        terminal(&long).map_err(|error| error.to_string())
    );
    assert!(svg(&long).is_err() && svg(&long[1..]).is_ok());
}

#[test]
fn a_code_with_a_mark_in_its_middle_is_still_read() {
    for currency in [Currency::Usd, Currency::Khr] {
        let text = "0123456789".repeat(15);
        let drawn = labelled_svg(&text, "KHQR", Some(currency)).expect("drawn");
        let number = |before: &str| -> f64 {
            let (_, rest) = drawn.split_once(before).expect("the mark");
            rest.split([' ', ')']).next().expect("a number").parse().expect("a number")
        };
        let (corner, scale) = (number("translate("), number("scale("));
        let mut rows = modules_of_svg(&drawn);
        let (middle, mut covered) = (corner + 12.0 * scale, 0);
        let side = rows.len();
        for (y, row) in rows.iter_mut().enumerate() {
            for (x, dark) in row.iter_mut().enumerate() {
                let place = |at: usize| u32::try_from(at).map_or(0.0, f64::from) + 0.5 - middle;
                let far = place(x).hypot(place(y));
                if far < 14.0 * scale {
                    *dark = far < 12.0 * scale;
                    covered += 1;
                }
            }
        }
        assert!(covered * 50 > (side - 8).pow(2), "the mark covers {covered} of {side} by {side}");
        assert_eq!(scan(&rows), text);
    }
}

/// Rows of dark modules, read back from the path of the drawing.
fn modules_of_svg(svg: &str) -> Vec<Vec<bool>> {
    let between = |start: &str, end: &str| {
        let (_, rest) = svg.split_once(start).expect("the start");
        rest.split_once(end).expect("the end").0
    };
    let side: usize = between("viewBox=\"0 0 ", " ").parse().expect("a number");
    let mut rows = vec![vec![false; side]; side];
    for run in between("fill=\"#000\" d=\"M", "z\"").split("zM") {
        let numbers: Vec<usize> =
            run.split([' ', 'h', 'v']).map(|n| n.parse().unwrap_or(0)).collect();
        let (x, y, length) = (numbers[0], numbers[1], numbers[2]);
        rows[y][x..x + length].fill(true);
    }
    rows
}

fn modules_of_blocks(drawing: &str) -> Vec<Vec<bool>> {
    let mut rows = Vec::new();
    for line in drawing.lines() {
        let line = line.strip_prefix("\x1b[30;107m").and_then(|l| l.strip_suffix("\x1b[0m"));
        let cells: Vec<char> = line.expect("colours").chars().collect();
        rows.push(cells.iter().map(|cell| matches!(cell, '█' | '▀')).collect());
        rows.push(cells.iter().map(|cell| matches!(cell, '█' | '▄')).collect());
    }
    rows
}

/// Reads the drawing with an independent decoder.
fn scan(rows: &[Vec<bool>]) -> String {
    for row in rows.iter().take(4).chain(rows.iter().rev().take(4)) {
        assert!(row.iter().all(|dark| !dark), "no quiet zone");
    }
    let scale = 3;
    let mut image = rqrr::PreparedImage::prepare_from_greyscale(
        rows[0].len() * scale,
        rows.len() * scale,
        |x, y| if rows[y / scale][x / scale] { 0 } else { 255 },
    );
    let grids = image.detect_grids();
    grids.first().expect("a symbol").decode().expect("readable").1
}

#[test]
fn an_inspection_reads_well_as_json_and_as_text() {
    let vectors = vectors("payloads_to_judge");
    let wrong = vectors.iter().find(|vector| text(vector, "id") == "N19").expect("N19");
    let inspection = inspect(text(wrong, "qr"), NOW);
    let json = serde_json::to_value(&inspection).expect("JSON");
    assert_eq!(json["valid"], false);
    assert_eq!(json["findings"][0]["code"], "amount.invalid");
    assert_eq!(json["findings"][0]["sdkCode"], 4);
    assert_eq!(json["findings"][0]["tag"], "54");
    assert_eq!(json["merchantName"], "PAYON Mock Shop");
    assert_eq!(json["currency"], "USD");
    assert_eq!(json["kind"], "merchant");
    assert_eq!(json["expires"], "2100-01-01T07:00:00.000+07:00");
    assert_eq!(json["tags"][2]["sub"][0]["name"], "bakongAccountID");
    let printed = inspection.to_string();
    assert!(printed.contains("\n30 merchantAccount\n"), "{printed}");
    assert!(
        printed.contains("\n   00 bakongAccountID               \"payon_mock@ppcb\"\n"),
        "{printed}"
    );
    assert!(
        printed.contains("amount.invalid, SDK 4: Tag 54, at character 79: \"1.005\""),
        "{printed}"
    );
}

#[test]
fn khmer_is_printed_as_it_is_and_control_characters_are_not() {
    let shop = Payload { name: "ហាងប៉ាយអន".into(), ..shop() }.encode().expect("valid");
    assert!(inspect(&shop, NOW).to_string().contains("\"ហាងប៉ាយអន\"\n"));
    let hostile = altered("PAYON Mock", "PAYON\x1b[2J");
    assert!(inspect(&hostile, NOW).to_string().contains("\"PAYON\\u{1b}[2J Shop"));
}

#[test]
fn problems_have_names_of_their_own() {
    let names: std::collections::HashSet<_> = KhqrProblem::ALL.iter().map(|p| p.name()).collect();
    assert_eq!(names.len(), KhqrProblem::ALL.len());
}

proptest! {
    #[test]
    fn any_text_is_read_and_judged(text in any::<String>(), now in any::<i64>()) {
        let inspection = inspect(&text, Millis(now));
        prop_assert!(!inspection.valid);
        let _ = inspection.to_string();
    }

    /// Digits make tags and lengths of themselves, so this goes deeper than any text does.
    #[test]
    fn nearly_payloads_are_read_and_judged(text in "([0-9]{4}|0[0-9]|[0-9a-zA-Zក😀@.]|(00|29|30|62|64|99)[0-3][0-9]|6304)*") {
        let inspection = inspect(&text, NOW);
        let _ = inspection.to_string();
        for finding in &inspection.findings {
            prop_assert!(finding.position <= inspection.decoded.characters);
        }
    }

    /// One altered character anywhere is always noticed.
    #[test]
    fn no_altered_character_goes_unnoticed(at in 0usize..165, other in "[ -~ក]") {
        let good = shop().with_amount(Amount::from_minor(100), NOW, FAR).encode().expect("valid");
        let mut changed = good.clone();
        changed.replace_range(at..=at, &other);
        prop_assert_eq!(judge(&changed, NOW).is_empty(), changed == good);
    }

    /// Everything that can be built is right, and decodes to its inputs.
    #[test]
    fn what_is_built_is_right(
        name in "[ -~ក-ឳ]{1,25}", bill in "[ -~]{0,25}", minor in 1i64..=999_999_999_999,
        khr in any::<bool>(), life in 0i64..1_000_000_000,
    ) {
        let currency = if khr { Currency::Khr } else { Currency::Usd };
        let payload = Payload { name: name.clone().into(), bill_number: bill.clone().into(), currency, ..shop() };
        let qr = payload.with_amount(Amount::from_minor(minor), NOW, NOW.plus(life)).encode();
        let qr = qr.map_err(|finding| TestCaseError::fail(finding.to_string()))?;
        let decoded = decode(&qr);
        prop_assert_eq!(decoded.value("merchantName"), Some(name.as_str()));
        prop_assert_eq!(decoded.value("billNumber").unwrap_or_default(), bill);
        let amount = Amount::parse(decoded.amount.as_deref().unwrap_or_default(), currency);
        prop_assert_eq!(amount, Ok(Amount::from_minor(minor)));
        prop_assert_eq!(decoded.expires, Some(NOW.plus(life)));
    }
}
