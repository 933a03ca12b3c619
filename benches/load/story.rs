//! What the merchant sends: registrations, payments, status calls, signed refunds.

use anyhow::{Context, Result};
use payon_sim::base::Fields;
use payon_sim::crypto::{self, SignKey};
use payon_sim::profile::{Merchant, Profile};

use crate::client::Work;

/// The merchant whose refunds must be signed.
pub(crate) const MERCHANT: &str = "C0000143";
const TERMINAL: &str = "CT03000003";
/// The merchant whose refunds need no signature.
const LENIENT: &str = "EPAY00000000001";
const LENIENT_TERMINAL: &str = "PAYONGT1";

/// The step of an order's life that a phase repeats.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    Register,
    RegisterKhqr,
    Pay,
    Status,
    Refund,
    Whole,
}

/// Requests of one step for each of these orders, in their order.
pub(crate) fn work(step: Step, orders: &[Order]) -> Work {
    let mut work = Work::of_stories(if step == Step::Whole { 4 } else { 1 });
    for order in orders {
        match step {
            Step::Register => order.register(&mut work, "CREDIT_DEBIT"),
            Step::RegisterKhqr => order.register(&mut work, "BAKONG_KHQR"),
            Step::Pay => order.pay(&mut work),
            Step::Status => order.status(&mut work),
            Step::Refund => order.refund(&mut work),
            Step::Whole => {
                order.register(&mut work, "CREDIT_DEBIT");
                order.pay(&mut work);
                order.status(&mut work);
                order.refund(&mut work);
            }
        }
    }
    work
}

/// An order to be.
pub(crate) struct Order {
    merchant: &'static str,
    terminal: &'static str,
    tx_id: String,
    refund: String,
}

impl Order {
    /// Orders of the merchant that signs; their refunds are signed here, ahead of time.
    pub(crate) fn signed(name: &str, count: usize) -> Result<Vec<Self>> {
        let signer = Signer::new()?;
        let order = |index| {
            let tx_id = format!("{name}-{index:07}");
            let refund = signer.sign(&refund_body(MERCHANT, TERMINAL, &tx_id))?;
            Ok(Self { merchant: MERCHANT, terminal: TERMINAL, tx_id, refund })
        };
        (0..count).map(order).collect()
    }

    /// Orders of the merchant that need not sign.
    pub(crate) fn unsigned(name: &str, count: usize) -> Vec<Self> {
        let order = |index| {
            let tx_id = format!("{name}-{index:07}");
            let refund = refund_body(LENIENT, LENIENT_TERMINAL, &tx_id);
            Self { merchant: LENIENT, terminal: LENIENT_TERMINAL, tx_id, refund }
        };
        (0..count).map(order).collect()
    }

    /// The body that registers it.
    pub(crate) fn register_body(&self, method: &str) -> String {
        let Self { merchant, terminal, tx_id, .. } = self;
        format!(
            r#"{{"termId":"{terminal}","merchantId":"{merchant}","txId":"{tx_id}","trt":"10","currency":"USD","amount":"12.50","paymentMethod":"{method}"}}"#
        )
    }

    /// The body that asks for its status.
    pub(crate) fn status_body(&self) -> String {
        let Self { merchant, terminal, tx_id, .. } = self;
        format!(
            r#"{{"merchantId":"{merchant}","termId":"{terminal}","txId":"{tx_id}","amount":"12.50","currency":"USD"}}"#
        )
    }

    /// The body that refunds it.
    pub(crate) fn refund_body(&self) -> &str {
        &self.refund
    }

    /// Its `merchantId` and `txId`.
    pub(crate) fn name(&self) -> (&str, &str) {
        (self.merchant, &self.tx_id)
    }

    fn register(&self, work: &mut Work, method: &str) {
        work.post("/pg/order/register", &self.register_body(method));
    }

    fn pay(&self, work: &mut Work) {
        work.post(&format!("/_sim/v1/orders/{}/{}/pay", self.merchant, self.tx_id), "{}");
    }

    fn status(&self, work: &mut Work) {
        work.post("/pg/transaction/status", &self.status_body());
    }

    fn refund(&self, work: &mut Work) {
        work.post("/pg/refund", &self.refund);
    }
}

/// Work for the echo: the registrations of these orders.
pub(crate) fn echo(orders: &[Order]) -> Work {
    work(Step::Register, orders)
}

/// Work for the echo that verifies: one signed refund, over and over.
pub(crate) fn echo_verify(count: usize) -> Result<Work> {
    let body = Signer::new()?.sign(&fixed_body())?;
    let mut work = Work::of_stories(1);
    (0..count).for_each(|_| work.post("/pg/refund", &body));
    Ok(work)
}

/// The public key that checks [`echo_verify`]'s signature, and the string that it signs.
pub(crate) fn fixed_message() -> Result<(Vec<u8>, String)> {
    let profile = Profile::builtin();
    let key = merchant(&profile)?.key.public_key().map_err(Clone::clone)?.spki_der().to_vec();
    let body = fixed_body();
    Ok((key, profile.sign.recipe.canonical(&Fields::parse(body.as_bytes())?)))
}

fn fixed_body() -> String {
    refund_body(MERCHANT, TERMINAL, "yardstick-0000000")
}

fn refund_body(merchant: &str, terminal: &str, tx_id: &str) -> String {
    format!(r#"{{"txId":"{tx_id}","merchantId":"{merchant}","termId":"{terminal}"}}"#)
}

fn merchant(profile: &Profile) -> Result<&Merchant> {
    profile.merchant(MERCHANT).context("the merchant of the examples")
}

/// Signs as the merchant does.
struct Signer {
    profile: std::sync::Arc<Profile>,
    key: SignKey,
}

impl Signer {
    fn new() -> Result<Self> {
        let profile = Profile::builtin();
        let key =
            merchant(&profile)?.sign_key(&profile.sign.recipe).context("no private key")??;
        Ok(Self { profile, key })
    }

    /// `body` with its `sign`.
    fn sign(&self, body: &str) -> Result<String> {
        let fields = Fields::parse(body.as_bytes())?;
        let sign = crypto::sign(&self.profile.sign.recipe, &self.key, &fields)?;
        let members = body.strip_suffix('}').context("an object")?;
        Ok(format!(r#"{members},"sign":"{sign}"}}"#))
    }
}
