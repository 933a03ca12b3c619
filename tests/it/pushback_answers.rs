//! Receivers of push-backs that answer oddly, break off or never end: the attempt says what came and what was missing.

use std::time::Instant;

use bytes::Bytes;
use payon_sim::base::Operation;
use payon_sim::profile::Acknowledge;
use payon_sim::space::Budgets;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use crate::support::{Events, Manner, Reply, RudeSink, Setup, Sim, Sink, SpaceHandle, soon};

/// Sends one push-back to `url` and waits until its first attempt has ended; the push-back then.
async fn tell(space: &SpaceHandle, tx_id: &str, url: &str) -> Value {
    space.register(tx_id, json!({ "noti_url": url })).await;
    space.pay(tx_id, json!({})).await.expect(200);
    space.wait(&format!("idle&txId={tx_id}")).await;
    let page = space.control_get(&format!("pushbacks?txId={tx_id}")).await.expect(200);
    page["pushbacks"][0].clone()
}

/// The same to a receiver that answers these bytes.
async fn tell_rude(space: &SpaceHandle, tx_id: &str, options: Manner) -> Value {
    let sink = RudeSink::start(options).await;
    tell(space, tx_id, &sink.url("/noti")).await
}

fn headers(count: usize) -> String {
    "X-Header: 1\r\n".repeat(count)
}

fn closed(answer: impl Into<Bytes>) -> Manner {
    Manner::Close(answer.into())
}

#[tokio::test]
async fn a_body_that_acknowledges_does_so_whatever_stands_beside_it() {
    let sim =
        Sim::with_profile(|profile| profile.pushback.acknowledge = Acknowledge::BodyCode).await;
    let space = sim.space("body").await;
    let body = r#"{"resultCode":"0000"}"#;
    let long = format!(r#"{{"resultCode":"0000","x":"{}"}}"#, "a".repeat(100_000));
    let mark = format!("\u{feff}{body}");
    let deep = format!("{{\"a\":{}{},\"resultCode\":\"0000\"}}", "[".repeat(300), "]".repeat(300));
    for (tx_id, head, body) in [
        ("created", "201 Created\r\nLocation: /orders/1", body),
        ("located", "200 OK\r\nLocation: /orders/1", body),
        ("long", "200 OK", &long),
        ("mark", "200 OK", &mark),
        ("deep", "200 OK", &deep),
    ] {
        let length = body.len();
        let answer = format!("HTTP/1.1 {head}\r\nContent-Length: {length}\r\n\r\n{body}");
        let told = tell_rude(&space, tx_id, closed(answer)).await;
        assert_eq!(told["state"], "acknowledged", "{told}");
    }
}

#[tokio::test]
async fn a_body_that_does_not_acknowledge_says_why() {
    let sim =
        Sim::with_profile(|profile| profile.pushback.acknowledge = Acknowledge::BodyCode).await;
    let space = sim.space("refused").await;
    let missing = r#"HTTP 200, but the body does not say resultCode = "0000""#;
    let too_long = format!(r#"{{"resultCode":"0000","x":"{}"}}"#, "a".repeat(1 << 20));
    let deep = format!("{{\"a\":{}{}}}", "[".repeat(300), "]".repeat(300));
    for (tx_id, body, error) in [
        ("other", r#"{"resultCode":"9999"}"#, missing.to_owned()),
        ("none", "{}", format!("{missing}: it has no resultCode")),
        ("number", r#"{"resultCode":0}"#, format!("{missing}: its resultCode is no text")),
        ("html", "<html>", format!("{missing}: it is not JSON")),
        ("empty", "", format!("{missing}: it is empty")),
        ("deep", &deep, format!("{missing}: it has no resultCode")),
        ("list", "[1]", format!("{missing}: it has no resultCode")),
        (
            "utf-16",
            "{\0\"\0a\0\"\0:\x001\0}\0",
            format!("{missing}: it is UTF-16 text, not UTF-8; send it as UTF-8"),
        ),
        (
            "too-long",
            &too_long,
            r#"HTTP 200, but its body is longer than 1048576 bytes, so that it is not looked at for resultCode = "0000""#.to_owned(),
        ),
    ] {
        let length = body.len();
        let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n{body}");
        let told = tell_rude(&space, tx_id, closed(answer)).await;
        let attempt = &told["attempts"][0];
        assert_eq!((&attempt["error"], &told["state"]), (&json!(error), &json!("waiting")));
        assert!(attempt["response"].as_str().unwrap().len() <= 4096);
    }
}

#[tokio::test]
async fn what_an_answer_says_in_secret_is_kept_nowhere() {
    const PAN: &str = "4111111111111111";
    let sim = Sim::start().await;
    let space = sim.space("echo").await;
    let long = format!("{}{PAN}", "a".repeat(2040));
    for (tx_id, body) in [
        ("json", format!(r#"{{"resultCode":"1","card":"{PAN}","cvv":"86420"}}"#)),
        ("form", format!("card={PAN}&cvv=86420&note={PAN}")),
        ("xml", format!("<cvv>86420</cvv><n>{PAN}</n>")),
        ("cut", long),
    ] {
        let length = body.len();
        let answer = format!(
            "HTTP/1.1 500 No\r\nX-Card: {PAN}\r\nX-Cvv: 86420\r\nLocation: /n?cvv=86420&n={PAN}\r\nContent-Length: {length}\r\n\r\n{body}"
        );
        let told = tell_rude(&space, tx_id, closed(answer)).await;
        assert!(told["attempts"][0]["headers"].to_string().contains("411111******1111"), "{told}");
    }
    // An answer that is none is quoted by its beginning.
    let told = tell_rude(&space, "none", closed(format!("card {PAN}"))).await;
    assert!(told.to_string().contains("begins with"), "{told}");
    space.control_post("snapshots", &json!({ "name": "s" })).await.expect(201);
    for place in ["pushbacks", "journal", "orders", "snapshots/s"] {
        let text = space.control_get(place).await.text();
        for secret in [PAN, "86420", &PAN[..13]] {
            assert!(!text.contains(secret), "{secret} in {place}: {text}");
        }
    }
}

#[tokio::test]
async fn an_answer_that_ends_short_keeps_what_came_of_it() {
    let sim = Sim::start().await;
    let space = sim.space("short").await;
    let head = "HTTP/1.1 200 OK\r\nX-Shop: 7\r\nSet-Cookie: session=1\r\n";
    for (tx_id, answer, error) in [
        (
            "length",
            format!("{head}Content-Length: 50\r\n\r\nOK"),
            "HTTP 200, but its body ended short: 2 of 50 bytes came",
        ),
        (
            "chunks",
            format!("{head}Transfer-Encoding: chunked\r\n\r\n2\r\nOK\r\n"),
            "HTTP 200, but its body broke off after 2 bytes",
        ),
    ] {
        let told = tell_rude(&space, tx_id, closed(answer)).await;
        let attempt = &told["attempts"][0];
        assert_eq!(
            (&attempt["status"], &attempt["response"], &attempt["error"]),
            (&json!(200), &json!("OK"), &json!(error))
        );
        assert_eq!(attempt["headers"]["x-shop"], "7");
        assert_eq!(attempt["headers"]["set-cookie"], "(not kept)");
    }
}

#[tokio::test]
async fn an_answer_that_never_ends_says_which_part_was_missing() {
    let sim = Sim::with_profile(|profile| profile.pushback.timeout_ms = 400).await;
    let space = sim.space("endless").await;
    for (tx_id, options, status, response, error) in [
        (
            "body",
            Manner::Open("HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nOK".into()),
            json!(200),
            "OK",
            "HTTP 200, but its body did not end within 400 ms",
        ),
        (
            "chunks",
            Manner::Open(
                "HTTP/1.1 500 Oops\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nOK\r\n".into(),
            ),
            json!(500),
            "OK",
            "HTTP 500, but its body did not end within 400 ms",
        ),
        (
            "head",
            Manner::Open("HTTP/1.1 200 OK\r\nX-More".into()),
            json!(200),
            "",
            "HTTP 200, but its head did not end within 400 ms",
        ),
        (
            "interim",
            Manner::Open("HTTP/1.1 100 Continue\r\n\r\n".into()),
            json!(null),
            "",
            "only interim answers (1xx) came within 400 ms",
        ),
        ("silence", Manner::Silence, json!(null), "", "no answer within 400 ms"),
    ] {
        let told = tell_rude(&space, tx_id, options).await;
        let attempt = &told["attempts"][0];
        assert_eq!(
            (&attempt["status"], &attempt["response"], &attempt["error"]),
            (&status, &json!(response), &json!(error))
        );
    }
}

#[tokio::test]
async fn an_answer_that_is_no_answer_is_named() {
    let sim = Sim::start().await;
    let space = sim.space("no-answer").await;
    let many = headers(300);
    let large = format!("X-Large: {}\r\n", "a".repeat(80_000));
    for (tx_id, answer, error) in [
        ("ssh", "SSH-2.0-OpenSSH_9.6\r\n".into(), r#"it is no HTTP/1.1, it begins with "SSH-2.0-"#),
        (
            "tls",
            "\u{15}\u{3}\u{3}\0\u{2}\u{2}\n".to_owned(),
            "the address must begin with https://",
        ),
        ("http2", "\0\0\u{12}\u{4}\0\0\0\0\0".into(), "the port speaks HTTP/2"),
        ("nothing", String::new(), "no answer: the connection was closed before a byte of it came"),
        (
            "half",
            "HTTP/1.1 2".into(),
            "the connection was closed in the middle of the answer's head",
        ),
        (
            "header",
            "HTTP/1.1 200 OK\r\nno header\r\n\r\n".into(),
            "HTTP 200, but the head of its answer is no valid HTTP",
        ),
        (
            "many",
            format!("HTTP/1.1 200 OK\r\n{many}\r\n"),
            "HTTP 200, but its answer has more than 256 headers",
        ),
        (
            "length",
            format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", u64::MAX),
            "HTTP 200, but its Content-Length is more than any answer has",
        ),
        ("status", "HTTP/1.1 2000 N\r\n\r\n".into(), "the head of its answer is no valid HTTP"),
        (
            "large",
            format!("HTTP/1.1 200 OK\r\n{large}\r\n"),
            "HTTP 200, but the head of its answer is longer than 65536 bytes",
        ),
    ] {
        let told = tell_rude(&space, tx_id, closed(answer)).await;
        let said = told["attempts"][0]["error"].as_str().unwrap();
        assert!(said.contains(error), "{tx_id}: {said}");
        // What is recorded as its status is what the sentence says.
        let status = told["attempts"][0]["status"].as_u64();
        assert_eq!(status.is_some(), said.starts_with("HTTP 200, "), "{tx_id}: {told}");
    }
    // A few more than most servers send are no fault.
    let some = headers(150);
    let answer = format!("HTTP/1.1 200 OK\r\n{some}Content-Length: 0\r\n\r\n");
    assert_eq!(tell_rude(&space, "some", closed(answer)).await["state"], "acknowledged");
}

#[tokio::test]
async fn tls_and_plain_http_that_miss_each_other_are_named() {
    let sim = Sim::start().await;
    let space = sim.space("schemes").await;
    let error = |told: &Value| told["attempts"][0]["error"].as_str().unwrap().to_owned();
    let plain = Sink::start().await;
    let url = plain.url("/noti").replace("http://", "https://");
    let said = error(&tell(&space, "tls-to-plain", &url).await);
    assert!(said.contains("the address must begin with http://"), "{said}");
    let tls = Sink::start_tls().await;
    let url = tls.url("/noti").replace("https://", "http://");
    let said = error(&tell(&space, "plain-to-tls", &url).await);
    assert!(said.contains("the address must begin with https://"), "{said}");
    let rude = RudeSink::start(closed("")).await;
    let url = rude.url("/noti").replace("http://", "https://");
    let said = error(&tell(&space, "closed", &url).await);
    assert!(said.contains("closed the connection when TLS began"), "{said}");
    let said = error(&tell(&space, "name", "http://shop.invalid/noti").await);
    assert!(said.contains("the name \"shop.invalid\" cannot be resolved"), "{said}");
}

#[tokio::test]
async fn a_name_below_localhost_is_this_machine() {
    let sim = Sim::start().await;
    let space = sim.space("localhost").await;
    let sink = Sink::start().await;
    let url = sink.url("/noti").replace("127.0.0.1", "shop.localhost");
    assert_eq!(tell(&space, "1", &url).await["state"], "acknowledged");
    let host = sink.next().await.headers["host"].to_str().unwrap().to_owned();
    assert!(host.starts_with("shop.localhost:"), "{host}");
}

#[tokio::test]
async fn endless_interim_answers_end_the_attempt_early() {
    let sim = Sim::start().await;
    let space = sim.space("interim").await;
    let begun = Instant::now();
    let options = Manner::Endless("HTTP/1.1 100 Continue\r\n\r\n".repeat(100).into());
    let told = tell_rude(&space, "continue", options).await;
    let said = told["attempts"][0]["error"].as_str().unwrap();
    assert_eq!(said, "interim answers (1xx) without end: no final one within 262144 bytes");
    let options = Manner::Endless("X-More: 1\r\n".repeat(100).into());
    let told = tell_rude(&space, "no-http", options).await;
    assert!(told["attempts"][0]["error"].as_str().unwrap().contains("no HTTP/1.1"), "{told}");
    // The whole limit of an attempt is ten seconds.
    assert!(begun.elapsed().as_secs() < 8, "{:?}", begun.elapsed());
}

#[tokio::test]
async fn a_connection_is_closed_after_each_push_back_unless_the_profile_keeps_it() {
    for keep_alive in [false, true] {
        let sim = Sim::with_profile(|profile| profile.pushback.keep_alive = keep_alive).await;
        let space = sim.space("connections").await;
        let sink = Sink::start().await;
        for tx_id in ["1", "2", "3"] {
            assert_eq!(tell(&space, tx_id, &sink.url("/noti")).await["state"], "acknowledged");
            let said = sink.next().await.headers.get("connection").cloned();
            let expected = (!keep_alive).then_some("close");
            assert_eq!(said.as_ref().map(|it| it.to_str().unwrap()), expected);
        }
        assert_eq!(sink.connections(), if keep_alive { 1 } else { 3 });
        sink.reply(Reply::Status(500, ""));
        assert_eq!(tell(&space, "4", &sink.url("/noti")).await["state"], "waiting");
    }
}

/// A server that serves one connection at a time until the other side ends it, as Python's `HTTPServer` does.
async fn one_at_a_time() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/noti", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = [0; 4096];
            while matches!(stream.read(&mut request).await, Ok(1..)) {
                let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
                if stream.write_all(answer).await.is_err() {
                    break;
                }
            }
        }
    });
    url
}

#[tokio::test]
async fn a_server_of_one_thread_takes_three_push_backs_and_answers_others() {
    let sim = Sim::start().await;
    let space = sim.space("one-thread").await;
    let url = one_at_a_time().await;
    let copies = json!([{ "pushback": { "copies": 3 } }]);
    space.arm_one(json!({ "operation": "pay" }), copies).await;
    space.register("1", json!({ "noti_url": url })).await;
    space.pay("1", json!({})).await.expect(200);
    space.wait("idle").await;
    let page = space.control_get("pushbacks?txId=1").await.expect(200);
    let told = page["pushbacks"].as_array().unwrap();
    assert_eq!(told.len(), 3);
    for one in told {
        assert_eq!(
            (&one["state"], one["attempts"].as_array().unwrap().len()),
            (&json!("acknowledged"), 1)
        );
    }
    space.client.get(&url).await.expect(200);
}

#[tokio::test]
async fn a_huge_notice_takes_no_room_while_it_waits_and_arrives_whole() {
    let sim = Sim::start().await;
    let space = sim.space("huge").await;
    let sink = Sink::start().await;
    let then = json!([{ "pushback": { "instead": { "huge": 3_000_000 }, "copies": 2 } }]);
    space.arm_one(json!({ "operation": "pay" }), then).await;
    space.register("1", json!({ "noti_url": sink.url("/noti") })).await;
    space.pay("1", json!({})).await.expect(200);
    for _ in 0..2 {
        let received = sink.next().await;
        assert_eq!(received.json()["filler"].as_str().unwrap().len(), 3_000_000);
        assert_eq!(received.headers["content-length"], received.body.len().to_string().as_str());
    }
    space.wait("idle").await;
    let order = space.order("1").await;
    assert_eq!(order["pushbacks"][0]["fillerBytes"], 3_000_000);
    assert_eq!(order["pushbacks"][0]["body"]["filler"], "");
    let snapshot = space.control_post("snapshots", &json!({ "name": "s" })).await;
    assert_eq!(snapshot.status / 100, 2, "{}", snapshot.text());
}

#[tokio::test]
async fn huge_notices_in_many_copies_are_refused_by_name() {
    let sim = Sim::start().await;
    let space = sim.space("amplified").await;
    for (pushback, said) in [
        (json!({ "instead": { "huge": 67_108_864 }, "copies": 100 }), "at most 268435456"),
        (
            json!({ "last": [{ "huge": 67_108_864 }, { "huge": 67_108_864 }], "first": [{ "huge": 67_108_864 }, { "huge": 67_108_864 }, { "huge": 1 }] }),
            "at most 268435456",
        ),
        (json!({ "copies": 60, "first": vec!["malformed"; 60] }), "at most 100"),
    ] {
        let rules = json!([{ "id": "r", "when": { "operation": "pay" }, "then": [{ "pushback": pushback }] }]);
        let answer = space.control_send("PUT", "rules", &rules.to_string()).await;
        assert_eq!(answer.status / 100, 4, "{}", answer.text());
        assert!(answer.text().contains(said), "{}", answer.text());
    }
}

#[tokio::test]
async fn an_order_without_an_address_says_that_no_push_back_comes() {
    let sim = Sim::start().await;
    let space = sim.space("nowhere").await;
    space
        .register(
            "misspelt",
            json!({ "notiUrl": "http://127.0.0.1:1/", "returnUrl": "http://127.0.0.1:1/" }),
        )
        .await;
    let order = space.order("misspelt").await;
    assert_eq!(
        order["noPushback"],
        "no push-back: the order has no noti_url and its merchant none"
    );
    let found: Vec<_> =
        order["findings"].as_array().unwrap().iter().map(|it| &it["about"]).collect();
    assert!(
        found.contains(&&json!("`notiUrl` is no field of PAYON's; did you mean `noti_url`?")),
        "{found:?}"
    );
    assert!(
        found.contains(&&json!("`returnUrl` is no field of PAYON's; did you mean `success_url`?")),
        "{found:?}"
    );
    space.pay("misspelt", json!({})).await.expect(200);
    for awaited in ["pushback-acknowledged", "pushback-exhausted"] {
        let wait = format!("wait?for={awaited}&txId=misspelt&timeoutMs=60000");
        let answer = soon("the answer", space.control_get(&wait)).await;
        let said = answer.json()["detail"].as_str().unwrap().to_owned();
        assert_eq!(answer.problem(), (408, "timed-out".to_owned()));
        assert!(
            said.contains("this order has no noti_url, its merchant none: no push-back will come"),
            "{said}"
        );
        assert!(said.contains("did you mean `noti_url`?"), "{said}");
    }
    let answer = space.control_get("wait?for=pushback-acknowledged&txId=nobody&timeoutMs=1").await;
    assert!(answer.text().contains("there is no order of this txId"), "{}", answer.text());
    // Either address is enough.
    let sink = Sink::start().await;
    space.register("own", json!({ "noti_url": sink.url("/") })).await;
    assert_eq!(space.order("own").await["noPushback"], json!(null));
    let path = format!("merchants/{}", space.merchant().id);
    let change = json!({ "notiUrl": sink.url("/merchant") }).to_string();
    space.control_send("PATCH", &path, &change).await.expect(200);
    space.register("merchants", json!({})).await;
    let order = space.order("merchants").await;
    assert_eq!((&order["noPushback"], &order["findings"]), (&json!(null), &json!([])));
}

#[tokio::test]
async fn an_order_whose_push_back_a_rule_dropped_says_so() {
    let sim = Sim::start().await;
    let (space, sink) = (sim.space("dropped").await, Sink::start().await);
    let drop = json!({
        "id": "silence", "when": { "operation": "pay" }, "then": [{ "pushback": { "drop": true } }],
    });
    space.arm(json!([drop])).await;
    space.register("1", json!({ "noti_url": sink.url("/") })).await;
    assert_eq!(space.order("1").await["noPushback"], json!(null));
    space.pay("1", json!({})).await.expect(200);
    let why = "no push-back: the rule \"silence\" has dropped it";
    assert_eq!(space.order("1").await["noPushback"], why);
    let answer = space.control_get("wait?for=pushback-acknowledged&txId=1&timeoutMs=1").await;
    let said = answer.json()["detail"].as_str().unwrap().to_owned();
    assert!(said.contains(why), "{said}");
}

#[tokio::test]
async fn an_event_shows_a_push_back_as_it_was_whenever_it_is_read() {
    let sim = Sim::start().await;
    let space = sim.space("immutable").await;
    let sink = Sink::start().await;
    sink.reply(Reply::Status(503, ""));
    let mut live = Events::of(&space, "?kind=pushback,clock,rules").await;
    space.register("1", json!({ "noti_url": sink.url("/noti") })).await;
    space.pay("1", json!({})).await.expect(200);
    space.control_post("clock", &json!({ "advance": "10h" })).await.expect(200);
    sink.reply(Reply::Status(200, ""));
    space.control_post("pushbacks/1/resend", &json!({})).await.expect(202);
    space.wait("pushback-acknowledged&txId=1").await;
    let mut replayed = Events::of(&space, "?kind=pushback&after=0").await;
    // It came to be, six attempts were made, it was sent again on demand, and that attempt was made.
    let replayed = replayed.take(9).await;
    let mut told = Vec::new();
    while told.len() < 9 {
        let event = live.next().await.unwrap();
        match event.name.as_str() {
            "pushback" => told.push(event),
            _ => assert!(event.data["at"].is_string(), "{event:?}"),
        }
    }
    assert_eq!(told, replayed, "live or later, an event is the same");
    let changes: Vec<_> =
        replayed.iter().map(|event| event.data["change"].as_str().unwrap()).collect();
    assert_eq!(changes[0], "created");
    assert_eq!(&changes[1..7], ["attempted"; 6]);
    assert_eq!(&changes[7..], ["resent", "attempted"]);
    let counts: Vec<_> =
        replayed.iter().map(|event| event.data["attempts"].as_array().unwrap().len()).collect();
    assert_eq!(counts, [0, 1, 2, 3, 4, 5, 6, 6, 7]);
    let next: Vec<_> = replayed
        .iter()
        .map(|event| event.data["nextAttemptAt"].as_str().map_or("-", |at| &at[11..19]))
        .collect();
    assert_eq!(
        next,
        [
            "10:00:00", "10:00:05", "10:05:05", "10:35:05", "12:35:05", "17:35:05", "03:35:05",
            "20:00:00", "-"
        ]
    );
    assert_eq!(replayed[8].data["state"], "acknowledged");
    assert_eq!(
        replayed[8].data,
        space.control_get("pushbacks?txId=1").await.expect(200)["pushbacks"][0]
    );
}

#[tokio::test]
async fn push_backs_are_found_by_their_order_among_many() {
    let budgets = Budgets { deliveries: 30, ..Budgets::default() };
    let sim = Sim::with(Setup { budgets, ..Setup::default() }).await;
    let space = sim.make_space(&json!({ "name": "many", "merchants": 2 })).await;
    let sink = Sink::start().await;
    for order in 0..40 {
        space.register(&order.to_string(), json!({ "noti_url": sink.url("/") })).await;
        space.pay(&order.to_string(), json!({})).await.expect(200);
        space.wait(&format!("pushback-acknowledged&txId={order}")).await;
    }
    let other = &space.merchants[1];
    let body = other.body(&json!({
        "txId": "39", "trt": "10", "currency": "USD", "amount": "1.00",
        "paymentMethod": "CREDIT_DEBIT", "noti_url": sink.url("/"),
    }));
    space.post(Operation::Register, &body).await.expect(200);
    space.control_post(&format!("orders/{}/39/pay", other.id), &json!({})).await.expect(200);
    space.wait(&format!("pushback-acknowledged&txId=39&merchantId={}", other.id)).await;
    let ids = |query: &str| {
        let path = format!("pushbacks?{query}");
        let space = space.clone();
        async move {
            let page = space.control_get(&path).await.expect(200);
            let all = page["pushbacks"].as_array().unwrap().clone();
            all.iter().map(|one| one["id"].as_u64().unwrap()).collect::<Vec<_>>()
        }
    };
    assert_eq!(ids("txId=39").await, [40, 41]);
    assert_eq!(ids("txId=39&after=40").await, [41]);
    assert_eq!(ids("txId=39&limit=1").await, [40]);
    assert_eq!(ids(&format!("txId=39&merchantId={}", other.id)).await, [41]);
    assert_eq!(ids("txId=3").await, Vec::<u64>::new(), "it was dropped to keep to the budget");
    assert_eq!(ids("after=38").await, [39, 40, 41]);
    assert_eq!(space.order("39").await["pushbacks"].as_array().unwrap().len(), 1);
    let order = space.control_get(&format!("orders/{}/39", other.id)).await.expect(200);
    assert_eq!(order["pushbacks"][0]["id"], 41);
}
