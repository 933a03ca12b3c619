//! Grades: a letter by the worst that was found and by how much was judged.

use serde::Serialize;

use super::practice::{AuditRules, Category, GradeRule, Severity};

/// A grade with its reasons.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Grade {
    /// A to F.
    pub letter: char,
    /// Meaning of the letter.
    pub because: String,
    /// Number of findings.
    pub findings: usize,
    /// Number of scenarios judged in full.
    pub judged: usize,
    /// Number of all scenarios, those that do not apply to the shop included.
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
}

impl Grade {
    /// The grade for findings of these severities, with so many of all scenarios judged in full.
    pub fn of(rules: &AuditRules, found: &[Severity], judged: usize, all: usize) -> Self {
        let is_met = |rule: &&GradeRule| {
            let is_mild = match (rule.worst, found.iter().max()) {
                (_, None) => true,
                (None, Some(_)) => false,
                (Some(worst), Some(max)) if *max == worst => {
                    let count = found.iter().filter(|it| **it == worst).count();
                    rule.at_most.is_none_or(|most| count <= most)
                }
                (Some(worst), Some(max)) => *max < worst,
            };
            // All of nothing is nothing.
            let percent = (judged * 100).checked_div(all).unwrap_or(0);
            is_mild && percent >= rule.judged_percent
        };
        let rule = rules.grades.iter().find(is_met).or(rules.grades.last());
        Self {
            letter: rule.map_or('F', |rule| rule.letter),
            because: rule.map(|rule| rule.because.clone()).unwrap_or_default(),
            findings: found.len(),
            judged,
            of: all,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn findings_and_what_was_not_judged_cap_the_grade() {
        use Severity::{Critical, High, Low, Medium};
        let rules = AuditRules::built_in().expect("the built-in rules");
        let letter = |found: &[Severity], judged| Grade::of(&rules, found, judged, 100).letter;
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
            assert_eq!(letter(found, judged), wanted, "{found:?} {judged}");
        }
        assert_eq!(Grade::of(&rules, &[], 0, 0).letter, 'F');
    }
}
