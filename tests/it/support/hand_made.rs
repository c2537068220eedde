//! Stalls made by hand, for tests of reports and checks.

use stallgraph::analyses::stalls::{
    Confidence, Culprit, Evidence, Holder, Kind, Source, Stall, Stalls, Victims, Witness,
};
use stallgraph::analyses::windows;
use stallgraph::model::{CgroupId, Recording, TaskId};

/// A result with these stalls, of a recording with samples.
pub fn stalls_of(stalls: Vec<Stall>) -> Stalls {
    let witness = Witness::new(Source::Samples, None);
    Stalls { stalls, ranking: Vec::new(), witnesses: vec![witness], min_ns: 20_000_000 }
}

/// A stall of a CPU from one ms to another, with evidence from one witness.
pub fn stall(
    cpu: u32,
    begin_ms: u64,
    end_ms: u64,
    confidence: Confidence,
    culprit: Option<Culprit>,
) -> Stall {
    let (start_ns, end_ns) = (begin_ms * 1_000_000, end_ms * 1_000_000);
    let kind = Kind::KernelPath { samples: end_ms - begin_ms, p_value: 1e-9 };
    Stall {
        cpu,
        start_ns,
        end_ns,
        confidence,
        evidence: vec![Evidence { kind, start_ns, end_ns }],
        culprit,
        victims: Victims::default(),
        lost: 0,
    }
}

/// The task with this comm, in the path that `windows` finds before ksoftirqd; without a path if it
/// finds none.
pub fn culprit(recording: &Recording, comm: &str) -> Culprit {
    let tasks = (0..recording.tasks.len()).map(TaskId::from_index);
    let task = tasks.into_iter().find(|task| recording.comm(*task) == comm).expect("a task of this comm");
    let windows = windows::find(recording, &windows::Options::default());
    let mut dominating = windows.episodes.into_iter().filter_map(|episode| episode.dominating);
    let path = dominating.find(|dominating| dominating.task == task).map(|dominating| dominating.path);
    Culprit {
        holder: Holder::Task(task),
        on_cpu: task,
        cgroup: CgroupId::NONE,
        path,
        call: None,
        samples: 100,
        share: 1.0,
    }
}
