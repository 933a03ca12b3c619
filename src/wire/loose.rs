//! Hides payer secrets in what is no JSON: forms, XML, logs, addresses, and bodies that are cut off or mistyped. It looks
//! for secret names, card numbers and private keys wherever they stand.

use std::borrow::Cow;
use std::ops::Range;

use super::redact::{HIDDEN, Masked, begins_with_card, hidden_form};
use crate::base::{Secrecy, SecretNames};

/// Digits within a name: `cvv2`. More are no part of it: a card number glued to a word must still be seen.
const NAME_DIGITS: usize = 2;
/// Beginnings of RSA keys in Base64: PKCS #8 of any length, PKCS #1 of 1024 bits, of more.
const KEYS: [&[u8]; 3] = [b"IBADANBgkqhkiG", b"IBAAKBg", b"IBAAKCA"];
/// Characters of a line of wrapped Base64.
const BASE64_LINE: usize = 60;
/// Words between the header `Authorization` and what is secret in it.
const SCHEMES: [&[u8]; 4] = [b"bearer", b"basic", b"digest", b"token"];

/// The text without card numbers, private keys, and whatever follows a secret name, quoted or not.
pub(super) fn redact_loosely<'b>(secrets: &SecretNames, body: &'b [u8]) -> Cow<'b, [u8]> {
    let mut masked = Masked::new(body);
    let mut at = 0;
    while at < body.len() {
        let is_escaped = body[at] == b'u' && at > 0 && body[at - 1] == b'\\';
        if is_escaped && !begins_with_card(&body[at + 1..]) {
            at = (at + 5).min(body.len()); // an escaped character, whose digits belong to no number
            continue;
        }
        let name = at..at + name_len(&body[at..]);
        if name.is_empty() {
            let end = rest_end(body, at);
            masked.card_numbers(at..end);
            at = end;
            continue;
        }
        at = name.end;
        let (class, value) = if let Some(key) = private_key(body, &name) {
            (Secrecy::Secret, Some(key))
        } else {
            let class = secrets.class(&body[name.clone()]);
            (class, class.is_hidden().then(|| value_of(body, &name)).flatten())
        };
        let Some(value) = value else { continue };
        let form = hidden_form(&body[value.clone()], class);
        // A word such as `card: VISA` is no number; one in groups is masked as a whole.
        let is_other = class == Secrecy::CardNumber
            && (!body[value.clone()].iter().any(u8::is_ascii_digit)
                || begins_with_card(&body[value.start..]));
        if let Some(form) = form.filter(|_| !is_other) {
            // Attributes of a tag. A private key is its name as well, so nothing stands between them.
            masked.text(secrets, name.end.min(value.start)..value.start);
            masked.replace(value.clone(), form.as_bytes());
            at = value.end;
        }
    }
    masked.finish()
}

/// Returns true for the bytes of which one is in every text that holds something named like a secret.
pub(super) const fn is_mark(byte: u8) -> bool {
    matches!(byte, b'<' | b'\n' | b'%' | b':' | b'=')
}

/// Returns true if a text may hold something that is named like a secret.
pub(super) fn names_a_secret(secrets: &SecretNames, text: &[u8]) -> bool {
    let is_gap = |byte: &&u8| byte.is_ascii_whitespace() || b"\"'\\]".contains(byte);
    let is_name = |byte: &&u8| of_word(**byte) || byte.is_ascii_digit();
    text.iter().enumerate().any(|(at, byte)| match byte {
        // A tag, or a part of a form.
        b'<' | b'\n' | b'%' => true,
        b':' | b'=' => {
            let before = &text[..at];
            let gap = before.iter().rev().take_while(is_gap).count();
            let before = &before[..at - gap];
            let name = before.iter().rev().take_while(is_name).count();
            secrets.class(&before[before.len() - name..]).is_hidden()
        }
        _ => false,
    })
}

/// Returns true for the bytes that names are made of, beside digits.
fn of_word(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || matches!(byte, b'_' | b'-')
}

/// Length of the name that begins `text`; 0 for none.
fn name_len(text: &[u8]) -> usize {
    if !text.first().is_some_and(u8::is_ascii_alphabetic) {
        return 0;
    }
    let mut end = 0;
    loop {
        end += text[end..].iter().take_while(|byte| of_word(**byte)).count();
        let digits = text[end..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        if digits == 0 || digits > NAME_DIGITS {
            return end;
        }
        end += digits;
    }
}

/// The end of what is no name and begins at `at`.
fn rest_end(body: &[u8], at: usize) -> usize {
    let mut end = at;
    loop {
        // The letters of `%2F` begin no name.
        end += if is_encoded(&body[end..]) { 3 } else { 1 };
        if body.get(end).is_none_or(u8::is_ascii_alphabetic) {
            return end;
        }
    }
}

fn is_encoded(text: &[u8]) -> bool {
    matches!(text, [b'%', a, b, ..] if a.is_ascii_hexdigit() && b.is_ascii_hexdigit())
}

/// Range of the value that belongs to a name; `None` where none follows.
fn value_of(body: &[u8], name: &Range<usize>) -> Option<Range<usize>> {
    if is_tag(&body[..name.start]) {
        return tag_content(body, name.end);
    }
    let (mut at, mut is_assigned, mut line_ends) = (name.end, false, 0);
    // The quote that opens the value, and what ends it.
    let mut quote: Option<&[u8]> = None;
    let is_attribute = [&b"name=\""[..], b"name='", b"key=\"", b"key='"]
        .iter()
        .any(|before| body[..name.start].ends_with(before));
    loop {
        let rest = &body[at..];
        let (len, opened): (usize, Option<&[u8]>) = match rest {
            [b':' | b'=', ..] => {
                is_assigned = true;
                (1, None)
            }
            [b'"', ..] => (1, Some(b"\"")),
            [b'\'', ..] => (1, Some(b"'")),
            [b'\n', ..] => {
                line_ends += 1;
                (1, None)
            }
            [b'\\' | b']', ..] => (1, None),
            [byte, ..] if byte.is_ascii_whitespace() => (1, None),
            // The arrow of Ruby and PHP.
            [b'>', ..] if is_assigned && body[at - 1] == b'=' => (1, None),
            [b'%', b'3', b'a' | b'A' | b'd' | b'D', ..] => {
                is_assigned = true;
                (3, None)
            }
            [b'%', b'2', b'2', ..] => (3, Some(b"%22")),
            [b'%', b'2', b'0', ..] | [b'%', b'5', b'd' | b'D', ..] => (3, None),
            _ if is_attribute && !is_assigned && rest.starts_with(b"value=") => (5, None),
            _ => break,
        };
        at += len;
        if is_assigned && opened.is_some() {
            quote = opened;
            break;
        }
    }
    let rest = &body[at..];
    if is_attribute && !is_assigned {
        // A field of a multipart form: its value is what follows an empty line. Of XML: what the tag holds.
        let is_end = |byte: &u8| matches!(byte, b'\r' | b'\n');
        return match rest {
            [b'>', ..] => tag_content(body, at),
            _ if line_ends >= 2 => {
                Some(at..at + rest.iter().position(is_end).unwrap_or(rest.len()))
            }
            _ => None,
        };
    }
    if !is_assigned {
        return None;
    }
    let end = match quote {
        Some(quote) => rest.windows(quote.len()).position(|window| window == quote),
        None => bare_end(rest),
    };
    Some(at..at + end.unwrap_or(rest.len()))
}

/// The end of a value without quotes.
fn bare_end(text: &[u8]) -> Option<usize> {
    let scheme = SCHEMES.iter().find(|scheme| {
        let begin = text.get(..scheme.len());
        begin.is_some_and(|begin| begin.eq_ignore_ascii_case(scheme))
            && text.get(scheme.len()) == Some(&b' ')
    });
    let skipped = scheme.map_or(0, |scheme| scheme.len() + 1);
    let mut open = 0_usize;
    let end = text[skipped..].iter().position(|byte| match byte {
        b'{' | b'[' => {
            open += 1;
            false
        }
        b'}' | b']' if open > 0 => {
            open -= 1;
            false
        }
        byte => open == 0 && (byte.is_ascii_whitespace() || b",;&}]\"'<".contains(byte)),
    });
    end.map(|end| skipped + end)
}

/// Returns true if what comes next is the name of an opening tag: `<` stands before it, perhaps with a namespace.
fn is_tag(before: &[u8]) -> bool {
    let before = before.strip_suffix(b":").map_or(before, |space| {
        let len = space.iter().rev().take_while(|byte| of_word(**byte)).count();
        &space[..space.len() - len]
    });
    before.ends_with(b"<")
}

/// Range of what a tag holds, up to the next closing tag. `at` lies within the opening tag, behind its name.
fn tag_content(body: &[u8], at: usize) -> Option<Range<usize>> {
    let close = body[at..].iter().position(|byte| matches!(byte, b'<' | b'>'))?;
    let start = at + close + 1;
    if body[start - 1] == b'<' || body[start - 2] == b'/' {
        return None;
    }
    let rest = &body[start..];
    let closed = rest.windows(2).position(|window| window == b"</");
    // `<token>` in a text is a placeholder.
    let is_end = |byte: &u8| byte.is_ascii_whitespace() || *byte == b'<';
    let end = closed.or_else(|| rest.iter().position(is_end)).unwrap_or(rest.len());
    let is_empty = rest[..end].iter().all(u8::is_ascii_whitespace);
    (!is_empty).then_some(start..start + end)
}

/// Range of the private key that begins with a word: a PEM block without its lines of `BEGIN` and `END`, or its Base64.
fn private_key(body: &[u8], name: &Range<usize>) -> Option<Range<usize>> {
    let word = &body[name.clone()];
    if word == b"BEGIN" && body[..name.start].ends_with(b"-----") {
        let rest = &body[name.end..];
        let title = rest.windows(5).position(|window| window == b"-----")?;
        let start = name.end + title + 5;
        if !rest[..title].ends_with(b"PRIVATE KEY") {
            return None;
        }
        let rest = &body[start..];
        let end = rest.windows(8).position(|window| window == b"-----END").unwrap_or(rest.len());
        return Some(start..start + end).filter(|key| {
            let text = body[key.clone()].trim_ascii();
            text != HIDDEN.as_bytes() && !text.is_empty()
        });
    }
    let begins = KEYS.iter().any(|key| word.windows(key.len()).any(|window| window == *key));
    if !begins {
        return None;
    }
    let is_base64 = |byte: u8| byte.is_ascii_alphanumeric() || b"+/=_-".contains(&byte);
    let (mut end, mut line) = (name.start, 0);
    while let Some(byte) = body.get(end) {
        let is_wrapped = line >= BASE64_LINE || *byte == b'\n' && body[end - 1] == b'\r';
        match byte {
            byte if is_base64(*byte) => line += 1,
            b'\r' | b'\n' if is_wrapped => line = 0,
            _ => break,
        }
        end += 1;
    }
    Some(name.start..end)
}
