//! The closed sets of words that requests choose from.

use serde::{Serialize, Serializer};

use crate::base::PaymentMethod;

/// A word of a closed set, as it stands on the wire.
pub trait Word: Copy + 'static {
    /// All of them, in documented order.
    const ALL: &'static [Self];

    /// The word itself.
    fn word(self) -> &'static str;

    /// The member of the set that is written `text`, letter case included.
    fn parse(text: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|known| known.word() == text)
    }
}

macro_rules! words {
    ($(
        $(#[$about:meta])*
        $name:ident { $($(#[$meaning:meta])* $variant:ident = $word:literal,)+ }
    )+) => {$(
        $(#[$about])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum $name {
            $($(#[$meaning])* $variant,)+
        }

        impl Word for $name {
            const ALL: &'static [Self] = &[$(Self::$variant,)+];

            fn word(self) -> &'static str {
                match self { $(Self::$variant => $word,)+ }
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.word())
            }
        }
    )+};
}

words! {
    /// Kind of an order (documented).
    Trt {
        /// Authorise and capture at once.
        Purchase = "10",
        /// Authorise now, capture by a completion.
        PreAuth = "12",
    }

    /// The means that an order prefers (documented).
    PayDvCd {
        /// PPCBank's app.
        PpcbankPay = "PPCBANK_PAY",
        /// PAYON by card or wallet.
        PayonPay = "PAYON_PAY",
        /// PAYON by QR.
        PayonQr = "PAYON_QR",
        /// KHQR.
        Khqr = "KHQR",
        /// A card with 3-D Secure.
        Mpi = "MPI",
    }

    /// Kind of a bound card (documented).
    BindingMethod {
        /// A PAYON card.
        Payon = "PAYON",
        /// A credit or debit card of an international scheme.
        CreditDebit = "CREDIT_DEBIT",
    }

    /// Type of a reconciliation row (documented).
    TransactionType {
        /// A purchase.
        Purchase = "PURCHASE",
        /// A refund.
        Refund = "REFUND",
        /// A pre-authorisation.
        PreAuth = "PRE_AUTH",
        /// Its completion.
        PreAuthComplete = "PRE_AUTH_COMPLETE",
        /// The reversal of a purchase.
        PurchaseReversal = "PURCHASE_REVERSAL",
        /// The reversal of a pre-authorisation.
        PreAuthReversal = "PRE_AUTH_REVERSAL",
        /// The reversal of a completion.
        PreAuthCompleteReversal = "PRE_AUTH_COMPLETE_REVERSAL",
    }

    /// End of a QR payment as a paying app reports it, and the word of a push-back (documented).
    Outcome {
        /// Paid.
        Success = "0000",
        /// Not paid.
        Error = "9999",
    }
}

impl Word for PaymentMethod {
    const ALL: &'static [Self] = Self::ALL;

    fn word(self) -> &'static str {
        self.name()
    }
}

impl BindingMethod {
    /// The `paymentType` of the binding list: `01` PAYON, `02` credit/debit (seen in examples).
    pub fn payment_type(self) -> &'static str {
        match self {
            Self::Payon => "01",
            Self::CreditDebit => "02",
        }
    }
}
