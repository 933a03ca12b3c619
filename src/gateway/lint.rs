//! The request lint: what is not wrong enough to refuse, yet not what PAYON's pages show.
//!
//! It never changes an answer, unless the lint is strict: then a violation is refused.

use schemars::JsonSchema;
use serde::Serialize;

use super::context::{FINDINGS_MAX, NAME_CHARS, Refused, RequestContext, shown};
use crate::base::{Currency, Fields, Literal, Operation, Reason, nearest};
use crate::ledger::Order;
use crate::profile::{MemberKind, MemberSpec, OperationSpec};
use crate::space::{JournalEntry, Lint, LintFinding, Space, Weight};

/// A `txId` shorter than this looks as if the next order might have it too (assumed).
const TX_ID_CHARS: usize = 6;

/// Looks at the members of a request, all of them before the first violation is refused.
pub(super) fn read(context: &mut RequestContext<'_>, rows: &[Fields<'_>]) -> Result<(), Refused> {
    let described = context.space.profile().operations.get(context.operation());
    let mut verdict = Ok(());
    for fields in rows {
        for name in fields.repeated() {
            verdict = verdict.and(context.find(Lint::MemberRepeated, name));
        }
        for (name, value) in fields.iter() {
            match described.member(name) {
                Some(member) => {
                    if let Some(lint) = look_at(context.operation(), member, value, fields) {
                        verdict = verdict.and(context.find(lint, name));
                    }
                }
                // Whether a signature is looked at is known once the merchant is.
                None if name == "sign" => {}
                None => {
                    let (lint, likely) = stranger(described, name);
                    verdict = verdict.and(context.find_likely(lint, name, likely));
                }
            }
        }
    }
    verdict
}

/// Names of other gateways for members of PAYON's, without case and separators.
const ELSEWHERE: &[(&str, &str)] = &[
    ("callbackurl", "noti_url"),
    ("notificationurl", "noti_url"),
    ("notifyurl", "noti_url"),
    ("pushbackurl", "noti_url"),
    ("webhookurl", "noti_url"),
    ("redirecturl", "success_url"),
    ("returnurl", "success_url"),
    ("failureurl", "fail_url"),
    ("orderid", "txId"),
    ("transactionid", "txId"),
];

/// The members of an operation's request that were likely meant by others: such a request does less than it says.
pub fn misspelt(described: &OperationSpec, fields: &Fields<'_>) -> Vec<LintFinding> {
    let unknown = fields.iter().filter(|(name, _)| described.member(name).is_none());
    let findings = unknown.filter_map(|(name, _)| {
        let (lint, likely) = stranger(described, name);
        Some(LintFinding { lint, field: shown(name), likely: Some(likely?.into()) })
    });
    findings.take(FINDINGS_MAX).collect()
}

/// Classification of an unknown member, with the member that was likely meant.
#[cold]
fn stranger<'d>(described: &'d OperationSpec, name: &str) -> (Lint, Option<&'d str>) {
    let names = || described.request.iter().map(MemberSpec::plain_name);
    if let Some(known) = names().find(|known| known.eq_ignore_ascii_case(name)) {
        return (Lint::LetterCase, Some(known));
    }
    let bare = |name: &str| {
        name.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase()
    };
    let name = name.chars().take(NAME_CHARS).collect::<String>();
    let given = bare(&name);
    let elsewhere = ELSEWHERE.iter().find(|(other, _)| *other == given).map(|(_, known)| *known);
    let likely = names()
        .find(|known| bare(known) == given)
        .or_else(|| names().find(|known| Some(*known) == elsewhere))
        .or_else(|| nearest(&name, &names().collect::<Vec<_>>()));
    (Lint::UndocumentedField, likely)
}

fn look_at(
    operation: Operation,
    member: &MemberSpec,
    value: Literal<'_>,
    fields: &Fields<'_>,
) -> Option<Lint> {
    let written = || {
        let inner = value.raw().strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
        inner.unwrap_or(value.raw())
    };
    match member.kind {
        MemberKind::Amount => {
            let written = written();
            let (_, decimals) = written.split_once('.').unwrap_or((written, ""));
            if decimals.len() > 2 {
                return Some(Lint::AmountDecimals);
            }
            let cents = operation == Operation::Register && looks_like_cents(written);
            let usd = || fields.text("currency").and_then(|code| Currency::parse(&code));
            (cents && usd() == Some(Currency::Usd)).then_some(Lint::AmountInCents)
        }
        MemberKind::String => match member.plain_name() {
            "currency" | "CURRENCY" => {
                let written = written();
                let upper = written.bytes().all(|byte| byte.is_ascii_uppercase());
                let lower = written.bytes().all(|byte| byte.is_ascii_lowercase());
                (!upper && !lower).then_some(Lint::CurrencyForm)
            }
            "txId" if operation == Operation::Register => {
                (written().chars().count() < TX_ID_CHARS).then_some(Lint::TxIdShort)
            }
            _ => None,
        },
        MemberKind::Integer | MemberKind::Array | MemberKind::Object | MemberKind::Null => None,
    }
}

/// A whole number of at least a hundred that is no multiple of ten, such as `1999`: dollars are
/// seldom that odd, prices in cents often are.
fn looks_like_cents(written: &str) -> bool {
    written.len() >= 3
        && written.bytes().all(|byte| byte.is_ascii_digit())
        && !written.ends_with('0')
        && !written.starts_with('0')
}

/// Looks at how a request ended: money that was given back is given back once.
#[cold]
pub(super) fn look_back(context: &mut RequestContext<'_>, refused: Reason) {
    let again = matches!(refused, Reason::AlreadyRefunded | Reason::AlreadyReversed);
    if again && matches!(context.operation(), Operation::Refund | Operation::Reversal) {
        // It is refused already, for a better reason.
        let _ = context.find(Lint::RefundRepeated, "txId");
    }
}

/// Findings of the lint in a space.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LintReport {
    /// True if violations are refused.
    pub strict: bool,
    /// The findings in the requests that the journal still has, oldest first.
    pub findings: Vec<LintRow>,
    /// Orders whose push-back the merchant took and whose status it never asked for.
    pub unchecked: Vec<Unchecked>,
    /// Requests that were dropped to keep to the journal's budget: what was found in them is not among the findings.
    pub dropped: u64,
    /// Orders that were dropped likewise.
    pub orders_dropped: u64,
    /// Findings and unchecked orders that are known and left out here, for being more than the limit.
    pub left_out: usize,
}

/// One finding of one request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LintRow {
    /// The request's name in the journal.
    pub trace: String,
    /// Time, RFC 3339.
    pub at: String,
    /// Operation.
    pub operation: Option<String>,
    /// `merchantId`, where one was recognised.
    pub merchant_id: Option<String>,
    /// `txId`, where one was sent.
    pub tx_id: Option<String>,
    /// Name of the lint, such as `field.undocumented`.
    pub lint: &'static str,
    /// True if a strict lint refuses it.
    pub violation: bool,
    /// In which member; empty where it is the request as a whole.
    pub field: String,
    /// One sentence for people; it names the member that was likely meant.
    pub about: String,
}

/// An order that nobody checked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Unchecked {
    /// `merchantId`.
    pub merchant_id: String,
    /// `txId`.
    pub tx_id: String,
}

/// The lint's findings in a space, at most `limit` of the latest of each kind.
pub fn lint_report(space: &Space, strict: bool, limit: usize) -> LintReport {
    let (mut findings, found, dropped) = space.read_journal(|journal| {
        let found = journal.iter().rev().flat_map(|entry| {
            let findings = entry.more().findings.iter().rev();
            findings.map(move |finding| (entry, finding))
        });
        let latest = found.take(limit).map(|(entry, finding)| LintRow::new(entry, finding));
        let latest: Vec<LintRow> = latest.collect();
        let all: usize = journal.iter().map(|entry| entry.more().findings.len()).sum();
        (latest, all, journal.dropped())
    });
    findings.reverse();
    let (unchecked, taken, orders_dropped) = space.write(|transaction| {
        let ledger = transaction.ledger();
        let taken: Vec<&Order> =
            ledger.orders_after(None).filter(|order| order.is_unchecked()).collect();
        let named = taken.iter().take(limit).map(|order| Unchecked {
            merchant_id: ledger.terminal(order).merchant.as_ref().to_owned(),
            tx_id: order.tx_id.to_string(),
        });
        (named.collect::<Vec<_>>(), taken.len(), ledger.dropped())
    });
    let left_out = (found - findings.len()) + (taken - unchecked.len());
    LintReport { strict, findings, unchecked, dropped, orders_dropped, left_out }
}

impl LintRow {
    fn new(entry: &JournalEntry, finding: &LintFinding) -> Self {
        Self {
            trace: entry.trace.to_string(),
            at: entry.at.rfc3339(),
            operation: entry.operation.map(|operation| operation.name().to_owned()),
            merchant_id: entry.merchant.as_ref().map(|merchant| merchant.id.clone()),
            tx_id: entry.tx_id.as_deref().map(str::to_owned),
            lint: finding.lint.name(),
            violation: finding.lint.weight() == Weight::Violation,
            field: finding.field.as_ref().to_owned(),
            about: finding.about().into_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn odd_whole_numbers_look_like_cents() {
        for cents in ["199", "1999", "12345"] {
            assert!(looks_like_cents(cents), "{cents}");
        }
        for dollars in ["1", "99", "100", "250", "1000", "19.99", "1999.00", "0199", "", "x99"] {
            assert!(!looks_like_cents(dollars), "{dollars}");
        }
    }
}
