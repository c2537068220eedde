//! Losses: where the kernel dropped records or paused sampling.

use rustc_hash::FxHashMap;

use crate::ingest::RecordTime;
use crate::model::Gap;

/// The end of a pause that no record ends, in ns: it lasts as long as the recording.
pub const OPEN_END_NS: u64 = u64::MAX;

/// A record about a loss.
#[derive(Clone, Copy)]
pub(super) enum Loss {
    /// This many records were dropped before this one (PERF_RECORD_LOST).
    Lost(u64),
    /// The event with this id was paused (PERF_RECORD_THROTTLE).
    Throttle(u64),
    /// The event with this id was resumed (PERF_RECORD_UNTHROTTLE).
    Unthrottle(u64),
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
            Loss::Throttle(_) | Loss::Unthrottle(_) => 0,
        });
        in_stream.fold(0, u64::saturating_add).max(self.lost_samples)
    }

    /// How often an event was paused.
    pub fn throttled_total(&self) -> u64 {
        let losses = self.by_cpu.values().flatten();
        losses.filter(|(_, loss)| matches!(loss, Loss::Throttle(_))).count() as u64
    }

    /// The gaps of one CPU: those in which records were lost, and those in which sampling was
    /// paused. A pause that no record ends is open: it ends at [`OPEN_END_NS`].
    ///
    /// The records that a LOST record counts were dropped between the last sample before it and the
    /// record itself. `last_sample` gives the time of the CPU's last sample before a time, both in
    /// ns.
    pub fn gaps(&self, cpu: u32, last_sample: impl Fn(u64) -> Option<u64>) -> (Vec<Gap>, Vec<Gap>) {
        let mut lost = Vec::new();
        let mut pauses = Pauses::default();
        for (when, loss) in self.by_cpu.get(&cpu).into_iter().flatten() {
            let end_ns = when.time_ns;
            match *loss {
                Loss::Lost(records) => {
                    lost.push(Gap { start_ns: last_sample(end_ns).unwrap_or(end_ns), end_ns, records });
                }
                Loss::Throttle(event) => pauses.begin(event, end_ns),
                Loss::Unthrottle(event) => pauses.end(event, end_ns),
            }
        }
        (lost, pauses.finish())
    }
}

/// The pauses of one CPU. Several events may be paused at the same time; it is a pause while any of
/// them is, since a record names the leader of a group and not all of its events (kernel 6.16,
/// `perf_event_throttle_group`).
#[derive(Default)]
struct Pauses {
    /// The events that are paused now. Ids come from the file: a hasher with a seed, so that nobody
    /// can choose them to collide.
    paused: hashbrown::HashSet<u64>,
    /// When the first of them was paused.
    start_ns: u64,
    gaps: Vec<Gap>,
}

impl Pauses {
    fn begin(&mut self, event: u64, time_ns: u64) {
        if self.paused.is_empty() {
            self.start_ns = time_ns;
        }
        self.paused.insert(event);
    }

    fn end(&mut self, event: u64, end_ns: u64) {
        if self.paused.remove(&event) && self.paused.is_empty() {
            self.gaps.push(Gap { start_ns: self.start_ns, end_ns, records: 0 });
        }
    }

    fn finish(mut self) -> Vec<Gap> {
        if !self.paused.is_empty() {
            self.gaps.push(Gap { start_ns: self.start_ns, end_ns: OPEN_END_NS, records: 0 });
        }
        self.gaps
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The pauses of a CPU with these records: time, event, and whether it is paused or resumed.
    fn pauses(records: &[(u64, u64, bool)]) -> Vec<(u64, u64)> {
        let mut losses = Losses::default();
        for &(time_ns, event, is_pause) in records {
            let loss = if is_pause { Loss::Throttle(event) } else { Loss::Unthrottle(event) };
            losses.push(RecordTime { time_ns, position: 0 }, Some(3), loss);
        }
        let (_, paused) = losses.gaps(3, |_| None);
        paused.iter().map(|gap| (gap.start_ns, gap.end_ns)).collect()
    }

    #[test]
    fn a_pause_lasts_until_no_event_is_paused() {
        const ON: bool = true;
        const OFF: bool = false;
        assert_eq!(pauses(&[(10, 1, ON), (20, 2, ON), (30, 1, OFF), (40, 2, OFF)]), [(10, 40)]);
        assert_eq!(pauses(&[(10, 1, ON), (20, 1, ON), (30, 1, OFF), (40, 1, OFF)]), [(10, 30)]);
        assert_eq!(pauses(&[(10, 1, ON), (20, 1, OFF), (30, 2, ON), (40, 2, OFF)]), [(10, 20), (30, 40)]);
        assert_eq!(pauses(&[(10, 1, ON), (20, 2, OFF)]), [(10, OPEN_END_NS)]);
        assert_eq!(pauses(&[(10, 1, OFF), (20, 1, ON), (20, 1, OFF)]), [(20, 20)]);
    }
}
