//! `stallgraph syscalls`: compared with what `perf script` and `perf trace -s` print of a real
//! recording, and on text fixtures.

use std::collections::BTreeMap;
use std::fs;

use crate::support;
use crate::support::fixture::{every_ms, recording};
use crate::support::perf_events::{self, Call};
use crate::support::{Recording, run, stdout_of};
use serde_json::Value;
use stallgraph::analyses::selection::{CpuRange, Selection, TimeRange};
use stallgraph::analyses::syscalls::{self, Options, Source, SystemCalls};
use stallgraph::internals::set_compat;
use stallgraph::model::{Task, TaskId};

fn json(recording: &Recording, options: &[&str]) -> Value {
    let text = recording.stdout("syscalls", &[options, &["--format", "json"]].concat());
    serde_json::from_str(&text).expect("JSON")
}

fn call(value: &Value) -> Option<Call> {
    let hexadecimal = |word: &Value| {
        let digits = word.as_str().and_then(|word| word.strip_prefix("0x")).expect("0x…");
        u64::from_str_radix(digits, 16).expect("hexadecimal")
    };
    Some(Call {
        tid: value["tid"].as_i64().expect("a tid") as i32,
        enter_ns: value["enter_ns"].as_u64()?,
        exit_ns: value["exit_ns"].as_u64()?,
        number: value["number"].as_i64().expect("a number"),
        arguments: value["arguments"].as_array().expect("six").iter().map(hexadecimal).collect(),
        result: value["result"].as_i64().expect("a result"),
    })
}

#[test]
fn every_call_is_that_of_perf_script() {
    let recording = Recording::open("evidence");
    let lines = recording.golden_events();
    let document = json(&recording, &["--min", "0s"]);
    assert_eq!(document["estimate"], false);
    let slow = document["slow"].as_array().expect("a list");
    assert_eq!(slow.len() as u64, document["calls"].as_u64().expect("a count"));

    let mut calls: Vec<Call> = slow.iter().filter_map(call).collect();
    calls.sort();
    let expected = perf_events::calls(&lines);
    assert_eq!(expected.len(), 2836);
    assert_eq!(calls, expected);
    // Every other line is a call whose other end is not in the recording.
    let of = |event: &str| lines.iter().filter(|line| line.event == event).count();
    let without = |end: &str| slow.iter().filter(|value| value[end].is_null()).count();
    assert_eq!(without("exit_ns"), of("raw_syscalls:sys_enter") - expected.len());
    assert_eq!(without("enter_ns"), of("raw_syscalls:sys_exit") - expected.len());

    let time = |value: &Value, key: &str| value[key].as_u64().expect("switches were recorded");
    for value in slow {
        let Some(call) = call(value) else { continue };
        let [on_cpu, asleep, runnable] =
            ["on_cpu_ns", "asleep_ns", "runnable_ns"].map(|key| time(value, key));
        assert_eq!(on_cpu, perf_events::on_cpu_ns(&lines, &call), "{call:?}");
        if value["doubt"].is_null() {
            assert_eq!(on_cpu + asleep + runnable, call.exit_ns - call.enter_ns, "{call:?}");
        } else {
            assert_eq!(value["doubt"], "elsewhere");
            assert!(on_cpu + asleep + runnable < call.exit_ns - call.enter_ns, "{call:?}");
        }
    }
}

#[test]
fn sums_are_those_of_perf_trace() {
    let recording = Recording::open("evidence");
    let document = json(&recording, &["-c", "node_exporter"]);
    let sum = |name: &str| -> Vec<String> {
        let sums = document["summary"].as_array().expect("a list");
        let sum = sums.iter().find(|sum| sum["syscall"] == name).expect("it was called");
        let ms = |key: &str| format!("{:.3}", sum[key].as_u64().expect("ns") as f64 / 1e6);
        let counts = ["calls", "errors"].map(|key| sum[key].to_string());
        counts.into_iter().chain(["total_ns", "min_ns", "avg_ns", "max_ns"].map(ms)).collect()
    };
    // Of `perf trace -s -i perf.data`, perf 6.1.187: calls, errors, total, min, avg, max in ms.
    assert_eq!(sum("lseek"), ["3", "0", "332.758", "98.206", "110.919", "121.687"]);
    assert_eq!(sum("clock_nanosleep"), ["3", "0", "1804.747", "600.134", "601.582", "604.427"]);
}

#[test]
fn who_held_the_cpu_comes_first_and_who_slept_last() {
    let recording = Recording::open("evidence");
    let text = recording.stdout("syscalls", &[]);
    let rows: Vec<Vec<&str>> = text.lines().map(|line| line.split_whitespace().collect()).collect();
    let of = |word: &str| rows.iter().filter(|row| row.first() == Some(&word)).count();
    assert_eq!([of("held"), of("waited"), of("slept"), of("away")], [4, 2, 0, 0]);
    let held: Vec<_> = rows.iter().filter(|row| row.first() == Some(&"held")).collect();
    for (row, took) in held.iter().zip(["122ms", "113ms", "98ms", "22ms"]) {
        assert_eq!([row[4], row[5], row[8]], [took, took, "node_exporter/21025"], "{row:?}");
    }
    assert!(held[..3].iter().all(|row| row[9].starts_with("lseek(3")));

    let all = recording.stdout("syscalls", &["--all", "--min", "50ms"]);
    let words: Vec<&str> = all.lines().filter_map(|line| line.split_whitespace().next()).collect();
    let position = |word: &str| words.iter().position(|other| *other == word);
    let order = ["held", "waited", "slept", "away", "sum"].map(position);
    assert!(order.is_sorted() && order[0].is_some(), "{words:?}");
    // perf's own thread moved to another CPU during its call: `perf trace -s` has one call of 5 s
    // where there are two.
    let of_perf = all.lines().find(|line| line.contains("perf/21014")).expect("it is listed");
    assert!(of_perf.starts_with("away ") && of_perf.contains(" MOVED perf/21014 sched_set"), "{of_perf}");
}

#[test]
fn without_tracepoints_samples_give_an_estimate() {
    let recording = Recording::open("post");
    let document = json(&recording, &[]);
    assert_eq!((&document["estimate"], &document["interval_ns"]), (&true.into(), &1_001_001.into()));
    let truth = fs::read_to_string(recording.folder.join("truth.txt")).expect("the truth");
    let mut slow: Vec<&Value> = document["slow"].as_array().expect("a list").iter().collect();
    slow.sort_by_key(|call| call["start_ns"].as_u64());
    assert_eq!(slow.len(), truth.lines().count());
    for (line, call) in truth.lines().zip(slow) {
        let mut numbers = line.split(' ').map(|word| word.parse::<f64>().expect("a number"));
        let (begin_s, duration_ms) = (numbers.next().unwrap(), numbers.next().unwrap());
        assert_eq!((&call["comm"], &call["syscall"]), (&"node_exporter".into(), &"lseek".into()));
        assert_eq!((&call["enter_ns"], &call["asleep_ns"]), (&Value::Null, &Value::Null));
        // The file is also opened and read, and the clock is about 1.5 ms ahead.
        let begin_ms = (call["start_ns"].as_f64().unwrap() / 1e9 - begin_s) * 1e3;
        assert!((0.0..5.0).contains(&begin_ms), "{begin_ms} ms after {line}");
        let part = call["on_cpu_ns"].as_f64().unwrap() / 1e6 / duration_ms;
        assert!((0.5..1.0).contains(&part), "{part} of {line}");
    }
    let text = recording.stdout("syscalls", &[]);
    assert!(text.contains("an estimate from samples") && text.contains("raw_syscalls:*"), "{text}");
    let is_marked = |line: &str| line.split_whitespace().nth(4).is_some_and(|took| took.starts_with('~'));
    assert!(text.lines().filter(|line| line.starts_with("held ")).all(is_marked), "{text}");
}

#[test]
fn the_selection_is_that_of_calls() {
    let recording = Recording::open("evidence");
    let begins = |options: &[&str]| -> Vec<u64> {
        let document = json(&recording, options);
        let slow = document["slow"].as_array().expect("a list").iter();
        slow.map(|call| call["start_ns"].as_u64().expect("a time")).collect()
    };
    let stall = ["--min", "90ms", "-c", "node_exporter", "--time", "4078.000,4078.050"];
    assert_eq!(begins(&stall), [4_077_947_881_067], "the call that was under way");
    assert_eq!(begins(&["--tid", "21025", "--min", "110ms"]).len(), 5);
    let nothing = run(recording.command("syscalls").args(["--min", "90ms", "--pid", "1"]));
    assert_eq!(nothing.code, Some(1), "{nothing:?}");
    assert!(nothing.stdout.contains("found     0 of 0 system calls took 90ms or longer\n"), "{nothing:?}");
}

/// `held read 150ms` for each slow call of a fixture.
fn slow(text: &str, options: &Options) -> (SystemCalls, Vec<String>) {
    let recording = recording(text);
    let result = syscalls::find(&recording, options).expect("calls or samples");
    let show = |call: &syscalls::SlowCall| {
        let name = call.name.map_or("?", |name| recording.name(name));
        let on_cpu = call.on_cpu_ns.map_or("?".to_owned(), |ns| (ns / 1_000_000).to_string());
        format!("{} {name} {} of {}", call.class.name(), on_cpu, call.duration_ns() / 1_000_000)
    };
    let shown = result.slow.iter().map(show).collect();
    (result, shown)
}

fn at_least(ms: u64) -> Options {
    Options { min_ns: ms * 1_000_000, selection: Selection::default() }
}

const TRACED: &str = "
    cpu0 1.000 agent sys_enter:read(3)
    cpu0 1.150 agent sys_exit:read=1
    cpu0 1.151 agent sys_enter:futex(1)
    cpu0 1.152 agent switch:swapper=S
    cpu0 1.400 swapper switch:agent=R
    cpu0 1.401 agent sys_exit:futex=-110
    cpu0 1.410 agent sys_enter:write(1)
    cpu0 1.420 agent switch:envoy=R
    cpu0 1.500 envoy switch:agent=R
    cpu0 1.501 agent sys_exit:write=5
    cpu0 1.510 agent sys_enter:nanosleep()
    cpu0 1.530 agent switch:swapper=S
    cpu0 1.700 swapper switch:agent=R
    cpu0 1.710 agent sys_exit:nanosleep=0
";

#[test]
fn a_futex_that_slept_is_not_with_a_read_that_burned() {
    let (result, shown) = slow(TRACED, &at_least(20));
    // The last call held the CPU for 30 ms, though it slept for longer.
    assert_eq!(
        shown,
        ["held read 150 of 150", "held nanosleep 30 of 200", "waited write 11 of 91", "slept futex 2 of 250"]
    );
    assert_eq!((result.source, result.calls, result.not_whole), (Source::Traced, 4, 0));
    let errors: BTreeMap<u64, u64> =
        result.summary.iter().map(|sum| (sum.max_ns / 1_000_000, sum.errors)).collect();
    assert_eq!(errors, BTreeMap::from([(150, 0), (250, 1), (91, 0), (200, 0)]));
    let (_, shown) = slow(TRACED, &at_least(0));
    assert_eq!(shown[2..], ["held write 11 of 91", "slept futex 2 of 250"], "10 ms are long");
}

#[test]
fn without_switches_samples_tell_who_held_the_cpu() {
    let traced: String =
        TRACED.lines().filter(|line| !line.contains("switch:")).map(|line| format!("{line}\n")).collect();
    let (_, shown) = slow(&traced, &at_least(100));
    assert_eq!(shown, ["call futex ? of 250", "call nanosleep ? of 200", "call read ? of 150"]);
    let stack = "entry_SYSCALL_64_after_hwframe;do_syscall_64;__x64_sys_read";
    let (result, shown) = slow(&(traced + &every_ms(0, 1000..1150, "agent", stack)), &at_least(100));
    assert_eq!(shown, ["held read 150 of 150", "call futex 0 of 250", "call nanosleep 0 of 200"]);
    assert_eq!(result.slow[0].samples, Some(150));
    assert!(result.notes.iter().any(|note| note.code == "no_switches"));
}

#[test]
fn a_run_of_samples_ends_with_its_call() {
    let read = "entry_SYSCALL_64_after_hwframe;do_syscall_64;__x64_sys_read;vfs_read";
    let interrupted =
        "entry_SYSCALL_64_after_hwframe;do_syscall_64;__x64_sys_read;asm_sysvec_apic_timer_interrupt";
    let write = "entry_SYSCALL_64_after_hwframe;do_syscall_64;__x64_sys_write";
    let text = every_ms(0, 1000..1030, "agent", read)
        + &every_ms(0, 1030..1031, "agent", interrupted)
        + &every_ms(0, 1031..1050, "agent", read)
        + &every_ms(0, 1050..1060, "agent", "main_[u]")
        + &every_ms(0, 1060..1100, "agent", read)
        + &every_ms(0, 1100..1130, "agent", write)
        + &every_ms(0, 1130..1135, "envoy", "main_[u]")
        + &every_ms(0, 1135..1160, "agent", write)
        + &every_ms(0, 1190..1220, "agent", write);
    let (result, shown) = slow(&text, &at_least(20));
    let expected = [
        "held read 50 of 50",
        "held read 40 of 40",
        "held write 30 of 30",
        "held write 30 of 30",
        "held write 26 of 26",
    ];
    assert_eq!(shown, expected);
    assert_eq!(result.source, Source::Sampled { interval_ns: 1_000_000 });
    assert_eq!(result.notes[0].code, "estimate");
    let selection = Selection {
        cpus: Some(vec![CpuRange(0, 0)]),
        time: TimeRange::Clock(Some(1_110_000_000), None),
        comms: Some(vec!["agent".to_owned()]),
        ..Selection::default()
    };
    let (_, shown) = slow(&text, &Options { selection, ..at_least(28) });
    assert_eq!(shown, ["held write 30 of 30"]);
}

#[test]
fn what_was_sampled_is_said_with_the_command_that_does_not() {
    let sampled = format!("sampled raw_syscalls:sys_enter\n{TRACED}cpu0 1.2 agent main_[u]");
    let (result, shown) = slow(&sampled, &at_least(20));
    assert_eq!((shown.len(), result.calls), (0, 0));
    let note = result.notes.iter().find(|note| note.code == "sampled_event").expect("it is said");
    assert!(note.message.starts_with("raw_syscalls:sys_enter sampled (-F"), "{}", note.message);
    assert!(note.sentence().contains("-e 'raw_syscalls:*' --exclude-perf"), "{}", note.sentence());
    assert!(result.notes.iter().any(|note| note.code == "kernel_names"), "user code has none");
}

#[test]
fn nothing_to_tell_is_an_error_with_the_command_that_tells() {
    let sampled = recording(
        "sampled raw_syscalls:sys_exit\ncpu0 1.0 agent sys_enter:read(1)\ncpu0 1.1 agent sys_exit:read=1",
    );
    let error = syscalls::find(&sampled, &at_least(0)).expect_err("no calls, no samples").to_string();
    assert!(error.contains("neither system calls") && error.contains("-e 'raw_syscalls:*'"), "{error}");
}

#[test]
fn examples_of_the_help_are_options_that_exist() {
    let help = stdout_of(support::stallgraph().args(["syscalls", "--help"]));
    for option in ["--min", "--all", "--format", "--comms", "--time"] {
        assert!(help.contains(option), "{option}");
    }
    assert!(help.contains("--exclude-perf"), "{help}");
}

/// The numbers of a 32-bit program are those of its architecture. Its stacks show that it is one.
#[test]
fn a_32_bit_program_has_numbers_of_its_own() {
    const COMPAT: &str = "el0t_32_sync;el0t_32_sync_handler;el0_svc_compat;do_el0_svc_compat;invoke_syscall";
    let text = format!(
        "cpu0 1.0 old main_[u];{COMPAT};__arm64_sys_read
         cpu0 1.1 old sys_enter:3(1)
         cpu0 1.2 old sys_exit:3=1
         cpu0 1.3 new main_[u];el0t_64_sync;el0t_64_sync_handler;el0_svc;invoke_syscall;__arm64_sys_read
         cpu0 1.4 new sys_enter:63(1)
         cpu0 1.5 new sys_exit:63=1"
    );
    let mut recording = recording(&text);
    recording.about.arch = Some("aarch64".to_owned());
    let mut names = std::mem::take(&mut recording.names);
    set_compat(&mut recording, &mut names);
    recording.names = names;
    let task = |comm: &str| {
        let is_meant = |task: &Task| recording.name(task.comm) == comm;
        TaskId::from_index(recording.tasks.iter().position(is_meant).expect("a task"))
    };
    let name =
        |comm: &str, number| recording.system_call(task(comm), number).map(|call| recording.name(call.name));
    assert!(recording.task(task("old")).is_compat && !recording.task(task("new")).is_compat);
    assert_eq!(name("old", 3), Some("read"));
    assert_ne!(name("new", 3), Some("read"));
}

#[test]
fn sums_below_the_least_time_are_counted_and_not_listed() {
    let evidence = Recording::open("evidence");
    let sums = |min: &str| -> Vec<String> {
        let text = evidence.stdout("syscalls", &["--min", min]);
        assert!(text.contains(&format!("more, of less than {min} in all each")), "{text}");
        let rows = text.lines().filter(|line| line.starts_with("sum "));
        rows.map(|row| row.split_whitespace().last().expect("a call").to_owned()).collect()
    };
    assert_eq!(sums("60ms"), ["lseek", "clock_nanosleep", "futex", "wait4", "clock_nanosleep"]);
}
