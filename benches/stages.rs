//! The stages of the pipeline, each in bytes and samples per second: decoding, interning, naming, windows, folding.
//!
//! The input is testdata/system, repeated with its times moved on, or the file that STALLGRAPH_BENCH_FILE names.

use std::hint::black_box;
use std::path::{Path, PathBuf};

use criterion::{
    BenchmarkGroup, Criterion, Throughput, criterion_group, criterion_main, measurement::WallTime,
};
use stallgraph::analyses::ordered::{Options as OrderOptions, OrderedStacks};
use stallgraph::analyses::selection::Selection;
use stallgraph::analyses::windows;
use stallgraph::ingest::{self, Collect, Part, RawSample, RawSwitch, RawTrace, Record, Source};
use stallgraph::load::{self, Options, Sources};
use stallgraph::model::Recording;
use stallgraph::render::folded::{Field, Folder};

/// Copies of testdata/system's records: 58 MB, 330,000 samples.
const COPIES: u64 = 40;

struct Input {
    bytes: Vec<u8>,
    path: PathBuf,
}

impl Input {
    fn read() -> Input {
        let system = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/system/perf.data");
        match std::env::var_os("STALLGRAPH_BENCH_FILE") {
            Some(path) => Input { bytes: std::fs::read(&path).expect("the bench file"), path: path.into() },
            None => Input { bytes: repeat(&std::fs::read(&system).expect("testdata")), path: system },
        }
    }

    fn load(&self, is_named: bool) -> Recording {
        let sources = Sources { disabled: !is_named, ..Sources::default() };
        let options = Options { sources, ..Options::default() };
        load::load_bytes(&self.bytes, &self.path, &options, &|_, _, _| {}).expect("a recording")
    }
}

/// The file with its records repeated: samples only from the second copy on, each copy 10 s after the one before.
fn repeat(file: &[u8]) -> Vec<u8> {
    const SAMPLE: u32 = 9;
    // In testdata/system a sample is header, ip, pid and tid, time.
    const TIME_AT: usize = 8 + 8 + 8;
    let u64_at = |at: usize| u64::from_le_bytes(file[at..at + 8].try_into().expect("8 bytes"));
    let (start, size) = (u64_at(40) as usize, u64_at(48) as usize);
    let (data, features) = (&file[start..start + size], &file[start + size..]);
    let mut bytes = file[..start + size].to_vec();
    for copy in 1..COPIES {
        let mut rest = data;
        while !rest.is_empty() {
            let kind = u32::from_le_bytes(rest[..4].try_into().expect("4 bytes"));
            let length = usize::from(u16::from_le_bytes(rest[6..8].try_into().expect("2 bytes")));
            if kind == SAMPLE {
                let time_at = bytes.len() + TIME_AT;
                bytes.extend(&rest[..length]);
                let field: &mut [u8] = &mut bytes[time_at..time_at + 8];
                let time_ns = u64::from_le_bytes(field.try_into().expect("8 bytes")) + copy * 10_000_000_000;
                field.copy_from_slice(&time_ns.to_le_bytes());
            }
            rest = &rest[length..];
        }
    }
    let new_size = (bytes.len() - start) as u64;
    bytes[48..56].copy_from_slice(&new_size.to_le_bytes());
    let moved = new_size - size as u64;
    let table_at = bytes.len();
    bytes.extend(features);
    move_features(&mut bytes, table_at, moved);
    bytes
}

/// The table of feature sections holds positions in the file, which have moved.
fn move_features(bytes: &mut [u8], table_at: usize, moved: u64) {
    let features: u32 = bytes[72..104].iter().map(|byte| byte.count_ones()).sum();
    for entry in bytes[table_at..table_at + 16 * features as usize].chunks_exact_mut(16) {
        let offset = u64::from_le_bytes(entry[..8].try_into().expect("8 bytes")) + moved;
        entry[..8].copy_from_slice(&offset.to_le_bytes());
    }
}

fn stages(criterion: &mut Criterion) {
    let input = Input::read();
    let recording = input.load(true);
    let samples = recording.tally.samples;
    assert!(samples > 0);
    let mut group = criterion.benchmark_group("stages");
    group.sample_size(10);
    group.throughput(Throughput::ElementsAndBytes { elements: samples, bytes: input.bytes.len() as u64 });
    ingest(&mut group, &input, samples);
    group.bench_function("load without names", |bencher| {
        bencher.iter(|| assert_eq!(input.load(false).tally.samples, samples));
    });
    group.bench_function("load with names", |bencher| {
        bencher.iter(|| assert_eq!(input.load(true).tally.samples, samples));
    });
    group.bench_function("windows", |bencher| {
        let episodes = windows::find(&recording, &windows::Options::default()).episodes.len();
        assert!(episodes > 0);
        let find = || windows::find(black_box(&recording), &windows::Options::default());
        bencher.iter(|| assert_eq!(find().episodes.len(), episodes));
    });
    group.bench_function("fold", |bencher| {
        bencher.iter(|| assert!(fold(&recording) > samples));
    });
    group.finish();
}

fn ingest(group: &mut BenchmarkGroup<WallTime>, input: &Input, samples: u64) {
    let (header, records) =
        ingest::read(&[Part::whole(&input.bytes)], &input.path, u64::MAX).expect("a recording");
    let source = Source::new(header, &records);
    let wanted = vec![true; source.header.attributes.len()];
    let reader = source.sample_reader(&wanted, None, &input.path).expect("events");
    group.bench_function("decode", |bencher| {
        bencher.iter(|| {
            let (_, decoded) = source.read(&reader, || Samples(0), &|_| {});
            assert!(decoded.iter().map(|part| part.0).sum::<u64>() >= samples);
        });
    });
}

struct Samples(u64);

impl Collect for Samples {
    fn sample(&mut self, _: usize, sample: &RawSample, _: &Record) {
        black_box(sample);
        self.0 += 1;
    }
    fn event(&mut self, _: usize, _: Option<(RawTrace, RawSample)>, _: &Record) {}
    fn switch(&mut self, _: &RawSwitch, _: &Record) {}
    fn reject(&mut self, _: &'static str) {}
}

/// Bytes of all folded lines.
fn fold(recording: &Recording) -> u64 {
    struct Count(u64);
    impl std::io::Write for Count {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0 += black_box(bytes).len() as u64;
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let mut folder = Folder::new(recording, &[Field::Stack, Field::Count], false);
    let stacks = OrderedStacks::new(recording, &Selection::default(), OrderOptions::default());
    let mut count = Count(0);
    for timeline in &recording.timelines {
        folder.write(&stacks, timeline, 0..timeline.samples.len(), &mut count).expect("counting works");
    }
    count.0
}

criterion_group!(benches, stages);
criterion_main!(benches);
