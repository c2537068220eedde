//! What a watch has counted, as a page.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::analyses::stalls::Stall;
use crate::model::Recording;
use crate::render::subject;

use super::page::{Labels, Page, label, seconds};

/// Upper bounds of the buckets of lengths, in ms.
const BUCKETS_MS: [u64; 8] = [20, 50, 100, 200, 500, 1000, 2000, 5000];

/// What a watch has counted since it began.
#[derive(Debug, Default)]
pub struct Counters {
    labels: Labels,
    /// The lengths of stalls, by the labels of their culprits.
    culprits: BTreeMap<String, Lengths>,
    /// Stalls of all culprits, and their lengths. Unlike the series of a culprit, these are there
    /// from the start, so that Prometheus sees the first stall as an increase.
    stalls: u64,
    stalled_ns: u64,
    /// Stalls of which this program itself was the culprit. They are no others'.
    pub own_stalls: u64,
    /// Signs of a stall, which the analysis was asked about.
    pub alarms: u64,
    /// Packs that were written.
    pub packs: u64,
    /// Packs that could not be written.
    pub failed_packs: u64,
    /// Records that the kernel dropped for want of room.
    pub lost_records: u64,
    /// Rounds in which records were forgotten before their time, for want of memory.
    pub rounds_cut_short: u64,
    /// How full the fullest ring was since the page before, from 0 to 1.
    pub ring_fill: f64,
    /// From the end of the last stall until it was told.
    pub lag: Duration,
}

/// The lengths of stalls.
#[derive(Debug, Default)]
struct Lengths {
    /// How many are within each bound, and not within the one before.
    buckets: [u64; BUCKETS_MS.len()],
    count: u64,
    sum_ns: u64,
}

impl Counters {
    /// Counters of zero. `labels` are those of the page before.
    pub fn new(labels: Labels) -> Counters {
        Counters { labels, ..Counters::default() }
    }

    /// Counts a stall.
    pub fn add(&mut self, recording: &Recording, stall: &Stall) {
        let labels = match &stall.culprit {
            Some(culprit) => self.labels.admit(
                &label(recording, culprit.holder_by_comm(recording)),
                subject::culprit_work(recording, culprit).unwrap_or_default(),
            ),
            None => self.labels.admit("", ""),
        };
        let lengths = self.culprits.entry(labels).or_default();
        let length_ns = stall.duration_ns();
        let bucket = BUCKETS_MS.iter().position(|bound_ms| length_ns <= bound_ms * 1_000_000);
        if let Some(count) = bucket.and_then(|bucket| lengths.buckets.get_mut(bucket)) {
            *count += 1;
        }
        lengths.count += 1;
        lengths.sum_ns = lengths.sum_ns.saturating_add(length_ns);
        self.stalls += 1;
        self.stalled_ns = self.stalled_ns.saturating_add(length_ns);
    }

    /// The page; `cpu_time` is what this program took.
    pub fn page(&self, cpu_time: Duration) -> String {
        let mut page = Page::default();
        let series = self.culprits.iter().flat_map(|(labels, lengths)| lengths.series(labels));
        page.typed("watch_stall_seconds", "Lengths of stalls by who held the CPU.", "histogram", series);
        for (name, help, value) in [
            ("stalls", "Stalls, whoever held the CPU.", self.stalls),
            ("own_stalls", "Stalls of which stallgraph itself was the culprit.", self.own_stalls),
            ("alarms", "Signs of a stall, which the analysis was asked about.", self.alarms),
            ("packs", "Packs of stalls that were written.", self.packs),
            ("failed_packs", "Packs of stalls that could not be written.", self.failed_packs),
            ("lost_records", "Records that the kernel dropped for want of room.", self.lost_records),
            ("short_rounds", "Rounds that forgot too early, for want of memory.", self.rounds_cut_short),
        ] {
            page.counter(&format!("watch_{name}_total"), help, value as f64);
        }
        let stalled = "Time of stalls, whoever held the CPU: those of several CPUs are added up.";
        page.counter("watch_stalled_seconds_total", stalled, seconds(self.stalled_ns));
        page.counter("watch_cpu_seconds_total", "CPU time of stallgraph itself.", cpu_time.as_secs_f64());
        page.gauge("watch_ring_fill_ratio", "How full the fullest ring has lately been.", self.ring_fill);
        let lag = "From the end of the last stall until it was reported.";
        page.gauge("watch_lag_seconds", lag, self.lag.as_secs_f64());
        page.remember(&self.labels);
        page.text()
    }
}

impl Lengths {
    /// The series of a histogram with these labels. Buckets hold those before them.
    fn series(&self, labels: &str) -> impl Iterator<Item = (&'static str, String, f64)> {
        let mut within = 0;
        let mut series = Vec::new();
        for (bound_ms, count) in BUCKETS_MS.iter().zip(self.buckets) {
            within += count;
            let bound = seconds(bound_ms * 1_000_000);
            series.push(("_bucket", format!("{labels},le=\"{bound}\""), within as f64));
        }
        series.push(("_bucket", format!("{labels},le=\"+Inf\""), self.count as f64));
        series.push(("_sum", labels.to_owned(), seconds(self.sum_ns)));
        series.push(("_count", labels.to_owned(), self.count as f64));
        series.into_iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_holds_those_before_it() {
        let lengths = Lengths { buckets: [0, 2, 0, 1, 0, 0, 0, 0], count: 4, sum_ns: 10_200_000_000 };
        let series: Vec<String> = lengths
            .series("comm=\"a\",syscall=\"read\"")
            .map(|(end, labels, value)| format!("{end}{{{labels}}} {value}"))
            .collect();
        let ends: Vec<&str> = series.iter().map(|line| line.rsplit(' ').next().expect("a value")).collect();
        assert_eq!(ends, ["0", "2", "2", "3", "3", "3", "3", "3", "4", "10.2", "4"]);
        assert_eq!(series[1], "_bucket{comm=\"a\",syscall=\"read\",le=\"0.05\"} 2");
        assert_eq!(series[9], "_sum{comm=\"a\",syscall=\"read\"} 10.2");
    }
}
