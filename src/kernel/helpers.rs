//! Helpers: functions that everybody calls, so that their name says nothing about the work. The
//! lists hold exact names, because much that begins alike is work: `copy_page_range` is a fork.

use std::sync::LazyLock;

use rustc_hash::FxHashSet;

/// Whether this function turns interrupts on again. Where no interrupt that cannot be masked takes
/// the samples, the sample of a time with interrupts off is taken here.
pub(super) fn turns_interrupts_on(name: &str) -> bool {
    matches!(
        name,
        "_raw_spin_unlock_irq"
            | "_raw_spin_unlock_irqrestore"
            | "_raw_read_unlock_irq"
            | "_raw_read_unlock_irqrestore"
            | "_raw_write_unlock_irq"
            | "_raw_write_unlock_irqrestore"
            | "__raw_spin_unlock_irq"
            | "__raw_spin_unlock_irqrestore"
            | "__bpf_spin_unlock_irqrestore"
            | "rcu_nocb_unlock_irqrestore"
            | "rcu_read_unlock_special"
            | "native_irq_enable"
            | "native_restore_fl"
            | "pv_native_irq_enable"
            | "xen_irq_enable"
            | "xen_irq_enable_direct"
            | "xen_restore_fl_direct"
            // powerpc, where it also handles the interrupts that came meanwhile.
            | "arch_local_irq_restore"
            | "arch_local_irq_enable"
    )
}

/// Whether this function leaves a virtual machine to its host: it sends an interrupt to another CPU
/// (arch/x86/kernel/apic, drivers/irqchip/irq-gic-v3.c) or tells a device (drivers/virtio). The
/// host may give the CPU to another machine then.
pub(super) fn leaves_to_host(name: &str) -> bool {
    matches!(
        name,
        "native_write_msr"
            | "native_apic_mem_write"
            | "native_apic_msr_write"
            | "native_apic_icr_write"
            | "native_x2apic_icr_write"
            | "x2apic_send_IPI"
            | "__x2apic_send_IPI_dest"
            | "__x2apic_send_IPI_mask"
            | "default_send_IPI_single_phys"
            | "__default_send_IPI_dest_field"
            | "gic_ipi_send_mask"
            | "gic_send_sgi"
            | "vp_notify"
            | "vm_notify"
            | "iowrite8"
            | "iowrite16"
            | "iowrite32"
            | "iowrite64"
    )
}

/// Whether this function locks, reads a clock, waits for a time, copies or clears memory, writes
/// text into a buffer, or is a thunk.
pub(super) fn is_helper(name: &str) -> bool {
    is_lock(name) || is_clock(name) || is_memory(name) || is_thunk(name) || NAMES.contains(name)
}

/// The names of helpers beside those that begin with a prefix. Each function of a recording is
/// looked up here.
static NAMES: LazyLock<FxHashSet<&'static str>> =
    LazyLock::new(|| [&LOCKS[..], &CLOCKS, &TEXT].into_iter().flatten().copied().collect());
/// Functions that copy or clear memory.
static MEMORY_NAMES: LazyLock<FxHashSet<&'static str>> = LazyLock::new(|| MEMORY.into_iter().collect());

/// Functions that lock and unlock, beside those that begin with a prefix.
const LOCKS: [&str; 68] = [
    "mutex_unlock",
    "mutex_trylock",
    "mutex_spin_on_owner",
    "mutex_optimistic_spin",
    "rt_mutex_unlock",
    "rt_mutex_trylock",
    "rt_read_lock",
    "rt_read_unlock",
    "rt_write_lock",
    "rt_write_unlock",
    "rtlock_slowlock",
    "rtlock_slowlock_locked",
    "osq_lock",
    "osq_unlock",
    "down",
    "down_interruptible",
    "down_killable",
    "down_timeout",
    "down_trylock",
    "down_read",
    "down_read_interruptible",
    "down_read_killable",
    "down_read_trylock",
    "down_write",
    "down_write_killable",
    "down_write_trylock",
    "downgrade_write",
    "up",
    "up_read",
    "up_write",
    "__down",
    "__down_common",
    "__down_interruptible",
    "__down_killable",
    "__down_timeout",
    "__down_read",
    "__down_write",
    "__up",
    "__up_read",
    "__up_write",
    "percpu_down_read",
    "percpu_down_write",
    "percpu_up_read",
    "percpu_up_write",
    "__percpu_down_read",
    // Bottom halves off and on again, and readers of RCU.
    "local_bh_enable",
    "_local_bh_enable",
    "local_bh_disable",
    "__local_bh_enable_ip",
    "__local_bh_disable_ip",
    "__rcu_read_lock",
    "__rcu_read_unlock",
    "rcu_read_unlock_strict",
    "__srcu_read_lock",
    "__srcu_read_unlock",
    "rcu_nocb_lock",
    "rcu_nocb_unlock",
    // What debugging adds to them.
    "preempt_count_add",
    "preempt_count_sub",
    "lock_acquire",
    "lock_release",
    "__lock_acquire",
    "do_raw_spin_lock",
    "do_raw_spin_unlock",
    // s390 and powerpc.
    "arch_read_lock_wait",
    "arch_write_lock_wait",
    "splpar_spin_yield",
    "splpar_rw_yield",
];

fn is_lock(name: &str) -> bool {
    const PREFIXES: [&str; 26] = [
        "_raw_spin_",
        "_raw_read_",
        "_raw_write_",
        "__raw_spin_",
        "queued_spin_",
        "queued_read_",
        "queued_write_",
        "native_queued_spin_",
        "__native_queued_spin_",
        "__pv_queued_spin_",
        "__raw_callee_save_",
        "resilient_queued_spin_",
        "resilient_tas_spin_",
        "arch_spin_",
        "mutex_lock",
        "__mutex_lock",
        "__mutex_unlock",
        "__ww_mutex_lock",
        "ww_mutex_",
        "rt_mutex_lock",
        "rt_mutex_slow",
        "__rt_mutex_slow",
        "rt_spin_",
        "rwbase_",
        "rwsem_",
        "percpu_rwsem_",
    ];
    PREFIXES.iter().any(|prefix| name.starts_with(prefix))
}

/// Functions that read a clock, beside those that begin with a prefix, or wait for a time.
const CLOCKS: [&str; 41] = [
    "__ktime_get_real_seconds",
    "read_tsc",
    "native_read_tsc",
    "native_sched_clock",
    "native_sched_clock_from_tsc",
    "paravirt_sched_clock",
    "kvm_sched_clock_read",
    "read_hpet",
    "acpi_pm_read",
    "acpi_pm_read_slow",
    "acpi_pm_read_verified",
    "read_hv_clock_tsc",
    "read_hv_clock_tsc_cs",
    "read_hv_sched_clock_tsc",
    "read_hv_sched_clock_msr",
    "xen_clocksource_read",
    "xen_clocksource_get_cycles",
    "xen_sched_clock",
    "vmware_sched_clock",
    "getnstimeofday64",
    "__getnstimeofday64",
    "do_gettimeofday",
    // arm64, powerpc, riscv, s390.
    "arch_counter_read",
    "arch_counter_read_cc",
    "arch_timer_read_cntvct_el0",
    "arch_timer_read_cntpct_el0",
    "timebase_read",
    "running_clock",
    "riscv_clocksource_rdtime",
    "riscv_sched_clock",
    "read_tod_clock",
    // Waits for a time (include/asm-generic/delay.h).
    "__delay",
    "__udelay",
    "__ndelay",
    "__const_udelay",
    "udelay",
    "delay_loop",
    "delay_tsc",
    "delay_halt",
    "delay_halt_tpause",
    "delay_halt_mwaitx",
];

fn is_clock(name: &str) -> bool {
    name.starts_with("ktime_get")
        || name.starts_with("bpf_ktime_get_")
        || name.starts_with("kvm_clock_")
        || name.starts_with("pvclock_clocksource_read")
        || name.starts_with("sched_clock")
        || name.starts_with("local_clock")
        || name.starts_with("arch_counter_get_cnt")
}

/// Functions that copy or clear memory, without what they begin with.
const MEMORY: [&str; 75] = [
    "memcpy",
    "memcpy_erms",
    "memcpy_orig",
    "memcpy_flushcache",
    "memcpy_fromio",
    "memcpy_toio",
    "memcpy_power7",
    "memmove",
    "memmove_erms",
    "memset",
    "memset_erms",
    "memset_orig",
    "memset16",
    "memset32",
    "memset64",
    "memset_io",
    "clear_page",
    "clear_page_erms",
    "clear_page_orig",
    "clear_page_rep",
    "clear_pages",
    "clear_user",
    "clear_user_erms",
    "clear_user_original",
    "clear_user_rep_good",
    "clear_highpage",
    "copy_page",
    "copy_page_regs",
    "copy_highpage",
    "copypage_power7",
    "rep_movs_alternative",
    "rep_stos_alternative",
    "copy_user_enhanced_fast_string",
    "copy_user_fast_string",
    "copy_user_flushcache",
    "copy_user_generic",
    "copy_user_generic_string",
    "copy_user_generic_unrolled",
    "copy_user_handle_tail",
    "copy_user_nocache",
    "copy_user_short_string",
    "copy_mc",
    "copy_mc_enhanced_fast_string",
    "copy_mc_fragile",
    "copy_mc_generic",
    "copy_mc_to_kernel",
    "copy_mc_to_user",
    "copy_from_user",
    "copy_to_user",
    "copy_from_user_nmi",
    "copy_from_kernel_nofault",
    "raw_copy_from_user",
    "raw_copy_to_user",
    "copy_to_iter",
    "copy_from_iter",
    "copy_page_to_iter",
    "copy_page_from_iter",
    "copy_page_from_iter_atomic",
    "copy_folio_from_iter_atomic",
    "copyin",
    "copyout",
    // arm64, powerpc, riscv, s390.
    "arch_clear_user",
    "arch_copy_from_user",
    "arch_copy_in_user",
    "arch_copy_to_user",
    "copy_tofrom_user",
    "copy_tofrom_user_base",
    "copy_tofrom_user_power7",
    "asm_copy_from_user",
    "asm_copy_to_user",
    "asm_vector_usercopy",
    "fallback_scalar_usercopy",
    "copy_from_user_mvcos",
    "copy_to_user_mvcos",
    "clear_user_mvcos",
];

fn is_memory(name: &str) -> bool {
    // arm64 and riscv have each under its own name and with `__pi_`, x86 with `__`.
    let base = name.strip_prefix("__pi_").unwrap_or(name);
    let base = base.trim_start_matches('_');
    MEMORY_NAMES.contains(base)
}

/// Functions that write text into a buffer (lib/vsprintf.c, fs/seq_file.c): what is written is the
/// work of their caller.
const TEXT: [&str; 21] = [
    "vsnprintf",
    "vscnprintf",
    "snprintf",
    "scnprintf",
    "vsprintf",
    "sprintf",
    "format_decode",
    "put_dec",
    "put_dec_trunc8",
    "put_dec_full8",
    "num_to_str",
    "hex_string",
    "seq_printf",
    "seq_vprintf",
    "seq_puts",
    "seq_putc",
    "seq_write",
    "seq_put_decimal_ull",
    "seq_put_decimal_ull_width",
    "seq_put_decimal_ll",
    "seq_put_hex_ll",
];

/// Calls that mitigations and tracing put in, and static calls.
fn is_thunk(name: &str) -> bool {
    name.starts_with("__x86_indirect_")
        || name.starts_with("__SCT__")
        || matches!(
            name,
            "__fentry__"
                | "__x86_return_thunk"
                | "srso_return_thunk"
                | "srso_alias_return_thunk"
                | "srso_safe_ret"
                | "srso_alias_safe_ret"
                | "retbleed_return_thunk"
                | "its_return_thunk"
                | "call_depth_return_thunk"
                | "ftrace_caller"
                | "ftrace_regs_caller"
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn helpers_are_no_work() {
        for name in [
            "_raw_spin_lock",
            "_raw_spin_lock_irqsave",
            "_raw_spin_lock_bh",
            "_raw_spin_unlock",
            "_raw_spin_unlock_bh",
            "_raw_read_lock",
            "_raw_write_lock_bh",
            "queued_spin_lock_slowpath",
            "native_queued_spin_lock_slowpath",
            "__pv_queued_spin_lock_slowpath",
            "queued_write_lock_slowpath",
            "resilient_queued_spin_lock_slowpath",
            "mutex_lock",
            "mutex_lock_interruptible",
            "mutex_unlock",
            "__mutex_lock_slowpath",
            "__mutex_lock",
            "mutex_spin_on_owner",
            "rt_spin_lock",
            "rt_mutex_slowlock_block",
            "rwsem_down_write_slowpath",
            "rwsem_spin_on_owner",
            "down_read",
            "up_write",
            "__local_bh_enable_ip",
            "__rcu_read_lock",
            "read_tsc",
            "ktime_get",
            "ktime_get_mono_fast_ns",
            "kvm_clock_get_cycles",
            "pvclock_clocksource_read_nowd",
            "sched_clock_cpu",
            "native_sched_clock",
            "local_clock_noinstr",
            "arch_counter_get_cntvct",
            "arch_counter_get_cntvct_stable",
            "delay_tsc",
            "memcpy",
            "__memcpy",
            "__pi_memcpy",
            "memcpy_orig",
            "memset_erms",
            "__pi_memset",
            "memmove",
            "clear_page_erms",
            "__pi_clear_page",
            "__pi_copy_page",
            "copy_user_enhanced_fast_string",
            "copy_user_generic_unrolled",
            "copy_user_short_string",
            "copy_mc_enhanced_fast_string",
            "rep_movs_alternative",
            "__arch_copy_to_user",
            "__arch_clear_user",
            "_copy_to_user",
            "_copy_to_iter",
            "copy_page_to_iter",
            "vsnprintf",
            "seq_put_decimal_ull_width",
            "__asm_copy_to_user",
            "__x86_indirect_thunk_rax",
            "srso_alias_return_thunk",
        ] {
            assert!(is_helper(name), "{name}");
        }
    }

    #[test]
    fn work_that_begins_like_a_helper() {
        for name in [
            "copy_page_range",
            "clear_page_dirty_for_io",
            "copy_user_large_folio",
            "clear_huge_page",
            "memcmp",
            "memcg_stat_show",
            "mutex_is_locked",
            "rt_mutex_setprio",
            "upgrade_something",
            "down_the_tree",
            "update_curr",
            "finish_task_switch",
            "kvm_vcpu_run",
            "release_sock",
            "lock_sock_nested",
            "page_fault",
            "rcu_core",
            "try_to_wake_up",
            "csum_partial",
            "seq_read_iter",
            "bstr_printf",
            "",
        ] {
            assert!(!is_helper(name) && !turns_interrupts_on(name), "{name}");
        }
    }

    #[test]
    fn interrupts_are_turned_on_again() {
        for name in ["_raw_spin_unlock_irq", "_raw_spin_unlock_irqrestore", "_raw_write_unlock_irqrestore"] {
            assert!(turns_interrupts_on(name), "{name}");
        }
        for name in ["_raw_spin_unlock", "_raw_spin_lock_irqsave", "_raw_spin_lock_irq", "enable_irq"] {
            assert!(!turns_interrupts_on(name), "{name}");
        }
    }
}
