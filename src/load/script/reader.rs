//! The reader of a text: takes its blocks one by one, and makes a recording of them.

use std::collections::BTreeMap;

use hashbrown::HashMap;
use rayon::prelude::*;
use rustc_hash::FxHashMap;

use crate::error::Result;
use crate::ingest::{
    Block, BlockEnd, CALLCHAIN_DEFERRED, Change, ForeignLines, PrintedTrace, RawTrace, RecordTime,
    ScriptHeader, ScriptSample, SideBand, line_number, number, only_frame, read_switch, whole_text,
};
use crate::load::meanings::{set_functions, system_calls};
use crate::load::notes::{
    FOREIGN, SPLIT, note_call_chains, note_loss, note_nameless_kernel, note_sampling_event, note_unread,
};
use crate::load::roles::set_task_kinds;
use crate::load::timelines::{Span, timeline};
use crate::model::{
    About, Detail, Diagnostic, EventId, Names, Recording, Sample, StackId, StackTree, Stacks, TaskId,
    Timeline, Trace, TraceKind,
};
use crate::state::{CpuSamples, Occurrence, State};

use super::clock::{Restart, Steps, disorder};
use super::coverage;
use super::events::Events;
use super::header::{Rate, read_comment};
use super::stacks::ScriptStacks;
use super::system_calls::{set_arch, set_numbers};
use super::tables::{Cgroups, Tasks};
use super::traces::{Joined, ScriptTraces};

/// The reasons for rejecting blocks of the text.
const BROKEN: &str = "a line of the call chain cannot be read";
const CUT: &str = "the text ends before the call chain does";
const NO_TIME: &str = "without time or CPU, which others of the event have";

/// PERF_RECORD_FINISHED_ROUND (tools/lib/perf/include/perf/event.h).
const FINISHED_ROUND: u32 = 68;

/// The state of reading a text, or a part of one.
#[derive(Default)]
pub(super) struct Reader<'a> {
    /// The whole text.
    text: &'a [u8],
    /// Whether only a part of it is read, and samples with times stand before that part.
    is_part: bool,
    recording: Recording,
    names: Names,
    stacks: ScriptStacks<'a>,
    events: Events<'a>,
    /// The rates of events in the header, by name. Keys come from the file: a hasher with a seed,
    /// so that nobody can choose them to collide.
    rates: HashMap<String, Rate>,
    tasks: Tasks<'a>,
    cgroups: Cgroups<'a>,
    by_cpu: FxHashMap<u32, CpuSamples>,
    /// From the first to the last record of an event, of samples too.
    span: Span,
    /// Tracepoints and switch records, if they are wanted too.
    traces: Option<ScriptTraces<'a>>,
    losses: Vec<SideBand>,
    /// The first sample and its position, if it has no time. If the next sample has a time, the
    /// first one is the rest of a sample whose beginning is missing.
    pending: Option<(usize, ScriptSample<'a>)>,
    /// The first sample with a time: its position, and the time.
    first_timed: Option<(usize, u64)>,
    /// The time of the sample before, if there are times.
    last_ns: Option<u64>,
    /// Where the times go back by most.
    restart: Restart,
    /// Where the header of another machine stands, after samples.
    other_host: Option<usize>,
    /// For each reason where the first line stands that was rejected for it.
    first_rejected: BTreeMap<&'static str, usize>,
}

impl<'a> Reader<'a> {
    /// A reader of `text` that has read nothing; `asked` names the sampling event. It decodes
    /// events if they `are_wanted`.
    pub fn new(text: &'a [u8], asked: Option<&'a str>, are_wanted: bool) -> Self {
        let traces = are_wanted.then(ScriptTraces::default);
        let mut reader = Reader { text, events: Events::new(asked), traces, ..Reader::default() };
        reader.recording.about.is_script = true;
        reader
    }

    /// Whether what follows can be read in parts: the header has ended.
    pub fn can_part(&self) -> bool {
        self.last_ns.is_some()
    }

    /// A reader of a part that follows what this one has read. It knows nothing of that but the
    /// header.
    pub fn of_part(&self) -> Self {
        let traces = self.traces.is_some().then(ScriptTraces::default);
        let events = self.events.of_part();
        let mut part = Reader { text: self.text, is_part: true, events, traces, ..Reader::default() };
        part.recording.about.hostname.clone_from(&self.recording.about.hostname);
        part
    }

    /// Whether `next`, which has read the part that follows, took from it what this reader would
    /// have taken.
    pub fn fits(&self, next: &Reader) -> bool {
        self.pending.is_none() && self.events.fit(&next.events)
    }

    /// Adds what `next` has read, which [fits](Reader::fits). All ids are the same as if this
    /// reader had read it: the new entries of `next` are added in the order in which they first
    /// occur.
    pub fn join(&mut self, next: Reader<'a>) {
        let names = self.names.join(next.names);
        let stacks = self.stacks.join(next.stacks, &names);
        let cgroups = self.cgroups.join(next.cgroups, &mut self.names);
        let first_by_tid = next.tasks.first_by_tid();
        let tasks = self.tasks.join(next.tasks, &names);
        let events = self.events.join(next.events);
        let joined = Joined { tasks, stacks, events };
        if let (Some(all), Some(next)) = (&mut self.traces, next.traces) {
            all.join(next, &first_by_tid, &joined);
        }
        let Joined { tasks, stacks, events } = joined;
        for (timeline, CpuSamples { samples, mut details }) in next.by_cpu {
            let all = self.by_cpu.entry(timeline).or_default();
            all.samples.par_extend(samples.into_par_iter().map(|sample| Sample {
                stack: stacks[sample.stack.index()],
                task: tasks[sample.task.index()],
                ..sample
            }));
            details.rename_events(|event| events[event.index()]);
            if !cgroups.is_empty() {
                details.rename_cgroups(|cgroup| cgroups.get(cgroup.index()).copied().unwrap_or(cgroup));
            }
            all.details.append(details);
        }
        if let Some((position, time_ns)) = next.first_timed {
            self.note_time(position, Some(time_ns));
        }
        self.last_ns = next.last_ns.or(self.last_ns);
        self.restart.note(next.restart);
        self.span.join(next.span);
        self.losses.extend(next.losses);
        self.other_host = self.other_host.or(next.other_host);
        self.recording.tally.add(next.recording.tally);
        for (why, position) in next.first_rejected {
            self.first_rejected.entry(why).or_insert(position);
        }
    }

    /// Whether the text ends within a call chain.
    pub fn is_cut_in_chain(&self) -> bool {
        self.first_rejected.contains_key(CUT)
    }

    /// Reads the block that begins at `position`.
    pub fn read(&mut self, position: usize, block: Block<'a>) {
        match block {
            Block::Comment(text) => {
                let text = whole_text(text);
                if self.last_ns.is_none() && !self.is_part {
                    read_comment(&text, &mut self.recording.about, &mut self.rates);
                } else {
                    self.read_second_header(position, &text);
                }
            }
            Block::Sample(sample) => {
                self.recording.tally.records += 1;
                self.note_time(position, sample.header.time_ns);
                match self.pending.take() {
                    Some((first, _)) if sample.header.time_ns.is_some() => self.reject(first, FOREIGN),
                    Some((first, pending)) => self.add(first, &pending),
                    None if self.recording.tally.records == 1 && sample.header.time_ns.is_none() => {
                        self.pending = Some((position, sample));
                        return self.reject_foreign(sample.foreign);
                    }
                    None => {}
                }
                self.add(position, &sample);
                self.reject_foreign(sample.foreign);
            }
            Block::Record { header, name, rest } => {
                self.recording.tally.records += 1;
                let count = || rest.rsplit(|byte| *byte == b' ').next().and_then(number);
                let when = RecordTime { time_ns: header.time_ns.unwrap_or(0), position: position as u64 };
                let change = match name {
                    b"FINISHED_ROUND" => return self.skip(FINISHED_ROUND),
                    b"CALLCHAIN_DEFERRED" => return self.skip(CALLCHAIN_DEFERRED),
                    b"LOST" => count().map(|count| Change::Lost { count }),
                    b"LOST_SAMPLES" => count().map(|count| Change::LostSamples { count }),
                    _ => None,
                };
                self.recording.tally.side_band += 1;
                self.losses.extend(change.map(|change| SideBand { when, cpu: header.cpu, change }));
                if self.traces.is_some()
                    && let Some(printed) = read_switch(name, rest)
                {
                    self.push_trace(&header, None, StackTree::ROOT, printed);
                }
            }
            Block::Unknown => {
                self.recording.tally.records += 1;
                self.reject(position, FOREIGN);
            }
        }
    }

    /// Notes whether the header of another machine stands after samples.
    fn read_second_header(&mut self, position: usize, text: &str) {
        let mut second = About::default();
        read_comment(text, &mut second, &mut HashMap::new());
        if second.hostname.is_some() && second.hostname != self.recording.about.hostname {
            self.other_host.get_or_insert(position);
        }
    }

    /// Notes where times go back.
    fn note_time(&mut self, position: usize, time_ns: Option<u64>) {
        let Some(time_ns) = time_ns else { return };
        match self.last_ns.replace(time_ns) {
            Some(last_ns) => self.restart.note(Restart { position, by_ns: last_ns.saturating_sub(time_ns) }),
            None => self.first_timed = Some((position, time_ns)),
        }
    }

    fn add(&mut self, position: usize, sample: &ScriptSample<'a>) {
        if let Err(why) = self.try_add(position, sample) {
            self.reject(position, why);
        }
    }

    fn skip(&mut self, kind: u32) {
        *self.recording.tally.skipped.entry(kind).or_default() += 1;
    }

    fn reject(&mut self, position: usize, why: &'static str) {
        *self.recording.tally.rejected.entry(why).or_default() += 1;
        self.first_rejected.entry(why).or_insert(position);
    }

    /// Counts lines that perf script does not print.
    fn reject_foreign(&mut self, lines: ForeignLines) {
        if lines.count > 0 {
            self.recording.tally.records += lines.count;
            *self.recording.tally.rejected.entry(FOREIGN).or_default() += lines.count;
            self.first_rejected.entry(FOREIGN).or_insert(lines.first);
        }
    }

    /// Adds a sample, or returns the reason why it is rejected.
    fn try_add(
        &mut self,
        position: usize,
        sample: &ScriptSample<'a>,
    ) -> std::result::Result<(), &'static str> {
        if sample.is_broken {
            return Err(SPLIT);
        }
        let index = self.events.index_of(sample)?;
        let header = &sample.header;
        let event = self.events.get_mut(index);
        let lacks_time = event.has_time && header.time_ns.is_none();
        let lacks_cpu = event.has_cpu && header.cpu.is_none();
        if lacks_time || lacks_cpu {
            return Err(NO_TIME);
        }
        // perf writes times off the CPU after the recording, with times that only order them.
        header.time_ns.filter(|_| !event.is_off_cpu).into_iter().for_each(|time_ns| self.span.add(time_ns));
        if !event.is_candidate {
            event.records += 1;
            event.has_callchain |= !sample.lines.is_empty();
            self.recording.tally.other_events += 1;
            if self.traces.is_some() {
                self.add_event(position, index, sample);
            }
            return Ok(());
        }
        let is_in_line = sample.end == BlockEnd::InLine && only_frame(sample.rest).is_none();
        let lacks_chain = sample.end != BlockEnd::Text
            && event.has_callchain
            && sample.lines.is_empty()
            && sample.rest.is_empty();
        if is_in_line || lacks_chain {
            return Err(CUT);
        }
        let stacks_before = self.stacks.stacks.len();
        let stack = if sample.lines.is_empty() {
            self.stacks.single(sample.rest, &mut self.names)
        } else {
            self.stacks.chain(sample.lines, &mut self.names).ok_or(BROKEN)?
        };
        if sample.end == BlockEnd::LastLine && self.stacks.is_cut(stack, stacks_before) {
            return Err(CUT);
        }
        event.has_callchain = event.has_callchain || self.stacks.has_caller(stack);
        event.records += 1;
        let detail = Detail {
            period: sample.period.unwrap_or(1),
            cgroup: self.cgroups.intern(sample.rest, &mut self.names),
            event: EventId::from_index(index),
        };
        let task = self.task(header);
        // Without a CPU, only the samples of one thread have an order.
        let timeline = header.cpu.unwrap_or_else(|| self.tasks.get(task).tid as u32);
        let CpuSamples { samples, details } = self.by_cpu.entry(timeline).or_default();
        samples.push(Sample { time_ns: header.time_ns.unwrap_or(0), stack, task });
        details.push(detail);
        Ok(())
    }

    /// The task that a line begins with.
    fn task(&mut self, header: &ScriptHeader<'a>) -> TaskId {
        let task = self.tasks.intern(header.task, &mut self.names);
        if let Some(traces) = &mut self.traces {
            traces.note_task(self.tasks.get(task).tid, task);
        }
        task
    }

    /// Adds a record of an event that is not sampled.
    // Not inlined: it would make the loop over samples larger.
    #[inline(never)]
    fn add_event(&mut self, position: usize, index: usize, sample: &ScriptSample<'a>) {
        let event = self.events.get_mut(index);
        event.note_period(sample.period);
        let printed = event.read(position, sample);
        let stack = match sample.lines {
            [] => StackTree::ROOT,
            lines => self.stacks.chain(lines, &mut self.names).unwrap_or(StackTree::ROOT),
        };
        self.push_trace(&sample.header, Some(EventId::from_index(index)), stack, printed);
    }

    /// Adds an event to the trace of its CPU. Without a time or a CPU it has no place in one.
    fn push_trace(
        &mut self,
        header: &ScriptHeader<'a>,
        event: Option<EventId>,
        stack: StackId,
        printed: PrintedTrace<'a>,
    ) {
        let (Some(time_ns), Some(cpu)) = (header.time_ns, header.cpu) else { return };
        let task = self.task(header);
        if let Some(traces) = &mut self.traces {
            traces.push(Occurrence { time_ns, cpu, task, stack, event }, printed, self.tasks.len());
        }
    }

    /// Makes the recording.
    pub fn finish(mut self) -> Result<Recording> {
        if let Some((position, only)) = self.pending.take() {
            self.add(position, &only);
        }
        let sampling = self.events.sampling()?;
        let is_event_free = self.events.is_free();
        self.losses.sort_by_key(|loss| loss.when);
        let state = State::replay(std::mem::take(&mut self.losses), Stacks::Whole, &mut self.names);
        let are_wanted = self.traces.is_some();
        let (timelines, disorder) = self.timelines(&sampling, &state);
        if disorder.is_some() {
            self.events.forget_times();
        }

        let Reader { mut recording, mut names, stacks, events, span, rates, tasks, cgroups, .. } = self;
        let line = |position| line_number(self.text, position);
        let first_unread = events.first_unread().map(line);
        let first_rejected = self.first_rejected.into_iter().map(|(why, at)| (why, line(at))).collect();
        recording.about.events = events.into_recorded(&sampling, &rates);
        if disorder.is_some() {
            let tracepoints = recording.about.events.iter_mut().filter(|event| event.tracepoint.is_some());
            tracepoints.for_each(|event| event.unread = event.records);
        }
        recording.tally.lost = state.losses.lost_total();
        recording.timelines = timelines;
        let ScriptStacks { mut frames, frame_names, mut stacks, modules, .. } = stacks;
        stacks.finish();
        recording.functions = set_functions(&mut frames, &frame_names, &mut names);
        (recording.frames, recording.stacks, recording.modules) = (frames, stacks, modules);
        (recording.tasks, recording.cgroups) = (tasks.into_list(), cgroups.into_list());
        set_task_kinds(&mut recording, &names);
        if are_wanted {
            set_arch(&mut recording, &names);
            set_numbers(&mut recording);
            recording.system_calls = system_calls(&recording.timelines, &recording.about, &mut names);
        }
        recording.names = names;
        if are_wanted {
            coverage::judge(&mut recording);
        }
        (recording.about.start_ns, recording.about.end_ns) = span.bounds();
        recording.diagnostics.extend(disorder);
        if is_event_free {
            note_sampling_event(&mut recording);
        }
        note_call_chains(&mut recording);
        note_nameless_kernel(&mut recording);
        note_unread(&mut recording, first_unread);
        note_loss(&mut recording, &first_rejected);
        Ok(recording)
    }

    /// The timelines of all CPUs with samples of the sampling event, or with events, and what is
    /// wrong with their times. If they do not order the samples, the order of the text is kept, and
    /// events have no place.
    fn timelines(&mut self, sampling: &[bool], state: &State) -> (Vec<Timeline>, Option<Diagnostic>) {
        let mut by_cpu: BTreeMap<u32, CpuSamples> = BTreeMap::new();
        for (cpu, all) in std::mem::take(&mut self.by_cpu) {
            let samples = self.sampled(cpu, all, sampling);
            if !samples.samples.is_empty() {
                by_cpu.insert(cpu, samples);
            }
        }
        let mut traces: BTreeMap<u32, Trace> = BTreeMap::new();
        let mut steps = Steps::default();
        by_cpu.values().for_each(|all| steps.add(all.samples.iter().map(|sample| sample.time_ns)));
        let disorder = self.last_ns.and_then(|_| disorder(steps, self.restart, self.other_host, self.text));
        if disorder.is_some() {
            by_cpu.values_mut().flat_map(|all| &mut all.samples).for_each(|sample| sample.time_ns = 0);
        } else if let Some(collected) = self.traces.take() {
            traces.extend(collected.finish(&mut self.tasks, &mut self.names));
            traces.keys().for_each(|cpu| _ = by_cpu.entry(*cpu).or_default());
        }
        let timelines = by_cpu.into_iter().map(|(cpu, samples)| {
            let trace = traces.remove(&cpu).unwrap_or_default();
            Timeline { trace, ..timeline(cpu, samples, state) }
        });
        (timelines.collect(), disorder)
    }

    /// Of a CPU's samples those of the sampling event. The others are events.
    fn sampled(&mut self, cpu: u32, all: CpuSamples, sampling: &[bool]) -> CpuSamples {
        if sampling.iter().all(|is_sampling| *is_sampling) {
            self.recording.tally.samples += all.samples.len() as u64;
            return all;
        }
        let mut kept = CpuSamples::default();
        let CpuSamples { samples, details } = all;
        for (at, sample) in samples.into_iter().enumerate() {
            let detail = details.get(at);
            if sampling[detail.event.index()] {
                self.recording.tally.samples += 1;
                kept.samples.push(sample);
                kept.details.push(detail);
                continue;
            }
            self.recording.tally.other_events += 1;
            if let Some(traces) = &mut self.traces
                && self.events.get_mut(detail.event.index()).has_cpu
            {
                let Sample { time_ns, stack, task } = sample;
                let at = Occurrence { time_ns, cpu, task, stack, event: Some(detail.event) };
                let printed = PrintedTrace { trace: RawTrace::Known(TraceKind::Other), other: None };
                traces.push(at, printed, self.tasks.len());
            }
        }
        kept
    }
}
