//! Options that say how recordings are read: which event, with which resources, and where names
//! come from.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use clap::Args;
use stallgraph::load::{self, Options};
use stallgraph::model::{Recording, Stacks};

use super::names::NameOptions;
use super::progress::Progress;
use super::values::parse_size;

/// The most threads: more than any recording has work for.
const MOST_THREADS: i64 = 1024;

/// What a command looks at in a recording; no more of it is read.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Needs {
    /// Samples with their stacks.
    Samples,
    /// The same, and events.
    SamplesAndEvents,
    /// Samples with the kernel's part of their stacks, and events.
    Kernel,
    /// Events with their whole stacks, or the samples of `perf record --off-cpu`.
    OffCpu,
}

/// How to read recordings.
#[derive(Args)]
#[command(next_help_heading = "Input")]
pub struct ReadingOptions {
    /// Sampling event [default: the one that samples time]
    ///
    /// Events that sample time are cycles and cpu-clock, for example. If there are none with
    /// samples, another event stands in, with a warning; a counter of misses comes last.
    #[arg(short, long, value_name = "NAME")]
    pub event: Option<String>,
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
    pub names: NameOptions,
}

impl ReadingOptions {
    /// Loads what is needed of a recording, with progress on a terminal.
    pub fn load(&self, path: &Path, needs: Needs) -> stallgraph::Result<Recording> {
        let progress = Progress::new();
        load::load(path, &self.options(needs), &|stage, done, total| progress.show(stage, done, total))
    }

    /// Starts as many threads as the user asked for, before any of them gets work.
    pub fn start_threads(&self) -> stallgraph::Result<()> {
        static ARE_STARTED: AtomicBool = AtomicBool::new(false);
        if ARE_STARTED.swap(true, Ordering::Relaxed) {
            return Ok(());
        }
        let threads = self.threads();
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads);
        pool.build_global().map_err(|error| {
            stallgraph::Error::Usage(format!(
                "{threads} threads cannot be started: {error}; start fewer, such as --threads 1"
            ))
        })
    }

    /// How many threads the user asked for, or as many as there are usable CPUs.
    pub fn threads(&self) -> usize {
        self.threads.map_or_else(usual_threads, usize::from)
    }

    /// What to load, and where names come from.
    pub fn options(&self, needs: Needs) -> Options {
        Options {
            event: self.event.clone(),
            off_cpu: needs == Needs::OffCpu,
            sources: self.names.sources(),
            stacks: if needs == Needs::Kernel { Stacks::Kernel } else { Stacks::Whole },
            events: needs != Needs::Samples,
            max_memory: self.max_memory,
        }
    }
}

/// The number of threads where none is asked for: that of `RAYON_NUM_THREADS`, as far as
/// `--threads` takes it, or one per usable CPU.
fn usual_threads() -> usize {
    let asked = std::env::var("RAYON_NUM_THREADS").ok().and_then(|text| text.parse().ok());
    let usable = || std::thread::available_parallelism().map_or(1, usize::from);
    asked.filter(|&threads| threads > 0).unwrap_or_else(usable).min(MOST_THREADS as usize)
}
