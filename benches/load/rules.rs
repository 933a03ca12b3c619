//! What armed rules cost: the same calls at a gateway without a rule and at one with many that fit none of them.

use std::fmt::Write as _;
use std::fs;

use anyhow::Result;

use crate::client::{Client, Outcome};
use crate::report;
use crate::server::Server;
use crate::story::{self, Order, Step};

/// The steps that are compared, in the order of an order's life.
const STEPS: [(Step, &str); 3] = [
    (Step::Register, "register, card"),
    (Step::Pay, "pay, by the control plane"),
    (Step::Status, "status"),
];

/// Two gateways take turns, step by step, in every round; prints what is left of the throughput with `count` rules.
pub(crate) async fn run(rounds: usize, requests: usize, count: usize) -> Result<()> {
    let file = std::env::temp_dir().join(format!("payon-sim-rules-{}.yaml", std::process::id()));
    fs::write(&file, scenario(count))?;
    let with = ["--scenario".as_ref(), file.as_os_str()];
    let (bare, armed) = (Server::gateway::<&str>(&[])?, Server::gateway(&with)?);
    fs::remove_file(&file)?;
    let (mut bare, mut armed) = (Client::new(&bare).await?, Client::new(&armed).await?);
    let mut rows = STEPS.map(|(_, name)| (name, Vec::<(Outcome, Outcome)>::new()));
    // The round before the first warms everything up and is not counted.
    for round in 0..=rounds {
        let orders = Order::unsigned(&format!("rules{round}"), requests);
        for ((step, _), (_, row)) in STEPS.into_iter().zip(&mut rows) {
            let work = || story::work(step, &orders);
            // Who goes first takes turns too.
            let pair = if round % 2 == 0 {
                let first = bare.run(work()).await?;
                (first, armed.run(work()).await?)
            } else {
                let first = armed.run(work()).await?;
                (bare.run(work()).await?, first)
            };
            if round > 0 {
                row.push(pair);
            }
        }
    }
    report::left(&format!("with {count} rules"), &rows);
    Ok(())
}

/// A scenario of so many rules, each with a condition that no call of the benchmark meets: the kinds take turns.
fn scenario(count: usize) -> String {
    let mut text = "version: 1\nid: LOAD\ntitle: Rules that fit nothing\nrules:\n".to_owned();
    for at in 0..count {
        let condition = match at % 5 {
            0 => format!("txId: other-{at}"),
            1 => format!("txIdSuffix: \"x{at}\""),
            2 => format!("header: scenario-{at}"),
            3 => format!("amount: \"{}.99\"", 1000 + at),
            _ => format!("merchantId: OTHER{at}"),
        };
        // Writing into a String cannot fail.
        let _ = writeln!(
            text,
            "  - {{ id: r{at}, when: {{ {condition} }}, then: [{{ reason: system.error }}] }}"
        );
    }
    text
}
