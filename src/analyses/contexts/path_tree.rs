//! The tree of all paths of a recording, callers before callees.

use rustc_hash::FxHashMap;

use crate::model::{FrameKind, Function, NameId, Softirq, niche_id};

niche_id!(
    /// A path: a node of the tree that [`Contexts`](super::Contexts) holds.
    PathId
);

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
    /// Unknown, because there are no call chains: only the innermost function of the kernel was
    /// recorded. It may be a system call of the task, an exception, or an interrupt or softirq on
    /// top of the task.
    Unknown,
}

impl Owner {
    /// The word for it in JSON and in tables.
    pub fn name(self) -> &'static str {
        match self {
            Owner::SystemCall => "system_call",
            Owner::KernelThread => "kernel_thread",
            Owner::Exception => "exception",
            Owner::Softirq => "softirq",
            Owner::Interrupt => "interrupt",
            Owner::Unknown => "unknown",
        }
    }
}

/// A node of the tree: a path.
#[derive(Clone, Copy, Debug)]
pub(super) struct Node {
    /// The path without its innermost frame.
    pub parent: Option<PathId>,
    /// The innermost function; `None` for the path of no function, which stands for all kernel code
    /// with an unknown owner.
    pub name: Option<NameId>,
    pub owner: Owner,
    /// The outermost node after the entry that all such paths share, for example the system call
    /// itself.
    pub start: Option<PathId>,
    /// The system call's name, from the first frame that shows it.
    pub system_call: Option<NameId>,
    /// The softirq whose action it is.
    pub softirq: Option<Softirq>,
    /// The number of frames.
    pub depth: u32,
    /// The path up to its place.
    pub place: PathId,
    /// The path up to the function that gives the CPU away by its callees.
    pub waiter: PathId,
    /// Whether the innermost function is a BPF program.
    is_bpf_program: bool,
    /// Whether the innermost function turns interrupts on again.
    pub is_interrupts_on: bool,
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

    pub fn get(&self, path: PathId) -> &Node {
        &self.nodes[path.index()]
    }
}

/// A tree in construction.
#[derive(Default)]
pub(super) struct PathTreeBuilder {
    pub tree: PathTree,
    children: FxHashMap<(Option<PathId>, NameId), PathId>,
}

impl PathTreeBuilder {
    /// The path of no function, the parent of all paths with an unknown owner.
    pub fn unknown(&mut self) -> PathId {
        let path = PathId::from_index(self.tree.len());
        let start = Some(path);
        let (owner, system_call) = (Owner::Unknown, None);
        self.tree.nodes.push(Node {
            parent: None,
            name: None,
            owner,
            start,
            system_call,
            softirq: None,
            depth: 0,
            place: path,
            waiter: path,
            is_bpf_program: false,
            is_interrupts_on: false,
        });
        path
    }

    /// The path that continues `parent` into `function`.
    pub fn child(&mut self, parent: Option<PathId>, owner: Owner, function: &Function) -> PathId {
        use FrameKind::{
            BpfProgram, Exception, InterruptEntry, ReturnToUser, SoftirqAction, SystemCallEntry, ThreadEntry,
        };
        let PathTreeBuilder { tree, children } = self;
        let (kind, name) = (function.kind, function.name);
        *children.entry((parent, name)).or_insert_with(|| {
            let path = PathId::from_index(tree.len());
            let is_entry = matches!(kind, SystemCallEntry | ThreadEntry | ReturnToUser)
                || kind == Exception && owner == Owner::Exception
                || kind == InterruptEntry && owner == Owner::Interrupt;
            let outer = parent.map(|parent| *tree.get(parent));
            // What a BPF program calls is its work: the kernel only helps it.
            let is_place_of_outer =
                |outer: &Node| kind.is_helper() || kind != BpfProgram && tree.get(outer.place).is_bpf_program;
            let place_of_outer = outer
                .filter(|outer| outer.start.is_some() && is_place_of_outer(outer))
                .map(|outer| outer.place);
            tree.nodes.push(Node {
                parent,
                name: Some(name),
                owner,
                start: outer.and_then(|outer| outer.start).or((!is_entry).then_some(path)),
                system_call: outer
                    .and_then(|outer| outer.system_call)
                    .or(function.system_call.filter(|_| owner == Owner::SystemCall)),
                softirq: match kind {
                    SoftirqAction(softirq) if owner == Owner::Softirq => Some(softirq),
                    _ => outer.and_then(|outer| outer.softirq),
                },
                depth: outer.map_or(1, |outer| outer.depth + 1),
                place: place_of_outer.unwrap_or(path),
                waiter: outer.filter(|_| kind == FrameKind::Schedule).map_or(path, |outer| outer.waiter),
                is_bpf_program: kind == BpfProgram,
                is_interrupts_on: kind == FrameKind::InterruptsOn,
            });
            path
        })
    }
}
