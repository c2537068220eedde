//! What a recording that came through a pipe says about itself: records of perf's own in place of a header.

use std::ops::Range;

use super::attributes::{Attribute, SMALLEST_ATTRIBUTE};
use super::cursor::{ByteOrder, Cursor, text};
use super::features::{self, Features};
use super::records::{COMPRESSED, COMPRESSED2, RECORD_HEADER, TRACING_DATA, Walk};

// `enum perf_user_event_type`, tools/lib/perf/include/perf/event.h.
pub const HEADER_ATTR: u32 = 64;
pub const HEADER_BUILD_ID: u32 = 67;
pub const ID_INDEX: u32 = 69;
pub const EVENT_UPDATE: u32 = 78;
pub const HEADER_FEATURE: u32 = 80;
/// PERF_EVENT_UPDATE__NAME.
pub const UPDATE_NAME: u64 = 2;

/// What the records of a stream say about the recording.
#[derive(Default)]
pub struct StreamHead {
    /// The events, in the order of their records.
    pub attributes: Vec<Attribute>,
    /// The feature sections.
    pub features: Features,
    /// Where in the data the formats of tracepoints are.
    pub tracing_data: Option<Range<usize>>,
}

/// Reads what the records of `data` say.
pub fn read(data: &[u8], order: ByteOrder) -> StreamHead {
    let mut head = StreamHead::default();
    let mut names = Vec::new();
    for record in Walk::new(data, order) {
        let mut cursor = Cursor::new(record.body, order);
        match record.kind {
            HEADER_ATTR => head.attributes.extend(attribute(record.body, order)),
            HEADER_FEATURE => {
                let feature = cursor.u64().and_then(|feature| u32::try_from(feature).ok());
                if let Some(feature) = feature {
                    features::apply(&mut head.features, feature, cursor.rest(), order);
                }
            }
            HEADER_BUILD_ID => {
                head.features.build_ids.extend(features::build_id_of(record.misc, record.body, order));
            }
            EVENT_UPDATE if cursor.u64() == Some(UPDATE_NAME) => {
                names.extend(cursor.u64().map(|id| (id, text(cursor.rest()))));
            }
            // The walk has seen that the payload is there.
            TRACING_DATA if head.tracing_data.is_none() => {
                let start = record.position as usize + RECORD_HEADER + record.body.len();
                head.tracing_data = cursor.u32().map(|bytes| start..start + bytes as usize);
            }
            COMPRESSED | COMPRESSED2 => {
                head.features.compressed_from.get_or_insert(0);
            }
            _ => {}
        }
    }
    // Ids come from the file: a hasher with a seed, so that nobody can choose them to collide.
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

/// The attribute, as long as it says itself, then its ids.
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

/// Notes for each event on which CPU each of its ids counts, if its samples carry an id and no CPU, and the recording tells
/// (PERF_RECORD_ID_INDEX: number of entries, then for each its id, index, CPU and thread, u64 each).
pub fn note_cpus(attributes: &mut [Attribute], data: &[u8], order: ByteOrder) {
    if !attributes.iter().any(Attribute::needs_cpus_of_ids) {
        return;
    }
    let mut cpus = hashbrown::HashMap::new();
    for record in Walk::new(data, order).filter(|record| record.kind == ID_INDEX) {
        let mut cursor = Cursor::new(record.body, order);
        let count = cursor.u64().unwrap_or(0);
        for _ in 0..count {
            let (Some(id), Some(_), Some(cpu), Some(_)) =
                (cursor.u64(), cursor.u64(), cursor.u64(), cursor.u64())
            else {
                break;
            };
            // −1 stands for every CPU.
            cpus.extend(u32::try_from(cpu).ok().map(|cpu| (id, cpu)));
        }
    }
    for attribute in attributes.iter_mut().filter(|attribute| attribute.needs_cpus_of_ids()) {
        let known = attribute.ids.iter().filter_map(|id| Some((*id, *cpus.get(id)?)));
        attribute.cpus_of_ids = known.collect();
        attribute.cpus_of_ids.sort_unstable();
    }
}
