//! An order at a running gateway, to which a verb does something.

use std::process::ExitCode;

use clap::Args;
use hyper::Method;
use serde_json::Value;

use super::client::segment;
use super::sentence::{self, member};
use super::talk::TalkArgs;

/// An order by its names.
#[derive(Args, Debug)]
pub(super) struct OrderArgs {
    /// merchantId
    #[arg(long, value_name = "ID")]
    merchant: String,
    /// txId
    #[arg(long, value_name = "ID")]
    tx: String,
}

impl OrderArgs {
    /// Path of the order in the control plane.
    pub(super) fn path(&self) -> String {
        format!("/_sim/v1/orders/{}/{}", segment(&self.merchant), segment(&self.tx))
    }

    /// Does `verb` with the order and prints the answer: 0 when it was done, 1 when it was refused.
    pub(super) fn act(
        &self,
        talk: &TalkArgs,
        verb: &str,
        body: &Value,
    ) -> anyhow::Result<ExitCode> {
        let path = format!("{}/{verb}", self.path());
        talk.send(Method::POST, &path, body, |played| {
            let order = sentence::order(&played["order"]);
            format!("{}: {order}; trace {}\n", member(played, "reason"), member(played, "trace"))
        })
    }
}
