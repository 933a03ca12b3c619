//! Tables of raw cases, in files of their own: bodies that are JSON or not, and requests that are HTTP or not.

mod http;
mod json;

/// The rows of a table, without comments.
fn rows(table: &'static str) -> impl Iterator<Item = &'static str> {
    table.lines().filter(|line| !line.is_empty() && !line.starts_with('#'))
}

/// The bytes of a case: `‹EF›` is a byte, all else stands for itself.
fn bytes(text: &str) -> Vec<u8> {
    let mut parts = text.split('‹');
    let mut bytes = parts.next().unwrap_or_default().as_bytes().to_vec();
    for part in parts {
        let (digits, rest) = part.split_once('›').expect("a byte ends with ›");
        bytes.push(u8::from_str_radix(digits, 16).expect("two hexadecimal digits"));
        bytes.extend_from_slice(rest.as_bytes());
    }
    bytes
}
