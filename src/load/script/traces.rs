//! The traces of a text: its tracepoints and switch records, by CPU.

use hashbrown::HashMap;

use crate::ingest::{PrintedThread, PrintedTrace, whole_text};
use crate::model::{Names, Task, TaskId, Trace};
use crate::state::{Occurrence, Traces};

use super::tables::Tasks;

/// The events of a text.
///
/// A line names its own task by comm, pid and tid, but another thread by its tid and at most its
/// comm, which for kernel workers is not the one that perf prints. So that thread is the next task
/// with this tid that a line begins with, else the last one. If there is none, it is made of what
/// was printed.
#[derive(Default)]
pub(super) struct ScriptTraces<'a> {
    traces: Traces,
    /// Threads that lines have named. Until [`ScriptTraces::finish`] their index with [`NAMED`] is
    /// their id.
    named: Vec<NamedThread<'a>>,
    /// By tid, those of them that wait for a line that begins with it. Keys come from the file: a
    /// hasher with a seed, so that nobody can choose them to collide.
    waiting: HashMap<i32, usize>,
}

/// Until [`ScriptTraces::finish`] a task id with this bit is the index of a named thread.
const NAMED: u32 = 1 << 31;

struct NamedThread<'a> {
    printed: PrintedThread<'a>,
    /// The next task with this tid.
    task: Option<TaskId>,
}

impl<'a> ScriptTraces<'a> {
    /// Notes that a line begins with this task.
    pub fn note_task(&mut self, tid: i32, task: TaskId) {
        if !self.waiting.is_empty()
            && let Some(index) = self.waiting.remove(&tid)
        {
            self.named[index].task = Some(task);
        }
    }

    /// Adds an event.
    pub fn push(&mut self, at: Occurrence, printed: PrintedTrace<'a>) {
        let other = printed.other.map(|other| self.name(other));
        // Only what names another thread asks for it.
        self.traces.push(at, printed.trace, |_| other.unwrap_or(at.task));
    }

    /// The id of a thread that a line names.
    fn name(&mut self, printed: PrintedThread<'a>) -> TaskId {
        let index = *self.waiting.entry(printed.tid).or_insert_with(|| {
            self.named.push(NamedThread { printed, task: None });
            self.named.len() - 1
        });
        let first = &mut self.named[index].printed;
        first.pid = first.pid.max(printed.pid);
        if first.comm.is_empty() {
            first.comm = printed.comm;
        }
        TaskId(TaskId::from_index(index).0 | NAMED)
    }

    /// The events of each CPU in time order, by CPU.
    pub fn finish(self, tasks: &mut Tasks<'a>, names: &mut Names) -> Vec<(u32, Trace)> {
        let latest = tasks.by_tid();
        let mut resolve = |named: NamedThread| {
            let PrintedThread { pid, tid, comm } = named.printed;
            named.task.or_else(|| latest.get(&tid).copied()).unwrap_or_else(|| {
                let (pid, comm) = match (tid, comm) {
                    // The kernel calls it `swapper/1`, perf `swapper`.
                    (0, _) => (0, names.intern("swapper")),
                    (_, b"") => (pid, names.intern(&format!(":{tid}"))),
                    _ => (pid, names.intern(&whole_text(comm))),
                };
                tasks.add(Task::new(pid, tid, 0, comm))
            })
        };
        let named: Vec<TaskId> = self.named.into_iter().map(&mut resolve).collect();
        self.traces.finish(names, |task| match task.0 & NAMED {
            0 => task,
            _ => named[(task.0 ^ NAMED) as usize],
        })
    }
}
