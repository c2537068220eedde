//! The parts that the JSON of several commands shares.

use std::io::{self, Write};

use serde::Serialize;

use crate::analyses::contents::Unnamed;
use crate::analyses::paths::Path;
use crate::analyses::windows::{Among, ComparedTo, Dominating, Ranked};
use crate::model::{CgroupId, Diagnostic, ModuleId, NameId, Recording, Softirq, Utc, clean};

use super::cause::{self, KnownView};

/// The version of the schema. It is raised only if a field changes its meaning or is removed.
pub(super) const SCHEMA: u32 = 2;

/// Writes a document over several lines.
pub(super) fn write_document(document: &impl Serialize, out: &mut dyn Write) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *out, document).map_err(io::Error::from)?;
    out.write_all(b"\n")
}

/// Writes a document as one line.
pub(super) fn write_document_line(document: &impl Serialize, out: &mut dyn Write) -> io::Result<()> {
    serde_json::to_writer(&mut *out, document).map_err(io::Error::from)?;
    out.write_all(b"\n")
}

#[derive(Serialize)]
pub(super) struct RecordingView<'r> {
    file: &'r str,
    kernel: Option<&'r str>,
    start_at: Option<Utc>,
    end_at: Option<Utc>,
    duration_ns: u64,
    cpus: Vec<u32>,
    samples: u64,
    event: Option<&'r str>,
    frequency_hz: Option<u64>,
    lost: u64,
}

#[derive(Serialize)]
pub(super) struct UnnamedView<'r> {
    name: &'r str,
    module: Option<String>,
    frames: u64,
    code: &'static str,
    reason: &'r str,
    remedy: Option<&'r str>,
}

#[derive(Serialize)]
pub(super) struct DominatingView<'r> {
    comm: Option<&'r str>,
    pid: Option<i32>,
    tid: Option<i32>,
    softirq: Option<&'static str>,
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
    pub beyond: Vec<&'r str>,
}

#[derive(Serialize)]
pub(super) struct CgroupView<'r> {
    cgroup: Option<&'r str>,
    pod_uid: Option<&'r str>,
    container_id: Option<&'r str>,
}

#[derive(Serialize)]
pub(super) struct RankedView<'r> {
    comm: Option<&'r str>,
    softirq: Option<&'static str>,
    #[serde(flatten)]
    path: PathView<'r>,
    #[serde(rename = "known")]
    causes: Vec<KnownView<'r>>,
    leaves: Vec<LeafView<'r>>,
    verdict: &'static str,
    episodes: u64,
    baseline_windows: u64,
    window_share: f64,
    baseline_share: f64,
    lift: Option<f64>,
    p_value: f64,
    median_held_ns: u64,
    compared: ComparedView,
    line: Option<&'r str>,
    #[serde(flatten)]
    cgroup: CgroupView<'r>,
}

#[derive(Serialize)]
struct LeafView<'r> {
    function: &'r str,
    share: f64,
}

#[derive(Serialize)]
pub(super) struct ComparedView {
    among: &'static str,
    windows: u64,
    baseline_windows: u64,
}

impl ComparedView {
    pub fn new(compared: &ComparedTo) -> Self {
        ComparedView {
            among: match compared.among {
                Among::All => "all",
                Among::Receiving => "receiving",
                Among::Others => "others",
            },
            windows: compared.windows,
            baseline_windows: compared.baseline_windows,
        }
    }
}

#[derive(Serialize)]
pub(super) struct DiagnosticView<'r> {
    severity: &'static str,
    code: &'static str,
    count: u64,
    message: &'r str,
    remedy: Option<&'r str>,
}

/// Makes the JSON of parts of a recording.
pub(super) struct View<'r> {
    pub(super) recording: &'r Recording,
}

impl<'r> View<'r> {
    pub fn name(&self, id: NameId) -> &'r str {
        self.recording.name(id)
    }

    /// A time of the recording's clock by the time of day.
    pub(super) fn at(&self, time_ns: u64) -> Option<Utc> {
        self.recording.about.clock.utc(time_ns)
    }

    pub(super) fn recording(&self) -> RecordingView<'r> {
        let event = self.recording.sampling_event();
        RecordingView {
            file: &self.recording.about.file,
            kernel: self.recording.about.kernel.as_deref(),
            start_at: self.at(self.recording.about.start_ns),
            end_at: self.at(self.recording.about.end_ns),
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

    pub(super) fn unnamed<'u>(&self, unnamed: &'u [Unnamed]) -> Vec<UnnamedView<'u>>
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

    pub(super) fn dominating(&self, dominating: &'r Dominating) -> DominatingView<'r> {
        let task = dominating.holder.task().map(|task| self.recording.task(task));
        DominatingView {
            comm: task.map(|task| self.name(task.comm)),
            pid: task.map(|task| task.pid),
            tid: task.map(|task| task.tid),
            softirq: dominating.holder.softirq().map(Softirq::name),
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
            comm: ranked.holder.task().map(|comm| self.name(comm)),
            softirq: ranked.holder.softirq().map(Softirq::name),
            path: self.path(&ranked.path),
            causes: cause::views(&ranked.causes),
            leaves: ranked
                .leaves
                .iter()
                .map(|&(name, share)| LeafView { function: self.name(name), share })
                .collect(),
            verdict: ranked.verdict.name(),
            episodes: ranked.windows,
            baseline_windows: ranked.baseline_windows,
            window_share: ranked.window_share,
            baseline_share: ranked.baseline_share,
            lift: ranked.lift,
            p_value: ranked.p_value,
            median_held_ns: ranked.median_held_ns,
            compared: ComparedView::new(&ranked.compared),
            line: ranked.line.as_deref(),
            cgroup: self.cgroup(ranked.cgroup),
        }
    }

    pub fn path(&self, path: &Path) -> PathView<'r> {
        let names = |functions: &[NameId]| functions.iter().map(|name| self.name(*name)).collect();
        PathView {
            owner: path.owner.name(),
            syscall: path.system_call.map(|call| self.name(call)),
            function: path.function.map(|name| self.name(name)),
            path: names(&path.functions),
            beyond: names(&path.beyond),
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
