//! Conditions as single tests, each of which can say what it wanted and what it found.

use crate::base::{Amount, Currency, Fields, Millis, OrderState, PaymentMethod, SecretNames};
use crate::scenario::codec::{Decimal, Many, TimePoint};
use crate::scenario::model::{AmountTest, CardTest, FieldTest, Point, Trt, When, Window};

/// Facts of one call when its rule is looked for. Borrowed from the request and the space.
#[derive(Clone, Copy, Debug)]
pub struct CallFacts<'a> {
    /// The space's name.
    pub space: &'a str,
    /// Point of the run.
    pub point: Point,
    /// `merchantId`.
    pub merchant_id: Option<&'a str>,
    /// `termId`.
    pub term_id: Option<&'a str>,
    /// `txId`.
    pub tx_id: Option<&'a str>,
    /// The request's body; `None` where there is none, as for `pay`.
    pub fields: Option<&'a Fields<'a>>,
    /// The amount that the request names, or else the order's.
    pub amount: Option<(Amount, Currency)>,
    /// The number of the card that pays or is bound.
    pub card: Option<&'a str>,
    /// The order's payment method.
    pub method: Option<PaymentMethod>,
    /// The order's type.
    pub trt: Option<Trt>,
    /// State of the order.
    pub state: Option<OrderState>,
    /// The header X-Payon-Scenario.
    pub header: Option<&'a str>,
    /// Time on the space's clock.
    pub now: Millis,
    /// The same of each further row of an array.
    pub further: &'a [Self],
}

impl<'a> CallFacts<'a> {
    /// Nothing but the point and the time.
    pub const fn new(space: &'a str, point: Point, now: Millis) -> Self {
        Self {
            space,
            point,
            merchant_id: None,
            term_id: None,
            tx_id: None,
            fields: None,
            amount: None,
            card: None,
            method: None,
            trt: None,
            state: None,
            header: None,
            now,
            further: &[],
        }
    }

    /// The facts of each row; of a call that is no array its own.
    pub(super) fn rows(&self) -> impl Iterator<Item = &Self> {
        std::iter::once(self).chain(self.further)
    }
}

/// One test.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::scenario) enum Condition {
    TxId(Vec<String>),
    TxIdSuffix(Vec<String>),
    Header(Vec<String>),
    Card(CardTest),
    Amount(AmountTest),
    Merchant(Vec<String>),
    Terminal(Vec<String>),
    Currency(Currency),
    Method(Vec<PaymentMethod>),
    Trt(Vec<Trt>),
    State(Vec<OrderState>),
    Field(String, FieldTest),
    Window(Window),
}

impl Condition {
    /// The tests of a `when`, the quick ones first.
    pub(in crate::scenario) fn all_of(when: &When) -> Vec<Self> {
        fn list<T: Clone>(
            many: Option<&Many<T>>,
            make: fn(Vec<T>) -> Condition,
        ) -> Option<Condition> {
            many.map(|many| make(many.0.clone()))
        }
        let simple = [
            list(when.merchant_id.as_ref(), Self::Merchant),
            list(when.term_id.as_ref(), Self::Terminal),
            list(when.tx_id.as_ref(), Self::TxId),
            list(when.tx_id_suffix.as_ref(), Self::TxIdSuffix),
            list(when.header.as_ref(), Self::Header),
            when.amount.clone().map(Self::Amount),
            when.currency.map(Self::Currency),
            when.card.clone().map(Self::Card),
            list(when.payment_method.as_ref(), Self::Method),
            list(when.trt.as_ref(), Self::Trt),
            list(when.order_state.as_ref(), Self::State),
            when.window.clone().map(Self::Window),
        ];
        let fields =
            when.field.0.iter().map(|(name, test)| Self::Field(name.clone(), test.clone()));
        simple.into_iter().flatten().chain(fields).collect()
    }

    /// The key of the file that it stands under.
    pub(in crate::scenario) const fn key(&self) -> &'static str {
        match self {
            Self::TxId(_) => "txId",
            Self::TxIdSuffix(_) => "txIdSuffix",
            Self::Header(_) => "header",
            Self::Card(_) => "card",
            Self::Amount(_) => "amount",
            Self::Merchant(_) => "merchantId",
            Self::Terminal(_) => "termId",
            Self::Currency(_) => "currency",
            Self::Method(_) => "paymentMethod",
            Self::Trt(_) => "trt",
            Self::State(_) => "orderState",
            Self::Field(..) => "field",
            Self::Window(_) => "window",
        }
    }

    /// Returns true if it holds for a rule that was armed at `armed`.
    pub(super) fn holds(&self, call: &CallFacts<'_>, armed: Millis) -> bool {
        let among = |value: Option<&str>, many: &[String]| {
            value.is_some_and(|value| many.iter().any(|one| one == value))
        };
        match self {
            Self::TxId(many) => among(call.tx_id, many),
            Self::TxIdSuffix(many) => {
                call.tx_id.is_some_and(|tx_id| many.iter().any(|end| tx_id.ends_with(end.as_str())))
            }
            Self::Header(many) => among(call.header, many),
            Self::Card(test) => call.card.is_some_and(|card| test.holds(card)),
            Self::Amount(test) => amount(call).is_some_and(|amount| test.holds(amount)),
            Self::Merchant(many) => among(call.merchant_id, many),
            Self::Terminal(many) => among(call.term_id, many),
            Self::Currency(wanted) => call.amount.is_some_and(|(_, currency)| currency == *wanted),
            Self::Method(many) => call.method.is_some_and(|method| many.contains(&method)),
            Self::Trt(many) => call.trt.is_some_and(|trt| many.contains(&trt)),
            Self::State(many) => call.state.is_some_and(|state| many.contains(&state)),
            Self::Field(name, test) => {
                call.fields.is_some_and(|fields| test.holds(fields.text(name).as_deref()))
            }
            Self::Window(window) => window.holds(call.now, armed),
        }
    }

    /// The wanted and the found value, for people. Tells no secret of the request.
    pub(super) fn mismatch(&self, call: &CallFacts<'_>, secrets: &SecretNames) -> String {
        let found =
            |value: Option<&str>| value.map_or("nothing".to_owned(), |value| format!("{value:?}"));
        let (wanted, found) = match self {
            Self::TxId(many) => (one_of(many), found(call.tx_id)),
            Self::TxIdSuffix(many) => (format!("…{}", one_of(many)), found(call.tx_id)),
            Self::Header(many) => (one_of(many), found(call.header)),
            Self::Card(_) => (
                "another card".to_owned(),
                match call.card {
                    Some(card) => format!(
                        "one that ends with {}",
                        card.get(card.len().saturating_sub(4)..).unwrap_or("…")
                    ),
                    None => "none".to_owned(),
                },
            ),
            Self::Amount(test) => (
                test.to_string(),
                amount(call).map_or("none".to_owned(), |amount| amount.to_string()),
            ),
            Self::Merchant(many) => (one_of(many), found(call.merchant_id)),
            Self::Terminal(many) => (one_of(many), found(call.term_id)),
            Self::Currency(wanted) => {
                (wanted.code().to_owned(), found(call.amount.map(|(_, currency)| currency.code())))
            }
            Self::Method(many) => (
                one_of(many.iter().map(|method| method.name())),
                found(call.method.map(PaymentMethod::name)),
            ),
            Self::Trt(many) => {
                (one_of(many.iter().map(|trt| trt.name())), found(call.trt.map(Trt::name)))
            }
            Self::State(many) => (
                one_of(many.iter().map(|state| state.name())),
                found(call.state.map(OrderState::name)),
            ),
            Self::Field(name, test) => {
                let value = call.fields.and_then(|fields| fields.text(name));
                let told = match value {
                    Some(_) if secrets.hides(name) => "another value".to_owned(),
                    value => found(value.as_deref()),
                };
                let wanted = if secrets.hides(name) {
                    "a certain value".to_owned()
                } else {
                    wanted_field(test)
                };
                return format!("field {name}: wants {wanted}, is {told}");
            }
            Self::Window(window) => (window.to_string(), call.now.rfc3339()),
        };
        format!("{}: wants {wanted}, is {found}", self.key())
    }
}

fn amount(call: &CallFacts<'_>) -> Option<Decimal> {
    call.amount.map(|(amount, currency)| Decimal::of(amount, currency))
}

fn one_of<T: AsRef<str>>(many: impl IntoIterator<Item = T>) -> String {
    let many: Vec<String> = many.into_iter().map(|one| format!("{:?}", one.as_ref())).collect();
    many.join(" or ")
}

fn wanted_field(test: &FieldTest) -> String {
    let value = test.value.as_ref().map(|many| one_of(&many.0));
    let pattern = test.pattern.as_ref().map(|pattern| format!("like {:?}", pattern.0));
    let present = test.present.map(|present| if present { "present" } else { "absent" }.to_owned());
    let told: Vec<String> = [value, pattern, present].into_iter().flatten().collect();
    if told.is_empty() { "anything".to_owned() } else { told.join(" and ") }
}

impl Window {
    /// Returns true if it has closed for good at `now`, where the rule was armed at `armed`.
    pub fn is_over(&self, now: Millis, armed: Millis) -> bool {
        let from = self.from.map_or(armed, |from| from.resolve(armed));
        let closed = match (self.every, self.lasting) {
            (None, Some(lasting)) => now.0.saturating_sub(from.0) >= lasting.ms().cast_signed(),
            _ => false,
        };
        closed || self.to.is_some_and(|to| now >= to.resolve(armed))
    }

    /// Returns true if `now` is within, where the rule was armed at `armed`.
    pub fn holds(&self, now: Millis, armed: Millis) -> bool {
        let from = self.from.map_or(armed, |from| from.resolve(armed));
        if now < from || self.to.is_some_and(|to| now >= to.resolve(armed)) {
            return false;
        }
        let since = now.0.saturating_sub(from.0).unsigned_abs();
        match (self.every, self.lasting) {
            (Some(every), Some(lasting)) => every.ms() > 0 && since % every.ms() < lasting.ms(),
            (None, Some(lasting)) => since < lasting.ms(),
            (Some(_), None) => false,
            (None, None) => true,
        }
    }
}

impl std::fmt::Display for Window {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.from {
            Some(from) => write!(f, "from {from}")?,
            None => f.write_str("from now")?,
        }
        if let Some(to) = self.to {
            write!(f, " to {to}")?;
        }
        match (self.every, self.lasting) {
            (Some(every), Some(lasting)) => write!(f, ", {lasting} of every {every}")?,
            (None, Some(lasting)) => write!(f, " for {lasting}")?,
            _ => {}
        }
        let relative = |moment: &Option<TimePoint>| matches!(moment, Some(TimePoint::Since(_)));
        if self.from.is_none() || relative(&self.from) || relative(&self.to) {
            f.write_str(", counted from when the rule was armed")?;
        }
        Ok(())
    }
}
