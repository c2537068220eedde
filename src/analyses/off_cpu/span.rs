//! A span: a time in which a thread has no CPU.

use std::ops::Range;

use crate::model::{EventId, LeaveReason, StackId, TaskId};

/// A time in which a thread has no CPU.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// The task that left; for a span that began before the recording, the one that returned.
    pub task: TaskId,
    /// The CPU that it left; `None` if the span began before the recording.
    pub cpu: Option<u32>,
    /// When it left, or when the recording began, in ns.
    pub start_ns: u64,
    /// When it returned, or up to when the span is known, in ns.
    pub end_ns: u64,
    /// From when on it could run, in ns; `None` if it was not woken as far as is known.
    pub ready_ns: Option<u64>,
    /// The CPU that it waited for from then on, and got; `None` if it got another, and if the wait
    /// is not known: the return was not recorded, or records were lost meanwhile.
    pub queue: Option<u32>,
    /// Why it left. Of a span that began before the recording it is not known.
    pub why: LeaveReason,
    /// Who woke it.
    pub waker: Option<Waker>,
    /// The stack of the switch event; empty if none was recorded.
    pub stack: StackId,
    /// The event that shows the departure; `None` for a switch record, and for a span that began
    /// before the recording.
    pub event: Option<EventId>,
    /// Why the span is not known wholly.
    pub flaw: Option<SpanFlaw>,
}

impl Span {
    /// How long it lasted, as far as is known, in ns.
    pub fn ns(&self) -> u64 {
        self.end_ns.saturating_sub(self.start_ns)
    }

    /// How long of that the thread could have run, in ns.
    pub fn runnable_ns(&self) -> u64 {
        self.ready_ns.map_or(0, |ready_ns| self.end_ns.saturating_sub(ready_ns))
    }

    /// How long the thread was asleep, in ns.
    pub fn asleep_ns(&self) -> u64 {
        self.ns() - self.runnable_ns()
    }

    /// The part of it that lies in `time`, if any.
    pub fn within(&self, time: &Range<u64>) -> Option<Span> {
        let (start_ns, end_ns) = (self.start_ns.max(time.start), self.end_ns.min(time.end));
        if start_ns > end_ns {
            return None;
        }
        let is_cut = (start_ns, end_ns) != (self.start_ns, self.end_ns);
        let ready_ns = self.ready_ns.filter(|ready_ns| *ready_ns <= end_ns);
        let ready_ns = ready_ns.map(|ready_ns| ready_ns.max(start_ns));
        let flaw = self.flaw.or(is_cut.then_some(SpanFlaw::Cut));
        Some(Span { start_ns, end_ns, ready_ns, flaw, ..*self })
    }
}

/// Who woke a thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Waker {
    /// This task, or an interrupt on top of it, of which nothing tells.
    Task(TaskId),
    /// An interrupt: the stack shows it, or the idle task had the CPU.
    Interrupt,
}

/// Why a span is not known wholly.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum SpanFlaw {
    /// It began before the recording, or did not end in it; or so for the selected time.
    Cut,
    /// Records were lost meanwhile: the thread may have been on a CPU.
    Lost,
    /// The thread went to a CPU that was not recorded.
    Elsewhere,
    /// The switch back was not recorded. The span ends here when the thread was woken on an idle
    /// CPU, or at its next event, which is the latest possible end.
    Unseen,
}
