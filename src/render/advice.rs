//! The recommended command in words: what it costs, and what to do first.

use crate::analyses::stalls::{Advice, Cost};

/// Raises the kernel's limit of samples per second, which the kernel lowers by itself where samples
/// take too much time (`perf_sample_event_took` in kernel/events/core.c).
pub const RAISE_LIMIT: &str = "sysctl -w kernel.perf_event_max_sample_rate=100000";

/// The command in one line.
pub fn command(advice: &Advice) -> String {
    let command = advice.command.join(" ");
    if advice.is_rate_lowered { format!("{RAISE_LIMIT}; {command}") } else { command }
}

/// What the command costs, in one sentence without a full stop.
pub fn cost(cost: &Cost) -> String {
    let each: Vec<String> =
        cost.unknown.iter().map(|(what, records)| format!("{records} a {what}")).collect();
    let bytes = Cost::BYTES_PER_RECORD;
    if !each.is_empty() {
        return format!(
            "{} records a second and, for each, {}: how many there are of these this recording does not tell; \
             a record has some {bytes} bytes",
            cost.records,
            each.join(", "),
        );
    }
    let megabytes = cost.bytes() as f64 / 1e6;
    format!("some {} records and {megabytes:.1} MB a second, at the rates of this recording", cost.records)
}
