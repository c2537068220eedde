//! The command that is recommended, and what it costs.

use crate::support::fixture::{every_ms, recording};
use stallgraph::analyses::stalls::{self};
use stallgraph::model::Recording;

use super::scene::{find, served};

#[test]
fn the_command_that_is_printed_records_all_sources() {
    let command = stalls::RECORD.join(" ");
    let recording = recording("cpu0 0.0 envoy work_[u]\ncpu0 2.0 envoy work_[u]\n");
    for witness in find(&recording).witnesses {
        // The call chains of samples are a term of their event there.
        for word in witness.remedy.split_whitespace().filter(|word| !matches!(*word, "-g" | "-e")) {
            let word = word.split('/').next().expect("a first part");
            assert!(command.contains(word), "{:?} needs {word}: {command}", witness.source);
        }
    }
    let page = include_str!("../../../docs/stalls.md");
    let on_page = page.replace("\\\n", "").split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(on_page.contains(&command), "docs/stalls.md has another command");
}

#[test]
fn the_cost_is_that_of_the_rates_of_this_recording() {
    let cost = |text: &str| find(&recording(text)).advice.cost;
    let samples = cost(&every_ms(0, 0..2000, "envoy", "work_[u]"));
    assert_eq!(samples.records, 999);
    let names: Vec<&str> = samples.unknown.iter().map(|(name, _)| *name).collect();
    assert_eq!(names, ["softirq", "system call", "switch", "wake-up", "poll", "packet"]);
    // 1000 softirqs and packets a second: three records for each softirq, one for each packet.
    let traced = cost(&served(0..2000));
    assert!((4990..5010).contains(&traced.records), "{traced:?}");
    let names: Vec<&str> = traced.unknown.iter().map(|(name, _)| *name).collect();
    assert_eq!(names, ["system call", "switch", "wake-up", "poll"]);
}

#[test]
fn the_command_fits_the_machine() {
    let plain = || recording(&every_ms(0, 0..2000, "envoy", "work_[u]"));
    let command = |recording: &Recording| find(recording).advice.command.join(" ");
    assert!(command(&plain()).contains(" -C CPU ") && command(&plain()).contains("cpu-clock/freq=999,"));
    // An event that samples code with interrupts off, where the machine has one.
    let mut with_cycles = plain();
    with_cycles.about.samples_interrupts_off = true;
    assert!(command(&with_cycles).contains(" -e cycles/freq=999,call-graph=fp/ "));
    // The kernel's limit of samples.
    let is_lowered = |asked_hz: Option<u64>, hz: u64, pauses: u64| {
        let mut recording = plain();
        recording.about.asked_hz = asked_hz;
        recording.about.events[0].frequency_hz = Some(hz);
        recording.tally.throttled = pauses;
        find(&recording).advice.is_rate_lowered
    };
    assert!(is_lowered(Some(4000), 1250, 0) && is_lowered(None, 4000, 10));
    assert!(!is_lowered(Some(999), 999, 9) && !is_lowered(None, 1250, 0));
    let mut slow = plain();
    slow.tally.throttled = 100;
    let mut report = Vec::new();
    stallgraph::render::report::stalls::write(&slow, &find(&slow), None, &mut report).expect("memory");
    let report = String::from_utf8(report).expect("UTF-8");
    let limit =
        "record    sysctl -w kernel.perf_event_max_sample_rate=100000\n          perf record -C CPU -k";
    assert!(report.contains(limit), "{report}");
}
