//! One call to a shop: an HTTP request or a command line, and what came of it.

use std::borrow::Cow;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use bytes::Bytes;
use hyper::Method;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;
use tokio::process::Command;

use super::hidden_key::HiddenKey;
use super::process::ShopError;
use crate::base::SecretNames;
use crate::http::send;
use crate::scenario::{CommandLine, HttpMethod, ShopCall, TemplateMap, TemplateValues};
use crate::wire;

/// Characters that a value keeps within a path.
const IN_PATHS: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');
/// Characters of an answer that a message shows.
const ANSWER_SHOWN: usize = 300;

/// An answer of a shop.
#[derive(Clone, Debug, PartialEq)]
pub struct ShopAnswer {
    /// HTTP status; of a command 200 for exit code 0, else 500.
    pub status: u16,
    /// The body, or the output of the command.
    pub body: Bytes,
    /// The same as JSON, where it is JSON.
    pub json: Option<Value>,
}

impl ShopAnswer {
    fn new(status: u16, body: Bytes) -> Self {
        let json = serde_json::from_slice(&body).ok();
        Self { status, body, json }
    }

    /// The same without the merchant's private key.
    pub(super) fn hiding(self, key: &HiddenKey) -> Self {
        match key.hide(&self.body) {
            Cow::Borrowed(_) => self,
            Cow::Owned(body) => Self::new(self.status, body.into()),
        }
    }

    /// Returns true if the shop says that it has done what was asked of it.
    pub const fn is_success(&self) -> bool {
        matches!(self.status, 200..=299)
    }

    /// The answer on one line, shortened.
    pub fn shown(&self) -> String {
        let body = wire::redact(SecretNames::GENERAL, &self.body);
        let text = String::from_utf8_lossy(&body);
        let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
        let short: String = line.chars().take(ANSWER_SHOWN).collect();
        let more = if short.len() < line.len() { "…" } else { "" };
        let body = if line.is_empty() { "with no body".to_owned() } else { short + more };
        format!("HTTP {} {body}", self.status)
    }
}

/// A call whose templates have their values.
#[derive(Clone, Debug)]
pub struct StepCall {
    /// Words for it in messages: `POST /orders`.
    pub what: String,
    /// The way it is made.
    way: CallWay,
}

#[derive(Clone, Debug)]
enum CallWay {
    Http { method: Method, path: String, headers: Vec<(String, String)>, body: Bytes },
    Command(Vec<String>),
}

impl StepCall {
    /// Fills the templates of a call.
    pub(super) fn new(
        call: &ShopCall,
        common: &TemplateMap,
        values: &TemplateValues,
    ) -> Result<Self, ShopError> {
        if let Some(command) = &call.command {
            return Self::command(command, values);
        }
        let encoded = values.map(|value| utf8_percent_encode(value, IN_PATHS).to_string());
        let path = call.path.as_ref().map(|path| path.fill(&encoded)).transpose();
        let path = path.map_err(|error| ShopError::Template { call: "path".to_owned(), error })?;
        let path = path.unwrap_or_else(|| "/".to_owned());
        let mut headers = common.fill(values);
        headers.extend(call.headers.fill(values));
        let has_type = headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-type"));
        let (kind, body) = if let Some(json) = &call.json {
            let json = json.fill(values).unwrap_or(Value::Null);
            (Some("application/json"), Bytes::from(json.to_string()))
        } else if let Some(form) = &call.form {
            let form = serde_html_form::to_string(form.fill(values)).unwrap_or_default();
            (Some("application/x-www-form-urlencoded"), Bytes::from(form))
        } else if let Some(body) = &call.body {
            let filled = body.fill(values);
            let error = |error| ShopError::Template { call: path.clone(), error };
            (Some("text/plain"), Bytes::from(filled.map_err(error)?))
        } else {
            (None, Bytes::new())
        };
        let usual = if body.is_empty() { HttpMethod::Get } else { HttpMethod::Post };
        let method = match call.method.unwrap_or(usual) {
            HttpMethod::Get => Method::GET,
            HttpMethod::Post => Method::POST,
            HttpMethod::Put => Method::PUT,
            HttpMethod::Patch => Method::PATCH,
            HttpMethod::Delete => Method::DELETE,
        };
        if let Some(kind) = kind.filter(|_| !has_type) {
            headers.push(("content-type".to_owned(), kind.to_owned()));
        }
        let what = format!("{method} {path}");
        Ok(Self { what, way: CallWay::Http { method, path, headers, body } })
    }

    /// Fills the templates of a command line.
    pub(super) fn command(
        command: &CommandLine,
        values: &TemplateValues,
    ) -> Result<Self, ShopError> {
        let line = command.fill(values);
        let line =
            line.map_err(|error| ShopError::Template { call: "command".to_owned(), error })?;
        // A text for the shell is shown as it is.
        let what = match &*line {
            [shell, _, text] if shell == "sh" => text.clone(),
            words => words.join(" "),
        };
        Ok(Self { what: format!("command `{what}`"), way: CallWay::Command(line) })
    }

    /// Makes the call; `Err` says why no answer came.
    pub(super) async fn make(
        &self,
        authority: &str,
        directory: &Path,
        environment: &[(String, String)],
        hidden: &[String],
        limit: Duration,
    ) -> Result<ShopAnswer, String> {
        let made = async {
            match &self.way {
                CallWay::Http { method, path, headers, body } => {
                    let headers: Vec<(&str, &str)> =
                        headers.iter().map(|(name, value)| (&**name, &**value)).collect();
                    let sent = send(method.clone(), authority, path, &headers, body.clone()).await;
                    let answer = sent.map_err(|broken| broken.to_string())?;
                    Ok(ShopAnswer::new(answer.status, answer.body))
                }
                CallWay::Command(line) => execute(line, directory, environment, hidden).await,
            }
        };
        let made = tokio::time::timeout(limit, made).await;
        made.unwrap_or_else(|_| Err(format!("none within {limit:?}")))
    }
}

async fn execute(
    line: &[String],
    directory: &Path,
    environment: &[(String, String)],
    hidden: &[String],
) -> Result<ShopAnswer, String> {
    let (program, arguments) = line.split_first().ok_or("the command is empty")?;
    let mut command = Command::new(program);
    for name in hidden {
        command.env_remove(name);
    }
    command.args(arguments).current_dir(directory).stdin(Stdio::null()).kill_on_drop(true);
    command.envs(environment.iter().map(|(name, value)| (name, value)));
    let output = command.output().await.map_err(|error| format!("cannot start it: {error}"))?;
    let (status, body) = if output.status.success() {
        (200, output.stdout)
    } else if output.stdout.is_empty() {
        (500, output.stderr)
    } else {
        (500, output.stdout)
    };
    Ok(ShopAnswer::new(status, body.into()))
}
