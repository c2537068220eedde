//! Options that every command has: which recording to load, and with which resources.

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::Args;
use stallgraph::load::{self, Beside, Options, Packed};
use stallgraph::model::{Recording, clean};

use super::inputs::Inputs;
use super::names::NameOptions;
use super::progress::Progress;
use super::signals::FirstInterrupt;
use super::values::parse_size;

/// The most threads: more than any recording has work for.
const MOST_THREADS: i64 = 1024;

/// Which recording, and where its names come from.
#[derive(Args)]
#[command(next_help_heading = "Input")]
pub struct InputOptions {
    /// Recording, pack, archive or perf script output [default: perf.data]
    ///
    /// An archive is one of perf archive --all. - is standard input, which is also the default if
    /// it is a pipe. Ctrl-C then ends what writes into the pipe, and the report follows; a second
    /// Ctrl-C ends both.
    #[arg(value_name = "FILE", help_heading = None::<&str>)]
    file: Option<PathBuf>,
    /// The same as FILE, as perf spells it
    #[arg(short, long, value_name = "FILE", conflicts_with = "file")]
    input: Option<PathBuf>,
    /// Sampling event [default: the one that samples time]
    ///
    /// Events that sample time are cycles and cpu-clock, for example. If there are none with
    /// samples, another event stands in, with a warning; a counter of misses comes last.
    #[arg(short, long, value_name = "NAME")]
    event: Option<String>,
    /// Memory for input that is piped or unpacked: 512M, 16G or bytes
    ///
    /// The default is half of the machine's memory. Compressed recordings and archives may unpack
    /// to at most 256 times their size by default. What is read of the files that names come from,
    /// and what pack keeps of them, is bounded too. Tables of what was read come on top: usually
    /// less than the recording, at most 25 times its unpacked size.
    #[arg(long, value_name = "SIZE", value_parser = parse_size)]
    max_memory: Option<u64>,
    /// Number of threads [default: one per usable CPU]
    ///
    /// The output is the same with any number.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=MOST_THREADS))]
    threads: Option<u16>,
    #[command(flatten)]
    names: NameOptions,
}

impl InputOptions {
    /// Loads the recording's samples, with progress on a terminal.
    pub fn load(&self) -> stallgraph::Result<Recording> {
        self.load_with(false)
    }

    /// Loads the recording's samples and events, with progress on a terminal.
    pub fn load_with_events(&self) -> stallgraph::Result<Recording> {
        self.load_with(true)
    }

    /// The recording's file; `-` is standard input.
    pub fn path(&self) -> PathBuf {
        let path = self.file.as_ref().or(self.input.as_ref());
        path.cloned().unwrap_or_else(|| PathBuf::from(default_file()))
    }

    /// The recording and the options that say how to read it, as words of a shell's command line.
    pub fn shell_words(&self) -> String {
        let mut words = vec![shell_word(&self.path().to_string_lossy())];
        for (name, value) in self.names.given() {
            words.push(name.to_owned());
            words.extend(value.map(|value| shell_word(&value.to_string_lossy())));
        }
        if let Some(event) = &self.event {
            words.extend(["-e".to_owned(), shell_word(event)]);
        }
        words.join(" ")
    }

    /// The files that a result must not take the place of: those that options name, and those that
    /// were read to load `recording`, if that is done.
    pub fn inputs(&self, recording: Option<&Recording>) -> Inputs {
        let opened = recording.map(|recording| recording.symbol_files.clone()).unwrap_or_default();
        Inputs::new(&self.path(), &self.names.files(), &opened)
    }

    /// Packs the recording and what goes `beside` it, with progress on a terminal.
    pub fn pack(&self, beside: &Beside, out: &mut dyn Write) -> stallgraph::Result<Packed> {
        self.start_threads()?;
        let progress = Progress::new();
        let show = |stage, done, total| progress.show(stage, done, total);
        load::pack(&self.path(), &self.options(true), beside, out, &show)
    }

    fn load_with(&self, events: bool) -> stallgraph::Result<Recording> {
        self.start_threads()?;
        let options = self.options(events);
        let _interrupt = self.first_interrupt();
        let progress = Progress::new();
        load::load(&self.path(), &options, &|stage, done, total| progress.show(stage, done, total))
    }

    /// Lets the first Ctrl-C end only what writes the stream, if the recording is one.
    pub fn first_interrupt(&self) -> Option<FirstInterrupt> {
        let path = self.path();
        let is_stored = |metadata: std::fs::Metadata| metadata.is_file() || metadata.is_dir();
        let is_stream = path == Path::new("-") || !std::fs::metadata(&path).is_ok_and(is_stored);
        is_stream.then(FirstInterrupt::survive)
    }

    /// Starts as many threads as the user asked for, before any of them gets work.
    fn start_threads(&self) -> stallgraph::Result<()> {
        let threads = self.threads.map_or_else(usual_threads, usize::from);
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads);
        pool.build_global().map_err(|error| {
            stallgraph::Error::Usage(format!(
                "{threads} threads cannot be started: {error}; start fewer, such as --threads 1"
            ))
        })
    }

    /// What to load, with or without events, and where names come from.
    pub fn options(&self, events: bool) -> Options {
        Options {
            event: self.event.clone(),
            sources: self.names.sources(),
            events,
            max_memory: self.max_memory,
        }
    }
}

/// A text as a word of a shell's command line.
fn shell_word(text: &str) -> String {
    let text = clean(text);
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/._-+,:@%".contains(c);
    match text.starts_with('-') || text.is_empty() || !text.chars().all(is_plain) {
        true => format!("'{}'", text.replace('\'', r"'\''")),
        false => text.into_owned(),
    }
}

/// The number of threads where none is asked for: that of `RAYON_NUM_THREADS`, as far as
/// `--threads` takes it, or one per usable CPU.
fn usual_threads() -> usize {
    let asked = std::env::var("RAYON_NUM_THREADS").ok().and_then(|text| text.parse().ok());
    let usable = || std::thread::available_parallelism().map_or(1, usize::from);
    asked.filter(|&threads| threads > 0).unwrap_or_else(usable).min(MOST_THREADS as usize)
}

/// The default is perf's: standard input if it is a pipe, else `perf.data`.
fn default_file() -> &'static str {
    use std::os::unix::fs::FileTypeExt;
    let is_pipe = std::fs::metadata("/dev/stdin").is_ok_and(|metadata| metadata.file_type().is_fifo());
    if is_pipe { "-" } else { "perf.data" }
}
