//! `stallgraph export --format pprof`: each sample is counted once, for as long as it stands, with
//! the labels that the reports give it.

use std::collections::BTreeMap;
use std::process::Command;

use serde_json::Value;

use crate::support::builder::{Builder, Event, Kernel, Mmap, Sample, sample_type};
use crate::support::perf_script::Row;
use crate::support::pprof::{self, Profile};
use crate::support::{MadeUp, Recording, bytes_of, hostile, run};

/// What a reader of standard error and of the profile is told.
const NO_ORDER: &str =
    "a profile has no order: export --format firefox, chrome or speedscope shows what ran before what";

/// What tells the samples of a profile apart: stack, CPU, pid, tid, stall and culprit, window.
type Key = (String, i64, i64, i64, Option<(i64, String)>, Option<i64>);

/// The profile that a command exports.
#[track_caller]
fn export(command: &mut Command, options: &[&str]) -> Profile {
    let (bytes, complaints) = bytes_of(command.args(["--format", "pprof"]).args(options));
    assert_eq!(complaints, format!("stallgraph: {NO_ORDER}\n"));
    pprof::read(&bytes)
}

/// For each key how many samples it has and how many ns they represent.
fn sums(profile: &Profile) -> BTreeMap<Key, (u64, u64)> {
    let mut sums = BTreeMap::new();
    for sample in &profile.samples {
        let number = |key: &str| sample.numbers.get(key).copied();
        let stall = number("stall").map(|stall| (stall, sample.texts["culprit"].clone()));
        assert_eq!(stall.is_some(), sample.texts.contains_key("culprit"), "{sample:?}");
        let [cpu, pid, tid] = ["cpu", "pid", "tid"].map(|key| sample.numbers[key]);
        let key = (sample.folded(), cpu, pid, tid, stall, number("window"));
        assert!(sums.insert(key, sample.weights()).is_none(), "{sample:?} twice");
    }
    sums
}

/// What a report has in a list of its JSON.
fn entries(recording: &Recording, command: &str, list: &str) -> Vec<Value> {
    let result = recording.stdout(command, &["--format", "json"]);
    let result: Value = serde_json::from_str(&result).expect("JSON");
    result[list].as_array().expect("a list").clone()
}

/// How long each row's sample represents: until the next one on its CPU, but two intervals at most.
fn held(rows: &[Row]) -> Vec<u64> {
    const INTERVAL_NS: u64 = 1_000_000_000 / 999;
    let next = rows.iter().skip(1).map(Some).chain([None]);
    let held = rows.iter().zip(next).map(|(row, next)| match next.filter(|next| next.cpu == row.cpu) {
        Some(next) => (next.time_ns - row.time_ns).min(2 * INTERVAL_NS),
        None => INTERVAL_NS,
    });
    held.collect()
}

/// The number from 1 on of the entry that a row's CPU and time lie in, with the entry.
fn lies_in<'e>(row: &Row, entries: &'e [Value], time: impl Fn(&Value) -> &Value) -> Option<(i64, &'e Value)> {
    let holds = |entry: &Value| {
        let time = time(entry);
        let bound = |name: &str| time[name].as_u64().expect("a time");
        // The last sample of the episode before is no part of the window that it cuts.
        let start_ns = bound("start_ns") + u64::from(time["cut_by"] == "previous_episode");
        entry["cpu"] == row.cpu && (start_ns..bound("end_ns")).contains(&row.time_ns)
    };
    (1..).zip(entries).find(|(_, entry)| holds(entry))
}

#[test]
fn each_sample_is_counted_once_with_the_numbers_of_the_reports() {
    for name in Recording::ALL {
        let recording = Recording::open(name);
        let stalls = entries(&recording, "stalls", "stalls");
        let episodes = entries(&recording, "window", "episodes");
        let rows = recording.golden();
        let mut expected: BTreeMap<Key, (u64, u64)> = BTreeMap::new();
        let mut in_windows = vec![0; episodes.len()];
        for (row, held_ns) in rows.iter().zip(held(&rows)) {
            let stall = lies_in(row, &stalls, |stall| stall).map(|(number, stall)| {
                let culprit = &stall["culprit"];
                let [comm, call] = [&culprit["holder"]["comm"], &culprit["syscall"]].map(Value::as_str);
                (number, format!("{} {}", comm.expect("a task"), call.expect("a system call")))
            });
            let window = lies_in(row, &episodes, |episode| &episode["window"]).map(|(number, _)| number);
            if let Some(number) = window {
                in_windows[number as usize - 1] += 1;
            }
            let key = (row.stack(), row.cpu.into(), row.pid.into(), row.tid.into(), stall, window);
            let (samples, ns) = expected.entry(key).or_default();
            *samples += 1;
            *ns += held_ns;
        }
        let reported: Vec<u64> =
            episodes.iter().map(|episode| episode["window"]["samples"].as_u64().expect("samples")).collect();
        assert_eq!(in_windows, reported, "{name}");
        assert!(!stalls.is_empty() && expected.keys().any(|(.., stall, _)| stall.is_some()), "{name}");
        let profile = export(&mut recording.command("export"), &[]);
        let got = sums(&profile);
        for (key, sum) in &expected {
            assert_eq!(got.get(key), Some(sum), "{name}: {key:?}");
        }
        assert_eq!(got.len(), expected.len(), "{name}");
    }
}

#[test]
fn the_options_of_collapse_select_the_same_samples() {
    let recording = Recording::open("system");
    let selections: [&[&str]; 6] = [
        &["-C", "1"],
        &["--time", "4069.5,4070.2"],
        &["--time", "40%-50%", "-C", "0"],
        &["-c", "node_exporter,envoy"],
        &["-c", "hping3", "-C", "0", "--time", ",4069"],
        &["-e", "cpu-clock"],
    ];
    for selection in selections {
        let mut expected: BTreeMap<String, (u64, u64)> = BTreeMap::new();
        let options = [selection, &["--weight", "us"]].concat();
        for line in recording.stdout("collapse", &options).lines() {
            let (stack, us) = line.rsplit_once(' ').expect("a stack and a weight");
            let (samples, sum) = expected.entry(stack.to_owned()).or_default();
            *samples += 1;
            *sum += us.parse::<u64>().expect("a number");
        }
        let mut got: BTreeMap<String, (u64, u64)> = BTreeMap::new();
        for sample in export(&mut recording.command("export"), selection).samples {
            let (samples, ns) = got.entry(sample.folded()).or_default();
            *samples += sample.weights().0;
            *ns += sample.weights().1;
        }
        assert!(got.keys().eq(expected.keys()), "{selection:?}");
        for (stack, (samples, us)) in expected {
            // collapse rounds each weight down to µs.
            let (got_samples, ns) = got[&stack];
            assert_eq!(got_samples, samples, "{selection:?}: {stack}");
            assert!((us..=us + samples).contains(&(ns / 1000)), "{selection:?}: {stack}: {us} us, {ns} ns");
        }
    }
}

#[test]
fn numbers_of_stalls_are_those_of_the_same_selection() {
    let recording = Recording::open("post");
    let stalls = |options: &[&str]| {
        let mut stalls: BTreeMap<i64, u64> = BTreeMap::new();
        for sample in export(&mut recording.command("export"), options).samples {
            if let Some(stall) = sample.numbers.get("stall") {
                *stalls.entry(*stall).or_default() += sample.weights().0;
            }
        }
        stalls
    };
    let all = stalls(&[]);
    assert_eq!(all.keys().copied().collect::<Vec<_>>(), (1..=8).collect::<Vec<_>>());
    let fourth = &entries(&recording, "stalls", "stalls")[3];
    let start_s = fourth["start_ns"].as_u64().expect("a time") as f64 / 1e9;
    let from_fourth = stalls(&["--time", &format!("{:.6},", start_s - 0.001)]);
    assert_eq!(from_fourth.get(&1), all.get(&4), "the fourth is the first of those that are selected");
    assert_eq!(from_fourth.len(), 5);
}

#[test]
fn a_profile_says_what_it_is() {
    for (name, has_time_of_day) in [("post", false), ("system", true)] {
        let recording = Recording::open(name);
        let profile = export(&mut recording.command("export"), &[]);
        let of = |kind: &str, unit: &str| (kind.to_owned(), unit.to_owned());
        assert_eq!(profile.types, [of("samples", "count"), of("time", "nanoseconds")]);
        assert_eq!(profile.default_type, "time");
        assert_eq!(profile.period, ("cpu".to_owned(), "nanoseconds".to_owned(), 1_001_001));
        let rows = recording.golden();
        let start_ns = rows.iter().map(|row| row.time_ns).min().expect("rows");
        let ends = rows.iter().zip(held(&rows)).map(|(row, held_ns)| row.time_ns + held_ns);
        assert_eq!(profile.duration_ns as u64, ends.max().expect("rows") - start_ns, "{name}");
        let firefox: Value =
            serde_json::from_str(&recording.stdout("export", &["--format", "firefox"])).expect("JSON");
        let start_ms = firefox["meta"]["startTime"].as_f64().expect("a number");
        assert_eq!(profile.time_ns > 0, has_time_of_day);
        assert!((profile.time_ns as f64 / 1e6 - start_ms).abs() < 0.001, "{name}: {start_ms}");
        let [origin, order] = &profile.comments[..] else { panic!("{:?}", profile.comments) };
        assert!(origin.starts_with("stallgraph ") && origin.contains("perf.data from 40"), "{origin}");
        assert_eq!(order, NO_ORDER);
        assert_eq!(profile.modules[0].0, "[kernel.kallsyms]", "pprof prints the first above each report");
        assert_eq!(profile.modules[0].1, "e4f18d9dc1d0e6fc2b17e93e885a647b3c0a6fc1");
        assert!(profile.modules.iter().any(|(path, id)| path == "/usr/bin/ip" && id.is_empty()));
    }
}

#[test]
fn samples_that_differ_in_offsets_are_one_and_those_of_two_threads_are_not() {
    let mut kernel = Kernel::new();
    let read = kernel.stack("do_syscall_64;vfs_read");
    let elsewhere: Vec<u64> = read.iter().map(|address| address + 4).collect();
    let mut file = Builder::new();
    file.kernel_map(&kernel).comm((7, 7), "app").comm((7, 8), "app").comm((9, 9), "app");
    file.mmap2(Mmap::new(7, "/opt/one", 0x40_0000, 0x1000));
    file.mmap2(Mmap::new(7, "/opt/two/one", 0x50_0000, 0x1000).build_id(&[0xab; 20]));
    let (here, there) = (read.as_slice(), elsewhere.as_slice());
    let samples = [
        (0, (7, 7), here, 0x40_0100),
        (0, (7, 7), there, 0x40_0200),
        (0, (7, 8), here, 0x40_0100),
        (0, (9, 9), here, 0x40_0100),
        (1, (7, 7), here, 0x40_0100),
        (1, (7, 7), here, 0x50_0100),
        (1, (0, 0), here, 0x40_0100),
    ];
    for (ms, (cpu, task, stack, caller)) in (1..).zip(samples) {
        file.at(cpu, ms * 1_000_000).sample(Sample::new(task).kernel(stack).user(&[caller]));
    }
    let made_up = MadeUp::write(&file.build(), &kernel.kallsyms());
    let profile = export(&mut made_up.command("export"), &[]);
    let got = profile.samples.iter().map(|sample| {
        let [cpu, pid, tid] = ["cpu", "pid", "tid"].map(|key| sample.numbers[key]);
        let (root, module) = &sample.stack[0];
        (cpu, pid, tid, root.as_str(), module.as_deref(), sample.weights().0)
    });
    let (one, two) = (Some("/opt/one"), Some("/opt/two/one"));
    assert_eq!(
        got.collect::<Vec<_>>(),
        [
            (0, 7, 7, "[one]", one, 2),
            (0, 7, 8, "[one]", one, 1),
            (0, 9, 9, "[unknown]", None, 1),
            (1, 7, 7, "[one]", one, 1),
            (1, 7, 7, "[one]", two, 1),
            (1, 0, 0, "[unknown]", None, 1),
        ]
    );
    assert!(profile.samples.iter().all(|sample| sample.folded().ends_with(";do_syscall_64;vfs_read")));
    assert_eq!(profile.modules[2], ("/opt/two/one".to_owned(), "ab".repeat(20)));
}

#[test]
fn the_period_is_that_of_the_event() {
    for (event, unit, period) in [
        (Event::cpu_clock(), "nanoseconds", 1_001_001),
        (Event::cpu_clock().period(4_000_000), "nanoseconds", 4_000_000),
        (Event::cycles().freq(500), "nanoseconds", 2_000_000),
        (Event::cycles().period(1_000_003), "cycles", 1_000_003),
        (Event::new("cycles:ppp", 0, 0).period(7), "cycles", 7),
    ] {
        let mut file = Builder::new();
        file.event(event).event_desc().comm((7, 7), "app");
        for ms in 1..=5 {
            file.at(0, ms * 1_000_000).sample(Sample::new((7, 7)).user(&[0x1000]));
        }
        let made_up = MadeUp::write(&file.build(), "");
        let profile = export(made_up.command("export").arg("--no-symbols"), &[]);
        assert_eq!(profile.period, ("cpu".to_owned(), unit.to_owned(), period));
    }
}

#[test]
fn without_cpus_there_are_neither_cpus_nor_stalls() {
    let fields = sample_type::IP | sample_type::TID | sample_type::TIME | sample_type::CALLCHAIN;
    let mut file = Builder::new();
    file.event(Event::cpu_clock().sample_type(fields)).comm((7, 7), "app").comm((8, 8), "other");
    for ms in 1..=300 {
        let task = if ms % 3 == 0 { (8, 8) } else { (7, 7) };
        file.at(0, ms * 1_000_000).sample(Sample::new(task).user(&[0x1000]));
    }
    let made_up = MadeUp::write(&file.build(), "");
    let profile = export(made_up.command("export").arg("--no-symbols"), &[]);
    assert_eq!(profile.samples.iter().map(|sample| sample.weights().0).sum::<u64>(), 300);
    for sample in &profile.samples {
        let keys: Vec<&str> = sample.numbers.keys().map(String::as_str).collect();
        assert_eq!((keys, sample.texts.len()), (vec!["pid", "tid"], 1), "{sample:?}");
    }
}

#[test]
fn no_name_can_do_harm() {
    let profile = export(&mut hostile::recording().command("export"), &[]);
    assert_eq!(profile.samples.iter().map(|sample| sample.weights().0).sum::<u64>(), 30);
    for text in &profile.strings {
        let is_harmful = |c: char| {
            c.is_control()
                || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
        };
        assert!(!text.contains(is_harmful) && text.len() < 5000, "{text:?}");
    }
    assert!(profile.strings.iter().any(|text| text.contains("script")), "the names are there");
}

#[test]
fn what_a_profile_cannot_show_is_said() {
    let recording = Recording::open("post");
    let lanes = run(recording.command("export").args(["--format", "pprof", "--lanes", "task"]));
    assert_eq!((lanes.code, lanes.stdout.as_str()), (Some(2), ""));
    assert!(lanes.stderr.contains("a profile has no lanes"), "{}", lanes.stderr);
    let folder = tempfile::tempdir().expect("a temporary folder");
    let out = folder.path().join("none.pb.gz");
    let none =
        recording.command("export").args(["--format", "pprof", "-c", "nobody", "-o"]).arg(&out).output();
    let none = none.expect("it starts");
    assert_eq!(none.status.code(), Some(1));
    let profile = pprof::read(&std::fs::read(&out).expect("the profile"));
    assert_eq!((profile.samples.len(), profile.duration_ns), (0, 0));
}
