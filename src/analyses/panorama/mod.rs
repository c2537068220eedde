//! Panorama: what a page shows of a whole recording. Each CPU has a track: what ran in time order,
//! where samples are missing, which softirqs waited, and how many packets were received.
//!
//! A page cannot hold every sample of a large recording. So samples away from stalls and windows
//! may be thinned: those of one task within a cell of time become one entry, with the stack that
//! most of them have. No count and no time is lost, only order and stacks within a cell.

mod found;
mod packets;
mod result;
mod stacks;
mod thin;
mod tracks;

use rayon::prelude::*;
use rustc_hash::FxHashSet;

use crate::model::{NameId, Recording, TaskId, Timeline};

use super::contexts::Contexts;
use super::selection::Selection;
use super::spans;
use super::stalls::Stalls;

pub use found::Found;
pub use result::{Entry, Panorama, StackNode, Thinned, Track};

use stacks::StackNumbers;
use thin::Thinning;
use tracks::Builder;

/// The most entries of a panorama, over all CPUs: as many as a browser draws at ease, and a page of
/// 8 MB holds: each takes 4 to 5 bytes there.
pub const MOST_ENTRIES: usize = 3 << 19;

/// The panorama of the selected CPUs and time of `recording`, with at most about `most_entries`
/// entries.
pub fn find(recording: &Recording, selection: &Selection, found: &Found, most_entries: usize) -> Panorama {
    let contexts = Contexts::of(recording);
    let timelines: Vec<&Timeline> = selection.timelines(recording).collect();
    let (first_ns, last_ns) = selection.time.bounds(recording);
    let drawn = spans::extent(recording, timelines.iter().copied());
    let start_ns = recording.about.start_ns.min(drawn.start).max(first_ns);
    let end_ns = recording.about.end_ns.max(drawn.end).min(last_ns).max(start_ns);
    let time = start_ns..end_ns;
    let thinning = Thinning::new(recording, &timelines, &time, found, most_entries);
    let builder = Builder {
        recording,
        contexts: &contexts,
        waits: &found.stalls.waits,
        time,
        interval_ns: recording.sampling_interval_ns(),
    };
    let mut tracks: Vec<Track> =
        timelines.par_iter().map(|timeline| builder.track(timeline, thinning.as_ref())).collect();
    let packet_bin_ns = found.packets.map(|packets| packets::count(packets, start_ns..end_ns, &mut tracks));
    let mut numbers = StackNumbers::new(recording, &contexts);
    let mut tasks = TaskNumbers::new(recording);
    for entry in tracks.iter_mut().flat_map(|track| &mut track.entries) {
        entry.stack = numbers.mark(entry.stack);
        entry.task = tasks.number(entry.task);
    }
    let stacks = numbers.finish();
    for entry in tracks.iter_mut().flat_map(|track| &mut track.entries) {
        entry.stack = stacks.number(entry.stack);
    }
    Panorama {
        start_ns,
        end_ns,
        samples: tracks.iter().map(|track| track.samples).sum(),
        thinned: thinning.map(|thinning| thinning.thinned),
        functions: stacks.functions,
        stacks: stacks.nodes,
        culprits: culprits(recording, found.stalls, &tasks.tasks),
        tasks: tasks.tasks,
        tracks,
        packet_bin_ns,
    }
}

/// For each of `tasks`, whether it is the culprit of a stall. Tasks of one comm are one culprit.
fn culprits(recording: &Recording, stalls: &Stalls, tasks: &[TaskId]) -> Vec<bool> {
    let comms: FxHashSet<NameId> =
        stalls.ranking.iter().filter_map(|summary| summary.holder.task()).collect();
    tasks.iter().map(|task| comms.contains(&recording.task(*task).comm)).collect()
}

/// Numbers the tasks that occur, in the order in which they occur.
struct TaskNumbers {
    tasks: Vec<TaskId>,
    /// By task; `u32::MAX` for one that did not occur.
    numbers: Vec<u32>,
}

impl TaskNumbers {
    fn new(recording: &Recording) -> Self {
        TaskNumbers { tasks: Vec::new(), numbers: vec![u32::MAX; recording.tasks.len()] }
    }

    fn number(&mut self, task: u32) -> u32 {
        let number = &mut self.numbers[task as usize];
        if *number == u32::MAX {
            *number = self.tasks.len() as u32;
            self.tasks.push(TaskId(task));
        }
        *number
    }
}
