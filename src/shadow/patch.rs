//! A patch: the overlay of a profile that makes the simulator answer as a gateway did, checked by judging the session anew.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::sync::Arc;

use serde::Serialize;

use super::difference::{DifferenceClass, DifferencePlace};
use super::fix::Fix;
use super::replay::replay;
use super::report::{ShadowReport, Verdict};
use crate::base::{Operation, Reason};
use crate::capture::Session;
use crate::profile::{Mark, OVERLAY_VERSION, Profile, ProfileErrors, ReplyChange, ReplyKind};

/// Rounds after which a patch does not become better.
const ROUNDS_MAX: usize = 12;

/// A proposed overlay.
#[derive(Debug)]
pub struct ProfilePatch {
    /// Its text.
    pub text: String,
    /// Number of changes.
    pub changes: usize,
    /// Assumptions that it marks as confirmed.
    pub confirmed: usize,
    /// The report of the session by the patched profile.
    pub after: ShadowReport,
}

/// Number of calls that differ in a member or header, in whatever way; of words each counts for itself.
fn differing(report: &ShadowReport, place: &DifferencePlace) -> u64 {
    let is_there = |known: &DifferencePlace| {
        if known.class == DifferenceClass::Word || place.class == DifferenceClass::Word {
            return known == place;
        }
        is_of_reply(known.class)
            && (&known.operation, known.of, &known.path)
                == (&place.operation, place.of, &place.path)
    };
    report.found.iter().filter(|it| is_there(&it.place)).map(|it| it.count).sum()
}

/// Returns true for what a change of whole replies takes away or brings.
fn is_of_reply(class: DifferenceClass) -> bool {
    use DifferenceClass::{Extra, Header, Missing, Number, Order, Type, Word};
    matches!(class, Extra | Header | Missing | Number | Order | Type | Word)
}

/// An overlay that is being put together.
#[derive(Clone, Default, Serialize)]
struct PatchText {
    overlay: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    base: Option<String>,
    about: String,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    settings: BTreeMap<String, serde_json::Value>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    answer: Vec<PatchedAnswer>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    reply: Vec<ReplyChange>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    confirmed: Vec<ConfirmedKey>,
}

#[derive(Clone, Default, Serialize)]
struct PatchedAnswer {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    on: Vec<Operation>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    reasons: Vec<Reason>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pushback: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    http: Option<u16>,
}

#[derive(Clone, Serialize)]
struct ConfirmedKey {
    key: String,
    on: String,
    times: u64,
}

/// Proposes an overlay of the profile at `base` (the built-in one where there is none) from what a session shows. `report`
/// is what that profile made of the session.
pub fn propose(
    base: Option<&str>,
    session: &Session,
    report: &ShadowReport,
) -> Result<ProfilePatch, ProfileErrors> {
    let mut patch = PatchText {
        overlay: OVERLAY_VERSION,
        base: base.map(str::to_owned),
        about: format!("What {} answered, latest {}", report.upstream, report.day),
        ..PatchText::default()
    };
    let mut after = report.clone();
    let mut useless = BTreeSet::new();
    for _ in 0..ROUNDS_MAX {
        let mut changed = patch.clone();
        let fixed = changed.take(&after, &useless);
        if changed.text() == patch.text() {
            break;
        }
        let profile = Profile::with_overlay("patch", &changed.text(), None)?;
        let next = replay(Arc::new(profile), session);
        // What is so in some answers only, no change of all answers takes away.
        let worse: Vec<_> = fixed
            .into_iter()
            .filter(|place| differing(&next, place) >= differing(&after, place))
            .collect();
        if worse.is_empty() {
            (patch, after) = (changed, next);
        } else {
            useless.extend(worse);
        }
    }
    patch.confirmed = after
        .assumptions
        .iter()
        .filter(|it| it.verdict == Verdict::Confirmed && it.mark == Mark::Assumed)
        .filter(|_| report.simulated == 0)
        .map(|it| ConfirmedKey { key: it.key.clone(), on: report.day.clone(), times: it.confirmed })
        .collect();
    let text = patch.text();
    Profile::with_overlay("patch", &text, None)?;
    Ok(ProfilePatch {
        changes: patch.settings.len() + patch.answer.len() + patch.reply.len(),
        confirmed: patch.confirmed.len(),
        text,
        after,
    })
}

impl PatchText {
    fn text(&self) -> String {
        let head = "# An overlay for `--profile`, made by `payon-sim shadow --patch`. docs/shadow.md says what it may hold.\n\n";
        // All of it is texts, numbers and lists of them.
        head.to_owned() + &toml::to_string(self).unwrap_or_default()
    }

    /// Takes over the fixes of a report, but those of `useless` places. Answers the places of replies that it has changed.
    fn take(
        &mut self,
        report: &ShadowReport,
        useless: &BTreeSet<DifferencePlace>,
    ) -> Vec<DifferencePlace> {
        let mut fixed = Vec::new();
        for finding in report.found.iter().filter(|it| !useless.contains(&it.place)) {
            // Of those that hold as often, the first is the simplest.
            let likeliest = finding.fixes.iter().rev().max_by_key(|(_, count)| *count);
            let Some((fix, _)) = likeliest else { continue };
            let before = self.text();
            self.add(fix);
            if is_of_reply(finding.place.class) && before != self.text() {
                fixed.push(finding.place.clone());
            }
        }
        fixed
    }

    fn add(&mut self, fix: &Fix) {
        match fix {
            Fix::Setting { key, value } => {
                self.settings.insert(key.clone(), value.clone());
            }
            Fix::Answer { operation, reasons, code, message, http } => {
                let on = vec![*operation];
                let known = self.answer.iter().position(|it| it.on == on && it.reasons == *reasons);
                let at = known.unwrap_or_else(|| {
                    let reasons = reasons.clone();
                    self.answer.push(PatchedAnswer { on, reasons, ..PatchedAnswer::default() });
                    self.answer.len() - 1
                });
                self.answer[at].set(code.as_ref(), message.as_ref(), *http);
            }
            Fix::Notice { is_success, code, message } => {
                let word = Some(if *is_success { "success" } else { "failure" });
                let known = self.answer.iter().position(|it| it.pushback == word);
                let at = known.unwrap_or_else(|| {
                    self.answer.push(PatchedAnswer { pushback: word, ..PatchedAnswer::default() });
                    self.answer.len() - 1
                });
                self.answer[at].set(code.as_ref(), message.as_ref(), None);
            }
            Fix::Shape(change) => self.shape(change),
            Fix::Header { operation, of, name, value } => {
                let change = self.reply_of(*operation, *of);
                change.headers.insert(name.clone(), value.clone());
            }
        }
    }

    fn reply_of(&mut self, operation: Operation, of: ReplyKind) -> &mut ReplyChange {
        let on = vec![operation];
        let known = self.reply.iter().position(|it| it.on == on && it.of == of);
        let at = known.unwrap_or_else(|| {
            self.reply.push(ReplyChange { on, of, ..ReplyChange::default() });
            self.reply.len() - 1
        });
        &mut self.reply[at]
    }

    fn shape(&mut self, change: &ReplyChange) {
        let Some(operation) = change.on.first() else { return };
        let known = self.reply_of(*operation, change.of);
        for path in &change.remove {
            if !known.remove.contains(path) {
                known.remove.push(path.clone());
            }
        }
        known.add.extend(change.add.clone());
        known.form.extend(change.form.clone());
        known.order.extend(change.order.clone());
        for (path, words) in &change.words {
            known.words.entry(path.clone()).or_default().extend(words.clone());
        }
        if !change.latency.is_empty() {
            known.latency.clone_from(&change.latency);
        }
    }
}

impl PatchedAnswer {
    fn set(&mut self, code: Option<&String>, message: Option<&String>, http: Option<u16>) {
        self.code = code.cloned().or(self.code.take());
        self.message = message.cloned().or(self.message.take());
        self.http = http.or(self.http);
    }
}

/// A scenario whose rules let each operation take as long as the gateway took. `None` where no call was answered.
pub fn latency_scenario(report: &ShadowReport) -> Option<String> {
    let mut text = format!(
        "version: 1\nid: recorded-latency\ntitle: Answers take as long as those of {} on {}\nrules:\n",
        report.upstream, report.day
    );
    let mut count = 0;
    for operation in Operation::ALL {
        let views = report.latencies.iter().filter(|view| view.operation == *operation);
        let mut buckets: BTreeMap<u64, u32> = BTreeMap::new();
        for (bound, times) in views.flat_map(|view| &view.times.histogram) {
            *buckets.entry(*bound).or_default() += times;
        }
        if buckets.is_empty() {
            continue;
        }
        count += 1;
        let buckets: Vec<String> = buckets
            .iter()
            .map(|(bound, times)| format!("{{ upTo: {bound}ms, count: {times} }}"))
            .collect();
        // Writing into a String cannot fail.
        let _ = writeln!(
            text,
            "  - id: latency-of-{}\n    when: {{ operation: {operation} }}\n    then:\n      - latency: {{ histogram: [{}] }}",
            operation.name().to_ascii_lowercase(),
            buckets.join(", ")
        );
    }
    (count > 0).then_some(text)
}
