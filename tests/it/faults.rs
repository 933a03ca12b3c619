//! Every transport fault as a client's socket sees it.

use payon_sim::base::Operation;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::{Client, Raw, Sim, SpaceHandle, soon};

/// A space with a captured order, and what the status call says of it.
async fn paid(sim: &Sim, name: &str) -> (SpaceHandle, String) {
    let space = sim.space(name).await;
    space.register("1", json!({})).await;
    space.pay("1", json!({})).await.expect(200);
    let good = ask(&space).await.end().await;
    assert!(good.head().starts_with("http/1.1 200 ok"), "{good:?}");
    let body = good.body().to_owned();
    (space, body)
}

async fn ask(space: &SpaceHandle) -> Raw {
    Raw::send(space, Operation::Status, &json!({ "txId": "1" })).await
}

async fn fault(space: &SpaceHandle, transport: Value) {
    space.arm_one(json!({ "operation": "status" }), json!([{ "transport": transport }])).await;
}

#[tokio::test]
async fn connections_end_before_within_and_after_the_reply() {
    let sim = Sim::start().await;
    let (space, good) = paid(&sim, "ends").await;

    fault(&space, json!("reset")).await;
    let ended = ask(&space).await.end().await;
    assert!(ended.is_reset && ended.text.is_empty(), "{ended:?}");

    fault(&space, json!({ "reset-within-body": 10 })).await;
    let ended = ask(&space).await.end().await;
    assert!(ended.is_reset, "{ended:?}");
    assert_eq!(ended.body(), &good[..10]);
    assert!(ended.head().contains(&format!("content-length: {}", good.len())), "{ended:?}");

    fault(&space, json!("empty")).await;
    let ended = ask(&space).await.end().await;
    assert!(!ended.is_reset && ended.text.is_empty(), "{ended:?}");

    fault(&space, json!({ "truncate": { "after": 20, "length": "wrong" } })).await;
    let ended = ask(&space).await.end().await;
    assert!(!ended.is_reset && ended.head().contains(&format!("content-length: {}", good.len())));
    assert_eq!(ended.body(), &good[..20]);

    fault(&space, json!({ "truncate": { "after": 20, "length": "right" } })).await;
    let ended = ask(&space).await.end().await;
    assert!(!ended.is_reset && ended.head().contains("content-length: 20"), "{ended:?}");
    assert_eq!(ended.body(), &good[..20]);
}

#[tokio::test]
async fn bodies_are_not_what_they_should_be() {
    let sim = Sim::start().await;
    let (space, good) = paid(&sim, "bodies").await;

    fault(&space, json!("malformed-json")).await;
    let ended = ask(&space).await.end().await;
    assert!(serde_json::from_str::<Value>(ended.body()).is_err());
    assert!(ended.body().starts_with(&good[..good.len() - 1]));

    fault(&space, json!("html")).await;
    let ended = ask(&space).await.end().await;
    assert!(ended.head().starts_with("http/1.1 200") && ended.head().contains("text/html"));
    assert!(ended.body().starts_with("<html>"), "{ended:?}");

    fault(&space, json!("wrong-content-type")).await;
    let ended = ask(&space).await.end().await;
    assert!(ended.head().contains("content-type: text/plain"), "{ended:?}");
    assert_eq!(ended.body(), good);

    fault(&space, json!("chunk-garbage")).await;
    let ended = ask(&space).await.end().await;
    assert!(ended.head().contains("transfer-encoding: chunked"), "{ended:?}");
    assert!(!ended.head().contains("content-length"), "{ended:?}");
    assert_eq!(ended.body(), format!("{:x}\r\n{good}\r\nno-size\r\n", good.len()));

    fault(&space, json!({ "busy": { "retryAfter": "2500ms" } })).await;
    let ended = ask(&space).await.end().await;
    assert!(ended.head().starts_with("http/1.1 429 too many requests"), "{ended:?}");
    assert!(ended.head().contains("retry-after: 3"), "{ended:?}");

    fault(&space, json!({ "server-error": 503 })).await;
    let ended = ask(&space).await.end().await;
    assert!(ended.head().starts_with("http/1.1 503 service unavailable"), "{ended:?}");
    assert!(ended.body().starts_with("<html>"), "{ended:?}");
}

#[tokio::test]
async fn slow_replies_come_at_the_pace_of_the_spaces_clock() {
    let sim = Sim::start().await;
    let (space, good) = paid(&sim, "slow").await;
    let now = async || space.control_get("clock").await.expect(200);
    for (transport, rate, beat_ms) in [("drip", 2, 500), ("bandwidth", 20, 50)] {
        fault(&space, json!({ transport: { "bytesPerSecond": rate } })).await;
        let begun = moment(&now().await["now"]);
        let mut raw = ask(&space).await;
        space.wait("request&operation=status").await;
        if transport == "drip" {
            assert!(raw.head().await.contains(&format!("content-length: {}", good.len())));
        }
        assert!(raw.has_nothing());
        let begins = async {
            loop {
                let due = moment(&now().await["nextDue"]);
                if due != begun {
                    return due;
                }
            }
        };
        let due = soon("the first pause", begins).await;
        assert_eq!(due, begun + beat_ms, "{transport}");
        space.advance(2 * beat_ms.unsigned_abs()).await;
        let mut first = [0; 2];
        soon("two bytes", raw.0.read_exact(&mut first)).await.unwrap();
        assert!(raw.has_nothing());
        space.run_until_idle().await;
        let rest = raw.end().await.text;
        assert!(rest.ends_with(&good[2..]), "{transport}: {rest}");
        let bytes = i64::try_from(2 + rest.len()).unwrap();
        assert_eq!(moment(&now().await["now"]), begun + bytes * beat_ms, "{transport}");
        space.control_send("DELETE", "journal", "").await;
    }
}

#[tokio::test]
async fn what_a_slow_reply_owes_is_booked_when_its_last_byte_has_left() {
    let sim = Sim::start().await;
    let (space, _) = paid(&sim, "owes").await;
    let then = json!([{ "commit": "after" }, { "transport": { "drip": { "bytesPerSecond": 1 } } }]);
    space.arm_one(json!({ "operation": "refund" }), then).await;
    let mut raw = Raw::send(&space, Operation::Refund, &json!({ "txId": "1" })).await;
    space.wait("request&operation=refund").await;
    space.advance(5000).await;
    assert_eq!(space.order("1").await["state"], "captured");
    space.run_until_idle().await;
    let seconds = raw.end().await.body().len();
    let order = space.order("1").await;
    assert_eq!(order["state"], "refunded");
    let event = order["events"].as_array().unwrap().last().unwrap();
    let begun = moment(&json!("2026-03-02T10:00:00.000+07:00"));
    assert_eq!(moment(&event["at"]), begun + i64::try_from(seconds).unwrap() * 1000);
}

fn moment(text: &Value) -> i64 {
    payon_sim::base::Millis::parse_rfc3339(text.as_str().unwrap()).unwrap().0
}

#[tokio::test]
async fn connections_stay_open_and_say_nothing() {
    let sim = Sim::start().await;
    let (space, good) = paid(&sim, "open").await;

    fault(&space, json!("hang")).await;
    let mut raw = ask(&space).await;
    space.wait("request&operation=status").await;
    assert!(raw.has_nothing());
    raw.0.shutdown().await.unwrap();
    assert_eq!(raw.end().await.text, "");

    fault(&space, json!("half-close")).await;
    let mut raw = ask(&space).await;
    let ended = raw.end().await;
    assert!(!ended.is_reset && ended.body().is_empty(), "{ended:?}");
    assert!(ended.head().contains(&format!("content-length: {}", good.len())), "{ended:?}");
    // Our side is still listened to: nothing that we write is answered with a reset.
    for _ in 0..3 {
        raw.0.write_all(b"still here").await.unwrap();
        assert_eq!(raw.end().await.text, "");
    }
}

#[tokio::test]
async fn who_has_nothing_more_to_say_is_answered_all_the_same() {
    let sim = Sim::start().await;
    let (space, _) = paid(&sim, "half").await;
    space.arm_one(json!({ "operation": "refund" }), json!([{ "latency": "1h" }])).await;
    let members = json!({ "txId": "1", "amount": "1.00" });
    let mut raw = Raw::send(&space, Operation::Refund, &members).await;
    raw.0.shutdown().await.unwrap();
    space.wait("request&operation=refund").await;
    assert!(raw.has_nothing());
    space.run_until_idle().await;
    let ended = raw.end().await;
    assert!(ended.head().starts_with("http/1.1 200 ok"), "{ended:?}");
}

#[tokio::test]
async fn a_connection_is_reset_as_soon_as_it_is_accepted() {
    let sim = Sim::start().await;
    let rule = json!([{
        "id": "closed", "when": { "operation": "connect", "scope": "rule", "first": 2 },
        "then": [{ "transport": "reset" }],
    }]);
    let url = format!("{}/_sim/v1/rules", sim.control_url);
    sim.client.send("PUT", &url, rule.to_string()).await.expect(200);
    let address = sim.url.strip_prefix("http://").unwrap();
    for is_reset in [true, true, false] {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let mut text = Vec::new();
        // A write may come before the reset.
        let _ = stream
            .write_all(
                b"GET /_sim/healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n",
            )
            .await;
        let ended = soon("the end", stream.read_to_end(&mut text)).await;
        assert_eq!(ended.is_err(), is_reset, "{}", String::from_utf8_lossy(&text));
    }
}

#[tokio::test]
async fn a_connection_is_closed_or_left_hanging_as_soon_as_it_is_accepted() {
    let sim = Sim::start().await;
    let url = format!("{}/_sim/v1/rules", sim.control_url);
    let address = sim.url.strip_prefix("http://").unwrap();
    for transport in ["empty", "hang"] {
        let rule = json!([{
            "id": transport, "when": { "operation": "connect", "scope": "rule", "first": 1 },
            "then": [{ "transport": transport }],
        }]);
        sim.client.send("PUT", &url, rule.to_string()).await.expect(200);
        let mut raw = Raw(TcpStream::connect(address).await.unwrap());
        raw.0.write_all(b"GET /_sim/healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n").await.unwrap();
        // Whoever comes after it is answered, so that it has been decided about this one.
        let next = Client::new().get(&format!("{}/_sim/v1/rules", sim.control_url)).await;
        if transport == "hang" {
            assert_eq!(next.expect(200)["rules"][0]["fired"], 1);
            assert!(raw.has_nothing());
            raw.0.shutdown().await.unwrap();
        }
        let ended = raw.end().await;
        assert!(!ended.is_reset && ended.text.is_empty(), "{transport}: {ended:?}");
    }
}

#[tokio::test]
async fn rules_at_connect_are_taken_by_the_default_space_only() {
    let sim = Sim::start().await;
    let space = sim.space("other").await;
    let rule = json!([{
        "id": "closed", "when": { "operation": ["connect", "status"] },
        "then": [{ "transport": "reset" }],
    }]);
    let answer = space.control_send("PUT", "rules", &rule.to_string()).await;
    assert_eq!(answer.problem(), (422, "refused".to_owned()));
    assert!(answer.text().contains("only rules of the space default act"), "{}", answer.text());
    let answer = space.control_send("POST", "scenarios/S052/arm", "").await;
    assert_eq!(answer.problem(), (422, "refused".to_owned()));
}

#[tokio::test]
async fn a_connection_lives_on_after_a_changed_reply() {
    let sim = Sim::start().await;
    let (space, _) = paid(&sim, "lives").await;
    let then = json!([{ "transport": { "server-error": 502 } }]);
    space.arm_one(json!({ "operation": "status", "first": 1 }), then).await;
    let asked = json!({ "txId": "1" });
    assert_eq!(space.call_signed(Operation::Status, &asked).await.status, 502);
    space.call_signed(Operation::Status, &asked).await.expect(200);
}
