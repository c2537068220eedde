//! Ingest: bytes in, records out. Two passes over the same bytes: the side band first, since what a sample means depends
//! on side-band records that may stand after it, then the samples in the order of the file.

mod attributes;
mod bytes;
mod cursor;
mod features;
mod header;
mod records;
mod sample;
mod side_band;

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;

use linux_perf_event_reader::constants::PERF_RECORD_SAMPLE;

use crate::error::{Error, Result};

pub use attributes::Attribute;
pub use bytes::open;
pub use cursor::ByteOrder;
pub use features::Features;
pub use header::Header;
pub use records::{Record, Stop, Walk};
pub use sample::{EventFinder, RawSample, SampleLayout};
pub use side_band::{Change, Map, SideBand, SideBandReader, When};

use side_band::Parsed;

/// A recording's bytes with their header read.
pub struct Source<'a> {
    /// What stands before and after the records.
    pub header: Header,
    data: &'a [u8],
}

/// What the first pass found.
#[derive(Default)]
pub struct SideBandPass {
    /// Side-band records in time order.
    pub side_band: Vec<SideBand>,
    /// Whole records of any type.
    pub records: u64,
    /// Samples of any event.
    pub samples: u64,
    /// Records of no use, by type.
    pub skipped: BTreeMap<u32, u64>,
    /// Records that could not be decoded, by reason.
    pub rejected: BTreeMap<&'static str, u64>,
    /// Where and why the records stop making sense: position in the data section.
    pub stop: Option<(u64, Stop)>,
    /// Where records begin, about one position for each MiB, and where the last one ends.
    boundaries: Vec<u64>,
}

impl SideBandPass {
    /// Cuts the records into at most `count` ranges of about the same size.
    pub fn ranges(&self, count: usize) -> Vec<Range<u64>> {
        let last = self.boundaries.len().saturating_sub(1);
        let count = count.clamp(1, last.max(1));
        let at = |part: usize| self.boundaries.get(last * part / count).copied().unwrap_or(0);
        (0..count).map(|part| at(part)..at(part + 1)).collect()
    }
}

/// A sample, or why it is none.
pub enum Decoded<'a> {
    /// A sample of the event with this index.
    Sample {
        /// Index of the event.
        event: usize,
        /// Its fields.
        sample: RawSample<'a>,
        /// The record it came from.
        record: Record<'a>,
    },
    /// A record of an event that was not asked for.
    OtherEvent(usize),
    /// A sample that could not be decoded, or whose event is unknown.
    Rejected(&'static str),
}

impl<'a> Source<'a> {
    /// Reads the header of `bytes`; `path` is for messages.
    pub fn new(bytes: &'a [u8], path: &Path) -> Result<Source<'a>> {
        let header = Header::parse(bytes, path)?;
        let data = &bytes[header.data_start..header.data_end];
        Ok(Source { header, data })
    }

    /// Bytes of records.
    pub fn data_bytes(&self) -> u64 {
        self.data.len() as u64
    }

    /// The first pass: decodes all records but samples. `progress` hears the position now and then.
    pub fn read_side_band(&self, progress: &dyn Fn(u64)) -> SideBandPass {
        let reader = SideBandReader::new(&self.header.attributes, self.header.order);
        let mut pass = SideBandPass::default();
        let mut walk = Walk::new(self.data, self.header.order);
        for record in walk.by_ref() {
            if record.position >= pass.boundaries.len() as u64 * BOUNDARY_STEP {
                pass.boundaries.push(record.position);
            }
            pass.records += 1;
            if pass.records % PROGRESS_STEP == 0 {
                progress(record.position);
            }
            if record.kind == PERF_RECORD_SAMPLE {
                pass.samples += 1;
                continue;
            }
            match reader.parse(&record) {
                Parsed::SideBand(side_band) => pass.side_band.push(side_band),
                Parsed::Skipped => *pass.skipped.entry(record.kind).or_default() += 1,
                Parsed::Rejected(why) => *pass.rejected.entry(why).or_default() += 1,
            }
        }
        pass.boundaries.push(walk.position() as u64);
        pass.stop = walk.stop().map(|stop| (walk.position() as u64, stop));
        pass.side_band.sort_by_key(|side_band| side_band.when);
        pass
    }

    /// The second pass: decodes the samples of the events for which `wanted` holds, in the order of the file, in one of the
    /// ranges that [`SideBandPass::ranges`] made.
    pub fn read_samples(
        &self,
        range: Range<u64>,
        wanted: &[bool],
        finder: &EventFinder,
        progress: &dyn Fn(u64),
        mut each: impl FnMut(Decoded<'a>),
    ) {
        let layouts: Vec<SampleLayout> = self
            .header
            .attributes
            .iter()
            .map(|attribute| SampleLayout::new(attribute, self.header.order))
            .collect();
        let samples = Walk::over(self.data, range, self.header.order)
            .filter(|record| record.kind == PERF_RECORD_SAMPLE);
        for (count, record) in (1u64..).zip(samples) {
            if count % PROGRESS_STEP == 0 {
                progress(record.position);
            }
            each(match finder.find(record.body) {
                None => Decoded::Rejected("sample of an unknown event"),
                Some(event) if !wanted[event] => Decoded::OtherEvent(event),
                Some(event) => match layouts[event].decode(record.body) {
                    Ok(sample) => Decoded::Sample { event, sample, record },
                    Err(why) => Decoded::Rejected(why),
                },
            });
        }
    }

    /// A finder for this recording's events; an error if their samples cannot be told apart.
    pub fn event_finder(&self, path: &Path) -> Result<EventFinder> {
        EventFinder::new(&self.header.attributes, self.header.order).map_err(|what| {
            Error::input(path, what, "record with --sample-identifier, or one event at a time")
        })
    }
}

/// Bytes between two noted boundaries.
const BOUNDARY_STEP: u64 = 1 << 20;
/// Records between two reports of progress: rare enough to cost nothing.
const PROGRESS_STEP: u64 = 1 << 16;
