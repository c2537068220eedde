//! Candidates: the paths that the ranking tests, and the candidates that a sample counts for.

use rustc_hash::{FxHashMap, FxHashSet};

use crate::analyses::contexts::{Contexts, PathId};
use crate::analyses::shares::FOLLOW;

use super::compared::Compared;
use super::finder::{Candidate, Work};

/// The candidates, each with its number: its index in `all`.
pub(super) struct Candidates {
    pub all: Vec<Candidate>,
    numbers: FxHashMap<Candidate, usize>,
    /// For each work, the candidate path closest to its path: the path itself or its nearest
    /// caller. This saves most look-ups, because few paths continue a candidate's path.
    nearest: Vec<Option<PathId>>,
}

impl Candidates {
    /// The candidates of these CPUs' windows.
    pub fn new(contexts: &Contexts, cpus: &[Compared]) -> Self {
        let all = candidates(contexts, cpus);
        let numbers: FxHashMap<Candidate, usize> = (all.iter().copied()).zip(0..).collect();
        let tried: FxHashSet<PathId> = all.iter().map(|candidate| candidate.path).collect();
        let mut nearest: Vec<Option<PathId>> = vec![None; Work::BEFORE_PATHS];
        for path in contexts.paths() {
            let of_caller = || nearest[Work::from_path(contexts.parent(path)?).index()];
            nearest.push(if tried.contains(&path) { Some(path) } else { of_caller() });
        }
        Candidates { all, numbers, nearest }
    }

    /// The path closest to `work` that a candidate has; `None` if no candidate counts it.
    pub fn nearest(&self, work: Work) -> Option<PathId> {
        self.nearest[work.index()]
    }

    /// The numbers of the candidates that a sample of this comm and path counts for: those with the
    /// same path or with a caller of it.
    pub fn counting(&self, contexts: &Contexts, sample: Candidate) -> impl Iterator<Item = usize> {
        let nearest = |path: PathId| self.nearest(Work::from_path(path));
        let paths =
            std::iter::successors(nearest(sample.path), move |&inner| nearest(contexts.parent(inner)?));
        paths.filter_map(move |path| self.numbers.get(&Candidate { path, ..sample }).copied())
    }
}

/// The paths to test: those that dominate windows. Paths that continue each other form one
/// candidate, which is followed inward as far as most of their windows reach.
fn candidates(contexts: &Contexts, cpus: &[Compared]) -> Vec<Candidate> {
    let windows = cpus.iter().flat_map(|cpu| &cpu.judged);
    let mut dominating: Vec<Candidate> = windows.filter_map(|judged| judged.stretch.dominating).collect();
    // Deepest first, so that a shorter path finds those that continue it.
    dominating.sort_by_key(|candidate| std::cmp::Reverse(contexts.depth(candidate.path)));
    // Each group: its deepest path, and the depths of all its paths.
    let mut groups: Vec<(Candidate, Vec<u32>)> = Vec::new();
    let mut group_of: FxHashMap<Candidate, usize> = FxHashMap::default();
    for candidate in dominating {
        let depth = contexts.depth(candidate.path);
        if let Some(&group) = group_of.get(&candidate) {
            groups[group].1.push(depth);
            continue;
        }
        for path in contexts.outwards(candidate.path) {
            group_of.entry(Candidate { path, ..candidate }).or_insert(groups.len());
        }
        groups.push((candidate, vec![depth]));
    }
    // The depths are sorted, the deepest first: the depth that the share FOLLOW of the windows
    // reach is at that share of the list.
    let reached_by_most = |depths: &[u32]| depths[FOLLOW.least_part(depths.len() as u64) as usize - 1];
    let common = |(deepest, depths): (Candidate, Vec<u32>)| {
        let depth = reached_by_most(&depths);
        let mut outwards = contexts.outwards(deepest.path);
        let path = outwards.find(|outer| contexts.depth(*outer) == depth).unwrap_or(deepest.path);
        Candidate { path, ..deepest }
    };
    let mut candidates: Vec<Candidate> = groups.into_iter().map(common).collect();
    candidates.sort_unstable();
    candidates.dedup();
    candidates
}
