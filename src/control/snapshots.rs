//! Snapshots: a space saved, brought back, and gone on from elsewhere.

use std::sync::Arc;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;

use super::ask::{Ask, Nothing, did_you_mean};
use super::blocking;
use super::problem::{Kind, Problem};
use super::spaces::urls;
use crate::space::{FileError, IfExists, JournalEntry, More, Snapshot, SnapshotError, Space};

/// How a snapshot is to be called.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct NewSnapshot {
    /// 1 to 64 letters, digits, '.', '_' or '-'.
    name: String,
    /// What to do where the space has a snapshot of that name: `refuse` (409), `keep` it, or `replace` it.
    #[serde(default)]
    if_exists: IfExists,
}

/// A space that is to go on from a snapshot.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Fork {
    /// The new space's name; made up when left out.
    space: Option<String>,
    /// What to do where a space of that name exists: `refuse` (409), `keep` it, or `replace` it.
    #[serde(default)]
    if_exists: IfExists,
}

/// The space's snapshots, by name.
#[derive(Serialize, JsonSchema)]
pub(super) struct Snapshots {
    snapshots: Vec<SnapshotView>,
}

/// A snapshot.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "Snapshot")]
pub(super) struct SnapshotView {
    name: String,
    /// The space that it was taken of.
    space: String,
    /// When it was taken or imported, by the machine's clock.
    saved_at: String,
    /// What the space's clock showed.
    now: String,
    seed: u64,
    /// How many orders it holds.
    orders: usize,
    /// How many push-backs it holds.
    pushbacks: usize,
}

/// A space that goes on from a snapshot.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct ForkedSpace {
    name: String,
    /// What takes the place of PAYON's address in a merchant's settings. The merchants belong to the space that the
    /// snapshot is of, so this is the way to reach them here.
    base_url: String,
    /// Where `/_sim/…` of this space begins.
    control_url: String,
    seed: u64,
}

impl SnapshotView {
    fn new(snapshot: &Snapshot) -> Self {
        Self {
            name: snapshot.name.to_string(),
            space: snapshot.space.to_string(),
            saved_at: snapshot.taken.rfc3339(),
            now: snapshot.now().rfc3339(),
            seed: snapshot.seed().0,
            orders: snapshot.orders(),
            pushbacks: snapshot.pushbacks(),
        }
    }
}

impl From<SnapshotError> for Problem {
    fn from(error: SnapshotError) -> Self {
        let kind = match &error {
            SnapshotError::BadName(_) => Kind::Refused,
            SnapshotError::NameTaken(_) => Kind::SnapshotExists,
            SnapshotError::TooMany | SnapshotError::TooLarge { .. } => Kind::TooMany,
        };
        let problem = Self::new(kind, error.to_string());
        if kind == Kind::TooMany { problem } else { problem.at("name") }
    }
}

/// A snapshot as a file. It is made and read by [`crate::space`], from the body itself.
pub(super) struct SnapshotFile(Option<Box<RawValue>>);

impl Serialize for SnapshotFile {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for SnapshotFile {
    fn deserialize<D: Deserializer<'de>>(reader: D) -> Result<Self, D::Error> {
        IgnoredAny::deserialize(reader).map(|_| Self(None))
    }
}

impl JsonSchema for SnapshotFile {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "SnapshotFile".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "object",
            "description": "a snapshot as GET /_sim/v1/snapshots/{name} writes it; what its state says is the program's own affair",
            "required": ["format", "version", "profile", "digest", "state"],
            "properties": {
                "format": { "type": "string", "const": "payon-sim/snapshot" },
                "version": { "type": "integer", "const": 1 },
                "name": { "type": "string" },
                "space": { "type": "string", "description": "the space that it was taken of" },
                "savedAt": { "type": "string" },
                "writtenBy": { "type": "string" },
                "profile": {
                    "type": "object",
                    "required": ["name", "digest"],
                    "properties": { "name": { "type": "string" }, "digest": { "type": "string" } },
                },
                "digest": { "type": "string", "description": "SHA-256 of the state" },
                "state": { "type": "object" },
            },
        })
    }
}

impl From<FileError> for Problem {
    fn from(error: FileError) -> Self {
        let kind = match error {
            FileError::NotKept(error) => return error.into(),
            FileError::NoSnapshot(_) => Kind::Unreadable,
            FileError::TooLarge(_) => Kind::TooLarge,
            FileError::Version(_)
            | FileError::Profile { .. }
            | FileError::Damaged(_)
            | FileError::Missing(_) => Kind::Refused,
        };
        Self::new(kind, error.to_string())
    }
}

/// Writes a snapshot as a file.
pub(super) async fn export(ask: &Ask, _: Nothing) -> Result<SnapshotFile, Problem> {
    let (snapshot, space) = (named(ask)?, Arc::clone(&ask.space));
    let text = blocking(move || snapshot.write(space.profile())).await??;
    let json = String::from_utf8(text).ok().and_then(|text| RawValue::from_string(text).ok());
    Ok(SnapshotFile(json))
}

/// Takes a snapshot up from a file, in place of one of that name.
pub(super) async fn import(ask: &Ask, _: SnapshotFile) -> Result<SnapshotView, Problem> {
    let (name, file) = (ask.param("name").to_owned(), ask.body.clone());
    let space = Arc::clone(&ask.space);
    let snapshot = blocking(move || space.import(&name, &file)).await??;
    Ok(SnapshotView::new(&snapshot))
}

/// The snapshots of the space.
pub(super) fn list(ask: &Ask, _: Nothing) -> Result<Snapshots, Problem> {
    let snapshots = ask.space.snapshots();
    Ok(Snapshots { snapshots: snapshots.iter().map(|it| SnapshotView::new(it)).collect() })
}

/// Saves the space as it is now.
pub(super) async fn save(ask: &Ask, wanted: NewSnapshot) -> Result<SnapshotView, Problem> {
    let snapshot = ask.space.save(&wanted.name, wanted.if_exists).await?;
    Ok(SnapshotView::new(&snapshot))
}

/// Brings the space to where a snapshot is.
pub(super) fn restore(ask: &Ask, _: Nothing) -> Result<SnapshotView, Problem> {
    let snapshot = named(ask)?;
    ask.app.spaces.restore(&ask.space, &snapshot);
    note(&ask.space, "restore", format!("the snapshot {:?}", snapshot.name));
    Ok(SnapshotView::new(&snapshot))
}

/// Makes a space that goes on from a snapshot.
pub(super) fn fork(ask: &Ask, wanted: Fork) -> Result<ForkedSpace, Problem> {
    let snapshot = named(ask)?;
    let space = ask.app.spaces.fork(wanted.space.as_deref(), &snapshot, wanted.if_exists);
    let (space, is_new) = space.map_err(|error| {
        let problem = Problem::from(error);
        if problem.is_about("name") { problem.at("space") } else { problem }
    })?;
    let told = format!("the snapshot {:?} of the space {:?}", snapshot.name, ask.space.name());
    if is_new {
        note(&space, "fork", told);
    }
    let (base_url, control_url) = urls(ask, &space);
    Ok(ForkedSpace { name: space.name().to_owned(), base_url, control_url, seed: space.seed().0 })
}

/// Removes a snapshot.
pub(super) fn remove(ask: &Ask, _: Nothing) -> Result<Nothing, Problem> {
    named(ask)?;
    ask.space.remove_snapshot(ask.param("name"));
    Ok(Nothing {})
}

/// The snapshot that the path names.
fn named(ask: &Ask) -> Result<Arc<Snapshot>, Problem> {
    let name = ask.param("name");
    ask.space.snapshot(name).ok_or_else(|| {
        let known = ask.space.snapshots();
        let hint = did_you_mean(name, known.iter().map(|it| &*it.name));
        let space = ask.space.name();
        let detail = format!(
            "the space {space:?} has no snapshot {name:?}{hint}; GET /_sim/v1/snapshots lists them"
        );
        Problem::new(Kind::UnknownSnapshot, detail)
    })
}

/// Notes in the journal, which goes on, that the space did not.
fn note(space: &Space, control: &'static str, detail: String) {
    let entry = JournalEntry {
        trace: space.next_trace(),
        at: space.now(),
        more: More { control: Some(control), detail, ..More::default() }.noted(),
        ..JournalEntry::default()
    };
    space.note(entry, b"", b"");
}
