//! Markers: what viewers show beside the stacks of a lane: an interval with a text. Each source of markers makes a list of them.

use crate::analyses::windows::{Episode, Windows};
use crate::model::{Recording, TaskId};

use super::text::{milliseconds, percent};

/// An interval of a CPU's time, and what is to be said about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Marker {
    /// What it is, in a word: viewers show those of one kind in one row.
    pub kind: &'static str,
    /// The CPU.
    pub cpu: u32,
    /// The task that it is shown with, where tasks have lanes.
    pub task: TaskId,
    /// Begin, in ns of the recording's clock.
    pub begin_ns: u64,
    /// End, in ns of the recording's clock.
    pub end_ns: u64,
    /// What is to be said.
    pub text: String,
}

/// Each episode and the window before it, under the number that the report of windows gives it.
pub fn of_windows(recording: &Recording, windows: &Windows) -> Vec<Marker> {
    let numbered = (1u64..).zip(&windows.episodes);
    let markers = numbered.flat_map(|(number, episode)| {
        let marker = |kind, begin_ns, end_ns, what: &str| Marker {
            kind,
            cpu: episode.cpu,
            task: episode.trigger,
            begin_ns,
            end_ns,
            text: format!("{number}: {what}"),
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
    let names = [Some(recording.task(dominating.task).comm), path.system_call, path.function()];
    let names: Vec<&str> = names.into_iter().flatten().map(|name| recording.name(name)).collect();
    format!(
        "{}, {} of its samples that are not idle, {} ms",
        names.join(" "),
        percent(dominating.share),
        milliseconds(dominating.time_ns),
    )
}
