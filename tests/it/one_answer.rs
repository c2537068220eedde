//! The same stall in all commands: one number, one length, one culprit; and each other length says
//! what it measures.

use std::fs;

use serde_json::Value;

use crate::support::{Recording, svg};

const RECORDINGS: [&str; 5] = ["post", "evidence", "worker", "other-call", "causes/epoll-c"];

fn json(recording: &Recording, command: &str, options: &[&str]) -> Value {
    let text = recording.stdout(command, &[options, &["--format", "json"]].concat());
    serde_json::from_str(&text).expect("JSON")
}

fn list<'v>(value: &'v Value, name: &str) -> &'v [Value] {
    value[name].as_array().expect("a list")
}

fn ns(value: &Value, name: &str) -> u64 {
    value[name].as_u64().expect("ns")
}

fn rounded_ms(ns: u64) -> String {
    format!("{}ms", (ns + 500_000) / 1_000_000)
}

/// The words of the lines that begin with `label`.
fn rows<'t>(text: &'t str, label: &str) -> Vec<Vec<&'t str>> {
    let words = |line: &'t str| line.split_whitespace().collect::<Vec<_>>();
    text.lines().map(words).filter(|words| words.first() == Some(&label)).collect()
}

#[test]
fn a_stall_has_one_number_and_one_length() {
    let folder = tempfile::tempdir().expect("a folder");
    for name in RECORDINGS {
        let recording = Recording::open(name);
        let document = json(&recording, "stalls", &[]);
        let stalls = list(&document, "stalls");
        assert!(stalls.len() >= 2, "{name}");
        let lengths: Vec<String> = stalls.iter().map(|stall| rounded_ms(ns(stall, "duration_ns"))).collect();
        let numbers: Vec<String> = (1..=stalls.len()).map(|number| number.to_string()).collect();

        let text = recording.stdout("stalls", &[]);
        let shown: Vec<(&str, &str)> = rows(&text, "stall").iter().map(|row| (row[1], row[5])).collect();
        let expected: Vec<(&str, &str)> =
            numbers.iter().zip(&lengths).map(|(number, length)| (number.as_str(), length.as_str())).collect();
        assert_eq!(shown, expected, "{name}");

        // A time in the middle of each, as dmesg has it.
        let middle = |stall: &Value| (ns(stall, "start_ns") + ns(stall, "end_ns")) / 2000;
        let line = |us: u64| format!("[{:5}.{:06}] slow\n", us / 1_000_000, us % 1_000_000);
        let log = folder.path().join("dmesg.txt");
        fs::write(&log, stalls.iter().map(middle).map(line).collect::<String>()).expect("a log");
        let options = ["--at", log.to_str().expect("a path")];
        let text = recording.stdout("stalls", &options);
        let shown: Vec<(&str, &str)> = rows(&text, "moment").iter().map(|row| (row[5], row[6])).collect();
        assert_eq!(shown, expected, "{name} --at");
        let moments = json(&recording, "stalls", &options);
        for (number, moment) in (1..).zip(list(&moments["at"], "moments")) {
            assert_eq!(list(moment, "stalls")[0]["stall"], number, "{name} --at");
        }

        for (number, length) in &expected {
            let picture = svg::read(&recording.stdout("chart", &["--stall", number]));
            let caption = &picture.subtitle;
            assert!(caption.starts_with(&format!("stall {number}, ")), "{name}: {caption}");
            assert!(caption.ends_with(&format!(" {length}")), "{name}: {length}: {caption}");
        }
    }
}

#[test]
fn a_window_shows_the_part_of_a_stall_before_ksoftirqd() {
    for (name, stalled) in [("post", 4), ("evidence", 3), ("causes/epoll-c", 5)] {
        let recording = Recording::open(name);
        let (stalls, windows) = (json(&recording, "stalls", &[]), json(&recording, "window", &[]));
        let mut found = 0;
        for stall in list(&stalls, "stalls") {
            let (start_ns, end_ns) = (ns(stall, "start_ns"), ns(stall, "end_ns"));
            // ksoftirqd runs before the culprit is back in user space, or right after.
            let is_of_stall = |episode: &&Value| {
                (start_ns..end_ns + 10_000_000).contains(&ns(episode, "start_ns"))
                    && episode["dominating"]["comm"] == stall["culprit"]["holder"]["comm"]
            };
            let episode = list(&windows, "episodes").iter().find(is_of_stall);
            let Some(dominating) = episode.map(|episode| &episode["dominating"]) else { continue };
            found += 1;
            let held_ns = ns(dominating, "time_ns");
            assert!(held_ns <= ns(stall, "duration_ns") && held_ns <= 102_000_000, "{name}: {held_ns}");
            assert_eq!(dominating["syscall"], stall["culprit"]["syscall"], "{name}");
        }
        assert_eq!(found, stalled, "{name}");
        let report = recording.stdout("window", &[]);
        let line = "held      in that path within the window, so 100 ms at most; stallgraph stalls";
        assert!(report.lines().any(|other| other.starts_with(line)), "{report}");
    }
    let report = Recording::open("post").stdout("window", &["--before", "200ms"]);
    assert!(report.contains("held      in that path within the window, so 200 ms at most"), "{report}");
}

#[test]
fn a_call_takes_as_long_in_all_commands_and_is_a_part_of_its_stall() {
    let recording = Recording::open("evidence");
    let (stalls, calls) = (json(&recording, "stalls", &[]), json(&recording, "syscalls", &[]));
    for stall in list(&stalls, "stalls") {
        let call = &stall["culprit"]["call"];
        let is_it = |slow: &&Value| slow["enter_ns"] == call["enter_ns"] && slow["syscall"] == call["name"];
        let slow = list(&calls, "slow").iter().find(is_it).expect("the culprit's call");
        assert_eq!(slow["duration_ns"], call["duration_ns"]);
        assert!(ns(call, "duration_ns") <= ns(stall, "duration_ns"));
        assert_eq!(stall["start_ns"], call["enter_ns"]);
    }
    let took = |name: &str| {
        let report = Recording::open(name).stdout("syscalls", &[]);
        let line = report.lines().find(|line| line.starts_with("took ")).map(str::to_owned);
        line.unwrap_or_else(|| panic!("{report}"))
    };
    assert_eq!(took("evidence"), "took      from entry to exit of the call; a stall may be several calls:");
    assert_eq!(took("post"), "took      while samples were in the call, one after the other; a stall may be");
    for name in RECORDINGS {
        let report = Recording::open(name).stdout("stalls", &[]);
        let line = "length    of the time in which softirqs could not run, with pauses of 20 ms at\n";
        assert!(report.contains(line), "{report}");
    }
}

#[test]
fn a_chart_without_windows_has_the_culprit_of_the_stalls_on_its_cpu_only() {
    let caption =
        |name: &str, options: &[&str]| svg::read(&Recording::open(name).stdout("chart", options)).subtitle;
    assert_eq!(
        caption("worker", &[]),
        "culprit: kworker/u10:2-w, a kernel thread, at neigh_flush_dev.isra.0, 256ms in 2 stalls"
    );
    // Nobody says which CPU: that of the culprit is drawn.
    let expected = "suspect: cni-plugin, in system call ioctl, at neigh_flush_dev.isra.0, 327ms in 4 stalls";
    assert_eq!(caption("other-call", &["-C", "1"]), expected);
    let picture = Recording::open("other-call").command("chart").output().expect("it runs");
    assert!(String::from_utf8_lossy(&picture.stdout).contains(expected));
    assert_eq!(
        caption("other-call", &["-C", "0"]),
        "no episode of the trigger and no stall on CPU 0, so no culprit"
    );
    // Each CPU's picture has its own finding.
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("chart.svg");
    let recording = Recording::open("other-call");
    recording.command("chart").args(["-C", "0,1", "-o"]).arg(&file).output().expect("it runs");
    let subtitle = |cpu: &str| {
        let text = fs::read_to_string(folder.path().join(format!("chart.{cpu}.svg"))).expect("a picture");
        svg::read(&text).subtitle
    };
    assert_eq!(subtitle("cpu0"), "the culprit held CPU 1");
    assert_eq!(subtitle("cpu1"), expected);
}
