//! What the user should know about the waits.

use crate::analyses::off_cpu::{Scope, is_partial};
use crate::analyses::selection::cpu_list;
use crate::error::{Error, Result};
use crate::model::{Diagnostic, Event, Flaw, Recording, Severity, Tracepoint};

/// The command that records everything that is shown. Switch records tell of returns that some
/// kernels do not trace. `-F` on the command line would make each tracepoint a sampled event.
pub const RECORD: &str = "perf record -a -g -k CLOCK_MONOTONIC --all-cgroups -e sched:sched_switch -e sched:sched_waking \
                          --switch-events -m 16M -- sleep 10";

/// How perf script prints all that is read of such a recording.
const PRINT: &str =
    "perf script --header --show-switch-events -F comm,pid,tid,cpu,time,event,ip,sym,dso,trace";
const UNREAD: &str = "switches between tasks that cannot be read";
const UNSURE: &str = "switches between tasks, perhaps not all: perf script --header says it";

/// Refuses a recording in which switches or wake-ups were chosen as the sampling event: as samples
/// they tell of no time.
pub(super) fn refuse_samples(recording: &Recording) -> Result<()> {
    const TELLING: [Tracepoint; 3] = [Tracepoint::Switch, Tracepoint::Waking, Tracepoint::Wakeup];
    let is_telling = |event: &&Event| event.tracepoint.is_some_and(|one| TELLING.contains(&one));
    match recording.about.events.iter().filter(|event| event.is_sampling).find(is_telling) {
        Some(event) => Err(Error::Usage(format!(
            "-e {}: times off the CPU are found by it where it is no sample; leave it out",
            event.name
        ))),
        None => Ok(()),
    }
}

/// Says that the recording does not tell when threads were off the CPU.
pub(super) fn lacking(recording: &Recording) -> Error {
    let events = &recording.about.events;
    let is_switch = |event: &&Event| event.tracepoint == Some(Tracepoint::Switch);
    let which = match events.iter().find(is_switch).and_then(Event::flaw) {
        Some(Flaw::Sampled) => "only samples of the switches between tasks (-F or -c on the command line)",
        Some(Flaw::PerhapsSampled) => UNSURE,
        Some(_) => UNREAD,
        None => "no switches between tasks",
    };
    let is_lacking = (which == UNREAD || which == UNSURE) && recording.about.is_script;
    let remedy = match events.iter().find(|event| event.times_off_cpu()) {
        Some(event) => format!("it has samples of perf record --off-cpu: choose them, -e {}", event.name),
        None if is_lacking => format!("print header and fields too: {PRINT}"),
        None => format!("record with: {RECORD}"),
    };
    let problem = format!("holds {which}: nothing tells when a thread was off the CPU");
    Error::input(&recording.about.file, problem, remedy)
}

/// The notes on waits from switches.
pub(super) fn of_switches(recording: &Recording, scope: Scope) -> Vec<Diagnostic> {
    let mut notes = Vec::new();
    let mut note = |severity, code, count: usize, message: &str, remedy: &str| {
        notes.push(Diagnostic::new(severity, code, count as u64, message, remedy));
    };
    let switch = recording.about.events.iter().find(|event| event.tracepoint == Some(Tracepoint::Switch));
    if let Some(flawed) = switch.filter(|event| event.flaw().is_some()) {
        let message = format!("not every {} was recorded, so none is used", flawed.name);
        note(Severity::Warning, "sampled_event", 1, &message, &format!("record with: {RECORD}"));
    }
    if !scope.wakings {
        let message = "wake-ups were not recorded: time asleep includes the wait for a CPU after it, and who woke a \
                       thread is not known";
        note(Severity::Warning, "no_wakings", 1, message, "add -e sched:sched_waking to perf record");
    }
    if switch.is_none_or(|event| event.flaw().is_some()) {
        let message =
            "switch records do not tell how a thread waited, asleep or blocked, nor where: it was off";
        note(Severity::Warning, "no_states", 1, message, "add -g -e sched:sched_switch to perf record");
    } else if switch.is_some_and(|event| !event.has_callchain) {
        let message = "switches were recorded without call chains: what was waited for is not known";
        note(Severity::Warning, "no_stacks", 1, message, "add -g to perf record");
    } else if !recording.has_kernel_names() {
        let message = "without names of kernel functions it is not known what was waited for";
        let remedy = "give the kallsyms of that boot: --kallsyms FILE";
        note(Severity::Warning, "kernel_names", 1, message, remedy);
    }
    if scope.unseen > 0 {
        let message = format!(
            "{} returns to a CPU were not recorded: these spans end where the thread was woken on an idle CPU, or at \
             its next event",
            scope.unseen
        );
        note(Severity::Warning, "unseen_switches", 1, &message, "add --switch-events to perf record");
    }
    if is_partial(recording) {
        let cpus: Vec<u32> = recording.timelines.iter().map(|timeline| timeline.cpu).collect();
        let message = format!(
            "only {} of {} CPUs recorded, {}: a span may be two, if the thread ran elsewhere meanwhile",
            cpus.len(),
            recording.about.cpus_online.unwrap_or_default(),
            cpu_list(&cpus)
        );
        note(Severity::Info, "cpus", cpus.len(), &message, "record with -a to be sure");
    }
    notes
}

/// The notes on waits from perf's own samples.
pub(super) fn of_samples() -> Vec<Diagnostic> {
    let message = "perf added the times up by thread and user stack: neither single spans, nor CPUs and times, nor what \
                   the kernel waited for are known, and -C and --time select nothing";
    vec![Diagnostic::new(
        Severity::Info,
        "off_cpu_samples",
        1,
        message,
        &format!("record switches to know: {RECORD}"),
    )]
}
