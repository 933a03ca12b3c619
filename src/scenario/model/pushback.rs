//! `pushback`: what happens to the notices that tell a merchant of its order.

use super::{Latency, Size};
use crate::base::{Message, Period, named_enum};
use crate::scenario::codec::{Many, choice, record};

record! {
    /// Disorder among push-backs. What a call causes is one true notice; this says what is sent in its place.
    pub struct Pushback {
        /// Delay after the event.
        delay: Option<Latency> = "delay",
        /// The first attempt is made before the caller has its reply.
        before_reply: bool = "beforeReply",
        /// The true notice is never sent.
        drop: bool = "drop",
        /// Number of times that the true notice is sent, each time as a delivery of its own; 1 when absent.
        copies: Option<u32> = "copies",
        /// The time between copies, and between a true notice and its companions; none when absent.
        apart: Option<Latency> = "apart",
        /// The order in which the notices of several orders arrive.
        order: Option<Disorder> = "order",
        /// Time within which they are reordered; 5s when absent.
        within: Option<Period> = "within",
        /// Notices ahead of the true one.
        first: Option<Many<Tampering>> = "first",
        /// Replacement of the true notice.
        instead: Option<Tampering> = "instead",
        /// Notices after the true one.
        last: Option<Many<Tampering>> = "last",
        /// A notice of success for the order, though nothing was paid: sent whether or not the call causes one.
        forged: bool = "forged",
        /// A notice for an order that does not exist: sent whether or not the call causes one.
        unknown_order: bool = "unknownOrder",
        /// The sender is slow: so many bytes a second.
        bytes_per_second: Option<u32> = "bytesPerSecond",
    }
    check |pushback, node| {
        if pushback.copies == Some(0) {
            node.refuse(Message::new("`copies` must be at least 1").help("for none: drop: true"));
            return None;
        }
        if pushback.copies.is_some_and(|copies| copies > COPIES_MAX) {
            node.refuse(format!("`copies` must be at most {COPIES_MAX}"));
            return None;
        }
        let notices = pushback.notices();
        if notices > u64::from(COPIES_MAX) {
            node.refuse(format!(
                "`first`, `copies` and `last` make {notices} notices of one; at most {COPIES_MAX} can be sent"
            ));
            return None;
        }
        let huge = pushback.huge_bytes();
        if huge > HUGE_BYTES_MAX {
            node.refuse(
                Message::new(format!(
                    "the huge notices have {huge} bytes in all; at most {HUGE_BYTES_MAX} are sent for one event"
                ))
                .help("all copies count: make `huge` smaller, or have fewer `copies`"),
            );
            return None;
        }
        if pushback.bytes_per_second == Some(0) {
            node.refuse("`bytesPerSecond` must be at least 1");
            return None;
        }
        Some(())
    };
}

/// The most notices in place of one, copies and companions together.
const COPIES_MAX: u32 = 100;
/// The most bytes that huge notices have together, in place of one.
const HUGE_BYTES_MAX: u64 = 256 << 20;

impl Pushback {
    /// The number of notices that are sent in place of one.
    pub(in crate::scenario) fn notices(&self) -> u64 {
        let copies = if self.drop { 0 } else { self.copies.unwrap_or(1) };
        u64::from(copies) + self.companions().count() as u64
    }

    /// The size of all huge notices together.
    fn huge_bytes(&self) -> u64 {
        let copies = if self.drop { 0 } else { u64::from(self.copies.unwrap_or(1)) };
        let instead = self.instead.as_ref().map_or(0, Tampering::huge_bytes) * copies;
        instead + self.companions().map(Tampering::huge_bytes).sum::<u64>()
    }

    fn companions(&self) -> impl Iterator<Item = &Tampering> {
        [&self.first, &self.last].into_iter().flatten().flat_map(|many| &many.0)
    }
}

impl Tampering {
    fn huge_bytes(&self) -> u64 {
        if let Self::Huge(size) = self { size.0.into() } else { 0 }
    }
}

named_enum! {
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
    pub enum Tampering ("a false notice") {
        /// Success told as failure, failure as success.
        WrongStatus = "wrong-status",
        /// The txId of another order of the same merchant, chosen by the seed; where there is none, as `unknown-tx-id`.
        WrongTxId = "wrong-tx-id",
        /// A txId like the order's own that no order has.
        UnknownTxId = "unknown-tx-id",
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
