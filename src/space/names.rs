//! Names that come from outside and stand in paths, and names of spaces that are made up.

/// Digits behind a name that was made up.
const TAG_DIGITS: usize = 12;

/// Returns true if a name can stand in paths and files as it is. Clients take `.` and `..` out of paths before they send them.
pub(super) fn is_plain(name: &str, bytes_max: usize) -> bool {
    let good = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    !name.is_empty()
        && name.len() <= bytes_max
        && name.bytes().all(good)
        && !matches!(name, "." | "..")
}

/// Part of the names that a registry makes up. No other registry has it, in this process or another.
#[derive(Debug)]
pub(super) struct NameTag(u64);

impl NameTag {
    pub(super) fn random() -> Self {
        Self(rand::random::<u64>() >> (u64::BITS as usize - 4 * TAG_DIGITS))
    }

    /// A name for the space of that number, such as `s7-3f09c2a417be`.
    pub(super) fn name(&self, number: u32) -> String {
        format!("s{number}-{:0TAG_DIGITS$x}", self.0)
    }
}

/// The part of a space's name on which what is drawn in the space depends. Of a name that was made up it is all but what
/// differs between processes, so that the same calls meet the same draws again.
pub(super) fn repeatable_part(name: &str) -> &str {
    let is_digit = |byte: u8| byte.is_ascii_digit() || matches!(byte, b'a'..=b'f');
    match name.rsplit_once('-') {
        Some((front, tag))
            if tag.len() == TAG_DIGITS
                && tag.bytes().all(is_digit)
                && front.strip_prefix('s').is_some_and(|number| number.parse::<u32>().is_ok()) =>
        {
            front
        }
        _ => name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_made_up_name_repeats_but_for_its_tag() {
        let name = NameTag::random().name(7);
        assert!(is_plain(&name, 64), "{name}");
        assert_eq!(name.len(), "s7-".len() + TAG_DIGITS, "{name}");
        assert_eq!(repeatable_part(&name), "s7");
        for own in
            ["shop", "s7", "s7-short", "s7-3f09c2a417bX", "sx-3f09c2a417be", "7-3f09c2a417be"]
        {
            assert_eq!(repeatable_part(own), own);
        }
    }
}
