//! Push-backs on the wire, steered and seen through the control plane.

use std::sync::Arc;

use payon_sim::base::Operation;
use payon_sim::profile::Acknowledge;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::Notify;

use crate::support::{Reply, Setup, Sim, Sink, SpaceHandle};

/// Registers and pays an order whose push-back goes to `url`.
async fn pay_order(space: &SpaceHandle, tx_id: &str, url: &str) {
    space.register(tx_id, json!({ "noti_url": url })).await;
    space.pay(tx_id, json!({})).await.expect(200);
}

async fn pushback(space: &SpaceHandle, tx_id: &str) -> Value {
    let page = space.control_get(&format!("pushbacks?txId={tx_id}")).await.expect(200);
    page["pushbacks"][0].clone()
}

/// An address at which nobody listens.
async fn dead_address() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    format!("http://{}/noti", listener.local_addr().unwrap())
}

#[tokio::test]
async fn push_backs_are_listed_newest_first_and_searched() {
    let sim = Sim::start().await;
    let space = sim.space("newest-pushbacks").await;
    let sink = Sink::start().await;
    pay_order(&space, "good-1", &sink.url("/good")).await;
    space.run_until_idle().await;
    sink.reply(Reply::Status(503, "closed for lunch"));
    for tx_id in ["bad-2", "bad-3"] {
        pay_order(&space, tx_id, &sink.url("/bad")).await;
    }
    space.register("declined-4", json!({ "noti_url": sink.url("/good") })).await;
    space.pay("declined-4", json!({ "outcome": "card.expired" })).await;
    let found = async |query: &str| {
        let page = space.control_get(&format!("pushbacks?newest=true{query}")).await.expect(200);
        assert_eq!(page["next"], json!(null));
        let ids = page["pushbacks"].as_array().unwrap().iter();
        let ids: Vec<_> = ids.map(|it| it["txId"].as_str().unwrap().to_owned()).collect();
        (ids.join(" "), page["total"].as_u64().unwrap())
    };
    // Frozen time: each was tried at most once so far.
    assert_eq!(found("").await, ("declined-4 bad-3 bad-2 good-1".into(), 4));
    space.wait("idle").await;
    assert_eq!(found("&limit=1&offset=1").await, ("bad-3".into(), 4));
    assert_eq!(found("&offset=9").await, (String::new(), 4));
    assert_eq!(found("&state=acknowledged").await, ("good-1".into(), 1));
    assert_eq!(found("&state=failing").await, ("declined-4 bad-3 bad-2".into(), 3));
    assert_eq!(found("&state=exhausted").await, (String::new(), 0));
    assert_eq!(found("&cause=failed").await, ("declined-4".into(), 1));
    assert_eq!(found("&search=/BAD").await, ("bad-3 bad-2".into(), 2));
    assert_eq!(found("&search=http%20503&cause=approved").await, ("bad-3 bad-2".into(), 2));
    space.run_until_idle().await;
    assert_eq!(found("&state=exhausted").await.1, 3);
    assert_eq!(found("&state=failing").await.1, 3, "what was given up fails too");
    sink.reply(Reply::Status(200, r#"{"resultCode":"0000"}"#));
    let id = pushback(&space, "bad-2").await["id"].clone();
    space.control_post(&format!("pushbacks/{id}/resend"), &json!({})).await.expect(202);
    space.run_until_idle().await;
    assert_eq!(found("&state=failing").await.1, 2);
    // Oldest first, the filters hold as well.
    let page = space.control_get("pushbacks?state=failing&limit=1").await.expect(200);
    assert_eq!((&page["pushbacks"][0]["txId"], &page["total"]), (&json!("bad-3"), &json!(null)));
    let rest = space.control_get(&format!("pushbacks?state=failing&after={}", page["next"])).await;
    assert_eq!(rest.expect(200)["pushbacks"][0]["txId"], "declined-4");
    for wrong in ["offset=2", "newest=true&after=1", "state=failed", "cause=nothing"] {
        assert_eq!(space.control_get(&format!("pushbacks?{wrong}")).await.status, 400, "{wrong}");
    }
}

#[tokio::test]
async fn a_retry_ladder_of_hours_runs_at_once() {
    let sim = Sim::start().await;
    let space = sim.space("ladder").await;
    let sink = Sink::start().await;
    sink.reply(Reply::Status(503, "closed for lunch"));
    pay_order(&space, "1", &sink.url("/noti")).await;
    let clock = space.run_until_idle().await;
    assert_eq!(clock["now"], "2026-03-03T13:35:05.000+07:00");
    assert_eq!((&clock["frozen"], &clock["nextDue"]), (&json!(true), &json!(null)));
    let exhausted = space.wait("pushback-exhausted&txId=1").await["pushback"].clone();
    let attempts = exhausted["attempts"].as_array().unwrap();
    let times: Vec<_> = attempts.iter().map(|attempt| attempt["at"].as_str().unwrap()).collect();
    assert_eq!(
        times,
        [
            "2026-03-02T10:00:00.000+07:00",
            "2026-03-02T10:00:05.000+07:00",
            "2026-03-02T10:05:05.000+07:00",
            "2026-03-02T10:35:05.000+07:00",
            "2026-03-02T12:35:05.000+07:00",
            "2026-03-02T17:35:05.000+07:00",
            "2026-03-03T03:35:05.000+07:00",
            "2026-03-03T13:35:05.000+07:00",
        ]
        .map(|time| time)
    );
    assert!(attempts.iter().all(|attempt| attempt["status"] == 503
        && attempt["response"] == "closed for lunch"
        && attempt["acknowledged"] == false));
    for _ in 0..8 {
        sink.next().await;
    }
    assert_eq!(sink.pending().await, 0);
}

#[tokio::test]
async fn an_advance_stops_where_it_was_told_to() {
    let sim = Sim::start().await;
    let space = sim.space("advance").await;
    let sink = Sink::start().await;
    sink.reply(Reply::Status(500, ""));
    pay_order(&space, "1", &sink.url("/noti")).await;
    for (advance, now, attempts) in [
        (json!("4s"), "2026-03-02T10:00:04.000+07:00", 1),
        (json!(1000), "2026-03-02T10:00:05.000+07:00", 2),
        (json!("PT1H"), "2026-03-02T11:00:05.000+07:00", 4),
        (json!("1h 34m 59s 999ms"), "2026-03-02T12:35:04.999+07:00", 4),
        (json!(1), "2026-03-02T12:35:05.000+07:00", 5),
    ] {
        let clock = space.control_post("clock", &json!({ "advance": advance })).await.expect(200);
        assert_eq!(clock["now"], now);
        let sent = pushback(&space, "1").await["attempts"].as_array().unwrap().len();
        assert_eq!(sent, attempts, "at {now}");
    }
    sink.reply(Reply::Status(204, ""));
    space.control_post("clock", &json!({ "advance": "6h" })).await.expect(200);
    assert_eq!(pushback(&space, "1").await["state"], "acknowledged");
}

#[tokio::test]
async fn a_push_back_is_sent_again_on_demand() {
    let sim = Sim::start().await;
    let space = sim.space("resend").await;
    let sink = Sink::start().await;
    pay_order(&space, "1", &sink.url("/noti")).await;
    let first = sink.next().await.json();
    let id = space.wait("pushback-acknowledged").await["pushback"]["id"].clone();
    let answer = space.control_post(&format!("pushbacks/{id}/resend"), &json!({})).await;
    assert_eq!(answer.expect(202)["id"], id);
    assert_eq!(sink.next().await.json(), first);
    space.wait("idle").await;
    assert_eq!(pushback(&space, "1").await["attempts"].as_array().unwrap().len(), 2);
    let answer = space.control_post("pushbacks/99/resend", &json!({})).await;
    assert_eq!(answer.problem(), (404, "unknown-pushback".to_owned()));

    sink.reply(Reply::Silence);
    space.control_post(&format!("pushbacks/{id}/resend"), &json!({})).await.expect(202);
    sink.next().await;
    let answer = space.control_post(&format!("pushbacks/{id}/resend"), &json!({})).await;
    assert_eq!(answer.problem(), (409, "under-way".to_owned()));
}

#[tokio::test]
async fn a_dead_merchant_slows_no_other() {
    let sim = Sim::start().await;
    let space = sim.space("neighbours").await;
    let (silent, well) = (Sink::start().await, Sink::start().await);
    silent.reply(Reply::Silence);
    for order in 0..20 {
        pay_order(&space, &format!("silent{order}"), &silent.url("/noti")).await;
    }
    silent.next().await;
    pay_order(&space, "well", &well.url("/noti")).await;
    assert_eq!(well.next().await.json()["txId"], "well");
    space.wait("pushback-acknowledged&txId=well").await;
    assert_eq!(pushback(&space, "silent0").await["state"], "inFlight");
}

#[tokio::test]
async fn a_thousand_push_backs_to_a_dead_host_leave_the_gateway_answering() {
    // Longer than the test can last, so that no attempt ends while it counts them.
    let sim = Sim::with_profile(|profile| profile.pushback.timeout_ms = 3_600_000).await;
    let space = sim.space("thousand").await;
    let silent = Sink::start().await;
    silent.reply(Reply::Silence);
    for order in 0..1000 {
        pay_order(&space, &order.to_string(), &silent.url("/noti")).await;
    }
    let status = space.call(Operation::Status, &json!({ "txId": "999" })).await.expect(200);
    assert_eq!(status["resultCode"], "0000");
    let well = Sink::start().await;
    pay_order(&space, "well", &well.url("/noti")).await;
    well.next().await;
    for _ in 0..4 {
        silent.next().await;
    }
    assert_eq!(silent.pending().await, 0, "no more than four at once reach one host");
}

#[tokio::test]
async fn a_refused_connection_is_retried_and_logged() {
    let sim = Sim::start().await;
    let space = sim.space("refused").await;
    pay_order(&space, "1", &dead_address().await).await;
    space.run_until_idle().await;
    let exhausted = pushback(&space, "1").await;
    assert_eq!(exhausted["state"], "exhausted");
    let attempt = &exhausted["attempts"][0];
    assert_eq!(attempt["status"], json!(null));
    assert!(attempt["error"].as_str().unwrap().starts_with("cannot connect: "), "{attempt}");
}

#[tokio::test]
async fn a_merchant_that_does_not_answer_in_time_has_failed() {
    let sim = Sim::with_profile(|profile| profile.pushback.timeout_ms = 250).await;
    let space = sim.space("slow").await;
    let sink = Sink::start().await;
    sink.reply(Reply::Silence);
    pay_order(&space, "1", &sink.url("/noti")).await;
    sink.next().await;
    space.wait("idle").await;
    let waiting = pushback(&space, "1").await;
    assert_eq!(waiting["state"], "waiting");
    assert_eq!(waiting["nextAttemptAt"], "2026-03-02T10:00:05.000+07:00");
    assert_eq!(waiting["attempts"][0]["error"], "no answer within 250 ms");
    sink.reply(Reply::Status(200, ""));
    space.run_until_idle().await;
    assert_eq!(pushback(&space, "1").await["state"], "acknowledged");
}

#[tokio::test]
async fn redirects_are_failures_and_not_followed() {
    let sim = Sim::start().await;
    let space = sim.space("redirects").await;
    let (sink, elsewhere) = (Sink::start().await, Sink::start().await);
    sink.reply(Reply::Redirect(elsewhere.url("/other")));
    pay_order(&space, "1", &sink.url("/noti")).await;
    sink.next().await;
    space.run_until_idle().await;
    let attempt = pushback(&space, "1").await["attempts"][0].clone();
    assert_eq!(attempt["status"], 307);
    assert_eq!(attempt["error"], "HTTP 307: redirects are not followed");
    assert!(attempt["response"].as_str().unwrap().contains(&elsewhere.url("/other")));
    assert_eq!(elsewhere.pending().await, 0);
}

#[tokio::test]
async fn push_backs_go_over_https_too() {
    let sim = Sim::start().await;
    let space = sim.space("https").await;
    let sink = Sink::start_tls().await;
    pay_order(&space, "1", &sink.url("/noti")).await;
    assert_eq!(sink.next().await.json()["txId"], "1");
    space.wait("pushback-acknowledged&txId=1").await;
}

#[tokio::test]
async fn an_acknowledgement_may_have_to_be_in_the_body() {
    let sim =
        Sim::with_profile(|profile| profile.pushback.acknowledge = Acknowledge::BodyCode).await;
    let space = sim.space("body-code").await;
    let sink = Sink::start().await;
    sink.reply(Reply::Status(200, r#"{"resultCode":"9999"}"#));
    pay_order(&space, "1", &sink.url("/noti")).await;
    sink.next().await;
    space.wait("idle").await;
    assert_eq!(pushback(&space, "1").await["state"], "waiting");
    sink.reply(Reply::Status(200, r#"{"resultCode":"0000"}"#));
    space.run_until_idle().await;
    let taken = pushback(&space, "1").await;
    assert_eq!(taken["state"], "acknowledged");
    assert_eq!(taken["attempts"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn the_merchants_own_address_takes_what_orders_bring_none_for() {
    let sim = Sim::start().await;
    let space = sim.space("own-address").await;
    let sink = Sink::start().await;
    let path = format!("merchants/{}", space.merchant().id);
    let change = json!({ "notiUrl": sink.url("/merchant") }).to_string();
    space.control_send("PATCH", &path, &change).await.expect(200);
    space.register("1", json!({})).await;
    space.pay("1", json!({ "outcome": "card.stolen" })).await.expect(200);
    let told = sink.next().await;
    assert_eq!((&*told.path, &told.json()["resultCode"]), ("/merchant", &json!("9999")));
}

#[tokio::test]
async fn an_attempt_from_before_a_reset_is_not_taken_for_one_after_it() {
    let sim = Sim::start().await;
    let space = sim.space("reset").await;
    let (old, fresh) = (Sink::start().await, Sink::start().await);
    let go = Arc::new(Notify::new());
    old.reply(Reply::Held(Arc::clone(&go)));
    fresh.reply(Reply::Silence);
    pay_order(&space, "old", &old.url("/noti")).await;
    old.next().await;
    space.control_post("reset", &json!({})).await;
    // It gets the number that the old one had.
    pay_order(&space, "fresh", &fresh.url("/noti")).await;
    fresh.next().await;
    go.notify_one();
    old.reply(Reply::Status(200, ""));
    pay_order(&space, "marker", &old.url("/noti")).await;
    space.wait("pushback-acknowledged&txId=marker").await;
    let page = space.control_get("pushbacks").await.expect(200);
    assert_eq!(page["pushbacks"].as_array().unwrap().len(), 2);
    let fresh = &page["pushbacks"][0];
    assert_eq!((&fresh["txId"], &fresh["state"]), (&json!("fresh"), &json!("inFlight")));
    assert_eq!(fresh["attempts"], json!([]));
    let answer = space.control_get("wait?timeoutMs=1&for=idle").await;
    assert_eq!(answer.status, 408, "the fresh attempt is still counted");
}

#[tokio::test]
async fn time_that_runs_sends_retries_and_expires_orders_by_itself() {
    let sim = Sim::with(Setup::default()).await;
    let space = sim.running_space("running").await;
    let sink = Sink::start().await;
    sink.reply(Reply::Status(500, ""));
    space.register("unpaid", json!({})).await;
    pay_order(&space, "1", &sink.url("/noti")).await;
    sink.next().await;
    space.wait("idle").await;
    // A million times as fast, the ladder of a day takes a tenth of a second.
    space.control_post("clock", &json!({ "scale": 1_000_000 })).await.expect(200);
    let exhausted = space.wait("pushback-exhausted&txId=1").await;
    assert_eq!(exhausted["pushback"]["attempts"].as_array().unwrap().len(), 8);
    let expired = space.wait("order-final&txId=unpaid").await;
    assert_eq!(expired["order"]["state"], "expired");
    assert_eq!(expired["order"]["events"][1]["trace"], json!(null));
}
