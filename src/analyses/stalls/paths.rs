//! Witness from samples alone: stretches in which one task stayed in one path of the kernel, or one softirq's action went on, and
//! no sample saw another softirq being served, on a CPU where samples often do.

use std::collections::BTreeMap;
use std::ops::Range;

use rustc_hash::FxHashMap;

use crate::model::{Mode, NameId, Sample, Softirq};

use super::super::contexts::{Owner, PathId};
use super::super::shares::{DOMINATE, FOLLOW};
use super::cpu::Cpu;
use super::verdict::{Held, JOIN_NS, Seen, Weight, overlap};
use super::{Kind, culprit};

/// Who holds the CPU in a stretch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Holder {
    /// A thread, in a path that starts so.
    Task { tid: i32, comm: NameId, start: PathId },
    /// A softirq's action.
    Softirq(Softirq),
}

/// Samples in a row that saw one holder, and no softirq being served in between.
#[derive(Clone, Debug)]
pub(super) struct Run {
    pub holder: Holder,
    /// Indices of the first and last sample.
    pub first: usize,
    pub last: usize,
    /// How many of the samples from the first to the last saw it: others were in interrupts.
    pub samples: u64,
    /// From when until when it lasted, as far as samples tell.
    pub time: Range<u64>,
    /// Whether it ended because a softirq was served.
    pub is_ended_by_softirq: bool,
}

/// How far to both sides of a run samples tell how often softirqs are served, in ns.
const NEIGHBOURHOOD_NS: u64 = 1_000_000_000;
/// Fewer samples than this tell nothing of how often.
const ENOUGH: u64 = 50;
/// A visit to a path goes on if it is seen again within so many samples of the softirq that interrupted it.
const INTERRUPTION: usize = 4;
/// A chance below this, corrected for the number of runs, makes a strong witness.
const STRONG: f64 = 1e-3;
/// A chance above this makes none.
const WEAK: f64 = 0.05;

/// The runs of `cpu`'s samples.
pub(super) fn runs(cpu: &Cpu) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    let mut open: Option<Run> = None;
    for (at, sample) in cpu.samples().iter().enumerate() {
        let saw = saw(cpu, sample, open.as_ref().map(|run| run.holder));
        let is_broken = open.as_ref().is_some_and(|run| is_broken(cpu, run, at));
        match (&mut open, saw) {
            (Some(run), Saw::Holder(holder)) if holder == run.holder && !is_broken => {
                run.last = at;
                run.samples += 1;
            }
            (Some(_), Saw::Interrupt) if !is_broken => {}
            (_, saw) => {
                if let Some(mut run) = open.take() {
                    let previous = cpu.samples()[run.last].time_ns..sample.time_ns;
                    run.is_ended_by_softirq = matches!(saw, Saw::Softirq) || cpu.has_entry_in(&previous);
                    runs.push(run);
                }
                open = match saw {
                    Saw::Holder(holder) => Some(Run {
                        holder,
                        first: at,
                        last: at,
                        samples: 1,
                        time: 0..0,
                        is_ended_by_softirq: false,
                    }),
                    _ => None,
                };
            }
        }
    }
    runs.extend(open);
    for run in &mut runs {
        run.time = extent(cpu, run.first, run.last);
    }
    runs
}

/// What a sample says to the run that is going on.
enum Saw {
    /// Somebody in a path of the kernel, or in a softirq's action.
    Holder(Holder),
    /// An interrupt in its place, or a place without a context: the run may go on.
    Interrupt,
    /// A softirq was served.
    Softirq,
    /// User space, idle, anything else.
    Other,
}

fn saw(cpu: &Cpu, sample: &Sample, running: Option<Holder>) -> Saw {
    let context = cpu.contexts.of(sample.stack);
    let task = cpu.recording.task(sample.task);
    if cpu.is_idle(sample) {
        return Saw::Other;
    }
    if context.is_nested {
        return match (context.serves_softirqs, context.softirq, running) {
            (false, ..) => Saw::Interrupt,
            // What keeps the others waiting. Packets received are what the others wait for.
            (true, Some(softirq), _) if softirq != Softirq::NetRx => match running {
                Some(Holder::Task { .. }) => Saw::Softirq,
                _ => Saw::Holder(Holder::Softirq(softirq)),
            },
            (true, None, Some(Holder::Softirq(_))) => Saw::Interrupt,
            (true, ..) => Saw::Softirq,
        };
    }
    if let Some(start) = context.path.and_then(|path| cpu.contexts.start(path)) {
        return Saw::Holder(Holder::Task { tid: task.tid, comm: task.comm, start });
    }
    // Code of the kernel below which nothing is known: a function that keeps no frame pointer.
    let is_same_thread = matches!(running, Some(Holder::Task { tid, .. }) if tid == task.tid);
    if is_same_thread && leaf_mode(cpu, sample) == Some(Mode::Kernel) { Saw::Interrupt } else { Saw::Other }
}

fn leaf_mode(cpu: &Cpu, sample: &Sample) -> Option<Mode> {
    let leaf = cpu.recording.functions_leaf_first(sample.stack).next()?;
    Some(cpu.recording.function(leaf).mode)
}

/// Whether something happened between the run's last sample and the one at `at` that no sample saw.
fn is_broken(cpu: &Cpu, run: &Run, at: usize) -> bool {
    let between = cpu.samples()[at - 1].time_ns..cpu.samples()[at].time_ns;
    let is_hole = between.end - between.start > cpu.interval_ns.saturating_mul(3);
    let leaves = match run.holder {
        Holder::Task { tid, .. } => cpu.leaves_in(tid, &between) || cpu.has_entry_in(&between),
        Holder::Softirq(_) => cpu.has_entry_in(&between),
    };
    // The CPU may have been idle, and the run have ended long ago.
    leaves || is_hole && !cpu.is_busy_between(&between) || cpu.is_lost_in(&between)
}

/// From when until when what two samples and all between them saw lasted: half way to the samples around them, and at most half
/// an interval further.
fn extent(cpu: &Cpu, first: usize, last: usize) -> Range<u64> {
    let time = |at: usize| cpu.samples()[at].time_ns;
    let half = |distance: u64| distance.min(cpu.interval_ns) / 2;
    let before = first.checked_sub(1).map_or(0, |before| half(time(first) - time(before)));
    let after = cpu.samples().get(last + 1).map_or(0, |after| half(after.time_ns - time(last)));
    time(first) - before..time(last) + after
}

/// The runs that are too long without a softirq to be chance.
pub(super) fn find(cpu: &Cpu, runs: &[Run]) -> Vec<Seen> {
    let rates = Rates::new(cpu, runs);
    let visits = visits(runs);
    let whole: Vec<&Run> = visits.iter().filter_map(|visit| visit.whole).collect();
    let long: Vec<&Run> = whole.into_iter().filter(|run| is_long(cpu, run)).collect();
    let groups = groups(cpu, &long);
    let mut seen = Vec::new();
    for group in &groups {
        let chance = rates.chance(group, &long, runs, &visits) * groups.len() as f64;
        let p_value = chance.min(1.0);
        if p_value > WEAK {
            continue;
        }
        seen.extend(group.runs.iter().map(|&at| long[at]).map(|run| Seen {
            kind: match run.holder {
                Holder::Task { .. } => Kind::KernelPath { samples: run.samples, p_value },
                Holder::Softirq(softirq) => Kind::Handler { softirq: Some(softirq) },
            },
            time: run.time.clone(),
            weight: if p_value <= STRONG { Weight::Strong } else { Weight::Weak },
        }));
    }
    seen
}

/// The time from when somebody enters a path until he leaves it: one run, or several between which softirqs were served.
struct Visit<'p> {
    holder: Holder,
    /// Index of the first sample.
    first: usize,
    samples: u64,
    /// The run that is nearly all of it. Where there is none, softirqs interrupt the path, so it is slow and holds up nobody.
    whole: Option<&'p Run>,
}

fn visits(runs: &[Run]) -> Vec<Visit<'_>> {
    let mut visits = Vec::new();
    let mut rest = runs;
    while let Some(first) = rest.first() {
        let goes_on = |pair: &[Run]| {
            pair[0].holder == pair[1].holder
                && pair[0].is_ended_by_softirq
                && pair[1].first - pair[0].last <= INTERRUPTION
        };
        let count = 1 + rest.windows(2).take_while(|pair| goes_on(pair)).count();
        let (its, others) = rest.split_at(count);
        let samples = its.iter().map(|run| run.samples).sum();
        let whole = its.iter().find(|run| FOLLOW.is_held(run.samples, samples));
        visits.push(Visit { holder: first.holder, first: first.first, samples, whole });
        rest = others;
    }
    visits
}

/// `stretches`, and between them the runs that are too short to be stalls: beside a stall of the same thread they are part of it.
pub(super) fn with_short_runs(cpu: &Cpu, runs: &[Run], stretches: Vec<Held>) -> Vec<Held> {
    let is_short = |run: &&Run| {
        matches!(run.holder, Holder::Task { .. })
            && run.time.end - run.time.start >= cpu.least_ns()
            && run.samples >= 2
            && !stretches.iter().any(|held| overlap(&held.time, &run.time))
    };
    let near = |run: &&Run| {
        let near = run.time.start.saturating_sub(JOIN_NS)..run.time.end.saturating_add(JOIN_NS);
        stretches.iter().any(|held| overlap(&held.time, &near))
    };
    let short = runs.iter().filter(is_short).filter(near).map(|run| Held {
        time: run.time.clone(),
        weight: Weight::Weak,
        is_long: false,
        suspect: culprit::suspect(cpu, &run.time),
    });
    let short: Vec<Held> = short.collect();
    let mut all = stretches;
    all.extend(short);
    all.sort_by_key(|held| held.time.start);
    all
}

fn is_long(cpu: &Cpu, run: &Run) -> bool {
    run.time.end - run.time.start >= cpu.options.min_ns && run.samples >= 2
}

/// Long runs of one kind.
struct Group {
    whose: Whose,
    /// Their places among the long runs.
    runs: Vec<usize>,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Whose {
    /// Tasks of this comm, in this path; kernel threads of any comm: workers take turns.
    Tasks(Option<NameId>, PathId),
    /// A softirq's action.
    Softirq(Softirq),
}

/// Groups the long runs: those of tasks by comm and start, and further inward as far as each of a group's runs spends most of its
/// time in one callee. One system call of one program may take two ways, of which one is guilty.
fn groups(cpu: &Cpu, long: &[&Run]) -> Vec<Group> {
    let mut by_start: BTreeMap<Whose, Vec<usize>> = BTreeMap::new();
    for (at, run) in long.iter().enumerate() {
        let whose = match run.holder {
            Holder::Task { comm, start, .. } => {
                Whose::Tasks(Some(comm).filter(|_| has_name(cpu, start)), start)
            }
            Holder::Softirq(softirq) => Whose::Softirq(softirq),
        };
        by_start.entry(whose).or_default().push(at);
    }
    let weights: Vec<FxHashMap<PathId, u64>> = long.iter().map(|run| weights(cpu, run)).collect();
    let mut groups = Vec::new();
    let mut open: Vec<Group> = by_start.into_iter().map(|(whose, runs)| Group { whose, runs }).collect();
    while let Some(group) = open.pop() {
        let Whose::Tasks(comm, outer) = group.whose else {
            groups.push(group);
            continue;
        };
        let mut by_callee: BTreeMap<Option<PathId>, Vec<usize>> = BTreeMap::new();
        for &at in &group.runs {
            let is_most = |(path, weight): &(&PathId, &u64)| {
                cpu.contexts.parent(**path) == Some(outer) && DOMINATE.is_held(**weight, long[at].samples)
            };
            let callee = weights[at].iter().filter(is_most).map(|(path, weight)| (weight, path)).max();
            by_callee.entry(callee.map(|(_, path)| *path)).or_default().push(at);
        }
        if by_callee.contains_key(&None) {
            groups.push(group);
        } else {
            let inner = by_callee.into_iter().filter_map(|(path, runs)| Some((path?, runs)));
            open.extend(inner.map(|(path, runs)| Group { whose: Whose::Tasks(comm, path), runs }));
        }
    }
    groups
}

/// Whether a path is of tasks that are told apart by their comms.
fn has_name(cpu: &Cpu, path: PathId) -> bool {
    cpu.contexts.owner(path) != Owner::KernelThread
}

/// How many of a run's samples go through each path.
fn weights(cpu: &Cpu, run: &Run) -> FxHashMap<PathId, u64> {
    let mut weights = FxHashMap::default();
    for sample in &cpu.samples()[run.first..=run.last] {
        let context = cpu.contexts.of(sample.stack);
        for path in context
            .path
            .into_iter()
            .filter(|_| !context.is_nested)
            .flat_map(|path| cpu.contexts.outwards(path))
        {
            *weights.entry(path).or_default() += 1;
        }
    }
    weights
}

/// How often samples see softirqs being served.
struct Rates<'c, 'r> {
    cpu: &'c Cpu<'r>,
    /// For each sample, how many of those before it count and saw no softirq.
    counted: Vec<u64>,
    /// For each sample, the sum over those before it that count of how many samples further the next softirq was seen.
    ahead: Vec<u64>,
    /// For each sample that counts, how many in a row saw none up to it.
    silence: Vec<u64>,
}

impl<'c, 'r> Rates<'c, 'r> {
    fn new(cpu: &'c Cpu<'r>, runs: &[Run]) -> Self {
        let samples = cpu.samples();
        // What may be a stall must not say how common softirqs are elsewhere.
        let mut counts = vec![true; samples.len()];
        for run in runs.iter().filter(|run| is_long(cpu, run)) {
            counts[run.first..=run.last].fill(false);
        }
        let serves = |at: usize| cpu.contexts.of(samples[at].stack).serves_softirqs;
        let mut distance = vec![0; samples.len()];
        let mut next = 0;
        for at in (0..samples.len()).rev().filter(|&at| counts[at]) {
            next = if serves(at) { 0 } else { next + 1 };
            distance[at] = next;
        }
        let (mut counted, mut ahead, mut silence) = (vec![0], vec![0], vec![0; samples.len()]);
        let mut row = 0;
        for at in 0..samples.len() {
            counted.push(counted[at] + u64::from(counts[at] && !serves(at)));
            ahead.push(ahead[at] + distance[at]);
            row = if !counts[at] || serves(at) { 0 } else { row + 1 };
            silence[at] = row;
        }
        Rates { cpu, counted, ahead, silence }
    }

    /// The probability that after a sample of this part that saw no softirq the next one sees one, from how long one waits for it
    /// on average: softirqs come in bursts, so their share would promise too much. `None` if too few samples tell.
    fn rate(&self, samples: &Range<usize>) -> Option<f64> {
        let counted = self.counted[samples.end] - self.counted[samples.start];
        let ahead = self.ahead[samples.end] - self.ahead[samples.start];
        (counted >= ENOUGH).then(|| counted as f64 / ahead.max(counted) as f64)
    }

    /// What lies before and after a run.
    fn around(&self, run: &Run) -> [Range<usize>; 2] {
        let samples = self.cpu.samples();
        let place = |time_ns: u64| samples.partition_point(|sample| sample.time_ns < time_ns);
        let before = place(run.time.start.saturating_sub(NEIGHBOURHOOD_NS)).min(run.first)..run.first;
        let end = place(run.time.end.saturating_add(NEIGHBOURHOOD_NS)).max(run.last + 1);
        [before, run.last + 1..end]
    }

    /// The lesser of the rates before and after a run: traffic comes and goes.
    fn rate_around(&self, run: &Run) -> f64 {
        let near = self.around(run).iter().filter_map(|part| self.rate(part)).reduce(f64::min);
        near.or_else(|| self.rate(&(0..self.cpu.samples().len()))).unwrap_or(0.0)
    }

    /// The probability that softirqs are seen in the runs of a group as rarely as they are; 1 if other visits to the same path
    /// show that softirqs interrupt it, or if a silence as long as its only run is seen elsewhere.
    fn chance(&self, group: &Group, long: &[&Run], runs: &[Run], visits: &[Visit]) -> f64 {
        let its = || group.runs.iter().map(|&at| long[at]);
        let is_it = |holder: Holder, first: usize| match (group.whose, holder) {
            (Whose::Softirq(one), Holder::Softirq(other)) => one == other,
            (Whose::Tasks(comm, path), Holder::Task { comm: other, .. }) => {
                let inner = self.cpu.contexts.of(self.cpu.samples()[first].stack).path;
                comm.is_none_or(|comm| comm == other)
                    && inner.is_some_and(|inner| self.cpu.contexts.goes_on_from(inner, path))
            }
            _ => false,
        };
        let shortest = its().map(|run| run.samples).min().unwrap_or(0);
        let long_visits =
            || visits.iter().filter(|visit| visit.samples >= shortest && is_it(visit.holder, visit.first));
        let whole = long_visits().filter(|visit| visit.whole.is_some()).count() as u64;
        if !FOLLOW.is_held(whole, long_visits().count() as u64) {
            return 1.0;
        }
        if let [only] = group.runs[..] {
            let elsewhere = self.around(long[only]).into_iter().flat_map(|part| &self.silence[part]).max();
            if elsewhere.is_some_and(|&longest| long[only].samples * 2 <= longest * 3) {
                return 1.0;
            }
        }
        // Softirqs expected in the long runs, and by their average in the others.
        let expected: f64 = its().map(|run| run.samples as f64 * self.rate_around(run)).sum();
        let long_samples: u64 = its().map(|run| run.samples).sum();
        let (mut samples, mut served) = (0, 0);
        for run in runs.iter().filter(|run| is_it(run.holder, run.first)) {
            samples += run.samples;
            served += u64::from(run.is_ended_by_softirq);
        }
        let expected = expected * samples.max(long_samples) as f64 / long_samples.max(1) as f64;
        at_most(served, expected)
    }
}

/// The probability of at most `count` where `expected` are: Poisson's.
fn at_most(count: u64, expected: f64) -> f64 {
    if expected <= 0.0 {
        return 1.0;
    }
    let mut term = -expected;
    let mut sum = term.exp();
    for number in 1..=count {
        term += (expected / number as f64).ln();
        sum += term.exp();
    }
    sum.min(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chances_of_few() {
        let e = std::f64::consts::E;
        for (count, expected, p) in [
            (0, 1.0, 1.0 / e),
            (1, 1.0, 2.0 / e),
            (2, 1.0, 2.5 / e),
            (0, 0.0, 1.0),
            (9, 0.1, 1.0),
            (0, 50.0, (-50.0f64).exp()),
        ] {
            let found = at_most(count, expected);
            assert!((found - p).abs() < 1e-9, "{count} of {expected}: {found}");
        }
    }
}
