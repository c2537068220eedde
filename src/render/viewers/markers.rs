//! Markers: intervals with a text, which viewers show beside the stacks of a lane. Each source of
//! markers is a function that returns a list.

use std::borrow::Cow;

use crate::analyses::lanes::Lanes;
use crate::analyses::stalls::{Stall, Stalls};
use crate::analyses::windows::{Episode, Windows};
use crate::model::{Recording, TaskId};
use crate::render::subject;
use crate::render::text::{milliseconds, percent};

/// An interval of a CPU's time with a text.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Marker {
    /// Its kind, in a word. Viewers show the markers of one kind in one row.
    pub kind: &'static str,
    /// Its number in the report of its kind.
    pub number: u64,
    /// The CPU.
    pub cpu: u32,
    /// The task that has it in its lane, if tasks have lanes.
    pub task: Option<TaskId>,
    /// Start, in ns of the recording's clock.
    pub start_ns: u64,
    /// End, in ns of the recording's clock.
    pub end_ns: u64,
    /// The text.
    pub text: String,
}

/// For each lane the markers that lie in it.
pub(super) fn by_lane<'m>(lanes: &Lanes, markers: &'m [Marker]) -> Vec<Vec<&'m Marker>> {
    lanes.sort_in(markers, |marker| (marker.cpu, marker.task))
}

/// Markers for each episode and the window before it. The number is that of the report of windows.
pub fn of_windows(recording: &Recording, windows: &Windows) -> Vec<Marker> {
    let numbered = (1u64..).zip(&windows.episodes);
    let markers = numbered.flat_map(|(number, episode)| {
        let marker = |kind, start_ns, end_ns, label: &str| Marker {
            kind,
            number,
            cpu: episode.cpu,
            task: Some(episode.trigger),
            start_ns,
            end_ns,
            text: format!("{number}: {label}"),
        };
        let window = &episode.window;
        [
            marker("window", window.start_ns, window.end_ns, &window_text(recording, episode)),
            marker("episode", episode.start_ns, episode.end_ns, recording.comm(episode.trigger)),
        ]
    });
    markers.collect()
}

fn window_text(recording: &Recording, episode: &Episode) -> String {
    let Some(dominating) = &episode.dominating else {
        return "no path dominates".to_owned();
    };
    let path = &dominating.path;
    let holder = dominating.holder.map(|task| recording.task(task).comm);
    let names = [path.system_call, path.function];
    let names = names.into_iter().flatten().map(|name| recording.name(name).into());
    let names: Vec<Cow<str>> = std::iter::once(subject::holder(recording, holder)).chain(names).collect();
    format!(
        "{}, {} of its samples that are not idle, {} ms",
        names.join(" "),
        percent(dominating.share),
        milliseconds(dominating.time_ns),
    )
}

/// Markers for each stall and its culprit. The number is that of the report of stalls.
pub fn of_stalls(recording: &Recording, stalls: &Stalls) -> Vec<Marker> {
    let marker = |(number, stall): (u64, &Stall)| Marker {
        kind: "stall",
        number,
        cpu: stall.cpu,
        task: stall.culprit.as_ref().map(|culprit| culprit.on_cpu),
        start_ns: stall.start_ns,
        end_ns: stall.end_ns,
        text: format!("{number}: {}", stall_text(recording, stall)),
    };
    (1u64..).zip(&stalls.stalls).map(marker).collect()
}

fn stall_text(recording: &Recording, stall: &Stall) -> String {
    let label = match &stall.culprit {
        None => "nobody knows who held the CPU".to_owned(),
        Some(culprit) => {
            let function = culprit.path.as_ref().and_then(|path| path.function);
            let function = function.map(|function| format!(" {}", recording.name(function)));
            format!("{}{}", subject::culprit(recording, culprit), function.unwrap_or_default())
        }
    };
    format!("{label}, {} ms, confidence {}", milliseconds(stall.duration_ns()), stall.confidence.name())
}
