//! `stallgraph window`: what ran before each ksoftirqd sample, and the system call path that dominates it.

use std::time::Duration;

use anyhow::{Result, bail};
use clap::{Args, ValueEnum};
use stallgraph::analyses::{strips, windows};
use stallgraph::load;
use stallgraph::model::CodePlace;
use stallgraph::render::folded::{self, Field};
use stallgraph::render::{json, report};

use super::input::{Input, Part, parse_duration, to_ns};
use super::look::{self, Look};
use super::{Outcome, output};

/// Shows what ran before each ksoftirqd sample, and the system call path that dominates it
///
/// A window is the time before the first sample of an episode of ksoftirqd
/// on a CPU. Paths that dominate windows are ranked by how much more common
/// they are in windows than elsewhere on the same CPU (Fisher's exact test).
/// With --time, episodes are those that begin in it. Below each stands who
/// ran when in its window, oldest left.
///
/// Examples:
///
///   perf record -C 11 -g -F 999 -- sleep 60; stallgraph window
///   stallgraph window --softirq net_rx --before 200ms
///   stallgraph window --format stacks -F cpu,time,stack | less
///   stallgraph window --trigger '^kworker/' --format json
///   stallgraph window --lines -k /usr/lib/debug/boot/vmlinux-6.1.0-32-amd64
#[derive(Args)]
#[command(verbatim_doc_comment)]
pub struct Arguments {
    #[command(flatten)]
    input: Input,
    #[command(flatten)]
    part: Part,
    #[command(flatten)]
    look: Look,
    /// With --format stacks, also show this much time after the first trigger sample [default: 0ms]
    #[arg(long, value_name = "TIME", value_parser = parse_duration)]
    after: Option<Duration>,
    /// Also tell the line of source in each dominating function that most samples hit, from debug information of the recorded
    /// kernel: an installed vmlinux, or that of -k
    #[arg(long)]
    lines: bool,
    /// How to print
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
    /// Columns of --format stacks, of cpu,time,pid,tid,event,stack,count [default: stack,count]
    #[arg(short = 'F', long, value_name = "LIST")]
    fields: Option<String>,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// A report of 80 columns
    Text,
    /// Everything, for programs
    Json,
    /// The samples of each window, as collapse prints them
    Stacks,
}

/// Runs the command.
pub fn run(arguments: &Arguments) -> Result<Outcome> {
    let fields = Field::parse_list(arguments.fields.as_deref().unwrap_or("stack,count"))?;
    if arguments.format != Format::Stacks && (arguments.fields.is_some() || arguments.after.is_some()) {
        bail!("-F and --after go with --format stacks only");
    }
    if arguments.lines && arguments.format == Format::Stacks {
        bail!("--lines goes with --format text and json only");
    }
    let options = arguments.look.options(arguments.part.selection())?;
    let mut recording = arguments.input.load()?;
    load::require_timelines(&recording)?;
    options.selection.check(&recording)?;
    look::check(&options, &recording)?;
    let mut windows = windows::find(&recording, &options);
    if arguments.lines {
        let places: Vec<CodePlace> = windows.lines_mut().map(|(place, _)| place).collect();
        let (path, options) = (arguments.input.path(), arguments.input.options(false));
        let lines = load::source_lines(&path, &options, &mut recording, &places)?;
        windows.lines_mut().zip(lines).for_each(|((_, known), line)| *known = line);
    }
    let after_ns = to_ns(arguments.after.unwrap_or_default())?;
    output::print(|out| match arguments.format {
        Format::Text => {
            let strips = strips::find(&recording, &windows);
            report::window::write(&recording, &windows, &strips, out)
        }
        Format::Json => json::window::write(&recording, &windows, out),
        Format::Stacks => {
            output::report_diagnostics(&recording);
            folded::write_windows(&recording, &windows, &fields, after_ns, out)
        }
    })?;
    let outcome = Outcome::of(&recording, !windows.episodes.is_empty());
    output::leave_to_exit(recording);
    Ok(outcome)
}
