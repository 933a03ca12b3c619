//! Causes of a wrong signature, and the keys that are mistaken for the merchant's own.

use serde::Serialize;

use super::super::sign::VerifyKey;

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SignatureCause {
    /// A stable name, such as `order.wire`.
    pub code: &'static str,
    /// The mistake and the remedy.
    pub message: String,
    /// For a mistake in the string: the exact string that was signed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub canonical: Option<String>,
}

impl SignatureCause {
    pub(super) fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), canonical: None }
    }
}

/// A key that is mistaken for the merchant's own.
#[derive(Clone, Debug)]
pub struct OtherKey {
    /// The cause that a signature by it has.
    pub(super) cause: SignatureCause,
    /// The key.
    pub(super) key: VerifyKey,
}

impl OtherKey {
    /// Somebody else's; `label` is such as `the gateway's own key` or `the key of merchant O0000021`.
    pub fn of(label: &str, key: VerifyKey) -> Self {
        let message = format!("sign was made with another key: {label}");
        Self { cause: SignatureCause::new("key.other", message), key }
    }

    /// The merchant's own until the time `at`, written for people.
    pub fn replaced(at: &str, key: VerifyKey) -> Self {
        let message = format!(
            "sign was made with the key that was replaced at {at}; sign with the private key that belongs to the new one"
        );
        Self { cause: SignatureCause::new("key.replaced", message), key }
    }
}
