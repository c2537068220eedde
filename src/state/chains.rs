//! Call chains: splits a raw chain at its context markers and turns each part into frames, once for each distinct part.

use std::hash::Hasher;

use hashbrown::HashTable;
use linux_perf_event_reader::constants::{
    PERF_CONTEXT_GUEST, PERF_CONTEXT_GUEST_KERNEL, PERF_CONTEXT_GUEST_USER, PERF_CONTEXT_HV,
    PERF_CONTEXT_KERNEL, PERF_CONTEXT_MAX, PERF_CONTEXT_USER, PERF_RECORD_MISC_CPUMODE_MASK,
    PERF_RECORD_MISC_GUEST_KERNEL, PERF_RECORD_MISC_GUEST_USER, PERF_RECORD_MISC_HYPERVISOR,
    PERF_RECORD_MISC_USER,
};
use rustc_hash::FxHasher;

use crate::ingest::ByteOrder;
use crate::model::{Frame, FrameId, FrameTable, Mode, StackId, StackTree};

use super::SpaceAt;

/// A raw call chain and what is needed to read it.
pub struct Chain<'a> {
    /// Entries of 8 bytes, innermost first, with context markers.
    pub entries: &'a [u8],
    /// The instruction, for a chain without entries.
    pub ip: u64,
    /// The mode of the record: that of entries before the first marker.
    pub cpumode: u16,
    /// The address space of user addresses.
    pub space: SpaceAt,
    /// Byte order of the entries.
    pub order: ByteOrder,
}

/// The distinct parts of chains seen so far, without their innermost entry: that one differs from sample to sample, its callers
/// repeat. A part is compared with the bytes of its first occurrence, in place.
pub struct Chains<'a> {
    seen: HashTable<Part<'a>>,
    /// The parts of the chain at hand, innermost first.
    parts: Vec<(Mode, &'a [u8])>,
    recent: Vec<Recent>,
}

struct Part<'a> {
    hash: u64,
    callers: StackId,
    mode: Mode,
    space: SpaceAt,
    entries: &'a [u8],
    stack: StackId,
}

/// What an address was found to be: a cache with one place for each of some bits of the address.
#[derive(Clone, Copy)]
struct Recent {
    address: u64,
    mode: Mode,
    space: SpaceAt,
    frame: FrameId,
}

/// Places in the cache of recent addresses: as many as fit a second-level cache.
const RECENT: usize = 1 << 14;

impl Default for Chains<'_> {
    fn default() -> Self {
        // No address reaches PERF_CONTEXT_MAX, so an empty place matches none.
        let empty = Recent { address: u64::MAX, mode: Mode::Kernel, space: SpaceAt::NONE, frame: FrameId(0) };
        Chains { seen: HashTable::new(), parts: Vec::new(), recent: vec![empty; RECENT] }
    }
}

impl<'a> Chains<'a> {
    /// The stack of a chain. `place` finds out what an address was.
    pub fn intern(
        &mut self,
        chain: Chain<'a>,
        frames: &mut FrameTable,
        stacks: &mut StackTree,
        place: &mut impl FnMut(u64, Mode) -> Frame,
    ) -> StackId {
        self.split(&chain);
        if self.parts.iter().all(|(_, entries)| entries.is_empty()) {
            let frame = place(chain.ip, mode_of(chain.cpumode));
            return stacks.push(StackTree::ROOT, frames.intern(frame));
        }
        let mut stack = StackTree::ROOT;
        for at in (0..self.parts.len()).rev() {
            let (mode, entries) = self.parts[at];
            let Some((leaf, callers)) = entries.split_at_checked(8) else { continue };
            // Only user addresses depend on the process, so that processes share the kernel's parts.
            let space = if mode == Mode::User { chain.space } else { SpaceAt::NONE };
            let mut frame_of = |recent: &mut [Recent], address: u64| {
                let known = &mut recent[place_in_cache(address)];
                if known.address != address || known.mode != mode || known.space != space {
                    let frame = frames.intern(place(address, mode));
                    *known = Recent { address, mode, space, frame };
                }
                known.frame
            };
            if !callers.is_empty() {
                let hash = hash(stack, mode, space, callers);
                let is_same = |part: &Part| {
                    part.hash == hash
                        && part.callers == stack
                        && part.mode == mode
                        && part.space == space
                        && part.entries == callers
                };
                stack = match self.seen.find(hash, is_same) {
                    Some(part) => part.stack,
                    None => {
                        let outer = stack;
                        for address in chain.order.u64s(callers).rev() {
                            stack = stacks.push(stack, frame_of(&mut self.recent, address));
                        }
                        let part = Part { hash, callers: outer, mode, space, entries: callers, stack };
                        self.seen.insert_unique(hash, part, |part| part.hash);
                        stack
                    }
                };
            }
            for address in chain.order.u64s(leaf) {
                stack = stacks.push(stack, frame_of(&mut self.recent, address));
            }
        }
        stack
    }

    /// Fills `parts`: a marker sets the mode of the entries after it.
    fn split(&mut self, chain: &Chain<'a>) {
        self.parts.clear();
        let mut mode = mode_of(chain.cpumode);
        let mut start = 0;
        for (number, entry) in chain.order.u64s(chain.entries).enumerate() {
            if entry < PERF_CONTEXT_MAX {
                continue;
            }
            let at = number * 8;
            self.parts.push((mode, &chain.entries[start..at]));
            start = at + 8;
            mode = match entry {
                PERF_CONTEXT_HV => Mode::Hypervisor,
                PERF_CONTEXT_KERNEL => Mode::Kernel,
                PERF_CONTEXT_USER => Mode::User,
                PERF_CONTEXT_GUEST | PERF_CONTEXT_GUEST_KERNEL | PERF_CONTEXT_GUEST_USER => Mode::Guest,
                // What follows an unknown marker has an unknown meaning: after −640, the user frames' cookie of kernels
                // newer than 6.18. The frames before it stand.
                _ => return,
            };
        }
        self.parts.push((mode, &chain.entries[start..]));
    }
}

fn mode_of(cpumode: u16) -> Mode {
    match cpumode & PERF_RECORD_MISC_CPUMODE_MASK {
        PERF_RECORD_MISC_USER => Mode::User,
        PERF_RECORD_MISC_HYPERVISOR => Mode::Hypervisor,
        PERF_RECORD_MISC_GUEST_KERNEL | PERF_RECORD_MISC_GUEST_USER => Mode::Guest,
        _ => Mode::Kernel,
    }
}

fn place_in_cache(address: u64) -> usize {
    // Multiplying by an odd number spreads the low bits, the only ones that differ within a function, over the high ones.
    (address.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32) as usize % RECENT
}

fn hash(callers: StackId, mode: Mode, space: SpaceAt, entries: &[u8]) -> u64 {
    let mut hasher = FxHasher::default();
    hasher.write_u64(u64::from(callers.0) << 8 | mode as u64);
    hasher.write_u64(space.key());
    hasher.write(entries);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The modes and addresses of a chain, root first.
    fn read(entries: &[u64], ip: u64, cpumode: u16) -> Vec<(Mode, u64)> {
        let bytes: Vec<u8> = entries.iter().flat_map(|entry| entry.to_le_bytes()).collect();
        let (mut frames, mut stacks) = (FrameTable::default(), StackTree::default());
        let chain = || Chain { entries: &bytes, ip, cpumode, space: SpaceAt::NONE, order: ByteOrder::Little };
        let mut place = |offset, mode| Frame { module: None, offset, mode };
        let mut chains = Chains::default();
        let stack = chains.intern(chain(), &mut frames, &mut stacks, &mut place);
        let again = chains.intern(chain(), &mut frames, &mut stacks, &mut place);
        assert_eq!(stack, again);
        let frames: Vec<_> = stacks
            .leaf_first(stack)
            .map(|id| frames.frames()[id.index()])
            .map(|frame| (frame.mode, frame.offset))
            .collect();
        frames.into_iter().rev().collect()
    }

    #[test]
    fn markers_switch_the_mode() {
        use Mode::{Kernel, User};
        let kernel = PERF_CONTEXT_KERNEL;
        let user = PERF_CONTEXT_USER;
        assert_eq!(read(&[kernel, 3, 2, user, 1], 3, 1), [(User, 1), (Kernel, 2), (Kernel, 3)]);
        assert_eq!(read(&[7, 6], 7, 2), [(User, 6), (User, 7)]);
        assert_eq!(read(&[kernel, 3, 2, -640i64 as u64, 99], 3, 1), [(Kernel, 2), (Kernel, 3)]);
    }

    #[test]
    fn an_empty_chain_is_its_instruction() {
        assert_eq!(read(&[], 5, 1), [(Mode::Kernel, 5)]);
        assert_eq!(read(&[PERF_CONTEXT_USER], 5, 2), [(Mode::User, 5)]);
    }
}
