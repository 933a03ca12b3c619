//! `payon-sim tail`: what happens, as lines.

use std::io::{BufRead as _, BufReader, Lines, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, ChildStdout};
use std::thread::JoinHandle;

use serde_json::{Value, json};

use crate::binary::{Ended, Gateway, ended, payon_sim, run, tool, until};
use crate::support::{Setup, Sim, Sink, SpaceHandle};

/// Runs `tail` at a space until it ends.
async fn tail(space: &SpaceHandle, args: &[&str]) -> Ended {
    let mut command = payon_sim(&["tail", "--url", &space.control_url]);
    command.args(args);
    ended(command).await
}

/// The columns of what was printed, time left out.
fn columns(out: &str) -> Vec<Vec<&str>> {
    out.lines()
        .map(|line| line[25..].split("  ").map(str::trim).filter(|it| !it.is_empty()).collect())
        .collect()
}

/// A space in which an order was registered, paid and told of, and a refund was refused.
async fn lived(sim: &Sim) -> (SpaceHandle, Sink) {
    let (space, sink) = (sim.space("lived").await, Sink::start().await);
    space.register("T 1", json!({ "noti_url": sink.url("/noti") })).await;
    space.pay("T 1", json!({ "card": "4111111111111111", "cvv": "123" })).await.expect(200);
    space.wait("pushback-acknowledged").await;
    let refund = space.call(payon_sim::base::Operation::Refund, &json!({ "txId": "T 1" })).await;
    assert_eq!(refund.expect(200)["resultCode"], "2101");
    (space, sink)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_an_event_and_filters_that_choose() {
    let sim = Sim::start().await;
    let (space, _sink) = lived(&sim).await;
    let id = &space.merchant().id;
    let order = format!("{id}/T 1");

    let orders = tail(&space, &["--from-start", "--kind", "order", "--max", "2"]).await.ok();
    let first = orders.lines().next().unwrap();
    assert!(first.starts_with("2026-03-02 10:00:00.000  order     registered  "), "{first}");
    assert_eq!(
        columns(&orders),
        [["order", "registered", &order, "registered"], ["order", "approved", &order, "captured"]]
    );
    assert!(!orders.contains('\u{1b}'), "no colour but on a terminal");

    space.client.post(&format!("{}/nowhere", space.base_url), &json!({})).await.expect(404);
    let lost = tail(&space, &["--from-start", "--reason", "request.unknown-path", "--max", "1"])
        .await
        .ok();
    assert_eq!(columns(&lost)[0][..2], ["request", "unknown path"]);

    let refused = tail(&space, &["--from-start", "--operation", "refund", "--max", "1"]).await.ok();
    let row = &columns(&refused)[0];
    assert_eq!(row[..4], ["request", "refund", &order, "sign.missing"]);
    assert!(row[4].starts_with("200 in "), "{row:?}");
    for choice in [&["--reason", "sign.missing"][..], &["--failures"]] {
        let same = [&["--from-start", "--max", "1", "--tx", "T 1"][..], choice].concat();
        assert_eq!(tail(&space, &same).await.ok(), refused, "{choice:?}");
    }
    let told = ["--from-start", "--kind", "pushback", "--merchant", id, "--max", "2"];
    let told = tail(&space, &told).await.ok();
    assert_eq!(columns(&told)[0][..4], ["pushback", "approved", &order, "waiting"]);
    assert_eq!(columns(&told)[1][..4], ["pushback", "approved", &order, "acknowledged"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn it_ends_when_its_time_is_over_and_says_how_many_came() {
    let sim = Sim::start().await;
    let (space, _sink) = lived(&sim).await;
    let begun = ["--from-start", "--kind", "order", "--timeout", "3s"];
    let told = tail(&space, &begun).await;
    assert_eq!((told.code, told.out.lines().count()), (Some(0), 2), "{}{}", told.out, told.err);
    let told = tail(&space, &[&begun[..], &["--max", "3"]].concat()).await;
    assert_eq!((told.code, told.out.lines().count()), (Some(1), 2), "{}{}", told.out, told.err);
    assert!(told.err.contains("2 of 3 events came"), "{}", told.err);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_rule_that_stepped_in_is_named() {
    let sim = Sim::start().await;
    let space = sim.space("ruled").await;
    space.arm(json!([{ "id": "slow", "when": { "operation": "pay" }, "then": [{ "commit": "before" }] }])).await;
    space.register("T 1", json!({})).await;
    space.pay("T 1", json!({})).await.expect(200);
    let told = ["--from-start", "--kind", "order", "--max", "2"];
    let told = tail(&space, &told).await.ok();
    let rows = columns(&told);
    assert_eq!(rows[0].len(), 4, "no rule registered it: {rows:?}");
    assert_eq!(rows[1][1..], ["approved", rows[0][2], "captured", "rule slow"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn json_as_sent_and_all_that_is_known() {
    let sim = Sim::start().await;
    let (space, sink) = lived(&sim).await;
    let journal = space.control_get("journal").await.expect(200);
    let json = ["--from-start", "--kind", "request", "--max", "3", "--format", "json"];
    let json = tail(&space, &json).await.ok();
    let events: Vec<Value> = json.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    for (event, entry) in events.iter().zip(journal["entries"].as_array().unwrap()) {
        assert_eq!((&event["event"], &event["data"]), (&json!("request"), entry));
        assert!(event["id"].as_u64().unwrap() > 0);
    }
    assert_eq!(events.len(), 3);

    let full = ["--from-start", "--kind", "request,pushback", "--format", "full", "--max", "4"];
    let full = tail(&space, &full).await.ok();
    for part in [
        r#"    request   {"card":"411111******1111","cvv":"***"}"#,
        r#"    body      {"txId":"T 1","resultCode":"0000","resultMsg":"Success"}"#,
        &format!("    to        {}", sink.url("/noti")),
        "    attempt   1 at 2026-03-02 10:00:00.000: 200 in ",
    ] {
        assert!(full.contains(part), "{part} is not in\n{full}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn it_begins_where_it_is_told_to() {
    let sim = Sim::start().await;
    let (space, _sink) = lived(&sim).await;
    let journal = space.control_get("journal").await.expect(200);
    let paid = journal["entries"][1]["trace"].as_str().unwrap();
    let since = tail(&space, &["--since", paid, "--kind", "order", "--max", "1"]).await.ok();
    assert_eq!(columns(&since)[0][1], "approved");
    let last = tail(&space, &["--last", "1", "--max", "1"]).await.ok();
    assert_eq!(columns(&last)[0][1], "refund");

    let unknown = tail(&space, &["--since", "00000000000000ff"]).await;
    assert_eq!((unknown.code, unknown.out.as_str()), (Some(1), ""));
    assert!(unknown.err.starts_with("refused: the journal of the space"), "{}", unknown.err);
}

/// `tail` while it runs.
struct Following {
    child: Child,
    /// `None` when nobody reads any more.
    lines: Option<Lines<BufReader<ChildStdout>>>,
}

impl Following {
    /// Follows from the start, so that nothing depends on when it is connected.
    fn of(space: &SpaceHandle) -> Self {
        let args = ["tail", "--from-start", "--kind", "order", "--url", &space.control_url];
        let mut child = payon_sim(&args).spawn().unwrap();
        let out = child.stdout.take().unwrap();
        Self { child, lines: Some(BufReader::new(out).lines()) }
    }

    fn line(&mut self) -> String {
        let lines = self.lines.as_mut().unwrap();
        tokio::task::block_in_place(|| lines.next().unwrap().unwrap())
    }

    fn end(mut self) -> Option<i32> {
        until("the end", || self.child.try_wait().unwrap()).code()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn it_follows_until_it_is_interrupted_or_nobody_reads() {
    let sim = Sim::start().await;
    let space = sim.space("followed").await;
    let (mut interrupted, mut unread) = (Following::of(&space), Following::of(&space));
    for tx_id in ["1", "2"] {
        space.register(tx_id, json!({})).await;
        for following in [&mut interrupted, &mut unread] {
            let line = following.line();
            assert!(line.contains(&format!("/{tx_id} ")), "{line}");
        }
    }
    tool("sh", &["-c", &format!("kill -INT {}", interrupted.child.id())], b"").ok();
    assert_eq!(interrupted.end(), Some(0));
    // It learns that nobody reads when it has something to say.
    unread.lines = None;
    space.register("3", json!({})).await;
    assert_eq!(unread.end(), Some(0));
}

/// A gateway that serves each of these streams once and then hangs up; gives the heads that it got.
fn streaming(streams: &'static [&'static str]) -> (String, JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let serve = move |stream: &str| {
        let (mut peer, _) = listener.accept().unwrap();
        let head = read_head(&peer);
        let kind = "content-type: text/event-stream\r\nx-payon-sim: 0\r\nconnection: close";
        // The other side may have heard enough.
        let _ = write!(peer, "HTTP/1.1 200 OK\r\n{kind}\r\n\r\n{stream}");
        head
    };
    (url, std::thread::spawn(move || streams.iter().map(|stream| serve(stream)).collect()))
}

fn read_head(peer: &TcpStream) -> String {
    let lines = BufReader::new(peer).lines().map(Result::unwrap);
    lines.take_while(|line| !line.is_empty()).map(|line| line.to_lowercase() + "\n").collect()
}

#[tokio::test]
async fn a_lost_connection_is_opened_again_where_it_was_and_what_was_missed_is_said() {
    let (url, server) = streaming(&[
        "retry: 1\nid: 6\n\nevent: clock\nid: 7\ndata: {}\n\n",
        "retry: 1\nid: 7\n\nevent: missed\nid: 9\ndata: {\"count\":2,\"from\":8,\"to\":9}\n\n",
        "retry: 1\nid: 9\n\nevent: rules\nid: 10\ndata: {}\n\n",
    ]);
    let told = ended(payon_sim(&["tail", "--url", &url, "--max", "3"])).await;
    let heads = server.join().unwrap();
    assert_eq!(told.code, Some(0), "{}", told.err);
    assert_eq!(
        columns(&told.out),
        [
            &["clock", "changed"][..],
            &["missed", "too late", "2 events are gone, 8 to 9"],
            &["rules", "changed"]
        ]
    );
    assert!(!heads[0].contains("last-event-id"), "{}", heads[0]);
    assert!(heads[1].contains("last-event-id: 7\n"), "{}", heads[1]);
    assert!(heads[2].contains("last-event-id: 9\n"), "{}", heads[2]);
    assert!(told.err.contains("connected again; going on after event 7\n"), "{}", told.err);
}

#[tokio::test]
async fn what_happened_while_the_connection_was_lost_is_not_taken_for_nothing() {
    let (url, server) = streaming(&["retry: 60000\nid: 6\n\n"]);
    let told = ended(payon_sim(&["tail", "--url", &url, "--timeout", "1s"])).await;
    server.join().unwrap();
    assert_eq!((told.code, told.out.as_str()), (Some(1), ""));
    assert!(told.err.ends_with("what happened since was not seen\n"), "{}", told.err);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_space_that_is_removed_ends_it() {
    let sim = Sim::start().await;
    let space = sim.space("removed").await;
    space.register("1", json!({})).await;
    let mut following = Following::of(&space);
    following.line();
    assert_eq!(space.control_send("DELETE", "spaces/removed", "").await.status, 204);
    while !following.line().contains("reset") {}
    assert_eq!(following.end(), Some(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_not_follow_is_told_why() {
    let sim = Sim::with(Setup { token: Some("hush"), ..Setup::default() }).await;
    let tail = |url: &str, more: &[&str]| {
        ended(payon_sim(&[&["tail", "--url", url, "--max", "1"][..], more].concat()))
    };
    let bare = tail(&sim.url, &[]).await;
    assert_eq!(bare.code, Some(2));
    assert!(bare.err.contains("Authorization: Bearer"), "{}", bare.err);
    let elsewhere = tail(&sim.url, &["--token", "hush", "--space", "nowhere"]).await;
    assert_eq!(elsewhere.code, Some(1));
    assert!(elsewhere.err.starts_with("refused: there is no space named"), "{}", elsewhere.err);

    let gone = tail("http://127.0.0.1:9", &[]).await;
    assert_eq!(gone.code, Some(2));
    assert!(gone.err.contains("does `payon-sim serve` run there"), "{}", gone.err);
}

#[test]
fn the_first_thing_that_happens_is_the_first_order() {
    let gateway = Gateway::start(&["--quiet"]);
    let order = r#"{"merchantId":"C0000143","termId":"CT03000003","txId":"T1","trt":"10","currency":"USD","amount":"1.00","paymentMethod":"CREDIT_DEBIT"}"#;
    assert_eq!(gateway.post("/pg/order/register", order).0, 200);
    let first = run(&["tail", "--url", &gateway.control_url, "--from-start", "--max", "1"]).ok();
    assert_eq!(columns(&first)[0][..2], ["order", "registered"]);
}
