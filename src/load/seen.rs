//! When each frame was sampled: what tells which of several functions that were made at one address
//! it lay in.

use crate::model::{StackId, StackTree, Timeline};

/// For each of `count` frames when it was sampled first and last, in ns of the recording's clock.
/// Each sample is looked at once, and each stack.
pub(super) fn of_frames(timelines: &[Timeline], stacks: &StackTree, count: usize) -> Vec<(u64, u64)> {
    let never = (u64::MAX, 0);
    let add = |seen: &mut (u64, u64), (first, last): (u64, u64)| {
        *seen = (seen.0.min(first), seen.1.max(last));
    };
    let mut of_stacks = vec![never; stacks.len()];
    for timeline in timelines {
        for sample in &timeline.samples {
            add(&mut of_stacks[sample.stack.index()], (sample.time_ns, sample.time_ns));
        }
        for event in &timeline.trace.events {
            add(&mut of_stacks[event.stack.index()], (event.time_ns, event.time_ns));
        }
    }
    let mut of_frames = vec![never; count];
    // Callers have smaller ids.
    for index in (1..of_stacks.len()).rev() {
        let Some((caller, frame)) = stacks.split(StackId::from_index(index)) else { continue };
        let seen = of_stacks[index];
        add(&mut of_stacks[caller.index()], seen);
        add(&mut of_frames[frame.index()], seen);
    }
    of_frames
}
