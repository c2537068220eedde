//! The dominating path of a window, with the task, the time and the place in code of its samples.

use std::ops::Range;

use rustc_hash::FxHashSet;

use crate::analyses::holder::Holder;
use crate::model::{CgroupId, NameId};

use super::finder::{Candidate, Finder, Work};
use super::holes::{Hole, Lane};
use super::places::stacks_of;
use super::result::Dominating;
use super::stretch::{Stretch, heaviest, most_frequent};

impl Finder<'_> {
    /// The path that dominates a stretch, if one does, with the task that has most of its samples.
    pub(super) fn dominating(
        &self,
        lane: &Lane,
        indices: Range<usize>,
        stretch: &Stretch,
    ) -> Option<Dominating> {
        let (candidate, timeline) = (stretch.dominating?, lane.timeline);
        let samples = self.samples_in(candidate, lane, indices, stretch);
        let task = most_frequent(samples.iter().map(|&at| timeline.samples[at].task))?.0;
        let holder = self.holder(candidate).map(|_| task);
        let of_task = |at: &&usize| timeline.samples[**at].task == task;
        let cgroups = samples.iter().filter(of_task).map(|&at| timeline.details.get(at).cgroup);
        let cgroup = holder.task().and(most_frequent(cgroups)).map_or(CgroupId::NONE, |(cgroup, _)| cgroup);
        let missing: u64 = samples.iter().filter_map(|&at| lane.hole(at)).map(|hole| hole.missing).sum();
        let stacks = stacks_of(timeline, &samples);
        let path = self.path(candidate, &stacks);
        Some(Dominating {
            holder,
            task,
            cgroup,
            samples: samples.len() as u64,
            share: (samples.len() as u64 + missing) as f64 / stretch.whole.busy as f64,
            time_ns: self.held_ns(lane, &samples),
            place: heaviest(self.places(candidate, path.function, &stacks))?.0,
            path,
            line: None,
        })
    }

    /// The indices of a candidate's samples in `stretch`, whose samples are those at `indices`;
    /// also of those that end its holes, even if an interrupt came first.
    pub(super) fn samples_in(
        &self,
        candidate: Candidate,
        lane: &Lane,
        indices: Range<usize>,
        stretch: &Stretch,
    ) -> Vec<usize> {
        let paths = stretch.paths().map(|(counted, _)| counted.path);
        let inside = paths.filter(|&path| self.contexts.continues(path, candidate.path));
        let works: FxHashSet<Work> = inside.map(Work::from_path).collect();
        let is_candidates_hole = |hole: &Hole| {
            let Candidate { comm, path } = hole.holder;
            comm == candidate.comm && self.contexts.continues(path, candidate.path)
        };
        let is_candidates = |at: &usize| {
            let sample = &lane.timeline.samples[*at];
            let is_own = self.comm(sample) == candidate.comm && works.contains(&self.work(sample));
            is_own || lane.hole(*at).is_some_and(is_candidates_hole)
        };
        indices.filter(is_candidates).collect()
    }

    /// Who works in a candidate's path.
    pub(super) fn holder(&self, candidate: Candidate) -> Holder<NameId> {
        match (candidate.comm, self.contexts.softirq(candidate.path)) {
            (Some(comm), _) => Holder::Task(comm),
            (None, Some(softirq)) => Holder::Softirq(softirq),
            (None, None) => Holder::Interrupt(None),
        }
    }

    /// The time that the samples at these indices represent, in ns, with the holes that they end.
    pub(super) fn held_ns(&self, lane: &Lane, indices: &[usize]) -> u64 {
        let after_ns = |at: usize| lane.timeline.held_ns(at, self.interval_ns);
        let before_ns = |at: usize| lane.hole(at).map_or(0, |hole| hole.length_ns);
        indices.iter().map(|&at| before_ns(at) + after_ns(at)).sum()
    }
}
