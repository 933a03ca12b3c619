//! The pages as values; the templates beside turn them into HTML. All text is escaped there.

use askama::Template;

use super::assets::Addresses;
use super::forms::{CardForm, scheme_name};
use super::texts::Texts;
use crate::base::PaymentMethod;
use crate::profile::CardBrand;

/// The frame around every page.
pub(super) struct PageFrame {
    pub(super) lang: &'static str,
    pub(super) languages: Vec<LanguageLink>,
    pub(super) assets: Addresses,
    pub(super) order: Option<OrderSummary>,
    /// 0 choosing, 1 confirming, 2 done.
    pub(super) step: Option<usize>,
    /// Names of the steps.
    pub(super) steps: [&'static str; 3],
    pub(super) notice: Option<&'static str>,
    /// True if the page says that a form was refused. Its title then says so first.
    pub(super) refused: bool,
    pub(super) panel: Option<Panel>,
    /// Names the step for its forms.
    pub(super) token: String,
    /// The language, where the payer chose it; it goes along from page to page.
    pub(super) chosen: Option<&'static str>,
}

pub(super) struct LanguageLink {
    pub(super) code: &'static str,
    pub(super) name: &'static str,
    pub(super) href: String,
    pub(super) current: bool,
}

/// The order, in short.
pub(super) struct OrderSummary {
    /// The order's own page.
    pub(super) page: String,
    pub(super) merchant: String,
    pub(super) amount: String,
    pub(super) tx_id: String,
    pub(super) reserves: bool,
    /// Until when it may be paid, while it may.
    pub(super) until: Option<String>,
    /// Seconds left, where the payer's clock runs with the space's.
    pub(super) left: Option<i64>,
    pub(super) left_text: String,
}

/// The panel that helps a tester.
#[derive(Default)]
pub(super) struct Panel {
    pub(super) hints: Vec<(&'static str, String)>,
    /// The test cards by what comes of them, each group with its title.
    pub(super) groups: Vec<(&'static str, Vec<PanelCard>)>,
    pub(super) app: Option<String>,
}

pub(super) struct PanelCard {
    pub(super) number: String,
    pub(super) spaced: String,
    pub(super) outcome: &'static str,
    pub(super) about: String,
    pub(super) href: String,
}

/// Choice of payment methods.
#[derive(Template)]
#[template(path = "choose.html")]
pub(super) struct Choose {
    pub(super) f: PageFrame,
    pub(super) t: &'static Texts,
    pub(super) action: String,
    pub(super) method: PaymentMethod,
    pub(super) method_text: &'static str,
    pub(super) qr: Option<Qr>,
    pub(super) saved: Vec<Saved>,
    pub(super) card: Option<CardForm>,
    pub(super) brands: &'static [CardBrand],
    pub(super) payon: bool,
    pub(super) pay_text: String,
}

/// A code to scan, and how far the scanning app is.
pub(super) struct Qr {
    pub(super) title: &'static str,
    /// The look of the card around the code: a class of the style sheet.
    pub(super) look: &'static str,
    /// The word at the card's head.
    pub(super) head: &'static str,
    pub(super) merchant: String,
    pub(super) amount: String,
    pub(super) payload: String,
    pub(super) svg: String,
    pub(super) state: &'static str,
    pub(super) state_text: &'static str,
    pub(super) live: String,
    pub(super) done: String,
    pub(super) app: String,
    pub(super) khqr: bool,
}

pub(super) struct Saved {
    pub(super) id: String,
    pub(super) scheme: &'static str,
    pub(super) masked: String,
}

/// One more thing that the payer must say.
#[derive(Template)]
#[template(path = "confirm.html")]
pub(super) struct Confirm {
    pub(super) f: PageFrame,
    pub(super) t: &'static Texts,
    pub(super) action: String,
    pub(super) title: &'static str,
    pub(super) lead: String,
    pub(super) ask: CardQuestion,
    pub(super) problem: Option<&'static str>,
    pub(super) resend: bool,
    /// Address at which another way to pay is chosen, if one can be.
    pub(super) again: Option<String>,
}

pub(super) enum CardQuestion {
    Channel,
    Otp,
    Passcode,
}

/// The pretend issuer's page.
#[derive(Template)]
#[template(path = "acs.html")]
pub(super) struct Acs {
    pub(super) f: PageFrame,
    pub(super) t: &'static Texts,
    pub(super) action: String,
    pub(super) merchant: String,
    pub(super) amount: String,
    pub(super) masked: String,
    pub(super) problem: Option<&'static str>,
    pub(super) view: AcsView,
}

pub(super) enum AcsView {
    /// It takes its time; then this page is asked for.
    Wait { next: String },
    /// It asks the payer.
    Challenge,
    /// It sends the payer back with its answer.
    Return { cres: String, to: String },
}

/// The result of an order.
#[derive(Template)]
#[template(path = "result.html")]
pub(super) struct ResultView {
    pub(super) f: PageFrame,
    pub(super) t: &'static Texts,
    pub(super) look: &'static str,
    pub(super) state: &'static str,
    pub(super) code: String,
    pub(super) reason: &'static str,
    pub(super) title: &'static str,
    pub(super) lead: String,
    pub(super) why: Option<&'static str>,
    pub(super) facts: Vec<(&'static str, String)>,
    /// Address that tells whether the result has changed.
    pub(super) live: Option<String>,
    pub(super) back_to: Option<String>,
    pub(super) back_text: String,
}

/// A page in place of a payment.
#[derive(Template)]
#[template(path = "message.html")]
pub(super) struct Message {
    pub(super) f: PageFrame,
    pub(super) t: &'static Texts,
    pub(super) title: &'static str,
    pub(super) lead: &'static str,
    pub(super) detail: Option<String>,
    pub(super) reason: &'static str,
    pub(super) back_to: Option<String>,
}

/// A card to save.
#[derive(Template)]
#[template(path = "add_card.html")]
pub(super) struct AddCard {
    pub(super) f: PageFrame,
    pub(super) t: &'static Texts,
    pub(super) action: String,
    pub(super) lead: String,
    pub(super) card: CardForm,
    pub(super) brands: &'static [CardBrand],
    pub(super) phone: String,
    pub(super) phone_problem: Option<&'static str>,
}

/// The code that verifies a card to save, and the passcode for it.
#[derive(Template)]
#[template(path = "verify_card.html")]
pub(super) struct VerifyCard {
    pub(super) f: PageFrame,
    pub(super) t: &'static Texts,
    pub(super) action: String,
    pub(super) lead: String,
    /// The entries so far, sealed.
    pub(super) sealed: String,
    pub(super) otp_problem: Option<&'static str>,
    pub(super) passcode_problem: Option<&'static str>,
}

/// The pretend wallet and bank app.
#[derive(Template)]
#[template(path = "app.html")]
pub(super) struct AppPage {
    pub(super) f: PageFrame,
    pub(super) t: &'static Texts,
    pub(super) action: String,
    /// Address at which another code is scanned.
    pub(super) scan: String,
    pub(super) said: Option<AppResult>,
    pub(super) view: AppView,
}

/// PAYON's answer to the app.
pub(super) struct AppResult {
    pub(super) code: String,
    pub(super) reason: String,
    pub(super) text: String,
    /// More about it, in English.
    pub(super) detail: String,
}

pub(super) enum AppView {
    Scan {
        orders: Vec<AppOrder>,
        listed: bool,
        problem: Option<&'static str>,
    },
    Order {
        merchant: String,
        amount: String,
        tx_id: String,
        state: &'static str,
        state_text: &'static str,
        payers: Vec<AppPayer>,
        shows_qr: bool,
    },
}

pub(super) struct AppOrder {
    pub(super) href: String,
    pub(super) merchant: String,
    pub(super) tx_id: String,
    pub(super) method: &'static str,
    pub(super) amount: String,
}

pub(super) struct AppPayer {
    pub(super) value: String,
    pub(super) account: String,
    pub(super) name: String,
    pub(super) outcome: &'static str,
    pub(super) about: String,
}
