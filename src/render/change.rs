//! What `diff` says of culprits and doubts, in words that the text and the JSON share.

use crate::analyses::diff::{Blocks, Doubt, LoadKind, Longer, When};
use crate::analyses::selection::cpu_list;

use super::text::{counted, percent, short};

/// How much longer must be recorded: `record 39 minutes more of AFTER`.
pub fn longer(longer: Longer) -> String {
    match longer.before_ns {
        0 => format!("record {} more of AFTER", minutes(longer.after_ns)),
        before_ns => format!(
            "record both for longer: {} more of BEFORE, and {} more of AFTER",
            minutes(before_ns),
            minutes(longer.after_ns)
        ),
    }
}

/// Whole minutes, rounded up.
fn minutes(ns: u64) -> String {
    counted(ns.div_ceil(60_000_000_000).max(1), "minute")
}

/// A doubt as a clause that can follow `since`, with the remedy if there is one.
pub fn doubt(doubt: &Doubt) -> String {
    match doubt {
        Doubt::Kept { when, recordings, is_sure } => kept(*when, *recordings, *is_sure),
        Doubt::Damaged(when) => format!("{} is damaged: part of it could not be read", when.name()),
        Doubt::Skipped(when, count) => {
            let are = if *count == 1 { "is" } else { "are" };
            let recordings = counted(*count, "recording");
            format!("{recordings} of {} {are} left out: see the lines above", when.name())
        }
        Doubt::Same => "BEFORE and AFTER hold the same recording".to_owned(),
        Doubt::Nameless(when) => format!(
            "{} has no names of kernel functions: save /proc/kallsyms beside it, or give --kallsyms",
            when.name()
        ),
        Doubt::Lacks(when, tells) => format!("{} does not tell {tells}: record both alike", when.name()),
        Doubt::Cpus(before, after) => format!(
            "other CPUs were recorded: {} before, {} after; select with -C those that both have",
            cpu_list(before),
            cpu_list(after)
        ),
        Doubt::Frequencies(before, after) => {
            format!(
                "samples were taken at another frequency: {} Hz before, {} Hz after",
                list(before),
                list(after)
            )
        }
        Doubt::Load(kind, before, after) => {
            let what = match kind {
                LoadKind::Packets => "packets a second",
                LoadKind::Receptions => "runs of NET_RX a second",
                LoadKind::Samples => "samples a second in NET_RX",
            };
            match *before == 0.0 && *after == 0.0 {
                true => "no packet was received on either side: record while packets come".to_owned(),
                false => format!("the load differs: {} {what} before, {} after", rate(*before), rate(*after)),
            }
        }
        Doubt::Busy(before, after) => format!(
            "the load differs: CPUs were busy for {} of the time before, {} after, stalls left out",
            percent(*before),
            percent(*after)
        ),
        Doubt::Lost(when, share) => {
            format!("{} lost {} of its records: record with -m 16M", when.name(), percent(*share))
        }
        Doubt::Overloaded { when, overloads, stalls } => format!(
            "{} has {}, with {} that are not compared",
            when.name(),
            counted(*overloads, "overload"),
            counted(*stalls, "stall")
        ),
        Doubt::Power { when, shortest_ns, shorter } => power(*when, *shortest_ns, *shorter),
        Doubt::Kernels(before, after) => {
            format!("another kernel: {} before, {} after", before.join(", "), after.join(", "))
        }
        Doubt::Hosts(before, after) => {
            format!("another machine: {} before, {} after", before.join(", "), after.join(", "))
        }
        Doubt::Order => "AFTER begins before BEFORE ends: is the order right?".to_owned(),
    }
}

/// What a doubt leaves without proof: `gone, fewer and same`.
pub fn refused(blocks: Blocks) -> &'static str {
    match (blocks.better, blocks.worse) {
        (true, true) => "any verdict",
        (true, false) => "gone, fewer and same",
        (false, true) => "more, new and same",
        (false, false) => "nothing",
    }
}

/// The word for a doubt that programs look for.
pub fn code(doubt: &Doubt) -> &'static str {
    match doubt {
        Doubt::Kept { .. } => "kept",
        Doubt::Damaged(_) => "damaged",
        Doubt::Skipped(..) => "skipped",
        Doubt::Same => "same",
        Doubt::Nameless(_) => "nameless",
        Doubt::Lacks(..) => "witnesses",
        Doubt::Cpus(..) => "cpus",
        Doubt::Frequencies(..) => "frequency",
        Doubt::Load(..) => "load",
        Doubt::Busy(..) => "busy",
        Doubt::Lost(..) => "lost",
        Doubt::Overloaded { .. } => "overload",
        Doubt::Power { .. } => "power",
        Doubt::Kernels(..) => "kernel",
        Doubt::Hosts(..) => "host",
        Doubt::Order => "order",
    }
}

fn kept(when: When, recordings: u64, is_sure: bool) -> String {
    let recordings = format!("{} of {}", counted(recordings, "recording"), when.name());
    match is_sure {
        true => format!(
            "watch kept {recordings} because of a stall, so that it tells no rate: use stallgraph record"
        ),
        false => format!(
            "watch may have kept {recordings} because of a stall, so that it may tell no rate: the command line that \
             recorded is not in it"
        ),
    }
}

fn power(when: When, shortest_ns: Option<u64>, shorter: u64) -> String {
    let (when, other) = match when {
        When::Before => ("BEFORE", "AFTER"),
        When::After => ("AFTER", "BEFORE"),
    };
    let stalls = counted(shorter, "stall");
    match shortest_ns {
        Some(ns) => format!(
            "{when} is only sure to show stalls of {} or longer, and {stalls} of {other} lasted less",
            short(ns)
        ),
        None => format!("{when} is not sure to show any stall, and {other} has {stalls}"),
    }
}

fn list(numbers: &[u64]) -> String {
    match numbers {
        [] => "no".to_owned(),
        numbers => numbers.iter().map(u64::to_string).collect::<Vec<_>>().join(", "),
    }
}

/// A rate, or a ratio, with at least two significant digits.
pub fn rate(rate: f64) -> String {
    match rate {
        0.0 => "0".to_owned(),
        rate if rate >= 9.95 => format!("{rate:.0}"),
        rate if rate >= 0.995 => format!("{rate:.1}"),
        rate if rate >= 0.0995 => format!("{rate:.2}"),
        rate if rate >= 0.00995 => format!("{rate:.3}"),
        rate => format!("{rate:.1e}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_have_two_digits() {
        let rates = [0.0, 1234.5, 9.96, 9.94, 0.996, 0.55, 0.04, 0.0099, 0.00012].map(rate);
        assert_eq!(rates, ["0", "1234", "10", "9.9", "1.0", "0.55", "0.040", "9.9e-3", "1.2e-4"]);
    }
}
