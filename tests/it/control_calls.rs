//! The calls of the control plane, one by one, and what they refuse.

use payon_sim::base::Operation;
use payon_sim::crypto::{PrivateKey, PublicKey};
use serde_json::{Value, json};

use crate::support::{Client, Setup, Sim};

fn items<'v>(value: &'v Value, list: &str, member: &str) -> Vec<&'v str> {
    value[list].as_array().unwrap().iter().map(|item| item[member].as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_space_is_born_with_keys_that_fit_and_found_by_its_path() {
    let sim = Sim::start().await;
    let space = sim.make_space(&json!({ "name": "born", "seed": "7", "merchants": 2 })).await;
    assert_eq!(space.made["seed"], 7);
    assert_eq!(space.base_url, format!("{}/space/born", sim.url));
    assert_eq!(space.control_url, space.base_url);
    assert_eq!(space.merchants.len(), 2);
    for merchant in space.made["merchants"].as_array().unwrap() {
        let text = |name: &str| merchant[name].as_str().unwrap();
        let private = PrivateKey::parse(text("privateKey")).unwrap();
        assert_eq!(private.public_key().spki_der_base64(), text("publicKey"));
        assert_eq!(private.pkcs8_der_base64(), text("privateKey"), "PKCS#8 on one line");
    }
    PublicKey::parse(space.made["gatewayPublicKey"].as_str().unwrap()).unwrap();

    let listed = sim.get("v1/spaces").await.expect(200);
    assert_eq!(items(&listed, "spaces", "name"), ["default", "born"]);
    let answer = space.control_send("DELETE", "spaces/born", "").await;
    assert_eq!(answer.status, 204);
    let answer = space.control_get("orders").await;
    assert_eq!(answer.problem(), (404, "unknown-space".to_owned()));
}

#[tokio::test]
async fn merchants_of_a_new_space_may_be_named_and_bring_their_own_key() {
    let sim = Sim::start().await;
    let key = PrivateKey::generate(1024).unwrap();
    let wishes = json!({ "merchants": [
        "SHOP1",
        { "merchantId": "SHOP2", "termId": "T2", "publicKey": key.public_key().spki_pem(),
          "notiUrl": "https://shop.test/noti" },
        { "merchantId": "C0000143" },
    ]});
    let space = sim.make_space(&wishes).await;
    // A merchant of one space alone is found without the path naming the space.
    let order = json!({
        "merchantId": "SHOP2", "termId": "T2", "txId": "1", "trt": "10", "currency": "USD",
        "amount": "1", "paymentMethod": "CREDIT_DEBIT",
    });
    sim.client.post(&format!("{}/pg/order/register", sim.url), &order).await.expect(200);
    space.control_get("orders/SHOP2/1").await.expect(200);
    assert_eq!(items(&space.made, "merchants", "merchantId"), ["SHOP1", "SHOP2", "C0000143"]);
    assert_eq!(space.made["merchants"][1]["privateKey"], json!(null));
    assert_eq!(space.made["merchants"][1]["termId"], "T2");
    let listed = space.control_get("merchants").await.expect(200);
    let all = listed["merchants"].as_array().unwrap();
    let shop = all.iter().find(|merchant| merchant["merchantId"] == "SHOP2").unwrap();
    assert_eq!((&shop["keyBits"], &shop["weakKey"]), (&json!(1024), &json!(true)));
    assert_eq!(shop["notiUrl"], "https://shop.test/noti");
    assert_eq!(shop["tokenRequired"], false);
}

#[tokio::test]
async fn the_same_name_gives_the_same_space_in_another_process() {
    let make = async || {
        let sim = Sim::start().await;
        sim.running_space("again").await.made
    };
    let (one, other) = (make().await, make().await);
    assert_eq!(one["seed"], other["seed"]);
    assert_eq!(one["merchants"], other["merchants"]);
}

#[tokio::test]
async fn a_space_that_cannot_be_made_says_why_and_leaves_nothing() {
    let sim = Sim::start().await;
    let taken = sim.running_space("taken").await;
    let elsewhere = json!({ "merchants": [taken.merchant().id] });
    let url = format!("{}/_sim/v1/spaces", sim.url);
    for (wishes, status, kind, member) in [
        (r#"{"name":"taken"}"#, 409, "space-exists", "name"),
        (r#"{"name":"a/b"}"#, 422, "refused", "name"),
        (r#"{"nmae":"x"}"#, 400, "unreadable", "nmae"),
        (r#"{"name":1}"#, 400, "unreadable", "name"),
        (r#"{"seed":-1}"#, 400, "unreadable", "seed"),
        (r#"{"seed":"abc"}"#, 400, "unreadable", "seed"),
        (r#"{"merchants":"two"}"#, 400, "unreadable", "merchants"),
        (r#"{"merchants":65}"#, 422, "refused", "merchants"),
        (r#"{"merchants":[{"notiURL":"x"}]}"#, 400, "unreadable", "merchants[0].notiURL"),
        (r#"{"merchants":["A",{"notiUrl":"shop"}]}"#, 422, "refused", "merchants[1].notiUrl"),
        (r#"{"merchants":[{"publicKey":"xyz"}]}"#, 422, "refused", "merchants"),
        (r#"{"merchants":["A","A"]}"#, 422, "refused", "merchants"),
        (r#"{"merchants":[""]}"#, 422, "refused", "merchants"),
        (r#"{"merchants":[{"termId":"a/b"}]}"#, 422, "refused", "merchants"),
    ] {
        let answer = sim.client.send("POST", &url, wishes).await;
        assert_eq!(answer.problem(), (status, kind.to_owned()), "{wishes}");
        assert_eq!(answer.json()["member"], member, "{}", answer.text());
    }
    let answer = sim.client.post(&url, &elsewhere).await;
    assert_eq!(answer.problem(), (409, "merchant-taken".to_owned()));
    let answer = sim.client.send("POST", &url, r#"{"merchants":[{"notiURL":"x"}]}"#).await;
    assert!(answer.text().contains("did you mean notiUrl?"), "{}", answer.text());
    let answer = sim.client.send("POST", &url, "{").await;
    assert_eq!(answer.problem(), (400, "unreadable".to_owned()));
    let listed = sim.get("v1/spaces").await.expect(200);
    assert_eq!(items(&listed, "spaces", "name"), ["default", "taken"]);
}

#[tokio::test]
async fn the_default_space_stays_and_unknown_ones_are_unknown() {
    let sim = Sim::start().await;
    let delete = async |name: &str| {
        let url = format!("{}/_sim/v1/spaces/{name}", sim.url);
        sim.client.send("DELETE", &url, "").await.problem()
    };
    assert_eq!(delete("default").await, (409, "default-stays".to_owned()));
    assert_eq!(delete("nobody").await, (404, "unknown-space".to_owned()));
}

#[tokio::test]
async fn merchants_are_set_up_whole_or_not_at_all() {
    let sim = Sim::start().await;
    let space = sim.space("settings").await;
    let path = format!("merchants/{}", space.merchant().id);
    let patch = async |body: Value| space.control_send("PATCH", &path, &body.to_string()).await;
    let key = PrivateKey::generate(1024).unwrap().public_key().spki_der_base64();

    let changed = patch(json!({
        "notiUrl": "http://shop.test/a", "publicKey": key, "signMode": "off", "token": "t0k3n",
        "pinEnabled": false,
    }));
    let changed = changed.await;
    assert!(!changed.text().contains("t0k3n"), "a token is never shown");
    let changed = changed.expect(200);
    assert_eq!(changed["notiUrl"], "http://shop.test/a");
    assert_eq!(changed["publicKey"], *key);
    assert_eq!(changed["signMode"], "off");
    assert_eq!((&changed["tokenRequired"], &changed["pinEnabled"]), (&json!(true), &json!(false)));

    let status = json!({ "txId": "1" });
    assert_eq!(space.call(Operation::Status, &status).await.status, 401);
    let same = patch(json!({})).await.expect(200);
    assert_eq!(same, changed, "what is left out stays");
    for (wrong, status, member) in [
        (json!({ "notiUrl": null, "publicKey": "no key" }), 422, "publicKey"),
        (json!({ "token": null, "notiUrl": "ftp://shop.test" }), 422, "notiUrl"),
        (json!({ "notiUrl": null, "token": "" }), 422, "token"),
        (json!({ "publicKey": null }), 400, "publicKey"),
        (json!({ "pinEnabled": null }), 400, "pinEnabled"),
        (json!({ "signMode": "sometimes" }), 400, "signMode"),
        (json!({ "noti_url": "http://shop.test" }), 400, "noti_url"),
    ] {
        let answer = patch(wrong.clone()).await;
        assert_eq!((answer.status, &answer.json()["member"]), (status, &json!(member)), "{wrong}");
    }
    assert_eq!(patch(json!({})).await.expect(200), changed, "nothing half done");

    let cleared =
        patch(json!({ "notiUrl": null, "token": null, "signMode": null })).await.expect(200);
    assert_eq!(
        [&cleared["notiUrl"], &cleared["tokenRequired"], &cleared["signMode"]],
        [&json!(null), &json!(false), &json!(null)]
    );
    let answer = space.control_send("PATCH", "merchants/C000143", "{}").await;
    assert_eq!(answer.problem(), (404, "unknown-merchant".to_owned()));
    assert!(answer.text().contains("did you mean C0000143?"), "{}", answer.text());
}

#[tokio::test]
async fn orders_are_paged_and_filtered() {
    let sim = Sim::start().await;
    let space = sim.space("pages").await;
    for order in 0..7 {
        space.register(&format!("o{order}"), json!({})).await;
    }
    for paid in ["o1", "o4"] {
        space.pay(paid, json!({})).await.expect(200);
    }
    let mut seen = Vec::new();
    let mut after = String::new();
    loop {
        let page = space.control_get(&format!("orders?limit=3{after}")).await.expect(200);
        seen.extend(items(&page, "orders", "txId").into_iter().map(str::to_owned));
        let Some(next) = page["next"].as_str() else { break };
        after = format!("&after={next}");
    }
    assert_eq!(seen, ["o0", "o1", "o2", "o3", "o4", "o5", "o6"]);
    let captured = space.control_get("orders?state=captured").await.expect(200);
    assert_eq!(items(&captured, "orders", "txId"), ["o1", "o4"]);
    let captured = space.control_get("orders?state=captured&limit=1").await.expect(200);
    assert_eq!(items(&captured, "orders", "txId"), ["o1"]);
    let nobodys = space.control_get("orders?merchantId=C0000143").await.expect(200);
    assert_eq!(nobodys["orders"], json!([]));
    for wrong in ["limit=0", "limit=1001", "limit=x", "after=xyz", "state=paid", "colour=red"] {
        let answer = space.control_get(&format!("orders?{wrong}")).await;
        assert_eq!(answer.problem(), (400, "unreadable".to_owned()), "{wrong}");
        assert_eq!(answer.json()["member"], wrong.split('=').next().unwrap());
    }
}

#[tokio::test]
async fn an_order_is_found_by_any_id_that_a_merchant_may_choose() {
    let sim = Sim::start().await;
    let space = sim.space("ids").await;
    for id in ["a/b", "50%", "a b?c=d&e", "អ"] {
        space.register(id, json!({})).await;
        assert_eq!(space.order(id).await["txId"], id);
        space.pay(id, json!({})).await.expect(200);
    }
}

#[tokio::test]
async fn the_payer_can_be_played_to_any_end() {
    let sim = Sim::start().await;
    let space = sim.space("ends").await;
    for (at, (request, reason, state)) in [
        (json!({}), "success", "captured"),
        (json!({ "card": "4012001037141112" }), "success", "captured"),
        (json!({ "outcome": "card.insufficient-funds" }), "card.insufficient-funds", "failed"),
        (json!({ "outcome": "payer.cancelled" }), "payer.cancelled", "cancelled"),
        (json!({ "outcome": "issuer.timeout" }), "issuer.timeout", "registered"),
        (json!({ "outcome": "order.expired" }), "order.expired", "expired"),
    ]
    .into_iter()
    .enumerate()
    {
        let tx_id = at.to_string();
        space.register(&tx_id, json!({})).await;
        let played = space.pay(&tx_id, request).await.expect(200);
        assert_eq!((&played["reason"], &played["order"]["state"]), (&json!(reason), &json!(state)));
    }
    for request in [json!({}), json!({ "outcome": "issuer.timeout" })] {
        let again = space.pay("0", request).await;
        assert_eq!(again.problem(), (409, "not-possible".to_owned()));
        assert_eq!(again.json()["reason"], "order.already-paid");
    }
    assert_eq!(space.pay("none", json!({})).await.problem(), (404, "unknown-order".to_owned()));
    space.register("open", json!({})).await;
    for (wrong, status, member) in [
        (json!({ "card": "4999999999999999" }), 422, "card"),
        (json!({ "wallet": "855964444781" }), 422, "wallet"),
        (json!({ "crad": "4012001037141112" }), 400, "crad"),
        (json!({ "outcome": "card.eaten" }), 400, "outcome"),
        (json!({ "pin": 1234 }), 400, "pin"),
    ] {
        let answer = space.pay("open", wrong).await;
        assert_eq!((answer.status, &answer.json()["member"]), (status, &json!(member)));
        assert!(!answer.text().contains("1234"), "{}", answer.text());
        assert!(!answer.text().contains("4999999999999999"), "{}", answer.text());
    }
    assert_eq!(space.order("open").await["state"], "registered");
}

#[tokio::test]
async fn events_can_be_made_to_happen() {
    let sim = Sim::start().await;
    let space = sim.space("events").await;
    for tx_id in ["1", "2", "3"] {
        space.register(tx_id, json!({})).await;
    }
    space.pay("1", json!({})).await.expect(200);
    let settled = space.trigger("1", "settle").await.expect(200);
    assert_eq!(settled["order"]["settled"], true);
    let charged = space.trigger("1", "chargeback").await.expect(200);
    assert_eq!(charged["order"]["refunded"], "1.00");
    assert_eq!(space.trigger("2", "expire").await.expect(200)["order"]["state"], "expired");
    let late = space.trigger("2", "late-approval").await.expect(200);
    assert_eq!(late["order"]["state"], "captured");
    assert_eq!(space.trigger("3", "cancel").await.expect(200)["order"]["state"], "cancelled");
    let answer = space.trigger("3", "late-decline").await;
    assert_eq!(answer.problem(), (409, "not-possible".to_owned()));
    let answer = space.trigger("3", "charge-back").await;
    assert_eq!(answer.problem(), (400, "unreadable".to_owned()));
    assert!(answer.text().contains("did you mean chargeback?"), "{}", answer.text());
}

#[tokio::test]
async fn the_journal_is_filtered_and_followed() {
    let sim = Sim::start().await;
    let space = sim.space("journal").await;
    space.register("1", json!({})).await;
    space.pay("1", json!({})).await.expect(200);
    space.call(Operation::Status, &json!({ "txId": "1" })).await;
    space.call(Operation::Status, &json!({ "txId": "2" })).await;
    space.client.post(&format!("{}/pg/nowhere", space.base_url), &json!({})).await;
    let all = space.control_get("journal").await.expect(200);
    let entries = all["entries"].as_array().unwrap();
    let operations: Vec<_> = entries.iter().map(|entry| entry["operation"].clone()).collect();
    assert_eq!(operations[..4], [json!("register"), json!(null), json!("status"), json!("status")]);
    assert_eq!(entries[1]["control"], "pay");
    assert_eq!((entries.len(), &entries[4]["reason"]), (5, &json!("request.unknown-path")));
    assert_eq!(entries[0]["request"]["amount"], "1.00");
    assert_eq!(entries[0]["status"], 200);
    assert!(entries[0]["profileLine"].as_str().unwrap().contains("reasons.toml:"));
    assert_eq!(entries[3]["reason"], "order.not-found");
    let text = space.control_get("journal?operation=status&txId=1").await.text();
    assert!(text.contains("\"amount\":1,"), "literals stay as they were: {text}");

    let first = entries[0]["trace"].as_str().unwrap();
    let page = space.control_get(&format!("journal?after={first}&limit=1")).await.expect(200);
    assert_eq!(page["entries"], json!([entries[1]]));
    assert_eq!(page["next"], entries[1]["trace"]);
    let latest = space.control_get("journal?limit=1").await.expect(200);
    assert_eq!(latest["entries"][0]["trace"], entries[entries.len() - 1]["trace"]);
    let none = space.control_get("journal?merchantId=C0000143").await.expect(200);
    assert_eq!(none, json!({ "entries": [], "next": null, "dropped": 0 }));
    for trace in ["0000000000000001", "x"] {
        let answer = space.control_get(&format!("journal/{trace}")).await;
        assert_eq!(answer.problem(), (404, "unknown-trace".to_owned()));
    }
}

#[tokio::test]
async fn bodies_are_signed_and_explained() {
    let sim = Sim::start().await;
    let space = sim.space("signing").await;
    let merchant = space.merchant();
    let body = format!(
        r#"{{"merchantId":"{}","termId":"{}","txId":"1","amount":1.00,"sign":"old"}}"#,
        merchant.id, merchant.terminal
    );
    let asked = format!(r#"{{"merchantId":"{}","operation":"refund","body":{body}}}"#, merchant.id);
    let answer = space.control_send("POST", "sign", &asked).await;
    let signed = answer.expect(200);
    assert!(signed["canonical"].as_str().unwrap().starts_with("amount=1.00&"), "{signed}");
    assert_eq!(signed["mode"], "required");
    assert_eq!(signed["sign"], merchant.sign(&body), "as the merchant signs");
    assert!(answer.text().contains(r#""amount":1.00,"sign":""#), "{}", answer.text());

    let as_text = json!({ "merchantId": merchant.id, "body": body });
    let text = space.control_post("sign", &as_text).await.expect(200);
    assert_eq!(text["sign"], signed["sign"]);
    assert!(text["body"].as_str().unwrap().contains("\"amount\":1.00"));
    assert_eq!(text.get("mode"), None);

    let explain = async |body: &Value| {
        let asked = json!({ "merchantId": merchant.id, "operation": "refund", "body": body });
        space.control_post("sign/explain", &asked).await.expect(200)
    };
    assert_eq!(explain(&text["body"]).await["ok"], true);
    let damaged = text["body"].as_str().unwrap().replace("\"txId\":\"1\"", "\"txId\":\"2\"");
    let explained = explain(&json!(damaged)).await;
    assert_eq!((&explained["ok"], &explained["keyProven"]), (&json!(false), &json!(true)));

    for (wrong, kind) in [
        (json!({ "merchantId": "nobody", "body": {} }), "unknown-merchant"),
        (json!({ "merchantId": merchant.id, "body": [] }), "refused"),
        (json!({ "merchantId": merchant.id, "body": "{" }), "refused"),
        (json!({ "merchantId": merchant.id }), "unreadable"),
    ] {
        let answer = space.control_post("sign", &wrong).await;
        assert_eq!(answer.problem().1, kind, "{wrong}");
    }
    let key = PrivateKey::generate(1024).unwrap().public_key().spki_der_base64();
    let path = format!("merchants/{}", merchant.id);
    let change = json!({ "publicKey": key }).to_string();
    space.control_send("PATCH", &path, &change).await.expect(200);
    let answer = space.control_post("sign", &as_text).await;
    assert_eq!(answer.problem(), (409, "no-private-key".to_owned()));
}

#[tokio::test]
async fn a_card_number_in_a_path_is_shown_nowhere() {
    const PAN: &str = "4111111111111111";
    let sim = Sim::start().await;
    let space = sim.space("paths").await;
    for path in [format!("pg/{PAN}"), format!("{PAN}/pg"), "pg/4111/1111/1111/1111".to_owned()] {
        let answer = space.client.get(&format!("{}/{path}", space.base_url)).await;
        assert_eq!(answer.status, 404, "{}", answer.text());
        assert!(answer.text().contains("411111******1111"), "{}", answer.text());
    }
    let answer = sim.client.get(&format!("{}/space/{PAN}/pg/x", sim.url)).await;
    assert!(!answer.text().contains(PAN), "{}", answer.text());
    for journal in [
        space.control_get("journal").await,
        sim.client.get(&format!("{}/_sim/v1/journal", sim.url)).await,
    ] {
        let text = journal.text();
        assert!(text.contains("411111******1111") && !text.contains(PAN), "{text}");
        assert!(!text.contains("4111/1111"), "{text}");
    }
}

#[tokio::test]
async fn a_clock_stops_at_its_end_and_can_be_set_again() {
    let sim = Sim::start().await;
    let space = sim.running_space("end").await;
    let change = async |wish: Value| space.control_post("clock", &wish).await;
    change(json!({ "set": "9998-12-31T23:59:59Z", "scale": 1_000_000 })).await.expect(200);
    let end = "9999-01-01T07:00:00.000+07:00";
    loop {
        let clock = space.control_get("clock").await.expect(200);
        if clock["now"] == end {
            break;
        }
        assert!(clock["now"].as_str().unwrap() < end, "{clock}");
        tokio::task::yield_now().await;
    }
    let nowhere = json!({ "noti_url": "http://127.0.0.1:1/noti" });
    let order = space.register("last", nowhere).await;
    assert_eq!(order["txDt"], "99990101", "{order}");
    space.pay("last", json!({})).await.expect(200);
    assert_eq!(change(json!({ "advance": 1 })).await.status, 422);
    for wish in [json!({}), json!({ "runUntilIdle": true }), json!({ "scale": 1 })] {
        assert_eq!(change(wish.clone()).await.expect(200)["now"], end, "{wish}");
    }
    // What is there goes into a file and comes out of it.
    space.control_post("snapshots", &json!({ "name": "s" })).await.expect(201);
    let file = space.control_get("snapshots/s").await.text();
    space.control_send("PUT", "snapshots/again", &file).await.expect(200);
    let clock = change(json!({ "set": "2026-01-01T00:00:00Z", "freeze": true })).await.expect(200);
    assert_eq!(clock["now"], "2026-01-01T07:00:00.000+07:00");
}

#[tokio::test]
async fn a_token_that_no_client_can_send_is_refused() {
    let sim = Sim::start().await;
    let space = sim.space("tokens").await;
    let path = format!("merchants/{}", space.merchant().id);
    for token in ["", "ក", " lead", "trail ", "x\r\ny", "a\tb", "\u{7f}"] {
        let change = json!({ "token": token }).to_string();
        let problem = space.control_send("PATCH", &path, &change).await.json();
        assert_eq!(problem["member"], "token", "{token:?}: {problem}");
    }
    for token in ["abc", "Bearer a.b-c_d=", "!~"] {
        let change = json!({ "token": token }).to_string();
        space.control_send("PATCH", &path, &change).await.expect(200);
    }
}

#[tokio::test]
async fn clocks_are_read_and_changed() {
    let sim = Sim::start().await;
    let space = sim.running_space("clock").await;
    let clock = space.control_get("clock").await.expect(200);
    assert_eq!((&clock["scale"], &clock["frozen"]), (&json!(1.0), &json!(false)));
    assert_eq!(clock["nextDue"], json!(null));
    let change = async |wish: Value| space.control_post("clock", &wish).await;
    let clock = change(json!({ "freeze": true, "set": "2026-01-01T00:00:00Z" })).await.expect(200);
    assert_eq!(clock["now"], "2026-01-01T07:00:00.000+07:00");
    space.register("1", json!({})).await;
    let clock = change(json!({})).await.expect(200);
    assert_eq!(clock["nextDue"], "2026-01-01T07:15:00.000+07:00");
    let clock = change(json!({ "advance": "P1D" })).await.expect(200);
    assert_eq!(clock["now"], "2026-01-02T07:00:00.000+07:00");
    assert_eq!(space.order("1").await["events"][1]["at"], "2026-01-01T07:15:00.000+07:00");
    let clock = change(json!({ "scale": 2.5 })).await.expect(200);
    assert_eq!((&clock["scale"], &clock["frozen"]), (&json!(2.5), &json!(false)));
    for (wrong, status, member) in [
        (json!({ "advance": "soon" }), 400, "advance"),
        (json!({ "advance": -1 }), 400, "advance"),
        (json!({ "advance": "-5s" }), 400, "advance"),
        (json!({ "advance": "3000000 days" }), 422, "advance"),
        (json!({ "advance": u64::MAX }), 422, "advance"),
        (json!({ "set": "yesterday" }), 400, "set"),
        (json!({ "set": "1901-01-01T00:00:00Z" }), 422, "set"),
        (json!({ "scale": -1 }), 422, "scale"),
        (json!({ "freeze": true, "scale": 2 }), 422, "scale"),
        (json!({ "scael": 2 }), 400, "scael"),
    ] {
        let answer = change(wrong.clone()).await;
        let found = (answer.status, answer.json()["member"].clone());
        assert_eq!(found, (status, json!(member)), "{wrong}: {}", answer.text());
    }
}

#[tokio::test]
async fn khqr_and_fidelity_can_be_looked_up() {
    let sim = Sim::start().await;
    let space = sim.space("reference").await;
    let order = space.register("1", json!({ "paymentMethod": "BAKONG_KHQR" })).await;
    let qr = order["khqr"].as_str().unwrap();
    let coded =
        percent_encoding::utf8_percent_encode(qr, percent_encoding::NON_ALPHANUMERIC).to_string();
    let read = space.control_get(&format!("khqr/decode?qr={coded}")).await.expect(200);
    assert_eq!((&read["valid"], &read["text"]), (&json!(true), &json!(qr)));
    assert_eq!(read["md5"], order["khqrMd5"]);
    let answer = space.control_get("khqr/decode").await;
    assert_eq!(answer.problem(), (400, "unreadable".to_owned()));

    let fidelity = sim.get("v1/fidelity").await.expect(200);
    let behaviours = fidelity["behaviours"].as_array().unwrap();
    let of = |mark: &str| behaviours.iter().filter(|b| b["provenance"] == mark).count();
    for mark in ["documented", "example", "assumed"] {
        assert!(of(mark) > 0);
        assert_eq!(fidelity["counts"][mark], of(mark));
    }
}

#[tokio::test]
async fn wrong_paths_methods_and_bodies_are_problems() {
    let sim = Sim::start().await;
    let call = async |method: &str, path: &str, body: &'static str| {
        sim.client.send(method, &format!("{}{path}", sim.url), body).await
    };
    let unknown = |kind: &str| (404, kind.to_owned());
    assert_eq!(call("GET", "/_sim/v2", "").await.problem(), unknown("unknown-call"));
    assert_eq!(call("GET", "/_sim/v1/oders", "").await.problem(), unknown("unknown-call"));
    assert_eq!(
        call("GET", "/space/none/_sim/v1/orders", "").await.problem(),
        unknown("unknown-space")
    );
    let answer = call("PUT", "/_sim/v1/clock", "{}").await;
    assert_eq!(answer.problem(), (405, "wrong-method".to_owned()));
    assert_eq!(answer.header("allow"), "GET, HEAD, POST");
    assert_eq!(call("POST", "/_sim/v1/reset?x=1", "").await.problem().0, 400);
    assert_eq!(call("GET", "/_sim/v1/orders", "{}").await.problem().0, 400);
    let url = format!("{}/_sim/v1/reset", sim.url);
    let answer = sim.client.send("POST", &url, vec![b' '; (1 << 20) + 1]).await;
    assert_eq!(answer.problem(), (413, "too-large".to_owned()));
    let answer = call("GET", "/_sim/healthz", "").await;
    assert_eq!(answer.header("cache-control"), "no-store");
    assert_eq!(call("HEAD", "/_sim/healthz", "").await.status, 200);
}

#[tokio::test]
async fn a_list_is_no_object_for_any_call() {
    let sim = Sim::start().await;
    let space = sim.space("lists").await;
    space.register("1", json!({})).await;
    let (merchant, order) =
        (space.merchant().id.clone(), format!("orders/{}/1", space.merchant().id));
    for (method, path, body) in [
        ("POST", "spaces".to_owned(), r#"["byarray"]"#),
        ("POST", "clock".to_owned(), "[]"),
        ("POST", "snapshots".to_owned(), r#"["a"]"#),
        ("POST", "sign".to_owned(), r#"["C0000143",{}]"#),
        ("POST", format!("{order}/trigger"), r#"["expire"]"#),
        ("POST", format!("{order}/pay"), r#"["4111111111111111"]"#),
        ("PATCH", format!("merchants/{merchant}"), r#"["T1"]"#),
    ] {
        let answer = space.control_send(method, &path, body).await;
        let detail = answer.json()["detail"].as_str().unwrap_or_default().to_owned();
        assert_eq!(answer.problem(), (400, "unreadable".to_owned()), "{path} {body}: {detail}");
        assert!(
            detail.contains("expected a JSON object, found an array"),
            "{path} {body}: {detail}"
        );
    }
    let deep = format!(r#"{{"expect":{}{}}}"#, "[".repeat(200), "]".repeat(200));
    let answer = space.control_send("POST", "verify", &deep).await;
    let detail = answer.json()["detail"].as_str().unwrap_or_default().to_owned();
    assert!(detail.contains("nested too deep"), "{detail}");
}

#[tokio::test]
async fn a_wrong_query_says_what_is_wanted() {
    let sim = Sim::start().await;
    let space = sim.space("queries").await;
    for (path, member, told) in [
        ("wait?for=idle&timeoutMs=x", "timeoutMs", "must be a whole number"),
        ("wait?for=idle&timeoutMs=99999999999999999999999", "timeoutMs", "too large"),
        ("orders?limit=x", "limit", "must be a whole number"),
        ("orders?limit=1&limit=2", "limit", "more than once"),
        ("events?after=x", "after", "must be a whole number"),
    ] {
        let answer = space.control_get(path).await;
        let problem = answer.json();
        assert_eq!(answer.status, 400, "{problem}");
        assert!(problem["detail"].as_str().is_some_and(|it| it.contains(told)), "{problem}");
        assert!(problem.to_string().contains(member), "{problem}");
    }
    let client = sim.client.with_header("last-event-id", "x7");
    let answer = client.get(&format!("{}/_sim/v1/events", space.control_url)).await;
    assert_eq!(answer.problem(), (400, "unreadable".to_owned()), "{}", answer.text());
    let taken = sim
        .client
        .post(&format!("{}/_sim/v1/spaces", sim.url), &json!({ "name": "default" }))
        .await;
    assert_eq!(taken.status, 409);
    let detail = taken.json()["detail"].as_str().unwrap().to_owned();
    assert!(detail.contains("always there") && !detail.contains("replace"), "{detail}");
}

#[tokio::test]
async fn with_a_token_only_health_is_open() {
    let sim = Sim::with(Setup { token: Some("s3cret"), ..Setup::default() }).await;
    sim.get("v1/orders").await.expect(200);
    let stranger = Client::new();
    let get =
        async |client: &Client, path: &str| client.get(&format!("{}/_sim/{path}", sim.url)).await;
    let answer = get(&stranger, "v1/orders").await;
    assert_eq!(answer.problem(), (401, "unauthorised".to_owned()));
    assert_eq!(answer.header("www-authenticate"), "Bearer");
    assert_eq!(get(&stranger, "version").await.status, 401);
    assert_eq!(get(&stranger, "healthz").await.status, 200);
    assert_eq!(get(&stranger, "readyz").await.status, 200);
    let wrong = stranger.with_header("authorization", "Bearer guess");
    assert_eq!(get(&wrong, "v1/orders").await.status, 401);
}

#[tokio::test]
async fn calls_by_a_foreign_name_or_from_a_foreign_page_are_refused() {
    let sim = Sim::start().await;
    let url = format!("{}/_sim/v1/reset", sim.url);
    let rebound = sim.client.with_header("host", "evil.test:36605");
    let answer = rebound.send("POST", &url, "").await;
    assert_eq!(answer.problem(), (403, "foreign-host".to_owned()));
    let page = sim.client.with_header("origin", "http://evil.test");
    let answer = page.send("POST", &url, "").await;
    assert_eq!(answer.problem(), (403, "foreign-origin".to_owned()));
    assert_eq!(sim.client.send("POST", &url, "").await.status, 204);
}

#[tokio::test]
async fn a_control_port_of_its_own_is_the_only_one_with_control() {
    let sim = Sim::with(Setup { control_port: true, ..Setup::default() }).await;
    assert_ne!(sim.url, sim.control_url);
    assert_eq!(sim.client.get(&format!("{}/_sim/healthz", sim.url)).await.status, 404);
    let space = sim.space("apart").await;
    assert_eq!(space.base_url, format!("{}/space/apart", sim.url));
    assert_eq!(space.control_url, format!("{}/space/apart", sim.control_url));
    let order = space.register("1", json!({})).await;
    assert_eq!(space.order("1").await["checkoutUrl"], order["checkoutUrl"]);
}

#[tokio::test]
async fn every_answer_tells_a_browser_to_be_careful() {
    let sim = Sim::start().await;
    for (path, status) in [("v1/orders", 200), ("metrics", 200), ("v1/nothing-here", 404)] {
        let answer = sim.get(path).await;
        assert_eq!(answer.status, status, "{path}");
        for (header, value) in [
            ("x-content-type-options", "nosniff"),
            ("cache-control", "no-store"),
            ("cross-origin-resource-policy", "same-origin"),
            ("referrer-policy", "no-referrer"),
        ] {
            assert_eq!(answer.header(header), value, "{header} of {path}");
        }
        assert!(answer.header("content-security-policy").contains("default-src 'none'"), "{path}");
    }
}
