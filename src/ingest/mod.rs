//! Ingest: bytes in, records out, in one pass over the bytes. What a sample means depends on side-band records that may stand
//! after it, so both are handed on as they stand in the file.

mod attributes;
mod bytes;
mod cursor;
mod features;
mod header;
pub mod log_times;
mod records;
mod redact;
mod sample;
mod sample_id;
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
pub use header::{Header, is_recording};
pub use records::{COMPRESSED, COMPRESSED2, Record, Stop, Walk};
pub use redact::Redacted;
pub use sample::{EventFinder, RawSample, SampleLayout};
pub use script_text::{
    Block, Blocks, ScriptFrame, ScriptSample, StackLine, is_script, number, only_frame, stack_line, who,
};
pub use side_band::{Change, Map, SideBand, SideBandReader, When};
pub use tracepoint::{RawSwitch, RawTrace, TraceReader};
pub use unpack::{Damage, Records};
pub use user_chains::{CALLCHAIN_DEFERRED, UserChains, deferred};

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

/// What the records were, but for samples and events.
#[derive(Default)]
pub struct Walked {
    /// Side-band records in time order.
    pub side_band: Vec<SideBand>,
    /// Side-band records of no use.
    pub unused: u64,
    /// Where the user call chains are that were recorded later than their samples.
    pub user_chains: Vec<u64>,
    /// Whole records of any type.
    pub records: u64,
    /// Records of no use, by type.
    pub skipped: BTreeMap<u32, u64>,
    /// Records that could not be decoded, by reason.
    pub rejected: BTreeMap<&'static str, u64>,
    /// Where and why the records stop making sense: position in the data section.
    pub stop: Option<(u64, Stop)>,
    /// Where the walk ended; while it goes on, up to where its progress was reported.
    end: u64,
}

impl Walked {
    #[inline]
    fn report(&mut self, position: u64, report: &dyn Fn(u64)) {
        if position >= self.end + PROGRESS_STEP {
            report(position - self.end);
            self.end = position;
        }
    }

    fn add(&mut self, record: &Record, reader: &SideBandReader) {
        match reader.parse(record) {
            Parsed::SideBand(side_band) => self.side_band.push(side_band),
            Parsed::UserChain => self.user_chains.push(record.position),
            Parsed::Unused => self.unused += 1,
            Parsed::Skipped => *self.skipped.entry(record.kind).or_default() += 1,
            Parsed::Rejected(why) => *self.rejected.entry(why).or_default() += 1,
        }
    }

    /// Adds what the part that follows held.
    fn join(&mut self, next: Walked) {
        self.side_band.extend(next.side_band);
        self.user_chains.extend(next.user_chains);
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

/// Decodes samples and events.
pub struct SampleReader<'w> {
    layouts: Vec<SampleLayout>,
    finder: EventFinder,
    /// For each event, whether its records are samples.
    samples: &'w [bool],
    /// What reads other events and switches, if they are wanted too.
    trace: Option<TraceReader>,
}

/// Takes the samples and events of a part of the records, in the order of the file.
pub trait Collect {
    /// A sample of an event.
    fn sample(&mut self, event: usize, sample: &RawSample, record: &Record);

    /// A record of an event that is not sampled: what it tells, and its fields; `None` where nobody asked.
    fn event(&mut self, event: usize, told: Option<(RawTrace, RawSample)>, record: &Record);

    /// A switch record; only where somebody asked.
    fn switch(&mut self, switch: &RawSwitch, record: &Record);

    /// A sample that could not be decoded, or whose event is unknown.
    fn reject(&mut self, why: &'static str);
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

    /// Where in the files records could not be read, `walked` being all of them.
    pub fn damage(&self, walked: &Walked) -> Vec<Damage> {
        let mut damage = self.damage.to_vec();
        if let Some(offset) = self.header.another_at {
            damage.push(Damage { part: None, offset, unread: 0, stop: Stop::Another });
        }
        // What was unpacked holds whole records only.
        let stop = walked.stop.filter(|_| self.is_plain);
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

    /// Reads all records. `new` makes for each part of them what takes its samples and events, in the order of the file; these
    /// are returned in this order too. `progress` hears the bytes done now and then.
    ///
    /// Where a record begins is known only once the one before it is. So the parts are walked at the same time, each from where
    /// records seem to begin; what a part found counts only if the part before it ends just there.
    pub fn read<C: Collect + Send>(
        &self,
        reader: &SampleReader,
        new: impl Fn() -> C + Sync,
        progress: &(dyn Fn(u64) + Sync),
    ) -> (Walked, Vec<C>) {
        self.read_parts(parallel_parts(self.data_bytes()), reader, new, progress)
    }

    fn read_parts<C: Collect + Send>(
        &self,
        parts: usize,
        reader: &SampleReader,
        new: impl Fn() -> C + Sync,
        progress: &(dyn Fn(u64) + Sync),
    ) -> (Walked, Vec<C>) {
        let starts = self.likely_starts(parts);
        let ends = starts.iter().skip(1).copied().chain([self.data_bytes()]);
        let ranges: Vec<Range<u64>> = starts.iter().zip(ends).map(|(&start, end)| start..end).collect();
        let done = AtomicU64::new(0);
        let report = |more| progress(done.fetch_add(more, Ordering::Relaxed) + more);
        let read = |range: Range<u64>| {
            let mut collected = new();
            let walked = self.walk(range, reader, &report, &mut collected);
            (walked, collected)
        };
        let guessed: Vec<(Walked, C)> = ranges.par_iter().cloned().map(read).collect();
        let (mut all, mut collected) = (Walked::default(), Vec::new());
        for (range, guessed) in ranges.into_iter().zip(guessed) {
            let is_right = all.end == range.start;
            let (walked, part) = if is_right { guessed } else { read(all.end..range.end.max(all.end)) };
            all.join(walked);
            collected.push(part);
            if all.stop.is_some() {
                break;
            }
        }
        all.side_band.sort_by_key(|side_band| side_band.when);
        (all, collected)
    }

    /// Touches the records at some positions, so that their bytes are waited for at the same time and not one after another.
    pub fn read_ahead(&self, positions: &[u64]) {
        /// Bytes of a cache line, and lines of most records.
        const LINE: usize = 64;
        const LINES: usize = 4;
        for &position in positions {
            let lines = self.data[position as usize..].iter().step_by(LINE).take(LINES);
            std::hint::black_box(lines.fold(0, |sum: u8, byte| sum.wrapping_add(*byte)));
        }
    }

    fn likely_starts(&self, parts: usize) -> Vec<u64> {
        let likely = |part: usize| {
            let from = self.data.len() / parts * part;
            likely_start(self.data, from, self.header.order).map(|start| start as u64)
        };
        [0].into_iter().chain((1..parts).filter_map(likely)).collect()
    }

    fn walk(
        &self,
        range: Range<u64>,
        reader: &SampleReader,
        report: &dyn Fn(u64),
        collected: &mut impl Collect,
    ) -> Walked {
        // Written out twice, so that no number asks for its order.
        match self.header.order {
            ByteOrder::Little => self.walk_in(ByteOrder::Little, range, reader, report, collected),
            ByteOrder::Big => self.walk_in(ByteOrder::Big, range, reader, report, collected),
        }
    }

    /// Walks over the records that begin in `range`.
    #[inline(always)]
    fn walk_in(
        &self,
        order: ByteOrder,
        range: Range<u64>,
        reader: &SampleReader,
        report: &dyn Fn(u64),
        collected: &mut impl Collect,
    ) -> Walked {
        let side_band = SideBandReader::new(&self.header.attributes, order);
        let mut walked = Walked { end: range.start, ..Walked::default() };
        let mut walk = Walk::over(self.data, range, order);
        let mut last = None;
        for record in walk.by_ref() {
            walked.records += 1;
            walked.report(record.position, report);
            if record.kind == PERF_RECORD_SAMPLE {
                reader.decode(&record, order, &mut last, collected);
                continue;
            }
            walked.add(&record, &side_band);
            if let Some(switch) = reader.decode_switch(&record) {
                collected.switch(&switch, &record);
            }
        }
        walked.end = walk.position() as u64;
        walked.stop = walk.stop().map(|stop| (walked.end, stop));
        walked
    }

    /// The sample at `position`, if one was read there.
    pub fn sample_at(&self, position: u64, reader: &SampleReader) -> Option<(RawSample<'a>, Record<'a>)> {
        let order = self.header.order;
        let record = Walk::over(self.data, position..u64::MAX, order).next()?;
        let event = reader.finder.find(record.body, order, &mut None)?;
        let (sample, _) = reader.layouts[event].decode_to_chain(record.body, order).ok()?;
        Some((sample, record))
    }

    /// The user call chains that the walk came by.
    pub fn user_chains(&self, walked: &Walked) -> UserChains<'a> {
        let reader = SideBandReader::new(&self.header.attributes, self.header.order);
        let mut chains = UserChains::default();
        for &position in &walked.user_chains {
            let record = Walk::over(self.data, position..u64::MAX, self.header.order).next();
            if let Some((thread, chain)) = record.and_then(|record| reader.user_chain(&record)) {
                chains.add(thread, &chain);
            }
        }
        chains
    }

    /// What decodes this recording's samples, and events if `trace` is given; an error if those of its events cannot be told apart.
    pub fn sample_reader<'w>(
        &self,
        samples: &'w [bool],
        trace: Option<TraceReader>,
        path: &Path,
    ) -> Result<SampleReader<'w>> {
        let attributes = &self.header.attributes;
        let finder = EventFinder::new(attributes).map_err(|what| {
            Error::input(path, what, "record with --sample-identifier, or one event at a time")
        })?;
        let layouts = attributes.iter().map(SampleLayout::new).collect();
        Ok(SampleReader { layouts, finder, samples, trace })
    }
}

impl SampleReader<'_> {
    /// `last` is what [`EventFinder::find`] remembers.
    #[inline(always)]
    fn decode(
        &self,
        record: &Record,
        order: ByteOrder,
        last: &mut Option<(u64, usize)>,
        collected: &mut impl Collect,
    ) {
        let Some(event) = self.finder.find(record.body, order, last) else {
            return collected.reject("sample of an unknown event");
        };
        if !self.samples[event] {
            return self.decode_event(event, record, order, collected);
        }
        match self.layouts[event].decode(record.body, order) {
            Ok(sample) => collected.sample(event, &sample, record),
            Err(why) => collected.reject(why),
        }
    }

    #[inline(never)]
    fn decode_event(&self, event: usize, record: &Record, order: ByteOrder, collected: &mut impl Collect) {
        let Some(trace) = &self.trace else {
            return collected.event(event, None, record);
        };
        match self.layouts[event].decode_event(record.body, order) {
            Err(why) => collected.reject(why),
            Ok((sample, payload)) => match trace.read(event, payload) {
                None => collected.reject("tracepoint's record shorter than its fields"),
                Some(told) => collected.event(event, Some((told, sample)), record),
            },
        }
    }

    /// Leaves of a sample's body the fields that are read, of its call chain what `chain` leaves; `None` if it cannot be decoded.
    fn redact(
        &self,
        trace: &TraceReader,
        order: ByteOrder,
        body: &mut [u8],
        chain: impl FnOnce(&mut [u8]),
    ) -> Option<()> {
        let event = self.finder.find(body, order, &mut None)?;
        self.layouts.get(event)?.redact(body, order, chain, |payload| trace.redact(event, payload))
    }

    fn decode_switch(&self, record: &Record) -> Option<RawSwitch> {
        let is_switch = matches!(record.kind, PERF_RECORD_SWITCH | PERF_RECORD_SWITCH_CPU_WIDE);
        self.trace.as_ref().filter(|_| is_switch)?.read_switch(record)
    }
}

/// In how many parts to read a recording at the same time.
fn parallel_parts(data_bytes: u64) -> usize {
    /// Below this size a second part costs more than it saves.
    const SPLIT_BYTES: u64 = 8 << 20;
    /// More than this wait for memory, and for the join.
    const MAX_PARTS: usize = 8;
    let worth = usize::try_from(data_bytes / SPLIT_BYTES).unwrap_or(usize::MAX);
    rayon::current_num_threads().min(worth).clamp(1, MAX_PARTS)
}

/// Bytes between two reports of progress: rare enough to cost nothing.
const PROGRESS_STEP: u64 = 1 << 20;

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

    struct Count(u64);

    impl Collect for Count {
        fn sample(&mut self, _: usize, _: &RawSample, _: &Record) {
            self.0 += 1;
        }
        fn event(&mut self, _: usize, _: Option<(RawTrace, RawSample)>, _: &Record) {
            self.0 += 1;
        }
        fn switch(&mut self, _: &RawSwitch, _: &Record) {}
        fn reject(&mut self, _: &'static str) {
            self.0 += 1;
        }
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
                let reader = source.sample_reader(&[], None, Path::new("records")).expect("no events");
                let read = |parts| {
                    let (all, seen) = source.read_parts(parts, &reader, || Count(0), &|_| {});
                    let positions: Vec<u64> = all.side_band.iter().map(|one| one.when.position).collect();
                    let samples =
                        Walk::new(data, ByteOrder::Little).filter(|one| one.kind == PERF_RECORD_SAMPLE);
                    let taken: u64 = seen.iter().map(|seen| seen.0).sum();
                    assert_eq!(taken, samples.count() as u64, "each sample is taken once");
                    (all.records, all.skipped, all.stop, all.end, positions)
                };
                let one = read(1);
                assert!(one.0 > 500 && one.4.len() > 250);
                for parts in 2..=8 {
                    assert_eq!(read(parts), one, "{parts} parts, {decoys}, {cut}");
                }
                let is_wrong =
                    |start: &u64| !Walk::new(data, ByteOrder::Little).any(|one| one.position == *start);
                assert_eq!(source.likely_starts(8).iter().any(is_wrong), decoys, "the decoys mislead");
            }
        }
    }
}
