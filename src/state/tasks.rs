//! Tasks over time: the thread of each tid, and its name.

use std::hash::BuildHasher;
use std::ops::Range;

use hashbrown::hash_table::Entry;
use hashbrown::{DefaultHashBuilder, HashMap, HashTable};

use crate::ingest::RecordTime;
use crate::model::{NameId, Names, Origin, Task, TaskId};

/// The pid of kthreadd, which makes all kernel threads (rest_init in init/main.c).
const KTHREADD: i32 = 2;

/// A thread as a record names it. The kernel reuses tids for later threads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Thread {
    /// Process id.
    pub pid: i32,
    /// Thread id.
    pub tid: i32,
}

/// The history of every tid.
#[derive(Default)]
pub(super) struct Tasks {
    tasks: Vec<Task>,
    /// Who made each of them. It is no part of what tells tasks apart, since it is learned later.
    origins: Vec<Origin>,
    /// When threads ended, by tid and time of birth. Keys come from the file, as below.
    ends: HashMap<(i32, u64), u64>,
    /// The id of each task. Keys come from the file: hashers with a seed, so that nobody can choose
    /// them to collide.
    ids: HashTable<TaskId>,
    hasher: DefaultHashBuilder,
    /// The tasks of each tid, each with the moment at which it begins.
    history: HashMap<i32, Vec<(RecordTime, TaskId)>>,
}

impl Tasks {
    /// Adds the idle task, which no record names: it has tid 0, and perf calls it `swapper`.
    pub fn start(&mut self, names: &mut Names) {
        self.rename(RecordTime::default(), Thread { pid: 0, tid: 0 }, names.intern("swapper"), false);
    }

    /// A thread got a name, perhaps because it executed a program.
    pub fn rename(&mut self, when: RecordTime, thread: Thread, comm: NameId, exec: bool) {
        let Thread { pid, tid } = thread;
        let (start_ns, before) = self
            .latest(tid)
            .map_or((0, Origin::Unknown), |id| (self.tasks[id.index()].start_ns, self.origins[id.index()]));
        let origin = if exec { Origin::User } else { before };
        self.push(when, Task::new(pid, tid, start_ns, comm), origin);
    }

    /// A thread was created: it has its parent's name until it gets one of its own.
    pub fn fork(&mut self, when: RecordTime, thread: Thread, parent: Thread, names: &mut Names) {
        let Thread { pid, tid } = thread;
        let before = self.latest(parent.tid);
        let comm = before.map_or_else(|| nameless(tid, names), |id| self.tasks[id.index()].comm);
        let origin = match parent.pid {
            KTHREADD => Origin::Kernel,
            ..=0 if pid == KTHREADD => Origin::Kernel,
            // perf does not know the parent, or it is the idle task, which makes init and kthreadd.
            ..=0 => Origin::Unknown,
            // A kworker makes the processes that run helpers of the kernel. They are programs as
            // soon as they execute one.
            _ => match before.map(|id| self.origins[id.index()]) {
                Some(Origin::Kernel) => Origin::Kernel,
                _ => Origin::User,
            },
        };
        self.push(when, Task::new(pid, tid, when.time_ns, comm), origin);
    }

    /// A thread ended.
    pub fn exit(&mut self, when: RecordTime, tid: i32) {
        if let Some(id) = self.latest(tid) {
            self.ends.insert((tid, self.tasks[id.index()].start_ns), when.time_ns);
        }
    }

    /// A process has code in user space.
    pub fn has_code(&mut self, pid: i32) {
        if let Some(id) = self.latest(pid) {
            self.origins[id.index()] = Origin::User;
        }
    }

    /// The task of `tid` at `when`, `None` before its first record; and the moments between which
    /// it did not change.
    pub fn at(&self, when: RecordTime, tid: i32) -> (Option<TaskId>, Range<RecordTime>) {
        let Some(history) = self.history.get(&tid) else {
            return (None, RecordTime::FIRST..RecordTime::NEVER);
        };
        let after = history.partition_point(|(since, _)| *since <= when);
        let until = history.get(after).map_or(RecordTime::NEVER, |(since, _)| *since);
        match after.checked_sub(1).map(|at| history[at]) {
            Some((since, task)) => (Some(task), since..until),
            None => (None, RecordTime::FIRST..until),
        }
    }

    /// The task of a thread that had no record yet when it was sampled. It is named `:TID`, as perf
    /// prints it.
    pub fn nameless(&mut self, thread: Thread, names: &mut Names) -> TaskId {
        let Thread { pid, tid } = thread;
        self.intern(Task::new(pid, tid, 0, nameless(tid, names)))
    }

    /// All tasks, by id.
    pub fn into_tasks(self) -> Vec<Task> {
        let with_origins = self.tasks.into_iter().zip(self.origins);
        let end_ns = |task: &Task| self.ends.get(&(task.tid, task.start_ns)).copied().unwrap_or(u64::MAX);
        with_origins.map(|(task, origin)| Task { origin, end_ns: end_ns(&task), ..task }).collect()
    }

    /// The latest task of a thread.
    fn latest(&self, tid: i32) -> Option<TaskId> {
        self.history.get(&tid)?.last().map(|&(_, id)| id)
    }

    fn push(&mut self, when: RecordTime, task: Task, origin: Origin) {
        let id = self.intern(task);
        // A kernel thread is its process's only thread.
        self.origins[id.index()] = if task.pid == task.tid { origin } else { Origin::User };
        self.history.entry(task.tid).or_insert_with(|| Vec::with_capacity(1)).push((when, id));
    }

    fn intern(&mut self, task: Task) -> TaskId {
        let Tasks { tasks, hasher, .. } = self;
        let is_same = |id: &TaskId| tasks[id.index()] == task;
        let hash = |id: &TaskId| hasher.hash_one(tasks[id.index()]);
        match self.ids.entry(hasher.hash_one(task), is_same, hash) {
            Entry::Occupied(entry) => *entry.get(),
            Entry::Vacant(entry) => {
                let id = TaskId::from_index(tasks.len());
                entry.insert(id);
                self.tasks.push(task);
                self.origins.push(Origin::Unknown);
                id
            }
        }
    }
}

fn nameless(tid: i32, names: &mut Names) -> NameId {
    names.intern(&format!(":{tid}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(time_ns: u64) -> RecordTime {
        RecordTime { time_ns, position: 0 }
    }

    fn comm_at(tasks: &mut Tasks, names: &mut Names, time_ns: u64, tid: i32) -> (String, u64) {
        let task = tasks.at(at(time_ns), tid).0;
        let id = task.unwrap_or_else(|| tasks.nameless(Thread { pid: tid, tid }, names));
        let task = tasks.tasks[id.index()];
        (names.get(task.comm).to_owned(), task.start_ns)
    }

    #[test]
    fn exec_and_reuse_of_a_tid_do_not_mix_tasks() {
        let (mut tasks, mut names) = (Tasks::default(), Names::default());
        tasks.start(&mut names);
        let (bash, ls) = (names.intern("bash"), names.intern("ls"));
        tasks.rename(at(0), Thread { pid: 7, tid: 7 }, bash, false);
        tasks.fork(at(10), Thread { pid: 8, tid: 8 }, Thread { pid: 7, tid: 7 }, &mut names);
        tasks.rename(at(20), Thread { pid: 8, tid: 8 }, ls, true);
        tasks.fork(at(30), Thread { pid: 8, tid: 8 }, Thread { pid: 7, tid: 7 }, &mut names);
        let mut comm = |time, tid| comm_at(&mut tasks, &mut names, time, tid);
        assert_eq!(comm(5, 8), (":8".to_owned(), 0));
        assert_eq!(comm(10, 8), ("bash".to_owned(), 10));
        assert_eq!(comm(29, 8), ("ls".to_owned(), 10));
        assert_eq!(comm(30, 8), ("bash".to_owned(), 30));
        assert_eq!(comm(30, 0), ("swapper".to_owned(), 0));
        assert_eq!(comm(30, -1), (":-1".to_owned(), 0));
    }

    #[test]
    fn the_end_is_that_of_one_thread() {
        let (mut tasks, mut names) = (Tasks::default(), Names::default());
        let (one, parent) = (Thread { pid: 8, tid: 8 }, Thread { pid: 7, tid: 7 });
        tasks.fork(at(10), one, parent, &mut names);
        tasks.rename(at(15), one, names.intern("ls"), true);
        tasks.exit(at(20), 8);
        tasks.exit(at(25), 9);
        tasks.fork(at(30), one, parent, &mut names);
        let ends = tasks.into_tasks().into_iter().filter(|task| task.tid == 8);
        let ends: Vec<_> = ends.map(|task| (task.start_ns, task.end_ns)).collect();
        // Under both names, and not of the next thread with its tid.
        assert_eq!(ends, [(10, 20), (10, 20), (30, u64::MAX)]);
    }
}
