//! Decodes samples, records of tracepoints and switches, and hands them to a [`Collect`].

use linux_perf_event_reader::constants::{PERF_RECORD_SWITCH, PERF_RECORD_SWITCH_CPU_WIDE};

use super::attributes::Attribute;
use super::cursor::ByteOrder;
use super::event_finder::{EventFinder, RecentIds};
use super::measure::is_off_cpu;
use super::off_cpu;
use super::records::Record;
use super::sample::{RawSample, SampleLayout, tell_cpus};
use super::tracepoint::{RawSwitch, RawTrace, TraceReader};

/// Takes the samples and events of one part of the records, in the order of the file.
pub trait Collect {
    /// Takes a sample of an event.
    fn sample(&mut self, event: usize, sample: &RawSample, record: &Record);

    /// Counts a record of an event that is not sampled, with its time.
    fn event(&mut self, event: usize, time_ns: Option<u64>);

    /// Takes what happened according to that record, and the fields of any sample in it. Called
    /// only if the reader decodes events.
    fn trace(&mut self, event: usize, trace: RawTrace, sample: &RawSample, record: &Record);

    /// Takes a switch record. Called only if the reader decodes events.
    fn switch(&mut self, switch: &RawSwitch, record: &Record);

    /// Counts a sample that could not be decoded, or whose event is unknown.
    fn reject(&mut self, why: &'static str);
}

/// Decodes samples and events.
pub struct SampleReader<'w> {
    layouts: Vec<SampleLayout>,
    finder: EventFinder,
    /// For each event, whether its records are samples.
    samples: &'w [bool],
    /// For each event, whether its records say how long a task was off the CPU.
    are_off_cpu: Vec<bool>,
    /// Whether such records are samples.
    samples_off_cpu: bool,
    /// Decodes the other events and switches, if they are wanted too.
    trace: Option<TraceReader>,
}

impl<'w> SampleReader<'w> {
    /// A reader for the records of these events. `samples` says for each event whether its records
    /// are samples; `trace` decodes those that are not.
    ///
    /// # Errors
    ///
    /// Why the samples of the events cannot be told apart.
    pub(super) fn new(
        attributes: &[Attribute],
        samples: &'w [bool],
        trace: Option<TraceReader>,
    ) -> Result<SampleReader<'w>, &'static str> {
        let finder = EventFinder::new(attributes)?;
        let layouts = attributes.iter().map(SampleLayout::new);
        // Threads and CPUs must not get into one timeline.
        let layouts = match tell_cpus(attributes) {
            true => layouts.collect(),
            false => layouts.map(SampleLayout::by_thread).collect(),
        };
        let name = |attribute: &Attribute| attribute.name.as_deref().is_some_and(is_off_cpu);
        let are_off_cpu: Vec<bool> = attributes.iter().map(name).collect();
        let samples_off_cpu =
            are_off_cpu.iter().zip(samples).any(|(is_off_cpu, is_sample)| *is_off_cpu && *is_sample);
        Ok(SampleReader { layouts, finder, samples, are_off_cpu, samples_off_cpu, trace })
    }

    /// Whether there may be samples with a piece of the user's stack.
    pub fn has_dumps(&self) -> bool {
        self.layouts.iter().any(SampleLayout::has_dumps)
    }

    /// The registers that there are with these: a bit for each number of perf.
    pub fn user_registers(&self) -> u64 {
        self.layouts
            .iter()
            .filter(|layout| layout.has_dumps())
            .map(SampleLayout::user_registers)
            .fold(0, |all, one| all | one)
    }

    /// Decodes a sample, or a record of an event. `recent` is the cache of [`EventFinder::find`].
    #[inline(always)]
    pub(super) fn decode(
        &self,
        record: &Record,
        order: ByteOrder,
        recent: &mut RecentIds,
        collected: &mut impl Collect,
    ) {
        let Some(event) = self.finder.find(record.body, order, recent) else {
            return collected.reject("sample of an unknown event");
        };
        if !self.samples[event] {
            // Written out twice, so that the byte order is a constant in each copy.
            return match order {
                ByteOrder::Little => self.decode_event::<true>(event, record, collected),
                ByteOrder::Big => self.decode_event::<false>(event, record, collected),
            };
        }
        if self.samples_off_cpu && self.are_off_cpu[event] {
            return self.decode_off_cpu(event, record, order, collected);
        }
        match self.layouts[event].decode(record.body, order) {
            Ok(sample) => collected.sample(event, &sample, record),
            Err(why) => collected.reject(why),
        }
    }

    /// Not inlined: the loop over samples stays small.
    #[cold]
    #[inline(never)]
    fn decode_off_cpu(&self, event: usize, record: &Record, order: ByteOrder, collected: &mut impl Collect) {
        match off_cpu::decode(&self.layouts[event], record.body, order) {
            Ok(sample) => collected.sample(event, &sample, record),
            Err(why) => collected.reject(why),
        }
    }

    /// Not inlined: the loop over samples stays small.
    #[inline(never)]
    fn decode_event<const IS_LITTLE: bool>(
        &self,
        event: usize,
        record: &Record,
        collected: &mut impl Collect,
    ) {
        let order = if IS_LITTLE { ByteOrder::Little } else { ByteOrder::Big };
        let layout = &self.layouts[event];
        if self.are_off_cpu[event] {
            // perf writes them after the recording, with times that only order them.
            return collected.event(event, None);
        }
        let time_ns = layout.time(record.body, order);
        let Some(trace_reader) = &self.trace else {
            return collected.event(event, time_ns);
        };
        match layout.decode_event(record.body, order) {
            Err(why) => collected.reject(why),
            Ok((sample, payload)) => match trace_reader.read_in(order, event, payload) {
                None => collected.reject("tracepoint's record shorter than its fields"),
                Some(trace) => {
                    collected.event(event, time_ns);
                    collected.trace(event, trace, &sample, record);
                }
            },
        }
    }

    /// Decodes a switch record; `None` for other records, or if events are not decoded.
    pub(super) fn decode_switch(&self, record: &Record) -> Option<RawSwitch> {
        let is_switch = matches!(record.kind, PERF_RECORD_SWITCH | PERF_RECORD_SWITCH_CPU_WIDE);
        self.trace.as_ref().filter(|_| is_switch)?.read_switch(record)
    }

    /// Decodes a sample up to its call chain; `None` if it cannot be decoded.
    pub(super) fn decode_to_chain<'a>(&self, record: &Record<'a>, order: ByteOrder) -> Option<RawSample<'a>> {
        let event = self.finder.find_once(record.body, order)?;
        let layout = &self.layouts[event];
        if self.are_off_cpu[event] {
            return off_cpu::decode(layout, record.body, order).ok();
        }
        let (sample, _) = layout.decode_to_chain(record.body, order).ok()?;
        Some(sample)
    }

    /// Clears the fields of a sample that no analysis reads. `redact_chain` redacts the call chain,
    /// `trace` the payload of a tracepoint. `None` if the sample cannot be decoded.
    #[cfg(feature = "pack")]
    pub(super) fn redact(
        &self,
        trace: &TraceReader,
        order: ByteOrder,
        body: &mut [u8],
        redact_chain: impl FnOnce(&mut [u8]),
    ) -> Option<()> {
        let event = self.finder.find_once(body, order)?;
        self.layouts.get(event)?.redact(body, order, redact_chain, |payload| trace.redact(event, payload))
    }
}
