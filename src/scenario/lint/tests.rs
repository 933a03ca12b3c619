use crate::scenario::ScenarioFile;

/// The warnings about a scenario with these rules and further keys.
fn warnings(rules: &str, rest: &str) -> Vec<String> {
    let text = format!("version: 1\nid: T\ntitle: t\nrules: [{rules}]\n{rest}\n");
    match ScenarioFile::read("t.yaml", text.as_bytes()) {
        Ok(file) => file.warnings().into_iter().map(|problem| problem.message).collect(),
        Err(problems) => panic!("{problems:#?}"),
    }
}

fn warned(rules: &str, part: &str) {
    let found = warnings(rules, "");
    assert!(found.len() == 1 && found[0].contains(part), "{rules}\n{found:#?}");
}

#[test]
fn rules_that_never_step_in() {
    let rule = |when: &str| {
        format!("{{ id: r, when: {{ operation: refund, {when} }}, then: [{{ latency: 1s }}] }}")
    };
    for (when, part) in [
        ("nth: 0", "never steps in"),
        ("nth: [0, 1]", "no call 0"),
        ("every: 0", "never steps in"),
        ("first: 0", "never steps in"),
        ("probability: 0%", "never steps in"),
        ("nth: 3, first: 2", "together with"),
        ("nth: 3, every: 2", "together with"),
        ("every: 4, first: 3", "comes later"),
        ("amount: { gte: 5, lte: 4.99 }", "no amount"),
        ("amount: { gt: 5, lt: 5.01 }", "no amount"),
        ("window: { from: 2s, to: 2s }", "ends before"),
        ("window: { every: 5s, for: 0s }", "no time at all"),
        ("window: { every: 5s, for: 5s }", "always open"),
        ("field: { a: { value: x, present: false } }", "cannot be absent"),
        ("card: { last4: 1111 }", "no card is known at refund"),
    ] {
        warned(&rule(when), part);
    }
    assert_eq!(warnings(&rule("nth: 1"), ""), [""; 0]);
    warned(
        "{ id: r, when: { operation: pay, card: { last4: 11 } }, then: [{ latency: 1s }] }",
        "no card has",
    );
    warned(
        "{ id: r, when: { operation: orders, txId: x }, then: [{ latency: 1s }] }",
        "no order is known at orders",
    );
    warned(
        "{ id: r, when: { operation: connect, merchantId: x }, then: [{ transport: reset }] }",
        "no merchant",
    );
    warned("{ id: r, when: { operation: pay, header: x }, then: [{ latency: 1s }] }", "no request");
    // For all operations, the condition says which of them are meant.
    assert_eq!(warnings("{ id: r, when: { txId: x }, then: [{ latency: 1s }] }", ""), [""; 0]);
}

#[test]
fn effects_that_nobody_can_carry_out() {
    warned(
        "{ id: r, when: { operation: pay }, then: [{ transport: reset }] }",
        "cannot act at pay",
    );
    warned(
        "{ id: r, when: { operation: trigger }, then: [{ reason: system.error }] }",
        "cannot act",
    );
    for effect in ["status: 500", "latency: 1s"] {
        warned(
            &format!("{{ id: r, when: {{ operation: connect }}, then: [{{ {effect} }}] }}"),
            "cannot act at connect",
        );
    }
    warned(
        "{ id: r, when: { operation: orders }, then: [{ pushback: { delay: 1s } }] }",
        "at orders",
    );
    assert_eq!(
        warnings(
            "{ id: r, when: { operation: register }, then: [{ pushback: { unknownOrder: true } }] }",
            ""
        ),
        [""; 0]
    );
    // The reach of a rule without an operation is where all of its effects can act.
    for effects in ["pushback: { copies: 2 }", "commit: after", "transport: reset", "latency: 1s"] {
        let rule = format!("{{ id: r, then: [{{ {effects} }}] }}");
        assert_eq!(warnings(&rule, ""), [""; 0], "{effects}");
    }
    warned("{ id: r, when: { operation: refund }, then: [] }", "nothing happens");
}

#[test]
fn shadowed_rules() {
    let pair = |first: &str, second: &str| {
        format!(
            "{{ id: wide, when: {{ {first} }}, then: [{{ latency: 1s }}] }},
         {{ id: narrow, when: {{ {second} }}, then: [{{ latency: 2s }}] }}"
        )
    };
    for (first, second) in [
        ("operation: refund", "operation: refund, nth: 1"),
        ("operation: [refund, status]", "operation: status, merchantId: M"),
        ("amount: { gte: 1 }", "amount: { gte: 2, lte: 3 }"),
        ("txIdSuffix: '1'", "operation: refund, txId: [T1, T21]"),
        ("merchantId: [A, B]", "merchantId: B"),
        ("window: {}", "operation: refund, window: { from: 1s }"),
    ] {
        warned(&pair(first, second), "never has its turn");
    }
    for (first, second) in [
        ("operation: refund, nth: 1", "operation: refund"),
        ("operation: refund, probability: 0.5", "operation: refund"),
        ("operation: refund", "operation: [refund, status]"),
        ("amount: { gte: 2 }", "amount: { gte: 1 }"),
        ("merchantId: A", "merchantId: [A, B]"),
        ("operation: refund, window: { to: 1s }", "operation: refund, window: { from: 1s }"),
    ] {
        assert_eq!(warnings(&pair(first, second), ""), [""; 0], "{first} | {second}");
    }
}

#[test]
fn expectations_and_steps() {
    let found = |rest: &str| warnings("", rest);
    assert!(
        found("expect: [{ request: { operation: status, atLeast: 2, atMost: 1 } }]")[0]
            .contains("atLeast")
    );
    assert!(found("expect: [{ request: { rule: nope } }]")[0].contains("no rule `nope`"));
    assert!(found("expect: [{ request: { sameOrder: true } }]")[0].contains("sameOrder"));
    assert!(found("expect: [{ order: { captured: { gt: 2, lt: 1 } } }]")[0].contains("no amount"));
    for (expected, part) in [
        ("{ within: 1m, ledger: { balanced: true } }", "`within` says nothing of `ledger`"),
        ("{ within: 1m, shop: { balanced: true } }", "`within` says nothing of `shop`"),
        ("{ order: {} }", "every `order` is like this"),
        ("{ pushback: { txId: every } }", "every `pushback` is like this"),
        ("{ order: { refunded: { atMost: 4294967295 } } }", "every run meets this"),
        ("{ request: { operation: refund, apart: 0s } }", "no pause at all"),
    ] {
        let told = found(&format!("expect: [{expected}]"));
        assert!(told.len() == 1 && told[0].contains(part), "{expected}: {told:?}");
    }
    for expected in
        ["{ order: { txId: any } }", "{ never: true, order: {} }", "{ within: 1m, order: {} }"]
    {
        assert_eq!(found(&format!("expect: [{expected}]")), [""; 0], "{expected}");
    }
    // A mistake, not a doubt.
    assert_eq!(found("drive: [{ pay: {} }]"), [""; 0]);
    assert!(found("drive: [register, { register: {} }]")[0].contains("second time"));
    assert_eq!(found("drive: [register, pay, { status: {} }]"), [""; 0]);
}

#[test]
fn a_long_list_of_rules_is_not_compared_each_with_each() {
    let rules: Vec<String> = (0..4000)
        .map(|n| {
            format!("{{ when: {{ operation: register, txId: q{n} }}, then: [{{ status: 503 }}] }}")
        })
        .collect();
    let last = ", { id: last, when: { operation: register, txId: q7, nth: 1 }, then: [] }";
    let text = format!("[{}{last}]", rules.join(", "));
    let rules = crate::scenario::read_rules("t", text.as_bytes()).expect("rules");
    let begun = std::time::Instant::now();
    let found = crate::scenario::check_rules(&rules);
    assert!(begun.elapsed() < std::time::Duration::from_secs(20), "{:?}", begun.elapsed());
    let told: Vec<String> = found.iter().map(|it| it.message.to_string()).collect();
    assert!(told.iter().any(|it| it.contains("`rule-8` takes every such call")), "{told:?}");
}

#[test]
fn a_warning_points_at_its_place() {
    let text = "version: 1\nid: T\ntitle: t\nrules:\n  - id: r\n    when:\n      operation: refund\n      nth: 0\n    then:\n      - latency: 1s\n";
    let file = ScenarioFile::read("t.yaml", text.as_bytes()).expect("a scenario");
    let warnings = file.warnings();
    assert_eq!((warnings[0].line, warnings[0].column), (8, 12), "{}", warnings[0]);
}
