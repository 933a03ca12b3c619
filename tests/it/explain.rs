//! What the journal tells of a request: what it booked and when, how its reply left, which card decided.

use payon_sim::base::Operation;
use payon_sim::crypto::Padding;
use payon_sim::gateway::link;
use payon_sim::profile::Profile;
use serde_json::{Value, json};

use crate::support::{Raw, Sim, SpaceHandle};

/// A space with a captured order.
async fn paid(sim: &Sim, name: &str) -> SpaceHandle {
    let space = sim.space(name).await;
    space.register("1", json!({})).await;
    space.pay("1", json!({})).await.expect(200);
    space
}

/// What the journal tells of the latest request.
async fn latest(space: &SpaceHandle) -> Value {
    let page = space.control_get("journal?limit=1").await.expect(200);
    let trace = page["entries"][0]["trace"].as_str().unwrap().to_owned();
    space.control_get(&format!("journal/{trace}")).await.expect(200)
}

async fn refund(space: &SpaceHandle, amount: &str) -> Raw {
    Raw::send(space, Operation::Refund, &json!({ "txId": "1", "amount": amount })).await
}

#[tokio::test]
async fn a_request_without_a_rule_is_booked_before_its_whole_reply() {
    let sim = Sim::start().await;
    let space = paid(&sim, "plain").await;
    let answer =
        space.call_signed(Operation::Refund, &json!({ "txId": "1", "amount": "0.40" })).await;
    let told = latest(&space).await;
    assert_eq!(
        (&told["stateBefore"], &told["stateAfter"]),
        (&json!("captured"), &json!("partlyRefunded"))
    );
    assert_eq!(
        told["booking"],
        json!({
            "when": "before", "withheld": [], "withheldState": null, "about": "booked before the reply",
        })
    );
    assert_eq!(told["events"][0]["amount"], "0.40");
    let bytes = answer.body.len();
    assert_eq!(
        told["wire"],
        json!({
            "stage": "left", "status": 200, "bodyBytes": bytes, "bodyBytesDecided": bytes,
            "fault": null, "answered": true, "about": format!("HTTP 200 and all {bytes} bytes"),
        })
    );

    // A look changes nothing; nor does what happens later change what was then.
    space.call_signed(Operation::Status, &json!({ "txId": "1" })).await.expect(200);
    let looked = latest(&space).await["trace"].as_str().unwrap().to_owned();
    space.call_signed(Operation::Refund, &json!({ "txId": "1" })).await.expect(200);
    let told = space.control_get(&format!("journal/{looked}")).await.expect(200);
    assert_eq!(told["booking"]["when"], "nothing");
    assert_eq!(told["order"]["state"], "refunded");
    for state in ["stateBefore", "stateAfter"] {
        assert_eq!(told[state], "partlyRefunded");
    }
}

#[tokio::test]
async fn what_went_over_the_wire_for_a_page_is_told_as_far_as_it_is_known() {
    let sim = Sim::start().await;
    let space = paid(&sim, "pages").await;
    let page = space.register("page", json!({})).await["checkoutUrl"].as_str().unwrap().to_owned();
    // The journal notes the opening of a link, and keeps no page.
    let order = space.merchant().body(&json!({
        "txId": "link", "trt": "10", "currency": "USD", "amount": "1.00", "paymentMethod": "CREDIT_DEBIT",
    }));
    let profile = Profile::builtin();
    let key = profile.gateway_key.public_key().unwrap();
    let data = link::make(key, Padding::Pkcs1, &order.to_string()).unwrap();
    for (data, status) in [("broken", 400), (&data, 303)] {
        let link = format!(
            "{}/pg/checkout?merchantId={}&data={data}",
            space.base_url,
            space.merchant().id
        );
        let answer = sim.client.get(&link).await;
        assert_eq!(answer.status, status, "{}", answer.text());
        assert_eq!(
            latest(&space).await["wire"],
            json!({
                "stage": "left", "status": status, "bodyBytes": null, "bodyBytesDecided": null,
                "fault": null, "answered": true,
                "about": format!("HTTP {status}; the journal keeps no page"),
            })
        );
    }
    // Where a rule stepped in, its bytes were counted.
    space.arm_one(json!({}), json!([{ "status": 503 }])).await;
    let answer = sim.client.get(&page).await;
    let bytes = answer.body.len();
    let wire = &latest(&space).await["wire"];
    assert_eq!((&wire["bodyBytes"], &wire["bodyBytesDecided"]), (&json!(bytes), &json!(null)));
    assert_eq!(wire["about"], format!("HTTP 503 and {bytes} bytes of a page"));
    // A rule breaks a page, and what is none, as any answer.
    for path in [page, format!("{}/none", space.base_url)] {
        space.arm_one(json!({}), json!([{ "transport": "reset" }])).await;
        Raw::request("GET", &path, "").await.end().await;
        let wire = &latest(&space).await["wire"];
        assert_eq!((&wire["fault"], &wire["answered"]), (&json!("reset"), &json!(false)), "{wire}");
        assert_eq!(wire["about"], "not a byte: the connection was reset before the first byte");
    }
}

#[tokio::test]
async fn the_wire_and_the_books_of_each_commit_point_and_fault() {
    let sim = Sim::start().await;
    for commit in ["before", "after", "never"] {
        for (fault, status, bytes, answered, about) in [
            (
                json!("reset"),
                None,
                Some(0),
                false,
                "not a byte: the connection was reset before the first byte",
            ),
            (
                json!({ "reset-within-body": 7 }),
                Some(200),
                Some(7),
                false,
                "HTTP 200 and 7 bytes in place of ",
            ),
            (
                json!("empty"),
                None,
                Some(0),
                false,
                "not a byte: the connection was closed without a byte",
            ),
            (
                json!({ "truncate": { "after": 9, "length": "wrong" } }),
                Some(200),
                Some(9),
                false,
                "HTTP 200 and 9 bytes in place of ",
            ),
            (
                json!({ "truncate": { "after": 9, "length": "right" } }),
                Some(200),
                Some(9),
                true,
                "HTTP 200 and 9 bytes in place of ",
            ),
            (json!("chunk-garbage"), Some(200), None, false, "HTTP 200 and all "),
            (json!("half-close"), Some(200), Some(0), false, "HTTP 200 and 0 bytes in place of "),
            (json!({ "server-error": 502 }), Some(502), None, true, "HTTP 502 and "),
            (json!("wrong-content-type"), Some(200), None, true, "HTTP 200 and all "),
        ] {
            let space = paid(&sim, "faults").await;
            let then = json!([{ "commit": commit }, { "transport": fault }]);
            space.arm_one(json!({ "operation": "refund" }), then).await;
            refund(&space, "0.40").await.end().await;
            let told = latest(&space).await;
            let (wire, booking) = (&told["wire"], &told["booking"]);
            let what = format!("{commit} {fault}: {wire} {booking}");
            assert_eq!(
                (&wire["stage"], &wire["status"]),
                (&json!("left"), &json!(status)),
                "{what}"
            );
            if let Some(bytes) = bytes {
                assert_eq!(wire["bodyBytes"], bytes, "{what}");
            }
            assert_eq!(wire["answered"], answered, "{what}");
            assert!(wire["about"].as_str().unwrap().starts_with(about), "{what}");
            let name =
                fault.as_str().unwrap_or_else(|| fault.as_object().unwrap().keys().next().unwrap());
            assert_eq!(wire["fault"], name);

            let withheld = json!([{ "change": "refunded", "amount": "0.40" }]);
            let (state, after) = match commit {
                "before" => (json!(null), "partlyRefunded"),
                "after" => (json!("booked"), "partlyRefunded"),
                _ => (json!(null), "captured"),
            };
            assert_eq!(booking["when"], commit, "{what}");
            assert_eq!(booking["withheldState"], state, "{what}");
            assert_eq!(booking["withheld"], if commit == "before" { json!([]) } else { withheld });
            assert_eq!(told["events"].as_array().unwrap().len(), usize::from(commit != "never"));
            assert_eq!(
                (&told["stateBefore"], &told["stateAfter"]),
                (&json!("captured"), &json!(after))
            );
            space.control_send("DELETE", "spaces/faults", "").await;
        }
    }
}

#[tokio::test]
async fn a_reply_that_is_held_back_and_what_it_owes() {
    let sim = Sim::start().await;
    let space = paid(&sim, "held").await;
    let then = json!([{ "latency": "5s" }, { "commit": "after" }]);
    space.arm_one(json!({ "operation": "refund", "first": 1 }), then).await;
    let mut raw = refund(&space, "0.40").await;
    space.wait("request&operation=refund").await;
    let told = latest(&space).await;
    assert_eq!(
        (&told["wire"]["stage"], &told["wire"]["answered"]),
        (&json!("held"), &json!(false))
    );
    assert_eq!(told["booking"]["withheldState"], "waiting");
    let trace = told["trace"].as_str().unwrap().to_owned();
    // Another one comes first, so the first finds another order than it was decided for.
    space
        .call_signed(Operation::Refund, &json!({ "txId": "1", "amount": "0.90" }))
        .await
        .expect(200);
    space.advance(5000).await;
    assert!(raw.end().await.head().starts_with("http/1.1 200"));
    let told = space.control_get(&format!("journal/{trace}")).await.expect(200);
    assert_eq!((&told["wire"]["stage"], &told["wire"]["status"]), (&json!("left"), &json!(200)));
    assert_eq!(told["booking"]["withheldState"], "overtaken", "{}", told["booking"]);
    assert_eq!(told["events"], json!([]));
}

#[tokio::test]
async fn a_rule_that_refuses_leaves_nothing_to_book() {
    let sim = Sim::start().await;
    let space = paid(&sim, "refuses").await;
    let then = json!([{ "reason": "system.error" }]);
    space.arm_one(json!({ "operation": "refund" }), then).await;
    space.call_signed(Operation::Refund, &json!({ "txId": "1" })).await;
    let told = latest(&space).await;
    assert_eq!(
        (&told["booking"]["when"], &told["booking"]["withheld"]),
        (&json!("never"), &json!([]))
    );
    assert_eq!(told["wire"]["answered"], true);
}

#[tokio::test]
async fn the_card_that_decided_and_its_line() {
    let sim = Sim::start().await;
    let space = sim.space("cards").await;
    space.register("1", json!({})).await;
    space.pay("1", json!({ "outcome": "card.expired" })).await.expect(200);
    let first = latest(&space).await;
    assert_eq!(
        (&first["stateBefore"], &first["stateAfter"]),
        (&json!("registered"), &json!("failed"))
    );

    let text = std::fs::read_to_string("fixtures/pgtest/cards.toml").unwrap();
    let declined =
        text.lines().position(|line| line.contains("outcome = \"card.do-not-honour\"")).unwrap();
    let lines: Vec<_> = text.lines().collect();
    let row = lines[..declined].iter().rposition(|line| line.starts_with("[[card]]")).unwrap();
    let number = lines[row..].iter().find(|line| line.starts_with("number")).unwrap();
    let number = number.split('"').nth(1).unwrap();
    space.register("2", json!({})).await;
    space.pay("2", json!({ "card": number })).await.expect(200);
    let told = latest(&space).await;
    let card = &told["card"];
    assert_eq!(card["outcome"], "card.do-not-honour", "{told}");
    assert_eq!(card["profileLine"], format!("fixtures/pgtest/cards.toml:{}", row + 1));
    assert!(card["number"].as_str().unwrap().ends_with(&number[12..]));
    assert!(!told.to_string().contains(number));

    // A refund is decided by no card.
    space.register("3", json!({})).await;
    space.pay("3", json!({})).await.expect(200);
    assert_eq!(latest(&space).await["card"]["outcome"], "success");
    space.call_signed(Operation::Refund, &json!({ "txId": "3" })).await.expect(200);
    assert_eq!(latest(&space).await["card"], Value::Null);
}

#[tokio::test]
async fn near_misses_are_told_with_the_state_of_then() {
    let sim = Sim::start().await;
    let space = paid(&sim, "near").await;
    let when = json!({ "operation": "refund", "orderState": "partlyRefunded" });
    space.arm_one(when, json!([{ "latency": "1s" }])).await;
    space
        .call_signed(Operation::Refund, &json!({ "txId": "1", "amount": "0.40" }))
        .await
        .expect(200);
    let told = latest(&space).await;
    let failed = &told["nearestRules"][0]["failed"][0];
    assert_eq!(failed["key"], "orderState");
    assert!(failed["told"].as_str().unwrap().ends_with("is \"captured\""), "{failed}");

    let when = json!({ "operation": "pay", "card": { "number": "4111111111111111" } });
    space.arm_one(when, json!([{ "latency": "1s" }])).await;
    space.register("2", json!({})).await;
    space.pay("2", json!({})).await.expect(200);
    let failed = latest(&space).await["nearestRules"][0]["failed"].clone();
    assert_eq!(failed[0]["key"], "card", "{failed}");
}
