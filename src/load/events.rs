//! Events: which one is the sampling event, and what the recording says about itself and its
//! events.

use std::path::Path;

use crate::error::{Error, Result};
use crate::ingest::{Attribute, SampleLayout, Source};
use crate::model::{About, Clock, Event, Tracepoint, clean};

/// For each event, whether it is the sampling event: the `asked` one, else the first that fits. On
/// a hybrid CPU it has a twin for each kind of core.
pub(super) fn sampling_events(attributes: &[Attribute], asked: Option<&str>) -> Result<Vec<bool>> {
    let chosen =
        |is_chosen: &dyn Fn(&Attribute) -> bool| -> Vec<bool> { attributes.iter().map(is_chosen).collect() };
    let Some(asked) = asked else {
        let mut candidates = attributes.iter().filter(|attribute| is_candidate(attribute, None));
        let samples_time = |attribute: &&Attribute| attribute.samples_time();
        let first = candidates.clone().find(samples_time).or_else(|| candidates.next());
        return Ok(chosen(&|attribute| {
            first.is_some_and(|first| std::ptr::eq(attribute, first) || attribute.is_twin_of(first))
        }));
    };
    let exact = chosen(&|attribute| attribute.display_name() == asked);
    if exact.contains(&true) {
        return Ok(exact);
    }
    let is_asked = |attribute: &Attribute| is_candidate(attribute, Some(asked));
    let mut matches = attributes.iter().filter(|attribute| is_asked(attribute));
    let first = matches.next();
    let is_one = first.is_some_and(|first| matches.all(|other| other.is_twin_of(first)));
    if is_one {
        return Ok(chosen(&is_asked));
    }
    let names: Vec<String> = attributes.iter().map(Attribute::display_name).collect();
    let which = if first.is_none() { "no event" } else { "more than one event" };
    Err(Error::Usage(
        clean(&format!("-e {asked}: {which} of the recording has this name; it holds {}", names.join(", ")))
            .into_owned(),
    ))
}

/// Whether an event is a candidate for the sampling event: it has the `asked` name, or if none is
/// asked for, it is neither a tracepoint nor a dummy. [`sampling_events`] chooses among candidates.
pub(super) fn is_candidate(attribute: &Attribute, asked: Option<&str>) -> bool {
    match asked {
        None => !attribute.is_tracepoint() && !attribute.is_dummy(),
        // `cycles` means `cycles:P` and `cpu_core/cycles/` too.
        Some(asked) => {
            let name = attribute.display_name();
            name == asked || name.split(['/', ':']).any(|part| part == asked)
        }
    }
}

/// What the recording says about itself. Its start and end are not known yet.
pub(super) fn about(source: &Source, path: &Path, file_bytes: u64, sampling: &[bool]) -> About {
    let features = &source.header.features;
    let text = |field: &Option<String>| field.as_ref().map(|text| clean(text).into_owned());
    let attributes = &source.header.attributes;
    About {
        file: clean(&path.to_string_lossy()).into_owned(),
        file_bytes,
        kernel: text(&features.os_release),
        hostname: text(&features.hostname),
        arch: text(&features.arch),
        perf_version: text(&features.perf_version),
        command: (!features.command.is_empty()).then(|| clean(&features.command.join(" ")).into_owned()),
        cpus_online: features.cpus_online,
        cpus_available: features.cpus_available,
        clock: Clock { id: attributes.iter().find_map(Attribute::clock_id), wall: features.clock_reference },
        events: attributes
            .iter()
            .zip(sampling)
            .map(|(attribute, is_sampling)| event(attribute, *is_sampling))
            .collect(),
        ..About::default()
    }
}

fn event(attribute: &Attribute, is_sampling: bool) -> Event {
    let layout = SampleLayout::new(attribute);
    let name = attribute.display_name();
    Event {
        is_sampling,
        is_tracepoint: attribute.is_tracepoint(),
        tracepoint: tracepoint(attribute, &name),
        name: clean(&name).into_owned(),
        has_callchain: attribute.has_callchain(),
        has_time: layout.has_time(),
        has_cpu: layout.has_cpu(),
        frequency_hz: attribute.frequency_hz(),
        period: attribute.period(),
        counts_ns: attribute.counts_ns(),
        records: 0,
    }
}

/// Which tracepoint an event is, of those that an analysis understands.
pub(super) fn tracepoint(attribute: &Attribute, name: &str) -> Option<Tracepoint> {
    Tracepoint::of_event(name).filter(|_| attribute.is_tracepoint())
}
