//! The rows of windows.

use crate::analyses::windows::{Dominating, Episode, Ranked, Windows};
use crate::model::Recording;

use super::clock::Clock;
use super::row::{Who, WindowRow};

impl WindowRow {
    /// An episode, with the window before it.
    pub(super) fn new(recording: &Recording, windows: &Windows, episode: &Episode, number: i32) -> WindowRow {
        let dominating = episode.dominating.as_ref();
        let softirqs: Vec<String> =
            episode.softirqs.iter().map(|(softirq, number)| format!("{}:{number}", softirq.name())).collect();
        WindowRow {
            recording: String::new(),
            episode: number,
            time: Clock::new(recording).moment(episode.start_ns),
            start_ns: episode.start_ns,
            duration_ns: episode.end_ns - episode.start_ns,
            window_ns: episode.window.end_ns - episode.window.start_ns,
            cpu: episode.cpu,
            trigger: recording.comm(episode.trigger).to_owned(),
            trigger_samples: episode.samples,
            softirqs: Some(softirqs.join(",")).filter(|softirqs| !softirqs.is_empty()),
            samples: episode.window.indices.len() as u64,
            idle_samples: episode.idle_samples,
            interrupt_samples: episode.interrupt_samples,
            lost: episode.window.lost,
            who: dominating.map(|dominating| Who::of_window(recording, dominating)).unwrap_or_default(),
            path_samples: dominating.map(|dominating| dominating.samples),
            share: dominating.map(|dominating| dominating.share),
            held_ns: dominating.map(|dominating| dominating.time_ns),
            verdict: dominating.and_then(|dominating| verdict(recording, windows, dominating)),
        }
    }
}

/// What the ranking says about the path of a window.
fn verdict(recording: &Recording, windows: &Windows, dominating: &Dominating) -> Option<&'static str> {
    let holder = dominating.holder.map(|task| recording.task(task).comm);
    let path = &dominating.path;
    let is_it = |ranked: &&Ranked| {
        ranked.holder == holder
            && ranked.path.owner == path.owner
            && ranked.path.system_call == path.system_call
            && ranked.path.functions.first() == path.functions.first()
    };
    windows.ranking.iter().find(is_it).map(|ranked| ranked.verdict.name())
}
