//! `payon-sim sign`, `verify` and `keys`: what integrators and their scripts hold in their hands.

use serde_json::Value;

use crate::binary::{Ended, Gateway, has_tool, profile_with, run, run_with, tool};

const MERCHANT: &[&str] = &["--merchant", "C0000143"];

fn sign(body: &str) -> String {
    run_with(&[&["sign"], MERCHANT].concat(), body).ok()
}

fn verify(body: &str) -> Ended {
    run_with(&[&["verify", "--operation", "refund"], MERCHANT].concat(), body)
}

/// A body with numbers, letters and layout that a rewriting tool would change.
const BODY: &str = "{\n  \"txId\" : \"T-1\",\r\n  \"amount\": 1.00, \"big\":12345678901234567890.10,\t\"exp\":1e2,\n  \"name\": \"ហាងកាហ្វេ \\u1780\\n\\\"}\\/\",\n  \"none\": null\n}\n";

#[test]
fn a_body_is_signed_and_nothing_else_in_it_changes() {
    let signed = sign(BODY);
    let start = BODY.trim_end().len() - "\n}".len();
    assert_eq!(&signed[..start], &BODY[..start]);
    assert!(signed[start..].starts_with(",\n  \"sign\":\""), "{signed}");
    assert!(signed.ends_with("==\"\n}\n"), "{signed}");
    assert_eq!(verify(&signed).code, Some(0));
    // Signing again puts the same signature in the same place.
    assert_eq!(sign(&signed), signed);
    assert_eq!(sign(&signed.replace("==\"\n}", "\"\n}")), signed);
}

#[test]
fn the_canonical_string_is_printed_without_anything_after_it() {
    let canonical = run_with(&[&["sign", "--canonical"], MERCHANT].concat(), BODY).ok();
    assert_eq!(
        canonical,
        "amount=1.00&big=12345678901234567890.10&exp=1e2&name=ហាងកាហ្វេ ក\n\"}/&txId=T-1"
    );
    let signature = run_with(&[&["sign", "--only-signature"], MERCHANT].concat(), BODY).ok();
    let signed: Value = serde_json::from_str(&sign(BODY)).unwrap();
    assert_eq!(signed["sign"].as_str(), Some(signature.trim_end()));
}

#[test]
fn a_signature_that_does_not_stand_is_explained() {
    let signed = sign(r#"{"txId":"T-1","amount":1.00}"#);
    let ended = verify(&signed.replace("1.00", "1"));
    assert_eq!(ended.code, Some(1));
    for part in [
        "The signature is refused: ",
        "  amount=1&txId=T-1\n",
        "signed instead:\n  amount=1.00&txId=T-1\n",
        "they part at character 9: \"amount=1&txId=T-1\" against \"amount=1.00&txId=T-1\"",
        "sign was made with its private half",
    ] {
        assert!(ended.out.contains(part), "{part} is not in {}", ended.out);
    }
    // The key is the right one, so another one is no cause.
    let other_key = "a running gateway may hold another key for this merchant";
    assert!(!ended.out.contains(other_key), "{}", ended.out);
    let of_another = ["sign", "--merchant", "EPAY00000000001", "--operation", "refund"];
    let ended = verify(&run_with(&of_another, r#"{"txId":"T-1"}"#).ok());
    assert_eq!(ended.code, Some(1));
    assert!(ended.out.contains(other_key) && ended.out.contains("--url URL"), "{}", ended.out);
}

#[test]
fn a_body_of_another_merchant_is_refused_as_the_gateway_refuses_it() {
    let gateway = Gateway::start(&["--quiet"]);
    let body = r#"{"txId":"T-1","merchantId":"O0000021","termId":"OW04000007","amount":1.00}"#;
    let at_gateway = ["--url", gateway.url.as_str()];
    for side in [&[][..], &at_gateway] {
        let signed = run_with(&[&["sign"], MERCHANT, side].concat(), body);
        assert!(
            signed.err.contains("warning: the body names the merchant \"O0000021\""),
            "{signed:?}"
        );
        let signed = signed.ok();
        let (_, told) = gateway.post("/pg/refund", &signed);
        assert!(told.contains("\"2102\""), "{told}");
        let told =
            run_with(&[&["verify", "--operation", "refund"], MERCHANT, side].concat(), &signed);
        assert_eq!(told.code, Some(1), "{told:?}");
        let says = "The signature is refused: the body names the merchant \"O0000021\"";
        assert!(told.out.starts_with(says), "{}", told.out);
    }
    let own = sign(r#"{"txId":"T-1","merchantId":"C0000143","amount":1.00}"#);
    assert_eq!(verify(&own).code, Some(0));
}

#[test]
fn what_cannot_be_seen_is_shown() {
    let key = run(&[&["keys", "export", "--private", "--pem"], MERCHANT].concat()).ok();
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("key.pem");
    std::fs::write(&path, key).unwrap();
    if !has_tool("openssl") {
        return;
    }
    // A line feed at the end: echo in place of printf.
    let script = format!(
        "echo 'amount=1.00&txId=T-1' | openssl dgst -sha256 -sign {} | openssl base64 -A",
        path.display()
    );
    let signature = tool("sh", &["-c", &script], b"").ok();
    let ended = verify(&format!(r#"{{"txId":"T-1","amount":1.00,"sign":"{signature}"}}"#));
    assert_eq!(ended.code, Some(1));
    assert!(ended.out.contains("signed instead:\n  amount=1.00&txId=T-1<LF>\n"), "{}", ended.out);
}

#[test]
fn an_explanation_is_json_for_machines() {
    let args = [&["verify", "--operation", "refund", "--json"], MERCHANT].concat();
    let foreign = run_with(&["sign", "--merchant", "O0000021"], r#"{"txId":"T-1"}"#).ok();
    let ended = run_with(&args, foreign);
    assert_eq!((ended.code, ended.err.as_str()), (Some(1), ""));
    let explanation: Value = serde_json::from_str(&ended.out).unwrap();
    assert_eq!(explanation["ok"], false);
    assert_eq!(explanation["canonical"], "txId=T-1");
    let message = explanation["causes"][0]["message"].as_str().unwrap();
    assert!(message.contains("the key of merchant O0000021"), "{message}");
}

#[test]
fn an_operation_without_signature_is_noted() {
    let args = [&["sign", "--operation", "status"], MERCHANT].concat();
    let ended = run_with(&args, "{}");
    assert_eq!(
        ended.err,
        "note: signed with the key that the profile pgtest has for merchant C0000143\n\
         note: status does not look at sign for merchant C0000143\n"
    );
    assert!(ended.out.starts_with(r#"{"sign":""#), "{}", ended.out);
}

#[test]
fn bodies_and_merchants_that_are_none_end_with_2() {
    let signing = |merchant: &str, body: &str| run_with(&["sign", "--merchant", merchant], body);
    for (merchant, body, part) in [
        ("C0000143", "", "the body is empty"),
        ("C0000143", "[1]", "JSON of another kind"),
        ("C0000143", "{\"pin\":\"123456\"", "ends in the middle"),
        ("nobody", "{}", "no merchant \"nobody\"; it has C0000143, "),
    ] {
        let ended = signing(merchant, body);
        assert_eq!((ended.code, ended.out.as_str()), (Some(2), ""), "{part}");
        assert!(ended.err.starts_with("error: ") && ended.err.contains(part), "{}", ended.err);
        assert!(!ended.err.contains("123456"), "{}", ended.err);
    }
    let ended = run_with(&["verify", "--merchant", "C0000143", "--operation", "refnd"], "{}");
    assert_eq!(ended.code, Some(2));
    for part in ["did you mean `refund`?", "allowed: register, reversal, refund"] {
        assert!(ended.err.contains(part), "{}", ended.err);
    }
}

#[test]
fn keys_are_one_line_of_der_or_pem_and_test_keys_are_called_so() {
    let export = |more: &[&str]| run(&[&["keys", "export"], more].concat());
    let public = export(MERCHANT);
    assert_eq!(
        public.err,
        "note: the public key of merchant C0000143, as the profile pgtest has it\n"
    );
    assert_eq!(public.out.lines().count(), 1);
    let private = export(&[MERCHANT, &["--private"]].concat());
    assert!(private.err.contains("test key"), "{}", private.err);
    assert_eq!(private.out.lines().count(), 1);
    assert_eq!(run_with(&["keys", "public"], &private.out).ok(), public.out);
    let pem = export(&[MERCHANT, &["--private", "--pem"]].concat()).ok();
    assert!(pem.starts_with("-----BEGIN PRIVATE KEY-----\n"), "{pem}");
    assert_eq!(run_with(&["keys", "public"], &pem).ok(), public.out);
    let gateway = export(&["--gateway", "--pem"]).ok();
    assert!(gateway.starts_with("-----BEGIN PUBLIC KEY-----\n"), "{gateway}");
    let neither = export(&[]);
    assert_eq!(neither.code, Some(2));
    assert!(neither.err.contains("--merchant <ID>|--gateway"), "{}", neither.err);
    assert_eq!(export(&[MERCHANT, &["--gateway"]].concat()).code, Some(2));
}

#[test]
fn a_merchant_without_private_key_says_where_that_would_be() {
    let dir = profile_with("keys.toml", &[]);
    let path = dir.path().join("keys.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    let (before, row) = text.split_once("name = \"C0000143\"").unwrap();
    let (own, rest) = row.split_once("private = \"").unwrap();
    let rest = rest.split_once('\n').unwrap().1;
    std::fs::write(&path, format!("{before}name = \"C0000143\"{own}{rest}")).unwrap();
    let profile = ["--profile", dir.path().to_str().unwrap()];
    let ended = run(&[&["keys", "export", "--private"], MERCHANT, &profile].concat());
    assert_eq!(ended.code, Some(2));
    assert!(ended.err.contains("only the public key of merchant C0000143"), "{}", ended.err);
    let ended = run_with(&[&["sign"], MERCHANT, &profile].concat(), "{}");
    assert_eq!(ended.code, Some(2));
    assert!(ended.err.contains("give it `private` in keys.toml"), "{}", ended.err);
}

#[test]
fn keys_of_every_format_are_made_and_recognised() {
    let row = |text: &str, name: &str| {
        let line = text.lines().find(|line| line.starts_with(name)).expect(name);
        line.split_whitespace().skip(1).collect::<Vec<_>>().join(" ")
    };
    let weak = run(&["keys", "generate", "--bits", "1024"]);
    assert_eq!(weak.err, "note: 1024 bits are weak; use 2048 or more\n");
    let said = run_with(&["keys", "inspect"], &weak.out).ok();
    assert_eq!(row(&said, "format"), "PKCS#8 private key, Base64 of DER");
    assert_eq!(row(&said, "bits"), "1024, weak: use 2048 bits or more");
    assert_eq!(row(&said, "halves"), "private and public");
    let key = run(&["keys", "generate", "--pem"]);
    assert_eq!(key.err, "");
    let said = run_with(&["keys", "inspect"], &key.out).ok();
    assert_eq!(row(&said, "format"), "PKCS#8 private key, PEM");
    assert_eq!(row(&said, "bits"), "2048, strong enough");
    let fingerprint = row(&said, "fingerprint");
    if has_tool("openssl") {
        for (args, format) in [
            (&["rsa", "-traditional"][..], "PKCS#1 private key, PEM"),
            (&["rsa", "-pubout"], "SubjectPublicKeyInfo, PEM"),
            (&["rsa", "-RSAPublicKey_out"], "PKCS#1 public key, PEM"),
            (
                &["req", "-x509", "-key", "/dev/stdin", "-subj", "/CN=shop"],
                "X.509 certificate, PEM",
            ),
        ] {
            let converted = tool("openssl", args, &key.out).ok();
            let said = run_with(&["keys", "inspect"], converted).ok();
            assert_eq!(row(&said, "format"), format);
            assert_eq!(row(&said, "fingerprint"), fingerprint);
        }
    }
    for (text, part) in [("hello", "neither PEM nor Base64"), ("", "the key is empty")] {
        let ended = run_with(&["keys", "inspect"], text);
        assert_eq!(ended.code, Some(2));
        assert!(ended.err.contains(part), "{}", ended.err);
    }
    let ended = run(&["keys", "generate", "--bits", "512"]);
    assert_eq!(ended.code, Some(2));
    assert_eq!(ended.err, "error: --bits: the key has 512 bits; at least 1024 are needed\n");
}

#[test]
fn text_in_another_encoding_is_named_on_the_standard_input() {
    let utf16 = |text: &str| -> Vec<u8> {
        [0xfeff].into_iter().chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect()
    };
    let key = crate::binary::run(&["keys", "export", "--gateway", "--pem"]).ok();
    let body = utf16(r#"{"txId":"1"}"#);
    for (args, input) in [
        (&["keys", "inspect"][..], utf16(&key)),
        (&["keys", "public"], utf16(&key)),
        (&["link", "--merchant", "C0000143"], body.clone()),
        (&["sign", "--merchant", "C0000143"], body.clone()),
        (&["sign", "infer", "-", "--merchant", "C0000143"], body),
    ] {
        let told = crate::binary::run_with(args, &input);
        assert_eq!(told.code, Some(2), "{args:?}: {}", told.err);
        assert!(told.err.contains("UTF-16"), "{args:?}: {}", told.err);
        assert!(!told.err.contains("DER"), "{args:?}: {}", told.err);
    }
    let packed = crate::binary::run_with(&["link", "--merchant", "C0000143"], b"\x1f\x8b\x08\0");
    assert!(packed.err.contains("gzip"), "{}", packed.err);
}
