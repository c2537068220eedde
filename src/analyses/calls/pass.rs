//! The pass over all events: the state of threads, CPUs and calls so far.

use std::sync::Arc;

use crate::analyses::contexts::Contexts;
use crate::model::{Recording, TaskId, TraceEvent, Tracepoint};

use super::events::{SystemCalls, is_partial, traces, used_events};
use super::result::Call;
use super::thread::{Cpu, Thread, threads_of_tasks};

/// The state of the pass. CPUs are named by the index of their timeline, threads by their index in
/// `threads`.
pub(super) struct Pass<'r> {
    pub recording: &'r Recording,
    pub contexts: Arc<Contexts>,
    /// The thread of each task; `None` for idle tasks and tasks without a tid.
    threads_of_tasks: Vec<Option<usize>>,
    pub threads: Vec<Thread>,
    pub cpus: Vec<Cpu>,
    pub calls: Vec<Call>,
    pub system_calls: SystemCalls<'r>,
    /// For each event, whether its records are used.
    is_used: Vec<bool>,
    pub has_enters: bool,
    pub has_exits: bool,
    pub has_switches: bool,
    pub unseen_switches: u64,
    /// Whether the machine had online CPUs that were not recorded.
    pub is_partial: bool,
    /// The end of the recording, in ns.
    pub end_ns: u64,
}

impl<'r> Pass<'r> {
    pub fn new(recording: &'r Recording) -> Self {
        let start_ns = recording.about.start_ns;
        let (threads_of_tasks, births_ns) = threads_of_tasks(recording);
        Pass {
            recording,
            contexts: Contexts::of(recording),
            threads_of_tasks,
            threads: births_ns.into_iter().map(|birth_ns| Thread::new(birth_ns.max(start_ns))).collect(),
            cpus: vec![Cpu::default(); recording.timelines.len()],
            calls: Vec::new(),
            system_calls: SystemCalls::new(recording),
            is_used: used_events(recording),
            has_enters: traces(recording, Tracepoint::is_system_call_enter),
            has_exits: traces(recording, Tracepoint::is_system_call_exit),
            has_switches: false,
            unseen_switches: 0,
            is_partial: is_partial(recording),
            end_ns: recording.about.end_ns,
        }
    }

    /// Whether a record is used: see [`used_events`]. Switch records belong to no event and are
    /// always used.
    pub fn is_used(&self, event: &TraceEvent) -> bool {
        event.event.is_none_or(|id| self.is_used.get(id.index()).is_some_and(|is_used| *is_used))
    }

    pub fn thread_of(&self, task: TaskId) -> Option<usize> {
        self.threads_of_tasks.get(task.index()).copied().flatten()
    }

    /// Whether a thread that waits for a CPU must have run on one that was not recorded: the CPU
    /// that it waits for has become idle since.
    pub fn is_elsewhere(&self, thread: &Thread) -> bool {
        let Some((cpu, since_ns)) = thread.waits.filter(|_| self.is_partial) else {
            return false;
        };
        self.cpus[cpu].idle_ns.is_some_and(|idle_ns| idle_ns > since_ns)
    }
}
