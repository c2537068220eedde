//! The samples of `perf record --off-cpu`, written as perf 5.19 to 6.14 writes them: after the
//! recording, with times that only order them, of CPU 0, with user call chains
//! (tools/perf/util/bpf_off_cpu.c, `off_cpu_write`). perf writes them only where it was built with
//! BPF skeletons, so these are made up.

use crate::support::builder::{Builder, Event, Sample, sample_type};
use crate::support::{MadeUp, Run, run};
use serde_json::Value;

/// OFF_CPU_TIMESTAMP there.
const TIMESTAMP: u64 = u64::MAX << 32;

/// 100 samples of cpu-clock, and the times off the CPU of two tasks; with `switches` a dummy that
/// records switches.
fn recording(switches: bool) -> MadeUp {
    let mut builder = Builder::new();
    let clock = Event::cpu_clock();
    let clock = if switches { clock.set(1 << 26) } else { clock };
    builder.event(clock).event(Event::new("offcpu-time", 1, 10).freq(1));
    builder.event_desc();
    builder.comm((7, 7), "worker").comm((9, 9), "waiter");
    for number in 1..=100 {
        builder.at(1, number * 1_000_000).sample(Sample::new((7, 7)).user(&[0x40_1000]).period(1_000_000));
    }
    for (number, task, place, ns) in [
        (0, (9, 9), 0x50_2000, 3_000_000_000),
        (1, (7, 7), 0x50_1000, 20_000_000),
        (2, (9, 9), 0x50_3000, 1_999_999),
    ] {
        let sample = Sample::new(task).event(1).user(&[0x50_0000, place]).period(ns);
        builder.at(0, TIMESTAMP + number).sample(sample);
    }
    MadeUp::write(&builder.build(), "")
}

fn of(recording: &MadeUp, command: &str, options: &[&str]) -> Run {
    run(recording.command(command).arg("--no-symbols").args(options))
}

#[test]
fn they_are_never_samples_of_time_on_the_cpu() {
    let recording = recording(false);
    let collapsed = of(&recording, "collapse", &["--merge"]);
    assert_eq!(
        (collapsed.code, collapsed.stdout.as_str()),
        (Some(0), "worker;[unknown] 100\n"),
        "{}",
        collapsed.stderr
    );
    let stalls = of(&recording, "stalls", &["--format", "json"]);
    let document: Value =
        serde_json::from_str(&stalls.stdout).unwrap_or_else(|_| panic!("{}", stalls.stderr));
    assert_eq!(document["recording"]["duration_ns"], 99_000_000);
    assert_eq!(document["recording"]["event"], "cpu-clock");
}

#[test]
fn they_tell_what_threads_waited_for_where_there_are_no_switches() {
    let recording = recording(false);
    let result = of(&recording, "offcpu", &["--format", "json"]);
    let document: Value =
        serde_json::from_str(&result.stdout).unwrap_or_else(|_| panic!("{}", result.stderr));
    assert_eq!((&document["source"], &document["total_ns"]), (&"samples".into(), &3_021_999_999_u64.into()));
    let groups = document["groups"].as_array().expect("a list");
    let shown: Vec<_> =
        groups.iter().map(|group| (&group["state"], &group["comm"], &group["total_ns"])).collect();
    let off = &Value::from("off");
    assert_eq!(
        shown,
        [(off, &"waiter".into(), &3_001_999_999_u64.into()), (off, &"worker".into(), &20_000_000.into())]
    );
    assert!(groups.iter().all(|group| group["spans"].is_null() && group["longest"].is_null()));
    let text = of(&recording, "offcpu", &[]);
    assert!(text.code == Some(0) && text.stdout.contains("perf added"), "{}{}", text.stdout, text.stderr);

    let folded = of(&recording, "collapse", &["--off-cpu"]);
    let expected = "waiter;[unknown];[unknown] 3000000\nworker;[unknown];[unknown] 20000\n\
                    waiter;[unknown];[unknown] 1999\n";
    assert_eq!((folded.code, folded.stdout.as_str()), (Some(0), expected), "{}", folded.stderr);
}

/// Since 6.15 thread, period and call chain are in the payload (`__set_offcpu_sample` in
/// tools/perf/util/evsel.c), and a long wait is written when it ends.
#[test]
fn payloads_hold_them_since_6_15() {
    use sample_type::{CPU, IDENTIFIER, IP, PERIOD, RAW, TID, TIME};
    let mut builder = Builder::new();
    let off_cpu = Event::new("offcpu-time", 1, 10).freq(1);
    builder
        .event(Event::cpu_clock())
        .event(off_cpu.sample_type(IDENTIFIER | IP | TID | TIME | CPU | PERIOD | RAW));
    builder.event_desc();
    builder.comm((7, 7), "worker").comm((9, 10), "waiter");
    builder.at(1, 1_000_000).sample(Sample::new((7, 7)).user(&[0x40_1000]).period(1_000_000));
    let payload = |period: u64, chain: &[u64]| -> Vec<u8> {
        let words = [[(10 << 32) | 9, period, chain.len() as u64].as_slice(), chain, &[0]].concat();
        words.into_iter().flat_map(u64::to_le_bytes).collect()
    };
    let chain = [u64::MAX - 511, 0x50_2000, 0x50_0000];
    for (time_ns, raw) in [
        (2_000_000, payload(600_000_000, &chain)),
        (TIMESTAMP, payload(5_000_000, &chain)),
        (TIMESTAMP + 1, payload(5_000_000, &chain)[..20].to_vec()),
    ] {
        builder.at(1, time_ns).sample(Sample::new((7, 7)).event(1).raw(&raw));
    }
    let recording = MadeUp::write(&builder.build(), "");
    let folded = of(&recording, "collapse", &["--off-cpu", "--merge", "-F", "pid,tid,stack,count"]);
    assert_eq!(folded.stdout, "9\t10\twaiter;[unknown];[unknown] 605000\n", "{}", folded.stderr);
    assert!(folded.stderr.contains("1 records were rejected: time off the CPU"), "{}", folded.stderr);
}

#[test]
fn switches_come_first() {
    let recording = recording(true);
    let result = of(&recording, "offcpu", &[]);
    // The recording could have switches, and has none.
    assert_eq!(result.code, Some(2), "{}", result.stdout);
    assert!(result.stderr.contains("-e offcpu-time"), "{}", result.stderr);
    assert_eq!(of(&recording, "offcpu", &["-e", "offcpu-time"]).code, Some(0));
}
