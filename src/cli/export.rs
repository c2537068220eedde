//! `stallgraph export`: the samples in the formats of viewers that people already use, and the
//! results as tables.

use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use clap::{Args, ValueEnum};
use stallgraph::analyses::check::{self, Thresholds};
use stallgraph::analyses::lanes::{LaneKind, Lanes};
use stallgraph::analyses::ordered::{self, OrderedStacks};
use stallgraph::analyses::profile;
use stallgraph::analyses::selection::Selection;
use stallgraph::analyses::stalls::{self, Stalls};
use stallgraph::analyses::windows::{self, Windows};
use stallgraph::causes::Causes;
use stallgraph::load;
use stallgraph::model::Recording;
use stallgraph::render::folded::{Field, Folder};
use stallgraph::render::viewers::markers::{self, Marker};
use stallgraph::render::viewers::{chrome, firefox, pprof, speedscope};

use super::input::InputOptions;
use super::outcome::Outcome;
use super::output;
use super::reading::Needs;
use super::selection::SelectionOptions;
use super::tables::{self, TableOptions};
use super::target::{self, Readers};
use super::task_options::TaskOptions;

/// Writes the samples for a viewer or pprof, or the results as Parquet tables
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
/// A profile adds samples up: it has no lanes and no order. Labels say in which
/// stall and in which window samples lie:
///
///   pprof       go tool pprof, Parca, Pyroscope
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
///   stallgraph export --format pprof -o stall.pb.gz
///   go tool pprof -top -tagfocus=stall=1: stall.pb.gz    # the stalls alone
///   stallgraph export --format parquet -o fleet --label zone=a node7.data
#[derive(Args)]
#[command(verbatim_doc_comment, next_help_heading = "Output")]
pub struct Arguments {
    /// Form
    #[arg(long, value_enum)]
    format: Format,
    /// What each lane shows
    ///
    /// A profile for pprof has no lanes.
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
    /// pprof's profile, packed with gzip: samples added up
    Pprof,
    /// Tables of what was found, in a folder
    Parquet,
}

impl Format {
    /// Whether a page in a browser reads it.
    fn is_for_page(self) -> bool {
        match self {
            Format::Speedscope | Format::Firefox | Format::Chrome => true,
            Format::Folded | Format::Parquet | Format::Pprof => false,
        }
    }

    /// Whether it shows stalls and windows.
    fn has_stalls(self) -> bool {
        match self {
            Format::Firefox | Format::Chrome | Format::Pprof | Format::Parquet => true,
            Format::Speedscope | Format::Folded => false,
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
    arguments.check()?;
    let recording = arguments.input.load(arguments.needs())?;
    output::report_diagnostics(&recording);
    match arguments.format {
        Format::Parquet => load::require_witnesses(&recording)?,
        _ => load::require_stacks(&recording).and_then(|()| load::require_times(&recording))?,
    }
    let selection = arguments.tasks.limit(arguments.selection.selection());
    if selection.cpus.is_some() {
        load::require_cpus(&recording)?;
    }
    output::check_selection(&selection, &recording)?;
    let export = Export { arguments, recording: &recording, selection };
    let outcome = Outcome::new(&recording, export.write()?);
    output::leave_to_exit(recording);
    Ok(outcome)
}

impl Arguments {
    /// Events are the best evidence of stalls, which markers and tables show.
    fn needs(&self) -> Needs {
        match self.format {
            Format::Parquet if !self.samples => Needs::Kernel,
            format if format.has_stalls() => Needs::SamplesAndEvents,
            _ => Needs::Samples,
        }
    }

    /// Refuses what cannot be meant.
    fn check(&self) -> Result<()> {
        let file = target::file(self.output.as_deref());
        let is_text = matches!(self.format, Format::Folded);
        if let Format::Parquet = self.format {
            if file.is_none() {
                bail!("tables are files in a folder: give -o DIR");
            }
            return self.tables.check();
        }
        if let Some(option) = self.tables.given().or(self.samples.then_some("--samples")) {
            bail!("{option} is for tables: give --format parquet");
        }
        if !is_text && file.is_none() && io::stdout().is_terminal() {
            bail!("this is for a viewer, not for a terminal: give -o FILE, and open that in the viewer");
        }
        if let (Format::Pprof, LanesArgument::Task) = (self.format, self.lanes) {
            bail!("--lanes task: a profile has no lanes; its labels pid and tid tell threads apart");
        }
        Ok(())
    }
}

/// What is exported.
struct Export<'e> {
    arguments: &'e Arguments,
    recording: &'e Recording,
    selection: Selection,
}

impl Export<'_> {
    /// Writes the file, or the files of tables. Returns whether something is in it.
    fn write(&self) -> Result<bool> {
        let samples = match self.arguments.format {
            Format::Speedscope => self.write_lanes(|lanes, out| {
                speedscope::write(lanes, EXPORTER, out).map_err(stallgraph::Error::Output)
            }),
            Format::Firefox => self.write_lanes(|lanes, out| firefox::write(lanes, &self.markers(), out)),
            Format::Chrome => self.write_lanes(|lanes, out| {
                chrome::write(lanes, &self.markers(), EXPORTER, out).map_err(stallgraph::Error::Output)
            }),
            Format::Folded => self.write_lanes(|lanes, out| {
                write_folded(self.recording, &self.selection, lanes, out).map_err(stallgraph::Error::Output)
            }),
            Format::Pprof => self.write_profile(),
            Format::Parquet => return self.write_tables().map(|()| true),
        };
        samples.map(|samples| samples > 0)
    }

    /// Writes tables of what `stalls` and `window` find, and of the samples if they are wanted.
    fn write_tables(&self) -> Result<()> {
        // Without one, `check` has refused.
        let folder = self.arguments.output.as_deref().unwrap_or(Path::new("."));
        let Arguments { tables, selection, .. } = self.arguments;
        let whole = selection.selection();
        let options = stalls::Options { selection: whole.clone(), ..stalls::Options::default() };
        let stalls = stalls::find(self.recording, &options);
        let check = check::judge(self.recording, &stalls, &whole, &Thresholds::default());
        let rows = tables.rows(self.recording, &stalls, &check, &whole);
        let samples = self.arguments.samples.then(|| tables.samples(self.recording, &rows, &self.selection));
        tables::write(folder, &rows, samples.as_ref(), &self.arguments.input.inputs(Some(self.recording)))
    }

    fn write_lanes(
        &self,
        write: impl FnOnce(&Lanes, &mut (dyn Write + Send)) -> stallgraph::Result<()>,
    ) -> Result<u64> {
        let by = match self.arguments.lanes {
            LanesArgument::Cpu => LaneKind::Cpu,
            LanesArgument::Task => LaneKind::Task,
        };
        let lanes = Lanes::new(self.recording, &self.selection, by);
        complain_of_untimed(lanes.untimed);
        let bytes = self.write_file(|out| write(&lanes, out))?;
        if self.arguments.format.is_for_page() && bytes > MOST_BYTES {
            let megabytes = bytes >> 20;
            output::warn(&format!(
                "{megabytes} MB are more than browsers read: choose less with --time, -C, -c, --pid or --tid"
            ));
        }
        let samples = lanes.samples();
        output::leave_to_exit(lanes);
        Ok(samples)
    }

    fn write_profile(&self) -> Result<u64> {
        let stalls = self.stalls();
        let windows = self.windows();
        let found = profile::Found { stalls: stalls.as_ref(), windows: windows.as_ref() };
        let profile = profile::find(self.recording, &self.selection, &found);
        drop(windows);
        complain_of_untimed(profile.untimed);
        self.write_file(|out| {
            let written = pprof::write(self.recording, &profile, stalls.as_ref(), EXPORTER, out);
            written.map_err(stallgraph::Error::Output)
        })?;
        output::warn(pprof::ORDER_IS_LOST);
        let samples = profile.samples();
        output::leave_to_exit((profile, stalls));
        Ok(samples)
    }

    /// Writes the file that the user named. Returns its length.
    fn write_file(
        &self,
        write: impl FnOnce(&mut (dyn Write + Send)) -> stallgraph::Result<()>,
    ) -> Result<u64> {
        let file = target::file(self.arguments.output.as_deref());
        let inputs = self.arguments.input.inputs(Some(self.recording));
        target::write(file, Readers::Usual, &inputs, |out| {
            let mut out = CountingWriter { out, bytes: 0 };
            write(&mut out)?;
            Ok(out.bytes)
        })
    }

    /// What viewers show beside the lanes: episodes and stalls.
    fn markers(&self) -> Vec<Marker> {
        let of_windows = self.windows().map(|windows| markers::of_windows(self.recording, &windows));
        let of_stalls = self.stalls().map(|stalls| markers::of_stalls(self.recording, &stalls));
        of_windows.into_iter().chain(of_stalls).flatten().collect()
    }

    /// `None` if samples do not say their CPU.
    fn windows(&self) -> Option<Windows> {
        let options = windows::Options {
            selection: self.selection.clone(),
            causes: Causes::none(),
            ..windows::Options::default()
        };
        self.recording.tells_cpus().then(|| windows::find(self.recording, &options))
    }

    /// `None` if samples do not say their CPU.
    fn stalls(&self) -> Option<Stalls> {
        let options = stalls::Options {
            selection: self.selection.clone(),
            causes: Causes::none(),
            ..stalls::Options::default()
        };
        self.recording.tells_cpus().then(|| stalls::find(self.recording, &options))
    }
}

fn complain_of_untimed(samples: u64) {
    if samples > 0 {
        output::warn(&format!("{samples} samples without a time are left out"));
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

fn write_folded(
    recording: &Recording,
    selection: &Selection,
    lanes: &Lanes,
    out: &mut (dyn Write + Send),
) -> io::Result<()> {
    let stacks = OrderedStacks::new(recording, selection, ordered::Options::default());
    let folder = Folder::new(recording, &[Field::Stack, Field::Count], false);
    for lane in &lanes.lanes {
        let (timeline, indices) = lane.timeline();
        folder.write(&stacks, timeline, indices, out)?;
    }
    Ok(())
}
