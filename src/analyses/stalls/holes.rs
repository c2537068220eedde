//! Witness from missing samples. If a clock takes no samples for a long time although the CPU was
//! busy, interrupts were off or the whole machine stood still.

use std::ops::Range;

use crate::analyses::shares::FOLLOW;
use crate::model::TraceKind;

use super::cpu::Cpu;
use super::findings::{Finding, Findings, Weight};
use super::kind::Kind;

/// The shortest hole, in sampling intervals.
const INTERVALS: u64 = 4;

/// The holes in `cpu`'s samples.
pub(super) fn find(cpu: &Cpu) -> Vec<Finding> {
    let least_ns = cpu.options.min_ns.max(cpu.interval_ns.saturating_mul(INTERVALS));
    let mut holes = Vec::new();
    for pair in cpu.samples().windows(2) {
        let time = pair[0].time_ns..pair[1].time_ns;
        let is_hole = time.end - time.start >= least_ns
            && !(cpu.is_idle(&pair[0]) && cpu.is_idle(&pair[1]))
            && cpu.is_busy_between(&time)
            && !cpu.is_lossy_in(&time)
            && !is_alive(cpu, &time);
        if is_hole {
            holes.push(Finding { kind: Kind::SampleHole, time, weight: Weight::Weak });
        }
    }
    holes
}

/// Whether events show other work of the CPU in `time`, shortened by a sampling interval at each
/// end.
fn is_alive(cpu: &Cpu, time: &Range<u64>) -> bool {
    let inner = time.start.saturating_add(cpu.interval_ns)..time.end.saturating_sub(cpu.interval_ns);
    let events = cpu.timeline.trace.between(inner.start, inner.end.max(inner.start));
    events.iter().any(|event| {
        matches!(
            event.kind,
            TraceKind::SoftirqEntry(_)
                | TraceKind::Switch { .. }
                | TraceKind::SwitchIn
                | TraceKind::SwitchOut { .. }
                | TraceKind::SystemCallEnter { .. }
        )
    })
}

/// The hole that covers most of `time`, if there is one.
pub(super) fn main_hole<'f>(findings: &'f Findings, time: &Range<u64>) -> Option<&'f Range<u64>> {
    let length = |time: &Range<u64>| time.end - time.start;
    let is_main = |finding: &&Finding| {
        finding.kind == Kind::SampleHole && FOLLOW.is_held(length(&finding.time), length(time))
    };
    findings.overlapping(time).find(is_main).map(|hole| &hole.time)
}
