//! The command that is recommended, and what it costs.

use crate::support::fixture::{every_ms, recording};
use stallgraph::model::Recording;

use super::scene::{LSEEK, find, served};

#[test]
fn the_cost_is_that_of_the_rates_of_this_recording() {
    let cost = |text: &str| find(&recording(text)).advice.cost;
    let samples = cost(&every_ms(0, 0..2000, "envoy", "work_[u]"));
    assert_eq!((samples.records, samples.bytes), (999, 999 * 135));
    assert_eq!(samples.unknown, [("NET_RX", 160), ("switch", 96), ("wake-up of ksoftirqd", 104)]);
    // 1000 runs of NET_RX a second: two records for each.
    let received = cost(&served(0..2000));
    assert!((2990..3010).contains(&received.records), "{received:?}");
    assert!((290_000..300_000).contains(&received.bytes), "{received:?}");
    assert_eq!(received.unknown, [("switch", 96), ("wake-up of ksoftirqd", 104)]);
    // Two switches. The other softirqs may have been left out by a filter.
    let stack = format!("{LSEEK};work");
    let sampled = every_ms(0, 0..2000, "agent", &stack) + &served(0..2000);
    let switched = sampled + "cpu0 0.5 agent switch:swapper=S\ncpu0 1.5 swapper switch:agent=R\n";
    let of_all = cost(&switched);
    let names: Vec<&str> = of_all.unknown.iter().map(|(name, _)| *name).collect();
    assert_eq!(names, ["softirq", "system call", "wake-up", "poll"]);
    // 1000 packets a second, one switch a second.
    assert!((1990..2010).contains(&of_all.records), "{of_all:?}");
    let with_timers = switched + "cpu0 1.0 agent raise:timer\ncpu0 1.0001 agent entry:timer\n";
    let of_all = cost(&with_timers);
    assert!((4980..5010).contains(&of_all.records), "{of_all:?}");
}

#[test]
fn the_command_fits_the_machine() {
    let plain = || recording(&every_ms(0, 0..2000, "envoy", "work_[u]"));
    let command = |recording: &Recording| find(recording).advice.command.join(" ");
    assert!(
        command(&plain()).starts_with("perf record -C 0 ")
            && command(&plain()).contains("cpu-clock/freq=999,")
    );
    // Of several CPUs none is known to stall.
    let two = recording(&[0, 1].map(|cpu| every_ms(cpu, 0..2000, "envoy", "work_[u]")).concat());
    assert!(command(&two).starts_with("perf record -a "), "{}", command(&two));
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
    stallgraph::render::report::stalls::write(&slow, &find(&slow), None, true, &mut report).expect("memory");
    let report = String::from_utf8(report).expect("UTF-8");
    let limit = "record    sysctl -w kernel.perf_event_max_sample_rate=100000\n          perf record -C 0 -k CLOCK_MONOTONIC";
    assert!(report.contains(limit), "{report}");
}
