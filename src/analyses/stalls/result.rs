//! The result of a search for stalls: each stall with its evidence, culprit and victims, and the
//! ranking of culprits.

use std::collections::BTreeMap;

use crate::analyses::causes::KnownCause;
use crate::analyses::holder::Holder;
use crate::analyses::overloads::Overload;
use crate::analyses::paths::Path;
use crate::analyses::windows::Ranked;
use crate::model::{CgroupId, NameId, Recording, Softirq, TaskId};

use super::advice::Advice;
use super::kind::Kind;
use super::witnesses::Witness;

/// The stalls of a recording.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Stalls {
    /// The stalls, by time, then by CPU.
    pub stalls: Vec<Stall>,
    /// The CPUs that were overloaded, and when, with the stalls that are counted there instead of
    /// being listed.
    pub overloads: Vec<Overloaded>,
    /// The culprits: those with a stall of medium or high confidence first, then by stalled time.
    pub ranking: Vec<CulpritSummary>,
    /// Which stalls the recording would have shown.
    pub sight: Sight,
    /// The waits of softirqs, where these were traced, of at least `least_wait_ns`: by CPU, then by
    /// start.
    pub waits: Vec<Wait>,
    /// Shorter waits do not matter, in ns.
    pub least_wait_ns: u64,
    /// What to record to have all witnesses.
    pub advice: Advice,
}

/// Which stalls a recording would have shown, whether there were any or not.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Sight {
    /// Each kind of witness, and why the recording lacks it if it does.
    pub witnesses: Vec<Witness>,
    /// Which stalls each CPU would have shown, by CPU.
    pub powers: Vec<Power>,
    /// The shortest length of a stall that was asked for, in ns.
    pub min_ns: u64,
}

/// The wait of one softirq on one CPU.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Wait {
    /// The CPU.
    pub cpu: u32,
    /// The softirq.
    pub softirq: Softirq,
    /// When it was raised, in ns.
    pub start_ns: u64,
    /// When its action began, in ns.
    pub end_ns: u64,
}

/// A CPU that was overloaded for a time, with the stalls that its softirqs caused then.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Overloaded {
    /// When and how.
    pub overload: Overload,
    /// How many stalls of the length that was asked for its softirqs caused, or nobody that is
    /// known. They are not among the stalls that are listed.
    pub stalls: u64,
    /// The sum of their lengths, in ns.
    pub stalled_ns: u64,
    /// The length of the longest of them, in ns.
    pub longest_ns: u64,
}

/// Which stalls would have been seen on one CPU.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Power {
    /// The CPU.
    pub cpu: u32,
    /// The length of the shortest stall that would have been seen with a probability of 95 %, in
    /// ns; `None` if no stall is sure to have been seen.
    pub shortest_ns: Option<u64>,
    /// Why not a shorter one.
    pub limit: Limit,
}

/// Why a shorter stall might not have been seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Limit {
    /// None: each wait of a softirq was recorded.
    None,
    /// Nothing was recorded that could show one.
    Evidence,
    /// The kernel's functions have no names.
    Names,
    /// Samples hit softirqs too rarely.
    Softirqs,
    /// Nothing was recorded for as long, and it is unknown whether the CPU was idle.
    Idle,
}

impl Limit {
    /// The word printed for it.
    pub fn name(self) -> &'static str {
        match self {
            Limit::None => "none",
            Limit::Evidence => "evidence",
            Limit::Names => "names",
            Limit::Softirqs => "softirqs",
            Limit::Idle => "idle",
        }
    }
}

impl Power {
    /// The power of a recording that has each softirq's wait.
    pub(crate) fn exact(cpu: u32) -> Power {
        Power { cpu, shortest_ns: Some(0), limit: Limit::None }
    }
}

/// A time in which a CPU handled no softirq although it should have.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Stall {
    /// The CPU.
    pub cpu: u32,
    /// Start, in ns.
    pub start_ns: u64,
    /// End, in ns.
    pub end_ns: u64,
    /// How sure it is that this was a stall.
    pub confidence: Confidence,
    /// What the witnesses observed, by start.
    pub evidence: Vec<Evidence>,
    /// Who held the CPU; `None` if the recording does not show it.
    pub culprit: Option<Culprit>,
    /// The known causes that the culprit's samples show, the surest first.
    pub causes: Vec<KnownCause>,
    /// Who waited.
    pub victims: Victims,
    /// How many records were lost in it.
    pub lost: u64,
}

impl Stall {
    /// Its length in ns.
    pub fn duration_ns(&self) -> u64 {
        self.end_ns - self.start_ns
    }
}

/// How sure a stall is; `docs/stalls.md` describes the rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Confidence {
    /// One weak witness: the path may be slow without stalling anybody. Or the machine itself stood
    /// still.
    Low,
    /// An exact or a strong witness, or weak ones of two families.
    Medium,
    /// An exact witness, and one of another family.
    High,
}

impl Confidence {
    /// The word printed for the level.
    pub fn name(self) -> &'static str {
        match self {
            Confidence::Low => "low",
            Confidence::Medium => "medium",
            Confidence::High => "high",
        }
    }
}

/// What one witness observed of a stall.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Evidence {
    /// What was observed.
    pub kind: Kind,
    /// Start, in ns.
    pub start_ns: u64,
    /// End, in ns.
    pub end_ns: u64,
}

impl Evidence {
    /// Its length in ns.
    pub fn duration_ns(&self) -> u64 {
        self.end_ns - self.start_ns
    }
}

/// Who held the CPU during a stall.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Culprit {
    /// The holder.
    pub holder: Holder<TaskId>,
    /// The task that had the CPU: the holder itself, or the task that the holder interrupted.
    pub on_cpu: TaskId,
    /// The control group of a task, where recorded.
    pub cgroup: CgroupId,
    /// The path of its work; `None` in user space, and if no sample shows it.
    pub path: Option<Path>,
    /// The system call, where traced.
    pub call: Option<TracedCall>,
    /// How many samples hit it.
    pub samples: u64,
    /// Their share of the stall's samples that are not idle, from 0 to 1. Without samples, its
    /// share of the stall's time.
    pub share: f64,
}

impl Culprit {
    /// What held the CPU, with tasks of one comm as one.
    pub(crate) fn holder_by_comm(&self, recording: &Recording) -> Holder<NameId> {
        self.holder.map(|task| recording.task(task).comm)
    }

    /// The task that a softirq or an interrupt ran on top of. It is a bystander.
    pub fn interrupted(&self) -> Option<TaskId> {
        matches!(self.holder, Holder::Softirq(_) | Holder::Interrupt(_)).then_some(self.on_cpu)
    }
}

/// All stalls of one culprit together.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct CulpritSummary {
    /// What held the CPU, with tasks of one comm as one.
    pub holder: Holder<NameId>,
    /// The comm of the task that a softirq or an interrupt ran on top of in its longest stall. It
    /// is a bystander.
    pub interrupted: Option<NameId>,
    /// The path of its longest stall; `None` if no sample shows it.
    pub path: Option<Path>,
    /// The known causes of at least half of its stalls, the surest first.
    pub causes: Vec<KnownCause>,
    /// Its control group in that stall, where recorded.
    pub cgroup: CgroupId,
    /// How many stalls it caused.
    pub stalls: u64,
    /// How many of them are of medium or high confidence.
    pub sure: u64,
    /// How long they were together, in ns.
    pub total_ns: u64,
    /// The length of the longest, in ns.
    pub longest_ns: u64,
    /// How often they come: the median time from the start of one to the start of the next, in ns.
    /// Stalls of several CPUs at the same time come once. `None` if there are too few to tell.
    pub every_ns: Option<u64>,
    /// The CPUs that it stalled, in ascending order.
    pub cpus: Vec<u32>,
    /// How its path compares with the CPUs' time outside stalls, as `window` ranks paths; `None`
    /// without samples of it.
    pub compared: Option<Ranked>,
}

/// A system call that tracepoints recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TracedCall {
    /// Its number.
    pub number: i32,
    /// Its name.
    pub name: NameId,
    /// Its arguments; `None` if it began before the recording.
    pub arguments: Option<[u64; 6]>,
    /// When it began, in ns; `None` if before the recording.
    pub enter_ns: Option<u64>,
    /// When it returned, in ns; `None` if after the recording.
    pub exit_ns: Option<u64>,
}

impl TracedCall {
    /// How long it took, in ns; `None` if it began before the recording or returned after it.
    pub fn duration_ns(&self) -> Option<u64> {
        self.enter_ns.zip(self.exit_ns).map(|(enter_ns, exit_ns)| exit_ns - enter_ns)
    }
}

/// Who waited.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Victims {
    /// The longest wait of each softirq, in ns.
    pub softirqs: BTreeMap<Softirq, u64>,
    /// Packets that were received at once when the stall was over. `None` if packets, or the
    /// entries or exits of softirqs, were not traced.
    pub packets: Option<u64>,
    /// The task that waited longest for this CPU.
    pub task: Option<WaitingTask>,
}

/// A task that could run and had no CPU.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct WaitingTask {
    /// The task.
    pub task: TaskId,
    /// How long it waited in the stall, in ns.
    pub waited_ns: u64,
    /// The task that had the CPU for more than half of that time, and how long, in ns; `None` if
    /// none is known to. A softirq or an interrupt may have run on top of it.
    pub behind: Option<(TaskId, u64)>,
}

impl Victims {
    /// The longest wait of any softirq, in ns; `None` if no softirq is known to have waited.
    pub fn longest_wait_ns(&self) -> Option<u64> {
        self.softirqs.values().copied().max()
    }
}
