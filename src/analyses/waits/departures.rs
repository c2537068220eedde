//! Departures: spans off the CPU in the form of timelines, for what writes stacks in order.

use std::collections::BTreeMap;

use crate::analyses::off_cpu::{Span, SpanFlaw, each_span};
use crate::error::Result;
use crate::model::{CgroupId, Detail, Details, EventId, Recording, Sample, Timeline, Trace};

use super::notes::{lacking, refuse_samples};
use super::options::Options;

/// Spans off the CPU, in the order in which they begin on each CPU.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Departures {
    /// For each CPU that threads left, one entry in the place of a sample for each span: when the
    /// thread left, its task and its stack; the period is the time off the CPU in microseconds.
    /// The event means nothing.
    pub timelines: Vec<Timeline>,
    /// How many of the spans are not known wholly: they have the known part.
    pub not_whole: u64,
    /// How many of these are too long: their end was not recorded.
    pub unseen: u64,
}

/// The selected spans of `recording`, which must have been loaded with its events.
///
/// # Errors
///
/// If an undamaged recording has neither switches nor samples of `perf record --off-cpu`, or its
/// switches or wake-ups were loaded as samples.
pub fn departures(recording: &Recording, options: &Options) -> Result<Departures> {
    refuse_samples(recording)?;
    let Options { min_ns, selection } = options;
    let is_selected = selection.tasks(recording);
    if recording.samples_off_cpu() {
        return Ok(of_samples(recording, &is_selected, *min_ns));
    }
    let time = selection.time_of_switches(recording);
    let mut spans: BTreeMap<u32, Vec<(Sample, u64)>> = BTreeMap::new();
    let (mut not_whole, mut unseen) = (0, 0);
    let scope = each_span(recording, |span| {
        let Some(cpu) = span.cpu.filter(|cpu| selection.has_cpu(*cpu)) else { return };
        let is_selected = |span: &Span| is_selected[span.task.index()] && span.ns() >= *min_ns;
        if let Some(span) = span.within(&time).filter(is_selected) {
            not_whole += u64::from(span.flaw.is_some());
            unseen += u64::from(span.flaw == Some(SpanFlaw::Unseen));
            let Span { start_ns, stack, task, .. } = span;
            spans.entry(cpu).or_default().push((Sample { time_ns: start_ns, stack, task }, span.ns()));
        }
    });
    if !scope.switches && !recording.is_damaged() {
        return Err(lacking(recording));
    }
    let timeline = |(cpu, mut spans): (u32, Vec<(Sample, u64)>)| {
        // No two threads leave a CPU at one time, but in a damaged recording.
        spans.sort_by_key(|(sample, _)| (sample.time_ns, sample.task));
        timeline(cpu, spans)
    };
    Ok(Departures { timelines: spans.into_iter().map(timeline).collect(), not_whole, unseen })
}

/// perf's samples: their times are the order of the file.
fn of_samples(recording: &Recording, is_selected: &[bool], min_ns: u64) -> Departures {
    let of_cpu = |line: &Timeline| {
        let samples = line.samples.iter().enumerate();
        let samples = samples.filter(|(_, sample)| is_selected[sample.task.index()]);
        let times = samples.map(|(at, sample)| (*sample, line.details.get(at).period));
        timeline(line.cpu, times.filter(|(_, ns)| *ns >= min_ns).collect())
    };
    let timelines = recording.timelines.iter().map(of_cpu).collect();
    Departures { timelines, not_whole: 0, unseen: 0 }
}

/// A timeline of spans with their lengths in ns.
fn timeline(cpu: u32, spans: Vec<(Sample, u64)>) -> Timeline {
    let mut details = Details::default();
    for (_, ns) in &spans {
        details.push(Detail { period: ns / 1000, cgroup: CgroupId::NONE, event: EventId(0) });
    }
    let samples = spans.into_iter().map(|(sample, _)| sample).collect();
    Timeline { cpu, samples, details, lost: Vec::new(), throttled: Vec::new(), trace: Trace::default() }
}
