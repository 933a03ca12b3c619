//! `payon-sim keys`: keys of the profile and of one's own.

use std::fmt::Write as _;
use std::process::ExitCode;

use anyhow::{Context as _, anyhow, bail};
use clap::{ArgMatches, Args, Subcommand};
use serde::Deserialize;
use serde_json::{Value, json};

use super::client::segment;
use super::exit;
use super::input::read_all;
use super::side::{Side, SideArgs, merchant};
use super::talk::FormatArgs;
use crate::base::encoded;
use crate::crypto::{KeyError, KeyReport, PrivateKey, PublicKey};

/// Actions on keys.
#[derive(Subcommand, Debug)]
pub(super) enum KeysVerb {
    /// Print a key of the profile: one line of Base64 DER, or PEM
    Export(ExportArgs),
    /// Make a key pair and print its private half; `payon-sim keys public` gives the other
    Generate {
        /// Size of the modulus: 1024 to 4096
        #[arg(long, default_value_t = 2048)]
        bits: usize,
        /// Print PEM in place of one line of Base64 DER
        #[arg(long)]
        pem: bool,
    },
    /// Print the public half of the key on the standard input, whatever its format
    Public {
        /// Print PEM in place of one line of Base64 DER
        #[arg(long)]
        pem: bool,
    },
    /// Say what the key on the standard input is: format, size, strength, fingerprint
    Inspect(FormatArgs),
}

/// Key to export, and its form.
#[derive(Args, Debug)]
pub(super) struct ExportArgs {
    #[command(flatten)]
    owner: Owner,
    /// Print the private half (PKCS#8); else the public one (SubjectPublicKeyInfo)
    #[arg(long)]
    private: bool,
    /// Print PEM in place of one line of Base64 DER
    #[arg(long)]
    pem: bool,
    #[command(flatten)]
    side: SideArgs,
}

/// Owner of the key: one of these is given.
#[derive(Args, Debug)]
#[group(required = true, multiple = false)]
struct Owner {
    /// A merchant's key pair
    #[arg(long, value_name = "ID")]
    merchant: Option<String>,
    /// The gateway's own key pair
    #[arg(long)]
    gateway: bool,
}

/// The gateway's key, as a gateway answers it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct GatewayKey {
    gateway_public_key: String,
}

/// A merchant's key pair, as a gateway answers it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct MerchantKey {
    public_key: String,
    private_key: Option<String>,
}

/// Carries out the verb.
pub(super) fn run(verb: KeysVerb, own: &ArgMatches) -> anyhow::Result<ExitCode> {
    match verb {
        KeysVerb::Export(args) => match export(&args, own)? {
            Ok(text) => exit::print_exact(&text)?,
            Err(refused) => return Ok(refused),
        },
        KeysVerb::Generate { bits, pem } => {
            let key = PrivateKey::generate(bits).context("--bits")?;
            if key.public_key().is_weak() {
                exit::say(&format_args!("note: {bits} bits are weak; use 2048 or more"));
            }
            exit::print_exact(&private_text(&key, pem))?;
        }
        KeysVerb::Public { pem } => exit::print_exact(&public_text(&read_key()?.public, pem))?,
        KeysVerb::Inspect(format) if format.is_json() => exit::print_json(&facts(&read_key()?))?,
        KeysVerb::Inspect(_) => exit::print(&describe(&read_key()?))?,
    }
    Ok(ExitCode::SUCCESS)
}

const TEST_KEY: &str =
    "note: this is a test key that everybody with the profile has; never use it for real payments";

fn export(args: &ExportArgs, own: &ArgMatches) -> anyhow::Result<Result<String, ExitCode>> {
    let side = args.side.choose(own)?;
    let owner = match &args.owner.merchant {
        Some(id) => format!("merchant {id}"),
        None => "the gateway".to_owned(),
    };
    let lacks = || {
        format!(
            "{side} has only the public key of {owner}; its private key is with whoever made it"
        )
    };
    let bad = |error: &KeyError| anyhow!("the key of {owner}: {error}");
    let (public, private) = match &side {
        Side::Profile(profile) => {
            let pair = match &args.owner.merchant {
                Some(id) => &merchant(profile, id)?.key,
                None => &profile.gateway_key,
            };
            let public = pair.public_key().map_err(bad)?.clone();
            let private = pair.private_key().filter(|_| args.private).transpose().map_err(bad)?;
            (public, private.cloned())
        }
        Side::Gateway(gateway) => match &args.owner.merchant {
            Some(id) => {
                let path = format!("/_sim/v1/merchants/{}/key", segment(id));
                let key: MerchantKey = match gateway.get(&path)? {
                    Ok(key) => key,
                    Err(refused) => return Ok(Err(refused)),
                };
                let private = key.private_key.as_deref().map(PrivateKey::parse).transpose()?;
                (PublicKey::parse(&key.public_key)?, private)
            }
            None => match gateway.get::<GatewayKey>("/_sim/v1/merchants")? {
                Ok(key) => (PublicKey::parse(&key.gateway_public_key)?, None),
                Err(refused) => return Ok(Err(refused)),
            },
        },
    };
    if !args.private {
        exit::say(&format_args!("note: the public key of {owner}, as {side} has it"));
        return Ok(Ok(public_text(&public, args.pem)));
    }
    let private = private.with_context(lacks)?;
    exit::say(&format_args!("note: the private key of {owner}, as {side} has it"));
    exit::say(&TEST_KEY);
    Ok(Ok(private_text(&private, args.pem)))
}

fn private_text(key: &PrivateKey, pem: bool) -> String {
    if pem { key.pkcs8_pem() } else { key.pkcs8_der_base64() + "\n" }
}

fn public_text(key: &PublicKey, pem: bool) -> String {
    if pem { key.spki_pem() } else { key.spki_der_base64() + "\n" }
}

fn read_key() -> anyhow::Result<KeyReport> {
    let bytes = read_all("a key")?;
    if let Some(came) = encoded(&bytes) {
        bail!("the key is {came}");
    }
    let text = std::str::from_utf8(&bytes).map_err(|_| {
        anyhow!("the key is binary, such as bare DER; give PEM or Base64: openssl base64 -A < key.der | payon-sim keys inspect")
    })?;
    let report = KeyReport::read(text)?;
    let blocks = text.matches("-----BEGIN ").count();
    if blocks > 1 {
        exit::say(&format_args!(
            "note: {blocks} PEM blocks came; what follows is of the first that holds a key"
        ));
    }
    Ok(report)
}

/// Facts about a key, without its private half.
fn facts(report: &KeyReport) -> Value {
    let KeyReport { form, is_pem, private, public } = report;
    json!({
        "form": form.to_string(),
        "isPem": is_pem,
        "hasPrivateKey": private.is_some(),
        "bits": public.bits(),
        "isWeak": public.is_weak(),
        "signatureBytes": public.len_bytes(),
        "fingerprint": public.fingerprint(),
        "publicKey": public.spki_der_base64(),
    })
}

fn describe(report: &KeyReport) -> String {
    let KeyReport { form, is_pem, private, public } = report;
    let mut text = String::new();
    let encoding = if *is_pem { "PEM" } else { "Base64 of DER" };
    let strength = if public.is_weak() { "weak: use 2048 bits or more" } else { "strong enough" };
    let halves = if private.is_some() { "private and public" } else { "public" };
    let rows = [
        ("format", format!("{form}, {encoding}")),
        ("halves", halves.to_owned()),
        ("bits", format!("{}, {strength}", public.bits())),
        ("signature", format!("{} bytes", public.len_bytes())),
        ("fingerprint", public.fingerprint().to_owned()),
        ("public", public.spki_der_base64()),
    ];
    for (name, value) in rows {
        // Writing into a String cannot fail.
        let _ = writeln!(text, "{name:<12} {value}");
    }
    text
}
