//! `payon-sim explore`, with the built-in merchant and with a shop of the user's.

use std::path::Path;

use serde_json::Value;
use tempfile::TempDir;

use crate::binary::{Ended, has_tool, run};
use crate::merchant_under_test::Bench;

fn explore(out: &Path, args: &[&str]) -> (Ended, Value) {
    let out = out.to_str().unwrap();
    let ended = run(&[&["explore", "--out", out, "--format", "json"], args].concat());
    let found = serde_json::from_str(&ended.out).unwrap_or_else(|_| panic!("{ended:?}"));
    (ended, found)
}

#[test]
fn a_correct_merchant_holds_in_every_order_of_events() {
    for style in [&[][..], &["--style", "asks-on-push-backs"], &["--style", "refuses-itself"]] {
        let folder = TempDir::new().unwrap();
        let some = ["--runs", "150", "--allow-unexplored"];
        let (ended, found) = explore(folder.path(), &[style, &some].concat());
        assert_eq!(ended.code, Some(0), "{style:?} {}{}", ended.out, ended.err);
        assert!(found["held"].as_u64().unwrap() > 100, "{style:?} {found}");
    }
}

#[test]
fn bugs_are_found_untold_and_shrunk_to_three_steps_that_a_file_plays() {
    for (mistake, flow) in [
        ("stores-late", "purchase"),
        ("last-news-wins", "purchase"),
        ("ships-twice", "purchase"),
        ("trusts-pushback", "purchase"),
        ("repeats-refund", "refund"),
    ] {
        let folder = TempDir::new().unwrap();
        let args = ["--mistake", mistake, "--flow", flow];
        let (ended, found) = explore(folder.path(), &args);
        assert_eq!(ended.code, Some(1), "{mistake}: {}", ended.err);
        let violations = found["violations"].as_array().unwrap();
        let least = violations.iter().filter(|it| it["steps"].as_u64().unwrap() <= 3);
        assert!(least.count() > 0, "{mistake}: {violations:#?}");
        for violation in violations {
            let file = violation["file"].as_str().unwrap();
            assert_eq!(run(&["check", file]).code, Some(0), "{file}");
            assert_eq!(run(&["run", file, "--mistake", mistake]).code, Some(1), "{violation}");
            assert_eq!(run(&["run", file]).code, Some(0), "{violation}");
            let repeat = violation["repeat"].as_str().unwrap();
            assert!(repeat.contains(file) && repeat.contains(mistake), "{repeat}");
        }
    }
}

#[test]
fn an_exploration_goes_on_where_it_stopped_and_says_what_is_left() {
    let folder = TempDir::new().unwrap();
    let some = ["--flow", "khqr", "--runs", "6", "-j", "2"];
    let (first, found) = explore(folder.path(), &some);
    assert_eq!((first.code, &found["explored"]), (Some(1), &6.into()));
    assert!(first.err.contains("runs were not made"), "{}", first.err);
    let (second, found) = explore(folder.path(), &some);
    assert_eq!((second.code, &found["explored"]), (Some(1), &12.into()));
    let (third, found) = explore(folder.path(), &["--flow", "khqr"]);
    assert_eq!((third.code, &found["explored"]), (Some(0), &found["of"]));
    let out = folder.path().to_str().unwrap();
    let other = run(&["explore", "--out", out, "--flow", "refund"]);
    assert!(other.code == Some(2) && other.err.contains("--fresh"), "{other:?}");
    // A profile of one's own is another exploration, and one that cannot be read none.
    let profile = folder.path().join("profile");
    let profile = profile.to_str().unwrap();
    let own = ["explore", "--out", out, "--flow", "khqr", "--profile", profile];
    let missing = run(&own);
    assert!(missing.code == Some(2) && missing.err.contains(profile), "{missing:?}");
    run(&["profile", "export", profile]).ok();
    let file = folder.path().join("profile/profile.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, text + "\n# Another one.\n").unwrap();
    let other = run(&own);
    assert!(other.code == Some(2) && other.err.contains("--fresh"), "{other:?}");
    let fresh = ["--flow", "khqr", "--fresh", "--runs", "1", "--allow-unexplored"];
    let (fresh, found) = explore(folder.path(), &fresh);
    assert_eq!((fresh.code, &found["explored"]), (Some(0), &1.into()));
}

#[test]
fn a_shop_of_the_users_is_explored_and_what_breaks_it_is_shrunk() {
    if !has_tool("python3") {
        return;
    }
    let bench = Bench::new();
    let out = TempDir::new().unwrap();
    let some = ["--flow", "purchase", "--runs", "6", "-j", "3", "--allow-unexplored"];
    let explored = |out: &Path, mistake: &str| {
        let file = bench.mini(&format!(", MISTAKE: \"{mistake}\""), "without: [polls]\n");
        explore(out, &[&["--merchant", &*file], &some[..]].concat())
    };
    let (ended, found) = explored(&out.path().join("fair"), "none");
    assert_eq!(ended.code, Some(0), "{}{found:#}", ended.err);
    let (ended, found) = explored(&out.path().join("bug"), "ships-twice");
    assert_eq!(ended.code, Some(1), "{}{found:#}", ended.err);
    let violation = &found["violations"][0];
    assert!(violation["steps"].as_u64().unwrap() <= 3, "{violation:#}");
    let repeat = violation["repeat"].as_str().unwrap();
    assert!(repeat.contains(" --merchant "), "{repeat}");
    let words: Vec<&str> = repeat.split(' ').skip(1).collect();
    assert_eq!(run(&words).code, Some(1), "{repeat}");
    // The choice is the same for the same seed.
    let (_, again) = explored(&out.path().join("again"), "ships-twice");
    assert_eq!(again["violations"][0]["id"], violation["id"]);
}

#[test]
fn an_exploration_that_runs_nothing_says_so_and_another_shop_begins_anew() {
    let out = TempDir::new().unwrap();
    let shown = out.path().to_str().unwrap();
    let all = ["explore", "--out", shown, "--flow", "purchase", "--faults", "0"];
    let first = run(&all);
    assert!(first.out.ends_with("\nexplore: passed\n"), "{first:?}");
    let again = run(&all);
    assert_eq!(again.code, Some(0), "{again:?}");
    let last = again.out.lines().last().unwrap();
    assert!(last.starts_with("explore: passed (nothing was run this time; all "), "{last}");
    let json = run(&[&all[..], &["--format", "json"]].concat());
    let json: Value = serde_json::from_str(&json.out).unwrap();
    assert_eq!((&json["exploredNow"], &json["verdict"]), (&0.into(), &"passed".into()));
    assert!(json["note"].as_str().unwrap().contains("nothing was run this time"), "{json}");
    if !has_tool("python3") {
        return;
    }
    let bench = Bench::new();
    let file = bench.mini("", "without: [polls]\n");
    let text = std::fs::read_to_string(&file).unwrap();
    let shop = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/shops/mini.py");
    bench.write("merchant.yaml", &text.replace(shop, "shop.py"));
    let program = std::fs::read_to_string(shop).unwrap();
    let explored = |args: &[&str]| {
        let some = ["--flow", "purchase", "--runs", "1", "--allow-unexplored"];
        explore(&out.path().join("own"), &[&["--merchant", &*file], &some[..], args].concat())
    };
    bench.write("shop.py", &program);
    let (_, found) = explored(&[]);
    assert_eq!((&found["explored"], &found["exploredNow"]), (&1.into(), &1.into()), "{found}");
    let (ended, found) = explored(&[]);
    assert_eq!((&found["explored"], &found["exploredNow"]), (&2.into(), &1.into()), "{found}");
    assert!(!ended.err.contains("begins anew"), "{}", ended.err);
    // A shop that does not start any more is not taken for the one that passed.
    bench.write("shop.py", "raise SystemExit(1)\n");
    let (ended, found) = explored(&[]);
    assert_eq!((ended.code, &found["held"]), (Some(1), &0.into()), "{found}");
    assert!(ended.err.contains("merchant.yaml or its program has changed"), "{}", ended.err);
    bench.write("shop.py", &program);
    let (ended, found) = explored(&[]);
    assert_eq!((ended.code, &found["explored"]), (Some(0), &1.into()), "{found}");
    bench.write("merchant.yaml", &format!("{text}# another\n"));
    let (ended, found) = explored(&[]);
    assert_eq!((ended.code, &found["explored"]), (Some(0), &1.into()), "{}", ended.err);
}

#[test]
fn an_exploration_that_fails_without_a_violation_says_why() {
    let folder = TempDir::new().unwrap();
    let some = ["--flow", "khqr", "--without", "khqr", "--runs", "2", "--allow-unexplored"];
    let (ended, found) = explore(folder.path(), &some);
    assert_eq!((ended.code, &found["violations"]), (Some(1), &serde_json::json!([])));
    let reason = "no run was judged in full and held";
    assert!(found["verdict"] == "failed" && found["reasons"].to_string().contains(reason));
    assert!(found["waivers"].to_string().contains("--allow-unexplored: "), "{found:#}");
    assert!(ended.err.contains(reason) && ended.err.contains("waived, "), "{}", ended.err);
    let out = folder.path().to_str().unwrap();
    let text = run(&[&["explore", "--out", out], &some[..]].concat());
    assert!(text.out.contains("violations: 0\nexplore: failed"), "{}", text.out);
}
