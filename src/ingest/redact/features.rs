//! Redacts feature sections, each by a rule of its own.

use linux_perf_data::Feature;

use crate::redaction;

use super::records::{LARGEST_ATTRIBUTE, Redactor, put_u32, replace};
use crate::ingest::features::BUILD_ID_MAX;
use crate::ingest::records::RECORD_HEADER;
use crate::ingest::side_band::is_kernel;
use crate::ingest::tracing_data;

/// Features whose numbers alone are kept, each with the bytes that the numbers take.
const FEATURE_NUMBERS: [(Feature, usize); 5] = [
    (Feature::NRCPUS, 8),
    (Feature::TOTAL_MEM, 8),
    (Feature::SAMPLE_TIME, 16),
    (Feature::CLOCKID, 8),
    (Feature::CLOCK_DATA, 24),
];
/// Features that are a text without names, and are kept.
const FEATURE_TEXTS: [Feature; 4] = [Feature::OSRELEASE, Feature::VERSION, Feature::ARCH, Feature::CPUDESC];
/// Features in which names are replaced.
const FEATURES_WITH_NAMES: [Feature; 4] =
    [Feature::TRACING_DATA, Feature::BUILD_ID, Feature::HOSTNAME, Feature::EVENT_DESC];

/// Offset of the path in the body of a build id record: it follows a process id and the build id.
const BUILD_ID_PATH: usize = 28;

impl Redactor {
    /// Whether any part of this feature section is kept.
    pub fn keeps(feature: Feature) -> bool {
        FEATURE_NUMBERS.iter().any(|(listed, _)| *listed == feature)
            || FEATURE_TEXTS.contains(&feature)
            || FEATURES_WITH_NAMES.contains(&feature)
    }

    /// Redacts a feature section.
    pub fn feature(&self, feature: Feature, body: &mut [u8]) {
        match feature {
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
                let row = FEATURE_NUMBERS.iter().find(|(listed, _)| *listed == feature);
                body.get_mut(row.map_or(0, |(_, bytes)| *bytes)..).unwrap_or_default().fill(0);
            }
        }
    }

    /// Redacts a section that is one string.
    fn text(&self, body: &mut [u8], replaced: impl Fn(&str) -> String) {
        let end = self.string(body, replaced);
        body.get_mut(end..).unwrap_or_default().fill(0);
    }

    /// Replaces the string at the start of `body`: its length, then as many bytes. Returns its end.
    fn string(&self, body: &mut [u8], replaced: impl Fn(&str) -> String) -> usize {
        let end = self.order.u32_at(body, 0).map_or(0, |length| 4usize.saturating_add(length as usize));
        replace(body, 4, end, replaced);
        end
    }

    /// Redacts EVENT_DESC: number of events and size of an attribute (u32), then for each event the
    /// attribute, number of ids (u32), name, ids. `None` if it is too short.
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

    /// Redacts BUILD_ID: records, each with header, process id, build id, path.
    fn build_ids(&self, body: &mut [u8]) {
        let mut at = 0;
        loop {
            let rest = body.get_mut(at..).unwrap_or_default();
            let misc = self.order.u16_at(rest, 4).unwrap_or(0);
            let size = self.order.u16_at(rest, 6).map_or(0, usize::from);
            match rest.get_mut(..size).filter(|_| size >= RECORD_HEADER) {
                Some(record) => Redactor::build_id(record.get_mut(RECORD_HEADER..).unwrap_or_default(), misc),
                None => return rest.fill(0),
            }
            at += size;
        }
    }

    /// Redacts TRACING_DATA: only the formats are kept. They are followed by addresses of the
    /// kernel and the comms of processes.
    fn tracing_data(&self, body: &mut [u8]) {
        let end = tracing_data::redact(body, self.order, redaction::event_group, redaction::event_in);
        let rest = body.get_mut(end.unwrap_or(0)..).unwrap_or_default();
        rest.fill(0);
        // The rest becomes a kallsyms of zeros after its size (u32), then the formats of printk
        // with size 0 (u32), and the comms with size 0 (u64).
        const SIZES: usize = 4 + 4 + 8;
        let kallsyms = rest.len().checked_sub(SIZES).and_then(|size| u32::try_from(size).ok());
        if let (Some(size), Some(_)) = (kallsyms, end) {
            put_u32(rest, size, self.order);
        }
    }

    /// Redacts the body of a build id record: a process id, a field of 24 bytes with the build id,
    /// which may have its size in the 21st byte, and a path.
    pub(super) fn build_id(body: &mut [u8], misc: u16) {
        let id = body.get(4..BUILD_ID_PATH).and_then(|id| id.split_at_checked(BUILD_ID_MAX));
        let is_build_id = id.is_some_and(|(_, behind)| match behind {
            [size, rest @ ..] => usize::from(*size) <= BUILD_ID_MAX && rest.iter().all(|byte| *byte == 0),
            [] => false,
        });
        if !is_build_id {
            return body.fill(0);
        }
        replace(body, BUILD_ID_PATH, body.len(), |path| redaction::path(path, is_kernel(misc)));
    }
}
