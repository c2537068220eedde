//! Blocks: a sample's comm and stack, each frame with the class that it is drawn in.

use rustc_hash::FxHashSet;

use crate::analyses::contexts::{Contexts, PathId};
use crate::model::{Mode, NameId, Recording, Sample, StackId, StackTree};

use super::marks::{Hole, Marks, marked_functions};
use super::result::{Block, Class, Filler};

/// At most this many blocks of a stack are drawn; deeper ones become one block. It is twice the
/// number of frames that perf records of a kernel and of a user stack each.
const DEEPEST: usize = 512;

/// The blocks of a sample whose task has this comm, outermost first.
pub(super) fn blocks(
    recording: &Recording,
    marks: &Marks,
    contexts: &Contexts,
    comm: NameId,
    sample: &Sample,
) -> Box<[Block]> {
    let is_trigger = marks.triggers.is_trigger(sample);
    let own = marked_functions(contexts, marks, contexts.get(sample.stack).path, Some(comm));
    let handler = marked_functions(contexts, marks, contexts.handler(sample.stack), None);
    let class_of = |outer: StackId, mode| {
        let context = contexts.get(outer);
        let is_in = |functions: &FxHashSet<PathId>, path: Option<PathId>| {
            path.is_some_and(|path| functions.contains(&path))
        };
        let is_marked =
            !context.is_nested && is_in(&own, context.path) || is_in(&handler, contexts.handler(outer));
        match mode {
            _ if is_trigger => Class::Trigger,
            Mode::Kernel if is_marked => Class::Dominating,
            Mode::Kernel => Class::Kernel,
            Mode::User | Mode::Guest | Mode::Hypervisor => Class::User,
        }
    };
    let mut blocks = Vec::new();
    let mut at = sample.stack;
    while let Some((parent, frame)) = recording.stacks.split(at) {
        let function = recording.function(recording.frames.function(frame));
        blocks.push(Block::Named(function.name, class_of(at, function.mode)));
        at = parent;
    }
    blocks.push(Block::Named(comm, class_of(StackTree::ROOT, Mode::User)));
    blocks.reverse();
    cut(blocks)
}

/// The blocks of a hole, outermost first: what it is, and who held the CPU. The first says that
/// what follows was not sampled then.
pub(super) fn blocks_of_hole(marks: &Marks, hole: &Hole) -> Box<[Block]> {
    let what = if hole.is_of_machine { Filler::Machine } else { Filler::InterruptsOff };
    let (functions, is_marked) = hole.functions(marks);
    let class = if is_marked { Class::Dominating } else { Class::Kernel };
    let mut blocks = vec![Block::Filler(what)];
    blocks.extend(hole.comm.map(|comm| Block::Named(comm, Class::User)));
    blocks.extend(functions.iter().map(|function| Block::Named(*function, class)));
    cut(blocks)
}

/// The blocks, without those that lie too deep.
fn cut(mut blocks: Vec<Block>) -> Box<[Block]> {
    if blocks.len() > DEEPEST {
        blocks.truncate(DEEPEST - 1);
        blocks.push(Block::Filler(Filler::Deeper));
    }
    blocks.into()
}
