//! Stacks without call chains: the path of kernel code of which only the innermost function was
//! recorded.

use crate::model::{Mode, Naming, Recording, StackId};

use super::context::{Context, Serving};
use super::path_tree::{Owner, PathId, PathTreeBuilder};

/// Gives each stack that ends in kernel code, and is neither idle nor an interrupt or softirq, a
/// path with an unknown owner: the innermost function, or no function where it has no name. The
/// action of a softirq is a handler, whatever it ran on top of.
///
/// The frames of functions that were inlined into the recorded one come after it, so the stack of a
/// caller in the kernel is that of the recorded function.
pub(super) fn set_paths(
    recording: &Recording,
    by_stack: &mut [Context],
    handlers: &mut [Option<PathId>],
    paths: &mut PathTreeBuilder,
) {
    let mut of_any_function = None;
    for index in 1..by_stack.len() {
        let Some((parent, frame)) = recording.stacks.split(StackId::from_index(index)) else { continue };
        let function = recording.function(recording.frames.function(frame));
        let Context { path, is_nested, is_idle, serving, .. } = by_stack[index];
        if serving != Serving::Nothing && !is_nested {
            by_stack[index].is_nested = true;
            if let Some(handler) = handlers.get_mut(index) {
                *handler = Some(paths.child(None, Owner::Softirq, function));
            }
            continue;
        }
        if function.mode != Mode::Kernel || is_nested || is_idle {
            continue;
        }
        let is_called_in_kernel = recording
            .stacks
            .split(parent)
            .is_some_and(|(_, caller)| recording.frames.frames()[caller.index()].mode == Mode::Kernel);
        by_stack[index].path = match is_called_in_kernel {
            true => path.or(by_stack[parent.index()].path),
            false => {
                let any = *of_any_function.get_or_insert_with(|| paths.unknown());
                let is_named = function.naming == Naming::Named;
                Some(if is_named { paths.child(Some(any), Owner::Unknown, function) } else { any })
            }
        };
    }
}
