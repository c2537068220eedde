//! Small recordings that could grow large when read.

use crate::support::builder::{Event, Mmap, Sample, feature, flag, record};
use crate::support::forms::user_record;

use super::output::Output;
use super::scene::{SAMPLES, STEP, Scene, WORKER};

/// HEADER_COMPRESSED (tools/perf/util/header.h).
const FEATURE_COMPRESSED: u8 = 27;

/// All of them.
pub fn write(out: &mut Output) {
    bombs(out);
    maps(out);
    tasks_and_times(out);
    chains_and_events(out);
}

/// Compressed records that unpack into far more than they are.
fn bombs(out: &mut Output) {
    let compressed = |bombs: &[Vec<u8>], mmap_len: u32| {
        let mut scene = Scene::new(vec![Event::cpu_clock()]);
        // version, type (1 is zstd), level, ratio, mmap_len.
        let info: Vec<u8> = [1, 1, 1, 5, mmap_len].iter().flat_map(|word: &u32| word.to_le_bytes()).collect();
        scene.file.feature(FEATURE_COMPRESSED, &info);
        scene.plain();
        for bomb in bombs {
            scene.file.raw(user_record::COMPRESSED, 0, bomb);
        }
        scene.plain().file.build()
    };
    // A record of 8 bytes without content, FINISHED_ROUND, many times; and zeros, which are no
    // records.
    let rounds = [record::FINISHED_ROUND.to_le_bytes(), (8u32 << 16).to_le_bytes()].concat();
    let rounds = zstd::bulk::compress(&rounds.repeat(32 << 20), 3).expect("it is in memory");
    let rounds: Vec<u8> = rounds.chunks(65_500).next().unwrap_or_default().to_vec();
    let what =
        "a zstd bomb of at most 65 KB in a compressed record: 2 GB of zeros, 2 GB of 8s, 256 MB of records";
    for bomb in [run_of(0), run_of(8), rounds.clone()] {
        out.write_some(what, "bomb", "200+", &compressed(&[bomb], 1 << 20));
    }
    out.write_some(
        "a zstd bomb of 2 GB of 8s in a header that allows 4 GB",
        "bomb",
        "200+",
        &compressed(&[run_of(8)], u32::MAX),
    );
    out.write_some(
        "ten zstd bombs of 256 MB of records each",
        "bomb",
        "200+",
        &compressed(&vec![rounds; 10], 1 << 20),
    );
}

/// A zstd frame of at most 65,500 bytes that unpacks into 2 GB of this byte: blocks of type RLE,
/// 128 KiB of 4 bytes each (RFC 8878, sections 3.1.1.1 and 3.1.1.2).
fn run_of(byte: u8) -> Vec<u8> {
    let blocks = 16_370u32;
    let mut frame = vec![0x28, 0xb5, 0x2f, 0xfd, 0, 7 << 3]; // no flags; a window of 128 KiB
    for block in 1..=blocks {
        let header = u32::from(block == blocks) | 1 << 1 | (128 << 10) << 3;
        frame.extend(&header.to_le_bytes()[..3]);
        frame.push(byte);
    }
    frame
}

/// Maps that each process inherits, and maps that overlap.
fn maps(out: &mut Output) {
    let mut scene = Scene::new(vec![Event::cpu_clock()]);
    for number in 0..4000u64 {
        let map = Mmap::new(1, "/usr/bin/worker", number << 13, 4096);
        scene.file.at(0, number).mmap2(map);
    }
    for number in 0..20_000u32 {
        let (child, parent) = (number + 2, number + 1);
        scene.file.at(0, 5000 + u64::from(number)).fork((child, child), (parent, parent));
        scene.file.mmap2(Mmap::new(child, "/usr/bin/worker", 4096, 4096));
    }
    scene.now = STEP;
    out.hostile(
        "20,000 processes, each the child of the one before, each with its parent's 4,000 maps",
        Some(SAMPLES),
        scene.plain(),
    );

    let mut scene = Scene::new(vec![Event::cpu_clock()]);
    for number in 0..20_000u64 {
        let map = Mmap::new(WORKER.0, "/usr/bin/worker", number, u64::MAX - 2 * number);
        scene.file.at(0, number).mmap2(map).fork(WORKER, WORKER).exit(WORKER, WORKER);
    }
    scene.now = STEP;
    out.hostile(
        "20,000 nested maps of nearly all addresses; a task that is its own parent",
        Some(SAMPLES),
        scene.plain(),
    );
}

/// Numbers that would be too large as indices, and times out of order.
fn tasks_and_times(out: &mut Output) {
    let mut scene = Scene::new(vec![Event::cpu_clock()]);
    for number in 0..20_000u32 {
        let task = (number.wrapping_mul(0x9e37_79b9), number.wrapping_mul(0x85eb_ca6b));
        scene
            .file
            .at(number.wrapping_mul(0x9e37_79b9), u64::from(number))
            .sample(Sample::new(task).user(&[1]));
    }
    out.hostile("20,000 samples, each of another pid, on another CPU, up to 2^32 - 1", Some(20_000), &scene);

    let mut scene = Scene::new(vec![Event::cpu_clock()]);
    for number in 0..SAMPLES {
        let sample = scene.next(number);
        let time = [0, u64::MAX, 1 << 63, 1, u64::MAX - 1][number as usize % 5];
        scene.file.at(0, time).sample(sample);
    }
    out.hostile("times of 0, 2^63 and 2^64 - 1 by turns", Some(SAMPLES), &scene);
}

/// Frames of which no two are alike, and very many events.
fn chains_and_events(out: &mut Output) {
    let mut scene = Scene::new(vec![Event::cpu_clock()]);
    for number in 0..100u64 {
        let chain: Vec<u64> = (0..8000).map(|frame| (number * 8000 + frame) << 12).collect();
        scene.file.at(0, number * STEP).sample(Sample::new(WORKER).chain(&chain));
    }
    out.hostile("100 call chains of 8,000 frames, no frame twice", Some(100), &scene);

    let events = (0..5000).map(|number| Event::new("more", 77, number).also(0).set(flag::COMM));
    let mut scene = Scene::new(events.collect());
    scene.samples(|number, sample| sample.event(number as usize * 20));
    scene.file.feature(feature::CMDLINE, &u32::MAX.to_le_bytes());
    out.hostile("5,000 events", None, &scene);
}
