//! Timelines: each CPU's samples and events in time order, with the gaps in which samples were
//! lost.

use std::collections::BTreeMap;

use rayon::prelude::*;

use crate::model::{Names, Recording, Timeline, Trace};
use crate::state::{Chains, CpuSamples, JoinedSamples, OPEN_END_NS, ResolvedPart, State};

/// Joins the parts of a file into the timelines of its CPUs.
pub(super) fn join(
    collected: Vec<ResolvedPart>,
    state: &mut State,
    names: &mut Names,
) -> (Chains, Vec<Timeline>) {
    let collected = collected.into_iter().reduce(|mut all, next| {
        all.join(next);
        all
    });
    let collected = collected.expect("there is at least one part");
    let JoinedSamples { chains, samples, traces } = collected.finish(state, names);
    let mut by_cpu: BTreeMap<u32, (CpuSamples, Trace)> = BTreeMap::new();
    for (cpu, samples) in samples {
        by_cpu.entry(cpu).or_default().0 = samples;
    }
    for (cpu, trace) in traces {
        by_cpu.entry(cpu).or_default().1 = trace;
    }
    let state = &*state;
    let timelines = by_cpu.into_par_iter().map(|(cpu, (samples, trace))| {
        let timeline = timeline(cpu, samples, state);
        Timeline { trace, ..timeline }
    });
    (chains, timelines.collect())
}

/// The kernel tells that records were lost together with the next record that has room, with that
/// record's time or one just after (`__perf_output_begin` in kernel/events/ring_buffer.c). So a
/// sample so shortly before is the first after the loss, and not the last before it.
const SAME_INTERRUPT_NS: u64 = 20_000;

/// The timeline of one CPU, without events, from its samples in the order of the file.
pub(super) fn timeline(cpu: u32, mut all: CpuSamples, state: &State) -> Timeline {
    all.sort();
    // A vector grows by more than it needs, and a recording may have thousands of short timelines.
    all.samples.shrink_to_fit();
    let CpuSamples { samples, details } = all;
    let last_before = |time_ns: u64| {
        let after =
            samples.partition_point(|sample| sample.time_ns < time_ns.saturating_sub(SAME_INTERRUPT_NS));
        after.checked_sub(1).map(|at| samples[at].time_ns)
    };
    let (lost, throttled) = state.losses.gaps(cpu, last_before);
    Timeline { cpu, samples, details, lost, throttled, trace: Trace::default() }
}

/// The start and the end of a recording, in ns: the times of its first and its last sample or
/// event. It is the one definition of how long was recorded.
#[derive(Clone, Copy)]
pub(super) struct Span {
    first_ns: u64,
    last_ns: u64,
}

impl Default for Span {
    fn default() -> Self {
        Span::EMPTY
    }
}

impl Span {
    /// Of nothing.
    pub const EMPTY: Span = Span { first_ns: u64::MAX, last_ns: 0 };

    /// Adds a sample or an event. Those without a time have u64::MAX, and do not count.
    #[inline]
    pub fn add(&mut self, time_ns: u64) {
        if time_ns < u64::MAX {
            self.join(Span { first_ns: time_ns, last_ns: time_ns });
        }
    }

    /// Adds all samples and events of another span.
    pub fn join(&mut self, other: Span) {
        self.first_ns = self.first_ns.min(other.first_ns);
        self.last_ns = self.last_ns.max(other.last_ns);
    }

    /// Adds the samples of timelines.
    pub fn add_samples(&mut self, timelines: &[Timeline]) {
        for timeline in timelines {
            let timed = &timeline.samples[timeline.between(0, u64::MAX)];
            timed.first().into_iter().chain(timed.last()).for_each(|sample| self.add(sample.time_ns));
        }
    }

    /// Start and end; 0 if there is nothing.
    pub fn bounds(self) -> (u64, u64) {
        if self.first_ns > self.last_ns { (0, 0) } else { (self.first_ns, self.last_ns) }
    }
}

/// Ends the pauses that no record ends, and drops those that are too short to hide anything.
pub(super) fn settle_pauses(recording: &mut Recording) {
    if recording.timelines.iter().all(|timeline| timeline.throttled.is_empty()) {
        return;
    }
    let least_ns = recording.sampling_interval_ns().saturating_mul(Timeline::SHORTEST_PAUSE);
    for timeline in &mut recording.timelines {
        for pause in timeline.throttled.iter_mut().filter(|pause| pause.end_ns == OPEN_END_NS) {
            pause.end_ns = recording.about.end_ns.max(pause.start_ns);
        }
        timeline.throttled.retain(|pause| pause.end_ns - pause.start_ns >= least_ns);
    }
}
