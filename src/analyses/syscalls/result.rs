//! The result: slow system calls, and a summary of all of them.

use crate::analyses::calls::Call;
use crate::model::{Diagnostic, NameId, TaskId};

/// The result.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SystemCalls {
    /// Where the calls come from.
    pub source: Source,
    /// The slow calls, by class. Those that held the CPU come first, the longest on the CPU first;
    /// in the other classes the longest call is first.
    pub slow: Vec<SlowCall>,
    /// All calls by comm and name, the longest on the CPU first.
    pub summary: Vec<Summary>,
    /// How many calls are selected.
    pub calls: u64,
    /// How many of them are not in the summary, because their enter or exit was not recorded, or
    /// because the two may belong to different calls.
    pub not_whole: u64,
    /// What the user should know about the result.
    pub notes: Vec<Diagnostic>,
    /// See [`Options::min_ns`](super::Options::min_ns).
    pub min_ns: u64,
}

impl SystemCalls {
    /// Whether times are estimated from samples.
    pub fn is_estimate(&self) -> bool {
        self.source != Source::Traced
    }

    /// How many slow calls are of this class.
    pub fn count(&self, class: Class) -> usize {
        self.slow.iter().filter(|call| call.class == class).count()
    }

    /// The slow calls that may have kept others from a CPU, or were kept from one; all slow calls
    /// if `all`.
    pub fn listed(&self, all: bool) -> impl Iterator<Item = &SlowCall> {
        self.slow.iter().filter(move |call| all || call.class.matters())
    }
}

/// Where system calls come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Source {
    /// By tracepoints at enter and exit: exact.
    Traced,
    /// By runs of samples of one thread in one system call: an estimate.
    Sampled {
        /// The time from one sample to the next, in ns.
        interval_ns: u64,
    },
}

/// Where most of a slow call's time went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Class {
    /// On the CPU: for most of the time, or for at least 10 ms and at least
    /// [`SystemCalls::min_ns`].
    Held,
    /// Able to run, but without a CPU.
    Waited,
    /// Not known: switches were not recorded.
    Unknown,
    /// Asleep, until something happened.
    Slept,
    /// Not known: it began before the recording, or its thread was on CPUs that were not recorded.
    Away,
}

impl Class {
    /// The word printed for the class.
    pub fn name(self) -> &'static str {
        match self {
            Class::Held => "held",
            Class::Waited => "waited",
            Class::Unknown => "call",
            Class::Slept => "slept",
            Class::Away => "away",
        }
    }

    /// Whether such a call may have kept others from a CPU, or was kept from one.
    pub fn matters(self) -> bool {
        !matches!(self, Class::Slept | Class::Away)
    }
}

/// A slow system call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SlowCall {
    /// Where most of its time went.
    pub class: Class,
    /// The caller.
    pub task: TaskId,
    /// Its name; `None` if no frame shows it.
    pub name: Option<NameId>,
    /// The CPU where it began.
    pub cpu: u32,
    /// When it began, or when its known part began, in ns.
    pub start_ns: u64,
    /// When it ended, or when its known part ended, in ns.
    pub end_ns: u64,
    /// How long it had a CPU, in ns; `None` if not known.
    pub on_cpu_ns: Option<u64>,
    /// If `on_cpu_ns` is an estimate, the number of samples behind it.
    pub samples: Option<u64>,
    /// The call, if it was traced.
    pub traced: Option<Call>,
}

impl SlowCall {
    /// The duration of the call or of its known part, in ns.
    pub fn duration_ns(&self) -> u64 {
        self.end_ns - self.start_ns
    }
}

/// All calls of one name by tasks of one comm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Summary {
    /// The comm.
    pub comm: NameId,
    /// The name; `None` if no frame shows it.
    pub name: Option<NameId>,
    /// How many calls; from samples, how many runs.
    pub calls: u64,
    /// How many of them returned an error; 0 if not known.
    pub errors: u64,
    /// The sum of their durations, in ns.
    pub total_ns: u64,
    /// The sum of their times on a CPU, in ns; `None` if not known.
    pub on_cpu_ns: Option<u64>,
    /// The shortest duration, in ns.
    pub min_ns: u64,
    /// The longest duration, in ns.
    pub max_ns: u64,
}

impl Summary {
    /// The mean duration in ns.
    pub fn avg_ns(&self) -> u64 {
        self.total_ns / self.calls.max(1)
    }
}
