//! Changes by arming other rules.

use crate::scenario::model::Rule;

/// The difference between the rules that were armed and those that are, by id.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ChangeSet {
    /// New ones.
    pub added: Vec<String>,
    /// Gone ones.
    pub removed: Vec<String>,
    /// Those of the same id that say something else.
    pub changed: Vec<String>,
    /// True if those that are in both are asked in another order.
    pub reordered: bool,
}

impl ChangeSet {
    /// Compares two lists of rules.
    pub fn between(old: &[Rule], new: &[Rule]) -> Self {
        fn find<'r>(rules: &'r [Rule], id: &str) -> Option<&'r Rule> {
            rules.iter().find(|rule| rule.id == id)
        }
        let only = |here: &[Rule], there: &[Rule]| -> Vec<String> {
            let strangers = here.iter().filter(|rule| find(there, &rule.id).is_none());
            strangers.map(|rule| rule.id.clone()).collect()
        };
        let shared = |here: &[Rule], there: &[Rule]| -> Vec<String> {
            let known = here.iter().filter(|rule| find(there, &rule.id).is_some());
            known.map(|rule| rule.id.clone()).collect()
        };
        let is_changed = |rule: &&Rule| find(old, &rule.id).is_some_and(|before| before != *rule);
        Self {
            added: only(new, old),
            removed: only(old, new),
            changed: new.iter().filter(is_changed).map(|rule| rule.id.clone()).collect(),
            reordered: shared(old, new) != shared(new, old),
        }
    }

    /// Returns true if nothing changes.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}
