//! The pages, as they are written.

use crate::base::{PackedTexts, packed_texts};

/// Every page, under the name in its address.
pub(super) static PAGES: PackedTexts = packed_texts!("docs");

/// Name of the page with the contents.
pub(super) const CONTENTS: &str = "SUMMARY";

/// Title of a page: its first heading.
pub(super) fn title(text: &str) -> &str {
    text.lines().find_map(|line| line.strip_prefix("# ")).unwrap_or("payon-sim")
}
