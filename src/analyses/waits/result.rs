//! The result: what threads waited for, by the time that it took.

use crate::analyses::off_cpu::SpanFlaw;
use crate::analyses::paths::Path;
use crate::model::{Diagnostic, LeaveReason, NameId, Sleep, StackId, TaskId};

/// The result.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Waits {
    /// Where the times come from.
    pub source: Source,
    /// What threads waited for, the longest time first.
    pub groups: Vec<Group>,
    /// The sums of each thread, by tid, then by time of birth. Empty for [`Source::Samples`].
    pub threads: Vec<ThreadSum>,
    /// The time off the CPU of all groups, in ns.
    pub total_ns: u64,
    /// How many spans the groups have. Those of perf's samples are not known.
    pub spans: u64,
    /// How many of them are not known wholly.
    pub not_whole: u64,
    /// How many of them are too long: the return to a CPU was not recorded.
    pub unseen: u64,
    /// How many spans began before the recording, and their known time in ns. What was waited for
    /// is not known, so they are in no group.
    pub before: (u64, u64),
    /// What the user should know about the result.
    pub notes: Vec<Diagnostic>,
    /// See [`Options::min_ns`](super::Options::min_ns).
    pub min_ns: u64,
}

/// Where the times come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Source {
    /// From switches between tasks: each span is known.
    Switches {
        /// Whether wake-ups were recorded. Else the wait for a CPU is part of the sleep before it.
        has_wakings: bool,
    },
    /// From the samples of `perf record --off-cpu`: the time of each thread at each place, added up
    /// in the kernel. It includes waiting for a CPU after the wake-up.
    Samples,
}

/// How a thread waited.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum State {
    /// Asleep, but a signal would have woken it.
    Slept,
    /// Asleep, and no signal wakes it (D).
    Blocked,
    /// Able to run, but without a CPU: preempted, or it yielded.
    Waited,
    /// Stopped by a signal or a debugger.
    Stopped,
    /// Not known: switch records do not tell.
    Off,
}

impl State {
    /// The word printed for the state.
    pub fn name(self) -> &'static str {
        match self {
            State::Slept => "slept",
            State::Blocked => "blocked",
            State::Waited => "waited",
            State::Stopped => "stopped",
            State::Off => "off",
        }
    }
}

impl From<LeaveReason> for State {
    fn from(why: LeaveReason) -> State {
        match why {
            LeaveReason::Runnable => State::Waited,
            LeaveReason::Asleep(Sleep::Interruptible) => State::Slept,
            LeaveReason::Asleep(Sleep::Uninterruptible) => State::Blocked,
            LeaveReason::Asleep(Sleep::Stopped) => State::Stopped,
            LeaveReason::Asleep(Sleep::Unknown | Sleep::Ended) => State::Off,
        }
    }
}

/// Where threads gave their CPU away.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Spot {
    /// In the kernel, up to the function that waited.
    Kernel(Path),
    /// In user space, or on the way back to it, where a task is preempted.
    User,
    /// Not known: without call chains, or without names of kernel functions.
    Unknown,
}

/// The spans of all tasks of one comm, in one state, at one place.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Group {
    /// How the threads waited.
    pub state: State,
    /// Whether they are kernel threads that waited for work: they slept in the function that is
    /// the thread's loop itself, and in none that it calls.
    pub is_idle: bool,
    /// Their comm.
    pub comm: NameId,
    /// Where they left their CPU.
    pub spot: Spot,
    /// The user stack with the longest time of them, and that time in ns; `None` without call
    /// chains of user space.
    pub user: Option<(StackId, u64)>,
    /// The sum of the spans, in ns. Of spans that are not known wholly it has the known part.
    pub total_ns: u64,
    /// The part of `total_ns` that is after the wake-up, or all of it for those who were preempted:
    /// waiting for a CPU. `None` where wake-ups were not recorded.
    pub runnable_ns: Option<u64>,
    /// The waits for a CPU that are known: from when a thread could run until it got the CPU for
    /// which it waited, without lost records. `None` if none is.
    pub queue: Option<Queue>,
    /// How many spans; `None` from samples.
    pub spans: Option<u64>,
    /// How many of them are not known wholly.
    pub not_whole: u64,
    /// The longest; `None` from samples.
    pub longest: Option<Longest>,
    /// Who woke the threads most often, and how often.
    pub waker: Option<(WakerKind, u64)>,
    /// The part of the time of all groups, from 0 to 1.
    pub share: f64,
}

/// The longest span of a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Longest {
    /// How long it was, as far as is known, in ns.
    pub ns: u64,
    /// When it began, in ns.
    pub start_ns: u64,
    /// The task.
    pub task: TaskId,
    /// Why it is not known wholly, if it is not. If its end was not recorded
    /// ([`SpanFlaw::Unseen`]) it may have been shorter, else longer.
    pub flaw: Option<SpanFlaw>,
}

/// Waits for a CPU: the parts of spans in which the threads could run.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Queue {
    /// How long they were together, in ns.
    pub ns: u64,
    /// The comms that had the CPU for the longest times meanwhile, and how long, in ns: the longest
    /// first. Softirqs and interrupts may have run on top of these tasks.
    pub behind: Vec<(NameId, u64)>,
}

/// Who woke a thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum WakerKind {
    /// A task of this comm.
    Comm(NameId),
    /// An interrupt.
    Interrupt,
}

/// The sums of one thread's spans, of those that are known wholly. Times are in ns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ThreadSum {
    /// Its task.
    pub task: TaskId,
    /// How many spans are known wholly.
    pub spans: u64,
    /// How many are not.
    pub not_whole: u64,
    /// Asleep up to the wake-up, by [`State::Slept`].
    pub slept_ns: u64,
    /// The same of [`State::Blocked`].
    pub blocked_ns: u64,
    /// The same of [`State::Stopped`] and [`State::Off`].
    pub other_ns: u64,
    /// Preempted.
    pub preempted_ns: u64,
    /// From the wake-up to the CPU.
    pub woken_ns: u64,
}
