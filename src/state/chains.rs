//! Call chains: tells raw chains apart, and turns them into stacks.

use linux_perf_event_reader::constants::{
    PERF_CONTEXT_GUEST, PERF_CONTEXT_GUEST_KERNEL, PERF_CONTEXT_GUEST_USER, PERF_CONTEXT_HV,
    PERF_CONTEXT_KERNEL, PERF_CONTEXT_MAX, PERF_CONTEXT_USER, PERF_RECORD_MISC_CPUMODE_MASK,
    PERF_RECORD_MISC_GUEST_KERNEL, PERF_RECORD_MISC_GUEST_USER, PERF_RECORD_MISC_HYPERVISOR,
    PERF_RECORD_MISC_USER,
};

use crate::ingest::{ByteOrder, RawSample, deferred};
use crate::model::{FlatMap, Frame, FrameId, FrameTable, Mode, StackId, StackTree, fold, seed};

use super::SpaceAt;

/// A raw call chain and what is needed to turn it into a stack.
#[derive(Clone, Copy)]
pub struct Chain<'a> {
    /// Entries of 8 bytes, innermost first, with context markers.
    pub entries: &'a [u8],
    /// More of them: the user's, where they were recorded later.
    pub user: &'a [u8],
    /// The instruction, for a chain without entries.
    pub ip: u64,
    /// The mode of the record: that of entries before the first marker.
    pub cpumode: u16,
    /// The address space of user addresses.
    pub space: SpaceAt,
    /// The kernel's.
    pub kernel: SpaceAt,
    /// Byte order of the entries.
    pub order: ByteOrder,
}

impl Chain<'_> {
    /// The address space of code of this mode: only user addresses depend on the process.
    pub fn space_of(&self, mode: Mode) -> SpaceAt {
        match mode {
            Mode::User => self.space,
            Mode::Kernel => self.kernel,
            Mode::Guest | Mode::Hypervisor => SpaceAt::NONE,
        }
    }
}

/// The distinct frames and stacks.
///
/// A chain is split at its context markers, outermost part first, and each part's callers are looked up whole by a 64-bit hash of
/// their bytes and their address space: the innermost entry differs from chain to chain, its callers repeat.
pub struct Chains {
    /// The distinct frames.
    pub frames: FrameTable,
    /// The distinct stacks.
    pub stacks: StackTree,
    /// Stacks by [`key_in`], and those of callers.
    known: FlatMap,
    recent: Vec<Recent>,
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
const RECENT: usize = 1 << 12;

/// Starting points of hashes, so that those of different things differ. Digits of π.
const WHOLE: u64 = 0x243f_6a88_85a3_08d3;
const CALLERS: u64 = 0x1319_8a2e_0370_7344;
const PLACED: u64 = 0x082e_fa98_ec4e_6c89;
const MULTIPLIER: u64 = 0xa409_3822_299f_31d1;

impl Default for Chains {
    fn default() -> Self {
        // No address reaches PERF_CONTEXT_MAX, so an empty place matches none.
        let empty = Recent { address: u64::MAX, mode: Mode::Kernel, space: SpaceAt::NONE, frame: FrameId(0) };
        Chains {
            frames: FrameTable::default(),
            stacks: StackTree::default(),
            known: FlatMap::default(),
            recent: vec![empty; RECENT],
        }
    }
}

/// The hash that a raw chain is known by. Hashes stand for what they were made from: with ten million distinct chains, the chance
/// that any two share one is below 1 in 300,000, and the memory of the originals would be touched for every sample.
#[inline(always)]
pub fn key_of(sample: &RawSample, cpumode: u16) -> u64 {
    let order = sample.order;
    let cpumode = cpumode & PERF_RECORD_MISC_CPUMODE_MASK;
    let mut hash = hash_of(WHOLE ^ u64::from(cpumode), sample.chain);
    // All chains but the few that hold nothing but markers end in an address.
    if !order.u64s(sample.chain).rev().any(|entry| entry < PERF_CONTEXT_MAX) {
        hash = fold(hash ^ sample.ip, MULTIPLIER);
    }
    // What stands for the chain that was recorded later is unique in its thread only.
    if deferred(sample.chain, order).is_some() {
        hash = fold(hash ^ u64::from(sample.tid as u32), MULTIPLIER);
    }
    finish(hash)
}

/// The hash that the stack of a raw chain in one of several address spaces is known by.
pub fn key_in(chain: StackId, space: SpaceAt, kernel: SpaceAt) -> u64 {
    let hash = fold(PLACED ^ seed() ^ u64::from(chain.0), MULTIPLIER);
    finish(fold(fold(hash ^ space.key(), MULTIPLIER) ^ kernel.key(), MULTIPLIER))
}

/// The hash of entries as the bytes that they are. A multiplication waits for the one before it, so two rows of them run side by
/// side, each taking two entries at a time.
#[inline]
fn hash_of(start: u64, entries: &[u8]) -> u64 {
    let word = |bytes: &[u8]| u64::from_ne_bytes(bytes.try_into().expect("8 bytes"));
    let seed = seed();
    let (mut one, mut two) = (start ^ seed ^ entries.len() as u64, CALLERS ^ seed);
    // Entries can be chosen to be the number that makes a product 0, unless nobody knows it.
    let multiplier = fold(seed, MULTIPLIER) | 1;
    let mut blocks = entries.chunks_exact(32);
    for block in &mut blocks {
        let [a, b, c, d] = [word(&block[..8]), word(&block[8..16]), word(&block[16..24]), word(&block[24..])];
        one = fold(one ^ a, b ^ multiplier);
        two = fold(two ^ c, d ^ multiplier);
    }
    for entry in blocks.remainder().chunks_exact(8).map(word) {
        one = fold(one ^ entry, MULTIPLIER);
    }
    fold(one ^ MULTIPLIER, two ^ multiplier)
}

/// The map keeps u64::MAX for itself.
fn finish(hash: u64) -> u64 {
    hash.min(u64::MAX - 1)
}

impl Chains {
    /// The stack that was [noted](Chains::note) with this key.
    #[inline]
    pub fn find(&self, key: u64) -> Option<StackId> {
        self.known.get(key).map(StackId)
    }

    /// Notes a stack with a key that is not known yet.
    pub fn note(&mut self, key: u64, stack: StackId) {
        self.known.insert(key, stack.0);
    }

    /// Frees what only [`Chains::intern`] needed. Frames and stacks can still be added by themselves.
    pub fn forget_chains(&mut self) {
        self.known = FlatMap::default();
        self.recent = Vec::new();
    }

    /// The stack of a chain, and whether it depends on the address space of the process. `place` finds out what an address was.
    pub fn intern(&mut self, chain: &Chain, place: &impl Fn(u64, Mode) -> Frame) -> (StackId, bool) {
        let (mut stack, mut depends_on_space) = (StackTree::ROOT, false);
        each_part(chain, |mode, entries| {
            stack = self.intern_part(stack, mode, entries, chain, place);
            depends_on_space |= mode == Mode::User;
        });
        if stack == StackTree::ROOT {
            let frame = self.frames.intern(place(chain.ip, mode_of(chain.cpumode)));
            stack = self.stacks.push(stack, frame);
        }
        (stack, depends_on_space)
    }

    /// The stack of `entries`, all of one mode, called by `outer`.
    fn intern_part(
        &mut self,
        outer: StackId,
        mode: Mode,
        entries: &[u8],
        chain: &Chain,
        place: &impl Fn(u64, Mode) -> Frame,
    ) -> StackId {
        let Some((leaf, callers)) = entries.split_at_checked(8) else {
            return outer;
        };
        let space = chain.space_of(mode);
        let mut stack = outer;
        if !callers.is_empty() {
            let start = fold(CALLERS ^ space.key(), MULTIPLIER);
            let start = fold(start ^ (u64::from(outer.0) << 8 | mode as u64), MULTIPLIER);
            let key = finish(hash_of(start, callers));
            match self.find(key) {
                Some(known) => stack = known,
                None => {
                    for address in chain.order.u64s(callers).rev() {
                        stack = self.push(stack, address, mode, space, place);
                    }
                    self.known.insert(key, stack.0);
                }
            }
        }
        for address in chain.order.u64s(leaf) {
            stack = self.push(stack, address, mode, space, place);
        }
        stack
    }

    fn push(
        &mut self,
        caller: StackId,
        address: u64,
        mode: Mode,
        space: SpaceAt,
        place: &impl Fn(u64, Mode) -> Frame,
    ) -> StackId {
        let recent = &mut self.recent[fold(address, MULTIPLIER) as usize % RECENT];
        if recent.address != address || recent.mode != mode || recent.space != space {
            let frame = self.frames.intern(place(address, mode));
            *recent = Recent { address, mode, space, frame };
        }
        self.stacks.push(caller, recent.frame)
    }
}

/// Hands on the parts of a chain that are of one mode each, outermost first.
fn each_part<'a>(chain: &Chain<'a>, mut part: impl FnMut(Mode, &'a [u8])) {
    let (known, is_whole) = known_entries(chain.entries, chain.order);
    if is_whole && !chain.user.is_empty() {
        split(known_entries(chain.user, chain.order).0, Mode::User, chain.order, &mut part);
    }
    split(known, mode_of(chain.cpumode), chain.order, &mut part);
}

/// The entries before the first marker that is not known, and whether they are all. What follows such a one has an unknown
/// meaning. The frames before it stand.
fn known_entries(entries: &[u8], order: ByteOrder) -> (&[u8], bool) {
    let is_unknown = |entry| entry >= PERF_CONTEXT_MAX && mode_after(entry).is_none();
    match order.u64s(entries).position(is_unknown) {
        Some(unknown) => (&entries[..unknown * 8], false),
        None => (entries, true),
    }
}

/// Splits entries where a marker sets the mode of those after it; those before the first are of mode `first`.
fn split<'a>(entries: &'a [u8], first: Mode, order: ByteOrder, part: &mut impl FnMut(Mode, &'a [u8])) {
    let mut rest = entries;
    while let Some(marker) = order.u64s(rest).rposition(|entry| entry >= PERF_CONTEXT_MAX) {
        let (before, after) = rest.split_at(marker * 8);
        let mode = order.u64_at(after, 0).and_then(mode_after);
        part(mode.unwrap_or(first), &after[8..]);
        rest = before;
    }
    part(first, rest);
}

/// The mode of the entries after a marker.
fn mode_after(marker: u64) -> Option<Mode> {
    match marker {
        PERF_CONTEXT_HV => Some(Mode::Hypervisor),
        PERF_CONTEXT_KERNEL => Some(Mode::Kernel),
        PERF_CONTEXT_USER => Some(Mode::User),
        PERF_CONTEXT_GUEST | PERF_CONTEXT_GUEST_KERNEL | PERF_CONTEXT_GUEST_USER => Some(Mode::Guest),
        _ => None,
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

#[cfg(test)]
mod tests {
    use super::*;

    /// The modes and addresses of a chain, root first.
    fn read(entries: &[u64], ip: u64, cpumode: u16) -> Vec<(Mode, u64)> {
        let bytes: Vec<u8> = entries.iter().flat_map(|entry| entry.to_le_bytes()).collect();
        let chain = Chain {
            entries: &bytes,
            user: &[],
            ip,
            cpumode,
            space: SpaceAt::NONE,
            kernel: SpaceAt::NONE,
            order: ByteOrder::Little,
        };
        let place = |offset, mode| Frame { module: None, offset, mode };
        let mut chains = Chains::default();
        let (stack, _) = chains.intern(&chain, &place);
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
    fn chains_that_mean_different_things_have_different_keys() {
        let bytes =
            |entries: &[u64]| entries.iter().flat_map(|entry| entry.to_le_bytes()).collect::<Vec<u8>>();
        let key = |chain: &[u8], ip, tid, cpumode| {
            let (pid, time_ns, cpu, period, cgroup) = (1, 0, 0, None, None);
            let order = ByteOrder::Little;
            let sample = RawSample { ip, pid, tid, time_ns, cpu, period, chain, order, cgroup };
            key_of(&sample, cpumode)
        };
        let user = bytes(&[PERF_CONTEXT_USER, 1]);
        assert_eq!(key(&user, 1, 7, 2), key(&user, 2, 8, 2));
        assert_ne!(key(&user, 1, 7, 1), key(&user, 1, 7, 2));
        assert_ne!(key(&user[8..], 1, 7, 2), key(&user, 1, 7, 2));
        // Without an address the instruction is the stack.
        assert_ne!(key(&user[..8], 1, 7, 2), key(&user[..8], 2, 7, 2));
        // What follows the last marker says which chain of its thread was recorded later.
        let later = bytes(&[PERF_CONTEXT_KERNEL, 3, -640i64 as u64, 99]);
        assert_ne!(key(&later, 3, 7, 1), key(&later, 3, 8, 1));
    }

    #[test]
    fn only_user_addresses_depend_on_the_address_space() {
        let depends = |entries: &[u64], cpumode| {
            let entries: Vec<u8> = entries.iter().flat_map(|entry| entry.to_le_bytes()).collect();
            let (space, kernel) = (SpaceAt::NONE, SpaceAt::NONE);
            let chain = Chain {
                entries: &entries,
                user: &[],
                ip: 1,
                cpumode,
                space,
                kernel,
                order: ByteOrder::Little,
            };
            Chains::default().intern(&chain, &|offset, mode| Frame { module: None, offset, mode }).1
        };
        assert!(depends(&[PERF_CONTEXT_USER, 1], 1));
        assert!(depends(&[], 2));
        assert!(!depends(&[PERF_CONTEXT_KERNEL, 1], 1));
    }
}
