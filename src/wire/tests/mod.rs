//! Tests of the wire as a whole: against the file of members, against the documented examples,
//! against noise.

mod examples;
mod noise;
mod operations;
mod refusals;

use std::cell::RefCell;

use crate::base::{Fields, Operation};

use super::{
    Refusal, binding_list, binding_register, completion, notify_completion, orders, pin, qr,
    reconciliation, refund, register, reversal, status,
};

thread_local! {
    static READ: RefCell<Vec<&'static str>> = const { RefCell::new(Vec::new()) };
}

/// Called for every member that a request looks at.
pub(super) fn note_read(name: &'static str) {
    READ.with_borrow_mut(|read| read.push(name));
}

/// What was read since the last call.
fn take_read() -> Vec<&'static str> {
    READ.take()
}

/// Reads a body as the request of `operation`; of a reconciliation the first row that fails counts.
fn read(operation: Operation, body: &[u8]) -> Result<(), Refusal> {
    if operation == Operation::Reconciliation {
        let rows = reconciliation::read(&Fields::parse_array(body)?)?;
        return rows.into_iter().collect::<Result<Vec<_>, _>>().map(drop);
    }
    let fields = Fields::parse(body)?;
    match operation {
        Operation::Register => register::Request::read(&fields).map(drop),
        Operation::Reversal => reversal::Request::read(&fields).map(drop),
        Operation::Refund => refund::Request::read(&fields).map(drop),
        Operation::PreAuthCompletion => completion::Request::read(&fields).map(drop),
        Operation::Orders => orders::Request::read(&fields).map(drop),
        Operation::Status => status::Request::read(&fields).map(drop),
        Operation::BindingRegister => binding_register::Request::read(&fields).map(drop),
        Operation::BindingList => binding_list::Request::read(&fields).map(drop),
        Operation::CreatePin | Operation::EnablePin | Operation::DisablePin => {
            pin::Request::read(&fields).map(drop)
        }
        Operation::NotifyQrScanned | Operation::NotifyProcessing | Operation::CancelQr => {
            qr::Request::read(&fields).map(drop)
        }
        Operation::NotifyCompletion => notify_completion::Request::read(&fields).map(drop),
        Operation::Reconciliation => unreachable!("read above"),
    }
}

/// A golden message without the line break at its end.
macro_rules! golden {
    ($path:literal) => {
        include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/golden/", $path))
            .trim_ascii_end()
    };
}
use golden;
