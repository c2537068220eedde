//! Which events were traced completely, so that no record means that nothing happened.

use crate::model::{Recording, Tracepoint};

use super::census::Counts;

/// The tracepoints of which the recording has every occurrence, and whether it has switch records.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Traced {
    /// One bit for each tracepoint.
    complete: u32,
    /// Whether it holds switch records (`perf record --switch-events`).
    has_switch_records: bool,
    /// Whether switches tell that a task was preempted. Before Linux 4.17 switch records do not.
    tells_preemption: bool,
    /// Whether it holds softirqs other than NET_RX: a filter may have left them out.
    has_other_softirqs: bool,
    /// Whether it holds wake-ups of tasks other than ksoftirqd: a filter may have left them out.
    has_other_wakings: bool,
}

impl Traced {
    /// The tracepoints of which `recording` has every occurrence, decoded. `counts` are those of
    /// all events.
    pub fn new(recording: &Recording, counts: &Counts) -> Traced {
        let complete = recording.about.events.iter().filter(|event| event.tells_all());
        let tracepoints = complete.filter_map(|event| event.tracepoint);
        Traced {
            complete: tracepoints.fold(0, |bits, tracepoint| bits | 1 << tracepoint as u32),
            has_switch_records: counts.switch_records > 0,
            has_other_softirqs: counts.softirq_entries > counts.net_rx_entries,
            has_other_wakings: counts.wakings > counts.ksoftirqd_wakings,
            tells_preemption: counts.preemptions > 0,
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

    /// Whether that is so for other softirqs than NET_RX, too.
    pub fn all_waits(self) -> bool {
        self.waits() && self.has_other_softirqs
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

    /// Whether that is so for other tasks than ksoftirqd, too.
    pub fn all_wakings(self) -> bool {
        self.wakings() && self.has_other_wakings
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
