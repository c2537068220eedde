//! Lanes: the selected samples as viewers of profiles show them: one lane for each CPU or thread, all on one clock, each tiled
//! by what was there; and the frames that occur in them, each with its category.

use std::ops::Range;

use indexmap::{IndexMap, IndexSet};
use rustc_hash::FxBuildHasher;

use crate::model::{
    Details, ModuleId, NameId, Recording, Sample, StackId, StackTree, TaskId, Timeline, Trace,
};

use super::categories::{self, Category};
use super::contexts::Contexts;
use super::selection::Selection;
use super::spans::{Span, SpanKind, Spans, end_of};

/// What has a lane.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum By {
    /// Each CPU; each thread where samples do not tell their CPU.
    #[default]
    Cpu,
    /// Each thread; the idle task of each CPU.
    Task,
}

/// The lanes of a recording.
pub struct Lanes<'r> {
    /// The recording.
    pub recording: &'r Recording,
    /// The lanes: CPUs by number, threads by process and thread id.
    pub lanes: Vec<Lane<'r>>,
    /// From the begin of what was selected to where its last sample ends, in ns of the recording's clock: the same for all lanes.
    pub range: Range<u64>,
    /// The frames that occur.
    pub frames: Vec<Frame>,
    /// Selected samples that say no time, and so are in no lane.
    pub untimed: u64,
    contexts: Contexts,
    is_selected: Vec<bool>,
    /// For each stack that occurs or is a caller of one that does, its innermost frame.
    of_stacks: Vec<u32>,
    /// For each task that occurs, the frame that is its comm.
    of_tasks: Vec<u32>,
}

/// A frame as viewers show it: a function in one category, or the comm of a task, which is the outermost frame of its stacks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Frame {
    /// The function or comm.
    pub name: NameId,
    /// Where the function lies, if that is known.
    pub module: Option<ModuleId>,
    /// What kind of code it is; `None` for a comm.
    pub category: Option<Category>,
}

/// One lane.
pub struct Lane<'r> {
    /// Whose it is.
    pub owner: LaneOwner,
    /// Samples in it.
    pub samples: u64,
    source: Source<'r>,
}

/// Whose a lane is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LaneOwner {
    /// A CPU's.
    Cpu(u32),
    /// A thread's, under the last comm that it had.
    Thread(TaskId),
    /// The idle task's of a CPU.
    Swapper(TaskId, u32),
}

enum Source<'r> {
    /// The samples of a timeline at these indices, as far as their tasks are selected.
    Timeline(&'r Timeline, Range<usize>),
    /// The selected samples of a thread, gathered from all CPUs, and until when each stands.
    Thread(Timeline, Vec<u64>),
}

/// What was there in a stretch of a lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content {
    /// What this sample saw.
    Sample {
        /// The sample.
        sample: Sample,
        /// Whether it saw the CPU idle.
        is_idle: bool,
    },
    /// Nobody knows: samples are missing.
    Lost,
    /// Nothing of what was selected.
    Nothing,
}

/// A stretch of a lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stretch {
    /// Begin, in ns from the begin of all lanes.
    pub start_ns: u64,
    /// End, in ns from the begin of all lanes; the next stretch begins there.
    pub end_ns: u64,
    /// What was there.
    pub content: Content,
}

/// What the selected samples have.
struct Used {
    /// By id.
    stacks: Vec<bool>,
    /// By id.
    tasks: Vec<bool>,
}

/// A thread: process, thread and start; for the idle task, which is one for all CPUs, also the CPU.
type ThreadKey = (i32, i32, u64, Option<u32>);

impl<'r> Lanes<'r> {
    /// The lanes of what is selected.
    pub fn new(recording: &'r Recording, selection: &Selection, by: By) -> Self {
        let mut lanes = Lanes {
            recording,
            lanes: Vec::new(),
            range: 0..0,
            frames: Vec::new(),
            untimed: 0,
            contexts: Contexts::new(recording),
            is_selected: selection.tasks(recording),
            of_stacks: Vec::new(),
            of_tasks: Vec::new(),
        };
        let (start_ns, _) = selection.time.bounds(recording);
        lanes.range = start_ns.max(recording.about.start_ns)..0;
        let mut used =
            Used { stacks: vec![false; recording.stacks.len()], tasks: vec![false; recording.tasks.len()] };
        let parts = lanes.parts(selection, &mut used);
        lanes.range.end = lanes.range.end.max(lanes.range.start);
        lanes.lanes = match by {
            By::Cpu => parts.into_iter().map(|part| lanes.lane_of(part)).collect(),
            By::Task => lanes.threads(&parts),
        };
        lanes.intern_frames(used);
        lanes
    }

    /// The selected part of each timeline, with the number of samples that are meant; notes their stacks and where they end.
    fn parts(&mut self, selection: &Selection, used: &mut Used) -> Vec<(&'r Timeline, Range<usize>, u64)> {
        let interval_ns = self.recording.sampling_interval_ns();
        let mut parts = Vec::new();
        for timeline in selection.timelines(self.recording) {
            let mut indices = selection.samples_of(self.recording, timeline);
            let is_meant = |at: usize| self.is_selected[timeline.samples[at].task.index()];
            // What could not be timed is at the end of time.
            let timed = timeline.between(0, u64::MAX).end.clamp(indices.start, indices.end);
            self.untimed += (timed..indices.end).filter(|&at| is_meant(at)).count() as u64;
            indices.end = timed;
            let mut samples = 0;
            let mut last = None;
            for at in indices.clone().filter(|&at| is_meant(at)) {
                used.stacks[timeline.samples[at].stack.index()] = true;
                used.tasks[timeline.samples[at].task.index()] = true;
                samples += 1;
                last = Some(at);
            }
            if let Some(last) = last {
                // One ns at least, so that the sample lies in the range also where the next has the same time.
                let end_ns = end_of(timeline, last, interval_ns).max(timeline.samples[last].time_ns + 1);
                self.range.end = self.range.end.max(end_ns);
                parts.push((timeline, indices, samples));
            }
        }
        parts
    }

    fn lane_of(&self, (timeline, indices, samples): (&'r Timeline, Range<usize>, u64)) -> Lane<'r> {
        let owner = match self.recording.tells_cpus() {
            true => LaneOwner::Cpu(timeline.cpu),
            false => LaneOwner::Thread(timeline.samples[indices.end - 1].task),
        };
        Lane { owner, samples, source: Source::Timeline(timeline, indices) }
    }

    /// The lanes of all threads that have samples in `parts`.
    fn threads(&self, parts: &[(&'r Timeline, Range<usize>, u64)]) -> Vec<Lane<'r>> {
        let interval_ns = self.recording.sampling_interval_ns();
        let has_cpus = self.recording.tells_cpus();
        let mut threads: IndexMap<ThreadKey, Vec<(Sample, u64)>> = IndexMap::new();
        for (timeline, indices, _) in parts {
            for at in indices.clone() {
                let sample = timeline.samples[at];
                if self.is_selected[sample.task.index()] {
                    let task = self.recording.task(sample.task);
                    let cpu = (has_cpus && task.is_swapper()).then_some(timeline.cpu);
                    let key = (task.pid, task.tid, task.start_ns, cpu);
                    threads.entry(key).or_default().push((sample, end_of(timeline, at, interval_ns)));
                }
            }
        }
        threads.sort_keys();
        let lane = |(key, mut samples): (ThreadKey, Vec<(Sample, u64)>)| {
            samples.sort_by_key(|(sample, _)| sample.time_ns);
            // A thread is on one CPU at a time: what it did there lasted no longer than until it was seen again.
            for at in 1..samples.len() {
                samples[at - 1].1 = samples[at - 1].1.min(samples[at].0.time_ns);
            }
            let (samples, ends): (Vec<Sample>, Vec<u64>) = samples.into_iter().unzip();
            let task = samples[samples.len() - 1].task;
            let owner = key.3.map_or(LaneOwner::Thread(task), |cpu| LaneOwner::Swapper(task, cpu));
            let count = samples.len() as u64;
            let timeline = Timeline {
                cpu: key.3.unwrap_or(0),
                samples,
                details: Details::default(),
                lost: Vec::new(),
                throttled: Vec::new(),
                trace: Trace::default(),
            };
            Lane { owner, samples: count, source: Source::Thread(timeline, ends) }
        };
        threads.into_iter().map(lane).collect()
    }

    /// Numbers the frames of the stacks that are used, and the comms of the tasks.
    fn intern_frames(&mut self, used: Used) {
        let recording = self.recording;
        let mut is_used = used.stacks;
        for index in (1..is_used.len()).rev() {
            if is_used[index]
                && let Some((parent, _)) = recording.stacks.split(StackId::from_index(index))
            {
                is_used[parent.index()] = true;
            }
        }
        let mut frames: IndexSet<Frame, FxBuildHasher> = IndexSet::default();
        let mut number = |frame| u32::try_from(frames.insert_full(frame).0).unwrap_or(u32::MAX);
        let categories = categories::of_stacks(recording, &self.contexts);
        self.of_stacks = vec![0; is_used.len()];
        for index in (1..is_used.len()).filter(|&index| is_used[index]) {
            if let Some((_, frame)) = recording.stacks.split(StackId::from_index(index)) {
                let function = recording.function(recording.frames.function(frame));
                let category = Some(categories[index]);
                self.of_stacks[index] =
                    number(Frame { name: function.name, module: function.module, category });
            }
        }
        let comm = |task: &crate::model::Task| Frame { name: task.comm, module: None, category: None };
        let tasks = recording.tasks.iter().zip(used.tasks);
        self.of_tasks = tasks.map(|(task, is_used)| if is_used { number(comm(task)) } else { 0 }).collect();
        self.frames = frames.into_iter().collect();
    }

    /// The length of all lanes in ns.
    pub fn duration_ns(&self) -> u64 {
        self.range.end - self.range.start
    }

    /// Samples in all lanes.
    pub fn samples(&self) -> u64 {
        self.lanes.iter().map(|lane| lane.samples).sum()
    }

    /// The part of an interval that lies in the lanes, in ns from their begin; `None` if none does.
    pub fn clip(&self, start_ns: u64, end_ns: u64) -> Option<(u64, u64)> {
        let is_in = start_ns <= self.range.end && end_ns >= self.range.start;
        let place = |time_ns: u64| time_ns.clamp(self.range.start, self.range.end) - self.range.start;
        is_in.then(|| (place(start_ns), place(end_ns).max(place(start_ns))))
    }

    /// Whether a lane is that of a CPU or, where tasks have lanes, of a task.
    pub fn is_of(&self, lane: &Lane, cpu: u32, task: Option<TaskId>) -> bool {
        let thread = |task| {
            let task = self.recording.task(task);
            (task.pid, task.tid, task.start_ns)
        };
        match lane.owner {
            LaneOwner::Cpu(of) => of == cpu,
            LaneOwner::Thread(of) => task.is_some_and(|task| thread(of) == thread(task)),
            LaneOwner::Swapper(of, on) => task.is_some_and(|task| thread(of) == thread(task)) && on == cpu,
        }
    }

    /// The frame that is a task's comm: the outermost of its samples.
    pub fn comm_frame(&self, task: TaskId) -> u32 {
        self.of_tasks[task.index()]
    }

    /// The frames of a stack of these lanes, root first, without the comm, appended to `frames`.
    pub fn frames_root_first(&self, stack: StackId, frames: &mut Vec<u32>) {
        let begin = frames.len();
        let mut at = stack;
        while at != StackTree::ROOT {
            frames.push(self.of_stacks[at.index()]);
            at = self.recording.stacks.split(at).map_or(StackTree::ROOT, |(parent, _)| parent);
        }
        frames[begin..].reverse();
    }

    /// The stretches that tile a lane, in time order, with one for each of its samples.
    pub fn stretches<'l>(&'l self, lane: &'l Lane<'r>) -> impl Iterator<Item = Stretch> + 'l {
        let pieces: Box<dyn Iterator<Item = Stretch>> = match &lane.source {
            Source::Timeline(timeline, indices) => {
                let spans = Spans::new(self.recording, &self.contexts, timeline, self.range.clone());
                Box::new(spans.map(|span| self.of_span(timeline, indices, &span)))
            }
            Source::Thread(timeline, ends) => Box::new(self.of_thread(&timeline.samples, ends)),
        };
        let start_ns = self.range.start;
        let mut pieces = pieces.filter(|piece| !piece.is_empty_nothing()).peekable();
        std::iter::from_fn(move || {
            let mut stretch = pieces.next()?;
            // Samples that are not meant leave one hole, however many they are.
            while stretch.content == Content::Nothing
                && let Some(next) = pieces.next_if(|next| next.content == Content::Nothing)
            {
                stretch.end_ns = next.end_ns;
            }
            stretch.start_ns -= start_ns;
            stretch.end_ns -= start_ns;
            Some(stretch)
        })
    }

    fn of_span(&self, timeline: &Timeline, indices: &Range<usize>, span: &Span) -> Stretch {
        let content_of = |at: usize, is_idle| {
            let sample = timeline.samples[at];
            match indices.contains(&at) && self.is_selected[sample.task.index()] {
                true => Content::Sample { sample, is_idle },
                false => Content::Nothing,
            }
        };
        let content = match span.kind {
            SpanKind::Busy(at) => content_of(at, false),
            SpanKind::Idle(at) => content_of(at, true),
            SpanKind::Lost => Content::Lost,
            SpanKind::Unsampled => Content::Nothing,
        };
        Stretch { start_ns: span.start_ns, end_ns: span.end_ns, content }
    }

    /// The stretches of a thread's samples, each of which stands until its end, and of the time between.
    fn of_thread<'l>(&'l self, samples: &'l [Sample], ends: &'l [u64]) -> impl Iterator<Item = Stretch> + 'l {
        let nothing = |start_ns, end_ns| Stretch { start_ns, end_ns, content: Content::Nothing };
        let mut free_from = self.range.start;
        let seen = samples.iter().zip(ends).flat_map(move |(&sample, &end_ns)| {
            let before = nothing(free_from, sample.time_ns);
            free_from = end_ns;
            let is_idle = self.contexts.is_idle(self.recording, &sample);
            let content = Content::Sample { sample, is_idle };
            [before, Stretch { start_ns: sample.time_ns, end_ns, content }]
        });
        let last = ends.last().copied().unwrap_or(self.range.start);
        seen.chain([nothing(last, self.range.end)])
    }
}

impl Stretch {
    /// The length in ns.
    pub fn duration_ns(&self) -> u64 {
        self.end_ns - self.start_ns
    }

    fn is_empty_nothing(&self) -> bool {
        self.content == Content::Nothing && self.start_ns >= self.end_ns
    }
}

impl Lane<'_> {
    /// The samples as a timeline, and the indices of those in the selected time.
    pub fn timeline(&self) -> (&Timeline, Range<usize>) {
        match &self.source {
            Source::Timeline(timeline, indices) => (timeline, indices.clone()),
            Source::Thread(timeline, _) => (timeline, 0..timeline.samples.len()),
        }
    }

    /// What viewers call it.
    pub fn name(&self, recording: &Recording) -> String {
        match self.owner {
            LaneOwner::Cpu(cpu) => format!("CPU {cpu}"),
            LaneOwner::Thread(id) => format!("{} {}", recording.comm(id), recording.task(id).tid),
            LaneOwner::Swapper(id, cpu) => format!("{} on CPU {cpu}", recording.comm(id)),
        }
    }
}
