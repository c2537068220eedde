//! The result: whether the node is stalling, and who held its CPUs.

use std::collections::BTreeMap;

use crate::analyses::causes::KnownCause;
use crate::analyses::contexts::Owner;
use crate::analyses::overloads::Overload;
use crate::analyses::stalls::{Holder, Power};
use crate::model::NameId;

/// The result.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Check {
    /// The conclusion.
    pub status: Status,
    /// How many stalls count.
    pub stalls: u64,
    /// How many stalls do not count because their confidence is too low.
    pub unsure: u64,
    /// The time in which at least one CPU was in a stall that counts, in ns: simultaneous stalls of
    /// several CPUs count once.
    pub stalled_ns: u64,
    /// The length of the longest of them, in ns.
    pub longest_ns: u64,
    /// Who held the CPUs in these stalls, the longest holder first.
    pub culprits: Vec<CpuCulprit>,
    /// The CPUs that were overloaded, and when, the longest first.
    pub overloads: Vec<Overload>,
    /// The first of the culprits; if [`Doubt::Unsure`] is the conclusion, the first over all
    /// stalls.
    pub suspect: Option<CpuCulprit>,
    /// How many of the stalls that count each kind of evidence shows, by its name.
    pub evidence: BTreeMap<&'static str, u64>,
    /// How long a stall must be to be seen, on each CPU.
    pub powers: Vec<Power>,
    /// The shortest length of a stall that was asked for, in ns.
    pub min_ns: u64,
    /// How long was recorded, in ns.
    pub duration_ns: u64,
    /// How many CPUs were recorded.
    pub cpus: u64,
    /// How many CPUs the machine had, if the recording says so.
    pub cpus_online: Option<u64>,
}

/// The conclusion of a check.
#[derive(Clone, Debug, PartialEq)]
pub enum Status {
    /// The thresholds are not reached, and no CPU is overloaded.
    Healthy,
    /// The thresholds are reached.
    Stalling,
    /// The thresholds are not reached, but softirqs took so much of a CPU that it could do little
    /// else.
    Overloaded,
    /// The thresholds are not reached, but stalls may have been missed.
    Unknown(Doubt),
}

impl Status {
    /// The exit code of `check`, as node-problem-detector understands it.
    pub fn exit_code(&self) -> u8 {
        match self {
            Status::Healthy => 0,
            Status::Stalling | Status::Overloaded => 1,
            Status::Unknown(_) => 2,
        }
    }

    /// Why it is not known whether the node stalls.
    pub fn doubt(&self) -> Option<&Doubt> {
        match self {
            Status::Unknown(doubt) => Some(doubt),
            Status::Healthy | Status::Stalling | Status::Overloaded => None,
        }
    }
}

/// Why a recording without stalls does not show that there were none.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Doubt {
    /// The file is damaged: the message that says how.
    Damaged(String),
    /// There are neither samples nor events.
    Empty,
    /// It is too short.
    Short {
        /// Its length, in ns.
        duration_ns: u64,
        /// The least length that would do, in ns.
        least_ns: u64,
    },
    /// Many records were lost: their share, from 0 to 1.
    Lost(f64),
    /// Nothing was recorded of a CPU for as long as a stall takes.
    Gap {
        /// The CPU.
        cpu: u32,
        /// Its length, in ns.
        duration_ns: u64,
    },
    /// A stall of the length that was asked for might not have been seen on this CPU.
    Power(Power),
    /// No packet was received on the CPUs that were recorded.
    NothingReceived {
        /// Whether others may have received some.
        elsewhere: bool,
    },
    /// A thread was woken to handle packets on this CPU, which was not recorded.
    ServedElsewhere(u32),
    /// `window` names a culprit: this held the CPU before ksoftirqd.
    Window(Holder<NameId>),
    /// All stalls together reach the thresholds, but those of enough confidence do not.
    Unsure {
        /// How many stalls there are, including those that count.
        stalls: u64,
        /// The time in which at least one CPU was in one of them, in ns.
        stalled_ns: u64,
    },
    /// It has no evidence that could show a stall: the reason why one kind of evidence is missing.
    NoWitness(String),
}

impl Doubt {
    /// The word for it in tables.
    pub fn code(&self) -> &'static str {
        match self {
            Doubt::Damaged(_) => "damaged",
            Doubt::Empty => "empty",
            Doubt::Short { .. } => "short",
            Doubt::Lost(_) => "lost",
            Doubt::Gap { .. } => "gap",
            Doubt::Power(_) => "power",
            Doubt::NothingReceived { .. } => "nothing_received",
            Doubt::ServedElsewhere(_) => "served_elsewhere",
            Doubt::Window(_) => "window",
            Doubt::Unsure { .. } => "unsure",
            Doubt::NoWitness(_) => "no_witness",
        }
    }
}

/// Who held a CPU during stalls: all tasks of one comm in one system call, or one handler.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct CpuCulprit {
    /// The CPU.
    pub cpu: u32,
    /// What held the CPU, with tasks of one comm as one.
    pub holder: Holder<NameId>,
    /// The owner of the work; `None` in user space, and if no sample shows it.
    pub owner: Option<Owner>,
    /// The system call, if it was one.
    pub system_call: Option<NameId>,
    /// How many stalls.
    pub stalls: u64,
    /// The sum of their lengths, in ns.
    pub stalled_ns: u64,
    /// The length of the longest, in ns.
    pub longest_ns: u64,
    /// The innermost function of its path in the longest stall.
    pub function: Option<NameId>,
    /// The known causes of at least half of its stalls, the surest first.
    pub causes: Vec<KnownCause>,
}
