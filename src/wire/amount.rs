//! Amounts on the wire: texts in requests, JSON numbers of two forms in replies. Never a float.

use std::borrow::Cow;

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use crate::base::{Amount, Currency, Reason};

use super::UnreadableRequest;
use super::value::Value;
use super::write::NUMBER;

/// A JSON number with all decimals of its currency, `1.00`: the form of reversal, refund and
/// completion (example).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FixedAmount(pub Amount, pub Currency);

/// A JSON number in its shortest form, `1` or `1.5`: the form of orders and status (example).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ShortAmount(pub Amount, pub Currency);

impl Serialize for FixedAmount {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_newtype_struct(NUMBER, &*self.0.print(self.1))
    }
}

impl Serialize for ShortAmount {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_newtype_struct(NUMBER, &*self.0.print_shortest(self.1))
    }
}

/// The members `currency` and `amount` of a request that has both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Price {
    /// The currency.
    pub currency: Currency,
    /// The amount in minor units of that currency.
    pub amount: Amount,
}

impl Serialize for Price {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut members = serializer.serialize_map(Some(2))?;
        members.serialize_entry("currency", self.currency.code())?;
        members.serialize_entry("amount", &*self.amount.print(self.currency))?;
        members.end()
    }
}

/// An amount of a request that names no currency: well-formed, and an [`Amount`] once the order's
/// currency is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AmountText<'a> {
    name: &'static str,
    text: Cow<'a, str>,
}

impl<'a> AmountText<'a> {
    /// An amount for a request that is built rather than read.
    pub fn new(amount: Amount, currency: Currency) -> AmountText<'static> {
        AmountText { name: "amount", text: Cow::Owned(amount.fixed(currency)) }
    }

    /// Reads a decimal with at most two decimals.
    pub(super) fn read(value: Value<'a>) -> Result<Self, UnreadableRequest> {
        Self::read_as(Currency::Usd)(value)
    }

    /// Reads a decimal that fits `currency`.
    pub(super) fn read_as(
        currency: Currency,
    ) -> impl FnOnce(Value<'a>) -> Result<Self, UnreadableRequest> {
        move |value| {
            let amount = Self { name: value.name, text: value.string_or_number()? };
            amount.of(currency).map(|_| amount)
        }
    }

    /// The amount in `currency`; refused as [`Reason::AmountInvalid`] when it has more decimals
    /// than that allows.
    pub fn of(&self, currency: Currency) -> Result<Amount, UnreadableRequest> {
        Amount::parse(&self.text, currency)
            .map_err(|error| UnreadableRequest::of(Reason::AmountInvalid, self.name, error))
    }

    /// The amount as a reply repeats it, whatever its currency: a riel amount has no decimals to
    /// lose.
    pub fn echo(&self) -> Option<ShortAmount> {
        self.of(Currency::Usd).ok().map(|amount| ShortAmount(amount, Currency::Usd))
    }
}

impl Serialize for AmountText<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

/// Reads an amount in a known currency.
pub(super) fn amount_in<'a>(
    currency: Currency,
) -> impl FnOnce(Value<'a>) -> Result<Amount, UnreadableRequest> {
    move |value| {
        let text = value.string_or_number()?;
        Amount::parse(&text, currency)
            .map_err(|error| UnreadableRequest::of(Reason::AmountInvalid, value.name, error))
    }
}
