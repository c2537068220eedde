//! What the user should know about the calls.

use crate::analyses::calls::Calls;
use crate::analyses::off_cpu::is_partial;
use crate::analyses::selection::cpu_list;
use crate::model::{Diagnostic, Flaw, Recording, Severity, Tracepoint};

/// The command that records everything that makes the result exact. `-F` on the command line would
/// make each tracepoint a sampled event. Without `--exclude-perf`, perf's own writes of the
/// recording would be recorded in turn, without end.
pub const RECORD: &str = "perf record -a -k CLOCK_MONOTONIC --all-cgroups -e cpu-clock/freq=999,call-graph=fp/ \
                          -e 'raw_syscalls:*' --exclude-perf --switch-events -m 16M -- sleep 10";

/// The notes on the `calls` of `recording`.
pub(super) fn notes(recording: &Recording, calls: &Calls) -> Vec<Diagnostic> {
    let mut notes = Vec::new();
    let mut note = |severity, code, count: usize, message: &str, remedy: &str| {
        notes.push(Diagnostic::new(severity, code, count as u64, message, remedy));
    };
    let record = format!("record with: {RECORD}");
    let is_needed = |tracepoint: Tracepoint| {
        tracepoint.is_system_call_enter()
            || tracepoint.is_system_call_exit()
            || tracepoint == Tracepoint::Switch
    };
    let needed = recording.about.events.iter().filter(|event| event.tracepoint.is_some_and(is_needed));
    let with_flaw = |flaw: Flaw| -> Vec<&str> {
        let flawed = needed.clone().filter(|event| event.flaw() == Some(flaw));
        flawed.map(|event| event.name.as_str()).collect()
    };
    let sampled = with_flaw(Flaw::Sampled);
    let perhaps_sampled = with_flaw(Flaw::PerhapsSampled);
    if !perhaps_sampled.is_empty() {
        let message = format!(
            "whether {} was sampled is not printed, so no duration can be told",
            perhaps_sampled.join(", ")
        );
        let remedy = "print it: perf script --header";
        note(Severity::Warning, "sampled_event", perhaps_sampled.len(), &message, remedy);
    }
    if !sampled.is_empty() {
        let message = format!(
            "{} sampled (-F or -c on the command line): what happened between two samples is not in the file, and \
             no duration can be told",
            sampled.join(", ")
        );
        note(Severity::Warning, "sampled_event", sampled.len(), &message, &record);
    }
    if !calls.is_traced {
        let message = "estimated from samples: a call is a run of samples of one thread in one system call, so several \
                       short ones in a row look like one, and those that sleep are not seen";
        // One remedy is enough.
        note(Severity::Warning, "estimate", 1, message, if sampled.is_empty() { &record } else { "" });
        if !recording.has_kernel_names() {
            let message = "without names of kernel functions no sample tells its system call";
            note(
                Severity::Warning,
                "kernel_names",
                1,
                message,
                "give the kallsyms of that boot: --kallsyms FILE",
            );
        }
    } else if !calls.has_switches {
        let message = "switches were not recorded: time on the CPU is estimated from samples, if there are any, and the \
                       rest is not told apart";
        note(Severity::Warning, "no_switches", 1, message, "add --switch-events to perf record");
    }
    if calls.is_traced && calls.has_switches && calls.unseen_switches > 0 {
        let message = format!(
            "{} switches from the idle task were not recorded: the thread that came counts as asleep until its next event",
            calls.unseen_switches
        );
        note(Severity::Warning, "unseen_switches", 1, &message, "add --switch-events to perf record");
    }
    if calls.is_traced && is_partial(recording) {
        let cpus: Vec<u32> = recording.timelines.iter().map(|timeline| timeline.cpu).collect();
        let online = recording.about.cpus_online.unwrap_or_default();
        let message = format!(
            "only {} of {online} CPUs recorded, {}: a call that slept may be two, if the thread ran elsewhere meanwhile",
            cpus.len(),
            cpu_list(&cpus)
        );
        note(Severity::Info, "cpus", cpus.len(), &message, "record with -a to be sure");
    }
    notes
}
