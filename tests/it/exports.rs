//! `stallgraph export` on real recordings: each format is checked by its own rules, and sample by
//! sample against what perf script printed.

use std::collections::BTreeMap;
use std::fs;

use crate::support::builder::{Builder, Sample};
use crate::support::hostile;
use crate::support::perf_script::Row;
use crate::support::viewers::{Lane, Marker, Shown};
use crate::support::{self, viewers};
use crate::support::{MadeUp, Recording, run};
use serde_json::Value;

/// Folded stack, begin and end of a sample.
type Seen = (String, u64, u64);

/// What each CPU's lane must show: the stack of every row of the golden, from its time (after the
/// first row's) to the CPU's next row, at most two intervals.
fn expected(rows: &[Row]) -> BTreeMap<u32, Vec<Seen>> {
    const INTERVAL_NS: u64 = 1_000_000_000 / 999;
    let start_ns = rows.iter().map(|row| row.time_ns).min().expect("rows");
    let mut lanes: BTreeMap<u32, Vec<Seen>> = BTreeMap::new();
    for cpu_rows in rows.chunk_by(|a, b| a.cpu == b.cpu) {
        let next = cpu_rows.iter().skip(1).map(|row| Some(row.time_ns)).chain([None]);
        let seen = cpu_rows.iter().zip(next).map(|(row, next)| {
            let until_next = next.map_or(INTERVAL_NS, |next| (next - row.time_ns).min(2 * INTERVAL_NS));
            let begin = row.time_ns - start_ns;
            (row.stack(), begin, begin + until_next)
        });
        lanes.insert(cpu_rows[0].cpu, seen.collect());
    }
    lanes
}

fn seen(shown: &[Shown]) -> Vec<Seen> {
    shown.iter().map(|sample| (sample.folded(), sample.start_ns, sample.end_ns)).collect()
}

#[track_caller]
fn assert_same(what: &str, got: &[Seen], expected: &[Seen]) {
    let different = got.iter().zip(expected).position(|(got, expected)| got != expected);
    if let Some(at) = different {
        panic!("{what}, sample {at}\n  got      {:?}\n  expected {:?}", got[at], expected[at]);
    }
    assert_eq!(got.len(), expected.len(), "{what}");
}

/// What `window` and `stalls` report, as markers of a CPU, in ns after the begin of the export.
fn markers(recording: &Recording, cpu: u32, start_ns: u64) -> Vec<(String, u64, u64)> {
    let entries_of = |command, list: &str| -> Vec<Value> {
        let result: Value =
            serde_json::from_str(&recording.stdout(command, &["--format", "json"])).expect("JSON");
        let all = result[list].as_array().expect("a list").iter();
        all.filter(|entry| entry["cpu"] == cpu).cloned().collect()
    };
    let time = |value: &Value| value.as_u64().expect("a time") - start_ns;
    let episodes = entries_of("window", "episodes");
    let markers = episodes.iter().flat_map(|episode| {
        let window = &episode["window"];
        [
            ("window".to_owned(), time(&window["start_ns"]), time(&window["end_ns"])),
            ("episode".to_owned(), time(&episode["start_ns"]), time(&episode["end_ns"])),
        ]
    });
    let mut markers: Vec<_> = markers.collect();
    let stalls = entries_of("stalls", "stalls");
    markers.extend(
        stalls.iter().map(|stall| ("stall".to_owned(), time(&stall["start_ns"]), time(&stall["end_ns"]))),
    );
    markers.sort_by_key(|(kind, begin, end)| (*begin, *end, kind.clone()));
    markers
}

fn without_text(markers: &[Marker]) -> Vec<(String, u64, u64)> {
    let mut markers: Vec<_> =
        markers.iter().map(|marker| (marker.kind.clone(), marker.start_ns, marker.end_ns)).collect();
    markers.sort_by_key(|(kind, begin, end)| (*begin, *end, kind.clone()));
    markers
}

/// The lanes of an export in a format. Chrome's have stretches without change in place of samples.
fn export(recording: &Recording, format: &str, options: &[&str]) -> Vec<(Lane, Option<u64>)> {
    let json = recording.stdout("export", &[&["--format", format], options].concat());
    match format {
        "speedscope" => viewers::speedscope(&json).into_iter().map(|lane| (lane, None)).collect(),
        "firefox" => viewers::firefox(&json).into_iter().map(|lane| (lane, None)).collect(),
        _ => viewers::chrome(&json).into_iter().map(|(lane, counted)| (lane, Some(counted))).collect(),
    }
}

/// Joins consecutive samples of one stack.
fn merged(samples: &[Seen]) -> Vec<Seen> {
    let mut merged: Vec<Seen> = Vec::new();
    for (stack, begin, end) in samples {
        match merged.last_mut().filter(|(last, _, until)| last == stack && until == begin) {
            Some((_, _, until)) => *until = *end,
            None => merged.push((stack.clone(), *begin, *end)),
        }
    }
    merged
}

#[test]
fn every_sample_is_in_its_lane_in_order_at_its_time_for_as_long_as_it_stands() {
    for name in Recording::ALL {
        let recording = Recording::open(name);
        let rows = recording.golden();
        let expected = expected(&rows);
        let start_ns = rows.iter().map(|row| row.time_ns).min().expect("rows");
        for format in ["speedscope", "firefox", "chrome"] {
            let lanes = export(&recording, format, &[]);
            let names: Vec<&str> = lanes.iter().map(|(lane, _)| lane.name.as_str()).collect();
            let cpus: Vec<String> = expected.keys().map(|cpu| format!("CPU {cpu}")).collect();
            assert_eq!(names, cpus, "{name}, {format}");
            for ((lane, counted), (cpu, expected)) in lanes.iter().zip(&expected) {
                let what = format!("{name}, {format}, CPU {cpu}");
                assert_eq!(lane.lost, [], "{what}");
                match counted {
                    None => {
                        let mut got = seen(&lane.samples);
                        // In Firefox the last sample lasts one interval, whatever follows.
                        if let (Some(got), Some(last)) = (got.last_mut(), expected.last())
                            && format == "firefox"
                        {
                            got.2 = last.2;
                        }
                        assert_same(&what, &got, expected);
                    }
                    Some(counted) => {
                        assert_eq!(*counted, expected.len() as u64, "{what}");
                        assert_same(&what, &merged(&seen(&lane.samples)), &merged(expected));
                    }
                }
                let markers =
                    if format == "speedscope" { Vec::new() } else { markers(&recording, *cpu, start_ns) };
                assert_eq!(without_text(&lane.markers), markers, "{what}");
            }
        }
    }
}

#[test]
fn markers_say_what_the_reports_say() {
    let recording = Recording::open("post");
    for format in ["firefox", "chrome"] {
        let (lane, _) = export(&recording, format, &[]).remove(0);
        let texts = |kind: &str| -> Vec<&str> {
            let markers = lane.markers.iter().filter(|marker| marker.kind == kind);
            markers.map(|marker| marker.text.as_str()).collect()
        };
        assert_eq!(
            (texts("window").len(), texts("episode").len(), texts("stall").len()),
            (7, 7, 8),
            "{format}"
        );
        let path = "node_exporter lseek traverse.part.0.constprop.0";
        assert_eq!(texts("window")[0], format!("1: {path}, 81% of its samples that are not idle, 77 ms"));
        assert_eq!(texts("window")[2], "3: no path dominates");
        assert_eq!(texts("episode")[0], "1: ksoftirqd/1");
        assert_eq!(texts("stall")[0], format!("1: {path}, 177 ms, confidence medium"));
    }
}

#[test]
fn the_options_of_collapse_select_the_same_samples() {
    let recording = Recording::open("system");
    let rows = recording.golden();
    let tid = rows.iter().find(|row| row.comm == "node_exporter").expect("the agent").tid.to_string();
    let selections: [&[&str]; 7] = [
        &["-C", "1"],
        &["--time", "4069.5,4070.2"],
        &["--time", "40%-50%", "-C", "0"],
        &["-c", "node_exporter,envoy"],
        &["--tid", &tid],
        &["-c", "hping3", "-C", "0", "--time", ",4069"],
        &["-e", "cpu-clock"],
    ];
    for selection in selections {
        let weights = [selection, &["-F", "cpu,time,stack,count", "--weight", "us"]].concat();
        let mut lines: BTreeMap<String, Vec<(String, String, u64)>> = BTreeMap::new();
        let mut begin = None;
        for line in recording.stdout("collapse", &weights).lines() {
            let columns: Vec<&str> = line.split('\t').collect();
            let (stack, us) = columns[2].rsplit_once(' ').expect("a stack and a count");
            let entry = (columns[1].to_owned(), stack.to_owned(), us.parse().expect("a count"));
            begin = begin.min(Some(columns[1].to_owned())).or(Some(columns[1].to_owned()));
            lines.entry(format!("CPU {}", columns[0])).or_default().push(entry);
        }
        for format in ["speedscope", "firefox", "chrome"] {
            let lanes = export(&recording, format, selection);
            assert_eq!(lanes.len(), lines.len(), "{selection:?}");
            let all_us: u64 = lines.values().flatten().map(|(_, _, us)| us).sum();
            let all_ns: u64 =
                lanes.iter().flat_map(|(lane, _)| &lane.samples).map(|s| s.end_ns - s.start_ns).sum();
            let samples: u64 = lines.values().map(|lines| lines.len() as u64).sum();
            // collapse rounds each weight down to µs; Firefox does not say how long the last sample
            // of a lane lasts.
            let least_us =
                if format == "firefox" { all_us.saturating_sub(2002 * lanes.len() as u64) } else { all_us };
            assert!((least_us..=all_us + samples).contains(&(all_ns / 1000)), "{selection:?}, {format}");
            for (lane, counted) in &lanes {
                let lines = &lines[&lane.name];
                match counted {
                    Some(counted) => assert_eq!(*counted, lines.len() as u64, "{selection:?}"),
                    None => {
                        let stacks: Vec<String> = lane.samples.iter().map(Shown::folded).collect();
                        let expected: Vec<&String> = lines.iter().map(|(_, stack, _)| stack).collect();
                        assert!(stacks.iter().eq(expected), "{selection:?}, {format}");
                    }
                }
            }
        }
        let folded = recording.stdout("export", &[&["--format", "folded"], selection].concat());
        assert_eq!(folded, recording.stdout("collapse", selection), "{selection:?}");
    }
}

#[test]
fn lanes_of_tasks_hold_the_samples_of_each_thread_from_all_cpus() {
    let recording = Recording::open("system");
    let mut threads: BTreeMap<(i32, i32, Option<u32>), Vec<Row>> = BTreeMap::new();
    for row in recording.golden() {
        // Each CPU has an idle task of its own.
        let cpu = (row.tid == 0).then_some(row.cpu);
        threads.entry((row.pid, row.tid, cpu)).or_default().push(row);
    }
    threads.values_mut().for_each(|rows| rows.sort_by_key(|row| row.time_ns));
    assert!(threads.values().any(|rows| rows.iter().any(|row| row.cpu != rows[0].cpu)), "one moves");
    for format in ["speedscope", "firefox", "chrome"] {
        let lanes = export(&recording, format, &["--lanes", "task"]);
        assert_eq!(lanes.len(), threads.len(), "{format}");
        if format != "chrome" {
            let mut got: Vec<Vec<String>> =
                lanes.iter().map(|(lane, _)| lane.samples.iter().map(Shown::folded).collect()).collect();
            let mut expected: Vec<Vec<String>> =
                threads.values().map(|rows| rows.iter().map(Row::stack).collect()).collect();
            got.sort();
            expected.sort();
            assert!(got == expected, "{format}");
        }
        let mut names: Vec<&str> = lanes.iter().map(|(lane, _)| lane.name.as_str()).collect();
        assert!(names.contains(&"swapper on CPU 0"), "CPU 1 slept without a tick: {names:?}");
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), lanes.len(), "{format}: each has a name of its own");
        for (kind, owners) in [
            ("window", ["ksoftirqd/0", "ksoftirqd/1"].as_slice()),
            ("episode", &["ksoftirqd/0", "ksoftirqd/1"]),
            ("stall", &["node_exporter"]),
        ] {
            let of_kind = |lane: &Lane| lane.markers.iter().any(|marker| marker.kind == kind);
            let with = lanes.iter().filter(|(lane, _)| of_kind(lane));
            let with: Vec<&str> = with.map(|(lane, _)| lane.name.split(' ').next().unwrap_or("")).collect();
            let expected = if format == "speedscope" { &[] } else { owners };
            assert_eq!(with, expected, "{format}, {kind}");
        }
    }
    let folded = recording.stdout("export", &["--format", "folded", "--lanes", "task"]);
    let expected: Vec<String> = threads.values().flatten().map(|row| format!("{} 1", row.stack())).collect();
    assert_eq!(folded.lines().count(), expected.len());
    let (mut got, mut all): (Vec<&str>, Vec<&str>) =
        (folded.lines().collect(), expected.iter().map(String::as_str).collect());
    got.sort_unstable();
    all.sort_unstable();
    assert!(got == all);
}

#[test]
fn categories_survive() {
    let recording = Recording::open("system");
    for format in ["speedscope", "firefox", "chrome"] {
        let mut counts: BTreeMap<String, usize> = BTreeMap::new();
        for (lane, _) in export(&recording, format, &[]) {
            for sample in &lane.samples {
                *counts.entry(sample.category.clone()).or_default() += 1;
                let leaf = sample.stack.last().expect("a frame").as_str();
                if leaf == "pv_native_safe_halt" {
                    assert_eq!(sample.category, "idle", "{format}: {sample:?}");
                }
                if sample.stack.iter().any(|name| name == "net_rx_action") {
                    assert!(
                        ["softirq", "interrupt"].contains(&sample.category.as_str()),
                        "{format}: {sample:?}"
                    );
                }
            }
        }
        let categories: Vec<&str> = counts.keys().map(String::as_str).collect();
        assert_eq!(categories, ["idle", "interrupt", "kernel", "softirq", "user"], "{format}: {counts:?}");
    }
}

#[test]
fn names_can_do_no_harm_in_any_format() {
    let hostile = hostile::recording();
    for format in ["speedscope", "firefox", "chrome", "folded"] {
        for lanes in ["cpu", "task"] {
            let run = run(hostile.command("export").args(["--format", format, "--lanes", lanes]));
            assert_eq!(run.code, Some(0), "{format}: {}", run.stderr);
            let text = &run.stdout;
            let is_harmful = |c: char| {
                c.is_control() && c != '\n'
                    || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
            };
            assert_eq!(text.chars().find(|c| is_harmful(*c)), None, "{format}");
            assert!(!text.contains(&"x".repeat(5000)), "{format}: cut");
            assert!(text.contains("script"), "{format}: the names are there");
            if format == "folded" {
                assert_eq!(text.lines().count(), 30);
                continue;
            }
            assert!(!text.contains('<'), "{format}: no element can begin or end");
            assert!(text.to_ascii_lowercase().contains("\\u003cscript>"), "{format}");
            for escape in ["\\u0000", "\\u001b", "\\u202e", "\\n"] {
                assert!(!text.to_ascii_lowercase().contains(escape), "{format}: {escape}");
            }
            let samples: usize = match format {
                "speedscope" => viewers::speedscope(text).iter().map(|lane| lane.samples.len()).sum(),
                "firefox" => viewers::firefox(text).iter().map(|lane| lane.samples.len()).sum(),
                _ => viewers::chrome(text).iter().map(|(_, counted)| *counted as usize).sum(),
            };
            assert_eq!(samples, 30, "{format}, {lanes}");
        }
    }
}

#[test]
fn loss_is_shown() {
    let mut file = Builder::new();
    file.comm((7, 7), "app");
    for ms in (1..=10).chain(31..=40) {
        if ms == 31 {
            file.at(0, 30_500_000).lost(1, 99);
        }
        file.at(0, ms * 1_000_000).sample(Sample::new((7, 7)).user(&[0x1000]));
    }
    let made_up = MadeUp::write(&file.build(), "");
    for format in ["speedscope", "firefox", "chrome"] {
        let run = run(made_up.command("export").args(["--no-symbols", "--format", format]));
        assert_eq!(run.code, Some(0), "{}", run.stderr);
        assert!(run.stderr.contains("99 records were lost"), "{}", run.stderr);
        let lane = match format {
            "speedscope" => viewers::speedscope(&run.stdout).remove(0),
            "firefox" => viewers::firefox(&run.stdout).remove(0),
            _ => viewers::chrome(&run.stdout).remove(0).0,
        };
        let lost_ns: u64 = lane.lost.iter().map(|(begin, end)| end - begin).sum();
        assert!(
            lost_ns > 15_000_000 && lane.lost.iter().all(|(begin, _)| *begin >= 9_000_000),
            "{format}: {:?}",
            lane.lost
        );
    }
}

#[test]
fn a_file_is_written_and_never_over_the_recording() {
    let recording = Recording::open("post");
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (copy, out) = (folder.path().join("perf.data"), folder.path().join("out.json"));
    fs::copy(&recording.file, &copy).expect("a copy");
    let export = |to: &std::path::Path| {
        run(support::stallgraph()
            .args(["export", "--no-symbols", "--format", "speedscope", "-o"])
            .arg(to)
            .arg(&copy))
    };
    let written = export(&out);
    assert_eq!((written.code, written.stdout.as_str()), (Some(0), ""), "{}", written.stderr);
    let lanes = viewers::speedscope(&fs::read_to_string(&out).expect("the export"));
    assert_eq!(lanes[0].samples.len(), 4351);
    let refused = export(&copy);
    assert_eq!(refused.code, Some(2));
    assert!(refused.stderr.contains("that is the recording itself"), "{}", refused.stderr);
    assert_eq!(fs::read(&copy).expect("the recording"), fs::read(&recording.file).expect("the recording"));
    let through = run(support::stallgraph()
        .args(["export", "--no-symbols", "--format", "speedscope", "-o"])
        .arg(&copy)
        .arg("-")
        .stdin(fs::File::open(&copy).expect("the copy")));
    assert!(
        through.code == Some(2) && through.stderr.contains("that is the recording itself"),
        "{through:?}"
    );
    let nowhere = export(&folder.path().join("no/such/folder/x.json"));
    assert_eq!(nowhere.code, Some(2));
    assert!(nowhere.stderr.contains("no/such/folder/x.json"), "{}", nowhere.stderr);
}

#[test]
fn more_lanes_than_anyone_can_look_at_are_refused_where_each_costs_memory() {
    let mut file = Builder::new();
    for tid in 1..=10_001u32 {
        file.at(0, u64::from(tid) * 1000).sample(Sample::new((tid, tid)).user(&[0x1000]));
    }
    let made_up = MadeUp::write(&file.build(), "");
    let export = |format, selection: &[&str]| {
        let options = ["--no-symbols", "--lanes", "task", "--format", format];
        run(made_up.command("export").args(options).args(selection))
    };
    let refused = export("firefox", &[]);
    assert_eq!((refused.code, refused.stdout.as_str()), (Some(2), ""));
    assert!(refused.stderr.contains("10001 lanes") && refused.stderr.contains("--pid"), "{}", refused.stderr);
    assert_eq!(viewers::firefox(&export("firefox", &["--pid", "1,2,3"]).stdout).len(), 3);
    assert_eq!(viewers::speedscope(&export("speedscope", &[]).stdout).len(), 10_001);
    let chrome = viewers::chrome(&export("chrome", &[]).stdout);
    assert_eq!(chrome.iter().map(|(_, counted)| counted).sum::<u64>(), 10_001);
}

#[test]
fn what_was_selected_and_is_not_there_is_said() {
    let recording = Recording::open("post");
    let none = run(recording.command("export").args(["--format", "chrome", "-c", "nobody"]));
    assert_eq!(none.code, Some(1), "{}", none.stderr);
    assert_eq!(viewers::chrome(&none.stdout), []);
    let empty = run(recording.command("export").args(["--format", "speedscope", "-c", "nobody"]));
    assert_eq!((empty.code, viewers::speedscope(&empty.stdout)), (Some(1), Vec::new()));
    let no_cpu = run(recording.command("export").args(["--format", "firefox", "-C", "7"]));
    assert_eq!((no_cpu.code, no_cpu.stdout.as_str()), (Some(2), ""), "{}", no_cpu.stderr);
}
