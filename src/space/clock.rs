//! A space's clock: real time seen through an offset and a scale. Frozen is scale zero.

use serde::{Deserialize, Serialize};

use crate::base::Millis;

/// One thousand thousandths: simulated time runs as fast as real time.
const REAL: u64 = 1000;

/// The fastest that a clock may run, in thousandths of real speed.
pub const SCALE_MILLI_MAX: u64 = 1_000_000_000;

/// Returns true if a clock may show this moment.
pub(super) fn can_be(moment: Millis) -> bool {
    (Millis(0)..=Millis::LATEST).contains(&moment)
}

/// Returns true if something may be due at this moment.
pub(super) fn can_be_due(moment: Millis) -> bool {
    (Millis(0)..=Millis::LATEST_DUE).contains(&moment)
}

/// A clock that can be frozen, set, advanced and scaled. All that a space does reads it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Clock {
    /// Real time at which `simulated` was true.
    anchor: Millis,
    /// Time on the clock at that moment.
    simulated: Millis,
    /// Simulated milliseconds for each thousand real ones.
    scale_milli: u64,
}

impl Clock {
    /// A clock that shows real time.
    pub const fn real() -> Self {
        Self { anchor: Millis(0), simulated: Millis(0), scale_milli: REAL }
    }

    /// A clock of a file, to be set before it is used: it shows that, and runs at so many thousandths of real speed.
    pub(super) const fn showing(simulated: Millis, scale_milli: u64) -> Self {
        Self { anchor: Millis(0), simulated, scale_milli }
    }

    /// Returns true if a clock may be like this one, which was read from a record.
    pub(super) fn is_sound(&self) -> bool {
        can_be(self.simulated) && self.anchor.0 >= 0 && self.scale_milli <= SCALE_MILLI_MAX
    }

    /// The same with another speed, from the same time on.
    #[must_use]
    pub(super) const fn running_at(self, scale_milli: u64) -> Self {
        Self { scale_milli, ..self }
    }

    /// Time on the clock at `real` time. It stops at [`Millis::LATEST`].
    pub fn now(&self, real: Millis) -> Millis {
        let elapsed = real.0.saturating_sub(self.anchor.0);
        let elapsed = if self.scale_milli == REAL {
            // Nearly always; dividing so large a number takes longer than all else here.
            elapsed
        } else {
            let elapsed = i128::from(elapsed) * i128::from(self.scale_milli) / 1000;
            i64::try_from(elapsed).unwrap_or(i64::MAX)
        };
        self.simulated.plus(elapsed).min(Millis::LATEST)
    }

    /// Shows `simulated` from now on, running as before.
    pub fn set(&mut self, real: Millis, simulated: Millis) {
        self.anchor = real;
        self.simulated = simulated;
    }

    /// Stops, or runs again at real speed.
    pub fn freeze(&mut self, real: Millis, frozen: bool) {
        self.scale(real, if frozen { 0 } else { REAL });
    }

    /// Runs `scale_milli` thousandths as fast as real time.
    pub fn scale(&mut self, real: Millis, scale_milli: u64) {
        self.set(real, self.now(real));
        self.scale_milli = scale_milli;
    }

    /// Thousandths of real speed; 0 when frozen.
    pub const fn scale_milli(&self) -> u64 {
        self.scale_milli
    }

    /// The real time at which it will show `due`; `None` when it is frozen before that, or ends.
    pub fn real_at(&self, real: Millis, due: Millis) -> Option<Millis> {
        if due > Millis::LATEST {
            return None;
        }
        let missing = due.0.saturating_sub(self.now(real).0);
        if missing <= 0 {
            return Some(real);
        }
        if self.scale_milli == REAL {
            return Some(real.plus(missing));
        }
        let wait = i128::from(missing) * 1000;
        let scale = i128::from(self.scale_milli);
        if scale == 0 {
            return None;
        }
        let wait = (wait + scale - 1) / scale;
        Some(real.plus(i64::try_from(wait).unwrap_or(i64::MAX)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_stops_at_its_end() {
        let mut clock = Clock::real();
        let begin = Millis::LATEST.plus(-1_000);
        clock.set(Millis(5_000), begin);
        clock.scale(Millis(5_000), SCALE_MILLI_MAX);
        assert_eq!(clock.now(Millis(5_001)), Millis::LATEST);
        assert_eq!(clock.now(Millis(i64::MAX)), Millis::LATEST);
        assert_eq!(clock.real_at(Millis(5_000), Millis::LATEST), Some(Millis(5_001)));
        assert_eq!(clock.real_at(Millis(9_000), Millis::LATEST.plus(1)), None);
        clock.scale(Millis(9_000), REAL);
        assert_eq!(clock.now(Millis(9_500)), Millis::LATEST);
        clock.set(Millis(9_500), Millis(100));
        assert_eq!(clock.now(Millis(9_600)), Millis(200));
    }

    #[test]
    fn real_frozen_set_and_scaled() {
        let mut clock = Clock::real();
        assert_eq!(clock.now(Millis(5_000)), Millis(5_000));
        clock.freeze(Millis(6_000), true);
        assert_eq!(clock.now(Millis(9_000)), Millis(6_000));
        assert_eq!(clock.real_at(Millis(9_000), Millis(6_001)), None);
        assert_eq!(clock.real_at(Millis(9_000), Millis(6_000)), Some(Millis(9_000)));
        clock.set(Millis(9_000), Millis(100));
        assert_eq!(clock.now(Millis(10_000)), Millis(100));
        clock.scale(Millis(10_000), 60_000);
        assert_eq!(clock.now(Millis(11_000)), Millis(60_100));
        assert_eq!(clock.real_at(Millis(11_000), Millis(60_101)), Some(Millis(11_001)));
        clock.freeze(Millis(11_000), false);
        assert_eq!(clock.now(Millis(12_000)), Millis(61_100));
    }
}
