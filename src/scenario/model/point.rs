//! The points of a run at which a rule may step in.

use std::fmt;

use crate::base::{Named, Operation};

/// Points at which a rule steps in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Point {
    /// A merchant's (or a paying app's) call to an operation.
    Call(Operation),
    /// The payer pays, by page or by the control plane; the issuer's answer is decided here.
    Pay,
    /// Time or the control plane pushes an order somewhere: expiry, settlement, a late decline.
    Trigger,
    /// A request of the merchant plane that is refused before it is a call of a known merchant: an unknown path or space, a
    /// wrong method, a body that cannot be read, an unknown merchant, a wrong token or signature. Nothing of what it says
    /// is believed, so no condition on merchant, order or field holds.
    Refused,
    /// A request for one of the payer's pages, or for a part of one. No condition on merchant, order or field holds.
    Page,
    /// A TCP connection is accepted; nothing is known of it yet, so only rules of the space `default` are asked.
    Connect,
}

/// Number of points.
pub(in crate::scenario) const POINTS: usize = Operation::ALL.len() + 5;

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
        all[at + 2] = Self::Refused;
        all[at + 3] = Self::Page;
        all
    };

    /// The name in scenario files: the operation's own, or `pay`, `trigger`, `refused`, `page`, `connect`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Call(operation) => operation.name(),
            Self::Pay => "pay",
            Self::Trigger => "trigger",
            Self::Refused => "refused",
            Self::Page => "page",
            Self::Connect => "connect",
        }
    }

    /// The position in [`Point::ALL`].
    pub const fn index(self) -> usize {
        match self {
            Self::Call(operation) => operation.index(),
            Self::Pay => POINTS - 5,
            Self::Trigger => POINTS - 4,
            Self::Refused => POINTS - 3,
            Self::Page => POINTS - 2,
            Self::Connect => POINTS - 1,
        }
    }

    /// Returns true if one order is concerned, so that conditions on the order can hold.
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
            Self::Refused | Self::Page | Self::Connect => false,
        }
    }

    /// Returns true if a card number is known.
    pub const fn knows_card(self) -> bool {
        matches!(self, Self::Pay | Self::Call(Operation::BindingRegister))
    }
}

impl fmt::Display for Point {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Named for Point {
    const WHAT: &'static str = "an operation (or pay, trigger, refused, page, connect)";
    const ALL: &'static [Self] = &Self::ALL;

    fn name(self) -> &'static str {
        self.name()
    }
}

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
