//! `payon-sim audit`: an honest verdict on a shop.

use std::io::{self, IsTerminal as _};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use anyhow::Context as _;
use clap::{Args, ValueEnum};

use super::run::{mistake, requirement, style};
use super::{exit, processors, settings};
use crate::audit::{self, Audit, AuditBar, AuditRules, Baseline, Severity};
use crate::base::Diagnostic;
use crate::scenario::{Mistake, Requirement, Style};
use crate::scenario_runs::{self, RunOptions};

/// Shop to audit, and options.
#[derive(Args, Debug)]
#[command(after_help = "\
Runs every scenario and every attack probe against the shop. The report card has a grade from A to F over all and for money \
safety, push-backs, recovery, security, reconciliation and timeliness; docs/audit.md says how grades come about. Findings \
are ranked by what they cost, each with what happened, the rule that it breaks, how to fix it, and the command that repeats \
it. What could not be judged is listed, caps the grade and fails the audit unless --allow-unjudged is given.

Examples:
  payon-sim audit
  payon-sim audit --mistake ships-twice --report target/audit
  payon-sim audit --baseline audit-baseline.json --fail-on high")]
pub(super) struct AuditArgs {
    /// A bug for the built-in merchant to have; may be repeated
    #[arg(long = "mistake", value_name = "NAME", value_parser = mistake)]
    mistakes: Vec<Mistake>,
    /// Another correct way of working for the built-in merchant; may be repeated
    #[arg(long = "style", value_name = "NAME", value_parser = style)]
    styles: Vec<Style>,
    /// An ability that the shop lacks, correct as it is: scenarios that need it are not applicable; may be repeated
    #[arg(long = "without", value_name = "ABILITY", value_parser = requirement)]
    without: Vec<Requirement>,
    /// Seed of every choice in place of the scenarios' own
    #[arg(long)]
    seed: Option<u64>,
    /// A profile directory in place of the built-in one
    #[arg(long, value_name = "DIR")]
    profile: Option<PathBuf>,
    /// Number of scenarios that run at once; the number of processors where nothing is said
    #[arg(short, long, value_parser = clap::value_parser!(u16).range(1..=256))]
    jobs: Option<u16>,
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
    let rules = AuditRules::built_in().context("the audit's own rules cannot be read")?;
    let baseline = args.baseline.as_deref().map(Baseline::read).transpose()?;
    let cases = audit::all_cases().map_err(|problems| told(&problems))?;
    let options = args.options();
    let begun = Instant::now();
    let run_one = |at: usize| scenario_runs::run_scenario(&cases[at].loaded, &options);
    let jobs = args.jobs.map_or_else(processors, usize::from);
    let outcomes = scenario_runs::run_many(cases.len(), jobs, run_one, |done| {
        progress("audit", done, cases.len());
    });
    if let Some(unbound) = outcomes.iter().find(|outcome| outcome.is_unbound) {
        return Ok(exit::cannot_bind(&unbound.error.as_deref().unwrap_or_default()));
    }
    let mut audit = Audit::of(&rules, "the built-in merchant".to_owned(), None, &cases, &outcomes);
    audit.took_ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
    if let Some(baseline) = &baseline {
        audit.hold_against(baseline);
    }
    let bar = AuditBar { fail_on: args.fail_on.into(), allow_unjudged: args.allow_unjudged };
    match args.format {
        AuditFormat::Text => exit::print(&audit.text(bar))?,
        AuditFormat::Json => exit::print_json(&audit)?,
    }
    if let Some(dir) = &args.report {
        audit.write(dir, bar)?;
    }
    if let Some(file) = &args.write_baseline {
        Baseline::of(&audit).write(file)?;
    }
    let open = audit.open().count();
    if open > 0 && !args.allow_unjudged {
        exit::say(&format_args!(
            "{open} scenarios were not judged in full, which counts as failed; --allow-unjudged lets it pass"
        ));
    }
    Ok(if audit.passes(bar) { ExitCode::SUCCESS } else { exit::failed() })
}

impl AuditArgs {
    fn options(&self) -> RunOptions {
        let profile = self.profile.as_ref();
        let flags = profile.map(|profile| ["--profile".to_owned(), profile.display().to_string()]);
        RunOptions {
            profile: self.profile.as_deref().map(Into::into),
            seed: self.seed,
            styles: self.styles.clone(),
            mistakes: self.mistakes.clone(),
            without: self.without.clone(),
            flags: flags.into_iter().flatten().collect(),
            hidden: settings::variables(),
            ..RunOptions::default()
        }
    }
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
