//! Findings of the request lint: not wrong enough to refuse, but not what PAYON's pages show.

use std::borrow::Cow;
use std::fmt;

use crate::base::named_enum;

macro_rules! lints {
    ($($variant:ident = $name:literal, $weight:ident, $about:literal;)+) => {
        named_enum! {
            /// Checks on requests.
            pub enum Lint ("a check") { $(#[doc = $about] $variant = $name,)+ }
        }

        impl Lint {
            /// Weight of a finding.
            pub const fn weight(self) -> Weight {
                match self { $(Self::$variant => Weight::$weight,)+ }
            }
        }
    };
}

/// Weight of a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Weight {
    /// Worth a look; may well be meant.
    Hint,
    /// Not what the pages say; refused where the lint is strict.
    Violation,
}

lints! {
    ByteOrderMark = "body.byte-order-mark", Violation, "A byte order mark stands before the JSON; it is skipped here, and many parsers refuse it.";
    UndocumentedField = "field.undocumented", Violation, "The operation has no field of this name.";
    LetterCase = "field.letter-case", Violation, "The name is a documented one in other letter case.";
    MemberRepeated = "field.repeated", Violation, "The member stands more than once; the last one counts here, and elsewhere perhaps the first.";
    AmountDecimals = "amount.decimals", Violation, "The amount has more than two decimals.";
    AmountInCents = "amount.cents", Hint, "The amount may be in cents; PAYON takes whole dollars with decimals.";
    CurrencyForm = "currency.form", Violation, "The currency is written neither in upper nor in lower case.";
    TxIdShort = "txId.short", Hint, "The txId is so short that the next order may well have it too.";
    SignIgnored = "sign.ignored", Violation, "A signature was sent to an operation that does not look at it.";
    StatusAmount = "status.amount-mismatch", Violation, "The status call names another amount than the order's.";
    StatusCurrency = "status.currency-mismatch", Violation, "The status call names another currency than the order's.";
    StatusNotAsked = "status.not-asked", Hint, "A push-back was believed without a status call, the only way to check it.";
    RefundRepeated = "refund.repeated", Violation, "A refund or reversal was sent again after it had succeeded.";
}

/// One finding in one request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LintFinding {
    /// The check that found it.
    pub lint: Lint,
    /// In which member; empty where it is the request as a whole. Card numbers in it are masked.
    pub field: Box<str>,
    /// The member that was likely meant.
    pub likely: Option<Box<str>>,
}

impl LintFinding {
    /// One sentence for people; it names the member that was likely meant.
    pub fn about(&self) -> Cow<'static, str> {
        match &self.likely {
            Some(likely) => {
                let field = &self.field;
                format!("`{field}` is no field of PAYON's; did you mean `{likely}`?").into()
            }
            None => self.lint.about().into(),
        }
    }
}

impl fmt::Display for LintFinding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &*self.field {
            "" => write!(f, "{}: {}", self.lint.name(), self.about()),
            field => write!(f, "{}: {field}: {}", self.lint.name(), self.about()),
        }
    }
}
