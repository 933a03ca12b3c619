//! Texts that travel in a header.

/// Refuses a text that no client could send as the value of a header: it arrives without blanks at its ends.
///
/// # Errors
/// The rule that it breaks, in words.
pub fn check_sendable(text: &str) -> Result<(), &'static str> {
    if text.is_empty() {
        return Err("an empty token can be sent by nobody; leave it out instead");
    }
    let is_plain = text.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ');
    if !is_plain || text.trim_matches(' ').len() < text.len() {
        return Err(
            "a token is sent in a header, so it has ASCII letters, digits and signs, and no blanks at its ends",
        );
    }
    Ok(())
}
