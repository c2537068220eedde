//! Waits: where each raise and each entry of softirqs was traced, the times in which a softirq was
//! pending and none was served, and those in which one action kept all others waiting.

use std::ops::Range;

use crate::model::{Recording, Timeline, TraceKind, Tracepoint};

use super::holes::MATTERS;
use super::result::Window;

/// What was traced of softirqs, if their waits were traced completely.
#[derive(Clone, Copy)]
pub(super) struct Traced {
    has_exits: bool,
}

impl Traced {
    /// What the recording traced; `None` if no wait can be told from it.
    pub fn new(recording: &Recording) -> Option<Traced> {
        let is_traced =
            recording.traces(Tracepoint::SoftirqRaise) && recording.traces(Tracepoint::SoftirqEntry);
        is_traced.then(|| Traced { has_exits: recording.traces(Tracepoint::SoftirqExit) })
    }
}

/// The waits of one CPU, in order.
pub(super) struct Waits(Vec<Range<u64>>);

impl Waits {
    /// The waits of a CPU.
    pub fn new(timeline: &Timeline, traced: Traced) -> Waits {
        Waits(times(timeline, traced.has_exits))
    }

    /// Whether a softirq waited in a window of this length asked for, or in the episode after it,
    /// which ends at `end_ns`.
    pub fn is_in(&self, window: &Window, end_ns: u64, before_ns: u64) -> bool {
        let first = self.0.partition_point(|wait| wait.end <= window.start_ns);
        let overlapping = self.0[first..].iter().take_while(|wait| wait.start < end_ns);
        let waited_ns =
            |wait: &Range<u64>| wait.end.min(end_ns).saturating_sub(wait.start.max(window.start_ns));
        overlapping.map(waited_ns).any(|waited_ns| MATTERS.is_held(waited_ns, before_ns))
    }
}

/// The times in which a softirq was pending and none was served, from the first raise to the next
/// entry. Where exits were traced too, a raise while a softirq is being served does not count, and
/// each action counts from its entry to its exit.
fn times(timeline: &Timeline, has_exits: bool) -> Vec<Range<u64>> {
    let mut times = Vec::new();
    let mut raised_ns = None;
    let mut entered_ns = None;
    for event in &timeline.trace.events {
        match event.kind {
            TraceKind::SoftirqRaise(_) if entered_ns.is_none() => {
                raised_ns.get_or_insert(event.time_ns);
            }
            TraceKind::SoftirqEntry(_) => {
                times.extend(raised_ns.take().map(|since| since..event.time_ns));
                entered_ns = has_exits.then_some(event.time_ns);
            }
            TraceKind::SoftirqExit(_) => times.extend(entered_ns.take().map(|since| since..event.time_ns)),
            _ => {}
        }
    }
    times
}

/// Whether a window has a hole: a time without a sample, as long as a wait that matters. With
/// interrupts off no softirq is raised, so that none is seen to wait.
pub(super) fn has_hole(timeline: &Timeline, window: &Window, before_ns: u64) -> bool {
    let samples = &timeline.samples[window.indices.clone()];
    let times = samples.iter().map(|sample| sample.time_ns).chain([window.end_ns]);
    let mut last_ns = window.start_ns;
    times.into_iter().any(|time_ns| {
        let passed_ns = time_ns - std::mem::replace(&mut last_ns, time_ns);
        MATTERS.is_held(passed_ns, before_ns)
    })
}
