//! The directory of a state: made, and held by one process at a time.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

/// Reason why a directory cannot keep the state.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// It cannot be written or read.
    #[error(
        "the state cannot be kept in {}: {error}. Give --state a directory on a disk that can be written and has room",
        .directory.display()
    )]
    Unusable {
        /// The directory.
        directory: PathBuf,
        /// The error.
        error: String,
    },
    /// Another process holds it.
    #[error(
        "the state in {} is in use by another payon-sim{holder}. Stop that one, or give --state another directory",
        .directory.display()
    )]
    InUse {
        /// The directory.
        directory: PathBuf,
        /// Its process, where that is known, with a blank in front.
        holder: String,
    },
    /// It belongs to another profile.
    #[error(
        "the state in {} was kept with the profile {theirs:?}, and the server plays {ours:?}. Start it with that profile, \
         or give --state another directory",
        .directory.display()
    )]
    Profile {
        /// The directory.
        directory: PathBuf,
        /// The profile that it was kept with.
        theirs: String,
        /// The profile of this server.
        ours: String,
    },
    /// A later version wrote it.
    #[error(
        "the state in {} has version {found} of the format; this payon-sim reads versions up to {known}. Start the \
         version that wrote it, or give --state another directory",
        .directory.display()
    )]
    Version {
        /// The directory.
        directory: PathBuf,
        /// Its version.
        found: u32,
        /// The latest version that is read.
        known: u32,
    },
}

/// A directory that this process holds, as long as this lives.
#[derive(Debug)]
pub(super) struct Directory {
    path: PathBuf,
    /// Locked; the system unlocks it with the process, however that ends.
    _lock: File,
}

impl Directory {
    /// Makes the directory where it is missing, and takes it.
    pub(super) fn take(path: &Path) -> Result<Self, StateError> {
        let unusable = |error: io::Error| StateError::Unusable {
            directory: path.to_owned(),
            error: match error.kind() {
                io::ErrorKind::AlreadyExists => "it is no directory".to_owned(),
                _ => error.to_string(),
            },
        };
        // Tokens of merchants are in it.
        DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(unusable)?;
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false).mode(0o600);
        let mut lock = options.open(path.join("lock")).map_err(unusable)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut holder = String::new();
                // Who cannot be told is not told.
                let _ = lock.read_to_string(&mut holder);
                let is_number = !holder.is_empty() && holder.bytes().all(|it| it.is_ascii_digit());
                let holder = if is_number { format!(" (pid {holder})") } else { String::new() };
                return Err(StateError::InUse { directory: path.to_owned(), holder });
            }
            Err(TryLockError::Error(error)) => return Err(unusable(error)),
        }
        let written = lock
            .set_len(0)
            .and_then(|()| lock.rewind())
            .and_then(|()| write!(lock, "{}", std::process::id()));
        written.map_err(unusable)?;
        Ok(Self { path: path.to_owned(), _lock: lock })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Says that it cannot be used.
    pub(super) fn unusable(&self, error: &impl ToString) -> StateError {
        StateError::Unusable { directory: self.path.clone(), error: error.to_string() }
    }
}

/// A name beside `file` that nothing has yet: `state.damaged-1.redb`.
pub(super) fn aside(file: &Path) -> PathBuf {
    let name = |number: u32| file.with_file_name(format!("state.damaged-{number}.redb"));
    let is_free = |path: &PathBuf| fs::symlink_metadata(path).is_err();
    (1..u32::MAX).map(name).find(is_free).unwrap_or_else(|| name(0))
}
