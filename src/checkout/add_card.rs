//! Saving a card without a payment: the card, then a code by text message, then it is saved.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::desk::{Desk, Exits};
use super::forms::{CardForm, CardKind, digits, scheme_name};
use super::pages::{AddCard, Frame, Outcome, Panel, VerifyCard};
use super::reply::{Reply, with_query};
use super::{money, pay};
use crate::base::{Millis, Reason};
use crate::gateway::link::CardOffer;
use crate::gateway::{self, CardToSave};
use crate::ledger::Client;
use crate::profile::OtpChannel;
use crate::space::Space;

const OFFER: &str = "card offer";
const PENDING: &str = "card to verify";

/// A card that was entered rightly and is not saved yet. It goes to the browser and back, sealed;
/// it is a row of the table of test cards and holds no security code, PIN or passcode.
#[derive(Serialize, Deserialize)]
struct Pending {
    /// The offer that it belongs to.
    offer: String,
    row: u32,
    expiry: Option<String>,
    holder: Option<String>,
    phone: String,
    sent: Millis,
    /// Wrong codes so far.
    wrong: u8,
}

/// What a page of one offer needs.
struct Stand<'a> {
    space: Arc<Space>,
    offer: CardOffer,
    token: &'a str,
}

/// Opens an encrypted link.
pub(super) fn open_link(desk: &Desk<'_>) -> Reply {
    let query = &desk.query;
    let space = desk.request.space.clone();
    let space = space.unwrap_or_else(|| desk.spaces.of_merchant(&query.merchant_id));
    match gateway::link::open_for_card(&space, &query.merchant_id, &query.data) {
        Ok(offer) => {
            let token = gateway::seal(&space, OFFER, &offer);
            Reply::see_other(&desk.address(&format!("/pg/checkout/card/{token}"), &[]))
        }
        Err(refused) => pay::refused_link(desk, &refused),
    }
}

/// The card form.
pub(super) fn show(desk: &Desk<'_>, token: &str) -> Reply {
    let Some(stand) = Stand::of(desk, token) else { return desk.unknown() };
    let filled = desk.query.fill.filter(|_| desk.checkout.panel);
    let cards = &stand.space.profile().cards;
    let filled = filled.and_then(|row| cards.get(row)).map(CardForm::filled);
    let phone = stand.offer.phone.clone().unwrap_or_default();
    stand.form(desk, 200, filled.unwrap_or_default(), phone, None)
}

/// Takes the card, or the code that verifies it.
pub(super) fn act(desk: &Desk<'_>, token: &str) -> Reply {
    let Some(stand) = Stand::of(desk, token) else { return desk.unknown() };
    match desk.form.action.as_str() {
        "card" => stand.take_card(desk),
        "save" => stand.save(desk),
        _ => stand.leave(desk, Reason::PayerCancelled, None),
    }
}

impl<'a> Stand<'a> {
    fn of(desk: &Desk<'_>, token: &'a str) -> Option<Self> {
        let (space, offer) = gateway::unseal(desk.spaces, OFFER, token)?;
        Some(Self { space, offer, token })
    }

    fn path(&self) -> String {
        format!("/pg/checkout/card/{}", self.token)
    }

    fn take_card(&self, desk: &Desk<'_>) -> Reply {
        let t = desk.t;
        let mut typed = desk.form.card(t, CardKind::Any);
        let phone = desk.form.phone();
        let phone_problem = (!digits(&phone, 8..=15)).then_some(t.need_phone);
        let card = CardToSave {
            number: &typed.number,
            expiry: typed.month.as_deref().filter(|_| !typed.payon),
            cvv: (!typed.payon).then_some(&typed.cvv),
            pin: typed.payon.then_some(&typed.pin),
            holder: None,
            phone: None,
            email: None,
            passcode: None,
        };
        let checked = if typed.first_wrong().is_some() {
            None
        } else {
            Some(gateway::check_card(&self.space, &card))
        };
        match checked {
            Some(Ok(row)) if phone_problem.is_none() => self.verify(
                desk,
                200,
                &Pending {
                    offer: self.token.to_owned(),
                    row: row.0,
                    expiry: typed.month.filter(|_| !typed.payon),
                    holder: Some(typed.holder).filter(|holder| !holder.trim().is_empty()),
                    phone,
                    sent: self.space.now(),
                    wrong: 0,
                },
                (None, None),
            ),
            Some(Err(refused)) => {
                match refused.reason {
                    Reason::CardExpiryMismatch => typed.expiry_problem = Some(t.why_wrong_details),
                    Reason::CardWrongCvv => typed.cvv_problem = Some(t.why_wrong_details),
                    Reason::CardWrongPin => typed.pin_problem = Some(t.wrong_pin),
                    _ => typed.refuse_number(t.card_unknown),
                }
                self.form(desk, 422, typed.shown_again(), phone, phone_problem)
            }
            _ => self.form(desk, 422, typed.shown_again(), phone, phone_problem),
        }
    }

    fn save(&self, desk: &Desk<'_>) -> Reply {
        let pending = gateway::unseal::<Pending>(desk.spaces, PENDING, &desk.form.code);
        let Some((_, mut pending)) = pending.filter(|(_, pending)| pending.offer == self.token)
        else {
            return pay::stale(desk, &self.path());
        };
        let (t, profile) = (desk.t, self.space.profile());
        let (otp, passcode) = (desk.form.otp.as_str(), desk.form.passcode.as_str());
        let otp_problem = (!digits(otp, 4..=8)).then_some(t.need_otp);
        let passcode_problem = (!digits(passcode, 4..=6)).then_some(t.need_passcode);
        if otp_problem.is_some() || passcode_problem.is_some() {
            return self.verify(desk, 422, &pending, (otp_problem, passcode_problem));
        }
        if self.space.now() > pending.sent.plus(profile.rules.otp_lifetime_ms) {
            pending.sent = self.space.now();
            return self.verify(desk, 422, &pending, (Some(t.expired_otp), None));
        }
        if otp != profile.payers.otp.right(OtpChannel::Sms) {
            pending.wrong += 1;
            if pending.wrong >= profile.rules.otp_tries {
                return self.leave(desk, Reason::OtpTriesExceeded, None);
            }
            return self.verify(desk, 422, &pending, (Some(t.wrong_otp), None));
        }
        let Some(known) = profile.cards.get(pending.row as usize) else { return desk.unknown() };
        let card = CardToSave {
            number: &known.number,
            expiry: pending.expiry.as_deref(),
            cvv: None,
            pin: None,
            holder: pending.holder.as_deref(),
            phone: Some(&pending.phone),
            email: None,
            passcode: Some(passcode),
        };
        let client = Client { merchant: &self.offer.merchant, client: &self.offer.client };
        match gateway::save_card(&self.space, &self.offer.terminal, client, &card) {
            Ok(binding) => {
                let last = known.number.get(12..).unwrap_or_default();
                let shown = format!("{} •••• {last}", scheme_name(known.scheme));
                self.leave(desk, Reason::Success, Some((binding.id.to_string(), shown)))
            }
            Err(refused) => self.leave(desk, refused.reason, None),
        }
    }

    /// Off to the merchant, or the result where it has named no place.
    fn leave(&self, desk: &Desk<'_>, reason: Reason, saved: Option<(String, String)>) -> Reply {
        let (offer, t) = (&self.offer, desk.t);
        let place = match reason {
            Reason::Success => &offer.success_url,
            Reason::PayerCancelled => &offer.cancel_url,
            _ => &offer.fail_url,
        };
        let answer = self.space.profile().reasons.general(reason);
        if let Some(place) = place.as_deref() {
            let mut result = vec![("resultCode", answer.code), ("resultMsg", answer.message)];
            result.extend(saved.iter().map(|(binding, _)| ("bindingId", binding.as_str())));
            return Reply::see_other(&with_query(place, &result));
        }
        let (look, title, lead, why) = match reason {
            Reason::Success => ("good", t.add_card_done, t.add_card_done_lead, None),
            Reason::PayerCancelled => ("", t.add_card_failed, t.cancelled_lead, None),
            Reason::OtpTriesExceeded => {
                ("bad", t.add_card_failed, t.failed_lead, Some(t.why_wrong_otp))
            }
            _ => ("bad", t.add_card_failed, t.failed_lead, Some(t.why_other)),
        };
        let page = Outcome {
            f: Self::frame(desk, None),
            t,
            look,
            state: if reason == Reason::Success { "succeeded" } else { "failed" },
            code: answer.code.to_owned(),
            reason: reason.name(),
            title,
            lead: lead.to_owned(),
            why,
            facts: saved.map(|(_, shown)| (t.acs_card, shown)).into_iter().collect(),
            live: None,
            back_to: None,
            back_text: String::new(),
        };
        desk.page(200, &page, Exits::Here)
    }

    fn form(
        &self,
        desk: &Desk<'_>,
        status: u16,
        card: CardForm,
        phone: String,
        phone_problem: Option<&'static str>,
    ) -> Reply {
        let cards = self.space.profile().cards.iter().enumerate();
        let cards = cards.filter(|(_, card)| card.outcome == Reason::Success);
        let panel = Panel {
            hints: vec![("Phone", self.space.profile().payers.phone.clone())],
            cards: cards
                .map(|(row, card)| super::pages::PanelCard {
                    number: card.number.clone(),
                    spaced: money::in_fours(&card.number),
                    outcome: card.outcome.name(),
                    about: card.about.clone(),
                    href: desk.address(&self.path(), &[("fill", &row.to_string())]),
                })
                .collect(),
            ..Panel::default()
        };
        let f = Frame { refused: status == 422, ..Self::frame(desk, Some(panel)) };
        let (t, action) = (desk.t, desk.at(&self.path()));
        let merchant = self.space.merchant(&self.offer.merchant);
        let name = merchant.map(|merchant| desk.name_of(&merchant)).unwrap_or_default();
        let lead = t.fill(t.add_card_lead, name);
        let page = AddCard { f, t, action, lead, card, phone, phone_problem };
        desk.page(status, &page, self.exits())
    }

    fn verify(
        &self,
        desk: &Desk<'_>,
        status: u16,
        pending: &Pending,
        (otp_problem, passcode_problem): (Option<&'static str>, Option<&'static str>),
    ) -> Reply {
        let (t, otp) = (desk.t, &self.space.profile().payers.otp);
        let last = pending.phone.get(pending.phone.len().saturating_sub(3)..).unwrap_or_default();
        let hints = vec![("One-time code", otp.right(OtpChannel::Sms).to_owned())];
        let page = VerifyCard {
            f: Frame {
                refused: status == 422,
                ..Self::frame(desk, Some(Panel { hints, ..Panel::default() }))
            },
            t,
            action: desk.at(&self.path()),
            lead: t.fill(t.add_card_otp_lead, format!("••• {last}")),
            sealed: gateway::seal(&self.space, PENDING, pending),
            otp_problem,
            passcode_problem,
        };
        desk.page(status, &page, self.exits())
    }

    fn exits(&self) -> Exits {
        let urls = [&self.offer.success_url, &self.offer.fail_url, &self.offer.cancel_url];
        Exits::of(urls.map(|url| url.as_deref()))
    }

    fn frame(desk: &Desk<'_>, panel: Option<Panel>) -> Frame {
        Frame { panel: panel.filter(|_| desk.checkout.panel), ..desk.bare_frame() }
    }
}
