//! Two texts that differ in what nobody sees.

pub(super) use crate::base::visible;

/// Number of characters shown on each side of a difference.
const AROUND: usize = 12;

/// Position at which two different texts differ, with what stands there in each.
pub(super) fn parting(right: &str, other: &str) -> String {
    let same = right.chars().zip(other.chars()).take_while(|(left, right)| left == right).count();
    let around = |text: &str| {
        let piece: String =
            text.chars().skip(same.saturating_sub(AROUND)).take(2 * AROUND).collect();
        visible(&piece).into_owned()
    };
    format!("they part at character {}: {:?} against {:?}", same + 1, around(right), around(other))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parting_is_counted_in_characters() {
        assert_eq!(
            parting("ខ=1.00&z=2", "ខ=1&z=2"),
            "they part at character 4: \"ខ=1.00&z=2\" against \"ខ=1&z=2\""
        );
        assert_eq!(
            parting("a=1", "a=1\n"),
            "they part at character 4: \"a=1\" against \"a=1<LF>\""
        );
    }
}
