//! A summary of the stalls of a recording: counts, the verdict, and the strongest evidence.

use std::cmp::Reverse;

use super::result::{Confidence, CulpritSummary, Evidence, Power, Sight, Stall, Stalls};
use super::witnesses::{Lack, Source, Witness};

/// How strong the evidence against the first culprit of a ranking is, the strongest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// At least one of its stalls is of medium or high confidence.
    Culprit,
    /// All of its stalls are of low confidence, but not all stalls of the recording are.
    Suspect,
    /// All stalls of the recording are of low confidence: each has one weak witness.
    Weak,
}

impl Stalls {
    /// How many stalls are of this confidence.
    pub fn count(&self, confidence: Confidence) -> usize {
        self.stalls.iter().filter(|stall| stall.confidence == confidence).count()
    }

    /// The CPUs that stalled, in ascending order.
    pub fn cpus(&self) -> Vec<u32> {
        let mut cpus: Vec<u32> = self.stalls.iter().map(|stall| stall.cpu).collect();
        cpus.sort_unstable();
        cpus.dedup();
        cpus
    }

    /// The first culprit of the ranking, and how strong the evidence against it is; `None` if no
    /// stall has a culprit.
    pub fn verdict(&self) -> Option<(Verdict, &CulpritSummary)> {
        let top = self.ranking.first()?;
        let has_sure = self.stalls.iter().any(|stall| stall.confidence >= Confidence::Medium);
        let verdict = match (has_sure, top.sure) {
            (false, _) => Verdict::Weak,
            (true, 0) => Verdict::Suspect,
            (true, _) => Verdict::Culprit,
        };
        Some((verdict, top))
    }

    /// The CPUs that were overloaded, in ascending order.
    pub fn overloaded_cpus(&self) -> Vec<u32> {
        let mut cpus: Vec<u32> = self.overloads.iter().map(|overloaded| overloaded.overload.cpu).collect();
        cpus.dedup();
        cpus
    }
}

impl Sight {
    /// The CPU whose records would have shown the fewest stalls, if one of the length that was
    /// asked for might be missing.
    pub fn weakest(&self) -> Option<Power> {
        let is_weak = |power: &&Power| power.shortest_ns.is_none_or(|ns| ns > self.min_ns);
        let weakness = |power: &&Power| (power.shortest_ns.is_none(), power.shortest_ns, Reverse(power.cpu));
        self.powers.iter().filter(is_weak).max_by_key(weakness).copied()
    }

    /// Whether the recording has this source of evidence.
    pub fn has(&self, source: Source) -> bool {
        self.witnesses.iter().any(|witness| witness.source == source && witness.lacks.is_none())
    }

    /// The witnesses that the recording lacks, each with the reason.
    pub fn lacking(&self) -> impl Iterator<Item = (&Witness, &Lack)> {
        self.witnesses.iter().filter_map(|witness| Some((witness, witness.lacks.as_ref()?)))
    }
}

impl Stall {
    /// The longest evidence of each witness, the exact witnesses first.
    pub fn strongest_evidence(&self) -> Vec<Evidence> {
        let mut longest: Vec<Evidence> = Vec::new();
        for evidence in &self.evidence {
            match longest.iter_mut().find(|other| other.kind.is_same_witness(&evidence.kind)) {
                Some(other) if other.duration_ns() < evidence.duration_ns() => *other = *evidence,
                Some(_) => {}
                None => longest.push(*evidence),
            }
        }
        longest.sort_by_key(|evidence| evidence.kind.rank());
        longest
    }
}
