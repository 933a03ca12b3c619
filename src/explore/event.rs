//! Events that can befall an order, and faults that can befall its calls: each with the scenario text that makes it happen.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

use crate::base::{Diagnostic, sort_by};
use crate::scenario::{Scenario, ScenarioFile};

/// A way of doing business with the gateway.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Flow {
    /// A purchase by card.
    Purchase,
    /// A hold that is captured later.
    PreAuth,
    /// A purchase that is refunded in part the next day.
    Refund,
    /// A purchase by KHQR.
    Khqr,
}

impl Flow {
    /// Every one.
    pub const ALL: [Self; 4] = [Self::Purchase, Self::PreAuth, Self::Refund, Self::Khqr];

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Purchase => "purchase",
            Self::PreAuth => "pre-auth",
            Self::Refund => "refund",
            Self::Khqr => "khqr",
        }
    }

    /// Events that every run of the flow has, in their order; the first notice follows the payment.
    const fn backbone(self) -> &'static [FlowEvent] {
        use FlowEvent::{Capture, NextDay, Notice, Pay, Refund, Register};
        match self {
            Self::Purchase | Self::Khqr => &[Register, Pay, Notice],
            Self::PreAuth => &[Register, Pay, Notice, Capture],
            Self::Refund => &[Register, Pay, Notice, NextDay, Refund],
        }
    }
}

/// One thing that happens to the order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FlowEvent {
    /// The shop registers it.
    Register,
    /// The payer pays.
    Pay,
    /// The payer's payment is declined.
    Decline,
    /// Its time runs out.
    Expire,
    /// The issuer approves after all.
    ApproveLate,
    /// A day passes.
    NextDay,
    /// The shop captures the hold.
    Capture,
    /// The shop refunds a part.
    Refund,
    /// A genuine notice arrives.
    Notice,
    /// Two copies of a genuine notice arrive together.
    TwoNotices,
    /// An old notice of failure arrives.
    FailureNotice,
    /// A forged notice of success arrives.
    ForgedNotice,
    /// The payer's browser comes back to the address for success.
    Return,
    /// The shop asks for the status.
    CheckStatus,
}

/// Effect of an event on the gateway's answer to a question about the order.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sight {
    /// It changes at the gateway, and every question is answered as before.
    Hidden,
    /// It changes the answer.
    Changing,
    /// It makes the shop look.
    Looking,
}

impl FlowEvent {
    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Register => "registered",
            Self::Pay => "paid",
            Self::Decline => "declined",
            Self::Expire => "expired",
            Self::ApproveLate => "approved late",
            Self::NextDay => "next day",
            Self::Capture => "captured",
            Self::Refund => "refunded",
            Self::Notice => "notice",
            Self::TwoNotices => "two notices",
            Self::FailureNotice => "old failure notice",
            Self::ForgedNotice => "forged notice",
            Self::Return => "payer returns",
            Self::CheckStatus => "shop asks",
        }
    }

    /// Returns true if it counts against the number of faults.
    pub const fn is_fault(self) -> bool {
        matches!(
            self,
            Self::TwoNotices | Self::FailureNotice | Self::ForgedNotice | Self::ApproveLate
        )
    }

    /// Returns true if it decides about the money.
    pub const fn is_payment(self) -> bool {
        matches!(self, Self::Pay | Self::Decline | Self::ApproveLate)
    }

    const fn sight(self) -> Sight {
        match self {
            // PAYON answers for an order that is open, declined or expired in one and the same way.
            Self::Expire | Self::Decline => Sight::Hidden,
            Self::Register
            | Self::Pay
            | Self::ApproveLate
            | Self::NextDay
            | Self::Capture
            | Self::Refund => Sight::Changing,
            Self::Notice
            | Self::TwoNotices
            | Self::FailureNotice
            | Self::ForgedNotice
            | Self::Return
            | Self::CheckStatus => Sight::Looking,
        }
    }

    /// Returns true if swapping the two, one behind the other, changes nothing that anyone can see.
    pub fn is_independent_of(self, other: Self) -> bool {
        let sights = (self.sight(), other.sight());
        self == other
            || matches!(sights, (Sight::Hidden, Sight::Looking) | (Sight::Looking, Sight::Hidden))
    }

    /// The step in a scenario's `drive`.
    fn step(self, flow: Flow, is_good: bool) -> String {
        const NOTICE: &str = r#"'{"txId":"${txId}","resultCode":"CODE","resultMsg":"MESSAGE"}'"#;
        let notice = |is_good: bool, more: &str| {
            let (code, message) = if is_good { ("0000", "Success") } else { ("9999", "ERROR") };
            let body = NOTICE.replace("CODE", code).replace("MESSAGE", message);
            format!("probe: {{ to: pushback{more}, body: {body} }}")
        };
        match (self, flow) {
            (Self::Register, Flow::PreAuth) => "register: { trt: \"12\" }".to_owned(),
            (Self::Register, Flow::Khqr) => "register: { paymentMethod: BAKONG_KHQR }".to_owned(),
            (Self::Register, _) => "register".to_owned(),
            (Self::Pay, Flow::Khqr) => "qrCompletion".to_owned(),
            (Self::Pay, _) => "pay".to_owned(),
            (Self::Decline, Flow::Khqr) => "qrCompletion: { failed: true }".to_owned(),
            (Self::Decline, _) => "pay: { outcome: card.do-not-honour }".to_owned(),
            (Self::Expire, _) => "trigger: { event: expire }".to_owned(),
            (Self::ApproveLate, _) => "trigger: { event: late-approval }".to_owned(),
            (Self::NextDay, _) => "advance: 1d".to_owned(),
            (Self::Capture, _) => "complete".to_owned(),
            (Self::Refund, _) => "refund: { amount: \"4.00\" }".to_owned(),
            (Self::Notice, _) => notice(is_good, ""),
            (Self::TwoNotices, _) => notice(is_good, ", copies: 2"),
            (Self::FailureNotice, _) => notice(false, ""),
            (Self::ForgedNotice, _) => notice(true, ""),
            (Self::Return, _) => "return: { to: success }".to_owned(),
            (Self::CheckStatus, _) => "status".to_owned(),
        }
    }
}

/// A fault of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CallFault {
    /// The order is registered, the answer is lost.
    RegisterAnswerLost,
    /// The registration never arrives.
    RegisterCallLost,
    /// A notice overtakes the answer to the registration.
    NoticeBeforeAnswer,
    /// The first two questions are answered with "pending".
    StatusPending,
    /// The answer to the first question is lost.
    StatusAnswerLost,
    /// The capture is booked, the answer is lost.
    CaptureAnswerLost,
    /// The capture never arrives.
    CaptureCallLost,
    /// The refund is booked, the answer is lost.
    RefundAnswerLost,
    /// The refund never arrives.
    RefundCallLost,
}

impl CallFault {
    /// Every one.
    pub const ALL: [Self; 9] = [
        Self::RegisterAnswerLost,
        Self::RegisterCallLost,
        Self::NoticeBeforeAnswer,
        Self::StatusPending,
        Self::StatusAnswerLost,
        Self::CaptureAnswerLost,
        Self::CaptureCallLost,
        Self::RefundAnswerLost,
        Self::RefundCallLost,
    ];

    /// Its name, the call that it befalls, and what happens to that.
    const fn rule(self) -> (&'static str, &'static str, &'static str) {
        const AFTER: &str = "[{ commit: before }, { transport: reset }]";
        const BEFORE: &str = "[{ commit: never }, { transport: reset }]";
        match self {
            Self::RegisterAnswerLost => {
                ("register-answer-lost", "{ operation: register, nth: 1 }", AFTER)
            }
            Self::RegisterCallLost => {
                ("register-call-lost", "{ operation: register, nth: 1 }", BEFORE)
            }
            Self::NoticeBeforeAnswer => (
                "notice-before-answer",
                "{ operation: register, nth: 1 }",
                "[{ latency: 3s }, { pushback: { forged: true, beforeReply: true } }]",
            ),
            Self::StatusPending => {
                ("status-pending", "{ operation: status, first: 2 }", "[{ reason: order.pending }]")
            }
            Self::StatusAnswerLost => {
                ("status-answer-lost", "{ operation: status, nth: 1 }", "[{ transport: reset }]")
            }
            Self::CaptureAnswerLost => {
                ("capture-answer-lost", "{ operation: preAuthCompletion, nth: 1 }", AFTER)
            }
            Self::CaptureCallLost => {
                ("capture-call-lost", "{ operation: preAuthCompletion, nth: 1 }", BEFORE)
            }
            Self::RefundAnswerLost => {
                ("refund-answer-lost", "{ operation: refund, nth: 1 }", AFTER)
            }
            Self::RefundCallLost => ("refund-call-lost", "{ operation: refund, nth: 1 }", BEFORE),
        }
    }

    /// Its name.
    pub const fn name(self) -> &'static str {
        self.rule().0
    }

    /// The event without which there is no call that it could befall; a shop asks by itself.
    pub const fn befalls(self) -> FlowEvent {
        match self {
            Self::CaptureAnswerLost | Self::CaptureCallLost => FlowEvent::Capture,
            Self::RefundAnswerLost | Self::RefundCallLost => FlowEvent::Refund,
            _ => FlowEvent::Register,
        }
    }
}

/// One order of events of a flow.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Schedule {
    /// Flow.
    pub flow: Flow,
    /// Faults of calls.
    pub faults: Vec<CallFault>,
    /// Events.
    pub events: Vec<FlowEvent>,
    /// True if twenty minutes pass at the end, so that the shop can ask by itself.
    pub waits: bool,
}

impl Schedule {
    /// The flow as it usually goes.
    pub fn plain(flow: Flow) -> Self {
        Self { flow, faults: Vec::new(), events: flow.backbone().to_vec(), waits: true }
    }

    /// Number of faults in it: of calls, among the events, and the notice that never comes.
    pub fn fault_count(&self) -> usize {
        let among = self.events.iter().filter(|event| event.is_fault()).count();
        self.faults.len() + among + usize::from(self.is_unnoticed())
    }

    /// Returns true if the money moves and no notice tells of it.
    pub fn is_unnoticed(&self) -> bool {
        let paid = self.events.iter().position(|event| event.is_payment());
        paid.is_some_and(|paid| {
            let after = &self.events[paid..];
            !after.iter().any(|it| matches!(it, FlowEvent::Notice | FlowEvent::TwoNotices))
        })
    }

    /// The notice that the gateway sends by itself, right behind the payment.
    fn own_notice(&self) -> Option<usize> {
        let paid = self.events.iter().position(|event| event.is_payment())?;
        (self.events.get(paid + 1) == Some(&FlowEvent::Notice)).then_some(paid + 1)
    }

    /// Number of steps that make it happen: events, apart from the notice that follows a payment by itself.
    pub fn steps(&self) -> usize {
        self.events.len() - usize::from(self.own_notice().is_some())
    }

    /// Number of rules that make it happen.
    pub fn rules(&self) -> usize {
        let is_paid = self.events.iter().any(|event| event.is_payment());
        self.faults.len() + usize::from(is_paid && self.own_notice().is_none())
    }

    /// Returns true if everything in it can happen: money moves after the registration, is captured and given back after
    /// it has come, and genuine notices come after the news.
    pub fn is_possible(&self) -> bool {
        use FlowEvent::{
            ApproveLate, Capture, Expire, NextDay, Notice, Refund, Register, TwoNotices,
        };
        let place = |event: FlowEvent| self.events.iter().position(|it| *it == event);
        let paid = self.events.iter().position(|event| event.is_payment());
        let payments = self.events.iter().filter(|event| event.is_payment()).count();
        let is_paid = self.events.iter().any(|it| matches!(it, FlowEvent::Pay | ApproveLate));
        let follows_payment = |event: &FlowEvent, at: usize| match event {
            Notice | TwoNotices => paid.is_some_and(|paid| at > paid),
            Capture | Refund => is_paid && paid.is_some_and(|paid| at > paid),
            _ => true,
        };
        let mut in_order = self.events.iter().enumerate();
        let expires_before = match (place(Expire), place(ApproveLate)) {
            (Some(expired), Some(approved)) => expired < approved,
            (None, Some(_)) => false,
            (Some(_), None) => payments == 0,
            (None, None) => true,
        };
        let has_call = |fault: &CallFault| place(fault.befalls()).is_some();
        place(Register) == Some(0)
            && payments <= 1
            && expires_before
            && in_order.all(|(at, event)| follows_payment(event, at))
            && self.faults.iter().all(has_call)
            && match (place(NextDay), place(Refund)) {
                (Some(day), Some(refund)) => day < refund && paid.is_some_and(|paid| paid < day),
                (Some(_), None) => self.flow == Flow::Refund,
                _ => true,
            }
    }

    /// The same with independent events in a fixed order: two schedules that differ in nothing else become one.
    #[must_use]
    pub fn normal(mut self) -> Self {
        let mut is_changed = true;
        while is_changed {
            is_changed = false;
            for at in 1..self.events.len() {
                let (before, after) = (self.events[at - 1], self.events[at]);
                if before > after && before.is_independent_of(after) {
                    self.events.swap(at - 1, at);
                    is_changed = true;
                }
            }
        }
        sort_by(&mut self.faults, Ord::cmp);
        self
    }

    /// Returns true if everything of `smaller` happens in this one too, in the same order.
    pub fn contains(&self, smaller: &Self) -> bool {
        let mut rest = self.events.iter();
        self.flow == smaller.flow
            && smaller.faults.iter().all(|fault| self.faults.contains(fault))
            && smaller.events.iter().all(|event| rest.any(|it| it == event))
    }

    /// The schedule in words.
    pub fn title(&self) -> String {
        let mut words: Vec<&str> = self.events.iter().map(|event| event.name()).collect();
        words.extend(self.faults.iter().map(|fault| fault.name()));
        format!("{}: {}", self.flow.name(), words.join(", "))
    }

    /// The schedule as a scenario file, with what must hold once everything is quiet.
    pub fn to_yaml(&self, id: &str) -> String {
        let mut text = format!("version: 1\nid: {id}\ntitle: '{}'\n", self.title());
        // Writing into a String cannot fail.
        let _ = write!(
            text,
            "why: Every order of these events happens in production sooner or later.\n\
             correct: Once everything is quiet its books say what the gateway's say, and goods went out once for money that stays.\n"
        );
        let own_notice = self.own_notice();
        let is_paid = self.events.iter().any(|event| event.is_payment());
        if self.is_unnoticed() {
            text += "requires: [polls]\n";
        }
        let mut rules: Vec<(&str, &str, &str)> = self.faults.iter().map(|it| it.rule()).collect();
        if is_paid && own_notice.is_none() {
            let paid = "{ operation: [pay, trigger, notifyCompletion] }";
            rules.push(("no-notice-by-itself", paid, "[{ pushback: { drop: true } }]"));
        } else if self.events.contains(&FlowEvent::Expire) {
            let expired = "{ operation: trigger, nth: 1 }";
            rules.push(("expiry-is-not-told", expired, "[{ pushback: { drop: true } }]"));
        }
        if !rules.is_empty() {
            text += "rules:\n";
            // A merchant who works in another way never makes the call that a fault waits for; where none of them steps in,
            // nothing was judged all the same.
            for (id, when, then) in rules {
                let _ = write!(
                    text,
                    "  - id: {id}\n    when: {when}\n    then: {then}\n    optional: true\n"
                );
            }
        }
        text += "drive:\n";
        let is_good = !self.events.contains(&FlowEvent::Decline);
        for (at, event) in self.events.iter().enumerate() {
            if Some(at) != own_notice {
                let _ = writeln!(text, "  - {}", event.step(self.flow, is_good));
            }
        }
        if self.waits {
            text += "  - advance: 20m\n";
        }
        text += "  - idle\nexpect:\n";
        for (about, expectation) in self.invariants() {
            let _ = write!(text, "  - about: {about}\n    {expectation}\n");
        }
        text
    }

    /// Facts that must hold, whatever came in which order.
    fn invariants(&self) -> Vec<(&'static str, &'static str)> {
        let mut all = vec![
            (
                "The books are those of the gateway, and goods go out once for money that stays",
                "shop: { balanced: true }",
            ),
            ("One cart, one order", "order: { exactly: 1 }"),
        ];
        if self.events.contains(&FlowEvent::Refund) {
            all.push((
                "Given back at most once",
                "order: { returned: { lte: \"4.00\" }, refunded: { atMost: 1 } }",
            ));
        } else {
            all.push((
                "Given back and shipped are not both",
                "anyOf:\n      - { never: true, order: { state: [refunded, reversed] } }\n      - shop: { orderState: [refunded, reversed], shipped: never }",
            ));
        }
        if self.events.contains(&FlowEvent::Capture) {
            all.push((
                "Captured at most once",
                "order: { completed: { atMost: 1 }, captured: { lte: \"10.00\" } }",
            ));
        }
        if self.faults.contains(&CallFault::NoticeBeforeAnswer) {
            all.push((
                "Taken, or put off with a 5xx; never answered with a 4xx, after which many senders do not try again",
                "never: true\n    pushback: { answered: 4xx }",
            ));
        }
        all
    }

    /// The scenario, read from its file.
    ///
    /// # Errors
    /// The text is no scenario; a test keeps that from happening.
    pub fn scenario(&self, id: &str) -> Result<Scenario, Vec<Diagnostic>> {
        ScenarioFile::read(id, self.to_yaml(id).as_bytes()).map(|file| file.scenario)
    }
}
