//! Timelines: each CPU's samples and events in time order, with the gaps in which samples were
//! lost.

use std::collections::BTreeMap;

use rayon::prelude::*;

use crate::model::{Names, Timeline, Trace};
use crate::state::{Chains, CpuSamples, JoinedSamples, ResolvedPart, State};

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

/// The timeline of one CPU, without events, from its samples in the order of the file.
pub(super) fn timeline(cpu: u32, mut all: CpuSamples, state: &State) -> Timeline {
    all.sort();
    let CpuSamples { samples, details } = all;
    let last_before = |time_ns: u64| {
        let after = samples.partition_point(|sample| sample.time_ns <= time_ns);
        after.checked_sub(1).map(|at| samples[at].time_ns)
    };
    let (lost, throttled) = state.losses.gaps(cpu, last_before);
    Timeline { cpu, samples, details, lost, throttled, trace: Trace::default() }
}

/// The times of the first and the last sample, in ns, as perf takes them for `--time`; without
/// samples, of the first and the last event. Samples and events without a time have u64::MAX, and
/// do not count.
pub(super) fn span(timelines: &[Timeline]) -> (u64, u64) {
    let timed = timelines.iter().map(|timeline| &timeline.samples[timeline.between(0, u64::MAX)]);
    let first = timed.clone().filter_map(|samples| samples.first()).map(|sample| sample.time_ns).min();
    let last = timed.filter_map(|samples| samples.last()).map(|sample| sample.time_ns).max();
    let events = || timelines.iter().flat_map(|timeline| &timeline.trace.events).map(|event| event.time_ns);
    (first.or_else(|| events().min()).unwrap_or(0), last.or_else(|| events().max()).unwrap_or(0))
}
