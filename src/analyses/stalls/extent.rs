//! The extent of a stall: its start and its end, from what the suspect did.

use std::ops::Range;

use crate::analyses::contexts::Owner;

use super::cpu::{Cpu, PAUSE_NS};
use super::stretches::Stretch;

/// If a system call began longer before its stretch than this, in ns, the call's start is not the
/// start of the stall. If the return to user space is later than this, it is not the end of the
/// stall.
const NEAR_NS: u64 = 10_000_000;

/// The time of the stall in `stretch`: from the suspect's entry into the kernel to its return to
/// user space, if these are known and near; else the time of the findings.
pub(super) fn extent(cpu: &Cpu, stretch: &Stretch) -> Range<u64> {
    let Range { start, end } = stretch.time;
    let Some(suspect) = &stretch.suspect else { return start..end };
    let Some(tid) = suspect.holder.task() else { return start..end };
    let owner = suspect.path.map(|path| cpu.contexts.owner(path));
    if !matches!(owner, None | Some(Owner::SystemCall | Owner::Unknown)) {
        return start..end;
    }
    let entered = cpu.threads().calls.at(tid, start).and_then(|call| call.enter_ns());
    let last_call =
        cpu.threads().calls.at(tid, end).or_else(|| cpu.threads().calls.at(tid, end.saturating_sub(1)));
    let returned = last_call
        .and_then(|call| call.back_ns)
        .or_else(|| suspect.path.and_then(|_| return_by_samples(cpu, tid, end)));
    entered.filter(|&entered| start - entered <= NEAR_NS).unwrap_or(start)
        ..returned.filter(|&returned| returned >= end && returned - end <= NEAR_NS).unwrap_or(end)
}

/// When samples show the thread back in user space after `end`; `None` if the CPU was idle before
/// that.
fn return_by_samples(cpu: &Cpu, tid: i32, end: u64) -> Option<u64> {
    let after = cpu.timeline.between(end, end.saturating_add(PAUSE_NS));
    let mut previous = end;
    for sample in &cpu.samples()[after] {
        let context = cpu.contexts.get(sample.stack);
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
