//! Load: from a file and options to a `Recording`. The input half of the program on one screen: bytes, records, state, names,
//! meaning, in this order.

mod archive;
mod events;
mod inlined;
mod lines;
mod memory;
mod notes;
mod pack;
mod samples;
mod script_stacks;
mod script_text;
mod seen;

use std::path::Path;
use std::sync::OnceLock;

use rustc_hash::FxHashMap;

use crate::error::{Error, Result};
use crate::ingest::{self, Damage, Features, Part, Source, TraceReader, Walked};
use crate::kernel;
use crate::model::{
    Diagnostic, FrameKind, FrameTable, Function, FunctionId, Mode, Module, ModuleId, NameId, Names, Naming,
    Recording, Severity, Tally, Timeline,
};
use crate::pack::Pack;
use crate::state::{Collected, Meanings, State};
use crate::symbols::{self, FrameName, Gatherer};

pub use crate::symbols::Sources;
pub use lines::source_lines;
pub use pack::{Keep, Packed, pack};

use events::{about, sampling_events, system_calls};
use notes::{note_formats, note_input_damage};

/// What to load, and where names come from.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The sampling event, as `-e` names it; by default the first that is neither a tracepoint nor a dummy.
    pub event: Option<String>,
    /// Where names come from.
    pub sources: Sources,
    /// Whether events are wanted too: what tracepoints and switch records tell.
    pub events: bool,
    /// Bytes of memory for a stream that is read, and for records that are unpacked (`perf record -z`); by default half of the
    /// machine's, and no more than 256 times what a compressed recording has.
    pub max_memory: Option<u64>,
}

/// What a load is busy with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Reading the records.
    Records,
    /// Finding out what each of them meant at its time.
    Meanings,
    /// Looking up names.
    Names,
}

/// Hears how far a load has come: the stage, bytes done, bytes in all.
pub type Progress<'p> = &'p (dyn Fn(Stage, u64, u64) + Sync);

/// Loads the recording at `path`; `-` is standard input.
pub fn load(path: &Path, options: &Options, progress: Progress) -> Result<Recording> {
    let mut input = ingest::open(path, memory::for_stream(options.max_memory))?;
    // What is read while the file becomes shorter means nothing. What is left of it then is read as a file that was cut.
    for _ in 0..3 {
        let read = read(&input.parts(), input.memory(), path, options, progress);
        if !input.has_shrunk() {
            // To unmap a large file takes milliseconds, for which one CPU has time while parts are joined.
            rayon::spawn(move || input.close());
            return read?.finish(path, options, progress);
        }
    }
    Err(Error::input(path, "becomes shorter while it is read", "copy it, and read the copy"))
}

/// Loads a recording that is already in memory; `path` is what messages call it, and beside it a kallsyms may lie.
pub fn load_bytes(bytes: &[u8], path: &Path, options: &Options, progress: Progress) -> Result<Recording> {
    read(&[Part::whole(bytes)], 0, path, options, progress)?.finish(path, options, progress)
}

/// What was read of a recording's files, which are not needed any more.
enum Read {
    /// All there is to it.
    Whole(Box<Recording>),
    /// What a perf.data holds: names come from elsewhere.
    Unnamed(Box<Unnamed>),
}

impl Read {
    fn whole(recording: Recording) -> Self {
        Read::Whole(Box::new(recording))
    }

    fn finish(self, path: &Path, options: &Options, progress: Progress) -> Result<Recording> {
        match self {
            Read::Whole(recording) => Ok(*recording),
            Read::Unnamed(unnamed) => unnamed.finish(path, options, progress, Place::default()),
        }
    }
}

/// Reads a recording's files, `held` bytes of which are in memory.
fn read(parts: &[Part], held: u64, path: &Path, options: &Options, progress: Progress) -> Result<Read> {
    if let [text] = parts
        && ingest::is_script(text.bytes)
    {
        return script_text::load(text, path, options, progress).map(Read::whole);
    }
    if let Some(pack) = pack::unpack(parts, held, path, options)? {
        return pack::load(&pack, held, path, options, progress).map(Read::whole);
    }
    if let Some(bundle) = archive::unpack(parts, held, path, options)? {
        return archive::load(&bundle, held, path, options, progress).map(Read::whole);
    }
    read_records(parts, held, path, options, progress).map(|unnamed| Read::Unnamed(Box::new(unnamed)))
}

/// What naming has besides the recording and the file system.
#[derive(Clone, Copy, Default)]
struct Place<'p> {
    /// The pack that the recording was read from.
    pack: Option<&'p Pack>,
    /// Who gathers the files that names come from.
    gatherer: Option<&'p Gatherer>,
    /// The archive of programs that came with the recording, as it is packed.
    archive: Option<&'p [u8]>,
    /// Bytes of memory that are in use meanwhile, of those that are allowed.
    held: u64,
}

/// A perf.data, read.
struct Unnamed {
    /// What is known but for timelines and names.
    recording: Recording,
    features: Features,
    state: State,
    names: Names,
    /// What each part held.
    collected: Vec<Collected>,
}

/// Reads a perf.data.
fn read_records(
    parts: &[Part],
    held: u64,
    path: &Path,
    options: &Options,
    progress: Progress,
) -> Result<Unnamed> {
    let file_bytes = parts.iter().map(|part| part.bytes.len() as u64).sum();
    let memory = memory::for_unpacking(options.max_memory, file_bytes).saturating_sub(held);
    let (header, records) = ingest::read(parts, path, memory)?;
    let source = Source::new(header, &records);
    let total = source.data_bytes();
    let sampling = sampling_events(&source.header.attributes, options.event.as_deref())?;

    let trace = options.events.then(|| trace_reader(&source, parts));
    let reader = source.sample_reader(&sampling, trace, path)?;

    let (mut walked, raw) = samples::read(&source, &reader, &|done| progress(Stage::Records, done, total));
    let side_band = std::mem::take(&mut walked.side_band);
    let mut recording = Recording {
        about: about(&source, path, file_bytes, &sampling),
        tally: tally(&source, &walked, (side_band.len() + walked.user_chains.len()) as u64 + walked.unused),
        ..Recording::default()
    };
    let mut names = Names::default();
    let state = State::replay(side_band, &mut names);
    recording.tally.lost = state.lost_total();
    recording.tally.throttled = state.throttled_total();

    let user_chains = &source.user_chains(&walked);
    let meanings = Meanings { state: &state, source: &source, reader: &reader, user_chains };
    progress(Stage::Meanings, total, total);
    let collected = samples::resolve(raw, &meanings, &mut recording);
    note_input_damage(&source, &walked, &mut recording);
    if options.events {
        note_formats(&source, &mut recording);
    }
    Ok(Unnamed { recording, features: source.header.features, state, names, collected })
}

impl Unnamed {
    /// Joins the parts, and names what they hold.
    fn finish(self, path: &Path, options: &Options, progress: Progress, place: Place) -> Result<Recording> {
        let Unnamed { mut recording, features, mut state, mut names, collected } = self;
        let (mut chains, timelines) = samples::timelines(collected, &mut state, &mut names);
        chains.stacks.finish();
        recording.system_calls = system_calls(&timelines, &recording.about, &mut names);
        recording.timelines = timelines;
        recording.frames = chains.frames;
        recording.stacks = chains.stacks;
        (recording.about.start_ns, recording.about.end_ns) = span(&recording.timelines);
        (recording.tasks, recording.modules, recording.cgroups) = state.into_tables();

        progress(Stage::Names, recording.tally.data_bytes, recording.tally.data_bytes);
        add_build_ids(&mut recording.modules, &features);
        name(path, options, &features, place, &mut recording, &mut names)?;
        recording.names = names;
        Ok(recording)
    }
}

/// What reads events and switches by the formats that the recording holds.
fn trace_reader(source: &Source, parts: &[Part]) -> TraceReader {
    let header = &source.header;
    let tracing_data = parts.first().and_then(|part| part.bytes.get(header.tracing_data.clone()));
    TraceReader::new(&header.attributes, tracing_data.unwrap_or_default(), header.order)
}

/// An error if the recording cannot answer what ran: no samples, no call chains.
pub fn require_stacks(recording: &Recording) -> Result<()> {
    let wrong = |what: String, remedy: &str| Err(lacks(recording, what, remedy));
    let Some(event) = recording.sampling_event() else {
        let names: Vec<&str> = recording.about.events.iter().map(|event| event.name.as_str()).collect();
        return wrong(
            format!("holds no sampling event, only {}", names.join(", ")),
            "record with: perf record -a -g -F 999 …, or choose one of these with -e",
        );
    };
    let is_damage = |diagnostic: &&Diagnostic| diagnostic.severity == Severity::Error;
    if let Some(why) = recording.diagnostics.iter().find(is_damage).filter(|_| recording.tally.samples == 0) {
        return wrong(why.message.clone(), why.remedy.as_deref().unwrap_or_default());
    }
    if recording.tally.samples == 0 {
        return wrong(
            format!("holds no samples of {}", event.name),
            "record for longer, on the busy CPU: perf record -C CPU -g -F 999 -- sleep 60",
        );
    }
    if !event.has_callchain {
        return wrong(
            format!("the samples of {} have no call chains", event.name),
            "record with -g: perf record -a -g -F 999 -- sleep 60",
        );
    }
    Ok(())
}

/// An error if the recording cannot tell of stalls: it has neither samples with call chains, times and CPUs, nor events.
pub fn require_witnesses(recording: &Recording) -> Result<()> {
    if recording.timelines.iter().any(|timeline| !timeline.trace.events.is_empty()) {
        return Ok(());
    }
    require_timelines(recording)
}

/// An error if the recording cannot tell what ran on each CPU before what: it lacks samples with call chains, times or CPUs.
pub fn require_timelines(recording: &Recording) -> Result<()> {
    require_stacks(recording)?;
    require_times(recording)?;
    require_cpus(recording)
}

/// An error if samples do not say when they were taken: then their only order is that of the file.
pub fn require_times(recording: &Recording) -> Result<()> {
    match recording.sampling_event() {
        Some(event) if !event.has_time => Err(lacks(
            recording,
            format!("the samples of {} have no times, so they have no order", event.name),
            "record with -T: perf record -a -g -T -F 999 -- sleep 60; or print the order of the file: collapse --file-order",
        )),
        _ => Ok(()),
    }
}

/// An error if samples do not say on which CPU they were taken: then it is not known what ran there before what.
pub fn require_cpus(recording: &Recording) -> Result<()> {
    match recording.sampling_event() {
        Some(event) if !event.has_cpu => Err(lacks(
            recording,
            format!("the samples of {} do not say on which CPU they were taken", event.name),
            "record whole CPUs with -a or -C, or one command with --sample-cpu",
        )),
        _ => Ok(()),
    }
}

/// The error that a recording lacks something; a text may lack it because it was not printed.
fn lacks(recording: &Recording, what: String, remedy: &str) -> Error {
    let about = &recording.about;
    let printing = if about.is_script { script_text::PRINTING } else { "" };
    Error::input(&about.file, what, format!("{remedy}{printing}"))
}

fn tally(source: &Source, walked: &Walked, side_band: u64) -> Tally {
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

/// The times of the first and of the last sample, as perf takes them for `--time`; without samples, of events. u64::MAX marks what could not be timed.
fn span(timelines: &[Timeline]) -> (u64, u64) {
    let timed = timelines.iter().map(|timeline| &timeline.samples[timeline.between(0, u64::MAX)]);
    let first = timed.clone().filter_map(|samples| samples.first()).map(|sample| sample.time_ns).min();
    let last = timed.filter_map(|samples| samples.last()).map(|sample| sample.time_ns).max();
    let events = || timelines.iter().flat_map(|timeline| &timeline.trace.events).map(|event| event.time_ns);
    (first.or_else(|| events().min()).unwrap_or(0), last.or_else(|| events().max()).unwrap_or(0))
}

/// Modules get the build ids that perf noted at the end of the recording.
fn add_build_ids(modules: &mut [Module], features: &Features) {
    let noted: FxHashMap<&str, &Vec<u8>> =
        features.build_ids.iter().map(|(path, id)| (path.as_str(), id)).collect();
    for module in modules.iter_mut().filter(|module| module.build_id.is_none()) {
        module.build_id = noted.get(module.path.as_str()).map(|id| (*id).clone());
    }
}

fn name(
    path: &Path,
    options: &Options,
    features: &Features,
    place: Place,
    recording: &mut Recording,
    names: &mut Names,
) -> Result<()> {
    let kernel = features.build_ids.iter().find(|(path, _)| path == Module::KERNEL);
    let of_map = recording.modules.iter().find(|module| module.is_kernel_proper());
    let of_map = of_map.and_then(|module| module.build_id.clone());
    let callers = if options.sources.inline { inlined::callers(recording) } else { Vec::new() };
    let known = OnceLock::new();
    let (timelines, stacks, frames) = (&recording.timelines, &recording.stacks, recording.frames.frames());
    let seen = |frame: usize| {
        known.get_or_init(|| seen::of_frames(timelines, stacks, frames.len())).get(frame).copied()
    };
    let memory = |bytes| memory::for_unpacking(options.max_memory, bytes).saturating_sub(place.held);
    let request = symbols::Request {
        recording: path,
        about: &recording.about,
        kernel_build_id: kernel.map(|(_, id)| id.as_slice()).or(of_map.as_deref()),
        frames,
        callers: &callers,
        pack: place.pack,
        gatherer: place.gatherer,
        archive: place.archive,
        memory: &memory,
        seen: Some(&seen),
    };
    let mut frame_names = symbols::name_frames(
        &request,
        &options.sources,
        &mut recording.modules,
        names,
        &mut recording.diagnostics,
    )?;
    inlined::put_in(recording, &mut frame_names);
    recording.functions = set_functions(&mut recording.frames, &frame_names.names, names);
    Ok(())
}

/// Gives each frame its function, and each function its meaning.
fn set_functions(frames: &mut FrameTable, frame_names: &[FrameName], names: &mut Names) -> Vec<Function> {
    let mut functions: Vec<Function> = Vec::new();
    let mut ids: FxHashMap<(FrameName, Option<ModuleId>, Mode), FunctionId> = FxHashMap::default();
    let mut of_frames = Vec::with_capacity(frame_names.len());
    for (frame, &named) in frames.frames().iter().zip(frame_names) {
        let id = *ids.entry((named, frame.module, frame.mode)).or_insert_with(|| {
            functions.push(function(named.name, frame.module, frame.mode, named.naming, names));
            FunctionId::from_index(functions.len() - 1)
        });
        of_frames.push(id);
    }
    frames.set_functions(of_frames);
    functions
}

/// A function, with the meaning that its name has in the kernel.
pub fn function(
    name: NameId,
    module: Option<ModuleId>,
    mode: Mode,
    naming: Naming,
    names: &mut Names,
) -> Function {
    let (mut kind, mut system_call) = (FrameKind::Plain, None);
    if mode == Mode::Kernel && naming == Naming::Named {
        let text = names.get(name).to_owned();
        kind = kernel::classify(&text);
        system_call = kernel::system_call(&text).map(|call| names.intern(call));
    }
    Function { name, module, mode, naming, kind, system_call }
}
