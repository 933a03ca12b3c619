//! `docs/scenarios.md`: the language in brief and every scenario, made from what the program itself knows.

use std::fmt::Write as _;

use serde_json::Value;

use crate::scenario::{CATALOGUE, Requirement, Scenario, ScenarioFile};

const PREFACE: &str = include_str!("scenarios_page.md");

/// Parts of the schema that have a table, with a title for each.
const TABLES: &[(&str, &str)] = &[
    ("When", "Conditions (`when`)"),
    ("Effect", "Effects (`then`)"),
    ("Transport", "Transport faults"),
    ("Pushback", "Push-backs"),
    ("Tampering", "False push-backs"),
    ("Expectation", "Expectations (`expect`)"),
    ("RequestExpectation", "Calls (`request`)"),
    ("OrderExpectation", "Orders (`order`)"),
    ("DeliveryExpectation", "Push-backs (`pushback`)"),
    ("ShopExpectation", "The merchant's books (`shop`)"),
];

/// The page.
pub fn scenarios_page() -> String {
    let mut page = PREFACE.to_owned();
    let schema = Scenario::json_schema();
    for (name, title) in TABLES {
        let _ = write!(page, "\n## {title}\n\n| key | what |\n| --- | --- |\n");
        for (key, about) in entries(&schema["$defs"][name]) {
            let _ = writeln!(page, "| `{key}` | {} |", cell(about));
        }
    }
    page.push_str(
        "\n## Requirements (`requires`, `run --without`)\n\n| name | the shop |\n| --- | --- |\n",
    );
    for need in Requirement::ALL {
        let _ = writeln!(page, "| `{}` | {} |", need.name(), cell(need.about()));
    }
    page.push_str("\n## Scenarios\n");
    for (name, text) in CATALOGUE.all() {
        if let Ok(file) = ScenarioFile::read(name, text.as_bytes()) {
            scenario(&mut page, name, &file.scenario);
        }
    }
    page
}

fn scenario(page: &mut String, name: &str, scenario: &Scenario) {
    let Scenario { id, title, .. } = scenario;
    let _ = write!(page, "\n### [{id}](../scenarios/{name}.yaml) {title}\n");
    let mistakes: Vec<String> =
        scenario.mistakes.iter().map(|mistake| format!("`{}`", mistake.name())).collect();
    let needs: Vec<String> =
        scenario.requirements().iter().map(|need| format!("`{}`", need.name())).collect();
    let parts = [
        ("Why", scenario.why.clone()),
        ("A correct merchant", scenario.correct.clone()),
        ("Needs", (!needs.is_empty()).then(|| needs.join(", "))),
        ("Catches", (!mistakes.is_empty()).then(|| mistakes.join(", "))),
    ];
    for (what, text) in parts {
        if let Some(text) = text {
            let _ = write!(page, "\n**{what}:** {}\n", text.trim());
        }
    }
}

/// The keys of a part of the schema with what is said of them.
fn entries(part: &Value) -> Vec<(&str, &str)> {
    let mut found = Vec::new();
    if let Some(keys) = part["properties"].as_object() {
        found.extend(keys.iter().map(|(key, about)| (key.as_str(), text(about))));
    }
    for choice in part["anyOf"].as_array().into_iter().flatten() {
        if let Some(name) = choice["const"].as_str() {
            found.push((name, text(choice)));
            continue;
        }
        // A choice that may stand alone or with settings holds both forms.
        let forms = choice["anyOf"].as_array();
        let with_settings =
            forms.and_then(|forms| forms.iter().find(|form| form.get("properties").is_some()));
        found.extend(entries(with_settings.unwrap_or(choice)));
    }
    found
}

fn text(about: &Value) -> &str {
    about["description"].as_str().unwrap_or_default()
}

fn cell(text: &str) -> String {
    text.trim().replace('|', "\\|").replace('\n', " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_table_has_rows() {
        let schema = Scenario::json_schema();
        for (name, title) in TABLES {
            assert!(
                !entries(&schema["$defs"][name]).is_empty(),
                "{title}: {name} is no definition"
            );
        }
    }
}
