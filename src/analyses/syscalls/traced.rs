//! Traced calls: exact durations, and where the time went.

use rustc_hash::FxHashMap;

use crate::analyses::calls::{Call, Calls};
use crate::model::Recording;

use super::collector::Collector;
use super::result::{Class, SlowCall};

/// A call that had the CPU for this long held it, even if it slept for longer.
const LONG_NS: u64 = 10_000_000;

/// Adds the selected calls.
pub(super) fn add(calls: &Calls, collector: &mut Collector) {
    let (recording, options) = (collector.recording, collector.options);
    let estimates = match calls.has_switches {
        true => None,
        false => on_cpu_estimates(recording, calls),
    };
    let (first_ns, last_ns) = options.selection.time.bounds(recording);
    for (position, call) in calls.all().iter().enumerate() {
        let is_selected = collector.is_selected[call.task.index()]
            && options.selection.has_cpu(call.cpu)
            && call.start_ns <= last_ns
            && call.end_ns >= first_ns;
        if !is_selected {
            continue;
        }
        let estimate =
            estimates.as_ref().map(|estimates| estimates.get(&position).copied().unwrap_or_default());
        let exact_ns = call.spent.map(|spent| spent.on_cpu_ns);
        let on_cpu_ns = exact_ns.or(estimate.map(|estimate| estimate.on_cpu_ns));
        collector.add(SlowCall {
            class: class(call, on_cpu_ns, options.min_ns),
            task: call.task,
            name: Some(call.name),
            cpu: call.cpu,
            start_ns: call.start_ns,
            end_ns: call.end_ns,
            on_cpu_ns,
            samples: estimate.map(|estimate| estimate.samples),
            traced: Some(*call),
        });
    }
}

/// Where most of a call's time went. Calls from `min_ns` on are slow.
fn class(call: &Call, on_cpu_ns: Option<u64>, min_ns: u64) -> Class {
    let Some(on_cpu_ns) = on_cpu_ns else {
        return Class::Unknown;
    };
    let rest_ns = call.duration_ns().saturating_sub(on_cpu_ns);
    let (asleep_ns, runnable_ns) = call.spent.map_or((0, 0), |spent| (spent.asleep_ns, spent.runnable_ns));
    let away_ns = rest_ns.saturating_sub(asleep_ns.saturating_add(runnable_ns));
    let most_ns = asleep_ns.max(runnable_ns).max(away_ns);
    match call.spent {
        _ if on_cpu_ns >= min_ns.max(LONG_NS) || on_cpu_ns >= most_ns => Class::Held,
        None => Class::Unknown,
        Some(_) if away_ns == most_ns => Class::Away,
        Some(_) if runnable_ns == most_ns => Class::Waited,
        Some(_) => Class::Slept,
    }
}

/// A call's time on the CPU, estimated from samples.
#[derive(Clone, Copy, Default)]
struct Estimate {
    on_cpu_ns: u64,
    samples: u64,
}

/// The estimates for the calls that have samples, by their index in [`Calls::all`]; `None` if the
/// recording has no samples.
fn on_cpu_estimates(recording: &Recording, calls: &Calls) -> Option<FxHashMap<usize, Estimate>> {
    let interval_ns = recording.sampling_interval_ns();
    let mut estimates: FxHashMap<usize, Estimate> = FxHashMap::default();
    for timeline in &recording.timelines {
        for (at, sample) in timeline.samples.iter().enumerate() {
            if let Some(call) = calls.position(recording.task(sample.task).tid, sample.time_ns) {
                let estimate = estimates.entry(call).or_default();
                estimate.on_cpu_ns = estimate.on_cpu_ns.saturating_add(timeline.held_ns(at, interval_ns));
                estimate.samples += 1;
            }
        }
    }
    (recording.tally.samples > 0).then_some(estimates)
}
