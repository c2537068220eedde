//! What stacks of each architecture and kernel mean, as these kernels print them: frames by the
//! entry code and the interrupt code of that release (`arch/*/kernel/entry*`, `irq.c`,
//! `process.c`, `idle.c`). The stacks of arm64 6.1 and 6.12 were recorded.

use crate::support::fixture::recording;
use stallgraph::analyses::paths::Owner;
use stallgraph::internals::Contexts;
use stallgraph::model::{Recording, StackId};

/// What a stack means: whose work it is, idle, or the interrupt or softirq on top of either.
fn meaning(recording: &Recording, stack: StackId) -> String {
    let contexts = Contexts::of(recording);
    let context = contexts.get(stack);
    let own = context.path.map(|path| match (contexts.owner(path), contexts.system_call(path)) {
        (Owner::SystemCall, Some(call)) => recording.name(call).to_owned(),
        (Owner::SystemCall, None) => "system call".to_owned(),
        (Owner::KernelThread, _) => "thread".to_owned(),
        (Owner::Exception, _) => "exception".to_owned(),
        (owner, _) => format!("{owner:?}"),
    });
    let on_top = match (context.is_nested, context.softirq()) {
        (true, Some(softirq)) => Some(softirq.name()),
        (true, None) => Some("interrupt"),
        (false, _) => None,
    };
    match (on_top, own) {
        _ if context.is_idle => "idle".to_owned(),
        (Some(on_top), Some(own)) => format!("{on_top} on {own}"),
        (Some(on_top), None) => on_top.to_owned(),
        (None, Some(own)) => own,
        (None, None) => "nothing".to_owned(),
    }
}

#[track_caller]
fn assert_means(stacks: &[(&str, &str)]) {
    let text: String =
        stacks.iter().zip(1..).map(|((stack, _), at)| format!("cpu0 1.{at:03} task {stack}\n")).collect();
    let recording = recording(&text);
    let samples = &recording.timelines[0].samples;
    assert_eq!(samples.len(), stacks.len());
    let mut wrong = String::new();
    for (sample, (stack, expected)) in samples.iter().zip(stacks) {
        let found = meaning(&recording, sample.stack);
        if found != *expected {
            wrong += &format!("{found}, not {expected}: {stack}\n");
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn x86() {
    const CALL: &str = "main_[u];entry_SYSCALL_64_after_hwframe;do_syscall_64";
    const TICK: &str = "asm_sysvec_apic_timer_interrupt;sysvec_apic_timer_interrupt";
    assert_means(&[
        // 5.10
        (&format!("{CALL};__x64_sys_read;ksys_read;vfs_read"), "read"),
        (
            &format!("{CALL};__x64_sys_read;vfs_read;{TICK};asm_call_irq_on_stack;hrtimer_interrupt"),
            "interrupt on read",
        ),
        (
            &format!(
                "{CALL};__x64_sys_read;vfs_read;{TICK};irq_exit_rcu;do_softirq_own_stack;asm_call_irq_on_stack;\
                 __softirqentry_text_start;net_rx_action;napi_poll"
            ),
            "net_rx on read",
        ),
        (
            "secondary_startup_64_no_verify;start_secondary;cpu_startup_entry;do_idle;default_idle_call;native_safe_halt",
            "idle",
        ),
        ("main_[u];asm_exc_page_fault;exc_page_fault;do_user_addr_fault;handle_mm_fault", "exception"),
        (
            "ret_from_fork;kthread;smpboot_thread_fn;run_ksoftirqd;__softirqentry_text_start;net_rx_action",
            "net_rx on thread",
        ),
        ("ret_from_fork;kthread;worker_thread;process_one_work;cache_reap", "thread"),
        // 6.1 to 7.2
        (&format!("{CALL};x64_sys_call;__x64_sys_pread64;seq_read"), "pread64"),
        (
            &format!(
                "{CALL};x64_sys_call;__x64_sys_read;vfs_read;{TICK};__irq_exit_rcu;handle_softirqs;run_timer_softirq"
            ),
            "timer on read",
        ),
        (
            &format!(
                "{CALL};__x64_sys_sendto;__dev_queue_xmit;__local_bh_enable_ip;do_softirq.part.0;handle_softirqs;net_rx_action"
            ),
            "net_rx on sendto",
        ),
        (
            "start_secondary;cpu_startup_entry;do_idle;cpuidle_idle_call;default_idle_call;pv_native_safe_halt",
            "idle",
        ),
        (
            &format!(
                "start_secondary;cpu_startup_entry;do_idle;default_idle;{TICK};__irq_exit_rcu;handle_softirqs;net_rx_action"
            ),
            "net_rx",
        ),
        (&format!("main_[u];{TICK};irqentry_exit_to_user_mode;exit_to_user_mode_loop;schedule"), "exception"),
        (
            "ret_from_fork_asm;ret_from_fork;kthread;smpboot_thread_fn;run_ksoftirqd;handle_softirqs;rcu_core_si",
            "rcu on thread",
        ),
        // FRED
        (
            "main_[u];asm_fred_entrypoint_user;fred_entry_from_user;do_syscall_64;x64_sys_call;__x64_sys_read",
            "read",
        ),
        (
            &format!(
                "{CALL};x64_sys_call;__x64_sys_read;asm_fred_entrypoint_kernel;fred_entry_from_kernel;fred_extint;sysvec_apic_timer_interrupt"
            ),
            "interrupt on read",
        ),
        // 32-bit programs
        (
            "main_[u];entry_SYSENTER_compat_after_hwframe;do_SYSENTER_32;do_fast_syscall_32;__do_fast_syscall_32;__ia32_sys_read",
            "read",
        ),
        ("main_[u];entry_INT80_compat_after_hwframe;do_int80_syscall_32;__ia32_compat_sys_ioctl", "ioctl"),
        ("main_[u];asm_int80_emulation;do_int80_emulation;ia32_sys_call;__ia32_sys_read", "read"),
    ]);
}

#[test]
fn arm64_5_10() {
    const CALL: &str = "main_[u];el0_sync;el0_sync_handler;el0_svc;do_el0_svc;el0_svc_common.constprop.0";
    const IRQ: &str = "el1_irq;gic_handle_irq;__handle_domain_irq";
    assert_means(&[
        (&format!("{CALL};__arm64_sys_read;ksys_read;vfs_read"), "read"),
        (
            &format!(
                "{CALL};__arm64_sys_read;__arch_copy_to_user;el1_sync;el1_sync_handler;el1_abort;do_mem_abort"
            ),
            "read",
        ),
        (
            &format!("{CALL};__arm64_sys_read;vfs_read;{IRQ};generic_handle_irq;handle_percpu_devid_irq"),
            "interrupt on read",
        ),
        (
            &format!(
                "{CALL};__arm64_sys_read;vfs_read;{IRQ};irq_exit;__softirqentry_text_start;net_rx_action"
            ),
            "net_rx on read",
        ),
        (
            "main_[u];el0_sync_compat;el0_sync_compat_handler;el0_svc_compat;do_el0_svc_compat;el0_svc_common.constprop.0;\
             __arm64_compat_sys_ppoll_time32",
            "ppoll_time32",
        ),
        ("main_[u];el0_irq;gic_handle_irq;__handle_domain_irq;irq_exit;__do_softirq;net_rx_action", "net_rx"),
        ("main_[u];el0_irq_compat;gic_handle_irq;__handle_domain_irq", "interrupt"),
        (
            "main_[u];el0_sync;el0_sync_handler;el0_da;do_mem_abort;do_translation_fault;do_page_fault;handle_mm_fault",
            "exception",
        ),
        ("main_[u];el0_sync;el0_sync_handler;el0_fpsimd_acc;do_fpsimd_acc", "exception"),
        (
            "secondary_start_kernel;cpu_startup_entry;do_idle;default_idle_call;arch_cpu_idle;cpu_do_idle",
            "idle",
        ),
        (
            "rest_init;cpu_startup_entry;do_idle;cpuidle_enter;cpuidle_enter_state;psci_enter_idle_state;psci_cpu_suspend_enter;\
             cpu_suspend;__cpu_suspend_enter",
            "idle",
        ),
        (
            "ret_from_fork;kthread;smpboot_thread_fn;run_ksoftirqd;__do_softirq;net_rx_action",
            "net_rx on thread",
        ),
        ("ret_from_fork;kthread;worker_thread;process_one_work;vmstat_update", "thread"),
    ]);
}

#[test]
fn arm64_6_1_and_later() {
    const CALL: &str = "main_[u];el0t_64_sync;el0t_64_sync_handler;el0_svc;do_el0_svc;el0_svc_common.constprop.0;invoke_syscall";
    const IRQ: &str = "el1h_64_irq;el1h_64_irq_handler;el1_interrupt";
    const SOFTIRQ: &str = "irq_exit_rcu;__irq_exit_rcu;do_softirq_own_stack;call_on_irq_stack;____do_softirq";
    assert_means(&[
        (&format!("{CALL};__arm64_sys_lseek;seq_lseek;traverse.part.0.constprop.0"), "lseek"),
        (
            &format!(
                "{CALL};__arm64_sys_read;vfs_read;el1h_64_sync;el1h_64_sync_handler;el1_abort;do_page_fault"
            ),
            "read",
        ),
        (
            &format!(
                "{CALL};__arm64_sys_read;vfs_read;{IRQ};do_interrupt_handler;call_on_irq_stack;gic_handle_irq"
            ),
            "interrupt on read",
        ),
        (
            &format!(
                "{CALL};__arm64_sys_read;vfs_read;{IRQ};{SOFTIRQ};__softirqentry_text_start;handle_softirqs;net_rx_action"
            ),
            "net_rx on read",
        ),
        (
            &format!(
                "{CALL};__arm64_sys_read;vfs_read;{IRQ};{SOFTIRQ};__do_softirq;handle_softirqs;sched_balance_softirq"
            ),
            "sched on read",
        ),
        (
            &format!(
                "{CALL};__arm64_sys_sendmmsg;__dev_queue_xmit;__local_bh_enable_ip;do_softirq;do_softirq_own_stack;call_on_irq_stack;\
                 ____do_softirq;__do_softirq;handle_softirqs;net_rx_action"
            ),
            "net_rx on sendmmsg",
        ),
        (
            "main_[u];el0t_32_sync;el0t_32_sync_handler;el0_svc_compat;do_el0_svc_compat;el0_svc_common.constprop.0;invoke_syscall;\
             __arm64_compat_sys_aarch32_pwrite64",
            "pwrite64",
        ),
        ("main_[u];el0t_64_sync;el0t_64_sync_handler;el0_svc;do_notify_resume;schedule", "system call"),
        (
            &format!(
                "main_[u];el0t_64_irq;el0t_64_irq_handler;__el0_irq_handler_common;el0_interrupt;{SOFTIRQ};handle_softirqs;net_rx_action"
            ),
            "net_rx",
        ),
        ("main_[u];el0t_64_irq;el0t_64_irq_handler;el0_interrupt;do_notify_resume;schedule", "exception"),
        (
            "main_[u];el0t_64_sync;el0t_64_sync_handler;el0_da;do_mem_abort;do_page_fault;handle_mm_fault",
            "exception",
        ),
        ("main_[u];el0t_64_sync;el0t_64_sync_handler;el0_ia;do_mem_abort;do_page_fault", "exception"),
        ("__primary_switched;start_kernel;rest_init;cpu_startup_entry;do_idle;default_idle_call", "idle"),
        (
            "secondary_switched;secondary_start_kernel;cpu_startup_entry;do_idle;default_idle_call;arch_cpu_idle",
            "idle",
        ),
        (
            &format!(
                "secondary_start_kernel;cpu_startup_entry;do_idle;default_idle_call;{IRQ};{SOFTIRQ};handle_softirqs;net_rx_action"
            ),
            "net_rx",
        ),
        (
            "ret_from_fork;kthread;smpboot_thread_fn;run_ksoftirqd;handle_softirqs;net_rx_action",
            "net_rx on thread",
        ),
        ("ret_from_fork;kthread;worker_thread;process_one_work;wb_workfn", "thread"),
    ]);
}

#[test]
fn s390x() {
    const CALL: &str = "main_[u];system_call;__do_syscall";
    assert_means(&[
        ("main_[u];system_call;__s390x_sys_read;ksys_read;vfs_read", "read"),
        (&format!("{CALL};__s390x_sys_read;ksys_read;vfs_read"), "read"),
        (&format!("{CALL};do_syscall;__s390_compat_sys_ioctl"), "ioctl"),
        (&format!("{CALL};__s390_sys_getpid"), "getpid"),
        (
            &format!(
                "{CALL};__s390x_sys_read;vfs_read;ext_int_handler;do_ext_irq;do_irq_async;do_ext_interrupt"
            ),
            "interrupt on read",
        ),
        (
            &format!(
                "{CALL};__s390x_sys_read;vfs_read;io_int_handler;do_io_irq;irq_exit_rcu;__irq_exit_rcu;do_softirq_own_stack;\
                 __do_softirq;net_rx_action"
            ),
            "net_rx on read",
        ),
        ("main_[u];io_int_handler;do_io_irq;do_irq_async;do_cio_interrupt", "interrupt"),
        (
            "do_idle;default_idle_call;arch_cpu_idle;psw_idle_exit;ext_int_handler;do_ext_irq;irq_exit;__do_softirq;run_timer_softirq",
            "timer",
        ),
        (
            "main_[u];pgm_check_handler;__do_pgm_check;do_dat_exception;do_exception;handle_mm_fault",
            "exception",
        ),
        (
            "smp_start_secondary;cpu_startup_entry;do_idle;default_idle_call;arch_cpu_idle;psw_idle;psw_idle_exit",
            "idle",
        ),
        ("cpu_startup_entry;do_idle;default_idle_call;arch_cpu_idle;enabled_wait", "idle"),
        (
            "ret_from_fork;__ret_from_fork;kthread;smpboot_thread_fn;run_ksoftirqd;handle_softirqs;net_rx_action",
            "net_rx on thread",
        ),
        ("kernel_thread_starter;kthread;worker_thread;process_one_work;vmstat_update", "thread"),
    ]);
}

#[test]
fn ppc64() {
    const CALL: &str = "main_[u];system_call_vectored_common;system_call_exception";
    assert_means(&[
        ("main_[u];system_call_common;system_call_exception;ksys_read;vfs_read", "read"),
        (&format!("{CALL};sys_read;ksys_read;vfs_read"), "read"),
        (
            &format!("{CALL};sys_read;vfs_read;hardware_interrupt_common_virt;do_IRQ;__do_irq"),
            "interrupt on read",
        ),
        (
            &format!("{CALL};sys_read;vfs_read;decrementer_common_virt;timer_interrupt;hrtimer_interrupt"),
            "interrupt on read",
        ),
        (
            &format!(
                "{CALL};sys_read;vfs_read;decrementer_common;timer_interrupt;irq_exit;__irq_exit_rcu;do_softirq_own_stack;call_do_softirq;__do_softirq;net_rx_action"
            ),
            "net_rx on read",
        ),
        (
            &format!(
                "{CALL};sys_read;vfs_read;_raw_spin_unlock_irqrestore;arch_local_irq_restore;replay_soft_interrupts_irqrestore;\
                 replay_soft_interrupts;timer_interrupt;irq_exit;__do_softirq;net_rx_action"
            ),
            "net_rx on read",
        ),
        (
            &format!("{CALL};sys_read;vfs_read;doorbell_super_common_virt;doorbell_exception"),
            "interrupt on read",
        ),
        ("main_[u];data_access_common_virt;do_page_fault;___do_page_fault;handle_mm_fault", "exception"),
        ("main_[u];instruction_access_common_virt;do_page_fault;handle_mm_fault", "exception"),
        (
            "start_secondary_prolog;start_secondary;cpu_startup_entry;do_idle;cpuidle_enter;cpuidle_enter_state;dedicated_cede_loop;\
             check_and_cede_processor;plpar_hcall_norets_notrace",
            "idle",
        ),
        (
            "start_secondary;cpu_startup_entry;do_idle;cpuidle_enter;cpuidle_enter_state;arch_local_irq_restore",
            "idle",
        ),
        (
            "do_idle;cpuidle_enter;cpuidle_enter_state;arch_local_irq_restore;replay_soft_interrupts;doorbell_exception;irq_exit;\
             __irq_exit_rcu;handle_softirqs;sched_balance_softirq",
            "sched",
        ),
        (
            "start_secondary;cpu_startup_entry;do_idle;cpuidle_enter_state;stop_loop;power9_idle_type;arch300_idle_type",
            "idle",
        ),
        (
            "start_secondary;cpu_startup_entry;do_idle;default_idle_call;arch_cpu_idle;pseries_lpar_idle",
            "idle",
        ),
        (
            "ret_from_kernel_thread;kthread;smpboot_thread_fn;run_ksoftirqd;__do_softirq;net_rx_action",
            "net_rx on thread",
        ),
        ("start_kernel_thread;kthread;worker_thread;process_one_work;vmstat_update", "thread"),
    ]);
}

#[test]
fn riscv() {
    const CALL: &str = "main_[u];handle_exception;do_trap_ecall_u";
    assert_means(&[
        ("main_[u];ret_from_syscall;sys_read;ksys_read;vfs_read", "read"),
        (&format!("{CALL};__riscv_sys_read;ksys_read;vfs_read"), "read"),
        ("main_[u];ret_from_exception;do_trap_ecall_u;__riscv_compat_sys_ioctl", "ioctl"),
        (
            &format!(
                "{CALL};__riscv_sys_read;vfs_read;handle_exception;do_irq;handle_riscv_irq;riscv_intc_irq"
            ),
            "interrupt on read",
        ),
        (
            &format!(
                "{CALL};__riscv_sys_read;vfs_read;handle_exception;do_irq;call_on_irq_stack;handle_riscv_irq;irq_exit_rcu;__irq_exit_rcu;\
                 do_softirq_own_stack;call_on_irq_stack;____do_softirq;handle_softirqs;net_rx_action"
            ),
            "net_rx on read",
        ),
        ("main_[u];call_on_irq_stack;handle_riscv_irq;irq_exit_rcu;__do_softirq;run_timer_softirq", "timer"),
        ("main_[u];handle_exception;do_trap_ecall_u;exit_to_user_mode_loop;task_work_run", "system call"),
        ("main_[u];handle_exception;do_page_fault;handle_page_fault;handle_mm_fault", "exception"),
        ("smp_callin;cpu_startup_entry;do_idle;default_idle_call;arch_cpu_idle", "idle"),
        (
            "smp_callin;cpu_startup_entry;do_idle;cpuidle_enter;cpuidle_enter_state;sbi_cpuidle_enter_state",
            "idle",
        ),
        (
            "ret_from_fork;kthread;smpboot_thread_fn;run_ksoftirqd;handle_softirqs;net_rx_action",
            "net_rx on thread",
        ),
        ("ret_from_fork_kernel_asm;ret_from_fork_kernel;kthread;worker_thread;process_one_work", "thread"),
    ]);
}
