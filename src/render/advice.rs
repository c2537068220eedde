//! The recommended command in words: what it costs, and what to do first.

use crate::analyses::stalls::{Advice, Cost};

/// Raises the kernel's limit of samples per second, which the kernel lowers by itself where samples
/// take too much time (`perf_sample_event_took` in kernel/events/core.c).
pub const RAISE_LIMIT: &str = "sysctl -w kernel.perf_event_max_sample_rate=100000";

/// The command in one line.
pub fn command(advice: &Advice) -> String {
    in_one_line(advice, &advice.command)
}

/// The command that records all witnesses, in one line.
pub fn all(advice: &Advice) -> String {
    in_one_line(advice, &advice.all)
}

fn in_one_line(advice: &Advice, command: &[String]) -> String {
    let command = command.join(" ");
    if advice.is_rate_lowered { format!("{RAISE_LIMIT}; {command}") } else { command }
}

/// What the command costs, in one sentence without a full stop.
pub fn cost(cost: &Cost) -> String {
    let megabytes = cost.bytes as f64 / 1e6;
    let rates = format!("some {} records and {megabytes:.1} MB a second on one CPU", cost.records);
    if cost.unknown.is_empty() {
        return format!("{rates}, at the rates of this recording");
    }
    let each: Vec<String> = cost.unknown.iter().map(|(what, bytes)| format!("{bytes} a {what}")).collect();
    format!("{rates}, and bytes at rates that this recording does not tell: {}", each.join(", "))
}
