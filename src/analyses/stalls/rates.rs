//! How often samples hit softirqs, outside the runs that may be stalls.

use std::ops::Range;

use super::cpu::Cpu;
use super::runs::{Run, Served, served};

/// The rate is estimated from samples within this time before and after a run, in ns.
const NEIGHBOURHOOD_NS: u64 = 1_000_000_000;
/// Fewer samples than this do not give a rate.
const ENOUGH: u64 = 50;
/// A sample later than this after the one before it, in quarters of a sampling interval, counts for
/// no rate: while a CPU is idle its timers may stop, and the interrupt that wakes it is sampled at
/// once, with the softirq that it brings.
const LATE: u64 = 10;
/// The same where timers are known to stop: a sleep may be shorter than an interval.
const LATE_AFTER_SLEEP: u64 = 5;

/// So many samples have their sums together: sums of each would take more memory than the samples.
const BLOCK: usize = 32;

/// The rates of one CPU.
pub(super) struct Rates<'c, 'r> {
    cpu: &'c Cpu<'r>,
    /// For each sample, how a softirq was served when it was taken.
    pub served: Vec<Option<Served>>,
    /// For each sample, whether it counts.
    counts: Vec<bool>,
    /// For each block, the sums over its samples and all after them; then those over no sample.
    sums: Vec<Sums>,
    /// For each block, how many consecutive samples before it count and hit no softirq.
    silence: Vec<u64>,
}

/// Sums over the samples from one on. Only samples that count are in them.
#[derive(Clone, Copy, Default)]
struct Sums {
    /// How many there are.
    samples: u64,
    /// How many hit a softirq.
    served: u64,
    /// How many hit a thread that works off softirqs.
    by_threads: u64,
    /// How many hit no softirq that an interrupt brought.
    others: u64,
    /// The distance of each to the next sample that hit such a softirq, in samples.
    distances: u64,
    /// The distance of the first of them.
    distance: u64,
}

impl Sums {
    /// Adds the sample before them, which counts.
    fn add(&mut self, served: Option<Served>) {
        self.samples += 1;
        self.served += u64::from(served.is_some());
        self.by_threads += u64::from(served == Some(Served::Thread));
        self.others += u64::from(!is_brought(served));
        self.distance = if is_brought(served) { 0 } else { self.distance + 1 };
        self.distances += self.distance;
    }
}

/// The rates near one run.
#[derive(Clone, Copy, Default)]
pub(super) struct Nearby {
    /// The probability that the sample after one that hit no softirq hits one that an interrupt
    /// brought. A softirq that a path of the kernel raises and serves itself, as a sender of
    /// packets over the loopback device does, is no measure of those that come elsewhere.
    pub rate: f64,
    /// The share of samples that hit softirqs.
    pub share: f64,
    /// The share of samples that hit threads that work off softirqs.
    pub thread_share: f64,
    /// Whether it is known from samples before the run.
    pub is_known_before: bool,
}

impl<'c, 'r> Rates<'c, 'r> {
    pub fn new(cpu: &'c Cpu<'r>, runs: &[Run]) -> Self {
        let samples = cpu.samples();
        let served: Vec<Option<Served>> = samples.iter().map(|sample| served(cpu, sample)).collect();
        let late_ns = late_ns(cpu, cpu.interval_ns);
        let mut counts = vec![true; samples.len()];
        for (pair, counts) in samples.windows(2).zip(counts.iter_mut().skip(1)) {
            *counts = pair[1].time_ns - pair[0].time_ns <= late_ns;
        }
        // Where a clock stops in idle, what wakes the CPU brings the sample there, too.
        for (sample, counts) in samples.iter().zip(&mut counts).filter(|_| cpu.stops_in_idle) {
            *counts &= !cpu.recording.task(sample.task).is_swapper();
        }
        // Runs that may be stalls must not influence the rate of softirqs elsewhere.
        for run in runs.iter().filter(|run| run.is_long(cpu)) {
            counts[run.first..=run.last].fill(false);
        }
        let mut rates = Rates { cpu, served, counts, sums: vec![Sums::default()], silence: Vec::new() };
        let starts = (0..samples.len()).step_by(BLOCK);
        let blocks = starts.map(|start| start..samples.len().min(start + BLOCK));
        let mut sums = Sums::default();
        for block in blocks.clone().rev() {
            sums = rates.with(sums, block);
            rates.sums.push(sums);
        }
        rates.sums.reverse();
        let mut silence = 0;
        for block in blocks {
            rates.silence.push(silence);
            silence = rates.silences(silence, block).last().unwrap_or(silence);
        }
        rates
    }

    /// These sums, with those of the samples before them.
    fn with(&self, sums: Sums, before: Range<usize>) -> Sums {
        let mut sums = sums;
        before.rev().filter(|&at| self.counts[at]).for_each(|at| sums.add(self.served[at]));
        sums
    }

    /// The sums over the samples from `at` on.
    fn sums_from(&self, at: usize) -> Sums {
        let block = at.div_ceil(BLOCK);
        self.with(self.sums[block], at..self.counts.len().min(BLOCK * block))
    }

    /// For each of these samples, how many consecutive samples up to it count and hit no softirq;
    /// `before` is the number for the sample before them.
    fn silences(&self, before: u64, samples: Range<usize>) -> impl Iterator<Item = u64> {
        samples.scan(before, |row, at| {
            *row = if self.served[at].is_some() || !self.counts[at] { 0 } else { *row + 1 };
            Some(*row)
        })
    }

    /// The rates in `samples`; `None` if there are too few samples.
    ///
    /// The rate is the inverse of the mean distance to the next softirq. The share of samples that
    /// hit softirqs would overestimate it, because softirqs come in bursts.
    fn of(&self, samples: &Range<usize>) -> Option<Nearby> {
        let (from, after) = (self.sums_from(samples.start), self.sums_from(samples.end));
        let count = from.samples - after.samples;
        let served = from.served - after.served;
        let others = from.others - after.others;
        let distances = from.distances - after.distances;
        // What was never seen is not impossible.
        let share = |part: u64| part.max(1) as f64 / count as f64;
        (count - served >= ENOUGH).then(|| Nearby {
            rate: others as f64 / distances.max(others).max(1) as f64,
            share: share(served),
            thread_share: share(from.by_threads - after.by_threads),
            is_known_before: false,
        })
    }

    /// The indices of the samples shortly before and shortly after the samples `within`.
    fn around(&self, within: &Range<usize>) -> [Range<usize>; 2] {
        let samples = self.cpu.samples();
        let [start, end] =
            [within.start, within.end.saturating_sub(1).max(within.start)].map(|at| samples[at].time_ns);
        let index_at = |time_ns: u64| samples.partition_point(|sample| sample.time_ns < time_ns);
        let before = index_at(start.saturating_sub(NEIGHBOURHOOD_NS)).min(within.start)..within.start;
        let after = within.end..index_at(end.saturating_add(NEIGHBOURHOOD_NS)).max(within.end);
        [before, after]
    }

    /// The smaller of the rates before and after the samples `within`, because traffic comes and
    /// goes. There must be a sample at its start.
    pub fn near(&self, within: &Range<usize>) -> Nearby {
        let [before, after] = self.around(within).map(|samples| self.of(&samples));
        let all = || self.of(&(0..self.cpu.samples().len()));
        let smaller = |a: Nearby, b: Nearby| if b.rate < a.rate { b } else { a };
        let nearby = before.into_iter().chain(after).reduce(smaller).or_else(all);
        Nearby { is_known_before: before.is_some(), ..nearby.unwrap_or_default() }
    }

    /// How softirqs were served when the samples after `run` were taken, until the CPU was idle:
    /// what waited is done before that, and what wakes the CPU is new.
    pub fn after(&self, run: &Run) -> impl Iterator<Item = Option<Served>> {
        let samples = self.cpu.samples();
        let late_ns = late_ns(self.cpu, self.cpu.usual_interval_ns);
        (run.last + 1..samples.len())
            .take_while(move |&at| {
                let is_idle = self.served[at].is_none() && self.cpu.is_idle(&samples[at]);
                !is_idle && samples[at].time_ns - samples[at - 1].time_ns <= late_ns
            })
            .map(|at| self.served[at])
    }

    /// The longest time without softirqs near the samples `within`, in samples.
    pub fn longest_silence_near(&self, within: &Range<usize>) -> u64 {
        let longest = |samples: Range<usize>| {
            let block = samples.start / BLOCK;
            let before = self.silence.get(block).copied().unwrap_or(0);
            let up_to_end = self.silences(before, BLOCK * block..samples.end);
            up_to_end.skip(samples.start - BLOCK * block).max()
        };
        self.around(within).into_iter().filter_map(longest).max().unwrap_or(0)
    }
}

/// Where samples are taken so far apart, one that comes later than this after the one before it may
/// have come after a sleep.
fn late_ns(cpu: &Cpu, interval_ns: u64) -> u64 {
    let late = if cpu.stops_in_idle { LATE_AFTER_SLEEP } else { LATE };
    interval_ns.saturating_mul(late) / 4
}

/// Whether an interrupt brought the softirq that a sample hit, or left it to a thread.
fn is_brought(served: Option<Served>) -> bool {
    matches!(served, Some(Served::Interrupt | Served::Thread))
}
