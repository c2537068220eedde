//! Programs that have the name of a kernel thread: they start no window, hide no culprit, and are
//! named in a warning.

use std::fs;
use std::process::{Command, Stdio};

use crate::support::builder::{Builder, Event, Kernel, Mmap, Sample, Task};
use crate::support::{MadeUp, run, stallgraph, stdout_of};
use serde_json::Value;

const CPU: u32 = 0;
const KTHREADD: Task = (2, 2);
const KSOFTIRQD: Task = (14, 14);
const AGENT: Task = (200, 200);
const ENVOY: Task = (300, 300);
const IMPOSTOR: Task = (666, 666);

/// A node on which `agent` stalls packets, and ksoftirqd works them off. Between stalls another
/// task runs, right after `envoy`.
struct Node {
    file: Builder,
    kernel: Kernel,
    now_ns: u64,
}

impl Node {
    fn new() -> Node {
        let (mut file, kernel) = (Builder::new(), Kernel::new());
        file.event(Event::cpu_clock().freq(1000)).os_release("6.12.0").arch("x86_64").kernel_map(&kernel);
        file.fork(KSOFTIRQD, KTHREADD);
        for (task, comm) in [(KSOFTIRQD, "ksoftirqd/0"), (AGENT, "agent"), (ENVOY, "envoy")] {
            file.comm(task, comm);
        }
        Node { file, kernel, now_ns: 1_000_000_000 }
    }

    fn run(&mut self, ms: u64, task: Task, kernel: &str, user: &[u64]) {
        let kernel = if kernel.is_empty() { Vec::new() } else { self.kernel.stack(kernel) };
        for _ in 0..ms {
            self.now_ns += 1_000_000;
            let sample = Sample::new(task).kernel(&kernel).user(user).period(1_000_000);
            self.file.at(CPU, self.now_ns).sample(sample);
        }
    }

    fn work(mut self, impostor: impl Fn(&mut Node)) -> MadeUp {
        const SERVE: &str =
            "ret_from_fork;kthread;smpboot_thread_fn;run_ksoftirqd;handle_softirqs;net_rx_action";
        const READ: &str = "entry_SYSCALL_64_after_hwframe;do_syscall_64;__x64_sys_read;vfs_read;slow_show";
        for _ in 0..8 {
            self.run(900, ENVOY, "", &[0x40_2000]);
            impostor(&mut self);
            self.run(700, ENVOY, "", &[0x40_2000]);
            self.run(110, AGENT, READ, &[0x40_1000]);
            self.run(2, KSOFTIRQD, SERVE, &[]);
        }
        MadeUp::write(&self.file.build(), &self.kernel.kallsyms())
    }
}

fn windows(node: &MadeUp) -> Value {
    serde_json::from_str(&stdout_of(node.command("window").args(["--format", "json"]))).expect("JSON")
}

#[track_caller]
fn check(node: &MadeUp, how: &str) {
    let result = windows(node);
    assert_eq!(result["episodes"].as_array().map(Vec::len), Some(8), "{how}");
    let first = &result["ranking"][0];
    assert_eq!((&first["comm"], &first["verdict"]), (&"agent".into(), &"culprit".into()), "{how}");
    let diagnostics = result["diagnostics"].as_array().expect("a list");
    let warning = diagnostics.iter().find(|diagnostic| diagnostic["code"] == "impostors");
    let message = warning.expect(how)["message"].as_str().expect("a message");
    assert!(message.starts_with("ksoftirqd/0 (pid 666): "), "{how}: {message}");
    // Nor is it found by its name.
    let named = stdout_of(node.command("window").args(["--trigger", "^ksoftirqd", "--format", "json"]));
    let named: Value = serde_json::from_str(&named).expect("JSON");
    assert_eq!(named["episodes"], result["episodes"], "{how}");
}

#[test]
fn a_kernel_thread_is_believed() {
    let result = windows(&Node::new().work(|_| {}));
    assert_eq!(result["episodes"].as_array().map(Vec::len), Some(8));
    assert_eq!(result["diagnostics"], Value::Array(Vec::new()));
}

#[test]
fn what_shows_that_a_task_is_a_program() {
    let in_user_space = |node: &mut Node| node.run(3, IMPOSTOR, "", &[0x40_3000]);
    let in_a_call = |node: &mut Node| {
        node.run(3, IMPOSTOR, "entry_SYSCALL_64_after_hwframe;do_syscall_64;__x64_sys_nanosleep", &[]);
    };
    // Its samples tell nothing: an interrupt's return, without a frame of what it interrupted.
    let in_the_kernel = |task| move |node: &mut Node| node.run(3, task, "handle_softirqs;net_rx_action", &[]);
    let impostor = |add: &dyn Fn(&mut Builder)| {
        let mut node = Node::new();
        node.file.comm(IMPOSTOR, "ksoftirqd/0");
        add(&mut node.file);
        node
    };

    check(&impostor(&|_| {}).work(in_user_space), "samples in user space");
    check(&impostor(&|_| {}).work(in_a_call), "samples in a system call");
    let map = |file: &mut Builder| {
        file.mmap2(Mmap::new(IMPOSTOR.0, "/tmp/x", 0x40_0000, 0x1000));
    };
    check(&impostor(&map).work(in_the_kernel(IMPOSTOR)), "a program is mapped");
    let child = |file: &mut Builder| {
        file.fork(IMPOSTOR, ENVOY).comm(IMPOSTOR, "ksoftirqd/0");
    };
    check(&impostor(&child).work(in_the_kernel(IMPOSTOR)), "its parent is a program");
    let thread = (IMPOSTOR.0, IMPOSTOR.1 + 1);
    let of_process = |file: &mut Builder| {
        file.comm(thread, "ksoftirqd/0");
    };
    check(&impostor(&of_process).work(in_the_kernel(thread)), "a thread of a process");
    // Kernel threads make no programs' processes, but kworkers make those of the kernel's helpers.
    let helper = |file: &mut Builder| {
        file.fork((50, 50), KTHREADD).comm((50, 50), "kworker/u4:1");
        file.fork(IMPOSTOR, (50, 50)).comm(IMPOSTOR, "ksoftirqd/0");
        map(file);
    };
    check(&impostor(&helper).work(in_the_kernel(IMPOSTOR)), "a helper that renamed itself");
}

#[test]
fn a_helper_of_the_kernel_is_no_impostor() {
    let mut node = Node::new();
    node.file.fork((50, 50), KTHREADD).comm((50, 50), "kworker/u4:1");
    // It has the kworker's comm until it executes its program.
    node.file.fork((51, 51), (50, 50)).comm((51, 51), "modprobe");
    node.file.mmap2(Mmap::new(51, "/sbin/modprobe", 0x40_0000, 0x1000));
    let node = node.work(|node| node.run(2, (51, 51), "", &[0x40_0100]));
    assert_eq!(windows(&node)["diagnostics"], Value::Array(Vec::new()));
}

#[test]
fn a_kernel_thread_with_a_damaged_chain_is_believed() {
    // vhost and others work in a process's address space, whose frames older kernels add.
    let stack = "ret_from_fork;kthread;smpboot_thread_fn;run_ksoftirqd;handle_softirqs";
    let result = windows(&Node::new().work(|node| node.run(2, KSOFTIRQD, stack, &[0x40_1000])));
    assert_eq!(result["episodes"].as_array().map(Vec::len), Some(16));
    assert_eq!(result["diagnostics"], Value::Array(Vec::new()));
}

#[test]
fn text_shows_a_program_too() {
    let user = "\t           401000 main+0x0 (/usr/bin/x)\n";
    let text = |printed: &str| {
        (0..40).map(|at| format!("{printed} [000] 1.{at:06}: cycles: \n{user}\n")).collect::<String>()
    };
    for (printed, says) in [
        ("ksoftirqd/0 66/66", "ksoftirqd/0 (pid 66): a program"),
        ("ksoftirqd/0 66", "ksoftirqd/0: a program"),
        ("kworker/0:1-ev 66/67", "kworker/0:1-ev (pid 66): a program"),
        ("swapper/0 66/66", "swapper/0 (pid 66): a program"),
    ] {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let file = folder.path().join("perf.txt");
        fs::write(&file, text(printed)).expect("it can be written");
        let run = run(stallgraph().arg("window").arg(&file));
        assert!(run.stdout.contains("no episode") && run.stdout.contains(says), "{printed}: {run:?}");
    }
}

#[test]
fn a_program_of_this_machine_that_calls_itself_ksoftirqd() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("perf.data");
    let spin = "echo ksoftirqd/0 > /proc/self/comm; while :; do :; done";
    let mut perf = Command::new("perf");
    perf.args(["record", "-a", "-g", "-e", "cpu-clock", "-F", "499", "-o"]).arg(&file);
    perf.args(["--", "timeout", "0.5", "sh", "-c", spin]).stdin(Stdio::null());
    if !perf.output().is_ok_and(|_| file.exists()) {
        eprintln!("SKIPPED: perf cannot record here");
        return;
    }
    let info = run(stallgraph().arg("info").arg(&file));
    assert!(info.stdout.contains("a program with the name of a kernel thread"), "{info:?}");
}

#[test]
fn a_comm_that_looks_like_a_cell_of_a_report_is_in_quotes() {
    for comm in ["none; nginx 62%", "interrupt", "x (exception)", "a, held CPU 9"] {
        let mut node = Node::new();
        node.file.comm(AGENT, comm).comm(ENVOY, "softirq");
        let node = node.work(|_| {});
        let quoted = format!("\"{comm}\"");
        for command in ["window", "stalls", "check"] {
            let text = run(&mut node.command(command)).stdout.replace("\n          ", " ");
            assert!(text.contains(&quoted), "{command}: {text}");
            let bare = text.replace(&quoted, "");
            assert!(!bare.contains(comm), "{command}: {bare}");
        }
        let collapsed = stdout_of(&mut node.command("collapse"));
        assert!(!collapsed.contains('"'), "folded stacks are for programs: {collapsed}");
    }
}
