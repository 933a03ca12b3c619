//! Every reader of what comes from outside under changed input: each starts from its corpus in `fuzz/corpus` and must
//! find nothing. `FUZZ_CASES=100000` makes it long; `fuzz/run` drives the same readers by coverage.

use std::cell::Cell;
use std::fs;
use std::panic::{self, PanicHookInfo};
use std::sync::Once;

use proptest::prelude::*;
use proptest::sample::{Index, select};
use proptest::test_runner::{Config, TestRunner};

use crate::programs::file;

#[path = "../../fuzz/src/lib.rs"]
#[allow(unreachable_pub, reason = "it is a crate of its own as well")]
mod readers;

/// Pieces that mean something to one reader or another.
const TOKENS: &[&str] = &[
    "\r\n",
    "\n",
    "\0",
    "\u{fffd}",
    "\"",
    "\\u0000",
    "{",
    "[",
    "]}",
    ":",
    ",",
    "&x ",
    "*x",
    "!!str ",
    "- ",
    "|\n",
    "---\n",
    "%00",
    "&",
    "=",
    "-1",
    "0",
    "9223372036854775807",
    "18446744073709551615",
    "1e999",
    "null",
    "0x10",
    "-----BEGIN ",
    "Content-Length: 0\r\n",
    "Transfer-Encoding: chunked\r\n",
    "ក",
];

/// A change of the input.
#[derive(Clone, Debug)]
enum Edit {
    /// Puts another byte there.
    Set(Index, u8),
    /// Takes some bytes away.
    Cut(Index, usize),
    /// Doubles some bytes.
    Repeat(Index, usize),
    /// Puts a token there.
    Put(Index, &'static str),
    /// Goes on from there with another input of the corpus.
    Join(Index, Index),
}

fn edit() -> impl Strategy<Value = Edit> {
    prop_oneof![
        (any::<Index>(), any::<u8>()).prop_map(|(at, byte)| Edit::Set(at, byte)),
        (any::<Index>(), 1..40_usize).prop_map(|(at, length)| Edit::Cut(at, length)),
        (any::<Index>(), 1..40_usize).prop_map(|(at, length)| Edit::Repeat(at, length)),
        (any::<Index>(), select(TOKENS)).prop_map(|(at, token)| Edit::Put(at, token)),
        (any::<Index>(), any::<Index>()).prop_map(|(at, other)| Edit::Join(at, other)),
    ]
}

fn edited(corpus: &[Vec<u8>], first: Index, edits: &[Edit]) -> Vec<u8> {
    let mut bytes = first.get(corpus).clone();
    for edit in edits {
        let place = |at: &Index| at.index(bytes.len() + 1);
        match edit {
            Edit::Set(at, byte) => {
                let at = place(at);
                bytes.splice(at..(at + 1).min(bytes.len()), [*byte]);
            }
            Edit::Cut(at, length) => {
                let at = place(at);
                bytes.drain(at..(at + length).min(bytes.len()));
            }
            Edit::Repeat(at, length) => {
                let at = place(at);
                let piece = bytes[at..(at + length).min(bytes.len())].to_vec();
                bytes.splice(at..at, piece);
            }
            Edit::Put(at, token) => {
                let at = place(at);
                bytes.splice(at..at, token.bytes());
            }
            Edit::Join(at, other) => {
                let at = place(at);
                bytes.truncate(at);
                bytes.extend_from_slice(&corpus[other.index(corpus.len())]);
            }
        }
    }
    bytes
}

/// The inputs of a reader's folder.
fn corpus(name: &str) -> Vec<Vec<u8>> {
    let folder = file("fuzz/corpus").join(name);
    let mut paths: Vec<_> =
        fs::read_dir(folder).expect("a corpus").map(|entry| entry.expect("read").path()).collect();
    // The order of a folder is the system's.
    paths.sort();
    paths.iter().map(|path| fs::read(path).expect("readable")).collect()
}

thread_local! {
    /// Number of panics of this thread, on which the server of its reader runs as well.
    static PANICS: Cell<u32> = const { Cell::new(0) };
}

/// Counts panics from now on: one in the server ends its task and a connection, and nobody hears of it otherwise.
fn count_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let others = panic::take_hook();
        panic::set_hook(Box::new(move |info: &PanicHookInfo| {
            PANICS.set(PANICS.get() + 1);
            others(info);
        }));
    });
}

/// Drives a reader over its corpus as it is, and over changes of it.
fn drive(name: &str) {
    let (_, reader) = readers::READERS.iter().find(|(own, _)| *own == name).expect("a reader");
    count_panics();
    let reader = |bytes: &[u8]| {
        PANICS.set(0);
        reader(bytes);
        assert_eq!(PANICS.get(), 0, "the server panicked");
    };
    let corpus = corpus(name);
    for bytes in &corpus {
        reader(bytes);
    }
    let config = Config {
        cases: crate::storm::size("FUZZ_CASES", 60) as u32,
        failure_persistence: None,
        ..Config::default()
    };
    let inputs = (any::<Index>(), proptest::collection::vec(edit(), 1..8))
        .prop_map(|(first, edits)| edited(&corpus, first, &edits));
    let found = TestRunner::new(config).run(&inputs, |bytes| {
        reader(&bytes);
        Ok(())
    });
    if let Err(proptest::test_runner::TestError::Fail(why, bytes)) = found {
        panic!("{name}: b\"{}\"\n{why}", bytes.escape_ascii());
    }
    found.expect("it ran");
}

macro_rules! drives {
    ($($test:ident $name:literal)+) => {
        $(#[test] fn $test() { drive($name); })+

        #[test]
        fn every_reader_is_driven() {
            assert!(readers::READERS.iter().map(|(name, _)| *name).eq([$($name),+]));
        }
    };
}

drives! {
    bytes_on_the_socket "http"
    json_bodies "json"
    control_calls "control"
    keys_in_any_form "keys"
    khqr_payloads "khqr"
    scenarios_in_yaml "yaml"
    overlays_in_toml "toml"
    states_of_snapshots "snapshots"
    captures_of_every_kind "captures"
    forms_of_the_payer "checkout"
    followers_of_events "events"
}
