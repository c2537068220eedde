//! Recordings of a node with a known problem, made from a model of the node.

use std::ops::Range;

use super::builder::{Builder, Event, Kernel, Mmap, Sample, Task};
use super::dice::Dice;

/// The CPU of [`post_2019`], which receives the packets that come late.
pub const CPU: u32 = 11;

/// Start of [`post_2019`] on its clock, ns: the node has been up for some eight weeks.
pub const START: u64 = 4_821_337_104_000_000;

/// Duration of [`post_2019`], ns.
pub const DURATION: u64 = 20 * SECOND;

/// The idle task of [`post_2019`].
pub const SWAPPER: Task = (0, 0);
/// `ksoftirqd/11` of [`post_2019`].
pub const KSOFTIRQD: Task = (66, 66);
/// `nginx` of [`post_2019`]: innocent, and always busy.
pub const NGINX: Task = (2231, 2231);
/// The threads of `cadvisor` in [`post_2019`]: each stall is the work of one of them.
pub const CADVISOR: [Task; 4] = [(3312, 3312), (3312, 3325), (3312, 3326), (3312, 3340)];

const SECOND: u64 = 1_000_000_000;
const MS: u64 = 1_000_000;
/// Busy time from one sample to the next at 999 Hz.
const INTERVAL: u64 = 1_001_001;
/// Where the programs are mapped: a Go binary at its fixed address, a position-independent one
/// anywhere.
const CADVISOR_TEXT: u64 = 0x40_0000;
/// See [`CADVISOR_TEXT`].
const NGINX_TEXT: u64 = 0x5596_4c02_0000;

/// A task, and the address from which the functions of its program are numbered.
#[derive(Clone, Copy)]
struct Program {
    task: Task,
    text: u64,
}

impl Program {
    const NGINX: Program = Program { task: NGINX, text: NGINX_TEXT };

    /// A task that has kernel frames only.
    fn of_kernel(task: Task) -> Program {
        Program { task, text: 0 }
    }

    fn cadvisor(thread: Task) -> Program {
        Program { task: thread, text: CADVISOR_TEXT }
    }
}

const ENTRY: &str = "entry_SYSCALL_64_after_swapgs;do_syscall_64";
const STALL: &str = "entry_SYSCALL_64_after_swapgs;do_syscall_64;sys_read;vfs_read;seq_read;memcg_stat_show";
const IDLE: &str = "start_secondary;cpu_startup_entry;default_idle_call;arch_cpu_idle;default_idle";
const DEVICE_INTERRUPT: &str = "common_interrupt;do_IRQ;irq_exit;__do_softirq";
const TIMER_INTERRUPT: &str =
    "apic_timer_interrupt;smp_apic_timer_interrupt;local_apic_timer_interrupt;hrtimer_interrupt";
const NET_RX: &str = "net_rx_action;ixgbe_poll;ixgbe_clean_rx_irq";
const RUN_KSOFTIRQD: &str = "ret_from_fork;kthread;smpboot_thread_fn;run_ksoftirqd;__do_softirq";

/// Work of a task: weight, user frames (root first, numbers of functions), and the path of a system
/// call, or none.
type Work = (u64, &'static [u64], &'static str);

const NGINX_WORK: [Work; 10] = [
    (30, &[1, 2, 3, 4, 5], ""),
    (22, &[1, 2, 3, 4, 6, 7], ""),
    (12, &[1, 2, 8, 9], ""),
    (
        10,
        &[1, 2, 3, 10],
        "sys_writev;vfs_writev;do_readv_writev;sock_write_iter;sock_sendmsg;tcp_sendmsg;tcp_push;tcp_write_xmit",
    ),
    (
        6,
        &[1, 2, 3, 10],
        "sys_writev;vfs_writev;do_readv_writev;sock_write_iter;sock_sendmsg;tcp_sendmsg;copy_from_iter",
    ),
    (7, &[1, 2, 11], "sys_epoll_wait;ep_poll;ep_scan_ready_list.constprop.12;ep_send_events_proc"),
    (3, &[1, 2, 11], "sys_epoll_wait;ep_poll;schedule_hrtimeout_range;schedule;__schedule"),
    (
        5,
        &[1, 2, 3, 12],
        "sys_read;vfs_read;__vfs_read;new_sync_read;sock_read_iter;sock_recvmsg;inet_recvmsg;tcp_recvmsg",
    ),
    (
        3,
        &[1, 2, 3, 12],
        "sys_read;vfs_read;__vfs_read;new_sync_read;sock_read_iter;sock_recvmsg;security_socket_recvmsg",
    ),
    (
        2,
        &[1, 2, 3, 13],
        "sys_sendfile64;do_sendfile;do_splice_direct;splice_direct_to_actor;generic_file_splice_read",
    ),
];

/// The work of cadvisor when it does not stall the CPU.
const CADVISOR_WORK: [Work; 6] = [
    (40, &[1, 2, 3, 30, 31], ""),
    (20, &[1, 2, 3, 30, 32, 33], ""),
    (12, &[1, 40, 41], ""),
    (
        12,
        &[1, 2, 3, 4, 5, 6],
        "sys_read;vfs_read;kernfs_fop_read;seq_read;kernfs_seq_show;cgroup_seqfile_show;cpuacct_stats_show",
    ),
    (8, &[1, 2, 3, 4, 5, 6], "sys_read;vfs_read;__vfs_read;proc_reg_read;seq_read;show_stat"),
    (8, &[1, 2, 3, 4, 7], "sys_openat;do_sys_open;do_filp_open;path_openat;link_path_walk"),
];

/// The work of a network softirq below [`NET_RX`]: weight, path.
const PACKETS: [(u64, &str); 5] = [
    (30, ""),
    (
        25,
        ";napi_gro_receive;netif_receive_skb_internal;__netif_receive_skb_core;ip_rcv;ip_local_deliver;tcp_v4_rcv",
    ),
    (
        20,
        ";napi_gro_receive;netif_receive_skb_internal;__netif_receive_skb_core;ip_rcv;nf_hook_slow;ipt_do_table",
    ),
    (
        15,
        ";napi_gro_receive;netif_receive_skb_internal;__netif_receive_skb_core;ip_rcv;ip_local_deliver;icmp_rcv;icmp_echo",
    ),
    (10, ";__napi_alloc_skb"),
];

/// Why ksoftirqd runs when there is no stall.
const OTHER_SOFTIRQS: [(u64, &str); 4] = [
    (3, "run_timer_softirq;call_timer_fn;process_timeout"),
    (2, "run_timer_softirq;call_timer_fn;delayed_work_timer_fn;__queue_work"),
    (3, "rcu_process_callbacks;file_free_rcu;kmem_cache_free"),
    (2, "rcu_process_callbacks;__d_free;kmem_cache_free"),
];

/// The investigation of 2019 as a recording: `perf record -C 11 -g -F 999` on a 4.9 kernel, and its
/// kallsyms.
///
/// 20 s of one CPU that nginx keeps busy and that sleeps in between (event `cycles`: a sleeping CPU
/// has no samples). Nine times cadvisor reads a `memory.stat` for 100 to 200 ms, softirqs pile up,
/// and ksoftirqd/11 handles the network's when the read is done. Fifteen more runs of ksoftirqd/11,
/// for timers and RCU, are unrelated; each is more than 150 ms away from any stall. The bytes are
/// always the same.
pub fn post_2019() -> (Vec<u8>, String) {
    let node = Node::live();
    (node.file.build(), node.kernel.kallsyms())
}

/// The truth about [`post_2019`]: the time of each stall, from the entry of the read to ksoftirqd's
/// first sample, ns.
pub fn post_2019_stalls() -> Vec<Range<u64>> {
    Node::live().stalls
}

/// The truth about [`post_2019`]: the times of the first samples of ksoftirqd's runs that follow no
/// stall, ns.
pub fn post_2019_innocent_runs() -> Vec<u64> {
    Node::live().innocent
}

/// An event that is due on the CPU at some time.
#[derive(Clone, Copy, PartialEq)]
enum Due {
    Stall,
    Softirqs,
}

/// The node: its CPU 11, the time there, and what was recorded so far.
struct Node {
    file: Builder,
    kernel: Kernel,
    dice: Dice,
    now: u64,
    stalls: Vec<Range<u64>>,
    innocent: Vec<u64>,
}

impl Node {
    fn live() -> Self {
        let mut node = Node {
            file: Builder::new(),
            kernel: Kernel::new(),
            dice: Dice::new(0x2019_0011_0999_0100),
            now: START,
            stalls: Vec::new(),
            innocent: Vec::new(),
        };
        node.header();
        node.tasks();
        node.rounds();
        node.file.finished_round();
        node
    }

    /// Features as perf of that kernel wrote them: 112 bytes of attributes, no SAMPLE_TIME and no
    /// CLOCK_DATA.
    fn header(&mut self) {
        let perf = ["/usr/bin/perf_4.9", "record", "-C", "11", "-g", "-F", "999", "--", "sleep", "20"];
        self.file
            .attr_size(112)
            .event(Event::cycles().freq(999).ids(&[2817]))
            .hostname("node-7f3a.cp1-iad.example.net")
            .os_release("4.9.0-8-amd64")
            .perf_version("4.9.130")
            .arch("x86_64")
            .cpus(40, 40)
            .cmdline(&perf)
            .event_desc()
            .kernel_build_id(&[0x49; 20]);
    }

    /// The state of the node when the recording began, in records that perf makes up.
    fn tasks(&mut self) {
        self.file.kernel_map(&self.kernel);
        self.file.fork(KSOFTIRQD, (2, 2)).comm(KSOFTIRQD, "ksoftirqd/11");
        self.file.fork(NGINX, (2230, 2230)).comm(NGINX, "nginx");
        self.file.mmap2(Mmap::new(NGINX.0, "/usr/sbin/nginx", NGINX_TEXT, 0xe_0000));
        for thread in CADVISOR {
            self.file.fork(thread, if thread.0 == thread.1 { (1, 1) } else { CADVISOR[0] });
            self.file.comm(thread, "cadvisor");
        }
        self.file.mmap2(Mmap::new(CADVISOR[0].0, "/usr/bin/cadvisor", CADVISOR_TEXT, 0xf0_0000));
    }

    /// The 20 s: nginx's requests, sleep between them, and events when they are due.
    fn rounds(&mut self) {
        let mut due = self.schedule();
        due.reverse();
        let mut round = 0;
        while self.now < START + DURATION - 20 * MS {
            match due.last() {
                Some((at, Due::Stall)) if *at <= self.now => self.stall(),
                Some((at, Due::Softirqs)) if *at <= self.now => self.other_softirqs(),
                _ => {
                    self.ordinary();
                    round += 1;
                    if round % 64 == 0 {
                        self.file.finished_round();
                    }
                    continue;
                }
            }
            due.pop();
        }
        assert!(due.is_empty(), "everything has happened in time");
    }

    /// Nine stalls about two seconds apart, and 15 softirq runs away from any stall.
    fn schedule(&mut self) -> Vec<(u64, Due)> {
        let mut due = Vec::new();
        for index in 0..9 {
            due.push((START + (1200 + index * 2080 + self.dice.within(0..500)) * MS, Due::Stall));
        }
        while due.len() < 24 {
            let at = START + self.dice.within(300 * MS..DURATION - 300 * MS);
            // A stall lasts at most 200 ms, ordinary work delays it by up to 20 ms, and ksoftirqd
            // follows.
            let near = |due: &(u64, Due)| match due.1 {
                Due::Stall => at + 200 * MS > due.0 && at < due.0 + 400 * MS,
                Due::Softirqs => at.abs_diff(due.0) < 150 * MS,
            };
            if !due.iter().any(near) {
                due.push((at, Due::Softirqs));
            }
        }
        due.sort_unstable_by_key(|(at, _)| *at);
        due
    }

    /// About 10 ms: requests, now and then a little of cadvisor, then sleep.
    fn ordinary(&mut self) {
        for _ in 0..self.dice.within(2..9) {
            let (_, user, path) = *self.dice.pick(&NGINX_WORK, |work| work.0);
            let is_interrupted = self.dice.within(0..100) < 3;
            self.work(Program::NGINX, user, path, is_interrupted);
        }
        if self.dice.within(0..12) == 0 {
            let thread = CADVISOR[self.dice.within(0..4) as usize];
            for _ in 0..self.dice.within(1..4) {
                let (_, user, path) = *self.dice.pick(&CADVISOR_WORK, |work| work.0);
                self.work(Program::cadvisor(thread), user, path, false);
            }
        }
        self.sleep();
    }

    /// One sample of ordinary work, or of packets that arrive during it.
    fn work(&mut self, program: Program, user: &[u64], path: &str, is_interrupted: bool) {
        let mut kernel = if path.is_empty() { String::new() } else { format!("{ENTRY};{path}") };
        if is_interrupted {
            let softirq = self.net_rx();
            let separator = if kernel.is_empty() { "" } else { ";" };
            kernel += &format!("{separator}{DEVICE_INTERRUPT};{softirq}");
        }
        self.tick(program, &kernel, user);
    }

    /// The CPU halts, and has no cycles to sample; a sample may fall on the way in or out, or on an
    /// interrupt.
    fn sleep(&mut self) {
        self.now += self.dice.within(MS..6 * MS);
        match self.dice.within(0..10) {
            0 => self.tick(Program::of_kernel(SWAPPER), IDLE, &[]),
            1 => self.tick(
                Program::of_kernel(SWAPPER),
                "start_secondary;cpu_startup_entry;tick_nohz_idle_enter",
                &[],
            ),
            2 => {
                let softirq = self.net_rx();
                self.tick(Program::of_kernel(SWAPPER), &format!("{IDLE};{DEVICE_INTERRUPT};{softirq}"), &[]);
            }
            _ => return,
        }
        self.now += self.dice.within(MS / 10..MS);
    }

    /// One read of memory.stat on a node with too many dead cgroups, and its effect on the network.
    fn stall(&mut self) {
        let thread = CADVISOR[self.dice.within(0..4) as usize];
        let user = [1, 2, 3, 4, 5, 20 + self.dice.within(0..3)];
        let begin = self.now;
        let end = begin + self.dice.within(105 * MS..190 * MS);
        while self.now < end {
            let kernel = self.reading();
            self.tick(Program::cadvisor(thread), &kernel, &user);
        }
        for _ in 0..self.dice.within(1..3) {
            let softirq = self.net_rx();
            let kernel = format!("{STALL};mem_cgroup_iter;{DEVICE_INTERRUPT};{softirq}");
            self.tick(Program::cadvisor(thread), &kernel, &user);
        }
        for sample in 0..self.dice.within(2..9) {
            let softirq = self.net_rx();
            self.tick(Program::of_kernel(KSOFTIRQD), &format!("{RUN_KSOFTIRQD};{softirq}"), &[]);
            if sample == 0 {
                self.stalls.push(begin..self.now);
            }
        }
    }

    fn net_rx(&mut self) -> String {
        format!("{NET_RX}{}", self.dice.pick(&PACKETS, |packet| packet.0).1)
    }

    /// The path of the read: in one of its two callees, in itself, or interrupted by the timer.
    fn reading(&mut self) -> String {
        let inside = match self.dice.within(0..100) {
            0..43 => ";mem_cgroup_nr_lru_pages;mem_cgroup_node_nr_lru_pages",
            43..50 => ";mem_cgroup_nr_lru_pages",
            50..90 => ";mem_cgroup_iter",
            _ => "",
        };
        let interrupt = match self.dice.within(0..100) {
            0..2 => format!(
                ";{TIMER_INTERRUPT};__hrtimer_run_queues;tick_sched_timer;update_process_times;scheduler_tick"
            ),
            2..3 => format!(";{TIMER_INTERRUPT};ktime_get_update_offsets_now"),
            _ => String::new(),
        };
        format!("{STALL}{inside}{interrupt}")
    }

    /// ksoftirqd runs for one or two samples because of many timers or RCU callbacks at once.
    fn other_softirqs(&mut self) {
        for sample in 0..self.dice.within(1..3) {
            let softirq = self.dice.pick(&OTHER_SOFTIRQS, |action| action.0).1;
            self.tick(Program::of_kernel(KSOFTIRQD), &format!("{RUN_KSOFTIRQD};{softirq}"), &[]);
            if sample == 0 {
                self.innocent.push(self.now);
            }
        }
    }

    /// The CPU is busy until the next sample, which is here. `user` are numbers of functions in the
    /// program.
    fn tick(&mut self, program: Program, kernel: &str, user: &[u64]) {
        self.now += INTERVAL - 8_000 + self.dice.within(0..16_000);
        let kernel = if kernel.is_empty() { Vec::new() } else { self.kernel.stack(kernel) };
        let user: Vec<u64> = user.iter().map(|function| program.text + function * 0x640 + 0x1f).collect();
        // 999 samples a second of 2.6 GHz; the kernel adjusts the period around that.
        let period = 2_602_602 - 40_000 + self.dice.within(0..80_000);
        let sample = Sample::new(program.task).kernel(&kernel).user(&user).period(period);
        self.file.at(CPU, self.now).sample(sample);
    }
}
