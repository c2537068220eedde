//! `sample_id`: the end of each record other than a sample, with the thread, time and CPU for which
//! it was written.

use std::collections::BTreeMap;

use linux_perf_event_reader::constants::{
    PERF_SAMPLE_CPU, PERF_SAMPLE_ID, PERF_SAMPLE_IDENTIFIER, PERF_SAMPLE_STREAM_ID, PERF_SAMPLE_TID,
    PERF_SAMPLE_TIME,
};

use super::attributes::Attribute;
use super::cursor::ByteOrder;

/// The fields of a `sample_id`, each 8 bytes, in this order.
const FIELDS: [u64; 6] = [
    PERF_SAMPLE_TID,
    PERF_SAMPLE_TIME,
    PERF_SAMPLE_ID,
    PERF_SAMPLE_STREAM_ID,
    PERF_SAMPLE_CPU,
    PERF_SAMPLE_IDENTIFIER,
];

/// The thread, time and CPU for which a record was written, as far as it has them.
#[derive(Clone, Copy, Debug)]
pub struct Origin {
    /// Process id and thread id.
    pub thread: Option<(i32, i32)>,
    /// ns of the recording's clock.
    pub time_ns: Option<u64>,
    /// The CPU.
    pub cpu: Option<u32>,
}

/// Which fields `sample_id`s have, and where. A switch record has one, and there may be many.
#[derive(Clone, Copy, Debug, Default)]
struct Places {
    /// Bytes of a `sample_id`.
    size: usize,
    thread: Option<usize>,
    time: Option<usize>,
    cpu: Option<usize>,
    /// Those of IDENTIFIER and of ID, which are the same id.
    ids: [Option<usize>; 2],
}

impl Places {
    /// The places where the fields are these PERF_SAMPLE_* bits.
    fn new(bits: u64) -> Places {
        let place = |field: u64| {
            let before = FIELDS.iter().take_while(|&&bit| bit != field);
            (bits & field != 0).then(|| 8 * before.filter(|&&bit| bits & bit != 0).count())
        };
        Places {
            size: 8 * bits.count_ones() as usize,
            thread: place(PERF_SAMPLE_TID),
            time: place(PERF_SAMPLE_TIME),
            cpu: place(PERF_SAMPLE_CPU),
            ids: [PERF_SAMPLE_IDENTIFIER, PERF_SAMPLE_ID].map(place),
        }
    }
}

/// Finds and reads `sample_id` in records.
#[derive(Debug)]
pub struct SampleIds {
    order: ByteOrder,
    /// Where the fields are in records of the first event, and in those that perf made up.
    first: Places,
    /// The same of other events, by ascending id, if they differ. `perf record -D` has an event of
    /// its own for side band.
    others: Vec<(u64, Places)>,
    /// Distance of the id from the end of a record, in bytes.
    id_from_end: usize,
    /// The CPU on which each id counts, by ascending id. Empty if records have their CPU, or if the
    /// recording does not hold the CPUs of ids.
    cpus_of_ids: Vec<(u64, u32)>,
}

impl SampleIds {
    /// A reader for the records of these events. If their `sample_id`s have different fields, the
    /// id in a record identifies its event: perf makes sure that the id has the same offset in all
    /// (`evlist__valid_sample_type`, `evlist__event2evsel`, tools/perf/util/evlist.c).
    pub fn new(attributes: &[Attribute], order: ByteOrder) -> Self {
        let fields = |attribute: &Attribute| match attribute.has_sample_id_all() {
            true => FIELDS.iter().filter(|field| attribute.sample_type & **field != 0).sum(),
            false => 0,
        };
        let first = attributes.first().map_or(0, fields);
        let others = attributes.iter().filter(|attribute| fields(attribute) != first && first != 0);
        let others = others.flat_map(|attribute| {
            let places = Places::new(fields(attribute));
            attribute.ids.iter().map(move |id| (*id, places))
        });
        let others: BTreeMap<u64, Places> = others.collect();
        let mut cpus_of_ids: Vec<(u64, u32)> =
            attributes.iter().flat_map(|attribute| attribute.cpus_of_ids.iter().copied()).collect();
        cpus_of_ids.sort_unstable();
        let id_field =
            if first & PERF_SAMPLE_IDENTIFIER != 0 { PERF_SAMPLE_IDENTIFIER } else { PERF_SAMPLE_ID };
        let from_id = FIELDS.iter().skip_while(|field| **field != id_field);
        let id_from_end = 8 * from_id.filter(|field| first & **field != 0).count();
        SampleIds {
            order,
            first: Places::new(first),
            others: others.into_iter().collect(),
            id_from_end,
            cpus_of_ids,
        }
    }

    /// Splits the body of a record into its fields and its `sample_id`; `None` if it is too short.
    pub fn split<'a>(&self, body: &'a [u8]) -> Option<(&'a [u8], SampleId<'a>)> {
        let mut places = &self.first;
        if !self.others.is_empty() {
            let id = body.len().checked_sub(self.id_from_end).and_then(|at| self.order.u64_at(body, at));
            let index = id.and_then(|id| self.others.binary_search_by_key(&id, |(id, _)| *id).ok());
            places = index.map_or(places, |index| &self.others[index].1);
        }
        let (fields, bytes) = body.split_at_checked(body.len().checked_sub(places.size)?)?;
        Some((fields, SampleId { places: *places, bytes, order: self.order }))
    }

    /// Whether the `sample_id` of this body is possible: the id of an event, which `is_id` checks,
    /// and possible numbers of a thread and a CPU; or zeros, as in records that perf made up.
    #[cfg(feature = "pack")]
    pub fn is_plausible(&self, body: &[u8], is_id: impl Fn(u64) -> bool) -> bool {
        const CPUS: u32 = 1 << 16;
        let Some((_, sample_id)) = self.split(body) else { return false };
        let Origin { thread, cpu, .. } = self.read(&sample_id);
        let mut ids = sample_id.places.ids.into_iter().filter(Option::is_some);
        sample_id.bytes.iter().all(|byte| *byte == 0)
            || ids.all(|place| sample_id.u64(place).is_some_and(&is_id))
                && thread.is_none_or(|(process, thread)| is_thread(process) && is_thread(thread))
                && cpu.is_none_or(|cpu| cpu < CPUS)
    }

    /// Decodes a `sample_id`.
    pub fn read(&self, sample_id: &SampleId) -> Origin {
        let Places { thread, time, cpu, ids, .. } = sample_id.places;
        let number = |at| self.order.u32_at(sample_id.bytes, at);
        let thread = thread.and_then(|at| Some((number(at)? as i32, number(at + 4)? as i32)));
        let cpu = cpu.and_then(number).or_else(|| {
            let id = sample_id.u64(ids[0].or(ids[1]))?;
            let index = self.cpus_of_ids.binary_search_by_key(&id, |(id, _)| *id).ok()?;
            Some(self.cpus_of_ids[index].1)
        });
        Origin { thread, time_ns: sample_id.u64(time), cpu }
    }
}

/// Whether a thread can have this id: at most PID_MAX_LIMIT (include/linux/threads.h), or −1 for
/// the kernel.
#[cfg(feature = "pack")]
pub fn is_thread(id: i32) -> bool {
    (-1..=1 << 22).contains(&id)
}

/// The `sample_id` of one record.
#[derive(Debug)]
pub struct SampleId<'a> {
    places: Places,
    bytes: &'a [u8],
    order: ByteOrder,
}

impl SampleId<'_> {
    /// The field at this place.
    fn u64(&self, place: Option<usize>) -> Option<u64> {
        self.order.u64_at(self.bytes, place?)
    }
}
