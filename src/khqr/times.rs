//! Effect of the times at the end of a dynamic code on its check sum. All codes of our days have them in the same form,
//! so each digit's part in it is known ahead: they need not be gone through one after the other.

use std::sync::LazyLock;

use super::tlv::go_on;

/// The end of a code up to its check sum, with a nought for each digit of the two times.
pub(super) const PATTERN: &str = "993400130000000000000011300000000000006304";
/// Positions of the digits of the two times.
const NUMBERS: [std::ops::Range<usize>; 2] = [8..21, 25..38];

/// By place and digit, how the check sum changes when that digit stands there in place of a nought.
static SHARES: LazyLock<[[u16; 10]; PATTERN.len()]> = LazyLock::new(|| {
    let noughts = go_on(0, PATTERN);
    std::array::from_fn(|place| {
        std::array::from_fn(|digit| {
            let (before, behind) = (&PATTERN[..place], &PATTERN[place + 1..]);
            go_on(0, &format!("{before}{digit}{behind}")) ^ noughts
        })
    })
});

/// Effect of the digits of this end of a code on the check sum of [`PATTERN`]; `None` where it has another form.
pub(super) fn shares(end: &str) -> Option<u16> {
    let (end, pattern) = (end.as_bytes(), PATTERN.as_bytes());
    let [made, ends] = NUMBERS;
    let is_alike = |part: std::ops::Range<usize>| end[part.clone()] == pattern[part];
    let same_form = end.len() == pattern.len()
        && is_alike(0..made.start)
        && is_alike(made.end..ends.start)
        && is_alike(ends.end..pattern.len());
    if !same_form {
        return None;
    }
    made.chain(ends).try_fold(0, |sum, place| {
        let digit = usize::from(end[place].wrapping_sub(b'0'));
        Some(sum ^ SHARES[place].get(digit)?)
    })
}
