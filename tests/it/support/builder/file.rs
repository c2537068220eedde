//! The file: its records in order, and how header, ids, attributes, records and features are laid
//! out.

use std::collections::BTreeMap;

use super::bytes::{framed, put_section, put64, words};
use super::constants::{flag, record, sample_type};
use super::event::{DEFAULT_SAMPLE_TYPE, Event};
use super::origin::{Moment, Task};
use super::sample::Sample;

/// Bytes of `struct perf_file_header` (perf.data-file-format.txt).
const HEADER_SIZE: usize = 104;

/// A record to be written.
#[derive(Clone, Debug)]
pub(super) enum Stored {
    Sample(Box<Sample>, Moment),
    /// Gets a sample_id; without a moment that is all zeros, as in records that perf makes up.
    Sideband {
        kind: u32,
        misc: u16,
        body: Vec<u8>,
        task: Task,
        moment: Option<Moment>,
    },
    Bytes(Vec<u8>),
}

/// A perf.data file in the making. Records come out in the order of the calls.
#[derive(Clone, Debug)]
pub struct Builder {
    pub(super) events: Vec<Event>,
    pub(super) attr_size: u32,
    pub(super) moment: Option<Moment>,
    pub(super) records: Vec<Stored>,
    pub(super) features: BTreeMap<u8, Vec<u8>>,
    pub(super) event_desc: bool,
    pub(super) killed: bool,
}

impl Default for Builder {
    fn default() -> Self {
        Self::new()
    }
}

impl Builder {
    /// A file without records and features, whose one event is [`Event::cpu_clock`] unless others
    /// are added.
    pub fn new() -> Self {
        Builder {
            events: Vec::new(),
            attr_size: 128,
            moment: None,
            records: Vec::new(),
            features: BTreeMap::new(),
            event_desc: false,
            killed: false,
        }
    }

    /// Adds an event.
    pub fn event(&mut self, event: Event) -> &mut Self {
        self.events.push(event);
        self
    }

    /// Bytes of `struct perf_event_attr` in this file (PERF_ATTR_SIZE_VER* in perf_event.h): at
    /// least 64. Default: 128, as perf 6.1 writes and at most reads; below 96 the clock's number is
    /// cut off.
    pub fn attr_size(&mut self, bytes: u32) -> &mut Self {
        assert!(bytes >= 64, "no perf ever wrote a smaller one");
        self.attr_size = bytes;
        self
    }

    /// CPU and time (ns of the recording's clock) of the records that follow, samples included.
    pub fn at(&mut self, cpu: u32, time_ns: u64) -> &mut Self {
        self.moment = Some(Moment { cpu, time: time_ns });
        self
    }

    /// The records that follow are as if perf itself had made them up: their sample_id is all
    /// zeros, id and time included. So are those before the first [`Builder::at`].
    pub fn synthesized(&mut self) -> &mut Self {
        self.moment = None;
        self
    }

    /// Adds a sample.
    pub fn sample(&mut self, sample: Sample) -> &mut Self {
        let moment = self.moment.unwrap_or_default();
        self.records.push(Stored::Sample(Box::new(sample), moment));
        self
    }

    /// A sample whose fields are these bytes.
    pub fn raw_sample(&mut self, misc: u16, body: &[u8]) -> &mut Self {
        self.raw(record::SAMPLE, misc, body)
    }

    /// A record of any type; no sample_id is added.
    pub fn raw(&mut self, kind: u32, misc: u16, body: &[u8]) -> &mut Self {
        self.bytes(&framed(kind, misc, body))
    }

    /// Adds bytes to the records as they are, header and all.
    pub fn bytes(&mut self, bytes: &[u8]) -> &mut Self {
        self.records.push(Stored::Bytes(bytes.to_vec()));
        self
    }

    /// Adds a record that ends with a sample_id.
    pub(super) fn sideband(&mut self, kind: u32, misc: u16, body: Vec<u8>, task: Task) -> &mut Self {
        self.records.push(Stored::Sideband { kind, misc, body, task, moment: self.moment });
        self
    }

    /// Damage: the file as a killed perf leaves it. The header says that the data has no bytes, and
    /// names features whose sections are missing.
    pub fn killed(&mut self) -> &mut Self {
        self.killed = true;
        self
    }

    /// The file: header, ids, attributes, records, then a table of the features in the order of
    /// their bits, and these.
    pub fn build(&self) -> Vec<u8> {
        let events = self.resolved_events();
        let data = self.encoded(&events).concat();
        let features = self.all_features(&events);
        let (ids, attributes) = self.id_and_attribute_sections(&events);
        let data_offset = HEADER_SIZE + ids.len() + attributes.len();

        let mut out = b"PERFILE2".to_vec();
        put64(&mut out, HEADER_SIZE as u64);
        put64(&mut out, u64::from(self.attr_size) + 16);
        put_section(&mut out, HEADER_SIZE + ids.len(), attributes.len());
        put_section(&mut out, data_offset, if self.killed { 0 } else { data.len() });
        put_section(&mut out, 0, 0); // event_types, no longer used
        let mut bitmap = [0u8; 32];
        features.keys().for_each(|bit| bitmap[usize::from(bit / 8)] |= 1 << (bit % 8));
        out.extend(bitmap);
        for part in [&ids, &attributes, &data] {
            out.extend(part);
        }
        if !self.killed {
            put_features(&mut out, &features);
        }
        out
    }

    fn resolved_events(&self) -> Vec<Event> {
        let mut events = self.events.clone();
        if events.is_empty() {
            events.push(Event::cpu_clock());
        }
        let identifier = if events.len() > 1 { sample_type::IDENTIFIER } else { 0 };
        for (index, event) in events.iter_mut().enumerate() {
            event.sample_type.get_or_insert(DEFAULT_SAMPLE_TYPE | identifier);
            if event.ids.is_empty() {
                event.ids.push(100 + index as u64);
            }
        }
        events
    }

    fn encoded(&self, events: &[Event]) -> Vec<Vec<u8>> {
        let encode = |stored: &Stored| match stored {
            Stored::Bytes(bytes) => bytes.clone(),
            Stored::Sample(sample, moment) => sample.record(&events[sample.event], *moment),
            Stored::Sideband { kind, misc, body, task, moment } => {
                let trailer = sample_id(&events[0], *task, *moment);
                framed(*kind, *misc, &[body.as_slice(), &trailer].concat())
            }
        };
        self.records.iter().map(encode).collect()
    }

    /// perf puts the ids right after the header, and the attributes that point at them next
    /// (header.c).
    fn id_and_attribute_sections(&self, events: &[Event]) -> (Vec<u8>, Vec<u8>) {
        let (mut ids, mut attributes) = (Vec::new(), Vec::new());
        for event in events {
            attributes.extend(event.attribute(self.attr_size));
            put_section(&mut attributes, HEADER_SIZE + ids.len(), event.ids.len() * 8);
            ids.extend(words(&event.ids));
        }
        (ids, attributes)
    }
}

/// `struct sample_id` (perf_event.h), the end of a record that is not a sample.
fn sample_id(event: &Event, task: Task, moment: Option<Moment>) -> Vec<u8> {
    if event.flags & flag::SAMPLE_ID_ALL == 0 {
        return Vec::new();
    }
    let (pid, tid, id, at) = match moment {
        Some(at) => (task.0, task.1, event.id_on(at.cpu), at),
        None => (0, 0, 0, Moment::default()),
    };
    let fields = [
        (sample_type::TID, u64::from(pid) | u64::from(tid) << 32),
        (sample_type::TIME, at.time),
        (sample_type::ID, id),
        (sample_type::STREAM_ID, id),
        (sample_type::CPU, u64::from(at.cpu)),
        (sample_type::IDENTIFIER, id),
    ];
    let present = fields.iter().filter(|(bit, _)| event.fields() & bit != 0);
    present.flat_map(|(_, value)| value.to_le_bytes()).collect()
}

/// The table of sections, and the sections.
fn put_features(out: &mut Vec<u8>, features: &BTreeMap<u8, Vec<u8>>) {
    let mut offset = out.len() + features.len() * 16;
    for payload in features.values() {
        put_section(out, offset, payload.len());
        offset += payload.len();
    }
    features.values().for_each(|payload| out.extend(payload));
}
