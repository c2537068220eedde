//! Samples and events: read in one pass with the side band, then resolved. Several parts of the
//! file are read, and resolved, at the same time.

use rayon::prelude::*;

use crate::ingest::{Collect, RawSample, RawSwitch, RawTrace, Record, SampleReader, Source, WalkResult};
use crate::model::{Recording, Stacks, Tally};
use crate::state::{Collector, Meanings, ResolvedPart};

use super::timelines::Span;

/// The samples and events of one part of the file, not resolved yet.
pub(super) struct CollectedPart {
    pub(super) collector: Collector,
    event_records: Vec<u64>,
    /// From the first to the last event.
    events: Span,
    tally: Tally,
}

/// Reads all records. `progress` is called with the bytes done.
pub(super) fn read(
    source: &Source,
    reader: &SampleReader,
    stacks: Stacks,
    progress: &(dyn Fn(u64) + Sync),
) -> (WalkResult, Vec<CollectedPart>) {
    let events = source.header.attributes.len();
    let part = || CollectedPart {
        collector: Collector::new(stacks),
        event_records: vec![0; events],
        events: Span::EMPTY,
        tally: Tally::default(),
    };
    source.read(reader, part, progress)
}

impl Collect for CollectedPart {
    #[inline(always)]
    fn sample(&mut self, event: usize, sample: &RawSample, record: &Record) {
        self.event_records[event] += 1;
        self.tally.samples += 1;
        self.collector.push(event, sample, record);
    }

    #[inline(always)]
    fn event(&mut self, event: usize, time_ns: Option<u64>) {
        self.event_records[event] += 1;
        time_ns.into_iter().for_each(|time_ns| self.events.add(time_ns));
        self.tally.other_events += 1;
    }

    #[inline(always)]
    fn trace(&mut self, event: usize, trace: RawTrace, sample: &RawSample, record: &Record) {
        self.collector.push_event(event, trace, sample, record);
    }

    // The walk counts switch records as side band, so they are not counted here.
    fn switch(&mut self, switch: &RawSwitch, record: &Record) {
        self.collector.push_switch(switch, record);
    }

    fn reject(&mut self, why: &'static str) {
        *self.tally.rejected.entry(why).or_default() += 1;
    }
}

/// Resolves the samples of each part by the state at their times, and adds its counts to the
/// recording's. Returns the span of its events too.
pub(super) fn resolve(
    parts: Vec<CollectedPart>,
    meanings: &Meanings,
    recording: &mut Recording,
) -> (Vec<ResolvedPart>, Span) {
    let Recording { tally, about, .. } = recording;
    let mut collectors = Vec::new();
    let mut span = Span::EMPTY;
    for CollectedPart { collector, event_records, events, tally: counted } in parts {
        span.join(events);
        for (event, more) in about.events.iter_mut().zip(event_records) {
            event.records += more;
        }
        tally.add(counted);
        collectors.push(collector);
    }
    let collected: Vec<ResolvedPart> =
        collectors.into_par_iter().map(|collector| collector.resolve(meanings)).collect();
    tally.without_user_chain = collected.iter().map(|part| part.without_user_chain).sum();
    (collected, span)
}
