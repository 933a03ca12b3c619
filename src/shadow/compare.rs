//! Compares a gateway's answer with the simulator's: pure, and blind to what only the gateway can know.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use super::difference::{AnswerDifference, DifferenceClass, DifferencePlace};
use super::fix::Fix;
use super::forms::MemberClass;
use super::words;
use crate::base::{JsonTree, Operation, Reason};
use crate::profile::{Profile, ReplyForm, ReplyKind};

/// Headers that say nothing of the gateway's manners: those of the connection, and the simulator's own.
const IGNORED_HEADERS: &[&str] = &[
    "date",
    "connection",
    "keep-alive",
    "transfer-encoding",
    "content-length",
    "trailer",
    "upgrade",
    OWN_HEADER,
];

/// A header that every answer of a payon-sim has, and none of PAYON's.
pub(super) const OWN_HEADER: &str = "x-payon-trace";

/// An answer, secrets masked.
#[derive(Clone, Copy, Debug)]
pub struct ComparedAnswer<'a> {
    /// HTTP status.
    pub status: u16,
    /// Names and values.
    pub headers: &'a [(String, String)],
    /// The body.
    pub body: &'a [u8],
}

/// Facts about the call that a comparison needs.
#[derive(Debug)]
pub struct CompareContext<'a> {
    /// The profile by which the simulator answered.
    pub profile: &'a Profile,
    /// The operation.
    pub operation: Operation,
    /// The reason that decided the simulator's answer.
    pub reason: Reason,
    /// The request.
    pub request: &'a JsonTree,
    /// Orders, by txId, of which nothing is said: unknown to the simulator, or in other calls at the same time.
    pub unsure: &'a HashSet<String>,
    /// Numbers that the gateway gave, with those that the simulator gave in their place.
    pub given: &'a HashMap<String, String>,
}

/// Result of a comparison.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Comparison {
    /// Differences, in the order in which they were found.
    pub differences: Vec<AnswerDifference>,
    /// Keys of behaviours that the gateway's answer confirms.
    pub confirmed: BTreeSet<String>,
    /// True if the gateway accepts; `None` where its answer does not tell.
    pub is_accepted: Option<bool>,
    /// Rows that were left out.
    pub skipped: usize,
}

/// Compares two answers to one call.
pub fn compare(
    context: &CompareContext<'_>,
    upstream: ComparedAnswer<'_>,
    simulator: ComparedAnswer<'_>,
) -> Comparison {
    let mut comparer =
        Comparer { context, of: kind_of(context.reason), found: Comparison::default() };
    comparer.run(upstream, simulator);
    comparer.found
}

/// The kind of a reply that was decided for a reason.
pub(super) fn kind_of(reason: Reason) -> ReplyKind {
    if reason == Reason::Success { ReplyKind::Success } else { ReplyKind::Refusal }
}

/// Returns true if an answer says that the call was done; `None` where nothing tells.
pub fn is_accepted(
    profile: &Profile,
    operation: Operation,
    status: u16,
    body: &JsonTree,
) -> Option<bool> {
    let success = profile.answer(operation, Reason::Success).code;
    if let JsonTree::List(rows) = body {
        let row_code = rows.first().and_then(code_of);
        return Some(match operation {
            Operation::Reconciliation => status < 300 && row_code.is_some(),
            _ => true,
        });
    }
    let code = code_of(body);
    let refuses = |reason: &Reason| {
        *reason != Reason::Success && code == Some(profile.answer(operation, *reason).code)
    };
    if code.is_some_and(|code| code == success || code == "0000") {
        return Some(true);
    }
    let is_refusal = status >= if code.is_some() { 300 } else { 400 };
    if is_refusal || Reason::ALL.iter().any(refuses) {
        return Some(false);
    }
    let has = |name: &str| body.get(name).is_some_and(|value| *value != JsonTree::Null);
    let is_success_word = |text: &str| text.to_ascii_lowercase().contains("success");
    let says_so = ["resultMsg", "resultMessage"]
        .iter()
        .filter_map(|name| body.get(name)?.text())
        .any(is_success_word);
    let is_done = has("resultData") || has("approvalNo") || has("bindingId") || says_so;
    (is_done || code.is_some()).then_some(is_done)
}

/// The reasons for which a profile has code and message of a refusal.
pub(super) fn reasons_told(
    profile: &Profile,
    operation: Operation,
    body: &JsonTree,
) -> Vec<Reason> {
    reasons_by(profile, operation, body, |code, message| code && message)
}

/// The reasons for which a profile has code or message of a refusal.
pub(super) fn reasons_hinted(
    profile: &Profile,
    operation: Operation,
    body: &JsonTree,
) -> Vec<Reason> {
    reasons_by(profile, operation, body, |code, message| code || message)
}

fn reasons_by(
    profile: &Profile,
    operation: Operation,
    body: &JsonTree,
    is_told: impl Fn(bool, bool) -> bool,
) -> Vec<Reason> {
    let message = ["resultMsg", "resultMessage"].iter().find_map(|name| body.get(name)?.text());
    let reasons = Reason::ALL.iter().copied().filter(|reason| *reason != Reason::Success);
    let told = reasons.filter(|reason| {
        let known = profile.answer(operation, *reason);
        let is_message = message.is_some_and(|it| without_detail(it, known.message));
        is_told(code_of(body) == Some(known.code), is_message)
    });
    told.collect()
}

/// Returns true if a message is this one, or this one with details behind it.
fn without_detail(message: &str, known: &str) -> bool {
    message.strip_prefix(known).is_some_and(|rest| rest.is_empty() || rest.starts_with(": "))
}

fn code_of(body: &JsonTree) -> Option<&str> {
    ["resultCode", "resultCd"].iter().find_map(|name| body.get(name)?.text())
}

struct Comparer<'a, 'c> {
    context: &'a CompareContext<'c>,
    of: ReplyKind,
    found: Comparison,
}

impl Comparer<'_, '_> {
    fn place(&self, class: DifferenceClass, path: &str) -> DifferencePlace {
        DifferencePlace::new(class, self.context.operation, self.of, path)
    }

    fn differ(
        &mut self,
        place: DifferencePlace,
        up: String,
        sim: String,
        fixes: impl IntoIterator<Item = Fix>,
    ) {
        let fixes = fixes.into_iter().collect();
        self.found.differences.push(AnswerDifference {
            place,
            upstream: up,
            simulator: sim,
            fixes,
        });
    }

    /// Key of a member of the reply, if it is a behaviour of the profile.
    fn member_key(&self, path: &str) -> Option<String> {
        let operation = self.context.operation;
        let spec = &self.context.profile.operations.get(operation).response;
        let is_known = spec.iter().any(|member| member.name == path);
        is_known.then(|| format!("operation.{operation}.response.{path}"))
    }

    fn confirm(&mut self, path: &str) {
        if let Some(key) = self.member_key(path) {
            self.found.confirmed.insert(key);
        }
    }

    fn run(&mut self, up: ComparedAnswer<'_>, sim: ComparedAnswer<'_>) {
        let CompareContext { profile, operation, reason, .. } = *self.context;
        let told = profile.answer(operation, reason);
        let (Some(up_body), Some(sim_body)) = (JsonTree::parse(up.body), JsonTree::parse(sim.body))
        else {
            self.unreadable(up, sim);
            return;
        };
        let accepted = is_accepted(profile, operation, up.status, &up_body);
        self.found.is_accepted = accepted;
        let is_success = reason == Reason::Success;
        let by_rows = operation == Operation::Reconciliation
            && matches!((&up_body, &sim_body), (JsonTree::List(_), JsonTree::List(_)));
        if accepted.is_some_and(|accepted| accepted != is_success) && !by_rows {
            let code = code_of(&up_body).unwrap_or("no code");
            let up_says = if is_success {
                format!("refuses: HTTP {}, {code}{}", up.status, message_of(&up_body))
            } else {
                format!("accepts: HTTP {}, {code}", up.status)
            };
            let sim_says =
                if is_success { "accepts".to_owned() } else { format!("refuses: {reason}") };
            let mut place = self.place(DifferenceClass::Outcome, "");
            place.reason = Some(reason.name().to_owned());
            self.differ(place, up_says, sim_says, None);
            return;
        }
        if let Some(other) = self.other_reason(&up_body).filter(|_| !is_success && !by_rows) {
            let up_says = format!("refuses: {other}{}", message_of(&up_body));
            let mut place = self.place(DifferenceClass::Outcome, "");
            place.reason = Some(reason.name().to_owned());
            self.differ(place, up_says, format!("refuses: {reason}"), None);
            return;
        }
        if up.status == sim.status {
            self.found.confirmed.insert(told.key.to_owned());
        } else {
            let mut place = self.place(DifferenceClass::Status, "status").against(told.key);
            place.reason = Some(reason.name().to_owned());
            let fix = Fix::http(operation, vec![reason], up.status);
            self.differ(place, up.status.to_string(), sim.status.to_string(), Some(fix));
        }
        self.headers(up.headers, sim.headers);
        self.walk(&up_body, &sim_body, "");
        if self.found.differences.iter().any(|it| it.place.key.as_deref() == Some(told.key)) {
            self.found.confirmed.remove(told.key);
        }
    }

    /// Another reason than the simulator's, if code and message of the gateway's refusal are those of that one.
    fn other_reason(&self, up_body: &JsonTree) -> Option<Reason> {
        let CompareContext { profile, operation, reason, .. } = *self.context;
        reasons_told(profile, operation, up_body).first().copied().filter(|other| {
            let own = profile.answer(operation, reason);
            let told = profile.answer(operation, *other);
            own.code != told.code && own.message != told.message
        })
    }

    fn unreadable(&mut self, up: ComparedAnswer<'_>, sim: ComparedAnswer<'_>) {
        if up.body == sim.body && up.status == sim.status {
            return;
        }
        let text = |answer: ComparedAnswer<'_>| {
            let kind = JsonTree::parse(answer.body).map_or("no JSON", |tree| tree.kind());
            format!("HTTP {}, {kind}", answer.status)
        };
        let place = self.place(DifferenceClass::Type, "");
        self.differ(place, text(up), text(sim), None);
    }

    fn headers(&mut self, up: &[(String, String)], sim: &[(String, String)]) {
        let named = |headers: &[(String, String)]| -> BTreeMap<String, String> {
            let headers = headers.iter().map(|(name, value)| {
                let (name, mut value) = (name.to_ascii_lowercase(), value.clone());
                if name == "content-type" {
                    value = value.to_ascii_lowercase().replace(' ', "");
                }
                (name, value)
            });
            headers.filter(|(name, _)| !IGNORED_HEADERS.contains(&name.as_str())).collect()
        };
        let (up, sim) = (named(up), named(sim));
        let names: BTreeSet<&String> = up.keys().chain(sim.keys()).collect();
        for name in names {
            let (there, here) = (up.get(name), sim.get(name));
            // Only of this one is it known that the value is always the same.
            let is_same = match (there, here) {
                (Some(there), Some(here)) => name != "content-type" || there == here,
                _ => false,
            };
            if is_same {
                continue;
            }
            let place = self.place(DifferenceClass::Header, &format!("header {name}"));
            let text = |value: Option<&String>| value.map_or("absent".to_owned(), Clone::clone);
            let fix = Fix::Header {
                operation: self.context.operation,
                of: self.of,
                name: name.clone(),
                value: there.cloned().unwrap_or_default(),
            };
            self.differ(place, text(there), text(here), Some(fix));
        }
    }

    fn walk(&mut self, up: &JsonTree, sim: &JsonTree, path: &str) {
        match (up, sim) {
            (JsonTree::Object(theirs), JsonTree::Object(ours)) => {
                self.object(theirs, ours, path);
            }
            (JsonTree::List(theirs), JsonTree::List(ours)) => self.list(theirs, ours, path),
            (JsonTree::Null, JsonTree::Null) | (JsonTree::Bool(_), JsonTree::Bool(_)) => {
                self.confirm(path);
            }
            (JsonTree::Number(theirs), JsonTree::Number(ours)) => {
                self.number(theirs, ours, sim, path);
            }
            (JsonTree::Text(theirs), JsonTree::Text(ours)) => self.text(theirs, ours, path),
            _ => {
                let mut place = self.place(DifferenceClass::Type, path);
                place.key = self.member_key(path);
                let fixes = self.type_fixes(up, sim, path);
                self.differ(place, kind_and_text(up), kind_and_text(sim), fixes);
                let decimal = |value: &JsonTree| value.text().and_then(plain_decimal);
                if let (Some(there), Some(here)) = (decimal(up), decimal(sim))
                    && there != here
                    && MemberClass::of(path.rsplit('.').next().unwrap_or(path))
                        == MemberClass::Exact
                {
                    let mut place = self.place(DifferenceClass::Value, path);
                    place.key = self.member_key(path);
                    self.differ(place, kind_and_text(up), kind_and_text(sim), None);
                }
            }
        }
    }

    fn object(&mut self, theirs: &[(String, JsonTree)], ours: &[(String, JsonTree)], path: &str) {
        let inside = |name: &str| match path {
            "" => name.to_owned(),
            path => format!("{path}.{name}"),
        };
        let find = |members: &[(String, JsonTree)], name: &str| {
            members.iter().rposition(|(known, _)| known == name)
        };
        for (name, value) in ours {
            let path = inside(name);
            if let Some(at) = find(theirs, name) {
                self.walk(&theirs[at].1, value, &path);
            } else {
                let mut place = self.place(DifferenceClass::Missing, &path);
                place.key = self.member_key(&path);
                let fix = self.shape_fix(|shape| shape.remove.push(path.clone()));
                self.differ(place, "absent".to_owned(), value.kind().to_owned(), fix);
            }
        }
        for (name, value) in theirs.iter().filter(|(name, _)| find(ours, name).is_none()) {
            let path = inside(name);
            let place = self.place(DifferenceClass::Extra, &path);
            let fix = self.shape_fix(|shape| {
                shape.add.insert(path.clone(), value.json());
            });
            self.differ(place, kind_and_text(value), "absent".to_owned(), fix);
        }
        let common = |from: &[(String, JsonTree)], other: &[(String, JsonTree)]| {
            let names = from.iter().map(|(name, _)| name.clone());
            names.filter(|name| find(other, name).is_some()).collect::<Vec<_>>()
        };
        let (there, here) = (common(theirs, ours), common(ours, theirs));
        if there != here {
            let place = self.place(DifferenceClass::Order, path);
            let fix = self.shape_fix(|shape| {
                let names = theirs.iter().map(|(name, _)| name.clone()).collect();
                shape.order.insert(path.to_owned(), names);
            });
            self.differ(place, there.join(", "), here.join(", "), fix);
        }
    }

    fn list(&mut self, theirs: &[JsonTree], ours: &[JsonTree], path: &str) {
        let inside = format!("{path}[]");
        let key_name = match self.context.operation {
            Operation::Orders => "tracNo",
            Operation::BindingList => "bindingId",
            _ => {
                if theirs.len() != ours.len() {
                    let place = self.place(DifferenceClass::State, &inside);
                    let rows = |count: usize| format!("{count} rows");
                    self.differ(place, rows(theirs.len()), rows(ours.len()), None);
                }
                for (there, here) in std::iter::zip(theirs, ours) {
                    self.walk(there, here, &inside);
                }
                return;
            }
        };
        let key = |row: &JsonTree| row.get(key_name).and_then(JsonTree::text).map(str::to_owned);
        // What the gateway calls one thing the simulator may call another.
        let translated = |key: String| self.context.given.get(&key).cloned().unwrap_or(key);
        let there: Vec<_> = theirs.iter().map(|row| (key(row).map(translated), row)).collect();
        let here: Vec<_> = ours.iter().map(|row| (key(row), row)).collect();
        let is_unsure =
            |key: &Option<String>| key.as_ref().is_none_or(|key| self.context.unsure.contains(key));
        let own: HashMap<&Option<String>, &JsonTree> =
            here.iter().filter(|(key, _)| !is_unsure(key)).map(|(key, row)| (key, *row)).collect();
        let pairs: Vec<(&JsonTree, &JsonTree)> =
            there.iter().filter_map(|(key, row)| Some((*row, *own.get(key)?))).collect();
        let order = |rows: &[(Option<String>, &JsonTree)],
                     others: &[(Option<String>, &JsonTree)]| {
            let keys = rows.iter().map(|(key, _)| key.clone());
            keys.filter(|key| !is_unsure(key) && others.iter().any(|(known, _)| known == key))
                .collect::<Vec<_>>()
        };
        // Calls at the same time may have been numbered in another order here, so each list is held against its own numbers.
        let rises = |rows: &[(Option<String>, &JsonTree)]| {
            let numbers = rows.iter().map(|(_, row)| row.get("txSeqNo").and_then(JsonTree::text));
            numbers.collect::<Vec<_>>().is_sorted()
        };
        let in_order = match self.context.operation {
            Operation::Orders => rises(&there) == rises(&here),
            _ => order(&there, &here) == order(&here, &there),
        };
        self.found.skipped += theirs.len().saturating_sub(pairs.len());
        // The simulator's list of orders begins with the first, so all rows of a first page that is not full are in it.
        let count = |name: &str| self.context.request.get(name)?.text()?.parse::<usize>().ok();
        let is_whole = match self.context.operation {
            Operation::Orders => {
                count("index").is_none_or(|index| index == 1)
                    && count("limit").is_some_and(|limit| theirs.len() < limit)
            }
            _ => theirs.len() < ours.len(),
        };
        let is_named = there.iter().all(|(key, _)| key.is_some());
        if !is_named && here.iter().any(|(key, _)| key.is_some()) {
            let path = format!("{inside}.{key_name}");
            let mut place = self.place(DifferenceClass::Missing, &path);
            place.key = self.member_key(&path);
            let fix = self.shape_fix(|shape| shape.remove.push(path));
            self.differ(place, "absent".to_owned(), "a name for each row".to_owned(), fix);
        }
        if is_whole && is_named && pairs.len() < own.len() {
            let place = self.place(DifferenceClass::State, &inside);
            self.differ(place, "no such row".to_owned(), "a row".to_owned(), None);
        }
        if !in_order {
            let place = self.place(DifferenceClass::Order, &inside);
            self.differ(place, "another order of rows".to_owned(), String::new(), None);
        }
        for (there, here) in pairs {
            self.walk(there, here, &inside);
        }
    }

    fn number(&mut self, theirs: &str, ours: &str, sim: &JsonTree, path: &str) {
        let name = path.rsplit('.').next().unwrap_or(path);
        // Numbers that the gateway gives are its own, and lose their zeros as numbers.
        if theirs == ours || MemberClass::of(name) != MemberClass::Exact {
            self.confirm(path);
            return;
        }
        let is_same = plain_decimal(theirs) == plain_decimal(ours);
        let class = if is_same { DifferenceClass::Number } else { DifferenceClass::Value };
        let mut place = self.place(class, path);
        place.key = self.member_key(path);
        let fixes =
            is_same.then(|| self.type_fixes(&JsonTree::Number(theirs.to_owned()), sim, path));
        self.differ(place, theirs.to_owned(), ours.to_owned(), fixes.unwrap_or_default());
    }

    fn text(&mut self, theirs: &str, ours: &str, path: &str) {
        let name = path.rsplit('.').next().unwrap_or(path);
        match name {
            "resultCode" | "resultCd" => return self.told(true, theirs, ours, path),
            "resultMsg" | "resultMessage" => return self.told(false, theirs, ours, path),
            _ => {}
        }
        let member = self.member_key(path);
        let class = MemberClass::of(name);
        // A word that the merchant sent is an echo.
        let is_echo = self.context.request.get(name).and_then(JsonTree::text) == Some(ours);
        let word = words::key_of(self.context.profile, self.context.operation, path, ours);
        let word = word.filter(|_| !is_echo);
        let is_alike = match class {
            // What PAYON's pages do not know is taken as it comes.
            MemberClass::Exact if member.is_none() => true,
            class => class.form(theirs) == class.form(ours),
        };
        if is_alike {
            self.confirm(path);
            self.found.confirmed.extend(word);
            return;
        }
        let (up, sim) = (theirs.to_owned(), ours.to_owned());
        if class != MemberClass::Exact {
            let mut place = self.place(DifferenceClass::Form, path);
            place.key = member;
            return self.differ(place, class.form(theirs), class.form(ours), None);
        }
        let is_state_word = words::is_state(path)
            && words::names_another(self.context.profile, self.context.operation, path, theirs);
        let is_number =
            plain_decimal(theirs).is_some() && plain_decimal(theirs) == plain_decimal(ours);
        let class = if is_number {
            DifferenceClass::Number
        } else if is_state_word || name.ends_with("Yn") && name != "verifyYn" {
            DifferenceClass::State
        } else if word.is_some()
            || words::is_word(self.context.profile, self.context.operation, path)
        {
            DifferenceClass::Word
        } else {
            DifferenceClass::Value
        };
        let mut place = self.place(class, path);
        place.key = word.clone().or(member);
        let fix = match (class, word) {
            (DifferenceClass::Word, Some(key)) => {
                Some(Fix::Setting { key, value: serde_json::Value::from(theirs) })
            }
            (DifferenceClass::Word, None) | (DifferenceClass::State, _) => {
                self.shape_fix(|shape| {
                    let words = shape.words.entry(path.to_owned()).or_default();
                    words.insert(ours.to_owned(), theirs.to_owned());
                })
            }
            _ => None,
        };
        self.differ(place, up, sim, fix);
    }

    /// Compares codes or messages.
    fn told(&mut self, is_code: bool, theirs: &str, ours: &str, path: &str) {
        let CompareContext { profile, operation, reason, .. } = *self.context;
        let is_row = path.contains("[]");
        let reasons = if is_row {
            let is_told = |reason: &&Reason| {
                let told = profile.answer(operation, **reason);
                if is_code { told.code == ours } else { told.message == ours }
            };
            Reason::ALL.iter().filter(is_told).copied().collect()
        } else {
            vec![reason]
        };
        let first = reasons.first().copied().unwrap_or(reason);
        let told = profile.answer(operation, first);
        // Details behind the message are the simulator's own help.
        let detail = ours.strip_prefix(told.message).filter(|rest| rest.starts_with(": "));
        let is_alike =
            theirs == ours || !is_code && detail.is_some() && without_detail(theirs, told.message);
        if is_alike {
            self.confirm(path);
            if is_row {
                self.found.confirmed.insert(told.key.to_owned());
            }
            return;
        }
        let class = if is_code { DifferenceClass::Code } else { DifferenceClass::Message };
        let mut place = self.place(class, path).against(told.key);
        place.reason = Some(first.name().to_owned());
        let fix = if is_code {
            Fix::code(operation, reasons, theirs)
        } else {
            // The simulator puts the same details behind whatever its message is.
            let plain = detail.and_then(|detail| theirs.strip_suffix(detail));
            Fix::message(operation, reasons, plain.unwrap_or(theirs))
        };
        self.differ(place, theirs.to_owned(), ours.to_owned(), Some(fix));
    }

    #[expect(clippy::unnecessary_wraps, reason = "all of its callers want an option")]
    fn shape_fix(&self, change: impl FnOnce(&mut crate::profile::ReplyChange)) -> Option<Fix> {
        Some(Fix::shape(self.context.operation, self.of, change))
    }

    /// Forms that make the gateway's value of the simulator's, the simplest first. Which of them holds for all values only
    /// further calls can tell.
    fn type_fixes(&self, up: &JsonTree, sim: &JsonTree, path: &str) -> Vec<Fix> {
        use ReplyForm::{Fixed, Null, Number, Shortest, Text};
        let forms: &[&[ReplyForm]] = match (up, sim) {
            (JsonTree::Null, _) => &[&[Null]],
            (_, JsonTree::Null) => {
                let add = self.shape_fix(|shape| {
                    shape.add.insert(path.to_owned(), up.json());
                });
                return add.into_iter().collect();
            }
            (JsonTree::Text(_), JsonTree::Number(_)) => {
                &[&[Text], &[Shortest, Text], &[Fixed, Text]]
            }
            (JsonTree::Number(_), JsonTree::Text(_)) => {
                &[&[Number], &[Number, Shortest], &[Number, Fixed]]
            }
            (JsonTree::Number(_), JsonTree::Number(_)) => &[&[Shortest], &[Fixed]],
            _ => return Vec::new(),
        };
        let brings = |forms: &&&[ReplyForm]| {
            // Its own currency is not at hand; both are tried.
            [0, 2].iter().any(|decimals| {
                let mut value = sim.clone();
                for form in **forms {
                    form.bring(&mut value, *decimals);
                }
                value == *up
            })
        };
        let mut bringing: Vec<_> = forms.iter().filter(brings).collect();
        if bringing.is_empty() {
            bringing.extend(forms.first());
        }
        let fix = |forms: &&&[ReplyForm]| {
            self.shape_fix(|shape| {
                shape.form.insert(path.to_owned(), forms.to_vec());
            })
        };
        bringing.iter().filter_map(fix).collect()
    }
}

fn message_of(body: &JsonTree) -> String {
    let message = ["resultMsg", "resultMessage"].iter().find_map(|name| body.get(name)?.text());
    message.map(|message| format!(" {message:?}")).unwrap_or_default()
}

fn kind_and_text(value: &JsonTree) -> String {
    match value {
        JsonTree::Null => "null".to_owned(),
        JsonTree::List(_) | JsonTree::Object(_) => value.kind().to_owned(),
        value => format!("{} {}", value.kind(), value.json()),
    }
}

/// A decimal without zeros that say nothing; `None` where the text is none.
pub(super) fn plain_decimal(text: &str) -> Option<String> {
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !digits(whole) || !digits(part) {
        return None;
    }
    let whole = whole.trim_start_matches('0');
    let part = part.trim_end_matches('0');
    Some(format!("{whole}.{part}"))
}
