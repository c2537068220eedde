//! `window --lines`: the line of source in the dominating function, from debug information of the
//! recorded kernel only.

use std::fs;
use std::process::{Command, Stdio};

use crate::support::builder::{Builder, Event, Kernel, Sample};
use crate::support::{MadeUp, run, scenes};
use serde_json::Value;

/// Makes a vmlinux with debug information of the functions of `kallsyms`: byte N of `f` is line N +
/// 1 of `a/long/folder/f.c`. `None` without a C compiler.
fn vmlinux(node: &MadeUp, kallsyms: &str, folder: &str, build_id: &str) -> Option<String> {
    let symbols: Vec<(u64, &str)> = kallsyms
        .lines()
        .filter_map(|line| {
            let (address, name) = line.split_once(" T ")?;
            Some((u64::from_str_radix(address, 16).ok()?, name))
        })
        .collect();
    let start = symbols.iter().find(|(_, name)| *name == "_text").expect("_text").0;
    let mut source = String::from(".text\n");
    for (address, name) in &symbols {
        source += &format!(".org {:#x}\n.globl {name}\n.type {name}, @function\n{name}:\n", address - start);
        if !matches!(*name, "_text" | "_etext" | "_stext") {
            source += &format!("# 1 \"{folder}/{name}.c\"\n{}", "nop\n".repeat(64));
        }
    }
    let assembly = node.add("vmlinux.s", source.as_bytes());
    let (object, file) = (assembly.with_extension("o"), assembly.with_file_name("vmlinux"));
    let mut cc = Command::new("cc");
    cc.args(["-g", "-c", "-o"]).arg(&object).arg(&assembly).stderr(Stdio::null());
    // Its folder becomes a part of the paths: that of the sources may be too long for a line.
    cc.current_dir(assembly.parent().expect("a folder"));
    let mut link = Command::new("cc");
    link.args(["-nostdlib", "-static", "-Wl,-e,0", &format!("-Wl,-Ttext={start:#x}")]);
    link.arg(format!("-Wl,--build-id={build_id}")).arg("-o").arg(&file).arg(&object).stderr(Stdio::null());
    let is_made = |command: &mut Command| command.status().is_ok_and(|status| status.success());
    let made = cfg!(target_arch = "x86_64") && is_made(&mut cc) && is_made(&mut link);
    made.then(|| file.display().to_string())
}

#[track_caller]
fn json(node: &MadeUp, options: &[&str]) -> Value {
    let run = run(node.command("window").args(["--format", "json"]).args(options));
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    serde_json::from_str(&run.stdout).expect("JSON")
}

#[test]
fn the_line_of_the_culprit_is_told() {
    let (perf_data, kallsyms) = scenes::post_2019();
    let node = MadeUp::write(&perf_data, &kallsyms);
    let Some(file) = vmlinux(&node, &kallsyms, "mm", "none") else {
        eprintln!("SKIPPED lines of source: needs a C compiler for x86-64");
        return;
    };
    let result = json(&node, &["--lines", "-k", &file]);
    let first = &result["ranking"][0];
    assert_eq!(first["function"], "memcg_stat_show");
    let line = first["line"].as_str().expect("a line");
    assert!(line.contains("mm/memcg_stat_show.c:"), "{line}");
    let dominating = result["episodes"].as_array().expect("a list").iter().find_map(|episode| {
        let dominating = &episode["dominating"];
        (dominating["function"] == "memcg_stat_show").then(|| dominating["line"].as_str())
    });
    assert_eq!(dominating, Some(Some(line)));
    let text = run(node.command("window").args(["--lines", "-k", &file])).stdout;
    assert!(text.lines().any(|shown| shown == format!("  line {line}")), "{text}");
    // Nothing else changes, and without --lines nothing changes at all.
    let without = run(node.command("window").args(["-k", &file])).stdout;
    let other: Vec<&str> = text.lines().filter(|line| !line.starts_with("  line ")).collect();
    assert_eq!(without.lines().collect::<Vec<_>>(), other);
    assert_eq!(json(&node, &["-k", &file])["ranking"][0]["line"], Value::Null);
}

#[test]
fn an_installed_vmlinux_of_the_recorded_build_tells_it_and_no_other() {
    const AGENT: (u32, u32) = (42, 42);
    const KSOFTIRQD: (u32, u32) = (9, 9);
    // The address to which KASLR moved the kernel.
    let mut kernel = Kernel::at(0xffff_ffff_9a00_0000);
    let mut file = Builder::new();
    file.event(Event::cpu_clock().freq(1000)).hostname("elsewhere.example").os_release("6.1.0-test");
    file.arch("x86_64").kernel_map(&kernel).kernel_build_id(&[7; 20]);
    file.comm(AGENT, "agent").comm(KSOFTIRQD, "ksoftirqd/0");
    let path = "entry_SYSCALL_64_after_hwframe;do_syscall_64;__x64_sys_read";
    for ms in 0..100 {
        // Nearly all samples are in what show_all calls, from one of two lines.
        let mut stack = kernel.stack(path);
        stack.push(kernel.ip_at("show_all", if ms % 3 == 0 { 0x08 } else { 0x20 }));
        stack.push(kernel.ip(if ms % 2 == 0 { "print_one" } else { "print_other" }));
        file.at(0, (1000 + ms) * 1_000_000).sample(Sample::new(AGENT).kernel(&stack));
    }
    let stack = kernel.stack("ret_from_fork;kthread;run_ksoftirqd;handle_softirqs;net_rx_action");
    file.at(0, 1_100_000_000).sample(Sample::new(KSOFTIRQD).kernel(&stack));
    let node = MadeUp::write(&file.build(), &kernel.kallsyms());
    let linked = kernel.kallsyms_at(Kernel::DEFAULT_TEXT);
    for (byte, line) in [("07", Some(0x20)), ("08", None)] {
        let build_id = format!("0x{}", byte.repeat(20));
        let Some(built) = vmlinux(&node, &linked, "fs", &build_id) else {
            eprintln!("SKIPPED lines of source: needs a C compiler for x86-64");
            return;
        };
        let bytes = fs::read(built).expect("it was made");
        node.add(&format!("no-files/usr/lib/debug/.build-id/07/{}.debug", "07".repeat(19)), &bytes);
        let result = json(&node, &["--lines"]);
        let dominating = &result["episodes"][0]["dominating"];
        assert_eq!(dominating["function"], "show_all", "{result}");
        // The call ends before the byte that it returns to.
        let expected = line.map_or(Value::Null, |line| Value::from(format!("fs/show_all.c:{line}")));
        match (&dominating["line"], &expected) {
            (Value::String(line), Value::String(expected)) => assert!(line.ends_with(expected), "{line}"),
            (line, expected) => assert_eq!(line, expected),
        }
        let missing = |diagnostic: &Value| diagnostic["code"] == "source_lines";
        let all = result["diagnostics"].as_array().expect("a list");
        assert_eq!(all.iter().any(missing), expected == Value::Null, "{all:?}");
    }
}

#[test]
fn a_long_or_hostile_path_is_shortened_and_cleaned() {
    let (perf_data, kallsyms) = scenes::post_2019();
    let node = MadeUp::write(&perf_data, &kallsyms);
    let folder = format!("/build/\u{1b}[2J{}", "long/".repeat(40));
    let Some(file) = vmlinux(&node, &kallsyms, &folder, "none") else {
        eprintln!("SKIPPED lines of source: needs a C compiler for x86-64");
        return;
    };
    let text = run(node.command("window").args(["--lines", "-k", &file])).stdout;
    let shown = text.lines().find(|line| line.starts_with("  line ")).expect("a line");
    assert!(
        shown.len() == 80 && shown.starts_with("  line ..") && shown.contains("/memcg_stat_show.c:"),
        "{shown}"
    );
    let result = json(&node, &["--lines", "-k", &file]);
    let line = result["ranking"][0]["line"].as_str().expect("a line");
    assert!(line.contains("/build/?[2Jlong/"), "{line}");
}

#[test]
fn without_debug_information_that_is_said_once() {
    let (perf_data, kallsyms) = scenes::post_2019();
    let node = MadeUp::write(&perf_data, &kallsyms);
    let text = run(node.command("window").arg("--lines")).stdout;
    assert_eq!(text.matches("no lines of source").count(), 1, "{text}");
    assert!(!text.contains("  line "), "{text}");
    let without = run(&mut node.command("window")).stdout;
    assert!(!without.contains("lines of source"), "{without}");
    let wrong = run(node.command("window").args(["--lines", "--format", "stacks"]));
    assert_eq!(wrong.code, Some(2));
    assert!(wrong.stderr.contains("--format text and json only"), "{}", wrong.stderr);
    // A vmlinux of another kernel.
    let longer = kallsyms.replace("T _etext", "t _etext");
    if let Some(file) = vmlinux(&node, &longer, "mm", "none") {
        let refused = run(node.command("window").args(["--lines", "-k", &file]));
        assert_eq!((refused.code, refused.stdout.as_str()), (Some(2), ""), "{refused:?}");
        assert!(refused.stderr.contains("vmlinux: it is another kernel's"), "{refused:?}");
    }
}
