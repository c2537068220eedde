//! Redaction of rows: hashes in place of comms, paths and names of machines, the same as in a
//! redacted pack.

use crate::analyses::rows::{RecordingRow, Rows, Who};
use crate::model::chosen;
use crate::redaction;

/// Replaces the names in `rows`.
pub(super) fn redact(rows: &mut Rows) {
    redact_recording(&mut rows.recording);
    let stalls = rows.stalls.iter_mut().map(|row| &mut row.who);
    let windows = rows.windows.iter_mut().map(|row| &mut row.who);
    let culprits = rows.culprits.iter_mut().map(|row| &mut row.who);
    stalls.chain(windows).chain(culprits).for_each(redact_who);
    for row in &mut rows.windows {
        row.trigger = comm(&row.trigger);
    }
    for row in &mut rows.victims {
        row.comm = row.comm.as_deref().map(comm);
    }
}

/// Labels stay: whoever gives them knows that they are written.
fn redact_recording(row: &mut RecordingRow) {
    row.host = row.host.as_deref().map(redaction::text);
    row.file = redaction::text(&row.file);
    row.event = row.event.as_deref().map(redaction::event);
}

fn redact_who(who: &mut Who) {
    who.culprit = who.culprit.as_deref().map(|culprit| redact_culprit(culprit, who));
    who.comm = who.comm.as_deref().map(comm);
    who.interrupted = who.interrupted.as_deref().map(comm);
    who.interrupt = who.interrupt.as_deref().map(redaction::text);
    who.cgroup = who.cgroup.as_deref().map(cgroup);
    who.pod_uid = who.pod_uid.as_deref().map(redaction::text);
    who.container_id = who.container_id.as_deref().map(redaction::text);
    who.function = who.function.as_deref().map(redaction::symbol);
    who.path =
        who.path.as_deref().map(|path| path.split(';').map(redaction::symbol).collect::<Vec<_>>().join(";"));
}

/// The replacement for the name of a culprit: the holder, and what it works on. Threads of the
/// kernel go by no name of their own.
fn redact_culprit(culprit: &str, who: &Who) -> String {
    let comms = who.comm.as_deref().map(|name| (chosen(name).into_owned(), chosen(&comm(name)).into_owned()));
    let interrupts = who.interrupt.as_deref().map(|name| {
        let named = |name: &str| format!("interrupt {}", chosen(name));
        (named(name), named(&redaction::text(name)))
    });
    let thread = (KERNEL_THREAD.to_owned(), KERNEL_THREAD.to_owned());
    let mut holders = comms.into_iter().chain(interrupts).chain([thread]);
    let replaced = holders.find_map(|(before, after)| {
        culprit.strip_prefix(&before).map(|rest| format!("{after}{}", work(rest)))
    });
    replaced.unwrap_or_else(|| culprit.to_owned())
}

/// What the name of a culprit begins with if it is a thread of the kernel.
const KERNEL_THREAD: &str = "kernel thread";

/// The replacement for what a culprit works on: a function, or a word in brackets.
fn work(rest: &str) -> String {
    match rest.strip_prefix(' ') {
        Some(name) if !name.starts_with('(') => format!(" {}", redaction::symbol(name)),
        _ => rest.to_owned(),
    }
}

/// The replacement for a comm.
pub(super) fn comm(name: &str) -> String {
    redaction::comm(name)
}

/// The replacement for the path of a control group.
pub(super) fn cgroup(path: &str) -> String {
    redaction::path(path, false)
}

/// The replacement for the path of a module.
pub(super) fn module(path: &str, is_kernel: bool) -> String {
    redaction::path(path, is_kernel)
}

/// The replacement for the name of a function.
pub(super) fn function(name: &str, is_kernel: bool) -> String {
    if is_kernel { redaction::symbol(name) } else { redaction::function(name) }
}
