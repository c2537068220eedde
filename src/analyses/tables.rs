//! Hash tables that are used again and again.

use rustc_hash::FxHashMap;

/// A table of at most so many entries is cleared in no time.
const SMALL: usize = 1024;

/// Empties a table for its next use. Clearing takes as long as the table is large, not as it is
/// full. So a large one is dropped: else each of many small uses would pay for the one large use
/// before them.
pub fn clear<K, V>(table: &mut FxHashMap<K, V>) {
    if table.capacity() > SMALL {
        *table = FxHashMap::default();
    } else {
        table.clear();
    }
}
