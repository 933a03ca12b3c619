//! `payon-sim inbox`: push-backs that came to boxes of a running gateway.

use std::process::ExitCode;

use clap::Args;
use serde::Deserialize;
use serde_json::Value;

use super::client::segment;
use super::exit;
use super::table::table;
use super::talk::TalkArgs;
use super::visible::visible;

/// Box and format.
#[derive(Args, Debug)]
#[command(after_help = "\
An order registered with noti_url …/_sim/inbox/NAME sends its push-backs to the box NAME of its space, which stands in for a \
merchant's listener. The control plane also says how a box answers (PUT /_sim/v1/inbox/NAME); payon-sim wait inbox --box NAME \
waits for what comes.")]
pub(super) struct InboxArgs {
    /// A box; all of the space where none is given
    #[arg(value_name = "BOX")]
    name: Option<String>,
    #[command(flatten)]
    talk: TalkArgs,
}

/// A page of messages.
#[derive(Deserialize)]
struct InboxPart {
    messages: Vec<Value>,
    next: Option<u64>,
    dropped: u64,
}

/// Prints the messages, oldest first.
pub(super) fn run(args: &InboxArgs) -> anyhow::Result<ExitCode> {
    let name = args.name.as_ref().map(|name| format!("/{}", segment(name))).unwrap_or_default();
    let (mut messages, mut after) = (Vec::new(), 0);
    let dropped = loop {
        let path = format!("/_sim/v1/inbox{name}?limit=1000&after={after}");
        let page: InboxPart = match args.talk.gateway.get(&path)? {
            Ok(page) => page,
            Err(refused) => return Ok(refused),
        };
        messages.extend(page.messages);
        match page.next {
            Some(next) => after = next,
            None => break page.dropped,
        }
    };
    if args.talk.is_json() {
        exit::print_json(&messages)?;
    } else {
        let header = ["time", "box", "order", "attempt", "answer", "body"];
        let rows: Vec<_> = messages.iter().map(row).collect();
        exit::print(&table(header, &rows))?;
    }
    if dropped > 0 {
        exit::say(&format_args!("messages that were dropped to keep to the budget: {dropped}"));
    }
    Ok(ExitCode::SUCCESS)
}

fn row(message: &Value) -> [String; 6] {
    let text = |name: &str| match &message[name] {
        Value::String(text) => visible(text).into_owned(),
        Value::Null => "none".to_owned(),
        other => other.to_string(),
    };
    ["at", "box", "txId", "attempt", "status", "body"].map(text)
}
