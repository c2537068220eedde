//! `stallgraph collapse` on real recordings: compared line by line with what perf script printed,
//! and each option.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::process::Stdio;

use crate::support;
use crate::support::perf_script::{self, Row};
use crate::support::{Recording, assert_same_lines, run, second_opinion};
use serde_json::Value;

#[test]
fn the_reader_of_perf_script_folds_as_it_says() {
    let check = |frame: &str, expected: &str| {
        let text = format!("a b 1/2 [003] 7.000000001: cpu-clock: \n\t 401000 {frame}\n\n");
        assert_eq!(
            perf_script::read(&text, "cpu-clock")[0].line(),
            format!("3\t7.000000001\ta_b;{expected}")
        );
    };
    check("vfs_read ([kernel.kallsyms])", "vfs_read");
    check("vfs_read+0x1f ([kernel.kallsyms])", "vfs_read");
    check("[unknown] ([unknown])", "[unknown]");
    check("[unknown] ([vdso])", "[[vdso]]");
    check("[unknown] (/usr/lib/libc.so.6)", "[libc.so.6]");
    check("[unknown] (/memfd:x (deleted))", "[memfd:x]");
    check("[unknown] (/opt/a (b)/c)", "[c]");
    check("main (/usr/bin/x (deleted))", "main");
    check("f(int, char) (/usr/bin/x)", "f(int, char)");
    check("a;b\u{202e} (/usr/bin/x)", "a:b?");
    let text = "x 1/1 [000] 2.000000000: cycles:      401000 main (/x)\n\n\
                y 1/1 [000] 1.000000000: sched:sched_switch: \n\t401000 f (/x)\n\n\
                z 1/1 [000] 1.500000000: cycles: \n\t401002 leaf (/x)\n\t401001 root (/x)\n";
    let lines: Vec<String> = perf_script::read(text, "cycles").iter().map(Row::line).collect();
    assert_eq!(lines, ["0\t1.500000000\tz;root;leaf", "0\t2.000000000\tx;main"]);
}

#[test]
fn every_line_is_perf_scripts() {
    for name in Recording::ALL {
        let recording = Recording::open(name);
        let rows = recording.golden();
        assert!(rows.iter().all(|row| !row.frames.is_empty()), "{name}: perf discarded no chain");
        let lines: Vec<String> = rows.iter().map(Row::line).collect();
        assert_same_lines(name, &recording.stdout("collapse", &["-F", "cpu,time,stack"]), &lines);
    }
}

#[test]
fn fields_are_printed_in_the_order_asked_for() {
    let recording = Recording::open("system");
    let rows = recording.golden();
    let check = |fields: &str, line: &dyn Fn(&Row) -> String| {
        let lines: Vec<String> = rows.iter().map(line).collect();
        assert_same_lines(fields, &recording.stdout("collapse", &["-F", fields]), &lines);
    };
    check("stack,count", &|row| format!("{} 1", row.stack()));
    check("stack", &Row::stack);
    check("count,stack", &|row| format!("1\t{}", row.stack()));
    check("time,cpu", &|row| format!("{}\t{}", row.time(), row.cpu));
    check("pid,tid,stack,count", &|row| format!("{}\t{}\t{} 1", row.pid, row.tid, row.stack()));
    check("event,stack,time", &|row| format!("cpu-clock\t{} {}", row.stack(), row.time()));
    check("cpu,time,pid,tid,event,stack,count", &|row| {
        format!("{}\t{}\t{}\t{}\tcpu-clock\t{} 1", row.cpu, row.time(), row.pid, row.tid, row.stack())
    });
}

#[test]
fn by_default_a_line_is_a_stack_and_a_count() {
    let recording = Recording::open("post");
    let lines: Vec<String> = recording.golden().iter().map(|row| row.stack() + " 1").collect();
    assert_same_lines("default", &recording.stdout("collapse", &[]), &lines);
}

#[test]
fn merge_joins_runs_and_loses_no_count() {
    let recording = Recording::open("system");
    let rows = recording.golden();
    let is_run = |a: &Row, b: &Row| (a.cpu, a.pid, a.tid, a.stack()) == (b.cpu, b.pid, b.tid, b.stack());
    let runs: Vec<&[Row]> = rows.chunk_by(is_run).collect();
    assert!(runs.len() < rows.len() - 1000, "there are runs to join");
    let lines: Vec<String> = runs.iter().map(|run| format!("{} {}", run[0].line(), run.len())).collect();
    assert_same_lines(
        "--merge",
        &recording.stdout("collapse", &["--merge", "-F", "cpu,time,stack,count"]),
        &lines,
    );
}

#[test]
fn merged_weights_are_the_sums_of_single_ones() {
    let recording = Recording::open("system");
    for weight in ["period", "us"] {
        let single = counts(&recording.stdout("collapse", &["--weight", weight]));
        let merged = counts(&recording.stdout("collapse", &["--weight", weight, "--merge"]));
        assert_eq!(single.iter().sum::<u64>(), merged.iter().sum::<u64>(), "{weight}");
        assert!(merged.len() < single.len(), "{weight}");
    }
}

/// The time until the CPU's next sample, but at most two intervals: what ran for longer without a
/// sample is unknown. CPU 1 has such holes, where it slept without a tick; CPU 0 is sampled
/// throughout.
#[test]
fn microseconds_add_up_to_the_sampled_time() {
    let recording = Recording::open("system");
    let rows = recording.golden();
    let interval_ns = 1_000_000_000 / 999;
    for (cpu, has_holes) in [(0, false), (1, true)] {
        let times: Vec<u64> = rows.iter().filter(|row| row.cpu == cpu).map(|row| row.time_ns).collect();
        let held = times.windows(2).map(|pair| (pair[1] - pair[0]).min(2 * interval_ns) / 1000);
        let expected: Vec<u64> = held.chain([interval_ns / 1000]).collect();
        let got = counts(&recording.stdout("collapse", &["-C", &cpu.to_string(), "--weight", "us"]));
        assert_eq!(got, expected, "CPU {cpu}");
        let (sum_us, all_us) = (got.iter().sum::<u64>(), (times[times.len() - 1] - times[0]) / 1000);
        assert_eq!(sum_us < all_us * 99 / 100, has_holes, "CPU {cpu}: {sum_us} us of {all_us} us");
    }
}

#[test]
fn periods_are_those_of_the_samples() {
    for name in ["post", "system"] {
        let recording = Recording::open(name);
        let expected: Vec<u64> =
            second_opinion(&recording.file, "cpu-clock").iter().map(|sample| sample.period).collect();
        assert!(expected.iter().all(|&period| period > 1), "{name}: ns, so that they differ from samples");
        assert_eq!(counts(&recording.stdout("collapse", &["--weight", "period"])), expected, "{name}");
    }
}

#[test]
fn split_writes_one_file_per_cpu() {
    let recording = Recording::open("system");
    let folder = tempfile::tempdir().expect("a temporary folder");
    let directory = folder.path().join("made/for/it");
    let stdout = recording.stdout("collapse", &["--split", directory.to_str().expect("UTF-8")]);
    assert_eq!(stdout, "", "what goes into files does not go to standard output");
    let mut files: Vec<_> =
        fs::read_dir(&directory).expect("it is made").map(|file| file.unwrap().path()).collect();
    files.sort();
    let names: Vec<_> = files.iter().map(|file| file.file_name().unwrap().to_str().unwrap()).collect();
    assert_eq!(names, ["cpu-0.folded", "cpu-1.folded"]);
    let all: Vec<String> =
        files.iter().map(|file| fs::read_to_string(file).expect("folded stacks")).collect();
    assert_eq!(all.concat(), recording.stdout("collapse", &[]));
    assert_eq!(all[1], recording.stdout("collapse", &["-C", "1"]));
    // What is already there is named before it is replaced, and so is what stays.
    let again = |options: &[&str]| {
        let run = run(recording.command("collapse").arg("--split").arg(&directory).args(options));
        assert_eq!(run.code, Some(0), "{run:?}");
        run.stderr.replace(directory.to_str().expect("UTF-8"), "DIR")
    };
    assert_eq!(again(&[]), "stallgraph: note: cpu-0.folded and 1 more in DIR will be replaced\n");
    let one = again(&["-C", "1"]);
    assert_eq!(
        one,
        "stallgraph: note: cpu-1.folded in DIR will be replaced\n\
         stallgraph: note: cpu-0.folded in DIR of an earlier run will stay\n"
    );
}

#[test]
fn a_file_may_be_named_as_for_other_commands() {
    let recording = Recording::open("system");
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("out.folded");
    for option in ["-o", "--output"] {
        let stdout = recording.stdout("collapse", &[option, file.to_str().expect("UTF-8")]);
        assert_eq!(stdout, "");
        assert_eq!(fs::read_to_string(&file).expect("it is written"), recording.stdout("collapse", &[]));
    }
    assert_eq!(recording.stdout("collapse", &["-o", "-"]), recording.stdout("collapse", &[]));
    let copy = folder.path().join("perf.data");
    fs::copy(&recording.file, &copy).expect("a copy");
    let itself = run(support::stallgraph().arg("collapse").arg(&copy).arg("-o").arg(&copy));
    assert_eq!(itself.code, Some(2), "{itself:?}");
    assert!(itself.stderr.contains("that is the recording itself"), "{itself:?}");
    let both = run(recording.command("collapse").args(["-o", "a", "--split", "b"]));
    assert_eq!(both.code, Some(2), "{both:?}");
}

#[test]
fn options_select_samples() {
    let recording = Recording::open("system");
    let rows = recording.golden();
    let check = |options: &[&str], is_meant: &dyn Fn(&Row) -> bool| {
        let meant = rows.iter().filter(|row| is_meant(row));
        let lines: Vec<String> = meant.map(Row::line).collect();
        assert!(!lines.is_empty() && lines.len() < rows.len(), "{options:?} proves nothing here");
        let stdout = recording.stdout("collapse", &[options, &["-F", "cpu,time,stack"]].concat());
        assert_same_lines(&format!("{options:?}"), &stdout, &lines);
    };
    let is_comm = |row: &Row, comms: &[&str]| comms.contains(&row.comm.as_str());
    check(&["-C", "1"], &|row| row.cpu == 1);
    check(&["--cpu", "1-7"], &|row| row.cpu == 1);
    check(&["-c", "envoy"], &|row| is_comm(row, &["envoy"]));
    check(&["--comms", "envoy,node_exporter"], &|row| is_comm(row, &["envoy", "node_exporter"]));
    check(&["-C", "0", "-c", "ksoftirqd/0,swapper"], &|row| {
        row.cpu == 0 && is_comm(row, &["ksoftirqd/0", "swapper"])
    });
    let envoy = rows.iter().find(|row| row.comm == "envoy").expect("envoy").clone();
    let other = rows.iter().find(|row| row.comm == "node_exporter").expect("node_exporter").clone();
    let (pid, tids) = (envoy.pid.to_string(), format!("{},{}", envoy.tid, other.tid));
    check(&["--pid", &pid], &|row| row.pid == envoy.pid);
    check(&["--tid", &tids], &|row| row.tid == envoy.tid || row.tid == other.tid);
    check(&["--pid", "0"], &|row| row.pid == 0);
}

#[test]
fn time_selects_samples_ends_included() {
    let recording = Recording::open("system");
    let rows = recording.golden();
    let check = |range: &str, (start_ns, stop_ns): (u64, u64)| {
        let is_meant = |row: &&Row| (start_ns..=stop_ns).contains(&row.time_ns);
        let lines: Vec<String> = rows.iter().filter(is_meant).map(Row::line).collect();
        assert!(!lines.is_empty() && lines.len() < rows.len(), "{range} proves nothing here");
        let stdout = recording.stdout("collapse", &["--time", range, "-F", "cpu,time,stack"]);
        assert_same_lines(range, &stdout, &lines);
    };
    let (from, to) = (&rows[1000], &rows[3000]);
    check(&format!("{},{}", from.time(), to.time()), (from.time_ns, to.time_ns));
    check(&format!("{},", from.time()), (from.time_ns, u64::MAX));
    check(&format!(",{}", to.time()), (0, to.time_ns));
    check("4070,4071.5", (4_070_000_000_000, 4_071_500_000_000));
}

/// perf's percentages are of the time from the first sample to the last
/// (tools/perf/util/time-utils.c), not from the first side-band record, which may be seconds
/// earlier.
#[test]
fn percent_are_of_the_sampled_time_as_perf_has_them() {
    for name in ["post", "system"] {
        let recording = Recording::open(name);
        let rows = recording.golden();
        let first_ns = rows.iter().map(|row| row.time_ns).min().expect("samples");
        let last_ns = rows.iter().map(|row| row.time_ns).max().expect("samples");
        for (start, stop) in [(10, 20), (0, 50), (50, 100)] {
            let at = |percent: u64| first_ns + (last_ns - first_ns) * percent / 100;
            let is_meant = |row: &&Row| (at(start)..=at(stop)).contains(&row.time_ns);
            let lines: Vec<String> = rows.iter().filter(is_meant).map(Row::line).collect();
            let range = format!("{start}%-{stop}%");
            let stdout = recording.stdout("collapse", &["--time", &range, "-F", "cpu,time,stack"]);
            assert_same_lines(&format!("{name} {range}"), &stdout, &lines);
        }
    }
}

#[test]
fn an_event_is_found_by_its_name() {
    let recording = Recording::open("evidence");
    let default = recording.stdout("collapse", &["-F", "cpu,time,event,stack"]);
    assert_eq!(recording.stdout("collapse", &["-e", "cpu-clock", "-F", "cpu,time,event,stack"]), default);
    assert_eq!(
        recording.stdout("collapse", &["--event", "cpu-clock/freq=999/", "-F", "cpu,time,event,stack"]),
        default
    );
    for event in ["sched:sched_switch", "sched:sched_waking"] {
        let samples = second_opinion(&recording.file, event);
        assert!(samples.len() > 1000, "{event}");
        let expected: Vec<String> = samples.iter().map(|sample| format!("{}\t{event}", sample.cpu)).collect();
        assert_same_lines(event, &recording.stdout("collapse", &["-e", event, "-F", "cpu,event"]), &expected);
    }
}

#[test]
fn a_reader_that_has_seen_enough_is_no_error() {
    let recording = Recording::open("system");
    let mut command = recording.command("collapse");
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
    let mut first = String::new();
    let mut reader = BufReader::new(child.stdout.take().expect("a pipe"));
    reader.read_line(&mut first).expect("a line");
    assert!(first.ends_with(" 1\n"), "{first}");
    // Closes the pipe early, as head does. The output is far larger than a pipe holds, so the
    // program is still writing.
    drop(reader);
    let mut complaints = String::new();
    child.stderr.take().expect("a pipe").read_to_string(&mut complaints).expect("text");
    assert_eq!((child.wait().expect("it ends").code(), complaints.as_str()), (Some(0), ""));
}

#[test]
fn kernel_functions_can_be_marked() {
    let recording = Recording::open("post");
    let marked = |row: &Row| {
        let names = row.frames.iter().map(|frame| match frame.is_kernel {
            true => format!(";{}_[k]", frame.name),
            false => format!(";{}", frame.name),
        });
        format!("{}{} 1", row.comm, names.collect::<String>())
    };
    let lines: Vec<String> = recording.golden().iter().map(marked).collect();
    assert!(lines.iter().any(|line| line.contains(";[libc.so.6];entry_SYSCALL_64_after_hwframe_[k];")));
    assert_same_lines("--kernel-suffix", &recording.stdout("collapse", &["--kernel-suffix"]), &lines);
}

#[test]
fn two_runs_print_the_same_bytes() {
    for name in Recording::ALL {
        let recording = Recording::open(name);
        for options in [&["-F", "cpu,time,pid,tid,event,stack,count"][..], &["--merge", "--weight", "us"]] {
            let first = recording.stdout("collapse", options);
            assert_eq!(first, recording.stdout("collapse", options), "{name} {options:?}");
        }
    }
}

#[test]
fn standard_input_is_a_file_like_any_other() {
    let recording = Recording::open("post");
    let file = fs::File::open(&recording.file).expect("the recording");
    let mut command = recording.command("collapse");
    let named = run(&mut command);
    let mut command = support::stallgraph();
    command.args(["collapse", "-", "--kallsyms"]).arg(recording.folder.join("kallsyms"));
    command.arg("--symfs").arg(recording.folder.join("symfs")).stdin(file);
    let piped = run(&mut command);
    assert_eq!((piped.code, piped.stderr.as_str()), (Some(0), ""));
    assert_eq!(piped.stdout, named.stdout);
}

#[test]
fn what_matches_nothing_is_not_found() {
    let recording = Recording::open("post");
    let none = |command: &str, options: &[&str]| {
        let run = run(recording.command(command).args(options));
        assert_eq!(run.code, Some(1), "{command} {options:?}: {run:?}");
        run.stderr
    };
    assert_eq!(none("collapse", &["-c", "nobody"]), "stallgraph: -c nobody: no task has this comm\n");
    let alike = "stallgraph: -c ksoftirqd: no task has this comm; there is ksoftirqd/0, ksoftirqd/1\n";
    assert_eq!(none("collapse", &["-c", "ksoftirqd"]), alike);
    assert_eq!(none("syscalls", &["-c", "ksoftirqd"]), alike);
    assert_eq!(
        none("collapse", &["--pid", "999998,999999"]).matches("the recording has no such process").count(),
        2
    );
    assert!(
        none("export", &["--format", "folded", "--tid", "999998"])
            .contains("--tid 999998: the recording has no such")
    );
    // Each is there, but not together.
    let together = none("collapse", &["-c", "ksoftirqd/1", "--pid", "0"]);
    assert!(
        together.contains("nothing was recorded of what -c, --pid, --tid, -C and --time select"),
        "{together}"
    );
    let between = none("collapse", &["--time", "4057.7650001,4057.7650002"]);
    assert!(between.contains("nothing was recorded of what"), "{between}");
}

#[test]
fn info_counts_every_record() {
    for name in Recording::ALL {
        let recording = Recording::open(name);
        let info: Value =
            serde_json::from_str(&recording.stdout("info", &["--format", "json"])).expect("JSON");
        let records = &info["records"];
        let number = |field: &str| records[field].as_u64().expect("a number");
        let sum = |field: &str| -> u64 {
            records[field].as_object().expect("by type").values().filter_map(Value::as_u64).sum()
        };
        let used = number("samples") + number("other_events") + number("side_band");
        assert_eq!(number("read"), used + sum("skipped") + sum("rejected"), "{name}");
        assert_eq!(number("samples"), recording.golden().len() as u64, "{name}");
        assert_eq!(number("lost") + sum("rejected") + number("unread_bytes"), 0, "{name}");
    }
}

/// The counts of folded stacks: the number after the last space.
fn counts(folded: &str) -> Vec<u64> {
    let count = |line: &str| line.rsplit(' ').next().and_then(|count| count.parse().ok());
    folded.lines().map(|line| count(line).unwrap_or_else(|| panic!("no count: {line}"))).collect()
}
