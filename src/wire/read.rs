//! Reading members one after the other, so that the first problem in documented order is the one
//! that is told.

use crate::base::{Fields, FieldsError, Reason};

use super::value::Value;

/// Reason why a request cannot be read. The detail names the member, says what is wrong and what to send
/// instead, and never repeats a card number, security code, PIN or passcode.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{detail}")]
pub struct UnreadableRequest {
    /// The reason, from which the profile makes code, message and HTTP status.
    pub reason: Reason,
    /// The member at fault; `None` when it is the body as a whole.
    pub field: Option<&'static str>,
    /// A sentence for the merchant's developer.
    pub detail: String,
}

impl UnreadableRequest {
    /// A refusal of the member `field` whose detail begins with its name.
    #[cold]
    pub(super) fn of(reason: Reason, field: &'static str, problem: impl std::fmt::Display) -> Self {
        Self { reason, field: Some(field), detail: format!("{field} {problem}") }
    }

    /// A refusal of the body as a whole.
    #[cold]
    pub(super) fn of_body(reason: Reason, detail: impl Into<String>) -> Self {
        Self { reason, field: None, detail: detail.into() }
    }
}

impl From<FieldsError> for UnreadableRequest {
    #[cold]
    fn from(error: FieldsError) -> Self {
        Self::of_body(Reason::MalformedJson, error.to_string())
    }
}

/// The members of one request.
#[derive(Clone, Copy)]
pub(super) struct MemberReader<'f, 'a>(pub(super) &'f Fields<'a>);

impl<'a> MemberReader<'_, 'a> {
    /// The member `name` if it says anything: `null` and `""` count as absent.
    fn value(self, name: &'static str) -> Option<Value<'a>> {
        #[cfg(test)]
        super::tests::note_read(name);
        let literal = self.0.get(name).filter(|literal| !literal.is_blank())?;
        Some(Value { name, literal })
    }

    /// An optional member, read by `parse` when it is there.
    pub(super) fn may<T>(
        self,
        name: &'static str,
        parse: impl FnOnce(Value<'a>) -> Result<T, UnreadableRequest>,
    ) -> Result<Option<T>, UnreadableRequest> {
        self.value(name).map(parse).transpose()
    }

    /// A required member.
    pub(super) fn must<T>(
        self,
        name: &'static str,
        parse: impl FnOnce(Value<'a>) -> Result<T, UnreadableRequest>,
    ) -> Result<T, UnreadableRequest> {
        self.value(name).map_or_else(|| Err(self.missing(name)), parse)
    }

    /// The refusal of a required member that is not there, with a hint when only the letter case is
    /// wrong.
    #[cold]
    pub(super) fn missing(self, name: &'static str) -> UnreadableRequest {
        let problem = match self.0.get(name) {
            Some(blank) => format!("is required, and {} counts as absent", blank.raw()),
            None => match self.0.iter().find(|(sent, _)| sent.eq_ignore_ascii_case(name)) {
                Some((sent, _)) => {
                    format!("is missing; the body has {sent:?}, but letter case counts")
                }
                None => "is missing, and this operation requires it".to_owned(),
            },
        };
        UnreadableRequest::of(Reason::FieldMissing, name, problem)
    }
}
