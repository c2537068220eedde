//! System calls of a text: the numbers of those that are printed by name only.

use crate::kernel;
use crate::model::{Event, FrameKind, Mode, Names, Recording, TraceKind};

/// The first number for a call that has none in the architecture's table, or whose architecture is
/// not known. No kernel has as many calls.
const FIRST_UNNUMBERED: i32 = 1 << 20;

/// Sets the architecture, which perf prints with `--header` only, by the names of the functions in
/// which the kernel is entered.
pub(super) fn set_arch(recording: &mut Recording, names: &Names) {
    if recording.about.arch.is_some() {
        return;
    }
    let is_entry = |kind| matches!(kind, FrameKind::SystemCallEntry | FrameKind::SystemCall);
    let kernel = recording.functions.iter().filter(|function| function.mode == Mode::Kernel);
    let mut entries = kernel.filter(|function| is_entry(function.kind));
    let arch = entries.find_map(|function| kernel::arch_of_entry(names.get(function.name)));
    recording.about.arch = arch.map(str::to_owned);
}

/// Sets the numbers of system calls whose tracepoint has their name: `syscalls:sys_enter_read`.
pub(super) fn set_numbers(recording: &mut Recording) {
    let arch = recording.about.arch.as_deref().unwrap_or_default();
    let names: Vec<Option<&str>> = recording.about.events.iter().map(Event::system_call).collect();
    let number = |name: &Option<&str>| {
        let first = names.iter().position(|other| other == name)?;
        let by_name = kernel::system_call_number(arch, (*name)?);
        Some(by_name.unwrap_or(FIRST_UNNUMBERED + first as i32))
    };
    let numbers: Vec<Option<i32>> = names.iter().map(number).collect();
    if numbers.iter().all(Option::is_none) {
        return;
    }
    for event in recording.timelines.iter_mut().flat_map(|timeline| &mut timeline.trace.events) {
        if let TraceKind::SystemCallEnter { number, .. } | TraceKind::SystemCallExit { number, .. } =
            &mut event.kind
            && let Some(by_name) = event.event.and_then(|event| numbers[event.index()])
        {
            *number = by_name;
        }
    }
}
