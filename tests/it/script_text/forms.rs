//! Texts that went through an editor, a terminal, another perf or `2>&1` before they came here.

use serde_json::Value;
use stallgraph::load;
use stallgraph::model::Sample;

use super::texts::{KERNEL, USER, check, on, stdout_on};

/// A sample as perf prints it by default.
fn sample(comm: &str, us: u32, frames: &str) -> String {
    format!("{comm} 7 [002] 3.{us:06}:    1001001 cpu-clock: \n{frames}\n")
}

/// Editors, gists and git hooks remove the empty line at the end of a text.
#[test]
fn the_last_stack_needs_no_empty_line() {
    let chain = &format!("{KERNEL}{USER}");
    let kthread = "\tffffffff810d5555 kthread+0x55 ([kernel.kallsyms])\n";
    let text = sample("a", 1, chain) + &sample("ksoftirqd/2", 2, &format!("{KERNEL}{kthread}"));
    let expected = "a;main;vfs_read 1\nksoftirqd/2;kthread;vfs_read 1\n";
    for ending in ["\n\n", "\n", "", "\n\n\n", "\n  \n", "\r\n"] {
        let text = format!("{}{ending}", text.trim_end());
        assert_eq!(stdout_on(text.as_bytes(), "collapse", &[]), expected, "{ending:?}");
        // The only sample too.
        let only = format!("{}{ending}", sample("a", 1, chain).trim_end());
        assert_eq!(stdout_on(only.as_bytes(), "collapse", &[]), "a;main;vfs_read 1\n", "{ending:?}");
    }
    let unknown = "\t 6ce258d4c544155 [unknown] ([unknown])";
    let text = format!("{}{unknown}", sample("a", 1, KERNEL).trim_end_matches('\n').to_owned() + "\n");
    assert_eq!(stdout_on(text.as_bytes(), "collapse", &[]), "a;[unknown];vfs_read 1\n");
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
        "/var/cache/debug/.build-id/3f/9c/vmlinux",
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
    let user = "\t          11a340 f (/opt/vmlinux/bin/a)\n\t           7b2c3 main (/usr/bin/a)\n";
    let user = sample("a", 1, user);
    assert_eq!(stdout_on(user.as_bytes(), "collapse", &["--kernel-suffix"]), "a;main;f 1\n");
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

const FIELDS: [&str; 2] = ["-F", "tid,stack"];

/// perf up to 3.2 prints neither CPU nor time by default, and other perfs may be asked not to.
#[test]
fn headers_without_a_time_are_read_in_any_indentation() {
    let frames = [
        "7f0043200000 Foo::bar(int) (/usr/lib/libjvm.so)",
        "7f00432b4e90 start_thread (/lib/libpthread-2.15.so)",
    ];
    for (header, tid) in [
        ("java 4711 cycles: ", "4711"),
        ("java 4711     250000 cycles: ", "4711"),
        ("java  4711/4711 cycles:", "4711"),
        ("java     250000 cycles:", "-1"),
        ("java  4711", "4711"),
        ("java", "-1"),
        ("java 4711 [001] cycles:", "4711"),
    ] {
        for indent in ["\t    ", "            ", "   ", ""] {
            for between in ["\n", ""] {
                let sample: String = frames.iter().map(|frame| format!("{indent}{frame}\n")).collect();
                let text = format!("{header}\n{sample}{between}").repeat(3);
                let run = on(text.as_bytes(), "collapse", &[&FIELDS[..], &["--file-order"]].concat());
                let expected = format!("{tid}\tjava;start_thread;Foo::bar(int)\n").repeat(3);
                assert_eq!(
                    (run.code, run.stdout.as_str()),
                    (Some(0), expected.as_str()),
                    "{text}{}",
                    run.stderr
                );
            }
        }
    }
    let weighed = "java 4711     250000 cycles: \n            7f0043200000 f (/x)\n            7f0043200010 main (/x)\n\n";
    assert_eq!(
        stdout_on(weighed.as_bytes(), "collapse", &["--file-order", "--weight", "period"]),
        "java;main;f 250000\n"
    );
}

/// Mail programs, chats and wikis remove indentation, `grep .` and some of them empty lines too.
#[test]
fn trimmed_lines_are_read() {
    let chain = "\tffffffff81690718 vfs_read+0x1f ([kernel.kallsyms])\n\
                 \t           7b2c3 f(int, char)+0xd3 (/usr/bin/a)\n\
                 \t           7b2c3 inner (inlined)\n\
                 \t               0 [unknown] ([unknown])\n\
                 \t          401000 [unknown] (/usr/bin/b)\n";
    let without_modules =
        "\tffffffff81690718 vfs_read\n\t           7b2c3 f(int, char)\n\t          401000 main\n";
    let at = |us| format!("a b 7/8 [002] 3.{us:06}: 5 cycles: \n");
    for (chain, stack) in [
        (chain, "[b];[unknown];inner;f(int, char);vfs_read"),
        (without_modules, "main;f(int, char);vfs_read"),
    ] {
        let text = format!("{}{chain}\n{}{chain}\n{}{chain}\n", at(1), at(2), at(3));
        let trimmed: String = text.lines().map(|line| format!("{}\n", line.trim())).collect();
        let expected = format!("a_b;{stack} 1\n").repeat(3);
        let dense: String =
            trimmed.lines().filter(|line| !line.is_empty()).map(|line| format!("{line}\n")).collect();
        for text in [&text, &trimmed, &dense] {
            assert_eq!(&stdout_on(text.as_bytes(), "collapse", &[]), &expected, "{text}");
        }
    }
    // With lines of source.
    let source = "a 1 [0] 1.000000: cycles:\n7b2c3 f\na/b.c:12\n7b2d3 main\na/b.c:20\n\n";
    assert_eq!(stdout_on(source.as_bytes(), "collapse", &[]), "a;main;f 1\n");
}

const LONG: &str = "\t    7f10000a0b1c std::vector<int, std::allocator<int> >::push_back(int const&)+0x1c (/usr/lib/x86_64-linux-gnu/liblong.so.6)\n";

/// The text with lines of at most `width` characters, broken anywhere as a terminal does it.
fn broken_at(text: &str, width: usize) -> String {
    let pieces = |line: &str| -> String {
        let line: Vec<char> = line.replace('\t', "        ").chars().collect();
        line.chunks(width).map(|piece| piece.iter().collect::<String>() + "\n").collect()
    };
    text.lines().map(|line| if line.is_empty() { "\n".to_owned() } else { pieces(line) }).collect()
}

/// The text with lines broken at spaces, as mail programs do it.
fn wrapped_at(text: &str, width: usize) -> String {
    let mut wrapped = String::new();
    for line in text.lines() {
        let mut line = line.replace('\t', "        ");
        while line.len() > width {
            let indent = line.len() - line.trim_start().len();
            let Some(space) = line[..width].rfind(' ').filter(|space| *space > indent + 16) else { break };
            wrapped += &format!("{}\n", &line[..space]);
            line = line[space + 1..].to_owned();
        }
        wrapped += &format!("{line}\n");
    }
    wrapped
}

/// The stacks in a text, and what is said of it.
fn stacks_in(text: &str) -> (Vec<String>, String) {
    let loaded = load::load_bytes(text.as_bytes(), "text".as_ref(), &load::Options::default(), &|_, _, _| {});
    let recording = loaded.unwrap_or_else(|error| panic!("{error}: {text}"));
    assert_eq!(recording.tally.records, recording.tally.accounted(), "{text}");
    let stack = |sample: &Sample| {
        let functions = recording.functions_root_first(sample.stack);
        let names = functions.iter().map(|id| recording.name(recording.function(*id).name));
        std::iter::once(recording.comm(sample.task)).chain(names).collect::<Vec<_>>().join(";")
    };
    let stacks = recording.timelines.iter().flat_map(|timeline| timeline.samples.iter().map(stack)).collect();
    let said: Vec<String> =
        recording.diagnostics.iter().map(|one| format!("{:?} {}", one.severity, one.sentence())).collect();
    (stacks, said.join("\n"))
}

#[test]
fn wrapped_lines_are_read_or_told() {
    let text: String = (0..9).map(|us| sample("a", us, &format!("{KERNEL}{LONG}{USER}"))).collect();
    let right = "a;main;std::vector<int, std::allocator<int> >::push_back(int const&);vfs_read";
    let says = ["Error", "broken in two", "a terminal or a mail program has wrapped long lines"];
    for width in 62..140 {
        for text in [broken_at(&text, width), wrapped_at(&text, width)] {
            let trimmed: String = text.lines().map(|line| format!("{}\n", line.trim())).collect();
            for text in [text, trimmed] {
                let (stacks, said) = stacks_in(&text);
                let is_told = stacks.is_empty() && says.iter().all(|words| said.contains(words));
                assert!(
                    is_told || stacks == [right; 9] && said.is_empty(),
                    "{width}: {text}{stacks:?} {said}"
                );
            }
        }
    }
    let run = on(broken_at(&text, 80).as_bytes(), "window", &[]);
    assert_eq!((run.code, run.stdout.as_str()), (Some(2), ""));
    assert!(says[1..].iter().all(|words| run.stderr.contains(words)), "{}", run.stderr);
    // Where only the module stands on a line of its own, nothing is missing.
    let unknown =
        sample("a", 1, "\t           7b2c3 [unknown] (/usr/bin/a)\n\t           7b2c3 main (/usr/bin/a)\n");
    for text in [unknown.replace(" (", "\n("), unknown.replace(" (", "\n    (")] {
        assert_eq!(stdout_on(text.as_bytes(), "collapse", &[]), "a;main;[a] 1\n", "{text}");
    }
    // A few samples with longer names do not stop the others.
    let mixed = (0..300).map(|us| sample("a", us, KERNEL)).collect::<String>()
        + &broken_at(&sample("b", 300, LONG), 80);
    let run = on(mixed.as_bytes(), "collapse", &[]);
    assert_eq!((run.code, run.stdout.lines().count()), (Some(0), 300), "{}", run.stderr);
    assert!(
        run.stderr.contains("1 records were rejected: a line of the call chain is broken in two"),
        "{}",
        run.stderr
    );
}

/// perf writes its text in blocks and its messages at once, so with `2>&1` a message may stand
/// anywhere. No stack may come out shorter than it is, or with another name.
#[test]
fn messages_within_the_text_change_no_stack() {
    let chain = &format!("{KERNEL}\tffffffff81200777 ksys_read+0x77 ([kernel.kallsyms])\n{USER}");
    let text: String = (0..3).map(|us| sample("ab", us, chain)).collect();
    let messages = [
        "Failed to open /tmp/perf-4000.map, continuing without symbols\n",
        "[nf_nat] with build id 5a20f6299bdb955a2f07711bb7f65cd706fe7469 not found, continuing without symbols\n",
        "Warning:\nProcessed 12 events and lost 1 chunks!\n\nCheck IO/CPU overload!\n\n",
    ];
    for message in messages {
        for at in 0..=text.len() {
            let mixed = format!("{}{message}{}", &text[..at], &text[at..]);
            let (stacks, said) = stacks_in(&mixed);
            let fewest = if at == 0 || text[..at].ends_with("\n\n") { 3 } else { 2 };
            assert!((fewest..=3).contains(&stacks.len()), "{mixed}{stacks:?} {said}");
            assert!(
                stacks.iter().all(|stack| stack == "ab;main;ksys_read;vfs_read"),
                "{mixed}{stacks:?} {said}"
            );
            assert!(!said.is_empty(), "{mixed}");
        }
    }
}
