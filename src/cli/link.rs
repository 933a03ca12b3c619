//! `payon-sim link`: a checkout link, as a merchant's server makes it.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, anyhow};
use clap::Args;
use serde_json::{Map, Value};

use super::exit;
use super::input::{self, ProfileArg};
use crate::base::wall_clock;
use crate::crypto::{Padding, PublicKey};
use crate::gateway::link;

/// What the link is made of. The order comes on stdin: the members of /pg/order/register as JSON.
#[derive(Args, Clone, Debug)]
pub(super) struct LinkArgs {
    /// The merchant whose order it is
    #[arg(long)]
    merchant: String,
    /// Where payers reach the gateway
    #[arg(long, env = "PAYON_SIM_PUBLIC_URL", default_value = "http://127.0.0.1:36605")]
    url: String,
    /// How each block is padded: pkcs1, oaep-sha1 or oaep-sha256
    #[arg(long, default_value = "pkcs1")]
    padding: Padding,
    /// A gateway public key (PEM or Base64 DER) in place of the profile's
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
    #[command(flatten)]
    profile: ProfileArg,
}

/// Prints the link. What the order leaves out of merchantId, termId, trt and issuedAt is filled in.
pub(super) fn run(args: LinkArgs) -> anyhow::Result<ExitCode> {
    let profile = args.profile.load()?;
    let mut order: Map<String, Value> = serde_json::from_slice(&input::read_all("an order")?)
        .context("the order on stdin is not a JSON object")?;
    let terminal = profile.merchant(&args.merchant).and_then(|known| known.terminals.first());
    let mut fill = |name: &str, value: Value| {
        order.entry(name).or_insert(value);
    };
    fill("merchantId", args.merchant.as_str().into());
    if let Some(terminal) = terminal {
        fill("termId", terminal.as_str().into());
    }
    fill("trt", "10".into());
    fill(link::ISSUED_AT, wall_clock().0.into());
    let key = match &args.key {
        Some(file) => {
            let text = std::fs::read_to_string(file)
                .with_context(|| format!("the key {}", file.display()))?;
            PublicKey::parse(&text)?
        }
        None => profile.gateway_key.public_key().map_err(|error| anyhow!("{error}"))?.clone(),
    };
    let data = link::make(&key, args.padding, &Value::Object(order).to_string())?;
    let query =
        serde_html_form::to_string([("merchantId", args.merchant.as_str()), ("data", &data)])?;
    let url = args.url.trim_end_matches('/');
    exit::print(&format!("{url}/pg/checkout?{query}\n"))?;
    Ok(ExitCode::SUCCESS)
}
