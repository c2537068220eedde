//! `stallgraph packets`: in which context each packet was handled, and what was queued after a gap.

use std::time::Duration;

use anyhow::Result;
use clap::{Args, ValueEnum};
use stallgraph::analyses::packets::{self, Options};
use stallgraph::load;
use stallgraph::render::report::packets::Listing;
use stallgraph::render::{json, report};

use super::input::InputOptions;
use super::outcome::Outcome;
use super::output;
use super::reading::Needs;
use super::selection::SelectionOptions;
use super::task_options::TaskOptions;
use super::terminal::Report;
use super::values::{parse_duration, to_ns};

/// Shows in which context each packet was handled, and what was queued after a gap
///
/// A packet is queued if it is one of several that were handled at once after a
/// gap: within 50 us of each other, and within a quarter of the mean distance on
/// that CPU. Such a backlog was held here if NET_RX was raised and not served in
/// the gap; if it was not raised, the sender paused. The context comes from the
/// event's call chain (perf record -g), else from traced system calls, softirqs
/// and interrupts, else it is unknown.
///
/// Examples:
///
///   perf record -a -g -k CLOCK_MONOTONIC --all-cgroups \
///     -e net:netif_receive_skb -- sleep 10; stallgraph packets
///   perf probe icmp_echo
///   perf record -a -g -k CLOCK_MONOTONIC --all-cgroups \
///     -e probe:icmp_echo -- sleep 60; stallgraph packets
///   stallgraph packets --queued
///   stallgraph packets --format json | jq '.packets[] | select(.gap_ns > 5e7)'
#[derive(Args)]
#[command(verbatim_doc_comment, next_help_heading = "Output")]
pub struct Arguments {
    /// Event that is recorded for each packet
    ///
    /// The default is the first of these that was recorded: probe:icmp_echo*,
    /// net:netif_receive_skb, net:napi_gro_receive_entry.
    #[arg(long, value_name = "NAME", help_heading = "Packets")]
    packet_event: Option<String>,
    /// Least gap before a backlog
    ///
    /// The gap must also be at least three times the mean distance of packets.
    #[arg(long, help_heading = "Packets", value_name = "TIME", default_value = "20ms", value_parser = parse_duration)]
    gap: Duration,
    /// List all packets, one per line
    #[arg(long)]
    all: bool,
    /// List the packets that were queued
    #[arg(long, conflicts_with = "all")]
    queued: bool,
    /// How to print
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
    #[command(flatten)]
    selection: SelectionOptions,
    #[command(flatten)]
    tasks: TaskOptions,
    #[command(flatten)]
    input: InputOptions,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// Backlogs and contexts, and packets if asked for
    Text,
    /// Everything, for programs
    Json,
}

/// Runs the command.
pub fn run(arguments: &Arguments) -> Result<Outcome> {
    let recording = arguments.input.load(Needs::Kernel)?;
    load::require_cpus(&recording)?;
    let selection = arguments.tasks.limit(arguments.selection.selection());
    output::check_selection(&selection, &recording)?;
    let gap_ns = to_ns(arguments.gap)?;
    let options = Options { event: arguments.packet_event.clone(), gap_ns, selection };
    let packets = packets::find(&recording, &options)?;
    let listing = match (arguments.all, arguments.queued) {
        (true, _) => Listing::All,
        (false, true) => Listing::Queued,
        (false, false) => Listing::None,
    };
    output::print(|out| match arguments.format {
        Format::Text => report::packets::write(&recording, &packets, listing, &mut Report::new(out)),
        Format::Json => json::packets::write(&recording, &packets, out),
    })?;
    let outcome = Outcome::new(&recording, !packets.packets.is_empty());
    output::leave_to_exit(recording);
    Ok(outcome)
}
