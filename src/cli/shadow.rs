//! `payon-sim shadow`: the real gateway beside the simulator.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context as _, bail};
use clap::{Args, ValueEnum};
use serde::Serialize;

use super::exit;
use super::input::ProfileArg;
use super::interrupt::EndSignals;
use super::leftovers::forget_file;
use crate::base::{OverallVerdict, RECORDING_MAX, WebUrl, read_text_within};
use crate::capture::Session;
use crate::profile::Profile;
use crate::server::listen;
use crate::shadow::{
    self, ConfirmationPlan, PUSHBACK_PATH, Shadow, ShadowJudge, ShadowReport, ShadowSettings,
    Upstream,
};

/// Gateway to pass calls on to, or a capture to judge by.
#[derive(Args, Debug)]
#[command(after_help = "\
The merchant points at the shadow in place of PAYON's test system. Each request goes to the gateway byte for byte and its \
answer comes back untouched; beside it the simulator decides what it would have answered. Nothing is sent twice, and \
nothing but the merchant's own traffic is sent. docs/shadow.md says more.

Examples:
  payon-sim shadow --upstream http://pgtest.payon.com.kh --capture today.jsonl
  payon-sim shadow --upstream http://pgtest.payon.com.kh --pushback-to http://127.0.0.1:8080/payon/noti
  payon-sim shadow --replay today.jsonl --profile mine.toml

Exit codes: 0 the simulator answers as the gateway did, 1 something differs or was not compared, 2 usage, 3 cannot bind")]
pub(super) struct ShadowArgs {
    /// The gateway that answers: scheme, host and port
    #[arg(long, value_name = "URL", required_unless_present_any = ["replay", "plan"], conflicts_with = "replay")]
    upstream: Option<String>,
    /// Judge the profile by this capture, offline, in place of a gateway
    #[arg(long, value_name = "CAPTURE")]
    replay: Option<PathBuf>,
    /// Address to listen on
    #[arg(long, value_name = "ADDRESS", default_value_t = Ipv4Addr::LOCALHOST.into())]
    host: IpAddr,
    /// Port to listen on; 0 takes a free one
    #[arg(long, value_name = "PORT", default_value_t = 36606)]
    port: u16,
    /// Pass push-backs that come to /_shadow/pushback on to this address
    #[arg(long, value_name = "URL", value_parser = web_url)]
    pushback_to: Option<WebUrl>,
    /// Call a gateway that is not clearly a test system; its orders and its money are real
    #[arg(long)]
    i_know_this_is_production: bool,
    /// Take any certificate of the gateway
    #[arg(long)]
    accept_any_certificate: bool,
    /// Write all that goes through to this file, secrets masked
    #[arg(long, value_name = "FILE")]
    capture: Option<PathBuf>,
    /// Leave signatures in the capture as they are
    #[arg(long)]
    keep_signatures: bool,
    /// Let it pass although not everything was compared
    #[arg(long)]
    allow_uncompared: bool,
    /// Print the calls that would settle open assumptions, and the progress as they are made
    #[arg(long)]
    plan: bool,
    /// Write an overlay for --profile there that makes the simulator answer as the gateway did
    #[arg(long, value_name = "FILE")]
    patch: Option<PathBuf>,
    /// Write a scenario there whose rules let answers take as long as the gateway's
    #[arg(long, value_name = "FILE")]
    latency_scenario: Option<PathBuf>,
    /// Write JUnit there
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
    /// Write the report as a page there
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// Format of the output
    #[arg(long, value_enum, default_value_t = ShadowFormat::Text)]
    format: ShadowFormat,
    #[command(flatten)]
    profile: ProfileArg,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum ShadowFormat {
    /// For people
    Text,
    /// JSON
    Json,
}

fn web_url(text: &str) -> Result<WebUrl, String> {
    WebUrl::parse(text).map_err(|error| format!("it {error}"))
}

/// Runs the shadow until Ctrl-C, or judges a capture.
pub(super) fn run(args: ShadowArgs) -> anyhow::Result<ExitCode> {
    // Reports that an earlier run has left must not be taken for ours, whatever becomes of this one.
    args.junit.iter().chain(&args.html).for_each(|file| forget_file(file));
    let profile = args.profile.load()?;
    if let Some(file) = &args.replay {
        let session = read_session(file)?;
        let report = shadow::replay(profile, &session);
        return args.conclude(&report, Some(&session));
    }
    if args.upstream.is_none() && args.plan {
        let report = ShadowReport::of(&mut ShadowJudge::new(profile, false), "");
        exit::print(&ConfirmationPlan::of(&report).text())?;
        return Ok(ExitCode::SUCCESS);
    }
    let Some(url) = &args.upstream else { bail!("name a gateway: --upstream URL") };
    let upstream = Upstream::parse(url, args.accept_any_certificate)?;
    if !args.i_know_this_is_production {
        upstream.check_test_system()?;
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(serve(&args, upstream, profile))
}

async fn serve(
    args: &ShadowArgs,
    upstream: Upstream,
    profile: Arc<Profile>,
) -> anyhow::Result<ExitCode> {
    let mut signals = EndSignals::new()?;
    let capture = args.capture.as_deref().map(create).transpose()?;
    let address = SocketAddr::new(args.host, args.port);
    let listener = match listen(address) {
        Ok(listener) => listener,
        Err(error) => {
            return Ok(exit::cannot_bind(&format_args!("cannot listen on {address}: {error}")));
        }
    };
    let origin = upstream.origin();
    let settings = ShadowSettings {
        upstream,
        pushback_to: args.pushback_to.clone(),
        profile,
        capture,
        keeps_signatures: args.keep_signatures,
        progress: args.plan.then(progress),
    };
    let shadow = Shadow::start(listener, settings)?;
    let own = format!("http://{}", shadow.address());
    exit::say(&format_args!("the shadow is ready: calls to {own} go on to {origin}"));
    match &args.pushback_to {
        Some(url) => exit::say(&format_args!(
            "push-backs that come to {own}{PUSHBACK_PATH} go on to {}",
            url.as_str()
        )),
        None => {
            exit::say(&"push-backs go to the merchant directly; --pushback-to compares them too");
        }
    }
    exit::say(&"Ctrl-C ends it and prints the report");
    signals.next().await;
    let outcome = shadow.stop().await;
    if let Some(error) = outcome.capture_error {
        exit::say(&format_args!("the capture could not be written: {error}"));
        args.print(&outcome.report)?;
        return Ok(exit::failed());
    }
    args.conclude(&outcome.report, outcome.session.as_ref())
}

/// Tells each time that calls have settled more assumptions.
fn progress() -> Box<dyn FnMut(&ShadowJudge) + Send> {
    let mut known = 0;
    Box::new(move |judge| {
        let (settled, all) = ConfirmationPlan::of(&ShadowReport::so_far(judge)).progress();
        if settled > known {
            known = settled;
            exit::say(&format_args!("{settled} of {all} assumptions are settled"));
        }
    })
}

/// A report with the verdict over it, as programs read it.
#[derive(Serialize)]
struct JudgedShadow<'r> {
    #[serde(flatten)]
    verdict: OverallVerdict,
    #[serde(flatten)]
    report: &'r ShadowReport,
}

impl ShadowArgs {
    fn print(&self, report: &ShadowReport) -> anyhow::Result<()> {
        let verdict = report.verdict(self.allow_uncompared);
        match self.format {
            ShadowFormat::Text => {
                exit::print(&format!("{}shadow: {}\n", report.text(), verdict.name()))
            }
            ShadowFormat::Json => exit::print_json(&JudgedShadow { verdict, report }),
        }
    }

    fn conclude(
        &self,
        report: &ShadowReport,
        session: Option<&Session>,
    ) -> anyhow::Result<ExitCode> {
        self.print(report)?;
        if self.plan && self.format == ShadowFormat::Text {
            exit::print(&format!("\n{}", ConfirmationPlan::of(report).text()))?;
        }
        if let Some(file) = &self.junit {
            write(file, &report.junit(self.allow_uncompared))?;
        }
        if let Some(file) = &self.html {
            write(file, &report.html(self.allow_uncompared)?)?;
        }
        if let Some(file) = &self.latency_scenario {
            let scenario = shadow::latency_scenario(report)
                .context("no call was answered, so there is no latency to write down")?;
            write(file, &scenario)?;
        }
        if let Some(file) = &self.patch {
            self.write_patch(file, report, session)?;
        }
        Ok(exit::by_verdict(&report.verdict(self.allow_uncompared)))
    }
}

impl ShadowArgs {
    fn write_patch(
        &self,
        file: &Path,
        report: &ShadowReport,
        session: Option<&Session>,
    ) -> anyhow::Result<()> {
        let session = session.context(
            "the session was too long to be kept for a patch; make it of its capture: --replay CAPTURE --patch FILE",
        )?;
        let base = self.profile.path().map(std::path::absolute).transpose()?;
        let base = base.map(|base| base.display().to_string());
        let patch = shadow::propose(base.as_deref(), session, report)?;
        write(file, &patch.text)?;
        let left = patch.after.findings.len();
        let rest = if left == 0 {
            "by which the same session has no difference".to_owned()
        } else {
            format!("by which {left} differences are left that no setting changes")
        };
        let shown = file.display();
        exit::say(&format_args!(
            "{shown}: {} changes, {} assumptions confirmed, {rest}; try it with --profile {shown}",
            patch.changes, patch.confirmed
        ));
        if report.simulated > 0 {
            exit::say(
                &"nothing counts as confirmed: the answers came from a payon-sim, not from PAYON",
            );
        }
        Ok(())
    }
}

fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    std::fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
}

fn create(path: &Path) -> anyhow::Result<Box<dyn Write + Send>> {
    let file = File::create_new(path)
        .with_context(|| format!("cannot write the capture {}", path.display()))?;
    Ok(Box::new(BufWriter::new(file)))
}

fn read_session(path: &Path) -> anyhow::Result<Session> {
    let shown = path.display();
    let text =
        read_text_within(path, RECORDING_MAX).with_context(|| format!("cannot read {shown}"))?;
    Session::read(&text).with_context(|| format!("{shown}"))
}
