//! `stallgraph report`: one HTML page that shows a whole recording.

use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Result, bail};
use clap::Args;
use stallgraph::analyses::check::{self, Thresholds};
use stallgraph::analyses::panorama::{self, Found, MOST_ENTRIES};
use stallgraph::analyses::selection::Selection;
use stallgraph::analyses::{contents, moments, packets, stalls, syscalls, windows};
use stallgraph::causes::Causes;
use stallgraph::load;
use stallgraph::model::{Log, Recording};
use stallgraph::render::page::{self, Against, Page};

use super::at::LogOptions;
use super::before::Before;
use super::causes_options::CausesOptions;
use super::input::InputOptions;
use super::outcome::Outcome;
use super::output;
use super::reading::Needs;
use super::selection::SelectionOptions;
use super::target::{self, Readers, Target};
use super::values::{parse_duration, to_ns};

/// Writes one HTML page that shows who stalled the machine, and what ran when
///
/// The page opens in any browser and needs no network: attach it to a ticket.
/// It begins with the verdict. A timeline with a lane for each CPU, flame
/// charts in time order, a heat map, and the tables of window, stalls,
/// syscalls and packets follow. On the page, the key ? lists all keys.
///
/// The page holds names of programs, functions, control groups and the host.
/// To hide them, run report on a redacted pack: stallgraph pack --redact.
///
/// A page holds up to 1.5 million samples. Of a larger recording, it has each
/// sample around stalls and windows, and a summary of the rest, and says so.
/// --time and -C select less.
///
/// Examples:
///
///   stallgraph report                        # writes perf.data.html
///   stallgraph report -o stall.html stall.tar.zst
///   ping -D 192.0.2.2 > ping.txt; stallgraph report --at ping.txt --open
///   stallgraph report --before perf.data.old
#[derive(Args)]
#[command(verbatim_doc_comment, next_help_heading = "Output")]
pub struct Arguments {
    /// File to write; - is standard output [default: FILE.html]
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Open the page in the browser of this desktop
    #[arg(long)]
    open: bool,
    /// Least length of a stall
    #[arg(long, help_heading = "Stalls", value_name = "TIME", default_value = "20ms", value_parser = parse_duration)]
    min: Duration,
    /// Recording from before a change, to be compared
    ///
    /// The page begins with what became of the stalls, as diff says it, and shows who had the CPUs
    /// in both recordings, on one scale.
    #[arg(long, value_name = "FILE", help_heading = "Stalls")]
    before: Option<PathBuf>,
    #[command(flatten)]
    log: LogOptions,
    #[command(flatten)]
    selection: SelectionOptions,
    #[command(flatten)]
    causes: CausesOptions,
    #[command(flatten)]
    input: InputOptions,
}

/// What the page says made it.
const PROGRAM: &str = concat!("stallgraph ", env!("CARGO_PKG_VERSION"));

/// Runs the command.
pub fn run(arguments: &Arguments) -> Result<Outcome> {
    if arguments.min.is_zero() {
        bail!("--min 0: every moment is a stall then; give --min 20ms");
    }
    let path = arguments.path()?;
    let file = target::file(Some(&path));
    if arguments.open && file.is_none() {
        bail!("--open goes with a file, not with standard output");
    }
    let causes = arguments.causes.causes()?;
    let log = arguments.log.read()?;
    let is_stream = |path: &Path| path == Path::new("-");
    if arguments.before.as_deref().is_some_and(is_stream) && is_stream(&arguments.input.path()) {
        bail!("--before and FILE are both standard input: name a file for one of them");
    }
    let selection = arguments.selection.selection();
    let min_ns = to_ns(arguments.min)?;
    let read = |path| Before::read(path, &arguments.input, &selection, min_ns);
    let before = arguments.before.as_deref().map(read).transpose()?;
    let is_before_damaged = before.as_ref().is_some_and(Before::is_damaged);
    let recording = arguments.input.load(Needs::SamplesAndEvents)?;
    output::report_diagnostics(&recording);
    load::require_witnesses(&recording)?;
    output::check_selection(&selection, &recording)?;

    let shown = Shown { input: &arguments.input.shell_words(), min_ns, selection, log, causes, before };
    let of_options = arguments.before.as_deref().into_iter().chain(arguments.log.file());
    let of_options = of_options.chain(arguments.causes.files().iter().map(PathBuf::as_path));
    let inputs = arguments.input.inputs(Some(&recording)).with(of_options);
    let mut target = Target::create(file, Readers::Usual, &inputs)?;
    let samples = target.write(|out| write_page(&recording, &shown, out))?;
    if let Some(bytes) = target.finish(&inputs)? {
        output::warn(&format!("wrote {}, {} KiB", path.to_string_lossy(), bytes.div_ceil(1024)));
    }
    if let Some(file) = file.filter(|_| arguments.open) {
        open(file)?;
    }
    let outcome = match is_before_damaged {
        true => Outcome::Incomplete,
        false => Outcome::new(&recording, samples > 0),
    };
    output::leave_to_exit(recording);
    Ok(outcome)
}

impl Arguments {
    /// Where to write.
    fn path(&self) -> Result<PathBuf> {
        if let Some(path) = &self.output {
            if target::file(Some(path)).is_none() && io::stdout().is_terminal() {
                bail!("a page is for a browser, not for a terminal: give -o FILE.html");
            }
            return Ok(path.clone());
        }
        let input = self.input.path();
        if input == Path::new("-") {
            bail!("a stream has no name that the page could have: give -o FILE.html");
        }
        let Some(name) = input.file_name() else {
            bail!("{}: this name has no place for the page's: give -o FILE.html", input.display());
        };
        let mut name = name.to_owned();
        name.push(".html");
        Ok(input.with_file_name(name))
    }
}

/// What of a recording a page shows.
pub struct Shown<'f> {
    /// The recording, as words of a shell's command line.
    pub input: &'f str,
    /// The least length of a stall, in ns.
    pub min_ns: u64,
    /// Which CPUs and which time.
    pub selection: Selection,
    /// A victim's log.
    pub log: Option<Log>,
    /// The known causes that are looked for.
    pub causes: Causes,
    /// What was recorded before a change.
    pub before: Option<Before>,
}

/// Writes the page of a recording with events, and returns how many samples it shows.
pub fn write_page(recording: &Recording, shown: &Shown, out: &mut dyn Write) -> stallgraph::Result<u64> {
    let Shown { min_ns, ref selection, ref log, ref causes, ref before, .. } = *shown;
    let of_stalls = stalls::Options { min_ns, selection: selection.clone(), causes: causes.clone() };
    let of_windows = windows::Options {
        selection: selection.clone(),
        causes: causes.clone(),
        ..windows::Options::default()
    };
    let of_calls = syscalls::Options { min_ns, selection: selection.clone() };
    let of_packets = packets::Options { event: None, gap_ns: min_ns, selection: selection.clone() };
    let has_timelines = load::require_timelines(recording).is_ok();
    let (stalls, windows) = rayon::join(
        || stalls::find(recording, &of_stalls),
        || has_timelines.then(|| windows::find(recording, &of_windows)),
    );
    // Each is missing where the recording does not tell of it.
    let syscalls = syscalls::find(recording, &of_calls).ok();
    let syscalls = syscalls.filter(|calls| has_timelines || !calls.is_estimate());
    let packets = packets::find(recording, &of_packets).ok();
    let moments = log.as_ref().map(|log| moments::find(recording, &stalls, log, selection)).transpose()?;
    let found = Found { stalls: &stalls, windows: windows.as_ref(), packets: packets.as_ref() };
    let panorama = panorama::find(recording, selection, &found, MOST_ENTRIES);
    let doubt = check::doubt(recording, &stalls.sight, selection);
    let compared = before.as_ref().map(|before| before.compare(recording, &stalls, selection));
    let page = Page {
        program: PROGRAM,
        recording,
        shell_input: shown.input,
        panorama: &panorama,
        stalls: &stalls,
        check: &check::judge(recording, &stalls, selection, &Thresholds::default()),
        doubt: doubt.as_ref(),
        at: log.as_ref().zip(moments.as_ref()),
        windows: windows.as_ref(),
        syscalls: syscalls.as_ref(),
        packets: packets.as_ref(),
        contents: &contents::find(recording),
        against: before.as_ref().zip(compared.as_ref()).map(|(before, (diff, after))| Against {
            diff,
            before: before.overview(),
            after,
        }),
    };
    page::write(&page, out).map_err(stallgraph::Error::Output)?;
    let samples = panorama.samples;
    output::leave_to_exit(panorama);
    Ok(samples)
}

/// Opens a page on the desktop of this machine.
fn open(file: &Path) -> Result<()> {
    let has_desktop = ["DISPLAY", "WAYLAND_DISPLAY"].iter().any(|name| std::env::var_os(name).is_some());
    if !has_desktop {
        output::warn("there is no desktop here: copy the page to one, and open it in a browser");
        return Ok(());
    }
    let opened = Command::new("xdg-open")
        .arg(std::path::absolute(file)?)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .spawn();
    if let Err(error) = opened {
        output::warn(&format!("the page is written, but xdg-open does not start: {error}"));
    }
    Ok(())
}
