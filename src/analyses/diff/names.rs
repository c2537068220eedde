//! The names of culprits: who held the CPU and in what, as texts, so that culprits of different
//! recordings can be compared. Nothing else of a recording is compared by its text.

use std::fmt;

use crate::analyses::contexts::Owner;
use crate::analyses::holder::Holder;
use crate::analyses::paths::Path;
use crate::analyses::stalls::{Stall, key_of};
use crate::causes::Alternative;
use crate::model::{NameId, Recording, Softirq, chosen};

/// Who held a CPU.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Actor {
    /// The tasks of this comm.
    Task(String),
    /// Threads of the kernel, which take turns: what they do is the same.
    KernelThread,
    /// A softirq's action.
    Softirq(Softirq),
    /// The handler of an interrupt; the name under which it is registered, where recorded. Its
    /// number may be another after each boot.
    Interrupt(Option<String>),
    /// The machine itself, which stood still.
    Machine,
    /// Nobody knows.
    Nobody,
}

/// What the stalls of one culprit have in common, as in the ranking of stalls: the holder, the
/// owner of the path, and the system call or the function that the path begins with.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct CulpritName {
    /// Who held the CPU.
    pub actor: Actor,
    /// The owner of the path; `None` if no sample shows it, and for handlers.
    pub owner: Option<Owner>,
    /// The system call, else the function that the path begins with.
    pub work: Option<String>,
}

impl CulpritName {
    /// Who caused a stall.
    pub(in crate::analyses) fn of_stall(recording: &Recording, stall: &Stall) -> CulpritName {
        match &stall.culprit {
            Some(culprit) => {
                CulpritName::new(recording, culprit.holder_by_comm(recording), culprit.path.as_ref())
            }
            None => CulpritName { actor: Actor::Nobody, owner: None, work: None },
        }
    }

    /// Whoever `holder` is, in this kind of path.
    pub(in crate::analyses) fn new(
        recording: &Recording,
        holder: Holder<NameId>,
        path: Option<&Path>,
    ) -> CulpritName {
        let name = |id: NameId| recording.name(id).to_owned();
        let (holder, owner, work) = key_of(holder, path);
        let actor = match holder {
            Holder::Task(Some(comm)) => Actor::Task(name(comm)),
            Holder::Task(None) => Actor::KernelThread,
            Holder::Softirq(softirq) => Actor::Softirq(softirq),
            Holder::Interrupt(interrupt) => Actor::Interrupt(interrupt.map(|interrupt| name(interrupt.name))),
            Holder::Machine => Actor::Machine,
        };
        CulpritName { actor, owner, work: work.map(|work| as_in_source(recording.name(work)).to_owned()) }
    }
}

/// In a few words: `node_exporter lseek`, `softirq net_rx`. They are those of the other reports,
/// but for threads of the kernel, which have no name of their own here.
impl fmt::Display for CulpritName {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        match &self.actor {
            Actor::Task(comm) => formatter.write_str(&chosen(comm))?,
            Actor::KernelThread => formatter.write_str("kernel thread")?,
            Actor::Softirq(softirq) => write!(formatter, "softirq {}", softirq.name())?,
            Actor::Interrupt(Some(handler)) => write!(formatter, "interrupt {}", chosen(handler))?,
            Actor::Interrupt(None) => formatter.write_str("interrupt")?,
            Actor::Machine => formatter.write_str("the machine itself")?,
            Actor::Nobody => formatter.write_str("nobody knows")?,
        }
        match (self.owner, &self.work) {
            (None, _) => Ok(()),
            (_, Some(work)) => write!(formatter, " {work}"),
            (Some(Owner::SystemCall), None) => formatter.write_str(" (system call)"),
            (Some(Owner::Exception), None) => formatter.write_str(" (exception)"),
            (Some(_), None) => formatter.write_str(" (kernel)"),
        }
    }
}

/// The name of a function in the source: another build of a kernel may have other copies of it,
/// such as `walk.isra.0` and `walk.constprop.0`.
fn as_in_source(name: &str) -> &str {
    Alternative::as_written(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copies_of_a_function_have_its_name() {
        let names = ["traverse", "walk.isra.0", "walk.constprop.1.cold", ".text"].map(as_in_source);
        assert_eq!(names, ["traverse", "walk", "walk", ".text"]);
    }
}
