//! `pushback`: what happens to the notices that tell a merchant of its order.

use super::{Latency, Size};
use crate::base::Complaint;
use crate::scenario::form::{Many, Period, choice, record, words};

record! {
    /// Disorder among push-backs. What a call causes is one true notice; this says what is sent in its place.
    pub struct Pushback {
        /// How long after the event it is sent.
        delay: Option<Latency> = "delay",
        /// The first attempt is made before the caller has its reply.
        before_reply: bool = "beforeReply",
        /// The true notice is never sent.
        drop: bool = "drop",
        /// How often the true notice is sent, each time as a delivery of its own; 1 when absent.
        copies: Option<u32> = "copies",
        /// The time between copies, and between a true notice and its companions; none when absent.
        apart: Option<Latency> = "apart",
        /// The order in which the notices of several orders arrive.
        order: Option<Disorder> = "order",
        /// Within how long they are put out of order; 5s when absent.
        within: Option<Period> = "within",
        /// What is sent ahead of the true notice.
        first: Option<Many<Lie>> = "first",
        /// What the true notice is turned into.
        instead: Option<Lie> = "instead",
        /// What is sent after the true notice.
        last: Option<Many<Lie>> = "last",
        /// A notice of success for the order, though nothing was paid: sent whether or not the call causes one.
        forged: bool = "forged",
        /// A notice for an order that does not exist: sent whether or not the call causes one.
        unknown_order: bool = "unknownOrder",
        /// The sender is slow: so many bytes a second.
        bytes_per_second: Option<u32> = "bytesPerSecond",
    }
    check |pushback, node| {
        if pushback.copies == Some(0) {
            node.refuse(Complaint::new("`copies` must be at least 1").help("for none: drop: true"));
            return None;
        }
        if pushback.copies.is_some_and(|copies| copies > COPIES_MAX) {
            node.refuse(format!("`copies` must be at most {COPIES_MAX}"));
            return None;
        }
        if pushback.bytes_per_second == Some(0) {
            node.refuse("`bytesPerSecond` must be at least 1");
            return None;
        }
        Some(())
    };
}

/// The most copies of one notice.
const COPIES_MAX: u32 = 100;

words! {
    /// An order in which notices arrive.
    pub enum Disorder ("an order of arrival") {
        /// By chance.
        Shuffled = "shuffled",
        /// The last event first.
        Reversed = "reversed",
    }
}

choice! {
    /// A notice that is not as it should be.
    pub enum Lie ("a false notice") {
        /// Success told as failure, failure as success.
        WrongStatus = "wrong-status",
        /// The txId of another order.
        WrongTxId = "wrong-tx-id",
        /// A member `amount` that is not the order's.
        WrongAmount = "wrong-amount",
        /// Not JSON.
        Malformed = "malformed",
        /// JSON of so many bytes.
        Huge(Size) = "huge",
        /// Members that no page of PAYON's tells of.
        ExtraFields = "extra-fields",
        /// The same as a form instead of JSON.
        Form = "form",
        /// The same in odd but legal JSON: other order, blanks, escapes.
        OddJson = "odd-json",
    }
}
