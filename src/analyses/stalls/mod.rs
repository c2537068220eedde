//! Stalls: the times in which a CPU handled no softirq although it should have, from all witnesses that a recording has; the
//! culprit of each, its victims, and how sure that is.

mod cpu;
mod culprit;
mod holes;
mod options;
mod packets;
mod ranking;
mod result;
mod runs;
mod seen;
mod silence;
mod softirqs;
mod summary;
mod union_find;
mod verdict;
mod victims;
mod visits;
mod witnesses;

pub use options::Options;
pub use result::{
    Blamed, Confidence, Culprit, Evidence, Handler, Kind, Lack, Stall, Stalls, TracedCall, Victims, Witness,
};
pub use summary::Verdict;
pub use witnesses::{COST, RECORD};

use rayon::prelude::*;

use crate::model::{Recording, TaskId, Timeline};

use super::calls::{self, Calls};
use super::contexts::Contexts;

use cpu::{Cpu, Traced};
use culprit::Held;
use seen::{Seen, SeenByTime};
use softirqs::Softirqs;

/// Finds the stalls of `recording`, which must have been loaded with its events.
pub fn find(recording: &Recording, options: &Options) -> Stalls {
    let contexts = Contexts::with_handlers(recording);
    let calls = calls::find(recording);
    let traced = Traced::of(recording);
    let is_ksoftirqd: Vec<bool> = (0..recording.tasks.len())
        .map(|task| recording.comm(TaskId::from_index(task)).starts_with("ksoftirqd/"))
        .collect();
    let timelines: Vec<&Timeline> = options.selection.timelines(recording).collect();
    let of_cpus: Vec<Vec<Stall>> = timelines
        .into_par_iter()
        .map(|timeline| {
            let cpu = Cpu::new(recording, &contexts, timeline, options, traced);
            stalls_of(&cpu, &is_ksoftirqd, &calls)
        })
        .collect();
    let (first_ns, last_ns) = options.selection.time.bounds(recording);
    let is_meant = |stall: &Stall| (first_ns..=last_ns).contains(&stall.start_ns);
    let mut stalls: Vec<Stall> = of_cpus.into_iter().flatten().filter(is_meant).collect();
    stalls.sort_by_key(|stall| (stall.start_ns, stall.cpu));
    Stalls {
        ranking: ranking::rank(recording, &stalls),
        stalls,
        witnesses: witnesses::of(recording, traced),
        min_ns: options.min_ns,
    }
}

/// The stalls of one CPU, by begin.
fn stalls_of(cpu: &Cpu, is_ksoftirqd: &[bool], calls: &Calls) -> Vec<Stall> {
    let softirqs = softirqs::find(cpu, is_ksoftirqd);
    let runs = runs::runs(cpu);
    let mut seen = softirqs.seen.clone();
    seen.extend(holes::find(cpu));
    // Where each wait is known, a long path in which no softirq waited is slow, and no stall.
    let others = silence::find(cpu, &runs).into_iter().chain(packets::find(cpu));
    let known = SeenByTime::new(seen.clone());
    let is_borne_out = |other: &Seen| !cpu.traced.waits() || known.overlapping(&other.time).next().is_some();
    seen.extend(others.filter(is_borne_out));

    let found = verdict::stretches(cpu, &seen, &softirqs.unserved);
    let seen = SeenByTime::new(seen);
    let mut stretches: Vec<Held> = found
        .into_iter()
        .map(|(time, weight)| Held {
            is_long: time.end - time.start >= cpu.options.min_ns,
            suspect: culprit::suspect(cpu, holes::core(&seen, &time)),
            time,
            weight,
        })
        .collect();
    if !cpu.traced.waits() {
        stretches = runs::with_short_runs(cpu, &runs, stretches);
    }
    let stalls = verdict::join(stretches).into_iter();
    stalls.map(|held| stall(cpu, &held, &seen, &softirqs, calls)).collect()
}

fn stall(cpu: &Cpu, held: &Held, seen: &SeenByTime, softirqs: &Softirqs, calls: &Calls) -> Stall {
    let time = culprit::extent(cpu, held, calls);
    let (evidence, confidence) = verdict::evidence(seen, &time);
    let suspect = held.suspect.as_ref();
    let lost = cpu.timeline.lost_in(time.start, time.end);
    Stall {
        cpu: cpu.timeline.cpu,
        start_ns: time.start,
        end_ns: time.end,
        confidence,
        evidence,
        culprit: suspect.map(|suspect| culprit::culprit(cpu, suspect, &held.time, calls)),
        victims: victims::of(cpu, softirqs, &time),
        lost: lost.iter().fold(0, |sum, gap| sum.saturating_add(gap.records)),
    }
}
