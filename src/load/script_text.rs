//! Text of perf script: from its blocks to a `Recording`. Names are those that perf printed;
//! nothing is looked up.

use std::collections::BTreeMap;

use hashbrown::HashMap;
use rustc_hash::FxHashMap;

use crate::error::{Error, Result};
use crate::ingest::{
    Attribute, Block, Blocks, CALLCHAIN_DEFERRED, Change, InputFile, ScriptSample, SideBand, When, number,
    parse_task,
};
use crate::model::{
    Cgroup, CgroupId, Detail, Diagnostic, Event, EventId, Mode, Names, Naming, Recording, Sample, Severity,
    Task, TaskId, Timeline, clean,
};
use crate::pack::ALLOW_MORE;
use crate::state::{CpuSamples, State};

use super::events::{sampling_events, set_task_kinds, tracepoint};
use super::functions::set_functions;
use super::job::Job;
use super::notes::note_loss;
use super::options::Stage;
use super::script_stacks::ScriptStacks;
use super::timelines::{span, timeline};

/// Why blocks of the text are rejected.
const FOREIGN: &str = "not printed by perf script";
const BROKEN: &str = "a line of the call chain cannot be read";
const CUT: &str = "the text ends before the call chain does";
const NO_TIME: &str = "without time or CPU, which others of the event have";
const TOO_MANY: &str = "of more events than a recording has";

/// No recording has more events. Each takes memory and some work for all.
const MOST_EVENTS: usize = 4096;
/// Blocks between two reports of progress: rare enough to cost nothing.
const PROGRESS_STEP: u64 = 1 << 14;
/// PERF_RECORD_FINISHED_ROUND (tools/lib/perf/include/perf/event.h).
const FINISHED_ROUND: u32 = 68;

/// Loads the recording that `text` describes.
pub(super) fn load(text: &InputFile, job: &Job) -> Result<Recording> {
    let Job { path, options, progress, .. } = *job;
    let bytes = text.bytes;
    let sources = &options.sources;
    let option =
        sources.kallsyms.as_ref().map(|_| "--kallsyms").or(sources.symfs.as_ref().map(|_| "--symfs"));
    if let Some(option) = option {
        return Err(Error::input(
            path,
            format!("is text of perf script, which has its names already: {option} has no use here"),
            format!("give {option} to perf script, or give the perf.data here"),
        ));
    }
    let mut reader = Reader::new(options.event.as_deref());
    let mut blocks = Blocks::new(bytes);
    let total = bytes.len() as u64;
    let mut count = 0u64;
    while let Some((line, block)) = blocks.next() {
        count += 1;
        if count.is_multiple_of(PROGRESS_STEP) {
            progress(Stage::Records, blocks.position() as u64, total);
        }
        reader.read(line, block);
    }
    let is_cut_in_chain = reader.first_rejected.contains_key(CUT);
    let mut recording = reader.finish()?;
    let note =
        |(code, message, remedy): (_, &str, &str)| Diagnostic::new(Severity::Error, code, 1, message, remedy);
    recording.diagnostics.extend(damage(text, is_cut_in_chain).map(note));
    recording.about.file = clean(&path.to_string_lossy()).into_owned();
    recording.about.file_bytes = total;
    recording.tally.data_bytes = total;
    Ok(recording)
}

/// What has been read.
#[derive(Default)]
struct Reader<'a> {
    recording: Recording,
    names: Names,
    stacks: ScriptStacks<'a>,
    asked: Option<&'a str>,
    events: Vec<ScriptEvent>,
    /// Keys come from the file: hashers with a seed, so that nobody can choose them to collide.
    event_ids: HashMap<&'a [u8], usize>,
    frequencies: HashMap<String, Rate>,
    tasks: HashMap<&'a [u8], TaskId>,
    task_ids: HashMap<Task, TaskId>,
    cgroups: HashMap<&'a [u8], CgroupId>,
    by_cpu: FxHashMap<u32, CpuSamples>,
    losses: Vec<SideBand>,
    /// The first sample, if it has no time: where the next one has, it is the rest of one whose
    /// beginning is missing.
    held: Option<(u64, ScriptSample<'a>)>,
    /// By reason, the line of the first.
    first_rejected: BTreeMap<&'static str, u64>,
}

/// An event of the text.
struct ScriptEvent {
    attribute: Attribute,
    /// Whether it may turn out to be the sampling event. Which one is, all names must be known to
    /// tell.
    is_candidate: bool,
    has_callchain: bool,
    has_time: bool,
    has_cpu: bool,
    records: u64,
}

/// How often perf was asked to sample.
#[derive(Clone, Copy)]
enum Rate {
    Frequency(u64),
    Period(u64),
}

impl<'a> Reader<'a> {
    fn new(asked: Option<&'a str>) -> Self {
        let mut reader = Reader { asked, ..Reader::default() };
        reader.recording.about.is_script = true;
        reader
    }

    fn read(&mut self, line: u64, block: Block<'a>) {
        match block {
            Block::Comment(text) => self.comment(&String::from_utf8_lossy(text)),
            Block::Sample(sample) => {
                self.recording.tally.records += 1;
                match self.held.take() {
                    Some((held_line, _)) if sample.header.time_ns.is_some() => {
                        self.reject(held_line, FOREIGN)
                    }
                    Some((held_line, held)) => self.add(held_line, &held),
                    None if self.recording.tally.records == 1 && sample.header.time_ns.is_none() => {
                        self.held = Some((line, sample));
                        return;
                    }
                    None => {}
                }
                self.add(line, &sample);
            }
            Block::Record { header, name, rest } => {
                self.recording.tally.records += 1;
                let count = || rest.rsplit(|byte| *byte == b' ').next().and_then(number);
                let when = When { time_ns: header.time_ns.unwrap_or(0), position: line };
                let change = match name {
                    b"FINISHED_ROUND" => return self.skip(FINISHED_ROUND),
                    b"CALLCHAIN_DEFERRED" => return self.skip(CALLCHAIN_DEFERRED),
                    b"LOST" => count().map(|count| Change::Lost { count }),
                    b"LOST_SAMPLES" => count().map(|count| Change::LostSamples { count }),
                    _ => None,
                };
                self.recording.tally.side_band += 1;
                self.losses.extend(change.map(|change| SideBand { when, cpu: header.cpu, change }));
            }
            Block::Unknown => {
                self.recording.tally.records += 1;
                self.reject(line, FOREIGN);
            }
        }
    }

    fn add(&mut self, line: u64, sample: &ScriptSample<'a>) {
        if let Err(why) = self.sample(sample) {
            self.reject(line, why);
        }
    }

    fn skip(&mut self, kind: u32) {
        *self.recording.tally.skipped.entry(kind).or_default() += 1;
    }

    fn reject(&mut self, line: u64, why: &'static str) {
        *self.recording.tally.rejected.entry(why).or_default() += 1;
        self.first_rejected.entry(why).or_insert(line);
    }

    fn sample(&mut self, sample: &ScriptSample<'a>) -> std::result::Result<(), &'static str> {
        let index = self.event(sample)?;
        let header = &sample.header;
        let event = &mut self.events[index];
        let is_less = event.has_time && header.time_ns.is_none() || event.has_cpu && header.cpu.is_none();
        if is_less {
            return Err(NO_TIME);
        }
        if !event.is_candidate {
            event.records += 1;
            self.recording.tally.other_events += 1;
            return Ok(());
        }
        if !sample.is_whole && (!sample.lines.is_empty() || sample.rest.is_empty()) {
            return Err(CUT);
        }
        let stack = if sample.lines.is_empty() {
            self.stacks.single(sample.rest, &mut self.names)
        } else {
            self.stacks.chain(sample.lines, &mut self.names).ok_or(BROKEN)?
        };
        event.has_callchain |= !sample.lines.is_empty();
        event.records += 1;
        let detail = Detail {
            period: sample.period.unwrap_or(1),
            cgroup: self.cgroup(sample.rest),
            event: EventId::from_index(index),
        };
        let sample = Sample { time_ns: header.time_ns.unwrap_or(0), stack, task: self.task(header.task) };
        // Without a CPU, a thread's samples have an order of their own.
        let thread = self.recording.task(sample.task).tid as u32;
        let cpu = self.by_cpu.entry(header.cpu.unwrap_or(thread)).or_default();
        cpu.samples.push(sample);
        cpu.details.push(detail);
        Ok(())
    }

    /// The index of a sample's event.
    fn event(&mut self, sample: &ScriptSample<'a>) -> std::result::Result<usize, &'static str> {
        const NAMELESS: &[u8] = b"unnamed event";
        let name = sample.event.unwrap_or(NAMELESS);
        if let Some(known) = self.event_ids.get(name) {
            return Ok(*known);
        }
        if self.events.len() == MOST_EVENTS {
            return Err(TOO_MANY);
        }
        let attribute = Attribute::from_name(&String::from_utf8_lossy(name));
        let is_candidate = match self.asked {
            None => !attribute.is_tracepoint() && !attribute.is_dummy(),
            Some(asked) => {
                let name = attribute.display_name();
                name == asked || name.split(['/', ':']).any(|part| part == asked)
            }
        };
        let index = self.events.len();
        self.event_ids.insert(name, index);
        self.events.push(ScriptEvent {
            attribute,
            is_candidate,
            has_callchain: false,
            has_time: sample.header.time_ns.is_some(),
            has_cpu: sample.header.cpu.is_some(),
            records: 0,
        });
        Ok(index)
    }

    /// The task that is printed so. perf prints a comm for each sample, so nothing else needs to
    /// tell who it was.
    fn task(&mut self, printed: &'a [u8]) -> TaskId {
        if let Some(known) = self.tasks.get(printed) {
            return *known;
        }
        let parts = parse_task(printed);
        let tid = parts.tid.unwrap_or(-1);
        // Without a pid only the idle task's is known.
        let pid = parts.pid.unwrap_or(if tid == 0 { 0 } else { -1 });
        let comm = match parts.comm {
            b"" => self.names.intern(&format!(":{tid}")),
            comm => self.names.intern(&String::from_utf8_lossy(comm)),
        };
        let task = Task::new(pid, tid, 0, comm);
        let tasks = &mut self.recording.tasks;
        let id = *self.task_ids.entry(task).or_insert_with(|| {
            tasks.push(task);
            TaskId::from_index(tasks.len() - 1)
        });
        self.tasks.insert(printed, id);
        id
    }

    /// The control group, which `-F +cgroup` prints on the sample's line since perf 6.5.
    fn cgroup(&mut self, rest: &'a [u8]) -> CgroupId {
        if !rest.starts_with(b"/") {
            return CgroupId::NONE;
        }
        if let Some(known) = self.cgroups.get(rest) {
            return *known;
        }
        let path = String::from_utf8_lossy(rest);
        let cgroups = &mut self.recording.cgroups;
        cgroups.push(Cgroup::parse(&path, self.names.intern(&path)));
        let id = CgroupId::from_index(cgroups.len() - 1);
        self.cgroups.insert(rest, id);
        id
    }

    /// What `perf script --header` says first (tools/perf/util/header.c).
    fn comment(&mut self, text: &str) {
        let about = &mut self.recording.about;
        let (key, value) = text.split_once(':').map_or((text, ""), |(key, value)| (key.trim(), value.trim()));
        let words = || Some(clean(value).into_owned());
        match key {
            "hostname" => about.hostname = words(),
            "os release" => about.kernel = words(),
            "perf version" => about.perf_version = words(),
            "arch" => about.arch = words(),
            "cmdline" => about.command = words(),
            "nrcpus online" => about.cpus_online = value.parse().ok(),
            "nrcpus avail" => about.cpus_available = value.parse().ok(),
            "clockid" => {
                let id = value.rsplit_once('(').and_then(|(_, id)| id.strip_suffix(')'));
                about.clock.id = id.and_then(|id| id.parse().ok());
            }
            "reference time" => about.clock.wall = reference(value),
            "event" => self.frequencies.extend(rate(value)),
            _ => {}
        }
    }

    fn finish(mut self) -> Result<Recording> {
        if let Some((line, only)) = self.held.take() {
            self.add(line, &only);
        }
        let attributes: Vec<Attribute> = self.events.iter().map(|event| event.attribute.clone()).collect();
        let sampling = sampling_events(&attributes, self.asked)?;
        self.recording.about.events = self.events(&sampling);
        self.losses.sort_by_key(|loss| loss.when);
        let state = State::replay(std::mem::take(&mut self.losses), &mut self.names);
        self.recording.tally.lost = state.lost_total();
        self.recording.timelines = self.timelines(&sampling, &state);

        let ScriptStacks { mut frames, frame_names, mut stacks, modules, .. } = self.stacks;
        stacks.finish();
        let mut recording = self.recording;
        recording.functions = set_functions(&mut frames, &frame_names, &mut self.names);
        (recording.frames, recording.stacks, recording.modules) = (frames, stacks, modules);
        set_task_kinds(&mut recording.tasks, &self.names);
        recording.names = self.names;
        (recording.about.start_ns, recording.about.end_ns) = span(&recording.timelines);
        note_nameless_kernel(&mut recording);
        note_loss(&mut recording, &self.first_rejected);
        Ok(recording)
    }

    fn events(&self, sampling: &[bool]) -> Vec<Event> {
        let view = |(event, is_sampling): (&ScriptEvent, &bool)| {
            let name = event.attribute.display_name();
            let rate = self.frequencies.get(&name).copied();
            Event {
                is_sampling: *is_sampling,
                is_tracepoint: event.attribute.is_tracepoint(),
                tracepoint: tracepoint(&event.attribute, &name),
                has_callchain: event.has_callchain,
                has_time: event.has_time,
                has_cpu: event.has_cpu,
                frequency_hz: if let Some(Rate::Frequency(hz)) = rate { Some(hz) } else { None },
                period: if let Some(Rate::Period(period)) = rate { Some(period) } else { None },
                counts_ns: event.attribute.counts_ns(),
                records: event.records,
                name: clean(&name).into_owned(),
            }
        };
        self.events.iter().zip(sampling).map(view).collect()
    }

    /// The samples of the sampling event in time order, with the gaps of their CPU.
    fn timelines(&mut self, sampling: &[bool], state: &State) -> Vec<Timeline> {
        let mut by_cpu: Vec<(u32, CpuSamples)> = std::mem::take(&mut self.by_cpu).into_iter().collect();
        by_cpu.sort_by_key(|(cpu, _)| *cpu);
        let is_wanted = |detail: Detail| sampling[detail.event.index()];
        let tally = &mut self.recording.tally;
        for (_, all) in &mut by_cpu {
            let before = all.samples.len();
            let mut kept = CpuSamples::default();
            for (at, sample) in std::mem::take(&mut all.samples).into_iter().enumerate() {
                let detail = all.details.get(at);
                if is_wanted(detail) {
                    kept.samples.push(sample);
                    kept.details.push(detail);
                }
            }
            *all = kept;
            tally.samples += all.samples.len() as u64;
            tally.other_events += (before - all.samples.len()) as u64;
        }
        by_cpu.retain(|(_, all)| !all.samples.is_empty());
        by_cpu.into_iter().map(|(cpu, all)| timeline(cpu, all, state)).collect()
    }
}

/// `2026-11-22 19:04:54.727261 = 1795374294.727261 (TOD) = 4075.584754456 (monotonic)` as (wall
/// clock, recording's clock).
fn reference(value: &str) -> Option<(u64, u64)> {
    let mut parts = value.split(" = ").skip(1).map(|part| {
        let (whole, fraction) = part.split_whitespace().next()?.split_once('.')?;
        let nine: String = fraction.chars().chain("000000000".chars()).take(9).collect();
        number(whole.as_bytes())?.checked_mul(1_000_000_000)?.checked_add(number(nine.as_bytes())?)
    });
    Some((parts.next()??, parts.next()??))
}

/// Name and rate of
/// `name = cpu-clock/freq=999/, , id = { 1413 }, …, { sample_period, sample_freq } = 999, …, freq = 1, …`.
fn rate(value: &str) -> Option<(String, Rate)> {
    let rest = value.strip_prefix("name = ")?;
    let end = [", , id = ", ", id = ", ", type = "].iter().filter_map(|end| rest.find(end)).min()?;
    let (_, count) = rest.split_once("{ sample_period, sample_freq } = ")?;
    let count: u64 = count.split(',').next()?.trim().parse().ok()?;
    let is_frequency = rest.contains(", freq = 1");
    Some((rest[..end].to_owned(), if is_frequency { Rate::Frequency(count) } else { Rate::Period(count) }))
}

/// Why the text is not whole, as code, message and remedy.
fn damage(text: &InputFile, is_cut_in_chain: bool) -> Option<(&'static str, &'static str, &'static str)> {
    if text.is_cut {
        return Some((
            "memory",
            "the memory that is allowed is used up: all that follows is unread",
            ALLOW_MORE,
        ));
    }
    let is_whole = matches!(text.bytes.last(), Some(b'\n' | b')'));
    let remedy = "copy it again; all samples before the cut are used";
    match (is_whole, is_cut_in_chain) {
        (false, _) => Some(("cut", "the text ends within a line: it is cut short", remedy)),
        (true, true) => Some(("cut", "the text ends within a call chain: it is cut short", remedy)),
        (true, false) => None,
    }
}

fn note_nameless_kernel(recording: &mut Recording) {
    let mut kernel = recording.functions.iter().filter(|function| function.mode == Mode::Kernel).peekable();
    if kernel.peek().is_some() && !kernel.any(|function| function.naming == Naming::Named) {
        recording.diagnostics.push(Diagnostic::new(
            Severity::Warning,
            "kernel_names",
            1,
            "kernel functions have no names: perf script printed none",
            "run perf script as root in the boot that was recorded, or with --kallsyms; or give the perf.data here",
        ));
    }
}
