//! The settings of `profile.toml`: signature, push-back policy, checkout pages.

use crate::base::{Operation, WebUrlParts, named_enum};
use crate::crypto::Recipe;

use super::read::{Read, TomlNode, TomlTable, fields};
use crate::base::Message;

named_enum! {
    /// True if a signature is asked for.
    pub enum SignMode ("a sign mode") {
        /// A missing or wrong signature is refused.
        Required = "required",
        /// A wrong signature is refused, a missing one is not.
        IfPresent = "if-present",
        /// Signatures are not looked at.
        Off = "off",
    }
}

/// Time at which `sign` is asked for and how it is computed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignSettings {
    /// For merchants without a mode of their own.
    pub mode: SignMode,
    /// The operations that want a signature (documented); others ignore one.
    pub operations: Vec<Operation>,
    /// Modes of single operations, which hold before the general one; a row for each operation.
    pub modes: Vec<Option<SignMode>>,
    /// Recipe of the signature (assumed).
    pub recipe: Recipe,
}

impl SignSettings {
    /// The sign mode of an operation for a merchant whose mode is `own`.
    pub(super) fn mode_of(&self, own: SignMode, operation: Operation) -> SignMode {
        if own == SignMode::Off {
            return SignMode::Off;
        }
        match self.modes[operation.index()] {
            Some(mode) => mode,
            None if self.operations.contains(&operation) => own,
            None => SignMode::Off,
        }
    }

    /// The same for a merchant without a mode of its own.
    pub fn mode(&self, operation: Operation) -> SignMode {
        self.mode_of(self.mode, operation)
    }
}

impl Read for SignSettings {
    fn read(node: &TomlNode<'_>) -> Option<Self> {
        let mut table = node.section()?;
        let (mode, operations) = (table.take("mode"), table.take("operations"));
        let modes: Option<Modes> = table.take("modes");
        let recipe: Option<Recipe> = table.rest();
        if let Some(Err(contradiction)) = recipe.as_ref().map(Recipe::check) {
            table.refuse("algorithm", contradiction.to_string());
        }
        Some(Self { mode: mode?, operations: operations?, modes: modes?.0, recipe: recipe? })
    }
}

/// The table `[sign.modes]`.
struct Modes(Vec<Option<SignMode>>);

impl Read for Modes {
    fn read(node: &TomlNode<'_>) -> Option<Self> {
        let mut table = node.section()?;
        let modes: Vec<Option<Option<SignMode>>> =
            Operation::ALL.iter().map(|operation| table.take(operation.name())).collect();
        table.finish();
        modes.into_iter().collect::<Option<_>>().map(Self)
    }
}

named_enum! {
    /// Answer of the merchant for which a push-back counts as delivered.
    pub enum Acknowledge ("an acknowledgement") {
        /// Any 2xx status.
        Any2xx = "any-2xx",
        /// A 2xx status and a JSON body with a given value in a given field.
        BodyCode = "body-code",
    }
}

named_enum! {
    /// Events on which a push-back may be sent.
    pub enum PushbackEvent ("an event") {
        /// A payment was captured or authorised.
        PaymentSuccess = "payment-success",
        /// A payment failed or was cancelled by the payer.
        PaymentFailure = "payment-failure",
        /// A pre-authorisation was completed.
        Completion = "completion",
        /// A payment was reversed.
        Reversal = "reversal",
        /// A payment was refunded.
        Refund = "refund",
        /// An order was not paid in time.
        Expiry = "expiry",
    }
}

/// The most that may be recorded of an answer, in bytes.
const RESPONSE_BYTES_MAX: u32 = 1 << 20;

/// Delivery of push-backs (assumed).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PushbackPolicy {
    /// Longest time for one attempt, in milliseconds.
    pub timeout_ms: i64,
    /// Seconds from a failed attempt to the next; after the last the push-back is given up.
    pub retries_s: Vec<u32>,
    /// Answer that counts as delivered.
    pub acknowledge: Acknowledge,
    /// The field that [`Acknowledge::BodyCode`] looks at.
    pub acknowledge_field: String,
    /// The value that [`Acknowledge::BodyCode`] wants in it.
    pub acknowledge_code: String,
    /// The `Content-Type` of the request.
    pub content_type: String,
    /// Events that the merchant is notified of.
    pub events: Vec<PushbackEvent>,
    /// Attempts under way at one merchant.
    pub in_flight_per_merchant: u32,
    /// Attempts under way in all.
    pub in_flight_total: u32,
    /// Number of recorded bytes of an answer's body.
    pub response_bytes_max: u32,
    /// A connection is kept for the next push-back instead of closed after each.
    pub keep_alive: bool,
}

/// A merchant's own push-back settings; what is absent is the profile's.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PushbackOverrides {
    /// See [`PushbackPolicy::timeout_ms`].
    pub timeout_ms: Option<i64>,
    /// See [`PushbackPolicy::retries_s`].
    pub retries_s: Option<Vec<u32>>,
    /// See [`PushbackPolicy::acknowledge`].
    pub acknowledge: Option<Acknowledge>,
    /// See [`PushbackPolicy::events`].
    pub events: Option<Vec<PushbackEvent>>,
}

impl PushbackPolicy {
    /// This policy with a merchant's own settings in it.
    #[must_use]
    pub fn with(&self, own: &PushbackOverrides) -> Self {
        let policy = self.clone();
        Self {
            timeout_ms: own.timeout_ms.unwrap_or(policy.timeout_ms),
            retries_s: own.retries_s.clone().unwrap_or(policy.retries_s),
            acknowledge: own.acknowledge.unwrap_or(policy.acknowledge),
            events: own.events.clone().unwrap_or(policy.events),
            ..policy
        }
    }
}

impl Read for PushbackPolicy {
    fn read(node: &TomlNode<'_>) -> Option<Self> {
        let mut table = node.section()?;
        table.check_at_least(1, &["timeout_ms", "in_flight_per_merchant", "in_flight_total"]);
        let policy = fields!(
            table,
            PushbackPolicy {
                timeout_ms,
                retries_s,
                acknowledge,
                acknowledge_field,
                acknowledge_code,
                content_type,
                events,
                in_flight_per_merchant,
                in_flight_total,
                response_bytes_max,
                keep_alive,
            }
        )?;
        check_times(&table, [("timeout_ms", policy.timeout_ms)]);
        check_pauses(&table, "retries_s", &policy.retries_s);
        if policy.response_bytes_max > RESPONSE_BYTES_MAX {
            table.refuse("response_bytes_max", format!("must be at most {RESPONSE_BYTES_MAX}"));
        }
        Some(policy)
    }
}

named_enum! {
    /// A language of the payer's pages.
    pub enum Language ("a language") {
        /// English.
        English = "en",
        /// Khmer.
        Khmer = "km",
    }
}

/// The payer's pages (assumed).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckoutSettings {
    /// Offered languages, the default first; at least one.
    pub languages: Vec<Language>,
    /// Address under which payers reach the pages; absent: the one under which the merchant reached the gateway.
    pub base_url: Option<String>,
    /// Time for which an encrypted checkout link may be opened, in milliseconds.
    pub link_lifetime_ms: i64,
}

impl Read for CheckoutSettings {
    fn read(node: &TomlNode<'_>) -> Option<Self> {
        let mut table = node.section()?;
        table.check_at_least(1, &["link_lifetime_ms"]);
        check_url(&table, "base_url");
        let settings = fields!(table, CheckoutSettings { languages, base_url, link_lifetime_ms })?;
        check_times(&table, [("link_lifetime_ms", settings.link_lifetime_ms)]);
        if settings.languages.is_empty() {
            table.refuse("languages", "at least one language is needed");
            return None;
        }
        Some(settings)
    }
}

/// The longest time that a setting may name, in milliseconds: a year.
const LONGEST_MS: i64 = 366 * 86_400_000;

/// Complains of times that are longer than any gateway's.
pub(super) fn check_times<const N: usize>(table: &TomlTable<'_>, times: [(&str, i64); N]) {
    for (name, _) in times.into_iter().filter(|(_, ms)| *ms > LONGEST_MS) {
        table.refuse(name, format!("must be at most {LONGEST_MS}, the milliseconds of a year"));
    }
}

/// Complains of pauses between attempts that are longer than any gateway's.
pub(super) fn check_pauses(table: &TomlTable<'_>, name: &str, pauses: &[u32]) {
    let longest = LONGEST_MS / 1000;
    if pauses.iter().any(|pause| i64::from(*pause) > longest) {
        table.refuse(name, format!("must be at most {longest}, the seconds of a year"));
    }
}

/// Complains of a value of `name` that is no absolute http or https URL.
pub(super) fn check_url(table: &TomlTable<'_>, name: &str) {
    table.check_text(name, |url| {
        WebUrlParts::parse(url).map(drop).map_err(|error| {
            Message::new(format!("not a URL that can be called: it {error}"))
                .help("write it in full, such as http://127.0.0.1:8080/payon/noti")
        })
    });
}
