//! `stallgraph window`: what ran before each ksoftirqd sample, and the system call path that
//! dominates it.

use std::time::Duration;

use anyhow::{Result, bail};
use clap::{Args, ValueEnum};
use stallgraph::analyses::check::{self, Doubt};
use stallgraph::analyses::selection::Selection;
use stallgraph::analyses::windows::{self, TriggerTasks};
use stallgraph::analyses::{stalls, strips};
use stallgraph::causes::Causes;
use stallgraph::load;
use stallgraph::model::{CodePlace, Recording};
use stallgraph::render::folded::{self, Field};
use stallgraph::render::{json, report};

use super::causes_options::CausesOptions;
use super::input::InputOptions;
use super::outcome::Outcome;
use super::output;
use super::reading::Needs;
use super::selection::SelectionOptions;
use super::terminal::Report;
use super::values::{parse_duration, to_ns};
use super::window_options::{self, WindowOptions};

/// Shows what ran before each ksoftirqd sample, and the system call path that dominates it
///
/// A window is the time before the first sample of an episode of ksoftirqd
/// on a CPU. Paths that dominate windows are ranked by how much more common
/// they are in windows than elsewhere on the same CPU (Fisher's exact test).
/// With --time, only episodes that begin in it are shown. The line below each
/// episode shows who ran when in its window, from left to right.
///
/// Examples:
///
///   perf record -a -g -F 999 -k CLOCK_MONOTONIC --all-cgroups -- sleep 60
///   stallgraph window
///   stallgraph window --softirq net_rx --before 200ms
///   stallgraph window --format stacks -F cpu,time,stack | less
///   stallgraph window --trigger '^kworker/' --format json
///   stallgraph window --lines -k /usr/lib/debug/boot/vmlinux-6.1.0-32-amd64
#[derive(Args)]
#[command(verbatim_doc_comment, next_help_heading = "Output")]
pub struct Arguments {
    /// How to print
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
    /// Columns of --format stacks [default: stack,count]
    ///
    /// There are cpu,time,pid,tid,event,stack,count.
    #[arg(short = 'F', long, value_name = "LIST")]
    fields: Option<String>,
    /// With --format stacks, also show this much after the trigger [default: 0ms]
    ///
    /// The time is counted from the first trigger sample.
    #[arg(long, value_name = "TIME", value_parser = parse_duration)]
    after: Option<Duration>,
    /// Show the source line that most samples hit in each dominating function
    ///
    /// It comes from debug information of the recorded kernel: that of -k, or an installed vmlinux.
    #[arg(long)]
    lines: bool,
    #[command(flatten)]
    windows: WindowOptions,
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
    let mut options = arguments.windows.options(arguments.selection.selection())?;
    options.causes = arguments.causes.causes()?;
    let mut recording = arguments.input.load(arguments.needs())?;
    load::require_timelines(&recording)?;
    if !matches!(options.trigger, TriggerTasks::Any) {
        load::require_comms(&recording)?;
    }
    output::check_selection(&options.selection, &recording)?;
    window_options::check(&options, &recording)?;
    let mut windows = windows::find(&recording, &options);
    if arguments.lines {
        let places: Vec<CodePlace> = windows.lines_mut().map(|(place, _)| place).collect();
        let (path, options) = (arguments.input.path(), arguments.input.options(Needs::Kernel));
        let lines = load::source_lines(&path, &options, &mut recording, &places)?;
        windows.lines_mut().zip(lines).for_each(|((_, slot), line)| *slot = line);
    }
    let after_ns = to_ns(arguments.after.unwrap_or_default())?;
    let is_judged = arguments.format != Format::Stacks && windows.culprit().is_none();
    let doubt = if is_judged { doubt(&recording, &options.selection) } else { None };
    output::print(|out| match arguments.format {
        Format::Text => {
            let strips = strips::find(&recording, &windows);
            report::window::write(&recording, &windows, &strips, doubt.as_ref(), &mut Report::new(out))
        }
        Format::Json => json::window::write(&recording, &windows, doubt.as_ref(), out),
        Format::Stacks => {
            output::report_diagnostics(&recording);
            folded::write_windows(&recording, &windows, &fields, after_ns, out)
        }
    })?;
    let outcome = Outcome::of_paths(&recording, !windows.episodes.is_empty());
    output::leave_to_exit(recording);
    Ok(outcome)
}

impl Arguments {
    /// The stacks of samples are printed by one format, and a trigger's frame may be in a program.
    fn needs(&self) -> Needs {
        match self.format == Format::Stacks || self.windows.has_trigger_frame() {
            true => Needs::SamplesAndEvents,
            false => Needs::Kernel,
        }
    }
}

/// Why stalls may have been missed, as `stalls` and `check` say it.
fn doubt(recording: &Recording, selection: &Selection) -> Option<Doubt> {
    let options = stalls::Options {
        selection: selection.clone(),
        causes: Causes::none(),
        ..stalls::Options::default()
    };
    check::doubt(recording, &stalls::sight(recording, &options), selection)
}
