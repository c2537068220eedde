//! When each frame was sampled. If several functions were made at one address, one after the other,
//! the times decide which of them the frame belongs to.

use crate::model::{StackId, StackTree, Timeline};

/// When each of `count` frames was sampled first and last, in ns of the recording's clock. Looks at
/// each sample and each stack once, and at each event if events `have_stacks`.
pub(super) fn of_frames(
    timelines: &[Timeline],
    have_stacks: bool,
    stacks: &StackTree,
    count: usize,
) -> Vec<(u64, u64)> {
    let never = (u64::MAX, 0);
    let widen = |span: &mut (u64, u64), (first, last): (u64, u64)| {
        *span = (span.0.min(first), span.1.max(last));
    };
    let mut of_stacks = vec![never; stacks.len()];
    for timeline in timelines {
        for sample in &timeline.samples {
            widen(&mut of_stacks[sample.stack.index()], (sample.time_ns, sample.time_ns));
        }
        for event in timeline.trace.events.iter().filter(|_| have_stacks) {
            widen(&mut of_stacks[event.stack.index()], (event.time_ns, event.time_ns));
        }
    }
    let mut of_frames = vec![never; count];
    // Callers have smaller ids, so in this order the span of a stack is final once it is reached.
    for index in (1..of_stacks.len()).rev() {
        let Some((caller, frame)) = stacks.split(StackId::from_index(index)) else { continue };
        let span = of_stacks[index];
        widen(&mut of_stacks[caller.index()], span);
        widen(&mut of_frames[frame.index()], span);
    }
    of_frames
}
