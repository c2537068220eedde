//! Sampled calls: an estimate. A call is a run of samples of one thread in one system call, with no
//! other samples on the CPU in between.

use crate::analyses::contexts::{Contexts, Owner};
use crate::model::{NameId, TaskId, Timeline};

use super::collector::Collector;
use super::result::{Class, SlowCall};

/// Adds the runs of the selected samples.
pub(super) fn add(contexts: &Contexts, collector: &mut Collector) {
    for timeline in collector.options.selection.timelines(collector.recording) {
        add_runs(timeline, contexts, collector);
    }
}

/// A run in progress.
struct Run {
    call: SlowCall,
    /// The time of its last sample, in ns.
    last_ns: u64,
}

/// Adds the runs of one CPU.
fn add_runs(timeline: &Timeline, contexts: &Contexts, collector: &mut Collector) {
    let (recording, options) = (collector.recording, collector.options);
    let interval_ns = recording.sampling_interval_ns();
    let call_at = |at: usize| -> Option<(TaskId, Option<NameId>)> {
        let sample = timeline.samples.get(at)?;
        let path = contexts.get(sample.stack).path?;
        (contexts.owner(path) == Owner::SystemCall).then(|| (sample.task, contexts.system_call(path)))
    };
    let mut run: Option<Run> = None;
    for at in options.selection.samples_of(recording, timeline) {
        let time_ns = timeline.samples[at].time_ns;
        let call = call_at(at).filter(|(task, _)| collector.is_selected[task.index()]);
        let continues = |run: &Run| {
            let is_near = time_ns.saturating_sub(run.last_ns) <= interval_ns.saturating_mul(2);
            is_near && call == Some((run.call.task, run.call.name))
        };
        if let Some(ended) = run.take_if(|run| !continues(run)) {
            collector.add(ended.call);
        }
        let Some((task, name)) = call else {
            continue;
        };
        let Run { call, last_ns } = run.get_or_insert_with(|| {
            let call = SlowCall {
                class: Class::Held,
                task,
                name,
                cpu: timeline.cpu,
                start_ns: time_ns,
                end_ns: time_ns,
                on_cpu_ns: Some(0),
                samples: Some(0),
                traced: None,
            };
            Run { call, last_ns: time_ns }
        });
        *last_ns = time_ns;
        call.end_ns = call.end_ns.saturating_add(timeline.held_ns(at, interval_ns));
        call.on_cpu_ns = Some(call.duration_ns());
        call.samples = call.samples.map(|samples| samples + 1);
    }
    if let Some(ended) = run {
        collector.add(ended.call);
    }
}
