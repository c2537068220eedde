//! Stalls: the times in which a CPU handled no softirq although it should have, from all witnesses that a recording has; the
//! culprit of each, its victims, and how sure that is.

use std::collections::BTreeMap;

use crate::model::{CgroupId, NameId, Recording, Softirq, TaskId};

use super::selection::Selection;
use super::windows::{Path, Ranked};

/// What to look for.
#[derive(Clone, Debug)]
pub struct Options {
    /// A stall is at least this long, in ns.
    pub min_ns: u64,
    /// Which CPUs and which time: a stall is meant if it begins in them.
    pub selection: Selection,
}

impl Default for Options {
    fn default() -> Self {
        Options { min_ns: 20_000_000, selection: Selection::default() }
    }
}

/// The result.
#[derive(Clone, Debug)]
pub struct Stalls {
    /// The stalls, by time, then by CPU.
    pub stalls: Vec<Stall>,
    /// The paths that held CPUs during them, the most suspicious first, as `window` ranks them.
    pub ranking: Vec<Ranked>,
    /// Each kind of witness, and whether the recording has it.
    pub witnesses: Vec<Witness>,
    /// The least length of a stall that was asked for, in ns.
    pub min_ns: u64,
}

/// A time in which a CPU handled no softirq although it should have.
#[derive(Clone, Debug)]
pub struct Stall {
    /// The CPU.
    pub cpu: u32,
    /// Begin, in ns.
    pub begin_ns: u64,
    /// End, in ns.
    pub end_ns: u64,
    /// How sure it is that this was a stall.
    pub confidence: Confidence,
    /// What tells of it, by begin.
    pub evidence: Vec<Evidence>,
    /// Who held the CPU; `None` if nothing tells.
    pub culprit: Option<Culprit>,
    /// Who waited.
    pub victims: Victims,
    /// Records lost in it.
    pub lost: u64,
}

impl Stall {
    /// Its length in ns.
    pub fn duration_ns(&self) -> u64 {
        self.end_ns - self.begin_ns
    }
}

/// How sure a stall is; `docs/stalls.md` has the rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Confidence {
    /// One weak witness.
    Low,
    /// One exact witness, or several weak ones that agree.
    Medium,
    /// Several witnesses that agree, an exact one among them.
    High,
}

impl Confidence {
    /// The word printed for it.
    pub fn name(self) -> &'static str {
        match self {
            Confidence::Low => "low",
            Confidence::Medium => "medium",
            Confidence::High => "high",
        }
    }
}

/// What one witness tells of a stall.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Evidence {
    /// What it saw.
    pub kind: Kind,
    /// From when, in ns.
    pub begin_ns: u64,
    /// Until when, in ns.
    pub end_ns: u64,
}

/// What a witness saw.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    /// A softirq was raised and not entered.
    SoftirqWait(Softirq),
    /// ksoftirqd was woken and did not run.
    KsoftirqdWait,
    /// One task was in one path of the kernel, and no softirq was served.
    KernelPath {
        /// How many samples saw it.
        samples: u64,
        /// The probability that as many samples miss the softirqs by chance, times the number of such stretches.
        p_value: f64,
    },
    /// One softirq's action, or an interrupt's handler, did not return.
    Handler {
        /// The softirq; `None` for an interrupt's handler.
        softirq: Option<Softirq>,
    },
    /// No driver was asked for packets, on a CPU that did so steadily.
    NapiSilence,
    /// No sample was taken, though the CPU was busy: interrupts were off.
    SampleHole,
    /// Many packets came at once, after none had.
    PacketBurst {
        /// How many.
        packets: u64,
    },
}

impl Kind {
    /// The word printed for it.
    pub fn name(&self) -> &'static str {
        match self {
            Kind::SoftirqWait(_) => "softirq_wait",
            Kind::KsoftirqdWait => "ksoftirqd_wait",
            Kind::KernelPath { .. } => "kernel_path",
            Kind::Handler { .. } => "handler",
            Kind::NapiSilence => "napi_silence",
            Kind::SampleHole => "sample_hole",
            Kind::PacketBurst { .. } => "packet_burst",
        }
    }
}

/// Who held the CPU during a stall.
#[derive(Clone, Debug)]
pub struct Culprit {
    /// The task; of a softirq or interrupt the one that it interrupted.
    pub task: TaskId,
    /// Its control group, where recorded.
    pub cgroup: CgroupId,
    /// What it did; `None` where no sample tells, or it was in user space.
    pub path: Option<Path>,
    /// The system call, where traced.
    pub call: Option<TracedCall>,
    /// Samples that saw it.
    pub samples: u64,
    /// Their share of the stall's samples that are not idle, from 0 to 1; of the stall's time, where there are no samples.
    pub share: f64,
}

/// A system call as tracepoints tell it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TracedCall {
    /// Its number.
    pub number: i32,
    /// Its name.
    pub name: NameId,
    /// Its arguments.
    pub arguments: [u64; 6],
    /// When it began, in ns; `None` if before the recording.
    pub enter_ns: Option<u64>,
    /// When it returned, in ns; `None` if after the recording.
    pub exit_ns: Option<u64>,
}

/// Who waited.
#[derive(Clone, Debug, Default)]
pub struct Victims {
    /// The longest wait of each softirq, in ns.
    pub softirqs: BTreeMap<Softirq, u64>,
    /// Packets that were received at once when the stall was over; `None` where packets were not traced.
    pub packets: Option<u64>,
    /// The task that waited longest for this CPU, and how long, in ns.
    pub task: Option<(TaskId, u64)>,
}

/// A kind of witness, and whether the recording has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Witness {
    /// Its name, as [`Kind::name`] has it, or `cgroup`, `wall_clock`.
    pub name: &'static str,
    /// What it would tell.
    pub tells: &'static str,
    /// Why the recording has none; `None` if it has.
    pub lacks: Option<String>,
    /// What to add to `perf record`.
    pub remedy: &'static str,
}

/// Finds the stalls of `recording`, which must have been loaded with its events.
pub fn find(recording: &Recording, options: &Options) -> Stalls {
    let _ = recording;
    Stalls { stalls: Vec::new(), ranking: Vec::new(), witnesses: Vec::new(), min_ns: options.min_ns }
}
