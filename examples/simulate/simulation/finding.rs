//! Findings: what is not as it must be, and which invariant says so.

/// Something that is not as it must be.
#[derive(Clone, Debug)]
pub(crate) struct Finding {
    pub(crate) kind: Kind,
    /// The step after which it was found.
    pub(crate) step: usize,
    pub(crate) detail: String,
}

/// The invariants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A call is answered as the model says.
    Answer,
    /// Orders, their money and all that happened to them are as the model says.
    Money,
    /// Push-backs are sent when they are due, until they are taken or given up.
    Pushbacks,
    /// Rules count as the model says.
    Rules,
    /// The numbers of the space are those of its parts.
    Summary,
    /// Each request is in the journal, once.
    Journal,
    /// What happens in a space changes no other.
    Isolation,
    /// The same history says the same, byte for byte.
    Determinism,
    /// Every call comes to an end.
    Progress,
}

/// Result of something that may find an invariant broken.
pub(crate) type Found<T> = Result<T, (Kind, String)>;

/// A finding that is none of the gateway's: the simulation itself cannot go on.
pub(crate) fn broken(error: impl std::fmt::Display) -> (Kind, String) {
    (Kind::Progress, error.to_string())
}
