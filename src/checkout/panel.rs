//! The tester's panel: what to enter for which outcome.

use super::desk::Desk;
use super::money;
use super::pages::{Panel, PanelCard};
use crate::base::PaymentMethod;
use crate::gateway::Visit;
use crate::ledger::Step;
use crate::profile::{Authentication, OtpChannel, Scheme};

/// The panel beside the page of an order, for what its payer is asked now.
pub(super) fn of(desk: &Desk<'_>, visit: &Visit, path: &str, choosing: bool) -> Panel {
    let profile = visit.space.profile();
    let (method, payers) = (visit.order.method, &profile.payers);
    let otp = |channel| ("One-time code", payers.otp.right(channel).to_owned());
    let passcode = || ("Passcode", payers.passcode.clone());
    let mut panel = Panel::default();
    if choosing {
        panel.cards = cards(desk, visit, path);
        panel.app = (method != PaymentMethod::CreditDebit).then(|| desk.at(&app_path(path)));
        if !visit.saved.is_empty() {
            panel.hints.push(passcode());
        }
        return panel;
    }
    panel.hints = match visit.progress().step {
        Step::Passcode => vec![passcode()],
        Step::Channel => vec![otp(OtpChannel::Sms)],
        Step::Otp(channel) => vec![otp(channel)],
        Step::Acs(Authentication::WrongOtp) => vec![("One-time code", "none is right".to_owned())],
        Step::Acs(Authentication::Abandoned) => {
            vec![("This card", "the payer leaves; whatever is entered, it ends so".to_owned())]
        }
        Step::Acs(_) => vec![otp(OtpChannel::Acs)],
        Step::Enter | Step::Unanswered => Vec::new(),
    };
    if let Some(card) = visit.card() {
        panel.hints.push(("Ends with", card.outcome.name().to_owned()));
    }
    panel
}

/// The test cards that pay orders of this kind.
fn cards(desk: &Desk<'_>, visit: &Visit, path: &str) -> Vec<PanelCard> {
    let method = visit.order.method;
    if !matches!(method, PaymentMethod::Payon | PaymentMethod::CreditDebit) {
        return Vec::new();
    }
    let rows = visit.space.profile().cards.iter().enumerate();
    rows.filter(|(_, card)| (card.scheme == Scheme::Payon) == (method == PaymentMethod::Payon))
        .map(|(row, card)| PanelCard {
            number: card.number.clone(),
            spaced: money::in_fours(&card.number),
            outcome: card.outcome.name(),
            about: card.about.clone(),
            href: desk.address(path, &[("again", "1"), ("fill", &row.to_string())]),
        })
        .collect()
}

/// The path at which the pretend app pays the order of a page.
pub(super) fn app_path(path: &str) -> String {
    path.replacen("/pg/checkout", "/_sim/app", 1)
}
