//! Push-backs as a gateway sends them, against the policy of the profile.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;

use super::difference::{AnswerDifference, DifferenceClass, DifferencePlace};
use super::fix::Fix;
use crate::base::{JsonTree, Millis, Operation};
use crate::capture::{RecordedAnswer, RecordedPushback};
use crate::profile::{Acknowledge, Profile, PushbackEvent};

/// Waits that differ by no more than this part, or by a second, are alike.
const WAIT_TOLERANCE: f64 = 0.25;
/// A push-back that was not acknowledged is missed when so many seconds have gone by beyond its time.
const PATIENCE_S: i64 = 10;

/// Push-backs of a session.
#[derive(Debug, Default)]
pub(super) struct Notices {
    orders: BTreeMap<String, OrderNotices>,
    /// Waits between a failed attempt and the next, in milliseconds, by the number of the attempt.
    waits: BTreeMap<usize, Vec<i64>>,
}

#[derive(Debug, Default)]
struct OrderNotices {
    /// Events of which no push-back has come yet.
    due: Vec<(PushbackEvent, Millis)>,
    /// The latest attempt.
    latest: Option<LatestAttempt>,
    is_paid: bool,
}

#[derive(Debug)]
struct LatestAttempt {
    body: Vec<u8>,
    /// Number of attempts with this body.
    count: usize,
    end: Millis,
    is_acknowledged: bool,
    is_2xx: bool,
}

type NoticeVerdict = (Vec<String>, Vec<AnswerDifference>);

impl Notices {
    /// Notes a call that a push-back may follow.
    pub(super) fn note_change(
        &mut self,
        operation: Operation,
        keys: &[String],
        accepted: Option<bool>,
        at: Millis,
    ) {
        let event = match operation {
            Operation::Reversal => PushbackEvent::Reversal,
            Operation::Refund => PushbackEvent::Refund,
            Operation::PreAuthCompletion => PushbackEvent::Completion,
            _ => return,
        };
        if accepted == Some(true) {
            for key in keys {
                self.orders.entry(key.clone()).or_default().due.push((event, at));
            }
        }
    }

    /// Judges one attempt. `owner` is the order's key, where it was registered in the session.
    pub(super) fn attempt(
        &mut self,
        profile: &Profile,
        owner: Option<&str>,
        pushback: &RecordedPushback,
        tree: Option<&JsonTree>,
    ) -> NoticeVerdict {
        let policy = &profile.pushback;
        let (mut confirmed, mut found) = (Vec::new(), Vec::new());
        content(profile, pushback, tree, &mut confirmed, &mut found);
        let tx_id = tree.and_then(|tree| tree.get("txId")?.text()).unwrap_or_default();
        let key = owner.map_or_else(|| format!("|{tx_id}"), str::to_owned);
        let order = self.orders.entry(key).or_default();
        let at = pushback.at();
        let body = pushback.request.body.bytes();
        let status = pushback.answer.as_ref().map(|answer| answer.status);
        let attempt = LatestAttempt {
            body,
            count: 1,
            end: at.plus((pushback.took_us / 1000) as i64),
            is_acknowledged: pushback
                .answer
                .as_ref()
                .is_some_and(|answer| acknowledges(policy.acknowledge, profile, answer)),
            is_2xx: status.is_some_and(|status| (200..300).contains(&status)),
        };
        let is_event_due = !order.due.is_empty();
        match order.latest.take().filter(|latest| latest.body == attempt.body) {
            Some(latest) if !latest.is_acknowledged => {
                let wait = at.0 - latest.end.0;
                self.waits.entry(latest.count).or_default().push(wait);
                order.latest = Some(LatestAttempt { count: latest.count + 1, ..attempt });
            }
            Some(latest) if !is_event_due => {
                let place = DifferencePlace::of_pushback(DifferenceClass::Schedule, "acknowledge");
                let fix = (latest.is_2xx && policy.acknowledge == Acknowledge::Any2xx).then(|| {
                    Fix::Setting {
                        key: "pushback.acknowledge".to_owned(),
                        value: "body-code".into(),
                    }
                });
                found.push(AnswerDifference {
                    place: place.against("pushback.acknowledge"),
                    upstream: "sends again what was acknowledged".to_owned(),
                    simulator: format!("takes {} as an acknowledgement", policy.acknowledge),
                    fixes: fix.into_iter().collect(),
                });
                // Until it is acknowledged by the other rule, it is one series of attempts.
                order.latest = Some(LatestAttempt { count: latest.count + 1, ..attempt });
            }
            _ => {
                let event = if order.is_paid && is_event_due {
                    order.due.remove(0).0
                } else if tree.and_then(|tree| tree.get("resultCode")?.text()) == Some("9999") {
                    PushbackEvent::PaymentFailure
                } else {
                    PushbackEvent::PaymentSuccess
                };
                order.is_paid |= event == PushbackEvent::PaymentSuccess;
                if policy.events.contains(&event) {
                    confirmed.push("pushback.events".to_owned());
                } else {
                    let mut events: Vec<_> =
                        policy.events.iter().map(ToString::to_string).collect();
                    events.push(event.to_string());
                    let path = format!("events {event}");
                    let place = DifferencePlace::of_pushback(DifferenceClass::Schedule, path);
                    found.push(AnswerDifference {
                        place: place.against("pushback.events"),
                        upstream: format!("sends one on {event}"),
                        simulator: format!("sends none on {event}"),
                        fixes: vec![Fix::Setting {
                            key: "pushback.events".to_owned(),
                            value: json!(events),
                        }],
                    });
                }
                if attempt.is_acknowledged {
                    confirmed.push("pushback.acknowledge".to_owned());
                }
                order.latest = Some(attempt);
            }
        }
        (confirmed, found)
    }

    /// Judges what can be told only once all attempts are there.
    pub(super) fn finish(&self, profile: &Profile, latest: Millis) -> NoticeVerdict {
        let policy = &profile.pushback;
        let (mut confirmed, mut found) = (Vec::new(), Vec::new());
        let mut told = policy.retries_s.clone();
        let mut differ = Vec::new();
        for (number, waits) in &self.waits {
            let mut waits = waits.clone();
            waits.sort_unstable();
            let seconds = (waits[waits.len() / 2] as f64 / 1000.0).max(0.0);
            let known = policy.retries_s.get(number - 1).copied();
            let is_alike = known.is_some_and(|known| {
                let known = f64::from(known);
                (known - seconds).abs() <= (known * WAIT_TOLERANCE).max(1.0)
            });
            if is_alike {
                continue;
            }
            differ.push(format!("{number}: {seconds:.0} s"));
            told.resize(told.len().max(*number), 0);
            told[number - 1] = seconds.round() as u32;
        }
        // An attempt that failed and was not made again although its time came.
        let mut given_up = BTreeSet::new();
        for order in self.orders.values() {
            if let Some(attempt) = order.latest.as_ref().filter(|it| !it.is_acknowledged)
                && let Some(wait) = policy.retries_s.get(attempt.count - 1)
                && latest.0 > attempt.end.0 + (i64::from(*wait) + PATIENCE_S) * 1000
            {
                given_up.insert(attempt.count);
            }
        }
        if let Some(count) = given_up.first() {
            differ.push(format!("none after attempt {count}"));
            told.truncate(count - 1);
        }
        let key = "pushback.retries_s";
        if !differ.is_empty() {
            let place = DifferencePlace::of_pushback(DifferenceClass::Schedule, "retries_s");
            found.push(AnswerDifference {
                place: place.against(key),
                upstream: differ.join(", "),
                simulator: format!("{:?} s", policy.retries_s),
                fixes: vec![Fix::Setting { key: key.to_owned(), value: json!(told) }],
            });
        } else if !self.waits.is_empty() {
            confirmed.push(key.to_owned());
        }
        (confirmed, found)
    }
}

/// Compares body and headers of a notice.
fn content(
    profile: &Profile,
    pushback: &RecordedPushback,
    tree: Option<&JsonTree>,
    confirmed: &mut Vec<String>,
    found: &mut Vec<AnswerDifference>,
) {
    let policy = &profile.pushback;
    let header = |name: &str| {
        let headers = &pushback.request.headers;
        headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|it| it.1.as_str())
    };
    let mut notice = |path: &str, key: &str, up: &str, sim: &str, fix: Option<Fix>| {
        if up.eq_ignore_ascii_case(sim) && !path.starts_with("result") || up == sim {
            confirmed.push(key.to_owned());
            return;
        }
        let place = DifferencePlace::of_pushback(DifferenceClass::Notice, path);
        found.push(AnswerDifference {
            place: place.against(key),
            upstream: up.to_owned(),
            simulator: sim.to_owned(),
            fixes: fix.into_iter().collect(),
        });
    };
    notice("method", "pushback", &pushback.method, "POST", None);
    let setting =
        |key: &str, value: serde_json::Value| Some(Fix::Setting { key: key.to_owned(), value });
    let content_type = header("content-type").unwrap_or("absent");
    let key = "pushback.content_type";
    notice(
        "header content-type",
        key,
        content_type,
        &policy.content_type,
        setting(key, content_type.into()),
    );
    let closes = header("connection").is_some_and(|value| value.eq_ignore_ascii_case("close"));
    let word = |keeps: bool| if keeps { "keeps the connection" } else { "closes the connection" };
    let key = "pushback.keep_alive";
    notice(
        "header connection",
        key,
        word(!closes),
        word(policy.keep_alive),
        setting(key, (!closes).into()),
    );
    let Some(tree) = tree else {
        notice("", "operation.pushback", "no JSON", "an object", None);
        return;
    };
    let text = |name: &str| tree.get(name).and_then(JsonTree::text).unwrap_or("absent");
    let code = text("resultCode");
    let is_success = code == profile.reasons.pushback(true).code || code == "0000";
    let known = profile.reasons.pushback(is_success);
    let edit = |code: Option<&str>, message: Option<&str>| {
        let owned = |text: Option<&str>| text.map(str::to_owned);
        Some(Fix::Notice { is_success, code: owned(code), message: owned(message) })
    };
    let path = |name: &str| format!("{name} ({})", if is_success { "success" } else { "failure" });
    notice(&path("resultCode"), known.key, code, known.code, edit(Some(code), None));
    let message = text("resultMsg");
    notice(&path("resultMsg"), known.key, message, known.message, edit(None, Some(message)));
    let specs = &profile.operations.pushback().request;
    for spec in specs {
        let is_there = tree.get(&spec.name).is_some();
        let key = format!("operation.pushback.request.{}", spec.name);
        let word = |is_there: bool| if is_there { "there" } else { "absent" };
        notice(&spec.name, &key, word(is_there), "there", None);
    }
    for (name, _) in
        tree.members().iter().filter(|(name, _)| specs.iter().all(|it| it.name != *name))
    {
        let place = DifferencePlace::of_pushback(DifferenceClass::Notice, name.as_str());
        found.push(AnswerDifference {
            place,
            upstream: "there".to_owned(),
            simulator: "absent".to_owned(),
            fixes: Vec::new(),
        });
    }
}

/// Returns true if the merchant's answer counts as an acknowledgement.
fn acknowledges(rule: Acknowledge, profile: &Profile, answer: &RecordedAnswer) -> bool {
    let policy = &profile.pushback;
    let has_code = || {
        let tree = JsonTree::parse(&answer.message.body.bytes());
        let told = tree.as_ref().and_then(|tree| tree.get(&policy.acknowledge_field)?.text());
        told == Some(policy.acknowledge_code.as_str())
    };
    (200..300).contains(&answer.status) && (rule == Acknowledge::Any2xx || has_code())
}
