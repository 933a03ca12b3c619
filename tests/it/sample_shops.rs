//! The sample shops of tests/shops, in four languages: each takes orders through payment, push-back, refund and its own
//! death, and what it believes is held against the gateway's books.

use std::net::TcpListener;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};

use crate::binary::has_tool;
use crate::programs::{file, installed, run};
use crate::support::{Client, Sim, SpaceHandle, soon};

/// Simulated seconds in a real one: the pauses of a shop shrink, and a slow machine is still quick enough for its limits.
/// It makes no pause a whole number of milliseconds.
const SCALE: u32 = 7;
/// How long the compiler of Java may take.
const COMPILES_WITHIN: Duration = Duration::from_secs(120);
/// The pause between two looks at a shop, which gives no notice of what it believes.
const LOOK_EVERY: Duration = Duration::from_millis(10);

#[tokio::test]
async fn a_shop_in_node() {
    if has_tool("node") {
        trade("node", &["node", "shop.mjs"]).await;
    }
}

#[tokio::test]
async fn a_shop_in_python() {
    if let Some(python) = installed("python") {
        trade("python", &[&python.to_string_lossy(), "shop.py"]).await;
    }
}

#[tokio::test]
async fn a_shop_in_php() {
    if has_tool("php") {
        trade("php", &["php", "shop.php"]).await;
    }
}

#[tokio::test]
async fn a_shop_in_java() {
    if has_tool("java") {
        let script = file("tests/shops/java/run.sh");
        run(Command::new("sh").arg(script).arg("compile"), COMPILES_WITHIN).await;
        trade("java", &["sh", "run.sh"]).await;
    }
}

/// Everything that is asked of a shop in one language, in a space each.
async fn trade(language: &str, command: &[&str]) {
    let sim = Sim::start().await;
    tokio::join!(
        pays_and_gives_back(&sim, language, command),
        dies_and_goes_on(&sim, language, command),
        believes_only_the_gateway(&sim, language, command),
    );
}

async fn pays_and_gives_back(sim: &Sim, language: &str, command: &[&str]) {
    let shop = SampleShop::open(sim, &format!("{language}-pays"), command).await;
    let order = shop.order(json!({ "amount": "10.00" })).await;
    shop.space.pay(&order.tx_id, json!({})).await.expect(200);
    shop.settles(&order, "PAID", "0.00").await;
    let part = shop.post(&order, "refund", json!({ "amount": "4.00" })).await.expect(200);
    assert_eq!(part["refunded"], "4.00", "{part}");
    let above = shop.post(&order, "refund", json!({ "amount": "7.00" })).await;
    assert_eq!(above.status, 409, "more than is left: {}", above.text());
    let rest = shop.post(&order, "refund", json!({})).await.expect(200);
    assert_eq!((&rest["state"], &rest["refunded"]), (&json!("REFUNDED"), &json!("10.00")));
    assert_eq!(rest["shippedCount"], 1);
    shop.books_agree(&order, "refunded", "10.00", "10.00").await;

    let held = shop.order(json!({ "amount": "10.00", "trt": "12" })).await;
    shop.space.pay(&held.tx_id, json!({})).await.expect(200);
    shop.settles(&held, "HELD", "0.00").await;
    let captured = shop.post(&held, "capture", json!({ "amount": "8.00" })).await.expect(200);
    assert_eq!((&captured["state"], &captured["shippedCount"]), (&json!("PAID"), &json!(1)));
    shop.post(&held, "capture", json!({})).await.expect(200);
    shop.books_agree(&held, "captured", "8.00", "0.00").await;

    let riel = json!({ "amount": "4000", "currency": "KHR", "method": "BAKONG_KHQR" });
    let riel = shop.order(riel).await;
    shop.space.pay(&riel.tx_id, json!({})).await.expect(200);
    shop.settles(&riel, "PAID", "0").await;
    shop.books_agree(&riel, "captured", "4000", "0").await;
}

async fn dies_and_goes_on(sim: &Sim, language: &str, command: &[&str]) {
    let mut shop = SampleShop::open(sim, &format!("{language}-dies"), command).await;
    let order = shop.order(json!({ "amount": "10.00" })).await;
    shop.kill().await;
    shop.space.pay(&order.tx_id, json!({})).await.expect(200);
    shop.start().await;
    shop.settles(&order, "PAID", "0.00").await;

    // The refund is booked, its answer hangs, and the shop dies before it gives up.
    shop.space
        .arm_one(
            json!({ "operation": "refund" }),
            json!([{ "commit": "before" }, { "transport": "hang" }]),
        )
        .await;
    let refund = shop.post(&order, "refund", json!({ "amount": "4.00" }));
    tokio::select! {
        _ = shop.space.wait("request&operation=refund") => {}
        answer = refund => panic!("nobody has answered: {}", answer.text()),
    }
    shop.kill().await;
    shop.start().await;
    shop.settles(&order, "PAID", "4.00").await;
    shop.books_agree(&order, "partlyRefunded", "10.00", "4.00").await;
    let asked = shop.space.control_get("journal?operation=refund").await.expect(200);
    assert_eq!(asked["entries"].as_array().map(Vec::len), Some(1), "it asked instead: {asked}");
}

async fn believes_only_the_gateway(sim: &Sim, language: &str, command: &[&str]) {
    let shop = SampleShop::open(sim, &format!("{language}-doubts"), command).await;
    let order = shop.order(json!({ "amount": "10.00" })).await;
    let forged = json!({ "txId": order.tx_id, "resultCode": "0000", "resultMsg": "Success" });
    let told = shop.client.post(&format!("{}/noti", shop.url), &forged).await.expect(200);
    assert_eq!(told["resultCode"], "0000", "acknowledged with a code");
    let back = format!("{}/return/success/{}?resultCode=0000", shop.url, order.id);
    assert_eq!(shop.client.get(&back).await.status, 200);
    for (body, status) in [("no JSON", 400), ("{}", 400), (r#"{"txId":"another"}"#, 404)] {
        let answer = shop.client.send("POST", &format!("{}/noti", shop.url), body).await;
        assert_eq!(answer.status, status, "{body}: {}", answer.text());
    }
    let unpaid = shop.post(&order, "check", json!({})).await.expect(200);
    assert_eq!((&unpaid["state"], &unpaid["shippedCount"]), (&json!("WAITING"), &json!(0)));
    shop.space.pay(&order.tx_id, json!({ "outcome": "card.do-not-honour" })).await.expect(200);
    shop.settles(&order, "FAILED", "0.00").await;

    // What is taken back behind its back is found when the books are compared.
    let order = shop.order(json!({ "amount": "10.00" })).await;
    shop.space.pay(&order.tx_id, json!({})).await.expect(200);
    shop.settles(&order, "PAID", "0.00").await;
    shop.space
        .arm_one(json!({ "operation": "trigger" }), json!([{ "pushback": { "drop": true } }]))
        .await;
    shop.space.trigger(&order.tx_id, "late-decline").await.expect(200);
    shop.client.post(&format!("{}/reconcile", shop.url), &json!({})).await.expect(200);
    shop.settles(&order, "DISPUTED", "0.00").await;
}

/// A shop in a process of its own, and the space in which it trades.
struct SampleShop {
    space: SpaceHandle,
    client: Client,
    url: String,
    port: u16,
    directory: PathBuf,
    command: Vec<String>,
    books: TempDir,
    process: Option<Child>,
}

/// An order, by the shop's number and by the gateway's.
struct ShopOrder {
    id: String,
    tx_id: String,
}

impl SampleShop {
    /// Opens the shop of a folder of tests/shops.
    async fn open(sim: &Sim, name: &str, command: &[&str]) -> Self {
        let space = sim.make_space(&json!({ "name": name, "merchants": 1 })).await;
        space.control_post("clock", &json!({ "scale": SCALE })).await.expect(200);
        let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let language = name.split('-').next().unwrap();
        let mut shop = Self {
            space,
            client: Client::new(),
            url: format!("http://{free}"),
            port: free.port(),
            directory: file("tests/shops").join(language),
            command: command.iter().map(ToString::to_string).collect(),
            books: TempDir::new().unwrap(),
            process: None,
        };
        shop.start().await;
        shop
    }

    /// Starts the process, and waits until it says that it is open.
    async fn start(&mut self) {
        let merchant = &self.space.made["merchants"][0];
        let mut process = Command::new(&self.command[0])
            .args(&self.command[1..])
            .current_dir(&self.directory)
            .env("PAYON_URL", &self.space.base_url)
            .env("MERCHANT_ID", merchant["merchantId"].as_str().unwrap())
            .env("TERM_ID", merchant["termId"].as_str().unwrap())
            .env("PRIVATE_KEY", merchant["privateKey"].as_str().unwrap())
            .env("PORT", self.port.to_string())
            .env("BOOKS", self.books.path().join("books.jsonl"))
            .env("TIME_SCALE", SCALE.to_string())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut said = BufReader::new(process.stdout.take().unwrap()).lines();
        let line = soon("the shop to open", said.next_line()).await.unwrap();
        assert_eq!(line, Some(format!("the shop is open at {}", self.url)));
        self.process = Some(process);
    }

    /// Ends the process at once, with all that it has started.
    async fn kill(&mut self) {
        let mut process = self.process.take().unwrap();
        let group = Pid::from_raw(i32::try_from(process.id().unwrap()).unwrap()).unwrap();
        kill_process_group(group, Signal::KILL).unwrap();
        process.wait().await.unwrap();
    }

    async fn order(&self, wish: Value) -> ShopOrder {
        let made = self.client.post(&format!("{}/orders", self.url), &wish).await.expect(201);
        assert_eq!(made["state"], "WAITING", "{made}");
        assert!(made["checkoutUrl"].as_str().is_some_and(|url| url.starts_with("http")), "{made}");
        let text = |name: &str| made[name].as_str().unwrap().to_owned();
        ShopOrder { id: text("id"), tx_id: text("txId") }
    }

    async fn post(&self, order: &ShopOrder, what: &str, body: Value) -> crate::support::Answer {
        self.client.post(&format!("{}/orders/{}/{what}", self.url, order.id), &body).await
    }

    /// Waits until the shop believes this of an order by itself. What is paid and not merely held has been shipped once.
    async fn settles(&self, order: &ShopOrder, state: &str, refunded: &str) {
        let url = format!("{}/orders/{}", self.url, order.id);
        let believes = async {
            loop {
                let order = self.client.get(&url).await.expect(200);
                if order["state"] == state && order["refunded"] == refunded {
                    return order;
                }
                tokio::time::sleep(LOOK_EVERY).await;
            }
        };
        let order = soon(&format!("an order that is {state}"), believes).await;
        let shipped = i32::from(matches!(state, "PAID" | "DISPUTED"));
        assert_eq!(order["shippedCount"], shipped, "{order}");
    }

    async fn books_agree(&self, order: &ShopOrder, state: &str, captured: &str, refunded: &str) {
        let booked = self.space.order(&order.tx_id).await;
        let told = ["state", "captured", "refunded"].map(|name| booked[name].as_str().unwrap());
        assert_eq!(told, [state, captured, refunded]);
    }
}

impl Drop for SampleShop {
    fn drop(&mut self) {
        let group = self.process.as_ref().and_then(Child::id);
        if let Some(group) = group.and_then(|id| Pid::from_raw(i32::try_from(id).ok()?)) {
            // It may have ended by itself meanwhile.
            let _ = kill_process_group(group, Signal::KILL);
        }
    }
}
