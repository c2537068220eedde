//! Results as JSON, schema 1: documented in docs/json.md; fields are only ever added.

use std::collections::BTreeMap;
use std::io::{self, Write};

use serde::Serialize;

use crate::analyses::contents::{Contents, Unnamed};
use crate::analyses::contexts::Owner;
use crate::analyses::windows::{CutBy, Dominating, Episode, Path, Ranked, Windows};
use crate::model::{CgroupId, Diagnostic, Event, ModuleId, NameId, Recording, clean};

/// Raised only if a field changes its meaning or goes.
pub(super) const SCHEMA: u32 = 1;

/// Writes `windows` of `recording`.
pub fn write_windows<'r>(
    recording: &'r Recording,
    windows: &'r Windows,
    out: &mut dyn Write,
) -> io::Result<()> {
    let view = View { recording };
    let document = WindowDocument {
        schema: SCHEMA,
        recording: view.recording(),
        before_ns: windows.before_ns,
        baseline_windows: windows.baseline_windows,
        episodes: windows.episodes.iter().map(|episode| view.episode(episode)).collect(),
        ranking: windows.ranking.iter().map(|ranked| view.ranked(ranked)).collect(),
        unnamed: view.unnamed(&windows.unnamed),
        diagnostics: view.diagnostics(),
    };
    write(&document, out)
}

/// Writes `contents` of `recording`.
pub fn write_info(recording: &Recording, contents: &Contents, out: &mut dyn Write) -> io::Result<()> {
    let view = View { recording };
    let document = InfoDocument {
        schema: SCHEMA,
        recording: view.recording(),
        about: view.about(),
        events: view.events(),
        records: view.records(),
        cpus: contents
            .cpus
            .iter()
            .map(|cpu| CpuView {
                cpu: cpu.cpu,
                samples: cpu.samples,
                swapper_samples: cpu.swapper_samples,
                gaps: cpu.gaps,
            })
            .collect(),
        frames: contents.frames,
        unnamed_frames: contents.unnamed_frames,
        unnamed: view.unnamed(&contents.unnamed),
        diagnostics: view.diagnostics(),
    };
    write(&document, out)
}

pub(super) fn write(document: &impl Serialize, out: &mut dyn Write) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *out, document).map_err(io::Error::from)?;
    out.write_all(b"\n")
}

#[derive(Serialize)]
struct WindowDocument<'r> {
    schema: u32,
    recording: RecordingView<'r>,
    before_ns: u64,
    baseline_windows: u64,
    episodes: Vec<EpisodeView<'r>>,
    ranking: Vec<RankedView<'r>>,
    unnamed: Vec<UnnamedView<'r>>,
    diagnostics: Vec<DiagnosticView<'r>>,
}

#[derive(Serialize)]
struct InfoDocument<'r> {
    schema: u32,
    recording: RecordingView<'r>,
    about: AboutView<'r>,
    events: Vec<EventView<'r>>,
    records: RecordsView<'r>,
    cpus: Vec<CpuView>,
    frames: u64,
    unnamed_frames: u64,
    unnamed: Vec<UnnamedView<'r>>,
    diagnostics: Vec<DiagnosticView<'r>>,
}

#[derive(Serialize)]
pub(super) struct RecordingView<'r> {
    file: &'r str,
    kernel: Option<&'r str>,
    duration_ns: u64,
    cpus: Vec<u32>,
    samples: u64,
    event: Option<&'r str>,
    frequency_hz: Option<u64>,
    lost: u64,
}

#[derive(Serialize)]
struct AboutView<'r> {
    file_bytes: u64,
    is_script: bool,
    hostname: Option<&'r str>,
    arch: Option<&'r str>,
    perf_version: Option<&'r str>,
    command: Option<&'r str>,
    cpus_online: Option<u32>,
    cpus_available: Option<u32>,
    clock: &'static str,
    start_ns: u64,
    end_ns: u64,
}

#[derive(Serialize)]
struct EventView<'r> {
    name: &'r str,
    is_sampling: bool,
    is_tracepoint: bool,
    has_callchain: bool,
    frequency_hz: Option<u64>,
    period: Option<u64>,
    records: u64,
}

#[derive(Serialize)]
struct RecordsView<'r> {
    read: u64,
    samples: u64,
    other_events: u64,
    side_band: u64,
    skipped: &'r BTreeMap<u32, u64>,
    rejected: &'r BTreeMap<&'static str, u64>,
    lost: u64,
    throttled: u64,
    unread_bytes: u64,
}

#[derive(Serialize)]
struct CpuView {
    cpu: u32,
    samples: u64,
    swapper_samples: u64,
    gaps: u64,
}

#[derive(Serialize)]
struct UnnamedView<'r> {
    name: &'r str,
    module: Option<String>,
    frames: u64,
    code: &'static str,
    reason: &'r str,
    remedy: Option<&'r str>,
}

#[derive(Serialize)]
struct EpisodeView<'r> {
    cpu: u32,
    start_ns: u64,
    end_ns: u64,
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
    end_ns: u64,
    samples: u64,
    idle_samples: u64,
    interrupt_samples: u64,
    lost: u64,
    throttled: bool,
    truncated: bool,
    cut_by: Option<&'static str>,
}

#[derive(Serialize)]
pub(super) struct DominatingView<'r> {
    comm: &'r str,
    pid: i32,
    tid: i32,
    #[serde(flatten)]
    path: PathView<'r>,
    samples: u64,
    share: f64,
    time_ns: u64,
    line: Option<&'r str>,
    #[serde(flatten)]
    cgroup: CgroupView<'r>,
}

#[derive(Serialize)]
pub(super) struct PathView<'r> {
    pub owner: &'static str,
    pub syscall: Option<&'r str>,
    pub function: Option<&'r str>,
    pub path: Vec<&'r str>,
}

#[derive(Serialize)]
pub(super) struct CgroupView<'r> {
    cgroup: Option<&'r str>,
    pod_uid: Option<&'r str>,
    container_id: Option<&'r str>,
}

#[derive(Serialize)]
pub(super) struct RankedView<'r> {
    comm: &'r str,
    #[serde(flatten)]
    path: PathView<'r>,
    verdict: &'static str,
    episodes: u64,
    baseline_windows: u64,
    window_share: f64,
    baseline_share: f64,
    lift: Option<f64>,
    p_value: f64,
    median_held_ns: u64,
    line: Option<&'r str>,
    #[serde(flatten)]
    cgroup: CgroupView<'r>,
}

#[derive(Serialize)]
pub(super) struct DiagnosticView<'r> {
    severity: &'static str,
    code: &'static str,
    count: u64,
    message: &'r str,
    remedy: Option<&'r str>,
}

/// A recording, seen as JSON.
pub(super) struct View<'r> {
    pub(super) recording: &'r Recording,
}

impl<'r> View<'r> {
    pub fn name(&self, id: NameId) -> &'r str {
        self.recording.name(id)
    }

    pub(super) fn recording(&self) -> RecordingView<'r> {
        let event = self.recording.sampling_event();
        RecordingView {
            file: &self.recording.about.file,
            kernel: self.recording.about.kernel.as_deref(),
            duration_ns: self.recording.duration_ns(),
            cpus: match self.recording.tells_cpus() {
                true => self.recording.timelines.iter().map(|timeline| timeline.cpu).collect(),
                false => Vec::new(),
            },
            samples: self.recording.tally.samples,
            event: event.map(|event| event.name.as_str()),
            frequency_hz: event.and_then(|event| event.frequency_hz),
            lost: self.recording.tally.lost,
        }
    }

    fn unnamed<'u>(&self, unnamed: &'u [Unnamed]) -> Vec<UnnamedView<'u>>
    where
        'r: 'u,
    {
        let path = |module: ModuleId| clean(&self.recording.modules[module.index()].path).into_owned();
        let view = |cause: &'u Unnamed| UnnamedView {
            name: self.name(cause.name),
            module: cause.module.map(path),
            frames: cause.frames,
            code: cause.code,
            reason: &cause.reason,
            remedy: Some(cause.remedy.as_str()).filter(|remedy| !remedy.is_empty()),
        };
        unnamed.iter().map(view).collect()
    }

    fn about(&self) -> AboutView<'r> {
        let about = &self.recording.about;
        AboutView {
            file_bytes: about.file_bytes,
            is_script: about.is_script,
            hostname: about.hostname.as_deref(),
            arch: about.arch.as_deref(),
            perf_version: about.perf_version.as_deref(),
            command: about.command.as_deref(),
            cpus_online: about.cpus_online,
            cpus_available: about.cpus_available,
            clock: about.clock.name(),
            start_ns: about.start_ns,
            end_ns: about.end_ns,
        }
    }

    fn events(&self) -> Vec<EventView<'r>> {
        let view = |event: &'r Event| EventView {
            name: &event.name,
            is_sampling: event.is_sampling,
            is_tracepoint: event.is_tracepoint,
            has_callchain: event.has_callchain,
            frequency_hz: event.frequency_hz,
            period: event.period,
            records: event.records,
        };
        self.recording.about.events.iter().map(view).collect()
    }

    fn records(&self) -> RecordsView<'r> {
        let tally = &self.recording.tally;
        RecordsView {
            read: tally.records,
            samples: tally.samples,
            other_events: tally.other_events,
            side_band: tally.side_band,
            skipped: &tally.skipped,
            rejected: &tally.rejected,
            lost: tally.lost,
            throttled: tally.throttled,
            unread_bytes: tally.unread_bytes,
        }
    }

    fn episode(&self, episode: &'r Episode) -> EpisodeView<'r> {
        let task = self.recording.task(episode.trigger);
        let window = &episode.window;
        EpisodeView {
            cpu: episode.cpu,
            start_ns: episode.start_ns,
            end_ns: episode.end_ns,
            trigger: TriggerView {
                comm: self.name(task.comm),
                pid: task.pid,
                tid: task.tid,
                samples: episode.samples,
                softirqs: episode.softirqs.iter().map(|(softirq, count)| (softirq.name(), *count)).collect(),
            },
            window: WindowView {
                start_ns: window.start_ns,
                end_ns: window.end_ns,
                samples: window.indices.len() as u64,
                idle_samples: episode.idle_samples,
                interrupt_samples: episode.interrupt_samples,
                lost: window.lost,
                throttled: window.is_throttled,
                truncated: window.cut_by == Some(CutBy::RecordingStart),
                cut_by: window.cut_by.map(|cut_by| match cut_by {
                    CutBy::RecordingStart => "recording_start",
                    CutBy::PreviousEpisode => "previous_episode",
                }),
            },
            dominating: episode.dominating.as_ref().map(|path| self.dominating(path)),
        }
    }

    pub(super) fn dominating(&self, dominating: &'r Dominating) -> DominatingView<'r> {
        let task = self.recording.task(dominating.task);
        DominatingView {
            comm: self.name(task.comm),
            pid: task.pid,
            tid: task.tid,
            path: self.path(&dominating.path),
            samples: dominating.samples,
            share: dominating.share,
            time_ns: dominating.time_ns,
            line: dominating.line.as_deref(),
            cgroup: self.cgroup(dominating.cgroup),
        }
    }

    pub fn ranked(&self, ranked: &'r Ranked) -> RankedView<'r> {
        RankedView {
            comm: self.name(ranked.comm),
            path: self.path(&ranked.path),
            verdict: ranked.verdict.name(),
            episodes: ranked.windows,
            baseline_windows: ranked.baseline_windows,
            window_share: ranked.window_share,
            baseline_share: ranked.baseline_share,
            lift: ranked.lift,
            p_value: ranked.p_value,
            median_held_ns: ranked.median_held_ns,
            line: ranked.line.as_deref(),
            cgroup: self.cgroup(ranked.cgroup),
        }
    }

    pub fn path(&self, path: &Path) -> PathView<'r> {
        PathView {
            owner: match path.owner {
                Owner::SystemCall => "system_call",
                Owner::KernelThread => "kernel_thread",
                Owner::Exception => "exception",
                Owner::Softirq => "softirq",
                Owner::Interrupt => "interrupt",
            },
            syscall: path.system_call.map(|call| self.name(call)),
            function: path.function().map(|name| self.name(name)),
            path: path.functions.iter().map(|name| self.name(*name)).collect(),
        }
    }

    pub fn cgroup(&self, id: CgroupId) -> CgroupView<'r> {
        let cgroup = self.recording.cgroup(id);
        CgroupView {
            cgroup: cgroup.map(|cgroup| self.name(cgroup.path)),
            pod_uid: cgroup.and_then(|cgroup| cgroup.pod_uid.as_deref()),
            container_id: cgroup.and_then(|cgroup| cgroup.container_id.as_deref()),
        }
    }

    pub(super) fn diagnostics(&self) -> Vec<DiagnosticView<'r>> {
        self.recording.diagnostics.iter().map(diagnostic_view).collect()
    }
}

pub(super) fn diagnostic_view(diagnostic: &Diagnostic) -> DiagnosticView<'_> {
    DiagnosticView {
        severity: diagnostic.severity.name(),
        code: diagnostic.code,
        count: diagnostic.count,
        message: &diagnostic.message,
        remedy: diagnostic.remedy.as_deref(),
    }
}
