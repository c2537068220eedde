//! The result of a walk over the records, apart from samples and events: side band, and counts of
//! everything that was read, skipped or rejected.

use std::collections::BTreeMap;

use super::records::{Record, Stop};
use super::side_band::{Parsed, SideBand, SideBandReader};

/// Bytes between two reports of progress: rare enough to cost nothing.
const PROGRESS_STEP: u64 = 1 << 20;

/// The content of the records, apart from samples and events.
#[derive(Default)]
pub struct WalkResult {
    /// Side-band records in time order.
    pub side_band: Vec<SideBand>,
    /// Bytes of text between records.
    pub text_bytes: u64,
    /// Number of side-band records that no analysis uses.
    pub unused: u64,
    /// Positions of the user call chains that were recorded later than their samples.
    pub user_chains: Vec<u64>,
    /// Number of whole records of any type.
    pub records: u64,
    /// Number of records of types that this program does not read, by type.
    pub skipped: BTreeMap<u32, u64>,
    /// Number of records that could not be decoded, by reason.
    pub rejected: BTreeMap<&'static str, u64>,
    /// Where (position in the data section) and why the walk stopped at damage.
    pub stop: Option<(u64, Stop)>,
    /// Where the walk ended. During the walk: up to where progress was reported.
    pub(super) end: u64,
}

impl WalkResult {
    /// The empty result of a walk that starts at `start`.
    pub(super) fn starting_at(start: u64) -> WalkResult {
        WalkResult { end: start, ..WalkResult::default() }
    }

    /// Reports the bytes since the last report, if they are enough for one.
    #[inline]
    pub(super) fn report(&mut self, position: u64, report: &dyn Fn(u64)) {
        if position >= self.end + PROGRESS_STEP {
            report(position - self.end);
            self.end = position;
        }
    }

    /// Adds a record that is not a sample.
    pub(super) fn add(&mut self, record: &Record, reader: &SideBandReader) {
        match reader.parse(record) {
            Parsed::SideBand(side_band) => self.side_band.push(side_band),
            Parsed::UserChain => self.user_chains.push(record.position),
            Parsed::Unused => self.unused += 1,
            Parsed::Skipped => *self.skipped.entry(record.kind).or_default() += 1,
            Parsed::Rejected(why) => *self.rejected.entry(why).or_default() += 1,
        }
    }

    /// Adds the result of the walk over the following part.
    pub(super) fn join(&mut self, next: WalkResult) {
        self.side_band.extend(next.side_band);
        self.user_chains.extend(next.user_chains);
        self.text_bytes += next.text_bytes;
        self.unused += next.unused;
        self.records += next.records;
        for (kind, count) in next.skipped {
            *self.skipped.entry(kind).or_default() += count;
        }
        for (why, count) in next.rejected {
            *self.rejected.entry(why).or_default() += count;
        }
        self.stop = next.stop;
        self.end = next.end;
    }
}
