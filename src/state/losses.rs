//! Losses: where the kernel dropped records or paused sampling.

use rustc_hash::FxHashMap;

use crate::ingest::RecordTime;
use crate::model::Gap;

/// A record about a loss.
#[derive(Clone, Copy)]
pub(super) enum Loss {
    /// This many records were dropped before this one (PERF_RECORD_LOST).
    Lost(u64),
    /// The event was paused (PERF_RECORD_THROTTLE).
    Throttle,
    /// The event was resumed (PERF_RECORD_UNTHROTTLE).
    Unthrottle,
}

/// The losses of a recording.
#[derive(Default)]
pub struct Losses {
    by_cpu: FxHashMap<u32, Vec<(RecordTime, Loss)>>,
    /// Samples that were dropped, as one total for the whole recording (PERF_RECORD_LOST_SAMPLES).
    lost_samples: u64,
}

impl Losses {
    /// Adds the loss that a record reports.
    pub(super) fn push(&mut self, when: RecordTime, cpu: Option<u32>, loss: Loss) {
        self.by_cpu.entry(cpu.unwrap_or(0)).or_default().push((when, loss));
    }

    /// Adds samples that were dropped at an unknown time.
    pub(super) fn add_lost_samples(&mut self, count: u64) {
        self.lost_samples = self.lost_samples.saturating_add(count);
    }

    /// Records lost, in all. Since kernel 6.0 the same loss is counted twice: in the stream
    /// (PERF_RECORD_LOST) and as one total at its end (PERF_RECORD_LOST_SAMPLES). So the larger of
    /// the two counts.
    pub fn lost_total(&self) -> u64 {
        let in_stream = self.by_cpu.values().flatten().map(|(_, loss)| match loss {
            Loss::Lost(count) => *count,
            Loss::Throttle | Loss::Unthrottle => 0,
        });
        in_stream.fold(0, u64::saturating_add).max(self.lost_samples)
    }

    /// How often an event was paused.
    pub fn throttled_total(&self) -> u64 {
        let losses = self.by_cpu.values().flatten();
        losses.filter(|(_, loss)| matches!(loss, Loss::Throttle)).count() as u64
    }

    /// The gaps of one CPU: those in which records were lost, and those in which sampling was
    /// paused.
    ///
    /// The records that a LOST record counts were dropped between the last sample before it and the
    /// record itself. `last_sample` gives the time of the CPU's last sample before a time, both in
    /// ns.
    pub fn gaps(&self, cpu: u32, last_sample: impl Fn(u64) -> Option<u64>) -> (Vec<Gap>, Vec<Gap>) {
        let (mut lost, mut throttled) = (Vec::new(), Vec::new());
        let mut paused_since = None;
        for (when, loss) in self.by_cpu.get(&cpu).into_iter().flatten() {
            let end_ns = when.time_ns;
            match *loss {
                Loss::Lost(records) => {
                    lost.push(Gap { start_ns: last_sample(end_ns).unwrap_or(end_ns), end_ns, records });
                }
                Loss::Throttle => paused_since = Some(end_ns),
                Loss::Unthrottle => {
                    let gap = |start_ns| Gap { start_ns, end_ns, records: 0 };
                    throttled.extend(paused_since.take().map(gap));
                }
            }
        }
        // Never resumed: paused to the end.
        throttled.extend(paused_since.map(|start_ns| Gap { start_ns, end_ns: u64::MAX, records: 0 }));
        (lost, throttled)
    }
}
