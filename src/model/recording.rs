//! The `Recording`: everything that analyses use, immutable once loaded.

use std::any::Any;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, OnceLock};

use super::about::About;
use super::cgroup::Cgroup;
use super::diagnostic::{Diagnostic, Severity};
use super::event::Event;
use super::frame::{FrameTable, Mode};
use super::function::Function;
use super::ids::{CgroupId, FileId, FunctionId, NameId, StackId, TaskId};
use super::kernel_names::KernelNames;
use super::module::Module;
use super::names::Names;
use super::stack::StackTree;
use super::system_call::SystemCall;
use super::tally::Tally;
use super::task::{Task, TaskKind};
use super::timeline::Timeline;
use super::tracepoint::Tracepoint;
use super::unwinding::Unwinding;

/// A recording, loaded: which task ran what on each CPU, in time order.
///
/// Analyses keep what they work out of it, so it must not change once one of them has run.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct Recording {
    /// What the recording says about itself.
    pub about: About,
    /// All names, safe to print.
    pub names: Names,
    /// All modules, by id.
    pub modules: Vec<Module>,
    /// All frames.
    pub frames: FrameTable,
    /// All functions, by id.
    pub functions: Vec<Function>,
    /// All stacks.
    pub stacks: StackTree,
    /// All tasks, by id.
    pub tasks: Vec<Task>,
    /// All control groups, by id.
    pub cgroups: Vec<Cgroup>,
    /// One timeline for each CPU that has samples or events, by CPU. If samples do not have their
    /// CPU, one for each thread.
    pub timelines: Vec<Timeline>,
    /// The system calls that occur in events, by number.
    pub system_calls: BTreeMap<i32, SystemCall>,
    /// The same for 32-bit programs on a 64-bit kernel.
    pub compat_system_calls: BTreeMap<i32, SystemCall>,
    /// How every record was used.
    pub tally: Tally,
    /// How far user stacks were unwound; `None` if no stack was asked for that needs it.
    pub unwinding: Option<Unwinding>,
    /// What the user should know about the input.
    pub diagnostics: Vec<Diagnostic>,
    /// The files that names of the kernel come from, the one of the kernel proper first. There are
    /// two if that one has no names of kernel modules.
    pub kernel_names: Vec<KernelNames>,
    /// The files that names were looked for in.
    pub symbol_files: BTreeSet<FileId>,
    /// The median distance of samples, once it is asked for. It takes a look at all samples, and
    /// analyses ask for it CPU by CPU and window by window.
    pub(crate) median_distance_ns: OnceLock<u64>,
    /// What [`Recording::shared`] made.
    pub(crate) shared: OnceLock<Arc<dyn Any + Send + Sync>>,
}

impl Recording {
    /// Whether part of the input could not be used.
    pub fn is_damaged(&self) -> bool {
        self.diagnostics.iter().any(|diagnostic| diagnostic.severity == Severity::Error)
    }

    /// Whether hashes stand for its comms and paths.
    pub fn is_redacted(&self) -> bool {
        self.diagnostics.iter().any(|diagnostic| diagnostic.code == "redacted")
    }

    /// How long was recorded, in ns. Of a part of it: `Selection::recorded`.
    pub fn duration_ns(&self) -> u64 {
        self.about.end_ns.saturating_sub(self.about.start_ns)
    }

    /// The name with this id.
    pub fn name(&self, id: NameId) -> &str {
        self.names.get(id)
    }

    /// The task with this id.
    pub fn task(&self, id: TaskId) -> &Task {
        &self.tasks[id.index()]
    }

    /// Whether a task is a ksoftirqd.
    pub fn is_ksoftirqd(&self, id: TaskId) -> bool {
        self.task(id).kind == TaskKind::Ksoftirqd
    }

    /// Whether a task is a server: a kernel thread that does the work of softirqs that was left to
    /// it.
    pub fn is_server(&self, id: TaskId) -> bool {
        self.task(id).kind.is_server()
    }

    /// The system call that this number means in a task; `None` if no event has it.
    pub fn system_call(&self, task: TaskId, number: i32) -> Option<&SystemCall> {
        let compat = if self.task(task).is_compat { self.compat_system_calls.get(&number) } else { None };
        compat.or_else(|| self.system_calls.get(&number))
    }

    /// Whether every occurrence of `tracepoint` was recorded and can be decoded.
    pub fn traces(&self, tracepoint: Tracepoint) -> bool {
        self.about.events.iter().any(|event| event.tracepoint == Some(tracepoint) && event.tells_all())
    }

    /// The comm of a task.
    pub fn comm(&self, id: TaskId) -> &str {
        self.name(self.task(id).comm)
    }

    /// A control group; `None` for [`CgroupId::NONE`].
    pub fn cgroup(&self, id: CgroupId) -> Option<&Cgroup> {
        self.cgroups.get(id.index())
    }

    /// The function with this id.
    pub fn function(&self, id: FunctionId) -> &Function {
        &self.functions[id.index()]
    }

    /// For each stack, by index, whether one of its functions `is_such`.
    pub(crate) fn stacks_with(&self, is_such: impl Fn(&Function) -> bool) -> Vec<bool> {
        let functions: Vec<bool> = self.functions.iter().map(is_such).collect();
        let mut have = vec![false; self.stacks.len()];
        for index in 1..have.len() {
            if let Some((caller, frame)) = self.stacks.split(StackId::from_index(index)) {
                have[index] = have[caller.index()] || functions[self.frames.function(frame).index()];
            }
        }
        have
    }

    /// Whether any kernel function has a name.
    pub fn has_kernel_names(&self) -> bool {
        self.functions.iter().any(Function::is_named_kernel)
    }

    /// Whether samples hit the kernel, and none of its functions has a name.
    pub fn lacks_kernel_names(&self) -> bool {
        let has_kernel = self.functions.iter().any(|function| function.mode == Mode::Kernel);
        has_kernel && !self.has_kernel_names()
    }

    /// The functions of a stack, innermost first.
    pub fn functions_leaf_first(&self, stack: StackId) -> impl Iterator<Item = FunctionId> {
        self.stacks.leaf_first(stack).map(|frame| self.frames.function(frame))
    }

    /// The functions of a stack, root first.
    pub fn functions_root_first(&self, stack: StackId) -> Vec<FunctionId> {
        let mut functions: Vec<_> = self.functions_leaf_first(stack).collect();
        functions.reverse();
        functions
    }

    /// The timeline of a CPU.
    pub fn timeline(&self, cpu: u32) -> Option<&Timeline> {
        self.timelines.binary_search_by_key(&cpu, |timeline| timeline.cpu).ok().map(|at| &self.timelines[at])
    }

    /// Whether samples and events have their CPU. If not, each timeline is that of a thread.
    pub fn tells_cpus(&self) -> bool {
        self.about.events.iter().all(|event| event.has_cpu)
    }

    /// Whether samples show by whom the kernel's functions were called. Without call chains each
    /// shows its innermost function alone.
    pub fn shows_kernel_callers(&self) -> bool {
        let mut sampling = self.about.events.iter().filter(|event| event.is_sampling).peekable();
        sampling.peek().is_none() || sampling.any(|event| event.has_kernel_callchain)
    }

    /// The sampling event; the first one if it has twins.
    pub fn sampling_event(&self) -> Option<&Event> {
        self.about.events.iter().find(|event| event.is_sampling)
    }

    /// Whether the samples say how long a task was off the CPU, and not what it did there.
    pub fn samples_off_cpu(&self) -> bool {
        self.sampling_event().is_some_and(Event::times_off_cpu)
    }

    /// Whether samples are taken while interrupts are off: on x86 the counters of the hardware use
    /// a non-maskable interrupt (arch/x86/events/core.c, `perf_event_nmi_handler`).
    pub fn samples_interrupts_off(&self) -> bool {
        let is_x86 = self.about.arch.as_deref().is_some_and(|arch| arch.starts_with("x86"));
        is_x86 && self.sampling_event().is_some_and(|event| !event.counts_ns)
    }

    /// The time from one sample to the next on a busy CPU, in ns, at least 1: 1 s divided by the
    /// frequency; else the period of a clock event; else the median distance of samples.
    pub fn sampling_interval_ns(&self) -> u64 {
        let event = self.sampling_event();
        let from_frequency =
            event.and_then(|event| event.frequency_hz).filter(|&hz| hz > 0).map(|hz| 1_000_000_000 / hz);
        let from_period = event.filter(|event| event.counts_ns).and_then(|event| event.period);
        from_frequency.or(from_period).unwrap_or_else(|| self.median_distance_ns()).max(1)
    }

    /// What `make` makes of the whole recording, for several analyses. There is room for one such
    /// thing, which is made once.
    pub(crate) fn shared<T: Any + Send + Sync>(&self, make: fn(&Recording) -> T) -> Arc<T> {
        let shared = self.shared.get_or_init(|| Arc::new(make(self)));
        Arc::clone(shared).downcast().unwrap_or_else(|_| Arc::new(make(self)))
    }

    fn median_distance_ns(&self) -> u64 {
        *self.median_distance_ns.get_or_init(|| self.find_median_distance_ns())
    }

    fn find_median_distance_ns(&self) -> u64 {
        let mut distances: Vec<u64> = self
            .timelines
            .iter()
            .flat_map(|timeline| timeline.samples.windows(2))
            .map(|pair| pair[1].time_ns - pair[0].time_ns)
            .collect();
        if distances.is_empty() {
            return 1_000_000;
        }
        let middle = distances.len() / 2;
        *distances.select_nth_unstable(middle).1
    }
}
