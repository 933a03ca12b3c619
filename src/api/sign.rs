//! Signatures: made for whoever has no RSA at hand, and explained.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::value::{RawValue, to_raw_value};

use super::problem::{ApiProblem, ProblemKind};
use super::request::{ApiRequest, blocking};
use crate::base::Operation;
use crate::crypto::Explanation;
use crate::gateway::{self, SigningError};
use crate::profile::{Merchant, SignMode};

/// A body to be signed.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct SignRequest {
    merchant_id: String,
    /// Operation to which the body will be sent; the answer then says whether a signature is looked at there.
    operation: Option<Operation>,
    /// The request: an object, or the JSON of one as text. Numbers keep their literals.
    #[schemars(with = "serde_json::Value")]
    body: Box<RawValue>,
}

/// A signed body.
#[derive(Serialize, JsonSchema)]
pub(super) struct SignedView {
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
    /// Reason why a gateway refuses it all the same, where there is one: the body names another merchant.
    #[serde(skip_serializing_if = "Option::is_none")]
    warning: Option<String>,
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

/// Facts about a signature, and whether the operation looks at it.
#[derive(Serialize, JsonSchema)]
pub(super) struct SignExplanation {
    #[serde(flatten)]
    explanation: Explanation,
    /// `required`, `if-present` or `off`.
    #[schemars(with = "String")]
    mode: SignMode,
}

/// The JSON of a body that came as an object or as text; and whether it was text.
fn text_of(body: &RawValue) -> Result<(String, bool), ApiProblem> {
    if body.get().starts_with('"') {
        let text = serde_json::from_str(body.get())
            .map_err(|error| ApiProblem::refused("body", error.to_string()))?;
        Ok((text, true))
    } else {
        Ok((body.get().to_owned(), false))
    }
}

/// Signs a body as the merchant does.
pub(super) async fn sign(
    call: &ApiRequest,
    request: SignRequest,
) -> Result<SignedView, ApiProblem> {
    let merchant = call.merchant(&request.merchant_id)?;
    let (text, as_text) = text_of(&request.body)?;
    let profile = Arc::clone(call.space.profile());
    let mode = request.operation.map(|operation| profile.sign_mode(&merchant, operation));
    let signed =
        blocking(move || gateway::sign(&profile.sign.recipe, &merchant, text.as_bytes())).await??;
    let gateway::Signed { sign, canonical, body, warning } = signed;
    let body = if as_text { to_raw_value(&body) } else { RawValue::from_string(body) };
    let body = body
        .map_err(|error| ApiProblem::new(ProblemKind::Failed, format!("cannot write: {error}")))?;
    Ok(SignedView { sign, canonical, body, mode, warning })
}

/// Explains a signature.
pub(super) async fn explain(
    call: &ApiRequest,
    request: ExplainRequest,
) -> Result<SignExplanation, ApiProblem> {
    let merchant = call.merchant(&request.merchant_id)?;
    let (text, _) = text_of(&request.body)?;
    let mode = call.space.profile().sign_mode(&merchant, request.operation);
    let explanation = explanation(call, merchant, request.operation, text.into_bytes()).await?;
    Ok(SignExplanation { explanation, mode })
}

/// Explains the signature of `body`.
pub(super) async fn explanation(
    call: &ApiRequest,
    merchant: Arc<Merchant>,
    operation: Operation,
    body: Vec<u8>,
) -> Result<Explanation, ApiProblem> {
    let space = Arc::clone(&call.space);
    let explained = blocking(move || {
        let merchants = space.merchants();
        let others = merchants.iter().map(|other| &**other);
        gateway::explain(space.profile(), others, &merchant, operation, &body)
    });
    Ok(explained.await??)
}

impl From<SigningError> for ApiProblem {
    fn from(error: SigningError) -> Self {
        match &error {
            SigningError::Body(_) => Self::refused("body", error.to_string()),
            SigningError::NoKey { .. } => Self::new(ProblemKind::NoPrivateKey, error.to_string()),
            SigningError::Key { .. } | SigningError::Signature(_) => {
                Self::new(ProblemKind::Failed, error.to_string())
            }
        }
    }
}
