//! Slow system calls and their sums, as JSON.

use std::io::{self, Write};

use serde::Serialize;

use crate::analyses::syscalls::{Call, Doubt, SlowCall, Source, Summary, SystemCalls};
use crate::model::{NameId, Recording, Utc};

use super::lines::{self, Rows, first};
use super::view::{DiagnosticView, RecordingView, SCHEMA, View, diagnostic_view};

#[derive(Serialize)]
struct Document<'r, C: Serialize, S: Serialize> {
    schema: u32,
    recording: RecordingView<'r>,
    estimate: bool,
    interval_ns: Option<u64>,
    min_ns: u64,
    calls: u64,
    not_whole: u64,
    slow: C,
    summary: S,
    diagnostics: Vec<DiagnosticView<'r>>,
}

#[derive(Serialize)]
struct CallView<'r> {
    class: &'static str,
    comm: &'r str,
    pid: i32,
    tid: i32,
    cpu: u32,
    syscall: Option<&'r str>,
    number: Option<i32>,
    arguments: Option<[String; 6]>,
    result: Option<i64>,
    start_ns: u64,
    start_at: Option<Utc>,
    end_ns: u64,
    end_at: Option<Utc>,
    duration_ns: u64,
    enter_ns: Option<u64>,
    exit_ns: Option<u64>,
    back_ns: Option<u64>,
    on_cpu_ns: Option<u64>,
    asleep_ns: Option<u64>,
    runnable_ns: Option<u64>,
    samples: Option<u64>,
    doubt: Option<&'static str>,
}

#[derive(Serialize)]
struct SummaryView<'r> {
    comm: &'r str,
    syscall: Option<&'r str>,
    calls: u64,
    errors: u64,
    total_ns: u64,
    on_cpu_ns: Option<u64>,
    min_ns: u64,
    avg_ns: u64,
    max_ns: u64,
}

/// Writes `calls` of `recording`.
///
/// # Errors
///
/// If `out` does not take the bytes.
pub fn write(recording: &Recording, calls: &SystemCalls, out: &mut dyn Write) -> io::Result<()> {
    lines::write(&document(recording, calls, usize::MAX), out)
}

/// What [`write`] writes, with at most `most` entries in its lists.
pub(in crate::render) fn document<'r>(
    recording: &'r Recording,
    calls: &'r SystemCalls,
    most: usize,
) -> impl Serialize + use<'r> {
    let view = View { recording };
    let name = move |id: Option<NameId>| id.map(|id| recording.name(id));
    let call = move |slow: &SlowCall| {
        let task = recording.task(slow.task);
        let traced: Option<Call> = slow.traced;
        let spent = traced.and_then(|call| call.spent);
        let arguments = traced.and_then(|call| call.arguments(recording));
        CallView {
            class: slow.class.name(),
            comm: recording.name(task.comm),
            pid: task.pid,
            tid: task.tid,
            cpu: slow.cpu,
            syscall: name(slow.name),
            number: traced.map(|call| call.number),
            arguments: arguments.map(|arguments| arguments.map(|argument| format!("{argument:#x}"))),
            result: traced.and_then(|call| call.result),
            start_ns: slow.start_ns,
            start_at: recording.about.clock.utc(slow.start_ns),
            end_ns: slow.end_ns,
            end_at: recording.about.clock.utc(slow.end_ns),
            duration_ns: slow.duration_ns(),
            enter_ns: traced.and_then(|call| call.enter_ns()),
            exit_ns: traced.and_then(|call| call.exit_ns()),
            back_ns: traced.and_then(|call| call.back_ns),
            on_cpu_ns: slow.on_cpu_ns,
            asleep_ns: spent.map(|spent| spent.asleep_ns),
            runnable_ns: spent.map(|spent| spent.runnable_ns),
            samples: slow.samples,
            doubt: traced.and_then(|call| call.doubt).map(|doubt| match doubt {
                Doubt::Lost => "lost",
                Doubt::Elsewhere => "elsewhere",
            }),
        }
    };
    let summary = move |sum: &Summary| SummaryView {
        comm: recording.name(sum.comm),
        syscall: name(sum.name),
        calls: sum.calls,
        errors: sum.errors,
        total_ns: sum.total_ns,
        on_cpu_ns: sum.on_cpu_ns,
        min_ns: sum.min_ns,
        avg_ns: sum.avg_ns(),
        max_ns: sum.max_ns,
    };
    let interval_ns = match calls.source {
        Source::Traced => None,
        Source::Sampled { interval_ns } => Some(interval_ns),
    };
    Document {
        schema: SCHEMA,
        recording: view.recording(),
        estimate: interval_ns.is_some(),
        interval_ns,
        min_ns: calls.min_ns,
        calls: calls.calls,
        not_whole: calls.not_whole,
        slow: Rows { entries: first(&calls.slow, most), view: call },
        summary: Rows { entries: first(&calls.summary, most), view: summary },
        diagnostics: view.diagnostics().into_iter().chain(calls.notes.iter().map(diagnostic_view)).collect(),
    }
}
