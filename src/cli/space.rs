//! `payon-sim space`: the spaces of a running gateway.

use std::fmt::Write as _;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::bail;
use clap::{Args, Subcommand};
use hyper::Method;
use serde_json::{Value, json};

use super::base_url::BaseUrl;
use super::client::{GatewayArgs, segment};
use super::exit;
use super::sentence::{items, list, member};
use super::snapshot::WhereTaken;
use super::table::table;
use super::talk::TalkArgs;

const PATH: &str = "/_sim/v1/spaces";
/// Longest time for requests to end and for the other gateway to take a space.
const MOVE_PATIENCE: Duration = Duration::from_secs(105);

/// Actions on spaces. A space has orders, merchants, a clock and rules of its own, so that tests do not meet.
#[derive(Subcommand, Debug)]
pub(super) enum SpaceVerb {
    /// List the spaces of the gateway
    List(TalkArgs),
    /// Make a space with a merchant of its own, and print its address
    Create(Box<CreateArgs>),
    /// Show one space
    Show(NamedSpace),
    /// Move a space to another gateway, without losing what it has answered
    Move(MoveArgs),
    /// Delete a space with all that is in it
    Delete {
        /// Name of the space
        #[arg(value_name = "NAME")]
        name: String,
        #[command(flatten)]
        talk: TalkArgs,
    },
}

/// A space by its name, or by --space.
#[derive(Args, Debug)]
pub(super) struct NamedSpace {
    /// Name of the space; that of --space, or of --url, when left out
    #[arg(value_name = "NAME")]
    name: Option<String>,
    #[command(flatten)]
    talk: TalkArgs,
}

/// The space to move.
#[derive(Args, Debug)]
#[command(after_help = "\
Requests to the space wait while it goes over, and are sent after it with 307 and the new address. What cannot go over
stays as it is. The journal and the events stay behind and are gone; the answer counts them.

Example:
  payon-sim space move shop --to http://10.0.0.12:36605")]
pub(super) struct MoveArgs {
    /// Name of the space
    #[arg(value_name = "NAME")]
    name: String,
    /// Address of the other gateway's control plane, as the gateway that has the space reaches it
    #[arg(long, value_name = "URL")]
    to: BaseUrl,
    /// The token of the other control plane; that of --token when left out
    #[arg(long, env = "PAYON_SIM_TO_TOKEN", value_name = "TOKEN", hide_env_values = true)]
    to_token: Option<String>,
    #[command(flatten)]
    talk: TalkArgs,
}

/// The space to make.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  payon-sim space create shop --seed 7 --if-exists keep
  payon-sim space create shop --merchant SHOP1 --noti-url http://127.0.0.1:8080/noti
  export $(payon-sim space create shop --env)     the space and its merchant for all commands that follow
  payon-sim space create trial --copy shop        goes on from where shop is")]
pub(super) struct CreateArgs {
    /// Name of the space; made up when left out
    #[arg(value_name = "NAME")]
    name: Option<String>,
    /// Seed of its choices; it follows from the gateway's seed and the name when left out
    #[arg(long)]
    seed: Option<u64>,
    /// A merchant to make, by its merchantId; may be repeated
    #[arg(long = "merchant", value_name = "ID")]
    merchant_ids: Vec<String>,
    /// Number of merchants to make up, 1 when nothing is said of merchants
    #[arg(long, value_name = "COUNT", conflicts_with = "merchant_ids")]
    merchants: Option<u8>,
    /// Address for push-backs of its merchants when an order brings none
    #[arg(long, value_name = "URL")]
    noti_url: Option<String>,
    /// Action where there is a space of that name
    #[arg(long, value_enum, default_value_t = WhereTaken::Refuse)]
    if_exists: WhereTaken,
    /// A space to go on from: orders, merchants, rules and clock are as they are there
    #[arg(long, value_name = "SPACE", conflicts_with_all = ["seed", "merchant_ids", "merchants", "noti_url"])]
    copy: Option<String>,
    /// The snapshot of --copy to go on from, in place of how that space is now
    #[arg(long, value_name = "NAME", requires = "copy")]
    snapshot: Option<String>,
    /// Print lines NAME=value as `payon-sim exec` hands them to a command: address, merchant and keys
    #[arg(long, conflicts_with_all = ["format", "json", "copy"])]
    env: bool,
    #[command(flatten)]
    talk: TalkArgs,
}

/// Carries out the verb.
pub(super) fn run(verb: &SpaceVerb) -> anyhow::Result<ExitCode> {
    match verb {
        SpaceVerb::List(talk) => talk.get(PATH, |answer| {
            let columns = ["name", "seed", "orders", "requests", "now", "merchants"];
            let rows = items(answer, "spaces").iter();
            let rows: Vec<_> = rows.map(|it| columns.map(|name| member(it, name))).collect();
            table(["NAME", "SEED", "ORDERS", "REQUESTS", "CLOCK", "MERCHANTS"], &rows)
        }),
        SpaceVerb::Create(args) => args.create(),
        SpaceVerb::Show(args) => {
            let path = format!("{PATH}/{}", segment(args.name()));
            args.talk.get(&path, |space| described(space, &member(space, "merchants")))
        }
        SpaceVerb::Move(args) => args.run(),
        SpaceVerb::Delete { name, talk } => {
            let path = format!("{PATH}/{}", segment(name));
            let gateway = talk.gateway.without_space();
            let answer = gateway.call(Method::DELETE, &path, String::new())?;
            talk.finish(answer, |_| format!("deleted: {name}\n"))
        }
    }
}

impl MoveArgs {
    fn run(&self) -> anyhow::Result<ExitCode> {
        let gateway = self.talk.gateway.without_space();
        let mut body = json!({ "to": self.to.as_str() });
        if let Some(token) = self.to_token.as_deref().or(gateway.token()) {
            body["token"] = token.into();
        }
        if self.to.as_str().starts_with("https://")
            && let Some(ca) = gateway.trust().ca()?
        {
            body["ca"] = String::from_utf8_lossy(&ca).into();
        }
        let path = format!("{PATH}/{}/move", segment(&self.name));
        let answer = gateway.patient(MOVE_PATIENCE).call(Method::POST, &path, body.to_string())?;
        self.talk.finish(answer, |moved| {
            list(&[
                ("moved", member(moved, "name")),
                ("base URL", member(moved, "baseUrl")),
                ("control URL", member(moved, "controlUrl")),
                ("paused", format!("{} ms", member(moved, "pausedMs"))),
                ("left behind", left_behind(&moved["leftBehind"])),
            ])
        })
    }
}

/// Counts what did not go with a space.
fn left_behind(left: &Value) -> String {
    let (requests, events) = (member(left, "requests"), member(left, "events"));
    format!("{requests} requests of the journal, {events} events")
}

impl NamedSpace {
    fn name(&self) -> &str {
        self.name.as_deref().unwrap_or_else(|| self.talk.gateway.space_name())
    }
}

impl CreateArgs {
    fn create(&self) -> anyhow::Result<ExitCode> {
        if let (Some(name), Some(other)) = (&self.name, self.talk.gateway.space_option())
            && name != other
        {
            bail!("the new space has two names, {name} and --space {other}; leave one of them out");
        }
        let gateway = self.talk.gateway.without_space();
        if let Some(from) = &self.copy {
            return self.fork(&gateway.in_space(from));
        }
        let answer = gateway.call(Method::POST, PATH, self.wish().to_string())?;
        if self.env {
            return answer.map_or_else(Ok, |space| {
                exit::print_exact(&environment(&space))?;
                Ok(ExitCode::SUCCESS)
            });
        }
        self.talk.finish(answer, |space| {
            let merchants = items(space, "merchants").iter();
            let merchants: Vec<_> = merchants
                .map(|it| format!("{} (termId {})", member(it, "merchantId"), member(it, "termId")))
                .collect();
            described(space, &merchants.join(", "))
        })
    }

    fn wish(&self) -> Value {
        let mut wish = json!({ "ifExists": self.if_exists.word() });
        if let Some(name) = self.name.as_deref().or(self.talk.gateway.space_option()) {
            wish["name"] = name.into();
        }
        if let Some(seed) = self.seed {
            wish["seed"] = seed.into();
        }
        let merchant = |id: Option<&String>| {
            let mut merchant = json!({});
            if let Some(id) = id {
                merchant["merchantId"] = id.as_str().into();
            }
            if let Some(url) = &self.noti_url {
                merchant["notiUrl"] = url.as_str().into();
            }
            merchant
        };
        wish["merchants"] = match &*self.merchant_ids {
            [] => (0..self.merchants.unwrap_or(1)).map(|_| merchant(None)).collect(),
            ids => ids.iter().map(|id| merchant(Some(id))).collect(),
        };
        wish
    }

    /// Makes a space that goes on from another one, the one that `from` talks to.
    fn fork(&self, from: &GatewayArgs) -> anyhow::Result<ExitCode> {
        let own = self.snapshot.is_none();
        let snapshot = self.snapshot.as_deref().unwrap_or("copied-by-space-create");
        if own {
            let body = json!({ "name": snapshot, "ifExists": "replace" }).to_string();
            if let Err(refused) = from.call::<Value>(Method::POST, "/_sim/v1/snapshots", body)? {
                return Ok(refused);
            }
        }
        let mut body = json!({ "ifExists": self.if_exists.word() });
        if let Some(name) = &self.name {
            body["space"] = name.as_str().into();
        }
        let path = format!("/_sim/v1/snapshots/{}", segment(snapshot));
        let answer = from.call(Method::POST, &format!("{path}/fork"), body.to_string())?;
        if own && let Err(refused) = from.call::<Value>(Method::DELETE, &path, String::new())? {
            return Ok(refused);
        }
        let whose = format!("those of {}", from.space_name());
        self.talk.finish(answer, |space| described(space, &whose))
    }
}

fn described(space: &Value, merchants: &str) -> String {
    list(&[
        ("space", member(space, "name")),
        ("seed", member(space, "seed")),
        ("base URL", member(space, "baseUrl")),
        ("control URL", member(space, "controlUrl")),
        ("merchants", merchants.to_owned()),
    ])
}

/// The new space in environment variables, of which no value needs a quote.
fn environment(space: &Value) -> String {
    let merchant = items(space, "merchants").first().unwrap_or(&Value::Null);
    let variables = [
        ("URL", &space["baseUrl"]),
        ("CONTROL_URL", &space["controlUrl"]),
        ("SPACE", &space["name"]),
        ("MERCHANT_ID", &merchant["merchantId"]),
        ("TERM_ID", &merchant["termId"]),
        ("PRIVATE_KEY", &merchant["privateKey"]),
        ("PUBLIC_KEY", &merchant["publicKey"]),
        ("GATEWAY_PUBLIC_KEY", &space["gatewayPublicKey"]),
    ];
    let mut text = String::new();
    for (name, value) in variables {
        if let Some(value) = value.as_str() {
            // Writing into a String cannot fail.
            let _ = writeln!(text, "PAYON_SIM_{name}={value}");
        }
    }
    text
}
