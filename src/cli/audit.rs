//! `payon-sim audit`: an honest verdict on a shop.

use std::io::{self, IsTerminal as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use clap::{Args, ValueEnum};

use super::input::ProfileArg;
use super::run::{mistake, requirement, style};
use super::tested_shop::TestedShop;
use super::{exit, interrupt, settings};
use crate::audit::{self, Audit, AuditBar, AuditCase, AuditReport, AuditRules, Baseline, Severity};
use crate::base::Diagnostic;
use crate::scenario::{Mistake, Requirement, Style};
use crate::scenario_runs::{self, LoadedScenario, ManyRuns, RunOptions, ScenarioOutcome, not_run};

/// Shop to audit, and options.
#[derive(Args, Debug)]
#[command(after_help = "\
Runs every scenario and every attack probe against the shop. The report card has a grade from A to F over all and for money \
safety, push-backs, recovery, security, reconciliation and timeliness; docs/audit.md says how grades come about. Findings \
are ranked by what they cost, each with what happened, the rule that it breaks, how to fix it, and the command that repeats \
it. What could not be judged is listed, caps the grade and fails the audit unless --allow-unjudged is given.

Without --merchant the built-in merchant is audited, which shows what a report looks like.

Examples:
  payon-sim audit --merchant merchant.yaml --report target/audit
  payon-sim audit --mistake ships-twice --report target/audit
  payon-sim audit --baseline audit-baseline.json --fail-on high")]
pub(super) struct AuditArgs {
    /// A merchant file that describes your shop (payon-sim merchant init writes one)
    #[arg(long, value_name = "FILE", conflicts_with_all = ["mistakes", "styles"])]
    merchant: Option<PathBuf>,
    /// A bug for the built-in merchant to have; may be repeated
    #[arg(long = "mistake", value_name = "NAME", value_parser = mistake)]
    mistakes: Vec<Mistake>,
    /// Another correct way of working for the built-in merchant; may be repeated
    #[arg(long = "style", value_name = "NAME", value_parser = style)]
    styles: Vec<Style>,
    /// An ability that the shop lacks, correct as it is: scenarios that need it are not applicable; may be repeated
    #[arg(long = "without", value_name = "ABILITY", value_parser = requirement)]
    without: Vec<Requirement>,
    /// A scenario or probe to run, such as S014 or P01; may be repeated; all others are then not judged
    #[arg(long, value_name = "ID")]
    only: Vec<String>,
    /// Seed of every choice in place of the scenarios' own
    #[arg(long)]
    seed: Option<u64>,
    #[command(flatten)]
    profile: ProfileArg,
    /// Number of scenarios that run at once; where nothing is said the number of processors, three times as many with
    /// a merchant file, and 1 with one whose process is shared
    #[arg(short, long, value_parser = clap::value_parser!(u16).range(1..=256))]
    jobs: Option<u16>,
    /// Begin no further scenario after one that failed
    #[arg(long)]
    fail_fast: bool,
    /// Longest time of the whole audit, in seconds; what is not run by then is not judged
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..))]
    time_limit: Option<u64>,
    /// Findings that this file knows do not fail the audit
    #[arg(long, value_name = "FILE")]
    baseline: Option<PathBuf>,
    /// Write all that was found there, as a baseline for later audits
    #[arg(long, value_name = "FILE")]
    write_baseline: Option<PathBuf>,
    /// The mildest finding that fails the audit
    #[arg(long, value_enum, default_value_t = FailOn::Low)]
    fail_on: FailOn,
    /// Let the audit pass although not everything was judged
    #[arg(long)]
    allow_unjudged: bool,
    /// Format of the output
    #[arg(long, value_enum, default_value_t = AuditFormat::Text)]
    format: AuditFormat,
    /// Write audit.json, junit.xml, audit.html, audit.sarif and badge.svg there
    #[arg(long, value_name = "DIR")]
    report: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum AuditFormat {
    /// The report card
    Text,
    /// JSON
    Json,
}

/// A severity, as the command line has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum FailOn {
    /// Anything
    Low,
    /// Trouble for payer, gateway or staff, and worse
    Medium,
    /// Costs money when an ordinary fault comes along, and worse
    High,
    /// Loses goods or money by itself
    Critical,
}

impl From<FailOn> for Severity {
    fn from(on: FailOn) -> Self {
        match on {
            FailOn::Low => Self::Low,
            FailOn::Medium => Self::Medium,
            FailOn::High => Self::High,
            FailOn::Critical => Self::Critical,
        }
    }
}

/// Audits a shop; findings and what was not judged are exit code 1.
pub(super) fn run(args: AuditArgs) -> anyhow::Result<ExitCode> {
    if let Some(dir) = &args.report {
        // A report that an earlier audit has left must not be taken for ours, whatever becomes of this one.
        AuditReport::prepare(dir)?;
    }
    let rules = AuditRules::built_in().context("the audit's own rules cannot be read")?;
    let baseline = args.baseline.as_deref().map(Baseline::read).transpose()?;
    if let Some(file) = &args.write_baseline {
        Baseline::check_place(file)?;
    }
    let cases = audit::all_cases().map_err(|problems| told(&problems))?;
    let shop = TestedShop::load(args.merchant.as_deref())?;
    let options = args.options();
    scenario_runs::check_profiles(cases.iter().map(|case| &case.loaded.scenario), &options)?;
    let begun = Instant::now();
    let limit = args.time_limit.map(Duration::from_secs);
    let interrupted = interrupt::watch(options.stop.clone(), limit)?;
    let loaded = args.chosen(&cases)?;
    let runs =
        ManyRuns { options: &options, jobs: shop.jobs(args.jobs), fail_fast: args.fail_fast };
    let run_one = |case: &LoadedScenario| shop.run(case, &options);
    let outcomes = runs.run(&loaded, run_one, |_, done| progress("audit", done, loaded.len()));
    if let Some(unbound) = outcomes.iter().find(|outcome| outcome.is_unbound) {
        return Ok(exit::cannot_bind(&unbound.error.as_deref().unwrap_or_default()));
    }
    let outcomes = with_left_out(&cases, outcomes, &options);
    let (name, file) = match shop.under_test() {
        Some((name, file)) => (name, Some(file)),
        None => ("the built-in merchant".to_owned(), None),
    };
    let mut audit = Audit::of(&rules, name, file, &cases, &outcomes);
    audit.took_ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
    if let Some(baseline) = &baseline {
        audit.hold_against(baseline);
    }
    let bar = AuditBar { fail_on: args.fail_on.into(), allow_unjudged: args.allow_unjudged };
    let ended =
        interrupted.why().map(|why| format!("{why}; what was not run by then is not judged"));
    let report = AuditReport::new(&audit, bar, shop.unusable().into_iter().chain(ended).collect());
    // Files first: whoever read the output may be gone.
    if let Some(dir) = &args.report {
        report.write(dir)?;
    }
    if let Some(file) = &args.write_baseline {
        Baseline::of(&audit).write(file)?;
    }
    match args.format {
        AuditFormat::Text => exit::print(&report.text())?,
        AuditFormat::Json => exit::print_json(&report)?,
    }
    Ok(exit::by_verdict(&report.verdict))
}

/// Outcomes of all cases, in their order, where those of some are given.
fn with_left_out(
    cases: &[AuditCase],
    outcomes: Vec<ScenarioOutcome>,
    options: &RunOptions,
) -> Vec<ScenarioOutcome> {
    let mut outcomes = outcomes.into_iter().peekable();
    let outcome = |case: &AuditCase| {
        let own = outcomes.next_if(|outcome| outcome.id == case.loaded.scenario.id);
        own.unwrap_or_else(|| not_run(&case.loaded, options, "left out by --only"))
    };
    cases.iter().map(outcome).collect()
}

impl AuditArgs {
    /// The scenarios to run.
    fn chosen<'c>(&self, cases: &'c [AuditCase]) -> anyhow::Result<Vec<&'c LoadedScenario>> {
        let is_there = |id: &&String| cases.iter().any(|case| case.loaded.scenario.id == **id);
        if let Some(unknown) = self.only.iter().find(|id| !is_there(id)) {
            anyhow::bail!("--only {unknown}: there is no such scenario or probe");
        }
        let all = cases.iter().map(|case| &case.loaded);
        let is_chosen =
            |case: &&LoadedScenario| self.only.is_empty() || self.only.contains(&case.scenario.id);
        Ok(all.filter(is_chosen).collect())
    }

    fn options(&self) -> RunOptions {
        RunOptions {
            profile: self.profile.path().map(Into::into),
            seed: self.seed,
            styles: self.styles.clone(),
            mistakes: self.mistakes.clone(),
            without: self.without.clone(),
            flags: repeat_flags(self.profile.path(), self.merchant.as_deref()),
            hidden: settings::variables(),
            on_wait: Some(|waits| exit::say(&waits)),
            ..RunOptions::default()
        }
    }
}

/// Words of the command line that repeats a scenario.
pub(super) fn repeat_flags(profile: Option<&Path>, merchant: Option<&Path>) -> Vec<String> {
    let flags = [("--profile", profile), ("--merchant", merchant)];
    let given = flags.into_iter().filter_map(|(flag, path)| Some((flag, path?)));
    given.flat_map(|(flag, path)| [flag.to_owned(), path.display().to_string()]).collect()
}

/// Mistakes in files of ours or the user's.
pub(super) fn told(problems: &[Diagnostic]) -> anyhow::Error {
    let lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
    anyhow::anyhow!("{}", lines.join("\n"))
}

/// Draws a progress bar at a terminal, and takes it away at the end.
pub(super) fn progress(what: &str, done: usize, all: usize) {
    const WIDTH: usize = 30;
    if !io::stderr().is_terminal() {
        return;
    }
    if done >= all {
        eprint!("\r\x1b[K");
        return;
    }
    let filled = (done * WIDTH).checked_div(all).unwrap_or(0);
    let bar = format!("{}{}", "#".repeat(filled), "-".repeat(WIDTH - filled));
    eprint!("\r{what} [{bar}] {done} of {all}\x1b[K");
}
