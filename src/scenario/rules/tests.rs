use super::*;
use crate::base::{Amount, Currency, Fields, Millis, Operation, Reason, SecretNames};
use crate::scenario::{Transport, read_rules};

const REFUND: Point = Point::Call(Operation::Refund);

fn rules(text: &str) -> RuleSet {
    match read_rules("test", text.as_bytes()) {
        Ok(rules) => RuleSet::new(&ArmedRule::all(rules, Millis(0))),
        Err(problems) => panic!("{problems:#?}"),
    }
}

fn call(tx_id: &str) -> CallFacts<'_> {
    CallFacts {
        merchant_id: Some("M1"),
        tx_id: Some(tx_id),
        amount: Some((Amount::from_minor(1000), Currency::Usd)),
        ..CallFacts::new("s", REFUND, Millis(0))
    }
}

/// The rules that decide calls one after the other.
fn scenario<'a>(set: &RuleSet, calls: impl IntoIterator<Item = CallFacts<'a>>) -> Vec<String> {
    let mut counters = Counters::default();
    calls
        .into_iter()
        .map(|call| {
            let decision = set.decide(&call, &mut counters, Seed(1));
            decision.map_or("-".to_owned(), |decision| decision.rule.to_string())
        })
        .collect()
}

#[test]
fn nothing_armed_decides_nothing() {
    let set = RuleSet::new(&[]);
    assert!(set.is_empty() && !set.listens_at(REFUND));
    assert_eq!(scenario(&set, [call("1")]), ["-"]);
}

#[test]
fn the_first_rule_that_fits_decides_and_all_count() {
    let set = rules(
        "[{ id: a, when: { operation: refund, nth: 1 }, then: [] },
          { id: b, when: { operation: refund, nth: 2 }, then: [] },
          { id: c, when: { operation: status }, then: [] }]",
    );
    assert_eq!(scenario(&set, [call("1"), call("1"), call("1"), call("2")]), ["a", "b", "-", "a"]);
    assert!(!set.listens_at(Point::Pay));
}

#[test]
fn chains_fail_fail_and_pass() {
    let set = rules(
        "[{ id: chain, when: { operation: refund },
            sequence: [[{ reason: system.error }], [{ transport: reset }], []] }]",
    );
    let mut counters = Counters::default();
    let mut plan = |tx| set.decide(&call(tx), &mut counters, Seed(1)).map(|decision| decision.plan);
    assert_eq!(plan("1").and_then(|plan| plan.reason), Some(Reason::SystemError));
    assert_eq!(plan("2").and_then(|plan| plan.reason), Some(Reason::SystemError));
    assert_eq!(plan("1").and_then(|plan| plan.transport), Some(Transport::Reset));
    assert_eq!(plan("1"), Some(Plan::default()));
    assert_eq!(plan("1"), None);
}

#[test]
fn a_turn_that_changes_nothing_is_idle() {
    for (effects, idle) in [
        ("sequence: [[], [transport: reset]]", [1, 1, 1]),
        ("sequence: [[transport: reset], []]", [0, 1, 1]),
        ("then: [{ latency: { steps: [{ from: 1h, latency: 5s }] } }]", [1, 2, 3]),
        // It keeps later rules from stepping in.
        ("then: []", [0, 0, 0]),
    ] {
        let set = rules(&format!("[{{ id: r, when: {{ operation: refund }}, {effects} }}]"));
        let mut counters = Counters::default();
        let found = [(); 3].map(|()| {
            set.decide(&call("1"), &mut counters, Seed(1));
            set.tallies(&counters).next().map(|tally| tally.idle)
        });
        assert_eq!(found, idle.map(Some), "{effects}");
    }
}

#[test]
fn every_first_and_the_scope_of_counting() {
    let set = rules("[{ id: e, when: { operation: refund, every: 2 }, then: [] }]");
    assert_eq!(scenario(&set, ["1", "1", "1", "1", "2"].map(call)), ["-", "e", "-", "e", "-"]);
    let set = rules("[{ id: e, when: { operation: refund, every: 2, scope: rule }, then: [] }]");
    assert_eq!(scenario(&set, ["1", "2", "3", "4"].map(call)), ["-", "e", "-", "e"]);
    let set = rules("[{ id: f, when: { operation: refund, first: 2 }, then: [] }]");
    assert_eq!(scenario(&set, ["1", "1", "1", "2"].map(call)), ["f", "f", "-", "f"]);
}

#[test]
fn each_condition_holds_and_fails() {
    let body = br#"{"txId":"T-1","clientId":"04","note":"","currency":"USD"}"#;
    let fields = Fields::parse(body).expect("an object");
    let facts = CallFacts {
        term_id: Some("T1"),
        fields: Some(&fields),
        card: Some("4111111111111111"),
        method: Some(crate::base::PaymentMethod::CreditDebit),
        trt: Some(crate::scenario::Trt::Purchase),
        state: Some(crate::base::OrderState::Captured),
        header: Some("lost"),
        now: Millis(15_000),
        ..call("T-1")
    };
    for (when, holds) in [
        ("merchantId: M1", true),
        ("merchantId: [M0, M1]", true),
        ("merchantId: M2", false),
        ("termId: T1", true),
        ("txId: T-1", true),
        ("txId: T-2", false),
        ("txIdSuffix: [-9, -1]", true),
        ("txIdSuffix: -2", false),
        ("header: lost", true),
        ("header: found", false),
        ("amount: 10.00", true),
        ("amount: { gt: 9.99, lt: 10.01 }", true),
        ("amount: { gt: 10 }", false),
        ("currency: KHR", false),
        ("card: '4111111111111111'", true),
        ("card: { last4: 1111 }", true),
        ("card: { last4: 1112 }", false),
        ("paymentMethod: CREDIT_DEBIT", true),
        ("paymentMethod: PAYON", false),
        ("trt: 10", true),
        ("trt: '12'", false),
        ("orderState: [captured, settled]", false),
        ("orderState: captured", true),
        ("field: { clientId: 04 }", true),
        ("field: { clientId: { pattern: '0?' } }", true),
        ("field: { note: { present: false } }", true),
        ("field: { clientId: { present: false } }", false),
        ("field: { currency: KHR }", false),
        ("window: { from: 10s, to: 20s }", true),
        ("window: { from: 15001ms }", false),
        ("window: { to: 15s }", false),
        ("window: { every: 10s, for: 5s }", false),
        ("window: { from: 4s, every: 10s, for: 5s }", true),
        ("window: { from: 1970-01-01T00:00:15Z }", true),
        ("probability: 0", false),
        ("probability: 1", true),
    ] {
        let text = format!("[{{ id: r, when: {{ operation: refund, {when} }}, then: [] }}]");
        match read_rules("t", text.as_bytes()) {
            Err(_) => assert!(when.contains("settled"), "{when}"),
            Ok(read) => {
                let set = RuleSet::new(&ArmedRule::all(read.clone(), Millis(0)));
                let decided = set.decide(&facts, &mut Counters::default(), Seed(1)).is_some();
                assert_eq!(decided, holds, "{when}");
            }
        }
    }
}

#[test]
fn the_story_of_an_order_does_not_depend_on_arrival() {
    let set = rules(
        "[{ id: half, when: { operation: refund, probability: 0.5 },
            then: [{ latency: { median: 80ms, p99: 2s } }, { pushback: { copies: 3, order: shuffled } }] },
          { id: third, when: { operation: refund, every: 3 }, then: [{ reason: system.busy }] }]",
    );
    let orders: Vec<String> = (0..100).map(|n| format!("tx{n}")).collect();
    let outcomes = |arrivals: Vec<&'_ String>| {
        let mut counters = Counters::default();
        let mut scenarios = std::collections::BTreeMap::<String, Vec<Option<Decision>>>::new();
        for order in arrivals {
            let decision = set.decide(&call(order), &mut counters, Seed(9));
            scenarios.entry(order.clone()).or_default().push(decision);
        }
        scenarios
    };
    let in_turn = outcomes((0..6).flat_map(|_| &orders).collect());
    let one_by_one = outcomes(orders.iter().rev().flat_map(|order| [order; 6]).collect());
    assert_eq!(in_turn, one_by_one);
    let fired = in_turn.values().flatten().flatten().count();
    assert!((250..500).contains(&fired), "{fired}");
    // Another seed gives another run.
    let seeds = (0..20).map(|seed| set.decide(&call("tx1"), &mut Counters::default(), Seed(seed)));
    assert!(seeds.collect::<Vec<_>>().windows(2).any(|pair| pair[0] != pair[1]));
}

#[test]
fn the_index_finds_what_a_scan_would() {
    use proptest::prelude::*;
    let condition = prop_oneof![
        "txId: '[ab]{1,2}'",
        "txIdSuffix: '[ab]{1,2}'",
        "merchantId: M[12]",
        "amount: [1-3]",
        "amount: \\{ gte: [1-3] \\}",
        "header: '[ab]'",
        "card: '[12]'",
        "termId: T[12]",
    ];
    let rule = (prop::collection::vec(condition, 0..3), prop::bool::ANY);
    let set = prop::collection::vec(rule, 0..12);
    let facts = ("[ab]{1,3}", "M[123]", 1i64..4, "[abc]", "[123]", "T[12]");
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let test =
        |(set, (tx, merchant, amount, header, card, term)): (Vec<(Vec<String>, bool)>, _)| {
            let (tx, merchant, header, card, term): (String, String, String, String, String) =
                (tx, merchant, header, card, term);
            let text: Vec<String> = set
                .iter()
                .enumerate()
                .map(|(at, (conditions, here))| {
                    let mut conditions = conditions.clone();
                    conditions.sort();
                    conditions
                        .dedup_by_key(|condition| condition.split(':').next().map(str::to_owned));
                    conditions
                        .push(format!("operation: {}", if *here { "refund" } else { "status" }));
                    format!("{{ id: r{at}, when: {{ {} }}, then: [] }}", conditions.join(", "))
                })
                .collect();
            let read = read_rules("t", format!("[{}]", text.join(",")).as_bytes()).expect("rules");
            let facts = CallFacts {
                merchant_id: Some(&merchant),
                tx_id: Some(&tx),
                header: Some(&header),
                card: Some(&card),
                term_id: Some(&term),
                amount: Some((Amount::from_minor(amount * 100), Currency::Usd)),
                ..CallFacts::new("s", REFUND, Millis(0))
            };
            let set = RuleSet::new(&ArmedRule::all(read.clone(), Millis(0)));
            let fitting = |rule: &&IndexedRule| {
                rule.points.contains(&REFUND)
                    && rule.conditions.iter().all(|c| c.holds(&facts, rule.at))
            };
            let scanned = set.rules.iter().find(fitting).map(|rule| rule.id.to_string());
            let decided = set.decide(&facts, &mut Counters::default(), Seed(1));
            prop_assert_eq!(decided.map(|decision| decision.rule.to_string()), scanned);
            Ok(())
        };
    runner.run(&(set, facts), test).expect("the index agrees with a scan");
}

#[test]
fn explanations_name_the_nearest_rules_and_what_failed() {
    let set = rules(
        "[{ id: far, when: { operation: status, merchantId: M9, amount: 5 }, then: [] },
          { id: near, when: { operation: refund, merchantId: M9 }, then: [] },
          { id: turn, when: { operation: refund, nth: 2 }, then: [] },
          { id: pin, when: { operation: refund, field: { pin: '1234' } }, then: [] }]",
    );
    let mut counters = Counters::default();
    let fields = Fields::parse(br#"{"pin":"9876"}"#).expect("an object");
    let facts = CallFacts { fields: Some(&fields), ..call("1") };
    assert_eq!(set.decide(&facts, &mut counters, Seed(1)), None);
    let misses = set.explain(&facts, &counters, None, SecretNames::GENERAL);
    assert_eq!(misses.last().map(|miss| miss.rule.as_str()), Some("far"));
    let told: Vec<String> =
        misses.iter().flat_map(|miss| &miss.failed).map(|miss| miss.told.clone()).collect();
    assert!(told.contains(&"merchantId: wants \"M9\", is \"M1\"".to_owned()), "{told:?}");
    assert!(told.contains(&"nth: wants call 2, this is call 1".to_owned()), "{told:?}");
    assert!(told.iter().all(|told| !told.contains("9876") && !told.contains("1234")), "{told:?}");
}

#[test]
fn counters_outlive_a_change_of_rules() {
    let text = "[{ id: twice, when: { operation: refund, nth: 2 }, then: [] }]";
    let mut counters = Counters::default();
    assert_eq!(rules(text).decide(&call("1"), &mut counters, Seed(1)), None);
    let changed = rules(text);
    assert!(changed.decide(&call("1"), &mut counters, Seed(1)).is_some());
    let tally = changed.tallies(&counters).next().expect("the rule");
    assert_eq!((tally.all, tally.fired), (2, 1));
}

#[test]
fn a_thousand_rules_are_not_scanned() {
    let text: Vec<String> = (0..1000)
        .map(|n| match n % 4 {
            0 => format!("{{ id: r{n}, when: {{ txId: tx{n} }}, then: [] }}"),
            1 => format!("{{ id: r{n}, when: {{ txIdSuffix: x{n} }}, then: [] }}"),
            2 => format!("{{ id: r{n}, when: {{ operation: refund, amount: {n}.50 }}, then: [] }}"),
            _ => format!("{{ id: r{n}, when: {{ merchantId: m{n}, nth: 1 }}, then: [] }}"),
        })
        .collect();
    let set = rules(&format!("[{}]", text.join(",")));
    let shown = |call: &CallFacts<'_>| {
        let mut shown = Vec::new();
        set.points[call.point.index()].candidates(call, |at| shown.push(at));
        shown
    };
    assert_eq!(shown(&call("nothing")), [0; 0]);
    let facts =
        CallFacts { amount: Some((Amount::from_minor(1050), Currency::Usd)), ..call("tx4") };
    assert_eq!(shown(&facts), [4, 10]);
}

#[test]
fn a_change_of_rules_is_told_by_id() {
    let read = |text: &str| read_rules("t", text.as_bytes()).expect("rules");
    let old = read("[{ id: a, then: [] }, { id: b, then: [] }, { id: c, then: [] }]");
    let new = read("[{ id: c, then: [] }, { id: b, then: [latency: 1s] }, { id: d, then: [] }]");
    let changes = ChangeSet::between(&old, &new);
    assert_eq!((changes.added, changes.removed), (vec!["d".to_owned()], vec!["a".to_owned()]));
    assert_eq!((changes.changed, changes.reordered), (vec!["b".to_owned()], true));
    assert!(ChangeSet::between(&old, &old).is_empty());
}

#[test]
fn counters_forget_the_oldest_orders_and_stay_bounded() {
    let mut counters = Counters::default();
    for order in 0..200_000 {
        counters.count(1, order);
    }
    assert_eq!(counters.tally(1, 0), Tally { order: 0, all: 200_000, fired: 0, idle: 0 });
    assert_eq!(counters.tally(1, 199_999).order, 1);
    assert!(counters.pairs() <= 1 << 17);
}
