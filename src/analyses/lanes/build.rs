//! Building: the selected samples of each CPU, or of each thread.

use std::ops::Range;

use indexmap::IndexMap;

use crate::analyses::contexts::Contexts;
use crate::analyses::selection::Selection;
use crate::analyses::spans::{end_of, first_sample_ns};
use crate::model::{Details, Recording, Sample, Timeline, Trace};

use super::frames::{FrameNumbers, UsedIds};
use super::lane::{Lane, LaneKind, LaneOwner, Source};
use super::result::Lanes;

/// A thread: process id, thread id and start; for the idle task, which all CPUs share, also the
/// CPU.
type ThreadKey = (i32, i32, u64, Option<u32>);

/// The selected part of one timeline.
struct Selected<'r> {
    timeline: &'r Timeline,
    indices: Range<usize>,
    /// The number of samples of selected tasks.
    samples: u64,
}

impl<'r> Lanes<'r> {
    /// The lanes of the selection.
    pub fn new(recording: &'r Recording, selection: &Selection, by: LaneKind) -> Self {
        let mut lanes = Lanes {
            recording,
            lanes: Vec::new(),
            range: 0..0,
            frames: Vec::new(),
            untimed: 0,
            contexts: Contexts::of(recording),
            is_selected: selection.tasks(recording),
            numbers: FrameNumbers::default(),
        };
        let (start_ns, _) = selection.time.bounds(recording);
        lanes.range = start_ns.max(first_sample_ns(recording))..0;
        let mut used = UsedIds::new(recording);
        let selected = lanes.select(selection, &mut used);
        lanes.range.end = lanes.range.end.max(lanes.range.start);
        lanes.lanes = match by {
            LaneKind::Cpu => selected.into_iter().map(|selected| cpu_lane(recording, selected)).collect(),
            LaneKind::Task => thread_lanes(recording, &selected, &lanes.is_selected),
        };
        (lanes.numbers, lanes.frames) = FrameNumbers::new(recording, &lanes.contexts, used);
        lanes
    }

    /// The selected part of each timeline. Notes the stacks and tasks of the selected samples, how
    /// many have no time, and when the last of them ends.
    fn select(&mut self, selection: &Selection, used: &mut UsedIds) -> Vec<Selected<'r>> {
        let interval_ns = self.recording.sampling_interval_ns();
        let mut all_selected = Vec::new();
        for timeline in selection.timelines(self.recording) {
            let (indices, untimed) = selection.timed_samples_of(self.recording, timeline);
            let is_selected = |at: usize| self.is_selected[timeline.samples[at].task.index()];
            self.untimed += untimed.filter(|&at| is_selected(at)).count() as u64;
            let mut samples = 0;
            let mut last = None;
            for at in indices.clone().filter(|&at| is_selected(at)) {
                used.add(&timeline.samples[at]);
                samples += 1;
                last = Some(at);
            }
            if let Some(last) = last {
                // At least 1 ns, so that the sample lies in the range even if the next has the same
                // time.
                let end_ns = end_of(timeline, last, interval_ns).max(timeline.samples[last].time_ns + 1);
                self.range.end = self.range.end.max(end_ns);
                all_selected.push(Selected { timeline, indices, samples });
            }
        }
        all_selected
    }
}

fn cpu_lane<'r>(recording: &Recording, selected: Selected<'r>) -> Lane<'r> {
    let Selected { timeline, indices, samples } = selected;
    let owner = match recording.tells_cpus() {
        true => LaneOwner::Cpu(timeline.cpu),
        false => LaneOwner::Thread(timeline.samples[indices.end - 1].task),
    };
    Lane { owner, samples, source: Source::Timeline(timeline, indices) }
}

/// The lanes of all threads that have selected samples.
fn thread_lanes<'r>(recording: &Recording, selected: &[Selected], is_selected: &[bool]) -> Vec<Lane<'r>> {
    let interval_ns = recording.sampling_interval_ns();
    let has_cpus = recording.tells_cpus();
    let mut threads: IndexMap<ThreadKey, Vec<(Sample, u64)>> = IndexMap::new();
    for Selected { timeline, indices, .. } in selected {
        for at in indices.clone() {
            let sample = timeline.samples[at];
            if is_selected[sample.task.index()] {
                let task = recording.task(sample.task);
                let cpu = (has_cpus && task.is_swapper()).then_some(timeline.cpu);
                let key = (task.pid, task.tid, task.start_ns, cpu);
                threads.entry(key).or_default().push((sample, end_of(timeline, at, interval_ns)));
            }
        }
    }
    threads.sort_keys();
    threads.into_iter().map(|((.., cpu), samples)| thread_lane(cpu, samples)).collect()
}

/// The lane of one thread, of an idle task on `cpu`, from its samples, each with its end.
fn thread_lane<'r>(cpu: Option<u32>, mut samples: Vec<(Sample, u64)>) -> Lane<'r> {
    samples.sort_by_key(|(sample, _)| sample.time_ns);
    // A thread is on one CPU at a time: a sample ends at the thread's next sample at the latest.
    for at in 1..samples.len() {
        samples[at - 1].1 = samples[at - 1].1.min(samples[at].0.time_ns);
    }
    let (samples, ends): (Vec<Sample>, Vec<u64>) = samples.into_iter().unzip();
    let task = samples[samples.len() - 1].task;
    let owner = cpu.map_or(LaneOwner::Thread(task), |cpu| LaneOwner::Swapper(task, cpu));
    let count = samples.len() as u64;
    let timeline = Timeline {
        cpu: cpu.unwrap_or(0),
        samples,
        details: Details::default(),
        lost: Vec::new(),
        throttled: Vec::new(),
        trace: Trace::default(),
    };
    Lane { owner, samples: count, source: Source::Thread(timeline, ends) }
}
