//! Grades: a letter by the worst that was found and by how much was judged in full.

use serde::Serialize;

use super::practice::{AuditRules, Category, GradeRule, Severity};
use crate::scenario_runs::ScenarioOutcome;

/// Numbers of scenarios by how much of them was judged. Each scenario stands in one of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct JudgedCounts {
    /// Scenarios judged in full, whether they passed or failed.
    pub judged: usize,
    /// Scenarios of which nothing or only a part was judged; they may have failed all the same.
    pub not_judged: usize,
    /// Scenarios that do not apply to the shop.
    pub not_applicable: usize,
}

impl JudgedCounts {
    /// Counts these outcomes.
    pub(super) fn of<'o>(outcomes: impl IntoIterator<Item = &'o ScenarioOutcome>) -> Self {
        let mut tally = Self::default();
        for outcome in outcomes {
            if outcome.not_applicable.is_some() {
                tally.not_applicable += 1;
            } else if outcome.is_judged_in_full() {
                tally.judged += 1;
            } else {
                tally.not_judged += 1;
            }
        }
        tally
    }

    /// Returns true if there are scenarios, and the shop is said to lack what each of them needs.
    pub const fn is_not_applicable(self) -> bool {
        self.not_applicable > 0 && self.not_applicable == self.all()
    }

    /// All scenarios.
    pub const fn all(self) -> usize {
        self.judged + self.not_judged + self.not_applicable
    }
}

/// The grade of a category of which nothing applies to the shop.
pub(super) const NOT_APPLICABLE: &str = "n/a";

/// A grade with its reasons.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Grade {
    /// A to F, or `n/a` where nothing of it applies.
    pub letter: String,
    /// Reason for the letter: what was found, or how little was judged.
    pub because: String,
    /// Number of findings.
    pub findings: usize,
    /// Numbers of scenarios by how much of them was judged.
    #[serde(flatten)]
    pub tally: JudgedCounts,
    /// Number of all scenarios.
    pub of: usize,
}

/// The grade in one category.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CategoryGrade {
    /// Category.
    #[serde(flatten)]
    pub category: Category,
    /// Grade.
    pub grade: Grade,
    /// Ids of the findings that count here: those of the category, and those that a scenario of the category shows.
    pub findings: Vec<String>,
}

impl Grade {
    /// The grade in a category: as over all, but none where nothing of it applies to the shop and nothing was found.
    pub(super) fn in_category(rules: &AuditRules, found: &[Severity], tally: JudgedCounts) -> Self {
        let graded = Self::of(rules, found, tally);
        if !tally.is_not_applicable() || !found.is_empty() {
            return graded;
        }
        let because = "the shop is said to lack what its scenarios need".to_owned();
        Self { letter: NOT_APPLICABLE.to_owned(), because, ..graded }
    }

    /// The grade for findings of these severities, with so many scenarios judged.
    pub fn of(rules: &AuditRules, found: &[Severity], tally: JudgedCounts) -> Self {
        let is_mild = |rule: &GradeRule| match (rule.worst, found.iter().max()) {
            (_, None) => true,
            (None, Some(_)) => false,
            (Some(worst), Some(max)) if *max == worst => {
                let count = found.iter().filter(|it| **it == worst).count();
                rule.at_most.is_none_or(|most| count <= most)
            }
            (Some(worst), Some(max)) => *max < worst,
        };
        // All of nothing is nothing.
        let percent = (tally.judged * 100).checked_div(tally.all()).unwrap_or(0);
        let last = rules.grades.len().saturating_sub(1);
        let first =
            |fits: &dyn Fn(&GradeRule) -> bool| rules.grades.iter().position(fits).unwrap_or(last);
        let (by_found, by_judged) = (first(&is_mild), first(&|it| percent >= it.judged_percent));
        // The worse of both decides, and is the reason.
        let rule = rules.grades.get(by_found.max(by_judged));
        let because = |rule: &GradeRule| {
            let said = [
                (by_found >= by_judged).then_some(&*rule.found),
                (by_judged >= by_found).then_some(&*rule.judged),
            ];
            said.into_iter().flatten().collect::<Vec<_>>().join(", and ")
        };
        Self {
            letter: rule.map_or('F', |rule| rule.letter).to_string(),
            because: rule.map(because).unwrap_or_default(),
            findings: found.len(),
            of: tally.all(),
            tally,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn findings_and_what_was_not_judged_cap_the_grade_and_the_reason_is_what_did() {
        use Severity::{Critical, High, Low, Medium};
        let rules = AuditRules::built_in().expect("the built-in rules");
        let grade = |found: &[Severity], judged| {
            let tally = JudgedCounts { judged, not_judged: 100 - judged, not_applicable: 0 };
            Grade::of(&rules, found, tally)
        };
        for (found, judged, wanted) in [
            (&[][..], 100, 'A'),
            (&[], 90, 'A'),
            (&[], 89, 'B'),
            (&[], 60, 'C'),
            (&[], 30, 'D'),
            (&[], 1, 'E'),
            (&[], 0, 'F'),
            (&[Low, Low], 100, 'B'),
            (&[Low], 70, 'C'),
            (&[Medium, Low], 100, 'C'),
            (&[High, High, Medium], 100, 'D'),
            (&[High, High, High], 100, 'E'),
            (&[Critical], 100, 'E'),
            (&[Critical, Critical], 100, 'F'),
        ] {
            let given = grade(found, judged);
            assert_eq!(given.letter, wanted.to_string(), "{found:?} {judged}");
            // A grade says that something was found only where it was, and that little was judged likewise.
            let because = &given.because;
            let is_found = because.contains(" found") && !because.contains("nothing was found");
            assert!(!is_found || !found.is_empty(), "{found:?} {judged}: {because}");
            assert!(judged < 90 || !because.contains("not judged"), "{judged}: {because}");
        }
        assert_eq!(Grade::of(&rules, &[], JudgedCounts::default()).letter, "F");
    }

    #[test]
    fn a_category_has_no_grade_only_where_nothing_applies_and_nothing_was_found() {
        let rules = AuditRules::built_in().expect("the built-in rules");
        for (found, judged, not_judged, not_applicable, wanted) in [
            (&[][..], 0, 0, 3, NOT_APPLICABLE),
            (&[], 0, 1, 2, "F"),
            (&[], 3, 0, 0, "A"),
            (&[], 0, 0, 0, "F"),
            (&[Severity::High], 0, 0, 3, "F"),
        ] {
            let tally = JudgedCounts { judged, not_judged, not_applicable };
            assert_eq!(Grade::in_category(&rules, found, tally).letter, wanted, "{tally:?}");
        }
    }
}
