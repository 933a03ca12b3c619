//! Push-backs: listed with each attempt, and sent again.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::orders::page_size;
use super::problem::{ApiProblem, ProblemKind};
use super::request::{ApiRequest, Empty};
use super::views::PushbackView;
use crate::space::Delivery;

/// Selection of push-backs.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct PushbacksQuery {
    /// Only of this order.
    tx_id: Option<String>,
    /// Only of this merchant.
    merchant_id: Option<String>,
    /// Only those with a higher number.
    after: Option<u64>,
    /// Largest number of requests; 100 where none is given, 1000 at most.
    limit: Option<usize>,
}

/// Push-backs, oldest first.
#[derive(Serialize, JsonSchema)]
pub(super) struct PushbackPage {
    pushbacks: Vec<PushbackView>,
    /// Value of `after` for the next page; null when this is the last.
    next: Option<u64>,
    /// Push-backs that were dropped to keep to the budget.
    dropped: u64,
}

/// Lists push-backs.
pub(super) fn list(call: &ApiRequest, query: PushbacksQuery) -> Result<PushbackPage, ApiProblem> {
    let limit = page_size(query.limit)?;
    let (mut found, dropped) = call.space.read(|view| {
        let after = query.after.unwrap_or(0);
        let found: &mut dyn Iterator<Item = &Delivery> = match query.tx_id.as_deref() {
            Some(tx_id) => &mut view.outbox.of_tx_id(tx_id).filter(|it| it.id > after),
            None => &mut view.outbox.after(after),
        };
        let wanted = found.filter(|delivery| {
            query.merchant_id.as_deref().is_none_or(|id| id == &*delivery.merchant)
        });
        (wanted.take(limit + 1).cloned().collect::<Vec<_>>(), view.outbox.dropped())
    });
    let more = found.len() > limit;
    found.truncate(limit);
    Ok(PushbackPage {
        pushbacks: found.iter().map(|delivery| PushbackView::new(&call.space, delivery)).collect(),
        next: found.last().filter(|_| more).map(|last| last.id),
        dropped,
    })
}

/// Sends a push-back once more, now.
pub(super) fn resend(call: &ApiRequest, _: Empty) -> Result<PushbackView, ApiProblem> {
    let name = call.param("id");
    let resent = name.parse().ok().and_then(|id| {
        call.space.write(|moment| {
            let started = moment.resend(id)?;
            Some((started, moment.outbox().get(id)?.clone()))
        })
    });
    match resent {
        Some((true, delivery)) => Ok(PushbackView::new(&call.space, &delivery)),
        Some((false, _)) => Err(ApiProblem::new(
            ProblemKind::UnderWay,
            format!("push-back {name} is being sent just now; wait for what comes of it"),
        )),
        None => Err(ApiProblem::new(
            ProblemKind::UnknownPushback,
            format!("there is no push-back {name:?}; GET /_sim/v1/pushbacks lists them"),
        )),
    }
}
