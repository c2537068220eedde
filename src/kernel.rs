//! What kernel names mean: functions (entry points, interrupts, softirqs, idle), system calls and
//! kernel threads. This is the only file with such names, one per line, from kernel 4.9 to 6.18, on
//! x86, arm64 and the other 64-bit architectures.

use crate::model::{FrameKind, Softirq, SystemCallRole, TaskKind};

/// The kind of a kernel function, by its name. Suffixes that compilers add (`.part.0`, `.isra.0`)
/// are ignored.
pub fn classify(name: &str) -> FrameKind {
    let name = without_suffix(name);
    if let Some(softirq) = softirq_of(name) {
        return FrameKind::SoftirqAction(softirq);
    }
    match name {
        _ if is_softirq_loop(name) => FrameKind::SoftirqLoop,
        _ if is_softirq_entry(name) => FrameKind::SoftirqEntry,
        _ if is_interrupt_entry(name) => FrameKind::InterruptEntry,
        _ if is_system_call_entry(name) => FrameKind::SystemCallEntry,
        _ if system_call(name).is_some() => FrameKind::SystemCall,
        _ if is_exception(name) => FrameKind::Exception,
        _ if is_return_to_user(name) => FrameKind::ReturnToUser,
        _ if is_idle(name) => FrameKind::Idle,
        _ if is_thread_entry(name) => FrameKind::ThreadEntry,
        _ => FrameKind::Plain,
    }
}

/// The name without the suffixes that compilers add.
fn without_suffix(name: &str) -> &str {
    match name.find('.') {
        Some(at) if at > 0 => &name[..at],
        _ => name,
    }
}

/// The system call that a kernel function implements: `read` for `__x64_sys_read`, `ksys_read`,
/// `sys_read`, `SyS_read`.
pub fn system_call(function: &str) -> Option<&str> {
    let function = without_suffix(function);
    // The wrappers that SYSCALL_DEFINE makes on each architecture
    // (arch/*/include/asm/syscall_wrapper.h), what the compiler inlines them into, and the helpers
    // that share their name. Longer prefixes come first.
    const PREFIXES: [&str; 20] = [
        "__ia32_compat_sys_",
        "__x64_compat_sys_",
        "__x32_compat_sys_",
        "__arm64_compat_sys_",
        "__s390_compat_sys_",
        "__se_compat_sys_",
        "__do_compat_sys_",
        "compat_SyS_",
        "compat_sys_",
        "__ia32_sys_",
        "__x64_sys_",
        "__arm64_sys_",
        "__riscv_sys_",
        "__s390x_sys_",
        "__se_sys_",
        "__do_sys_",
        "ksys_",
        "SyS_",
        "SYSC_",
        "sys_",
    ];
    // Functions that the wrapper calls. Only they are left if the compiler inlined the wrapper into
    // the dispatcher.
    const INNER: [(&str, &str); 10] = [
        ("do_sys_openat2", "openat"),
        ("do_sys_open", "open"),
        ("do_sys_poll", "poll"),
        ("do_epoll_wait", "epoll_wait"),
        ("do_futex", "futex"),
        ("do_execveat_common", "execve"),
        ("do_mkdirat", "mkdirat"),
        ("do_unlinkat", "unlinkat"),
        ("kernel_wait4", "wait4"),
        ("vm_mmap_pgoff", "mmap"),
    ];
    let by_prefix =
        PREFIXES.iter().find_map(|prefix| function.strip_prefix(prefix)).filter(|name| !name.is_empty());
    let by_socket = || socket_call(function);
    let by_inner = || {
        let inner = INNER.iter().find(|(inner, _)| *inner == function);
        inner.map(|(_, name)| *name)
    };
    by_prefix.or_else(by_socket).or_else(by_inner)
}

/// Whether a task is a ksoftirqd or a NAPI thread, by its comm (`softirq_threads` in
/// kernel/softirq.c, `napi_kthread_create` in net/core/dev.c).
pub fn task_kind(comm: &str) -> TaskKind {
    if comm.starts_with("ksoftirqd/") {
        TaskKind::Ksoftirqd
    } else if comm.starts_with("napi/") {
        TaskKind::NapiThread
    } else {
        TaskKind::Other
    }
}

/// The effect of a system call on threads, by its name (kernel/fork.c, kernel/exit.c).
pub fn system_call_role(name: &str) -> SystemCallRole {
    match name {
        "clone" | "clone3" | "fork" | "vfork" => SystemCallRole::Birth,
        "exit" | "exit_group" => SystemCallRole::Exit,
        _ => SystemCallRole::Ordinary,
    }
}

/// The system call with this number on an architecture, which is named as by `uname -m`.
pub fn system_call_by_number(arch: &str, number: i32) -> Option<&'static str> {
    let number = usize::try_from(number).ok()?;
    match arch {
        "x86_64" => syscalls::x86_64::Sysno::new(number).map(|call| call.name()),
        "aarch64" => syscalls::aarch64::Sysno::new(number).map(|call| call.name()),
        "ppc64" | "ppc64le" => syscalls::powerpc64::Sysno::new(number).map(|call| call.name()),
        "riscv64" => syscalls::riscv64::Sysno::new(number).map(|call| call.name()),
        "s390x" => syscalls::s390x::Sysno::new(number).map(|call| call.name()),
        _ => None,
    }
}

/// The socket call that a kernel function implements. These functions are called `__sys_NAME`
/// (net/socket.c).
fn socket_call(function: &str) -> Option<&str> {
    const CALLS: [&str; 18] = [
        "accept4",
        "bind",
        "connect",
        "getpeername",
        "getsockname",
        "getsockopt",
        "listen",
        "recvfrom",
        "recvmmsg",
        "recvmsg",
        "sendmmsg",
        "sendmsg",
        "sendto",
        "setsockopt",
        "shutdown",
        "socket",
        "socketpair",
        "sendfile",
    ];
    let name = function.strip_prefix("__sys_")?;
    CALLS.contains(&name).then_some(name)
}

fn is_system_call_entry(name: &str) -> bool {
    // x86: 4.9 has entry_SYSCALL_64_fastpath and entry_SYSCALL_64_after_swapgs, since 4.15 it is
    // entry_SYSCALL_64_after_hwframe.
    name.starts_with("entry_SYSCALL_")
        || name.starts_with("entry_SYSENTER_")
        || name.starts_with("entry_INT80_")
        || name.starts_with("do_int80_syscall_32")
        || name.starts_with("do_fast_syscall_32")
        || name.starts_with("__do_fast_syscall_32")
        || name.starts_with("do_syscall_")
        // arm64: these follow the exception vector; 4.9 enters by el0_svc_naked.
        || name.starts_with("el0_svc")
        || name.starts_with("do_el0_svc")
        || name.starts_with("invoke_syscall")
        || matches!(
            name,
            "x64_sys_call"
                | "ia32_sys_call"
                | "x32_sys_call"
                | "int80_emulation"
                | "system_call_fastpath"
                | "tracesys"
                | "system_call_common"
                | "system_call_exception"
                | "system_call_vectored_common"
                | "system_call"
                | "__do_syscall"
                | "do_syscall"
                | "do_trap_ecall_u"
                | "handle_syscall"
                | "ret_from_syscall"
        )
}

fn is_interrupt_entry(name: &str) -> bool {
    // x86: since 5.8 the vectors are asm_sysvec_* and asm_common_interrupt, before they were
    // *_interrupt.
    name.starts_with("asm_sysvec_")
        || name.starts_with("sysvec_")
        || name.starts_with("__sysvec_")
        || name.starts_with("smp_apic_timer_interrupt")
        || name.starts_with("gic_handle_irq")
        || name.starts_with("xen_evtchn_do_upcall")
        || matches!(
            name,
            "asm_common_interrupt"
                | "common_interrupt"
                | "__common_interrupt"
                | "asm_spurious_interrupt"
                | "spurious_interrupt"
                | "ret_from_intr"
                | "do_IRQ"
                | "apic_timer_interrupt"
                | "reschedule_interrupt"
                | "smp_reschedule_interrupt"
                | "smp_call_function_interrupt"
                | "smp_call_function_single_interrupt"
                | "generic_smp_call_function_interrupt"
                | "generic_smp_call_function_single_interrupt"
                | "xen_hvm_callback_vector"
                | "xen_do_hypervisor_callback"
                | "thermal_interrupt"
                | "threshold_interrupt"
                | "call_function_interrupt"
                | "call_function_single_interrupt"
                | "irq_work_interrupt"
                | "hyperv_callback_vector"
                | "xen_hypervisor_callback"
                | "asm_exc_xen_hypervisor_callback"
                | "asm_exc_nmi"
                | "nmi"
                | "do_nmi"
                | "end_repeat_nmi"
                | "asm_exc_machine_check"
                | "fred_extint"
                // arm64: interrupts from kernel and user mode; 5.12 renamed them.
                | "el1_irq"
                | "el0_irq"
                | "el1h_64_irq"
                | "el1t_64_irq"
                | "el0t_64_irq"
                | "el0t_32_irq"
                | "el1h_64_fiq"
                | "el0t_64_fiq"
                | "el1_interrupt"
                | "el0_interrupt"
                | "handle_arch_irq"
                | "call_on_irq_stack"
                | "__handle_domain_irq"
                | "generic_handle_domain_irq"
                // powerpc, s390, riscv.
                | "hardware_interrupt_common_virt"
                | "decrementer_common_virt"
                | "do_io_irq"
                | "do_ext_irq"
                | "handle_riscv_irq"
                | "do_irq"
        )
}

/// Whether this is the loop over pending softirqs, which is `handle_softirqs` since 6.10
/// (kernel/softirq.c).
fn is_softirq_loop(name: &str) -> bool {
    matches!(name, "__do_softirq" | "handle_softirqs" | "__softirqentry_text_start")
}

fn is_softirq_entry(name: &str) -> bool {
    matches!(
        name,
        "__do_softirq_own_stack"
            | "do_softirq_own_stack"
            | "__irq_exit_rcu"
            | "irq_exit_rcu"
            | "irq_exit"
            | "do_softirq"
            | "____do_softirq"
            | "call_softirq"
            | "invoke_softirq"
            | "run_ksoftirqd"
    )
}

/// The softirq whose action this function is, as open_softirq registers it.
fn softirq_of(name: &str) -> Option<Softirq> {
    Some(match name {
        "net_rx_action" => Softirq::NetRx,
        "net_tx_action" => Softirq::NetTx,
        "run_timer_softirq" => Softirq::Timer,
        "hrtimer_run_softirq" => Softirq::Hrtimer,
        "tasklet_action" => Softirq::Tasklet,
        "tasklet_hi_action" => Softirq::Hi,
        "blk_done_softirq" => Softirq::Block,
        "irq_poll_softirq" | "blk_iopoll_softirq" => Softirq::IrqPoll,
        "run_rebalance_domains" | "sched_balance_softirq" => Softirq::Sched,
        "rcu_core_si" | "rcu_core" | "rcu_process_callbacks" | "rcu_process_callbacks_si" => Softirq::Rcu,
        _ => return None,
    })
}

fn is_exception(name: &str) -> bool {
    name.starts_with("asm_exc_")
        || matches!(
            name,
            "page_fault"
                | "async_page_fault"
                | "general_protection"
                | "el1_da"
                | "el0_da"
                | "el0_ia"
                | "el1_abort"
                | "el1h_64_sync"
                | "el1_sync"
                | "data_access_common_virt"
                | "do_page_fault"
                | "pgm_check_handler"
        )
}

fn is_return_to_user(name: &str) -> bool {
    matches!(
        name,
        "irqentry_exit_to_user_mode"
            | "exit_to_user_mode_prepare"
            | "exit_to_user_mode_loop"
            | "prepare_exit_to_usermode"
            | "exit_to_usermode_loop"
            | "do_notify_resume"
            | "do_signal"
            | "arch_do_signal_or_restart"
    )
}

/// Whether this is part of the idle loop, from its outermost function inward. The boot code that
/// calls it does not count: its calls never return, so a return address there often gets the name
/// of the next function.
fn is_idle(name: &str) -> bool {
    name.starts_with("intel_idle")
        || name.starts_with("mwait_idle")
        || name.starts_with("cpuidle_enter")
        || name.starts_with("acpi_idle_")
        || name.starts_with("psci_")
        || matches!(
            name,
            "cpu_startup_entry"
                | "do_idle"
                | "cpu_idle_loop"
                | "cpuidle_idle_call"
                | "call_cpuidle"
                | "default_idle_call"
                | "default_idle"
                | "amd_e400_idle"
                | "amd_idle"
                | "arch_cpu_idle"
                | "cpu_do_idle"
                | "native_safe_halt"
                | "pv_native_safe_halt"
                | "acpi_safe_halt"
                | "acpi_processor_ffh_cstate_enter"
                | "__arm_smccc_smc"
                | "__cpu_suspend_enter"
                | "cpu_suspend"
                | "poll_idle"
                | "haltpoll_enter_idle"
                | "default_enter_idle"
                | "mwait_idle_with_hints"
                | "xen_safe_halt"
                | "cpu_bringup_and_idle"
                | "pseries_dedicated_idle_loop"
                | "power7_idle"
                | "snooze_loop"
                | "enabled_wait"
        )
}

fn is_thread_entry(name: &str) -> bool {
    matches!(
        name,
        "ret_from_fork"
            | "ret_from_fork_asm"
            | "ret_from_kernel_thread"
            | "kthread"
            | "kthread_worker_fn"
            | "kernel_thread_starter"
            | "smpboot_thread_fn"
            | "worker_thread"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn system_calls_of_every_kernel() {
        for (function, name) in [
            ("sys_read", Some("read")),
            ("SyS_read", Some("read")),
            ("__x64_sys_read", Some("read")),
            ("ksys_lseek", Some("lseek")),
            ("__arm64_sys_epoll_pwait", Some("epoll_pwait")),
            ("__ia32_compat_sys_ioctl", Some("ioctl")),
            ("__do_sys_newfstatat.isra.0", Some("newfstatat")),
            ("__sys_sendto", Some("sendto")),
            ("do_sys_openat2", Some("openat")),
            ("vfs_read", None),
            ("__sys_setfsgid_inner", None),
            ("sysfs_kf_read", None),
            ("sys_", None),
        ] {
            assert_eq!(system_call(function), name, "{function}");
        }
    }

    #[test]
    fn numbers_of_system_calls_differ_by_architecture() {
        for (arch, number, name) in [
            ("x86_64", 0, Some("read")),
            ("x86_64", 8, Some("lseek")),
            ("aarch64", 63, Some("read")),
            ("s390x", 3, Some("read")),
            ("x86_64", 100_000, None),
            ("x86_64", -1, None),
            ("alpha", 3, None),
        ] {
            assert_eq!(system_call_by_number(arch, number), name, "{arch} {number}");
        }
    }

    #[test]
    fn kinds_of_4_9_and_of_6_18() {
        use FrameKind::*;
        for (name, kind) in [
            ("entry_SYSCALL_64_after_swapgs", SystemCallEntry),
            ("entry_SYSCALL_64_after_hwframe", SystemCallEntry),
            ("do_syscall_64", SystemCallEntry),
            ("x64_sys_call", SystemCallEntry),
            ("invoke_syscall.constprop.0", SystemCallEntry),
            ("sys_read", SystemCall),
            ("apic_timer_interrupt", InterruptEntry),
            ("smp_apic_timer_interrupt", InterruptEntry),
            ("asm_sysvec_apic_timer_interrupt", InterruptEntry),
            ("el1h_64_irq", InterruptEntry),
            ("do_IRQ", InterruptEntry),
            ("__do_softirq", SoftirqLoop),
            ("handle_softirqs", SoftirqLoop),
            ("__irq_exit_rcu", SoftirqEntry),
            ("net_rx_action", SoftirqAction(Softirq::NetRx)),
            ("rcu_process_callbacks", SoftirqAction(Softirq::Rcu)),
            ("asm_exc_page_fault", Exception),
            ("pv_native_safe_halt", Idle),
            ("ret_from_fork_asm", ThreadEntry),
            ("memcg_stat_show", Plain),
            ("smp_call_function_many_cond", Plain),
            ("exit_to_user_mode_loop", ReturnToUser),
            ("traverse.part.0.constprop.0", Plain),
            ("", Plain),
        ] {
            assert_eq!(classify(name), kind, "{name}");
        }
    }
}
