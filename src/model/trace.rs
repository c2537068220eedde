//! Events: what a tracepoint or a switch record says happened on a CPU. An event is no sample: it tells that something
//! happened, not where time goes.

use super::{EventId, NameId, Softirq, StackId, TaskId};

/// One record of a tracepoint, or of a switch (`perf record --switch-events`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TraceEvent {
    /// When, in ns of the recording's clock.
    pub time_ns: u64,
    /// What happened.
    pub kind: TraceKind,
    /// Whom it happened to: the task that had the CPU.
    pub task: TaskId,
    /// Where in its code; the empty stack where the event was recorded without call chains.
    pub stack: StackId,
    /// The tracepoint; `None` for a switch record, which is none.
    pub event: Option<EventId>,
}

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TraceKind {
    /// A softirq was made pending (`irq:softirq_raise`); also if it was so already.
    SoftirqRaise(Softirq),
    /// Its action began (`irq:softirq_entry`).
    SoftirqEntry(Softirq),
    /// Its action returned (`irq:softirq_exit`).
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
    /// The CPU went from the event's task to another (`sched:sched_switch`; a switch record that tells the other).
    Switch {
        /// Who has the CPU now.
        next: TaskId,
        /// Why the task before left it.
        why: Left,
    },
    /// The task got the CPU (a switch record).
    SwitchIn,
    /// The task left the CPU, nobody knows to whom (a switch record of one task's recording).
    SwitchOut {
        /// Why.
        why: Left,
    },
    /// A task was told to run (`sched:sched_waking`, `sched:sched_wakeup`, `sched:sched_wakeup_new`).
    Waking {
        /// Who.
        task: TaskId,
        /// On which CPU.
        cpu: u32,
    },
    /// A system call began (`raw_syscalls:sys_enter`, `syscalls:sys_enter_*`).
    SystemCallEnter {
        /// Its number on the recording's architecture.
        number: i32,
        /// Its place in [`Trace::arguments`].
        arguments: u32,
    },
    /// A system call returned (`raw_syscalls:sys_exit`, `syscalls:sys_exit_*`). Work on the way to user space may follow.
    SystemCallExit {
        /// Its number on the recording's architecture.
        number: i32,
        /// What it returned: an error if negative.
        result: i64,
    },
    /// A driver was asked for packets (`napi:napi_poll`).
    NapiPoll {
        /// How many it had.
        work: i32,
        /// How many it might have had.
        budget: i32,
    },
    /// A packet was received (`net:netif_receive_skb`, `net:napi_gro_receive_entry`).
    Packet {
        /// The device's name.
        device: NameId,
        /// Its length in bytes.
        bytes: u32,
    },
    /// Another event, known by its name only.
    Other,
}

/// Why a task left the CPU.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Left {
    /// It could have gone on: it was preempted, or yielded.
    Runnable,
    /// It waits for something, or ended.
    Asleep,
}

/// The events of one CPU in time order; events of equal time stay in the file's order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trace {
    /// The events.
    pub events: Vec<TraceEvent>,
    /// The arguments of system calls.
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
