//! The sampling event: which of several it is, what it is called, and how `-e` names it.

use std::path::Path;

use crate::support::builder::{Builder, Event, Kernel, Sample};
use crate::support::{run, stallgraph};
use stallgraph::analyses::stalls::{self, Lack, Source};
use stallgraph::load::{Options, Sources, load_bytes};
use stallgraph::model::Recording;

const TASK: (u32, u32) = (42, 42);
const CACHE_MISSES: (u32, u64) = (0, 3);

/// A second of these events, each with this many samples.
fn file(events: Vec<(Event, u64)>, has_names: bool) -> Vec<u8> {
    let mut kernel = Kernel::new();
    let stack = kernel.stack("entry_SYSCALL_64_after_hwframe;do_syscall_64;__x64_sys_read;vfs_read");
    let mut file = Builder::new();
    if has_names {
        file.event_desc();
    }
    let counts: Vec<u64> = events.iter().map(|(_, count)| *count).collect();
    for (event, _) in events {
        file.event(event);
    }
    file.kernel_map(&kernel).comm(TASK, "worker");
    for ms in 0..1000 {
        file.at(0, (1000 + ms) * 1_000_000);
        for (event, _) in counts.iter().enumerate().filter(|(_, count)| ms < **count) {
            file.sample(Sample::new(TASK).kernel(&stack).event(event));
        }
    }
    file.build()
}

fn load(bytes: &[u8], event: Option<&str>) -> stallgraph::Result<Recording> {
    let sources = Sources { disabled: true, ..Sources::default() };
    let options = Options { sources, event: event.map(str::to_owned), ..Options::default() };
    load_bytes(bytes, Path::new("perf.data"), &options, &|_, _, _| {})
}

/// The names of the sampling event and its twins.
fn sampling(recording: &Recording) -> Vec<&str> {
    let sampling = recording.about.events.iter().filter(|event| event.is_sampling);
    sampling.map(|event| event.name.as_str()).collect()
}

fn warns(recording: &Recording) -> bool {
    recording.diagnostics.iter().any(|diagnostic| diagnostic.code == "sampling_event")
}

#[test]
fn it_is_one_that_samples_time_and_has_samples() {
    let cycles = || Event::new("cycles", 0, 0);
    let misses = || Event::new("cache-misses", CACHE_MISSES.0, CACHE_MISSES.1);
    let faults = || Event::new("page-faults", 1, 2);
    let instructions = || Event::new("instructions", 0, 1);
    let core = |pmu: &str, kind: u64| Event::new(&format!("{pmu}/cycles/P"), 0, kind << 32);
    let raw_core = |pmu: &str, kind: u32| Event::new(&format!("{pmu}/event=0x3c/"), kind, 0x3c);
    let intel_pt = || Event::new("intel_pt//u", 8, 0x300e601);
    let dummy = || Event::new("dummy:u", 1, 9);
    type Case<'c> = (&'c str, Vec<(Event, u64)>, &'c [&'c str], bool);
    let cases: [Case; 12] = [
        ("misses first", vec![(misses(), 500), (cycles(), 500)], &["cycles"], false),
        ("faults first", vec![(faults(), 500), (Event::cpu_clock(), 500)], &["cpu-clock"], false),
        ("instructions first", vec![(instructions(), 500), (cycles(), 500)], &["cycles"], false),
        ("no samples of cycles", vec![(cycles(), 0), (instructions(), 9)], &["instructions"], false),
        ("no samples but of misses", vec![(cycles(), 0), (misses(), 9)], &["cache-misses"], true),
        ("no samples at all", vec![(misses(), 0), (cycles(), 0)], &["cycles"], false),
        ("misses and faults", vec![(misses(), 9), (faults(), 9)], &["page-faults"], true),
        ("AUX", vec![(intel_pt(), 0), (dummy(), 0), (cycles(), 9)], &["cycles"], false),
        ("AUX only", vec![(intel_pt(), 0), (dummy(), 0)], &[], false),
        (
            "a hybrid machine",
            vec![(misses(), 9), (core("cpu_core", 4), 9), (core("cpu_atom", 10), 9)],
            &["cpu_core/cycles/P", "cpu_atom/cycles/P"],
            false,
        ),
        (
            "E cores only",
            vec![(core("cpu_core", 4), 0), (core("cpu_atom", 10), 9), (misses(), 9)],
            &["cpu_core/cycles/P", "cpu_atom/cycles/P"],
            false,
        ),
        (
            "raw events of a hybrid machine",
            vec![(raw_core("cpu_core", 4), 9), (raw_core("cpu_atom", 10), 9)],
            &["cpu_core/event=0x3c/", "cpu_atom/event=0x3c/"],
            true,
        ),
    ];
    for (what, events, expected, is_warned) in cases {
        let recording = load(&file(events, true), None).expect(what);
        assert_eq!((sampling(&recording), warns(&recording)), (expected.to_vec(), is_warned), "{what}");
        let counted: u64 =
            recording.about.events.iter().filter(|event| event.is_sampling).map(|event| event.records).sum();
        assert_eq!(counted, recording.tally.samples, "{what}");
    }
}

#[test]
fn events_without_names_are_called_as_perf_calls_them_and_found_by_e() {
    let breakpoint = || Event::new("", 5, 0).breakpoint(0x1000, 3);
    let nameless: Vec<(Event, u64, &str)> = vec![
        (Event::new("", 0, 2), 5, "cache-references"),
        (Event::new("", 0, 0), 5, "cycles"),
        (Event::new("", 3, 0x1_0000), 5, "L1-dcache-load-misses"),
        (Event::new("", 1, 2), 5, "page-faults"),
        (Event::new("", 4, 0x1a8), 5, "r1a8"),
        (breakpoint(), 5, "mem:0x1000:rw"),
        (Event::new("", 1, 0), 5, "cpu-clock"),
    ];
    let names: Vec<&str> = nameless.iter().map(|(.., name)| *name).collect();
    let bytes = file(nameless.into_iter().map(|(event, count, _)| (event, count)).collect(), false);
    let recording = load(&bytes, None).expect("it loads");
    let called: Vec<&str> = recording.about.events.iter().map(|event| event.name.as_str()).collect();
    assert_eq!(called, names);
    assert_eq!(sampling(&recording), ["cycles"]);
    for name in names.iter().chain(&["cpu-cycles", "faults"]) {
        let recording = load(&bytes, Some(name)).expect(name);
        let expected = match *name {
            "cpu-cycles" => "cycles",
            "faults" => "page-faults",
            name => name,
        };
        assert_eq!((sampling(&recording), warns(&recording)), (vec![expected], false), "{name}");
    }
    assert!(load(&bytes, Some("branches")).is_err());
}

#[test]
fn samples_of_another_event_are_no_witness_of_time() {
    let bytes = file(vec![(Event::new("cache-misses", CACHE_MISSES.0, CACHE_MISSES.1), 1000)], true);
    let recording = load(&bytes, None).expect("it loads");
    let stalls = stalls::find(&recording, &stalls::Options::default());
    let samples = stalls.sight.witnesses.iter().find(|witness| witness.source == Source::Samples);
    assert_eq!(
        samples.and_then(|witness| witness.lacks.clone()),
        Some(Lack::NoTime("cache-misses".to_owned()))
    );
}

/// `perf record -a -g -e cache-misses,cycles`: the first event of the text has 455 samples, of
/// which none shows a stall.
#[test]
fn text_with_two_events_is_judged_by_the_one_that_samples_time() {
    let packed = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/two-events/text.zst");
    let text = zstd::decode_all(std::fs::File::open(packed).expect("the text")).expect("it unpacks");
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("perf.txt");
    std::fs::write(&path, text).expect("the folder can be written to");
    let of = |command: &str, options: &[&str]| run(stallgraph().arg(command).arg(&path).args(options));
    let checked = of("check", &[]);
    assert_eq!(checked.code, Some(1), "{checked:?}");
    assert!(checked.stdout.starts_with("stalling: 12 stalls"), "{checked:?}");
    assert!(checked.stdout.contains("agentd read"), "{checked:?}");
    for command in ["check", "window", "stalls"] {
        assert_eq!(of(command, &[]).stdout, of(command, &["-e", "cycles"]).stdout, "{command}");
    }
}
