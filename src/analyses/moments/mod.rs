//! Moments: the times in a victim's log, and what held the CPUs then: a stall, or what ran just before.

use rayon::prelude::*;

use crate::error::{Error, Result};
use crate::model::{Clock, Log, LogTime, Recording, Stamp, Timeline};

use super::selection::Selection;
use super::stalls::{Stall, Stalls};
use super::windows::{self, Filled, Filling};

/// How long after a stall what waited for it may show, in ns.
pub const AFTER_NS: u64 = 100_000_000;
/// How far before a moment to look at what ran, in ns: a window's length.
pub const BEFORE_NS: u64 = 100_000_000;
/// So many moments are looked at: more than anybody reads.
const MOST: usize = 10_000;
/// So many CPUs are looked at before all moments together; on machines with many CPUs there are fewer moments.
const MOST_FILLED: usize = 200_000;
/// So many stalls of one moment are told: stalls of many CPUs at once have one cause.
const MOST_HITS: usize = 100;
/// A time as coarse as this is a stretch and no point, in ns.
const COARSE_NS: u64 = 1_000_000;
/// ns of a day.
const DAY_NS: i128 = 86_400_000_000_000;
/// Zones lie between these, in minutes from UTC, and a quarter of an hour apart.
const ZONES: std::ops::RangeInclusive<i32> = -12 * 60..=14 * 60;
const ZONE_STEP: usize = 15;

/// The result.
#[derive(Clone, Debug, Default)]
pub struct Moments {
    /// The moments in the recording, in the order of the log.
    pub moments: Vec<Moment>,
    /// Times that are not in the recording.
    pub outside: u64,
    /// Times of what took less than the shortest stall, which did not wait for one.
    pub quick: u64,
    /// Times in the recording that are more than can be looked at.
    pub left_out: u64,
    /// Times that name no zone.
    pub zoneless: u64,
    /// If none of these are in the recording: the zone in which most would be, in minutes east of UTC, and how many.
    pub better_zone: Option<(i32, u64)>,
}

/// A time of the log, in the recording.
#[derive(Clone, Debug)]
pub struct Moment {
    /// Its line in the log, from 1.
    pub line: u64,
    /// Begin of what it tells of, in ns of the recording's clock.
    pub start_ns: u64,
    /// The time in the log, in ns of the recording's clock; as late as a coarse one can mean.
    pub end_ns: u64,
    /// How long what it tells of took, in ns.
    pub took_ns: Option<u64>,
    /// The stalls that it lies in or shortly after, by their place in [`Stalls::stalls`], the one that explains most first.
    pub hits: Vec<Hit>,
    /// If it lies in none: what each CPU did just before, by CPU.
    pub before: Vec<Filled>,
}

impl Moments {
    /// How many moments lie in a stall or shortly after one.
    pub fn in_stalls(&self) -> usize {
        self.moments.iter().filter(|moment| !moment.hits.is_empty()).count()
    }
}

impl Moment {
    /// What the CPU did before it that one path held longest, else the busiest; of equals the first
    /// CPU. `None` if no CPU was looked at.
    pub fn most_held(&self) -> Option<&Filled> {
        self.before.iter().max_by_key(|filled| {
            let held_ns = filled.dominating.as_ref().map_or(0, |dominating| dominating.time_ns);
            (held_ns, filled.busy_samples(), std::cmp::Reverse(filled.cpu))
        })
    }
}

/// A stall that explains a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hit {
    /// Its place in [`Stalls::stalls`].
    pub stall: usize,
    /// How long before the moment it was over, in ns; 0 if the moment lies in it.
    pub over_ns: u64,
}

/// Finds what held the selected CPUs of `recording` at the times of `log`. An error if the recording does not tell the time of day.
pub fn find(recording: &Recording, stalls: &Stalls, log: &Log, selection: &Selection) -> Result<Moments> {
    let wall = wall(&recording.about.clock).ok_or_else(|| {
        Error::input(
            &recording.about.file,
            "does not tell the time of day, so that no time of a log can be found in it",
            "record with perf 5.9 or newer and -k CLOCK_MONOTONIC",
        )
    })?;
    let recorded = recorded(recording, selection);
    let finder =
        Times { wall, recorded, middle_ns: i128::from(recorded.0) + i128::from(recorded.1 - recorded.0) / 2 };
    let cpus: Vec<u32> = selection.timelines(recording).map(|timeline| timeline.cpu).collect();
    let most = MOST.min(MOST_FILLED / cpus.len().max(1));
    let mut result = Moments::default();
    let mut zoneless_inside = 0;
    for time in &log.times {
        let is_zoneless = !matches!(time.stamp, Stamp::Absolute(_));
        result.zoneless += u64::from(is_zoneless);
        let Some((start_ns, end_ns)) = finder.stretch(time, log.zone_minutes) else {
            result.outside += 1;
            continue;
        };
        zoneless_inside += u64::from(is_zoneless);
        if time.took_ns.is_some_and(|took| took < stalls.min_ns) {
            result.quick += 1;
        } else if result.moments.len() == most {
            result.left_out += 1;
        } else {
            let (line, took_ns) = (time.line, time.took_ns);
            result.moments.push(Moment {
                line,
                start_ns,
                end_ns,
                took_ns,
                hits: Vec::new(),
                before: Vec::new(),
            });
        }
    }
    if result.zoneless > 0 && zoneless_inside == 0 {
        result.better_zone = finder.better_zone(log);
    }
    let options = windows::Options::without_trigger();
    let filling = Filling::new(recording, &options);
    let by_begin = ByBegin::new(&stalls.stalls);
    result.moments.par_iter_mut().for_each(|moment| {
        moment.hits = by_begin.hits(moment);
        if moment.hits.is_empty() {
            let start_ns = moment.start_ns.min(moment.end_ns.saturating_sub(BEFORE_NS));
            moment.before = cpus.iter().filter_map(|&cpu| filling.of(cpu, start_ns, moment.end_ns)).collect();
        }
    });
    Ok(result)
}

/// One moment in both clocks, (ns since 1970, ns of the recording's clock). Recorded by perf 5.9 and newer (the header's
/// CLOCK_DATA, tools/perf/util/header.c) with `-k`.
fn wall(clock: &Clock) -> Option<(u64, u64)> {
    const CLOCK_REALTIME: i32 = 0;
    clock.wall.or((clock.id == Some(CLOCK_REALTIME)).then_some((0, 0)))
}

/// The first and the last moment of which anything was recorded, in the selected time.
fn recorded(recording: &Recording, selection: &Selection) -> (u64, u64) {
    let (first_ns, last_ns) = selection.time.bounds(recording);
    let events = |timeline: &Timeline| {
        let events = timeline.trace.between(first_ns, last_ns);
        events.first().zip(events.last()).map(|(first, last)| (first.time_ns, last.time_ns))
    };
    let about = &recording.about;
    let samples = (about.start_ns.max(first_ns), about.end_ns.min(last_ns));
    let spans = selection.timelines(recording).filter_map(events).chain([samples]);
    let whole = spans.reduce(|a, b| (a.0.min(b.0), a.1.max(b.1))).unwrap_or(samples);
    (whole.0, whole.1.max(whole.0))
}

/// From times of a log to those of the recording.
struct Times {
    wall: (u64, u64),
    recorded: (u64, u64),
    /// The middle of the recording: a time of day is that of the nearest day.
    middle_ns: i128,
}

impl Times {
    /// Begin and end of what a line tells of, in ns of the recording's clock; `None` if none of it is in the recording.
    fn stretch(&self, time: &LogTime, zone_minutes: i32) -> Option<(u64, u64)> {
        let zone_ns = i128::from(zone_minutes) * 60_000_000_000;
        let to_recording = i128::from(self.wall.1) - i128::from(self.wall.0);
        let at = match time.stamp {
            Stamp::Absolute(ns) => i128::from(ns) + to_recording,
            Stamp::Local(ns) => i128::from(ns) - zone_ns + to_recording,
            Stamp::TimeOfDay(ns) => {
                let some_day = i128::from(ns) - zone_ns + to_recording;
                let after_middle = (some_day - self.middle_ns + DAY_NS / 2).rem_euclid(DAY_NS);
                self.middle_ns - DAY_NS / 2 + after_middle
            }
        };
        let coarse_ns = if time.resolution_ns > COARSE_NS { time.resolution_ns } else { 0 };
        let begin = at - i128::from(time.took_ns.unwrap_or(0));
        let end = at + i128::from(coarse_ns);
        let is_inside = end >= i128::from(self.recorded.0) && begin <= i128::from(self.recorded.1);
        let clamped = |ns: i128| u64::try_from(ns.max(0)).ok();
        Some((clamped(begin)?, clamped(end)?)).filter(|_| is_inside)
    }

    /// The zone in which most of the times that name none would be in the recording; of equals the nearest to UTC.
    fn better_zone(&self, log: &Log) -> Option<(i32, u64)> {
        let zoneless = log.times.iter().filter(|time| !matches!(time.stamp, Stamp::Absolute(_)));
        let some: Vec<&LogTime> = zoneless.take(MOST).collect();
        let inside = |zone: i32| some.iter().filter(|time| self.stretch(time, zone).is_some()).count() as u64;
        let counts = ZONES.step_by(ZONE_STEP).map(|zone| (zone, inside(zone)));
        counts
            .filter(|(_, count)| *count > 0)
            .max_by_key(|&(zone, count)| (count, std::cmp::Reverse((zone.abs(), zone))))
    }
}

/// Stalls by their begin, so that a moment finds those near it.
struct ByBegin<'s> {
    stalls: &'s [Stall],
    order: Vec<usize>,
    longest_ns: u64,
}

impl<'s> ByBegin<'s> {
    fn new(stalls: &'s [Stall]) -> Self {
        let mut order: Vec<usize> = (0..stalls.len()).collect();
        order.sort_by_key(|&at| stalls[at].start_ns);
        let longest_ns = stalls.iter().map(Stall::duration_ns).max().unwrap_or(0);
        ByBegin { stalls, order, longest_ns }
    }

    /// The stalls that a moment lies in or shortly after: first that which shares most time with it, then that which was over last.
    fn hits(&self, moment: &Moment) -> Vec<Hit> {
        let earliest_ns = moment.start_ns.saturating_sub(AFTER_NS).saturating_sub(self.longest_ns);
        let from = self.order.partition_point(|&at| self.stalls[at].start_ns < earliest_ns);
        let to = self.order.partition_point(|&at| self.stalls[at].start_ns <= moment.end_ns);
        let near = self.order.get(from..to).unwrap_or_default().iter().copied();
        let over_ns = |stall: usize| moment.start_ns.saturating_sub(self.stalls[stall].end_ns);
        let mut hits: Vec<Hit> = near
            .map(|stall| Hit { stall, over_ns: over_ns(stall) })
            .filter(|hit| hit.over_ns <= AFTER_NS)
            .collect();
        let shared_ns = |hit: &Hit| {
            let stall = &self.stalls[hit.stall];
            stall.end_ns.min(moment.end_ns).saturating_sub(stall.start_ns.max(moment.start_ns))
        };
        hits.sort_by_key(|hit| (hit.over_ns, std::cmp::Reverse(shared_ns(hit)), hit.stall));
        hits.truncate(MOST_HITS);
        hits
    }
}
