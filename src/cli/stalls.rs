//! `stallgraph stalls`: the stalls in a recording, by all its evidence, and the culprit of each.

use std::time::Duration;

use anyhow::{Result, bail};
use clap::{Args, ValueEnum};
use stallgraph::analyses::stalls::{self, Options};
use stallgraph::analyses::{check, moments};
use stallgraph::load;
use stallgraph::render::{json, report};

use super::at::LogOptions;
use super::causes_options::CausesOptions;
use super::input::InputOptions;
use super::outcome::Outcome;
use super::output;
use super::reading::Needs;
use super::selection::SelectionOptions;
use super::terminal::Report;
use super::values::{parse_duration, to_ns};

/// Finds the stalls in a recording, by all its evidence, and the culprit of each
///
/// A stall is a time in which a CPU handled no softirq although it should have:
/// packets arrived, and nobody received them. Samples alone show stalls where
/// softirqs are common; tracepoints show them exactly. Where softirqs take
/// nine tenths of a CPU for a second or more, or ksoftirqd takes half, that is
/// an overload: it is reported once, with the stalls that it caused.
///
/// Examples:
///
///   perf record -a -g -F 999 -k CLOCK_MONOTONIC --all-cgroups -- sleep 60
///   stallgraph stalls
///   stallgraph stalls --min 50ms --format json
///   ping -D 192.0.2.2 > ping.txt; stallgraph stalls --at ping.txt
///
/// The cheapest exact witnesses, which stallgraph record records without perf:
///
///   perf record -C 11 -k CLOCK_MONOTONIC --all-cgroups --switch-events \
///     -m 4M -e cpu-clock/freq=999,call-graph=fp/ \
///     -e irq:softirq_raise --filter vec==3 \
///     -e irq:softirq_entry --filter vec==3 \
///     -e sched:sched_waking --filter 'comm~"ksoftirqd/*"' -- sleep 60
///
/// All witnesses, which cost more (docs/stalls.md):
///
///   perf record -C 11 -k CLOCK_MONOTONIC --all-cgroups --switch-events \
///     -m 4M -e cpu-clock/freq=999,call-graph=fp/ \
///     -e irq:softirq_raise,irq:softirq_entry,irq:softirq_exit \
///     -e raw_syscalls:sys_enter,raw_syscalls:sys_exit --exclude-perf \
///     -e sched:sched_waking,napi:napi_poll,net:netif_receive_skb \
///     -- sleep 60
#[derive(Args)]
#[command(verbatim_doc_comment, next_help_heading = "Output")]
pub struct Arguments {
    /// Least length of a stall
    #[arg(long, help_heading = "Stalls", value_name = "TIME", default_value = "20ms", value_parser = parse_duration)]
    min: Duration,
    /// Also say how to record the evidence that is missing, and what that costs
    ///
    /// Where no stall was found and one may have been missed, the report says it anyway.
    #[arg(long)]
    advice: bool,
    /// How to print
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
    #[command(flatten)]
    log: LogOptions,
    #[command(flatten)]
    selection: SelectionOptions,
    #[command(flatten)]
    causes: CausesOptions,
    #[command(flatten)]
    input: InputOptions,
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
    let causes = arguments.causes.causes()?;
    let log = arguments.log.read()?;
    let recording = arguments.input.load(Needs::Kernel)?;
    load::require_witnesses(&recording)?;
    let options =
        Options { min_ns: to_ns(arguments.min)?, selection: arguments.selection.selection(), causes };
    output::check_selection(&options.selection, &recording)?;
    let stalls = stalls::find(&recording, &options);
    let moments = log.as_ref().map(|log| moments::find(&recording, &stalls, log, &options.selection));
    let moments = moments.transpose()?;
    let at = log.as_ref().zip(moments.as_ref());
    let doubt = check::doubt(&recording, &stalls.sight, &options.selection);
    output::print(|out| match arguments.format {
        Format::Text => {
            let out = &mut Report::new(out);
            report::stalls::write(&recording, &stalls, doubt.as_ref(), arguments.advice, out).and_then(|()| {
                match at {
                    Some((log, moments)) => report::moments::write(&recording, &stalls, log, moments, out),
                    None => Ok(()),
                }
            })
        }
        Format::Json => json::stalls::write(&recording, &stalls, at, out),
    })?;
    let outcome = Outcome::of_paths(&recording, !stalls.stalls.is_empty() || !stalls.overloads.is_empty());
    output::leave_to_exit(recording);
    Ok(outcome)
}
