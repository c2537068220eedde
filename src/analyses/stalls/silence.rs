//! Silence: whether all other CPUs were silent while one was, as they are if the machine stands
//! still.

use std::ops::Range;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::model::Timeline;

/// After so many looks at one CPU each, an index is made. It takes about as long.
const MANY: usize = 1 << 18;

/// The records of all CPUs.
pub(super) struct Silence<'r> {
    timelines: &'r [Timeline],
    /// How close to the start and the end of a silence a CPU must have been sampled.
    near_ns: u64,
    looks: AtomicUsize,
    index: OnceLock<Index>,
}

impl<'r> Silence<'r> {
    pub fn new(timelines: &'r [Timeline], interval_ns: u64) -> Silence<'r> {
        let near_ns = interval_ns.saturating_mul(2);
        Silence { timelines, near_ns, looks: AtomicUsize::new(0), index: OnceLock::new() }
    }

    /// Whether there are other CPUs than `own`, and each has samples just before and just after
    /// `time`, and no record in it. On a machine with thousands of CPUs that stand still together
    /// this is asked for each of them.
    pub fn is_of_all_others(&self, own: &Timeline, time: &Range<u64>) -> bool {
        if self.timelines.len() < 2 {
            return false;
        }
        if self.looks.load(Ordering::Relaxed) >= MANY {
            return self.by_index(own, time);
        }
        let mut others = self.timelines.iter().filter(|other| other.cpu != own.cpu);
        let mut looks = 0;
        let are_silent = others.all(|other| {
            looks += 1;
            is_silent(other, time, self.near_ns)
        });
        self.looks.fetch_add(looks, Ordering::Relaxed);
        are_silent
    }

    fn by_index(&self, own: &Timeline, time: &Range<u64>) -> bool {
        let index = self.index.get_or_init(|| Index::new(self.timelines, self.near_ns));
        let others = self.timelines.len() - 1;
        let are_near = |moment_ns: u64| {
            let is_own = has_samples(own, &around(moment_ns, self.near_ns));
            index.cpus_near(moment_ns) == others + usize::from(is_own)
        };
        let inner = inner(time, self.near_ns);
        let own_records = own.between(inner.start, inner.end).len() + events(own, &inner);
        are_near(time.start) && are_near(time.end) && index.records(&inner) == own_records
    }
}

/// Whether a CPU that has samples just before and just after `time` has none in it.
fn is_silent(timeline: &Timeline, time: &Range<u64>, near_ns: u64) -> bool {
    let inner = inner(time, near_ns);
    has_samples(timeline, &around(time.start, near_ns))
        && has_samples(timeline, &around(time.end, near_ns))
        && !has_samples(timeline, &inner)
        && events(timeline, &inner) == 0
}

fn around(moment_ns: u64, near_ns: u64) -> Range<u64> {
    moment_ns.saturating_sub(near_ns)..moment_ns.saturating_add(near_ns)
}

/// The part of `time` that is not near its ends.
fn inner(time: &Range<u64>, near_ns: u64) -> Range<u64> {
    let start = time.start.saturating_add(near_ns);
    start..time.end.saturating_sub(near_ns).max(start)
}

fn has_samples(timeline: &Timeline, time: &Range<u64>) -> bool {
    !timeline.between(time.start, time.end).is_empty()
}

fn events(timeline: &Timeline, time: &Range<u64>) -> usize {
    timeline.trace.between(time.start, time.end).len()
}

/// Answers for all CPUs at once.
struct Index {
    /// The times of all samples and events, sorted.
    records: Vec<u64>,
    /// For each CPU the stretches of moments near which it has samples, those of all CPUs together:
    /// their first moments, and their last, both sorted.
    firsts: Vec<u64>,
    lasts: Vec<u64>,
}

impl Index {
    fn new(timelines: &[Timeline], near_ns: u64) -> Index {
        let (mut firsts, mut lasts) = (Vec::new(), Vec::new());
        for timeline in timelines {
            let mut last: Option<u64> = None;
            // `between` finds no sample at the end of time: it has no time.
            for sample in timeline.samples.iter().filter(|sample| sample.time_ns < u64::MAX) {
                let first = (sample.time_ns + 1).saturating_sub(near_ns);
                if last.is_none_or(|last| first > last) {
                    lasts.extend(last);
                    firsts.push(first);
                }
                last = Some(sample.time_ns.saturating_add(near_ns));
            }
            lasts.extend(last);
        }
        let of_timeline = |timeline: &Timeline| {
            let samples = timeline.samples.iter().map(|sample| sample.time_ns);
            samples.chain(timeline.trace.events.iter().map(|event| event.time_ns)).collect::<Vec<u64>>()
        };
        let mut records: Vec<u64> = timelines.iter().flat_map(of_timeline).collect();
        [&mut records, &mut firsts, &mut lasts].into_iter().for_each(|times| times.sort_unstable());
        Index { records, firsts, lasts }
    }

    /// How many CPUs have samples near a moment.
    fn cpus_near(&self, moment_ns: u64) -> usize {
        let begun = self.firsts.partition_point(|&first| first <= moment_ns);
        begun - self.lasts.partition_point(|&last| last < moment_ns)
    }

    /// How many records there are in `time`.
    fn records(&self, time: &Range<u64>) -> usize {
        let before = |moment_ns: u64| self.records.partition_point(|&at| at < moment_ns);
        before(time.end) - before(time.start)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Arguments, Details, Sample, StackId, TaskId, Trace, TraceEvent, TraceKind};

    fn timeline(cpu: u32, samples: Vec<u64>, events: Vec<u64>) -> Timeline {
        let (stack, task) = (StackId::from_index(0), TaskId::from_index(0));
        let event = |time_ns| TraceEvent { time_ns, kind: TraceKind::SwitchIn, task, stack, event: None };
        Timeline {
            cpu,
            samples: samples.into_iter().map(|time_ns| Sample { time_ns, stack, task }).collect(),
            details: Details::default(),
            lost: Vec::new(),
            throttled: Vec::new(),
            trace: Trace { events: events.into_iter().map(event).collect(), arguments: Arguments::default() },
        }
    }

    #[test]
    fn the_index_says_what_each_cpu_says() {
        let mut seed = 7u64;
        let mut dice = |sides: u64| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (seed >> 33) % sides
        };
        let mut silent = 0;
        for round in 0..3_000 {
            let end = [60, 200, u64::MAX][round % 3];
            let mut moment =
                || end.min(u64::MAX - 60) - 60 + dice(60) + if end == u64::MAX { dice(61) } else { 0 };
            let mut times = |most: u64, but: &Range<u64>| {
                let mut times: Vec<u64> =
                    (0..most).map(|_| moment()).filter(|at| !but.contains(at)).collect();
                times.sort_unstable();
                times
            };
            let hole = end.min(u64::MAX - 60) - 40;
            let timelines: Vec<Timeline> = (0..round as u32 % 4 + 1)
                .map(|cpu| timeline(cpu, times(30, &(hole..hole + 15)), times(2, &(hole..hole + 15))))
                .collect();
            let silence = Silence::new(&timelines, 1 + round as u64 % 3);
            for (at, own) in timelines.iter().enumerate() {
                let start = hole + at as u64 - 2;
                let time = start..start + 12 + round as u64 % 5;
                let others = timelines.len() > 1;
                let expected = others && silence.is_of_all_others(own, &time);
                assert_eq!(others && silence.by_index(own, &time), expected, "{time:?} {timelines:?}");
                silent += u32::from(expected);
            }
        }
        assert!(silent > 500, "{silent}");
    }
}
