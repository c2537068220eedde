//! Doubt: why a recording without stalls does not show that there were none.

use std::cmp::Reverse;

use crate::analyses::contexts::Contexts;
use crate::analyses::selection::Selection;
use crate::analyses::stalls::{Limit, Power, Source, Stalls};
use crate::model::{Gap, Recording, Severity, Timeline};

use super::result::Doubt;

/// A recording shorter than this, in ns, says little about a node.
const SHORTEST_NS: u64 = 1_000_000_000;
/// The sources that can show a stall; the others only add details.
const EVIDENCE: [Source; 3] = [Source::Samples, Source::Softirqs, Source::Packets];

/// Why stalls may have been missed; `None` if the recording would have shown them.
pub fn doubt(recording: &Recording, stalls: &Stalls, selection: &Selection) -> Option<Doubt> {
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
    let least_ns = SHORTEST_NS.max(stalls.min_ns.saturating_mul(2));
    if duration_ns < least_ns {
        return Some(Doubt::Short { duration_ns, least_ns });
    }
    if recording.tally.is_much_lost() {
        return Some(Doubt::Lost(recording.tally.lost_share()));
    }
    if let Some(gap) = longest_gap(recording, stalls, selection) {
        return Some(gap);
    }
    weakest(stalls).map(|power| match power.limit {
        // Samples show stalls only if the kernel's functions have names.
        Limit::Names => Doubt::NoWitness("kernel functions have no names: save /proc/kallsyms".to_owned()),
        Limit::Evidence => Doubt::NoWitness(missing(stalls)),
        _ => Doubt::Power(power),
    })
}

/// The CPU whose records would have shown the fewest stalls, if one of the length that was asked
/// for might be missing.
fn weakest(stalls: &Stalls) -> Option<Power> {
    let is_weak = |power: &&Power| power.shortest_ns.is_none_or(|ns| ns > stalls.min_ns);
    let weakness = |power: &&Power| (power.shortest_ns.is_none(), power.shortest_ns, Reverse(power.cpu));
    stalls.powers.iter().filter(is_weak).max_by_key(weakness).copied()
}

/// The first source that could show a stall and that the recording lacks.
fn missing(stalls: &Stalls) -> String {
    let lacking = stalls.lacking().find(|(witness, _)| EVIDENCE.contains(&witness.source));
    lacking.map_or(String::new(), |(witness, why)| format!("{} {why}", witness.name))
}

/// The longest time without records, if a stall could lie in it. Pauses that begin in idle do not
/// count: the kernel resumes a paused event at its next tick (kernel/events/core.c,
/// `perf_adjust_freq_unthr_context`), and an idle CPU has no tick until there is work. If softirqs
/// were traced, no pause counts, because tracepoints are recorded during pauses.
fn longest_gap(recording: &Recording, stalls: &Stalls, selection: &Selection) -> Option<Doubt> {
    let (first_ns, last_ns) = selection.time.bounds(recording);
    let are_softirqs_traced = stalls.has(Source::Softirqs);
    let contexts = Contexts::new(recording);
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
    let (duration_ns, cpu) = longest.filter(|(ns, _)| *ns >= stalls.min_ns.max(1))?;
    Some(Doubt::Gap { cpu, duration_ns })
}
