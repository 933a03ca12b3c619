//! The gateway: whether it is there, what it knows of the merchant, and how late it is there.

use std::io;

use hyper::header::DATE;
use hyper::{Method, Response, StatusCode};
use jiff::fmt::rfc2822;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::json;

use super::given::Given;
use super::report::{CLOCK, DoctorReport, GATEWAY, RULES};
use crate::base::{Fields, Millis, Operation, WebUrlParts, wall_clock};
use crate::cli::base_url::BaseUrl;
use crate::cli::client::{GatewayArgs, NotASimulator, RefusedCall};
use crate::cli::rules;
use crate::crypto::{self, PrivateKey, PublicKey, Recipe, SignKey};

const MERCHANT: &str = "merchant";
const TERMINAL: &str = "terminal";
const SIGNATURE: &str = "signature";
/// The most rules whose ids are told.
const RULES_TOLD: usize = 5;
/// Largest distance of two clocks that is not reported, in milliseconds.
const APART_MAX: i64 = 5_000;

/// A gateway that answers as it should.
pub(super) struct Sim<'a> {
    gateway: &'a GatewayArgs,
    merchants: Vec<MerchantAnswerBody>,
    own_key: PublicKey,
}

#[derive(Deserialize)]
struct HealthAnswer {
    status: String,
}

#[derive(Deserialize)]
struct VersionAnswer {
    name: String,
    #[serde(rename = "version")]
    number: String,
    profile: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct MerchantList {
    merchants: Vec<MerchantAnswerBody>,
    gateway_public_key: String,
}

/// A merchant as the gateway knows it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct MerchantAnswerBody {
    #[serde(rename = "merchantId")]
    id: String,
    term_ids: Vec<String>,
    noti_url: Option<String>,
    public_key: String,
}

#[derive(Deserialize)]
struct ClockAnswer {
    now: String,
    scale: f64,
    frozen: bool,
}

#[derive(Deserialize)]
struct ArmedList {
    rules: Vec<ArmedAnswer>,
}

/// A rule that is armed.
#[derive(Deserialize)]
struct ArmedAnswer {
    id: String,
    over: bool,
}

#[derive(Deserialize)]
struct ExplanationAnswer {
    ok: bool,
    summary: String,
    next: Vec<String>,
}

impl<'a> Sim<'a> {
    /// Looks whether it is there and may be asked; `None` where not.
    pub(super) async fn session(
        gateway: &'a GatewayArgs,
        report: &mut DoctorReport,
    ) -> anyhow::Result<Option<Self>> {
        let Some(version) = greet(gateway, report).await else { return Ok(None) };
        let answer = gateway.fetch(Method::GET, "/_sim/v1/merchants", String::new()).await?;
        let merchants = read::<MerchantList>(&answer).and_then(|known| {
            Some((PublicKey::parse(&known.gateway_public_key).ok()?, known.merchants))
        });
        let Some((own_key, merchants)) = merchants else {
            let why = RefusedCall::read(&answer).detail;
            report.fail(GATEWAY, format!("it does not tell its merchants: {why}"), "");
            return Ok(None);
        };
        let VersionAnswer { number, profile, .. } = version;
        let url = gateway.base();
        let found = format!("{url} answers: payon-sim {number}, profile {profile}");
        if number == env!("CARGO_PKG_VERSION") {
            report.ok(GATEWAY, found);
        } else {
            let ours = env!("CARGO_PKG_VERSION");
            let advice = format!("this program is {ours}; use the same version on both sides");
            report.warn(GATEWAY, found, &advice);
        }
        Ok(Some(Self { gateway, merchants, own_key }))
    }

    fn merchant(&self, id: &str) -> Option<&MerchantAnswerBody> {
        self.merchants.iter().find(|merchant| merchant.id == id)
    }

    /// Address for push-backs of the merchant when an order gives none.
    pub(super) fn noti_url(&self, merchant: &str) -> Option<&str> {
        self.merchant(merchant)?.noti_url.as_deref()
    }

    /// Name of the gateway among the owners of keys.
    #[allow(clippy::unused_self, reason = "it stands beside `owners`, which uses it")]
    pub(super) const fn name(&self) -> &'static str {
        "the gateway"
    }

    /// Owners of that key.
    pub(super) fn owners(&self, key: &PublicKey) -> Vec<String> {
        let own = (*key == self.own_key).then(|| self.name().to_owned());
        let theirs = self.merchants.iter().filter(|merchant| merchant.key().as_ref() == Some(key));
        own.into_iter().chain(theirs.map(|merchant| merchant.id.clone())).collect()
    }

    /// The public key of a merchant.
    pub(super) fn key_of(&self, merchant: &str) -> Option<PublicKey> {
        self.merchant(merchant)?.key()
    }

    /// Looks at merchantId and termId.
    pub(super) fn check_ids(&self, given: &Given, report: &mut DoctorReport) {
        let known: Vec<_> = self.merchants.iter().map(|known| known.id.as_str()).collect();
        let known = known.join(", ");
        let Some(id) = &given.merchant else {
            report.skip(MERCHANT, format!("not given; --merchant, one of {known}"));
            return report.skip(TERMINAL, "not looked at without a merchant");
        };
        let Some(merchant) = self.merchant(id) else {
            let advice = format!("this space has {known}; another space is named by --space");
            report.fail(MERCHANT, format!("{id:?} is not known here"), &advice);
            return report.skip(TERMINAL, "not looked at without a merchant");
        };
        report.ok(MERCHANT, format!("{id} is known"));
        let terminals = merchant.term_ids.join(", ");
        match &given.terminal {
            None => report.skip(TERMINAL, format!("not given; --terminal, one of {terminals}")),
            Some(id) if merchant.term_ids.contains(id) => {
                report.ok(TERMINAL, format!("{id} belongs to it"));
            }
            Some(id) => {
                let advice = format!("the merchant has {terminals}");
                report.fail(TERMINAL, format!("{id:?} is not one of the merchant's"), &advice);
            }
        }
    }

    /// Signs a refund with the key and asks the gateway what it makes of that; nothing is booked.
    pub(super) async fn check_signature(
        &self,
        given: &Given,
        key: PrivateKey,
        recipe: &Recipe,
        report: &mut DoctorReport,
    ) -> anyhow::Result<()> {
        let Some(merchant) = given.merchant.as_deref().and_then(|id| self.merchant(id)) else {
            report.skip(SIGNATURE, "not tried without a merchant");
            return Ok(());
        };
        let id = &merchant.id;
        let terminal = given.terminal.as_ref().or_else(|| merchant.term_ids.first());
        let mut body =
            json!({ "merchantId": id, "termId": terminal, "txId": "doctor", "sign": "" });
        let text = body.to_string();
        let signed = Fields::parse(text.as_bytes())
            .map(|fields| crypto::sign(recipe, &SignKey::Rsa(key), &fields));
        let sign = match signed? {
            Ok(sign) => sign,
            Err(error) => {
                report.fail(SIGNATURE, format!("cannot sign: {error}"), "");
                return Ok(());
            }
        };
        body[crypto::SIGN] = sign.into();
        let question =
            json!({ "merchantId": id, "operation": Operation::Refund.name(), "body": body });
        let path = "/_sim/v1/sign/explain";
        let answer = self.gateway.fetch(Method::POST, path, question.to_string()).await?;
        match read::<ExplanationAnswer>(&answer) {
            Some(ExplanationAnswer { ok: true, .. }) => {
                report.ok(
                    SIGNATURE,
                    "the gateway takes what this key signs (a refund, only explained)",
                );
            }
            Some(ExplanationAnswer { summary, next, .. }) => {
                report.fail(SIGNATURE, summary, &next.join("; "));
            }
            None => {
                let why = RefusedCall::read(&answer).detail;
                report.fail(SIGNATURE, format!("the gateway does not explain it: {why}"), "");
            }
        }
        Ok(())
    }

    /// Looks at the machine's clock and at the space's.
    pub(super) async fn check_clock(&self, report: &mut DoctorReport) -> anyhow::Result<()> {
        let answer = self.gateway.fetch(Method::GET, "/_sim/v1/clock", String::new()).await?;
        let here = wall_clock();
        let date = answer.headers().get(DATE).and_then(|date| date.to_str().ok());
        let there = date.and_then(|date| rfc2822::DateTimeParser::new().parse_timestamp(date).ok());
        let there = there.map_or(here, |there| Millis(there.as_millisecond()));
        if is_apart(here, there) {
            let found = format!("this machine's is {} the gateway's", distance(here, there));
            report.warn(
                CLOCK,
                found,
                "set both machines' by NTP; times in bodies are the gateway's",
            );
        }
        let Some(ClockAnswer { now, scale, frozen }) = read(&answer) else {
            report.warn(CLOCK, "the gateway does not tell its own", "");
            return Ok(());
        };
        let back = "POST /_sim/v1/clock";
        let shown = Millis::parse_rfc3339(&now).unwrap_or(there);
        if frozen {
            let found = format!(
                "the space's stands still at {now}: nothing expires and no push-back is repeated"
            );
            report.warn(
                CLOCK,
                found,
                &format!(
                    "{back} {{\"freeze\":false}} lets it run, {{\"advance\":\"1h\"}} moves it"
                ),
            );
        } else if scale.to_bits() != 1f64.to_bits() {
            let found = format!("the space's runs {scale} times as fast as real time");
            report.warn(CLOCK, found, &format!("{back} {{\"freeze\":false}} makes it real again"));
        } else if is_apart(shown, there) {
            let found =
                format!("the space's clock was set: it is {} real time", distance(shown, there));
            report.warn(CLOCK, found, &format!("{back} {{\"set\":…}}, or a reset, brings it back"));
        } else {
            report.ok(CLOCK, format!("the space's shows real time, {now}"));
        }
        Ok(())
    }

    /// Looks for rules that still break something on purpose.
    pub(super) async fn check_rules(&self, report: &mut DoctorReport) -> anyhow::Result<()> {
        let answer = self.gateway.fetch(Method::GET, rules::PATH, String::new()).await?;
        let Some(ArmedList { rules }) = read(&answer) else {
            report.warn(RULES, "the gateway does not tell which are armed", "");
            return Ok(());
        };
        let armed: Vec<&str> =
            rules.iter().filter(|rule| !rule.over).map(|rule| rule.id.as_str()).collect();
        if armed.is_empty() {
            report.ok(RULES, "none is armed, so nothing is broken on purpose");
            return Ok(());
        }
        let (told, rest) = armed.split_at(armed.len().min(RULES_TOLD));
        let more =
            if rest.is_empty() { String::new() } else { format!(" and {} more", rest.len()) };
        let found = format!(
            "armed, so calls may be broken on purpose: {} ({}{more})",
            armed.len(),
            told.join(", ")
        );
        let advice = "payon-sim rules list shows them; payon-sim rules clear takes all away, payon-sim fault clear the quick faults";
        report.warn(RULES, found, advice);
        Ok(())
    }
}

impl MerchantAnswerBody {
    fn key(&self) -> Option<PublicKey> {
        PublicKey::parse(&self.public_key).ok()
    }
}

/// Looks who is there.
async fn greet(gateway: &GatewayArgs, report: &mut DoctorReport) -> Option<VersionAnswer> {
    let bare = gateway.without_space();
    let url = gateway.url();
    let healthz = match bare.fetch(Method::GET, "/_sim/healthz", String::new()).await {
        Ok(answer) => answer,
        Err(error) => {
            let (found, advice) = match error.downcast_ref::<NotASimulator>() {
                Some(other) => something_else(gateway, other.status).await,
                None => unreachable(url, &error),
            };
            report.fail(GATEWAY, found, &advice);
            return None;
        }
    };
    if read::<HealthAnswer>(&healthz).is_none_or(|health| health.status != "ok") {
        let (found, advice) = not_healthy(gateway, &healthz).await;
        report.fail(GATEWAY, found, &advice);
        return None;
    }
    let answer = match bare.fetch(Method::GET, "/_sim/version", String::new()).await {
        Ok(answer) => answer,
        Err(error) => {
            report.fail(GATEWAY, format!("{url} broke off: {error:#}"), "");
            return None;
        }
    };
    match (answer.status(), read::<VersionAnswer>(&answer)) {
        (_, Some(version)) if version.name == env!("CARGO_PKG_NAME") => return Some(version),
        (StatusCode::UNAUTHORIZED, _) => {
            let found = format!(
                "{url} is a payon-sim whose control plane wants a token, and {}",
                if gateway.has_token() { "not this one" } else { "none was given" }
            );
            report.fail(
                GATEWAY,
                found,
                "give what the server has as --control-token: --token, or PAYON_SIM_CONTROL_TOKEN",
            );
        }
        _ => {
            let why = RefusedCall::read(&answer).detail;
            report.fail(GATEWAY, format!("{url} does not say what it is: {why}"), "");
        }
    }
    None
}

/// Warns of a gateway's address in the merchant's settings that ends with a slash.
pub(super) fn warn_of_slash(name: &str, report: &mut DoctorReport) {
    let found = format!(
        "{name} ends with a slash: followed by a path such as /pg/order/register it makes //pg/order/register, which is 404"
    );
    report.warn(GATEWAY, found, "take the slash away, unless your code does so itself");
}

/// The trouble of a control plane that is not well, and the remedy.
async fn not_healthy(gateway: &GatewayArgs, answer: &Response<bytes::Bytes>) -> (String, String) {
    let url = gateway.url();
    let problem = serde_json::from_slice::<serde_json::Value>(answer.body()).unwrap_or_default();
    let says = |member: &str| problem.get(member).and_then(|text| text.as_str());
    if says("type").is_some_and(|kind| kind.ends_with("/unknown-space")) {
        let detail = says("detail").unwrap_or("it is not there");
        let advice = "`payon-sim space create NAME` makes a space; a server that was started again has lost those of before";
        return (
            format!("a payon-sim answers at {url}, but not for that space: {detail}"),
            advice.into(),
        );
    }
    something_else(gateway, answer.status()).await
}

/// The server at an address that is no control plane, and the remedy.
async fn something_else(gateway: &GatewayArgs, status: StatusCode) -> (String, String) {
    let url = gateway.url();
    let rest = WebUrlParts::parse(url).map_or("", |parts| parts.rest);
    let root = &url[..url.len() - rest.len()];
    if let (false, Ok(root)) = (rest.is_empty(), root.parse::<BaseUrl>()) {
        let at_root = gateway.without_space().at(root.clone());
        let health = at_root.fetch(Method::GET, "/_sim/healthz", String::new()).await;
        if health.is_ok_and(|health| read::<HealthAnswer>(&health).is_some()) {
            let found =
                format!("a payon-sim answers at {root}, but {rest} is no part of its address");
            let advice = format!(
                "give {root}, or {root}/space/NAME for a space; paths such as /pg/order/register come behind that"
            );
            return (found, advice);
        }
    }
    let found = format!("something else than a payon-sim listens at {url}: it answers {status}");
    let advice = "choose another --port for `payon-sim serve`, and give it as --url; with --control-port, that is the port to give";
    (found, advice.into())
}

/// Reason why nothing answered, and what to do.
fn unreachable(url: &str, error: &anyhow::Error) -> (String, String) {
    let io = error.chain().find_map(|cause| cause.downcast_ref::<io::Error>());
    let is_refused = io.is_some_and(|cause| cause.kind() == io::ErrorKind::ConnectionRefused);
    // The connection stands, and what came over it was no answer.
    let is_gibberish =
        io.is_none() && error.chain().any(<dyn std::error::Error>::is::<hyper::Error>);
    let (found, advice) = if is_refused {
        let advice = "start `payon-sim serve`, or say where it runs: --url; in a container it listens to others with --host 0.0.0.0 and a published port";
        (format!("nothing listens at {url}"), advice)
    } else if is_gibberish {
        let found = format!("something listens at {url} that does not speak HTTP");
        (found, "look at the port; `payon-sim serve` says at its start where it is")
    } else {
        let found = format!("{url} cannot be reached: {}", error.root_cause());
        (found, "look at the host's name, the port and what is between")
    };
    (found, advice.to_owned())
}

fn read<T: DeserializeOwned>(answer: &Response<bytes::Bytes>) -> Option<T> {
    serde_json::from_slice(answer.body()).ok().filter(|_| answer.status().is_success())
}

const fn is_apart(one: Millis, other: Millis) -> bool {
    (one.0 - other.0).abs() > APART_MAX
}

/// Distance of the first from the second, in words.
fn distance(one: Millis, other: Millis) -> String {
    let seconds = (one.0 - other.0).abs() / 1000;
    let span = jiff::SignedDuration::from_secs(seconds);
    let way = if one > other { "ahead of" } else { "behind" };
    format!("{span:#} {way}")
}
