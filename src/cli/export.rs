//! `stallgraph export`: the samples in the formats of viewers that people already use, and the
//! results as tables.

use std::io::{self, IsTerminal, Write};
use std::path::PathBuf;

use anyhow::{Result, bail};
use clap::{Args, ValueEnum};
use stallgraph::analyses::check::{self, Thresholds};
use stallgraph::analyses::lanes::{LaneKind, Lanes};
use stallgraph::analyses::ordered::{self, OrderedStacks};
use stallgraph::analyses::selection::Selection;
use stallgraph::analyses::{stalls, windows};
use stallgraph::causes::Causes;
use stallgraph::load;
use stallgraph::model::Recording;
use stallgraph::render::folded::{Field, Folder};
use stallgraph::render::viewers::markers::{self, Marker};
use stallgraph::render::viewers::{chrome, firefox, speedscope};

use super::input::InputOptions;
use super::outcome::Outcome;
use super::output;
use super::selection::SelectionOptions;
use super::tables::{self, TableOptions};
use super::target::{self, Readers};
use super::task_options::TaskOptions;

/// Writes the samples for a viewer, or the results as Parquet tables
///
/// There is one lane per CPU. All lanes share one clock, which starts with the
/// exported time. A sample lasts until the next one on its CPU, but at most
/// two sampling intervals. What `window` and `stalls` find is shown as markers:
/// each episode of ksoftirqd, the 100 ms before it, and each stall.
///
/// The viewers are pages that read the file in the browser and send it nowhere:
///
///   speedscope  https://www.speedscope.app   no markers
///   firefox     https://profiler.firefox.com
///   chrome      https://ui.perfetto.dev
///   folded      flamegraph.pl, inferno: as collapse prints it
///
/// parquet writes tables into a folder: recordings, stalls, evidence, victims,
/// windows, culprits; with --samples also samples, stacks, frames. The tables
/// of many nodes go into one folder, which stallgraph fleet, DuckDB, Spark,
/// ClickHouse and pandas read. The same recording has the same files.
///
/// Examples:
///
///   stallgraph export --format firefox -o stall.json
///   stallgraph export --format chrome --time 4058,4060 -C 11 | gzip > stall.json.gz
///   stallgraph export --format speedscope --lanes task -c nginx -o nginx.json
///   stallgraph export --format parquet -o fleet --label zone=a node7.data
#[derive(Args)]
#[command(verbatim_doc_comment, next_help_heading = "Output")]
pub struct Arguments {
    /// Form
    #[arg(long, value_enum)]
    format: Format,
    /// What each lane shows
    #[arg(long, value_name = "WHAT", value_enum, default_value = "cpu")]
    lanes: LanesArgument,
    /// File to write; - is standard output, the default. parquet needs a folder
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Also write the tables of samples, stacks and frames
    #[arg(long, help_heading = "Tables")]
    samples: bool,
    #[command(flatten)]
    tables: TableOptions,
    #[command(flatten)]
    selection: SelectionOptions,
    #[command(flatten)]
    tasks: TaskOptions,
    #[command(flatten)]
    input: InputOptions,
}

#[derive(Clone, Copy, ValueEnum)]
enum Format {
    /// speedscope's own format
    Speedscope,
    /// The Firefox Profiler's processed profile format
    Firefox,
    /// Chrome trace events, for Perfetto
    Chrome,
    /// One folded stack per sample, lane after lane
    Folded,
    /// Tables of what was found, in a folder
    Parquet,
}

impl Format {
    /// Whether a page in a browser reads it, so that no terminal should show it.
    fn is_for_page(self) -> bool {
        match self {
            Format::Speedscope | Format::Firefox | Format::Chrome => true,
            Format::Folded | Format::Parquet => false,
        }
    }

    /// Whether it shows stalls and windows.
    fn has_markers(self) -> bool {
        match self {
            Format::Firefox | Format::Chrome => true,
            Format::Speedscope | Format::Folded | Format::Parquet => false,
        }
    }
}

#[derive(Clone, Copy, ValueEnum)]
enum LanesArgument {
    /// Each CPU; each thread where samples do not say their CPU
    Cpu,
    /// Each thread
    Task,
}

/// No browser reads a longer text: V8's strings have at most 2^29 characters
/// (`v8::String::kMaxLength`).
const MOST_BYTES: u64 = 1 << 29;

/// The name and version of this program, which formats record as their origin.
const EXPORTER: &str = concat!("stallgraph ", env!("CARGO_PKG_VERSION"));

/// Runs the command.
pub fn run(arguments: &Arguments) -> Result<Outcome> {
    if matches!(arguments.format, Format::Parquet) {
        return arguments.write_tables();
    }
    let of_tables = arguments.tables.given().or(arguments.samples.then_some("--samples"));
    if let Some(option) = of_tables {
        bail!("{option} is for tables: give --format parquet");
    }
    let file = target::file(arguments.output.as_deref());
    if arguments.format.is_for_page() && file.is_none() && io::stdout().is_terminal() {
        bail!("this is for a viewer, not for a terminal: give -o FILE, and open that in the viewer");
    }
    // Events are the best evidence of stalls, which are markers.
    let recording = match arguments.format.has_markers() {
        true => arguments.input.load_with_events()?,
        false => arguments.input.load()?,
    };
    output::report_diagnostics(&recording);
    load::require_stacks(&recording)?;
    load::require_times(&recording)?;
    let selection = arguments.tasks.limit(arguments.selection.selection());
    if selection.cpus.is_some() {
        load::require_cpus(&recording)?;
    }
    output::check_selection(&selection, &recording)?;
    let by = match arguments.lanes {
        LanesArgument::Cpu => LaneKind::Cpu,
        LanesArgument::Task => LaneKind::Task,
    };
    let lanes = Lanes::new(&recording, &selection, by);
    if lanes.untimed > 0 {
        output::complain(&format!("{} samples without a time are left out", lanes.untimed));
    }
    let inputs = arguments.input.inputs(Some(&recording));
    let bytes = target::write(file, Readers::Usual, &inputs, |out| {
        let mut out = CountingWriter { out, bytes: 0 };
        arguments.write(&recording, &selection, &lanes, &mut out)?;
        Ok(out.bytes)
    })?;
    if arguments.format.is_for_page() && bytes > MOST_BYTES {
        let megabytes = bytes >> 20;
        output::complain(&format!(
            "{megabytes} MB are more than browsers read: choose less with --time, -C, -c, --pid or --tid"
        ));
    }
    let outcome = Outcome::new(&recording, lanes.samples() > 0);
    output::leave_to_exit(lanes);
    output::leave_to_exit(recording);
    Ok(outcome)
}

impl Arguments {
    fn write_tables(&self) -> Result<Outcome> {
        let Some(folder) = target::file(self.output.as_deref()) else {
            bail!("tables are files in a folder: give -o DIR");
        };
        self.tables.check()?;
        let recording = self.input.load_with_events()?;
        output::report_diagnostics(&recording);
        load::require_witnesses(&recording)?;
        let selection = self.selection.selection();
        output::check_selection(&selection, &recording)?;
        let options = stalls::Options { selection: selection.clone(), ..stalls::Options::default() };
        let stalls = stalls::find(&recording, &options);
        let check = check::judge(&recording, &stalls, &selection, &Thresholds::default());
        let rows = self.tables.rows(&recording, &stalls, &check, &selection);
        let selected = self.tasks.limit(selection);
        let samples = self.samples.then(|| self.tables.samples(&recording, &rows, &selected));
        let inputs = self.input.inputs(Some(&recording));
        tables::write(folder, &rows, samples.as_ref(), &inputs)?;
        let outcome = Outcome::new(&recording, true);
        drop(samples);
        output::leave_to_exit(recording);
        Ok(outcome)
    }

    fn write(
        &self,
        recording: &Recording,
        selection: &Selection,
        lanes: &Lanes,
        out: &mut (dyn Write + Send),
    ) -> stallgraph::Result<()> {
        let written = match self.format {
            Format::Speedscope => speedscope::write(lanes, EXPORTER, out),
            Format::Firefox => return firefox::write(lanes, &markers(recording, selection), out),
            Format::Chrome => chrome::write(lanes, &markers(recording, selection), EXPORTER, out),
            // It is written into a folder, by `write_tables`.
            Format::Folded | Format::Parquet => write_folded(recording, selection, lanes, out),
        };
        written.map_err(stallgraph::Error::Output)
    }
}

/// Counts the bytes that are written.
struct CountingWriter<W> {
    out: W,
    bytes: u64,
}

impl<W: Write> Write for CountingWriter<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.out.write(bytes)?;
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// What viewers show beside the lanes: episodes and stalls. There are none if samples do not say
/// their CPU.
fn markers(recording: &Recording, selection: &Selection) -> Vec<Marker> {
    if !recording.tells_cpus() {
        return Vec::new();
    }
    let options = windows::Options {
        selection: selection.clone(),
        causes: Causes::none(),
        ..windows::Options::default()
    };
    let mut markers = markers::of_windows(recording, &windows::find(recording, &options));
    let options = stalls::Options {
        selection: selection.clone(),
        causes: Causes::none(),
        ..stalls::Options::default()
    };
    markers.extend(markers::of_stalls(recording, &stalls::find(recording, &options)));
    markers
}

fn write_folded(
    recording: &Recording,
    selection: &Selection,
    lanes: &Lanes,
    out: &mut (dyn Write + Send),
) -> io::Result<()> {
    let stacks = OrderedStacks::new(recording, selection, ordered::Options::default());
    let mut folder = Folder::new(recording, &[Field::Stack, Field::Count], false);
    for lane in &lanes.lanes {
        let (timeline, indices) = lane.timeline();
        folder.write(&stacks, timeline, indices, out)?;
    }
    Ok(())
}
