//! Load: from a file and options to a `Recording`. The input half of the program on one screen: bytes, side band, samples,
//! names, meaning, in this order.

use std::path::Path;

use rustc_hash::FxHashMap;

use crate::error::{Error, Result};
use crate::ingest::{self, Attribute, Decoded, Features, SampleLayout, SideBandPass, Source, Stop, When};
use crate::kernel;
use crate::model::{
    About, Clock, Diagnostic, Event, EventId, FrameKind, FrameTable, Function, FunctionId, Mode, Module,
    ModuleId, NameId, Names, Naming, Recording, Sample, Severity, Tally, Timeline, clean,
};
use crate::state::{Interner, State};
use crate::symbols::{self, FrameName};

pub use crate::symbols::Sources;

/// What to load, and where names come from.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The sampling event, as `-e` names it; by default the first that is neither a tracepoint nor a dummy.
    pub event: Option<String>,
    /// Where names come from.
    pub sources: Sources,
}

/// What a load is busy with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Reading the records that tell who ran and what was mapped.
    SideBand,
    /// Reading the samples.
    Samples,
    /// Looking up names.
    Names,
}

/// Hears how far a load has come: the stage, bytes done, bytes in all.
pub type Progress<'p> = &'p dyn Fn(Stage, u64, u64);

/// Loads the recording at `path`; `-` is standard input.
pub fn load(path: &Path, options: &Options, progress: Progress) -> Result<Recording> {
    load_bytes(&ingest::open(path)?, path, options, progress)
}

/// Loads a recording that is already in memory; `path` is what messages call it, and beside it a kallsyms may lie.
pub fn load_bytes(bytes: &[u8], path: &Path, options: &Options, progress: Progress) -> Result<Recording> {
    let source = Source::new(bytes, path)?;
    let total = source.data_bytes();
    let sampling = sampling_events(&source.header.attributes, options.event.as_deref())?;

    let mut names = Names::default();
    let mut pass = source.read_side_band(&|done| progress(Stage::SideBand, done, total));
    let side_band = std::mem::take(&mut pass.side_band);
    let mut recording = Recording {
        about: about(&source, path, bytes.len(), &sampling),
        tally: tally(&pass, side_band.len() as u64, total),
        ..Recording::default()
    };
    let moments = side_band.iter().map(|record| record.when.time_ns);
    let mut span = Span::default();
    moments.for_each(|time_ns| span.extend(time_ns));
    let mut state = State::replay(side_band, &mut names);
    recording.tally.lost = state.lost_total();
    recording.tally.throttled = state.throttled_total();

    let mut samples = SampleCollector::new(&mut state, &mut names, &mut recording.tally, source.header.order);
    let wanted: Vec<bool> = (0..source.header.attributes.len())
        .map(|event| sampling.contains(&EventId::from_index(event)))
        .collect();
    let finder = source.event_finder(path)?;
    let mut event_records = vec![0u64; wanted.len()];
    source.read_samples(&wanted, &finder, &|done| progress(Stage::Samples, done, total), |decoded| {
        samples.push(decoded, &mut event_records)
    });
    let (interner, timelines) = samples.finish();
    recording.timelines = timelines;
    recording.frames = interner.frames;
    recording.stacks = interner.stacks;
    for (event, records) in recording.about.events.iter_mut().zip(event_records) {
        event.records = records;
    }
    for timeline in &recording.timelines {
        timeline.samples.first().inspect(|sample| span.extend(sample.time_ns));
        timeline.samples.last().inspect(|sample| span.extend(sample.time_ns));
    }
    (recording.about.start_ns, recording.about.end_ns) = span.bounds();
    (recording.tasks, recording.modules, recording.cgroups) = state.into_tables();

    progress(Stage::Names, total, total);
    add_build_ids(&mut recording.modules, &source.header.features);
    note_input_damage(&source, &pass, &mut recording);
    name(path, options, &source.header.features, &mut recording, &mut names)?;
    recording.names = names;
    Ok(recording)
}

/// An error if the recording cannot answer what ran when: no samples, no call chains, no times, no CPUs.
pub fn require_stacks(recording: &Recording) -> Result<()> {
    let wrong = |what: String, remedy: &str| Err(Error::input(&recording.about.file, what, remedy));
    let Some(event) = recording.sampling_event() else {
        let names: Vec<&str> = recording.about.events.iter().map(|event| event.name.as_str()).collect();
        return wrong(
            format!("holds no sampling event, only {}", names.join(", ")),
            "record with: perf record -a -g -F 999 …, or choose one of these with -e",
        );
    };
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
    if !event.has_time {
        return wrong(
            format!("the samples of {} have no times, so they have no order", event.name),
            "record with -T: perf record -a -g -T -F 999 -- sleep 60",
        );
    }
    if !event.has_cpu {
        return wrong(
            format!("the samples of {} do not say on which CPU they were taken", event.name),
            "record whole CPUs with -a or -C, or one command with --sample-cpu",
        );
    }
    Ok(())
}

/// Chooses the sampling event: with its twins on other kinds of cores, if the CPU is a hybrid.
fn sampling_events(attributes: &[Attribute], asked: Option<&str>) -> Result<Vec<EventId>> {
    let ids = |is_chosen: &dyn Fn(&Attribute) -> bool| -> Vec<EventId> {
        let chosen = attributes.iter().enumerate().filter(|(_, attribute)| is_chosen(attribute));
        chosen.map(|(index, _)| EventId::from_index(index)).collect()
    };
    let Some(asked) = asked else {
        let first = attributes.iter().find(|attribute| !attribute.is_tracepoint() && !attribute.is_dummy());
        return Ok(match first {
            Some(first) => ids(&|other| std::ptr::eq(other, first) || other.is_twin_of(first)),
            None => Vec::new(),
        });
    };
    let exact = ids(&|attribute| attribute.display_name() == asked);
    if !exact.is_empty() {
        return Ok(exact);
    }
    // `cycles` means `cycles:P` and `cpu_core/cycles/` too.
    let part = |attribute: &Attribute| attribute.display_name().split(['/', ':']).any(|part| part == asked);
    let by_part = ids(&part);
    let is_one = |events: &[EventId]| {
        events.windows(2).all(|pair| attributes[pair[0].index()].is_twin_of(&attributes[pair[1].index()]))
    };
    if !by_part.is_empty() && is_one(&by_part) {
        return Ok(by_part);
    }
    let names: Vec<String> =
        attributes.iter().map(|attribute| clean(&attribute.display_name()).into_owned()).collect();
    let which = if by_part.is_empty() { "no event" } else { "more than one event" };
    Err(Error::Usage(format!(
        "-e {}: {which} of the recording has this name; it holds {}",
        clean(asked),
        names.join(", ")
    )))
}

fn about(source: &Source, path: &Path, file_bytes: usize, sampling: &[EventId]) -> About {
    let features = &source.header.features;
    let text = |field: &Option<String>| field.as_ref().map(|text| clean(text).into_owned());
    let attributes = &source.header.attributes;
    About {
        file: clean(&path.to_string_lossy()).into_owned(),
        file_bytes: file_bytes as u64,
        kernel: text(&features.os_release),
        hostname: text(&features.hostname),
        arch: text(&features.arch),
        perf_version: text(&features.perf_version),
        command: (!features.command.is_empty()).then(|| clean(&features.command.join(" ")).into_owned()),
        cpus_online: features.cpus_online,
        cpus_available: features.cpus_available,
        clock: Clock { id: attributes.iter().find_map(Attribute::clock_id), wall: features.clock_reference },
        events: attributes.iter().map(|attribute| event(attribute, source)).collect(),
        sampling: sampling.to_vec(),
        ..About::default()
    }
}

fn event(attribute: &Attribute, source: &Source) -> Event {
    let layout = SampleLayout::new(attribute, source.header.order);
    Event {
        name: clean(&attribute.display_name()).into_owned(),
        is_tracepoint: attribute.is_tracepoint(),
        has_callchain: attribute.has_callchain(),
        has_time: layout.has_time(),
        has_cpu: layout.has_cpu(),
        frequency_hz: attribute.frequency_hz(),
        period: attribute.period(),
        counts_ns: attribute.counts_ns(),
        records: 0,
    }
}

fn tally(pass: &SideBandPass, side_band: u64, data_bytes: u64) -> Tally {
    Tally {
        records: pass.records,
        side_band,
        skipped: pass.skipped.clone(),
        rejected: pass.rejected.clone(),
        unread_bytes: pass.stop.map_or(0, |(position, _)| data_bytes - position),
        data_bytes,
        ..Tally::default()
    }
}

/// Collects samples into timelines.
struct SampleCollector<'s, 'a> {
    state: &'s mut State,
    names: &'s mut Names,
    tally: &'s mut Tally,
    order: ingest::ByteOrder,
    interner: Interner<'a>,
    by_cpu: FxHashMap<u32, Vec<Sample>>,
}

impl<'s, 'a> SampleCollector<'s, 'a> {
    fn new(
        state: &'s mut State,
        names: &'s mut Names,
        tally: &'s mut Tally,
        order: ingest::ByteOrder,
    ) -> Self {
        SampleCollector {
            state,
            names,
            tally,
            order,
            interner: Interner::default(),
            by_cpu: FxHashMap::default(),
        }
    }

    #[inline]
    fn push(&mut self, decoded: Decoded<'a>, event_records: &mut [u64]) {
        let (event, raw, record) = match decoded {
            Decoded::Sample { event, sample, record } => (event, sample, record),
            Decoded::OtherEvent(event) => {
                event_records[event] += 1;
                self.tally.other_events += 1;
                return;
            }
            Decoded::Rejected(why) => {
                *self.tally.rejected.entry(why).or_default() += 1;
                return;
            }
        };
        event_records[event] += 1;
        self.tally.samples += 1;
        let when = When { time_ns: raw.time_ns, position: record.position };
        let (task, stack) = self.interner.intern(self.state, &raw, when, record.misc, self.names, self.order);
        self.by_cpu.entry(raw.cpu).or_default().push(Sample {
            time_ns: raw.time_ns,
            period: raw.period.unwrap_or(1),
            stack,
            task,
            cgroup: self.state.cgroup(raw.cgroup),
            event: EventId::from_index(event),
        });
    }

    /// The timelines, by CPU. Each CPU's buffer is written in its order, so sorting is rarely more than a look.
    fn finish(self) -> (Interner<'a>, Vec<Timeline>) {
        let state = self.state;
        let mut timelines: Vec<Timeline> = self
            .by_cpu
            .into_iter()
            .map(|(cpu, mut samples)| {
                if !samples.is_sorted_by_key(|sample| sample.time_ns) {
                    samples.sort_by_key(|sample| sample.time_ns);
                }
                let last_before = |time_ns: u64| {
                    let after = samples.partition_point(|sample| sample.time_ns <= time_ns);
                    after.checked_sub(1).map(|at| samples[at].time_ns)
                };
                let gaps = state.gaps(cpu, last_before);
                Timeline { cpu, samples, gaps }
            })
            .collect();
        timelines.sort_by_key(|timeline| timeline.cpu);
        let mut interner = self.interner;
        interner.stacks.finish();
        (interner, timelines)
    }
}

/// First and last time seen. Time 0 marks records that perf made up, u64::MAX ones it could not time.
#[derive(Default)]
struct Span(Option<(u64, u64)>);

impl Span {
    fn extend(&mut self, time_ns: u64) {
        if time_ns != 0 && time_ns != u64::MAX {
            let (start, end) = self.0.unwrap_or((time_ns, time_ns));
            self.0 = Some((start.min(time_ns), end.max(time_ns)));
        }
    }

    fn bounds(&self) -> (u64, u64) {
        self.0.unwrap_or_default()
    }
}

/// What the kernel is called in the table of build ids.
const KERNEL: &str = "[kernel.kallsyms]";

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
    recording: &mut Recording,
    names: &mut Names,
) -> Result<()> {
    let kernel = features.build_ids.iter().find(|(path, _)| path == KERNEL);
    let request = symbols::Request {
        recording: path,
        about: &recording.about,
        kernel_build_id: kernel.map(|(_, id)| id.as_slice()),
        frames: recording.frames.frames(),
    };
    let frame_names = symbols::name_frames(
        &request,
        &options.sources,
        &mut recording.modules,
        names,
        &mut recording.diagnostics,
    )?;
    recording.functions = set_functions(&mut recording.frames, &frame_names, names);
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

/// Notes what was damaged, lost or rejected.
fn note_input_damage(source: &Source, pass: &SideBandPass, recording: &mut Recording) {
    let mut note = |severity, code, count, message: String, remedy: &str| {
        recording.diagnostics.push(Diagnostic {
            severity,
            code,
            count,
            message,
            remedy: (!remedy.is_empty()).then(|| remedy.to_owned()),
        });
    };
    let tally = &recording.tally;
    if !source.header.is_finished {
        note(
            Severity::Error,
            "unfinished",
            1,
            "perf did not finish the file: it was killed or is still writing".to_owned(),
            "stop perf with SIGINT and wait for it to end",
        );
    }
    if let Some((position, stop)) = pass.stop {
        let what = match stop {
            Stop::CutShort => "the last record is cut short",
            Stop::BadSize => "a record has an impossible size",
        };
        note(
            Severity::Error,
            "damaged",
            1,
            format!(
                "{what} at byte {}: {} of {} bytes of records are unread",
                source.header.data_start as u64 + position,
                tally.unread_bytes,
                tally.data_bytes
            ),
            "copy the file again; all records before the damage are used",
        );
    }
    if source.header.is_finished && source.header.missing_bytes > 0 {
        note(
            Severity::Error,
            "cut",
            1,
            format!("the file ends {} bytes before its header says", source.header.missing_bytes),
            "copy the file again; all records that are there are used",
        );
    }
    if tally.lost > 0 {
        note(
            Severity::Warning,
            "lost",
            tally.lost,
            format!("{} records were lost, {:.2} % of all", tally.lost, 100.0 * tally.lost_share()),
            "give perf a larger buffer (-m 16M) or sample fewer events",
        );
    }
    if tally.throttled > 0 {
        note(
            Severity::Warning,
            "throttled",
            tally.throttled,
            format!("the kernel paused sampling {} times", tally.throttled),
            "sample at a lower frequency (-F 499), or raise kernel.perf_event_max_sample_rate",
        );
    }
    for (why, count) in &tally.rejected {
        note(Severity::Warning, "rejected", *count, format!("{count} records were rejected: {why}"), "");
    }
}
