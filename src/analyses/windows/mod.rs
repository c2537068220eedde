//! Windows: what ran before each episode of the trigger, the path that dominates each window, and
//! the ranking of these paths over all windows against the baseline. The unit of evidence is the
//! window, because samples within one window are not independent.

mod amount;
mod candidates;
mod compared;
mod dominating;
mod episodes;
mod evidence;
mod finder;
mod groups;
mod holes;
mod options;
mod places;
mod ranking;
mod result;
mod stretch;
mod stretch_summary;
mod summary;
mod triggers;
mod waits;

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use rayon::prelude::*;

use crate::causes::Causes;
use crate::model::{Recording, Timeline};

use super::contents;
use super::overloads;

use compared::Compared;
use episodes::{CpuEpisode, CpuEpisodes};
use finder::Finder;
use groups::Group;
use holes::Lane;
use stretch::Stretch;
use waits::Traced;

pub use options::{BEFORE_NS, Options, TriggerTasks};
pub use result::{Among, ComparedTo, CutBy, Dominating, Episode, LeftOut, Ranked, Verdict, Window, Windows};
pub(crate) use stretch_summary::StretchSummarizer;
pub use stretch_summary::StretchSummary;
pub use summary::Filler;
pub use triggers::Triggers;

/// Finds the episodes of `recording`, their windows, and the ranking.
pub fn find(recording: &Recording, options: &Options) -> Windows {
    let finder = Finder::new(recording, options);
    // The search for overloads has one task for each CPU, so one thread may take long. The others
    // rank paths meanwhile.
    let overloads = || overloads::find(recording, &finder.contexts, &options.selection);
    let (overloads, windows) = rayon::join(overloads, || find_and_rank(&finder));
    Windows { overloads, ..windows }
}

/// The same without overloads.
fn find_and_rank(finder: &Finder) -> Windows {
    let Finder { recording, options, .. } = *finder;
    let timelines: Vec<&Timeline> = options.selection.timelines(recording).collect();
    let traced = Traced::new(recording);
    let mut cpus: Vec<CpuEpisodes> =
        timelines.into_par_iter().map(|timeline| finder.episodes(timeline, traced)).collect();
    let triggered = cpus.iter().map(|cpu| cpu.all.len() as u64).sum();
    cpus.retain(|cpu| !cpu.all.is_empty());
    let (compared, mut ranking): (Vec<ComparedTo>, Vec<Vec<Ranked>>) = rank_groups(finder, &cpus).unzip();
    let tried: usize = ranking.iter().map(Vec::len).sum();
    ranking.iter_mut().for_each(|group| group.truncate(Windows::MOST_RANKED));
    let ranking = ranking.concat();
    let taken_by = |one: &CpuEpisode| (one.lead_in_ns, one.episode.end_ns);
    let taken =
        cpus.iter().map(|cpu| (cpu.lane.timeline.cpu, cpu.all.iter().map(taken_by).collect())).collect();
    let all = cpus.into_iter().flat_map(|cpu| cpu.all).map(|one| one.episode);
    let episodes: Vec<Episode> = all.filter(|episode| finder.is_meant(episode)).collect();
    let dominating =
        episodes.iter().filter_map(|episode| episode.dominating.as_ref()).map(|dominating| &dominating.path);
    let paths = dominating.chain(ranking.iter().map(|ranked| &ranked.path));
    let names = paths.flat_map(|path| path.functions.iter().chain(&path.beyond).copied()).collect();
    Windows {
        unnamed: contents::unnamed_among(recording, &names),
        overloads: Vec::new(),
        taken,
        episodes,
        compared,
        unlisted: (tried - ranking.len()) as u64,
        ranking,
        before_ns: options.before_ns,
        triggered,
        has_kernel_names: recording.has_kernel_names(),
        contexts: Arc::clone(&finder.contexts),
    }
}

/// Ranks the paths that dominate windows, group by group.
fn rank_groups(finder: &Finder, cpus: &[CpuEpisodes]) -> impl Iterator<Item = (ComparedTo, Vec<Ranked>)> {
    let rank = |group: Group| {
        let mut compared: Vec<Compared> = cpus.iter().map(|cpu| finder.compared(cpu, group)).collect();
        compared.retain(|cpu| !cpu.judged.is_empty());
        finder.rank(&compared, group.0)
    };
    Group::of(finder, cpus).into_iter().map(rank)
}

/// Ranks the paths that dominate given stretches of time: for each CPU its stretches, in order and
/// without overlap. The baseline is cut into pieces of the stretches' median length.
pub(crate) fn rank(recording: &Recording, stretches: &BTreeMap<u32, Vec<Range<u64>>>) -> Vec<Ranked> {
    let mut lengths: Vec<u64> = stretches.values().flatten().map(|time| time.end - time.start).collect();
    lengths.sort_unstable();
    let Some(&before_ns) = lengths.get(lengths.len() / 2).filter(|&&length| length > 0) else {
        return Vec::new();
    };
    let options = Options { before_ns, causes: Causes::none(), ..Options::without_trigger() };
    let finder = Finder::new(recording, &options);
    let of_cpus = stretches.iter().filter_map(|(cpu, times)| Some((recording.timeline(*cpu)?, times)));
    let lanes: Vec<(Lane, &Vec<Range<u64>>)> =
        of_cpus.map(|(timeline, times)| (finder.lane(timeline), times)).collect();
    let counted: Vec<Vec<Stretch>> =
        lanes.iter().map(|(lane, times)| finder.stretches(lane, times)).collect();
    let compared: Vec<Compared> = lanes
        .iter()
        .zip(&counted)
        .map(|((lane, times), stretches)| finder.compared_stretches(lane, times, stretches))
        .collect();
    finder.rank(&compared, Among::All).1
}
