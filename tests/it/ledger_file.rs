//! A ledger as a file: what was written comes back, and what no ledger can have written is refused.

use std::collections::BTreeMap;

use payon_sim::base::{Amount, Currency, Millis, PaymentMethod, RecordChanges, RecordKind};
use payon_sim::ledger::{
    BindingId, CardRow, Client, Command, Details, Digest, Instrument, InstrumentKind, Ledger,
    LedgerFile, LedgerRecords, NewBinding, NewOrder, OrderBudget, OrderId, OrderKind, Progress,
    Target,
};
use serde_json::{Value, json};

use crate::ledger_rules::rules;

const NOW: Millis = Millis(1_772_420_400_000);
/// Two orders are in it, and no third may be.
const BUDGET: OrderBudget = OrderBudget { kept: 2, open: 2 };
/// The number from which on promised ids count.
const PROMISES: u64 = 1 << 63;
const CLIENT: Client<'static> = Client { merchant: "M1", client: "anna" };
const BEN: Client<'static> = Client { merchant: "M1", client: "ben" };

fn new_order(tx_id: &str) -> NewOrder<'_> {
    let link = Some("https://shop.example/back".into());
    NewOrder {
        merchant: "M1",
        terminal: "T1",
        tx_id,
        kind: OrderKind::Purchase,
        method: PaymentMethod::CreditDebit,
        currency: Currency::Usd,
        amount: Amount::from_minor(1000),
        details: Details { success_url: link, ..Details::default() }.kept(),
        context: None,
    }
}

fn register(ledger: &mut Ledger, tx_id: &str) {
    ledger.register(NOW, 1, new_order(tx_id)).unwrap();
}

/// Saves the card of a row under an id that this number makes.
fn bind(ledger: &mut Ledger, client: Client<'_>, card: u32, number: u8) {
    let new = NewBinding {
        client,
        terminal: "T1",
        card: CardRow(card),
        method: PaymentMethod::CreditDebit,
        expiry: None,
        holder: None,
        phone: None,
        email: None,
        passcode: Some(Digest([7; 32])),
    };
    ledger.bind(NOW, new, |_| BindingId::from_bytes([number; 16])).unwrap();
}

/// The order `paid`, of which a part was refunded; `open`, which was promised before it was booked; and two saved cards.
fn ledger() -> Ledger {
    let mut ledger = Ledger::new(rules(), BUDGET);
    register(&mut ledger, "paid");
    let instrument = Instrument { kind: InstrumentKind::Card, account: "************0022".into() };
    let approve = Command::Approve { number: 123_456, instrument, late: false };
    let refund = Command::Refund { amount: Some(Amount::from_minor(400)), approval: None };
    for command in [approve, refund] {
        let paid = Target::Named { merchant: "M1", tx_id: "paid" };
        let event = ledger.decide(NOW, paid, command).unwrap();
        ledger.apply(event, 2).unwrap();
    }
    let mut open = ledger.make(NOW, 3, new_order("open"));
    open.id = ledger.promise();
    ledger.insert_made(open).unwrap();
    bind(&mut ledger, CLIENT, 1, 1);
    bind(&mut ledger, BEN, 1, 2);
    ledger
}

fn written(ledger: &Ledger) -> Value {
    serde_json::to_value(ledger.to_file()).unwrap()
}

/// Puts a value where `pointer` leads, also into a member that is not there yet.
fn put(file: &mut Value, pointer: &str, value: Value) {
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    match file.pointer_mut(parent).unwrap() {
        Value::Object(members) => drop(members.insert(name.to_owned(), value)),
        Value::Array(items) => match items.get_mut(name.parse::<usize>().unwrap()) {
            Some(item) => *item = value,
            None => items.push(value),
        },
        other => panic!("{pointer}: {other} holds nothing"),
    }
}

fn read(file: Value) -> Result<Ledger, String> {
    let file: LedgerFile = serde_json::from_value(file).map_err(|error| error.to_string())?;
    Ledger::from_file(file, rules(), BUDGET)
}

/// The whole file, changed in these places.
fn changed(places: &[(&str, Value)]) -> Value {
    let mut file = written(&ledger());
    for (pointer, value) in places {
        put(&mut file, pointer, value.clone());
    }
    file
}

#[test]
fn the_limits_of_each_number_are_taken_and_come_back() {
    let latest = Millis::LATEST_DUE.0;
    for places in [
        &[][..],
        &[("/orders/1/amount", json!(1))],
        &[("/orders/1/amount", json!(999_999_999_999_i64))],
        &[("/orders/1/payableUntil", json!(0))],
        &[("/orders/1/payableUntil", json!(latest))],
        &[("/orders/1/statusAsked", json!(0))],
        &[("/orders/1/statusAsked", json!(Millis::LATEST.0))],
        &[("/orders/1/stan", json!(999_999))],
        &[("/orders/0/history/2/change", json!({ "refunded": 1 }))],
        &[("/orders/0/history/2/change", json!({ "refunded": 1000 }))],
        &[("/stan", json!(999_999))],
        &[("/dayNumbers/0/1", json!(99_999_999))],
        &[("/dayNumbers/0/1", json!(99_999_999)), ("/orders/1/dayNumber", json!(99_999_999))],
        &[("/promises", json!(u64::MAX / 4))],
        &[("/first", json!(1))],
        &[("/first", json!(u64::MAX / 4))],
        &[("/promises", json!(2)), ("/promised/1", json!([PROMISES + 2, 7]))],
        &[("/promised/0", json!([PROMISES + 1, PROMISES - 1]))],
        &[("/orders/1/details/successUrl", json!("myapp://back"))],
        &[("/orders/1/details/clientId", json!("anna"))],
    ] {
        let file = changed(places);
        let ledger = read(file.clone()).unwrap_or_else(|error| panic!("{places:?}: {error}"));
        assert_eq!(written(&ledger), file, "{places:?}");
    }
}

#[test]
fn what_no_ledger_can_have_written_is_refused() {
    let (amount, time) = ("an amount is out of range", "a time is out of range");
    let (number, own) =
        ("a running number is out of range", "a running number that is not its own");
    let (id, place) = ("an id that cannot be", "out of place");
    let (fit, text) = ("do not fit", "an id in it is empty or has control characters");
    let latest = Millis::LATEST.0;
    let both = written(&ledger())["saved"]["bindings"].clone();
    let customer = written(&ledger())["saved"]["customers"][0].clone();
    let is = |pointer, value, told| (vec![(pointer, value)], told);
    for (places, told) in [
        is("/orders/1/amount", json!(0), amount),
        is("/orders/1/amount", json!(1_000_000_000_000_i64), amount),
        is("/orders/0/history/2/change", json!({ "refunded": 0 }), amount),
        is("/orders/0/history/2/change", json!({ "refunded": 1_000_000_000_000_i64 }), amount),
        is("/orders/0/history/2/change", json!({ "chargedBack": 0 }), amount),
        is("/orders/0/history/2/change", json!({ "completed": 0 }), amount),
        is("/orders/0/history/2/change", json!({ "refunded": 1001 }), "money that is not there"),
        is("/orders/0/history/2/change", json!({ "completed": 1001 }), "money that is not there"),
        is("/orders/0/history/2/change", json!("registered"), "money that is not there"),
        is("/orders/0/history/2/change", json!({ "approved": { "number": 1 } }), "a rule of money"),
        is("/orders/0/history/0/change", json!("settled"), "begin with its registration"),
        is("/orders/1/history/0/at", json!(-1), time),
        is("/orders/1/history/0/at", json!(latest + 1), time),
        is("/orders/1/history/0/at", json!(latest), own),
        is("/orders/1/statusAsked", json!(-1), time),
        is("/orders/1/statusAsked", json!(latest + 1), time),
        is("/orders/1/payableUntil", json!(-1), time),
        is("/orders/1/payableUntil", json!(Millis::LATEST_DUE.0 + 1), time),
        is("/orders/1/stan", json!(1_000_000), number),
        is("/orders/1/dayNumber", json!(100_000_000), number),
        is("/orders/1/dayNumber", json!(99_999_999), own),
        is("/orders/1/dayNumber", json!(1), own),
        is("/stan", json!(1_000_000), number),
        is("/dayNumbers/0/1", json!(100_000_000), number),
        is("/dayNumbers/0/1", json!(1), own),
        is("/dayNumbers", json!([]), own),
        is("/orders/1/party", json!(1), "belongs to no terminal"),
        is("/orders/1/txId", json!("paid"), "\"paid\" is there twice"),
        is("/orders/1/txId", json!(""), "its txId"),
        is("/orders/1/details/notiUrl", json!("ftp://h/"), "its notiUrl"),
        is("/orders/1/details/failUrl", json!("data:x"), "its failUrl"),
        is("/orders/1/details/clientId", json!(""), text),
        is("/orders/1/details/bindingId", json!("\n"), text),
        is("/orders/1/details/payDvCd", json!(""), text),
        is("/orders/1/details/buyerId", json!(""), text),
        is("/orders/1/details/sellerId", json!(""), text),
        is("/parties/0/merchantId", json!(""), "no name"),
        is("/parties/0/termId", json!("\t"), "no name"),
        is("/parties/1", json!({ "merchantId": "M1", "termId": "T1" }), "\"T1\" is there twice"),
        is("/promises", json!(u64::MAX / 4 + 1), id),
        is("/promises", json!(0), id),
        is("/first", json!(u64::MAX / 4 + 1), id),
        is("/promised/0/0", json!(PROMISES), id),
        is("/promised/0/0", json!(PROMISES + 2), id),
        is("/promised/0/0", json!(1), id),
        is("/promised/0/1", json!(PROMISES), id),
        (
            vec![
                ("/promised/1", json!([PROMISES + 1, 0])),
                ("/promised/2", json!([PROMISES + 1, 0])),
            ],
            id,
        ),
        is("/orders/0/id", json!(1), place),
        is("/orders/1/id", json!(2), place),
        (vec![("/first", json!(9)), ("/orders/1/id", json!(0))], place),
        (vec![("/first", json!(9)), ("/orders/0/id", json!(2))], place),
        is("/saved/bindings/0/id", both[1]["id"].clone(), "a saved card is there twice"),
        is("/saved/customers", json!([customer]), "nobody's"),
        is("/saved/customers/1", customer.clone(), fit),
        is("/saved/customers/0/client", json!("carl"), fit),
        is("/saved/bindings/0/merchant", json!("M2"), fit),
        is("/saved/customers/0/customer/bindings/1", both[0]["id"].clone(), fit),
    ] {
        match read(changed(&places)) {
            Ok(_) => panic!("{places:?} was taken"),
            Err(error) => assert!(error.contains(told), "{places:?}: {error}"),
        }
    }
}

#[test]
fn the_progress_of_a_payer_comes_back_while_the_order_is_open() {
    let mut ledger = ledger();
    let progress = Progress { round: 3, wrong_pins: 1, ..Progress::default() };
    let open = ledger.find(Target::Named { merchant: "M1", tx_id: "open" }).unwrap().id;
    ledger.set_progress(open, Some(progress));
    let file = written(&ledger);
    let mut both = file.clone();
    both["orders"][0]["progress"] = file["orders"][1]["progress"].clone();
    assert!(both["orders"][0]["progress"].is_object());
    for file_read in [&file, &both] {
        assert_eq!(written(&read(file_read.clone()).unwrap()), file);
    }
}

#[test]
fn a_file_keeps_to_the_budget_and_to_the_rules_of_the_profile() {
    let file = || ledger().to_file();
    let refused = |file, rules, budget| Ledger::from_file(file, rules, budget).unwrap_err();
    let smaller = OrderBudget { kept: 1, open: 1 };
    assert!(refused(file(), rules(), smaller).contains("keeps up to 1"));
    let mut to_app = rules();
    to_app.app_return_urls = false;
    assert!(Ledger::from_file(file(), to_app.clone(), BUDGET).is_ok());
    let app = changed(&[("/orders/1/details/successUrl", json!("myapp://back"))]);
    let app = serde_json::from_value(app).unwrap();
    assert!(refused(app, to_app, BUDGET).contains("leads to an app"));
}

#[test]
fn an_id_may_have_been_an_orders_only_if_it_was_given_away() {
    let mut ledger = ledger();
    let had = |ledger: &Ledger, id: u64| ledger.may_have_had(OrderId(id));
    assert!(!had(&ledger, 0), "it is here, and none was dropped");
    assert!(had(&ledger, PROMISES + 1) && !had(&ledger, PROMISES + 2));
    register(&mut ledger, "third");
    assert_eq!(ledger.dropped(), 1);
    assert!(had(&ledger, 0) && had(&ledger, 2) && !had(&ledger, 3));
}

fn promised(ledger: &mut Ledger, tx_id: &str) -> OrderId {
    let mut made = ledger.make(NOW, 3, new_order(tx_id));
    made.id = ledger.promise();
    let promised = made.id;
    ledger.insert_made(made).unwrap();
    promised
}

#[test]
fn as_many_promised_ids_lead_to_their_orders_as_orders_are_kept() {
    let mut ledger = Ledger::new(rules(), OrderBudget { kept: 2, open: 9 });
    let leads_to = |ledger: &Ledger, id| ledger.find(Target::At(id)).map(|it| it.tx_id.to_string());
    let one = promised(&mut ledger, "one");
    let two = promised(&mut ledger, "two");
    assert_eq!((one, two), (OrderId(PROMISES + 1), OrderId(PROMISES + 2)));
    assert_eq!(leads_to(&ledger, one).as_deref(), Some("one"));
    let three = promised(&mut ledger, "three");
    assert_eq!(leads_to(&ledger, one), None);
    assert_eq!(leads_to(&ledger, two).as_deref(), Some("two"));
    assert_eq!(leads_to(&ledger, three).as_deref(), Some("three"));
    // An id that was given away, and whose order was not booked.
    let never = ledger.promise();
    assert_eq!(leads_to(&ledger, never), None);
}

#[test]
fn of_older_orders_that_come_back_the_closed_ones_make_room() {
    let mut ledger = read(changed(&[("/first", json!(9))])).unwrap();
    register(&mut ledger, "third");
    let kept = ledger.orders_after(None).map(|order| &*order.tx_id).collect::<Vec<_>>();
    assert_eq!(kept, ["open", "third"]);
    assert_eq!(ledger.dropped(), 1);
    // Under a smaller budget all that are closed go.
    cancel(&mut ledger, "open");
    cancel(&mut ledger, "third");
    ledger.keep_up_to(OrderBudget { kept: 1, open: 2 });
    register(&mut ledger, "fourth");
    assert_eq!((ledger.len(), ledger.dropped()), (1, 3));
}

fn cancel(ledger: &mut Ledger, tx_id: &str) {
    let order = Target::Named { merchant: "M1", tx_id };
    let event = ledger.decide(NOW, order, Command::Cancel).unwrap();
    ledger.apply(event, 5).unwrap();
}

/// A step, and the number of records that it changes.
type Step = (fn(&mut Ledger), usize);

#[test]
fn the_records_of_each_change_make_the_same_ledger_together() {
    let budget = OrderBudget { kept: 2, open: 9 };
    let steps: [Step; 8] = [
        (|_| (), 0),
        // The terminal is new, too.
        (|ledger| register(ledger, "one"), 2),
        (|ledger| bind(ledger, CLIENT, 1, 1), 2),
        (|ledger| bind(ledger, BEN, 1, 2), 2),
        // The earlier binding of the card goes.
        (|ledger| bind(ledger, CLIENT, 1, 3), 3),
        (|ledger| cancel(ledger, "one"), 1),
        (
            |ledger| {
                promised(ledger, "two");
            },
            2,
        ),
        // The first order makes room.
        (|ledger| register(ledger, "three"), 2),
    ];
    let mut ledger = Ledger::new(rules(), budget);
    let mut kept = BTreeMap::new();
    for (number, (step, changed)) in steps.into_iter().enumerate() {
        let older = ledger.clone();
        step(&mut ledger);
        let mut changes = RecordChanges::default();
        ledger.changes_since(&older, &mut changes);
        let changes = changes.finish().unwrap();
        assert_eq!(changes.len(), changed, "step {number}: {changes:?}");
        for (key, value) in changes {
            match value {
                Some(value) => drop(kept.insert(key, value)),
                None => assert!(kept.remove(&key).is_some(), "{key:?} was there"),
            }
        }
        let mut records = LedgerRecords::default();
        for (key, value) in &kept {
            assert!(records.add(RecordKind::of(key[0]).unwrap(), value).unwrap(), "{key:?}");
        }
        let read = Ledger::from_file(records.into_file(ledger.head()), rules(), budget).unwrap();
        assert_eq!(written(&read), written(&ledger), "step {number}");
    }
    assert_eq!(LedgerRecords::default().add(RecordKind::Head, b"{}"), Ok(false));
}

#[test]
fn a_ledger_says_what_is_in_it_and_shows_no_digest_of_a_passcode() {
    let ledger = ledger();
    let file = ledger.to_file();
    assert!((file.len(), file.is_empty()) == (2, false) && !ledger.is_empty());
    assert_eq!((ledger.orders().len(), ledger.orders().is_empty()), (2, false));
    assert_eq!((ledger.bindings().len(), ledger.bindings().is_empty()), (2, false));
    let empty = Ledger::new(rules(), BUDGET);
    assert!(empty.is_empty() && empty.orders().is_empty());
    assert!(empty.bindings().is_empty() && empty.to_file().is_empty());
    assert_eq!(format!("{:?}", Digest([7; 32])), "Digest(***)");
}
