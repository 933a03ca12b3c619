//! `payon-sim link`: a checkout link, as a merchant's server makes it.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, anyhow, bail};
use clap::Args;
use hyper::Method;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::base_url::BaseUrl;
use super::client::{GatewayArgs, RefusedCall, TrustArgs, is_set, segment};
use super::exit;
use super::input::{self, ProfileArg};
use crate::base::{Fields, Millis, Operation, did_you_mean, read_text, recognised, wall_clock};
use crate::crypto::{Padding, PublicKey};
use crate::gateway::{link, misspelt};
use crate::profile::Profile;
use crate::wire::{card_link, register};

/// Longest time for the gateway's answer.
const PATIENCE: Duration = Duration::from_secs(3);

/// Settings of the link. The order comes on stdin: the members of /pg/order/register as JSON. Its time, its key and
/// its merchant are those of the gateway that runs at --url; where none answers, those of the profile and this machine.
#[derive(Args, Clone, Debug)]
pub(super) struct LinkArgs {
    /// The merchant whose order it is
    #[arg(long)]
    merchant: String,
    /// Address under which payers reach the gateway. PAYON_SIM_PUBLIC_URL counts before PAYON_SIM_URL
    #[arg(long, env = address_variable(), default_value = "http://127.0.0.1:36605")]
    url: BaseUrl,
    /// Its control plane, where that has an address of its own
    #[arg(long, value_name = "URL")]
    control_url: Option<BaseUrl>,
    /// A space other than the default one
    #[arg(long, value_name = "NAME")]
    space: Option<String>,
    /// The token of the control plane, where it asks for one
    #[arg(long, env = "PAYON_SIM_CONTROL_TOKEN", value_name = "TOKEN", hide_env_values = true)]
    token: Option<String>,
    #[command(flatten)]
    trust: TrustArgs,
    /// Make a link that saves a card without a payment; stdin has clientId in place of an order
    #[arg(long)]
    card: bool,
    /// Make the link whatever stdin says, for tests of what a gateway refuses
    #[arg(long)]
    unchecked: bool,
    /// Padding of each block: pkcs1, oaep-sha1 or oaep-sha256
    #[arg(long, default_value = "pkcs1")]
    padding: Padding,
    /// A gateway public key (PEM or Base64 DER) in place of the gateway's or the profile's
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
    #[command(flatten)]
    profile: ProfileArg,
}

/// The facts that a link depends on.
struct KnownGateway {
    /// Words for the side that they are from.
    side: String,
    now: Millis,
    key: PublicKey,
    merchants: Vec<LinkMerchant>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Merchants {
    merchants: Vec<LinkMerchant>,
    gateway_public_key: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct LinkMerchant {
    #[serde(rename = "merchantId")]
    id: String,
    term_ids: Vec<String>,
}

#[derive(Deserialize)]
struct LinkClock {
    now: String,
}

/// The variable that says where payers reach the gateway: where nothing else is said, there where merchants do.
fn address_variable() -> &'static str {
    let public = "PAYON_SIM_PUBLIC_URL";
    if is_set(public) { public } else { "PAYON_SIM_URL" }
}

/// Prints the link. What the order leaves out of merchantId, termId, trt and issuedAt is filled in.
pub(super) fn run(args: &LinkArgs) -> anyhow::Result<ExitCode> {
    let profile = args.profile.load()?;
    let given = input::read_all("an order")?;
    let mut order: Map<String, Value> =
        serde_json::from_slice(&given).map_err(|error| match recognised(&given) {
            Some(came) => anyhow!("the order on stdin is {came}"),
            None => anyhow!(error).context("the order on stdin is not a JSON object"),
        })?;
    let known = known(args, &profile)?;
    let id = args.merchant.as_str();
    let merchant = known.merchants.iter().find(|known| known.id == id);
    if merchant.is_none() && !args.unchecked {
        let ids: Vec<&str> = known.merchants.iter().map(|known| known.id.as_str()).collect();
        let hint = did_you_mean(id, ids.iter().copied());
        let side = &known.side;
        bail!("--merchant: {side} has no merchant {id:?}{hint}; it has {}", ids.join(", "));
    }
    let mut fill = |name: &str, value: Value| {
        order.entry(name).or_insert(value);
    };
    fill("merchantId", id.into());
    if let Some(terminal) = merchant.and_then(|merchant| merchant.term_ids.first()) {
        fill("termId", terminal.as_str().into());
    }
    if !args.card {
        fill("trt", "10".into());
    }
    fill(link::ISSUED_AT, known.now.0.into());
    let order = Value::Object(order).to_string();
    if !args.unchecked {
        check(args, &profile, &order, known.now)?;
    }
    let key = match &args.key {
        Some(file) => {
            let text = read_text(file).with_context(|| format!("the key {}", file.display()))?;
            PublicKey::parse(&text)?
        }
        None => known.key,
    };
    let data = link::make(&key, args.padding, &order)?;
    let query = serde_html_form::to_string([("merchantId", id), ("data", &data)])?;
    let space = args.space.as_deref().map(|name| format!("/space/{}", segment(name)));
    let (url, space) = (&args.url, space.unwrap_or_default());
    let page = if args.card { "/pg/checkout/card" } else { "/pg/checkout" };
    exit::print_exact(&format!("{url}{space}{page}?{query}\n"))?;
    Ok(ExitCode::SUCCESS)
}

/// The gateway's facts, or those of the profile and this machine where no gateway answers.
fn known(args: &LinkArgs, profile: &Profile) -> anyhow::Result<KnownGateway> {
    let url = args.control_url.as_ref().unwrap_or(&args.url);
    let gateway =
        GatewayArgs::new(url.clone(), args.space.clone(), args.token.clone(), args.trust.clone());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let asked = runtime.block_on(async { tokio::time::timeout(PATIENCE, ask(&gateway)).await });
    let why = match asked {
        Ok(Ok(known)) => return Ok(known),
        Ok(Err(error)) => error,
        Err(_) => anyhow!("no answer within {} s", PATIENCE.as_secs()),
    };
    if args.space.is_some() || args.control_url.is_some() {
        return Err(why);
    }
    let key = profile.gateway_key.public_key().map_err(|error| anyhow!("{error}"))?.clone();
    let now = wall_clock();
    exit::say(&format_args!(
        "note: no gateway says what its clock shows ({why:#}), so the link carries this machine's time, {}, and the key of \
         the profile {}",
        now.rfc3339(),
        profile.name
    ));
    let merchants = profile.merchants.iter();
    let merchants = merchants.map(|merchant| LinkMerchant {
        id: merchant.id.clone(),
        term_ids: merchant.terminals.clone(),
    });
    Ok(KnownGateway {
        side: format!("the profile {}", profile.name),
        now,
        key,
        merchants: merchants.collect(),
    })
}

async fn ask(gateway: &GatewayArgs) -> anyhow::Result<KnownGateway> {
    let get = async |path: &str| {
        let answer = gateway.fetch(Method::GET, path, String::new()).await?;
        if answer.status().is_success() {
            return Ok(answer.into_body());
        }
        Err(anyhow!("{}: {}", gateway.place(), RefusedCall::read(&answer).detail))
    };
    let Merchants { merchants, gateway_public_key } =
        serde_json::from_slice(&get("/_sim/v1/merchants").await?)?;
    let LinkClock { now } = serde_json::from_slice(&get("/_sim/v1/clock").await?)?;
    let now = Millis::parse_rfc3339(&now).context("the gateway's clock shows no time")?;
    let key = PublicKey::parse(&gateway_public_key)?;
    Ok(KnownGateway { side: format!("the gateway at {}", gateway.place()), now, key, merchants })
}

/// Refuses an order that the gateway would refuse to read, with all that is missing.
fn check(args: &LinkArgs, profile: &Profile, order: &str, now: Millis) -> anyhow::Result<()> {
    let fields = Fields::parse(order.as_bytes())?;
    if fields.text("merchantId").is_none_or(|id| *id != *args.merchant) {
        bail!(
            "the order names another merchantId than --merchant; --unchecked makes the link all the same"
        );
    }
    if let Err(refused) = link::check_time(&fields, now, profile.checkout.link_lifetime_ms) {
        bail!("the order on stdin: {}; --unchecked makes the link all the same", refused.detail);
    }
    let described = profile.operations.get(Operation::Register);
    if !args.card {
        let findings = misspelt(described, &fields);
        for finding in findings.iter().filter(|finding| *finding.field != *link::ISSUED_AT) {
            exit::say(&format_args!("note: {}", finding.about()));
        }
    }
    let problem = if args.card {
        card_link::CardLinkRequest::read(&fields).err()
    } else {
        let missing: Vec<&str> = described.missing(&fields).collect();
        if !missing.is_empty() {
            bail!("the order on stdin lacks {}", missing.join(", "));
        }
        register::RegisterRequest::read(&fields).err()
    };
    match problem {
        Some(refusal) => {
            bail!("the order on stdin: {refusal}; --unchecked makes the link all the same")
        }
        None => Ok(()),
    }
}
