//! Scenarios of `serve`: armed at the start, and armed anew while it runs.

use serde_json::Value;

use crate::binary::{Gateway, run, tool, until};

fn rule(id: &str, status: u16) -> String {
    format!("  - {{ id: {id}, when: {{ operation: status }}, then: [{{ status: {status} }}] }}\n")
}

fn scenario(rules: &[String]) -> String {
    format!("version: 1\nid: MINE\ntitle: Mine\nrules:\n{}", rules.concat())
}

fn armed(gateway: &Gateway) -> Vec<String> {
    let (_, body) = gateway.get("/_sim/v1/rules");
    let rules: Value = serde_json::from_str(&body).unwrap();
    let ids = rules["rules"].as_array().unwrap().iter();
    ids.map(|rule| rule["id"].as_str().unwrap().to_owned()).collect()
}

fn reload(gateway: &Gateway) -> (u16, Value) {
    let (status, body) = gateway.post("/_sim/v1/reload", "{}");
    (status, serde_json::from_str(&body).unwrap())
}

const ORDER: &str = r#"{"merchantId":"C0000143","termId":"CT03000003","txId":"T1","trt":"10","currency":"USD","amount":"1.00","paymentMethod":"CREDIT_DEBIT"}"#;

#[test]
fn a_call_arms_what_the_files_say_now_and_mistakes_change_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("mine.yaml");
    let write = |text: &str| std::fs::write(&file, text).unwrap();
    write(&scenario(&[rule("a", 500), rule("b", 501)]));
    let gateway =
        Gateway::start(&["--scenario", dir.path().to_str().unwrap(), "--scenario", "S014"]);
    assert_eq!(armed(&gateway), ["a", "b", "lose-the-answer"]);
    gateway.post("/pg/order/register", ORDER);
    let own = "[{\"id\":\"own\",\"when\":{\"operation\":\"status\"},\"then\":[{\"status\":418}]}]";
    assert_eq!(gateway.post("/_sim/v1/rules", own).0, 200);

    write(&scenario(&[rule("c", 502), rule("a", 503)]));
    let (status, changes) = reload(&gateway);
    assert_eq!(status, 200, "{changes}");
    assert_eq!(
        (&changes["added"], &changes["removed"], &changes["changed"]),
        (&serde_json::json!(["c"]), &serde_json::json!(["b"]), &serde_json::json!(["a"]))
    );
    assert_eq!(armed(&gateway), ["c", "a", "lose-the-answer", "own"]);
    assert_eq!(gateway.get("/_sim/v1/orders/C0000143/T1").0, 200, "the ledger stays");

    write(&(scenario(&[rule("d", 500)]) + "  - { id: e, wen: {} }\n"));
    let (status, problem) = reload(&gateway);
    assert_eq!(status, 400, "{problem}");
    assert_eq!(problem["mistakes"][0]["line"], 6);
    assert!(problem["mistakes"][0]["file"].as_str().unwrap().ends_with("mine.yaml"), "{problem}");
    assert!(problem["detail"].as_str().unwrap().contains("mine.yaml:6:"), "{problem}");
    std::fs::write(dir.path().join("other.yaml"), "version: 2\n").unwrap();
    let (_, problem) = reload(&gateway);
    let mistakes = problem["mistakes"].as_array().unwrap();
    let of = |file: &str| {
        mistakes.iter().filter(|it| it["file"].as_str().unwrap().ends_with(file)).count()
    };
    assert!(of("mine.yaml") > 0 && of("other.yaml") > 0, "{problem}");
    assert_eq!(armed(&gateway), ["c", "a", "lose-the-answer", "own"]);
    gateway.stop();
}

#[test]
fn a_signal_arms_the_files_anew() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("mine.yaml");
    std::fs::write(&file, scenario(&[rule("a", 500)])).unwrap();
    let gateway = Gateway::start(&["--scenario", file.to_str().unwrap()]);
    std::fs::write(&file, scenario(&[rule("b", 500)])).unwrap();
    tool("kill", &["-HUP", &gateway.pid().to_string()], "").ok();
    until("the new rule", || (armed(&gateway) == ["b"]).then_some(()));
    gateway.until_logged("scenarios read again");
    gateway.stop();
}

#[test]
fn files_that_change_are_armed_by_themselves() {
    let dir = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(dir.path().join(name), text).unwrap();
    write("a.yaml", &scenario(&[rule("a", 500)]));
    let gateway = Gateway::start(&["--watch", "--scenario", dir.path().to_str().unwrap()]);
    write("b.yaml", &scenario(&[rule("b", 500)]));
    until("the new file's rule", || (armed(&gateway) == ["a", "b"]).then_some(()));
    write("b.yaml", "version: 1\nrules: [\n");
    gateway.until_logged("b.yaml:");
    assert_eq!(armed(&gateway), ["a", "b"]);
    std::fs::remove_file(dir.path().join("b.yaml")).unwrap();
    until("the rule to go", || (armed(&gateway) == ["a"]).then_some(()));
    gateway.stop();
}

#[test]
fn another_file_behind_the_same_link_is_seen() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name);
    for (folder, id) in [("..1", "a"), ("..2", "b")] {
        std::fs::create_dir(path(folder)).unwrap();
        let file = path(folder).join("mine.yaml");
        std::fs::write(&file, scenario(&[rule(id, 500)])).unwrap();
        // The same length, written at the same time.
        tool("touch", &["-d", "2026-01-01", file.to_str().unwrap()], b"").ok();
    }
    let link = |from: &str, to: &str| std::os::unix::fs::symlink(from, path(to)).unwrap();
    link("..1", "..data");
    link("..data/mine.yaml", "mine.yaml");
    let gateway = Gateway::start(&["--watch", "--scenario", dir.path().to_str().unwrap()]);
    assert_eq!(armed(&gateway), ["a"]);
    link("..2", "..new");
    std::fs::rename(path("..new"), path("..data")).unwrap();
    until("the other file's rule", || (armed(&gateway) == ["b"]).then_some(()));
    std::fs::write(path("..2/mine.yaml"), scenario(&[rule("c", 500)])).unwrap();
    tool("touch", &["-d", "2026-01-01", path("..2/mine.yaml").to_str().unwrap()], b"").ok();
    until("the file's new rule", || (armed(&gateway) == ["c"]).then_some(()));
    gateway.stop();
}

#[test]
fn a_server_does_not_start_with_mistakes() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("mine.yaml");
    std::fs::write(&file, "version: 1\nid: MINE\ntitel: x\n").unwrap();
    let ended = run(&["serve", "--port", "0", "--scenario", file.to_str().unwrap()]);
    assert_eq!(ended.code, Some(2));
    assert!(ended.err.contains("mine.yaml:3:1"), "{}", ended.err);
    let ended = run(&["serve", "--port", "0", "--scenario", "S999"]);
    assert_eq!(ended.code, Some(2));
    assert!(ended.err.contains("payon-sim scenarios"), "{}", ended.err);
}
