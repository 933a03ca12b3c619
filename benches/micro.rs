//! Micro benchmarks of the hot path, step by step: parse, read, verify, decide, encode, note, redact.
//!
//! `cargo bench --bench micro`; an argument picks by name, such as `-- answer`. The whole server beside a
//! bare HTTP echo is in the benchmark `load`.

#![allow(clippy::expect_used, reason = "a benchmark that cannot be set up has nothing to say")]

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arrayvec::ArrayString;
use divan::counter::ItemsCount;
use divan::{Bencher, black_box};
use payon_sim::base::{Amount, Currency, Fields, Millis, Operation, Reason, SecretNames, Seed};
use payon_sim::crypto;
use payon_sim::gateway::{self, Call, PayRequest};
use payon_sim::khqr::{self, Account, Payload};
use payon_sim::profile::Profile;
use payon_sim::scenario::{ArmedRule, CallFacts, Counters, Point, RuleSet, read_rules};
use payon_sim::space::{Budgets, IfExists, JournalEntry, RequestId, Snapshot, Spaces};
use payon_sim::wire;

fn main() {
    divan::main();
}

const MERCHANT: &str = "C0000143";
/// The merchant whose refunds need no signature.
const LENIENT: &str = "EPAY00000000001";
/// Orders and requests before the measuring begins, so that budgets are reached as in a long run.
const WARM_ORDERS: u64 = 20_000;

fn register_body(tx_id: u64, method: &str) -> String {
    format!(
        r#"{{"termId":"PAYONGT1","merchantId":"{LENIENT}","txId":"order-{tx_id:08}","trt":"10","currency":"USD","amount":"12.50","paymentMethod":"{method}"}}"#
    )
}

fn status_body(tx_id: u64) -> String {
    format!(
        r#"{{"merchantId":"{LENIENT}","termId":"PAYONGT1","txId":"order-{tx_id:08}","amount":"12.50","currency":"USD"}}"#
    )
}

fn refund_body(tx_id: u64) -> String {
    format!(r#"{{"txId":"order-{tx_id:08}","merchantId":"{LENIENT}","termId":"PAYONGT1"}}"#)
}

/// A refund with its signature, and the profile whose recipe made it.
fn signed() -> (Arc<Profile>, String) {
    let profile = Profile::builtin();
    let merchant = profile.merchant(MERCHANT).expect("documented");
    let recipe = &profile.sign.recipe;
    let key = merchant.sign_key(recipe).expect("has a private half").expect("a key");
    let body = format!(r#"{{"txId":"2435","merchantId":"{MERCHANT}","termId":"CT03000003"}}"#);
    let fields = Fields::parse(body.as_bytes()).expect("an object");
    let sign = crypto::sign(recipe, &key, &fields).expect("a signature");
    (Arc::clone(&profile), body.replace('}', &format!(r#","sign":"{sign}"}}"#)))
}

#[divan::bench]
fn parse_fields(bencher: Bencher) {
    let body = register_body(1, "CREDIT_DEBIT");
    bencher.bench(|| Fields::parse(black_box(body.as_bytes())));
}

#[divan::bench]
fn read_register(bencher: Bencher) {
    let body = register_body(1, "CREDIT_DEBIT");
    let fields = Fields::parse(body.as_bytes()).expect("an object");
    bencher.bench(|| wire::register::RegisterRequest::read(black_box(&fields)));
}

#[divan::bench]
fn canonical_string(bencher: Bencher) {
    let (profile, body) = signed();
    let fields = Fields::parse(body.as_bytes()).expect("an object");
    bencher.bench(|| profile.sign.recipe.canonical(black_box(&fields)));
}

#[divan::bench]
fn verify_signature(bencher: Bencher) {
    let (profile, body) = signed();
    let fields = Fields::parse(body.as_bytes()).expect("an object");
    let recipe = &profile.sign.recipe;
    let merchant = profile.merchant(MERCHANT).expect("documented");
    let key = merchant.verify_key(recipe).expect("a key");
    let sign = fields.text("sign").expect("signed");
    bencher.bench(|| crypto::verify(recipe, &key, black_box(&fields), &sign).expect("fits"));
}

#[divan::bench]
fn redact_clean_body(bencher: Bencher) {
    let body = register_body(1, "CREDIT_DEBIT");
    bencher.bench(|| wire::redact(SecretNames::GENERAL, black_box(body.as_bytes())));
}

#[divan::bench]
fn redact_signed_body(bencher: Bencher) {
    let (_, body) = signed();
    bencher.bench(|| wire::redact(SecretNames::GENERAL, black_box(body.as_bytes())));
}

#[divan::bench]
fn encode_refund_reply(bencher: Bencher) {
    let reply = wire::payment::PaymentReply {
        tx_id: Some("2435".into()),
        merchant_id: Some(LENIENT.into()),
        term_id: Some("PAYONGT1".into()),
        amount: Some(wire::FixedAmount(Amount::from_minor(100), Currency::Usd)),
        currency: Some(Currency::Usd),
        result_code: "0000".into(),
        result_message: "Success".into(),
        approval_no: ArrayString::from("538433").ok(),
        approval_date: ArrayString::from("09122020110737").ok(),
        acs_url: None,
        ref_no: ArrayString::from("000004538433").ok(),
        transaction_amount: None,
    };
    bencher.bench(|| wire::encode(black_box(&reply)));
}

#[divan::bench]
fn encode_khqr(bencher: Bencher) {
    let account = Account::Merchant {
        id: "demo_store@ppcb".into(),
        merchant_id: MERCHANT.into(),
        bank: "PPCBank".into(),
    };
    let payload = Payload::new(account, "Phnom Penh Demo Store", Currency::Usd).with_amount(
        Amount::from_minor(1250),
        Millis(1_767_225_600_000),
        Millis(1_767_226_200_000),
    );
    bencher.bench(|| black_box(&payload).encode());
}

#[divan::bench]
fn md5_of_khqr(bencher: Bencher) {
    let text = "0".repeat(170);
    bencher.bench(|| khqr::md5(black_box(&text)));
}

#[divan::bench]
fn derive_from_seed(bencher: Bencher) {
    bencher.bench(|| black_box(Seed(1)).derive(&[b"checkout", b"default", &[0; 8]]));
}

#[divan::bench]
fn dates_as_text(bencher: Bencher) {
    let at = Millis(1_606_193_221_000);
    bencher.bench(|| (black_box(at).year_first_digits(), black_box(at).day().digits()));
}

/// A call that none of so many rules fits: each names a terminal of its own, or tests what cannot be looked up.
#[divan::bench(args = [("exact", 1000), ("general", 10), ("general", 1000)])]
fn ask_rules(bencher: Bencher, (kind, count): (&str, usize)) {
    let when = |at: usize| match kind {
        "exact" => format!("termId: T{at}"),
        _ => format!("amount: {{ gte: {} }}", at + 100),
    };
    let rules: Vec<String> = (0..count)
        .map(|at| format!("{{ id: r{at}, when: {{ {} }}, then: [{{ status: 500 }}] }}", when(at)))
        .collect();
    let rules = format!("[{}]", rules.join(", "));
    let rules = RuleSet::new(&ArmedRule::all(
        read_rules("bench", rules.as_bytes()).expect("rules"),
        Millis(0),
    ));
    let call = CallFacts {
        term_id: Some("CT03000003"),
        tx_id: Some("1"),
        amount: Some((Amount::from_minor(200), Currency::Usd)),
        ..CallFacts::new("default", Point::Call(Operation::Status), Millis(0))
    };
    let mut counters = Counters::default();
    bencher.bench_local(|| rules.decide(&call, &mut counters, Seed(1)));
}

#[divan::bench]
fn note_in_journal(bencher: Bencher) {
    let world = World::new();
    let body = register_body(1, "CREDIT_DEBIT");
    let response = [b'x'; 400];
    let merchant = world.spaces.default_space().merchant(LENIENT);
    bencher.bench(|| {
        let entry = JournalEntry {
            trace: RequestId(1),
            at: Millis(1),
            operation: Some(Operation::Register),
            merchant: merchant.clone(),
            tx_id: Some("order-00000001".into()),
            took_us: 1,
            ..JournalEntry::default()
        };
        world.spaces.default_space().note(0, entry, body.as_bytes(), &response);
    });
}

#[divan::bench(args = ["CREDIT_DEBIT", "BAKONG_KHQR"])]
fn answer_register(bencher: Bencher, method: &str) {
    let world = World::new();
    bencher
        .counter(ItemsCount::new(1_usize))
        .with_inputs(|| register_body(world.next(), method))
        .bench_refs(|body| world.ask(Operation::Register, body));
}

/// A registration for which an old order goes: how many older ones are still open should not matter.
#[divan::bench(args = [0, 20_000], sample_count = 100, sample_size = 100)]
fn answer_register_in_place_of_another(bencher: Bencher, open: u64) {
    let world = World::of(Budgets { orders: 40_000, ..Budgets::default() });
    for _ in 0..open {
        world.ask(Operation::Register, &register_body(world.next(), "CREDIT_DEBIT"));
    }
    while world.orders.load(Ordering::Relaxed) < 60_000 {
        world.paid();
    }
    bencher
        .counter(ItemsCount::new(1_usize))
        .with_inputs(|| register_body(world.next(), "CREDIT_DEBIT"))
        .bench_refs(|body| world.ask(Operation::Register, body));
}

#[divan::bench]
fn answer_status(bencher: Bencher) {
    let world = World::new();
    bencher
        .with_inputs(|| status_body(world.paid()))
        .bench_refs(|body| world.ask(Operation::Status, body));
}

#[divan::bench]
fn answer_refund_unsigned(bencher: Bencher) {
    let world = World::new();
    bencher
        .with_inputs(|| refund_body(world.paid()))
        .bench_refs(|body| world.ask(Operation::Refund, body));
}

/// Orders in the space whose snapshots are measured: the figures should not depend on it.
const SIZES: [u64; 2] = [1_000, 1_000_000];

/// Saves a space and lets go of what was saved.
#[divan::bench(args = SIZES, sample_count = 20, sample_size = 50)]
fn snapshot_save(bencher: Bencher, orders: u64) {
    let world = World::with(orders);
    bencher.bench_local(|| {
        world.save("s");
        world.spaces.default_space().remove_snapshot("s")
    });
}

#[divan::bench(args = SIZES, sample_count = 20, sample_size = 50)]
fn snapshot_restore(bencher: Bencher, orders: u64) {
    let world = World::with(orders);
    let snapshot = world.save("s");
    let space = world.spaces.default_space();
    bencher.bench_local(|| world.spaces.restore(space, &snapshot));
}

/// Forks a space and removes the fork.
#[divan::bench(args = SIZES, sample_count = 20, sample_size = 50)]
fn snapshot_fork(bencher: Bencher, orders: u64) {
    let world = World::with(orders);
    let snapshot = world.save("s");
    bencher.bench_local(|| {
        world.spaces.fork(Some("fork"), &snapshot, IfExists::Refuse).expect("a fork");
        world.spaces.remove("fork").expect("removed");
    });
}

/// The first order after a save, which takes copies of all parts that it changes.
#[divan::bench(args = SIZES, sample_count = 20, sample_size = 50)]
fn snapshot_then_register(bencher: Bencher, orders: u64) {
    let world = World::with(orders);
    bencher
        .with_inputs(|| {
            world.spaces.default_space().remove_snapshot("s");
            world.save("s");
            register_body(world.next(), "CREDIT_DEBIT")
        })
        .bench_local_refs(|body| world.ask(Operation::Register, body));
}

/// A gateway that has seen many orders.
struct World {
    spaces: Arc<Spaces>,
    orders: AtomicU64,
}

impl World {
    fn new() -> Self {
        Self::of(Budgets { open_orders: usize::MAX, ..Budgets::default() })
    }

    /// One that keeps so many orders, all of them open.
    fn with(orders: u64) -> Self {
        let budgets = Budgets { orders: 2_000_000, open_orders: usize::MAX, ..Budgets::default() };
        let world = Self::of(budgets);
        while world.orders.load(Ordering::Relaxed) < orders {
            world.ask(Operation::Register, &register_body(world.next(), "CREDIT_DEBIT"));
        }
        world
    }

    fn save(&self, name: &str) -> Arc<Snapshot> {
        let mut saving = std::pin::pin!(self.spaces.default_space().save(name, IfExists::Refuse));
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        // Nobody advances the clock, so nothing is waited for.
        match saving.as_mut().poll(&mut context) {
            std::task::Poll::Ready(saved) => saved.expect("saved"),
            std::task::Poll::Pending => panic!("the clock is being advanced"),
        }
    }

    fn of(budgets: Budgets) -> Self {
        let (spaces, _bell) = Spaces::new(Profile::builtin(), Seed(1), budgets);
        let world = Self { spaces, orders: AtomicU64::new(0) };
        for _ in 0..WARM_ORDERS {
            world.paid();
        }
        world
    }

    fn next(&self) -> u64 {
        self.orders.fetch_add(1, Ordering::Relaxed)
    }

    /// A new order that is registered and paid.
    fn paid(&self) -> u64 {
        let tx_id = self.next();
        self.ask(Operation::Register, &register_body(tx_id, "CREDIT_DEBIT"));
        let space = self.spaces.default_space();
        let name = format!("order-{tx_id:08}");
        gateway::pay(space, LENIENT, &name, &PayRequest::default(), RequestId(1)).expect("paid");
        tx_id
    }

    /// State in, decision out.
    fn ask(&self, operation: Operation, body: &str) -> gateway::GatewayReply {
        let origin = "http://127.0.0.1:36605".into();
        let call = Call {
            operation,
            space: None,
            token: None,
            scenario: None,
            origin,
            body: body.as_bytes(),
            trace_headers: None,
        };
        let reply = gateway::answer(&self.spaces, call);
        assert_eq!(reply.reason, Reason::Success);
        reply
    }
}
