//! `payon-sim sign infer`: the recipe of signatures that were made elsewhere.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context as _, anyhow, bail};
use clap::Args;

use super::super::exit;
use super::super::input::{ProfileArg, merchant, operation, read_recording_or_stdin};
use super::super::talk::FormatArgs;
use super::super::visible::visible;
use crate::base::{Operation, RECORDING_MAX, encoded, read_file_within, utf8};
use crate::capture;
use crate::crypto::{
    self, Held, Inference, KeyReport, Outcome, Recipe, Sample, SearchBudget, Secret,
};
use crate::profile::Profile;
use crate::wire;

/// Signed requests and the keys that the user holds.
#[derive(Args, Debug)]
#[command(after_help = "\
Samples are files that hold a signed JSON body, a HAR file, curl command lines, or a capture that
`payon-sim shadow --keep-signatures` has written; `-` is the standard input.
An RSA key may be public, a certificate, or private (then its public half is used). A shared secret is read from a
file or an environment variable, never from the command line, and is not shown.

Examples:
  payon-sim sign infer refund.json --key merchant-public.pem
  payon-sim sign infer traffic.har --secret-env PAYON_SECRET
  pbpaste | payon-sim sign infer - --key certificate.pem --operation refund

Exit codes: 0 a recipe fits all samples, 1 none was found, 2 usage: a sample or key cannot be read")]
pub(super) struct InferArgs {
    /// Files with signed requests; `-` is the standard input
    #[arg(value_name = "SAMPLE", required = true)]
    samples: Vec<PathBuf>,
    /// The RSA key of whoever signed: public key, certificate or private key
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
    /// A file that holds the shared secret; a line end after it does not count
    #[arg(long, value_name = "FILE", conflicts_with = "secret_env")]
    secret_file: Option<PathBuf>,
    /// An environment variable that holds the shared secret
    #[arg(long, value_name = "NAME")]
    secret_env: Option<String>,
    /// Take the key and the secret of this merchant from the profile, where no other is given
    #[arg(long, value_name = "ID")]
    merchant: Option<String>,
    /// The operation of samples without a URL; it gives the documented order of the members
    #[arg(long, value_name = "OP", value_parser = operation)]
    operation: Option<Operation>,
    #[command(flatten)]
    format: FormatArgs,
    /// End the search after so many seconds
    #[arg(long, value_name = "N", default_value_t = 60)]
    seconds: u64,
    /// End the search after so many strings
    #[arg(long, value_name = "N", default_value_t = 10_000_000)]
    candidates: u64,
    #[command(flatten)]
    profile: ProfileArg,
}

/// Infers the recipe and prints it.
pub(super) fn run(args: &InferArgs) -> anyhow::Result<ExitCode> {
    let profile = args.profile.load()?;
    let held = held(args, &profile)?;
    let mut recorded = Vec::new();
    for path in &args.samples {
        recorded.extend(read_samples(path)?);
    }
    let mut samples = Vec::new();
    let mut left_out = Vec::new();
    for request in &recorded {
        let operation = request.operation().or(args.operation);
        match Sample::new(request.name.clone(), operation, &request.body) {
            Ok(sample) => samples.push(sample),
            // A recording holds other requests as well.
            Err(error) if request.url.is_some() => {
                left_out.push(format!("{}: {error}", request.name));
            }
            Err(error) => bail!("{}: {error}", request.name),
        }
    }
    if samples.is_empty() {
        bail!(
            "no signed request was found in {} recorded ones; a sample is a JSON body with a member sign",
            recorded.len()
        );
    }
    let begun = Instant::now();
    let patience = Duration::from_secs(args.seconds);
    let keep_going = || begun.elapsed() < patience;
    let budget = SearchBudget { candidates: args.candidates, keep_going: &keep_going };
    let operations = &profile.operations;
    let mut inference = crypto::infer(
        &samples,
        &held,
        &|of| operations.get(of).listed(),
        &|body| wire::redact(operations.secrets(), body),
        &budget,
    );
    inference.notes.extend(left_out.iter().map(|note| format!("left out: {note}")));
    let table = inference.recipe.as_ref().map(|recipe| sign_table(recipe, &profile, samples.len()));
    let table = table.transpose()?;
    exit::print(&if args.format.is_json() {
        for_programs(&inference, table.as_deref())?
    } else {
        for_people(&inference, table.as_deref())
    })?;
    Ok(if inference.outcome == Outcome::None { exit::failed() } else { ExitCode::SUCCESS })
}

fn held(args: &InferArgs, profile: &Profile) -> anyhow::Result<Held> {
    let mut held = Held { key: None, secret: None };
    if let Some(path) = &args.key {
        // A key may be DER.
        let bytes = read_bytes(path)?;
        if let Some(came) = encoded(&bytes) {
            bail!("--key: {} is {came}", path.display());
        }
        let text = String::from_utf8(bytes)
            .unwrap_or_else(|error| crypto::Encoding::Base64.encode(error.as_bytes()));
        let report = KeyReport::read(&text).with_context(|| format!("--key {}", path.display()))?;
        held.key = Some(report.public);
    }
    if let Some(path) = &args.secret_file {
        let text = read_text(path)?;
        let text = text.strip_suffix('\n').unwrap_or(&text);
        let text = text.strip_suffix('\r').unwrap_or(text);
        let secret = Secret::new(text);
        held.secret = Some(secret.with_context(|| format!("--secret-file {}", path.display()))?);
    }
    if let Some(name) = &args.secret_env {
        let text = std::env::var(name)
            .with_context(|| format!("--secret-env: the variable {name} holds no text"))?;
        held.secret = Some(Secret::new(&text).with_context(|| format!("--secret-env {name}"))?);
    }
    if let Some(id) = &args.merchant {
        let merchant = merchant(profile, id)?;
        if held.key.is_none() {
            held.key = merchant.key.public_key().ok().cloned();
        }
        if let (None, Some(secret)) = (&held.secret, &merchant.sign_secret) {
            held.secret = Some(Secret::new(secret)?);
        }
    }
    if held.key.is_none() && held.secret.is_none() {
        bail!(
            "nothing to check signatures with: give --key, --secret-file, --secret-env or --merchant"
        );
    }
    Ok(held)
}

fn read_bytes(path: &Path) -> anyhow::Result<Vec<u8>> {
    let bytes = read_file_within(path, RECORDING_MAX);
    bytes.with_context(|| format!("cannot read {}", path.display()))
}

fn read_text(path: &Path) -> anyhow::Result<String> {
    let bytes = read_bytes(path)?;
    utf8(&bytes).map(str::to_owned).map_err(|came| anyhow!("{} is {came}", path.display()))
}

fn read_samples(path: &Path) -> anyhow::Result<Vec<capture::CapturedCall>> {
    let (name, text) = if path == Path::new("-") {
        let bytes = read_recording_or_stdin("-", "signed requests")?;
        let text = utf8(&bytes).map_err(|came| anyhow!("the standard input is {came}"))?;
        ("standard input".to_owned(), text.to_owned())
    } else {
        (path.display().to_string(), read_text(path)?)
    };
    let folder = path.parent().map(Path::to_owned).unwrap_or_default();
    let file = |other: &str| read_text(&folder.join(other)).ok();
    capture::read(&name, &text, &file).with_context(|| name.clone())
}

/// The `[sign]` table of a profile.
fn sign_table(recipe: &Recipe, profile: &Profile, samples: usize) -> anyhow::Result<String> {
    let own = serde_json::to_value(recipe)?;
    let usual = serde_json::to_value(Recipe::default())?;
    let operations = profile.sign.operations.iter().map(|operation| operation.name());
    let counted = if samples == 1 { "a sample" } else { "samples" };
    let mut table = format!(
        "[sign]\nmark = \"A\"\nabout = \"Inferred from {counted} by payon-sim sign infer\"\nmode = \"required\"\n\
         operations = {}\n",
        toml::Value::try_from(operations.collect::<Vec<_>>())?
    );
    let always = ["algorithm", "canonical", "separator", "omit_empty", "encoding"];
    for (name, value) in own.as_object().into_iter().flatten() {
        if always.contains(&name.as_str()) || usual.get(name) != Some(value) {
            let value = toml::Value::try_from(value)?;
            let _ = writeln!(table, "{name} = {value}");
        }
    }
    Ok(table)
}

fn for_programs(inference: &Inference, table: Option<&str>) -> anyhow::Result<String> {
    let mut json = serde_json::to_value(inference)?;
    json["profile"] = table.into();
    Ok(serde_json::to_string_pretty(&json)? + "\n")
}

fn for_people(inference: &Inference, table: Option<&str>) -> String {
    let mut text = String::new();
    let mut line = |args: std::fmt::Arguments<'_>| {
        // Writing into a String cannot fail.
        let _ = writeln!(text, "{args}");
    };
    let Inference { proofs, undecided, samples, tried, .. } = inference;
    let counted = match samples.len() {
        1 => "the sample verifies".to_owned(),
        count => format!("all {count} samples verify"),
    };
    match inference.outcome {
        Outcome::Found => line(format_args!("A recipe is found: {counted} under it.")),
        Outcome::Several => line(format_args!(
            "A recipe is found: {counted} under it. Settings that the samples leave open: {}.",
            undecided.len()
        )),
        Outcome::None if *tried == 0 => line(format_args!("No recipe is found: see why below.")),
        Outcome::None if inference.complete => line(format_args!(
            "No recipe is found; all {tried} strings that are known to this program were tried."
        )),
        Outcome::None => line(format_args!(
            "No recipe is found; the search ended at its limit, after {tried} strings (--candidates, --seconds)."
        )),
    }
    if let Some(table) = table {
        line(format_args!("\nFor profile.toml, in place of its [sign] table:\n\n{table}"));
    }
    for proof in proofs {
        line(format_args!("proof: {}", proof.sample));
        line(format_args!("  signed  {}", visible(&proof.signed)));
        let key = proof.key.as_ref().map(|key| format!(", key {key}")).unwrap_or_default();
        let what = match (proof.hash, &proof.digest) {
            (Some(hash), Some(digest)) => format!("{hash}  {digest}"),
            _ => "the string itself".to_owned(),
        };
        line(format_args!("  {what} ({} bits agree{key})", proof.bits));
    }
    if !undecided.is_empty() {
        line(format_args!("\nopen, since other values give the same strings:"));
    }
    for open in undecided {
        line(format_args!(
            "  - {}: {} is taken; {} would do as well\n    add a sample {}",
            open.setting,
            open.chosen,
            shortened(&open.others),
            open.sample
        ));
    }
    if inference.outcome == Outcome::None {
        line(format_args!("\ncertain all the same:"));
        for sample in samples {
            for fact in &sample.facts {
                line(format_args!("  - {}: {fact}", sample.sample));
            }
        }
        if let Some(question) = samples.iter().find_map(question) {
            line(format_args!("\na precise question for PAYON:\n  {question}"));
        }
    }
    for note in &inference.notes {
        line(format_args!("note: {note}"));
    }
    text
}

/// The first of many values.
fn shortened(values: &[String]) -> String {
    const SHOWN: usize = 4;
    match values.len().checked_sub(SHOWN) {
        Some(more @ 1..) => format!("{} and {more} more", values[..SHOWN].join(", ")),
        _ => values.join(", "),
    }
}

/// The question that would settle the recipe.
fn question(sample: &crypto::SampleFacts) -> Option<String> {
    let (hash, digest) = (sample.hash?, sample.digest.as_ref()?);
    if sample.key_fits != Some(true) || sample.padding == Some("PSS") {
        return None;
    }
    Some(format!(
        "\"Which exact string is signed for this request? Its {hash} digest is {digest}.\" Send the body along."
    ))
}
