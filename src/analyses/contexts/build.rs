//! Building: one pass over the stack tree, callers before callees.

use std::sync::Arc;

use crate::model::{FrameKind, Function, Mode, Recording, StackId, StackTree};

use super::context::{Context, Serving};
use super::flat;
use super::path_tree::{Owner, PathId, PathTreeBuilder};
use super::stacks::Contexts;

/// Where in the kernel a stack's innermost frame is.
#[derive(Clone, Copy)]
enum Position {
    /// After no known entry into the kernel.
    Outside,
    /// In the kernel's work for a task.
    Working(PathId),
    /// In the idle loop.
    Idle,
    /// In an interrupt or softirq, or in work of the idle loop. The path ends before it.
    Nested,
    /// Like `Nested`, in the work of a handler.
    Handling(PathId),
}

impl Contexts {
    /// The contexts of `recording`'s stacks. They are worked out once: most analyses need them.
    pub fn of(recording: &Recording) -> Arc<Contexts> {
        recording.shared(build)
    }
}

fn build(recording: &Recording) -> Contexts {
    let mut handlers = vec![None; recording.stacks.len()];
    let mut by_stack = vec![Context::default(); recording.stacks.len()];
    let mut paths = PathTreeBuilder::default();
    let mut positions = vec![Position::Outside; recording.stacks.len()];
    let mut interrupts = vec![false; handlers.len()];
    for index in 1..recording.stacks.len() {
        let Some((parent, frame)) = recording.stacks.split(StackId::from_index(index)) else {
            continue;
        };
        let function = recording.function(recording.frames.function(frame));
        let outer = by_stack[parent.index()];
        let outer_position = positions[parent.index()];
        let position = match function.mode {
            Mode::Kernel => {
                let inner = enter(&mut paths, outer_position, outer.path, parent, function);
                handle(&mut paths, outer_position, inner, function)
            }
            Mode::User | Mode::Guest | Mode::Hypervisor => Position::Outside,
        };
        positions[index] = position;
        by_stack[index] = context(outer, position, function);
        interrupts[index] = interrupts[parent.index()] || function.kind == FrameKind::InterruptEntry;
        handlers[index] = match (position, function.kind) {
            (Position::Handling(path), _) => Some(path),
            // Softirqs run after an interrupt's handler and are not its work.
            (Position::Nested, FrameKind::SoftirqEntry | FrameKind::SoftirqLoop) => None,
            (Position::Nested, _) => handlers[parent.index()],
            (Position::Outside | Position::Idle | Position::Working(_), _) => None,
        };
    }
    // Samples of other events, such as switches, are all in the kernel.
    let samples_time = recording.sampling_event().is_some_and(|event| event.samples_time);
    if samples_time && !recording.shows_kernel_callers() {
        flat::set_paths(recording, &mut by_stack, &mut handlers, &mut paths);
    }
    Contexts { by_stack, handlers, interrupts, tree: paths.tree }
}

/// The context of a stack whose innermost frame is `function`, at `position`; `outer` is that of
/// its caller.
fn context(outer: Context, position: Position, function: &Function) -> Context {
    Context {
        path: match position {
            Position::Working(path) => Some(path),
            Position::Nested | Position::Handling(_) => outer.path,
            Position::Outside | Position::Idle => None,
        },
        is_nested: matches!(position, Position::Nested | Position::Handling(_)),
        is_idle: matches!(position, Position::Idle),
        is_named: outer.is_named || function.is_named_kernel(),
        serving: match (outer.serving, function.kind) {
            (Serving::Softirq(softirq), _) | (_, FrameKind::SoftirqAction(softirq)) => {
                Serving::Softirq(softirq)
            }
            (Serving::Unknown, _) | (_, FrameKind::SoftirqLoop) => Serving::Unknown,
            _ => Serving::Nothing,
        },
    }
}

/// The position, in the work for a task, of a kernel function called by the stack `parent`, which
/// is at position `outer`.
fn enter(
    paths: &mut PathTreeBuilder,
    outer: Position,
    outer_path: Option<PathId>,
    parent: StackId,
    function: &Function,
) -> Position {
    use FrameKind::{
        Exception, Idle, InterruptEntry, InterruptsOn, ReturnToUser, SoftirqEntry, SoftirqLoop, SystemCall,
        SystemCallEntry, ThreadEntry,
    };
    let begin = |owner| (None, owner);
    let (parent, owner) = match (outer, function.kind) {
        // An interrupt of user code that ends in work for the task: signals, exit.
        (Position::Nested | Position::Handling(_), ReturnToUser) if outer_path.is_none() => {
            begin(Owner::Exception)
        }
        (Position::Nested | Position::Handling(_), _) | (_, InterruptEntry | SoftirqEntry | SoftirqLoop) => {
            return Position::Nested;
        }
        (Position::Outside, SystemCallEntry | SystemCall) => begin(Owner::SystemCall),
        (Position::Outside, Exception) => begin(Owner::Exception),
        (Position::Outside, ThreadEntry) if parent == StackTree::ROOT => begin(Owner::KernelThread),
        // powerpc turns interrupts on by a call: the sample of an idle time is taken there.
        (Position::Outside | Position::Idle, Idle) | (Position::Idle, InterruptsOn) => return Position::Idle,
        // Code before any known entry: the boot code that calls the idle loop, or a stack without
        // its outer frames.
        (Position::Outside, _) => return Position::Outside,
        (Position::Idle, _) => return Position::Nested,
        (Position::Working(path), _) => (Some(path), paths.tree.get(path).owner),
    };
    Position::Working(paths.child(parent, owner, function))
}

/// The position of that function in the work of a softirq or interrupt; `inner` is its position in
/// the work for a task.
fn handle(paths: &mut PathTreeBuilder, outer: Position, inner: Position, function: &Function) -> Position {
    use FrameKind::{InterruptEntry, SoftirqAction, SoftirqEntry, SoftirqLoop};
    if !matches!(inner, Position::Nested) {
        return inner;
    }
    let outer_handler = match outer {
        Position::Handling(path) => Some((path, paths.tree.get(path).owner)),
        _ => None,
    };
    let (parent, owner) = match (outer_handler, function.kind) {
        (Some((_, Owner::Interrupt)) | None, SoftirqAction(_)) => (None, Owner::Softirq),
        (Some((_, Owner::Softirq)), InterruptEntry)
        | (Some((_, Owner::Interrupt)), SoftirqEntry | SoftirqLoop) => return inner,
        (Some((path, owner)), _) => (Some(path), owner),
        (None, InterruptEntry) if !matches!(outer, Position::Nested) => (None, Owner::Interrupt),
        (None, _) => return inner,
    };
    Position::Handling(paths.child(parent, owner, function))
}
