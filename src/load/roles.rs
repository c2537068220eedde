//! Roles: which tasks serve softirqs, by their comms, and which only have such a name.

use std::collections::BTreeSet;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::atomic::{AtomicBool, AtomicU32};

use rayon::prelude::*;

use crate::kernel;
use crate::model::{FrameKind, Mode, Names, Origin, Recording, StackId, TaskId, TaskKind, TraceKind};

use super::notes::note_impostors;

/// A kernel thread has no code in user space. One sample in so many may still show some: it was
/// taken while the CPU went on to the next task, or its call chain is damaged.
const DAMAGED: u32 = 10;

/// How many samples are looked at together.
const PIECE: usize = 1 << 16;

/// Sets the kind of each task by its comm, and notes programs that have the name of a kernel
/// thread.
pub(super) fn set_task_kinds(recording: &mut Recording, names: &Names) {
    let comms = recording.tasks.iter().map(|task| names.get(task.comm));
    let are_named: Vec<bool> = comms.map(kernel::is_kernel_thread).collect();
    set_origins_by_samples(recording, &are_named);
    let mut impostors = BTreeSet::new();
    for (task, is_named) in recording.tasks.iter_mut().zip(are_named) {
        if is_named && task.origin == Origin::User && !task.is_swapper() {
            task.kind = TaskKind::Impostor;
            impostors.insert((names.get(task.comm), task.pid));
        } else {
            task.kind = kernel::task_kind(names.get(task.comm));
        }
    }
    note_impostors(&impostors, &mut recording.diagnostics);
}

/// Where side band does not show who made a task with the name of a kernel thread, its samples and
/// its system calls may.
fn set_origins_by_samples(recording: &mut Recording, are_named: &[bool]) {
    let is_doubtful = |id: TaskId| {
        let task = recording.task(id);
        are_named[id.index()] && task.origin == Origin::Unknown && !task.is_swapper()
    };
    let are_doubtful: Vec<bool> =
        (0..recording.tasks.len()).map(TaskId::from_index).map(is_doubtful).collect();
    if !are_doubtful.contains(&true) {
        return;
    }
    // A kernel thread that borrowed a process's address space may show frames of that process.
    let have_entry = recording.stacks_with(|function| function.kind == FrameKind::ThreadEntry);
    let have_program = recording
        .stacks_with(|function| function.mode == Mode::User || function.kind == FrameKind::SystemCallEntry);
    let shows_program = |stack: StackId| have_program[stack.index()] && !have_entry[stack.index()];
    // All samples, and those that show a program.
    let counts: Vec<[AtomicU32; 2]> = recording.tasks.iter().map(|_| Default::default()).collect();
    let samples = recording.timelines.par_iter().flat_map(|timeline| timeline.samples.par_chunks(PIECE));
    samples.for_each(|samples| {
        for sample in samples.iter().filter(|sample| are_doubtful[sample.task.index()]) {
            let [all, of_program] = &counts[sample.task.index()];
            all.fetch_add(1, Relaxed);
            of_program.fetch_add(u32::from(shows_program(sample.stack)), Relaxed);
        }
    });
    let have_called: Vec<AtomicBool> = are_doubtful.iter().map(|_| AtomicBool::new(false)).collect();
    let events = recording.timelines.par_iter().flat_map(|timeline| timeline.trace.pieces());
    events.for_each(|events| {
        for event in events {
            let is_call =
                matches!(event.kind, TraceKind::SystemCallEnter { .. } | TraceKind::SystemCallExit { .. });
            if is_call && are_doubtful[event.task.index()] {
                have_called[event.task.index()].store(true, Relaxed);
            }
        }
    });
    let evidence = counts.into_iter().zip(have_called);
    for (task, ([all, of_program], has_called)) in recording.tasks.iter_mut().zip(evidence) {
        let [all, of_program] = [all, of_program].map(AtomicU32::into_inner);
        if has_called.into_inner() || of_program > all / DAMAGED {
            task.origin = Origin::User;
        }
    }
}
