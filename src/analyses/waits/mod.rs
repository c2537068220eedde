//! Waits: what threads waited for off the CPU, ranked by the time that it took.
//!
//! Spans in which a thread had no CPU are added up by comm, by how the thread waited, and by where
//! in the kernel it gave its CPU away.

mod collector;
mod departures;
mod notes;
mod options;
mod queues;
mod result;
mod sampled;

use crate::error::Result;
use crate::model::Recording;

use super::off_cpu::each_span;

use collector::Collector;

pub use super::off_cpu::SpanFlaw;
pub use departures::{Departures, departures};
pub use notes::RECORD;
pub use options::Options;
pub use result::{Group, Longest, Queue, Source, Spot, State, ThreadSum, Waits, WakerKind};

/// Finds what threads waited for in `recording`, which must have been loaded with its events.
/// Where its samples are those of `perf record --off-cpu`, they are what is added up.
///
/// # Errors
///
/// If an undamaged recording has neither switches nor such samples, or its switches or wake-ups
/// were loaded as samples.
pub fn find(recording: &Recording, options: &Options) -> Result<Waits> {
    notes::refuse_samples(recording)?;
    let mut collector = Collector::new(recording, options);
    if recording.samples_off_cpu() {
        sampled::add(&mut collector);
        return Ok(collector.finish(Source::Samples, notes::of_samples()));
    }
    let scope = each_span(recording, |span| collector.add(&span));
    if !scope.switches && !recording.is_damaged() {
        return Err(notes::lacking(recording));
    }
    let notes = notes::of_switches(recording, scope);
    Ok(collector.finish(Source::Switches { has_wakings: scope.wakings }, notes))
}
