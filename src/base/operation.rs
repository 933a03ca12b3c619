//! PAYON's operations, by the names that scenarios, the journal and the profile use.

use super::named_enum;

macro_rules! operations {
    ($($variant:ident = $name:literal, [$($path:literal),+];)+) => {
        named_enum! {
            /// One of PAYON's merchant-facing operations.
            pub enum Operation ("an operation") { $($(#[doc = $path])+ $variant = $name,)+ }
        }

        impl Operation {
            /// The paths at which it answers, the documented one first.
            pub const fn paths(self) -> &'static [&'static str] {
                match self { $(Self::$variant => &[$($path),+],)+ }
            }
        }
    };
}

operations! {
    Register = "register", ["/pg/order/register"];
    Reversal = "reversal", ["/pg/reversal"];
    Refund = "refund", ["/pg/refund"];
    PreAuthCompletion = "preAuthCompletion", ["/pg/preAuthCompletion"];
    Orders = "orders", ["/pg/orders"];
    Status = "status", ["/pg/transaction/status"];
    BindingRegister = "bindingRegister", ["/pg/binding/register", "/pg/createBinding"];
    BindingList = "bindingList", ["/pg/bindingList"];
    CreatePin = "createPin", ["/pg/binding/createPIN"];
    EnablePin = "enablePin", ["/pg/binding/enablePIN"];
    DisablePin = "disablePin", ["/pg/binding/disablePIN"];
    Reconciliation = "reconciliation", ["/pg/merchant/reconcilation", "/pg/merchant/reconciliation"];
    NotifyQrScanned = "notifyQrScanned", ["/pg/notifyqrscanned"];
    NotifyProcessing = "notifyProcessing", ["/pg/notifyprocessingpayment"];
    NotifyCompletion = "notifyCompletion", ["/pg/notifycompletionpayment"];
    CancelQr = "cancelQr", ["/pg/cancelqrpayment"];
}

impl Operation {
    /// The operation that answers at `path`.
    pub fn at(path: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|operation| operation.paths().contains(&path))
    }

    /// Returns true if answering takes the gateway's private key, which is slow: a PIN comes encrypted.
    pub const fn needs_private_key(self) -> bool {
        matches!(self, Self::CreatePin | Self::EnablePin | Self::DisablePin)
    }

    /// The position in [`Operation::ALL`], for tables with a row an operation.
    pub const fn index(self) -> usize {
        self as usize
    }
}
