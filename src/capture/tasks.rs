//! The tasks and the code as they were at the moment where the memory of a flight begins.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;
use std::rc::Rc;

use linux_perf_event_reader::RecordType;

use super::parse::{Record, records};
use super::records::{KERNEL, Records};
use super::synthesis;

/// Set in COMM records of a thread that executed a program (include/uapi/linux/perf_event.h).
const COMM_EXEC: u16 = 1 << 13;
/// Positions in records (include/uapi/linux/perf_event.h).
const PID: usize = 8;
const TID: usize = 12;
const COMM: usize = 16;
const FORK_PARENT: usize = 12;
const FORK_TID: usize = 16;
const FORK_PARENT_TID: usize = 20;
/// More bytes of mappings of a process, or of the kernel's code, are read again from /proc, which
/// has only those that are left; and again when there are twice as many as then.
const MOST_BYTES: usize = 1 << 20;

/// All tasks, and all code.
#[derive(Default)]
pub struct Tasks {
    processes: HashMap<i32, Process>,
    /// Records of the kernel's code and of control groups.
    kernel: Vec<u8>,
    /// How many bytes of those there may be.
    most_kernel: usize,
    /// The processes that /proc did not have when it was last asked.
    gone: BTreeSet<i32>,
}

#[derive(Default)]
struct Process {
    parent: i32,
    /// The comm of each thread.
    threads: BTreeMap<i32, Vec<u8>>,
    /// Records of its mappings, perhaps as those of the process that made this one. Both share them
    /// until one of them changes.
    maps: Rc<Vec<u8>>,
    /// How many bytes of those there may be.
    most_maps: usize,
}

impl Tasks {
    /// Those of this moment.
    pub(super) fn now(pids: &[i32], has_cgroups: bool) -> Tasks {
        let mut tasks = Tasks::default();
        let mut all = Records::default();
        synthesis::processes(pids, &mut all);
        records(&all.bytes).for_each(|record| tasks.apply(&record));
        tasks.kernel = kernel(has_cgroups);
        tasks.most_kernel = most(&tasks.kernel);
        tasks
    }

    /// What a record of side band changes.
    pub fn apply(&mut self, record: &Record) {
        let _ = self.change(record);
    }

    fn change(&mut self, record: &Record) -> Option<()> {
        let number = |at| Some(record.u32(at)? as i32);
        match record.kind {
            RecordType::COMM => {
                let process = self.processes.entry(number(PID)?).or_default();
                if record.misc & COMM_EXEC != 0 {
                    // All threads but this one are gone, and it has the process's number now.
                    process.threads.clear();
                    process.maps = Rc::default();
                }
                process.threads.insert(number(TID)?, record.text(COMM).to_vec());
            }
            RecordType::FORK => {
                let (pid, parent) = (number(PID)?, number(FORK_PARENT)?);
                let (tid, parent_tid) = (number(FORK_TID)?, number(FORK_PARENT_TID)?);
                let made_by = self.processes.get(&parent);
                let comm = made_by.and_then(|process| process.threads.get(&parent_tid)).cloned();
                let maps = made_by.filter(|_| pid != parent).map(|process| Rc::clone(&process.maps));
                let process = self.processes.entry(pid).or_default();
                if pid != parent {
                    *process = Process { parent, maps: maps.unwrap_or_default(), ..Process::default() };
                }
                process.threads.insert(tid, comm.unwrap_or_default());
            }
            RecordType::EXIT => {
                let pid = number(PID)?;
                let process = self.processes.get_mut(&pid)?;
                process.threads.remove(&number(FORK_TID)?);
                if process.threads.is_empty() {
                    self.processes.remove(&pid);
                }
            }
            RecordType::MMAP | RecordType::MMAP2 if number(PID)? == KERNEL => {
                self.kernel.extend(record.bytes);
            }
            RecordType::MMAP | RecordType::MMAP2 => {
                let pid = number(PID)?;
                let process = self.processes.entry(pid).or_default();
                Rc::make_mut(&mut process.maps).extend(record.bytes);
                if process.maps.len() > process.most_maps.max(MOST_BYTES) {
                    let mut maps = Records::default();
                    synthesis::maps(pid, &mut maps);
                    process.most_maps = most(&maps.bytes);
                    process.maps = Rc::new(maps.bytes);
                }
            }
            RecordType::KSYMBOL | RecordType::CGROUP => {
                self.kernel.extend(record.bytes);
                if self.kernel.len() > self.most_kernel.max(MOST_BYTES) {
                    self.kernel = kernel(true);
                    self.most_kernel = most(&self.kernel);
                }
            }
            _ => {}
        }
        Some(())
    }

    /// Forgets processes that /proc has not had since this was called before: the record of their
    /// end was lost.
    pub(super) fn forget_gone(&mut self) {
        let is_gone = |pid: &i32| *pid > 0 && !Path::new(&format!("/proc/{pid}")).exists();
        let gone: BTreeSet<i32> = self.processes.keys().copied().filter(is_gone).collect();
        gone.intersection(&self.gone).for_each(|pid| drop(self.processes.remove(pid)));
        self.gone = gone;
    }

    /// Records that say all this, as bytes.
    pub fn records(&self) -> Vec<u8> {
        let mut out = Records::default();
        self.tell(&mut out);
        out.bytes
    }

    /// Records that say all this.
    pub(super) fn tell(&self, out: &mut Records) {
        out.bytes.extend(&self.kernel);
        for (&pid, process) in &self.processes {
            for (&tid, comm) in &process.threads {
                out.fork(pid, tid, if tid == pid { process.parent } else { pid });
                if !comm.is_empty() {
                    out.comm(pid, tid, comm);
                }
            }
            put_maps(&process.maps, pid, &mut out.bytes);
        }
    }
}

fn kernel(has_cgroups: bool) -> Vec<u8> {
    let mut kernel = Records::default();
    synthesis::kernel(&mut kernel);
    if has_cgroups {
        synthesis::cgroups(&mut kernel);
    }
    kernel.bytes
}

/// How many bytes there may be until they are read again, now that these were.
fn most(bytes: &[u8]) -> usize {
    MOST_BYTES.max(2 * bytes.len())
}

/// Appends records of mappings, as those of this process.
fn put_maps(maps: &[u8], pid: i32, out: &mut Vec<u8>) {
    for record in records(maps) {
        let at = out.len();
        out.extend(record.bytes);
        if let Some(task) = out.get_mut(at + PID..at + TID + 4) {
            task[..4].copy_from_slice(&pid.to_ne_bytes());
            task[4..].copy_from_slice(&pid.to_ne_bytes());
        }
    }
}
