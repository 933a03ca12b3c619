//! `payon-sim reset`: a space at a running gateway as it was at the start.

use std::process::ExitCode;

use clap::Args;
use hyper::Method;
use serde_json::Value;

use super::talk::TalkArgs;

/// The space to reset.
#[derive(Args, Debug)]
pub(super) struct ResetArgs {
    #[command(flatten)]
    talk: TalkArgs,
}

/// Resets it.
pub(super) fn run(args: &ResetArgs) -> anyhow::Result<ExitCode> {
    let talk = &args.talk;
    talk.send(Method::POST, "/_sim/v1/reset", &Value::Null, |_| {
        let space = talk.gateway.space_name();
        format!(
            "the space {space} is reset: no orders, no rules, its first merchants, real time; snapshots stay\n"
        )
    })
}
