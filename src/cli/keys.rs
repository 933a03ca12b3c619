//! `payon-sim keys`: keys of the profile and of one's own.

use std::fmt::Write as _;
use std::process::ExitCode;

use anyhow::{Context as _, anyhow};
use clap::{Args, Subcommand};

use super::exit;
use super::input::{ProfileArg, merchant, read_all};
use crate::crypto::{KeyReport, PrivateKey, PublicKey};

/// What to do with keys.
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
    Inspect,
}

/// Which key, in which form.
#[derive(Args, Debug)]
pub(super) struct ExportArgs {
    /// A merchant's key pair
    #[arg(long, value_name = "ID", required_unless_present = "gateway")]
    merchant: Option<String>,
    /// The gateway's own key pair
    #[arg(long, conflicts_with = "merchant")]
    gateway: bool,
    /// Print the private half (PKCS#8); else the public one (SubjectPublicKeyInfo)
    #[arg(long)]
    private: bool,
    /// Print PEM in place of one line of Base64 DER
    #[arg(long)]
    pem: bool,
    #[command(flatten)]
    profile: ProfileArg,
}

/// Carries out the verb.
pub(super) fn run(verb: KeysVerb) -> anyhow::Result<ExitCode> {
    match verb {
        KeysVerb::Export(args) => exit::print(&export(&args)?)?,
        KeysVerb::Generate { bits, pem } => {
            let key = PrivateKey::generate(bits).context("--bits")?;
            if key.public_key().is_weak() {
                exit::say(&format_args!("note: {bits} bits are weak; use 2048 or more"));
            }
            exit::print(&private_text(&key, pem))?;
        }
        KeysVerb::Public { pem } => exit::print(&public_text(&read_key()?.public, pem))?,
        KeysVerb::Inspect => exit::print(&describe(&read_key()?))?,
    }
    Ok(ExitCode::SUCCESS)
}

fn export(args: &ExportArgs) -> anyhow::Result<String> {
    let profile = args.profile.load()?;
    let (owner, pair) = match &args.merchant {
        Some(id) => (format!("merchant {id}"), &merchant(&profile, id)?.key),
        None => ("the gateway".to_owned(), &profile.gateway_key),
    };
    let bad = |error| anyhow!("the key of {owner}: {error}");
    if !args.private {
        return Ok(public_text(pair.public_key().map_err(bad)?, args.pem));
    }
    let key = pair.private_key().with_context(|| {
        format!("the profile {} has only the public key of {owner}; its private key is with whoever made it", profile.name)
    })?;
    exit::say(
        &"note: this is a test key that everybody with the profile has; never use it for real payments",
    );
    Ok(private_text(key.map_err(bad)?, args.pem))
}

fn private_text(key: &PrivateKey, pem: bool) -> String {
    if pem { key.pkcs8_pem() } else { key.pkcs8_der_base64() + "\n" }
}

fn public_text(key: &PublicKey, pem: bool) -> String {
    if pem { key.spki_pem() } else { key.spki_der_base64() + "\n" }
}

fn read_key() -> anyhow::Result<KeyReport> {
    let bytes = read_all("a key")?;
    let text = std::str::from_utf8(&bytes).map_err(|_| {
        anyhow!("the key is binary, such as bare DER; give PEM or Base64: openssl base64 -A < key.der | payon-sim keys inspect")
    })?;
    Ok(KeyReport::read(text)?)
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
