//! PAYON's operations, by the names that scenarios, the journal and the profile use.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

macro_rules! operations {
    ($($variant:ident = $name:literal, [$($path:literal),+];)+) => {
        /// One of PAYON's merchant-facing operations.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[repr(u8)]
        pub enum Operation {
            $(#[doc = concat!("`POST ", $($path, " "),+, "`")] $variant,)+
        }

        impl Operation {
            /// Every operation, in the order of the contract.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The stable name, such as `preAuthCompletion`.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)+ }
            }

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

/// A name that is no operation.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not an operation; known are {known}", known = Operation::ALL.iter().map(|o| o.name()).collect::<Vec<_>>().join(", "))]
pub struct UnknownOperation(pub String);

impl FromStr for Operation {
    type Err = UnknownOperation;

    fn from_str(name: &str) -> Result<Self, UnknownOperation> {
        Self::ALL
            .iter()
            .copied()
            .find(|operation| operation.name() == name)
            .ok_or_else(|| UnknownOperation(name.to_owned()))
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Serialize for Operation {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for Operation {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = std::borrow::Cow::<str>::deserialize(deserializer)?;
        name.parse().map_err(serde::de::Error::custom)
    }
}
