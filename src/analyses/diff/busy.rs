//! Busy time: when the selected CPUs were not idle, without time in which records were lost. It is
//! the exposure: only then can a CPU stall, or be seen to stall.

use std::ops::Range;

use crate::analyses::contexts::Contexts;
use crate::analyses::selection::Selection;
use crate::analyses::spans::{SpanKind, Spans};
use crate::model::{Recording, TaskId, Timeline, TraceKind};

/// The busy time of the selected CPUs.
pub(super) struct Busy {
    /// Each CPU, and how long it was busy, in ns.
    cpus: Vec<(u32, u64)>,
    together: Together,
}

/// The busy time of all CPUs together: the moments at which another number of them is busy from
/// then on.
struct Together {
    /// Each with the busy time before it, in ns, and the number of busy CPUs.
    moments: Vec<(u64, u64, u64)>,
}

impl Busy {
    pub fn new(recording: &Recording, contexts: &Contexts, selection: &Selection) -> Busy {
        let whole = selection.recorded(recording);
        let samples_time = recording.sampling_event().is_some_and(|event| event.samples_time);
        let (mut cpus, mut times) = (Vec::new(), Vec::new());
        for timeline in selection.timelines(recording) {
            let of_cpu = match samples_time && recording.tally.samples > 0 {
                true => sampled(recording, contexts, timeline, whole.clone()),
                false => switched(recording, timeline, whole.clone()),
            };
            let lengths = of_cpu.iter().map(|time| time.end.saturating_sub(time.start));
            cpus.push((timeline.cpu, lengths.fold(0, u64::saturating_add)));
            times.extend(of_cpu);
        }
        Busy { cpus, together: Together::new(&times) }
    }

    /// Each CPU, and how long it was busy, in ns.
    pub fn cpus(&self) -> impl Iterator<Item = (u32, u64)> {
        self.cpus.iter().copied()
    }

    /// How long all CPUs together were busy before a moment, in ns.
    pub fn before(&self, time_ns: u64) -> u64 {
        self.together.before(time_ns)
    }
}

impl Together {
    /// `times` are those of all CPUs, in any order.
    fn new(times: &[Range<u64>]) -> Together {
        let times = times.iter().filter(|time| !time.is_empty());
        let mut changes: Vec<(u64, bool)> =
            times.flat_map(|time| [(time.start, true), (time.end, false)]).collect();
        // At one moment, those that begin come first: the number of busy CPUs is never below 0.
        changes.sort_unstable_by_key(|(time_ns, begins)| (*time_ns, !begins));
        let mut moments: Vec<(u64, u64, u64)> = Vec::new();
        let (mut since_ns, mut before_ns, mut busy) = (0, 0u64, 0u64);
        for same in changes.chunk_by(|one, other| one.0 == other.0) {
            let time_ns = same[0].0;
            before_ns = before_ns.saturating_add(busy.saturating_mul(time_ns - since_ns));
            since_ns = time_ns;
            let were_busy = busy;
            for (_, begins) in same {
                if *begins { busy += 1 } else { busy -= 1 }
            }
            if busy != were_busy {
                moments.push((time_ns, before_ns, busy));
            }
        }
        Together { moments }
    }

    fn before(&self, time_ns: u64) -> u64 {
        let past = self.moments.partition_point(|(from_ns, ..)| *from_ns <= time_ns);
        let last = past.checked_sub(1).map(|last| self.moments[last]);
        last.map_or(0, |(from_ns, before_ns, busy)| {
            before_ns.saturating_add(busy.saturating_mul(time_ns - from_ns))
        })
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
        let one = Together::new(&[5..7, 7..10, 12..12, 20..21]);
        let before = [0, 5, 6, 10, 15, 20, 21, 99].map(|time| one.before(time));
        assert_eq!(before, [0, 0, 1, 5, 5, 5, 6, 6]);
        assert_eq!(one.moments.len(), 4);
        let two = Together::new(&[5..7, 7..10, 20..21, 6..9, 21..30]);
        let before = [5, 6, 8, 9, 10, 20, 25, 99].map(|time| two.before(time));
        assert_eq!(before, [0, 1, 5, 7, 8, 8, 13, 18]);
        let long = Together::new(&[0..u64::MAX, 0..u64::MAX]);
        assert_eq!(long.before(u64::MAX), u64::MAX);
    }
}
