//! The dashboard's page and files, and the pages of lists that it asks for. What it does in a browser is in
//! `browser.rs`.

use std::collections::BTreeSet;
use std::io::Read as _;

use flate2::read::GzDecoder;
use payon_sim::base::Operation;
use serde_json::json;

use super::support::{Client, Setup, Sim};

#[tokio::test]
async fn the_page_and_all_its_files_are_served_under_a_strict_policy() {
    let sim = Sim::start().await;
    let page = sim.get("").await;
    assert_eq!(page.status, 200);
    assert!(page.header("content-type").starts_with("text/html"));
    let policy = page.header("content-security-policy");
    for part in ["default-src 'none'", "script-src 'self'", "style-src 'self'", "base-uri 'none'"] {
        assert!(policy.contains(part), "{policy}");
    }
    assert!(!policy.contains("unsafe"), "{policy}");
    let html = page.text();
    let addresses: Vec<&str> = html.split('"').filter(|part| part.starts_with("assets/")).collect();
    assert_eq!(addresses.len(), 2, "{html}");
    let mut waiting: Vec<String> =
        addresses.into_iter().map(|part| format!("/_sim/{part}")).collect();
    let mut seen = BTreeSet::new();
    while let Some(address) = waiting.pop() {
        if !seen.insert(address.clone()) {
            continue;
        }
        let file = sim.client.get(&format!("{}{address}", sim.url)).await;
        assert_eq!(file.status, 200, "{address}");
        assert!(file.header("cache-control").contains("immutable"), "{address}");
        assert_eq!(file.header("x-content-type-options"), "nosniff");
        let text = file.text();
        assert!(!text.contains("innerHTML"), "{address} writes markup");
        let folder = &address[..=address.rfind('/').unwrap()];
        let imports = text.split("from \"./").skip(1).chain(text.split("import(\"./").skip(1));
        for import in imports {
            waiting.push(format!("{folder}{}", import.split('"').next().unwrap()));
        }
    }
    assert!(seen.len() > 10, "{seen:?}");
    let gone = sim.client.get(&format!("{}/_sim/assets/0000/main.js", sim.url)).await;
    assert_eq!(gone.status, 404);
}

#[tokio::test]
async fn every_space_has_its_page_and_a_missing_slash_is_made_up_for() {
    let sim = Sim::start().await;
    sim.running_space("a").await;
    for path in ["/_sim", "/space/a/_sim"] {
        let answer = sim.client.get(&format!("{}{path}", sim.url)).await;
        // From wherever the browser sees the page, /_sim or /space/a/_sim.
        assert_eq!((answer.status, answer.header("location")), (308, "_sim/"), "{path}");
    }
    let page = sim.client.get(&format!("{}/space/a/_sim/", sim.url)).await;
    assert_eq!(page.status, 200);
    let known = Client::new().with_header("if-none-match", page.header("etag"));
    assert_eq!(known.get(&format!("{}/_sim/", sim.url)).await.status, 304);
    let posted = sim.client.post(&format!("{}/_sim/", sim.url), &json!({})).await;
    assert_eq!((posted.status, posted.header("allow")), (405, "GET, HEAD"));
    // A space that does not exist has none, and a browser is told so in a page.
    let told = "there is no space named &quot;nosuch&quot;";
    let (browser, nowhere) =
        (Client::new().with_header("accept", "text/html"), "space/nosuch/_sim/");
    let missing = browser.get(&format!("{}/{nowhere}", sim.url)).await;
    assert_eq!(missing.status, 404);
    assert!(missing.text().contains(told), "{}", missing.text());
    let missing = sim.client.get(&format!("{}/{nowhere}", sim.url)).await;
    assert_eq!((missing.status, missing.header("content-type")), (404, "application/problem+json"));
}

#[tokio::test]
async fn files_are_sent_compressed_to_whoever_can_read_that() {
    let sim = Sim::start().await;
    let page = sim.get("").await.text();
    let script = page.split('"').find(|part| part.ends_with("main.js")).unwrap();
    let url = format!("{}/_sim/{script}", sim.url);
    let plain = Client::new().get(&url).await;
    assert_eq!((plain.header("content-encoding"), plain.header("vary")), ("", "accept-encoding"));
    for coding in ["gzip", "br;q=1.0, gzip;q=0.8"] {
        let sent = Client::new().with_header("accept-encoding", coding).get(&url).await;
        assert_eq!((sent.status, sent.header("content-encoding")), (200, "gzip"), "{coding}");
        let mut text = String::new();
        GzDecoder::new(&*sent.body).read_to_string(&mut text).unwrap();
        assert_eq!(text, plain.text());
    }
    for coding in ["identity", "br", "gzip;q=0"] {
        let sent = Client::new().with_header("accept-encoding", coding).get(&url).await;
        assert_eq!(sent.header("content-encoding"), "", "{coding}");
    }
}

/// What Chromium asks for when an address is typed in.
const BROWSER: &str =
    "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8";

#[tokio::test]
async fn a_browser_at_the_bare_address_is_sent_to_the_dashboard() {
    let sim = Sim::start().await;
    sim.space("a").await;
    let browser = Client::new().with_header("accept", BROWSER);
    for (path, to) in [("/", "_sim/"), ("/space/a", "a/_sim/"), ("/space/a/", "_sim/")] {
        let sent = browser.get(&format!("{}{path}", sim.url)).await;
        assert_eq!((sent.status, sent.header("location")), (302, to), "{path}");
        assert_eq!(sent.header("vary"), "accept");
    }
    // A program gets what it got before, and so does a browser anywhere else.
    let before = Client::new().get(&format!("{}/", sim.url)).await;
    assert!(before.text().contains("resultMsg"), "{}", before.text());
    for accept in ["*/*", "application/json", "application/json, text/html"] {
        let answer =
            Client::new().with_header("accept", accept).get(&format!("{}/", sim.url)).await;
        assert_eq!((answer.status, answer.header("location")), (before.status, ""), "{accept}");
    }
    for path in ["/pg", "/pg/order/register", "/nowhere"] {
        let answer = browser.get(&format!("{}{path}", sim.url)).await;
        assert!(answer.text().contains("resultMsg"), "{path}");
    }
    let posted = browser.post(&format!("{}/", sim.url), &json!({})).await;
    assert_eq!(posted.header("location"), "");
    let unknown = browser.get(&format!("{}/space/nobody/", sim.url)).await;
    assert_eq!(unknown.header("location"), "", "a space that is none has no dashboard");
}

#[tokio::test]
async fn a_browser_at_the_merchants_port_is_sent_to_the_port_of_the_dashboard() {
    let sim = Sim::with(Setup { control_port: true, ..Setup::default() }).await;
    let browser = Client::new().with_header("accept", BROWSER);
    let sent = browser.get(&format!("{}/", sim.url)).await;
    assert_eq!(sent.header("location"), format!("{}/_sim/", sim.control_url));
    assert_eq!(browser.get(sent.header("location")).await.status, 200);
    let sent = browser.get(&format!("{}/", sim.control_url)).await;
    assert_eq!(sent.header("location"), "_sim/");
}

#[tokio::test]
async fn the_page_needs_no_token_and_no_foreign_name_gets_it() {
    let sim = Sim::with(Setup { token: Some("open sesame"), ..Setup::default() }).await;
    let anybody = Client::new();
    assert_eq!(anybody.get(&format!("{}/_sim/", sim.url)).await.status, 200);
    assert_eq!(anybody.get(&format!("{}/_sim/v1/orders", sim.url)).await.status, 401);
    let sim = Sim::start().await;
    let foreign = Client::new().with_header("host", "evil.test");
    assert_eq!(foreign.get(&format!("{}/_sim/", sim.url)).await.status, 403);
}

#[tokio::test]
async fn the_newest_orders_come_first_by_offset_and_are_searched() {
    let sim = Sim::start().await;
    let space = sim.space("newest").await;
    for number in 1..=5 {
        space.register(&format!("Order-{number}"), json!({})).await;
    }
    space.pay("Order-2", json!({ "outcome": "card.insufficient-funds" })).await;
    space.pay("Order-4", json!({})).await;
    let ids = async |query: &str| {
        let page = space.control_get(&format!("orders?newest=true{query}")).await.expect(200);
        let orders = page["orders"].as_array().unwrap();
        let ids: Vec<String> =
            orders.iter().map(|order| order["txId"].as_str().unwrap()[6..].to_owned()).collect();
        assert_eq!(page["next"], json!(null));
        (ids.join(""), page["total"].as_u64().unwrap())
    };
    assert_eq!(ids("").await, ("54321".into(), 5));
    assert_eq!(ids("&limit=2").await, ("54".into(), 5));
    assert_eq!(ids("&limit=2&offset=2").await, ("32".into(), 5));
    assert_eq!(ids("&offset=9").await, (String::new(), 5));
    assert_eq!(ids("&search=oRDER-3").await, ("3".into(), 1));
    assert_eq!(ids("&search=insufficient").await, ("2".into(), 1));
    assert_eq!(ids("&reason=card.insufficient-funds").await, ("2".into(), 1));
    assert_eq!(ids("&state=captured").await, ("4".into(), 1));
    assert_eq!(ids("&method=PAYON").await, (String::new(), 0));
    for wrong in ["orders?offset=2", "orders?newest=true&after=1", "journal?offset=2"] {
        assert_eq!(space.control_get(wrong).await.status, 400, "{wrong}");
    }
    let older = space.control_get("orders?search=order&limit=2").await.expect(200);
    assert_eq!(older["orders"][0]["txId"], "Order-1");
    assert_eq!(older["total"], json!(null));
}

#[tokio::test]
async fn the_newest_requests_come_first_by_offset_reason_and_search() {
    let sim = Sim::start().await;
    let space = sim.space("newest-requests").await;
    space.register("a-1", json!({})).await;
    for (tx_id, sign) in [("a-1", json!("")), ("b-2", json!("bm90IG9uZQ=="))] {
        space.call(Operation::Refund, &json!({ "txId": tx_id, "sign": sign })).await;
    }
    let found = async |query: &str| {
        let page = space.control_get(&format!("journal?newest=true{query}")).await.expect(200);
        let entries = page["entries"].as_array().unwrap();
        let reasons: Vec<_> =
            entries.iter().map(|entry| entry["reason"].as_str().unwrap().to_owned()).collect();
        (reasons.join(" "), page["total"].as_u64().unwrap())
    };
    assert_eq!(found("").await, ("sign.invalid sign.missing success".into(), 3));
    assert_eq!(found("&limit=1&offset=1").await, ("sign.missing".into(), 3));
    assert_eq!(found("&reason=sign.invalid&reason=success").await.1, 2);
    assert_eq!(found("&search=B-2").await, ("sign.invalid".into(), 1));
    assert_eq!(found("&search=register").await, ("success".into(), 1));

    let missing = space.control_get("journal?newest=true&reason=sign.missing").await.expect(200);
    let trace = missing["entries"][0]["trace"].as_str().unwrap();
    let told = space.control_get(&format!("journal/{trace}")).await.expect(200);
    let canonical = told["signature"]["canonical"].as_str().expect("what was to be signed");
    assert!(canonical.contains("txId=a-1"), "{canonical}");
    assert_eq!(told["signature"]["causes"][0]["code"], "sign.empty");
}
