//! Stalls and logs made by hand, for tests of reports and checks.

use stallgraph::analyses::stalls::{Confidence, Culprit, Kind, Source, Stall, Stalls};
use stallgraph::analyses::windows;
use stallgraph::internals;
use stallgraph::model::{Log, LogTime, Recording, Stamp, TaskId};

pub const MS: u64 = 1_000_000;
/// 2023-11-14T22:13:20Z, which is 0 on the recordings' clock.
pub const WALL: u64 = 1_700_000_000_000 * MS;

/// A result with these stalls, of a recording with samples.
pub fn stalls_of(stalls: Vec<Stall>) -> Stalls {
    internals::stalls(stalls, vec![internals::witness(Source::Samples, None)])
}

/// A stall of a CPU from one ms to another, with evidence from one witness.
pub fn stall(
    cpu: u32,
    begin_ms: u64,
    end_ms: u64,
    confidence: Confidence,
    culprit: Option<Culprit>,
) -> Stall {
    let kind = Kind::KernelPath { samples: end_ms - begin_ms, p_value: 1e-9 };
    let evidence = internals::evidence(kind, begin_ms * 1_000_000, end_ms * 1_000_000);
    let mut stall = internals::stall(cpu, confidence, evidence);
    stall.culprit = culprit;
    stall
}

/// The task with this comm, in the path that `windows` finds before ksoftirqd; without a path if it
/// finds none.
pub fn culprit(recording: &Recording, comm: &str) -> Culprit {
    let tasks = (0..recording.tasks.len()).map(TaskId::from_index);
    let task = tasks.into_iter().find(|task| recording.comm(*task) == comm).expect("a task of this comm");
    let windows = windows::find(recording, &windows::Options::default());
    let mut dominating = windows.episodes.into_iter().filter_map(|episode| episode.dominating);
    let path = dominating.find(|dominating| dominating.task == task).map(|dominating| dominating.path);
    internals::culprit(task, path, 100)
}

/// A log whose lines have times with µs.
pub fn log(stamps: &[Stamp]) -> Log {
    let time = |(line, &stamp)| LogTime { line, stamp, resolution_ns: 1000, took_ns: None };
    let times: Vec<LogTime> = (1..).zip(stamps).map(time).collect();
    Log { file: "log".to_owned(), lines: times.len() as u64, times, ..Log::default() }
}

/// So many ms after the beginning of the recordings.
pub fn at(ms: u64) -> Stamp {
    Stamp::Absolute(WALL + ms * MS)
}
