//! The tester's panel: what to enter for which outcome.

use super::context::PageContext;
use super::money;
use super::pages::{Panel, PanelCard};
use super::texts::Texts;
use crate::base::PaymentMethod;
use crate::gateway::CheckoutSession;
use crate::ledger::PayerStep;
use crate::profile::{Authentication, CardBrand, OtpChannel};

/// The panel beside the page of an order, for what its payer is asked now.
pub(super) fn of(
    context: &PageContext<'_>,
    session: &CheckoutSession,
    path: &str,
    choosing: bool,
) -> Panel {
    let profile = session.space.profile();
    let (t, method, payers) = (context.t, session.order.method, &profile.payers);
    let otp = |channel| (t.otp_code, payers.otp.right(channel).to_owned());
    let passcode = || (t.passcode, payers.passcode.clone());
    let mut panel = Panel::default();
    if choosing {
        panel.groups = grouped(t, cards(context, session, path));
        panel.app =
            (method != PaymentMethod::CreditDebit).then(|| context.address(&app_path(path), &[]));
        if !session.saved.is_empty() {
            panel.hints.push(passcode());
        }
        return panel;
    }
    panel.hints = match session.progress().step {
        PayerStep::Passcode => vec![passcode()],
        PayerStep::Channel => vec![otp(OtpChannel::Sms)],
        PayerStep::Otp(channel) => vec![otp(channel)],
        PayerStep::Acs(Authentication::WrongOtp) => {
            vec![(t.otp_code, t.no_code_is_right.to_owned())]
        }
        PayerStep::Acs(Authentication::Abandoned) => {
            vec![(t.this_card, t.payer_leaves.to_owned())]
        }
        PayerStep::Acs(_) => vec![otp(OtpChannel::Acs)],
        PayerStep::Enter | PayerStep::Unanswered => Vec::new(),
    };
    if let Some(card) = session.card() {
        panel.hints.push((t.ends_with, card.outcome.name().to_owned()));
    }
    panel
}

/// Puts cards into their groups; a group without cards is left out.
pub(super) fn grouped(t: &Texts, mut cards: Vec<PanelCard>) -> Vec<(&'static str, Vec<PanelCard>)> {
    // Titles, and the beginnings of the outcomes that belong there. The last takes the rest.
    let titles: [(&str, &[&str]); 4] = [
        (t.cards_that_pay, &["success"]),
        (t.cards_that_3ds_stops, &["acs.", "otp."]),
        (t.cards_of_failing_banks, &["issuer."]),
        (t.cards_declined, &[""]),
    ];
    let groups = titles.map(|(title, outcomes)| {
        let belongs =
            |card: &mut PanelCard| outcomes.iter().any(|outcome| card.outcome.starts_with(outcome));
        (title, cards.extract_if(.., belongs).collect())
    });
    groups.into_iter().filter(|(_, cards): &(_, Vec<_>)| !cards.is_empty()).collect()
}

/// The test cards that pay orders of this kind.
fn cards(context: &PageContext<'_>, session: &CheckoutSession, path: &str) -> Vec<PanelCard> {
    let method = session.order.method;
    if !matches!(method, PaymentMethod::Payon | PaymentMethod::CreditDebit) {
        return Vec::new();
    }
    let rows = session.space.profile().cards.iter().enumerate();
    rows.filter(|(_, card)| (card.scheme == CardBrand::Payon) == (method == PaymentMethod::Payon))
        .map(|(row, card)| PanelCard {
            number: card.number.clone(),
            spaced: money::in_fours(&card.number),
            outcome: card.outcome.name(),
            about: card.about.clone(),
            href: context.address(path, &[("again", "1"), ("fill", &row.to_string())]),
        })
        .collect()
}

/// The path at which the pretend app pays the order of a page.
pub(super) fn app_path(path: &str) -> String {
    path.replacen("/pg/checkout", "/_sim/app", 1)
}
