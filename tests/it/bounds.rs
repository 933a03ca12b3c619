//! Bounds of what a caller can make more of, each driven past. `docs/bounds.md` lists them.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use payon_sim::base::{Amount, Currency, Millis, Operation, PaymentMethod, Reason, Seed};
use payon_sim::ledger::{
    Binding, BindingId, CardRow, Client, Command, Instrument, InstrumentKind, Ledger, NewBinding,
    NewOrder, OrderBudget, OrderKind, Target,
};
use payon_sim::profile::Profile;
use payon_sim::space::{Budgets, IfExists, JournalBudget, NewMerchant, SpaceError, Spaces};
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::binary::{Gateway, run};
use crate::direct::Direct;
use crate::ledger_rules::rules;
use crate::programs::file;
use crate::support::{Raw, Setup, Sim, SpaceHandle};

const NOW: Millis = Millis(1_772_420_400_000);

async fn space_with(budgets: Budgets) -> (Sim, SpaceHandle) {
    let sim = Sim::with(Setup { budgets, ..Setup::default() }).await;
    let space = sim.space("bounded").await;
    (sim, space)
}

#[tokio::test]
async fn past_the_bound_of_open_orders_registration_says_so() {
    let (_sim, space) = space_with(Budgets { open_orders: 3, ..Budgets::default() }).await;
    for tx_id in ["1", "2", "3"] {
        space.register(tx_id, json!({})).await;
    }
    let order = json!({
        "txId": "4", "trt": "10", "currency": "USD", "amount": "1.00", "paymentMethod": "CREDIT_DEBIT",
    });
    let refused = space.call(Operation::Register, &order).await;
    assert_eq!((refused.status, &refused.json()["resultCode"]), (503, &json!("9003")));
    let journal = space.control_get("journal").await.expect(200);
    let last = journal["entries"].as_array().and_then(|all| all.last()).expect("an entry");
    assert_eq!(last["reason"], "simulator.full", "{last}");
    assert!(last["detail"].as_str().is_some_and(|it| it.contains("docs/bounds.md")), "{last}");
    // The identical request again is no new order, and a closed one makes room.
    space.register("3", json!({})).await;
    space.pay("1", json!({})).await.expect(200);
    space.register("4", json!({})).await;
    assert_eq!(space.call(Operation::Register, &order).await.status, 200, "it is there now");
}

/// Pays orders whose push-backs nobody takes.
async fn pay_in_vain(space: &SpaceHandle, count: usize) {
    for tx_id in 0..count {
        let members = json!({ "noti_url": "http://127.0.0.1:1/dead" });
        space.register(&tx_id.to_string(), members).await;
        space.pay(&tx_id.to_string(), json!({})).await.expect(200);
    }
}

#[tokio::test]
async fn push_backs_that_nobody_takes_have_a_bound() {
    let (_sim, space) = space_with(Budgets { deliveries: 3, ..Budgets::default() }).await;
    pay_in_vain(&space, 35).await;
    let page = space.control_get("pushbacks?limit=1000").await.expect(200);
    let ids: Vec<_> = page["pushbacks"].as_array().expect("push-backs").iter().collect();
    let ids: Vec<_> = ids.iter().map(|it| it["id"].as_u64().expect("a number")).collect();
    assert!(ids.iter().copied().eq(6..=35), "{ids:?}");
    assert_eq!(page["dropped"], 5);
    // Nothing is due that is not there any more.
    space.run_until_idle().await;
    let page = space.control_get("pushbacks?limit=1000&after=34").await.expect(200);
    assert_eq!(page["pushbacks"][0]["state"], "exhausted", "{page}");
}

#[tokio::test]
async fn a_push_back_is_sent_again_only_so_often() {
    let (_sim, space) = space_with(Budgets::default()).await;
    pay_in_vain(&space, 1).await;
    let refused = loop {
        let resent = space.control_post("pushbacks/1/resend", &json!({})).await;
        match resent.status {
            // Under way just now.
            200 | 202 | 409 => {}
            _ => break resent,
        }
    };
    assert_eq!(refused.problem(), (429, "too-many".to_owned()), "{}", refused.text());
    let page = space.control_get("pushbacks").await.expect(200);
    assert_eq!(page["pushbacks"][0]["attempts"].as_array().map(Vec::len), Some(100));
}

#[test]
fn an_order_is_refunded_only_so_often() {
    let mut ledger = Ledger::new(rules(), OrderBudget { kept: 10, open: 10 });
    let new = NewOrder {
        merchant: "M1",
        terminal: "T1",
        tx_id: "A",
        kind: OrderKind::Purchase,
        method: PaymentMethod::CreditDebit,
        currency: Currency::Usd,
        amount: Amount::from_minor(1_000_000),
        details: None,
        context: None,
    };
    ledger.register(NOW, 1, new).expect("registered");
    let target = Target::Named { merchant: "M1", tx_id: "A" };
    let instrument = Instrument { kind: InstrumentKind::Card, account: "************0022".into() };
    let pay = Command::Approve { number: 1, instrument, late: false };
    let paid = ledger.decide(NOW, target, pay).expect("payable");
    ledger.apply(paid, 2);
    let mut refunds = 0;
    let refused = loop {
        let cent = Command::Refund { amount: Some(Amount::from_minor(1)), approval: None };
        match ledger.decide(NOW, target, cent) {
            Ok(event) => ledger.apply(event, 3),
            Err(reason) => break reason,
        };
        refunds += 1;
    };
    assert_eq!((refused, refunds), (Reason::SimulatorFull, 998));
}

/// Saves a card for a client.
fn bind(ledger: &mut Ledger, client: u32, card: u32) -> Result<&Binding, Reason> {
    let name = client.to_string();
    let new = NewBinding {
        client: Client { merchant: "M1", client: &name },
        terminal: "T1",
        card: CardRow(card),
        method: PaymentMethod::CreditDebit,
        expiry: None,
        holder: None,
        phone: None,
        email: None,
        passcode: None,
    };
    let mut id = [0; 16];
    id[8..12].copy_from_slice(&client.to_be_bytes());
    id[12..].copy_from_slice(&card.to_be_bytes());
    ledger.bind(NOW, new, |_| BindingId::from_bytes(id))
}

#[test]
fn saved_cards_and_clients_have_a_bound() {
    let mut ledger = Ledger::new(rules(), OrderBudget { kept: 10, open: 10 });
    for client in 0..100_000 {
        bind(&mut ledger, client, 1).expect("there is room");
    }
    for (client, card) in [(0, 2), (100_000, 1)] {
        assert_eq!(bind(&mut ledger, client, card).err(), Some(Reason::SimulatorFull));
    }
    bind(&mut ledger, 5, 1).expect("in place of the same card");
}

#[tokio::test]
async fn a_journal_keeps_to_its_bytes() {
    let journal = JournalBudget { entries: usize::MAX, bytes: 20_000 };
    let (_sim, space) = space_with(Budgets { journal, ..Budgets::default() }).await;
    for tx_id in 0..100 {
        space.register(&tx_id.to_string(), json!({})).await;
    }
    let page = space.control_get("journal?limit=1000").await.expect(200);
    let kept = page["entries"].as_array().expect("entries");
    assert_eq!(page["dropped"], 100 - kept.len());
    let bytes: usize = kept.iter().map(|it| it["request"].to_string().len()).sum();
    assert!(!kept.is_empty() && bytes < 20_000, "{} entries, {bytes} bytes", kept.len());
}

#[test]
fn the_event_log_has_a_bound() {
    let direct = Direct::new();
    for tx_id in 0..9_000 {
        direct.register(&tx_id.to_string(), "CREDIT_DEBIT", "");
    }
    let page = direct.space().event_page(0, usize::MAX);
    assert_eq!(page.list.len(), 1 << 14);
    assert_eq!(page.first + (1 << 14), 18_001, "each registration is an order and a request");
}

#[tokio::test]
async fn rules_have_a_bound() {
    let (_sim, space) = space_with(Budgets::default()).await;
    let rule = json!({ "when": { "operation": "refund" }, "then": [{ "latency": "1s" }] });
    let many = Value::from(vec![rule.clone(); 500]);
    for _ in 0..2 {
        let armed = space.control_post("rules", &many).await;
        assert!(matches!(armed.status, 200 | 201), "{}", armed.status);
    }
    let refused = space.control_post("rules", &json!([rule])).await;
    assert_eq!(refused.problem(), (429, "too-many".to_owned()));
    space.control_send("PUT", "rules", &json!([rule]).to_string()).await.expect(200);
}

#[test]
fn merchants_of_a_space_have_a_bound() {
    let (spaces, _bell) = Spaces::new(Profile::builtin(), Seed(1), Budgets::default());
    let (space, _) = spaces.create(Some("full"), None, &[], IfExists::Refuse).expect("a space");
    let add = |number: usize| {
        let merchant_id = Some(format!("M{number}"));
        spaces.add_merchant(&space, &NewMerchant { merchant_id, ..NewMerchant::default() })
    };
    let error = (0..).find_map(|number| add(number).err()).expect("one too many");
    assert!(matches!(error, SpaceError::FullOfMerchants), "{error}");
    assert_eq!(space.merchants().len(), 1000);
    let wishes = vec![NewMerchant::default(); 65];
    let error = spaces.create(Some("other"), None, &wishes, IfExists::Refuse).err();
    assert!(matches!(error, Some(SpaceError::TooManyMerchants)), "{error:?}");
}

#[test]
fn spaces_have_a_bound() {
    let (spaces, _bell) = Spaces::new(Profile::builtin(), Seed(1), Budgets::default());
    let make = || spaces.create(None, None, &[], IfExists::Refuse);
    let error = std::iter::from_fn(|| Some(make())).find_map(Result::err).expect("one too many");
    assert!(matches!(error, SpaceError::TooManySpaces), "{error}");
    assert_eq!(spaces.len(), 10_000);
    let one = spaces.all().into_iter().find(|space| space.name() != "default").expect("a space");
    spaces.remove(one.name()).expect("removed");
    make().expect("there is room again");
}

#[test]
fn memory_stays_where_it_is_once_the_bounds_are_reached() {
    let bounds = ["--max-open-orders", "500", "--max-orders", "500", "--journal-bytes", "200000"];
    let gateway = Gateway::start(&[&bounds[..], &["--workers", "1", "--log", "error"]].concat());
    let register = |number: usize| {
        let order = json!({
            "merchantId": "C0000143", "termId": "CT03000003", "txId": format!("T{number}"), "trt": "10",
            "currency": "USD", "amount": "1.00", "paymentMethod": "CREDIT_DEBIT",
            "success_url": format!("http://shop.test/{}", "x".repeat(1900)),
        });
        gateway.post("/pg/order/register", &order.to_string()).0
    };
    // Orders and journal are full after this.
    let taken = (0..4_000).filter(|number| register(*number) == 200).count();
    assert_eq!(taken, 500);
    let full = gateway.resident_kb();
    assert!((4_000..8_000).all(|number| register(number) == 503));
    let after = gateway.resident_kb();
    println!("{full} kB when full, {after} kB after as many again");
    assert!(after < full + full / 10, "{full} kB when full, {after} kB after as many again");
    gateway.stop();
}

/// Cells of the rows of the page's table.
fn rows(page: &str) -> Vec<Vec<&str>> {
    let rows = page.lines().filter(|line| line.starts_with("| ")).skip(2);
    rows.map(|row| row.trim_matches('|').split('|').map(str::trim).collect()).collect()
}

#[test]
fn the_page_of_bounds_names_flags_defaults_and_tests_that_exist() {
    let page = fs::read_to_string(file("docs/bounds.md")).expect("the page");
    let help = run(&["serve", "--help"]).out;
    let mut tests = String::new();
    let mut folders = vec![file("tests/it"), file("src")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("listed").map(|entry| entry.expect("read").path())
        {
            if entry.is_dir() {
                folders.push(entry);
            } else if entry.extension().is_some_and(|it| it == "rs") {
                tests += &fs::read_to_string(Path::new(&entry)).expect("read");
            }
        }
    }
    let rows = rows(&page);
    let flags = rows.iter().filter(|row| row[1].starts_with("`--")).count();
    assert!(rows.len() > 20 && flags == 5, "{} rows, {flags} flags", rows.len());
    let mut seen = BTreeSet::new();
    for row in rows {
        let [of, flag, default, _, test] = row[..] else { panic!("{row:?}") };
        let test = test.trim_matches('`');
        assert!(tests.contains(&format!("fn {test}(")), "{of}: there is no test {test}");
        assert!(seen.insert(test) || flag == "none", "{of}: {test} stands for another one");
        if let Some(flag) = flag.strip_prefix("`--") {
            let flag = format!("--{} ", flag.trim_matches('`'));
            let (_, about) = help.split_once(&flag).unwrap_or_else(|| panic!("no {flag}"));
            let (_, shown) = about.split_once("[default: ").expect("a default");
            let (shown, _) = shown.split_once(']').expect("its end");
            assert_eq!(shown, default.replace(',', ""), "{of}");
        }
    }
}

#[tokio::test]
async fn one_call_holds_only_so_much() {
    let (sim, space) = space_with(Budgets::default()).await;
    let order = |more: Value| {
        let mut order = json!({
            "txId": "1", "trt": "10", "currency": "USD", "amount": "1.00", "paymentMethod": "CREDIT_DEBIT",
        });
        order.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        order
    };
    // Members: beside those above and the merchant's two.
    let members = |count: usize| {
        let names = (0..count).map(|number| (format!("x{number}"), json!("")));
        order(Value::Object(names.collect()))
    };
    let most = space.call(Operation::Register, &members(256 - 7)).await;
    assert_eq!(most.expect(200)["resultCode"], "0000");
    let refused = space.call(Operation::Register, &members(257 - 7)).await.json();
    assert_eq!(refused["resultCode"], "1001");
    assert!(refused["resultMsg"].as_str().unwrap().contains("more than 256 members"), "{refused}");
    // Levels: of a call of PAYON's what lies deep is passed over without going down.
    let nested = |depth: usize| format!("{}1{}", "[".repeat(depth), "]".repeat(depth));
    let body = space.merchant().body(&order(json!({ "txId": "2" }))).to_string();
    let deep = format!(r#"{},"deep":{}}}"#, body.strip_suffix('}').unwrap(), nested(100_000));
    let url = format!("{}/pg/order/register", space.base_url);
    assert_eq!(sim.client.send("POST", &url, deep).await.expect(200)["resultCode"], "0000");
    // A call of the control plane is read as deep as it goes.
    let url = format!("{}/_sim/v1/rules", space.base_url);
    let rules = format!(r#"[{{"when":{}}}]"#, nested(100_000));
    let refused = sim.client.send("PUT", &url, rules).await;
    assert_eq!(refused.problem(), (400, "unreadable".to_owned()));
    // Whole documents have bounds of their own; they are refused by their length, before they are sent.
    for (path, bytes) in [("snapshots/one", 64 << 20), ("spaces/one", 256 << 20)] {
        let head = format!(
            "PUT /_sim/v1/{path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
            bytes + 1
        );
        let mut stream =
            TcpStream::connect(sim.url.strip_prefix("http://").unwrap()).await.unwrap();
        stream.write_all(head.as_bytes()).await.unwrap();
        let answer = Raw(stream).head().await;
        assert!(answer.starts_with("http/1.1 413 "), "{path}: {answer}");
    }
    // Expectations that are judged.
    let expect =
        |count: usize| json!({ "expect": vec![json!({ "ledger": { "captured": "0" } }); count] });
    let judged = space.control_send("POST", "verify", &expect(1_000).to_string()).await;
    assert_eq!(judged.expect(200)["results"].as_array().map(Vec::len), Some(1_000));
    let refused = space.control_send("POST", "verify", &expect(1_001).to_string()).await;
    assert_eq!(refused.problem(), (429, "too-many".to_owned()));
}
