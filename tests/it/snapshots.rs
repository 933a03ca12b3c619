//! Snapshots through the control plane: saved, brought back, and gone on from elsewhere.

use std::sync::Arc;

use payon_sim::base::Operation;
use payon_sim::crypto::Encoding;
use payon_sim::space::Budgets;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tokio::sync::Notify;

use crate::support::{Answer, Raw, Reply, Setup, Sim, Sink, SpaceHandle};

const HOUR: u64 = 3_600_000;

/// All that the control plane shows of how a space is.
async fn whole(space: &SpaceHandle) -> Value {
    let mut all = json!({});
    for path in ["orders", "pushbacks", "clock", "rules", "merchants"] {
        all[path] = space.control_get(path).await.expect(200);
    }
    all
}

/// The same, as far as another space can show it too.
async fn likeness(space: &SpaceHandle) -> Value {
    let mut all = whole(space).await;
    for order in all["orders"]["orders"].as_array_mut().unwrap() {
        order["checkoutUrl"].take();
    }
    all
}

async fn save(space: &SpaceHandle, name: &str) -> Value {
    space.control_post("snapshots", &json!({ "name": name })).await.expect(201)
}

async fn restore(space: &SpaceHandle, name: &str) -> Value {
    space.control_post(&format!("snapshots/{name}/restore"), &json!({})).await.expect(200)
}

/// A space that goes on from a snapshot, with the merchants of the space that it is of.
async fn fork(space: &SpaceHandle, name: &str, new: &str) -> SpaceHandle {
    let path = format!("snapshots/{name}/fork");
    let made = space.control_post(&path, &json!({ "space": new })).await.expect(201);
    let text = |name: &str| made[name].as_str().unwrap().to_owned();
    SpaceHandle { base_url: text("baseUrl"), control_url: text("controlUrl"), ..space.clone() }
}

async fn names(space: &SpaceHandle) -> Vec<String> {
    let listed = space.control_get("snapshots").await.expect(200);
    let name = |it: &Value| it["name"].as_str().unwrap().to_owned();
    listed["snapshots"].as_array().unwrap().iter().map(name).collect()
}

/// The code of a refund without an amount.
async fn refund(space: &SpaceHandle, tx_id: &str) -> Value {
    space.call_signed(Operation::Refund, &json!({ "txId": tx_id })).await.json()["resultCode"]
        .take()
}

async fn state(space: &SpaceHandle, tx_id: &str) -> Value {
    space.order(tx_id).await["state"].take()
}

/// Orders in many states, a saved card, rules that have fitted, a waiting push-back, changed settings.
async fn live(space: &SpaceHandle) {
    let nowhere = json!({ "noti_url": "http://127.0.0.1:1/noti" });
    for tx_id in ["open", "paid", "back", "lost"] {
        space.register(tx_id, nowhere.clone()).await;
    }
    space.arm_one(json!({ "operation": "status" }), json!([{ "latency": "0s" }])).await;
    for tx_id in ["paid", "back"] {
        space.pay(tx_id, json!({})).await.expect(200);
    }
    space.pay("lost", json!({ "outcome": "card.lost" })).await.expect(200);
    assert_eq!(refund(space, "back").await, "0000");
    space.call(Operation::Status, &json!({ "txId": "paid" })).await;
    let card =
        json!({ "clientId": "U1", "paymentMethod": "CREDIT_DEBIT", "wdlAcNo": "4012001037141112" });
    space.call_signed(Operation::BindingRegister, &card).await.expect(200);
    space.control_post("clock", &json!({ "advance": 10 * 60_000 })).await.expect(200);
}

#[tokio::test]
async fn a_restore_brings_back_all_there_was() {
    let sim = Sim::start().await;
    let space = sim.space("shop").await;
    live(&space).await;
    let saved = save(&space, "one").await;
    assert_eq!((&saved["space"], &saved["orders"]), (&json!("shop"), &json!(4)));
    let before = whole(&space).await;
    let cards = space.call_signed(Operation::BindingList, &json!({ "clientId": "U1" })).await;
    for _ in 0..2 {
        space.register("more", json!({})).await;
        space.pay("open", json!({})).await.expect(200);
        assert_eq!(refund(&space, "paid").await, "0000");
        space.arm(json!([])).await;
        let change = json!({ "notiUrl": "http://127.0.0.1:2/other", "pinEnabled": false });
        let merchant = format!("merchants/{}", space.merchant().id);
        space.control_send("PATCH", &merchant, &change.to_string()).await.expect(200);
        space.control_post("clock", &json!({ "advance": HOUR, "scale": 7 })).await.expect(200);
        let card = json!({ "clientId": "U1", "paymentMethod": "CREDIT_DEBIT", "wdlAcNo": "4012001037141112" });
        space.call_signed(Operation::BindingRegister, &card).await.expect(200);
        assert_ne!(whole(&space).await, before);
        restore(&space, "one").await;
        assert_eq!(whole(&space).await, before);
        let again = space.call_signed(Operation::BindingList, &json!({ "clientId": "U1" })).await;
        assert_eq!(again.json(), cards.json());
    }
}

#[tokio::test]
async fn the_journal_goes_on_and_notes_the_restore() {
    let sim = Sim::start().await;
    let space = sim.space("journal").await;
    save(&space, "empty").await;
    space.arm_one(json!({ "operation": "register" }), json!([{ "latency": "0s" }])).await;
    space.register("1", json!({})).await;
    let met = async || space.control_get("coverage").await.expect(200);
    let before = met().await;
    assert!(before["met"].as_u64() > Some(0));
    restore(&space, "empty").await;
    assert_eq!(met().await["met"], before["met"], "what was met stays met");
    space.register("1", json!({})).await;
    let journal = space.control_get("journal").await.expect(200);
    let entries = journal["entries"].as_array().unwrap();
    let what: Vec<_> = entries
        .iter()
        .map(|entry| entry["operation"].as_str().or(entry["control"].as_str()).unwrap())
        .collect();
    assert_eq!(what, ["register", "restore", "register"]);
    let mut traces: Vec<_> = entries.iter().map(|entry| entry["trace"].to_string()).collect();
    traces.dedup();
    assert_eq!(traces.len(), 3, "each request has a name of its own");
}

#[tokio::test]
async fn a_fork_and_its_original_do_not_see_each_other() {
    let sim = Sim::start().await;
    let space = sim.space("root").await;
    live(&space).await;
    save(&space, "base").await;
    let twin = fork(&space, "base", "twin").await;
    assert_eq!(likeness(&twin).await, likeness(&space).await);

    assert_eq!(refund(&space, "paid").await, "0000");
    assert_eq!(state(&twin, "paid").await, "captured");
    twin.pay("open", json!({})).await.expect(200);
    twin.register("new", json!({})).await;
    assert_eq!(state(&space, "open").await, "registered");
    assert_eq!(state(&space, "paid").await, "refunded");
    let path = format!("orders/{}/new", space.merchant().id);
    assert_eq!(space.control_get(&path).await.problem(), (404, "unknown-order".to_owned()));

    // Nor does the snapshot see either.
    let third = fork(&space, "base", "third").await;
    assert_eq!(state(&third, "paid").await, "captured");
    assert_eq!(state(&third, "open").await, "registered");
}

/// A space whose run depends on chance and on counts, and has begun.
async fn fateful(sim: &Sim, name: &str) -> SpaceHandle {
    let space = sim.space(name).await;
    live(&space).await;
    space
        .arm(json!([
            { "id": "lot", "when": { "operation": "status", "probability": 0.5 },
              "then": [{ "reason": "system.busy" }] },
            { "id": "third", "when": { "operation": "refund", "every": 3, "scope": "rule" },
              "then": [{ "reason": "system.busy" }] },
        ]))
        .await;
    space.register("0", json!({})).await;
    space.pay("0", json!({})).await.expect(200);
    refund(&space, "0").await;
    save(&space, "now").await;
    space
}

/// All that a merchant is told in the rest of that run.
async fn go_on(space: &SpaceHandle) -> Vec<Value> {
    let mut told = Vec::new();
    for number in 1..20 {
        let tx_id = number.to_string();
        told.push(space.register(&tx_id, json!({})).await["txSeqNo"].take());
        space.pay(&tx_id, json!({})).await.expect(200);
        told.push(space.call(Operation::Status, &json!({ "txId": tx_id })).await.json());
        told.push(refund(space, &tx_id).await);
    }
    let card =
        json!({ "clientId": "U1", "paymentMethod": "CREDIT_DEBIT", "wdlAcNo": "4012001037141112" });
    told.push(space.call_signed(Operation::BindingRegister, &card).await.json());
    told
}

#[tokio::test]
async fn a_fork_goes_on_as_the_original_does() {
    let sim = Sim::start().await;
    let space = fateful(&sim, "fate").await;
    let twin = fork(&space, "now", "another-name").await;
    let told = go_on(&space).await;
    assert!(told.iter().any(|it| it["resultCode"] != told[1]["resultCode"]), "chance had its say");
    assert_eq!(go_on(&twin).await, told);
}

#[tokio::test]
async fn links_and_merchants_stay_where_they_belong() {
    let sim = Sim::start().await;
    let space = sim.space("owner").await;
    space.register("1", json!({})).await;
    save(&space, "s").await;
    let twin = fork(&space, "s", "owner-twin").await;
    let link = |order: Value| order["checkoutUrl"].as_str().unwrap().to_owned();
    let (here, there) = (link(space.order("1").await), link(twin.order("1").await));
    assert_ne!(here, there);
    twin.trigger("1", "cancel").await.expect(200);
    assert_eq!(sim.client.get(&here).await.status, 200);
    assert_eq!(state(&space, "1").await, "registered");

    // Without a path a merchant's calls reach the space that it belongs to, the first one.
    let plain = SpaceHandle { base_url: sim.url.clone(), ..space.clone() };
    plain.register("2", json!({})).await;
    assert_eq!(state(&space, "2").await, "registered");
    let path = format!("orders/{}/2", space.merchant().id);
    assert_eq!(twin.control_get(&path).await.status, 404);
}

#[tokio::test]
async fn what_was_under_way_is_sent_again_and_what_comes_of_it_stays_outside() {
    let sim = Sim::start().await;
    let (space, sink, gate) =
        (sim.space("under-way").await, Sink::start().await, Arc::new(Notify::new()));
    sink.reply(Reply::Held(Arc::clone(&gate)));
    space.register("1", json!({ "noti_url": sink.url("/noti") })).await;
    space.pay("1", json!({})).await.expect(200);
    sink.next().await;
    let pushback = async || space.control_get("pushbacks").await.json()["pushbacks"][0].take();
    assert_eq!(pushback().await["state"], "inFlight");
    save(&space, "sending").await;
    restore(&space, "sending").await;
    // The attempt of before the restore is still out there, and a second one comes.
    sink.next().await;
    gate.notify_waiters();
    gate.notify_one();
    space.wait("pushback-acknowledged&txId=1").await;
    let attempts = pushback().await["attempts"].as_array().unwrap().len();
    assert_eq!(attempts, 1, "only the second attempt is noted");
}

#[tokio::test]
async fn a_held_reply_of_before_books_nothing() {
    let sim = Sim::start().await;
    let space = sim.space("held").await;
    space.register("1", json!({})).await;
    space.pay("1", json!({})).await.expect(200);
    let then = json!([{ "latency": "1h" }, { "commit": "after" }]);
    space.arm_one(json!({ "operation": "refund", "first": 1 }), then).await;
    save(&space, "before").await;
    let mut raw = Raw::send(&space, Operation::Refund, &json!({ "txId": "1" })).await;
    space.wait("request&operation=refund").await;
    save(&space, "held").await;
    for name in ["before", "held"] {
        restore(&space, name).await;
        if name == "before" {
            assert!(raw.end().await.body().contains("\"0000\""), "a restore ends the wait");
        }
        assert_eq!(state(&space, "1").await, "captured");
        assert_eq!(space.control_get("clock").await.json()["now"], "2026-03-02T10:00:00.000+07:00");
    }
    assert_eq!(refund(&space, "1").await, "0000");
    assert_eq!(state(&space, "1").await, "refunded");
}

#[tokio::test]
async fn snapshots_outlive_a_reset_and_end_with_their_space() {
    let sim = Sim::start().await;
    let space = sim.space("mortal").await;
    space.register("1", json!({})).await;
    save(&space, "kept").await;
    space.control_post("reset", &json!({})).await.expect(204);
    assert_eq!(names(&space).await, ["kept"]);
    restore(&space, "kept").await;
    assert_eq!(state(&space, "1").await, "registered");
    let twin = fork(&space, "kept", "heir").await;
    let deleted =
        sim.client.send("DELETE", &format!("{}/_sim/v1/spaces/mortal", sim.url), "").await;
    assert_eq!(deleted.status, 204);
    assert_eq!(state(&twin, "1").await, "registered");
    assert_eq!(names(&twin).await, Vec::<String>::new());
    // Once nobody else has the merchants, a restore takes them over.
    save(&twin, "own").await;
    restore(&twin, "own").await;
    SpaceHandle { base_url: sim.url.clone(), ..twin.clone() }.register("2", json!({})).await;
    assert_eq!(state(&twin, "2").await, "registered");
}

#[tokio::test]
async fn what_cannot_be_done_is_refused() {
    let sim = Sim::start().await;
    let space = sim.space("refusals").await;
    save(&space, "one").await;
    let post = async |path: &str, body: Value| space.control_post(path, &body).await.problem();
    let kind = |status, name: &str| (status, name.to_owned());
    let named = json!({ "name": "one" });
    assert_eq!(post("snapshots", named).await, kind(409, "snapshot-exists"));
    let long = "x".repeat(65);
    for name in ["", "a b", "a/b", long.as_str()] {
        assert_eq!(post("snapshots", json!({ "name": name })).await, kind(422, "refused"));
    }
    assert_eq!(post("snapshots/on/restore", json!({})).await, kind(404, "unknown-snapshot"));
    assert_eq!(post("snapshots/on/fork", json!({})).await, kind(404, "unknown-snapshot"));
    let taken = json!({ "space": "refusals" });
    assert_eq!(post("snapshots/one/fork", taken).await, kind(409, "space-exists"));
    let bad = json!({ "space": "a b" });
    assert_eq!(post("snapshots/one/fork", bad).await, kind(422, "refused"));
    assert_eq!(space.control_send("DELETE", "snapshots/one", "").await.status, 204);
    let gone = space.control_send("DELETE", "snapshots/one", "").await.problem();
    assert_eq!(gone, kind(404, "unknown-snapshot"));
    for number in 0..32 {
        save(&space, &number.to_string()).await;
    }
    assert_eq!(post("snapshots", json!({ "name": "more" })).await, kind(429, "too-many"));
}

#[tokio::test]
async fn all_snapshots_together_keep_to_a_budget() {
    let budgets = Budgets { orders: 1, ..Budgets::default() };
    let sim = Sim::with(Setup { budgets, ..Setup::default() }).await;
    let (space, other) = (sim.space("full").await, sim.space("other").await);
    for space in [&space, &other] {
        for tx_id in ["1", "2", "3", "4", "5"] {
            space.register(tx_id, json!({})).await;
        }
    }
    // Five open orders each; twenty may be held.
    for name in ["a", "b", "c"] {
        save(&space, name).await;
    }
    save(&other, "d").await;
    let more = json!({ "name": "e" });
    assert_eq!(other.control_post("snapshots", &more).await.problem().1, "too-many");
    assert_eq!(space.control_send("DELETE", "snapshots/a", "").await.status, 204);
    save(&other, "e").await;
}

/// What a snapshot is as a file.
async fn export(space: &SpaceHandle, name: &str) -> String {
    let answer = space.control_get(&format!("snapshots/{name}")).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.text()
}

async fn import(space: &SpaceHandle, name: &str, file: &str) -> Answer {
    space.control_send("PUT", &format!("snapshots/{name}"), file).await
}

/// A file whose state was changed by someone who also makes its digest right.
fn forged(file: &str, from: &str, to: &str) -> String {
    let (head, state) = file.split_once(r#""state":"#).unwrap();
    let state = state.strip_suffix('}').unwrap();
    assert!(state.contains(from), "{from} is not in {state}");
    let changed = state.replacen(from, to, 1);
    let digest = |text: &str| Encoding::Hex.encode(&Sha256::digest(text));
    assert!(head.contains(&digest(state)));
    let head = head.replace(&digest(state), &digest(&changed));
    format!(r#"{head}"state":{changed}}}"#)
}

#[tokio::test]
async fn a_file_goes_on_in_another_process_as_the_original_does() {
    let (sim, other) = (Sim::start().await, Sim::start().await);
    let space = fateful(&sim, "fate").await;
    let file = export(&space, "now").await;
    // Another seed, and merchants of its own: all of that comes with the file.
    let twin = other.make_space(&json!({ "name": "elsewhere", "seed": 99, "merchants": 2 })).await;
    let twin = SpaceHandle { merchants: space.merchants.clone(), ..twin };
    let taken = import(&twin, "now", &file).await.expect(200);
    assert_eq!((&taken["space"], &taken["orders"]), (&json!("fate"), &json!(5)));
    restore(&twin, "now").await;
    assert_eq!(likeness(&twin).await, likeness(&space).await);
    // Spread over lines by an editor it is the same file, and what was read is written as it was.
    let spread = serde_json::to_string_pretty(&serde_json::from_str::<Value>(&file).unwrap());
    import(&twin, "spread", &spread.unwrap()).await.expect(200);
    let state = |file: &str| file.split_once(r#""digest":"#).unwrap().1.to_owned();
    assert_eq!(state(&export(&twin, "spread").await), state(&file));
    assert_eq!(go_on(&twin).await, go_on(&space).await);
    assert_eq!(unnamed(&twin).await, unnamed(&space).await);
}

/// The orders without the names of the requests that changed them.
async fn unnamed(space: &SpaceHandle) -> Value {
    let mut orders = likeness(space).await["orders"].take();
    for order in orders["orders"].as_array_mut().unwrap() {
        for event in order["events"].as_array_mut().unwrap() {
            event["trace"].take();
        }
        for pushback in order["pushbacks"].as_array_mut().unwrap() {
            pushback["trace"].take();
        }
    }
    orders
}

#[tokio::test]
async fn a_file_holds_no_key_and_no_token() {
    let sim = Sim::start().await;
    let space = sim.space("secret").await;
    let path = format!("merchants/{}", space.merchant().id);
    space.control_send("PATCH", &path, r#"{"token":"open-sesame"}"#).await.expect(200);
    save(&space, "s").await;
    let file = export(&space, "s").await;
    assert!(!file.contains("open-sesame"));
    let private = space.made["merchants"][0]["privateKey"].as_str().unwrap();
    assert!(!file.contains(&private[100..200]));
    // Where the token is known it is found again, elsewhere it is asked for.
    import(&space, "again", &file).await.expect(200);
    let stranger = sim.space("stranger").await;
    let refused = import(&stranger, "s", &file).await;
    assert_eq!(refused.problem(), (422, "refused".to_owned()));
    assert!(refused.text().contains("asks for a token"), "{}", refused.text());
}

#[tokio::test]
async fn files_that_cannot_be_read_are_refused_and_nothing_changes() {
    let sim = Sim::start().await;
    let space = sim.space("files").await;
    live(&space).await;
    save(&space, "s").await;
    let file = export(&space, "s").await;
    let before = (whole(&space).await, names(&space).await);
    let half = &file[..file.len() / 2];
    let json = serde_json::from_str::<Value>(&file).unwrap();
    let profile = json["profile"]["digest"].clone();
    let pushback = &json["state"]["pushbacks"][0];
    let order = pushback["order"].as_u64().unwrap();
    let of_order = format!(r#""order":{order},"#);
    let url = |url: &str| format!(r#""url":"{url}""#);
    let link = |url: &str| format!(r#""cancelUrl":"{url}""#);
    let (no_link, nowhere) = (r#""cancelUrl":null"#, "http://127.0.0.1:1/noti");
    let wrong = [
        (half.to_owned(), "not JSON"),
        ("[]".to_owned(), "no snapshot"),
        (r#"{"format":"other","version":1}"#.to_owned(), "no snapshot"),
        (file.replacen(r#""version":1"#, r#""version":2"#, 1), "version 2"),
        (file.replacen(profile.as_str().unwrap(), &"0".repeat(64), 1), "profile"),
        (file.replacen(r#""amount":100"#, r#""amount":101"#, 1), "damaged"),
        (file.replacen(r#""stan":"#, r#""stam":"#, 1), "damaged"),
        (forged(&file, r#"{"refunded":100}"#, r#"{"refunded":101}"#), "money"),
        (forged(&file, r#"{"refunded":100}"#, r#"{"refunded":-1}"#), "amount"),
        (forged(&file, r#""registered""#, r#""settled""#), "registration"),
        (forged(&file, r#""change":{"refunded":100}"#, r#""change":"registered""#), "money"),
        (forged(&file, r#""txId":"paid""#, r#""txId":"open""#), "twice"),
        (forged(&file, r#""id":2,"#, r#""id":7,"#), "out of place"),
        (forged(&file, r#""party":0"#, r#""party":9"#), "terminal"),
        (forged(&file, r#""scaleMilli":0"#, r#""scaleMilli":0,"more":1"#), "damaged"),
        (forged(&file, r#""nextPushback":"#, r#""nextPushback":1"#), "push-backs"),
        (forged(&file, r#""shows":"#, r#""shows":99"#), "time"),
        (forged(&file, r#""scaleMilli":0"#, r#""scaleMilli":1000000001"#), "faster"),
        (forged(&file, r#""scaleMilli":0"#, r#""scaleMilli":9223372036854775807"#), "faster"),
        (forged(&file, no_link, &link("javascript:alert(1)")), "cancelUrl must not begin with"),
        (forged(&file, no_link, &link("data:text/html,x")), "cancelUrl must not begin with"),
        (forged(&file, no_link, &link("http://u:p@h/")), "cancelUrl must name a host"),
        (forged(&file, no_link, &link("http://h:99999/")), "cancelUrl must name a port"),
        (forged(&file, r#""notiUrl":"http:"#, r#""notiUrl":"ftp:"#), "notiUrl must be"),
        (forged(&file, &url(nowhere), &url("http://h:99999/")), "push-back"),
        (forged(&file, &url(nowhere), &url("file:///etc/passwd")), "push-back"),
        (forged(&file, &of_order, r#""order":99,"#), "belongs to no order"),
        (forged(&file, &of_order, &format!(r#""order":{},"#, order + 1)), "belongs to no order"),
        (forged(&file, r#""dayNumber":2"#, r#""dayNumber":1"#), "not its own"),
        (forged(&file, r#""dayNumber":2"#, r#""dayNumber":9999"#), "not its own"),
        (forged(&file, r#""txId":"open""#, r#""txId":"""#), "txId"),
        (forged(&file, r#""txId":"open""#, r#""txId":"\u001b[1m""#), "txId"),
        (forged(&file, r#""clientId":null"#, r#""clientId":"\u0000""#), "control characters"),
        (forged(&file, r#""bindings":[""#, r#""bindings":["00"#), "damaged"),
    ];
    for (text, told) in wrong {
        let refused = import(&space, "s", &text).await;
        let (status, kind) = refused.problem();
        assert!(
            matches!((status, &*kind), (400, "unreadable") | (422, "refused")),
            "{told}: {kind}"
        );
        assert!(refused.text().contains(told), "{told}: {}", refused.text());
        assert_eq!(import(&space, "new", &text).await.status, status);
    }
    assert_eq!(import(&space, "a%20b", &file).await.problem().1, "refused");
    assert_eq!((whole(&space).await, names(&space).await), before);
    import(&space, "s", &file).await.expect(200);
}

#[tokio::test]
async fn a_rule_keeps_the_digits_of_its_numbers_in_lists_and_files() {
    let sim = Sim::start().await;
    let space = sim.space("digits").await;
    let rule =
        r#"[{"id":"a","when":{"operation":"status"},"then":[{"patch":{"set":{"x":20.00}}}]}]"#;
    let armed = space.control_send("PUT", "rules", rule).await;
    assert!(armed.text().contains(r#"{"x":20.00}"#), "{}", armed.text());
    save(&space, "one").await;
    let file = space.control_send("GET", "snapshots/one", "").await;
    assert!(file.text().contains(r#"{"x":20.00}"#), "{}", file.text());
    space.control_send("PUT", "snapshots/two", &file.text()).await.expect(200);
    space.control_post("snapshots/two/restore", &json!({})).await.expect(200);
    let listed = space.control_send("GET", "rules", "").await;
    assert!(listed.text().contains(r#"{"x":20.00}"#), "{}", listed.text());
}
