//! Throughput: yardsticks and gateway take turns, round by round.

use anyhow::Result;

use crate::client::{Client, Outcome, Work};
use crate::report::{self, Row, Rule};
use crate::server::{Role, Server};
use crate::story::{self, Order, Step};

/// One phase of a round.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Echo,
    EchoVerify,
    Gateway(Step),
}

const PHASES: [(Phase, &str, Rule); 8] = [
    (Phase::Echo, "hyper JSON echo", Rule::Yardstick),
    (Phase::Gateway(Step::Register), "register, card", Rule::Unsigned),
    (Phase::Gateway(Step::RegisterKhqr), "register, KHQR", Rule::Unsigned),
    (Phase::Gateway(Step::Pay), "pay, by the control plane", Rule::Control),
    (Phase::Gateway(Step::Status), "status", Rule::Unsigned),
    (Phase::EchoVerify, "hyper JSON echo + RSA-2048 verify", Rule::Yardstick),
    (Phase::Gateway(Step::Refund), "refund, signed", Rule::Signed),
    (Phase::Gateway(Step::Whole), "register, pay, status, refund", Rule::Whole),
];

/// Runs every phase once a round and prints what came of them.
pub(crate) async fn run(
    rounds: usize,
    unsigned: usize,
    signed: usize,
    with: &[String],
) -> Result<()> {
    let echo = Server::yardstick(Role::Echo)?;
    let verify = Server::yardstick(Role::EchoVerify)?;
    let gateway = Server::gateway(with)?;
    let mut echo = Client::new(&echo).await?;
    let mut verify = Client::new(&verify).await?;
    let mut gateway = Client::new(&gateway).await?;
    let mut rows = PHASES.map(|(_, name, rule)| Row::new(name, rule));
    // The round before the first warms everything up and is not counted.
    for round in 0..=rounds {
        let orders = Orders::new(round, unsigned, signed)?;
        let mut outcomes: Vec<Outcome> = Vec::with_capacity(PHASES.len());
        for (phase, _, _) in PHASES {
            for work in orders.before(phase) {
                gateway.run(work).await?;
            }
            outcomes.push(match phase {
                Phase::Echo => echo.run(story::echo(&orders.plain)).await?,
                Phase::EchoVerify => verify.run(story::echo_verify(signed)?).await?,
                Phase::Gateway(step) => gateway.run(story::work(step, orders.of(step))).await?,
            });
        }
        if round > 0 {
            rows.iter_mut().zip(outcomes).for_each(|(row, outcome)| row.add(outcome));
        }
    }
    report::throughput(&rows);
    Ok(())
}

/// The orders of one round.
struct Orders {
    plain: Vec<Order>,
    khqr: Vec<Order>,
    refunded: Vec<Order>,
    whole: Vec<Order>,
}

impl Orders {
    fn new(round: usize, unsigned: usize, signed: usize) -> Result<Self> {
        Ok(Self {
            plain: Order::unsigned(&format!("plain{round}"), unsigned),
            khqr: Order::unsigned(&format!("khqr{round}"), unsigned),
            refunded: Order::signed(&format!("refunded{round}"), signed)?,
            whole: Order::signed(&format!("whole{round}"), signed)?,
        })
    }

    fn of(&self, step: Step) -> &[Order] {
        match step {
            Step::Register | Step::Status | Step::Pay => &self.plain,
            Step::RegisterKhqr => &self.khqr,
            Step::Refund => &self.refunded,
            Step::Whole => &self.whole,
        }
    }

    /// What is not measured, but must have happened before a phase.
    fn before(&self, phase: Phase) -> Vec<Work> {
        match phase {
            Phase::Gateway(Step::Refund) => {
                vec![
                    story::work(Step::Register, &self.refunded),
                    story::work(Step::Pay, &self.refunded),
                ]
            }
            // No order stays open, so that the ledger's budget holds.
            Phase::EchoVerify => vec![story::work(Step::Pay, &self.khqr)],
            _ => Vec::new(),
        }
    }
}
