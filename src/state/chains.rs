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
use crate::model::{Frame, FrameTable, Mode, StackId, StackTree};

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

/// The distinct parts of chains seen so far. A part is compared with the bytes of its first occurrence, in place.
#[derive(Default)]
pub struct Chains<'a> {
    seen: HashTable<Part<'a>>,
    /// The parts of the chain at hand, innermost first.
    parts: Vec<(Mode, &'a [u8])>,
}

struct Part<'a> {
    callers: StackId,
    mode: Mode,
    space: SpaceAt,
    entries: &'a [u8],
    stack: StackId,
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
            if entries.is_empty() {
                continue;
            }
            // Only user addresses depend on the process, so that processes share the kernel's parts.
            let space = if mode == Mode::User { chain.space } else { SpaceAt::NONE };
            let hash = hash(stack, mode, space, entries);
            let is_same = |part: &Part| {
                part.callers == stack && part.mode == mode && part.space == space && part.entries == entries
            };
            if let Some(part) = self.seen.find(hash, is_same) {
                stack = part.stack;
                continue;
            }
            let callers = stack;
            for address in chain.order.u64s(entries).rev() {
                stack = stacks.push(stack, frames.intern(place(address, mode)));
            }
            let part = Part { callers, mode, space, entries, stack };
            self.seen.insert_unique(hash, part, |part| {
                self::hash(part.callers, part.mode, part.space, part.entries)
            });
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
