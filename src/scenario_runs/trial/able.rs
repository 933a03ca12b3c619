//! Abilities that a merchant file gives its shop, held against the steps of a scenario.

use crate::base::{Currency, PaymentMethod};
use crate::scenario::{
    AmountStep, DriveStep, MerchantFile, Register, Requirement, Scenario, ShopCall, Trt,
};

/// Steps of a scenario that a shop cannot be made to take: a sentence each, with the remedy.
pub(in crate::scenario_runs) fn unable(file: &MerchantFile, scenario: &Scenario) -> Vec<String> {
    let mut sentences: Vec<String> = Vec::new();
    for step in &scenario.drive {
        for sentence in missing(file, step) {
            if !sentences.contains(&sentence) {
                sentences.push(sentence);
            }
        }
    }
    sentences
}

fn missing(file: &MerchantFile, step: &DriveStep) -> Vec<String> {
    let steps = &file.steps;
    let (key, call, wanted) = match step {
        DriveStep::Register(register) => ("register", &steps.register, registering(register)),
        DriveStep::Burst(burst) => ("register", &steps.register, registering(&burst.each)),
        DriveStep::Refund(it) => ("refund", &steps.refund, moving(it, Requirement::PartialRefund)),
        DriveStep::Reversal(_) => ("reversal", &steps.reversal, Vec::new()),
        DriveStep::Complete(it) => ("complete", &steps.complete, moving(it, Requirement::PreAuth)),
        DriveStep::Status(_) => ("status", &steps.status, Vec::new()),
        DriveStep::Orders => ("orders", &steps.orders, Vec::new()),
        DriveStep::Reconcile => ("reconcile", &steps.reconcile, Vec::new()),
        DriveStep::Bind(_) => ("bind", &steps.bind, vec![(vec!["clientId"], None)]),
        DriveStep::Restart => return unrestarted(file),
        DriveStep::Pay(_)
        | DriveStep::Return(_)
        | DriveStep::QrCompletion(_)
        | DriveStep::Trigger(_)
        | DriveStep::Resend(_)
        | DriveStep::Advance(_)
        | DriveStep::Wait(_)
        | DriveStep::OtherOrders(_)
        | DriveStep::Probe(_)
        | DriveStep::Idle => return Vec::new(),
    };
    let name = step.name();
    let Some(call) = call else {
        let lack = step.needs().first().map(|need| lacking(*need)).unwrap_or_default();
        return vec![format!(
            "step `{name}` of `drive` cannot be made: the merchant file has no `do.{key}`; add it{lack}"
        )];
    };
    let unused = wanted.into_iter().filter(|(names, _)| !uses(call, names));
    let sentence = |(names, need): (Vec<&str>, Option<Requirement>)| {
        let value = names.join("}` or `${");
        let lack = need.map(lacking).unwrap_or_default();
        format!(
            "step `{name}` of `drive` cannot be made as it stands: `do.{key}` does not use `${{{value}}}`; add it{lack}"
        )
    };
    unused.map(sentence).collect()
}

/// Said of a shop that runs already and whose file has no way to restart it.
fn unrestarted(file: &MerchantFile) -> Vec<String> {
    let cannot = file.start.is_none() && file.restart.is_none();
    let told = || {
        format!(
            "step `restart` of `drive` cannot be made: the merchant file has neither `start` nor `restart`; add one{}",
            lacking(Requirement::Restarts)
        )
    };
    cannot.then(told).into_iter().collect()
}

fn lacking(need: Requirement) -> String {
    format!(", or say `without: [{}]` if the shop cannot do it", need.name())
}

fn uses(call: &ShopCall, names: &[&str]) -> bool {
    call.names().iter().any(|used| names.contains(used))
}

/// Values of which a call must use one, and the ability that a shop without them lacks.
type WantedValue<'s> = (Vec<&'s str>, Option<Requirement>);

fn moving(step: &AmountStep, need: Requirement) -> Vec<WantedValue<'static>> {
    step.amount.iter().map(|_| (vec!["amount", "minor"], Some(need))).collect()
}

fn registering(register: &Register) -> Vec<WantedValue<'_>> {
    let is_khqr = register.payment_method == Some(PaymentMethod::BakongKhqr);
    let options = [
        (true, "amount", None),
        (register.trt == Some(Trt::PreAuth), "trt", Some(Requirement::PreAuth)),
        (is_khqr, "method", Some(Requirement::Khqr)),
        (register.currency == Some(Currency::Khr), "currency", Some(Requirement::Riel)),
        (register.tx_id_suffix.is_some(), "txIdSuffix", Some(Requirement::ChoosesTxIdSuffix)),
        (register.header.is_some(), "scenarioHeader", Some(Requirement::SendsScenarioHeader)),
        (register.saved_card_of.is_some(), "bindingId", Some(Requirement::SavedCards)),
    ];
    let options = options.into_iter().filter(|(is_given, ..)| *is_given);
    let values = options.map(|(_, name, need)| match name {
        "amount" => (vec!["amount", "minor"], need),
        name => (vec![name], need),
    });
    let fields = register.fields.0.iter().map(|(name, _)| {
        let need = (name == "bindingId").then_some(Requirement::SavedCards);
        (vec![name.as_str()], need)
    });
    values.chain(fields).collect()
}
