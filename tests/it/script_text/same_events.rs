//! A text with events gives the same results as the perf.data that it was printed from.

use std::sync::LazyLock;

use regex::Regex;
use serde_json::Value;

use super::texts::{forget, on, stdout_on};
use crate::support::{Recording, run};

/// Commands that read events, and whether the JSON of each is compared.
const COMMANDS: [(&str, &[&str]); 4] = [
    ("stalls", &["--format", "json"]),
    ("window", &["--format", "json"]),
    ("packets", &["--format", "json"]),
    ("syscalls", &["--format", "json", "--min", "1ms"]),
];

/// Fields that differ, with the reason:
///
/// - perf 6.1 prints no control groups, neither of tasks nor as a witness, so that a command to
///   record them is advised;
/// - without the header nothing tells the kernel and the time of day.
const DIFFERENT: [&str; 7] =
    ["file", "kernel", "cgroup", "pod_uid", "container_id", "record", "frequency_hz"];

static SWITCH: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"prev_comm=(.*) prev_pid=(\d+) prev_prio=(-?\d+) prev_state=([^ ]+) ==> next_comm=(.*) next_pid=(\d+) next_prio=(-?\d+)")
        .expect("it is a regular expression")
});

/// The text of `evidence` in other forms of perf: by name.
fn forms(text: &str) -> [(&'static str, String); 4] {
    let kept = |is_kept: &dyn Fn(&str) -> bool| -> String {
        text.lines().filter(|line| is_kept(line)).map(|line| format!("{line}\n")).collect()
    };
    // What perf prints with the plugin of libtraceevent.
    let plugin = SWITCH.replace_all(text, "$1:$2 [$3] $4 ==> $5:$6 [$7]").into_owned();
    // Without an ip for events without a call chain, as perf prints by default.
    let frame =
        Regex::new(r"(?m)^( *\S.*: .*) [0-9a-f]{16} \S+ \(\S+\)$").expect("it is a regular expression");
    [
        ("as printed", text.to_owned()),
        ("without a header", kept(&|line| !line.starts_with('#'))),
        ("with the plugin", plugin),
        ("without frames of events", frame.replace_all(text, "$1").into_owned()),
    ]
}

const TIMES_OF_DAY: [&str; 4] = ["start_at", "end_at", "time_at", "gap_start_at"];

fn json(printed: &str) -> Value {
    let mut report: Value = serde_json::from_str(printed).expect("JSON");
    forget(&mut report, &DIFFERENT);
    if let Some(witnesses) = report.get_mut("witnesses").and_then(Value::as_array_mut) {
        witnesses.retain(|witness| witness["name"] != "cgroups" && witness["name"] != "wall_clock");
    }
    // perf prints births of threads with --show-task-events only. So a text does not tell when a
    // call began that a thread was born in.
    if let Some(slow) = report.get_mut("slow").and_then(Value::as_array_mut) {
        slow.retain(|call| !call["enter_ns"].is_null());
    }
    report
}

/// The culprit of each stall, and how sure it is.
fn holders(report: &Value) -> Vec<(Value, Value, Value)> {
    let stalls = report["stalls"].as_array().expect("stalls").iter();
    let holder = |stall: &Value| {
        let culprit = &stall["culprit"];
        (culprit["holder"].clone(), culprit["call"].clone(), stall["confidence"].clone())
    };
    stalls.map(holder).collect()
}

#[test]
fn events_of_evidence_tell_the_same() {
    let recording = Recording::open("evidence");
    let text = String::from_utf8(recording.text("perf-script-all.txt.zst")).expect("UTF-8");
    let forms = forms(&text);
    for (command, options) in COMMANDS {
        let printed = json(&recording.stdout(command, options));
        for (form, text) in &forms {
            let (mut expected, mut got) =
                (printed.clone(), json(&stdout_on(text.as_bytes(), command, options)));
            // Nor does it say then which time of day its times are.
            if *form == "without a header" {
                [&mut expected, &mut got].into_iter().for_each(|report| forget(report, &TIMES_OF_DAY));
            }
            // Without the header nothing tells whether packets, polls and switches were sampled,
            // and their pairs do not show it. So they are no evidence, and tell neither backlogs
            // nor where the time of a call went.
            match (command, *form) {
                ("stalls", "without a header") => assert_eq!(holders(&got), holders(&expected)),
                ("packets", "without a header") => {
                    let count = |report: &Value| report["packets"].as_array().map(Vec::len);
                    assert_eq!(count(&got), count(&expected));
                    assert_eq!(got["backlogs"].as_array().map(Vec::len), Some(0));
                    assert_eq!(got["diagnostics"][0]["code"], "sampled_event");
                }
                ("syscalls", "without a header") => {
                    assert_eq!(got["diagnostics"][0]["code"], "sampled_event");
                }
                _ => assert!(got == expected, "{command} {form}"),
            }
        }
    }
    let expected = run(&mut recording.command("check"));
    assert_eq!(expected.code, Some(1), "{}", expected.stdout);
    for (form, text) in &forms {
        let got = on(text.as_bytes(), "check", &[]);
        assert_eq!((got.code, &got.stdout), (expected.code, &expected.stdout), "{form}");
    }
}
