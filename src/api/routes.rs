//! All calls of the control plane, and which of them a request asks for.

use std::sync::LazyLock;

use hyper::Method;
use matchit::Router;
use serde_json::Value;

use super::problem::{ApiProblem, ProblemKind};
use super::request::{ApiRequest, Empty, decode};
use super::route::{ApiMethod, ApiReply, JSON, Route, SchemaShape, path_names, route};
use super::{
    about, clock, coverage, events, handover, inbox, journal, merchants, metrics, openapi, orders,
    pushbacks, reference, reload, report, rules, sign, snapshots, spaces, summary, verify, wait,
};
use crate::base::did_you_mean;
use crate::gateway::{LintReport, PayRequest};
use crate::khqr::Inspection;
use crate::scenario::Coverage;

/// Every call, from which the router, the OpenAPI document and the list of calls are made.
#[rustfmt::skip]
pub(super) const ROUTES: &[Route] = &[
    route!(Get "/_sim/healthz" "health", about::health: Empty => 200 about::HealthView,
        "Whether the server lives"),
    route!(Get "/_sim/readyz" "ready", about::ready: Empty => 200 about::HealthView,
        "Whether the server takes requests"),
    route!(Get "/_sim/version" "version", about::version: Empty => 200 about::VersionView,
        "What the server is and how it was built"),
    route!(Get "/_sim/v1/tls" "tls", about::tls: Empty => 200 about::TlsView,
        "The port with TLS, and the test CA for clients"),
    route!(Get "/_sim/metrics" "metrics", as "application/openmetrics-text; version=1.0.0; charset=utf-8" metrics::read: Empty => 200 String,
        "What the server has done, as OpenMetrics text for Prometheus"),
    route!(Get "/_sim/openapi.json" "openapi", document: Empty => 200 serde_json::Value,
        "This document"),
    route!(Get "/_sim/payon-openapi.json" "payonOpenapi", about::payon_document: Empty => 200 serde_json::Value,
        "PAYON's operations as an OpenAPI document"),
    route!(Get "/_sim/v1" "calls", calls: Empty => 200 about::Calls,
        "All calls in short"),

    route!(Get "/_sim/v1/spaces" "listSpaces", spaces::list: Empty => 200 spaces::SpacesView,
        "All spaces"),
    route!(Post "/_sim/v1/spaces" "createSpace", async spaces::create: spaces::NewSpace => 201 spaces::NewSpaceView,
        "Make a space with merchants of its own"),
    route!(Get "/_sim/v1/spaces/{name}" "space", spaces::one: Empty => 200 spaces::SpaceView,
        "One space"),
    route!(Delete "/_sim/v1/spaces/{name}" "deleteSpace", spaces::remove: Empty => 204 Empty,
        "Remove a space with all that is in it"),
    route!(Put "/_sim/v1/spaces/{name}" "takeSpace", async handover::take: handover::SpaceFile => 201 spaces::SpaceView,
        "Take a whole space over from another server"),
    route!(Post "/_sim/v1/spaces/{name}/move" "moveSpace", async handover::move_away: handover::WantedMove => 200 handover::MovedSpace,
        "Hand a space over to another server; callers are sent there from then on"),
    route!(Post "/_sim/v1/reset" "reset", spaces::reset: Empty => 204 Empty,
        "Reset the space to its initial state"),

    route!(Get "/_sim/v1/snapshots" "listSnapshots", snapshots::list: Empty => 200 snapshots::Snapshots,
        "The space's snapshots, by name"),
    route!(Post "/_sim/v1/snapshots" "saveSnapshot", async snapshots::save: snapshots::NewSnapshot => 201 snapshots::SnapshotView,
        "Save the space as it is now: orders, saved cards, push-backs, clock, rules, merchants, seed"),
    route!(Get "/_sim/v1/snapshots/{name}" "exportSnapshot", async snapshots::export: Empty => 200 snapshots::SnapshotFile,
        "Write a snapshot as a file"),
    route!(Put "/_sim/v1/snapshots/{name}" "importSnapshot", async snapshots::import: snapshots::SnapshotFile => 200 snapshots::SnapshotView,
        "Import a snapshot from a file that this version and profile can read"),
    route!(Delete "/_sim/v1/snapshots/{name}" "deleteSnapshot", snapshots::remove: Empty => 204 Empty,
        "Remove a snapshot"),
    route!(Post "/_sim/v1/snapshots/{name}/restore" "restoreSnapshot", snapshots::restore: Empty => 200 snapshots::SnapshotView,
        "Restore the space to the snapshot; the journal goes on"),
    route!(Post "/_sim/v1/snapshots/{name}/fork" "forkSnapshot", snapshots::fork: snapshots::Fork => 201 snapshots::ForkedSpace,
        "Make a space that goes on from the snapshot"),

    route!(Get "/_sim/v1/merchants" "listMerchants", merchants::list: Empty => 200 merchants::MerchantsView,
        "The space's merchants, and the gateway's public key"),
    route!(Post "/_sim/v1/merchants" "addMerchant", async spaces::add_merchant: crate::space::NewMerchant => 201 spaces::NewMerchantView,
        "Add a merchant to the space; a reset takes it away"),
    route!(Patch "/_sim/v1/merchants/{merchantId}" "changeMerchant", merchants::change: merchants::MerchantChange => 200 merchants::MerchantView,
        "Change a merchant's settings"),
    route!(Get "/_sim/v1/merchants/{merchantId}/key" "merchantKey", merchants::key: Empty => 200 merchants::MerchantKeyView,
        "A merchant's key pair, with the private half where the space has it"),

    route!(Get "/_sim/v1/orders" "listOrders", async orders::list: orders::OrdersQuery => 200 orders::OrderPage,
        "The space's orders, oldest first"),
    route!(Get "/_sim/v1/orders/{merchantId}/{txId}" "order", orders::one: Empty => 200 super::views::OrderView,
        "One order"),
    route!(Post "/_sim/v1/orders/{merchantId}/{txId}/pay" "pay", async orders::pay: PayRequest => 200 orders::Played,
        "Play the payer of an order; {} pays with the first card, wallet or account that is approved"),
    route!(Post "/_sim/v1/orders/{merchantId}/{txId}/trigger" "trigger", async orders::trigger: orders::TriggerRequest => 200 orders::Played,
        "Make an event happen to an order"),

    route!(Get "/_sim/v1/summary" "summary", async summary::read: Empty => 200 summary::SpaceSummary,
        "The space in numbers: orders and their money, requests, push-backs"),
    route!(Get "/_sim/v1/report" "report", async report::read: Empty => 200 report::SpaceReport,
        "The space in words, for the message of a failed test: requests, what was wrong with them, push-backs"),
    route!(Get "/_sim/v1/journal" "listJournal", journal::list: journal::JournalQuery => 200 journal::JournalPage,
        "Requests with what was decided and why, newest last"),
    route!(Get "/_sim/v1/journal/{trace}" "explain", async journal::explain: Empty => 200 journal::Explained,
        "One request with all that decided it and all that came of it"),
    route!(Post "/_sim/v1/verify" "verify", async verify::verify: verify::VerifyRequest => 200 verify::Verified,
        "Judge expectations as under `expect` of a scenario file, now"),
    route!(Get "/_sim/v1/wait" "wait", async wait::wait: wait::WaitQuery => 200 wait::WaitResult,
        "Wait until something has happened; 408 when it does not in time"),

    route!(Get "/_sim/v1/events" "events", as "text/event-stream" events::follow: events::EventsQuery => 200 events::Events,
        "What happens in the space from now on, or after an event, as server-sent events"),

    route!(Get "/_sim/v1/pushbacks" "listPushbacks", async pushbacks::list: pushbacks::PushbacksQuery => 200 pushbacks::PushbackPage,
        "Push-backs with each attempt, oldest first"),
    route!(Post "/_sim/v1/pushbacks/{id}/resend" "resendPushback", pushbacks::resend: Empty => 202 super::views::PushbackView,
        "Send a push-back once more, now"),

    route!(Get "/_sim/v1/inbox" "listInbox", inbox::list: inbox::InboxQuery => 200 inbox::InboxPage,
        "Push-backs that came to boxes of the space (noti_url …/_sim/inbox/{box}), oldest first"),
    route!(Get "/_sim/v1/inbox/{box}" "inbox", inbox::one: inbox::InboxQuery => 200 inbox::InboxPage,
        "Push-backs that came to one box, oldest first"),
    route!(Put "/_sim/v1/inbox/{box}" "answerInbox", inbox::answer: inbox::BoxAnswer => 200 inbox::BoxView,
        "Choose how a box answers: status, body, delay, or a closed connection; {} acknowledges"),
    route!(Delete "/_sim/v1/inbox/{box}" "clearInbox", inbox::clear: Empty => 204 Empty,
        "Empty a box; it goes on answering as before"),

    route!(Get "/_sim/v1/clock" "clock", clock::read: Empty => 200 clock::ClockView,
        "What the space's clock shows"),
    route!(Post "/_sim/v1/clock" "changeClock", async clock::change: clock::ClockWish => 200 clock::ClockView,
        "Freeze, set, scale or advance the space's clock, or bring it back to real time"),

    route!(Get "/_sim/v1/rules" "listRules", rules::list: Empty => 200 rules::RulesView,
        "What goes wrong in the space, and how often it did"),
    route!(Put "/_sim/v1/rules" "replaceRules", rules::replace: rules::RuleListInput => 200 rules::RulesView,
        "Arm rules as in a scenario file in place of those before"),
    route!(Post "/_sim/v1/rules" "addRules", rules::append: rules::RuleListInput => 200 rules::RulesView,
        "Arm rules as in a scenario file behind those before"),
    route!(Delete "/_sim/v1/rules" "clearRules", rules::clear: Empty => 204 Empty,
        "Remove all rules"),
    route!(Delete "/_sim/v1/rules/{id}" "removeRule", rules::remove: Empty => 204 Empty,
        "Remove one rule"),
    route!(Get "/_sim/v1/scenarios" "listScenarios", rules::catalogue: Empty => 200 rules::Scenarios,
        "The scenarios that come with the program"),
    route!(Post "/_sim/v1/scenarios" "armRules", rules::put_first: rules::RuleListInput => 200 rules::RulesView,
        "Arm the rules of a scenario of one's own before those of the space; rules of the same ids make way"),
    route!(Post "/_sim/v1/reload" "reload", async reload::reload: Empty => 200 reload::Reloaded,
        "Read the scenarios of --scenario again and arm them; mistakes change nothing"),
    route!(Post "/_sim/v1/scenarios/{id}/arm" "armScenario", rules::arm_scenario: Empty => 200 rules::RulesView,
        "Arm the rules of a scenario before those of the space"),
    route!(Delete "/_sim/v1/scenarios/{id}/arm" "disarmScenario", rules::disarm_scenario: Empty => 200 rules::Disarmed,
        "Take the rules of a scenario away, as far as they are armed"),
    route!(Get "/_sim/v1/faults" "listFaults", rules::faults: Empty => 200 rules::QuickFaults,
        "The quick faults: rules with a name and a few settings"),
    route!(Post "/_sim/v1/faults" "armFault", rules::arm_fault: rules::WantedFault => 200 rules::RulesView,
        "Arm a quick fault before all other rules; windows count from now"),
    route!(Get "/_sim/v1/scenario" "recordScenario", rules::record: rules::RecordQuery => 200 rules::RecordedScenario,
        "The scenario that repeats what was done in the space, or to one order"),

    route!(Post "/_sim/v1/sign" "sign", async sign::sign: sign::SignRequest => 200 sign::SignedView,
        "Sign a request as a merchant does"),
    route!(Post "/_sim/v1/sign/explain" "explainSign", async sign::explain: sign::ExplainRequest => 200 sign::SignExplanation,
        "Say whether a signature is right, and what was probably done wrong"),

    route!(Get "/_sim/v1/fidelity" "fidelity", reference::fidelity: Empty => 200 reference::Fidelity,
        "Every behaviour with its source and the profile line that holds it"),
    route!(Get "/_sim/v1/coverage" "coverage", coverage::read: coverage::CoverageQuery => 200 Coverage,
        "What was met of all that can go wrong, and what was not"),
    route!(Get "/_sim/v1/lint" "lint", reference::lint: reference::LintQuery => 200 LintReport,
        "What the lint found in the space's requests"),
    route!(Get "/_sim/v1/khqr/decode" "decodeKhqr", reference::khqr: reference::Khqr => 200 Inspection,
        "What a KHQR says, and what is wrong with it"),
];

/// All calls.
fn calls(_: &ApiRequest, _: Empty) -> Result<about::Calls, ApiProblem> {
    Ok(about::Calls::of(ROUTES))
}

/// The OpenAPI document.
fn document(_: &ApiRequest, _: Empty) -> Result<Value, ApiProblem> {
    Ok(openapi_document().clone())
}

/// The OpenAPI document.
pub(super) fn openapi_document() -> &'static Value {
    static DOCUMENT: LazyLock<Value> = LazyLock::new(|| openapi::write(ROUTES));
    &DOCUMENT
}

/// The routes of each path.
static PATHS: LazyLock<Router<Vec<&'static Route>>> = LazyLock::new(|| {
    let mut paths = Router::new();
    for route in ROUTES {
        let methods: Vec<_> = ROUTES.iter().filter(|other| other.path == route.path).collect();
        // A path comes once for each of its methods; the later times it is there already.
        let _ = paths.insert(route.path, methods);
    }
    paths
});

/// Names and values of the path parameters.
pub(super) type Params = Vec<(&'static str, String)>;

/// The route that answers `method` at `path`.
pub(super) fn find(method: &Method, path: &str) -> Result<(&'static Route, Params), ApiProblem> {
    let Ok(found) = PATHS.at(path) else {
        if let Some(problem) = inbox::at_address(method, path).or_else(|| ApiProblem::at_name(path))
        {
            return Err(problem);
        }
        let hint = did_you_mean(path, ROUTES.iter().map(|route| route.path));
        let detail = format!(
            "there is no call at {path}{hint}; GET /_sim/openapi.json describes all calls, /_sim/docs/ explains them"
        );
        return Err(ApiProblem::new(ProblemKind::UnknownCall, detail));
    };
    let asked = if method == Method::HEAD { "GET" } else { method.as_str() };
    let Some(route) = found.value.iter().find(|route| route.verb.name() == asked) else {
        let calls = found.value.iter().map(|route| (route.verb.name(), route.summary));
        return Err(ApiProblem::wrong_method(method.as_str(), path, calls));
    };
    let params = path_names(route.path)
        .map(|name| (name, found.params.get(name).map(decode).unwrap_or_default()))
        .collect();
    Ok((route, params))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_route_is_found_at_its_own_path() {
        for route in ROUTES {
            let method = Method::from_bytes(route.verb.name().as_bytes()).unwrap();
            let path = route.path.replace('{', "x").replace('}', "");
            let (found, params) = find(&method, &path).unwrap();
            assert_eq!(found.id, route.id);
            assert_eq!(params.len(), path_names(route.path).count(), "{}", route.path);
        }
        let mut ids: Vec<_> = ROUTES.iter().map(|route| route.id).collect();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), ROUTES.len(), "names are used once");
    }

    #[test]
    fn a_wrong_path_or_method_says_what_there_is() {
        let problem = find(&Method::GET, "/_sim/v1/oders").err().unwrap();
        assert_eq!(problem.status(), 404);
        assert!(String::from_utf8_lossy(&problem.to_json()).contains("/_sim/v1/orders"));
        let problem = find(&Method::PUT, "/_sim/v1/spaces").err().unwrap();
        assert_eq!((problem.status(), problem.allow()), (405, Some("GET, HEAD, POST")));
        assert!(find(&Method::HEAD, "/_sim/healthz").is_ok());
    }
}
