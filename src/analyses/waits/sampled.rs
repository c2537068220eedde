//! Samples of `perf record --off-cpu`: the time that a thread was off the CPU is the period.

use super::collector::Collector;

/// Adds the selected samples. Their times and CPUs mean nothing where perf writes them after the
/// recording, so none is selected by them.
pub(super) fn add(collector: &mut Collector) {
    let recording = collector.recording;
    for timeline in &recording.timelines {
        for (at, sample) in timeline.samples.iter().enumerate() {
            let ns = timeline.details.get(at).period;
            if collector.is_selected[sample.task.index()] && ns >= collector.options.min_ns {
                collector.add_time(sample.task, sample.stack, ns);
            }
        }
    }
}
