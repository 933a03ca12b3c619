//! Time that is moved while receivers of push-backs are silent.

use std::time::Instant;

use serde_json::{Value, json};

use crate::support::{Manner, Reply, RudeSink, Sim, Sink, SpaceHandle};

async fn pay_order(space: &SpaceHandle, tx_id: &str, url: &str) {
    space.register(tx_id, json!({ "noti_url": url })).await;
    space.pay(tx_id, json!({})).await.expect(200);
}

async fn pushback(space: &SpaceHandle, tx_id: &str) -> Value {
    let page = space.control_get(&format!("pushbacks?txId={tx_id}")).await.expect(200);
    page["pushbacks"][0].clone()
}

fn times(pushback: &Value) -> Vec<&str> {
    let attempts = pushback["attempts"].as_array().unwrap();
    attempts.iter().map(|attempt| &attempt["at"].as_str().unwrap()[11..19]).collect()
}

#[tokio::test]
async fn a_silent_receiver_holds_the_clock_up_for_a_moment_only() {
    let sim = Sim::start().await;
    let space = sim.space("silent").await;
    let silent = RudeSink::start(Manner::Silence).await;
    // Many more than may be under way at one host at once.
    for order in 0..40 {
        pay_order(&space, &order.to_string(), &silent.url("/noti")).await;
    }
    silent.accepted().await;
    let begun = Instant::now();
    let clock = space.control_post("clock", &json!({ "advance": "1s" })).await.expect(200);
    assert_eq!(clock["now"], "2026-03-02T10:00:01.000+07:00");
    // The limit of one attempt is ten seconds, and ten of them come one after the other.
    assert!(begun.elapsed().as_secs() < 8, "{:?}", begun.elapsed());
    assert_eq!(clock["frozen"], true);
    space.advance(1000).await;
    assert!(begun.elapsed().as_secs() < 8, "{:?}", begun.elapsed());
}

#[tokio::test]
async fn an_attempt_whose_time_passes_has_failed_for_want_of_an_answer() {
    let sim = Sim::start().await;
    let space = sim.space("passed").await;
    let silent = RudeSink::start(Manner::Silence).await;
    pay_order(&space, "1", &silent.url("/noti")).await;
    let begun = Instant::now();
    space.control_post("clock", &json!({ "advance": "24h" })).await.expect(200);
    assert!(begun.elapsed().as_secs() < 15, "{:?}", begun.elapsed());
    let told = pushback(&space, "1").await;
    // Each attempt takes its ten seconds, then the ladder goes on from there.
    assert_eq!(
        times(&told),
        ["10:00:00", "10:00:15", "10:05:25", "10:35:35", "12:35:45", "17:35:55", "03:36:05",]
    );
    for attempt in told["attempts"].as_array().unwrap() {
        assert_eq!(attempt["error"], "no answer within 10000 ms");
        assert!(attempt["tookMs"].as_u64().unwrap() >= 10_000, "{attempt}");
    }
    assert_eq!(told["nextAttemptAt"], "2026-03-03T13:36:15.000+07:00");
    let clock = space.run_until_idle().await;
    assert_eq!(clock["nextDue"], json!(null));
    assert_eq!(pushback(&space, "1").await["state"], "exhausted");
}

#[tokio::test]
async fn answers_that_come_are_noted_at_their_moment_beside_silent_ones() {
    let sim = Sim::start().await;
    let space = sim.space("beside").await;
    let (silent, well) = (RudeSink::start(Manner::Silence).await, Sink::start().await);
    well.reply(Reply::Status(503, ""));
    for order in 0..8 {
        pay_order(&space, &format!("silent{order}"), &silent.url("/noti")).await;
        pay_order(&space, &format!("well{order}"), &well.url("/noti")).await;
    }
    space.control_post("clock", &json!({ "advance": "3h" })).await.expect(200);
    for order in 0..8 {
        let told = pushback(&space, &format!("well{order}")).await;
        let expected = ["10:00:00", "10:00:05", "10:05:05", "10:35:05", "12:35:05"];
        assert_eq!(times(&told), expected, "{told}");
    }
}

#[tokio::test]
async fn a_receiver_that_comes_back_is_waited_for_again() {
    let sim = Sim::start().await;
    let space = sim.space("back").await;
    let sink = Sink::start().await;
    sink.reply(Reply::Silence);
    pay_order(&space, "1", &sink.url("/noti")).await;
    space.control_post("clock", &json!({ "advance": "1h" })).await.expect(200);
    assert_eq!(pushback(&space, "1").await["attempts"].as_array().unwrap().len(), 4);
    sink.reply(Reply::Status(200, ""));
    space.control_post("clock", &json!({ "advance": "2h" })).await.expect(200);
    let told = pushback(&space, "1").await;
    assert_eq!((&told["state"], times(&told).len()), (&json!("acknowledged"), 5));
}

#[tokio::test]
async fn a_receiver_that_does_not_take_a_slow_body_holds_nothing_up() {
    let sim = Sim::start().await;
    let space = sim.space("stuck").await;
    let silent = RudeSink::start(Manner::Silence).await;
    space
        .arm_one(
            json!({ "operation": "pay" }),
            json!([{ "pushback": { "instead": { "huge": 8_000_000 }, "bytesPerSecond": 4_000_000 } }]),
        )
        .await;
    pay_order(&space, "1", &silent.url("/noti")).await;
    let begun = Instant::now();
    space.control_post("clock", &json!({ "advance": "1h" })).await.expect(200);
    assert!(begun.elapsed().as_secs() < 15, "{:?}", begun.elapsed());
    assert!(times(&pushback(&space, "1").await).len() > 1);
}

#[tokio::test]
async fn many_silent_receivers_starve_no_good_one() {
    // All places in all, so that one silent receiver more would leave none.
    let sim = Sim::with_profile(|profile| profile.pushback.in_flight_total = 4).await;
    let space = sim.space("starved").await;
    let mut silent = Vec::new();
    for order in 0..12 {
        let sink = RudeSink::start(Manner::Silence).await;
        pay_order(&space, &format!("silent{order}"), &sink.url("/noti")).await;
        silent.push(sink);
    }
    let begun = Instant::now();
    let well = Sink::start().await;
    pay_order(&space, "well", &well.url("/noti")).await;
    space.wait("pushback-acknowledged&txId=well").await;
    assert!(begun.elapsed().as_secs() < 8, "{:?}", begun.elapsed());
    assert_eq!(pushback(&space, "silent0").await["state"], "inFlight");
}
