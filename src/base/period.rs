//! Lengths of time, in the one grammar of scenario files, of the control plane and of the command line.

use std::fmt;

use jiff::{Span, SpanRelativeTo};

/// A length of simulated time in milliseconds, written with its units: `80ms`, `2s`, `1m30s`, `1h 30m`, `2 days`, `PT10H`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Period(pub u64);

/// The units in which a period is printed, the largest first.
const UNITS: [(&str, u64); 5] =
    [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)];

impl Period {
    /// Reads numbers, each with its unit, or ISO 8601. A day has 24 hours; nothing is shorter than a millisecond.
    pub fn parse(text: &str) -> Option<Self> {
        let span: Span = text.parse().ok()?;
        let exact = span.to_duration(SpanRelativeTo::days_are_24_hours()).ok()?;
        let is_whole = exact.subsec_nanos() % 1_000_000 == 0;
        is_whole.then(|| u64::try_from(exact.as_millis()).ok().map(Self))?
    }

    /// The milliseconds.
    pub const fn ms(self) -> u64 {
        self.0
    }
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 == 0 {
            return f.write_str("0s");
        }
        let mut rest = self.0;
        for (name, scale) in UNITS {
            if rest >= scale {
                write!(f, "{}{name}", rest / scale)?;
                rest %= scale;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn periods_are_read_and_printed() {
        for (text, ms) in [
            ("80ms", 80),
            ("2s", 2000),
            ("1m30s", 90_000),
            ("0s", 0),
            ("10h", 36_000_000),
            ("1d1h1m1s1ms", 90_061_001),
        ] {
            assert_eq!(Period::parse(text), Some(Period(ms)), "{text}");
            assert_eq!(Period(ms).to_string(), text);
        }
        for (text, ms) in [
            ("1h 30m", 5_400_000),
            ("PT10H", 36_000_000),
            ("P1D", 86_400_000),
            ("2 days", 172_800_000),
            ("1.5s", 1500),
            ("90s", 90_000),
        ] {
            assert_eq!(Period::parse(text), Some(Period(ms)), "{text}");
        }
        for text in
            ["", "5", "10", "s", "soon", "-5s", "99999999999999999999s", "1 month", "P1Y", "1us"]
        {
            assert_eq!(Period::parse(text), None, "{text}");
        }
    }
}
