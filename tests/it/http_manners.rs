//! What callers who do as they like meet: connections that go on after refusals, hosts that cannot be told, other
//! protocols, callers who have left, wrong paths, and looks that change nothing.

use std::net::SocketAddr;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::binary::{Gateway, payon_sim, run_with};
use crate::support::{Client, Setup, Sim, SpaceHandle, soon};

fn address(url: &str) -> SocketAddr {
    url.trim_start_matches("http://").split('/').next().unwrap().parse().unwrap()
}

async fn connect(url: &str) -> TcpStream {
    TcpStream::connect(address(url)).await.unwrap()
}

/// All that comes until the other side ends the connection.
async fn rest(stream: &mut TcpStream) -> Vec<u8> {
    let mut came = Vec::new();
    let _ = soon("the end of the connection", stream.read_to_end(&mut came)).await;
    came
}

async fn exchange(url: &str, request: impl AsRef<[u8]>) -> String {
    let mut stream = connect(url).await;
    stream.write_all(request.as_ref()).await.unwrap();
    String::from_utf8_lossy(&rest(&mut stream).await).into_owned()
}

/// Sends the head of a refused request, then its body in another segment, then another request.
async fn refused_then_asked(url: &str, head: &str) -> String {
    let mut stream = connect(url).await;
    stream.set_nodelay(true).unwrap();
    let head = format!("{head} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    // Meanwhile the head is read.
    for _ in 0..3 {
        Client::new().get(&format!("{url}/_sim/healthz")).await;
    }
    let _ = stream.write_all(b"{\"a\":\"b\"}").await;
    for _ in 0..3 {
        Client::new().get(&format!("{url}/_sim/healthz")).await;
    }
    let next = "GET /_sim/healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    let _ = stream.write_all(next.as_bytes()).await;
    String::from_utf8_lossy(&rest(&mut stream).await).into_owned()
}

#[tokio::test]
async fn a_refusal_does_not_cut_a_connection_whose_body_comes_later() {
    let sim = Sim::with(Setup { control_port: true, ..Setup::default() }).await;
    for (url, head) in [
        (&sim.url, "POST /pg/nothing"),
        (&sim.url, "POST /space/nowhere/pg/refund"),
        (&sim.url, "PUT /pg/refund"),
        (&sim.url, "PUT /pg/checkout/x"),
        (&sim.url, "POST /_sim/v1/reset"),
        (&sim.control_url, "POST /_sim/v1/nothing"),
        (&sim.control_url, "POST /space/nowhere/_sim/v1/reset"),
        (&sim.control_url, "PUT /_sim/v1/reset"),
        (&sim.control_url, "PUT /_sim/login"),
        (&sim.control_url, "POST /_sim/"),
        (&sim.control_url, "POST /pg/refund"),
    ] {
        let came = refused_then_asked(url, head).await;
        assert!(came.starts_with("HTTP/1.1 40"), "{head}: {came}");
        assert_eq!(came.matches("HTTP/1.1 ").count(), 2, "{head}: {came}");
    }
    let sim = Sim::with(Setup { token: Some("secret"), ..Setup::default() }).await;
    let came = refused_then_asked(&sim.url, "POST /_sim/v1/reset").await;
    assert!(came.starts_with("HTTP/1.1 401"), "{came}");
    assert_eq!(came.matches("HTTP/1.1 ").count(), 2, "{came}");
}

#[tokio::test]
async fn a_refusal_that_leaves_a_body_unread_says_that_the_connection_ends() {
    let sim = Sim::start().await;
    for (head, size) in [
        ("POST /pg/nothing", 8 << 20),
        ("POST /pg/bindingList", 20 << 20),
        ("PUT /_sim/v1/reset", 8 << 20),
    ] {
        let mut stream = connect(&sim.url).await;
        let head = format!("{head} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {size}\r\n\r\n");
        stream.write_all(head.as_bytes()).await.unwrap();
        let (mut from, mut to) = stream.split();
        // The body is sent to a bound that the server reads and forgets.
        let body = vec![b' '; 8 << 20];
        let sent = async {
            let sent = to.write_all(&body).await;
            let _ = to.shutdown().await;
            sent
        };
        let mut came = Vec::new();
        let (sent, _) = tokio::join!(sent, soon("the answer", from.read_to_end(&mut came)));
        sent.expect("nothing is reset");
        let came = String::from_utf8_lossy(&came).to_lowercase();
        assert!(came.contains("\r\nconnection: close\r\n"), "{head}: {came}");
    }
}

#[tokio::test]
async fn the_pretend_app_passes_the_guard_of_the_control_plane() {
    let sim = Sim::start().await;
    let space = sim.space("guarded-app").await;
    let order = space.register("scan-1", json!({ "paymentMethod": "BAKONG_KHQR" })).await;
    let page = order["checkoutUrl"].as_str().unwrap().replace(&sim.url, "");
    let app = page.replace("/pg/checkout", "/_sim/app");
    let ask = async |request: String| exchange(&sim.url, request).await;
    let listed =
        ask("GET /_sim/app HTTP/1.1\r\nHost: evil.test\r\nConnection: close\r\n\r\n".into()).await;
    assert!(listed.starts_with("HTTP/1.1 403") && !listed.contains("scan-1"), "{listed}");
    for header in ["Origin: http://evil.test", "Sec-Fetch-Site: cross-site", "Origin: null"] {
        let answer = ask(format!(
            "POST {app} HTTP/1.1\r\nHost: localhost\r\n{header}\r\nConnection: close\r\nContent-Length: 14\r\n\r\naction=decline"
        ))
        .await;
        assert!(answer.starts_with("HTTP/1.1 403"), "{header}: {answer}");
    }
    assert_eq!(space.order("scan-1").await["state"], "registered");
    // The payer's own page is reached by any name.
    let answer =
        ask(format!("GET {page} HTTP/1.1\r\nHost: 192.168.1.9:36605\r\nConnection: close\r\n\r\n"))
            .await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");

    let sim = Sim::with(Setup { token: Some("secret"), ..Setup::default() }).await;
    let request =
        "GET /_sim/app HTTP/1.1\r\nHost: localhost\r\nAccept: text/html\r\nConnection: close\r\n";
    let answer = exchange(&sim.url, format!("{request}\r\n")).await;
    assert!(answer.starts_with("HTTP/1.1 401") && answer.contains("Log in at"), "{answer}");
    let answer = exchange(&sim.url, format!("{request}Authorization: Bearer secret\r\n\r\n")).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}

#[tokio::test]
async fn a_wrong_path_is_answered_with_the_right_one() {
    let sim = Sim::start().await;
    for (path, meant) in [
        ("//pg/order/register", "/pg/order/register"),
        ("/pg/order/register/", "/pg/order/register"),
        ("/order/register", "/pg/order/register"),
        ("/PG/transaction/STATUS", "/pg/transaction/status"),
        ("/pg/refnud", "/pg/refund"),
        ("/space/default//pg/refund/", "/space/default/pg/refund"),
        ("//_sim/v1/orders", "/_sim/v1/orders"),
    ] {
        let answer = sim.client.send("POST", &format!("{}{path}", sim.url), "{}").await;
        let json = answer.expect(404);
        assert_eq!(json["resultCode"], "1003", "{json}");
        let message = json["resultMsg"].as_str().unwrap();
        assert!(message.ends_with(&format!("did you mean {meant}?")), "{path}: {message}");
        let members: Vec<_> = json.as_object().unwrap().keys().collect();
        assert_eq!(members, ["resultMsg", "resultCode", "resultData"]);
        let explained = sim.get(&format!("v1/journal/{}", answer.header("x-payon-trace"))).await;
        let detail = explained.expect(200)["detail"].to_string();
        assert!(detail.contains("did you mean"), "{detail}");
    }
    let nothing =
        sim.client.send("POST", &format!("{}/favicon.ico", sim.url), "").await.expect(404);
    assert!(!nothing["resultMsg"].as_str().unwrap().contains("did you mean"), "{nothing}");
    let get = sim.client.get(&format!("{}/pg/refund", sim.url)).await.expect(405);
    let message = get["resultMessage"].as_str().unwrap();
    assert!(message.ends_with("/pg/refund is called with POST, not GET"), "{message}");

    let sim = Sim::with(Setup { control_port: true, ..Setup::default() }).await;
    let url = format!("{}/_sim/v1/orders", sim.url);
    let text = sim.client.get(&url).await.expect(404).to_string();
    assert!(text.contains(&format!("{}/_sim/v1/orders", sim.control_url)), "{text}");
    let url = format!("{}/pg/refund", sim.control_url);
    let text = sim.client.send("POST", &url, "{}").await.expect(404).to_string();
    assert!(text.contains(&format!("{}/pg/refund", sim.url)), "{text}");
}

#[tokio::test]
async fn head_changes_nothing() {
    let sim = Sim::start().await;
    let gateway = sim.get("v1/merchants").await.expect(200)["gatewayPublicKey"].clone();
    let key = payon_sim::crypto::PublicKey::parse(gateway.as_str().unwrap()).unwrap();
    let order = json!({ "merchantId": "C0000143", "termId": "CT03000003", "txId": "looked-at", "trt": "10",
        "currency": "USD", "amount": "1.00", "paymentMethod": "CREDIT_DEBIT" });
    let padding = payon_sim::crypto::Padding::Pkcs1;
    let data = payon_sim::gateway::link::make(&key, padding, &order.to_string()).unwrap();
    let link = format!("{}/pg/checkout?merchantId=C0000143&data={data}", sim.url);
    let known = async || sim.get("v1/orders/C0000143/looked-at").await.status;
    assert_eq!(sim.client.send("HEAD", &link, "").await.status, 200);
    assert_eq!(known().await, 404, "nothing was registered");
    let bad = link.replace("data=", "data=AAAA");
    assert_eq!(sim.client.send("HEAD", &bad, "").await.status, sim.client.get(&bad).await.status);
    let opened = sim.client.get(&link).await;
    assert_eq!((opened.status, known().await), (303, 200));
    let again = sim.client.send("HEAD", &link, "").await;
    assert_eq!((again.status, again.header("location")), (303, opened.header("location")));
    for (path, status) in [("login", 405), ("v1/reset", 405), ("app", 200), ("v1/orders", 200)] {
        let url = format!("{}/_sim/{path}", sim.url);
        assert_eq!(sim.client.send("HEAD", &url, "").await.status, status, "{path}");
    }
    assert_eq!(known().await, 200);
}

#[tokio::test]
async fn what_is_no_http_is_named_to_the_caller_the_journal_and_the_log() {
    let gateway = Gateway::start(&["--seed", "7"]);
    let url = gateway.url.clone();
    let hello = b"\x16\x03\x01\x00\x05\x01\x00\x00\x01\x03\r\n\r\n";
    for _ in 0..3 {
        let answer = exchange(&url, hello).await;
        assert!(answer.starts_with("HTTP/1.1 400") && answer.contains("TLS"), "{answer}");
        assert!(answer.contains("\r\nx-payon-trace: "), "{answer}");
    }
    let mut stream = connect(&url).await;
    stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").await.unwrap();
    let frames = rest(&mut stream).await;
    assert_eq!(&frames[..9], [0, 0, 0, 4, 0, 0, 0, 0, 0], "SETTINGS");
    assert_eq!(
        (frames[12], &frames[22..26]),
        (7, &[0, 0, 0, 0xd][..]),
        "GOAWAY, HTTP_1_1_REQUIRED"
    );
    let answer = exchange(&url, "GE(T / HTTP/1.1\r\n\r\n").await;
    assert!(answer.contains(r#""resultCode":"1005""#), "{answer}");
    let long = exchange(&url, format!("GET /{} HTTP/1.1\r\n\r\n", "x".repeat(70_000))).await;
    assert!(long.starts_with("HTTP/1.1 414"), "{long}");

    let journal = Client::new().get(&format!("{url}/_sim/v1/journal")).await.expect(200);
    let noted: Vec<&Value> = journal["entries"].as_array().unwrap().iter().collect();
    let of = |status: u16| noted.iter().filter(|it| it["status"] == status).count();
    assert_eq!((noted.len(), of(400), of(414)), (6, 5, 1), "{journal}");
    assert!(noted.iter().all(|entry| entry["reason"] == "request.malformed-http"), "{journal}");
    // A flood neither empties the journal of all else nor fills the log.
    for _ in 0..100 {
        exchange(&url, "GE(T / HTTP/1.1\r\n\r\n").await;
    }
    let journal = Client::new().get(&format!("{url}/_sim/v1/journal?limit=1000")).await.expect(200);
    let count = journal["entries"].as_array().unwrap().len();
    assert!((64..100).contains(&count), "{count}");
    let ended = gateway.stop();
    assert_eq!(ended.err.matches("TLS handshake").count(), 1, "{}", ended.err);
    assert_eq!(ended.err.matches("HTTP/2 came").count(), 1, "{}", ended.err);
}

#[tokio::test]
async fn a_body_that_begins_like_another_protocol_is_a_body() {
    let gateway = Gateway::start(&["--seed", "7"]);
    let bodies = [
        "PRI * HTTP/2",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        "\x16\x03\x01",
        "PROXY TCP4 ",
        "SSH-2.0",
    ];
    for body in bodies {
        let length = body.len();
        for head in [
            format!("POST /a`b HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}"),
            format!("POST /a HTTP/1.1\r\nHost: localhost\r\nContent-Length: x{length}"),
            format!(
                "GET / HTTP/1.1\r\nHost: localhost\r\n\r\nPOST /a`b HTTP/1.1\r\nHost: x\r\nContent-Length: {length}"
            ),
        ] {
            let answer = exchange(&gateway.url, format!("{head}\r\n\r\n{body}")).await;
            let last = answer.rsplit("HTTP/1.1 ").next().unwrap();
            assert!(
                last.starts_with("400 ") && last.contains("is not HTTP/1.1: "),
                "{head}\n{body}\n{answer}"
            );
        }
    }
    let ended = gateway.stop();
    for named in ["HTTP/2 came", "TLS handshake", "PROXY protocol", "SSH client"] {
        assert!(!ended.err.contains(named), "{}", ended.err);
    }
}

/// Opens a request and resets its connection once it is waited on.
async fn ask_and_reset(space: &SpaceHandle, query: &str) {
    let mut stream = connect(&space.base_url).await;
    let path = space.control_url.trim_start_matches("http://").split_once('/').unwrap().1;
    let request = format!("GET /{path}/_sim/v1/{query} HTTP/1.1\r\nHost: localhost\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    space.control_get("orders").await.expect(200);
    stream.set_zero_linger().unwrap();
}

#[tokio::test]
async fn callers_that_have_left_are_let_go() {
    let gateway = Gateway::start(&["--seed", "7"]);
    let client = Client::new();
    let made = client
        .post(&format!("{}/_sim/v1/spaces", gateway.control_url), &json!({ "name": "left" }))
        .await;
    let space = SpaceHandle::new(client, made.expect(201));
    let ready: Value = serde_json::from_str(&gateway.ready_line).unwrap();
    let handles =
        || std::fs::read_dir(format!("/proc/{}/fd", ready["pid"])).map_or(0, Iterator::count);
    space.control_get("orders").await.expect(200);
    let before = handles();
    for _ in 0..20 {
        ask_and_reset(&space, "wait?for=request&operation=cancelQr&timeoutMs=60000").await;
        ask_and_reset(&space, "events").await;
    }
    let fewer = async {
        while handles() > before + 4 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let gone = tokio::time::timeout(Duration::from_secs(10), fewer).await;
    assert!(gone.is_ok(), "{} handles, {before} before", handles());
}

const MARK: &str = "\u{feff}";

#[tokio::test]
async fn a_byte_order_mark_is_skipped_and_linted() {
    let sim = Sim::start().await;
    let space = sim.space("marked").await;
    let body = space.merchant().signed(&json!({ "clientId": "02" }));
    let url = format!("{}/pg/bindingList", space.base_url);
    let answer = sim.client.send("POST", &url, format!("{MARK}{body}")).await;
    assert_eq!(answer.expect(200)["resultCode"], "0000");
    let row = json!({ "txId": "none-1", "grandToTAmt": 1, "transactionType": "PURCHASE" });
    let rows = format!("{MARK}[{}]", space.merchant().body(&row));
    let url = format!("{}/pg/merchant/reconcilation", space.base_url);
    assert_eq!(sim.client.send("POST", &url, rows).await.status, 200);
    let report = space.control_get("lint").await.expect(200);
    let found = report["findings"].as_array().unwrap().iter();
    let found = found.filter(|finding| finding["lint"] == "body.byte-order-mark").count();
    assert_eq!(found, 2, "{report}");
    for (method, path, body) in [
        ("POST", "clock", "{}".to_owned()),
        ("POST", "reset", String::new()),
        ("PUT", "rules", "[]".to_owned()),
        ("POST", "verify", r#"{"expect":[{"ledger":{"captured":"0"}}]}"#.to_owned()),
        ("POST", "snapshots", r#"{"name":"s"}"#.to_owned()),
    ] {
        let answer = space.control_send(method, path, &format!("{MARK}{body}")).await;
        assert!(answer.status < 300, "{path}: {}", answer.text());
    }
    let file = space.control_get("snapshots/s").await.text();
    space.control_send("PUT", "snapshots/t", &format!("{MARK}{file}")).await.expect(200);
}

#[tokio::test]
async fn what_came_in_place_of_json_is_named() {
    let sim = Sim::start().await;
    let wide: Vec<u8> = "{\"a\":1}".encode_utf16().flat_map(u16::to_le_bytes).collect();
    for (body, header, name) in [
        (b"\x1f\x8b\x08\0\0\0\0\0\0\x03".to_vec(), "", "gzip"),
        (b"\x78\x9c\xab\x56\x4a".to_vec(), "", "deflate"),
        (b"\x0b\x02\x80{}\x03".to_vec(), "br", "br"),
        (b"merchantId=C0000143&termId=CT03000003".to_vec(), "", "a form"),
        (
            b"--x\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n--x--".to_vec(),
            "",
            "multipart",
        ),
        ([b"\xff\xfe".to_vec(), wide.clone()].concat(), "", "UTF-16"),
        (wide, "", "UTF-16"),
        (b"<?xml version=\"1.0\"?><a/>".to_vec(), "", "XML"),
    ] {
        let client = if header.is_empty() {
            sim.client.clone()
        } else {
            sim.client.with_header("content-encoding", header)
        };
        let answer = client.send("POST", &format!("{}/pg/refund", sim.url), body.clone()).await;
        let message = answer.expect(400)["resultMessage"].to_string();
        assert!(message.contains(name), "{name}: {message}");
        let answer = client.send("POST", &format!("{}/_sim/v1/clock", sim.url), body).await;
        assert_eq!(answer.problem(), (400, "unreadable".to_owned()));
        assert!(answer.text().contains(name), "{name}: {}", answer.text());
    }
}

#[test]
fn commands_take_texts_with_a_byte_order_mark() {
    let merchant = ["--merchant", "C0000143"];
    let plain = r#"{"txId":"T-1","merchantId":"C0000143","termId":"CT03000003"}"#;
    let marked = format!("{MARK}{plain}");
    let signed = run_with(&[&["sign"][..], &merchant].concat(), plain).ok();
    assert_eq!(run_with(&[&["sign"][..], &merchant].concat(), &marked).ok(), signed);
    let verify = [&["verify", "--operation", "refund"][..], &merchant].concat();
    run_with(&verify, format!("{MARK}{signed}")).ok();
    let key = run_with(&["keys", "export", "--merchant", "C0000143"], "").ok();
    run_with(&["keys", "inspect"], format!("{MARK}{key}")).ok();
    let order = r#"{"txId":"T-1","termId":"CT03000003","trt":"10","currency":"USD","amount":"2","paymentMethod":"BAKONG_KHQR"}"#;
    run_with(&[&["link"][..], &merchant].concat(), format!("{MARK}{order}")).ok();

    let folder = tempfile::tempdir().unwrap();
    let env = folder.path().join(".env");
    std::fs::write(&env, format!("{MARK}MERCHANT_ID=C0000143\n")).unwrap();
    let mut doctor = payon_sim(&["doctor", "--url", "http://127.0.0.1:9", "--env"]);
    doctor.arg(&env);
    let ended = crate::binary::events(doctor, b"");
    assert_eq!(ended.err, "", "it is read");
    let wide: Vec<u8> = "\u{feff}A=1".encode_utf16().flat_map(u16::to_le_bytes).collect();
    std::fs::write(&env, wide).unwrap();
    let mut doctor = payon_sim(&["doctor", "--env"]);
    doctor.arg(&env);
    let ended = crate::binary::events(doctor, b"");
    assert!(ended.err.contains("UTF-16"), "{ended:?}");
}

#[test]
fn of_a_certificate_and_its_private_key_the_one_that_is_needed_is_taken() {
    if !crate::binary::has_tool("openssl") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let (key, certificate) = (path("key.pem"), path("cert.pem"));
    let made = crate::binary::tool(
        "openssl",
        &[
            "req",
            "-x509",
            "-newkey",
            "rsa:2048",
            "-nodes",
            "-subj",
            "/CN=test",
            "-keyout",
            &key,
            "-out",
            &certificate,
        ],
        "",
    );
    made.ok();
    let text = |path: &str| std::fs::read_to_string(path).unwrap();
    let both = text(&certificate) + &text(&key);
    let alone = run_with(&["keys", "inspect"], text(&key)).ok();
    let inspected = run_with(&["keys", "inspect"], &both).ok();
    assert_eq!(inspected, alone, "the private key is found behind the certificate");
    let public = payon_sim::crypto::PublicKey::parse(&both).unwrap();
    let private = payon_sim::crypto::PrivateKey::parse(&both).unwrap();
    assert_eq!(private.public_key().fingerprint(), public.fingerprint());
    let other_order = text(&key) + &text(&certificate);
    assert!(payon_sim::crypto::PublicKey::parse(&other_order).is_ok());
    // Two certificates: the first is the merchant's own.
    let chain = text(&certificate) + &text(&certificate);
    assert!(payon_sim::crypto::PublicKey::parse(&chain).is_ok());
    assert_eq!(
        payon_sim::crypto::PrivateKey::parse(&chain).unwrap_err(),
        payon_sim::crypto::KeyError::PublicGiven
    );
}
