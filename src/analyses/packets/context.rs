//! The context of a packet: why the task that had the CPU handled it.

use rustc_hash::FxHashMap;

use crate::analyses::calls::Calls;
use crate::model::{FrameKind, Mode, Naming, Recording, Softirq, StackId, TaskKind, TraceEvent, TraceKind};

use super::result::Context;

/// A softirq that waited for this long since it was raised did not run at the end of the interrupt
/// that raised it: softirqs were disabled, and the code that enabled them again ran it
/// (`__local_bh_enable_ip`, kernel/softirq.c).
const DEFERRED_NS: u64 = 100_000;
/// A softirq that begins within this time after an interrupt's handler returned runs at the end of
/// that interrupt (`irq_exit_rcu`).
const AFTER_HANDLER_NS: u64 = 20_000;

/// What happened on a CPU before a packet.
#[derive(Default)]
pub(super) struct History {
    /// When NET_RX was raised, if it has not run since.
    raised_ns: Option<u64>,
    /// How long NET_RX waited, while it runs, in ns.
    waited_ns: Option<u64>,
    /// When an interrupt's handler returned, if no event of a task or softirq followed.
    handler_ns: Option<u64>,
    /// When the previous softirq returned.
    softirq_ns: Option<u64>,
    /// Whether the softirq that runs began at the end of an interrupt.
    is_after_handler: bool,
}

impl History {
    /// Takes the next event of the CPU.
    pub fn take(&mut self, event: &TraceEvent) {
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

/// Finds the context of packets.
pub(super) struct ContextFinder<'r> {
    recording: &'r Recording,
    calls: &'r Calls,
    /// The contexts that stacks show, by stack.
    by_stack: FxHashMap<StackId, Option<Context>>,
}

impl<'r> ContextFinder<'r> {
    pub fn new(recording: &'r Recording, calls: &'r Calls) -> Self {
        ContextFinder { recording, calls, by_stack: FxHashMap::default() }
    }

    /// The context of a packet: from its call chain if that shows it, else from the events before
    /// it.
    pub fn context(&mut self, event: &TraceEvent, history: &History, is_in_call: bool) -> Context {
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
            _ if history.is_after_handler => Context::Interrupt,
            true if history.waited_ns.is_some_and(|waited_ns| waited_ns >= DEFERRED_NS) => {
                Context::SystemCallEnd
            }
            true => Context::InSystemCall,
            // In user space only an interrupt handles packets.
            false if self.calls.is_between(task.tid, event.time_ns) => Context::Interrupt,
            false => Context::Unknown,
        }
    }
}

/// The context that a call chain shows; `None` if it has no kernel functions with names.
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
