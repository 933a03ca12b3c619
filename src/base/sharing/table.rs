//! A hash table.

use super::Row;

/// Entries of a bucket, on average when the table is full.
const LOAD: usize = 8;

/// Entries found by a hash that the caller makes. It grows by one bucket at a time (linear hashing), so no insertion
/// ever has to move all entries.
#[derive(Clone, Debug)]
pub struct Table<T> {
    buckets: Row<Vec<(u64, T)>>,
    len: usize,
}

impl<T> Default for Table<T> {
    fn default() -> Self {
        Self { buckets: Row::default(), len: 0 }
    }
}

impl<T> Table<T> {
    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The bucket of a hash: as many of its low bits as there are buckets for.
    fn place(&self, hash: u64) -> usize {
        let buckets = self.buckets.len();
        let wide = buckets.next_power_of_two();
        let place = hash as usize & wide.wrapping_sub(1);
        if place < buckets { place } else { place - wide / 2 }
    }

    fn bucket(&self, hash: u64) -> &[(u64, T)] {
        self.buckets.get(self.place(hash)).map_or(&[], Vec::as_slice)
    }

    /// The entry of this hash that `is_it` knows.
    pub fn find(&self, hash: u64, is_it: impl Fn(&T) -> bool) -> Option<&T> {
        let fits = |entry: &&(u64, T)| entry.0 == hash && is_it(&entry.1);
        self.bucket(hash).iter().find(fits).map(|(_, entry)| entry)
    }

    /// All entries, in no order.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        self.buckets.range(0).flatten().map(|(_, entry)| entry)
    }
}

impl<T: Clone> Table<T> {
    /// The same, to change.
    pub fn find_mut(&mut self, hash: u64, is_it: impl Fn(&T) -> bool) -> Option<&mut T> {
        let fits = |entry: &(u64, T)| entry.0 == hash && is_it(&entry.1);
        let at = self.bucket(hash).iter().position(fits)?;
        let place = self.place(hash);
        Some(&mut self.buckets.get_mut(place)?.get_mut(at)?.1)
    }

    /// Puts an entry in that is not there yet.
    pub fn insert(&mut self, hash: u64, entry: T) {
        if self.len >= self.buckets.len() * LOAD {
            self.grow();
        }
        let place = self.place(hash);
        if let Some(bucket) = self.buckets.get_mut(place) {
            bucket.push((hash, entry));
            self.len += 1;
        }
    }

    /// Takes the entry of this hash that `is_it` knows out.
    pub fn remove(&mut self, hash: u64, is_it: impl Fn(&T) -> bool) -> Option<T> {
        let fits = |entry: &(u64, T)| entry.0 == hash && is_it(&entry.1);
        let at = self.bucket(hash).iter().position(fits)?;
        let place = self.place(hash);
        let (_, entry) = self.buckets.get_mut(place)?.swap_remove(at);
        self.len -= 1;
        Some(entry)
    }

    /// Adds a bucket: to it go those of one other bucket whose next bit is set.
    fn grow(&mut self) {
        let added = self.buckets.len();
        self.buckets.push_back(Vec::new());
        let wide = (added + 1).next_power_of_two();
        let Some(old) = self.buckets.get_mut((added).wrapping_sub(wide / 2)) else { return };
        if added == 0 {
            return;
        }
        let moves = |entry: &mut (u64, T)| entry.0 as usize & (wide - 1) == added;
        let moved: Vec<_> = old.extract_if(.., moves).collect();
        if let Some(bucket) = self.buckets.get_mut(added) {
            *bucket = moved;
        }
    }
}
