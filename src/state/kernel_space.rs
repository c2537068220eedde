//! The kernel's address space over time: the kernel, its modules, and code that it makes at run
//! time.

use std::collections::BTreeMap;
use std::ops::Range;

use crate::ingest::RecordTime;
use crate::model::ModuleId;

use super::mappings::{FOREVER, Mapping, Mappings};

/// The code at the kernel's addresses.
///
/// It changes only when the kernel makes code (BPF programs, trampolines) or frees it. So time is
/// divided into epochs. An address has one meaning in each epoch. Epoch 0 begins with the
/// recording.
#[derive(Default)]
pub(super) struct KernelSpace {
    mappings: Mappings,
    /// The number of the first mapping of the kernel proper.
    proper: Option<usize>,
    /// The module of all kernel addresses in a recording that has no map of the kernel.
    unmapped: Option<ModuleId>,
    /// The code that the kernel has made and not freed, by first address.
    made: BTreeMap<u64, MadeCode>,
    /// All epochs but the first.
    epochs: Vec<Epoch>,
}

struct MadeCode {
    /// The address after the last.
    end: u64,
    /// The number of its mapping.
    mapping: usize,
}

struct Epoch {
    since: RecordTime,
    /// How many mappings there were in the epoch before this one.
    mappings_before: usize,
}

impl KernelSpace {
    /// Adds a mapping of the kernel proper or of one of its modules.
    pub fn map(&mut self, mapping: Mapping, is_kernel_proper: bool) {
        let number = self.mappings.push(mapping);
        if is_kernel_proper {
            self.proper.get_or_insert(number);
        }
    }

    /// Sets the module of all kernel addresses that no mapping covers.
    pub fn set_unmapped(&mut self, module: ModuleId) {
        self.unmapped = Some(module);
    }

    /// The modules of all mappings.
    pub fn modules(&self) -> impl Iterator<Item = ModuleId> {
        self.mappings.iter().map(|mapping| mapping.module)
    }

    /// The kernel made the code of `module` at these addresses.
    pub fn make_code(&mut self, when: RecordTime, addresses: Range<u64>, module: ModuleId) {
        let Range { start, end } = addresses;
        // If code is still there, the record that unregistered it was lost: drop it here.
        let overlapped = |(at, made): (&u64, &MadeCode)| (made.end > start).then_some(*at);
        while let Some(old) = self.made.range(..end).next_back().and_then(overlapped) {
            self.drop_code(when, old);
        }
        // Code that existed when the recording began has time 0 and belongs to the first epoch.
        if when.time_ns > 0 {
            self.begin_epoch(when);
        }
        let shift = start.wrapping_neg();
        let mapping = self.mappings.push(Mapping { when, start, end, shift, module, gone: FOREVER });
        self.made.insert(start, MadeCode { end, mapping });
    }

    /// The kernel freed the code that it had made at `start`.
    pub fn drop_code(&mut self, when: RecordTime, start: u64) {
        let Some(MadeCode { mapping, .. }) = self.made.remove(&start) else { return };
        self.begin_epoch(when);
        self.mappings.set_gone(mapping, self.epochs.len() as u32);
    }

    fn begin_epoch(&mut self, when: RecordTime) {
        self.epochs.push(Epoch { since: when, mappings_before: self.mappings.len() });
    }

    /// The epoch at `when`, and the moments at which it begins and ends.
    pub fn epoch_at(&self, when: RecordTime) -> (u32, Range<RecordTime>) {
        let epoch = self.epochs.partition_point(|epoch| epoch.since <= when);
        let since = epoch.checked_sub(1).map_or(RecordTime::FIRST, |last| self.epochs[last].since);
        let until = self.epochs.get(epoch).map_or(RecordTime::NEVER, |next| next.since);
        (epoch as u32, since..until)
    }

    /// The module at `address` in an epoch, and the offset in it.
    pub fn resolve(&self, epoch: u32, address: u64) -> Option<(ModuleId, u64)> {
        let next = self.epochs.get(epoch as usize);
        let count = next.map_or(u32::MAX, |next| next.mappings_before as u32);
        let covering = self.mappings.find(address, count).filter(|mapping| epoch < mapping.gone);
        if let Some(mapping) = covering {
            return Some(mapping.place(address));
        }
        if let Some(kernel) = self.unmapped {
            return Some((kernel, address));
        }
        // The kernel's map ends at _etext. The boot code lies after it, and is on the stack of CPU
        // 0's idle task.
        let proper = self.mappings.get(self.proper?);
        (address >= proper.start).then(|| proper.place(address))
    }
}
