//! The names that a mistyped one was probably meant to be.

/// So many names that begin alike are suggested at most.
const SUGGESTED_MAX: usize = 3;

/// Bytes of the longest word that may be meant for a name.
const WORD_MAX: usize = 128;

/// The name that `word` was probably meant to be.
pub fn nearest<'n>(word: &str, names: &[&'n str]) -> Option<&'n str> {
    let length = word.chars().count();
    let far = if length < 3 { 0 } else { (length / 3).max(1) };
    names
        .iter()
        // Keeps the work small however long the word is.
        .filter(|name| name.chars().count().abs_diff(length) <= far)
        .map(|name| (distance(word, name), *name))
        .filter(|(distance, _)| *distance <= far)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}

/// ` (did you mean …?)` where there are names close to `word`, else nothing: the same in other letter case, those that begin
/// with it, or the nearest.
pub fn did_you_mean<'n>(word: &str, names: impl IntoIterator<Item = &'n str>) -> String {
    let names: Vec<&str> = names.into_iter().collect();
    let lower = word.to_lowercase();
    let begins = |name: &&&str| !lower.is_empty() && name.to_lowercase().starts_with(&lower);
    let mut meant: Vec<&str> =
        names.iter().filter(|name| name.to_lowercase() == lower).copied().collect();
    if meant.is_empty() {
        meant.extend(names.iter().filter(begins).take(SUGGESTED_MAX));
    }
    if meant.is_empty() {
        meant.extend(nearest(word, &names));
    }
    match &*meant {
        [] => String::new(),
        names => format!(" (did you mean {}?)", names.join(" or ")),
    }
}

/// The edits that lead from one to the other, whatever their letter case and separators.
pub(super) fn distance(word: &str, name: &str) -> usize {
    // Nobody mistypes so long a word, and the work grows with the product of both lengths.
    if word.len() > WORD_MAX {
        return word.len();
    }
    let plain = |text: &str| text.to_lowercase().replace(['-', '_', '.', ' '], "-");
    strsim::damerau_levenshtein(&plain(word), &plain(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_suggestion_is_near_or_absent() {
        let names = ["number", "scheme", "partly_refunded"];
        assert_eq!(nearest("numbr", &names), Some("number"));
        assert_eq!(nearest("Partly-Refunded", &names), Some("partly_refunded"));
        assert_eq!(nearest("colour", &names), None);
        assert_eq!(nearest("X", &["D", "E", "A"]), None);
        let long = "x".repeat(WORD_MAX + 1);
        assert_eq!(distance(&long, &long), long.len(), "it is not looked into");
    }

    #[test]
    fn names_that_begin_alike_come_before_the_nearest() {
        let names = ["order-final", "pushback-acknowledged", "pushback-exhausted"];
        let both = " (did you mean pushback-acknowledged or pushback-exhausted?)";
        assert_eq!(did_you_mean("PushBack", names), both);
        assert_eq!(did_you_mean("order-finl", names), " (did you mean order-final?)");
        let one = " (did you mean PRE_AUTH?)";
        assert_eq!(did_you_mean("pre_auth", ["PRE_AUTH", "PRE_AUTH_REVERSAL"]), one);
        assert_eq!(did_you_mean("", names), "");
        assert_eq!(did_you_mean("colour", names), "");
    }
}
