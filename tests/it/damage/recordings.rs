//! Recordings to be damaged, and what is left of them.

use std::path::Path;

use crate::support::builder::{Builder, Sample, record};
use crate::support::forms::Apart;
use crate::support::{Run, run, stallgraph};
use stallgraph::load;
use stallgraph::model::Recording as Loaded;

/// Options without names: damage does not matter to them.
pub fn options() -> load::Options {
    let sources = load::Sources { disabled: true, ..Default::default() };
    load::Options { sources, ..Default::default() }
}

pub fn load_bytes(bytes: &[u8]) -> Result<Loaded, stallgraph::Error> {
    load::load_bytes(bytes, "perf.data".as_ref(), &options(), &|_, _, _| {})
}

pub fn collapse(path: &Path, arguments: &[&str]) -> Run {
    run(stallgraph().arg("collapse").arg(path).args(["--no-symbols", "-F", "time,stack"]).args(arguments))
}

/// A recording with `count` samples, one each ms, taken apart.
pub fn samples(count: u64) -> Apart {
    let mut builder = Builder::new();
    builder.comm((7, 7), "worker");
    for number in 1..=count {
        builder.at(0, number * 1_000_000).sample(Sample::new((7, 7)).user(&[0x40_1000 + number % 50]));
    }
    Apart::of(&builder.build())
}

/// The end of each record of `apart`, counted from the start of its data, and the number of samples
/// up to there.
pub fn ends(apart: &Apart) -> Vec<(usize, u64)> {
    let (mut at, mut samples) = (0, 0);
    let end = |record: &[u8]| {
        at += record.len();
        samples += u64::from(record[0] == record::SAMPLE as u8);
        (at, samples)
    };
    apart.records().into_iter().map(end).collect()
}

pub fn diagnostic<'r>(loaded: &'r Loaded, code: &str) -> &'r str {
    let diagnostic = loaded.diagnostics.iter().find(|diagnostic| diagnostic.code == code);
    diagnostic.map(|diagnostic| diagnostic.message.as_str()).unwrap_or_default()
}
