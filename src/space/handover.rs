//! Handing a space over to another process: all of it as one document, between two moments in which nobody is inside.
//!
//! The document holds the records that `--state` keeps, so what survives a restart survives a move: orders, saved cards,
//! push-backs, clock, rules with their counts, merchants with their tokens, inbox, snapshots, and what a reset goes back
//! to. The journal and the event log stay behind. What was not taken goes on where it was.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};

use super::export::ProfileFile;
use super::gate::NewPlace;
use super::registry::{DEFAULT_SPACE, SpaceError, Spaces};
use super::space::Space;
use crate::base::wall_clock;
use crate::crypto::Encoding;

/// Value of the member `format`.
const FORMAT: &str = "payon-sim/space";
/// The version that is written, and the only one that is read.
const VERSION: u32 = 1;
/// The largest document, in bytes.
pub const HANDOVER_MAX: usize = 256 << 20;
/// Longest time for the requests inside to end.
const PATIENCE: Duration = Duration::from_secs(10);
/// Longest time for push-backs under way to end. Those that take longer are sent again from the new place: their
/// receivers may be waiting for an answer from this very space.
const PUSHBACK_PATIENCE: Duration = Duration::from_secs(1);

/// Reason why a space is not handed over, or not taken.
#[derive(Debug, thiserror::Error)]
pub enum HandoverError {
    /// The default space stays.
    #[error(
        "the space \"default\" cannot be moved: every server has its own; make a space with a name"
    )]
    DefaultStays,
    /// It is being moved already.
    #[error("the space {0:?} is being moved already; wait for the end of that")]
    UnderWay(String),
    /// Requests do not end.
    #[error(
        "{0} requests to the space {1:?} did not end within {seconds} s, so it stays: a rule may hold them back, or a caller sends slowly; take the rules away or let the clock run, then move it again",
        seconds = PATIENCE.as_secs()
    )]
    Busy(u32, String),
    /// It cannot be written.
    #[error("the space cannot be written: {0}")]
    Unwritable(String),
    /// The document is none.
    #[error("this is no space as POST /_sim/v1/spaces/{{name}}/move sends it: {0}")]
    NoSpace(String),
    /// Another version wrote it.
    #[error(
        "the space comes in version {0} of the format, this server reads version {VERSION}; run the same version of payon-sim on both sides"
    )]
    Version(u32),
    /// It belongs to another profile.
    #[error(
        "the space follows the profile {theirs}, this server plays {ours}; start payon-sim with that profile on both sides"
    )]
    Profile {
        /// The space's.
        theirs: String,
        /// The server's.
        ours: String,
    },
    /// It was changed or damaged on the way.
    #[error("the space cannot be taken: {0}")]
    Damaged(String),
    /// It is too large.
    #[error("the space has {0} bytes as a document, at most {HANDOVER_MAX} are taken")]
    TooLarge(usize),
    /// The server that sends it is the one that takes it.
    #[error("the space {0:?} is at this very server; give the address of another one")]
    IsHere(String),
    /// The name is in use.
    #[error("a space named {0:?} is there already; delete that one first")]
    NameTaken(String),
    /// There is no room.
    #[error(transparent)]
    NotMade(#[from] SpaceError),
}

#[derive(Deserialize)]
struct DocumentHead {
    format: String,
    version: u32,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct SpaceDocument {
    format: String,
    version: u32,
    space: String,
    written_by: String,
    profile: ProfileFile,
    /// SHA-256 of all keys and values, in hexadecimal digits.
    digest: String,
    /// Keys in hexadecimal digits, and values.
    records: Vec<(String, Box<RawValue>)>,
}

impl SpaceDocument {
    fn digest_of(records: &[(String, Box<RawValue>)]) -> String {
        let mut hash = Sha256::new();
        for (key, value) in records {
            hash.update(key);
            hash.update([0]);
            hash.update(value.get());
            hash.update([0]);
        }
        Encoding::Hex.encode(&hash.finalize())
    }
}

/// A space that nobody is inside of. Dropping it lets everybody in again.
#[derive(Debug)]
pub struct Handover {
    space: Arc<Space>,
}

impl Drop for Handover {
    fn drop(&mut self) {
        let mut state = self.space.lock();
        if state.new_place.is_some() {
            return;
        }
        self.space.gate.open();
        // Nobody was woken for what came due meanwhile.
        self.space.arm(wall_clock(), &mut state);
        drop(state);
        self.space.changed.notify_waiters();
    }
}

impl Space {
    /// Closes the space and waits until all requests inside are answered and booked, and for a moment for the push-backs
    /// that are being sent.
    ///
    /// # Errors
    /// It is the default space, is being handed over already, or requests do not end.
    pub async fn close_for_handover(self: &Arc<Self>) -> Result<Handover, HandoverError> {
        if self.name() == DEFAULT_SPACE {
            return Err(HandoverError::DefaultStays);
        }
        if !self.gate.close() {
            return Err(HandoverError::UnderWay(self.name().to_owned()));
        }
        let closed = Handover { space: Arc::clone(self) };
        if tokio::time::timeout(PATIENCE, self.once(|space| space.gate.count() == 0)).await.is_err()
        {
            return Err(HandoverError::Busy(self.gate.count(), self.name().to_owned()));
        }
        // What is still under way then is sent again by the other side.
        let _ = tokio::time::timeout(PUSHBACK_PATIENCE, self.once(Self::nothing_is_sent)).await;
        Ok(closed)
    }

    fn nothing_is_sent(&self) -> bool {
        self.lock_unnoted().attempts.is_empty()
    }

    /// Returns when that is so; it is looked at whenever something happens.
    async fn once(&self, is_so: impl Fn(&Self) -> bool) {
        loop {
            let mut changed = std::pin::pin!(self.changed.notified());
            changed.as_mut().enable();
            if is_so(self) {
                return;
            }
            changed.await;
        }
    }
}

impl Handover {
    /// The whole space as a document.
    ///
    /// # Errors
    /// A part cannot be written, or all of it is too large.
    pub fn write(&self) -> Result<Vec<u8>, HandoverError> {
        let changes = self.space.compare(None).map_err(HandoverError::Unwritable)?;
        let unwritable = |error: &dyn ToString| HandoverError::Unwritable(error.to_string());
        let records = changes.records.into_iter().filter_map(|(key, value)| Some((key, value?)));
        let records = records.map(|(key, value)| {
            let value = String::from_utf8(value).map_err(|error| unwritable(&error))?;
            let value = RawValue::from_string(value).map_err(|error| unwritable(&error))?;
            Ok((Encoding::Hex.encode(&key), value))
        });
        let records = records.collect::<Result<Vec<_>, HandoverError>>()?;
        let document = SpaceDocument {
            format: FORMAT.to_owned(),
            version: VERSION,
            space: self.space.name().to_owned(),
            written_by: concat!("payon-sim ", env!("CARGO_PKG_VERSION")).to_owned(),
            profile: ProfileFile::of(self.space.profile()),
            digest: SpaceDocument::digest_of(&records),
            records,
        };
        let text = serde_json::to_vec(&document).map_err(|error| unwritable(&error))?;
        if text.len() > HANDOVER_MAX { Err(HandoverError::TooLarge(text.len())) } else { Ok(text) }
    }

    /// Lets go of the space, which is at its new place now, and sends everybody there once that is written. Returns how
    /// many requests of the journal and how many events did not go with it.
    pub async fn complete(self, place: NewPlace) -> (usize, usize) {
        let space = &self.space;
        let left_behind = {
            let log = space.log();
            (log.journal.len(), log.events.len())
        };
        space.lock().new_place = Some(place);
        space.close();
        if let Some(rounds) = &space.shared.rounds
            && let Err(error) = rounds.settled().await
        {
            tracing::error!(
                "the space {:?} was moved, and that cannot be written: {error}. After a restart this server would take \
                 it for its own again; delete it here then",
                space.name()
            );
        }
        space.gate.send_away();
        space.changed.notify_waiters();
        left_behind
    }
}

impl Spaces {
    /// Takes a space of that name over from another process: all that [`Handover::write`] wrote. What was refused is
    /// not here in any part.
    ///
    /// # Errors
    /// The document cannot be taken, the name is in use, or there is no room.
    pub fn take_over(&self, name: &str, document: &[u8]) -> Result<Arc<Space>, HandoverError> {
        if name == DEFAULT_SPACE {
            return Err(HandoverError::DefaultStays);
        }
        let records = read(name, document, &ProfileFile::of(self.profile()))?;
        self.adopt(name, records).map_err(|error| match error {
            SpaceError::NameTaken(name) => {
                let is_leaving = self.named(&name).is_some_and(|space| space.gate.is_closed());
                let kind =
                    if is_leaving { HandoverError::IsHere } else { HandoverError::NameTaken };
                kind(name)
            }
            other => other.into(),
        })
    }
}

/// Records of a space that comes from another process, in the order of their keys.
type TakenRecords = Vec<(Vec<u8>, Vec<u8>)>;

/// Reads the document of a space of that name that follows `ours`.
fn read(name: &str, document: &[u8], ours: &ProfileFile) -> Result<TakenRecords, HandoverError> {
    let no_space = |error: serde_json::Error| HandoverError::NoSpace(error.to_string());
    let head: DocumentHead = serde_json::from_slice(document).map_err(no_space)?;
    if head.format != FORMAT {
        return Err(HandoverError::NoSpace(format!("its format is {:?}", head.format)));
    }
    if head.version != VERSION {
        return Err(HandoverError::Version(head.version));
    }
    let document: SpaceDocument = serde_json::from_slice(document).map_err(no_space)?;
    if document.profile != *ours {
        let (theirs, ours) = (document.profile.told(), ours.told());
        return Err(HandoverError::Profile { theirs, ours });
    }
    let damaged = |what: &str| HandoverError::Damaged(what.to_owned());
    if SpaceDocument::digest_of(&document.records) != document.digest {
        return Err(damaged("it was changed on the way, its digest is another"));
    }
    if document.space != name {
        return Err(damaged("it has another name"));
    }
    let records = document.records.into_iter().map(|(key, value)| {
        let key = Encoding::Hex.decode(&key).map_err(|_| damaged("a key cannot be read"))?;
        Ok((key, value.get().as_bytes().to_vec()))
    });
    records.collect()
}
