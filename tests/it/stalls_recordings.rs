//! `stallgraph stalls` on real recordings: it finds every stall that is known, no other, and the
//! right culprit.

use std::fs;

use crate::support::{Recording, run, stallgraph};
use serde_json::Value;

/// A known stall: begin and end in ns of the recording's clock.
struct Known {
    start_ns: f64,
    end_ns: f64,
}

fn known_stalls(recording: &Recording) -> Vec<Known> {
    let offset = fs::read_to_string(recording.folder.join("clock-offset.txt"));
    let offset: f64 = offset.map_or(0.0, |text| text.trim().parse().expect("seconds"));
    let truth = fs::read_to_string(recording.folder.join("truth.txt")).expect("the truth");
    truth
        .lines()
        .map(|line| {
            let (begin, length) = line.split_once(' ').expect("begin and length");
            let begin = begin.parse::<f64>().expect("seconds") + offset;
            let length = length.parse::<f64>().expect("milliseconds");
            Known { start_ns: begin * 1e9, end_ns: begin * 1e9 + length * 1e6 }
        })
        .collect()
}

fn stalls(recording: &Recording) -> Value {
    let mut command = stallgraph();
    command.args(["stalls", "--format", "json"]).arg(&recording.file);
    command.arg("--kallsyms").arg(recording.folder.join("kallsyms"));
    let run = run(&mut command);
    assert_eq!((run.code, run.stderr.as_str()), (Some(0), ""));
    serde_json::from_str(&run.stdout).expect("JSON")
}

/// Checks that every known stall is found and no other has medium confidence or above; returns
/// them.
#[track_caller]
fn assert_found(name: &str, tolerance_ms: f64) -> Vec<Value> {
    let recording = Recording::open(name);
    let document = stalls(&recording);
    let all = document["stalls"].as_array().expect("a list");
    let sure: Vec<Value> = all.iter().filter(|stall| stall["confidence"] != "low").cloned().collect();
    let truth = known_stalls(&recording);
    assert_eq!(sure.len(), truth.len(), "{name}: {sure:#?}");
    for (stall, expected) in sure.iter().zip(&truth) {
        let error = |field: &str, expected: f64| (stall[field].as_f64().expect("ns") - expected) / 1e6;
        let errors = (error("start_ns", expected.start_ns), error("end_ns", expected.end_ns));
        assert!(errors.0.abs() <= tolerance_ms && errors.1.abs() <= tolerance_ms, "{name}: {errors:?} ms");
    }
    sure
}

#[track_caller]
fn assert_culprit(stalls: &[Value], comm: &str, syscall: Option<&str>, function: &str) {
    for stall in stalls {
        let culprit = &stall["culprit"];
        assert!(culprit["holder"]["comm"].as_str().is_some_and(|name| name.starts_with(comm)), "{culprit:#}");
        assert_eq!(culprit["syscall"].as_str(), syscall, "{culprit:#}");
        let path = culprit["path"].as_array().expect("a path");
        assert!(path.iter().any(|name| name == function), "{culprit:#}");
    }
}

/// Three sampling periods of 999 Hz, in ms.
const THREE_PERIODS: f64 = 3.003;

#[test]
fn by_samples_of_one_cpu_alone() {
    let stalls = assert_found("post", THREE_PERIODS);
    assert_culprit(&stalls, "node_exporter", Some("lseek"), "proc_reg_llseek");
    assert!(stalls.iter().all(|stall| stall["culprit"]["pod_uid"].is_null()));
}

#[test]
fn how_often_they_come_is_told() {
    let recording = Recording::open("post");
    let document = stalls(&recording);
    let starts =
        document["stalls"].as_array().expect("a list").iter().map(|stall| stall["start_ns"].as_u64());
    let starts: Vec<u64> = starts.map(|start| start.expect("ns")).collect();
    let mut distances: Vec<u64> = starts.windows(2).map(|pair| pair[1] - pair[0]).collect();
    distances.sort_unstable();
    assert_eq!(document["ranking"][0]["every_ns"], distances[3]);
    let text = run(&mut recording.command("stalls")).stdout.replace("\n          ", " ");
    assert!(text.contains("177 ms the longest, one every 735 ms"), "{text}");
    assert!(text.contains(" 177ms 735ms "), "{text}");
}

#[test]
fn by_samples_of_all_cpus_with_the_container() {
    let stalls = assert_found("system", THREE_PERIODS);
    assert_culprit(&stalls, "node_exporter", Some("lseek"), "proc_reg_llseek");
    for stall in &stalls {
        assert_eq!(stall["culprit"]["pod_uid"], "3f2a9c1e-7b54-4d0a-9e61-2c8d5a7f1b90");
        assert_eq!(stall["culprit"]["container_id"], "a".repeat(64));
    }
}

#[test]
fn by_tracepoints_to_two_ms_with_the_victims() {
    let stalls = assert_found("evidence", 2.0);
    assert_culprit(&stalls, "node_exporter", Some("lseek"), "proc_reg_llseek");
    for stall in &stalls {
        assert_eq!(stall["confidence"], "high");
        assert_eq!(stall["culprit"]["pod_uid"], "3f2a9c1e-7b54-4d0a-9e61-2c8d5a7f1b90");
        assert_eq!(stall["culprit"]["call"]["number"], 8);
        assert_eq!(stall["culprit"]["call"]["arguments"][1], "0x7a1200");
        assert!(stall["victims"]["packets"].as_u64().is_some_and(|packets| packets > 400), "{stall:#}");
        assert!(stall["victims"]["softirqs"]["net_rx"].as_u64().is_some_and(|ns| ns > 90_000_000));
        // envoy was preempted for it, and got the CPU when its system call was over.
        let (task, called_ns) = (&stall["victims"]["task"], &stall["culprit"]["call"]["duration_ns"]);
        let called_ns = called_ns.as_u64().expect("ns");
        assert_eq!((&task["comm"], &task["behind"]["comm"]), (&"envoy".into(), &"node_exporter".into()));
        let near = |ns: &Value| ns.as_u64().is_some_and(|ns| ns.abs_diff(called_ns) < called_ns / 20);
        assert!(near(&task["waited_ns"]) && near(&task["behind"]["held_ns"]), "{task:#} {called_ns}");
    }
}

#[test]
fn a_kernel_worker_that_held_the_cpu() {
    let stalls = assert_found("worker", 2.0);
    assert_culprit(&stalls, "kworker/", None, "neigh_flush_dev.isra.0");
    assert!(stalls.iter().all(|stall| stall["culprit"]["owner"] == "kernel_thread"));
}

#[test]
fn a_slow_call_of_the_same_program_is_not_blamed() {
    let stalls = assert_found("slow-call", 2.0);
    assert_culprit(&stalls, "node_exporter", Some("lseek"), "traverse.part.0.constprop.0");
    // The innocent calls took as long, but softirqs were served during them.
    let folder = Recording::open("slow-call").folder;
    let slow = fs::read_to_string(folder.join("slow.txt")).expect("the slow calls");
    for line in slow.lines() {
        let begin: f64 = line.split(' ').next().and_then(|begin| begin.parse().ok()).expect("seconds");
        let near = |stall: &&Value| (stall["start_ns"].as_f64().expect("ns") / 1e9 - begin).abs() < 0.05;
        assert_eq!(stalls.iter().find(near), None, "{line}");
    }
}

#[test]
fn few_packets_make_low_confidence() {
    let recording = Recording::open("other-call");
    let document = stalls(&recording);
    let all = document["stalls"].as_array().expect("a list");
    assert_eq!(all.len(), known_stalls(&recording).len());
    assert!(all.iter().all(|stall| stall["confidence"] == "low"));
    assert_culprit(all, "cni-plugin", Some("ioctl"), "neigh_flush_dev.isra.0");
}

#[test]
fn what_a_recording_lacks_is_said_with_the_command() {
    let file = Recording::open("post").file;
    let brief = run(stallgraph().arg("stalls").arg(&file));
    assert!(brief.stdout.contains("7 kinds of evidence: stalls --advice says how"), "{}", brief.stdout);
    assert!(!brief.stdout.contains("perf record"), "{}", brief.stdout);
    let run = run(stallgraph().arg("stalls").arg(file).arg("--advice"));
    assert_eq!(run.code, Some(0));
    for expected in [
        "lacks     not recorded: ",
        "how long softirqs waited",
        "record    perf record -C 1 -k",
        "irq:softirq_entry",
        "lacks     power: a stall must last ",
        "cost      some 999 records and 0.1 MB a second on one CPU, and bytes at rates",
        "160 a NET_RX, 96 a switch",
    ] {
        assert!(run.stdout.contains(expected), "{expected}: {}", run.stdout);
    }
    assert!(
        run.stdout
            .lines()
            .all(|line| line.chars().count() <= 80 || line.starts_with("stall ") || line.starts_with('#')),
        "{}",
        run.stdout
    );
}

#[test]
fn a_report_that_cannot_tell_says_how_to_record_without_being_asked() {
    let text =
        run(stallgraph().arg("stalls").arg(Recording::open("post").file).args(["--min", "400ms"])).stdout;
    assert!(text.contains("unknown: no stall of 400 ms") && text.contains("record    perf record"), "{text}");
}

#[test]
fn a_pod_can_be_looked_up() {
    let system = Recording::open("system");
    for command in ["stalls", "window"] {
        let text = system.stdout(command, &[]);
        let (_, lookup) = text.split_once("\nlookup    ").expect("a command");
        let lines: Vec<&str> = lookup.lines().take(3).map(str::trim_start).collect();
        let uid = "3f2a9c1e-7b54-4d0a-9e61-2c8d5a7f1b90";
        assert_eq!(lines[0], "kubectl get pods -A -o \\", "{text}");
        assert!(lines[1].starts_with("custom-columns=") && lines[1].ends_with(" |"), "{text}");
        assert_eq!(lines[2], format!("grep {uid}"), "{text}");
        assert!(!Recording::open("post").stdout(command, &[]).contains("\nlookup "));
    }
}
