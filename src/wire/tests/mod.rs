//! Tests of the wire as a whole: against the file of members, against the documented examples,
//! against noise.

mod examples;
mod noise;
mod operations;
mod refusals;

use std::cell::RefCell;

use crate::base::{Fields, Operation};

use super::{
    UnreadableRequest, binding_list, binding_register, completion, notify_completion, orders, pin,
    qr, reconciliation, refund, register, reversal, status,
};

thread_local! {
    static READ: RefCell<Vec<&'static str>> = const { RefCell::new(Vec::new()) };
}

/// Called for every member that a request looks at.
pub(super) fn note_read(name: &'static str) {
    READ.with_borrow_mut(|read| read.push(name));
}

/// Members that were read since the last call.
fn take_read() -> Vec<&'static str> {
    READ.take()
}

/// Reads a body as the request of `operation`; of a reconciliation the first row that fails counts.
fn read(operation: Operation, body: &[u8]) -> Result<(), UnreadableRequest> {
    if operation == Operation::Reconciliation {
        let rows = reconciliation::read(&Fields::parse_array(body)?)?;
        return rows.into_iter().collect::<Result<Vec<_>, _>>().map(drop);
    }
    let fields = Fields::parse(body)?;
    match operation {
        Operation::Register => register::RegisterRequest::read(&fields).map(drop),
        Operation::Reversal => reversal::ReversalRequest::read(&fields).map(drop),
        Operation::Refund => refund::RefundRequest::read(&fields).map(drop),
        Operation::PreAuthCompletion => completion::CompletionRequest::read(&fields).map(drop),
        Operation::Orders => orders::OrderListRequest::read(&fields).map(drop),
        Operation::Status => status::StatusRequest::read(&fields).map(drop),
        Operation::BindingRegister => {
            binding_register::BindingRegisterRequest::read(&fields).map(drop)
        }
        Operation::BindingList => binding_list::BindingListRequest::read(&fields).map(drop),
        Operation::CreatePin | Operation::EnablePin | Operation::DisablePin => {
            pin::PinRequest::read(&fields).map(drop)
        }
        Operation::NotifyQrScanned | Operation::NotifyProcessing | Operation::CancelQr => {
            qr::QrRequest::read(&fields).map(drop)
        }
        Operation::NotifyCompletion => {
            notify_completion::NotifyCompletionRequest::read(&fields).map(drop)
        }
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
