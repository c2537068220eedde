//! Which events were traced completely, so that no record means that nothing happened.

use crate::model::{LeaveReason, Recording, TraceEvent, TraceKind, Tracepoint};

/// The tracepoints of which the recording has every occurrence, and whether it has switch records.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Traced {
    /// One bit for each tracepoint.
    complete: u32,
    /// Whether it holds switch records (`perf record --switch-events`).
    has_switch_records: bool,
    /// Whether switches tell that a task was preempted. Before Linux 4.17 switch records do not.
    tells_preemption: bool,
}

impl Traced {
    /// The tracepoints of which `recording` has every occurrence, decoded.
    pub fn new(recording: &Recording) -> Traced {
        let complete = recording.about.events.iter().filter(|event| event.tells_all());
        let tracepoints = complete.filter_map(|event| event.tracepoint);
        let mut events = recording.timelines.iter().flat_map(|timeline| &timeline.trace.events);
        let is_preemption =
            |event: &TraceEvent| matches!(event.kind, TraceKind::Switch { why: LeaveReason::Runnable, .. });
        Traced {
            complete: tracepoints.fold(0, |bits, tracepoint| bits | 1 << tracepoint as u32),
            has_switch_records: events.clone().any(|event| event.event.is_none()),
            tells_preemption: events.any(is_preemption),
        }
    }

    /// Whether every occurrence of `tracepoint` was recorded.
    pub fn has(self, tracepoint: Tracepoint) -> bool {
        self.complete >> tracepoint as u32 & 1 == 1
    }

    /// Whether each softirq's wait is known.
    pub fn waits(self) -> bool {
        self.has(Tracepoint::SoftirqRaise) && self.has(Tracepoint::SoftirqEntry)
    }

    /// Whether each interrupt's handling is known.
    pub fn interrupts(self) -> bool {
        self.has(Tracepoint::InterruptEntry) && self.has(Tracepoint::InterruptExit)
    }

    /// Whether it is known which task has the CPU.
    pub fn switches(self) -> bool {
        self.has(Tracepoint::Switch) || self.has_switch_records
    }

    /// Whether a task that leaves the CPU asleep is told apart from one that is preempted.
    pub fn preemptions(self) -> bool {
        self.tells_preemption
    }

    /// Whether it is known when each task was woken.
    pub fn wakings(self) -> bool {
        self.has(Tracepoint::Waking) || self.has(Tracepoint::Wakeup)
    }

    /// Whether each packet is known.
    pub fn packets(self) -> bool {
        self.has(Tracepoint::NetifReceive) || self.has(Tracepoint::GroReceive)
    }

    /// Whether the start of each system call is known, for all system calls or for some of them.
    pub fn system_calls(self) -> bool {
        self.has(Tracepoint::AnySystemCallEnter) || self.has(Tracepoint::OneSystemCallEnter)
    }
}
