//! Meanings: what names of functions, comms and numbers of system calls mean in the kernel. Each is
//! decided once, here.

use std::collections::BTreeMap;

use rustc_hash::FxHashMap;

use crate::kernel;
use crate::model::{
    About, FrameKind, FrameTable, Function, FunctionId, Mode, ModuleId, NameId, Names, Naming, SystemCall,
    Task, Timeline, TraceKind,
};
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

/// Sets the kind of each task by its comm.
pub(super) fn set_task_kinds(tasks: &mut [Task], names: &Names) {
    for task in tasks {
        task.kind = kernel::task_kind(names.get(task.comm));
    }
}

/// The system calls that occur in events, by number. A name is that of the architecture's table,
/// else that of the tracepoint (`syscalls:sys_enter_read`).
pub(super) fn system_calls(
    timelines: &[Timeline],
    about: &About,
    names: &mut Names,
) -> BTreeMap<i32, SystemCall> {
    let arch = about.arch.as_deref().unwrap_or_default();
    let mut calls = BTreeMap::new();
    for event in timelines.iter().flat_map(|timeline| &timeline.trace.events) {
        let (TraceKind::SystemCallEnter { number, .. } | TraceKind::SystemCallExit { number, .. }) =
            event.kind
        else {
            continue;
        };
        if calls.contains_key(&number) {
            continue;
        }
        let of_event = || {
            let event = &about.events[event.event?.index()];
            let name = event.name.strip_prefix("syscalls:sys_")?;
            name.strip_prefix("enter_").or(name.strip_prefix("exit_"))
        };
        let name = kernel::system_call_by_number(arch, number).or_else(of_event);
        let role = name.map(kernel::system_call_role).unwrap_or_default();
        let name = match name {
            Some(name) => names.intern(name),
            None => names.intern(&format!("system call {number}")),
        };
        calls.insert(number, SystemCall { name, role });
    }
    calls
}
