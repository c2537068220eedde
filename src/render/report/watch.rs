//! A stall as one line, for logs: when, where, how long, who, and where it is kept.

use crate::analyses::stalls::Stall;
use crate::model::{Recording, chosen, utc};
use crate::render::subject;
use crate::render::text::{counted, short};

/// The culprit of a stall in a few words.
pub fn culprit(recording: &Recording, stall: &Stall) -> String {
    match &stall.culprit {
        Some(culprit) => subject::culprit(recording, culprit),
        None => "nobody knows".to_owned(),
    }
}

/// When a stall began, for the name of a file: `20261128T182437Z`.
pub fn file_time(recording: &Recording, stall: &Stall) -> String {
    match recording.about.clock.since_1970_ns(stall.start_ns) {
        Some(ns) => format!("{}Z", utc(ns).replace(['-', ':'], "").replace(' ', "T")),
        None => stall.start_ns.to_string(),
    }
}

/// What was counted of a culprit in the minute after a stall that was told.
pub fn counted_line(culprit: &str, stalls: u64, total_ns: u64, longest_ns: u64) -> String {
    format!(
        "{culprit}: {} more within a minute, {} in all, {} the longest",
        counted(stalls, "stall"),
        short(total_ns),
        short(longest_ns)
    )
}

/// The line of a stall: `2026-11-28 18:24:37 UTC CPU 1 stalled 116ms, medium: snmpd read`.
pub fn line(recording: &Recording, stall: &Stall) -> String {
    let since_1970 = recording.about.clock.since_1970_ns(stall.start_ns);
    let when = since_1970.map_or_else(|| format!("{} ns", stall.start_ns), |ns| format!("{} UTC", utc(ns)));
    let who = culprit(recording, stall);
    let cgroup = stall.culprit.as_ref().and_then(|culprit| recording.cgroup(culprit.cgroup));
    let place = cgroup.map(|cgroup| match (&cgroup.pod_uid, &cgroup.container_id) {
        (None, None) => format!("; control group {}", chosen(recording.name(cgroup.path))),
        (pod, container) => {
            let pod = pod.iter().map(|uid| format!("; pod {uid}"));
            let container = container.iter().map(|id| format!("; container {id}"));
            pod.chain(container).collect()
        }
    });
    let cause = stall.causes.first().map(|first| format!("; known: {}", first.cause.name));
    format!(
        "{when} CPU {} stalled {}, {}: {who}{}{}",
        stall.cpu,
        short(stall.duration_ns()),
        stall.confidence.name(),
        place.unwrap_or_default(),
        cause.unwrap_or_default()
    )
}
