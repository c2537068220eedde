//! Attributes of every size, and samples with every field.

use std::io::Write;

use crate::support;
use crate::support::builder::{Builder, Event, Mmap, Sample, read_format, sample_type};
use crate::support::forms::{Apart, user_record};
use crate::support::{run, stallgraph, stdout_of};

use super::print::{LINE, assert_one_sample, one_sample, print, sample};

#[test]
fn attributes_of_every_size() {
    for size in [64, 72, 80, 96, 104, 112, 120, 128, 136, 144, 152, 168, 184, 256] {
        let mut builder = one_sample(Event::cpu_clock());
        assert_one_sample(&format!("{size} bytes"), builder.attr_size(size));
        let apart = Apart::of(&builder.build());
        let run = print(&apart.stream(&apart.data));
        assert!(run.stdout.starts_with("3\t0.001000000\tworker;"), "{size} bytes in a stream: {run:?}");
        let run = print(&apart.big_endian());
        assert!(run.stdout.starts_with("3\t0.001000000\tworker;"), "{size} bytes, big endian: {run:?}");
    }
    // Size 0 means 64, in the header and in the attribute.
    let mut bytes = one_sample(Event::cpu_clock()).attr_size(64).build();
    let attribute = 104 + 8;
    bytes[16..24].fill(0);
    bytes[attribute + 4..attribute + 8].fill(0);
    let run = print(&bytes);
    assert!(run.stdout.starts_with("3\t0.001000000\tworker;"), "size 0: {run:?}");
    let mut stream = {
        let apart = Apart::of(&one_sample(Event::cpu_clock()).attr_size(64).build());
        apart.stream(&apart.data)
    };
    stream[16 + 8 + 4..16 + 8 + 8].fill(0);
    let run = print(&stream);
    assert!(run.stdout.starts_with("3\t0.001000000\tworker;"), "size 0 in a stream: {run:?}");
}

#[test]
fn values_of_a_group_with_lost_samples() {
    let format = read_format::GROUP | read_format::ID | read_format::LOST;
    for (what, format) in [
        ("a group", format),
        ("a group with times", format | read_format::TIME_ENABLED | read_format::TIME_RUNNING),
        ("one value", read_format::ID | read_format::LOST | read_format::TIME_ENABLED),
        ("a bare value", 0),
    ] {
        let event = Event::cpu_clock().also(sample_type::READ | sample_type::CGROUP).read_format(format);
        let mut builder = Builder::new();
        builder.event(event).comm((7, 7), "worker").at(3, 1_000_000);
        builder.sample(sample().value(5, 100, 0).value(6, 101, 2).cgroup(9));
        assert_one_sample(what, &builder);
    }
}

#[test]
fn fields_after_the_call_chain_do_not_matter() {
    // ADDR, RAW, BRANCH_STACK, REGS_USER, WEIGHT, DATA_SRC, TRANSACTION, REGS_INTR, PHYS_ADDR, AUX,
    // page sizes, WEIGHT_STRUCT: each alone, and each with the cgroup, which follows most of them.
    for bit in [3, 10, 11, 12, 14, 15, 17, 18, 19, 20, 22, 23, 24] {
        for with in [0, sample_type::CGROUP] {
            assert_one_sample(&format!("bit {bit}"), &one_sample(Event::cpu_clock().also(1 << bit | with)));
        }
    }
}

#[test]
fn every_clock() {
    for clock in [0, 1, 4, 7, 11, 99] {
        assert_one_sample(&format!("clock {clock}"), &one_sample(Event::cpu_clock().clockid(clock)));
    }
}

#[test]
fn several_events_are_told_apart() {
    let by_id = |event: Event| {
        let fields = sample_type::IP
            | sample_type::TID
            | sample_type::TIME
            | sample_type::ID
            | sample_type::CPU
            | sample_type::PERIOD
            | sample_type::CALLCHAIN;
        event.sample_type(fields)
    };
    let identified = |event: Event| event.also(0);
    for (what, make) in [("ID", &by_id as &dyn Fn(Event) -> Event), ("IDENTIFIER", &identified)] {
        let mut builder = Builder::new();
        builder.event(make(Event::cpu_clock())).event(make(Event::cycles()));
        builder.comm((7, 7), "worker").at(3, 1_000_000).sample(sample());
        builder.sample(sample().event(1)).sample(sample().id(999));
        let run = print(&builder.build());
        assert_eq!((run.code, run.stdout.lines().count()), (Some(0), 1), "{what}: {run:?}");
        assert!(
            run.stderr.contains("1 records were rejected: sample of an unknown event"),
            "{what}: {run:?}"
        );
    }
}

#[test]
fn samples_without_a_cpu_have_that_of_their_id() {
    let fields = sample_type::IP | sample_type::TID | sample_type::TIME | sample_type::CALLCHAIN;
    let event = Event::cpu_clock().sample_type(fields | sample_type::IDENTIFIER).ids(&[50, 51, 52, 53]);
    let index = |cpus: [u64; 4]| {
        let entries = (50u64..).zip(cpus).flat_map(|(id, cpu)| [id, 0, cpu, 7]);
        let words: Vec<u64> = [4].into_iter().chain(entries).collect();
        words.iter().flat_map(|word| word.to_le_bytes()).collect::<Vec<u8>>()
    };
    let with = |index: Option<Vec<u8>>| {
        let mut builder = Builder::new();
        builder.event(event.clone());
        if let Some(index) = index {
            builder.raw(user_record::ID_INDEX, 0, &index);
        }
        builder.comm((7, 7), "worker").at(3, 1_000_000).sample(sample()).at(1, 2_000_000).sample(sample());
        print(&builder.build())
    };
    let run = with(Some(index([10, 11, 12, 13])));
    let cpus: Vec<&str> = run.stdout.lines().map(|line| line.split('\t').next().unwrap()).collect();
    assert_eq!((run.code, cpus), (Some(0), vec!["11", "13"]), "{}", run.stderr);
    // Lost records are on the CPU of the id too.
    let mut builder = Builder::new();
    builder.event(event.clone()).raw(user_record::ID_INDEX, 0, &index([10, 11, 12, 13]));
    builder.comm((7, 7), "worker").at(3, 1_000_000).sample(sample()).at(3, 2_000_000).lost(53, 5);
    let made_up = support::MadeUp::write(&builder.build(), "");
    let info = stdout_of(made_up.command("info").args(["--format", "json"]));
    let info: serde_json::Value = serde_json::from_str(&info).expect("JSON");
    assert_eq!((&info["cpus"][0]["cpu"], &info["cpus"][0]["gaps"]), (&13.into(), &1.into()), "{info}");

    // With one id for every CPU, or without an index, the CPU is unknown.
    for index in [None, Some(index([10, 11, 12, u64::MAX])), Some(index([1, 2, 3, 4])[..40].to_vec())] {
        let run = with(index);
        assert_eq!(run.code, Some(2), "{run:?}");
        assert!(run.stderr.contains("on which CPU"), "{}", run.stderr);
    }
}

#[test]
fn samples_without_times_are_printed_in_the_order_of_the_file() {
    let fields = sample_type::IP | sample_type::TID | sample_type::CALLCHAIN | sample_type::CPU;
    let mut builder = Builder::new();
    builder.event(Event::cpu_clock().sample_type(fields)).comm((7, 7), "worker");
    for (cpu, address) in [(3, 0x40_3000), (3, 0x40_1000), (1, 0x40_9000), (3, 0x40_2000)] {
        builder.mmap2(Mmap::new(7, &format!("/bin/m{address:x}"), address, 0x1000));
        builder.at(cpu, 0).sample(Sample::new((7, 7)).user(&[address + 0x10]));
    }
    let mut file = tempfile::NamedTempFile::new().expect("a temporary file");
    file.write_all(&builder.build()).expect("it can be written to");
    let collapse = |options: &[&str]| {
        run(stallgraph().arg("collapse").arg(file.path()).arg("--no-symbols").args(options))
    };
    let refused = collapse(&[]);
    assert_eq!((refused.code, refused.stdout.as_str()), (Some(2), ""));
    assert!(
        refused.stderr.contains("record with times") && refused.stderr.contains("--file-order"),
        "{}",
        refused.stderr
    );
    let printed = collapse(&["--file-order", "-F", "cpu,stack"]);
    let expected = "1\tworker;[m409000]\n3\tworker;[m403000]\n3\tworker;[m401000]\n3\tworker;[m402000]\n";
    assert_eq!((printed.code, printed.stdout.as_str()), (Some(0), expected), "{printed:?}");
    for needs_times in [["-F", "time,stack"], ["--weight", "us"], ["--time", "0,1"]] {
        let refused = collapse(&[&["--file-order"], &needs_times[..]].concat());
        assert_eq!((refused.code, refused.stdout.as_str()), (Some(2), ""), "{needs_times:?}");
    }
}

/// `--call-graph dwarf`: the dump is not unwound, and the report says so.
#[test]
fn stack_dumps_are_skipped() {
    for dump in [0, 8, 4096] {
        let mut builder = Builder::new();
        builder.event(Event::cpu_clock().also(sample_type::STACK_USER | sample_type::CGROUP));
        builder.comm((7, 7), "worker").at(3, 1_000_000).sample(sample().user_stack(&vec![0xff; dump]));
        let run = print(&builder.build());
        assert_eq!((run.code, run.stdout.lines().count()), (Some(0), 1), "{dump}: {run:?}");
        assert!(run.stdout.starts_with(&LINE[..19]), "{dump}: {run:?}");
        assert!(run.stderr.contains("dumps"), "{dump}: {run:?}");
    }
}

#[test]
fn an_event_that_samples_time_is_preferred() {
    let page_faults = || Event::new("page-faults", 1, 2);
    for events in [[page_faults(), Event::cpu_clock()], [Event::cpu_clock(), page_faults()]] {
        let clock = events.iter().position(|event| event.name() == "cpu-clock").expect("it is there");
        let mut builder = Builder::new();
        events.into_iter().for_each(|event| {
            builder.event(event);
        });
        builder.event_desc().comm((7, 7), "worker");
        builder.at(3, 1_000_000).sample(sample().event(1 - clock));
        builder.at(3, 2_000_000).sample(sample().event(clock));
        assert_eq!(print(&builder.build()).stdout, "3\t0.002000000\tworker;[unknown]\n");
    }
}
