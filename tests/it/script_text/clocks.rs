//! Texts whose times, or comms, do not tell what they seem to: differences, two recordings in one
//! file, no comms at all.

use crate::support::Recording;
use regex::Regex;
use serde_json::Value;

use super::texts::{KERNEL, USER, on, stdout_on};

const CULPRITS: [&str; 3] = ["window", "stalls", "check"];

fn post() -> String {
    String::from_utf8(Recording::open("post").text("perf-script.txt.zst")).expect("UTF-8")
}

/// The text with other times: `new` gets each time in µs, in the order of the text.
fn with_times(text: &str, mut new: impl FnMut(u64) -> u64) -> String {
    let time = Regex::new(r" (\d+)\.(\d{6})(\d{3})?: ").expect("it is a regular expression");
    let mut change = |fields: &regex::Captures| {
        let number = |index: usize| -> u64 { fields[index].parse().expect("a number") };
        let us = new(number(1) * 1_000_000 + number(2));
        format!(" {}.{:06}: ", us / 1_000_000, us % 1_000_000)
    };
    text.lines().map(|line| time.replace(line, &mut change).into_owned() + "\n").collect()
}

/// Each command says why it cannot answer.
#[track_caller]
fn refuses(text: &str, says: &[&str]) {
    for command in CULPRITS.into_iter().chain(["collapse", "chart"]) {
        let run = on(text.as_bytes(), command, &[]);
        let said = run.stdout.clone() + &run.stderr;
        assert_eq!(run.code, Some(2), "{command}: {said}");
        assert!(run.stdout.is_empty() || command == "check", "{command}: {said}");
        // The one line of check has no room for all of it.
        let says = if command == "check" { &says[..1] } else { says };
        assert!(says.iter().all(|words| said.contains(words)), "{command} does not say {says:?}: {said}");
    }
}

/// `perf script --deltatime` prints the time since the line before, whatever its CPU.
#[test]
fn differences_are_no_times() {
    let mut before = None;
    let deltas = with_times(&post(), |us| us - before.replace(us).unwrap_or(us));
    let constant: String =
        (0..40).map(|at| format!("a 7 [002] 0.00{}000: cycles: \n{KERNEL}\n", u8::from(at > 0))).collect();
    for text in [&deltas, &constant] {
        refuses(text, &["the times are no clock", "perf script --deltatime", "--file-order"]);
    }
    // The order of the text is still there.
    let samples = stdout_on(post().as_bytes(), "collapse", &[]);
    let run = on(deltas.as_bytes(), "collapse", &["--file-order"]);
    assert_eq!((run.code, run.stdout.as_str()), (Some(3), samples.as_str()));
}

/// `perf script --reltime` begins at 0.
#[test]
fn times_from_the_start_are_times() {
    let mut start = None;
    let relative = with_times(&post(), |us| us - *start.get_or_insert(us));
    let found = |text: &str| -> Value {
        let report: Value =
            serde_json::from_str(&stdout_on(text.as_bytes(), "window", &["--format", "json"])).expect("JSON");
        ["comm", "syscall", "path", "verdict", "episodes"]
            .map(|field| report["ranking"][0][field].clone())
            .into()
    };
    assert_eq!(found(&relative), found(&post()));
}

#[test]
fn two_recordings_in_one_file_are_told() {
    let header = |host: &str| {
        format!("# ========\n# captured on    : Sat Nov 22 03:11:09 2025\n# hostname : {host}\n#\n")
    };
    let text: String = (0..30)
        .map(|at| format!("a 7 [00{}] 500{}.000000: cycles: \n{KERNEL}{USER}\n", at % 3, at / 3))
        .collect();
    let later = with_times(&text, |us| us + 20_000_000);
    let overlapping = with_times(&text, |us| us + 5_000_100);
    let again = [
        "another recording begins in line 121, and the same times come twice",
        "head -n 120 FILE, tail -n +121 FILE",
    ];
    for second in [&text, &overlapping] {
        let both = format!("{text}{second}");
        refuses(&both, &again);
        let run = on(both.as_bytes(), "collapse", &["--file-order"]);
        assert_eq!((run.code, run.stdout.lines().count()), (Some(3), 60), "{}", run.stderr);
        let headed = format!("{}{text}{}{second}", header("node7"), header("node7"));
        refuses(&headed, &["another recording begins in line 129", "head -n 128 FILE, tail -n +129 FILE"]);
    }
    // Those of two machines do not even have one clock.
    let hosts = format!("{}{text}{}{later}", header("node7"), header("node8"));
    refuses(&hosts, &["another recording begins in line 127, of another machine", "tail -n +127 FILE"]);
    // One after the other on one machine, and CPUs one after the other, are in order.
    let rotated = format!("{}{text}{}{later}", header("node7"), header("node7"));
    assert_eq!(stdout_on(rotated.as_bytes(), "collapse", &[]).lines().count(), 60);
    let by_cpu: String = (0..3)
        .flat_map(|cpu| {
            (0..10).map(move |at| format!("a 7 [00{cpu}] 500{at}.000000: cycles: \n{KERNEL}{USER}\n"))
        })
        .collect();
    assert_eq!(
        stdout_on(by_cpu.as_bytes(), "collapse", &["-F", "cpu,time,stack"]),
        stdout_on(text.as_bytes(), "collapse", &["-F", "cpu,time,stack"])
    );
}

#[test]
fn a_text_without_comms_names_no_culprit() {
    let text = post();
    let comm = Regex::new(r"^ *\S.*? +(\d+)/(\d+) +\[").expect("it is a regular expression");
    for ids in [" $1/$2 [", "$2 [", "["] {
        let nameless: String = text.lines().map(|line| comm.replace(line, ids).into_owned() + "\n").collect();
        for command in CULPRITS {
            let run = on(nameless.as_bytes(), command, &[]);
            let said = run.stdout.clone() + &run.stderr;
            assert_eq!(run.code, Some(2), "{command}: {said}");
            assert!(said.contains("the text has no comms"), "{command}: {said}");
            let print = "perf script -F comm,pid,tid,cpu,time,event,ip,sym,dso";
            assert!(command == "check" || said.contains(print), "{command}: {said}");
        }
        // What needs no comm works.
        let run = on(nameless.as_bytes(), "window", &["--trigger-frame", "^run_ksoftirqd$"]);
        assert_eq!(run.code, Some(0), "{}", run.stderr);
        assert_eq!(stdout_on(nameless.as_bytes(), "collapse", &[]).lines().count(), 4351);
    }
}
