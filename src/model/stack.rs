//! Stacks as a tree: a stack is its parent stack plus one frame, so stacks with the same callers
//! share memory.

use super::flat_map::FlatMap;
use super::ids::{FrameId, StackId};

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
    /// By (parent, frame).
    children: FlatMap,
}

impl StackTree {
    /// The empty stack: the parent of every outermost frame.
    pub const ROOT: StackId = StackId(0);

    /// The stack of `frame` called by `parent`.
    pub fn push(&mut self, parent: StackId, frame: FrameId) -> StackId {
        let key = u64::from(parent.0) << 32 | u64::from(frame.0);
        if let Some(existing) = self.children.get(key) {
            return StackId(existing);
        }
        let id = StackId::from_index(self.nodes.len());
        self.nodes.push(Node { parent, frame });
        self.children.insert(key, id.0);
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
