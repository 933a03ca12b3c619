//! Readings of one member: texts, identifiers, words, dates, counts, URLs.

use std::borrow::Cow;
use std::ops::RangeInclusive;

use crate::base::{Currency, Day, Literal, Named, Reason, ReturnUrl, WebUrlParts, did_you_mean};

use super::{UnreadableRequest, limits, redact};

/// A member that is there, not yet understood.
#[derive(Clone, Copy)]
pub(super) struct Value<'a> {
    /// The member's name.
    pub(super) name: &'static str,
    /// Its value as written.
    pub(super) literal: Literal<'a>,
}

impl<'a> Value<'a> {
    /// A refusal of this value.
    #[cold]
    pub(super) fn invalid(self, problem: impl std::fmt::Display) -> UnreadableRequest {
        UnreadableRequest::of(Reason::FieldInvalid, self.name, problem)
    }

    /// The text of a JSON string; any other kind of value is refused.
    fn string(self) -> Result<Cow<'a, str>, UnreadableRequest> {
        if !self.literal.is_string() {
            let kind = self.kind();
            return Err(self.invalid(format_args!("must be a JSON string, not {kind}")));
        }
        self.decoded()
    }

    /// The text of a JSON string or the digits of a JSON number.
    pub(super) fn string_or_number(self) -> Result<Cow<'a, str>, UnreadableRequest> {
        if self.literal.is_number() {
            return Ok(Cow::Borrowed(self.literal.raw()));
        }
        if !self.literal.is_string() {
            let kind = self.kind();
            return Err(self.invalid(format_args!("must be a string or a number, not {kind}")));
        }
        self.decoded()
    }

    /// The text with escapes resolved. An escape that is no character leaves the literal as it
    /// stood.
    fn decoded(self) -> Result<Cow<'a, str>, UnreadableRequest> {
        let text = self.literal.text();
        if text.len() == self.literal.raw().len() {
            return Err(self.invalid("holds an escape sequence that is no character"));
        }
        Ok(text)
    }

    fn kind(self) -> &'static str {
        match self.literal.raw().as_bytes().first() {
            Some(b'{') => "an object",
            Some(b'[') => "an array",
            Some(b't' | b'f') => "a boolean",
            _ => "a number",
        }
    }
}

/// A text of at most `chars` characters without control characters.
pub(super) fn text<'a>(
    chars: usize,
) -> impl FnOnce(Value<'a>) -> Result<Cow<'a, str>, UnreadableRequest> + Copy {
    move |value| {
        if let Some(plain) = value.literal.plain_text().filter(|plain| plain.len() <= chars) {
            return Ok(Cow::Borrowed(plain));
        }
        let text = value.string()?;
        check_length(value, &text, chars)?;
        if text.chars().any(char::is_control) {
            return Err(value.invalid("must not contain control characters such as line breaks"));
        }
        Ok(text)
    }
}

/// A text that may run over several lines, as signatures and encrypted PINs do.
pub(super) fn lines<'a>(
    chars: usize,
) -> impl FnOnce(Value<'a>) -> Result<Cow<'a, str>, UnreadableRequest> + Copy {
    move |value| {
        let text = value.string()?;
        check_length(value, &text, chars)?;
        Ok(text)
    }
}

fn check_length(value: Value<'_>, text: &str, chars: usize) -> Result<(), UnreadableRequest> {
    if text.chars().nth(chars).is_some() {
        return Err(value.invalid(format_args!("must have at most {chars} characters")));
    }
    Ok(())
}

/// An identifier.
pub(super) fn id(value: Value<'_>) -> Result<Cow<'_, str>, UnreadableRequest> {
    text(limits::ID_CHARS)(value)
}

/// The merchant's number of an order.
pub(super) fn tx_id(value: Value<'_>) -> Result<Cow<'_, str>, UnreadableRequest> {
    text(limits::TX_ID_CHARS)(value)
}

/// A signature.
pub(super) fn sign(value: Value<'_>) -> Result<Cow<'_, str>, UnreadableRequest> {
    lines(limits::SIGN_CHARS)(value)
}

/// One word of a closed set.
pub(super) fn word<T: Named>(value: Value<'_>) -> Result<T, UnreadableRequest> {
    let text = value.string()?;
    T::of_name(&text).ok_or_else(|| {
        let words = T::names();
        let (hint, allowed) = (did_you_mean(&text, words.iter().copied()), words.join(", "));
        value.invalid(format_args!("is {}{hint}; allowed: {allowed}", quoted(&text)))
    })
}

/// A currency in any letter case.
pub(super) fn currency(value: Value<'_>) -> Result<Currency, UnreadableRequest> {
    let text = value.string()?;
    Currency::parse(&text).ok_or_else(|| {
        UnreadableRequest::of(
            Reason::CurrencyUnsupported,
            value.name,
            format_args!("is {}; allowed: USD, KHR", quoted(&text)),
        )
    })
}

/// A day written `ddMMyyyy`.
pub(super) fn date(value: Value<'_>) -> Result<Day, UnreadableRequest> {
    let text = value.string()?;
    Day::parse_day_first(&text).ok_or_else(|| {
        let sent = quoted(&text);
        value.invalid(format_args!("is {sent}; it must be a day as ddMMyyyy, such as 24112020"))
    })
}

/// A whole number from one to `most`, as a number or a string.
pub(super) fn count<'a>(most: u32) -> impl FnOnce(Value<'a>) -> Result<u32, UnreadableRequest> {
    move |value| {
        let text = value.string_or_number()?;
        let digits = text.bytes().all(|byte| byte.is_ascii_digit());
        let number = text.parse().ok().filter(|number| digits && (1..=most).contains(number));
        number.ok_or_else(|| {
            let sent = quoted(&text);
            value.invalid(format_args!("is {sent}; it must be a whole number from 1 to {most}"))
        })
    }
}

/// A secret made of digits only. The message never repeats it.
pub(super) fn digits<'a>(
    count: RangeInclusive<usize>,
) -> impl FnOnce(Value<'a>) -> Result<Cow<'a, str>, UnreadableRequest> {
    move |value| {
        let text = value.string()?;
        if count.contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit()) {
            return Ok(text);
        }
        let (fewest, most) = (count.start(), count.end());
        Err(value.invalid(format_args!("must be {fewest} to {most} digits and nothing else")))
    }
}

/// A month written `yyyyMM`. Never repeated in the message, since it belongs to a card.
pub(super) fn month(value: Value<'_>) -> Result<Cow<'_, str>, UnreadableRequest> {
    let text = value.string()?;
    let month = text.get(4..).and_then(|month| month.parse().ok()).unwrap_or(0_u8);
    let digits = text.len() == 6 && text.bytes().all(|byte| byte.is_ascii_digit());
    if digits && (1..=12).contains(&month) {
        Ok(text)
    } else {
        Err(value.invalid("must be a month as yyyyMM, such as 202512"))
    }
}

/// An e-mail address, judged by its `@` alone.
pub(super) fn email(value: Value<'_>) -> Result<Cow<'_, str>, UnreadableRequest> {
    let address = text(limits::EMAIL_CHARS)(value)?;
    match address.split_once('@') {
        Some((name, host)) if !name.is_empty() && !host.is_empty() => Ok(address),
        _ => Err(value.invalid("must be an e-mail address with an @")),
    }
}

/// The address of a merchant's server: an absolute `http` or `https` URL.
pub(super) fn url(value: Value<'_>) -> Result<Cow<'_, str>, UnreadableRequest> {
    let url = text(limits::URL_CHARS)(value)?;
    match WebUrlParts::parse(&url) {
        Ok(_) => Ok(url),
        Err(error) => Err(value.invalid(error)),
    }
}

/// The address to which the payer's browser returns: a web page, or an app.
pub(super) fn return_url(value: Value<'_>) -> Result<Cow<'_, str>, UnreadableRequest> {
    let url = text(limits::URL_CHARS)(value)?;
    match ReturnUrl::of(&url) {
        Ok(_) => Ok(url),
        Err(error) => Err(value.invalid(error)),
    }
}

/// A refused value for a message: short ones quoted with card numbers masked, long ones counted.
pub(super) fn quoted(text: &str) -> String {
    let chars = text.chars().count();
    if chars > limits::QUOTED_CHARS {
        return format!("a text of {chars} characters");
    }
    format!("{:?}", redact::hide_card_numbers(text))
}
