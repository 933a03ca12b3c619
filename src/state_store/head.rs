//! The head of the file, which is read before the database reads it.
//!
//! After a crash redb holds each page against its checksum before it follows what stands in the page, and the head's
//! parts against theirs. After a good end it trusts the file: a damaged page number then makes it ask for any amount of
//! memory, or go round in a circle. So each file is opened as one whose process has crashed. What has no checksum, the
//! sizes of pages and regions, is the same in all our files.
//!
//! The parts of the head are those of redb's file format 3: 64 bytes on the whole file, then two slots for the commits,
//! of which one is the latest.

use redb::StorageBackend;

const HEAD_BYTES: usize = SLOTS[1] + SLOT_BYTES;
const SLOT_BYTES: usize = 128;
/// Places of the slots.
const SLOTS: [usize; 2] = [64, 192];

const MAGIC: &[u8] = b"redb\x1a\x0a\xa9\x0d\x0a";
/// Place of the marks.
const MARKS: usize = 9;
/// The second slot is the latest.
const IS_SECOND: u8 = 1;
/// The process has not come to a good end.
const IS_CRASHED: u8 = 2;
/// The latest commit was on the disk before it was marked as the latest.
const IS_SURE: u8 = 4;
/// Place of the sizes: bytes of a page, pages of a region's head, and pages of its data.
const SIZES: usize = 12;
/// The sizes that redb gives each file where nobody chooses others.
const USUAL_SIZES: [u32; 3] = [4096, 0, 1 << 20];

/// Lets the database distrust a file: it will look at all checksums. A latest commit that must be whole becomes the only one, so
/// that the database goes back to none before it.
///
/// # Errors
/// The file is none of ours, or its head is damaged.
pub(super) fn distrust(file: &impl StorageBackend) -> Result<(), redb::Error> {
    let mut head = [0; HEAD_BYTES];
    let damaged = |what: &str| redb::Error::Corrupted(what.to_owned());
    if file.len()? < HEAD_BYTES as u64 {
        return Err(damaged("it is too short for a database"));
    }
    file.read(0, &mut head)?;
    if !head.starts_with(MAGIC) {
        return Err(damaged("it is no database"));
    }
    let sizes = USUAL_SIZES.map(u32::to_le_bytes);
    if !head[SIZES..].starts_with(sizes.as_flattened()) {
        return Err(damaged("its head names pages of another size"));
    }
    let marks = head[MARKS];
    if marks & IS_CRASHED == 0 || marks & IS_SURE != 0 {
        let latest = usize::from(marks & IS_SECOND != 0);
        head.copy_within(SLOTS[latest]..SLOTS[latest] + SLOT_BYTES, SLOTS[1 - latest]);
        head[MARKS] = (marks & IS_SECOND) | IS_CRASHED;
        file.write(0, &head)?;
    }
    Ok(())
}
