//! Many CPUs, each with an episode and a path of its own: time and memory grow with their number,
//! not with its square.

use std::fmt::Write;
use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::support::{stallgraph, stdout_of, with_cost};

const CALL: [&str; 4] =
    ["_raw_spin_unlock_irqrestore", "__x64_sys_read", "do_syscall_64", "entry_SYSCALL_64"];

const IDLE: [&str; 3] = ["default_idle", "do_idle", "cpu_startup_entry"];

/// A sample as perf script prints it, at so many ms after 1 s.
fn sample(text: &mut String, comm: &str, cpu: u32, ms: u32, stack: &[&str]) {
    writeln!(text, "{comm} {} [{cpu:03}] 1.{ms:03}000: 1000000 cpu-clock: ", 1000 + cpu).unwrap();
    for (number, function) in stack.iter().enumerate() {
        writeln!(text, "\tffffffff810{number:05x} {function} ([kernel.kallsyms])").unwrap();
    }
    text.push('\n');
}

/// `cpus` CPUs, in each of which another path holds the CPU, then ksoftirqd runs.
fn paths(cpus: u32) -> String {
    let mut text = String::new();
    for cpu in 0..cpus {
        let call = format!("__x64_sys_call{cpu}");
        let work = format!("work{cpu}");
        for ms in [0, 30, 60] {
            sample(&mut text, "worker", cpu, ms, &[&work, &call, "do_syscall_64", "entry_SYSCALL_64"]);
        }
        let server = ["net_rx_action", "handle_softirqs", "run_ksoftirqd", "kthread", "ret_from_fork"];
        sample(&mut text, &format!("ksoftirqd/{cpu}"), cpu, 95, &server);
    }
    text
}

/// `cpus` CPUs that are all silent together for 50 ms, in a call.
fn silence(cpus: u32) -> String {
    let mut text = String::new();
    for cpu in 0..cpus {
        for ms in (0..10).chain(60..70) {
            match (8..62).contains(&ms) {
                true => sample(&mut text, "worker", cpu, ms, &CALL),
                false => sample(&mut text, "swapper", cpu, ms, &IDLE),
            }
        }
    }
    text
}

const COMMANDS: [&[&str]; 18] = [
    &["window"],
    &["window", "--format", "json"],
    &["window", "--format", "stacks"],
    &["stalls"],
    &["stalls", "--format", "json"],
    &["check"],
    &["info"],
    &["syscalls"],
    &["collapse"],
    &["export", "--format", "firefox"],
    &["export", "--format", "chrome"],
    &["export", "--format", "speedscope"],
    &["export", "--format", "firefox", "--lanes", "task"],
    &["chart", "-o", "-"],
    &["chart", "-o", "-", "--flamegraph"],
    &["chart", "-o", "-", "--diff"],
    &["report", "-o", "-"],
    &["export", "--format", "pprof", "-o", "/dev/null"],
];

/// With four times as many CPUs a command needs at most this many times as much memory, and time
/// beyond a little that is noise.
const FOUR_TIMES: u64 = 5;
const NOISE_MS: u64 = 400;

/// Runs commands, each with its exit code, on 500 and on 2,000 CPUs.
#[track_caller]
fn check_growth<'c>(text: fn(u32) -> String, commands: impl IntoIterator<Item = (&'c [&'c str], i32)>) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let few = folder.path().join("few.txt");
    let many = folder.path().join("many.txt");
    fs::write(&few, text(500)).expect("it can be written to");
    fs::write(&many, text(2000)).expect("it can be written to");
    for (command, code) in commands {
        let run = |path: &Path| {
            let (run, cost) =
                with_cost(stallgraph().args(command).arg(path).args(["--no-symbols", "--threads", "2"]));
            assert_eq!(run.code, Some(code), "{command:?}: {}", run.stderr);
            cost
        };
        let (of_few, of_many) = (run(&few), run(&many));
        let most = FOUR_TIMES * of_few.memory;
        assert!(of_many.memory < most, "{command:?}: {of_few:?}, {of_many:?}");
        let most = FOUR_TIMES * of_few.cpu_ms + NOISE_MS;
        assert!(of_many.cpu_ms < most, "{command:?}: {of_few:?}, {of_many:?}");
    }
}

#[test]
fn a_path_of_its_own_on_each_cpu_costs_no_more_than_its_text() {
    // `check` cannot say that all is well, and there is nothing to compare windows with.
    let code = |command: &[&str]| if [COMMANDS[5], COMMANDS[15]].contains(&command) { 2 } else { 0 };
    check_growth(paths, COMMANDS.map(|command| (command, code(command))));
}

#[test]
fn many_cpus_that_stand_still_together_cost_no_more_than_their_text() {
    check_growth(silence, [(&["stalls"][..], 0), (&["check"], 2)]);
}

#[test]
fn a_ranking_lists_so_many_paths_and_says_how_many_more_there_are() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("many.txt");
    fs::write(&path, paths(1200)).expect("it can be written to");
    let window = |arguments: &[&str]| stdout_of(stallgraph().arg("window").arg(&path).args(arguments));
    assert!(window(&[]).contains("\n  and 1190 more: --format json has the next 990\n"));
    let json: Value = serde_json::from_str(&window(&["--format", "json"])).expect("it is JSON");
    let listed = json["ranking"].as_array().map(Vec::len);
    assert_eq!((listed, json["ranking_unlisted"].as_u64()), (Some(1000), Some(200)));
    assert_eq!(json["episodes"].as_array().map(Vec::len), Some(1200));
}
