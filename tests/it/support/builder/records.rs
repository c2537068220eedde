//! The records other than samples, by the names that perf_event.h gives them.

use super::bytes::{put_name, put_task, put32, put64, words};
use super::constants::{misc, record};
use super::file::Builder;
use super::kernel::Kernel;
use super::mmap::Mmap;
use super::origin::{KERNEL_PID, Task};

impl Builder {
    /// The kernel's map: MMAP, pid −1, page offset = address of `_text` (synthetic-events.c).
    pub fn kernel_map(&mut self, kernel: &Kernel) -> &mut Self {
        self.kernel_map_of(kernel, kernel.text_len())
    }

    /// The same of any length.
    pub fn kernel_map_of(&mut self, kernel: &Kernel, length: u64) -> &mut Self {
        let mut body = Vec::new();
        put_task(&mut body, (KERNEL_PID, 0));
        [kernel.text(), length, kernel.text()].iter().for_each(|value| put64(&mut body, *value));
        put_name(&mut body, Kernel::MAP_NAME);
        self.sideband(record::MMAP, misc::KERNEL, body, (0, 0))
    }

    /// MMAP2.
    pub fn mmap2(&mut self, map: Mmap) -> &mut Self {
        let body = map.body();
        self.sideband(record::MMAP2, map.misc, body, map.task)
    }

    /// COMM: the task's name is now this.
    pub fn comm(&mut self, task: Task, name: &str) -> &mut Self {
        let mut body = Vec::new();
        put_task(&mut body, task);
        put_name(&mut body, name);
        self.sideband(record::COMM, 0, body, task)
    }

    /// FORK: `child` was made by `parent`; a thread if the pids are equal.
    pub fn fork(&mut self, child: Task, parent: Task) -> &mut Self {
        // perf marks the records that it makes up, so that no reader inherits the parent's maps.
        let misc = if self.moment.is_none() { misc::FORK_EXEC } else { 0 };
        let body = self.family(child, parent);
        self.sideband(record::FORK, misc, body, parent)
    }

    /// EXIT of a task.
    pub fn exit(&mut self, task: Task, parent: Task) -> &mut Self {
        let body = self.family(task, parent);
        self.sideband(record::EXIT, 0, body, task)
    }

    fn family(&self, task: Task, parent: Task) -> Vec<u8> {
        let mut body = Vec::new();
        [task.0, parent.0, task.1, parent.1].iter().for_each(|value| put32(&mut body, *value));
        put64(&mut body, self.moment.unwrap_or_default().time);
        body
    }

    /// LOST: this many records of the event with this id were lost before here.
    pub fn lost(&mut self, id: u64, records: u64) -> &mut Self {
        self.sideband(record::LOST, 0, words(&[id, records]), (0, 0))
    }

    /// THROTTLE: the kernel pauses the event with this id.
    pub fn throttle(&mut self, id: u64) -> &mut Self {
        self.sideband(record::THROTTLE, 0, self.pause(id), (0, 0))
    }

    /// UNTHROTTLE: the kernel resumes the event with this id.
    pub fn unthrottle(&mut self, id: u64) -> &mut Self {
        self.sideband(record::UNTHROTTLE, 0, self.pause(id), (0, 0))
    }

    /// Time, id and stream id (`perf_log_throttle`, kernel/events/core.c).
    fn pause(&self, id: u64) -> Vec<u8> {
        words(&[self.moment.unwrap_or_default().time, id, id])
    }

    /// CALLCHAIN_DEFERRED: the user chain of `task`'s samples with this cookie.
    pub fn callchain_deferred(&mut self, task: Task, cookie: u64, entries: &[u64]) -> &mut Self {
        let body = words(&[&[cookie, entries.len() as u64], entries].concat());
        self.sideband(record::CALLCHAIN_DEFERRED, 0, body, task)
    }

    /// CGROUP: the path of a cgroup's id.
    pub fn cgroup(&mut self, id: u64, path: &str) -> &mut Self {
        let mut body = words(&[id]);
        put_name(&mut body, path);
        self.sideband(record::CGROUP, 0, body, (0, 0))
    }

    /// KSYMBOL of a BPF program: it is now at `[start, start + len)`, or has been removed.
    pub fn ksymbol(&mut self, name: &str, start: u64, len: u32, gone: bool) -> &mut Self {
        let mut body = words(&[start]);
        put32(&mut body, len);
        put32(&mut body, 1 | u32::from(gone) << 16); // PERF_RECORD_KSYMBOL_TYPE_BPF, then the flags
        put_name(&mut body, name);
        self.sideband(record::KSYMBOL, 0, body, (0, 0))
    }

    /// SWITCH_CPU_WIDE: `task` comes to this CPU after `previous`.
    pub fn switch_in(&mut self, task: Task, previous: Task) -> &mut Self {
        let mut body = Vec::new();
        put_task(&mut body, previous);
        self.sideband(record::SWITCH_CPU_WIDE, 0, body, task)
    }

    /// SWITCH, as in a recording of one task: it leaves a CPU or comes to one.
    pub fn switch(&mut self, task: Task, out: bool) -> &mut Self {
        let misc = if out { misc::SWITCH_OUT } else { 0 };
        self.sideband(record::SWITCH, misc, Vec::new(), task)
    }

    /// FINISHED_ROUND: perf promises that no record after it is older than the round before.
    pub fn finished_round(&mut self) -> &mut Self {
        self.raw(record::FINISHED_ROUND, 0, &[])
    }
}
