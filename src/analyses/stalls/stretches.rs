//! Stretches: the times in which a CPU was held according to the findings, each with its suspect.
//! Stretches of one suspect that lie close together are joined, and then each is a stall.

use std::ops::Range;

use super::cpu::{Cpu, PAUSE_NS};
use super::findings::{Findings, Weight, WeightedTime};
use super::kind::Kind;
use super::runs::Run;
use super::suspect::{self, Suspect};
use super::times::is_overlapped;

/// A time in which a CPU was held, with its suspect.
#[derive(Clone, Debug)]
pub(super) struct Stretch {
    pub time: Range<u64>,
    /// Whether it is long enough to be a stall by itself.
    pub is_long: bool,
    pub suspect: Option<Suspect>,
}

/// The stretches according to `findings`, by start. `unserved` has the times in which softirqs
/// waited and none was served.
pub(super) fn find(cpu: &Cpu, findings: &Findings, unserved: &[WeightedTime]) -> Vec<Stretch> {
    let parts = times(findings, unserved);
    // A wait and the action that ends it touch each other. Together they are a stall only if one of
    // them is long enough: an action that follows a short wait serves what waited.
    let stretch = |parts: &[WeightedTime]| {
        let time = parts[0].time.start..parts[parts.len() - 1].time.end;
        Stretch {
            is_long: parts.iter().any(|part| part.time.end - part.time.start >= cpu.options.min_ns),
            suspect: suspect::find(cpu, findings, &time),
            time,
        }
    };
    let touches = |before: &WeightedTime, after: &WeightedTime| {
        before.weight == after.weight && before.time.end == after.time.start
    };
    let stretches = parts.chunk_by(touches).map(stretch);
    stretches.filter(|stretch| stretch.time.end - stretch.time.start >= cpu.least_ns()).collect()
}

/// The times of the findings, those that overlap as one, by start. Where findings of different
/// weight overlap, only the weightiest count.
fn times(findings: &Findings, unserved: &[WeightedTime]) -> Vec<WeightedTime> {
    // While softirqs wait, only time in which none is served counts as a stall.
    let others = findings.all().iter().filter(|finding| !matches!(finding.kind, Kind::SoftirqWait(_)));
    let all: Vec<(&Range<u64>, Weight)> = others
        .map(|finding| (&finding.time, finding.weight))
        .chain(unserved.iter().map(|unserved| (&unserved.time, unserved.weight)))
        .collect();
    let mut times: Vec<WeightedTime> = Vec::new();
    for weight in [Weight::Exact, Weight::Strong, Weight::Weak] {
        let of_weight = all.iter().filter(|(_, other)| *other == weight);
        let mut candidates: Vec<Range<u64>> = of_weight.map(|&(time, _)| time.clone()).collect();
        candidates.sort_unstable_by_key(|time| (time.start, time.end));
        let weightier = times.len();
        for time in candidates {
            if is_overlapped(&times[..weightier], |other| &other.time, &time) {
                continue;
            }
            match times[weightier..].last_mut() {
                Some(last) if time.start < last.time.end => last.time.end = last.time.end.max(time.end),
                _ => times.push(WeightedTime { time, weight }),
            }
        }
        times.sort_unstable_by_key(|one| one.time.start);
    }
    times
}

/// `stretches`, and the runs near them that are too short to be stalls: [`join`] adds them to a
/// stall of the same holder.
pub(super) fn with_short_runs(
    cpu: &Cpu,
    findings: &Findings,
    runs: &[Run],
    stretches: Vec<Stretch>,
) -> Vec<Stretch> {
    let overlaps = |time: &Range<u64>| is_overlapped(&stretches, |stretch| &stretch.time, time);
    let is_near = |time: &Range<u64>| {
        overlaps(&(time.start.saturating_sub(PAUSE_NS)..time.end.saturating_add(PAUSE_NS)))
    };
    let short = runs.iter().filter(|run| run.lasts(cpu, cpu.least_ns())).map(|run| run.time(cpu));
    let short_runs = short.filter(|time| !overlaps(time) && is_near(time)).map(|time| Stretch {
        is_long: false,
        suspect: suspect::find(cpu, findings, &time),
        time,
    });
    let short_runs: Vec<Stretch> = short_runs.collect();
    let mut all = stretches;
    all.extend(short_runs);
    all.sort_by_key(|stretch| stretch.time.start);
    all
}

/// Joins the stretches of one holder that lie close together, and drops those that are still too
/// short. Overlapping stretches are joined whatever their suspects. The suspect is then judged over
/// the joined time.
pub(super) fn join(cpu: &Cpu, findings: &Findings, stretches: Vec<Stretch>) -> Vec<Stretch> {
    let holder = |stretch: &Stretch| stretch.suspect.as_ref().map(|suspect| suspect.holder);
    // Each with whether it is several.
    let mut joined: Vec<(Stretch, bool)> = Vec::new();
    for next in stretches {
        let goes_on = |last: &Stretch| {
            let is_same_holder = holder(last) == holder(&next);
            next.time.start < last.time.end || is_same_holder && next.time.start - last.time.end <= PAUSE_NS
        };
        match joined.last_mut() {
            Some((last, are_several)) if goes_on(last) => {
                last.time.end = last.time.end.max(next.time.end);
                last.is_long |= next.is_long;
                *are_several = true;
            }
            _ => joined.push((next, false)),
        }
    }
    let judged = joined.into_iter().filter(|(stretch, _)| stretch.is_long).map(|(stretch, are_several)| {
        let suspect = match are_several {
            true => suspect::find(cpu, findings, &stretch.time),
            false => stretch.suspect,
        };
        Stretch { suspect, ..stretch }
    });
    judged.collect()
}
