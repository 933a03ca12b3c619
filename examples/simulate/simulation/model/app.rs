//! Apps of payers as the model knows them: those that report on a QR, and the pretend app of the simulator.

use super::super::history::{Effect, Report, Setup};
use super::order::{Change, Screen, Wish};
use super::payer::{Progress, Stage};
use super::space::Space;

/// Reports in vain that are kept in an order's history.
const REJECTIONS_MAX: usize = 16;

/// A wallet or a bank account in the pretend app.
#[derive(Clone, Copy, Debug)]
pub(crate) struct App {
    /// Its name in the app's form.
    pub(crate) from: &'static str,
    /// The methods whose orders it pays.
    methods: &'static [&'static str],
    /// End of a payment with it.
    end: &'static str,
}

const fn app(from: &'static str, methods: &'static [&'static str], end: &'static str) -> App {
    App { from, methods, end }
}

const WALLET: &[&str] = &["PAYON", "BAKONG_KHQR"];
const OWN_BANK: &[&str] = &["PPCBANK_TRANSFER", "BAKONG_KHQR"];

/// The wallets and accounts that payers have.
pub(crate) const APPS: [App; 5] = [
    app("wallet:855964444781", WALLET, "success"),
    app("wallet:855960000051", WALLET, "wallet.insufficient-funds"),
    app("bank:0000000000000022", OWN_BANK, "success"),
    app("bank:0000000000000051", OWN_BANK, "bank.declined"),
    app("bank:9000000000000022", &["BAKONG_KHQR"], "success"),
];

impl Space {
    /// The app of a payer reports on a QR. What it reports in vain is noted in the order's history.
    pub(super) fn report(
        &mut self,
        place: usize,
        report: Report,
        minor: Option<i64>,
        setup: &Setup,
        effect: Option<Effect>,
    ) -> Result<(), &'static str> {
        let order = &self.contents.orders[place];
        if !order.shows_qr() {
            return Err("method.not-offered");
        }
        let wish = match report {
            Report::Scanned => Wish::Show(Screen::Scanned),
            Report::Processing => Wish::Show(Screen::Processing),
            Report::Paid => Wish::Approve { late: false },
            Report::Declined => Wish::Decline("qr.declined".to_owned()),
            Report::Cancelled => Wish::Cancel,
        };
        let is_other = minor.is_some_and(|minor| minor != order.asked.minor);
        let payable = self.judge(place, &Wish::Cancel, setup);
        let judged = match payable {
            Ok(_) if is_other => Err("amount.mismatch"),
            Ok(_) => self.judge(place, &wish, setup),
            Err(reason) => Err(reason),
        };
        match judged {
            Ok(change) if change == Change::Screen(order.screen()) => Ok(()),
            Ok(change) => {
                self.book(place, change, setup, effect);
                Ok(())
            }
            Err(reason) => {
                if order.rejections() < REJECTIONS_MAX {
                    self.book(place, Change::Rejected, setup, effect);
                }
                let is_late = report == Report::Paid && reason == "order.expired";
                Err(if is_late { "qr.late" } else { reason })
            }
        }
    }

    /// The pretend app scans the order's QR, where it shows one, and reports so. Returns the reports, and what came of them.
    pub(super) fn scanned(
        &mut self,
        place: usize,
        setup: &Setup,
    ) -> Vec<(&'static str, &'static str)> {
        if !self.contents.orders[place].shows_qr() {
            return Vec::new();
        }
        [Report::Scanned, Report::Processing]
            .map(|report| {
                let done = self.report(place, report, None, setup, None);
                (report.name(), done.err().unwrap_or("success"))
            })
            .into()
    }

    /// The payment of the order at that place with the pretend app. Returns the reason that is noted, and the effect of the
    /// rule that stepped in.
    pub(super) fn pay_by_app(
        &mut self,
        place: usize,
        app: usize,
        setup: &Setup,
    ) -> (&'static str, Option<Effect>) {
        if let Err(reason) = self.judge(place, &Wish::Cancel, setup) {
            return (reason, None);
        }
        let order = &self.contents.orders[place];
        let App { methods, end, .. } = APPS[app];
        if order.progress.stage == Stage::Unanswered {
            return ("issuer.timeout", None);
        }
        if order.saved.is_some() || !methods.contains(&&*order.asked.method) {
            return ("field.invalid", None);
        }
        self.contents.orders[place].progress = Progress::default();
        self.end(place, end, setup)
    }
}
