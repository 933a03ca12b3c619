//! Spaces over many processes: links that say where they lead, names that nobody else has, proxies in front.

use payon_sim::base::Operation;
use serde_json::{Value, json};

use crate::binary::Gateway;
use crate::support::{Answer, Client, Sim, SpaceHandle};

/// The address of an order's page, from the answer to its registration.
fn page_of(answer: &Answer) -> String {
    let reply = answer.json();
    let url = reply["resultData"]["checkoutUrl"].as_str();
    url.unwrap_or_else(|| panic!("no link in {reply}")).to_owned()
}

fn order(space: &SpaceHandle, tx_id: &str, method: &str) -> Value {
    space.merchant().signed(&json!({
        "txId": tx_id, "trt": "10", "currency": "USD", "amount": "5", "paymentMethod": method,
    }))
}

#[tokio::test]
async fn every_link_that_leaves_a_space_carries_the_space() {
    let sim = Sim::start().await;
    let (shop, other) = (sim.space("shop").await, sim.space("other").await);
    let place = format!("{}/space/shop/", sim.url);
    // Whichever way a call finds its space.
    let by_header = sim.client.with_header("x-payon-space", "shop");
    let path = Operation::Register.paths()[0];
    let mut pages = Vec::new();
    for (tx_id, client, base) in [
        ("by-path", &sim.client, shop.base_url.as_str()),
        ("by-header", &by_header, &sim.url),
        ("by-merchant", &sim.client, &sim.url),
    ] {
        let order = order(&shop, tx_id, "CREDIT_DEBIT");
        pages.push(page_of(&client.post(&format!("{base}{path}"), &order).await));
    }
    let shown = shop.control_get("orders").await.json();
    for (page, order) in pages.iter().zip(shown["orders"].as_array().expect("orders")) {
        assert!(page.starts_with(&format!("{place}pg/checkout/")), "{page}");
        assert_eq!(order["checkoutUrl"], **page);
        assert_eq!(sim.client.get(page).await.status, 200);
        // Links from before went without the space, and are out there still.
        let bare = page.replace("/space/shop", "");
        assert_eq!(sim.client.get(&bare).await.status, 200, "{bare}");
        let foreign = page.replace("/space/shop", "/space/other");
        assert_eq!(sim.client.get(&foreign).await.status, 404, "{foreign}");
    }
    // The link in a code for a bank's app, and where its scanner goes on.
    let scanned = order(&shop, "scanned", "PPCBANK_TRANSFER");
    let page = page_of(&shop.post(Operation::Register, &scanned).await);
    let code = page.replace("/pg/checkout/", "/_sim/app/");
    let shown = sim.client.get(&page).await.text();
    assert!(shown.contains(&code), "{code} is not in {shown}");
    let app = format!("{}/_sim/app", sim.url);
    let scan = sim.client.send("POST", &app, format!("code={code}")).await;
    assert_eq!(scan.status, 303, "{}", scan.text());
    let place = scan.headers["location"].to_str().expect("text");
    assert_eq!(crate::checkout::resolve("/_sim/app", place), code[sim.url.len()..]);
    // The space that answers where none is named is not named in links either.
    let members = json!({
        "merchantId": "C0000143", "termId": "CT03000003", "txId": "plain", "trt": "10",
        "currency": "USD", "amount": "5", "paymentMethod": "CREDIT_DEBIT",
    });
    let page = page_of(&sim.client.post(&format!("{}{path}", sim.url), &members).await);
    assert!(page.starts_with(&format!("{}/pg/checkout/", sim.url)), "{page}");
    drop(other);
}

#[tokio::test]
async fn no_two_processes_make_the_same_name_up_and_the_same_seed_meets_the_same_draws() {
    let (one, other) = (Sim::start().await, Sim::start().await);
    let wish = json!({ "merchants": 1 });
    let (one, other) = (one.make_space(&wish).await, other.make_space(&wish).await);
    assert_ne!(one.made["name"], other.made["name"]);
    assert_eq!(one.made["seed"], other.made["seed"]);
    assert_eq!(one.merchant().id, other.merchant().id);
    assert_eq!(one.made["merchants"][0]["privateKey"], other.made["merchants"][0]["privateKey"]);
}

#[tokio::test]
async fn a_trusted_proxy_says_where_payers_reach_the_server() {
    let trusting = Gateway::start(&["--trusted-proxy", "10.0.0.0/8,127.0.0.1,::1"]);
    let strict = Gateway::start(&["--trusted-proxy", "10.0.0.0/8"]);
    let behind = Client::new()
        .with_header("x-forwarded-proto", "https")
        .with_header("x-forwarded-host", "localhost:8443")
        .with_header("x-forwarded-prefix", "/payon");
    for (gateway, base) in
        [(&trusting, "https://localhost:8443/payon"), (&strict, strict.url.as_str())]
    {
        let url = format!("{}/_sim/v1/spaces", gateway.url);
        let wish = json!({ "name": "shop", "merchants": 1 });
        let made = behind.post(&url, &wish).await.expect(201);
        assert_eq!(made["baseUrl"], format!("{base}/space/shop"));
        assert_eq!(made["controlUrl"], format!("{base}/space/shop"));
        let mut made = made;
        made["baseUrl"] = format!("{}/space/shop", gateway.url).into();
        made["controlUrl"] = made["baseUrl"].clone();
        let shop = SpaceHandle::new(behind.clone(), made);
        let page =
            page_of(&shop.post(Operation::Register, &order(&shop, "one", "CREDIT_DEBIT")).await);
        assert!(page.starts_with(&format!("{base}/space/shop/pg/checkout/")), "{page}");
    }
    // A proxy may leave the path in front.
    let left = format!("{}/payon/space/shop/_sim/v1/orders", trusting.url);
    assert_eq!(behind.get(&left).await.expect(200)["orders"][0]["txId"], "one");
    // A page of the proxy's own site may steer, one of another may not.
    let reset = format!("{}/space/shop/_sim/v1/reset", trusting.url);
    let page = behind.with_header("origin", "https://localhost:8443");
    assert_eq!(page.send("POST", &reset, "").await.status, 204);
    let page = behind.with_header("origin", &trusting.url);
    assert_eq!(page.send("POST", &reset, "").await.status, 403);
}
