//! From what the witnesses saw to stalls: what belongs together, from when until when, and how sure it is.

use std::ops::Range;

use super::cpu::{Cpu, JOIN_NS};
use super::culprit::{Held, Suspect};
use super::result::{Confidence, Evidence, Kind};
use super::seen::{Seen, SeenByTime, Weight, first_overlap};

/// The stretches that what was seen tells of, by begin. What an exact witness says goes before what others say of the same time.
pub(super) fn stretches(
    cpu: &Cpu,
    seen: &[Seen],
    unserved: &[(Range<u64>, Weight)],
) -> Vec<(Range<u64>, Weight)> {
    // Of softirqs that wait, the time counts in which none was served at all.
    let others = seen.iter().filter(|seen| !matches!(seen.kind, Kind::SoftirqWait(_)));
    let all: Vec<(Range<u64>, Weight)> =
        others.map(|seen| (seen.time.clone(), seen.weight)).chain(unserved.iter().cloned()).collect();
    let mut stretches: Vec<(Range<u64>, Weight)> = Vec::new();
    for weight in [Weight::Exact, Weight::Strong, Weight::Weak] {
        let mut its: Vec<Range<u64>> =
            all.iter().filter(|(_, other)| *other == weight).map(|(time, _)| time.clone()).collect();
        its.sort_unstable_by_key(|time| (time.start, time.end));
        let known = stretches.len();
        for time in its {
            if first_overlap(&stretches[..known], |(other, _)| other, &time).is_some() {
                continue;
            }
            match stretches[known..].last_mut() {
                Some((last, _)) if time.start <= last.end => last.end = last.end.max(time.end),
                _ => stretches.push((time, weight)),
            }
        }
        stretches.sort_unstable_by_key(|(time, _)| time.start);
    }
    stretches.retain(|(time, _)| time.end - time.start >= cpu.least_ns());
    stretches
}

/// Joins the stretches of one culprit that lie close together, and leaves out what is too short even so.
pub(super) fn join(stretches: Vec<Held>) -> Vec<Held> {
    let mut joined: Vec<Held> = Vec::new();
    for next in stretches {
        let thread = |held: &Held| held.suspect.as_ref().and_then(Suspect::thread);
        match joined.last_mut() {
            Some(last)
                if next.time.start < last.time.end
                    || thread(last).is_some()
                        && thread(last) == thread(&next)
                        && next.time.start - last.time.end <= JOIN_NS =>
            {
                last.time.end = last.time.end.max(next.time.end);
                last.weight = last.weight.max(next.weight);
                last.is_long |= next.is_long;
            }
            _ => joined.push(next),
        }
    }
    joined.retain(|held| held.is_long);
    joined
}

/// What was seen of a stall, by begin.
pub(super) fn evidence(seen: &SeenByTime, time: &Range<u64>) -> (Vec<Evidence>, Confidence) {
    let its: Vec<&Seen> = seen.overlapping(time).collect();
    let mut evidence: Vec<Evidence> = its
        .iter()
        .map(|seen| Evidence { kind: seen.kind, start_ns: seen.time.start, end_ns: seen.time.end })
        .collect();
    evidence.sort_by_key(|evidence| (evidence.start_ns, evidence.end_ns));
    let mut families: Vec<Family> = its.iter().map(|seen| Family::of(seen)).collect();
    families.sort_unstable();
    families.dedup();
    let strongest = its.iter().map(|seen| seen.weight).max();
    let confidence = match (strongest, families.len()) {
        (Some(Weight::Exact), 2..) => Confidence::High,
        (Some(Weight::Exact | Weight::Strong), _) | (_, 2..) => Confidence::Medium,
        _ => Confidence::Low,
    };
    (evidence, confidence)
}

/// Witnesses that would be wrong together.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Family {
    Softirqs,
    Ksoftirqd,
    Samples,
    Handlers,
    Packets,
    Holes,
}

impl Family {
    fn of(seen: &Seen) -> Family {
        match seen.kind {
            Kind::SoftirqWait(_) => Family::Softirqs,
            Kind::KsoftirqdWait => Family::Ksoftirqd,
            Kind::KernelPath { .. } => Family::Samples,
            Kind::Handler { .. } if seen.weight == Weight::Exact => Family::Handlers,
            Kind::Handler { .. } => Family::Samples,
            // A sender that pauses, or a link, silences both.
            Kind::NapiSilence | Kind::PacketBurst { .. } => Family::Packets,
            Kind::SampleHole => Family::Holes,
        }
    }
}
