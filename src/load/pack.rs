//! Packs: a recording is loaded from one as from its own files, and packed with all that its names come from.

use std::io::Write;
use std::path::Path;

use crate::error::{Error, Result};
use crate::ingest::{self, Part, Redacted, Source};
use crate::model::{Diagnostic, FrameId, Naming, Recording, Severity, Symbols};
use crate::pack::{self, Bundle, Contents, Damage, Pack, RecordedFile};
use crate::symbols::Gatherer;

use super::{Options, Place, Progress, archive, memory, read_records};

/// Unpacks `parts`, of which `held` bytes are in memory, if they are a pack.
pub(super) fn unpack(parts: &[Part], held: u64, path: &Path, options: &Options) -> Result<Option<Pack>> {
    let [file] = parts else { return Ok(None) };
    if !pack::may_be_pack(file.bytes) {
        return Ok(None);
    }
    let memory = memory::for_unpacking(options.max_memory, file.bytes.len() as u64).saturating_sub(held);
    Pack::read(file.bytes, path, memory)
}

/// Loads the recording in a pack, `held` bytes of which are in memory while it is packed.
pub(super) fn load(
    pack: &Pack,
    held: u64,
    path: &Path,
    options: &Options,
    progress: Progress,
) -> Result<Recording> {
    let part = |(name, bytes, is_missing)| Part { name, bytes, is_cut: false, is_missing };
    let parts: Vec<Part> = pack.recording().map(part).collect();
    let (what, remedy) = pack.damage().unwrap_or(Damage::Cut).words();
    if parts.is_empty() {
        return Err(Error::input(path, format!("is a pack, and no recording is left in it: {what}"), remedy));
    }
    let place = Place { pack: Some(pack), held: held + pack.memory(), ..Place::default() };
    let mut recording = read_records(&parts, held + pack.memory(), path, options, progress)?
        .finish(path, options, progress, place)?;
    if pack.damage().is_some() {
        let message = format!("not all of the pack could be read: {what}");
        recording.diagnostics.insert(0, Diagnostic::new(Severity::Error, "pack", 1, &message, remedy));
    }
    if pack.is_redacted() {
        // They are zeros there.
        recording.timelines.iter_mut().for_each(|timeline| timeline.trace.arguments.clear());
        recording.diagnostics.push(Diagnostic::new(
            Severity::Info,
            "redacted",
            1,
            "the pack is redacted: hashes stand for comms and paths",
            "who knows a name can tell its hash: printf %s NAME | sha256sum | cut -c-12",
        ));
    }
    if options.sources.inline && !pack.has_inlined() {
        let remedy = match pack.is_redacted() {
            true => "pack the recording with --inline, without --redact",
            false => "pack the recording with --inline",
        };
        recording.diagnostics.push(Diagnostic::new(
            Severity::Warning,
            "pack_inline",
            1,
            "the pack has no debug information, which tells of inlined functions",
            remedy,
        ));
    }
    Ok(recording)
}

/// What a pack came to hold.
#[derive(Debug)]
pub struct Packed {
    /// The recording, as it was loaded for its names.
    pub recording: Recording,
    /// Bytes of the recording's files.
    pub recording_bytes: u64,
    /// Whether the kernel's symbols are in it.
    pub has_kernel: bool,
    /// Files, memory with made code and `[vdso]` that samples hit and whose symbols are in it.
    pub modules: usize,
    /// Those whose symbols are not.
    pub without: usize,
}

/// What of the files that names come from goes into a pack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// What names need, and with [`Sources::inline`](super::Sources::inline) debug information.
    Symbols,
    /// The files as they are.
    WholeFiles,
    /// Nothing but the names of the frames, and of the recording nothing that tells comms and paths: hashes stand for them.
    Redacted,
}

/// Packs the recording at `path`, and what the names of all its frames come from, into `out`.
pub fn pack(
    path: &Path,
    options: &Options,
    keep: Keep,
    out: &mut dyn Write,
    progress: Progress,
) -> Result<Packed> {
    let mut input = ingest::open(path, memory::for_stream(options.max_memory))?;
    let held = input.memory();
    let bundle = archive::unpack(&input.parts(), held, path, options)?;
    let parts = || bundle.as_ref().map_or_else(|| input.parts(), archive::parts);
    let held = held + bundle.as_ref().map_or(0, Bundle::memory);
    let place = Place { archive: bundle.as_ref().and_then(Bundle::symbols), held, ..Place::default() };
    let (mut packed, contents) = gather(&parts(), path, options, keep, place, progress)?;
    if let Some(bundle) = &bundle {
        archive::note_damage(bundle, &mut packed.recording);
    }
    match keep {
        Keep::Redacted => write_redacted(contents, &parts(), held, path, options, out)?,
        Keep::Symbols | Keep::WholeFiles => write_whole(contents, &parts(), out)?,
    }
    if input.has_shrunk() {
        return Err(Error::input(path, "becomes shorter while it is read", "copy it, and pack the copy"));
    }
    Ok(packed)
}

/// Loads a recording, and gathers what the names of its frames come from.
fn gather(
    parts: &[Part],
    path: &Path,
    options: &Options,
    keep: Keep,
    place: Place,
    progress: Progress,
) -> Result<(Packed, Contents)> {
    refuse(parts, place.held, path, options)?;
    let gatherer = Gatherer::new(keep == Keep::WholeFiles, options.sources.inline);
    let gatherer = (keep != Keep::Redacted).then_some(gatherer);
    let mut redacted = Contents::redacted();
    let place = Place { gatherer: gatherer.as_ref(), ..place };
    let mut load = |options: &Options| {
        let recording = read_records(parts, place.held, path, options, progress)?
            .finish(path, options, progress, place)?;
        if keep == Keep::Redacted {
            add_names(&recording, &mut redacted);
        }
        Ok::<_, Error>(recording)
    };
    let options = Options { events: true, ..options.clone() };
    let recording = load(&options)?;
    // Whichever event -e names later.
    for event in recording.about.events.iter().filter(|event| event.has_callchain && !event.is_sampling) {
        load(&Options { event: Some(event.name.clone()), ..options.clone() })?;
    }
    let contents = gatherer.map_or(redacted, Gatherer::into_contents);
    let (modules, without) = contents.count();
    let packed = Packed {
        recording,
        recording_bytes: parts.iter().map(|part| part.bytes.len() as u64).sum(),
        has_kernel: contents.has_kernel(),
        modules,
        without,
    };
    Ok((packed, contents))
}

/// Adds the names of all frames to what a redacted pack holds.
fn add_names(recording: &Recording, contents: &mut Contents) {
    let mut by_module: Vec<Vec<(u64, &str)>> = vec![Vec::new(); recording.modules.len()];
    for (number, frame) in recording.frames.frames().iter().enumerate() {
        let function = recording.function(recording.frames.function(FrameId::from_index(number)));
        let named = frame.module.filter(|_| function.naming == Naming::Named);
        if let Some(names) = named.and_then(|module| by_module.get_mut(module.index())) {
            names.push((frame.offset, recording.name(function.name)));
        }
    }
    let hit =
        recording.modules.iter().zip(by_module).filter(|(module, _)| module.symbols != Symbols::NotWanted);
    for (module, names) in hit {
        contents.add_names(module, names.into_iter());
    }
}

fn write_whole(contents: Contents, parts: &[Part], out: &mut dyn Write) -> Result<()> {
    let mut readers: Vec<&[u8]> = parts.iter().map(|part| part.bytes).collect();
    let files = parts.iter().zip(&mut readers).map(|(part, bytes)| RecordedFile {
        name: part.name,
        length: bytes.len() as u64,
        bytes,
        is_missing: part.is_missing,
    });
    pack::write(contents, &mut files.collect::<Vec<_>>(), out)
}

/// Writes the recording as one file, with hashes in place of comms and paths.
fn write_redacted(
    contents: Contents,
    parts: &[Part],
    held: u64,
    path: &Path,
    options: &Options,
    out: &mut dyn Write,
) -> Result<()> {
    let file_bytes = parts.iter().map(|part| part.bytes.len() as u64).sum();
    let memory = memory::for_unpacking(options.max_memory, file_bytes).saturating_sub(held);
    let (header, records) = ingest::read(parts, path, memory)?;
    let source = Source::new(header, &records);
    let mut redacted = Redacted::new(&source, parts.first().map_or(&[][..], |part| part.bytes), path)?;
    let length = redacted.length();
    let file = RecordedFile { name: None, length, bytes: &mut redacted, is_missing: false };
    pack::write(contents, &mut [file], out)
}

/// An error for what is no perf.data, or not all of one.
fn refuse(parts: &[Part], held: u64, path: &Path, options: &Options) -> Result<()> {
    let [file] = parts else { return Ok(()) };
    let wrong = |what: &str, remedy: &str| Err(Error::input(path, what, remedy));
    if file.is_cut {
        return wrong(
            "is a stream longer than the memory that is allowed",
            "write it to a file, and pack that",
        );
    }
    if ingest::is_script(file.bytes) {
        return wrong("is text with its names in it, and needs no pack", "compress it as it is: zstd FILE");
    }
    match unpack(parts, held, path, options)? {
        Some(_) => wrong("is a pack already", "read it as it is: stallgraph window FILE"),
        None => Ok(()),
    }
}
