//! A push-back as data, in the file of a snapshot or in a record.

use std::sync::Arc;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

use super::clock::{can_be, can_be_due};
use super::journal::RequestId;
use super::outbox::{Attempt, Delivery, DeliveryChange, DeliveryState, PushbackCause};
use crate::base::{Millis, TraceContext, WebUrlParts};
use crate::ledger::OrderId;
use crate::profile::PushbackPolicy;
use crate::scenario::ContentKind;

/// A delivery as data. How it is delivered is not written: it follows from the profile and the merchant.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct DeliveryFile {
    id: u64,
    merchant_id: Box<str>,
    order: u64,
    tx_id: SmolStr,
    cause: PushbackCause,
    content: ContentKind,
    trace: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    context: Option<TraceContext>,
    url: Box<str>,
    #[serde(with = "base64_bytes")]
    body: Bytes,
    #[serde(default, skip_serializing_if = "is_none")]
    filler: u32,
    is_form: bool,
    bytes_per_second: Option<u32>,
    created: Millis,
    /// Time at which it is sent next; none once it is over.
    due: Option<Millis>,
    acknowledged: bool,
    attempts: Vec<Attempt>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_none(filler: &u32) -> bool {
    *filler == 0
}

/// Media type that a false notice may claim.
const FORM: &str = "application/x-www-form-urlencoded";

impl DeliveryFile {
    pub(super) fn write(delivery: &Delivery) -> Self {
        Self {
            id: delivery.id,
            merchant_id: delivery.merchant.clone(),
            order: delivery.order.0,
            tx_id: delivery.tx_id.clone(),
            cause: delivery.cause,
            content: delivery.content,
            trace: delivery.trace.0,
            context: delivery.context.as_deref().cloned(),
            url: delivery.url.clone(),
            body: delivery.body.clone(),
            filler: delivery.filler,
            is_form: delivery.content_type.is_some(),
            bytes_per_second: delivery.bytes_per_second,
            created: delivery.created,
            due: match delivery.state {
                // What is under way begins anew.
                DeliveryState::InFlight => Some(delivery.created),
                state => state.due(),
            },
            acknowledged: delivery.state == DeliveryState::Acknowledged,
            attempts: delivery.attempts.clone(),
        }
    }

    pub(super) fn merchant(&self) -> &str {
        &self.merchant_id
    }

    /// The delivery; `None` where its times or its speed cannot be.
    pub(super) fn read(self, policy: Arc<PushbackPolicy>) -> Option<Delivery> {
        let state = match self.due {
            Some(due) => DeliveryState::Waiting(due),
            None if self.acknowledged => DeliveryState::Acknowledged,
            None => DeliveryState::Exhausted,
        };
        let mut times = self.attempts.iter().map(|attempt| attempt.at).chain([self.created]);
        if !times.all(can_be)
            || !self.due.is_none_or(can_be_due)
            || self.bytes_per_second == Some(0)
            || WebUrlParts::parse(&self.url).is_err()
        {
            return None;
        }
        Some(Delivery {
            id: self.id,
            merchant: self.merchant_id,
            order: OrderId(self.order),
            tx_id: self.tx_id,
            cause: self.cause,
            content: self.content,
            trace: RequestId(self.trace),
            context: self.context.map(Arc::new),
            url: self.url,
            body: self.body,
            filler: self.filler,
            content_type: self.is_form.then_some(FORM),
            bytes_per_second: self.bytes_per_second,
            policy,
            created: self.created,
            state,
            latest: if self.attempts.is_empty() {
                DeliveryChange::Created
            } else {
                DeliveryChange::Attempted
            },
            attempts: self.attempts,
        })
    }
}

/// Bytes as Base64, for members that need not be text.
pub(super) mod base64_bytes {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(crate) fn serialize<S: Serializer>(
        bytes: &bytes::Bytes,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&STANDARD.encode(bytes))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        reader: D,
    ) -> Result<bytes::Bytes, D::Error> {
        let text = String::deserialize(reader)?;
        STANDARD.decode(text).map(Into::into).map_err(D::Error::custom)
    }
}
