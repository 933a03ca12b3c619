//! Scenarios, run: each in a server and a space of its own, against the built-in merchant or a command of the user's.
//!
//! Time goes from event to event: when merchant and gateway have come to rest, both clocks are brought to the next
//! moment at which anything is due. So a scenario of ten hours takes milliseconds, and what comes of it depends on its seed
//! alone.

mod beside;
mod command;
mod conduct;
mod drive;
mod gaps;
mod outcome;
mod parallel;
mod probe;
mod reach;
mod rehearsal;
mod report;
mod steps_made;
mod test_server;
mod time_driver;
mod trial;
mod under_test;

use std::collections::HashSet;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

pub use command::{command_environment, test};
pub use conduct::Conduct;
pub use outcome::{
    Conclusion, Judged, MerchantKind, OrderEventLine, OrderStory, Outcomes, ScenarioOutcome,
    VerdictCounts,
};
pub use parallel::ManyRuns;
pub use probe::{ProbeError, ProbeSent, ProbedOrder, send_probe};
pub use rehearsal::{Rehearsed, RehearsedCall, rehearse};
pub use report::{ReportError, RunReport};
pub use trial::{OrderBelief, Settled, ShopTrial, TrialFacts, TrialOrder, TrialSetup};
pub use under_test::{ShopBench, run_against};

use tokio_util::sync::CancellationToken;

use crate::base::{Millis, Seed};
use crate::gateway;
use crate::merchant_under_test::ShopError;
use crate::profile::{Profile, ProfileErrors};
use crate::reference_merchant::{Shop, VirtualTime};
use crate::scenario::{
    Counts, Decimal, DriveStep, ExpectationVerdict, Mistake, Override, Requirement, Scenario,
    SpaceHistory, Style, judge_beside,
};
use crate::simulator::{PortError, StartError};
use crate::space::Space;
use drive::Drive;
use test_server::TestServer;
use time_driver::TimeDriver;

/// Time at which scenarios begin: 2026-03-02, ten in the morning in Cambodia.
const BEGIN: Millis = Millis(1_772_420_400_000);
/// The seed of scenarios that name none.
const SEED: u64 = 1;

/// Said of a scenario that the built-in merchant cannot play.
const NO_DRIVE: &str = "the scenario has no `drive`, so that the built-in merchant has nothing to do; add its steps, or \
    give a command after -- that makes the calls";

/// Said of a scenario in which the shop's process is killed.
const NO_PROCESS: &str =
    "the built-in merchant has no process that could be killed and started again";

/// Said where a command restarts a shop that was not started here.
const UNSEEN_RESTART: &str =
    "whether the shop was restarted cannot be known, because its process was not started here";

/// Said of an expectation of a scenario that was not run to its end.
const UNFINISHED: &str = "the scenario was not run to its end";

/// Said of an expectation that is met as nothing happened at all.
const DESERTED: &str = "nobody called the gateway";

/// A scenario to be told.
#[derive(Clone, Debug)]
pub struct LoadedScenario {
    /// The file it was read from, for messages and for repeating it.
    pub file: String,
    /// Name that repeats it: an id of the catalogue or a path.
    pub name: String,
    /// The scenario.
    pub scenario: Scenario,
}

/// Options of a run.
#[derive(Clone, Debug, Default)]
pub struct RunOptions {
    /// A profile directory in place of the built-in one.
    pub profile: Option<Box<Path>>,
    /// A seed in place of the scenarios' own.
    pub seed: Option<u64>,
    /// The ways in which the built-in merchant goes about its work, where they are not the usual ones.
    pub styles: Vec<Style>,
    /// The bugs of the merchant.
    pub mistakes: Vec<Mistake>,
    /// Abilities that the merchant lacks, correct as it is: scenarios that need it are not applicable.
    pub without: Vec<Requirement>,
    /// Further words of the command line that repeats a scenario.
    pub flags: Vec<String>,
    /// A command of the user's in the merchant's place; empty where there is none.
    pub command: Vec<String>,
    /// Variables that are kept from a command, because they configure a payon-sim that is started inside.
    pub hidden: Vec<String>,
    /// With a command: the steps of `drive` that are not the merchant's are made here.
    pub plays_beside: bool,
    /// Hears what a shop is waited for, where that takes long.
    pub on_wait: Option<WaitTeller>,
    /// Ends scenarios that are running.
    pub stop: CancellationToken,
}

/// Hears, in a line, what is waited for.
pub type WaitTeller = fn(&str);

/// Tells a scenario with the built-in merchant, on this thread.
pub fn run_scenario(case: &LoadedScenario, options: &RunOptions) -> ScenarioOutcome {
    let mut outcome = begin(case, options);
    if case.scenario.drive.contains(&DriveStep::Restart) {
        outcome.not_applicable.get_or_insert_with(|| NO_PROCESS.to_owned());
    }
    on_a_runtime(&mut outcome, case, options, async |outcome| {
        act(&case.scenario, options, outcome).await
    })
}

/// An outcome of which nothing is known yet.
fn begin(case: &LoadedScenario, options: &RunOptions) -> ScenarioOutcome {
    let scenario = &case.scenario;
    let seed = options.seed.or(scenario.seed).unwrap_or(SEED);
    ScenarioOutcome {
        id: scenario.id.clone(),
        title: scenario.title.clone(),
        why: scenario.why.clone(),
        correct: scenario.correct.clone(),
        file: case.file.clone(),
        seed,
        ok: false,
        not_applicable: not_applicable(scenario, options),
        verdict: Conclusion::Failed,
        counts: VerdictCounts::default(),
        error: None,
        is_unbound: false,
        is_cut_off: false,
        has_died: false,
        shares_tx_ids: false,
        gives_back_too_much: false,
        conduct: Vec::new(),
        verdicts: Vec::new(),
        gaps: Vec::new(),
        first_run: None,
        note: None,
        calls: Vec::new(),
        orders: Vec::new(),
        took_ms: 0,
        simulated_ms: 0,
        repeat: repeat(case, options, seed),
        met: Counts::default(),
    }
}

/// The reason why a scenario cannot be asked of this merchant, if there is one.
fn not_applicable(scenario: &Scenario, options: &RunOptions) -> Option<String> {
    let needed = scenario.requirements();
    let lacks: Vec<_> = options.styles.iter().flat_map(|style| style.lacks()).collect();
    let is_lacked = |need: &&Requirement| options.without.contains(need) || lacks.contains(need);
    let missing = needed.iter().filter(is_lacked);
    let missing: Vec<&str> = missing.map(|need| need.name()).collect();
    (!missing.is_empty()).then(|| {
        format!("the scenario needs {}, which this merchant is said to lack", missing.join(" and "))
    })
}

/// The outcome of a scenario that was not run, with the reason.
pub fn not_run(case: &LoadedScenario, options: &RunOptions, why: &str) -> ScenarioOutcome {
    let mut outcome = begin(case, options);
    outcome.error = Some(format!("not run: {why}"));
    outcome.is_cut_off = true;
    outcome.verdicts = unjudged(&case.scenario);
    outcome.conclude();
    outcome
}

/// Verdicts on the expectations of a scenario of which nothing was judged.
fn unjudged(scenario: &Scenario) -> Vec<Judged> {
    let verdict = ExpectationVerdict::not_judged(UNFINISHED);
    Judged::all(&scenario.expect, vec![verdict; scenario.expect.len()])
}

/// Lets `go` fill an outcome in, and sums it up.
fn on_a_runtime(
    outcome: &mut ScenarioOutcome,
    case: &LoadedScenario,
    options: &RunOptions,
    go: impl AsyncFnOnce(&mut ScenarioOutcome) -> Result<(), RunError>,
) -> ScenarioOutcome {
    if outcome.not_applicable.is_some() {
        outcome.conclude();
        return outcome.clone();
    }
    let begun = Instant::now();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let told = runtime.map_err(|error| error.to_string().into()).and_then(|runtime| {
        let told = runtime.block_on(async {
            tokio::select! {
                told = go(outcome) => told,
                () = options.stop.cancelled() => {
                    Err(RunError::CutOff("the run was ended meanwhile".to_owned()))
                }
            }
        });
        runtime.shutdown_background();
        told
    });
    outcome.is_unbound = matches!(&told, Err(error) if error.is_unbound());
    outcome.is_cut_off = outcome.is_unbound || matches!(told, Err(RunError::CutOff(_)));
    outcome.has_died = matches!(told, Err(RunError::Died(_)));
    outcome.error = told.err().map(|error| error.to_string());
    if outcome.verdicts.is_empty() {
        outcome.verdicts = unjudged(&case.scenario);
    }
    outcome.conclude();
    outcome.took_ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
    outcome.clone()
}

/// Obstacle that keeps a scenario from running to its end.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The gateway has no port.
    #[error(transparent)]
    Unbound(#[from] StartError),
    /// The merchant has no port.
    #[error("cannot listen on 127.0.0.1: {0}")]
    ShopUnbound(io::Error),
    /// The port at which a running shop calls the gateway is taken.
    #[error(
        "{0} End that process, or give the shop another port to call and say so: `gatewayPort` in its merchant file"
    )]
    GatewayPort(PortError),
    /// Anything else that says nothing about how the merchant behaves.
    #[error("{0}")]
    CutOff(String),
    /// The shop's process has ended by itself.
    #[error("{0}")]
    Died(String),
    /// Anything else that the merchant has to answer for.
    #[error("{0}")]
    Other(String),
}

impl RunError {
    /// Returns true if a port was not to be had.
    pub const fn is_unbound(&self) -> bool {
        matches!(self, Self::Unbound(_) | Self::ShopUnbound(_) | Self::GatewayPort(_))
    }
}

impl From<String> for RunError {
    fn from(told: String) -> Self {
        Self::Other(told)
    }
}

impl From<ShopError> for RunError {
    fn from(error: ShopError) -> Self {
        match error {
            ShopError::Ended { .. } => Self::Died(error.to_string()),
            ShopError::NotReady { .. } | ShopError::NoAnswer { .. } => {
                Self::Other(error.to_string())
            }
            ShopError::Start { .. }
            | ShopError::Data { .. }
            | ShopError::Template { .. }
            | ShopError::Unreadable { .. }
            | ShopError::Restart(_) => Self::CutOff(error.to_string()),
        }
    }
}

impl RunError {
    /// The same with the step in which it occurred.
    fn in_step(self, step: &DriveStep) -> Self {
        let name = step.name();
        match self {
            Self::CutOff(told) => Self::CutOff(format!("step `{name}`: {told}")),
            Self::Died(told) => Self::Died(format!("step `{name}`: {told}")),
            Self::Other(told) => Self::Other(format!("step `{name}`: {told}")),
            unbound => unbound,
        }
    }
}

async fn act(
    scenario: &Scenario,
    options: &RunOptions,
    outcome: &mut ScenarioOutcome,
) -> Result<(), RunError> {
    if scenario.drive.is_empty() {
        return Err(NO_DRIVE.to_owned().into());
    }
    let profile = profile(scenario, options)?;
    let (seed, rules) = (Seed(outcome.seed), scenario.rules.clone());
    let stage = TestServer::set(Arc::clone(&profile), seed, rules).await?;
    let space = Arc::clone(&stage.space);
    space.hand_over_clock(BEGIN);
    let time = VirtualTime::new(BEGIN);
    let gateway = stage.authority.clone();
    let (styles, mistakes) = (&*options.styles, &*options.mistakes);
    let opened = Shop::open(gateway, Arc::clone(&profile), Arc::clone(&time), styles, mistakes);
    let shop = opened.map_err(RunError::ShopUnbound)?;
    let driver = TimeDriver { space: Arc::clone(&space), time, born: BEGIN };
    let mut drive = Drive::new(stage, driver, Arc::clone(&shop), profile);
    let driven = drive.all(&scenario.drive).await;
    let history = SpaceHistory { shop: Some(shop.facts()), ..gateway::history(&space) };
    let played = Playthrough { is_driven: true, is_whole: driven.is_ok() };
    sum_up(scenario, &space, history, played, outcome);
    outcome.gaps.extend(drive.left_out);
    Ok(driven?)
}

/// The way in which a scenario was played.
#[derive(Clone, Copy, Debug)]
struct Playthrough {
    /// The steps were made by us, one for one.
    is_driven: bool,
    /// It was played to its end.
    is_whole: bool,
}

/// Judges what happened.
fn sum_up(
    scenario: &Scenario,
    space: &Space,
    history: SpaceHistory,
    played: Playthrough,
    outcome: &mut ScenarioOutcome,
) {
    let history = &SpaceHistory { order_names: order_names(&scenario.drive), ..history };
    outcome.simulated_ms = (history.now.0 - history.born.0).max(0).unsigned_abs();
    outcome.verdicts = verdicts(scenario, space, history, played);
    outcome.gaps = gaps::gaps(scenario, space, history, played.is_driven);
    outcome.orders = OrderStory::all(history);
    outcome.gives_back_too_much = gives_back_too_much(&scenario.drive, history);
    outcome.conduct = Conduct::all(scenario, history);
    let mut tx_ids = HashSet::new();
    outcome.shares_tx_ids =
        history.shop.iter().flatten().any(|fact| !tx_ids.insert(fact.tx_id.as_str()));
    outcome.met = space.met();
}

/// Returns true if the steps name the sum of each refund, and more was refunded. Copies of a step are one refund.
fn gives_back_too_much(steps: &[DriveStep], history: &SpaceHistory) -> bool {
    let refunds = steps.iter().filter_map(|step| match step {
        DriveStep::Refund(refund) => Some(refund.amount.map(|amount| amount.0)),
        _ => None,
    });
    let asked: Option<i64> = refunds.sum();
    let refunded = history.orders.iter().map(|it| Decimal::of(it.refunded, it.currency).0);
    asked.is_some_and(|asked| asked > 0 && refunded.sum::<i64>() > asked)
}

/// Verdicts on what is expected. What is met says nothing where no merchant took part. Of a scenario that was not played to its
/// end nothing is known but what can never be mended any more.
fn verdicts(
    scenario: &Scenario,
    space: &Space,
    history: &SpaceHistory,
    played: Playthrough,
) -> Vec<Judged> {
    let Scenario { rules, expect, .. } = scenario;
    let ids: Vec<&str> = rules.iter().map(|rule| rule.id.as_str()).collect();
    let mut verdicts = judge_beside(&ids, expect, history);
    let is_deserted = gaps::is_deserted(space, history);
    for (expectation, verdict) in std::iter::zip(expect, &mut verdicts) {
        let why = if played.is_whole {
            Some(DESERTED).filter(|_| is_deserted && verdict.ok)
        } else {
            Some(UNFINISHED).filter(|_| !expectation.is_broken(history))
        };
        if let Some(why) = why {
            *verdict = ExpectationVerdict::not_judged(why);
        }
    }
    Judged::all(expect, verdicts)
}

/// Names of the orders in these steps.
fn order_names(steps: &[DriveStep]) -> Vec<String> {
    let names = steps.iter().filter_map(|step| match step {
        DriveStep::Register(register) => {
            Some(register.order.as_deref().unwrap_or(DriveStep::FIRST_ORDER))
        }
        _ => None,
    });
    names.map(str::to_owned).collect()
}

/// Reads the profile alone and with the settings of each scenario, so that what is wrong with it is told before anything
/// runs and is not taken for a fault of the merchant.
pub fn check_profiles<'s>(
    scenarios: impl IntoIterator<Item = &'s Scenario>,
    options: &RunOptions,
) -> Result<(), ProfileErrors> {
    profile_with(&[], options)?;
    let settings = scenarios.into_iter().map(|scenario| &*scenario.profile);
    settings.filter(|own| !own.is_empty()).try_for_each(|own| profile_with(own, options).map(drop))
}

/// The profile with the scenario's own settings.
fn profile(scenario: &Scenario, options: &RunOptions) -> Result<Arc<Profile>, String> {
    profile_with(&scenario.profile, options).map_err(|errors| errors.to_string())
}

fn profile_with(
    settings: &[Override],
    options: &RunOptions,
) -> Result<Arc<Profile>, ProfileErrors> {
    if settings.is_empty() && options.profile.is_none() {
        return Ok(Profile::builtin());
    }
    let settings: Vec<(&str, &str)> =
        settings.iter().map(|setting| (setting.key.as_str(), setting.value.0.as_str())).collect();
    Profile::with(options.profile.as_deref(), &settings).map(Arc::new)
}

/// The command line that runs the scenario again, quoted for a shell.
fn repeat(case: &LoadedScenario, options: &RunOptions, seed: u64) -> String {
    let seed = seed.to_string();
    let mut words = vec!["payon-sim", "run", &case.name, "--seed", &seed];
    words.extend(options.styles.iter().flat_map(|style| ["--style", style.name()]));
    words.extend(options.mistakes.iter().flat_map(|mistake| ["--mistake", mistake.name()]));
    words.extend(options.without.iter().flat_map(|need| ["--without", need.name()]));
    words.extend(options.flags.iter().map(String::as_str));
    if !options.command.is_empty() {
        words.push("--");
        words.extend(options.command.iter().map(String::as_str));
    }
    quoted(words)
}

/// Words as one line for a shell. A word of a command line has no NUL, the only character that cannot be quoted.
fn quoted<'w>(words: impl IntoIterator<Item = &'w str> + Clone) -> String {
    let plain = words.clone().into_iter().collect::<Vec<_>>().join(" ");
    shlex::try_join(words).unwrap_or(plain)
}
