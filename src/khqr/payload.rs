//! The payload as a value, and the string that the official SDK writes for it.

use std::borrow::Cow;

use super::fields::{FIELDS, find, path};
use super::judge::judge;
use super::problem::{KhqrFinding, KhqrProblem};
use super::tlv::{checksum, units};
use crate::base::{Amount, Currency, Millis, Print};

/// Payee. Texts may be empty where the format lets them be absent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Account<'a> {
    /// Tag 29: a person's own account, or with `information` an account at a bank (remittance).
    Individual {
        /// Bakong account id, `name@bank`.
        id: Cow<'a, str>,
        /// Account or phone number at the bank; empty for a person's own account.
        information: Cow<'a, str>,
        /// Acquiring bank; may be empty.
        bank: Cow<'a, str>,
    },
    /// Tag 30: a merchant, paid into the bank's settlement account.
    Merchant {
        /// Bakong account id of the bank, `name@bank`.
        id: Cow<'a, str>,
        /// The bank's number for the merchant.
        merchant_id: Cow<'a, str>,
        /// Acquiring bank.
        bank: Cow<'a, str>,
    },
}

/// Content of a KHQR. An empty text is left out of the string. With an amount the code is dynamic and must expire;
/// without one it is static and carries no times.
///
/// ```
/// use payon_sim::base::{Amount, Currency, Millis};
/// use payon_sim::khqr::{Account, Payload, md5};
///
/// let account = Account::Merchant {
///     id: "payon_mock@ppcb".into(),
///     merchant_id: "M000000143".into(),
///     bank: "PPCBank".into(),
/// };
/// let mut payload = Payload::new(account, "PAYON Mock Shop", Currency::Usd)
///     .with_amount(Amount::from_minor(100), Millis(1_767_225_600_000), Millis(4_102_444_800_000));
/// payload.bill_number = "INV-1".into();
/// let khqr = payload.encode()?;
/// assert!(khqr.starts_with("000201010212"));
/// assert_eq!(md5(&khqr).len(), 32);
/// # Ok::<(), payon_sim::khqr::KhqrFinding>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payload<'a> {
    /// Tag 29 or 30.
    pub account: Account<'a>,
    /// Merchant name, at most 25 characters.
    pub name: Cow<'a, str>,
    /// City, at most 15 characters; `Phnom Penh` unless set.
    pub city: Cow<'a, str>,
    /// Merchant category code, four digits; `5999` unless set.
    pub category: Cow<'a, str>,
    /// Currency.
    pub currency: Currency,
    /// The amount exactly as it is to be printed; empty for a static code. [`Payload::with_amount`] prints it as the
    /// SDK does.
    pub amount: Cow<'a, str>,
    /// UnionPay merchant account, KHR only.
    pub union_pay: Cow<'a, str>,
    /// Bill number, at most 25 characters, as each of the next four.
    pub bill_number: Cow<'a, str>,
    /// Mobile number.
    pub mobile_number: Cow<'a, str>,
    /// Store label.
    pub store_label: Cow<'a, str>,
    /// Terminal label.
    pub terminal_label: Cow<'a, str>,
    /// Purpose of the transaction.
    pub purpose: Cow<'a, str>,
    /// Two letters, such as `km`; goes with `other_name`.
    pub language: Cow<'a, str>,
    /// The name in that language, at most 25 characters.
    pub other_name: Cow<'a, str>,
    /// The city in that language, at most 15 characters.
    pub other_city: Cow<'a, str>,
    /// Time at which the code was made. Printed on dynamic codes only.
    pub created: Millis,
    /// Until when it can be paid; required on dynamic codes, not printed on static ones.
    pub expires: Option<Millis>,
}

impl<'a> Payload<'a> {
    /// A static code with the SDK's defaults.
    pub fn new(account: Account<'a>, name: impl Into<Cow<'a, str>>, currency: Currency) -> Self {
        Self {
            account,
            name: name.into(),
            city: "Phnom Penh".into(),
            category: "5999".into(),
            currency,
            amount: Cow::default(),
            union_pay: Cow::default(),
            bill_number: Cow::default(),
            mobile_number: Cow::default(),
            store_label: Cow::default(),
            terminal_label: Cow::default(),
            purpose: Cow::default(),
            language: Cow::default(),
            other_name: Cow::default(),
            other_city: Cow::default(),
            created: Millis(0),
            expires: None,
        }
    }

    /// The same as a dynamic code. The amount is printed as the SDK prints a number: `1`, `1.50`, riel `4000`; zero
    /// leaves the code static.
    #[must_use]
    pub fn with_amount(self, amount: Amount, created: Millis, expires: Millis) -> Self {
        let amount = printed(amount, self.currency).to_string().into();
        Self { amount, created, expires: Some(expires), ..self }
    }

    /// The string for the QR code, CRC included: the one that the official SDK writes. What [`judge`](judge()) would find
    /// wrong with it at the moment of creation is refused with the first such finding.
    pub fn encode(&self) -> Result<String, KhqrFinding> {
        let text = self.write()?;
        judge(&text, self.created).into_iter().next().map_or(Ok(text), Err)
    }

    /// The same without asking the judge, which takes several times as long as writing: for payloads whose every
    /// part was checked before. Only what two digits of length cannot hold is refused.
    pub fn write(&self) -> Result<String, KhqrFinding> {
        let dynamic = !self.amount.is_empty();
        let mut out = TlvWriter { text: String::with_capacity(CODE_BYTES), at: 0 };
        out.value("00", "01")?;
        out.value("01", if dynamic { "12" } else { "11" })?;
        out.value("15", &self.union_pay)?;
        match &self.account {
            Account::Individual { id, information, bank } => {
                out.template("29", &[("00", &**id), ("01", information), ("02", bank)])?;
            }
            Account::Merchant { id, merchant_id, bank } => {
                out.template("30", &[("00", &**id), ("01", merchant_id), ("02", bank)])?;
            }
        }
        out.value("52", &self.category)?;
        out.value("53", self.currency.number())?;
        out.value("54", &self.amount)?;
        out.value("58", "KH")?;
        out.value("59", &self.name)?;
        out.value("60", &self.city)?;
        out.template(
            "62",
            &[
                ("01", &self.bill_number),
                ("02", &self.mobile_number),
                ("03", &self.store_label),
                ("07", &self.terminal_label),
                ("08", &self.purpose),
            ],
        )?;
        out.template(
            "64",
            &[("00", &self.language), ("01", &self.other_name), ("02", &self.other_city)],
        )?;
        if dynamic {
            out.times(self.created, self.expires)?;
        }
        let mut text = out.text;
        text.push_str(CRC_HEAD);
        text.push_str(&checksum(&text));
        Ok(text)
    }
}

/// An amount as the SDK prints a number; zero is none.
fn printed(amount: Amount, currency: Currency) -> Print {
    match currency {
        _ if amount == Amount::ZERO => Print::new(),
        Currency::Usd if amount.minor() % 100 == 0 => amount.print_shortest(currency),
        _ => amount.print(currency),
    }
}

/// Bytes that nearly every code fits in.
const CODE_BYTES: usize = 256;
/// Tag and length of the check sum, which covers them too.
const CRC_HEAD: &str = "6304";

const DIGITS: [char; 10] = ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9'];
/// Largest value of two digits.
const LENGTH_MAX: usize = 99;
/// Appends objects; refuses only what two digits of length cannot hold, the rest is for the judge.
struct TlvWriter {
    text: String,
    /// Position of the end of `text` in the payload.
    at: usize,
}

impl TlvWriter {
    fn value(&mut self, tag: &str, value: &str) -> Result<(), KhqrFinding> {
        if value.is_empty() { Ok(()) } else { self.append("", tag, value) }
    }

    /// An empty template is left out too, but for an account: an account without an id has to be noticed.
    fn template(&mut self, tag: &str, parts: &[(&str, &str)]) -> Result<(), KhqrFinding> {
        let parts = parts.iter().filter(|(_, value)| !value.is_empty());
        let length = parts.clone().map(|(_, value)| 4 + units(value)).sum();
        if length == 0 && !matches!(tag, "29" | "30") {
            return Ok(());
        }
        let start = self.at;
        self.head(tag, length);
        for (sub, value) in parts {
            self.append(tag, sub, value)?;
        }
        if length > LENGTH_MAX { Err(too_long("", tag, start, length)) } else { Ok(()) }
    }

    fn append(&mut self, parent: &str, tag: &str, value: &str) -> Result<(), KhqrFinding> {
        let length = units(value);
        if length > LENGTH_MAX {
            return Err(too_long(parent, tag, self.at, length));
        }
        self.head(tag, length);
        self.text.push_str(value);
        self.at += length;
        Ok(())
    }

    /// Time at which a dynamic code was made, and until when it can be paid.
    fn times(&mut self, created: Millis, expires: Option<Millis>) -> Result<(), KhqrFinding> {
        let [mut from, mut until] = [itoa::Buffer::new(); 2];
        let ends = expires.map_or("", |at| until.format(at.0));
        self.template("99", &[("00", from.format(created.0)), ("01", ends)])
    }

    /// Tag and length.
    fn head(&mut self, tag: &str, length: usize) {
        let length = length.min(LENGTH_MAX);
        self.text.push_str(tag);
        // By hand: `write!` took 5,000 of the 58,000 instructions of a registration with a KHQR.
        self.text.push(DIGITS[length / 10]);
        self.text.push(DIGITS[length % 10]);
        self.at += 4;
    }
}

fn too_long(parent: &str, tag: &str, at: usize, length: usize) -> KhqrFinding {
    let level = find(FIELDS, parent).map_or(FIELDS, |template| template.sub);
    let problem = find(level, tag).map_or(KhqrProblem::TemplateTooLong, |it| it.wrong_length);
    KhqrFinding::new(problem, path(parent, tag), at, &format!("{length} characters"))
}
