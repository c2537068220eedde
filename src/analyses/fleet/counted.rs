//! The stalls that count: each of a node once.

use std::cmp::Reverse;

use super::facts::{Facts, Stalled};

/// Takes the stalls that count, by node, then by time; and how many are left out, since an
/// overlapping recording of the same node has them, too. `watch --keep` writes such recordings.
pub(super) fn counted(facts: &mut Facts) -> (Vec<Stalled>, u64) {
    let mut stalls = std::mem::take(&mut facts.stalls);
    let facts = &*facts;
    stalls.retain(|stall| facts.of(stall).twin_of.is_none());
    let order = |stall: &Stalled| {
        let recorded = facts.of(stall);
        // Clocks of recordings without the time of day have nothing to do with each other.
        let own_clock = if recorded.time.is_some() { None } else { Some(stall.recording) };
        (recorded.node, own_clock, stall.cpu, stall.begin_us, Reverse(stall.duration_ns), stall.recording)
    };
    stalls.sort_unstable_by_key(order);
    let before = stalls.len();
    let mut last: Option<Stalled> = None;
    stalls.retain(|stall| {
        let is_repeated = last.as_ref().is_some_and(|last| {
            let (one, other) = (facts.of(last), facts.of(stall));
            let have_time = one.time.is_some() && other.time.is_some();
            let is_same_cpu = one.node == other.node && last.cpu == stall.cpu;
            let is_elsewhere = last.recording != stall.recording && have_time;
            is_elsewhere && is_same_cpu && stall.begin_us < last.end_us()
        });
        if !is_repeated {
            last = Some(*stall);
        }
        !is_repeated
    });
    let repeated = (before - stalls.len()) as u64;
    stalls.sort_unstable_by_key(|stall| {
        (facts.of(stall).node, stall.begin_us, stall.cpu, stall.recording, stall.culprit)
    });
    (stalls, repeated)
}
