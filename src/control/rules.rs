//! Rules: what goes wrong in the space, and how often it did; and the catalogue of scenarios.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer, Serialize};

use super::ask::{Ask, Nothing};
use super::problem::{Kind, Problem};
use crate::gateway::{RecordError, scenario_of};
use crate::scenario::{CATALOGUE, Point, Rule, ScenarioFile, Tally, read_rules, story};
use crate::space::DEFAULT_SPACE;

/// Rules as in a scenario file. They are read from the body itself, so that mistakes have their places.
pub(super) struct RuleList;

impl<'de> Deserialize<'de> for RuleList {
    fn deserialize<D: Deserializer<'de>>(reader: D) -> Result<Self, D::Error> {
        IgnoredAny::deserialize(reader).map(|_| Self)
    }
}

impl JsonSchema for RuleList {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "RuleList".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "array",
            "items": { "type": "object" },
            "description": "rules as under `rules` of a scenario file; `payon-sim schema` prints their schema"
        })
    }
}

/// The armed rules, in the order in which they are asked.
#[derive(Serialize, JsonSchema)]
pub(super) struct Rules {
    rules: Vec<RuleView>,
}

/// One armed rule.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "ArmedRule")]
struct RuleView {
    id: String,
    /// Calls for which its conditions held.
    matched: u32,
    /// Calls that it decided.
    fired: u32,
    /// The rule as in a scenario file.
    rule: serde_json::Value,
}

impl RuleView {
    fn new((rule, tally): (Rule, Tally)) -> Self {
        let Tally { all, fired, .. } = tally;
        Self { rule: rule.to_json(), id: rule.id, matched: all, fired }
    }
}

/// The rules of the space.
pub(super) fn list(ask: &Ask, _: Nothing) -> Result<Rules, Problem> {
    Ok(Rules { rules: ask.space.rules().into_iter().map(RuleView::new).collect() })
}

/// Arms rules in place of those before.
pub(super) fn replace(ask: &Ask, _: RuleList) -> Result<Rules, Problem> {
    arm(ask, Vec::clear)
}

/// Arms rules behind those before.
pub(super) fn append(ask: &Ask, _: RuleList) -> Result<Rules, Problem> {
    arm(ask, |_| ())
}

/// Takes all rules away.
pub(super) fn clear(ask: &Ask, _: Nothing) -> Result<Nothing, Problem> {
    ask.space.arm_rules(Vec::new());
    Ok(Nothing {})
}

fn arm(ask: &Ask, make_room: impl FnOnce(&mut Vec<Rule>)) -> Result<Rules, Problem> {
    let rules = read_rules("rules", &ask.body)
        .map_err(|mistakes| Problem::mistakes("the rules cannot be taken", &mistakes))?;
    check_points(ask, &rules)?;
    ask.space.change_rules(|armed| {
        let mut next = armed.clone();
        make_room(&mut next);
        for rule in rules {
            if next.iter().any(|known| known.id == rule.id) {
                let detail = format!(
                    "the id {:?} is taken by a rule before it; give it another, or PUT all rules anew",
                    rule.id
                );
                return Err(Problem::refused("id", detail));
            }
            next.push(rule);
        }
        *armed = next;
        Ok(())
    })?;
    list(ask, Nothing {})
}

/// A connection is accepted before it is known for which space; a rule for that would wait in vain elsewhere.
fn check_points(ask: &Ask, rules: &[Rule]) -> Result<(), Problem> {
    let at_connect = |rule: &&Rule| {
        rule.when.operation.as_ref().is_some_and(|points| points.0.contains(&Point::Connect))
    };
    let Some(rule) = rules.iter().find(at_connect).filter(|_| ask.space.name() != DEFAULT_SPACE)
    else {
        return Ok(());
    };
    let detail = format!(
        "the rule {:?} is for `connect`, where only rules of the space {DEFAULT_SPACE} act: a connection is accepted \
         before it names its space",
        rule.id
    );
    Err(Problem::refused("operation", detail))
}

/// The scenarios that the program brings along.
#[derive(Serialize, JsonSchema)]
pub(super) struct Scenarios {
    scenarios: Vec<ScenarioView>,
}

/// One scenario of the catalogue.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "CatalogueEntry")]
struct ScenarioView {
    id: String,
    title: String,
    /// Why it happens in production.
    why: Option<String>,
    /// What a correct merchant does.
    correct: Option<String>,
}

fn read(name: &str, text: &str) -> Result<ScenarioFile, Problem> {
    ScenarioFile::read(name, text.as_bytes())
        .map_err(|mistakes| Problem::mistakes("the scenario cannot be read", &mistakes))
}

/// The catalogue.
pub(super) fn catalogue(_: &Ask, _: Nothing) -> Result<Scenarios, Problem> {
    let scenarios = CATALOGUE.iter().map(|(name, text)| {
        let scenario = read(name, text)?.scenario;
        let (title, why, correct) = (scenario.title, scenario.why, scenario.correct);
        Ok(ScenarioView { id: scenario.id, title, why, correct })
    });
    Ok(Scenarios { scenarios: scenarios.collect::<Result<_, Problem>>()? })
}

/// Arms the rules of a scenario before those of the space; rules of the same ids make way. What else the scenario
/// says, such as settings of the profile, is for whoever runs it.
pub(super) fn arm_scenario(ask: &Ask, _: Nothing) -> Result<Rules, Problem> {
    let id = ask.param("id");
    let (name, text) = story(id).ok_or_else(|| {
        let detail =
            format!("there is no scenario {id:?}; GET /_sim/v1/scenarios lists those there are");
        Problem::new(Kind::UnknownScenario, detail)
    })?;
    let mut rules = read(name, text)?.scenario.rules;
    check_points(ask, &rules)?;
    ask.space.change_rules(|armed| {
        armed.retain(|known| rules.iter().all(|rule| rule.id != known.id));
        rules.append(armed);
        *armed = rules;
    });
    list(ask, Nothing {})
}

/// Of what a scenario is to be written.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct RecordQuery {
    /// With `txId`: only of this order.
    merchant_id: Option<String>,
    /// With `merchantId`: only of this order.
    tx_id: Option<String>,
}

/// A scenario that does again what was done in the space.
#[derive(Serialize, JsonSchema)]
pub(super) struct RecordedScenario {
    /// Its id; a good name for its file.
    id: String,
    /// The file.
    yaml: String,
    /// The same as JSON, without the notes.
    scenario: serde_json::Value,
    /// What is not in it, and why.
    notes: Vec<String>,
}

/// Writes the scenario of what was done since the space was born or reset.
pub(super) fn record(ask: &Ask, query: RecordQuery) -> Result<RecordedScenario, Problem> {
    let only = match (&query.merchant_id, &query.tx_id) {
        (Some(merchant), Some(tx_id)) => Some((merchant.as_str(), tx_id.as_str())),
        (None, None) => None,
        (merchant, _) => {
            let missing = if merchant.is_some() { "txId" } else { "merchantId" };
            let detail =
                "an order is named by merchantId and txId; leave both out for the whole space";
            return Err(Problem::new(Kind::Unreadable, detail).at(missing));
        }
    };
    let recorded = scenario_of(&ask.space, only).map_err(|error| match error {
        RecordError::UnknownOrder { .. } => Problem::new(
            Kind::UnknownOrder,
            format!("{error}; GET /_sim/v1/orders lists the orders there are"),
        ),
        RecordError::TooManyOrders(_) => Problem::new(Kind::TooMany, error.to_string()),
    })?;
    Ok(RecordedScenario {
        yaml: recorded.to_yaml(),
        scenario: recorded.scenario.to_json(),
        id: recorded.scenario.id,
        notes: recorded.notes,
    })
}
