//! `payon-sim snapshot`: a space at a running gateway, saved and brought back.

use std::path::Path;
use std::process::ExitCode;

use anyhow::ensure;
use clap::{Args, Subcommand, ValueEnum};
use hyper::Method;
use serde_json::{Value, json};

use super::client::segment;
use super::exit;
use super::input::read_recording_or_stdin;
use super::sentence::{items, member};
use super::table::table;
use super::talk::TalkArgs;

const PATH: &str = "/_sim/v1/snapshots";

/// Actions on the snapshots of a space.
#[derive(Subcommand, Debug)]
pub(super) enum SnapshotVerb {
    /// List the snapshots of the space
    List(TalkArgs),
    /// Save the space as it is now: orders, saved cards, push-backs, clock, rules, merchants
    Save {
        /// Name of the snapshot
        #[arg(value_name = "NAME")]
        name: String,
        /// Action where the space has a snapshot of that name
        #[arg(long, value_enum, default_value_t = WhereTaken::Refuse)]
        if_exists: WhereTaken,
        #[command(flatten)]
        talk: TalkArgs,
    },
    /// Bring the space to where a snapshot is; its journal goes on
    Restore(NamedSnapshot),
    /// Remove a snapshot
    Delete(NamedSnapshot),
    /// Print a snapshot as a file that `snapshot import` reads
    Export(NamedSnapshot),
    /// Read a snapshot from a file that `snapshot export` wrote
    Import {
        /// Name of the snapshot here; one of that name is replaced
        #[arg(value_name = "NAME")]
        name: String,
        /// The file; `-` is the standard input
        #[arg(value_name = "FILE", default_value = "-")]
        file: String,
        #[command(flatten)]
        talk: TalkArgs,
    },
}

/// A snapshot by its name.
#[derive(Args, Debug)]
pub(super) struct NamedSnapshot {
    /// Name of the snapshot
    #[arg(value_name = "NAME")]
    name: String,
    #[command(flatten)]
    talk: TalkArgs,
}

/// Fate of a space or a snapshot that has the wanted name already.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum WhereTaken {
    /// It stays, and the exit code is 1
    Refuse,
    /// It stays as it is
    Keep,
    /// A new one takes its place
    Replace,
}

impl WhereTaken {
    /// The word of the control plane.
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Refuse => "refuse",
            Self::Keep => "keep",
            Self::Replace => "replace",
        }
    }
}

/// Carries out the verb.
pub(super) fn run(verb: &SnapshotVerb) -> anyhow::Result<ExitCode> {
    match verb {
        SnapshotVerb::List(talk) => talk.get(PATH, |answer| {
            let columns = ["name", "savedAt", "now", "orders", "pushbacks"];
            let rows = items(answer, "snapshots").iter();
            let rows: Vec<_> = rows.map(|it| columns.map(|name| member(it, name))).collect();
            table(["NAME", "SAVED AT", "CLOCK", "ORDERS", "PUSH-BACKS"], &rows)
        }),
        SnapshotVerb::Save { name, if_exists, talk } => {
            let body = json!({ "name": name, "ifExists": if_exists.word() });
            talk.send(Method::POST, PATH, &body, |it| line("saved", it))
        }
        SnapshotVerb::Restore(NamedSnapshot { name, talk }) => {
            let path = format!("{PATH}/{}/restore", segment(name));
            talk.send(Method::POST, &path, &Value::Null, |it| line("restored", it))
        }
        SnapshotVerb::Delete(NamedSnapshot { name, talk }) => {
            let path = format!("{PATH}/{}", segment(name));
            talk.send(Method::DELETE, &path, &Value::Null, |_| format!("deleted: {name}\n"))
        }
        SnapshotVerb::Export(NamedSnapshot { name, talk }) => {
            let path = format!("{PATH}/{}", segment(name));
            match talk.gateway.get_bytes(&path)? {
                Ok(file) => exit::print_exact(&(String::from_utf8(file.to_vec())? + "\n"))?,
                Err(refused) => return Ok(refused),
            }
            Ok(ExitCode::SUCCESS)
        }
        SnapshotVerb::Import { name, file, talk } => {
            let path = format!("{PATH}/{}", segment(name));
            ensure!(
                file != "-" || !Path::new(name).is_file(),
                "{name} is a file; the name of the snapshot comes first: payon-sim snapshot import NAME {name}"
            );
            let file = String::from_utf8(read_recording_or_stdin(file, "a snapshot")?)?;
            talk.finish(talk.gateway.call(Method::PUT, &path, file)?, |it| line("imported", it))
        }
    }
}

fn line(done: &str, snapshot: &Value) -> String {
    let [name, orders, now] = ["name", "orders", "now"].map(|part| member(snapshot, part));
    format!("{done}: {name}, orders: {orders}, clock {now}\n")
}
