//! `payon-sim merchants`: the merchants of a running gateway.

use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Args, Subcommand};
use hyper::Method;
use serde_json::{Value, json};

use super::client::segment;
use super::exit;
use super::input::read_file_or_stdin;
use super::sentence::{items, list, member};
use super::table::table;
use super::talk::TalkArgs;
use crate::base::did_you_mean;
use crate::crypto::KeyReport;
use crate::profile::SignMode;

const PATH: &str = "/_sim/v1/merchants";

/// Actions on merchants.
#[derive(Subcommand, Debug)]
#[command(after_help = "\
Examples:
  payon-sim keys generate --pem > key.pem
  payon-sim merchants set C0000143 --key key.pem                            signs with a key of yours from now on
  payon-sim merchants set C0000143 --noti-url http://127.0.0.1:8080/noti
  payon-sim merchants set C0000143 --sign-mode off")]
pub(super) enum MerchantsVerb {
    /// List the merchants of the space
    List(TalkArgs),
    /// Show one merchant
    Show {
        /// merchantId
        #[arg(value_name = "ID")]
        id: String,
        #[command(flatten)]
        talk: TalkArgs,
    },
    /// Change the settings of a merchant; what is not given stays
    Set(SetArgs),
    /// Add a merchant to the space; a reset takes it away
    Add(AddArgs),
}

/// The settings to change.
#[derive(Args, Debug)]
pub(super) struct SetArgs {
    /// merchantId
    #[arg(value_name = "ID")]
    id: String,
    /// Its key: a file with the public or the private half, `-` for the standard input; only the public half is sent
    #[arg(long, alias = "public-key", value_name = "FILE")]
    key: Option<String>,
    /// Address for push-backs when an order brings none; `none` takes it away
    #[arg(long, value_name = "URL")]
    noti_url: Option<String>,
    /// Signatures: required, if-present or off; `profile` for what the profile says
    #[arg(long, value_name = "MODE", value_parser = sign_mode)]
    sign_mode: Option<String>,
    /// Value of the header Authentication that every request must have; `none` asks for none
    #[arg(long = "auth-token", value_name = "TOKEN")]
    auth_token: Option<String>,
    /// True if createPIN may be called
    #[arg(long, value_name = "true|false")]
    pin: Option<bool>,
    #[command(flatten)]
    talk: TalkArgs,
}

/// The merchant to add.
#[derive(Args, Debug)]
pub(super) struct AddArgs {
    /// merchantId; made up when left out
    #[arg(value_name = "ID")]
    id: Option<String>,
    /// termId; made up when left out
    #[arg(long, value_name = "ID")]
    terminal: Option<String>,
    /// Its key: a file with the public or the private half, `-` for the standard input; one of the gateway's when left out
    #[arg(long, alias = "public-key", value_name = "FILE")]
    key: Option<String>,
    /// Address for push-backs when an order brings none
    #[arg(long, value_name = "URL")]
    noti_url: Option<String>,
    #[command(flatten)]
    talk: TalkArgs,
}

/// The public half of the key in a file, on one line.
fn public_key(file: &str) -> anyhow::Result<String> {
    let text = String::from_utf8(read_file_or_stdin(file, "a key")?).ok();
    let text = text.with_context(|| format!("--key {file}: it is binary; give PEM or Base64"))?;
    let key = KeyReport::read(&text).with_context(|| format!("--key {file}"))?;
    Ok(key.public.spki_der_base64())
}

fn sign_mode(name: &str) -> Result<String, String> {
    let mut names: Vec<&str> = SignMode::ALL.iter().map(|mode| mode.name()).collect();
    names.push("profile");
    if names.contains(&name) {
        return Ok(name.to_owned());
    }
    let hint = did_you_mean(name, names.iter().copied());
    Err(format!("no such mode{hint}; there are {}", names.join(", ")))
}

/// Carries out the verb.
pub(super) fn run(verb: &MerchantsVerb) -> anyhow::Result<ExitCode> {
    match verb {
        MerchantsVerb::List(talk) => talk.get(PATH, |answer| {
            let columns =
                ["merchantId", "termIds", "signMode", "notiUrl", "keyFingerprint", "name"];
            let rows = items(answer, "merchants").iter();
            let rows: Vec<_> = rows.map(|it| columns.map(|name| member(it, name))).collect();
            table(["MERCHANT", "TERMINALS", "SIGN MODE", "PUSH-BACKS TO", "KEY", "NAME"], &rows)
        }),
        MerchantsVerb::Show { id, talk } => {
            let answer: Value = match talk.gateway.get(PATH)? {
                Ok(answer) => answer,
                Err(refused) => return Ok(refused),
            };
            let known = items(&answer, "merchants");
            let Some(merchant) = known.iter().find(|it| it["merchantId"] == **id) else {
                let ids = known.iter().filter_map(|it| it["merchantId"].as_str());
                let (hint, place) = (did_you_mean(id, ids), talk.gateway.space_name());
                exit::say(&format_args!(
                    "there is no merchant {id:?} in the space {place:?}{hint}"
                ));
                return Ok(exit::failed());
            };
            talk.finish(Ok(merchant.clone()), described)
        }
        MerchantsVerb::Set(args) => {
            let path = format!("{PATH}/{}", segment(&args.id));
            args.talk.send(Method::PATCH, &path, &args.change()?, described)
        }
        MerchantsVerb::Add(args) => args.talk.send(Method::POST, PATH, &args.wish()?, |it| {
            let [id, terminal] = ["merchantId", "termId"].map(|name| member(it, name));
            format!("added: {id} (termId {terminal})\n")
        }),
    }
}

impl SetArgs {
    fn change(&self) -> anyhow::Result<Value> {
        let mut change = json!({});
        let or_null = |text: &str, nothing: &str| {
            if text == nothing { Value::Null } else { Value::from(text) }
        };
        if let Some(url) = &self.noti_url {
            change["notiUrl"] = or_null(url, "none");
        }
        if let Some(mode) = &self.sign_mode {
            change["signMode"] = or_null(mode, "profile");
        }
        if let Some(token) = &self.auth_token {
            change["token"] = or_null(token, "none");
        }
        if let Some(pin) = self.pin {
            change["pinEnabled"] = pin.into();
        }
        if let Some(file) = &self.key {
            change["publicKey"] = public_key(file)?.into();
        }
        Ok(change)
    }
}

impl AddArgs {
    fn wish(&self) -> anyhow::Result<Value> {
        let mut wish = json!({});
        let members =
            [("merchantId", &self.id), ("termId", &self.terminal), ("notiUrl", &self.noti_url)];
        for (name, value) in members {
            if let Some(value) = value {
                wish[name] = value.as_str().into();
            }
        }
        if let Some(file) = &self.key {
            wish["publicKey"] = public_key(file)?.into();
        }
        Ok(wish)
    }
}

fn described(merchant: &Value) -> String {
    let sign_mode = match &merchant["signMode"] {
        Value::Null => "as the profile says".to_owned(),
        _ => member(merchant, "signMode"),
    };
    list(&[
        ("merchant", member(merchant, "merchantId")),
        ("name", member(merchant, "name")),
        ("terminals", member(merchant, "termIds")),
        ("push-backs to", member(merchant, "notiUrl")),
        ("sign mode", sign_mode),
        (
            "its key",
            format!("{}, {} bits", member(merchant, "keyFingerprint"), member(merchant, "keyBits")),
        ),
        ("private half known", member(merchant, "hasPrivateKey")),
        ("token required", member(merchant, "tokenRequired")),
        ("PIN calls", member(merchant, "pinEnabled")),
        ("methods", member(merchant, "methods")),
    ])
}
