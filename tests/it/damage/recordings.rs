//! Recordings to be damaged, and what is left of them.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

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

/// Runs a command, and returns its peak memory (VmHWM), as far as polling sees it.
pub fn with_peak_memory(command: &mut Command) -> (Run, u64) {
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
    let status = format!("/proc/{}/status", child.id());
    let is_done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let watcher = scope.spawn(|| {
            let mut peak = 0;
            while !is_done.load(Ordering::Relaxed) {
                let text = fs::read_to_string(&status).unwrap_or_default();
                let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
                let kib = line.and_then(|rest| rest.trim().trim_end_matches(" kB").parse::<u64>().ok());
                peak = peak.max(kib.unwrap_or(0) * 1024);
                std::thread::sleep(Duration::from_micros(200));
            }
            peak
        });
        let output = child.wait_with_output().expect("it ends");
        is_done.store(true, Ordering::Relaxed);
        let text = |bytes| String::from_utf8(bytes).expect("the program prints UTF-8");
        let run =
            Run { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) };
        (run, watcher.join().expect("it ends"))
    })
}
