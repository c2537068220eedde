//! Records that have no stack, and call chains with every marker.

use crate::support;
use crate::support::builder::{Builder, Event, Kernel, Mmap, Sample, context, flag, misc};
use crate::support::forms::{Apart, user_record};
use crate::support::{run, stdout_of};

use super::print::{assert_one_sample, one_sample, print, sample};

#[test]
fn what_lies_outside_its_record_is_skipped() {
    let mut decoy = Builder::new();
    decoy.comm((7, 7), "worker").at(3, 2_000_000).sample(sample());
    let decoy = Apart::of(&decoy.build()).data;
    assert_eq!(decoy.len() % 8, 0);
    let mut trace = vec![0; 40];
    trace[..8].copy_from_slice(&(decoy.len() as u64).to_le_bytes());
    let mut builder = one_sample(Event::cpu_clock());
    builder.raw(user_record::AUXTRACE, 0, &trace).bytes(&decoy);
    builder.raw(user_record::TRACING_DATA, 0, &(decoy.len() as u32 - 3).to_le_bytes()).bytes(&decoy);
    assert_one_sample("payloads that look like records", &builder);
    let info = {
        let made_up = support::MadeUp::write(&builder.build(), "");
        stdout_of(made_up.command("info").args(["--format", "json"]))
    };
    assert!(info.contains("71") && info.contains("66"), "both are counted: {info}");
}

#[test]
fn unknown_records_and_features_are_skipped() {
    let mut builder = Builder::new();
    for kind in [0, 11, 12, 16, 18, 20, 21, 23, 50, 63, 65, 68, 70, 72, 79, 82, 84, 127, 32767] {
        builder.raw(kind, 0, &[0; 40]);
    }
    builder.comm((7, 7), "worker").at(3, 1_000_000).sample(sample());
    assert_one_sample(
        "unknown types",
        builder.feature(128, b"simpleperf").feature(132, &[1; 9]).hostname("a"),
    );
}

/// simpleperf's own records have 32 bits of size, with the upper half where perf has flags
/// (simpleperf_record_header).
#[test]
fn long_records_of_simpleperf_are_skipped() {
    let long = vec![0; (1 << 16) + 72 - 8];
    let mut builder = Builder::new();
    let mut header = 32769u32.to_le_bytes().to_vec();
    header.extend([1, 0, 72, 0]);
    builder.bytes(&header).bytes(&long).comm((7, 7), "worker").at(3, 1_000_000).sample(sample());
    assert_one_sample("a DSO record of 64 KiB", builder.feature(129, b"meta"));
}

/// PERF_CONTEXT_USER_DEFERRED and a cookie stand for user frames that come in a record of their
/// own, of type 22. Samples of one stay in the kernel share a user chain, which comes after them
/// and has the thread's own cookie. perf script of 6.19 joins them the same way.
#[test]
fn deferred_user_chains_are_joined_by_thread_and_cookie() {
    let kernel = &mut Kernel::new();
    let kernel_part = [context::KERNEL, kernel.ip("vfs_read"), kernel.ip("ksys_read")];
    let deferred = |task, cookie| {
        let chain = [&kernel_part[..], &[context::USER_DEFERRED, cookie]].concat();
        Sample::new(task).chain(&chain).ip(kernel_part[1]).misc(misc::KERNEL)
    };
    let mut builder = Builder::new();
    builder.kernel_map(kernel).comm((7, 7), "worker").comm((7, 8), "other");
    for pid in [7, 8] {
        builder.mmap2(Mmap::new(pid, "/bin/worker", 0x40_0000, 0x1_0000));
        builder.mmap2(Mmap::new(pid, "/bin/library", 0x50_0000, 0x1_0000));
    }
    builder.at(3, 1_000_000).sample(deferred((7, 7), 0x1234));
    builder.at(3, 2_000_000).sample(deferred((7, 8), 0x1234));
    builder.at(3, 3_000_000).sample(deferred((7, 7), 0x1234));
    builder.at(3, 4_000_000).sample(deferred((7, 7), 0x9999));
    builder.callchain_deferred((7, 7), 0x1234, &[context::USER, 0x40_1000, 0x50_1000]);
    builder.callchain_deferred((7, 8), 0x1234, &[context::USER, 0x50_1000]);
    let whole = builder.build();
    let made_up = support::MadeUp::write(&whole, &kernel.kallsyms());
    let run = run(&mut made_up.command("collapse"));
    let expected = "worker;[library];[worker];ksys_read;vfs_read 1\n\
                    other;[library];ksys_read;vfs_read 1\n\
                    worker;[library];[worker];ksys_read;vfs_read 1\n\
                    worker;ksys_read;vfs_read 1\n";
    assert_eq!((run.code, run.stdout.as_str()), (Some(0), expected), "{run:?}");
    assert!(run.stderr.contains("1 samples lack their user stack"), "{}", run.stderr);
    let big_endian = print(&Apart::of(&whole).big_endian());
    assert_eq!(big_endian.stdout.lines().filter(|line| line.contains("[library];[worker]")).count(), 2);
}

#[test]
fn every_marker_switches_the_mode() {
    for marker in [-32i64, -128, -512, -2048, -2176, -2560, -3000, -4095] {
        let mut builder = Builder::new();
        builder.comm((7, 7), "worker").at(3, 1_000_000);
        builder.sample(Sample::new((7, 7)).chain(&[0x40_1000, marker as u64, 0x40_2000]).ip(0x40_1000));
        let run = print(&builder.build());
        let stack = run.stdout.trim_end().rsplit('\t').next().unwrap().to_owned();
        assert!(!stack.contains("fff"), "{marker} is no address: {stack}");
        assert!((2..=3).contains(&stack.split(';').count()), "{marker}: {stack}");
    }
}

#[test]
fn switches_and_build_ids_of_maps_do_not_disturb() {
    let mut builder = Builder::new();
    builder.event(Event::cpu_clock().set(flag::CONTEXT_SWITCH | flag::BUILD_ID));
    builder.mmap2(Mmap::new(7, "/bin/worker", 0x40_0000, 0x1_0000).build_id(&[7; 16]));
    builder.comm((7, 7), "worker").at(3, 500_000).switch_in((7, 7), (0, 0));
    builder.switch((7, 7), true).at(3, 1_000_000).sample(sample());
    for bytes in [builder.build(), Apart::of(&builder.build()).big_endian()] {
        let run = print(&bytes);
        assert_eq!(
            (run.code, run.stdout.as_str()),
            (Some(0), "3\t0.001000000\tworker;[worker]\n"),
            "{run:?}"
        );
    }
}
