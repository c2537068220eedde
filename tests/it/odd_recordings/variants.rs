//! Recordings of other machines and other programs, with events and records that are rare.

use crate::support::builder::{Event, context, misc, sample_type};
use crate::support::forms::{Apart, user_record};

use super::bytes::{put, u64_at};
use super::output::Output;
use super::scene::{SAMPLES, STEP, Scene, WORKER};

/// PERF_SAMPLE_BRANCH_STACK (perf_event.h).
const BRANCH_STACK: u64 = 1 << 11;
/// PERF_RECORD_AUXTRACE_INFO (tools/lib/perf/include/perf/event.h).
const AUXTRACE_INFO: u32 = 70;
/// HEADER_AUXTRACE (tools/perf/util/header.h).
const FEATURE_AUXTRACE: u8 = 18;

/// All of them.
pub fn write(out: &mut Output) {
    foreign(out);
    odd_events(out);
    odd_records(out);
}

/// Other machines and other programs.
fn foreign(out: &mut Output) {
    let mut scene = Scene::new(vec![Event::cpu_clock()]);
    scene.plain();
    out.write("big-endian", "clean", Some(SAMPLES), &Apart::of(&scene.file.build()).big_endian());

    for size in [64, 72, 80, 96, 104, 112, 120, 128, 136, 144, 184] {
        let mut scene = Scene::new(vec![Event::cpu_clock()]);
        scene.file.attr_size(size);
        scene.plain();
        out.clean(
            "attributes of 64, 72, 80, 96, 104, 112, 120, 128, 136, 144 and 184 bytes",
            SAMPLES,
            &scene,
        );
    }
    let mut scene = Scene::new(vec![Event::cpu_clock()]);
    scene.file.attr_size(64);
    let mut bytes = scene.plain().file.build();
    let attribute = u64_at(&bytes, 24) as usize;
    put(&mut bytes, attribute + 4, &0u32.to_le_bytes());
    out.write("attribute whose own size is 0 (then it has 64 bytes)", "clean", Some(SAMPLES), &bytes);

    // simpleperf's own records have types from 32769 on, and the upper half of their size where
    // perf has `misc` (simpleperf_record_header in system/extras/simpleperf/record.h).
    let symbols = vec![b'\n'; 100_000];
    let size = symbols.len() as u32 + 8;
    let head = |kind: u32, size: u32| {
        [&kind.to_le_bytes()[..], &((size >> 16) as u16).to_le_bytes(), &(size as u16).to_le_bytes()].concat()
    };
    let meta_info = b"simpleperf_version\x001.build.7848450\0clockid\0monotonic\0";
    let mut scene = Scene::new(vec![Event::cycles().also(0)]);
    scene.file.feature(129, meta_info);
    scene.file.bytes(&head(32769, size)).bytes(&symbols).bytes(&head(32772, 16)).bytes(&[0; 8]);
    out.clean("simpleperf: its own records, one of them over 64 KB", SAMPLES, scene.plain());
}

/// Events that are rare.
fn odd_events(out: &mut Output) {
    let lbr = Event::cpu_clock().also(BRANCH_STACK);
    let mut scene = Scene::new(vec![lbr]);
    for number in 0..SAMPLES {
        // The builder writes these with empty branch stacks; `with_branches` adds one with
        // branches.
        let sample = scene.next(number);
        scene.file.sample(sample);
    }
    out.clean("`--call-graph lbr`, built: this machine has no LBR", SAMPLES + 1, with_branches(&mut scene));

    let mut strange = Event::new("vendor_pmu/event=0x77/", 77, 0xffff_ffff_ffff);
    strange = strange.clockid(99).also(0);
    let unknown = vec![strange, Event::new("hw-99", 0, 99).also(0), Event::new("sw-99", 1, 99).also(0)];
    let mut scene = Scene::new(unknown);
    out.clean("unknown numbers of PMU, hardware and software event and of clock", SAMPLES, scene.plain());

    let without_identifier = |bits: u64| {
        let fields = sample_type::IP | sample_type::TID | sample_type::TIME | sample_type::ID;
        fields | sample_type::CPU | sample_type::PERIOD | sample_type::CALLCHAIN | bits
    };
    let events = vec![
        Event::cpu_clock().sample_type(without_identifier(0)),
        Event::cycles().sample_type(without_identifier(sample_type::RAW)),
    ];
    let mut scene = Scene::new(events);
    scene.samples(|number, sample| sample.event((number % 2) as usize));
    out.clean("two events without IDENTIFIER, their ids at one place", SAMPLES, &scene);

    let mut scene = Scene::new(vec![Event::cpu_clock().also(sample_type::CGROUP)]);
    scene.file.cgroup(7, "/kubepods.slice/pod1");
    scene.samples(|_, sample| sample.cgroup(7));
    out.clean("samples with a cgroup", SAMPLES, &scene);
}

/// A sample with three branches, as LBR makes them: count, then from, to and flags of each.
fn with_branches(scene: &mut Scene) -> &Scene {
    scene.now += STEP;
    let ip = scene.kernel.ip("vfs_read");
    let task = u64::from(WORKER.0) | u64::from(WORKER.1) << 32;
    let mut body = vec![100, ip, task, scene.now, 0, 1, 2, context::KERNEL, ip, 3];
    for branch in 0..3 {
        body.extend([0x40_1000 + branch * 64, 0x40_2000 + branch * 64, 0]);
    }
    let bytes: Vec<u8> = body.iter().flat_map(|word: &u64| word.to_le_bytes()).collect();
    scene.file.raw_sample(misc::KERNEL, &bytes);
    scene
}

/// Records that are rare.
fn odd_records(out: &mut Output) {
    let one = || Scene::new(vec![Event::cpu_clock().also(0)]);
    let mut scene = one();
    scene.file.feature(FEATURE_AUXTRACE, &[0; 16]);
    scene.file.raw(AUXTRACE_INFO, 0, &[0; 16]);
    // size, offset, reference, idx, tid, cpu, reserved; the payload follows the record.
    let auxtrace = |size: u64| [&size.to_le_bytes()[..], &[0; 32]].concat();
    scene.plain().file.raw(user_record::AUXTRACE, 0, &auxtrace(4096)).bytes(&[9; 4096]);
    out.clean("AUX data (Intel PT) between the samples", 2 * SAMPLES, scene.plain());

    let mut scene = one();
    scene.plain().file.raw(23, 0, &[0; 24]).raw(63, 0, &[0; 8]).raw(90, 0, &[0; 40]).raw(200, 7, &[1; 16]);
    out.clean("unknown types of record, the kernel's and perf's", 2 * SAMPLES, scene.plain());

    let mut scene = one();
    scene.samples(|number, sample| match number % 3 {
        0 => sample.chain(&[]).ip(0x40_1000),
        1 => sample.chain(&[0xffff_ffff_8100_0110, 0x40_1000]),
        _ => sample.chain(&[context::GUEST_KERNEL, 0xffff_ffff_8100_0110]).misc(misc::GUEST_KERNEL),
    });
    out.clean("empty call chains, frames before any context marker, a guest's frames", SAMPLES, &scene);

    // Kernel 6.19: PERF_CONTEXT_USER_DEFERRED is -640, followed by a cookie;
    // PERF_RECORD_CALLCHAIN_DEFERRED is 22.
    let mut scene = one();
    scene.samples(|number, sample| {
        let deferred = -640i64 as u64;
        sample.chain(&[context::KERNEL, 0xffff_ffff_8100_0110, deferred, number])
    });
    out.clean("user call chains deferred to a later record (kernels since 6.19)", SAMPLES, &scene);

    let mut scene = one();
    scene.samples(|number, sample| if number % 4 == 0 { sample.id(31337) } else { sample });
    out.clean("every 4th sample has an id of no event: it may be credited to none", SAMPLES * 3 / 4, &scene);

    let mut scene = one();
    for number in 0..SAMPLES {
        let sample = scene.next(number);
        let backwards = (SAMPLES - number) * STEP;
        scene.file.at((number % 2) as u32, backwards).sample(sample);
    }
    scene.file.comm(WORKER, "too late").finished_round();
    out.clean("all times backwards, side band after the samples", SAMPLES, &scene);
}
