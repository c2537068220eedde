//! Windows and their ranking, as JSON.

use std::collections::BTreeMap;
use std::io::{self, Write};

use serde::Serialize;

use crate::analyses::check::Doubt;
use crate::analyses::windows::{CutBy, Episode, LeftOut, Windows};
use crate::model::{Recording, Utc};
use crate::render::doubt;

use super::overloads::OverloadView;
use super::view::{
    ComparedView, DiagnosticView, DominatingView, RankedView, RecordingView, SCHEMA, UnnamedView, View,
    write_document,
};

/// Writes `windows` of `recording`. If they name no culprit, `doubt` says why stalls may have been
/// missed.
///
/// # Errors
///
/// If `out` does not take the bytes.
pub fn write<'r>(
    recording: &'r Recording,
    windows: &'r Windows,
    doubt: Option<&Doubt>,
    out: &mut dyn Write,
) -> io::Result<()> {
    write_document(&document(recording, windows, doubt, usize::MAX), out)
}

/// What [`write`] writes, with at most `most` entries in its lists.
pub(in crate::render) fn document<'r>(
    recording: &'r Recording,
    windows: &'r Windows,
    doubt: Option<&Doubt>,
    most: usize,
) -> impl Serialize + use<'r> {
    let view = View { recording };
    WindowDocument {
        schema: SCHEMA,
        recording: view.recording(),
        before_ns: windows.before_ns,
        baseline_windows: windows.compared.first().map_or(0, |first| first.baseline_windows),
        compared: windows.compared.iter().map(ComparedView::new).collect(),
        episodes: windows.episodes.iter().take(most).map(|episode| view.episode(episode)).collect(),
        ranking_unlisted: windows.unlisted,
        ranking: windows.ranking.iter().map(|ranked| view.ranked(ranked)).collect(),
        overloads: view.overloads(&windows.overloads),
        lacks: doubt.map(doubt::sentence),
        unnamed: view.unnamed(&windows.unnamed),
        diagnostics: view.diagnostics(),
    }
}

#[derive(Serialize)]
struct WindowDocument<'r> {
    schema: u32,
    recording: RecordingView<'r>,
    before_ns: u64,
    baseline_windows: u64,
    compared: Vec<ComparedView>,
    episodes: Vec<EpisodeView<'r>>,
    ranking: Vec<RankedView<'r>>,
    ranking_unlisted: u64,
    overloads: Vec<OverloadView<'r>>,
    lacks: Option<String>,
    unnamed: Vec<UnnamedView<'r>>,
    diagnostics: Vec<DiagnosticView<'r>>,
}

#[derive(Serialize)]
struct EpisodeView<'r> {
    cpu: u32,
    start_ns: u64,
    start_at: Option<Utc>,
    end_ns: u64,
    end_at: Option<Utc>,
    trigger: TriggerView<'r>,
    window: WindowView,
    dominating: Option<DominatingView<'r>>,
}

#[derive(Serialize)]
struct TriggerView<'r> {
    comm: &'r str,
    pid: i32,
    tid: i32,
    samples: u64,
    softirqs: BTreeMap<&'static str, u64>,
}

#[derive(Serialize)]
struct WindowView {
    start_ns: u64,
    start_at: Option<Utc>,
    end_ns: u64,
    end_at: Option<Utc>,
    samples: u64,
    idle_samples: u64,
    interrupt_samples: u64,
    lost: u64,
    throttled: bool,
    truncated: bool,
    cut_by: Option<&'static str>,
    left_out: Option<&'static str>,
}

impl<'r> View<'r> {
    fn episode(&self, episode: &'r Episode) -> EpisodeView<'r> {
        let task = self.recording.task(episode.trigger);
        let window = &episode.window;
        EpisodeView {
            cpu: episode.cpu,
            start_ns: episode.start_ns,
            start_at: self.at(episode.start_ns),
            end_ns: episode.end_ns,
            end_at: self.at(episode.end_ns),
            trigger: TriggerView {
                comm: self.name(task.comm),
                pid: task.pid,
                tid: task.tid,
                samples: episode.samples,
                softirqs: episode.softirqs.iter().map(|(softirq, count)| (softirq.name(), *count)).collect(),
            },
            window: WindowView {
                start_ns: window.start_ns,
                start_at: self.at(window.start_ns),
                end_ns: window.end_ns,
                end_at: self.at(window.end_ns),
                samples: window.samples(),
                idle_samples: episode.idle_samples,
                interrupt_samples: episode.interrupt_samples,
                lost: window.lost,
                throttled: window.is_throttled,
                truncated: window.cut_by == Some(CutBy::RecordingStart),
                cut_by: window.cut_by.map(|cut_by| match cut_by {
                    CutBy::RecordingStart => "recording_start",
                    CutBy::PreviousEpisode => "previous_episode",
                }),
                left_out: window.left_out.map(|why| match why {
                    LeftOut::Short => "short",
                    LeftOut::NoWait => "no_wait",
                }),
            },
            dominating: episode.dominating.as_ref().map(|path| self.dominating(path)),
        }
    }
}
