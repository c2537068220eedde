//! Witness from samples alone: visits to a path of the kernel in which no sample hit a softirq, on
//! a CPU where samples often hit softirqs.

use std::ops::Range;

use crate::analyses::contexts::Serving;
use crate::analyses::shares::FOLLOW;
use crate::analyses::statistics::poisson_cdf;

use super::cpu::Cpu;
use super::findings::{Finding, Weight};
use super::kind::Kind;
use super::runs::{Activity, Run};
use super::visits::{Visit, groups, visits};

/// The rate of softirqs is estimated from samples within this time before and after a run, in ns.
const NEIGHBOURHOOD_NS: u64 = 1_000_000_000;
/// Fewer samples than this do not give a rate.
const ENOUGH: u64 = 50;
/// Up to this probability, corrected for the number of groups, the witness is strong.
const STRONG: f64 = 1e-3;
/// Above this probability there is no witness.
const WEAK: f64 = 0.05;

/// The visits that are too long without a softirq to be chance.
pub(super) fn find(cpu: &Cpu, runs: &[Run]) -> Vec<Finding> {
    let rates = Rates::new(cpu, runs);
    let groups = groups(cpu, visits(runs));
    let mut findings = Vec::new();
    for group in &groups {
        let long: Vec<&Run> = group.iter().filter_map(|visit| visit.long_run(cpu)).collect();
        let p_value = (rates.chance(group, &long) * groups.len() as f64).min(1.0);
        if p_value > WEAK {
            continue;
        }
        findings.extend(long.into_iter().map(|run| Finding {
            kind: match run.activity {
                Activity::Task { .. } => Kind::KernelPath { samples: run.samples, p_value },
                Activity::Softirq(softirq) => Kind::Handler { softirq: Some(softirq) },
            },
            time: run.time.clone(),
            weight: if p_value <= STRONG { Weight::Strong } else { Weight::Weak },
        }));
    }
    findings
}

/// How often samples hit softirqs, outside the runs that may be stalls.
struct Rates<'c, 'r> {
    cpu: &'c Cpu<'r>,
    /// For each index, how many samples before it count and hit no softirq.
    unserved: Vec<u64>,
    /// For each index, a sum over the samples before it that count: the distance of each to the
    /// next sample that hit a softirq, in samples.
    distances: Vec<u64>,
    /// For each sample, how many consecutive samples up to it count and hit no softirq.
    silence: Vec<u64>,
}

impl<'c, 'r> Rates<'c, 'r> {
    fn new(cpu: &'c Cpu<'r>, runs: &[Run]) -> Self {
        let samples = cpu.samples();
        // Runs that may be stalls must not influence the rate of softirqs elsewhere.
        let mut counts = vec![true; samples.len()];
        for run in runs.iter().filter(|run| run.is_long(cpu)) {
            counts[run.first..=run.last].fill(false);
        }
        let serves = |at: usize| cpu.contexts.get(samples[at].stack).serving != Serving::Nothing;
        let mut distance = vec![0; samples.len()];
        let mut next = 0;
        for at in (0..samples.len()).rev().filter(|&at| counts[at]) {
            next = if serves(at) { 0 } else { next + 1 };
            distance[at] = next;
        }
        let (mut unserved, mut distances, mut silence) = (vec![0], vec![0], vec![0; samples.len()]);
        let mut row = 0;
        for at in 0..samples.len() {
            unserved.push(unserved[at] + u64::from(counts[at] && !serves(at)));
            distances.push(distances[at] + distance[at]);
            row = if !counts[at] || serves(at) { 0 } else { row + 1 };
            silence[at] = row;
        }
        Rates { cpu, unserved, distances, silence }
    }

    /// The probability that the sample after one of `samples` that hit no softirq hits one. `None`
    /// if there are too few samples.
    ///
    /// It is the inverse of the mean distance to the next softirq. The share of samples that hit
    /// softirqs would overestimate it, because softirqs come in bursts.
    fn rate(&self, samples: &Range<usize>) -> Option<f64> {
        let unserved = self.unserved[samples.end] - self.unserved[samples.start];
        let distances = self.distances[samples.end] - self.distances[samples.start];
        (unserved >= ENOUGH).then(|| unserved as f64 / distances.max(unserved) as f64)
    }

    /// The indices of the samples shortly before and shortly after a run.
    fn around(&self, run: &Run) -> [Range<usize>; 2] {
        let samples = self.cpu.samples();
        let index_at = |time_ns: u64| samples.partition_point(|sample| sample.time_ns < time_ns);
        let before = index_at(run.time.start.saturating_sub(NEIGHBOURHOOD_NS)).min(run.first)..run.first;
        let end = index_at(run.time.end.saturating_add(NEIGHBOURHOOD_NS)).max(run.last + 1);
        [before, run.last + 1..end]
    }

    /// The smaller of the rates before and after a run, because traffic comes and goes.
    fn rate_around(&self, run: &Run) -> f64 {
        let nearby = self.around(run).iter().filter_map(|samples| self.rate(samples)).reduce(f64::min);
        nearby.or_else(|| self.rate(&(0..self.cpu.samples().len()))).unwrap_or(0.0)
    }

    /// The probability that samples hit softirqs as rarely as in the visits of a group. `long` has
    /// the main runs that are long enough to be stalls.
    ///
    /// It is 1 if many of the visits are interrupted by softirqs, or if the only long one is not
    /// clearly longer than a silence elsewhere.
    fn chance(&self, visits: &[Visit], long: &[&Run]) -> f64 {
        let shortest = long.iter().map(|run| run.samples).min().unwrap_or(0);
        let comparable = || visits.iter().filter(|visit| 2 * visit.samples >= shortest);
        let uninterrupted = comparable().filter(|visit| visit.main_run().is_some()).count();
        if !FOLLOW.is_held(uninterrupted as u64, comparable().count() as u64) {
            return 1.0;
        }
        if let [only] = long {
            let elsewhere = self.around(only).into_iter().flat_map(|samples| &self.silence[samples]).max();
            if elsewhere.is_some_and(|&longest| only.samples * 2 <= longest * 3) {
                return 1.0;
            }
        }
        // The number of softirqs expected in the long runs. The other visits are assumed to have
        // the same rate per sample.
        let expected: f64 = long.iter().map(|run| run.samples as f64 * self.rate_around(run)).sum();
        let long_samples: u64 = long.iter().map(|run| run.samples).sum();
        let samples: u64 = visits.iter().map(|visit| visit.samples).sum();
        let served = visits.iter().flat_map(|visit| visit.runs).filter(|run| run.is_ended_by_softirq).count();
        poisson_cdf(served as u64, expected * samples as f64 / long_samples.max(1) as f64)
    }
}
