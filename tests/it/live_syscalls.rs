//! System calls recorded here and now: `syscalls` reports those that this machine's perf prints.
//! Says that it is skipped where recording is not allowed.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::support::perf_events::{self, Call};
use crate::support::{run, stallgraph};
use serde_json::Value;

#[test]
fn syscalls_finds_what_perf_prints() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("perf.data");
    if let Err(why) = record(&file) {
        eprintln!("SKIPPED live test of system calls: {why}");
        return;
    }
    let mut perf = Command::new("perf");
    perf.args(["script", "--force", "--ns", "-F", "comm,pid,tid,cpu,time,event,trace", "-i"]).arg(&file);
    let printed = perf.stdin(Stdio::null()).output().expect("perf, which has just recorded");
    let expected = perf_events::calls(&perf_events::read(&String::from_utf8_lossy(&printed.stdout)));
    assert!(expected.len() > 100, "{} system calls of a shell and its commands", expected.len());

    let result = run(stallgraph().arg("syscalls").arg(&file).args(["--min", "0s", "--format", "json"]));
    let document: Value =
        serde_json::from_str(&result.stdout).unwrap_or_else(|error| panic!("{error}: {result:?}"));
    let slow = document["slow"].as_array().expect("a list");
    let call = |value: &Value| -> Option<(i32, u64, u64, i64, i64)> {
        let number = |key: &str| value[key].as_i64();
        let tid = number("tid")? as i32;
        Some((
            tid,
            value["enter_ns"].as_u64()?,
            value["exit_ns"].as_u64()?,
            number("number")?,
            number("result")?,
        ))
    };
    let mut calls: Vec<_> = slow.iter().filter_map(call).collect();
    calls.sort();
    let expected =
        expected.iter().map(|call: &Call| (call.tid, call.enter_ns, call.exit_ns, call.number, call.result));
    assert_eq!(calls, expected.collect::<Vec<_>>());

    let is_sleep =
        |value: &&Value| value["class"] == "slept" && value["asleep_ns"].as_u64() > Some(45_000_000);
    let of = |name: &str| slow.iter().filter(is_sleep).filter(|value| value["comm"] == name).count();
    assert_eq!(of("sleep"), 3, "three times 50 ms");
}

/// Records a shell that runs some commands, or says why it cannot.
fn record(file: &Path) -> Result<(), String> {
    let mut perf = Command::new("perf");
    perf.args(["record", "-e", "raw_syscalls:*", "-e", "sched:sched_switch", "-m", "4M", "-o"]).arg(file);
    perf.args(["--", "sh", "-c", "for i in 1 2 3; do cat /proc/stat; sleep 0.05; done"]);
    let output = perf.stdin(Stdio::null()).output().map_err(|error| format!("no perf: {error}"))?;
    match output.status.success() && file.exists() {
        true => Ok(()),
        false => Err(format!("perf says: {}", String::from_utf8_lossy(&output.stderr).trim())),
    }
}
