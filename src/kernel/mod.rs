//! What kernel names mean: functions (entry points, interrupts, softirqs, idle, helpers), system
//! calls and kernel threads. This is the only folder with such names, one per line, from kernel 4.9
//! to 6.18, on x86, arm64 and the other 64-bit architectures.

mod functions;
mod helpers;
mod names;
mod system_calls;
mod tasks;

pub use functions::classify;
pub use system_calls::{
    arch_of_entry, compat_arch, is_compat_entry, system_call, system_call_by_number, system_call_number,
    system_call_role,
};
pub use tasks::{is_kernel_thread, task_kind};
