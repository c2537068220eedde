//! The header of a perf.data: where the attributes, the records and the feature sections are,
//! checked against the length of the file.

use std::ops::Range;
use std::path::Path;

use linux_perf_data::{Feature, FeatureSet};

use crate::error::{Error, Result};
use crate::mapped::copied;

use super::attributes::{Attribute, SMALLEST_ATTRIBUTE};
use super::cursor::{ByteOrder, Cursor};
use super::features::{self, Features};
use super::magic::{MAGIC, byte_order, is_recording};
use super::stream::{self, StreamHead};
use super::tracing_data::{self, Formats};

/// Bytes of `struct perf_file_header` (tools/perf/util/header.h).
pub const FILE_HEADER: u64 = 104;
/// Bytes of `struct perf_pipe_file_header`, with which a recording from a pipe starts.
const PIPE_HEADER: u64 = 16;
/// Bytes of `struct perf_file_section`: offset and size.
pub const SECTION: u64 = 16;

/// What a recording says about itself, outside of its records.
#[derive(Debug)]
pub struct Header {
    /// Byte order of all numbers in the file.
    pub order: ByteOrder,
    /// The events, in the file's order.
    pub attributes: Vec<Attribute>,
    /// The feature sections that this program reads.
    pub features: Features,
    /// Where the records start.
    pub data_start: usize,
    /// Where the records end: the end of the file if perf was killed before it wrote their size.
    pub data_end: usize,
    /// Whether perf finished the file: a killed perf leaves the size of the records at 0. A stream
    /// counts as finished, because nothing in it shows whether perf finished.
    pub is_finished: bool,
    /// Bytes of records that should be in the file and are not.
    pub missing_bytes: u64,
    /// Where another recording starts after this one, if two files were concatenated.
    pub another_at: Option<u64>,
    /// Number of feature sections that should be in the file and are not.
    pub missing_features: u64,
    /// Bytes of text before the header.
    pub text_before: usize,
    /// The formats of the tracepoints among the events, as far as they are in the file.
    pub formats: Formats,
}

/// A section of the file: offset and size, not checked yet.
#[derive(Clone, Copy)]
pub struct Section {
    pub offset: u64,
    pub size: u64,
}

/// Bytes of the longest section that is read. The formats of all tracepoints have some MB, the ids
/// of ten thousand events on a thousand CPUs 80 MB.
const MAX_SECTION: usize = 256 << 20;

impl Section {
    fn read(cursor: &mut Cursor) -> Option<Section> {
        Some(Section { offset: cursor.u64()?, size: cursor.u64()? })
    }

    /// A copy of the bytes of the section in `file`, if all of them are there and they are no more
    /// than any section has.
    pub fn bytes_in(self, file: &[u8]) -> Option<Vec<u8>> {
        let start = usize::try_from(self.offset).ok()?;
        let end = usize::try_from(self.offset.checked_add(self.size)?).ok()?;
        file.get(start..end).filter(|bytes| bytes.len() <= MAX_SECTION).map(copied)
    }
}

impl Header {
    /// Reads the header of `file`; `path` is its name in messages.
    ///
    /// # Errors
    ///
    /// If it is not a recording, has no event, or its sections do not fit the file.
    pub fn parse(file: &[u8], path: &Path) -> Result<Header> {
        let order = byte_order(file, path)?;
        let damaged = |problem: &str| {
            Error::input(path, format!("damaged perf.data: {problem}"), "copy it again, or record again")
        };
        let mut cursor = Cursor::new(&file[8..], order);
        let header_size = cursor.u64().ok_or_else(|| damaged("the header is cut short"))?;
        if header_size == PIPE_HEADER {
            return Header::of_stream(file, order).ok_or_else(|| damaged("the stream holds no event"));
        }
        if header_size != FILE_HEADER {
            return Err(damaged(&format!(
                "the header says it is {header_size} bytes long, not {FILE_HEADER}"
            )));
        }
        let layout = Layout::read(file, order).ok_or_else(|| damaged("the header is cut short"))?;
        let Layout { data, features: features_present, .. } = layout;
        let mut attributes = read_attributes(file, &layout, order)
            .ok_or_else(|| damaged("the sections of events and ids do not fit the file"))?;
        if attributes.is_empty() {
            return Err(damaged("it holds no event"));
        }
        let length = file.len() as u64;
        if data.offset > length {
            return Err(damaged("the records lie outside the file"));
        }
        let is_finished = data.size != 0;
        let promised_end = data.offset.saturating_add(data.size);
        let data_end = if is_finished { promised_end.min(length) } else { length };
        let FeatureSections { mut features, tracing_data, missing } =
            if is_finished { read_features(file, &layout, order) } else { FeatureSections::default() };
        // perf writes the bit when it starts, the section when it ends
        // (`perf_session__write_header`).
        if features_present.has_feature(Feature::COMPRESSED) {
            features.compressed_buffer.get_or_insert(0);
        }
        let formats = formats_of(&attributes, file.get(tracing_data).unwrap_or_default(), order);
        name_events(&mut attributes, &features, &formats);
        Ok(Header {
            order,
            attributes,
            features,
            data_start: data.offset as usize,
            data_end: data_end as usize,
            is_finished,
            missing_bytes: promised_end.saturating_sub(length),
            another_at: if is_finished {
                another_at(file, promised_end, features_present, order)
            } else {
                None
            },
            missing_features: missing,
            text_before: 0,
            formats,
        })
    }

    /// Reads the header of a recording from a pipe; `None` if no record in it describes an event.
    fn of_stream(file: &[u8], order: ByteOrder) -> Option<Header> {
        let data_start = PIPE_HEADER as usize;
        let data = file.get(data_start..)?;
        let StreamHead { mut attributes, features, tracing_data } = stream::read(data, order);
        let tracing_data = tracing_data.and_then(|range| data.get(range));
        let formats = formats_of(&attributes, tracing_data.unwrap_or_default(), order);
        name_events(&mut attributes, &features, &formats);
        (!attributes.is_empty()).then_some(Header {
            order,
            attributes,
            features,
            data_start,
            data_end: file.len(),
            is_finished: true,
            missing_bytes: 0,
            missing_features: 0,
            another_at: None,
            text_before: 0,
            formats,
        })
    }
}

/// Where another recording starts, after the records, the table of feature sections at `table` and
/// these sections.
fn another_at(file: &[u8], table: u64, features: FeatureSet, order: ByteOrder) -> Option<u64> {
    let table_end = table.checked_add(features.len() as u64 * SECTION)?;
    let entries = copied(file.get(usize::try_from(table).ok()?..usize::try_from(table_end).ok()?)?);
    let mut end = table_end;
    for entry in entries.chunks_exact(SECTION as usize) {
        let Section { offset, size } = Section::read(&mut Cursor::new(entry, order))?;
        end = end.max(offset.checked_add(size)?);
    }
    let rest = file.get(usize::try_from(end).ok()?..)?;
    is_recording(rest).then_some(end)
}

/// The sections of a file, as its header lists them.
pub struct Layout {
    /// Bytes of one attribute and of the section of its ids.
    attr_size: u64,
    /// All attributes.
    pub attributes: Section,
    /// The records.
    pub data: Section,
    /// Which feature sections there are: the bits as in the file.
    pub features: FeatureSet,
}

impl Layout {
    /// Reads the header of `file`; `None` if it is a stream, or is cut short.
    pub fn read(file: &[u8], order: ByteOrder) -> Option<Layout> {
        let file = copied(file.get(..FILE_HEADER as usize)?);
        let mut cursor = Cursor::new(file.get(MAGIC.len()..)?, order);
        if cursor.u64()? != FILE_HEADER {
            return None;
        }
        let attr_size = cursor.u64()?;
        let attributes = Section::read(&mut cursor)?;
        let data = Section::read(&mut cursor)?;
        let _event_types = Section::read(&mut cursor)?;
        let features = FeatureSet([cursor.u64()?, cursor.u64()?, cursor.u64()?, cursor.u64()?]);
        Some(Layout { attr_size, attributes, data, features })
    }

    /// Each attribute and the section of its ids; `None` if they are too short, or not all there.
    pub fn entries(&self, file: &[u8], order: ByteOrder) -> Option<Vec<(Vec<u8>, Section)>> {
        let entry_size = match usize::try_from(self.attr_size).ok()? {
            0 => SMALLEST_ATTRIBUTE + SECTION as usize,
            size => size,
        };
        let attr_bytes = entry_size.checked_sub(SECTION as usize)?;
        if attr_bytes < SMALLEST_ATTRIBUTE {
            return None;
        }
        let entries = self.attributes.bytes_in(file)?;
        let entry = |entry: &[u8]| {
            let (attribute, ids) = entry.split_at_checked(attr_bytes)?;
            Some((attribute.to_vec(), Section::read(&mut Cursor::new(ids, order))?))
        };
        Some(entries.chunks_exact(entry_size).filter_map(entry).collect())
    }

    /// The feature sections, in the order of their table, which follows the records. A section is
    /// `None` if the table is cut short before its entry.
    pub fn feature_sections(
        &self,
        file: &[u8],
        order: ByteOrder,
    ) -> impl Iterator<Item = (Feature, Option<Section>)> {
        let table = self.data.offset.saturating_add(self.data.size);
        with_words_in_order(self.features, order).iter().enumerate().map(move |(index, feature)| {
            let entry = Section { offset: table.saturating_add(index as u64 * SECTION), size: SECTION };
            let section =
                entry.bytes_in(file).and_then(|bytes| Section::read(&mut Cursor::new(&bytes, order)));
            (feature, section)
        })
    }
}

/// Reads the attributes with their ids; `None` if they do not fit the file.
fn read_attributes(file: &[u8], layout: &Layout, order: ByteOrder) -> Option<Vec<Attribute>> {
    // In a damaged or hostile file all attributes may have the same section of ids. So all ids
    // together may be no larger than the file.
    let mut budget = file.len() / 8;
    layout
        .entries(file, order)?
        .into_iter()
        .map(|(attribute, ids)| {
            let mut attribute = Attribute::parse(&attribute, order);
            let ids = ids.bytes_in(file)?;
            budget = budget.checked_sub(ids.len() / 8)?;
            attribute.ids = order.u64s(&ids).collect();
            Some(attribute)
        })
        .collect()
}

/// What the feature sections hold.
#[derive(Default)]
struct FeatureSections {
    features: Features,
    tracing_data: Range<usize>,
    /// Number of sections that are not in the file.
    missing: u64,
}

fn read_features(file: &[u8], layout: &Layout, order: ByteOrder) -> FeatureSections {
    let mut result = FeatureSections::default();
    for (feature, section) in layout.feature_sections(file, order) {
        match section.and_then(|section| Some((section, section.bytes_in(file)?))) {
            Some((Section { offset, .. }, body)) if feature == Feature::TRACING_DATA => {
                result.tracing_data = offset as usize..offset as usize + body.len();
            }
            Some((_, body)) => features::apply(&mut result.features, feature, &body, order),
            None => result.missing += 1,
        }
    }
    result
}

/// The feature bits, with the halves of each word exchanged if need be.
///
/// The bits are an array of `long` of the machine that recorded. If a `long` has 32 bits and the
/// machine is big-endian, the halves of each 64 bits stand the other way round
/// (`perf_file_header__read`). Every perf since 2011 notes the machine's name, so a missing
/// HOSTNAME shows it.
pub fn with_words_in_order(features: FeatureSet, order: ByteOrder) -> FeatureSet {
    let swapped = FeatureSet(features.0.map(|word| word.rotate_left(32)));
    let has_hostname = |features: FeatureSet| features.has_feature(Feature::HOSTNAME);
    let is_swapped = order == ByteOrder::Big && !has_hostname(features) && has_hostname(swapped);
    if is_swapped { swapped } else { features }
}

/// The formats of the tracepoints among the events, from TRACING_DATA.
fn formats_of(attributes: &[Attribute], tracing_data: &[u8], order: ByteOrder) -> Formats {
    let has_tracepoints = attributes.iter().any(Attribute::is_tracepoint);
    let is_read = has_tracepoints && tracing_data.len() <= MAX_SECTION;
    if is_read { tracing_data::formats(&copied(tracing_data), order) } else { Formats::new() }
}

/// Names the events: from EVENT_DESC, which lists them in the order of the attributes; tracepoints
/// without a name there from their formats.
fn name_events(attributes: &mut [Attribute], features: &Features, formats: &Formats) {
    if features.event_names.len() == attributes.len() {
        for (attribute, name) in attributes.iter_mut().zip(&features.event_names) {
            attribute.name = Some(name.clone());
        }
    }
    for attribute in attributes.iter_mut().filter(|attribute| attribute.is_tracepoint()) {
        if let Some(format) = formats.get(&attribute.config)
            && attribute.name.as_ref().is_none_or(String::is_empty)
        {
            attribute.name = Some(format!("{}:{}", format.system, format.name));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn feature_bits_of_a_32_bit_big_endian_machine_are_found() {
        let bits = 1 << Feature::HOSTNAME.0 | 1 << Feature::ARCH.0 | 1u64 << 33;
        let words = FeatureSet([bits, 1, 0, 0]);
        let halves = FeatureSet(words.0.map(|word| word.rotate_left(32)));
        assert_eq!(with_words_in_order(words, ByteOrder::Big), words);
        assert_eq!(with_words_in_order(halves, ByteOrder::Big), words);
        assert_eq!(with_words_in_order(halves, ByteOrder::Little), halves);
    }
}
