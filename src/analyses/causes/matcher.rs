//! The matcher: the causes whose patterns stand on given paths.

use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::sync::{Arc, OnceLock};

use rustc_hash::FxHashMap;

use crate::analyses::contexts::{Contexts, Owner, PathId};
use crate::analyses::holder::Holder;
use crate::causes::{Alternative, Cause, Causes, Version};
use crate::model::{NameId, Recording};

use super::result::{Certainty, KnownCause, Why};

/// Whose samples are looked at.
#[derive(Clone, Copy)]
pub(crate) struct Subject {
    /// The holder, with tasks of one comm as one; `None` if the CPU was in user space while
    /// ksoftirqd waited.
    pub holder: Option<Holder<NameId>>,
    /// Whether samples are missing, because interrupts were off.
    pub has_hole: bool,
}

/// Finds the causes that paths of one recording show.
pub(crate) struct Matcher<'r> {
    recording: &'r Recording,
    causes: &'r Causes,
    /// Worked out when the first culprit is looked at: most recordings have none.
    functions: OnceLock<Functions>,
}

/// The functions that patterns name.
struct Functions {
    /// The steps of patterns that a function is, by its name. Few functions are any.
    steps: FxHashMap<NameId, Vec<Step>>,
    /// Of each pattern the number of its cause, and how many steps it has.
    patterns: Vec<(usize, usize)>,
}

/// One function of a pattern.
#[derive(Clone, Copy, PartialEq)]
struct Step {
    /// The number of the pattern, over all causes.
    pattern: usize,
    /// Its place in the pattern.
    at: usize,
}

impl<'r> Matcher<'r> {
    pub fn new(recording: &'r Recording, causes: &'r Causes) -> Matcher<'r> {
        Matcher { recording, causes, functions: OnceLock::new() }
    }

    /// The causes that at least half of `samples` show, the surest first. The samples hit these
    /// paths, each so many times.
    pub fn find(
        &self,
        contexts: &Contexts,
        subject: Subject,
        paths: &[(PathId, u64)],
        samples: u64,
    ) -> Vec<KnownCause> {
        let mut showing = vec![0; self.causes.iter().len()];
        for &(path, weight) in paths {
            for cause in self.shown(contexts, path) {
                showing[cause] += weight;
            }
        }
        let owners = || paths.iter().map(|&(path, _)| contexts.owner(path));
        let are_flat = owners().next().is_some() && owners().all(|owner| owner == Owner::Unknown);
        let judge = |(cause, &shown): (&Arc<Cause>, &u64)| {
            let is_shown = match cause.paths.is_empty() {
                true => cause.condition.is_machine || cause.condition.is_user_space,
                false => shown > 0 && 2 * shown >= samples,
            };
            if !is_shown || !self.holds(cause, subject) {
                return None;
            }
            let share = if cause.paths.is_empty() { 1.0 } else { shown as f64 / samples as f64 };
            Some(KnownCause { cause: cause.clone(), certainty: self.certainty(cause, are_flat)?, share })
        };
        let mut all: Vec<KnownCause> = self.causes.iter().zip(&showing).filter_map(judge).collect();
        all.sort_by(KnownCause::by_certainty);
        all
    }

    /// Whether the other conditions of a cause hold.
    fn holds(&self, cause: &Cause, subject: Subject) -> bool {
        let condition = &cause.condition;
        let is_comm = |pattern: &regex_lite::Regex| {
            let task = subject.holder.and_then(Holder::task);
            task.is_some_and(|comm| pattern.is_match(self.recording.name(comm)))
        };
        condition.softirq.is_none_or(|softirq| subject.holder.and_then(Holder::softirq) == Some(softirq))
            && condition.is_machine == (subject.holder == Some(Holder::Machine))
            && condition.is_user_space == subject.holder.is_none()
            && condition.comm.as_ref().is_none_or(is_comm)
            && (!condition.interrupts_off || subject.has_hole)
    }

    /// How sure a cause is that a path shows; `None` if this kernel has it mended.
    fn certainty(&self, cause: &Cause, are_flat: bool) -> Option<Certainty> {
        let release = self.recording.about.kernel.as_deref();
        let version = release.and_then(Version::of_release);
        let kernels = cause.kernels;
        let is_mended = version.zip(kernels.fixed).is_some_and(|(version, fixed)| version >= fixed);
        if is_mended {
            return None;
        }
        let has_bounds = kernels.fixed.is_some() || kernels.since.is_some();
        let why = if are_flat {
            Some(Why::NoCallers)
        } else if cause.paths.is_empty() {
            Some(Why::NoPath)
        } else if version.is_none() && has_bounds {
            Some(Why::UnknownKernel)
        } else if version.zip(kernels.since).is_some_and(|(version, since)| version < since) {
            Some(Why::EarlierKernel)
        } else if kernels.fixed.is_some() && release.is_some_and(Version::may_be_mended_earlier) {
            Some(Why::Backports)
        } else {
            None
        };
        Some(why.map_or(Certainty::Sure, Certainty::Possible))
    }

    /// The numbers of the causes of which a pattern stands on this path.
    fn shown(&self, contexts: &Contexts, path: PathId) -> Vec<usize> {
        let functions = self.functions.get_or_init(|| self.functions());
        let of_path = |path| functions.steps.get(&contexts.name(path)?);
        let outwards: Vec<&Vec<Step>> = contexts.outwards(path).filter_map(of_path).collect();
        let mut reached: FxHashMap<usize, usize> = FxHashMap::default();
        for step in outwards.into_iter().rev().flatten() {
            let next = reached.entry(step.pattern).or_default();
            if *next == step.at {
                *next += 1;
            }
        }
        let patterns = reached.into_iter().map(|(pattern, steps)| (functions.patterns[pattern], steps));
        let whole = patterns.filter(|((_, all), steps)| all == steps);
        let mut causes: Vec<usize> = whole.map(|((cause, _), _)| cause).collect();
        causes.sort_unstable();
        causes.dedup();
        causes
    }

    /// The functions that patterns name.
    fn functions(&self) -> Functions {
        let steps = Steps::new(self.causes);
        let names: BTreeSet<NameId> = self
            .recording
            .functions
            .iter()
            .filter(|function| function.is_named_kernel())
            .map(|function| function.name)
            .collect();
        let found = names.into_iter().map(|name| (name, steps.of(self.recording.name(name))));
        let patterns =
            self.causes.iter().enumerate().flat_map(|(number, cause)| {
                cause.paths.iter().map(move |pattern| (number, pattern.steps.len()))
            });
        Functions {
            steps: found.filter(|(_, steps)| !steps.is_empty()).collect(),
            patterns: patterns.collect(),
        }
    }
}

/// The steps of all patterns, by the names that they have.
struct Steps<'c> {
    whole: FxHashMap<&'c str, Vec<Step>>,
    with_stars: Vec<(&'c Alternative, Step)>,
}

impl<'c> Steps<'c> {
    fn new(causes: &'c Causes) -> Steps<'c> {
        let mut all = Steps { whole: FxHashMap::default(), with_stars: Vec::new() };
        let patterns = causes.iter().flat_map(|cause| &cause.paths);
        for (number, pattern) in patterns.enumerate() {
            for (at, step) in pattern.steps.iter().enumerate() {
                let step_of = Step { pattern: number, at };
                for alternative in &step.alternatives {
                    match alternative.whole_name() {
                        Some(name) => all.whole.entry(name).or_default().push(step_of),
                        None => all.with_stars.push((alternative, step_of)),
                    }
                }
            }
        }
        all
    }

    /// The steps that the function of this name is, the last of a pattern first: one function must
    /// not be two steps of it.
    fn of(&self, function: &str) -> Vec<Step> {
        let written = Alternative::as_written(function);
        let whole = self.whole.get(written).into_iter().flatten().copied();
        let with_stars = self.with_stars.iter().filter(|(alternative, _)| alternative.is_name_of(function));
        let mut steps: Vec<Step> = whole.chain(with_stars.map(|(_, step)| *step)).collect();
        steps.sort_by_key(|step| (step.pattern, Reverse(step.at)));
        steps.dedup();
        steps
    }
}
