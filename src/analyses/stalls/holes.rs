//! Witness from missing samples. If a clock takes no samples for a long time although the CPU was
//! busy, interrupts were off or the whole machine stood still.

use std::ops::Range;

use rustc_hash::FxHashMap;

use crate::analyses::contexts::{Owner, PathId, Serving};
use crate::analyses::shares::DOMINATE;
use crate::analyses::statistics::poisson_survival;
use crate::model::{FrameKind, NameId, Sample, TaskId, TraceKind};

use super::cpu::Cpu;
use super::findings::{Finding, Findings, Weight};
use super::kind::Kind;

/// The shortest hole, in sampling intervals.
const INTERVALS: u64 = 4;
/// Up to this probability that so many holes end in one path by chance, they are strong.
const STRONG: f64 = 1e-3;

/// The holes in `cpu`'s samples.
///
/// Holes that end in one path again and again are strong: interrupts were off in that path, and the
/// sample was taken as soon as they were on again. A machine that stands still stops in any code.
pub(super) fn find(cpu: &Cpu) -> Vec<Finding> {
    let holes: Vec<Hole> = candidates(cpu).collect();
    let mut ends: FxHashMap<Key, u64> = FxHashMap::default();
    for key in holes.iter().filter_map(|hole| hole.key) {
        *ends.entry(key).or_default() += 1;
    }
    // How many samples hit each of these paths.
    let mut samples: FxHashMap<Key, u64> = FxHashMap::default();
    for key in cpu.samples().iter().filter_map(|sample| key(cpu, sample)).filter(|key| ends.contains_key(key))
    {
        *samples.entry(key).or_default() += 1;
    }
    let paths = ends.len() as f64;
    let is_strong = |key: Key| {
        let (ends, hits) = (ends[&key], samples.get(&key).copied().unwrap_or_default());
        let share = (hits.saturating_sub(ends) + 1) as f64 / cpu.samples().len() as f64;
        let chance = poisson_survival(ends, holes.len() as f64 * share);
        ends >= 2 && chance * paths <= STRONG
    };
    let finding = |hole: &Hole| {
        let weight = if hole.key.is_some_and(is_strong) { Weight::Strong } else { Weight::Weak };
        let is_finding = hole.is_busy || weight == Weight::Strong;
        is_finding.then(|| Finding { kind: Kind::SampleHole, time: hole.time.clone(), weight })
    };
    holes.iter().filter_map(finding).collect()
}

/// A time without records.
struct Hole {
    time: Range<u64>,
    /// The path in which interrupts were turned on again at its end.
    key: Option<Key>,
    /// Whether the CPU is known to have been busy.
    is_busy: bool,
}

/// A path of the kernel in which holes end: the comm, but for kernel threads, and where it starts.
type Key = (Option<NameId>, PathId);

/// The path that `sample` was taken in or on top of. Without call chains all kernel code of a comm
/// is one path: a hole that ends in it is no evidence. Nor is one that ends where a virtual machine
/// was left to its host, which may have run another one.
fn key(cpu: &Cpu, sample: &Sample) -> Option<Key> {
    let leaf = cpu.recording.functions_leaf_first(sample.stack).next()?;
    if cpu.recording.function(leaf).kind == FrameKind::HostCall {
        return None;
    }
    let start = cpu.contexts.start(cpu.contexts.get(sample.stack).path?)?;
    let owner = cpu.contexts.owner(start);
    if owner == Owner::Unknown {
        return None;
    }
    let is_worker = owner == Owner::KernelThread;
    Some(((!is_worker).then(|| cpu.recording.task(sample.task).comm), start))
}

/// The times without records that are long enough.
fn candidates(cpu: &Cpu) -> impl Iterator<Item = Hole> {
    let least_ns = cpu.options.min_ns.max(cpu.interval_ns.saturating_mul(INTERVALS));
    cpu.samples().windows(2).filter_map(move |pair| {
        let between = pair[0].time_ns..pair[1].time_ns;
        if between.end - between.start < least_ns || cpu.is_idle(&pair[0]) && cpu.is_idle(&pair[1]) {
            return None;
        }
        let time = longest_silence(cpu, &between);
        if time.end - time.start < least_ns || cpu.is_lossy_in(&time) {
            return None;
        }
        let is_busy = cpu.is_busy_between(&time);
        // A CPU that may have been idle wakes in the idle loop. An interrupt on top of a path comes
        // when that path turns interrupts on.
        let is_end_of_path = is_busy || cpu.contexts.get(pair[1].stack).is_nested;
        let key = key(cpu, &pair[1]).filter(|_| is_end_of_path);
        Some(Hole { time, key, is_busy })
    })
}

/// The longest part of `time` in which there is no record at all.
fn longest_silence(cpu: &Cpu, time: &Range<u64>) -> Range<u64> {
    let events = cpu.timeline.trace.between(time.start, time.end).iter().map(|event| event.time_ns);
    let (mut longest, mut start) = (time.start..time.start, time.start);
    for at in events.chain([time.end]) {
        if at - start > longest.end - longest.start {
            longest = start..at;
        }
        start = at;
    }
    longest
}

/// The hole that covers at least half of `time`, if there is one.
pub(super) fn main_hole<'f>(findings: &'f Findings, time: &Range<u64>) -> Option<&'f Range<u64>> {
    let length = |time: &Range<u64>| time.end - time.start;
    let is_main = |finding: &&Finding| {
        finding.kind == Kind::SampleHole && DOMINATE.is_held(length(&finding.time), length(time))
    };
    findings.overlapping(time).find(is_main).map(|hole| &hole.time)
}

/// Whether the machine itself stood still in a hole.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Standstill {
    Shown,
    /// As far as can be told without names of kernel functions.
    Possible,
    NotShown,
}

/// Whether the machine itself stood still in the hole `time`: code of user space, where interrupts
/// are on, ran before and after it, or all CPUs that were busy were silent together.
pub(super) fn standstill(cpu: &Cpu, time: &Range<u64>) -> Standstill {
    let next = cpu.samples().partition_point(|sample| sample.time_ns < time.end);
    let Some(before) = next.checked_sub(1) else { return Standstill::NotShown };
    let is_user = |at: usize| cpu.samples().get(at).is_some_and(|sample| is_user_code(cpu, sample));
    let tid = cpu.tid(task_from(cpu, time.start).unwrap_or(cpu.samples()[before].task));
    let is_between_calls = |time_ns: u64| cpu.threads().calls.is_between(tid, time_ns);
    if is_user(before) && is_user(next)
        || is_between_calls(time.start + 1) && is_between_calls(time.end.saturating_sub(1))
        || cpu.silence.is_of_all_others(cpu.timeline, time)
    {
        return Standstill::Shown;
    }
    // Without names an interrupt of user space and a system call look alike, unless the call was
    // traced.
    let may_be_user = |at: usize| {
        let is_own = cpu.samples().get(at).is_some_and(|sample| cpu.tid(sample.task) == tid);
        is_own && cpu.threads().calls.at(tid, time.end.saturating_sub(1)).is_none()
    };
    match !cpu.has_kernel_names && is_user(before) && may_be_user(next) {
        true => Standstill::Possible,
        false => Standstill::NotShown,
    }
}

/// Whether `sample` was taken in user space, or in an interrupt of it before any softirq's action
/// began: softirqs turn interrupts on first.
fn is_user_code(cpu: &Cpu, sample: &Sample) -> bool {
    let context = cpu.contexts.get(sample.stack);
    let is_between_handlers =
        context.serving == Serving::Unknown && cpu.contexts.handler(sample.stack).is_none();
    context.path.is_none()
        && (cpu.is_in_user_space(sample)
            || is_between_handlers && !cpu.recording.task(sample.task).is_swapper())
}

/// The task that had the CPU from `time_ns` on, by the event of that time.
fn task_from(cpu: &Cpu, time_ns: u64) -> Option<TaskId> {
    let event = cpu.timeline.trace.between(time_ns, time_ns.saturating_add(1)).last()?;
    Some(match event.kind {
        TraceKind::Switch { next, .. } => next,
        _ => event.task,
    })
}
