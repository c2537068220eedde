//! The dominating path of a window: what its samples say of it.

use std::collections::BTreeMap;
use std::ops::Range;

use rustc_hash::{FxHashMap, FxHashSet};

use crate::model::{CodePlace, StackId, Timeline};

use super::super::contexts::PathId;
use super::super::paths::Path;
use super::stretch::{Stretch, heaviest, most_frequent};
use super::{Candidate, Dominating, Finder, Work};

impl Finder<'_> {
    /// What dominates a window: the path of [`dominating_candidate`], with the task that has most of it.
    pub(super) fn dominating(
        &self,
        timeline: &Timeline,
        indices: Range<usize>,
        stretch: &Stretch,
    ) -> Option<Dominating> {
        let candidate = stretch.dominating?;
        let its = self.samples_in(candidate, timeline, indices, stretch);
        let path = candidate.1;
        let task = most_frequent(its.iter().map(|&at| timeline.samples[at].task))?.0;
        let of_task = |at: &&usize| timeline.samples[**at].task == task;
        let cgroups = its.iter().filter(of_task).map(|&at| timeline.details.get(at).cgroup);
        Some(Dominating {
            task,
            cgroup: most_frequent(cgroups)?.0,
            path: Path::new(&self.contexts, path),
            samples: its.len() as u64,
            share: its.len() as f64 / stretch.busy as f64,
            time_ns: self.held_ns(timeline, &its),
            place: heaviest(self.places(path, timeline, &its))?.0,
            line: None,
        })
    }

    /// The indices of the samples of `stretch`, which are those at `indices`, that are in a candidate's path.
    pub(super) fn samples_in(
        &self,
        (comm, path): Candidate,
        timeline: &Timeline,
        indices: Range<usize>,
        stretch: &Stretch,
    ) -> Vec<usize> {
        let paths = stretch.paths().map(|((_, inner), _)| inner);
        let its = paths.filter(|&inner| self.contexts.goes_on_from(inner, path));
        let works: FxHashSet<Work> = its.map(Work::of).collect();
        let is_it = |at: &usize| {
            let sample = &timeline.samples[*at];
            self.recording.task(sample.task).comm == comm && works.contains(&self.work(sample))
        };
        indices.filter(is_it).collect()
    }

    /// How long what the samples at these indices saw held the CPU, in ns.
    pub(super) fn held_ns(&self, timeline: &Timeline, indices: &[usize]) -> u64 {
        indices.iter().map(|&at| timeline.held_ns(at, self.interval_ns)).sum()
    }

    /// Where in the innermost function of `path` the samples at these indices saw the CPU, and how many.
    pub(super) fn places(
        &self,
        path: PathId,
        timeline: &Timeline,
        indices: &[usize],
    ) -> BTreeMap<CodePlace, u64> {
        let mut stacks: FxHashMap<StackId, u64> = FxHashMap::default();
        for &at in indices {
            *stacks.entry(timeline.samples[at].stack).or_default() += 1;
        }
        let mut places = BTreeMap::new();
        for (stack, samples) in stacks {
            if let Some(place) = self.place_in(path, stack) {
                *places.entry(place).or_default() += samples;
            }
        }
        places
    }

    /// The innermost frame of `path` in a stack that goes on from it.
    fn place_in(&self, path: PathId, stack: StackId) -> Option<CodePlace> {
        let (mut at, mut found) = (stack, None);
        while let Some((caller, frame)) = self.recording.stacks.split(at) {
            // What is nested has the same path, so the outermost stack that has it is where it ends.
            if self.contexts.of(at).path == Some(path) {
                found = Some(CodePlace { frame, is_call: at != stack });
            } else if found.is_some() {
                break;
            }
            at = caller;
        }
        found
    }
}
