//! `stallgraph packets`: in whose context each packet was handled, and what was queued after a gap.

use std::time::Duration;

use anyhow::Result;
use clap::{Args, ValueEnum};
use stallgraph::analyses::packets::{self, Options};
use stallgraph::render::{json, report};

use super::input::{Input, Part, parse_duration, to_ns};
use super::whose::Whose;
use super::{Outcome, output};

/// Shows in whose context each packet was handled, the gap before it, and what was queued after a gap
///
/// One line per packet. A packet is queued if it is one of several that were
/// handled at once after a gap: within 50 us of each other, and within a quarter
/// of the mean distance on that CPU. The context is told by the event's call
/// chain (perf record -g), else by system calls, softirqs and interrupts that
/// were traced, else it is unknown.
///
/// Examples:
///
///   perf record -a -g -e net:netif_receive_skb -- sleep 10; stallgraph packets
///   perf probe icmp_echo; perf record -a -g -e probe:icmp_echo -- sleep 60
///   stallgraph packets --queued
///   stallgraph packets --format json | jq '.packets[] | select(.gap_ns > 5e7)'
#[derive(Args)]
#[command(verbatim_doc_comment)]
pub struct Arguments {
    #[command(flatten)]
    input: Input,
    #[command(flatten)]
    part: Part,
    #[command(flatten)]
    whose: Whose,
    /// The event that tells of a packet [default: probe:icmp_echo*, else net:netif_receive_skb, else
    /// net:napi_gro_receive_entry]
    #[arg(long, value_name = "NAME")]
    packet_event: Option<String>,
    /// A backlog comes after a gap of at least this, and of three times the mean distance of packets
    #[arg(long, value_name = "TIME", default_value = "20ms", value_parser = parse_duration)]
    gap: Duration,
    /// Of the packets, list only those that were queued
    #[arg(long)]
    queued: bool,
    /// How to print
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// One line per packet, then backlogs and contexts
    Text,
    /// Everything, for programs
    Json,
}

/// Runs the command.
pub fn run(arguments: &Arguments) -> Result<Outcome> {
    let recording = arguments.input.load_with_events()?;
    let selection = arguments.whose.of(arguments.part.selection());
    selection.check(&recording)?;
    let gap_ns = to_ns(arguments.gap)?;
    let options = Options { event: arguments.packet_event.clone(), gap_ns, selection };
    let packets = packets::find(&recording, &options)?;
    output::print(|out| match arguments.format {
        Format::Text => report::packets::write(&recording, &packets, arguments.queued, out),
        Format::Json => json::packets::write(&recording, &packets, out),
    })?;
    let outcome = Outcome::of(&recording, !packets.packets.is_empty());
    output::leave_to_exit(recording);
    Ok(outcome)
}
