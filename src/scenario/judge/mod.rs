//! True if what happened is what was expected: a pure function of the expectations and a [`SpaceHistory`].
//!
//! A span (`within`) begins when a rule first stepped in: for the order where the expectation looks at orders one by
//! one, in the whole space otherwise; where no rule ever did, with the first call of a merchant. Both bounds are included, and so
//! is the call that it begins with. Without any call there is no span, and nothing is judged by it.

mod bounds;
mod events;
mod groups;
mod ledger;
mod orders;
mod pushbacks;
mod requests;
mod shop;
mod strangers;
#[cfg(test)]
mod tests;

use serde::Serialize;

use super::codec::Times;
use super::history::{RequestFact, SpaceHistory};
use super::lint::{Warning, check_expectations};
use super::model::{Expectation, OrderChoice, Subject};
use crate::base::{Millis, Period, sort_by_key};

/// The most lines of evidence.
const EVIDENCE_MAX: usize = 10;

/// The beginning of every verdict on what could not be judged.
const NOT_JUDGED: &str = "not judged: ";

/// Verdict over one expectation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ExpectationVerdict {
    /// True if it is met; never without having been judged.
    pub ok: bool,
    /// True if there was anything to judge it by.
    pub judged: bool,
    /// The wanted and the found value, in a sentence.
    pub detail: String,
    /// Evidence, a line each.
    pub evidence: Vec<String>,
    /// The nearest candidate and its differences, where the expectation is not met.
    pub nearest: Option<Nearest>,
}

/// The candidate that came nearest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Nearest {
    /// Name of the candidate.
    pub what: String,
    /// In what it differs.
    pub differences: Vec<Difference>,
}

/// One point in which a candidate differs from what was wanted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// The key of the expectation.
    pub key: &'static str,
    /// The wanted value.
    pub wanted: String,
    /// The found value.
    pub found: String,
}

/// Judges expectations, one verdict for each, in their order.
pub fn judge(expectations: &[Expectation], history: &SpaceHistory) -> Vec<ExpectationVerdict> {
    expectations.iter().map(|expectation| judge_one(expectation, history)).collect()
}

/// The same where the expectations stand alone, beside rules of these ids: one that asks for nothing, or for what no run
/// can show, is not judged, and `check` warns of it in a scenario.
pub fn judge_beside(
    rules: &[&str],
    expectations: &[Expectation],
    history: &SpaceHistory,
) -> Vec<ExpectationVerdict> {
    let mut verdicts = judge(expectations, history);
    for Warning { item, message, .. } in
        check_expectations(expectations, rules).into_iter().filter(|warning| warning.is_void)
    {
        verdicts[item] = ExpectationVerdict::not_judged(&message.to_string());
    }
    verdicts
}

fn judge_one(expectation: &Expectation, history: &SpaceHistory) -> ExpectationVerdict {
    let verdict = judge_kept(expectation, history);
    if verdict.ok
        && let Some(why) = expectation.stranger(history)
    {
        return ExpectationVerdict::not_judged(&why);
    }
    // That something never happened, or so often, nobody can say of a part of what happened.
    match history.dropped.of(expectation) {
        Some((dropped, what)) if verdict.ok || expectation.is_open(history) => {
            ExpectationVerdict::not_judged(&format!(
                "{dropped} {what} were dropped to stay within the limits, so not all are known"
            ))
        }
        _ => verdict,
    }
}

/// Judges by what is still known.
fn judge_kept(expectation: &Expectation, history: &SpaceHistory) -> ExpectationVerdict {
    let run = Run { history, within: expectation.within.map(Period::ms) };
    if run.within.is_some() && run.begin().is_none() {
        return ExpectationVerdict::not_judged(
            "no rule stepped in and no merchant called, so nothing begins the span of `within`",
        );
    }
    let never = expectation.never;
    match &expectation.subject {
        Subject::Request(request) => requests::judge(request, never, &run),
        Subject::Order(order) => orders::judge(order, never, &run),
        Subject::Pushback(pushback) => pushbacks::judge(pushback, never, &run),
        Subject::Events(events) => events::judge(events, never, &run),
        Subject::Ledger(ledger) => ledger::judge(ledger, &run),
        Subject::Shop(shop) => shop::judge(shop, &run),
        Subject::AnyOf(parts) => groups::any(judge(parts, history)),
        Subject::AllOf(parts) => groups::all(judge(parts, history)),
    }
}

impl ExpectationVerdict {
    /// The verdict on what cannot be judged, for this reason.
    pub fn not_judged(why: &str) -> Self {
        let detail = format!("{NOT_JUDGED}{why}");
        Self { ok: false, judged: false, detail, evidence: Vec::new(), nearest: None }
    }

    /// The reason why it could not be judged.
    fn reason(&self) -> &str {
        self.detail.strip_prefix(NOT_JUDGED).unwrap_or(&self.detail)
    }
}

/// A history with the span that counts.
struct Run<'h> {
    history: &'h SpaceHistory,
    within: Option<u64>,
}

/// An order by its merchant and txId.
type OrderName<'h> = (&'h str, &'h str);

impl<'h> Run<'h> {
    /// Time at which rules stepped in: for which order, and when, oldest first.
    fn firings(&self) -> Vec<(OrderName<'h>, Millis)> {
        let calls = self.history.requests.iter().filter(|request| request.rule.is_some());
        let calls = calls.flat_map(RequestFact::rows).map(|row| {
            let order = (
                row.merchant_id.as_deref().unwrap_or_default(),
                row.tx_id.as_deref().unwrap_or_default(),
            );
            (order, row.at)
        });
        let changes = self.history.orders.iter().flat_map(|order| {
            let fired = order.changes.iter().filter(|change| change.rule.is_some());
            fired.map(|change| ((order.merchant_id.as_str(), order.tx_id.as_str()), change.at))
        });
        let mut firings: Vec<_> = calls.chain(changes).collect();
        sort_by_key(&mut firings, |(_, at)| *at);
        firings
    }

    /// The orders that rules stepped in for, each once.
    fn affected(&self) -> Vec<OrderName<'h>> {
        let mut orders = Vec::new();
        for (order, _) in self.firings() {
            if !order.1.is_empty() && !orders.contains(&order) {
                orders.push(order);
            }
        }
        orders
    }

    /// Time at which a span begins where no rule stepped in for the very order.
    fn begin(&self) -> Option<Millis> {
        let is_call = |request: &&RequestFact| request.operation.is_some();
        let first_call = self.history.requests.iter().find(is_call).map(|call| call.at);
        self.firings().first().map(|(_, at)| *at).or(first_call)
    }

    /// The span that counts for an order, or for all of them.
    fn span(&self, order: Option<OrderName<'_>>) -> Span {
        let Some(within) = self.within else {
            return Span { from: Millis(i64::MIN), to: Millis(i64::MAX) };
        };
        let firings = self.firings();
        let own = order.and_then(|order| firings.iter().find(|(fired, _)| *fired == order));
        let from = own.map(|(_, at)| *at).or_else(|| self.begin()).unwrap_or(self.history.born);
        Span { from, to: from.plus(i64::try_from(within).unwrap_or(i64::MAX)) }
    }
}

/// A span of time with both its ends.
#[derive(Clone, Copy)]
struct Span {
    from: Millis,
    to: Millis,
}

impl Span {
    fn holds(self, at: Millis) -> bool {
        self.from <= at && at <= self.to
    }
}

/// Number of candidates that must fit.
enum WantedCount {
    /// So many.
    Count(Times),
    /// All of them, and there must be one.
    All,
}

impl WantedCount {
    fn of(never: bool, counts: Option<Times>, which: Option<&OrderChoice>) -> Self {
        match (never, counts, which) {
            (true, ..) => Self::Count(Times::exactly(0)),
            (false, Some(times), _) => Self::Count(times),
            (false, None, Some(OrderChoice::Any)) => Self::Count(Times::at_least(1)),
            (false, None, Some(OrderChoice::Every | OrderChoice::One(_)) | None) => Self::All,
        }
    }
}

/// Compares candidates, each with its name and the points in which it differs, with how many must fit. `what` is what
/// they are, in the plural.
fn weigh(
    what: &str,
    wanted: &WantedCount,
    candidates: Vec<(String, Vec<Difference>)>,
) -> ExpectationVerdict {
    let all = candidates.len();
    let (fitting, failing): (Vec<_>, Vec<_>) =
        candidates.into_iter().partition(|(_, differences)| differences.is_empty());
    let (ok, detail) = match wanted {
        WantedCount::Count(times) => {
            (times.fits(fitting.len()), format!("wanted {what} {times}, found {}", fitting.len()))
        }
        WantedCount::All => (
            all > 0 && failing.is_empty(),
            match (all, failing.len()) {
                (0, _) => format!("found no {what} at all"),
                (all, 0) => format!("all {all} {what} are as expected"),
                (all, failing) => format!("{failing} of {all} {what} are not as wanted"),
            },
        ),
    };
    // Where too many fit, those are the evidence, and what is near does not matter.
    let too_few = match wanted {
        WantedCount::Count(times) => fitting.len() < times.least as usize,
        WantedCount::All => !ok,
    };
    let near = failing.iter().enumerate().min_by_key(|(_, (_, differences))| differences.len());
    let near = near.filter(|_| too_few).map(|(at, _)| at);
    let mut failing = failing;
    let nearest = near.map(|at| {
        let (what, differences) = failing.remove(at);
        Nearest { what, differences }
    });
    let evidence = match wanted {
        // Those that are as wanted do not show what is wrong.
        WantedCount::All if !ok => capped(failing.iter().map(with_differences)),
        WantedCount::All | WantedCount::Count(_) => {
            capped(fitting.into_iter().map(|(name, _)| name))
        }
    };
    ExpectationVerdict { ok, judged: true, detail, evidence, nearest }
}

/// Names in quotation marks, as alternatives.
fn listed(names: &[&str]) -> String {
    names.iter().map(|name| format!("{name:?}")).collect::<Vec<_>>().join(" or ")
}

/// A candidate with the points in which it differs, in one line.
fn with_differences((what, differences): &(String, Vec<Difference>)) -> String {
    let point = |it: &Difference| format!("{}: wanted {}, found {}", it.key, it.wanted, it.found);
    let points: Vec<String> = differences.iter().map(point).collect();
    format!("{what} ({})", points.join("; "))
}

/// The first lines, and how many more there are.
fn capped(lines: impl Iterator<Item = String>) -> Vec<String> {
    let mut lines: Vec<String> = lines.collect();
    if lines.len() > EVIDENCE_MAX {
        let more = lines.len() - EVIDENCE_MAX;
        lines.truncate(EVIDENCE_MAX);
        lines.push(format!("… and {more} more"));
    }
    lines
}

/// Collects the points in which one candidate differs.
#[derive(Default)]
struct Compare(Vec<Difference>);

impl Compare {
    /// Notes a difference unless `holds`.
    fn point(
        &mut self,
        key: &'static str,
        holds: bool,
        wanted: impl FnOnce() -> String,
        found: impl FnOnce() -> String,
    ) {
        if !holds {
            self.0.push(Difference { key, wanted: wanted(), found: found() });
        }
    }

    /// Notes a difference unless `found` is among `wanted`, where anything is wanted.
    fn among<T, U: PartialEq<T> + ?Sized>(
        &mut self,
        key: &'static str,
        wanted: Option<&[T]>,
        found: Option<&U>,
        name_wanted: fn(&T) -> String,
        name_found: fn(&U) -> String,
    ) {
        let Some(many) = wanted else { return };
        let holds = found.is_some_and(|found| many.iter().any(|one| found == one));
        self.point(
            key,
            holds,
            || many.iter().map(name_wanted).collect::<Vec<_>>().join(" or "),
            || found.map_or("none".to_owned(), name_found),
        );
    }

    /// The same for texts.
    fn text(&mut self, key: &'static str, wanted: Option<&[String]>, found: Option<&str>) {
        self.among(key, wanted, found, Clone::clone, str::to_owned);
    }
}

/// Time, as people read it: since the birth of the space.
fn clock(history: &SpaceHistory, at: Millis) -> String {
    let since = u64::try_from(at.0.saturating_sub(history.born.0)).unwrap_or_default();
    format!("+{}", Period(since))
}
