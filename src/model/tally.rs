//! Tally: how every record was used.

use std::collections::BTreeMap;

/// How every record was used: `records` is the sum of `samples`, `other_events`, `side_band`, all
/// `skipped` and all `rejected`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Tally {
    /// Whole records read.
    pub records: u64,
    /// Samples of the sampling event that are in the timelines.
    pub samples: u64,
    /// Samples whose user call chain should have been recorded later and was not.
    pub without_user_chain: u64,
    /// Records of other events: tracepoints, and events that were not chosen.
    pub other_events: u64,
    /// Records about tasks and mappings: comm, fork, mmap, …
    pub side_band: u64,
    /// Records that this program does not use, by type.
    pub skipped: BTreeMap<u32, u64>,
    /// Records that could not be decoded, or whose event is unknown, by reason.
    pub rejected: BTreeMap<&'static str, u64>,
    /// Records that the kernel dropped before perf could write them (PERF_RECORD_LOST,
    /// PERF_RECORD_LOST_SAMPLES).
    pub lost: u64,
    /// How often the kernel paused an event (PERF_RECORD_THROTTLE), for however short a time.
    pub throttled: u64,
    /// Bytes of the data section after the last record that could be read.
    pub unread_bytes: u64,
    /// All bytes of the data section.
    pub data_bytes: u64,
}

impl Tally {
    /// Adds the counts of records that another part of the input has.
    pub(crate) fn add(&mut self, part: Tally) {
        self.records += part.records;
        self.samples += part.samples;
        self.other_events += part.other_events;
        self.side_band += part.side_band;
        for (kind, count) in part.skipped {
            *self.skipped.entry(kind).or_default() += count;
        }
        for (why, count) in part.rejected {
            *self.rejected.entry(why).or_default() += count;
        }
    }

    /// Lost records as a share of all samples, lost or not, of any event, from 0 to 1. It is perf's
    /// definition (`perf_session__warn_about_errors`, tools/perf/util/session.c): side band does
    /// not count, because perf makes most of it up itself, and no buffer loses that.
    pub fn lost_share(&self) -> f64 {
        let all = self.samples.saturating_add(self.other_events).saturating_add(self.lost);
        if all == 0 { 0.0 } else { self.lost as f64 / all as f64 }
    }

    /// The records that are accounted for. If they are not as many as were read, records were lost
    /// silently.
    pub fn accounted(&self) -> u64 {
        self.samples + self.other_events + self.side_band + self.skipped_total() + self.rejected_total()
    }

    /// Records that this program does not use.
    pub fn skipped_total(&self) -> u64 {
        self.skipped.values().sum()
    }

    /// Records of AUX data, which is not decoded: Intel PT, Arm SPE, CoreSight. They are skipped.
    pub fn aux(&self) -> u64 {
        /// PERF_RECORD_AUX (include/uapi/linux/perf_event.h) and PERF_RECORD_AUXTRACE
        /// (tools/lib/perf/include/perf/event.h).
        const KINDS: [u32; 2] = [11, 71];
        KINDS.iter().filter_map(|kind| self.skipped.get(kind)).sum()
    }

    /// Whether enough records were lost to hide a stall: more than 1 %.
    pub fn is_much_lost(&self) -> bool {
        const MUCH: f64 = 0.01;
        self.lost_share() > MUCH
    }

    /// Records that could not be decoded.
    pub fn rejected_total(&self) -> u64 {
        self.rejected.values().sum()
    }
}
