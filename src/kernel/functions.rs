//! Kinds of kernel functions: entry points, interrupts, softirqs, idle.

use crate::model::{FrameKind, Softirq};

use super::helpers::{is_helper, leaves_to_host, turns_interrupts_on};
use super::names::without_suffix;
use super::system_calls::system_call;

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
        _ if turns_interrupts_on(name) => FrameKind::InterruptsOn,
        _ if leaves_to_host(name) => FrameKind::HostCall,
        _ if is_helper(name) => FrameKind::Helper,
        _ if gives_cpu_away(name) => FrameKind::Schedule,
        _ if is_bpf_program(name) => FrameKind::BpfProgram,
        _ => FrameKind::Plain,
    }
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
                | "asm_int80_emulation"
                | "do_int80_emulation"
                | "do_SYSENTER_32"
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

/// Functions in which an interrupt begins, beside those that begin with a prefix.
const INTERRUPTS: [&str; 72] = [
    "asm_common_interrupt",
    "common_interrupt",
    "__common_interrupt",
    "asm_spurious_interrupt",
    "spurious_interrupt",
    "ret_from_intr",
    "do_IRQ",
    "apic_timer_interrupt",
    "reschedule_interrupt",
    "smp_reschedule_interrupt",
    "smp_call_function_interrupt",
    "smp_call_function_single_interrupt",
    "generic_smp_call_function_interrupt",
    "generic_smp_call_function_single_interrupt",
    "xen_hvm_callback_vector",
    "xen_do_hypervisor_callback",
    "thermal_interrupt",
    "threshold_interrupt",
    "call_function_interrupt",
    "call_function_single_interrupt",
    "irq_work_interrupt",
    "hyperv_callback_vector",
    "xen_hypervisor_callback",
    "asm_exc_xen_hypervisor_callback",
    "asm_exc_nmi",
    "nmi",
    "do_nmi",
    "end_repeat_nmi",
    "asm_exc_machine_check",
    "exc_nmi",
    "exc_machine_check",
    "fred_extint",
    // arm64: interrupts from kernel and user mode; 5.12 renamed them.
    "el1_irq",
    "el0_irq",
    "el0_irq_compat",
    "el0_irq_naked",
    "el1_irq_handler",
    "el0_irq_handler",
    "el1h_64_irq",
    "el1t_64_irq",
    "el0t_64_irq",
    "el0t_32_irq",
    "el1h_64_fiq",
    "el0t_64_fiq",
    "el0t_32_fiq",
    "el1_interrupt",
    "el0_interrupt",
    "handle_arch_irq",
    "__handle_domain_irq",
    "generic_handle_domain_irq",
    "__irqentry_text_start",
    // powerpc: vectors, their handlers, and interrupts that came while they were off
    // and are handled when they are turned on.
    "hardware_interrupt_common_virt",
    "hardware_interrupt_common",
    "h_virt_irq_common_virt",
    "h_virt_irq_common",
    "decrementer_common_virt",
    "decrementer_common",
    "doorbell_super_common_virt",
    "doorbell_super_common",
    "h_doorbell_common_virt",
    "h_doorbell_common",
    "timer_interrupt",
    "doorbell_exception",
    "replay_soft_interrupts",
    "__replay_soft_interrupts",
    // s390.
    "ext_int_handler",
    "io_int_handler",
    "mcck_int_handler",
    "do_io_irq",
    "do_ext_irq",
    // riscv.
    "handle_riscv_irq",
    "do_irq",
];

fn is_interrupt_entry(name: &str) -> bool {
    // x86: since 5.8 the vectors are asm_sysvec_* and asm_common_interrupt, before they were
    // *_interrupt.
    name.starts_with("asm_sysvec_")
        || name.starts_with("sysvec_")
        || name.starts_with("__sysvec_")
        || name.starts_with("smp_apic_timer_interrupt")
        || name.starts_with("gic_handle_irq")
        || name.starts_with("xen_evtchn_do_upcall")
        || INTERRUPTS.contains(&name)
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
                | "do_page_fault"
                // arm64: all but the system call. 32-bit programs have the same.
                | "el0_da"
                | "el0_ia"
                | "el0_pc"
                | "el0_sp"
                | "el0_undef"
                | "el0_sys"
                | "el0_dbg"
                | "el0_breakpt"
                | "el0_softstp"
                | "el0_watchpt"
                | "el0_brk64"
                | "el0_bkpt32"
                | "el0_cp15"
                | "el0_bti"
                | "el0_gcs"
                | "el0_mops"
                | "el0_fpac"
                | "el0_fpsimd_acc"
                | "el0_fpsimd_exc"
                | "el0_sve_acc"
                | "el0_sme_acc"
                | "el1_da"
                | "el1_abort"
                | "el1_sync"
                | "el1h_64_sync"
                // powerpc.
                | "data_access_common_virt"
                | "data_access_common"
                | "instruction_access_common_virt"
                | "instruction_access_common"
                | "do_hash_fault"
                // s390.
                | "pgm_check_handler"
                | "__do_pgm_check"
        )
}

fn is_return_to_user(name: &str) -> bool {
    matches!(
        name,
        "irqentry_exit_to_user_mode"
            | "exit_to_user_mode"
            | "exit_to_user_mode_prepare_legacy"
            | "arm64_exit_to_user_mode"
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
        || name.starts_with("sbi_cpuidle_")
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
                // powerpc.
                | "pseries_lpar_idle"
                | "pseries_dedicated_idle_loop"
                | "snooze_loop"
                | "dedicated_cede_loop"
                | "shared_cede_loop"
                | "check_and_cede_processor"
                | "cede_processor"
                | "plpar_hcall_norets"
                | "plpar_hcall_norets_notrace"
                | "nap_loop"
                | "fastsleep_loop"
                | "stop_loop"
                | "power7_idle"
                | "power7_idle_type"
                | "power7_idle_insn"
                | "power9_idle"
                | "power9_idle_type"
                | "arch300_idle_type"
                | "arch300_offline_idle"
                | "isa300_idle_stop_noloss"
                | "isa300_idle_stop_mayloss"
                // s390.
                | "enabled_wait"
                | "psw_idle"
                | "psw_idle_exit"
        )
}

fn is_thread_entry(name: &str) -> bool {
    matches!(
        name,
        "ret_from_fork"
            | "ret_from_fork_asm"
            | "__ret_from_fork"
            | "ret_from_fork_kernel"
            | "ret_from_fork_kernel_asm"
            | "ret_from_kernel_thread"
            | "ret_from_kernel_user_thread"
            | "start_kernel_thread"
            | "kthread"
            | "kthread_worker_fn"
            | "kernel_thread_starter"
            | "smpboot_thread_fn"
            | "worker_thread"
    )
}

/// Whether this function gives the CPU away (kernel/sched/core.c, kernel/time/timer.c and
/// hrtimer.c), or tells of that.
fn gives_cpu_away(name: &str) -> bool {
    matches!(
        name,
        "schedule"
            | "__schedule"
            | "__schedule_loop"
            | "schedule_user"
            | "schedule_idle"
            | "schedule_rtlock"
            | "schedule_preempt_disabled"
            | "schedule_timeout"
            | "schedule_timeout_interruptible"
            | "schedule_timeout_killable"
            | "schedule_timeout_uninterruptible"
            | "schedule_timeout_idle"
            | "schedule_hrtimeout"
            | "schedule_hrtimeout_range"
            | "schedule_hrtimeout_range_clock"
            | "io_schedule"
            | "io_schedule_timeout"
            | "preempt_schedule"
            | "preempt_schedule_common"
            | "preempt_schedule_irq"
            | "preempt_schedule_notrace"
            | "preempt_schedule_thunk"
            | "__cond_resched"
            | "_cond_resched"
            | "__traceiter_sched_switch"
            | "perf_trace_sched_switch"
            | "__perf_event_task_sched_out"
    )
}

/// Whether this is a BPF program: `bpf_prog_`, the eight bytes of its tag, and its name if it has
/// one (`bpf_get_prog_name` in kernel/bpf/core.c).
fn is_bpf_program(name: &str) -> bool {
    let Some(tag_and_name) = name.strip_prefix("bpf_prog_") else { return false };
    let tag = tag_and_name.split('_').next().unwrap_or_default();
    tag.len() == 16 && tag.bytes().all(|byte| byte.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::*;

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
            ("_raw_spin_unlock_irqrestore", InterruptsOn),
            ("_raw_spin_lock_irqsave", Helper),
            ("native_write_msr", HostCall),
            ("do_writev", Plain),
            ("bpf_prog_6deef7357e7b4530_sd_fw_egress", BpfProgram),
            ("bpf_prog_6deef7357e7b4530", BpfProgram),
            ("schedule", Schedule),
            ("smp_reschedule_interrupt", InterruptEntry),
            ("bpf_prog_run_clear_cb", Plain),
            ("bpf_prog_array_copy_to_user", Plain),
            // Softirqs at the end of a call change to this stack too.
            ("call_on_irq_stack", Plain),
            ("", Plain),
        ] {
            assert_eq!(classify(name), kind, "{name}");
        }
    }
}
