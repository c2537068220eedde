//! The search: all selected samples, CPU by CPU.

use crate::analyses::selection::Selection;
use crate::analyses::spans::{end_of, first_sample_ns};
use crate::model::{FunctionId, Recording};

use super::marks::{Found, Marks};
use super::result::Profile;
use super::sums::Sums;

/// The profile of the selected samples. `found` is what was found in the same selection.
pub fn find(recording: &Recording, selection: &Selection, found: &Found) -> Profile {
    let is_selected = selection.tasks(recording);
    let interval_ns = recording.sampling_interval_ns();
    let has_cpus = recording.tells_cpus();
    let marks = Marks::new(found);
    let functions = first_alike(recording);
    let mut sums = Sums::new(recording, &functions);
    let (first_ns, _) = selection.time.bounds(recording);
    let start_ns = first_ns.max(first_sample_ns(recording));
    let mut end_ns = start_ns;
    let mut untimed_samples = 0;
    for timeline in selection.timelines(recording) {
        let is_selected = |at: &usize| is_selected[timeline.samples[*at].task.index()];
        let (timed, untimed) = selection.timed_samples_of(recording, timeline);
        untimed_samples += untimed.filter(is_selected).count() as u64;
        let cpu = has_cpus.then_some(timeline.cpu);
        let (mut stalls, mut windows) = (marks.stalls(timeline), marks.windows(timeline));
        for at in timed.filter(is_selected) {
            let sample = &timeline.samples[at];
            let scene = sums.scene(sample, cpu, stalls.number(at), windows.number(at));
            sums.add(sample, scene, timeline.held_ns(at, interval_ns));
            end_ns = end_ns.max(end_of(timeline, at, interval_ns));
        }
    }
    Profile { entries: sums.entries, time: start_ns..end_ns, untimed: untimed_samples, functions }
}

/// [`Profile::functions`].
fn first_alike(recording: &Recording) -> Vec<FunctionId> {
    let key = |id: &FunctionId| {
        let function = recording.function(*id);
        (function.name, function.module)
    };
    let mut sorted: Vec<FunctionId> = (0..recording.functions.len()).map(FunctionId::from_index).collect();
    sorted.sort_unstable_by_key(|id| (key(id), *id));
    let mut first = vec![FunctionId(0); sorted.len()];
    for alike in sorted.chunk_by(|a, b| key(a) == key(b)) {
        for id in alike {
            first[id.index()] = alike[0];
        }
    }
    first
}
