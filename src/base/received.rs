//! Texts as they come from editors and clients: with a byte order mark before them, or as something else than JSON.

/// The byte order mark of UTF-8, which some editors and libraries write before a text.
const MARK: &[u8] = b"\xef\xbb\xbf";

/// First bytes of what is sent in place of JSON by mistake, with its name and advice.
const BINARY: [(&[u8], &str); 10] = [
    (b"\x1f\x8b", "compressed with gzip; send it uncompressed"),
    (b"\x28\xb5\x2f\xfd", "compressed with zstd; send it uncompressed"),
    (b"\x78\x01", "compressed with deflate; send it uncompressed"),
    (b"\x78\x9c", "compressed with deflate; send it uncompressed"),
    (b"\x78\xda", "compressed with deflate; send it uncompressed"),
    (b"\xff\xfe\0\0", "UTF-32 text, not UTF-8; send it as UTF-8"),
    (b"\0\0\xfe\xff", "UTF-32 text, not UTF-8; send it as UTF-8"),
    (b"\xff\xfe", "UTF-16 text, not UTF-8; send it as UTF-8"),
    (b"\xfe\xff", "UTF-16 text, not UTF-8; send it as UTF-8"),
    (b"PK\x03\x04", "a ZIP file; send JSON"),
];

/// The beginnings of texts that are sent in place of JSON by mistake, in lower case.
const TEXTS: [(&str, &str); 8] = [
    ("<?xml", "XML; send JSON"),
    ("<!doctype html", "an HTML page; send JSON"),
    ("<html", "an HTML page; send JSON"),
    ("<", "XML or HTML; send JSON"),
    ("[object object]", "JavaScript's name of an object; send JSON.stringify of it"),
    ("{'", "in single quotes, as Python and JavaScript print objects; JSON takes double quotes"),
    ("%7b", "percent-encoded; send the JSON itself"),
    ("\"{\\\"", "JSON within a JSON string: it was encoded twice; send the object itself"),
];

/// Encodings of a body by their names in `Content-Encoding`.
const ENCODINGS: [&str; 6] = ["gzip", "x-gzip", "deflate", "br", "zstd", "compress"];

/// A text without the byte order mark before it.
pub fn without_mark(text: &[u8]) -> &[u8] {
    text.strip_prefix(MARK).unwrap_or(text)
}

/// Returns true if a byte order mark stands before a text.
pub fn has_mark(text: &[u8]) -> bool {
    text.starts_with(MARK)
}

/// A name and advice for what was sent in place of JSON, where it is known: `the body is` goes before it.
#[cold]
pub fn recognised(body: &[u8]) -> Option<&'static str> {
    if let Some(name) = encoded(body) {
        return Some(name);
    }
    let start = String::from_utf8_lossy(&body[..body.len().min(4096)]);
    let start = start.trim_start().to_ascii_lowercase();
    if let Some((_, name)) = TEXTS.iter().find(|(text, _)| start.starts_with(text)) {
        return Some(name);
    }
    if start.starts_with("--") && start.contains("content-disposition") {
        return Some("a multipart form; send JSON");
    }
    // A form has a name before the first mark, and that mark is `=`.
    let is_name = |letter: char| letter.is_ascii_alphanumeric() || "_-.[]%+".contains(letter);
    let name = start.find(|letter| !is_name(letter)).unwrap_or(start.len());
    (name > 0 && start[name..].starts_with('='))
        .then_some("a form, such as name=value&name=value; send JSON")
}

/// The text of what was given as one, which must be UTF-8; else words for what it is: `the file is` goes before them.
pub fn utf8(bytes: &[u8]) -> Result<&str, String> {
    if let Some(name) = encoded(bytes) {
        return Err(name.to_owned());
    }
    std::str::from_utf8(bytes).map_err(|error| format!("not UTF-8 (byte {})", error.valid_up_to()))
}

/// A name and advice for bytes that are text only once they are unpacked or converted.
#[cold]
pub fn encoded(body: &[u8]) -> Option<&'static str> {
    let row = BINARY.iter().find(|(start, _)| body.starts_with(start));
    if let Some((_, name)) = row {
        return Some(name);
    }
    // ASCII text in wider units has zeros at known places.
    let zeros: Vec<bool> = body.iter().take(4).map(|byte| *byte == 0).collect();
    match zeros[..] {
        [true, true, true, false] | [false, true, true, true] => {
            Some("UTF-32 text, not UTF-8; send it as UTF-8")
        }
        [false, true, false, true] | [true, false, true, false] | [false, true] | [true, false] => {
            Some("UTF-16 text, not UTF-8; send it as UTF-8")
        }
        _ => None,
    }
}

/// Message about a body that its `Content-Encoding` rightly calls compressed. Some clients say so of plain JSON, which
/// is taken.
#[cold]
pub fn compressed(encoding: &[u8], body: &[u8]) -> Option<String> {
    let encoding = std::str::from_utf8(encoding).unwrap_or_default().trim().to_ascii_lowercase();
    let named = encoding.split(',').map(str::trim).rfind(|name| !name.is_empty())?;
    if named == "identity" {
        return None;
    }
    let text = without_mark(body).trim_ascii_start();
    if matches!(text.first(), None | Some(b'{' | b'[')) {
        return None;
    }
    let known = ENCODINGS.iter().find(|known| **known == named).unwrap_or(&"an unknown encoding");
    Some(format!("the body is compressed (Content-Encoding: {known}); send it uncompressed"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sent_by_mistake_has_a_name() {
        for (body, name) in [
            (&b"\x1f\x8b\x08\0"[..], "gzip"),
            (b"\x78\x9c\xab\x56", "deflate"),
            (b"\xff\xfe{\0\"\0", "UTF-16"),
            (b"\xfe\xff\0{", "UTF-16"),
            (b"{\0\"\0a\0", "UTF-16"),
            (b"\0{\0\"", "UTF-16"),
            (b"{\0\0\0", "UTF-32"),
            (b"merchantId=C0000143&termId=CT03000003", "a form"),
            (b"a%5B0%5D=1", "a form"),
            (b"--x\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n--x--", "multipart"),
            (b" <?xml version=\"1.0\"?>", "XML"),
            (b"<!DOCTYPE html>", "HTML"),
            (b"[object Object]", "JSON.stringify"),
            (b"{'a': 1}", "single quotes"),
            (b"\"{\\\"a\\\":1}\"", "twice"),
        ] {
            let found = recognised(body).unwrap_or_default();
            assert!(found.contains(name), "{name}: {found}");
        }
        for body in [&b"{\"a\":1}"[..], b"", b"[", b"{a:1}", b"nul", b"a", b"{", b"\xff"] {
            assert_eq!(recognised(body), None, "{body:?}");
        }
    }

    #[test]
    fn an_encoding_is_named_where_the_body_has_it() {
        assert_eq!(compressed(b"identity", b"\x1f"), None);
        assert_eq!(compressed(b"gzip", b" {\"a\":1}"), None);
        assert!(compressed(b"br", b"\x0b\x02").is_some_and(|text| text.contains("br")));
        assert!(compressed(b"secret4012", b"\x0b").is_some_and(|text| !text.contains("4012")));
    }
}
