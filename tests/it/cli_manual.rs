//! `payon-sim --version`, `completions` and `man`.

use std::fs;

use serde_json::Value;

use crate::binary::{Gateway, has_tool, run, tool};

#[test]
fn the_version_on_the_command_line_and_of_a_server_name_the_same_commit() {
    let gateway = Gateway::start(&[]);
    let (status, body) = gateway.get("/_sim/version");
    assert_eq!(status, 200, "{body}");
    let served: Value = serde_json::from_str(&body).unwrap();
    let number = served["version"].as_str().unwrap();
    let expected = match served["build"].get("commit").expect("a member") {
        Value::Null => format!("payon-sim {number}\n"),
        commit => format!("payon-sim {number} ({})\n", commit.as_str().unwrap()),
    };
    assert_eq!(run(&["--version"]).out, expected);
}

#[test]
fn the_completions_are_scripts_that_their_shells_read() {
    for shell in ["bash", "zsh", "fish"] {
        let ended = run(&["completions", shell]);
        assert_eq!(ended.code, Some(0), "{}", ended.err);
        for word in ["explain", "keys", "merchant", "ready-file"] {
            assert!(ended.out.contains(word), "{word} for {shell}");
        }
        if shell == "bash" && has_tool("bash") {
            let asks = "COMP_WORDS=(payon-sim keys exp); COMP_CWORD=2; _payon__sim payon-sim exp keys; echo ${COMPREPLY[*]}";
            let ended = tool("bash", &["-s"], format!("{}\n{asks}\n", ended.out));
            assert_eq!((ended.out.as_str(), ended.err.as_str()), ("export\n", ""));
        }
    }
    assert_eq!(run(&["completions", "tcsh"]).code, Some(2));
}

#[test]
fn the_manual_has_a_page_for_each_command() {
    let dir = tempfile::tempdir().unwrap();
    let into = dir.path().join("man1");
    let ended = run(&["man", into.to_str().unwrap()]);
    assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""));
    let page = |name: &str| fs::read_to_string(into.join(name)).unwrap();
    let first = page("payon-sim.1");
    let verbs: Vec<_> = first
        .lines()
        .filter_map(|line| line.strip_prefix("payon\\-sim\\-")?.strip_suffix("(1)"))
        .collect();
    assert!(verbs.len() > 15, "{first}");
    for verb in verbs {
        page(&format!("payon-sim-{}.1", verb.replace('\\', "")));
    }
    let serve = page("payon-sim-serve.1");
    assert!(serve.contains("PAYON_SIM_PORT"), "{serve}");

    let file = dir.path().join("file");
    fs::write(&file, "").unwrap();
    let ended = run(&["man", file.to_str().unwrap()]);
    assert_eq!(ended.code, Some(2));
    assert!(ended.err.contains("cannot write the manual to"), "{}", ended.err);
}
