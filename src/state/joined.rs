//! Joining: combines the resolved samples and events of a recording's parts. All ids are the same
//! as if there had been one part.

use indexmap::IndexSet;
use rayon::prelude::*;
use rustc_hash::FxHashMap;

use crate::model::{FrameId, Names, Sample, StackId, TaskId, Trace};

use super::chains::Chains;
use super::replay::State;
use super::samples::CpuSamples;
use super::tasks::Thread;
use super::trace::{Traces, UNKNOWN_TASK};

/// Until [`ResolvedPart::finish`] a task id with this bit is the number of a nameless thread.
pub(super) const NAMELESS: u32 = UNKNOWN_TASK;

/// The samples and events of a part, or of several joined.
pub struct ResolvedPart {
    pub(super) chains: Chains,
    pub(super) by_cpu: FxHashMap<u32, CpuSamples>,
    /// Threads that had no name when they were sampled. Keys come from the file: a hasher with a
    /// seed, so that nobody can choose them to collide.
    pub(super) nameless: IndexSet<Thread, hashbrown::DefaultHashBuilder>,
    pub(super) traces: Traces,
    /// How many samples lack their user chain: it should have been recorded later, and was not.
    pub without_user_chain: u64,
}

/// The samples and events of a recording, resolved and joined.
pub struct JoinedSamples {
    /// Frames and stacks.
    pub chains: Chains,
    /// Each CPU's samples in the order of the file, by CPU.
    pub samples: Vec<(u32, CpuSamples)>,
    /// Each CPU's events in time order, by CPU.
    pub traces: Vec<(u32, Trace)>,
}

impl ResolvedPart {
    /// Adds the following part. All ids are the same as if both parts had been collected as one:
    /// the new entries of the later part are added in the order in which they first occur.
    pub fn join(&mut self, next: ResolvedPart) {
        let stacks = self.join_chains(next.chains);
        let nameless: Vec<u32> =
            next.nameless.iter().map(|thread| self.nameless.insert_full(*thread).0 as u32).collect();
        let task = |task: TaskId| match task.0 & NAMELESS {
            0 => task,
            _ => TaskId(nameless[(task.0 ^ NAMELESS) as usize] | NAMELESS),
        };
        let translated = |mut sample: Sample| {
            sample.stack = stacks[sample.stack.index()];
            sample.task = task(sample.task);
            sample
        };
        self.traces.join(next.traces, |stack| stacks[stack.index()], task, |event| event);
        for (cpu, next) in next.by_cpu {
            let all = self.by_cpu.entry(cpu).or_default();
            all.samples.par_extend(next.samples.into_par_iter().map(translated));
            all.details.append(next.details);
        }
    }

    /// Adds the frames and stacks of the following part, and returns for each of its stacks the one
    /// that it is here. Its own are then freed: memory is highest while its samples are added.
    fn join_chains(&mut self, mut next: Chains) -> Vec<StackId> {
        next.stacks.finish();
        let Chains { frames: all_frames, stacks: all_stacks, .. } = &mut self.chains;
        // Most look-ups wait for memory, so all threads look up, and one adds what is new.
        let next_frames = next.frames.frames();
        let existing: Vec<Option<FrameId>> =
            next_frames.par_iter().map(|frame| all_frames.find(frame)).collect();
        let frames = next_frames.iter().zip(existing);
        let frames: Vec<FrameId> =
            frames.map(|(frame, existing)| existing.unwrap_or_else(|| all_frames.intern(*frame))).collect();
        next.stacks.moved(|parent, frame| all_stacks.push(parent, frames[frame.index()]))
    }

    /// Gives nameless threads their tasks, and returns the tables of the result.
    pub fn finish(mut self, state: &mut State, names: &mut Names) -> JoinedSamples {
        let nameless: Vec<TaskId> =
            self.nameless.iter().map(|thread| state.tasks.nameless(*thread, names)).collect();
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
        JoinedSamples { chains: self.chains, samples, traces: self.traces.finish(names, task) }
    }
}
