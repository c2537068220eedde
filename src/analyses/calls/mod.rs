//! Calls: every traced system call of a recording, from its enter to its exit, and how long its
//! thread was on a CPU, able to run, and asleep.
//!
//! The events of all CPUs are merged by time, since a thread may enter on one CPU and exit on
//! another. Each thread's enters are then paired with its exits. What cannot be paired is kept and
//! marked:
//!
//! - An exit without an enter: the call began before the recording or on a CPU that was not
//!   recorded, the thread was born in it (clone and fork exit twice, in the parent and at once in
//!   the child), or records were lost.
//! - An enter without an exit: the call continued after the recording or never returned
//!   (`exit_group`), or records were lost. If records were lost, the thread's next enter shows that
//!   the call had returned.
//! - `rt_sigreturn` exits with the number −1 instead of its own (`orig_ax` in
//!   arch/x86/kernel/signal_64.c, `forget_syscall` of arm64). So an exit with a negative number
//!   ends the open call.
//! - A call that is restarted after a signal exits with −ERESTARTSYS or similar (−512 to −516) and
//!   is entered anew: two calls.
//! - `execve` exits under another comm. If the caller does not lead its process, it exits under
//!   another tid too; then the enter and the exit cannot be paired.
//! - If not all CPUs were recorded, a thread may have returned and called again on another CPU. The
//!   call is marked if events show that ([`Doubt::Elsewhere`]). A call that slept may be two calls
//!   without any sign of it.
//!
//! Before kernel 4.17 switch records did not say that a thread was preempted
//! (PERF_RECORD_MISC_SWITCH_OUT_PREEMPT, include/uapi/linux/perf_event.h). In such recordings it
//! counts as asleep, unless `sched:sched_switch` was recorded too.
//!
//! Sampled events ([`Event::is_complete`](crate::model::Event::is_complete) is false) are not used:
//! their enters and exits would be paired at random.

mod callers;
mod events;
mod pairing;
mod pass;
mod result;

use crate::analyses::off_cpu::{Watcher, by_time};
use crate::model::{Recording, TraceEvent, TraceKind};

use pairing::CallEvent;
use pass::Pass;

pub use result::{Call, Calls, Doubt, Spent};

/// Finds the calls of `recording`, which must have been loaded with its events.
pub fn find(recording: &Recording) -> Calls {
    find_beside(recording, &mut ())
}

/// As [`find`]; `watcher` learns what the threads do meanwhile.
pub fn find_beside(recording: &Recording, watcher: &mut impl Watcher) -> Calls {
    let mut pass = Pass::new(recording);
    for (cpu, event) in by_time(&recording.timelines) {
        if pass.is_used(event) {
            take(&mut pass, cpu, event, watcher);
        }
    }
    pass.finish()
}

/// Takes one event of the CPU whose timeline has the index `cpu`.
fn take(pass: &mut Pass, cpu: usize, event: &TraceEvent, watcher: &mut impl Watcher) {
    let mut watchers = (&mut pass.callers, watcher);
    let Some(thread) = pass.tracker.take(cpu, event, &mut watchers) else { return };
    match event.kind {
        TraceKind::SystemCallEnter { number, arguments } => {
            pass.enter(thread, CallEvent { event, cpu, number }, arguments);
        }
        TraceKind::SystemCallExit { number, result } => {
            pass.exit(thread, CallEvent { event, cpu, number }, result);
        }
        _ => {}
    }
}
