//! Expectations about calls.

use std::collections::BTreeSet;

use super::{Compare, ExpectationVerdict, OrderName, Run, WantedCount, clock, weigh};
use crate::base::{Millis, Operation, Period, Reason, nearest};
use crate::scenario::codec::{Many, Times};
use crate::scenario::history::{RequestFact, SpaceHistory};
use crate::scenario::model::{HttpStatus, RequestExpectation};

pub(super) fn judge(wanted: &RequestExpectation, never: bool, run: &Run<'_>) -> ExpectationVerdict {
    let verdict = judge_calls(wanted, never, run);
    match misspelt(wanted, run.history) {
        Some((name, meant)) if verdict.ok => ExpectationVerdict::not_judged(&format!(
            "no call has a member `{name}`, and some have `{meant}`: is that meant by `field`?"
        )),
        _ => verdict,
    }
}

/// A member under `field` that no call has, beside the one of the calls that is written nearly so.
fn misspelt<'h>(
    wanted: &RequestExpectation,
    history: &'h SpaceHistory,
) -> Option<(String, &'h str)> {
    let rows = || history.requests.iter().flat_map(RequestFact::rows);
    let calls = || rows().flat_map(|it| it.fields.iter().map(|(name, _)| &**name));
    wanted.field.0.iter().find_map(|(name, _)| {
        if calls().any(|known| known == name) {
            return None;
        }
        let known: BTreeSet<&str> = calls().collect();
        let meant = nearest(name, &known.into_iter().collect::<Vec<_>>())?;
        Some((name.clone(), meant))
    })
}

fn judge_calls(wanted: &RequestExpectation, never: bool, run: &Run<'_>) -> ExpectationVerdict {
    let count = WantedCount::Count(match (never, wanted.counts()) {
        (true, _) => Times::exactly(0),
        (false, Some(times)) => times,
        (false, None) => Times::at_least(1),
    });
    if !wanted.same_order {
        return weigh_calls(&described(wanted, run), wanted, &count, run, None);
    }
    let orders = run.affected();
    if orders.is_empty() {
        let detail = "no rule stepped in for any order, so no order can be looked at".to_owned();
        return ExpectationVerdict {
            ok: false,
            judged: false,
            detail,
            evidence: Vec::new(),
            nearest: None,
        };
    }
    let mut met = Vec::new();
    for order in orders {
        let what = format!("{} for {}/{}", described(wanted, run), order.0, order.1);
        let verdict = weigh_calls(&what, wanted, &count, run, Some(order));
        if !verdict.ok {
            return verdict;
        }
        met.push(verdict);
    }
    let detail = match met.as_slice() {
        [one] => one.detail.clone(),
        many => format!("for each of {} orders: {}", many.len(), many[0].detail),
    };
    let evidence = super::capped(met.into_iter().flat_map(|verdict| verdict.evidence));
    ExpectationVerdict { ok: true, judged: true, detail, evidence, nearest: None }
}

fn described(wanted: &RequestExpectation, run: &Run<'_>) -> String {
    let operations = wanted
        .operation
        .as_ref()
        .map(|many| many.0.iter().map(|operation| operation.name()).collect::<Vec<_>>().join("/"));
    let what = operations.map_or("calls".to_owned(), |operations| format!("{operations} calls"));
    let what = match wanted.apart {
        Some(apart) => format!("{what} at least {apart} apart"),
        None => what,
    };
    match run.within {
        Some(within) => format!("{what} within {} (bounds included)", Period(within)),
        None => what,
    }
}

/// Weighs the calls for one order or for all by their number, and by the pauses between them.
fn weigh_calls(
    what: &str,
    wanted: &RequestExpectation,
    count: &WantedCount,
    run: &Run<'_>,
    order: Option<OrderName<'_>>,
) -> ExpectationVerdict {
    let candidates = candidates(wanted, run, order);
    let fitting = candidates.iter().filter(|(_, _, differences)| differences.is_empty());
    let fitting: Vec<(Millis, String)> = fitting.map(|(at, told, _)| (*at, told.clone())).collect();
    let counted = candidates.into_iter().map(|(_, told, differences)| (told, differences));
    let verdict = weigh(what, count, counted.collect());
    let Some(apart) = wanted.apart.filter(|_| verdict.ok) else { return verdict };
    let least = i64::try_from(apart.ms()).unwrap_or(i64::MAX);
    if fitting.len() < 2 && wanted.counts().is_none() {
        return ExpectationVerdict::not_judged(&format!(
            "{what}: there is one call, so there is no pause between two"
        ));
    }
    let mut pairs = fitting.windows(2);
    let Some([before, after]) = pairs.find(|pair| pair[1].0.0 - pair[0].0.0 < least) else {
        return verdict;
    };
    let pause = Period(u64::try_from(after.0.0 - before.0.0).unwrap_or_default());
    let differences = vec![super::Difference {
        key: "apart",
        wanted: format!("{apart} or more after the call before it"),
        found: format!("{pause} after {}", before.1),
    }];
    let nearest = Some(super::Nearest { what: after.1.clone(), differences });
    let detail = format!("wanted {what}, found a pause of {pause}");
    ExpectationVerdict { ok: false, judged: true, detail, evidence: verdict.evidence, nearest }
}

fn candidates(
    wanted: &RequestExpectation,
    run: &Run<'_>,
    order: Option<OrderName<'_>>,
) -> Vec<(Millis, String, Vec<super::Difference>)> {
    let span = run.span(order);
    let is_about = |request: &RequestFact| {
        order.is_none_or(|(merchant, tx_id)| {
            // A list of orders is about every order of its merchant.
            let is_about_all = request.operation == Some(Operation::Orders)
                && request.merchant_id.as_deref() == Some(merchant);
            is_about_all || request.is_about(merchant, tx_id)
        })
    };
    let about = run.history.requests.iter().filter(|request| is_about(request));
    about
        .map(|request| {
            // Of an array the row that fits best speaks for the call; of an order's, one that is about it.
            let of_order = |row: &&RequestFact| {
                request.further.is_empty()
                    || order.is_none_or(|(_, tx_id)| row.tx_id.as_deref() == Some(tx_id))
            };
            let compared = |row| (row, differences(wanted, row));
            let rows = request.rows().filter(of_order).map(compared);
            let nearest = rows.min_by_key(|(_, differences)| differences.len());
            let (row, mut differences) = nearest.unwrap_or_else(|| compared(request));
            if !span.holds(request.at) {
                differences.push(super::Difference {
                    key: "within",
                    wanted: format!(
                        "from {} to {}, both included",
                        clock(run.history, span.from),
                        clock(run.history, span.to)
                    ),
                    found: clock(run.history, request.at),
                });
            }
            (request.at, told(run.history, row), differences)
        })
        .collect()
}

fn differences(wanted: &RequestExpectation, request: &RequestFact) -> Vec<super::Difference> {
    let mut compare = Compare::default();
    let list = |many: &Option<Many<String>>| many.as_ref().map(|many| many.0.clone());
    compare.among(
        "operation",
        wanted.operation.as_ref().map(|many| many.0.as_slice()),
        request.operation.as_ref(),
        |operation: &Operation| operation.name().to_owned(),
        |operation: &Operation| operation.name().to_owned(),
    );
    compare.text(
        "merchantId",
        list(&wanted.merchant_id).as_deref(),
        request.merchant_id.as_deref(),
    );
    compare.text("txId", list(&wanted.tx_id).as_deref(), request.tx_id.as_deref());
    compare.text("rule", list(&wanted.rule).as_deref(), request.rule.as_deref());
    // Of an answer in rows each reason decided.
    let is_other =
        |many: &Many<Reason>| request.other_reasons.iter().any(|reason| many.0.contains(reason));
    compare.among(
        "reason",
        wanted.reason.as_ref().filter(|many| !is_other(many)).map(|many| many.0.as_slice()),
        Some(&request.reason),
        |reason: &Reason| reason.name().to_owned(),
        |reason: &Reason| reason.name().to_owned(),
    );
    compare.among(
        "status",
        wanted.status.as_ref().map(|many| many.0.as_slice()),
        request.status.as_ref(),
        |status: &HttpStatus| status.0.to_string(),
        u16::to_string,
    );
    for (name, test) in &wanted.field.0 {
        let sent = request.fields.iter().find(|(known, _)| known == name);
        let sent = sent.map(|(_, value)| value.as_str()).filter(|value| !value.is_empty());
        compare.point(
            "field",
            test.holds(sent),
            || format!("{name} as wanted"),
            || sent.map_or(format!("no {name}"), |sent| format!("{name} = {sent:?}")),
        );
    }
    compare.0
}

fn told(history: &SpaceHistory, request: &RequestFact) -> String {
    let operation = request.operation.map_or("unknown path", Operation::name);
    let tx_id = request.tx_id.as_deref().unwrap_or("-");
    let status = request.status.map_or("no answer".to_owned(), |status| format!("HTTP {status}"));
    let rule = request.rule.as_deref().map(|rule| format!(", rule {rule}")).unwrap_or_default();
    format!(
        "{} {operation} {tx_id}: {}, {status}{rule} ({})",
        clock(history, request.at),
        request.reason,
        request.trace
    )
}
