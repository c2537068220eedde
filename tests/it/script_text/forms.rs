//! Texts that went through an editor, a terminal, another perf or `2>&1` before they came here.

use serde_json::Value;

use super::texts::{KERNEL, USER, check, on, stdout_on};

/// A sample as perf prints it by default.
fn sample(comm: &str, us: u32, frames: &str) -> String {
    format!("{comm} 7 [002] 3.{us:06}:    1001001 cpu-clock: \n{frames}\n")
}

/// Editors, gists and git hooks remove the empty line at the end of a text.
#[test]
fn the_last_stack_needs_no_empty_line() {
    let chain = &format!("{KERNEL}{USER}");
    let text = sample("a", 1, chain) + &sample("ksoftirqd/2", 2, KERNEL);
    let expected = "a;main;vfs_read 1\nksoftirqd/2;vfs_read 1\n";
    for ending in ["\n\n", "\n", "", "\n\n\n", "\n  \n", "\r\n"] {
        let text = format!("{}{ending}", text.trim_end());
        assert_eq!(stdout_on(text.as_bytes(), "collapse", &[]), expected, "{ending:?}");
        // The only sample too.
        let only = format!("{}{ending}", sample("a", 1, chain).trim_end());
        assert_eq!(stdout_on(only.as_bytes(), "collapse", &[]), "a;main;vfs_read 1\n", "{ending:?}");
    }
    // Nothing but the header of a sample, where other samples have no call chain either.
    let headers = "a 1 [0] 1.000000: cycles: \na 1 [0] 2.000000: cycles: \n";
    let info: Value =
        serde_json::from_str(&stdout_on(headers.as_bytes(), "info", &["--format", "json"])).expect("JSON");
    assert_eq!(info["records"]["samples"], 2);
}

#[test]
fn a_last_line_that_is_cut_is_no_frame() {
    let chain = &format!("{KERNEL}{USER}");
    let text = sample("a", 1, chain) + &sample("b", 2, KERNEL) + sample("c", 3, chain).trim_end();
    let first = sample("a", 1, chain).len() + sample("b", 2, KERNEL).len();
    for cut in 1..text.len() - first {
        let text = &text[..text.len() - cut];
        let run = on(text.as_bytes(), "collapse", &[]);
        let expected = match text.strip_suffix(KERNEL.trim_end()).or(text.strip_suffix(KERNEL)) {
            // b shows that a call chain may end here.
            Some(_) => (Some(0), "a;main;vfs_read 1\nb;vfs_read 1\nc;vfs_read 1\n"),
            None => (Some(3), "a;main;vfs_read 1\nb;vfs_read 1\n"),
        };
        assert_eq!((run.code, run.stdout.as_str()), expected, "{text}: {}", run.stderr);
        assert!(run.code == Some(0) || run.stderr.contains("cut short"), "{text}: {}", run.stderr);
    }
}

#[test]
fn frames_of_a_vmlinux_are_the_kernels() {
    let files = [
        "/usr/lib/debug/lib/modules/4.3.0-7/vmlinux",
        "/usr/lib/debug/boot/vmlinux-4.9.0-3-amd64",
        "/usr/lib/debug/boot/vmlinux-5.4.0.debug",
        "vmlinux",
        "[kernel.vmlinux]",
        "/root/.debug/.build-id/3f/9c/vmlinux",
        "/proc/kcore",
        "/usr/lib/debug/lib/modules/4.3.0-7/kernel/net/nf_nat.ko.debug",
    ];
    for file in files {
        let text = sample(
            "a",
            1,
            &format!("\t          11a340 sys_read ({file})\n\t           7b2c3 main (/usr/bin/a)\n"),
        );
        assert_eq!(
            stdout_on(text.as_bytes(), "collapse", &["--kernel-suffix"]),
            "a;main;sys_read_[k] 1\n",
            "{file}"
        );
    }
    let user = sample("a", 1, "\t          11a340 f (/opt/vmlinux/bin/a)\n");
    assert_eq!(stdout_on(user.as_bytes(), "collapse", &["--kernel-suffix"]), "a;f 1\n");
}

/// perf 4.3 found a vmlinux and printed addresses in that file: the system call has its name, and
/// idle is idle.
#[test]
fn low_addresses_of_a_vmlinux_name_the_culprit() {
    let kernel = |functions: &[&str]| -> String {
        let line =
            |name: &&str| format!("\t          11a340 {name} (/usr/lib/debug/lib/modules/4.3.0-7/vmlinux)\n");
        functions.iter().map(line).collect()
    };
    let read = kernel(&["seq_read", "vfs_read", "sys_read", "entry_SYSCALL_64_fastpath"])
        + "\t            e6d0 __read (/lib/libc-2.21.so)\n";
    let softirq = kernel(&["__do_softirq", "run_ksoftirqd", "kthread", "ret_from_fork"]);
    let idle = kernel(&["native_safe_halt", "default_idle", "cpu_startup_entry"]);
    let mut text = String::new();
    let mut ms = 0;
    for _ in 0..6 {
        for (comm, frames, count) in
            [("swapper", &idle, 300), ("agentd", &read, 100), ("ksoftirqd/2", &softirq, 4)]
        {
            for _ in 0..count {
                ms += 1;
                text += &format!("{comm} 7 [002] {}.{:03}000: cpu-clock: \n{frames}\n", ms / 1000, ms % 1000);
            }
        }
    }
    let report: Value =
        serde_json::from_str(&stdout_on(text.as_bytes(), "window", &["--format", "json"])).expect("JSON");
    let best = &report["ranking"][0];
    let found = ["verdict", "comm", "syscall", "episodes"].map(|field| best[field].clone());
    assert_eq!(found, ["culprit".into(), "agentd".into(), "read".into(), Value::from(6)], "{report:#}");
}

/// `perf script > FILE 2>&1` prints a warning for each file that it cannot open: on a node of
/// containers these are hundreds.
#[test]
fn any_number_of_messages_may_come_first() {
    let warning = "Failed to open /tmp/perf-4000.map, continuing without symbols\n";
    for count in [1, 63, 64, 70, 5000] {
        let text = warning.repeat(count) + &sample("a", 1, KERNEL);
        let run = on(text.as_bytes(), "collapse", &[]);
        assert_eq!((run.code, run.stdout.as_str()), (Some(0), "a;vfs_read 1\n"), "{}", run.stderr);
        let lines = if count == 1 { "line was" } else { "lines were" };
        let says = format!("{count} {lines} not printed by perf script, first in line 1");
        assert!(run.stderr.contains(&says), "{}", run.stderr);
    }
}

/// As Android's simpleperf prints them: a tab after the comm.
#[test]
fn samples_of_simpleperf_are_read() {
    check(
        "com.maps\t7/8 [007] 911.000000: 201198 cpu-clock:\n\
        \x20       ffffffd00a1b2c3c __schedule ([kernel.kallsyms])\n\
        \x20             7c11223360 syscall (/apex/com.android.runtime/lib64/bionic/libc.so)\n\
        \x20               5a41fd30 java.lang.String.hashCode ([JIT app cache])\n\n",
        &["7 911.000000000 7 8 com.maps;java.lang.String.hashCode;syscall;__schedule"],
    );
}
