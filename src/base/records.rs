//! Records: what is kept outside the process, piece by piece, so that a small change writes little.

use serde::Serialize;
use serde::de::DeserializeOwned;

/// Kinds of records of a space. Their numbers are written to files and never change their meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum RecordKind {
    /// The space as it is after a reset, and its name.
    Initial = 1,
    /// Clock, seed and running numbers.
    Head = 2,
    /// Merchants and terminals that had orders.
    Terminals = 3,
    /// Armed rules.
    Rules = 4,
    /// Counts of rules over all orders.
    RuleCounts = 5,
    /// Merchants with their settings.
    Merchants = 6,
    /// Answers of the boxes, and their numbers.
    Inbox = 7,
    /// Place of a space that was moved to another process.
    Moved = 8,
    /// An order, by its position.
    Order = 16,
    /// A push-back, by its number.
    Pushback = 17,
    /// A saved card, by its id.
    Binding = 18,
    /// A client of a merchant, by both names.
    Customer = 19,
    /// An order that was booked under another id, by that.
    Promise = 20,
    /// The count of a rule for one order, by both keys.
    PairCount = 21,
    /// A message in a box, by its number.
    Message = 22,
    /// A snapshot, by its name.
    Snapshot = 23,
}

impl RecordKind {
    /// The kind of this number.
    pub fn of(number: u8) -> Option<Self> {
        let all = [
            Self::Initial,
            Self::Head,
            Self::Terminals,
            Self::Rules,
            Self::RuleCounts,
            Self::Merchants,
            Self::Inbox,
            Self::Moved,
            Self::Order,
            Self::Pushback,
            Self::Binding,
            Self::Customer,
            Self::Promise,
            Self::PairCount,
            Self::Message,
            Self::Snapshot,
        ];
        all.into_iter().find(|kind| *kind as u8 == number)
    }
}

/// Changes to records, in the order in which they are made: the key, and the value or `None` where the record goes.
#[derive(Debug, Default)]
pub struct RecordChanges {
    changes: Vec<RecordChange>,
    problem: Option<String>,
}

/// A record's key, which begins with its kind, and its new value.
pub type RecordChange = (Vec<u8>, Option<Vec<u8>>);

impl RecordChanges {
    /// Puts a record in place of one of that key.
    pub fn put(&mut self, kind: RecordKind, key: &[u8], value: &impl Serialize) {
        match serde_json::to_vec(value) {
            Ok(value) => self.put_bytes(kind, key, value),
            Err(error) => self.problem = Some(format!("a record of kind {kind:?}: {error}")),
        }
    }

    /// The same with a value that is written already.
    pub fn put_bytes(&mut self, kind: RecordKind, key: &[u8], value: Vec<u8>) {
        self.changes.push((key_of(kind, key), Some(value)));
    }

    /// Takes a record away.
    pub fn remove(&mut self, kind: RecordKind, key: &[u8]) {
        self.changes.push((key_of(kind, key), None));
    }

    /// All changes.
    ///
    /// # Errors
    /// A value that cannot be written.
    pub fn finish(self) -> Result<Vec<RecordChange>, String> {
        self.problem.map_or(Ok(self.changes), Err)
    }
}

fn key_of(kind: RecordKind, key: &[u8]) -> Vec<u8> {
    let mut whole = Vec::with_capacity(1 + key.len());
    whole.push(kind as u8);
    whole.extend_from_slice(key);
    whole
}

/// Reads the value of a record.
///
/// # Errors
/// A sentence on the part that cannot be read.
pub fn read_record<T: DeserializeOwned>(kind: RecordKind, value: &[u8]) -> Result<T, String> {
    serde_json::from_slice(value).map_err(|error| format!("a record of kind {kind:?}: {error}"))
}
