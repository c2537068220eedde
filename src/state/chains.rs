//! Call chains: turns raw chains into stacks of frames.

use crate::model::{FlatMap, Frame, FrameId, FrameTable, Mode, StackId, StackTree, fold};

use super::chain_keys::MULTIPLIER;
use super::chain_parts::{Chain, ChainPart};
use super::spaces::SpaceAt;

/// The distinct frames and stacks.
pub struct Chains {
    /// The distinct frames.
    pub frames: FrameTable,
    /// The distinct stacks.
    pub stacks: StackTree,
    /// Stacks by [`key_in`](super::chain_keys::key_in).
    cache: FlatMap,
    /// The frames of recent addresses, by some bits of the address.
    recent: Vec<Recent>,
}

/// The frame of a recent address.
#[derive(Clone, Copy)]
struct Recent {
    address: u64,
    mode: Mode,
    space: SpaceAt,
    frame: FrameId,
}

/// How many recent addresses are kept. They fit into a second-level cache.
const RECENT: usize = 1 << 12;

impl Default for Chains {
    fn default() -> Self {
        // No address reaches PERF_CONTEXT_MAX, so an empty slot matches none.
        let empty = Recent { address: u64::MAX, mode: Mode::Kernel, space: SpaceAt::NONE, frame: FrameId(0) };
        Chains {
            frames: FrameTable::default(),
            stacks: StackTree::default(),
            cache: FlatMap::default(),
            recent: vec![empty; RECENT],
        }
    }
}

impl Chains {
    /// The stack that was [recorded](Chains::note) with this key.
    #[inline]
    pub(super) fn find(&self, key: u64) -> Option<StackId> {
        self.cache.get(key).map(StackId)
    }

    /// Records a stack by a key, which must be new.
    pub(super) fn note(&mut self, key: u64, stack: StackId) {
        self.cache.insert(key, stack.0);
    }

    /// Frees what only [`Chains::intern`] needs. Frames and stacks can still be added.
    pub(super) fn forget_chains(&mut self) {
        self.cache = FlatMap::default();
        self.recent = Vec::new();
    }

    /// The stack of a chain, and whether it depends on the address space of the process. `resolve`
    /// gives the frame of an address.
    pub(super) fn intern(&mut self, chain: &Chain, resolve: &impl Fn(u64, Mode) -> Frame) -> (StackId, bool) {
        let root = match chain.is_cut && chain.reads(Mode::User) {
            true => self.stacks.push(StackTree::ROOT, self.frames.intern(Frame::NOT_UNWOUND)),
            false => StackTree::ROOT,
        };
        let (mut stack, mut depends_on_space) = (root, false);
        chain.each_part(|part| {
            if chain.reads(part.mode) {
                for address in part.order.u64s(part.entries).rev() {
                    stack = self.push(stack, address, &part, resolve);
                }
                depends_on_space |= part.mode == Mode::User;
            } else if !part.entries.is_empty() {
                stack = self.push_not_read(stack);
            }
        });
        let mode = chain.first_mode();
        // Of a guest the kernel records the instruction alone, and the user part of the thread that
        // runs it.
        let is_foreign = chain.is_of_other_machine() && !chain.user.is_empty();
        let is_apart = chain.is_kernel_left_out && mode == Mode::Kernel || is_foreign;
        if stack == root && !chain.reads(mode) {
            stack = self.push_not_read(stack);
        } else if stack == root || is_apart {
            let frame = self.frames.intern(resolve(chain.ip, mode));
            stack = self.stacks.push(stack, frame);
        }
        (stack, depends_on_space)
    }

    /// The stack of the frame that stands for user frames that are not read, in the place of those
    /// of one part or of several that follow each other.
    fn push_not_read(&mut self, outer: StackId) -> StackId {
        let frame = self.frames.intern(Frame::USER_NOT_READ);
        match self.stacks.split(outer) {
            Some((_, innermost)) if innermost == frame => outer,
            _ => self.stacks.push(outer, frame),
        }
    }

    /// The stack of the frame at `address`, an entry of `part`, called by `caller`.
    fn push(
        &mut self,
        caller: StackId,
        address: u64,
        part: &ChainPart,
        resolve: &impl Fn(u64, Mode) -> Frame,
    ) -> StackId {
        let ChainPart { mode, space, .. } = *part;
        let recent = &mut self.recent[fold(address, MULTIPLIER) as usize % RECENT];
        if recent.address != address || recent.mode != mode || recent.space != space {
            let frame = self.frames.intern(resolve(address, mode));
            *recent = Recent { address, mode, space, frame };
        }
        self.stacks.push(caller, recent.frame)
    }
}

#[cfg(test)]
mod tests {
    use linux_perf_event_reader::constants::{PERF_CONTEXT_KERNEL, PERF_CONTEXT_USER};

    use super::*;
    use crate::ingest::ByteOrder;
    use crate::model::Stacks;

    fn read(entries: &[u64], ip: u64, cpumode: u16) -> Vec<(Mode, u64)> {
        read_chain(entries, ip, cpumode, false)
    }

    /// The modes and addresses of a chain, root first.
    fn read_chain(entries: &[u64], ip: u64, cpumode: u16, is_kernel_left_out: bool) -> Vec<(Mode, u64)> {
        let bytes: Vec<u8> = entries.iter().flat_map(|entry| entry.to_le_bytes()).collect();
        let chain = Chain {
            entries: &bytes,
            user: &[],
            is_cut: false,
            ip,
            is_kernel_left_out,
            cpumode,
            space: SpaceAt::NONE,
            kernel: SpaceAt::NONE,
            order: ByteOrder::Little,
            stacks: Stacks::Whole,
        };
        let resolve = |offset, mode| Frame { module: None, offset, mode };
        let mut chains = Chains::default();
        let (stack, _) = chains.intern(&chain, &resolve);
        let leaf_first = chains.stacks.leaf_first(stack).map(|id| chains.frames.frames()[id.index()]);
        let mut frames: Vec<_> = leaf_first.map(|frame| (frame.mode, frame.offset)).collect();
        frames.reverse();
        frames
    }

    #[test]
    fn markers_switch_the_mode() {
        use Mode::{Kernel, User};
        let (kernel, user) = (PERF_CONTEXT_KERNEL, PERF_CONTEXT_USER);
        assert_eq!(read(&[kernel, 3, 2, user, 1], 3, 1), [(User, 1), (Kernel, 2), (Kernel, 3)]);
        assert_eq!(read(&[7, 6], 7, 2), [(User, 6), (User, 7)]);
        assert_eq!(read(&[kernel, 3, 2, -640i64 as u64, 99], 3, 1), [(Kernel, 2), (Kernel, 3)]);
    }

    #[test]
    fn an_empty_chain_is_its_instruction() {
        assert_eq!(read(&[], 5, 1), [(Mode::Kernel, 5)]);
        assert_eq!(read(&[PERF_CONTEXT_USER], 5, 2), [(Mode::User, 5)]);
    }

    #[test]
    fn where_the_kernel_is_left_out_the_instruction_is_its_only_frame() {
        let (user, kernel_mode, user_mode) = (PERF_CONTEXT_USER, 1, 2);
        assert_eq!(
            read_chain(&[user, 3, 2], 9, kernel_mode, true),
            [(Mode::User, 2), (Mode::User, 3), (Mode::Kernel, 9)]
        );
        assert_eq!(read_chain(&[user, 3, 2], 3, user_mode, true), [(Mode::User, 2), (Mode::User, 3)]);
        assert_eq!(read_chain(&[], 9, kernel_mode, true), [(Mode::Kernel, 9)]);
    }

    #[test]
    fn only_user_addresses_depend_on_the_address_space() {
        let depends = |entries: &[u64], cpumode| {
            let entries: Vec<u8> = entries.iter().flat_map(|entry| entry.to_le_bytes()).collect();
            let (space, kernel) = (SpaceAt::NONE, SpaceAt::NONE);
            let chain = Chain {
                entries: &entries,
                user: &[],
                is_cut: false,
                ip: 1,
                is_kernel_left_out: false,
                cpumode,
                space,
                kernel,
                order: ByteOrder::Little,
                stacks: Stacks::Whole,
            };
            Chains::default().intern(&chain, &|offset, mode| Frame { module: None, offset, mode }).1
        };
        assert!(depends(&[PERF_CONTEXT_USER, 1], 1));
        assert!(depends(&[], 2));
        assert!(!depends(&[PERF_CONTEXT_KERNEL, 1], 1));
    }
}
