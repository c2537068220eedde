//! Who held a CPU, as the columns that several tables share.

use crate::analyses::causes::KnownCause;
use crate::analyses::diff::CulpritName;
use crate::analyses::holder::{Holder, Interrupt};
use crate::analyses::paths::Path;
use crate::analyses::stalls::{Culprit, CulpritSummary, Stall};
use crate::analyses::windows::Dominating;
use crate::model::{CgroupId, NameId, Recording, TaskId};

use super::row::Who;

impl Who {
    /// The culprit of a stall.
    pub(super) fn of_stall(recording: &Recording, stall: &Stall) -> Who {
        let Some(culprit) = &stall.culprit else {
            let nobody = CulpritName::of_stall(recording, stall).to_string();
            return Who { culprit: Some(nobody), ..Who::default() };
        };
        let holder = culprit.holder_by_comm(recording);
        let mut who = Who::new(recording, holder, culprit.path.as_ref(), culprit.cgroup);
        who.set_task(recording, culprit.holder);
        who.set_interrupted(culprit.interrupted().map(|task| recording.comm(task)));
        who.set_call(recording, culprit);
        who.set_causes(&stall.causes);
        who
    }

    /// The culprit of several.
    pub(super) fn of_summary(recording: &Recording, summary: &CulpritSummary) -> Who {
        let mut who = Who::new(recording, summary.holder, summary.path.as_ref(), summary.cgroup);
        who.set_interrupted(summary.interrupted.map(|comm| recording.name(comm)));
        who.set_causes(&summary.causes);
        who
    }

    /// Who dominates a window.
    pub(super) fn of_window(recording: &Recording, dominating: &Dominating) -> Who {
        let holder = dominating.holder.map(|task| recording.task(task).comm);
        let mut who = Who::new(recording, holder, Some(&dominating.path), dominating.cgroup);
        who.set_task(recording, dominating.holder);
        if dominating.holder.task().is_none() {
            who.set_interrupted(Some(recording.comm(dominating.task)));
        }
        who
    }

    fn new(recording: &Recording, holder: Holder<NameId>, path: Option<&Path>, cgroup: CgroupId) -> Who {
        let name = |id: NameId| recording.name(id).to_owned();
        let mut who = Who {
            culprit: Some(CulpritName::new(recording, holder, path).to_string()),
            owner: path.map(|path| path.owner.name()),
            syscall: path.and_then(|path| path.system_call).map(name),
            function: path.and_then(|path| path.function).map(name),
            path: path.and_then(|path| folded(recording, &path.functions)),
            ..Who::default()
        };
        match holder {
            Holder::Task(comm) => (who.holder, who.comm) = (Some("task"), Some(name(comm))),
            Holder::Softirq(softirq) => {
                (who.holder, who.softirq) = (Some("softirq"), Some(softirq.name()));
            }
            Holder::Interrupt(interrupt) => {
                who.holder = Some("interrupt");
                who.irq = interrupt.map(|interrupt: Interrupt| interrupt.irq);
                who.interrupt = interrupt.map(|interrupt| name(interrupt.name));
            }
            Holder::Machine => who.holder = Some("machine"),
        }
        if let Some(cgroup) = recording.cgroup(cgroup) {
            who.cgroup = Some(name(cgroup.path));
            who.pod_uid = cgroup.pod_uid.as_deref().map(str::to_owned);
            who.container_id = cgroup.container_id.as_deref().map(str::to_owned);
        }
        who
    }

    fn set_task(&mut self, recording: &Recording, holder: Holder<TaskId>) {
        let task = holder.task().map(|task| recording.task(task));
        (self.pid, self.tid) = (task.map(|task| task.pid), task.map(|task| task.tid));
    }

    fn set_interrupted(&mut self, comm: Option<&str>) {
        self.interrupted = comm.map(str::to_owned);
    }

    /// A system call that was traced, where no sample shows it.
    fn set_call(&mut self, recording: &Recording, culprit: &Culprit) {
        if let (None, Some(call)) = (&self.syscall, &culprit.call) {
            self.syscall = Some(recording.name(call.name).to_owned());
        }
    }

    fn set_causes(&mut self, causes: &[KnownCause]) {
        let surest = causes.first();
        self.cause = surest.map(|surest| surest.cause.name.clone());
        self.certainty = surest.map(|surest| surest.certainty.name());
    }
}

/// Functions as a folded stack, outermost first; `None` if there are none.
fn folded(recording: &Recording, functions: &[NameId]) -> Option<String> {
    let names = functions.iter().map(|name| recording.name(*name));
    (!functions.is_empty()).then(|| names.collect::<Vec<_>>().join(";"))
}
