//! Concurrent calls on one order have exactly one winner.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Barrier};
use std::thread;

use payon_sim::base::{Amount, Operation, OrderState, Reason, Seed};
use payon_sim::gateway::{
    self, Call, CheckoutSession, CheckoutToken, Paid, PayError, PayRequest, TriggerEvent,
};
use payon_sim::ledger::Target;
use payon_sim::profile::Profile;
use payon_sim::space::{Budgets, IfExists, Spaces};

/// The merchant whose samples carry no signature.
const MERCHANT: &str = "EPAY00000000001";
const TERMINAL: &str = "PAYONGT1";
const RACES: usize = 50;
const RUNNERS: usize = 8;

fn spaces() -> Arc<Spaces> {
    Spaces::new(Profile::builtin(), Seed(7), Budgets::default()).0
}

fn call(spaces: &Spaces, operation: Operation, body: &str) -> (Reason, serde_json::Value) {
    let call = Call {
        operation,
        space: None,
        token: None,
        scenario: None,
        origin: "http://sim.test".into(),
        body: body.as_bytes(),
        trace_headers: None,
    };
    let reply = gateway::answer(spaces, call);
    (reply.reason, serde_json::from_slice(&reply.body).expect("JSON"))
}

fn register(spaces: &Spaces, tx_id: &str, trt: &str) {
    let body = format!(
        r#"{{"termId":"{TERMINAL}","merchantId":"{MERCHANT}","txId":"{tx_id}","trt":"{trt}","currency":"USD","amount":"10.00","paymentMethod":"CREDIT_DEBIT"}}"#
    );
    assert_eq!(call(spaces, Operation::Register, &body).0, Reason::Success);
}

fn pay(spaces: &Spaces, tx_id: &str) -> Result<Reason, gateway::PayError> {
    let space = spaces.default_space();
    let trace = space.next_trace();
    gateway::pay(space, MERCHANT, tx_id, &PayRequest::default(), trace).map(|paid| paid.reason)
}

/// Lets all runners go at once and counts how each ended.
fn race<T: Send + Ord>(run: impl Fn(usize) -> T + Sync) -> BTreeMap<T, usize> {
    let start = Barrier::new(RUNNERS);
    let ends = thread::scope(|scope| {
        let runners: Vec<_> = (0..RUNNERS)
            .map(|runner| {
                let (start, run) = (&start, &run);
                scope.spawn(move || {
                    start.wait();
                    run(runner)
                })
            })
            .collect();
        runners.into_iter().map(|runner| runner.join().expect("no panic")).collect::<Vec<_>>()
    });
    ends.into_iter().fold(BTreeMap::new(), |mut counts, end| {
        *counts.entry(end).or_default() += 1;
        counts
    })
}

fn simple(tx_id: &str) -> String {
    format!(r#"{{"txId":"{tx_id}","merchantId":"{MERCHANT}","termId":"{TERMINAL}"}}"#)
}

#[test]
fn one_of_many_full_refunds_wins() {
    let spaces = spaces();
    for round in 0..RACES {
        let tx_id = format!("r{round}");
        register(&spaces, &tx_id, "10");
        pay(&spaces, &tx_id).expect("paid");
        let ends = race(|_| call(&spaces, Operation::Refund, &simple(&tx_id)).0);
        let expected = [(Reason::Success, 1), (Reason::AlreadyRefunded, RUNNERS - 1)];
        assert_eq!(ends, BTreeMap::from(expected));
    }
}

#[test]
fn refund_and_reversal_never_both_win() {
    let spaces = spaces();
    for round in 0..RACES {
        let tx_id = format!("x{round}");
        register(&spaces, &tx_id, "10");
        pay(&spaces, &tx_id).expect("paid");
        let ends = race(|runner| {
            let operation = [Operation::Refund, Operation::Reversal][runner % 2];
            call(&spaces, operation, &simple(&tx_id)).0
        });
        assert_eq!(ends[&Reason::Success], 1, "{ends:?}");
        spaces.default_space().read(|view| {
            let order = view.ledger.find(Target::Named { merchant: MERCHANT, tx_id: &tx_id });
            let order = order.expect("the order");
            let back = (order.state, order.totals.refunded, order.returned());
            let ten = Amount::from_minor(1000);
            assert!(
                back == (OrderState::Refunded, ten, ten)
                    || back == (OrderState::Reversed, Amount::ZERO, ten),
                "{back:?}"
            );
            assert_eq!(order.totals.released, Amount::ZERO);
        });
    }
}

#[test]
fn partial_refunds_stop_at_the_captured_sum() {
    let spaces = spaces();
    for round in 0..RACES {
        let tx_id = format!("p{round}");
        register(&spaces, &tx_id, "10");
        pay(&spaces, &tx_id).expect("paid");
        let body = simple(&tx_id).replace('}', r#","amount":"3.00"}"#);
        let ends = race(|_| call(&spaces, Operation::Refund, &body).0);
        let expected = [(Reason::Success, 3), (Reason::AmountExceedsCaptured, RUNNERS - 3)];
        assert_eq!(ends, BTreeMap::from(expected));
    }
}

#[test]
fn one_of_many_completions_wins() {
    let spaces = spaces();
    for round in 0..RACES {
        let tx_id = format!("c{round}");
        register(&spaces, &tx_id, "12");
        pay(&spaces, &tx_id).expect("authorised");
        let body = simple(&tx_id).replace('}', r#","currency":"USD","amount":"4.00"}"#);
        let ends = race(|_| call(&spaces, Operation::PreAuthCompletion, &body).0);
        let expected = [(Reason::Success, 1), (Reason::AlreadyCaptured, RUNNERS - 1)];
        assert_eq!(ends, BTreeMap::from(expected));
    }
}

#[test]
fn one_of_many_payments_wins() {
    let spaces = spaces();
    for round in 0..RACES {
        let tx_id = format!("y{round}");
        register(&spaces, &tx_id, "10");
        let ends = race(|_| match pay(&spaces, &tx_id) {
            Ok(reason) | Err(gateway::PayError::NotPossible { reason, .. }) => reason,
            Err(other) => panic!("{other}"),
        });
        let expected = [(Reason::Success, 1), (Reason::OrderAlreadyPaid, RUNNERS - 1)];
        assert_eq!(ends, BTreeMap::from(expected));
    }
}

#[test]
fn identical_registrations_make_one_order() {
    let spaces = spaces();
    for round in 0..RACES {
        let body = format!(
            r#"{{"termId":"{TERMINAL}","merchantId":"{MERCHANT}","txId":"d{round}","trt":"10","currency":"USD","amount":"10.00","paymentMethod":"CREDIT_DEBIT"}}"#
        );
        let ends = race(|_| {
            let (reason, reply) = call(&spaces, Operation::Register, &body);
            assert_eq!(reason, Reason::Success);
            reply.to_string()
        });
        assert_eq!(ends.len(), 1, "all get the same answer: {ends:?}");
    }
    spaces.default_space().read(|view| assert_eq!(view.ledger.len(), RACES));
}

/// Times that a space is reset or restored while it is worked in.
const CHANGES: usize = 4_000;
/// Those who work in it meanwhile.
const WORKERS: usize = 3;
/// Orders of others, which stand where those of the workers stood before a restore.
const OTHERS: usize = 200;
/// Longest pause before a change, in turns of a processor that waits: about as long as an order takes.
const TURNS_MAX: usize = 8_192;

/// Registers an order of the worker's own amount; not booked where a reset comes between.
fn register_own(spaces: &Spaces, tx_id: &str, trt: &str, amount: &str) {
    let body = format!(
        r#"{{"termId":"{TERMINAL}","merchantId":"{MERCHANT}","txId":"{tx_id}","trt":"{trt}","currency":"USD","amount":"{amount}","paymentMethod":"CREDIT_DEBIT"}}"#
    );
    call(spaces, Operation::Register, &body);
}

/// Looks at what a payment or an event tells of: it is the order that was meant, which nobody else has paid, or none.
fn own(told: Result<Paid, PayError>, tx_id: &str) -> Option<Paid> {
    match told {
        Ok(paid) => {
            let order = &paid.order.order;
            assert_eq!(order.tx_id, tx_id);
            assert_ne!(order.state, OrderState::Registered, "{order:?}");
            Some(paid)
        }
        Err(PayError::UnknownOrder { .. } | PayError::NotPossible { .. }) => None,
        Err(other) => panic!("{other}"),
    }
}

/// An order from its registration to its last change. How many changes were told of.
fn one_order(spaces: &Spaces, tx_id: &str, round: usize, amount: &str) -> usize {
    let space = spaces.default_space();
    let (trt, operation) = [
        ("10", Operation::Refund),
        ("12", Operation::PreAuthCompletion),
        ("12", Operation::Reversal),
    ][round % 3];
    register_own(spaces, tx_id, trt, amount);
    let paid = gateway::pay(space, MERCHANT, tx_id, &PayRequest::default(), space.next_trace());
    let Some(paid) = own(paid, tx_id) else { return 0 };
    let token = CheckoutToken::of(space, &paid.order).to_string();
    if let Some((space, handle)) = CheckoutToken::resolve(&token, spaces, None)
        && let Some(session) = CheckoutSession::of(&space, handle)
    {
        assert_eq!(session.order.tx_id, tx_id);
        assert_eq!(session.checkout_token().to_string(), token);
    }
    let members = match operation {
        Operation::PreAuthCompletion => format!(r#","currency":"USD","amount":"{amount}"}}"#),
        _ => "}".to_owned(),
    };
    let (reason, reply) = call(spaces, operation, &simple(tx_id).replace('}', &members));
    if reason == Reason::Success {
        assert_eq!(reply["txId"], tx_id, "{reply}");
        assert_eq!(reply["amount"].as_f64(), amount.parse().ok(), "{tx_id}: {reply}");
        let approval = paid.order.order.approval_digits();
        assert_eq!(reply["approvalNo"].as_str(), approval.as_deref(), "{tx_id}: {reply}");
    }
    let event = if trt == "10" { TriggerEvent::Settle } else { TriggerEvent::LateDecline };
    let told = gateway::trigger(space, MERCHANT, tx_id, event, space.next_trace());
    1 + usize::from(reason == Reason::Success) + usize::from(own(told, tx_id).is_some())
}

#[tokio::test]
async fn what_is_told_of_an_order_is_copied_where_it_is_booked_whatever_becomes_of_the_space() {
    let spaces = spaces();
    let space = spaces.default_space();
    for number in 0..OTHERS {
        register_own(&spaces, &format!("B{number}"), "10", "99.00");
    }
    let base = space.save("base", IfExists::Refuse).await.expect("saved");
    let (is_over, orders) = (AtomicBool::new(false), AtomicUsize::new(0));
    let told: usize = thread::scope(|scope| {
        let workers: Vec<_> = (0..WORKERS)
            .map(|worker| {
                let (spaces, is_over, orders) = (&spaces, &is_over, &orders);
                let amount = format!("{}.00", worker + 1);
                scope.spawn(move || {
                    let rounds = (0..).take_while(|_| !is_over.load(Ordering::Relaxed));
                    let order = |round| {
                        orders.fetch_add(1, Ordering::Relaxed);
                        one_order(spaces, &format!("W{worker}N{round}"), round, &amount)
                    };
                    rounds.map(order).sum::<usize>()
                })
            })
            .collect();
        let mut seen = 0;
        for change in 0..CHANGES {
            while orders.load(Ordering::Relaxed) == seen {
                // One that failed works no more.
                if workers.iter().any(thread::ScopedJoinHandle::is_finished) {
                    break;
                }
                thread::yield_now();
            }
            seen = orders.load(Ordering::Relaxed);
            // At another point of an order each time.
            for _ in 0..change * 2_654_435_761 % TURNS_MAX {
                std::hint::spin_loop();
            }
            if change % 2 == 0 { space.reset() } else { spaces.restore(space, &base) }
        }
        is_over.store(true, Ordering::Relaxed);
        workers.into_iter().map(|worker| worker.join().expect("no panic")).sum()
    });
    assert!(told > 0, "nothing was told of in {CHANGES} resets and restores");
}
