//! Records the answers in `src/api/examples.json` anew, where somebody asks for it: after calls have changed. Then
//! `payon-sim openapi --markdown` makes the page of them.

use std::fs;

use serde_json::{Value, json};

use super::block::Block;
use super::shell::Shell;
use super::{file, page};

const EXAMPLES: &str = "src/api/examples.json";
/// Stands for more, and for what changes.
const MORE: &str = "…";
/// Lists of which all is kept: they are short, and what they hold differs from item to item.
const WHOLE: &[&str] = &["drive", "then"];

#[test]
fn the_examples_are_recorded_when_asked_for() {
    if std::env::var_os("PAYON_SIM_WRITE_PAGES").is_none() {
        return;
    }
    let mut groups: Value = serde_json::from_str(&page(EXAMPLES)).unwrap();
    let blocks = Block::all("docs/control-api.md", &page("docs/control-api.md")).unwrap();
    let mut commands = blocks.iter().flat_map(Block::commands);
    let mut shell = Shell::new();
    for group in groups.as_array_mut().unwrap() {
        for step in group["calls"].as_array_mut().unwrap() {
            for _ in step["commands"].as_array().into_iter().flatten() {
                shell.printed(&commands.next().expect("a command")).unwrap();
            }
            if step.get("id").is_none() {
                continue;
            }
            let printed = shell.printed(&commands.next().expect("a command")).unwrap();
            let Ok(answer) = serde_json::from_str::<Value>(&printed) else { continue };
            let mut answer = masked(&answer, "");
            keep_marks(&mut answer, &step["answer"]);
            if step["cut"] == true {
                let kept: Vec<String> =
                    step["answer"].as_object().unwrap().keys().cloned().collect();
                answer.as_object_mut().unwrap().retain(|name, _| kept.contains(name));
            }
            step["answer"] = answer;
        }
    }
    fs::write(file(EXAMPLES), written(&groups)).unwrap();
}

/// The answer without what is another in each run, and without more than the first item of a list.
fn masked(value: &Value, name: &str) -> Value {
    match value {
        Value::Object(members) => {
            members.iter().map(|(name, value)| (name.clone(), masked(value, name))).collect()
        }
        Value::Array(items) => {
            let mut kept: Vec<Value> = items.iter().map(|item| masked(item, name)).collect();
            if kept.len() > 1 && !WHOLE.contains(&name) {
                kept.truncate(1);
                kept.push(MORE.into());
            }
            kept.into()
        }
        Value::String(_) if name == "digest" => MORE.into(),
        Value::String(_) if name == "savedAt" => "2026-01-05T09:00:00.000+07:00".into(),
        Value::String(text) if text.ends_with(" GMT") => MORE.into(),
        Value::String(text) => {
            let text = cut_after(text, "MII", |c| c.is_ascii_alphanumeric() || "+/=".contains(c));
            cut_after(&text, "checkout/", |c| c.is_ascii_alphanumeric() || "-_".contains(c)).into()
        }
        other => other.clone(),
    }
}

/// Puts `…` where the answer that was recorded before has it as a value.
fn keep_marks(answer: &mut Value, before: &Value) {
    match (answer, before) {
        (Value::Object(members), Value::Object(before)) => {
            for (name, value) in members {
                before.get(name).inspect(|before| keep_marks(value, before));
            }
        }
        (Value::Array(items), Value::Array(before)) => {
            items.iter_mut().zip(before).for_each(|(item, before)| keep_marks(item, before));
        }
        (answer, before) if *before == MORE => *answer = MORE.into(),
        _ => {}
    }
}

/// The text with `…` in place of what follows the first `start`.
fn cut_after(text: &str, start: &str, is_part: impl Fn(char) -> bool) -> String {
    let Some((before, rest)) = text.split_once(start) else { return text.to_owned() };
    let after = rest.trim_start_matches(is_part);
    if rest.len() - after.len() < 20 {
        return text.to_owned();
    }
    format!("{before}{start}{MORE}{after}")
}

/// One line a call, so that a change of one is a change of a line.
fn written(groups: &Value) -> String {
    let group = |group: &Value| {
        let calls = group["calls"].as_array().unwrap().iter();
        let calls: Vec<_> = calls.map(|call| format!("  {call}")).collect();
        let (title, about) = (&group["title"], &group["about"]);
        format!(" {{\"title\":{title},\"about\":{about},\"calls\":[\n{}\n ]}}", calls.join(",\n"))
    };
    let groups: Vec<_> = groups.as_array().unwrap().iter().map(group).collect();
    format!("[\n{}\n]\n", groups.join(",\n"))
}

#[test]
fn what_changes_is_masked() {
    let answer = json!({ "at": "x", "digest": "a", "list": [1, 2], "then": [1, 2], "key": format!("MII{}", "A".repeat(80)) });
    let expected =
        json!({ "at": "x", "digest": "…", "list": [1, "…"], "then": [1, 2], "key": "MII…" });
    assert_eq!(masked(&answer, ""), expected);
}

#[test]
fn what_was_masked_by_hand_stays_masked() {
    let mut answer = json!({ "now": "11:00", "seed": 7, "list": [{ "now": "11:00" }] });
    keep_marks(&mut answer, &json!({ "now": "…", "seed": 8, "list": [{ "now": "…" }, "…"] }));
    assert_eq!(answer, json!({ "now": "…", "seed": 7, "list": [{ "now": "…" }] }));
}
