//! Traces: the events of each CPU, from tracepoints and switch records.

use indexmap::IndexSet;
use rustc_hash::FxHashMap;

use crate::ingest::{RawTrace, whole_text};
use crate::model::{EventId, NameId, Names, StackId, TaskId, Trace, TraceEvent, TraceKind};

/// The events of one part of a recording, or of several joined. Until [`Traces::finish`] the id of
/// a name is the index of its text in `texts`.
#[derive(Default)]
pub struct Traces {
    by_cpu: FxHashMap<u32, Trace>,
    /// Names of devices and interrupts; a file has few. They come from the file: a hasher with a
    /// seed, so that nobody can choose them to collide.
    texts: IndexSet<Vec<u8>, hashbrown::DefaultHashBuilder>,
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
    pub fn push(&mut self, at: Occurrence, raw: RawTrace, task_of: impl FnOnce(i32) -> TaskId) {
        let trace = self.by_cpu.entry(at.cpu).or_default();
        let texts = &mut self.texts;
        let mut text = |text: &[u8]| match texts.get_index_of(text) {
            Some(index) => NameId(index as u32),
            None => NameId(texts.insert_full(text.to_vec()).0 as u32),
        };
        let kind = match raw {
            RawTrace::Known(kind) => kind,
            RawTrace::Switch { next_tid, why } => TraceKind::Switch { next: task_of(next_tid), why },
            RawTrace::Waking { tid, cpu } => TraceKind::Waking { task: task_of(tid), cpu },
            RawTrace::SystemCallEnter { number, arguments } => {
                trace.arguments.push(arguments);
                TraceKind::SystemCallEnter { number, arguments: trace.arguments.len() as u32 - 1 }
            }
            RawTrace::InterruptEntry { irq, name } => TraceKind::InterruptEntry { irq, name: text(name) },
            RawTrace::Packet { device, bytes } => TraceKind::Packet { device: text(device), bytes },
        };
        let Occurrence { time_ns, task, stack, event, .. } = at;
        trace.events.push(TraceEvent { time_ns, kind, task, stack, event });
    }

    /// The events of a CPU in the order of the file.
    pub(super) fn of_cpu(&mut self, cpu: u32) -> &mut [TraceEvent] {
        self.by_cpu.get_mut(&cpu).map_or(&mut [], |trace| &mut trace.events)
    }

    /// Adds the events of the following part. `stack`, `task` and `record_of` translate its ids.
    pub fn join(
        &mut self,
        next: Traces,
        stack: impl Fn(StackId) -> StackId,
        task: impl Fn(TaskId) -> TaskId,
        record_of: impl Fn(EventId) -> EventId,
    ) {
        let texts: Vec<NameId> =
            next.texts.into_iter().map(|text| NameId(self.texts.insert_full(text).0 as u32)).collect();
        for (cpu, next) in next.by_cpu {
            let all = self.by_cpu.entry(cpu).or_default();
            let first = all.arguments.len() as u32;
            all.arguments.extend(next.arguments);
            all.events.extend(next.events.into_iter().map(|mut event| {
                event.stack = stack(event.stack);
                event.event = event.event.map(&record_of);
                if let TraceKind::SystemCallEnter { arguments, .. } = &mut event.kind {
                    *arguments += first;
                }
                translated(event, &task, &|text| texts[text.index()])
            }));
        }
    }

    /// The events of each CPU in time order, by CPU. `task` translates the ids of tasks.
    pub fn finish(self, names: &mut Names, task: impl Fn(TaskId) -> TaskId) -> Vec<(u32, Trace)> {
        let texts: Vec<NameId> = self.texts.iter().map(|text| names.intern(&whole_text(text))).collect();
        let mut by_cpu: Vec<(u32, Trace)> = self.by_cpu.into_iter().collect();
        by_cpu.sort_unstable_by_key(|(cpu, _)| *cpu);
        for (_, trace) in &mut by_cpu {
            for event in &mut trace.events {
                *event = translated(*event, &task, &|text| texts[text.index()]);
            }
            trace.events.sort_by_key(|event| event.time_ns);
        }
        by_cpu
    }
}

/// The other task that an event names, besides the one that it happened in.
pub(super) fn other_task(event: &mut TraceEvent) -> Option<&mut TaskId> {
    match &mut event.kind {
        TraceKind::Switch { next: other, .. } | TraceKind::Waking { task: other, .. } => Some(other),
        _ => None,
    }
}

/// An event with its ids of tasks and names translated.
fn translated(
    mut event: TraceEvent,
    task: &impl Fn(TaskId) -> TaskId,
    name: &impl Fn(NameId) -> NameId,
) -> TraceEvent {
    event.task = task(event.task);
    if let Some(other) = other_task(&mut event) {
        *other = task(*other);
    }
    match &mut event.kind {
        TraceKind::InterruptEntry { name: text, .. } | TraceKind::Packet { device: text, .. } => {
            *text = name(*text);
        }
        _ => {}
    }
    event
}
