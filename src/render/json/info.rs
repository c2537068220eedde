//! What is in a recording, as JSON.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io::{self, Write};

use serde::Serialize;

use crate::analyses::contents::Contents;
use crate::model::{Event, KernelNames, Recording, Unwinding, Utc, clean};

use super::overloads::OverloadView;
use super::view::{DiagnosticView, RecordingView, SCHEMA, UnnamedView, View, write_document};

/// Writes `contents` of `recording`.
///
/// # Errors
///
/// If `out` does not take the bytes.
pub fn write(recording: &Recording, contents: &Contents, out: &mut dyn Write) -> io::Result<()> {
    let view = View { recording };
    let document = InfoDocument {
        schema: SCHEMA,
        recording: view.recording(),
        about: view.about(),
        events: view.events(),
        records: view.records(),
        unwinding: recording.unwinding.as_ref().map(|unwinding| view.unwinding(unwinding)),
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
        overloads: view.overloads(&contents.overloads),
        kernel_names: view.kernel_names(),
        unnamed: view.unnamed(&contents.unnamed),
        diagnostics: view.diagnostics(),
    };
    write_document(&document, out)
}

#[derive(Serialize)]
struct InfoDocument<'r> {
    schema: u32,
    recording: RecordingView<'r>,
    about: AboutView<'r>,
    events: Vec<EventView<'r>>,
    records: RecordsView<'r>,
    unwinding: Option<UnwindingView<'r>>,
    cpus: Vec<CpuView>,
    frames: u64,
    unnamed_frames: u64,
    overloads: Vec<OverloadView<'r>>,
    kernel_names: Vec<KernelNamesView<'r>>,
    unnamed: Vec<UnnamedView<'r>>,
    diagnostics: Vec<DiagnosticView<'r>>,
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
    start_at: Option<Utc>,
    end_ns: u64,
    end_at: Option<Utc>,
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
    lost_share: f64,
    throttled: u64,
    unread_bytes: u64,
}

/// How far user stacks were unwound.
#[derive(Serialize)]
struct UnwindingView<'r> {
    stacks: u64,
    to_root: u64,
    cut: Vec<CutView<'r>>,
}

/// Stacks that were not unwound to their root.
#[derive(Serialize)]
struct CutView<'r> {
    stacks: u64,
    end: &'static str,
    module: Option<Cow<'r, str>>,
    why: Option<&'static str>,
}

/// A file that names of the kernel come from.
#[derive(Serialize)]
struct KernelNamesView<'r> {
    file: &'r str,
    place: &'static str,
    option: Option<&'static str>,
}

#[derive(Serialize)]
struct CpuView {
    cpu: u32,
    samples: u64,
    swapper_samples: u64,
    gaps: u64,
}

impl<'r> View<'r> {
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
            start_at: self.at(about.start_ns),
            end_ns: about.end_ns,
            end_at: self.at(about.end_ns),
        }
    }

    fn unwinding(&self, unwinding: &'r Unwinding) -> UnwindingView<'r> {
        let cut = unwinding.cut().into_iter().map(|(end, module, stacks)| CutView {
            stacks,
            end: end.code(),
            module: module.map(|module| clean(&self.recording.modules[module.index()].path)),
            why: module.and_then(|module| unwinding.lacking.get(&module)).map(|why| why.code()),
        });
        UnwindingView { stacks: unwinding.stacks(), to_root: unwinding.to_root(), cut: cut.collect() }
    }

    fn kernel_names(&self) -> Vec<KernelNamesView<'r>> {
        let view = |names: &'r KernelNames| KernelNamesView {
            file: &names.file,
            place: names.place.code(),
            option: names.place.option(),
        };
        self.recording.kernel_names.iter().map(view).collect()
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
            lost_share: tally.lost_share(),
            throttled: tally.throttled,
            unread_bytes: tally.unread_bytes,
        }
    }
}
