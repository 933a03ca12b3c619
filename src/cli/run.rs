//! `payon-sim run`: runs scenarios with the built-in merchant, with a shop of the user's, or with a command that tests it.

use std::fmt::Write as _;
use std::io::{self, IsTerminal as _};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::bail;
use clap::{Args, ValueEnum};
use tokio_util::sync::CancellationToken;

use super::coverage::CoverageBar;
use super::input::ProfileArg;
use super::scenarios::EMPTY;
use super::talk::FormatArgs;
use super::tested_shop::TestedShop;
use super::{exit, interrupt, settings};
use crate::api::Sources;
use crate::base::{Named, did_you_mean, visible};
use crate::scenario::{CATALOGUE, Coverage, Mistake, Requirement, ScenarioFile, Style};
use crate::scenario_runs::{
    self, Conclusion, Judged, LoadedScenario, ManyRuns, MerchantKind, Outcomes, RunOptions,
    RunReport, ScenarioOutcome, VerdictCounts,
};

/// Calls to a shop that are shown of one scenario.
const CALLS_SHOWN: usize = 12;
/// Number of seconds a command may take where nothing else is said.
const TIMEOUT_S: u64 = 300;

/// Said of a `--` with nothing behind it.
const NO_COMMAND: &str = "there is no command after --; is a variable of your shell empty? Leave -- out to run the \
    scenarios without a command of yours";
/// Said of a command whose first word is empty.
const EMPTY_COMMAND: &str = "the command after -- begins with an empty word where its program should stand; is a variable \
    of your shell empty?";

/// Scenarios to run, and options.
#[derive(Args, Debug)]
#[command(after_help = "\
With --merchant your own shop takes the merchant's place: every step of `drive` is made with it, as its merchant file \
says (payon-sim merchant init writes one, payon-sim merchant check tries it). Steps that the file has no call for, and \
beliefs that it does not say how to ask for, are not judged, and the report says so.

A command after -- takes the merchant's place, once for each scenario: it makes the calls, plays the payer and moves \
the clock (payon-sim pay, trigger and the control plane do so). It finds in its environment PAYON_SIM_URL, \
PAYON_SIM_CONTROL_URL, PAYON_SIM_SPACE, PAYON_SIM_RUN_SCENARIO, PAYON_SIM_RUN_SEED, PAYON_SIM_MERCHANT_ID, \
PAYON_SIM_TERM_ID, PAYON_SIM_PRIVATE_KEY, PAYON_SIM_PUBLIC_KEY and PAYON_SIM_GATEWAY_PUBLIC_KEY (keys: one-line Base64 \
DER). Variables that configure payon-sim serve are not handed on.

What a merchant believes (`shop`) cannot be judged with a command, and steps of `drive` that the command leaves out are \
made by nobody, unless --drive by-scenario is given: then the payer and the clock are ours. Such a scenario is partly judged and counts as failed unless --allow-unjudged is given as well.

Examples:
  payon-sim run S014
  payon-sim run all -j 4
  payon-sim run S014 --mistake repeats-refund
  payon-sim run all --merchant merchant.yaml -j 8
  payon-sim run my-scenarios/ --report target/scenarios -- npm test")]
pub(super) struct RunArgs {
    /// Ids of the catalogue such as S014, `all` of it, scenario files, and directories of such (names that begin with a
    /// dot are left out)
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
    #[command(flatten)]
    profile: ProfileArg,
    /// A merchant file: your own shop takes the merchant's place
    #[arg(long, value_name = "FILE", conflicts_with_all = ["command", "mistakes", "styles"])]
    merchant: Option<PathBuf>,
    /// Number of scenarios that run at once; 1 with a command or with a shop whose process is shared, else the number of
    /// processors, three times as many with a shop
    #[arg(short, long, value_parser = clap::value_parser!(u16).range(1..=256))]
    jobs: Option<u16>,
    /// Longest time of a command for one scenario, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = TIMEOUT_S)]
    timeout: u64,
    /// Maker of the steps of `drive` that are not the merchant's, beside a command
    #[arg(long, value_enum, value_name = "WHO", default_value_t = DrivenBy::Command, requires = "command")]
    drive: DrivenBy,
    /// Begin no further scenario after one that failed
    #[arg(long)]
    fail_fast: bool,
    /// Longest time of the whole run, in seconds; what is not run by then has failed
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..))]
    time_limit: Option<u64>,
    /// Let scenarios pass of which not everything could be judged
    #[arg(long)]
    allow_unjudged: bool,
    #[command(flatten)]
    format: FormatArgs,
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
enum DrivenBy {
    /// The command plays the payer and moves the clock
    Command,
    /// They are made here as the scenario has them, each after the merchant's steps before it
    ByScenario,
}

pub(super) fn mistake(name: &str) -> Result<Mistake, String> {
    Mistake::of_name(name).ok_or_else(|| unknown::<Mistake>("no such mistake", name))
}

pub(super) fn style(name: &str) -> Result<Style, String> {
    Style::of_name(name).ok_or_else(|| unknown::<Style>("no such style", name))
}

pub(super) fn requirement(name: &str) -> Result<Requirement, String> {
    let why = "no scenario asks for such an ability";
    Requirement::of_name(name).ok_or_else(|| unknown::<Requirement>(why, name))
}

/// Says that a name is not known, which one was probably meant, and which there are.
fn unknown<T: Named>(why: &str, name: &str) -> String {
    let all = T::names();
    format!("{why}{}; there are {}", did_you_mean(name, all.iter().copied()), all.join(", "))
}

/// Runs them; 3 when no port was to be had for one, else 1 when one is not as expected, or less was met or judged than
/// asked for.
///
/// `ends_with_dashes`: the command line ends with `--`, behind which a command belongs.
pub(super) fn run(args: RunArgs, ends_with_dashes: bool) -> anyhow::Result<ExitCode> {
    if let Some(dir) = &args.report {
        // A report that an earlier run has left must not be taken for ours, whatever becomes of this one.
        RunReport::prepare(dir)?;
    }
    match args.command.first() {
        None if ends_with_dashes => bail!(NO_COMMAND),
        Some(program) if program.trim().is_empty() => bail!(EMPTY_COMMAND),
        _ => {}
    }
    let scenarios = read(&args.scenarios)?;
    let shop = TestedShop::load(args.merchant.as_deref())?;
    let options = args.options();
    scenario_runs::check_profiles(scenarios.iter().map(|loaded| &loaded.scenario), &options)?;
    let patience = Duration::from_secs(args.timeout);
    let run_scenario = |scenario: &LoadedScenario| match &*args.command {
        [] => shop.run(scenario, &options),
        _ => scenario_runs::test(scenario, &options, patience),
    };
    let jobs = match &*args.command {
        [] => shop.jobs(args.jobs),
        _ => args.jobs.map_or(1, usize::from),
    };
    let begun = Instant::now();
    let is_text = !args.format.is_json();
    let limit = args.time_limit.map(Duration::from_secs);
    let interrupted = interrupt::watch(options.stop.clone(), limit)?;
    let cases: Vec<&LoadedScenario> = scenarios.iter().collect();
    let counts = !is_text && io::stderr().is_terminal();
    let mut printed = Ok(());
    let all = ManyRuns { options: &options, jobs, fail_fast: args.fail_fast };
    let told = all.run(&cases, run_scenario, |outcome, done| {
        if is_text && printed.is_ok() {
            printed = exit::print(&text(outcome));
        }
        if counts {
            let end = if done == cases.len() { "\r\x1b[K" } else { "" };
            eprint!("\r{done} of {}{end}", cases.len());
        }
    });
    let merchant = match (shop.under_test(), &*args.command) {
        (Some((name, file)), _) => MerchantKind::UnderTest { name, file },
        (None, []) => MerchantKind::BuiltIn {
            styles: args.styles.iter().map(|style| style.name()).collect(),
            mistakes: args.mistakes.iter().map(|mistake| mistake.name()).collect(),
        },
        (None, line) => MerchantKind::Command { line: line.to_vec() },
    };
    let took_ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
    let outcomes = Outcomes { merchant, scenarios: told, took_ms };
    let coverage = outcomes.coverage();
    let ended = interrupted.why().map(|why| format!("{why}; what was not run by then has failed"));
    let obstacles = shop.unusable().into_iter().chain(ended).collect();
    let report =
        RunReport::new(&outcomes, &coverage, args.allow_unjudged, args.bar.percent(), obstacles);
    // Files first: whoever read the output may be gone.
    if let Some(dir) = &args.report {
        report.write(dir)?;
    }
    printed?;
    if is_text {
        exit::print(&sum(&outcomes, &coverage))?;
    } else {
        exit::print_json(&report)?;
    }
    if let Some(unbound) = outcomes.scenarios.iter().find(|scenario| scenario.is_unbound) {
        return Ok(exit::cannot_bind(&unbound.error.as_deref().unwrap_or_default()));
    }
    Ok(exit::by_verdict(&report.overall()))
}

impl RunArgs {
    fn options(&self) -> RunOptions {
        let mut flags = Vec::new();
        if let Some(profile) = self.profile.path() {
            flags.extend(["--profile".to_owned(), profile.display().to_string()]);
        }
        if self.timeout != TIMEOUT_S {
            flags.extend(["--timeout".to_owned(), self.timeout.to_string()]);
        }
        if let Some(merchant) = &self.merchant {
            flags.extend(["--merchant".to_owned(), merchant.display().to_string()]);
        }
        if self.drive == DrivenBy::ByScenario {
            flags.extend(["--drive", "by-scenario"].map(str::to_owned));
        }
        if self.allow_unjudged {
            flags.push("--allow-unjudged".to_owned());
        }
        RunOptions {
            profile: self.profile.path().map(Into::into),
            seed: self.seed,
            styles: self.styles.clone(),
            mistakes: self.mistakes.clone(),
            without: self.without.clone(),
            flags,
            command: self.command.clone(),
            hidden: settings::variables(),
            plays_beside: self.drive == DrivenBy::ByScenario,
            on_wait: Some(|waits| exit::say(&waits)),
            stop: CancellationToken::new(),
        }
    }
}

/// The scenarios that are named. A mistake in any of them is told with all others, and nothing is run.
fn read(named: &[String]) -> anyhow::Result<Vec<LoadedScenario>> {
    let mut given = Vec::new();
    for name in named {
        if name == "all" {
            let ids = CATALOGUE.all().iter().filter_map(|(name, text)| {
                Some(ScenarioFile::read(name, text.as_bytes()).ok()?.scenario.id)
            });
            given.extend(ids);
        } else {
            given.push(name.clone());
        }
    }
    let sources = Sources::new(given);
    let read = sources.scenarios().map_err(|mistakes| {
        let lines: Vec<String> = mistakes.iter().map(ToString::to_string).collect();
        anyhow::anyhow!("the scenarios cannot be run:\n{}", lines.join("\n"))
    })?;
    if let Some(empty) = sources.empty().first() {
        bail!("{empty}: {EMPTY}");
    }
    let scenario = |(file, name, scenario)| LoadedScenario { file, name, scenario };
    Ok(read.into_iter().map(scenario).collect())
}

/// A line for the scenario, and below it what is not as expected, was not judged or was left out.
fn text(scenario: &ScenarioOutcome) -> String {
    let mut text = String::new();
    let mark = match scenario.verdict {
        Conclusion::NotApplicable => "n/a ",
        Conclusion::Ok => "ok  ",
        Conclusion::PartlyJudged => "partly judged",
        Conclusion::Failed => "FAIL",
    };
    let (id, title) = (visible(&scenario.id), visible(&scenario.title));
    let VerdictCounts { not_judged, .. } = scenario.counts;
    let unjudged = match not_judged {
        0 => String::new(),
        _ => format!(", {not_judged} of {} not judged", scenario.counts.all()),
    };
    let took = scenario.took_ms as f64 / 1000.0;
    let _ = writeln!(text, "{mark} {id} {title} ({took:.2} s{unjudged})");
    if let Some(reason) = &scenario.not_applicable {
        let _ = writeln!(text, "     not applicable: {}", visible(reason));
    }
    if let Some(first_run) = &scenario.first_run {
        add_lines(&mut text, "run twice: ", first_run);
    }
    if let Some(note) = &scenario.note {
        add_lines(&mut text, "note: ", note);
    }
    if scenario.verdict.is_open() {
        shortcomings(&mut text, scenario);
    }
    text
}

/// The sum of all scenarios.
fn sum(outcomes: &Outcomes, coverage: &Coverage) -> String {
    let (all, took) = (outcomes.scenarios.len(), outcomes.took_ms as f64 / 1000.0);
    let count = |verdict| outcomes.count(verdict);
    let (good, failed) = (count(Conclusion::Ok), count(Conclusion::Failed));
    let others = [Conclusion::PartlyJudged, Conclusion::NotApplicable].map(|verdict| {
        let others = count(verdict);
        if others == 0 { String::new() } else { format!(", {}: {others}", verdict.name()) }
    });
    let others = others.concat();
    let VerdictCounts { met, failed: unmet, not_judged } = outcomes.counts();
    let mut text = format!(
        "scenarios: {all}, as expected: {good}, failed: {failed}{others} ({took:.1} s)\n\
         expectations: met {met}, failed {unmet}, not judged {not_judged}\n"
    );
    if outcomes.applicable().next().is_none() {
        text.push_str("none of the scenarios applies to this merchant, so nothing was tested\n");
    }
    let _ = writeln!(text, "failure coverage: {:.1} %", coverage.percent);
    text
}

fn shortcomings(text: &mut String, scenario: &ScenarioOutcome) {
    let mut line = |label: &str, said: &str| add_lines(text, label, said);
    if let Some(error) = &scenario.error {
        line("", error);
    }
    // Of a scenario that was not run, the number of its expectations stands above.
    let is_told =
        |judged: &&Judged| !judged.verdict.ok && (judged.verdict.judged || !scenario.is_cut_off);
    for judged in scenario.verdicts.iter().filter(is_told) {
        let label = if judged.verdict.judged { "expected: " } else { "not judged: " };
        line(label, &judged.expectation.to_string());
        if let Some(about) = &judged.about {
            line("  ", about);
        }
        line("  ", judged.verdict.detail.trim_start_matches("not judged: "));
        for found in &judged.verdict.evidence {
            line("  found: ", found);
        }
        if let Some(nearest) = &judged.verdict.nearest {
            line("  nearest: ", &nearest.what);
            for it in &nearest.differences {
                let (key, wanted, found) = (it.key, &it.wanted, &it.found);
                line("    ", &format!("{key}: wanted {wanted}, found {found}"));
            }
        }
    }
    for gap in &scenario.gaps {
        line("not judged: ", gap);
    }
    for call in scenario.calls.iter().take(CALLS_SHOWN) {
        line("call: ", call);
    }
    if let Some(more) = scenario.calls.len().checked_sub(CALLS_SHOWN + 1) {
        line("call: ", &format!("… and {} more", more + 1));
    }
    if let Some(correct) = &scenario.correct {
        line("a correct merchant: ", correct);
    }
    line(&format!("seed {}; again: ", scenario.seed), &scenario.repeat);
}

/// Adds what is said, each line of it on a line of its own and below `label`.
fn add_lines(text: &mut String, label: &str, said: &str) {
    let first = said.lines().next().unwrap_or_default();
    // Writing into a String cannot fail.
    let _ = writeln!(text, "     {label}{}", visible(first));
    for line in said.lines().skip(1) {
        let _ = writeln!(text, "       {}", visible(line));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_several_lines_is_shown_on_several() {
        let mut text = String::new();
        add_lines(&mut text, "shop: ", "it died:\nbad port\x1b[2J\n  at main\n");
        add_lines(&mut text, "found: ", "");
        let shown = "     shop: it died:\n       bad port<U+001B>[2J\n       <space><space>at main\n     found: <empty>\n";
        assert_eq!(text, shown);
    }
}
