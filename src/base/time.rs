//! Time as the gateway tells it: milliseconds since 1970 inside, Cambodia's calendar (UTC+7, no daylight saving)
//! at the border.

use arrayvec::ArrayString;
use serde::{Deserialize, Serialize};

/// Cambodia's offset from UTC in milliseconds (documented: dates are Cambodia's).
const CAMBODIA_MS: i64 = 7 * 3_600_000;
const DAY_MS: i64 = 86_400_000;
/// The first and the last moment that has a date: in years of four digits, and whatever the offset. What lies beyond is
/// shown as these.
const DATED: (i64, i64) = (-62_135_596_800_000, 253_402_189_199_999);

/// A moment: milliseconds since 1970-01-01T00:00:00Z.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Millis(pub i64);

/// A calendar day in Cambodia, counted from 1970-01-01.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day(pub i32);

/// Reads the machine's clock. The only place that does; everything else asks a space's clock.
#[allow(clippy::disallowed_methods, reason = "the one place that reads the real clock")]
pub fn wall_clock() -> Millis {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    Millis(since.map_or(0, |elapsed| elapsed.as_millis() as i64))
}

/// Year, month, day of a Gregorian date.
type Civil = (i32, u8, u8);

/// The last `N` digits of a number, zeros in front: every date and serial number of a reply is made
/// of these, so they are written without the formatting machinery, on the stack.
pub fn digits<const N: usize>(number: u64) -> ArrayString<N> {
    let mut buffer = itoa::Buffer::new();
    let written = buffer.format(number).as_bytes();
    let written = &written[written.len().saturating_sub(N)..];
    let mut text = [b'0'; N];
    text[N - written.len()..].copy_from_slice(written);
    ArrayString::from_byte_string(&text).unwrap_or_default()
}

impl Millis {
    /// The moment `ms` milliseconds later (or earlier); saturates.
    #[must_use]
    pub const fn plus(self, ms: i64) -> Self {
        Self(self.0.saturating_add(ms))
    }

    /// The latest moment that a clock may show: the end of the year 9998.
    pub const LATEST: Self = Self(253_370_764_800_000);

    /// The latest moment at which anything may be due: what a clock at its end puts off has a time too.
    pub const LATEST_DUE: Self = Self(Self::LATEST.0 + 200 * 366 * DAY_MS);

    /// Milliseconds of Cambodia's calendar.
    const fn local(self) -> i64 {
        let (first, last) = DATED;
        let within = if self.0 < first {
            first
        } else if self.0 > last {
            last
        } else {
            self.0
        };
        within + CAMBODIA_MS
    }

    /// The day in Cambodia.
    pub const fn day(self) -> Day {
        Day(self.local().div_euclid(DAY_MS) as i32)
    }

    /// Hours, minutes and seconds in Cambodia.
    fn clock(self) -> (u32, u32, u32) {
        let second = (self.local().rem_euclid(DAY_MS) / 1000) as u32;
        (second / 3600, second / 60 % 60, second % 60)
    }

    /// The same as one number, `HHmmss`.
    fn clock_number(self) -> u64 {
        let (hour, minute, second) = self.clock();
        u64::from(hour * 10_000 + minute * 100 + second)
    }

    /// `ddMMyyyyHHmmss`, as `approvalDate`.
    pub fn day_first_digits(self) -> ArrayString<14> {
        let (year, month, day) = self.day().civil();
        let date = u64::from(day) * 1_000_000 + u64::from(month) * 10_000 + year as u64;
        digits::<14>(date * 1_000_000 + self.clock_number())
    }

    /// `yyyyMMddHHmmss`, as `apprDttm` in the status answer.
    pub fn year_first_digits(self) -> ArrayString<14> {
        digits::<14>(self.day().number() * 1_000_000 + self.clock_number())
    }

    /// `dd/MM/yyyy hh:mm:ss` on a twelve-hour clock without AM/PM, as `apprDttm` in the orders answer.
    pub fn twelve_hour(self) -> String {
        let ((year, month, day), (hour, minute, second)) = (self.day().civil(), self.clock());
        let hour = if hour % 12 == 0 { 12 } else { hour % 12 };
        format!("{day:02}/{month:02}/{year:04} {hour:02}:{minute:02}:{second:02}")
    }

    /// RFC 3339 with Cambodia's offset and milliseconds, as the control plane prints times.
    pub fn rfc3339(self) -> String {
        let ((year, month, day), (hour, minute, second)) = (self.day().civil(), self.clock());
        let ms = self.local().rem_euclid(1000);
        format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{ms:03}+07:00")
    }

    /// Reads RFC 3339 with any offset.
    pub fn parse_rfc3339(text: &str) -> Option<Self> {
        text.parse::<jiff::Timestamp>().ok().map(|moment| Self(moment.as_millisecond()))
    }
}

impl Day {
    /// Midnight in Cambodia at which the day begins.
    pub const fn start(self) -> Millis {
        Millis(self.0 as i64 * DAY_MS - CAMBODIA_MS)
    }

    /// `yyyyMMdd`, as `txDt`.
    pub fn digits(self) -> ArrayString<8> {
        digits::<8>(self.number())
    }

    /// The same as a number.
    pub fn number(self) -> u64 {
        let (year, month, day) = self.civil();
        year.max(0) as u64 * 10_000 + u64::from(month) * 100 + u64::from(day)
    }

    /// Reads `ddMMyyyy`, as `fromDate` and `toDate`.
    pub fn parse_day_first(text: &str) -> Option<Self> {
        if text.len() != 8 || !text.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let day = text[..2].parse().ok()?;
        let month = text[2..4].parse().ok()?;
        let date = jiff::civil::Date::new(text[4..].parse().ok()?, month, day).ok()?;
        let since = date.since(jiff::civil::date(1970, 1, 1)).ok()?;
        Some(Self(since.get_days()))
    }

    /// The Gregorian date, by counting in 400-year eras that begin on 1 March.
    fn civil(self) -> Civil {
        let shifted = i64::from(self.0) + 719_468;
        let (era, of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
        let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
        let of_year = of_era - (365 * year + year / 4 - year / 100);
        let shifted_month = (5 * of_year + 2) / 153;
        let day = of_year - (153 * shifted_month + 2) / 5 + 1;
        let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
        let year = year + era * 400 + i64::from(month <= 2);
        (year as i32, month as u8, day as u8)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2020-11-24T11:47:01+07:00, from the orders sample.
    const SAMPLE: Millis = Millis(1_606_193_221_000);

    #[test]
    fn every_documented_form() {
        assert_eq!(&*SAMPLE.day_first_digits(), "24112020114701");
        assert_eq!(&*SAMPLE.year_first_digits(), "20201124114701");
        assert_eq!(SAMPLE.twelve_hour(), "24/11/2020 11:47:01");
        assert_eq!(SAMPLE.plus(12 * 3_600_000).twelve_hour(), "24/11/2020 11:47:01");
        assert_eq!(SAMPLE.plus(13 * 3_600_000).twelve_hour(), "25/11/2020 12:47:01");
        assert_eq!(&*SAMPLE.day().digits(), "20201124");
        assert_eq!(SAMPLE.rfc3339(), "2020-11-24T11:47:01.000+07:00");
        assert_eq!(Millis::parse_rfc3339("2020-11-24T04:47:01Z"), Some(SAMPLE));
        assert_eq!(Millis::parse_rfc3339(&SAMPLE.rfc3339()), Some(SAMPLE));
    }

    #[test]
    fn moments_beyond_the_calendar_are_shown_as_its_ends() {
        let last = "9999-12-30T23:59:59.999+07:00";
        for beyond in [Millis(i64::MAX), Millis::LATEST_DUE, Millis(253_402_189_200_000)] {
            assert_eq!(beyond.rfc3339(), last);
            assert_eq!(&*beyond.day().digits(), "99991230");
            assert_eq!(&*beyond.day_first_digits(), "30129999235959");
            assert_eq!(&*beyond.year_first_digits(), "99991230235959");
            assert_eq!(beyond.twelve_hour(), "30/12/9999 11:59:59");
        }
        assert_eq!(Millis::parse_rfc3339(last), Some(Millis(253_402_189_199_999)));
        assert_eq!(Millis(i64::MIN).rfc3339(), "0001-01-01T07:00:00.000+07:00");
        assert_eq!(Day(i32::MIN).number() % 10_000 / 100, u64::from(Day(i32::MIN).civil().1));
    }

    #[test]
    fn days_agree_with_the_calendar_library() {
        for offset in (-30_000..80_000).step_by(37) {
            let date = jiff::civil::date(1970, 1, 1)
                .checked_add(jiff::Span::new().days(offset))
                .expect("within range");
            let day = Day(offset);
            assert_eq!(*day.digits(), date.strftime("%Y%m%d").to_string());
            assert_eq!(Day::parse_day_first(&date.strftime("%d%m%Y").to_string()), Some(day));
            assert_eq!(day.start().day(), day);
        }
        assert_eq!(Day::parse_day_first("31022020"), None);
        assert_eq!(Day::parse_day_first("2020-1-1"), None);
    }
}
