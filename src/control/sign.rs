//! Signatures: made for whoever has no RSA at hand, and explained.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::value::{RawValue, to_raw_value};

use super::ask::Ask;
use super::blocking;
use super::problem::{Kind, Problem};
use crate::base::Operation;
use crate::crypto::Explanation;
use crate::gateway::{self, SigningError};
use crate::profile::{Merchant, SignMode};

/// A body to be signed.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct SignRequest {
    merchant_id: String,
    /// Where it will be sent; the answer then says whether a signature is looked at there.
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
    /// The request with `sign` in it, else as it came: as text where it came as text.
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
    operation: Operation,
    /// The request with its `sign`: an object, or the JSON of one as text.
    #[schemars(with = "serde_json::Value")]
    body: Box<RawValue>,
}

/// What is known about a signature, and whether the operation looks at it.
#[derive(Serialize, JsonSchema)]
pub(super) struct SignExplanation {
    #[serde(flatten)]
    explanation: Explanation,
    /// `required`, `if-present` or `off`.
    #[schemars(with = "String")]
    mode: SignMode,
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

/// Signs a body as the merchant does.
pub(super) async fn sign(ask: &Ask, request: SignRequest) -> Result<Signed, Problem> {
    let merchant = ask.merchant(&request.merchant_id)?;
    let (text, as_text) = text_of(&request.body)?;
    let profile = Arc::clone(ask.space.profile());
    let mode = request.operation.map(|operation| profile.sign_mode(&merchant, operation));
    let signed =
        blocking(move || gateway::sign(&profile.sign.recipe, &merchant, text.as_bytes())).await??;
    let gateway::Signed { sign, canonical, body } = signed;
    let body = if as_text { to_raw_value(&body) } else { RawValue::from_string(body) };
    let body =
        body.map_err(|error| Problem::new(Kind::Failed, format!("cannot write: {error}")))?;
    Ok(Signed { sign, canonical, body, mode })
}

/// Explains a signature.
pub(super) async fn explain(
    ask: &Ask,
    request: ExplainRequest,
) -> Result<SignExplanation, Problem> {
    let merchant = ask.merchant(&request.merchant_id)?;
    let (text, _) = text_of(&request.body)?;
    let mode = ask.space.profile().sign_mode(&merchant, request.operation);
    let explanation = explanation(ask, merchant, request.operation, text.into_bytes()).await?;
    Ok(SignExplanation { explanation, mode })
}

/// What is known about the signature of `body`.
pub(super) async fn explanation(
    ask: &Ask,
    merchant: Arc<Merchant>,
    operation: Operation,
    body: Vec<u8>,
) -> Result<Explanation, Problem> {
    let space = Arc::clone(&ask.space);
    let explained = blocking(move || {
        let merchants = space.merchants();
        let others = merchants.iter().map(|other| &**other);
        gateway::explain(space.profile(), others, &merchant, operation, &body)
    });
    Ok(explained.await??)
}

impl From<SigningError> for Problem {
    fn from(error: SigningError) -> Self {
        match &error {
            SigningError::Body(_) => Self::refused("body", error.to_string()),
            SigningError::NoKey { .. } => Self::new(Kind::NoPrivateKey, error.to_string()),
            SigningError::Key { .. } | SigningError::Signature(_) => {
                Self::new(Kind::Failed, error.to_string())
            }
        }
    }
}
