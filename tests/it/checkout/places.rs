//! Where links and redirects lead: hosts that callers name, and the apps of merchants.

use payon_sim::base::Seed;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::visitor::{Gateway, MERCHANT, TERMINAL};
use crate::direct::Direct;

/// Sends a request whose first line and Host are as given; the whole answer.
async fn ask(gateway: &Gateway, first: &str, host: Option<&str>, body: &str) -> String {
    let address = gateway.url().replace("http://", "");
    let mut stream = TcpStream::connect(address).await.expect("the gateway listens");
    let host = host.map(|host| format!("Host: {host}\r\n")).unwrap_or_default();
    let length = body.len();
    let request =
        format!("{first}\r\n{host}Content-Length: {length}\r\nConnection: close\r\n\r\n{body}");
    stream.write_all(request.as_bytes()).await.expect("sent");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.expect("answered");
    String::from_utf8_lossy(&answer).into_owned()
}

fn order(tx_id: &str, more: Value) -> Value {
    let mut order = json!({
        "merchantId": MERCHANT, "termId": TERMINAL, "txId": tx_id, "trt": "10",
        "currency": "USD", "amount": "1", "paymentMethod": "CREDIT_DEBIT",
    });
    for (name, value) in more.as_object().expect("members") {
        order[name] = value.clone();
    }
    order
}

#[tokio::test]
async fn no_unsound_host_gets_into_a_link() {
    let gateway = Gateway::open().await;
    let hosts = [
        "a\"><script>alert(1)</script>",
        "a b",
        "",
        "shop@evil.test",
        "evil.test/x?",
        "a:99999",
        "[::1",
        "%22%3E",
        "a'b",
        "a;b",
        "\u{1788}",
    ];
    for (at, host) in hosts.into_iter().enumerate() {
        let tx_id = format!("host-{at}");
        let body = order(&tx_id, json!({})).to_string();
        let first = "POST /pg/order/register HTTP/1.1";
        let answer = ask(&gateway, first, Some(host), &body).await;
        if answer.starts_with("HTTP/1.1 200") {
            assert!(
                answer.contains(&format!("{}/pg/checkout/", gateway.url())),
                "{host}: {answer}"
            );
        } else {
            assert!(answer.starts_with("HTTP/1.1 400"), "{host}: {answer}");
        }
        for path in ["/_sim/v1/orders", "/_sim/v1/spaces", "/_sim/openapi.json", "/_sim/app"] {
            let answer = ask(&gateway, &format!("GET {path} HTTP/1.1"), Some(host), "").await;
            let links = ["http://a\"", "http://a b", "http:///", "http://shop@", "http://a:99999"];
            let found = links.iter().find(|link| answer.contains(**link));
            assert_eq!(found, None, "{host} at {path}: {answer}");
        }
    }
    let body = order("none", json!({})).to_string();
    let answer = ask(&gateway, "POST /pg/order/register HTTP/1.0", None, &body).await;
    assert!(answer.contains(&format!("{}/pg/checkout/", gateway.url())), "{answer}");
    let named = order("named", json!({})).to_string();
    let first = "POST /pg/order/register HTTP/1.1";
    let answer = ask(&gateway, first, Some("pay.test:81"), &named).await;
    assert!(answer.contains("\"http://pay.test:81/pg/checkout/"), "{answer}");
}

#[tokio::test]
async fn a_payer_returns_to_an_app_with_the_result() {
    let gateway = Gateway::open().await;
    for (tx_id, url, expected) in [
        ("plain", "myapp://done", "myapp://done?txId=plain&resultCode=0000&resultMsg=Success"),
        ("opaque", "myapp:done", "myapp:done?txId=opaque&resultCode=0000&resultMsg=Success"),
        ("bare", "myapp://", "myapp://?txId=bare&resultCode=0000&resultMsg=Success"),
        (
            "query",
            "myapp://done?cart=7#top",
            "myapp://done?cart=7&txId=query&resultCode=0000&resultMsg=Success#top",
        ),
        (
            "intent",
            "intent://done#Intent;scheme=myapp;end",
            "intent://done?txId=intent&resultCode=0000&resultMsg=Success#Intent;scheme=myapp;end",
        ),
    ] {
        let urls = json!({ "success_url": url });
        let mut payer = gateway.payer(tx_id, "CREDIT_DEBIT", urls).await;
        assert_eq!(payer.type_card("4111111111111111").await.location(), expected);
    }
}

#[tokio::test]
async fn a_return_url_that_leads_nowhere_is_refused() {
    let gateway = Gateway::open().await;
    for (at, url) in [
        "javascript:alert(1)",
        "JAVASCRIPT:alert(1)",
        "java\tscript:alert(1)",
        " javascript:alert(1)",
        "data:text/html,x",
        "FILE:///etc/passwd",
        "vbscript:x",
        "blob:http://a/b",
        "about:blank",
        "view-source:http://a/b",
        "localhost:3000/ok",
        "htp://shop.test/ok",
        "/ok",
        "myapp://a b",
    ]
    .into_iter()
    .enumerate()
    {
        for name in ["success_url", "fail_url", "cancel_url"] {
            let order = order(&format!("nowhere-{at}"), json!({ name: url }));
            let reply = gateway.call("/pg/order/register", &order).await;
            assert_eq!(reply["resultCode"], "1102", "{url}: {reply}");
            let message = reply["resultMsg"].as_str().expect("a message");
            assert!(message.contains(name), "{message}");
        }
    }
    // Push-backs go to servers only.
    let reply = gateway
        .call("/pg/order/register", &order("noti", json!({ "noti_url": "myapp://done" })))
        .await;
    assert_eq!(reply["resultCode"], "1102", "{reply}");
}

#[test]
fn a_profile_may_take_web_pages_only() {
    let gateway = Direct::with(Seed(1), |profile| profile.rules.app_return_urls = false);
    let app = order("app", json!({ "success_url": "myapp://done" }));
    assert_eq!(gateway.post("/pg/order/register", &app.to_string()).code(), "1102");
    let page = order("page", json!({ "success_url": "http://shop.test/ok" }));
    assert_eq!(gateway.post("/pg/order/register", &page.to_string()).code(), "0000");
}
