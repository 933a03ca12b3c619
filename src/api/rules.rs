//! Rules: what goes wrong in the space, and how often it did; and the catalogue of scenarios.

use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use super::problem::{ApiProblem, ProblemKind};
use super::request::{ApiInput, ApiRequest, Empty};
use super::sources::{NO_RULES, not_applied};
use crate::base::{JsonTree, Reason, did_you_mean};
use crate::gateway::{RecordError, scenario_of};
use crate::scenario::{
    self, ArmedRule, CATALOGUE, FAULTS, FailingPart, Fault, FaultWish, Point, Recorded, Rule,
    Scenario, ScenarioFile, UnfitSetting, check_rules, name_rules, scenario,
};
use crate::space::{CountedRule, DEFAULT_SPACE};

/// Largest number of rules of a space.
const RULES_MAX: usize = 1_000;

/// Rules as somebody sent them, with what of a scenario around them is not applied.
pub(super) struct RuleListInput(scenario::RuleList);

impl ApiInput for RuleListInput {
    fn from_body(call: &ApiRequest) -> Result<Self, ApiProblem> {
        let mistaken =
            |mistakes: Vec<_>| ApiProblem::mistakes("the rules cannot be taken", &mistakes);
        scenario::RuleList::read("rules", &call.body).map(Self).map_err(mistaken)
    }

    fn from_query(call: &ApiRequest) -> Result<Self, ApiProblem> {
        Self::from_body(call)
    }
}

impl JsonSchema for RuleListInput {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "RuleList".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "oneOf": [
                { "type": "array", "items": { "type": "object" } },
                { "type": "object" },
            ],
            "description": "a list of rules, a whole scenario, of which the rules are taken, what GET gave, or one rule; \
                            as JSON or as YAML. A rule without an `id` gets one. `payon-sim schema` prints the schema of a rule"
        })
    }
}

/// The armed rules, in the order in which they are asked.
#[derive(Serialize, JsonSchema)]
pub(super) struct RulesView {
    rules: Vec<RuleView>,
    /// Warnings about the rules just armed, or about any of them in answer to GET: effects that cannot act where
    /// their rule steps in, rules that never have their turn, parts of a scenario that were not applied.
    warnings: Vec<String>,
}

/// One armed rule.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "ArmedRule")]
struct RuleView {
    id: String,
    /// Calls for which its conditions held.
    matched: u32,
    /// Calls that it decided.
    fired: u32,
    /// Of these, calls in which at least one of its effects had nothing to act on, such as a push-back effect where no
    /// push-back was caused. The journal says which.
    matched_without_effect: u32,
    /// Time at which it was armed, on the space's clock. Its windows and steps count from then.
    armed_at: String,
    /// True if its window has closed for good, so that it decides no call any more.
    over: bool,
    /// Id of the scenario of the catalogue that has this very rule; null for a rule of one's own.
    scenario: Option<&'static str>,
    /// Warnings about it.
    warnings: Vec<String>,
    /// The rule as in a scenario file.
    #[schemars(with = "serde_json::Value")]
    rule: JsonTree,
}

/// The rules of the space.
pub(super) fn list(call: &ApiRequest, _: Empty) -> Result<RulesView, ApiProblem> {
    Ok(RulesView::of(call, Vec::new()))
}

impl RulesView {
    /// The armed rules with what is doubtful about them, after other `warnings`.
    fn of(call: &ApiRequest, mut warnings: Vec<String>) -> Self {
        let counted = call.space.rules();
        let now = call.space.read(|view| view.now);
        let open: Vec<usize> =
            (0..counted.len()).filter(|at| !counted[*at].armed.is_over(now)).collect();
        let rules: Vec<Rule> = open.iter().map(|at| counted[*at].armed.rule.clone()).collect();
        // They come in the order of the rules.
        let mut doubts = check_rules(&rules).into_iter().peekable();
        let view = |(at, CountedRule { armed, tally }): (usize, CountedRule)| {
            let own =
                std::iter::from_fn(|| doubts.next_if(|doubt| open.get(doubt.item) == Some(&at)));
            RuleView {
                matched: tally.all,
                fired: tally.fired,
                matched_without_effect: tally.idle,
                armed_at: armed.at.rfc3339(),
                over: open.binary_search(&at).is_err(),
                scenario: scenario_with(&armed.rule),
                warnings: own.map(|doubt| doubt.message.to_string()).collect(),
                rule: armed.rule.to_json(),
                id: armed.rule.id,
            }
        };
        let rules: Vec<RuleView> = counted.into_iter().enumerate().map(view).collect();
        for rule in &rules {
            warnings.extend(rule.warnings.iter().map(|text| format!("rule {:?}: {text}", rule.id)));
        }
        Self { rules, warnings }
    }
}

/// Arms rules in place of those before.
pub(super) fn replace(call: &ApiRequest, given: RuleListInput) -> Result<RulesView, ApiProblem> {
    arm(call, given, Vec::clear)
}

/// Arms rules behind those before.
pub(super) fn append(call: &ApiRequest, given: RuleListInput) -> Result<RulesView, ApiProblem> {
    arm(call, given, |_| ())
}

/// Arms rules before those of the space; rules of the same ids make way.
pub(super) fn put_first(call: &ApiRequest, given: RuleListInput) -> Result<RulesView, ApiProblem> {
    let scenario::RuleList { mut rules, left_out } = given.0;
    // The names that are made up are the same each time, so that what is armed again takes its own place.
    name_rules(&mut rules, []);
    arm_first(call, rules)?;
    Ok(RulesView::of(call, not_applied(left_out)))
}

fn arm_first(call: &ApiRequest, rules: Vec<Rule>) -> Result<(), ApiProblem> {
    check_points(call, &rules)?;
    call.space.change_rules(|armed, now| {
        let others = armed.iter().filter(|known| rules.iter().all(|it| it.id != known.rule.id));
        let mut next = ArmedRule::all(rules.iter().cloned(), now);
        next.extend(others.cloned());
        check_count(&next)?;
        *armed = next;
        Ok(())
    })
}

fn check_count(rules: &[ArmedRule]) -> Result<(), ApiProblem> {
    if rules.len() <= RULES_MAX {
        return Ok(());
    }
    let detail = format!("a space has up to {RULES_MAX} rules; take some away, or PUT all anew");
    Err(ApiProblem::new(ProblemKind::TooMany, detail))
}

/// Takes one rule away.
pub(super) fn remove(call: &ApiRequest, _: Empty) -> Result<Empty, ApiProblem> {
    let id = call.param("id");
    let known = call.space.rules();
    if known.iter().all(|known| known.armed.rule.id != id) {
        let hint = did_you_mean(id, known.iter().map(|known| known.armed.rule.id.as_str()));
        let space = call.space.name();
        let detail = format!(
            "the space {space:?} has no rule {id:?}{hint}; GET /_sim/v1/rules lists those that are armed"
        );
        return Err(ApiProblem::new(ProblemKind::UnknownRule, detail));
    }
    call.space.change_rules(|armed, _| armed.retain(|known| known.rule.id != id));
    Ok(Empty {})
}

/// Takes all rules away.
pub(super) fn clear(call: &ApiRequest, _: Empty) -> Result<Empty, ApiProblem> {
    call.space.arm_rules(Vec::new());
    Ok(Empty {})
}

fn arm(
    call: &ApiRequest,
    RuleListInput(given): RuleListInput,
    make_room: impl FnOnce(&mut Vec<ArmedRule>),
) -> Result<RulesView, ApiProblem> {
    let scenario::RuleList { mut rules, left_out } = given;
    check_points(call, &rules)?;
    call.space.change_rules(|armed, now| {
        let mut next = armed.clone();
        make_room(&mut next);
        let mut known: HashSet<String> =
            next.iter().map(|armed| armed.rule.id.clone()).collect();
        name_rules(&mut rules, known.iter().map(String::as_str));
        for rule in rules {
            if !known.insert(rule.id.clone()) {
                let detail = format!(
                    "the id {:?} is taken by a rule before it; give it another, or PUT all rules anew",
                    rule.id
                );
                return Err(ApiProblem::refused("id", detail));
            }
            next.push(ArmedRule { rule, at: now });
        }
        check_count(&next)?;
        *armed = next;
        Ok(())
    })?;
    Ok(RulesView::of(call, not_applied(left_out)))
}

/// A connection is accepted before it is known for which space; a rule for that would wait in vain elsewhere.
fn check_points(call: &ApiRequest, rules: &[Rule]) -> Result<(), ApiProblem> {
    let at_connect = |rule: &&Rule| rule.points().contains(&Point::Connect);
    let Some(rule) = rules.iter().find(at_connect).filter(|_| call.space.name() != DEFAULT_SPACE)
    else {
        return Ok(());
    };
    let detail = format!(
        "the rule {:?} is for `connect`, where only rules of the space {DEFAULT_SPACE} act: a connection is accepted \
         before it names its space",
        rule.id
    );
    Err(ApiProblem::refused("operation", detail))
}

/// The scenarios that the program brings along.
#[derive(Serialize, JsonSchema)]
pub(super) struct Scenarios {
    scenarios: Vec<ScenarioView>,
}

/// One scenario of the catalogue.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "CatalogueEntry")]
struct ScenarioView {
    id: String,
    title: String,
    /// Reason why it happens in production.
    why: Option<String>,
    /// Behaviour of a correct merchant.
    correct: Option<String>,
    /// The part that its rules break: `pushback`, `answer`, `refusal` or `ledger`; `flow` where nothing is broken.
    #[schemars(with = "String")]
    fails: FailingPart,
    /// That part in words.
    fails_about: &'static str,
    /// Number of its rules; one without any can be run, but not armed.
    rules: usize,
}

fn read(name: &str, text: &str) -> Result<ScenarioFile, ApiProblem> {
    ScenarioFile::read(name, text.as_bytes())
        .map_err(|mistakes| ApiProblem::mistakes("the scenario cannot be read", &mistakes))
}

/// The catalogue.
pub(super) fn catalogue(_: &ApiRequest, _: Empty) -> Result<Scenarios, ApiProblem> {
    let scenarios = CATALOGUE.all().iter().map(|(name, text)| {
        let scenario = read(name, text)?.scenario;
        let fails = scenario.failing_part();
        Ok(ScenarioView {
            id: scenario.id,
            title: scenario.title,
            why: scenario.why,
            correct: scenario.correct,
            fails,
            fails_about: fails.about(),
            rules: scenario.rules.len(),
        })
    });
    Ok(Scenarios { scenarios: scenarios.collect::<Result<_, ApiProblem>>()? })
}

/// Arms the rules of a scenario before those of the space; rules of the same ids make way. What else the scenario
/// says, such as settings of the profile, is for whoever runs it.
pub(super) fn arm_scenario(call: &ApiRequest, _: Empty) -> Result<RulesView, ApiProblem> {
    let scenario = named(call.param("id"))?;
    let is_idle = scenario.rules.is_empty();
    let mut warnings = not_applied(scenario.settings());
    arm_first(call, scenario.rules)?;
    warnings.extend(is_idle.then(|| format!("{} {NO_RULES}", scenario.id)));
    Ok(RulesView::of(call, warnings))
}

/// The scenario of this id.
fn named(id: &str) -> Result<Scenario, ApiProblem> {
    let (name, text) = scenario(id).ok_or_else(|| {
        let ids = CATALOGUE.all().iter().filter_map(|(name, _)| name.split('-').next());
        let hint = did_you_mean(id, ids);
        let detail = format!(
            "there is no scenario {id:?}{hint}; GET /_sim/v1/scenarios lists those there are"
        );
        ApiProblem::new(ProblemKind::UnknownScenario, detail)
    })?;
    Ok(read(name, text)?.scenario)
}

/// Rules that were taken away.
#[derive(Serialize, JsonSchema)]
pub(super) struct Disarmed {
    /// Their ids; empty where none of them was armed.
    removed: Vec<String>,
    /// Number of rules that are still armed.
    left: usize,
}

/// Takes the rules of a scenario away, as far as they are armed as they stand in it.
pub(super) fn disarm_scenario(call: &ApiRequest, _: Empty) -> Result<Disarmed, ApiProblem> {
    let rules = named(call.param("id"))?.rules;
    let (removed, left) = call.space.change_rules(|armed, _| {
        let of_scenario = armed.extract_if(.., |known| rules.contains(&known.rule));
        let removed: Vec<String> = of_scenario.map(|known| known.rule.id).collect();
        (removed, armed.len())
    });
    Ok(Disarmed { removed, left })
}

/// The rules of the catalogue by their ids, each with its scenario.
static OF_CATALOGUE: LazyLock<HashMap<String, Vec<(Rule, &'static str)>>> = LazyLock::new(|| {
    let mut rules: HashMap<_, Vec<_>> = HashMap::new();
    for (name, text) in CATALOGUE.all() {
        let id = name.split('-').next().unwrap_or(name);
        let scenario = read(name, text).ok().map(|file| file.scenario);
        for rule in scenario.into_iter().flat_map(|scenario| scenario.rules) {
            rules.entry(rule.id.clone()).or_default().push((rule, id));
        }
    }
    rules
});

/// Id of the scenario of the catalogue that has this very rule.
fn scenario_with(rule: &Rule) -> Option<&'static str> {
    let known = OF_CATALOGUE.get(&rule.id)?.iter().find(|(known, _)| known == rule);
    known.map(|(_, scenario)| *scenario)
}

/// Of what a scenario is to be written.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct RecordQuery {
    /// With `txId`: only of this order.
    merchant_id: Option<String>,
    /// With `merchantId`: only of this order.
    tx_id: Option<String>,
    /// Only the rules that are armed, without what was done.
    #[serde(default)]
    rules: bool,
}

/// A scenario that does again what was done in the space.
#[derive(Serialize, JsonSchema)]
pub(super) struct RecordedScenario {
    /// Its id; a good name for its file.
    id: String,
    /// The file.
    yaml: String,
    /// The same as JSON, without the notes.
    #[schemars(with = "serde_json::Value")]
    scenario: JsonTree,
    /// Parts that the scenario leaves out, with the reason.
    notes: Vec<String>,
}

/// Writes the scenario of what was done since the space was made or reset.
pub(super) fn record(
    call: &ApiRequest,
    query: RecordQuery,
) -> Result<RecordedScenario, ApiProblem> {
    if query.rules {
        if query.merchant_id.is_some() || query.tx_id.is_some() {
            let detail = "the armed rules are of the whole space; leave merchantId and txId out";
            return Err(ApiProblem::new(ProblemKind::Unreadable, detail).at("rules"));
        }
        let armed = call.space.rules().into_iter().map(|known| known.armed.rule);
        return Ok(RecordedScenario::from(Recorded::of_rules(call.space.name(), armed.collect())));
    }
    let only = match (&query.merchant_id, &query.tx_id) {
        (Some(merchant), Some(tx_id)) => Some((merchant.as_str(), tx_id.as_str())),
        (None, None) => None,
        (merchant, _) => {
            let missing = if merchant.is_some() { "txId" } else { "merchantId" };
            let detail =
                "an order is named by merchantId and txId; leave both out for the whole space";
            return Err(ApiProblem::new(ProblemKind::Unreadable, detail).at(missing));
        }
    };
    let recorded = scenario_of(&call.space, only).map_err(|error| match error {
        RecordError::UnknownOrder { .. } => ApiProblem::new(
            ProblemKind::UnknownOrder,
            format!("{error}; GET /_sim/v1/orders lists the orders there are"),
        ),
        RecordError::TooManyOrders(_) => ApiProblem::new(ProblemKind::TooMany, error.to_string()),
    })?;
    Ok(RecordedScenario::from(recorded))
}

impl From<Recorded> for RecordedScenario {
    fn from(recorded: Recorded) -> Self {
        Self {
            yaml: recorded.to_yaml(),
            scenario: recorded.scenario.to_json(),
            id: recorded.scenario.id,
            notes: recorded.notes,
        }
    }
}

/// The quick faults.
#[derive(Serialize, JsonSchema)]
pub(super) struct QuickFaults {
    faults: Vec<QuickFault>,
}

/// A fault that is armed by its name.
#[derive(Serialize, JsonSchema)]
struct QuickFault {
    name: &'static str,
    /// Its effect, in words.
    about: &'static str,
    /// The settings that it takes: `by`, `copies`, `status`, `reason`.
    settings: &'static [&'static str],
    /// The rule that it arms where nothing is set.
    rule: serde_json::Value,
}

/// A fault to arm, and the calls that it is for.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct WantedFault {
    /// Its name, such as `down`.
    fault: String,
    /// Length of time, such as `3s`: of a delay, between duplicates, of `Retry-After`.
    by: Option<String>,
    /// Number of push-backs in place of one.
    copies: Option<u32>,
    /// HTTP status, from 500 to 599, in place of broken connections.
    status: Option<u16>,
    /// Reason of a refusal or a decline, by name.
    #[schemars(with = "Option<String>")]
    reason: Option<Reason>,
    /// Length of the fault from now on, such as `30s`; without it, until it is taken away.
    #[serde(rename = "for")]
    lasting: Option<String>,
    /// Largest number of times that it steps in.
    times: Option<u32>,
    /// The operations, or `pay`, `trigger`, `page`, `refused`, `connect`, at which it steps in; its own where there are none.
    #[serde(default)]
    operation: Vec<String>,
    /// Only for the order with this txId.
    tx_id: Option<String>,
    /// Only for this merchant.
    merchant_id: Option<String>,
}

/// Lists the quick faults.
pub(super) fn faults(_: &ApiRequest, _: Empty) -> Result<QuickFaults, ApiProblem> {
    let view = |fault: &'static Fault| QuickFault {
        name: fault.name,
        about: fault.about,
        settings: fault.takes,
        // Without settings every fault has a rule.
        rule: fault.rule(&FaultWish::default()).unwrap_or_default(),
    };
    Ok(QuickFaults { faults: FAULTS.iter().map(view).collect() })
}

/// Arms a quick fault before all other rules, in place of the same one.
pub(super) fn arm_fault(call: &ApiRequest, wanted: WantedFault) -> Result<RulesView, ApiProblem> {
    let WantedFault { fault: name, by, copies, status, reason, .. } = wanted;
    let fault = FAULTS.iter().find(|fault| fault.name == name).ok_or_else(|| {
        let hint = did_you_mean(&name, FAULTS.iter().map(|fault| fault.name));
        let detail = format!("there is no fault {name:?}{hint}; GET /_sim/v1/faults lists them");
        ApiProblem::refused("fault", detail)
    })?;
    let wish = FaultWish {
        by,
        copies,
        status,
        reason,
        lasting: wanted.lasting,
        times: wanted.times,
        operations: wanted.operation,
        tx_id: wanted.tx_id,
        merchant_id: wanted.merchant_id,
    };
    let rule = fault.rule(&wish).map_err(|UnfitSetting { setting, fault }| {
        let takes = match fault.takes {
            [] => "no setting".to_owned(),
            takes => takes.join(", "),
        };
        let detail = format!("`{setting}` does not go with {}, which takes {takes}", fault.name);
        ApiProblem::refused(setting, detail)
    })?;
    let read = scenario::RuleList::read("fault", rule.to_string().as_bytes());
    let rules = read
        .map_err(|mistakes| ApiProblem::mistakes("the fault cannot be armed", &mistakes))?
        .rules;
    arm_first(call, rules)?;
    Ok(RulesView::of(call, Vec::new()))
}
