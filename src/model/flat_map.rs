//! A map from u64 to u32 in one array, for the innermost loop of reading a recording. A look-up
//! that misses the caches costs one memory access, instead of two or three in a general hash map.

use std::hash::{BuildHasher, RandomState};
use std::sync::OnceLock;

/// A hash map with open addressing and linear probing. Keys are never removed.
#[derive(Debug)]
pub struct FlatMap {
    slots: Vec<Slot>,
    len: usize,
    seed: u64,
}

impl Default for FlatMap {
    fn default() -> Self {
        FlatMap { slots: Vec::new(), len: 0, seed: seed() }
    }
}

/// The key is kept in halves, so that a slot takes 12 bytes instead of 16.
#[derive(Clone, Copy, Debug)]
struct Slot {
    key: [u32; 2],
    value: u32,
}

impl Slot {
    const FREE: Slot = Slot::new(EMPTY, 0);

    const fn new(key: u64, value: u32) -> Slot {
        Slot { key: [key as u32, (key >> 32) as u32], value }
    }

    fn key(&self) -> u64 {
        u64::from(self.key[1]) << 32 | u64::from(self.key[0])
    }
}

/// The key of an empty slot.
const EMPTY: u64 = u64::MAX;
const FIRST_SLOTS: usize = 1 << 10;

impl FlatMap {
    /// The value of `key`, which must not be `u64::MAX`.
    #[inline]
    pub fn get(&self, key: u64) -> Option<u32> {
        if self.slots.is_empty() {
            return None;
        }
        self.probe(key).ok()
    }

    /// The value of `key`, which must not be `u64::MAX`. If the key is new, that is `value` from
    /// now on.
    #[inline]
    pub fn get_or_insert(&mut self, key: u64, value: u32) -> u32 {
        // At most three quarters full: probes stay short.
        if self.len * 4 >= self.slots.len() * 3 {
            self.grow();
        }
        self.probe(key).unwrap_or_else(|free| {
            self.slots[free] = Slot::new(key, value);
            self.len += 1;
            value
        })
    }

    /// Adds a key, which must be new and not `u64::MAX`.
    pub fn insert(&mut self, key: u64, value: u32) {
        debug_assert!(key != EMPTY && self.get(key).is_none());
        self.get_or_insert(key, value);
    }

    /// The value of `key`, or the index of the free slot that is to have it. There must be slots.
    #[inline]
    fn probe(&self, key: u64) -> Result<u32, usize> {
        let mask = self.slots.len() - 1;
        let mut at = spread(key, self.seed);
        loop {
            let slot = self.slots[at & mask];
            if slot.key() == key {
                return Ok(slot.value);
            }
            if slot.key() == EMPTY {
                return Err(at & mask);
            }
            at = at.wrapping_add(1);
        }
    }

    /// Not inlined, so that look-ups stay small enough to be inlined.
    #[cold]
    #[inline(never)]
    fn grow(&mut self) {
        let size = (self.slots.len() * 2).max(FIRST_SLOTS);
        let old = std::mem::replace(&mut self.slots, vec![Slot::FREE; size]);
        for slot in old.into_iter().filter(|slot| slot.key() != EMPTY) {
            if let Err(free) = self.probe(slot.key()) {
                self.slots[free] = slot;
            }
        }
    }
}

/// Mixes all bits of a key into the low ones.
fn spread(key: u64, seed: u64) -> usize {
    fold(key ^ seed, 0x9e37_79b9_7f4a_7c15) as usize
}

/// A number that differs from run to run. Keys come from the file, so with a constant seed anybody
/// could choose them to collide. No output depends on it.
pub fn seed() -> u64 {
    static SEED: OnceLock<u64> = OnceLock::new();
    *SEED.get_or_init(|| RandomState::new().hash_one(0))
}

/// Multiplies to 128 bits and folds them: each bit of the result depends on all bits of both
/// factors.
#[inline]
pub fn fold(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    product as u64 ^ (product >> 64) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inserted_keys_have_their_values() {
        let mut map = FlatMap::default();
        assert_eq!(map.get(7), None);
        let keys = || (0..100_000u64).map(|n| (n << 32) | (n % 7));
        for (value, key) in (0..).zip(keys()) {
            map.insert(key, value);
        }
        for (value, key) in (0..).zip(keys()) {
            assert_eq!(map.get(key), Some(value));
            assert_eq!(map.get_or_insert(key, u32::MAX), value);
        }
        assert_eq!(map.get(u64::MAX - 1), None);
    }
}
