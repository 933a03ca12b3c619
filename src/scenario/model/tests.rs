use std::fmt::Write;

use proptest::prelude::*;
use serde_json::Value;

use super::*;

/// The messages about a text, as `line:column message | help`.
fn problems(text: &str) -> Vec<String> {
    let problems = ScenarioFile::read("t.yaml", text.as_bytes()).expect_err("mistakes");
    let told = |problem: &Diagnostic| {
        let help = problem.help.join(" / ");
        format!("{}:{} {} | {help}", problem.line, problem.column, problem.message)
    };
    problems.iter().map(told).collect()
}

/// The example of the design, word for word.
const EXAMPLE: &str = r#"version: 1
id: S014
title: Charged, but the answer was lost
seed: 42
rules:
  - id: lose-the-answer
    when: { operation: refund, merchantId: C0000143, amount: { gte: "10.00" }, nth: 1 }
    then:
      - latency: { median: 80ms, p99: 2s }          # lognormal; also fixed, uniform, steps
      - commit: approved                            # the ledger first …
      - transport: reset                            # … then the caller sees a broken connection
      - pushback: { delay: 2s, copies: 2, order: shuffled }
expect:
  - within: 30s
    request: { operation: status, sameOrder: true, atLeast: 1 }
  - order: { txId: any, refunded: once }
"#;

#[test]
fn the_example_is_read() {
    let file = ScenarioFile::read("S014.yaml", EXAMPLE.as_bytes()).expect("a scenario");
    assert_eq!(file.warnings(), []);
    let scenario = file.scenario;
    assert_eq!((scenario.id.as_str(), scenario.seed), ("S014", Some(42)));
    let rule = &scenario.rules[0];
    assert_eq!(
        rule.when.amount.as_ref().and_then(|test| test.gte),
        Some(super::super::Decimal(1000))
    );
    let effects = &rule.then.as_ref().expect("effects").0;
    assert_eq!(effects[2], Effect::Transport(Transport::Reset));
    assert_eq!(
        effects.iter().map(Effect::name).collect::<Vec<_>>(),
        ["latency", "commit", "transport", "pushback"]
    );
}

#[test]
fn json_is_yaml() {
    let json = r#"{"version":1,"id":"S1","title":"t","rules":[{"id":"r","then":[{"reason":"system.error"}]}]}"#;
    assert!(ScenarioFile::read("t.json", json.as_bytes()).is_ok());
}

#[test]
fn every_mistake_is_told_at_its_place_with_a_suggestion() {
    let text = r#"version: 1
id: S014
titel: Charged
seed: -1
rules:
  - id: a
    when:
      operation: refnd
      amount: { gte: "10.001" }
      nht: 1
    then:
      - latency: 80
      - transprot: reset
      - transport: { truncate: { after: 5 } }
      - commit: before
        status: 500
  - id: b
    when: { window: { every: 5s } }
    then: [ { status: 99 }, { patch: {} } ]
    sequence: []
  - then: reset
expect:
  - request: { operation: status }
    order: {}
  - request: { atLeast: 1, exactly: 2 }
  - {}
drive: [ pay, registr, { advance: 5 }, { idle: 3 } ]
"#;
    let found = problems(text);
    let expected = [
        "3:1 `titel` is not a key here | did you mean `title`?",
        "4:7 expected a whole number from 0 to",
        "8:18 `refnd` is not an operation (or pay, trigger, refused, page, connect) | did you mean `refund`?",
        "9:22 must be an amount",
        "10:7 `nht` is not a key here | did you mean `nth`?",
        "12:18 must be a length of time with its unit",
        "13:9 `transprot` is not an effect | did you mean `transport`?",
        "14:32 `length` is missing",
        "16:9 an effect has one key, and `status` is a second one",
        "18:21 `every` needs `for`",
        "19:23 must be an HTTP status from 200 to 599",
        "19:38 must have `set`, `remove` or both",
        "21:11 expected a list, found a text",
        "23:5 an expectation is about exactly one thing",
        "25:14 `exactly` stands alone",
        "26:5 an expectation is about exactly one thing",
        "27:15 `registr` is not a step | did you mean `register`?",
        "27:35 must be a length of time",
        "27:40 `idle` stands alone",
    ];
    assert_eq!(found.len(), expected.len(), "{found:#?}");
    for (found, expected) in found.iter().zip(expected) {
        assert!(found.starts_with(expected), "\n{found}\n{expected}");
    }
}

#[test]
fn an_expectation_of_nothing_or_of_what_cannot_be_is_a_mistake() {
    for (expected, told) in [
        ("{ never: true, pushback: { cause: nope } }", "`nope` is not a cause of a push-back"),
        ("{ never: true, pushback: { cause: aproved } }", "did you mean `approved`?"),
        ("{ never: true, pushback: { status: 999 } }", "from 200 to 599"),
        ("{ never: true, request: { status: 999 } }", "from 200 to 599"),
        ("{ ledger: {} }", "asks for nothing"),
        ("{ ledger: { currency: KHR } }", "asks for nothing"),
        ("{ request: { atLeast: 0 } }", "at least none"),
        ("{ order: { atLeast: 0 } }", "at least none"),
        ("{ pushback: { atLeast: 0 } }", "at least none"),
        ("{ pushback: { attempts: { atLeast: 0 } } }", "at least none"),
        ("{ order: { approved: { atLeast: 0 } } }", "at least none"),
        ("{ order: { captured: {} } }", "tests nothing"),
        ("{ request: { field: { a: {} } } }", "tests nothing"),
    ] {
        let found = problems(&format!("version: 1\nid: S\ntitle: t\nexpect: [{expected}]\n"));
        assert!(found.len() == 1 && found[0].contains(told), "{expected}: {found:?}");
    }
}

#[test]
fn what_would_be_passed_over_is_a_mistake() {
    let rules = |then: &str| format!("rules: [{{ id: r, then: [{then}] }}]");
    for (rest, told) in [
        (rules("transport: { server-error: 200 }"), "from 500 to 599"),
        (rules("transport: { server-error: 499 }"), "from 500 to 599"),
        ("about: !!binary aGk=".to_owned(), "tags such as"),
        ("about: !!python/object:x t".to_owned(), "tags such as"),
        ("why: !mine t".to_owned(), "tags such as"),
        ("drive: !!seq [pay]".to_owned(), "tags such as"),
        ("rules: [!!map { id: r, then: [] }]".to_owned(), "tags such as"),
    ] {
        let found = problems(&format!("version: 1\nid: S\ntitle: t\n{rest}\n"));
        assert!(found.len() == 1 && found[0].contains(told), "{rest}: {found:?}");
    }
    let utf16: Vec<u8> = EXAMPLE.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let found = ScenarioFile::read("t.yaml", &utf16).expect_err("mistakes");
    assert!(found[0].message.contains("the file is UTF-16 text"), "{found:?}");
}

#[test]
fn rules_are_checked_as_a_whole() {
    let found = problems(
        "version: 2\nid: S\ntitle: t\nrules:\n  - { id: a, then: [], sequence: [] }\n  - { id: b }\n",
    );
    assert!(found[0].contains("not both") && found[1].contains("needs `then` or `sequence`"));
    let found = problems(
        "version: 2\nid: S\ntitle: t\nrules: [{ id: a, then: [] }, { id: a, then: [] }]\n",
    );
    assert!(
        found[0].starts_with("1:10 version 2") && found[1].contains("taken by an earlier rule")
    );
}

#[test]
fn a_problem_is_drawn_with_a_caret() {
    let problems =
        ScenarioFile::read("s.yaml", b"version: 1\nid: S\ntitle: t\nsede: 4\n").expect_err("one");
    assert_eq!(
        problems[0].to_string(),
        "s.yaml:4:1: `sede` is not a key here\n     |\n   4 | sede: 4\n     | ^^^^\n     = did you mean `seed`?\n     \
         = allowed: version, id, title, about, why, correct, mistakes, requires, seed, profile, rules, drive, expect"
    );
}

#[test]
fn what_is_not_yaml_is_refused_in_words() {
    for (text, part) in [
        ("a: [1", "not YAML"),
        ("a:\n\tb: x", "not YAML"),
        ("", "empty"),
        ("# nothing", "empty"),
        ("- 1", "expected a map, found a list"),
        ("a: 1\n---\nb: 2", "one document only"),
        ("id: a\nid: b", "stands here twice"),
        (
            "version: 1\nid: a\ntitle: t\nprofile:\n  - { key: a.b, value: 1 }\n  - { key: a.b, value: 2 }",
            "6:12 the setting `a.b` stands here twice",
        ),
        ("a: *nowhere", "not YAML"),
        ("{[1]: 2}", "expected a key, found a list"),
    ] {
        let found = problems(text);
        assert!(found.iter().any(|problem| problem.contains(part)), "{text:?}: {found:#?}");
    }
    let found = ScenarioFile::read("t", b"\xff\xfe").expect_err("not text");
    assert!(found[0].message.contains("not UTF-8"));
}

#[test]
fn aliases_are_followed_within_a_budget() {
    let text = "version: 1\nid: S\ntitle: t\nrules:\n  - id: a\n    then: &slow [{ latency: 1s }]\n  - { id: b, when: { operation: pay }, then: *slow }\n";
    let file = ScenarioFile::read("t", text.as_bytes()).expect("a scenario");
    assert_eq!(file.scenario.rules[0].then, file.scenario.rules[1].then);
    let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..12 {
        let before = format!("*a{}", level - 1);
        let _ = writeln!(bomb, "a{level}: &a{level} [{}]", [before.as_str(); 10].join(", "));
    }
    let found = problems(&bomb);
    assert!(found[0].contains("more than 100000 values"), "{found:#?}");
    let deep = format!("{}{}", "[".repeat(5000), "]".repeat(5000));
    assert!(!problems(&deep).is_empty());
    let deep = format!(
        "version: 1\nid: S\ntitle: t\nprofile: [{{ key: a, value: {}1{} }}]",
        "[".repeat(100),
        "]".repeat(100)
    );
    assert!(problems(&deep)[0].contains("nested deeper"));
    assert!(problems(&" ".repeat(2 << 20))[0].contains("longer than"));
}

#[test]
fn secrets_do_not_show_in_excerpts() {
    let text = "version: 1\nid: S\ntitle: t\nrules:\n  - { id: a, when: { card: '4111111111111111', x: 1, field: { pin: '1234' } }, then: [] }\n";
    let problems = ScenarioFile::read("t", text.as_bytes()).expect_err("one");
    let shown = problems[0].to_string();
    assert!(shown.contains("411111**********") && !shown.contains("1234'"), "{shown}");
}

/// A scenario that uses every key there is.
const FULL: &str = r##"
version: 1
id: S999
title: "Everything: at once"
about: |
  two
  lines
why: "yes"
correct: "#1"
mistakes: [trusts-pushback, never-polls]
requires: [polls, real-time-pause]
seed: 18446744073709551615
profile: [{ key: rules.order_lifetime_ms, value: 60000 }, { key: a, value: { x: [1.00, null, "1.00", true] } }]
rules:
  - id: all
    about: "*"
    when:
      operation: [refund, pay, connect]
      merchantId: ["0123", M]
      termId: T
      txId: "null"
      txIdSuffix: -1
      header: h
      amount: { eq: 1, gte: 1, lte: 1, gt: 0.5, lt: 1.5 }
      currency: KHR
      card: { number: "4111111111111111", last4: ["1111", "0000"] }
      paymentMethod: PAYON
      trt: "12"
      orderState: [captured, partlyRefunded]
      field: { a: x, b: { value: [y, z], pattern: "a*", present: true } }
      window: { from: 1s, to: 2026-01-31T23:59:00+07:00, every: 1m30s, for: 10s }
      nth: [1, 2]
      every: 2
      first: 3
      scope: rule
      probability: 12.5%
    then:
      - latency: 80ms
      - latency: { min: 1s, max: 2s }
      - latency: { median: 80ms, p99: 2s, cap: 1m }
      - latency: { steps: [{ from: 0s, latency: { histogram: [{ upTo: 1s, count: 3 }] } }] }
      - reason: system.busy
      - patch: { set: { resultData.amount: 2.50, a: "2.50", "[0].b": { c: [] } }, remove: [x, y.z] }
      - status: 503
      - commit: after
      - transport: { truncate: { after: 5, length: wrong } }
      - pushback:
          delay: 2s
          beforeReply: true
          drop: true
          copies: 3
          apart: { min: 1ms, max: 2ms }
          order: reversed
          within: 10s
          first: [wrong-status, { huge: 70000 }]
          instead: odd-json
          last: form
          forged: true
          unknownOrder: true
          bytesPerSecond: 5
  - id: chain
    sequence: [[{ transport: { drip: { bytesPerSecond: 3 } } }], [], [{ transport: { busy: { retryAfter: 30s } } }, { transport: { server-error: 502 } }, { transport: { reset-within-body: 7 } }, { transport: { bandwidth: { bytesPerSecond: 9 } } }, transport: hang]]
    optional: true
drive:
  - register: { order: a, merchantId: M, amount: 12.5, currency: USD, trt: 10, paymentMethod: CREDIT_DEBIT, txIdSuffix: -x, header: h, savedCardOf: "02", fields: { note: "1.00", n: 1.00 } }
  - register
  - pay: { order: a, card: "4111111111111111", otp: "123456", outcome: card.do-not-honour }
  - pay
  - return: { order: a, to: success }
  - status: { order: a }
  - reversal: { order: a }
  - refund: { amount: 1 }
  - complete: { amount: 1 }
  - orders
  - reconcile
  - bind: { clientId: "02", card: "5204730000001003" }
  - qrCompletion: { amount: 4, failed: true }
  - trigger: { event: late-approval }
  - resend: { order: a }
  - probe: { order: a, to: pushback, method: PUT, contentType: text/plain, query: "a=${txId}", body: '{"txId":"${value}"}', values: [x, y], copies: 3, stalls: true, forbids: [<b>] }
  - restart
  - probe: { order: a, to: gateway, replays: refund, dataOf: b }
  - advance: 10h
  - wait: 30m
  - otherOrders: { orders: 3 }
  - idle
  - burst: { orders: 32, clients: 8, each: {} }
expect:
  - { about: x, within: 30s, never: true, request: { operation: status, merchantId: M, txId: [a, b], sameOrder: true, reason: success, status: [200, 302], rule: all, field: { a: { present: false } }, apart: 1s } }
  - request: { atLeast: 1, atMost: 2 }
  - order: { txId: any, merchantId: M, state: captured, reason: system.error, amount: 1, captured: { gt: 0 }, returned: 0, approved: once, completed: never, reversed: 2, refunded: { atLeast: 1, atMost: 3 }, settled: false, exactly: 1 }
  - pushback: { txId: every, cause: approved, code: "0000", lie: [malformed, { huge: 1 }], acknowledged: false, attempts: { atLeast: 2 }, status: 500, answered: [4xx, 500], atMost: 7 }
  - events: { txId: T1, inOrder: [register, pushback, acknowledged, refunded] }
  - ledger: { currency: KHR, captured: 1, returned: 0, net: { lte: 4000 }, balanced: true }
  - shop: { txId: every, orderState: captured, believes: [paid, disputed], shipped: once }
  - shop: { orderState: captured, balanced: true }
  - anyOf: [{ request: { operation: orders } }, { allOf: [{ order: { captured: 0 } }, { shop: { shipped: never } }] }]
"##;

#[test]
fn printing_and_reading_again_gives_the_same() {
    let scenario = ScenarioFile::read("full", FULL.as_bytes()).expect("a scenario").scenario;
    let printed = scenario.to_yaml();
    match ScenarioFile::read("printed", printed.as_bytes()) {
        Ok(again) => assert_eq!(again.scenario, scenario, "{printed}"),
        Err(problems) => panic!("{printed}\n{problems:#?}"),
    }
    assert!(printed.contains("1.00") && printed.contains("2.50"), "{printed}");
}

#[test]
fn the_full_example_uses_every_key_of_the_schema() {
    let schema = Scenario::json_schema();
    let defs = schema["$defs"].as_object().expect("definitions");
    let mut missing = Vec::new();
    for (name, definition) in defs {
        collect_keys(definition, &mut |key| {
            if !FULL.contains(&format!("{key}:")) {
                missing.push(format!("{name}.{key}"));
            }
        });
    }
    assert_eq!(missing, [""; 0]);
}

fn collect_keys(schema: &serde_json::Value, found: &mut impl FnMut(&str)) {
    if let Some(properties) = schema["properties"].as_object() {
        properties.keys().for_each(|key| found(key));
    }
    for alternative in schema["anyOf"].as_array().into_iter().flatten() {
        collect_keys(alternative, found);
    }
}

/// Returns true if a value fits a schema; knows the keywords that ours uses, and no others.
pub(in crate::scenario) fn fits(schema: &Value, root: &Value, value: &Value) -> bool {
    let schema = schema.as_object().expect("a schema");
    let list = |name: &str| schema.get(name).and_then(Value::as_array);
    schema.iter().all(|(keyword, wanted)| match keyword.as_str() {
        // Patterns are for editors; there is no matcher for them here.
        "description" | "title" | "$schema" | "$defs" | "pattern" => true,
        "$ref" => {
            let name =
                wanted.as_str().and_then(|name| name.strip_prefix("#/$defs/")).expect("ours");
            fits(&root["$defs"][name], root, value)
        }
        "anyOf" => list("anyOf").expect("a list").iter().any(|one| fits(one, root, value)),
        "const" => value == wanted,
        "enum" => list("enum").expect("a list").contains(value),
        "type" => {
            let one = |name: &Value| match name.as_str().expect("a name") {
                "object" => value.is_object(),
                "array" => value.is_array(),
                "string" => value.is_string(),
                "number" => value.is_number(),
                "integer" => value.is_u64(),
                "boolean" => value.is_boolean(),
                other => panic!("{other}"),
            };
            wanted.as_array().map_or_else(|| one(wanted), |many| many.iter().any(one))
        }
        "properties" => value.as_object().is_none_or(|members| {
            members.iter().all(|(name, member)| {
                wanted.get(name).is_none_or(|schema| fits(schema, root, member))
            })
        }),
        "additionalProperties" => value.as_object().is_none_or(|members| {
            let known =
                |name: &String| schema.get("properties").is_some_and(|all| all.get(name).is_some());
            let more = members.iter().filter(|(name, _)| !known(name));
            match wanted {
                Value::Bool(allowed) => *allowed || more.count() == 0,
                schema => more.into_iter().all(|(_, member)| fits(schema, root, member)),
            }
        }),
        "required" => value.as_object().is_none_or(|members| {
            list("required")
                .expect("a list")
                .iter()
                .all(|name| members.contains_key(name.as_str().expect("a name")))
        }),
        "items" => {
            value.as_array().is_none_or(|items| items.iter().all(|item| fits(wanted, root, item)))
        }
        "minItems" => value
            .as_array()
            .is_none_or(|items| items.len() as u64 >= wanted.as_u64().expect("a number")),
        "minProperties" => value
            .as_object()
            .is_none_or(|all| all.len() as u64 >= wanted.as_u64().expect("a number")),
        "minLength" => value
            .as_str()
            .is_none_or(|text| text.len() as u64 >= wanted.as_u64().expect("a number")),
        "minimum" => {
            value.as_f64().is_none_or(|number| number >= wanted.as_f64().expect("a number"))
        }
        "maximum" => {
            value.as_f64().is_none_or(|number| number <= wanted.as_f64().expect("a number"))
        }
        other => panic!("the schema uses {other}, which this test does not know"),
    })
}

/// A YAML text as the JSON value that an editor would see.
pub(in crate::scenario) fn as_json(text: &str) -> Value {
    let doc = YamlDocument::parse("t", text.as_bytes());
    let json = doc.root().and_then(super::super::Json::read).expect("YAML");
    serde_json::from_str(&json.0).expect("JSON")
}

/// A scenario for each item of each list, with little else, so that changing it costs little.
fn pieces(full: &Value) -> Vec<Value> {
    let mut pieces = Vec::new();
    for (key, items) in full.as_object().expect("a map") {
        for item in items.as_array().into_iter().flatten() {
            let mut piece = serde_json::json!({ "version": 1, "id": "S", "title": "t" });
            piece[key] = serde_json::json!([item]);
            pieces.push(piece);
        }
    }
    pieces
}

/// Every way to change one place of a value: a stranger among its keys, a key gone, another kind of value.
fn mutants(value: &Value) -> Vec<(Value, bool)> {
    let mut mutants = vec![
        (serde_json::json!("zz"), false),
        (serde_json::json!([]), false),
        (serde_json::json!(7), false),
    ];
    match value {
        Value::Object(members) => {
            let mut stranger = members.clone();
            stranger.insert("stranger".to_owned(), Value::Null);
            mutants.push((Value::Object(stranger), true));
            for name in members.keys() {
                let mut without = members.clone();
                without.remove(name);
                mutants.push((Value::Object(without), false));
                for (inner, is_stranger) in self::mutants(&members[name]) {
                    let mut changed = members.clone();
                    changed.insert(name.clone(), inner);
                    mutants.push((Value::Object(changed), is_stranger));
                }
            }
        }
        Value::Array(items) => {
            for at in 0..items.len() {
                for (inner, is_stranger) in self::mutants(&items[at]) {
                    let mut changed = items.clone();
                    changed[at] = inner;
                    mutants.push((Value::Array(changed), is_stranger));
                }
            }
        }
        _ => {}
    }
    mutants
}

#[test]
fn the_schema_allows_what_is_read_and_knows_the_same_keys() {
    let schema = Scenario::json_schema();
    let full = as_json(FULL);
    assert!(fits(&schema, &schema, &full));
    let (mut strangers, mut read_too) = (0, 0);
    for (mutant, is_stranger) in pieces(&full).iter().flat_map(mutants) {
        let allowed = fits(&schema, &schema, &mutant);
        let read = ScenarioFile::read("t", mutant.to_string().as_bytes());
        if read.is_ok() {
            assert!(allowed, "read, but not allowed by the schema: {mutant}");
            read_too += 1;
        } else if is_stranger && allowed {
            panic!("a strange key is refused by the reader and allowed by the schema: {mutant}");
        }
        strangers += usize::from(is_stranger);
    }
    assert!(strangers > 50 && read_too > 100, "{strangers} {read_too}");
}

/// A text that a scenario might hold.
fn any_text() -> impl Strategy<Value = String> {
    prop_oneof![
        "[ -~]{1,20}",
        "\\PC{1,12}",
        Just("null".to_owned()),
        Just("1e3".to_owned()),
        "[a-z\n\t\"':#-]{1,12}"
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn arbitrary_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = ScenarioFile::read("t", &bytes);
    }

    #[test]
    fn arbitrary_yaml_is_read_or_refused(text in "[a-z0-9:\\-\\[\\]{},&*!|>'\"#\n ?%@`.]{0,120}") {
        let _ = ScenarioFile::read("t", text.as_bytes());
    }

    #[test]
    fn mutilated_scenarios_are_read_or_refused(from in 0..4000usize, length in 0..60usize, put in "[a-z:\\[{&*\n -]{0,5}") {
        let mut text: Vec<char> = FULL.chars().collect();
        let from = from.min(text.len());
        let to = (from + length).min(text.len());
        text.splice(from..to, put.chars());
        let text: String = text.into_iter().collect();
        if let Ok(file) = ScenarioFile::read("t", text.as_bytes()) {
            let _ = file.warnings();
            let printed = file.scenario.to_yaml();
            let again = ScenarioFile::read("again", printed.as_bytes());
            prop_assert_eq!(again.map(|again| again.scenario).map_err(|p| format!("{printed}\n{p:#?}")), Ok(file.scenario));
        }
    }

    #[test]
    fn texts_survive_printing(title in any_text(), id in any_text(), key in any_text()) {
        let scenario = Scenario {
            version: 1, id, title, about: None, why: None, correct: None, mistakes: Vec::new(),
            requires: Vec::new(), seed: None,
            profile: vec![Override { value: super::super::Json(serde_json::Value::from(key.as_str()).to_string()), key }],
            rules: Vec::new(), drive: Vec::new(), expect: Vec::new(),
        };
        let printed = scenario.to_yaml();
        let again = ScenarioFile::read("again", printed.as_bytes());
        prop_assert_eq!(again.map(|again| again.scenario).map_err(|p| format!("{printed}\n{p:#?}")), Ok(scenario));
    }
}
