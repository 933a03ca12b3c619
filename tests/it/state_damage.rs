//! Files of `--state` that are damaged at random: each is named and set aside, or proves whole.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use serde_json::{Value, json};

use crate::binary::Gateway;
use crate::state::{kill, live, space, start, whole};
use crate::support::SpaceHandle;

/// Bytes at the beginning, each of which is damaged in the long form.
const HEAD: usize = 512;
/// Kilobytes of memory that a start may take.
const MEMORY_KB_MAX: u64 = 200 << 10;

/// Numbers that look random.
struct Draws(u64);

impl Draws {
    fn below(&mut self, end: usize) -> usize {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) as usize) % end.max(1)
    }
}

/// Places in the head that say how large the root pages of the two latest commits are, and bits that make them huge.
const SIZES_OF_ROOTS: [(usize, u8); 4] = [(79, 0xc0), (111, 0xc0), (207, 0xc0), (239, 0xc0)];

/// Damages a file; says how. The first come one to a bit of the head.
fn damage(bytes: &mut Vec<u8>, number: usize, draws: &mut Draws) -> String {
    let length = bytes.len();
    let mut change = |at: usize, mask: u8| {
        bytes[at] ^= mask;
        format!("byte {at} changed by {mask:#04x}")
    };
    match number % 8 {
        0..=3 if number < 16 => {
            let (at, mask) = SIZES_OF_ROOTS[number % 8];
            change(at, mask)
        }
        0..=3 => change((number / 8 * 4 + number % 8) % HEAD, 1 << draws.below(8)),
        4 => change(draws.below(length), 1 << draws.below(8)),
        5 => {
            let all = (0..8).map(|_| change(draws.below(length), draws.below(255) as u8 + 1));
            all.collect::<Vec<_>>().join(", ")
        }
        6 => {
            bytes.truncate(draws.below(length));
            format!("cut to {} bytes", bytes.len())
        }
        _ => {
            let (pages, rest) = (draws.below(5), draws.below(2) * draws.below(4096));
            bytes.resize(length + 4096 * pages + rest, 0);
            format!("{} zeros at the end", bytes.len() - length)
        }
    }
}

/// A gateway that cannot take much of the machine with it.
fn start_bounded(dir: &Path) -> Gateway {
    let mut command = Command::new("sh");
    let script = "ulimit -v 8000000; exec \"$0\" \"$@\"";
    command.args(["-c", script, env!("CARGO_BIN_EXE_payon-sim"), "serve", "--port", "0"]);
    command.env_clear().stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let dir = dir.to_str().expect("UTF-8");
    Gateway::start_as(command, &["--state", dir, "--seed", "42", "--log", "warn"])
}

/// The largest amount of memory that a process has had, in kilobytes.
fn most_memory_kb(gateway: &Gateway) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", gateway.pid())).expect("it lives");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("a size");
    line.trim().trim_end_matches(" kB").parse().expect("a number")
}

/// A file with a living space, how that may come back, and the space as tests know it.
struct Kept {
    name: &'static str,
    bytes: Vec<u8>,
    /// As it was after its last write, and for a process that crashed also after the one before.
    states: Vec<Value>,
    made: Value,
}

/// A file after a good end, and one after a crash.
async fn kept() -> [Kept; 2] {
    let mut files = Vec::new();
    for name in ["a good end", "a crash"] {
        let dir = tempfile::tempdir().expect("a directory");
        let gateway = start(dir.path(), &["--durability", "always"]);
        let shop = space(&gateway, "shop").await;
        live(&shop).await;
        let before = whole(&shop).await;
        let client = shop.client.with_header("Authentication", "open-sesame");
        SpaceHandle { client, ..shop.clone() }.register("last", json!({})).await;
        let mut states = vec![whole(&shop).await];
        if name == "a crash" {
            states.push(before);
            kill(gateway);
        } else {
            assert_eq!(gateway.stop().code, Some(0));
        }
        let bytes = fs::read(dir.path().join("state.redb")).expect("written");
        files.push(Kept { name, bytes, states, made: shop.made });
    }
    files.try_into().unwrap_or_else(|_| panic!("two files"))
}

/// Damages files at random. `STATE_DAMAGES=4000` makes it long; it prints figures then.
#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_damaged_at_random_is_set_aside_or_proves_whole() {
    let damages: usize =
        std::env::var("STATE_DAMAGES").map_or(48, |damages| damages.parse().expect("a number"));
    let kept = kept().await;
    let (mut draws, mut aside, mut sound, mut most_kb) = (Draws(42), 0, 0, 0);
    let begun = Instant::now();
    for number in 0..damages {
        let kept = &kept[(number / 8 + number / (2 * HEAD)) % 2];
        let mut bytes = kept.bytes.clone();
        let told = format!("damage {number} of the file of {}", kept.name);
        // The short form takes the head in steps.
        let step = (2 * HEAD / damages).max(1);
        let place = number / 8 * step * 8 + number % 8;
        let told = format!("{told}: {}", damage(&mut bytes, place, &mut draws));
        let dir = tempfile::tempdir().expect("a directory");
        fs::write(dir.path().join("state.redb"), &bytes).expect("written");
        println!("{told}");
        let gateway = start_bounded(dir.path());
        most_kb = most_kb.max(most_memory_kb(&gateway));
        assert!(most_kb < MEMORY_KB_MAX, "{told}: {most_kb} kB");
        let is_there = gateway.get("/_sim/v1/spaces/shop").0 == 200;
        if is_there {
            let shop = SpaceHandle::new(crate::support::Client::new(), kept.made.clone());
            let control_url = format!("{}/space/shop", gateway.control_url);
            let shop = SpaceHandle { control_url, ..shop };
            let found = whole(&shop).await;
            assert!(kept.states.contains(&found), "{told}: {found}");
            sound += 1;
        } else {
            aside += 1;
        }
        // A write must go well, whatever was read.
        let wish = json!({ "name": "new" }).to_string();
        assert_eq!(gateway.post("/_sim/v1/spaces", &wish).0, 201, "{told}");
        let ended = gateway.stop();
        assert_eq!(ended.code, Some(0), "{told}: {}", ended.err);
        assert!(!ended.err.contains("panicked"), "{told}: {}", ended.err);
        assert_eq!(ended.err.contains("is damaged"), !is_there, "{told}: {}", ended.err);
        assert!(!ended.err.contains("cannot be"), "{told}: {}", ended.err);
        let is_aside = dir.path().join("state.damaged-1.redb").exists();
        assert_eq!(is_aside, !is_there, "{told}");
    }
    println!(
        "{damages} damages in {} s: {aside} files set aside, {sound} whole, at most {} MB",
        begun.elapsed().as_secs(),
        most_kb >> 10
    );
}
