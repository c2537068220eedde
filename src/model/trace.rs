//! Traces: what happened on a CPU according to tracepoints and switch records. An event is no
//! sample: it shows that something happened, not where time goes.

use std::fmt::{self, Debug, Formatter};

use rayon::prelude::*;

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
    Asleep(Sleep),
}

impl LeaveReason {
    /// Whether it could not go on.
    pub fn is_asleep(self) -> bool {
        matches!(self, LeaveReason::Asleep(_))
    }
}

/// How a task that left the CPU sleeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Sleep {
    /// Unknown: a switch record says only whether the task was preempted.
    Unknown,
    /// A signal wakes it too: a wait for input, for a lock of user space, for time to pass. So do
    /// threads of the kernel sleep that wait for work.
    Interruptible,
    /// No signal wakes it (state D): a wait for a disk, or for a lock of the kernel.
    Uninterruptible,
    /// A signal or a debugger stopped it.
    Stopped,
    /// It does not come back.
    Ended,
}

/// The events of one CPU in time order; those of equal time are in the order of the file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trace {
    /// The events.
    pub events: Vec<TraceEvent>,
    /// The arguments of system calls, by [`TraceKind::SystemCallEnter::arguments`]; empty if the
    /// recording is redacted.
    pub arguments: Arguments,
}

/// The arguments of system calls as passed in registers, by index.
#[derive(Clone, Default)]
pub struct Arguments {
    /// They may be many, so those of the parts of a recording stay where they are.
    pieces: Vec<Vec<[u64; 6]>>,
}

impl Arguments {
    /// Adds those of one call, and returns their index. A recording has fewer than 2^32, since each
    /// takes bytes of the file.
    #[inline]
    pub fn push(&mut self, arguments: [u64; 6]) -> u32 {
        if self.pieces.is_empty() {
            self.pieces.push(Vec::new());
        }
        let Some((last, before)) = self.pieces.split_last_mut() else { return 0 };
        last.push(arguments);
        (before.iter().map(Vec::len).sum::<usize>() + last.len() - 1) as u32
    }

    /// Those with an index.
    pub fn get(&self, index: u32) -> Option<[u64; 6]> {
        let mut index = index as usize;
        for piece in &self.pieces {
            match piece.get(index) {
                Some(arguments) => return Some(*arguments),
                None => index -= piece.len(),
            }
        }
        None
    }

    /// How many calls there are.
    pub fn len(&self) -> usize {
        self.pieces.iter().map(Vec::len).sum()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.pieces.iter().all(Vec::is_empty)
    }

    /// Forgets them.
    pub fn clear(&mut self) {
        self.pieces.clear();
    }

    /// Adds those of the following part of the recording.
    pub(crate) fn append(&mut self, next: Arguments) {
        self.pieces.extend(next.pieces);
    }
}

// As one list: the pieces are those of the parts that the recording was read in.
impl Debug for Arguments {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        formatter.debug_list().entries(self.pieces.iter().flatten()).finish()
    }
}

impl PartialEq for Arguments {
    fn eq(&self, other: &Arguments) -> bool {
        self.pieces.iter().flatten().eq(other.pieces.iter().flatten())
    }
}

impl Eq for Arguments {}

impl Trace {
    /// How many events are in a [piece](Trace::pieces).
    pub(crate) const PIECE: usize = 1 << 14;

    /// The events in pieces, for all threads to look at: there may be many millions.
    pub(crate) fn pieces(&self) -> impl IndexedParallelIterator<Item = &[TraceEvent]> {
        self.events.par_chunks(Trace::PIECE)
    }

    /// The events with `start_ns <= time < end_ns`.
    pub fn between(&self, start_ns: u64, end_ns: u64) -> &[TraceEvent] {
        let from = self.events.partition_point(|event| event.time_ns < start_ns);
        let to = self.events.partition_point(|event| event.time_ns < end_ns);
        &self.events[from..to.max(from)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_of_several_parts_have_one_index_each() {
        let part = |values: std::ops::Range<u64>| {
            let mut part = Arguments::default();
            let indices: Vec<u32> = values.map(|value| part.push([value; 6])).collect();
            assert!(indices.into_iter().eq(0..part.len() as u32));
            part
        };
        let mut all = Arguments::default();
        for values in [0..3, 3..3, 3..4, 4..9] {
            all.append(part(values));
        }
        assert_eq!(all, part(0..9));
        assert_eq!((all.len(), all.push([9; 6])), (9, 9));
        assert_eq!(all, part(0..10));
        assert!((0..10).all(|index| all.get(index) == Some([index.into(); 6])));
        assert_eq!(all.get(10), None);
        all.clear();
        assert!(all.is_empty() && all.get(0).is_none());
    }
}
