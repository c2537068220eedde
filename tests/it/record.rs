//! `stallgraph record`: perf reads what it writes, and this program reads it as it reads perf's.
//! Says that it is skipped where recording is not allowed.

use std::fs;
use std::os::unix::process::CommandExt as _;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::support::perf_script::{self, Row};
use crate::support::{Run, copy_program, run, stallgraph};
use regex::Regex;
use serde_json::Value;
use tempfile::TempDir;

/// Keeps a CPU busy for a while, in user space and in system calls.
const LOAD: &str = "end=$(($(date +%s%N)/1000000+$1)); \
                    while [ $(($(date +%s%N)/1000000)) -lt $end ]; do cat /proc/stat > /dev/null; done";

fn record(folder: &TempDir, options: &[&str], ms: u64) -> Run {
    let mut record = stallgraph();
    record.current_dir(folder.path()).arg("record").args(options);
    run(record.args(["--", "sh", "-c", LOAD, "load", &ms.to_string()]))
}

/// A recording of this moment, or `None` where that is not allowed.
fn recorded(options: &[&str], ms: u64) -> Option<TempDir> {
    let folder = tempfile::tempdir().expect("a folder");
    let run = record(&folder, options, ms);
    if run.code == Some(2) && run.stderr.contains("cannot be recorded") {
        eprintln!("SKIPPED: {}", run.stderr);
        return None;
    }
    assert!(run.code == Some(0) && run.stderr.contains("recorded perf.data for "), "{run:?}");
    Some(folder)
}

fn info(folder: &TempDir) -> Value {
    let info = run(stallgraph().current_dir(folder.path()).args(["info", "--format", "json"]));
    assert!(matches!(info.code, Some(0 | 1)), "{info:?}");
    serde_json::from_str(&info.stdout).expect("JSON")
}

fn perf_script(folder: &TempDir) -> Option<Vec<Row>> {
    let mut perf = Command::new("perf");
    perf.args([
        "script",
        "--no-inline",
        "--ns",
        "-F",
        "comm,pid,tid,cpu,time,event,ip,sym,dso",
        "-i",
        "perf.data",
    ]);
    let output = perf.current_dir(folder.path()).stdin(Stdio::null()).output().ok()?;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Some(perf_script::read(&String::from_utf8_lossy(&output.stdout), "cpu-clock"))
}

#[test]
fn perf_reads_the_same_samples_and_the_same_stacks() {
    let Some(folder) = recorded(&["-F", "499", "--evidence", "samples"], 700) else { return };
    let Some(rows) = perf_script(&folder) else {
        eprintln!("SKIPPED: no perf");
        return;
    };
    let mut collapse = stallgraph();
    collapse.current_dir(folder.path()).args(["collapse", "-F", "cpu,time,stack"]);
    let ours = run(&mut collapse);
    let ours: Vec<&str> = ours.stdout.lines().collect();
    // perf calls code that a program made at run time after the file that would name it.
    let made_at_run_time = Regex::new(r"\[perf-\d+\.map\]").expect("a pattern");
    let line = |row: &Row| made_at_run_time.replace_all(&row.line(), "[anon]").into_owned();
    let lines: Vec<String> = rows.iter().map(line).collect();
    assert_eq!(ours.len(), lines.len());
    // perf discards some chains, and looks up few names otherwise (`live`).
    let same = ours.iter().zip(&lines).filter(|(ours, line)| *ours == line).count();
    assert!(same * 10 > lines.len() * 9, "{same} of {}: {:?} {:?}", lines.len(), ours[0], lines[0]);
    let calls = ours.iter().filter(|line| line.contains(";do_syscall_64;")).count();
    assert!(calls > 10 || !cfg!(target_arch = "x86_64"), "{calls} samples in system calls");
}

#[test]
fn perf_finds_nothing_wrong_in_any_variant() {
    let variants: [&[&str]; 8] = [
        &[],
        &["--evidence", "samples"],
        &["--evidence", "full"],
        &["-C", "0"],
        &["-C", "0", "--no-user-callchain", "-F", "99"],
        &["-m", "64"],
        &["-m", "1M", "-a", "-g"],
        &["-p", "1"],
    ];
    for options in variants {
        let Some(folder) = recorded(options, 300) else { return };
        let info = info(&folder);
        let records = |events: &str| -> u64 {
            let events =
                info["events"].as_array().expect("a list").iter().filter(|event| event["name"] == events);
            events.map(|event| event["records"].as_u64().expect("a number")).sum()
        };
        let sampled = records("cpu-clock") + records("cycles");
        assert!(sampled > 10 || options.contains(&"-p"), "{options:?}: {info}");
        assert_eq!(info["recording"]["lost"], 0, "{options:?}: {info}");
        let stats = Command::new("perf")
            .args(["report", "--stats", "-i", "perf.data"])
            .current_dir(folder.path())
            .stdin(Stdio::null())
            .output();
        let Ok(stats) = stats else { continue };
        let text = String::from_utf8_lossy(&stats.stdout);
        let complaints = String::from_utf8_lossy(&stats.stderr);
        assert!(stats.status.success() && complaints.trim().is_empty(), "{options:?}: {complaints}");
        let count: u64 = text
            .lines()
            .filter_map(|line| {
                line.trim().strip_prefix("SAMPLE events:")?.split_whitespace().next()?.parse().ok()
            })
            .next()
            .unwrap_or(0);
        let events = info["events"].as_array().expect("a list").iter();
        let ours: u64 = events.map(|event| event["records"].as_u64().expect("a number")).sum();
        assert_eq!(count, ours, "{options:?}: {text}");
    }
}

#[test]
fn stalls_finds_the_evidence_that_it_wants() {
    let Some(folder) = recorded(&["--evidence", "full"], 400) else { return };
    let stalls = run(stallgraph().current_dir(folder.path()).args(["stalls", "--format", "json"]));
    let stalls: Value = serde_json::from_str(&stalls.stdout).expect("JSON");
    let witnesses = stalls["witnesses"].as_array().expect("a list");
    for witness in ["samples", "softirqs", "switches", "wakeups", "system_calls", "packets", "wall_clock"] {
        let found = witnesses.iter().find(|found| found["name"] == witness).expect(witness);
        assert_eq!(found["lacks"], Value::Null, "{witness}");
    }
}

#[test]
fn a_recording_that_is_there_is_kept() {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("perf.data"), "first").expect("a file");
    if record(&folder, &["-F", "99"], 100).code != Some(0) {
        eprintln!("SKIPPED: recording is not allowed");
        return;
    }
    assert_eq!(fs::read_to_string(folder.path().join("perf.data.old")).expect("it is kept"), "first");
    for special in ["/dev/null", "."] {
        let refused = record(&folder, &["-o", special], 100);
        assert!(refused.code == Some(2) && refused.stderr.contains("not a regular file"), "{refused:?}");
    }
    let linked = folder.path().join("linked");
    std::os::unix::fs::symlink(folder.path().join("perf.data.old"), &linked).expect("a link");
    let refused = record(&folder, &["-o", "linked"], 100);
    assert!(refused.code == Some(2), "{refused:?}");
    assert_eq!(fs::read_to_string(folder.path().join("perf.data.old")).expect("it is kept"), "first");
}

#[test]
fn what_was_recorded_until_it_was_killed_can_be_read() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut record = stallgraph();
    record.current_dir(folder.path()).args(["record", "-F", "499", "--", "sleep", "3"]);
    let mut child = record.stderr(Stdio::null()).spawn().expect("the program");
    std::thread::sleep(Duration::from_millis(1500));
    let is_running = child.try_wait().expect("its state").is_none();
    child.kill().expect("it can be killed");
    let _ = child.wait();
    if !is_running {
        eprintln!("SKIPPED: recording is not allowed");
        return;
    }
    let info = run(stallgraph().current_dir(folder.path()).args(["info", "--format", "json"]));
    let info: Value = serde_json::from_str(&info.stdout).expect("JSON");
    assert!(info["recording"]["samples"].as_u64() > Some(100), "{info}");
}

/// In a script, `record &` is ended so, as perf is: the shell has it ignore SIGINT.
#[test]
fn an_interrupt_ends_it_also_in_the_background() {
    let folder = tempfile::tempdir().expect("a folder");
    let script = r#"trap '' INT; "$0" record -F 99 2>said & sleep 1; kill -INT $!; wait $!"#;
    let mut shell = Command::new("timeout");
    shell.args(["20", "sh", "-c", script, env!("CARGO_BIN_EXE_stallgraph")]).current_dir(folder.path());
    let status = shell.status().expect("a shell");
    let said = fs::read_to_string(folder.path().join("said")).expect("messages");
    if !folder.path().join("perf.data").exists() {
        eprintln!("SKIPPED: recording is not allowed: {said}");
        return;
    }
    assert!(status.success() && said.contains("recorded perf.data"), "{status}: {said}");
}

/// In a container whose image has no other program.
#[test]
fn a_recording_ends_after_the_time_that_was_asked_for() {
    let folder = tempfile::tempdir().expect("a folder");
    let begin = Instant::now();
    let ended = run(stallgraph().current_dir(folder.path()).args(["record", "--for", "1500ms"]));
    if ended.code == Some(2) && ended.stderr.contains("cannot be recorded") {
        eprintln!("SKIPPED: {}", ended.stderr);
        return;
    }
    assert!(ended.code == Some(0) && ended.stderr.contains("recorded perf.data for "), "{ended:?}");
    assert!(begin.elapsed() >= Duration::from_millis(1500));
    let dry = run(stallgraph().args(["record", "--dry-run", "--for", "2m"]));
    assert!(dry.stdout.ends_with(" -- sleep 120\n"), "{dry:?}");
    let both = run(stallgraph().args(["record", "--for", "1s", "--", "true"]));
    assert!(both.code == Some(2) && both.stderr.contains("cannot be used with"), "{both:?}");
}

#[test]
fn a_dry_run_prints_a_command_of_perf() {
    let dry =
        run(stallgraph().args(["record", "--dry-run", "-C", "1-2", "-o", "a b.data", "--", "sleep", "1"]));
    assert_eq!(dry.code, Some(0), "{dry:?}");
    for words in [
        "perf record -C 1,2 -k CLOCK_MONOTONIC --all-cgroups",
        "-o 'a b.data' --switch-events -e c",
        "/freq=999,call-graph=fp/",
        "-e irq:softirq_raise --filter vec==3 ",
        "-- sleep 1\n",
    ] {
        assert!(dry.stdout.contains(words), "{words}: {}", dry.stdout);
    }
    assert_eq!(dry.stderr, "");
    // perf lets -p override -C.
    let dry = run(stallgraph().args(["record", "--dry-run", "-C", "0", "-p", "1"]));
    assert!(dry.stdout.starts_with("perf record -p 1 -k CLOCK_MONOTONIC "), "{dry:?}");
    assert_eq!(dry.stderr, "stallgraph: perf records processes on all CPUs: -C is left out\n");
}

#[test]
fn errors_say_what_helps() {
    let folder = tempfile::tempdir().expect("a folder");
    for (options, says) in [
        (&["-C", "65000"][..], "CPU 65000 is not online here"),
        (&["-p", "2147483647"], "there is no such process"),
        (&["-m", "0"], "pages"),
        (&["-m", "3x"], "is not a size"),
        (&["-F", "0"], "0 is not in 1..=100000"),
        (&["-o", "absent/perf.data"], "No such file"),
    ] {
        let run = record(&folder, options, 50);
        assert!(run.code == Some(2) && run.stderr.contains(says), "{options:?}: {run:?}");
    }
    // What was recorded before stays.
    fs::write(folder.path().join("before"), "before").expect("a file");
    for program in ["/no/such/program", "no-such-program", "/"] {
        let mut command = stallgraph();
        let absent = run(command.current_dir(folder.path()).args(["record", "-o", "before", "--", program]));
        let says = format!("stallgraph: cannot run {program}: there is no such program\n");
        assert_eq!((absent.code, absent.stderr), (Some(2), says));
        assert_eq!(fs::read_to_string(folder.path().join("before")).expect("a file"), "before");
    }
    assert!(!folder.path().join("before.old").exists());
    // Another user may not record.
    let is_root = fs::metadata("/proc/self").is_ok_and(|own| std::os::unix::fs::MetadataExt::uid(&own) == 0);
    let paranoid = fs::read_to_string("/proc/sys/kernel/perf_event_paranoid").unwrap_or_default();
    if !is_root || paranoid.trim().starts_with('-') {
        eprintln!("SKIPPED: everybody may record here");
        return;
    }
    fs::set_permissions(folder.path(), std::os::unix::fs::PermissionsExt::from_mode(0o777))
        .expect("permissions");
    let program = folder.path().join("stallgraph");
    copy_program(&program);
    let mut other = Command::new(program);
    other.args(["record", "--", "true"]).current_dir(folder.path()).uid(65534).gid(65534);
    let refused = run(&mut other);
    assert!(refused.code == Some(2) && refused.stderr.contains("CAP_PERFMON"), "{refused:?}");
}
