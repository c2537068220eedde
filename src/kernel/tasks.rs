//! Names of kernel threads.

use crate::model::TaskKind;

/// The role of a task in serving softirqs, by its comm.
pub fn task_kind(comm: &str) -> TaskKind {
    // The names of such threads up to the number of the CPU or the name of the device.
    const KINDS: [(&str, TaskKind); 6] = [
        // kernel/softirq.c
        ("ksoftirqd/", TaskKind::Ksoftirqd),
        // kernel/softirq.c since 6.13, in patches for PREEMPT_RT before; in those of 4.x.
        ("ktimers/", TaskKind::TimerThread),
        ("ktimersoftd/", TaskKind::TimerThread),
        // napi_kthread_create and backlog_threads in net/core/dev.c, since 5.12 and 6.10.
        ("napi/", TaskKind::NapiThread),
        ("backlog_napi/", TaskKind::NapiThread),
        // setup_irq_thread in kernel/irq/manage.c.
        ("irq/", TaskKind::InterruptThread),
    ];
    let kind = KINDS.iter().find(|(start, _)| comm.starts_with(start));
    kind.map_or(TaskKind::Other, |(_, kind)| *kind)
}

/// Whether this is the name of a kernel thread that matters where a machine stalls: those that
/// serve softirqs, and those that are in every recording, whose names nobody doubts.
pub fn is_kernel_thread(comm: &str) -> bool {
    // kernel/kthread.c, kernel/workqueue.c, kernel/stop_machine.c, kernel/cpu.c, kernel/rcu/tree.c
    // and tree_nocb.h, mm/vmscan.c, mm/compaction.c, kernel/watchdog.c, drivers/powercap.
    const STARTS: [&str; 12] = [
        "swapper/",
        "kworker/",
        "migration/",
        "cpuhp/",
        "rcuc/",
        "rcub/",
        "rcuog/",
        "rcuop/",
        "kswapd",
        "kcompactd",
        "watchdog/",
        "idle_inject/",
    ];
    const WHOLE: [&str; 5] = ["swapper", "kthreadd", "rcu_preempt", "rcu_sched", "khungtaskd"];
    task_kind(comm) != TaskKind::Other
        || STARTS.iter().any(|start| comm.starts_with(start))
        || WHOLE.contains(&comm)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threads_that_serve_softirqs() {
        use TaskKind::*;
        for (comm, kind, is_server) in [
            ("ksoftirqd/0", Ksoftirqd, true),
            ("ksoftirqd/127", Ksoftirqd, true),
            ("napi/eth0-8193", NapiThread, true),
            ("backlog_napi/3", NapiThread, true),
            ("ktimers/3", TimerThread, true),
            ("ktimersoftd/3", TimerThread, true),
            ("irq/24-eth0-rx-0", InterruptThread, false),
            ("kworker/3:1", Other, false),
            ("ksoftirqd", Other, false),
            ("napi", Other, false),
            ("my-napi/eth0", Other, false),
            ("", Other, false),
        ] {
            assert_eq!(task_kind(comm), kind, "{comm}");
            assert_eq!(task_kind(comm).is_server(), is_server, "{comm}");
        }
    }

    #[test]
    fn names_of_kernel_threads() {
        for comm in ["ksoftirqd/0", "irq/24-eth0", "swapper", "swapper/3", "kworker/u8:3-kv", "migration/1"] {
            assert!(is_kernel_thread(comm), "{comm}");
        }
        for comm in ["ksoftirqd", "swapper2", "kworker", "bash", "rcu", ""] {
            assert!(!is_kernel_thread(comm), "{comm}");
        }
    }
}
