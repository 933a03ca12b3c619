//! The points of a run at which a rule may step in.

use std::fmt;

use crate::base::Operation;
use crate::scenario::form::named;

/// Where a rule steps in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Point {
    /// A merchant's (or a paying app's) call to an operation.
    Call(Operation),
    /// The payer pays, by page or by the control plane; the issuer's answer is decided here.
    Pay,
    /// Time or the control plane pushes an order somewhere: expiry, settlement, a late decline.
    Trigger,
    /// A TCP connection is accepted; nothing is known of it yet, so only rules of the space `default` are asked.
    Connect,
}

/// How many points there are.
pub(in crate::scenario) const POINTS: usize = Operation::ALL.len() + 3;

impl Point {
    /// Every point, operations first.
    pub const ALL: [Self; POINTS] = {
        let mut all = [Self::Connect; POINTS];
        let mut at = 0;
        while at < Operation::ALL.len() {
            all[at] = Self::Call(Operation::ALL[at]);
            at += 1;
        }
        all[at] = Self::Pay;
        all[at + 1] = Self::Trigger;
        all
    };

    /// The name in scenario files: the operation's own, or `pay`, `trigger`, `connect`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Call(operation) => operation.name(),
            Self::Pay => "pay",
            Self::Trigger => "trigger",
            Self::Connect => "connect",
        }
    }

    /// The position in [`Point::ALL`].
    pub const fn index(self) -> usize {
        match self {
            Self::Call(operation) => operation.index(),
            Self::Pay => POINTS - 3,
            Self::Trigger => POINTS - 2,
            Self::Connect => POINTS - 1,
        }
    }

    /// Whether one order is concerned, so that conditions on the order can hold.
    pub const fn concerns_order(self) -> bool {
        match self {
            Self::Call(operation) => !matches!(
                operation,
                Operation::Orders
                    | Operation::BindingRegister
                    | Operation::BindingList
                    | Operation::CreatePin
                    | Operation::EnablePin
                    | Operation::DisablePin
                    | Operation::Reconciliation
            ),
            Self::Pay | Self::Trigger => true,
            Self::Connect => false,
        }
    }

    /// Whether a card number is known.
    pub const fn knows_card(self) -> bool {
        matches!(self, Self::Pay | Self::Call(Operation::BindingRegister))
    }
}

impl fmt::Display for Point {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

named!(Point, "an operation (or pay, trigger, connect)", Point::ALL, Point::name);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_and_names_are_distinct() {
        for (at, point) in Point::ALL.into_iter().enumerate() {
            assert_eq!(point.index(), at);
            assert_eq!(Point::ALL.iter().filter(|other| other.name() == point.name()).count(), 1);
        }
    }
}
