//! What a recording from a pipe says about itself, in records of perf's own that replace the
//! header.

use std::ops::Range;

use linux_perf_data::{Feature, UserRecordType};
use linux_perf_event_reader::RecordType;

use super::attributes::{Attribute, SMALLEST_ATTRIBUTE};
use super::cursor::{ByteOrder, Cursor, text};
use super::features::{self, Features};
use super::records::{RECORD_HEADER, Walk};

/// PERF_EVENT_UPDATE__NAME: the record holds the event's name
/// (tools/lib/perf/include/perf/event.h).
pub const UPDATE_NAME: u64 = 2;

/// What the records of a stream say about the recording, instead of a header.
#[derive(Default)]
pub struct StreamHead {
    /// The events, in the order of their records.
    pub attributes: Vec<Attribute>,
    /// The feature sections.
    pub features: Features,
    /// Where in the data the formats of tracepoints are.
    pub tracing_data: Option<Range<usize>>,
}

/// Reads all records of `data`.
pub fn read(data: &[u8], order: ByteOrder) -> StreamHead {
    let mut head = StreamHead::default();
    let mut names = Vec::new();
    let mut buffer = Vec::new();
    for record in Walk::new(data, order) {
        let record = record.copied_to(&mut buffer);
        let mut cursor = Cursor::new(record.body, order);
        let Some(kind) = UserRecordType::try_from(RecordType(record.kind)) else { continue };
        match kind {
            UserRecordType::PERF_HEADER_ATTR => head.attributes.extend(attribute(record.body, order)),
            UserRecordType::PERF_HEADER_FEATURE => {
                let feature = cursor.u64().and_then(|feature| u32::try_from(feature).ok());
                if let Some(feature) = feature {
                    features::apply(&mut head.features, Feature(feature), cursor.rest(), order);
                }
            }
            UserRecordType::PERF_HEADER_BUILD_ID => {
                head.features.build_ids.extend(features::build_id_of(record.misc, record.body, order));
            }
            UserRecordType::PERF_EVENT_UPDATE if cursor.u64() == Some(UPDATE_NAME) => {
                names.extend(cursor.u64().map(|id| (id, text(cursor.rest()))));
            }
            // The walk has checked that the payload is there.
            UserRecordType::PERF_HEADER_TRACING_DATA if head.tracing_data.is_none() => {
                let start = record.position as usize + RECORD_HEADER + record.body.len();
                head.tracing_data = cursor.u32().map(|bytes| start..start + bytes as usize);
            }
            UserRecordType::PERF_COMPRESSED | UserRecordType::PERF_COMPRESSED2 => {
                head.features.compressed_buffer.get_or_insert(0);
            }
            _ => {}
        }
    }
    // Ids come from the file. The hasher has a random seed, so nobody can choose ids that collide.
    let mut by_id = hashbrown::HashMap::new();
    for (index, attribute) in head.attributes.iter().enumerate() {
        for &id in &attribute.ids {
            by_id.entry(id).or_insert(index);
        }
    }
    for (id, name) in names {
        if let Some(&index) = by_id.get(&id) {
            head.attributes[index].name.get_or_insert(name);
        }
    }
    head
}

/// Decodes HEADER_ATTR: the attribute, which contains its own length, then its ids.
fn attribute(body: &[u8], order: ByteOrder) -> Option<Attribute> {
    let size = match order.u32_at(body, 4)? as usize {
        0 => SMALLEST_ATTRIBUTE,
        size => size,
    };
    let (attribute, ids) = body.split_at_checked(size)?;
    if size < SMALLEST_ATTRIBUTE {
        return None;
    }
    let mut attribute = Attribute::parse(attribute, order);
    attribute.ids = order.u64s(ids).collect();
    Some(attribute)
}

/// Sets on which CPU each id of an event counts, if the event's samples have an id and no CPU.
///
/// PERF_RECORD_ID_INDEX holds: number of entries, then for each entry id, index, CPU and thread
/// (u64 each).
pub fn note_cpus(attributes: &mut [Attribute], data: &[u8], order: ByteOrder) {
    if !attributes.iter().any(Attribute::needs_cpus_of_ids) {
        return;
    }
    let is_id_index =
        |kind| UserRecordType::try_from(RecordType(kind)) == Some(UserRecordType::PERF_ID_INDEX);
    let mut cpus = hashbrown::HashMap::new();
    let mut buffer = Vec::new();
    for record in Walk::new(data, order).filter(|record| is_id_index(record.kind)) {
        let record = record.copied_to(&mut buffer);
        let mut cursor = Cursor::new(record.body, order);
        let count = cursor.u64().unwrap_or(0);
        for _ in 0..count {
            let (Some(id), Some(_), Some(cpu), Some(_)) =
                (cursor.u64(), cursor.u64(), cursor.u64(), cursor.u64())
            else {
                break;
            };
            // −1 stands for all CPUs.
            cpus.extend(u32::try_from(cpu).ok().map(|cpu| (id, cpu)));
        }
    }
    for attribute in attributes.iter_mut().filter(|attribute| attribute.needs_cpus_of_ids()) {
        let cpus_of_ids = attribute.ids.iter().filter_map(|id| Some((*id, *cpus.get(id)?)));
        attribute.cpus_of_ids = cpus_of_ids.collect();
        attribute.cpus_of_ids.sort_unstable();
    }
}
