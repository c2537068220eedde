//! Stalls: the times in which a CPU handled no softirq although it should have, each with its
//! culprit, its victims, and how sure it is.
//!
//! The search uses all witnesses that a recording has. `docs/stalls.md` describes the rule.

mod actions;
mod advice;
mod bursts;
mod census;
mod commands;
mod confidence;
mod cpu;
mod culprit;
mod extent;
mod findings;
mod handlers;
mod holes;
mod kernel_paths;
mod kind;
mod options;
mod overload;
mod packets;
mod power;
mod ranking;
mod rates;
mod result;
mod runs;
mod silence;
mod softirqs;
mod stretches;
mod summary;
mod suspect;
mod threads;
mod times;
mod traced;
mod union_find;
mod victims;
mod visits;
mod witnesses;

pub use super::holder::{Holder, Interrupt};
pub use advice::{Advice, Cost};
pub use commands::{RECORD, RECORD_ALL};
pub use kind::Kind;
pub use options::Options;
pub(crate) use ranking::key_of;
pub use result::{
    Confidence, Culprit, CulpritSummary, Evidence, Limit, Overloaded, Power, Sight, Stall, Stalls,
    TracedCall, Victims, Wait, WaitingTask,
};
pub use summary::Verdict;
pub use witnesses::{Lack, Source, Witness};

use std::ops::Range;

use rayon::prelude::*;

use crate::analyses::causes::{KnownCause, Subject};
use crate::analyses::contexts::Contexts;
use crate::analyses::overloads;
use crate::model::{Recording, Softirq, Timeline};

use cpu::{Cpu, Facts};
use findings::{Finding, Findings};
use holes::Standstill;
use rates::Rates;
use softirqs::Softirqs;
use stretches::Stretch;
use suspect::Suspect;

/// Finds the stalls of `recording`, which must have been loaded with its events.
pub fn find(recording: &Recording, options: &Options) -> Stalls {
    let overloads = overloads::find(recording, &Contexts::of(recording), &options.selection);
    let facts = Facts::new(recording, options, overloads);
    let timelines: Vec<&Timeline> = options.selection.timelines(recording).collect();
    let of_cpus: Vec<OfCpu> =
        timelines.into_par_iter().map(|timeline| stalls_of(&Cpu::new(&facts, timeline))).collect();
    let (first_ns, last_ns) = options.selection.time.bounds(recording);
    let is_selected = |stall: &Stall| (first_ns..=last_ns).contains(&stall.start_ns);
    let (mut stalls, mut overloads, mut waits, mut powers) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for of_cpu in of_cpus {
        stalls.extend(of_cpu.stalls.into_iter().filter(is_selected));
        overloads.extend(of_cpu.overloads);
        waits.extend(of_cpu.waits);
        powers.push(of_cpu.power);
    }
    stalls.sort_by_key(|stall| (stall.start_ns, stall.cpu));
    let ranking = ranking::rank(recording, &stalls);
    let worst_cpu = ranking.first().and_then(|top| top.cpus.first().copied());
    Stalls {
        advice: advice::advice(&facts, worst_cpu),
        ranking,
        stalls,
        overloads,
        sight: sight_by(&facts, powers),
        waits,
        least_wait_ns: options.least_ns(),
    }
}

/// Which stalls `recording` would have shown: as in the result of [`find`], without the search for
/// them.
pub fn sight(recording: &Recording, options: &Options) -> Sight {
    // What a CPU would have shown does not depend on what it did.
    let facts = Facts::new(recording, options, Vec::new());
    let power = |timeline: &Timeline| {
        let cpu = Cpu::new(&facts, timeline);
        let runs = runs::runs(&cpu);
        power::power(&cpu, &Rates::new(&cpu, &runs), visits::groups(&cpu, &runs).len())
    };
    let timelines: Vec<&Timeline> = options.selection.timelines(recording).collect();
    sight_by(&facts, timelines.into_par_iter().map(power).collect())
}

/// Which stalls a recording would have shown, by what each CPU would have shown.
fn sight_by(facts: &Facts, powers: Vec<Power>) -> Sight {
    Sight { witnesses: witnesses::find(facts.recording, facts.traced), powers, min_ns: facts.options.min_ns }
}

/// What was found on one CPU.
struct OfCpu {
    /// By start.
    stalls: Vec<Stall>,
    overloads: Vec<Overloaded>,
    /// By start.
    waits: Vec<Wait>,
    /// Which stalls it would have shown.
    power: Power,
}

/// The stalls and overloads of one CPU.
fn stalls_of(cpu: &Cpu) -> OfCpu {
    // One CPU may have most of the samples. So threads share the work on its witnesses too.
    let by_samples = || {
        let runs = runs::runs(cpu);
        let rates = Rates::new(cpu, &runs);
        let paths = kernel_paths::find(cpu, &rates, &runs);
        (runs, rates, paths)
    };
    let by_bursts = || {
        let bursts = bursts::find(cpu);
        let (mut findings, handlers) = (actions::find(cpu, &bursts), handlers::find(cpu, &bursts));
        findings.extend(handlers);
        findings
    };
    let ((runs, rates, paths), ((softirqs, holes), (of_bursts, of_packets))) =
        rayon::join(by_samples, || {
            rayon::join(|| (softirqs::find(cpu), holes::find(cpu)), || (by_bursts(), packets::find(cpu)))
        });
    let mut findings = softirqs.findings.clone();
    findings.extend(holes);
    // If all waits of softirqs were traced, a long path in which no softirq waited is slow but no
    // stall. But packets that a thread polls for do not wait for a softirq.
    let knows_waits = cpu.traced.waits() && !cpu.is_polled_by_threads;
    let confirming = Findings::new(findings.clone());
    let is_confirmed =
        |finding: &Finding| !knows_waits || confirming.overlapping(&finding.time).next().is_some();
    let inferred = paths.findings.into_iter().chain(of_bursts).chain(of_packets);
    findings.extend(inferred.filter(is_confirmed));
    let findings = Findings::new(findings);

    let stretches = stretches::find(cpu, &findings, &softirqs.unserved);
    let (overloads, mut stretches) = overload::take(cpu, stretches);
    if !cpu.traced.waits() {
        stretches = stretches::with_short_runs(cpu, &findings, &runs, stretches);
    }
    let stretches = stretches::join(cpu, &findings, stretches);
    let stalls = stretches.iter().map(|stretch| stall(cpu, stretch, &findings, &softirqs));
    OfCpu {
        stalls: stalls.collect(),
        overloads,
        waits: waits(cpu, &softirqs),
        power: power::power(cpu, &rates, paths.groups),
    }
}

fn waits(cpu: &Cpu, softirqs: &Softirqs) -> Vec<Wait> {
    let each =
        softirqs.waits.iter().flat_map(|(softirq, times)| times.iter().map(move |time| (softirq, time)));
    let cpu = cpu.timeline.cpu;
    let wait = |(&softirq, time): (&Softirq, &Range<u64>)| Wait {
        cpu,
        softirq,
        start_ns: time.start,
        end_ns: time.end,
    };
    let mut waits: Vec<Wait> = each.map(wait).collect();
    waits.sort_by_key(|wait| wait.start_ns);
    waits
}

/// The stall of `stretch`.
fn stall(cpu: &Cpu, stretch: &Stretch, findings: &Findings, softirqs: &Softirqs) -> Stall {
    let time = extent::extent(cpu, stretch);
    let may_be_machine = match &stretch.suspect {
        Some(suspect) => matches!(suspect.holder, Holder::Machine),
        None => holes::main_hole(findings, &stretch.time)
            .is_some_and(|hole| holes::standstill(cpu, hole) == Standstill::Possible),
    };
    let findings: Vec<&Finding> = findings.overlapping(&time).collect();
    let suspect = stretch.suspect.as_ref();
    let culprit = suspect.map(|suspect| culprit::culprit(cpu, suspect, &stretch.time));
    Stall {
        cpu: cpu.timeline.cpu,
        start_ns: time.start,
        end_ns: time.end,
        confidence: confidence::confidence(&findings, may_be_machine),
        evidence: findings.iter().map(|finding| finding.evidence()).collect(),
        causes: causes(cpu, suspect, culprit.as_ref(), &findings),
        culprit,
        victims: victims::find(cpu, softirqs, &time, suspect.and_then(|suspect| suspect.holder.task())),
        lost: cpu.timeline.lost_records_in(time.start, time.end),
    }
}

/// The known causes of a stall.
fn causes(
    cpu: &Cpu,
    suspect: Option<&Suspect>,
    culprit: Option<&Culprit>,
    findings: &[&Finding],
) -> Vec<KnownCause> {
    let has = |kind: Kind| findings.iter().any(|finding| finding.kind == kind);
    if culprit.is_none() && !has(Kind::KsoftirqdWait) {
        return Vec::new();
    }
    let holder = culprit.map(|culprit| culprit.holder_by_comm(cpu.recording));
    let (paths, samples) = suspect.map_or((&[][..], 0), |suspect| (&suspect.paths[..], suspect.samples));
    cpu.causes.find(cpu.contexts, Subject { holder, has_hole: has(Kind::SampleHole) }, paths, samples)
}
