//! `payon-sim wait`: until something has happened at a running gateway.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::bail;
use clap::builder::PossibleValue;
use clap::{Args, ValueEnum};
use hyper::{Method, StatusCode};
use serde_json::Value;

use super::client::{RefusedCall, with_query};
use super::input::{operation, real_time};
use super::sentence;
use super::talk::TalkArgs;
use crate::base::Operation;

/// Longest time that one call waits; for longer ones it is made again.
const CALL_MAX: Duration = Duration::from_secs(300);
/// Time beyond that for the answer that nothing came.
const GRACE: Duration = Duration::from_secs(2);

/// Condition to wait for, and its order, operation or box.
#[derive(Args, Debug)]
#[command(after_help = "\
What has happened already counts as well, the latest first, unless --after is given. Prints what came; the exit code is 1 \
where it did not come in time.

idle looks at what is due now: it comes at once while a push-back waits for a later time (a delay, a retry), and it takes \
neither --tx nor --merchant.

Examples:
  payon-sim wait order-final --merchant C0000143 --tx T1 --timeout 10s
  payon-sim wait request --operation refund
  payon-sim wait pushback-acknowledged --tx T1")]
pub(super) struct WaitArgs {
    /// Condition to wait for
    #[arg(value_name = "CONDITION")]
    condition: WaitName,
    /// Only of this merchant
    #[arg(long, value_name = "ID")]
    merchant: Option<String>,
    /// Only of the order with this txId; order-final needs it
    #[arg(long, value_name = "ID")]
    tx: Option<String>,
    /// Only of this operation, for request
    #[arg(long, value_name = "OP", value_parser = operation)]
    operation: Option<Operation>,
    /// Only in this box, for inbox
    #[arg(long = "box", value_name = "NAME")]
    inbox: Option<String>,
    /// Only what came later: a trace for request, the number of a push-back or of a message for the others
    #[arg(long, value_name = "NUMBER")]
    after: Option<String>,
    /// Longest time to wait, of real time
    #[arg(long, value_name = "DURATION", value_parser = real_time, default_value = "30s")]
    timeout: Duration,
    #[command(flatten)]
    talk: TalkArgs,
}

/// The name of a condition in the control plane.
#[derive(Clone, Copy, Debug)]
struct WaitName(&'static str, &'static str);

/// The condition that is about the whole space.
const IDLE: &str = "idle";

const CONDITIONS: &[WaitName] = &[
    WaitName(
        "order-final",
        "the payment of an order has an answer: approved, failed, cancelled or expired",
    ),
    WaitName("pushback-acknowledged", "the merchant took a push-back"),
    WaitName("pushback-exhausted", "a push-back was given up"),
    WaitName("request", "a request of a merchant came in and was answered"),
    WaitName("inbox", "a push-back came to a box of the inbox"),
    WaitName(
        IDLE,
        "no push-back of the space is under way and none is due by now; one that waits for its time does not count",
    ),
];

impl ValueEnum for WaitName {
    fn value_variants<'a>() -> &'a [Self] {
        CONDITIONS
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(PossibleValue::new(self.0).help(self.1))
    }
}

/// Waits, and prints what came; 1 where nothing did.
pub(super) fn run(args: &WaitArgs) -> anyhow::Result<ExitCode> {
    let talk = &args.talk;
    if args.condition.0 == IDLE && (args.merchant.is_some() || args.tx.is_some()) {
        bail!(
            "{IDLE} is about the whole space, so --tx and --merchant do not go with it; payon-sim wait \
             pushback-acknowledged --tx {} waits for one order's push-back",
            args.tx.as_deref().unwrap_or("ID")
        );
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let begun = Instant::now();
    let mut left = args.timeout;
    loop {
        let path = args.path(left.min(CALL_MAX));
        let gateway = talk.gateway.patient(left.min(CALL_MAX) + GRACE);
        let answer = runtime.block_on(gateway.fetch(Method::GET, &path, String::new()))?;
        if answer.status() == StatusCode::REQUEST_TIMEOUT && left > CALL_MAX {
            left = args.timeout.saturating_sub(begun.elapsed());
            continue;
        }
        if !answer.status().is_success() {
            return RefusedCall::read(&answer).end();
        }
        let answer = gateway.parse(answer.body(), serde_json::from_slice)?;
        return talk.finish(Ok(answer), came);
    }
}

impl WaitArgs {
    fn path(&self, limit: Duration) -> String {
        let members = [
            ("for", Some(self.condition.0)),
            ("timeoutMs", Some(&*limit.as_millis().to_string())),
            ("merchantId", self.merchant.as_deref()),
            ("txId", self.tx.as_deref()),
            ("operation", self.operation.map(Operation::name)),
            ("box", self.inbox.as_deref()),
            ("after", self.after.as_deref()),
        ];
        with_query("/_sim/v1/wait", &members)
    }
}

/// The event that came, on one line.
fn came(answer: &Value) -> String {
    let part = |name: &str| Some(&answer[name]).filter(|part| !part.is_null());
    let told = part("order")
        .map(sentence::order)
        .or_else(|| part("pushback").map(sentence::pushback))
        .or_else(|| part("request").map(sentence::request))
        .or_else(|| part("message").map(sentence::message))
        .or_else(|| part("clock").map(sentence::clock))
        .unwrap_or_default();
    format!("{}: {told}\n", sentence::member(answer, "event"))
}
