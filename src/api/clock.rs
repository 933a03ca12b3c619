//! The space's clock: read and changed.

use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Deserializer, Error, Unexpected, Visitor};
use serde::{Deserialize, Serialize};

use super::problem::{ApiProblem, ProblemKind};
use super::request::{ApiRequest, Empty};
use crate::base::{Millis, Period};
use crate::space::{ClockChange, ClockError, SCALE_MILLI_MAX, Space};

/// A clock.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct ClockView {
    /// Time on the clock.
    now: String,
    /// Speed of the clock: a multiple of real time; 0 when it is frozen.
    scale: f64,
    frozen: bool,
    /// Time at which the next order expires, push-back is due, or reply or piece of a slow one may leave; null when nothing is.
    next_due: Option<String>,
}

/// Changes to a clock, in the order of the members.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct ClockWish {
    /// Show the machine's time again, at real speed, whatever was done to the clock before. Goes with no other member.
    real: Option<bool>,
    /// Stop it, or let it run again at real speed.
    freeze: Option<bool>,
    /// Jump to this moment, RFC 3339 with an offset. What falls due on the way happens at the end of the jump.
    #[serde(default, deserialize_with = "read_moment")]
    #[schemars(schema_with = "moment_schema")]
    set: Option<Millis>,
    /// Run so many times as fast as real time, 0 to 1000000.
    #[schemars(range(min = 0.0, max = 1_000_000.0))]
    scale: Option<f64>,
    /// Let time pass: milliseconds, or a duration such as `10h`, `1h 30m` or `PT10H`. It stops at everything that is due
    /// on the way, so each push-back is sent at its own moment.
    #[serde(default, deserialize_with = "read_duration")]
    #[schemars(schema_with = "duration_schema")]
    advance: Option<u64>,
    /// Let time pass until no push-back and no reply waits.
    run_until_idle: Option<bool>,
}

/// The fastest that a clock runs.
const SCALE_MAX: f64 = (SCALE_MILLI_MAX / 1000) as f64;

fn read_moment<'de, D: Deserializer<'de>>(reader: D) -> Result<Option<Millis>, D::Error> {
    let Some(text) = Option::<String>::deserialize(reader)? else { return Ok(None) };
    Millis::parse_rfc3339(&text)
        .map(Some)
        .ok_or_else(|| D::Error::custom("not a moment; write it such as 2026-01-31T09:30:00+07:00"))
}

fn read_duration<'de, D: Deserializer<'de>>(reader: D) -> Result<Option<u64>, D::Error> {
    struct ClockReader;
    impl Visitor<'_> for ClockReader {
        type Value = Option<u64>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str(
                "milliseconds, or a duration forward such as \"10h\", \"1h 30m\" or \"PT10H\"",
            )
        }

        fn visit_u64<E: Error>(self, ms: u64) -> Result<Self::Value, E> {
            Ok(Some(ms))
        }

        fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
            let period = Period::parse(text);
            let period = period.ok_or_else(|| E::invalid_value(Unexpected::Str(text), &self))?;
            Ok(Some(period.ms()))
        }

        fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
            Ok(None)
        }
    }
    reader.deserialize_any(ClockReader)
}

fn moment_schema(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": ["string", "null"], "format": "date-time" })
}

fn duration_schema(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "oneOf": [{ "type": "integer", "minimum": 0 }, { "type": "string" }, { "type": "null" }]
    })
}

impl ClockView {
    /// Describes the clock of a space.
    pub(super) fn of(space: &Space) -> Self {
        space.read(|view| {
            let scale_milli = view.clock.scale_milli();
            Self {
                now: view.now.rfc3339(),
                scale: scale_milli as f64 / 1000.0,
                frozen: scale_milli == 0,
                next_due: view.next_due.map(Millis::rfc3339),
            }
        })
    }
}

/// Reads the clock.
pub(super) fn read(call: &ApiRequest, _: Empty) -> Result<ClockView, ApiProblem> {
    Ok(ClockView::of(&call.space))
}

/// Changes the clock, and answers when all is done that time has brought. A receiver that is silent holds it up for
/// some seconds at most: its attempt has failed once the clock shows that its time is over.
pub(super) async fn change(call: &ApiRequest, wish: ClockWish) -> Result<ClockView, ApiProblem> {
    let scale_milli = wish.scale.map(scale_milli).transpose()?;
    if wish.real == Some(true) {
        let others = [
            ("freeze", wish.freeze.is_some()),
            ("set", wish.set.is_some()),
            ("scale", wish.scale.is_some()),
            ("advance", wish.advance.is_some()),
            ("runUntilIdle", wish.run_until_idle.is_some()),
        ];
        if let Some((member, _)) = others.into_iter().find(|(_, is_given)| *is_given) {
            let detail =
                "`real` brings the clock back to the machine's time; nothing else goes with it";
            return Err(ApiProblem::refused(member, detail));
        }
    }
    if wish.freeze == Some(true) && scale_milli.is_some_and(|scale| scale > 0) {
        let detail =
            "a clock cannot be frozen and run at a scale at once; leave one of the two out";
        return Err(ApiProblem::refused("scale", detail));
    }
    let change = ClockChange {
        real: wish.real == Some(true),
        freeze: wish.freeze,
        set: wish.set,
        scale_milli,
        advance_ms: wish.advance,
        run_until_idle: wish.run_until_idle == Some(true),
        catches_up: false,
    };
    let changed = tokio::select! {
        changed = call.space.change_clock(change) => changed,
        () = call.control.stopped() => {
            let detail = "the server was told to stop while time passed";
            return Err(ApiProblem::new(ProblemKind::Stopping, detail));
        }
    };
    changed.map_err(|error| match error {
        ClockError::OutOfRange => {
            let member = if wish.set.is_some() { "set" } else { "advance" };
            ApiProblem::refused(member, error.to_string())
        }
        ClockError::Reset => ApiProblem::new(
            ProblemKind::Interrupted,
            "the space was reset or deleted while time passed; its clock shows real time again",
        ),
    })?;
    Ok(ClockView::of(&call.space))
}

fn scale_milli(scale: f64) -> Result<u64, ApiProblem> {
    if !(0.0..=SCALE_MAX).contains(&scale) {
        return Err(ApiProblem::refused(
            "scale",
            "a clock runs 0 to 1000000 times as fast as real time",
        ));
    }
    let milli = (scale * 1000.0).round() as u64;
    if milli == 0 && scale > 0.0 {
        return Err(ApiProblem::refused("scale", "the slowest is 0.001; 0 freezes the clock"));
    }
    Ok(milli)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scales_within_reason() {
        assert_eq!(scale_milli(1.5), Ok(1500));
        assert_eq!(scale_milli(0.0), Ok(0));
        for wrong in [-1.0, 0.0001, 1e9, f64::NAN] {
            assert!(scale_milli(wrong).is_err(), "{wrong}");
        }
    }
}
