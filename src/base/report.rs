//! Problems of a file, told to the person who wrote it: where, what, and what to do.

use std::fmt;
use std::ops::Range;

use super::secret::{Secrecy, SecretNames};
use super::sort_by_key;
use super::suggest::{distance, nearest};
use super::visible::visible;

/// Something wrong in one place of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// The file, as the user named it or its directory.
    pub file: String,
    /// Line from 1; 0 when the problem is the file itself.
    pub line: usize,
    /// Column from 1, in characters; 0 when the problem is the file itself.
    pub column: usize,
    /// The mistake.
    pub message: String,
    /// Allowed values, or what was probably meant.
    pub help: Vec<String>,
    /// The line with secrets hidden, and where in it (start and width in characters).
    excerpt: Option<(String, Range<usize>)>,
}

/// A message with advice, not yet at a place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// The mistake.
    pub message: String,
    /// Allowed values, or what was probably meant.
    pub help: Vec<String>,
}

/// Longest excerpt of a line, in characters.
const EXCERPT_CHARS: usize = 96;
/// Number of allowed names that a message lists before it shortens the list.
const NAMES_SHOWN: usize = 16;
/// Digits in a row that may be a card number; only its first six are shown.
const CARD_DIGITS: std::ops::RangeInclusive<usize> = 12..=19;
/// Keys of our own files whose values never appear in a message, beside those of [`SecretNames`].
const SECRET_KEYS: &[&str] =
    &["number", "private", "sign_secret", "default", "sms", "email", "acs"];
/// Keys of our own files that are called like a secret elsewhere.
const PUBLIC_KEYS: &[&str] = &["authentication"];

impl Diagnostic {
    /// A problem of a file as a whole.
    pub fn of_file(file: String, message: String, help: Vec<String>) -> Self {
        Self { file, line: 0, column: 0, message, help, excerpt: None }
    }

    /// A problem of the entry that begins at `line` of `file`.
    pub fn of_line(file: String, line: usize, message: String) -> Self {
        Self { file, line, column: 1, message, help: Vec::new(), excerpt: None }
    }

    /// Diagnostic for the TOML reader's error in `text`, which is the file `file`.
    pub fn of_toml(file: &str, text: &str, error: &toml::de::Error) -> Self {
        let message = Message::of_serde(error.message());
        let mut problem =
            Self::at(file, text, &line_starts(text), error.span().unwrap_or(0..0), message);
        // serde repeats the value; of a secret only what was expected is told.
        let line = text.lines().nth(problem.line - 1).unwrap_or_default();
        if hide_secrets(line) != line
            && let Some(at) = problem.message.find("expected ")
        {
            problem.message.drain(..at);
        }
        problem
    }

    /// A problem at `span` (bytes) of `text`, whose lines begin at `line_starts`.
    pub fn at(
        file: &str,
        text: &str,
        line_starts: &[usize],
        span: Range<usize>,
        message: Message,
    ) -> Self {
        let line = line_of(line_starts, span.start);
        let begin = line_starts[line - 1];
        let content = text[begin..].lines().next().unwrap_or_default();
        let chars = |bytes: usize| content.char_indices().take_while(|(at, _)| *at < bytes).count();
        let start = chars(span.start - begin);
        let end = chars(span.end.saturating_sub(begin).min(content.len())).max(start + 1);
        Self {
            file: file.to_owned(),
            line,
            column: start + 1,
            message: message.message,
            help: message.help,
            excerpt: Some((hide_secrets(content), start..end)),
        }
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.line == 0 {
            write!(f, "{}: {}", visible(&self.file), visible(&self.message))?;
        } else {
            let (file, message) = (visible(&self.file), visible(&self.message));
            write!(f, "{file}:{}:{}: {message}", self.line, self.column)?;
        }
        if let Some((line, mark)) = &self.excerpt {
            let number = self.line;
            let skipped = mark.start.saturating_sub(EXCERPT_CHARS * 2 / 3);
            let shown: String = line.chars().skip(skipped).take(EXCERPT_CHARS).collect();
            let caret = mark.start - skipped;
            let width = mark.len().min(shown.chars().count().saturating_sub(caret)).max(1);
            write!(f, "\n     |\n{number:4} | {}\n     | ", shown.trim_end())?;
            write!(f, "{}{}", " ".repeat(caret), "^".repeat(width))?;
        }
        for help in &self.help {
            write!(f, "\n     = {}", visible(help))?;
        }
        Ok(())
    }
}

impl fmt::Display for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        for help in &self.help {
            write!(f, "; {help}")?;
        }
        Ok(())
    }
}

impl Message {
    /// A complaint that needs no advice.
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), help: Vec::new() }
    }

    /// The same with one more piece of advice.
    #[must_use]
    pub fn help(mut self, advice: impl Into<String>) -> Self {
        self.help.push(advice.into());
        self
    }

    /// The same with the name that `word` was probably meant to be, where one is near.
    #[must_use]
    pub fn meant(self, word: &str, names: &[&str]) -> Self {
        match nearest(word, names) {
            Some(near) => self.help(format!("did you mean `{near}`?")),
            None => self,
        }
    }

    /// serde's message, with the suggestion that serde does not make: it names the wrong word first and the allowed
    /// ones after it, all within back-ticks.
    pub fn of_serde(message: &str) -> Self {
        // The names of our own enums bring their advice along.
        if let Some((told, advice)) = message.split_once("; did you mean ") {
            return format!("did you mean {advice}").split("; ").fold(Self::new(told), Self::help);
        }
        let mut names = message.split('`').skip(1).step_by(2);
        let wrong = names.next().unwrap_or_default();
        Self::new(message).meant(wrong, &names.collect::<Vec<_>>())
    }

    /// That `word` is none of `names`: what is allowed and what was probably meant.
    pub fn not_among(what: &str, word: &str, names: &[&str]) -> Self {
        let message = Self::new(format!("`{word}` is not {what}")).meant(word, names);
        message.help(format!("allowed: {}", list(word, names)))
    }
}

impl From<String> for Message {
    fn from(message: String) -> Self {
        Self::new(message)
    }
}

impl From<&str> for Message {
    fn from(message: &str) -> Self {
        Self::new(message)
    }
}

/// Byte positions at which the lines of `text` begin.
pub fn line_starts(text: &str) -> Vec<usize> {
    std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect()
}

/// The line (from 1) in which the byte at `offset` stands.
pub fn line_of(line_starts: &[usize], offset: usize) -> usize {
    line_starts.partition_point(|start| *start <= offset).max(1)
}

/// The allowed names, the nearest first when there are too many to list.
fn list(word: &str, names: &[&str]) -> String {
    if names.len() <= NAMES_SHOWN {
        return names.join(", ");
    }
    let mut nearest_first = names.to_vec();
    sort_by_key(&mut nearest_first, |name| distance(word, name));
    let shown = NAMES_SHOWN / 2;
    format!("{} and {} more", nearest_first[..shown].join(", "), names.len() - shown)
}

fn is_secret(key: &str) -> bool {
    let is_general = || SecretNames::GENERAL.class(key.as_bytes()) == Secrecy::Secret;
    SECRET_KEYS.contains(&key) || is_general() && !PUBLIC_KEYS.contains(&key)
}

/// The line with the values of secret keys, card numbers and long Base64 replaced by `*`, character by character, so that columns stay.
fn hide_secrets(line: &str) -> String {
    let is_base64 = |c: char| c.is_ascii_alphanumeric() || "+/=-_".contains(c);
    if line.len() >= 40 && line.trim().chars().all(is_base64) {
        return "*".repeat(line.chars().count());
    }
    let mut shown: Vec<char> = line.chars().collect();
    let not_in_word = |c: char| !c.is_alphanumeric() && c != '_';
    let mut rest = line;
    for piece in line.split_inclusive(not_in_word) {
        let key = piece.trim_end_matches(not_in_word);
        let after = &rest[key.len()..];
        rest = &rest[piece.len()..];
        if !is_secret(key) {
            continue;
        }
        let value = after.trim_start_matches([' ', '\t', '"', '\'']).strip_prefix(['=', ':']);
        let Some(value) = value else { continue };
        let first = line[..line.len() - value.len()].chars().count();
        hide_value(&mut shown[first..]);
    }
    for digits in shown.chunk_by_mut(|a, b| a.is_ascii_digit() && b.is_ascii_digit()) {
        if CARD_DIGITS.contains(&digits.len()) {
            digits[6..].fill('*');
        }
    }
    shown.into_iter().collect()
}

/// Hides one value at the beginning of `rest`: a string or a bare word; of an inline table, all its values.
fn hide_value(rest: &mut [char]) {
    let Some(start) = rest.iter().position(|c| !c.is_whitespace()) else { return };
    let (open, body) = (rest[start], start + 1);
    let end = match open {
        '"' | '\'' => {
            rest[body..].iter().position(|c| *c == open).map_or(rest.len(), |at| body + at)
        }
        '{' | '[' => rest.len(),
        _ => rest
            .iter()
            .skip(start)
            .position(|c| ",}# ".contains(*c))
            .map_or(rest.len(), |at| start + at),
    };
    let from = if matches!(open, '"' | '\'' | '{' | '[') { body } else { start };
    for c in &mut rest[from..end] {
        if !c.is_whitespace() {
            *c = '*';
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn excerpts_hide_secrets_and_keep_columns() {
        for (line, shown) in [
            (r#"number = "4111111111111111""#, r#"number = "****************""#),
            ("cvv = 123 # note", "cvv = *** # note"),
            (
                r#"{ phone = "855", passcode = "123456", name = "x" }"#,
                r#"{ phone = "855", passcode = "******", name = "x" }"#,
            ),
            (r#"default = { value = "1", mark = "A" }"#, "default = { ***** * **** **** * *** *"),
            (r#"spin = "x""#, r#"spin = "x""#),
            (r#"  - { "pin": "1234", id: a }"#, r#"  - { "pin": "****", id: a }"#),
            ("  card: 4111111111111111", "  card: 411111**********"),
            ("\"cvv\" = '123'", "\"cvv\" = '***'"),
            (
                "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA4XErUBjY",
                "****************************************************",
            ),
        ] {
            assert_eq!(hide_secrets(line), shown);
        }
    }
}
