//! A check as one line of at most 80 bytes, which is where node-problem-detector would cut it. The
//! most important part comes first.

use crate::analyses::check::{Check, CpuCulprit, Doubt, Status};
use crate::analyses::paths::Owner;
use crate::model::Recording;
use crate::render::text::{counted, percent, short};
use crate::render::{doubt, subject};

use super::layout::WIDTH;
use super::overloads;

/// The line for `check` of `recording`, without a line break.
pub fn line(recording: &Recording, check: &Check) -> String {
    let verdict = match &check.status {
        Status::Stalling => "stalling",
        Status::Overloaded => "overload",
        Status::Healthy => "healthy",
        Status::Unknown(_) => "unknown",
    };
    let whole = format!("{verdict}: {}", reason(recording, check));
    match check.status {
        // The longest stall, if there is room.
        Status::Stalling if whole.len() > WIDTH => cut(&format!("{verdict}: {}", stalled(recording, check))),
        _ => cut(&whole),
    }
}

/// Why the check says what it says: the line without the verdict, and not cut.
pub fn reason(recording: &Recording, check: &Check) -> String {
    match &check.status {
        Status::Stalling => format!("{}, max {}", stalled(recording, check), short(check.longest_ns)),
        Status::Overloaded => overloaded(recording, check),
        Status::Healthy => healthy(check),
        Status::Unknown(doubt) => doubted(recording, check, doubt),
    }
}

/// The line for a check without an answer, without a line break.
pub fn unknown(reason: &str) -> String {
    cut(&format!("unknown: {reason}"))
}

/// `8 stalls, 1.05 s of 9.7 s`.
fn stall_sums(stalls: u64, stalled_ns: u64, duration_ns: u64) -> String {
    format!("{}, {} of {}", counted(stalls, "stall"), short(stalled_ns), short(duration_ns))
}

fn healthy(check: &Check) -> String {
    if check.stalls > 0 {
        let sums = stall_sums(check.stalls, check.stalled_ns, check.duration_ns);
        return format!("{sums}, below the limits");
    }
    let (min, duration) = (short(check.min_ns), short(check.duration_ns));
    let cpus = match check.cpus_online.filter(|online| *online > check.cpus) {
        Some(online) => format!("{} of {}", check.cpus, counted(online, "CPU")),
        None => counted(check.cpus, "CPU"),
    };
    let of = format!("{min} or more in {duration} of {cpus}");
    match check.unsure {
        0 => format!("no stall of {of}"),
        unsure => format!("no sure stall of {of}; {unsure} unsure"),
    }
}

/// The longest overload, and how many other CPUs are overloaded.
fn overloaded(recording: &Recording, check: &Check) -> String {
    let Some(first) = check.overloads.first() else { return "of a CPU".to_owned() };
    let mut others: Vec<u32> = check.overloads.iter().map(|overload| overload.cpu).collect();
    others.retain(|cpu| *cpu != first.cpu);
    others.sort_unstable();
    others.dedup();
    let others = match others.len() {
        0 => String::new(),
        count => format!("; {} too", counted(count as u64, "CPU")),
    };
    format!(
        "{} of CPU {} for {} by {}{others}",
        percent(first.share),
        first.cpu,
        short(first.duration_ns()),
        overloads::by(recording, first),
    )
}

/// The stalled time and the culprit.
fn stalled(recording: &Recording, check: &Check) -> String {
    let sums = stall_sums(check.stalls, check.stalled_ns, check.duration_ns);
    format!("{sums}; {}", worst_culprit(recording, check))
}

/// Who held a CPU for the longest time.
fn worst_culprit(recording: &Recording, check: &Check) -> String {
    match &check.suspect {
        Some(culprit) => format!("CPU {}: {}", culprit.cpu, label(recording, culprit)),
        None => "no culprit known".to_owned(),
    }
}

/// The holder and what it did: the system call, else the function, without suffixes of the compiler
/// such as `.isra.0`.
fn label(recording: &Recording, culprit: &CpuCulprit) -> String {
    let comm = subject::holder(recording, culprit.holder);
    match (culprit.owner, culprit.function) {
        (None, _) => comm.into_owned(),
        (Some(owner), Some(function)) if owner != Owner::SystemCall => {
            let name = recording.name(function);
            let written = name.split('.').next().filter(|written| !written.is_empty());
            format!("{comm} {}", written.unwrap_or(name))
        }
        (Some(owner), _) => format!("{comm} {}", subject::work(recording, owner, culprit.system_call)),
    }
}

fn doubted(recording: &Recording, check: &Check, doubt: &Doubt) -> String {
    match doubt {
        Doubt::Unsure { stalls, stalled_ns } => {
            let sums = stall_sums(*stalls, *stalled_ns, check.duration_ns);
            format!("{sums}, not sure; {}", worst_culprit(recording, check))
        }
        Doubt::Window(culprit) => {
            format!("`window` names {} before ksoftirqd", subject::holder(recording, *culprit))
        }
        other => doubt::sentence(other),
    }
}

/// Cuts a text to at most [`WIDTH`] bytes, between two characters. node-problem-detector counts
/// bytes.
fn cut(text: &str) -> String {
    const MARK: &str = "..";
    if text.len() <= WIDTH {
        return text.to_owned();
    }
    let end = (0..=WIDTH - MARK.len()).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0);
    format!("{}{MARK}", &text[..end])
}
