//! Loading: from a file and options to a [`Recording`].
//!
//! A recording may be a perf.data, a stream of one, the folder that `perf record --threads` writes,
//! a pack or an archive of `perf archive --all` that holds one, or the text that `perf script`
//! printed. [`Sources`] says where names come from.
//!
//! ```no_run
//! use stallgraph::load;
//!
//! // Tracepoints too, which most analyses can do without.
//! let options = load::Options { events: true, ..load::Options::default() };
//! let recording = load::load("perf.data".as_ref(), &options, &|_, _, _| {})?;
//! for diagnostic in &recording.diagnostics {
//!     eprintln!("{}", diagnostic.message);
//! }
//! # Ok::<(), stallgraph::Error>(())
//! ```
//!
//! Damage is no error: what is wrong with a recording is noted in its
//! [`diagnostics`](Recording::diagnostics), and the rest is read. What an analysis needs of a
//! recording is checked by [`require_timelines`] and its siblings, whose errors say how to record
//! it.

// This file is the input half of the program on one screen: it looks at the first bytes of a file
// and hands it to the reader of its format. Three formats are a perf.data or hold one, so they
// share `perf_data.rs`: records, then state, then names, then meanings. Text of perf script has its
// own way.

mod archive;
mod events;
mod inlined;
mod job;
mod lines;
pub(crate) mod meanings;
mod memory;
mod names;
mod notes;
mod options;
mod pack;
#[cfg(feature = "pack")]
mod packing;
mod perf_data;
mod require;
mod roles;
mod samples;
mod script;
mod seen;
mod timelines;
mod unwind;

use std::path::Path;

use crate::error::{Error, Result};
use crate::ingest::{self, InputFile};
use crate::model::Recording;

use job::Job;
use perf_data::Unnamed;

pub use crate::ingest::log_times::{Zone, read as read_log};
pub use crate::ingest::looks_like_recording;
pub use crate::symbols::Sources;
pub use lines::source_lines;
pub use options::{Options, Progress, Stage};
#[cfg(feature = "pack")]
pub use packing::{Beside, Keep, Packed, PageMaker, pack, pack_bytes};
pub use require::{
    require_comms, require_cpus, require_stacks, require_timelines, require_times, require_witnesses,
};

/// How many times a file is read if another process keeps cutting it short.
const ATTEMPTS: usize = 3;

/// Loads the recording at `path`; `-` is standard input.
///
/// # Errors
///
/// If the file cannot be opened, is no recording, or becomes shorter each time it is read; if an
/// option does not fit the recording; if a file with symbols that an option names cannot be used.
/// Damage is no error: it is noted in [`Recording::diagnostics`].
pub fn load(path: &Path, options: &Options, progress: Progress) -> Result<Recording> {
    let job = Job::new(path, options, progress);
    let mut input = job.open()?;
    for _ in 0..ATTEMPTS {
        let loaded = read(&input.files(), &job.holding(input.memory()));
        // If another process cut the file short meanwhile, the result is discarded, because the
        // lost bytes were read as zeros. The rest of the file is read again, as a file that was
        // cut.
        if !input.has_shrunk() {
            // Unmapping a large file takes milliseconds. One CPU does it while the parts are
            // joined.
            rayon::spawn(move || input.close());
            return loaded?.finish(&job);
        }
    }
    Err(Error::input(path, "becomes shorter while it is read", "copy it, and read the copy"))
}

/// Loads a recording that is in memory. Messages call it `path`, and a kallsyms is looked for
/// beside that path.
///
/// # Errors
///
/// If the bytes are no recording, an option does not fit it, or a file with symbols that an option
/// names cannot be used.
pub fn load_bytes(bytes: &[u8], path: &Path, options: &Options, progress: Progress) -> Result<Recording> {
    let job = Job::new(path, options, progress);
    read(&[InputFile::whole(bytes)], &job)?.finish(&job)
}

/// A recording whose files have been read and are no longer needed.
enum Loaded {
    /// The whole recording: its names were in its files.
    Named(Box<Recording>),
    /// The content of a perf.data. Its names come from other files.
    Unnamed(Box<Unnamed>),
}

impl Loaded {
    fn finish(self, job: &Job) -> Result<Recording> {
        match self {
            Loaded::Named(recording) => Ok(*recording),
            Loaded::Unnamed(unnamed) => unnamed.finish(job),
        }
    }
}

/// Reads a recording's files, whatever their format.
fn read(files: &[InputFile], job: &Job) -> Result<Loaded> {
    let named = |recording| Loaded::Named(Box::new(recording));
    if let [text] = files
        && ingest::is_script(text.bytes)
    {
        return script::load(text, job).map(named);
    }
    if let Some(pack) = pack::unpack(files, job)? {
        return pack::load(&pack, job).map(named);
    }
    if let Some(bundle) = archive::unpack(files, job)? {
        return archive::load(&bundle, job).map(named);
    }
    perf_data::read(files, job).map(|unnamed| Loaded::Unnamed(Box::new(unnamed)))
}
