//! Names: looks up the function of each frame of a recording.

use std::sync::OnceLock;

use crate::error::Result;
use crate::ingest::Features;
use crate::model::{Module, Names, Recording};
use crate::symbols;

use super::job::Job;
use super::meanings::set_functions;
use super::{inlined, seen};

/// Names all frames of `recording`. New names go into `names`, which become the recording's.
pub(super) fn add(
    recording: &mut Recording,
    names: &mut Names,
    features: &Features,
    job: &Job,
) -> Result<()> {
    let sources = &job.options.sources;
    let noted = features.build_ids.iter().find(|(path, _)| path == Module::KERNEL);
    let kernel = recording.modules.iter().find(|module| module.is_kernel_proper());
    let mapped = kernel.and_then(|module| module.build_id.clone());
    let callers = if sources.inline { inlined::callers(recording) } else { Vec::new() };
    let (timelines, stacks, frames) = (&recording.timelines, &recording.stacks, recording.frames.frames());
    let have_stacks = recording.about.events.iter().any(|event| event.has_callchain && !event.is_sampling);
    // This looks at all samples, so it is computed on demand.
    let seen_frames = OnceLock::new();
    let seen = |frame: usize| {
        seen_frames
            .get_or_init(|| seen::of_frames(timelines, have_stacks, stacks, frames.len()))
            .get(frame)
            .copied()
    };
    let memory = |packed| job.memory_for_unpacking(packed);
    let request = symbols::Request {
        recording: job.path,
        about: &recording.about,
        kernel_build_id: noted.map(|(_, id)| id.as_slice()).or(mapped.as_deref()),
        frames,
        callers: &callers,
        pack: job.pack,
        gatherer: job.gatherer,
        archive: job.archive,
        memory: &memory,
        budget: &job.memory_for_names(),
        seen: Some(&seen),
    };
    let mut frame_names =
        symbols::name_frames(&request, sources, &mut recording.modules, names, &mut recording.diagnostics)?;
    recording.kernel_names = std::mem::take(&mut frame_names.kernel_names);
    recording.symbol_files = std::mem::take(&mut frame_names.symbol_files);
    inlined::add(recording, &mut frame_names);
    recording.functions = set_functions(&mut recording.frames, &frame_names.names, names);
    Ok(())
}
