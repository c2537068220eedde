//! `stallgraph syscalls`: slow system calls, and where their time went.

use std::time::Duration;

use anyhow::Result;
use clap::{Args, ValueEnum};
use stallgraph::analyses::syscalls::{self, Options};
use stallgraph::load;
use stallgraph::render::{json, report};

use super::input::{Input, Part, parse_duration, to_ns};
use super::whose::Whose;
use super::{Outcome, output};

/// Shows slow system calls and where their time went: on the CPU, waiting for one, or asleep
///
/// Exact where system calls were traced, else estimated from samples, and
/// marked so. A call is held if it had the CPU for most of its time, or for
/// --min and 10 ms; else it waited for a CPU, slept, or was away, where nothing
/// tells. Those that slept or were away are counted only, unless --all is given.
/// With -C, calls that began on these CPUs; with --time, calls under way then.
/// CUT: begun before the recording or not ended in it; MOVED: the thread was on
/// a CPU that was not recorded; LOST: records were lost.
///
/// Examples:
///
///   perf record -a -e cpu-clock/freq=999,call-graph=fp/ -e 'raw_syscalls:*' \
///     --exclude-perf --switch-events -m 16M -- sleep 10; stallgraph syscalls
///   stallgraph syscalls --min 1s --all -c cadvisor
///   stallgraph syscalls --format json | jq '.slow[] | select(.syscall == "read")'
#[derive(Args)]
#[command(verbatim_doc_comment)]
pub struct Arguments {
    #[command(flatten)]
    input: Input,
    #[command(flatten)]
    part: Part,
    #[command(flatten)]
    whose: Whose,
    /// List calls that take at least this long
    #[arg(long, value_name = "TIME", default_value = "20ms", value_parser = parse_duration)]
    min: Duration,
    /// List those that slept or were away, too
    #[arg(long)]
    all: bool,
    /// How to print
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// One line for each slow call, then sums
    Text,
    /// Everything, those that slept included, for programs
    Json,
}

/// Runs the command.
pub fn run(arguments: &Arguments) -> Result<Outcome> {
    let recording = arguments.input.load_with_events()?;
    let selection = arguments.whose.of(arguments.part.selection());
    selection.check(&recording)?;
    let min_ns = to_ns(arguments.min)?;
    let calls = syscalls::find(&recording, &Options { min_ns, selection })?;
    if calls.is_estimate() {
        load::require_timelines(&recording)?;
    }
    output::print(|out| match arguments.format {
        Format::Text => report::syscalls::write(&recording, &calls, arguments.all, out),
        Format::Json => json::syscalls::write(&recording, &calls, out),
    })?;
    let lists_all = arguments.all || arguments.format == Format::Json;
    let outcome = Outcome::of(&recording, calls.listed(lists_all).next().is_some());
    output::leave_to_exit(recording);
    Ok(outcome)
}
