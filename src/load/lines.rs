//! Lines of source. They are looked up after an analysis, and only for the few places in code that
//! it found, because debug information is large.

use std::path::Path;
use std::sync::Arc;

use crate::error::Result;
use crate::model::{CodePlace, Diagnostic, Recording, Severity};
use crate::pack::Budget;
use crate::symbols;

use super::memory;
use super::options::Options;

/// The line of source of each of `places`, as `FILE:LINE`; `None` if it is unknown. `path` and
/// `options` must be those that `recording` was loaded with. If no debug information belongs to the
/// recording, its diagnostics say so.
///
/// # Errors
///
/// If a file that an option names cannot be used.
pub fn source_lines(
    path: &Path,
    options: &Options,
    recording: &mut Recording,
    places: &[CodePlace],
) -> Result<Vec<Option<String>>> {
    let unknown = vec![None; places.len()];
    if places.is_empty() || options.sources.disabled {
        return Ok(unknown);
    }
    if recording.about.is_script {
        recording.diagnostics.push(Diagnostic::new(
            Severity::Info,
            "source_lines",
            1,
            "no lines of source: what perf script printed does not tell where in a function a frame was",
            "give the perf.data here",
        ));
        return Ok(unknown);
    }
    let kernel = recording.modules.iter().find(|module| module.is_kernel_proper());
    let memory = |bytes| memory::for_unpacking(options.max_memory, bytes);
    let request = symbols::Request {
        recording: path,
        about: &recording.about,
        kernel_build_id: kernel.and_then(|module| module.build_id.as_deref()),
        frames: recording.frames.frames(),
        callers: &[],
        seen: None,
        pack: None,
        gatherer: None,
        archive: None,
        memory: &memory,
        budget: &Arc::new(Budget::new(memory::for_stream(options.max_memory))),
    };
    let lines = symbols::source_lines(&request, &options.sources, &recording.modules, places)?;
    Ok(lines.unwrap_or_else(|missing| {
        recording.diagnostics.push(missing);
        unknown
    }))
}
