//! Packets: when, where and in which context each was handled, the gap before it, and the backlogs
//! that were handled after long gaps.

mod backlogs;
mod causes;
mod context;
mod event;
mod finder;
mod notes;
mod options;
mod result;

use std::cmp::Reverse;

use rustc_hash::FxHashMap;

use crate::error::Result;
use crate::model::{EventId, Recording};

use super::calls;

use finder::Finder;

pub use backlogs::AT_ONCE_NS;
pub use event::RECORD;
pub use options::Options;
pub use result::{Backlog, Cause, Context, Packet, Packets};

/// Finds the packets of `recording`, which must have been loaded with its events.
///
/// # Errors
///
/// If the recording has no event for packets, or none with the name that `options` asks for.
pub fn find(recording: &Recording, options: &Options) -> Result<Packets> {
    let (event, others) = event::packet_event(recording, options.event.as_deref())?;
    let calls = calls::find(recording);
    let mut finder = Finder::new(recording, options, event, &calls);
    for timeline in options.selection.timelines(recording) {
        finder.add_cpu(timeline);
    }
    let Finder { packets, backlogs, .. } = finder;
    let name = |event: EventId| recording.about.events[event.index()].name.clone();
    let is_context_known = packets.iter().all(|packet| packet.context != Context::Unknown) || calls.is_traced;
    Ok(Packets {
        notes: notes::notes(&recording.about.events[event.index()], is_context_known),
        event: name(event),
        other_events: others.into_iter().map(name).collect(),
        contexts: contexts(&packets),
        packets,
        backlogs,
        gap_ns: options.gap_ns,
    })
}

/// The number of packets in each context, the most frequent first.
fn contexts(packets: &[Packet]) -> Vec<(Context, u64)> {
    let mut counts: FxHashMap<Context, u64> = FxHashMap::default();
    packets.iter().for_each(|packet| *counts.entry(packet.context).or_default() += 1);
    let mut contexts: Vec<(Context, u64)> = counts.into_iter().collect();
    contexts.sort_by_key(|(context, packets)| (Reverse(*packets), *context));
    contexts
}
