//! The file of a state: records in a database, with what they are written at the front.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use crc::{CRC_64_XZ, Crc, Table};
use redb::backends::FileBackend;
use redb::{Builder, Database, ReadableDatabase as _, ReadableTable as _, TableDefinition};
use serde::{Deserialize, Serialize};

use super::directory::{Directory, StateError, aside};
use super::head;
use crate::base::{RecordChange, fenced};
use crate::crypto::Encoding;
use crate::profile::Profile;
use crate::space::SavedSpace;

/// The file's name in its directory.
const NAME: &str = "state.redb";
/// The same while it is made.
const NEW_NAME: &str = "state.redb.new";
/// The version that is written. All versions up to it are read.
const VERSION: u32 = 1;
/// Complaint about a file without [`ABOUT`].
const NOT_ITSELF: &str = "it does not say what it is";
/// Complaint about a file that is not at its path any more.
const REMOVED: &str = "the file was removed, moved or replaced by another while this process held it; put it back, or \
                       restart payon-sim, which then begins with what is there";
/// Bytes of the file that the database keeps in memory.
const CACHE_BYTES: usize = 16 << 20;

/// Made at its first use: the table takes 32 KB.
static CRC: LazyLock<Crc<u64, Table<16>>> =
    LazyLock::new(|| Crc::<u64, Table<16>>::new(&CRC_64_XZ));

/// Records by the number of their space, in four bytes, and their key.
const RECORDS: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new("records");
/// One entry, `about`: [`About`].
const ABOUT: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("about");

/// Facts of the whole file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct About {
    version: u32,
    written_by: String,
    profile: String,
    profile_digest: String,
    next_number: u32,
    records: RecordSum,
}

/// Checksum of all records, whatever their order: it follows a change without looking at the others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct RecordSum {
    count: u64,
    sum: u64,
}

impl RecordSum {
    fn of(key: &[u8], value: &[u8]) -> u64 {
        let mut digest = CRC.digest();
        digest.update(&(key.len() as u64).to_be_bytes());
        digest.update(key);
        digest.update(value);
        digest.finalize()
    }

    fn add(&mut self, key: &[u8], value: &[u8]) {
        self.count += 1;
        self.sum = self.sum.wrapping_add(Self::of(key, value));
    }

    fn take(&mut self, key: &[u8], value: &[u8]) {
        self.count = self.count.saturating_sub(1);
        self.sum = self.sum.wrapping_sub(Self::of(key, value));
    }
}

/// Version of a file of any version.
#[derive(Deserialize)]
struct AnyVersion {
    version: u32,
}

/// An open file.
pub(super) struct StoreFile {
    path: PathBuf,
    /// Device and number of the file that is written. Another one at its path, or none, is not it.
    identity: (u64, u64),
    /// None after a failed write: it is opened anew before the next.
    database: Option<Database>,
    /// Facts to be written.
    about: About,
    /// Facts as they are in it.
    written: About,
    saved: Vec<SavedSpace>,
}

/// Changes of one space.
pub(super) struct SpaceWrite {
    pub(super) number: u32,
    /// True if all other records of the space go first.
    pub(super) is_whole: bool,
    pub(super) records: Vec<RecordChange>,
}

/// Reason why a file cannot be read, in words.
enum ReadError {
    Damaged(String),
    /// The system does not let it be read or written, whatever is in it.
    System(io::Error),
    /// Somebody else holds it.
    Held,
    Refused(StateError),
}

impl<E: Into<redb::Error>> From<E> for ReadError {
    fn from(error: E) -> Self {
        match error.into() {
            redb::Error::DatabaseAlreadyOpen => Self::Held,
            redb::Error::Io(error) if error.raw_os_error().is_some() => Self::System(error),
            error => Self::Damaged(error.to_string()),
        }
    }
}

impl StoreFile {
    /// Opens the file of a directory, or makes one. A damaged one is set aside as a whole.
    pub(super) fn open(directory: &Directory, profile: &Profile) -> Result<Self, StateError> {
        let path = directory.path().join(NAME);
        let about = About {
            version: VERSION,
            written_by: concat!("payon-sim ", env!("CARGO_PKG_VERSION")).to_owned(),
            profile: profile.name.clone(),
            profile_digest: Encoding::Hex.encode(&profile.digest),
            next_number: 1,
            records: RecordSum::default(),
        };
        if fs::exists(&path).map_err(|error| directory.unusable(&error))? {
            // What cannot be opened at all is not damaged for that.
            open_file(&path).map_err(|error| directory.unusable(&error))?;
            // The database panics where pages are damaged in a way that it does not expect.
            let read = fenced(|| read(&path, directory, &about));
            let do_not_fit = || Err(ReadError::Damaged("its pages do not fit together".to_owned()));
            match read.unwrap_or_else(do_not_fit) {
                Ok((database, read, saved)) => {
                    if read.profile_digest != about.profile_digest {
                        tracing::warn!(
                            "the state in {} was kept with another edition of the profile {:?}; its spaces go on with \
                             this one",
                            directory.path().display(),
                            about.profile
                        );
                    }
                    let About { next_number, records, .. } = read;
                    let about = About { next_number, records, ..about };
                    let database = Some(database);
                    let identity = identity(&path).map_err(|error| directory.unusable(&error))?;
                    let mut file = Self { path, identity, database, about, written: read, saved };
                    // It says from now on what it is now.
                    file.write(&[], next_number).map_err(|error| directory.unusable(&error))?;
                    return Ok(file);
                }
                Err(ReadError::Refused(refusal)) => return Err(refusal),
                Err(ReadError::Held) => {
                    let (directory, holder) = (directory.path().to_owned(), String::new());
                    return Err(StateError::InUse { directory, holder });
                }
                Err(ReadError::System(error)) => return Err(directory.unusable(&error)),
                Err(ReadError::Damaged(damage)) => {
                    let moved = aside(&path);
                    fs::rename(&path, &moved).map_err(|error| directory.unusable(&error))?;
                    tracing::error!(
                        "{} is damaged: {damage}. Nothing of it is loaded; it is kept as {}, and the server starts \
                         without it",
                        path.display(),
                        moved.display()
                    );
                }
            }
        }
        let database =
            create(directory, &path, &about).map_err(|error| directory.unusable(&error))?;
        let identity = identity(&path).map_err(|error| directory.unusable(&error))?;
        let (database, written) = (Some(database), about.clone());
        Ok(Self { path, identity, database, about, written, saved: Vec::new() })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The spaces that were in it when it was opened.
    pub(super) fn take_saved(&mut self) -> Vec<SavedSpace> {
        std::mem::take(&mut self.saved)
    }

    /// The number that the next new space gets.
    pub(super) fn next_number(&self) -> u32 {
        self.about.next_number
    }

    /// Copies the file to a name of its own, before anything of it is written over.
    pub(super) fn copy_aside(&self) -> Result<PathBuf, StateError> {
        let copy = aside(&self.path);
        fs::copy(&self.path, &copy).map_err(|error| StateError::Unusable {
            directory: self.path.parent().unwrap_or(Path::new(".")).to_owned(),
            error: error.to_string(),
        })?;
        Ok(copy)
    }

    /// Writes changes of spaces, all or none of them. When this returns they are on the disk.
    pub(super) fn write(&mut self, spaces: &[SpaceWrite], next_number: u32) -> Result<(), String> {
        let result = self.try_write(spaces, next_number);
        if result.is_err() {
            // After an error of the disk the database takes no more before it is opened anew.
            self.database = None;
        }
        result.map_err(|error| error.to_string())
    }

    /// Opens the database after a failed write, which may have come to the disk all the same.
    fn open_anew(&mut self) -> Result<Database, redb::Error> {
        let database = open_database(&self.path)?;
        let written = database.begin_read()?.open_table(ABOUT)?.get("about")?;
        let written = written.and_then(|it| serde_json::from_slice(it.value()).ok());
        self.written = written.ok_or_else(|| redb::Error::Corrupted(NOT_ITSELF.into()))?;
        Ok(database)
    }

    fn try_write(&mut self, spaces: &[SpaceWrite], next_number: u32) -> Result<(), redb::Error> {
        self.about.next_number = next_number;
        if spaces.is_empty() && self.about == self.written {
            return Ok(());
        }
        // The system goes on writing a file that was removed, and nobody could ever read it.
        if identity(&self.path).ok() != Some(self.identity) {
            return Err(io::Error::other(REMOVED).into());
        }
        let database = match self.database.take() {
            Some(database) => database,
            None => self.open_anew()?,
        };
        let database = self.database.insert(database);
        let mut sum = self.written.records;
        let transaction = database.begin_write()?;
        {
            let mut records = transaction.open_table(RECORDS)?;
            for space in spaces {
                let number = space.number.to_be_bytes();
                if space.is_whole {
                    let end = space.number.saturating_add(1).to_be_bytes();
                    records.retain_in::<&[u8], _>(&number[..]..&end[..], |key, value| {
                        sum.take(key, value);
                        false
                    })?;
                }
                for (key, value) in &space.records {
                    let key = [&number[..], key].concat();
                    let before = match value {
                        Some(value) => {
                            sum.add(&key, value);
                            records.insert(&key[..], &value[..])?
                        }
                        None => records.remove(&key[..])?,
                    };
                    if let Some(before) = before {
                        sum.take(&key, before.value());
                    }
                }
            }
        }
        self.about.records = sum;
        if self.about != self.written {
            write_about(&transaction, &self.about)?;
        }
        transaction.commit()?;
        self.written = self.about.clone();
        Ok(())
    }
}

/// Device and number of the file at a path.
fn identity(path: &Path) -> io::Result<(u64, u64)> {
    let found = fs::metadata(path)?;
    Ok((found.dev(), found.ino()))
}

fn open_file(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path)
}

fn builder() -> Builder {
    let mut builder = Database::builder();
    builder.set_cache_size(CACHE_BYTES);
    builder
}

/// Opens a file whose pages are held against their checksums first. After a crash the database goes back to the last
/// write that is whole.
fn open_database(path: &Path) -> Result<Database, redb::Error> {
    let file = FileBackend::new(open_file(path)?)?;
    head::distrust(&file)?;
    Ok(builder().create_with_backend(file)?)
}

/// Makes a new file. It gets its name once it is whole, so that no end of the process leaves half of one.
fn create(directory: &Directory, path: &Path, about: &About) -> Result<Database, redb::Error> {
    let new = directory.path().join(NEW_NAME);
    if fs::exists(&new)? {
        fs::remove_file(&new)?;
    }
    let database = builder().create_file(open_file(&new)?)?;
    let transaction = database.begin_write()?;
    drop(transaction.open_table(RECORDS)?);
    write_about(&transaction, about)?;
    transaction.commit()?;
    fs::rename(&new, path)?;
    // The name is on the disk with its directory.
    File::open(directory.path())?.sync_all()?;
    Ok(database)
}

fn write_about(transaction: &redb::WriteTransaction, about: &About) -> Result<(), redb::Error> {
    let text = serde_json::to_vec(about).map_err(io::Error::other)?;
    transaction.open_table(ABOUT)?.insert("about", &text[..])?;
    Ok(())
}

fn read(
    path: &Path,
    directory: &Directory,
    ours: &About,
) -> Result<(Database, About, Vec<SavedSpace>), ReadError> {
    let database = open_database(path)?;
    let transaction = database.begin_read()?;
    let about = transaction.open_table(ABOUT)?.get("about")?.map(|it| it.value().to_vec());
    let not_itself = |error| ReadError::Damaged(format!("{NOT_ITSELF}: {error}"));
    let about = about.ok_or_else(|| ReadError::Damaged(NOT_ITSELF.to_owned()))?;
    let AnyVersion { version } = serde_json::from_slice(&about).map_err(not_itself)?;
    if version > VERSION {
        return Err(ReadError::Refused(StateError::Version {
            directory: directory.path().to_owned(),
            found: version,
            known: VERSION,
        }));
    }
    let about: About = serde_json::from_slice(&about).map_err(not_itself)?;
    if about.profile != ours.profile {
        return Err(ReadError::Refused(StateError::Profile {
            directory: directory.path().to_owned(),
            theirs: about.profile,
            ours: ours.profile.clone(),
        }));
    }
    let (mut saved, mut sum) = (Vec::<SavedSpace>::new(), RecordSum::default());
    for record in transaction.open_table(RECORDS)?.iter()? {
        let (key, value) = record?;
        sum.add(key.value(), value.value());
        let Some((number, key)) =
            key.value().split_first_chunk::<4>().map(|(n, k)| (*n, k.to_vec()))
        else {
            return Err(ReadError::Damaged("a record belongs to no space".to_owned()));
        };
        let number = u32::from_be_bytes(number);
        if saved.last().is_none_or(|last| last.number != number) {
            saved.push(SavedSpace { number, records: Vec::new() });
        }
        if let Some(space) = saved.last_mut() {
            space.records.push((key, value.value().to_vec()));
        }
    }
    drop(transaction);
    if sum != about.records {
        return Err(ReadError::Damaged("its records do not fit the checksum in it".to_owned()));
    }
    Ok((database, about, saved))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(path: &Path) -> Result<StoreFile, StateError> {
        StoreFile::open(&Directory::take(path)?, &Profile::builtin())
    }

    fn record(number: u32, is_whole: bool, records: &[(u8, Option<u8>)]) -> SpaceWrite {
        let records = records.iter().map(|(key, value)| (vec![*key], value.map(|it| vec![it])));
        SpaceWrite { number, is_whole, records: records.collect() }
    }

    fn found(path: &Path) -> Vec<(u32, Vec<(u8, u8)>)> {
        let saved = open(path).expect("it opens").take_saved();
        let records = |space: &SavedSpace| {
            space.records.iter().map(|(key, value)| (key[0], value[0])).collect()
        };
        saved.iter().map(|space| (space.number, records(space))).collect()
    }

    #[test]
    fn records_come_back_by_space_and_in_the_order_of_their_keys() {
        let dir = tempfile::tempdir().expect("a directory");
        let mut file = open(dir.path()).expect("a new one");
        let all = [
            record(256, true, &[(9, Some(1)), (2, Some(2))]),
            record(1, true, &[(7, Some(3))]),
            record(255, true, &[(8, Some(4))]),
        ];
        file.write(&all, 300).expect("written");
        file.write(&[record(256, false, &[(9, None), (3, Some(5))]), record(255, true, &[])], 300)
            .expect("written");
        drop(file);
        assert_eq!(found(dir.path()), [(1, vec![(7, 3)]), (256, vec![(2, 2), (3, 5)])]);
        assert_eq!(open(dir.path()).expect("it opens").next_number(), 300);
        let name = aside(&dir.path().join(NAME));
        assert!(name.ends_with("state.damaged-1.redb"), "nothing was set aside");
    }

    #[test]
    fn a_file_of_a_later_version_or_another_profile_is_refused_and_stays() {
        let dir = tempfile::tempdir().expect("a directory");
        let mut file = open(dir.path()).expect("a new one");
        let change = |file: &mut StoreFile, about: About| {
            let database = file.database.as_ref().expect("open");
            let transaction = database.begin_write().expect("begun");
            write_about(&transaction, &about).expect("written");
            transaction.commit().expect("written");
        };
        let about = file.about.clone();
        change(&mut file, About { version: VERSION + 1, ..about.clone() });
        drop(file);
        let refused = open(dir.path()).err().expect("refused").to_string();
        assert!(refused.contains("has version 2 of the format"), "{refused}");
        let bytes = fs::read(dir.path().join(NAME)).expect("it is there");
        assert!(!bytes.is_empty());
        let mut file = StoreFile {
            path: dir.path().join(NAME),
            identity: identity(&dir.path().join(NAME)).expect("it is there"),
            database: None,
            about: about.clone(),
            written: about.clone(),
            saved: Vec::new(),
        };
        file.write(&[record(1, true, &[])], 1).expect("opened anew");
        change(&mut file, About { profile: "other".to_owned(), ..about });
        drop(file);
        let refused = open(dir.path()).err().expect("refused").to_string();
        assert!(refused.contains("kept with the profile \"other\""), "{refused}");
    }
}
