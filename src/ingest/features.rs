//! Feature sections: what perf writes about the machine and the recording
//! (tools/perf/Documentation/perf.data-file-format.txt).

use linux_perf_data::Feature;
use linux_perf_event_reader::constants::PERF_RECORD_MISC_BUILD_ID_SIZE;

use super::cursor::{ByteOrder, Cursor, text};

/// Bytes of the field for the build id in its record. With PERF_RECORD_MISC_BUILD_ID_SIZE, the
/// length of the id follows the longest possible id (tools/lib/perf/include/perf/event.h).
const BUILD_ID_FIELD: u64 = 24;
/// Bytes of the longest build id.
pub const BUILD_ID_MAX: usize = 20;

/// The features that this program reads. A field is empty if the recording does not have it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Features {
    /// Name of the machine.
    pub hostname: Option<String>,
    /// `uname -r`.
    pub os_release: Option<String>,
    /// Version of perf.
    pub perf_version: Option<String>,
    /// `uname -m`.
    pub arch: Option<String>,
    /// Number of CPUs that the machine can have.
    pub cpus_available: Option<u32>,
    /// Number of CPUs that were online.
    pub cpus_online: Option<u32>,
    /// The command line of perf.
    pub command: Vec<String>,
    /// Names of the events.
    pub event_names: Vec<String>,
    /// One moment on two clocks: ns of CLOCK_REALTIME, ns of the recording's clock.
    pub clock_reference: Option<(u64, u64)>,
    /// The most bytes that one compressed record (`perf record -z`) yields; 0 if that is not known.
    pub compressed_buffer: Option<u32>,
    /// The names of the performance monitoring units.
    pub pmus: Vec<String>,
    /// Build ids by path.
    pub build_ids: Vec<(String, Vec<u8>)>,
}

/// Reads one feature section into `features`. If a section is cut or malformed, its fields stay
/// empty: records can be read without them.
pub fn apply(features: &mut Features, feature: Feature, body: &[u8], order: ByteOrder) {
    let mut cursor = Cursor::new(body, order);
    match feature {
        Feature::HOSTNAME => features.hostname = string(&mut cursor),
        Feature::OSRELEASE => features.os_release = string(&mut cursor),
        Feature::VERSION => features.perf_version = string(&mut cursor),
        Feature::ARCH => features.arch = string(&mut cursor),
        Feature::NRCPUS => {
            // `write_nrcpus` in tools/perf/util/header.c writes the available CPUs first. The
            // document of the format has it the other way round.
            features.cpus_available = cursor.u32();
            features.cpus_online = cursor.u32();
        }
        Feature::CMDLINE => features.command = strings(&mut cursor).unwrap_or_default(),
        Feature::EVENT_DESC => features.event_names = event_names(&mut cursor).unwrap_or_default(),
        Feature::CLOCK_DATA => features.clock_reference = clock_reference(&mut cursor),
        Feature::COMPRESSED => features.compressed_buffer = Some(compressed_buffer(&mut cursor).unwrap_or(0)),
        Feature::PMU_MAPPINGS => features.pmus = pmus(&mut cursor),
        Feature::BUILD_ID => features.build_ids = build_ids(cursor),
        _ => {}
    }
}

/// A string: its length (u32), then as many bytes, padded with NUL.
fn string(cursor: &mut Cursor) -> Option<String> {
    let length = cursor.u32()?;
    Some(text(cursor.take(length.into())?))
}

/// A count (u32), then as many strings.
fn strings(cursor: &mut Cursor) -> Option<Vec<String>> {
    let count = cursor.u32()?;
    let mut strings = Vec::new();
    for _ in 0..count {
        strings.push(string(cursor)?);
    }
    Some(strings)
}

/// The names in EVENT_DESC: number of events and size of an attribute, then for each event the
/// attribute, number of ids, name, ids.
fn event_names(cursor: &mut Cursor) -> Option<Vec<String>> {
    let count = cursor.u32()?;
    let attr_size = cursor.u32()?;
    let mut names = Vec::new();
    for _ in 0..count {
        cursor.skip(1, attr_size.into())?;
        let ids = cursor.u32()?;
        names.push(string(cursor)?);
        cursor.skip(ids.into(), 8)?;
    }
    Some(names)
}

/// CLOCK_DATA: version (u32), clock id (u32), ns of the wall clock, ns of the recording's clock.
fn clock_reference(cursor: &mut Cursor) -> Option<(u64, u64)> {
    cursor.skip(2, 4)?;
    Some((cursor.u64()?, cursor.u64()?))
}

/// COMPRESSED: version, type, level, ratio, size of the buffers that were compressed (u32 each).
fn compressed_buffer(cursor: &mut Cursor) -> Option<u32> {
    cursor.skip(4, 4)?;
    cursor.u32()
}

/// PMU_MAPPINGS: a count (u32), then as many types (u32), each with its name.
fn pmus(cursor: &mut Cursor) -> Vec<String> {
    let count = cursor.u32().unwrap_or(0);
    let mut pmus = Vec::new();
    for _ in 0..count {
        let Some(name) = cursor.u32().and_then(|_| string(cursor)) else { break };
        pmus.push(name);
    }
    pmus
}

/// BUILD_ID: records, each with header, pid, build id, path.
fn build_ids(mut cursor: Cursor) -> Vec<(String, Vec<u8>)> {
    let mut build_ids = Vec::new();
    while let Some(entry) = build_id(&mut cursor) {
        build_ids.push(entry);
    }
    build_ids
}

fn build_id(cursor: &mut Cursor) -> Option<(String, Vec<u8>)> {
    let _kind = cursor.u32()?;
    let misc = cursor.u16()?;
    let size = u64::from(cursor.u16()?);
    build_id_of(misc, cursor.take(size.checked_sub(8)?)?, cursor.order())
}

/// Path and build id of a build id record, which is in the feature or in a stream from a pipe.
pub fn build_id_of(misc: u16, body: &[u8], order: ByteOrder) -> Option<(String, Vec<u8>)> {
    let mut cursor = Cursor::new(body, order);
    let _pid = cursor.i32()?;
    let id = cursor.take(BUILD_ID_FIELD)?;
    let path = cursor.rest();
    let length = if misc & PERF_RECORD_MISC_BUILD_ID_SIZE != 0 {
        usize::from(id[BUILD_ID_MAX]).min(BUILD_ID_MAX)
    } else {
        BUILD_ID_MAX
    };
    Some((text(path), id[..length].to_vec()))
}
