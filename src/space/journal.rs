//! Requests, answers and reasons: bounded in entries and bytes, oldest dropped first.

use std::borrow::Cow;
use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use smol_str::SmolStr;

use super::finding::LintFinding;
use super::rule_hit::RuleHit;
use crate::base::{Fields, Millis, Operation, Reason, TraceContext, TraceHeaders};
use crate::profile::Merchant;
use crate::scenario::ReasonsMet;
use crate::wire::redact::hide_card_numbers;

/// Names one request: the space's number in the high 24 bits, a running number below.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct RequestId(pub u64);

/// Bits of the running number.
const RUNNING_BITS: u32 = 40;

impl RequestId {
    /// The first trace of a space.
    pub const fn first_of(space: u32) -> Self {
        Self((space as u64) << RUNNING_BITS | 1)
    }

    /// Returns true if enough names come after it for any run.
    pub(super) const fn has_room(self) -> bool {
        self.0 & ((1 << RUNNING_BITS) - 1) < 1 << (RUNNING_BITS - 1)
    }

    /// The name with the same running number in another space.
    pub(super) const fn in_space(self, space: u32) -> Self {
        Self((space as u64) << RUNNING_BITS | (self.0 & ((1 << RUNNING_BITS) - 1)))
    }

    /// The number of the space it belongs to.
    pub const fn space(self) -> u32 {
        (self.0 >> RUNNING_BITS) as u32
    }

    /// Sixteen hexadecimal digits, as the header `X-Payon-RequestId` carries it.
    pub fn digits(self) -> [u8; 16] {
        const HEX: &[u8; 16] = b"0123456789abcdef";
        std::array::from_fn(|place| HEX[(self.0 >> (60 - 4 * place) & 15) as usize])
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl FromStr for RequestId {
    type Err = std::num::ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        u64::from_str_radix(text, 16).map(Self)
    }
}

/// The bodies of a request and of its reply, one behind the other in memory that entries share.
#[derive(Clone, Default)]
pub struct Bodies {
    both: Bytes,
    split: usize,
}

impl Bodies {
    /// The request, secrets masked.
    pub fn request(&self) -> &[u8] {
        &self.both[..self.split]
    }

    /// The answer.
    pub fn response(&self) -> &[u8] {
        &self.both[self.split..]
    }
}

/// One request with what was decided.
#[derive(Clone)]
pub struct JournalEntry {
    /// Its name.
    pub trace: RequestId,
    /// Time, on the space's clock.
    pub at: Millis,
    /// Operation; `None` for a path that is none, and for a call of the control plane.
    pub operation: Option<Operation>,
    /// The merchant, where one was recognised.
    pub merchant: Option<Arc<Merchant>>,
    /// `txId`, where one was sent.
    pub tx_id: Option<SmolStr>,
    /// HTTP status of the reply.
    pub status: u16,
    /// The HTTP status that the caller gets to see of it, where a rule breaks it; `None`: not even that.
    pub sent: Option<u16>,
    /// The bodies of request and reply; empty until it is noted.
    pub bodies: Bodies,
    /// Reason that decided; of an answer in rows, that of the first row that does not agree.
    pub reason: Reason,
    /// Duration of the decision, in microseconds.
    pub took_us: u32,
    /// Rare facts; see [`JournalEntry::more`].
    pub more: Option<Box<More>>,
}

/// Facts that most requests have none of, and so no memory for. Its `Debug` form leaves [`More::unmasked`] out.
#[derive(Clone, Default)]
pub struct More {
    /// The call of the control plane, such as `pay`, when it was one that changed an order.
    pub control: Option<&'static str>,
    /// The exact mistake, for people; empty where the reason says it all.
    pub detail: String,
    /// Reasons of further rows of an answer in rows, which [`JournalEntry::reason`] does not name.
    pub other_rows: Vec<Reason>,
    /// The rule that stepped in, and what came of it.
    pub rule: Option<Arc<RuleHit>>,
    /// Findings of the lint.
    pub findings: Vec<LintFinding>,
    /// For a signature that was refused or missing: the body as received, from which the explanation is made on demand.
    /// It never leaves the process unmasked.
    pub unmasked: Option<Box<[u8]>>,
    /// The caller's place in a trace of its own, where the request named one.
    pub trace_headers: Option<Box<TraceHeaders>>,
}

impl fmt::Debug for More {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("More")
            .field("control", &self.control)
            .field("detail", &self.detail)
            .field("findings", &self.findings)
            .finish_non_exhaustive()
    }
}

impl More {
    const NONE: Self = Self {
        control: None,
        detail: String::new(),
        other_rows: Vec::new(),
        rule: None,
        findings: Vec::new(),
        unmasked: None,
        trace_headers: None,
    };

    /// For a [`JournalEntry`]: nothing where it says nothing. Card numbers in the detail are masked.
    pub fn noted(mut self) -> Option<Box<Self>> {
        if let Cow::Owned(hidden) = hide_card_numbers(&self.detail) {
            self.detail = hidden;
        }
        let Self { control, detail, other_rows, rule, findings, unmasked, trace_headers } = &self;
        let is_nothing = detail.is_empty()
            && other_rows.is_empty()
            && findings.is_empty()
            && (control.is_none()
                && rule.is_none()
                && unmasked.is_none()
                && trace_headers.is_none());
        (!is_nothing).then(|| Box::new(self))
    }

    /// Share of the byte budget.
    fn weight(&self) -> usize {
        size_of::<Self>()
            + self.detail.len()
            + size_of_val(&self.other_rows[..])
            + self
                .findings
                .iter()
                .map(|it| size_of::<LintFinding>() + it.field.len())
                .sum::<usize>()
            + self.rule.as_ref().map_or(0, |_| size_of::<RuleHit>())
            + self.unmasked.as_deref().map_or(0, <[u8]>::len)
            + self.trace_headers.as_deref().map_or(0, trail_weight)
    }
}

impl fmt::Debug for JournalEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JournalEntry")
            .field("trace", &self.trace)
            .field("at", &self.at)
            .field("operation", &self.operation)
            .field("tx_id", &self.tx_id)
            .field("request", &String::from_utf8_lossy(self.bodies.request()))
            .field("status", &self.status)
            .field("response", &String::from_utf8_lossy(self.bodies.response()))
            .field("reason", &self.reason)
            .field("more", &self.more)
            .finish_non_exhaustive()
    }
}

impl Default for JournalEntry {
    /// A success that nothing else is known of.
    fn default() -> Self {
        Self {
            trace: RequestId::default(),
            at: Millis::default(),
            operation: None,
            merchant: None,
            tx_id: None,
            status: 200,
            sent: Some(200),
            bodies: Bodies::default(),
            reason: Reason::Success,
            took_us: 0,
            more: None,
        }
    }
}

impl JournalEntry {
    /// Facts beside those that nearly every request has.
    pub fn more(&self) -> &More {
        static NONE: More = More::NONE;
        self.more.as_deref().unwrap_or(&NONE)
    }

    /// The members of the request, of an array those of each row, secrets masked.
    pub fn rows(&self) -> Vec<Fields<'_>> {
        let body = self.bodies.request();
        let is_array = self.operation == Some(Operation::Reconciliation);
        let rows = if is_array { Fields::parse_array(body).ok() } else { None };
        rows.or_else(|| Some(vec![Fields::parse(body).ok()?])).unwrap_or_default()
    }

    /// Returns true if it or a row of it is of this merchant and about this order, as far as they are given.
    pub fn is_about(&self, merchant: Option<&str>, tx_id: Option<&str>) -> bool {
        let fits = |own: Option<&str>, wanted: Option<&str>| wanted.is_none() || own == wanted;
        let own = self.merchant.as_ref().map(|merchant| merchant.id.as_str());
        let is_row = |row: &Fields<'_>| {
            fits(row.text("merchantId").as_deref(), merchant)
                && fits(row.text("txId").as_deref(), tx_id)
        };
        fits(own, merchant) && fits(self.tx_id.as_deref(), tx_id)
            || self.operation == Some(Operation::Reconciliation)
                && self.rows().iter().skip(1).any(is_row)
    }

    /// Reasons that decided: of an answer in rows, each that a row does not agree for.
    pub fn reasons(&self) -> impl Iterator<Item = Reason> {
        std::iter::once(self.reason).chain(self.more().other_rows.iter().copied())
    }

    /// Share of the byte budget.
    fn weight(&self) -> usize {
        size_of::<Self>()
            + self.bodies.both.len()
            + self.tx_id.as_deref().map_or(0, str::len)
            + self.more.as_deref().map_or(0, More::weight)
    }
}

/// Bytes that a caller's own trace takes.
fn trail_weight(trace_headers: &TraceHeaders) -> usize {
    let context = trace_headers.context.as_deref();
    size_of::<TraceHeaders>() + context.map_or(0, |it| size_of::<TraceContext>() + it.weight())
}

/// Budget of a journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JournalBudget {
    /// Entries.
    pub entries: usize,
    /// Bytes, counting bodies and the entries themselves.
    pub bytes: usize,
}

/// Bytes of one piece of a journal's memory.
const PIECE_BYTES: usize = 64 << 10;

/// The latest requests of a space.
///
/// Bodies lie one after the other in large pieces of memory that are let go whole: dropping an entry
/// then touches none of its bodies, which nobody has looked at for thousands of requests.
#[derive(Debug)]
pub struct Journal {
    budget: JournalBudget,
    entries: VecDeque<JournalEntry>,
    /// Numbers of the entries kept, by name.
    numbers: HashMap<RequestId, u64>,
    piece: BytesMut,
    bytes: usize,
    dropped: u64,
    /// Counts of reasons over all entries, those dropped too: a row for each operation, one for paths that are none, and one for
    /// what payers and the control plane did.
    decided: [Option<Box<ReasonsMet>>; ROWS],
    /// Counts of the reasons of [`More::other_rows`].
    other_rows: ReasonsMet,
}

/// Rows of what was decided.
const ROWS: usize = Operation::ALL.len() + 2;

/// The row of an entry.
fn row(entry: &JournalEntry) -> usize {
    match (entry.operation, entry.reason) {
        (Some(operation), _) => operation.index(),
        (None, Reason::UnknownPath | Reason::MalformedHttp) => ROWS - 2,
        (None, _) => ROWS - 1,
    }
}

impl Journal {
    /// An empty journal.
    pub fn new(budget: JournalBudget) -> Self {
        Self {
            budget,
            entries: VecDeque::new(),
            numbers: HashMap::new(),
            piece: BytesMut::new(),
            bytes: 0,
            dropped: 0,
            decided: Default::default(),
            other_rows: ReasonsMet::default(),
        }
    }

    /// Notes a request and its reply; drops the oldest ones past the budget. Answers the entry's number, by which it is
    /// found as long as it is kept; `None` where nothing is kept.
    pub fn push(&mut self, mut entry: JournalEntry, request: &[u8], reply: &[u8]) -> Option<u64> {
        self.decided[row(&entry)].get_or_insert_default().note(entry.reason);
        entry.more().other_rows.iter().for_each(|reason| self.other_rows.note(*reason));
        if self.budget.entries == 0 {
            self.dropped += 1;
            return None;
        }
        let number = self.dropped + self.entries.len() as u64;
        entry.bodies = self.keep(request, reply);
        self.bytes += entry.weight();
        self.numbers.insert(entry.trace, number);
        self.entries.push_back(entry);
        while self.entries.len() > self.budget.entries || self.bytes > self.budget.bytes {
            let Some(oldest) = self.entries.pop_front() else { break };
            if self.numbers.get(&oldest.trace) == Some(&self.dropped) {
                self.numbers.remove(&oldest.trace);
            }
            self.bytes -= oldest.weight();
            self.dropped += 1;
        }
        Some(number)
    }

    /// The entry of this number, if it is still kept.
    pub fn numbered(&self, number: u64) -> Option<&JournalEntry> {
        self.entries.get(usize::try_from(number.checked_sub(self.dropped)?).ok()?)
    }

    /// Copies bodies into the current piece.
    fn keep(&mut self, request: &[u8], reply: &[u8]) -> Bodies {
        let length = request.len() + reply.len();
        if self.piece.capacity() < length {
            self.piece = BytesMut::with_capacity(length.max(PIECE_BYTES));
        }
        self.piece.extend_from_slice(request);
        self.piece.extend_from_slice(reply);
        Bodies { both: self.piece.split().freeze(), split: request.len() }
    }

    /// The latest entry of this name, if it is still kept.
    pub fn find(&self, trace: RequestId) -> Option<&JournalEntry> {
        self.numbered(*self.numbers.get(&trace)?)
    }

    /// Entries, oldest first.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &JournalEntry> + ExactSizeIterator {
        self.entries.iter()
    }

    /// Entries kept.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Returns true if none are kept.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Entries dropped to keep to the budget.
    pub fn dropped(&self) -> u64 {
        self.dropped
    }

    /// Number of times each reason decided a request, a row of one or a payment.
    pub fn reasons(&self) -> ReasonsMet {
        let mut sum = self.other_rows.clone();
        self.decided.iter().flatten().for_each(|row| sum += row);
        sum
    }

    /// Number of times each reason decided the requests of each operation; `None`: of paths that are none.
    pub fn decided(&self) -> impl Iterator<Item = (Option<Operation>, Reason, u64)> {
        let operations = Operation::ALL.iter().copied().map(Some).chain([None]);
        operations.zip(&self.decided).flat_map(|(operation, row)| {
            row.iter()
                .flat_map(move |met| met.iter().map(move |(why, count)| (operation, why, count)))
        })
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        *self = Self::new(self.budget);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// An entry is found by name exactly as long as it is kept: the latest of its name, in whatever order they came.
        #[test]
        fn finds_by_name_what_a_search_of_all_finds(names in proptest::collection::vec(0_u64..40, 0..120)) {
            let mut journal = Journal::new(JournalBudget { entries: 10, bytes: 1 << 20 });
            for (count, name) in names.into_iter().enumerate() {
                let status = u16::try_from(count).unwrap_or_default();
                let entry = JournalEntry { trace: RequestId(name), status, ..JournalEntry::default() };
                journal.push(entry, b"", b"");
                for name in (0..40).map(RequestId) {
                    let searched = journal.iter().rev().find(|entry| entry.trace == name);
                    prop_assert_eq!(journal.find(name).map(|it| it.status), searched.map(|it| it.status));
                }
            }
        }
    }
}
