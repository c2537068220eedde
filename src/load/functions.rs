//! Functions: what all frames of one name in one module share, with the meaning of that name.

use rustc_hash::FxHashMap;

use crate::kernel;
use crate::model::{FrameKind, FrameTable, Function, FunctionId, Mode, ModuleId, NameId, Names, Naming};
use crate::symbols::FrameName;

/// Gives each frame its function, and each function its meaning.
pub(super) fn set_functions(
    frames: &mut FrameTable,
    frame_names: &[FrameName],
    names: &mut Names,
) -> Vec<Function> {
    let mut functions: Vec<Function> = Vec::new();
    let mut ids: FxHashMap<(FrameName, Option<ModuleId>, Mode), FunctionId> = FxHashMap::default();
    let mut of_frames = Vec::with_capacity(frame_names.len());
    for (frame, &named) in frames.frames().iter().zip(frame_names) {
        let id = *ids.entry((named, frame.module, frame.mode)).or_insert_with(|| {
            functions.push(function(named.name, frame.module, frame.mode, named.naming, names));
            FunctionId::from_index(functions.len() - 1)
        });
        of_frames.push(id);
    }
    frames.set_functions(of_frames);
    functions
}

/// A function, with the meaning that its name has in the kernel.
pub fn function(
    name: NameId,
    module: Option<ModuleId>,
    mode: Mode,
    naming: Naming,
    names: &mut Names,
) -> Function {
    let (mut kind, mut system_call) = (FrameKind::Plain, None);
    if mode == Mode::Kernel && naming == Naming::Named {
        let text = names.get(name).to_owned();
        kind = kernel::classify(&text);
        system_call = kernel::system_call(&text).map(|call| names.intern(call));
    }
    Function { name, module, mode, naming, kind, system_call }
}
