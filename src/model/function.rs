//! Functions: the names of frames, and what a kernel function's name means.

use super::frame::Mode;
use super::ids::{ModuleId, NameId};
use super::softirq::Softirq;

/// Whether the function of a frame has a name, or why not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Naming {
    /// A symbol covers the frame.
    Named,
    /// The address lay in no mapping of the recording.
    NoModule,
    /// No symbols were found for the module.
    NoSymbols,
    /// The module has symbols, and none covers the frame.
    NoSymbolHere,
    /// Code of a guest or hypervisor, which this machine's symbols cannot name.
    Foreign,
    /// All functions of user space in a stack of which only the kernel's part was read.
    NotRead,
    /// It is [`Frame::NOT_UNWOUND`](crate::model::Frame::NOT_UNWOUND): the callers that were not
    /// found.
    NotUnwound,
}

/// The function of all frames with one name in one module.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
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
    /// The system call that it implements: `read` for `__x64_sys_read`.
    pub system_call: Option<NameId>,
}

impl Function {
    /// Whether it is a kernel function with a name.
    pub fn is_named_kernel(&self) -> bool {
        self.mode == Mode::Kernel && self.naming == Naming::Named
    }
}

/// What the name of a kernel function says about the context. It is decided once, when the function
/// gets its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum FrameKind {
    /// Nothing special.
    Plain,
    /// From user space into the kernel by a system call: `entry_SYSCALL_64_after_hwframe`,
    /// `do_syscall_64`, `invoke_syscall`.
    SystemCallEntry,
    /// The function of one system call: `__x64_sys_read`, `ksys_read`, `sys_read`.
    SystemCall,
    /// A hardware interrupt begins: `asm_sysvec_apic_timer_interrupt`, `do_IRQ`, `el1h_64_irq`.
    InterruptEntry,
    /// A check for pending softirqs, such as on the way out of an interrupt: `__irq_exit_rcu`,
    /// `do_softirq`, `run_ksoftirqd`.
    SoftirqEntry,
    /// The loop that serves pending softirqs: `handle_softirqs`, `__do_softirq`.
    SoftirqLoop,
    /// The action of one softirq: `net_rx_action`.
    SoftirqAction(Softirq),
    /// A synchronous exception begins, such as a page fault. It is the work of the task that caused
    /// it.
    Exception,
    /// Work for the task itself on the way back to user space: signals, exit
    /// (`exit_to_user_mode_loop`).
    ReturnToUser,
    /// The outermost frames of a kernel thread: `ret_from_fork`, `kthread`.
    ThreadEntry,
    /// The idle loop.
    Idle,
    /// Turns interrupts on again: `_raw_spin_unlock_irqrestore`. It is a helper too.
    InterruptsOn,
    /// A helper: locks, reads a clock, copies memory. Everybody calls it, so that it says nothing
    /// about the work that is done: `_raw_spin_lock`, `ktime_get`, `memcpy`.
    Helper,
    /// Leaves a virtual machine to its host, to send an interrupt or to tell a device:
    /// `native_write_msr`, `iowrite16`. It is a helper too.
    HostCall,
    /// Gives the CPU away: `schedule`, `io_schedule`. It does so for its caller.
    Schedule,
    /// A BPF program: `bpf_prog_6deef7357e7b4530_sd_fw_egress`.
    BpfProgram,
}

impl FrameKind {
    /// Whether it is a helper.
    pub fn is_helper(self) -> bool {
        matches!(self, FrameKind::Helper | FrameKind::InterruptsOn | FrameKind::HostCall)
    }
}
