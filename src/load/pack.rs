//! Packs: a recording is loaded from one as from its own files, and packed with all that its names come from.

use std::io::Write;
use std::path::Path;

use crate::error::{Error, Result};
use crate::ingest::{self, Part};
use crate::model::{Diagnostic, Recording, Severity};
use crate::pack::{self, Damage, Pack};
use crate::symbols::Gatherer;

use super::notes::ALLOW_MORE;
use super::{Options, Place, Progress, memory, read_records};

const COPY_AGAIN: &str = "copy it again; what was unpacked before that place is used";

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
    let (what, remedy) = match pack.damage() {
        Some(Damage::OverBudget) => ("the memory that is allowed is used up before its end", ALLOW_MORE),
        Some(Damage::Cut) | None => ("it is cut short or damaged", COPY_AGAIN),
    };
    if parts.is_empty() {
        return Err(Error::input(path, format!("is a pack, and no recording is left in it: {what}"), remedy));
    }
    let place = Place { pack: Some(pack), gatherer: None };
    let mut recording = read_records(&parts, held + pack.memory(), path, options, progress)?
        .finish(path, options, progress, place)?;
    if pack.damage().is_some() {
        let message = format!("not all of the pack could be read: {what}");
        recording.diagnostics.insert(0, Diagnostic::new(Severity::Error, "pack", 1, &message, remedy));
    }
    if options.sources.inline && !pack.has_inlined() {
        recording.diagnostics.push(Diagnostic::new(
            Severity::Warning,
            "pack_inline",
            1,
            "the pack has no debug information, which tells of inlined functions",
            "pack the recording with --inline",
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

/// Packs the recording at `path`, and what the names of all its frames come from, into `out`: files whole or reduced to what names
/// need. With [`Sources::inline`](super::Sources::inline), their debug information too.
pub fn pack(
    path: &Path,
    options: &Options,
    whole_files: bool,
    out: &mut dyn Write,
    progress: Progress,
) -> Result<Packed> {
    let mut input = ingest::open(path, memory::for_stream(options.max_memory))?;
    let held = input.memory();
    let gatherer = Gatherer::new(whole_files, options.sources.inline);
    let place = Place { pack: None, gatherer: Some(&gatherer) };
    let options = Options { events: true, ..options.clone() };
    let (recording, recording_bytes) = {
        let parts = input.parts();
        refuse(&parts, held, path, &options)?;
        let recording =
            read_records(&parts, held, path, &options, progress)?.finish(path, &options, progress, place)?;
        // Whichever event -e names later.
        for event in recording.about.events.iter().filter(|event| event.has_callchain && !event.is_sampling) {
            let options = Options { event: Some(event.name.clone()), ..options.clone() };
            read_records(&parts, held, path, &options, progress)?.finish(path, &options, progress, place)?;
        }
        (recording, parts.iter().map(|part| part.bytes.len() as u64).sum())
    };
    let contents = gatherer.into_contents();
    let (has_kernel, (modules, without)) = (contents.has_kernel(), contents.count());
    let files: Vec<_> =
        input.parts().into_iter().map(|part| (part.name, part.bytes, part.is_missing)).collect();
    let files: Vec<(Option<&str>, &[u8], bool)> = files;
    pack::write(contents, &files, out)?;
    drop(files);
    if input.has_shrunk() {
        return Err(Error::input(path, "becomes shorter while it is read", "copy it, and pack the copy"));
    }
    Ok(Packed { recording, recording_bytes, has_kernel, modules, without })
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
