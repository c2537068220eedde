//! Parts of chains: a raw call chain is split at its context markers into parts of one mode each.

use linux_perf_event_reader::constants::{
    PERF_CONTEXT_GUEST, PERF_CONTEXT_GUEST_KERNEL, PERF_CONTEXT_GUEST_USER, PERF_CONTEXT_HV,
    PERF_CONTEXT_KERNEL, PERF_CONTEXT_MAX, PERF_CONTEXT_USER, PERF_RECORD_MISC_CPUMODE_MASK,
    PERF_RECORD_MISC_GUEST_KERNEL, PERF_RECORD_MISC_GUEST_USER, PERF_RECORD_MISC_HYPERVISOR,
    PERF_RECORD_MISC_USER,
};

use crate::ingest::ByteOrder;
use crate::model::{Mode, Stacks};

use super::spaces::SpaceAt;

/// A raw call chain and everything needed to turn it into a stack.
#[derive(Clone, Copy)]
pub(super) struct Chain<'a> {
    /// Entries of 8 bytes, innermost first, with context markers.
    pub entries: &'a [u8],
    /// The user's entries, where they were recorded apart.
    pub user: &'a [u8],
    /// Whether these end before the outermost frame.
    pub is_cut: bool,
    /// The instruction pointer: the only frame of a chain without entries, and of the kernel if
    /// that is left out.
    pub ip: u64,
    /// Whether the entries leave out the kernel.
    pub is_kernel_left_out: bool,
    /// The CPU mode of the record: that of the entries before the first marker.
    pub cpumode: u16,
    /// The address space of the process.
    pub space: SpaceAt,
    /// The address space of the kernel.
    pub kernel: SpaceAt,
    /// Byte order of the entries.
    pub order: ByteOrder,
    /// Which part of the stack is read.
    pub stacks: Stacks,
}

/// Entries of a chain that are of one mode.
pub(super) struct ChainPart<'a> {
    /// The mode.
    pub mode: Mode,
    /// The address space in which the entries are addresses.
    pub space: SpaceAt,
    /// Addresses of 8 bytes, innermost first.
    pub entries: &'a [u8],
    /// Byte order of the entries.
    pub order: ByteOrder,
}

impl<'a> Chain<'a> {
    /// The mode of the entries before the first marker.
    pub fn first_mode(&self) -> Mode {
        match self.cpumode & PERF_RECORD_MISC_CPUMODE_MASK {
            PERF_RECORD_MISC_USER => Mode::User,
            PERF_RECORD_MISC_HYPERVISOR => Mode::Hypervisor,
            PERF_RECORD_MISC_GUEST_KERNEL | PERF_RECORD_MISC_GUEST_USER => Mode::Guest,
            _ => Mode::Kernel,
        }
    }

    /// Whether the sample was taken in a guest or hypervisor, and no entry is an address.
    pub fn is_of_other_machine(&self) -> bool {
        let has_address = || self.order.u64s(self.entries).any(|entry| entry < PERF_CONTEXT_MAX);
        matches!(self.first_mode(), Mode::Guest | Mode::Hypervisor) && !has_address()
    }

    /// The address space of code of a mode: only user addresses depend on the process.
    pub fn space_of(&self, mode: Mode) -> SpaceAt {
        match mode {
            Mode::User => self.space,
            Mode::Kernel => self.kernel,
            Mode::Guest | Mode::Hypervisor => SpaceAt::NONE,
        }
    }

    /// Whether code of a mode is read.
    pub fn reads(&self, mode: Mode) -> bool {
        self.stacks == Stacks::Whole || mode != Mode::User
    }

    /// Calls `each` with the parts of the chain, outermost first.
    pub fn each_part(&self, mut each: impl FnMut(ChainPart<'a>)) {
        let mut part = |mode, entries| {
            each(ChainPart { mode, space: self.space_of(mode), entries, order: self.order });
        };
        let (entries, is_whole) = before_unknown_marker(self.entries, self.order);
        if is_whole && !self.user.is_empty() {
            split(before_unknown_marker(self.user, self.order).0, Mode::User, self.order, &mut part);
        }
        split(entries, self.first_mode(), self.order, &mut part);
    }
}

/// The entries before the first unknown marker, and whether they are all. The meaning of the
/// entries after such a marker is unknown; the frames before it are kept.
fn before_unknown_marker(entries: &[u8], order: ByteOrder) -> (&[u8], bool) {
    let is_unknown = |entry| entry >= PERF_CONTEXT_MAX && mode_after(entry).is_none();
    match order.u64s(entries).position(is_unknown) {
        Some(unknown) => (&entries[..unknown * 8], false),
        None => (entries, true),
    }
}

/// Splits entries at the markers, each of which sets the mode of the entries after it. The entries
/// before the first marker are of mode `first`.
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
