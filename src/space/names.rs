//! Names that come from outside and stand in paths.

/// Returns true if a name can stand in paths and files as it is. Clients take `.` and `..` out of paths before they send them.
pub(super) fn is_plain(name: &str, bytes_max: usize) -> bool {
    let good = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    !name.is_empty()
        && name.len() <= bytes_max
        && name.bytes().all(good)
        && !matches!(name, "." | "..")
}
