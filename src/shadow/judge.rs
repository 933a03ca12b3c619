//! Judges recorded calls and push-backs one after the other, live or from a capture: gives each to the simulator, and
//! compares.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use super::compare::{self, CompareContext, ComparedAnswer, Comparison, kind_of};
use super::difference::{AnswerDifference, DifferenceClass, DifferencePlace};
use super::fix::Fix;
use super::latency::Latencies;
use super::notices::Notices;
use super::rules::TestedCall;
use super::twin::{Twin, TwinAnswer, changes, merchant_of, terminal_of};
use super::words;
use crate::base::{JsonTree, Millis, Operation, OrderState, Reason, sort_by_key};
use crate::capture::{RecordedAnswer, RecordedCall, RecordedPushback, SessionLine, SignatureNote};
use crate::profile::{Profile, ReplyKind};

/// Pairs of values that a finding keeps.
const SAMPLES_MAX: usize = 3;
/// Places that are told apart; what differs elsewhere is counted.
const FINDINGS_MAX: usize = 2000;
/// Times that lie within this of each other are the same: the clocks of two machines are never quite alike.
const LIFETIME_TOLERANCE_MS: i64 = 30_000;
/// Lifetimes are proposed in steps of this.
const LIFETIME_STEP_MS: i64 = 10_000;

/// Reason why a call was not compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Uncompared {
    /// The gateway gave no whole answer.
    NoAnswer,
    /// Another call changed the same order at the same time.
    Concurrent,
    /// The order was there before the recording began.
    OlderOrder,
    /// An earlier call has left the order in a way that the simulator does not know.
    Unsure,
    /// A body that is not kept.
    Cut,
    /// Masked members that nothing can stand in for.
    Masked,
    /// No operation of the gateway.
    OtherPath,
    /// The queue was full.
    Lost,
    /// The capture ends before its recording did.
    CutOff,
    /// More places differ than are told apart.
    TooManyFindings,
}

impl Uncompared {
    /// Words for it.
    pub const fn about(self) -> &'static str {
        match self {
            Self::NoAnswer => "the gateway gave no whole answer",
            Self::Concurrent => "another call changed the same order at the same time",
            Self::OlderOrder => "the order was there before the recording began",
            Self::Unsure => "it is not known how an earlier call has left the order",
            Self::Cut => {
                "a body is too large, or in a content coding such as gzip, and is not kept"
            }
            Self::Masked => "what was masked cannot be stood in for",
            Self::OtherPath => "no operation of the gateway",
            Self::Lost => "too many came at once",
            Self::CutOff => "the capture ends before its recording did",
            Self::TooManyFindings => "differences beyond the places that are told apart",
        }
    }
}

/// All differences at one place.
#[derive(Clone, Debug)]
pub struct Finding {
    /// Place.
    pub place: DifferencePlace,
    /// Number of calls.
    pub count: u64,
    /// Number of the first call, counted from 1.
    pub first_call: u64,
    /// Pairs of values: the gateway's and the simulator's.
    pub samples: Vec<(String, String)>,
    /// Changes of the profile, each with the number of calls that speak for it.
    pub fixes: Vec<(Fix, u64)>,
}

/// A span of time, in microseconds, in which a call or push-back changed an order.
#[derive(Clone, Copy, Debug)]
struct ChangeSpan {
    number: u64,
    start_us: i64,
    end_us: i64,
}

/// One call or push-back that waits for its turn.
struct WaitingLine {
    number: u64,
    start_us: i64,
    end_us: i64,
    line: SessionLine,
    keys: Vec<String>,
    changes: bool,
}

/// Counters of what was looked at.
#[derive(Clone, Debug, Default)]
pub struct JudgeCounts {
    /// Calls that were judged.
    pub calls: u64,
    /// Calls that were compared.
    pub compared: u64,
    /// Push-backs.
    pub pushbacks: u64,
    /// Rows of lists that were left out.
    pub rows_skipped: u64,
    /// Requests of other kinds, such as payer's pages.
    pub passed: u64,
    /// Answers of a payon-sim.
    pub simulated: u64,
    /// Calls by why they were not compared.
    pub uncompared: BTreeMap<Uncompared, u64>,
    /// Calls by operation and kind of the gateway's reply.
    pub exercised: BTreeMap<(Operation, ReplyKind), u64>,
}

/// Judge of one session.
pub struct ShadowJudge {
    pub(super) profile: Arc<Profile>,
    twin: Twin,
    waiting: Vec<WaitingLine>,
    next_number: u64,
    /// Spans of time in which orders were changed.
    changed: HashMap<String, Vec<ChangeSpan>>,
    /// Orders of which the simulator does not know how the gateway left them.
    unsure: HashSet<String>,
    /// Orders that were registered here.
    registered: HashSet<String>,
    /// The same by txId, which is all that a push-back names.
    owners: HashMap<String, String>,
    merchants_seen: HashSet<String>,
    pub(super) findings: BTreeMap<DifferencePlace, Finding>,
    pub(super) confirmed: BTreeMap<String, u64>,
    /// True once the gateway has refused a call for its signature, or for want of one: only then does a call that it takes
    /// say anything of the recipe.
    pub(super) minds_signatures: bool,
    pub(super) latencies: BTreeMap<(Operation, ReplyKind), Latencies>,
    pub(super) notices: Notices,
    pub(super) counts: JudgeCounts,
    pub(super) latest: Millis,
}

impl ShadowJudge {
    /// A judge who goes by `profile`. `keeps_signatures` says that the session's signatures are not masked.
    pub fn new(profile: Arc<Profile>, keeps_signatures: bool) -> Self {
        Self {
            twin: Twin::new(&profile, keeps_signatures),
            notices: Notices::default(),
            profile,
            waiting: Vec::new(),
            next_number: 1,
            changed: HashMap::new(),
            unsure: HashSet::new(),
            registered: HashSet::new(),
            owners: HashMap::new(),
            merchants_seen: HashSet::new(),
            findings: BTreeMap::new(),
            confirmed: BTreeMap::new(),
            minds_signatures: false,
            latencies: BTreeMap::new(),
            counts: JudgeCounts::default(),
            latest: Millis(0),
        }
    }

    /// Counts what was not compared for a reason that lies outside of the calls themselves.
    pub fn leave_out(&mut self, why: Uncompared, count: u64) {
        if count > 0 {
            *self.counts.uncompared.entry(why).or_default() += count;
        }
    }

    /// Counts requests of other kinds, which are never compared.
    pub fn pass(&mut self, count: u64) {
        self.counts.passed += count;
    }

    /// Takes a call or push-back, in any order.
    pub fn offer(&mut self, line: SessionLine) {
        let number = self.next_number;
        self.next_number += 1;
        let waiting = match &line {
            SessionLine::Call(call) => {
                let operation = Operation::at(path_of(&call.path));
                let tree = JsonTree::parse(&call.request.body.bytes());
                let keys = operation.zip(tree.as_ref());
                let keys = keys.map(|(operation, tree)| keys_of(operation, tree));
                WaitingLine {
                    number,
                    start_us: call.at_us,
                    end_us: call.end_us(),
                    keys: keys.unwrap_or_default(),
                    changes: operation.is_some_and(changes),
                    line,
                }
            }
            SessionLine::Pushback(pushback) => WaitingLine {
                number,
                start_us: pushback.at_us,
                end_us: pushback.at_us,
                keys: notice_key(pushback).into_iter().collect(),
                changes: true,
                line,
            },
            SessionLine::End(end) => {
                self.leave_out(Uncompared::Lost, end.lost);
                self.pass(end.passed);
                return;
            }
        };
        if waiting.changes && matches!(waiting.line, SessionLine::Call(_)) {
            let WaitingLine { number, start_us, end_us, .. } = waiting;
            for key in &waiting.keys {
                let spans = self.changed.entry(key.clone()).or_default();
                spans.push(ChangeSpan { number, start_us, end_us });
            }
        }
        self.waiting.push(waiting);
    }

    /// Judges what ended before `until_us`, in the order in which it ended: nothing that begins later can have changed it.
    /// Without a time, judges all.
    pub fn settle(&mut self, until_us: Option<i64>) {
        self.hold_notices();
        sort_by_key(&mut self.waiting, |it| (it.end_us, it.number));
        let is_ripe = |it: &WaitingLine| until_us.is_none_or(|until| it.end_us < until);
        let ripe = self.waiting.iter().take_while(|it| is_ripe(it)).count();
        let later = self.waiting.split_off(ripe);
        let ripe = std::mem::replace(&mut self.waiting, later);
        for it in ripe {
            let is_disturbed = self.is_disturbed(&it);
            match &it.line {
                SessionLine::Call(call) => self.call(&it, call, is_disturbed),
                SessionLine::Pushback(pushback) => self.pushback(it.number, pushback),
                SessionLine::End(_) => {}
            }
        }
    }

    /// Puts a push-back behind the call that caused it, whose answer may come later.
    fn hold_notices(&mut self) {
        let is_notice = |it: &WaitingLine| matches!(it.line, SessionLine::Pushback(_));
        if !self.waiting.iter().any(is_notice) {
            return;
        }
        let mut calls: HashMap<&str, Vec<(i64, i64)>> = HashMap::new();
        for it in self.waiting.iter().filter(|it| !is_notice(it)) {
            for key in &it.keys {
                let tx_id = key.split_once('|').map_or(key.as_str(), |(_, tx_id)| tx_id);
                calls.entry(tx_id).or_default().push((it.start_us, it.end_us));
            }
        }
        let held = self.waiting.iter().map(|it| {
            let came = it.start_us;
            let tx_id = it.keys.first().filter(|_| is_notice(it))?;
            let causes = calls.get(tx_id.as_str())?.iter();
            let causes = causes.filter(|(start, end)| *start <= came && *end >= came);
            causes.map(|(_, end)| end + 1).max()
        });
        let held: Vec<Option<i64>> = held.collect();
        for (it, end) in std::iter::zip(&mut self.waiting, held) {
            it.end_us = end.unwrap_or(it.end_us);
        }
    }

    /// Returns true if another call changed one of the same orders at the same time.
    fn is_disturbed(&self, it: &WaitingLine) -> bool {
        let mut spans = it.keys.iter().filter_map(|key| self.changed.get(key)).flatten();
        spans.any(|span| span.disturbs(it))
    }

    /// Orders, by txId, of which a list at that time says nothing sure.
    fn unsure_orders(&self, it: &WaitingLine) -> HashSet<String> {
        let changing =
            self.changed.iter().filter(|(_, spans)| spans.iter().any(|span| span.disturbs(it)));
        let keys = changing.map(|(key, _)| key).chain(&self.unsure);
        keys.filter_map(|key| Some(key.split_once('|')?.1.to_owned())).collect()
    }

    fn call(&mut self, it: &WaitingLine, call: &RecordedCall, is_disturbed: bool) {
        let keys = &it.keys;
        self.counts.calls += 1;
        self.latest = self.latest.max(call.at());
        let Some(operation) = Operation::at(path_of(&call.path)) else {
            return self.leave_out(Uncompared::OtherPath, 1);
        };
        if call.request.body.cut {
            return self.leave_out(Uncompared::Cut, 1);
        }
        let tree = JsonTree::parse(&call.request.body.bytes()).unwrap_or(JsonTree::Null);
        let merchant = merchant_of(operation, &tree).unwrap_or_default().to_owned();
        let upstream = call.answer.as_ref().filter(|answer| !answer.message.body.cut);
        let upstream_tree = upstream.and_then(|it| JsonTree::parse(&it.message.body.bytes()));
        let accepted = upstream.zip(upstream_tree.as_ref()).and_then(|(answer, tree)| {
            compare::is_accepted(&self.profile, operation, answer.status, tree)
        });
        if accepted == Some(true)
            && let Some(terminal) = terminal_of(operation, &tree)
        {
            self.twin.learn(&merchant, terminal);
        }
        let is_first = self.merchants_seen.insert(merchant.clone());
        self.twin.set_time(&merchant, call.at(), is_first);
        let was_unsure = keys.iter().any(|key| self.unsure.contains(key));
        self.adopt(operation, &merchant, keys, accepted, upstream_tree.as_ref());
        let order = keys.first().and_then(|key| self.order_of(key));
        let twin = self.twin.answer(operation, call, upstream_tree.as_ref(), accepted);
        // Without an answer that can be read it is not known what has become of the order.
        let is_aligned = accepted.is_some() && twin.as_ref().is_some_and(|it| it.is_aligned);
        if changes(operation) && !is_aligned {
            self.unsure.extend(keys.iter().cloned());
        }
        let Some(TwinAnswer { reason, answer, .. }) = twin else {
            return self.leave_out(Uncompared::Masked, 1);
        };
        if operation == Operation::Register && accepted == Some(true) {
            for key in keys {
                let tx_id = key.split_once('|').map_or(key.as_str(), |(_, tx_id)| tx_id);
                self.owners.entry(tx_id.to_owned()).or_insert_with(|| key.clone());
                self.registered.insert(key.clone());
            }
        }
        let Some(upstream) = call.answer.as_ref() else {
            return self.leave_out(Uncompared::NoAnswer, 1);
        };
        let is_ours = |(name, _): &(String, String)| name.eq_ignore_ascii_case(compare::OWN_HEADER);
        self.counts.simulated += u64::from(upstream.message.headers.iter().any(is_ours));
        if upstream.message.body.cut {
            return self.leave_out(Uncompared::Cut, 1);
        }
        let of = match accepted {
            Some(true) => ReplyKind::Success,
            _ => ReplyKind::Refusal,
        };
        *self.counts.exercised.entry((operation, of)).or_default() += 1;
        self.latencies.entry((operation, of)).or_default().add(call.took_us);
        self.take_over(upstream_tree.as_ref(), &answer);
        let is_older = reason == Reason::OrderNotFound && accepted == Some(true);
        if is_older && !keys.iter().any(|key| self.registered.contains(key)) {
            return self.leave_out(Uncompared::OlderOrder, 1);
        }
        if was_unsure || is_disturbed {
            let why = if was_unsure { Uncompared::Unsure } else { Uncompared::Concurrent };
            return self.leave_out(why, 1);
        }
        let tested = TestedCall {
            profile: &self.profile,
            operation,
            request: &tree,
            reason,
            told: upstream_tree.as_ref().filter(|_| accepted == Some(false)).and_then(|tree| {
                compare::reasons_told(&self.profile, operation, tree).first().copied()
            }),
            order: order.as_ref(),
        };
        let is_list = matches!(operation, Operation::Orders | Operation::BindingList);
        let unsure = if is_list { self.unsure_orders(it) } else { HashSet::new() };
        let context = CompareContext {
            profile: &self.profile,
            operation,
            reason,
            request: &tree,
            unsure: &unsure,
            given: &self.twin.given,
        };
        let (up_body, sim_body) = (upstream.message.body.bytes(), answer.message.body.bytes());
        let mut found =
            compare::compare(&context, seen(upstream, &up_body), seen(&answer, &sim_body));
        explain(&tested, &mut found);
        let signature = signature_keys(&tested, call.signature, accepted, &found);
        self.minds_signatures |= accepted == Some(false)
            && matches!(tested.reason, Reason::SignMissing | Reason::SignInvalid)
            && is_same_end(&found);
        let lifetime = lifetime(&self.profile, operation, &tree, upstream_tree.as_ref(), &answer);
        self.counts.compared += 1;
        self.counts.rows_skipped += found.skipped as u64;
        self.notices.note_change(operation, keys, accepted, call.at());
        let contradicted: BTreeSet<String> =
            found.differences.iter().filter_map(|it| it.place.key.clone()).collect();
        match lifetime {
            Lifetime::Same(key) => self.confirm(key.to_owned()),
            Lifetime::Other(difference) => self.note(it.number, *difference),
            Lifetime::Untold => {}
        }
        for key in found.confirmed.into_iter().chain(signature) {
            if !contradicted.contains(&key) {
                self.confirm(key);
            }
        }
        for difference in found.differences {
            self.note(it.number, difference);
        }
    }

    fn pushback(&mut self, number: u64, pushback: &RecordedPushback) {
        self.counts.pushbacks += 1;
        self.latest = self.latest.max(pushback.at());
        let tree = JsonTree::parse(&pushback.request.body.bytes());
        let text = |name: &str| tree.as_ref()?.get(name)?.text().map(str::to_owned);
        let tx_id = text("txId").unwrap_or_default();
        let is_paid = text("resultCode")
            .is_some_and(|code| code == self.profile.reasons.pushback(true).code || code == "0000");
        // A notice names no merchant: the order is that of whoever registered it here.
        let owner = self.owners.get(&tx_id).cloned();
        if let Some(key) = &owner {
            let merchant = key.split_once('|').map_or("", |(merchant, _)| merchant).to_owned();
            self.twin.set_time(&merchant, pushback.at(), false);
            let is_waiting =
                self.twin.order(&merchant, &tx_id).is_some_and(|order| !order.state.is_final());
            if is_waiting {
                let _ = if is_paid {
                    self.twin.pay(&merchant, &tx_id)
                } else {
                    self.twin.fail(&merchant, &tx_id)
                };
            }
            let at = pushback.at_us;
            let span = ChangeSpan { number, start_us: at, end_us: at };
            self.changed.entry(key.clone()).or_default().push(span);
        }
        let (confirmed, differences) =
            self.notices.attempt(&self.profile, owner.as_deref(), pushback, tree.as_ref());
        for key in confirmed {
            self.confirm(key);
        }
        for difference in differences {
            self.note(number, difference);
        }
    }

    /// Brings the simulator's orders to where the gateway's are by what payers did there, of which no call tells.
    fn adopt(
        &mut self,
        operation: Operation,
        merchant: &str,
        keys: &[String],
        accepted: Option<bool>,
        answer: Option<&JsonTree>,
    ) {
        let Some(answer) = answer else { return };
        if accepted == Some(false) {
            self.adopt_refusal(operation, keys, answer);
        }
        if accepted != Some(true) {
            return;
        }
        if operation == Operation::Orders {
            for row in answer.items() {
                let text = |name: &str| row.get(name).and_then(JsonTree::text);
                let state =
                    text("txStCd").and_then(|it| words::state_of(&self.profile, operation, it));
                if let (Some(tx_id), Some(state)) = (text("tracNo"), state) {
                    self.follow(&format!("{merchant}|{tx_id}"), state);
                }
            }
            return;
        }
        for key in keys {
            let Some((_, tx_id)) = key.split_once('|') else { continue };
            if operation == Operation::Status {
                let data = answer.get("resultData");
                let word = data.and_then(|data| data.get("txStCd")?.text());
                match word.and_then(|word| words::state_of(&self.profile, operation, word)) {
                    Some(state) => self.follow(key, state),
                    None => self.pay(key),
                }
                continue;
            }
            let is_paid = match operation {
                Operation::Reversal | Operation::Refund | Operation::PreAuthCompletion => true,
                Operation::Reconciliation => answer.items().iter().any(|row| {
                    row.get("txId").and_then(JsonTree::text) == Some(tx_id)
                        && row.get("reconciliationDv").is_some_and(|it| *it != JsonTree::Null)
                }),
                _ => false,
            };
            if is_paid {
                self.pay(key);
            }
        }
    }

    /// Lets the payer pay an order that waits for it.
    fn pay(&self, key: &str) {
        if let Some((merchant, tx_id)) = key.split_once('|')
            && self.order_of(key).is_some_and(|order| !order.state.is_final())
        {
            self.twin.pay(merchant, tx_id);
        }
    }

    /// Brings an order into the state that the gateway tells, if it still waits for its payer, or if it was not known.
    fn follow(&mut self, key: &str, state: OrderState) {
        let Some((merchant, tx_id)) = key.split_once('|') else { return };
        if !self.unsure.contains(key) {
            self.twin.move_to(merchant, tx_id, state);
        } else if self.twin.find_again(merchant, tx_id, state) {
            self.unsure.remove(key);
        }
    }

    /// Takes over what a refusal tells of an order that waits for its payer here.
    fn adopt_refusal(&mut self, operation: Operation, keys: &[String], answer: &JsonTree) {
        let told = compare::reasons_told(&self.profile, operation, answer);
        // Words that several reasons share say nothing sure.
        let [reason] = *told else { return };
        let state = match reason {
            Reason::OrderFailed => OrderState::Failed,
            Reason::OrderCancelled => OrderState::Cancelled,
            Reason::OrderExpired => OrderState::Expired,
            Reason::OrderAlreadyPaid => OrderState::Captured,
            _ => return,
        };
        for key in keys {
            if self.order_of(key).is_some_and(|order| order.state == OrderState::Registered) {
                self.follow(key, state);
            }
        }
    }

    fn order_of(&self, key: &str) -> Option<crate::ledger::Order> {
        let (merchant, tx_id) = key.split_once('|')?;
        self.twin.order(merchant, tx_id)
    }

    /// Remembers which of its own numbers the simulator gave where the gateway gave others.
    fn take_over(&mut self, upstream: Option<&JsonTree>, answer: &RecordedAnswer) {
        let Some(ours) = JsonTree::parse(&answer.message.body.bytes()) else { return };
        let Some(theirs) = upstream else { return };
        let pairs = |name: &str| {
            let data = |tree: &JsonTree| tree.get("resultData").cloned().unwrap_or(JsonTree::Null);
            let at = |tree: &JsonTree| {
                let value = tree.get(name).cloned().or_else(|| data(tree).get(name).cloned())?;
                value.text().map(str::to_owned)
            };
            at(theirs).zip(at(&ours))
        };
        for name in ["apprNo", "approvalNo", "bindingId"] {
            if let Some((there, here)) = pairs(name) {
                self.twin.given.insert(there, here);
            }
        }
    }

    pub(super) fn confirm(&mut self, key: String) {
        *self.confirmed.entry(key).or_default() += 1;
    }

    pub(super) fn note(&mut self, number: u64, difference: AnswerDifference) {
        let AnswerDifference { place, upstream, simulator, fixes } = difference;
        if self.findings.len() >= FINDINGS_MAX && !self.findings.contains_key(&place) {
            return self.leave_out(Uncompared::TooManyFindings, 1);
        }
        let finding = self.findings.entry(place.clone()).or_insert_with(|| Finding {
            place,
            count: 0,
            first_call: number,
            samples: Vec::new(),
            fixes: Vec::new(),
        });
        finding.count += 1;
        finding.first_call = finding.first_call.min(number);
        let pair = (upstream, simulator);
        if finding.samples.len() < SAMPLES_MAX && !finding.samples.contains(&pair) {
            finding.samples.push(pair);
        }
        for fix in fixes {
            match finding.fixes.iter_mut().find(|(known, _)| *known == fix) {
                Some((_, count)) => *count += 1,
                None => finding.fixes.push((fix, 1)),
            }
        }
    }
}

impl ChangeSpan {
    /// Returns true if a call was under way at the same time.
    fn disturbs(&self, it: &WaitingLine) -> bool {
        self.number != it.number && self.start_us < it.end_us && self.end_us > it.start_us
    }
}

fn seen<'a>(answer: &'a RecordedAnswer, body: &'a [u8]) -> ComparedAnswer<'a> {
    ComparedAnswer { status: answer.status, headers: &answer.message.headers, body }
}

/// A path without its query.
fn path_of(path: &str) -> &str {
    path.split('?').next().unwrap_or(path)
}

/// Names of the orders that a call is about, `merchantId|txId`, or of the client.
fn keys_of(operation: Operation, tree: &JsonTree) -> Vec<String> {
    let name = match operation {
        Operation::NotifyCompletion => "TX_ID",
        Operation::BindingRegister
        | Operation::BindingList
        | Operation::CreatePin
        | Operation::EnablePin
        | Operation::DisablePin => "clientId",
        _ => "txId",
    };
    let prefix = if name == "clientId" { "client " } else { "" };
    let rows = if let JsonTree::List(rows) = tree { rows } else { std::slice::from_ref(tree) };
    let key = |row: &JsonTree| {
        let merchant = merchant_of(operation, row)?;
        Some(format!("{prefix}{merchant}|{}", row.get(name)?.text()?))
    };
    rows.iter().filter_map(key).collect()
}

/// `txId` of the order that a push-back is about; it names no merchant.
fn notice_key(pushback: &RecordedPushback) -> Option<String> {
    let tree = JsonTree::parse(&pushback.request.body.bytes())?;
    Some(tree.get("txId")?.text()?.to_owned())
}

/// Gives differences of outcome and value the settings that decide them.
fn explain(tested: &TestedCall<'_>, found: &mut Comparison) {
    for difference in &mut found.differences {
        let rule = match difference.place.class {
            DifferenceClass::Outcome => tested.outcome_rule(),
            DifferenceClass::Value => tested.value_rule(&difference.place.path),
            _ => None,
        };
        if let Some(rule) = rule {
            difference.place.key = Some(rule.key.to_owned());
            difference.fixes = rule.fix().into_iter().collect();
        }
    }
    if !is_same_end(found) {
        return;
    }
    found.confirmed.extend(tested.tested().map(str::to_owned));
    if tested.reason == Reason::Success {
        let operation = tested.operation;
        found.confirmed.insert(format!("operation.{operation}"));
        let members = &tested.profile.operations.get(operation).request;
        let rows = tested.request.items();
        let is_sent = |name: &str| {
            let row = rows.first().unwrap_or(tested.request);
            row.get(name).is_some_and(|value| *value != JsonTree::Null)
        };
        let sent = members.iter().filter(|member| is_sent(member.plain_name()));
        let keys = sent.map(|member| format!("operation.{operation}.request.{}", member.name));
        found.confirmed.extend(keys);
    }
}

/// Returns true if gateway and simulator came to the same end.
fn is_same_end(found: &Comparison) -> bool {
    !found.differences.iter().any(|it| it.place.class == DifferenceClass::Outcome)
}

/// Keys of the recipe of which one good signature says something.
pub(super) const RECIPE_KEYS: [&str; 7] = [
    "sign.algorithm",
    "sign.canonical",
    "sign.fields",
    "sign.separator",
    "sign.skip",
    "sign.omit_empty",
    "sign.encoding",
];

/// Keys of the recipe, where a good signature was taken. Whether blank members are left out shows only where there are any.
fn signature_keys(
    tested: &TestedCall<'_>,
    signature: SignatureNote,
    accepted: Option<bool>,
    found: &Comparison,
) -> Vec<String> {
    if !tested.profile.sign.operations.contains(&tested.operation) || !is_same_end(found) {
        return Vec::new();
    }
    match (signature, accepted) {
        (SignatureNote::Valid, Some(true)) => {
            let is_blank = |value: &JsonTree| match value {
                JsonTree::Null => true,
                JsonTree::Text(text) => text.is_empty(),
                _ => false,
            };
            let has_blank = tested.request.members().iter().any(|(_, value)| is_blank(value));
            let told = RECIPE_KEYS.iter().filter(|key| has_blank || **key != "sign.omit_empty");
            told.map(|key| (*key).to_owned()).collect()
        }
        (SignatureNote::Absent, Some(false)) if tested.reason == Reason::SignMissing => {
            vec!["sign.mode".to_owned()]
        }
        _ => Vec::new(),
    }
}

/// The time for which a registered order may be paid, as the gateway tells it.
enum Lifetime {
    Untold,
    Same(&'static str),
    Other(Box<AnswerDifference>),
}

fn lifetime(
    profile: &Profile,
    operation: Operation,
    request: &JsonTree,
    upstream: Option<&JsonTree>,
    answer: &RecordedAnswer,
) -> Lifetime {
    if operation != Operation::Register {
        return Lifetime::Untold;
    }
    let at = |tree: &JsonTree| moment(tree.get("resultData")?.get("expireDttm")?.text()?);
    let ours = JsonTree::parse(&answer.message.body.bytes());
    let Some((there, here)) = upstream.and_then(at).zip(ours.as_ref().and_then(at)) else {
        return Lifetime::Untold;
    };
    let method = request.get("paymentMethod").and_then(JsonTree::text).unwrap_or_default();
    let shows_qr = matches!(method, "PAYON" | "BAKONG_KHQR");
    let (key, known) = if shows_qr {
        ("rules.qr_lifetime_ms", profile.rules.qr_lifetime_ms)
    } else {
        ("rules.order_lifetime_ms", profile.rules.order_lifetime_ms)
    };
    if (there - here).abs() <= LIFETIME_TOLERANCE_MS {
        return Lifetime::Same(key);
    }
    let told = known + there - here;
    let told = (told + LIFETIME_STEP_MS / 2).div_euclid(LIFETIME_STEP_MS) * LIFETIME_STEP_MS;
    let place = DifferencePlace::new(
        DifferenceClass::Lifetime,
        operation,
        kind_of(Reason::Success),
        "resultData.expireDttm",
    );
    let place = DifferencePlace { path: format!("{} ({key})", place.path), ..place };
    Lifetime::Other(Box::new(AnswerDifference {
        place: place.against(key),
        upstream: format!("{} s", told / 1000),
        simulator: format!("{} s", known / 1000),
        fixes: (told > 0)
            .then(|| Fix::Setting { key: key.to_owned(), value: told.into() })
            .into_iter()
            .collect(),
    }))
}

/// Milliseconds since 1970 of `yyyyMMddHHmmss` in Cambodia.
fn moment(text: &str) -> Option<i64> {
    let time = jiff::civil::DateTime::strptime("%Y%m%d%H%M%S", text).ok()?;
    let zone = jiff::tz::TimeZone::fixed(jiff::tz::offset(7));
    Some(time.to_zoned(zone).ok()?.timestamp().as_millisecond())
}
