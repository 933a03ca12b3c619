//! Signatures: made for whoever has no RSA at hand, and explained.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::value::{RawValue, to_raw_value};

use super::ask::Ask;
use super::blocking;
use super::problem::{Kind, Problem};
use super::views::operations;
use crate::base::{Fields, Operation};
use crate::crypto::{self, Explanation, Question, SIGN, VerifyKey};
use crate::profile::{Merchant, SignMode};
use crate::space::Space;

/// A body to be signed.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct SignRequest {
    merchant_id: String,
    /// Where it will be sent; the answer then says whether a signature is looked at there.
    #[schemars(schema_with = "operations")]
    operation: Option<Operation>,
    /// The request: an object, or the JSON of one as text. Numbers keep their literals.
    #[schemars(with = "serde_json::Value")]
    body: Box<RawValue>,
}

/// A signed body.
#[derive(Serialize, JsonSchema)]
pub(super) struct Signed {
    /// The signature.
    sign: String,
    /// The exact string that was signed.
    canonical: String,
    /// The request with `sign` at its end: as text where it came as text.
    #[schemars(with = "serde_json::Value")]
    body: Box<RawValue>,
    /// `required`, `if-present` or `off`, where an operation was named.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    mode: Option<SignMode>,
}

/// A request whose signature is to be explained.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct ExplainRequest {
    merchant_id: String,
    #[schemars(schema_with = "operations")]
    operation: Operation,
    /// The request with its `sign`: an object, or the JSON of one as text.
    #[schemars(with = "serde_json::Value")]
    body: Box<RawValue>,
}

/// The JSON of a body that came as an object or as text; and whether it was text.
fn text_of(body: &RawValue) -> Result<(String, bool), Problem> {
    if body.get().starts_with('"') {
        let text = serde_json::from_str(body.get())
            .map_err(|error| Problem::refused("body", error.to_string()))?;
        Ok((text, true))
    } else {
        Ok((body.get().to_owned(), false))
    }
}

fn fields(text: &str) -> Result<Fields<'_>, Problem> {
    Fields::parse(text.as_bytes()).map_err(|error| Problem::refused("body", error.to_string()))
}

/// Signs a body as the merchant does.
pub(super) async fn sign(ask: &Ask, request: SignRequest) -> Result<Signed, Problem> {
    let merchant = ask.merchant(&request.merchant_id)?;
    let (text, as_text) = text_of(&request.body)?;
    let profile = Arc::clone(ask.space.profile());
    let mode = request.operation.map(|operation| profile.sign_mode(&merchant, operation));
    let (sign, canonical, body) = blocking(move || {
        let (recipe, fields) = (&profile.sign.recipe, fields(&text)?);
        let unable = |detail: String| {
            Problem::new(Kind::NoPrivateKey, format!("merchant {}: {detail}", merchant.id))
        };
        let key = merchant
            .sign_key(recipe)
            .ok_or_else(|| {
                unable(
                    "only the public key is known here; sign where the private one is".to_owned(),
                )
            })?
            .map_err(|error| unable(error.to_string()))?;
        let sign =
            crypto::sign(recipe, &key, &fields).map_err(|error| unable(error.to_string()))?;
        let body = with_sign(&fields, &sign);
        Ok::<_, Problem>((sign, recipe.canonical(&fields), body))
    })
    .await??;
    let body = if as_text { to_raw_value(&body) } else { RawValue::from_string(body) };
    let body =
        body.map_err(|error| Problem::new(Kind::Failed, format!("cannot write: {error}")))?;
    Ok(Signed { sign, canonical, body, mode })
}

/// The body with `sign` at its end and every other value as it stood.
fn with_sign(fields: &Fields<'_>, sign: &str) -> String {
    let quoted = |text: &str| serde_json::Value::from(text).to_string();
    let kept = fields.iter().filter(|(name, _)| *name != SIGN);
    let mut members: Vec<String> =
        kept.map(|(name, value)| format!("{}:{}", quoted(name), value.raw())).collect();
    members.push(format!("{}:{}", quoted(SIGN), quoted(sign)));
    format!("{{{}}}", members.join(","))
}

/// Explains a signature.
pub(super) async fn explain(ask: &Ask, request: ExplainRequest) -> Result<Explanation, Problem> {
    let merchant = ask.merchant(&request.merchant_id)?;
    let (text, _) = text_of(&request.body)?;
    let space = Arc::clone(&ask.space);
    blocking(move || explanation(&space, &merchant, request.operation, &text)).await?
}

/// What is known about the signature of `body`. Costs up to some tens of milliseconds.
pub(super) fn explanation(
    space: &Space,
    merchant: &Merchant,
    operation: Operation,
    body: &str,
) -> Result<Explanation, Problem> {
    let profile = space.profile();
    let (recipe, fields) = (&profile.sign.recipe, fields(body)?);
    let key = merchant.verify_key(recipe).map_err(|error| {
        Problem::new(Kind::Failed, format!("the key of merchant {}: {error}", merchant.id))
    })?;
    let others = other_keys(space, merchant);
    let question =
        Question { recipe, operation, body, fields: &fields, key: &key, others: &others };
    Ok(crypto::explain(&question))
}

/// Every other key there is, for whoever signed with the wrong one.
fn other_keys(space: &Space, own: &Merchant) -> Vec<(String, VerifyKey)> {
    let recipe = &space.profile().sign.recipe;
    let mut keys: Vec<(String, VerifyKey)> = Vec::new();
    if let Ok(key) = space.profile().gateway_key.verify_key() {
        keys.push(("the gateway's own key".to_owned(), key.clone()));
    }
    for merchant in space.merchants().iter().filter(|merchant| merchant.id != own.id) {
        if let Ok(key) = merchant.verify_key(recipe) {
            keys.push((format!("the key of merchant {}", merchant.id), key.into_owned()));
        }
    }
    keys
}
