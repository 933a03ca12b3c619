//! A plan to go through with access to PAYON's test system: the calls that settle open assumptions, what matters most to
//! merchants first, with the fewest requests and no money at risk.

use std::fmt::Write as _;

use serde::Serialize;

use super::report::{AssumptionView, ShadowReport, Verdict};
use crate::profile::Mark;

/// A step: one call or a few that belong together.
struct PlannedCalls {
    title: &'static str,
    /// The calls, for people.
    calls: &'static [&'static str],
    /// Keys of behaviours that it settles; a `*` at the end stands for anything.
    settles: &'static [&'static str],
}

macro_rules! steps {
    ($($title:literal: [$($call:literal),+ $(,)?] settles [$($key:literal),+ $(,)?];)+) => {
        &[$(PlannedCalls { title: $title, calls: &[$($call),+], settles: &[$($key),+] }),+]
    };
}

/// All steps. Amounts are the smallest that a gateway takes, and what is paid is given back.
const STEPS: &[PlannedCalls] = steps! {
    "Register an order": [
        "POST /pg/order/register, trt 10, CREDIT_DEBIT, amount 1.00, with noti_url",
    ] settles [
        "operation.register", "operation.register.request.noti_url",
        "operation.register.response.resultMsg", "operation.register.response.resultCode",
        "operation.register.response.resultData*", "rules.order_lifetime_ms",
        "wording.pay_dv_word.CREDIT_DEBIT",
    ];
    "Send it again, as after a lost answer": [
        "the same request byte for byte",
        "the same txId with the amount 1.01",
    ] settles ["rules.identical_register", "reason.order.duplicate"];
    "Ask for its state before it is paid, and for an order that does not exist": [
        "POST /pg/transaction/status of the order",
        "POST /pg/transaction/status of a txId that was never registered",
    ] settles ["override.status*"];
    "Pay it with a test card": [
        "open checkoutUrl and pay",
        "POST /pg/transaction/status of the order",
        "POST /pg/transaction/status with the amount 9.99",
    ] settles ["operation.status*", "rules.status_mismatch", "wording.status.state.captured"];
    "Let the shop fail its first push-back": [
        "answer the first push-back with HTTP 500, the second with 200; start the shadow with --pushback-to",
    ] settles [
        "pushback.retries_s", "pushback.acknowledge", "pushback.events", "pushback.content_type",
        "pushback.keep_alive", "pushback.timeout_ms",
    ];
    "Refund without a signature, with a wrong one, with the right one": [
        "POST /pg/refund without sign",
        "POST /pg/refund with one character of sign changed",
        "POST /pg/refund of the amount 0.40, signed",
    ] settles [
        "sign.*", "reason.sign.missing", "reason.sign.invalid", "rules.refund_unsettled",
        "rules.partial_refund", "operation.refund*",
    ];
    "Refund the rest, and once more": [
        "POST /pg/refund, signed",
        "the same again",
        "POST /pg/transaction/status of the order",
    ] settles ["reason.state.already-refunded", "wording.status.state.refunded"];
    "Reverse a second order": [
        "register and pay an order of 1.00",
        "POST /pg/reversal with a wrong approvalNo",
        "POST /pg/reversal",
        "the same again",
        "POST /pg/transaction/status of the order",
    ] settles [
        "reason.approval.mismatch", "reason.state.already-reversed", "wording.status.state.reversed",
    ];
    "Go through a pre-authorisation": [
        "register with trt 12, amount 1.00, and pay",
        "POST /pg/transaction/status",
        "POST /pg/preAuthCompletion of 1.50",
        "POST /pg/preAuthCompletion of 0.60",
        "the same again",
        "POST /pg/transaction/status",
        "POST /pg/reversal",
    ] settles [
        "wording.status.trt.pre_auth", "wording.status.state.authorised",
        "reason.amount.exceeds-authorised", "operation.preAuthCompletion*",
        "reason.state.already-captured", "rules.completed_amount",
    ];
    "Refund what was never paid": [
        "register an order and do not pay it",
        "POST /pg/refund, signed",
        "POST /pg/preAuthCompletion, signed",
    ] settles ["reason.state.not-captured", "reason.state.not-authorised", "reason.state.not-allowed"];
    "Register QR orders": [
        "register with BAKONG_KHQR in USD",
        "register with BAKONG_KHQR in KHR",
        "register with CREDIT_DEBIT in KHR",
        "register with PAYON, and with PPCBANK_TRANSFER",
        "register with trt 12 and BAKONG_KHQR",
    ] settles [
        "rules.qr_lifetime_ms", "rules.khr_methods", "reason.currency.unsupported",
        "wording.pay_dv_word.*", "operation.register.response.resultData.khqr*",
        "reason.preauth.method", "reason.method.not-offered",
    ];
    "List the day's orders": [
        "POST /pg/orders of today",
    ] settles [
        "operation.orders*", "wording.orders.*", "wording.payment_type.*",
    ];
    "Make the usual mistakes": [
        "register without amount",
        "register with the amount 0",
        "register with trt 99",
        "a body that breaks off",
    ] settles [
        "reason.field.missing", "reason.field.invalid", "reason.amount.invalid",
        "reason.request.malformed-json",
    ];
    "Save a card": [
        "POST /pg/binding/register of a test card",
        "POST /pg/binding/register of a number that no card has",
        "POST /pg/bindingList",
        "POST /pg/binding/createPIN with a pin that is not encrypted",
    ] settles [
        "operation.binding*", "reason.card.unknown", "reason.pin.*", "reason.binding.not-found",
        "reason.card.wrong-cvv", "reason.card.expiry-mismatch",
    ];
    "Switch PIN verification on and off": [
        "POST /pg/binding/enablePIN, then /pg/binding/disablePIN",
    ] settles ["operation.enablePin*", "operation.disablePin*"];
    "Reconcile": [
        "POST /pg/merchant/reconcilation of a paid order, and with a wrong grandToTAmt",
    ] settles ["rules.fee_basis_points", "override.reconciliation*", "operation.reconciliation*"];
    "Cancel a QR": [
        "POST /pg/cancelqrpayment of an unpaid QR order",
    ] settles ["operation.cancelQr*", "reason.order.cancelled"];
    "Play the paying app": [
        "POST /pg/notifyqrscanned, /pg/notifyprocessingpayment, /pg/notifycompletionpayment of a QR order",
    ] settles [
        "operation.notifyQrScanned*", "operation.notifyProcessing*", "operation.notifyCompletion*",
        "reason.amount.mismatch", "reason.order.already-paid",
    ];
    "Let an order expire": [
        "register an order, wait a quarter of an hour, pay it",
        "POST /pg/transaction/status",
    ] settles ["reason.order.expired", "wording.orders.state.expired"];
    "Refund and reverse on the next day": [
        "POST /pg/reversal of an order of yesterday",
        "POST /pg/refund of it",
    ] settles ["rules.settlement_cutoff_ms", "reason.state.already-settled"];
};

/// One step with what is still open of it.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PlanStep {
    /// Action, in a few words.
    pub title: &'static str,
    /// The calls.
    pub calls: &'static [&'static str],
    /// Keys of assumptions that it settles and that are open.
    pub open: Vec<String>,
    /// Assumptions of it that are settled already.
    pub settled: usize,
}

/// The plan, with its progress.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ConfirmationPlan {
    /// The steps, those that are done included.
    pub steps: Vec<PlanStep>,
    /// Assumptions that no call of a merchant can settle, such as test cards and the payer's pages.
    pub out_of_reach: usize,
}

fn covers(pattern: &str, key: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(start) => key.starts_with(start),
        None => pattern == key,
    }
}

impl ConfirmationPlan {
    /// The plan by what a report says of each assumption.
    pub fn of(report: &ShadowReport) -> Self {
        let assumed: Vec<&AssumptionView> =
            report.assumptions.iter().filter(|it| it.mark == Mark::Assumed).collect();
        // Each assumption belongs to the first step that settles it, so that no request is made for nothing.
        let step_of = |key: &str| {
            STEPS.iter().position(|step| step.settles.iter().any(|pattern| covers(pattern, key)))
        };
        let own = |at: usize| assumed.iter().filter(move |it| step_of(&it.key) == Some(at));
        let is_open = |it: &&&AssumptionView| it.verdict == Verdict::Unseen;
        let steps = STEPS.iter().enumerate().map(|(at, step)| PlanStep {
            title: step.title,
            calls: step.calls,
            open: own(at).filter(is_open).map(|it| it.key.clone()).collect(),
            settled: own(at).filter(|it| it.verdict != Verdict::Unseen).count(),
        });
        let steps = steps.filter(|step| !step.open.is_empty() || step.settled > 0).collect();
        let out_of_reach = assumed.iter().filter(|it| step_of(&it.key).is_none()).count();
        Self { steps, out_of_reach }
    }

    /// Number of settled assumptions, and of all that the plan is about.
    pub fn progress(&self) -> (usize, usize) {
        let settled: usize = self.steps.iter().map(|step| step.settled).sum();
        let open: usize = self.steps.iter().map(|step| step.open.len()).sum();
        (settled, settled + open)
    }

    /// The plan for people.
    pub fn text(&self) -> String {
        let (settled, all) = self.progress();
        let mut text = format!(
            "{settled} of {all} assumptions that calls can settle are settled; {} more are about cards, keys and pages.\n",
            self.out_of_reach
        );
        for (number, step) in (1..).zip(&self.steps) {
            let mark = if step.open.is_empty() { "done" } else { "open" };
            // Writing into a String cannot fail.
            let _ = writeln!(text, "\n{number:>2}. [{mark}] {}", step.title);
            for call in step.calls {
                let _ = writeln!(text, "      {call}");
            }
            if !step.open.is_empty() {
                let _ = writeln!(text, "      settles: {}", shortened(&step.open));
            }
        }
        text
    }
}

/// The first keys of a list, and how many more there are.
fn shortened(keys: &[String]) -> String {
    const SHOWN: usize = 6;
    let shown: Vec<&str> = keys.iter().take(SHOWN).map(String::as_str).collect();
    let more = keys.len().saturating_sub(SHOWN);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    shown.join(", ") + &more
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profile::Profile;
    use crate::shadow::{ShadowJudge, ShadowReport};

    #[test]
    fn every_pattern_of_the_plan_names_a_behaviour() {
        let profile = Profile::builtin();
        for pattern in STEPS.iter().flat_map(|step| step.settles) {
            let is_there = profile.provenance().iter().any(|entry| covers(pattern, &entry.key));
            assert!(is_there, "{pattern} names nothing");
        }
    }

    #[test]
    fn the_plan_begins_with_what_merchants_meet_first() {
        let report =
            ShadowReport::of(&mut ShadowJudge::new(Profile::builtin(), false), "http://x.test");
        let plan = ConfirmationPlan::of(&report);
        let (settled, all) = plan.progress();
        assert_eq!(settled, 0);
        let assumed = report.assumptions.iter().filter(|it| it.mark == Mark::Assumed).count();
        assert_eq!(all + plan.out_of_reach, assumed);
        assert_eq!(plan.steps[0].title, "Register an order");
        assert!(plan.steps[0].open.len() > 15, "{:?}", plan.steps[0].open);
        assert!(plan.text().contains(" 1. [open] Register an order"), "{}", plan.text());
    }
}
