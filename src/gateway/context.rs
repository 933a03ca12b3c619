//! The context of a request: what is known of it, and what was found out so far.

use std::borrow::Cow;
use std::fmt::{self, Write as _};
use std::sync::Arc;
use std::time::Instant;

use super::call::LinkBase;
use crate::base::{Fields, FieldsError, Millis, Operation, Reason, TraceContext, TraceHeaders};
use crate::profile::ReasonAnswer;
use crate::space::{
    Arrival, Deferred, Lint, LintFinding, Overtaken, Ruling, Space, Transaction, Weight,
};
use crate::wire::redact::hide_card_numbers;
use crate::wire::{self, Identity, UnreadableRequest};

/// Longest remarks on one request in bytes, give or take the last.
const REMARKS_BYTES: usize = 1000;
/// Findings that one request may have; a thousand rows may all have the same.
pub(super) const FINDINGS_MAX: usize = 32;
/// Characters of a name that a finding repeats.
pub(super) const NAME_CHARS: usize = 40;

/// A request on its way through the gateway.
pub(super) struct RequestContext<'a> {
    pub(super) space: &'a Space,
    /// The operation that its path names; `None` where that is none.
    pub(super) named: Option<Operation>,
    /// The object of the body, or the first of several; `None` where the body cannot be read.
    pub(super) first: Option<&'a Fields<'a>>,
    /// The request as it arrived in the space.
    pub(super) arrival: Arrival,
    pub(super) begun: Instant,
    /// The body, without a byte order mark.
    pub(super) body: &'a [u8],
    /// True if the body surely holds nothing to hide.
    pub(super) is_harmless: bool,
    pub(super) token: Option<&'a str>,
    /// The header `X-Payon-Scenario`.
    pub(super) scenario: Option<&'a str>,
    pub(super) origin: LinkBase<'a>,
    /// The caller's place in a trace of its own.
    pub(super) trace_headers: Option<Box<TraceHeaders>>,
    /// True if a violation that the lint finds is refused.
    pub(super) is_strict: bool,
    /// Findings of the lint so far.
    pub(super) findings: Vec<LintFinding>,
    /// Remarks for the journal on an answer that is no refusal.
    pub(super) remarks: String,
    /// The reasons of rows that do not agree, each once, where the answer is a list of verdicts and no refusal.
    pub(super) row_reasons: Vec<Reason>,
    /// Time on the space's clock at the last entry.
    pub(super) entered: Option<Millis>,
    /// True if the space was reset or restored since the request arrived.
    pub(super) is_overtaken: bool,
    /// True if the sender was admitted, so that the rules were asked about the call.
    pub(super) is_admitted: bool,
    /// The rule that steps in, with its plan.
    pub(super) ruling: Option<Box<Ruling>>,
    /// Work that critical sections have left.
    pub(super) deferred: Deferred,
}

/// Reason why a request is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// The reason.
    pub reason: Reason,
    /// The exact mistake, for people; may be empty.
    pub detail: String,
}

impl Refused {
    /// A refusal whose reason says it all.
    #[cold]
    pub fn because(reason: Reason) -> Self {
        let detail = match reason {
            Reason::SimulatorFull => {
                "the bounds, and the flags that move them, are in docs/bounds.md"
            }
            _ => "",
        };
        Self { reason, detail: detail.to_owned() }
    }

    /// A refusal with what was wrong.
    #[cold]
    pub fn with(reason: Reason, detail: impl Into<String>) -> Self {
        Self { reason, detail: detail.into() }
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.detail.as_str() {
            "" => write!(f, "{}", self.reason),
            detail => write!(f, "{}, {detail}", self.reason),
        }
    }
}

impl From<UnreadableRequest> for Refused {
    #[cold]
    fn from(refusal: UnreadableRequest) -> Self {
        Self { reason: refusal.reason, detail: refusal.detail }
    }
}

impl From<FieldsError> for Refused {
    #[cold]
    fn from(error: FieldsError) -> Self {
        UnreadableRequest::from(error).into()
    }
}

impl From<Reason> for Refused {
    #[cold]
    fn from(reason: Reason) -> Self {
        Self::because(reason)
    }
}

impl<'a> RequestContext<'a> {
    /// A request of which nothing is known but its place.
    pub(super) fn new(
        space: &'a Space,
        named: Option<Operation>,
        arrival: Arrival,
        begun: Instant,
    ) -> Self {
        Self {
            space,
            named,
            first: None,
            arrival,
            begun,
            body: &[],
            is_harmless: true,
            token: None,
            scenario: None,
            origin: LinkBase::from(""),
            trace_headers: None,
            is_strict: false,
            findings: Vec::new(),
            remarks: String::new(),
            row_reasons: Vec::new(),
            entered: None,
            is_overtaken: false,
            is_admitted: false,
            ruling: None,
            deferred: Deferred::default(),
        }
    }

    /// The same request, of which nothing was found out yet.
    #[cold]
    pub(super) fn once_more(self, arrival: Arrival) -> Self {
        Self {
            first: self.first,
            body: self.body,
            is_harmless: self.is_harmless,
            token: self.token,
            scenario: self.scenario,
            origin: self.origin,
            trace_headers: self.trace_headers,
            is_strict: self.is_strict,
            ..Self::new(self.space, self.named, arrival, self.begun)
        }
    }

    /// The operation, in whose envelope the answer is written. A path that names none is answered in the envelope that
    /// most operations share.
    pub(super) fn operation(&self) -> Operation {
        self.named.unwrap_or(Operation::Register)
    }

    /// The identifiers that a refusal repeats.
    #[cold]
    pub(super) fn identity(&self) -> Identity<'a> {
        let first = self.first.map(|fields| Identity::of(self.operation(), fields));
        first.unwrap_or_default()
    }

    /// The order that the request names.
    pub(super) fn tx_id(&self) -> Option<Cow<'a, str>> {
        wire::tx_id(self.operation(), self.first?)
    }

    /// The caller's trace, in which push-backs are sent.
    pub(super) fn trace_context(&self) -> Option<&Arc<TraceContext>> {
        self.trace_headers.as_ref()?.context.as_ref()
    }

    /// One short critical section in which booking and telling follow the plan of a rule, if one stepped in. Refused where
    /// the space was reset or restored since the request arrived.
    pub(super) fn write<R>(
        &mut self,
        act: impl FnOnce(&mut Self, &mut Transaction<'_>) -> Result<R, Refused>,
    ) -> Result<R, Refused> {
        let (space, generation, ruling) = (self.space, self.arrival.generation, self.ruling.take());
        let written = space.write_for(generation, ruling.as_deref(), |transaction| {
            self.entered = Some(transaction.now);
            transaction.carry(self.trace_context());
            act(self, transaction)
        });
        self.ruling = ruling;
        let (result, deferred) = written.map_err(|Overtaken| self.overtaken())?;
        if self.ruling.is_some() {
            self.deferred.append(deferred);
        }
        result
    }

    /// Notes that what was found out about the request holds no more; it has to arrive again.
    #[cold]
    pub(super) fn overtaken(&mut self) -> Refused {
        self.is_overtaken = true;
        Reason::SystemError.into()
    }

    /// Notes a finding; where the lint is strict a violation is refused.
    #[cold]
    pub(super) fn find(&mut self, lint: Lint, field: &str) -> Result<(), Refused> {
        self.find_likely(lint, field, None)
    }

    /// The same, with the member that was likely meant.
    #[cold]
    pub(super) fn find_likely(
        &mut self,
        lint: Lint,
        field: &str,
        likely: Option<&str>,
    ) -> Result<(), Refused> {
        if self.findings.len() == FINDINGS_MAX {
            return Ok(());
        }
        let finding = LintFinding { lint, field: shown(field), likely: likely.map(Into::into) };
        let refused = (self.is_strict && lint.weight() == Weight::Violation)
            .then(|| Refused::with(Reason::FieldInvalid, format!("{finding} (strict)")));
        self.findings.push(finding);
        refused.map_or(Ok(()), Err)
    }
    /// Adds to what the journal says of an answer.
    pub(super) fn remark(&mut self, remark: fmt::Arguments<'_>) {
        let remarks = &mut self.remarks;
        if remarks.len() < REMARKS_BYTES {
            let separator = if remarks.is_empty() { "" } else { "; " };
            // Writing into memory cannot fail.
            let _ = write!(remarks, "{separator}{remark}");
        }
    }

    /// The profile's answer for `reason` in this operation.
    pub(super) fn answer(&self, reason: Reason) -> ReasonAnswer<'a> {
        self.space.profile().answer(self.operation(), reason)
    }

    /// The profile's answer on success.
    pub(super) fn success(&self) -> ReasonAnswer<'a> {
        self.answer(Reason::Success)
    }

    /// The refusal of a missing member, with all others that are missing too.
    #[cold]
    pub(super) fn with_all_missing(&self, mut refused: Refused, fields: &Fields<'_>) -> Refused {
        if refused.reason != Reason::FieldMissing {
            return refused;
        }
        let told = refused.detail.split(' ').next().unwrap_or_default();
        let described = self.space.profile().operations.get(self.operation());
        let missing: Vec<&str> = described.missing(fields).filter(|name| *name != told).collect();
        if !missing.is_empty() {
            refused.detail.push_str("; also missing: ");
            refused.detail.push_str(&missing.join(", "));
        }
        refused
    }
}

/// The name of a member as a finding shows it.
pub(super) fn shown(name: &str) -> Box<str> {
    hide_card_numbers(name).chars().take(NAME_CHARS).collect::<String>().into()
}
