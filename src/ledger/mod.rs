//! The ledger: orders and their money. Commands in, events out; no time, randomness or IO of its own.
//!
//! [`Ledger::decide`] looks and answers with an [`LedgerEvent`]; [`Ledger::apply`] makes it so. The two are
//! apart so that a scenario can answer without booking, or book without answering. Whoever holds the
//! ledger calls [`Ledger::next_expiry`] first, so that time that has run out is seen before the request.

mod bindings;
mod command;
mod decide;
mod file;
#[expect(clippy::module_inception, reason = "it holds the type that all of this is about")]
mod ledger;
mod order;
mod progress;
mod records;
mod store;

pub use bindings::{Binding, BindingId, Bindings, CardRow, Client, Customer, Digest, NewBinding};
pub use command::{Command, LedgerEvent, NewOrder, Registration, Target};
pub use file::LedgerFile;
pub use ledger::{Ledger, OrderBudget};
pub use order::{
    Approval, Change, DAY_DIGITS, Details, Entry, History, Instrument, InstrumentKind, Order,
    OrderId, OrderKind, Screen, TerminalId, Totals,
};
pub use progress::{PayerStep, PaymentSource, Progress};
pub use records::{LedgerHead, LedgerRecords};
pub use store::{Orders, Terminal};
