//! One call as its handler sees it, and how its input is read.

use std::sync::Arc;

use bytes::Bytes;
use hyper::HeaderMap;
use percent_encoding::percent_decode_str;
use schemars::JsonSchema;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::control::{Control, Origins};
use super::problem::{ApiProblem, ProblemKind};
use crate::base::{ObjectsOnly, did_you_mean, recognised};
use crate::profile::Merchant;
use crate::space::Space;

/// One call.
pub(super) struct ApiRequest {
    pub(super) control: Arc<Control>,
    pub(super) space: Arc<Space>,
    pub(super) origins: Origins,
    /// Decoded values of the path parameters.
    pub(super) params: Vec<(&'static str, String)>,
    pub(super) query: String,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

/// No input, and no output.
#[derive(Deserialize, serde::Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Empty {}

/// The inputs of a call.
pub(super) trait ApiInput: Sized {
    /// Reads it from the body.
    fn from_body(call: &ApiRequest) -> Result<Self, ApiProblem>;

    /// Reads it from the query.
    fn from_query(call: &ApiRequest) -> Result<Self, ApiProblem>;
}

impl<T: DeserializeOwned> ApiInput for T {
    fn from_body(call: &ApiRequest) -> Result<Self, ApiProblem> {
        call.read_body()
    }

    fn from_query(call: &ApiRequest) -> Result<Self, ApiProblem> {
        call.read_query()
    }
}

impl ApiRequest {
    /// Decoded value of the path parameter `{name}`.
    pub(super) fn param(&self, name: &str) -> &str {
        let found = self.params.iter().find(|(known, _)| *known == name);
        found.map_or("", |(_, value)| value)
    }

    /// The merchant of that id.
    pub(super) fn merchant(&self, id: &str) -> Result<Arc<Merchant>, ApiProblem> {
        self.space.merchant(id).ok_or_else(|| {
            let merchants = self.space.merchants();
            let hint = did_you_mean(id, merchants.iter().map(|known| known.id.as_str()));
            let space = self.space.name();
            ApiProblem::new(
                ProblemKind::UnknownMerchant,
                format!(
                    "there is no merchant {id:?} in the space {space:?}{hint}; GET /_sim/v1/merchants lists them"
                ),
            )
        })
    }

    /// Address of the payer's pages.
    pub(super) fn payer_origin(&self) -> &str {
        self.control.settings.public_url.as_deref().unwrap_or(&self.origins.gateway)
    }

    /// Reads the input from the query.
    pub(super) fn read_query<T: DeserializeOwned>(&self) -> Result<T, ApiProblem> {
        if !is_blank(&self.body) {
            return Err(ApiProblem::new(
                ProblemKind::Unreadable,
                "this call has no body; its members go into the query",
            ));
        }
        let reader = serde_html_form::Deserializer::from_bytes(self.query.as_bytes());
        serde_path_to_error::deserialize(reader)
            .map_err(|error| misfit(&error.path().to_string(), &error.inner().to_string()))
    }

    /// Reads the input from the body; an empty one is `{}`.
    pub(super) fn read_body<T: DeserializeOwned>(&self) -> Result<T, ApiProblem> {
        if !self.query.is_empty() {
            return Err(ApiProblem::new(
                ProblemKind::Unreadable,
                "this call has no query; its members go into the body, as a JSON object",
            ));
        }
        let text = if is_blank(&self.body) { b"{}" } else { &*self.body };
        let mut reader = serde_json::Deserializer::from_slice(text);
        let value =
            serde_path_to_error::deserialize(ObjectsOnly(&mut reader)).map_err(|error| {
                let path = error.path().to_string();
                let inner = error.inner();
                match recognised(text) {
                    Some(came) => {
                        ApiProblem::new(ProblemKind::Unreadable, format!("the body is {came}"))
                    }
                    None if inner.is_data() => misfit(&path, &inner.to_string()),
                    None => not_json(inner),
                }
            })?;
        reader.end().map_err(|error| not_json(&error))?;
        Ok(value)
    }
}

/// Runs what is heavy on the processor away from the threads that serve connections.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, ApiProblem> {
    tokio::task::spawn_blocking(work).await.map_err(|_| {
        ApiProblem::new(
            ProblemKind::Failed,
            "the work for this call broke down; the server's log says why",
        )
    })
}

fn is_blank(text: &[u8]) -> bool {
    text.iter().all(u8::is_ascii_whitespace)
}

/// Decodes a path parameter.
pub(super) fn decode(raw: &str) -> String {
    percent_decode_str(raw).decode_utf8_lossy().into_owned()
}

fn not_json(error: &serde_json::Error) -> ApiProblem {
    let (line, column) = (error.line(), error.column());
    let detail = if error.to_string().starts_with("recursion limit") {
        format!(
            "the body is nested too deep at line {line}, column {column}; no call takes such a value"
        )
    } else {
        format!("the body is not JSON at line {line}, column {column}; send a JSON object")
    };
    ApiProblem::new(ProblemKind::Unreadable, detail)
}

/// JSON, or a query, of another shape than the call takes.
fn misfit(path: &str, message: &str) -> ApiProblem {
    // The reader's own place says less than the path.
    let message = message.split(" at line ").next().unwrap_or(message);
    let message = match message {
        "invalid digit found in string" | "cannot parse integer from empty string" => {
            "must be a whole number, in digits"
        }
        "number too large to fit in target type" => "is too large a number",
        "number too small to fit in target type" => "must not be negative",
        // The form has a list there, where one value is wanted.
        "unsupported value" => "is given more than once",
        "provided string was not `true` or `false`" => "must be true or false",
        message => message,
    };
    let detail =
        match message.strip_prefix("invalid ").and_then(|_| message.split_once("expected ")) {
            // The value itself is left out: it may be a PIN.
            Some((found, expected)) => {
                let found = found.split_once(": ").map_or("", |(_, found)| found);
                let kind = match found.split(['`', '"', ',']).next().unwrap_or_default().trim() {
                    "sequence" => "an array",
                    "map" => "an object",
                    kind => kind,
                };
                format!("expected {expected}, found {kind}")
            }
            None => message.to_owned(),
        };
    let names: Vec<&str> = message.split('`').skip(1).step_by(2).collect();
    let hint = match names.split_first() {
        Some((given, known)) if message.starts_with("unknown ") => {
            did_you_mean(given, known.iter().copied())
        }
        _ => String::new(),
    };
    let problem = ApiProblem::new(ProblemKind::Unreadable, format!("{detail}{hint}"));
    if path == "." { problem } else { problem.at(path) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn detail(problem: &ApiProblem) -> String {
        let json: serde_json::Value = serde_json::from_slice(&problem.to_json()).unwrap();
        json["detail"].as_str().unwrap().to_owned()
    }

    #[test]
    fn wrong_values_are_described_and_never_repeated() {
        #[derive(Deserialize, Debug)]
        #[allow(dead_code, reason = "only read into")]
        struct SecretText {
            pin: String,
        }
        for body in [r#"{"pin":1234}"#, r#"{"pin":[1234]}"#, r#"{"pin":1234.5}"#] {
            let error = serde_json::from_str::<SecretText>(body).unwrap_err();
            let text = detail(&misfit("pin", &error.to_string()));
            assert!(text.starts_with("expected a string, found"), "{text}");
            assert!(!text.contains("1234"), "{text}");
        }
        let error = serde_json::from_str::<u8>("\"4012001037141112\"").unwrap_err();
        assert_eq!(detail(&misfit(".", &error.to_string())), "expected u8, found string");
    }

    #[test]
    fn a_name_close_to_a_known_one_is_suggested() {
        let message = "unknown field `notiURL`, expected one of `notiUrl`, `publicKey`";
        assert!(detail(&misfit("notiURL", message)).ends_with(" (did you mean notiUrl?)"));
        let message = "unknown variant `pushback`, expected one of `order-final`, `pushback-acknowledged`, `pushback-exhausted`";
        assert!(
            detail(&misfit("for", message))
                .ends_with(" (did you mean pushback-acknowledged or pushback-exhausted?)")
        );
        let message = "unknown field `colour`, expected one of `notiUrl`, `publicKey`";
        assert!(!detail(&misfit("colour", message)).contains("did you mean"));
    }

    #[test]
    fn paths_are_decoded() {
        assert_eq!(decode("a%2Fb%20c"), "a/b c");
    }
}
