//! Works: what a CPU can be doing, each with its thread and its stack.

use crate::support::builder::Task;

/// What the stack begins with, below the system call.
pub const SYSTEM_CALL: &str = "entry_SYSCALL_64_after_hwframe;do_syscall_64;__x64_sys_";
/// The stack of a kernel worker, down to what it does.
pub const WORKER: &str = "ret_from_fork;kthread;worker_thread;process_one_work;";
pub const IDLE: &str = "common_startup_64;start_secondary;cpu_startup_entry;do_idle;default_idle";
pub const KSOFTIRQD: &str = "ret_from_fork;kthread;smpboot_thread_fn;run_ksoftirqd";

/// A place in a program or in the kernel. The index into [`PLACES`] stands for it.
pub struct Site {
    pub comm: &'static str,
    pub task: Task,
    /// The kernel's frames, root first; empty in user space.
    pub kernel: &'static str,
    /// One of these is the innermost frame.
    pub leaves: &'static [&'static str],
}

/// How a bystander spends its time.
#[derive(Clone, Copy)]
pub struct Bystander {
    /// Indices of its places in user space, and in calls with the mean length of a visit, in ms.
    pub user: usize,
    pub user_ms: f64,
    pub calls: &'static [(usize, f64)],
    /// Whether its calls look for others to run every now and then (`cond_resched`).
    pub yields: bool,
}

/// Indices of [`PLACES`].
pub const AT_IDLE: usize = 0;
pub const AT_KSOFTIRQD: usize = 1;
pub const AT_SERVER: usize = 2;
pub const AT_SERVER_WRITE: usize = 3;
pub const AT_CULPRIT_USER: usize = 4;
/// The culprit's call, with bottom halves and interrupts on.
pub const AT_CULPRIT: usize = 5;
/// The same with bottom halves off.
pub const AT_CULPRIT_LOCKED: usize = 6;
/// The same with interrupts off.
pub const AT_CULPRIT_MASKED: usize = 7;

const fn user(comm: &'static str, tid: u32) -> Site {
    Site { comm, task: (tid, tid), kernel: "", leaves: &["main"] }
}

const fn call(comm: &'static str, tid: u32, kernel: &'static str, leaves: &'static [&'static str]) -> Site {
    Site { comm, task: (tid, tid), kernel, leaves }
}

pub const PLACES: [Site; 26] = [
    call("swapper", 0, "", &[""]),
    call("ksoftirqd/0", 14, "", &[""]),
    user("nginx", 300),
    call("nginx", 300, "write;vfs_write;sock_write_iter", &["tcp_sendmsg_locked", "tcp_write_xmit"]),
    user("agent", 400),
    call("agent", 400, "read;vfs_read;seq_read_iter", &["traverse", "vsnprintf", "seq_show_one"]),
    call(
        "agent",
        400,
        "read;vfs_read;seq_read_iter",
        &["neigh_seq_next", "neigh_get_next", "_raw_read_lock_bh"],
    ),
    call("agent", 400, "read;vfs_read;seq_read_iter", &["slabinfo_show", "count_partial"]),
    user("redis", 501),
    call("redis", 501, "write;vfs_write;sock_write_iter", &["tcp_sendmsg_locked", "skb_copy_datagram"]),
    call("redis", 501, "clone;kernel_clone;copy_process;dup_mm", &["copy_page_range", "copy_pte_range"]),
    user("backup", 502),
    call("backup", 502, "fsync;vfs_fsync_range;ext4_sync_file", &["jbd2_log_wait_commit", "ext4_writepages"]),
    call("backup", 502, "read;vfs_read;ext4_file_read_iter", &["filemap_read", "copy_page_to_iter"]),
    user("cron", 503),
    call("cron", 503, "execve;do_execveat_common;bprm_execve", &["load_elf_binary", "begin_new_exec"]),
    call("cron", 503, "exit_group;do_group_exit;do_exit;mmput", &["unmap_page_range", "free_unref_page"]),
    user("top", 504),
    call("top", 504, "read;vfs_read;proc_reg_read;seq_read_iter", &["proc_pid_status", "task_mem"]),
    call("top", 504, "getdents64;iterate_dir;proc_pid_readdir", &["next_tgid", "proc_fill_cache"]),
    user("solver", 505),
    call("solver", 505, "futex;do_futex;futex_wait", &["futex_wait_setup", "schedule"]),
    user("java", 506),
    call("java", 506, "madvise;do_madvise;zap_page_range", &["zap_pte_range", "tlb_finish_mmu"]),
    call("kworker/0:1", 507, WORKER, &["flush_to_ldisc", "n_tty_receive_buf"]),
    call("kworker/0:1", 507, WORKER, &["vmstat_update", "refresh_cpu_vm_stats"]),
];

pub const BYSTANDERS: [Bystander; 7] = [
    Bystander { user: 8, user_ms: 1.0, calls: &[(9, 0.05), (9, 0.4), (10, 25.0)], yields: true },
    Bystander { user: 11, user_ms: 4.0, calls: &[(12, 20.0), (13, 1.0), (13, 5.0)], yields: true },
    Bystander { user: 14, user_ms: 3.0, calls: &[(15, 3.0), (16, 6.0), (16, 40.0)], yields: true },
    Bystander { user: 17, user_ms: 2.0, calls: &[(18, 0.3), (19, 2.0), (18, 15.0)], yields: false },
    Bystander { user: 20, user_ms: 120.0, calls: &[(21, 0.02)], yields: true },
    Bystander { user: 22, user_ms: 15.0, calls: &[(23, 8.0), (23, 0.5)], yields: false },
    Bystander { user: 24, user_ms: 0.0, calls: &[(24, 2.0), (25, 0.3), (24, 12.0)], yields: true },
];
