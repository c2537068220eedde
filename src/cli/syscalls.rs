//! `stallgraph syscalls`: slow system calls, and where their time went.

use std::time::Duration;

use anyhow::Result;
use clap::{Args, ValueEnum};
use stallgraph::analyses::syscalls::{self, Options};
use stallgraph::load;
use stallgraph::render::{json, report};

use super::input::InputOptions;
use super::outcome::Outcome;
use super::output;
use super::reading::Needs;
use super::selection::SelectionOptions;
use super::task_options::TaskOptions;
use super::terminal::Report;
use super::values::{parse_duration, to_ns};

/// Shows slow system calls and where their time went
///
/// Times are exact where system calls were traced; else they are estimated from
/// samples, and marked as estimates. The first word of each line says where most
/// of the time went:
///
///   held    on the CPU: most of the call, or at least 10 ms and at least --min
///   waited  waiting for a CPU
///   slept   asleep
///   away    unknown: the recording does not show it
///   call    unknown: switches between tasks were not recorded
///
/// Calls that slept or were away are only counted, unless --all is given. -C
/// selects calls that began on these CPUs, --time calls that overlap it.
///
/// CUT    it began before the recording, or did not end in it
/// MOVED  the thread was on a CPU that was not recorded
/// LOST   records were lost
///
/// Examples:
///
///   perf record -a -k CLOCK_MONOTONIC --all-cgroups \
///     -e cpu-clock/freq=999,call-graph=fp/ -e 'raw_syscalls:*' \
///     --exclude-perf --switch-events -m 16M -- sleep 10; stallgraph syscalls
///   stallgraph syscalls --min 1s --all -c cadvisor
///   stallgraph syscalls --format json | jq '.slow[] | select(.syscall == "read")'
#[derive(Args)]
#[command(verbatim_doc_comment, next_help_heading = "Output")]
pub struct Arguments {
    /// Least duration of a listed call, and least total of a listed sum
    #[arg(long, help_heading = "System calls", value_name = "TIME", default_value = "20ms", value_parser = parse_duration)]
    min: Duration,
    /// Also list calls that slept or were away
    #[arg(long)]
    all: bool,
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
    /// One line per slow call, then sums
    Text,
    /// Everything, calls that slept included, for programs
    Json,
}

/// Runs the command.
pub fn run(arguments: &Arguments) -> Result<Outcome> {
    let recording = arguments.input.load(Needs::Kernel)?;
    load::require_cpus(&recording)?;
    let selection = arguments.tasks.limit(arguments.selection.selection());
    output::check_selection(&selection, &recording)?;
    let min_ns = to_ns(arguments.min)?;
    let calls = syscalls::find(&recording, &Options { min_ns, selection })?;
    if calls.is_estimate() {
        load::require_timelines(&recording)?;
    }
    output::print(|out| match arguments.format {
        Format::Text => report::syscalls::write(&recording, &calls, arguments.all, &mut Report::new(out)),
        Format::Json => json::syscalls::write(&recording, &calls, out),
    })?;
    let lists_all = arguments.all || arguments.format == Format::Json;
    let is_found = calls.listed(lists_all).next().is_some();
    let outcome = match calls.is_estimate() {
        true => Outcome::of_paths(&recording, is_found),
        false => Outcome::new(&recording, is_found),
    };
    output::leave_to_exit(recording);
    Ok(outcome)
}
