//! `payon-sim sign infer`, as a user tries it: files in, a table out.

use std::path::Path;

use serde_json::Value;

use crate::binary::{Ended, events, has_tool, payon_sim, profile_with, run, run_with, tool};

const MERCHANT: &[&str] = &["--merchant", "C0000143"];

/// A folder with files of these contents.
fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for (name, text) in files {
        std::fs::write(dir.path().join(name), text).unwrap();
    }
    dir
}

/// Infers within `dir`, so that names of files in the answer are short.
fn infer(dir: &Path, args: &[&str]) -> Ended {
    let mut command = payon_sim(&[&["sign", "infer"], args].concat());
    command.current_dir(dir);
    events(command, b"")
}

fn signed(body: &str) -> String {
    run_with(&[&["sign"], MERCHANT].concat(), body).ok()
}

/// A body with something of everything, so that nothing is left open but what cannot be seen.
const BODY: &str = r#"{"txId":"2435","merchantId":"C0000143","termId":"CT03000003","amount":1.50,"Memo":"a b/ខ","note":null,"ref":""}"#;

#[test]
fn the_table_goes_into_a_profile_that_then_signs_and_verifies_so() {
    let secret = "s3cr3t-Of-Test-0001";
    // MD5 of the sorted pairs and the key, as several gateways of the region do.
    let Some((sample, other)) = has_tool("openssl").then(|| {
        let make = |tx: &str| {
            let string = format!("amount=1.00&termId=T1&txId={tx}&key={secret}");
            let digest = tool("openssl", &["dgst", "-md5", "-r"], string).ok();
            let sign = digest.split(' ').next().unwrap().to_uppercase();
            format!(r#"{{"txId":"{tx}","termId":"T1","amount":"1.00","sign":"{sign}"}}"#)
        };
        (make("1001"), make("1002"))
    }) else {
        return;
    };
    let dir = folder(&[("sample.json", &sample), ("secret.txt", &format!("{secret}\n"))]);
    let ended = infer(dir.path(), &["sample.json", "--secret-file", "secret.txt"]);
    let out = ended.ok();
    assert!(!out.contains(secret), "{out}");
    assert!(out.contains("signed  amount=1.00&termId=T1&txId=1001&key=<key>\n"), "{out}");
    let (_, table) = out.split_once("[sign]\n").unwrap();
    let (table, _) = table.split_once("\n\n").unwrap();
    assert!(table.contains("suffix = \"&key={key}\""), "{table}");

    let profile = profile_with("keys.toml", &[]);
    let path = profile.path().join("profile.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    let (before, rest) = text.split_once("[sign]\n").unwrap();
    let (_, after) = rest.split_once("\n\n").unwrap();
    std::fs::write(&path, format!("{before}[sign]\n{table}\n\n{after}")).unwrap();
    let merchants = profile.path().join("merchants.toml");
    let text = std::fs::read_to_string(&merchants).unwrap();
    let text = text.replacen(
        "id = \"C0000143\"\n",
        &format!("id = \"C0000143\"\nsign_secret = \"{secret}\"\n"),
        1,
    );
    std::fs::write(&merchants, text).unwrap();
    let shown = profile.path().to_str().unwrap();
    run(&["profile", "check", shown]).ok();
    let with_profile = [MERCHANT, &["--profile", shown]].concat();
    let verify = [&["verify", "--operation", "refund"], &with_profile[..]].concat();
    assert_eq!(run_with(&verify, &other).code, Some(0));
    let tampered = run_with(&verify, other.replace("1.00", "1.01"));
    assert_eq!(tampered.code, Some(1));
    assert!(!tampered.out.contains(secret), "{}", tampered.out);
    let made = run_with(&[&["sign"], &with_profile[..]].concat(), &other).ok();
    assert_eq!(made, other);
    let canonical = run_with(&[&["sign", "--canonical"], &with_profile[..]].concat(), &other).ok();
    assert_eq!(canonical, "amount=1.00&termId=T1&txId=1002&key=<key>");
}

#[test]
fn recordings_give_samples_with_their_operation() {
    let body = signed(BODY);
    let har = serde_json::json!({"log": {"version": "1.2", "entries": [
        {"request": {"method": "GET", "url": "https://pg.example/", "headers": []}},
        {"request": {"method": "POST", "url": "https://pg.example/pg/transaction/status", "postData": {"text": "{\"txId\":\"1\"}"}}},
        {"request": {"method": "POST", "url": "https://pg.example/pg/refund", "postData": {"text": body}}},
    ]}});
    let second = signed(&BODY.replace("2435", "2436"));
    let curl = format!(
        "curl -s 'https://pg.example/pg/preAuthCompletion' \\\n  -H 'x: y' --data-raw '{second}'\n"
    );
    let dir = folder(&[("traffic.har", &har.to_string()), ("calls.sh", &curl)]);
    let args = [&["traffic.har", "calls.sh", "--format", "json"], MERCHANT].concat();
    let ended = infer(dir.path(), &args);
    let answer: Value = serde_json::from_str(&ended.ok()).unwrap();
    assert_eq!(answer["recipe"]["canonical"], "sorted-pairs");
    assert_eq!(answer["proofs"][0]["sample"], "traffic.har, entry 3");
    assert_eq!(answer["proofs"][1]["sample"], "calls.sh, command 1");
    assert_eq!(answer["samples"][0]["operation"], "refund");
    assert_eq!(answer["samples"][1]["operation"], "preAuthCompletion");
    assert!(answer["profile"].as_str().unwrap().starts_with("[sign]\n"));
    let notes = answer["notes"].to_string();
    assert!(notes.contains("traffic.har, entry 2: the body has no member sign"), "{notes}");
}

#[test]
fn what_is_not_found_is_said_with_all_that_is_certain() {
    let body = signed(r#"{"txId":"2435","termId":"T"}"#);
    let tampered = body.replace("2435", "2436");
    let dir = folder(&[("good.json", &body), ("tampered.json", &tampered)]);
    let bounded = |args: &[&str]| infer(dir.path(), &[args, &["--candidates", "20000"]].concat());

    // The key is right, and no string fits.
    let ended = bounded(&[&["tampered.json"], MERCHANT].concat());
    assert_eq!(ended.code, Some(1));
    for part in [
        "No recipe is found; the search ended at its limit",
        "its block is well-formed, with PKCS#1 v1.5 padding",
        "the digest in it is SHA-256: ",
        "Which exact string is signed for this request? Its SHA-256 digest is ",
    ] {
        assert!(ended.out.contains(part), "{part} is not in {}", ended.out);
    }
    // One of two samples is damaged.
    let ended = bounded(&[&["good.json", "tampered.json"], MERCHANT].concat());
    assert_eq!(ended.code, Some(1));
    assert!(ended.out.contains("fits some of the samples and not the others"), "{}", ended.out);
    assert!(!ended.out.contains("[sign]"), "{}", ended.out);
    // Another key, of the same size.
    let ended = bounded(&["good.json", "--merchant", "O0000021", "--format", "json"]);
    assert_eq!(ended.code, Some(1));
    let answer: Value = serde_json::from_str(&ended.out).unwrap();
    assert_eq!(answer["outcome"], "none");
    assert_eq!(answer["samples"][0]["keyFits"], false);
    // A shared secret where an RSA key signed.
    std::fs::write(dir.path().join("secret"), "x").unwrap();
    let ended = bounded(&["good.json", "--secret-file", "secret"]);
    assert_eq!(ended.code, Some(1));
    assert!(ended.out.contains("that is no code under a shared key"), "{}", ended.out);
    // A code that was cut to 64 bits proves too little.
    std::fs::write(dir.path().join("short.json"), r#"{"txId":"1","sign":"0123456789abcdef"}"#)
        .unwrap();
    let ended = bounded(&["short.json", "--secret-file", "secret"]);
    assert_eq!(ended.code, Some(1));
    assert!(ended.out.contains("sign has 8 bytes"), "{}", ended.out);
}

#[test]
fn mistakes_of_use_end_with_2() {
    let dir =
        folder(&[("plain.json", "{\"txId\":\"1\"}"), ("empty.pem", ""), ("notes.txt", "hello")]);
    for (args, part) in [
        (vec!["plain.json"], "give --key, --secret-file, --secret-env or --merchant"),
        (vec!["plain.json", "--merchant", "C0000143"], "plain.json: the body has no member sign"),
        (
            vec!["notes.txt", "--merchant", "C0000143"],
            "neither a JSON body, a HAR file nor a curl command line",
        ),
        (vec!["absent.json", "--merchant", "C0000143"], "cannot read absent.json"),
        (vec!["plain.json", "--key", "empty.pem"], "the key is empty"),
        (
            vec!["plain.json", "--secret-env", "NOT_SET_ANYWHERE"],
            "the variable NOT_SET_ANYWHERE holds no text",
        ),
        (vec!["--merchant", "C0000143"], "<SAMPLE>"),
    ] {
        let ended = infer(dir.path(), &args);
        assert_eq!((ended.code, ended.out.as_str()), (Some(2), ""), "{args:?}");
        assert!(ended.err.contains(part), "{part} is not in {}", ended.err);
    }
}

#[test]
fn secrets_of_the_body_are_masked_in_the_proof() {
    let body = signed(r#"{"txId":"1","wdlAcNo":"4012001037141112","wdlCvv":"207","pin":"123456"}"#);
    let dir = folder(&[("sample.json", &body)]);
    for format in ["text", "json"] {
        let args = [&["sample.json", "--format", format], MERCHANT].concat();
        let ended = infer(dir.path(), &args);
        let out = ended.ok();
        for secret in ["4012001037141112", "207&", "123456"] {
            assert!(!out.contains(secret), "{secret} in {out}");
        }
    }
}

/// Keys in the forms that the house reads, and live signatures of openssl.
#[test]
fn openssl_signs_and_the_recipe_is_found() {
    if !has_tool("openssl") {
        return;
    }
    let dir = folder(&[]);
    let path = |name: &str| dir.path().join(name).display().to_string();
    let private = run(&[&["keys", "export", "--private", "--pem"], MERCHANT].concat()).ok();
    std::fs::write(path("key.pem"), private).unwrap();
    let openssl = |args: &[&str], input: &[u8]| tool("openssl", args, input).ok();
    openssl(&["rsa", "-in", &path("key.pem"), "-pubout", "-out", &path("public.pem")], b"");
    openssl(
        &[
            "rsa",
            "-in",
            &path("key.pem"),
            "-pubout",
            "-outform",
            "DER",
            "-out",
            &path("public.der"),
        ],
        b"",
    );
    openssl(
        &[
            "req",
            "-x509",
            "-new",
            "-key",
            &path("key.pem"),
            "-subj",
            "/CN=t",
            "-out",
            &path("cert.pem"),
        ],
        b"",
    );
    let sign = |string: &str, options: &[&str]| {
        std::fs::write(path("string"), string).unwrap();
        let fixed = ["dgst", "-sign", &path("key.pem"), "-out", &path("signature")];
        openssl(&[&fixed[..], options, &[&path("string")]].concat(), b"");
        openssl(&["base64", "-A", "-in", &path("signature")], b"").trim().to_owned()
    };
    let pss = ["-sha384", "-sigopt", "rsa_padding_mode:pss", "-sigopt", "rsa_pss_saltlen:20"];
    for (key, string, options, algorithm, canonical) in [
        ("public.pem", "T1|1001|1.00", &["-sha1"][..], "RSA-SHA1", "ordered-values"),
        (
            "public.der",
            "amount=1.00&termId=T1&txId=1001",
            &["-sha512"],
            "RSA-SHA512",
            "sorted-pairs",
        ),
        ("cert.pem", "1001T11.00", &pss, "RSA-PSS-SHA384", "values"),
        (
            "key.pem",
            "{\"txId\":\"1001\",\"termId\":\"T1\",\"amount\":\"1.00\"}",
            &["-sha256"],
            "RSA-SHA256",
            "body",
        ),
    ] {
        let sign = sign(string, options);
        let body = format!(r#"{{"txId":"1001","termId":"T1","amount":"1.00","sign":"{sign}"}}"#);
        std::fs::write(path("sample.json"), body).unwrap();
        let ended = infer(dir.path(), &["sample.json", "--key", key, "--format", "json"]);
        let answer: Value = serde_json::from_str(&ended.ok()).unwrap();
        assert_eq!(answer["recipe"]["algorithm"], algorithm, "{string}");
        assert_eq!(answer["recipe"]["canonical"], canonical, "{string}");
    }
}
