//! The search in the pages, section by section.

use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};

use super::pages::{CONTENTS, PAGES, title};
use super::render::{heading_name, is_section};
use crate::base::sort_by_key;

/// Most letters of a search.
pub(super) const QUERY_MAX: usize = 100;
/// Most sections that are shown.
const HITS_MAX: usize = 30;
/// Letters of a section that are shown around the first word that was found.
const EXCERPT: usize = 160;

/// A section that was found.
pub(super) struct Hit {
    /// Address of the section.
    pub(super) link: String,
    pub(super) page: &'static str,
    pub(super) heading: String,
    pub(super) excerpt: String,
    score: usize,
}

/// A part of a page between two headings.
#[derive(Default)]
struct Section {
    name: String,
    heading: String,
    text: String,
}

/// The sections that have all these words, the best first.
pub(super) fn search(query: &str) -> Vec<Hit> {
    let query = query.to_lowercase();
    let words: Vec<&str> = query.split_whitespace().collect();
    if words.is_empty() {
        return Vec::new();
    }
    let mut hits = Vec::new();
    for (name, markdown) in PAGES.all().iter().filter(|(name, _)| *name != CONTENTS) {
        let title = title(markdown);
        for section in sections(markdown) {
            let heading = section.heading.to_lowercase();
            let text = section.text.to_lowercase();
            let lower_title = title.to_lowercase();
            let score = |word: &&str| {
                let weights = [(&lower_title, 4), (&heading, 8), (&text, 1)];
                weights.iter().filter(|(text, _)| text.contains(*word)).map(|(_, it)| it).sum()
            };
            let scores: Vec<usize> = words.iter().map(score).collect();
            if scores.contains(&0) {
                continue;
            }
            hits.push(Hit {
                link: format!("{name}#{}", section.name),
                page: title,
                heading: section.heading,
                excerpt: excerpt(&section.text, &words),
                score: scores.iter().sum(),
            });
        }
    }
    sort_by_key(&mut hits, |hit| std::cmp::Reverse(hit.score));
    hits.truncate(HITS_MAX);
    hits
}

fn sections(markdown: &'static str) -> Vec<Section> {
    let mut found: Vec<Section> = Vec::new();
    let mut names = Vec::new();
    let mut is_heading = false;
    for event in Parser::new_ext(markdown, Options::ENABLE_TABLES | Options::ENABLE_TASKLISTS) {
        match event {
            Event::Start(Tag::Heading { level, .. }) if is_section(level) => {
                found.push(Section::default());
                is_heading = true;
            }
            Event::End(TagEnd::Heading(level)) if is_section(level) => {
                is_heading = false;
                if let Some(last) = found.last_mut() {
                    last.name = heading_name(&last.heading, &mut names);
                }
            }
            Event::Text(text) | Event::Code(text) => {
                if let Some(last) = found.last_mut() {
                    if is_heading {
                        last.heading.push_str(&text);
                    } else {
                        last.text.push_str(&text);
                    }
                }
            }
            Event::SoftBreak | Event::End(_) => {
                if let Some(last) = found.last_mut().filter(|_| !is_heading) {
                    last.text.push(' ');
                }
            }
            _ => {}
        }
    }
    found
}

/// The text around the first of the words, in one line.
fn excerpt(text: &str, words: &[&str]) -> String {
    let letters: Vec<char> =
        text.split_whitespace().collect::<Vec<_>>().join(" ").chars().collect();
    let lower: String = letters.iter().map(char::to_ascii_lowercase).collect();
    let at = words.iter().filter_map(|word| lower.find(word)).min().unwrap_or(0);
    let at = lower[..at].chars().count().saturating_sub(EXCERPT / 3);
    let part: String = letters.iter().skip(at).take(EXCERPT).collect();
    let before = if at > 0 { "… " } else { "" };
    let after = if letters.len() > at + EXCERPT { " …" } else { "" };
    format!("{before}{}{after}", part.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_section_that_is_about_it_comes_first() {
        let hits = search("system error 9999");
        assert_eq!(hits[0].link.split('#').next(), Some("status-9999"), "{}", hits[0].heading);
        assert!(search("KHQR late").iter().any(|hit| hit.link.starts_with("how-do-i#")));
        assert!(search("").is_empty() && search("xyzzy-nothing").is_empty());
        assert!(search("push-back").len() <= HITS_MAX);
    }

    #[test]
    fn an_excerpt_is_short_and_has_the_word() {
        let text = format!("{} ភាសាខ្មែរ needle {}", "x ".repeat(500), "y ".repeat(500));
        let part = excerpt(&text, &["needle"]);
        assert!(part.contains("needle") && part.chars().count() <= EXCERPT + 4, "{part}");
    }
}
