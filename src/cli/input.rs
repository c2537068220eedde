//! Options that every command has: which recording to load, and with which resources.

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::Args;
use stallgraph::load::{self, Beside, Options, Packed};
use stallgraph::model::Recording;
use stallgraph::render::text::shell_word;

use super::inputs::Inputs;
use super::progress::Progress;
use super::reading::{Needs, ReadingOptions};
use super::signals::FirstInterrupt;

/// Which recording, and where its names come from.
#[derive(Args)]
#[command(next_help_heading = "Input")]
pub struct InputOptions {
    /// Recording, pack, archive or perf script output [default: perf.data]
    ///
    /// An archive is one of perf archive --all. - is standard input, which is also the default if
    /// it is a pipe. Ctrl-C then ends what writes into the pipe, and the result follows; a second
    /// Ctrl-C ends both.
    #[arg(value_name = "FILE", help_heading = None::<&str>)]
    file: Option<PathBuf>,
    /// The same as FILE, as perf spells it
    #[arg(short, long, value_name = "FILE", conflicts_with = "file")]
    input: Option<PathBuf>,
    #[command(flatten)]
    reading: ReadingOptions,
}

impl InputOptions {
    /// Loads what is needed of the recording, with progress on a terminal.
    pub fn load(&self, needs: Needs) -> stallgraph::Result<Recording> {
        self.reading.start_threads()?;
        let _interrupt = self.first_interrupt();
        self.reading.load(&self.path(), needs)
    }

    /// Loads what is needed of another recording in the same way.
    pub fn load_another(&self, path: &Path, needs: Needs) -> stallgraph::Result<Recording> {
        self.reading.start_threads()?;
        self.reading.load(path, needs)
    }

    /// The recording's file; `-` is standard input.
    pub fn path(&self) -> PathBuf {
        let path = self.file.as_ref().or(self.input.as_ref());
        path.cloned().unwrap_or_else(|| PathBuf::from(default_file()))
    }

    /// The recording and the options that say how to read it, as words of a shell's command line.
    pub fn shell_words(&self) -> String {
        let mut words = vec![shell_word(&self.path().to_string_lossy())];
        for (name, value) in self.reading.names.given() {
            words.push(name.to_owned());
            words.extend(value.map(|value| shell_word(&value.to_string_lossy())));
        }
        if let Some(event) = &self.reading.event {
            words.extend(["-e".to_owned(), shell_word(event)]);
        }
        words.join(" ")
    }

    /// The files that a result must not take the place of: those that options name, and those that
    /// were read to load `recording`, if that is done.
    pub fn inputs(&self, recording: Option<&Recording>) -> Inputs {
        let opened = recording.map(|recording| recording.symbol_files.clone()).unwrap_or_default();
        Inputs::new(&self.path(), &self.reading.names.files(), &opened)
    }

    /// Packs the recording and what goes `beside` it, with progress on a terminal.
    pub fn pack(&self, beside: &Beside, out: &mut dyn Write) -> stallgraph::Result<Packed> {
        self.reading.start_threads()?;
        let progress = Progress::new();
        let show = |stage, done, total| progress.show(stage, done, total);
        load::pack(&self.path(), &self.reading.options(Needs::SamplesAndEvents), beside, out, &show)
    }

    /// Lets the first Ctrl-C end only what writes the stream, if the recording is one.
    pub fn first_interrupt(&self) -> Option<FirstInterrupt> {
        let path = self.path();
        let is_stored = |metadata: std::fs::Metadata| metadata.is_file() || metadata.is_dir();
        let is_stream = path == Path::new("-") || !std::fs::metadata(&path).is_ok_and(is_stored);
        is_stream.then(FirstInterrupt::survive)
    }

    /// What to load, and where names come from.
    pub fn options(&self, needs: Needs) -> Options {
        self.reading.options(needs)
    }
}

/// The default is perf's: standard input if it is a pipe, else `perf.data`.
fn default_file() -> &'static str {
    use std::os::unix::fs::FileTypeExt;
    let is_pipe = std::fs::metadata("/dev/stdin").is_ok_and(|metadata| metadata.file_type().is_fifo());
    if is_pipe { "-" } else { "perf.data" }
}
