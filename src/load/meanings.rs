//! Meanings: what names of functions, comms and numbers of system calls mean in the kernel. Each is
//! decided once, here.

use std::collections::{BTreeMap, BTreeSet};

use rayon::prelude::*;
use rustc_hash::{FxHashMap, FxHashSet};

use crate::kernel;
use crate::model::{
    About, EventId, FrameKind, FrameTable, Function, FunctionId, Mode, ModuleId, NameId, Names, Naming,
    Recording, SystemCall, Timeline, TraceEvent, TraceKind,
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
        if kind == FrameKind::SystemCall {
            system_call = kernel::system_call(&text).map(|call| names.intern(call));
        }
    }
    Function { name, module, mode, naming, kind, system_call }
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
    let events = timelines.par_iter().flat_map(|timeline| timeline.trace.pieces());
    let firsts: Vec<_> = events.map(first_calls).collect();
    for (number, event) in firsts.into_iter().flatten() {
        calls.entry(number).or_insert_with(|| {
            let of_event = || about.events[event?.index()].system_call();
            let name = kernel::system_call_by_number(arch, number).or_else(of_event);
            system_call(number, name, names)
        });
    }
    calls
}

/// Marks the tasks whose stacks show that they are 32-bit programs on a 64-bit kernel, with all
/// threads of the process, and names the system calls by the numbers of these programs.
pub fn set_compat(recording: &mut Recording, names: &mut Names) {
    let Some(arch) = recording.about.arch.as_deref().and_then(kernel::compat_arch) else { return };
    let is_entry =
        |function: &Function| function.is_named_kernel() && kernel::is_compat_entry(names.get(function.name));
    let have_entry = recording.functions.iter().any(is_entry);
    if !have_entry || calls_of(&recording.timelines).next().is_none() {
        return;
    }
    let are_compat = recording.stacks_with(is_entry);
    let Recording { timelines, tasks, .. } = recording;
    let samples = timelines.iter().flat_map(|timeline| &timeline.samples);
    let events = timelines.iter().flat_map(|timeline| &timeline.trace.events);
    let seen = samples.map(|sample| (sample.task, sample.stack));
    let seen = seen.chain(events.map(|event| (event.task, event.stack)));
    let processes: FxHashSet<(i32, NameId)> = seen
        .filter(|(_, stack)| are_compat[stack.index()])
        .map(|(task, _)| (tasks[task.index()].pid, tasks[task.index()].comm))
        .collect();
    for task in tasks.iter_mut() {
        task.is_compat = processes.contains(&(task.pid, task.comm));
    }
    let is_compat = |event: &TraceEvent| tasks[event.task.index()].is_compat;
    let numbers = calls_of(timelines).filter(|(_, event)| is_compat(event)).map(|(number, _)| number);
    let numbers: BTreeSet<i32> = numbers.collect();
    let named =
        |number: i32| (number, system_call(number, kernel::system_call_by_number(arch, number), names));
    recording.compat_system_calls = numbers.into_iter().map(named).collect();
}

/// The numbers of the system calls in events, each with the first event that has it, in this order.
fn first_calls(events: &[TraceEvent]) -> Vec<(i32, Option<EventId>)> {
    /// Above the numbers of all architectures but those that add an offset.
    const USUAL: usize = 1024;
    let mut are_usual_seen = [false; USUAL];
    let mut others_seen = BTreeSet::new();
    let is_first = |(number, _): &(i32, &TraceEvent)| match are_usual_seen.get_mut(*number as usize) {
        Some(is_seen) => !std::mem::replace(is_seen, true),
        None => others_seen.insert(*number),
    };
    events.iter().filter_map(call_of).filter(is_first).map(|(number, event)| (number, event.event)).collect()
}

/// The events of system calls, each with the number of the call.
fn calls_of(timelines: &[Timeline]) -> impl Iterator<Item = (i32, &TraceEvent)> {
    timelines.iter().flat_map(|timeline| &timeline.trace.events).filter_map(call_of)
}

/// An event of a system call, with the number of the call.
fn call_of(event: &TraceEvent) -> Option<(i32, &TraceEvent)> {
    match event.kind {
        TraceKind::SystemCallEnter { number, .. } | TraceKind::SystemCallExit { number, .. } => {
            Some((number, event))
        }
        _ => None,
    }
}

fn system_call(number: i32, name: Option<&str>, names: &mut Names) -> SystemCall {
    let role = name.map(kernel::system_call_role).unwrap_or_default();
    let name = match name {
        Some(name) => names.intern(name),
        None => names.intern(&format!("system call {number}")),
    };
    SystemCall { name, role }
}
