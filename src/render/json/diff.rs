//! Whether stalls are gone, as JSON.

use std::io::{self, Write};

use serde::Serialize;

use crate::analyses::diff::{
    CallChange, Changes, CpuTime, Diff, Longer, Noted, PathChange, Row, Side, Stalling, Summary, Verdict,
};
use crate::render::change;

use super::view::{SCHEMA, write_document};

/// Writes `diff`.
///
/// # Errors
///
/// If `out` does not take the bytes.
pub fn write(diff: &Diff, out: &mut dyn Write) -> io::Result<()> {
    let document = Document {
        schema: SCHEMA,
        min_ns: diff.min_ns,
        outcome: diff.outcome.name(),
        is_forced: diff.is_forced,
        before: side(&diff.before),
        after: side(&diff.after),
        doubts: diff.doubts.iter().map(noted).collect(),
        all: row(&diff.all),
        culprits: diff.culprits.iter().map(row).collect(),
        paths: diff.paths.as_ref().map(|changes| view(changes, path)),
        calls: diff.calls.as_ref().map(|changes| view(changes, call)),
    };
    write_document(&document, out)
}

#[derive(Serialize)]
struct Document<'d> {
    schema: u32,
    min_ns: u64,
    outcome: &'static str,
    is_forced: bool,
    before: SideView<'d>,
    after: SideView<'d>,
    doubts: Vec<DoubtView>,
    all: RowView<'d>,
    culprits: Vec<RowView<'d>>,
    paths: Option<ChangesView<PathView>>,
    calls: Option<ChangesView<CallView<'d>>>,
}

#[derive(Serialize)]
struct SideView<'d> {
    name: &'d str,
    recordings: Vec<RecordingView<'d>>,
    skipped: Vec<&'d str>,
    recorded_ns: u64,
    busy_ns: u64,
    stalls: u64,
    unsure: u64,
    cpus: Vec<CpuView>,
}

#[derive(Serialize)]
struct RecordingView<'d> {
    file: &'d str,
    kernel: Option<&'d str>,
    hostname: Option<&'d str>,
    recorded_ns: u64,
    busy_ns: u64,
    frequency_hz: Option<u64>,
    packets: Option<u64>,
    net_rx: Option<u64>,
    lost: u64,
}

#[derive(Serialize)]
struct CpuView {
    cpu: u32,
    busy_ns: u64,
    stalls: u64,
    shortest_ns: Option<u64>,
}

#[derive(Serialize)]
struct DoubtView {
    code: &'static str,
    message: String,
    refuses_fewer: bool,
    refuses_more: bool,
}

#[derive(Serialize)]
struct RowView<'d> {
    culprit: Option<String>,
    verdict: &'static str,
    finding: &'static str,
    before: StallingView<'d>,
    after: StallingView<'d>,
    ratio: Option<f64>,
    ratio_low: f64,
    ratio_high: Option<f64>,
    p_value: f64,
    p_value_corrected: f64,
    dispersion: f64,
    longer: Option<LongerView>,
}

#[derive(Serialize)]
struct StallingView<'d> {
    stalls: u64,
    per_minute: f64,
    median_ns: Option<u64>,
    longest_ns: Option<u64>,
    function: Option<&'d str>,
}

#[derive(Serialize)]
struct LongerView {
    before_ns: u64,
    after_ns: u64,
}

#[derive(Serialize)]
struct ChangesView<T> {
    changed: Vec<T>,
    unchanged: u64,
}

#[derive(Serialize)]
struct PathView {
    path: String,
    before: u64,
    before_windows: u64,
    after: u64,
    after_windows: u64,
    p_value: f64,
}

#[derive(Serialize)]
struct CallView<'d> {
    comm: &'d str,
    syscall: &'d str,
    before: u64,
    after: u64,
    before_median_ns: u64,
    after_median_ns: u64,
    before_most_ns: u64,
    after_most_ns: u64,
    share_longer: f64,
    p_value: f64,
}

fn side(side: &Side) -> SideView<'_> {
    SideView {
        name: &side.name,
        recordings: side.recordings.iter().map(recording).collect(),
        skipped: side.skipped.iter().map(|skipped| skipped.why.as_str()).collect(),
        recorded_ns: side.recorded_ns(),
        busy_ns: side.busy_ns(),
        stalls: side.stalls(),
        unsure: side.unsure(),
        cpus: side.cpus().into_iter().map(cpu).collect(),
    }
}

fn cpu(time: CpuTime) -> CpuView {
    let CpuTime { cpu, busy_ns, stalls, shortest_ns } = time;
    CpuView { cpu, busy_ns, stalls, shortest_ns }
}

fn recording(summary: &Summary) -> RecordingView<'_> {
    RecordingView {
        file: &summary.file,
        kernel: summary.kernel.as_deref(),
        hostname: summary.host.as_deref(),
        recorded_ns: summary.recorded_ns,
        busy_ns: summary.busy_ns(),
        frequency_hz: summary.frequency_hz,
        packets: summary.load.packets,
        net_rx: summary.load.receptions,
        lost: summary.lost,
    }
}

fn noted(noted: &Noted) -> DoubtView {
    DoubtView {
        code: change::code(&noted.doubt),
        message: change::doubt(&noted.doubt),
        refuses_fewer: noted.blocks.better,
        refuses_more: noted.blocks.worse,
    }
}

fn row(row: &Row) -> RowView<'_> {
    let (low, high) = row.interval;
    RowView {
        culprit: row.culprit.as_ref().map(ToString::to_string),
        verdict: row.verdict.name(),
        finding: row.finding.name(),
        before: stalling(&row.before),
        after: stalling(&row.after),
        ratio: row.ratio,
        ratio_low: low,
        ratio_high: Some(high).filter(|high| high.is_finite()),
        p_value: row.p_value,
        p_value_corrected: row.corrected,
        dispersion: row.dispersion,
        longer: match row.finding {
            Verdict::Unclear(longer) => longer.map(longer_view),
            _ => None,
        },
    }
}

fn longer_view(longer: Longer) -> LongerView {
    LongerView { before_ns: longer.before_ns, after_ns: longer.after_ns }
}

fn stalling(stalling: &Stalling) -> StallingView<'_> {
    StallingView {
        stalls: stalling.stalls,
        per_minute: stalling.per_minute,
        median_ns: stalling.median_ns,
        longest_ns: stalling.longest_ns,
        function: stalling.function.as_deref(),
    }
}

fn view<'d, T, V>(changes: &'d Changes<T>, view: impl Fn(&'d T) -> V) -> ChangesView<V> {
    ChangesView { changed: changes.changed.iter().map(view).collect(), unchanged: changes.unchanged }
}

fn path(one: &PathChange) -> PathView {
    PathView {
        path: one.name.to_string(),
        before: one.before,
        before_windows: one.before_windows,
        after: one.after,
        after_windows: one.after_windows,
        p_value: one.p_value,
    }
}

fn call(one: &CallChange) -> CallView<'_> {
    CallView {
        comm: &one.comm,
        syscall: &one.call,
        before: one.before,
        after: one.after,
        before_median_ns: one.before_median_ns,
        after_median_ns: one.after_median_ns,
        before_most_ns: one.before_most_ns,
        after_most_ns: one.after_most_ns,
        share_longer: one.longer,
        p_value: one.p_value,
    }
}
