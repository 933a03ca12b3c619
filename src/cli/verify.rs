//! `payon-sim verify`: whether a signature stands, and why not.

use std::fmt::Write as _;
use std::process::ExitCode;

use clap::Args;

use super::exit;
use super::input::{ProfileArg, merchant, read_all};
use super::visible::{parting, visible};
use crate::base::Operation;
use crate::crypto::Explanation;
use crate::gateway;
use crate::profile::SignMode;

/// Whose signature, on what.
#[derive(Args, Debug)]
pub(super) struct VerifyArgs {
    /// The merchant that signed
    #[arg(long, value_name = "ID")]
    merchant: String,
    /// The operation that the body is for, such as refund
    #[arg(long, value_name = "OP")]
    operation: Operation,
    /// Print the explanation as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    profile: ProfileArg,
}

/// Checks the body on the standard input.
pub(super) fn run(args: &VerifyArgs) -> anyhow::Result<ExitCode> {
    let profile = args.profile.load()?;
    let merchant = merchant(&profile, &args.merchant)?;
    let body = read_all("a JSON body")?;
    let others = profile.merchants.iter();
    let explanation = gateway::explain(&profile, others, merchant, args.operation, &body)?;
    if args.json {
        exit::print(&(serde_json::to_string_pretty(&explanation)? + "\n"))?;
    } else {
        exit::print(&for_people(&explanation))?;
        let (operation, id) = (args.operation, &merchant.id);
        match profile.sign_mode(merchant, operation) {
            SignMode::Off => exit::say(&format_args!(
                "note: {operation} does not look at sign for merchant {id}"
            )),
            SignMode::IfPresent if explanation.received.is_none() => exit::say(&format_args!(
                "note: merchant {id} may also send {operation} without sign"
            )),
            _ => {}
        }
    }
    Ok(if explanation.ok { ExitCode::SUCCESS } else { exit::failed() })
}

fn for_people(explanation: &Explanation) -> String {
    let mut text = String::new();
    let mut line = |args: std::fmt::Arguments<'_>| {
        // Writing into a String cannot fail.
        let _ = writeln!(text, "{args}");
    };
    let Explanation { canonical, signed, causes, next, algorithm, kind, .. } = explanation;
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
        let encoding = received.encoding.map_or("no known encoding", |encoding| encoding.name());
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
        line(format_args!("key   {}, {} bits{weak}{proven}", key.fingerprint, key.bits));
    }
    if !next.is_empty() {
        line(format_args!("\nnext:"));
    }
    for advice in next {
        line(format_args!("  - {advice}"));
    }
    text
}
