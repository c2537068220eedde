//! Traces: what happened on a CPU according to tracepoints and switch records. An event is no
//! sample: it shows that something happened, not where time goes.

use super::ids::{EventId, NameId, StackId, TaskId};
use super::softirq::Softirq;

/// One record of a tracepoint, or of a switch (`perf record --switch-events`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TraceEvent {
    /// When, in ns of the recording's clock.
    pub time_ns: u64,
    /// What happened.
    pub kind: TraceKind,
    /// The task that had the CPU.
    pub task: TaskId,
    /// The stack of the task; empty if the event was recorded without call chains.
    pub stack: StackId,
    /// The event of the recording that this is a record of; `None` for a switch record.
    pub event: Option<EventId>,
}

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TraceKind {
    /// A softirq was raised (`irq:softirq_raise`); it may have been pending already.
    SoftirqRaise(Softirq),
    /// The action of a softirq began (`irq:softirq_entry`).
    SoftirqEntry(Softirq),
    /// The action of a softirq returned (`irq:softirq_exit`).
    SoftirqExit(Softirq),
    /// The handler of an interrupt began (`irq:irq_handler_entry`).
    InterruptEntry {
        /// The interrupt's number.
        irq: i32,
        /// The name under which its handler is registered.
        name: NameId,
    },
    /// The handler of an interrupt returned (`irq:irq_handler_exit`).
    InterruptExit {
        /// The interrupt's number.
        irq: i32,
    },
    /// The CPU went from the event's task to another (`sched:sched_switch`, or a switch record that
    /// names the other).
    Switch {
        /// The task that has the CPU now.
        next: TaskId,
        /// Why the event's task left it.
        why: LeaveReason,
    },
    /// The task got the CPU (a switch record).
    SwitchIn,
    /// The task left the CPU to an unknown one (a switch record in a recording of one task).
    SwitchOut {
        /// Why it left.
        why: LeaveReason,
    },
    /// A task was woken (`sched:sched_waking`, `sched:sched_wakeup`, `sched:sched_wakeup_new`).
    Waking {
        /// The task that was woken.
        task: TaskId,
        /// The CPU that it was woken on.
        cpu: u32,
    },
    /// A system call began (`raw_syscalls:sys_enter`, `syscalls:sys_enter_*`).
    SystemCallEnter {
        /// Its number on the recording's architecture.
        number: i32,
        /// The index of its arguments in [`Trace::arguments`].
        arguments: u32,
    },
    /// A system call returned (`raw_syscalls:sys_exit`, `syscalls:sys_exit_*`). Work on the way to
    /// user space may follow.
    SystemCallExit {
        /// Its number on the recording's architecture.
        number: i32,
        /// What it returned: an error if negative.
        result: i64,
    },
    /// A driver was polled for packets (`napi:napi_poll`).
    NapiPoll {
        /// How many packets it handled.
        work: i32,
        /// How many it was allowed to handle.
        budget: i32,
    },
    /// A packet was received (`net:netif_receive_skb`, `net:napi_gro_receive_entry`).
    Packet {
        /// The device's name.
        device: NameId,
        /// Its length in bytes.
        bytes: u32,
    },
    /// Another event; only its name is known.
    Other,
}

/// Why a task left the CPU.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LeaveReason {
    /// It could have gone on: it was preempted, or it yielded.
    Runnable,
    /// It waits for something, or it ended.
    Asleep,
}

/// The events of one CPU in time order; those of equal time are in the order of the file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trace {
    /// The events.
    pub events: Vec<TraceEvent>,
    /// The arguments of system calls, by [`TraceKind::SystemCallEnter::arguments`]; empty if the
    /// recording is redacted.
    pub arguments: Vec<[u64; 6]>,
}

impl Trace {
    /// The events with `start_ns <= time < end_ns`.
    pub fn between(&self, start_ns: u64, end_ns: u64) -> &[TraceEvent] {
        let from = self.events.partition_point(|event| event.time_ns < start_ns);
        let to = self.events.partition_point(|event| event.time_ns < end_ns);
        &self.events[from..to.max(from)]
    }
}
