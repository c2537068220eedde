//! The rows of each table.

use super::clock::Moment;

/// The rows of one recording, in all tables. Each list is in the order of time.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Rows {
    /// The recording.
    pub recording: RecordingRow,
    /// Its stalls.
    pub stalls: Vec<StallRow>,
    /// What showed them.
    pub evidence: Vec<EvidenceRow>,
    /// Who waited in them.
    pub victims: Vec<VictimRow>,
    /// Its episodes of ksoftirqd, with their windows.
    pub windows: Vec<WindowRow>,
    /// The culprits of its stalls, ranked.
    pub culprits: Vec<CulpritRow>,
}

/// A recording.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct RecordingRow {
    /// Its id: no other recording of the node has it.
    pub recording: String,
    /// When it begins.
    pub time: Moment,
    /// When it ends.
    pub end: Moment,
    /// When it begins, in ns of its clock.
    pub start_ns: u64,
    /// How long it is, in ns.
    pub duration_ns: u64,
    /// The name of its clock.
    pub clock: String,
    /// The node's name; `None` if nobody gave one and the recording has none.
    pub host: Option<String>,
    /// What else is known of the node.
    pub labels: Vec<(String, String)>,
    /// The file as the user named it.
    pub file: String,
    /// The kernel's release.
    pub kernel: Option<String>,
    /// The machine's architecture.
    pub arch: Option<String>,
    /// The version of perf that recorded.
    pub perf: Option<String>,
    /// The program that made the rows, with its version.
    pub program: String,
    /// How many CPUs were recorded.
    pub cpus: i32,
    /// How many CPUs the machine had.
    pub cpus_online: Option<i32>,
    /// Samples of the sampling event.
    pub samples: u64,
    /// Records of other events.
    pub events: u64,
    /// Records that the kernel dropped.
    pub lost: u64,
    /// The sampling event.
    pub event: Option<String>,
    /// Samples per second that were asked for.
    pub frequency_hz: Option<u64>,
    /// The witnesses that were recorded, with commas between them.
    pub evidence: String,
    /// The length of the shortest stall that is sure to have been seen on each CPU, in ns; `None`
    /// if none is.
    pub shortest_ns: Option<u64>,
    /// The shortest stall that was asked for, in ns.
    pub min_ns: u64,
    /// What `check` says: `healthy`, `stalling`, `overload`, `unknown`.
    pub status: String,
    /// Why it is unknown, in one word.
    pub doubt: Option<String>,
    /// Whether it was kept because of a stall: `always`, `for_stall`, `unknown`.
    pub kept: String,
    /// Whether part of it could not be read.
    pub is_damaged: bool,
    /// Whether kernel functions have names.
    pub has_names: bool,
    /// How many CPUs were overloaded, each time counted.
    pub overloads: i32,
}

/// Who held a CPU, and in what: the fields of `culprit` in JSON.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Who {
    /// The name under which stalls of all nodes are added up: `node_exporter lseek`.
    pub culprit: Option<String>,
    /// `task`, `softirq`, `interrupt`, `machine`; `None` if nobody knows.
    pub holder: Option<&'static str>,
    /// The task's comm.
    pub comm: Option<String>,
    /// The task's pid.
    pub pid: Option<i32>,
    /// The task's tid.
    pub tid: Option<i32>,
    /// The softirq.
    pub softirq: Option<&'static str>,
    /// The interrupt's number.
    pub irq: Option<i32>,
    /// The name of the interrupt's handler.
    pub interrupt: Option<String>,
    /// The comm of the task that a softirq or an interrupt ran on top of: a bystander.
    pub interrupted: Option<String>,
    /// Whose work the path is.
    pub owner: Option<&'static str>,
    /// The system call.
    pub syscall: Option<String>,
    /// The function that says what the work is.
    pub function: Option<String>,
    /// The path as a folded stack, outermost function first.
    pub path: Option<String>,
    /// The control group.
    pub cgroup: Option<String>,
    /// The pod's UID.
    pub pod_uid: Option<String>,
    /// The container's id.
    pub container_id: Option<String>,
    /// The name of the surest known cause.
    pub cause: Option<String>,
    /// How sure that is: `sure`, `possible`.
    pub certainty: Option<&'static str>,
}

/// A stall.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct StallRow {
    /// The recording's id.
    pub recording: String,
    /// Its number in the recording, from 1.
    pub stall: i32,
    /// When it begins.
    pub time: Moment,
    /// When it begins, in ns of the recording's clock.
    pub start_ns: u64,
    /// How long it is, in ns.
    pub duration_ns: u64,
    /// The CPU.
    pub cpu: u32,
    /// `high`, `medium` or `low`.
    pub confidence: &'static str,
    /// Records lost in it.
    pub lost: u64,
    /// Who held the CPU.
    pub who: Who,
    /// Samples that hit the culprit.
    pub samples: Option<u64>,
    /// Their share of the stall's samples that are not idle.
    pub share: Option<f64>,
    /// How long the system call took that was traced, in ns.
    pub call_ns: Option<u64>,
    /// The longest wait of a softirq, in ns.
    pub waited_ns: Option<u64>,
    /// Packets that were received at once when it was over.
    pub packets: Option<u64>,
}

/// What a witness observed of a stall.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct EvidenceRow {
    /// The recording's id.
    pub recording: String,
    /// The number of the stall.
    pub stall: i32,
    /// When the stall begins.
    pub time: Moment,
    /// When it begins, in ns of the recording's clock.
    pub start_ns: u64,
    /// How long it is, in ns.
    pub duration_ns: u64,
    /// What was observed.
    pub kind: &'static str,
    /// The softirq.
    pub softirq: Option<&'static str>,
    /// Samples that hit the path.
    pub samples: Option<u64>,
    /// The probability that it is chance.
    pub p_value: Option<f64>,
    /// Packets that came at once.
    pub packets: Option<u64>,
}

/// Who waited in a stall: a softirq, or the task that waited longest for the CPU.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct VictimRow {
    /// The recording's id.
    pub recording: String,
    /// The number of the stall.
    pub stall: i32,
    /// When the stall begins.
    pub time: Moment,
    /// `softirq` or `task`.
    pub victim: &'static str,
    /// The softirq.
    pub softirq: Option<&'static str>,
    /// The task's comm.
    pub comm: Option<String>,
    /// The task's pid.
    pub pid: Option<i32>,
    /// The task's tid.
    pub tid: Option<i32>,
    /// How long it waited, in ns.
    pub waited_ns: u64,
}

/// An episode of ksoftirqd, and the path that dominates the window before it.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct WindowRow {
    /// The recording's id.
    pub recording: String,
    /// The number of the episode, from 1.
    pub episode: i32,
    /// When the episode begins, and the window ends.
    pub time: Moment,
    /// The same, in ns of the recording's clock.
    pub start_ns: u64,
    /// How long the episode is, in ns.
    pub duration_ns: u64,
    /// How long the window before it is, in ns.
    pub window_ns: u64,
    /// The CPU.
    pub cpu: u32,
    /// The comm of the first trigger sample.
    pub trigger: String,
    /// Trigger samples.
    pub trigger_samples: u64,
    /// The softirqs that they served, each with their number: `net_rx:3,timer:1`.
    pub softirqs: Option<String>,
    /// The window's samples.
    pub samples: u64,
    /// How many of them are idle.
    pub idle_samples: u64,
    /// How many of the others were taken in interrupts and softirqs.
    pub interrupt_samples: u64,
    /// Records lost in it.
    pub lost: u64,
    /// The dominating path.
    pub who: Who,
    /// Samples in it.
    pub path_samples: Option<u64>,
    /// Their share of the samples that are not idle.
    pub share: Option<f64>,
    /// How long it held the CPU in the window, in ns.
    pub held_ns: Option<u64>,
    /// What all windows say about the path: `culprit`, `lead`, `suspect`, `brief`, `common`.
    pub verdict: Option<&'static str>,
}

/// All stalls of one culprit in a recording.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct CulpritRow {
    /// The recording's id.
    pub recording: String,
    /// Its place in the ranking, from 1.
    pub rank: i32,
    /// When the recording begins.
    pub time: Moment,
    /// Who held the CPUs, in the longest stall.
    pub who: Who,
    /// How many stalls.
    pub stalls: u64,
    /// How many of them are of medium or high confidence.
    pub sure: u64,
    /// How long they are together, in ns.
    pub total_ns: u64,
    /// How long the longest is, in ns.
    pub longest_ns: u64,
    /// How often they come: the median time from one to the next, in ns.
    pub every_ns: Option<u64>,
    /// The CPUs, with commas between them.
    pub cpus: String,
    /// How much more frequent its path is in stalls than elsewhere.
    pub lift: Option<f64>,
    /// The probability that this is chance.
    pub p_value: Option<f64>,
}
