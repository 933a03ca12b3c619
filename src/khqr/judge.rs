//! The judge: everything that is wrong with a payload.

use super::fields::{FIELDS, Field, path};
use super::problem::{KhqrFinding, KhqrProblem, quote};
use super::tlv::{Object, Objects, checksum, split_crc, units};
use crate::base::{Amount, AmountError, Currency, Millis, sort_by_key};

/// All that is wrong with `text` at the moment `now`, in the order of the string; nothing when it is right.
///
/// Any text may be given. Stricter than the official SDK where that lets a wrong payload pass: lower-case CRC, amounts
/// that are zero, grouped or too precise, missing sub-tags, tag order, country, format. Tags that the format does not
/// know are left alone, as other writers add their own; so is the order within a template.
pub fn judge(text: &str, now: Millis) -> Vec<KhqrFinding> {
    let objects = Objects::read(text);
    let mut judge = Judge { findings: Vec::new() };
    judge.level(FIELDS, "", &objects, units(text));
    judge.order(&objects);
    judge.checksum(text, &objects);
    judge.meaning(&objects, units(text), now);
    sort_by_key(&mut judge.findings, |finding| finding.position);
    judge.findings
}

struct Judge {
    findings: Vec<KhqrFinding>,
}

impl Judge {
    fn report(&mut self, problem: KhqrProblem, tag: String, at: usize, found: &str) {
        self.findings.push(KhqrFinding::new(problem, tag, at, found));
    }

    fn about(&mut self, problem: KhqrProblem, parent: &str, object: &Object, found: &str) {
        self.report(problem, path(parent, object.tag), object.value_at, found);
    }

    /// The grammar: shape, repetition, lengths and required tags of one level and those below it.
    fn level(&mut self, fields: &'static [Field], parent: &str, objects: &Objects, end: usize) {
        let mut seen = std::collections::HashSet::new();
        for object in &objects.list {
            if !seen.insert(object.tag) {
                self.report(
                    KhqrProblem::TagRepeated,
                    path(parent, object.tag),
                    object.at,
                    "stands here again",
                );
            }
            self.value(parent, object);
            if let Some(field) = object.field.filter(|field| !field.sub.is_empty()) {
                let end = object.value_at + units(object.value);
                self.level(field.sub, object.tag, &object.sub, end);
            }
        }
        match &objects.fault {
            Some(fault) => {
                self.report(KhqrProblem::Malformed, parent.to_owned(), fault.at, &fault.found);
            }
            // What lies beyond a fault is unknown, so only a level that was read to its end can lack a tag.
            None => {
                for field in fields.iter().filter(|field| !seen.contains(field.tag)) {
                    if let Some(problem) = field.missing {
                        self.report(problem, path(parent, field.tag), end, "is missing");
                    }
                }
            }
        }
    }

    fn value(&mut self, parent: &str, object: &Object) {
        let length = units(object.value);
        match object.field {
            Some(Field { missing: Some(problem), .. }) if length == 0 => {
                self.about(*problem, parent, object, "is empty");
            }
            Some(Field { length: (least, most), wrong_length, .. })
                if !(*least..=*most).contains(&length) =>
            {
                self.about(*wrong_length, parent, object, &format!("{length} characters"));
            }
            // Of a template with required parts, the parts are what is missed.
            Some(field) if field.sub.iter().any(|part| part.missing.is_some()) => {}
            _ if length == 0 => self.about(KhqrProblem::ValueEmpty, parent, object, "is empty"),
            _ => {}
        }
        if object.sub.list.is_empty() && object.value.chars().any(char::is_control) {
            self.about(KhqrProblem::ControlCharacter, parent, object, "has a control character");
        }
    }

    /// Known tags stand in the official order; the CRC is looked at by itself.
    fn order(&mut self, objects: &Objects) {
        let rank = |object: &Object| FIELDS.iter().position(|field| field.tag == object.tag);
        let mut before = 0;
        for object in objects.list.iter().filter(|object| object.tag != "63") {
            let Some(rank) = rank(object) else { continue };
            if rank < before {
                let found = format!("comes after {}", FIELDS[before].tag);
                self.report(KhqrProblem::TagOrder, object.tag.to_owned(), object.at, &found);
            }
            before = rank;
        }
    }

    fn checksum(&mut self, text: &str, objects: &Objects) {
        let (covered, given) = match objects.list.last() {
            // Even where the shape is broken, the checksum at the end says whether the text is as it was made.
            _ if objects.fault.is_some() => match split_crc(text) {
                Some(parts) => parts,
                None => return,
            },
            Some(last) if last.tag == "63" && right_length(last) => {
                (&text[..text.len() - last.value.len()], last.value)
            }
            Some(last) if last.tag == "63" => return,
            _ => {
                if let Some(crc) = objects.get("63") {
                    self.report(KhqrProblem::CrcNotLast, "63".into(), crc.at, "other tags follow");
                }
                return;
            }
        };
        let right = checksum(covered);
        let problem = match given {
            given if *given == *right => return,
            given if given.eq_ignore_ascii_case(&right) => KhqrProblem::CrcLowerCase,
            _ => KhqrProblem::CrcWrong,
        };
        let found = format!("{} where {right} would be right", quote(given));
        self.report(problem, "63".into(), units(covered), &found);
    }

    /// Checks the values, each by itself and together. Values of the wrong length were reported already.
    fn meaning(&mut self, objects: &Objects, end: usize, now: Millis) {
        let get = |tag| objects.get(tag).filter(|object| right_length(object));
        let whole = objects.fault.is_none();

        if let Some(format) = get("00").filter(|object| object.value != "01") {
            self.about(KhqrProblem::FormatUnknown, "", format, &quote(format.value));
        }
        let initiation = get("01");
        if let Some(object) = initiation.filter(|object| !matches!(object.value, "11" | "12")) {
            self.about(KhqrProblem::InitiationUnknown, "", object, &quote(object.value));
        }
        match (objects.get("29"), objects.get("30")) {
            (None, None) if whole => {
                self.report(KhqrProblem::AccountTagMissing, String::new(), end, "has no account");
            }
            (Some(_), Some(merchant)) => {
                self.report(
                    KhqrProblem::AccountTagTwice,
                    "30".into(),
                    merchant.at,
                    "follows tag 29",
                );
            }
            _ => {}
        }
        for account in ["29", "30"] {
            let id = objects.get(account).and_then(|account| account.sub.get("00"));
            if let Some(id) = id.filter(|id| right_length(id) && !id.value.contains('@')) {
                self.about(KhqrProblem::AccountInvalid, account, id, "has no @");
            }
        }
        if let Some(category) = get("52").filter(|object| !is_digits(object.value)) {
            self.about(KhqrProblem::CategoryInvalid, "", category, &quote(category.value));
        }
        if let Some(country) = get("58").filter(|object| object.value != "KH") {
            self.about(KhqrProblem::CountryUnknown, "", country, &quote(country.value));
        }
        let currency = get("53").and_then(|object| {
            let currency = Currency::from_number(object.value);
            if currency.is_none() {
                self.about(KhqrProblem::CurrencyUnsupported, "", object, &quote(object.value));
            }
            currency
        });
        if let Some(union_pay) = objects.get("15").filter(|_| currency == Some(Currency::Usd)) {
            self.about(KhqrProblem::UnionPayCurrency, "", union_pay, "stands beside currency 840");
        }

        // An amount is judged by its own currency, or where that is unknown by the one that allows more.
        if let Some(amount) = get("54")
            && let Err(error) = check_amount(amount.value, currency.unwrap_or(Currency::Usd))
        {
            self.about(
                KhqrProblem::AmountInvalid,
                "",
                amount,
                &format!("{} {error}", quote(amount.value)),
            );
        }
        let amount = objects.get("54");
        match initiation.map(|object| object.value) {
            Some("11") => {
                if let Some(amount) = amount {
                    self.about(KhqrProblem::AmountOnStatic, "", amount, "carries an amount");
                }
            }
            Some("12") if amount.is_none() && whole => {
                self.report(KhqrProblem::AmountMissing, "54".into(), end, "is missing");
            }
            _ => {}
        }
        let dynamic =
            amount.is_some() || initiation.is_some_and(|initiation| initiation.value == "12");
        self.times(objects, dynamic && whole, end, now);
    }

    fn times(&mut self, objects: &Objects, required: bool, end: usize, now: Millis) {
        let times = objects.get("99");
        let part = |tag| times.and_then(|times| times.sub.get(tag));
        let Some(expiry) = part("01") else {
            // A template that could not be read to its end may well have held the expiry.
            if required && times.is_none_or(|times| times.sub.fault.is_none()) {
                let at = times.map_or(end, |times| times.value_at + units(times.value));
                self.report(KhqrProblem::ExpiryMissing, "99.01".into(), at, "is missing");
            }
            return;
        };
        let mut read = |object: &Object, problem| {
            let moment = object.value.parse::<i64>().ok().filter(|_| is_digits(object.value));
            if right_length(object) && moment.is_none() {
                self.about(problem, "99", object, &quote(object.value));
            }
            moment.filter(|_| right_length(object)).map(Millis)
        };
        let created = part("00").and_then(|object| read(object, KhqrProblem::CreationInvalid));
        let Some(expires) = read(expiry, KhqrProblem::ExpiryInvalid) else { return };
        if created.is_some_and(|created| expires < created) {
            self.about(KhqrProblem::ExpiryBeforeCreation, "99", expiry, &expires.rfc3339());
        }
        if expires < now {
            let found = format!("{}, and it is {}", expires.rfc3339(), now.rfc3339());
            self.about(KhqrProblem::Expired, "99", expiry, &found);
        }
    }
}

/// Returns true if the table has nothing against the length of the value.
fn right_length(object: &Object) -> bool {
    let length = units(object.value);
    object.field.is_none_or(|field| (field.length.0..=field.length.1).contains(&length))
}

fn is_digits(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}

/// The contract's rules for an amount, but for its ceiling: the format has its own, 13 characters.
fn check_amount(text: &str, currency: Currency) -> Result<(), AmountError> {
    match Amount::parse(text, currency) {
        Ok(_) | Err(AmountError::TooLarge) => Ok(()),
        Err(error) => Err(error),
    }
}
