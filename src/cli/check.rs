//! `stallgraph check`: one line and an exit code for monitoring, as a plugin of
//! node-problem-detector.

use std::fs::OpenOptions;
use std::io::{Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Result, anyhow, bail};
use clap::{Args, ValueEnum};
use stallgraph::Error;
use stallgraph::analyses::check::{self, Check, Thresholds};
use stallgraph::analyses::stalls::{self, Confidence};
use stallgraph::load;
use stallgraph::model::{Recording, clean};
use stallgraph::render::json;
use stallgraph::render::report::check as report;
use stallgraph::render::report::prometheus::{self, Labels};

use super::causes_options::CausesOptions;
use super::input::InputOptions;
use super::inputs::Inputs;
use super::output;
use super::reading::Needs;
use super::selection::SelectionOptions;
use super::tables::{self, ParquetOptions};
use super::target::{self, Readers};
use super::values::{parse_duration, to_ns};

/// Says in one line and an exit code whether the node is stalling, for monitoring
///
/// Exit codes are those of node-problem-detector:
///
///   0 healthy
///   1 stalling, or overload: softirqs took so much of a CPU that it could do
///     little else
///   2 unknown: the recording is damaged, empty or too short, lost too much,
///     or would not have shown each stall of --min, and it shows none; or
///     there are stalls, but too few of them are sure
///
/// Samples alone seldom show that a node is healthy. Record when NET_RX is
/// raised and entered, too, as the first example and docs/kubernetes do.
///
/// The line has at most 80 bytes; node-problem-detector would cut more.
///
/// The node is stalling if there are at least --stalls stalls, each at least
/// --min long and at least --confidence sure, and together at least --total.
/// Stalls of several CPUs at the same time count once in --total. A CPU is
/// overloaded if softirqs take nine tenths of a second or more, or ksoftirqd
/// takes half of it, whatever these limits are.
///
/// Examples:
///
///   stallgraph record -- sleep 10; stallgraph check
///   stallgraph check --min 50ms --total 200ms /var/lib/stallgraph/last.data
///   stallgraph check --textfile /var/lib/node_exporter/textfile_collector
///   stallgraph check --parquet /var/lib/stallgraph/tables --label cluster=eu1
///
/// docs/kubernetes has a plugin for node-problem-detector and a DaemonSet.
#[derive(Args)]
#[command(verbatim_doc_comment, next_help_heading = "Thresholds")]
pub struct Arguments {
    /// Least length of a stall
    #[arg(long, value_name = "TIME", default_value = "20ms", value_parser = parse_duration)]
    min: Duration,
    /// Least confidence
    ///
    /// Stalls of lower confidence do not count.
    #[arg(long, value_name = "LEVEL", value_enum, default_value = "medium")]
    confidence: ConfidenceArgument,
    /// Stalling if there are at least this many stalls
    #[arg(long, value_name = "N", default_value = "1", value_parser = clap::value_parser!(u64).range(1..))]
    stalls: u64,
    /// Stalling if they last at least this long together
    #[arg(long, value_name = "TIME", default_value = "0ms", value_parser = parse_duration)]
    total: Duration,
    /// Report unknown if FILE is older
    ///
    /// An old FILE may mean that recording has stopped.
    #[arg(long, value_name = "TIME", value_parser = parse_duration)]
    max_age: Option<Duration>,
    /// Also write DIR/stallgraph.prom for Prometheus
    ///
    /// The file is for the textfile collector of Prometheus' node_exporter.
    #[arg(long, value_name = "DIR", help_heading = "Output")]
    textfile: Option<PathBuf>,
    /// How to print
    #[arg(long, value_enum, default_value = "line", help_heading = "Output")]
    format: Format,
    #[command(flatten)]
    parquet: ParquetOptions,
    #[command(flatten)]
    selection: SelectionOptions,
    #[command(flatten)]
    causes: CausesOptions,
    #[command(flatten)]
    input: InputOptions,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// One line, for people and node-problem-detector
    Line,
    /// Verdict, reason, evidence, and the culprits with their known causes, for programs
    Json,
}

#[derive(Clone, Copy, ValueEnum)]
enum ConfidenceArgument {
    /// One weak witness is enough
    Low,
    /// One exact or strong witness, or weak ones of two families
    Medium,
    /// An exact witness, and one of another family
    High,
}

impl From<ConfidenceArgument> for Confidence {
    fn from(argument: ConfidenceArgument) -> Confidence {
        match argument {
            ConfidenceArgument::Low => Confidence::Low,
            ConfidenceArgument::Medium => Confidence::Medium,
            ConfidenceArgument::High => Confidence::High,
        }
    }
}

/// The file for Prometheus.
const PAGE: &str = "stallgraph.prom";
/// A file server's clock may be ahead of this machine's by so much.
const CLOCKS_DIFFER: Duration = Duration::from_secs(5);

/// Runs the command. Any failure is exit code 2 and a line on standard output: monitoring sees
/// nothing else.
pub fn run(arguments: &Arguments) -> ExitCode {
    let checked = arguments.check();
    let labels = arguments.textfile.as_deref().map(labels_before).unwrap_or_default();
    let page = match &checked {
        Ok((recording, check)) => prometheus::text(recording, check, labels),
        Err(_) => prometheus::text_of_failure(&labels),
    };
    let inputs = || arguments.input.inputs(checked.as_ref().ok().map(|(recording, _)| recording));
    let written =
        arguments.textfile.as_deref().map_or(Ok(()), |folder| write_textfile(folder, &page, &inputs()));
    let (line, code) = match (&checked, &written) {
        (Ok(_), Err(error)) | (Err(error), _) => {
            output::complain(&format!("{error:#}"));
            (report::unknown(&arguments.reason(error)), 2)
        }
        (Ok((recording, check)), Ok(())) => (report::line(recording, check), check.status.exit_code()),
    };
    let mut out = output::stdout();
    let printed = match (arguments.format, &checked, &written) {
        (Format::Line, ..) => writeln!(out, "{line}"),
        (Format::Json, Ok((recording, check)), Ok(())) => {
            json::check::write(recording, check, &line, &mut out)
        }
        (Format::Json, Ok(_), Err(error)) | (Format::Json, Err(error), _) => {
            json::check::write_failure(&line, &arguments.reason(error), &mut out)
        }
    };
    // The reader may be gone. The exit code still gives the answer.
    let _ = printed.and_then(|()| out.flush());
    output::leave_to_exit(checked);
    ExitCode::from(code)
}

impl Arguments {
    /// The error without the name of the recording: the line is short, and the user knows it. Any
    /// other file is one that an option names.
    fn reason(&self, error: &anyhow::Error) -> String {
        let is_recording = |file: &Path| file == self.input.path();
        let reason = match error.downcast_ref::<Error>() {
            Some(Error::Input { file, problem, .. }) if is_recording(file) => problem.clone(),
            Some(Error::Io { file, cause, .. }) if is_recording(file) => {
                format!("cannot read the recording: {cause}")
            }
            _ => format!("{error:#}"),
        };
        clean(&reason).into_owned()
    }

    fn check(&self) -> Result<(Recording, Check)> {
        let selection = self.selection.selection();
        let options = stalls::Options {
            min_ns: to_ns(self.min)?,
            selection: selection.clone(),
            causes: self.causes.causes()?,
        };
        let thresholds = Thresholds {
            confidence: self.confidence.into(),
            stalls: self.stalls,
            total_ns: to_ns(self.total)?,
        };
        self.parquet.check()?;
        self.check_age()?;
        let recording = self.input.load(Needs::Kernel)?;
        load::require_witnesses(&recording)?;
        selection.check(&recording)?;
        let stalls = stalls::find(&recording, &options);
        let check = check::judge(&recording, &stalls, &selection, &thresholds);
        if let Some(folder) = &self.parquet.parquet {
            let rows = self.parquet.tables.rows(&recording, &stalls, &check, &selection);
            tables::write(folder, &rows, None, &self.input.inputs(Some(&recording)))?;
        }
        Ok((recording, check))
    }

    /// Checks that the recording is not older than `--max-age`. A stream has no age.
    fn check_age(&self) -> Result<()> {
        let path = self.input.path();
        let Some(max_age) = self.max_age.filter(|_| path != Path::new("-")) else { return Ok(()) };
        // A file without readable metadata is reported when it is read.
        let Ok(written) = path.metadata().and_then(|metadata| metadata.modified()) else { return Ok(()) };
        let in_words = |time: Duration| humantime::format_duration(Duration::from_secs(time.as_secs()));
        match written.elapsed() {
            Ok(age) if age > max_age => {
                bail!("the recording is {} old: is nothing recording?", in_words(age))
            }
            Err(ahead) if ahead.duration() > CLOCKS_DIFFER => bail!(
                "the recording is {} ahead of this machine's clock, so its age is unknown: set the clock, or copy \
                 the file without its time",
                in_words(ahead.duration())
            ),
            _ => Ok(()),
        }
    }
}

/// The labels of the culprits in the file that is about to be replaced; none if it cannot be read.
fn labels_before(directory: &Path) -> Labels {
    const LONGEST: u64 = 1 << 16;
    let mut page = String::new();
    let flags = libc::O_NOFOLLOW | libc::O_NONBLOCK;
    let file = OpenOptions::new().read(true).custom_flags(flags).open(directory.join(PAGE));
    match file.and_then(|file| file.take(LONGEST).read_to_string(&mut page)) {
        Ok(_) => Labels::of(&page),
        Err(_) => Labels::default(),
    }
}

/// Writes `page` for node_exporter, which runs as another user and must be able to read it. The
/// collector reads `*.prom`, so not the temporary file.
fn write_textfile(directory: &Path, page: &str, inputs: &Inputs) -> Result<()> {
    let path = directory.join(PAGE);
    let write = |out: &mut (dyn Write + Send)| out.write_all(page.as_bytes()).map_err(Error::Output);
    let written = target::write(Some(&path), Readers::All, inputs, write);
    written.map_err(|error| anyhow!("cannot write {error:#}"))
}
