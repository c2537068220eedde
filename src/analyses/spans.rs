//! Spans: what one CPU did over a stretch of time, without holes or overlaps: a stack, idle, lost
//! or unsampled.

use std::iter::Peekable;
use std::ops::Range;

use crate::model::{Gap, Recording, Timeline};

use super::contexts::Contexts;

/// A stretch of a CPU's time with one content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// Start, in ns of the recording's clock.
    pub start_ns: u64,
    /// End, in ns of the recording's clock; the next span starts there.
    pub end_ns: u64,
    /// What the CPU did.
    pub kind: SpanKind,
}

impl Span {
    /// The length in ns.
    pub fn duration_ns(&self) -> u64 {
        self.end_ns - self.start_ns
    }
}

/// What a CPU did in a span.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SpanKind {
    /// The stack of the sample with this index in the timeline.
    Busy(usize),
    /// Idle, according to the sample with this index in the timeline.
    Idle(usize),
    /// Unknown: records were dropped, or the kernel paused the event.
    Lost,
    /// Unknown, without loss: the event did not count (an idle CPU has no `cycles`) or could not
    /// interrupt.
    Unsampled,
}

/// The spans of a part of a timeline, in time order. A sample lasts for [`Timeline::held_ns`]; the
/// rest of the time to the next sample is lost or unsampled. Every sample in the range has a span,
/// of no length if the next sample has the same time.
pub struct Spans<'r> {
    recording: &'r Recording,
    contexts: &'r Contexts,
    timeline: &'r Timeline,
    interval_ns: u64,
    /// Indices of samples that have no span yet.
    samples: Range<usize>,
    /// The time that has no span yet.
    rest: Range<u64>,
    /// Where samples are missing, in time order and without overlap.
    missing: Peekable<std::vec::IntoIter<Range<u64>>>,
}

impl<'r> Spans<'r> {
    /// The spans that tile `range`, in ns of the recording's clock. A sample before the range that
    /// lasts into it has a span too.
    pub fn new(
        recording: &'r Recording,
        contexts: &'r Contexts,
        timeline: &'r Timeline,
        range: Range<u64>,
    ) -> Self {
        let interval_ns = recording.sampling_interval_ns();
        let mut samples = timeline.between(range.start, range.end);
        if let Some(before) = samples.start.checked_sub(1)
            && end_of(timeline, before, interval_ns) > range.start
            && !range.is_empty()
        {
            samples.start = before;
        }
        let missing = missing(timeline, &range).into_iter().peekable();
        Spans { recording, contexts, timeline, interval_ns, samples, rest: range, missing }
    }

    /// The next span without a sample: it starts where the rest starts and ends at `until_ns` at
    /// most.
    fn fill(&mut self, until_ns: u64) -> Span {
        let start_ns = self.rest.start;
        while self.missing.next_if(|missing| missing.end <= start_ns).is_some() {}
        let (end_ns, kind) = match self.missing.peek() {
            Some(missing) if missing.start <= start_ns => (missing.end, SpanKind::Lost),
            Some(missing) => (missing.start, SpanKind::Unsampled),
            None => (until_ns, SpanKind::Unsampled),
        };
        Span { start_ns, end_ns: end_ns.min(until_ns), kind }
    }
}

impl Iterator for Spans<'_> {
    type Item = Span;

    #[inline]
    fn next(&mut self) -> Option<Span> {
        let next_ns = self.timeline.samples[self.samples.clone()].first().map(|sample| sample.time_ns);
        let span = match next_ns {
            Some(time_ns) if time_ns <= self.rest.start => {
                let at = self.samples.start;
                self.samples.start += 1;
                let is_idle = self.contexts.is_idle(self.recording, &self.timeline.samples[at]);
                Span {
                    start_ns: self.rest.start,
                    end_ns: end_of(self.timeline, at, self.interval_ns).clamp(self.rest.start, self.rest.end),
                    kind: if is_idle { SpanKind::Idle(at) } else { SpanKind::Busy(at) },
                }
            }
            _ if self.rest.is_empty() => return None,
            until => self.fill(until.unwrap_or(self.rest.end)),
        };
        self.rest.start = span.end_ns;
        Some(span)
    }
}

/// When the sample at index `at` ends, in ns.
pub(super) fn end_of(timeline: &Timeline, at: usize, interval_ns: u64) -> u64 {
    timeline.samples[at].time_ns.saturating_add(timeline.held_ns(at, interval_ns))
}

/// When the first sample of the recording was taken, in ns: pictures begin there, since before it
/// there is nothing to draw. Events may be earlier.
pub(super) fn first_sample_ns(recording: &Recording) -> u64 {
    let first = recording.timelines.iter().filter_map(|timeline| timeline.samples.first());
    let timed = first.map(|sample| sample.time_ns).filter(|time_ns| *time_ns < u64::MAX);
    timed.min().unwrap_or(recording.about.start_ns)
}

/// The gaps of `timeline` that overlap `range`, lost and paused; gaps that overlap are joined.
fn missing(timeline: &Timeline, range: &Range<u64>) -> Vec<Range<u64>> {
    let lost = timeline.lost_in(range.start, range.end);
    let mut gaps: Vec<&Gap> = lost.iter().chain(timeline.throttled_in(range.start, range.end)).collect();
    gaps.sort_by_key(|gap| gap.start_ns);
    let mut missing: Vec<Range<u64>> = Vec::new();
    for gap in gaps.into_iter().filter(|gap| gap.start_ns < gap.end_ns) {
        match missing.last_mut() {
            Some(last) if gap.start_ns <= last.end => last.end = last.end.max(gap.end_ns),
            _ => missing.push(gap.start_ns..gap.end_ns),
        }
    }
    missing
}

/// From the recording's first sample to the end of the last sample of `timelines`: the time that
/// can be drawn. Empty if the timelines have no samples.
pub fn extent<'r>(recording: &Recording, timelines: impl IntoIterator<Item = &'r Timeline>) -> Range<u64> {
    let interval_ns = recording.sampling_interval_ns();
    let last = |timeline: &Timeline| {
        timeline.samples.len().checked_sub(1).map(|last| end_of(timeline, last, interval_ns))
    };
    let start_ns = first_sample_ns(recording);
    start_ns..timelines.into_iter().filter_map(last).fold(start_ns, u64::max)
}
