//! Events: which of them is the sampling event, and what the recording says about itself.

use std::path::Path;

use crate::error::{Error, Result};
use crate::ingest::{Attribute, SampleLayout, Source};
use crate::model::{About, Clock, Event, EventId, clean};

/// Chooses the sampling event: with its twins on other kinds of cores, if the CPU is a hybrid.
pub(super) fn sampling_events(attributes: &[Attribute], asked: Option<&str>) -> Result<Vec<EventId>> {
    let ids = |is_chosen: &dyn Fn(&Attribute) -> bool| -> Vec<EventId> {
        let chosen = attributes.iter().enumerate().filter(|(_, attribute)| is_chosen(attribute));
        chosen.map(|(index, _)| EventId::from_index(index)).collect()
    };
    let Some(asked) = asked else {
        let first = attributes.iter().find(|attribute| !attribute.is_tracepoint() && !attribute.is_dummy());
        return Ok(match first {
            Some(first) => ids(&|other| std::ptr::eq(other, first) || other.is_twin_of(first)),
            None => Vec::new(),
        });
    };
    let exact = ids(&|attribute| attribute.display_name() == asked);
    if !exact.is_empty() {
        return Ok(exact);
    }
    // `cycles` means `cycles:P` and `cpu_core/cycles/` too.
    let part = |attribute: &Attribute| attribute.display_name().split(['/', ':']).any(|part| part == asked);
    let by_part = ids(&part);
    let is_one = |events: &[EventId]| {
        events.windows(2).all(|pair| attributes[pair[0].index()].is_twin_of(&attributes[pair[1].index()]))
    };
    if !by_part.is_empty() && is_one(&by_part) {
        return Ok(by_part);
    }
    let names: Vec<String> =
        attributes.iter().map(|attribute| clean(&attribute.display_name()).into_owned()).collect();
    let which = if by_part.is_empty() { "no event" } else { "more than one event" };
    Err(Error::Usage(format!(
        "-e {}: {which} of the recording has this name; it holds {}",
        clean(asked),
        names.join(", ")
    )))
}

/// What the recording says about itself; its first and last moment are not known yet.
pub(super) fn about(source: &Source, path: &Path, file_bytes: usize, sampling: &[EventId]) -> About {
    let features = &source.header.features;
    let text = |field: &Option<String>| field.as_ref().map(|text| clean(text).into_owned());
    let attributes = &source.header.attributes;
    About {
        file: clean(&path.to_string_lossy()).into_owned(),
        file_bytes: file_bytes as u64,
        kernel: text(&features.os_release),
        hostname: text(&features.hostname),
        arch: text(&features.arch),
        perf_version: text(&features.perf_version),
        command: (!features.command.is_empty()).then(|| clean(&features.command.join(" ")).into_owned()),
        cpus_online: features.cpus_online,
        cpus_available: features.cpus_available,
        clock: Clock { id: attributes.iter().find_map(Attribute::clock_id), wall: features.clock_reference },
        events: attributes.iter().map(|attribute| event(attribute, source)).collect(),
        sampling: sampling.to_vec(),
        ..About::default()
    }
}

fn event(attribute: &Attribute, source: &Source) -> Event {
    let layout = SampleLayout::new(attribute, source.header.order);
    Event {
        name: clean(&attribute.display_name()).into_owned(),
        is_tracepoint: attribute.is_tracepoint(),
        has_callchain: attribute.has_callchain(),
        has_time: layout.has_time(),
        has_cpu: layout.has_cpu(),
        frequency_hz: attribute.frequency_hz(),
        period: attribute.period(),
        counts_ns: attribute.counts_ns(),
        records: 0,
    }
}
