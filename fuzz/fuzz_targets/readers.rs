//! Coverage-guided: `READER=khqr cargo +nightly fuzz run -s none readers fuzz/corpus/khqr`.
#![no_main]

use std::sync::LazyLock;

use payon_sim_fuzz::{READERS, Reader};

static READER: LazyLock<Reader> = LazyLock::new(|| {
    let wanted = std::env::var("READER").unwrap_or_default();
    let found = READERS.iter().find(|(name, _)| *name == wanted);
    let names: Vec<_> = READERS.iter().map(|(name, _)| *name).collect();
    found.unwrap_or_else(|| panic!("READER={wanted:?}: set it to one of {names:?}")).1
});

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| READER(bytes));
