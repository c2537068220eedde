//! Requirements: checks that a recording has what a command needs. The errors say how to record it.

use crate::error::{Error, Result, perf_record};
use crate::model::{Diagnostic, Recording, Severity, Task, Tracepoint};

/// How perf script prints all that is read.
const FIELDS: &str = "perf script -F comm,pid,tid,cpu,time,event,ip,sym,dso";

/// Checks that the recording shows what ran: it needs samples. Without call chains each shows its
/// innermost function.
///
/// # Errors
///
/// If it has no sampling event, or no samples.
pub fn require_stacks(recording: &Recording) -> Result<()> {
    let fail = |problem: String, remedy: &str| Err(lacks(recording, problem, remedy));
    let is_damage = |diagnostic: &&Diagnostic| diagnostic.severity == Severity::Error;
    let damage = recording.diagnostics.iter().find(is_damage).filter(|_| recording.tally.samples == 0);
    let Some(event) = recording.sampling_event() else {
        if let Some(why) = damage.filter(|_| recording.about.events.is_empty()) {
            return fail(why.message.clone(), why.remedy.as_deref().unwrap_or_default());
        }
        // perf adds an event of this name for the records of tasks and code.
        let named = recording.about.events.iter().filter(|event| !event.name.starts_with("dummy"));
        let names: Vec<&str> = named.map(|event| event.name.as_str()).collect();
        let remedy = match recording.traces(Tracepoint::Switch) {
            true => {
                concat!(
                    "stallgraph offcpu and collapse --off-cpu show what threads waited for; to see what ran, record with: \
                 ",
                    perf_record!(),
                    ", or choose one of these with -e"
                )
            }
            false => {
                concat!("record with: ", perf_record!(), ", or choose one of these with -e")
            }
        };
        return fail(format!("holds no sampling event, only {}", names.join(", ")), remedy);
    };
    if let Some(why) = damage {
        return fail(why.message.clone(), why.remedy.as_deref().unwrap_or_default());
    }
    if recording.tally.samples == 0 {
        return fail(
            format!("holds no samples of {}", event.name),
            concat!("record for longer, while it is busy: ", perf_record!()),
        );
    }
    Ok(())
}

/// Checks that the recording can show stalls: it needs CPUs, and events or samples with times.
///
/// # Errors
///
/// If it has neither.
pub fn require_witnesses(recording: &Recording) -> Result<()> {
    require_comms(recording)?;
    require_cpus(recording)?;
    if recording.timelines.iter().any(|timeline| !timeline.trace.events.is_empty()) {
        return require_clock(recording);
    }
    require_timelines(recording)
}

/// Checks that tasks have comms, by which ksoftirqd and culprits are known.
///
/// # Errors
///
/// If no line of a text has one.
pub fn require_comms(recording: &Recording) -> Result<()> {
    let is_nameless = |task: &Task| {
        let tid = recording.name(task.comm).strip_prefix(':').and_then(|tid| tid.parse().ok());
        tid == Some(task.tid)
    };
    let lacks_comms =
        recording.about.is_script && !recording.tasks.is_empty() && recording.tasks.iter().all(is_nameless);
    match lacks_comms {
        true => Err(Error::input(
            &recording.about.file,
            "the text has no comms, so that nobody can be told from ksoftirqd",
            format!("print them: {FIELDS}"),
        )),
        false => Ok(()),
    }
}

/// Checks that the times order the samples.
fn require_clock(recording: &Recording) -> Result<()> {
    match recording.diagnostics.iter().find(|diagnostic| diagnostic.code == Diagnostic::CLOCK) {
        Some(Diagnostic { message, remedy, .. }) => {
            Err(Error::input(&recording.about.file, message, remedy.clone().unwrap_or_default()))
        }
        None => Ok(()),
    }
}

/// Checks that the recording shows what ran on each CPU, in order: it needs samples with
/// times and CPUs.
///
/// # Errors
///
/// If it lacks samples, or its samples lack one of these.
pub fn require_timelines(recording: &Recording) -> Result<()> {
    require_stacks(recording)?;
    require_times(recording)?;
    require_cpus(recording)
}

/// Checks that samples have times. Without times their only order is that of the file.
///
/// # Errors
///
/// If they do not have them.
pub fn require_times(recording: &Recording) -> Result<()> {
    require_clock(recording)?;
    match recording.sampling_event() {
        Some(event) if !event.has_time => Err(lacks(
            recording,
            format!("the samples of {} have no times, so they have no order", event.name),
            concat!(
                "record with times: ",
                perf_record!(),
                "; or print the order of the file: collapse --file-order"
            ),
        )),
        _ => Ok(()),
    }
}

/// Checks that samples have CPUs. Without CPUs the order in which tasks ran on a CPU is unknown.
///
/// # Errors
///
/// If they do not have them.
pub fn require_cpus(recording: &Recording) -> Result<()> {
    match recording.about.events.iter().find(|event| !event.has_cpu) {
        Some(event) => Err(lacks(
            recording,
            format!("the samples of {} do not say on which CPU they were taken", event.name),
            "record whole CPUs with -a or -C, or one command with --sample-cpu",
        )),
        None => Ok(()),
    }
}

/// The error for a recording that lacks something. A text may lack it only because perf did not
/// print it.
fn lacks(recording: &Recording, problem: String, remedy: &str) -> Error {
    let about = &recording.about;
    // A text only has the fields that perf was asked to print.
    let printing = if about.is_script { format!("; if it was, print it: {FIELDS}") } else { String::new() };
    Error::input(&about.file, problem, format!("{remedy}{printing}"))
}
