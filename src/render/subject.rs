//! The subject of a line of text: the one place that decides how a culprit is named. JSON has the
//! parts of the name as fields.
//!
//! A task is named by its comm, a softirq as `softirq net_rx`, an interrupt as `interrupt eth0`,
//! and a machine that stood still as `the machine itself`.
//! The task that a softirq or an interrupt ran on top of is a bystander and is never named here.

use std::borrow::Cow;

use crate::analyses::paths::{Owner, Path};
use crate::analyses::stalls::{Culprit, Holder};
use crate::model::{NameId, Recording, chosen};

/// The name of a holder: `node_exporter`, `softirq net_rx`, `interrupt eth0`.
pub fn holder(recording: &Recording, holder: Holder<NameId>) -> Cow<'_, str> {
    match holder {
        Holder::Task(comm) => chosen(recording.name(comm)),
        Holder::Softirq(softirq) => format!("softirq {}", softirq.name()).into(),
        Holder::Interrupt(Some(interrupt)) => {
            format!("interrupt {}", chosen(recording.name(interrupt.name))).into()
        }
        Holder::Interrupt(None) => "interrupt".into(),
        Holder::Machine => "the machine itself".into(),
    }
}

/// A culprit in a few words: `node_exporter lseek`, `softirq net_rx`.
pub fn culprit(recording: &Recording, culprit: &Culprit) -> String {
    let name = holder(recording, culprit.holder_by_comm(recording));
    match culprit_work(recording, culprit) {
        Some(work) => format!("{name} {work}"),
        None => name.into_owned(),
    }
}

/// The known work of a culprit that is a task: the system call's name if there is one.
pub fn culprit_work<'r>(recording: &'r Recording, culprit: &Culprit) -> Option<&'r str> {
    culprit.holder.task()?;
    match (&culprit.path, &culprit.call) {
        (Some(path), _) if path.owner != Owner::Unknown => {
            Some(work(recording, path.owner, path.system_call))
        }
        (_, Some(call)) => Some(recording.name(call.name)),
        (Some(path), None) => Some(work(recording, path.owner, None)),
        (None, None) => None,
    }
}

/// A holder and its path in a few words: `node_exporter lseek`, `softirq net_rx`.
pub fn held_by(recording: &Recording, held_by: Holder<NameId>, path: &Path) -> String {
    let name = holder(recording, held_by);
    match held_by {
        Holder::Task(_) => format!("{name} {}", work(recording, path.owner, path.system_call)),
        Holder::Softirq(_) | Holder::Interrupt(_) | Holder::Machine => name.into_owned(),
    }
}

/// The owner of a path, in one or two words: the system call's name if a frame shows it.
pub fn work(recording: &Recording, owner: Owner, system_call: Option<NameId>) -> &str {
    match (owner, system_call) {
        (Owner::SystemCall, Some(call)) => recording.name(call),
        (Owner::SystemCall, None) => "(system call)",
        (Owner::KernelThread, _) => "(kernel thread)",
        (Owner::Exception, _) => "(exception)",
        (Owner::Softirq, _) => "(softirq)",
        (Owner::Interrupt, _) => "(interrupt)",
        (Owner::Unknown, _) => "(kernel)",
    }
}

/// A holder and its path as the subject of a sentence: `node_exporter, in system call lseek, at
/// traverse,`.
pub fn clause(recording: &Recording, held_by: Holder<NameId>, path: Option<&Path>) -> String {
    let name = holder(recording, held_by);
    let Some(path) = path else { return format!("{name},") };
    let Some(function) = path.function.map(|function| recording.name(function)) else {
        return format!("{name}, in the kernel,");
    };
    match (path.owner, path.system_call) {
        (Owner::Unknown, _) => format!("{name}, in the kernel, at {function},"),
        (Owner::SystemCall, Some(call)) => {
            format!("{name}, in system call {}, at {function},", recording.name(call))
        }
        (Owner::SystemCall, None) => format!("{name}, in a system call, at {function},"),
        (Owner::KernelThread, _) => format!("{name}, a kernel thread, at {function},"),
        (Owner::Exception, _) => format!("{name}, in an exception, at {function},"),
        (Owner::Softirq | Owner::Interrupt, _) => format!("{name}, at {function},"),
    }
}
