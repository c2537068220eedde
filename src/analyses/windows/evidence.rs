//! Evidence: the share of each candidate in the windows and in the baseline of each CPU.

use std::collections::BTreeMap;
use std::ops::Range;

use rayon::prelude::*;

use crate::analyses::statistics::Table;
use crate::model::{CgroupId, CodePlace, Timeline};

use super::candidates::Candidates;
use super::episodes::{CpuWindows, JudgedStretch};
use super::finder::{Candidate, Finder, Work};
use super::stretch::is_dominated;

/// The evidence for and against one path, added up CPU by CPU.
#[derive(Default)]
pub(super) struct Evidence {
    pub tables: Vec<Table>,
    /// Its samples in windows.
    samples: u64,
    /// All samples in windows that are not idle.
    busy: u64,
    /// The sum over CPUs of the path's share of the CPU's baseline times the CPU's weight.
    weighted_baseline: f64,
    /// The sum of the CPUs' weights: the samples in their windows that are not idle.
    weight: f64,
    /// For each window that it dominates, how long it held the CPU, in ns.
    pub held_ns: Vec<u64>,
    /// For each window that it dominates, the window's length, in ns.
    pub window_ns: Vec<u64>,
    /// The control groups of its samples in the windows that it dominates.
    pub cgroups: Vec<CgroupId>,
    /// Where in its innermost function these samples were, with their number.
    pub places: BTreeMap<CodePlace, u64>,
    /// The CPUs of the windows that it dominates.
    pub cpus: Vec<u32>,
    /// All windows on those CPUs.
    pub windows_on_cpus: u64,
}

impl Evidence {
    pub fn window_share(&self) -> f64 {
        if self.busy == 0 { 0.0 } else { self.samples as f64 / self.busy as f64 }
    }

    pub fn baseline_share(&self) -> f64 {
        if self.weight > 0.0 { self.weighted_baseline / self.weight } else { 0.0 }
    }

    pub fn lift(&self) -> Option<f64> {
        let baseline = self.baseline_share();
        (baseline > 0.0).then(|| self.window_share() / baseline)
    }

    /// Adds the samples of a window that the path dominates.
    fn add_window(&mut self, judged: &JudgedStretch, samples: WindowSamples) {
        self.held_ns.push(samples.held_ns);
        self.window_ns.push(judged.time.end - judged.time.start);
        self.cgroups.extend(samples.cgroups);
        for (place, count) in samples.places {
            *self.places.entry(place).or_default() += count;
        }
    }
}

/// The samples of one path in one window.
struct WindowSamples {
    /// How long the path held the CPU, in ns.
    held_ns: u64,
    cgroups: Vec<CgroupId>,
    places: BTreeMap<CodePlace, u64>,
}

impl Finder<'_> {
    /// The evidence of all CPUs for each candidate, by the candidate's number.
    pub(super) fn evidence(&self, cpus: &[CpuWindows], candidates: &Candidates) -> Vec<Evidence> {
        let mut evidence: Vec<Evidence> = candidates.all.iter().map(|_| Evidence::default()).collect();
        for cpu in cpus {
            self.add_cpu(cpu, candidates, &mut evidence);
        }
        evidence
    }

    /// Adds the evidence of one CPU.
    fn add_cpu(&self, cpu: &CpuWindows, candidates: &Candidates, all_evidence: &mut [Evidence]) {
        let mut windows = CandidateCounts::new(candidates);
        let mut dominated: Vec<(usize, &JudgedStretch)> = Vec::new();
        for judged in &cpu.judged {
            for (candidate, counted) in judged.stretch.paths() {
                windows.count(candidates.counting(&self.contexts, candidate), counted.samples);
            }
            let dominating = windows.end_stretch(judged.stretch.busy);
            dominated.extend(dominating.into_iter().map(|number| (number, judged)));
        }
        let samples_of = |&(number, judged): &(usize, &JudgedStretch)| {
            self.window_samples(candidates.all[number], cpu.timeline, judged)
        };
        let all_samples: Vec<WindowSamples> = dominated.par_iter().map(samples_of).collect();
        for ((number, judged), samples) in dominated.into_iter().zip(all_samples) {
            all_evidence[number].add_window(judged, samples);
        }
        let pieces = cpu.baseline.pieces.par_iter();
        let add_piece = |mut counts: CandidateCounts, piece: &Range<usize>| {
            self.add_piece(cpu.timeline, piece, candidates, &mut counts);
            counts
        };
        let new = || CandidateCounts::new(candidates);
        let baseline = pieces.fold(new, add_piece).reduce(new, CandidateCounts::join);
        let (busy, baseline_busy) = (windows.busy, baseline.busy);
        for ((evidence, window), baseline) in all_evidence.iter_mut().zip(windows.each).zip(baseline.each) {
            evidence.tables.push(Table {
                windows: cpu.judged.len() as u64,
                windows_with: window.dominated,
                baseline: cpu.baseline.count(),
                baseline_with: baseline.dominated,
            });
            if window.dominated > 0 {
                evidence.cpus.push(cpu.timeline.cpu);
                evidence.windows_on_cpus += cpu.judged.len() as u64;
            }
            evidence.samples += window.samples;
            evidence.busy += busy;
            if baseline_busy > 0 {
                evidence.weighted_baseline += busy as f64 * baseline.samples as f64 / baseline_busy as f64;
                evidence.weight += busy as f64;
            }
        }
    }

    fn window_samples(
        &self,
        candidate: Candidate,
        timeline: &Timeline,
        judged: &JudgedStretch,
    ) -> WindowSamples {
        let samples = self.samples_in(candidate, timeline, judged.indices.clone(), &judged.stretch);
        WindowSamples {
            held_ns: self.held_ns(timeline, &samples),
            cgroups: samples.iter().map(|&at| timeline.details.get(at).cgroup).collect(),
            places: self.places(self.contexts.place(candidate.path), timeline, &samples),
        }
    }

    /// Counts a piece of the baseline: only the candidates, since its other paths do not matter.
    fn add_piece(
        &self,
        timeline: &Timeline,
        piece: &Range<usize>,
        candidates: &Candidates,
        counts: &mut CandidateCounts,
    ) {
        let mut busy = 0;
        for sample in &timeline.samples[piece.clone()] {
            let work = self.work(sample);
            busy += u64::from(work != Work::IDLE);
            if let Some(path) = candidates.nearest(work) {
                let comm = self.recording.task(sample.task).comm;
                counts.count(candidates.counting(&self.contexts, Candidate { comm, path }), 1);
            }
        }
        counts.end_stretch(busy);
    }
}

/// The samples of each candidate in one CPU's windows or baseline.
struct CandidateCounts {
    /// Samples that are not idle.
    busy: u64,
    each: Vec<CandidateCount>,
    /// The samples of each candidate in the stretch that is being counted.
    in_stretch: Vec<u64>,
    /// The numbers of the candidates with samples in that stretch.
    counted: Vec<usize>,
}

/// The samples of one candidate.
#[derive(Clone, Copy, Default)]
struct CandidateCount {
    samples: u64,
    /// Stretches that it dominates.
    dominated: u64,
}

impl CandidateCounts {
    fn new(candidates: &Candidates) -> Self {
        let count = candidates.all.len();
        let each = vec![CandidateCount::default(); count];
        CandidateCounts { busy: 0, each, in_stretch: vec![0; count], counted: Vec::new() }
    }

    /// Counts samples of a stretch for the candidates with these numbers.
    fn count(&mut self, numbers: impl Iterator<Item = usize>, samples: u64) {
        for number in numbers {
            if self.in_stretch[number] == 0 {
                self.counted.push(number);
            }
            self.in_stretch[number] += samples;
        }
    }

    /// Ends a stretch with `busy` samples that are not idle, and returns the numbers of the
    /// candidates that dominate it.
    fn end_stretch(&mut self, busy: u64) -> Vec<usize> {
        self.busy += busy;
        let mut dominating = Vec::new();
        for number in self.counted.drain(..) {
            let samples = std::mem::take(&mut self.in_stretch[number]);
            self.each[number].samples += samples;
            if is_dominated(busy, samples) {
                self.each[number].dominated += 1;
                dominating.push(number);
            }
        }
        dominating
    }

    fn join(mut self, other: CandidateCounts) -> Self {
        self.busy += other.busy;
        for (count, other) in self.each.iter_mut().zip(other.each) {
            count.samples += other.samples;
            count.dominated += other.dominated;
        }
        self
    }
}
