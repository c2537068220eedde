//! Windows: what ran before each episode of the trigger, the path that dominates each window, and
//! the ranking of these paths over all windows against the baseline. The unit of evidence is the
//! window, because samples within one window are not independent.

mod candidates;
mod dominating;
mod episodes;
mod evidence;
mod finder;
mod options;
mod ranking;
mod result;
mod stretch;
mod stretch_summary;
mod summary;
mod triggers;

use std::collections::BTreeMap;
use std::ops::Range;

use rayon::prelude::*;

use crate::model::{Recording, Timeline};

use super::contents;

use episodes::CpuWindows;
use finder::Finder;

pub use options::{BEFORE_NS, KSOFTIRQD, Options};
pub use result::{CutBy, Dominating, Episode, Ranked, Verdict, Window, Windows};
pub(crate) use stretch_summary::StretchSummarizer;
pub use stretch_summary::StretchSummary;
pub use summary::Filler;
pub use triggers::Triggers;

/// Finds the episodes of `recording`, their windows, and the ranking.
pub fn find(recording: &Recording, options: &Options) -> Windows {
    let finder = Finder::new(recording, options);
    let timelines: Vec<&Timeline> = options.selection.timelines(recording).collect();
    let mut cpus: Vec<CpuWindows> =
        timelines.into_par_iter().map(|timeline| finder.cpu_windows(timeline)).collect();
    let triggered = cpus.iter().map(|cpu| cpu.triggered).sum();
    cpus.retain(|cpu| !cpu.episodes.is_empty());
    let ranking = finder.rank(&cpus);
    let baseline_windows = cpus.iter().fold(0u64, |sum, cpu| sum.saturating_add(cpu.baseline.count()));
    let taken = cpus.iter_mut().map(|cpu| (cpu.timeline.cpu, std::mem::take(&mut cpu.taken))).collect();
    let episodes: Vec<Episode> = cpus.into_iter().flat_map(|cpu| cpu.episodes).collect();
    let dominating =
        episodes.iter().filter_map(|episode| episode.dominating.as_ref()).map(|dominating| &dominating.path);
    let paths = dominating.chain(ranking.iter().map(|ranked| &ranked.path));
    let names = paths.flat_map(|path| path.functions.iter().copied()).collect();
    Windows {
        unnamed: contents::unnamed_among(recording, &names),
        taken,
        episodes,
        ranking,
        baseline_windows,
        before_ns: options.before_ns,
        triggered,
        has_kernel_names: recording.has_kernel_names(),
        contexts: finder.contexts,
    }
}

/// Ranks the paths that dominate given stretches of time: for each CPU its stretches, in order and
/// without overlap. The baseline is cut into pieces of the stretches' median length.
pub(crate) fn rank(recording: &Recording, stretches: &BTreeMap<u32, Vec<Range<u64>>>) -> Vec<Ranked> {
    let mut lengths: Vec<u64> = stretches.values().flatten().map(|time| time.end - time.start).collect();
    lengths.sort_unstable();
    let Some(&before_ns) = lengths.get(lengths.len() / 2).filter(|&&length| length > 0) else {
        return Vec::new();
    };
    let options = Options { before_ns, ..Options::without_trigger() };
    let finder = Finder::new(recording, &options);
    let cpus: Vec<CpuWindows> = stretches
        .iter()
        .filter_map(|(cpu, stretches)| Some(finder.cpu_stretches(recording.timeline(*cpu)?, stretches)))
        .collect();
    finder.rank(&cpus)
}
