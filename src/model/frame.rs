//! Frames and what they are called: module, offset and mode, then a function with a kind.

use hashbrown::HashTable;

use super::flat_map::{fold, seed};
use super::{FrameId, FunctionId, ModuleId, NameId};

/// In which mode the CPU ran the code of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Mode {
    /// Kernel space of the machine that recorded.
    Kernel,
    /// User space of the machine that recorded.
    User,
    /// Inside a virtual machine: never named from the host's symbols.
    Guest,
    /// Below the kernel.
    Hypervisor,
}

/// A place in code: an offset in a module, and the mode it ran in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Frame {
    /// `None` where the address lay in no known mapping; all such frames of a mode are one, with offset 0.
    pub module: Option<ModuleId>,
    /// Bytes from the module's base ([`KernelCode::start`](super::KernelCode::start)), or from the start of the mapped file.
    pub offset: u64,
    /// The mode the CPU was in.
    pub mode: Mode,
}

/// A place in code as a stack tells it, for the line of source.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CodePlace {
    /// The frame.
    pub frame: FrameId,
    /// Whether its offset is where a call returns to, and not where the CPU was: then the call lies before it.
    pub is_call: bool,
}

/// How far a frame's function is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Naming {
    /// A symbol covers the frame.
    Named,
    /// The address lay in no mapping that the recording knows.
    NoModule,
    /// No symbols were to be had for the module.
    NoSymbols,
    /// The module's symbols are there, and none covers the frame.
    NoSymbolHere,
    /// Code of a guest or hypervisor, which this machine's symbols cannot name.
    Foreign,
}

/// What all frames of one name in one module share.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Function {
    /// The symbol, or `[module]`, or `[unknown]`.
    pub name: NameId,
    /// The module the function lies in.
    pub module: Option<ModuleId>,
    /// The mode it runs in.
    pub mode: Mode,
    /// Whether `name` is a symbol, or why it is not.
    pub naming: Naming,
    /// What the name means in the kernel.
    pub kind: FrameKind,
    /// The system call that it stands for: `read` for `__x64_sys_read`.
    pub system_call: Option<NameId>,
}

/// What a kernel function's name says about the context: given once, when the frame gets its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FrameKind {
    /// Nothing special.
    Plain,
    /// From user space into the kernel by a system call: `entry_SYSCALL_64_after_hwframe`, `do_syscall_64`, `invoke_syscall`.
    SystemCallEntry,
    /// The function of one system call: `__x64_sys_read`, `ksys_read`, `sys_read`.
    SystemCall,
    /// A hardware interrupt begins: `asm_sysvec_apic_timer_interrupt`, `do_IRQ`, `el1h_64_irq`.
    InterruptEntry,
    /// Where pending softirqs are looked for, on the way out of an interrupt say: `__irq_exit_rcu`, `do_softirq`, `run_ksoftirqd`.
    SoftirqEntry,
    /// Pending softirqs are served: `handle_softirqs`, `__do_softirq`.
    SoftirqLoop,
    /// The action of one softirq: `net_rx_action`.
    SoftirqAction(Softirq),
    /// A synchronous exception begins, a page fault say: the work of whoever caused it.
    Exception,
    /// On the way back to user space, work for the task itself: signals, exit (`exit_to_user_mode_loop`).
    ReturnToUser,
    /// The outermost frames of a kernel thread: `ret_from_fork`, `kthread`.
    ThreadEntry,
    /// The idle loop.
    Idle,
}

/// The softirqs, in the kernel's order (include/linux/interrupt.h).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Softirq {
    /// High-priority tasklets.
    Hi,
    /// Timers.
    Timer,
    /// Packets sent.
    NetTx,
    /// Packets received.
    NetRx,
    /// Block devices.
    Block,
    /// Interrupt polling.
    IrqPoll,
    /// Tasklets.
    Tasklet,
    /// The scheduler's load balancing.
    Sched,
    /// High-resolution timers.
    Hrtimer,
    /// Read-copy-update callbacks.
    Rcu,
}

impl Softirq {
    /// All of them.
    pub const ALL: [Softirq; 10] = [
        Softirq::Hi,
        Softirq::Timer,
        Softirq::NetTx,
        Softirq::NetRx,
        Softirq::Block,
        Softirq::IrqPoll,
        Softirq::Tasklet,
        Softirq::Sched,
        Softirq::Hrtimer,
        Softirq::Rcu,
    ];

    /// The name as `/proc/softirqs` has it, in lower case: `net_rx`.
    pub fn name(self) -> &'static str {
        match self {
            Softirq::Hi => "hi",
            Softirq::Timer => "timer",
            Softirq::NetTx => "net_tx",
            Softirq::NetRx => "net_rx",
            Softirq::Block => "block",
            Softirq::IrqPoll => "irq_poll",
            Softirq::Tasklet => "tasklet",
            Softirq::Sched => "sched",
            Softirq::Hrtimer => "hrtimer",
            Softirq::Rcu => "rcu",
        }
    }
}

/// An odd number without a pattern: digits of π.
const MULTIPLIER: u64 = 0x452821e6_38d01377;

/// The distinct frames of a recording, each with its function once named.
#[derive(Debug, Default)]
pub struct FrameTable {
    frames: Vec<Frame>,
    ids: HashTable<FrameId>,
    functions: Vec<FunctionId>,
}

impl FrameTable {
    /// The id of `frame`.
    pub fn intern(&mut self, frame: Frame) -> FrameId {
        let FrameTable { frames, ids, .. } = self;
        let seed = seed();
        let hash = |frame: &Frame| {
            let place = frame.module.map_or(u64::MAX, |module| u64::from(module.0)) << 8 | frame.mode as u64;
            fold(fold(frame.offset ^ seed, MULTIPLIER) ^ place, MULTIPLIER)
        };
        let entry = ids.entry(hash(&frame), |id| frames[id.index()] == frame, |id| hash(&frames[id.index()]));
        *entry
            .or_insert_with(|| {
                frames.push(frame);
                FrameId::from_index(frames.len() - 1)
            })
            .get()
    }

    /// One more frame at the place of `frame`, for a function that was inlined there.
    pub fn add_inlined(&mut self, frame: FrameId) -> FrameId {
        self.frames.push(self.frames[frame.index()]);
        FrameId::from_index(self.frames.len() - 1)
    }

    /// The frames, in order of first sight.
    pub fn frames(&self) -> &[Frame] {
        &self.frames
    }

    /// Gives every frame its function, and frees what only interning needed.
    pub fn set_functions(&mut self, functions: Vec<FunctionId>) {
        assert_eq!(functions.len(), self.frames.len(), "one function a frame");
        self.functions = functions;
        self.ids = HashTable::new();
    }

    /// The function of a frame.
    pub fn function(&self, frame: FrameId) -> FunctionId {
        self.functions[frame.index()]
    }
}
