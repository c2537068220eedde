//! Inlined functions: adds them to the stacks, as callees of the function that they were inlined
//! into.

use crate::model::{FrameId, Recording, StackId, StackTree};
use crate::symbols::FrameNames;

/// For each frame, whether it called another frame of its mode. If so, its offset is where the call
/// returns to.
pub(super) fn callers(recording: &Recording) -> Vec<bool> {
    let frames = recording.frames.frames();
    let mut callers = vec![false; frames.len()];
    for index in 1..recording.stacks.len() {
        let Some((parent, callee)) = recording.stacks.split(StackId::from_index(index)) else { continue };
        if let Some((_, caller)) = recording.stacks.split(parent)
            && frames[caller.index()].mode == frames[callee.index()].mode
        {
            callers[caller.index()] = true;
        }
    }
    callers
}

/// Gives each frame that has inlined functions one more frame for each of them, with its name, and
/// replaces all stacks. The tree of stacks is rebuilt once, and each sample gets its new stack.
pub(super) fn add(recording: &mut Recording, names: &mut FrameNames) {
    if names.inlined.is_empty() {
        return;
    }
    let mut callees: Vec<Vec<FrameId>> = vec![Vec::new(); recording.frames.frames().len()];
    for (frame, callees) in callees.iter_mut().enumerate() {
        for name in names.inlined.remove(&frame).into_iter().flatten() {
            callees.push(recording.frames.add_inlined(FrameId::from_index(frame)));
            names.names.push(name);
        }
    }
    let old = std::mem::take(&mut recording.stacks);
    let mut new = StackTree::default();
    let mut replaced = vec![StackTree::ROOT; old.len()];
    for index in 1..old.len() {
        let Some((parent, frame)) = old.split(StackId::from_index(index)) else { continue };
        let stack = new.push(replaced[parent.index()], frame);
        replaced[index] = callees[frame.index()].iter().fold(stack, |stack, callee| new.push(stack, *callee));
    }
    new.finish();
    recording.stacks = new;
    for timeline in &mut recording.timelines {
        for sample in &mut timeline.samples {
            sample.stack = replaced[sample.stack.index()];
        }
        for event in &mut timeline.trace.events {
            event.stack = replaced[event.stack.index()];
        }
    }
}
