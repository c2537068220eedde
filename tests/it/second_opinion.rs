//! The crate `linux_perf_data` as a second opinion: it and this library must see the same samples
//! in a recording.

use std::collections::BTreeSet;
use std::io::Cursor;

use linux_perf_data::PerfFileReader;

use crate::support::{Recording, SecondOpinion, second_opinion};
use stallgraph::internals::{Features, Header};
use stallgraph::load;
use stallgraph::model::Recording as Loaded;

#[test]
fn both_see_the_same_samples() {
    let check = |name: &str, event: Option<&str>| {
        let recording = Recording::open(name);
        let expected = second_opinion(&recording.file, event.unwrap_or(recording.event));
        let got = samples(&load_samples(&recording, event));
        assert_eq!(got.len(), expected.len(), "{name} {event:?}: samples");
        let different = got.iter().zip(&expected).position(|(got, expected)| got != expected);
        if let Some(at) = different {
            panic!("{name} {event:?}: sample {at} is {:?}, expected {:?}", got[at], expected[at]);
        }
        assert!(expected.len() > 1000, "{name} {event:?}: {} samples prove little", expected.len());
    };
    check("post", None);
    check("system", None);
    check("evidence", None);
    // These samples have a field of variable size (RAW), and other fields after it.
    check("evidence", Some("sched:sched_switch"));
    check("evidence", Some("irq:softirq_raise"));
}

#[test]
fn both_count_the_same_records_of_each_event() {
    let recording = Recording::open("evidence");
    let loaded = load_samples(&recording, None);
    let events = loaded.about.events.iter().filter(|event| !event.name.starts_with("dummy"));
    let counts: Vec<(&str, u64)> = events.map(|event| (event.name.as_str(), event.records)).collect();
    assert_eq!(counts.len(), 10, "{counts:?}");
    for (event, records) in &counts {
        assert_eq!(*records, second_opinion(&recording.file, event).len() as u64, "{event}");
    }
    let of_tracepoints: u64 = counts.iter().skip(1).map(|(_, records)| records).sum();
    assert_eq!(of_tracepoints, 65_281, "as testdata/README.md has it");
}

#[test]
fn both_read_the_same_features() {
    for name in ["post", "system", "evidence"] {
        let recording = Recording::open(name);
        let bytes = std::fs::read(&recording.file).expect("the recording");
        let header = Header::parse(&bytes, &recording.file).expect("a recording");
        let other = PerfFileReader::parse_file(Cursor::new(&bytes)).expect("a recording").perf_file;
        let Features { hostname, os_release, perf_version, arch, command, event_names, .. } =
            &header.features;
        for (own, other) in [
            (hostname, other.hostname()),
            (os_release, other.os_release()),
            (perf_version, other.perf_version()),
            (arch, other.arch()),
        ] {
            assert!(own.is_some(), "{name}");
            assert_eq!(own.as_deref(), other.expect("a text"), "{name}");
        }
        let cpus = other.nr_cpus().expect("numbers").expect("the number of CPUs");
        assert_eq!(header.features.cpus_available, Some(cpus.nr_cpus_available), "{name}");
        assert_eq!(header.features.cpus_online, Some(cpus.nr_cpus_online), "{name}");
        assert_eq!(*command, other.cmdline().expect("texts").expect("a command line"), "{name}");
        let clock =
            other.clock_data().expect("times").map(|clock| (clock.wall_clock_ns, clock.clockid_time_ns));
        assert_eq!(header.features.clock_reference, clock, "{name}");

        let events = other.event_attributes();
        let names: Vec<_> = events.iter().map(|event| event.name().expect("a name")).collect();
        assert_eq!(*event_names, names, "{name}");
        let ids: Vec<&[u64]> = header.attributes.iter().map(|event| event.ids.as_slice()).collect();
        assert!(ids.iter().all(|ids| !ids.is_empty()), "{name}");
        assert_eq!(ids, events.iter().map(|event| event.ids()).collect::<Vec<_>>(), "{name}");

        let build_ids = header.features.build_ids.iter();
        let build_ids: BTreeSet<_> = build_ids.map(|(path, id)| (path.as_bytes(), id.as_slice())).collect();
        let other_ids = other.build_ids().expect("build ids");
        let other_ids: BTreeSet<_> =
            other_ids.values().map(|dso| (dso.path.as_slice(), dso.build_id.as_slice())).collect();
        assert!(build_ids.len() > 1, "{name}: {build_ids:?}");
        assert_eq!(build_ids, other_ids, "{name}");
    }
}

fn load_samples(recording: &Recording, event: Option<&str>) -> Loaded {
    let options = load::Options {
        event: event.map(str::to_owned),
        sources: load::Sources { disabled: true, ..Default::default() },
        ..Default::default()
    };
    load::load(&recording.file, &options, &|_, _, _| {}).expect("a recording")
}

/// The library's timelines in the form of the second opinion.
fn samples(loaded: &Loaded) -> Vec<SecondOpinion> {
    let all = loaded.timelines.iter().flat_map(|timeline| {
        timeline.samples.iter().enumerate().map(|(at, sample)| {
            let task = loaded.task(sample.task);
            SecondOpinion {
                cpu: timeline.cpu,
                time_ns: sample.time_ns,
                pid: task.pid,
                tid: task.tid,
                period: timeline.details.get(at).period,
            }
        })
    });
    all.collect()
}
