//! The threads of a trace, and their ids.

use std::collections::HashSet;

use crate::analyses::lanes::{Lane, LaneOwner};
use crate::model::Recording;

/// The process of CPUs' lanes.
const CPUS_PID: u64 = 1;
/// The thread of CPU 0's lane; those of the other CPUs follow.
const FIRST_CPU_TID: u64 = 1000;
/// The first id that is made up. The kernel's are below 4,194,304 (`PID_MAX_LIMIT`,
/// include/linux/threads.h).
const FIRST_MADE_UP_ID: u64 = 10_000_000;

/// A thread of the trace.
#[derive(Clone, Copy)]
pub struct Track {
    pid: u64,
    tid: u64,
}

impl Track {
    /// The ids, as members of a JSON object.
    pub fn text(self) -> String {
        format!(r#""pid":{},"tid":{}"#, self.pid, self.tid)
    }
}

/// Gives each track unique ids. A thread keeps its ids from the recording, if no other lane has
/// them.
pub struct Ids {
    used: HashSet<u64>,
    next: u64,
}

impl Ids {
    /// No ids are used yet.
    pub fn new() -> Self {
        Ids { used: HashSet::new(), next: FIRST_MADE_UP_ID }
    }

    /// The track of a lane.
    pub fn track(&mut self, recording: &Recording, lane: &Lane) -> Track {
        match lane.owner {
            LaneOwner::Cpu(cpu) => {
                let tid = Some(FIRST_CPU_TID + u64::from(cpu)).filter(|tid| *tid < FIRST_MADE_UP_ID);
                Track { pid: CPUS_PID, tid: tid.unwrap_or_else(|| self.make_up()) }
            }
            LaneOwner::Swapper(..) => {
                let id = self.make_up();
                Track { pid: id, tid: id }
            }
            LaneOwner::Thread(task) => {
                let task = recording.task(task);
                let real = |id: i32| u64::try_from(id).ok().filter(|id| (1..FIRST_MADE_UP_ID).contains(id));
                let tid =
                    real(task.tid).filter(|tid| self.used.insert(*tid)).unwrap_or_else(|| self.make_up());
                Track { pid: real(task.pid).unwrap_or(tid), tid }
            }
        }
    }

    /// Another track of the same process.
    pub fn beside(&mut self, track: Track) -> Track {
        Track { tid: self.make_up(), ..track }
    }

    fn make_up(&mut self) -> u64 {
        self.next += 1;
        self.next - 1
    }
}
