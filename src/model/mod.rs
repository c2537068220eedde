//! The words of the program as types: ids, names, frames, stacks, tasks, timelines, diagnostics and the `Recording` they form.
//!
//! | word | meaning |
//! | --- | --- |
//! | recording | one perf.data |
//! | sample | one PERF_RECORD_SAMPLE of the *sampling event*; a tracepoint's record is an *event*, never a sample |
//! | event | one record of a tracepoint, or of a switch between tasks: something happened |
//! | timeline | the samples and events of one CPU in time order, and the gaps in which samples were lost |
//! | task | pid, tid and the comm *at that moment*; (tid, start time) is the identity |
//! | stack | frames, root first; a frame is (module, offset, mode), later named |
//! | trigger | what a window looks back from; by default a sample of a task whose comm matches `^ksoftirqd/` |
//! | episode | trigger samples on one CPU that lie close together |
//! | window | the time before the first trigger sample of an episode, on that CPU |
//! | system call path | the frames of a kernel stack from the system call's entry inward, up to the first interrupt or softirq entry nested in it |
//! | dominating path | the heaviest path of a window, followed inward as long as one callee keeps most of its caller |
//! | function | the last frame of the dominating path: the place where the work forks |
//! | baseline | the same CPU outside all windows |
//!
//! Nothing here reads or writes, and nothing here knows a file format.

mod cgroup;
mod diagnostic;
mod flat_map;
mod frame;
mod ids;
mod log;
mod module;
mod names;
mod recording;
mod stack;
mod system_call;
mod task;
mod timeline;
mod trace;
mod tracepoint;

pub use cgroup::Cgroup;
pub use diagnostic::{Diagnostic, Severity};
pub use flat_map::{FlatMap, fold, seed};
pub use frame::{CodePlace, Frame, FrameKind, FrameTable, Function, Mode, Naming, Softirq};
pub use ids::{CgroupId, EventId, FrameId, FunctionId, ModuleId, NameId, StackId, TaskId};
pub use log::{Log, LogTime, Stamp};
pub use module::{KernelCode, Module, Segment, Symbols};
pub use names::{Names, clean};
pub use recording::{About, Clock, Event, Recording, Tally};
pub use stack::StackTree;
pub use system_call::{SystemCall, SystemCallRole};
pub use task::{Task, TaskKind};
pub use timeline::{Detail, Details, Gap, Sample, Timeline};
pub use trace::{Left, Trace, TraceEvent, TraceKind};
pub use tracepoint::Tracepoint;
