//! `requires`: abilities that a shop may lack and be correct all the same.

use std::collections::BTreeSet;

use super::{DriveStep, Register, Scenario, Trt};
use crate::base::{Currency, PaymentMethod, named_enum};

named_enum! {
    /// Something that a scenario needs of a shop and that not every correct shop can do.
    pub enum Requirement ("a requirement") {
        /// Holds money first and captures it later.
        PreAuth = "pre-auth",
        /// Refunds a payment in full.
        Refund = "refund",
        /// Refunds a part of a payment, by our optional field `amount`.
        PartialRefund = "partial-refund",
        /// Takes back a payment of the same day by a reversal.
        Reversal = "reversal",
        /// Saves cards and offers them again.
        SavedCards = "saved-cards",
        /// Offers payment by KHQR.
        Khqr = "khqr",
        /// Has prices in riel.
        Riel = "riel",
        /// Has a page to which the payer's browser comes back.
        ReturnPage = "return-page",
        /// Compares its books with the gateway's: by the list of orders, the reconciliation call, or the status of each.
        Reconciles = "reconciles",
        /// Looks at paid orders again, by the list or by their status: a reconciliation call alone tells of no chargeback.
        RechecksPaid = "rechecks-paid",
        /// Asks for the status of an open order by itself, without a push-back.
        Polls = "polls",
        /// Lets the test choose how a txId ends.
        ChoosesTxIdSuffix = "chooses-tx-id-suffix",
        /// Lets the test set the header X-Payon-Scenario of its calls.
        SendsScenarioHeader = "sends-scenario-header",
        /// Can be killed and started again while the test runs.
        Restarts = "restarts",
        /// Can pause for half a minute of its own time, or go on for a quarter of an hour, while the test waits for it.
        RealTimePause = "real-time-pause",
    }
}

impl Scenario {
    /// All that the scenario needs of a shop: what it says itself, and what its steps make the shop do.
    pub fn requirements(&self) -> BTreeSet<Requirement> {
        let steps = self.drive.iter().flat_map(DriveStep::needs);
        self.requires.iter().copied().chain(steps).collect()
    }
}

impl DriveStep {
    /// Abilities of the shop that the step needs.
    pub fn needs(&self) -> Vec<Requirement> {
        match self {
            DriveStep::Register(register) => needed_to_register(register),
            DriveStep::Burst(burst) => needed_to_register(&burst.each),
            DriveStep::Probe(probe) if probe.is_for_payer() => vec![Requirement::ReturnPage],
            DriveStep::Return(_) => vec![Requirement::ReturnPage],
            DriveStep::Reversal(_) => vec![Requirement::Reversal],
            DriveStep::Refund(refund) if refund.amount.is_some() => {
                vec![Requirement::PartialRefund]
            }
            DriveStep::Refund(_) => vec![Requirement::Refund],
            DriveStep::Complete(_) => vec![Requirement::PreAuth],
            DriveStep::Orders | DriveStep::Reconcile => vec![Requirement::Reconciles],
            DriveStep::Restart => vec![Requirement::Restarts],
            DriveStep::Bind(_) => vec![Requirement::SavedCards],
            DriveStep::QrCompletion(_) => vec![Requirement::Khqr],
            DriveStep::Pay(_)
            | DriveStep::Probe(_)
            | DriveStep::Status(_)
            | DriveStep::Trigger(_)
            | DriveStep::Resend(_)
            | DriveStep::Advance(_)
            | DriveStep::OtherOrders(_)
            | DriveStep::Idle => Vec::new(),
            DriveStep::Wait(_) => vec![Requirement::RealTimePause],
        }
    }
}

fn needed_to_register(register: &Register) -> Vec<Requirement> {
    let names_card = register.fields.0.iter().any(|(name, _)| name == "bindingId");
    let saves_cards = names_card || register.saved_card_of.is_some();
    let needs = [
        (register.trt == Some(Trt::PreAuth), Requirement::PreAuth),
        (register.payment_method == Some(PaymentMethod::BakongKhqr), Requirement::Khqr),
        (register.currency == Some(Currency::Khr), Requirement::Riel),
        (register.tx_id_suffix.is_some(), Requirement::ChoosesTxIdSuffix),
        (register.header.is_some(), Requirement::SendsScenarioHeader),
        (saves_cards, Requirement::SavedCards),
    ];
    needs.into_iter().filter(|(is_needed, _)| *is_needed).map(|(_, need)| need).collect()
}
