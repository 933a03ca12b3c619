//! A map in the order of its keys.

use std::collections::VecDeque;
use std::sync::Arc;

/// Entries of a leaf, at most.
const LEAF_MAX: usize = 128;

/// Values by key, in order. Made for keys that come nearly in order and are few beside all that is kept, such as
/// deadlines of open orders.
#[derive(Clone, Debug)]
pub struct PersistentSortedMap<K, V = ()> {
    /// None of them is empty but the only one.
    leaves: Arc<VecDeque<Leaf<K, V>>>,
    len: usize,
    /// The least key, which is asked for more often than anything else.
    first: Option<K>,
}

#[derive(Clone, Debug)]
struct Leaf<K, V> {
    /// No key of the leaf is less, and all keys of the leaf before are.
    from: K,
    entries: Arc<Vec<(K, V)>>,
}

impl<K, V> Default for PersistentSortedMap<K, V> {
    fn default() -> Self {
        Self { leaves: Arc::default(), len: 0, first: None }
    }
}

impl<K: Ord + Copy, V> PersistentSortedMap<K, V> {
    /// Number of entries.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Returns true if there are none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The least key.
    pub fn first(&self) -> Option<K> {
        self.first
    }

    /// The leaf in which a key is, if it is anywhere.
    fn leaf_of(&self, key: K) -> Option<usize> {
        let last = self.leaves.len().checked_sub(1)?;
        if self.leaves[last].from <= key {
            return Some(last);
        }
        self.leaves.partition_point(|leaf| leaf.from <= key).checked_sub(1)
    }

    /// Position of a key: its leaf and its place there.
    fn find(&self, key: K) -> Option<(usize, usize)> {
        let leaf = self.leaf_of(key)?;
        let place = self.leaves[leaf].entries.binary_search_by_key(&key, |(key, _)| *key).ok()?;
        Some((leaf, place))
    }

    /// The value of a key.
    pub fn get(&self, key: K) -> Option<&V> {
        let (leaf, place) = self.find(key)?;
        Some(&self.leaves[leaf].entries[place].1)
    }

    /// All entries from a key on.
    pub fn range(&self, from: K) -> impl Iterator<Item = (K, &V)> {
        let leaf = self.leaf_of(from).unwrap_or(0);
        let entries = self.leaves.range(leaf..).flat_map(|leaf| &*leaf.entries);
        entries.map(|(key, value)| (*key, value)).skip_while(move |(key, _)| *key < from)
    }

    /// All entries but the first so many.
    pub fn behind(&self, others: usize) -> impl Iterator<Item = (K, &V)> {
        let mut skipped = others;
        let is_skipped = |leaf: &&Leaf<K, V>| match skipped.checked_sub(leaf.entries.len()) {
            Some(rest) => {
                skipped = rest;
                true
            }
            None => false,
        };
        let leaves = self.leaves.iter().take_while(is_skipped).count();
        let entries = self.leaves.range(leaves..).flat_map(|leaf| &*leaf.entries);
        entries.map(|(key, value)| (*key, value)).skip(skipped)
    }

    /// All entries.
    pub fn iter(&self) -> impl Iterator<Item = (K, &V)> {
        self.leaves.iter().flat_map(|leaf| &*leaf.entries).map(|(key, value)| (*key, value))
    }
}

impl<K: Ord + Copy, V> PersistentSortedMap<K, V> {
    /// The entries that an older clone did not have, or had with another value, as `is_same` tells; and the keys that
    /// are gone since. Leaves at the front that both share are not looked into.
    pub fn changed_since(
        &self,
        older: &Self,
        is_same: impl Fn(&V, &V) -> bool,
    ) -> (Vec<(K, &V)>, Vec<K>) {
        let (mut changed, mut gone) = (Vec::new(), Vec::new());
        if Arc::ptr_eq(&self.leaves, &older.leaves) {
            return (changed, gone);
        }
        let pairs = self.leaves.iter().zip(&*older.leaves);
        let shared = pairs.take_while(|(one, other)| Arc::ptr_eq(&one.entries, &other.entries));
        let shared = shared.count();
        let rest = |leaves: &'_ VecDeque<Leaf<K, V>>| leaves.len().min(shared);
        let mut own = self.leaves.range(rest(&self.leaves)..).flat_map(|leaf| &*leaf.entries);
        let old = older.leaves.range(rest(&older.leaves)..).flat_map(|leaf| &*leaf.entries);
        let mut next = own.next();
        for (key, value) in old {
            while let Some((new, value)) = next.filter(|(new, _)| new < key) {
                changed.push((*new, value));
                next = own.next();
            }
            match next {
                Some((new, now)) if new == key => {
                    if !is_same(value, now) {
                        changed.push((*new, now));
                    }
                    next = own.next();
                }
                _ => gone.push(*key),
            }
        }
        changed.extend(next.into_iter().chain(own).map(|(key, value)| (*key, value)));
        (changed, gone)
    }
}

impl<K: Ord + Copy, V: Clone> PersistentSortedMap<K, V> {
    /// The value of a key, to change.
    pub fn get_mut(&mut self, key: K) -> Option<&mut V> {
        let (leaf, place) = self.find(key)?;
        let leaf = Arc::make_mut(&mut self.leaves).get_mut(leaf)?;
        Some(&mut Arc::make_mut(&mut leaf.entries).get_mut(place)?.1)
    }

    /// Puts an entry in; the value that its key had before.
    pub fn insert(&mut self, key: K, value: V) -> Option<V> {
        let at = self.leaf_of(key).unwrap_or(0);
        let leaves = Arc::make_mut(&mut self.leaves);
        let is_last = at + 1 >= leaves.len();
        let Some(leaf) = leaves.get_mut(at) else {
            leaves.push_back(Leaf { from: key, entries: Arc::new(vec![(key, value)]) });
            (self.len, self.first) = (1, Some(key));
            return None;
        };
        let entries = Arc::make_mut(&mut leaf.entries);
        let place = match entries.last() {
            // Most keys come in order.
            Some((last, _)) if *last < key => entries.len(),
            _ => match entries.binary_search_by_key(&key, |(key, _)| *key) {
                Ok(place) => return Some(std::mem::replace(&mut entries[place].1, value)),
                Err(place) => place,
            },
        };
        self.len += 1;
        self.first = Some(self.first.map_or(key, |first| first.min(key)));
        if entries.len() == LEAF_MAX && place == LEAF_MAX && is_last {
            leaves.push_back(Leaf { from: key, entries: Arc::new(vec![(key, value)]) });
            return None;
        }
        leaf.from = leaf.from.min(key);
        entries.insert(place, (key, value));
        if entries.len() > LEAF_MAX {
            let more = entries.split_off(LEAF_MAX / 2);
            leaves.insert(at + 1, Leaf { from: more[0].0, entries: Arc::new(more) });
        }
        None
    }

    /// Takes an entry out.
    pub fn remove(&mut self, key: K) -> Option<V> {
        let (at, place) = self.find(key)?;
        let leaves = Arc::make_mut(&mut self.leaves);
        let entries = Arc::make_mut(&mut leaves.get_mut(at)?.entries);
        let (_, value) = entries.remove(place);
        self.len -= 1;
        if leaves.len() > 1 {
            let left = leaves.get(at).map_or(0, |leaf| leaf.entries.len());
            if left == 0 {
                leaves.remove(at);
            } else if left < LEAF_MAX / 4 {
                join(leaves, at);
            }
        }
        if self.first == Some(key) {
            self.first = leaves.front().and_then(|leaf| leaf.entries.first()).map(|(key, _)| *key);
        }
        Some(value)
    }

    /// Takes the entry of the least key out.
    pub fn pop_first(&mut self) -> Option<(K, V)> {
        let key = self.first?;
        self.remove(key).map(|value| (key, value))
    }
}

/// Puts a small leaf together with a neighbour, if the two have room in one.
fn join<K: Ord + Copy, V: Clone>(leaves: &mut VecDeque<Leaf<K, V>>, at: usize) {
    let room = |left: usize| {
        let len = |at: usize| leaves.get(at).map_or(LEAF_MAX, |leaf| leaf.entries.len());
        len(left) + len(left + 1) <= LEAF_MAX / 2
    };
    let left = [Some(at), at.checked_sub(1)].into_iter().flatten().find(|left| room(*left));
    if let Some(left) = left
        && let Some(right) = leaves.remove(left + 1)
        && let Some(leaf) = leaves.get_mut(left)
    {
        Arc::make_mut(&mut leaf.entries).extend_from_slice(&right.entries);
    }
}
