//! The pages, as they are written.

use std::sync::OnceLock;

use super::made;
use crate::base::{PackedTexts, packed_texts};

/// Every page, under the name in its address.
pub(super) static PAGES: Pages = Pages(OnceLock::new());

/// Name of the page with the contents.
pub(super) const CONTENTS: &str = "SUMMARY";

/// The pages that were written and those that the program makes, by name. They are made when the first is read.
pub(super) struct Pages(OnceLock<Vec<(&'static str, &'static str)>>);

impl Pages {
    /// All names and texts.
    pub(super) fn all(&self) -> &[(&'static str, &'static str)] {
        static WRITTEN: PackedTexts = packed_texts!("docs");
        self.0.get_or_init(|| {
            let made = made::all().map(|(name, text)| (name, &*text.leak()));
            let mut all: Vec<_> = WRITTEN.all().iter().copied().chain(made).collect();
            all.sort_unstable();
            all
        })
    }

    /// The text of that name.
    pub(super) fn text(&self, name: &str) -> Option<&'static str> {
        let (_, text) = self.all().iter().find(|(known, _)| *known == name)?;
        Some(text)
    }
}

/// Title of a page: its first heading.
pub(super) fn title(text: &str) -> &str {
    text.lines().find_map(|line| line.strip_prefix("# ")).unwrap_or("payon-sim")
}
