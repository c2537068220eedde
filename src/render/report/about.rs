//! What reports share: what was recorded, what was lost, and the diagnostics.

use crate::analyses::paths::Path;
use crate::analyses::selection::cpu_list;
use crate::analyses::windows::Filler;
use crate::model::{Diagnostic, NameId, Recording, Severity, chosen, utc};
use crate::render::text::{counted, percent};

use super::layout::wrap;

/// What was recorded: file, length, CPUs, samples, machine.
pub fn recorded(recording: &Recording) -> String {
    let about = &recording.about;
    let cpus: Vec<u32> = recording.timelines.iter().map(|timeline| timeline.cpu).collect();
    let noun = if cpus.len() == 1 { "CPU" } else { "CPUs" };
    let event = recording.sampling_event();
    let rate = event.and_then(|event| event.frequency_hz).map(|hz| format!(" at {hz} Hz"));
    let machine = [about.kernel.as_ref(), about.arch.as_ref(), about.hostname.as_ref()];
    let machine: Vec<&str> = machine.into_iter().flatten().map(String::as_str).collect();
    let machine = if machine.is_empty() { String::new() } else { format!("; {}", machine.join(" ")) };
    let since = about.clock.since_1970_ns(about.start_ns);
    let since = since.map(|ns| format!(" from {} UTC", utc(ns))).unwrap_or_default();
    let what = match event {
        Some(event) => format!("{} samples of {}", recording.tally.samples, event.name),
        None => counted(
            recording.timelines.iter().map(|timeline| timeline.trace.events.len() as u64).sum(),
            "event",
        ),
    };
    format!(
        "{}: {:.1} s of {noun} {}{since}, {}{}{machine}",
        about.file,
        recording.duration_ns() as f64 / 1e9,
        cpu_list(&cpus),
        what,
        rate.unwrap_or_default(),
    )
}

/// A diagnostic as lines: its severity, the message and the remedy.
pub fn diagnostic_lines(diagnostic: &Diagnostic) -> Vec<String> {
    let first = match diagnostic.severity {
        Severity::Info => "note      ",
        Severity::Warning => "warning   ",
        Severity::Error => "error     ",
    };
    wrap(first, &diagnostic.sentence())
}

/// The diagnostics as lines, for reports that have a line of their own for loss.
pub fn diagnostics_but_loss(recording: &Recording) -> impl Iterator<Item = String> {
    let others = recording.diagnostics.iter().filter(|diagnostic| !diagnostic.is_loss());
    others.flat_map(diagnostic_lines)
}

/// The end of a report: the diagnostics and the `notes` of an analysis as lines, after an empty
/// line if there are any.
pub fn closing(recording: &Recording, notes: &[Diagnostic]) -> Vec<String> {
    let lines = recording.diagnostics.iter().chain(notes).flat_map(diagnostic_lines);
    let mut lines = lines.peekable();
    let blank = lines.peek().map(|_| String::new());
    blank.into_iter().chain(lines).collect()
}

/// The functions of a path after the entry, from caller to callee, with `;` between them. `..`
/// stands for the branches before functions in which they meet again.
pub fn path(recording: &Recording, path: &Path) -> String {
    let names = |functions: &[NameId]| functions.iter().map(|name| recording.name(*name)).collect::<Vec<_>>();
    match path.beyond.is_empty() {
        true => names(path.inner()).join(";"),
        false => format!("{};..;{}", names(path.inner()).join(";"), names(&path.beyond).join(";")),
    }
}

/// What filled a stretch of a CPU's time that no path dominates.
pub fn filler(recording: &Recording, filler: Filler) -> String {
    match filler {
        Filler::Interrupts(share) => format!("none; interrupts {}", percent(share)),
        Filler::Comm(comm, share) => format!("none; {} {}", chosen(recording.name(comm)), percent(share)),
        Filler::NoSamples => "none; no samples".to_owned(),
        Filler::Idle => "none; idle".to_owned(),
    }
}

/// How many records the kernel dropped, and how often it paused the event.
pub fn loss(recording: &Recording) -> String {
    let tally = &recording.tally;
    match (tally.lost, tally.throttled) {
        (0, 0) if recording.is_damaged() => "none by the kernel; the file is not whole, see below".to_owned(),
        (0, 0) => "none".to_owned(),
        (lost, 0) => format!("{lost} records lost ({} of all)", percent(tally.lost_share())),
        (lost, throttled) => format!(
            "{lost} records lost ({} of all), sampling paused {throttled} times",
            percent(tally.lost_share())
        ),
    }
}

/// The first three arguments of a system call, large ones in hexadecimal. How many arguments it
/// takes is not known.
pub fn arguments(values: &[u64; 6]) -> String {
    let argument = |value: &u64| if *value < 10_000 { value.to_string() } else { format!("{value:#x}") };
    values[..3].iter().map(argument).collect::<Vec<_>>().join(", ")
}
