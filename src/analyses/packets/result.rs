//! The result: packets, each with its context and the gap before it, and backlogs.

use crate::model::{Diagnostic, NameId, TaskId};

/// The result.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Packets {
    /// The event that is recorded for each packet.
    pub event: String,
    /// Other events for packets in the recording.
    pub other_events: Vec<String>,
    /// The selected packets, by CPU, then by time.
    pub packets: Vec<Packet>,
    /// The backlogs that these packets are in, in the same order.
    pub backlogs: Vec<Backlog>,
    /// The number of packets in each context, the most frequent first.
    pub contexts: Vec<(Context, u64)>,
    /// What the user should know about the result.
    pub notes: Vec<Diagnostic>,
    /// See [`Options::gap_ns`](super::Options::gap_ns).
    pub gap_ns: u64,
}

/// A packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Packet {
    /// When it was handled, in ns.
    pub time_ns: u64,
    /// The CPU that handled it.
    pub cpu: u32,
    /// The task that had the CPU.
    pub task: TaskId,
    /// Why the task handled it.
    pub context: Context,
    /// The system call that the task was in, where known.
    pub call: Option<NameId>,
    /// The device, if the event has it.
    pub device: Option<NameId>,
    /// The packet's length in bytes, if the event has it.
    pub bytes: Option<u32>,
    /// The time since the packet before it on this CPU, in ns; `None` for the first packet, and
    /// where not every packet was recorded.
    pub gap_ns: Option<u64>,
    /// Whether records were lost in that time, so that there may be no gap.
    pub is_lossy: bool,
    /// The index of its backlog in [`Packets::backlogs`].
    pub backlog: Option<u32>,
}

/// Why a task handled a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Context {
    /// The CPU was idle, and the packet was handled at the end of an interrupt.
    Idle,
    /// The task is ksoftirqd.
    Ksoftirqd,
    /// The task is a thread that polls one device (`napi/…`).
    NapiThread,
    /// At the end of an interrupt of the task.
    Interrupt,
    /// By the task itself in its system call, when it enabled softirqs again.
    SystemCallEnd,
    /// In a system call, by the task itself or at the end of an interrupt: it is unknown which.
    InSystemCall,
    /// By another kernel thread.
    KernelThread,
    /// Unknown.
    Unknown,
}

impl Context {
    /// The word printed for the context.
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

    /// The meaning of the context, in a few words.
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

/// Packets that were handled at once after a long gap. Each follows the one before within
/// [`AT_ONCE_NS`](super::AT_ONCE_NS) and within a quarter of the mean distance of packets on that
/// CPU; or the mean distance of the next eight packets does, since the CPU may switch to another
/// task between two packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Backlog {
    /// The CPU.
    pub cpu: u32,
    /// When the last packet before the gap was handled, in ns.
    pub gap_start_ns: u64,
    /// When the first packet after the gap was handled, in ns.
    pub start_ns: u64,
    /// When the last packet of the backlog was handled, in ns.
    pub end_ns: u64,
    /// The number of packets.
    pub packets: u64,
    /// The longest time in the gap for which NET_RX was raised and not served, in ns; `None` where
    /// that was not traced.
    pub waited_ns: Option<u64>,
    /// Why the packets came at once; `None` where nothing tells.
    pub cause: Option<Cause>,
}

/// Why packets came at once after a gap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// They waited on this machine: it did not serve NET_RX.
    Held,
    /// They arrived together: the sender paused, or the network.
    Sender,
}

impl Cause {
    /// The word for it in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Cause::Held => "held",
            Cause::Sender => "sender",
        }
    }
}

impl Packets {
    /// How many backlogs have this cause; `None` is an unknown one.
    pub fn backlogs_by(&self, cause: Option<Cause>) -> u64 {
        self.backlogs.iter().filter(|backlog| backlog.cause == cause).count() as u64
    }

    /// The number of queued packets: the packets of all backlogs.
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
