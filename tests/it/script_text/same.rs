//! A text gives the same results as the perf.data that it was printed from.

use crate::support::{Recording, assert_same_lines, stallgraph, stdout_of};
use serde_json::Value;

use super::texts::{file_of, forget, stdout_on, with_frequency};

#[test]
fn collapse_prints_the_same_lines_as_on_the_perf_data() {
    let fields = ["-F", "cpu,time,pid,tid,event,stack,count"];
    for name in Recording::ALL {
        let recording = Recording::open(name);
        let text = recording.text("perf-script.txt.zst");
        for options in [
            &fields[..],
            &["--merge", "--weight", "us"],
            &["-C", "1", "--time", "4060.0,4077.5"],
            &["--kernel-suffix"],
        ] {
            let text = with_frequency(recording.event, &text);
            // As the table says, the mode of these addresses is unknown.
            let astray = |stacks: String| stacks.replace("[unknown]_[k]", "[unknown]");
            let expected = astray(recording.stdout("collapse", options));
            let expected: Vec<String> = expected.lines().map(str::to_owned).collect();
            let got = astray(stdout_on(&text, "collapse", options));
            assert_same_lines(&format!("{name} {options:?}"), &got, &expected);
        }
        let file = file_of(&text);
        let named = stdout_of(stallgraph().arg("collapse").arg(file.path()).args(fields));
        assert_eq!(named, stdout_on(&text, "collapse", &fields), "{name}: a file as standard input");
    }
}

#[test]
fn window_finds_the_same_as_on_the_perf_data() {
    for name in Recording::ALL {
        let recording = Recording::open(name);
        let text = with_frequency(recording.event, &recording.text("perf-script.txt.zst"));
        let report = |json: &str| -> Value {
            let mut report: Value = serde_json::from_str(json).expect("JSON");
            forget(&mut report, &["file", "kernel", "cgroup", "pod_uid", "container_id"]);
            // The text does not say which time of day its times are.
            forget(&mut report, &["start_at", "end_at", "time_at"]);
            if name == "evidence" {
                // The text has no softirqs, which say in which windows one waited.
                let by_waits = ["left_out", "compared", "baseline_windows", "p_value", "window_share"];
                forget(&mut report, &by_waits);
                forget(&mut report, &["duration_ns"]);
            }
            report
        };
        let options = ["--format", "json"];
        let expected = report(&recording.stdout("window", &options));
        let got = report(&stdout_on(&text, "window", &options));
        assert!(expected["ranking"][0]["verdict"] == "culprit", "{name}: {expected:#}");
        assert_eq!(got, expected, "{name}");
        let options = ["--format", "stacks", "-F", "cpu,time,stack"];
        assert_eq!(stdout_on(&text, "window", &options), recording.stdout("window", &options), "{name}");
    }
}

/// Without the header the frequency is unknown: the distance of samples is used instead.
#[test]
fn without_a_header_the_report_is_the_same() {
    let recording = Recording::open("post");
    let lines_of = |report: String| -> Vec<String> {
        let findings = report.lines().skip_while(|line| !line.starts_with("found"));
        findings.map(str::to_owned).collect()
    };
    let expected = lines_of(recording.stdout("window", &[]));
    assert!(expected.len() > 15);
    let report = stdout_on(&recording.text("perf-script.txt.zst"), "window", &[]);
    assert!(report.starts_with("recording -: 9.7 s of CPU 1, 4351 samples of cpu-clock"), "{report}");
    assert_same_lines("window", &lines_of(report).join("\n"), &expected);
}

/// `perf script -F comm,cpu,time,ip,sym` prints no ids, no event and no modules.
#[test]
fn the_fewest_fields_find_the_same_culprit() {
    let recording = Recording::open("system");
    let text = String::from_utf8(recording.text("perf-script.txt.zst")).expect("UTF-8");
    let ids = regex::Regex::new(r" +\d+/\d+ +(\[\d+\] +[\d.]+:) +cpu-clock: $")
        .expect("it is a regular expression");
    let fewest: String = text
        .lines()
        .map(|line| match line.starts_with('\t') {
            true => format!("{}\n", &line[..line.rfind(" (").expect("a module")]),
            false => format!("{}\n", ids.replace(line, " $1")),
        })
        .collect();
    let report = |json: &str| -> Value {
        let report: Value = serde_json::from_str(json).expect("JSON");
        let best = &report["ranking"][0];
        ["comm", "syscall", "path", "verdict", "episodes", "baseline_windows"]
            .map(|field| best[field].clone())
            .into()
    };
    let options = ["--format", "json"];
    let expected = report(&recording.stdout("window", &options));
    assert_eq!(report(&stdout_on(fewest.as_bytes(), "window", &options)), expected);
}

/// perf's default form has comm, tid, CPU, µs, period, event, symbols with offsets.
#[test]
fn the_default_form_with_header_is_as_good() {
    let recording = Recording::open("post");
    let text = recording.text("perf-script-default.txt.zst");
    for options in [&["-F", "cpu,tid,event,stack,count"][..], &["--weight", "period"]] {
        assert_eq!(
            stdout_on(&text, "collapse", options),
            recording.stdout("collapse", options),
            "{options:?}"
        );
    }
    let microseconds = |line: &str| format!("{}000", &line[..line.len() - 3]);
    let expected: Vec<String> =
        recording.stdout("collapse", &["-F", "cpu,time"]).lines().map(microseconds).collect();
    assert_same_lines("time", &stdout_on(&text, "collapse", &["-F", "cpu,time"]), &expected);

    let about = |json: String| -> Value {
        let mut info: Value = serde_json::from_str(&json).expect("JSON");
        forget(&mut info, &["file", "file_bytes", "is_script", "start_ns", "end_ns", "duration_ns"]);
        // perf prints a space after the last word.
        let command = info["about"]["command"].as_str().expect("a command").trim().to_owned();
        info["about"]["command"] = command.into();
        info
    };
    let options = ["--format", "json"];
    let (got, expected) =
        (about(stdout_on(&text, "info", &options)), about(recording.stdout("info", &options)));
    for field in ["recording", "about", "cpus", "frames", "unnamed_frames"] {
        assert_eq!(got[field], expected[field], "{field}");
    }
    assert_eq!(got["events"][0], expected["events"][0]);
    assert!(stdout_on(&text, "info", &[]).contains("bytes of text, printed by perf script"));
}
