//! The culprit: who held the CPU in a stretch, in which path, and from when until when the stall lasted by what it did.

use std::collections::BTreeMap;
use std::ops::Range;

use crate::analyses::calls::Calls;
use crate::analyses::contexts::{Contexts, Owner, PathId};
use crate::analyses::paths::Path;
use crate::analyses::shares::{FOLLOW, follow};
use crate::model::{CgroupId, TaskId};

use super::cpu::{Cpu, JOIN_NS};
use super::result::{Culprit, Handler, TracedCall};
use super::seen::Weight;

/// A system call that began so long before its stall, or returned so long after it, is no measure of the stall, in ns.
const RETURN_NS: u64 = 10_000_000;

/// A stretch in which the CPU was held, and by whom.
#[derive(Clone, Debug)]
pub(super) struct Held {
    pub time: Range<u64>,
    pub weight: Weight,
    /// Whether it is long enough to be a stall alone.
    pub is_long: bool,
    pub suspect: Option<Suspect>,
}

/// Who held the CPU in a stretch.
#[derive(Clone, Debug)]
pub(super) struct Suspect {
    what: What,
    task: TaskId,
    cgroup: CgroupId,
    path: Option<PathId>,
    samples: u64,
    share: f64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum What {
    Thread(i32),
    Handler(Handler),
}

impl Suspect {
    /// What it is, if no thread.
    fn handler(&self) -> Option<Handler> {
        match self.what {
            What::Thread(_) => None,
            What::Handler(handler) => Some(handler),
        }
    }

    /// The thread, if it is one and no handler.
    pub fn thread(&self) -> Option<i32> {
        match self.what {
            What::Thread(tid) => Some(tid),
            What::Handler(_) => None,
        }
    }
}

/// Who held `cpu` in `time`: whom most samples saw; without samples, who had the CPU longest.
pub(super) fn suspect(cpu: &Cpu, time: &Range<u64>) -> Option<Suspect> {
    // The sample before a stretch without any is of what ran before.
    let inside = cpu.timeline.between(time.start.saturating_add(1), time.end);
    by_samples(cpu, inside).or_else(|| by_next_sample(cpu, time)).or_else(|| by_switches(cpu, time))
}

/// Where interrupts were off, the first sample is taken when they are on again: in the very path that turned them off, or in an
/// interrupt or softirq that had to wait for that.
fn by_next_sample(cpu: &Cpu, time: &Range<u64>) -> Option<Suspect> {
    let next = cpu.timeline.between(time.end, time.end.saturating_add(cpu.interval_ns)).next()?;
    let sample = &cpu.samples()[next];
    let tid = cpu.tid(sample.task);
    let longest = by_switches(cpu, time).and_then(|suspect| suspect.thread());
    let path = cpu.contexts.of(sample.stack).path.filter(|_| longest.is_none_or(|holder| holder == tid))?;
    Some(Suspect {
        what: What::Thread(tid),
        task: sample.task,
        cgroup: cpu.timeline.details.get(next).cgroup,
        path: Some(path),
        samples: 1,
        share: 1.0,
    })
}

fn by_samples(cpu: &Cpu, indices: Range<usize>) -> Option<Suspect> {
    let mut busy = 0;
    let mut by_what: BTreeMap<What, Vec<(usize, Option<PathId>)>> = BTreeMap::new();
    for at in indices {
        let sample = &cpu.samples()[at];
        if cpu.is_idle(sample) {
            continue;
        }
        busy += 1;
        let context = cpu.contexts.of(sample.stack);
        let (what, path) = match (context.is_nested, cpu.contexts.handler(sample.stack), context.softirq()) {
            (false, ..) => (What::Thread(cpu.tid(sample.task)), context.path),
            (true, Some(handler), Some(softirq)) => (What::Handler(Handler::Softirq(softirq)), Some(handler)),
            (true, Some(handler), None) => (What::Handler(Handler::Interrupt), Some(handler)),
            (true, None, _) => continue,
        };
        by_what.entry(what).or_default().push((at, path));
    }
    let (&what, its) = by_what.iter().max_by_key(|(what, its)| (its.len(), std::cmp::Reverse(**what)))?;
    let task = cpu.samples()[its[its.len() / 2].0].task;
    let mut cgroups: BTreeMap<CgroupId, u64> = BTreeMap::new();
    for (at, _) in its {
        *cgroups.entry(cpu.timeline.details.get(*at).cgroup).or_default() += 1;
    }
    Some(Suspect {
        what,
        task,
        cgroup: cgroups
            .into_iter()
            .max_by_key(|(_, count)| *count)
            .map_or(CgroupId::NONE, |(cgroup, _)| cgroup),
        path: dominating(cpu.contexts, its.iter().filter_map(|(_, path)| *path)),
        samples: its.len() as u64,
        share: its.len() as f64 / f64::from(busy),
    })
}

/// The heaviest of some paths, followed inward.
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
    let (&start, &all) = starts.iter().max_by_key(|(start, count)| (**count, std::cmp::Reverse(**start)))?;
    let its = counts.into_iter().filter(|(path, _)| contexts.start(*path) == Some(start));
    Some(follow(contexts, start, its, FOLLOW, all))
}

fn by_switches(cpu: &Cpu, time: &Range<u64>) -> Option<Suspect> {
    let mut held: BTreeMap<TaskId, u64> = BTreeMap::new();
    for (task, ns) in cpu.holders(time) {
        *held.entry(task).or_default() += ns;
    }
    held.retain(|task, _| !cpu.recording.task(*task).is_swapper());
    if held.is_empty() {
        for event in cpu.timeline.trace.between(time.start, time.end) {
            if !cpu.recording.task(event.task).is_swapper() {
                held.insert(event.task, 0);
            }
        }
    }
    let (&task, &ns) = held.iter().max_by_key(|(task, ns)| (**ns, std::cmp::Reverse(**task)))?;
    Some(Suspect {
        what: What::Thread(cpu.tid(task)),
        task,
        cgroup: CgroupId::NONE,
        path: None,
        samples: 0,
        share: ns as f64 / (time.end - time.start).max(1) as f64,
    })
}

/// The suspect as the result has it.
pub(super) fn culprit(cpu: &Cpu, suspect: &Suspect, time: &Range<u64>, calls: &Calls) -> Culprit {
    let middle = time.start + (time.end - time.start) / 2;
    let call = suspect.thread().and_then(|tid| {
        let call = calls.at(tid, time.start).or_else(|| calls.at(tid, middle))?;
        Some(TracedCall {
            number: call.number,
            name: call.name,
            arguments: call.arguments(cpu.recording),
            enter_ns: call.enter_ns(),
            exit_ns: call.exit_ns(),
        })
    });
    Culprit {
        handler: suspect.handler(),
        task: suspect.task,
        // A handler has none, and the interrupted task's would blame it.
        cgroup: if suspect.handler().is_some() { CgroupId::NONE } else { suspect.cgroup },
        path: suspect.path.map(|path| Path::new(cpu.contexts, path)),
        call,
        samples: suspect.samples,
        share: suspect.share,
    }
}

/// From when until when a stall lasted: from its culprit's entry into the kernel to its return to user space, where these are
/// known and near; else as the witnesses say.
pub(super) fn extent(cpu: &Cpu, held: &Held, calls: &Calls) -> Range<u64> {
    let Range { mut start, mut end } = held.time;
    let Some(suspect) = &held.suspect else { return start..end };
    let Some(tid) = suspect.thread() else { return start..end };
    let is_system_call = suspect.path.is_none_or(|path| cpu.contexts.owner(path) == Owner::SystemCall);
    if !is_system_call {
        return start..end;
    }
    let entered = calls.at(tid, start).and_then(|call| call.enter_ns());
    start = entered.filter(|&enter| start - enter <= RETURN_NS).unwrap_or(start);
    let back =
        calls.at(tid, end).or_else(|| calls.at(tid, end.saturating_sub(1))).and_then(|call| call.back_ns);
    let back = back.or_else(|| seen_back(cpu, tid, suspect.path, end));
    end = back.filter(|&back| back >= end && back - end <= RETURN_NS).unwrap_or(end);
    start..end
}

/// When the thread was back in user space after `end`, as samples tell: others had the CPU before it got there.
fn seen_back(cpu: &Cpu, tid: i32, path: Option<PathId>, end: u64) -> Option<u64> {
    path?;
    let after = cpu.timeline.between(end, end.saturating_add(JOIN_NS));
    let mut previous = end;
    for sample in &cpu.samples()[after] {
        let context = cpu.contexts.of(sample.stack);
        if cpu.is_idle(sample) {
            return None;
        }
        if cpu.tid(sample.task) == tid && context.path.is_none() {
            return Some(previous + (sample.time_ns - previous) / 2);
        }
        previous = sample.time_ns;
    }
    None
}
