//! Readings of the received text before it was encoded, and encoded wrongly.

use super::super::encoding::Encoding;
use super::cause::SignatureCause;
use crate::base::sort_by_key;

/// A longer text than this is no signature; it is not searched.
const TEXT_MAX: usize = 8 * 1024;

/// Bytes that the text may stand for, with what was done wrong to get there.
pub(super) struct Reading {
    pub(super) bytes: Vec<u8>,
    pub(super) causes: Vec<SignatureCause>,
}

/// A repair of the text: stable code, what happened, how to undo it.
type Repair = (&'static str, &'static str, fn(&str) -> Option<String>);

const REPAIRS: &[Repair] = &[
    (
        "encoding.plus-lost",
        "every + of the Base64 arrived as a space, as URL decoding does; send the body as JSON, not as a form",
        |text| text.contains(' ').then(|| text.replace(' ', "+")),
    ),
    (
        "encoding.percent",
        "sign is URL-encoded (%2B for +); put the plain text into the JSON body",
        |text| text.contains('%').then(|| percent_decoded(text)).flatten(),
    ),
    ("encoding.quoted", "sign has quotation marks around it", |text| {
        Some(text.strip_prefix(['"', '\''])?.strip_suffix(['"', '\''])?.to_owned())
    }),
    (
        "encoding.line-breaks",
        "sign has its line breaks written out as \\n; take them out",
        |text| text.contains("\\n").then(|| text.replace("\\r", "").replace("\\n", "")),
    ),
];

/// Every reading of `text`, those with the fewest mistakes first.
pub(super) fn readings(text: &str, wanted: Encoding) -> Vec<Reading> {
    let mut readings: Vec<Reading> = Vec::new();
    if text.len() > TEXT_MAX {
        return readings;
    }
    let mut add = |bytes: Vec<u8>, causes: Vec<SignatureCause>| {
        if readings.iter().all(|known| known.bytes != bytes) {
            readings.push(Reading { bytes, causes });
        }
    };
    for (text, repairs) in repaired(text) {
        for (bytes, decoding) in decoded(&text, wanted) {
            let causes = [&repairs[..], &decoding[..]].concat();
            for (bytes, double) in unwrapped(&bytes) {
                add(bytes, [&causes[..], &double[..]].concat());
            }
            add(bytes, causes);
        }
    }
    sort_by_key(&mut readings, |reading| reading.causes.len());
    readings
}

/// The encoding that the text looks like.
pub(super) fn detect(text: &str) -> Option<Encoding> {
    let guesses = [Encoding::Hex, Encoding::Base64, Encoding::Base64Url];
    guesses.into_iter().find(|encoding| encoding.decode(text).is_ok_and(|bytes| !bytes.is_empty()))
}

fn repaired(text: &str) -> Vec<(String, Vec<SignatureCause>)> {
    let plain = std::iter::once((text.to_owned(), Vec::new()));
    let repairs = REPAIRS.iter().filter_map(|(code, message, repair)| {
        Some((repair(text)?, vec![SignatureCause::new(code, *message)]))
    });
    plain.chain(repairs).collect()
}

/// `text` decoded in each encoding, the wanted one first. A text of hexadecimal digits alone is hexadecimal.
fn decoded(text: &str, wanted: Encoding) -> Vec<(Vec<u8>, Vec<SignatureCause>)> {
    let others = [Encoding::Hex, Encoding::Base64Url, Encoding::Base64];
    let encodings = std::iter::once(wanted).chain(others.into_iter().filter(|e| *e != wanted));
    let decode = |encoding: Encoding| {
        let message = format!("sign is written in {encoding}; write it in {wanted}");
        let cause = SignatureCause::new(code(encoding), message);
        let causes = if encoding == wanted { vec![] } else { vec![cause] };
        Some((encoding.decode(text).ok()?, causes))
    };
    encodings.filter_map(decode).collect()
}

fn code(encoding: Encoding) -> &'static str {
    match encoding {
        Encoding::Base64 | Encoding::Base64Unpadded | Encoding::Base64Lines => "encoding.base64",
        Encoding::Base64Url | Encoding::Base64UrlPadded => "encoding.base64url",
        Encoding::Hex | Encoding::HexUpper => "encoding.hex",
        Encoding::Base64OfHex => "encoding.base64-of-hex",
    }
}

/// Contents of `bytes` one layer further in: text that was encoded twice, or numbers of the other byte order.
fn unwrapped(bytes: &[u8]) -> Vec<(Vec<u8>, Vec<SignatureCause>)> {
    let mut inner = Vec::new();
    if let Ok(text) = std::str::from_utf8(bytes) {
        inner.extend(Encoding::READ.iter().filter_map(|encoding| {
            let message = format!(
                "sign was encoded twice: its bytes are {encoding} text again; encode the signature's own bytes once"
            );
            Some((encoding.decode(text).ok()?, vec![SignatureCause::new("encoding.double", message)]))
        }));
    }
    let message = "the bytes of sign are in reverse order (the Windows CryptoAPI writes them so); turn them round";
    let reversed = bytes.iter().rev().copied().collect();
    inner.push((reversed, vec![SignatureCause::new("encoding.byte-order", message)]));
    inner
}

fn percent_decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        rest = tail;
        if *first == b'%' {
            let (digits, tail) = rest.split_at_checked(2)?;
            bytes.extend(Encoding::Hex.decode(std::str::from_utf8(digits).ok()?).ok()?);
            rest = tail;
        } else {
            bytes.push(*first);
        }
    }
    String::from_utf8(bytes).ok()
}
