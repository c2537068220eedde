//! The walk over all records, several parts of them at the same time.
//!
//! Where a record starts is known only once the record before it is read. So each part is walked
//! from where records seem to start. The result of a part counts only if the previous part ends
//! exactly there; otherwise the part is walked again. A wrong guess costs only time.

use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};

use linux_perf_event_reader::constants::PERF_RECORD_SAMPLE;
use rayon::prelude::*;

use super::attributes::Attribute;
use super::cursor::ByteOrder;
use super::event_finder::RecentIds;
use super::records::{Piece, Plain, Walk, likely_start};
use super::sample_reader::{Collect, SampleReader};
use super::side_band::SideBandReader;
use super::walk_result::WalkResult;

/// Walks over the records of a recording.
pub(super) struct Walker<'w> {
    /// The records, unpacked.
    pub data: &'w [u8],
    /// Their byte order.
    pub order: ByteOrder,
    /// The events of the records.
    pub attributes: &'w [Attribute],
    /// Decodes samples and events.
    pub reader: &'w SampleReader<'w>,
}

impl Walker<'_> {
    /// Reads all records in this many parts. `new` makes for each part a collector of its samples
    /// and events; the collectors are returned in the order of the file. `progress` is called from
    /// time to time with the number of bytes done.
    pub fn read<C: Collect + Send>(
        &self,
        parts: usize,
        new: impl Fn() -> C + Sync,
        progress: &(dyn Fn(u64) + Sync),
    ) -> (WalkResult, Vec<C>) {
        let starts = self.likely_starts(parts);
        let ends = starts.iter().skip(1).copied().chain([self.data.len() as u64]);
        let ranges: Vec<Range<u64>> = starts.iter().zip(ends).map(|(&start, end)| start..end).collect();
        let done = AtomicU64::new(0);
        // A part whose guess was wrong is walked twice, and counts once.
        let all_bytes = self.data.len() as u64;
        let report = |more| progress((done.fetch_add(more, Ordering::Relaxed) + more).min(all_bytes));
        let read = |range: Range<u64>| {
            let mut collected = new();
            let walked = self.walk(range, &report, &mut collected);
            (walked, collected)
        };
        let guesses: Vec<(WalkResult, C)> = ranges.par_iter().cloned().map(read).collect();
        let (mut all, mut collected) = (WalkResult::default(), Vec::new());
        for (range, guess) in ranges.into_iter().zip(guesses) {
            let is_right = all.end == range.start;
            let (walked, part) = if is_right { guess } else { read(all.end..range.end.max(all.end)) };
            all.join(walked);
            collected.push(part);
            if all.stop.is_some() {
                break;
            }
        }
        all.side_band.sort_by_key(|side_band| side_band.when);
        (all, collected)
    }

    /// Where each of this many parts may start. The first starts at 0.
    fn likely_starts(&self, parts: usize) -> Vec<u64> {
        let likely = |part: usize| {
            let from = self.data.len() / parts * part;
            likely_start(self.data, from, self.order).map(|start| start as u64)
        };
        [0].into_iter().chain((1..parts).filter_map(likely)).collect()
    }

    /// Walks over the records that start in `range`.
    fn walk(&self, range: Range<u64>, report: &dyn Fn(u64), collected: &mut impl Collect) -> WalkResult {
        // Written out twice, so that the byte order is a constant in each copy of the loop.
        match self.order {
            ByteOrder::Little => self.walk_in(ByteOrder::Little, range, report, collected),
            ByteOrder::Big => self.walk_in(ByteOrder::Big, range, report, collected),
        }
    }

    #[inline(always)]
    fn walk_in(
        &self,
        order: ByteOrder,
        range: Range<u64>,
        report: &dyn Fn(u64),
        collected: &mut impl Collect,
    ) -> WalkResult {
        let side_band = SideBandReader::new(self.attributes, order);
        let mut walked = WalkResult::starting_at(range.start);
        let mut walk = Walk::over(self.data, range, order);
        let mut recent = RecentIds::default();
        let (mut buffer, mut piece, mut plain) = (Vec::new(), Piece::default(), Plain::default());
        loop {
            let record = match plain.next(order) {
                Some(record) => record,
                None => {
                    walk.go_on_after(&plain);
                    let Some(record) = walk.next() else { break };
                    let used = plain.used();
                    plain = walk.plain(&mut piece, used);
                    record.copied_to(&mut buffer)
                }
            };
            walked.records += 1;
            walked.report(record.position, report);
            if record.kind == PERF_RECORD_SAMPLE {
                self.reader.decode(&record, order, &mut recent, collected);
                continue;
            }
            walked.add(&record, &side_band);
            if let Some(switch) = self.reader.decode_switch(&record) {
                collected.switch(&switch, &record);
            }
        }
        walked.text_bytes = walk.text_bytes();
        walked.end = walk.position() as u64;
        walked.stop = walk.stop().map(|stop| (walked.end, stop));
        walked
    }
}

/// In how many parts to read this many bytes of records, or of text.
pub fn part_count(data_bytes: u64) -> usize {
    /// Below this size a second part costs more than it saves.
    const SPLIT_BYTES: u64 = 8 << 20;
    /// More parts than this wait for memory, and for the join.
    const MAX_PARTS: usize = 8;
    let worthwhile = usize::try_from(data_bytes / SPLIT_BYTES).unwrap_or(usize::MAX);
    rayon::current_num_threads().min(worthwhile).clamp(1, MAX_PARTS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ingest::records::{RECORD_HEADER, Record};
    use crate::ingest::sample::RawSample;
    use crate::ingest::tracepoint::{RawSwitch, RawTrace};

    /// COMM records, and between them unknown records. With decoys, some of these contain bytes
    /// that look like many consecutive records.
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
        fn event(&mut self, _: usize, _: Option<u64>) {
            self.0 += 1;
        }
        fn trace(&mut self, _: usize, _: RawTrace, _: &RawSample, _: &Record) {}
        fn switch(&mut self, _: &RawSwitch, _: &Record) {}
        fn reject(&mut self, _: &'static str) {
            self.0 += 1;
        }
    }

    #[test]
    fn parts_walked_at_the_same_time_find_what_one_walk_finds() {
        let reader = SampleReader::new(&[], &[], None).expect("no events");
        for decoys in [false, true] {
            let whole = records(decoys);
            for cut in [0, 4, 40, (whole.len() / 3) | 1] {
                let data = &whole[..whole.len() - cut];
                let walker = Walker { data, order: ByteOrder::Little, attributes: &[], reader: &reader };
                let read = |parts| {
                    let (all, counts) = walker.read(parts, || Count(0), &|_| {});
                    let positions: Vec<u64> = all.side_band.iter().map(|one| one.when.position).collect();
                    let samples =
                        Walk::new(data, ByteOrder::Little).filter(|one| one.kind == PERF_RECORD_SAMPLE);
                    let taken: u64 = counts.iter().map(|count| count.0).sum();
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
                assert_eq!(walker.likely_starts(8).iter().any(is_wrong), decoys, "the decoys mislead");
            }
        }
    }
}
