//! Redacts records, each type by a rule of its own.

use std::collections::HashSet;
use std::path::Path;

use linux_perf_data::{Feature, UserRecordType};
use linux_perf_event_reader::RecordType;
use linux_perf_event_reader::constants::PERF_RECORD_MISC_MMAP_BUILD_ID;

use crate::error::Result;
use crate::redaction;

use super::code::Code;
use crate::ingest::attributes::SMALLEST_ATTRIBUTE;
use crate::ingest::cursor::{ByteOrder, text};
use crate::ingest::records::{AUXTRACE, Record, TRACING_DATA, USER_TYPES};
use crate::ingest::sample_id::is_thread;
use crate::ingest::sample_reader::SampleReader;
use crate::ingest::side_band::{SideBandReader, is_kernel};
use crate::ingest::source::Source;
use crate::ingest::stream::UPDATE_NAME;
use crate::ingest::tracepoint::TraceReader;
use crate::ingest::user_chains::CALLCHAIN_DEFERRED;

/// Types of perf's own records (`enum perf_user_event_type`, tools/lib/perf/include/perf/event.h).
const FINISHED_ROUND: u32 = 68;
const TIME_CONV: u32 = 79;
const FINISHED_INIT: u32 = 82;

/// Types of records whose numbers alone are kept, each with the bytes that the numbers take in the
/// body. Bytes between the numbers and the `sample_id` are cleared, because a damaged size may
/// reach over other records.
const NUMBERS: [(u32, usize); 13] = [
    (RecordType::LOST.0, 16),
    (RecordType::EXIT.0, 24),
    (RecordType::THROTTLE.0, 24),
    (RecordType::UNTHROTTLE.0, 24),
    (RecordType::FORK.0, 24),
    (RecordType::LOST_SAMPLES.0, 8),
    (RecordType::SWITCH.0, 0),
    (RecordType::SWITCH_CPU_WIDE.0, 8),
    (TRACING_DATA, 4),
    (FINISHED_ROUND, 0),
    (AUXTRACE, 8),
    (TIME_CONV, 48),
    (FINISHED_INIT, 0),
];

/// Ids of events and numbers of CPUs and threads are below this. A larger value may be text.
const LARGEST_ID: u64 = 1 << 40;
/// On all machines addresses of user space are below this. Addresses of the kernel are negative as
/// signed numbers, which ASCII text never is.
const LARGEST_ADDRESS: i64 = 1 << 57;
/// Major and minor numbers of a device are below this (MINORBITS, include/linux/kdev_t.h).
const LARGEST_DEVICE: u32 = 1 << 20;
/// All protection flags: PROT_READ to PROT_SEM, PROT_GROWSDOWN and PROT_GROWSUP
/// (include/uapi/asm-generic/mman-common.h).
const LARGEST_PROTECTION: u32 = 0x0300_00ff;
/// Bytes of the kernel's longest record other than a sample: a mapping with a path of PATH_MAX
/// bytes and its `sample_id`.
const LONGEST_SIDE_BAND: usize = 64 + 4096 + 8 + 6 * 8;
/// The most bytes of an attribute, with room for those of future kernels.
pub const LARGEST_ATTRIBUTE: usize = 256;

/// Redacts records and feature sections in place: none becomes longer or shorter.
pub struct Redactor {
    pub(super) order: ByteOrder,
    side_band: SideBandReader,
    samples: SampleReader<'static>,
    trace: TraceReader,
    /// Ids of all events.
    ids: HashSet<u64>,
    code: Code,
}

impl Redactor {
    /// A redactor for the recording of `source`, in which `code` was mapped.
    ///
    /// # Errors
    ///
    /// If its samples cannot be told apart.
    pub fn new(source: &Source, code: Code, path: &Path) -> Result<Redactor> {
        let header = &source.header;
        Ok(Redactor {
            order: header.order,
            side_band: SideBandReader::new(&header.attributes, header.order),
            samples: source.sample_reader(&[], None, path)?,
            trace: TraceReader::new(&header.attributes, &header.formats, header.order),
            ids: header.attributes.iter().flat_map(|attribute| attribute.ids.iter().copied()).collect(),
            code,
        })
    }

    /// Redacts `record`: its `header`, its `body`, and the `payload` that follows it.
    pub fn redact(&self, record: &Record, header: &mut [u8], body: &mut [u8], payload: &mut [u8]) {
        if !self.is_plausible(record) {
            return self.blank(header, body);
        }
        match UserRecordType::try_from(RecordType(record.kind)) {
            None => self.kernel_record(record, header, body),
            Some(kind) => self.perf_record(kind, record, header, body),
        }
        match record.kind {
            TRACING_DATA => self.feature(Feature::TRACING_DATA, payload),
            _ => payload.fill(0),
        }
    }

    /// Redacts a record of the kernel.
    fn kernel_record(&self, record: &Record, header: &mut [u8], body: &mut [u8]) {
        let is_kernel = is_kernel(record.misc);
        let path = |path: &str| redaction::path(path, is_kernel);
        let fields_end = self.side_band.fields(record).map_or(0, <[u8]>::len);
        match RecordType(record.kind) {
            RecordType::SAMPLE => {
                let chain = |chain: &mut [u8]| self.code.redact(chain, self.order);
                if self.samples.redact(&self.trace, self.order, body, chain).is_none() {
                    self.blank(header, body);
                }
            }
            RecordType::COMM => replace(body, 8, fields_end, redaction::comm),
            RecordType::MMAP => replace(body, 32, fields_end, path),
            RecordType::MMAP2 => {
                // The generation of the inode, which nothing reads.
                if record.misc & PERF_RECORD_MISC_MMAP_BUILD_ID == 0 {
                    body.get_mut(48..56).unwrap_or_default().fill(0);
                }
                replace(body, 64, fields_end, path);
            }
            RecordType::CGROUP => replace(body, 8, fields_end, |path| redaction::path(path, false)),
            RecordType::KSYMBOL => replace(body, 16, fields_end, redaction::symbol),
            _ if record.kind == CALLCHAIN_DEFERRED => {
                // The entries follow the cookie and the number of entries.
                let entries = body.get_mut(16..fields_end).unwrap_or_default();
                self.code.redact(entries, self.order);
            }
            _ => match number_bytes(record.kind) {
                Some(bytes) => body.get_mut(bytes..fields_end).unwrap_or_default().fill(0),
                None => body.fill(0),
            },
        }
    }

    /// Redacts one of perf's own records.
    fn perf_record(&self, kind: UserRecordType, record: &Record, header: &mut [u8], body: &mut [u8]) {
        match kind {
            UserRecordType::PERF_HEADER_BUILD_ID => Redactor::build_id(body, record.misc),
            UserRecordType::PERF_HEADER_FEATURE => self.feature_record(header, body),
            UserRecordType::PERF_EVENT_UPDATE => self.event_update(header, body),
            UserRecordType::PERF_HEADER_ATTR => {
                let size =
                    self.order.u32_at(body, 4).map_or(0, |size| (size as usize).max(SMALLEST_ATTRIBUTE));
                match body.split_at_mut_checked(size) {
                    Some((attribute, ids)) => {
                        // What comes after the fields that are known may be anything.
                        attribute.get_mut(LARGEST_ATTRIBUTE..).unwrap_or_default().fill(0);
                        self.ids(ids);
                    }
                    None => self.blank(header, body),
                }
            }
            UserRecordType::PERF_ID_INDEX => self.ids(body),
            _ => body.get_mut(number_bytes(record.kind).unwrap_or(0)..).unwrap_or_default().fill(0),
        }
    }

    /// Whether the numbers in a record are plausible. Text in their place seldom is.
    fn is_plausible(&self, record: &Record) -> bool {
        // The records that perf inject makes up have a time and no id.
        let is_id = |id| id == 0 || self.ids.is_empty() || self.ids.contains(&id);
        let are_threads = |count: usize| {
            let threads = (0..count).map(|number| self.order.u32_at(record.body, 4 * number));
            threads.flatten().all(|thread| is_thread(thread as i32))
        };
        let are_addresses = |count: usize| {
            let words = (1..=count).map(|number| self.order.u64_at(record.body, 8 * number));
            words.flatten().all(|address| (address as i64) < LARGEST_ADDRESS)
        };
        // Major and minor number of the device, unless a build id replaces it, and the protection.
        let has_device = || {
            let is_build_id = record.misc & PERF_RECORD_MISC_MMAP_BUILD_ID != 0;
            let word = |at| self.order.u32_at(record.body, at).unwrap_or(0);
            (is_build_id || word(32) < LARGEST_DEVICE && word(36) < LARGEST_DEVICE)
                && word(56) <= LARGEST_PROTECTION
        };
        let has_fields = match RecordType(record.kind) {
            RecordType::SAMPLE => return true,
            _ if record.kind >= USER_TYPES => return true,
            RecordType::FORK | RecordType::EXIT => are_threads(4),
            RecordType::COMM => are_threads(2),
            // pid and tid; address, length and position in the file.
            RecordType::MMAP => are_threads(2) && are_addresses(3),
            RecordType::MMAP2 => are_threads(2) && are_addresses(3) && has_device(),
            _ => true,
        };
        let is_short = record.kind == CALLCHAIN_DEFERRED || record.body.len() <= LONGEST_SIDE_BAND;
        has_fields && is_short && self.side_band.is_plausible(record, is_id)
    }

    /// Replaces a record by one without meaning. A record of its own type, filled with zeros, would
    /// still have a meaning.
    fn blank(&self, header: &mut [u8], body: &mut [u8]) {
        put_u32(header, FINISHED_ROUND, self.order);
        body.fill(0);
    }

    /// Redacts a feature section in a stream: its number, then the section.
    fn feature_record(&self, header: &mut [u8], body: &mut [u8]) {
        let feature = self.order.u64_at(body, 0).and_then(|feature| u32::try_from(feature).ok());
        match (feature, body.split_at_mut_checked(8)) {
            (Some(feature), Some((_, section))) if Redactor::keeps(Feature(feature)) => {
                self.feature(Feature(feature), section);
            }
            _ => self.blank(header, body),
        }
    }

    /// Redacts an update of an event: its name is replaced, and other updates are cleared.
    fn event_update(&self, header: &mut [u8], body: &mut [u8]) {
        match self.order.u64_at(body, 0) {
            Some(UPDATE_NAME) => replace(body, 16, body.len(), redaction::event),
            _ => self.blank(header, body),
        }
    }

    /// Clears the numbers of 8 bytes that are too large for an id; −1 stays.
    pub fn ids(&self, ids: &mut [u8]) {
        for id in ids.chunks_mut(8) {
            let is_one = |id: u64| id < LARGEST_ID || id == u64::MAX;
            if !self.order.u64_at(id, 0).is_some_and(is_one) {
                id.fill(0);
            }
        }
    }
}

/// How many bytes of a record of this type are kept, if only its numbers are kept.
fn number_bytes(kind: u32) -> Option<usize> {
    NUMBERS.iter().find(|(listed, _)| *listed == kind).map(|(_, bytes)| *bytes)
}

/// Writes `value` at the start of `bytes`.
pub(super) fn put_u32(bytes: &mut [u8], value: u32, order: ByteOrder) {
    let value = match order {
        ByteOrder::Little => value.to_le_bytes(),
        ByteOrder::Big => value.to_be_bytes(),
    };
    bytes.iter_mut().zip(value).for_each(|(to, byte)| *to = byte);
}

/// Replaces the name in these bytes of `body`, padded with NUL. A body that is too short for them
/// is damaged, and is cleared.
pub(super) fn replace(body: &mut [u8], start: usize, end: usize, replaced: impl Fn(&str) -> String) {
    let Some(field) = body.get_mut(start..end) else { return body.fill(0) };
    let name = replaced(&text(field));
    field.fill(0);
    let room = field.len().saturating_sub(1);
    field.iter_mut().take(room).zip(name.bytes()).for_each(|(to, byte)| *to = byte);
}
