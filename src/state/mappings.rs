//! Mappings: the ranges of addresses at which code was mapped, and look-up of the one that covers
//! an address.

use std::ops::Range;
use std::sync::OnceLock;

use crate::ingest::RecordTime;
use crate::model::ModuleId;

/// A range of addresses that belongs to a module from one moment on.
pub(super) struct Mapping {
    /// When it was mapped.
    pub when: RecordTime,
    /// The first address.
    pub start: u64,
    /// The address after the last.
    pub end: u64,
    /// Added to an address, with wrap-around, to make it an offset in the module.
    pub shift: u64,
    /// What is mapped.
    pub module: ModuleId,
    /// For code that the kernel made: the first epoch after it was freed.
    pub gone: u32,
}

/// The value of [`Mapping::gone`] for code that is never freed.
pub(super) const FOREVER: u32 = u32::MAX;

impl Mapping {
    /// The module at `address`, and the offset in it.
    pub fn place(&self, address: u64) -> (ModuleId, u64) {
        (self.module, address.wrapping_add(self.shift))
    }
}

/// The mappings of an address space, in time order. They may overlap: the newest counts.
#[derive(Default)]
pub(super) struct Mappings {
    list: Vec<Mapping>,
    /// Built at the first look-up: most processes are never sampled.
    index: OnceLock<Box<Index>>,
}

impl Mappings {
    /// Adds a mapping, and returns its number.
    pub fn push(&mut self, mapping: Mapping) -> usize {
        if self.list.is_empty() {
            // Most processes share the mappings of those that they were forked from.
            self.list.reserve_exact(1);
        }
        self.list.push(mapping);
        self.list.len() - 1
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &Mapping> {
        self.list.iter()
    }

    /// The mapping with this number.
    pub fn get(&self, number: usize) -> &Mapping {
        &self.list[number]
    }

    /// Sets the first epoch after the code of a mapping was freed.
    pub fn set_gone(&mut self, number: usize, epoch: u32) {
        self.list[number].gone = epoch;
    }

    /// How many mappings there were at `when`, and the moments between which the number stayed the
    /// same.
    pub fn count_at(&self, when: RecordTime) -> (usize, Range<RecordTime>) {
        let count = self.list.partition_point(|mapping| mapping.when <= when);
        let since = count.checked_sub(1).map_or(RecordTime::FIRST, |last| self.list[last].when);
        let until = self.list.get(count).map_or(RecordTime::NEVER, |next| next.when);
        (count, since..until)
    }

    /// The newest of the first `count` mappings that covers `address`.
    pub fn find(&self, address: u64, count: u32) -> Option<&Mapping> {
        // Most processes have so few mappings that checking each is faster than the index, which
        // would also take memory.
        const FEW: usize = 32;
        if self.list.len() <= FEW {
            let first = self.list.iter().take(count as usize);
            return first.rev().find(|mapping| mapping.start <= address && address < mapping.end);
        }
        let index = self.index.get_or_init(|| Box::new(Index::new(&self.list)));
        self.list.get(index.newest(address, count)? as usize)
    }
}

/// Finds the mappings that cover an address in logarithmic time, however they overlap. It is a
/// segment tree over the addresses at which mappings begin and end. A mapping is stored in the
/// nodes that together make up its range, at most two on each level.
struct Index {
    bounds: Vec<u64>,
    /// Node 1 is the root, the children of n are 2n and 2n+1. Each holds numbers of mappings,
    /// ascending.
    nodes: Vec<Vec<u32>>,
    leaves: usize,
}

impl Index {
    fn new(mappings: &[Mapping]) -> Self {
        let mut bounds: Vec<u64> = mappings.iter().flat_map(|mapping| [mapping.start, mapping.end]).collect();
        bounds.sort_unstable();
        bounds.dedup();
        let leaves = bounds.len().next_power_of_two();
        let mut nodes = vec![Vec::new(); 2 * leaves];
        for (number, mapping) in (0u32..).zip(mappings) {
            let mut from = leaves + bounds.partition_point(|&bound| bound < mapping.start);
            let mut to = leaves + bounds.partition_point(|&bound| bound < mapping.end);
            while from < to {
                if from % 2 == 1 {
                    nodes[from].push(number);
                    from += 1;
                }
                if to % 2 == 1 {
                    to -= 1;
                    nodes[to].push(number);
                }
                from /= 2;
                to /= 2;
            }
        }
        Index { bounds, nodes, leaves }
    }

    /// The highest number below `count` among the mappings that cover `address`.
    fn newest(&self, address: u64, count: u32) -> Option<u32> {
        let after = self.bounds.partition_point(|&bound| bound <= address);
        let mut node = self.leaves + after.checked_sub(1)?;
        let mut newest = None;
        while node > 0 {
            let numbers = &self.nodes[node];
            let below = numbers.partition_point(|&number| number < count);
            newest = newest.max(below.checked_sub(1).map(|at| numbers[at]));
            node /= 2;
        }
        newest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_nested_mappings_cost_no_more_than_their_logarithm() {
        let mappings: Vec<Mapping> = (0..20_000u64)
            .map(|n| Mapping {
                when: RecordTime { time_ns: n, position: 0 },
                start: n,
                end: 1_000_000 - n,
                shift: 0,
                module: ModuleId::from_index(0),
                gone: FOREVER,
            })
            .collect();
        let index = Index::new(&mappings);
        assert_eq!(index.newest(500_000, u32::MAX), Some(19_999));
        assert_eq!(index.newest(500_000, 7), Some(6));
        assert_eq!(index.newest(3, u32::MAX), Some(3));
        assert_eq!(index.newest(1_000_000, u32::MAX), None);
    }
}
