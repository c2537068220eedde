//! What is left of each type of record, and of each feature section.

use std::collections::HashSet;
use std::path::Path;

use linux_perf_data::Feature;
use linux_perf_event_reader::RecordType;
use linux_perf_event_reader::constants::{
    PERF_RECORD_MISC_CPUMODE_MASK, PERF_RECORD_MISC_GUEST_KERNEL, PERF_RECORD_MISC_KERNEL,
    PERF_RECORD_MISC_MMAP_BUILD_ID,
};

use crate::error::Result;
use crate::redaction;

use super::code::Code;
use crate::ingest::attributes::SMALLEST_ATTRIBUTE;
use crate::ingest::cursor::{ByteOrder, text};
use crate::ingest::features::BUILD_ID_MAX;
use crate::ingest::records::{AUXTRACE, RECORD_HEADER, Record, TRACING_DATA, USER_TYPES};
use crate::ingest::sample_id::is_thread;
use crate::ingest::sample_reader::SampleReader;
use crate::ingest::side_band::SideBandReader;
use crate::ingest::source::Source;
use crate::ingest::stream::{
    EVENT_UPDATE, HEADER_ATTR, HEADER_BUILD_ID, HEADER_FEATURE, ID_INDEX, UPDATE_NAME,
};
use crate::ingest::tracepoint::TraceReader;
use crate::ingest::tracing_data;
use crate::ingest::user_chains::CALLCHAIN_DEFERRED;

/// Types of perf's own, besides those that are named elsewhere (`enum perf_user_event_type`, tools/lib/perf/include/perf/event.h).
const FINISHED_ROUND: u32 = 68;
const TIME_CONV: u32 = 79;
const FINISHED_INIT: u32 = 82;

/// Types of which nothing is left but numbers, and how many bytes of them the body begins with. What follows, up to the `sample_id`, is not
/// known to be free of names: a size that was damaged may reach over other records.
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

/// Features of which as many bytes are left.
const FEATURE_NUMBERS: [(Feature, usize); 5] = [
    (Feature::NRCPUS, 8),
    (Feature::TOTAL_MEM, 8),
    (Feature::SAMPLE_TIME, 16),
    (Feature::CLOCKID, 8),
    (Feature::CLOCK_DATA, 24),
];
/// Features that are a text without names.
const FEATURE_TEXTS: [Feature; 4] = [Feature::OSRELEASE, Feature::VERSION, Feature::ARCH, Feature::CPUDESC];
/// Features in which names are replaced.
const FEATURES_WITH_NAMES: [Feature; 4] =
    [Feature::TRACING_DATA, Feature::BUILD_ID, Feature::HOSTNAME, Feature::EVENT_DESC];

/// Ids of events and numbers of CPUs and threads are smaller; what is larger may be text.
const LARGEST_ID: u64 = 1 << 40;
/// What addresses of user space are below on all machines. Those of the kernel are negative, as text in ASCII never is.
const LARGEST_ADDRESS: i64 = 1 << 57;
/// Numbers of a device are smaller (MINORBITS, include/linux/kdev_t.h).
const LARGEST_DEVICE: u32 = 1 << 20;
/// PROT_READ to PROT_SEM, and those that grow down and up (include/uapi/asm-generic/mman-common.h).
const LARGEST_PROTECTION: u32 = 0x0300_00ff;
/// The kernel's longest records but for samples: a mapping with a path of PATH_MAX bytes and its `sample_id`.
const LONGEST_SIDE_BAND: usize = 64 + 4096 + 8 + 6 * 8;
/// Bytes of an attribute, now and in years to come.
pub const LARGEST_ATTRIBUTE: usize = 256;

/// Where in the body of a record of build ids the path begins: after a process id and the id.
const BUILD_ID_PATH: usize = 28;

/// Redacts records and feature sections where they stand: none becomes longer or shorter.
pub struct Redactor {
    order: ByteOrder,
    side_band: SideBandReader,
    samples: SampleReader<'static>,
    trace: TraceReader,
    /// Those of all events.
    ids: HashSet<u64>,
    code: Code,
}

impl Redactor {
    /// One for the recording of `source`, where `code` was mapped.
    pub fn new(source: &Source, code: Code, file: &[u8], path: &Path) -> Result<Redactor> {
        let header = &source.header;
        let formats = file.get(header.tracing_data.clone()).unwrap_or_default();
        Ok(Redactor {
            order: header.order,
            side_band: SideBandReader::new(&header.attributes, header.order),
            samples: source.sample_reader(&[], None, path)?,
            trace: TraceReader::new(&header.attributes, formats, header.order),
            ids: header.attributes.iter().flat_map(|attribute| attribute.ids.iter().copied()).collect(),
            code,
        })
    }

    /// Redacts the body of `record`, and what follows the record outside of it.
    pub fn redact(&self, record: &Record, header: &mut [u8], body: &mut [u8], payload: &mut [u8]) {
        if !self.is_plausible(record) {
            return self.blank(header, body);
        }
        let is_kernel = is_kernel(record.misc);
        let path = |path: &str| redaction::path(path, is_kernel);
        let names_end = self.side_band.fields(record).map_or(0, <[u8]>::len);
        match RecordType(record.kind) {
            RecordType::SAMPLE => {
                let chain = |chain: &mut [u8]| self.code.redact(chain, self.order);
                if self.samples.redact(&self.trace, self.order, body, chain).is_none() {
                    self.blank(header, body);
                }
            }
            RecordType::COMM => replace(body, 8, names_end, redaction::comm),
            RecordType::MMAP => replace(body, 32, names_end, path),
            RecordType::MMAP2 => {
                // The generation of the inode, which nothing reads.
                if record.misc & PERF_RECORD_MISC_MMAP_BUILD_ID == 0 {
                    body.get_mut(48..56).unwrap_or_default().fill(0);
                }
                replace(body, 64, names_end, path);
            }
            RecordType::CGROUP => replace(body, 8, names_end, |path| redaction::path(path, false)),
            _ if record.kind == CALLCHAIN_DEFERRED => {
                // Cookie and number of entries stand before them, the sample_id behind.
                let entries = body.get_mut(16..names_end).unwrap_or_default();
                self.code.redact(entries, self.order);
            }
            _ if record.kind == HEADER_BUILD_ID => build_id(body, record.misc),
            RecordType::KSYMBOL => replace(body, 16, names_end, redaction::symbol),
            _ if record.kind == HEADER_FEATURE => self.feature_record(header, body),
            _ if record.kind == EVENT_UPDATE => self.event_update(header, body),
            _ if record.kind == HEADER_ATTR => {
                let size =
                    self.order.u32_at(body, 4).map_or(0, |size| (size as usize).max(SMALLEST_ATTRIBUTE));
                match body.get_mut(size..).filter(|_| size <= LARGEST_ATTRIBUTE) {
                    Some(ids) => self.ids(ids),
                    None => self.blank(header, body),
                }
            }
            _ if record.kind == ID_INDEX => self.ids(body),
            _ => {
                let known = NUMBERS.iter().find(|(kind, _)| *kind == record.kind).map(|(_, bytes)| *bytes);
                let is_kernels = record.kind < USER_TYPES;
                let end = if is_kernels && known.is_some() { names_end } else { body.len() };
                body.get_mut(known.unwrap_or(0)..end).unwrap_or_default().fill(0);
            }
        }
        match record.kind {
            TRACING_DATA => self.feature(Feature::TRACING_DATA.0, payload),
            _ => payload.fill(0),
        }
    }

    /// Whether numbers may be what they should be, where that can be told: text seldom is.
    fn is_plausible(&self, record: &Record) -> bool {
        // perf inject makes records up that have a time and no id.
        let is_id = |id| id == 0 || self.ids.is_empty() || self.ids.contains(&id);
        let are_threads = |count: usize| {
            let threads = (0..count).map(|number| self.order.u32_at(record.body, 4 * number));
            threads.flatten().all(|thread| is_thread(thread as i32))
        };
        let are_addresses = |count: usize| {
            let words = (1..=count).map(|number| self.order.u64_at(record.body, 8 * number));
            words.flatten().all(|address| (address as i64) < LARGEST_ADDRESS)
        };
        // Major and minor number of the device, or the size of a build id and its beginning; and the protection.
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
            // Processes, address, length and position.
            RecordType::MMAP => are_threads(2) && are_addresses(3),
            RecordType::MMAP2 => are_threads(2) && are_addresses(3) && has_device(),
            _ => true,
        };
        let is_short = record.kind == CALLCHAIN_DEFERRED || record.body.len() <= LONGEST_SIDE_BAND;
        has_fields && is_short && self.side_band.is_plausible(record, is_id)
    }

    /// Makes of a record one that says nothing. One of its own type, filled with zeros, would say something.
    fn blank(&self, header: &mut [u8], body: &mut [u8]) {
        put_u32(header, FINISHED_ROUND, self.order);
        body.fill(0);
    }

    /// A feature section that came through a pipe: its number, then the section.
    fn feature_record(&self, header: &mut [u8], body: &mut [u8]) {
        let feature = self.order.u64_at(body, 0).and_then(|feature| u32::try_from(feature).ok());
        match (feature, body.split_at_mut_checked(8)) {
            (Some(feature), Some((_, section))) if Redactor::keeps(feature) => self.feature(feature, section),
            _ => self.blank(header, body),
        }
    }

    /// What became known of an event later: its name. Of other news nothing is left.
    fn event_update(&self, header: &mut [u8], body: &mut [u8]) {
        match self.order.u64_at(body, 0) {
            Some(UPDATE_NAME) => replace(body, 16, body.len(), redaction::event),
            _ => self.blank(header, body),
        }
    }

    /// Numbers of 8 bytes, of which none is large but −1.
    pub fn ids(&self, ids: &mut [u8]) {
        for id in ids.chunks_mut(8) {
            let is_one = |id: u64| id < LARGEST_ID || id == u64::MAX;
            if !self.order.u64_at(id, 0).is_some_and(is_one) {
                id.fill(0);
            }
        }
    }

    /// Whether anything is left of a feature section.
    pub fn keeps(feature: u32) -> bool {
        let feature = Feature(feature);
        FEATURE_NUMBERS.iter().any(|(known, _)| *known == feature)
            || FEATURE_TEXTS.contains(&feature)
            || FEATURES_WITH_NAMES.contains(&feature)
    }

    /// Redacts a feature section.
    pub fn feature(&self, feature: u32, body: &mut [u8]) {
        match Feature(feature) {
            Feature::HOSTNAME => self.text(body, redaction::text),
            Feature::BUILD_ID => self.build_ids(body),
            Feature::TRACING_DATA => self.tracing_data(body),
            Feature::EVENT_DESC => {
                if self.event_desc(body).is_none() {
                    body.fill(0);
                }
            }
            text if FEATURE_TEXTS.contains(&text) => self.text(body, str::to_owned),
            feature => {
                let known = FEATURE_NUMBERS.iter().find(|(known, _)| *known == feature);
                body.get_mut(known.map_or(0, |(_, bytes)| *bytes)..).unwrap_or_default().fill(0);
            }
        }
    }

    /// Nothing but a string.
    fn text(&self, body: &mut [u8], replaced: impl Fn(&str) -> String) {
        let end = self.string(body, replaced);
        body.get_mut(end..).unwrap_or_default().fill(0);
    }

    /// Replaces the string that `body` begins with: its length, and as many bytes. Returns where it ends.
    fn string(&self, body: &mut [u8], replaced: impl Fn(&str) -> String) -> usize {
        let end = self.order.u32_at(body, 0).map_or(0, |length| 4usize.saturating_add(length as usize));
        replace(body, 4, end, replaced);
        end
    }

    /// Count and size of attributes (u32), then for each event: the attribute, number of ids (u32), name, ids. `None` if it is shorter.
    fn event_desc(&self, body: &mut [u8]) -> Option<()> {
        let count = self.order.u32_at(body, 0)?;
        let attribute = self.order.u32_at(body, 4).map(|size| size as usize);
        let attribute = attribute.filter(|size| *size <= LARGEST_ATTRIBUTE)?;
        let mut rest = body.get_mut(8..)?;
        for _ in 0..count {
            let ids = self.order.u32_at(rest, attribute)? as usize;
            rest = rest.get_mut(attribute + 4..)?;
            let name = self.string(rest, redaction::event);
            let (numbers, next) = rest.get_mut(name..)?.split_at_mut_checked(ids.checked_mul(8)?)?;
            self.ids(numbers);
            rest = next;
        }
        rest.fill(0);
        Some(())
    }

    /// Records of their own: header, process id, build id, path.
    fn build_ids(&self, body: &mut [u8]) {
        let mut at = 0;
        loop {
            let rest = body.get_mut(at..).unwrap_or_default();
            let misc = self.order.u16_at(rest, 4).unwrap_or(0);
            let size = self.order.u16_at(rest, 6).map_or(0, usize::from);
            match rest.get_mut(..size).filter(|_| size >= RECORD_HEADER) {
                Some(record) => build_id(record.get_mut(RECORD_HEADER..).unwrap_or_default(), misc),
                None => return rest.fill(0),
            }
            at += size;
        }
    }

    /// Formats only: behind them stand addresses of the kernel, and which process ids had which comm.
    fn tracing_data(&self, body: &mut [u8]) {
        let end = tracing_data::redact(body, self.order, redaction::event_group, redaction::event_in);
        let rest = body.get_mut(end.unwrap_or(0)..).unwrap_or_default();
        rest.fill(0);
        // What is left is the text of a kallsyms of this size, and no formats of printk (u32), nor comms (u64).
        const SIZES: usize = 4 + 4 + 8;
        let kallsyms = rest.len().checked_sub(SIZES).and_then(|size| u32::try_from(size).ok());
        if let (Some(size), Some(_)) = (kallsyms, end) {
            put_u32(rest, size, self.order);
        }
    }
}

/// A process id, a build id of 24 bytes, which has its size in the 21st if it is known, and a path.
fn build_id(body: &mut [u8], misc: u16) {
    let id = body.get(4..BUILD_ID_PATH).and_then(|id| id.split_at_checked(BUILD_ID_MAX));
    let is_one = id.is_some_and(|(_, behind)| match behind {
        [size, rest @ ..] => usize::from(*size) <= BUILD_ID_MAX && rest.iter().all(|byte| *byte == 0),
        [] => false,
    });
    if !is_one {
        return body.fill(0);
    }
    replace(body, BUILD_ID_PATH, body.len(), |path| redaction::path(path, is_kernel(misc)));
}

fn put_u32(bytes: &mut [u8], value: u32, order: ByteOrder) {
    let value = match order {
        ByteOrder::Little => value.to_le_bytes(),
        ByteOrder::Big => value.to_be_bytes(),
    };
    bytes.iter_mut().zip(value).for_each(|(to, byte)| *to = byte);
}

fn is_kernel(misc: u16) -> bool {
    let mode = misc & PERF_RECORD_MISC_CPUMODE_MASK;
    matches!(mode, PERF_RECORD_MISC_KERNEL | PERF_RECORD_MISC_GUEST_KERNEL)
}

/// Replaces the name in these bytes of `body`, NUL behind it; a body that is too short for it is not known to be what it says.
fn replace(body: &mut [u8], start: usize, end: usize, replaced: impl Fn(&str) -> String) {
    let Some(field) = body.get_mut(start..end) else { return body.fill(0) };
    let name = replaced(&text(field));
    field.fill(0);
    let room = field.len().saturating_sub(1);
    field.iter_mut().take(room).zip(name.bytes()).for_each(|(to, byte)| *to = byte);
}
