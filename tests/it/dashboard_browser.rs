//! The dashboard in a real browser: what its people do with it, and a list of 100,000 orders. `.ci/install-browser.sh`
//! installs Chromium; on CI it has to be there. Screenshots are left in `target/screenshots`.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use payon_sim::base::{Amount, Currency, PaymentMethod};
use payon_sim::ledger::{NewOrder, OrderKind};
use serde_json::json;

use super::browser::installed;
use super::checkout::Gateway;
use super::support::{Setup, Sim};

#[tokio::test(flavor = "multi_thread")]
async fn what_its_people_do() {
    let Some(script) = Script::installed("dashboard", "dashboard.mjs") else { return };
    let sim = Sim::start().await;
    let saved = script.folder.join("saved.yaml");
    script.run(&[&sim.url, SCREENSHOTS, &saved.to_string_lossy()]).await;

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
    let Some(script) = Script::installed("dashboard-scroll", "dashboard.mjs") else { return };
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
            details: None,
            context: None,
        };
        space.write(|moment| moment.register(trace, new)).expect("registered");
    }
    script.run(&[&gateway.url(), SCREENSHOTS, "--scroll", "100000"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_has_the_token_logs_in() {
    let Some(script) = Script::installed("dashboard-login", "login.mjs") else { return };
    let sim = Sim::with(Setup { token: Some("open sesame"), ..Setup::default() }).await;
    script.run(&[&sim.url, SCREENSHOTS, "open sesame"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_of_another_site_gets_nothing_and_changes_nothing() {
    let Some(script) = Script::installed("dashboard-foreign", "foreign.mjs") else { return };
    for token in [None, Some("open sesame")] {
        let sim = Sim::with(Setup { token, ..Setup::default() }).await;
        let registered = json!({
            "merchantId": "C0000143", "termId": "CT03000003", "txId": "theirs", "trt": "10",
            "currency": "USD", "amount": "1", "paymentMethod": "CREDIT_DEBIT",
        });
        sim.client.post(&format!("{}/pg/order/register", sim.url), &registered).await.expect(200);
        script.run(&[&[sim.url.as_str()][..], token.as_slice()].concat()).await;
    }
}

fn payon_sim(arguments: &[&str]) -> std::process::Output {
    Command::new(env!("CARGO_BIN_EXE_payon-sim")).args(arguments).output().expect("it runs")
}

/// The script, where it can be run.
struct Script {
    folder: PathBuf,
    name: &'static str,
}

/// Where scripts leave screenshots.
const SCREENSHOTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/target/screenshots");

impl Script {
    /// The script `name`, in a folder of its own.
    fn installed(folder: &str, name: &'static str) -> Option<Self> {
        let folder = installed(folder, &[name, "support.mjs"])?;
        Some(Self { folder, name })
    }

    /// Runs it; the first argument is the gateway.
    async fn run(&self, arguments: &[&str]) {
        let mut command = Command::new("node");
        command.arg(self.folder.join(self.name)).args(arguments);
        let output = tokio::task::spawn_blocking(move || command.output().expect("node starts"));
        let output = output.await.expect("waited for");
        let said = String::from_utf8_lossy(&output.stdout);
        let complained = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{said}\n{complained}");
        println!("{said}");
    }
}
