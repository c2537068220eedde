//! `stallgraph collapse`: one collapsed stack per sample, per CPU, in time order.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Result;
use clap::{Args, ValueEnum};
use stallgraph::analyses::ordered::{Options, OrderedStacks, Weight};
use stallgraph::analyses::selection::{Selection, TimeRange};
use stallgraph::analyses::waits;
use stallgraph::load;
use stallgraph::model::{Recording, Timeline};
use stallgraph::render::folded::{Field, Folder};

use super::input::InputOptions;
use super::inputs::Inputs;
use super::outcome::Outcome;
use super::output;
use super::reading::Needs;
use super::selection::SelectionOptions;
use super::target::{self, Readers};
use super::task_options::TaskOptions;
use super::values::{parse_duration, to_ns};

/// Prints one collapsed stack per sample, CPU after CPU, each in time order
///
/// Where samples do not say their CPU (perf record -g COMMAND), they are
/// printed thread after thread. [FILE] stands for a function of FILE without
/// a name: stallgraph info says why, and what helps.
///
/// Examples:
///
///   stallgraph collapse | grep -B 100 ksoftirqd
///   stallgraph collapse -C 11 -F cpu,time,stack
///   stallgraph collapse -C 11 --merge --weight us | tac |
///     inferno-flamegraph --flamechart > chart.svg
///   stallgraph collapse --off-cpu | inferno-flamegraph --countname us > off.svg
#[derive(Args)]
#[command(verbatim_doc_comment, next_help_heading = "Output")]
pub struct Arguments {
    /// Columns, of cpu,time,pid,tid,event,stack,count
    #[arg(short = 'F', long, value_name = "LIST", default_value = "stack,count")]
    fields: String,
    /// Unit of the count
    #[arg(long, value_name = "WHAT", value_enum, default_value = "samples")]
    weight: WeightArgument,
    /// Print times off the CPU instead: one line per departure, in microseconds
    ///
    /// The stack is that of sched:sched_switch, where the thread left its CPU; without call chains
    /// it is empty. Lines are in the order in which threads left. Needs switches between tasks, or
    /// samples of perf record --off-cpu: stallgraph offcpu says how to record.
    #[arg(long, conflicts_with_all = ["weight", "file_order"])]
    off_cpu: bool,
    /// Leave out times off the CPU that are shorter
    #[arg(long, value_name = "TIME", default_value = "0s", value_parser = parse_duration, requires = "off_cpu")]
    min: Duration,
    /// Merge consecutive samples of the same stack into one line
    #[arg(long)]
    merge: bool,
    /// File to write; - is standard output, the default
    #[arg(short, long, value_name = "FILE", conflicts_with = "split")]
    output: Option<PathBuf>,
    /// Write one file per CPU into DIR: cpu-N.folded
    ///
    /// Where samples do not say their CPU, there is one file per thread: tid-N.folded. Files of
    /// these names that are already there are replaced.
    #[arg(long, value_name = "DIR")]
    split: Option<PathBuf>,
    /// Print samples without times, in the order of the file
    ///
    /// At best that is the order of time within each of perf's buffers for one CPU.
    #[arg(long)]
    file_order: bool,
    /// Append _[k] to the names of kernel functions
    #[arg(long)]
    kernel_suffix: bool,
    #[command(flatten)]
    selection: SelectionOptions,
    #[command(flatten)]
    tasks: TaskOptions,
    #[command(flatten)]
    input: InputOptions,
}

#[derive(Clone, Copy, ValueEnum)]
enum WeightArgument {
    /// Samples
    Samples,
    /// The event's own count, as recorded
    Period,
    /// Microseconds until the CPU's next sample, at most two sampling intervals
    Us,
}

impl From<WeightArgument> for Weight {
    fn from(argument: WeightArgument) -> Weight {
        match argument {
            WeightArgument::Samples => Weight::Samples,
            WeightArgument::Period => Weight::Period,
            WeightArgument::Us => Weight::Microseconds,
        }
    }
}

/// Runs the command.
pub fn run(arguments: &Arguments) -> Result<Outcome> {
    let fields = Field::parse_list(&arguments.fields)?;
    if arguments.off_cpu {
        return off_cpu(arguments, &fields);
    }
    let recording = arguments.input.load(Needs::Samples)?;
    output::report_diagnostics(&recording);
    load::require_stacks(&recording)?;
    let needs_times = fields.contains(&Field::Time)
        || arguments.selection.selection().time != TimeRange::All
        || Weight::from(arguments.weight) == Weight::Microseconds;
    if !arguments.file_order || needs_times {
        load::require_times(&recording)?;
    }
    if fields.contains(&Field::Cpu) || arguments.selection.selection().cpus.is_some() {
        load::require_cpus(&recording)?;
    }
    let selection = arguments.tasks.limit(arguments.selection.selection());
    output::check_selection(&selection, &recording)?;
    let options = Options { weight: arguments.weight.into(), merge: arguments.merge };
    let mut collapsing = Collapsing {
        recording: &recording,
        folder: Folder::new(&recording, &fields, arguments.kernel_suffix),
        stacks: OrderedStacks::new(&recording, &selection, options),
        timelines: selection.timelines(&recording).collect(),
        selection: &selection,
    };
    let outcome = Outcome::new(&recording, collapsing.write_to(arguments)? > 0);
    output::leave_to_exit(collapsing);
    output::leave_to_exit(recording);
    Ok(outcome)
}

/// Prints times off the CPU.
fn off_cpu(arguments: &Arguments, fields: &[Field]) -> Result<Outcome> {
    if fields.contains(&Field::Event) {
        anyhow::bail!("-F event: times off the CPU are of no event; leave it out");
    }
    let recording = arguments.input.load(Needs::OffCpu)?;
    output::report_diagnostics(&recording);
    let selection = arguments.tasks.limit(arguments.selection.selection());
    output::check_selection(&selection, &recording)?;
    let options = waits::Options { min_ns: to_ns(arguments.min)?, selection };
    let departures = waits::departures(&recording, &options)?;
    if !recording.samples_off_cpu() {
        load::require_cpus(&recording)?;
    }
    if departures.not_whole > 0 {
        let (not_whole, unseen) = (departures.not_whole, departures.unseen);
        output::warn(&match unseen {
            0 => format!(
                "note: {not_whole} of the times off the CPU are not known wholly: the known part is printed"
            ),
            _ => format!(
                "note: {not_whole} of the times off the CPU are not known wholly: the known part is printed; {unseen} of these are too long, \
                 because the return to a CPU was not recorded: add --switch-events to perf record"
            ),
        });
    }
    // What is printed was selected above.
    let all = Selection::default();
    let options = Options { weight: Weight::Period, merge: arguments.merge };
    let mut collapsing = Collapsing {
        recording: &recording,
        folder: Folder::new(&recording, fields, arguments.kernel_suffix),
        stacks: OrderedStacks::new(&recording, &all, options),
        timelines: departures.timelines.iter().collect(),
        selection: &all,
    };
    let outcome = Outcome::new(&recording, collapsing.write_to(arguments)? > 0);
    output::leave_to_exit(collapsing);
    output::leave_to_exit(recording);
    Ok(outcome)
}

struct Collapsing<'r> {
    recording: &'r Recording,
    folder: Folder<'r>,
    stacks: OrderedStacks,
    timelines: Vec<&'r Timeline>,
    selection: &'r Selection,
}

impl Collapsing<'_> {
    /// Writes where the user wants it, and returns the number of lines.
    fn write_to(&mut self, arguments: &Arguments) -> Result<u64> {
        let inputs = arguments.input.inputs(Some(self.recording));
        match &arguments.split {
            Some(directory) => self.write_files(directory, &inputs),
            None => {
                let file = target::file(arguments.output.as_deref());
                Ok(target::write(file, Readers::Usual, &inputs, |out| self.write_all(out))?)
            }
        }
    }

    fn write_all(&mut self, out: &mut (dyn Write + Send)) -> stallgraph::Result<u64> {
        let mut lines = 0;
        for timeline in self.timelines.clone() {
            lines += self.write(timeline, out)?;
        }
        Ok(lines)
    }

    fn write_files(&mut self, directory: &Path, inputs: &Inputs) -> Result<u64> {
        target::make_folder(directory)?;
        let prefix = if self.recording.tells_cpus() { "cpu" } else { "tid" };
        let name = |timeline: &Timeline| format!("{prefix}-{}.folded", timeline.cpu);
        let timelines = self.timelines.clone();
        let names: Vec<String> = timelines.iter().copied().map(name).collect();
        say_what_is_there(directory, &names);
        let mut lines = 0;
        for (timeline, name) in timelines.into_iter().zip(names) {
            let path = directory.join(name);
            lines += target::write(Some(&path), Readers::Usual, inputs, |out| self.write(timeline, out))?;
        }
        Ok(lines)
    }

    fn write(&mut self, timeline: &Timeline, out: &mut (dyn Write + Send)) -> stallgraph::Result<u64> {
        let indices = self.selection.samples_of(self.recording, timeline);
        self.folder.write(&self.stacks, timeline, indices, out).map_err(stallgraph::Error::Output)
    }
}

/// Says which files in `directory` will be replaced by those with these `names`, and which of an
/// earlier run stay.
fn say_what_is_there(directory: &Path, names: &[String]) {
    let present = fs::read_dir(directory).into_iter().flatten().flatten();
    let present = present.filter_map(|entry| entry.file_name().into_string().ok());
    let is_ours = |name: &String| {
        let number = name.strip_prefix("cpu-").or(name.strip_prefix("tid-"));
        let number = number.and_then(|number| number.strip_suffix(".folded"));
        number.is_some_and(|number| number.parse::<u32>().is_ok())
    };
    let ours: BTreeSet<String> = present.filter(is_ours).collect();
    let written: BTreeSet<String> = names.iter().cloned().collect();
    let say = |what: &str, names: Vec<&String>| {
        if let Some(first) = names.first() {
            let (directory, count) = (directory.to_string_lossy(), names.len());
            let others = if count == 1 { String::new() } else { format!(" and {} more", count - 1) };
            let place = stallgraph::model::clean(&directory).into_owned();
            output::warn(&format!("note: {first}{others} in {place} {what}"));
        }
    };
    say("will be replaced", ours.intersection(&written).collect());
    say("of an earlier run will stay", ours.difference(&written).collect());
}
