//! Confidence: how sure a stall is, given its findings.

use super::findings::{Finding, Weight};
use super::kind::Family;
use super::result::Confidence;

/// The confidence of a stall with these findings. If the machine itself stood still, or may have,
/// all witnesses tell no more than that.
pub(super) fn confidence(findings: &[&Finding], may_be_machine: bool) -> Confidence {
    if may_be_machine {
        return Confidence::Low;
    }
    let family = |finding: &&Finding| finding.kind.family(finding.weight == Weight::Exact);
    let mut families: Vec<Family> = findings.iter().map(family).collect();
    families.sort_unstable();
    families.dedup();
    let strongest = findings.iter().map(|finding| finding.weight).max();
    match (strongest, families.len()) {
        (Some(Weight::Exact), 2..) => Confidence::High,
        (Some(Weight::Exact | Weight::Strong), _) | (_, 2..) => Confidence::Medium,
        _ => Confidence::Low,
    }
}
