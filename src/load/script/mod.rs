//! Text of perf script: from its blocks to a [`Recording`]. The names are the ones that perf
//! printed, so nothing is looked up.

mod clock;
mod coverage;
mod events;
mod header;
mod parts;
mod reader;
mod stacks;
mod system_calls;
mod tables;
mod traces;

use crate::error::{Error, Result};
use crate::ingest::{InputFile, Stop, part_count};
use crate::load::job::Job;
use crate::load::options::Stage;
use crate::model::{Diagnostic, Recording, Severity, clean};
use crate::pack::ALLOW_MORE;

use reader::Reader;

/// Loads the recording that `text` describes.
pub(super) fn load(text: &InputFile, job: &Job) -> Result<Recording> {
    let Job { path, options, progress, .. } = *job;
    let sources = &options.sources;
    let named = [
        ("--kallsyms", &sources.kallsyms),
        ("--vmlinux", &sources.vmlinux),
        ("--symfs", &sources.symfs),
        ("--buildid-dir", &sources.buildid_dir),
    ];
    if let Some((option, _)) = named.into_iter().find(|(_, file)| file.is_some()) {
        return Err(Error::input(
            path,
            format!("is text of perf script, which has its names already: {option} has no use here"),
            format!("give {option} to perf script, or give the perf.data here"),
        ));
    }
    let total = text.bytes.len() as u64;
    let reader = Reader::new(text.bytes, options.event.as_deref(), options.events);
    let report = |done| progress(Stage::Records, done, total);
    let reader = parts::read(text.bytes, reader, part_count(total), &report);
    let is_cut_in_chain = reader.is_cut_in_chain();
    let mut recording = reader.finish()?;
    recording.diagnostics.extend(damage(text, is_cut_in_chain));
    recording.about.file = clean(&path.to_string_lossy()).into_owned();
    recording.about.file_bytes = total;
    recording.tally.data_bytes = total;
    Ok(recording)
}

/// A diagnostic if the text is not complete.
fn damage(text: &InputFile, is_cut_in_chain: bool) -> Option<Diagnostic> {
    const COPY_AGAIN: &str = "copy it again; all samples before the cut are used";
    let is_line_whole = matches!(text.bytes.last(), Some(b'\n' | b')'));
    let (code, message, remedy) = if text.stop == Some(Stop::OverBudget) {
        ("memory", "the memory that is allowed is used up: all that follows is unread", ALLOW_MORE)
    } else if text.stop.is_some() {
        ("compression", "the compressed file is damaged or cut short: all that follows is unread", COPY_AGAIN)
    } else if !is_line_whole {
        ("cut", "the text ends within a line: it is cut short", COPY_AGAIN)
    } else if is_cut_in_chain {
        ("cut", "the text ends within a call chain: it is cut short", COPY_AGAIN)
    } else {
        return None;
    };
    Some(Diagnostic::new(Severity::Error, code, 1, message, remedy))
}
