//! The ranking: how much more often a path dominates windows than the baseline, and the verdict.

use std::cmp::{Ordering, Reverse};
use std::collections::BTreeMap;

use crate::analyses::causes::{KnownCause, Subject};
use crate::analyses::contexts::PathId;
use crate::analyses::paths::Owner;
use crate::analyses::statistics::{Exact, fisher_exact_stratified, tests_that_count};
use crate::model::{CgroupId, CodePlace, NameId};

use super::candidates::Candidates;
use super::compared::Compared;
use super::evidence::{AllEvidence, Evidence, Total};
use super::finder::{Candidate, Finder};
use super::places::Stacks;
use super::result::{Among, ComparedTo, Ranked, Verdict};
use super::stretch::{heaviest, most_frequent};

/// A path that holds the CPU for less than this share of a window is too brief to have stalled it.
const BRIEF: f64 = 0.1;
/// A path with a corrected p-value above this is at most a suspect.
const SIGNIFICANT: f64 = 0.05;
/// A path with a corrected p-value above this is not even a suspect.
const CHANCE: f64 = 0.25;
/// A path must be this many times as common in windows as elsewhere to stand out.
const STANDS_OUT: f64 = 2.0;

impl Finder<'_> {
    /// Ranks the paths that dominate what is judged on these CPUs, which is `among` all windows.
    pub(super) fn rank(&self, cpus: &[Compared], among: Among) -> (ComparedTo, Vec<Ranked>) {
        let candidates = Candidates::new(&self.contexts, cpus);
        let AllEvidence { each, total } = self.evidence(cpus, &candidates, among);
        let exact: Vec<Exact> =
            each.iter().map(|evidence| fisher_exact_stratified(&evidence.tables)).collect();
        let tests = tests_that_count(exact.iter().copied(), SIGNIFICANT);
        let p_values = exact.iter().map(|exact| (exact.p_value * tests).min(1.0));
        let with_evidence = candidates.all.into_iter().zip(each).zip(p_values);
        let mut ranking: Vec<Ranked> = with_evidence
            .map(|((candidate, evidence), p_value)| self.judge(candidate, evidence, p_value, total))
            .collect();
        let name = |ranked: &Ranked| ranked.holder.map(|comm| self.recording.name(comm));
        ranking.sort_by(|a, b| {
            (rank_of(a.verdict).cmp(&rank_of(b.verdict)))
                .then_with(|| match a.verdict {
                    Verdict::Culprit | Verdict::Lead => a.p_value.total_cmp(&b.p_value),
                    Verdict::Suspect | Verdict::Brief | Verdict::Common => Ordering::Equal,
                })
                .then(b.window_share.total_cmp(&a.window_share))
                .then_with(|| name(a).cmp(&name(b)))
        });
        (total.compared, ranking)
    }

    /// Judges a candidate by its evidence and its corrected p-value.
    fn judge(&self, candidate: Candidate, mut evidence: Evidence, p_value: f64, total: Total) -> Ranked {
        let median_held_ns = median(&mut evidence.held_ns);
        let path = self.path(candidate, &evidence.stacks);
        let places = self.places(candidate, path.function, &evidence.stacks);
        let verdict = match verdict(&evidence, p_value, median_held_ns, total) {
            Verdict::Culprit if path.owner == Owner::Unknown => Verdict::Lead,
            verdict => verdict,
        };
        let stands_out = verdict <= Verdict::Suspect;
        let causes = if stands_out { self.causes_of(candidate, &evidence.stacks) } else { Vec::new() };
        Ranked {
            holder: self.holder(candidate),
            causes,
            leaves: if path.functions.is_empty() { self.leaves(&places) } else { Vec::new() },
            path,
            windows: evidence.tables.iter().map(|table| table.windows_with).sum(),
            baseline_windows: evidence.tables.iter().map(|table| table.baseline_with).sum(),
            window_share: evidence.window_share(total),
            baseline_share: evidence.baseline_share(total),
            lift: evidence.lift(total),
            p_value,
            cpus: evidence.cpus,
            windows_on_cpus: evidence.windows_on_cpus,
            cgroup: most_frequent(evidence.cgroups.into_iter()).map_or(CgroupId::NONE, |(cgroup, _)| cgroup),
            median_held_ns,
            place: heaviest(places).map(|(place, _)| place),
            line: None,
            verdict,
            compared: total.compared,
        }
    }

    /// The known causes that a candidate's samples with these stacks show.
    fn causes_of(&self, candidate: Candidate, stacks: &Stacks) -> Vec<KnownCause> {
        let paths =
            stacks.iter().filter_map(|(&stack, &count)| Some((self.path_in(candidate, stack)?, count)));
        let paths: Vec<(PathId, u64)> = paths.collect();
        let subject = Subject { holder: Some(self.holder(candidate)), has_hole: false };
        self.causes.find(&self.contexts, subject, &paths, paths.iter().map(|(_, count)| count).sum())
    }

    /// The functions of these places, with their shares.
    fn leaves(&self, places: &BTreeMap<CodePlace, u64>) -> Vec<(NameId, f64)> {
        let mut samples: BTreeMap<NameId, u64> = BTreeMap::new();
        for (place, count) in places {
            let function = self.recording.function(self.recording.frames.function(place.frame));
            *samples.entry(function.name).or_default() += count;
        }
        let all: u64 = samples.values().sum();
        let mut leaves: Vec<(NameId, u64)> = samples.into_iter().collect();
        leaves.sort_by_key(|&(name, count)| (Reverse(count), self.recording.name(name)));
        leaves.into_iter().map(|(name, count)| (name, count as f64 / all as f64)).collect()
    }
}

/// The place of a verdict in the ranking. A path that is not significant is the less interesting
/// the less of the time it fills, whether brief or common.
fn rank_of(verdict: Verdict) -> u8 {
    match verdict {
        Verdict::Culprit => 0,
        Verdict::Lead => 1,
        Verdict::Suspect => 2,
        Verdict::Brief | Verdict::Common => 3,
    }
}

fn verdict(evidence: &Evidence, p_value: f64, held_ns: u64, total: Total) -> Verdict {
    let windows: u64 = evidence.tables.iter().map(|table| table.windows_with).sum();
    let has_baseline = total.compared.baseline_windows > 0;
    let stands_out = evidence.lift(total).is_none_or(|lift| lift >= STANDS_OUT);
    let is_brief = (held_ns as f64) < BRIEF * median(&mut evidence.window_ns.clone()) as f64;
    if !stands_out || has_baseline && p_value > CHANCE {
        Verdict::Common
    } else if is_brief {
        Verdict::Brief
    } else if windows < 2 || p_value > SIGNIFICANT {
        Verdict::Suspect
    } else {
        Verdict::Culprit
    }
}

/// The median; of an even number of values the greater of the two in the middle; 0 without values.
fn median(values: &mut [u64]) -> u64 {
    if values.is_empty() {
        return 0;
    }
    let middle = values.len() / 2;
    *values.select_nth_unstable(middle).1
}
