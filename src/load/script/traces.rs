//! The traces of a text: its tracepoints and switch records, by CPU.

use hashbrown::HashMap;

use crate::ingest::{PrintedThread, PrintedTrace, whole_text};
use crate::model::{EventId, Names, StackId, Task, TaskId, Trace};
use crate::state::{Occurrence, Traces, UNKNOWN_TASK};

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
const NAMED: u32 = UNKNOWN_TASK;

struct NamedThread<'a> {
    printed: PrintedThread<'a>,
    /// How many tasks there were in this part of the text when it was first named.
    tasks_before: usize,
    /// The next task with this tid.
    task: Option<TaskId>,
}

impl<'a> NamedThread<'a> {
    /// Adds what another line says of it.
    fn add(&mut self, printed: PrintedThread<'a>) {
        self.printed.pid = self.printed.pid.max(printed.pid);
        if self.printed.comm.is_empty() {
            self.printed.comm = printed.comm;
        }
    }
}

/// For each id in a part of the text the one in all of it.
pub(super) struct Joined {
    pub tasks: Vec<TaskId>,
    pub stacks: Vec<StackId>,
    pub events: Vec<EventId>,
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

    /// Adds an event. There are so many tasks in this part of the text, its own among them.
    pub fn push(&mut self, at: Occurrence, printed: PrintedTrace<'a>, tasks: usize) {
        let other = printed.other.map(|other| self.name(other, tasks));
        // Only what names another thread asks for it.
        self.traces.push(at, printed.trace, |_| other.unwrap_or(at.task));
    }

    /// The id of a thread that a line names.
    fn name(&mut self, printed: PrintedThread<'a>, tasks: usize) -> TaskId {
        let index = *self.waiting.entry(printed.tid).or_insert_with(|| {
            self.named.push(NamedThread { printed, tasks_before: tasks, task: None });
            self.named.len() - 1
        });
        self.named[index].add(printed);
        TaskId(TaskId::from_index(index).0 | NAMED)
    }

    /// Adds the events of the part that follows. `first` has for each tid the first of its tasks
    /// that a line there begins with; `joined` has the ids here of what those events name.
    pub fn join(&mut self, next: ScriptTraces<'a>, first: &HashMap<i32, TaskId>, joined: &Joined) {
        let task_here = |task: TaskId| joined.tasks[task.index()];
        let mut named = Vec::with_capacity(next.named.len());
        for thread in next.named {
            let tid = thread.printed.tid;
            // Named there before a line began with it: it is the thread that waits here.
            let is_same = first.get(&tid).is_none_or(|first| first.index() >= thread.tasks_before);
            named.push(match self.waiting.get(&tid).filter(|_| is_same) {
                Some(index) => {
                    self.named[*index].add(thread.printed);
                    *index
                }
                None => {
                    self.named.push(NamedThread { task: thread.task.map(task_here), ..thread });
                    self.named.len() - 1
                }
            });
        }
        for (tid, task) in first {
            self.note_task(*tid, task_here(*task));
        }
        for (tid, index) in next.waiting {
            self.waiting.entry(tid).or_insert(named[index]);
        }
        let task = |task: TaskId| match task.0 & NAMED {
            0 => task_here(task),
            _ => TaskId(TaskId::from_index(named[(task.0 ^ NAMED) as usize]).0 | NAMED),
        };
        let stack = |stack: StackId| joined.stacks[stack.index()];
        self.traces.join(next.traces, stack, task, |event| joined.events[event.index()]);
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
        let task = |task: TaskId| match task.0 & NAMED {
            0 => task,
            _ => named[(task.0 ^ NAMED) as usize],
        };
        self.traces.finish(names, task)
    }
}
