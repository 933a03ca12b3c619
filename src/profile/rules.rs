//! The rules of the life cycle that PAYON does not publish: each assumed, each a value of the profile.

use super::read::{Read, TomlNode, fields};
use super::settings::check_times;
use crate::base::{PaymentMethod, named_enum};

/// Milliseconds of a day.
const DAY_MS: i64 = 86_400_000;

named_enum! {
    /// Effect of refunding a captured but unsettled payment. Gateways differ (contract, section 7).
    pub enum UnsettledRefund ("a treatment") {
        /// Refund it like any other.
        Allow = "allow",
        /// Refuse; the merchant must reverse.
        Refuse = "refuse",
        /// Turn it into a reversal.
        Reverse = "reverse",
    }
}

named_enum! {
    /// Answer to the identical register request, sent again.
    pub enum IdenticalRegister ("an answer") {
        /// The first answer again.
        Repeat = "repeat",
        /// A refusal as duplicate.
        Refuse = "refuse",
    }
}

named_enum! {
    /// Effect of an amount or currency in a status call that is not the order's.
    pub enum StatusMismatch ("a treatment") {
        /// Answer and leave a lint finding (PAYON's own sample contradicts itself).
        Lint = "lint",
        /// Refuse.
        Refuse = "refuse",
    }
}

named_enum! {
    /// The `amount` of a completed pre-authorisation in the status call and the list of orders.
    pub enum CompletedAmount ("an amount") {
        /// The sum that the completion captured.
        Captured = "captured",
        /// The sum that was ordered and authorised.
        Ordered = "ordered",
    }
}

/// Life-cycle rules. All durations are milliseconds of the space's clock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LifecycleRules {
    /// Time for which a registered order may be paid.
    pub order_lifetime_ms: i64,
    /// Time for which a QR order may be paid.
    pub qr_lifetime_ms: i64,
    /// Time for which an authorisation holds the money before it is released.
    pub hold_lifetime_ms: i64,
    /// Time at which the business day ends, after midnight in Cambodia: settlement closes it (0 = midnight).
    pub settlement_cutoff_ms: i64,
    /// Refund of a captured but unsettled payment.
    pub refund_unsettled: UnsettledRefund,
    /// The identical register request again.
    pub identical_register: IdenticalRegister,
    /// Amount or currency mismatch in a status call.
    pub status_mismatch: StatusMismatch,
    /// Payment methods whose orders may be in riel; all others are in dollars only.
    pub khr_methods: Vec<PaymentMethod>,
    /// The amount of a completed pre-authorisation in the status call and the list of orders.
    pub completed_amount: CompletedAmount,
    /// True if `amount` on a refund makes it partial.
    pub partial_refund: bool,
    /// Time for which a one-time password stays valid.
    pub otp_lifetime_ms: i64,
    /// Wrong one-time passwords after which the payment fails.
    pub otp_tries: u8,
    /// Wrong passcodes after which a binding is locked.
    pub passcode_tries: u8,
    /// Wrong card PINs after which the card is refused.
    pub pin_tries: u8,
    /// The fee that reconciliation adds to the total, in hundredths of a per cent of the amount.
    pub fee_basis_points: u32,
    /// True if a payer may return to an app, by an address that is none of the web.
    pub app_return_urls: bool,
}

impl Read for LifecycleRules {
    fn read(node: &TomlNode<'_>) -> Option<Self> {
        let mut table = node.section()?;
        table.check_at_least(
            1,
            &[
                "order_lifetime_ms",
                "qr_lifetime_ms",
                "hold_lifetime_ms",
                "otp_lifetime_ms",
                "otp_tries",
                "passcode_tries",
                "pin_tries",
            ],
        );
        let rules = fields!(
            table,
            LifecycleRules {
                order_lifetime_ms,
                qr_lifetime_ms,
                hold_lifetime_ms,
                settlement_cutoff_ms,
                refund_unsettled,
                identical_register,
                status_mismatch,
                khr_methods,
                completed_amount,
                partial_refund,
                otp_lifetime_ms,
                otp_tries,
                passcode_tries,
                pin_tries,
                fee_basis_points,
                app_return_urls,
            }
        )?;
        check_times(
            &table,
            [
                ("order_lifetime_ms", rules.order_lifetime_ms),
                ("qr_lifetime_ms", rules.qr_lifetime_ms),
                ("hold_lifetime_ms", rules.hold_lifetime_ms),
                ("otp_lifetime_ms", rules.otp_lifetime_ms),
            ],
        );
        if !(0..DAY_MS).contains(&rules.settlement_cutoff_ms) {
            let problem = format!("must be from 0 to {}, a time of the day", DAY_MS - 1);
            table.refuse("settlement_cutoff_ms", problem);
        }
        Some(rules)
    }
}
