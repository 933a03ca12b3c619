//! The dashboard in a real browser: what its people do with it, and a list of 100,000 orders. `.ci/install-browser.sh`
//! installs Chromium; on CI it has to be there. Screenshots are left in `target/screenshots`.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use payon_sim::base::{Amount, Currency, PaymentMethod};
use payon_sim::ledger::{Details, NewOrder, OrderKind};

use super::browser::installed;
use super::checkout::Gateway;
use super::support::Sim;

#[tokio::test(flavor = "multi_thread")]
async fn what_its_people_do() {
    let Some(script) = Script::installed("dashboard") else { return };
    let sim = Sim::start().await;
    let saved = script.folder.join("saved.yaml");
    script.run(&[&sim.url, &saved.to_string_lossy()]).await;

    let text = fs::read_to_string(&saved).expect("the scenario was saved");
    for part in ["register:", "pay", "resend", "trigger:", "state: refunded", "cause: approved"] {
        assert!(text.contains(part), "{part} is not in\n{text}");
    }
    let checked = payon_sim(&["check", &saved.to_string_lossy()]);
    assert!(checked.status.success(), "{checked:?}\n{text}");
    let told = payon_sim(&["run", &saved.to_string_lossy()]);
    assert!(told.status.success(), "{}\n{text}", String::from_utf8_lossy(&told.stdout));
    let told = payon_sim(&["run", &saved.to_string_lossy(), "--mistake", "ships-twice"]);
    assert_eq!(told.status.code(), Some(1), "{}\n{text}", String::from_utf8_lossy(&told.stdout));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_thousand_orders() {
    let Some(script) = Script::installed("dashboard-scroll") else { return };
    let gateway = Gateway::open().await;
    let space = gateway.space();
    let trace = space.next_trace();
    for number in 1..=100_000 {
        let tx_id = format!("bulk-{number:07}");
        let new = NewOrder {
            merchant: "C0000143",
            terminal: "CT03000003",
            tx_id: &tx_id,
            kind: OrderKind::Purchase,
            method: PaymentMethod::CreditDebit,
            currency: Currency::Usd,
            amount: Amount::from_minor(number),
            details: Details::default(),
        };
        space.enter(|moment| moment.register(trace, new)).expect("registered");
    }
    script.run(&[&gateway.url(), "--scroll", "100000"]).await;
}

fn payon_sim(arguments: &[&str]) -> std::process::Output {
    Command::new(env!("CARGO_BIN_EXE_payon-sim")).args(arguments).output().expect("it runs")
}

/// The script, where it can be run.
struct Script {
    folder: PathBuf,
}

impl Script {
    fn installed(name: &str) -> Option<Self> {
        let folder = installed(name, &["dashboard.mjs", "support.mjs"])?;
        Some(Self { folder })
    }

    /// Runs it: the first argument is the gateway, the others come after the folder for screenshots.
    async fn run(&self, arguments: &[&str]) {
        let (first, others) = arguments.split_first().expect("a gateway");
        let mut command = Command::new("node");
        let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
        command.arg(self.folder.join("dashboard.mjs")).arg(first);
        command.arg(root.join("target/screenshots")).args(others);
        let output = tokio::task::spawn_blocking(move || command.output().expect("node starts"));
        let output = output.await.expect("waited for");
        let said = String::from_utf8_lossy(&output.stdout);
        let complained = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{said}\n{complained}");
        println!("{said}");
    }
}
