//! Stalls of an overloaded CPU: those that its softirqs cause are counted, because each of them is
//! only a part of what the overload says.

use std::ops::Range;

use crate::analyses::holder::Holder;
use crate::analyses::overloads::Overload;
use crate::analyses::shares::DOMINATE;

use super::cpu::Cpu;
use super::result::Overloaded;
use super::stretches::Stretch;
use super::suspect::Suspect;

/// The overloads of `cpu` with the stretches that they cause, and the other stretches.
pub(super) fn take(cpu: &Cpu, stretches: Vec<Stretch>) -> (Vec<Overloaded>, Vec<Stretch>) {
    let overloaded = |overload: &Overload| Overloaded {
        overload: overload.clone(),
        stalls: 0,
        stalled_ns: 0,
        longest_ns: 0,
    };
    let mut all: Vec<Overloaded> = cpu.overloads.iter().map(overloaded).collect();
    let mut others = Vec::new();
    for stretch in stretches {
        let suspect = stretch.suspect.as_ref();
        let is_cause = |overloaded: &&mut Overloaded| {
            is_in(&overloaded.overload, &stretch.time) && causes(cpu, &overloaded.overload, suspect)
        };
        // The middle of the stretch is in the overload that most of it is in.
        let middle = stretch.time.start + (stretch.time.end - stretch.time.start) / 2;
        let first = all.partition_point(|overloaded| overloaded.overload.end_ns < middle);
        match all[first..].iter_mut().take(2).find(is_cause) {
            Some(overloaded) if stretch.is_long => {
                let length_ns = stretch.time.end - stretch.time.start;
                overloaded.stalls += 1;
                overloaded.stalled_ns = overloaded.stalled_ns.saturating_add(length_ns);
                overloaded.longest_ns = overloaded.longest_ns.max(length_ns);
            }
            Some(_) => {}
            None => others.push(stretch),
        }
    }
    (all, others)
}

/// Whether most of `time` is in the overload.
fn is_in(overload: &Overload, time: &Range<u64>) -> bool {
    let inside = overload.start_ns.max(time.start)..overload.end_ns.min(time.end);
    DOMINATE.is_held(inside.end.saturating_sub(inside.start), time.end - time.start)
}

/// Whether the overload made the suspect hold the CPU: it is the same softirq, or a thread that
/// serves softirqs. Where nobody is known, the overload is.
fn causes(cpu: &Cpu, overload: &Overload, suspect: Option<&Suspect>) -> bool {
    let Some(suspect) = suspect else { return true };
    match suspect.holder {
        Holder::Softirq(softirq) => overload.softirq.is_none_or(|(most, _)| most == softirq),
        Holder::Task(_) => cpu.recording.is_server(suspect.on_cpu),
        Holder::Interrupt(_) | Holder::Machine => false,
    }
}
