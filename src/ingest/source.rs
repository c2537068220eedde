//! A recording that was opened: its header and its records, unpacked, and how to read them.

use std::borrow::Cow;
use std::path::Path;

use linux_perf_event_reader::constants::PERF_RECORD_SAMPLE;

use crate::error::{Error, Result};

use super::event_finder::{EventFinder, RecentIds};
use super::header::Header;
use super::input::InputFile;
use super::magic;
use super::parallel::{Walker, part_count};
use super::records::{Record, Stop, Walk};
use super::sample::RawSample;
use super::sample_reader::{Collect, SampleReader};
use super::side_band::SideBandReader;
use super::stream;
use super::tracepoint::TraceReader;
use super::unpack::{self, Damage, Records};
use super::user_chains::UserChains;
use super::walk_result::WalkResult;

/// A recording's header and records.
pub struct Source<'a> {
    /// The header and the sections around the records.
    pub header: Header,
    /// The records, unpacked.
    pub(super) data: &'a [u8],
    /// The damage found while unpacking.
    pub(super) unpack_damage: &'a [Damage],
    /// Bytes of the data sections of the files.
    file_bytes: u64,
    /// Whether `data` is a part of the file and not unpacked from it.
    is_plain: bool,
}

/// Reads the header of a recording from its `files`, and unpacks the records into at most `memory`
/// bytes. `path` is its name in messages.
///
/// # Errors
///
/// If the first file is not a recording, or its header is malformed.
pub fn read<'a>(files: &[InputFile<'a>], path: &Path, memory: u64) -> Result<(Header, Records<'a>)> {
    let bytes = files.first().map_or(&[][..], |file| file.bytes);
    let mut header = Header::parse(bytes, path)?;
    header.text_before = files.first().map_or(0, |file| file.text_before);
    let records = unpack::unpack(&header, files, memory);
    stream::note_cpus(&mut header.attributes, &records.data, header.order);
    Ok((header, records))
}

impl<'a> Source<'a> {
    /// The recording with the header and the records that [`read`] returned.
    pub fn new(header: Header, records: &'a Records) -> Source<'a> {
        Source {
            header,
            data: &records.data,
            unpack_damage: &records.damage,
            file_bytes: records.file_bytes,
            is_plain: matches!(records.data, Cow::Borrowed(_)),
        }
    }

    /// Bytes of records, unpacked.
    pub fn data_bytes(&self) -> u64 {
        self.data.len() as u64
    }

    /// Bytes of records in the files, perhaps compressed.
    pub fn file_bytes(&self) -> u64 {
        self.file_bytes
    }

    /// Where in the files records could not be read; `walked` is the result of [`Source::read`].
    pub fn damage(&self, walked: &WalkResult) -> Vec<Damage> {
        let mut damage = self.unpack_damage.to_vec();
        if let Some(offset) = self.header.another_at {
            damage.push(Damage { part: None, offset, unread: 0, stop: Stop::Another });
        }
        // Damage of compressed records was found while they were unpacked.
        let stop = walked.stop.filter(|_| self.is_plain);
        if let Some((position, stop)) = stop {
            let is_another = magic::is_recording(&self.data[position as usize..]);
            let stop = if is_another { Stop::Another } else { stop };
            let damage_here = |stop| Damage {
                part: None,
                offset: self.header.data_start as u64 + position,
                unread: self.data_bytes() - position,
                stop,
            };
            match damage.as_mut_slice() {
                // The record is cut short because the stream was cut.
                [only] if stop == Stop::CutShort => *only = damage_here(only.stop),
                _ => damage.push(damage_here(stop)),
            }
        }
        damage.iter_mut().for_each(|damage| damage.offset += self.header.text_before as u64);
        damage
    }

    /// Reads all records, several parts at the same time. `new` makes for each part a collector of
    /// its samples and events; the collectors are returned in the order of the file. `progress` is
    /// called from time to time with the number of bytes done.
    pub fn read<C: Collect + Send>(
        &self,
        reader: &SampleReader,
        new: impl Fn() -> C + Sync,
        progress: &(dyn Fn(u64) + Sync),
    ) -> (WalkResult, Vec<C>) {
        let Header { order, attributes, .. } = &self.header;
        let walker = Walker { data: self.data, order: *order, attributes, reader };
        walker.read(part_count(self.data_bytes()), new, progress)
    }

    /// Touches the records at these positions. The CPU then waits for the memory of all of them at
    /// the same time, and not for one after the other.
    pub fn read_ahead(&self, positions: &[u64]) {
        /// Bytes of a cache line.
        const LINE: usize = 64;
        /// Cache lines of most records.
        const LINES: usize = 4;
        for &position in positions {
            let lines = self.data[position as usize..].iter().step_by(LINE).take(LINES);
            std::hint::black_box(lines.fold(0, |sum: u8, byte| sum.wrapping_add(*byte)));
        }
    }

    /// The sample at `position`, up to its call chain; `None` if no sample is there. It is copied
    /// into `buffer`.
    pub fn sample_at<'b>(
        &self,
        position: u64,
        reader: &SampleReader,
        buffer: &'b mut Vec<u8>,
    ) -> Option<(RawSample<'b>, Record<'b>)> {
        let order = self.header.order;
        let record = Walk::over(self.data, position..u64::MAX, order).next()?.copied_to(buffer);
        Some((reader.decode_to_chain(&record, order)?, record))
    }

    /// The user call chains that were recorded later than their samples.
    pub fn user_chains(&self, walked: &WalkResult) -> UserChains {
        let reader = SideBandReader::new(&self.header.attributes, self.header.order);
        let (mut chains, mut buffer) = (UserChains::default(), Vec::new());
        for &position in &walked.user_chains {
            let record = Walk::over(self.data, position..u64::MAX, self.header.order).next();
            let record = record.map(|record| record.copied_to(&mut buffer));
            if let Some((thread, chain)) = record.and_then(|record| reader.user_chain(&record)) {
                chains.add(thread, &chain);
            }
        }
        chains
    }

    /// For each event, whether it has records. Looks no further than the first of a `wanted` event.
    pub fn recorded_events(&self, wanted: &[bool]) -> Vec<bool> {
        let mut recorded = vec![false; wanted.len()];
        let Ok(finder) = EventFinder::new(&self.header.attributes) else { return recorded };
        let (mut recent, mut buffer) = (RecentIds::default(), Vec::new());
        for record in Walk::new(self.data, self.header.order) {
            if record.kind != PERF_RECORD_SAMPLE {
                continue;
            }
            let record = record.copied_to(&mut buffer);
            if let Some(event) = finder.find(record.body, self.header.order, &mut recent) {
                recorded[event] = true;
                if wanted[event] {
                    break;
                }
            }
        }
        recorded
    }

    /// A decoder for this recording's samples, and for its events if `trace` is given. `samples`
    /// says for each event whether its records are samples.
    ///
    /// # Errors
    ///
    /// If the samples of its events cannot be told apart.
    pub fn sample_reader<'w>(
        &self,
        samples: &'w [bool],
        trace: Option<TraceReader>,
        path: &Path,
    ) -> Result<SampleReader<'w>> {
        SampleReader::new(&self.header.attributes, samples, trace).map_err(|problem| {
            Error::input(path, problem, "record with --sample-identifier, or one event at a time")
        })
    }
}
