//! Rules as the control plane takes them, from when they count, and what is told of those that cannot act.

use payon_sim::base::Operation;
use payon_sim::profile::{Profile, PushbackEvent};
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

use crate::support::{Raw, RawEnded, Sim, Sink, SpaceHandle};

async fn put(space: &SpaceHandle, text: &str) -> Value {
    space.control_send("PUT", "rules", text).await.expect(200)
}

fn ids(rules: &Value) -> Vec<&str> {
    rules["rules"].as_array().unwrap().iter().map(|rule| rule["id"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn rules_are_taken_in_every_form_in_which_they_are_written() {
    let sim = Sim::start().await;
    let space = sim.space("forms").await;
    let scenario = "version: 1\nid: X\ntitle: t\nseed: 7\nrules:\n  - id: down\n    then:\n      - transport: reset\n  - then: [{ latency: 1s }]\n    when: { operation: refund }\n";
    let forms = [
        (
            r#"[{"then":[{"latency":"1s"}]},{"id":"own","then":[{"status":500}]}]"#,
            vec!["rule-1", "own"],
        ),
        ("- then: [{ latency: 1s }]\n- then: [{ latency: 2s }]\n", vec!["rule-1", "rule-2"]),
        (scenario, vec!["down", "rule-2"]),
        (r#"{"rules":[{"id":"a","then":[{"latency":"1s"}]}]}"#, vec!["a"]),
        (r#"{"when":{"operation":"refund"},"then":[{"latency":"1s"}]}"#, vec!["rule-1"]),
        ("[]", vec![]),
    ];
    for (text, expected) in forms {
        let taken = put(&space, text).await;
        assert_eq!(ids(&taken), expected, "{text}");
        // What GET gives is taken again, and comes out the same.
        let given = space.control_get("rules").await.expect(200);
        let again = put(&space, &given.to_string()).await;
        assert_eq!(again["rules"], given["rules"]);
    }
    let warnings = put(&space, scenario).await["warnings"].to_string();
    assert!(warnings.contains("`seed` of the scenario was not applied"), "{warnings}");
    // Those that are added get a name that is free.
    let one = json!([{ "then": [{ "latency": "1s" }], "when": { "operation": "status" } }]);
    put(&space, &one.to_string()).await;
    let both = space.control_post("rules", &one).await.expect(200);
    assert_eq!(ids(&both), ["rule-1", "rule-2"]);
    for wrong in ["", "5", "{}", "{\"rules\":5}", "[{\"then\":[]},5]", "a: b\n"] {
        let (status, _) = space.control_send("PUT", "rules", wrong).await.problem();
        assert!([400, 422].contains(&status), "{wrong:?}: {status}");
    }
    assert_eq!(ids(&space.control_get("rules").await.expect(200)), ["rule-1", "rule-2"]);
}

#[tokio::test]
async fn a_list_of_rules_has_no_strange_keys() {
    let sim = Sim::start().await;
    let space = sim.space("strange").await;
    for text in [
        r#"{"rules":[],"zz":1}"#,
        r#"{"rules":[{"rule":{"then":[{"status":503}]},"frist":1}]}"#,
        r#"{"rule":{"then":[{"status":503}]},"zz":1}"#,
    ] {
        let answer = space.control_send("PUT", "rules", text).await;
        assert_eq!(answer.status, 400, "{text}: {}", answer.text());
        assert!(answer.text().contains("is not a key here"), "{}", answer.text());
    }
    let utf16: Vec<u8> = "[]".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let url = format!("{}/_sim/v1/rules", space.control_url);
    for (body, told) in [(utf16, "UTF-16"), (b"\x1f\x8b\x08\0\0".to_vec(), "gzip")] {
        let answer = sim.client.send("PUT", &url, body).await;
        assert!(answer.status == 400 && answer.text().contains(told), "{}", answer.text());
    }
    // What GET gives is taken.
    put(&space, r#"[{"then":[{"status":503}]}]"#).await;
    let given = space.control_get("rules").await.text();
    put(&space, &given).await;
}

#[tokio::test]
async fn a_rule_with_a_made_up_id_begins_to_count_at_zero() {
    let sim = Sim::start().await;
    let space = sim.space("made-up").await;
    let counts = |rules: &Value| {
        let rule = &rules["rules"][0];
        (rule["id"].clone(), rule["matched"].clone(), rule["fired"].clone())
    };
    let down = r#"[{"when":{"operation":"status"},"then":[{"status":503}]}]"#;
    put(&space, down).await;
    assert!(is_down(&space).await && is_down(&space).await);
    // The same rule goes on counting.
    let same = put(&space, down).await;
    assert_eq!(counts(&same), (json!("rule-1"), json!(2), json!(2)));
    space.control_send("DELETE", "rules", "").await;
    let other =
        r#"[{"when":{"operation":"status","nth":1,"scope":"rule"},"then":[{"status":503}]}]"#;
    let fresh = put(&space, other).await;
    assert_eq!(counts(&fresh), (json!("rule-1"), json!(0), json!(0)));
    assert!(is_down(&space).await && !is_down(&space).await);
    // Without a call that takes the rules away, and for one order as for all.
    let nth = r#"[{"when":{"operation":"status","nth":1},"then":[{"status":503}]}]"#;
    assert_eq!(counts(&put(&space, nth).await), (json!("rule-1"), json!(0), json!(0)));
    assert!(is_down(&space).await);
}

async fn is_down(space: &SpaceHandle) -> bool {
    let answer = space.call(Operation::Status, &json!({ "txId": "1", "amount": "1" })).await;
    answer.status == 503
}

#[tokio::test]
async fn windows_count_from_when_the_rule_is_armed() {
    let sim = Sim::start().await;
    let space = sim.space("windows").await;
    space.advance(300_000).await;
    let then = json!([{ "status": 503 }]);
    for window in [
        json!({ "from": "0s", "to": "30s" }),
        json!({ "from": "now", "to": "30s" }),
        json!({ "to": "30s" }),
        json!({ "for": "30s" }),
        json!({ "from": "0s", "for": "30s" }),
        json!({ "every": "1h", "for": "30s" }),
    ] {
        let when = json!({ "operation": "status", "window": window });
        space.arm_one(when.clone(), then.clone()).await;
        assert!(is_down(&space).await, "{window}");
        // Rules that are added later leave it its time.
        space.advance(29_999).await;
        let other = json!([{ "when": { "operation": "refund" }, "then": then }]);
        space.control_post("rules", &other).await.expect(200);
        assert!(is_down(&space).await, "{window}");
        space.advance(1).await;
        assert!(!is_down(&space).await, "{window}");
        space.arm_one(when, then.clone()).await;
        assert!(is_down(&space).await, "armed anew: {window}");
    }
    // A snapshot keeps the time of arming, also as a file.
    space.arm_one(json!({ "operation": "status", "window": { "for": "30s" } }), then.clone()).await;
    space.control_post("snapshots", &json!({ "name": "armed" })).await.expect(201);
    let file = space.control_get("snapshots/armed").await.text();
    space.control_send("PUT", "snapshots/again", &file).await.expect(200);
    space.advance(60_000).await;
    for name in ["armed", "again"] {
        space.control_post(&format!("snapshots/{name}/restore"), &json!({})).await.expect(200);
        assert!(is_down(&space).await, "{name}");
        space.advance(30_000).await;
        assert!(!is_down(&space).await, "{name}");
    }
    // A clock that is set back takes the time of arming with it.
    space.arm_one(json!({ "operation": "status", "window": { "for": "30s" } }), then).await;
    let back = json!({ "set": "2026-01-01T00:00:00+07:00" });
    space.control_post("clock", &back).await.expect(200);
    assert!(is_down(&space).await);
}

#[tokio::test]
async fn a_rule_whose_window_has_closed_for_good_is_told_as_over_and_shadows_no_other() {
    let sim = Sim::start().await;
    let space = sim.space("over").await;
    let then = json!([{ "status": 503 }]);
    let windows = [
        (json!({ "for": "30s" }), true),
        (json!({ "to": "30s" }), true),
        (json!({ "from": "10s", "for": "20s" }), true),
        (json!({ "from": "10s", "for": "21s" }), false),
        (json!({ "every": "1m", "for": "30s" }), false),
        (json!({ "from": "1h" }), false),
    ];
    let rules: Vec<Value> = windows
        .iter()
        .map(|(window, _)| json!({ "when": { "window": window }, "then": then }))
        .collect();
    space.control_send("PUT", "rules", &json!(rules).to_string()).await.expect(200);
    space.advance(30_000).await;
    let told = space.control_get("rules").await.json();
    for (rule, (window, is_over)) in told["rules"].as_array().unwrap().iter().zip(&windows) {
        assert_eq!(rule["over"], *is_over, "{window}");
    }

    let of = |id: &str, when: Value| json!({ "id": id, "when": when, "then": then });
    let brief = of("brief", json!({ "window": { "for": "30s" } }));
    let rules = json!([of("always", json!({})), brief]);
    let warnings =
        space.control_send("PUT", "rules", &rules.to_string()).await.json()["warnings"].clone();
    assert!(warnings.to_string().contains("never has its turn"), "{warnings}");
    space.advance(30_000).await;
    assert_eq!(space.control_get("rules").await.json()["warnings"], json!([]));
}

#[tokio::test]
async fn steps_of_latency_count_from_when_the_rule_is_armed() {
    let sim = Sim::start().await;
    let space = sim.space("steps").await;
    space.advance(300_000).await;
    let steps = json!([{ "from": "0s", "latency": "0ms" }, { "from": "1m", "latency": "5s" }]);
    let then = json!([{ "latency": { "steps": steps } }]);
    space.arm_one(json!({ "operation": "status" }), then).await;
    // The clock is frozen: a latency would never pass.
    space.call(Operation::Status, &json!({ "txId": "1", "amount": "1" })).await;
    let entry = &space.control_get("journal?operation=status").await.expect(200)["entries"][0];
    assert_eq!((&entry["rule"], &entry["plan"]), (&json!("rule"), &json!("nothing")));
}

#[tokio::test]
async fn a_rule_for_push_backs_without_an_operation_fits_what_causes_them() {
    let sim = Sim::start().await;
    let (space, sink) = (sim.space("copies").await, Sink::start().await);
    let rule = json!({ "when": { "txId": "2" }, "then": [{ "pushback": { "copies": 3 } }] });
    let armed = put(&space, &rule.to_string()).await;
    assert_eq!(armed["warnings"], json!([]));
    for tx_id in ["1", "2"] {
        space.register(tx_id, json!({ "noti_url": sink.url("/") })).await;
        space.pay(tx_id, json!({})).await.expect(200);
    }
    let sent = |order: &Value| order["pushbacks"].as_array().unwrap().len();
    assert_eq!(sent(&space.order("1").await), 1);
    assert_eq!(sent(&space.order("2").await), 3);
    let rule = &space.control_get("rules").await.expect(200)["rules"][0];
    assert_eq!((&rule["fired"], &rule["matchedWithoutEffect"]), (&json!(1), &json!(0)));
}

#[tokio::test]
async fn an_effect_that_cannot_act_where_its_rule_fires_is_told_before() {
    let sim = Sim::start().await;
    let space = sim.space("warned").await;
    for (operation, effect, wanted) in [
        (
            "register",
            json!({ "pushback": { "copies": 3 } }),
            Some("`pushback` cannot act at register"),
        ),
        ("status", json!({ "pushback": { "copies": 3 } }), Some("`pushback` cannot act at status")),
        ("register", json!({ "pushback": { "forged": true } }), None),
        ("orders", json!({ "pushback": { "unknownOrder": true } }), Some("cannot act at orders")),
        ("status", json!({ "commit": "never" }), Some("`commit` cannot act at status")),
        ("orders", json!({ "commit": "after" }), Some("`commit` cannot act at orders")),
        ("bindingRegister", json!({ "commit": "after" }), Some("`commit` cannot act at")),
        ("refund", json!({ "commit": "after" }), None),
        ("pay", json!({ "commit": "after" }), None),
        ("pay", json!({ "patch": { "remove": ["a"] } }), Some("`patch` cannot act at pay")),
        ("pay", json!({ "transport": "reset" }), Some("`transport` cannot act at pay")),
        ("trigger", json!({ "reason": "system.error" }), Some("`reason` cannot act at trigger")),
        ("trigger", json!({ "status": 500 }), Some("`status` cannot act at trigger")),
        ("page", json!({ "reason": "system.error" }), Some("`reason` cannot act at page")),
        ("page", json!({ "transport": "reset" }), None),
        ("refused", json!({ "latency": "1s" }), None),
        ("refused", json!({ "commit": "never" }), Some("`commit` cannot act at refused")),
    ] {
        let rule = json!([{ "when": { "operation": operation }, "then": [effect] }]);
        let answer = put(&space, &rule.to_string()).await;
        let told = answer["warnings"].as_array().unwrap();
        match wanted {
            Some(wanted) => {
                let text = told[0].as_str().unwrap_or_default();
                assert!(text.contains(wanted), "{rule}: {told:?}");
                let own = answer["rules"][0]["warnings"][0].as_str().unwrap();
                assert!(own.contains(wanted), "{answer}");
            }
            None => assert!(told.is_empty(), "{rule}: {told:?}"),
        }
    }
    // One of several operations is enough.
    let rule =
        json!([{ "when": { "operation": ["refund", "status"] }, "then": [{ "commit": "after" }] }]);
    let told = put(&space, &rule.to_string()).await["warnings"].to_string();
    assert!(told.contains("cannot act at status"), "{told}");
}

/// How often a rule with one effect has had none at a call, and its effects that the journal says had nothing to act on.
async fn without_effect(
    space: &SpaceHandle,
    operation: Operation,
    effect: Value,
    members: Value,
) -> (Value, Value) {
    space.arm(json!([])).await;
    // Rules of one name go on counting, so each has its own.
    let id = format!("{operation} {effect} {members}");
    let rule = json!([{ "id": id, "when": { "operation": operation.name() }, "then": [effect] }]);
    space.arm(rule).await;
    space.call_signed(operation, &members).await;
    let rule = space.control_get("rules").await.expect(200)["rules"][0].clone();
    let query = format!("journal?operation={operation}");
    let entries = space.control_get(&query).await.expect(200)["entries"].clone();
    let entry = entries.as_array().unwrap().last().unwrap().clone();
    assert_eq!((&rule["fired"], &entry["rule"]), (&json!(1), &json!(id)), "{rule} {entry}");
    (rule["matchedWithoutEffect"].clone(), entry["withoutEffect"].clone())
}

#[tokio::test]
async fn an_effect_that_had_nothing_to_act_on_is_told_after() {
    let sim = Sim::start().await;
    let space = sim.space("idle").await;
    space.register("1", json!({})).await;
    let idle =
        async |operation, effect, members| without_effect(&space, operation, effect, members).await;
    let one = json!({ "txId": "1" });
    // Nobody paid, so there is nothing to refund, to keep from the books, or to tell.
    let copies = json!({ "pushback": { "copies": 3 } });
    let found = idle(Operation::Refund, copies, one.clone()).await;
    assert_eq!(found, (json!(1), json!(["pushback"])));
    let found = idle(Operation::Refund, json!({ "commit": "never" }), one.clone()).await;
    assert_eq!(found, (json!(1), json!(["commit"])));
    let patch = json!({ "patch": { "remove": ["noSuchMember"] } });
    let found = idle(Operation::Status, patch, json!({ "txId": "1", "amount": "1" })).await;
    assert_eq!(found, (json!(1), json!(["patch"])));
    let found = idle(Operation::Refund, json!({ "status": 500 }), one.clone()).await;
    assert_eq!(found, (json!(0), json!([])));
    space.arm(json!([])).await;
    space.pay("1", json!({})).await.expect(200);
    let found = idle(Operation::Refund, json!({ "commit": "after" }), one).await;
    assert_eq!(found, (json!(0), json!([])));
    let counts = space.control_get("rules").await.expect(200);
    space.control_post("snapshots", &json!({ "name": "counted" })).await.expect(201);
    space.control_post("snapshots/counted/restore", &json!({})).await.expect(200);
    assert_eq!(space.control_get("rules").await.expect(200), counts);
}

#[tokio::test]
async fn a_push_back_is_an_effect_where_somebody_is_told() {
    let tells = |profile: &mut Profile| profile.pushback.events.push(PushbackEvent::Refund);
    let sim = Sim::with_profile(tells).await;
    let (space, sink) = (sim.space("told").await, Sink::start().await);
    for (tx_id, members) in [("told", json!({ "noti_url": sink.url("/") })), ("untold", json!({}))]
    {
        space.register(tx_id, members).await;
        space.pay(tx_id, json!({})).await.expect(200);
    }
    let forged = json!({ "pushback": { "forged": true } });
    for (operation, effect, amount) in [
        (Operation::Refund, json!({ "pushback": { "copies": 2 } }), "0.10"),
        (Operation::Refund, forged.clone(), "0.10"),
        // Nothing causes one, so the forged one is all that there is.
        (Operation::Status, forged.clone(), "1"),
    ] {
        let found = async |tx_id: &str| {
            let members = json!({ "txId": tx_id, "amount": amount });
            without_effect(&space, operation, effect.clone(), members).await
        };
        assert_eq!(found("told").await, (json!(0), json!([])), "{operation} {effect}");
        assert_eq!(found("untold").await, (json!(1), json!(["pushback"])), "{operation} {effect}");
    }
    // One that is dropped leaves nobody to be told.
    let dropped = json!({ "pushback": { "drop": true } });
    let members = json!({ "txId": "told", "amount": "0.10" });
    let found = without_effect(&space, Operation::Refund, dropped, members).await;
    assert_eq!(found, (json!(0), json!([])));
}

#[tokio::test]
async fn a_rule_about_an_order_whose_time_runs_out_has_an_effect_where_somebody_is_told() {
    let sim = Sim::start().await;
    let (space, sink) = (sim.space("expired").await, Sink::start().await);
    let rule = |tx_id: &str| {
        json!({ "id": tx_id, "when": { "operation": "trigger", "txId": tx_id },
                "then": [{ "pushback": { "forged": true } }] })
    };
    space.arm(json!([rule("told"), rule("untold")])).await;
    space.register("told", json!({ "noti_url": sink.url("/") })).await;
    space.register("untold", json!({})).await;
    space.advance(3_600_000).await;
    assert_eq!(sink.next().await.json()["txId"], "told");
    let rules = space.control_get("rules").await.expect(200)["rules"].clone();
    for (at, idle) in [0, 1].into_iter().enumerate() {
        let counts = (&rules[at]["fired"], &rules[at]["matchedWithoutEffect"]);
        assert_eq!(counts, (&json!(1), &json!(idle)), "{rules}");
    }
}

#[tokio::test]
async fn a_gateway_that_is_down_is_down_for_every_request_but_the_control_plane() {
    let sim = Sim::start().await;
    let space = sim.space("down").await;
    let made = space.register("1", json!({})).await;
    let page = made["checkoutUrl"].as_str().unwrap().to_owned();
    let base = space.base_url.clone();
    let good = space.merchant().body(&json!({ "txId": "1", "amount": "1" })).to_string();
    let requests = [
        ("POST", format!("{base}/pg/transaction/status"), good.as_str()),
        ("POST", format!("{base}/pg/transaction/status"), "{"),
        ("POST", format!("{base}/pg/transaction/status"), "{}"),
        ("POST", format!("{base}/pg/refund"), r#"{"merchantId":"NOBODY","termId":"T","txId":"1"}"#),
        ("GET", format!("{base}/pg/order/register"), ""),
        ("POST", format!("{base}/pg/nothing"), "{}"),
        ("GET", format!("{base}/"), ""),
        ("GET", page.clone(), ""),
        ("GET", format!("{page}/status"), ""),
        ("POST", page.clone(), "action=cancel"),
        ("GET", format!("{base}/pg/checkout/nonsense"), ""),
        ("GET", format!("{base}/pg/checkout/assets/checkout.css"), ""),
    ];
    for effect in [json!({ "status": 503 }), json!({ "transport": { "server-error": 503 } })] {
        space.arm(json!([{ "id": "down", "then": [effect] }])).await;
        for (method, url, body) in &requests {
            let answer = space.client.send(method, url, (*body).to_owned()).await;
            assert_eq!(answer.status, 503, "{effect}: {method} {url} {body}: {}", answer.text());
        }
        space.control_get("orders").await.expect(200);
    }
    let rule = space.control_get("rules").await.expect(200)["rules"][0].clone();
    assert_eq!((&rule["fired"], &rule["matchedWithoutEffect"]), (&json!(24), &json!(0)), "{rule}");
    // Really no answer at all.
    space.arm(json!([{ "id": "down", "then": [{ "transport": "reset" }] }])).await;
    for (method, url, body) in &requests {
        let ended = Raw::request(method, url, body).await.end().await;
        assert!(ended.is_reset && ended.text.is_empty(), "{method} {url}: {}", ended.text);
    }
    let journal = space.control_get("journal?limit=1000").await.expect(200);
    let noted = journal["entries"].as_array().unwrap().iter().filter(|it| it["rule"] == "down");
    assert_eq!(noted.count(), 36);
    // A rule for some calls leaves what is refused early, and the pages, as they are.
    space.arm(json!([{ "when": { "operation": "status" }, "then": [{ "status": 503 }] }])).await;
    for (at, (method, url, body)) in requests.iter().enumerate() {
        let answer = space.client.send(method, url, (*body).to_owned()).await;
        assert_eq!(answer.status == 503, at == 0, "{method} {url} {body}: {}", answer.text());
    }
    // A reason is told to those, too; a condition on the caller does not hold for what nobody vouches for.
    let reason = json!([{ "reason": "system.maintenance" }]);
    space.arm(json!([{ "when": { "merchantId": "NOBODY" }, "then": reason }])).await;
    let (method, url, body) = &requests[3];
    let before = space.client.send(method, url, (*body).to_owned()).await.text();
    space.arm(json!([{ "then": reason }])).await;
    let after = space.client.send(method, url, (*body).to_owned()).await.text();
    assert_ne!(before, after);
}

/// What comes of bytes that need not be HTTP.
async fn sent(sim: &Sim, bytes: &[u8]) -> RawEnded {
    let mut stream = TcpStream::connect(sim.url.strip_prefix("http://").unwrap()).await.unwrap();
    stream.write_all(bytes).await.unwrap();
    Raw(stream).end().await
}

#[tokio::test]
async fn what_is_no_http_meets_a_gateway_that_is_down() {
    let sim = Sim::start().await;
    let arm = async |rules: Value| {
        let url = format!("{}/_sim/v1/rules", sim.url);
        sim.client.send("PUT", &url, rules.to_string()).await.expect(200)
    };
    let host = sim.url.strip_prefix("http://").unwrap();
    let zipped = format!(
        "POST /pg/refund HTTP/1.1\r\nHost: {host}\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\n\x1f\x0b"
    );
    let requests: [&[u8]; 6] = [
        b"GARBAGE\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\nConnection: close\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 no more of it is needed\r\n\r\n",
        zipped.as_bytes(),
    ];
    arm(json!([{ "id": "down", "then": [{ "transport": "reset" }] }])).await;
    for bytes in requests {
        let ended = sent(&sim, bytes).await;
        assert!(ended.is_reset && ended.text.is_empty(), "{bytes:?}: {}", ended.text);
    }
    let rules = sim.get("v1/rules").await.expect(200);
    assert_eq!(rules["rules"][0]["fired"], 6, "{rules}");
    let journal = sim.get("v1/journal").await.expect(200);
    let noted = journal["entries"].as_array().unwrap().iter().filter(|it| it["rule"] == "down");
    assert_eq!(noted.count(), 6, "{journal}");
    for effect in [json!({ "status": 503 }), json!({ "transport": { "server-error": 503 } })] {
        arm(json!([{ "then": [effect] }])).await;
        for bytes in [requests[0], requests[1], requests[4]] {
            let ended = sent(&sim, bytes).await;
            assert!(ended.text.starts_with("HTTP/1.1 503 "), "{effect}: {}", ended.text);
        }
    }
    arm(json!([])).await;
    assert!(sent(&sim, requests[0]).await.text.starts_with("HTTP/1.1 400 "));
}

#[tokio::test]
async fn a_quick_fault_is_armed_by_its_name() {
    let sim = Sim::start().await;
    let space = sim.space("quick").await;
    let known = space.control_get("faults").await.expect(200)["faults"].clone();
    assert!(known.as_array().unwrap().len() > 10, "{known}");
    for fault in known.as_array().unwrap() {
        let wish = json!({ "fault": fault["name"] });
        let armed = space.control_post("faults", &wish).await.expect(200);
        assert_eq!(armed["warnings"], json!([]), "{fault}");
        for member in ["id", "about", "then"] {
            assert_eq!(armed["rules"][0]["rule"][member], fault["rule"][member]);
        }
        space.control_send("DELETE", "rules", "").await;
    }
    space.arm_one(json!({ "operation": "status" }), json!([{ "latency": "1h" }])).await;
    let wish = json!({ "fault": "refuse", "reason": "system.busy", "for": "30s", "times": 1, "operation": ["status"] });
    let armed = space.control_post("faults", &wish).await.expect(200);
    let when = json!({ "operation": "status", "window": { "from": "0s", "for": "30s" }, "first": 1, "scope": "rule" });
    assert_eq!(armed["rules"][0]["rule"]["when"], when, "{armed}");
    assert_eq!(armed["rules"].as_array().unwrap().len(), 2, "before the others, which stay");
    // Armed again, it takes its own place.
    let armed = space.control_post("faults", &json!({ "fault": "refuse" })).await.expect(200);
    assert_eq!(armed["rules"].as_array().unwrap().len(), 2);
    assert_eq!(armed["rules"][0]["rule"]["then"], json!([{ "reason": "system.error" }]));

    for (wish, status, said) in [
        (json!({ "fault": "slwo" }), 422, "did you mean slow"),
        (
            json!({ "fault": "hang", "copies": 3 }),
            422,
            "`copies` does not go with hang, which takes no setting",
        ),
        (json!({ "fault": "slow", "by": "soon" }), 400, "must be a length of time with its unit"),
        (json!({ "fault": "slow", "operation": ["refnd"] }), 400, "did you mean `refund`"),
        (json!({ "fault": "down", "status": 200 }), 400, "from 500 to 599"),
        (json!({ "by": "3s" }), 400, "fault"),
    ] {
        let refused = space.control_post("faults", &wish).await;
        assert_eq!(refused.status, status, "{wish}: {}", refused.text());
        assert!(refused.text().contains(said), "{wish}: {}", refused.text());
    }
    assert_eq!(space.control_get("rules").await.expect(200)["rules"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn the_catalogue_says_what_fails_and_what_can_be_armed() {
    let sim = Sim::start().await;
    let scenarios = sim.get("v1/scenarios").await.expect(200)["scenarios"].clone();
    let of = |id: &str| {
        let found = scenarios.as_array().unwrap().iter().find(|it| it["id"] == id).unwrap();
        (found["fails"].as_str().unwrap().to_owned(), found["rules"].as_u64().unwrap())
    };
    assert_eq!(of("S009"), ("pushback".into(), 1));
    assert_eq!(of("S014"), ("answer".into(), 1));
    assert_eq!(of("S060").0, "refusal");
    assert_eq!(of("S005").0, "ledger");
    assert_eq!(of("S011"), ("flow".into(), 0));
}

#[tokio::test]
async fn the_armed_rules_are_a_scenario() {
    let sim = Sim::start().await;
    let space = sim.space("armed").await;
    space.register("1", json!({})).await;
    space.control_post("scenarios/S014/arm", &json!({})).await.expect(200);
    let copied = space.control_get("scenario?rules=true").await.expect(200);
    let armed = space.control_get("rules").await.expect(200)["rules"][0]["rule"].clone();
    assert_eq!(copied["scenario"]["rules"], json!([armed]));
    assert_eq!(copied["scenario"]["drive"], json!(null), "what was done is not in it");
    let yaml = copied["yaml"].as_str().unwrap();
    assert_eq!(put(&space, yaml).await["rules"][0]["rule"], armed, "{yaml}");
    let both = space.control_get("scenario?rules=true&merchantId=a&txId=1").await;
    assert_eq!(both.status, 400, "{}", both.text());
}
