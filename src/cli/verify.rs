//! `payon-sim verify`: whether a signature stands, and why not.

use std::fmt::Write as _;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::{ArgMatches, Args};
use hyper::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use super::exit;
use super::input::{operation, read_all, read_all_text};
use super::side::{Side, SideArgs, merchant};
use super::talk::FormatArgs;
use super::visible::{parting, visible};
use crate::base::Operation;
use crate::gateway;
use crate::profile::SignMode;

/// Merchant and operation of the signature.
#[derive(Args, Debug)]
pub(super) struct VerifyArgs {
    /// The merchant that signed
    #[arg(long, value_name = "ID")]
    merchant: String,
    /// The operation that the body is for, such as refund
    #[arg(long, value_name = "OP", value_parser = operation)]
    operation: Operation,
    #[command(flatten)]
    format: FormatArgs,
    #[command(flatten)]
    side: SideArgs,
}

/// An explanation, as a gateway answers it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ExplanationView {
    ok: bool,
    summary: String,
    algorithm: String,
    kind: String,
    canonical: String,
    masked: Vec<String>,
    received: Option<Received>,
    key: Option<Key>,
    key_proven: bool,
    signed: Option<String>,
    causes: Vec<CauseView>,
    next: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Received {
    characters: usize,
    encoding: Option<String>,
    bytes: Option<usize>,
    expected_bytes: usize,
}

#[derive(Deserialize)]
struct Key {
    fingerprint: String,
    bits: usize,
    weak: bool,
}

#[derive(Deserialize)]
struct CauseView {
    code: String,
    message: String,
}

/// Checks the body on the standard input.
pub(super) fn run(args: &VerifyArgs, own: &ArgMatches) -> anyhow::Result<ExitCode> {
    let side = args.side.choose(own)?;
    let (operation, id) = (args.operation, &args.merchant);
    let (told, mode) = match &side {
        Side::Profile(profile) => {
            let merchant = merchant(profile, id)?;
            let body = read_all("a JSON body")?;
            let others = profile.merchants.iter();
            let explanation = gateway::explain(profile, others, merchant, operation, &body)?;
            (serde_json::to_value(&explanation)?, Some(profile.sign_mode(merchant, operation)))
        }
        Side::Gateway(gateway) => {
            let body = read_all_text("a JSON body")?;
            let question = json!({ "merchantId": id, "operation": operation.name(), "body": body });
            let path = "/_sim/v1/sign/explain";
            let told: Value = match gateway.call(Method::POST, path, question.to_string())? {
                Ok(told) => told,
                Err(refused) => return Ok(refused),
            };
            let mode = told.get("mode").and_then(|mode| SignMode::deserialize(mode).ok());
            (told, mode)
        }
    };
    let explanation = ExplanationView::deserialize(&told).with_context(|| {
        format!("{side} answers otherwise than expected; is it of this version?")
    })?;
    if args.format.is_json() {
        exit::print_json(&told)?;
    } else {
        exit::print(&for_people(&explanation, &side))?;
        match mode {
            Some(SignMode::Off) => exit::say(&format_args!(
                "note: {operation} does not look at sign for merchant {id}"
            )),
            Some(SignMode::IfPresent) if explanation.received.is_none() => exit::say(
                &format_args!("note: merchant {id} may also send {operation} without sign"),
            ),
            _ => {}
        }
    }
    Ok(if explanation.ok { ExitCode::SUCCESS } else { exit::failed() })
}

/// Advice where a signature is refused by the keys of the profile alone.
const OTHER_KEY: &str = "a running gateway may hold another key for this merchant (one that was changed, or that of a space): \
     ask it by --url URL and --space NAME";

fn for_people(explanation: &ExplanationView, side: &Side<'_>) -> String {
    let mut text = String::new();
    let mut line = |args: std::fmt::Arguments<'_>| {
        // Writing into a String cannot fail.
        let _ = writeln!(text, "{args}");
    };
    let ExplanationView { canonical, signed, causes, next, algorithm, kind, .. } = explanation;
    if causes.len() > 1 {
        line(format_args!("The signature is refused, for {} causes:", causes.len()));
        for cause in causes {
            line(format_args!("  - {} ({})", cause.message, cause.code));
        }
    } else {
        line(format_args!("{}", explanation.summary));
    }
    line(format_args!(
        "\ncanonical, to be signed ({algorithm} over {kind}):\n  {}",
        visible(canonical)
    ));
    if let Some(signed) = signed {
        line(format_args!("signed instead:\n  {}", visible(signed)));
        line(format_args!("{}", parting(canonical, signed)));
    }
    if !explanation.masked.is_empty() {
        line(format_args!("(hidden by *: {})", explanation.masked.join(", ")));
    }
    line(format_args!(""));
    let mut proven = "";
    if let Some(received) = &explanation.received {
        let encoding = received.encoding.as_deref().unwrap_or("no known encoding");
        let bytes =
            received.bytes.map_or("no whole number of".to_owned(), |bytes| bytes.to_string());
        line(format_args!(
            "sign  {} characters, {encoding}, {bytes} bytes (a right one has {})",
            received.characters, received.expected_bytes
        ));
        proven = match (explanation.ok, explanation.key_proven) {
            (true, _) => "",
            (_, true) => "; sign was made with its private half",
            (_, false) => "; nothing shows that sign was made with its private half",
        };
    }
    if let Some(key) = &explanation.key {
        let weak = if key.weak { ", weak" } else { "" };
        line(format_args!("key   {}, {} bits{weak}, of {side}{proven}", key.fingerprint, key.bits));
    }
    let mut next: Vec<&str> = next.iter().map(String::as_str).collect();
    if let (false, false, Side::Profile(_)) = (explanation.ok, explanation.key_proven, side) {
        next.push(OTHER_KEY);
    }
    if !next.is_empty() {
        line(format_args!("\nnext:"));
    }
    for advice in &next {
        line(format_args!("  - {advice}"));
    }
    text
}
