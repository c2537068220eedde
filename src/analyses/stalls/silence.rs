//! Witness from samples alone: visits to a path of the kernel in which no softirq is seen, on a CPU where samples often see them.

use std::collections::BTreeMap;
use std::ops::Range;

use rustc_hash::FxHashMap;

use crate::analyses::contexts::{Owner, PathId, Serving};
use crate::analyses::shares::{FOLLOW, Share};
use crate::model::{NameId, Softirq};

use super::cpu::Cpu;
use super::paths::{Holder, Run, is_long};
use super::result::Kind;
use super::seen::{Seen, Weight};

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
/// What has less of a visit's samples does not tell its kind.
const NOTABLE: Share = Share(1, 4);

/// The visits that are too long without a softirq to be chance.
pub(super) fn find(cpu: &Cpu, runs: &[Run]) -> Vec<Seen> {
    let rates = Rates::new(cpu, runs);
    let groups = groups(cpu, visits(runs));
    let mut seen = Vec::new();
    for group in &groups {
        let long: Vec<&Run> = group.iter().filter_map(|visit| visit.long(cpu)).collect();
        let p_value = (rates.chance(group, &long) * groups.len() as f64).min(1.0);
        if p_value > WEAK {
            continue;
        }
        seen.extend(long.into_iter().map(|run| Seen {
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
    runs: &'p [Run],
    samples: u64,
}

impl<'p> Visit<'p> {
    fn holder(&self) -> Holder {
        self.runs[0].holder
    }

    /// The run that is nearly all of it. Where there is none, softirqs interrupt the path, so it is slow and holds up nobody.
    fn whole(&self) -> Option<&'p Run> {
        self.runs.iter().find(|run| FOLLOW.is_held(run.samples, self.samples))
    }

    /// The run that is nearly all of it and long enough to be a stall.
    fn long(&self, cpu: &Cpu) -> Option<&'p Run> {
        self.whole().filter(|run| is_long(cpu, run))
    }

    /// Indices of its samples.
    fn indices(&self) -> Range<usize> {
        self.runs[0].first..self.runs[self.runs.len() - 1].last + 1
    }
}

fn visits(runs: &[Run]) -> Vec<Visit<'_>> {
    let mut visits = Vec::new();
    let mut rest = runs;
    while !rest.is_empty() {
        let goes_on = |pair: &[Run]| {
            pair[0].holder == pair[1].holder
                && pair[0].is_ended_by_softirq
                && pair[1].first - pair[0].last <= INTERRUPTION
        };
        let count = 1 + rest.windows(2).take_while(|pair| goes_on(pair)).count();
        let (its, others) = rest.split_at(count);
        visits.push(Visit { runs: its, samples: its.iter().map(|run| run.samples).sum() });
        rest = others;
    }
    visits
}

/// Whose visits are judged together.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Whose {
    /// Tasks of this comm, in a path that starts so; kernel threads of any comm: workers take turns.
    Tasks(Option<NameId>, PathId),
    /// A softirq's action.
    Softirq(Softirq),
}

/// Groups the visits of those that have a long one. One system call of one program may take two ways, of which one is guilty: where
/// the ways part, visits belong together that have a callee in common.
fn groups<'p>(cpu: &Cpu, visits: Vec<Visit<'p>>) -> Vec<Vec<Visit<'p>>> {
    let mut by_start: BTreeMap<Whose, Vec<Visit>> = BTreeMap::new();
    for visit in visits.into_iter().filter(|visit| visit.samples >= 2) {
        let whose = match visit.holder() {
            Holder::Task { comm, start, .. } => {
                let is_worker = cpu.contexts.owner(start) == Owner::KernelThread;
                Whose::Tasks(Some(comm).filter(|_| !is_worker), start)
            }
            Holder::Softirq(softirq) => Whose::Softirq(softirq),
        };
        by_start.entry(whose).or_default().push(visit);
    }
    by_start.retain(|_, visits| visits.iter().any(|visit| visit.long(cpu).is_some()));
    let ways = by_start.into_iter().flat_map(|(whose, visits)| match whose {
        Whose::Tasks(_, start) => ways(cpu, start, visits),
        Whose::Softirq(_) => vec![visits],
    });
    ways.filter(|visits| visits.iter().any(|visit| visit.long(cpu).is_some())).collect()
}

/// Parts visits to paths that start in the same function by the ways they take.
fn ways<'p>(cpu: &Cpu, start: PathId, visits: Vec<Visit<'p>>) -> Vec<Vec<Visit<'p>>> {
    let weights: Vec<FxHashMap<PathId, u64>> = visits.iter().map(|visit| weights(cpu, visit)).collect();
    // Down to where not all of them go on together.
    let mut fork = start;
    loop {
        let first = weights[0].iter().filter(|(path, _)| cpu.contexts.parent(**path) == Some(fork));
        let Some((&callee, _)) = first.max_by_key(|(path, weight)| (**weight, std::cmp::Reverse(**path)))
        else {
            break;
        };
        let goes_there = |(weights, visit): (&FxHashMap<PathId, u64>, &Visit)| {
            FOLLOW.is_held(weights.get(&callee).copied().unwrap_or(0), visit.samples)
        };
        if !weights.iter().zip(&visits).all(goes_there) {
            break;
        }
        fork = callee;
    }
    // For each visit one before it that it belongs with, or itself; for each callee the first visit that was seen in it.
    let mut with: Vec<usize> = (0..visits.len()).collect();
    let mut seen_in: FxHashMap<Option<PathId>, usize> = FxHashMap::default();
    for (at, (visit, weights)) in visits.iter().zip(weights).enumerate() {
        let is_notable = |(path, weight): &(PathId, u64)| {
            cpu.contexts.parent(*path) == Some(fork) && NOTABLE.is_held(*weight, visit.samples)
        };
        let mut callees: Vec<Option<PathId>> =
            weights.into_iter().filter(is_notable).map(|(path, _)| Some(path)).collect();
        if callees.is_empty() {
            callees.push(None);
        }
        for callee in callees {
            let first = *seen_in.entry(callee).or_insert(at);
            let (one, other) = (first_of(&mut with, first), first_of(&mut with, at));
            with[one.max(other)] = one.min(other);
        }
    }
    let mut groups: BTreeMap<usize, Vec<Visit>> = BTreeMap::new();
    for (at, visit) in visits.into_iter().enumerate() {
        groups.entry(first_of(&mut with, at)).or_default().push(visit);
    }
    groups.into_values().collect()
}

/// The first of those that the visit at `at` belongs with; the way there is made shorter.
fn first_of(with: &mut [usize], mut at: usize) -> usize {
    while with[at] != at {
        with[at] = with[with[at]];
        at = with[at];
    }
    at
}

/// How many of a visit's samples go through each path.
fn weights(cpu: &Cpu, visit: &Visit) -> FxHashMap<PathId, u64> {
    let mut weights = FxHashMap::default();
    for sample in &cpu.samples()[visit.indices()] {
        let context = cpu.contexts.of(sample.stack);
        let path = context.path.filter(|_| !context.is_nested);
        for path in path.into_iter().flat_map(|path| cpu.contexts.outwards(path)) {
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
        let serves = |at: usize| cpu.contexts.of(samples[at].stack).serving != Serving::Nothing;
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

    /// The probability that softirqs are seen in a group's visits as rarely as they are; 1 if many of them are interrupted by
    /// softirqs, or if the only one is no longer than a silence elsewhere.
    fn chance(&self, visits: &[Visit], long: &[&Run]) -> f64 {
        let shortest = long.iter().map(|run| run.samples).min().unwrap_or(0);
        let comparable = || visits.iter().filter(|visit| 2 * visit.samples >= shortest);
        let whole = comparable().filter(|visit| visit.whole().is_some()).count();
        if !FOLLOW.is_held(whole as u64, comparable().count() as u64) {
            return 1.0;
        }
        if let [only] = long {
            let elsewhere = self.around(only).into_iter().flat_map(|part| &self.silence[part]).max();
            if elsewhere.is_some_and(|&longest| only.samples * 2 <= longest * 3) {
                return 1.0;
            }
        }
        // Softirqs expected in the long runs, and by their average in the others.
        let expected: f64 = long.iter().map(|run| run.samples as f64 * self.rate_around(run)).sum();
        let long_samples: u64 = long.iter().map(|run| run.samples).sum();
        let samples: u64 = visits.iter().map(|visit| visit.samples).sum();
        let served = visits.iter().flat_map(|visit| visit.runs).filter(|run| run.is_ended_by_softirq).count();
        at_most(served as u64, expected * samples as f64 / long_samples.max(1) as f64)
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
