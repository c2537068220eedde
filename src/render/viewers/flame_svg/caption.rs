//! The text above a picture: what it shows, and the finding.

use std::ops::Range;

use crate::analyses::flame::Times;
use crate::analyses::stalls::{CulpritSummary, Stall, Verdict};
use crate::analyses::windows::{Episode, Ranked, Windows};
use crate::model::{Recording, utc};
use crate::render::subject;
use crate::render::text::{counted, duration, milliseconds, percent, seconds};
use crate::render::viewers::markers::Marker;

/// Characters of a file's name in the title.
const FILE_WIDTH: usize = 32;

/// What stands above a picture.
#[derive(Default)]
pub struct Caption {
    /// Recording, CPU and time.
    pub title: String,
    /// The finding.
    pub subtitle: String,
    /// What a differential is of, in a few words: `the windows`.
    pub of: String,
    /// The markers on the drawn CPU, in the order of time: a picture in that order shows them below
    /// its time axis, one row for each kind.
    pub markers: Vec<Marker>,
}

/// A title: the recording, the CPUs or threads that are drawn, start and end, and the day where it
/// is known.
pub fn title(recording: &Recording, lanes: &str, range: &Range<u64>) -> String {
    let day = recording.about.clock.since_1970_ns(range.start).map(|ns| {
        let time = utc(ns);
        format!(", {}", time.split(' ').next().unwrap_or_default())
    });
    format!(
        "{}: {lanes}, {} to {} s ({}){}",
        file(&recording.about.file),
        seconds(range.start),
        seconds(range.end),
        duration(range.end.saturating_sub(range.start)),
        day.unwrap_or_default(),
    )
}

/// A file's name with as many of its folders as fit: the last ones tell files apart.
fn file(path: &str) -> String {
    let length = path.chars().count();
    if length <= FILE_WIDTH {
        return path.to_owned();
    }
    let ends = path.char_indices().filter(|(_, c)| *c == '/').map(|(at, _)| &path[at + 1..]);
    match ends.filter(|end| !end.is_empty()).find(|end| end.chars().count() + 3 <= FILE_WIDTH) {
        Some(end) => format!("../{end}"),
        None => "..".chars().chain(path.chars().skip(length + 2 - FILE_WIDTH)).collect(),
    }
}

/// Why there is no culprit on the drawn CPUs or threads, `lanes`, in one line.
pub fn no_culprit(windows: &Windows, lanes: &str) -> String {
    match windows.episodes.len() as u64 {
        _ if !windows.has_kernel_names => "kernel functions have no names, so no culprit is known".to_owned(),
        0 => format!("no episode of the trigger and no stall on {lanes}, so no culprit"),
        episodes => format!("no culprit in the windows of {}", counted(episodes, "episode")),
    }
}

/// The culprit of stalls, in one line.
pub fn culprit_of_stalls(recording: &Recording, verdict: Verdict, culprit: &CulpritSummary) -> String {
    let word = if verdict == Verdict::Culprit { "culprit" } else { "suspect" };
    format!(
        "{word}: {} {} in {}",
        subject::clause(recording, culprit.holder, culprit.path.as_ref()),
        duration(culprit.total_ns),
        counted(culprit.stalls, "stall"),
    )
}

/// The culprit of the ranking, in one line.
pub fn culprit(recording: &Recording, windows: &Windows, top: &Ranked) -> String {
    format!(
        "{}: {} {} of {} ms, in {} of {}",
        top.verdict.name(),
        subject::clause(recording, top.holder, Some(&top.path)),
        milliseconds(top.median_held_ns),
        milliseconds(windows.before_ns),
        top.windows,
        counted(top.compared.windows, "window"),
    )
}

/// What dominates a window, in one line.
pub fn window(recording: &Recording, windows: &Windows, number: usize, episode: &Episode) -> String {
    let label = match &episode.dominating {
        Some(dominating) => {
            let holder = dominating.holder.map(|task| recording.task(task).comm);
            format!(
                "{} {} of {} ms",
                subject::clause(recording, holder, Some(&dominating.path)),
                milliseconds(dominating.time_ns),
                milliseconds(episode.window.duration_ns()),
            )
        }
        None if !windows.has_kernel_names => "kernel functions have no names, so no path is known".to_owned(),
        None => "no path dominates".to_owned(),
    };
    format!("window {number}, before {}: {label}", recording.comm(episode.trigger))
}

/// Who held the CPU in a stall, in one line.
pub fn stall(recording: &Recording, number: usize, stall: &Stall) -> String {
    let held = duration(stall.duration_ns());
    let label = match &stall.culprit {
        Some(culprit) => {
            let holder = culprit.holder_by_comm(recording);
            match (&culprit.path, &culprit.call) {
                (None, Some(call)) => {
                    let name = subject::holder(recording, holder);
                    format!("{name}, in system call {}, {held}", recording.name(call.name))
                }
                (path, _) => format!("{} {held}", subject::clause(recording, holder, path.as_ref())),
            }
        }
        None => format!("{held}, nothing tells who held the CPU"),
    };
    format!("stall {number}, confidence {}: {label}", stall.confidence.name())
}

/// What a merged picture leaves out, in one line; empty if nothing.
pub fn left_out(times: &Times) -> String {
    let total_ns = times.total_ns();
    let parts = [("idle", times.idle_ns), ("lost", times.lost_ns), ("unsampled", times.unsampled_ns)];
    let shares = parts.iter().filter(|(_, ns)| *ns > 0).map(|(label, ns)| {
        let share = *ns as f64 / total_ns as f64;
        format!("{label} {}", percent(share))
    });
    let shares: Vec<String> = shares.collect();
    if shares.is_empty() { String::new() } else { format!("not drawn: {}", shares.join(", ")) }
}
