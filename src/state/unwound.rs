//! User stacks that were unwound, from where they are recorded apart from the call chain.

use linux_perf_event_reader::constants::PERF_CONTEXT_USER;

use crate::ingest::{ByteOrder, UserCalls};
use crate::model::StackId;

/// For raw chains, in the order of their numbers, the user stacks that were unwound.
#[derive(Default)]
pub struct UnwoundStacks {
    /// Addresses of 8 bytes, each stack's innermost first, in the recording's byte order.
    bytes: Vec<u8>,
    stacks: Vec<Unwound>,
}

/// A stack that was unwound, or none.
#[derive(Clone, Copy)]
struct Unwound {
    /// Where its addresses end.
    end: usize,
    /// Whether it ends before its outermost frame.
    is_cut: bool,
}

impl UnwoundStacks {
    /// Adds the stack of the next raw chain; without addresses if it has none.
    pub fn push(&mut self, addresses: &[u64], is_cut: bool, order: ByteOrder) {
        self.bytes.extend(addresses.iter().flat_map(|address| order.to_file(*address).to_ne_bytes()));
        self.stacks.push(Unwound { end: self.bytes.len(), is_cut });
    }

    /// Adds the stacks of the raw chains that follow.
    pub fn append(&mut self, next: UnwoundStacks) {
        let before = self.bytes.len();
        self.bytes.extend(next.bytes);
        let moved = next.stacks.into_iter().map(|stack| Unwound { end: before + stack.end, ..stack });
        self.stacks.extend(moved);
    }

    /// The addresses of a raw chain's user stack, if any was recorded, and whether they end before
    /// its outermost frame.
    pub(super) fn of(&self, chain: StackId) -> Option<(&[u8], bool)> {
        let Unwound { end, is_cut } = *self.stacks.get(chain.index())?;
        let start = chain.index().checked_sub(1).map_or(0, |before| self.stacks[before].end);
        let bytes = self.bytes.get(start..end)?;
        (is_cut || !bytes.is_empty()).then_some((bytes, is_cut))
    }
}

/// The entries of a call chain before those of user space, and whether it has such.
pub(super) fn before_user(entries: &[u8], order: ByteOrder) -> (&[u8], bool) {
    match order.u64s(entries).position(|entry| entry == PERF_CONTEXT_USER) {
        Some(at) => (&entries[..8 * at], true),
        None => (entries, false),
    }
}

/// The addresses of calls of user space, innermost first, in this byte order. The CPU records no
/// others, but a file may have any.
pub(super) fn addresses_of(calls: &UserCalls, order: ByteOrder) -> Vec<u8> {
    let in_user_space = calls.addresses().filter(|address| address >> 63 == 0);
    in_user_space.flat_map(|address| order.to_file(address).to_ne_bytes()).collect()
}
