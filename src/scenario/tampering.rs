//! The bodies of push-backs that are not as they should be.

use std::fmt::Write;

use super::model::Tampering;
use super::plan::Content;
use crate::base::named_enum;

/// Text of a true push-back, and the words for the opposite.
#[derive(Clone, Copy)]
pub struct NoticeText<'a> {
    /// The order.
    pub tx_id: &'a str,
    /// `resultCode` and `resultMsg` of what happened.
    pub truth: (&'a str, &'a str),
    /// The same for the opposite.
    pub opposite: (&'a str, &'a str),
    /// The same for a success.
    pub success: (&'a str, &'a str),
    /// The order's amount as the status call would print it.
    pub amount: &'a str,
    /// Another order of the same merchant.
    pub other: Option<&'a str>,
    /// Tells whether an order of the merchant has this txId.
    pub is_known: &'a dyn Fn(&str) -> bool,
}

impl std::fmt::Debug for NoticeText<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NoticeText").field("tx_id", &self.tx_id).finish_non_exhaustive()
    }
}

/// A body with its type, ready to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoticeBody {
    /// The Content-Type; `None`: the profile's.
    pub content_type: Option<&'static str>,
    /// The bytes.
    pub body: Vec<u8>,
    /// So many bytes `x` come before the last [`FILLER_END`] bytes of the body. They are made only when they are sent,
    /// so that a huge body takes no room while it waits.
    pub filler: u32,
}

/// The bytes of a body that come after its filler: the quote and the brace that end the member and the notice.
pub const FILLER_END: usize = 2;

impl Content {
    /// Body to send. `draw` chooses where there is a choice; the same draw makes the same body.
    pub fn body(&self, text: &NoticeText<'_>, draw: u64) -> NoticeBody {
        let NoticeText { tx_id, truth, .. } = *text;
        match self {
            Self::True => json(tx_id, truth, ""),
            Self::Forged => json(tx_id, text.success, ""),
            Self::UnknownOrder => json(&format!("unknown-{draw:016x}"), text.success, ""),
            Self::Tampered(tampering) => tampering.body(text, draw),
        }
    }

    /// Its kind, by which the journal and the control plane name it.
    pub const fn kind(&self) -> ContentKind {
        match self {
            Self::True => ContentKind::True,
            Self::Forged => ContentKind::Forged,
            Self::UnknownOrder => ContentKind::UnknownOrder,
            Self::Tampered(tampering) => tampering.kind(),
        }
    }
}

named_enum! {
    /// Kinds of notices; what is tampered with has the name that scenario files give it.
    pub enum ContentKind ("a content of a push-back") {
        /// The truth.
        True = "true",
        /// Success of an order that nobody paid.
        Forged = "forged",
        /// Success of an order that does not exist.
        UnknownOrder = "unknown-order",
        /// Success told as failure, failure as success.
        WrongStatus = "wrong-status",
        /// The txId of another order.
        WrongTxId = "wrong-tx-id",
        /// A txId that no order has.
        UnknownTxId = "unknown-tx-id",
        /// Another amount.
        WrongAmount = "wrong-amount",
        /// Not JSON.
        Malformed = "malformed",
        /// A huge body.
        Huge = "huge",
        /// Undocumented members.
        ExtraFields = "extra-fields",
        /// A form.
        Form = "form",
        /// Odd but legal JSON.
        OddJson = "odd-json",
    }
}

impl Tampering {
    const fn kind(&self) -> ContentKind {
        match self {
            Self::WrongStatus => ContentKind::WrongStatus,
            Self::WrongTxId => ContentKind::WrongTxId,
            Self::UnknownTxId => ContentKind::UnknownTxId,
            Self::WrongAmount => ContentKind::WrongAmount,
            Self::Malformed => ContentKind::Malformed,
            Self::Huge(_) => ContentKind::Huge,
            Self::ExtraFields => ContentKind::ExtraFields,
            Self::Form => ContentKind::Form,
            Self::OddJson => ContentKind::OddJson,
        }
    }

    fn body(&self, text: &NoticeText<'_>, draw: u64) -> NoticeBody {
        let NoticeText { tx_id, truth, .. } = *text;
        match self {
            Self::WrongStatus => json(tx_id, text.opposite, ""),
            Self::WrongTxId if text.other.is_some() => {
                json(text.other.unwrap_or_default(), truth, "")
            }
            Self::WrongTxId | Self::UnknownTxId => json(&unknown_tx_id(text, draw), truth, ""),
            Self::WrongAmount => {
                let amount = if text.amount == "1" { "2" } else { "1" };
                json(tx_id, truth, &format!(",\"amount\":{amount},\"currencyCode\":\"USD\""))
            }
            Self::Malformed => {
                let mut notice = json(tx_id, truth, "");
                notice.body.truncate(notice.body.len() - 2);
                notice
            }
            Self::Huge(bytes) => {
                NoticeBody { filler: bytes.0, ..json(tx_id, truth, ",\"filler\":\"\"") }
            }
            Self::ExtraFields => {
                let more = ",\"apprNo\":\"763647\",\"resultData\":{\"a\":[1,null]},\"\":\"\"";
                json(tx_id, truth, more)
            }
            Self::Form => {
                let pairs = [("txId", tx_id), ("resultCode", truth.0), ("resultMsg", truth.1)];
                let pairs = pairs.map(|(name, value)| format!("{name}={}", percent(value)));
                NoticeBody {
                    content_type: Some("application/x-www-form-urlencoded"),
                    body: pairs.join("&").into_bytes(),
                    filler: 0,
                }
            }
            Self::OddJson => {
                let body = format!(
                    "\r\n{{ \"resultMsg\" :{},\t\"resultCode\":{} ,\n\"txId\" : {}\n}}\n",
                    escaped(truth.1),
                    escaped(truth.0),
                    escaped(tx_id)
                );
                NoticeBody { content_type: None, body: body.into_bytes(), filler: 0 }
            }
        }
    }
}

fn json(tx_id: &str, (code, message): (&str, &str), more: &str) -> NoticeBody {
    let text = |text: &str| serde_json::Value::from(text).to_string();
    let (tx_id, code, message) = (text(tx_id), text(code), text(message));
    let body = format!("{{\"txId\":{tx_id},\"resultCode\":{code},\"resultMsg\":{message}{more}}}");
    NoticeBody { content_type: None, body: body.into_bytes(), filler: 0 }
}

/// A txId of the same look that no order has.
fn unknown_tx_id(text: &NoticeText<'_>, draw: u64) -> String {
    // Digits that are changed one after the other; a merchant that has them all gets a longer txId.
    let tries = (0..TRIES).map(|tried| draw.wrapping_add(tried << 32).rotate_left(tried as u32));
    let mut found = tries.map(|draw| other_tx_id(text.tx_id, draw));
    found
        .find(|made| !(text.is_known)(made))
        .unwrap_or_else(|| format!("{}-{draw:016x}", text.tx_id))
}

/// Number of digits are changed in search of a txId that no order has.
const TRIES: u64 = 32;

/// A txId of the same look: one of its digits is another.
fn other_tx_id(tx_id: &str, draw: u64) -> String {
    let digits: Vec<usize> =
        tx_id.char_indices().filter(|(_, c)| c.is_ascii_digit()).map(|(at, _)| at).collect();
    let Some(at) = digits.get((draw % digits.len().max(1) as u64) as usize).copied() else {
        return format!("{tx_id}0");
    };
    let digit = tx_id.as_bytes()[at] - b'0';
    let other = (u64::from(digit) + 1 + (draw >> 32) % 9) % 10;
    format!("{}{other}{}", &tx_id[..at], &tx_id[at + 1..])
}

/// A text in quotes, every character of it escaped.
fn escaped(text: &str) -> String {
    let mut out = String::from("\"");
    for unit in text.encode_utf16() {
        let _ = write!(out, "\\u{unit:04X}");
    }
    out.push('"');
    out
}

fn percent(text: &str) -> String {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._~".contains(byte);
    text.bytes()
        .map(
            |byte| if plain(&byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") },
        )
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::Size;

    const TEXT: NoticeText<'_> = NoticeText {
        tx_id: "T\"2435",
        truth: ("0000", "Success"),
        opposite: ("9999", "Error"),
        success: ("0000", "Success"),
        amount: "2",
        other: None,
        is_known: &|_| false,
    };

    fn said(content: Content) -> serde_json::Value {
        let body = content.body(&TEXT, 0xdead_beef_1234).body;
        serde_json::from_slice(&body).expect("JSON")
    }

    #[test]
    fn every_lie_differs_from_the_truth_in_what_it_says() {
        let truth = said(Content::True);
        assert_eq!(
            truth,
            serde_json::json!({"txId":"T\"2435","resultCode":"0000","resultMsg":"Success"})
        );
        assert_eq!(said(Content::Forged), truth);
        assert_eq!(said(Content::Tampered(Tampering::WrongStatus))["resultCode"], "9999");
        assert_ne!(said(Content::UnknownOrder)["txId"], truth["txId"]);
        assert_eq!(said(Content::Tampered(Tampering::OddJson)), truth);
        assert_eq!(said(Content::Tampered(Tampering::WrongAmount))["amount"], 1);
        assert!(
            said(Content::Tampered(Tampering::ExtraFields))
                .as_object()
                .is_some_and(|all| all.len() > 4)
        );
        let malformed = Content::Tampered(Tampering::Malformed).body(&TEXT, 0).body;
        assert!(serde_json::from_slice::<serde_json::Value>(&malformed).is_err());
        let huge = Content::Tampered(Tampering::Huge(Size(70_000))).body(&TEXT, 0);
        assert!(huge.filler == 70_000 && huge.body.ends_with(b"\"filler\":\"\"}"));
        let form = Content::Tampered(Tampering::Form).body(&TEXT, 0);
        assert_eq!(form.body, b"txId=T%222435&resultCode=0000&resultMsg=Success");
    }

    #[test]
    fn another_order_is_named_where_there_is_one() {
        let said = |tampering: Tampering, text: &NoticeText<'_>| {
            let body = Content::Tampered(tampering).body(text, 7).body;
            let said: serde_json::Value = serde_json::from_slice(&body).expect("JSON");
            said["txId"].as_str().map(str::to_owned).expect("a txId")
        };
        let with_other = NoticeText { other: Some("T77"), ..TEXT };
        assert_eq!(said(Tampering::WrongTxId, &with_other), "T77");
        assert_eq!(said(Tampering::WrongTxId, &TEXT), said(Tampering::UnknownTxId, &TEXT));
        assert_ne!(said(Tampering::UnknownTxId, &with_other), "T77");
        // Every txId with one other digit is an order's.
        let taken = NoticeText { is_known: &|made| made.len() == TEXT.tx_id.len(), ..TEXT };
        assert!(said(Tampering::UnknownTxId, &taken).starts_with("T\"2435-"));
    }

    #[test]
    fn another_tx_id_has_the_same_look() {
        for draw in 0..1000u64 {
            let other = other_tx_id("A1b2", draw.wrapping_mul(0x9e37_79b9_7f4a_7c15));
            assert!(other != "A1b2" && other.len() == 4 && other.starts_with('A'), "{other}");
        }
        assert_eq!(other_tx_id("abc", 5), "abc0");
    }
}
