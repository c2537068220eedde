//! A perf.data: its records are read, resolved and joined into timelines, then named.

use rustc_hash::FxHashMap;

use crate::error::Result;
use crate::ingest::{self, Damage, Features, Header, InputFile, Source, TraceReader, WalkResult};
use crate::model::{Module, Names, Recording, Stacks, Tally};
use crate::state::{Meanings, ResolvedPart, State};

use super::events::{about, may_be_sampled, off_cpu_event, sampling_events};
use super::job::Job;
use super::meanings::{set_compat, system_calls};
use super::notes::{note_formats, note_input_damage, note_sampling_event};
use super::options::Stage;
use super::roles::set_task_kinds;
use super::timelines::{self, Span};
use super::unwind::{self, Recorded};
use super::{names, samples};

/// A perf.data that was read, and whose files are no longer needed.
pub(super) struct Unnamed {
    /// All but timelines and names.
    recording: Recording,
    features: Features,
    state: State,
    names: Names,
    /// The resolved samples and events of each part of the file, in the order of the file.
    collected: Vec<ResolvedPart>,
    /// From the first to the last event.
    events: Span,
}

/// Reads a perf.data.
pub(super) fn read(files: &[InputFile], job: &Job) -> Result<Unnamed> {
    let Job { path, options, progress, .. } = *job;
    let file_bytes = files.iter().map(|file| file.bytes.len() as u64).sum();
    let (header, records) = ingest::read(files, path, job.memory_for_unpacking(file_bytes))?;
    let source = Source::new(header, &records);
    let total = source.data_bytes();
    let recorded = |wanted: &[bool]| source.recorded_events(wanted);
    let off_cpu = options.off_cpu.then(|| off_cpu_event(&source.header.attributes)).flatten();
    let asked = options.event.as_deref().or(off_cpu.as_deref());
    let sampling = match job.samples_all {
        true => source.header.attributes.iter().map(may_be_sampled).collect(),
        false => sampling_events(&source.header.attributes, asked, &recorded)?,
    };

    let Header { attributes, formats, order, .. } = &source.header;
    let trace = options.events.then(|| TraceReader::new(attributes, formats, *order));
    let reader = source.sample_reader(&sampling, trace, path)?;

    let report = |done| progress(Stage::Records, done, total);
    let (mut walked, mut parts) = samples::read(&source, &reader, options.stacks, &report);
    let side_band = std::mem::take(&mut walked.side_band);
    let mut recording = Recording {
        about: about(&source, path, file_bytes, &sampling),
        tally: tally(&source, &walked, (side_band.len() + walked.user_chains.len()) as u64 + walked.unused),
        ..Recording::default()
    };
    let mut names = Names::default();
    let mut state = State::replay(side_band, options.stacks, &mut names);
    recording.tally.lost = state.losses.lost_total();
    recording.tally.throttled = state.losses.throttled_total();

    if options.stacks == Stacks::Whole && reader.has_dumps() && !options.sources.disabled {
        add_build_ids(state.modules_mut(), &source.header.features);
        let recorded = Recorded { state: &state, source: &source, reader: &reader, about: &recording.about };
        recording.unwinding = unwind::unwind(&mut parts, &recorded, state.modules(), job)?;
    }
    let user_chains = &source.user_chains(&walked);
    let meanings = Meanings { state: &state, source: &source, reader: &reader, user_chains };
    progress(Stage::Meanings, total, total);
    let (collected, events) = samples::resolve(parts, &meanings, &mut recording);
    note_input_damage(&source, &walked, options.stacks == Stacks::Whole, &mut recording);
    if asked.is_none() && !job.samples_all {
        note_sampling_event(&mut recording);
    }
    if options.events {
        note_formats(&mut recording);
    }
    Ok(Unnamed { recording, features: source.header.features, state, names, collected, events })
}

impl Unnamed {
    /// Joins the parts and names their frames.
    pub fn finish(self, job: &Job) -> Result<Recording> {
        let Unnamed { mut recording, features, mut state, mut names, collected, events: mut span } = self;
        let (mut chains, timelines) = timelines::join(collected, &mut state, &mut names);
        chains.stacks.finish();
        recording.system_calls = system_calls(&timelines, &recording.about, &mut names);
        recording.timelines = timelines;
        recording.frames = chains.frames;
        recording.stacks = chains.stacks;
        // Times off the CPU are written after the recording.
        if !recording.samples_off_cpu() {
            span.add_samples(&recording.timelines);
        }
        (recording.about.start_ns, recording.about.end_ns) = span.bounds();
        timelines::settle_pauses(&mut recording);
        (recording.tasks, recording.modules, recording.cgroups) = state.into_tables();

        (job.progress)(Stage::Names, recording.tally.data_bytes, recording.tally.data_bytes);
        add_build_ids(&mut recording.modules, &features);
        names::add(&mut recording, &mut names, &features, job)?;
        set_task_kinds(&mut recording, &names);
        set_compat(&mut recording, &mut names);
        recording.names = names;
        Ok(recording)
    }
}

/// How the records of a walk were used; `side_band` of them were side band.
fn tally(source: &Source, walked: &WalkResult, side_band: u64) -> Tally {
    Tally {
        records: walked.records,
        side_band,
        skipped: walked.skipped.clone(),
        rejected: walked.rejected.clone(),
        unread_bytes: source.damage(walked).iter().map(|damage: &Damage| damage.unread).sum(),
        data_bytes: source.file_bytes(),
        ..Tally::default()
    }
}

/// Gives modules the build ids that perf wrote at the end of the recording.
fn add_build_ids(modules: &mut [Module], features: &Features) {
    let noted: FxHashMap<&str, &Vec<u8>> =
        features.build_ids.iter().map(|(path, id)| (path.as_str(), id)).collect();
    for module in modules.iter_mut().filter(|module| module.build_id.is_none()) {
        module.build_id = noted.get(module.path.as_str()).map(|id| (*id).clone());
    }
}
