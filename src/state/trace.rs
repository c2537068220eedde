//! Traces: the events of each CPU, from tracepoints and switch records.

use std::ops::Range;

use indexmap::IndexSet;
use rayon::prelude::*;
use rustc_hash::FxHashMap;

use crate::ingest::{RawTrace, whole_text};
use crate::model::{EventId, NameId, Names, StackId, TaskId, Trace, TraceEvent, TraceKind};

/// Until [`Traces::finish`] a task id with this bit is the number of a thread whose task is not
/// known yet.
pub const UNKNOWN_TASK: u32 = 1 << 31;

/// The events of one part of a recording, or of several joined. Until [`Traces::finish`] the id of
/// a name is the index of its text in `texts`.
#[derive(Default)]
pub struct Traces {
    traces: Vec<CpuTrace>,
    /// The index in `traces` of each CPU's.
    by_cpu: FxHashMap<u32, usize>,
    /// The CPU of the last event, and the index of its trace: perf writes each CPU's buffer in
    /// pieces, so it rarely changes.
    current: Option<(u32, usize)>,
    /// Names of devices and interrupts; a file has few. They come from the file: a hasher with a
    /// seed, so that nobody can choose them to collide.
    texts: IndexSet<Vec<u8>, hashbrown::DefaultHashBuilder>,
    /// The text that was looked up last: a packet rarely has another device than the one before.
    last_text: u32,
}

/// The events of one CPU in the order of the file.
struct CpuTrace {
    cpu: u32,
    trace: Trace,
    /// Whether they are in time order too: each CPU's buffer is written in time order.
    is_sorted: bool,
    /// The indices of the events that have an id of a name.
    named: Vec<u32>,
    /// The indices of the events with an [`UNKNOWN_TASK`].
    unknown: Vec<u32>,
}

impl CpuTrace {
    fn new(cpu: u32) -> CpuTrace {
        let (named, unknown) = (Vec::new(), Vec::new());
        CpuTrace { cpu, trace: Trace::default(), is_sorted: true, named, unknown }
    }

    /// The index of the next event. A trace holds fewer than 2^32, since each takes bytes of the
    /// file.
    fn next(&self) -> u32 {
        self.trace.events.len() as u32
    }
}

/// When and where an event happened, and in which task.
#[derive(Clone, Copy)]
pub struct Occurrence {
    /// ns of the recording's clock.
    pub time_ns: u64,
    /// The CPU.
    pub cpu: u32,
    /// The task that had the CPU.
    pub task: TaskId,
    /// The stack of the task.
    pub stack: StackId,
    /// The event that this is a record of; `None` for a switch record.
    pub event: Option<EventId>,
}

impl Traces {
    /// Adds an event. `task_of` gives the task of a tid.
    #[inline(always)]
    pub fn push(&mut self, at: Occurrence, raw: RawTrace, task_of: impl FnOnce(i32) -> TaskId) {
        let index = match self.current {
            Some((cpu, index)) if cpu == at.cpu => index,
            _ => self.switch_to(at.cpu),
        };
        let kind = match raw {
            RawTrace::Known(kind) => kind,
            RawTrace::Switch { next_tid, why } => {
                TraceKind::Switch { next: self.other(index, task_of(next_tid)), why }
            }
            RawTrace::Waking { tid, cpu } => TraceKind::Waking { task: self.other(index, task_of(tid)), cpu },
            RawTrace::SystemCallEnter { number, arguments } => {
                let arguments = self.traces[index].trace.arguments.push(arguments);
                TraceKind::SystemCallEnter { number, arguments }
            }
            RawTrace::InterruptEntry { irq, name } => {
                TraceKind::InterruptEntry { irq, name: self.text(index, name) }
            }
            RawTrace::Packet { device, bytes } => {
                TraceKind::Packet { device: self.text(index, device), bytes }
            }
        };
        let Occurrence { time_ns, task, stack, event, .. } = at;
        let CpuTrace { trace, is_sorted, .. } = &mut self.traces[index];
        *is_sorted &= trace.events.last().is_none_or(|last| last.time_ns <= time_ns);
        trace.events.push(TraceEvent { time_ns, kind, task, stack, event });
    }

    /// The task that an event names, for the next event of the trace at `index`.
    #[inline(always)]
    fn other(&mut self, index: usize, task: TaskId) -> TaskId {
        if task.0 & UNKNOWN_TASK != 0 {
            let next = self.traces[index].next();
            self.traces[index].unknown.push(next);
        }
        task
    }

    /// The id of a text, for the next event of the trace at `index`.
    fn text(&mut self, index: usize, text: &[u8]) -> NameId {
        let next = self.traces[index].next();
        self.traces[index].named.push(next);
        if self.texts.get_index(self.last_text as usize).is_none_or(|last| last != text) {
            self.last_text = match self.texts.get_index_of(text) {
                Some(index) => index as u32,
                None => self.texts.insert_full(text.to_vec()).0 as u32,
            };
        }
        NameId(self.last_text)
    }

    /// The index of a CPU's trace, whose events follow.
    #[inline(never)]
    fn switch_to(&mut self, cpu: u32) -> usize {
        let index = self.index_of(cpu);
        self.current = Some((cpu, index));
        index
    }

    /// The index of a CPU's trace, which may be a new one.
    fn index_of(&mut self, cpu: u32) -> usize {
        *self.by_cpu.entry(cpu).or_insert_with(|| {
            self.traces.push(CpuTrace::new(cpu));
            self.traces.len() - 1
        })
    }

    /// Replaces the tasks and the stack of each event in `run`, which are consecutive events of a
    /// CPU in the order of the file. `resolved` does it for one event, and says whether one of its
    /// tasks is unknown.
    pub(super) fn resolve(
        &mut self,
        cpu: u32,
        run: Range<usize>,
        mut resolved: impl FnMut(&mut TraceEvent) -> bool,
    ) {
        let Some(&index) = self.by_cpu.get(&cpu) else { return };
        let CpuTrace { trace, unknown, .. } = &mut self.traces[index];
        for (event, index) in trace.events[run.clone()].iter_mut().zip(run) {
            if resolved(event) {
                unknown.push(index as u32);
            }
        }
    }

    /// Adds the events of the following part. `stack`, `task` and `record_of` translate its ids.
    pub fn join(
        &mut self,
        next: Traces,
        stack: impl Fn(StackId) -> StackId + Sync,
        task: impl Fn(TaskId) -> TaskId + Sync,
        record_of: impl Fn(EventId) -> EventId + Sync,
    ) {
        let texts: Vec<NameId> =
            next.texts.into_iter().map(|text| NameId(self.texts.insert_full(text).0 as u32)).collect();
        for next in next.traces {
            let index = self.index_of(next.cpu);
            let all = &mut self.traces[index];
            let (first, first_arguments) = (all.next(), all.trace.arguments.len() as u32);
            let ends = all.trace.events.last().zip(next.trace.events.first());
            all.is_sorted &= next.is_sorted && ends.is_none_or(|(last, next)| last.time_ns <= next.time_ns);
            all.named.extend(next.named.into_iter().map(|index| first + index));
            all.unknown.extend(next.unknown.into_iter().map(|index| first + index));
            let translated = |mut event: TraceEvent| {
                event.stack = stack(event.stack);
                event.event = event.event.map(&record_of);
                rename_tasks(&mut event, &task);
                rename(&mut event, &texts);
                if let TraceKind::SystemCallEnter { arguments, .. } = &mut event.kind {
                    *arguments += first_arguments;
                }
                event
            };
            let Trace { events, arguments } = next.trace;
            all.trace.arguments.append(arguments);
            all.trace.events.par_extend(events.into_par_iter().map(translated));
        }
    }

    /// The events of each CPU in time order, by CPU. `task` translates the ids of unknown tasks.
    pub fn finish(self, names: &mut Names, task: impl Fn(TaskId) -> TaskId + Sync) -> Vec<(u32, Trace)> {
        let texts: Vec<NameId> = self.texts.iter().map(|text| names.intern(&whole_text(text))).collect();
        let mut traces = self.traces;
        traces.sort_unstable_by_key(|trace| trace.cpu);
        let finished =
            traces.into_par_iter().map(|CpuTrace { cpu, mut trace, is_sorted, named, unknown }| {
                for index in named {
                    rename(&mut trace.events[index as usize], &texts);
                }
                for index in unknown {
                    rename_tasks(&mut trace.events[index as usize], &task);
                }
                if !is_sorted {
                    trace.events.sort_by_key(|event| event.time_ns);
                }
                (cpu, trace)
            });
        finished.collect()
    }
}

/// The other task that an event names, besides the one that it happened in.
pub(super) fn other_task(event: &mut TraceEvent) -> Option<&mut TaskId> {
    match &mut event.kind {
        TraceKind::Switch { next: other, .. } | TraceKind::Waking { task: other, .. } => Some(other),
        _ => None,
    }
}

/// Translates the ids of an event's tasks.
fn rename_tasks(event: &mut TraceEvent, task: &impl Fn(TaskId) -> TaskId) {
    event.task = task(event.task);
    if let Some(other) = other_task(event) {
        *other = task(*other);
    }
}

/// Translates the id of an event's name.
fn rename(event: &mut TraceEvent, texts: &[NameId]) {
    if let TraceKind::InterruptEntry { name: text, .. } | TraceKind::Packet { device: text, .. } =
        &mut event.kind
    {
        *text = texts[text.index()];
    }
}
