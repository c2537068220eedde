//! Ingest: bytes in, records out. Two passes over the same bytes: the side band first, since what a sample means depends
//! on side-band records that may stand after it, then the samples in the order of the file.

mod attributes;
mod bytes;
mod cursor;
mod features;
mod header;
mod records;
mod sample;
mod script_text;
mod side_band;
mod stream;
mod tracepoint;
mod tracing_data;
mod unpack;
mod user_chains;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use linux_perf_event_reader::constants::{
    PERF_RECORD_SAMPLE, PERF_RECORD_SWITCH, PERF_RECORD_SWITCH_CPU_WIDE,
};
use rayon::prelude::*;

use crate::error::{Error, Result};

pub use attributes::Attribute;
pub use bytes::{Input, Part, open};
pub use cursor::ByteOrder;
pub use features::Features;
pub use header::Header;
pub use records::{COMPRESSED, COMPRESSED2, Record, Stop, Walk};
pub use sample::{EventFinder, RawSample, SampleLayout};
pub use script_text::{
    Block, Blocks, ScriptFrame, ScriptSample, StackLine, is_script, number, only_frame, stack_line, who,
};
pub use side_band::{Change, Map, SideBand, SideBandReader, When};
pub use tracepoint::{RawSwitch, RawTrace, TraceReader};
pub use unpack::{Damage, Records};
pub use user_chains::{CALLCHAIN_DEFERRED, UserChains};

use records::likely_start;
use side_band::Parsed;

/// A recording's records and what it says about itself.
pub struct Source<'a> {
    /// What stands before and after the records.
    pub header: Header,
    data: &'a [u8],
    damage: &'a [Damage],
    /// Bytes of the files' data sections.
    file_bytes: u64,
    /// Whether `data` is as it stands in the file, and not made from it.
    is_plain: bool,
}

/// Reads the header of `parts`, the files of a recording, and unpacks their records into at most `memory` bytes; `path` is for
/// messages.
pub fn read<'a>(parts: &[Part<'a>], path: &Path, memory: u64) -> Result<(Header, Records<'a>)> {
    let bytes = parts.first().map_or(&[][..], |part| part.bytes);
    let mut header = Header::parse(bytes, path)?;
    let records = unpack::unpack(&header, parts, memory);
    stream::note_cpus(&mut header.attributes, &records.data, header.order);
    Ok((header, records))
}

/// What the first pass found.
#[derive(Default)]
pub struct SideBandPass {
    /// Side-band records in time order.
    pub side_band: Vec<SideBand>,
    /// Side-band records of no use.
    pub unused: u64,
    /// Where the user call chains are that were recorded later than their samples.
    pub user_chains: Vec<u64>,
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
    /// Where the walk ended; while it goes on, the last of the boundaries.
    end: u64,
}

impl SideBandPass {
    #[inline]
    fn add(&mut self, record: &Record, reader: &SideBandReader, report: &dyn Fn(u64)) {
        if self.boundaries.is_empty() || record.position >= self.end + BOUNDARY_STEP {
            report(record.position - self.end);
            self.boundaries.push(record.position);
            self.end = record.position;
        }
        self.records += 1;
        if record.kind == PERF_RECORD_SAMPLE {
            self.samples += 1;
            return;
        }
        match reader.parse(record) {
            Parsed::SideBand(side_band) => self.side_band.push(side_band),
            Parsed::UserChain => self.user_chains.push(record.position),
            Parsed::Unused => self.unused += 1,
            Parsed::Skipped => *self.skipped.entry(record.kind).or_default() += 1,
            Parsed::Rejected(why) => *self.rejected.entry(why).or_default() += 1,
        }
    }

    /// Adds what the part that follows held.
    fn join(&mut self, next: SideBandPass) {
        self.side_band.extend(next.side_band);
        self.user_chains.extend(next.user_chains);
        self.unused += next.unused;
        self.records += next.records;
        self.samples += next.samples;
        for (kind, count) in next.skipped {
            *self.skipped.entry(kind).or_default() += count;
        }
        for (why, count) in next.rejected {
            *self.rejected.entry(why).or_default() += count;
        }
        self.stop = next.stop;
        self.boundaries.extend(next.boundaries);
        self.end = next.end;
    }

    /// Cuts the records into at most `count` ranges of about the same size.
    pub fn ranges(&self, count: usize) -> Vec<Range<u64>> {
        let last = self.boundaries.len().saturating_sub(1);
        let count = count.clamp(1, last.max(1));
        let at = |part: usize| self.boundaries.get(last * part / count).copied().unwrap_or(0);
        (0..count).map(|part| at(part)..at(part + 1)).collect()
    }
}

/// What the second pass is to decode.
#[derive(Clone, Copy)]
pub struct Wanted<'w> {
    /// For each event, whether its records are samples.
    pub samples: &'w [bool],
    /// What reads other events and switches, if they are wanted too.
    pub trace: Option<&'w TraceReader>,
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
    /// A record of an event that is not sampled.
    Event {
        /// Index of the event.
        event: usize,
        /// What it tells, with the fields and the record; `None` where nobody asked.
        told: Option<(RawTrace<'a>, RawSample<'a>, Record<'a>)>,
    },
    /// A switch record; only where somebody asked.
    Switch(RawSwitch, Record<'a>),
    /// A sample that could not be decoded, or whose event is unknown.
    Rejected(&'static str),
}

impl<'a> Source<'a> {
    /// The recording of what [`read`] has read.
    pub fn new(header: Header, records: &'a Records) -> Source<'a> {
        Source {
            header,
            data: &records.data,
            damage: &records.damage,
            file_bytes: records.file_bytes,
            is_plain: matches!(records.data, Cow::Borrowed(_)),
        }
    }

    /// Bytes of records, unpacked.
    pub fn data_bytes(&self) -> u64 {
        self.data.len() as u64
    }

    /// Bytes of records in the files, perhaps packed.
    pub fn file_bytes(&self) -> u64 {
        self.file_bytes
    }

    /// Where in the files records could not be read, the walk of `pass` being over.
    pub fn damage(&self, pass: &SideBandPass) -> Vec<Damage> {
        let mut damage = self.damage.to_vec();
        if let Some(offset) = self.header.another_at {
            damage.push(Damage { part: None, offset, unread: 0, stop: Stop::Another });
        }
        // What was unpacked holds whole records only.
        let stop = pass.stop.filter(|_| self.is_plain);
        if let Some((position, stop)) = stop {
            let is_another = header::is_recording(&self.data[position as usize..]);
            let stop = if is_another { Stop::Another } else { stop };
            let place = |stop| Damage {
                part: None,
                offset: self.header.data_start as u64 + position,
                unread: self.data_bytes() - position,
                stop,
            };
            match damage.as_mut_slice() {
                // The record is cut short because the stream was.
                [only] if stop == Stop::CutShort => *only = place(only.stop),
                _ => damage.push(place(stop)),
            }
        }
        damage
    }

    /// The first pass: decodes all records but samples. `progress` hears the bytes done now and then.
    ///
    /// Where a record begins is known only once the one before it is, and a walk does little but wait for the next header to come
    /// from memory. So the records are walked in many parts at the same time, each from where records seem to begin; what a part
    /// found counts only if the part before it ends just there.
    pub fn read_side_band(&self, progress: &(dyn Fn(u64) + Sync)) -> SideBandPass {
        self.read_side_band_in(parallel_ranges(self.data_bytes()), progress)
    }

    fn read_side_band_in(&self, threads: usize, progress: &(dyn Fn(u64) + Sync)) -> SideBandPass {
        let starts = self.likely_starts(threads * INTERLEAVED);
        let ends = starts.iter().skip(1).copied().chain([self.data_bytes()]);
        let ranges: Vec<Range<u64>> = starts.iter().zip(ends).map(|(&start, end)| start..end).collect();
        let done = AtomicU64::new(0);
        let report = |more| progress(done.fetch_add(more, Ordering::Relaxed) + more);
        let walks = ranges.par_chunks(INTERLEAVED);
        let guessed: Vec<SideBandPass> =
            walks.flat_map_iter(|ranges| self.walk_side_band(ranges, &report)).collect();
        let mut pass = SideBandPass::default();
        for (range, guessed) in ranges.into_iter().zip(guessed) {
            if pass.end == range.start {
                pass.join(guessed);
            } else {
                let missed = pass.end..range.end.max(pass.end);
                self.walk_side_band(&[missed], &report).into_iter().for_each(|part| pass.join(part));
            }
            if pass.stop.is_some() {
                break;
            }
        }
        pass.boundaries.push(pass.end);
        pass.side_band.sort_by_key(|side_band| side_band.when);
        pass
    }

    fn likely_starts(&self, parts: usize) -> Vec<u64> {
        let likely = |part: usize| {
            let from = self.data.len() / parts * part;
            likely_start(self.data, from, self.header.order).map(|start| start as u64)
        };
        [0].into_iter().chain((1..parts).filter_map(likely)).collect()
    }

    /// Walks over several ranges in turns, one record of each, so that the headers of all of them are waited for at the same time.
    fn walk_side_band(&self, ranges: &[Range<u64>], report: &dyn Fn(u64)) -> Vec<SideBandPass> {
        let reader = SideBandReader::new(&self.header.attributes, self.header.order);
        let mut parts: Vec<(Walk, SideBandPass)> = Vec::new();
        for range in ranges {
            let pass = SideBandPass { end: range.start, ..SideBandPass::default() };
            parts.push((Walk::over(self.data, range.clone(), self.header.order), pass));
        }
        let mut is_over = false;
        while !is_over {
            is_over = true;
            for (walk, pass) in &mut parts {
                if let Some(record) = walk.next() {
                    is_over = false;
                    pass.add(&record, &reader, report);
                }
            }
        }
        let finish = |(walk, mut pass): (Walk, SideBandPass)| {
            pass.end = walk.position() as u64;
            pass.stop = walk.stop().map(|stop| (pass.end, stop));
            pass
        };
        parts.into_iter().map(finish).collect()
    }

    /// The user call chains that the first pass came by.
    pub fn user_chains(&self, pass: &SideBandPass) -> UserChains<'a> {
        let reader = SideBandReader::new(&self.header.attributes, self.header.order);
        let mut chains = UserChains::default();
        for &position in &pass.user_chains {
            let record = Walk::over(self.data, position..u64::MAX, self.header.order).next();
            if let Some((thread, chain)) = record.and_then(|record| reader.user_chain(&record)) {
                chains.add(thread, &chain);
            }
        }
        chains
    }

    /// The second pass: decodes what is wanted, in the order of the file, in one of the ranges that [`SideBandPass::ranges`] made.
    pub fn read_samples(
        &self,
        range: Range<u64>,
        wanted: Wanted,
        finder: &EventFinder,
        user_chains: &UserChains<'a>,
        progress: &dyn Fn(u64),
        mut each: impl FnMut(Decoded<'a>),
    ) {
        let Wanted { samples: wanted, trace } = wanted;
        let layouts: Vec<SampleLayout> = self
            .header
            .attributes
            .iter()
            .map(|attribute| SampleLayout::new(attribute, self.header.order))
            .collect();
        let is_switch = |kind| matches!(kind, PERF_RECORD_SWITCH | PERF_RECORD_SWITCH_CPU_WIDE);
        let samples = Walk::over(self.data, range, self.header.order)
            .filter(|record| record.kind == PERF_RECORD_SAMPLE || trace.is_some() && is_switch(record.kind));
        let mut last = None;
        for (count, record) in (1u64..).zip(samples) {
            if count % PROGRESS_STEP == 0 {
                progress(record.position);
            }
            if record.kind != PERF_RECORD_SAMPLE {
                if let Some(switch) = trace.and_then(|trace| trace.read_switch(&record)) {
                    each(Decoded::Switch(switch, record));
                }
                continue;
            }
            each(match finder.find(record.body, &mut last) {
                None => Decoded::Rejected("sample of an unknown event"),
                Some(event) if !wanted[event] => match trace {
                    None => Decoded::Event { event, told: None },
                    Some(trace) => told_by(event, record, &layouts[event], trace),
                },
                Some(event) => match layouts[event].decode(record.body) {
                    Ok(mut sample) => {
                        user_chains.join(&mut sample, self.header.order);
                        Decoded::Sample { event, sample, record }
                    }
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

/// What a record of an event that is not sampled tells.
#[inline(never)]
fn told_by<'a>(event: usize, record: Record<'a>, layout: &SampleLayout, trace: &TraceReader) -> Decoded<'a> {
    match layout.decode_event(record.body) {
        Err(why) => Decoded::Rejected(why),
        Ok((sample, payload)) => match trace.read(event, payload) {
            None => Decoded::Rejected("tracepoint's record shorter than its fields"),
            Some(told) => Decoded::Event { event, told: Some((told, sample, record)) },
        },
    }
}

/// How many ranges of a recording to read at the same time.
pub fn parallel_ranges(data_bytes: u64) -> usize {
    /// Below this size a second range costs more than it saves.
    const SPLIT_BYTES: u64 = 8 << 20;
    /// More than this wait for memory, and for the join.
    const MAX_RANGES: usize = 8;
    let worth = usize::try_from(data_bytes / SPLIT_BYTES).unwrap_or(usize::MAX);
    rayon::current_num_threads().min(worth).clamp(1, MAX_RANGES)
}

/// Parts of a recording that one thread walks over in turns: more than this find no more room in the queue for memory.
const INTERLEAVED: usize = 8;
/// Bytes between two noted boundaries.
const BOUNDARY_STEP: u64 = 1 << 20;
/// Records between two reports of progress: rare enough to cost nothing.
const PROGRESS_STEP: u64 = 1 << 16;

#[cfg(test)]
mod tests {
    use super::records::RECORD_HEADER;
    use super::*;

    /// COMM records, and between them unknown ones of which some hold what looks like many records in a row.
    fn records(decoys: bool) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut record = |kind: u32, body: &[u8]| {
            bytes.extend(kind.to_le_bytes());
            bytes.extend([0, 0]);
            bytes.extend((RECORD_HEADER as u16 + body.len() as u16).to_le_bytes());
            bytes.extend(body);
        };
        let decoy: Vec<u8> = [9u32.to_le_bytes(), [0, 0, 16, 0], [0; 4], [0; 4]].concat().repeat(500);
        for number in 0..397u32 {
            let pid = number.to_le_bytes();
            record(3, &[pid, pid, *b"comm", [0; 4]].concat());
            record(100, if decoys { &decoy } else { &[1; 16] });
        }
        bytes
    }

    #[test]
    fn parts_walked_at_the_same_time_find_what_one_walk_finds() {
        for decoys in [false, true] {
            let whole = records(decoys);
            for cut in [0, 4, 40, (whole.len() / 3) | 1] {
                let data = &whole[..whole.len() - cut];
                let source = Source {
                    header: Header {
                        order: ByteOrder::Little,
                        attributes: Vec::new(),
                        features: Features::default(),
                        data_start: 0,
                        data_end: data.len(),
                        is_finished: true,
                        missing_bytes: 0,
                        missing_features: 0,
                        tracing_data: 0..0,
                        another_at: None,
                    },
                    data,
                    damage: &[],
                    file_bytes: data.len() as u64,
                    is_plain: true,
                };
                let read = |threads| {
                    let pass = source.read_side_band_in(threads, &|_| {});
                    let positions: Vec<u64> = pass.side_band.iter().map(|one| one.when.position).collect();
                    (pass.records, pass.skipped, pass.stop, pass.end, positions)
                };
                let one = read(1);
                assert!(one.0 > 500 && one.4.len() > 250);
                for threads in 2..=8 {
                    assert_eq!(read(threads), one, "{threads} threads, {decoys}, {cut}");
                }
                let is_wrong =
                    |start: &u64| !Walk::new(data, ByteOrder::Little).any(|one| one.position == *start);
                assert_eq!(source.likely_starts(8).iter().any(is_wrong), decoys, "the decoys mislead");
            }
        }
    }
}
