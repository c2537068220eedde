//! Resolving: the numbers of threads and raw chains become tasks and stacks, as they were at the
//! time of each sample.

use std::ops::Range;

use indexmap::IndexSet;
use rustc_hash::{FxHashMap, FxHashSet};

use crate::ingest::{ByteOrder, RecordTime, SampleReader, Source, UserChains, UserPart, deferred};
use crate::model::{CgroupId, StackId, StackTree, Stacks, TaskId, TraceEvent};

use super::chain_keys::key_in;
use super::chain_parts::Chain;
use super::chains::Chains;
use super::joined::{NAMELESS, ResolvedPart};
use super::replay::State;
use super::samples::{Collector, CpuSamples, NO_CHAIN, Run};
use super::spaces::SpaceAt;
use super::tasks::Thread;
use super::trace::other_task;
use super::unwound::{UnwoundStacks, addresses_of, before_user};

/// How many raw chains are read ahead together.
const AHEAD: usize = 32;

/// Everything needed to resolve samples.
pub struct Meanings<'m, 'a> {
    /// The task of a tid and the code at an address, at any time.
    pub state: &'m State,
    /// The records. For each distinct chain, one record is read again.
    pub source: &'m Source<'a>,
    /// Decodes them.
    pub reader: &'m SampleReader<'m>,
    /// The user chains that were recorded later.
    pub user_chains: &'m UserChains,
}

struct Resolver<'m, 'a> {
    meanings: &'m Meanings<'m, 'a>,
    /// Which part of stacks is read.
    stacks: Stacks,
    chains: Chains,
    /// For each raw chain, the position of a record that has it.
    positions: Vec<u64>,
    /// The user stacks of raw chains that were unwound.
    unwound: UnwoundStacks,
    /// For each raw chain, its stack in the first space in which it was resolved.
    first_stacks: Vec<FirstStack>,
    /// The raw chains whose user part should have been recorded later and was not.
    lacking: FxHashSet<StackId>,
    /// For each thread, its task and address space at its previous sample.
    threads: Vec<ThreadState>,
    /// Threads that had no name when they were sampled.
    nameless: IndexSet<Thread, hashbrown::DefaultHashBuilder>,
    /// Whether the kernel's code changes at all. It changes only when BPF programs or other code
    /// are registered or unregistered.
    is_kernel_changing: bool,
    /// The record that was read last.
    record: Vec<u8>,
    /// The kernel's space at the previous sample, and the moments between which it did not change.
    kernel: (SpaceAt, Range<RecordTime>),
}

/// The stack of a raw chain in the first space in which it was resolved.
#[derive(Clone, Copy)]
struct FirstStack {
    /// The address space of the process; [`SpaceAt::ANY`] if the stack is the same in all.
    space: SpaceAt,
    /// The epoch of the kernel's space.
    epoch: u32,
    /// The stack; empty until the chain is resolved.
    stack: StackId,
}

/// The task and the address space of a thread between two moments.
struct ThreadState {
    thread: Thread,
    between: Range<RecordTime>,
    task: TaskId,
    space: SpaceAt,
}

impl Collector {
    /// Resolves the collected samples and events by the state at their times.
    pub fn resolve(mut self, meanings: &Meanings) -> ResolvedPart {
        self.finish();
        let Collector { stacks, threads, cgroups, mut by_cpu, mut traces, runs, offsets, .. } = self;
        let (chains, unwound) = (self.chains, self.unwound);
        let state = meanings.state;
        let cgroups: Vec<CgroupId> = cgroups.iter().map(|id| state.cgroup(*id)).collect();
        for CpuSamples { details, .. } in by_cpu.values_mut() {
            details.rename_cgroups(|number| cgroups.get(number.index()).copied().unwrap_or(CgroupId::NONE));
        }
        let mut resolver = Resolver::new(meanings, stacks, chains, threads.into_iter());
        resolver.unwound = unwound;
        let mut without_user_chain = 0;
        // How many samples or events of each CPU are resolved.
        let mut done: FxHashMap<(u32, bool), usize> = FxHashMap::default();
        let mut rest = offsets.as_slice();
        // Stacks are numbered in the order of the file.
        for Run { cpu, is_events, count, position } in runs {
            let (offsets, later) = rest.split_at(count as usize);
            rest = later;
            let from = done.entry((cpu, is_events)).or_default();
            let run = *from..*from + offsets.len();
            *from = run.end;
            let mut positions = offsets.iter().map(|&offset| position + u64::from(offset));
            if is_events {
                traces.resolve(cpu, run, |event| {
                    let position = positions.next().unwrap_or(position);
                    resolver.event(event, RecordTime { time_ns: event.time_ns, position })
                });
            } else if let Some(CpuSamples { samples, .. }) = by_cpu.get_mut(&cpu) {
                for (sample, position) in samples[run].iter_mut().zip(positions) {
                    let when = RecordTime { time_ns: sample.time_ns, position };
                    let (task, space) = resolver.task_at(when, sample.task);
                    let stack = resolver.stack(when, sample.stack, space);
                    without_user_chain += u64::from(resolver.lacks_user_chain(sample.stack));
                    (sample.task, sample.stack) = (task, stack);
                }
            }
        }
        let Resolver { mut chains, nameless, .. } = resolver;
        chains.forget_chains();
        ResolvedPart { chains, by_cpu, nameless, traces, without_user_chain }
    }
}

impl<'m, 'a> Resolver<'m, 'a> {
    fn new(
        meanings: &'m Meanings<'m, 'a>,
        stacks: Stacks,
        chains: Vec<u64>,
        threads: impl Iterator<Item = Thread>,
    ) -> Self {
        let never = || RecordTime::NEVER..RecordTime::NEVER;
        let unknown =
            |thread| ThreadState { thread, between: never(), task: TaskId(0), space: SpaceAt::NONE };
        let unresolved = FirstStack { space: SpaceAt::NONE, epoch: 0, stack: StackTree::ROOT };
        let kernel = meanings.state.spaces.kernel_between(RecordTime::FIRST);
        Resolver {
            meanings,
            stacks,
            chains: Chains::default(),
            first_stacks: vec![unresolved; chains.len()],
            positions: chains,
            unwound: UnwoundStacks::default(),
            lacking: FxHashSet::default(),
            threads: threads.map(unknown).collect(),
            nameless: IndexSet::default(),
            record: Vec::new(),
            is_kernel_changing: kernel.1.end != RecordTime::NEVER,
            kernel,
        }
    }

    /// The task of a thread at `when`, and its address space.
    #[inline]
    fn task_at(&mut self, when: RecordTime, thread: TaskId) -> (TaskId, SpaceAt) {
        let last = &mut self.threads[thread.index()];
        if !last.between.contains(&when) {
            let State { tasks, spaces, .. } = self.meanings.state;
            let (task, task_between) = tasks.at(when, last.thread.tid);
            let (space, space_between) = spaces.at_between(when, last.thread.pid);
            last.task = task.unwrap_or_else(|| {
                let (number, _) = self.nameless.insert_full(last.thread);
                TaskId(number as u32 | NAMELESS)
            });
            last.space = space;
            let start = task_between.start.max(space_between.start);
            last.between = start..task_between.end.min(space_between.end);
        }
        (last.task, last.space)
    }

    /// Gives an event its tasks and its stack. Returns whether one of the tasks is nameless.
    #[inline]
    fn event(&mut self, event: &mut TraceEvent, when: RecordTime) -> bool {
        let (task, space) = self.task_at(when, event.task);
        event.task = task;
        let mut bits = task.0;
        if let Some(other) = other_task(event) {
            *other = self.task_at(when, *other).0;
            bits |= other.0;
        }
        event.stack = match event.stack {
            NO_CHAIN => StackTree::ROOT,
            chain => self.stack(when, chain, space),
        };
        bits & NAMELESS != 0
    }

    /// Whether the user part of a raw chain should have been recorded later and was not.
    fn lacks_user_chain(&self, chain: StackId) -> bool {
        !self.lacking.is_empty() && self.lacking.contains(&chain)
    }

    /// The stack of a raw chain at `when`, in the address space of its process.
    #[inline]
    fn stack(&mut self, when: RecordTime, chain: StackId, space: SpaceAt) -> StackId {
        if self.is_kernel_changing && !self.kernel.1.contains(&when) {
            self.kernel = self.meanings.state.spaces.kernel_between(when);
        }
        let first = self.first_stacks[chain.index()];
        let is_same_space = first.space == space || first.space == SpaceAt::ANY;
        if is_same_space && first.epoch == self.kernel.0.epoch() && first.stack != StackTree::ROOT {
            return first.stack;
        }
        self.resolve(chain, space)
    }

    // Not inlined: it would make the loop over samples larger.
    #[inline(never)]
    fn resolve(&mut self, chain: StackId, space: SpaceAt) -> StackId {
        let first = self.first_stacks[chain.index()];
        if first.stack == StackTree::ROOT {
            if chain.index().is_multiple_of(AHEAD) {
                let next = &self.positions[chain.index()..];
                self.meanings.source.read_ahead(next.get(..AHEAD).unwrap_or(next));
            }
            let (stack, depends_on_space) = self.intern(chain, space);
            let space = if depends_on_space { space } else { SpaceAt::ANY };
            self.first_stacks[chain.index()] = FirstStack { space, epoch: self.kernel.0.epoch(), stack };
            return stack;
        }
        let space = if first.space == SpaceAt::ANY { SpaceAt::ANY } else { space };
        let key = key_in(chain, space, self.kernel.0);
        self.chains.find(key).unwrap_or_else(|| {
            let (stack, _) = self.intern(chain, space);
            self.chains.note(key, stack);
            stack
        })
    }

    /// The stack of a raw chain in `space`, and whether it depends on the space.
    fn intern(&mut self, chain: StackId, space: SpaceAt) -> (StackId, bool) {
        let Meanings { state, source, reader, user_chains } = *self.meanings;
        let kernel = self.kernel.0;
        let (mut entries, mut user): (&[u8], &[u8]) = (&[], &[]);
        let (mut ip, mut is_kernel_left_out, mut is_cut) = (0, false, false);
        let calls_of_user;
        let (mut cpumode, mut order) = (0, ByteOrder::Little);
        // The record is there, unless the file was cut short meanwhile.
        let position = self.positions[chain.index()];
        if let Some((sample, record)) = source.sample_at(position, reader, &mut self.record) {
            (entries, cpumode, order) = (sample.chain, record.misc, sample.order);
            (ip, is_kernel_left_out) = (sample.ip, sample.is_kernel_left_out);
            if let Some((cookie, before)) = deferred(sample.chain, order) {
                entries = before;
                match user_chains.find(sample.tid, cookie) {
                    Some(entries) => user = entries,
                    None => _ = self.lacking.insert(chain),
                }
            }
            match sample.user {
                UserPart::None => {}
                UserPart::Dump(_) => {
                    if let Some((unwound, ends_early)) = self.unwound.of(chain) {
                        (user, is_cut) = (unwound, ends_early);
                        entries = if unwound.is_empty() { entries } else { before_user(entries, order).0 };
                    }
                }
                UserPart::Calls(calls) => {
                    // perf too takes the calls only where the chain has a user part.
                    if let (before, true) = before_user(entries, order) {
                        calls_of_user = addresses_of(&calls, order);
                        (entries, user) = (before, &calls_of_user);
                    }
                }
            }
        }
        let stacks = self.stacks;
        let chain =
            Chain { entries, user, is_cut, ip, is_kernel_left_out, cpumode, space, kernel, order, stacks };
        let frame = |address, mode| state.spaces.resolve(chain.space_of(mode), address, mode);
        self.chains.intern(&chain, &frame)
    }
}
