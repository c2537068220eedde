//! Times of a log on the recording's clock.

use std::ops::Range;

use crate::analyses::selection::Selection;
use crate::error::{Error, Result};
use crate::model::{Clock, Log, LogTime, Recording, Stamp};

/// A time with a coarser resolution than this, in ns, is treated as a stretch and not as a point.
const COARSE_NS: u64 = 1_000_000;
/// A day in ns.
const DAY_NS: i128 = 86_400_000_000_000;
/// The range of time zones, in minutes east of UTC.
const ZONES: std::ops::RangeInclusive<i32> = -12 * 60..=14 * 60;
/// Time zones are this many minutes apart.
const ZONE_STEP: usize = 15;
/// At most this many times are tried in each zone.
const MOST_TRIED: usize = 10_000;

/// One moment in both clocks: ns since 1970, and ns of the recording's clock. perf 5.9 and newer
/// record it with `-k` (CLOCK_DATA of the header, tools/perf/util/header.c).
fn wall_clock(clock: &Clock) -> Option<(u64, u64)> {
    const CLOCK_REALTIME: i32 = 0;
    clock.wall.or((clock.id == Some(CLOCK_REALTIME)).then_some((0, 0)))
}

/// Converts times of a log to the recording's clock.
pub(super) struct Times {
    /// One moment in both clocks, where the recording tells: see [`wall_clock`].
    wall: Option<(u64, u64)>,
    /// The time that was recorded, in ns.
    recorded: Range<u64>,
    /// The middle of the recording, in ns: a time of day is taken to be on the nearest day, and a
    /// date without a year in the nearest year.
    middle_ns: i128,
    /// What is added to each time of the log, in ns.
    offset_ns: i128,
}

impl Times {
    /// For the times of `log` in the selected time of `recording`.
    ///
    /// # Errors
    ///
    /// If `log` has times of the day, and the recording does not hold the time of day.
    pub fn new(recording: &Recording, log: &Log, selection: &Selection) -> Result<Self> {
        let wall = wall_clock(&recording.about.clock);
        let needs_wall = |time: &LogTime| !matches!(time.stamp, Stamp::SinceBoot(_) | Stamp::Both { .. });
        if wall.is_none() && log.times.iter().any(needs_wall) {
            return Err(Error::input(
                &recording.about.file,
                "does not tell the time of day, so that no time of a log can be found in it",
                "record with perf 5.9 or newer and -k CLOCK_MONOTONIC; times since the boot, of dmesg, can be found",
            ));
        }
        let recorded = selection.recorded(recording);
        let middle_ns = i128::from(recorded.start) + i128::from(recorded.end - recorded.start) / 2;
        Ok(Times { wall, recorded, middle_ns, offset_ns: i128::from(log.offset_ns) })
    }

    /// How long was recorded, in ns.
    pub fn duration_ns(&self) -> u64 {
        self.recorded.end - self.recorded.start
    }

    /// The start and the end of the operation that a line reports, in ns of the recording's clock;
    /// `None` if no part of it is in the recording.
    pub fn stretch(&self, time: &LogTime, zone_minutes: i32) -> Option<(u64, u64)> {
        let at = self.moment_ns(time, zone_minutes);
        let coarse_ns = if time.resolution_ns > COARSE_NS { time.resolution_ns } else { 0 };
        let begin = at - i128::from(time.took_ns.unwrap_or(0));
        let end = at + i128::from(coarse_ns);
        let is_inside = end >= i128::from(self.recorded.start) && begin <= i128::from(self.recorded.end);
        let clamped = |ns: i128| u64::try_from(ns.max(0)).ok();
        Some((clamped(begin)?, clamped(end)?)).filter(|_| is_inside)
    }

    /// A time of the log in ns of the recording's clock, in the recording or not.
    fn moment_ns(&self, time: &LogTime, zone_minutes: i32) -> i128 {
        let zone_ns = i128::from(zone_minutes) * 60_000_000_000;
        let to_recording = self.wall.map_or(0, |(wall, clock)| i128::from(clock) - i128::from(wall));
        let at = match time.stamp {
            Stamp::Absolute(ns) => i128::from(ns) + to_recording,
            Stamp::Local(ns) => i128::from(ns) - zone_ns + to_recording,
            Stamp::SinceBoot(ns) => i128::from(ns),
            Stamp::Both { monotonic_ns, .. } if self.wall.is_none() => i128::from(monotonic_ns),
            Stamp::Both { real_ns, .. } => i128::from(real_ns) + to_recording,
            Stamp::TimeOfDay(ns) => {
                let some_day = i128::from(ns) - zone_ns + to_recording;
                let after_middle = (some_day - self.middle_ns + DAY_NS / 2).rem_euclid(DAY_NS);
                self.middle_ns - DAY_NS / 2 + after_middle
            }
            Stamp::WithoutYear(ns) => {
                let first = i128::from(ns) - zone_ns + to_recording;
                let near = self.years_nearby(to_recording).map(|march| first + march);
                let distance = |at: &i128| (at - self.middle_ns).abs();
                near.into_iter().min_by_key(distance).unwrap_or(first)
            }
        };
        at + self.offset_ns
    }

    /// 1 March of the year of the recording, and of the years before and after it, in ns since
    /// 1970. Years that begin in March have their leap day at the end.
    fn years_nearby(&self, to_recording: i128) -> [i128; 3] {
        /// Days from 1 March of the year 0 to 1970-01-01.
        const TO_1970: i128 = 719_468;
        /// Days of 400 years.
        const ERA: i128 = 146_097;
        let days = (self.middle_ns - to_recording).div_euclid(DAY_NS) + TO_1970;
        let year = days * 400 / ERA;
        let march = |year: i128| {
            let leap_days = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
            (365 * year + leap_days - TO_1970) * DAY_NS
        };
        [year - 1, year, year + 1].map(march)
    }

    /// The zone in which most times without a zone would be in the recording, in minutes east of
    /// UTC, and how many would be. Of several such zones it is the one nearest to UTC.
    pub fn better_zone(&self, log: &Log) -> Option<(i32, u64)> {
        let zoneless = log.times.iter().filter(|time| time.stamp.lacks_zone());
        let tried: Vec<&LogTime> = zoneless.take(MOST_TRIED).collect();
        let inside =
            |zone: i32| tried.iter().filter(|time| self.stretch(time, zone).is_some()).count() as u64;
        let counts = ZONES.step_by(ZONE_STEP).map(|zone| (zone, inside(zone)));
        counts
            .filter(|(_, count)| *count > 0)
            .max_by_key(|&(zone, count)| (count, std::cmp::Reverse((zone.abs(), zone))))
    }
}
