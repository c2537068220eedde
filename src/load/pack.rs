//! Packs. A recording in one is loaded as from its own files, with names from the files in the
//! pack.

use crate::error::{Error, Result};
use crate::ingest::{InputFile, Stop};
use crate::model::{Diagnostic, Recording, Severity};
use crate::pack::{self, Damage, Pack};

use super::job::Job;
use super::perf_data;

/// Unpacks the files if they are a pack.
pub(super) fn unpack(files: &[InputFile], job: &Job) -> Result<Option<Pack>> {
    let [file] = files else { return Ok(None) };
    if !pack::may_be_pack(file.bytes) {
        return Ok(None);
    }
    Pack::read(file.bytes, job.path, job.memory_for_unpacking(file.bytes.len() as u64))
}

/// Loads the recording in a pack.
pub(super) fn load(pack: &Pack, job: &Job) -> Result<Recording> {
    let file = |(name, bytes, is_missing): (_, _, bool)| InputFile {
        name,
        stop: is_missing.then_some(Stop::Missing),
        ..InputFile::whole(bytes)
    };
    let files: Vec<InputFile> = pack.recording().map(file).collect();
    let (damage, remedy) = pack.damage().unwrap_or(Damage::Cut).words();
    if files.is_empty() {
        let message = format!("is a pack, and no recording is left in it: {damage}");
        return Err(Error::input(job.path, message, remedy));
    }
    let job = Job { pack: Some(pack), packed: Some(pack.packed()), ..job.holding(pack.memory()) };
    let mut recording = perf_data::read(&files, &job)?.finish(&job)?;
    if pack.damage().is_some() {
        let message = format!("not all of the pack could be read: {damage}");
        recording.diagnostics.insert(0, Diagnostic::new(Severity::Error, "pack", 1, &message, remedy));
    }
    if pack.is_redacted() {
        // The arguments of system calls are zeros in a redacted recording. They are dropped,
        // because zeros would be wrong.
        recording.timelines.iter_mut().for_each(|timeline| timeline.trace.arguments.clear());
        recording.diagnostics.push(Diagnostic::new(
            Severity::Info,
            "redacted",
            1,
            "the pack is redacted: hashes stand for comms and paths",
            "who knows a name can tell its hash: printf %s NAME | sha256sum | cut -c-12",
        ));
    }
    if job.options.sources.inline && !pack.has_inlined() {
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
