//! The events of a text, by the names that are printed with samples.

use hashbrown::HashMap;

use crate::error::Result;
use crate::ingest::{Attribute, PrintedTrace, RawTrace, ScriptSample, is_off_cpu, read_trace, whole_text};
use crate::load::events::{is_candidate, samples_time, sampling_events, tracepoint};
use crate::model::{Event, EventId, TraceKind, Tracepoint, clean};

use super::header::Rate;

/// The largest number of events; no recording has more. Each one takes memory, and time for every
/// sample of the text.
const MOST_EVENTS: usize = 4096;
/// The reason for rejecting samples of further events.
const TOO_MANY: &str = "of more events than a recording has";

/// The events of a text.
#[derive(Default)]
pub(super) struct Events<'a> {
    /// The sampling event, as `-e` names it.
    asked: Option<&'a str>,
    list: Vec<ScriptEvent>,
    /// Keys come from the file: a hasher with a seed, so that nobody can choose them to collide.
    indices: HashMap<&'a [u8], usize>,
    /// The name and the index of the event that was asked for last.
    last: Option<(&'a [u8], usize)>,
}

/// An event of the text.
pub(super) struct ScriptEvent {
    attribute: Attribute,
    /// Which tracepoint it is, of those that an analysis understands.
    tracepoint: Option<Tracepoint>,
    /// Whether it may be the sampling event. The choice needs the names of all events.
    pub is_candidate: bool,
    /// Whether its samples say how long a task was off the CPU.
    pub is_off_cpu: bool,
    /// Whether a sample of it has a call chain.
    pub has_callchain: bool,
    /// Whether its first sample has a time.
    pub has_time: bool,
    /// Whether its first sample has a CPU.
    pub has_cpu: bool,
    /// How many of its records were read.
    pub records: u64,
    /// How many of its records as a tracepoint do not tell what happened.
    unread: u64,
    /// The position of the first of them.
    first_unread: Option<usize>,
    /// Of its records as a tracepoint, the largest period that was printed.
    largest_period: Option<u64>,
}

impl ScriptEvent {
    /// What a record of this event tells: nothing but that it happened, if it is a tracepoint whose
    /// fields cannot be read.
    pub fn read<'a>(&mut self, position: usize, sample: &ScriptSample<'a>) -> PrintedTrace<'a> {
        const OTHER: PrintedTrace = PrintedTrace { trace: RawTrace::Known(TraceKind::Other), other: None };
        let Some(tracepoint) = self.tracepoint else { return OTHER };
        let has_place = sample.header.time_ns.is_some() && sample.header.cpu.is_some();
        let printed = read_trace(tracepoint, sample.rest).filter(|_| has_place);
        printed.unwrap_or_else(|| {
            self.unread += 1;
            self.first_unread.get_or_insert(position);
            OTHER
        })
    }

    /// Notes the period of a record, if it is printed.
    pub fn note_period(&mut self, period: Option<u64>) {
        self.largest_period = self.largest_period.max(period);
    }

    /// Adds what the part that follows tells of the event.
    fn join(&mut self, next: ScriptEvent) {
        self.has_callchain |= next.has_callchain;
        self.records += next.records;
        self.unread += next.unread;
        self.first_unread = self.first_unread.or(next.first_unread);
        self.note_period(next.largest_period);
    }
}

impl<'a> Events<'a> {
    /// No events yet; `asked` names the sampling event.
    pub fn new(asked: Option<&'a str>) -> Self {
        Events { asked, ..Events::default() }
    }

    /// Whether the user left the choice of the sampling event open.
    pub fn is_free(&self) -> bool {
        self.asked.is_none()
    }

    /// No events yet, as those of another part of the text.
    pub fn of_part(&self) -> Self {
        Events::new(self.asked)
    }

    /// Whether `next`, the events of the part that follows, are what they were if both parts had
    /// been read as one.
    pub fn fit(&self, next: &Events) -> bool {
        let has = |event: &ScriptEvent| (event.has_time, event.has_cpu);
        let mut new = 0;
        let agree = next.indices.iter().all(|(name, index)| match self.indices.get(name) {
            Some(here) => has(&self.list[*here]) == has(&next.list[*index]),
            None => {
                new += 1;
                true
            }
        });
        agree && self.list.len() + new <= MOST_EVENTS
    }

    /// Adds the events of the part that follows, which [fit](Events::fit). Returns for each of
    /// their ids the one here.
    pub fn join(&mut self, next: Events<'a>) -> Vec<EventId> {
        let mut names: Vec<(usize, &[u8])> =
            next.indices.into_iter().map(|(name, index)| (index, name)).collect();
        names.sort_unstable();
        let join = |((_, name), event): ((usize, &'a [u8]), ScriptEvent)| {
            let index = *self.indices.entry(name).or_insert(self.list.len());
            match self.list.get_mut(index) {
                Some(all) => all.join(event),
                None => self.list.push(event),
            }
            EventId::from_index(index)
        };
        names.into_iter().zip(next.list).map(join).collect()
    }

    /// The index of a sample's event, or the reason why the sample is rejected.
    pub fn index_of(&mut self, sample: &ScriptSample<'a>) -> std::result::Result<usize, &'static str> {
        let name = sample.event.unwrap_or(Attribute::NAMELESS.as_bytes());
        // Most samples are of the event of the sample before.
        if let Some((last, index)) = self.last
            && last == name
        {
            return Ok(index);
        }
        if let Some(index) = self.indices.get(name) {
            self.last = Some((name, *index));
            return Ok(*index);
        }
        if self.list.len() == MOST_EVENTS {
            return Err(TOO_MANY);
        }
        let attribute = Attribute::from_name(&whole_text(name));
        let is_candidate = is_candidate(&attribute, self.asked);
        let tracepoint = tracepoint(&attribute, &attribute.display_name());
        let is_off_cpu = attribute.name.as_deref().is_some_and(is_off_cpu);
        let index = self.list.len();
        self.indices.insert(name, index);
        self.list.push(ScriptEvent {
            attribute,
            tracepoint,
            is_candidate,
            is_off_cpu,
            has_callchain: false,
            has_time: sample.header.time_ns.is_some(),
            has_cpu: sample.header.cpu.is_some(),
            records: 0,
            unread: 0,
            first_unread: None,
            largest_period: None,
        });
        Ok(index)
    }

    /// The event with this index.
    pub fn get_mut(&mut self, index: usize) -> &mut ScriptEvent {
        &mut self.list[index]
    }

    /// Forgets that there are times, if they do not order the samples.
    pub fn forget_times(&mut self) {
        self.list.iter_mut().for_each(|event| event.has_time = false);
    }

    /// For each event, whether it is the sampling event.
    pub fn sampling(&self) -> Result<Vec<bool>> {
        let attributes: Vec<Attribute> = self.list.iter().map(|event| event.attribute.clone()).collect();
        sampling_events(&attributes, self.asked, &|_| {
            self.list.iter().map(|event| event.records > 0).collect()
        })
    }

    /// The position of the first line of a tracepoint that does not tell what happened.
    pub fn first_unread(&self) -> Option<usize> {
        self.list.iter().filter_map(|event| event.first_unread).min()
    }

    /// The events for the recording. `rates` has the rates in the header, by name.
    pub fn into_recorded(self, sampling: &[bool], rates: &HashMap<String, Rate>) -> Vec<Event> {
        let recorded = |(event, is_sampling): (ScriptEvent, &bool)| {
            let name = event.attribute.display_name();
            let rate = rates.get(&name).copied();
            Event {
                is_sampling: *is_sampling,
                samples_time: samples_time(&event.attribute),
                is_tracepoint: event.attribute.is_tracepoint(),
                tracepoint: event.tracepoint,
                lacks_format: false,
                has_callchain: event.has_callchain,
                has_kernel_callchain: event.has_callchain,
                has_branches: false,
                has_time: event.has_time,
                has_cpu: event.has_cpu,
                frequency_hz: rate.and_then(Rate::frequency),
                period: rate.map_or(event.largest_period, Rate::period),
                counts_ns: event.attribute.counts_ns(),
                records: event.records,
                unread: event.unread,
                is_perhaps_sampled: false,
                name: clean(&name).into_owned(),
            }
        };
        self.list.into_iter().zip(sampling).map(recorded).collect()
    }
}
