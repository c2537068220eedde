//! The tasks and the code as they were at the moment where the memory of a flight begins.

use std::collections::{BTreeMap, HashMap};

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
/// More bytes of mappings than this are read again from /proc, which has only those that are left.
const MOST_BYTES: usize = 1 << 20;

/// All tasks, and all code.
#[derive(Default)]
pub struct Tasks {
    processes: HashMap<i32, Process>,
    /// Records of the kernel's code and of control groups.
    kernel: Vec<u8>,
}

#[derive(Default)]
struct Process {
    parent: i32,
    /// The comm of each thread.
    threads: BTreeMap<i32, Vec<u8>>,
    /// Records of its mappings.
    maps: Vec<u8>,
}

impl Tasks {
    /// Those of this moment.
    pub(super) fn now(pids: &[i32], has_cgroups: bool) -> Tasks {
        let mut tasks = Tasks::default();
        let mut all = Records::default();
        synthesis::processes(pids, &mut all);
        records(&all.bytes).for_each(|record| tasks.apply(&record));
        tasks.kernel = kernel(has_cgroups);
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
                process.threads.insert(number(TID)?, record.text(COMM).to_vec());
                if record.misc & COMM_EXEC != 0 {
                    process.maps.clear();
                }
            }
            RecordType::FORK => {
                let (pid, parent) = (number(PID)?, number(FORK_PARENT)?);
                let (tid, parent_tid) = (number(FORK_TID)?, number(FORK_PARENT_TID)?);
                let made_by = self.processes.get(&parent);
                let comm = made_by.and_then(|process| process.threads.get(&parent_tid)).cloned();
                let maps = made_by.filter(|_| pid != parent).map(|process| of_process(&process.maps, pid));
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
                process.maps.extend(record.bytes);
                if process.maps.len() > MOST_BYTES {
                    let mut maps = Records::default();
                    synthesis::maps(pid, &mut maps);
                    process.maps = maps.bytes;
                }
            }
            RecordType::KSYMBOL | RecordType::CGROUP => {
                self.kernel.extend(record.bytes);
                if self.kernel.len() > 64 * MOST_BYTES {
                    self.kernel = kernel(true);
                }
            }
            _ => {}
        }
        Some(())
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
            out.bytes.extend(&process.maps);
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

/// Records of mappings, as those of another process.
fn of_process(maps: &[u8], pid: i32) -> Vec<u8> {
    let mut out = Vec::with_capacity(maps.len());
    for record in records(maps) {
        let at = out.len();
        out.extend(record.bytes);
        if let Some(task) = out.get_mut(at + PID..at + TID + 4) {
            task[..4].copy_from_slice(&pid.to_ne_bytes());
            task[4..].copy_from_slice(&pid.to_ne_bytes());
        }
    }
    out
}
