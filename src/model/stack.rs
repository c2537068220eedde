//! Stacks as a tree: a stack is its parent stack plus one frame, so stacks with the same callers
//! share memory.

use super::flat_map::FlatMap;
use super::ids::{FrameId, StackId};

/// Which part of the stacks to read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Stacks {
    /// All of them.
    #[default]
    Whole,
    /// The kernel's frames. [`windows`](crate::analyses::windows),
    /// [`stalls`](crate::analyses::stalls) and what is built on them look at no others, but for
    /// whether two samples have the same ones: [`Details::place`](crate::model::Details::place)
    /// says that. The frames of user space become one,
    /// [`Frame::USER_NOT_READ`](crate::model::Frame::USER_NOT_READ), which says so wherever it is
    /// printed. Under a mixed load this saves most of the time, since chains differ mostly in user
    /// space. Text of perf script is read whole.
    Kernel,
}

#[derive(Clone, Copy, Debug)]
struct Node {
    parent: StackId,
    frame: FrameId,
}

/// All stacks of a recording. The id of a parent is smaller than those of its children, so one pass
/// in the order of ids visits callers before callees.
#[derive(Debug)]
pub struct StackTree {
    nodes: Vec<Node>,
    /// By (parent, frame), all children but those that directly follow their parent. A new stack
    /// adds its frames one after the other, so most nodes are such children, and take no entry.
    children: FlatMap,
}

impl StackTree {
    /// The empty stack: the parent of every outermost frame.
    pub const ROOT: StackId = StackId(0);

    /// The stack of `frame` called by `parent`.
    pub fn push(&mut self, parent: StackId, frame: FrameId) -> StackId {
        let next = StackId(parent.0.saturating_add(1));
        match self.nodes.get(next.index()) {
            Some(node) if node.parent == parent && node.frame == frame => return next,
            // The parent is the last node, so it has no children.
            None => return self.add(parent, frame),
            Some(_) => {}
        }
        let key = u64::from(parent.0) << 32 | u64::from(frame.0);
        let new = StackId::from_index(self.nodes.len());
        let id = StackId(self.children.get_or_insert(key, new.0));
        if id == new {
            self.add(parent, frame);
        }
        id
    }

    fn add(&mut self, parent: StackId, frame: FrameId) -> StackId {
        let id = StackId::from_index(self.nodes.len());
        self.nodes.push(Node { parent, frame });
        id
    }

    /// How many stacks there are, including the empty one.
    #[allow(clippy::len_without_is_empty, reason = "the empty stack is always there")]
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// The stack without its innermost frame, and that frame; `None` for the empty stack.
    pub(crate) fn split(&self, stack: StackId) -> Option<(StackId, FrameId)> {
        (stack != Self::ROOT).then(|| {
            let node = self.nodes[stack.index()];
            (node.parent, node.frame)
        })
    }

    /// The frames of a stack from the innermost outwards.
    pub fn leaf_first(&self, stack: StackId) -> impl Iterator<Item = FrameId> {
        let mut at = stack;
        std::iter::from_fn(move || {
            let (parent, frame) = self.split(at)?;
            at = parent;
            Some(frame)
        })
    }

    /// For each stack, what `push` returns for its frame and for what it returned for its parent.
    /// It is called for callers before callees.
    pub(crate) fn moved(mut self, mut push: impl FnMut(StackId, FrameId) -> StackId) -> Vec<StackId> {
        // The result takes the place of the parent, which is not needed again.
        for index in 1..self.nodes.len() {
            let Node { parent, frame } = self.nodes[index];
            self.nodes[index].parent = push(self.nodes[parent.index()].parent, frame);
        }
        self.nodes.into_iter().map(|node| node.parent).collect()
    }

    /// Frees what only [`push`](StackTree::push) needs.
    pub fn finish(&mut self) {
        self.children = FlatMap::default();
        self.nodes.shrink_to_fit();
    }
}

impl Default for StackTree {
    fn default() -> Self {
        let no_frame = Node { parent: StackTree::ROOT, frame: FrameId(u32::MAX) };
        StackTree { nodes: vec![no_frame], children: FlatMap::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shared_callers_are_stored_once() {
        let mut tree = StackTree::default();
        let main = tree.push(StackTree::ROOT, FrameId(0));
        let read = tree.push(main, FrameId(1));
        let write = tree.push(main, FrameId(2));
        assert_eq!(tree.push(main, FrameId(1)), read);
        assert_ne!(read, write);
        assert_eq!(tree.len(), 4);
        assert_eq!(tree.leaf_first(write).collect::<Vec<_>>(), [FrameId(2), FrameId(0)]);
    }
}
