//! Collections that share their parts, against plain ones: the same under any operations, and a clone never sees what
//! happens to the other.

use std::collections::{BTreeMap, HashMap, VecDeque};

use payon_sim::base::persistent::{PersistentMap, PersistentSortedMap, PersistentVec};
use proptest::prelude::*;

/// What is done, with a number to do it with. Runs are long, so that parts fill, split and empty again.
#[derive(Clone, Copy, Debug)]
enum Deed {
    Add(u16, u16),
    Take(u16, u16),
    Change(u16),
    TakeFirst(u16),
    TakeLast(u16),
    Clone,
    /// Goes on with the last clone in place of what there is, as a restore does.
    GoBack,
}

fn actions() -> impl Strategy<Value = Vec<Deed>> {
    let run = 1..400u16;
    let action = prop_oneof![
        6 => (any::<u16>(), run.clone()).prop_map(|(at, run)| Deed::Add(at, run)),
        2 => (any::<u16>(), 1..20u16).prop_map(|(at, run)| Deed::Take(at, run)),
        3 => any::<u16>().prop_map(Deed::Change),
        2 => run.clone().prop_map(Deed::TakeFirst),
        1 => run.prop_map(Deed::TakeLast),
        2 => Just(Deed::Clone),
        1 => Just(Deed::GoBack),
    ];
    prop::collection::vec(action, 1..60)
}

/// Does all of `actions` to both and compares the two after each, and every clone at the end.
fn compare<S: Clone, P: Clone>(
    actions: &[Deed],
    mut shared: S,
    mut plain: P,
    act: impl Fn(Deed, &mut S, &mut P),
    check: impl Fn(&S, &P),
) {
    let mut clones: Vec<(S, P)> = Vec::new();
    for action in actions {
        match action {
            Deed::Clone => clones.push((shared.clone(), plain.clone())),
            Deed::GoBack => {
                if let Some((saved, known)) = clones.last() {
                    (shared, plain) = (saved.clone(), known.clone());
                }
            }
            action => act(*action, &mut shared, &mut plain),
        }
        check(&shared, &plain);
    }
    for (saved, known) in &clones {
        check(saved, known);
    }
}

/// Items in a row with the number of the first, as a queue of orders has it.
#[derive(Clone, Default)]
struct Numbered {
    first: u64,
    row: PersistentVec<u32>,
}

#[test]
fn a_row_tells_what_an_older_clone_did_not_have() {
    let mut all = Numbered::default();
    let (mut known, mut older): (BTreeMap<u64, u32>, _) = (BTreeMap::new(), all.clone());
    let mut before = known.clone();
    // Runs over leaves and branches, items changed in full leaves and in the tail, and many taken at the front.
    for round in 0..200_u32 {
        for item in 0..round * 7 % 500 {
            known.insert(all.first + all.row.len() as u64, item);
            all.row.push_back(item);
        }
        for step in 0..round % 5 {
            let place = (round as usize * 31 + step as usize * 977) % all.row.len().max(1);
            if let Some(item) = all.row.get_mut(place) {
                *item = 1_000_000 + round;
                known.insert(all.first + place as u64, 1_000_000 + round);
            }
        }
        for _ in 0..round * 11 % 400 {
            if all.row.pop_front().is_some() {
                known.remove(&all.first);
                all.first += 1;
            }
        }
        let changed = all.row.changed_since(all.first, (&older.row, older.first), u32::eq);
        let expected = known.iter().filter(|(number, item)| before.get(number) != Some(item));
        assert!(changed.into_iter().eq(expected.map(|(number, item)| (*number, item))), "{round}");
        (older, before) = (all.clone(), known.clone());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_row_is_a_queue(actions in actions()) {
        let act = |action, row: &mut PersistentVec<u32>, queue: &mut VecDeque<u32>| match action {
            // Runs of several leaves, and now and then of more than a branch holds.
            Deed::Add(at, run) => for item in 0..u32::from(run) * (1 + u32::from(at % 30)) {
                row.push_back(item);
                queue.push_back(item);
            },
            Deed::Change(at) => {
                let place = usize::from(at) % queue.len().max(1);
                let (one, other) = (row.get_mut(place), queue.get_mut(place));
                assert_eq!(one.is_some(), other.is_some());
                if let (Some(one), Some(other)) = (one, other) {
                    (*one, *other) = (at.into(), at.into());
                }
            }
            Deed::TakeFirst(run) => for _ in 0..usize::from(run) * 20 {
                assert_eq!(row.pop_front(), queue.pop_front());
            },
            Deed::Take(_, run) | Deed::TakeLast(run) => for _ in 0..run {
                assert_eq!(row.pop_front(), queue.pop_front());
            },
            Deed::Clone | Deed::GoBack => {}
        };
        compare(&actions, PersistentVec::default(), VecDeque::new(), act, |row, queue| {
            assert_eq!(row.len(), queue.len());
            assert_eq!(row.front(), queue.front());
            assert!(row.range(0).eq(queue));
            assert!(row.range(queue.len() / 2).rev().eq(queue.range(queue.len() / 2..).rev()));
            assert_eq!(row.get(queue.len()), None);
        });
    }

    #[test]
    fn a_sorted_map_is_a_tree(actions in actions()) {
        let act = |action, map: &mut PersistentSortedMap<u16, u16>, tree: &mut BTreeMap<u16, u16>| match action {
            Deed::Add(at, run) => for step in 0..run {
                let key = at.wrapping_add(step.wrapping_mul(1 + at % 7));
                assert_eq!(map.insert(key, step), tree.insert(key, step));
            },
            Deed::Take(at, run) => for step in 0..run * 10 {
                let key = at.wrapping_add(step);
                assert_eq!(map.remove(key), tree.remove(&key));
            },
            Deed::Change(at) => {
                let key = tree.range(at..).next().map_or(at, |(key, _)| *key);
                let (one, other) = (map.get_mut(key), tree.get_mut(&key));
                assert_eq!(one.is_some(), other.is_some());
                if let (Some(one), Some(other)) = (one, other) {
                    (*one, *other) = (at, at);
                }
            }
            Deed::TakeFirst(run) => for _ in 0..run {
                assert_eq!(map.pop_first(), tree.pop_first());
            },
            Deed::TakeLast(run) => for _ in 0..run {
                let last = tree.pop_last();
                assert_eq!(last.and_then(|(key, _)| map.remove(key)), last.map(|(_, value)| value));
            },
            Deed::Clone | Deed::GoBack => {}
        };
        let last = std::cell::RefCell::new((PersistentSortedMap::default(), BTreeMap::new()));
        compare(&actions, PersistentSortedMap::default(), BTreeMap::new(), act, |map, tree| {
            let (older, known) = last.replace((map.clone(), tree.clone()));
            let (changed, gone) = map.changed_since(&older, u16::eq);
            let is_new = |(key, value): &(&u16, &u16)| known.get(*key) != Some(*value);
            let expected = tree.iter().filter(is_new).map(|(key, value)| (*key, value));
            assert!(changed.into_iter().eq(expected));
            assert!(gone.iter().eq(known.keys().filter(|key| !tree.contains_key(*key))));
            assert_eq!((map.len(), map.is_empty()), (tree.len(), tree.is_empty()));
            assert_eq!(map.first(), tree.keys().next().copied());
            assert!(map.iter().eq(tree.iter().map(|(key, value)| (*key, value))));
            for others in [0, 1, 127, 500, tree.len(), tree.len() + 1] {
                let keys = map.behind(others).map(|(key, value)| (*value, key));
                assert!(keys.eq(tree.iter().skip(others).map(|(key, value)| (*value, *key))));
            }
            for from in [0, 1000, 40_000] {
                assert!(map.range(from).eq(tree.range(from..).map(|(key, value)| (*key, value))));
                assert_eq!(map.get(from), tree.get(&from));
            }
        });
    }

    #[test]
    fn a_table_is_a_hash_map(actions in actions()) {
        // Few different hashes for many keys, so that some are shared.
        let hash = |key: u16| u64::from(key) % 5000 * 0x9e37_79b9;
        let act = |action, table: &mut PersistentMap<(u16, u16)>, map: &mut HashMap<u16, u16>| match action {
            Deed::Add(at, run) => for step in 0..run {
                let key = at.wrapping_add(step.wrapping_mul(3));
                let known = table.find_mut(hash(key), |(known, _)| *known == key);
                assert_eq!(known.as_ref().map(|(_, value)| *value), map.insert(key, step));
                match known {
                    Some((_, value)) => *value = step,
                    None => table.insert(hash(key), (key, step)),
                }
            },
            Deed::Take(at, run) => for step in 0..run * 20 {
                let key = at.wrapping_add(step);
                let taken = table.remove(hash(key), |(known, _)| *known == key);
                assert_eq!(taken.map(|(_, value)| value), map.remove(&key));
            },
            Deed::Change(at) => {
                let found = table.find(hash(at), |(known, _)| *known == at);
                assert_eq!(found.map(|(_, value)| value), map.get(&at));
            }
            Deed::TakeFirst(_) | Deed::TakeLast(_) | Deed::Clone | Deed::GoBack => {}
        };
        let last = std::cell::RefCell::new((PersistentMap::default(), HashMap::new()));
        compare(&actions, PersistentMap::default(), HashMap::new(), act, |table, map| {
            let (older, known) = last.replace((table.clone(), map.clone()));
            let is_known = |one: &(u16, u16), other: &(u16, u16)| one.0 == other.0;
            let (changed, gone) = table.changed_since(&older, is_known, |one, other| one == other);
            let mut changed: Vec<_> = changed.into_iter().copied().collect();
            changed.sort_unstable();
            let mut expected: Vec<(u16, u16)> = map.iter().map(|(key, value)| (*key, *value))
                .filter(|(key, value)| known.get(key) != Some(value)).collect();
            expected.sort_unstable();
            assert_eq!(changed, expected);
            assert_eq!(gone.len(), known.keys().filter(|key| !map.contains_key(key)).count());
            assert_eq!((table.len(), table.is_empty()), (map.len(), map.is_empty()));
            let mut entries: Vec<_> = table.iter().copied().collect();
            let mut known: Vec<_> = map.iter().map(|(key, value)| (*key, *value)).collect();
            entries.sort_unstable();
            known.sort_unstable();
            assert_eq!(entries, known);
        });
    }
}
