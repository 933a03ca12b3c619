//! The merchant's way of working: the usual one, other correct styles, and the ways in which each mistake bends that.

use crate::scenario::{Mistake, Style};

/// The habits of a merchant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Policy {
    /// Belief about an answer that never came.
    pub(super) lost: Lost,
    /// Number of tries of a call before it is left to a human.
    pub(super) tries: u32,
    /// The first pause between two tries; each is twice the one before. None at all when 0.
    pub(super) pause_ms: i64,
    /// A purchase is repeated under its own txId.
    pub(super) same_id: bool,
    /// Set if the merchant asks about money that was to move before it moves it again.
    pub(super) asks_before_repeating: bool,
    /// A push-back is a hint and no proof.
    pub(super) checks_pushback: bool,
    /// So is the payer's return.
    pub(super) checks_return: bool,
    /// Set if a return that never came is booked all the same.
    pub(super) books_without_return: bool,
    /// Goods are sent once for an order.
    pub(super) ships_once: bool,
    /// An order is stored before it is registered.
    pub(super) stores_first: bool,
    /// Comparison of amounts.
    pub(super) amounts: Amounts,
    /// A final state stays.
    pub(super) keeps_final: bool,
    /// Asks by itself, without a push-back.
    pub(super) polls: bool,
    /// Asks after a push-back until the outcome is final, for it does not ask by itself.
    pub(super) asks_until_final: bool,
    /// The ways in which it compares its books with the gateway's.
    pub(super) compares_by: &'static [CompareBy],
    /// The side that refuses what is not allowed.
    pub(super) counter: Counter,
    /// Belief about a payment that is not known to be a success.
    pub(super) pending: PendingRefund,
    /// Time until a push-back is answered.
    pub(super) handling_ms: i64,
    /// Acknowledgement of push-backs.
    pub(super) acknowledges: Acknowledges,
    /// Copes with what it does not expect.
    pub(super) is_lenient: bool,
    /// Reads result codes, not HTTP statuses.
    pub(super) reads_code: bool,
    /// Reads the body of a redirect.
    pub(super) reads_redirects: bool,
    /// Longest time for a call as a whole.
    pub(super) call_limit_ms: Option<i64>,
    /// Turns a refund into a reversal, and the reverse, where the gateway says so.
    pub(super) falls_back: bool,
    /// Knows how long money is held.
    pub(super) tracks_holds: bool,
    /// Captures once.
    pub(super) captures_once: bool,
    /// Compares its books with the gateway's every day.
    pub(super) reconciles: bool,
    /// Forgets a saved card that is gone.
    pub(super) checks_bindings: bool,
    /// Sends card data only where it belongs.
    pub(super) guards_cards: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lost {
    Unknown,
    Failure,
    Success,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Amounts {
    Decimals,
    Text,
    Ignored,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CompareBy {
    /// The list of orders.
    List,
    /// The reconciliation call.
    Call,
    /// The status of each order.
    Status,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Counter {
    /// The merchant asks for less where it is asked for too much.
    Lowers,
    /// The merchant refuses, and chooses refund or reversal by the day.
    Refuses,
    /// The gateway.
    Gateway,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PendingRefund {
    Open,
    Failure,
    Success,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Acknowledges {
    /// Once the notice is stored, with the code.
    Stored,
    /// At once, and then loses it.
    Early,
    Never,
}

/// Tries of a merchant that knows no end.
const WITHOUT_END: u32 = 200;

impl Default for Policy {
    fn default() -> Self {
        Self {
            lost: Lost::Unknown,
            tries: 24,
            pause_ms: 2000,
            same_id: true,
            asks_before_repeating: true,
            checks_pushback: true,
            checks_return: true,
            books_without_return: true,
            ships_once: true,
            stores_first: true,
            amounts: Amounts::Decimals,
            keeps_final: true,
            polls: true,
            asks_until_final: false,
            compares_by: &[CompareBy::List, CompareBy::Call],
            counter: Counter::Lowers,
            pending: PendingRefund::Open,
            handling_ms: 0,
            acknowledges: Acknowledges::Stored,
            is_lenient: true,
            reads_code: true,
            reads_redirects: true,
            call_limit_ms: Some(30_000),
            falls_back: true,
            tracks_holds: true,
            captures_once: true,
            reconciles: true,
            checks_bindings: true,
            guards_cards: true,
        }
    }
}

impl Policy {
    /// The habits of a merchant of these styles that makes these mistakes, and no other.
    pub(super) fn with(styles: &[Style], mistakes: &[Mistake]) -> Self {
        let mut policy = Self::default();
        for style in styles {
            policy.adopt(*style);
        }
        for mistake in mistakes {
            policy.bend(*mistake);
        }
        policy
    }

    fn adopt(&mut self, style: Style) {
        match style {
            Style::AsksOnPushbacks => (self.polls, self.asks_until_final) = (false, true),
            Style::ReconcilesByList => self.compares_by = &[CompareBy::List],
            Style::ReconcilesByCall => self.compares_by = &[CompareBy::Call],
            Style::ReconcilesByStatus => self.compares_by = &[CompareBy::Status],
            Style::RefusesItself => self.counter = Counter::Refuses,
            Style::LetsGatewayRefuse => self.counter = Counter::Gateway,
        }
    }

    fn bend(&mut self, mistake: Mistake) {
        match mistake {
            Mistake::LostAnswerIsFailure => self.lost = Lost::Failure,
            Mistake::LostAnswerIsSuccess => self.lost = Lost::Success,
            Mistake::RetriesWithNewId => self.same_id = false,
            Mistake::NeverRetries => self.tries = 1,
            Mistake::RetriesWithoutPause => (self.tries, self.pause_ms) = (WITHOUT_END, 0),
            Mistake::RepeatsRefund => self.asks_before_repeating = false,
            Mistake::TrustsPushback => self.checks_pushback = false,
            Mistake::ShipsTwice => self.ships_once = false,
            Mistake::TrustsReturn => self.checks_return = false,
            Mistake::NeedsReturn => self.books_without_return = false,
            Mistake::StoresLate => self.stores_first = false,
            Mistake::IgnoresAmount => self.amounts = Amounts::Ignored,
            Mistake::ComparesText => self.amounts = Amounts::Text,
            Mistake::LastNewsWins => self.keeps_final = false,
            Mistake::NeverPolls => self.polls = false,
            Mistake::PendingIsFailure => self.pending = PendingRefund::Failure,
            Mistake::PendingIsSuccess => self.pending = PendingRefund::Success,
            Mistake::SlowHandler => self.handling_ms = 60_000,
            Mistake::AcknowledgesEarly => self.acknowledges = Acknowledges::Early,
            Mistake::NeverAcknowledges => self.acknowledges = Acknowledges::Never,
            Mistake::StrictParser => self.is_lenient = false,
            Mistake::ReadsHttpStatus => self.reads_code = false,
            Mistake::FollowsRedirects => self.reads_redirects = false,
            Mistake::WaitsForever => self.call_limit_ms = None,
            Mistake::ReversesSettled => self.falls_back = false,
            Mistake::CapturesLate => self.tracks_holds = false,
            Mistake::RepeatsCapture => self.captures_once = false,
            Mistake::NeverReconciles => self.reconciles = false,
            Mistake::KeepsBinding => self.checks_bindings = false,
            Mistake::LeaksCard => self.guards_cards = false,
        }
    }
}
