//! The tree of all paths of a recording, callers before callees.

use std::num::NonZeroU32;

use rustc_hash::FxHashMap;

use crate::model::{FrameKind, Function, NameId};

/// A path: a node of the tree that [`Contexts`](super::Contexts) holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PathId(NonZeroU32);

impl PathId {
    /// The path at this position in per-path tables.
    pub fn from_index(index: usize) -> Self {
        let number = u32::try_from(index + 1).ok().and_then(NonZeroU32::new);
        PathId(number.expect("there are no more paths than stacks"))
    }

    /// The position in per-path tables.
    pub fn index(self) -> usize {
        self.0.get() as usize - 1
    }
}

/// Whose work a path is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Owner {
    /// A system call.
    SystemCall,
    /// A kernel thread.
    KernelThread,
    /// An exception in user space, such as a page fault, or a signal.
    Exception,
    /// A softirq's action.
    Softirq,
    /// An interrupt's handler.
    Interrupt,
}

#[derive(Clone, Copy, Debug)]
struct Node {
    parent: Option<PathId>,
    name: NameId,
    owner: Owner,
    /// The outermost node after the entry that all such paths share, for example the system call
    /// itself.
    start: Option<PathId>,
    /// The system call's name, from the first frame that shows it.
    system_call: Option<NameId>,
    depth: u32,
}

/// All paths.
#[derive(Clone, Debug, Default)]
pub(super) struct PathTree {
    nodes: Vec<Node>,
}

impl PathTree {
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    pub fn parent(&self, path: PathId) -> Option<PathId> {
        self.nodes[path.index()].parent
    }

    pub fn start(&self, path: PathId) -> Option<PathId> {
        self.nodes[path.index()].start
    }

    pub fn depth(&self, path: PathId) -> u32 {
        self.nodes[path.index()].depth
    }

    pub fn owner(&self, path: PathId) -> Owner {
        self.nodes[path.index()].owner
    }

    pub fn system_call(&self, path: PathId) -> Option<NameId> {
        self.nodes[path.index()].system_call
    }

    pub fn name(&self, path: PathId) -> NameId {
        self.nodes[path.index()].name
    }
}

/// A tree in construction.
#[derive(Default)]
pub(super) struct PathTreeBuilder {
    pub tree: PathTree,
    children: FxHashMap<(Option<PathId>, NameId), PathId>,
}

impl PathTreeBuilder {
    /// The path that continues `parent` into `function`.
    pub fn child(&mut self, parent: Option<PathId>, owner: Owner, function: &Function) -> PathId {
        use FrameKind::{Exception, InterruptEntry, ReturnToUser, SystemCallEntry, ThreadEntry};
        let PathTreeBuilder { tree, children } = self;
        let (kind, name) = (function.kind, function.name);
        *children.entry((parent, name)).or_insert_with(|| {
            let path = PathId::from_index(tree.len());
            let is_entry = matches!(kind, SystemCallEntry | ThreadEntry | ReturnToUser)
                || kind == Exception && owner == Owner::Exception
                || kind == InterruptEntry && owner == Owner::Interrupt;
            let outer_start = parent.and_then(|parent| tree.start(parent));
            tree.nodes.push(Node {
                parent,
                name,
                owner,
                start: outer_start.or((!is_entry).then_some(path)),
                system_call: parent
                    .and_then(|parent| tree.system_call(parent))
                    .or(function.system_call.filter(|_| owner == Owner::SystemCall)),
                depth: parent.map_or(1, |parent| tree.depth(parent) + 1),
            });
            path
        })
    }
}
