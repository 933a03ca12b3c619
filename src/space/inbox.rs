//! Inbox of a space: boxes that stand in for a merchant's listener. A box keeps the push-backs that come to it, and
//! answers as it is told.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

use super::delivery_file::base64_bytes;
use super::names::is_plain;
use crate::base::{Millis, RecordChanges, RecordKind, read_record};

/// Path of a box without its name, behind the address of the server or of a space.
const PATH: &str = "/_sim/inbox/";
/// Bytes of a box's name.
const NAME_MAX: usize = 64;
/// Messages that a space keeps.
const MESSAGES_MAX: usize = 1_000;
/// Bytes that they have in all.
const BYTES_MAX: usize = 4 << 20;
/// Bytes of a body that are kept.
pub const MESSAGE_BODY_MAX: usize = 64 << 10;
/// Boxes that answer in a way of their own.
const ANSWERS_MAX: usize = 100;

/// Name of the box at an address; whatever stands before its path belongs to the simulator.
pub fn inbox_at(url: &str) -> Option<&str> {
    let (_, name) = url.split_once(PATH)?;
    let name = name.split(['?', '#']).next().unwrap_or(name);
    is_inbox_name(name).then_some(name)
}

/// Returns true if a box can have this name.
pub fn is_inbox_name(name: &str) -> bool {
    is_plain(name, NAME_MAX)
}

/// Answer of a box to whatever comes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct InboxAnswer {
    /// HTTP status.
    pub status: u16,
    /// Body; `None`: one that acknowledges where the status is good, else none.
    pub body: Option<String>,
    /// Time on the space's clock before it answers.
    pub delay_ms: u64,
    /// The connection is closed instead.
    pub close: bool,
}

impl Default for InboxAnswer {
    fn default() -> Self {
        Self { status: 200, body: None, delay_ms: 0, close: false }
    }
}

/// One attempt of a push-back that came to a box.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct InboxMessage {
    /// Its number in the space, from 1.
    pub number: u64,
    /// The box.
    pub name: Box<str>,
    /// Time, on the space's clock.
    pub at: Millis,
    /// The number of the push-back.
    pub pushback: u64,
    /// The number of the attempt, from 1.
    pub attempt: usize,
    /// The merchant that it is for.
    pub merchant: Box<str>,
    /// `txId` of its order.
    pub tx_id: SmolStr,
    /// Headers as they came.
    pub headers: Vec<(Box<str>, Box<str>)>,
    /// Beginning of the body, secrets masked.
    #[serde(with = "base64_bytes")]
    pub body: Bytes,
    /// Bytes that the body had.
    pub length: usize,
    /// HTTP status of the box's answer; `None` where it closes the connection, or is later than an attempt waits.
    pub status: Option<u16>,
}

impl WrittenInbox {
    /// The number of the last message.
    fn last(&self) -> u64 {
        self.messages.last().map_or(0, |message| message.number)
    }
}

impl InboxMessage {
    fn size(&self) -> usize {
        let headers = self.headers.iter().map(|(name, value)| name.len() + value.len());
        self.body.len() + headers.sum::<usize>()
    }
}

/// All boxes of a space, bounded: past the budget the oldest messages are dropped.
#[derive(Debug, Default)]
pub struct Inbox {
    messages: VecDeque<Arc<InboxMessage>>,
    bytes: usize,
    last: u64,
    dropped: u64,
    answers: BTreeMap<Box<str>, InboxAnswer>,
}

/// An inbox at one moment, as it was written down.
#[derive(Debug, Default)]
pub(super) struct WrittenInbox {
    messages: Vec<Arc<InboxMessage>>,
    head: Vec<u8>,
}

/// All of an inbox but its messages.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct InboxHead {
    last: u64,
    dropped: u64,
    answers: BTreeMap<Box<str>, InboxAnswer>,
}

impl Inbox {
    /// Messages, oldest first.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &Arc<InboxMessage>> {
        self.messages.iter()
    }

    /// The number of messages that were dropped to keep to the budget.
    pub const fn dropped(&self) -> u64 {
        self.dropped
    }

    /// The answer of a box.
    pub fn answer(&self, name: &str) -> InboxAnswer {
        self.answers.get(name).cloned().unwrap_or_default()
    }

    /// Names of the boxes that hold something or have an answer of their own.
    pub fn names(&self) -> Vec<Box<str>> {
        let holding = self.messages.iter().map(|message| &message.name);
        let mut names: Vec<_> = holding.chain(self.answers.keys()).cloned().collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    /// Makes a box answer so from now on. False when too many have answers of their own.
    #[must_use]
    pub fn set_answer(&mut self, name: &str, answer: InboxAnswer) -> bool {
        if answer == InboxAnswer::default() {
            self.answers.remove(name);
            return true;
        }
        let has_room = self.answers.contains_key(name) || self.answers.len() < ANSWERS_MAX;
        if has_room {
            self.answers.insert(name.into(), answer);
        }
        has_room
    }

    /// Takes the messages of a box away.
    pub fn clear(&mut self, name: &str) {
        self.messages.retain(|message| &*message.name != name);
        self.bytes = self.messages.iter().map(|message| message.size()).sum();
    }

    /// Writes down what has changed since an earlier moment, and what it is now.
    pub(super) fn changes_since(
        &self,
        older: &WrittenInbox,
        changes: &mut RecordChanges,
    ) -> Result<WrittenInbox, serde_json::Error> {
        let Self { messages, last, .. } = self;
        let head = self.head()?;
        if head != older.head && (*last > 0 || !self.answers.is_empty() || !older.head.is_empty()) {
            changes.put_bytes(RecordKind::Inbox, &[], head.clone());
        }
        if messages.len() != older.messages.len() || *last != older.last() {
            for gone in &older.messages {
                if messages.binary_search_by_key(&gone.number, |it| it.number).is_err() {
                    changes.remove(RecordKind::Message, &gone.number.to_be_bytes());
                }
            }
        }
        for new in messages.iter().filter(|it| it.number > older.last()) {
            changes.put(RecordKind::Message, &new.number.to_be_bytes(), &**new);
        }
        Ok(WrittenInbox { messages: messages.iter().map(Arc::clone).collect(), head })
    }

    /// All but the messages, as a record.
    fn head(&self) -> Result<Vec<u8>, serde_json::Error> {
        let Self { last, dropped, answers, .. } = self;
        serde_json::to_vec(&InboxHead { last: *last, dropped: *dropped, answers: answers.clone() })
    }

    /// The inbox as it is now, as if it had been written down.
    pub(super) fn as_written(&self) -> Result<WrittenInbox, serde_json::Error> {
        let messages = self.messages.iter().map(Arc::clone).collect();
        Ok(WrittenInbox { messages, head: self.head()? })
    }

    /// Takes a record in. Returns false if it is not an inbox's.
    pub(super) fn add_record(&mut self, kind: RecordKind, value: &[u8]) -> Result<bool, String> {
        match kind {
            RecordKind::Inbox => {
                let InboxHead { last, dropped, answers } = read_record(kind, value)?;
                (self.last, self.dropped, self.answers) = (last, dropped, answers);
            }
            RecordKind::Message => self.push(read_record(kind, value)?),
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// The number of the next message.
    pub(super) fn next_number(&mut self) -> u64 {
        self.last += 1;
        self.last
    }

    /// Keeps a message; the oldest ones go where there are too many.
    pub(super) fn push(&mut self, message: InboxMessage) {
        self.bytes += message.size();
        self.messages.push_back(Arc::new(message));
        while self.messages.len() > MESSAGES_MAX || self.bytes > BYTES_MAX {
            let Some(oldest) = self.messages.pop_front() else { break };
            self.bytes -= oldest.size();
            self.dropped += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(name: &str, length: usize) -> InboxMessage {
        InboxMessage {
            number: 1,
            name: name.into(),
            at: Millis(0),
            pushback: 1,
            attempt: 1,
            merchant: "M".into(),
            tx_id: "T".into(),
            headers: vec![("host".into(), "a".into())],
            body: vec![b'x'; length].into(),
            length,
            status: Some(200),
        }
    }

    #[test]
    fn a_box_is_found_at_the_end_of_any_address_of_ours() {
        for url in [
            "http://h:1/_sim/inbox/shop",
            "http://h/space/a.b/_sim/inbox/shop",
            "http://h/_sim/inbox/shop?order=1",
            "http://h/_sim/inbox/shop#f",
        ] {
            assert_eq!(inbox_at(url), Some("shop"), "{url}");
        }
        for url in [
            "http://h/_sim/inbox/",
            "http://h/_sim/inbox/a/b",
            "http://h/_sim/inbox/?shop",
            "http://h/",
        ] {
            assert_eq!(inbox_at(url), None, "{url}");
        }
    }

    #[test]
    fn an_inbox_is_bounded_and_counts_what_it_drops() {
        let mut inbox = Inbox::default();
        for _ in 0..MESSAGES_MAX + 3 {
            inbox.push(message("a", 1));
        }
        assert_eq!((inbox.iter().count(), inbox.dropped()), (MESSAGES_MAX, 3));
        for _ in 0..=BYTES_MAX / MESSAGE_BODY_MAX {
            inbox.push(message("b", MESSAGE_BODY_MAX));
        }
        assert!(inbox.bytes <= BYTES_MAX && inbox.names() == ["b".into()], "{}", inbox.bytes);
        inbox.clear("b");
        assert_eq!((inbox.bytes, inbox.iter().count()), (0, 0));
    }

    #[test]
    fn only_so_many_boxes_answer_in_a_way_of_their_own() {
        let mut inbox = Inbox::default();
        let refuse = InboxAnswer { status: 500, ..InboxAnswer::default() };
        for at in 0..ANSWERS_MAX {
            assert!(inbox.set_answer(&at.to_string(), refuse.clone()));
        }
        assert!(!inbox.set_answer("more", refuse.clone()) && inbox.set_answer("0", refuse));
        assert!(inbox.set_answer("0", InboxAnswer::default()), "the usual answer takes no room");
        assert_eq!(inbox.names().len(), ANSWERS_MAX - 1);
    }
}
