//! The suspect: who held a CPU in a stretch of time, and in which path.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::ops::Range;

use crate::analyses::contexts::{Contexts, PathId};
use crate::analyses::shares::{FOLLOW, follow};
use crate::model::{CgroupId, TaskId};

use super::cpu::Cpu;
use super::result::Handler;

/// Who held the CPU in a stretch.
#[derive(Clone, Debug)]
pub(super) struct Suspect {
    identity: Identity,
    /// The task; of a handler, the one that it interrupted.
    pub task: TaskId,
    /// The control group of most of the samples.
    pub cgroup: CgroupId,
    /// What it did, where samples tell.
    pub path: Option<PathId>,
    /// How many samples saw it.
    pub samples: u64,
    /// Their share of the samples that are not idle; without samples, its share of the time.
    pub share: f64,
}

/// What tells one suspect from another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Identity {
    /// The thread with this tid.
    Thread(i32),
    Handler(Handler),
}

impl Suspect {
    /// The handler, if it is one and no thread.
    pub fn handler(&self) -> Option<Handler> {
        match self.identity {
            Identity::Thread(_) => None,
            Identity::Handler(handler) => Some(handler),
        }
    }

    /// The thread's tid, if it is a thread and no handler.
    pub fn thread(&self) -> Option<i32> {
        match self.identity {
            Identity::Thread(tid) => Some(tid),
            Identity::Handler(_) => None,
        }
    }
}

/// Who held `cpu` in `time`: whom most samples saw; without samples, who had the CPU longest.
pub(super) fn find(cpu: &Cpu, time: &Range<u64>) -> Option<Suspect> {
    // A hole begins with the sample before it, which saw what ran before.
    let inside = cpu.timeline.between(time.start.saturating_add(1), time.end);
    by_samples(cpu, inside).or_else(|| by_next_sample(cpu, time)).or_else(|| by_switches(cpu, time))
}

/// The suspect that most of the samples with these indices saw.
fn by_samples(cpu: &Cpu, indices: Range<usize>) -> Option<Suspect> {
    let mut busy = 0u32;
    let mut by_identity: BTreeMap<Identity, Vec<(usize, Option<PathId>)>> = BTreeMap::new();
    for at in indices {
        let sample = &cpu.samples()[at];
        if cpu.is_idle(sample) {
            continue;
        }
        busy += 1;
        let context = cpu.contexts.of(sample.stack);
        let handler = cpu.contexts.handler(sample.stack);
        let (identity, path) = match (context.is_nested, handler, context.softirq()) {
            (false, ..) => (Identity::Thread(cpu.tid(sample.task)), context.path),
            (true, Some(path), Some(softirq)) => (Identity::Handler(Handler::Softirq(softirq)), Some(path)),
            (true, Some(path), None) => (Identity::Handler(Handler::Interrupt), Some(path)),
            (true, None, _) => continue,
        };
        by_identity.entry(identity).or_default().push((at, path));
    }
    let most = |(identity, samples): &(&Identity, &Vec<_>)| (samples.len(), Reverse(**identity));
    let (&identity, samples) = by_identity.iter().max_by_key(most)?;
    let mut cgroups: BTreeMap<CgroupId, u64> = BTreeMap::new();
    for (at, _) in samples {
        *cgroups.entry(cpu.timeline.details.get(*at).cgroup).or_default() += 1;
    }
    let cgroup = cgroups.into_iter().max_by_key(|(_, count)| *count);
    let (middle, _) = samples[samples.len() / 2];
    Some(Suspect {
        identity,
        task: cpu.samples()[middle].task,
        cgroup: cgroup.map_or(CgroupId::NONE, |(cgroup, _)| cgroup),
        path: dominating(cpu.contexts, samples.iter().filter_map(|(_, path)| *path)),
        samples: samples.len() as u64,
        share: samples.len() as f64 / f64::from(busy),
    })
}

/// The heaviest of `paths`, followed inward.
fn dominating(contexts: &Contexts, paths: impl Iterator<Item = PathId>) -> Option<PathId> {
    let mut counts: BTreeMap<PathId, u64> = BTreeMap::new();
    for path in paths {
        *counts.entry(path).or_default() += 1;
    }
    let mut starts: BTreeMap<PathId, u64> = BTreeMap::new();
    for (path, count) in &counts {
        if let Some(start) = contexts.start(*path) {
            *starts.entry(start).or_default() += count;
        }
    }
    let (&start, &total) = starts.iter().max_by_key(|(start, count)| (**count, Reverse(**start)))?;
    let through_start = counts.into_iter().filter(|(path, _)| contexts.start(*path) == Some(start));
    Some(follow(contexts, start, through_start, FOLLOW, total))
}

/// The suspect that the first sample after `time` saw.
///
/// Where interrupts were off, that sample is taken as soon as they are on again: in the very path
/// that turned them off, or in an interrupt or softirq that had to wait for that.
fn by_next_sample(cpu: &Cpu, time: &Range<u64>) -> Option<Suspect> {
    let next = cpu.timeline.between(time.end, time.end.saturating_add(cpu.interval_ns)).next()?;
    let sample = &cpu.samples()[next];
    let tid = cpu.tid(sample.task);
    let longest = by_switches(cpu, time).and_then(|suspect| suspect.thread());
    if longest.is_some_and(|longest| longest != tid) {
        return None;
    }
    Some(Suspect {
        identity: Identity::Thread(tid),
        task: sample.task,
        cgroup: cpu.timeline.details.get(next).cgroup,
        path: Some(cpu.contexts.of(sample.stack).path?),
        samples: 1,
        share: 1.0,
    })
}

/// The task that had the CPU longest in `time`, as switches tell; without switches, that of the
/// events in it.
fn by_switches(cpu: &Cpu, time: &Range<u64>) -> Option<Suspect> {
    let mut held_ns: BTreeMap<TaskId, u64> = BTreeMap::new();
    for (task, ns) in cpu.holders(time) {
        *held_ns.entry(task).or_default() += ns;
    }
    held_ns.retain(|task, _| !cpu.recording.task(*task).is_swapper());
    if held_ns.is_empty() {
        for event in cpu.timeline.trace.between(time.start, time.end) {
            if !cpu.recording.task(event.task).is_swapper() {
                held_ns.insert(event.task, 0);
            }
        }
    }
    let (&task, &ns) = held_ns.iter().max_by_key(|(task, ns)| (**ns, Reverse(**task)))?;
    Some(Suspect {
        identity: Identity::Thread(cpu.tid(task)),
        task,
        cgroup: CgroupId::NONE,
        path: None,
        samples: 0,
        share: ns as f64 / (time.end - time.start).max(1) as f64,
    })
}
