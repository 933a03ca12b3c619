//! `payon-sim sign`: a body with its signature; `sign infer`: the recipe of signatures that were made elsewhere.

mod infer;

use std::process::ExitCode;

use clap::{ArgMatches, Args, Subcommand};
use hyper::Method;
use serde::Deserialize;
use serde_json::json;

use super::exit;
use super::input::{operation, read_all, read_all_text};
use super::side::{Side, SideArgs, merchant};
use crate::base::Operation;
use crate::gateway;
use crate::profile::SignMode;

/// Merchant that signs, and the form of the output.
#[derive(Args, Debug)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub(super) struct SignArgs {
    #[command(subcommand)]
    verb: Option<SignVerb>,
    /// The merchant that signs
    #[arg(long, value_name = "ID", required = true)]
    merchant: Option<String>,
    /// The operation that the body is for; says so if that takes no signature
    #[arg(long, value_name = "OP", value_parser = operation)]
    operation: Option<Operation>,
    /// Print the signature alone
    #[arg(long, conflicts_with = "canonical")]
    only_signature: bool,
    /// Print the exact string that is signed, and nothing after it: `… --canonical | openssl dgst -sha256 -sign key.pem`
    #[arg(long)]
    canonical: bool,
    #[command(flatten)]
    side: SideArgs,
}

/// A signed body, as a gateway answers it.
#[derive(Deserialize)]
struct SignedAnswer {
    sign: String,
    canonical: String,
    body: String,
    mode: Option<SignMode>,
    warning: Option<String>,
}

#[derive(Subcommand, Debug)]
enum SignVerb {
    /// Find the recipe of signed requests: which string is signed, and how
    Infer(infer::InferArgs),
}

/// Signs the body on the standard input, or infers a recipe.
pub(super) fn run(args: &SignArgs, own: &ArgMatches) -> anyhow::Result<ExitCode> {
    if let Some(SignVerb::Infer(args)) = &args.verb {
        return infer::run(args);
    }
    let side = args.side.choose(own)?;
    let id = args.merchant.as_deref().unwrap_or_default();
    let signed = match &side {
        Side::Profile(profile) => {
            let merchant = merchant(profile, id)?;
            let mode = args.operation.map(|operation| profile.sign_mode(merchant, operation));
            let body = read_all("a JSON body")?;
            let signed = gateway::sign(&profile.sign.recipe, merchant, &body)?;
            let gateway::Signed { sign, canonical, body, warning } = signed;
            SignedAnswer { sign, canonical, body, mode, warning }
        }
        Side::Gateway(gateway) => {
            let body = read_all_text("a JSON body")?;
            let operation = args.operation.map(Operation::name);
            let question = json!({ "merchantId": id, "operation": operation, "body": body });
            match gateway.call(Method::POST, "/_sim/v1/sign", question.to_string())? {
                Ok(answer) => answer,
                Err(refused) => return Ok(refused),
            }
        }
    };
    exit::say(&format_args!("note: signed with the key that {side} has for merchant {id}"));
    if let (Some(operation), Some(SignMode::Off)) = (args.operation, signed.mode) {
        exit::say(&format_args!("note: {operation} does not look at sign for merchant {id}"));
    }
    if let Some(warning) = &signed.warning {
        exit::say(&format_args!("warning: {warning}"));
    }
    exit::print_exact(&if args.canonical {
        signed.canonical
    } else if args.only_signature {
        signed.sign + "\n"
    } else {
        signed.body
    })?;
    Ok(ExitCode::SUCCESS)
}
