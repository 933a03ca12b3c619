//! `payon-sim explore`: all orders of events that a shop can meet.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, ValueEnum};

use super::audit::{progress, repeat_flags};
use super::input::{ProfileArg, real_time};
use super::run::{mistake, requirement, style};
use super::tested_shop::TestedShop;
use super::{exit, interrupt, settings};
use crate::crypto;
use crate::explore::{
    self, Exploration, ExplorationReport, ExploreError, ExploreFolder, ExploreOptions,
    ExploredShop, Flow, Violation,
};
use crate::scenario::{Mistake, Requirement, Style};
use crate::scenario_runs::{LoadedScenario, RunOptions};

/// Shop to explore, and limits.
#[derive(Args, Debug)]
#[command(after_help = "\
Answers, push-backs and their copies, the payer's return, the shop's question, expiry, late approvals and lost answers come in \
every order that makes a difference. After each, with everything quiet, the shop's books must be the gateway's, nothing may be \
shipped twice or unpaid, and nothing given back twice. A run that breaks this is shrunk to the least that still does, and \
written as a scenario file.

Without --merchant the built-in merchant is explored.

Examples:
  payon-sim explore --merchant merchant.yaml
  payon-sim explore --flow purchase --faults 2 --budget 5m --allow-unexplored
  payon-sim explore --mistake last-news-wins --out target/explore")]
pub(super) struct ExploreArgs {
    /// A merchant file that describes your shop (payon-sim merchant init writes one)
    #[arg(long, value_name = "FILE", conflicts_with_all = ["mistakes", "styles"])]
    merchant: Option<PathBuf>,
    /// A bug for the built-in merchant to have; may be repeated
    #[arg(long = "mistake", value_name = "NAME", value_parser = mistake)]
    mistakes: Vec<Mistake>,
    /// Another correct way of working for the built-in merchant; may be repeated
    #[arg(long = "style", value_name = "NAME", value_parser = style)]
    styles: Vec<Style>,
    /// An ability that the shop lacks, correct as it is; may be repeated
    #[arg(long = "without", value_name = "ABILITY", value_parser = requirement)]
    without: Vec<Requirement>,
    /// A flow to explore in place of all; may be repeated
    #[arg(long = "flow", value_enum, value_name = "FLOW")]
    flows: Vec<FlowName>,
    /// The most faults of one run
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u8).range(0..=3))]
    faults: u8,
    /// Seed of the order in which runs are tried
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// The longest time, such as 5m
    #[arg(long, value_name = "TIME", value_parser = real_time)]
    budget: Option<Duration>,
    /// The most runs this time
    #[arg(long, value_name = "COUNT")]
    runs: Option<usize>,
    /// Number of runs at once; where nothing is said the number of processors, three times as many with a merchant
    /// file, and 1 with one whose process is shared
    #[arg(short, long, value_parser = clap::value_parser!(u16).range(1..=256))]
    jobs: Option<u16>,
    /// Folder for scenario files and for what is known so far; the next call goes on from there
    #[arg(long, value_name = "DIR", default_value = "payon-sim-explore")]
    out: PathBuf,
    /// Begin anew, whatever is known so far
    #[arg(long)]
    fresh: bool,
    /// Let the exploration pass although not all runs were made
    #[arg(long)]
    allow_unexplored: bool,
    /// Let the exploration pass although not everything was judged
    #[arg(long)]
    allow_unjudged: bool,
    #[command(flatten)]
    profile: ProfileArg,
    /// Format of the output
    #[arg(long, value_enum, default_value_t = ExploreFormat::Text)]
    format: ExploreFormat,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum ExploreFormat {
    /// Text for people
    Text,
    /// JSON
    Json,
}

/// A flow, as the command line has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum FlowName {
    /// A purchase by card
    Purchase,
    /// A hold that is captured later
    PreAuth,
    /// A purchase that is refunded in part
    Refund,
    /// A purchase by KHQR
    Khqr,
}

impl From<FlowName> for Flow {
    fn from(name: FlowName) -> Self {
        match name {
            FlowName::Purchase => Self::Purchase,
            FlowName::PreAuth => Self::PreAuth,
            FlowName::Refund => Self::Refund,
            FlowName::Khqr => Self::Khqr,
        }
    }
}

/// Explores; a broken invariant, and what was not explored or judged, is exit code 1.
pub(super) fn run(args: ExploreArgs) -> anyhow::Result<ExitCode> {
    let shop = TestedShop::load(args.merchant.as_deref())?;
    let options = args.options(&shop);
    let run_options = args.run_options();
    let folder = ExploreFolder::new(args.out.clone());
    let profile = args.profile.load()?;
    let digest = crypto::Encoding::Hex.encode(&profile.digest[..6]);
    let version = env!("CARGO_PKG_VERSION");
    let subject = format!("{}; {version}, profile {} {digest}", args.subject(&shop), profile.name);
    let new = Exploration::new(&subject, shop.digest(), &options);
    let mut found = if args.fresh { new.clone() } else { folder.resumed(new.clone())? };
    if found.shop_digest != new.shop_digest {
        let file = args.merchant.as_deref().unwrap_or(Path::new("the merchant file")).display();
        exit::say(&format_args!(
            "{file} or its program has changed since the runs before, so the exploration begins anew"
        ));
        found = new;
    }
    let before = found.explored;
    let interrupted = interrupt::watch(run_options.stop.clone(), None)?;
    let run_one = |case: &LoadedScenario| shop.run(case, &run_options);
    let explored = ExploredShop { run: &run_one, options: &run_options };
    let explored = explore::explore(&options, explored, &folder, &mut found, |done, all| {
        progress("explore", done, all);
    });
    match explored {
        Err(ExploreError::Unbound(problem)) => return Ok(exit::cannot_bind(&problem)),
        explored => explored?,
    }
    let ended = interrupted.why().map(|why| format!("{why}; the same command goes on"));
    let obstacles = shop.unusable().into_iter().chain(ended).collect();
    let verdict = found.verdict(args.allow_unexplored, args.allow_unjudged, obstacles);
    let report = ExplorationReport::new(verdict, &found, before);
    match args.format {
        ExploreFormat::Text => exit::print(&text(&report, before))?,
        ExploreFormat::Json => exit::print_json(&report)?,
    }
    Ok(exit::by_verdict(&report.verdict))
}

impl ExploreArgs {
    fn options(&self, shop: &TestedShop) -> ExploreOptions {
        let flows: Vec<Flow> = self.flows.iter().copied().map(Flow::from).collect();
        ExploreOptions {
            flows: if flows.is_empty() { Flow::ALL.to_vec() } else { flows },
            faults: self.faults.into(),
            seed: self.seed,
            budget: self.budget,
            runs: self.runs,
            jobs: shop.jobs(self.jobs),
        }
    }

    /// The shop as it is called, with all that makes a difference.
    fn subject(&self, shop: &TestedShop) -> String {
        let mistakes = self.mistakes.iter().map(|it| it.name());
        let styles = self.styles.iter().map(|it| it.name());
        let lacks = self.without.iter().map(|it| it.name());
        let told: Vec<&str> = mistakes.chain(styles).chain(lacks).collect();
        let name = match shop.under_test() {
            Some((name, file)) => format!("{name} of {file}"),
            None => "the built-in merchant".to_owned(),
        };
        match told.as_slice() {
            [] => name,
            told => format!("{name} ({})", told.join(", ")),
        }
    }

    fn run_options(&self) -> RunOptions {
        RunOptions {
            profile: self.profile.path().map(Into::into),
            seed: None,
            styles: self.styles.clone(),
            mistakes: self.mistakes.clone(),
            without: self.without.clone(),
            flags: repeat_flags(self.profile.path(), self.merchant.as_deref()),
            hidden: settings::variables(),
            ..RunOptions::default()
        }
    }
}

fn text(report: &ExplorationReport<'_>, before: usize) -> String {
    let ExplorationReport { verdict, found, note, .. } = report;
    let mut text = String::new();
    // Writing into a String cannot fail.
    for (at, violation) in found.violations.iter().enumerate() {
        let Violation { id, title, steps, found, file, repeat, seen, .. } = violation;
        let _ = writeln!(text, "{}. {title} ({id}, steps: {steps})", at + 1);
        for line in found {
            let _ = writeln!(text, "   {line}");
        }
        if !violation.is_least {
            text.push_str("   there was no time to shrink it; the same command does so\n");
        }
        if !violation.is_stable {
            let _ =
                writeln!(text, "   it fails now and then only: something in the shop is a race");
        }
        let _ =
            writeln!(text, "   part of {seen} failed runs; scenario: {file}\n   again: {repeat}");
    }
    for (label, reasons) in
        [("not judged", &found.unjudged), ("not applicable", &found.not_applicable)]
    {
        for (reason, count) in reasons {
            let _ = writeln!(text, "{label}, {count} runs: {reason}");
        }
    }
    let Exploration { of, explored, held, broken, violations, .. } = found;
    let before = if before == 0 { String::new() } else { format!(", {before} of them before") };
    let count =
        |reasons: &std::collections::BTreeMap<String, usize>| reasons.values().sum::<usize>();
    let _ = writeln!(
        text,
        "orders of events: {of}, explored: {explored}{before}; held: {held}, broken: {broken}, not judged: {}, not applicable: {}",
        count(&found.unjudged),
        count(&found.not_applicable),
    );
    let note = note.as_ref().map(|note| format!(" ({note})")).unwrap_or_default();
    let _ = writeln!(text, "violations: {}\nexplore: {}{note}", violations.len(), verdict.name());
    text
}
