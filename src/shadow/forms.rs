//! Members that are the gateway's own: numbers it gives, times, links, masks. Their values cannot be foreseen, their form can.

/// Treatment of a member's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum MemberClass {
    /// Follows from what the merchant sent and from the order's state.
    Exact,
    /// A number or token that the gateway gives.
    Given,
    /// A time.
    Time,
    /// An address.
    Link,
    /// An account, most of it hidden.
    Account,
    /// Nothing but its JSON type is looked at.
    Opaque,
}

impl MemberClass {
    /// The class of a member by its plain name.
    pub(super) fn of(name: &str) -> Self {
        match name {
            "txSeqNo" | "apprNo" | "approvalNo" | "refNo" | "stan" | "bindingId" | "khqrMd5" => {
                Self::Given
            }
            "txDt" | "apprDttm" | "approvalDate" | "expireDttm" => Self::Time,
            "checkoutUrl" | "acsUrl" => Self::Link,
            "wdlAcNo" => Self::Account,
            "khqr" | "pin" => Self::Opaque,
            _ => Self::Exact,
        }
    }

    /// The form of a value; two that are alike have the same.
    pub(super) fn form(self, text: &str) -> String {
        let by = |form: fn(char) -> char| text.chars().map(form).collect::<String>();
        match self {
            Self::Exact => text.to_owned(),
            Self::Given if text.bytes().all(|byte| byte.is_ascii_digit()) => by(|_| '9'),
            Self::Given => by(|mark| if mark.is_alphanumeric() { 'x' } else { mark }),
            Self::Time => {
                by(|mark| if mark.is_ascii_digit() { '9' } else { mark }) + kind_of_time(text)
            }
            Self::Link => match text.split_once("://") {
                Some((_, rest)) if !rest.is_empty() => "a link".to_owned(),
                _ => by(|mark| if mark.is_alphanumeric() { 'x' } else { mark }),
            },
            Self::Account => by(|mark| if mark.is_ascii_digit() { '9' } else { mark }),
            Self::Opaque => String::new(),
        }
    }
}

/// The order of year, month and day in a run of digits, where it can be told.
fn kind_of_time(text: &str) -> &'static str {
    let number = |range: std::ops::Range<usize>| text.get(range)?.parse::<u32>().ok();
    let is_year = |year: Option<u32>| year.is_some_and(|year| (1990..2100).contains(&year));
    if !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return "";
    }
    if is_year(number(0..4)) && number(4..6).is_some_and(|month| (1..=12).contains(&month)) {
        " year first"
    } else if is_year(number(4..8)) && number(2..4).is_some_and(|month| (1..=12).contains(&month)) {
        " day first"
    } else {
        ""
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_differs_from_call_to_call_has_one_form() {
        let form = |name: &str, text: &str| MemberClass::of(name).form(text);
        assert_eq!(form("apprNo", "763647"), form("apprNo", "000001"));
        assert_ne!(form("apprNo", "763647"), form("apprNo", "7636470"));
        assert_ne!(form("apprNo", "763647"), form("apprNo", "A63647"));
        assert_eq!(form("apprDttm", "20210212113016"), form("apprDttm", "20260302100000"));
        assert_ne!(form("apprDttm", "20210212113016"), form("apprDttm", "12022021113016"));
        assert_eq!(
            form("bindingId", "7ce4dda7-b9f8-4343-883b-e5ff6295e5f9"),
            form("bindingId", "00000000-b9f8-4343-883b-e5ff62000000")
        );
        assert_eq!(form("wdlAcNo", "************0022"), form("wdlAcNo", "************1112"));
        assert_ne!(form("wdlAcNo", "520473**1003"), form("wdlAcNo", "520473******1003"));
        assert_eq!(form("checkoutUrl", "http://a/b"), form("checkoutUrl", "https://c/d?e"));
        assert_ne!(form("currency", "USD"), form("currency", "KHR"));
    }
}
