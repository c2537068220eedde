//! Joining: the resolved samples and events of a recording's parts as if there had been one part.

use indexmap::IndexSet;
use rayon::prelude::*;
use rustc_hash::{FxBuildHasher, FxHashMap};

use crate::model::{FrameId, Names, Sample, StackId, StackTree, TaskId, Trace};

use super::State;
use super::chains::Chains;
use super::samples::CpuSamples;
use super::trace::Traces;

/// A task id with this bit is the number of a nameless task, until [`Collected::finish`].
pub(super) const NAMELESS: u32 = 1 << 31;

/// The samples and events of a part, or of several joined.
pub struct Collected {
    pub(super) chains: Chains,
    pub(super) by_cpu: FxHashMap<u32, CpuSamples>,
    /// Tids that had no name when they were sampled, as (pid, tid).
    pub(super) nameless: IndexSet<(i32, i32), FxBuildHasher>,
    pub(super) traces: Traces,
    /// How many samples of the part lack their user chain, which was to be recorded later.
    pub without_user_chain: u64,
}

/// What a recording's samples and events come to.
pub struct Finished {
    /// Frames and stacks.
    pub chains: Chains,
    /// Each CPU's samples in the order of the file, by CPU.
    pub samples: Vec<(u32, CpuSamples)>,
    /// Each CPU's events in time order, by CPU.
    pub traces: Vec<(u32, Trace)>,
}

impl Collected {
    /// Adds what the part that follows holds. All ids come out as if both parts had been collected as one: a later
    /// part's new entries follow in the order in which they were first seen.
    pub fn join(&mut self, mut next: Collected) {
        next.chains.stacks.finish();
        let frames: Vec<FrameId> =
            next.chains.frames.frames().iter().map(|frame| self.chains.frames.intern(*frame)).collect();
        let mut stacks = vec![StackTree::ROOT; next.chains.stacks.len()];
        for index in 1..stacks.len() {
            if let Some((parent, frame)) = next.chains.stacks.split(StackId::from_index(index)) {
                stacks[index] = self.chains.stacks.push(stacks[parent.index()], frames[frame.index()]);
            }
        }
        let nameless: Vec<u32> =
            next.nameless.iter().map(|task| self.nameless.insert_full(*task).0 as u32).collect();
        let task = |task: TaskId| match task.0 & NAMELESS {
            0 => task,
            _ => TaskId(nameless[(task.0 ^ NAMELESS) as usize] | NAMELESS),
        };
        let joined = |mut sample: Sample| {
            sample.stack = stacks[sample.stack.index()];
            sample.task = task(sample.task);
            sample
        };
        self.traces.join(next.traces, |stack| stacks[stack.index()], task);
        for (cpu, next) in next.by_cpu {
            let all = self.by_cpu.entry(cpu).or_default();
            all.samples.par_extend(next.samples.into_par_iter().map(joined));
            all.details.append(next.details);
        }
    }

    /// Gives nameless tasks their names, and takes the result apart.
    pub fn finish(mut self, state: &mut State, names: &mut Names) -> Finished {
        let name = |(pid, tid): &(i32, i32)| state.tasks.nameless(*pid, *tid, names);
        let nameless: Vec<TaskId> = self.nameless.iter().map(name).collect();
        let task = |task: TaskId| match task.0 & NAMELESS {
            0 => task,
            _ => nameless[(task.0 ^ NAMELESS) as usize],
        };
        if !nameless.is_empty() {
            for sample in self.by_cpu.values_mut().flat_map(|cpu| &mut cpu.samples) {
                sample.task = task(sample.task);
            }
        }
        let mut samples: Vec<(u32, CpuSamples)> = self.by_cpu.into_iter().collect();
        samples.sort_by_key(|(cpu, _)| *cpu);
        Finished { chains: self.chains, samples, traces: self.traces.finish(names, task) }
    }
}
