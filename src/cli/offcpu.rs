//! `stallgraph offcpu`: what threads waited for.

use std::time::Duration;

use anyhow::Result;
use clap::{Args, ValueEnum};
use stallgraph::analyses::waits::{self, Options};
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

/// Ranks what threads waited for while they had no CPU, and for how long
///
/// Needs switches between tasks. The spans between a thread's departure from a
/// CPU and its return are added up by comm, state and the place in the kernel
/// where it left. The first word of each entry is the state:
///
///   slept    until something happened; a signal would have ended it
///   blocked  until something happened that no signal ends (D): a disk, a lock
///   waited   for a CPU: preempted, or it yielded
///   stopped  by a signal or a debugger
///   off      unknown: sched:sched_switch did not record it
///
/// queue is the part of a time in which the thread could run, but had no CPU.
/// Below a line stand the path in the kernel (via), the user stack (from), who
/// woke the threads (by), and who had the CPU that they waited for (behind).
/// A > says that the longest was longer: the recording does not hold all of it;
/// a < that it was shorter: its end was not recorded.
/// Kernel threads that waited for work in their own loop are listed with --all.
/// -C selects what left these CPUs; of what --time cuts, the part inside counts.
/// Samples of perf record --off-cpu are used where there are no switches.
///
/// Examples:
///
///   perf record -a -g -k CLOCK_MONOTONIC --all-cgroups \
///     -e sched:sched_switch -e sched:sched_waking \
///     --switch-events -m 16M -- sleep 10; stallgraph offcpu
///   stallgraph offcpu --min 100ms | grep ^blocked
///   stallgraph offcpu --format json | jq '.groups[] | select(.comm == "etcd")'
#[derive(Args)]
#[command(verbatim_doc_comment, next_help_heading = "Output")]
pub struct Arguments {
    /// Leave out times off the CPU that are shorter
    #[arg(long, help_heading = "Off the CPU", value_name = "TIME", default_value = "0s", value_parser = parse_duration)]
    min: Duration,
    /// List all, not only those with the longest time
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
    /// One line for each comm, state and place
    Text,
    /// Everything, with sums of each thread, for programs
    Json,
}

/// Runs the command.
pub fn run(arguments: &Arguments) -> Result<Outcome> {
    let recording =
        arguments.input.load(Needs::OffCpu).map_err(|error| error.recorded_with(waits::RECORD))?;
    let selection = arguments.tasks.limit(arguments.selection.selection());
    output::check_selection(&selection, &recording)?;
    let min_ns = to_ns(arguments.min)?;
    let waits = waits::find(&recording, &Options { min_ns, selection })?;
    if !recording.samples_off_cpu() {
        load::require_cpus(&recording)?;
    }
    output::print(|out| match arguments.format {
        Format::Text => report::waits::write(&recording, &waits, arguments.all, &mut Report::new(out)),
        Format::Json => json::waits::write(&recording, &waits, out),
    })?;
    let outcome = Outcome::new(&recording, !waits.groups.is_empty());
    output::leave_to_exit(recording);
    Ok(outcome)
}
