//! The culprit: the suspect of a stall as it appears in the result, with its path and its system
//! call.

use std::ops::Range;

use crate::analyses::calls::Calls;
use crate::analyses::paths::Path;
use crate::model::CgroupId;

use super::cpu::Cpu;
use super::result::{Culprit, TracedCall};
use super::suspect::Suspect;

/// The culprit for the `suspect` of the stretch `time`.
pub(super) fn culprit(cpu: &Cpu, suspect: &Suspect, time: &Range<u64>, calls: &Calls) -> Culprit {
    Culprit {
        holder: suspect.holder.map(|_| suspect.on_cpu),
        on_cpu: suspect.on_cpu,
        // A handler has no control group. The interrupted task's control group would blame a
        // bystander.
        cgroup: if suspect.holder.task().is_some() { suspect.cgroup } else { CgroupId::NONE },
        path: suspect.path.map(|path| Path::new(cpu.contexts, path)),
        call: suspect.holder.task().and_then(|tid| traced_call(cpu, tid, time, calls)),
        samples: suspect.samples,
        share: suspect.share,
    }
}

/// The system call that the thread was in at the start of `time`, else in the middle of it.
fn traced_call(cpu: &Cpu, tid: i32, time: &Range<u64>, calls: &Calls) -> Option<TracedCall> {
    let middle = time.start + (time.end - time.start) / 2;
    let call = calls.at(tid, time.start).or_else(|| calls.at(tid, middle))?;
    Some(TracedCall {
        number: call.number,
        name: call.name,
        arguments: call.arguments(cpu.recording),
        enter_ns: call.enter_ns(),
        exit_ns: call.exit_ns(),
    })
}
