//! Rows by hand: recordings of nodes, and their stalls.

use stallgraph::analyses::fleet::{Culprit, Fleet, FleetReport, Node};
use stallgraph::analyses::rows::{RecordingRow, StallRow};

pub const SECOND_NS: u64 = 1_000_000_000;
pub const MS_NS: u64 = 1_000_000;
/// 2026-11-28 00:00 UTC, in us.
pub const MIDNIGHT_US: i64 = 1_795_824_000_000_000;

/// A recording of this node, healthy, so long and from midnight on.
pub fn recording(host: &str, seconds: u64) -> RecordingRow {
    let mut row = RecordingRow::default();
    row.recording = format!("{host}-{seconds}");
    row.host = Some(host.to_owned());
    row.file = format!("{host}.data");
    row.time = Some(MIDNIGHT_US);
    row.end = Some(MIDNIGHT_US + (seconds * 1_000_000) as i64);
    row.duration_ns = seconds * SECOND_NS;
    row.kernel = Some("5.10.0".to_owned());
    row.arch = Some("x86_64".to_owned());
    row.status = "healthy".to_owned();
    row.kept = "always".to_owned();
    row.min_ns = 20 * MS_NS;
    row.has_names = true;
    row
}

/// A stall of this culprit on CPU 0, at so many ms after midnight, so many ms long.
pub fn stall(culprit: &str, at_ms: u64, ms: u64) -> StallRow {
    let mut row = StallRow::default();
    row.time = Some(MIDNIGHT_US + (at_ms * 1000) as i64);
    row.start_ns = at_ms * MS_NS;
    row.duration_ns = ms * MS_NS;
    row.confidence = "medium";
    row.who.culprit = Some(culprit.to_owned());
    row
}

/// So many stalls of 100 ms, one each second.
pub fn stalls(culprit: &str, number: u64) -> Vec<StallRow> {
    (0..number).map(|at| stall(culprit, at * 1000, 100)).collect()
}

/// What these recordings say.
pub fn report(recordings: &[(RecordingRow, Vec<StallRow>)]) -> FleetReport {
    let mut fleet = Fleet::default();
    recordings.iter().for_each(|(row, stalls)| fleet.add(row, stalls));
    fleet.finish()
}

/// The node with this host name.
#[track_caller]
pub fn node<'r>(report: &'r FleetReport, host: &str) -> &'r Node {
    report.nodes.iter().find(|node| node.name.host() == Some(host)).expect("the node")
}

/// The names of the nodes to drain.
pub fn drained(report: &FleetReport) -> Vec<&str> {
    report.drained().filter_map(|node| node.name.host()).collect()
}

/// The culprits as names with nodes, stalls and ms.
pub fn ranking(report: &FleetReport) -> Vec<(&str, u64, u64, u64)> {
    let row = |one: &'_ Culprit| (one.nodes, one.stalls, one.stalled_ns / MS_NS);
    let rows = report.culprits.iter().map(|one| {
        let (nodes, stalls, ms) = row(one);
        (one.culprit.as_str(), nodes, stalls, ms)
    });
    rows.collect()
}
