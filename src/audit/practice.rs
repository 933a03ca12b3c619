//! Rules of good practice, grades and their reasons: data, read from `fixtures/audit/audit.toml`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::AuditCase;
use crate::base::{PackedTexts, packed_texts};
use crate::scenario_runs::Conduct;

/// The built-in data.
static BUILT_IN: PackedTexts = packed_texts!("audit");

/// Everything that an audit goes by.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AuditRules {
    /// Fields in which a shop is graded.
    pub categories: Vec<Category>,
    /// Grades, best first.
    pub grades: Vec<GradeRule>,
    /// Advice on what was not judged.
    pub judgeable: Vec<Judgeable>,
    /// Rules of good practice.
    pub practices: Vec<Practice>,
    /// Categories of scenarios, where these do not follow from the mistakes that they name.
    pub scenarios: BTreeMap<String, String>,
}

/// A field in which a shop is graded.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Category {
    /// Its short name, such as `money-safety`.
    pub id: String,
    /// Its name.
    pub title: String,
    /// Meaning.
    pub about: String,
}

/// Conditions of a grade.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GradeRule {
    /// The grade, A to F.
    pub letter: char,
    /// The worst that may have been found; nothing when absent.
    #[serde(default)]
    pub worst: Option<Severity>,
    /// Number of findings of that severity at most.
    #[serde(default)]
    pub at_most: Option<usize>,
    /// Percentage of scenarios judged in full, at least.
    pub judged_percent: usize,
    /// Reason in words, where what was found decides.
    pub found: String,
    /// The same where the number of scenarios judged decides.
    pub judged: String,
}

/// Advice on what was not judged.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Judgeable {
    /// A part of the reason.
    pub reason: String,
    /// Advice.
    pub help: String,
}

/// A rule of good practice, and what to do where it is broken.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Practice {
    /// Its short name, such as `ship-once`.
    pub id: String,
    /// The bugs that break it, by their names in scenarios.
    pub mistakes: Vec<String>,
    /// Scenarios that are there to catch a breach and name no bug for it.
    #[serde(default, skip_serializing)]
    pub scenarios: Vec<String>,
    /// Scenarios that such a bug makes fail beside those that name it, as the built-in merchant or the
    /// sample shop with the bug shows.
    #[serde(default, rename(deserialize = "also_fails"), skip_serializing)]
    pub also_fails: Vec<String>,
    /// Mark that a breach leaves in the scenarios that it makes fail.
    #[serde(default, skip_serializing)]
    pub shows: Option<BreachMark>,
    /// Conduct of the shop that contradicts a breach: a scenario in which it is seen does not name this practice.
    #[serde(default, rename(deserialize = "refuted_by"), skip_serializing)]
    pub refuted_by: Option<Conduct>,
    /// Number of failed scenarios that it takes to name it; one when absent.
    #[serde(default, skip_serializing)]
    pub least: usize,
    /// Category.
    pub category: String,
    /// Severity of a breach.
    pub severity: Severity,
    /// The breach, in a few words.
    pub title: String,
    /// The rule.
    pub rule: String,
    /// Consequence in production.
    pub cost: String,
    /// Remedy.
    pub fix: String,
}

/// Mark that the breach of a practice leaves in a failed scenario, whichever shop it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BreachMark {
    /// The shop's process has ended by itself.
    Death,
    /// The goods of an order are shipped more than once.
    SecondShipment,
    /// An order whose money is there in full, taken or held, is put aside for a human.
    PaidPutAside,
    /// The shop still waits for the payment of such an order.
    PaidUnnoticed,
    /// Two orders of the shop have one txId.
    SharedTxId,
    /// Goods were shipped for a hold of which nothing was ever captured.
    ShippedUncaptured,
}

impl BreachMark {
    /// Returns true if the mark alone proves a breach, so that no second scenario needs to show it.
    pub const fn is_conclusive(self) -> bool {
        matches!(self, Self::Death | Self::SharedTxId)
    }
}

/// Weight of a finding, by what it costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// A bad habit that costs nothing by itself.
    Low,
    /// Trouble for the payer, the gateway or the shop's staff.
    Medium,
    /// Money or orders are lost when an ordinary fault comes along.
    High,
    /// Goods or money are lost, or can be taken by anyone.
    Critical,
}

impl Severity {
    /// Every one, mildest first.
    pub const ALL: [Self; 4] = [Self::Low, Self::Medium, Self::High, Self::Critical];

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }
}

impl AuditRules {
    /// The built-in rules.
    ///
    /// # Errors
    /// The file that is built in cannot be read; a test keeps that from happening.
    pub fn built_in() -> Result<Self, toml::de::Error> {
        toml::from_str(BUILT_IN.text("audit").unwrap_or_default())
    }

    /// The practice that a bug breaks.
    pub fn broken_by(&self, mistake: &str) -> Option<&Practice> {
        self.practices.iter().find(|practice| practice.mistakes.iter().any(|it| it == mistake))
    }

    /// The category of a scenario: by the list of scenarios, by the first mistake that it names, or of attacks.
    pub fn category_of(&self, scenario: &str, mistakes: &[&str], is_probe: bool) -> &str {
        let listed = self.scenarios.get(scenario).map(String::as_str);
        let by_mistake = || {
            let practice = mistakes.iter().find_map(|mistake| self.broken_by(mistake));
            practice.map(|practice| practice.category.as_str())
        };
        match listed {
            Some(category) => category,
            None if is_probe => "security",
            None => by_mistake().unwrap_or("recovery"),
        }
    }

    /// The category of a case.
    pub(super) fn category_of_case(&self, case: &AuditCase) -> &str {
        let scenario = &case.loaded.scenario;
        let mistakes: Vec<&str> = scenario.mistakes.iter().map(|it| it.name()).collect();
        self.category_of(&scenario.id, &mistakes, case.is_probe)
    }

    /// Advice on a reason why something was not judged.
    pub fn advice(&self, reason: &str) -> Option<&str> {
        let fits = self.judgeable.iter().find(|it| reason.contains(&it.reason));
        fits.map(|it| it.help.as_str())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::scenario::{Mistake, scenario};

    #[test]
    fn every_mistake_breaks_one_practice_and_every_name_means_something() {
        let rules = AuditRules::built_in().expect("the built-in rules");
        let mistakes: Vec<&str> =
            rules.practices.iter().flat_map(|it| &it.mistakes).map(String::as_str).collect();
        let known: BTreeSet<&str> = Mistake::ALL.iter().map(|it| it.name()).collect();
        assert_eq!(mistakes.iter().copied().collect::<BTreeSet<_>>(), known);
        assert_eq!(mistakes.len(), known.len(), "a mistake breaks two practices");
        let ids: BTreeSet<&str> = rules.practices.iter().map(|it| it.id.as_str()).collect();
        assert_eq!(ids.len(), rules.practices.len(), "two practices have one id");
        let categories: BTreeSet<&str> = rules.categories.iter().map(|it| it.id.as_str()).collect();
        for practice in &rules.practices {
            assert!(categories.contains(practice.category.as_str()), "{}", practice.id);
            let texts = [&practice.title, &practice.rule, &practice.cost, &practice.fix];
            assert!(texts.iter().all(|text| text.len() > 20), "{}", practice.id);
        }
        let named = rules.practices.iter().flat_map(|practice| &practice.scenarios);
        assert!(named.clone().count() > 3 && named.clone().all(|id| scenario(id).is_some()));
        let also = rules.practices.iter().flat_map(|practice| &practice.also_fails);
        assert!(also.clone().count() > 20 && also.clone().all(|id| scenario(id).is_some()));
        for (id, category) in &rules.scenarios {
            assert!(scenario(id).is_some() && categories.contains(category.as_str()), "{id}");
        }
    }
}
