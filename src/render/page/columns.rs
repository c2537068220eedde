//! The panorama as columns of numbers. Neighbours in a column are alike, so that they pack well.
//!
//! A number is written as unsigned LEB128. `assets/model.js` reads the columns in the same order.

use crate::analyses::panorama::{Entry, Panorama, Track};
use crate::analyses::stalls::Wait;
use crate::model::{Gap, Softirq};
use crate::render::folded;

use super::document::Strings;
use super::parts::Page;

/// The columns of a page's panorama; their texts go into `strings`.
pub(super) fn encode(page: &Page, strings: &mut Strings) -> Vec<u8> {
    let panorama = page.panorama;
    let mut out = Columns::default();
    let functions: Vec<_> = panorama.functions.iter().map(|&id| page.recording.function(id)).collect();
    for function in &functions {
        out.push(strings.add(&folded::function_text(page.recording.name(function.name))));
    }
    for function in &functions {
        let module = function.module.map(|id| strings.add_module(page.recording, id));
        out.push(module.map_or(0, |number| number + 1));
    }
    let stacks = panorama.stacks.get(1..).unwrap_or_default();
    for (number, stack) in (1..).zip(stacks) {
        out.push(number - u64::from(stack.parent));
    }
    stacks.iter().for_each(|stack| out.push(stack.function.into()));
    stacks.iter().for_each(|stack| out.push(stack.category as u64));
    panorama.tracks.iter().for_each(|track| out.track(panorama, track));
    let trips = page.at.map_or(&[][..], |(_, moments)| &moments.trips);
    out.deltas(trips.iter().map(|(end_ns, _)| end_ns.saturating_sub(panorama.start_ns)));
    trips.iter().for_each(|&(_, took_ns)| out.push(took_ns));
    out.bytes
}

#[derive(Default)]
struct Columns {
    bytes: Vec<u8>,
}

impl Columns {
    fn push(&mut self, mut number: u64) {
        while number >= 0x80 {
            self.bytes.push(number as u8 | 0x80);
            number >>= 7;
        }
        self.bytes.push(number as u8);
    }

    /// Each number less the one before it. The numbers ascend.
    fn deltas(&mut self, numbers: impl Iterator<Item = u64>) {
        let mut last = 0;
        for number in numbers {
            self.push(number.saturating_sub(last));
            last = number.max(last);
        }
    }

    fn track(&mut self, panorama: &Panorama, track: &Track) {
        let since = |time_ns: u64| time_ns.saturating_sub(panorama.start_ns);
        let entries = &track.entries;
        self.deltas(entries.iter().map(|entry| since(entry.start_ns)));
        for (at, entry) in entries.iter().enumerate() {
            let next_ns = entries.get(at + 1).map_or(panorama.end_ns, |next| next.start_ns);
            self.push(held(entry, next_ns));
        }
        entries.iter().for_each(|entry| self.push(entry.stack.into()));
        entries.iter().for_each(|entry| self.push(entry.task.into()));
        if panorama.thinned.is_some() {
            entries.iter().for_each(|entry| self.push(u64::from(entry.count) - 1));
        }
        let mut gaps: Vec<(&Gap, bool)> = track.lost.iter().map(|gap| (gap, false)).collect();
        gaps.extend(track.throttled.iter().map(|gap| (gap, true)));
        gaps.sort_by_key(|(gap, _)| gap.start_ns);
        self.deltas(gaps.iter().map(|(gap, _)| since(gap.start_ns)));
        gaps.iter().for_each(|(gap, _)| self.push(gap.end_ns.saturating_sub(gap.start_ns)));
        for (gap, is_throttled) in gaps {
            self.push(gap.records.min(u64::MAX >> 1) << 1 | u64::from(is_throttled));
        }
        let waits = &track.waits;
        self.deltas(waits.iter().map(|wait| since(wait.start_ns)));
        waits.iter().for_each(|wait| self.push(wait.end_ns - wait.start_ns));
        waits.iter().for_each(|wait| self.push(softirq_number(wait)));
        self.deltas(track.packets.iter().map(|(bin, _)| *bin));
        track.packets.iter().for_each(|&(_, count)| self.push(count));
    }
}

/// The length of an entry and whether it is idle, in one number: 0 or 1 if it lasts until the next,
/// as most do.
fn held(entry: &Entry, next_ns: u64) -> u64 {
    let length_ns = entry.end_ns.saturating_sub(entry.start_ns);
    let own = if entry.end_ns == next_ns { 0 } else { length_ns.saturating_add(1) };
    own.min(u64::MAX >> 1) << 1 | u64::from(entry.is_idle)
}

fn softirq_number(wait: &Wait) -> u64 {
    Softirq::ALL.iter().position(|softirq| *softirq == wait.softirq).unwrap_or_default() as u64
}
