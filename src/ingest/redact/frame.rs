//! Redacts everything around the records: the header and the events before them, and the feature
//! sections after them.

use std::path::Path;

use crate::error::{Error, Result};

use super::records::{LARGEST_ATTRIBUTE, Redactor};
use crate::ingest::cursor::ByteOrder;
use crate::ingest::header::{FILE_HEADER, Header, Layout, SECTION, Section, with_words_in_order};

/// Offset in the header of the size of the data section.
const DATA_SIZE: usize = 48;
/// Offset in the header of the legacy section of event types.
const EVENT_TYPES: usize = 56;
/// Offset in the header of the feature bits.
const FEATURE_BITS: usize = 72;

/// The bytes before and after `data_bytes` bytes of records, redacted. A stream has a short header
/// and nothing after its records.
///
/// # Errors
///
/// If the events are not where perf writes them.
pub fn around(
    header: &Header,
    file: &[u8],
    data_bytes: u64,
    redactor: &Redactor,
    path: &Path,
) -> Result<(Vec<u8>, Vec<u8>)> {
    let order = header.order;
    let before = file.get(..header.data_start).unwrap_or_default();
    let Some(layout) = Layout::read(file, order) else {
        return Ok((before.to_vec(), Vec::new()));
    };
    let mut head = vec![0; before.len()];
    let mut keep = |section: Section, redact: &dyn Fn(&mut [u8])| {
        let start = usize::try_from(section.offset).ok()?;
        let end = start.checked_add(usize::try_from(section.size).ok()?)?;
        let kept = head.get_mut(start..end)?;
        kept.copy_from_slice(before.get(start..end)?);
        redact(kept);
        Some(())
    };
    let entries = || layout.entries(file, order).into_iter().flatten();
    // In a damaged or hostile file sections may overlap, or lie after the records.
    let is_behind_header = |section: &Section| section.size == 0 || section.offset >= FILE_HEADER;
    let mut is_kept = entries().all(|(attribute, ids)| {
        attribute.len() <= LARGEST_ATTRIBUTE
            && is_behind_header(&ids)
            && keep(ids, &|ids| redactor.ids(ids)).is_some()
    });
    is_kept &= is_behind_header(&layout.attributes) && keep(layout.attributes, &|_| {}).is_some();
    is_kept &= keep(Section { offset: 0, size: FILE_HEADER }, &|_| {}).is_some();
    if !is_kept {
        let problem = "has its events where perf record does not write them, and cannot be redacted";
        return Err(Error::input(path, problem, "pack it without --redact"));
    }
    put(&mut head, EVENT_TYPES, 0, order);
    put(&mut head, EVENT_TYPES + 8, 0, order);
    if !header.is_finished {
        return Ok((head, Vec::new()));
    }
    put(&mut head, DATA_SIZE, data_bytes.saturating_add(header.missing_bytes), order);
    if header.missing_bytes > 0 {
        return Ok((head, Vec::new()));
    }

    let (mut kept, mut table, mut bodies) = ([0u64; 4], Vec::new(), Vec::new());
    let sections = layout.feature_sections(file, order);
    let sections: Vec<_> = sections.filter(|(feature, _)| Redactor::keeps(*feature)).collect();
    let table_start = header.data_start as u64 + data_bytes;
    let bodies_start = table_start + sections.len() as u64 * SECTION;
    for (feature, section) in sections {
        kept[feature.0 as usize / 64] |= 1 << (feature.0 % 64);
        // In a damaged or hostile file all sections may be the same bytes. So all sections together
        // may be no larger than the file.
        let body = section.and_then(|section| section.bytes_in(file));
        let body = body.filter(|body| bodies.len() + body.len() <= file.len());
        // A section that is missing stays missing.
        let offset = body.as_ref().map_or(u64::MAX, |_| bodies_start + bodies.len() as u64);
        let mut body = body.unwrap_or_else(|| vec![0]);
        redactor.feature(feature, &mut body);
        for value in [offset, body.len() as u64] {
            table.extend(order.to_file(value).to_ne_bytes());
        }
        if offset != u64::MAX {
            bodies.extend(body);
            bodies.resize(bodies.len().next_multiple_of(8), 0);
        }
    }
    let is_swapped = with_words_in_order(layout.features, order) != layout.features;
    for (number, word) in kept.into_iter().enumerate() {
        let word = if is_swapped { word.rotate_left(32) } else { word };
        put(&mut head, FEATURE_BITS + 8 * number, word, order);
    }
    Ok((head, [table, bodies].concat()))
}

fn put(bytes: &mut [u8], at: usize, value: u64, order: ByteOrder) {
    if let Some(field) = bytes.get_mut(at..at + 8) {
        field.copy_from_slice(&order.to_file(value).to_ne_bytes());
    }
}
