//! A hash table.

use std::sync::Arc;

use hashbrown::HashTable;

use super::PersistentVec;

/// Entries of a part, on average when the table is full: so few that a part is soon copied, and its parts so few that
/// the way to each stays in the processor's cache.
const LOAD: usize = 512;

/// Entries found by a hash that the caller makes. It grows by one part at a time (linear hashing), so no insertion ever
/// has to move all entries.
#[derive(Clone, Debug)]
pub struct PersistentMap<T> {
    parts: PersistentVec<Arc<Part<T>>>,
    len: usize,
}

/// Entries with their hashes, so that a part grows without asking for them.
type Part<T> = HashTable<(u64, T)>;

impl<T> Default for PersistentMap<T> {
    fn default() -> Self {
        Self { parts: PersistentVec::default(), len: 0 }
    }
}

impl<T> PersistentMap<T> {
    /// Number of entries.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Returns true if there are none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The part of a hash: as many of its bits as there are parts for, from the middle, since a part goes by both ends.
    fn place(&self, hash: u64) -> usize {
        let parts = self.parts.len();
        let wide = parts.next_power_of_two();
        let place = middle(hash) & wide.wrapping_sub(1);
        if place < parts { place } else { place - wide / 2 }
    }

    /// The entry of this hash that `is_it` knows.
    pub fn find(&self, hash: u64, is_it: impl Fn(&T) -> bool) -> Option<&T> {
        let part = self.parts.get(self.place(hash))?;
        part.find(hash, |entry| entry.0 == hash && is_it(&entry.1)).map(|(_, entry)| entry)
    }

    /// All entries, in no order.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        self.parts.range(0).flat_map(|part| part.iter()).map(|(_, entry)| entry)
    }
}

impl<T> PersistentMap<T> {
    /// The entries that an older clone did not have or had otherwise, and those of its entries that are gone.
    /// `is_known` tells whether two entries have one key, `is_same` whether they are equal. Parts that both share are
    /// not looked into.
    pub fn changed_since<'a>(
        &'a self,
        older: &'a Self,
        is_known: impl Fn(&T, &T) -> bool,
        is_same: impl Fn(&T, &T) -> bool,
    ) -> (Vec<&'a T>, Vec<&'a T>) {
        let is_shared = |place: usize| match (self.parts.get(place), older.parts.get(place)) {
            (Some(part), Some(known)) => Arc::ptr_eq(part, known),
            _ => false,
        };
        let own = |parts: &'a PersistentVec<Arc<Part<T>>>| {
            let places = (0..parts.len()).filter(|place| !is_shared(*place));
            places.filter_map(|place| parts.get(place)).flat_map(|part| part.iter())
        };
        let is_changed = |(hash, entry): &&(u64, T)| {
            let known = older.find(*hash, |known| is_known(known, entry));
            !known.is_some_and(|known| is_same(known, entry))
        };
        let is_gone =
            |(hash, entry): &&(u64, T)| self.find(*hash, |it| is_known(it, entry)).is_none();
        let changed = own(&self.parts).filter(is_changed).map(|(_, entry)| entry).collect();
        let gone = own(&older.parts).filter(is_gone).map(|(_, entry)| entry).collect();
        (changed, gone)
    }
}

impl<T: Clone> PersistentMap<T> {
    /// The part of a hash, to change.
    fn part_mut(&mut self, hash: u64) -> Option<&mut Part<T>> {
        let place = self.place(hash);
        self.parts.get_mut(place).map(Arc::make_mut)
    }

    /// The same, to change.
    pub fn find_mut(&mut self, hash: u64, is_it: impl Fn(&T) -> bool) -> Option<&mut T> {
        // What is not there need not be copied.
        self.find(hash, &is_it)?;
        let part = self.part_mut(hash)?;
        part.find_mut(hash, |entry| entry.0 == hash && is_it(&entry.1)).map(|(_, entry)| entry)
    }

    /// Puts an entry in that is not there yet.
    pub fn insert(&mut self, hash: u64, entry: T) {
        if self.len >= self.parts.len() * LOAD {
            self.grow();
        }
        if let Some(part) = self.part_mut(hash) {
            part.insert_unique(hash, (hash, entry), |(hash, _)| *hash);
            self.len += 1;
        }
    }

    /// Takes the entry of this hash that `is_it` knows out.
    pub fn remove(&mut self, hash: u64, is_it: impl Fn(&T) -> bool) -> Option<T> {
        self.find(hash, &is_it)?;
        let part = self.part_mut(hash)?;
        let found = part.find_entry(hash, |entry| entry.0 == hash && is_it(&entry.1)).ok()?;
        let ((_, entry), _) = found.remove();
        self.len -= 1;
        Some(entry)
    }

    /// Adds a part: to it go those of one other part whose next bit is set.
    #[cold]
    fn grow(&mut self) {
        let added = self.parts.len();
        let wide = (added + 1).next_power_of_two();
        let mut part = Part::new();
        if let Some(old) = self.parts.get_mut(added.wrapping_sub(wide / 2)).map(Arc::make_mut) {
            for entry in old.extract_if(|(hash, _)| middle(*hash) & (wide - 1) == added) {
                part.insert_unique(entry.0, entry, |(hash, _)| *hash);
            }
        }
        self.parts.push_back(Arc::new(part));
    }
}

/// A hash from its middle on.
const fn middle(hash: u64) -> usize {
    hash.rotate_right(24) as usize
}
