//! The start message: for scripts through the ready file, for people on the terminal.

use std::borrow::Cow;
use std::ffi::OsString;
use std::fmt::Write as _;
use std::fs;
use std::io::{self, Write as _};
use std::os::unix::fs::FileTypeExt as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;

use super::leftovers::raw_value;
use super::settings::{DEFAULT_PORT, ServeSettings, is_stdout};
use super::{exit, system};
use crate::base::Seed;
use crate::profile::Profile;

/// Address of a running gateway, and what makes its run repeatable.
#[derive(Debug)]
pub(super) struct Announcement<'a> {
    /// Address for merchants.
    pub(super) url: &'a str,
    /// Address of the control plane.
    pub(super) control_url: &'a str,
    /// Address for merchants that call with TLS, where that is served.
    pub(super) tls_url: Option<&'a str>,
    /// The seed of all choices.
    pub(super) seed: Seed,
    /// The token that the control plane asks for.
    pub(super) token: Option<&'a str>,
    /// The token was made for this run, so the banner must tell it.
    pub(super) is_token_made: bool,
}

impl Announcement<'_> {
    /// One line of JSON for scripts.
    fn ready_line(&self) -> String {
        let mut members = serde_json::json!({
            "url": self.url,
            "controlUrl": self.control_url,
            "pid": std::process::id(),
        });
        if let Some(url) = self.tls_url {
            members["tlsUrl"] = url.into();
        }
        if let Some(token) = self.token {
            members["controlToken"] = token.into();
        }
        format!("{members}\n")
    }

    /// Values to paste into a merchant's settings, and warnings.
    pub(super) fn banner(&self, settings: &ServeSettings, profile: &Profile) -> String {
        let Self { url, control_url, tls_url, seed, token, is_token_made } = self;
        let version = env!("CARGO_PKG_VERSION");
        let mut text = String::new();
        // Writing into a String cannot fail.
        let mut line = |args: std::fmt::Arguments<'_>| {
            let _ = writeln!(text, "{args}");
        };
        line(format_args!(
            "payon-sim {version} is ready, profile {}, seed {}",
            profile.name, seed.0
        ));
        line(format_args!("\n  For the merchant's settings:"));
        line(format_args!("    gateway URL         {url}"));
        if let Some(tls_url) = tls_url {
            line(format_args!("    with TLS            {tls_url}"));
            if settings.tls_cert.is_none() {
                let at = if settings.port == DEFAULT_PORT {
                    String::new()
                } else {
                    format!(" --url {control_url}")
                };
                line(format_args!("    CA for its clients  payon-sim tls ca{at}"));
            }
        }
        for merchant in &profile.merchants {
            let terminals = merchant.terminals.join(", ");
            line(format_args!("    merchant/terminal   {} / {terminals}", merchant.id));
        }
        let export = match &settings.profile {
            None => "payon-sim keys export".to_owned(),
            Some(dir) => format!("payon-sim keys export --profile {}", dir.display()),
        };
        if let Some(merchant) = profile.merchants.first() {
            line(format_args!(
                "    private key         {export} --merchant {} --private",
                merchant.id
            ));
        }
        line(format_args!("    gateway public key  {export} --gateway"));
        line(format_args!("\n  Control plane         {control_url}/_sim/"));
        if let Some(token) = token.filter(|_| *is_token_made) {
            line(format_args!("  Control token         {token}"));
        }
        if let Some(dir) = &settings.state {
            let durability = settings.durability;
            line(format_args!(
                "  State                 {} (durability: {durability})",
                dir.display()
            ));
        }
        if !settings.host.is_loopback() {
            line(format_args!(
                "\n  WARNING: listening on {}, so other machines can reach it. Its keys and cards are public test data; never \
                 load real ones.",
                settings.host
            ));
        }
        text
    }
}

/// Links from one to the next that are followed, as many as Linux does.
const LINKS_MAX: usize = 40;

/// One line of JSON, and the places that get it once the gateway answers.
#[derive(Debug)]
pub(super) struct ReadyLine {
    file: Option<ReadyFile>,
    is_on_stdout: bool,
    descriptor: Option<fs::File>,
}

impl ReadyLine {
    /// Finds the places, so that what cannot be written to is told before anything starts.
    pub(super) fn prepare(settings: &ServeSettings) -> anyhow::Result<Self> {
        let path = settings.ready_file.as_deref();
        let file = path.filter(|path| !is_stdout(path)).map(ReadyFile::prepare).transpose()?;
        Ok(Self {
            is_on_stdout: path.is_some_and(is_stdout),
            file,
            descriptor: settings.ready_fd.map(open_descriptor).transpose()?,
        })
    }

    /// Returns true if the standard output is for the line alone.
    pub(super) const fn is_on_stdout(&self) -> bool {
        self.is_on_stdout
    }

    /// Writes the line to each place.
    pub(super) fn write(&mut self, announcement: &Announcement<'_>) -> anyhow::Result<()> {
        let line = announcement.ready_line();
        if self.is_on_stdout {
            exit::print_exact(&line)?;
        }
        if let Some(mut descriptor) = self.descriptor.take() {
            descriptor.write_all(line.as_bytes()).context("--ready-fd: cannot write the line")?;
        }
        self.file.as_mut().map_or(Ok(()), |file| file.write(line))
    }
}

/// The open descriptor of a number.
pub(super) fn open_descriptor(number: u16) -> anyhow::Result<fs::File> {
    let opened = system::descriptor(number.into());
    opened.with_context(|| format!("--ready-fd {number}: no such descriptor can be written to"))
}

/// A file that gets one line of JSON once the gateway answers. It is gone before that, and again after the end.
#[derive(Debug)]
struct ReadyFile {
    path: PathBuf,
    /// The line, once it is written.
    line: String,
}

impl ReadyFile {
    /// Takes away the file of an earlier run, so that nobody takes that for ours, and looks whether one can be written.
    fn prepare(path: &Path) -> anyhow::Result<Self> {
        let path = &*place(path);
        if is_plain(path) {
            fs::remove_file(path).with_context(|| problem(path))?;
        }
        if fs::symlink_metadata(path).is_err() {
            let tried = draft(path).and_then(|draft| {
                write_private(&draft, "")?;
                fs::remove_file(draft)
            });
            tried.with_context(|| problem(path))?;
        }
        Ok(Self { path: path.to_owned(), line: String::new() })
    }

    /// Writes the line. A plain file is written beside and moved there, so that nobody reads half a line, and only its
    /// owner may read it, since a token may be in it. A pipe or a device is written to.
    fn write(&mut self, line: String) -> anyhow::Result<()> {
        self.line = line;
        let Self { path, line } = self;
        let written = match fs::metadata(&path) {
            Ok(found) if found.file_type().is_fifo() => write_to_pipe(path, line),
            Ok(_) => fs::write(&path, line),
            Err(_) => draft(path).and_then(|draft| {
                let moved = write_private(&draft, line).and_then(|()| fs::rename(&draft, &path));
                if moved.is_err() {
                    // It was of no use to anybody; that it cannot be removed either changes nothing.
                    let _ = fs::remove_file(&draft);
                }
                moved
            }),
        };
        written.with_context(|| problem(path))
    }
}

impl Drop for ReadyFile {
    fn drop(&mut self) {
        let Self { path, line } = self;
        // Another server may have written its own there since.
        let is_ours = !line.is_empty()
            && is_plain(path)
            && fs::read_to_string(&path).is_ok_and(|found| found == *line);
        if is_ours {
            // Nobody is left to be told.
            let _ = fs::remove_file(path);
        }
    }
}

/// Takes away the file of an earlier run where the arguments of this one cannot be read.
pub(super) fn forget_ready_file(arguments: &[OsString]) {
    if arguments.get(1).is_none_or(|verb| verb != "serve") {
        return;
    }
    let given = raw_value(arguments, "--ready-file");
    let path = given.or_else(|| std::env::var_os("PAYON_SIM_READY_FILE"));
    forget(path.as_deref().map(Path::new));
}

/// Takes away the file of an earlier run where this one cannot start.
pub(super) fn forget(ready_file: Option<&Path>) {
    let path = ready_file.filter(|path| !is_stdout(path)).map(place);
    if let Some(path) = path.filter(|path| is_plain(path)) {
        // The start has failed already and says why.
        let _ = fs::remove_file(path);
    }
}

/// Writes the line to a named pipe as soon as somebody reads it. Nobody may ever, so the server does not wait for that.
fn write_to_pipe(path: &Path, line: &str) -> io::Result<()> {
    let (path, line) = (path.to_owned(), line.to_owned());
    let write = move || {
        if let Err(error) = fs::write(&path, line) {
            tracing::error!("{}: {error}", problem(&path));
        }
    };
    std::thread::Builder::new().name("ready-file".to_owned()).spawn(write).map(drop)
}

/// The file that a link leads to, there or not, so that the file is removed and written, and the link stays. What a shell
/// hands over under `/dev` or `/proc` is left as it is.
fn place(path: &Path) -> Cow<'_, Path> {
    let mut place = Cow::Borrowed(path);
    for _ in 0..LINKS_MAX {
        let dir = place.parent().map(|dir| if dir == Path::new("") { Path::new(".") } else { dir });
        let dir = dir.and_then(|dir| fs::canonicalize(dir).ok());
        let is_of_system =
            dir.is_none_or(|dir| dir.starts_with("/dev") || dir.starts_with("/proc"));
        let leads_to_file = fs::metadata(&place)
            .map_or_else(|error| error.kind() == io::ErrorKind::NotFound, |found| found.is_file());
        let Ok(target) = fs::read_link(&place) else { break };
        if is_of_system || !leads_to_file {
            break;
        }
        place = Cow::Owned(place.with_file_name("").join(target));
    }
    place
}

fn is_plain(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|found| found.is_file())
}

fn draft(path: &Path) -> io::Result<PathBuf> {
    let name = path.file_name().ok_or(io::ErrorKind::InvalidFilename)?.to_string_lossy();
    Ok(path.with_file_name(format!(".{name}.{}", std::process::id())))
}

fn write_private(path: &Path, text: &str) -> io::Result<()> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)?.write_all(text.as_bytes())
}

fn problem(path: &Path) -> String {
    format!("cannot write the ready file {}", path.display())
}
