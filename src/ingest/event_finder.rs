//! Which event a sample belongs to.

use linux_perf_event_reader::constants::{
    PERF_SAMPLE_ADDR, PERF_SAMPLE_ID, PERF_SAMPLE_IDENTIFIER, PERF_SAMPLE_IP, PERF_SAMPLE_TID,
    PERF_SAMPLE_TIME,
};

use super::attributes::Attribute;
use super::cursor::ByteOrder;

/// Finds the event that a sample belongs to.
#[derive(Debug)]
pub struct EventFinder {
    id_at: Option<usize>,
    /// Ids come from the file. The hasher has a random seed, so nobody can choose ids that collide.
    by_id: hashbrown::HashMap<u64, usize>,
    events: usize,
}

impl EventFinder {
    /// A finder for the events `attributes`.
    ///
    /// # Errors
    ///
    /// Why their samples cannot be told apart.
    pub fn new(attributes: &[Attribute]) -> Result<Self, &'static str> {
        let mut offsets = attributes.iter().map(|attribute| id_offset(attribute.sample_type));
        let id_at = offsets.next().flatten();
        if attributes.len() > 1 && (id_at.is_none() || offsets.any(|offset| offset != id_at)) {
            return Err("the samples of its events cannot be told apart");
        }
        let by_id = attributes
            .iter()
            .enumerate()
            .flat_map(|(index, attribute)| attribute.ids.iter().map(move |&id| (id, index)))
            .collect();
        Ok(EventFinder { id_at, by_id, events: attributes.len() })
    }

    /// The index of the event that the sample with this body belongs to. `recent` caches the events
    /// of ids.
    #[inline(always)]
    pub fn find(&self, body: &[u8], order: ByteOrder, recent: &mut RecentIds) -> Option<usize> {
        match self.id_at {
            Some(at) if !self.by_id.is_empty() => {
                let id = order.u64_at(body, at)?;
                let entry = &mut recent.entries[RecentIds::entry_of(id)];
                if entry.0 != id {
                    *entry = (id, *self.by_id.get(&id)?);
                }
                Some(entry.1)
            }
            _ => self.only(),
        }
    }

    /// As [`find`](EventFinder::find), for one sample alone.
    pub fn find_once(&self, body: &[u8], order: ByteOrder) -> Option<usize> {
        match self.id_at {
            Some(at) if !self.by_id.is_empty() => self.by_id.get(&order.u64_at(body, at)?).copied(),
            _ => self.only(),
        }
    }

    /// The event, if there is only one.
    fn only(&self) -> Option<usize> {
        (self.events == 1).then_some(0)
    }
}

/// Ids that were looked up recently, with their events. The kernel numbers the ids of a recording
/// one after the other, so those of a few events on a few CPUs have an entry each.
pub struct RecentIds {
    entries: [(u64, usize); RecentIds::COUNT],
}

impl RecentIds {
    const COUNT: usize = 64;

    /// The index of the entry of an id.
    #[inline(always)]
    fn entry_of(id: u64) -> usize {
        id as usize % RecentIds::COUNT
    }
}

impl Default for RecentIds {
    fn default() -> Self {
        // Each entry begins with an id that belongs into another one, and so is never found.
        RecentIds { entries: std::array::from_fn(|entry| (entry as u64 + 1, 0)) }
    }
}

/// The offset of the id in samples of this type: IDENTIFIER comes first, ID after other fields.
pub(super) fn id_offset(sample_type: u64) -> Option<usize> {
    if sample_type & PERF_SAMPLE_IDENTIFIER != 0 {
        return Some(0);
    }
    let before = PERF_SAMPLE_IP | PERF_SAMPLE_TID | PERF_SAMPLE_TIME | PERF_SAMPLE_ADDR;
    (sample_type & PERF_SAMPLE_ID != 0).then(|| (sample_type & before).count_ones() as usize * 8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_that_alternate_are_told_apart() {
        let ids: [&[u64]; 4] = [&[7, 8], &[7 + 64, 9, 0, u64::MAX], &[1, 7 + 128], &[u64::MAX - 64]];
        let event = |ids: &&[u64]| {
            let mut event = Attribute::default();
            (event.sample_type, event.ids) = (PERF_SAMPLE_IDENTIFIER, ids.to_vec());
            event
        };
        let finder = EventFinder::new(&ids.iter().map(event).collect::<Vec<_>>()).expect("each has its ids");
        let event_of = |id: &u64| ids.iter().position(|ids| ids.contains(id));
        let mut recent = RecentIds::default();
        let all: Vec<u64> = ids.concat();
        // Each after each, with ids between them that no event has.
        for first in &all {
            for second in &all {
                for id in [first, second, &(first ^ 64), &2, second, first] {
                    let body = id.to_le_bytes();
                    assert_eq!(finder.find(&body, ByteOrder::Little, &mut recent), event_of(id), "{id}");
                    assert_eq!(finder.find_once(&body, ByteOrder::Little), event_of(id), "{id}");
                }
            }
        }
        assert_eq!(finder.find(&[0; 7], ByteOrder::Little, &mut recent), None, "a body without an id");
    }
}
