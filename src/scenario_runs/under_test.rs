//! A scenario with a shop of the user's, as its merchant file describes it.

use std::collections::HashSet;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use super::trial::{Settled, ShopTrial, TrialSetup, unable};
use super::{
    LoadedScenario, Playthrough, RunError, RunOptions, ScenarioOutcome, begin, on_a_runtime,
    profile, sum_up, unjudged,
};
use crate::base::{Period, Seed};
use crate::merchant_under_test::{LoadedMerchant, RunningShop};
use crate::scenario::{DriveStep, Expectation, Scenario, SpaceHistory, judge};
use crate::simulator::PortError;

/// A shop of the user's, and all that its scenarios share.
#[derive(Debug)]
pub struct ShopBench {
    merchant: Arc<LoadedMerchant>,
    /// `None` where each scenario has a process of its own.
    shared: Option<Mutex<SharedShop>>,
}

/// A shop that one process is for all scenarios.
#[derive(Debug, Default)]
struct SharedShop {
    /// The gateway's address, which stays the same.
    listener: Option<TcpListener>,
    shop: Option<Arc<RunningShop>>,
    /// txIds of earlier scenarios, about which the shop may still ask.
    earlier: HashSet<String>,
}

impl ShopBench {
    /// A bench for the shop of this file.
    pub fn new(merchant: LoadedMerchant) -> Self {
        let shared = merchant.file.is_shared().then(Mutex::default);
        Self { merchant: Arc::new(merchant), shared }
    }

    /// The shop's file.
    pub fn merchant(&self) -> &Arc<LoadedMerchant> {
        &self.merchant
    }

    /// Returns true if the shop is told the speed of its clock anew for each scenario.
    fn sets_the_pace(&self) -> bool {
        let start = self.merchant.file.start.as_ref().filter(|_| self.shared.is_none());
        start.is_some_and(|start| {
            let names = start.command.names().into_iter().chain(start.env.names());
            names.into_iter().any(|name| name == "timeScale")
        })
    }

    /// The shop for a scenario: with a faster clock where the scenario waits for longer than anybody would, if the shop is
    /// told so at its start.
    fn merchant_for(&self, scenario: &Scenario) -> Arc<LoadedMerchant> {
        let waits = scenario.drive.iter().map(|step| match step {
            DriveStep::Wait(period) => period.ms(),
            _ => 0,
        });
        let needed = waits.sum::<u64>().div_ceil(WAIT_MS);
        let scale = self.merchant.file.time.scale;
        if needed <= u64::from(scale) || !self.sets_the_pace() {
            return Arc::clone(&self.merchant);
        }
        let fast_enough = SPEEDS.into_iter().find(|speed| u64::from(*speed) >= needed);
        let mut faster = LoadedMerchant::clone(&self.merchant);
        faster.file.time.scale = fast_enough.unwrap_or(SPEED_MAX).max(scale);
        Arc::new(faster)
    }

    /// The same shop with a slower clock and as much longer patience; `None` where its clock is slow as it is, or where its
    /// process, which was told the speed at its start, goes on.
    fn slower(&self, merchant: &LoadedMerchant) -> Option<LoadedMerchant> {
        let mut slower = merchant.clone();
        let time = &mut slower.file.time;
        if self.shared.is_some() || slower.file.start.is_none() || time.scale < SLOWING {
            return None;
        }
        // A second of the shop's is then a whole number of milliseconds, and some timers take no others.
        let is_whole = |scale: &u32| 1000_u32.is_multiple_of(*scale);
        let scale = (1..=time.scale / SLOWING).rev().find(is_whole).unwrap_or(1);
        let factor = u64::from(time.scale.div_ceil(scale));
        time.scale = scale;
        for span in [&mut time.quiet, &mut time.patience] {
            *span = Period(span.ms().saturating_mul(factor));
        }
        Some(slower)
    }

    /// Largest number of scenarios that can run at once.
    pub fn jobs_max(&self) -> usize {
        if self.shared.is_some() { 1 } else { usize::MAX }
    }
}

impl SharedShop {
    /// Forgets a shop that has ended, so that the next scenario has a new one.
    async fn forget_dead(&mut self) {
        if let Some(shop) = &self.shop
            && shop.still_runs().await.is_err()
        {
            self.shop = None;
        }
    }

    fn listener(&mut self, merchant: &LoadedMerchant) -> Result<TcpListener, RunError> {
        let listener = match self.listener.take() {
            Some(listener) => listener,
            None => listen_for_shop(merchant.file.gateway_port().unwrap_or(0))?,
        };
        let listener = self.listener.insert(listener);
        listener.try_clone().map_err(RunError::ShopUnbound)
    }
}

/// Listens at the port at which a running shop calls the gateway.
pub(super) fn listen_for_shop(port: u16) -> Result<TcpListener, RunError> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let listener = TcpListener::bind(address)
        .map_err(|error| RunError::GatewayPort(PortError::new(address, error)))?;
    listener.set_nonblocking(true).map_err(RunError::ShopUnbound)?;
    Ok(listener)
}

/// Real time for which a scenario waits in all, where the shop's clock can be made fast enough, in milliseconds.
const WAIT_MS: u64 = 6000;
/// Speeds of such a clock: of each most shops can make whole milliseconds, where their timers take no others.
const SPEEDS: [u32; 4] = [50, 100, 200, 500];
/// The fastest of them.
const SPEED_MAX: u32 = 500;
/// Least slowing of the clock in the second run of a scenario that failed by its time alone.
const SLOWING: u32 = 4;

/// Runs a scenario with the shop of a bench, on this thread. Where only bounds of time failed, which a busy machine can
/// bring about with a fast clock, it is run once more with a slower one, and that run counts.
pub fn run_against(
    case: &LoadedScenario,
    asked_for: &RunOptions,
    bench: &ShopBench,
) -> ScenarioOutcome {
    let merchant = bench.merchant_for(&case.scenario);
    let first = run_once(case, asked_for, bench, &merchant);
    let Some(failed) = first.failures_of_time(&case.scenario.expect) else { return first };
    let Some(slower) = bench.slower(&merchant).filter(|_| !asked_for.stop.is_cancelled()) else {
        return first;
    };
    let (fast, slow) = (merchant.file.time.scale, slower.file.time.scale);
    let mut second = run_once(case, asked_for, bench, &Arc::new(slower));
    if second.is_cut_off {
        return first;
    }
    second.took_ms += first.took_ms;
    second.first_run = Some(format!(
        "this is the second run, with the clock at {slow} times real time: a first one, at {fast} times, failed by its time \
         alone, which a busy machine can bring about ({})",
        failed.join("; ")
    ));
    second
}

fn run_once(
    case: &LoadedScenario,
    asked_for: &RunOptions,
    bench: &ShopBench,
    merchant: &Arc<LoadedMerchant>,
) -> ScenarioOutcome {
    let file = &merchant.file;
    let mut options = asked_for.clone();
    options.without.extend(
        file.without
            .iter()
            .filter(|need| !options.without.contains(need))
            .copied()
            .collect::<Vec<_>>(),
    );
    let options = &options;
    let mut outcome = begin(case, options);
    // The file's own `without` need not be said again.
    outcome.repeat = super::repeat(case, asked_for, outcome.seed);
    let unable = unable(file, &case.scenario);
    if outcome.not_applicable.is_none() && !unable.is_empty() {
        outcome.verdicts = unjudged(&case.scenario);
        outcome.gaps = unable;
        outcome.conclude();
        return outcome;
    }
    // One scenario after the other where they share the process.
    let shared = bench.shared.as_ref();
    let mut shared = shared.map(|shared| shared.lock().unwrap_or_else(PoisonError::into_inner));
    let mut shared = shared.as_deref_mut();
    on_a_runtime(&mut outcome, case, options, async |outcome| {
        let listener = match &mut shared {
            Some(shared) => Some(shared.listener(merchant)?),
            None => None,
        };
        if let Some(shared) = &mut shared {
            shared.forget_dead().await;
        }
        let trial = ShopTrial::start(TrialSetup {
            merchant: Arc::clone(merchant),
            profile: profile(&case.scenario, options)?,
            seed: Seed(outcome.seed),
            rules: case.scenario.rules.clone(),
            early_ms: leading(&case.scenario.drive),
            name: case.scenario.id.clone(),
            hidden: options.hidden.clone(),
            listener,
            on_wait: options.on_wait,
            shop: shared.as_ref().and_then(|shared| shared.shop.clone()),
        });
        let trial = trial.await?;
        if let Some(shared) = &mut shared {
            shared.shop.get_or_insert_with(|| Arc::clone(trial.shop()));
        }
        let earlier = shared.as_ref().map(|shared| shared.earlier.clone()).unwrap_or_default();
        let ended = play(&trial, &case.scenario, &earlier, outcome).await;
        if let Some(shared) = &mut shared {
            shared.earlier.extend(trial.history().orders.into_iter().map(|order| order.tx_id));
        }
        ended
    })
}

/// Time that passes before the first order is registered.
fn leading(steps: &[DriveStep]) -> i64 {
    let before = steps.iter().take_while(|step| {
        !matches!(step, DriveStep::Register(_) | DriveStep::Burst(_) | DriveStep::Bind(_))
    });
    let ms = before.map(|step| match step {
        DriveStep::Advance(period) => period.ms(),
        _ => 0,
    });
    i64::try_from(ms.sum::<u64>()).unwrap_or(0)
}

/// Makes the steps, waits until everything is decided, and judges it.
async fn play(
    trial: &ShopTrial,
    scenario: &Scenario,
    earlier: &HashSet<String>,
    outcome: &mut ScenarioOutcome,
) -> Result<(), RunError> {
    let mut hopes = Hopes { trial, scenario, earlier, given_up: HashSet::new() };
    let driven = hopes.drive().await;
    let settled = match driven {
        Ok(()) => hopes.end().await,
        Err(error) => Err(error),
    };
    let asked = trial.facts().await;
    // A shop may fall over what came last, and in answering what it believes.
    let alive = trial.shop().still_runs().await;
    let mut history = hopes.history();
    if let Ok(facts) = &asked {
        history.shop.clone_from(&facts.books);
        history.unread.clone_from(&facts.unknown);
    }
    let is_whole = settled.is_ok() && alive.is_ok() && asked.is_ok();
    if is_whole {
        trial.tell_unheeded(&history);
        trial.tell_unreached();
    }
    let unread = history.unread.clone();
    sum_up(scenario, trial.space(), history, Playthrough { is_driven: true, is_whole }, outcome);
    outcome.gaps.extend(trial.left_out());
    outcome.gaps.extend(unread);
    outcome.calls = trial.calls();
    if settled.as_ref().is_ok_and(|settled| *settled == Settled::RanOut) {
        say_patience(scenario, trial, outcome);
    }
    settled?;
    alive?;
    asked?;
    Ok(())
}

/// Says of verdicts that they were decided by patience running out, and takes those back that only silence can bear out.
fn say_patience(scenario: &Scenario, trial: &ShopTrial, outcome: &mut ScenarioOutcome) {
    let time = &trial.time();
    let is_quiet = trial.is_quiet();
    for (expectation, judged) in std::iter::zip(&scenario.expect, &mut outcome.verdicts) {
        let verdict = &mut judged.verdict;
        if verdict.judged && !verdict.ok {
            verdict.detail.push_str("; decided when patience ran out (");
            verdict.detail.push_str(&time.patience.to_string());
            verdict.detail.push(')');
        } else if verdict.ok && !is_quiet && expectation.has_upper_bound() {
            verdict.ok = false;
            verdict.judged = false;
            verdict.detail = format!(
                "not judged: the shop was never quiet for {} within {}, so more may have come; {}",
                time.quiet, time.patience, verdict.detail
            );
        }
    }
}

/// Expectations that are not met yet and may come to be.
struct Hopes<'t> {
    trial: &'t ShopTrial,
    scenario: &'t Scenario,
    earlier: &'t HashSet<String>,
    /// Expectations that patience has run out for.
    given_up: HashSet<usize>,
}

/// Tells once what is waited for, where it takes long: patience may be a minute.
struct WaitHint<'h> {
    hopes: &'h Hopes<'h>,
    begun: Instant,
    is_told: bool,
}

impl<'h> WaitHint<'h> {
    fn new(hopes: &'h Hopes<'_>) -> Self {
        Self { hopes, begun: Instant::now(), is_told: false }
    }

    /// Returns true if any of the expectations is open.
    fn is_any(&mut self, open: &[usize]) -> bool {
        if !open.is_empty() && !self.is_told && self.begun.elapsed() >= self.hopes.trial.long_wait()
        {
            self.is_told = true;
            let Hopes { trial, scenario, .. } = self.hopes;
            let open = open.iter().filter_map(|at| scenario.expect.get(*at));
            let open: Vec<String> = open.map(|it| it.to_json().to_string()).collect();
            trial.say_wait(&format!("waits for {}", open.join(", ")));
        }
        !open.is_empty()
    }
}

impl Hopes<'_> {
    async fn drive(&mut self) -> Result<(), RunError> {
        for step in &self.scenario.drive {
            if matches!(step, DriveStep::Advance(_) | DriveStep::Idle) {
                self.before_jump().await?;
            }
            let made = self.trial.perform(step).await;
            made.map_err(|error| error.in_step(step))?;
        }
        Ok(())
    }

    /// Waits for what has to happen within a span of time that a jump of the clock would end.
    async fn before_jump(&mut self) -> Result<(), RunError> {
        let open = |hopes: &Self| {
            let rules = hopes.trial.space().rules();
            let has_begun = rules.is_empty() || rules.iter().any(|rule| rule.tally.fired > 0);
            if !has_begun {
                return Vec::new();
            }
            hopes.open(&hopes.history(), Expectation::has_span)
        };
        let mut hint = WaitHint::new(self);
        let settled = self.trial.settle(async || hint.is_any(&open(self))).await?;
        if settled == Settled::RanOut {
            let open = open(self);
            self.given_up.extend(open);
        }
        Ok(())
    }

    /// Waits until every expectation is decided.
    async fn end(&self) -> Result<Settled, RunError> {
        let mut hint = WaitHint::new(self);
        let hopes = async || {
            // Of a shop that does not answer nothing is hoped for.
            let Ok(facts) = self.trial.facts().await else { return false };
            let mut history = self.history();
            // What cannot be read now is not waited for: more time brings no other word or pointer.
            history.shop = facts.books;
            history.unread = facts.unknown;
            hint.is_any(&self.open(&history, |_| true))
        };
        Ok(self.trial.settle(hopes).await?)
    }

    /// Those of the expectations that `counts` is true for.
    fn open(&self, history: &SpaceHistory, counts: impl Fn(&Expectation) -> bool) -> Vec<usize> {
        let expected = &self.scenario.expect;
        let verdicts = judge(expected, history);
        let open =
            expected.iter().zip(verdicts).enumerate().filter(|(at, (expectation, verdict))| {
                counts(expectation)
                    && verdict.judged
                    && !verdict.ok
                    && !self.given_up.contains(at)
                    && !expectation.is_broken(history)
            });
        open.map(|(at, _)| at).collect()
    }

    /// History of the space, without what came of earlier scenarios.
    fn history(&self) -> SpaceHistory {
        let mut history = self.trial.history();
        let is_own = |tx_id: Option<&str>| tx_id.is_none_or(|tx_id| !self.earlier.contains(tx_id));
        history.requests.retain(|call| call.rows().any(|row| is_own(row.tx_id.as_deref())));
        history.orders.retain(|order| is_own(Some(&order.tx_id)));
        history
    }
}
