//! Saving a card without a payment: the card, then a code by text message, then it is saved.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::context::{Exits, PageContext};
use super::forms::{CardForm, CardKind, digits, scheme_name};
use super::pages::{AddCard, PageFrame, Panel, PanelCard, ResultView, VerifyCard};
use super::reply::{PageReply, with_query};
use super::{money, panel, pay};
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
struct PendingCard {
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

/// Inputs of a page of one offer.
struct Stand<'a> {
    space: Arc<Space>,
    offer: CardOffer,
    token: &'a str,
}

/// Opens an encrypted link.
pub(super) fn open_link(context: &PageContext<'_>) -> PageReply {
    let query = &context.query;
    let space = context.request.space.clone();
    let space = space.unwrap_or_else(|| context.spaces.of_merchant(&query.merchant_id));
    match gateway::link::open_for_card(&space, &query.merchant_id, &query.data) {
        Ok(offer) => {
            let token = gateway::seal(&space, OFFER, &offer);
            PageReply::see_other(&context.address_in(&space, &format!("/pg/checkout/card/{token}")))
        }
        Err(refused) => pay::refused_link(context, &refused),
    }
}

/// The card form.
pub(super) fn show(context: &PageContext<'_>, token: &str) -> PageReply {
    let Some(stand) = Stand::of(context, token) else { return context.unknown() };
    let filled = context.query.fill.filter(|_| context.checkout.panel);
    let cards = &stand.space.profile().cards;
    let filled = filled.and_then(|row| cards.get(row)).map(CardForm::filled);
    let phone = stand.offer.phone.clone().unwrap_or_default();
    stand.form(context, 200, filled.unwrap_or_default(), phone, None)
}

/// Takes the card, or the code that verifies it.
pub(super) fn act(context: &PageContext<'_>, token: &str) -> PageReply {
    let Some(stand) = Stand::of(context, token) else { return context.unknown() };
    match context.form.action.as_str() {
        "card" => stand.take_card(context),
        "save" => stand.save(context),
        _ => stand.leave(context, Reason::PayerCancelled, None),
    }
}

impl<'a> Stand<'a> {
    fn of(context: &PageContext<'_>, token: &'a str) -> Option<Self> {
        let (space, offer) =
            gateway::unseal(context.spaces, context.request.space.as_ref(), OFFER, token)?;
        Some(Self { space, offer, token })
    }

    fn path(&self) -> String {
        format!("/pg/checkout/card/{}", self.token)
    }

    fn take_card(&self, context: &PageContext<'_>) -> PageReply {
        let t = context.t;
        let mut typed = context.form.card(t, CardKind::Any);
        let phone = context.form.phone();
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
                context,
                200,
                &PendingCard {
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
                self.form(context, 422, typed.shown_again(), phone, phone_problem)
            }
            _ => self.form(context, 422, typed.shown_again(), phone, phone_problem),
        }
    }

    fn save(&self, context: &PageContext<'_>) -> PageReply {
        let pending = gateway::unseal::<PendingCard>(
            context.spaces,
            Some(&self.space),
            PENDING,
            &context.form.code,
        );
        let Some((_, mut pending)) = pending.filter(|(_, pending)| pending.offer == self.token)
        else {
            return pay::stale(context, &self.path());
        };
        let (t, profile) = (context.t, self.space.profile());
        let (otp, passcode) = (context.form.otp.as_str(), context.form.passcode.as_str());
        let otp_problem = (!digits(otp, 4..=8)).then_some(t.need_otp);
        let passcode_problem = (!digits(passcode, 4..=6)).then_some(t.need_passcode);
        if otp_problem.is_some() || passcode_problem.is_some() {
            return self.verify(context, 422, &pending, (otp_problem, passcode_problem));
        }
        if self.space.now() > pending.sent.plus(profile.rules.otp_lifetime_ms) {
            pending.sent = self.space.now();
            return self.verify(context, 422, &pending, (Some(t.expired_otp), None));
        }
        if otp != profile.payers.otp.right(OtpChannel::Sms) {
            pending.wrong += 1;
            if pending.wrong >= profile.rules.otp_tries {
                return self.leave(context, Reason::OtpTriesExceeded, None);
            }
            return self.verify(context, 422, &pending, (Some(t.wrong_otp), None));
        }
        let Some(known) = profile.cards.get(pending.row as usize) else { return context.unknown() };
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
                self.leave(context, Reason::Success, Some((binding.id.to_string(), shown)))
            }
            Err(refused) => self.leave(context, refused.reason, None),
        }
    }

    /// Off to the merchant, or the result where it has named no place.
    fn leave(
        &self,
        context: &PageContext<'_>,
        reason: Reason,
        saved: Option<(String, String)>,
    ) -> PageReply {
        let (offer, t) = (&self.offer, context.t);
        let place = match reason {
            Reason::Success => &offer.success_url,
            Reason::PayerCancelled => &offer.cancel_url,
            _ => &offer.fail_url,
        };
        let answer = self.space.profile().reasons.general(reason);
        if let Some(place) = place.as_deref() {
            let mut result = vec![("resultCode", answer.code), ("resultMsg", answer.message)];
            result.extend(saved.iter().map(|(binding, _)| ("bindingId", binding.as_str())));
            return PageReply::see_other(&with_query(place, &result));
        }
        let (look, title, lead, why) = match reason {
            Reason::Success => ("good", t.add_card_done, t.add_card_done_lead, None),
            Reason::PayerCancelled => ("gone", t.add_card_failed, t.cancelled_lead, None),
            Reason::OtpTriesExceeded => {
                ("bad", t.add_card_failed, t.failed_lead, Some(t.why_wrong_otp))
            }
            _ => ("bad", t.add_card_failed, t.failed_lead, Some(t.why_other)),
        };
        let page = ResultView {
            f: Self::frame(context, None),
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
        context.page(200, &page, Exits::Here)
    }

    fn form(
        &self,
        context: &PageContext<'_>,
        status: u16,
        card: CardForm,
        phone: String,
        phone_problem: Option<&'static str>,
    ) -> PageReply {
        let cards = self.space.profile().cards.iter().enumerate();
        let cards = cards.filter(|(_, card)| card.outcome == Reason::Success);
        let cards = cards.map(|(row, card)| PanelCard {
            number: card.number.clone(),
            spaced: money::in_fours(&card.number),
            outcome: card.outcome.name(),
            about: card.about.clone(),
            href: context.address(&self.path(), &[("fill", &row.to_string())]),
        });
        let panel = Panel {
            hints: vec![(context.t.phone, self.space.profile().payers.phone.clone())],
            groups: panel::grouped(context.t, cards.collect()),
            ..Panel::default()
        };
        let f = PageFrame { refused: status == 422, ..Self::frame(context, Some(panel)) };
        let (t, action) = (context.t, context.at(&self.path()));
        let merchant = self.space.merchant(&self.offer.merchant);
        let name = merchant.map(|merchant| context.name_of(&merchant)).unwrap_or_default();
        let lead = t.fill(t.add_card_lead, name);
        let brands = CardKind::Any.brands();
        let page = AddCard { f, t, action, lead, card, brands, phone, phone_problem };
        context.page(status, &page, self.exits())
    }

    fn verify(
        &self,
        context: &PageContext<'_>,
        status: u16,
        pending: &PendingCard,
        (otp_problem, passcode_problem): (Option<&'static str>, Option<&'static str>),
    ) -> PageReply {
        let (t, otp) = (context.t, &self.space.profile().payers.otp);
        let last = pending.phone.get(pending.phone.len().saturating_sub(3)..).unwrap_or_default();
        let hints = vec![(t.otp_code, otp.right(OtpChannel::Sms).to_owned())];
        let page = VerifyCard {
            f: PageFrame {
                refused: status == 422,
                ..Self::frame(context, Some(Panel { hints, ..Panel::default() }))
            },
            t,
            action: context.at(&self.path()),
            lead: t.fill(t.add_card_otp_lead, format!("••• {last}")),
            sealed: gateway::seal(&self.space, PENDING, pending),
            otp_problem,
            passcode_problem,
        };
        context.page(status, &page, self.exits())
    }

    fn exits(&self) -> Exits {
        let urls = [&self.offer.success_url, &self.offer.fail_url, &self.offer.cancel_url];
        Exits::of(urls.map(|url| url.as_deref()))
    }

    fn frame(context: &PageContext<'_>, panel: Option<Panel>) -> PageFrame {
        PageFrame { panel: panel.filter(|_| context.checkout.panel), ..context.bare_frame() }
    }
}
