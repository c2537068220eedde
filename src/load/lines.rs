//! Lines of source, looked up once an analysis has found which few places in code matter: debug information is large.

use std::path::Path;

use crate::error::Result;
use crate::model::{CodePlace, Diagnostic, Recording, Severity};
use crate::symbols;

use super::{Options, memory};

/// The line of source of each of `places`, `FILE:LINE`, where it is known. `path` and `options` are those that `recording` was loaded
/// with; if no debug information belongs to it, that is added to its diagnostics.
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
    };
    let found = symbols::source_lines(&request, &options.sources, &recording.modules, places)?;
    Ok(found.unwrap_or_else(|missing| {
        recording.diagnostics.push(missing);
        unknown
    }))
}
