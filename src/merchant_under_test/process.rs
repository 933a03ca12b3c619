//! The process of a shop: started, watched, killed with all that it started.

use std::collections::VecDeque;
use std::io::Read;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};

use crate::base::SecretNames;
use crate::scenario::MissingValue;
use crate::wire;

/// Output of a shop that is kept for messages, in bytes.
const OUTPUT_KEPT: usize = 16 << 10;
/// Output of a shop that a message shows, in bytes.
const OUTPUT_SHOWN: usize = 2000;

/// Reason why a shop does not do what its file says.
#[derive(Clone, Debug, thiserror::Error)]
pub enum ShopError {
    /// Its command cannot be started.
    #[error("cannot start {command:?} in {directory}: {error}")]
    Start {
        /// The program.
        command: String,
        /// Working directory.
        directory: String,
        /// Error.
        error: String,
    },
    /// There is no directory for its data.
    #[error("cannot make the directory {path} for the shop's data: {error}")]
    Data {
        /// The directory.
        path: String,
        /// Error.
        error: String,
    },
    /// It has ended by itself.
    #[error("{during}the shop has ended by itself ({status}){output}")]
    Ended {
        /// The call that it left unanswered, with a colon behind it, or nothing.
        during: String,
        /// Exit status.
        status: String,
        /// The end of its output.
        output: String,
    },
    /// It does not get ready.
    #[error("the shop was not ready within {within:?}: {seen}{output}")]
    NotReady {
        /// Time it had.
        within: Duration,
        /// The last sign of it.
        seen: String,
        /// The end of its output.
        output: String,
    },
    /// A call to it brought no answer.
    #[error("{call}: no answer from the shop: {error}{output}")]
    NoAnswer {
        /// The call.
        call: String,
        /// Error.
        error: String,
        /// The end of its output.
        output: String,
    },
    /// A template of its file has no value.
    #[error("{call}: {error}")]
    Template {
        /// The call.
        call: String,
        /// The missing value.
        error: MissingValue,
    },
    /// An answer that cannot be understood.
    #[error("{call}: {problem}; the answer was {answer}")]
    Unreadable {
        /// The call.
        call: String,
        /// The problem and what to do.
        problem: String,
        /// The answer, shortened.
        answer: String,
        /// True if the shop says that there is no such order.
        is_unknown: bool,
    },
    /// It cannot be restarted.
    #[error("the shop cannot be restarted: {0}")]
    Restart(String),
}

/// A process with the end of its output. It is killed when this is dropped.
#[derive(Debug)]
pub(super) struct ShopProcess {
    child: Mutex<Child>,
    output: Arc<Mutex<VecDeque<u8>>>,
    /// One for each stream of output.
    readers: Vec<JoinHandle<()>>,
}

impl ShopProcess {
    /// Starts `line` in `directory`, without the variables in `hidden`.
    pub(super) fn start(
        line: &[String],
        directory: &Path,
        environment: &[(String, String)],
        hidden: &[String],
    ) -> Result<Self, ShopError> {
        let (program, arguments) =
            line.split_first().map_or(("", &[][..]), |(a, b)| (a.as_str(), b));
        let mut command = Command::new(program);
        for name in hidden {
            command.env_remove(name);
        }
        command.args(arguments).current_dir(directory).process_group(0);
        command.envs(environment.iter().map(|(name, value)| (name, value)));
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().map_err(|error| ShopError::Start {
            command: program.to_owned(),
            directory: directory.display().to_string(),
            error: error.to_string(),
        })?;
        let output = Arc::new(Mutex::new(VecDeque::new()));
        let (out, err) = (child.stdout.take(), child.stderr.take());
        let streams: [Option<Box<dyn Read + Send>>; 2] =
            [out.map(|it| Box::new(it) as _), err.map(|it| Box::new(it) as _)];
        let read = |stream| {
            let output = Arc::clone(&output);
            std::thread::spawn(move || keep_end(stream, &output))
        };
        let readers = streams.into_iter().flatten().map(read).collect();
        Ok(Self { child: Mutex::new(child), output, readers })
    }

    /// Its exit status, if it has ended.
    pub(super) fn ended(&self) -> Option<ExitStatus> {
        let mut child = self.child.lock().unwrap_or_else(PoisonError::into_inner);
        child.try_wait().ok().flatten()
    }

    /// True once nothing more of its output can come.
    pub(super) fn has_said_all(&self) -> bool {
        self.readers.iter().all(JoinHandle::is_finished)
    }

    /// Kills it with all that it started, and waits for its end.
    pub(super) fn kill(&self) {
        let mut child = self.child.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(group) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) {
            // The group may be gone.
            let _ = kill_process_group(group, Signal::KILL);
        }
        let _ = child.wait();
    }

    /// The end of its output, for a message.
    pub(super) fn output(&self) -> String {
        let kept = self.output.lock().unwrap_or_else(PoisonError::into_inner);
        let skipped = kept.len().saturating_sub(OUTPUT_SHOWN);
        let bytes: Vec<u8> = kept.iter().skip(skipped).copied().collect();
        let bytes = wire::redact(SecretNames::GENERAL, &bytes);
        let text = String::from_utf8_lossy(&bytes);
        match text.trim() {
            "" => "; it printed nothing".to_owned(),
            text => format!("; the end of its output:\n{text}"),
        }
    }
}

impl Drop for ShopProcess {
    fn drop(&mut self) {
        self.kill();
    }
}

fn keep_end(mut stream: Box<dyn Read + Send>, output: &Mutex<VecDeque<u8>>) {
    let mut piece = [0; 4096];
    while let Ok(read @ 1..) = stream.read(&mut piece) {
        let mut kept = output.lock().unwrap_or_else(PoisonError::into_inner);
        kept.extend(&piece[..read]);
        let over = kept.len().saturating_sub(OUTPUT_KEPT);
        kept.drain(..over);
    }
}
