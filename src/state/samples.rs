//! Samples: a range of a recording's samples, with the state of their time applied, per CPU.

use std::ops::Range;

use indexmap::IndexSet;
use rayon::prelude::*;
use rustc_hash::{FxBuildHasher, FxHashMap};

use crate::ingest::{ByteOrder, RawSample, RawSwitch, RawTrace, Record, When};
use crate::model::{Detail, Details, EventId, FrameId, Names, Sample, StackId, StackTree, TaskId, Trace};

use super::chains::{Chain, Chains, key_of};
use super::trace::{Happened, Traces};
use super::{SpaceAt, State};

/// Samples that are looked up together: look-ups that miss the caches then wait for memory at the same time.
const BATCH: usize = 64;
/// Threads that are remembered; a CPU's samples come in runs of the same thread.
const REMEMBERED: usize = 256;
/// A task id with this bit is the number of a nameless task, until [`Collector::finish`].
const NAMELESS: u32 = 1 << 31;

/// Collects the samples of one range of a recording. Ranges can be collected at the same time and joined.
pub struct Collector<'s, 'a> {
    state: &'s State,
    order: ByteOrder,
    chains: Chains,
    by_cpu: FxHashMap<u32, CpuSamples>,
    /// The CPU of the sample before and its samples: perf writes each CPU's buffer in pieces, so it rarely changes.
    current: (u32, CpuSamples),
    /// Tids that had no name when they were sampled, as (pid, tid).
    nameless: IndexSet<(i32, i32), FxBuildHasher>,
    remembered: Vec<Remembered>,
    /// Whether the kernel's code changes at all: only where BPF programs come or go.
    is_kernel_changing: bool,
    /// The kernel's space of the sample before, and between which moments it was that one.
    kernel: (SpaceAt, Range<When>),
    /// The chains of the last samples of `current`, with their keys: they wait for their stacks.
    waiting: Vec<(u64, Chain<'a>)>,
    traces: Traces,
}

/// The samples of one CPU.
#[derive(Default)]
pub struct CpuSamples {
    /// Time, stack and task.
    pub samples: Vec<Sample>,
    /// What else is known of them.
    pub details: Details,
}

impl CpuSamples {
    /// Puts them in time order; of equal times in the order of the file. Each CPU's buffer is written in its order, so this is
    /// rarely more than a look.
    pub fn sort(&mut self) {
        if self.samples.is_sorted_by_key(|sample| sample.time_ns) {
            return;
        }
        let mut places: Vec<usize> = (0..self.samples.len()).collect();
        places.sort_by_key(|&at| self.samples[at].time_ns);
        self.samples = places.iter().map(|&at| self.samples[at]).collect();
        self.details.reorder(&places);
    }
}

/// Who a thread was for some time.
#[derive(Clone)]
struct Remembered {
    pid: i32,
    tid: i32,
    between: Range<When>,
    task: TaskId,
    space: SpaceAt,
}

impl<'s, 'a> Collector<'s, 'a> {
    /// An empty collector for samples of this byte order.
    pub fn new(state: &'s State, order: ByteOrder) -> Self {
        let never = When::NEVER..When::NEVER;
        let nobody = Remembered { pid: 0, tid: 0, between: never, task: TaskId(0), space: SpaceAt::NONE };
        Collector {
            state,
            order,
            chains: Chains::default(),
            by_cpu: FxHashMap::default(),
            current: (0, CpuSamples::default()),
            nameless: IndexSet::default(),
            remembered: vec![nobody; REMEMBERED],
            is_kernel_changing: state.spaces.kernel_between(When::FIRST).1.end != When::NEVER,
            kernel: state.spaces.kernel_between(When::FIRST),
            waiting: Vec::with_capacity(BATCH),
            traces: Traces::default(),
        }
    }

    /// Adds the sample that `record` holds.
    #[inline]
    pub fn push(&mut self, event: usize, raw: &RawSample<'a>, record: &Record<'a>) {
        let when = When { time_ns: raw.time_ns, position: record.position };
        let (task, space) = self.who(when, raw.pid, raw.tid);
        let chain = self.chain(raw, record, space);
        let detail = Detail {
            period: raw.period.unwrap_or(1),
            cgroup: self.state.cgroup(raw.cgroup),
            event: EventId::from_index(event),
        };
        if self.current.0 != raw.cpu {
            self.flush();
            self.switch_to(raw.cpu);
        }
        let CpuSamples { samples, details } = &mut self.current.1;
        samples.push(Sample { time_ns: raw.time_ns, stack: StackTree::ROOT, task });
        details.push(detail);
        self.waiting.push((key_of(&chain), chain));
        if self.waiting.len() == BATCH {
            self.flush();
        }
    }

    /// Adds what a record of an event that is not sampled tells.
    #[inline(never)]
    pub fn push_event(&mut self, event: usize, told: RawTrace, raw: &RawSample<'a>, record: &Record<'a>) {
        let when = When { time_ns: raw.time_ns, position: record.position };
        let (task, space) = self.who(when, raw.pid, raw.tid);
        let mut stack = StackTree::ROOT;
        if !raw.chain.is_empty() {
            // Stacks are numbered in the order of the file.
            self.flush();
            let chain = self.chain(raw, record, space);
            stack = self.stack(key_of(&chain), &chain);
        }
        let event = Some(EventId::from_index(event));
        self.push_trace(when, Happened { time_ns: raw.time_ns, cpu: raw.cpu, task, stack, event }, told);
    }

    /// Adds what a switch record tells.
    #[inline(never)]
    pub fn push_switch(&mut self, switch: &RawSwitch, record: &Record<'a>) {
        let RawSwitch { time_ns, cpu, pid, tid, trace } = *switch;
        let when = When { time_ns, position: record.position };
        let (task, _) = self.who(when, pid, tid);
        let stack = StackTree::ROOT;
        self.push_trace(when, Happened { time_ns, cpu, task, stack, event: None }, trace);
    }

    fn push_trace(&mut self, when: When, at: Happened, told: RawTrace) {
        let (tasks, nameless) = (&self.state.tasks, &mut self.nameless);
        self.traces
            .push(at, told, |tid| tasks.at(when, tid).0.unwrap_or_else(|| nameless_task(nameless, tid, tid)));
    }

    #[inline(always)]
    fn chain(&mut self, raw: &RawSample<'a>, record: &Record<'a>, space: SpaceAt) -> Chain<'a> {
        if self.is_kernel_changing {
            let when = When { time_ns: raw.time_ns, position: record.position };
            if !self.kernel.1.contains(&when) {
                self.kernel = self.state.spaces.kernel_between(when);
            }
        }
        Chain {
            entries: raw.chain,
            user: raw.user_chain,
            ip: raw.ip,
            cpumode: record.misc,
            space,
            kernel: self.kernel.0,
            order: self.order,
        }
    }

    fn stack(&mut self, key: u64, chain: &Chain<'a>) -> StackId {
        let Collector { state, chains, .. } = self;
        chains.find(key).unwrap_or_else(|| {
            let place = |address, mode| state.spaces.resolve(chain.space_of(mode), address, mode);
            chains.intern(key, chain, &place)
        })
    }

    fn who(&mut self, when: When, pid: i32, tid: i32) -> (TaskId, SpaceAt) {
        let known = &mut self.remembered[tid as usize % REMEMBERED];
        if known.tid != tid || known.pid != pid || !known.between.contains(&when) {
            let (task, task_between) = self.state.tasks.at(when, tid);
            let (space, space_between) = self.state.spaces.at_between(when, pid);
            let task = task.unwrap_or_else(|| nameless_task(&mut self.nameless, pid, tid));
            let start = task_between.start.max(space_between.start);
            let end = task_between.end.min(space_between.end);
            *known = Remembered { pid, tid, between: start..end, task, space };
        }
        (known.task, known.space)
    }

    fn flush(&mut self) {
        let Collector { state, chains, current: (_, CpuSamples { samples, .. }), waiting, .. } = self;
        let mut found = [None; BATCH];
        for (found, (key, _)) in found.iter_mut().zip(waiting.iter()) {
            *found = chains.find(*key);
        }
        let first = samples.len() - waiting.len();
        for ((sample, (key, chain)), found) in samples[first..].iter_mut().zip(waiting.drain(..)).zip(found) {
            sample.stack = found.unwrap_or_else(|| {
                let place = |address, mode| state.spaces.resolve(chain.space_of(mode), address, mode);
                chains.intern(key, &chain, &place)
            });
        }
    }

    fn switch_to(&mut self, cpu: u32) {
        let next = self.by_cpu.remove(&cpu).unwrap_or_default();
        let (last_cpu, last) = std::mem::replace(&mut self.current, (cpu, next));
        if !last.samples.is_empty() {
            self.by_cpu.insert(last_cpu, last);
        }
    }

    /// What was collected.
    pub fn finish(mut self) -> Collected {
        self.flush();
        let (cpu, last) = self.current;
        if !last.samples.is_empty() {
            self.by_cpu.insert(cpu, last);
        }
        self.chains.forget_chains();
        Collected { chains: self.chains, by_cpu: self.by_cpu, nameless: self.nameless, traces: self.traces }
    }
}

fn nameless_task(nameless: &mut IndexSet<(i32, i32), FxBuildHasher>, pid: i32, tid: i32) -> TaskId {
    let (number, _) = nameless.insert_full((pid, tid));
    TaskId(number as u32 | NAMELESS)
}

/// The samples of a range, or of several joined.
pub struct Collected {
    chains: Chains,
    by_cpu: FxHashMap<u32, CpuSamples>,
    nameless: IndexSet<(i32, i32), FxBuildHasher>,
    traces: Traces,
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
    /// Adds the samples of the range that follows. All ids come out as if both ranges had been collected as one: a later
    /// range's new entries follow in the order in which they were first seen.
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
