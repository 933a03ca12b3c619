//! A history: all that happens to the system in one simulation, as data. It is printed and read as lines of JSON.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A simulation from its start to its end.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct History {
    /// The gateway as it is set up.
    pub(crate) setup: Setup,
    /// What happens to it, one after the other.
    pub(crate) steps: Vec<Step>,
}

/// Settings of the gateway, fixed for a history.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Setup {
    /// Seed of the server.
    pub(crate) seed: u64,
    /// Rule for the refund of a payment that is not settled.
    pub(crate) unsettled: UnsettledRule,
    /// True if merchants hear of every change, false if of payments only.
    pub(crate) every_event: bool,
    /// True if the spaces are kept in a directory, so that the process may end and start again.
    pub(crate) state: bool,
}

/// Rules for the refund of a payment that is not settled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum UnsettledRule {
    Allow,
    Refuse,
    Reverse,
}

/// One thing that happens. Spaces, orders and snapshots have names, so that a step means the same when those before it are
/// left out; a step in a space that is not there does nothing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum Step {
    /// A space is made, with so many merchants; its clock is stopped.
    Space { space: String, seed: u64, merchants: usize },
    /// Somebody calls.
    Call { space: String, call: Call },
    /// Several call at once; any order of them is right.
    Race { space: String, calls: Vec<Call> },
    /// A receiver of push-backs answers so from now on.
    Receiver { receiver: usize, answer: Answer },
    /// A box of a space answers so from now on.
    Box { space: String, name: usize, answer: BoxAnswer },
    /// These rules stand in place of those before.
    Arm { space: String, rules: Vec<Rule> },
    /// The clock goes on.
    Advance { space: String, ms: i64 },
    /// The clock goes on until no push-back waits.
    Idle { space: String },
    /// The clock jumps, forward or back.
    Jump { space: String, ms: i64 },
    /// A push-back of an order, the first or a later one, is sent again by hand.
    Resend { space: String, merchant: usize, tx_id: String, nth: usize },
    /// A snapshot is taken.
    Save { space: String, name: String },
    /// The space goes back to a snapshot.
    Restore { space: String, name: String },
    /// Another space goes on from a snapshot.
    Fork { space: String, name: String, new: String },
    /// A snapshot is written as a file, and another space reads it.
    Carry { space: String, name: String, to: String },
    /// The space goes back to how it was made.
    Reset { space: String },
    /// The space is removed.
    Remove { space: String },
    /// The process ends, by itself or by a crash, and starts again. Without a state nothing happens.
    Restart { crash: bool },
}

/// A call of a merchant, or a payer's payment or an event through the control plane.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Call {
    /// The merchant, by its place in the space.
    pub(crate) merchant: usize,
    /// The merchant's number of the order.
    pub(crate) tx_id: String,
    pub(crate) action: Action,
    /// Mistake or attack in the request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) flaw: Option<Flaw>,
}

/// What is called for. Amounts are in minor units.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum Action {
    Register(Register),
    Status,
    /// All that is left, or a part of it.
    Refund {
        minor: Option<i64>,
        approval: Approval,
    },
    Reverse {
        approval: Approval,
    },
    Complete {
        minor: i64,
    },
    /// The payer pays with the saved card of the order, or else with the first card that is approved; or the payment ends
    /// for this reason. The passcode is right where none is named.
    Pay {
        outcome: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        passcode: Option<usize>,
    },
    /// An event of the control plane, by its name there.
    Trigger {
        event: String,
    },
    /// The payer takes a step on the order's page.
    Page(Entry),
    /// The payer's app reports on the order's QR, with another sum than the order's where one is named.
    App {
        report: Report,
        minor: Option<i64>,
    },
    /// The payer pays with the pretend app, from one of its wallets and accounts.
    Wallet {
        app: usize,
        is_right: bool,
    },
    /// The payer opens a link for an order, which the merchant made so many milliseconds ago where it says that.
    Link {
        asked: Register,
        age_ms: Option<i64>,
        flaw: Option<LinkFlaw>,
    },
    /// A card is saved for a customer, with a passcode or without.
    Bind {
        customer: usize,
        card: usize,
        passcode: Option<usize>,
    },
    /// The saved cards of a customer are listed.
    Bindings {
        customer: usize,
    },
    /// A customer's passcode is set, or it is changed whether the payer is asked for it.
    Passcode {
        customer: usize,
        change: PasscodeChange,
        passcode: usize,
    },
    /// One page of the orders of some days, which are counted from today.
    Orders {
        from: i64,
        to: i64,
        index: usize,
        limit: usize,
    },
    /// The merchant's books are held beside the gateway's.
    Reconcile {
        claims: Vec<Claim>,
    },
}

/// What a payer does on a page, once it has opened it. What the page does not offer is left.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Entry {
    /// Types a card, with the right security code or PIN or a wrong one.
    Card { card: usize, is_right: bool },
    /// Chooses a saved card of the order's customer.
    Saved { card: usize },
    /// Enters the passcode.
    Passcode(usize),
    /// Has a one-time password sent.
    Channel,
    /// Enters the one-time password, at the gateway or at the issuer.
    Otp { is_right: bool },
    /// Comes back from an issuer that asks nothing.
    Return,
    /// Gives up.
    Cancel,
}

/// Reports of a payer's app on a QR.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Report {
    Scanned,
    Processing,
    Paid,
    Declined,
    Cancelled,
}

/// Flaws of a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum LinkFlaw {
    /// Its end is missing.
    Torn,
    /// It is opened as that of another merchant.
    Foreign,
}

/// Changes of a passcode.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum PasscodeChange {
    Create,
    Enable,
    Disable,
}

/// A line of a merchant's books.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Claim {
    pub(crate) tx_id: String,
    /// `transactionType`.
    pub(crate) kind: String,
    /// The sum; that of the order where none is named.
    pub(crate) minor: Option<i64>,
}

/// An order to register.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Register {
    /// True for a pre-authorisation.
    pub(crate) hold: bool,
    /// `paymentMethod`.
    pub(crate) method: String,
    /// True if it is in riel.
    pub(crate) riel: bool,
    pub(crate) minor: i64,
    /// Receiver of its push-backs; nobody where it is absent.
    pub(crate) receiver: Option<usize>,
    /// The customer, by its place among [`CUSTOMERS`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) customer: Option<usize>,
    /// The saved card of that customer with which it is to be paid.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) saved: Option<usize>,
}

/// What a request says of the approval number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Approval {
    Unsaid,
    Right,
    Wrong,
}

/// Mistakes and attacks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Flaw {
    /// The body is no JSON.
    NotJson,
    /// The order's number is left out.
    NoTxId,
    /// There is no signature.
    Unsigned,
    /// The request was changed after it was signed.
    Tampered,
    /// A merchant that no space has.
    UnknownMerchant,
    /// The terminal of another merchant.
    WrongTerminal,
    /// The amount is below zero.
    NegativeAmount,
    /// GET instead of POST.
    WrongMethod,
}

/// The receivers behind sockets, which have their places from 0 on.
pub(crate) const RECEIVERS: usize = 4;
/// The place of a receiver that nobody listens at.
pub(crate) const DEAD_RECEIVER: usize = RECEIVERS;
/// The places of the first and of the last receiver that is a box of the space.
pub(crate) const BOXES: [usize; 2] = [RECEIVERS + 1, RECEIVERS + 2];
/// Customers of every merchant. The first is one of the gateway's examples, which it knows already.
pub(crate) const CUSTOMERS: [&str; 3] = ["02", "anna", "boris"];
/// Passcodes of customers. The first holds for those who never set one.
pub(crate) const PASSCODES: [&str; 3] = ["123456", "2468", "97531"];

/// Ways in which a receiver behind a socket answers, once it has read the push-back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Answer {
    /// This status and a body.
    Status(u16),
    /// The connection is closed.
    Close,
    /// The connection is reset.
    Reset,
    /// Something that is no HTTP.
    Garbage,
    /// Half of a head.
    HalfHead,
    /// A good head, and less of the body than it promises.
    HalfBody,
}

/// Ways in which a box answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum BoxAnswer {
    /// This status, after so many milliseconds of the space's clock.
    Status { status: u16, delay_ms: i64 },
    /// The connection is closed.
    Close,
}

/// A rule: for calls of an operation, and of one merchant where one is named.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Rule {
    pub(crate) id: String,
    /// The operation, or `pay`.
    pub(crate) on: String,
    /// The merchant, by its place in the space.
    pub(crate) merchant: Option<usize>,
    /// The calls of all that fit.
    pub(crate) gate: Gate,
    /// True if calls for all orders are counted together.
    pub(crate) counts_all: bool,
    pub(crate) effect: Effect,
}

/// A choice among the calls that fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Gate {
    All,
    Nth(u32),
    Every(u32),
    First(u32),
}

/// What a rule does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Effect {
    /// Refused, or declined where it is a payment. Nothing is booked of a refused call.
    Refuse,
    /// Booked, and the connection is reset in place of an answer.
    LoseAnswer,
    /// Answered as if it had been booked.
    NeverBooked,
    /// Booked once it is answered.
    BookedAfter,
    /// Answered after so much time on the clock.
    Slow { ms: i64 },
    /// Booked and answered with HTTP 503.
    Unavailable,
    /// The push-back is sent so often, the first time after `delay_ms`. Not at all where `copies` is 0.
    Notices { copies: usize, delay_ms: i64, apart_ms: i64 },
}

impl Step {
    /// The space in which it happens, where it is one.
    pub(crate) fn space(&self) -> Option<&str> {
        match self {
            Self::Space { space, .. }
            | Self::Call { space, .. }
            | Self::Race { space, .. }
            | Self::Box { space, .. }
            | Self::Arm { space, .. }
            | Self::Advance { space, .. }
            | Self::Idle { space }
            | Self::Jump { space, .. }
            | Self::Resend { space, .. }
            | Self::Save { space, .. }
            | Self::Restore { space, .. }
            | Self::Fork { space, .. }
            | Self::Carry { space, .. }
            | Self::Reset { space }
            | Self::Remove { space } => Some(space),
            Self::Receiver { .. } | Self::Restart { .. } => None,
        }
    }
}

impl Report {
    /// The name of its operation.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Scanned => "notifyQrScanned",
            Self::Processing => "notifyProcessing",
            Self::Paid | Self::Declined => "notifyCompletion",
            Self::Cancelled => "cancelQr",
        }
    }
}

impl Register {
    pub(crate) fn currency(&self) -> &'static str {
        if self.riel { "KHR" } else { "USD" }
    }
}

impl Action {
    /// The name of the operation in rules and in the journal, or of the call of the control plane.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Register(_) => "register",
            Self::Status => "status",
            Self::Refund { .. } => "refund",
            Self::Reverse { .. } => "reversal",
            Self::Complete { .. } => "preAuthCompletion",
            Self::Pay { .. } => "pay",
            Self::Trigger { .. } => "trigger",
            Self::Page(_) | Self::Wallet { .. } | Self::Link { .. } => "page",
            Self::App { report, .. } => report.name(),
            Self::Bind { .. } => "bindingRegister",
            Self::Bindings { .. } => "bindingList",
            Self::Passcode { change: PasscodeChange::Create, .. } => "createPin",
            Self::Passcode { change: PasscodeChange::Enable, .. } => "enablePin",
            Self::Passcode { change: PasscodeChange::Disable, .. } => "disablePin",
            Self::Orders { .. } => "orders",
            Self::Reconcile { .. } => "reconciliation",
        }
    }

    /// Returns true if the request names one order.
    pub(crate) fn is_of_order(&self) -> bool {
        !matches!(
            self,
            Self::Bind { .. }
                | Self::Bindings { .. }
                | Self::Passcode { .. }
                | Self::Orders { .. }
                | Self::Reconcile { .. }
        )
    }

    /// Returns true if the gateway asks for a signature.
    pub(crate) fn is_signed(&self) -> bool {
        matches!(self, Self::Refund { .. } | Self::Reverse { .. } | Self::Complete { .. })
    }

    /// Returns true if it is one of PAYON's operations, and no page and no call of the control plane.
    pub(crate) fn is_of_merchant(&self) -> bool {
        !matches!(self, Self::Pay { .. } | Self::Trigger { .. }) && self.name() != "page"
    }
}

impl fmt::Display for History {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let line = |value: serde_json::Result<String>| value.map_err(|_| fmt::Error);
        f.write_str(&line(serde_json::to_string(&self.setup))?)?;
        for step in &self.steps {
            write!(f, "\n{}", line(serde_json::to_string(step))?)?;
        }
        Ok(())
    }
}

impl History {
    /// Reads what [`History`] prints.
    ///
    /// # Errors
    /// The number of the line that cannot be read, and why.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
        let mut setup = None;
        let mut steps = Vec::new();
        for (at, line) in lines {
            let wrong = |error: serde_json::Error| format!("line {}: {error}", at + 1);
            if setup.is_none() {
                setup = Some(serde_json::from_str(line).map_err(wrong)?);
            } else {
                steps.push(serde_json::from_str(line).map_err(wrong)?);
            }
        }
        let setup = setup.ok_or("no line with the setup: the first line of a history is that")?;
        Ok(Self { setup, steps })
    }
}
