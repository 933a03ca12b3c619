//! Spaces kept in a directory: they survive the end of the process, however it ends.
//!
//! The directory holds `state.redb`, an embedded database of records, and `lock`, which one process holds at a time. One
//! thread writes: in each round it takes all spaces that were changed, compares each with what it wrote last, and puts
//! the records that differ into one transaction. A space's contents share their parts between clones, so what did not
//! change is not looked into, and a refund in a space of a hundred thousand orders writes the same few records as in a
//! small one.
//!
//! # Why redb
//!
//! Measured with 100,000 orders in 100 spaces, a changed order and a new push-back a refund, each commit with its own
//! fsync, on a busy machine of two processors on which one write and fdatasync of a kilobyte took 8 ms:
//!
//! | kept in | one refund a commit | 64 a commit | read again after `kill -9` |
//! | --- | --- | --- | --- |
//! | redb 4.1 | 4.8 ms | 11.9 ms | 0.9 s (142 MB, 71 MB of them free) |
//! | fjall 2.11 | 8.3 ms | 9.3 ms | 0.7 s |
//! | a whole snapshot, write and rename | 203 ms and the time to make it | the same | 0.2 s |
//!
//! The disk decides all of them. redb is one file with a checksum on each page, needs one more crate and no thread of
//! its own, and refuses a second process; fjall is a directory of files with twenty crates. A snapshot a change is out:
//! it costs as much as the space is large.

mod directory;
mod file;
mod head;
mod writer;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::JoinHandle;

pub use directory::StateError;

use crate::base::{Millis, Seed};
use crate::profile::Profile;
use crate::space::{Budgets, Durability, LoadedSpaces, NotWritten, Spaces, WriteRounds};
use directory::Directory;
use file::StoreFile;
use writer::Writer;

/// Place and manner in which spaces are kept.
#[derive(Clone, Debug)]
pub struct StateSettings {
    /// The directory, made where it is missing.
    pub directory: PathBuf,
    /// Moment at which a change must be written.
    pub durability: Durability,
}

/// Changes that are in the memory of a process that ends, and not in its state.
#[derive(Debug, thiserror::Error)]
#[error(
    "the state in {} is not complete: {error}. What was changed {} is lost",
    .directory.display(),
    .complete_at.map_or_else(|| "since the start".to_owned(), |at| format!("after {}", at.rfc3339()))
)]
pub struct LostChanges {
    directory: PathBuf,
    error: String,
    /// Time up to which all that was changed is in the state.
    complete_at: Option<Millis>,
}

/// The directory of a running server. Closing it, or dropping it, writes what was changed last.
#[derive(Debug)]
pub struct StateStore {
    directory: PathBuf,
    rounds: Arc<WriteRounds>,
    thread: Option<JoinHandle<()>>,
}

impl StateStore {
    /// Takes the directory, reads the spaces in it, and writes their changes from here on.
    ///
    /// # Errors
    /// The directory cannot be used, or belongs to another profile or a later version.
    pub fn open(
        settings: &StateSettings,
        profile: Arc<Profile>,
        seed: Seed,
        budgets: Budgets,
    ) -> Result<(Self, LoadedSpaces), StateError> {
        let directory = Directory::take(&settings.directory)?;
        let mut file = StoreFile::open(&directory, &profile)?;
        let saved = file.take_saved();
        let next_number = file.next_number();
        let rounds = Arc::new(WriteRounds::new(settings.durability));
        let loaded = Spaces::load(profile, seed, budgets, Arc::clone(&rounds), saved, next_number);
        if !loaded.unreadable.is_empty() {
            let copy = file.copy_aside()?;
            for (number, name, error) in &loaded.unreadable {
                let name = name.as_deref().unwrap_or("?");
                tracing::error!(
                    "the space {name:?} (number {number}) in {} cannot be read: {error}. It is left out as a whole; \
                     the file as it was is kept as {}",
                    file.path().display(),
                    copy.display()
                );
            }
        }
        let gone = loaded.unreadable.iter().map(|(number, ..)| *number).collect();
        let writer = Writer::new(file, Arc::clone(&loaded.spaces), &loaded.read, gone)
            .map_err(|error| directory.unusable(&error))?;
        let for_thread = Arc::clone(&rounds);
        let thread = std::thread::Builder::new()
            .name("state".to_owned())
            .spawn(move || {
                // A panic has been printed; whoever waits for a round must not wait for ever.
                if catch_unwind(AssertUnwindSafe(|| writer.run(&for_thread))).is_err() {
                    for_thread.close();
                    for_thread.end(Err("the thread that writes it has ended".to_owned()));
                }
                drop(directory);
            })
            .map_err(|error| StateError::Unusable {
                directory: settings.directory.clone(),
                error: error.to_string(),
            })?;
        let directory = settings.directory.clone();
        Ok((Self { directory, rounds, thread: Some(thread) }, loaded))
    }
}

impl StateStore {
    /// Writes what was changed last, and lets go of the directory.
    ///
    /// # Errors
    /// It could not be written.
    pub fn close(mut self) -> Result<(), LostChanges> {
        self.end();
        let complete_at = self.rounds.complete_at();
        self.rounds.failure().map_or(Ok(()), |NotWritten(error)| {
            let directory = std::mem::take(&mut self.directory);
            Err(LostChanges { directory, error: error.to_string(), complete_at })
        })
    }

    fn end(&mut self) {
        self.rounds.close();
        if let Some(thread) = self.thread.take() {
            // A panic has ended the rounds with a failure.
            let _ = thread.join();
        }
    }
}

impl Drop for StateStore {
    fn drop(&mut self) {
        self.end();
    }
}
