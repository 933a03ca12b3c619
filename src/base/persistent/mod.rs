//! Collections whose clones cost nothing: a clone shares all its parts with the original, and whoever changes a part
//! first takes a copy of that part alone.
//!
//! A part is a few kilobytes. As long as there is one owner nothing is ever copied, and finding that out costs one
//! atomic instruction a part.

mod map;
mod sorted_map;
mod vec;

pub use map::PersistentMap;
pub use sorted_map::PersistentSortedMap;
pub use vec::PersistentVec;
