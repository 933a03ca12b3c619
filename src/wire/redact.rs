//! Hides payer secrets in a body before it is journaled or logged.
//!
//! A body that is JSON is walked once by a small tokenizer and stays JSON of the same shape;
//! nothing is allocated when nothing is secret. Anything else, be it cut off, mistyped or not JSON
//! at all, is treated with suspicion: whatever follows a secret name is hidden, and so is every
//! card number.

use std::borrow::Cow;
use std::ops::Range;

use super::card::{Scheme, luhn_digits};
use super::loose::{is_mark, names_a_secret, redact_loosely};
use crate::base::{CARD_DIGITS, Fields, Secrecy, SecretNames};

/// Text in the place of a secret.
pub(super) const HIDDEN: &str = "***";
/// Digits that each group of a card number written in groups has at least.
const GROUP_DIGITS: usize = 3;
/// Bytes of the longest card number in groups.
const CARD_CHARS: usize = 64;
/// Containers within containers before a body counts as malformed; serde_json stops there too.
const DEPTH_MAX: usize = 128;
/// Beginnings of addresses, within quotation marks.
const SCHEMES: [&[u8]; 2] = [b"\"https:", b"\"http:"];
/// Characters from which on a text may hold a private key.
const KEY_CHARS: usize = 256;

/// The body with payer secrets hidden: values of members named like secrets (security code, PIN,
/// passcode, OTP, …) become `***`, card numbers keep their first six and last four digits, wherever
/// they stand.
pub fn redact<'b>(secrets: &SecretNames, body: &'b [u8]) -> Cow<'b, [u8]> {
    match Tokens::new(secrets, body).run() {
        Ok(redacted) => redacted,
        // In UTF-16 and UTF-32 zeros stand between the digits.
        Err(NotJson) if body.contains(&0) => {
            let bytes: Vec<u8> = body.iter().copied().filter(|byte| *byte != 0).collect();
            match redact(secrets, &bytes) {
                Cow::Borrowed(_) => Cow::Borrowed(body),
                Cow::Owned(redacted) => Cow::Owned(redacted),
            }
        }
        Err(NotJson) => redact_loosely(secrets, body),
    }
}

/// A text for people with payer secrets hidden: card numbers, private keys, and whatever follows a secret name.
pub fn redact_text<'t>(secrets: &SecretNames, text: &'t str) -> Cow<'t, str> {
    match redact_loosely(secrets, text.as_bytes()) {
        Cow::Borrowed(_) => Cow::Borrowed(text),
        Cow::Owned(bytes) => Cow::Owned(String::from_utf8_lossy(&bytes).into_owned()),
    }
}

/// The value of a header with payer secrets hidden.
pub fn redact_header<'v>(secrets: &SecretNames, name: &str, value: &'v str) -> Cow<'v, str> {
    let class = secrets.header_class(name.as_bytes());
    let hidden: Option<Cow<'v, str>> =
        class.is_hidden().then(|| hidden_form(value.as_bytes(), class)).flatten();
    hidden.unwrap_or_else(|| redact_text(secrets, value))
}

/// Returns true if a body with these members surely holds nothing that [`redact`] would hide. Most bodies do not, and they
/// are parsed anyway; so most need not be walked a second time. When in doubt, no.
pub fn is_harmless(secrets: &SecretNames, fields: &Fields<'_>) -> bool {
    let all_plain = fields.is_plain();
    (all_plain || fields.repeated().is_empty())
        && fields.iter().all(|(name, value)| {
            let is_plain = || !value.is_nested() && !value.raw().as_bytes().contains(&b'\\');
            (all_plain || is_plain())
                && !is_suspect(secrets, name.as_bytes())
                && match secrets.class(name.as_bytes()) {
                    Secrecy::Identifier => true,
                    Secrecy::Plain => !is_suspect(secrets, value.raw().as_bytes()),
                    Secrecy::CardNumber | Secrecy::Secret => false,
                }
        })
}

/// Returns true if a text may hold a card number, a key, or something that is named like a secret.
fn is_suspect(secrets: &SecretNames, text: &[u8]) -> bool {
    if text.len() >= KEY_CHARS {
        return true;
    }
    // The scheme of an address names nothing: with it each would be read twice.
    let text = SCHEMES.iter().find_map(|scheme| text.strip_prefix(*scheme)).unwrap_or(text);
    // One pass without branches over what nearly every text is: it takes 2,000 instructions off a registration of 44,000.
    let weight: usize = text.iter().map(|byte| usize::from(WEIGHTS[usize::from(*byte)])).sum();
    weight % KEY_CHARS >= CARD_DIGITS.start
        || (weight >= KEY_CHARS && names_a_secret(secrets, text))
}

/// One for each digit, and for each byte that may part a secret from its name more than a short text has digits.
#[expect(clippy::cast_possible_truncation, reason = "a weight is at most KEY_CHARS")]
const WEIGHTS: [u16; 256] = {
    let mut weights = [0; 256];
    let mut byte = 0_usize;
    while byte < weights.len() {
        let is_digit = (byte as u8).is_ascii_digit();
        weights[byte] = is_digit as u16 + if is_mark(byte as u8) { KEY_CHARS as u16 } else { 0 };
        byte += 1;
    }
    weights
};

/// A text with the card numbers in it masked.
pub fn hide_card_numbers(text: &str) -> Cow<'_, str> {
    let mut masked = Masked::new(text.as_bytes());
    masked.card_numbers(0..text.len());
    match masked.finish() {
        Cow::Borrowed(_) => Cow::Borrowed(text),
        Cow::Owned(bytes) => Cow::Owned(String::from_utf8_lossy(&bytes).into_owned()),
    }
}

/// A copy of a body in the making; it costs nothing until the first replacement.
pub(super) struct Masked<'a> {
    body: &'a [u8],
    out: Vec<u8>,
    copied: usize,
}

impl<'a> Masked<'a> {
    pub(super) fn new(body: &'a [u8]) -> Self {
        Self { body, out: Vec::new(), copied: 0 }
    }

    /// Puts `text` in the place of `range`, which lies behind all ranges replaced so far.
    pub(super) fn replace(&mut self, range: Range<usize>, text: &[u8]) {
        self.out.extend_from_slice(&self.body[self.copied..range.start]);
        self.out.extend_from_slice(text);
        self.copied = range.end;
    }

    /// Masks what looks like a card number within `range`.
    pub(super) fn card_numbers(&mut self, range: Range<usize>) {
        let mut at = range.start;
        while let Some(found) = next_card(&self.body[at..range.end]) {
            let (start, end) = (at + found.start, at + found.end);
            let masked = mask_digits(&self.body[start..end]);
            self.replace(start..end, masked.as_bytes());
            at = end;
        }
    }

    /// Masks what is secret in a text within `range`.
    pub(super) fn text(&mut self, secrets: &SecretNames, range: Range<usize>) {
        if let Cow::Owned(redacted) = redact_loosely(secrets, &self.body[range.clone()]) {
            self.replace(range, &redacted);
        }
    }

    pub(super) fn finish(mut self) -> Cow<'a, [u8]> {
        if self.copied == 0 {
            return Cow::Borrowed(self.body);
        }
        self.out.extend_from_slice(&self.body[self.copied..]);
        Cow::Owned(self.out)
    }
}

/// Replacement for a value that is secret by its name; `None` when it may stay as it
/// is.
pub(super) fn hidden_form(value: &[u8], class: Secrecy) -> Option<Cow<'static, str>> {
    let digits = value.iter().filter(|byte| byte.is_ascii_digit()).count();
    let only = |also: &[u8]| value.iter().all(|b| b.is_ascii_digit() || also.contains(b));
    let card = class == Secrecy::CardNumber;
    let masked_already = card && value.contains(&b'*') && digits <= 10 && only(b"*");
    if value.is_empty() || value == HIDDEN.as_bytes() || masked_already {
        None
    } else if card && CARD_DIGITS.contains(&digits) && only(b" -") {
        Some(Cow::Owned(mask_digits(value)))
    } else {
        Some(Cow::Borrowed(HIDDEN))
    }
}

/// First six and last four digits with asterisks between; separators are dropped.
fn mask_digits(number: &[u8]) -> String {
    let (mut digits, mut at) = (Vec::new(), 0);
    while at < number.len() {
        digits.extend(Some(number[at]).filter(u8::is_ascii_digit));
        // The digits of a percent-encoded blank are none of its own.
        at += if number[at] == b'%' { 3 } else { 1 };
    }
    let shown = |index: usize| index < 6 || index + 4 >= digits.len();
    let masked = digits.iter().enumerate();
    masked.map(|(index, digit)| if shown(index) { char::from(*digit) } else { '*' }).collect()
}

/// The first card number in `text`: an unbroken run of digits, or groups with one or two blanks or signs between.
fn next_card(text: &[u8]) -> Option<Range<usize>> {
    let mut at = 0;
    while at + CARD_DIGITS.start <= text.len() {
        if !text[at].is_ascii_digit() {
            at += 1;
            continue;
        }
        let run = digits_len(&text[at..]);
        let card = if run < CARD_DIGITS.start {
            grouped_card(&text[at..])
        } else {
            is_card(&text[at..at + run]).then_some(run)
        };
        if let Some(len) = card {
            return Some(at..at + len);
        }
        at += run;
    }
    None
}

/// Returns true if a card number stands at the beginning of `text`.
pub(super) fn begins_with_card(text: &[u8]) -> bool {
    let text = &text[..text.len().min(CARD_CHARS)];
    text.first().is_some_and(u8::is_ascii_digit)
        && next_card(text).is_some_and(|card| card.start == 0)
}

fn digits_len(text: &[u8]) -> usize {
    text.iter().take_while(|byte| byte.is_ascii_digit()).count()
}

/// The length of the card number whose groups of digits begin `text`.
fn grouped_card(text: &[u8]) -> Option<usize> {
    let mut digits = [0_u8; CARD_DIGITS.end - 1];
    let (mut count, mut at) = (0, 0);
    loop {
        let run = digits_len(&text[at..]);
        let group =
            digits.get_mut(count..count + run).filter(|group| group.len() >= GROUP_DIGITS)?;
        group.copy_from_slice(&text[at..at + run]);
        count += run;
        at += run;
        if is_card(&digits[..count]) {
            return Some(at);
        }
        let mut rest = &text[at..];
        for _ in 0..2 {
            rest = &rest[sign_len(rest)..];
        }
        if rest.len() == text.len() - at {
            return None;
        }
        at = text.len() - rest.len();
    }
}

/// Length of a blank or sign at the beginning of `text` that people write between groups of digits; 0 for none.
fn sign_len(text: &[u8]) -> usize {
    match text {
        [b' ' | b'\t' | b'-' | b'.' | b'_' | b'/' | b'+', ..] => 1,
        // The blank that does not break.
        [0xc2, 0xa0, ..] => 2,
        // The other blanks and dashes of Unicode, and a percent-encoded blank.
        [0xe2, 0x80, 0x80..=0xaf, ..]
        | [0xe2, 0x88, 0x92, ..]
        | [0xe3, 0x80, 0x80, ..]
        | [b'%', b'2', b'0', ..] => 3,
        _ => 0,
    }
}

/// Returns true if a run of digits is a card number as far as anyone can tell: a known prefix with its
/// length and check digit, or PAYON's own range, which has none.
fn is_card(digits: &[u8]) -> bool {
    if !CARD_DIGITS.contains(&digits.len()) {
        return false;
    }
    if digits.len() == 16 && digits.starts_with(b"1010") {
        return true;
    }
    luhn_digits(digits) && std::str::from_utf8(digits).is_ok_and(|text| Scheme::of(text).is_some())
}

/// The body is no JSON.
struct NotJson;

/// Next token that may come.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Next {
    Value,
    ValueOrClose,
    Name,
    NameOrClose,
    CommaOrClose,
    End,
}

/// One walk over a JSON body.
struct Tokens<'s, 'a> {
    secrets: &'s SecretNames,
    body: &'a [u8],
    at: usize,
    masked: Masked<'a>,
    next: Next,
    /// One bit a container from the outermost: set for an object.
    objects: u128,
    depth: usize,
    /// The class of the value that comes next.
    class: Secrecy,
    /// The depth of the container whose whole content is secret; 0 for none.
    secret_depth: usize,
}

impl<'s, 'a> Tokens<'s, 'a> {
    fn new(secrets: &'s SecretNames, body: &'a [u8]) -> Self {
        Self {
            secrets,
            body,
            at: 0,
            masked: Masked::new(body),
            next: Next::Value,
            objects: 0,
            depth: 0,
            class: Secrecy::Plain,
            secret_depth: 0,
        }
    }

    fn run(mut self) -> Result<Cow<'a, [u8]>, NotJson> {
        while let Some(byte) = self.peek() {
            match (byte, self.next) {
                (b'{' | b'[', Next::Value | Next::ValueOrClose) => self.open(byte == b'{')?,
                (b'}', Next::NameOrClose) | (b']', Next::ValueOrClose) => self.close(),
                (b'}' | b']', Next::CommaOrClose) if self.in_object() == (byte == b'}') => {
                    self.close();
                }
                (b',', Next::CommaOrClose) => {
                    self.at += 1;
                    self.class = Secrecy::Plain;
                    self.next = if self.in_object() { Next::Name } else { Next::Value };
                }
                (b'"', Next::Name | Next::NameOrClose) => self.name()?,
                (b'"', Next::Value | Next::ValueOrClose) => self.string()?,
                (_, Next::Value | Next::ValueOrClose) => self.bare()?,
                _ => return Err(NotJson),
            }
        }
        if self.next == Next::End { Ok(self.masked.finish()) } else { Err(NotJson) }
    }

    /// The next byte that is no blank.
    fn peek(&mut self) -> Option<u8> {
        let rest = &self.body[self.at..];
        let blanks = rest.iter().take_while(|b| matches!(b, b' ' | b'\t' | b'\n' | b'\r')).count();
        self.at += blanks;
        self.body.get(self.at).copied()
    }

    fn in_object(&self) -> bool {
        self.objects & 1 == 1
    }

    fn open(&mut self, object: bool) -> Result<(), NotJson> {
        if self.depth == DEPTH_MAX {
            return Err(NotJson);
        }
        self.at += 1;
        self.depth += 1;
        self.objects = self.objects << 1 | u128::from(object);
        if self.secret_depth == 0 && self.class.is_hidden() {
            self.secret_depth = self.depth;
        }
        self.class = Secrecy::Plain;
        self.next = if object { Next::NameOrClose } else { Next::ValueOrClose };
        Ok(())
    }

    fn close(&mut self) {
        self.at += 1;
        if self.secret_depth == self.depth {
            self.secret_depth = 0;
        }
        self.depth -= 1;
        self.objects >>= 1;
        self.after_value();
    }

    fn after_value(&mut self) {
        self.next = if self.depth == 0 { Next::End } else { Next::CommaOrClose };
    }

    /// Takes a string and gives the range between its quotes.
    fn quoted(&mut self) -> Result<Range<usize>, NotJson> {
        let start = self.at + 1;
        let mut end = start;
        loop {
            match self.body.get(end) {
                Some(b'"') => break,
                Some(b'\\') => end += 2,
                Some(0x20..) => end += 1,
                _ => return Err(NotJson),
            }
        }
        self.at = end + 1;
        Ok(start..end)
    }

    fn name(&mut self) -> Result<(), NotJson> {
        let range = self.quoted()?;
        let name = &self.body[range.clone()];
        self.class = if name.contains(&b'\\') {
            decoded(name).map_or(Secrecy::Secret, |name| self.secrets.class(name.as_bytes()))
        } else {
            self.secrets.class(name)
        };
        self.text(range);
        if self.peek() != Some(b':') {
            return Err(NotJson);
        }
        self.at += 1;
        self.next = Next::Value;
        Ok(())
    }

    /// The class that counts for a value: within a secret container nothing is harmless.
    fn effective_class(&self) -> Secrecy {
        match self.class {
            Secrecy::Plain | Secrecy::Identifier if self.secret_depth > 0 => Secrecy::CardNumber,
            class => class,
        }
    }

    fn string(&mut self) -> Result<(), NotJson> {
        let range = self.quoted()?;
        match self.effective_class() {
            Secrecy::Identifier => {}
            Secrecy::Plain => self.text(range),
            class => {
                if let Some(form) = hidden_form(&self.body[range.clone()], class) {
                    self.masked.replace(range, form.as_bytes());
                }
            }
        }
        self.after_value();
        Ok(())
    }

    /// Masks what is secret in the inside of a string, also when it hides behind escapes or stands next to one.
    fn text(&mut self, range: Range<usize>) {
        let inside = &self.body[range.clone()];
        if !inside.contains(&b'\\') {
            if is_suspect(self.secrets, inside) {
                self.masked.text(self.secrets, range);
            }
            return;
        }
        let Some(text) = decoded(inside) else {
            return self.masked.replace(range, HIDDEN.as_bytes());
        };
        if is_suspect(self.secrets, text.as_bytes())
            && let Cow::Owned(hidden) = redact_text(self.secrets, &text)
        {
            let json = serde_json::Value::String(hidden).to_string();
            self.masked.replace(range, &json.as_bytes()[1..json.len() - 1]);
        }
    }

    /// A number, `true`, `false` or `null`. Only numbers can be secret.
    fn bare(&mut self) -> Result<(), NotJson> {
        let start = self.at;
        let rest = &self.body[start..];
        let of_token = |b: &&u8| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.');
        let token = &rest[..rest.iter().take_while(of_token).count()];
        self.at += token.len();
        self.after_value();
        if matches!(token, b"true" | b"false" | b"null") {
            return Ok(());
        }
        if !matches!(token.first(), Some(b'-' | b'0'..=b'9')) {
            return Err(NotJson);
        }
        let form = match self.effective_class() {
            Secrecy::Identifier => None,
            Secrecy::Plain => next_card(token).map(|card| Cow::Owned(mask_digits(&token[card]))),
            class => hidden_form(token, class),
        };
        if let Some(form) = form {
            self.masked.replace(start..self.at, format!("\"{form}\"").as_bytes());
        }
        Ok(())
    }
}

/// The inside of a JSON string with its escapes resolved.
fn decoded(inside: &[u8]) -> Option<String> {
    let quoted = [b"\"", inside, b"\""].concat();
    serde_json::from_slice(&quoted).ok()
}
