//! Threads: what they did on all CPUs, by events: system calls, and waits for a CPU.

use std::ops::Range;

use crate::analyses::calls::{self, Calls};
use crate::analyses::off_cpu::{Finder, Span};
use crate::model::{Recording, TaskId};

/// What the threads of a recording did.
pub(super) struct Threads {
    pub calls: Calls,
    /// By CPU, then by start.
    waits: Vec<ThreadWait>,
}

/// The time in which a thread could run and had no CPU.
pub(super) struct ThreadWait {
    /// The CPU that it waited for, and got.
    pub cpu: u32,
    pub task: TaskId,
    pub time: Range<u64>,
}

impl Threads {
    /// Reads all events of `recording`. Waits shorter than `least_ns` are left out, and those that
    /// are not known.
    pub fn new(recording: &Recording, least_ns: u64) -> Threads {
        let mut waits = Vec::new();
        let mut finder = Finder::new(recording, |span: Span| {
            if let (Some(cpu), Some(ready_ns)) = (span.queue, span.ready_ns)
                && span.runnable_ns() >= least_ns
            {
                waits.push(ThreadWait { cpu, task: span.task, time: ready_ns..span.end_ns });
            }
        });
        let calls = calls::find_beside(recording, &mut finder);
        waits.sort_by_key(|wait| (wait.cpu, wait.time.start, wait.task));
        Threads { calls, waits }
    }

    /// The waits for `cpu` that begin in `time`.
    pub fn waits(&self, cpu: u32, time: &Range<u64>) -> &[ThreadWait] {
        let place = |at: u64| self.waits.partition_point(|wait| (wait.cpu, wait.time.start) < (cpu, at));
        &self.waits[place(time.start)..place(time.end)]
    }
}
