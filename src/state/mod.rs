//! State: who a tid was and what an address was, at any moment. It is replayed once from the side band into histories that
//! answer for every time, so samples can be decoded in the order of the file.

mod chains;
mod joined;
mod resolve;
mod samples;
mod spaces;
mod tasks;
mod trace;

use rustc_hash::FxHashMap;

use crate::ingest::{Change, SideBand, When};
use crate::model::{Cgroup, CgroupId, Gap, Module, Names, Task};

pub use chains::Chains;
pub use joined::{Collected, Finished};
pub use resolve::Meanings;
pub use samples::{Collector, CpuSamples};
pub use spaces::{SpaceAt, Spaces};
pub use tasks::Tasks;

/// The histories of a recording.
#[derive(Default)]
pub struct State {
    /// Who a tid was.
    pub tasks: Tasks,
    /// What an address was.
    pub spaces: Spaces,
    /// Ids come from the file: a hasher with a seed, so that nobody can choose them to collide.
    cgroups: hashbrown::HashMap<u64, CgroupId>,
    cgroup_table: Vec<Cgroup>,
    losses: FxHashMap<u32, Vec<Loss>>,
    lost_samples: u64,
}

/// Records lost, or an event paused or resumed.
struct Loss {
    when: When,
    kind: LossKind,
}

enum LossKind {
    Lost(u64),
    Throttle,
    Unthrottle,
}

impl State {
    /// Replays side-band records, which must be in time order.
    pub fn replay(side_band: Vec<SideBand>, names: &mut Names) -> State {
        let mut state = State::default();
        state.tasks.start(names);
        for SideBand { when, cpu, change } in side_band {
            state.apply(when, cpu, change, names);
        }
        state.spaces.finish();
        state
    }

    fn apply(&mut self, when: When, cpu: Option<u32>, change: Change, names: &mut Names) {
        match change {
            Change::Comm { pid, tid, exec, comm } => {
                self.tasks.rename(when, pid, tid, names.intern(&comm));
                if exec {
                    self.spaces.exec(when, pid);
                }
            }
            Change::Fork { pid, tid, parent_pid, parent_tid, inherits_maps } => {
                self.tasks.fork(when, pid, tid, parent_tid, names);
                if pid != parent_pid {
                    let parent = inherits_maps.then_some(parent_pid);
                    self.spaces.fork(when, pid, parent);
                }
            }
            Change::Map(map) => self.spaces.map(when, *map),
            Change::CodeMade { start, length, name } => {
                self.spaces.make_kernel_code(when, start, length, name);
            }
            Change::CodeGone { start } => self.spaces.drop_kernel_code(when, start),
            Change::Cgroup { id, path } => {
                let cgroup = Cgroup::parse(&path, names.intern(&path));
                self.set_cgroup(id, cgroup);
            }
            Change::Lost { count } => self.push_loss(when, cpu, LossKind::Lost(count)),
            Change::LostSamples { count } => {
                self.lost_samples = self.lost_samples.saturating_add(count);
            }
            Change::Throttle => self.push_loss(when, cpu, LossKind::Throttle),
            Change::Unthrottle => self.push_loss(when, cpu, LossKind::Unthrottle),
        }
    }

    fn set_cgroup(&mut self, id: u64, cgroup: Cgroup) {
        let place = CgroupId::from_index(self.cgroup_table.len());
        self.cgroups.insert(id, place);
        self.cgroup_table.push(cgroup);
    }

    fn push_loss(&mut self, when: When, cpu: Option<u32>, kind: LossKind) {
        self.losses.entry(cpu.unwrap_or(0)).or_default().push(Loss { when, kind });
    }

    /// The control group with this id of the kernel's.
    pub fn cgroup(&self, id: u64) -> CgroupId {
        self.cgroups.get(&id).copied().unwrap_or(CgroupId::NONE)
    }

    /// Records lost, in all. Since kernel 6.0 the same loss is counted twice: in the stream (PERF_RECORD_LOST) and as one total
    /// at its end (PERF_RECORD_LOST_SAMPLES), so the larger number is the number.
    pub fn lost_total(&self) -> u64 {
        let placed = self.losses.values().flatten().map(|loss| match loss.kind {
            LossKind::Lost(count) => count,
            LossKind::Throttle | LossKind::Unthrottle => 0,
        });
        placed.fold(0, u64::saturating_add).max(self.lost_samples)
    }

    /// How often an event was paused.
    pub fn throttled_total(&self) -> u64 {
        let throttles = self.losses.values().flatten().filter(|loss| matches!(loss.kind, LossKind::Throttle));
        throttles.count() as u64
    }

    /// The gaps of one CPU, lost and throttled, given for a time that of the last sample before it: what a LOST record counts
    /// was dropped at some time between that sample and the record itself.
    pub fn gaps(&self, cpu: u32, last_sample: impl Fn(u64) -> Option<u64>) -> (Vec<Gap>, Vec<Gap>) {
        let (mut lost, mut throttled) = (Vec::new(), Vec::new());
        let mut paused_since = None;
        for loss in self.losses.get(&cpu).into_iter().flatten() {
            let end_ns = loss.when.time_ns;
            match loss.kind {
                LossKind::Lost(records) => {
                    lost.push(Gap { start_ns: last_sample(end_ns).unwrap_or(end_ns), end_ns, records });
                }
                LossKind::Throttle => paused_since = Some(end_ns),
                LossKind::Unthrottle => {
                    let gap = |start_ns| Gap { start_ns, end_ns, records: 0 };
                    throttled.extend(paused_since.take().map(gap));
                }
            }
        }
        // Never resumed: paused to the end.
        throttled.extend(paused_since.map(|start_ns| Gap { start_ns, end_ns: u64::MAX, records: 0 }));
        (lost, throttled)
    }

    /// Takes apart what outlives the replay: tasks, modules, control groups.
    pub fn into_tables(self) -> (Vec<Task>, Vec<Module>, Vec<Cgroup>) {
        (self.tasks.into_tasks(), self.spaces.into_modules(), self.cgroup_table)
    }
}
