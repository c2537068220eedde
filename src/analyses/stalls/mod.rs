//! Stalls: the times in which a CPU handled no softirq although it should have, each with its
//! culprit, its victims, and how sure it is.
//!
//! The search uses all witnesses that a recording has. `docs/stalls.md` describes the rule.

mod confidence;
mod cpu;
mod culprit;
mod extent;
mod findings;
mod holder;
mod holes;
mod kernel_paths;
mod kind;
mod options;
mod packets;
mod ranking;
mod result;
mod runs;
mod softirqs;
mod stretches;
mod summary;
mod suspect;
mod times;
mod traced;
mod union_find;
mod victims;
mod visits;
mod witnesses;

pub use holder::{Holder, Interrupt};
pub use kind::Kind;
pub use options::Options;
pub use result::{Confidence, Culprit, CulpritSummary, Evidence, Stall, Stalls, TracedCall, Victims};
pub use summary::Verdict;
pub use witnesses::{COST, Lack, RECORD, Source, Witness};

use rayon::prelude::*;

use crate::model::{Recording, Timeline};

use super::calls::{self, Calls};
use super::contexts::Contexts;

use cpu::Cpu;
use findings::{Finding, Findings};
use softirqs::Softirqs;
use stretches::Stretch;
use traced::Traced;

/// Finds the stalls of `recording`, which must have been loaded with its events.
pub fn find(recording: &Recording, options: &Options) -> Stalls {
    let contexts = Contexts::with_handlers(recording);
    let calls = calls::find(recording);
    let traced = Traced::new(recording);
    let timelines: Vec<&Timeline> = options.selection.timelines(recording).collect();
    let of_cpus: Vec<Vec<Stall>> = timelines
        .into_par_iter()
        .map(|timeline| {
            let cpu = Cpu::new(recording, &contexts, timeline, options, traced);
            stalls_of(&cpu, &calls)
        })
        .collect();
    let (first_ns, last_ns) = options.selection.time.bounds(recording);
    let is_selected = |stall: &Stall| (first_ns..=last_ns).contains(&stall.start_ns);
    let mut stalls: Vec<Stall> = of_cpus.into_iter().flatten().filter(is_selected).collect();
    stalls.sort_by_key(|stall| (stall.start_ns, stall.cpu));
    Stalls {
        ranking: ranking::rank(recording, &stalls),
        stalls,
        witnesses: witnesses::find(recording, traced),
        min_ns: options.min_ns,
    }
}

/// The stalls of one CPU, by start.
fn stalls_of(cpu: &Cpu, calls: &Calls) -> Vec<Stall> {
    let softirqs = softirqs::find(cpu);
    let runs = runs::runs(cpu);
    let mut findings = softirqs.findings.clone();
    findings.extend(holes::find(cpu));
    // If all waits of softirqs were traced, a long path in which no softirq waited is slow but no
    // stall.
    let confirming = Findings::new(findings.clone());
    let is_confirmed =
        |finding: &Finding| !cpu.traced.waits() || confirming.overlapping(&finding.time).next().is_some();
    let inferred = kernel_paths::find(cpu, &runs).into_iter().chain(packets::find(cpu));
    findings.extend(inferred.filter(is_confirmed));
    let findings = Findings::new(findings);

    let mut stretches = stretches::find(cpu, &findings, &softirqs.unserved);
    if !cpu.traced.waits() {
        stretches = stretches::with_short_runs(cpu, &findings, &runs, stretches);
    }
    let stalls = stretches::join(stretches).into_iter();
    stalls.map(|stretch| stall(cpu, &stretch, &findings, &softirqs, calls)).collect()
}

/// The stall of `stretch`.
fn stall(cpu: &Cpu, stretch: &Stretch, findings: &Findings, softirqs: &Softirqs, calls: &Calls) -> Stall {
    let time = extent::extent(cpu, stretch, calls);
    let findings: Vec<&Finding> = findings.overlapping(&time).collect();
    let suspect = stretch.suspect.as_ref();
    Stall {
        cpu: cpu.timeline.cpu,
        start_ns: time.start,
        end_ns: time.end,
        confidence: confidence::confidence(&findings),
        evidence: findings.iter().map(|finding| finding.evidence()).collect(),
        culprit: suspect.map(|suspect| culprit::culprit(cpu, suspect, &stretch.time, calls)),
        victims: victims::find(cpu, softirqs, &time),
        lost: cpu.timeline.lost_records_in(time.start, time.end),
    }
}
