//! Snapshots: a space saved, brought back, and gone on from elsewhere.

use std::sync::Arc;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;

use super::problem::{ApiProblem, ProblemKind};
use super::request::{ApiRequest, Empty, blocking};
use super::spaces::urls;
use crate::base::did_you_mean;
use crate::space::{FileError, IfExists, JournalEntry, More, Snapshot, SnapshotError, Space};

/// Name for a new snapshot.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct NewSnapshot {
    /// 1 to 64 letters, digits, '.', '_' or '-', and not '.' or '..' alone.
    name: String,
    /// Action where the space has a snapshot of that name: `refuse` (409), `keep` it, or `replace` it.
    #[serde(default)]
    if_exists: IfExists,
}

/// A space that is to go on from a snapshot.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Fork {
    /// The new space's name; made up when left out.
    space: Option<String>,
    /// Action where a space of that name exists: `refuse` (409), `keep` it, or `replace` it.
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
    /// Time at which it was taken or imported, by the machine's clock.
    saved_at: String,
    /// Time on the space's clock.
    now: String,
    seed: u64,
    /// Number of orders in it.
    orders: usize,
    /// Number of push-backs in it.
    pushbacks: usize,
}

/// A space that goes on from a snapshot.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct ForkedSpace {
    name: String,
    /// Address that replaces PAYON's in a merchant's settings. The merchants belong to the space that the
    /// snapshot is of, so this is the way to reach them here.
    base_url: String,
    /// Base address of the space's control plane.
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

impl From<SnapshotError> for ApiProblem {
    fn from(error: SnapshotError) -> Self {
        let kind = match &error {
            SnapshotError::BadName(_) => ProblemKind::Refused,
            SnapshotError::NameTaken(_) => ProblemKind::SnapshotExists,
            SnapshotError::TooMany | SnapshotError::TooLarge { .. } => ProblemKind::TooMany,
        };
        let problem = Self::new(kind, error.to_string());
        if kind == ProblemKind::TooMany { problem } else { problem.at("name") }
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

impl From<FileError> for ApiProblem {
    fn from(error: FileError) -> Self {
        let kind = match error {
            FileError::NotKept(error) => return error.into(),
            FileError::NoSnapshot(_) => ProblemKind::Unreadable,
            FileError::TooLarge(_) => ProblemKind::TooLarge,
            FileError::Version(_)
            | FileError::Profile { .. }
            | FileError::Damaged(_)
            | FileError::Missing(_) => ProblemKind::Refused,
        };
        Self::new(kind, error.to_string())
    }
}

/// Writes a snapshot as a file.
pub(super) async fn export(call: &ApiRequest, _: Empty) -> Result<SnapshotFile, ApiProblem> {
    let (snapshot, space) = (named(call)?, Arc::clone(&call.space));
    let text = blocking(move || snapshot.write(space.profile())).await??;
    let json = String::from_utf8(text).ok().and_then(|text| RawValue::from_string(text).ok());
    Ok(SnapshotFile(json))
}

/// Takes a snapshot up from a file, in place of one of that name.
pub(super) async fn import(call: &ApiRequest, _: SnapshotFile) -> Result<SnapshotView, ApiProblem> {
    let (name, file) = (call.param("name").to_owned(), call.body.clone());
    let space = Arc::clone(&call.space);
    let snapshot = blocking(move || space.import(&name, &file)).await??;
    Ok(SnapshotView::new(&snapshot))
}

/// The snapshots of the space.
pub(super) fn list(call: &ApiRequest, _: Empty) -> Result<Snapshots, ApiProblem> {
    let snapshots = call.space.snapshots();
    Ok(Snapshots { snapshots: snapshots.iter().map(|it| SnapshotView::new(it)).collect() })
}

/// Saves the space as it is now.
pub(super) async fn save(
    call: &ApiRequest,
    wanted: NewSnapshot,
) -> Result<SnapshotView, ApiProblem> {
    let snapshot = call.space.save(&wanted.name, wanted.if_exists).await?;
    Ok(SnapshotView::new(&snapshot))
}

/// Brings the space to where a snapshot is.
pub(super) fn restore(call: &ApiRequest, _: Empty) -> Result<SnapshotView, ApiProblem> {
    let snapshot = named(call)?;
    call.control.spaces().restore(&call.space, &snapshot);
    note(&call.space, "restore", format!("the snapshot {:?}", snapshot.name));
    Ok(SnapshotView::new(&snapshot))
}

/// Makes a space that goes on from a snapshot.
pub(super) fn fork(call: &ApiRequest, wanted: Fork) -> Result<ForkedSpace, ApiProblem> {
    let snapshot = named(call)?;
    let space = call.control.spaces().fork(wanted.space.as_deref(), &snapshot, wanted.if_exists);
    let (space, is_new) = space.map_err(|error| {
        let problem = ApiProblem::from(error);
        if problem.is_about("name") { problem.at("space") } else { problem }
    })?;
    let told = format!("the snapshot {:?} of the space {:?}", snapshot.name, call.space.name());
    if is_new {
        note(&space, "fork", told);
    }
    let (base_url, control_url) = urls(call, &space);
    Ok(ForkedSpace { name: space.name().to_owned(), base_url, control_url, seed: space.seed().0 })
}

/// Removes a snapshot.
pub(super) fn remove(call: &ApiRequest, _: Empty) -> Result<Empty, ApiProblem> {
    named(call)?;
    call.space.remove_snapshot(call.param("name"));
    Ok(Empty {})
}

/// The snapshot that the path names.
fn named(call: &ApiRequest) -> Result<Arc<Snapshot>, ApiProblem> {
    let name = call.param("name");
    call.space.snapshot(name).ok_or_else(|| {
        let known = call.space.snapshots();
        let hint = did_you_mean(name, known.iter().map(|it| &*it.name));
        let space = call.space.name();
        let detail = format!(
            "the space {space:?} has no snapshot {name:?}{hint}; GET /_sim/v1/snapshots lists them"
        );
        ApiProblem::new(ProblemKind::UnknownSnapshot, detail)
    })
}

/// Notes in the journal, which goes on, that the space did not.
fn note(space: &Space, control: &'static str, detail: String) {
    let arrival = space.arrive(None, None);
    let entry = JournalEntry {
        trace: arrival.trace,
        at: space.now(),
        more: More { control: Some(control), detail, ..More::default() }.noted(),
        ..JournalEntry::default()
    };
    space.note(arrival.generation, entry, b"", b"");
}
