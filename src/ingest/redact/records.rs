//! What is left of each type of record, and of each feature section.

use std::path::Path;

use linux_perf_data::Feature;
use linux_perf_event_reader::RecordType;
use linux_perf_event_reader::constants::{
    PERF_RECORD_MISC_CPUMODE_MASK, PERF_RECORD_MISC_GUEST_KERNEL, PERF_RECORD_MISC_KERNEL,
};

use crate::error::Result;
use crate::pack::redaction;

use super::super::cursor::{ByteOrder, text};
use super::super::records::{AUXTRACE, RECORD_HEADER, Record, TRACING_DATA};
use super::super::side_band::SideBandReader;
use super::super::stream::{EVENT_UPDATE, HEADER_ATTR, HEADER_BUILD_ID, HEADER_FEATURE, ID_INDEX};
use super::super::tracepoint::TraceReader;
use super::super::user_chains::CALLCHAIN_DEFERRED;
use super::super::{SampleReader, Source, tracing_data};
use super::code::Code;

/// Types of perf's own that hold numbers only, besides those that are named elsewhere (`enum perf_user_event_type`,
/// tools/lib/perf/include/perf/event.h).
const FINISHED_ROUND: u32 = 68;
const TIME_CONV: u32 = 79;
const FINISHED_INIT: u32 = 82;

/// Types that hold numbers only, and names of events and of functions of the kernel.
const FREE_OF_NAMES: [u32; 22] = [
    RecordType::LOST.0,
    RecordType::EXIT.0,
    RecordType::THROTTLE.0,
    RecordType::UNTHROTTLE.0,
    RecordType::FORK.0,
    RecordType::READ.0,
    RecordType::AUX.0,
    RecordType::ITRACE_START.0,
    RecordType::LOST_SAMPLES.0,
    RecordType::SWITCH.0,
    RecordType::SWITCH_CPU_WIDE.0,
    RecordType::NAMESPACES.0,
    RecordType::KSYMBOL.0,
    RecordType::BPF_EVENT.0,
    HEADER_ATTR,
    TRACING_DATA,
    FINISHED_ROUND,
    ID_INDEX,
    AUXTRACE,
    EVENT_UPDATE,
    TIME_CONV,
    FINISHED_INIT,
];

/// Features without names.
const FEATURES_FREE_OF_NAMES: [Feature; 10] = [
    Feature::OSRELEASE,
    Feature::VERSION,
    Feature::ARCH,
    Feature::NRCPUS,
    Feature::CPUDESC,
    Feature::TOTAL_MEM,
    Feature::EVENT_DESC,
    Feature::SAMPLE_TIME,
    Feature::CLOCKID,
    Feature::CLOCK_DATA,
];
/// Features in which names are replaced.
const FEATURES_WITH_NAMES: [Feature; 3] = [Feature::TRACING_DATA, Feature::BUILD_ID, Feature::HOSTNAME];

/// Where in the body of a record of build ids the path begins: after a process id and the id.
const BUILD_ID_PATH: usize = 28;

/// Redacts records and feature sections where they stand: none becomes longer or shorter.
pub struct Redactor {
    order: ByteOrder,
    side_band: SideBandReader,
    samples: SampleReader<'static>,
    trace: TraceReader,
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
            code,
        })
    }

    /// Redacts the body of `record`, and what follows the record outside of it.
    pub fn redact(&self, record: &Record, header: &mut [u8], body: &mut [u8], payload: &mut [u8]) {
        let is_kernel = is_kernel(record.misc);
        let path = |path: &str| redaction::path(path, is_kernel);
        let names_end = self.side_band.fields(record).map_or(0, <[u8]>::len);
        match RecordType(record.kind) {
            RecordType::SAMPLE => {
                let chain = |chain: &mut [u8]| self.code.redact(chain, self.order);
                self.samples.redact(&self.trace, self.order, body, chain);
            }
            RecordType::COMM => replace(body, 8, names_end, redaction::comm),
            RecordType::MMAP => replace(body, 32, names_end, path),
            RecordType::MMAP2 => replace(body, 64, names_end, path),
            RecordType::CGROUP => replace(body, 8, names_end, |path| redaction::path(path, false)),
            _ if record.kind == CALLCHAIN_DEFERRED => {
                // Cookie and number of entries stand before them, the sample_id behind.
                let entries = body.get_mut(16..names_end).unwrap_or_default();
                self.code.redact(entries, self.order);
            }
            _ if record.kind == HEADER_BUILD_ID => replace(body, BUILD_ID_PATH, body.len(), path),
            _ if record.kind == HEADER_FEATURE => self.feature_record(header, body),
            _ if FREE_OF_NAMES.contains(&record.kind) => {}
            _ => body.fill(0),
        }
        match record.kind {
            TRACING_DATA => self.feature(Feature::TRACING_DATA.0, payload),
            _ => payload.fill(0),
        }
    }

    /// A feature section that came through a pipe: its number, then the section. One that is not kept becomes a record that says
    /// nothing: perf refuses some that are empty.
    fn feature_record(&self, header: &mut [u8], body: &mut [u8]) {
        let feature = self.order.u64_at(body, 0).and_then(|feature| u32::try_from(feature).ok());
        match (feature, body.split_at_mut_checked(8)) {
            (Some(feature), Some((_, section))) if Redactor::keeps(feature) => self.feature(feature, section),
            _ => {
                put_u32(header, FINISHED_ROUND, self.order);
                body.fill(0);
            }
        }
    }

    /// Whether anything is left of a feature section.
    pub fn keeps(feature: u32) -> bool {
        let feature = Feature(feature);
        FEATURES_FREE_OF_NAMES.contains(&feature) || FEATURES_WITH_NAMES.contains(&feature)
    }

    /// Redacts a feature section.
    pub fn feature(&self, feature: u32, body: &mut [u8]) {
        match Feature(feature) {
            Feature::HOSTNAME => {
                let end = self.order.u32_at(body, 0).map_or(0, |length| 4 + length as usize);
                replace(body, 4, end, redaction::word);
                // Nothing but this string is in it.
                body.get_mut(end..).unwrap_or_default().fill(0);
            }
            Feature::BUILD_ID => self.build_ids(body),
            Feature::TRACING_DATA => self.tracing_data(body),
            feature if FEATURES_FREE_OF_NAMES.contains(&feature) => {}
            _ => body.fill(0),
        }
    }

    /// Records of their own: header, process id, build id, path.
    fn build_ids(&self, body: &mut [u8]) {
        let mut at = 0;
        loop {
            let rest = body.get_mut(at..).unwrap_or_default();
            let misc = self.order.u16_at(rest, 4).unwrap_or(0);
            let size = self.order.u16_at(rest, 6).map_or(0, usize::from);
            match rest.get_mut(..size).filter(|_| size >= RECORD_HEADER) {
                Some(record) => {
                    let path = |path: &str| redaction::path(path, is_kernel(misc));
                    replace(record, RECORD_HEADER + BUILD_ID_PATH, size, path);
                }
                None => return rest.fill(0),
            }
            at += size;
        }
    }

    /// Formats only: behind them stand addresses of the kernel, and which process ids had which comm.
    fn tracing_data(&self, body: &mut [u8]) {
        let end = tracing_data::formats_end(body, self.order);
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
