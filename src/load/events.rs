//! Events: which one is the sampling event, and what the recording says about itself and its
//! events.

use std::path::Path;

use rustc_hash::FxHashMap;

use crate::error::{Error, Result};
use crate::ingest::{Attribute, CoreEvent, Formats, Measure, SampleLayout, Source, is_off_cpu, tell_cpus};
use crate::model::{About, Clock, Event, Kept, Tracepoint, clean};

/// For each event, whether it is the sampling event: the `asked` one, else the [`best`]. On a
/// hybrid CPU it has a twin for each kind of core; all twins together sample the machine.
///
/// `recorded` says for each event whether it has records. It may stop looking at the first record
/// of one of the events that it is given.
pub(super) fn sampling_events(
    attributes: &[Attribute],
    asked: Option<&str>,
    recorded: &dyn Fn(&[bool]) -> Vec<bool>,
) -> Result<Vec<bool>> {
    let chosen =
        |is_chosen: &dyn Fn(&Attribute) -> bool| -> Vec<bool> { attributes.iter().map(is_chosen).collect() };
    let Some(asked) = asked else {
        return Ok(best(attributes, recorded));
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

/// The event whose samples say how long tasks were off the CPU, where no switches tell that better.
pub(super) fn off_cpu_event(attributes: &[Attribute]) -> Option<String> {
    let tells_switches = |attribute: &Attribute| {
        let tracepoint = tracepoint(attribute, &attribute.display_name());
        attribute.wants_switches() || tracepoint == Some(Tracepoint::Switch)
    };
    let mut names = attributes.iter().map(Attribute::display_name);
    names.find(|name| is_off_cpu(name)).filter(|_| !attributes.iter().any(tells_switches))
}

/// The event whose samples show time best, of those that have samples; the first of equals.
fn best(attributes: &[Attribute], recorded: &dyn Fn(&[bool]) -> Vec<bool>) -> Vec<bool> {
    let with_twins = |event: usize| -> Vec<bool> {
        let is_one =
            |(at, attribute): (usize, &Attribute)| at == event || attribute.is_twin_of(&attributes[event]);
        attributes.iter().enumerate().map(is_one).collect()
    };
    let measured = attributes.iter().enumerate();
    let measured = measured.filter_map(|(event, attribute)| Some((Measure::of(attribute)?, event)));
    let mut ranked: Vec<(Measure, usize)> = measured.collect();
    ranked.sort_unstable();
    let Some(&(_, first)) = ranked.first() else { return vec![false; attributes.len()] };
    let favourites = with_twins(first);
    if ranked.iter().all(|(_, event)| favourites[*event]) {
        return favourites;
    }
    let recorded = recorded(&favourites);
    let on_cores = recorded_on_cores(attributes, &recorded);
    let is_recorded_elsewhere =
        |(event, core)| on_cores.get(&event).is_some_and(|cores| cores.iter().any(|other| *other != core));
    let has_records = |(_, event): &&(Measure, usize)| {
        recorded[*event] || attributes[*event].on_cores().into_iter().any(is_recorded_elsewhere)
    };
    ranked.iter().find(has_records).map_or(favourites, |(_, event)| with_twins(*event))
}

/// For each event that may be counted on several kinds of cores, two kinds on which it has records,
/// or the one.
fn recorded_on_cores(attributes: &[Attribute], recorded: &[bool]) -> FxHashMap<CoreEvent, Vec<String>> {
    let mut on_cores: FxHashMap<CoreEvent, Vec<String>> = FxHashMap::default();
    for (attribute, _) in attributes.iter().zip(recorded).filter(|(_, has_records)| **has_records) {
        for (event, core) in attribute.on_cores() {
            let cores = on_cores.entry(event).or_default();
            if cores.len() < 2 && !cores.contains(&core) {
                cores.push(core);
            }
        }
    }
    on_cores
}

/// Whether an event is a candidate for the sampling event: it has the `asked` name, or if none is
/// asked for, its records are samples. [`sampling_events`] chooses among candidates.
pub(super) fn is_candidate(attribute: &Attribute, asked: Option<&str>) -> bool {
    let Some(asked) = asked else { return Measure::of(attribute).is_some() };
    let name = attribute.display_name();
    // `cycles` means `cycles:P` and `cpu_core/cycles/` too, and `irq:softirq_raise` means
    // `irq:softirq_raise/call-graph=no/`.
    let is_start = name.strip_prefix(asked).is_some_and(|rest| rest.starts_with(['/', ':']));
    let has_word = name.split(['/', ':']).any(|part| part == asked);
    let is_other_name = || {
        let meant = Attribute::from_name(asked).generic();
        meant.is_some() && meant == attribute.generic() && !attribute.is_tracepoint()
    };
    name == asked || is_start || has_word || is_other_name()
}

/// Whether the records of an event show frames if `-e` chooses it: those of a tracepoint without
/// call chains do not.
pub(super) fn may_be_sampled(attribute: &Attribute) -> bool {
    attribute.has_callchain() || !attribute.is_tracepoint()
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
        kept: kept(features.perf_version.as_deref(), features.command.iter().map(String::as_str)),
        cpus_online: features.cpus_online,
        cpus_available: features.cpus_available,
        asked_hz: asked_hz(&features.command),
        samples_interrupts_off: samples_in_nmi(source),
        clock: Clock { id: attributes.iter().find_map(Attribute::clock_id), wall: features.clock_reference },
        events: attributes
            .iter()
            .zip(sampling)
            .map(|(attribute, is_sampling)| event(attribute, *is_sampling, &source.header.formats))
            .collect(),
        ..About::default()
    }
}

/// Whether `stallgraph watch` kept the recording. It writes its own command line into each one.
pub(super) fn kept<'w>(version: Option<&str>, command: impl IntoIterator<Item = &'w str>) -> Kept {
    let is_own = version.is_some_and(|version| version.starts_with("stallgraph "));
    match command.into_iter().nth(1) {
        Some("watch") if is_own => Kept::ForStall,
        None if is_own => Kept::Unknown,
        _ => Kept::Always,
    }
}

/// Whether the recorded machine has a hardware event that samples code with interrupts off. On x86
/// counters overflow into an interrupt that is never masked. Other machines need more than the
/// recording tells (pseudo-NMI on arm64).
fn samples_in_nmi(source: &Source) -> bool {
    let features = &source.header.features;
    let is_x86 = features.arch.as_deref().is_some_and(|arch| arch == "x86_64" || arch.ends_with("86"));
    let has_pmu = features.pmus.iter().any(|pmu| pmu == "cpu" || pmu == "cpu_core");
    is_x86 && (has_pmu || source.header.attributes.iter().any(Attribute::counts_cycles))
}

/// The frequency that a command line of `perf record` asks for by `-F`.
fn asked_hz(command: &[String]) -> Option<u64> {
    let mut words = command.iter().map(String::as_str).take_while(|word| *word != "--");
    let word = words.by_ref().find(|word| word.starts_with("-F") || word.starts_with("--freq"))?;
    let value = word.trim_start_matches("--freq").trim_start_matches("-F").trim_start_matches('=');
    if value.is_empty() { words.next()?.parse().ok() } else { value.parse().ok() }
}

/// An event as the recording has it.
fn event(attribute: &Attribute, is_sampling: bool, formats: &Formats) -> Event {
    let layout = SampleLayout::new(attribute);
    let name = attribute.display_name();
    Event {
        is_sampling,
        samples_time: samples_time(attribute),
        is_tracepoint: attribute.is_tracepoint(),
        tracepoint: tracepoint(attribute, &name),
        lacks_format: attribute.is_tracepoint() && !formats.contains_key(&attribute.config),
        name: clean(&name).into_owned(),
        has_callchain: attribute.has_callchain(),
        has_branches: attribute.records_other_branches(),
        has_kernel_callchain: attribute.has_kernel_callchain(),
        has_time: layout.has_time(),
        // An event without records lacks nothing.
        has_cpu: tell_cpus(std::slice::from_ref(attribute)),
        frequency_hz: attribute.frequency_hz(),
        period: attribute.period(),
        counts_ns: attribute.counts_ns(),
        records: 0,
        unread: 0,
        is_perhaps_sampled: false,
    }
}

/// Whether the samples of an event show where time goes.
pub(super) fn samples_time(attribute: &Attribute) -> bool {
    Measure::of(attribute).is_some_and(Measure::is_time)
}

/// Which tracepoint an event is, of those that an analysis understands.
pub(super) fn tracepoint(attribute: &Attribute, name: &str) -> Option<Tracepoint> {
    Tracepoint::of_event(name).filter(|_| attribute.is_tracepoint())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_frequency_is_read_from_the_command_line() {
        for (command, hz) in [
            ("perf record -F 999 -g -- sleep 1", Some(999)),
            ("perf record -F999 -g", Some(999)),
            ("perf record --freq=4000 -a", Some(4000)),
            ("perf record --freq 4000 -a", Some(4000)),
            ("perf record -F max -a", None),
            ("perf record -a -- stress -F 5", None),
        ] {
            let words: Vec<String> = command.split(' ').map(str::to_owned).collect();
            assert_eq!(asked_hz(&words), hz, "{command}");
        }
    }

    #[test]
    fn what_watch_keeps_is_recognised() {
        for (version, command, expected) in [
            (Some("stallgraph 0.1.0"), &["/usr/bin/stallgraph", "watch", "--keep", "x"][..], Kept::ForStall),
            (Some("stallgraph 0.1.0"), &["stallgraph", "record", "--", "watch"], Kept::Always),
            (Some("stallgraph 0.1.0"), &[], Kept::Unknown),
            (Some("6.1.187"), &["perf", "watch"], Kept::Always),
            (None, &[], Kept::Always),
        ] {
            assert_eq!(kept(version, command.iter().copied()), expected, "{version:?} {command:?}");
        }
    }
}
