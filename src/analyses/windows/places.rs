//! Where samples of a path were: in which function the work is, and at which place in its code.

use std::collections::BTreeMap;

use rustc_hash::FxHashMap;

use crate::analyses::contexts::PathId;
use crate::analyses::paths::Path;
use crate::analyses::shares;
use crate::model::{CodePlace, NameId, StackId, Timeline};

use super::finder::{Candidate, Finder};

/// The stacks of samples, with their number.
pub(super) type Stacks = FxHashMap<StackId, u64>;

/// The stacks of the samples at these indices.
pub(super) fn stacks_of(timeline: &Timeline, indices: &[usize]) -> Stacks {
    let mut stacks = Stacks::default();
    for &at in indices {
        *stacks.entry(timeline.samples[at].stack).or_default() += 1;
    }
    stacks
}

impl Finder<'_> {
    /// The path of a candidate that was sampled with these stacks.
    pub(super) fn path(&self, candidate: Candidate, stacks: &Stacks) -> Path {
        let weights =
            stacks.iter().filter_map(|(&stack, &samples)| Some((self.path_in(candidate, stack)?, samples)));
        let beyond = shares::beyond(&self.contexts, candidate.path, weights);
        Path::new(&self.contexts, candidate.path, beyond)
    }

    /// Where in `function`, the one of the candidate's path, the samples with these stacks were,
    /// with their number.
    pub(super) fn places(
        &self,
        candidate: Candidate,
        function: Option<NameId>,
        stacks: &Stacks,
    ) -> BTreeMap<CodePlace, u64> {
        let mut places = BTreeMap::new();
        for (&stack, samples) in stacks {
            if let Some(place) = self.place_in(candidate, function, stack) {
                *places.entry(place).or_default() += samples;
            }
        }
        places
    }

    /// The path of a stack, if it continues the candidate's.
    pub(super) fn path_in(&self, candidate: Candidate, stack: StackId) -> Option<PathId> {
        let paths = [self.contexts.get(stack).path, self.contexts.handler(stack)];
        paths.into_iter().flatten().find(|&path| self.contexts.continues(path, candidate.path))
    }

    /// The innermost frame of `function` in a stack that continues the candidate's path. The path
    /// of no function has the stack's innermost frame.
    fn place_in(&self, candidate: Candidate, function: Option<NameId>, stack: StackId) -> Option<CodePlace> {
        if self.contexts.depth(candidate.path) == 0 {
            let (_, frame) = self.recording.stacks.split(stack)?;
            return Some(CodePlace { frame, is_call: false });
        }
        let inner = self.path_in(candidate, stack)?;
        let path = self.contexts.outwards(inner).find(|&path| self.contexts.name(path) == function)?;
        let (mut at, mut place) = (stack, None);
        while let Some((caller, frame)) = self.recording.stacks.split(at) {
            // Nested stacks have the same path, so the path ends in the outermost stack with that
            // path.
            if [self.contexts.get(at).path, self.contexts.handler(at)].contains(&Some(path)) {
                place = Some(CodePlace { frame, is_call: at != stack });
            } else if place.is_some() {
                break;
            }
            at = caller;
        }
        place
    }
}
