//! Samples: read with the side band in one pass, in as many parts at the same time as there are CPUs, and joined in the order of
//! the file.

use std::collections::BTreeMap;

use rayon::prelude::*;

use crate::ingest::{Collect, RawSample, RawSwitch, RawTrace, Record, SampleReader, Source, Walked};
use crate::model::{Names, Recording, Tally, Timeline, Trace};
use crate::state::{Chains, Collected, Collector, CpuSamples, Finished, Meanings, State};

/// The samples and events of one part of the file.
pub(super) struct Part {
    collector: Collector,
    event_records: Vec<u64>,
    tally: Tally,
}

/// Reads all records. `progress` hears the bytes done.
pub(super) fn read(
    source: &Source,
    reader: &SampleReader,
    progress: &(dyn Fn(u64) + Sync),
) -> (Walked, Vec<Part>) {
    let events = source.header.attributes.len();
    let part =
        || Part { collector: Collector::default(), event_records: vec![0; events], tally: Tally::default() };
    source.read(reader, part, progress)
}

impl Collect for Part {
    #[inline(always)]
    fn sample(&mut self, event: usize, sample: &RawSample, record: &Record) {
        self.event_records[event] += 1;
        self.tally.samples += 1;
        self.collector.push(event, sample, record);
    }

    fn event(&mut self, event: usize, told: Option<(RawTrace, RawSample)>, record: &Record) {
        self.event_records[event] += 1;
        self.tally.other_events += 1;
        if let Some((told, sample)) = told {
            self.collector.push_event(event, told, &sample, record);
        }
    }

    // The walk has counted it.
    fn switch(&mut self, switch: &RawSwitch, record: &Record) {
        self.collector.push_switch(switch, record);
    }

    fn reject(&mut self, why: &'static str) {
        *self.tally.rejected.entry(why).or_default() += 1;
    }
}

/// Applies the state of each moment to what the parts hold, and counts what they do.
pub(super) fn resolve(parts: Vec<Part>, meanings: &Meanings, recording: &mut Recording) -> Vec<Collected> {
    let Recording { tally, about, .. } = recording;
    let mut collectors = Vec::new();
    for Part { collector, event_records, tally: counted } in parts {
        for (event, more) in about.events.iter_mut().zip(event_records) {
            event.records += more;
        }
        tally.samples += counted.samples;
        tally.other_events += counted.other_events;
        for (why, count) in counted.rejected {
            *tally.rejected.entry(why).or_default() += count;
        }
        collectors.push(collector);
    }
    let collected: Vec<Collected> =
        collectors.into_par_iter().map(|collector| collector.resolve(meanings)).collect();
    tally.without_user_chain = collected.iter().map(|part| part.without_user_chain).sum();
    collected
}

/// Each CPU's samples and events in time order, with its gaps.
pub(super) fn timelines(
    collected: Vec<Collected>,
    state: &mut State,
    names: &mut Names,
) -> (Chains, Vec<Timeline>) {
    let collected = collected.into_iter().reduce(|mut all, next| {
        all.join(next);
        all
    });
    let collected = collected.expect("there is at least one part");
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
