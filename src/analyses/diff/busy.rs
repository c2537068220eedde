//! Busy time: when the selected CPUs were not idle, without time in which records were lost. It is
//! the exposure: only then can a CPU stall, or be seen to stall.

use std::ops::Range;

use crate::analyses::contexts::Contexts;
use crate::analyses::selection::Selection;
use crate::analyses::spans::{SpanKind, Spans};
use crate::model::{Recording, TaskId, Timeline, TraceKind};

/// The busy time of the selected CPUs.
pub(super) struct Busy {
    /// For each CPU its stretches, in order.
    cpus: Vec<Stretches>,
}

/// The stretches of one CPU's busy time.
struct Stretches {
    cpu: u32,
    /// Each with the busy time before it, in ns.
    stretches: Vec<(Range<u64>, u64)>,
}

impl Busy {
    pub fn new(recording: &Recording, contexts: &Contexts, selection: &Selection) -> Busy {
        let whole = selection.recorded(recording);
        let samples_time = recording.sampling_event().is_some_and(|event| event.samples_time);
        let of = |timeline: &Timeline| {
            let times = match samples_time && recording.tally.samples > 0 {
                true => sampled(recording, contexts, timeline, whole.clone()),
                false => switched(recording, timeline, whole.clone()),
            };
            Stretches::new(timeline.cpu, times)
        };
        Busy { cpus: selection.timelines(recording).map(of).collect() }
    }

    /// Each CPU, and how long it was busy, in ns.
    pub fn cpus(&self) -> impl Iterator<Item = (u32, u64)> {
        self.cpus.iter().map(|one| (one.cpu, one.before(u64::MAX)))
    }

    /// How long all CPUs together were busy before a moment, in ns.
    pub fn before(&self, time_ns: u64) -> u64 {
        self.cpus.iter().map(|one| one.before(time_ns)).sum()
    }
}

impl Stretches {
    /// `times` are in order and do not overlap.
    fn new(cpu: u32, times: impl IntoIterator<Item = Range<u64>>) -> Stretches {
        let mut stretches: Vec<(Range<u64>, u64)> = Vec::new();
        let mut before = 0;
        for time in times.into_iter().filter(|time| !time.is_empty()) {
            let length = time.end - time.start;
            match stretches.last_mut() {
                Some((last, _)) if last.end == time.start => last.end = time.end,
                _ => stretches.push((time, before)),
            }
            before += length;
        }
        Stretches { cpu, stretches }
    }

    fn before(&self, time_ns: u64) -> u64 {
        let begun = self.stretches.partition_point(|(time, _)| time.start < time_ns);
        let last = begun.checked_sub(1).map(|last| &self.stretches[last]);
        last.map_or(0, |(time, before)| before + time.end.min(time_ns) - time.start)
    }
}

/// The busy time of a CPU by its samples.
fn sampled<'r>(
    recording: &'r Recording,
    contexts: &'r Contexts,
    timeline: &'r Timeline,
    whole: Range<u64>,
) -> Vec<Range<u64>> {
    let spans = Spans::new(recording, contexts, timeline, whole);
    let busy = spans.filter(|span| matches!(span.kind, SpanKind::Busy(_)));
    busy.map(|span| span.start_ns..span.end_ns).collect()
}

/// The busy time of a CPU by its switches: that of other tasks than the idle one. Without switches
/// all of its time counts.
fn switched(recording: &Recording, timeline: &Timeline, whole: Range<u64>) -> Vec<Range<u64>> {
    let is_busy = |task: TaskId| !recording.task(task).is_swapper();
    let holder = |kind: TraceKind, task: TaskId| match kind {
        TraceKind::Switch { next, .. } => Some((is_busy(task), is_busy(next))),
        TraceKind::SwitchIn => Some((true, is_busy(task))),
        TraceKind::SwitchOut { .. } => Some((is_busy(task), true)),
        _ => None,
    };
    let mut times = Vec::new();
    let mut since: Option<(u64, bool)> = None;
    for event in &timeline.trace.events {
        let Some((before, after)) = holder(event.kind, event.task) else { continue };
        let (from, was_busy) = since.unwrap_or((whole.start, before));
        if was_busy {
            times.push(from..event.time_ns);
        }
        since = Some((event.time_ns, after));
    }
    let (from, is_still_busy) = since.unwrap_or((whole.start, true));
    if is_still_busy {
        times.push(from..whole.end);
    }
    let inside = times.into_iter().map(|time| time.start.max(whole.start)..time.end.min(whole.end));
    inside.flat_map(|time| without_losses(timeline, time)).collect()
}

/// What of `time` no records were lost in.
fn without_losses(timeline: &Timeline, time: Range<u64>) -> Vec<Range<u64>> {
    let (mut from, mut left) = (time.start, Vec::new());
    for gap in timeline.lost_in(time.start, time.end) {
        left.push(from..gap.start_ns.min(time.end));
        from = from.max(gap.end_ns);
    }
    left.push(from..time.end);
    left.retain(|time| time.start < time.end);
    left
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn busy_time_before_a_moment_adds_up() {
        let one = Stretches::new(0, [5..7, 7..10, 12..12, 20..21]);
        let before: Vec<u64> = [0, 5, 6, 10, 15, 20, 21, 99].map(|time| one.before(time)).to_vec();
        assert_eq!(before, [0, 0, 1, 5, 5, 5, 6, 6]);
    }
}
