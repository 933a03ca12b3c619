//! `payon-sim pay`: plays the payer of an order at a running gateway.

use std::process::ExitCode;

use clap::Args;
use hyper::Method;
use serde::Serialize;
use serde_json::{Value, json};

use super::order::OrderArgs;
use super::talk::TalkArgs;

/// Order to pay, and the payer's entries.
#[derive(Args, Debug)]
#[command(after_help = "\
The exit code is 0 where the payer has tried, whether the payment is approved or declined; 1 where the gateway refuses the call \
itself. A script reads the result: --json has `reason` (success, or why it was declined) and `order.state` (captured, authorised, failed …).

Examples:
  payon-sim pay --merchant C0000143 --tx T1
  payon-sim pay --merchant C0000143 --tx T1 --outcome card.expired --json")]
pub(super) struct PayArgs {
    #[command(flatten)]
    order: OrderArgs,
    #[command(flatten)]
    payer: Payer,
    /// Pay too late: the order expires first where it is still open, and is approved after all
    #[arg(long, conflicts_with_all = PAYER)]
    late: bool,
    #[command(flatten)]
    talk: TalkArgs,
}

/// The options that say how the payer pays.
const PAYER: [&str; 10] =
    ["card", "cvv", "expiry", "pin", "otp", "wallet", "passcode", "bank", "binding", "outcome"];

/// The payer's entries. Everything left out is right.
#[derive(Args, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Payer {
    /// A number from `payon-sim profile cards`
    #[arg(long, value_name = "NUMBER")]
    #[serde(skip_serializing_if = "Option::is_none")]
    card: Option<String>,
    /// Its security code
    #[arg(long)]
    #[serde(skip_serializing_if = "Option::is_none")]
    cvv: Option<String>,
    /// Its expiry
    #[arg(long, value_name = "YYYYMM")]
    #[serde(skip_serializing_if = "Option::is_none")]
    expiry: Option<String>,
    /// The PIN of a PAYON card
    #[arg(long)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pin: Option<String>,
    /// The one-time password
    #[arg(long)]
    #[serde(skip_serializing_if = "Option::is_none")]
    otp: Option<String>,
    /// The phone number of a PAYON wallet
    #[arg(long, value_name = "PHONE")]
    #[serde(skip_serializing_if = "Option::is_none")]
    wallet: Option<String>,
    /// The passcode of the wallet
    #[arg(long)]
    #[serde(skip_serializing_if = "Option::is_none")]
    passcode: Option<String>,
    /// The number of a bank account
    #[arg(long, value_name = "NUMBER")]
    #[serde(skip_serializing_if = "Option::is_none")]
    bank: Option<String>,
    /// The bindingId of a saved card of the order's client
    #[arg(long, value_name = "ID")]
    #[serde(skip_serializing_if = "Option::is_none")]
    binding: Option<String>,
    /// Any reason of `payon-sim profile reasons`, in place of all that: the payment ends so
    #[arg(long, value_name = "REASON")]
    #[serde(skip_serializing_if = "Option::is_none")]
    outcome: Option<String>,
}

/// Pays, or fails to.
pub(super) fn run(args: &PayArgs) -> anyhow::Result<ExitCode> {
    let (order, talk) = (&args.order, &args.talk);
    if !args.late {
        return order.act(talk, "pay", &serde_json::to_value(&args.payer)?);
    }
    let known: Value = match talk.gateway.get(&order.path())? {
        Ok(known) => known,
        Err(refused) => return Ok(refused),
    };
    if known["state"] == "registered" {
        let (path, expire) = (format!("{}/trigger", order.path()), json!({ "event": "expire" }));
        let answer = talk.gateway.call::<Value>(Method::POST, &path, expire.to_string())?;
        if let Err(refused) = answer {
            return Ok(refused);
        }
    }
    order.act(talk, "trigger", &json!({ "event": "late-approval" }))
}
