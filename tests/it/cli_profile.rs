//! `payon-sim profile`, `fidelity` and `khqr`: looking things up and making things by hand.

use serde_json::Value;

use crate::binary::{profile_with, run, run_with};

#[test]
fn a_profile_is_written_out_checked_and_served_from() {
    let dir = tempfile::tempdir().unwrap();
    let shown = dir.path().join("mine");
    let shown = shown.to_str().unwrap();
    assert!(run(&["profile", "export", shown]).ok().contains(shown));
    assert!(run(&["profile", "check", shown]).ok().contains("no problem; profile pgtest"));
    let again = run(&["profile", "export", shown]);
    assert_eq!(again.code, Some(2));
    assert_eq!(
        again.err,
        format!(
            "error: cannot write the profile into {shown}: {shown}/profile.toml exists; nothing was written\n"
        )
    );
    let missing = run(&["profile", "check", "/nowhere/at/all"]);
    assert_eq!(missing.code, Some(2));
    assert!(
        missing.err.starts_with("/nowhere/at/all/profile.toml: is missing\n"),
        "{}",
        missing.err
    );
}

#[test]
fn an_overlay_stands_wherever_a_profile_does() {
    let dir = tempfile::tempdir().unwrap();
    let (overlay, scenario) = (dir.path().join("mine.toml"), dir.path().join("own.yaml"));
    std::fs::write(&overlay, "overlay = 1\n[settings]\n\"rules.order_lifetime_ms\" = 60000\n")
        .unwrap();
    // The scenario's own setting stands above the overlay's.
    let text = "version: 1\nid: own\ntitle: An order\nprofile: [{ key: rules.identical_register, value: refuse }]\ndrive: [register, advance: 2m, pay]\n\
        expect:\n  - order: { state: expired }\n";
    std::fs::write(&scenario, text).unwrap();
    let (overlay, scenario) = (overlay.to_str().unwrap(), scenario.to_str().unwrap());
    // With the overlay the payment is refused, which leaves the step unjudged.
    let judged = ["run", scenario, "--allow-unjudged"];
    assert_eq!(run(&judged).code, Some(1));
    let ended = run(&[&judged[..], &["--profile", overlay]].concat());
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let explored = ["explore", "--runs", "1", "--flow", "purchase", "--allow-unexplored"];
    let out = dir.path().join("out").display().to_string();
    let ended = run(&[&explored[..], &["--profile", overlay, "--out", &out]].concat());
    assert_eq!(ended.code, Some(0), "{ended:?}");
}

#[test]
fn the_check_reads_the_keys_too() {
    // Base64 of DER, as every start takes it, but on an elliptic curve.
    let curve = "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEaCQPxS1NW/H4+QbaQpsNZxWGKqiWbmNPox415SkJAx2mjhIMH0aj1SDEniUkQBUBPpIY39iPce7iejeZPQNoLA==";
    let dir = profile_with("keys.toml", &[]);
    let path = dir.path().join("keys.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    let (before, row) = text.split_once("name = \"O0000021\"").unwrap();
    let line = before.lines().count();
    let (own, rest) = row.split_once("private = \"").unwrap();
    let rest = rest.split_once("public = \"").unwrap().1.split_once('"').unwrap().1;
    let changed = format!("{before}name = \"O0000021\"{own}public = \"{curve}\"{rest}");
    std::fs::write(&path, changed).unwrap();
    let ended = run(&["profile", "check", dir.path().to_str().unwrap()]);
    assert_eq!(ended.code, Some(2));
    let expected = format!(
        "{}:{line}:1: `public` of key \"O0000021\": this is an elliptic-curve key; an RSA key is needed\n\n1 problem in the profile\n",
        path.display()
    );
    assert_eq!(ended.err, expected);
}

#[test]
fn reasons_and_cards_are_tables() {
    let reasons = run(&["profile", "reasons"]).ok();
    let cells = |line: &str| {
        line.split("  ")
            .filter(|cell| !cell.is_empty())
            .map(|cell| cell.trim().to_owned())
            .collect::<Vec<_>>()
    };
    let row = |name: &str| cells(reasons.lines().find(|line| line.starts_with(name)).expect(name));
    assert_eq!(row("success")[..5], ["success", "0000", "Success", "200", "D"]);
    assert!(
        reasons
            .lines()
            .any(|line| cells(line)
                == ["order.not-found", "9999", "System error", "302", "D", "status"]),
        "{reasons}"
    );
    let cards = run(&["profile", "cards"]).ok();
    let card = cards.lines().find(|line| line.starts_with("4000000000009995")).unwrap();
    assert_eq!(
        cells(card),
        [
            "4000000000009995",
            "visa",
            "203012",
            "123",
            "-",
            "frictionless",
            "card.insufficient-funds",
            "51",
            "Insufficient funds"
        ]
    );
}

#[test]
fn fidelity_says_whose_word_each_behaviour_is() {
    let all: Vec<Value> = serde_json::from_str(&run(&["fidelity", "--json"]).ok()).unwrap();
    let of = |mark: &str| all.iter().filter(|entry| entry["mark"] == mark).count();
    let table = run(&["fidelity"]).ok();
    for mark in ["D", "E", "A"] {
        assert!(of(mark) > 0);
        assert!(table.contains(&format!("\n{mark}: {} ", of(mark))), "{table}");
        let only = run(&["fidelity", "--mark", mark, "--json"]).ok();
        assert_eq!(serde_json::from_str::<Vec<Value>>(&only).unwrap().len(), of(mark));
    }
    // The line that is named holds the behaviour.
    let entry = all.iter().find(|entry| entry["key"] == "rules.otp_tries").unwrap();
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(root.join(entry["file"].as_str().unwrap())).unwrap();
    let line = usize::try_from(entry["line"].as_u64().unwrap()).unwrap();
    assert!(text.lines().nth(line - 1).unwrap().starts_with("otp_tries = "));
    assert_eq!(run(&["fidelity", "--mark", "X"]).code, Some(2));
}

#[test]
fn a_khqr_is_made_decoded_and_drawn() {
    let at = "2026-01-31T12:00:00+07:00";
    let make = |more: &[&str]| {
        run(&[&["khqr", "make", "--amount", "1.50", "--created", at], more].concat())
    };
    let qr = make(&["--merchant", "C0000143", "--bill-number", "INV-1"]).ok();
    assert!(qr.starts_with("000201010212") && qr.ends_with('\n'), "{qr}");
    let args = ["khqr", "decode", "--at", at];
    let said = run_with(&args, &qr).ok();
    for part in [
        "\"demo_store@ppcb\"",
        "\"1.50\"",
        "\"INV-1\"",
        "expires  2026-01-31T12:10:00.000+07:00",
        "\nvalid\n",
    ] {
        assert!(said.contains(part), "{part} is not in {said}");
    }
    let json = run(&["khqr", "decode", qr.trim_end(), "--at", at, "--json"]).ok();
    assert_eq!(serde_json::from_str::<Value>(&json).unwrap()["valid"], true);

    let late = run_with(&["khqr", "decode", "--at", "2026-01-31T12:11:00+07:00"], &qr);
    assert_eq!(late.code, Some(1));
    assert!(late.out.contains("  expired, SDK 46: "), "{}", late.out);
    let broken = run_with(&args, qr.replace("1.50", "1.51"));
    assert_eq!(broken.code, Some(1));
    assert!(broken.out.contains("crc.wrong"), "{}", broken.out);

    assert!(run_with(&["khqr", "draw"], &qr).ok().contains('▀'));
    let svg = run_with(&["khqr", "draw", "--svg"], &qr).ok();
    assert!(svg.starts_with("<svg ") && svg.ends_with("</svg>\n"), "{svg}");

    let person = make(&["--account", "sok@aclb", "--name", "Sok", "--currency", "khr"]);
    assert_eq!(person.code, Some(2));
    assert!(person.err.starts_with("error: --amount 1.50: has more decimals"), "{}", person.err);
    let person = run(&["khqr", "make", "--account", "sok@aclb", "--name", "Sok"]).ok();
    assert!(person.starts_with("000201010211") && person.contains("2912"), "{person}");
    let nameless = make(&["--account", "sok@aclb"]);
    assert_eq!(nameless.code, Some(2));
    let bad = run(&["khqr", "make", "--account", "sok", "--name", "Sok"]);
    assert_eq!(bad.code, Some(2));
    assert!(bad.err.contains("name@bank"), "{}", bad.err);
}

#[test]
fn the_page_in_the_docs_is_the_one_that_is_made_now() {
    let made = run(&["fidelity", "--markdown"]).ok();
    let kept = include_str!("../../docs/fidelity.md");
    assert_eq!(made, kept, "run: payon-sim fidelity --markdown > docs/fidelity.md");
}
