//! `payon-sim run`: tells scenarios with the built-in merchant, or with a command that tests the user's own.

use std::fmt::Write as _;
use std::io::{self, IsTerminal as _};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::bail;
use clap::{Args, ValueEnum};

use super::coverage::CoverageBar;
use super::{exit, processors};
use crate::control::Sources;
use crate::run::{self, Manner, Merchant, Outcome, Outcomes, Report, Story};
use crate::scenario::{CATALOGUE, Mistake, Requirement, ScenarioFile, Style};

/// What to tell, and how.
#[derive(Args, Debug)]
#[command(after_help = "\
A command after -- takes the merchant's place, once for each scenario. It finds in its environment PAYON_SIM_URL, \
PAYON_SIM_CONTROL_URL, PAYON_SIM_SPACE, PAYON_SIM_SCENARIO, PAYON_SIM_SEED, PAYON_SIM_MERCHANT_ID, PAYON_SIM_TERM_ID, \
PAYON_SIM_PRIVATE_KEY, PAYON_SIM_PUBLIC_KEY and PAYON_SIM_GATEWAY_PUBLIC_KEY (keys: one-line Base64 DER).

Examples:
  payon-sim run S014
  payon-sim run all -j 4
  payon-sim run S014 --mistake repeats-refund
  payon-sim run my-stories/ --report target/stories -- npm test")]
pub(super) struct RunArgs {
    /// Ids of the catalogue such as S014, `all` of it, scenario files, and directories of such
    #[arg(required = true, value_name = "SCENARIO")]
    scenarios: Vec<String>,
    /// Seed of every choice in place of the scenarios' own
    #[arg(long)]
    seed: Option<u64>,
    /// A bug for the built-in merchant to have; may be repeated
    #[arg(long = "mistake", value_name = "NAME", value_parser = mistake, conflicts_with = "command")]
    mistakes: Vec<Mistake>,
    /// Another correct way of working for the built-in merchant; may be repeated
    #[arg(long = "style", value_name = "NAME", value_parser = style, conflicts_with = "command")]
    styles: Vec<Style>,
    /// An ability that the merchant lacks, correct as it is: scenarios that need it are not applicable; may be repeated
    #[arg(long = "without", value_name = "ABILITY", value_parser = requirement)]
    without: Vec<Requirement>,
    /// A profile directory in place of the built-in one
    #[arg(long, value_name = "DIR")]
    profile: Option<PathBuf>,
    /// How many are told at once; 1 with a command, else as many as there are processors
    #[arg(short, long, value_parser = clap::value_parser!(u16).range(1..=256))]
    jobs: Option<u16>,
    /// How many seconds a command may take for one scenario
    #[arg(long, value_name = "SECONDS", default_value_t = 300)]
    timeout: u64,
    /// What is printed
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// Write report.json, junit.xml and report.html there
    #[arg(long, value_name = "DIR")]
    report: Option<PathBuf>,
    #[command(flatten)]
    bar: CoverageBar,
    /// A command that tests the merchant
    #[arg(last = true, value_name = "COMMAND")]
    command: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// A line a scenario, and what failed
    Text,
    /// The whole report
    Json,
}

fn mistake(name: &str) -> Result<Mistake, String> {
    let known = Mistake::ALL.iter().find(|mistake| mistake.name() == name);
    known.copied().ok_or_else(|| {
        let all: Vec<&str> = Mistake::ALL.iter().map(|mistake| mistake.name()).collect();
        format!("no such mistake; there are {}", all.join(", "))
    })
}

fn style(name: &str) -> Result<Style, String> {
    let known = Style::ALL.iter().find(|style| style.name() == name);
    known.copied().ok_or_else(|| {
        let all: Vec<&str> = Style::ALL.iter().map(|style| style.name()).collect();
        format!("no such style; there are {}", all.join(", "))
    })
}

fn requirement(name: &str) -> Result<Requirement, String> {
    let known = Requirement::ALL.iter().find(|need| need.name() == name);
    known.copied().ok_or_else(|| {
        let all: Vec<&str> = Requirement::ALL.iter().map(|need| need.name()).collect();
        format!("no scenario asks for such an ability; there are {}", all.join(", "))
    })
}

/// Tells them; 3 when no port was to be had for one, else 1 when one is not as expected, or less was met than asked for.
pub(super) fn run(args: RunArgs) -> anyhow::Result<ExitCode> {
    let stories = read(&args.scenarios)?;
    let RunArgs { seed, mistakes, profile, command, .. } = &args;
    let manner = Manner {
        profile: profile.as_deref().map(Into::into),
        seed: *seed,
        styles: args.styles.clone(),
        mistakes: mistakes.clone(),
        without: args.without.clone(),
    };
    let patience = Duration::from_secs(args.timeout);
    let tell = |story: &Story| match &**command {
        [] => run::tell(story, &manner),
        line => run::test(story, &manner, line, patience),
    };
    let usual = if command.is_empty() { processors() } else { 1 };
    let begun = Instant::now();
    let told = tell_all(&stories, args.jobs.map_or(usual, usize::from), tell);
    let merchant = if command.is_empty() {
        Merchant::BuiltIn {
            styles: args.styles.iter().map(|style| style.name()).collect(),
            mistakes: mistakes.iter().map(|mistake| mistake.name()).collect(),
        }
    } else {
        Merchant::Command { line: command.clone() }
    };
    let took_ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
    let outcomes = Outcomes { merchant, stories: told, took_ms };
    let coverage = outcomes.coverage();
    let report = Report::new(&outcomes, &coverage);
    match args.format {
        Format::Text => {
            let mut text = text(&outcomes);
            let _ = writeln!(text, "failure coverage: {:.1} %", coverage.percent);
            exit::print(&text)?;
        }
        Format::Json => exit::print(&report.json()?)?,
    }
    if let Some(dir) = &args.report {
        report.write(dir)?;
    }
    if let Some(unbound) = outcomes.stories.iter().find(|story| story.is_unbound) {
        return Ok(exit::cannot_bind(&unbound.error.as_deref().unwrap_or_default()));
    }
    let enough = args.bar.is_cleared(&coverage);
    Ok(if outcomes.ok() && enough { ExitCode::SUCCESS } else { exit::failed() })
}

/// The stories that are named. A mistake in any of them is told with all others, and nothing is run.
fn read(named: &[String]) -> anyhow::Result<Vec<Story>> {
    let mut given = Vec::new();
    for name in named {
        if name == "all" {
            let ids = CATALOGUE.iter().filter_map(|(name, text)| {
                Some(ScenarioFile::read(name, text.as_bytes()).ok()?.scenario.id)
            });
            given.extend(ids);
        } else {
            given.push(name.clone());
        }
    }
    let read = Sources::new(given).scenarios().map_err(|mistakes| {
        let lines: Vec<String> = mistakes.iter().map(ToString::to_string).collect();
        anyhow::anyhow!("the scenarios cannot be run:\n{}", lines.join("\n"))
    })?;
    if read.is_empty() {
        bail!("there is no scenario in {}", named.join(", "));
    }
    let story = |(file, name, scenario)| Story { file, name, scenario };
    Ok(read.into_iter().map(story).collect())
}

/// Tells stories, so many at once; the outcomes are in the stories' order.
fn tell_all(
    stories: &[Story],
    jobs: usize,
    tell: impl Fn(&Story) -> Outcome + Sync,
) -> Vec<Outcome> {
    let (next, done) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let told = Mutex::new(Vec::with_capacity(stories.len()));
    let shows = io::stderr().is_terminal();
    std::thread::scope(|scope| {
        for _ in 0..jobs.min(stories.len()) {
            scope.spawn(|| {
                while let Some((at, story)) = {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    stories.get(at).map(|story| (at, story))
                } {
                    let outcome = tell(story);
                    told.lock().unwrap_or_else(PoisonError::into_inner).push((at, outcome));
                    let done = done.fetch_add(1, Ordering::Relaxed) + 1;
                    if shows {
                        let end = if done == stories.len() { "\r\x1b[K" } else { "" };
                        eprint!("\r{done} of {}{end}", stories.len());
                    }
                }
            });
        }
    });
    let mut told = told.into_inner().unwrap_or_else(PoisonError::into_inner);
    told.sort_by_key(|(at, _)| *at);
    told.into_iter().map(|(_, outcome)| outcome).collect()
}

/// A line a story, with what failed below it, and the sum.
fn text(outcomes: &Outcomes) -> String {
    let mut text = String::new();
    for story in &outcomes.stories {
        let mark = match (&story.not_applicable, story.ok) {
            (Some(_), _) => "n/a ",
            (None, true) => "ok  ",
            (None, false) => "FAIL",
        };
        let took = story.took_ms as f64 / 1000.0;
        let _ = writeln!(text, "{mark} {} {} ({took:.2} s)", story.id, story.title);
        match &story.not_applicable {
            Some(reason) => {
                let _ = writeln!(text, "     not applicable: {reason}");
            }
            None if !story.ok => failure(&mut text, story),
            None => {}
        }
    }
    let (all, good) = (outcomes.stories.len(), outcomes.stories.iter().filter(|it| it.ok).count());
    let applicable = outcomes.applicable().count();
    let (failed, others) = (applicable - good, all - applicable);
    let took = outcomes.took_ms as f64 / 1000.0;
    let others = match others {
        0 => String::new(),
        others => format!(", not applicable: {others}"),
    };
    let _ = writeln!(
        text,
        "scenarios: {all}, as expected: {good}, failed: {failed}{others} ({took:.1} s)"
    );
    if applicable == 0 {
        text.push_str("none of the scenarios applies to this merchant, so nothing was tested\n");
    }
    text
}

fn failure(text: &mut String, story: &Outcome) {
    if let Some(error) = &story.error {
        let _ = writeln!(text, "     {error}");
    }
    for judged in story.verdicts.iter().filter(|judged| !judged.verdict.ok) {
        let _ = writeln!(text, "     expected: {}", judged.expectation);
        if let Some(about) = &judged.about {
            let _ = writeln!(text, "       {about}");
        }
        let _ = writeln!(text, "       {}", judged.verdict.detail);
        for line in &judged.verdict.evidence {
            let _ = writeln!(text, "       found: {line}");
        }
        if let Some(nearest) = &judged.verdict.nearest {
            let _ = writeln!(text, "       nearest: {}", nearest.what);
            for it in &nearest.differences {
                let (key, wanted, found) = (it.key, &it.wanted, &it.found);
                let _ = writeln!(text, "         {key}: wanted {wanted}, found {found}");
            }
        }
    }
    if let Some(correct) = &story.correct {
        let _ = writeln!(text, "     a correct merchant: {correct}");
    }
    let _ = writeln!(text, "     seed {}; again: {}", story.seed, story.repeat);
}
