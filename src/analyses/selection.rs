//! Selection: which CPUs, which time and which tasks of a recording an analysis looks at.

use std::collections::BTreeSet;
use std::ops::Range;

use crate::error::{Error, Result};
use crate::model::{Recording, Sample, Task, TaskId, Timeline, clean};

use super::day_times;

pub use super::day_times::DayTime;

/// What is selected by a range that the recording cannot place.
const NOTHING: (u64, u64) = (u64::MAX, u64::MAX);

/// The most comms that are named in place of one that no task has.
const MOST_ALIKE: usize = 5;

/// The part of a recording to look at; everything by default.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    /// Only these CPUs.
    pub cpus: Option<Vec<CpuRange>>,
    /// Only this time.
    pub time: TimeRange,
    /// Only tasks with one of these comms.
    pub comms: Option<Vec<String>>,
    /// Only tasks of these processes.
    pub pids: Option<Vec<i32>>,
    /// Only these threads.
    pub tids: Option<Vec<i32>>,
}

/// CPUs from the first to the second, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CpuRange(pub u32, pub u32);

/// A stretch of a recording's time. Both ends are included, as in perf.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum TimeRange {
    /// All of it.
    #[default]
    All,
    /// From and to these times, in ns of the recording's clock; `None` is an open end.
    Clock(Option<u64>, Option<u64>),
    /// From and to these times of day; `None` is an open end.
    Day(Option<DayTime>, Option<DayTime>),
    /// From and to these shares of the recording's duration, from 0 to 1.
    Share(f64, f64),
}

impl TimeRange {
    /// The first and last ns of the range. [`Selection::check`] says whether times of day can be
    /// placed in the recording; if not, nothing is selected.
    pub fn bounds(self, recording: &Recording) -> (u64, u64) {
        match self {
            TimeRange::All => (0, u64::MAX),
            TimeRange::Clock(start, end) => (start.unwrap_or(0), end.unwrap_or(u64::MAX)),
            TimeRange::Day(start, end) => day_times::bounds(recording, start, end).unwrap_or(NOTHING),
            TimeRange::Share(start, end) => {
                let at = |share: f64| {
                    let offset = recording.duration_ns() as f64 * share;
                    recording.about.start_ns.saturating_add(offset as u64)
                };
                (at(start), at(end))
            }
        }
    }
}

impl Selection {
    /// Checks that the selection overlaps the recording.
    ///
    /// # Errors
    ///
    /// If a selected CPU was not recorded, or the selected time is outside the recording.
    pub fn check(&self, recording: &Recording) -> Result<()> {
        let recorded: Vec<u32> = recording.timelines.iter().map(|timeline| timeline.cpu).collect();
        let holds_none = |range: &&CpuRange| !recorded.iter().any(|cpu| range.holds(*cpu));
        let is_possible =
            |range: &CpuRange| recording.about.cpus_available.is_some_and(|count| range.0 < count);
        let absent = self.cpus.iter().flatten().filter(holds_none).map(|range| (range.0, is_possible(range)));
        let is_empty = self.timelines(recording).next().is_none();
        for (cpu, is_possible) in absent {
            if is_empty || !is_possible {
                let why = if is_possible { "no samples of this CPU" } else { "no such CPU" };
                let cpus = cpu_list(&recorded);
                return Err(Error::Usage(format!(
                    "-C {cpu}: the recording has {why}; it has samples of {cpus}"
                )));
            }
        }
        let about = &recording.about;
        let (first, last) = (about.start_ns as f64 / 1e9, about.end_ns as f64 / 1e9);
        let mut seconds = format!("from {first:.6} to {last:.6} seconds");
        if let TimeRange::Day(start, end) = self.time {
            day_times::bounds(recording, start, end)
                .map_err(|why| Error::Usage(format!("--time: {why}; the recording is {seconds}")))?;
        }
        if let [Some(first), Some(last)] = [about.start_ns, about.end_ns].map(|ns| about.clock.utc(ns)) {
            seconds += &format!(", {} to {} UTC", first.date_and_clock(), last.date_and_clock());
        }
        let (start_ns, end_ns) = self.time.bounds(recording);
        if start_ns > about.end_ns || end_ns < about.start_ns {
            return Err(Error::Usage(format!(
                "--time: nothing was recorded then; the recording is {seconds}"
            )));
        }
        Ok(())
    }

    /// The part of the recorded time that is selected, in ns. A selected CPU was recorded all that
    /// time, also where it has no samples.
    pub fn recorded(&self, recording: &Recording) -> Range<u64> {
        let (start_ns, end_ns) = self.time.bounds(recording);
        let start_ns = start_ns.max(recording.about.start_ns);
        start_ns..end_ns.min(recording.about.end_ns).max(start_ns)
    }

    /// The selected time, for switch records: there may be some before the first sample and after
    /// the last.
    pub(super) fn time_of_switches(&self, recording: &Recording) -> Range<u64> {
        let (start_ns, end_ns) = self.time.bounds(recording);
        start_ns..end_ns.max(start_ns)
    }

    /// What of the selection matches nothing in the recording, in sentences that name the option.
    /// What [`Selection::check`] refuses is not among them.
    pub fn unmatched(&self, recording: &Recording) -> Vec<String> {
        let mut unmatched: Vec<String> = Vec::new();
        for comm in self.comms.iter().flatten() {
            let comms = || recording.tasks.iter().map(|task| recording.name(task.comm));
            if !comms().any(|other| other == comm) {
                let alike: BTreeSet<&str> = comms().filter(|other| other.contains(comm.as_str())).collect();
                let alike: Vec<&str> = alike.into_iter().take(MOST_ALIKE).collect();
                let alike =
                    if alike.is_empty() { String::new() } else { format!("; there is {}", alike.join(", ")) };
                unmatched.push(format!("-c {}: no task has this comm{alike}", clean(comm)));
            }
        }
        let has_id = |id: i32, of: fn(&Task) -> i32| recording.tasks.iter().any(|task| of(task) == id);
        for &pid in self.pids.iter().flatten().filter(|&&pid| !has_id(pid, |task| task.pid)) {
            unmatched.push(format!("--pid {pid}: the recording has no such process"));
        }
        for &tid in self.tids.iter().flatten().filter(|&&tid| !has_id(tid, |task| task.tid)) {
            unmatched.push(format!("--tid {tid}: the recording has no such thread"));
        }
        if unmatched.is_empty() && self.is_limited() && !self.holds_any(recording) {
            unmatched.push(
                "nothing was recorded of what -c, --pid, --tid, -C and --time select together".to_owned(),
            );
        }
        unmatched
    }

    fn is_limited(&self) -> bool {
        let has_tasks = self.comms.is_some() || self.pids.is_some() || self.tids.is_some();
        has_tasks || self.cpus.is_some() || self.time != TimeRange::All
    }

    /// Whether any sample or event is selected.
    fn holds_any(&self, recording: &Recording) -> bool {
        let is_selected = self.tasks(recording);
        let (start_ns, end_ns) = self.time.bounds(recording);
        self.timelines(recording).any(|timeline| {
            let samples = &timeline.samples[self.samples_of(recording, timeline)];
            let events = timeline.trace.between(start_ns, end_ns.saturating_add(1));
            samples.iter().any(|sample| is_selected[sample.task.index()])
                || events.iter().any(|event| is_selected[event.task.index()])
        })
    }

    /// The timelines of the selected CPUs.
    pub fn timelines<'r>(&self, recording: &'r Recording) -> impl Iterator<Item = &'r Timeline> {
        recording.timelines.iter().filter(|timeline| self.has_cpu(timeline.cpu))
    }

    /// Whether a CPU is selected.
    pub fn has_cpu(&self, cpu: u32) -> bool {
        match &self.cpus {
            Some(ranges) => ranges.iter().any(|range| range.holds(cpu)),
            None => true,
        }
    }

    /// For each task, whether it is selected.
    pub fn tasks(&self, recording: &Recording) -> Vec<bool> {
        let is_listed = |list: &Option<Vec<i32>>, id| list.as_ref().is_none_or(|list| list.contains(&id));
        (0..recording.tasks.len())
            .map(TaskId::from_index)
            .map(|id| {
                let task = recording.task(id);
                let comm = recording.comm(id);
                is_listed(&self.pids, task.pid)
                    && is_listed(&self.tids, task.tid)
                    && self.comms.as_ref().is_none_or(|comms| comms.iter().any(|other| other == comm))
            })
            .collect()
    }

    /// The indices of a timeline's samples in the selected time.
    pub fn samples_of(&self, recording: &Recording, timeline: &Timeline) -> Range<usize> {
        let (start_ns, end_ns) = self.time.bounds(recording);
        let is_before = |sample: &Sample| sample.time_ns < start_ns;
        let is_in_or_before = |sample: &Sample| sample.time_ns <= end_ns;
        let start = timeline.samples.partition_point(is_before);
        let end = timeline.samples.partition_point(is_in_or_before);
        start..end.max(start)
    }

    /// The same indices: those of the samples that have a time, and behind them those of the
    /// samples that have none.
    pub(super) fn timed_samples_of(
        &self,
        recording: &Recording,
        timeline: &Timeline,
    ) -> (Range<usize>, Range<usize>) {
        let indices = self.samples_of(recording, timeline);
        // Samples without a time are sorted last.
        let timed = timeline.between(0, u64::MAX).end.clamp(indices.start, indices.end);
        (indices.start..timed, timed..indices.end)
    }
}

impl CpuRange {
    fn holds(self, cpu: u32) -> bool {
        (self.0..=self.1).contains(&cpu)
    }
}

/// CPUs as perf and the kernel list them: `0-3,7`.
pub fn cpu_list(cpus: &[u32]) -> String {
    let mut ranges: Vec<(u32, u32)> = Vec::new();
    for &cpu in cpus {
        match ranges.last_mut() {
            Some((_, last)) if last.checked_add(1) == Some(cpu) => *last = cpu,
            _ => ranges.push((cpu, cpu)),
        }
    }
    let texts = ranges.iter().map(|(first, last)| match first == last {
        true => first.to_string(),
        false => format!("{first}-{last}"),
    });
    texts.collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cpus_are_listed_in_ranges() {
        assert_eq!(cpu_list(&[0, 1, 2, 5, 7, 8]), "0-2,5,7-8");
        assert_eq!(cpu_list(&[u32::MAX]), u32::MAX.to_string());
        assert_eq!(cpu_list(&[]), "");
    }
}
