//! The contexts of all stacks, and the tree of all paths.

use crate::model::{NameId, Recording, Sample, Softirq, StackId};

use super::context::Context;
use super::path_tree::{Owner, PathId, PathTree};

/// The contexts of all stacks, and the tree of all paths.
#[derive(Clone, Debug)]
pub struct Contexts {
    pub(super) by_stack: Vec<Context>,
    /// By stack: the path of the softirq or interrupt that it is in.
    pub(super) handlers: Vec<Option<PathId>>,
    /// By stack, whether it is in an interrupt.
    pub(super) interrupts: Vec<bool>,
    pub(super) tree: PathTree,
}

impl Contexts {
    /// The context of a stack.
    pub fn get(&self, stack: StackId) -> Context {
        self.by_stack[stack.index()]
    }

    /// The path of a nested stack: the softirq's action or the interrupt's handler, up to the first
    /// interrupt nested in it.
    pub fn handler(&self, stack: StackId) -> Option<PathId> {
        self.handlers[stack.index()]
    }

    /// Whether a stack is in an interrupt, so that a softirq in it was served when that interrupt
    /// returned. Else the softirq was served where bottom halves were enabled, or by a thread.
    pub fn is_in_interrupt(&self, stack: StackId) -> bool {
        self.interrupts[stack.index()]
    }

    /// Whether a sample is idle. Where a stack has no kernel names, every sample of the idle task
    /// counts as idle.
    #[inline]
    pub fn is_idle(&self, recording: &Recording, sample: &Sample) -> bool {
        let context = self.get(sample.stack);
        let is_swapper = recording.task(sample.task).is_swapper();
        // Branchless on purpose: `||` and `&&` would be mispredicted here.
        context.is_idle | (!context.is_named & is_swapper)
    }

    /// All paths, by index: callers before callees.
    pub fn paths(&self) -> impl ExactSizeIterator<Item = PathId> + use<> {
        (0..self.tree.len()).map(PathId::from_index)
    }

    /// The path without its innermost frame.
    pub fn parent(&self, path: PathId) -> Option<PathId> {
        self.tree.get(path).parent
    }

    /// The outermost part of a path that distinguishes it, after the entry that all such paths
    /// share: the system call, for example. `None` for a path that ends in the entry.
    pub fn start(&self, path: PathId) -> Option<PathId> {
        self.tree.get(path).start
    }

    /// The number of frames.
    pub fn depth(&self, path: PathId) -> u32 {
        self.tree.get(path).depth
    }

    /// The path up to the function that says what work it is: its place. That is the innermost
    /// function that is no helper (no lock, clock, copy of memory or writing of text), or a BPF
    /// program around it.
    pub fn place(&self, path: PathId) -> PathId {
        self.tree.get(path).place
    }

    /// The path up to the function that waits: without the functions that give the CPU away.
    pub fn waiter(&self, path: PathId) -> PathId {
        self.tree.get(path).waiter
    }

    /// Whether the innermost function of a path turns interrupts on again.
    pub fn is_interrupts_on(&self, path: PathId) -> bool {
        self.tree.get(path).is_interrupts_on
    }

    /// Whose work the path is.
    pub fn owner(&self, path: PathId) -> Owner {
        self.tree.get(path).owner
    }

    /// The name of the system call, if a frame shows it.
    pub fn system_call(&self, path: PathId) -> Option<NameId> {
        self.tree.get(path).system_call
    }

    /// The softirq, if the path is of its action.
    pub fn softirq(&self, path: PathId) -> Option<Softirq> {
        self.tree.get(path).softirq
    }

    /// The innermost function; `None` for the path of no function.
    pub fn name(&self, path: PathId) -> Option<NameId> {
        self.tree.get(path).name
    }

    /// The functions, outermost first.
    pub fn names(&self, path: PathId) -> Vec<NameId> {
        let mut names: Vec<NameId> = self.outwards(path).filter_map(|path| self.name(path)).collect();
        names.reverse();
        names
    }

    /// The path and its callers, innermost first.
    pub fn outwards(&self, path: PathId) -> impl Iterator<Item = PathId> {
        std::iter::successors(Some(path), |&path| self.parent(path))
    }

    /// Whether `inner` is `outer` or continues it.
    pub fn continues(&self, inner: PathId, outer: PathId) -> bool {
        // A caller's id is smaller than its callees'.
        self.outwards(inner).find(|&path| path <= outer) == Some(outer)
    }
}
