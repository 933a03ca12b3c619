//! `--state`: spaces that survive the end of the process, however it ends.

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use payon_sim::base::Operation;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::TcpListener;

use crate::binary::{Gateway, payon_sim, run};
use crate::support::{Client, SpaceHandle};

/// A gateway that keeps its spaces in `dir`.
pub(crate) fn start(dir: &Path, more: &[&str]) -> Gateway {
    let dir = dir.to_str().expect("UTF-8");
    Gateway::start(&[&["--state", dir, "--seed", "42", "--log", "warn"], more].concat())
}

/// The space of that name, made where it is not there.
pub(crate) async fn space(gateway: &Gateway, name: &str) -> SpaceHandle {
    let url = format!("{}/_sim/v1/spaces", gateway.control_url);
    let wish = json!({ "name": name, "seed": 7, "merchants": 1, "ifExists": "keep" });
    let client = Client::new();
    let made = client.post(&url, &wish).await;
    assert!(matches!(made.status, 200 | 201), "{}", made.text());
    SpaceHandle::new(client, made.json())
}

/// Ends a process as a crash would.
pub(crate) fn kill(gateway: Gateway) {
    gateway.signal("KILL");
    gateway.wait();
}

/// All that the control plane shows of how a space is, but for addresses with the port of the process.
pub(crate) async fn whole(space: &SpaceHandle) -> Value {
    let mut all = json!({});
    for path in ["orders", "pushbacks", "clock", "rules", "merchants", "snapshots", "inbox/shop"] {
        all[path] = space.control_get(path).await.expect(200);
    }
    for order in all["orders"]["orders"].as_array_mut().expect("orders") {
        order["checkoutUrl"].take();
    }
    all
}

pub(crate) async fn refund(space: &SpaceHandle, tx_id: &str, amount: &str) -> Value {
    let members = json!({ "txId": tx_id, "amount": amount });
    space.call_signed(Operation::Refund, &members).await.json()["resultCode"].take()
}

/// An address at which nobody listens.
async fn dead_address() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    format!("http://{}/noti", listener.local_addr().expect("bound"))
}

/// Orders in many states, rules that have fitted, a saved card, boxes, a snapshot, settings, a clock of its own.
pub(crate) async fn live(space: &SpaceHandle) {
    let clock = json!({ "freeze": true, "set": "2026-03-02T10:00:00.000+07:00" });
    space.control_post("clock", &clock).await.expect(200);
    space.arm_one(json!({ "operation": "refund" }), json!([{ "latency": "0s" }])).await;
    let nowhere = json!({ "noti_url": dead_address().await });
    for tx_id in ["open", "paid", "back"] {
        space.register(tx_id, nowhere.clone()).await;
    }
    let boxed = format!("{}/_sim/inbox/shop", space.control_url);
    space.register("boxed", json!({ "noti_url": boxed })).await;
    for tx_id in ["paid", "back", "boxed"] {
        space.pay(tx_id, json!({})).await.expect(200);
    }
    assert_eq!(refund(space, "back", "0.40").await, "0000");
    let card =
        json!({ "clientId": "U1", "paymentMethod": "CREDIT_DEBIT", "wdlAcNo": "4012001037141112" });
    space.call_signed(Operation::BindingRegister, &card).await.expect(200);
    space.control_post("snapshots", &json!({ "name": "one" })).await.expect(201);
    assert_eq!(refund(space, "back", "0.10").await, "0000");
    space.advance(10_000).await;
    let merchant = format!("merchants/{}", space.merchant().id);
    let change = json!({ "notiUrl": "http://127.0.0.1:1/other", "token": "open-sesame" });
    space.control_send("PATCH", &merchant, &change.to_string()).await.expect(200);
    space.control_post("snapshots", &json!({ "name": "two" })).await.expect(201);
}

#[tokio::test]
async fn a_space_comes_back_whole_after_a_crash_and_goes_on() {
    let dir = tempfile::tempdir().expect("a directory");
    let gateway = start(dir.path(), &["--durability", "always"]);
    let shop = space(&gateway, "shop").await;
    live(&shop).await;
    let with_token = |space: &SpaceHandle| {
        let client = space.client.with_header("Authentication", "open-sesame");
        SpaceHandle { client, ..space.clone() }
    };
    let cards = json!({ "clientId": "U1" });
    let before = whole(&shop).await;
    let known = with_token(&shop).call_signed(Operation::BindingList, &cards).await.json();
    let page = shop.control_get("pushbacks?txId=paid").await.expect(200);
    assert_eq!(page["pushbacks"][0]["attempts"].as_array().map(Vec::len), Some(2), "{page}");
    assert_eq!(before["rules"]["rules"][0]["fired"], 2, "{}", before["rules"]);
    kill(gateway);

    let gateway = start(dir.path(), &["--durability", "always"]);
    let shop = space(&gateway, "shop").await;
    let after = whole(&shop).await;
    for (part, value) in before.as_object().expect("parts") {
        assert_eq!(&after[part], value, "{part}");
    }
    let refused = shop.call_signed(Operation::BindingList, &cards).await.json();
    assert_ne!(refused, known, "the merchant's token is still asked for");
    let shop = with_token(&shop);
    assert_eq!(shop.call_signed(Operation::BindingList, &cards).await.json(), known);
    // Money, numbers and retries go on where they were.
    assert_eq!(refund(&shop, "back", "0.60").await, "3204", "0.50 of 1.00 is left");
    assert_eq!(refund(&shop, "back", "0.50").await, "0000");
    shop.register("new", json!({})).await;
    shop.run_until_idle().await;
    let page = shop.control_get("pushbacks?txId=paid").await.expect(200);
    let attempts = page["pushbacks"][0]["attempts"].as_array().expect("attempts").clone();
    let times: Vec<_> = attempts.iter().map(|it| it["at"].as_str().expect("a time")).collect();
    assert_eq!(
        times[..4],
        [
            "2026-03-02T10:00:00.000+07:00",
            "2026-03-02T10:00:05.000+07:00",
            "2026-03-02T10:05:05.000+07:00",
            "2026-03-02T10:35:05.000+07:00",
        ],
        "as if the process had never ended"
    );
    assert_eq!(times.len(), 8);
    let restored = shop.control_post("snapshots/one/restore", &json!({})).await;
    assert_eq!(restored.status, 200, "{}", restored.text());
    assert_eq!(shop.order("back").await["refunded"], "0.40");
    shop.control_post("reset", &json!({})).await;
    assert_eq!(shop.control_get("orders").await.expect(200)["orders"], json!([]));
    assert_eq!(gateway.stop().code, Some(0));

    // A reset is kept as well, and a space that was deleted stays away.
    let gateway = start(dir.path(), &[]);
    let shop = space(&gateway, "shop").await;
    assert_eq!(shop.control_get("orders").await.expect(200)["orders"], json!([]));
    assert_eq!(
        shop.control_get("merchants").await.expect(200)["merchants"][0]["tokenRequired"],
        false
    );
    shop.control_post("snapshots/two/restore", &json!({})).await.expect(200);
    assert_eq!(with_token(&shop).call_signed(Operation::BindingList, &cards).await.json(), known);
    let url = format!("{}/_sim/v1/spaces/shop", gateway.control_url);
    assert_eq!(shop.client.send("DELETE", &url, "").await.status, 204);
    gateway.stop();
    let gateway = start(dir.path(), &[]);
    let listed = gateway.get("/_sim/v1/spaces").1;
    assert!(!listed.contains("\"shop\"") && listed.contains("\"default\""), "{listed}");
    gateway.stop();
}

/// Names and seeds of all spaces.
fn listed(gateway: &Gateway) -> Vec<(String, u64)> {
    let listed: Value = serde_json::from_str(&gateway.get("/_sim/v1/spaces").1).expect("JSON");
    let spaces = listed["spaces"].as_array().expect("spaces").iter();
    let name = |space: &Value| space["name"].as_str().expect("a name").to_owned();
    spaces.map(|space| (name(space), space["seed"].as_u64().expect("a seed"))).collect()
}

/// Registers an order of a merchant where no path says the space.
fn register_by_merchant(gateway: &Gateway, merchant: &Value, tx_id: &str) -> String {
    let order = json!({
        "merchantId": merchant["merchantId"], "termId": merchant["termId"], "txId": tx_id, "trt": "10",
        "currency": "USD", "amount": "1.00", "paymentMethod": "CREDIT_DEBIT",
    });
    let answer: Value =
        serde_json::from_str(&gateway.post("/pg/order/register", &order.to_string()).1)
            .expect("JSON");
    answer["resultCode"].as_str().expect("a code").to_owned()
}

#[tokio::test]
async fn spaces_come_back_as_they_were_made_filled_replaced_and_removed() {
    let always = ["--durability", "always"];
    let dir = tempfile::tempdir().expect("a directory");
    let gateway = start(dir.path(), &always);
    let first = space(&gateway, "first").await;
    let added =
        first.control_post("merchants", &json!({ "merchantId": "ADDED01" })).await.expect(201);
    first.control_post("snapshots", &json!({ "name": "one" })).await.expect(201);
    first.control_post("snapshots/one/fork", &json!({ "space": "fork" })).await.expect(201);
    // The second rule takes the made-up id of the first, and its counts begin anew.
    first.arm_one(json!({ "operation": "refund" }), json!([{ "latency": "0s" }])).await;
    refund(&first, "none", "1.00").await;
    first.arm_one(json!({ "operation": "status" }), json!([{ "latency": "0s" }])).await;
    let rules = first.control_get("rules").await.expect(200);
    space(&gateway, "gone").await;
    space(&gateway, "other").await.register("old", json!({})).await;
    let url =
        |gateway: &Gateway, rest: &str| format!("{}/_sim/v1/spaces{rest}", gateway.control_url);
    let client = first.client.clone();
    assert_eq!(client.send("DELETE", &url(&gateway, "/gone"), "").await.status, 204);
    let wish = json!({ "name": "other", "seed": 8, "merchants": 1, "ifExists": "replace" });
    client.post(&url(&gateway, ""), &wish).await.expect(201);
    kill(gateway);

    let gateway = start(dir.path(), &always);
    let name = |name: &str, seed| (name.to_owned(), seed);
    let expected = [name("default", 42), name("first", 7), name("fork", 7), name("other", 8)];
    assert_eq!(listed(&gateway), expected);
    assert_eq!(register_by_merchant(&gateway, &added, "A"), "0000");
    let first = space(&gateway, "first").await;
    first.control_get("orders/ADDED01/A").await.expect(200);
    assert_eq!(first.control_get("rules").await.expect(200), rules);
    let other = space(&gateway, "other").await;
    assert_eq!(other.control_get("orders").await.expect(200)["orders"], json!([]));
    // The fork has the merchant too, and it never belonged there.
    assert_eq!(client.send("DELETE", &url(&gateway, "/first"), "").await.status, 204);
    let refused = register_by_merchant(&gateway, &added, "B");
    assert_ne!(refused, "0000");
    kill(gateway);
    let gateway = start(dir.path(), &always);
    assert_eq!(listed(&gateway), [expected[0].clone(), expected[2].clone(), expected[3].clone()]);
    assert_eq!(register_by_merchant(&gateway, &added, "B"), refused);
    gateway.stop();
}

/// Starts with many spaces. `STATE_SPACES=100 STATE_ORDERS=1000` makes it large; it prints how long the start takes.
#[tokio::test]
async fn many_spaces_come_back_at_once() {
    let number = |name: &str, usual: usize| {
        std::env::var(name).map_or(usual, |text| text.parse().expect("a number"))
    };
    let (spaces, orders) = (number("STATE_SPACES", 5), number("STATE_ORDERS", 20));
    let dir = tempfile::tempdir().expect("a directory");
    let gateway = start(dir.path(), &[]);
    let shop = space(&gateway, "shop").await;
    for at in 0..orders {
        let tx_id = at.to_string();
        shop.register(&tx_id, json!({})).await;
        if at % 2 == 0 {
            shop.pay(&tx_id, json!({})).await.expect(200);
        }
    }
    shop.control_post("snapshots", &json!({ "name": "one" })).await.expect(201);
    for at in 1..spaces {
        let fork = json!({ "space": format!("shop-{at}") });
        shop.control_post("snapshots/one/fork", &fork).await.expect(201);
    }
    let url = format!("{}/_sim/v1/snapshots/one", shop.control_url);
    assert_eq!(shop.client.send("DELETE", &url, "").await.status, 204);
    gateway.stop();
    for how in ["a good end", "kill -9"] {
        let begun = Instant::now();
        let gateway = start(dir.path(), &["--durability", "always"]);
        let took = begun.elapsed().as_millis();
        println!(
            "{spaces} spaces of {orders} orders: answers {took} ms after its start, after {how}"
        );
        let listed: Value = serde_json::from_str(&gateway.get("/_sim/v1/spaces").1).expect("JSON");
        assert_eq!(listed["spaces"].as_array().map(Vec::len), Some(spaces + 1));
        let last = space(&gateway, &format!("shop-{}", spaces - 1)).await;
        let page = last.control_get("orders?limit=1").await.expect(200);
        assert_eq!(page["orders"].as_array().map(Vec::len), Some(1), "{page}");
        kill(gateway);
    }
}

#[tokio::test]
async fn at_most_the_last_second_is_missing_by_default() {
    let dir = tempfile::tempdir().expect("a directory");
    let gateway = start(dir.path(), &[]);
    let shop = space(&gateway, "shop").await;
    let mut told = Vec::new();
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_millis(2500) {
        let tx_id = told.len().to_string();
        shop.register(&tx_id, json!({})).await;
        told.push((Instant::now(), tx_id));
    }
    let killed = Instant::now();
    kill(gateway);
    let gateway = start(dir.path(), &[]);
    let shop = space(&gateway, "shop").await;
    let old = told.iter().filter(|(at, _)| killed - *at > Duration::from_secs(1));
    let old: Vec<_> = old.collect();
    assert!(!old.is_empty(), "there was time for some");
    for (_, tx_id) in old {
        assert_eq!(shop.order(tx_id).await["state"], "registered", "{tx_id}");
    }
    gateway.stop();
}

/// Answers that merchants got about an order.
#[derive(Default)]
struct Told {
    paid: bool,
    refunds: u32,
}

/// Sends a request and reads the answer, unless the process ends before.
fn try_post(address: &str, path: &str, body: &str) -> Option<(u16, String)> {
    let mut stream = TcpStream::connect(address).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(60))).ok()?;
    let length = body.len();
    write!(stream, "POST {path} HTTP/1.1\r\nhost: {address}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}").ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    let (head, body) = answer.split_once("\r\n\r\n")?;
    Some((head.split(' ').nth(1)?.parse().ok()?, body.to_owned()))
}

/// One life of the process: clients register, pay and refund until it is killed, after so many answers.
fn one_life(
    gateway: Gateway,
    shop: &SpaceHandle,
    life: usize,
    answers_max: usize,
) -> BTreeMap<String, Told> {
    let address = gateway.url.trim_start_matches("http://").to_owned();
    let (told, answers, over) =
        (Mutex::new(BTreeMap::<String, Told>::new()), AtomicUsize::new(0), AtomicBool::new(false));
    std::thread::scope(|scope| {
        for client in 0..4 {
            let (told, answers, over, address) = (&told, &answers, &over, &address);
            scope.spawn(move || {
                let note = |tx_id: &str, change: &dyn Fn(&mut Told)| {
                    change(told.lock().unwrap().entry(tx_id.to_owned()).or_default());
                    answers.fetch_add(1, Ordering::Relaxed);
                };
                for number in 0.. {
                    if over.load(Ordering::Relaxed) {
                        return;
                    }
                    let tx_id = format!("L{life}-{client}-{number}");
                    let merchant = shop.merchant();
                    let order = merchant.body(&json!({
                        "txId": tx_id, "trt": "10", "currency": "USD", "amount": "1.00",
                        "paymentMethod": "CREDIT_DEBIT", "noti_url": "http://127.0.0.1:1/noti",
                    }));
                    let path = |rest: &str| format!("/space/shop{rest}");
                    let done = (|| {
                        let (status, body) =
                            try_post(address, &path("/pg/order/register"), &order.to_string())?;
                        assert_eq!(status, 200, "{body}");
                        note(&tx_id, &|_| {});
                        let pay = path(&format!("/_sim/v1/orders/{}/{tx_id}/pay", merchant.id));
                        let (status, body) = try_post(address, &pay, "{}")?;
                        assert_eq!(status, 200, "{body}");
                        note(&tx_id, &|told| told.paid = true);
                        for _ in 0..2 {
                            let members = json!({ "txId": tx_id, "amount": "0.25" });
                            let members = merchant.signed(&members).to_string();
                            let (status, body) =
                                try_post(address, &path(Operation::Refund.paths()[0]), &members)?;
                            assert!(status == 200 && body.contains("\"0000\""), "{status} {body}");
                            note(&tx_id, &|told| told.refunds += 1);
                        }
                        Some(())
                    })();
                    if done.is_none() {
                        return;
                    }
                }
            });
        }
        while answers.load(Ordering::Relaxed) < answers_max {
            std::thread::yield_now();
        }
        gateway.signal("KILL");
        over.store(true, Ordering::Relaxed);
    });
    gateway.wait();
    told.into_inner().unwrap()
}

/// Every order as merchants were told, and its sums such that they can be.
async fn check(shop: &SpaceHandle, told: &BTreeMap<String, Told>) {
    let cents = |order: &Value, name: &str| -> u32 {
        let text = order[name].as_str().expect("an amount").replace('.', "");
        text.parse().expect("a number")
    };
    for (tx_id, told) in told {
        let order = shop.order(tx_id).await;
        let sum = |name| cents(&order, name);
        assert!(!told.paid || sum("captured") == 100, "{tx_id} was paid: {order}");
        let refunded = sum("refunded");
        // One more may have been booked whose answer never came.
        let possible = [told.refunds * 25, (told.refunds + 1) * 25];
        assert!(possible.contains(&refunded), "{tx_id}: {} refunds told, {order}", told.refunds);
        assert!(refunded <= sum("captured") && sum("captured") <= sum("authorised"), "{order}");
        assert_eq!(sum("refundable"), sum("captured") - refunded, "{order}");
    }
}

/// Kills at random moments. `STATE_KILLS=1000` makes it long; it prints figures then.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_acknowledged_is_lost_by_kills_at_random_moments() {
    let kills: usize =
        std::env::var("STATE_KILLS").map_or(10, |kills| kills.parse().expect("a number"));
    let dir = tempfile::tempdir().expect("a directory");
    let (mut all, mut slowest, mut answers) = (BTreeMap::new(), Duration::ZERO, 0);
    let mut latest = BTreeMap::new();
    let mut draw: u64 = 42;
    for life in 0..=kills {
        let begun = Instant::now();
        let gateway = start(dir.path(), &["--durability", "always"]);
        slowest = slowest.max(begun.elapsed());
        let shop = space(&gateway, "shop").await;
        check(&shop, &latest).await;
        if life == kills {
            check(&shop, &all).await;
            let ended = gateway.stop();
            assert_eq!(ended.code, Some(0));
            let is_sound =
                ["damaged", "cannot be", "panicked"].iter().all(|it| !ended.err.contains(it));
            assert!(is_sound, "{}", ended.err);
            break;
        }
        draw = draw.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let answers_max = 1 + (draw >> 33) as usize % 60;
        let shop = Arc::new(shop);
        let for_thread = Arc::clone(&shop);
        let life = move || one_life(gateway, &for_thread, life, answers_max);
        latest = tokio::task::spawn_blocking(life).await.expect("no panic");
        answers += latest
            .values()
            .map(|told| 1 + usize::from(told.paid) + told.refunds as usize)
            .sum::<usize>();
        all.extend(
            latest.iter().map(|(id, it)| (id.clone(), Told { paid: it.paid, refunds: it.refunds })),
        );
    }
    let size = fs::metadata(dir.path().join("state.redb")).expect("there").len();
    println!(
        "kills {kills}, orders {}, acknowledged {answers}, lost 0, slowest start {} ms, file {size} bytes",
        all.len(),
        slowest.as_millis()
    );
}

fn names(dir: &TempDir) -> Vec<String> {
    let entries = fs::read_dir(dir.path()).expect("listed");
    let mut names: Vec<_> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[tokio::test]
async fn a_damaged_file_is_named_and_set_aside_and_nothing_of_it_is_loaded() {
    for step in [1, 2, 3] {
        let dir = tempfile::tempdir().expect("a directory");
        let gateway = start(dir.path(), &[]);
        let shop = space(&gateway, "shop").await;
        for number in 0..200 {
            shop.register(&number.to_string(), json!({})).await;
        }
        assert_eq!(gateway.stop().code, Some(0));
        let path = dir.path().join("state.redb");
        // One page in so many, behind the head of the file: whatever is in use is hit somewhere.
        let mut file = OpenOptions::new().write(true).open(&path).expect("opened");
        let length = file.metadata().expect("there").len();
        for at in (2 * 4096..length - 200).step_by(step * 4096) {
            file.seek(SeekFrom::Start(at + 77)).expect("there");
            file.write_all(&[0x5a; 100]).expect("written");
        }
        drop(file);
        let gateway = start(dir.path(), &[]);
        let listed = gateway.get("/_sim/v1/spaces").1;
        assert!(!listed.contains("\"shop\""), "{step}: {listed}");
        let told = gateway.stop();
        let aside = dir.path().join("state.damaged-1.redb");
        for part in ["is damaged", "Nothing of it is loaded", &aside.display().to_string()] {
            assert!(told.err.contains(part), "{step}: {part} is not in {}", told.err);
        }
        assert!(!told.err.contains("panicked"), "{step}: {}", told.err);
        assert_eq!(names(&dir), ["lock", "state.damaged-1.redb", "state.redb"]);
    }
    // Its head says how many records there are, in a place that only a write looks at.
    let dir = tempfile::tempdir().expect("a directory");
    let mut bytes = bytes_of(VERSION_1);
    for slot in [64, 192] {
        bytes[slot + 48..slot + 80].iter_mut().for_each(|byte| *byte ^= 0x5a);
    }
    fs::write(dir.path().join("state.redb"), bytes).expect("written");
    let gateway = start(dir.path(), &[]);
    assert!(!gateway.get("/_sim/v1/spaces").1.contains("\"shop\""));
    let told = gateway.stop().err;
    assert!(told.contains("is damaged") && !told.contains("panicked"), "{told}");
    let dir = tempfile::tempdir().expect("a directory");
    fs::write(dir.path().join("state.redb"), "no database at all").expect("written");
    let gateway = start(dir.path(), &[]);
    assert!(gateway.stop().err.contains("is damaged"));
    assert_eq!(names(&dir), ["lock", "state.damaged-1.redb", "state.redb"]);
}

#[test]
fn a_second_process_is_refused_as_long_as_the_first_lives() {
    let dir = tempfile::tempdir().expect("a directory");
    let gateway = start(dir.path(), &[]);
    let shown = dir.path().to_str().expect("UTF-8");
    let ended = run(&["serve", "--port", "0", "--state", shown]);
    let expected = format!(
        "error: the state in {shown} is in use by another payon-sim (pid {}). Stop that one, or give --state another \
         directory\n",
        gateway.pid()
    );
    assert_eq!((ended.code, ended.err), (Some(2), expected));
    kill(gateway);
    assert_eq!(start(dir.path(), &[]).stop().code, Some(0));
}

#[test]
fn a_file_that_another_process_holds_is_refused_and_stays_whatever_became_of_the_lock() {
    let dir = tempfile::tempdir().expect("a directory");
    let gateway = start(dir.path(), &["--durability", "always"]);
    assert_eq!(gateway.post("/pg/order/register", &order(1)).0, 200);
    std::fs::remove_file(dir.path().join("lock")).expect("removed");
    let shown = dir.path().to_str().expect("UTF-8");
    let ended = run(&["serve", "--port", "0", "--state", shown]);
    assert!(ended.code == Some(2) && ended.err.contains("is in use by another"), "{ended:?}");
    assert_eq!(gateway.post("/pg/order/register", &order(2)).0, 200);
    kill(gateway);
    let again = start(dir.path(), &[]);
    let kept: Value = serde_json::from_str(&again.get("/_sim/v1/summary").1).expect("JSON");
    assert_eq!(kept["orders"]["kept"], 2);
}

#[test]
fn a_directory_that_cannot_be_written_is_refused_at_the_start() {
    let dir = tempfile::tempdir().expect("a directory");
    let file = dir.path().join("file");
    fs::write(&file, "").expect("written");
    let below = file.join("state");
    for (path, why) in [
        (file.to_str().expect("UTF-8"), "it is no directory. "),
        (below.to_str().expect("UTF-8"), ""),
        ("/proc/payon-sim-state", ""),
    ] {
        let ended = run(&["serve", "--port", "0", "--state", path]);
        assert_eq!(ended.code, Some(2), "{ended:?}");
        let begin = format!("error: the state cannot be kept in {path}: {why}");
        assert!(ended.err.starts_with(&begin), "{}", ended.err);
        assert!(ended.err.contains("Give --state a directory on a disk"), "{}", ended.err);
    }
}

/// A gateway whose files may not grow past a megabyte and a half, as if the disk were full then.
fn start_on_a_small_disk(dir: &Path, durability: &str) -> Gateway {
    let mut command = Command::new("sh");
    let script = "trap '' XFSZ; ulimit -f 3000; exec \"$0\" \"$@\"";
    command.args(["-c", script, env!("CARGO_BIN_EXE_payon-sim"), "serve", "--port", "0"]);
    command.env_clear().stdin(std::process::Stdio::piped());
    command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
    let dir = dir.to_str().expect("UTF-8");
    Gateway::start_as(command, &["--state", dir, "--durability", durability])
}

/// An order of six kilobytes.
fn order(number: usize) -> String {
    let url = format!("http://shop.test/{}", "x".repeat(1900));
    json!({
        "merchantId": "C0000143", "termId": "CT03000003", "txId": format!("T{number}"), "trt": "10",
        "currency": "USD", "amount": "1.00", "paymentMethod": "CREDIT_DEBIT",
        "success_url": url, "fail_url": url, "cancel_url": url,
    })
    .to_string()
}

#[test]
fn a_disk_that_is_full_acknowledges_nothing_under_always_and_is_told_loudly() {
    let dir = tempfile::tempdir().expect("a directory");
    let gateway = start_on_a_small_disk(dir.path(), "always");
    assert_eq!(gateway.get("/_sim/readyz").0, 200);
    let mut taken = 0;
    let refusal = loop {
        let (status, body) = gateway.post("/pg/order/register", &order(taken));
        if status != 200 {
            break (status, body);
        }
        taken += 1;
        assert!(taken < 2_000, "the disk is never full");
    };
    assert_eq!(refusal.0, 503, "{}", refusal.1);
    for part in ["/_sim/problems/not-written", "nothing is acknowledged"] {
        assert!(refusal.1.contains(part), "{}", refusal.1);
    }
    assert_eq!(gateway.get("/_sim/readyz").0, 503);
    let frozen = gateway.post("/_sim/v1/clock", r#"{"freeze":true}"#);
    assert_eq!(frozen.0, 503, "no change is acknowledged: {}", frozen.1);
    gateway.until_logged("the state cannot be written to");
    kill(gateway);
    let gateway = start(dir.path(), &[]);
    let find = |number: usize| gateway.get(&format!("/_sim/v1/orders/C0000143/T{number}")).0;
    assert!((0..taken).all(|number| find(number) == 200), "{taken}");
    gateway.stop();
}

#[test]
fn a_state_that_was_removed_or_replaced_acknowledges_nothing_under_always() {
    let dir = tempfile::tempdir().expect("a directory");
    let (held, elsewhere) = (dir.path().join("held"), dir.path().join("elsewhere"));
    let shown = held.to_str().expect("UTF-8");
    let gateway = Gateway::start(&["--state", shown, "--durability", "always"]);
    let register = |number: usize| gateway.post("/pg/order/register", &order(number));
    assert_eq!(register(1).0, 200);
    std::fs::rename(&held, &elsewhere).expect("moved");
    let refused = register(2);
    assert_eq!(refused.0, 503, "{}", refused.1);
    assert!(refused.1.contains("was removed, moved or replaced"), "{}", refused.1);
    assert_eq!(gateway.get("/_sim/readyz").0, 503);
    // Another file of that name is not the one that is held.
    std::fs::create_dir(&held).expect("made");
    std::fs::copy(elsewhere.join("state.redb"), held.join("state.redb")).expect("copied");
    assert_eq!(register(3).0, 503);
    std::fs::remove_dir_all(&held).expect("removed");
    std::fs::rename(&elsewhere, &held).expect("put back");
    assert_eq!(register(4).0, 200);
    assert_eq!(gateway.get("/_sim/readyz").0, 200);
    gateway.until_logged("the state cannot be written to");
    kill(gateway);
    let gateway = start(&held, &[]);
    let find = |number: usize| gateway.get(&format!("/_sim/v1/orders/C0000143/T{number}")).0;
    // Nothing is missing of what was refused, either: it stayed in memory, and was written later.
    assert_eq!((1..=4).map(find).collect::<Vec<_>>(), [200; 4]);
    gateway.stop();
}

#[test]
fn a_disk_that_is_full_is_told_loudly_under_second_and_work_goes_on() {
    let dir = tempfile::tempdir().expect("a directory");
    let gateway = start_on_a_small_disk(dir.path(), "second");
    for number in 0..2_000 {
        assert_eq!(gateway.post("/pg/order/register", &order(number)).0, 200);
    }
    gateway.until_logged("the state cannot be written to");
    let (status, body) = gateway.get("/_sim/readyz");
    assert_eq!(status, 503, "{body}");
    assert!(body.contains("/_sim/problems/not-written"), "{body}");
    // The end is no good one, since acknowledged orders are lost with it.
    let ended = gateway.stop();
    assert_eq!(ended.code, Some(1), "{ended:?}");
    let told = ended.err.lines().last().unwrap_or_default();
    let begin = format!("error: the state in {} is not complete: ", dir.path().display());
    assert!(told.starts_with(&begin), "{}", ended.err);
    // Where the disk was full before the first round was over, nothing is whole.
    let (_, rest) = told.split_once(". What was changed ").expect(told);
    let since = rest.strip_suffix(" is lost").expect(told);
    assert!(since == "since the start" || since.starts_with("after 20"), "{told}");
    // With room again it is as before a crash, and its end a good one.
    assert_eq!(start(dir.path(), &[]).stop().code, Some(0));
}

#[test]
fn a_thread_that_fails_at_the_end_of_the_state_makes_no_good_end() {
    let dir = tempfile::tempdir().expect("a directory");
    let gateway = start_on_a_small_disk(dir.path(), "second");
    let is_written = || gateway.get("/_sim/readyz").0 == 200;
    let mut number = 0;
    while is_written() {
        assert_eq!(gateway.post("/pg/order/register", &order(number)).0, 200);
        number += 1;
        assert!(number < 5_000, "the disk is never full");
    }
    let file = std::fs::OpenOptions::new().write(true).open(dir.path().join("state.redb"));
    file.expect("there").set_len(4096).expect("cut off");
    let ended = gateway.stop();
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.err.contains("is not complete: "), "{}", ended.err);
}

#[test]
fn the_first_seed_stays_and_is_told() {
    let dir = tempfile::tempdir().expect("a directory");
    start(dir.path(), &[]).stop();
    let shown = dir.path().to_str().expect("UTF-8");
    let gateway = Gateway::start(&["--state", shown, "--seed", "43"]);
    let ended = gateway.stop();
    assert!(ended.out.contains("seed 42"), "{}", ended.out);
    assert!(ended.err.contains("began with seed 42, which stays"), "{}", ended.err);
}

#[test]
fn a_state_of_another_profile_is_refused_and_kept() {
    let dir = tempfile::tempdir().expect("a directory");
    start(dir.path(), &[]).stop();
    let profile =
        crate::binary::profile_with("profile.toml", &[("name = \"pgtest\"", "name = \"other\"")]);
    let args = ["serve", "--port", "0", "--state", dir.path().to_str().expect("UTF-8")];
    let mut command = payon_sim(&args);
    command.args(["--profile", profile.path().to_str().expect("UTF-8")]);
    let ended = crate::binary::events(command, b"");
    assert_eq!(ended.code, Some(2), "{ended:?}");
    let told = "was kept with the profile \"pgtest\", and the server plays \"other\"";
    assert!(ended.err.contains(told), "{}", ended.err);
    assert_eq!(names(&dir), ["lock", "state.redb"]);
}

#[tokio::test]
async fn a_state_goes_on_with_another_edition_of_its_profile() {
    let dir = tempfile::tempdir().expect("a directory");
    let gateway = start(dir.path(), &[]);
    space(&gateway, "shop").await.register("kept", json!({})).await;
    gateway.stop();
    let profile = crate::binary::profile_with(
        "profile.toml",
        &[("otp_tries = { value = 3", "otp_tries = { value = 4")],
    );
    let profile = ["--profile", profile.path().to_str().expect("UTF-8")];
    let gateway = start(dir.path(), &profile);
    assert_eq!(space(&gateway, "shop").await.order("kept").await["state"], "registered");
    let told = gateway.stop().err;
    assert!(told.contains("was kept with another edition of the profile"), "{told}");
    let told = start(dir.path(), &profile).stop().err;
    assert_eq!(told, "", "said once, since it is kept with this one now");
}

/// A file that payon-sim 0.1.0 wrote, of version 1 of the format: its length, and all of it that is not zero, as offset
/// and Base64.
const VERSION_1: &str = include_str!("state/version-1.txt");
/// Its space "shop", as that version showed it.
const SPACE_OF_VERSION_1: &str = include_str!("state/version-1.json");

fn bytes_of(fixture: &str) -> Vec<u8> {
    let (length, runs) = fixture.split_once('\n').expect("a length");
    let mut bytes = vec![0; length.parse().expect("a number")];
    for run in runs.lines() {
        let (offset, text) = run.split_once(' ').expect("an offset");
        let offset: usize = offset.parse().expect("a number");
        let run = STANDARD.decode(text).expect("Base64");
        bytes[offset..offset + run.len()].copy_from_slice(&run);
    }
    bytes
}

/// Names a member of `known` that is not in `found`, or otherwise there. Later versions may show more.
fn missing(known: &Value, found: &Value, at: &str) -> Option<String> {
    match (known, found) {
        (Value::Object(known), Value::Object(_)) => known
            .iter()
            .find_map(|(name, known)| missing(known, &found[name], &format!("{at}/{name}"))),
        (Value::Array(known), Value::Array(all)) if known.len() == all.len() => {
            let mut pairs = known.iter().zip(all).enumerate();
            pairs
                .find_map(|(place, (known, found))| missing(known, found, &format!("{at}/{place}")))
        }
        _ => (known != found).then(|| format!("{at}: {known} was {found}")),
    }
}

#[tokio::test]
async fn a_state_of_version_1_is_read() {
    let dir = tempfile::tempdir().expect("a directory");
    fs::write(dir.path().join("state.redb"), bytes_of(VERSION_1)).expect("written");
    let gateway = start(dir.path(), &[]);
    assert_eq!(listed(&gateway), [("default".to_owned(), 42), ("shop".to_owned(), 7)]);
    let shop = space(&gateway, "shop").await;
    let known: Value = serde_json::from_str(SPACE_OF_VERSION_1).expect("JSON");
    assert_eq!(missing(&known, &whole(&shop).await, ""), None);
    shop.control_post("snapshots/one/restore", &json!({})).await.expect(200);
    assert_eq!(shop.order("back").await["refunded"], "0.40");
    gateway.stop();
}
