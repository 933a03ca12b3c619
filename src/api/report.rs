//! The space in words, for the message of a failed test.

use std::fmt::Write as _;

use schemars::JsonSchema;
use serde::Serialize;

use super::problem::ApiProblem;
use super::request::{ApiRequest, Empty};
use super::sign;
use crate::base::{Operation, visible};
use crate::gateway;
use crate::space::{Delivery, DeliveryState, JournalEntry};

/// Requests, push-backs and findings that are told of each, the latest ones.
const TOLD_MAX: usize = 20;

/// The space in words.
#[derive(Serialize, JsonSchema)]
pub(super) struct SpaceReport {
    /// Lines for people.
    text: String,
    /// Requests that were dropped to keep to the journal's budget: nothing is told of them.
    dropped: u64,
}

/// Tells the latest requests with what was wrong with them, and what became of push-backs.
pub(super) async fn read(call: &ApiRequest, _: Empty) -> Result<SpaceReport, ApiProblem> {
    let mut text = format!("space {}\n", call.space.name());
    let (mut entries, kept, dropped) = call.space.read_journal(|journal| {
        let latest: Vec<JournalEntry> = journal.iter().rev().take(TOLD_MAX).cloned().collect();
        (latest, journal.iter().len(), journal.dropped())
    });
    entries.reverse();
    if dropped > 0 {
        let about = "nothing is told of them, nor of what was wrong with them";
        line(&mut text, &format!("  {dropped} requests were dropped by the journal"), about);
    }
    not_told(&mut text, "requests", kept - entries.len());
    for entry in &entries {
        text.push_str(&request(entry));
        if let (Some(body), Some(merchant), Some(operation)) =
            (entry.more().unmasked.as_deref(), entry.merchant.clone(), entry.operation)
            && let Ok(why) = sign::explanation(call, merchant, operation, body.to_vec()).await
        {
            line(&mut text, "    signature", &why.summary);
            for cause in why.causes.iter().skip(1) {
                line(&mut text, "    also", &cause.message);
            }
        }
        for finding in &entry.more().findings {
            line(&mut text, &format!("    {}", finding.lint.name()), &finding.about());
        }
    }
    if entries.is_empty() && dropped == 0 {
        text.push_str(
            "  no request of a merchant came; does the merchant use the base URL of this space?\n",
        );
    }
    let (pushbacks, kept) = call.space.read(|view| {
        let latest: Vec<Delivery> = view.outbox.after(0).rev().take(TOLD_MAX).cloned().collect();
        (latest, view.outbox.iter().count())
    });
    not_told(&mut text, "push-backs", kept - pushbacks.len());
    text.extend(pushbacks.iter().rev().map(pushback));
    let strict = call.control.spaces().is_strict();
    for order in gateway::lint_report(&call.space, strict, TOLD_MAX).unchecked {
        let about = "its push-back was taken, and its status was never asked for";
        line(&mut text, &format!("  order {}", visible(&order.tx_id)), about);
    }
    Ok(SpaceReport { text, dropped })
}

/// Says how many earlier ones are known and not told.
fn not_told(text: &mut String, what: &str, count: usize) {
    if count > 0 {
        line(text, &format!("  {count} earlier {what}"), "kept, and not told here");
    }
}

fn line(text: &mut String, label: &str, said: &str) {
    // Writing into a String cannot fail.
    let _ = writeln!(text, "{label}: {}", visible(said));
}

fn request(entry: &JournalEntry) -> String {
    let name = entry.operation.map(Operation::name).or(entry.more().control);
    let tx_id = entry.tx_id.as_deref().map(visible).unwrap_or_default();
    let mut text = format!(
        "  {} {} {tx_id}: HTTP {}, {}",
        entry.at.rfc3339(),
        name.unwrap_or("a path that is no operation"),
        entry.status,
        entry.reason.name()
    );
    let more = entry.more();
    if !more.detail.is_empty() {
        let _ = write!(text, ": {}", visible(&more.detail));
    }
    if let Some(by) = &more.rule {
        let _ = write!(text, " (rule {}: {})", visible(&by.rule), visible(&by.plan.to_string()));
    }
    text.push('\n');
    text
}

fn pushback(delivery: &Delivery) -> String {
    let mut text = format!(
        "  push-back {} of {} ({}) to {}: {} after attempts: {}",
        delivery.id,
        visible(&delivery.tx_id),
        delivery.cause,
        visible(&delivery.url),
        delivery.state.name(),
        delivery.attempts.len()
    );
    let last = delivery.attempts.last().and_then(|attempt| attempt.error.as_deref());
    if let Some(error) = last.filter(|_| delivery.state != DeliveryState::Acknowledged) {
        let _ = write!(text, "; {}", visible(error));
    }
    text.push('\n');
    text
}
