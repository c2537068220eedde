//! The event that is recorded for each packet.

use crate::error::{Error, Result};
use crate::model::{Event, EventId, Recording, Tracepoint};

/// The tracepoints for packets, the best first. A probe on the function that answers pings is hit
/// only by packets that somebody waits for.
const PACKET_TRACEPOINTS: [Tracepoint; 3] =
    [Tracepoint::IcmpEchoProbe, Tracepoint::NetifReceive, Tracepoint::GroReceive];

/// The command that records packets best.
pub const RECORD: &str =
    "perf record -a -g -k CLOCK_MONOTONIC --all-cgroups -e net:netif_receive_skb -- sleep 10";

/// The event to read packets from, by default the best one with records; and the other events for
/// packets.
///
/// # Errors
///
/// If the recording has no event of the `asked` name or, without a name, no event of packets.
pub(super) fn packet_event(recording: &Recording, asked: Option<&str>) -> Result<(EventId, Vec<EventId>)> {
    let events = &recording.about.events;
    let all_of = |tracepoint: Tracepoint| {
        let is_of_tracepoint = move |at: &usize| events[*at].tracepoint == Some(tracepoint);
        (0..events.len()).filter(is_of_tracepoint).map(EventId::from_index)
    };
    let mut usable: Vec<EventId> = PACKET_TRACEPOINTS.into_iter().flat_map(all_of).collect();
    let chosen = match asked {
        Some(asked) => {
            let is_asked = |event: &Event| event.is_tracepoint && event.name == asked;
            events.iter().position(is_asked).map(EventId::from_index)
        }
        None => usable.iter().find(|event| events[event.index()].records > 0).or(usable.first()).copied(),
    };
    let event = chosen.ok_or_else(|| no_event(recording, asked))?;
    usable.retain(|other| *other != event);
    Ok((event, usable))
}

/// Why there is no event of packets.
fn no_event(recording: &Recording, asked: Option<&str>) -> Error {
    if let Some(why) = recording.diagnostics.iter().find(|diagnostic| diagnostic.is_missing_formats()) {
        let remedy = why.remedy.as_deref().unwrap_or_default();
        return Error::input(&recording.about.file, &*why.message, remedy);
    }
    let names: Vec<&str> = recording.about.events.iter().map(|event| event.name.as_str()).collect();
    let names = names.join(", ");
    match asked {
        Some(asked) => Error::Usage(format!(
            "--packet-event {}: no tracepoint or probe of the recording has this name; it holds {names}",
            crate::model::clean(asked)
        )),
        None => Error::input(
            &recording.about.file,
            format!("no event tells of packets; it holds {names}"),
            format!("record with: {RECORD}; or name another event with --packet-event"),
        ),
    }
}
