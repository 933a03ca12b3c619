//! The links of a page.

use std::path::Path;

use super::{file, page};

/// The links of a page that lead nowhere: to a file or a heading that is not there.
pub(super) fn broken(path: &str) -> Vec<String> {
    let text = prose(&page(path));
    let folder = Path::new(path).parent().unwrap();
    let mut wrong = Vec::new();
    for target in targets(&text) {
        if target.starts_with("http://") || target.starts_with("https://") {
            continue;
        }
        let (to, heading) = target.split_once('#').unwrap_or((target, ""));
        let to = if to.is_empty() {
            path.to_owned()
        } else {
            folder.join(to).to_string_lossy().into_owned()
        };
        if !file(&to).exists() {
            wrong.push(format!("{path}: {target}: there is no {to}"));
        } else if !heading.is_empty() && !headings(&page(&to)).contains(&heading.to_owned()) {
            wrong.push(format!("{path}: {target}: {to} has no such heading"));
        }
    }
    wrong
}

/// The targets of `[text](target)`.
fn targets(text: &str) -> Vec<&str> {
    text.split("](").skip(1).filter_map(|rest| rest.split(')').next()).collect()
}

/// The page without its blocks and its code.
fn prose(page: &str) -> String {
    let mut is_block = false;
    let mut kept = String::new();
    for line in page.lines() {
        if line.trim_start().starts_with("```") {
            is_block = !is_block;
        } else if !is_block {
            for part in line.split('`').step_by(2) {
                kept += part;
            }
            kept.push('\n');
        }
    }
    kept
}

/// The names by which the headings of a page are linked to, as GitHub and mdBook make them.
fn headings(page: &str) -> Vec<String> {
    let mut is_block = false;
    let mut names: Vec<String> = Vec::new();
    for line in page.lines() {
        if line.trim_start().starts_with("```") {
            is_block = !is_block;
        }
        let title = line.trim_start_matches('#');
        if is_block || title.len() == line.len() || !title.starts_with(' ') {
            continue;
        }
        let name = title.trim().to_lowercase();
        let name = name.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
        let name: String = name.map(|c| if c == ' ' { '-' } else { c }).collect();
        let earlier = names.iter().filter(|other| **other == name).count();
        names.push(if earlier == 0 { name } else { format!("{name}-{earlier}") });
    }
    names
}

#[test]
fn links_and_headings_are_found() {
    assert_eq!(headings("# A `b` c\n```\n# no\n```\n## Who's there?\n"), ["a-b-c", "whos-there"]);
    let text = prose("[a](b.md#c) `[x](y)`\n```\n[x](y)\n```\n![p](q.png)\n");
    assert_eq!(targets(&text), ["b.md#c", "q.png"]);
}
