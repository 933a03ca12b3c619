//! `payon-sim pushbacks` and `resend`: the push-backs of a running gateway, seen and sent again.

use std::process::ExitCode;

use clap::Args;
use hyper::Method;
use serde_json::{Value, json};

use super::client::with_query;
use super::exit;
use super::sentence::{items, last_answer, member, pushback};
use super::table::table;
use super::talk::TalkArgs;

/// Selection of push-backs.
#[derive(Args, Debug)]
struct Selection {
    /// Only of the order with this txId
    #[arg(long, value_name = "ID")]
    tx: Option<String>,
    /// Only of this merchant
    #[arg(long, value_name = "ID")]
    merchant: Option<String>,
    /// Only those that were given up
    #[arg(long)]
    failed: bool,
}

/// Push-backs to list.
#[derive(Args, Debug)]
pub(super) struct PushbacksArgs {
    #[command(flatten)]
    selection: Selection,
    #[command(flatten)]
    talk: TalkArgs,
}

/// Push-backs to send again.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  payon-sim resend 3
  payon-sim resend --tx T1
  payon-sim resend --failed")]
pub(super) struct ResendArgs {
    /// Numbers of push-backs, as `payon-sim pushbacks` lists them
    #[arg(value_name = "NUMBER", required_unless_present_any = ["tx", "merchant", "failed"], conflicts_with_all = ["tx", "merchant", "failed"])]
    ids: Vec<u64>,
    #[command(flatten)]
    selection: Selection,
    #[command(flatten)]
    talk: TalkArgs,
}

impl Selection {
    /// All push-backs that are meant, oldest first.
    fn read(&self, talk: &TalkArgs) -> anyhow::Result<Result<Vec<Value>, ExitCode>> {
        let (mut found, mut after) = (Vec::new(), "0".to_owned());
        loop {
            let members = [
                ("limit", Some("1000")),
                ("after", Some(&*after)),
                ("txId", self.tx.as_deref()),
                ("merchantId", self.merchant.as_deref()),
            ];
            let path = with_query("/_sim/v1/pushbacks", &members);
            let page: Value = match talk.gateway.get(&path)? {
                Ok(page) => page,
                Err(refused) => return Ok(Err(refused)),
            };
            let is_meant = |it: &&Value| !self.failed || it["state"] == "exhausted";
            found.extend(items(&page, "pushbacks").iter().filter(is_meant).cloned());
            if page["next"].is_null() {
                return Ok(Ok(found));
            }
            after = member(&page, "next");
        }
    }
}

/// Lists push-backs with how each stands.
pub(super) fn list(args: &PushbacksArgs) -> anyhow::Result<ExitCode> {
    let found = args.selection.read(&args.talk)?.map(Value::Array);
    args.talk.finish(found, |found| {
        let rows: Vec<_> = found
            .as_array()
            .into_iter()
            .flatten()
            .map(|it| {
                let [id, at, merchant] =
                    ["id", "createdAt", "merchantId"].map(|name| member(it, name));
                let [tx, cause, state] = ["txId", "cause", "state"].map(|name| member(it, name));
                let attempts = items(it, "attempts").len().to_string();
                [
                    id,
                    at,
                    merchant,
                    tx,
                    cause,
                    state,
                    attempts,
                    last_answer(it),
                    member(it, "nextAttemptAt"),
                ]
            })
            .collect();
        if rows.is_empty() {
            return "no push-back\n".to_owned();
        }
        let header = [
            "NUMBER", "CREATED", "MERCHANT", "ORDER", "CAUSE", "STATE", "ATTEMPTS", "ANSWER",
            "NEXT",
        ];
        table(header, &rows)
    })
}

/// Sends push-backs once more, now; 1 where one cannot be sent, or there is none.
pub(super) fn resend(args: &ResendArgs) -> anyhow::Result<ExitCode> {
    let talk = &args.talk;
    let ids: Vec<String> = if args.ids.is_empty() {
        match args.selection.read(talk)? {
            Ok(found) => found.iter().map(|it| member(it, "id")).collect(),
            Err(refused) => return Ok(refused),
        }
    } else {
        args.ids.iter().map(u64::to_string).collect()
    };
    if ids.is_empty() {
        exit::say(&"there is no such push-back; payon-sim pushbacks lists those there are");
        return Ok(exit::failed());
    }
    let (mut sent, mut ended) = (Vec::new(), None);
    for id in ids {
        let path = format!("/_sim/v1/pushbacks/{id}/resend");
        match talk.gateway.call::<Value>(Method::POST, &path, json!({}).to_string())? {
            Ok(answer) => sent.push(answer),
            Err(refused) => ended = Some(refused),
        }
    }
    let told = talk.finish(Ok(Value::Array(sent)), |sent| {
        let sent = sent.as_array().into_iter().flatten();
        let lines = sent.map(|it| format!("sent again: {}\n", pushback(it)));
        lines.collect::<Vec<_>>().concat()
    })?;
    Ok(ended.unwrap_or(told))
}
