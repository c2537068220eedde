//! Packing: writes a recording into a pack, with all files that its names come from or, if
//! redacted, with only the names.

use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use crate::error::{Error, Result};
use crate::ingest::{self, InputFile, Redacted, Source, Stop};
use crate::model::{Event, FrameId, Naming, Recording, Symbols};
use crate::pack::{self, Contents, RecordedFile};
use crate::symbols::Gatherer;

use super::job::Job;
use super::options::{Options, Progress};
use super::pack::unpack;
use super::{archive, perf_data};

/// What was written into a pack.
#[derive(Debug)]
#[non_exhaustive]
pub struct Packed {
    /// The recording, as it was loaded for its names.
    pub recording: Recording,
    /// Bytes of the recording's files.
    pub recording_bytes: u64,
    /// Whether the kernel's symbols are in it.
    pub has_kernel: bool,
    /// How many modules were hit by samples and have their symbols in the pack. Modules are files,
    /// `[vdso]`, and memory of processes with code made at run time.
    pub modules: usize,
    /// How many modules were hit by samples and have no symbols in the pack.
    pub without: usize,
}

/// What goes into a pack beside the recording.
pub struct Beside<'p> {
    /// How much of the files that names come from.
    pub keep: Keep,
    /// What this makes of the recording: its page.
    pub page: Option<PageMaker<'p>>,
}

/// Makes the page of a recording.
pub type PageMaker<'p> = &'p dyn Fn(&Recording) -> Result<Vec<u8>>;

/// The name of the page in a pack.
const PAGE: &str = "report.html";

/// How much of the files that names come from goes into a pack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// Only what names need; with [`Sources::inline`](crate::load::Sources::inline) debug
    /// information too.
    Symbols,
    /// The whole files.
    WholeFiles,
    /// Only the names of the frames. Hashes replace comms and paths, in the recording too.
    Redacted,
}

/// Packs the recording at `path`, and `beside` it the files that the names of all its frames come
/// from, into `out`.
///
/// # Errors
///
/// If the recording cannot be loaded ([`load`](crate::load::load)), is text of perf script or a
/// pack already, does not fit into the memory that is allowed, becomes shorter meanwhile, or cannot
/// be redacted; if `out` cannot be written.
pub fn pack(
    path: &Path,
    options: &Options,
    beside: &Beside,
    out: &mut dyn Write,
    progress: Progress,
) -> Result<Packed> {
    let keep = beside.keep;
    let job = Job::new(path, options, progress);
    let mut input = job.open()?;
    let job = job.holding(input.memory());
    let bundle = archive::unpack(&input.files(), &job)?;
    let files = || bundle.as_ref().map_or_else(|| input.files(), archive::files);
    let job = bundle.as_ref().map_or(job, |bundle| archive::with_bundle(job, bundle));
    let (mut packed, mut contents) = gather(&files(), &job, keep)?;
    if let Some(page) = beside.page {
        contents.add_readable(PAGE, page(&packed.recording)?);
    }
    if let Some(bundle) = &bundle {
        archive::note_damage(bundle, &mut packed.recording);
    }
    write(contents, &files(), &job, keep, out)?;
    if input.has_shrunk() {
        return Err(Error::input(path, "becomes shorter while it is read", "copy it, and pack the copy"));
    }
    Ok(packed)
}

/// Packs a recording that is in memory, as [`pack`] does. Messages call it `path`, and a kallsyms
/// is looked for beside that path.
///
/// # Errors
///
/// As of [`pack`].
pub fn pack_bytes(
    bytes: &[u8],
    path: &Path,
    options: &Options,
    keep: Keep,
    out: &mut dyn Write,
) -> Result<Packed> {
    let files = [InputFile::whole(bytes)];
    let job = Job::new(path, options, &|_, _, _| {});
    let (packed, contents) = gather(&files, &job, keep)?;
    write(contents, &files, &job, keep, out)?;
    Ok(packed)
}

fn write(contents: Contents, files: &[InputFile], job: &Job, keep: Keep, out: &mut dyn Write) -> Result<()> {
    match keep {
        Keep::Redacted => write_redacted(contents, files, job, out),
        Keep::Symbols | Keep::WholeFiles => write_whole(contents, files, out),
    }
}

/// Loads a recording, and gathers the files that the names of its frames come from.
fn gather(files: &[InputFile], job: &Job, keep: Keep) -> Result<(Packed, Contents)> {
    refuse(files, job)?;
    let options = Options { events: true, ..job.options.clone() };
    // What is read for names and what is kept of it share one budget.
    let budget = job.memory_for_names();
    let gatherer = Gatherer::new(keep == Keep::WholeFiles, options.sources.inline, Arc::clone(&budget));
    let gatherer = (keep != Keep::Redacted).then_some(gatherer);
    let mut redacted = Contents::redacted();
    let mut load = |samples_all: bool| {
        let job = Job {
            options: &options,
            gatherer: gatherer.as_ref(),
            budget: Some(&budget),
            samples_all,
            ..*job
        };
        let recording = perf_data::read(files, &job)?.finish(&job)?;
        if keep == Keep::Redacted {
            add_names(&recording, &mut redacted);
        }
        Ok::<_, Error>(recording)
    };
    let recording = load(false)?;
    // The reader of the pack may choose any event with -e, so the frames of all events need names.
    // One more pass finds them, however many events there are.
    let is_other = |event: &Event| {
        !event.is_sampling && event.records > 0 && (event.has_callchain || !event.is_tracepoint)
    };
    if recording.about.events.iter().any(is_other) {
        load(true)?;
    }
    let contents = gatherer.map_or(redacted, Gatherer::into_contents);
    let (modules, without) = contents.count();
    let packed = Packed {
        recording,
        recording_bytes: files.iter().map(|file| file.bytes.len() as u64).sum(),
        has_kernel: contents.has_kernel(),
        modules,
        without,
    };
    Ok((packed, contents))
}

/// Adds the names of all frames to the contents of a redacted pack.
fn add_names(recording: &Recording, contents: &mut Contents) {
    let mut by_module: Vec<Vec<(u64, &str)>> = vec![Vec::new(); recording.modules.len()];
    for (number, frame) in recording.frames.frames().iter().enumerate() {
        let function = recording.function(recording.frames.function(FrameId::from_index(number)));
        let module = frame.module.filter(|_| function.naming == Naming::Named);
        if let Some(names) = module.and_then(|module| by_module.get_mut(module.index())) {
            names.push((frame.offset, recording.name(function.name)));
        }
    }
    let hit =
        recording.modules.iter().zip(by_module).filter(|(module, _)| module.symbols != Symbols::NotWanted);
    for (module, names) in hit {
        contents.add_names(module, names.into_iter());
    }
}

fn write_whole(contents: Contents, files: &[InputFile], out: &mut dyn Write) -> Result<()> {
    let mut readers: Vec<&[u8]> = files.iter().map(|file| file.bytes).collect();
    let recorded = files.iter().zip(&mut readers).map(|(file, bytes)| RecordedFile {
        name: file.name,
        length: bytes.len() as u64,
        bytes,
        is_missing: matches!(file.stop, Some(Stop::Missing | Stop::Unusable)),
    });
    pack::write(contents, &mut recorded.collect::<Vec<_>>(), out)
}

/// Writes the recording as one file, with hashes in place of comms and paths.
fn write_redacted(contents: Contents, files: &[InputFile], job: &Job, out: &mut dyn Write) -> Result<()> {
    let file_bytes = files.iter().map(|file| file.bytes.len() as u64).sum();
    let (header, records) = ingest::read(files, job.path, job.memory_for_unpacking(file_bytes))?;
    let source = Source::new(header, &records);
    let first = files.first().map_or(&[][..], |file| file.bytes);
    let mut redacted = Redacted::new(&source, first, job.path)?;
    let length = redacted.length();
    let file = RecordedFile { name: None, length, bytes: &mut redacted, is_missing: false };
    pack::write(contents, &mut [file], out)
}

/// Refuses files that are not a perf.data, or not all of one.
fn refuse(files: &[InputFile], job: &Job) -> Result<()> {
    let [file] = files else { return Ok(()) };
    let fail = |problem: &str, remedy: &str| Err(Error::input(job.path, problem, remedy));
    match file.stop {
        Some(Stop::OverBudget) => {
            return fail(
                "takes more than the memory that is allowed",
                "write it to a file, uncompressed, and pack that",
            );
        }
        Some(_) => return fail("is compressed, and damaged or cut short", "copy it again"),
        None => {}
    }
    if ingest::is_script(file.bytes) {
        return fail("is text with its names in it, and needs no pack", "compress it as it is: zstd FILE");
    }
    match unpack(files, job)? {
        Some(_) => fail("is a pack already", "read it as it is: stallgraph window FILE"),
        None => Ok(()),
    }
}
