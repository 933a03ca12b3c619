//! Concurrent calls on one order have exactly one winner.

use std::collections::BTreeMap;
use std::sync::{Arc, Barrier};
use std::thread;

use payon_sim::base::{Amount, Operation, OrderState, Reason, Seed};
use payon_sim::gateway::{self, Call, PayRequest};
use payon_sim::ledger::Target;
use payon_sim::profile::Profile;
use payon_sim::space::{Budgets, Spaces};

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
            let back = (order.state, order.totals.refunded, order.totals.released);
            let ten = Amount::from_minor(1000);
            assert!(
                back == (OrderState::Refunded, ten, Amount::ZERO)
                    || back == (OrderState::Reversed, Amount::ZERO, ten),
                "{back:?}"
            );
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
