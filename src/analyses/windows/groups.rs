//! Groups of windows that are ranked together: where some episodes served received packets, these
//! are one group, because only then packets waited, and the others are another.

use crate::model::{Softirq, TaskKind};

use super::episodes::CpuEpisodes;
use super::finder::Finder;
use super::result::{Among, Episode};

/// Windows that are ranked together.
#[derive(Clone, Copy)]
pub(super) struct Group(pub Among);

/// What an episode's window is to the comparison of a group.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// It is judged.
    Judged,
    /// Its time is baseline.
    Baseline,
    /// Neither.
    LeftOut,
}

impl Group {
    /// The groups of the windows of these CPUs, those to rank first first.
    ///
    /// Without call chains few samples show which softirq they served, so there is one group.
    pub fn of(finder: &Finder, cpus: &[CpuEpisodes]) -> Vec<Group> {
        let mut episodes = cpus.iter().flat_map(|cpu| &cpu.all).map(|one| &one.episode);
        let is_receiving = |episode: &Episode| {
            episode.window.left_out.is_none() && finder.is_meant(episode) && finder.receives(episode)
        };
        let shows_softirqs = finder.recording.shows_kernel_callers();
        match shows_softirqs && finder.options.softirqs.is_none() && episodes.any(is_receiving) {
            true => vec![Group(Among::Receiving), Group(Among::Others)],
            false => vec![Group(Among::All)],
        }
    }

    /// The role of an episode's window. A window before an episode that served other softirqs than
    /// those of the group shows what is usual; before one of which no softirq is known it may be
    /// either.
    pub fn role(self, finder: &Finder, episode: &Episode) -> Role {
        let is_judged = finder.is_meant(episode)
            && match self.0 {
                Among::All => true,
                Among::Receiving => finder.receives(episode),
                Among::Others => !finder.receives(episode),
            };
        match is_judged {
            _ if episode.window.left_out.is_some() => Role::Baseline,
            true => Role::Judged,
            false if !finder.is_in_time(episode) || episode.softirqs.is_empty() => Role::LeftOut,
            false => Role::Baseline,
        }
    }
}

impl Finder<'_> {
    /// Whether an episode is one that the options ask for.
    pub(super) fn is_meant(&self, episode: &Episode) -> bool {
        let served =
            |softirqs: &Vec<Softirq>| softirqs.iter().any(|softirq| episode.softirqs.contains_key(softirq));
        self.is_in_time(episode) && self.options.softirqs.as_ref().is_none_or(served)
    }

    /// Whether an episode served received packets: in a softirq, or by a thread that does nothing
    /// else.
    fn receives(&self, episode: &Episode) -> bool {
        let is_napi = self.recording.task(episode.trigger).kind == TaskKind::NapiThread;
        is_napi || episode.softirqs.contains_key(&Softirq::NetRx)
    }

    fn is_in_time(&self, episode: &Episode) -> bool {
        let (first_ns, last_ns) = self.options.selection.time.bounds(self.recording);
        (first_ns..=last_ns).contains(&episode.start_ns)
    }
}
