//! Markdown of ours as HTML.

use pulldown_cmark::{CowStr, Event, HeadingLevel, Options, Parser, Tag, TagEnd, html};

/// The page as HTML: headings have names, links lead to where the pages are served, comments are gone.
pub(super) fn html(markdown: &str) -> String {
    let mut events: Vec<Event<'_>> = Vec::new();
    let mut names: Vec<String> = Vec::new();
    let mut is_dropped_link = false;
    for event in Parser::new_ext(markdown, Options::ENABLE_TABLES | Options::ENABLE_TASKLISTS) {
        match event {
            Event::Html(_) | Event::InlineHtml(_) => {}
            Event::Start(Tag::Link { link_type, dest_url, title, id }) => match served(&dest_url) {
                Some(url) => {
                    let dest_url = CowStr::from(url);
                    events.push(Event::Start(Tag::Link { link_type, dest_url, title, id }));
                }
                None => is_dropped_link = true,
            },
            Event::End(TagEnd::Link) if is_dropped_link => is_dropped_link = false,
            Event::End(TagEnd::Heading(level)) => {
                name_heading(&mut events, &mut names);
                events.push(Event::End(TagEnd::Heading(level)));
            }
            // A list of tasks is read, not ticked.
            Event::TaskListMarker(_) => events.push(Event::Text(CowStr::from("☐ "))),
            other => events.push(other),
        }
    }
    let mut page = String::with_capacity(markdown.len() * 3 / 2);
    html::push_html(&mut page, events.into_iter());
    page
}

/// Gives the last heading the name by which links find it.
fn name_heading(events: &mut [Event<'_>], names: &mut Vec<String>) {
    let mut text = String::new();
    for event in events.iter_mut().rev() {
        match event {
            Event::Text(part) | Event::Code(part) => text.insert_str(0, part),
            Event::Start(Tag::Heading { id, .. }) => {
                *id = Some(CowStr::from(heading_name(&text, names)));
                return;
            }
            _ => {}
        }
    }
}

/// The name of a heading as GitHub and mdBook make it, other than those before it.
pub(super) fn heading_name(text: &str, names: &mut Vec<String>) -> String {
    let kept = text.trim().to_lowercase();
    let kept = kept.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    let name: String = kept.map(|c| if c == ' ' { '-' } else { c }).collect();
    let earlier = names.iter().filter(|other| **other == name).count();
    names.push(name.clone());
    if earlier == 0 { name } else { format!("{name}-{earlier}") }
}

/// The address that a link of a page has among the pages that are served; `None` for a file of the repository.
fn served(link: &str) -> Option<String> {
    if link.starts_with("http://") || link.starts_with("https://") || link.starts_with('#') {
        return Some(link.to_owned());
    }
    let (path, heading) = link.split_once('#').map_or((link, ""), |(path, name)| (path, name));
    let path = path.strip_prefix("docs/").unwrap_or(path);
    let to = match path.strip_prefix("../") {
        Some("CHANGELOG.md") => "changelog".to_owned(),
        Some(file) if file.starts_with("scenarios/") => file.to_owned(),
        Some(_) => return None,
        None => path.strip_suffix(".md")?.to_owned(),
    };
    Some(if heading.is_empty() { to } else { format!("{to}#{heading}") })
}

/// The table of contents, with the page that is shown marked.
pub(super) fn contents(summary: &str, current: Option<&str>) -> String {
    let mut page = html(summary);
    if let Some(name) = current {
        page = page.replacen(
            &format!("<a href=\"{name}\">"),
            &format!("<a href=\"{name}\" aria-current=\"page\">"),
            1,
        );
    }
    // Beside a page its headings are one level lower, and without names.
    let start = page.find("</h1>").map_or(0, |at| at + "</h1>".len());
    let mut rest = page[start..].to_owned();
    while let Some(at) = rest.find("<h1 id=\"") {
        let end = rest[at..].find('>').map_or(rest.len(), |end| at + end + 1);
        rest.replace_range(at..end, "<h2>");
    }
    rest.replace("</h1>", "</h2>")
}

/// Returns true if a heading is deep enough to be a section of its own in a search.
pub(super) fn is_section(level: HeadingLevel) -> bool {
    level <= HeadingLevel::H3
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headings_have_names_and_links_lead_to_pages() {
        let page = html(
            "# A `b` c\n\n<!-- file: x -->\n[x](y.md#z) [s](../scenarios/S001.yaml) [p](../packaging/x)\n\n# A b c\n",
        );
        for part in [
            "<h1 id=\"a-b-c\">",
            "<h1 id=\"a-b-c-1\">",
            "href=\"y#z\"",
            "href=\"scenarios/S001.yaml\"",
        ] {
            assert!(page.contains(part), "{part}: {page}");
        }
        assert!(!page.contains("<!--") && !page.contains("packaging"), "{page}");
    }

    #[test]
    fn contents_mark_the_page_that_is_shown() {
        let page = contents("# T\n\n# Part\n\n- [A](a.md)\n", Some("a"));
        assert!(page.contains("aria-current=\"page\""), "{page}");
        assert!(page.contains("<h2>Part</h2>") && !page.contains("h1"), "{page}");
    }
}
