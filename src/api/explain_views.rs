//! The consequences of a request: bookings with their times, the reply's way out, the card that decided.

use schemars::JsonSchema;
use serde::Serialize;

use super::views::{provenance, told};
use crate::base::{Currency, Reason};
use crate::profile::{Card, Profile};
use crate::scenario::{CommitPoint, Transport};
use crate::space::{JournalEntry, ReplyProgress, ReplyState, RuleHit};

/// Time at which a request's changes were booked, seen from its reply.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "Booking")]
pub(super) struct BookingView {
    /// `before` the reply, `after` it, or `never`; `nothing` where there was nothing to book.
    when: &'static str,
    /// Changes that a rule kept from being booked before the reply.
    withheld: Vec<MoveView>,
    /// With `after`: `waiting` for the reply, `booked`, or `overtaken`: the order had changed by then, so it never was.
    withheld_state: Option<&'static str>,
    /// All that in words.
    about: String,
}

/// A change of an order.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Change")]
struct MoveView {
    /// As in an order's events.
    change: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    amount: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    reason: Option<Reason>,
}

impl BookingView {
    /// Of a request with so many events in its order's history.
    pub(super) fn new(entry: &JournalEntry, events: usize, currency: Option<Currency>) -> Self {
        let by = entry.more().rule.as_deref();
        let withheld = by.map_or(&[][..], |by| &by.suppressed);
        let progress = by.map(RuleHit::progress).unwrap_or_default();
        let commit = by.map(|by| by.plan.commit).filter(|_| events == 0 || !withheld.is_empty());
        let (when, withheld_state, about) = match commit {
            Some(CommitPoint::AfterReply) if !withheld.is_empty() => {
                let (state, about) = if !progress.stage.is_over() {
                    ("waiting", "the rule books it after the reply, which has not left yet")
                } else if progress.booked == withheld.len() {
                    ("booked", "booked after the reply, as the rule planned")
                } else {
                    let about = "to be booked after the reply, but the order had changed by then";
                    ("overtaken", about)
                };
                ("after", Some(state), about)
            }
            Some(CommitPoint::Never) => {
                let about = if withheld.is_empty() {
                    "the rule refused it, and nothing was booked"
                } else {
                    "answered as if it were booked, but the rule kept it from the books"
                };
                ("never", None, about)
            }
            _ if events > 0 => ("before", None, "booked before the reply"),
            _ => ("nothing", None, "there was nothing to book"),
        };
        let withheld = withheld.iter().map(|change| {
            let (amount, reason) = told(*change, currency);
            MoveView { change: change.name(), amount, reason }
        });
        Self { when, withheld: withheld.collect(), withheld_state, about: about.to_owned() }
    }
}

/// The way a reply left.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "Wire")]
pub(super) struct WireView {
    /// `held` back, `leaving`, `left`, `abandoned` when the caller was gone before it could leave, `broken` when the
    /// connection ended meanwhile.
    stage: &'static str,
    /// HTTP status that was sent; null where none was.
    status: Option<u16>,
    /// Bytes of body that were sent; null for a page of which nobody counted them.
    body_bytes: Option<usize>,
    /// Bytes of body of the reply as it was decided; null for a page, which the journal does not keep.
    body_bytes_decided: Option<usize>,
    /// The transport fault of the rule.
    fault: Option<&'static str>,
    /// True if the caller got a whole HTTP reply, be it the one that was decided or not.
    answered: bool,
    /// All that in words.
    about: String,
}

impl WireView {
    pub(super) fn new(entry: &JournalEntry) -> Self {
        let decided = Some(entry.bodies.response().len()).filter(|length| *length > 0);
        let Some(by) = &entry.more().rule else {
            return Self {
                stage: ReplyState::Left.name(),
                status: Some(entry.status),
                body_bytes: decided,
                body_bytes_decided: decided,
                fault: None,
                answered: true,
                about: match decided {
                    Some(decided) => format!("HTTP {} and all {decided} bytes", entry.status),
                    None => format!("HTTP {}; the journal keeps no page", entry.status),
                },
            };
        };
        // No rule breaks the answers of the control plane.
        let is_control = entry.more().control.is_some();
        let fault = by.plan.transport.as_ref().filter(|_| !is_control);
        let ReplyProgress { stage, status, body, .. } = by.progress();
        // A chunk without a size is no part of the body.
        let is_whole = fault.is_none_or(Transport::is_whole);
        let body = if is_whole { body } else { decided.map_or(body, |decided| body.min(decided)) };
        let sent = match status {
            None => "not a byte".to_owned(),
            Some(status) => match decided {
                Some(decided) if body == decided => format!("HTTP {status} and all {body} bytes"),
                Some(decided) => format!("HTTP {status} and {body} bytes in place of {decided}"),
                None => format!("HTTP {status} and {body} bytes of a page"),
            },
        };
        let about = match (stage, fault) {
            (ReplyState::Held, _) => "held back so far".to_owned(),
            (ReplyState::Leaving, _) => format!("{sent} so far"),
            (ReplyState::Abandoned, _) => {
                "not a byte: the caller was gone before it could leave".to_owned()
            }
            (ReplyState::Broken, _) => format!("{sent}, then the connection ended on the way"),
            (ReplyState::Left, None) => sent,
            (ReplyState::Left, Some(fault)) => format!("{sent}: {}", fault.about()),
        };
        Self {
            stage: stage.name(),
            status,
            body_bytes: Some(body),
            body_bytes_decided: decided,
            fault: fault.map(Transport::name),
            answered: stage == ReplyState::Left && is_whole,
            about,
        }
    }
}

/// A row of the test cards.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "CardRow")]
pub(super) struct CardView {
    /// Masked.
    number: String,
    /// The situation that the card rehearses.
    about: String,
    /// The result of a payment with it when everything is entered correctly.
    #[schemars(with = "String")]
    outcome: Reason,
    /// Source of the behaviour: `documented`, `example` or `assumed`.
    provenance: &'static str,
    /// The line of the profile that holds it.
    profile_line: Option<String>,
}

impl CardView {
    pub(super) fn new(profile: &Profile, card: &Card) -> Self {
        let number = card.masked();
        let key = format!("card.{number}");
        let row = profile.provenance().iter().find(|row| row.key == key && row.about == card.about);
        Self {
            profile_line: row.map(|row| row.place.to_string()),
            about: card.about.clone(),
            outcome: card.outcome,
            provenance: provenance(card.mark),
            number,
        }
    }
}
