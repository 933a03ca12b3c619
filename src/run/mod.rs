//! Scenarios, run: each in a server and a space of its own, against the built-in merchant.
//!
//! Time goes from event to event: when merchant and gateway have come to rest, both clocks are brought to the next
//! moment at which anything is due. So a story of ten hours takes milliseconds, and what comes of it depends on its seed
//! alone.

mod drive;
mod outcome;
mod report;
mod stage;
mod world;

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

pub use outcome::{Judged, Merchant, OrderEvent, OrderStory, Outcome, Outcomes};
pub use report::{Report, ReportError};

use crate::base::{Millis, Seed};
use crate::gateway;
use crate::profile::Profile;
use crate::scenario::{Mistake, Scenario, judge};
use crate::shop::{Pace, Shop};
use drive::Drive;
use stage::Stage;
use world::World;

/// When stories begin: 2026-03-02, ten in the morning in Cambodia.
const BEGIN: Millis = Millis(1_772_420_400_000);
/// The seed of stories that name none.
const SEED: u64 = 1;

/// A story to be told.
#[derive(Clone, Debug)]
pub struct Story {
    /// The file it was read from, for messages and for repeating it.
    pub file: String,
    /// How it is named to repeat it: an id of the catalogue or a path.
    pub name: String,
    /// What it says.
    pub scenario: Scenario,
}

/// How stories are told.
#[derive(Clone, Debug, Default)]
pub struct Manner {
    /// A profile directory in place of the built-in one.
    pub profile: Option<Box<Path>>,
    /// A seed in place of the stories' own.
    pub seed: Option<u64>,
    /// The bugs of the merchant.
    pub mistakes: Vec<Mistake>,
}

/// Tells a story with the built-in merchant, on this thread.
pub fn tell(story: &Story, manner: &Manner) -> Outcome {
    let begun = Instant::now();
    let scenario = &story.scenario;
    let seed = manner.seed.or(scenario.seed).unwrap_or(SEED);
    let mut outcome = Outcome {
        id: scenario.id.clone(),
        title: scenario.title.clone(),
        why: scenario.why.clone(),
        correct: scenario.correct.clone(),
        file: story.file.clone(),
        seed,
        ok: false,
        error: None,
        verdicts: Vec::new(),
        orders: Vec::new(),
        took_ms: 0,
        simulated_ms: 0,
        repeat: repeat(story, manner, seed),
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let told = runtime.map_err(|error| error.to_string()).and_then(|runtime| {
        let told = runtime.block_on(act(scenario, manner, seed, &mut outcome));
        runtime.shutdown_background();
        told
    });
    outcome.error = told.err();
    outcome.ok = outcome.error.is_none() && outcome.verdicts.iter().all(|it| it.verdict.ok);
    outcome.took_ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
    outcome
}

async fn act(
    scenario: &Scenario,
    manner: &Manner,
    seed: u64,
    outcome: &mut Outcome,
) -> Result<(), String> {
    let profile = profile(scenario, manner)?;
    let stage = Stage::set(Arc::clone(&profile), Seed(seed), scenario.rules.clone()).await;
    let stage = stage.map_err(|error| format!("cannot listen on 127.0.0.1: {error}"))?;
    let space = Arc::clone(&stage.space);
    space.hand_over_clock(BEGIN);
    let pace = Pace::new(BEGIN);
    let gateway = stage.authority.clone();
    let shop = Shop::open(gateway, Arc::clone(&profile), Arc::clone(&pace), &manner.mistakes).await;
    let shop = shop.map_err(|error| format!("cannot listen on 127.0.0.1: {error}"))?;
    let world = World { space: Arc::clone(&space), pace, born: BEGIN };
    let mut drive = Drive::new(stage, world, Arc::clone(&shop), profile);
    let driven = drive.all(&scenario.drive).await;
    let mut history = gateway::history(&space);
    history.shop = Some(shop.facts());
    outcome.simulated_ms = (history.now.0 - history.born.0).max(0).unsigned_abs();
    outcome.verdicts = Judged::all(&scenario.expect, judge(&scenario.expect, &history));
    outcome.orders = OrderStory::all(&history);
    driven
}

/// The profile with the story's own settings.
fn profile(scenario: &Scenario, manner: &Manner) -> Result<Arc<Profile>, String> {
    if scenario.profile.is_empty() && manner.profile.is_none() {
        return Ok(Profile::builtin());
    }
    let settings = scenario.profile.iter();
    let settings: Vec<(&str, &str)> =
        settings.map(|setting| (setting.key.as_str(), setting.value.0.as_str())).collect();
    let profile = Profile::with(manner.profile.as_deref(), &settings);
    profile.map(Arc::new).map_err(|errors| errors.to_string())
}

fn repeat(story: &Story, manner: &Manner, seed: u64) -> String {
    let named = manner.mistakes.iter().flat_map(|mistake| [" --mistake ", mistake.name()]);
    format!("payon-sim run {} --seed {seed}{}", story.name, named.collect::<String>())
}
