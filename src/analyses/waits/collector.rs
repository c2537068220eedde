//! The collector: adds spans up.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use rustc_hash::FxHashMap;

use crate::analyses::contexts::{Contexts, Owner, PathId};
use crate::analyses::off_cpu::{Span, SpanFlaw, Waker};
use crate::analyses::paths::Path;
use crate::model::{Diagnostic, Mode, NameId, Recording, StackId, TaskId};

use super::options::Options;
use super::queues::Queues;
use super::result::{Group, Longest, Queue, Source, Spot, State, ThreadSum, Waits, WakerKind};

/// So many comms are named of those that had the CPU meanwhile.
const MOST_BEHIND: usize = 10;

/// The sums so far.
pub(super) struct Collector<'r> {
    pub recording: &'r Recording,
    pub options: &'r Options,
    pub is_selected: Vec<bool>,
    contexts: Arc<Contexts>,
    /// The selected time.
    time: Range<u64>,
    groups: FxHashMap<Key, Sum>,
    /// By tid and time of birth.
    threads: BTreeMap<(i32, u64), ThreadSum>,
    /// The user part of each stack so far, if it has one.
    user_parts: FxHashMap<StackId, Option<StackId>>,
    queues: Queues<'r>,
    before: (u64, u64),
    /// How many of the spans are too long: their end was not recorded.
    unseen: u64,
}

type Key = (State, NameId, SpotId);

/// [`Spot`], as long as spans are added.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum SpotId {
    Kernel(PathId),
    User,
    Unknown,
}

/// A [`Group`], as long as spans are added.
#[derive(Default)]
struct Sum {
    total_ns: u64,
    runnable_ns: u64,
    spans: u64,
    not_whole: u64,
    longest: Option<Longest>,
    /// The time of the waits for a CPU that are known.
    queued_ns: u64,
    /// How long which comm had the CPU meanwhile.
    behind: FxHashMap<NameId, u64>,
    /// The time of each user stack.
    users: FxHashMap<StackId, u64>,
    wakers: FxHashMap<WakerKind, u64>,
}

impl<'r> Collector<'r> {
    pub fn new(recording: &'r Recording, options: &'r Options) -> Self {
        Collector {
            recording,
            options,
            is_selected: options.selection.tasks(recording),
            contexts: Contexts::of(recording),
            time: options.selection.time_of_switches(recording),
            groups: FxHashMap::default(),
            threads: BTreeMap::new(),
            user_parts: FxHashMap::default(),
            queues: Queues::new(recording),
            before: (0, 0),
            unseen: 0,
        }
    }

    /// Adds a span, if it is selected.
    pub fn add(&mut self, span: &Span) {
        if !self.is_selected[span.task.index()]
            || !span.cpu.is_none_or(|cpu| self.options.selection.has_cpu(cpu))
        {
            return;
        }
        let Some(span) = span.within(&self.time).filter(|span| span.ns() >= self.options.min_ns) else {
            return;
        };
        self.add_to_thread(&span);
        if span.cpu.is_none() {
            self.before = (self.before.0 + 1, self.before.1.saturating_add(span.ns()));
            return;
        }
        self.unseen += u64::from(span.flaw == Some(SpanFlaw::Unseen));
        let waker = span.waker.map(|waker| match waker {
            Waker::Task(task) => WakerKind::Comm(self.recording.task(task).comm),
            Waker::Interrupt => WakerKind::Interrupt,
        });
        let user = self.user_part(span.stack);
        let key = self.key(State::from(span.why), span.task, span.stack);
        let Collector { groups, queues, .. } = self;
        let sum = groups.entry(key).or_default();
        let is_whole = span.flaw.is_none();
        sum.add(user, span.ns(), span.runnable_ns());
        sum.spans += 1;
        sum.not_whole += u64::from(!is_whole);
        if sum.longest.is_none_or(|longest| span.ns() > longest.ns) {
            let Span { start_ns, task, flaw, .. } = span;
            sum.longest = Some(Longest { ns: span.ns(), start_ns, task, flaw });
        }
        if let (Some(ready_ns), Some(cpu)) = (span.ready_ns, span.queue)
            && let Some(behind) = queues.behind(cpu, &(ready_ns..span.end_ns))
        {
            sum.queued_ns = sum.queued_ns.saturating_add(span.runnable_ns());
            for (comm, ns) in behind {
                let held_ns = sum.behind.entry(comm).or_default();
                *held_ns = held_ns.saturating_add(ns);
            }
        }
        if let Some(waker) = waker {
            *sum.wakers.entry(waker).or_default() += 1;
        }
    }

    /// Adds a time off the CPU of which nothing but its length is known.
    pub fn add_time(&mut self, task: TaskId, stack: StackId, ns: u64) {
        let user = self.user_part(stack);
        let key = self.key(State::Off, task, stack);
        self.groups.entry(key).or_default().add(user, ns, 0);
    }

    /// The part of a stack that is in user space.
    fn user_part(&mut self, stack: StackId) -> Option<StackId> {
        let recording = self.recording;
        let is_user = |frame| recording.function(recording.frames.function(frame)).mode == Mode::User;
        *self.user_parts.entry(stack).or_insert_with(|| {
            let mut part = stack;
            loop {
                let (outer, frame) = recording.stacks.split(part)?;
                if is_user(frame) {
                    return Some(part);
                }
                part = outer;
            }
        })
    }

    fn add_to_thread(&mut self, span: &Span) {
        let task = self.recording.task(span.task);
        let none = ThreadSum {
            task: span.task,
            spans: 0,
            not_whole: 0,
            slept_ns: 0,
            blocked_ns: 0,
            other_ns: 0,
            preempted_ns: 0,
            woken_ns: 0,
        };
        let sum = self.threads.entry((task.tid, task.start_ns)).or_insert(none);
        sum.task = span.task;
        if span.flaw.is_some() {
            sum.not_whole += 1;
            return;
        }
        sum.spans += 1;
        let state = State::from(span.why);
        let (asleep_ns, runnable_ns) = match state {
            State::Slept => (&mut sum.slept_ns, &mut sum.woken_ns),
            State::Blocked => (&mut sum.blocked_ns, &mut sum.woken_ns),
            State::Stopped | State::Off => (&mut sum.other_ns, &mut sum.woken_ns),
            State::Waited => (&mut sum.other_ns, &mut sum.preempted_ns),
        };
        *asleep_ns = asleep_ns.saturating_add(span.asleep_ns());
        *runnable_ns = runnable_ns.saturating_add(span.runnable_ns());
    }

    fn key(&self, state: State, task: TaskId, stack: StackId) -> Key {
        let context = self.contexts.get(stack);
        let spot = match context.path.map(|path| self.contexts.waiter(path)) {
            _ if !context.is_named => SpotId::Unknown,
            Some(path) if !self.is_way_out(path) => SpotId::Kernel(path),
            _ => SpotId::User,
        };
        (state, self.recording.task(task).comm, spot)
    }

    /// Whether a path is nothing but the way back to user space, on which tasks are preempted.
    fn is_way_out(&self, path: PathId) -> bool {
        let owner = self.contexts.owner(path);
        self.contexts.start(path).is_none() && matches!(owner, Owner::SystemCall | Owner::Exception)
    }

    /// The result, after the last span.
    pub fn finish(self, source: Source, notes: Vec<Diagnostic>) -> Waits {
        let Collector { recording, options, contexts, .. } = self;
        let total_ns = self.groups.values().fold(0, |all: u64, sum| all.saturating_add(sum.total_ns));
        let has_wakings = source != Source::Switches { has_wakings: false } && source != Source::Samples;
        let has_spans = source != Source::Samples;
        let (mut spans, mut not_whole) = (0, 0);
        let mut groups: Vec<(Key, Group)> = Vec::new();
        for (key, sum) in self.groups {
            let (state, comm, spot) = key;
            spans += sum.spans;
            not_whole += sum.not_whole;
            let is_runnable_known = has_wakings || state == State::Waited;
            groups.push((
                key,
                Group {
                    state,
                    is_idle: matches!((state, spot), (State::Slept, SpotId::Kernel(path))
                        if contexts.owner(path) == Owner::KernelThread
                            && contexts.start(path).is_none_or(|start| start == path)),
                    comm,
                    spot: match spot {
                        SpotId::Kernel(path) => Spot::Kernel(Path::new(&contexts, path, Vec::new())),
                        SpotId::User => Spot::User,
                        SpotId::Unknown => Spot::Unknown,
                    },
                    user: most(&sum.users, |stack| *stack),
                    total_ns: sum.total_ns,
                    runnable_ns: is_runnable_known.then_some(sum.runnable_ns),
                    queue: (sum.queued_ns > 0)
                        .then(|| Queue { ns: sum.queued_ns, behind: ranked(recording, &sum.behind) }),
                    spans: has_spans.then_some(sum.spans),
                    not_whole: sum.not_whole,
                    longest: sum.longest,
                    waker: most(&sum.wakers, |waker| (waker_name(recording, waker), *waker)),
                    share: sum.total_ns as f64 / total_ns.max(1) as f64,
                },
            ));
        }
        groups.sort_by(|(one, one_group), (other, other_group)| {
            let name = |(_, comm, _): &Key| recording.name(*comm);
            let by_time = other_group.total_ns.cmp(&one_group.total_ns);
            by_time.then_with(|| (name(one), one).cmp(&(name(other), other)))
        });
        let groups = groups.into_iter().map(|(_, group)| group).collect();
        let threads = self.threads.into_values().collect();
        let (before, unseen, min_ns) = (self.before, self.unseen, options.min_ns);
        Waits { source, groups, threads, total_ns, spans, not_whole, unseen, before, notes, min_ns }
    }
}

impl Sum {
    fn add(&mut self, user: Option<StackId>, ns: u64, runnable_ns: u64) {
        self.total_ns = self.total_ns.saturating_add(ns);
        if let Some(user) = user {
            let time_ns = self.users.entry(user).or_default();
            *time_ns = time_ns.saturating_add(ns);
        }
        self.runnable_ns = self.runnable_ns.saturating_add(runnable_ns);
    }
}

/// The comms with the longest times, these first; of several the first by name.
fn ranked(recording: &Recording, times: &FxHashMap<NameId, u64>) -> Vec<(NameId, u64)> {
    let mut ranked: Vec<(NameId, u64)> = times.iter().map(|(comm, ns)| (*comm, *ns)).collect();
    ranked.sort_unstable_by_key(|(comm, ns)| (Reverse(*ns), recording.name(*comm)));
    ranked.truncate(MOST_BEHIND);
    ranked
}

/// The key with the most; of several the first in the order of `rank`.
fn most<K: Copy, R: Ord>(counts: &FxHashMap<K, u64>, rank: impl Fn(&K) -> R) -> Option<(K, u64)> {
    let most = counts.iter().max_by_key(|(key, count)| (**count, Reverse(rank(key))));
    most.map(|(key, count)| (*key, *count))
}

fn waker_name<'r>(recording: &'r Recording, waker: &WakerKind) -> &'r str {
    match waker {
        WakerKind::Comm(comm) => recording.name(*comm),
        WakerKind::Interrupt => "",
    }
}
