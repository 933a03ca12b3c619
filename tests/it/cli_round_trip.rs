//! A merchant in shell: keys from the command line, signatures by openssl, requests by curl, against the running
//! binary. Nothing of ours but the binary takes part.

use serde_json::{Value, json};

use crate::binary::{Gateway, has_tool, run, run_with, tool};

const ID: [&str; 2] = ["C0000143", "CT03000003"];

struct Merchant {
    gateway: Gateway,
    dir: tempfile::TempDir,
}

impl Merchant {
    /// A gateway, and the merchant's private key as openssl has it; `None` where the tools are not there.
    fn new() -> Option<Self> {
        if !(has_tool("openssl") && has_tool("curl")) {
            return None;
        }
        let merchant =
            Self { gateway: Gateway::start(&[]), dir: tempfile::tempdir().expect("a directory") };
        let exported = run(&["keys", "export", "--merchant", ID[0], "--private"]).ok();
        let der =
            format!("openssl base64 -d -A | openssl pkey -inform DER -out {}", merchant.key());
        tool("sh", &["-c", &der], exported.trim_end()).ok();
        Some(merchant)
    }

    fn key(&self) -> String {
        self.dir.path().join("key.pem").display().to_string()
    }

    /// The signature of a string, made by openssl.
    fn sign(&self, canonical: &str) -> String {
        let script = format!("openssl dgst -sha256 -sign {} | openssl base64 -A", self.key());
        tool("sh", &["-c", &script], canonical).ok()
    }

    /// Posts with curl; gives HTTP status and answer.
    fn post(&self, path: &str, body: &str) -> (u16, Value) {
        let url = format!("{}{path}", self.gateway.url);
        let args = ["-sS", "--max-time", "60", "-w", "\n%{http_code}", "--data-binary", "@-", &url];
        let printed = tool("curl", &args, body).ok();
        let (answer, status) = printed.rsplit_once('\n').expect("the status in the last line");
        (status.parse().expect("a number"), serde_json::from_str(answer).expect("JSON"))
    }

    fn register(&self, tx: &str) {
        let body = json!({
            "merchantId": ID[0], "termId": ID[1], "txId": tx, "trt": "10", "currency": "USD",
            "amount": "1.00", "paymentMethod": "CREDIT_DEBIT",
        });
        let (status, answer) = self.post("/pg/order/register", &body.to_string());
        assert_eq!((status, &answer["resultCode"]), (200, &json!("0000")), "{answer}");
    }

    /// Plays the payer through the control plane; says whether that could be done at all.
    fn pay(&self, tx: &str) -> bool {
        let url = format!("{}/_sim/v1/orders/{}/{tx}/pay", self.gateway.control_url, ID[0]);
        let args = ["-sS", "--max-time", "60", "-H", "content-type: application/json", "-d", "{}"];
        let printed = tool("curl", &[&args[..], &[&url]].concat(), "").ok();
        serde_json::from_str::<Value>(&printed).is_ok()
    }

    /// A refund with the signature that openssl makes over the documented recipe's string.
    fn refund_body(&self, tx: &str) -> String {
        let sign = self.sign(&format!("merchantId={}&termId={}&txId={tx}", ID[0], ID[1]));
        format!(
            r#"{{"sign":"{sign}","txId":"{tx}","merchantId":"{}","termId":"{}"}}"#,
            ID[0], ID[1]
        )
    }

    fn refund(&self, body: &str) -> Value {
        let (status, answer) = self.post("/pg/refund", body);
        assert_eq!(status, 200, "{answer}");
        answer
    }

    /// The code that the profile answers a refund with for `reason`.
    fn code(reason: &str) -> String {
        let table = run(&["profile", "reasons"]).ok();
        let row = table.lines().find(|line| line.starts_with(reason)).expect("a reason");
        row.split_whitespace().nth(1).expect("a code").to_owned()
    }
}

#[test]
fn a_signature_by_openssl_is_taken_and_a_tampered_one_is_explained() {
    let Some(merchant) = Merchant::new() else { return };
    merchant.register("T1");
    let (status, answer) = merchant.post(
        "/pg/transaction/status",
        &json!({ "merchantId": ID[0], "termId": ID[1], "txId": "T1", "amount": "1.00", "currency": "USD" })
            .to_string(),
    );
    // Not paid yet, which PAYON tells by 302.
    assert_eq!((status, &answer["resultCode"]), (302, &json!("9999")), "{answer}");

    let right = merchant.refund_body("T1");
    // The signature is right: what is wrong is that nothing was paid.
    let refused = merchant.refund(&right);
    let code = refused["resultCode"].as_str().expect("a code").to_owned();
    assert_eq!(code, Merchant::code("order.pending"), "{refused}");
    assert_ne!(code, Merchant::code("sign.invalid"));

    merchant.register("T2");
    let tampered = right.replace("\"T1\"", "\"T2\"");
    assert_eq!(merchant.refund(&tampered)["resultCode"], Merchant::code("sign.invalid"));
    let verify = ["verify", "--merchant", ID[0], "--operation", "refund"];
    assert_eq!(run_with(&verify, &right).code, Some(0));
    let explained = run_with(&verify, &tampered);
    assert_eq!(explained.code, Some(1));
    for part in ["a valid signature by this merchant's private key", "txId=T2"] {
        assert!(explained.out.contains(part), "{}", explained.out);
    }

    // Signed with the right key in the wrong order.
    let sign = merchant.sign("txId=T1&merchantId=C0000143&termId=CT03000003");
    let body =
        format!(r#"{{"sign":"{sign}","txId":"T1","merchantId":"{}","termId":"{}"}}"#, ID[0], ID[1]);
    assert_eq!(merchant.refund(&body)["resultCode"], Merchant::code("sign.invalid"));
    let explained = run_with(&verify, &body);
    assert_eq!(explained.code, Some(1));
    for part in ["in the order of the body", "signed instead:\n  txId=T1&merchantId="] {
        assert!(explained.out.contains(part), "{part} is not in {}", explained.out);
    }

    let unsigned = json!({ "txId": "T1", "merchantId": ID[0], "termId": ID[1] }).to_string();
    assert_eq!(merchant.refund(&unsigned)["resultCode"], Merchant::code("sign.missing"));
    assert_eq!(merchant.gateway.stop().code, Some(0));
}

#[test]
fn a_paid_order_is_refunded_once_by_a_signature_of_openssl() {
    let Some(merchant) = Merchant::new() else { return };
    merchant.register("T1");
    if !merchant.pay("T1") {
        println!("skipped: this build has no control plane that plays the payer");
        return;
    }
    let body = json!({ "merchantId": ID[0], "termId": ID[1], "txId": "T1" }).to_string();
    let (status, answer) = merchant.post("/pg/transaction/status", &body);
    assert_eq!((status, &answer["resultCode"]), (200, &json!("0000")), "{answer}");
    assert_eq!(answer["resultData"]["txStCd"], "COMPLETE", "{answer}");

    let right = merchant.refund_body("T1");
    let tampered = right.replacen("\"sign\":\"", "\"sign\":\"A", 1);
    assert_eq!(merchant.refund(&tampered)["resultCode"], Merchant::code("sign.invalid"));
    let refunded = merchant.refund(&right);
    assert_eq!((&refunded["resultCode"], &refunded["txId"]), (&json!("0000"), &json!("T1")));
    let again = merchant.refund(&right);
    assert_eq!(again["resultCode"], Merchant::code("state.already-refunded"), "{again}");
}
