//! Categories: for each stack, the kind of code of its innermost frame, by one pass over the stack
//! tree, callers before callees.

use crate::model::{FrameKind, Mode, Recording, StackId, StackTree};

use super::contexts::Contexts;

/// A kind of code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Category {
    /// Code of a program, in user space.
    User,
    /// The kernel's work for a task.
    Kernel,
    /// A hardware interrupt, up to the softirqs at its end.
    Interrupt,
    /// A softirq, whether at the end of an interrupt or in a task.
    Softirq,
    /// The idle loop, up to the first interrupt in it.
    Idle,
    /// Code of a virtual machine or of a hypervisor.
    Foreign,
}

impl Category {
    /// All of them.
    pub const ALL: [Category; 6] = [
        Category::User,
        Category::Kernel,
        Category::Interrupt,
        Category::Softirq,
        Category::Idle,
        Category::Foreign,
    ];

    /// The word printed for the category.
    pub fn name(self) -> &'static str {
        match self {
            Category::User => "user",
            Category::Kernel => "kernel",
            Category::Interrupt => "interrupt",
            Category::Softirq => "softirq",
            Category::Idle => "idle",
            Category::Foreign => "foreign",
        }
    }
}

/// The category of each stack's innermost frame, by the stack's id. The entry of the empty stack
/// has no meaning.
pub fn of_stacks(recording: &Recording, contexts: &Contexts) -> Vec<Category> {
    let mut categories = vec![Category::Kernel; recording.stacks.len()];
    for index in 1..categories.len() {
        let stack = StackId::from_index(index);
        let Some((parent, frame)) = recording.stacks.split(stack) else { continue };
        let function = recording.function(recording.frames.function(frame));
        let outer = Some(categories[parent.index()]).filter(|_| parent != StackTree::ROOT);
        categories[index] = match (function.mode, function.kind, outer) {
            (Mode::User, ..) => Category::User,
            (Mode::Guest | Mode::Hypervisor, ..) => Category::Foreign,
            (Mode::Kernel, FrameKind::InterruptEntry, _) => Category::Interrupt,
            (Mode::Kernel, FrameKind::SoftirqEntry | FrameKind::SoftirqAction(_), _) => Category::Softirq,
            (Mode::Kernel, _, Some(inside @ (Category::Interrupt | Category::Softirq))) => inside,
            _ if contexts.get(stack).is_idle => Category::Idle,
            (Mode::Kernel, ..) => Category::Kernel,
        };
    }
    categories
}
