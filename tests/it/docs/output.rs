//! The comparison of what a page shows with what a command prints.

/// Stands for what changes: within a line for any text, alone on a line for any lines.
const ANYTHING: &str = "…";

/// Whether the lines that are shown say what was printed.
pub(super) fn fits(shown: &[String], printed: &str) -> bool {
    let first = shown.first().map_or("", |line| line.trim_start());
    if first.starts_with(['{', '[']) && printed.trim_start().starts_with(['{', '[']) {
        return line_fits(&squeezed(&shown.join("\n")), &squeezed(printed));
    }
    let trimmed = |text: &str| {
        text.trim_end().lines().map(str::trim_end).map(str::to_owned).collect::<Vec<_>>()
    };
    lines_fit(&trimmed(&shown.join("\n")), &trimmed(printed))
}

fn lines_fit(shown: &[String], printed: &[String]) -> bool {
    match shown.split_first() {
        None => printed.is_empty(),
        Some((first, rest)) if first.trim() == ANYTHING => {
            (0..=printed.len()).any(|from| lines_fit(rest, &printed[from..]))
        }
        Some((first, rest)) => printed
            .split_first()
            .is_some_and(|(line, others)| line_fits(first, line) && lines_fit(rest, others)),
    }
}

/// Whether a line is as shown; each `…` stands for any text.
fn line_fits(shown: &str, line: &str) -> bool {
    let mut parts = shown.split(ANYTHING);
    let Some(mut rest) = parts.next().and_then(|first| line.strip_prefix(first)) else {
        return false;
    };
    let mut parts: Vec<&str> = parts.collect();
    let Some(last) = parts.pop() else { return rest.is_empty() };
    for part in parts {
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    rest.ends_with(last)
}

/// JSON without the blanks and line ends between its parts, which a page may set as it likes.
fn squeezed(json: &str) -> String {
    let (mut within, mut escaped) = (false, false);
    let mut kept = String::with_capacity(json.len());
    for letter in json.chars() {
        if within {
            within = escaped || letter != '"';
            escaped = !escaped && letter == '\\';
        } else if letter.is_whitespace() {
            continue;
        } else {
            within = letter == '"';
        }
        kept.push(letter);
    }
    kept
}

#[test]
fn what_is_shown_is_compared() {
    let fits = |shown: &str, printed: &str| {
        fits(&shown.lines().map(str::to_owned).collect::<Vec<_>>(), printed)
    };
    assert!(fits("a\n…\nd", "a\nb\nc\nd\n"));
    assert!(!fits("a\n…\nd", "a\nb\nc\n"));
    assert!(!fits("a", "a\nb\n"));
    assert!(fits("took … ms, 1 of …", "took 17 ms, 1 of 83"));
    assert!(!fits("took … ms, 2 of …", "took 17 ms, 1 of 83"));
    assert!(fits("{\"a b\": 1,\n \"c\": \"…\"}", "{\"a b\":1,\"c\":\"x, y\"}\n"));
    assert!(!fits("{\"a b\": 1}", "{\"ab\":1}"));
}
