//! `stallgraph syscalls`: slow system calls, and where their time went.

use std::io::Write;
use std::time::Duration;

use anyhow::{Result, anyhow};
use clap::{Args, ValueEnum};
use stallgraph::analyses::syscalls::{self, Class, Options, Source};
use stallgraph::load;
use stallgraph::render::{syscalls_json, syscalls_text};

use super::input::{Input, Part};
use super::whose::Whose;
use super::{Outcome, output};

/// Shows slow system calls and where their time went: on the CPU, waiting for one, or asleep
///
/// Exact where system calls were traced, else estimated from samples, and
/// marked so. A call is listed as held if it had the CPU for --min, or longer
/// than it slept or waited for a CPU. Those that slept are only counted,
/// unless --asleep is given. With -C, calls that began on these CPUs; with
/// --time, calls under way at that time.
///
/// Examples:
///
///   perf record -a -g -e cpu-clock/freq=999/ -e raw_syscalls:sys_enter/call-graph=no/ \
///     -e raw_syscalls:sys_exit/call-graph=no/ --switch-events -m 16M -- sleep 10
///   stallgraph syscalls
///   stallgraph syscalls --min 1s --asleep -c cadvisor
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
    /// List those that slept, too
    #[arg(long)]
    asleep: bool,
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
    let min = arguments.min;
    let min_ns =
        u64::try_from(min.as_nanos()).map_err(|_| anyhow!("{min:?} is longer than any recording"))?;
    let calls = syscalls::find(&recording, &Options { min_ns, selection });
    if calls.source != Source::Traced {
        load::require_stacks(&recording)?;
        load::require_times(&recording)?;
        load::require_cpus(&recording)?;
    }
    let mut out = output::stdout();
    let written = match arguments.format {
        Format::Text => syscalls_text::write(&recording, &calls, arguments.asleep, &mut out),
        Format::Json => syscalls_json::write(&recording, &calls, &mut out),
    };
    written.and_then(|()| out.flush()).map_err(stallgraph::Error::Output)?;
    let is_listed = |class| class != Class::Slept || arguments.asleep || arguments.format == Format::Json;
    let outcome = Outcome::of(&recording, calls.slow.iter().any(|call| is_listed(call.class)));
    output::leave_to_exit(recording);
    Ok(outcome)
}

fn parse_duration(text: &str) -> Result<Duration, String> {
    match text {
        "0" => Ok(Duration::ZERO),
        _ => humantime::parse_duration(text).map_err(|error| format!("{error}; write 100ms or 2s")),
    }
}
