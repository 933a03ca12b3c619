//! The command line: one file a verb, each a thin skin over the library.

mod announce;
mod audit;
mod base_url;
mod capture;
mod client;
mod clock;
mod completions;
mod config;
mod coverage;
mod doctor;
mod environment;
mod exec;
mod exit;
mod explain;
mod explore;
mod fault;
mod fidelity;
mod groups;
mod healthcheck;
mod inbox;
mod input;
mod interrupt;
mod keys;
mod khqr;
mod leftovers;
mod link;
mod listen_host;
mod logs;
mod merchant;
mod merchants;
mod open_files;
mod openapi;
mod order;
mod pay;
mod profile;
mod pushbacks;
mod reload;
mod reset;
mod rules;
mod run;
mod scenario;
mod scenarios;
mod sentence;
mod serve;
mod settings;
mod shadow;
mod side;
mod sign;
mod snapshot;
mod space;
mod system;
mod table;
mod tail;
mod talk;
mod tested_shop;
mod tls;
mod trigger;
mod verify;
mod visible;
mod wait;

use std::io::{self, Write as _};
use std::process::ExitCode;

use crate::base::printable;
use clap::error::{ContextKind, ContextValue};
use clap::{ArgMatches, CommandFactory as _, FromArgMatches as _, Parser, Subcommand};

/// The PAYON payment gateway on your own machine: a simulator for the tests of merchants.
#[derive(Parser, Debug)]
#[command(
    name = "payon-sim",
    version = env!("PAYON_SIM_VERSION"),
    override_usage = "payon-sim [OPTIONS OF serve]\n       payon-sim <COMMAND>",
    after_help = "\
Without a command it serves: `payon-sim --port 0` is `payon-sim serve --port 0`, whose options `payon-sim serve --help` \
lists. An option comes before its environment variable PAYON_SIM_…; an empty variable counts as left out.

Examples:
  payon-sim                                  serve on http://127.0.0.1:36605
  payon-sim keys export --merchant C0000143 --private --pem > key.pem
  payon-sim sign --merchant C0000143 < refund.json
  payon-sim verify --merchant C0000143 --operation refund < refund.json
  payon-sim fault down --for 30s             the running gateway is down for half a minute from now

Exit codes: 0 ok, 1 an expectation failed, 2 usage or configuration, 3 cannot bind, 4 strict violation"
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Debug)]
enum Command {
    /// Serve the gateway (what the bare command does)
    Serve(settings::ServeArgs),
    /// Run a command, such as your tests, with a gateway of its own
    Exec(exec::ExecArgs),
    /// Ask a running gateway if it takes requests: exit code 0 or 1, for supervisors of containers
    Healthcheck(healthcheck::HealthcheckArgs),
    /// Print the test CA of a running gateway that serves TLS
    #[command(subcommand)]
    Tls(tls::TlsVerb),
    /// Show the settings in effect
    #[command(subcommand)]
    Config(config::ConfigVerb),
    /// Write out, check and list the profile: merchants, cards, reasons, rules
    #[command(subcommand)]
    Profile(profile::ProfileVerb),
    /// Export, make and inspect RSA keys
    #[command(subcommand)]
    Keys(keys::KeysVerb),
    /// Sign the body on the standard input; nothing else in it changes
    Sign(sign::SignArgs),
    /// Check the signature of the body on the standard input, and explain what is wrong with it
    Verify(verify::VerifyArgs),
    /// Decode, draw and make KHQR payloads
    #[command(subcommand)]
    Khqr(khqr::KhqrVerb),
    /// Make, list, move and delete spaces, in which tests do not meet
    #[command(subcommand)]
    Space(space::SpaceVerb),
    /// Show and move the clock of a space: advance it, freeze it, bring it back to real time
    Clock(clock::ClockArgs),
    /// Make something go wrong at once: down, slow, lost answers, declines, faulty push-backs
    Fault(fault::FaultArgs),
    /// List, arm and take away rules, which say what goes wrong
    #[command(subcommand)]
    Rules(rules::RulesVerb),
    /// Arm, disarm, show and record scenarios
    #[command(subcommand)]
    Scenario(scenario::ScenarioVerb),
    /// List merchants and change their settings: key, address for push-backs, signatures
    #[command(subcommand)]
    Merchants(merchants::MerchantsVerb),
    /// Save a space and bring it back
    #[command(subcommand)]
    Snapshot(snapshot::SnapshotVerb),
    /// Reset a space to how it was at the start
    Reset(reset::ResetArgs),
    /// Play the payer of an order at a running gateway
    Pay(pay::PayArgs),
    /// Make something happen to an order at a running gateway
    Trigger(trigger::TriggerArgs),
    /// Send push-backs once more, now
    Resend(pushbacks::ResendArgs),
    /// List push-backs with how each stands, what the merchant answered and when it is sent next
    Pushbacks(pushbacks::PushbacksArgs),
    /// Wait until something has happened at a running gateway; the exit code says if it did
    Wait(wait::WaitArgs),
    /// Look at what a merchant has set up, and say what is wrong and what to do
    Doctor(doctor::DoctorArgs),
    /// Show the push-backs that came to the inbox of a running gateway
    Inbox(inbox::InboxArgs),
    /// Follow what happens at a running gateway: requests, orders, push-backs
    Tail(tail::TailArgs),
    /// Say what a running gateway has met of all that can go wrong, and what it has not
    Coverage(coverage::CoverageArgs),
    /// Explain one request to a running gateway: what decided it, what it booked, what went over the wire
    Explain(explain::ExplainArgs),
    /// List every behaviour with its source: documented by PAYON or assumed
    Fidelity(fidelity::FidelityArgs),
    /// Print the calls of the control plane as an OpenAPI document
    Openapi(openapi::OpenApiArgs),
    /// Run scenarios with the built-in merchant, with your own shop, or with a command that tests it
    Run(run::RunArgs),
    /// Give a verdict on a shop: every scenario and every attack probe, grades, findings, what to do
    Audit(audit::AuditArgs),
    /// Try every order of events that a shop can meet, and shrink what it does not cope with
    Explore(explore::ExploreArgs),
    /// Pass calls on to PAYON's own test system, and say where the simulator answers otherwise
    Shadow(Box<shadow::ShadowArgs>),
    /// Make a capture for `shadow --replay` of what other tools have recorded
    #[command(subcommand)]
    Capture(capture::CaptureVerb),
    /// Check scenario files: prints all mistakes and warnings, and exits with 2 where there is a mistake
    Check(scenarios::CheckArgs),
    /// Print the JSON Schema of a scenario file or of a merchant file
    Schema(scenarios::SchemaArgs),
    /// Begin and try a merchant file, which describes your shop for `run`, `audit` and `explore`
    #[command(subcommand)]
    Merchant(merchant::MerchantVerb),
    /// List the scenarios that come with the program
    Scenarios(scenarios::ListArgs),
    /// Make a checkout link from the JSON of an order on stdin
    Link(link::LinkArgs),
    /// Print the script by which a shell completes commands and options
    Completions(completions::CompletionsArgs),
    /// Write the manual's pages into a directory
    Man(completions::ManArgs),
}

/// The whole command line.
fn command_line() -> clap::Command {
    groups::in_groups(Cli::command())
}

/// Runs the command line of this process.
pub fn main() -> ExitCode {
    let arguments = environment::arguments();
    let mut command = environment::prepare(command_line());
    let matches = match command.try_get_matches_from_mut(&arguments) {
        Ok(matches) => matches,
        Err(error) => {
            if error.use_stderr() {
                announce::forget_ready_file(&arguments);
                leftovers::forget_reports(&arguments);
            }
            refuse(&with_all_meant(environment::with_variable(error, &command, &arguments)))
        }
    };
    let cli = Cli::from_arg_matches(&matches).unwrap_or_else(|error| refuse(&error));
    let own = innermost(&matches);
    let outcome = match cli.command {
        Command::Serve(args) => serve::run(args, own),
        Command::Exec(args) => exec::run(args),
        Command::Healthcheck(args) => healthcheck::run(args),
        Command::Config(verb) => config::run(verb, own),
        Command::Profile(verb) => profile::run(verb),
        Command::Keys(verb) => keys::run(verb, own),
        Command::Sign(args) => sign::run(&args, own),
        Command::Verify(args) => verify::run(&args, own),
        Command::Khqr(verb) => khqr::run(verb),
        Command::Space(verb) => space::run(&verb),
        Command::Clock(args) => clock::run(&args),
        Command::Fault(args) => fault::run(&args),
        Command::Rules(verb) => rules::run(&verb),
        Command::Scenario(verb) => scenario::run(&verb),
        Command::Merchants(verb) => merchants::run(&verb),
        Command::Snapshot(verb) => snapshot::run(&verb),
        Command::Tls(verb) => tls::run(&verb),
        Command::Reset(args) => reset::run(&args),
        Command::Pay(args) => pay::run(&args),
        Command::Trigger(args) => trigger::run(&args),
        Command::Resend(args) => pushbacks::resend(&args),
        Command::Pushbacks(args) => pushbacks::list(&args),
        Command::Wait(args) => wait::run(&args),
        Command::Doctor(args) => doctor::run(args, own),
        Command::Inbox(args) => inbox::run(&args),
        Command::Tail(args) => tail::run(&args),
        Command::Coverage(args) => coverage::run(&args),
        Command::Explain(args) => explain::run(&args),
        Command::Fidelity(args) => fidelity::run(&args),
        Command::Openapi(args) => openapi::run(&args),
        Command::Run(args) => run::run(args, arguments.last().is_some_and(|last| last == "--")),
        Command::Audit(args) => audit::run(args),
        Command::Explore(args) => explore::run(args),
        Command::Capture(verb) => capture::run(verb),
        Command::Shadow(args) => shadow::run(*args),
        Command::Check(args) => scenarios::check(args),
        Command::Schema(args) => scenarios::schema(&args),
        Command::Merchant(verb) => merchant::run(verb),
        Command::Scenarios(args) => scenarios::list(&args),
        Command::Link(args) => link::run(&args),
        Command::Completions(args) => completions::completions(&args, command_line()),
        Command::Man(args) => completions::man(&args, command_line()),
    };
    outcome.unwrap_or_else(|error| exit::usage(&error))
}

/// Prints what clap says, a mistake or help, and ends. What it quotes of the arguments may come from anywhere.
fn refuse(error: &clap::Error) -> ! {
    let told = error.render().to_string();
    if printable(&told) == told {
        let printed = if error.use_stderr() {
            error.print()
        } else {
            exit::coloured_output().and_then(|mut out| write!(out, "{}", error.render().ansi()))
        };
        // A reader that has gone is no error, as with the output of any verb.
        if let Err(problem) = printed
            && problem.kind() != io::ErrorKind::BrokenPipe
        {
            exit::say(&format_args!("error: cannot write the output: {problem}"));
            std::process::exit(2);
        }
        std::process::exit(error.exit_code());
    }
    exit::say(&told.trim_end());
    std::process::exit(error.exit_code());
}

/// The mistake, with all the values that begin like a wrong one where clap would name one of them alone.
fn with_all_meant(mut error: clap::Error) -> clap::Error {
    let Some(ContextValue::String(given)) = error.get(ContextKind::InvalidValue) else {
        return error;
    };
    let Some(ContextValue::Strings(valid)) = error.get(ContextKind::ValidValue) else {
        return error;
    };
    let begin = |value: &&String| !given.is_empty() && value.starts_with(given.as_str());
    let meant: Vec<&str> = valid.iter().filter(begin).map(String::as_str).collect();
    if meant.len() > 1 {
        let tip = format!("did you mean {}?", meant.join(" or "));
        error.remove(ContextKind::SuggestedValue);
        error.insert(ContextKind::Suggested, ContextValue::StyledStrs(vec![tip.into()]));
    }
    error
}

/// The matches of the verb itself, in which its flags are.
fn innermost(matches: &ArgMatches) -> &ArgMatches {
    matches.subcommand().map_or(matches, |(_, inner)| innermost(inner))
}

/// Number of threads that can run at once here: less than the machine's where a container or the caller says so.
fn processors() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_arguments_are_consistent() {
        command_line().debug_assert();
    }
}
