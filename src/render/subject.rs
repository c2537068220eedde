//! Names of who held a CPU and of what it did there.

use std::borrow::Cow;

use crate::analyses::contexts::Owner;
use crate::analyses::paths::Path;
use crate::analyses::stalls::Handler;
use crate::model::{NameId, Recording};

/// Whose work a path is, in one or two words: the system call's name where a frame tells.
pub fn work(recording: &Recording, owner: Owner, system_call: Option<NameId>) -> &str {
    match (owner, system_call) {
        (Owner::SystemCall, Some(call)) => recording.name(call),
        (Owner::SystemCall, None) => "(system call)",
        (Owner::KernelThread, _) => "(kernel thread)",
        (Owner::Exception, _) => "(exception)",
        (Owner::Softirq, _) => "(softirq)",
        (Owner::Interrupt, _) => "(interrupt)",
    }
}

/// Who held a CPU: the comm, or `softirq timer`, `interrupt`: what interrupts a task is not the
/// task's doing.
pub fn holder_name(recording: &Recording, handler: Option<Handler>, comm: NameId) -> Cow<'_, str> {
    match handler {
        Some(Handler::Softirq(softirq)) => format!("softirq {}", softirq.name()).into(),
        Some(Handler::Interrupt) => "interrupt".into(),
        None => recording.name(comm).into(),
    }
}

/// A comm and its path as the subject of a sentence.
pub fn who(recording: &Recording, comm: NameId, path: &Path) -> String {
    let comm = recording.name(comm);
    let function = path.function().map_or("", |name| recording.name(name));
    match (path.owner, path.system_call) {
        (Owner::SystemCall, Some(call)) => {
            format!("{comm}, in system call {}, at {function},", recording.name(call))
        }
        (Owner::SystemCall, None) => format!("{comm}, in a system call, at {function},"),
        (Owner::KernelThread, _) => format!("{comm}, a kernel thread, at {function},"),
        (Owner::Exception, _) => format!("{comm}, in an exception, at {function},"),
        (Owner::Softirq, _) => format!("{comm}, in a softirq, at {function},"),
        (Owner::Interrupt, _) => format!("{comm}, in an interrupt, at {function},"),
    }
}
