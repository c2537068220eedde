//! Confidence: how sure a stall is, by the findings that tell of it.

use super::findings::{Finding, Weight};
use super::result::{Confidence, Kind};

/// How sure the stall is that `findings` tell of.
pub(super) fn confidence(findings: &[&Finding]) -> Confidence {
    let mut families: Vec<Family> = findings.iter().map(|finding| Family::of(finding)).collect();
    families.sort_unstable();
    families.dedup();
    let strongest = findings.iter().map(|finding| finding.weight).max();
    match (strongest, families.len()) {
        (Some(Weight::Exact), 2..) => Confidence::High,
        (Some(Weight::Exact | Weight::Strong), _) | (_, 2..) => Confidence::Medium,
        _ => Confidence::Low,
    }
}

/// Witnesses of one family would be wrong together, so they do not confirm each other.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Family {
    Softirqs,
    Ksoftirqd,
    Samples,
    Handlers,
    Packets,
    Holes,
}

impl Family {
    fn of(finding: &Finding) -> Family {
        match finding.kind {
            Kind::SoftirqWait(_) => Family::Softirqs,
            Kind::KsoftirqdWait => Family::Ksoftirqd,
            Kind::KernelPath { .. } => Family::Samples,
            Kind::Handler { .. } if finding.weight == Weight::Exact => Family::Handlers,
            Kind::Handler { .. } => Family::Samples,
            // A sender that pauses, or a link that is down, silences both.
            Kind::NapiSilence | Kind::PacketBurst { .. } => Family::Packets,
            Kind::SampleHole => Family::Holes,
        }
    }
}
