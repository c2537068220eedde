//! Doubt in words: why a recording does not show that there was no stall. `check`, `stalls` and
//! `window` say the same. A sentence has at most 71 bytes, so that it fits `check`'s line.

use crate::analyses::check::Doubt;
use crate::analyses::stalls::{Limit, Power};

use super::text::{counted, percent, short};

/// Why a recording cannot show that there was no stall.
pub fn sentence(doubt: &Doubt) -> String {
    match doubt {
        Doubt::Damaged(message) => message.clone(),
        Doubt::Empty => "the recording has neither samples nor events".to_owned(),
        Doubt::Short { duration_ns, least_ns } => {
            format!("{} recorded, {} are needed at least", short(*duration_ns), short(*least_ns))
        }
        Doubt::Lost(share) => format!("{} of the records were lost; record with -m 16M", percent(*share)),
        Doubt::Gap { cpu, duration_ns } => {
            format!("nothing recorded of CPU {cpu} for {}", short(*duration_ns))
        }
        Doubt::Unsure { stalls, .. } => format!("{} not sure", counted(*stalls, "stall")),
        Doubt::Power(power) => powerless(power),
        Doubt::NothingReceived { elsewhere: true } => {
            "no packet was received on the CPUs that were recorded: use -a".to_owned()
        }
        Doubt::NothingReceived { elsewhere: false } => {
            "no packet was received: record while packets come".to_owned()
        }
        Doubt::ServedElsewhere(cpu) => {
            format!("packets are served on CPU {cpu} too, which was not recorded")
        }
        Doubt::Window(_) => "`window` names a culprit before ksoftirqd".to_owned(),
        Doubt::NoWitness(why) if why.is_empty() => "the recording has no evidence of stalls".to_owned(),
        Doubt::NoWitness(why) => format!("no evidence: {why}"),
    }
}

/// The doubt with this code, of which no more is known, in a sentence about a recording.
pub fn of_code(code: &str) -> String {
    let why = match code {
        "damaged" => "part of it cannot be read",
        "empty" => "it has neither samples nor events",
        "short" => "it is too short",
        "lost" => "many of its records were lost; record with -m 16M",
        "gap" => "nothing was recorded of a CPU for as long as a stall takes",
        "power" => "it is not sure to show stalls of that length; record with stallgraph record",
        "nothing_received" => "no packet was received on the CPUs that were recorded",
        "served_elsewhere" => "packets are served on a CPU that was not recorded, too",
        "window" => "`window` names a culprit before ksoftirqd",
        "unsure" => return "it has stalls, but none that is sure".to_owned(),
        "no_witness" => "it has no evidence of stalls; record with stallgraph record",
        "" => "nobody noted why",
        code => code,
    };
    format!("no stall was seen, but {why}")
}

/// What a recording lacks, for reports.
pub fn lacks(doubt: &Doubt) -> String {
    match doubt {
        Doubt::Power(power) => format!("power: {}", powerless(power)),
        other => sentence(other),
    }
}

/// How long a stall must be to be seen, and why: what `check`, `stalls` and `window` say of it.
pub fn powerless(power: &Power) -> String {
    let must_last = |ns: u64| format!("a stall must last {} to be seen", short(ns));
    match (power.limit, power.shortest_ns) {
        (Limit::Idle, Some(ns)) => format!("{}: CPU {} idle? add --switch-events", must_last(ns), power.cpu),
        // Samples show stalls only if the kernel's functions have names.
        (Limit::Names, _) => "no evidence: kernel functions have no names: save /proc/kallsyms".to_owned(),
        (_, Some(ns)) => format!("{}: samples hit few softirqs", must_last(ns)),
        (_, None) => "no stall is sure to be seen: samples hit too few softirqs".to_owned(),
    }
}
