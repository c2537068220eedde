//! Known causes: those that the path of a culprit shows, and how sure that is.
//!
//! A cause counts if at least half of the culprit's samples have one of its patterns, and its other
//! conditions hold. A cause that is mended in the recording's kernel does not count.

mod matcher;
mod result;

use indexmap::IndexMap;

use crate::causes::Causes;
use crate::model::Recording;

use super::contexts::Contexts;
use super::holder::Holder;

pub(crate) use matcher::{Matcher, Subject};
pub use result::{Certainty, KnownCause, Why};

/// The causes that at least half of these stalls have, the surest first. A cause is as sure as in
/// the stall in which it is surest.
pub(crate) fn common<'k>(stalls: impl ExactSizeIterator<Item = &'k Vec<KnownCause>>) -> Vec<KnownCause> {
    let count = stalls.len();
    let mut by_name: IndexMap<&str, (usize, &KnownCause)> = IndexMap::new();
    for one in stalls.flatten() {
        let (stalls, surest) = by_name.entry(&one.cause.name).or_insert((0, one));
        *stalls += 1;
        if one.certainty < surest.certainty {
            *surest = one;
        }
    }
    let often = by_name.into_values().filter(|(stalls, _)| 2 * stalls >= count);
    let mut all: Vec<KnownCause> = often
        .map(|(stalls, surest)| KnownCause { share: stalls as f64 / count as f64, ..surest.clone() })
        .collect();
    all.sort_by(KnownCause::by_certainty);
    all
}

/// The known causes that the first sample of `recording` shows, whoever it hit. It is for trying a
/// stack.
pub fn of_first_sample(recording: &Recording, causes: &Causes) -> Vec<KnownCause> {
    let samples = recording.timelines.iter().flat_map(|timeline| &timeline.samples);
    let Some(sample) = samples.min_by_key(|sample| sample.time_ns) else { return Vec::new() };
    let contexts = Contexts::of(recording);
    let context = contexts.get(sample.stack);
    let (holder, path) = match (context.is_nested, contexts.handler(sample.stack)) {
        (false, _) => (Holder::Task(recording.task(sample.task).comm), context.path),
        (true, handler) => (context.softirq().map_or(Holder::Interrupt(None), Holder::Softirq), handler),
    };
    let Some(path) = path else { return Vec::new() };
    let subject = Subject { holder: Some(holder), has_hole: true };
    Matcher::new(recording, causes).find(&contexts, subject, &[(path, 1)], 1)
}
