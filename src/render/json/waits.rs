//! What threads waited for, as JSON.

use std::io::{self, Write};

use serde::Serialize;

use crate::analyses::waits::{Group, Longest, Queue, Source, Spot, ThreadSum, Waits, WakerKind};
use crate::model::{NameId, Recording, Utc};

use super::lines::{self, Rows};
use super::view::{DiagnosticView, RecordingView, SCHEMA, View, diagnostic_view};

#[derive(Serialize)]
struct Document<'r, G: Serialize, T: Serialize> {
    schema: u32,
    recording: RecordingView<'r>,
    source: &'static str,
    min_ns: u64,
    total_ns: u64,
    spans: Option<u64>,
    not_whole: Option<u64>,
    before_spans: Option<u64>,
    before_ns: Option<u64>,
    groups: G,
    threads: T,
    diagnostics: Vec<DiagnosticView<'r>>,
}

#[derive(Serialize)]
struct GroupView<'r> {
    state: &'static str,
    is_idle: bool,
    comm: &'r str,
    place: &'static str,
    owner: Option<&'static str>,
    syscall: Option<&'r str>,
    function: Option<&'r str>,
    path: Vec<&'r str>,
    user_stack: Option<UserView<'r>>,
    total_ns: u64,
    share: f64,
    queue_ns: Option<u64>,
    queue: Option<QueueView<'r>>,
    spans: Option<u64>,
    not_whole: Option<u64>,
    longest: Option<LongestView<'r>>,
    waker: Option<WakerView<'r>>,
}

#[derive(Serialize)]
struct LongestView<'r> {
    duration_ns: u64,
    is_whole: bool,
    start_ns: u64,
    start_at: Option<Utc>,
    comm: &'r str,
    pid: i32,
    tid: i32,
}

#[derive(Serialize)]
struct UserView<'r> {
    functions: Vec<&'r str>,
    total_ns: u64,
}

#[derive(Serialize)]
struct QueueView<'r> {
    known_ns: u64,
    behind: Vec<BehindView<'r>>,
}

#[derive(Serialize)]
struct BehindView<'r> {
    comm: &'r str,
    held_ns: u64,
}

#[derive(Serialize)]
struct WakerView<'r> {
    kind: &'static str,
    comm: Option<&'r str>,
    spans: u64,
}

#[derive(Serialize)]
struct ThreadView<'r> {
    comm: &'r str,
    pid: i32,
    tid: i32,
    spans: u64,
    not_whole: u64,
    slept_ns: u64,
    blocked_ns: u64,
    other_ns: u64,
    preempted_ns: u64,
    woken_ns: Option<u64>,
}

/// Writes `waits` of `recording`.
///
/// # Errors
///
/// If `out` does not take the bytes.
pub fn write(recording: &Recording, waits: &Waits, out: &mut dyn Write) -> io::Result<()> {
    let view = View { recording };
    let has_spans = waits.source != Source::Samples;
    let has_wakings = waits.source == Source::Switches { has_wakings: true };
    let document = Document {
        schema: SCHEMA,
        recording: view.recording(),
        source: if has_spans { "switches" } else { "samples" },
        min_ns: waits.min_ns,
        total_ns: waits.total_ns,
        spans: has_spans.then_some(waits.spans),
        not_whole: has_spans.then_some(waits.not_whole),
        before_spans: has_spans.then_some(waits.before.0),
        before_ns: has_spans.then_some(waits.before.1),
        groups: Rows { entries: &waits.groups, view: |group: &Group| group_view(&view, group) },
        threads: Rows {
            entries: &waits.threads,
            view: |thread: &ThreadSum| thread_view(recording, thread, has_wakings),
        },
        diagnostics: view.diagnostics().into_iter().chain(waits.notes.iter().map(diagnostic_view)).collect(),
    };
    lines::write(&document, out)
}

fn group_view<'r>(view: &View<'r>, group: &Group) -> GroupView<'r> {
    let recording = view.recording;
    let longest = |longest: Longest| {
        let task = recording.task(longest.task);
        LongestView {
            duration_ns: longest.ns,
            is_whole: longest.flaw.is_none(),
            start_ns: longest.start_ns,
            start_at: view.at(longest.start_ns),
            comm: recording.name(task.comm),
            pid: task.pid,
            tid: task.tid,
        }
    };
    let user = |(stack, total_ns)| {
        let functions = recording.functions_root_first(stack);
        UserView {
            functions: functions.into_iter().map(|id| view.name(recording.function(id).name)).collect(),
            total_ns,
        }
    };
    let behind = |&(comm, held_ns): &(NameId, u64)| BehindView { comm: recording.name(comm), held_ns };
    let queue =
        |queue: &Queue| QueueView { known_ns: queue.ns, behind: queue.behind.iter().map(behind).collect() };
    let (place, path) = match &group.spot {
        Spot::Kernel(path) => ("kernel", Some(path)),
        Spot::User => ("user", None),
        _ => ("unknown", None),
    };
    let waker = |(waker, spans)| match waker {
        WakerKind::Comm(comm) => WakerView { kind: "task", comm: Some(recording.name(comm)), spans },
        _ => WakerView { kind: "interrupt", comm: None, spans },
    };
    GroupView {
        state: group.state.name(),
        is_idle: group.is_idle,
        comm: recording.name(group.comm),
        place,
        owner: path.map(|path| path.owner.name()),
        syscall: path.and_then(|path| path.system_call).map(|call| view.name(call)),
        function: path.and_then(|path| path.function).map(|name| view.name(name)),
        path: path.map_or(&[][..], |path| &path.functions).iter().map(|name| view.name(*name)).collect(),
        user_stack: group.user.map(user),
        total_ns: group.total_ns,
        share: group.share,
        queue_ns: group.runnable_ns,
        queue: group.queue.as_ref().map(queue),
        spans: group.spans,
        not_whole: group.spans.map(|_| group.not_whole),
        longest: group.longest.map(longest),
        waker: group.waker.map(waker),
    }
}

fn thread_view<'r>(recording: &'r Recording, thread: &ThreadSum, has_wakings: bool) -> ThreadView<'r> {
    let task = recording.task(thread.task);
    ThreadView {
        comm: recording.name(task.comm),
        pid: task.pid,
        tid: task.tid,
        spans: thread.spans,
        not_whole: thread.not_whole,
        slept_ns: thread.slept_ns,
        blocked_ns: thread.blocked_ns,
        other_ns: thread.other_ns,
        preempted_ns: thread.preempted_ns,
        woken_ns: has_wakings.then_some(thread.woken_ns),
    }
}
