//! Inputs of every page: the language, the frame around it, and the permitted actions.

use std::cell::RefCell;
use std::sync::Arc;

use askama::Template;
use serde::Deserialize;

use super::forms::PageForm;
use super::money;
use super::pages::{LanguageLink, Message, OrderSummary, PageFrame, Panel};
use super::reply::{PageReply, relative, with_query};
use super::texts::Texts;
use super::{Checkout, PageRequest, assets};
use crate::base::{PaymentMethod, Reason, sort_by_key};
use crate::gateway::{CheckoutSession, CheckoutToken, place_of};
use crate::ledger::OrderKind;
use crate::profile::{Language, Merchant};
use crate::space::{OrderHandle, PendingReply, Space, Spaces};

/// The notice that a form was made for an earlier step.
pub(super) const STALE: &str = "stale";

/// Query parameters of a page's address.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Query {
    pub(super) lang: Option<String>,
    /// Message for the page, as a reason by name, or [`STALE`].
    pub(super) notice: Option<String>,
    /// Choose another way to pay.
    pub(super) again: Option<String>,
    /// The row of the test card to fill in.
    pub(super) fill: Option<usize>,
    /// The slow issuer's page has waited.
    pub(super) waited: Option<String>,
    pub(super) merchant_id: String,
    pub(super) data: String,
}

/// One request with its language.
pub(super) struct PageContext<'a> {
    pub(super) checkout: &'a Checkout,
    pub(super) spaces: &'a Spaces,
    pub(super) request: &'a PageRequest<'a>,
    pub(super) query: Query,
    pub(super) form: PageForm,
    pub(super) t: &'static Texts,
    language: Language,
    /// The language that the payer chose, as against the one that the browser asks for.
    chosen: Option<Language>,
    /// Pending replies of payments that rules decided.
    courses: RefCell<Vec<Arc<PendingReply>>>,
}

impl<'a> PageContext<'a> {
    pub(super) fn new(
        checkout: &'a Checkout,
        spaces: &'a Spaces,
        request: &'a PageRequest<'a>,
    ) -> Self {
        let query: Query = serde_html_form::from_str(request.query).unwrap_or_default();
        let form = if request.post { PageForm::read(request.body) } else { PageForm::default() };
        let offered = &spaces.profile().checkout.languages;
        let wish = form.lang.as_deref().or(query.lang.as_deref());
        let chosen = wish.and_then(|wish| offered.iter().copied().find(|it| code(*it) == wish));
        let language = chosen
            .or_else(|| preferred(request.accept_language, offered))
            .or_else(|| offered.first().copied())
            .unwrap_or(Language::English);
        let (t, courses) = (Texts::of(language), RefCell::default());
        Self { checkout, spaces, request, query, form, t, language, chosen, courses }
    }

    /// Keeps the course of a payment until its page has been answered.
    pub(super) fn follow(&self, pending: Option<Arc<PendingReply>>) {
        self.courses.borrow_mut().extend(pending);
    }

    /// The courses of what was done here.
    pub(super) fn courses(self) -> Vec<Arc<PendingReply>> {
        self.courses.into_inner()
    }

    /// The order that a token names, as it is now.
    pub(super) fn session(&self, token: &str) -> Option<CheckoutSession> {
        let (space, order) = self.resolve(token)?;
        CheckoutSession::of(&space, order)
    }

    /// Finds the space and order of a token.
    pub(super) fn resolve(&self, token: &str) -> Option<(Arc<Space>, OrderHandle)> {
        CheckoutToken::resolve(token, self.spaces, self.request.space.as_ref())
    }

    /// The reference from the page that was asked for to the page at `path`.
    pub(super) fn at(&self, path: &str) -> String {
        relative(self.request.path, path)
    }

    /// The address of a page of a space, which may be another than that of the page that was asked for.
    pub(super) fn address_in(&self, space: &Space, path: &str) -> String {
        let here = self.request.space.as_deref().map_or(["", ""], place_of).concat();
        let from = here + self.request.path;
        let to = place_of(space).concat() + path;
        self.in_chosen_language(relative(&from, &to), &[])
    }

    /// The same with a query, and with the language along if the payer chose it.
    pub(super) fn address(&self, path: &str, query: &[(&str, &str)]) -> String {
        self.in_chosen_language(self.at(path), query)
    }

    fn in_chosen_language(&self, path: String, query: &[(&str, &str)]) -> String {
        let mut all = query.to_vec();
        all.extend(self.chosen.map(|language| ("lang", code(language))));
        if all.is_empty() { path } else { with_query(&path, &all) }
    }

    /// The frame around a page that has no order.
    pub(super) fn bare_frame(&self) -> PageFrame {
        let languages = &self.spaces.profile().checkout.languages;
        let links = languages.iter().map(|language| LanguageLink {
            code: code(*language),
            name: Texts::of(*language).language_name,
            href: self.in_language(*language),
            current: *language == self.language,
        });
        PageFrame {
            lang: code(self.language),
            languages: links.collect(),
            assets: assets::addresses(|path| self.at(path)),
            order: None,
            step: None,
            steps: self.card_steps(),
            notice: self.notice(),
            refused: self.notice().is_some() && self.query.notice.as_deref() != Some(STALE),
            panel: None,
            token: String::new(),
            chosen: self.chosen.map(code),
        }
    }

    /// The names of the steps of a payment by card.
    const fn card_steps(&self) -> [&'static str; 3] {
        [self.t.step_enter, self.t.step_confirm, self.t.step_done]
    }

    /// The frame around a page of an order.
    pub(super) fn frame(
        &self,
        session: &CheckoutSession,
        step: impl Into<Option<usize>>,
        panel: Option<Panel>,
    ) -> PageFrame {
        let (t, order) = (self.t, &session.order);
        let payable = session.standing() == Reason::OrderPending;
        let left = (order.payable_until.0 - session.now.0).max(0) / 1000;
        let token = session.checkout_token();
        let summary = OrderSummary {
            page: self.address(&format!("/pg/checkout/{token}"), &[]),
            merchant: self.merchant_name(session),
            amount: money::money(order.amount, order.currency),
            tx_id: order.tx_id.to_string(),
            reserves: order.kind == OrderKind::PreAuth && payable,
            until: payable.then(|| money::clock(order.payable_until)),
            left: (payable && session.real_time).then_some(left),
            left_text: format!("{}:{:02}", left / 60, left % 60),
        };
        let steps = match order.method {
            PaymentMethod::BakongKhqr | PaymentMethod::PpcbankTransfer => {
                [t.step_scan, t.step_app, t.step_done]
            }
            PaymentMethod::Payon | PaymentMethod::CreditDebit => self.card_steps(),
        };
        PageFrame {
            order: Some(summary),
            step: step.into(),
            steps,
            panel: panel.filter(|_| self.checkout.panel),
            token: session.token(),
            ..self.bare_frame()
        }
    }

    /// The name of an order's merchant.
    pub(super) fn merchant_name(&self, session: &CheckoutSession) -> String {
        self.name_of(&session.merchant)
    }

    /// A merchant's name in the page's language.
    pub(super) fn name_of(&self, merchant: &Merchant) -> String {
        let khmer = merchant.name_km.as_ref().filter(|_| self.language == Language::Khmer);
        khmer.unwrap_or(&merchant.name).clone()
    }

    /// A page, with the policy that its browser is to keep.
    pub(super) fn page(&self, status: u16, page: &impl Template, exits: Exits) -> PageReply {
        match page.render() {
            Ok(html) => PageReply::page(status, html, self.policy(exits)),
            Err(error) => {
                tracing::error!(%error, "a page cannot be rendered");
                PageReply::page(500, String::new(), self.policy(Exits::Here))
            }
        }
    }

    /// The page for an address that names nothing.
    pub(super) fn unknown(&self) -> PageReply {
        let (title, lead) = (self.t.unknown_page_title, self.t.unknown_page_lead);
        self.message(404, Reason::OrderNotFound, title, lead, None)
    }

    /// A page in place of a payment.
    pub(super) fn message(
        &self,
        status: u16,
        reason: Reason,
        title: &'static str,
        lead: &'static str,
        back_to: Option<String>,
    ) -> PageReply {
        let detail = None;
        let (f, t, reason) = (self.bare_frame(), self.t, reason.name());
        self.page(status, &Message { f, t, title, lead, detail, reason, back_to }, Exits::Here)
    }

    /// The same with what a developer can do about it.
    pub(super) fn explained_message(
        &self,
        status: u16,
        reason: Reason,
        title: &'static str,
        lead: &'static str,
        detail: &str,
    ) -> PageReply {
        let (f, t, reason) = (self.bare_frame(), self.t, reason.name());
        let detail = Some(detail.to_owned());
        self.page(
            status,
            &Message { f, t, title, lead, detail, reason, back_to: None },
            Exits::Here,
        )
    }

    /// The content security policy. Chromium holds `form-action` against every redirect that follows a form, and no
    /// value of it allows the scheme of an app: `*` stands for web addresses only, and the merchant may send its payer
    /// on to any app. A page whose forms end at the merchant's therefore has no `form-action`. Its forms are ours
    /// still: no other script runs there, and every text is escaped.
    fn policy(&self, exits: Exits) -> String {
        let forms = match exits {
            Exits::Here => "form-action 'self'; ",
            Exits::Merchant => "",
        };
        format!(
            "default-src 'none'; base-uri 'none'; style-src 'self'; script-src 'self'; \
             img-src 'self'; connect-src 'self'; {forms}frame-ancestors {}",
            self.checkout.frame_ancestors
        )
    }

    /// This page in another language.
    fn in_language(&self, language: Language) -> String {
        let mut query: Vec<(String, String)> =
            serde_html_form::from_str(self.request.query).unwrap_or_default();
        query.retain(|(name, _)| name != "lang" && name != "notice");
        query.push(("lang".to_owned(), code(language).to_owned()));
        format!("?{}", serde_html_form::to_string(&query).unwrap_or_default())
    }

    /// Message that the address asks for; only texts of ours.
    fn notice(&self) -> Option<&'static str> {
        let t = self.t;
        Some(match self.query.notice.as_deref()? {
            STALE => t.stale,
            "card.wrong-pin" => t.wrong_pin,
            "otp.wrong" => t.wrong_otp,
            "otp.expired" => t.expired_otp,
            "passcode.wrong" => t.wrong_passcode,
            "binding.locked" => t.binding_locked,
            "binding.not-found" => t.binding_gone,
            _ => return None,
        })
    }
}

/// The places where the forms of a page may end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Exits {
    /// On another page of ours.
    Here,
    /// At the merchant's, and wherever it sends its payer from there.
    Merchant,
}

impl Exits {
    /// The exits of pages whose merchant has named these return URLs.
    pub(super) fn of(return_urls: [Option<&str>; 3]) -> Self {
        if return_urls.iter().any(Option::is_some) { Self::Merchant } else { Self::Here }
    }

    /// The exits of an order's pages.
    pub(super) fn of_order(session: &CheckoutSession) -> Self {
        let details = session.order.details();
        let urls = [&details.success_url, &details.fail_url, &details.cancel_url];
        Self::of(urls.map(|url| url.as_deref()))
    }
}

/// A language's code, as `lang` carries it.
pub(super) const fn code(language: Language) -> &'static str {
    match language {
        Language::English => "en",
        Language::Khmer => "km",
    }
}

/// The offered language that the browser likes best.
fn preferred(accepted: &str, offered: &[Language]) -> Option<Language> {
    let mut wishes: Vec<(u32, &str)> = accepted
        .split(',')
        .filter_map(|wish| {
            let mut parts = wish.split(';').map(str::trim);
            let tag = parts.next()?.split('-').next()?;
            let weight = parts.find_map(|part| part.strip_prefix("q=")).map_or(1000, thousandths);
            (weight > 0).then_some((weight, tag))
        })
        .collect();
    sort_by_key(&mut wishes, |(weight, _)| std::cmp::Reverse(*weight));
    wishes.iter().find_map(|(_, tag)| {
        offered.iter().copied().find(|language| code(*language).eq_ignore_ascii_case(tag))
    })
}

/// `0.8` as 800; what is no number as 0.
fn thousandths(weight: &str) -> u32 {
    let (whole, fraction) = weight.split_once('.').unwrap_or((weight, ""));
    let padded: String = fraction.chars().chain("000".chars()).take(3).collect();
    whole.parse().unwrap_or(0) * 1000 + padded.parse().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_browsers_favourite_among_the_offered_wins() {
        let offered = [Language::English, Language::Khmer];
        for (accepted, language) in [
            ("km", Some(Language::Khmer)),
            ("km-KH,km;q=0.9,en;q=0.8", Some(Language::Khmer)),
            ("fr, km;q=0.2, en;q=0.75", Some(Language::English)),
            ("en;q=0,km;q=0.1", Some(Language::Khmer)),
            ("fr", None),
            ("", None),
        ] {
            assert_eq!(preferred(accepted, &offered), language, "{accepted}");
        }
    }
}
