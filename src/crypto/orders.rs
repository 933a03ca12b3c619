//! Orders of members that can be listed.

/// Every order of `names`.
pub(super) fn permutations<'a>(names: &[&'a str]) -> Vec<Vec<&'a str>> {
    if names.is_empty() {
        return vec![Vec::new()];
    }
    let starting_with = |at: usize| {
        let mut rest = names.to_vec();
        let first = rest.remove(at);
        permutations(&rest).into_iter().map(move |tail| [vec![first], tail].concat())
    };
    (0..names.len()).flat_map(starting_with).collect()
}
