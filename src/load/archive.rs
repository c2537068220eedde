//! Archives that `perf archive --all` made. A recording in one is loaded as from its own files,
//! with names from the programs in the archive.

use crate::error::{Error, Result};
use crate::ingest::{self, InputFile};
use crate::model::{Diagnostic, Recording, Severity};
use crate::pack::{self, Bundle, Damage};

use super::job::Job;
use super::perf_data;

/// Unpacks the files if they are an archive with a recording in it.
pub(super) fn unpack(files: &[InputFile], job: &Job) -> Result<Option<Bundle>> {
    let [file] = files else { return Ok(None) };
    if !pack::may_be_archive(file.bytes) {
        return Ok(None);
    }
    let memory = job.memory_for_unpacking(file.bytes.len() as u64);
    let bundle = Bundle::read(file.bytes, &ingest::is_recording, memory);
    let is_empty = bundle.recording().all(|(_, bytes)| bytes.is_empty());
    match (bundle.count(), bundle.damage().map(Damage::words)) {
        (0, None) => Ok(None),
        (0, Some((_, remedy))) if bundle.damage() == Some(Damage::NoArchive) => {
            Err(Error::input(job.path, "is compressed by bzip2", remedy))
        }
        (_, Some((problem, remedy))) if is_empty => Err(Error::input(
            job.path,
            format!("is an archive, and no recording is left in it: {problem}"),
            remedy,
        )),
        (1, _) => Ok(Some(bundle)),
        (count, _) => Err(Error::input(
            job.path,
            format!("is an archive of {count} recordings"),
            "unpack it, and give one of them",
        )),
    }
}

/// The files of the recording in an archive.
pub(super) fn files(bundle: &Bundle) -> Vec<InputFile<'_>> {
    bundle.recording().map(|(name, bytes)| InputFile { name, ..InputFile::whole(bytes) }).collect()
}

/// Loads the recording in an archive.
pub(super) fn load(bundle: &Bundle, job: &Job) -> Result<Recording> {
    let job = with_bundle(*job, bundle);
    let mut recording = perf_data::read(&files(bundle), &job)?.finish(&job)?;
    note_damage(bundle, &mut recording);
    Ok(recording)
}

/// The job of loading the recording in `bundle`, with names from the bundle's programs too.
pub(super) fn with_bundle<'j>(job: Job<'j>, bundle: &'j Bundle) -> Job<'j> {
    Job { archive: bundle.symbols(), packed: Some(bundle.packed()), ..job.holding(bundle.memory()) }
}

/// Adds a diagnostic if not all of an archive could be read.
pub(super) fn note_damage(bundle: &Bundle, recording: &mut Recording) {
    if let Some((problem, remedy)) = bundle.damage().map(Damage::words) {
        let message = format!("not all of the archive could be read: {problem}");
        recording.diagnostics.insert(0, Diagnostic::new(Severity::Error, "archive", 1, &message, remedy));
    }
}
