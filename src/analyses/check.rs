//! Check: whether a node is stalling, from the stalls of one recording and thresholds; or why the recording cannot tell.

use std::cmp::Reverse;

use rustc_hash::FxHashMap;

use crate::model::{Function, Gap, Mode, NameId, Naming, Recording, Severity, Timeline};

use super::contexts::{Contexts, Owner};
use super::paths::Path;
use super::selection::Selection;
use super::stalls::{Confidence, Handler, Stall, Stalls};

/// A recording shorter than this says little about a node, in ns.
const SHORTEST_NS: u64 = 1_000_000_000;

/// From which on a node is stalling: all of them must be reached.
#[derive(Clone, Copy, Debug)]
pub struct Thresholds {
    /// Only stalls of at least this confidence count.
    pub confidence: Confidence,
    /// So many stalls.
    pub stalls: u64,
    /// So much time in them together, in ns.
    pub total_ns: u64,
}

impl Thresholds {
    fn are_reached(&self, stalls: &[&Stall]) -> bool {
        stalls.len() as u64 >= self.stalls && together_ns(stalls) >= self.total_ns
    }
}

impl Default for Thresholds {
    fn default() -> Self {
        Thresholds { confidence: Confidence::Medium, stalls: 1, total_ns: 0 }
    }
}

/// The result.
#[derive(Clone, Debug)]
pub struct Check {
    /// What it comes to.
    pub status: Status,
    /// How many stalls count.
    pub stalls: u64,
    /// How many do not, since they are not sure enough.
    pub unsure: u64,
    /// How long those that count were together, in ns; stalls of several CPUs at once count for each.
    pub stalled_ns: u64,
    /// How long the longest was, in ns.
    pub longest_ns: u64,
    /// Who held the CPUs in them, the longest time first.
    pub culprits: Vec<Holder>,
    /// The first of these; if the stalls are not sure enough, who held the CPUs longest in those that are not.
    pub suspect: Option<Holder>,
    /// The least length of a stall that was asked for, in ns.
    pub min_ns: u64,
    /// How long was recorded, in ns.
    pub duration_ns: u64,
    /// How many CPUs were recorded.
    pub cpus: u64,
}

/// What a check comes to.
#[derive(Clone, Debug, PartialEq)]
pub enum Status {
    /// The thresholds are not reached.
    Healthy,
    /// They are.
    Stalling,
    /// They are not, but stalls may have been missed.
    Unknown(Doubt),
}

/// Why a recording without stalls does not show that there were none.
#[derive(Clone, Debug, PartialEq)]
pub enum Doubt {
    /// The file is damaged: what is wrong with it.
    Damaged(String),
    /// There are neither samples nor events.
    Empty,
    /// It is too short, in ns.
    Short {
        /// How long it is.
        duration_ns: u64,
        /// How long it should be at least.
        least_ns: u64,
    },
    /// Many records were lost: their share, from 0 to 1.
    Lost(f64),
    /// Nothing was recorded of a CPU for as long as a stall takes.
    Gap {
        /// The CPU.
        cpu: u32,
        /// How long, in ns.
        duration_ns: u64,
    },
    /// Samples are so far apart, in ns, that a stall may lie between two.
    Sparse {
        /// How far.
        interval_ns: u64,
    },
    /// There are stalls enough, but too few of them are sure: how many, and how long they are together, in ns.
    Unsure {
        /// How many, those that count included.
        stalls: u64,
        /// How long, in ns.
        stalled_ns: u64,
    },
    /// It has no kind of evidence of stalls; why it lacks one of them.
    NoWitness(String),
}

/// Who held a CPU during stalls: all tasks of one comm in one system call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Holder {
    /// The CPU.
    pub cpu: u32,
    /// What held the CPU, if it was no task.
    pub handler: Option<Handler>,
    /// The comm; of a handler, that of the task that it interrupted first.
    pub comm: NameId,
    /// Whose work it was; `None` where no sample tells, or in user space.
    pub owner: Option<Owner>,
    /// The system call, where it was one.
    pub system_call: Option<NameId>,
    /// In how many stalls.
    pub stalls: u64,
    /// How long these were together, in ns.
    pub stalled_ns: u64,
    /// The longest of them, in ns.
    pub longest_ns: u64,
    /// Where it was in the longest of them: the place where the work forks.
    pub function: Option<NameId>,
}

/// Samples show stalls only where the kernel's functions have names.
const SAMPLES: &str = "samples";
/// The witnesses that tell whether there was a stall; the others tell more about it.
const EVIDENCE: [&str; 3] = [SAMPLES, SOFTIRQS, "packets"];
/// Softirqs tell of each stall exactly.
const SOFTIRQS: &str = "softirqs";

/// Judges `recording` by its `stalls`, which were looked for in `selection`.
pub fn judge(
    recording: &Recording,
    stalls: &Stalls,
    selection: &Selection,
    thresholds: &Thresholds,
) -> Check {
    let is_sure = |stall: &&Stall| stall.confidence >= thresholds.confidence;
    let counted: Vec<&Stall> = stalls.stalls.iter().filter(is_sure).collect();
    let all: Vec<&Stall> = stalls.stalls.iter().collect();
    let status = match (thresholds.are_reached(&counted), thresholds.are_reached(&all)) {
        // What was found was there, whatever was lost besides.
        (true, _) => Status::Stalling,
        (false, true) => {
            Status::Unknown(Doubt::Unsure { stalls: all.len() as u64, stalled_ns: together_ns(&all) })
        }
        (false, false) => doubt(recording, stalls, selection).map_or(Status::Healthy, Status::Unknown),
    };
    let shown = if matches!(status, Status::Unknown(Doubt::Unsure { .. })) { &all } else { &counted };
    Check {
        status,
        stalls: counted.len() as u64,
        unsure: (all.len() - counted.len()) as u64,
        stalled_ns: together_ns(&counted),
        longest_ns: counted.iter().map(|stall| stall.duration_ns()).max().unwrap_or(0),
        culprits: culprits(recording, &counted),
        suspect: culprits(recording, shown).into_iter().next(),
        min_ns: stalls.min_ns,
        duration_ns: duration_ns(recording, selection),
        cpus: selection.timelines(recording).count() as u64,
    }
}

/// How long stalls are together, in ns.
fn together_ns(stalls: &[&Stall]) -> u64 {
    stalls.iter().fold(0, |sum, stall| sum.saturating_add(stall.duration_ns()))
}

/// Why stalls may have been missed.
pub fn doubt(recording: &Recording, stalls: &Stalls, selection: &Selection) -> Option<Doubt> {
    let is_damage = |severity| severity == Severity::Error;
    if let Some(damage) = recording.diagnostics.iter().find(|diagnostic| is_damage(diagnostic.severity)) {
        return Some(Doubt::Damaged(damage.message.clone()));
    }
    let timelines = || selection.timelines(recording);
    if timelines().all(|timeline| timeline.samples.is_empty() && timeline.trace.events.is_empty()) {
        return Some(Doubt::Empty);
    }
    let duration_ns = duration_ns(recording, selection);
    let least_ns = SHORTEST_NS.max(stalls.min_ns.saturating_mul(2));
    if duration_ns < least_ns {
        return Some(Doubt::Short { duration_ns, least_ns });
    }
    if recording.tally.is_much_lost() {
        return Some(Doubt::Lost(recording.tally.lost_share()));
    }
    if let Some(gap) = longest_gap(recording, stalls, selection) {
        return Some(gap);
    }
    let is_exact = stalls.witnesses.iter().any(|witness| witness.name == SOFTIRQS && witness.lacks.is_none());
    let interval_ns = recording.sampling_interval_ns();
    if !is_exact && recording.tally.samples > 0 && interval_ns.saturating_mul(2) > stalls.min_ns {
        return Some(Doubt::Sparse { interval_ns });
    }
    let has_names = recording.functions.iter().any(is_named_kernel);
    let mut lacks = None;
    for witness in stalls.witnesses.iter().filter(|witness| EVIDENCE.contains(&witness.name)) {
        match &witness.lacks {
            None if witness.name == SAMPLES && !has_names => {
                lacks = Some("kernel functions have no names: save /proc/kallsyms".to_owned());
            }
            None => return None,
            Some(why) => lacks = lacks.or(Some(format!("{} {why}", witness.name))),
        }
    }
    Some(Doubt::NoWitness(lacks.unwrap_or_default()))
}

/// The longest time of which nothing was recorded, if a stall could lie in it. The kernel goes on with a paused event at its
/// next tick (kernel/events/core.c, `perf_adjust_freq_unthr_context`), and an idle CPU has none until there is work: a pause that
/// begins in idle says nothing. Where softirqs were traced they are known in a pause too.
fn longest_gap(recording: &Recording, stalls: &Stalls, selection: &Selection) -> Option<Doubt> {
    let (first_ns, last_ns) = selection.time.bounds(recording);
    let is_traced =
        stalls.witnesses.iter().any(|witness| witness.name == SOFTIRQS && witness.lacks.is_none());
    let contexts = Contexts::new(recording);
    let begins_in_idle = |timeline: &Timeline, gap: &Gap| {
        let before = timeline.samples.partition_point(|sample| sample.time_ns <= gap.start_ns).checked_sub(1);
        before.is_some_and(|at| contexts.is_idle(recording, &timeline.samples[at]))
    };
    let gaps_of = |timeline: &Timeline| {
        let paused = timeline.throttled_in(first_ns, last_ns).iter();
        let paused = paused.filter(|gap| !is_traced && !begins_in_idle(timeline, gap));
        let gaps = timeline.lost_in(first_ns, last_ns).iter().chain(paused);
        (gaps.map(|gap| gap.end_ns.saturating_sub(gap.start_ns)).max().unwrap_or(0), timeline.cpu)
    };
    let longest = selection.timelines(recording).map(gaps_of).max_by_key(|&(ns, cpu)| (ns, Reverse(cpu)));
    let (duration_ns, cpu) = longest.filter(|(ns, _)| *ns >= stalls.min_ns.max(1))?;
    Some(Doubt::Gap { cpu, duration_ns })
}

fn is_named_kernel(function: &Function) -> bool {
    function.mode == Mode::Kernel && function.naming == Naming::Named
}

/// From the first sample or event to the last, in the selected time.
fn duration_ns(recording: &Recording, selection: &Selection) -> u64 {
    let (first_ns, last_ns) = selection.time.bounds(recording);
    let mut span: Option<(u64, u64)> = None;
    for timeline in selection.timelines(recording) {
        let samples = &timeline.samples[timeline.between(first_ns, last_ns)];
        let events = timeline.trace.between(first_ns, last_ns);
        let ends = [
            samples.first().map(|sample| sample.time_ns),
            samples.last().map(|sample| sample.time_ns),
            events.first().map(|event| event.time_ns),
            events.last().map(|event| event.time_ns),
        ];
        for ns in ends.into_iter().flatten() {
            let (first, last) = span.unwrap_or((ns, ns));
            span = Some((first.min(ns), last.max(ns)));
        }
    }
    span.map_or(0, |(first, last)| last - first)
}

/// What the stalls of one holder have in common.
#[derive(PartialEq, Eq, Hash)]
struct HolderKey {
    cpu: u32,
    handler: Option<Handler>,
    /// The comm, unless it is a handler: one interrupts tasks of any comm.
    comm: Option<NameId>,
    owner: Option<Owner>,
    system_call: Option<NameId>,
}

/// The culprits, all tasks of one comm in one system call on one CPU together.
fn culprits(recording: &Recording, stalls: &[&Stall]) -> Vec<Holder> {
    let mut positions: FxHashMap<HolderKey, usize> = FxHashMap::default();
    let mut holders: Vec<Holder> = Vec::new();
    for stall in stalls {
        let Some(culprit) = &stall.culprit else { continue };
        let comm = recording.task(culprit.task).comm;
        let traced = culprit.call.map(|call| call.name);
        let (owner, system_call) = match &culprit.path {
            Some(path) if path.owner == Owner::SystemCall => (Some(path.owner), path.system_call.or(traced)),
            Some(path) => (Some(path.owner), None),
            None => (traced.map(|_| Owner::SystemCall), traced),
        };
        let (cpu, handler) = (stall.cpu, culprit.handler);
        let key =
            HolderKey { cpu, handler, comm: Some(comm).filter(|_| handler.is_none()), owner, system_call };
        let position = *positions.entry(key).or_insert_with(|| {
            holders.push(Holder {
                cpu,
                handler,
                comm,
                owner,
                system_call,
                stalls: 0,
                stalled_ns: 0,
                longest_ns: 0,
                function: None,
            });
            holders.len() - 1
        });
        let holder = &mut holders[position];
        holder.stalls += 1;
        if stall.duration_ns() >= holder.longest_ns {
            holder.longest_ns = stall.duration_ns();
            holder.function = culprit.path.as_ref().and_then(Path::function);
        }
        holder.stalled_ns = holder.stalled_ns.saturating_add(stall.duration_ns());
    }
    let name = |holder: &Holder| recording.name(holder.comm);
    holders.sort_by(|a, b| {
        (b.stalled_ns.cmp(&a.stalled_ns)).then(a.cpu.cmp(&b.cpu)).then_with(|| name(a).cmp(name(b)))
    });
    holders
}
