//! The moments of a victim's log, which are a part of the JSON of stalls.

use serde::Serialize;

use crate::analyses::moments::{Moment, Moments};
use crate::analyses::windows::StretchSummary;
use crate::model::{Log, Recording, Utc};

use super::view::{DominatingView, View};

/// A log and its moments.
#[derive(Serialize)]
pub(super) struct LogView<'r> {
    file: &'r str,
    lines: u64,
    times: u64,
    without_time: u64,
    is_cut: bool,
    zone_minutes: i32,
    zoneless: u64,
    better_zone_minutes: Option<i32>,
    yearless: u64,
    since_boot: u64,
    offset_ns: i64,
    better_offset_ns: Option<i64>,
    outside: u64,
    quick: u64,
    left_out: u64,
    moments: Vec<MomentView<'r>>,
}

#[derive(Serialize)]
struct MomentView<'r> {
    line: u64,
    start_ns: u64,
    start_at: Option<Utc>,
    end_ns: u64,
    end_at: Option<Utc>,
    took_ns: Option<u64>,
    stalls: Vec<HitView>,
    /// Its number, from 1.
    overload: Option<usize>,
    before: Vec<StretchView<'r>>,
}

#[derive(Serialize)]
struct HitView {
    /// Its number, from 1, as in the text.
    stall: usize,
    over_ns: u64,
}

#[derive(Serialize)]
struct StretchView<'r> {
    cpu: u32,
    start_ns: u64,
    start_at: Option<Utc>,
    end_ns: u64,
    end_at: Option<Utc>,
    samples: u64,
    idle_samples: u64,
    interrupt_samples: u64,
    lossy: bool,
    dominating: Option<DominatingView<'r>>,
}

/// The view of `moments`, the times of `log` that lie in `recording`; of at most `most` of them.
pub(super) fn view<'r>(
    recording: &'r Recording,
    log: &'r Log,
    moments: &'r Moments,
    most: usize,
) -> LogView<'r> {
    let view = View { recording };
    LogView {
        file: &log.file,
        lines: log.lines,
        times: log.times.len() as u64,
        without_time: log.without,
        is_cut: log.is_cut,
        zone_minutes: log.zone_minutes,
        zoneless: moments.zoneless,
        better_zone_minutes: moments.better_zone.map(|(zone, _)| zone),
        yearless: moments.yearless,
        since_boot: moments.since_boot,
        offset_ns: log.offset_ns,
        better_offset_ns: moments.better_offset.map(|offset| log.offset_ns.saturating_add(offset.ns)),
        outside: moments.outside,
        quick: moments.quick,
        left_out: moments.left_out,
        moments: moments.moments.iter().take(most).map(|moment| moment_view(&view, moment)).collect(),
    }
}

fn moment_view<'r>(view: &View<'r>, moment: &'r Moment) -> MomentView<'r> {
    MomentView {
        line: moment.line,
        start_ns: moment.start_ns,
        start_at: view.at(moment.start_ns),
        end_ns: moment.end_ns,
        end_at: view.at(moment.end_ns),
        took_ns: moment.took_ns,
        stalls: moment
            .hits
            .iter()
            .map(|hit| HitView { stall: hit.stall + 1, over_ns: hit.over_ns })
            .collect(),
        overload: moment.overload.map(|overload| overload + 1),
        before: moment.before.iter().map(|summary| stretch_view(view, summary)).collect(),
    }
}

fn stretch_view<'r>(view: &View<'r>, summary: &'r StretchSummary) -> StretchView<'r> {
    StretchView {
        cpu: summary.cpu,
        start_ns: summary.start_ns,
        start_at: view.at(summary.start_ns),
        end_ns: summary.end_ns,
        end_at: view.at(summary.end_ns),
        samples: summary.samples,
        idle_samples: summary.idle_samples,
        interrupt_samples: summary.interrupt_samples,
        lossy: summary.is_lossy,
        dominating: summary.dominating.as_ref().map(|dominating| view.dominating(dominating)),
    }
}
