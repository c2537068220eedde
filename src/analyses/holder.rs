//! The holder of a CPU: a task, the softirq or interrupt that interrupted one, or the machine.

use crate::model::{NameId, Softirq};

/// The holder of a CPU. `T` identifies a task: by its id, or by its comm where tasks with one comm
/// count as one.
///
/// The task that a softirq or an interrupt ran on top of is a bystander: it is never the holder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Holder<T> {
    /// A task.
    Task(T),
    /// A softirq's action.
    Softirq(Softirq),
    /// The handler of an interrupt; which one, where its tracepoint was recorded.
    Interrupt(Option<Interrupt>),
    /// The machine itself: it stood still, because its hypervisor, its firmware or `stop_machine`
    /// took its CPUs. No task is to blame.
    Machine,
}

/// An interrupt, as `irq:irq_handler_entry` names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub struct Interrupt {
    /// Its number.
    pub irq: i32,
    /// The name under which its handler is registered.
    pub name: NameId,
}

impl<T> Holder<T> {
    /// The same holder, with the task identified in another way.
    pub fn map<U>(self, task: impl FnOnce(T) -> U) -> Holder<U> {
        match self {
            Holder::Task(id) => Holder::Task(task(id)),
            Holder::Softirq(softirq) => Holder::Softirq(softirq),
            Holder::Interrupt(interrupt) => Holder::Interrupt(interrupt),
            Holder::Machine => Holder::Machine,
        }
    }

    /// The softirq, if it is one.
    pub fn softirq(self) -> Option<Softirq> {
        match self {
            Holder::Softirq(softirq) => Some(softirq),
            Holder::Task(_) | Holder::Interrupt(_) | Holder::Machine => None,
        }
    }

    /// The task, if it is one.
    pub fn task(self) -> Option<T> {
        match self {
            Holder::Task(task) => Some(task),
            Holder::Softirq(_) | Holder::Interrupt(_) | Holder::Machine => None,
        }
    }
}
