//! The payer's pages in a real browser: Chromium, at a desktop's and a phone's size, through every
//! flow. `.ci/install-browser.sh` installs it; on CI it has to be there. Screenshots are left in
//! `target/screenshots`.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use super::checkout::Gateway;

#[tokio::test(flavor = "multi_thread")]
async fn every_flow_on_a_desktop() {
    drive("desktop", "run.mjs", &["desktop"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_flow_on_a_phone() {
    drive("phone", "run.mjs", &["phone"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_exit_leads_into_an_app() {
    drive("exits", "exits.mjs", &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn card_data_and_codes_are_pasted() {
    drive("paste", "paste.mjs", &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_page_looks_as_a_payer_expects() {
    drive("looks", "looks.mjs", &[]).await;
}

/// Behind a proxy that shows the gateway below a path.
#[tokio::test(flavor = "multi_thread")]
async fn everything_works_below_a_path() {
    let Some(folder) = installed("proxy", &["proxy.mjs", "support.mjs"]) else { return };
    let mut command = Command::new("node");
    command.arg(folder.join("proxy.mjs"));
    command.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("target/screenshots"));
    command.arg(env!("CARGO_BIN_EXE_payon-sim"));
    let profile = payon_sim::profile::Profile::builtin();
    run(command, profile.cards.iter().map(row).collect()).await;
}

/// Copies scripts to a folder of this name among the tools they need: modules are looked for above a script. `None`, and
/// said loudly, where the tools are not installed.
pub(crate) fn installed(name: &str, scripts: &[&str]) -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let tools = root.join("target/ext/browser");
    let lacking = ["/usr/bin/chromium", "node_modules/playwright-core", "node_modules/axe-core"]
        .into_iter()
        .find(|tool| !tools.join(tool).exists());
    if let Some(tool) = lacking {
        let lacking = format!("{tool} is not installed; .ci/install-browser.sh does that");
        assert!(std::env::var_os("CI").is_none(), "{lacking}");
        println!("skipped: {lacking}");
        return None;
    }
    let folder = tools.join(name);
    std::fs::create_dir_all(&folder).expect("a folder");
    for script in scripts {
        let from = root.join("tests/browser").join(script);
        std::fs::copy(from, folder.join(script)).expect("copied");
    }
    Some(folder)
}

/// Runs a script, in a folder of this name, against a gateway of its own. It is given the gateway, these arguments and
/// the folder for screenshots, and on its standard input the test cards.
async fn drive(folder: &str, script: &'static str, arguments: &'static [&'static str]) {
    let Some(folder) = installed(folder, &[script, "support.mjs"]) else { return };
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let gateway = Gateway::open().await;
    gateway.space().change_merchant("EPAY00000000001", |merchant| {
        merchant.name = "The Riverside Night Market Handicraft and Silk Weaving Cooperative of Kampong Thom Province".into();
        merchant.name_km = Some("សហគមន៍សិប្បកម្មនិងតម្បាញសូត្រផ្សាររាត្រីមាត់ទន្លេខេត្តកំពង់ធំ".into());
    });
    let cards: Vec<Value> = gateway.space().profile().cards.iter().map(row).collect();
    let mut command = Command::new("node");
    command.arg(folder.join(script)).arg(gateway.url()).args(arguments);
    command.arg(root.join("target/screenshots"));
    run(command, cards).await;
}

/// Runs a script with the test cards on its standard input, and prints what it says.
async fn run(mut command: Command, cards: Vec<Value>) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let output = tokio::task::spawn_blocking(move || {
        let mut child = command
            .env("PGTEST", root.join("fixtures/pgtest"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("node starts");
        let mut input = child.stdin.take().expect("piped");
        write!(input, "{}", json!(cards)).expect("the script reads");
        drop(input);
        child.wait_with_output().expect("the script ends")
    });
    let output = output.await.expect("waited for");
    let said = String::from_utf8_lossy(&output.stdout);
    let complained = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}\n{complained}");
    println!("{said}");
}

fn row(card: &payon_sim::profile::Card) -> Value {
    json!({
        "number": card.number, "scheme": card.scheme.to_string(), "cvv": card.cvv, "pin": card.pin,
        "expiry": card.expiry, "name": card.name, "outcome": card.outcome.name(), "about": card.about,
        "authentication": card.authentication.to_string(),
    })
}
