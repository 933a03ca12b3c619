//! A verb that makes a call to a running gateway and prints the answer, for people or as JSON.

use std::process::ExitCode;

use clap::{Args, ValueEnum};
use hyper::Method;
use serde_json::Value;

use super::client::GatewayArgs;
use super::exit;

/// Form of the output.
#[derive(Args, Clone, Copy, Debug)]
pub(super) struct FormatArgs {
    /// Format of the output
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// The same as --format json
    #[arg(long, conflicts_with = "format")]
    json: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people
    Text,
    /// For programs
    Json,
}

/// Gateway to talk to, and form of the output.
#[derive(Args, Clone, Debug)]
pub(super) struct TalkArgs {
    #[command(flatten)]
    format: FormatArgs,
    #[command(flatten)]
    pub(super) gateway: GatewayArgs,
}

impl FormatArgs {
    /// Returns true if JSON is wanted.
    pub(super) const fn is_json(self) -> bool {
        self.json || matches!(self.format, Format::Json)
    }
}

impl TalkArgs {
    /// Returns true if JSON is wanted.
    pub(super) const fn is_json(&self) -> bool {
        self.format.is_json()
    }

    /// Reads something and prints it: as JSON, or what `text` makes of it. 1 where it was refused.
    pub(super) fn get(
        &self,
        path: &str,
        text: impl FnOnce(&Value) -> String,
    ) -> anyhow::Result<ExitCode> {
        self.finish(self.gateway.get(path)?, text)
    }

    /// The same for a call with a body. `null` stands for none.
    pub(super) fn send(
        &self,
        method: Method,
        path: &str,
        body: &Value,
        text: impl FnOnce(&Value) -> String,
    ) -> anyhow::Result<ExitCode> {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        self.finish(self.gateway.call(method, path, body)?, text)
    }

    /// Prints an answer, or ends with the exit code of one that was refused.
    pub(super) fn finish(
        &self,
        answer: Result<Value, ExitCode>,
        text: impl FnOnce(&Value) -> String,
    ) -> anyhow::Result<ExitCode> {
        let answer = match answer {
            Ok(answer) => answer,
            Err(refused) => return Ok(refused),
        };
        if self.is_json() {
            exit::print_json(&answer)?;
        } else {
            exit::print(&text(&answer))?;
        }
        Ok(ExitCode::SUCCESS)
    }
}
