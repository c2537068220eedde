//! What a sample has of the user's stack in fields of its own, after the call chain: a piece of the
//! stack with the registers (`perf record --call-graph dwarf`), or the calls that the CPU recorded
//! (`--call-graph lbr`).

use linux_perf_event_reader::constants::{
    PERF_SAMPLE_BRANCH_CALL_STACK, PERF_SAMPLE_BRANCH_STACK, PERF_SAMPLE_REGS_USER, PERF_SAMPLE_STACK_USER,
};

use super::attributes::Attribute;
use super::cursor::{ByteOrder, Cursor};

/// The fields after the call chain that show the user's stack.
#[derive(Clone, Copy, Debug)]
pub enum UserPart<'a> {
    /// None, or nothing is in them: the thread has no user stack.
    None,
    /// Calls.
    Calls(UserCalls<'a>),
    /// Registers and a piece of the stack.
    Dump(RawDump<'a>),
}

/// The fields of a dump as they are recorded. Nearly all samples have none, so it is small, and
/// decoded where it is needed.
#[derive(Clone, Copy, Debug)]
pub struct RawDump<'a> {
    /// From REGS_USER on; what the sample is too short for is not there.
    fields: &'a [u8],
    /// Which registers there are: a bit for each number that perf gives them.
    mask: u64,
}

/// The registers of user space, and a piece of its stack.
#[derive(Clone, Copy, Debug)]
pub struct UserDump<'a> {
    /// PERF_SAMPLE_REGS_ABI_*: of 32 or of 64 bits.
    abi: u64,
    /// Which registers there are: a bit for each number that perf gives them.
    mask: u64,
    /// Their values, in the order of these numbers.
    registers: &'a [u8],
    order: ByteOrder,
    /// The bytes from the stack pointer on.
    pub stack: &'a [u8],
    /// Whether the kernel could copy no more: the stack ends there.
    pub is_whole: bool,
}

/// Calls from which the CPU has not returned, as its last branch records have them.
#[derive(Clone, Copy, Debug)]
pub struct UserCalls<'a> {
    /// Innermost first: each 24 bytes, where the call is from, where to, and flags (`struct
    /// perf_branch_entry`, include/uapi/linux/perf_event.h).
    pub entries: &'a [u8],
    order: ByteOrder,
}

/// Bytes of a `perf_branch_entry`.
pub(super) const BRANCH_BYTES: u64 = 24;
/// PERF_SAMPLE_REGS_ABI_NONE and PERF_SAMPLE_REGS_ABI_64.
const ABI_NONE: u64 = 0;
const ABI_64: u64 = 2;

impl<'a> RawDump<'a> {
    /// The dump, in this byte order; `None` if the sample is too short for it, or says that more of
    /// the piece was copied than there is.
    pub fn decode(&self, order: ByteOrder) -> Option<UserDump<'a>> {
        let RawDump { fields, mask } = *self;
        let mut cursor = Cursor::new(fields, order);
        let abi = cursor.u64()?;
        let registers = cursor.take(8 * u64::from(mask.count_ones()))?;
        let size = cursor.u64()?;
        let piece = cursor.take(size)?;
        // How many bytes of the piece are there: the rest of the field is left as it was.
        let written = if size == 0 { 0 } else { cursor.u64()? };
        let stack = piece.get(..usize::try_from(written).ok()?)?;
        let is_whole = stack.len() < piece.len();
        Some(UserDump { abi, mask, registers, order, stack, is_whole })
    }
}

impl<'a> UserDump<'a> {
    /// Whether the process has 64 bits.
    pub fn is_64_bit(&self) -> bool {
        self.abi == ABI_64
    }

    /// The value of the register that has this number in perf, if it was recorded.
    pub fn register(&self, number: u32) -> Option<u64> {
        let bit = 1u64.checked_shl(number).filter(|bit| self.mask & bit != 0)?;
        let before = (self.mask & (bit - 1)).count_ones() as usize;
        self.order.u64_at(self.registers, 8 * before)
    }
}

impl UserCalls<'_> {
    /// Addresses, innermost first: where the CPU was last called to, and from where each call came.
    /// perf makes the same of them (`resolve_lbr_callchain_sample`, tools/perf/util/machine.c).
    pub fn addresses(&self) -> impl Iterator<Item = u64> {
        let order = self.order;
        let field = move |entry: &[u8], at: usize| order.u64_at(entry, at).unwrap_or(0);
        let mut entries = self.entries.chunks_exact(BRANCH_BYTES as usize).peekable();
        let innermost = entries.peek().map(|entry| field(entry, 8));
        innermost.into_iter().chain(entries.map(move |entry| field(entry, 0)))
    }
}

/// Which of these fields an event's samples have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum UserFields {
    None,
    Calls,
    Dump,
}

impl UserFields {
    /// Those of `attribute`'s samples.
    pub fn of(attribute: &Attribute) -> UserFields {
        let has = |bits: u64| attribute.sample_type & bits == bits;
        let are_calls = attribute.branch_sample_type & PERF_SAMPLE_BRANCH_CALL_STACK != 0;
        match () {
            () if has(PERF_SAMPLE_REGS_USER | PERF_SAMPLE_STACK_USER) => UserFields::Dump,
            () if has(PERF_SAMPLE_BRANCH_STACK) && are_calls => UserFields::Calls,
            () => UserFields::None,
        }
    }
}

impl<'a> UserPart<'a> {
    /// The dump whose `fields` begin with REGS_USER; these are the registers of `mask`.
    pub(super) fn dump(fields: &'a [u8], mask: u64, order: ByteOrder) -> UserPart<'a> {
        match order.u64_at(fields, 0) {
            Some(ABI_NONE) => UserPart::None,
            // Without it the stack would look as if it had no user part.
            _ => UserPart::Dump(RawDump { fields, mask }),
        }
    }

    /// Calls that are in these entries.
    pub(super) fn calls(entries: &'a [u8], order: ByteOrder) -> UserPart<'a> {
        match entries {
            [] => UserPart::None,
            entries => UserPart::Calls(UserCalls { entries, order }),
        }
    }
}
