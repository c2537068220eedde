//! The words of the program as types: ids, names, frames, stacks, tasks, timelines, diagnostics,
//! and the [`Recording`] that they form.
//!
//! - **recording**: one perf.data (a file, a stream, or a `--threads` directory), or what perf
//!   script printed of one.
//! - **sample**: one PERF_RECORD_SAMPLE of the *sampling event* (`cycles`, `cpu-clock`, …).
//! - **event**: one record of a tracepoint, or of a switch between tasks; never a sample. Also what
//!   perf was asked to record ([`Event`]), as in *sampling event*.
//! - **timeline**: the samples and events of one CPU in time order, and the gaps in which samples
//!   were lost.
//! - **task**: pid, tid and the comm *at that moment*; (tid, start time) is the identity, so exec
//!   and the reuse of a pid never mix two.
//! - **stack**: frames, root first; a frame is (module, offset, mode), later named; mode is user,
//!   kernel, guest or hypervisor.
//! - **trigger**: what a window looks back from; by default a sample of a server, as ksoftirqd is.
//! - **episode**: trigger samples on one CPU that lie close together.
//! - **window**: the time before the first trigger sample of an episode, on that CPU.
//! - **system call path**: the frames of a kernel stack from the system call's entry inward, up to
//!   the first interrupt or softirq entry nested in it: the work of an interrupt is not that of the
//!   system call.
//! - **dominating path**: the heaviest path of a window, followed inward as long as one callee
//!   keeps most of its caller.
//! - **function**: the last frame of the dominating path that says what the work is: no lock,
//!   clock, copy of memory or writing of text. The work forks there, or in one of these. If all
//!   branches lead to one function again, it is that one.
//! - **server**: a kernel thread that does the work of softirqs that was left to it: `ksoftirqd/N`,
//!   `napi/…`, `ktimers/N`.
//! - **baseline**: the same CPU outside all windows.
//! - **stall**: a time in which a CPU handled no softirq although it should have.
//! - **witness**: one kind of evidence for a stall; an exact one saw it happen, a strong or weak
//!   one infers it.
//! - **holder**: what held the CPU: a task in a kernel path, a softirq's action, an interrupt, or
//!   the machine itself.
//! - **culprit**: the holder during a stall, with its path.
//! - **interrupted task**: the task on top of which a softirq or interrupt ran: a bystander, never
//!   a culprit.
//!
//! Nothing here does input or output, and nothing here knows a file format.

mod about;
mod cgroup;
mod diagnostic;
mod event;
mod flat_map;
mod frame;
mod function;
mod ids;
mod kernel_names;
mod log;
mod module;
mod names;
mod recording;
mod softirq;
mod stack;
mod symbols;
mod system_call;
mod tally;
mod task;
mod time_of_day;
mod timeline;
mod trace;
mod tracepoint;
mod unwinding;

pub use about::{About, Clock, Kept};
pub use cgroup::Cgroup;
pub use diagnostic::{Diagnostic, Severity};
pub use event::{Event, Flaw};
pub(crate) use flat_map::{FlatMap, fold, seed};
pub use frame::{CodePlace, Frame, FrameTable, Mode};
pub use function::{FrameKind, Function, Naming};
pub(crate) use ids::niche_id;
pub use ids::{CgroupId, EventId, FileId, FrameId, FunctionId, ModuleId, NameId, StackId, TaskId};
pub use kernel_names::{KernelNames, NamePlace};
pub use log::{Log, LogTime, Stamp};
pub use module::{KernelCode, Module, Segment};
pub use names::{Names, chosen, clean};
pub use recording::Recording;
pub use softirq::Softirq;
pub use stack::{StackTree, Stacks};
pub use symbols::Symbols;
pub use system_call::{SystemCall, SystemCallRole};
pub use tally::Tally;
pub use task::{Origin, Task, TaskKind};
pub(crate) use time_of_day::DAY_NS;
pub use time_of_day::Utc;
#[cfg(any(feature = "parquet", feature = "render"))]
pub(crate) use time_of_day::utc;
pub use timeline::{Detail, Details, Gap, Sample, Timeline};
pub use trace::{Arguments, LeaveReason, Sleep, Trace, TraceEvent, TraceKind};
pub use tracepoint::Tracepoint;
pub use unwinding::{StackEnd, Unwinding};
