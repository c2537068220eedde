//! Packets: when, where and in whose context each was handled, the gap before it, and the backlogs that were worked off after
//! long gaps.

use rustc_hash::FxHashMap;

use crate::error::{Error, Result};
use crate::model::{
    Diagnostic, Event, EventId, FrameKind, Mode, NameId, Naming, Recording, Severity, Softirq, StackId,
    TaskId, TaskKind, Timeline, TraceEvent, TraceKind, Tracepoint,
};

use super::calls::{self, Calls};
use super::selection::Selection;

/// What to look for.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The event that tells of a packet; by default a probe on `icmp_echo`, else `net:netif_receive_skb`, else
    /// `net:napi_gro_receive_entry`.
    pub event: Option<String>,
    /// What came after a gap of at least this, in ns, may be a backlog.
    pub gap_ns: u64,
    /// Which packets are meant.
    pub selection: Selection,
}

/// The result.
#[derive(Clone, Debug)]
pub struct Packets {
    /// The event that tells of them.
    pub event: String,
    /// Other events of the recording that tell of packets.
    pub other_events: Vec<String>,
    /// The packets, by CPU, then by time.
    pub packets: Vec<Packet>,
    /// The backlogs that they are in, in the same order.
    pub backlogs: Vec<Backlog>,
    /// How many were handled in each context, the most frequent first.
    pub contexts: Vec<(Context, u64)>,
    /// What the user should know about them.
    pub notes: Vec<Diagnostic>,
    /// What [`Options`] said.
    pub gap_ns: u64,
}

/// A packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Packet {
    /// When it was handled, in ns.
    pub time_ns: u64,
    /// Where.
    pub cpu: u32,
    /// The task that had the CPU.
    pub task: TaskId,
    /// How that came to handle it.
    pub context: Context,
    /// The system call that the task was in, where known.
    pub call: Option<NameId>,
    /// The device, where the event tells.
    pub device: Option<NameId>,
    /// The packet's length in bytes, where the event tells.
    pub bytes: Option<u32>,
    /// The time since the packet before it on this CPU, in ns; `None` for the first, and where not each packet was recorded.
    pub gap_ns: Option<u64>,
    /// Whether records were lost in that time: then the gap may be none.
    pub is_lossy: bool,
    /// The place of the backlog that it belongs to.
    pub backlog: Option<u32>,
}

/// How a task came to handle a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Context {
    /// The CPU was idle, and an interrupt's end handled it.
    Idle,
    /// The task is ksoftirqd.
    Ksoftirqd,
    /// The task is a thread that polls one device (`napi/…`).
    NapiThread,
    /// At the end of an interrupt, which had interrupted the task.
    Interrupt,
    /// By the task itself in its system call, once it let softirqs run again.
    SystemCallEnd,
    /// In a system call: by the task itself or at the end of an interrupt, which nothing tells.
    InSystemCall,
    /// By another thread of the kernel itself.
    KernelThread,
    /// Nothing tells.
    Unknown,
}

impl Context {
    /// The word printed for it.
    pub fn name(self) -> &'static str {
        match self {
            Context::Idle => "idle",
            Context::Ksoftirqd => "ksoftirqd",
            Context::NapiThread => "napi_thread",
            Context::Interrupt => "interrupt",
            Context::SystemCallEnd => "syscall_end",
            Context::InSystemCall => "in_syscall",
            Context::KernelThread => "kernel_thread",
            Context::Unknown => "unknown",
        }
    }

    /// What it means, in a few words.
    pub fn meaning(self) -> &'static str {
        match self {
            Context::Idle => "an interrupt of the idle task",
            Context::Ksoftirqd => "ksoftirqd",
            Context::NapiThread => "a thread that polls one device",
            Context::Interrupt => "an interrupt of the task",
            Context::SystemCallEnd => "the task, when it let softirqs run again",
            Context::InSystemCall => "the task, or an interrupt of it",
            Context::KernelThread => "a thread of the kernel",
            Context::Unknown => "nothing tells",
        }
    }
}

/// Packets that were handled at once after a long gap: each within [`AT_ONCE_NS`] of the one before and a quarter of the mean
/// distance of packets on that CPU, or so in the mean of the eight from it on: between two of them the CPU may switch to another
/// task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backlog {
    /// The CPU.
    pub cpu: u32,
    /// When the last packet before the gap was handled, in ns.
    pub gap_start_ns: u64,
    /// When the first packet after it was, in ns.
    pub start_ns: u64,
    /// When the last of the backlog was, in ns.
    pub end_ns: u64,
    /// How many it holds.
    pub packets: u64,
}

impl Packets {
    /// How many packets were queued: those of all backlogs.
    pub fn queued(&self) -> u64 {
        self.backlogs.iter().map(|backlog| backlog.packets).sum()
    }

    /// The contexts, each with its number of packets and their share of all, from 0 to 1.
    pub fn context_shares(&self) -> impl Iterator<Item = (Context, u64, f64)> {
        let all = self.packets.len() as f64;
        self.contexts.iter().map(move |(context, packets)| (*context, *packets, *packets as f64 / all))
    }
}

impl Backlog {
    /// The length of the gap before it, in ns.
    pub fn gap_ns(&self) -> u64 {
        self.start_ns - self.gap_start_ns
    }

    /// How long it took to handle it, in ns.
    pub fn duration_ns(&self) -> u64 {
        self.end_ns - self.start_ns
    }
}

/// Packets of a backlog follow each other at least this closely: what was received long ago takes some microseconds each.
pub const AT_ONCE_NS: u64 = 50_000;
/// How many packets make the mean that bridges a pause.
const IN_THE_MEAN: usize = 8;
/// Fewer packets are no backlog.
const FEWEST: usize = 3;
/// A gap that is not so many times the mean distance of packets is an ordinary pause.
const LONG_GAP: u64 = 3;
/// A softirq that waited so long since it was raised did not run at the end of the interrupt that raised it: softirqs were off, and
/// whoever let them run again runs them (`__local_bh_enable_ip`, kernel/softirq.c).
const DEFERRED_NS: u64 = 100_000;
/// A softirq that begins so soon after an interrupt's handler returned runs at that interrupt's end (`irq_exit_rcu`).
const AFTER_HANDLER_NS: u64 = 20_000;

/// Finds the packets of `recording`, which must have been loaded with its events. An error if no event tells of them.
pub fn find(recording: &Recording, options: &Options) -> Result<Packets> {
    let (event, others) = packet_event(recording, options.event.as_deref())?;
    let mut found = Finder {
        recording,
        options,
        event,
        is_complete: recording.about.events[event.index()].is_complete(),
        is_selected: options.selection.tasks(recording),
        calls: calls::find(recording),
        by_stack: FxHashMap::default(),
        packets: Vec::new(),
        backlogs: Vec::new(),
    };
    for timeline in options.selection.timelines(recording) {
        found.timeline(timeline);
    }
    let Finder { packets, backlogs, is_complete, calls, .. } = found;
    let mut contexts: FxHashMap<Context, u64> = FxHashMap::default();
    packets.iter().for_each(|packet| *contexts.entry(packet.context).or_default() += 1);
    let mut contexts: Vec<(Context, u64)> = contexts.into_iter().collect();
    contexts.sort_by_key(|(context, packets)| (std::cmp::Reverse(*packets), *context));
    let name = |event: EventId| recording.about.events[event.index()].name.clone();
    let is_told = packets.iter().all(|packet| packet.context != Context::Unknown) || calls.is_traced;
    Ok(Packets {
        notes: notes(&name(event), is_complete, is_told),
        event: name(event),
        other_events: others.into_iter().map(name).collect(),
        packets,
        backlogs,
        contexts,
        gap_ns: options.gap_ns,
    })
}

/// What tells of packets, the most telling first: a probe on the ping's own function is of the
/// packets that somebody waits for.
const PACKET_TRACEPOINTS: [Tracepoint; 3] =
    [Tracepoint::IcmpEchoProbe, Tracepoint::NetifReceive, Tracepoint::GroReceive];

/// The event that tells of packets, and the others that do.
fn packet_event(recording: &Recording, asked: Option<&str>) -> Result<(EventId, Vec<EventId>)> {
    let events = &recording.about.events;
    let all_of = |tracepoint: Tracepoint| {
        let is_it = move |at: &usize| events[*at].tracepoint == Some(tracepoint);
        (0..events.len()).filter(is_it).map(EventId::from_index)
    };
    let mut known: Vec<EventId> = PACKET_TRACEPOINTS.into_iter().flat_map(all_of).collect();
    let meant = match asked {
        Some(asked) => {
            let is_asked = |event: &Event| event.is_tracepoint && event.name == asked;
            events.iter().position(is_asked).map(EventId::from_index)
        }
        None => known.iter().find(|event| events[event.index()].records > 0).or(known.first()).copied(),
    };
    let Some(event) = meant else {
        if let Some(why) = recording.diagnostics.iter().find(|diagnostic| diagnostic.code == "formats") {
            let remedy = why.remedy.as_deref().unwrap_or_default();
            return Err(Error::input(&recording.about.file, &*why.message, remedy));
        }
        let names: Vec<&str> = events.iter().map(|event| event.name.as_str()).collect();
        let names = names.join(", ");
        return Err(match asked {
            Some(asked) => Error::Usage(format!(
                "--packet-event {}: no tracepoint or probe of the recording has this name; it holds {names}",
                crate::model::clean(asked)
            )),
            None => Error::input(
                &recording.about.file,
                format!("no event tells of packets; it holds {names}"),
                format!("record with: {RECORD}; or name another event with --packet-event"),
            ),
        });
    };
    known.retain(|other| *other != event);
    Ok((event, known))
}

/// How to record what tells most.
pub const RECORD: &str = "perf record -a -g -e net:netif_receive_skb -- sleep 10";

struct Finder<'r> {
    recording: &'r Recording,
    options: &'r Options,
    event: EventId,
    is_complete: bool,
    is_selected: Vec<bool>,
    calls: Calls,
    by_stack: FxHashMap<StackId, Option<Context>>,
    packets: Vec<Packet>,
    backlogs: Vec<Backlog>,
}

/// What happened on a CPU before a packet.
#[derive(Default)]
struct Before {
    /// When NET_RX was raised, if it has not run since.
    raised_ns: Option<u64>,
    /// How long NET_RX waited, while it runs, in ns.
    waited_ns: Option<u64>,
    /// When an interrupt's handler returned, if neither a task nor a softirq did anything since.
    handler_ns: Option<u64>,
    /// When the softirq before returned.
    softirq_ns: Option<u64>,
    /// Whether the softirq that runs began at the end of an interrupt.
    is_after_handler: bool,
}

impl Before {
    fn event(&mut self, event: &TraceEvent) {
        match event.kind {
            TraceKind::SoftirqRaise(Softirq::NetRx) => {
                self.raised_ns = self.raised_ns.or(Some(event.time_ns))
            }
            TraceKind::SoftirqEntry(softirq) => {
                let since_ns = self.handler_ns.take().or(self.softirq_ns.filter(|_| self.is_after_handler));
                let is_soon = |since_ns| event.time_ns.saturating_sub(since_ns) <= AFTER_HANDLER_NS;
                self.is_after_handler = since_ns.is_some_and(is_soon);
                if softirq == Softirq::NetRx {
                    self.waited_ns =
                        self.raised_ns.take().map(|raised_ns| event.time_ns.saturating_sub(raised_ns));
                }
            }
            TraceKind::SoftirqExit(softirq) => {
                self.softirq_ns = Some(event.time_ns);
                if softirq == Softirq::NetRx {
                    self.waited_ns = None;
                }
            }
            TraceKind::InterruptExit { .. } => self.handler_ns = Some(event.time_ns),
            TraceKind::Switch { .. }
            | TraceKind::SwitchIn
            | TraceKind::SwitchOut { .. }
            | TraceKind::SystemCallEnter { .. }
            | TraceKind::SystemCallExit { .. } => {
                (self.handler_ns, self.is_after_handler) = (None, false);
            }
            _ => {}
        }
    }
}

impl Finder<'_> {
    fn timeline(&mut self, timeline: &Timeline) {
        let (first, first_backlog) = (self.packets.len(), self.backlogs.len());
        let mut before = Before::default();
        let mut last_ns = None;
        for event in timeline.trace.between(0, u64::MAX) {
            before.event(event);
            if event.event != Some(self.event) {
                continue;
            }
            let (device, bytes) = match event.kind {
                TraceKind::Packet { device, bytes } => (Some(device), Some(bytes)),
                _ => (None, None),
            };
            let call =
                self.calls.at(self.recording.task(event.task).tid, event.time_ns).map(|call| call.name);
            let gap_ns = last_ns.filter(|_| self.is_complete).map(|last_ns| event.time_ns - last_ns);
            let is_lossy =
                last_ns.is_some_and(|last_ns| !timeline.lost_in(last_ns, event.time_ns).is_empty());
            let context = self.context(event, &before, call.is_some());
            self.packets.push(Packet {
                time_ns: event.time_ns,
                cpu: timeline.cpu,
                task: event.task,
                context,
                call,
                device,
                bytes,
                gap_ns,
                is_lossy,
                backlog: None,
            });
            last_ns = Some(event.time_ns);
        }
        self.backlogs(first);
        self.select(first, first_backlog);
    }

    /// How the task came to handle the packet: by the call chain, if it has one that tells, else by the events before it.
    fn context(&mut self, event: &TraceEvent, before: &Before, is_in_call: bool) -> Context {
        let recording = self.recording;
        let task = recording.task(event.task);
        if task.is_swapper() {
            return Context::Idle;
        }
        if task.kind == TaskKind::Ksoftirqd {
            return Context::Ksoftirqd;
        }
        let by_stack =
            self.by_stack.entry(event.stack).or_insert_with(|| context_of_stack(recording, event.stack));
        if let Some(context) = *by_stack {
            return context;
        }
        if task.kind == TaskKind::NapiThread {
            return Context::NapiThread;
        }
        match is_in_call {
            _ if before.is_after_handler => Context::Interrupt,
            true if before.waited_ns.is_some_and(|waited_ns| waited_ns >= DEFERRED_NS) => {
                Context::SystemCallEnd
            }
            true => Context::InSystemCall,
            // In user space only an interrupt handles packets.
            false if self.calls.is_between(recording.task(event.task).tid, event.time_ns) => {
                Context::Interrupt
            }
            false => Context::Unknown,
        }
    }

    /// Finds the backlogs among the packets of one CPU, which begin at `first`.
    fn backlogs(&mut self, first: usize) {
        let packets = &mut self.packets[first..];
        let gaps: u64 = packets.iter().filter_map(|packet| packet.gap_ns).sum();
        let mean_ns = gaps / (packets.len() as u64).max(1);
        let is_close = |ns: u64, packets: u64| ns <= AT_ONCE_NS.min(mean_ns / 4).saturating_mul(packets);
        let is_at_once = |rest: &[Packet]| {
            let gaps = rest.iter().take(IN_THE_MEAN).map_while(|packet| packet.gap_ns);
            rest.first().and_then(|first| first.gap_ns).is_some_and(|gap| is_close(gap, 1))
                || rest.len() >= IN_THE_MEAN && is_close(gaps.sum(), IN_THE_MEAN as u64)
        };
        let least_ns = self.options.gap_ns.max(mean_ns.saturating_mul(LONG_GAP)).max(1);
        let mut at = 0;
        while let Some(packet) = packets.get(at) {
            let start = at;
            at += 1;
            let Some(gap_ns) = packet.gap_ns.filter(|gap_ns| *gap_ns >= least_ns && !packet.is_lossy) else {
                continue;
            };
            while is_at_once(&packets[at..]) {
                at += 1;
            }
            let backlog = &mut packets[start..at];
            if backlog.len() < FEWEST {
                continue;
            }
            let number = self.backlogs.len() as u32;
            backlog.iter_mut().for_each(|packet| packet.backlog = Some(number));
            self.backlogs.push(Backlog {
                cpu: backlog[0].cpu,
                gap_start_ns: backlog[0].time_ns - gap_ns,
                start_ns: backlog[0].time_ns,
                end_ns: backlog[backlog.len() - 1].time_ns,
                packets: backlog.len() as u64,
            });
        }
    }

    /// Drops the packets from `first` on that are not meant, and the backlogs from `first_backlog` on that none is left of.
    fn select(&mut self, first: usize, first_backlog: usize) {
        let (start_ns, stop_ns) = self.options.selection.time.bounds(self.recording);
        let is_meant = |packet: &Packet| {
            self.is_selected[packet.task.index()] && (start_ns..=stop_ns).contains(&packet.time_ns)
        };
        let mut kept: Vec<Packet> = self.packets.drain(first..).filter(is_meant).collect();
        let found = self.backlogs.split_off(first_backlog);
        let mut last = None;
        for packet in &mut kept {
            let Some(number) = packet.backlog else {
                continue;
            };
            if last.replace(number) != Some(number) {
                self.backlogs.push(found[number as usize - first_backlog]);
            }
            packet.backlog = Some(self.backlogs.len() as u32 - 1);
        }
        self.packets.extend(kept);
    }
}

/// What a call chain tells; `None` if it has no kernel functions with names.
fn context_of_stack(recording: &Recording, stack: StackId) -> Option<Context> {
    let (mut is_named, mut is_interrupt) = (false, false);
    for function in recording.functions_leaf_first(stack) {
        let function = recording.function(function);
        if function.mode != Mode::Kernel {
            break;
        }
        is_named |= function.naming == Naming::Named;
        match function.kind {
            FrameKind::InterruptEntry => is_interrupt = true,
            FrameKind::Idle if is_interrupt => return Some(Context::Idle),
            FrameKind::SystemCallEntry if !is_interrupt => return Some(Context::SystemCallEnd),
            FrameKind::ThreadEntry if !is_interrupt => return Some(Context::KernelThread),
            _ => {}
        }
    }
    (is_named && is_interrupt).then_some(Context::Interrupt)
}

/// What the user should know about the packets.
fn notes(event: &str, is_complete: bool, is_told: bool) -> Vec<Diagnostic> {
    let mut notes = Vec::new();
    if !is_complete {
        let message = format!(
            "{event} was sampled (-F or -c on the command line), so not each packet is in the file, and no gap can be told"
        );
        let remedy = format!("record with: {RECORD}");
        notes.push(Diagnostic::new(Severity::Warning, "sampled_event", 1, &message, &remedy));
    }
    if !is_told {
        let message = "in which context a task handled packets is told by call chains of the event (-g), or by system calls \
                       that were traced; the recording has neither for some";
        notes.push(Diagnostic::new(Severity::Info, "context", 1, message, &format!("record with: {RECORD}")));
    }
    notes
}
