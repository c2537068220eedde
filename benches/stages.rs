//! The stages of the pipeline, each in bytes and samples per second: decoding, interning, naming,
//! windows, folding. A plain loop over the same bytes shows how near decoding is to what the
//! machine can do.

mod input;
mod plain;

use std::hint::black_box;

use criterion::{
    BenchmarkGroup, Criterion, Throughput, criterion_group, criterion_main, measurement::WallTime,
};
use stallgraph::analyses::ordered::{Options as OrderOptions, OrderedStacks};
use stallgraph::analyses::selection::Selection;
use stallgraph::analyses::windows;
use stallgraph::internals::{self, Collect, InputFile, RawSample, RawSwitch, RawTrace, Record, Source};
use stallgraph::load::{self, Options, Sources};
use stallgraph::model::Recording;
use stallgraph::render::folded::{Field, Folder};

use input::Input;
use plain::Places;

fn load(input: &Input, is_named: bool) -> Recording {
    let sources = Sources { disabled: !is_named, ..Sources::default() };
    let options = Options { sources, ..Options::default() };
    load::load_bytes(&input.bytes, &input.path, &options, &|_, _, _| {}).expect("a recording")
}

fn stages(criterion: &mut Criterion) {
    let input = Input::read();
    let recording = load(&input, true);
    let samples = recording.tally.samples;
    assert!(samples > 0);
    let mut group = criterion.benchmark_group("stages");
    group.sample_size(10);
    group.throughput(Throughput::ElementsAndBytes { elements: samples, bytes: input.bytes.len() as u64 });
    ingest(&mut group, &input, samples);
    group.bench_function("load without names", |bencher| {
        bencher.iter(|| assert_eq!(load(&input, false).tally.samples, samples));
    });
    group.bench_function("load with names", |bencher| {
        bencher.iter(|| assert_eq!(load(&input, true).tally.samples, samples));
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
        internals::read(&[InputFile::whole(&input.bytes)], &input.path, u64::MAX).expect("a recording");
    let source = Source::new(header, &records);
    let wanted = vec![true; source.header.attributes.len()];
    let reader = source.sample_reader(&wanted, None, &input.path).expect("events");
    match Places::of(&input.bytes) {
        None => eprintln!("plain decode is left out: the samples of this recording differ in their fields"),
        Some(places) => {
            group.bench_function("plain decode", |bencher| {
                bencher.iter(|| {
                    let (sum, keys) = plain::decode(black_box(&input.bytes), &places);
                    black_box(sum);
                    assert!(keys.len() as u64 >= samples);
                });
            });
        }
    }
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
    fn event(&mut self, _: usize, _: Option<u64>) {}
    fn trace(&mut self, _: usize, _: RawTrace, _: &RawSample, _: &Record) {}
    fn switch(&mut self, _: &RawSwitch, _: &Record) {}
    fn reject(&mut self, _: &'static str) {}
}

/// The number of bytes of all folded lines.
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
    let folder = Folder::new(recording, &[Field::Stack, Field::Count], false);
    let stacks = OrderedStacks::new(recording, &Selection::default(), OrderOptions::default());
    let mut count = Count(0);
    for timeline in &recording.timelines {
        folder.write(&stacks, timeline, 0..timeline.samples.len(), &mut count).expect("counting works");
    }
    count.0
}

criterion_group!(benches, stages);
criterion_main!(benches);
