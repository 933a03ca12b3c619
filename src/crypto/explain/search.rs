//! Finds the string that was signed: the fewest mistakes that explain the signature.

use std::collections::HashSet;
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};
use std::mem::discriminant;

use super::super::canonical::{CanonicalStyle, Source, View};
use super::super::mask::Hide;
use super::cause::SignatureCause;
use super::evidence::Evidence;
use super::rows::{NearMiss, wanted};

/// At most so many mistakes at once are looked for.
const MISTAKES_MAX: usize = 3;
/// At most so many of them in the string.
const STRING_MISTAKES_MAX: usize = 2;
/// The search ends after so many bytes of candidate strings, so that a huge body costs no more than a small one.
const BYTES_MAX: usize = 8 * 1024 * 1024;

/// The outcome of a search.
pub(super) enum SearchOutcome<'e> {
    /// All mistakes are known.
    Found { evidence: &'e Evidence, causes: Vec<SignatureCause>, signed: String },
    /// Nothing tried fits.
    NotFound {
        /// The search was cut short.
        exhausted: bool,
    },
}

/// Looks for the string that fits one of `evidence`, fewest mistakes first.
pub(super) fn search<'e>(
    source: &Source<'_>,
    hide: Hide<'_>,
    rows: &[NearMiss<'_>],
    evidence: &'e [Evidence],
) -> SearchOutcome<'e> {
    let base = CanonicalStyle::of(source.recipe);
    let mut budget = Budget(BYTES_MAX);
    let single = effective(source, &base, rows, &mut budget);
    for mistakes in 0..=MISTAKES_MAX {
        for in_string in 0..=mistakes.min(STRING_MISTAKES_MAX) {
            let level = mistakes - in_string;
            let evidence = evidence.iter().filter(|e| e.causes.len() == level).collect::<Vec<_>>();
            if evidence.is_empty() {
                continue;
            }
            for rows in combinations(&single, in_string) {
                let style = rows.iter().fold(base.clone(), |style, row| style.with(&row.knob));
                let bytes = style.bytes(source);
                if !budget.spend((bytes.len() + 64) * evidence.len()) {
                    return SearchOutcome::NotFound { exhausted: true };
                }
                if let Some(evidence) = evidence.iter().find(|evidence| evidence.fits(&bytes)) {
                    let signed = style.text(source, View::Masked(hide));
                    let string_causes = rows.iter().map(|row| SignatureCause {
                        code: row.code,
                        message: format!("{}; {}", row.did, wanted(&row.knob, source.recipe)),
                        canonical: Some(signed.clone()),
                    });
                    let causes = string_causes.chain(evidence.causes.iter().cloned()).collect();
                    return SearchOutcome::Found { evidence, causes, signed };
                }
            }
        }
    }
    SearchOutcome::NotFound { exhausted: false }
}

/// The rows that change anything about this request's string, each effect once.
fn effective<'r, 'a>(
    source: &Source<'_>,
    base: &CanonicalStyle<'a>,
    rows: &'r [NearMiss<'a>],
    budget: &mut Budget,
) -> Vec<&'r NearMiss<'a>> {
    let print = |bytes: &[u8]| BuildHasherDefault::<DefaultHasher>::new().hash_one(bytes);
    let mut seen = HashSet::from([print(&base.bytes(source))]);
    let mut is_new = |row: &NearMiss<'a>| {
        let bytes = base.clone().with(&row.knob).bytes(source);
        budget.spend(bytes.len()).then(|| seen.insert(print(&bytes)))
    };
    rows.iter()
        .map_while(|row| Some((row, is_new(row)?)))
        .filter(|(_, new)| *new)
        .map(|(row, _)| row)
        .collect()
}

/// The work that may still be done, in bytes of strings made and digested.
struct Budget(usize);

impl Budget {
    /// Returns true if there was enough left for `bytes`.
    fn spend(&mut self, bytes: usize) -> bool {
        self.0.checked_sub(bytes).inspect(|left| self.0 = *left).is_some()
    }
}

/// All choices of `count` (up to two) rows that turn different knobs.
fn combinations<'r, 'a>(rows: &[&'r NearMiss<'a>], count: usize) -> Vec<Vec<&'r NearMiss<'a>>> {
    match count {
        0 => vec![vec![]],
        1 => rows.iter().map(|row| vec![*row]).collect(),
        _ => {
            let pairs = rows.iter().enumerate().flat_map(|(at, left)| {
                let rest = rows[at + 1..].iter();
                let other = rest.filter(|r| discriminant(&r.knob) != discriminant(&left.knob));
                other.map(|right| vec![*left, *right])
            });
            pairs.collect()
        }
    }
}
