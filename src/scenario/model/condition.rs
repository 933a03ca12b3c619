//! `when`: which calls a rule decides.

use super::Point;
use crate::base::{Currency, OrderState, PaymentMethod, Period, named_enum};
use crate::scenario::codec::{
    Decimal, Definitions, FromYaml, Many, Pattern, Printed, Share, TimePoint, YamlNode, record,
};
use crate::wire::Trt;

record! {
    /// Conditions; all that are given must hold.
    pub struct When {
        /// The operation, or one of several; `pay`, `trigger`, `refused`, `page` and `connect` are points of their own.
        /// When absent: every request of merchants and payers at which the effects can act, those that are refused early
        /// and the payer's pages included; for push-backs, all that causes them, `pay` and `trigger` included.
        operation: Option<Many<Point>> = "operation",
        /// The merchant's id.
        merchant_id: Option<Many<String>> = "merchantId",
        /// The terminal's id.
        term_id: Option<Many<String>> = "termId",
        /// The order's txId.
        tx_id: Option<Many<String>> = "txId",
        /// End of the order's txId.
        tx_id_suffix: Option<Many<String>> = "txIdSuffix",
        /// The value of the request header X-Payon-Scenario.
        header: Option<Many<String>> = "header",
        /// The amount that the request names, or else the order's.
        amount: Option<AmountTest> = "amount",
        /// The currency of that amount.
        currency: Option<Currency> = "currency",
        /// The card that pays or is bound.
        card: Option<CardTest> = "card",
        /// The order's payment method.
        payment_method: Option<Many<PaymentMethod>> = "paymentMethod",
        /// The order's type: "10" purchase, "12" pre-authorisation.
        trt: Option<Many<Trt>> = "trt",
        /// State of the order when the call comes in.
        order_state: Option<Many<OrderState>> = "orderState",
        /// Fields of the request by name.
        field: FieldTests = "field",
        /// A span of simulated time.
        window: Option<Window> = "window",
        /// Only the fitting call of this number, counted from 1; or one of several.
        nth: Option<Many<u32>> = "nth",
        /// Only each fitting call whose number is a multiple of this: 3 means the third, sixth, ninth.
        every: Option<u32> = "every",
        /// Only the first so many fitting calls.
        first: Option<u32> = "first",
        /// Scope of `nth`, `every`, `first` and `sequence`: the calls for one order (default), or all.
        scope: Option<Scope> = "scope",
        /// Only this share of the fitting calls, chosen by the seed.
        probability: Option<Share> = "probability",
    }
    absent When {
        operation: None, merchant_id: None, term_id: None, tx_id: None, tx_id_suffix: None,
        header: None, amount: None, currency: None, card: None, payment_method: None, trt: None,
        order_state: None, field: FieldTests(Vec::new()), window: None, nth: None, every: None,
        first: None, scope: None, probability: None,
    };
}

named_enum! {
    /// Scope of a rule's count.
    pub enum Scope ("a scope", default Order) {
        /// The fitting calls for one order.
        Order = "order",
        /// All fitting calls.
        Rule = "rule",
    }
}

record! {
    /// A test of an amount: the amount itself, or its limits.
    pub struct AmountTest {
        /// This amount.
        eq: Option<Decimal> = "eq",
        /// At least.
        gte: Option<Decimal> = "gte",
        /// At most.
        lte: Option<Decimal> = "lte",
        /// More than.
        gt: Option<Decimal> = "gt",
        /// Less than.
        lt: Option<Decimal> = "lt",
    }
    short Decimal => |amount| AmountTest { eq: Some(amount), gte: None, lte: None, gt: None, lt: None };
    check |test, node| {
        let limits = [test.eq, test.gte, test.lte, test.gt, test.lt];
        at_least_one(node, limits.iter().any(Option::is_some), "`eq`, `gte`, `lte`, `gt` or `lt`")
    };
}

/// Refuses a test without anything that it tests: it would hold always.
fn at_least_one(node: YamlNode<'_>, is_given: bool, keys: &str) -> Option<()> {
    if !is_given {
        node.refuse(format!("it tests nothing; it must have {keys}"));
    }
    is_given.then_some(())
}

impl AmountTest {
    /// The least and the greatest amount that pass.
    pub fn bounds(&self) -> (Decimal, Decimal) {
        let lows = [self.eq, self.gte, self.gt.map(|limit| Decimal(limit.0 + 1))];
        let highs = [self.eq, self.lte, self.lt.map(|limit| Decimal(limit.0 - 1))];
        let low = lows.into_iter().flatten().max().unwrap_or(Decimal(i64::MIN));
        let high = highs.into_iter().flatten().min().unwrap_or(Decimal(i64::MAX));
        (low, high)
    }

    /// Returns true if an amount passes.
    pub fn holds(&self, amount: Decimal) -> bool {
        let (low, high) = self.bounds();
        (low..=high).contains(&amount)
    }
}

impl std::fmt::Display for AmountTest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let limits =
            [("", self.eq), (">=", self.gte), ("<=", self.lte), (">", self.gt), ("<", self.lt)];
        let told: Vec<String> = limits
            .into_iter()
            .filter_map(|(sign, limit)| limit.map(|limit| format!("{sign}{limit}")))
            .collect();
        f.write_str(&told.join(" and "))
    }
}

record! {
    /// A test of a card: its number, or the last four digits.
    pub struct CardTest {
        /// The whole number.
        number: Option<Many<String>> = "number",
        /// The last four digits.
        last4: Option<Many<String>> = "last4",
    }
    short Many<String> => |number| CardTest { number: Some(number), last4: None };
    check |test, node| {
        at_least_one(node, test.number.is_some() || test.last4.is_some(), "`number` or `last4`")
    };
}

impl CardTest {
    /// Returns true if a card passes.
    pub fn holds(&self, card: &str) -> bool {
        let number = self.number.as_ref().is_none_or(|many| many.0.iter().any(|one| one == card));
        let last4 = self.last4.as_ref();
        number && last4.is_none_or(|many| many.0.iter().any(|end| card.ends_with(end.as_str())))
    }
}

record! {
    /// A test of one field of the request: its value, or a pattern, or whether it is there.
    pub struct FieldTest {
        /// Its value as text.
        value: Option<Many<String>> = "value",
        /// A pattern: `*` is anything, `?` one character.
        pattern: Option<Pattern> = "pattern",
        /// True if it is sent at all; null and "" are not.
        present: Option<bool> = "present",
    }
    short Many<String> => |value| FieldTest { value: Some(value), pattern: None, present: None };
    check |test, node| {
        let is_given = test.value.is_some() || test.pattern.is_some() || test.present.is_some();
        at_least_one(node, is_given, "`value`, `pattern` or `present`")
    };
}

impl FieldTest {
    /// Tests a field; `None` when it was not sent.
    pub fn holds(&self, sent: Option<&str>) -> bool {
        let value = |text: &str| {
            self.value.as_ref().is_none_or(|many| many.0.iter().any(|one| one == text))
        };
        let pattern = |text: &str| self.pattern.as_ref().is_none_or(|pattern| pattern.fits(text));
        match sent {
            Some(text) => self.present != Some(false) && value(text) && pattern(text),
            None => self.value.is_none() && self.pattern.is_none() && self.present != Some(true),
        }
    }
}

/// Tests of fields by name.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FieldTests(pub Vec<(String, FieldTest)>);

impl FromYaml for FieldTests {
    fn read(node: YamlNode<'_>) -> Option<Self> {
        let entries = node.entries("a map of fields")?;
        let read: Vec<Option<(String, FieldTest)>> = entries
            .into_iter()
            .map(|(name, _, value)| Some((name.to_owned(), FieldTest::read(value)?)))
            .collect();
        read.into_iter().collect::<Option<_>>().map(Self)
    }

    fn print(&self) -> Printed {
        Printed::Map(self.0.iter().map(|(name, test)| (name.clone(), test.print())).collect())
    }

    fn schema(definitions: &mut Definitions) -> serde_json::Value {
        let test = FieldTest::schema(definitions);
        serde_json::json!({ "type": "object", "additionalProperties": test })
    }

    fn absent() -> Option<Self> {
        Some(Self::default())
    }

    fn is_absent(&self) -> bool {
        self.0.is_empty()
    }
}

record! {
    /// A span of simulated time, once or again and again. Lengths of time count from when the rule is armed: by a call,
    /// at the start of the server, or by a reload.
    pub struct Window {
        /// Its beginning: a length of time since the rule was armed, or a date and time. `now`, when the rule is armed,
        /// when absent.
        from: Option<TimePoint> = "from",
        /// Its end, not included. Never when absent.
        to: Option<TimePoint> = "to",
        /// Within it, again after each such time …
        every: Option<Period> = "every",
        /// … for so long: flapping. Without `every`: once, for so long.
        lasting: Option<Period> = "for",
    }
    check |window, node| {
        let Window { to, every, lasting, .. } = window;
        let wrong = match (to, every, lasting) {
            (_, Some(_), None) => "`every` needs `for`: again after so long, for so long",
            (Some(_), None, Some(_)) => "a window ends at `to` or lasts `for` so long, not both",
            _ => return Some(()),
        };
        node.refuse(wrong);
        None
    };
}
