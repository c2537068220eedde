//! The extent of a stall: from when until when it lasted, by what its suspect did.

use std::ops::Range;

use crate::analyses::calls::Calls;
use crate::analyses::contexts::Owner;

use super::cpu::{Cpu, JOIN_NS};
use super::stretches::Stretch;

/// A system call that began longer before its stretch than this does not say when the stall began,
/// in ns. A return to user space that is later than this does not say when it ended.
const NEAR_NS: u64 = 10_000_000;

/// From when until when the stall of `stretch` lasted: from the suspect's entry into the kernel to
/// its return to user space, where these are known and near; else as the findings say.
pub(super) fn extent(cpu: &Cpu, stretch: &Stretch, calls: &Calls) -> Range<u64> {
    let Range { start, end } = stretch.time;
    let Some(suspect) = &stretch.suspect else { return start..end };
    let Some(tid) = suspect.holder.task() else { return start..end };
    let is_system_call = suspect.path.is_none_or(|path| cpu.contexts.owner(path) == Owner::SystemCall);
    if !is_system_call {
        return start..end;
    }
    let entered = calls.at(tid, start).and_then(|call| call.enter_ns());
    let last_call = calls.at(tid, end).or_else(|| calls.at(tid, end.saturating_sub(1)));
    let returned = last_call
        .and_then(|call| call.back_ns)
        .or_else(|| suspect.path.and_then(|_| return_by_samples(cpu, tid, end)));
    entered.filter(|&entered| start - entered <= NEAR_NS).unwrap_or(start)
        ..returned.filter(|&returned| returned >= end && returned - end <= NEAR_NS).unwrap_or(end)
}

/// When the thread was back in user space after `end`, as samples tell; `None` if the CPU was idle
/// before.
fn return_by_samples(cpu: &Cpu, tid: i32, end: u64) -> Option<u64> {
    let after = cpu.timeline.between(end, end.saturating_add(JOIN_NS));
    let mut previous = end;
    for sample in &cpu.samples()[after] {
        let context = cpu.contexts.of(sample.stack);
        if cpu.is_idle(sample) {
            return None;
        }
        if cpu.tid(sample.task) == tid && context.path.is_none() {
            return Some(previous + (sample.time_ns - previous) / 2);
        }
        // Another task, or this one still in the kernel.
        previous = sample.time_ns;
    }
    None
}
