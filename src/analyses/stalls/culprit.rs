//! The culprit: the suspect of a stall as it appears in the result, with its path and its system
//! call.

use std::ops::Range;

use crate::analyses::contexts::Owner;
use crate::analyses::paths::Path;
use crate::model::CgroupId;

use super::cpu::Cpu;
use super::result::{Culprit, TracedCall};
use super::suspect::Suspect;

/// The culprit for the `suspect` of the stretch `time`.
pub(super) fn culprit(cpu: &Cpu, suspect: &Suspect, time: &Range<u64>) -> Culprit {
    Culprit {
        holder: suspect.holder.map(|_| suspect.on_cpu),
        on_cpu: suspect.on_cpu,
        // A handler has no control group. The interrupted task's control group would blame a
        // bystander.
        cgroup: if suspect.holder.task().is_some() { suspect.cgroup } else { CgroupId::NONE },
        path: suspect.path.map(|path| Path::new(cpu.contexts, path, suspect.beyond.clone())),
        call: traced_call(cpu, suspect, time),
        samples: suspect.samples,
        share: suspect.share,
    }
}

/// The system call that the suspect was in for most of `time`. It is never one with another name
/// than the path's.
fn traced_call(cpu: &Cpu, suspect: &Suspect, time: &Range<u64>) -> Option<TracedCall> {
    let tid = suspect.holder.task()?;
    let path = suspect.path;
    if path.is_some_and(|path| cpu.contexts.owner(path) != Owner::SystemCall) {
        return None;
    }
    let sampled = path.and_then(|path| cpu.contexts.system_call(path));
    let call =
        cpu.threads().calls.longest_in(tid, time, |call| sampled.is_none_or(|name| name == call.name))?;
    Some(TracedCall {
        number: call.number,
        name: call.name,
        arguments: call.arguments(cpu.recording),
        enter_ns: call.enter_ns(),
        exit_ns: call.exit_ns(),
    })
}
