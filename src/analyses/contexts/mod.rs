//! Contexts: for each stack, in whose behalf the kernel worked (the path), whether the CPU was idle, and which softirq it
//! served. One pass over the stack tree, callers before callees.

use std::num::NonZeroU32;

use rustc_hash::FxHashMap;

use crate::model::{
    FrameKind, Function, Mode, NameId, Naming, Recording, Sample, Softirq, StackId, StackTree,
};

/// A path: a node of the tree that [`Contexts`] holds.
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
pub enum Owner {
    /// A system call's.
    SystemCall,
    /// A kernel thread's.
    KernelThread,
    /// An exception's in user space, a page fault say, or a signal's.
    Exception,
    /// A softirq's action.
    Softirq,
    /// An interrupt's handler.
    Interrupt,
}

/// What a stack says about its sample. It is asked of every sample: 8 bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Context {
    /// The kernel's work for the task, up to the first interrupt or softirq nested in it; `None` in user space, in idle, and
    /// for an interrupt of either.
    pub path: Option<PathId>,
    /// Whether the sample was taken in an interrupt or softirq: then the path was waiting, and what ran is not its work.
    pub is_nested: bool,
    /// Whether the innermost frame is one of the idle loop.
    pub is_idle: bool,
    /// Whether any of the kernel's frames has a name.
    pub is_named: bool,
    /// Whether softirqs were being served.
    pub serving: Serving,
}

impl Context {
    /// The outermost softirq that was being served.
    pub fn softirq(&self) -> Option<Softirq> {
        match self.serving {
            Serving::Softirq(softirq) => Some(softirq),
            Serving::Nothing | Serving::Untold => None,
        }
    }
}

/// Whether softirqs were being served.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Serving {
    /// None.
    #[default]
    Nothing,
    /// Some, and no frame tells which.
    Untold,
    /// The outermost of them.
    Softirq(Softirq),
}

#[derive(Clone, Copy, Debug)]
struct Node {
    parent: Option<PathId>,
    name: NameId,
    owner: Owner,
    /// The outermost node that tells the work apart from other work: the system call itself, after the entry that all share.
    start: Option<PathId>,
    /// The system call's name, from the first frame that tells.
    system_call: Option<NameId>,
    depth: u32,
}

/// The contexts of all stacks, and the tree of all paths.
#[derive(Clone, Debug)]
pub struct Contexts {
    by_stack: Vec<Context>,
    /// By stack; empty unless they were asked for.
    handlers: Vec<Option<PathId>>,
    paths: Vec<Node>,
}

/// Where in a stack the pass is.
#[derive(Clone, Copy)]
enum Position {
    /// No known entry into the kernel yet.
    Outside,
    /// In the kernel's work for a task.
    Working(PathId),
    /// In the idle loop.
    Idle,
    /// In an interrupt or softirq, or in the idle loop's own work: the path does not grow any more.
    Nested,
    /// As `Nested`, in the work of a handler.
    Handling(PathId),
}

impl Contexts {
    /// The contexts of `recording`'s stacks.
    pub fn new(recording: &Recording) -> Self {
        Contexts::build(recording, Vec::new())
    }

    /// The contexts of `recording`'s stacks, with the paths of softirqs and interrupts.
    pub fn with_handlers(recording: &Recording) -> Self {
        Contexts::build(recording, vec![None; recording.stacks.len()])
    }

    fn build(recording: &Recording, handlers: Vec<Option<PathId>>) -> Self {
        let by_stack = vec![Context::default(); recording.stacks.len()];
        let mut contexts = Contexts { by_stack, handlers, paths: Vec::new() };
        let mut children = FxHashMap::default();
        let mut positions = vec![Position::Outside; recording.stacks.len()];
        for index in 1..recording.stacks.len() {
            let Some((parent, frame)) = recording.stacks.split(StackId::from_index(index)) else {
                continue;
            };
            let function = recording.function(recording.frames.function(frame));
            let outer = contexts.by_stack[parent.index()];
            let position = match function.mode {
                Mode::Kernel if !contexts.handlers.is_empty() => {
                    let inner = contexts.enter(
                        positions[parent.index()],
                        outer.path,
                        parent,
                        function,
                        &mut children,
                    );
                    contexts.handle(positions[parent.index()], inner, function, &mut children)
                }
                Mode::Kernel => {
                    contexts.enter(positions[parent.index()], outer.path, parent, function, &mut children)
                }
                Mode::User | Mode::Guest | Mode::Hypervisor => Position::Outside,
            };
            positions[index] = position;
            contexts.by_stack[index] = Context {
                path: match position {
                    Position::Working(path) => Some(path),
                    Position::Nested | Position::Handling(_) => outer.path,
                    Position::Outside | Position::Idle => None,
                },
                is_nested: matches!(position, Position::Nested | Position::Handling(_)),
                is_idle: matches!(position, Position::Idle),
                is_named: outer.is_named || function.mode == Mode::Kernel && function.naming == Naming::Named,
                serving: match (outer.serving, function.kind) {
                    (Serving::Softirq(softirq), _) | (_, FrameKind::SoftirqAction(softirq)) => {
                        Serving::Softirq(softirq)
                    }
                    (Serving::Untold, _) | (_, FrameKind::SoftirqLoop) => Serving::Untold,
                    _ => Serving::Nothing,
                },
            };
            if !contexts.handlers.is_empty() {
                contexts.handlers[index] = match (position, function.kind) {
                    (Position::Handling(path), _) => Some(path),
                    // Softirqs follow an interrupt's handler, and are not its work.
                    (Position::Nested, FrameKind::SoftirqEntry | FrameKind::SoftirqLoop) => None,
                    (Position::Nested, _) => contexts.handlers[parent.index()],
                    (Position::Outside | Position::Idle | Position::Working(_), _) => None,
                };
            }
        }
        contexts
    }

    /// The context of a stack.
    pub fn of(&self, stack: StackId) -> Context {
        self.by_stack[stack.index()]
    }

    /// Of a nested stack: the softirq's action or the interrupt's handler, up to the first interrupt nested in it; only by
    /// [`Contexts::with_handlers`].
    pub fn handler(&self, stack: StackId) -> Option<PathId> {
        self.handlers.get(stack.index()).copied().flatten()
    }

    /// Whether a sample saw the CPU idle. Without kernel names nothing can be told about the idle task's stacks; then all of them
    /// count as idle.
    #[inline]
    pub fn is_idle(&self, recording: &Recording, sample: &Sample) -> bool {
        let context = self.of(sample.stack);
        let is_swapper = recording.task(sample.task).is_swapper();
        // No `||` and `&&`: samples take turns in what decides, and a CPU would often guess wrong which it is.
        context.is_idle | (!context.is_named & is_swapper)
    }

    /// All paths, callers before callees: the one with index 0 first.
    pub fn paths(&self) -> impl ExactSizeIterator<Item = PathId> + use<> {
        (0..self.paths.len()).map(PathId::from_index)
    }

    /// The path without its innermost frame.
    pub fn parent(&self, path: PathId) -> Option<PathId> {
        self.paths[path.index()].parent
    }

    /// The part of a path that tells it from others: the system call, after the entry that all share. `None` for a path that
    /// ends in the entry.
    pub fn start(&self, path: PathId) -> Option<PathId> {
        self.paths[path.index()].start
    }

    /// Number of frames.
    pub fn depth(&self, path: PathId) -> u32 {
        self.paths[path.index()].depth
    }

    /// Whose work it is.
    pub fn owner(&self, path: PathId) -> Owner {
        self.paths[path.index()].owner
    }

    /// The name of the system call, where a frame tells.
    pub fn system_call(&self, path: PathId) -> Option<NameId> {
        self.paths[path.index()].system_call
    }

    /// The innermost function.
    pub fn name(&self, path: PathId) -> NameId {
        self.paths[path.index()].name
    }

    /// The functions, outermost first.
    pub fn names(&self, path: PathId) -> Vec<NameId> {
        let mut names: Vec<NameId> = self.outwards(path).map(|path| self.name(path)).collect();
        names.reverse();
        names
    }

    /// The path and its callers, innermost first.
    pub fn outwards(&self, path: PathId) -> impl Iterator<Item = PathId> {
        std::iter::successors(Some(path), |&path| self.parent(path))
    }

    /// Whether `inner` is `outer` or goes on from it.
    pub fn goes_on_from(&self, inner: PathId, outer: PathId) -> bool {
        // A caller's id is smaller than its callees'.
        self.outwards(inner).find(|&path| path <= outer) == Some(outer)
    }

    fn enter(
        &mut self,
        outer: Position,
        outer_path: Option<PathId>,
        parent: StackId,
        function: &Function,
        children: &mut FxHashMap<(Option<PathId>, NameId), PathId>,
    ) -> Position {
        use FrameKind::{
            Exception, Idle, InterruptEntry, ReturnToUser, SoftirqEntry, SoftirqLoop, SystemCall,
            SystemCallEntry, ThreadEntry,
        };
        let kind = function.kind;
        let begin = |owner| (None, owner);
        let (parent, owner) = match (outer, kind) {
            // An interrupt of user code that ends in work for the task itself: signals, exit.
            (Position::Nested | Position::Handling(_), ReturnToUser) if outer_path.is_none() => {
                begin(Owner::Exception)
            }
            (Position::Nested | Position::Handling(_), _)
            | (_, InterruptEntry | SoftirqEntry | SoftirqLoop) => return Position::Nested,
            (Position::Outside, SystemCallEntry | SystemCall) => begin(Owner::SystemCall),
            (Position::Outside, Exception) => begin(Owner::Exception),
            (Position::Outside, ThreadEntry) if parent == StackTree::ROOT => begin(Owner::KernelThread),
            (Position::Outside | Position::Idle, Idle) => return Position::Idle,
            // Code before any known entry: the boot code below the idle loop, or a stack whose outer frames are missing.
            (Position::Outside, _) => return Position::Outside,
            (Position::Idle, _) => return Position::Nested,
            (Position::Working(path), _) => (Some(path), self.owner(path)),
        };
        Position::Working(self.node(parent, owner, function, children))
    }

    /// Where the pass is in the work of a softirq or interrupt, `inner` being where it is in that of a task.
    fn handle(
        &mut self,
        outer: Position,
        inner: Position,
        function: &Function,
        children: &mut FxHashMap<(Option<PathId>, NameId), PathId>,
    ) -> Position {
        use FrameKind::{InterruptEntry, SoftirqAction, SoftirqEntry, SoftirqLoop};
        if !matches!(inner, Position::Nested) {
            return inner;
        }
        let owner_outside = match outer {
            Position::Handling(path) => Some((path, self.owner(path))),
            _ => None,
        };
        let (parent, owner) = match (owner_outside, function.kind) {
            (Some((_, Owner::Interrupt)) | None, SoftirqAction(_)) => (None, Owner::Softirq),
            (Some((_, Owner::Softirq)), InterruptEntry)
            | (Some((_, Owner::Interrupt)), SoftirqEntry | SoftirqLoop) => return inner,
            (Some((path, owner)), _) => (Some(path), owner),
            (None, InterruptEntry) if !matches!(outer, Position::Nested) => (None, Owner::Interrupt),
            (None, _) => return inner,
        };
        Position::Handling(self.node(parent, owner, function, children))
    }

    /// The path that goes on from `parent` into `function`.
    fn node(
        &mut self,
        parent: Option<PathId>,
        owner: Owner,
        function: &Function,
        children: &mut FxHashMap<(Option<PathId>, NameId), PathId>,
    ) -> PathId {
        use FrameKind::{Exception, InterruptEntry, ReturnToUser, SystemCallEntry, ThreadEntry};
        let (kind, name) = (function.kind, function.name);
        *children.entry((parent, name)).or_insert_with(|| {
            let path = PathId::from_index(self.paths.len());
            let is_entry = matches!(kind, SystemCallEntry | ThreadEntry | ReturnToUser)
                || kind == Exception && owner == Owner::Exception
                || kind == InterruptEntry && owner == Owner::Interrupt;
            let outer_start = parent.and_then(|parent| self.start(parent));
            self.paths.push(Node {
                parent,
                name,
                owner,
                start: outer_start.or((!is_entry).then_some(path)),
                system_call: parent
                    .and_then(|parent| self.system_call(parent))
                    .or(function.system_call.filter(|_| owner == Owner::SystemCall)),
                depth: parent.map_or(1, |parent| self.depth(parent) + 1),
            });
            path
        })
    }
}
