//! `drive`: what the built-in merchant and its payer do. Intentions only: how a correct merchant copes with what goes
//! wrong (asking for the status, repeating, reconciling) is the merchant's own business, and `mistakes` names the ways
//! in which it can be told to get that wrong.

use crate::base::{Currency, PaymentMethod, Period, Reason, named_enum};
use crate::scenario::codec::{Decimal, choice, record};

use super::{Probe, Requirement, Trt};

/// The most times that money is asked to move at the same moment.
const COPIES_MAX: u32 = 50;
/// The most orders of another till.
const OTHERS_MAX: u32 = 5000;

choice! {
    /// One thing that the merchant, its payer or the test bench does.
    pub enum DriveStep ("a step") {
        /// The merchant registers an order.
        Register(Register) = "register",
        /// The payer pays an order.
        Pay(Pay) = "pay",
        /// The payer's browser comes back to the shop.
        Return(Return) = "return",
        /// The merchant asks for an order's status.
        Status(OrderStep) = "status",
        /// The merchant takes a payment back.
        Reversal(OrderStep) = "reversal",
        /// The merchant refunds a payment, in part when an amount is given.
        Refund(AmountStep) = "refund",
        /// The merchant captures what a pre-authorisation holds; all of it when no amount is given.
        Complete(AmountStep) = "complete",
        /// The merchant lists the day's orders.
        Orders = "orders",
        /// The merchant reconciles all its orders.
        Reconcile = "reconcile",
        /// The merchant binds a card for a client.
        Bind(Bind) = "bind",
        /// A paying app tells of a QR payment.
        QrCompletion(QrCompletion) = "qrCompletion",
        /// Time or an issuer pushes an order somewhere.
        Trigger(TriggerStep) = "trigger",
        /// A push-back that was delivered is delivered once more.
        Resend(OrderStep) = "resend",
        /// A stranger sends a request to the shop, or repeats one of the shop's to the gateway.
        Probe(Probe) = "probe",
        /// The shop's process is killed in the middle of whatever it does, and started again.
        Restart = "restart",
        /// Simulated time passes.
        Advance(Period) = "advance",
        /// Simulated time passes as fast as the merchant's own, so that its timers run out as well.
        Wait(Period) = "wait",
        /// Simulated time passes until nothing is due any more.
        Idle = "idle",
        /// So many orders at once, each registered, paid and left to the merchant.
        Burst(Burst) = "burst",
        /// Another till of the same merchant registers orders, of which the merchant's shop knows nothing.
        OtherOrders(OtherOrders) = "otherOrders",
    }
}

record! {
    /// An order to register. What is left out is the first merchant's purchase of 10.00 USD by card.
    pub struct Register {
        /// The name by which later steps call it; "order" when absent.
        order: Option<String> = "order",
        /// The merchant.
        merchant_id: Option<String> = "merchantId",
        /// Amount.
        amount: Option<Decimal> = "amount",
        /// In which currency.
        currency: Option<Currency> = "currency",
        /// Purchase or pre-authorisation.
        trt: Option<Trt> = "trt",
        /// Payment method.
        payment_method: Option<PaymentMethod> = "paymentMethod",
        /// End of its txId, for rules that look there.
        tx_id_suffix: Option<String> = "txIdSuffix",
        /// The header X-Payon-Scenario of every call for it.
        header: Option<String> = "header",
        /// The client whose saved card is asked for, whoever the order is for: `bindingId` is that card's id.
        saved_card_of: Option<String> = "savedCardOf",
        /// Further fields of the request.
        fields: super::Members = "fields",
    }
    absent Register {
        order: None, merchant_id: None, amount: None, currency: None, trt: None,
        payment_method: None, tx_id_suffix: None, header: None, saved_card_of: None, fields: super::Members::default(),
    };
}

record! {
    /// The payer's way of paying. With nothing given: the first card that is approved.
    pub struct Pay {
        /// Order.
        order: Option<String> = "order",
        /// The card's number.
        card: Option<String> = "card",
        /// One-time password that the payer types.
        otp: Option<String> = "otp",
        /// Result, whatever it is paid with.
        outcome: Option<Reason> = "outcome",
    }
    absent Pay { order: None, card: None, otp: None, outcome: None };
}

record! {
    /// A return to the shop.
    pub struct Return {
        /// Order.
        order: Option<String> = "order",
        /// Result in the address.
        to: ReturnKind = "to",
    }
}

named_enum! {
    /// The addresses a payer may come back to.
    pub enum ReturnKind ("a return address") {
        /// The one for success.
        Success = "success",
        /// The one for failure.
        Fail = "fail",
        /// The one for giving up.
        Cancel = "cancel",
    }
}

record! {
    /// A step that needs to know which order it is about.
    pub struct OrderStep {
        /// Order.
        order: Option<String> = "order",
    }
    absent OrderStep { order: None };
}

record! {
    /// A step that moves money.
    pub struct AmountStep {
        /// Order.
        order: Option<String> = "order",
        /// Amount; everything that is left when absent.
        amount: Option<Decimal> = "amount",
        /// Number of times that it is asked for at the same moment; 1 when absent.
        copies: Option<u32> = "copies",
    }
    absent AmountStep { order: None, amount: None, copies: None };
    check |step, node| {
        if step.copies.is_some_and(|copies| !(1..=COPIES_MAX).contains(&copies)) {
            node.refuse(format!("`copies` must be 1 to {COPIES_MAX}"));
            return None;
        }
        Some(())
    };
}

impl AmountStep {
    /// Number of times that it is asked for.
    pub fn times(&self) -> usize {
        self.copies.unwrap_or(1) as usize
    }
}

record! {
    /// A card to bind.
    pub struct Bind {
        /// The merchant's client.
        client_id: String = "clientId",
        /// The card's number; the documented one when absent.
        card: Option<String> = "card",
    }
}

record! {
    /// Report of a paying app.
    pub struct QrCompletion {
        /// Order.
        order: Option<String> = "order",
        /// The amount it says was paid; the order's when absent.
        amount: Option<Decimal> = "amount",
        /// True if it failed there.
        failed: bool = "failed",
    }
    absent QrCompletion { order: None, amount: None, failed: false };
}

record! {
    /// A push for an order.
    pub struct TriggerStep {
        /// Order.
        order: Option<String> = "order",
        /// Event.
        event: TriggerKind = "event",
    }
}

named_enum! {
    /// Events that can be caused for an order from outside.
    pub enum TriggerKind ("an event") {
        /// Its time runs out.
        Expire = "expire",
        /// The payer gives up.
        Cancel = "cancel",
        /// Its day is closed.
        Settle = "settle",
        /// The issuer takes its approval back.
        LateDecline = "late-decline",
        /// The issuer approves after all.
        LateApproval = "late-approval",
        /// The payer's bank takes the money back.
        Chargeback = "chargeback",
    }
}

record! {
    /// Many orders at once.
    pub struct Burst {
        /// Number of orders.
        orders: u32 = "orders",
        /// Number of clients that share them.
        clients: u32 = "clients",
        /// Each like this one.
        each: Register = "each",
    }
    check |burst, node| {
        if burst.orders == 0 || burst.clients == 0 {
            node.refuse("`orders` and `clients` must be at least 1");
            return None;
        }
        Some(())
    };
}

record! {
    /// Orders of 1.00 USD that nobody pays.
    pub struct OtherOrders {
        /// Number of orders.
        orders: u32 = "orders",
    }
    check |others, node| {
        if !(1..=OTHERS_MAX).contains(&others.orders) {
            node.refuse(format!("`orders` must be 1 to {OTHERS_MAX}"));
            return None;
        }
        Some(())
    };
}

named_enum! {
    /// A merchant's bug. A scenario that names one must fail against a merchant that has it.
    pub enum Mistake ("a mistake") {
        /// Takes an answer that never came for a refusal, and does not ask.
        LostAnswerIsFailure = "lost-answer-is-failure",
        /// Takes an answer that never came for a success.
        LostAnswerIsSuccess = "lost-answer-is-success",
        /// Repeats a purchase under a new txId.
        RetriesWithNewId = "retries-with-new-id",
        /// Gives up at the first fault instead of trying again.
        NeverRetries = "never-retries",
        /// Tries again at once and without end.
        RetriesWithoutPause = "retries-without-pause",
        /// Sends a refund again without asking what came of the first.
        RepeatsRefund = "repeats-refund",
        /// Ships on a push-back alone.
        TrustsPushback = "trusts-pushback",
        /// Ships once for every push-back.
        ShipsTwice = "ships-twice",
        /// Ships when the payer's browser comes back with success.
        TrustsReturn = "trusts-return",
        /// Forgets an order whose payer does not come back.
        NeedsReturn = "needs-return",
        /// Stores an order only after it was registered.
        StoresLate = "stores-late",
        /// Does not compare amounts and currencies.
        IgnoresAmount = "ignores-amount",
        /// Lets later news replace a final state.
        LastNewsWins = "last-news-wins",
        /// Waits for a push-back and never asks.
        NeverPolls = "never-polls",
        /// Takes pending for failed.
        PendingIsFailure = "pending-is-failure",
        /// Takes pending for paid.
        PendingIsSuccess = "pending-is-success",
        /// Answers push-backs only after a long time.
        SlowHandler = "slow-handler",
        /// Answers push-backs before storing them, and then fails.
        AcknowledgesEarly = "acknowledges-early",
        /// Never acknowledges.
        NeverAcknowledges = "never-acknowledges",
        /// Falls over what it does not expect in a push-back.
        StrictParser = "strict-parser",
        /// Reads the HTTP status instead of the result code.
        ReadsHttpStatus = "reads-http-status",
        /// Follows redirects.
        FollowsRedirects = "follows-redirects",
        /// Has no limit for the whole of a call.
        WaitsForever = "waits-forever",
        /// Reverses what is settled, and leaves it at that.
        ReversesSettled = "reverses-settled",
        /// Captures after the hold has run out, and ships.
        CapturesLate = "captures-late",
        /// Captures or refunds the same money twice.
        RepeatsCapture = "repeats-capture",
        /// Takes amounts for binary floating point, or compares them as text.
        ComparesText = "compares-text",
        /// Never reconciles.
        NeverReconciles = "never-reconciles",
        /// Uses bindings that are gone.
        KeepsBinding = "keeps-binding",
        /// Copies card data into calls that need none.
        LeaksCard = "leaks-card",
    }
}

named_enum! {
    /// A way in which a correct merchant may go about its work. Of two that exclude each other the last one counts.
    pub enum Style ("a style") {
        /// Asks for the status when a push-back has come, until the outcome is final; never by itself.
        AsksOnPushbacks = "asks-on-push-backs",
        /// Compares its books with the list of orders.
        ReconcilesByList = "reconciles-by-list",
        /// Compares its books by the reconciliation call.
        ReconcilesByCall = "reconciles-by-call",
        /// Compares its books by the status of each order.
        ReconcilesByStatus = "reconciles-by-status",
        /// Refuses by its own count what the gateway would refuse, and chooses refund or reversal by the day.
        RefusesItself = "refuses-itself",
        /// Asks the gateway for what it is asked for, and takes the refusal for final.
        LetsGatewayRefuse = "lets-gateway-refuse",
    }
}

impl Style {
    /// Abilities that a merchant of this style lacks, correct as it is.
    pub const fn lacks(self) -> &'static [Requirement] {
        match self {
            Self::AsksOnPushbacks => &[Requirement::Polls],
            Self::ReconcilesByCall => &[Requirement::RechecksPaid],
            Self::ReconcilesByList
            | Self::ReconcilesByStatus
            | Self::RefusesItself
            | Self::LetsGatewayRefuse => &[],
        }
    }
}

impl DriveStep {
    /// The name of an order that is not given one.
    pub const FIRST_ORDER: &'static str = "order";

    /// Number of orders of the merchant that the step registers.
    pub fn registers(&self) -> usize {
        match self {
            Self::Register(_) => 1,
            Self::Burst(burst) => burst.orders as usize,
            _ => 0,
        }
    }

    /// The name of an order of a burst, by its number from 1.
    pub fn burst_order(number: u32) -> String {
        format!("{}-{number}", Self::FIRST_ORDER)
    }

    /// The step's name and the order it names, for steps that need one to be there.
    pub fn about_order(&self) -> Option<(&'static str, Option<&str>)> {
        let order = match self {
            Self::Pay(pay) => &pay.order,
            Self::Return(back) => &back.order,
            Self::Status(step) | Self::Reversal(step) | Self::Resend(step) => &step.order,
            Self::Refund(step) | Self::Complete(step) => &step.order,
            Self::QrCompletion(completion) => &completion.order,
            Self::Trigger(trigger) => &trigger.order,
            Self::Probe(probe) => &probe.order,
            Self::Register(_)
            | Self::Orders
            | Self::Reconcile
            | Self::Bind(_)
            | Self::Advance(_)
            | Self::Wait(_)
            | Self::Restart
            | Self::Idle
            | Self::Burst(_)
            | Self::OtherOrders(_) => return None,
        };
        Some((self.name(), order.as_deref()))
    }
}
