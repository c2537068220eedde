//! The result: each system call, where its time went, and look-up of the call that a thread was in.

use std::cmp::Reverse;
use std::ops::Range;

use crate::model::{NameId, Recording, TaskId};

/// One system call of one thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Call {
    /// The caller; for a call without an enter, the task that exited.
    pub task: TaskId,
    /// The call's number on the recording's architecture.
    pub number: i32,
    /// The call's name.
    pub name: NameId,
    /// The CPU where it began; for a call without an enter, where it ended.
    pub cpu: u32,
    /// When it began, in ns; for a call without an enter, the earliest time at which the thread is
    /// known to have been in it.
    pub start_ns: u64,
    /// When it ended, in ns; for a call without an exit, the latest time at which the thread is
    /// known to have been in it.
    pub end_ns: u64,
    /// Whether its enter was recorded.
    pub has_enter: bool,
    /// What it returned, negative for an error; `None` if its exit was not recorded.
    pub result: Option<i64>,
    /// When the thread was back in user space, in ns, according to the events; `None` if the
    /// recording ended first. The exit is recorded before the work on the way out, during which the
    /// thread may be preempted.
    pub back_ns: Option<u64>,
    /// Where the time went; `None` if switches were not recorded.
    pub spent: Option<Spent>,
    /// Why its enter and its exit may belong to two different calls.
    pub doubt: Option<Doubt>,
    /// Index into its CPU's [`Trace::arguments`](crate::model::Trace::arguments).
    pub(super) arguments: u32,
}

/// Where the time of a call went, in ns. For a call with both ends recorded, the three add up to
/// its duration unless the thread ran on a CPU that was not recorded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Spent {
    /// On a CPU, including the interrupts and softirqs that were served meanwhile.
    pub on_cpu_ns: u64,
    /// Off the CPU and waiting for something. Without wake-up events, a thread counts as asleep
    /// until it runs again.
    pub asleep_ns: u64,
    /// Off the CPU and able to run: preempted, or woken and not yet switched to.
    pub runnable_ns: u64,
}

/// Why an enter and an exit may belong to two different calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Doubt {
    /// Records were lost in between.
    Lost,
    /// The thread ran on a CPU that was not recorded in between: it was woken on such a CPU, or it
    /// was able to run while the CPU that it had left was idle.
    Elsewhere,
}

impl Call {
    /// When it began, in ns; `None` if its enter was not recorded.
    pub fn enter_ns(&self) -> Option<u64> {
        self.has_enter.then_some(self.start_ns)
    }

    /// When it returned, in ns; `None` if its exit was not recorded. Work on the way to user space
    /// may follow.
    pub fn exit_ns(&self) -> Option<u64> {
        self.result.map(|_| self.end_ns)
    }

    /// Its duration in ns; without an enter or an exit, the duration of its known part.
    pub fn duration_ns(&self) -> u64 {
        self.end_ns - self.start_ns
    }

    /// Whether both its enter and its exit were recorded.
    pub fn is_whole(&self) -> bool {
        self.has_enter && self.result.is_some()
    }

    /// Its arguments as passed in registers; `None` if its enter was not recorded.
    pub fn arguments(&self, recording: &Recording) -> Option<[u64; 6]> {
        let trace = &recording.timeline(self.cpu)?.trace;
        trace.arguments.get(self.arguments).filter(|_| self.has_enter)
    }
}

/// All traced system calls of a recording.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Calls {
    /// By tid, then by start. The calls of one tid do not overlap.
    pub(super) calls: Vec<Call>,
    /// The tid of each call.
    pub(super) tids: Vec<i32>,
    /// Whether every enter and every exit of a system call was traced.
    pub is_traced: bool,
    /// Whether every switch between tasks was recorded.
    pub has_switches: bool,
    /// How many switches to a thread are missing: the thread had events on a CPU that it was never
    /// switched to. Until such an event the thread counts as asleep, or, if its wake-up was
    /// recorded, as on the CPU.
    pub unseen_switches: u64,
}

impl Calls {
    /// All calls, by tid, then by start.
    pub fn all(&self) -> &[Call] {
        &self.calls
    }

    /// The call that the thread `tid` was in at `time_ns`: from its enter until the thread was back
    /// in user space.
    pub fn at(&self, tid: i32, time_ns: u64) -> Option<&Call> {
        self.position(tid, time_ns).map(|position| &self.calls[position])
    }

    /// The index in [`Calls::all`] of the call that [`Calls::at`] finds.
    pub fn position(&self, tid: i32, time_ns: u64) -> Option<usize> {
        let (first, calls) = self.of_thread(tid);
        let last = calls.partition_point(|call| call.start_ns <= time_ns).checked_sub(1)?;
        let Call { end_ns, back_ns, .. } = calls[last];
        (time_ns <= back_ns.map_or(end_ns, |back_ns| back_ns.max(end_ns))).then_some(first + last)
    }

    /// The call that the thread `tid` was in for most of `time`, among those that `is_wanted`.
    pub fn longest_in(
        &self,
        tid: i32,
        time: &Range<u64>,
        is_wanted: impl Fn(&Call) -> bool,
    ) -> Option<&Call> {
        let (_, calls) = self.of_thread(tid);
        let overlap = |call: &Call| {
            let end_ns = call.back_ns.map_or(call.end_ns, |back_ns| back_ns.max(call.end_ns));
            (end_ns.min(time.end) + 1).saturating_sub(call.start_ns.max(time.start))
        };
        let until = calls.partition_point(|call| call.start_ns < time.end);
        // The calls of a thread do not overlap, so those that end before `time` come first.
        let from = calls[..until].partition_point(|call| overlap(call) == 0);
        let wanted = calls[from..until].iter().filter(|call| is_wanted(call));
        wanted.max_by_key(|call| (overlap(call), Reverse(call.start_ns)))
    }

    /// Whether the thread `tid` is known to have been in user space at `time_ns`: it was in no
    /// call, the call before has returned, and the enter of the call after was recorded.
    pub fn is_between(&self, tid: i32, time_ns: u64) -> bool {
        let (_, calls) = self.of_thread(tid);
        let (before, after) = calls.split_at(calls.partition_point(|call| call.start_ns <= time_ns));
        let has_returned =
            before.last().is_none_or(|call| call.back_ns.is_some_and(|back_ns| back_ns < time_ns));
        let is_known = self.is_traced && !calls.is_empty();
        is_known && has_returned && after.first().is_none_or(|call| call.has_enter)
    }

    /// The calls of the thread `tid`, and the index of the first of them in [`Calls::all`].
    fn of_thread(&self, tid: i32) -> (usize, &[Call]) {
        let start = self.tids.partition_point(|&other| other < tid);
        let end = self.tids.partition_point(|&other| other <= tid);
        (start, &self.calls[start..end])
    }
}
