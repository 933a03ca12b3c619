//! Texts of the repository that are part of the binary, compressed: a set for each folder. `build.rs` packs them.

use std::io::Read as _;
use std::sync::OnceLock;

use flate2::bufread::ZlibDecoder;

/// A set of texts with their names, sorted by name. It is unpacked when it is first read, and stays so.
#[derive(Debug)]
pub struct PackedTexts {
    packed: &'static [u8],
    texts: OnceLock<Vec<(&'static str, &'static str)>>,
}

impl PackedTexts {
    /// A set from the file that `build.rs` wrote.
    pub const fn new(packed: &'static [u8]) -> Self {
        Self { packed, texts: OnceLock::new() }
    }

    /// All names and texts.
    pub fn all(&self) -> &[(&'static str, &'static str)] {
        self.texts.get_or_init(|| self.unpack())
    }

    /// The text of that name.
    pub fn text(&self, name: &str) -> Option<&'static str> {
        Some(self.all()[self.place(name)?].1)
    }

    /// Place of that name among all.
    pub fn place(&self, name: &str) -> Option<usize> {
        self.all().binary_search_by_key(&name, |(known, _)| known).ok()
    }

    fn unpack(&self) -> Vec<(&'static str, &'static str)> {
        let mut all = String::new();
        // Only a fault of the build could make it fail, and every set has a test that reads it.
        let _ = ZlibDecoder::new(self.packed).read_to_string(&mut all);
        let mut parts = all.leak().split_terminator('\0');
        std::iter::from_fn(|| Some((parts.next()?, parts.next()?))).collect()
    }
}

/// The set that `build.rs` has packed under this name.
macro_rules! packed_texts {
    ($set:literal) => {
        $crate::base::PackedTexts::new(include_bytes!(concat!(env!("OUT_DIR"), "/", $set, ".z")))
    };
}
pub(crate) use packed_texts;

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::path::Path;

    use super::*;

    #[test]
    fn a_set_has_the_files_of_its_folder() {
        static PROBES: PackedTexts = packed_texts!("probes");
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("probes");
        let files: BTreeMap<String, String> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .map(|path| {
                let name = path.file_stem().unwrap().to_string_lossy().into_owned();
                (name, std::fs::read_to_string(&path).unwrap())
            })
            .collect();
        let packed =
            PROBES.all().iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned()));
        assert_eq!(packed.collect::<Vec<_>>(), files.into_iter().collect::<Vec<_>>());
        assert!(PROBES.text("P01-forged-success").is_some_and(|text| text.contains("id: P01")));
        assert_eq!(PROBES.text("P01"), None);
    }
}
