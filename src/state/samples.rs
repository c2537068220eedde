//! Samples: collects the samples of one part of a recording by CPU, without resolving them.
//!
//! The task and the stack of a sample depend on side band that may come later in the file. So
//! threads and chains are only numbered here, and [`super::resolve`] turns them into tasks and
//! stacks.

use indexmap::IndexSet;
use rustc_hash::FxHashMap;

use crate::ingest::{RawSample, RawSwitch, RawTrace, Record, UserPart};
use crate::model::{CgroupId, Detail, Details, EventId, FlatMap, Sample, StackId, Stacks, TaskId};

use super::chain_keys::{key_of, key_of_kernel_part};
use super::tasks::Thread;
use super::trace::{Occurrence, Traces};
use super::unwound::UnwoundStacks;

/// How many samples are looked up together. Look-ups that miss the caches then wait for memory at
/// the same time.
const BATCH: usize = 64;
/// How many recent threads are kept: a CPU's samples come in runs of the same thread.
const RECENT: usize = 256;

/// Collects the samples and events of one part of a recording.
///
/// Until they are [resolved](Collector::resolve) the id of a task is the number of a thread, that
/// of a stack the number of a raw chain, and that of a control group the number of the kernel's id.
pub struct Collector {
    /// Which part of stacks is read.
    pub(super) stacks: Stacks,
    /// For each distinct chain, the position of the first record that has it.
    pub(super) chains: Vec<u64>,
    /// The user stacks of these chains that were unwound.
    pub(super) unwound: UnwoundStacks,
    chain_numbers: FlatMap,
    /// The distinct threads. Keys come from the file: a hasher with a seed, so that nobody can
    /// choose them to collide.
    pub(super) threads: IndexSet<Thread, hashbrown::DefaultHashBuilder>,
    /// Recent threads with their numbers, by some bits of the tid.
    recent: Vec<Option<(Thread, TaskId)>>,
    /// The same of threads that tracepoints name.
    recent_named: Vec<Option<(Thread, TaskId)>>,
    /// The distinct control groups, by the kernel's ids.
    pub(super) cgroups: IndexSet<u64, hashbrown::DefaultHashBuilder>,
    pub(super) by_cpu: FxHashMap<u32, CpuSamples>,
    /// The CPU of the previous sample, and its samples: perf writes each CPU's buffer in pieces, so
    /// it rarely changes.
    current: (u32, CpuSamples),
    /// The last samples of `current`, which do not have their chain numbers yet: the keys of their
    /// chains, and their positions.
    waiting: Vec<(u64, u64)>,
    pub(super) traces: Traces,
    /// Runs of samples and of events, in the order of the file.
    pub(super) runs: Vec<Run>,
    /// For each sample and event, in the order of `runs`, its distance from the position of its
    /// run.
    pub(super) offsets: Vec<u32>,
}

/// Consecutive samples, or consecutive events, of one CPU in the file.
pub(super) struct Run {
    pub cpu: u32,
    pub is_events: bool,
    pub count: u32,
    /// The position of the first.
    pub position: u64,
}

/// The chain number of an event without a chain, and of samples that do not have their chain number
/// yet.
pub(super) const NO_CHAIN: StackId = StackId(u32::MAX);

/// The samples of one CPU.
#[derive(Default)]
pub struct CpuSamples {
    /// Time, stack and task.
    pub samples: Vec<Sample>,
    /// The details of the samples.
    pub details: Details,
}

impl CpuSamples {
    /// Puts them in time order; those of equal times stay in the order of the file. Each CPU's
    /// buffer is written in time order, so this is rarely more than a check.
    pub fn sort(&mut self) {
        if self.samples.is_sorted_by_key(|sample| sample.time_ns) {
            return;
        }
        let mut order: Vec<usize> = (0..self.samples.len()).collect();
        order.sort_by_key(|&at| self.samples[at].time_ns);
        self.samples = order.iter().map(|&at| self.samples[at]).collect();
        self.details.reorder(&order);
    }
}

impl Collector {
    /// An empty collector, for this part of stacks.
    pub fn new(stacks: Stacks) -> Self {
        Collector {
            stacks,
            chains: Vec::new(),
            unwound: UnwoundStacks::default(),
            chain_numbers: FlatMap::default(),
            threads: IndexSet::default(),
            recent: vec![None; RECENT],
            recent_named: vec![None; RECENT],
            cgroups: IndexSet::default(),
            by_cpu: FxHashMap::default(),
            current: (0, CpuSamples::default()),
            waiting: Vec::with_capacity(BATCH),
            traces: Traces::default(),
            runs: Vec::new(),
            offsets: Vec::new(),
        }
    }

    /// Adds the sample that `record` holds.
    #[inline(always)]
    pub fn push(&mut self, event: usize, raw: &RawSample, record: &Record) {
        let task = self.number_of(Thread { pid: raw.pid, tid: raw.tid });
        let cgroup = raw.cgroup.map_or(CgroupId::NONE, |id| self.cgroup(id));
        let detail = Detail { period: raw.period.unwrap_or(1), cgroup, event: EventId::from_index(event) };
        if self.current.0 != raw.cpu {
            self.flush();
            self.switch_to(raw.cpu);
        }
        let (key, place) = self.key_of(raw, record);
        let CpuSamples { samples, details } = &mut self.current.1;
        samples.push(Sample { time_ns: raw.time_ns, stack: NO_CHAIN, task });
        details.push(detail);
        if self.stacks == Stacks::Kernel {
            details.push_place(place);
        }
        self.note_position(raw.cpu, false, record.position);
        self.waiting.push((key, record.position));
        if self.waiting.len() == BATCH {
            self.flush();
        }
    }

    /// Adds a record of an event that is not sampled, decoded to `trace`.
    // The reader's code for events is apart from the loop over samples.
    #[inline(always)]
    pub fn push_event(&mut self, event: usize, trace: RawTrace, raw: &RawSample, record: &Record) {
        let task = self.number_of(Thread { pid: raw.pid, tid: raw.tid });
        let mut stack = NO_CHAIN;
        if !raw.chain.is_empty() || matches!(raw.user, UserPart::Dump(_)) {
            let (key, _) = self.key_of(raw, record);
            stack = numbered(&mut self.chain_numbers, &mut self.chains, key, record.position);
        }
        let event = Some(EventId::from_index(event));
        let at = Occurrence { time_ns: raw.time_ns, cpu: raw.cpu, task, stack, event };
        self.push_trace(at, trace, record.position);
    }

    /// Adds a switch record.
    #[inline(never)]
    pub fn push_switch(&mut self, switch: &RawSwitch, record: &Record) {
        let RawSwitch { time_ns, cpu, pid, tid, trace } = *switch;
        let task = self.number_of(Thread { pid, tid });
        let at = Occurrence { time_ns, cpu, task, stack: NO_CHAIN, event: None };
        self.push_trace(at, trace, record.position);
    }

    #[inline(always)]
    fn push_trace(&mut self, at: Occurrence, trace: RawTrace, position: u64) {
        self.note_position(at.cpu, true, position);
        let Collector { threads, recent_named, traces, .. } = self;
        // Tracepoints name other threads by tid only, so the tid is used as the pid too.
        traces.push(at, trace, |tid| number_in(threads, recent_named, Thread { pid: tid, tid }));
    }

    #[inline(always)]
    fn key_of(&self, raw: &RawSample, record: &Record) -> (u64, u32) {
        match self.stacks {
            Stacks::Whole => (key_of(raw, record.misc, record.position), 0),
            Stacks::Kernel => key_of_kernel_part(raw, record.misc, record.position),
        }
    }

    #[inline(always)]
    fn number_of(&mut self, thread: Thread) -> TaskId {
        number_in(&mut self.threads, &mut self.recent, thread)
    }

    #[inline(never)]
    fn cgroup(&mut self, id: u64) -> CgroupId {
        CgroupId::from_index(self.cgroups.insert_full(id).0)
    }

    #[inline(always)]
    fn note_position(&mut self, cpu: u32, is_events: bool, position: u64) {
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

    /// Gives the waiting samples their chain numbers. All keys are looked up before any result is
    /// used, so that look-ups that miss the caches wait for memory at the same time.
    fn flush(&mut self) {
        let Collector { chains, chain_numbers, current: (_, CpuSamples { samples, .. }), waiting, .. } = self;
        let mut numbers = [None; BATCH];
        for (number, (key, _)) in numbers.iter_mut().zip(waiting.iter()) {
            *number = chain_numbers.get(*key).map(StackId);
        }
        let first = samples.len() - waiting.len();
        for ((sample, (key, position)), number) in
            samples[first..].iter_mut().zip(waiting.drain(..)).zip(numbers)
        {
            sample.stack = number.unwrap_or_else(|| numbered(chain_numbers, chains, key, position));
        }
    }

    fn switch_to(&mut self, cpu: u32) {
        let next = self.by_cpu.remove(&cpu).unwrap_or_default();
        let (last_cpu, last) = std::mem::replace(&mut self.current, (cpu, next));
        if !last.samples.is_empty() {
            self.by_cpu.insert(last_cpu, last);
        }
    }

    /// For each distinct raw chain, the position of a record that has it.
    pub fn chains(&mut self) -> &[u64] {
        self.flush();
        &self.chains
    }

    /// Sets the user stacks of the raw chains, in the order of [`Collector::chains`].
    pub fn set_unwound(&mut self, unwound: UnwoundStacks) {
        self.unwound = unwound;
    }

    /// Ends the collection, and frees the tables that only it needs.
    pub(super) fn finish(&mut self) {
        self.flush();
        let (cpu, last) = std::mem::take(&mut self.current);
        if !last.samples.is_empty() {
            self.by_cpu.insert(cpu, last);
        }
        self.chain_numbers = FlatMap::default();
    }
}

/// The number of a thread, which may be a new one.
#[inline(always)]
fn number_in(
    threads: &mut IndexSet<Thread, hashbrown::DefaultHashBuilder>,
    recent: &mut [Option<(Thread, TaskId)>],
    thread: Thread,
) -> TaskId {
    let recent = &mut recent[thread.tid as usize % RECENT];
    match *recent {
        Some((same, number)) if same == thread => number,
        _ => {
            let number = inserted(threads, thread);
            *recent = Some((thread, number));
            number
        }
    }
}

#[inline(never)]
fn inserted(threads: &mut IndexSet<Thread, hashbrown::DefaultHashBuilder>, thread: Thread) -> TaskId {
    TaskId::from_index(threads.insert_full(thread).0)
}

/// The number of the chain with this key, which may be a new chain.
fn numbered(numbers: &mut FlatMap, chains: &mut Vec<u64>, key: u64, position: u64) -> StackId {
    let new = StackId::from_index(chains.len());
    let number = StackId(numbers.get_or_insert(key, new.0));
    if number == new {
        chains.push(position);
    }
    number
}
