//! The tasks and the control groups of a text, by their printed form.

use hashbrown::HashMap;

use crate::ingest::{parse_task, whole_text};
use crate::model::{Cgroup, CgroupId, NameId, Names, Origin, Task, TaskId};

/// The tasks of a text. perf prints pid, tid and comm with each sample, so nothing else is needed
/// to identify a task.
#[derive(Default)]
pub(super) struct Tasks<'a> {
    /// Keys come from the file: hashers with a seed, so that nobody can choose them to collide.
    printed: HashMap<&'a [u8], TaskId>,
    ids: HashMap<Task, TaskId>,
    list: Vec<Task>,
}

impl<'a> Tasks<'a> {
    /// The task with this printed form.
    pub fn intern(&mut self, printed: &'a [u8], names: &mut Names) -> TaskId {
        if let Some(id) = self.printed.get(printed) {
            return *id;
        }
        let parsed = parse_task(printed);
        let tid = parsed.tid.unwrap_or(-1);
        // Where no pid is printed, only that of the idle task is known.
        let pid = parsed.pid.unwrap_or(if tid == 0 { 0 } else { -1 });
        let comm = match parsed.comm {
            b"" => names.intern(&format!(":{tid}")),
            comm => names.intern(&whole_text(comm)),
        };
        // A kernel thread is its process's only thread.
        let origin = if pid >= 0 && tid >= 0 && pid != tid { Origin::User } else { Origin::Unknown };
        let id = self.add(Task { origin, ..Task::new(pid, tid, 0, comm) });
        self.printed.insert(printed, id);
        id
    }

    /// The id of a task, which may be new.
    pub fn add(&mut self, task: Task) -> TaskId {
        let list = &mut self.list;
        *self.ids.entry(task).or_insert_with(|| {
            list.push(task);
            TaskId::from_index(list.len() - 1)
        })
    }

    /// Adds the tasks of the part that follows, whose names are joined already, as `joined` says.
    /// Returns for each of their ids the one here.
    pub fn join(&mut self, next: Tasks<'a>, joined: &[NameId]) -> Vec<TaskId> {
        let mut add = |task: Task| self.add(Task { comm: joined[task.comm.index()], ..task });
        next.list.into_iter().map(&mut add).collect()
    }

    /// For each tid, the first of its tasks.
    pub fn first_by_tid(&self) -> HashMap<i32, TaskId> {
        let tasks = self.list.iter().enumerate().rev();
        tasks.map(|(index, task)| (task.tid, TaskId::from_index(index))).collect()
    }

    /// For each tid, the last of its tasks.
    pub fn by_tid(&self) -> HashMap<i32, TaskId> {
        self.list.iter().enumerate().map(|(index, task)| (task.tid, TaskId::from_index(index))).collect()
    }

    /// The task with this id.
    pub fn get(&self, id: TaskId) -> &Task {
        &self.list[id.index()]
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// All tasks, by id.
    pub fn into_list(self) -> Vec<Task> {
        self.list
    }
}

/// The control groups of a text.
#[derive(Default)]
pub(super) struct Cgroups<'a> {
    /// Keys come from the file: a hasher with a seed, so that nobody can choose them to collide.
    ids: HashMap<&'a [u8], CgroupId>,
    list: Vec<Cgroup>,
}

impl<'a> Cgroups<'a> {
    /// The control group in `rest`, the end of a sample's line: `-F +cgroup` prints it there since
    /// perf 6.5.
    pub fn intern(&mut self, rest: &'a [u8], names: &mut Names) -> CgroupId {
        if !rest.starts_with(b"/") {
            return CgroupId::NONE;
        }
        if let Some(id) = self.ids.get(rest) {
            return *id;
        }
        let path = whole_text(rest);
        self.list.push(Cgroup::parse(&path, names.intern(&path)));
        let id = CgroupId::from_index(self.list.len() - 1);
        self.ids.insert(rest, id);
        id
    }

    /// Adds the control groups of the part that follows, whose names are joined already. Returns
    /// for each of their ids the one here.
    pub fn join(&mut self, next: Cgroups<'a>, names: &mut Names) -> Vec<CgroupId> {
        let mut printed: Vec<(CgroupId, &[u8])> = next.ids.into_iter().map(|(rest, id)| (id, rest)).collect();
        printed.sort_unstable();
        printed.into_iter().map(|(_, rest)| self.intern(rest, names)).collect()
    }

    /// All control groups, by id.
    pub fn into_list(self) -> Vec<Cgroup> {
        self.list
    }
}
