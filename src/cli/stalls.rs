//! `stallgraph stalls`: the stalls in a recording, by all its evidence, and the culprit of each.

use std::time::Duration;

use anyhow::{Result, bail};
use clap::{Args, ValueEnum};
use stallgraph::analyses::check;
use stallgraph::analyses::moments;
use stallgraph::analyses::stalls::{self, Options};
use stallgraph::load;
use stallgraph::render::{json, report};

use super::at::At;
use super::input::{Input, Part, parse_duration, to_ns};

use super::{Outcome, output};

/// Finds the stalls in a recording, by all its evidence, and the culprit of each
///
/// A stall is a time in which a CPU handled no softirq although it should have:
/// packets arrived, and nobody received them. Samples alone tell of it where
/// softirqs are common; tracepoints tell exactly.
///
/// Examples:
///
///   perf record -C 11 -g -F 999 -- sleep 60; stallgraph stalls
///   perf record -a -g -k CLOCK_MONOTONIC --switch-events --all-cgroups \
///     -e cpu-clock/freq=999/ -e irq:softirq_raise/call-graph=no/ \
///     -e irq:softirq_entry/call-graph=no/ -e irq:softirq_exit/call-graph=no/ \
///     -- sleep 60
///   stallgraph stalls --min 50ms --format json
///   ping -D 192.0.2.2 > ping.txt; stallgraph stalls --at ping.txt
#[derive(Args)]
#[command(verbatim_doc_comment)]
pub struct Arguments {
    #[command(flatten)]
    input: Input,
    #[command(flatten)]
    part: Part,
    #[command(flatten)]
    at: At,
    /// Length of a stall at least
    #[arg(long, value_name = "TIME", default_value = "20ms", value_parser = parse_duration)]
    min: Duration,
    /// Form of the output
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: Format,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// A report of 80 columns
    Text,
    /// Everything, for programs
    Json,
}

/// Runs the command.
pub fn run(arguments: &Arguments) -> Result<Outcome> {
    if arguments.min.is_zero() {
        bail!("--min 0: every moment is a stall then; give --min 20ms");
    }
    let log = arguments.at.read()?;
    let recording = arguments.input.load_with_events()?;
    load::require_witnesses(&recording)?;
    let options = Options { min_ns: to_ns(arguments.min)?, selection: arguments.part.selection() };
    options.selection.check(&recording)?;
    let stalls = stalls::find(&recording, &options);
    let found = log.as_ref().map(|log| moments::find(&recording, &stalls, log, &options.selection));
    let moments = found.transpose()?;
    let at = log.as_ref().zip(moments.as_ref());
    let doubt = check::doubt(&recording, &stalls, &options.selection);
    output::print(|out| match arguments.format {
        Format::Text => {
            report::stalls::write(&recording, &stalls, doubt.as_ref(), out).and_then(|()| match at {
                Some((log, moments)) => report::moments::write(&recording, &stalls, log, moments, out),
                None => Ok(()),
            })
        }
        Format::Json => json::stalls::write(&recording, &stalls, at, out),
    })?;
    let outcome = Outcome::of(&recording, !stalls.stalls.is_empty());
    output::leave_to_exit(recording);
    Ok(outcome)
}
