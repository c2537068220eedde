//! The replay: side-band records in time order become histories that answer for any time.

use crate::ingest::{Change, RecordTime, SideBand};
use crate::model::{Cgroup, CgroupId, Module, Names, Stacks, Task};

use super::losses::{Loss, Losses};
use super::spaces::{Spaces, UserSpace};
use super::tasks::{Tasks, Thread};

/// The histories of a recording.
#[derive(Default)]
pub struct State {
    /// Which part of stacks is read.
    stacks: Stacks,
    /// The task of each tid.
    pub(super) tasks: Tasks,
    /// The code at each address.
    pub(super) spaces: Spaces,
    /// Where records were dropped, or sampling was paused.
    pub losses: Losses,
    /// Ids come from the file: a hasher with a seed, so that nobody can choose them to collide.
    cgroup_ids: hashbrown::HashMap<u64, CgroupId>,
    cgroups: Vec<Cgroup>,
}

impl State {
    /// Replays side-band records, which must be in time order. Address spaces are kept only if
    /// these `stacks` have frames in them. The histories are as large as the records, so what was
    /// replayed is given back step by step.
    pub fn replay(mut side_band: Vec<SideBand>, stacks: Stacks, names: &mut Names) -> State {
        const STEP: usize = 1 << 16;
        let mut state = State { stacks, ..State::default() };
        state.tasks.start(names);
        side_band.reverse();
        while let Some(record) = side_band.pop() {
            state.apply(record, names);
            if side_band.len().is_multiple_of(STEP) {
                side_band.shrink_to_fit();
            }
        }
        state.spaces.finish();
        state
    }

    fn apply(&mut self, record: SideBand, names: &mut Names) {
        let SideBand { when, cpu, change } = record;
        match change {
            Change::Comm { pid, tid, exec, comm } => {
                self.tasks.rename(when, Thread { pid, tid }, names.intern(&comm), exec);
                if exec && self.stacks == Stacks::Whole {
                    self.spaces.exec(when, pid);
                }
            }
            Change::Fork { pid, tid, parent_pid, parent_tid, inherits_maps } => {
                let parent = Thread { pid: parent_pid, tid: parent_tid };
                self.tasks.fork(when, Thread { pid, tid }, parent, names);
                if pid != parent_pid && self.stacks == Stacks::Whole {
                    let parent = inherits_maps.then_some(parent_pid);
                    self.spaces.fork(when, pid, parent);
                }
            }
            Change::Exit { tid } => self.tasks.exit(when, tid),
            Change::Map(map) => {
                let is_user = !map.is_kernel && !map.is_guest;
                if is_user {
                    self.tasks.has_code(map.pid);
                }
                match self.stacks {
                    Stacks::Kernel if is_user => self.spaces.note_module(&map),
                    Stacks::Kernel | Stacks::Whole => self.spaces.map(when, *map),
                }
            }
            Change::CodeMade { start, length, name } => {
                self.spaces.make_kernel_code(when, start, length, name);
            }
            Change::CodeGone { start } => self.spaces.drop_kernel_code(when, start),
            Change::Cgroup { id, path } => {
                self.cgroup_ids.insert(id, CgroupId::from_index(self.cgroups.len()));
                self.cgroups.push(Cgroup::parse(&path, names.intern(&path)));
            }
            Change::Lost { count } => self.losses.push(when, cpu, Loss::Lost(count)),
            Change::LostSamples { count } => self.losses.add_lost_samples(count),
            Change::Throttle { stream_id } => self.losses.push(when, cpu, Loss::Throttle(stream_id)),
            Change::Unthrottle { stream_id } => self.losses.push(when, cpu, Loss::Unthrottle(stream_id)),
        }
    }

    /// The control group with this id in the kernel.
    pub(super) fn cgroup(&self, kernel_id: u64) -> CgroupId {
        self.cgroup_ids.get(&kernel_id).copied().unwrap_or(CgroupId::NONE)
    }

    /// The user code of `pid` at `when`.
    pub fn user_space(&self, when: RecordTime, pid: i32) -> UserSpace<'_> {
        self.spaces.user(when, pid)
    }

    /// All modules, by id.
    pub fn modules(&self) -> &[Module] {
        self.spaces.modules()
    }

    /// All modules, by id.
    pub fn modules_mut(&mut self) -> &mut [Module] {
        self.spaces.modules_mut()
    }

    /// The tables that are needed after the replay: tasks, modules, control groups.
    pub fn into_tables(self) -> (Vec<Task>, Vec<Module>, Vec<Cgroup>) {
        (self.tasks.into_tasks(), self.spaces.into_modules(), self.cgroups)
    }
}
