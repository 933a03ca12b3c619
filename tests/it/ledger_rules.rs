//! The rules of the life cycle that the ledger's tests start from.

use payon_sim::base::PaymentMethod;
use payon_sim::profile::{
    CompletedAmount, IdenticalRegister, LifecycleRules, StatusMismatch, UnsettledRefund,
};

pub(crate) const MINUTE_MS: i64 = 60_000;
pub(crate) const HOUR_MS: i64 = 60 * MINUTE_MS;
pub(crate) const DAY_MS: i64 = 24 * HOUR_MS;

/// An order lives 30 minutes, a QR 10 minutes, a hold 7 days; the day ends at midnight.
pub(crate) fn rules() -> LifecycleRules {
    LifecycleRules {
        order_lifetime_ms: 30 * MINUTE_MS,
        qr_lifetime_ms: 10 * MINUTE_MS,
        hold_lifetime_ms: 7 * DAY_MS,
        settlement_cutoff_ms: 0,
        refund_unsettled: UnsettledRefund::Allow,
        identical_register: IdenticalRegister::Repeat,
        status_mismatch: StatusMismatch::Lint,
        khr_methods: vec![PaymentMethod::BakongKhqr],
        completed_amount: CompletedAmount::Captured,
        partial_refund: true,
        otp_lifetime_ms: 3 * MINUTE_MS,
        otp_tries: 3,
        passcode_tries: 3,
        pin_tries: 3,
        fee_basis_points: 0,
        app_return_urls: true,
    }
}
