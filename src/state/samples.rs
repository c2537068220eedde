//! Samples: what a part of a recording holds, as it stands there, per CPU. Who and what a sample saw depends on side band that may
//! stand after it, so threads and chains are only numbered here; [`super::resolve`] says what they were.

use indexmap::IndexSet;
use rustc_hash::FxHashMap;

use crate::ingest::{RawSample, RawSwitch, RawTrace, Record};
use crate::model::{CgroupId, Detail, Details, EventId, FlatMap, Sample, StackId, TaskId};

use super::chains::key_of;
use super::trace::{Happened, Traces};

/// Samples that are looked up together: look-ups that miss the caches then wait for memory at the same time.
const BATCH: usize = 64;
/// Threads that are remembered; a CPU's samples come in runs of the same thread.
const REMEMBERED: usize = 256;

/// Collects the samples and events of one part of a recording. Until they are [resolved](Collector::resolve) the id of a task is the
/// number of a thread, that of a stack the number of a raw chain, and that of a control group the number of the kernel's id.
pub struct Collector {
    /// For each distinct chain, the position of the first record that has it.
    pub(super) chains: Vec<u64>,
    chain_numbers: FlatMap,
    /// The distinct threads as (pid, tid). What comes from the file is a key: a hasher with a seed, so that nobody can choose them
    /// to collide.
    pub(super) threads: IndexSet<(i32, i32), hashbrown::DefaultHashBuilder>,
    remembered: Vec<Option<((i32, i32), TaskId)>>,
    /// The distinct control groups, by the kernel's ids.
    pub(super) cgroups: IndexSet<u64, hashbrown::DefaultHashBuilder>,
    pub(super) by_cpu: FxHashMap<u32, CpuSamples>,
    /// The CPU of the sample before and its samples: perf writes each CPU's buffer in pieces, so it rarely changes.
    current: (u32, CpuSamples),
    /// The last samples of `current` wait for their stacks: the keys of their chains, and their positions.
    waiting: Vec<(u64, u64)>,
    pub(super) traces: Traces,
    /// The order of the file.
    pub(super) runs: Vec<Run>,
    /// For each sample and event in this order, its position after that of its run.
    pub(super) offsets: Vec<u32>,
}

/// Samples of one CPU, or events of one, that follow each other.
pub(super) struct Run {
    pub cpu: u32,
    pub is_events: bool,
    pub count: u32,
    /// The position of the first.
    pub position: u64,
}

/// The number of an event's chain that has none.
pub(super) const NO_CHAIN: StackId = StackId(u32::MAX);

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

impl Default for Collector {
    fn default() -> Self {
        Collector {
            chains: Vec::new(),
            chain_numbers: FlatMap::default(),
            threads: IndexSet::default(),
            remembered: vec![None; REMEMBERED],
            cgroups: IndexSet::default(),
            by_cpu: FxHashMap::default(),
            current: (0, CpuSamples::default()),
            waiting: Vec::with_capacity(BATCH),
            traces: Traces::default(),
            runs: Vec::new(),
            offsets: Vec::new(),
        }
    }
}

impl Collector {
    /// Adds the sample that `record` holds.
    #[inline(always)]
    pub fn push(&mut self, event: usize, raw: &RawSample, record: &Record) {
        let task = self.thread(raw.pid, raw.tid);
        let cgroup = raw.cgroup.map_or(CgroupId::NONE, |id| self.cgroup(id));
        let detail = Detail { period: raw.period.unwrap_or(1), cgroup, event: EventId::from_index(event) };
        if self.current.0 != raw.cpu {
            self.flush();
            self.switch_to(raw.cpu);
        }
        let CpuSamples { samples, details } = &mut self.current.1;
        samples.push(Sample { time_ns: raw.time_ns, stack: NO_CHAIN, task });
        details.push(detail);
        self.note_place(raw.cpu, false, record.position);
        self.waiting.push((key_of(raw, record.misc), record.position));
        if self.waiting.len() == BATCH {
            self.flush();
        }
    }

    /// Adds what a record of an event that is not sampled tells.
    #[inline(never)]
    pub fn push_event(&mut self, event: usize, told: RawTrace, raw: &RawSample, record: &Record) {
        let task = self.thread(raw.pid, raw.tid);
        let mut stack = NO_CHAIN;
        if !raw.chain.is_empty() {
            let key = key_of(raw, record.misc);
            stack = numbered(&mut self.chain_numbers, &mut self.chains, key, record.position);
        }
        let event = Some(EventId::from_index(event));
        let at = Happened { time_ns: raw.time_ns, cpu: raw.cpu, task, stack, event };
        self.push_trace(at, told, record.position);
    }

    /// Adds what a switch record tells.
    #[inline(never)]
    pub fn push_switch(&mut self, switch: &RawSwitch, record: &Record) {
        let RawSwitch { time_ns, cpu, pid, tid, trace } = *switch;
        let task = self.thread(pid, tid);
        let at = Happened { time_ns, cpu, task, stack: NO_CHAIN, event: None };
        self.push_trace(at, trace, record.position);
    }

    fn push_trace(&mut self, at: Happened, told: RawTrace, position: u64) {
        self.note_place(at.cpu, true, position);
        let threads = &mut self.threads;
        // Where only the tid is told, it stands for the pid too.
        self.traces.push(at, told, |tid| TaskId::from_index(threads.insert_full((tid, tid)).0));
    }

    #[inline(always)]
    fn thread(&mut self, pid: i32, tid: i32) -> TaskId {
        let known = &mut self.remembered[tid as usize % REMEMBERED];
        match *known {
            Some((thread, number)) if thread == (pid, tid) => number,
            _ => {
                let number = TaskId::from_index(self.threads.insert_full((pid, tid)).0);
                *known = Some(((pid, tid), number));
                number
            }
        }
    }

    #[inline(never)]
    fn cgroup(&mut self, id: u64) -> CgroupId {
        CgroupId::from_index(self.cgroups.insert_full(id).0)
    }

    #[inline(always)]
    fn note_place(&mut self, cpu: u32, is_events: bool, position: u64) {
        if let Some(run) = self.runs.last_mut()
            && (run.cpu, run.is_events) == (cpu, is_events)
            && let Ok(offset) = u32::try_from(position - run.position)
            && run.count < u32::MAX
        {
            run.count += 1;
            self.offsets.push(offset);
            return;
        }
        self.runs.push(Run { cpu, is_events, count: 1, position });
        self.offsets.push(0);
    }

    fn flush(&mut self) {
        let Collector { chains, chain_numbers, current: (_, CpuSamples { samples, .. }), waiting, .. } = self;
        let mut found = [None; BATCH];
        for (found, (key, _)) in found.iter_mut().zip(waiting.iter()) {
            *found = chain_numbers.get(*key).map(StackId);
        }
        let first = samples.len() - waiting.len();
        for ((sample, (key, position)), found) in
            samples[first..].iter_mut().zip(waiting.drain(..)).zip(found)
        {
            sample.stack = found.unwrap_or_else(|| numbered(chain_numbers, chains, key, position));
        }
    }

    fn switch_to(&mut self, cpu: u32) {
        let next = self.by_cpu.remove(&cpu).unwrap_or_default();
        let (last_cpu, last) = std::mem::replace(&mut self.current, (cpu, next));
        if !last.samples.is_empty() {
            self.by_cpu.insert(last_cpu, last);
        }
    }

    /// Ends the collection, and frees what only that needed.
    pub(super) fn finish(&mut self) {
        self.flush();
        let (cpu, last) = std::mem::take(&mut self.current);
        if !last.samples.is_empty() {
            self.by_cpu.insert(cpu, last);
        }
        self.chain_numbers = FlatMap::default();
    }
}

/// The number of the chain with this key, which may be a new one.
fn numbered(numbers: &mut FlatMap, chains: &mut Vec<u64>, key: u64, position: u64) -> StackId {
    if let Some(number) = numbers.get(key) {
        return StackId(number);
    }
    let number = StackId::from_index(chains.len());
    chains.push(position);
    numbers.insert(key, number.0);
    number
}
