//! `payon-sim pay` and `trigger`: what they ask of a control plane, and what they make of its answers.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::thread::JoinHandle;

use serde_json::{Value, json};

use crate::binary::{events, payon_sim, run};

/// A control plane that answers one request with what it is told to, and hands over what it got: the head in lower
/// case, and the body.
fn answering(status: &str, answer: &str) -> (String, JoinHandle<(String, Value)>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let length = answer.len();
    let reply = format!(
        "HTTP/1.1 {status}\r\nx-payon-sim: 0\r\ncontent-type: application/json\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{answer}"
    );
    let server = std::thread::spawn(move || {
        let (stream, _) = listener.accept().unwrap();
        let mut reader = BufReader::new(&stream);
        let (mut head, mut length) = (String::new(), 0);
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).unwrap();
            if line == "\r\n" {
                break;
            }
            if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().unwrap();
            }
            head += &line;
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).unwrap();
        (&stream).write_all(reply.as_bytes()).unwrap();
        (head, serde_json::from_slice(&body).unwrap())
    });
    (url, server)
}

/// The answer that is documented for a call about an order.
fn documented(verb: &str) -> Value {
    let document: Value = serde_json::from_str(&run(&["openapi"]).ok()).unwrap();
    let call = &document["paths"][format!("/_sim/v1/orders/{{merchantId}}/{{txId}}/{verb}")];
    let example = &call["post"]["responses"]["200"]["content"]["application/json"]["example"];
    assert!(example.is_object(), "{call}");
    example.clone()
}

#[test]
fn an_event_is_asked_for_in_the_space_with_the_token() {
    let answer = documented("trigger");
    let (url, server) = answering("200 OK", &answer.to_string());
    let mut command = payon_sim(&["trigger", "--merchant", "C0000143", "--tx", "T 1/2", "expire"]);
    command
        .args(["--space", "mine", "--format", "json"])
        .env("PAYON_SIM_URL", &url)
        .env("PAYON_SIM_CONTROL_TOKEN", "hush");
    let ended = events(command, b"");
    let (head, body) = server.join().unwrap();
    assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""));
    assert_eq!(serde_json::from_str::<Value>(&ended.out).ok(), Some(answer));
    let first = head.lines().next().unwrap();
    assert_eq!(first, "POST /space/mine/_sim/v1/orders/C0000143/T%201%2F2/trigger HTTP/1.1");
    assert!(head.contains("authorization: Bearer hush\r\n"), "{head}");
    assert_eq!(body, json!({ "event": "expire" }));
}

#[test]
fn a_payment_names_only_what_was_given() {
    let pay = ["pay", "--merchant", "C0000143", "--tx", "T1", "--url"];
    for (more, expected) in [
        (&[][..], json!({})),
        (
            &["--card", "4111111111111111", "--cvv", "123"],
            json!({ "card": "4111111111111111", "cvv": "123" }),
        ),
        (&["--outcome", "card.lost"], json!({ "outcome": "card.lost" })),
    ] {
        let (url, server) = answering("200 OK", &documented("pay").to_string());
        run(&[&pay[..], &[url.as_str()], more].concat()).ok();
        let (head, body) = server.join().unwrap();
        assert!(head.starts_with("POST /_sim/v1/orders/C0000143/T1/pay HTTP/1.1\r\n"), "{head}");
        assert!(!head.contains("authorization"), "{head}");
        assert_eq!(body, expected);
    }
}

#[test]
fn a_refusal_ends_with_1_and_a_gateway_that_is_not_there_with_2() {
    let trigger = |url: &str| {
        run(&["trigger", "--merchant", "C0000143", "--tx", "T1", "settle", "--url", url])
    };
    let problem = r#"{"type":"about:blank","title":"Conflict","detail":"the order is registered"}"#;
    let (url, server) = answering("409 Conflict", problem);
    let ended = trigger(&url);
    server.join().unwrap();
    assert_eq!((ended.code, ended.out.as_str()), (Some(1), ""));
    assert_eq!(ended.err, "refused: the order is registered\n");

    let (url, server) = answering("401 Unauthorized", r#"{"detail":"give the control token"}"#);
    let ended = trigger(&url);
    server.join().unwrap();
    assert_eq!((ended.code, ended.err.as_str()), (Some(2), "error: give the control token\n"));

    let gone = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", gone.local_addr().unwrap());
    drop(gone);
    let ended = trigger(&url);
    assert_eq!(ended.code, Some(2));
    let expected = format!("error: cannot talk to {url}; does `payon-sim serve` run there");
    assert!(ended.err.starts_with(&expected), "{}", ended.err);

    let ended = run(&["trigger", "--merchant", "C0000143", "--tx", "T1", "explode"]);
    assert_eq!(ended.code, Some(2));
    assert!(ended.err.contains("expire, cancel, settle"), "{}", ended.err);
}
