//! The suspect: who held a CPU in a stretch of time, and in which path.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::ops::Range;

use crate::analyses::contexts::{Contexts, PathId};
use crate::analyses::holder::{Holder, Interrupt};
use crate::analyses::shares;
use crate::model::{CgroupId, NameId, Softirq, TaskId, TraceKind};

use super::cpu::Cpu;
use super::findings::{Finding, Findings, Weight};
use super::holes::{self, Standstill};
use super::kind::Kind;

/// Who held the CPU in a stretch.
#[derive(Clone, Debug)]
pub(super) struct Suspect {
    /// The holder; a task is identified by its tid.
    pub holder: Holder<i32>,
    /// The task that had the CPU: the holder itself, or the task that the holder interrupted.
    pub on_cpu: TaskId,
    /// The control group of most of the samples.
    pub cgroup: CgroupId,
    /// The path of its work; `None` if no sample shows it.
    pub path: Option<PathId>,
    /// The functions in which the path's branches meet again.
    pub beyond: Vec<NameId>,
    /// The paths of the samples that hit it, with their numbers.
    pub paths: Vec<(PathId, u64)>,
    /// How many samples hit it.
    pub samples: u64,
    /// Their share of the samples that are not idle; without samples, its share of the time.
    pub share: f64,
}

/// Who held `cpu` in `time`.
///
/// A handler is certain if its begin and end were traced. Otherwise the suspect is the one that
/// most samples hit. Without samples it is the task that had the CPU longest. It is nobody if the
/// machine itself may have stood still, and names are missing that would tell.
pub(super) fn find(cpu: &Cpu, findings: &Findings, time: &Range<u64>) -> Option<Suspect> {
    let hole = holes::main_hole(findings, time);
    // The samples around a hole only show what ran before and after it.
    let time = hole.unwrap_or(time);
    // A sample at the very start of a stretch may show what ran before it: a hole in the samples
    // begins with such a sample.
    let inside = cpu.timeline.between(time.start.saturating_add(1), time.end);
    let Some(handler) = by_handler(cpu, findings, time) else {
        match hole.map(|hole| holes::standstill(cpu, hole)) {
            Some(Standstill::Shown) => return machine(cpu, time),
            Some(Standstill::Possible) => return None,
            Some(Standstill::NotShown) | None => {}
        }
        return match by_samples(cpu, inside) {
            Sampled::Suspect(suspect) => Some(suspect),
            Sampled::UserSpace => None,
            Sampled::Nobody => by_next_sample(cpu, time).or_else(|| by_switches(cpu, time)),
        };
    };
    let sampled = match by_samples(cpu, inside) {
        Sampled::Suspect(suspect) => Some(suspect),
        Sampled::UserSpace | Sampled::Nobody => None,
    };
    // Samples show the handler's path, but not which interrupt it handles.
    let in_samples = match handler.holder {
        Holder::Interrupt(_) => Holder::Interrupt(None),
        holder => holder,
    };
    Some(match sampled.filter(|sampled| sampled.holder == in_samples) {
        Some(sampled) => Suspect { holder: handler.holder, ..sampled },
        None => handler,
    })
}

/// The machine that stood still in `time`, on top of the task that was sampled before.
fn machine(cpu: &Cpu, time: &Range<u64>) -> Option<Suspect> {
    let before = cpu.samples().partition_point(|sample| sample.time_ns < time.end).checked_sub(1)?;
    Some(Suspect {
        holder: Holder::Machine,
        on_cpu: cpu.samples()[before].task,
        cgroup: CgroupId::NONE,
        path: None,
        beyond: Vec::new(),
        paths: Vec::new(),
        samples: 0,
        share: 1.0,
    })
}

/// The handler that ran for most of `time` according to the events at its begin and end.
fn by_handler(cpu: &Cpu, findings: &Findings, time: &Range<u64>) -> Option<Suspect> {
    let overlap_ns =
        |finding: &Finding| finding.time.end.min(time.end).saturating_sub(finding.time.start.max(time.start));
    let handlers = findings.overlapping(time).filter(|finding| finding.weight == Weight::Exact);
    let handlers = handlers.filter_map(|finding| match finding.kind {
        Kind::Handler { softirq } => Some((finding, softirq, overlap_ns(finding))),
        _ => None,
    });
    // Several runs of one handler count together; the longest of them shows on top of which task.
    let mut by_softirq: BTreeMap<Option<Softirq>, (u64, u64, &Finding)> = BTreeMap::new();
    for (finding, softirq, overlap_ns) in handlers {
        let (held_ns, longest_ns, longest) = by_softirq.entry(softirq).or_insert((0, 0, finding));
        *held_ns += overlap_ns;
        if overlap_ns > *longest_ns {
            (*longest_ns, *longest) = (overlap_ns, finding);
        }
    }
    let (softirq, (held_ns, _, finding)) =
        by_softirq.into_iter().max_by_key(|(_, (held_ns, ..))| *held_ns)?;
    if held_ns <= (time.end - time.start) / 2 {
        return None;
    }
    let begin = cpu.timeline.trace.between(finding.time.start, finding.time.start.saturating_add(1));
    let (holder, on_cpu) = begin.iter().find_map(|event| match (event.kind, softirq) {
        (TraceKind::SoftirqEntry(entered), Some(softirq)) if entered == softirq => {
            Some((Holder::Softirq(softirq), event.task))
        }
        (TraceKind::InterruptEntry { irq, name }, None) => {
            Some((Holder::Interrupt(Some(Interrupt { irq, name })), event.task))
        }
        _ => None,
    })?;
    let share = held_ns as f64 / (time.end - time.start) as f64;
    Some(Suspect {
        holder,
        on_cpu,
        cgroup: CgroupId::NONE,
        path: None,
        beyond: Vec::new(),
        paths: Vec::new(),
        samples: 0,
        share,
    })
}

/// The suspect according to samples.
enum Sampled {
    Suspect(Suspect),
    /// Most samples hit code of user space, where interrupts are on and softirqs are served.
    UserSpace,
    /// There is no sample that tells.
    Nobody,
}

/// The suspect that most of the samples with these indices hit.
fn by_samples(cpu: &Cpu, indices: Range<usize>) -> Sampled {
    let (mut busy, mut in_user_space) = (0u32, 0u32);
    let mut by_holder: BTreeMap<Holder<i32>, Vec<(usize, Option<PathId>)>> = BTreeMap::new();
    for at in indices {
        let sample = &cpu.samples()[at];
        if cpu.is_idle(sample) {
            continue;
        }
        busy += 1;
        // What interrupts do on top of the idle task is not told apart without call chains.
        let is_swapper = cpu.recording.task(sample.task).is_swapper();
        if is_swapper && !cpu.shows_callers {
            continue;
        }
        let context = cpu.contexts.get(sample.stack);
        let handler = cpu.contexts.handler(sample.stack);
        if !context.is_nested && context.path.is_none() && cpu.is_in_user_space(sample) {
            in_user_space += 1;
            continue;
        }
        let (holder, path) = match (context.is_nested, handler, context.softirq()) {
            (false, ..) => (Holder::Task(cpu.tid(sample.task)), context.path),
            (true, Some(path), Some(softirq)) => (Holder::Softirq(softirq), Some(path)),
            (true, Some(path), None) => (Holder::Interrupt(None), Some(path)),
            (true, None, _) => continue,
        };
        by_holder.entry(holder).or_default().push((at, path));
    }
    let most = |(holder, samples): &(&Holder<i32>, &Vec<_>)| (samples.len(), Reverse(**holder));
    if 2 * in_user_space > busy {
        return Sampled::UserSpace;
    }
    let Some((&holder, samples)) = by_holder.iter().max_by_key(most) else { return Sampled::Nobody };
    let mut cgroups: BTreeMap<CgroupId, u64> = BTreeMap::new();
    for (at, _) in samples {
        *cgroups.entry(cpu.timeline.details.get(*at).cgroup).or_default() += 1;
    }
    let cgroup = cgroups.into_iter().max_by_key(|(_, count)| *count);
    let (middle, _) = samples[samples.len() / 2];
    let mut paths: BTreeMap<PathId, u64> = BTreeMap::new();
    for path in samples.iter().filter_map(|(_, path)| *path) {
        *paths.entry(path).or_default() += 1;
    }
    let (path, beyond) = dominating(cpu.contexts, paths.clone()).unzip();
    Sampled::Suspect(Suspect {
        holder,
        on_cpu: cpu.samples()[middle].task,
        cgroup: cgroup.map_or(CgroupId::NONE, |(cgroup, _)| cgroup),
        path,
        beyond: beyond.unwrap_or_default(),
        paths: paths.into_iter().collect(),
        samples: samples.len() as u64,
        share: samples.len() as f64 / f64::from(busy),
    })
}

/// The heaviest of paths, followed inward, and the functions in which its branches meet. `counts`
/// has the number of samples of each.
fn dominating(contexts: &Contexts, mut counts: BTreeMap<PathId, u64>) -> Option<(PathId, Vec<NameId>)> {
    let mut starts: BTreeMap<PathId, u64> = BTreeMap::new();
    for (path, count) in &counts {
        if let Some(start) = contexts.start(*path) {
            *starts.entry(start).or_default() += count;
        }
    }
    let (&start, &total) = starts.iter().max_by_key(|(start, count)| (**count, Reverse(**start)))?;
    counts.retain(|path, _| contexts.start(*path) == Some(start));
    let weights = || counts.iter().map(|(path, count)| (*path, *count));
    let path = shares::follow(contexts, start, weights(), total);
    Some((path, shares::beyond(contexts, path, weights())))
}

/// The suspect that the first sample after `time` hit.
///
/// If interrupts were off, that sample is taken as soon as they are on again: in the path that
/// turned them off, or in an interrupt or softirq that had to wait.
fn by_next_sample(cpu: &Cpu, time: &Range<u64>) -> Option<Suspect> {
    let next = cpu.timeline.between(time.end, time.end.saturating_add(cpu.interval_ns)).next()?;
    let sample = &cpu.samples()[next];
    let tid = cpu.tid(sample.task);
    let longest = by_switches(cpu, time).and_then(|suspect| suspect.holder.task());
    if longest.is_some_and(|longest| longest != tid) {
        return None;
    }
    let path = cpu.contexts.get(sample.stack).path?;
    Some(Suspect {
        holder: Holder::Task(tid),
        on_cpu: sample.task,
        cgroup: cpu.timeline.details.get(next).cgroup,
        path: Some(path),
        beyond: Vec::new(),
        paths: vec![(path, 1)],
        samples: 1,
        share: 1.0,
    })
}

/// The task that had the CPU longest in `time` according to switches; without switches, the task of
/// the events in `time`.
fn by_switches(cpu: &Cpu, time: &Range<u64>) -> Option<Suspect> {
    let of_events = || {
        let events = cpu.timeline.trace.between(time.start, time.end).iter();
        let tasks = events.map(|event| event.task).filter(|task| !cpu.recording.task(*task).is_swapper());
        tasks.min().map(|task| (task, 0))
    };
    let (task, ns) = cpu.holders.longest(cpu.recording, time).or_else(of_events)?;
    Some(Suspect {
        holder: Holder::Task(cpu.tid(task)),
        on_cpu: task,
        cgroup: CgroupId::NONE,
        path: None,
        beyond: Vec::new(),
        paths: Vec::new(),
        samples: 0,
        share: ns as f64 / (time.end - time.start).max(1) as f64,
    })
}
