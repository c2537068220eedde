//! Losses: records that the kernel dropped, and pauses of sampling (PERF_RECORD_THROTTLE), in
//! recordings made by the builder.

use std::path::Path;

use crate::support::builder::{Builder, Event, Kernel, Sample};
use crate::support::{run, stallgraph};
use stallgraph::load::{Options, Sources, load_bytes};
use stallgraph::model::Recording;

const MS: u64 = 1_000_000;
const AGENT: (u32, u32) = (42, 42);
/// The ids of the builder's first two events.
const CLOCK: u64 = 100;
const FAULTS: u64 = 101;

/// A second of CPU 0, sampled every ms, but for the ms of `holes`. `records` adds to it.
fn second(holes: std::ops::Range<u64>, records: impl Fn(u64, &mut Builder)) -> Vec<u8> {
    let mut kernel = Kernel::new();
    let stack = kernel.stack("entry_SYSCALL_64_after_hwframe;do_syscall_64;__x64_sys_lseek;traverse");
    let mut file = Builder::new();
    file.event(Event::cpu_clock()).event(Event::new("page-faults", 1, 2).period(1));
    file.kernel_map(&kernel).comm(AGENT, "agent");
    for ms in 0..1000 {
        file.at(0, (1000 + ms) * MS);
        records(ms, &mut file);
        if !holes.contains(&ms) {
            file.sample(Sample::new(AGENT).kernel(&stack));
        }
    }
    file.build()
}

fn load(bytes: &[u8]) -> Recording {
    let sources = Sources { disabled: true, ..Sources::default() };
    let options = Options { sources, events: true, ..Options::default() };
    load_bytes(bytes, Path::new("perf.data"), &options, &|_, _, _| {}).expect("it loads")
}

/// The pauses of CPU 0, from one ms to another.
fn pauses(recording: &Recording) -> Vec<(u64, u64)> {
    let cpu = recording.timeline(0).expect("CPU 0");
    cpu.throttled.iter().map(|gap| (gap.start_ns / MS - 1000, gap.end_ns / MS - 1000)).collect()
}

#[test]
fn a_pause_that_never_ends_lasts_as_long_as_the_recording() {
    let bytes = second(800..900, |ms, file| {
        if ms == 800 {
            file.throttle(CLOCK);
        }
    });
    let recording = load(&bytes);
    assert_eq!((pauses(&recording), recording.tally.throttled), (vec![(800, 999)], 1));
    let file = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(file.path(), &bytes).expect("it is written");
    for command in ["check", "info", "stalls", "window"] {
        let ran = run(stallgraph().arg(command).arg("--no-symbols").arg(file.path()));
        assert!(!format!("{ran:?}").contains("1844674"), "{ran:?}");
    }
}

#[test]
fn pauses_of_two_events_are_one_pause_while_either_is_paused() {
    let recording = load(&second(10..40, |ms, file| {
        match ms {
            10 => file.throttle(CLOCK),
            20 => file.throttle(FAULTS),
            30 => file.unthrottle(CLOCK),
            40 => file.unthrottle(FAULTS),
            _ => file,
        };
    }));
    assert_eq!((pauses(&recording), recording.tally.throttled), (vec![(10, 40)], 2));
}

#[test]
fn a_pause_of_a_few_sampling_intervals_is_no_loss() {
    // At 999 Hz four intervals are 4.004 ms.
    for (ms, expected) in [(1, vec![]), (4, vec![]), (5, vec![(100, 105)])] {
        let recording = load(&second(100..100 + ms, |at, file| {
            if at == 100 {
                file.throttle(CLOCK);
            } else if at == 100 + ms {
                file.unthrottle(CLOCK);
            }
        }));
        assert_eq!((pauses(&recording), recording.tally.throttled), (expected, 1), "{ms} ms");
        let cpu = recording.timeline(0).expect("CPU 0");
        assert_eq!(cpu.is_lossy_in(1100 * MS, 1110 * MS), ms == 5);
    }
}

#[test]
fn the_share_of_loss_is_that_of_the_samples() {
    let share = |comms: u64| {
        let recording = load(&second(0..0, |ms, file| {
            for number in 0..comms {
                file.comm(AGENT, &format!("agent{number}"));
            }
            if ms == 500 {
                file.lost(CLOCK, 250);
            }
        }));
        recording.tally.lost_share()
    };
    // perf: lost / (lost + samples). Side band does not count, however much of it there is.
    assert_eq!((share(0), share(100)), (0.2, 0.2));
}

/// The kernel tells of a loss together with the next record that has room: at its time, or some µs
/// later.
#[test]
fn a_loss_lasts_from_the_sample_before_it() {
    for late_ns in [0, 15_000] {
        let bytes = second(500..625, |ms, file| {
            if ms == 625 {
                file.at(0, (1000 + ms) * MS + late_ns).lost(CLOCK, 125);
                file.at(0, (1000 + ms) * MS);
            }
        });
        let recording = load(&bytes);
        let lost = &recording.timeline(0).expect("CPU 0").lost;
        assert_eq!(lost.len(), 1);
        let gap = (lost[0].start_ns / MS - 1000, lost[0].end_ns / MS - 1000, lost[0].records);
        assert_eq!(gap, (499, 625, 125), "{late_ns} ns late");
    }
}
