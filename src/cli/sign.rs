//! `payon-sim sign`: a body with its signature.

use std::process::ExitCode;

use clap::Args;

use super::exit;
use super::input::{ProfileArg, merchant, read_all};
use crate::base::Operation;
use crate::gateway;
use crate::profile::SignMode;

/// Whose signature, and what of it to print.
#[derive(Args, Debug)]
pub(super) struct SignArgs {
    /// The merchant that signs
    #[arg(long, value_name = "ID")]
    merchant: String,
    /// The operation that the body is for; says so if that takes no signature
    #[arg(long, value_name = "OP")]
    operation: Option<Operation>,
    /// Print the signature alone
    #[arg(long, conflicts_with = "canonical")]
    only_signature: bool,
    /// Print the exact string that is signed, and nothing after it: `… --canonical | openssl dgst -sha256 -sign key.pem`
    #[arg(long)]
    canonical: bool,
    #[command(flatten)]
    profile: ProfileArg,
}

/// Signs the body on the standard input.
pub(super) fn run(args: &SignArgs) -> anyhow::Result<ExitCode> {
    let profile = args.profile.load()?;
    let merchant = merchant(&profile, &args.merchant)?;
    if let Some(operation) = args.operation
        && profile.sign_mode(merchant, operation) == SignMode::Off
    {
        let id = &merchant.id;
        exit::say(&format_args!("note: {operation} does not look at sign for merchant {id}"));
    }
    let signed = gateway::sign(&profile.sign.recipe, merchant, &read_all("a JSON body")?)?;
    exit::print(&if args.canonical {
        signed.canonical
    } else if args.only_signature {
        signed.sign + "\n"
    } else {
        signed.body
    })?;
    Ok(ExitCode::SUCCESS)
}
