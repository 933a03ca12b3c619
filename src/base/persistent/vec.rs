//! A queue with places.

use std::collections::VecDeque;
use std::sync::Arc;

/// Bits of a place within a leaf, and of a leaf within a branch.
const BITS: u32 = 6;
const WIDTH: usize = 1 << BITS;

/// Items in a row: put in at the end, taken out at the front, reached by their place.
///
/// Full leaves are shared between clones; the items behind the last of them, fewer than a leaf has, are each clone's
/// own. An item that was taken out at the front is let go when its whole leaf is.
#[derive(Clone, Debug)]
pub struct PersistentVec<T> {
    branches: Arc<VecDeque<Arc<Branch<T>>>>,
    /// Index of the first item, counted from the beginning of the first branch.
    first: usize,
    /// Index of the tail's beginning, counted likewise; a multiple of the width.
    sealed: usize,
    tail: Vec<T>,
}

#[derive(Clone, Debug)]
struct Branch<T> {
    leaves: [Option<Arc<[T]>>; WIDTH],
}

/// A position as branch, leaf and slot.
const fn split(position: usize) -> (usize, usize, usize) {
    (position >> (2 * BITS), position >> BITS & (WIDTH - 1), position & (WIDTH - 1))
}

impl<T> Default for PersistentVec<T> {
    fn default() -> Self {
        Self { branches: Arc::default(), first: 0, sealed: 0, tail: Vec::new() }
    }
}

impl<T> PersistentVec<T> {
    /// Number of items.
    pub fn len(&self) -> usize {
        self.sealed + self.tail.len() - self.first
    }

    /// Returns true if there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The item at `place`, counted from the front.
    #[inline]
    pub fn get(&self, place: usize) -> Option<&T> {
        let position = self.first.checked_add(place)?;
        if position >= self.sealed {
            return self.tail.get(position - self.sealed);
        }
        let (branch, leaf, slot) = split(position);
        self.branches.get(branch)?.leaves[leaf].as_deref()?.get(slot)
    }

    /// The item at the front.
    pub fn front(&self) -> Option<&T> {
        self.get(0)
    }

    /// All items from `place` on.
    pub fn range(&self, place: usize) -> impl DoubleEndedIterator<Item = &T> {
        (place..self.len()).filter_map(|place| self.get(place))
    }
}

impl<T> PersistentVec<T> {
    /// The item at a position, counted from the beginning of the first branch.
    fn at(&self, position: i64) -> Option<&T> {
        let position = usize::try_from(position).ok()?;
        self.get(position.checked_sub(self.first)?)
    }

    /// The leaf that begins at a position.
    fn leaf(&self, position: i64) -> Option<&Arc<[T]>> {
        let position = usize::try_from(position).ok().filter(|it| *it < self.sealed)?;
        let (branch, leaf, slot) = split(position);
        self.branches.get(branch)?.leaves[leaf].as_ref().filter(|_| slot == 0)
    }

    /// The items that an older clone did not have, or that `is_same` tells from those at their places there, with their
    /// numbers. The first item here has the number `start`, the first of the clone `older_start`. Leaves that both
    /// share are not looked into.
    pub fn changed_since(
        &self,
        start: u64,
        (older, older_start): (&Self, u64),
        is_same: impl Fn(&T, &T) -> bool,
    ) -> Vec<(u64, &T)> {
        let base = start.cast_signed() - self.first as i64;
        let to_older = base - (older_start.cast_signed() - older.first as i64);
        let end = self.sealed + self.tail.len();
        let (mut changed, mut position) = (Vec::new(), self.first);
        while position < end {
            let begin = (position & !(WIDTH - 1)) as i64;
            let leaf_end = (position | (WIDTH - 1)).saturating_add(1).min(end);
            let is_shared = match (self.leaf(begin), older.leaf(begin + to_older)) {
                (Some(leaf), Some(known)) => Arc::ptr_eq(leaf, known),
                _ => false,
            };
            if !is_shared {
                for position in (position..leaf_end).map(|position| position as i64) {
                    let Some(item) = self.at(position) else { continue };
                    if !older.at(position + to_older).is_some_and(|known| is_same(known, item)) {
                        changed.push(((base + position).cast_unsigned(), item));
                    }
                }
            }
            position = leaf_end;
        }
        changed
    }
}

impl<T: Clone> PersistentVec<T> {
    /// The item at `place`, to change.
    pub fn get_mut(&mut self, place: usize) -> Option<&mut T> {
        let position = self.first.checked_add(place)?;
        if position >= self.sealed {
            return self.tail.get_mut(position - self.sealed);
        }
        let (branch, leaf, slot) = split(position);
        let branch = Arc::make_mut(Arc::make_mut(&mut self.branches).get_mut(branch)?);
        Arc::make_mut(branch.leaves[leaf].as_mut()?).get_mut(slot)
    }

    /// Puts an item in at the end.
    #[inline]
    pub fn push_back(&mut self, item: T) {
        if self.tail.len() == WIDTH {
            self.seal();
        }
        self.tail.push(item);
    }

    /// Makes the full tail a leaf.
    #[cold]
    fn seal(&mut self) {
        let (branch, leaf, _) = split(self.sealed);
        let branches = Arc::make_mut(&mut self.branches);
        if branch == branches.len() {
            branches.push_back(Arc::new(Branch { leaves: [const { None }; WIDTH] }));
        }
        if let Some(branch) = branches.get_mut(branch) {
            Arc::make_mut(branch).leaves[leaf] = Some(self.tail.drain(..).collect());
            self.sealed += WIDTH;
        }
    }

    /// Takes the item at the front out.
    pub fn pop_front(&mut self) -> Option<T> {
        let item = self.front()?.clone();
        self.first += 1;
        if self.is_empty() {
            *self = Self { tail: std::mem::take(&mut self.tail), ..Self::default() };
            self.tail.clear();
        } else if self.first <= self.sealed && self.first.is_multiple_of(WIDTH) {
            self.let_go();
        }
        Some(item)
    }

    /// Lets go of the leaf that ends before the first item.
    fn let_go(&mut self) {
        let (branch, leaf, _) = split(self.first - 1);
        let branches = Arc::make_mut(&mut self.branches);
        if leaf + 1 == WIDTH {
            branches.pop_front();
            self.first -= WIDTH * WIDTH;
            self.sealed -= WIDTH * WIDTH;
        } else if let Some(branch) = branches.get_mut(branch) {
            Arc::make_mut(branch).leaves[leaf] = None;
        }
    }
}
