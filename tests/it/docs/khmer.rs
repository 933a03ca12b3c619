//! `docs/khmer-review.md`: every text in Khmer with its English and where it is shown, for a reader whose first language it
//! is; made from `src/checkout/texts.rs`.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;

use super::{file, page};

const PAGE: &str = "docs/khmer-review.md";
const PREFACE: &str = "# Khmer texts to review

For a reader whose first language is Khmer. Every text of the payer's pages in Khmer stands here beside its English, with the
places where it is shown. `{}` stands for a value, such as an amount or a time. The Khmer was not written by a native speaker.

Please look at each text on its page (`payon-sim`, then a checkout page with `?lang=km`) and say:

1. Is it what a bank or a shop in Cambodia would write? Is the politeness right?
2. Are words for payments the usual ones: ទូទាត់, បង្វិលសង, កាត, លេខកូដសម្ងាត់?
3. Is it too long for a button or a label?

Changes go into `src/checkout/texts.rs`; a test keeps this page in step (`PAYON_SIM_WRITE_PAGES=1 cargo test --test it khmer`).
";

#[test]
fn every_khmer_text_is_in_the_list_for_review() {
    let made = review();
    if std::env::var_os("PAYON_SIM_WRITE_PAGES").is_some() {
        fs::write(file(PAGE), &made).expect("written");
    }
    assert!(made == page(PAGE), "run: PAYON_SIM_WRITE_PAGES=1 cargo test --test it khmer");
}

fn review() -> String {
    let source = page("src/checkout/texts.rs");
    let (_, table) = source.split_once("\ntexts! {\n").expect("the table");
    let (table, _) = table.split_once("\n}\n").expect("its end");
    let uses = uses();
    let mut text = PREFACE.to_owned();
    let mut row = String::new();
    let mut count = 0;
    for line in table.lines().map(str::trim) {
        if let Some(title) = line.strip_prefix("// ") {
            let title = title.trim_end_matches('.');
            let _ = write!(
                text,
                "\n## {title}\n\n| English | Khmer | name | shown in |\n| --- | --- | --- | --- |\n"
            );
            continue;
        }
        row += line;
        row.push(' ');
        if line.ends_with(';') {
            let parts: Vec<&str> = row.split('"').collect();
            let [name, english, _, khmer, _] = parts[..] else {
                panic!("a name and two texts: {row}")
            };
            let name = name.trim().trim_end_matches(':');
            let places: BTreeSet<&str> = uses
                .iter()
                .filter(|(_, text)| is_named(text, name))
                .map(|(place, _)| place.as_str())
                .collect();
            let places = places.into_iter().collect::<Vec<_>>().join(", ");
            let _ = writeln!(text, "| {english} | {khmer} | `{name}` | {places} |");
            count += 1;
            row.clear();
        }
    }
    let _ = write!(
        text,
        "\n## Names\n\nNames of shops, in `fixtures/pgtest/merchants.toml`.\n\n| English | Khmer |\n| --- | --- |\n"
    );
    let merchants: toml::Table =
        toml::from_str(&page("fixtures/pgtest/merchants.toml")).expect("TOML");
    let all = merchants.values().filter_map(toml::Value::as_array).flatten();
    for merchant in all {
        if let (Some(name), Some(khmer)) = (merchant.get("name"), merchant.get("name_km")) {
            let _ = writeln!(text, "| {} | {} |", name.as_str().unwrap(), khmer.as_str().unwrap());
        }
    }
    assert!(count > 100, "{count} texts");
    text
}

/// Every file that may show a text: its name without an ending, and its content.
fn uses() -> Vec<(String, String)> {
    let mut found = Vec::new();
    for folder in ["src/checkout", "src/checkout/templates"] {
        for entry in fs::read_dir(file(folder)).expect("a folder") {
            let path = entry.expect("an entry").path();
            let stem = path.file_stem().expect("a name").to_string_lossy().into_owned();
            if path.is_file() && stem != "texts" {
                found.push((stem, fs::read_to_string(&path).expect("text")));
            }
        }
    }
    found
}

/// Whether a file names the field.
fn is_named(text: &str, name: &str) -> bool {
    let field = format!(".{name}");
    text.match_indices(&field).any(|(at, _)| {
        let next = text[at + field.len()..].chars().next();
        !next.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == '(')
    })
}
