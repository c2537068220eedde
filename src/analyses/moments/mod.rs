//! Moments: the times in a victim's log, and for each what held the CPUs: the holder in a stall, or
//! what ran just before the moment.

mod hits;
mod offset;
mod result;
mod times;

use rayon::prelude::*;

use crate::error::Result;
use crate::model::{Log, Recording, Stamp};

use super::selection::Selection;
use super::stalls::{Overloaded, Stalls};
use super::windows::{self, StretchSummarizer};

use hits::StallsByStart;
use times::Times;

pub use hits::AFTER_NS;
pub use result::{Hit, Moment, Moments, Offset};

/// How far before a moment to look at what ran, in ns: the length of a window.
pub const BEFORE_NS: u64 = windows::BEFORE_NS;
/// At most this many moments are looked at: more than anybody reads.
const MOST: usize = 10_000;
/// The most stretches of CPU time that are looked at, over all moments. With many CPUs fewer
/// moments are looked at.
const MOST_STRETCHES: usize = 200_000;

/// Finds what held the selected CPUs of `recording` at the times of `log`.
///
/// # Errors
///
/// If `log` has times of the day, and the recording does not hold the time of day.
pub fn find(recording: &Recording, stalls: &Stalls, log: &Log, selection: &Selection) -> Result<Moments> {
    let times = Times::new(recording, log, selection)?;
    let cpus: Vec<u32> = selection.timelines(recording).map(|timeline| timeline.cpu).collect();
    let most = MOST.min(MOST_STRETCHES / cpus.len().max(1));
    let mut result = Moments::default();
    let mut zoneless_inside = 0;
    for time in &log.times {
        let is_zoneless = time.stamp.lacks_zone();
        result.zoneless += u64::from(is_zoneless);
        result.yearless += u64::from(matches!(time.stamp, Stamp::WithoutYear(_)));
        result.since_boot += u64::from(matches!(time.stamp, Stamp::SinceBoot(_)));
        let Some((start_ns, end_ns)) = times.stretch(time, log.zone_minutes) else {
            result.outside += 1;
            continue;
        };
        zoneless_inside += u64::from(is_zoneless);
        result.trips.extend(time.took_ns.map(|took_ns| (end_ns, took_ns)));
        if time.took_ns.is_some_and(|took| took < stalls.sight.min_ns) {
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
                overload: None,
                before: Vec::new(),
            });
        }
    }
    result.trips.sort_unstable();
    if result.zoneless > 0 && zoneless_inside == 0 {
        result.better_zone = times.better_zone(log);
    }
    let options = windows::Options::without_trigger();
    let summarizer = StretchSummarizer::new(recording, &options);
    let by_start = StallsByStart::new(&stalls.stalls);
    result.moments.par_iter_mut().for_each(|moment| {
        moment.hits = by_start.hits(moment);
        if !moment.hits.is_empty() {
            return;
        }
        moment.overload = overload(stalls, moment);
        if moment.overload.is_none() {
            let start_ns = moment.start_ns.min(moment.end_ns.saturating_sub(BEFORE_NS));
            moment.before =
                cpus.iter().filter_map(|&cpu| summarizer.summarize(cpu, start_ns, moment.end_ns)).collect();
        }
    });
    result.better_offset = offset::better(&stalls.stalls, &result, times.duration_ns());
    Ok(result)
}

/// The overload that a moment lies in.
fn overload(stalls: &Stalls, moment: &Moment) -> Option<usize> {
    let holds = |Overloaded { overload, .. }: &Overloaded| {
        overload.start_ns <= moment.end_ns && moment.start_ns <= overload.end_ns
    };
    stalls.overloads.iter().position(holds)
}
