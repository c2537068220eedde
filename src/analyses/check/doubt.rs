//! Doubt: why a recording without stalls does not show that there were none.

use std::cmp::Reverse;

use rayon::prelude::*;

use crate::analyses::contexts::Contexts;
use crate::analyses::selection::Selection;
use crate::analyses::stalls::{Lack, Limit, Sight, Source};
use crate::model::{Gap, Recording, Sample, Severity, Softirq, Timeline, TraceEvent, TraceKind};

use super::result::Doubt;

/// A recording shorter than this, in ns, says little about a node.
const SHORTEST_NS: u64 = 1_000_000_000;
/// The sources that can show a stall; the others only add details.
const EVIDENCE: [Source; 3] = [Source::Samples, Source::Softirqs, Source::Packets];

/// Why stalls may have been missed; `None` if the recording would have shown them.
pub fn doubt(recording: &Recording, sight: &Sight, selection: &Selection) -> Option<Doubt> {
    let is_damage = |severity| severity == Severity::Error;
    if let Some(damage) = recording.diagnostics.iter().find(|diagnostic| is_damage(diagnostic.severity)) {
        return Some(Doubt::Damaged(damage.message.clone()));
    }
    let timelines = || selection.timelines(recording);
    if timelines().all(|timeline| timeline.samples.is_empty() && timeline.trace.events.is_empty()) {
        return Some(Doubt::Empty);
    }
    let recorded = selection.recorded(recording);
    let duration_ns = recorded.end - recorded.start;
    let least_ns = SHORTEST_NS.max(sight.min_ns.saturating_mul(2));
    if duration_ns < least_ns {
        return Some(Doubt::Short { duration_ns, least_ns });
    }
    if recording.tally.is_much_lost() {
        return Some(Doubt::Lost(recording.tally.lost_share()));
    }
    if let Some(gap) = longest_gap(recording, sight, selection) {
        return Some(gap);
    }
    let powerless = sight.weakest().map(|power| match power.limit {
        Limit::Evidence => Doubt::NoWitness(missing(sight)),
        _ => Doubt::Power(power),
    });
    powerless.or_else(|| elsewhere(recording, selection))
}

/// Why the CPUs that were recorded may not be those that receive packets.
fn elsewhere(recording: &Recording, selection: &Selection) -> Option<Doubt> {
    let contexts = Contexts::of(recording);
    let is_received = |timeline: &Timeline| {
        let is_net_rx = |sample: &Sample| contexts.get(sample.stack).softirq() == Some(Softirq::NetRx);
        let is_packet = |event: &TraceEvent| match event.kind {
            TraceKind::SoftirqRaise(softirq) | TraceKind::SoftirqEntry(softirq) => softirq == Softirq::NetRx,
            TraceKind::NapiPoll { .. } | TraceKind::Packet { .. } => true,
            _ => false,
        };
        timeline.trace.events.iter().any(is_packet) || timeline.samples.iter().any(is_net_rx)
    };
    if !selection.timelines(recording).any(is_received) {
        let cpus = selection.timelines(recording).count();
        let are_all = recording.about.cpus_online.is_some_and(|online| cpus >= online as usize);
        return Some(Doubt::NothingReceived { elsewhere: !are_all });
    }
    // A server that is woken for a CPU that was not recorded handles packets there.
    let handed_over = |event: &TraceEvent| match event.kind {
        TraceKind::Waking { task, cpu } if recording.is_server(task) => Some(cpu),
        _ => None,
    };
    let unrecorded = |events: &[TraceEvent]| {
        events.iter().filter_map(handed_over).find(|&cpu| recording.timeline(cpu).is_none())
    };
    let pieces = recording.timelines.par_iter().flat_map(|timeline| timeline.trace.pieces());
    pieces.find_map_first(unrecorded).map(Doubt::ServedElsewhere)
}

/// The source that could show a stall and that the recording lacks: one that was recorded and
/// cannot be used, rather than one that was not.
fn missing(sight: &Sight) -> String {
    let lacking = sight.lacking().filter(|(witness, _)| EVIDENCE.contains(&witness.source));
    let lacking = lacking.min_by_key(|(_, why)| **why == Lack::NotRecorded);
    lacking.map_or(String::new(), |(witness, why)| format!("{} {why}", witness.name))
}

/// The longest time without records, if a stall could lie in it. Pauses that begin in idle do not
/// count: the kernel resumes a paused event at its next tick (kernel/events/core.c,
/// `perf_adjust_freq_unthr_context`), and an idle CPU has no tick until there is work. If softirqs
/// were traced, no pause counts, because tracepoints are recorded during pauses.
fn longest_gap(recording: &Recording, sight: &Sight, selection: &Selection) -> Option<Doubt> {
    let (first_ns, last_ns) = selection.time.bounds(recording);
    let are_softirqs_traced = sight.has(Source::Softirqs);
    let contexts = Contexts::of(recording);
    let begins_in_idle = |timeline: &Timeline, gap: &Gap| {
        let before = timeline.samples.partition_point(|sample| sample.time_ns <= gap.start_ns).checked_sub(1);
        before.is_some_and(|at| contexts.is_idle(recording, &timeline.samples[at]))
    };
    let gaps_of = |timeline: &Timeline| {
        let paused = timeline.throttled_in(first_ns, last_ns).iter();
        let paused = paused.filter(|gap| !are_softirqs_traced && !begins_in_idle(timeline, gap));
        let gaps = timeline.lost_in(first_ns, last_ns).iter().chain(paused);
        (gaps.map(|gap| gap.end_ns.saturating_sub(gap.start_ns)).max().unwrap_or(0), timeline.cpu)
    };
    let longest = selection.timelines(recording).map(gaps_of).max_by_key(|&(ns, cpu)| (ns, Reverse(cpu)));
    let (duration_ns, cpu) = longest.filter(|(ns, _)| *ns >= sight.min_ns.max(1))?;
    Some(Doubt::Gap { cpu, duration_ns })
}
