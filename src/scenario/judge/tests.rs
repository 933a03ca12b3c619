use super::*;
use crate::base::{Amount, Currency, Operation, OrderState, Reason};
use crate::scenario::codec::Decimal;
use crate::scenario::history::{
    AttemptFact, ChangeFact, DeliveryFact, Dropped, OrderFact, RequestFact, ShopFact,
};
use crate::scenario::{Belief, read_expectations};

fn request(at: i64, operation: Operation, tx_id: &str, rule: Option<&str>) -> RequestFact {
    RequestFact {
        trace: format!("{at:x}"),
        at: Millis(at),
        operation: Some(operation),
        merchant_id: Some("M".to_owned()),
        tx_id: Some(tx_id.to_owned()),
        fields: vec![
            ("txId".to_owned(), tx_id.to_owned()),
            ("amount".to_owned(), "1.00".to_owned()),
        ],
        reason: Reason::Success,
        status: rule.is_none().then_some(200),
        rule: rule.map(str::to_owned),
        other_reasons: Vec::new(),
        further: Vec::new(),
    }
}

fn order(tx_id: &str, state: OrderState, changes: &[(i64, &'static str)]) -> OrderFact {
    OrderFact {
        merchant_id: "M".to_owned(),
        tx_id: tx_id.to_owned(),
        state,
        reason: None,
        currency: Currency::Usd,
        amount: Amount::from_minor(1000),
        authorised: Amount::from_minor(1000),
        captured: Amount::from_minor(1000),
        refunded: Amount::from_minor(if state == OrderState::Refunded { 1000 } else { 0 }),
        released: Amount::ZERO,
        settled: false,
        changes: changes
            .iter()
            .map(|(at, name)| ChangeFact { at: Millis(*at), name, rule: None })
            .collect(),
    }
}

fn delivery(id: u64, tx_id: &str, created: i64, acknowledged: bool) -> DeliveryFact {
    DeliveryFact {
        id,
        merchant_id: "M".to_owned(),
        tx_id: tx_id.to_owned(),
        cause: "approved".to_owned(),
        code: "0000".to_owned(),
        content: if id == 1 { "true" } else { "wrong-status" }.to_owned(),
        created: Millis(created),
        acknowledged,
        attempts: vec![AttemptFact {
            at: Millis(created + 5),
            status: Some(if acknowledged { 200 } else { 500 }),
        }],
    }
}

/// A lost answer to a refund, with the merchant asking for the status after 4 s; a second order that nothing befell.
fn lost_refund() -> SpaceHistory {
    SpaceHistory {
        born: Millis(0),
        now: Millis(60_000),
        requests: vec![
            request(1000, Operation::Register, "A", None),
            request(1500, Operation::Register, "B", None),
            request(2000, Operation::Status, "A", None),
            request(10_000, Operation::Refund, "A", Some("lose-the-answer")),
            request(14_000, Operation::Status, "A", None),
        ],
        orders: vec![
            order(
                "A",
                OrderState::Refunded,
                &[(1000, "registered"), (1800, "approved"), (10_000, "refunded")],
            ),
            order("B", OrderState::Captured, &[(1500, "registered"), (1900, "approved")]),
        ],
        deliveries: vec![delivery(1, "A", 1800, true), delivery(2, "B", 1900, false)],
        order_names: vec!["sold".to_owned()],
        dropped: Dropped::default(),
        unread: Vec::new(),
        shop: Some(vec![
            ShopFact {
                tx_id: "A".to_owned(),
                believes: Some(Belief::GivenBack),
                shipped: Some(0),
                returned: Some(Decimal(0)),
                ..ShopFact::default()
            },
            ShopFact {
                tx_id: "B".to_owned(),
                believes: Some(Belief::Paid),
                shipped: Some(2),
                ..ShopFact::default()
            },
        ]),
    }
}

fn verdict(text: &str, history: &SpaceHistory) -> ExpectationVerdict {
    match read_expectations("t", format!("[{text}]").as_bytes()) {
        Ok(expectations) => judge(&expectations, history).remove(0),
        Err(problems) => panic!("{problems:#?}"),
    }
}

#[test]
fn expectations_are_met_or_not() {
    let history = lost_refund();
    for (text, ok) in [
        ("{ request: { operation: status } }", true),
        ("{ request: { operation: orders } }", false),
        ("{ request: { operation: status, exactly: 2 } }", true),
        ("{ request: { operation: status, atMost: 1 } }", false),
        ("{ within: 30s, request: { operation: status, sameOrder: true, exactly: 1 } }", true),
        ("{ within: 3s, request: { operation: status, sameOrder: true, atLeast: 1 } }", false),
        ("{ within: 3s, request: { operation: refund, sameOrder: true, exactly: 1 } }", true),
        ("{ never: true, request: { operation: refund, txId: B } }", true),
        ("{ never: true, request: { operation: refund } }", false),
        ("{ request: { rule: lose-the-answer, operation: refund } }", true),
        ("{ request: { reason: success, status: 200, atLeast: 4 } }", true),
        ("{ request: { field: { amount: '1.00' }, exactly: 5 } }", true),
        ("{ request: { field: { sign: { present: true } } } }", false),
        ("{ order: { state: [captured, refunded] } }", true),
        ("{ order: { state: refunded } }", false),
        ("{ order: { txId: any, refunded: once } }", true),
        ("{ order: { txId: A, refunded: once, approved: once, returned: 10 } }", true),
        ("{ order: { txId: B, refunded: never, captured: { gte: 10 } } }", true),
        ("{ order: { txId: C } }", false),
        ("{ order: { state: captured, exactly: 1 } }", true),
        ("{ order: { merchantId: X } }", false),
        ("{ never: true, order: { state: failed } }", true),
        ("{ within: 1s, order: { txId: A, state: refunded } }", true),
        ("{ pushback: { txId: A, acknowledged: true, attempts: once } }", true),
        ("{ pushback: { acknowledged: true } }", false),
        ("{ pushback: { txId: B, status: 500 } }", true),
        ("{ pushback: { lie: wrong-status, exactly: 1 } }", true),
        ("{ never: true, pushback: { cause: refunded } }", true),
        ("{ events: { txId: A, inOrder: [register, approved, pushback, refund, status] } }", true),
        ("{ events: { txId: A, inOrder: [refund, refund] } }", false),
        ("{ events: { txId: any, inOrder: [refunded, status] } }", true),
        ("{ events: { inOrder: [refunded, status] } }", false),
        ("{ events: { txId: A, inOrder: [status, register] } }", false),
        ("{ never: true, events: { inOrder: [failed] } }", true),
        ("{ shop: { txId: B, believes: [paid, disputed] } }", true),
        ("{ shop: { shipped: once } }", false),
        ("{ shop: { txId: any, shipped: never, believes: given-back } }", true),
        ("{ ledger: { net: 10, captured: 20.00, returned: 10, balanced: true } }", true),
        ("{ ledger: { net: { gt: 10 } } }", false),
        ("{ ledger: { currency: KHR, net: 0 } }", true),
    ] {
        let verdict = verdict(text, &history);
        assert_eq!(verdict.ok, ok, "{text}: {verdict:#?}");
    }
}

#[test]
fn what_no_call_can_have_is_not_met_by_having_none() {
    let history = lost_refund();
    for (field, judged) in
        [("amout: '1.00'", false), ("Amount: { present: true }", false), ("cvv: '1'", true)]
    {
        let text = format!("{{ never: true, request: {{ field: {{ {field} }} }} }}");
        let verdict = verdict(&text, &history);
        assert_eq!((verdict.ok, verdict.judged), (judged, judged), "{text}: {verdict:#?}");
        assert_eq!(verdict.detail.contains("`amount`"), !judged, "{verdict:#?}");
    }
}

#[test]
fn same_order_needs_a_rule_that_stepped_in() {
    let mut history = lost_refund();
    history.requests[3].rule = None;
    let verdict = verdict("{ request: { operation: status, sameOrder: true } }", &history);
    assert!(!verdict.ok && !verdict.judged, "{verdict:?}");
    assert!(verdict.detail.contains("no rule stepped in"), "{verdict:?}");
}

#[test]
fn a_rule_at_a_payment_counts_as_stepping_in() {
    let mut history = lost_refund();
    history.requests[3].rule = None;
    history.orders[0].changes[1].rule = Some("forge".to_owned());
    let text = "{ within: 300ms, request: { operation: status, sameOrder: true, exactly: 1 } }";
    assert!(verdict(text, &history).ok);
}

#[test]
fn verdicts_show_evidence_and_the_nearest_candidate() {
    let history = lost_refund();
    let met = verdict("{ order: { txId: A } }", &history);
    assert_eq!(met.evidence, ["M/A: refunded, 10.00 USD, captured 10.00, given back 10.00"]);
    let missed = verdict("{ order: { txId: any, state: failed, captured: 0 } }", &history);
    assert_eq!(missed.detail, "wanted orders at least 1×, found 0");
    let nearest = missed.nearest.expect("a nearest order");
    let told: Vec<_> =
        nearest.differences.iter().map(|d| (d.key, d.wanted.as_str(), d.found.as_str())).collect();
    assert_eq!(told, [("state", "failed", "refunded"), ("captured", "0.00", "10.00")]);
    let late = verdict("{ within: 3s, request: { operation: status, sameOrder: true } }", &history);
    let nearest = late.nearest.expect("a nearest call");
    assert_eq!(nearest.differences[0].key, "within");
    assert_eq!(
        late.detail,
        "wanted status calls within 3s (bounds included) for M/A at least 1×, found 0"
    );
    assert_eq!(nearest.differences[0].wanted, "from +10s to +13s, both included");
}

#[test]
fn evidence_against_all_of_them_shows_those_that_are_wrong() {
    let history = lost_refund();
    let told = verdict("{ order: { state: refunded, captured: 3 } }", &history);
    assert_eq!(told.detail, "2 of 2 orders are not as wanted");
    let shown = format!("{:?} {:?}", told.nearest, told.evidence);
    assert!(shown.contains("M/A") && shown.contains("M/B"), "{shown}");
    let told = verdict("{ order: { state: refunded } }", &history);
    assert_eq!(told.detail, "1 of 2 orders are not as wanted");
    assert!(told.evidence.is_empty(), "what is right shows nothing: {:?}", told.evidence);
    assert!(told.nearest.is_some_and(|nearest| nearest.what.starts_with("M/B")));
}

#[test]
fn what_holds_of_nothing_is_not_judged() {
    let history = lost_refund();
    for text in [
        "{ ledger: { currency: KHR, balanced: true } }",
        "{ ledger: { currency: KHR, net: { lte: 10 }, balanced: true } }",
        "{ request: { operation: register, txId: A, apart: 1s } }",
        "{ anyOf: [{ ledger: { currency: KHR, balanced: true } }] }",
    ] {
        let verdict = verdict(text, &history);
        assert!(!verdict.judged && !verdict.ok, "{text}: {verdict:#?}");
    }
    let told = verdict("{ ledger: { currency: KHR, balanced: true } }", &history).detail;
    assert!(told.contains("no order in KHR") && told.contains("`currency: USD`"), "{told}");
}

#[test]
fn broken_balances_are_found() {
    let mut history = lost_refund();
    history.orders[1].refunded = Amount::from_minor(1001);
    let broken = verdict("{ ledger: { balanced: true } }", &history);
    let nearest = broken.nearest.expect("the order");
    assert_eq!(nearest.differences[0].found, "M/B: more refunded than captured");
}

#[test]
fn a_merchant_that_cannot_be_asked_is_not_judged() {
    let history = SpaceHistory { shop: None, ..lost_refund() };
    let verdict = verdict("{ shop: { shipped: once } }", &history);
    assert!(!verdict.ok && !verdict.judged, "{verdict:?}");
}

#[test]
fn what_was_forgotten_is_not_judged_by_what_is_left() {
    let mut history = lost_refund();
    history.dropped = Dropped { requests: 3, ..Dropped::default() };
    let never = verdict("{ never: true, request: { operation: reversal } }", &history);
    assert!(!never.ok && !never.judged && never.detail.contains("3 requests"), "{never:?}");
    let missed = verdict("{ never: true, request: { operation: refund } }", &history);
    assert!(!missed.ok && missed.judged, "{missed:?}");
    assert!(verdict("{ order: { txId: A, state: refunded } }", &history).ok);
}

#[test]
fn both_bounds_of_a_span_are_included() {
    let history = lost_refund();
    // The status call comes exactly 4 s after the rule stepped in.
    for (text, ok) in [
        ("{ within: 4s, request: { operation: status, sameOrder: true, exactly: 1 } }", true),
        ("{ within: 3999ms, request: { operation: status, sameOrder: true, exactly: 1 } }", false),
        ("{ within: 0s, request: { operation: refund, sameOrder: true, exactly: 1 } }", true),
        ("{ request: { operation: [refund, status], txId: A, apart: 4s } }", true),
        ("{ request: { operation: [refund, status], txId: A, apart: 4001ms } }", false),
        ("{ within: 4s, order: { txId: A, state: refunded } }", true),
        ("{ order: { captured: { gte: 10, lte: 10 }, atLeast: 2, atMost: 2 } }", true),
    ] {
        let verdict = verdict(text, &history);
        assert_eq!(verdict.ok, ok, "{text}: {verdict:#?}");
    }
    let early =
        verdict("{ request: { operation: [refund, status], txId: A, apart: 5s } }", &history);
    assert_eq!(early.detail, "wanted refund/status calls at least 5s apart, found a pause of 4s",);
    let nearest = early.nearest.expect("the call that came too early");
    assert_eq!(nearest.differences[0].wanted, "5s or more after the call before it");
    assert!(nearest.differences[0].found.starts_with("4s after +10s refund A"), "{nearest:?}");
}

#[test]
fn without_a_rule_a_span_begins_with_the_first_call() {
    let mut history = lost_refund();
    history.requests[3].rule = None;
    // The first call comes after 1 s, the refund after 10 s.
    for (text, ok) in [
        ("{ within: 1s, request: { operation: status, exactly: 1 } }", true),
        ("{ within: 999ms, request: { operation: status, atMost: 0 } }", true),
        ("{ within: 9s, request: { operation: refund, atMost: 0 } }", false),
        ("{ within: 9s, never: true, order: { state: refunded } }", false),
        ("{ within: 8999ms, never: true, order: { state: refunded } }", true),
    ] {
        let verdict = verdict(text, &history);
        assert_eq!(verdict.ok, ok, "{text}: {verdict:#?}");
    }
    let never = "{ within: 1s, never: true, pushback: { cause: refunded } }";
    assert!(
        verdict(never, &SpaceHistory { requests: Vec::new(), ..history.clone() })
            .is_open_for("nothing begins")
    );
    history.dropped.requests = 1;
    assert!(verdict(never, &history).is_open_for("1 requests were dropped"));
}

impl ExpectationVerdict {
    /// Returns true if it was not judged, for a reason with these words in it.
    fn is_open_for(&self, why: &str) -> bool {
        !self.ok && !self.judged && self.detail.contains(why)
    }
}

#[test]
fn what_never_befell_a_stranger_is_not_judged() {
    let history = lost_refund();
    for (text, why) in [
        ("{ never: true, order: { txId: sold, state: refunded } }", "name of an order in `drive`"),
        ("{ never: true, events: { txId: sold, inOrder: [refunded] } }", "the txId \"sold\""),
        ("{ request: { txId: a, operation: refund, atMost: 0 } }", "the txId \"a\""),
        ("{ request: { txId: [a, b], operation: refund, atMost: 7 } }", "\"a\" or \"b\""),
        ("{ never: true, pushback: { txId: sold, acknowledged: true } }", "the txId"),
        ("{ order: { merchantId: m, state: failed, exactly: 0 } }", "the merchantId \"m\""),
        (
            "{ never: true, request: { rule: lose-the-answers, operation: refund } }",
            "is \"lose-the-answer\" meant?",
        ),
    ] {
        let verdict = verdict(text, &history);
        assert!(verdict.is_open_for(why), "{text}: {verdict:#?}");
    }
    // That there is none of that name is the question itself, and what fits another name is judged as ever.
    for text in [
        "{ never: true, order: { txId: sold } }",
        "{ never: true, request: { merchantId: m } }",
        "{ order: { merchantId: m, exactly: 0 } }",
        "{ request: { txId: [A, sold], operation: reversal, atMost: 0 } }",
        "{ never: true, order: { txId: B, state: refunded } }",
    ] {
        assert!(verdict(text, &history).ok, "{text}: {:#?}", verdict(text, &history));
    }
}

#[test]
fn pauses_are_counted_for_each_order() {
    let mut history = lost_refund();
    history.requests[2].rule = Some("slow".to_owned());
    history.requests[1].rule = Some("slow".to_owned());
    // A: status at 2 s, refund at 10 s, status at 14 s; B: register at 1.5 s.
    let text = "{ request: { sameOrder: true, apart: 1s, atLeast: 1 } }";
    assert!(verdict(text, &history).ok, "{:#?}", verdict(text, &history));
    assert!(!verdict("{ request: { apart: 1s } }", &history).ok);
}

#[test]
fn a_list_is_about_every_order_of_its_merchant_and_a_reconciliation_about_those_in_its_rows() {
    let text = "{ within: 30s, request: { operation: [status, orders, reconciliation], sameOrder: true } }";
    let is_met = |call: RequestFact| {
        let mut history = lost_refund();
        history.requests[4] = call;
        verdict(text, &history).ok
    };
    let list = RequestFact { tx_id: None, ..request(14_000, Operation::Orders, "", None) };
    assert!(is_met(list.clone()));
    assert!(!is_met(RequestFact { merchant_id: Some("another".to_owned()), ..list }));
    let row = |tx_id| request(14_000, Operation::Reconciliation, tx_id, None);
    assert!(!is_met(row("B")));
    assert!(is_met(RequestFact { further: vec![row("A")], ..row("B") }));
    let foreign = RequestFact { merchant_id: Some("another".to_owned()), ..row("A") };
    assert!(!is_met(RequestFact { further: vec![foreign], ..row("B") }));
}

#[test]
fn alternatives_and_their_parts() {
    let history = lost_refund();
    let unasked = SpaceHistory { shop: None, ..lost_refund() };
    let met = "{ order: { txId: any, state: refunded } }";
    let missed = "{ order: { txId: any, state: failed } }";
    let shop = "{ shop: { txId: A, believes: given-back } }";
    let wrong = "{ shop: { txId: A, believes: paid } }";
    // Expectation, whether it is met, and whether it is judged where the shop cannot be asked.
    for (text, ok, judged) in [
        (format!("{{ anyOf: [{missed}, {met}] }}"), true, true),
        (format!("{{ anyOf: [{missed}, {missed}] }}"), false, true),
        (format!("{{ anyOf: [{missed}, {shop}] }}"), true, false),
        (format!("{{ anyOf: [{met}, {wrong}] }}"), true, true),
        (format!("{{ anyOf: [{missed}, {wrong}] }}"), false, false),
        (format!("{{ allOf: [{met}, {shop}] }}"), true, false),
        (format!("{{ allOf: [{met}, {wrong}] }}"), false, false),
        (format!("{{ allOf: [{missed}, {shop}] }}"), false, true),
        (
            format!("{{ anyOf: [{{ allOf: [{met}, {wrong}] }}, {{ allOf: [{met}, {shop}] }}] }}"),
            true,
            false,
        ),
        (format!("{{ anyOf: [{{ allOf: [{missed}, {shop}] }}, {missed}] }}"), false, true),
    ] {
        let asked = verdict(&text, &history);
        assert_eq!((asked.ok, asked.judged), (ok, true), "{text}: {asked:#?}");
        let blind = verdict(&text, &unasked);
        assert_eq!(blind.judged, judged, "{text}: {blind:#?}");
        assert_eq!(blind.ok, ok && judged, "{text}: {blind:#?}");
    }
    let text = format!("{{ anyOf: [{missed}, {{ request: {{ operation: orders }} }}] }}");
    let none = verdict(&text, &history);
    assert_eq!(none.detail, "none of 2 alternatives is met");
    assert_eq!(none.evidence[1], "alternative 2: wanted orders calls at least 1×, found 0");
    assert!(none.nearest.is_some());
}

#[test]
fn groups_hold_expectations_alone() {
    for text in [
        "[{ anyOf: [] }]",
        "[{ within: 1s, anyOf: [{ order: {} }, { order: {} }] }]",
        "[{ never: true, allOf: [{ order: {} }] }]",
        "[{ anyOf: [{ order: {}, shop: {} }] }]",
        "[{ order: {}, anyOf: [{ order: {} }] }]",
    ] {
        assert!(read_expectations("t", text.as_bytes()).is_err(), "{text}");
    }
}

#[test]
fn every_answer_of_a_push_back_can_be_looked_at() {
    let mut history = lost_refund();
    let answers = [Some(503), None, Some(200)];
    history.deliveries[0].attempts =
        answers.map(|status| AttemptFact { at: Millis(2000), status }).to_vec();
    for (text, ok) in [
        ("{ pushback: { txId: A, answered: 503 } }", true),
        ("{ pushback: { txId: A, answered: 5xx, acknowledged: true } }", true),
        ("{ never: true, pushback: { txId: A, answered: 4xx } }", true),
        ("{ pushback: { txId: A, answered: [404, 3xx] } }", false),
    ] {
        assert_eq!(verdict(text, &history).ok, ok, "{text}");
    }
}

#[test]
fn belief_is_held_against_the_state_of_the_order() {
    let history = lost_refund();
    for (text, ok) in [
        ("{ shop: { orderState: captured, believes: paid } }", true),
        ("{ shop: { orderState: refunded, believes: given-back, shipped: never } }", true),
        ("{ shop: { orderState: [captured, refunded], believes: paid } }", false),
        ("{ shop: { orderState: failed, shipped: never } }", false),
    ] {
        let verdict = verdict(text, &history);
        assert_eq!(verdict.ok, ok, "{text}: {verdict:#?}");
    }
}

#[test]
fn the_shop_s_books_are_held_against_the_gateway_s() {
    use Belief::{Disputed, GivenBack, Paid, Pending, Unpaid};
    const PAID: &[(i64, &str)] = &[(1, "registered"), (2, "approved")];
    const LATE: &[(i64, &str)] = &[(1, "registered"), (2, "expired"), (3, "approved")];
    const OPEN: &[(i64, &str)] = &[(1, "registered")];
    let captured = |tx_id: &str, state, changes| {
        let mut order = order(tx_id, state, changes);
        order.captured = order.amount;
        order
    };
    let uncaptured = |state, changes| {
        let mut order = order("A", state, changes);
        order.captured = Amount::ZERO;
        order
    };
    let agrees = |order: &OrderFact, fact: Option<(Belief, u32)>| {
        let fact = fact.map(|(believes, shipped)| ShopFact {
            tx_id: order.tx_id.clone(),
            believes: Some(believes),
            shipped: Some(shipped),
            returned: Some(Decimal::of(order.refunded, order.currency)),
            ..ShopFact::default()
        });
        let history = SpaceHistory {
            orders: vec![order.clone()],
            shop: Some(fact.into_iter().collect()),
            ..SpaceHistory::default()
        };
        verdict("{ shop: { balanced: true } }", &history).ok
    };
    let paid = captured("A", OrderState::Captured, PAID);
    for (fact, ok) in [
        (Some((Paid, 1)), true),
        (Some((Paid, 0)), false),
        (Some((Paid, 2)), false),
        (Some((Unpaid, 0)), false),
        (Some((Pending, 0)), false),
        (Some((Disputed, 0)), false),
        (None, false),
    ] {
        assert_eq!(agrees(&paid, fact), ok, "paid: {fact:?}");
    }
    let late = captured("A", OrderState::Captured, LATE);
    assert!(agrees(&late, Some((Disputed, 0))) && !agrees(&late, Some((Unpaid, 0))));
    let open = uncaptured(OrderState::Expired, OPEN);
    assert!(agrees(&open, Some((Unpaid, 0))) && agrees(&open, None));
    assert!(!agrees(&open, Some((Paid, 0))) && !agrees(&open, Some((Unpaid, 1))));
    let hold = uncaptured(OrderState::Expired, PAID);
    assert!(agrees(&hold, Some((Unpaid, 0))) && !agrees(&hold, Some((Unpaid, 1))));
    let refunded = captured("A", OrderState::Refunded, PAID);
    assert!(agrees(&refunded, Some((GivenBack, 1))) && !agrees(&refunded, Some((Paid, 1))));
    assert!(!agrees(&refunded, Some((GivenBack, 2))));
}

/// A shop that cannot be asked for the sum given back is not judged by it, and one whose answer cannot be read not at all.
#[test]
fn what_the_shop_did_not_say_of_its_books_is_not_judged() {
    let said = |returned: Option<&str>, unread: &[&str]| {
        let mut order =
            order("A", OrderState::PartlyRefunded, &[(1, "registered"), (2, "approved")]);
        (order.captured, order.refunded) = (Amount::from_minor(2000), Amount::from_minor(1000));
        let fact = ShopFact {
            tx_id: "A".to_owned(),
            believes: Some(Belief::Paid),
            shipped: Some(1),
            returned: returned.map(|sum| Decimal::parse(sum).expect("a decimal")),
            ..ShopFact::default()
        };
        let history = SpaceHistory {
            orders: vec![order],
            shop: Some(vec![fact]),
            unread: unread.iter().map(|line| (*line).to_owned()).collect(),
            ..SpaceHistory::default()
        };
        let believes = verdict("{ shop: { believes: paid } }", &history);
        assert_eq!(believes.ok, returned.is_some() && unread.is_empty(), "{}", believes.detail);
        let verdict = verdict("{ shop: { balanced: true } }", &history);
        (verdict.judged, verdict.ok, verdict.detail)
    };
    assert!(matches!(said(Some("10.00"), &[]), (true, true, _)));
    assert!(matches!(said(Some("20.00"), &[]), (true, false, _)));
    let (judged, ok, detail) = said(None, &[]);
    assert!(!judged && !ok && detail.contains("`ask.returned`"), "{detail}");
    for returned in [Some("10.00"), Some("20.00"), None] {
        let (judged, ok, detail) = said(returned, &["`SOLD` is none of the words"]);
        assert!(!judged && !ok && detail.contains("`SOLD`"), "{detail}");
    }
}
