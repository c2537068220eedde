//! Recordings of one sample, built for a test, and what `collapse` prints of them.

use std::fs;

use crate::support::builder::{Builder, Event, Sample};
use crate::support::{Run, run, stallgraph};

/// Prints a recording that a test built, from a folder of its own, with collapse.
pub fn print(bytes: &[u8]) -> Run {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("perf.data");
    fs::write(&path, bytes).expect("it can be written to");
    run(stallgraph().arg("collapse").arg(&path).args(["--no-symbols", "-F", "cpu,time,stack"]))
}

pub const LINE: &str = "3\t0.001000000\tworker;[[unknown]]";

#[track_caller]
pub fn assert_one_sample(what: &str, builder: &Builder) {
    let run = print(&builder.build());
    assert_eq!((run.code, run.stdout.lines().count()), (Some(0), 1), "{what}: {run:?}");
    assert!(run.stdout.starts_with("3\t0.001000000\tworker;"), "{what}: {run:?}");
    assert_eq!(run.stderr, "", "{what}");
}

/// One sample of `worker` on CPU 3 at 1 ms.
pub fn one_sample(event: Event) -> Builder {
    let mut builder = Builder::new();
    builder.event(event);
    builder.comm((7, 7), "worker").at(3, 1_000_000).sample(sample());
    builder
}

pub fn sample() -> Sample {
    Sample::new((7, 7)).user(&[0x40_1000])
}
