//! Expectations about push-backs.

use super::{Compare, Difference, ExpectationVerdict, Run, WantedCount, clock, weigh};
use crate::scenario::codec::Many;
use crate::scenario::history::{DeliveryFact, SpaceHistory};
use crate::scenario::model::{DeliveryExpectation, HttpStatus, OrderChoice};

pub(super) fn judge(
    wanted: &DeliveryExpectation,
    never: bool,
    run: &Run<'_>,
) -> ExpectationVerdict {
    let is_meant = |delivery: &&DeliveryFact| {
        let named = match &wanted.tx_id {
            Some(OrderChoice::One(tx_id)) => delivery.tx_id == *tx_id,
            Some(OrderChoice::Any | OrderChoice::Every) | None => true,
        };
        let among = |many: &Option<Many<String>>, value: &String| {
            many.as_ref().is_none_or(|many| many.0.contains(value))
        };
        let tampering = wanted.tampering.as_ref();
        named
            && wanted
                .cause
                .as_ref()
                .is_none_or(|many| many.0.iter().any(|it| it.name() == delivery.cause))
            && among(&wanted.code, &delivery.code)
            && tampering.is_none_or(|many| {
                many.0.iter().any(|tampering| tampering.name() == delivery.content)
            })
            && run.span(Some((&delivery.merchant_id, &delivery.tx_id))).holds(delivery.created)
    };
    let meant = run.history.deliveries.iter().filter(is_meant);
    let candidates = meant
        .map(|delivery| (told(run.history, delivery), differences(wanted, delivery)))
        .collect();
    let counts = WantedCount::of(never, wanted.counts(), wanted.tx_id.as_ref());
    weigh("push-backs", &counts, candidates)
}

fn differences(wanted: &DeliveryExpectation, delivery: &DeliveryFact) -> Vec<Difference> {
    let mut compare = Compare::default();
    if let Some(acknowledged) = wanted.acknowledged {
        compare.point(
            "acknowledged",
            delivery.acknowledged == acknowledged,
            || acknowledged.to_string(),
            || delivery.acknowledged.to_string(),
        );
    }
    if let Some(times) = wanted.attempts {
        let found = delivery.attempts.len();
        compare.point("attempts", times.fits(found), || times.to_string(), || format!("{found}×"));
    }
    compare.among(
        "status",
        wanted.status.as_ref().map(|many| many.0.as_slice()),
        delivery.attempts.last().and_then(|attempt| attempt.status.as_ref()),
        |status: &HttpStatus| status.0.to_string(),
        u16::to_string,
    );
    if let Some(answered) = &wanted.answered {
        let answers = || delivery.attempts.iter().map(|attempt| attempt.status);
        let is_wanted = |status| answered.0.iter().any(|class| class.holds(status));
        let list = |texts: Vec<String>, none: &str| match texts.as_slice() {
            [] => none.to_owned(),
            texts => texts.join(" or "),
        };
        compare.point(
            "answered",
            answers().any(is_wanted),
            || list(answered.0.iter().map(ToString::to_string).collect(), ""),
            || {
                let told = answers().map(|it| it.map_or("none".to_owned(), |it| it.to_string()));
                list(told.collect(), "no attempt")
            },
        );
    }
    compare.0
}

fn told(history: &SpaceHistory, delivery: &DeliveryFact) -> String {
    let outcome = if delivery.acknowledged { "acknowledged" } else { "not acknowledged" };
    let content = match delivery.content.as_str() {
        "true" => String::new(),
        content => format!(" [{content}]"),
    };
    let answers = delivery.attempts.iter().map(|attempt| match attempt.status {
        Some(status) => status.to_string(),
        None => "no answer".to_owned(),
    });
    let answers = answers.collect::<Vec<_>>().join(", ");
    format!(
        "{} push-back {} of {}/{}: {}{content}, {} attempts ({answers}), {outcome}",
        clock(history, delivery.created),
        delivery.id,
        delivery.merchant_id,
        delivery.tx_id,
        delivery.code,
        delivery.attempts.len()
    )
}
