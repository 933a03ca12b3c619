//! curl command lines, as people keep them in scripts and browsers copy them.

use super::{CaptureError, CapturedCall};

/// Options without a value; all others of the short form take one.
const SHORT_FLAGS: &str = "#0123468BGIJLMNOSVafgijklnpqsvZ";

/// Long options that take a value. Of the others nothing is skipped.
const LONG_VALUES: &[&str] = &[
    "--request",
    "--header",
    "--user",
    "--user-agent",
    "--cookie",
    "--cookie-jar",
    "--referer",
    "--output",
    "--max-time",
    "--connect-timeout",
    "--retry",
    "--retry-delay",
    "--retry-max-time",
    "--proxy",
    "--proxy-user",
    "--cacert",
    "--capath",
    "--cert",
    "--cert-type",
    "--key",
    "--key-type",
    "--pass",
    "--resolve",
    "--connect-to",
    "--form",
    "--upload-file",
    "--write-out",
    "--dump-header",
    "--limit-rate",
    "--interface",
    "--ciphers",
    "--config",
    "--range",
    "--trace",
    "--trace-ascii",
    "--unix-socket",
];

/// A command of that name begins a line, perhaps behind a prompt.
pub(super) fn is_curl(text: &str) -> bool {
    text.split(|mark: char| mark.is_whitespace() || "|;&$(`".contains(mark)).any(is_command)
}

fn is_command(word: &str) -> bool {
    let program = word.rsplit(['/', '\\']).next().unwrap_or(word);
    matches!(program, "curl" | "curl.exe")
}

/// The requests of all command lines.
pub(super) fn read(
    name: &str,
    text: &str,
    file: &dyn Fn(&str) -> Option<String>,
) -> Result<Vec<CapturedCall>, CaptureError> {
    let mut recorded = Vec::new();
    let commands = commands(text)?;
    let curls = commands.iter().filter_map(|words| {
        let start = words.iter().position(|word| is_command(word))?;
        Some(&words[start + 1..])
    });
    for (number, words) in (1..).zip(curls) {
        let request = request(words, file)?;
        if let Some(body) = request.body {
            let name = format!("{name}, command {number}");
            recorded.push(CapturedCall { name, url: request.url, body });
        }
    }
    Ok(recorded)
}

#[derive(Default)]
struct CurlRequest {
    url: Option<String>,
    body: Option<String>,
}

impl CurlRequest {
    /// Adds data: several pieces are joined by `&`, except after `--json`.
    fn add(
        &mut self,
        option: &str,
        value: &str,
        file: &dyn Fn(&str) -> Option<String>,
    ) -> Result<(), CaptureError> {
        let data = match value.strip_prefix('@') {
            Some(path) if option != "--data-raw" => {
                let text = file(path).ok_or_else(|| CaptureError::File(path.to_owned()))?;
                // As curl does: only --data-binary and --json keep line ends of a file.
                if matches!(option, "--data-binary" | "--json") {
                    text
                } else {
                    text.replace(['\r', '\n'], "")
                }
            }
            _ => value.to_owned(),
        };
        let body = self.body.get_or_insert_default();
        if !body.is_empty() && option != "--json" {
            body.push('&');
        }
        body.push_str(&data);
        Ok(())
    }
}

fn request(
    words: &[String],
    file: &dyn Fn(&str) -> Option<String>,
) -> Result<CurlRequest, CaptureError> {
    let mut request = CurlRequest::default();
    let mut words = words.iter().map(String::as_str);
    while let Some(word) = words.next() {
        if word == "-d" {
            request.add("--data", words.next().unwrap_or_default(), file)?;
        } else if let Some(value) = word.strip_prefix("-d") {
            request.add("--data", value, file)?;
        } else if let Some(option) = data_option(word) {
            let inline = word.split_once('=').map(|(_, value)| value);
            let value = inline.or_else(|| words.next()).unwrap_or_default();
            request.add(option, value, file)?;
        } else if word == "--url" {
            request.url = words.next().map(str::to_owned);
        } else if word.starts_with("--") {
            if LONG_VALUES.contains(&word) {
                words.next();
            }
        } else if let Some(flags) = word.strip_prefix('-').filter(|flags| !flags.is_empty()) {
            // `-sXPOST`: the first option with a value takes the rest of the word, or the next one.
            let with_value = flags.trim_start_matches(|flag| SHORT_FLAGS.contains(flag));
            let mut letters = with_value.chars();
            if let Some(option) = letters.next() {
                let rest = letters.as_str();
                let value = if rest.is_empty() { words.next().unwrap_or_default() } else { rest };
                if option == 'd' {
                    request.add("--data", value, file)?;
                }
            }
        } else {
            request.url.get_or_insert_with(|| word.to_owned());
        }
    }
    Ok(request)
}

/// The data option that a word is.
fn data_option(word: &str) -> Option<&'static str> {
    let name = word.split('=').next().unwrap_or(word);
    let known = ["--data", "--data-raw", "--data-binary", "--data-ascii", "--json"];
    known.into_iter().find(|known| *known == name)
}

/// The words of each command, as a POSIX shell (and bash's `$'…'`) splits them.
fn commands(text: &str) -> Result<Vec<Vec<String>>, CaptureError> {
    let mut commands = vec![Vec::new()];
    let mut word: Option<String> = None;
    let mut marks = text.chars().peekable();
    // The command prompt of Windows continues lines with a caret and escapes with it.
    let has_carets = text.lines().any(|line| line.trim_end().ends_with('^'));
    while let Some(mark) = marks.next() {
        match mark {
            '\'' => {
                let word = word.get_or_insert_default();
                loop {
                    match marks.next() {
                        None => return Err(CaptureError::Quote),
                        Some('\'') => break,
                        Some(other) => word.push(other),
                    }
                }
            }
            '"' => double_quoted(&mut marks, word.get_or_insert_default())?,
            '$' if marks.peek() == Some(&'\'') => {
                marks.next();
                dollar_quoted(&mut marks, word.get_or_insert_default())?;
            }
            '\\' => continued(&mut marks, &mut word),
            '^' if has_carets => continued(&mut marks, &mut word),
            '\n' | ';' | '|' | '&' => {
                end_word(&mut commands, &mut word);
                commands.push(Vec::new());
            }
            '#' if word.is_none() => while marks.next_if(|mark| *mark != '\n').is_some() {},
            blank if blank.is_whitespace() => end_word(&mut commands, &mut word),
            other => word.get_or_insert_default().push(other),
        }
    }
    end_word(&mut commands, &mut word);
    Ok(commands)
}

type CurlMarks<'a> = std::iter::Peekable<std::str::Chars<'a>>;

fn end_word(commands: &mut [Vec<String>], word: &mut Option<String>) {
    if let (Some(word), Some(command)) = (word.take(), commands.last_mut()) {
        command.push(word);
    }
}

/// The mark behind an escape outside quotes; a line end there continues the line.
fn continued(marks: &mut CurlMarks<'_>, word: &mut Option<String>) {
    match marks.next() {
        Some('\r') if marks.peek() == Some(&'\n') => {
            marks.next();
        }
        Some('\n') | None => {}
        Some(other) => word.get_or_insert_default().push(other),
    }
}

fn double_quoted(marks: &mut CurlMarks<'_>, word: &mut String) -> Result<(), CaptureError> {
    loop {
        match marks.next() {
            None => return Err(CaptureError::Quote),
            Some('"') => return Ok(()),
            Some('\\') => match marks.next() {
                Some('\n') | None => {}
                Some(escaped @ ('"' | '\\' | '$' | '`')) => word.push(escaped),
                Some(other) => word.extend(['\\', other]),
            },
            Some(other) => word.push(other),
        }
    }
}

/// bash's `$'…'` with its C escapes.
fn dollar_quoted(marks: &mut CurlMarks<'_>, word: &mut String) -> Result<(), CaptureError> {
    loop {
        match marks.next() {
            None => return Err(CaptureError::Quote),
            Some('\'') => return Ok(()),
            Some('\\') => match marks.next() {
                Some('n') => word.push('\n'),
                Some('r') => word.push('\r'),
                Some('t') => word.push('\t'),
                Some(kind @ ('u' | 'x')) => {
                    let most = if kind == 'u' { 4 } else { 2 };
                    let mut number = 0;
                    for _ in 0..most {
                        let Some(digit) = marks.peek().and_then(|mark| mark.to_digit(16)) else {
                            break;
                        };
                        number = number * 16 + digit;
                        marks.next();
                    }
                    word.push(char::from_u32(number).unwrap_or(char::REPLACEMENT_CHARACTER));
                }
                Some(other) => word.push(other),
                None => return Err(CaptureError::Quote),
            },
            Some(other) => word.push(other),
        }
    }
}
