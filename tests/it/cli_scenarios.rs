//! `payon-sim check`, `schema` and `scenarios`.

use std::fs;
use std::os::unix::fs::symlink;

use serde_json::Value;

use crate::binary::{payon_sim, run, tool};

#[test]
fn every_mistake_of_every_file_is_told_with_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    fs::write(path("a.yaml"), "version: 1\nid: A\ntitle: t\nrules:\n  - id: r\n    when: { operation: stats }\n    then: []\n  - id: r2\n").unwrap();
    fs::write(path("b.json"), "{ \"version\": 2, \"id\": \"B\", \"title\": \"t\" }").unwrap();
    fs::write(path("c.txt"), "no scenario").unwrap();
    let told = run(&["check", folder.path().to_str().unwrap()]);
    assert_eq!(told.code, Some(2), "{}", told.out);
    for place in ["a.yaml:6:", "a.yaml:8:", "b.json:1:", "scenarios checked: 2, mistakes: 3"] {
        assert!(told.out.contains(place), "{place}: {}", told.out);
    }
    let missing = run(&["check", path("d.yaml").to_str().unwrap()]);
    assert_eq!(missing.code, Some(2));
}

#[test]
fn the_catalogue_is_listed_and_sound() {
    let listed = run(&["scenarios"]).ok();
    assert!(listed.lines().any(|line| line.starts_with("S014  Charged, but the answer was lost")));
    let catalogue = concat!(env!("CARGO_MANIFEST_DIR"), "/scenarios");
    let checked = run(&["check", catalogue]).ok();
    assert!(
        checked.contains(&format!(
            "checked: {}, mistakes: 0, warnings: 0",
            listed.lines().count() - 1
        ))
    );
    let schema: Value = serde_json::from_str(&run(&["schema"]).ok()).unwrap();
    assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
}

#[test]
fn the_page_of_scenarios_is_in_step() {
    let made = run(&["scenarios", "--markdown"]).ok();
    let kept = include_str!("../../docs/scenarios.md");
    assert_eq!(made, kept, "run: payon-sim scenarios --markdown > docs/scenarios.md");
}

#[test]
fn a_directory_gives_each_real_file_once_to_every_verb() {
    let folder = tempfile::tempdir().unwrap();
    let inside = folder.path().join("inside");
    fs::create_dir(&inside).unwrap();
    let path = |name: &str| inside.join(name);
    let scenario = "version: 1\nid: MINE\ntitle: Mine\nrules:\n  - { id: r, when: { operation: status }, then: [{ status: 500 }] }\n";
    // As a volume of Kubernetes looks from inside.
    fs::create_dir(path("..2026_11_28")).unwrap();
    fs::write(path("..2026_11_28/mine.yaml"), scenario).unwrap();
    symlink("..2026_11_28", path("..data")).unwrap();
    symlink("..data/mine.yaml", path("mine.yaml")).unwrap();
    // What editors and other systems leave.
    fs::write(path("._mine.yaml"), b"\0\x05\x16\x07").unwrap();
    symlink("me@host.1", path(".#mine.yaml")).unwrap();
    fs::create_dir(path(".git")).unwrap();
    fs::write(path(".git/other.yaml"), "no scenario").unwrap();
    // The same again, and round in circles.
    symlink("mine.yaml", path("again.yml")).unwrap();
    symlink(".", path("loop")).unwrap();
    symlink("..", path("loop2")).unwrap();
    let shown = inside.join("");
    let shown = shown.to_str().unwrap();
    let told = run(&["check", shown, shown, path("mine.yaml").to_str().unwrap()]).ok();
    assert!(told.contains("scenarios checked: 1, mistakes: 0"), "{told}");
    let told = run(&["run", shown, shown]);
    assert!(told.out.contains("scenarios: 1,"), "{}", told.out);
    let served = crate::binary::Gateway::start(&["--scenario", shown, "--scenario", shown]);
    let (_, rules) = served.get("/_sim/v1/rules");
    let rules: Value = serde_json::from_str(&rules).unwrap();
    assert_eq!(rules["rules"].as_array().unwrap().len(), 1, "{rules}");
    served.stop();

    symlink("gone", path("dangling.yaml")).unwrap();
    tool("mkfifo", &[path("pipe.yaml").to_str().unwrap()], b"").ok();
    let told = run(&["check", shown]);
    assert_eq!(told.code, Some(2), "{}", told.out);
    for part in ["dangling.yaml: cannot be read", "pipe.yaml: cannot be read: it is no plain file"]
    {
        assert!(told.out.contains(part), "{part}: {}", told.out);
    }
}

#[test]
fn a_directory_without_a_scenario_is_told() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("a.txt"), "").unwrap();
    let shown = folder.path().to_str().unwrap();
    let told = run(&["check", "S001", shown]);
    assert_eq!(told.code, Some(2), "{}", told.out);
    assert!(told.out.contains("there is no scenario in it"), "{}", told.out);
    let served = crate::binary::Gateway::start(&["--scenario", shown]);
    served.until_logged("no scenario is armed from");
    served.stop();
}

#[test]
fn a_scenario_without_rules_is_not_armed_in_silence() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("mine.yaml");
    fs::write(&file, "version: 1\nid: MINE\ntitle: x\ndrive: [register]\n").unwrap();
    let (file, folder) = (file.to_str().unwrap(), folder.path().to_str().unwrap());
    let told = "has no rules, so there is nothing to arm; `payon-sim run` carries out its steps";
    let gateway = crate::binary::Gateway::start(&[]);
    for named in [file, "S011"] {
        for args in [
            &["serve", "--port", "0", "--scenario", named][..],
            &["exec", "--scenario", "S014", "--scenario", named, "--", "true"],
            &["scenario", "arm", named, "--url", &gateway.url],
        ] {
            let ended = run(args);
            assert_eq!(ended.code, Some(2), "{args:?}: {ended:?}");
            assert!(
                ended.err.contains(told) && ended.err.contains(named),
                "{args:?}: {}",
                ended.err
            );
        }
    }
    let (_, armed) = gateway.post("/_sim/v1/scenarios/S011/arm", "");
    assert!(armed.contains("S011 has no rules"), "{armed}");
    gateway.stop();
    // Of a directory some may have none.
    let ended = run(&["exec", "--scenario", folder, "--", "true"]);
    assert!(ended.code == Some(2) && ended.err.contains(told), "{ended:?}");
    let served = crate::binary::Gateway::start(&["--scenario", folder]);
    served.until_logged("no rule is armed");
    served.stop();
    let ruled = format!("{folder}/RULED.YAML");
    fs::write(
        &ruled,
        "version: 1\nid: RULED\ntitle: x\nrules:\n  - when: { operation: refund }\n    then: [status: 500]\n",
    )
    .unwrap();
    assert_eq!(run(&["exec", "--scenario", folder, "--", "true"]).code, Some(0));
    assert!(run(&["check", folder]).out.contains("scenarios checked: 2,"));
}

#[test]
fn a_step_about_an_order_that_nobody_registers_is_a_mistake() {
    let folder = tempfile::tempdir().unwrap();
    let check = |drive: &str| {
        let file = folder.path().join("mine.yaml");
        fs::write(&file, format!("version: 1\nid: MINE\ntitle: x\ndrive: {drive}\n")).unwrap();
        run(&["check", file.to_str().unwrap()])
    };
    for (drive, name) in [
        ("[{ register: { order: a } }, pay, idle]", "\"order\""),
        ("[pay, register]", "\"order\""),
        ("[register, { refund: { order: b } }]", "\"b\""),
        ("[{ burst: { orders: 2, clients: 1 } }, { refund: { order: order-3 } }]", "\"order-3\""),
    ] {
        let told = check(drive);
        assert_eq!(told.code, Some(2), "{drive}: {told:?}");
        let mistake = "mine.yaml:4:";
        let words = format!("no step before this one registers the order {name}");
        assert!(told.out.contains(mistake) && told.out.contains(&words), "{drive}: {}", told.out);
    }
    let saved = "register: { savedCardOf: C1 }";
    for drive in [
        format!("[{{ {saved} }}, {{ bind: {{ clientId: C1 }} }}]"),
        format!("[{{ bind: {{ clientId: C2 }} }}, {{ {saved} }}]"),
        "[{ burst: { orders: 2, clients: 1, each: { savedCardOf: C1 } } }]".to_owned(),
    ] {
        let told = check(&drive);
        assert_eq!(told.code, Some(2), "{drive}: {told:?}");
        let words = "no step before this one saves a card of the client \"C1\"";
        assert!(told.out.contains("mine.yaml:4:") && told.out.contains(words), "{}", told.out);
    }
    for drive in [
        &*format!("[{{ bind: {{ clientId: C1 }} }}, {{ {saved} }}]"),
        "[register, pay, { register: { order: a } }, { pay: { order: a } }]",
        "[{ burst: { orders: 2, clients: 1 } }, { refund: { order: order-2 } }]",
    ] {
        assert_eq!(check(drive).code, Some(0), "{drive}");
    }
}

#[test]
fn a_command_is_told_what_is_doubtful_about_its_rules() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("mine.yaml");
    let text = "version: 1\nid: MINE\ntitle: x\nrules:\n  - id: late\n    when: { operation: pay }\n    then: [transport: reset]\n";
    fs::write(&file, text).unwrap();
    let ended = run(&["exec", "--scenario", file.to_str().unwrap(), "--", "true"]);
    assert!(ended.code == Some(0) && ended.err.contains("warning: rule \"late\": "), "{ended:?}");
}

#[test]
fn a_link_to_everything_is_not_followed_without_bound() {
    for target in ["/", "/proc"] {
        let folder = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink(target, folder.path().join("all")).unwrap();
        let shown = folder.path().to_str().unwrap();
        for args in [&["check", shown][..], &["run", shown], &["--port", "0", "--scenario", shown]]
        {
            let told = run(args);
            assert_eq!(told.code, Some(2), "{args:?}: {}", told.out);
            let said = format!("{}{}", told.out, told.err);
            assert!(said.contains("more than 20000 files"), "{said}");
            assert!(said.lines().count() < 10, "{said}");
        }
    }
}

#[test]
fn what_has_no_end_is_not_read_to_its_end() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let huge = path("huge.toml");
    fs::write(&huge, "x = 1\n".repeat(1 << 20)).unwrap();
    let profile = path("profile");
    run(&["profile", "export", &profile]).ok();
    fs::remove_file(path("profile/cards.toml")).unwrap();
    symlink("/dev/zero", path("profile/cards.toml")).unwrap();
    let program = env!("CARGO_BIN_EXE_payon-sim");
    for args in [
        &["check", "/dev/zero"][..],
        &["run", "/dev/zero"],
        &["serve", "--port", "0", "--scenario", "/dev/zero"],
        &["serve", "--port", "0", "--config", "/dev/zero"],
        &["serve", "--port", "0", "--config", &huge],
        &["config", "show", "--config", &huge],
        &["serve", "--port", "0", "--profile", &profile],
        &["profile", "check", &profile],
        &["merchant", "check", "/dev/zero"],
        &["run", "S014", "--merchant", "/dev/zero"],
        &["audit", "--merchant", "/dev/zero"],
        &["audit", "--baseline", "/dev/zero"],
        &["doctor", "--env", "/dev/zero"],
        &["doctor", "--key", "/dev/zero"],
        &["link", "--merchant", "C0000143", "--unchecked", "--key", "/dev/zero"],
    ] {
        // Little memory, so that whoever reads on and on ends soon.
        let line = format!("ulimit -v 1000000; exec {program} {} </dev/null", args.join(" "));
        let input = if args[0] == "link" { line.replace("</dev/null", "<<< '{}'") } else { line };
        let ended = tool("bash", &["-c", &input], b"");
        assert_eq!(ended.code, Some(2), "{args:?}: {ended:?}");
        assert!((ended.out + &ended.err).contains("larger than"), "{args:?}");
    }
    for args in [
        "sign --merchant C0000143",
        "verify --merchant C0000143 --operation refund",
        "keys inspect",
        "khqr decode",
    ] {
        let line = format!("ulimit -v 1000000; exec {program} {args} </dev/zero");
        let ended = tool("bash", &["-c", &line], b"");
        assert_eq!(ended.code, Some(2), "{args}: {ended:?}");
        assert!(ended.err.contains("larger than"), "{args}: {}", ended.err);
    }
    // Nobody may ever write to a pipe of the file system: whoever waits for that serves nobody, and hears no signal.
    let pipe = path("pipe.yaml");
    assert!(tool("mkfifo", &[&pipe], b"").code == Some(0));
    for args in [
        &["check", &pipe][..],
        &["serve", "--port", "0", "--scenario", &pipe],
        &["merchant", "check", &pipe],
        &["serve", "--port", "0", "--config", &pipe],
    ] {
        let ended = run(args);
        assert_eq!(ended.code, Some(2), "{args:?}: {ended:?}");
        assert!((ended.out + &ended.err).contains("named pipe"), "{args:?}");
    }
    // A pipe that is named by a shell is read like a file.
    let line = format!("{program} check <(printf 'version: 1\\nid: A\\ntitle: t\\n')");
    assert!(tool("bash", &["-c", &line], b"").ok().contains("checked: 1, mistakes: 0"));
}

#[test]
fn settings_and_profiles_of_any_size_take_bounded_memory() {
    let folder = tempfile::tempdir().unwrap();
    let program = env!("CARGO_BIN_EXE_payon-sim");
    // Ten megabytes would take nine hundred if they were read; the other is as large and as dense as any that is read.
    let most = 1 << 20;
    for (name, text, wrong) in [
        ("ten-megabytes.toml", "x = 1\n".repeat(10_000_000 / 6), "larger than"),
        ("dense.toml", format!("x=[{}]\n", "[],".repeat((most - 10) / 3)), "unknown field"),
    ] {
        let path = folder.path().join(name);
        fs::write(&path, text).unwrap();
        let shown = path.to_str().unwrap();
        for args in ["config show --config", "serve --port 0 --config", "profile check"] {
            let line = format!("ulimit -v 400000; exec {program} {args} {shown}");
            let ended = tool("bash", &["-c", &line], b"");
            assert_eq!(ended.code, Some(2), "{args} {name}: {ended:?}");
            assert!(ended.err.contains(wrong), "{args} {name}: {}", ended.err);
        }
    }
}

#[test]
fn a_comma_belongs_to_the_name_of_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a,b.yaml");
    let rules = "rules:\n  - { id: mine, when: { operation: status }, then: [{ status: 500 }] }\n";
    fs::write(&file, format!("version: 1\nid: A\ntitle: t\n{rules}")).unwrap();
    let shown = run(&["config", "show", "--scenario", file.to_str().unwrap()]).ok();
    assert!(shown.contains("a,b.yaml\"]"), "{shown}");
    let mut command = payon_sim(&["config", "show"]);
    command.env("PAYON_SIM_SCENARIO", "S014,S009,");
    let shown = crate::binary::events(command, b"").ok();
    assert!(shown.contains("scenario = [\"S014\",\"S009\"]"), "{shown}");
    let served = crate::binary::Gateway::start(&["--scenario", file.to_str().unwrap()]);
    assert!(served.get("/_sim/v1/rules").1.contains("mine"));
    served.stop();
}

#[test]
fn settings_of_the_profile_are_read_by_check_as_by_a_run_and_told_of_where_they_are_not_applied() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s.yaml");
    let shown = path.to_str().unwrap();
    let write = |key: &str, value: &str| {
        let rule = "rules:\n  - { id: r, when: { operation: refund }, then: [{ latency: 1s }] }\n";
        let text = format!(
            "version: 1\nid: S\ntitle: t\nprofile:\n  - {{ key: {key}, value: {value} }}\n{rule}drive: [register, pay, refund, idle]\nexpect:\n  - order: {{ state: refunded }}\n"
        );
        fs::write(&path, text).unwrap();
    };
    for (key, value, why) in [
        ("rules.order_lifetime_msx", "60000", "has no setting rules.order_lifetime_msx"),
        ("rules.order_lifetime_ms", "abc", "expected an integer"),
        ("rules.order_lifetime_ms", "-5", "must be at least 1"),
        ("pushback.keep_alive", "7", "expected true or false"),
    ] {
        write(key, value);
        let (checked, ran) = (run(&["check", shown]), run(&["run", shown]));
        assert_eq!((checked.code, ran.code), (Some(2), Some(2)), "{checked:?}");
        assert!(checked.out.contains(why) && ran.err.contains(why), "{checked:?} {ran:?}");
    }
    write("rules.order_lifetime_ms", "60000");
    assert_eq!(run(&["check", shown]).code, Some(0));
    let ended = run(&["exec", "--scenario", shown, "--", "sh", "-c", "echo MADE >&2"]);
    let told: Vec<&str> = ended.err.split("MADE").collect();
    assert!(ended.code == Some(0) && told.len() == 2, "{ended:?}");
    for part in told {
        assert!(part.contains("`profile` of the scenario was not applied"), "{ended:?}");
    }
}
