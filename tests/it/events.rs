//! What happens in a space, as server-sent events.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};

use payon_sim::base::Operation;
use payon_sim::space::{Budgets, JournalBudget};
use serde_json::{Value, json};

use crate::binary::Gateway;
use crate::support::{Client, Event, Events, Setup, Sim, Sink};

fn names(events: &[Event]) -> Vec<&str> {
    events.iter().map(|event| event.name.as_str()).collect()
}

/// A simulator that keeps few requests.
async fn forgetful(entries: usize) -> Sim {
    let journal = JournalBudget { entries, bytes: 1 << 30 };
    Sim::with(Setup { budgets: Budgets { journal, ..Budgets::default() }, ..Setup::default() })
        .await
}

#[tokio::test]
async fn a_payment_is_told_step_by_step_as_the_lists_show_it() {
    let sim = Sim::start().await;
    let space = sim.space("told").await;
    let sink = Sink::start().await;
    let mut events = Events::of(&space, "").await;
    assert_eq!(events.headers["content-type"], "text/event-stream");
    assert_eq!(events.headers["cache-control"], "no-store");

    space.register("1", json!({ "noti_url": sink.url("/") })).await;
    let registered = events.take(2).await;
    assert_eq!(names(&registered), ["order", "request"]);
    let order = &registered[0].data;
    assert_eq!(order["merchantId"], space.merchant().id);
    assert_eq!(
        (&order["txId"], &order["change"], &order["state"]),
        (&json!("1"), &json!("registered"), &json!("registered"))
    );
    assert_eq!(order["at"], "2026-03-02T10:00:00.000+07:00");
    let journal = space.control_get("journal").await.expect(200);
    assert_eq!(registered[1].data, journal["entries"][0]);
    assert_eq!(order["trace"], journal["entries"][0]["trace"]);

    let paid = space.pay("1", json!({})).await.expect(200);
    space.wait("pushback-acknowledged").await;
    // The attempt may be made before the call is noted, or after.
    let mut told = events.take(4).await;
    assert!(told.is_sorted_by_key(|event| event.id), "{told:?}");
    told.sort_by_key(|event| event.name != "request");
    assert_eq!(names(&told), ["request", "order", "pushback", "pushback"]);
    assert_eq!((&told[0].data["control"], &told[0].data["trace"]), (&json!("pay"), &paid["trace"]));
    assert_eq!(
        (&told[1].data["change"], &told[1].data["state"]),
        (&json!("approved"), &json!("captured"))
    );
    let pushbacks = space.control_get("pushbacks").await.expect(200);
    assert_eq!(told[3].data, pushbacks["pushbacks"][0]);
    assert_eq!(told[3].data["state"], "acknowledged");

    space.control_post("pushbacks/1/resend", &json!({})).await.expect(202);
    assert_eq!(names(&events.take(2).await), ["pushback", "pushback"]);
    space.arm(json!([])).await;
    space.advance(1).await;
    assert_eq!(events.next().await.unwrap().name, "rules");
    assert_eq!(events.next().await.unwrap().name, "clock");
}

#[tokio::test]
async fn an_order_event_names_the_rule_that_stepped_in() {
    let sim = Sim::start().await;
    let space = sim.space("ruled").await;
    let mut events = Events::of(&space, "?kind=order").await;
    space.register("1", json!({})).await;
    let rule = |id: &str, operation: &str, then: Value| json!({ "id": id, "when": { "operation": operation }, "then": [then] });
    space
        .arm(json!([
            rule("registering", "register", json!({ "commit": "after" })),
            rule("paying", "pay", json!({ "reason": "card.do-not-honour" })),
            rule("late", "trigger", json!({ "pushback": { "copies": 2 } })),
        ]))
        .await;
    // Booked with its reply, by itself as time passes, and after its reply.
    space.pay("1", json!({})).await.expect(200);
    space.register("2", json!({})).await;
    let told = events.take(3).await;
    let of = |event: &Event| {
        ["txId", "change", "rule"].map(|name| event.data[name].as_str().unwrap_or("-").to_owned())
    };
    assert_eq!(of(&told[0]), ["1", "registered", "-"]);
    assert!(told[0].data.as_object().unwrap().contains_key("rule"));
    assert_eq!(of(&told[1]), ["1", "failed", "paying"]);
    assert_eq!(of(&told[2]), ["2", "registered", "registering"]);
    space.advance(3 * 3_600_000).await;
    assert_eq!(of(&events.next().await.unwrap()), ["2", "expired", "late"]);
    // What no rule stepped in at any more names none, also right after one did.
    space.arm(json!([])).await;
    space.register("3", json!({})).await;
    assert_eq!(of(&events.next().await.unwrap()), ["3", "registered", "-"]);
}

#[tokio::test]
async fn a_reader_goes_on_where_it_was_though_nobody_read_meanwhile() {
    let sim = Sim::start().await;
    let space = sim.space("again").await;
    let mut events = Events::of(&space, "").await;
    space.register("1", json!({})).await;
    let before = events.take(2).await;
    drop(events);
    space.register("2", json!({})).await;
    space.pay("1", json!({})).await.expect(200);
    let mut whole = Events::of(&space, "?after=0").await;
    let all = whole.until("order").await;
    assert_eq!(all.last().unwrap().data["txId"], "1", "the clock of a new space is set first");

    let client = space.client.with_header("last-event-id", &before[1].id.to_string());
    let url = format!("{}/_sim/v1/events?after=0", space.control_url);
    let mut again = Events::open(&client, &url).await;
    let after = again.take(4).await;
    assert_eq!(names(&after), ["order", "request", "order", "request"]);
    assert_eq!(after[0].id, before[1].id + 1, "none is missing, none comes twice");
    assert_eq!((&after[0].data["txId"], &after[2].data["txId"]), (&json!("2"), &json!("1")));
}

#[tokio::test]
async fn a_number_from_another_server_begins_anew() {
    let sim = Sim::start().await;
    let space = sim.space("stranger").await;
    space.register("1", json!({})).await;
    let client = space.client.with_header("last-event-id", "999999");
    let url = format!("{}/_sim/v1/events?kind=order", space.control_url);
    let mut events = Events::open(&client, &url).await;
    let first = events.take(2).await;
    assert_eq!((first[0].name.as_str(), first[0].id), ("reset", 0));
    assert_eq!(first[1].data["txId"], "1");
}

#[tokio::test]
async fn only_what_was_asked_for_comes() {
    let sim = Sim::start().await;
    let space = sim.make_space(&json!({ "name": "picky", "merchants": 2 })).await;
    let other = &space.merchants[1].id;
    let mut kinds = Events::of(&space, "?kind=pushback,%20rules").await;
    let mut one = Events::of(&space, "?txId=2&kind=order,request").await;
    let mut theirs = Events::of(&space, &format!("?merchantId={other}")).await;
    let sink = Sink::start().await;
    for tx_id in ["1", "2"] {
        space.register(tx_id, json!({ "noti_url": sink.url("/") })).await;
    }
    let order = json!({
        "merchantId": other, "termId": space.merchants[1].terminal, "txId": "3", "trt": "10",
        "currency": "USD", "amount": "1", "paymentMethod": "CREDIT_DEBIT",
    });
    space.post(Operation::Register, &order).await.expect(200);
    space.pay("1", json!({})).await.expect(200);
    space.wait("pushback-acknowledged").await;
    space.arm(json!([])).await;
    assert_eq!(names(&kinds.take(3).await), ["pushback", "pushback", "rules"]);
    space.pay("2", json!({})).await.expect(200);
    let told = one.take(4).await;
    assert_eq!(names(&told), ["order", "request", "order", "request"]);
    assert!(told.iter().all(|event| event.data["txId"] == "2"), "{told:?}");
    let told = theirs.take(3).await;
    assert_eq!(names(&told), ["order", "request", "rules"]);

    let answer = space.control_get("events?kind=orders").await;
    assert_eq!(answer.problem(), (400, "unreadable".to_owned()));
    assert!(answer.text().contains("did you mean order?"), "{}", answer.text());
}

#[tokio::test]
async fn a_reset_is_told_and_a_removed_space_ends_the_stream() {
    let sim = Sim::start().await;
    let space = sim.space("gone").await;
    let mut events = Events::of(&space, "?kind=rules").await;
    space.register("1", json!({})).await;
    space.control_post("reset", &json!({})).await;
    let reset = events.until("reset").await.pop().unwrap();
    space.arm(json!([])).await;
    let rules = events.until("rules").await.pop().unwrap();
    assert!(rules.id > reset.id, "numbers only grow");
    // What was before a reset is gone, which whoever comes late is told.
    let mut late = Events::of(&space, "?after=0").await;
    let told = late.take(2).await;
    assert_eq!(names(&told), ["missed", "reset"]);
    let expected = json!({ "count": reset.id - 1, "from": 1, "to": reset.id - 1 });
    assert_eq!(told[0].data, expected);
    assert_eq!(space.control_send("DELETE", "spaces/gone", "").await.status, 204);
    assert_eq!(names(&events.until("reset").await), ["reset"]);
    assert_eq!(events.next().await, None);
    while late.next().await.is_some() {}
    let page = sim.get("metrics").await.text();
    assert!(page.contains("payon_sim_event_readers 0\n"), "{page}");
}

#[tokio::test]
async fn what_is_kept_no_more_is_counted() {
    let sim = forgetful(2).await;
    let space = sim.running_space("few").await;
    for tx_id in ["1", "2", "3", "4", "5"] {
        space.register(tx_id, json!({})).await;
    }
    let mut events = Events::of(&space, "?after=0&kind=request").await;
    let told = events.take(3).await;
    assert_eq!(names(&told), ["missed", "request", "request"]);
    assert_eq!(told[0].data["count"], 3);
    assert_eq!((&told[1].data["txId"], &told[2].data["txId"]), (&json!("4"), &json!("5")));
    let page = sim.get("metrics").await.text();
    assert!(page.contains("payon_sim_event_readers 1\n"), "{page}");
    assert!(page.contains("payon_sim_events_missed_total 3\n"), "{page}");
    // Whoever goes on after the notice does not get it again.
    let mut again = Events::of(&space, &format!("?kind=request&after={}", told[0].id)).await;
    assert_eq!(again.next().await.unwrap(), told[1]);
}

#[tokio::test]
async fn without_a_journal_there_are_no_events_of_requests() {
    let sim = forgetful(0).await;
    let space = sim.running_space("none").await;
    let mut events = Events::of(&space, "").await;
    space.register("1", json!({})).await;
    space.register("2", json!({})).await;
    let told = events.take(2).await;
    assert_eq!(names(&told), ["order", "order"]);
    assert_eq!(space.control_get("journal").await.expect(200)["dropped"], 2);
}

#[test]
fn whoever_does_not_read_holds_nobody_up_and_is_told_what_it_missed() {
    let gateway = Gateway::start(&["--journal-entries", "2"]);
    let mut slow = gateway.connect();
    slow.write_all(b"GET /_sim/v1/events?kind=request HTTP/1.1\r\nHost: localhost\r\n\r\n")
        .unwrap();
    let mut first = [0; 12];
    slow.read_exact(&mut first).unwrap();
    assert_eq!(&first, b"HTTP/1.1 200");
    let mut swift = gateway.connect();
    swift
        .write_all(b"GET /_sim/v1/events?kind=request HTTP/1.1\r\nHost: localhost\r\n\r\n")
        .unwrap();
    let mut swift = BufReader::new(swift).split(b'\n').map(Result::unwrap);
    assert!(swift.any(|line| line.starts_with(b"id: ")), "a greeting");
    // More than all buffers on the way hold: the stream comes to stand still, the gateway does not.
    let filler = "x".repeat(900_000);
    for number in 0..48 {
        let order = json!({
            "merchantId": "C0000143", "termId": "CT03000003", "txId": number.to_string(),
            "trt": "10", "currency": "USD", "amount": "1.00", "paymentMethod": "CREDIT_DEBIT",
            "filler": filler,
        });
        assert_eq!(gateway.post("/pg/order/register", &order.to_string()).0, 200);
        assert!(swift.any(|line| line == b"event: request"), "whoever reads is told");
    }
    // Whoever does not read is not told later either: nothing was held for him but what the sockets hold.
    let lines = BufReader::new(slow).split(b'\n').map(Result::unwrap);
    let held = lines.take_while(|line| line != b"event: missed");
    let held = held.filter(|line| line == b"event: request").take(24).count();
    assert!(held < 24, "half of all was held");
}

#[tokio::test]
async fn silence_is_broken_now_and_then() {
    let sim = Sim::start().await;
    let space = sim.space("silent").await;
    let mut events = Events::of(&space, "").await;
    tokio::time::pause();
    assert_eq!(events.text().await.unwrap(), ":");
    assert_eq!(events.text().await.unwrap(), ":");
}

#[tokio::test]
async fn a_browser_logs_in_with_the_token_and_follows_by_its_cookie() {
    let sim = Sim::with(Setup { token: Some("open sesame"), ..Setup::default() }).await;
    let (bare, url) = (Client::new(), format!("{}/_sim/login", sim.url));
    assert_eq!(bare.send("POST", &url, "token=wrong").await.problem().0, 401);
    assert_eq!(bare.send("POST", &url, "").await.problem().0, 400);
    assert_eq!(bare.get(&url).await.problem().0, 405);
    let answer = bare.send("POST", &url, "token=open+sesame").await;
    assert_eq!((answer.status, answer.header("location")), (303, "./"));
    let cookie = answer.header("set-cookie").split(';').next().unwrap().to_owned();
    let events = format!("{}/_sim/v1/events", sim.url);
    assert_eq!(bare.get(&events).await.problem().0, 401);
    let browser = bare.with_header("cookie", &cookie);
    let mut events = Events::open(&browser, &events).await;
    browser.send("PUT", &format!("{}/_sim/v1/rules", sim.url), "[]").await.expect(200);
    assert_eq!(events.next().await.unwrap().name, "rules");
}

#[test]
fn whoever_waits_or_follows_does_not_hold_up_a_server_that_stops() {
    let gateway = Gateway::start(&["--drain-ms", "3600000"]);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let url = gateway.control_url.clone();
    let client = Client::new();
    let mut events = runtime.block_on(Events::open(&client, &format!("{url}/_sim/v1/events")));
    let wait = format!("{url}/_sim/v1/wait?for=order-final&txId=never&timeoutMs=300000");
    let waiting = runtime.spawn(async move { client.get(&wait).await });
    // The second wait shows that the first, sent before it, is being answered or about to be.
    let soon_over = format!("{url}/_sim/v1/wait?for=order-final&txId=never&timeoutMs=50");
    assert_eq!(runtime.block_on(Client::new().get(&soon_over)).status, 408);
    gateway.signal("TERM");
    assert_eq!(runtime.block_on(events.next()), None);
    let answer = runtime.block_on(waiting).unwrap();
    assert_eq!(answer.problem(), (503, "stopping".to_owned()));
    assert_eq!(gateway.wait().code, Some(0));
}
