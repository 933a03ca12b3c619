//! The settings of `serve`, and where each comes from: flag, environment, file, or built in.

use std::fmt;
use std::num::{NonZeroU64, NonZeroUsize};
use std::path::{Path, PathBuf};

use clap::builder::BoolishValueParser;
use clap::parser::ValueSource;
use clap::{ArgMatches, Args, ValueEnum};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use toml::de::DeTable;

use super::base_url::BaseUrl;
use super::environment;
use super::listen_host::ListenHost;
use crate::base::read_text;
use crate::checkout::FRAME_ANCESTORS;
use crate::http::TrustedProxy;
use crate::profile::Diagnostic;
use crate::space::{Budgets, Durability};

/// Options of `serve`.
#[derive(Args, Clone, Debug)]
pub(super) struct ServeArgs {
    /// A TOML file with settings, named like the flags: `port = 8080`. Flags and environment come before it
    #[arg(long, env = "PAYON_SIM_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(flatten)]
    settings: ServeSettings,
}

/// Each setting is a flag, the environment variable named beside it, and a key of the file.
#[derive(Args, Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct ServeSettings {
    /// Address to listen on; anything but loopback is reachable by others. `localhost` is 127.0.0.1 and [::1]
    #[arg(long, env = "PAYON_SIM_HOST", default_value_t = ServeSettings::default().host)]
    pub(super) host: ListenHost,
    /// Port for merchants (and for control, unless --control-port is given); 0 takes a free one
    #[arg(long, env = "PAYON_SIM_PORT", default_value_t = ServeSettings::default().port)]
    pub(super) port: u16,
    /// A port of its own for the control plane; 0 takes a free one
    #[arg(long, env = "PAYON_SIM_CONTROL_PORT", value_name = "PORT")]
    pub(super) control_port: Option<u16>,
    /// A port of its own on which merchants are served with TLS; 0 takes a free one
    #[arg(long, env = "PAYON_SIM_TLS_PORT", value_name = "PORT")]
    pub(super) tls_port: Option<u16>,
    /// A PEM file with the certificate for --tls-port, and those of its issuers behind it. Without it a test CA makes one at
    /// the start, whose certificate `payon-sim tls ca` prints
    #[arg(long, env = "PAYON_SIM_TLS_CERT", value_name = "FILE")]
    pub(super) tls_cert: Option<PathBuf>,
    /// A PEM file with the private key of --tls-cert
    #[arg(long, env = "PAYON_SIM_TLS_KEY", value_name = "FILE")]
    pub(super) tls_key: Option<PathBuf>,
    /// A further host name or IP address for the certificate of the test CA, such as the name of a container; may be given
    /// several times. It always has those of this machine, --host and --public-url. In the environment variable several are
    /// separated by commas
    #[arg(long, env = "PAYON_SIM_TLS_NAME", value_name = "NAME")]
    pub(super) tls_name: Vec<String>,
    /// Value that callers of the control plane must send as `Authorization: Bearer …`. Made at random where it is left out and
    /// --host is not loopback
    #[arg(long, env = "PAYON_SIM_CONTROL_TOKEN", value_name = "TOKEN", hide_env_values = true)]
    pub(super) control_token: Option<String>,
    /// A directory like the one that `payon-sim profile export` writes, or an overlay (.toml), in place of the built-in one
    #[arg(long, env = "PAYON_SIM_PROFILE", value_name = "DIR|FILE")]
    pub(super) profile: Option<PathBuf>,
    /// Seed of every choice; the same seed gives the same run. Chosen at random when left out
    #[arg(long, env = "PAYON_SIM_SEED")]
    pub(super) seed: Option<u64>,
    /// Address under which payers reach the gateway, when merchants reach it under another one
    #[arg(long, env = "PAYON_SIM_PUBLIC_URL", value_name = "URL")]
    pub(super) public_url: Option<BaseUrl>,
    /// Address of a proxy, or a network such as 10.0.0.0/8, whose X-Forwarded-Proto, -Host and -Prefix count in links, pages
    /// and redirects; may be given several times. In the environment variable several are separated by commas
    #[arg(long, env = "PAYON_SIM_TRUSTED_PROXY", value_name = "ADDRESS", value_delimiter = ',')]
    pub(super) trusted_proxy: Vec<TrustedProxy>,
    /// Leave the tester's panel out of the payer's pages
    #[arg(long, env = "PAYON_SIM_NO_PANEL", value_parser = BoolishValueParser::new())]
    pub(super) no_panel: bool,
    /// Sites that may show the payer's pages in a frame: sources of the policy frame-ancestors
    #[arg(
        long,
        env = "PAYON_SIM_FRAME_ANCESTORS",
        value_name = "SOURCES",
        default_value_t = ServeSettings::default().frame_ancestors
    )]
    pub(super) frame_ancestors: String,
    /// A file that gets one line of JSON once the gateway answers: {"url":…,"controlUrl":…,"pid":…}, and "tlsUrl" and
    /// "controlToken" where there are such. It is removed at the start and at the end. With - the line is all that is on the standard output,
    /// and the banner goes to the error stream
    #[arg(long, env = "PAYON_SIM_READY_FILE", value_name = "FILE")]
    pub(super) ready_file: Option<PathBuf>,
    /// An open descriptor that gets the same line, on Unix
    #[arg(long, env = "PAYON_SIM_READY_FD", value_name = "NUMBER")]
    pub(super) ready_fd: Option<u16>,
    /// End when the process that started this one ends, however it ends, and at the end of the standard input where that
    /// is a pipe
    #[arg(long, env = "PAYON_SIM_EXIT_WITH_PARENT", value_parser = BoolishValueParser::new())]
    pub(super) exit_with_parent: bool,
    /// A directory in which every space is kept, so that it survives restarts and crashes. Made where it is missing; one
    /// process at a time can use it. Not kept are the journal and the event log
    #[arg(long, env = "PAYON_SIM_STATE", value_name = "DIR")]
    pub(super) state: Option<PathBuf>,
    /// With --state, when a change is on the disk: `always` before anybody is told of it, `second` within a second
    #[arg(
        long,
        env = "PAYON_SIM_DURABILITY",
        value_name = "WHEN",
        default_value_t = ServeSettings::default().durability
    )]
    pub(super) durability: DurabilityName,
    /// Orders that each space keeps at most, open ones aside; the oldest closed ones are dropped past that
    #[arg(long, env = "PAYON_SIM_MAX_ORDERS", value_name = "COUNT", default_value_t = ServeSettings::default().max_orders)]
    pub(super) max_orders: usize,
    /// Open orders that each space keeps at most; past that a registration is refused with `simulator.full`
    #[arg(
        long,
        env = "PAYON_SIM_MAX_OPEN_ORDERS",
        value_name = "COUNT",
        default_value_t = ServeSettings::default().max_open_orders
    )]
    pub(super) max_open_orders: usize,
    /// Requests that each space's journal keeps
    #[arg(
        long,
        env = "PAYON_SIM_JOURNAL_ENTRIES",
        value_name = "COUNT",
        default_value_t = ServeSettings::default().journal_entries
    )]
    pub(super) journal_entries: usize,
    /// Bytes that each space's journal keeps
    #[arg(
        long,
        env = "PAYON_SIM_JOURNAL_BYTES",
        value_name = "BYTES",
        default_value_t = ServeSettings::default().journal_bytes
    )]
    pub(super) journal_bytes: usize,
    /// Longest time for a request's head or body, and for an idle connection
    #[arg(
        long,
        env = "PAYON_SIM_REQUEST_TIMEOUT_MS",
        value_name = "MS",
        default_value_t = ServeSettings::default().request_timeout_ms
    )]
    pub(super) request_timeout_ms: NonZeroU64,
    /// Longest time for requests and push-backs under way to end after SIGTERM
    #[arg(
        long,
        env = "PAYON_SIM_DRAIN_MS",
        value_name = "MS",
        default_value_t = ServeSettings::default().drain_ms
    )]
    pub(super) drain_ms: u64,
    /// Worker threads, 256 at most; by default one for each processor that it may use
    #[arg(long, env = "PAYON_SIM_WORKERS", value_name = "COUNT")]
    pub(super) workers: Option<NonZeroUsize>,
    /// Log level for stderr: off, error, warn, info, debug or trace; or by part, such as payon_sim=debug,hyper=warn
    #[arg(long, env = "PAYON_SIM_LOG", value_name = "FILTER", default_value_t = ServeSettings::default().log)]
    pub(super) log: String,
    /// Refuse requests in which the lint finds a violation, and exit with 4 if there was any
    #[arg(long, env = "PAYON_SIM_STRICT", value_parser = BoolishValueParser::new())]
    pub(super) strict: bool,
    /// A scenario whose rules are armed in the space `default`: a file, a directory, or an id such as S014; may be given
    /// several times. In the environment variable several are separated by commas
    #[arg(long, env = "PAYON_SIM_SCENARIO", value_name = "PATH|ID")]
    pub(super) scenario: Vec<String>,
    /// Arm the scenarios anew when their files change; SIGHUP and POST /_sim/v1/reload do so at any time
    #[arg(long, env = "PAYON_SIM_WATCH", value_parser = BoolishValueParser::new())]
    pub(super) watch: bool,
    /// Print nothing at the start, and log errors only, unless --log is given
    #[arg(long, env = "PAYON_SIM_QUIET", value_parser = BoolishValueParser::new())]
    pub(super) quiet: bool,
}

/// The names of [`Durability`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum DurabilityName {
    Always,
    Second,
}

impl fmt::Display for DurabilityName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Always => "always",
            Self::Second => "second",
        })
    }
}

impl From<DurabilityName> for Durability {
    fn from(name: DurabilityName) -> Self {
        match name {
            DurabilityName::Always => Self::Always,
            DurabilityName::Second => Self::Second,
        }
    }
}

impl Default for ServeSettings {
    fn default() -> Self {
        let budgets = Budgets::default();
        Self {
            host: ListenHost::Localhost,
            port: DEFAULT_PORT,
            control_port: None,
            tls_port: None,
            tls_cert: None,
            tls_key: None,
            tls_name: Vec::new(),
            control_token: None,
            profile: None,
            seed: None,
            public_url: None,
            trusted_proxy: Vec::new(),
            no_panel: false,
            frame_ancestors: FRAME_ANCESTORS.to_owned(),
            ready_file: None,
            ready_fd: None,
            exit_with_parent: false,
            state: None,
            durability: DurabilityName::Second,
            max_orders: budgets.orders,
            max_open_orders: budgets.open_orders,
            journal_entries: budgets.journal.entries,
            journal_bytes: budgets.journal.bytes,
            // Evaluated by the compiler: it cannot fail at run time.
            request_timeout_ms: const { NonZeroU64::new(30_000).unwrap() },
            drain_ms: 5_000,
            workers: None,
            log: "info".to_owned(),
            strict: false,
            scenario: Vec::new(),
            watch: false,
            quiet: false,
        }
    }
}

/// The port where none is named: PAYON's own.
pub(super) const DEFAULT_PORT: u16 = 36605;
/// The most worker threads. More than there are processors bring nothing.
const WORKERS_MAX: usize = 256;
/// Complaint about a path without a name, which would be the directory of whoever starts the server.
const EMPTY_PATH: &str = "is empty; give a path, or leave it out";
/// Settings that are never shown.
const SECRETS: &[&str] = &["control-token"];

/// Source of a setting's value.
#[derive(Clone, Debug, PartialEq, Eq)]
enum SettingSource {
    Flag,
    Environment,
    File { file: String, line: usize },
    BuiltIn,
}

/// All settings, each with its origin. `Display` prints them as a file that would give the same.
#[derive(Clone, Debug)]
pub(super) struct Resolved {
    /// The values.
    pub(super) settings: ServeSettings,
    /// Variables that were passed over, each in a sentence.
    pub(super) notes: Vec<String>,
    rows: Vec<(String, Value, SettingSource)>,
}

/// Reason why there are no settings.
#[derive(Debug, thiserror::Error)]
pub(super) enum SettingsError {
    #[error("cannot read the settings in {file}: {error}")]
    Unreadable { file: String, error: std::io::Error },
    #[error("{0}")]
    Mistake(Box<Diagnostic>),
    #[error("the settings do not go together: {0}")]
    Unfit(#[from] serde_json::Error),
    #[error(
        "{place}: at most {WORKERS_MAX} worker threads can be started; leave it out for one a processor"
    )]
    Workers { place: String },
    #[error("{place}: {problem}")]
    Token { place: String, problem: &'static str },
    #[error("{place}: {problem}")]
    Unfitting { place: String, problem: &'static str },
}

impl ServeArgs {
    /// Merges what was given with the file, if one is named. `matches` must be those that `self` was read from. The
    /// settings are still to be checked.
    pub(super) fn merge(self, matches: &ArgMatches) -> Result<Resolved, SettingsError> {
        let file = self.config.as_deref().map(SettingsFile::read).transpose()?;
        let (mut rows, mut notes) = (Vec::new(), Vec::new());
        for (name, given) in members(&self.settings)? {
            let written = file.as_ref().and_then(|file| file.get(&name));
            let (value, origin) = match (matches.value_source(&name.replace('-', "_")), written) {
                (Some(ValueSource::CommandLine), _) => (given, SettingSource::Flag),
                (Some(ValueSource::EnvVariable), _) => (given, SettingSource::Environment),
                (_, Some((value, origin))) => (value, origin),
                (_, None) => (given, SettingSource::BuiltIn),
            };
            if origin != SettingSource::Flag {
                notes.extend(environment::note(&variable(&name)));
            }
            rows.push((name, value, origin));
        }
        for (name, value, origin) in &mut rows {
            if ["scenario", "tls-name"].contains(&name.as_str())
                && *origin == SettingSource::Environment
            {
                split_at_commas(value);
            }
        }
        let merged = rows.iter().map(|(name, value, _)| (name.clone(), value.clone())).collect();
        let settings: ServeSettings = serde_json::from_value(Value::Object(merged))?;
        Ok(Resolved { settings, notes, rows })
    }

    /// The file that gets the ready line, as far as no file of settings names it.
    pub(super) fn ready_file(&self) -> Option<PathBuf> {
        self.settings.ready_file.clone()
    }
}

/// Returns true if this names the standard output in place of a file.
pub(super) fn is_stdout(path: &Path) -> bool {
    path == Path::new("-")
}

/// The setting that cannot be or has no effect beside the others, and why.
fn unfit(settings: &ServeSettings) -> Option<(&'static str, &'static str)> {
    let ServeSettings { port, control_port, tls_port, tls_cert, tls_key, tls_name, .. } = settings;
    let is_taken = |asked: Option<u16>, by: &[Option<u16>]| {
        asked.is_some_and(|port| port != 0 && by.contains(&Some(port)))
    };
    if is_taken(*control_port, &[Some(*port)]) {
        return Some((
            "control-port",
            "is that of --port; leave it out for one port, or choose another",
        ));
    }
    if is_taken(*tls_port, &[Some(*port), *control_port]) {
        return Some((
            "tls-port",
            "is that of --port or --control-port; TLS needs a port of its own",
        ));
    }
    if settings.durability != DurabilityName::Second && settings.state.is_none() {
        return Some((
            "durability",
            "has no effect without --state, the directory that keeps the spaces",
        ));
    }
    let without_port = "has no effect without --tls-port, the port that speaks TLS";
    match (tls_port, tls_cert, tls_key) {
        (None, Some(_), _) => Some(("tls-cert", without_port)),
        (None, _, Some(_)) => Some(("tls-key", without_port)),
        (None, None, None) if !tls_name.is_empty() => Some(("tls-name", without_port)),
        (_, Some(_), None) => {
            Some(("tls-cert", "needs --tls-key, the private key of the certificate"))
        }
        (_, None, Some(_)) => Some(("tls-key", "needs --tls-cert, the certificate of the key")),
        (_, Some(_), Some(_)) if !tls_name.is_empty() => Some((
            "tls-name",
            "has no effect with --tls-cert: that certificate has its names already",
        )),
        _ => None,
    }
}

/// Refuses a token that nobody could send: it travels in a header. The token itself is told nowhere.
pub(super) fn check_token(token: &str) -> Result<(), &'static str> {
    if token.is_empty() {
        return Err("an empty token can be sent by nobody; leave it out instead");
    }
    let is_plain = token.bytes().all(|byte| byte.is_ascii_graphic());
    is_plain.then_some(()).ok_or(
        "a token is sent in a header, so it has ASCII letters, digits and signs, and no blanks",
    )
}

impl Resolved {
    /// Refuses settings that cannot be, alone or beside each other.
    pub(super) fn check(self) -> Result<Self, SettingsError> {
        let settings = &self.settings;
        if settings.workers.is_some_and(|workers| workers.get() > WORKERS_MAX) {
            return Err(SettingsError::Workers { place: self.place("workers") });
        }
        if let Some((name, problem)) = unfit(settings) {
            return Err(SettingsError::Unfitting { place: self.place(name), problem });
        }
        if let Some(token) = &settings.control_token {
            check_token(token).map_err(|problem| SettingsError::Token {
                place: self.place("control-token"),
                problem,
            })?;
        }
        Ok(self)
    }

    /// The filter of the log. Quiet means errors alone, unless a filter is given as well.
    pub(super) fn log_filter(&self) -> &str {
        let is_built_in = matches!(self.origin("log"), Some(SettingSource::BuiltIn));
        if self.settings.quiet && is_built_in { "error" } else { &self.settings.log }
    }

    /// The error of a setting, with its place where that is no flag.
    pub(super) fn blame(&self, name: &str, error: anyhow::Error) -> anyhow::Error {
        match self.origin(name) {
            Some(SettingSource::Environment | SettingSource::File { .. }) => {
                error.context(self.place(name))
            }
            _ => error,
        }
    }

    /// Words for the place of a setting's value.
    pub(super) fn place(&self, name: &str) -> String {
        match self.origin(name) {
            Some(SettingSource::Environment) => format!("from {}", variable(name)),
            Some(SettingSource::File { file, line }) => format!("{file}:{line}: {name}"),
            _ => format!("--{name}"),
        }
    }

    fn origin(&self, name: &str) -> Option<&SettingSource> {
        self.rows.iter().find(|(known, ..)| known == name).map(|(.., origin)| origin)
    }
}

/// An environment variable has one value, also for what may be given several times. A file with a comma in its name is
/// for the flag and the file of settings.
fn split_at_commas(value: &mut Value) {
    let Value::Array(items) = value else { return };
    let parts = items.iter().filter_map(Value::as_str).flat_map(|item| item.split(','));
    *items = parts.filter(|part| !part.is_empty()).map(Value::from).collect();
}

fn members(settings: &ServeSettings) -> Result<Map<String, Value>, serde_json::Error> {
    serde_json::to_value(settings).and_then(serde_json::from_value)
}

/// A file of settings.
struct SettingsFile {
    shown: String,
    values: Map<String, Value>,
    lines: Vec<(String, usize)>,
}

impl SettingsFile {
    fn read(path: &Path) -> Result<Self, SettingsError> {
        let shown = path.display().to_string();
        let text = read_text(path)
            .map_err(|error| SettingsError::Unreadable { file: shown.clone(), error })?;
        let mistake =
            |error| SettingsError::Mistake(Box::new(Diagnostic::of_toml(&shown, &text, &error)));
        let mut settings: ServeSettings = toml::from_str(&text).map_err(mistake)?;
        let root = DeTable::parse(&text).map_err(mistake)?;
        let line = |offset: usize| text[..offset].matches('\n').count() + 1;
        let lines = root.get_ref().keys();
        let lines = lines
            .map(|key| (key.get_ref().to_string(), line(key.span().start)))
            .collect::<Vec<_>>();
        // A path means what it means to somebody who looks at the file.
        let dir = path.parent().unwrap_or(Path::new(""));
        let paths = [
            ("profile", &mut settings.profile),
            ("ready-file", &mut settings.ready_file),
            ("state", &mut settings.state),
            ("tls-cert", &mut settings.tls_cert),
            ("tls-key", &mut settings.tls_key),
        ];
        for (name, path) in paths {
            let Some(path) = path.as_mut().filter(|path| !is_stdout(path)) else { continue };
            if path.as_os_str().is_empty() {
                let at = lines.iter().find(|(known, _)| known == name).map_or(1, |(_, line)| *line);
                let place = format!("{shown}:{at}: {name}");
                return Err(SettingsError::Unfitting { place, problem: EMPTY_PATH });
            }
            *path = dir.join(&path);
        }
        for path in settings.scenario.iter_mut().filter(|path| !path.is_empty()) {
            if dir.join(&path).exists() {
                *path = dir.join(&path).display().to_string();
            }
        }
        Ok(Self { values: members(&settings)?, lines, shown })
    }

    fn get(&self, name: &str) -> Option<(Value, SettingSource)> {
        let (_, line) = self.lines.iter().find(|(known, _)| known == name)?;
        let origin = SettingSource::File { file: self.shown.clone(), line: *line };
        Some((self.values.get(name)?.clone(), origin))
    }
}

impl Resolved {
    /// The settings by their names, each with its origin; null is not set. Secrets are not shown.
    pub(super) fn to_json(&self) -> Value {
        let settings = self.rows.iter().map(|(name, value, origin)| {
            let is_hidden = SECRETS.contains(&name.as_str()) && !value.is_null();
            let value = if is_hidden { Value::from("(hidden)") } else { value.clone() };
            let origin = match origin {
                SettingSource::Flag => format!("flag --{name}"),
                SettingSource::Environment => format!("environment {}", variable(name)),
                SettingSource::File { file, line } => format!("{file}:{line}"),
                SettingSource::BuiltIn => "built in".to_owned(),
            };
            (name.clone(), json!({ "value": value, "from": origin }))
        });
        settings.collect::<Map<_, _>>().into()
    }
}

impl fmt::Display for Resolved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, value, origin) in &self.rows {
            let secret = SECRETS.contains(&name.as_str());
            let line = match value {
                Value::Null => format!("# {name} ="),
                _ if secret => format!("# {name} = (hidden)"),
                value => format!("{name} = {value}"),
            };
            write!(f, "{line:<40} # ")?;
            match origin {
                SettingSource::Flag => writeln!(f, "flag --{name}")?,
                SettingSource::Environment => writeln!(f, "environment {}", variable(name))?,
                SettingSource::File { file, line } => writeln!(f, "{file}:{line}")?,
                SettingSource::BuiltIn if value.is_null() => writeln!(f, "not set")?,
                SettingSource::BuiltIn => writeln!(f, "built in")?,
            }
        }
        Ok(())
    }
}

/// The environment variables that `serve` reads.
pub(super) fn variables() -> Vec<String> {
    let command = ServeArgs::augment_args(clap::Command::new("serve"));
    let names = command.get_arguments().filter_map(|argument| argument.get_env()?.to_str());
    names.map(str::to_owned).collect()
}

/// The environment variable of a setting.
fn variable(name: &str) -> String {
    format!("PAYON_SIM_{}", name.replace('-', "_").to_uppercase())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use clap::{Command, FromArgMatches as _};

    fn resolve(args: &[&str]) -> Result<Resolved, SettingsError> {
        let command = ServeArgs::augment_args(Command::new("serve").no_binary_name(true));
        let matches = command.get_matches_from(args);
        ServeArgs::from_arg_matches(&matches).expect("read").merge(&matches)?.check()
    }

    #[test]
    fn every_setting_has_its_environment_variable() {
        let command = ServeArgs::augment_args(Command::new("serve"));
        for argument in command.get_arguments() {
            let name = argument.get_long().expect("a flag");
            let expected = variable(name);
            assert_eq!(argument.get_env(), Some(expected.as_ref()), "{name}");
        }
    }

    #[test]
    fn a_flag_comes_before_the_file_and_the_file_before_the_built_in_value() {
        let dir = tempfile::tempdir().expect("a directory");
        let file = dir.path().join("sim.toml");
        let text =
            "# mine\nport = 1\nhost = \"::1\"\n\nprofile = \"mine\"\ncontrol-token = \"x\"\n";
        fs::write(&file, text).expect("written");
        let shown = file.display().to_string();
        let resolved = resolve(&["--config", &shown, "--port", "2"]).expect("resolved");
        assert_eq!(resolved.settings.port, 2);
        assert_eq!(resolved.settings.host, ListenHost::Ip(std::net::Ipv6Addr::LOCALHOST.into()));
        assert_eq!(resolved.settings.drain_ms, 5000);
        assert_eq!(resolved.settings.profile, Some(dir.path().join("mine")));
        let printed = resolved.to_string();
        let line = |name: &str| {
            let mut lines = printed.lines().map(|line| line.trim_start_matches("# "));
            let line = lines.find(|line| line.starts_with(&format!("{name} =")));
            line.map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
        };
        let from_file = |rest: &str, at: u32| Some(format!("{rest} # {shown}:{at}"));
        assert_eq!(line("port"), Some("port = 2 # flag --port".into()));
        assert_eq!(line("host"), from_file("host = \"::1\"", 3));
        assert_eq!(line("control-token"), from_file("control-token = (hidden)", 6));
        assert_eq!(line("drain-ms"), Some("drain-ms = 5000 # built in".into()));
        assert_eq!(line("seed"), Some("seed = # not set".into()));
        assert!(!printed.contains("\"x\""));
        let again: ServeSettings = toml::from_str(&printed).expect("what is printed is a file");
        assert_eq!(again.port, 2);
    }

    #[test]
    fn a_mistake_in_the_file_is_told_with_its_place() {
        let dir = tempfile::tempdir().expect("a directory");
        let file = dir.path().join("sim.toml");
        let shown = file.display().to_string();
        let message = |text: &str| {
            fs::write(&file, text).expect("written");
            let error = resolve(&["--config", &shown]).expect_err("refused").to_string();
            error.replace(&shown, "sim.toml")
        };
        let unknown = message("port = 1\n  prot = 2\n");
        assert!(unknown.starts_with("sim.toml:2:3: unknown field `prot`"), "{unknown}");
        assert!(unknown.ends_with("= did you mean `port`?"), "{unknown}");
        assert!(message("port = 70000").starts_with("sim.toml:1:8: "));
        for name in ["profile", "ready-file", "state", "tls-cert", "tls-key"] {
            let empty = message(&format!("port = 1\n{name} = \"\""));
            let told = format!("sim.toml:2: {name}: is empty; give a path, or leave it out");
            assert_eq!(empty, told);
        }
        assert!(message("workers = 0").starts_with("sim.toml:1:11: "));
        assert!(message("public-url = \"pay.example\"").contains("begins with http://"));
        let secret = message("control-token = 987654");
        assert!(secret.starts_with("sim.toml:1:17: ") && !secret.contains("987654"), "{secret}");
    }
}
