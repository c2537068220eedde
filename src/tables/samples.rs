//! The rows of samples, with their stacks and frames. There may be millions, so they are made while
//! they are written.

use std::borrow::Cow;
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::ops::Range;

use crate::analyses::rows::{Clock, Moment};
use crate::analyses::selection::Selection;
use crate::model::{FunctionId, Mode, Recording, StackId, TaskId, Timeline, clean};

use super::redact;

/// A sample.
pub(super) struct SampleRow<'r> {
    pub recording: &'r str,
    pub time: Moment,
    pub time_ns: u64,
    pub cpu: Option<u32>,
    pub comm: &'r str,
    pub pid: i32,
    pub tid: i32,
    pub stack: i32,
    pub held_ns: u64,
    pub cgroup: Option<&'r str>,
}

/// A frame of a stack.
pub(super) struct StackRow<'r> {
    pub recording: &'r str,
    pub time: Moment,
    pub stack: i32,
    pub depth: i32,
    pub frame: i32,
}

/// A function that frames are of.
pub(super) struct FrameRow<'r> {
    pub recording: &'r str,
    pub time: Moment,
    pub frame: i32,
    pub function: Cow<'r, str>,
    pub module: Option<Cow<'r, str>>,
    pub mode: &'static str,
}

/// The samples of a recording that are to be written.
pub struct Samples<'r> {
    recording: &'r Recording,
    id: &'r str,
    selection: &'r Selection,
    is_selected: Vec<bool>,
    is_redacted: bool,
    /// By task, and by control group, as they are written.
    comms: Vec<Cow<'r, str>>,
    cgroups: Vec<Cow<'r, str>>,
}

impl<'r> Samples<'r> {
    /// The selected samples of the recording with this id.
    pub fn new(
        recording: &'r Recording,
        id: &'r str,
        selection: &'r Selection,
        is_redacted: bool,
    ) -> Samples<'r> {
        let comm = |name: &'r str| if is_redacted { redact::comm(name).into() } else { Cow::from(name) };
        let cgroup = |name: &'r str| if is_redacted { redact::cgroup(name).into() } else { Cow::from(name) };
        Samples {
            is_selected: selection.tasks(recording),
            comms: recording.tasks.iter().map(|task| comm(recording.name(task.comm))).collect(),
            cgroups: recording.cgroups.iter().map(|one| cgroup(recording.name(one.path))).collect(),
            recording,
            id,
            selection,
            is_redacted,
        }
    }

    /// The days on which samples lie, each with its times by the recording's clock.
    pub(super) fn days(&self, day: impl Fn(Moment) -> String) -> Vec<(String, Range<u64>)> {
        const DAY_NS: i128 = 86_400_000_000_000;
        let mut days = Vec::new();
        let mut from_ns = 0;
        while let Some(start_ns) = self.first_from(from_ns) {
            let since_1970 = self.recording.about.clock.since_1970_ns(start_ns);
            let left = since_1970.map(|ns| u64::try_from(DAY_NS - ns.rem_euclid(DAY_NS)).unwrap_or(u64::MAX));
            let end_ns = left.map_or(u64::MAX, |left| start_ns.saturating_add(left));
            days.push((day(self.moment(start_ns)), start_ns..end_ns));
            if end_ns == u64::MAX {
                break;
            }
            from_ns = end_ns;
        }
        days
    }

    /// The time of the first selected sample that is not before `from_ns`.
    fn first_from(&self, from_ns: u64) -> Option<u64> {
        let first = |timeline: &Timeline| {
            let selected = self.selection.samples_of(self.recording, timeline);
            let from = timeline.seek(selected.start, from_ns);
            let samples = timeline.samples.get(from..selected.end)?;
            samples.iter().find(|sample| self.is_selected[sample.task.index()]).map(|sample| sample.time_ns)
        };
        self.selection.timelines(self.recording).filter_map(first).min()
    }

    fn moment(&self, time_ns: u64) -> Moment {
        Clock::new(self.recording).moment(time_ns)
    }

    /// The samples within `time_ns`, in the order of time, then of CPUs.
    pub(super) fn samples(&self, time_ns: Range<u64>) -> impl Iterator<Item = SampleRow<'_>> {
        let timelines: Vec<&Timeline> = self.selection.timelines(self.recording).collect();
        let rest = |timeline: &&Timeline| {
            let selected = self.selection.samples_of(self.recording, timeline);
            let inside = timeline.between(time_ns.start, time_ns.end);
            selected.start.max(inside.start)..selected.end.min(inside.end)
        };
        let mut rests: Vec<Range<usize>> = timelines.iter().map(rest).collect();
        let mut next: BinaryHeap<Reverse<(u64, usize)>> = BinaryHeap::new();
        let at = |timeline: usize, rest: &Range<usize>| {
            let sample = timelines[timeline].samples.get(rest.start).filter(|_| !rest.is_empty());
            sample.map(|sample| Reverse((sample.time_ns, timeline)))
        };
        next.extend(rests.iter().enumerate().filter_map(|(timeline, rest)| at(timeline, rest)));
        let interval_ns = self.recording.sampling_interval_ns();
        let tells_cpus = self.recording.tells_cpus();
        std::iter::from_fn(move || {
            loop {
                let Reverse((_, number)) = next.pop()?;
                let (timeline, index) = (timelines[number], rests[number].start);
                rests[number].start += 1;
                let rest = &rests[number];
                let sample = timeline.samples.get(rest.start).filter(|_| !rest.is_empty());
                next.extend(sample.map(|sample| Reverse((sample.time_ns, number))));
                let sample = &timeline.samples[index];
                if !self.is_selected[sample.task.index()] {
                    continue;
                }
                let task = self.recording.task(sample.task);
                let cgroup = self.cgroups.get(timeline.details.get(index).cgroup.index());
                return Some(SampleRow {
                    recording: self.id,
                    time: self.moment(sample.time_ns),
                    time_ns: sample.time_ns,
                    cpu: tells_cpus.then_some(timeline.cpu),
                    comm: self.comm(sample.task),
                    pid: task.pid,
                    tid: task.tid,
                    stack: number_of(sample.stack.index()),
                    held_ns: timeline.held_ns(index, interval_ns),
                    cgroup: cgroup.map(Cow::as_ref),
                });
            }
        })
    }

    fn comm(&self, task: TaskId) -> &str {
        &self.comms[task.index()]
    }

    /// The stacks of the samples, by number.
    fn used_stacks(&self) -> Vec<StackId> {
        let mut is_used = vec![false; self.recording.stacks.len()];
        for timeline in self.selection.timelines(self.recording) {
            let selected = &timeline.samples[self.selection.samples_of(self.recording, timeline)];
            for sample in selected.iter().filter(|sample| self.is_selected[sample.task.index()]) {
                is_used[sample.stack.index()] = true;
            }
        }
        let used = is_used.iter().enumerate().filter(|(_, is_used)| **is_used);
        used.map(|(index, _)| StackId::from_index(index)).collect()
    }

    /// When the recording begins.
    pub(super) fn begin(&self) -> Moment {
        self.moment(self.selection.recorded(self.recording).start)
    }

    /// The frames of the stacks, root first.
    pub(super) fn stacks(&self) -> impl Iterator<Item = StackRow<'_>> {
        let time = self.begin();
        self.used_stacks().into_iter().flat_map(move |stack| {
            let frames = (0..).zip(self.recording.functions_root_first(stack));
            frames.map(move |(depth, function)| StackRow {
                recording: self.id,
                time,
                stack: number_of(stack.index()),
                depth,
                frame: number_of(function.index()),
            })
        })
    }

    /// The functions of these frames, by number.
    pub(super) fn frames(&self) -> impl Iterator<Item = FrameRow<'_>> {
        let mut is_used = vec![false; self.recording.functions.len()];
        for stack in self.used_stacks() {
            self.recording.functions_leaf_first(stack).for_each(|function| is_used[function.index()] = true);
        }
        let time = self.begin();
        let used = is_used.into_iter().enumerate().filter(|(_, is_used)| *is_used);
        used.map(move |(index, _)| self.frame(FunctionId::from_index(index), time))
    }

    fn frame(&self, id: FunctionId, time: Moment) -> FrameRow<'_> {
        let function = self.recording.function(id);
        let is_kernel = function.mode == Mode::Kernel;
        let name = self.recording.name(function.name);
        let module = function.module.map(|module| clean(&self.recording.modules[module.index()].path));
        FrameRow {
            recording: self.id,
            time,
            frame: number_of(id.index()),
            function: match self.is_redacted {
                true => redact::function(name, is_kernel).into(),
                false => name.into(),
            },
            module: match self.is_redacted {
                true => module.map(|module| redact::module(&module, is_kernel).into()),
                false => module,
            },
            mode: match function.mode {
                Mode::Kernel => "kernel",
                Mode::User => "user",
                Mode::Guest => "guest",
                Mode::Hypervisor => "hypervisor",
            },
        }
    }
}

/// The number of a stack or a frame: there are fewer than 2^31, since ids have 32 bits and each
/// takes more than two bytes of a recording.
fn number_of(index: usize) -> i32 {
    i32::try_from(index).unwrap_or(i32::MAX)
}
