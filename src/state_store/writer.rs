//! The thread that writes: round by round, all spaces that were changed in one transaction.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use super::file::{SpaceWrite, StoreFile};
use crate::space::{Space, Spaces, WriteRounds, WrittenSpace};

/// Time between rounds that nobody waits for. With the time that a round itself takes, a change is on the disk within a
/// second.
const PAUSE: Duration = Duration::from_millis(250);

/// State of the thread that writes.
pub(super) struct Writer {
    file: StoreFile,
    spaces: Arc<Spaces>,
    /// Each space as it is in the file.
    written: HashMap<u32, WrittenSpace>,
    /// Spaces of a round that failed, and those that are to leave the file.
    due: BTreeSet<u32>,
    /// The error that was logged last, as long as it lasts.
    failure: Option<String>,
}

impl Writer {
    /// A writer for these spaces, of which `read` are in the file as they are, and those of the numbers `gone` are in it
    /// otherwise.
    pub(super) fn new(
        file: StoreFile,
        spaces: Arc<Spaces>,
        read: &[Arc<Space>],
        gone: BTreeSet<u32>,
    ) -> Result<Self, String> {
        let as_read = |space: &Arc<Space>| Ok((space.number(), space.as_written()?));
        let written = read.iter().map(as_read).collect::<Result<_, String>>()?;
        Ok(Self { file, spaces, written, due: gone, failure: None })
    }

    /// Writes until the rounds are closed, and then once more.
    pub(super) fn run(mut self, rounds: &WriteRounds) {
        loop {
            let (changed, goes_on) = rounds.begin(PAUSE);
            self.due.extend(changed);
            let result = self.write_due();
            self.log_failure(result.as_ref().err());
            rounds.end(result);
            if !goes_on {
                return;
            }
        }
    }

    fn write_due(&mut self) -> Result<(), String> {
        if self.due.is_empty() {
            return Ok(());
        }
        let (mut writes, mut written) = (Vec::new(), Vec::new());
        for number in &self.due {
            let number = *number;
            let space = self.spaces.numbered(number);
            let changes = space.map(|space| space.changes_since(self.written.get(&number)));
            // One that was removed meanwhile is not noted again, so it is looked for once more.
            let is_there = self.spaces.numbered(number).is_some();
            let Some(changes) = changes.transpose()?.filter(|_| is_there) else {
                writes.push(SpaceWrite { number, is_whole: true, records: Vec::new() });
                written.push((number, None));
                continue;
            };
            if changes.is_whole || !changes.records.is_empty() {
                let (is_whole, records) = (changes.is_whole, changes.records);
                writes.push(SpaceWrite { number, is_whole, records });
            }
            written.push((number, Some(changes.written)));
        }
        if !writes.is_empty() {
            self.file.write(&writes, self.spaces.next_number())?;
        }
        for (number, space) in written {
            match space {
                Some(space) => self.written.insert(number, space),
                None => self.written.remove(&number),
            };
        }
        self.due.clear();
        Ok(())
    }

    /// Logs the beginning and the end of a failure, not each round of it.
    fn log_failure(&mut self, failure: Option<&String>) {
        if self.failure.as_ref() == failure {
            return;
        }
        let path = self.file.path().display();
        match failure {
            Some(error) => tracing::error!(
                "the state cannot be written to {path}: {error}. What changes from now on is lost with this process; \
                 it is tried again every moment"
            ),
            None => {
                tracing::warn!("the state is written to {path} again; nothing is missing in it");
            }
        }
        self.failure = failure.cloned();
    }
}
