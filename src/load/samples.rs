//! Samples: the second pass, on as many threads as there are CPUs, joined in the order of the file.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};

use rayon::prelude::*;

use crate::ingest::{Decoded, EventFinder, Source, TraceReader, UserChains, Wanted};
use crate::model::{Names, Tally, Timeline, Trace};
use crate::state::{Chains, Collected, Collector, CpuSamples, Finished, State};

/// What the second pass needs to know.
pub(super) struct SamplePass<'s, 'a> {
    pub source: &'s Source<'a>,
    pub finder: &'s EventFinder,
    /// For each event, whether its records are the samples.
    pub sampling: &'s [bool],
    pub state: &'s State,
    pub user_chains: &'s UserChains<'a>,
    /// What reads events and switches, if they are asked for.
    pub trace: Option<&'s TraceReader>,
}

/// What one range of the file held.
struct Part {
    collected: Collected,
    event_records: Vec<u64>,
    tally: Tally,
}

impl SamplePass<'_, '_> {
    /// Reads all samples, the ranges at the same time. `progress` hears the bytes done.
    pub fn run(
        &self,
        ranges: Vec<Range<u64>>,
        progress: &(dyn Fn(u64) + Sync),
    ) -> (Collected, Vec<u64>, Tally) {
        let done = AtomicU64::new(0);
        let parts: Vec<Part> =
            ranges.into_par_iter().map(|range| self.read(range, &done, progress)).collect();
        let mut parts = parts.into_iter();
        let mut all = parts.next().expect("there is at least one range");
        for part in parts {
            all.join(part);
        }
        (all.collected, all.event_records, all.tally)
    }

    fn read(&self, range: Range<u64>, done: &AtomicU64, progress: &(dyn Fn(u64) + Sync)) -> Part {
        let events = self.source.header.attributes.len();
        let mut collector = Collector::new(self.state, self.source.header.order);
        let (mut event_records, mut tally) = (vec![0; events], Tally::default());
        let reported = Cell::new(range.start);
        let report = |position: u64| {
            let more = position - reported.replace(position);
            progress(done.fetch_add(more, Ordering::Relaxed) + more);
        };
        let SamplePass { source, finder, sampling, user_chains, trace, .. } = *self;
        let wanted = Wanted { samples: sampling, trace };
        source.read_samples(range, wanted, finder, user_chains, &report, |decoded| match decoded {
            Decoded::Sample { event, sample, record } => {
                event_records[event] += 1;
                tally.samples += 1;
                tally.without_user_chain += u64::from(sample.lacks_user_chain);
                collector.push(event, &sample, &record);
            }
            Decoded::Event { event, told } => {
                event_records[event] += 1;
                tally.other_events += 1;
                if let Some((told, sample, record)) = told {
                    collector.push_event(event, told, &sample, &record);
                }
            }
            // The first pass has counted it.
            Decoded::Switch(switch, record) => collector.push_switch(&switch, &record),
            Decoded::Rejected(why) => *tally.rejected.entry(why).or_default() += 1,
        });
        Part { collected: collector.finish(), event_records, tally }
    }
}

impl Part {
    fn join(&mut self, next: Part) {
        self.collected.join(next.collected);
        for (records, more) in self.event_records.iter_mut().zip(next.event_records) {
            *records += more;
        }
        self.tally.samples += next.tally.samples;
        self.tally.without_user_chain += next.tally.without_user_chain;
        self.tally.other_events += next.tally.other_events;
        for (why, count) in next.tally.rejected {
            *self.tally.rejected.entry(why).or_default() += count;
        }
    }
}

/// Each CPU's samples and events in time order, with its gaps.
pub(super) fn timelines(
    collected: Collected,
    state: &mut State,
    names: &mut Names,
) -> (Chains, Vec<Timeline>) {
    let Finished { chains, samples, traces } = collected.finish(state, names);
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

/// One CPU's samples, given in the file's order, with its gaps.
pub(super) fn timeline(cpu: u32, mut all: CpuSamples, state: &State) -> Timeline {
    all.sort();
    let CpuSamples { samples, details } = all;
    let last_before = |time_ns: u64| {
        let after = samples.partition_point(|sample| sample.time_ns <= time_ns);
        after.checked_sub(1).map(|at| samples[at].time_ns)
    };
    let (lost, throttled) = state.gaps(cpu, last_before);
    Timeline { cpu, samples, details, lost, throttled, trace: Trace::default() }
}
