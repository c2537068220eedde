//! Power: which stalls a recording would have shown, had there been any.

use crate::analyses::statistics::combined;

use super::cpu::Cpu;
use super::kernel_paths;
use super::rates::Rates;
use super::result::{Limit, Power};

/// The rates of softirqs are looked at once in this time, in ns.
const PIECE_NS: u64 = 1_000_000_000;
/// The power that is asked for: the share of the time in which the stall would have been seen.
const POWER: f64 = 0.95;

/// The power of `cpu`'s records. `groups` is how many groups of visits were compared.
pub(super) fn power(cpu: &Cpu, rates: &Rates, groups: usize) -> Power {
    let of = |shortest_ns: Option<u64>, limit: Limit| Power { cpu: cpu.timeline.cpu, shortest_ns, limit };
    let knows_threads = !cpu.is_polled_by_threads || cpu.traced.all_wakings() && cpu.traced.switches();
    let waits = if cpu.traced.waits() && knows_threads {
        Power::exact(cpu.timeline.cpu)
    } else if cpu.samples().is_empty() || !cpu.shows_callers {
        of(None, Limit::Evidence)
    } else if !cpu.has_kernel_names {
        of(None, Limit::Names)
    } else {
        of(by_samples(cpu, rates, groups), Limit::Softirqs)
    };
    let holes = of(Some(by_silence(cpu)), Limit::Idle);
    match (waits.shortest_ns, holes.shortest_ns) {
        (Some(wait_ns), Some(hole_ns)) if hole_ns > wait_ns.max(2 * cpu.interval_ns) => holes,
        _ => waits,
    }
}

/// The length of the shortest stall that softirqs in samples show in most of the time: that of one
/// visit without any softirq that is reported, however few are in arrears after it.
fn by_samples(cpu: &Cpu, rates: &Rates, groups: usize) -> Option<u64> {
    let enough = enough(groups);
    let samples = cpu.samples();
    let (mut pieces, mut at) = (Vec::new(), 0);
    while at < samples.len() {
        // Infinite where no softirq was seen.
        let rate = rates.near(&(at..at)).rate * kernel_paths::NEVER_SEEN;
        pieces.push((1.0 / enough).ln() / rate);
        at = cpu.timeline.seek(at, samples[at].time_ns.saturating_add(PIECE_NS)).max(at + 1);
    }
    pieces.sort_unstable_by(f64::total_cmp);
    let least = pieces.get(((pieces.len() as f64 * POWER).ceil() as usize).checked_sub(1)?)?;
    // Samples that are not known to be inside, one at each end.
    let length_ns = (least + 2.0) * cpu.interval_ns as f64;
    // No shorter one is looked for.
    let length_ns = length_ns.max(cpu.options.min_ns as f64);
    (length_ns < cpu.recording.duration_ns() as f64).then_some(length_ns as u64)
}

/// The probability of the silence in a visit that is evidence among so many groups.
fn enough(groups: usize) -> f64 {
    let wanted = kernel_paths::WEAK / (groups + 1) as f64;
    let (mut low, mut high) = (f64::MIN_POSITIVE, 1.0f64);
    while high / low > 1.001 {
        let middle = (low * high).sqrt();
        if combined(&[middle, 1.0]) <= wanted { low = middle } else { high = middle }
    }
    low
}

/// The longest time in which interrupts may have been off unseen, in ns: if it is unknown whether
/// the CPU was idle, the longest without any record.
fn by_silence(cpu: &Cpu) -> u64 {
    if cpu.knows_idle || cpu.recording.samples_interrupts_off() {
        return cpu.interval_ns;
    }
    // A CPU may fall silent for the rest of the recording.
    let about = &cpu.recording.about;
    let (mut longest, mut last) = (0, about.start_ns);
    let mut events = cpu.timeline.trace.events.iter().map(|event| event.time_ns).peekable();
    let mut samples = cpu.samples().iter().map(|sample| sample.time_ns).peekable();
    loop {
        let at = match (events.peek(), samples.peek()) {
            (Some(event), Some(sample)) if event <= sample => events.next(),
            (Some(_), None) => events.next(),
            _ => samples.next(),
        };
        let Some(at) = at else { return longest.max(about.end_ns.saturating_sub(last)) };
        longest = longest.max(at.saturating_sub(last));
        last = at;
    }
}
