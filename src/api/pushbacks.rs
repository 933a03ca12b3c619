//! Push-backs: listed with each attempt, and sent again.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::orders::{Needle, check_page, page_size};
use super::problem::{ApiProblem, ProblemKind};
use super::request::{ApiRequest, Empty, blocking};
use super::views::PushbackView;
use crate::space::{Delivery, DeliveryStanding, PushbackCause, Resend};

/// Selection of push-backs.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct PushbacksQuery {
    /// Only of this order.
    tx_id: Option<String>,
    /// Only of this merchant.
    merchant_id: Option<String>,
    /// Only in this state: `waiting`, `inFlight`, `acknowledged` or `exhausted`; or `failing`: the last attempt was not
    /// acknowledged, whether another follows or not.
    #[schemars(with = "Option<String>")]
    state: Option<DeliveryStanding>,
    /// Only with this cause, such as `approved`.
    #[schemars(with = "Option<String>")]
    cause: Option<PushbackCause>,
    /// Part of the txId, merchantId, url, state or cause, or of the last attempt's error; upper and lower case are one.
    search: Option<String>,
    /// Only those with a higher number.
    after: Option<u64>,
    /// Largest number of push-backs; 100 where none is given, 1000 at most.
    limit: Option<usize>,
    /// Newest first; pages are then found by `offset`, and the answer says how many there are in all.
    #[serde(default)]
    newest: bool,
    /// With `newest`: how many of the newest to leave out.
    offset: Option<usize>,
}

/// Push-backs, oldest first where nothing else was asked for.
#[derive(Serialize, JsonSchema)]
pub(super) struct PushbackPage {
    pushbacks: Vec<PushbackView>,
    /// Value of `after` for the next page; null when this is the last, and with `newest`.
    next: Option<u64>,
    /// Push-backs that were dropped to keep to the budget.
    dropped: u64,
    /// Number of push-backs that fit in all, on every page; with `newest` only.
    #[serde(skip_serializing_if = "Option::is_none")]
    total: Option<usize>,
}

/// Conditions on a push-back.
struct PushbackFilter<'a> {
    query: &'a PushbacksQuery,
    search: Option<Needle>,
}

impl<'a> PushbackFilter<'a> {
    fn new(query: &'a PushbacksQuery) -> Self {
        Self { query, search: query.search.as_deref().and_then(Needle::new) }
    }

    fn takes(&self, delivery: &Delivery) -> bool {
        let query = self.query;
        query.tx_id.as_deref().is_none_or(|id| id == &*delivery.tx_id)
            && query.merchant_id.as_deref().is_none_or(|id| id == &*delivery.merchant)
            && query.state.is_none_or(|state| delivery.stands(state))
            && query.cause.is_none_or(|cause| cause == delivery.cause)
            && self.search.as_ref().is_none_or(|needle| {
                let error = delivery.attempts.last().and_then(|last| last.error.as_deref());
                let parts = [&*delivery.tx_id, &delivery.merchant, &delivery.url];
                let names = [delivery.state.name(), delivery.cause.name()];
                parts.into_iter().chain(names).chain(error).any(|part| needle.is_in(part))
            })
    }
}

/// Lists push-backs.
pub(super) async fn list(
    call: &ApiRequest,
    query: PushbacksQuery,
) -> Result<PushbackPage, ApiProblem> {
    let limit = page_size(query.limit)?;
    check_page(query.newest, query.after.is_some(), query.offset)?;
    if query.newest {
        return newest(call, query, limit).await;
    }
    let filter = PushbackFilter::new(&query);
    let (mut found, dropped) = call.space.read(|view| {
        let after = query.after.unwrap_or(0);
        let found: &mut dyn Iterator<Item = &Delivery> = match query.tx_id.as_deref() {
            Some(tx_id) => &mut view.outbox.of_tx_id(tx_id).filter(|it| it.id > after),
            None => &mut view.outbox.after(after),
        };
        let wanted = found.filter(|delivery| filter.takes(delivery));
        (wanted.take(limit + 1).cloned().collect::<Vec<_>>(), view.outbox.dropped())
    });
    let more = found.len() > limit;
    found.truncate(limit);
    Ok(PushbackPage {
        pushbacks: found.iter().map(|delivery| PushbackView::new(&call.space, delivery)).collect(),
        next: found.last().filter(|_| more).map(|last| last.id),
        dropped,
        total: None,
    })
}

/// A page of the newest push-backs, chosen in a copy that shares its parts, so that nobody waits for it.
async fn newest(
    call: &ApiRequest,
    query: PushbacksQuery,
    limit: usize,
) -> Result<PushbackPage, ApiProblem> {
    let outbox = call.space.read(|view| view.outbox.clone());
    let dropped = outbox.dropped();
    let (found, total) = blocking(move || {
        let filter = PushbackFilter::new(&query);
        let offset = query.offset.unwrap_or(0);
        let (mut page, mut total) = (Vec::new(), 0);
        for delivery in outbox.iter().rev().filter(|it| filter.takes(it)) {
            if total >= offset && page.len() < limit {
                page.push(delivery.clone());
            }
            total += 1;
        }
        (page, total)
    })
    .await?;
    Ok(PushbackPage {
        pushbacks: found.iter().map(|delivery| PushbackView::new(&call.space, delivery)).collect(),
        next: None,
        dropped,
        total: Some(total),
    })
}

/// Sends a push-back once more, now.
pub(super) fn resend(call: &ApiRequest, _: Empty) -> Result<PushbackView, ApiProblem> {
    let name = call.param("id");
    let resent = name.parse().ok().and_then(|id| {
        call.space.write(|moment| {
            let resend = moment.resend(id)?;
            Some((resend, moment.outbox().get(id)?.clone()))
        })
    });
    match resent {
        Some((Resend::Begun, delivery)) => Ok(PushbackView::new(&call.space, &delivery)),
        Some((Resend::UnderWay, _)) => Err(ApiProblem::new(
            ProblemKind::UnderWay,
            format!("push-back {name} is being sent just now; wait for what comes of it"),
        )),
        Some((Resend::TooOften, delivery)) => Err(ApiProblem::new(
            ProblemKind::TooMany,
            format!(
                "push-back {name} was sent {} times already; trigger another one at its order",
                delivery.attempts.len()
            ),
        )),
        None => Err(ApiProblem::new(
            ProblemKind::UnknownPushback,
            format!("there is no push-back {name:?}; GET /_sim/v1/pushbacks lists them"),
        )),
    }
}
