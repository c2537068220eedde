//! How long traced system calls took, by comm and name: a part of the durations that stands for all
//! of them, so that a summary stays small.

use std::collections::BTreeMap;

use crate::analyses::calls;
use crate::analyses::selection::Selection;
use crate::model::Recording;

/// The most durations that are kept of calls of one comm and name. With twice as many, each second
/// one is dropped.
const MOST: usize = 4096;

/// The comm, and the name of the system call.
pub(super) type CallName = (String, String);

/// The durations of calls of one comm and name.
#[derive(Clone, Debug)]
pub(super) struct Durations {
    /// Each `step`-th duration, in ns.
    pub some_ns: Vec<u64>,
    step: u64,
    /// How many calls there were.
    pub calls: u64,
}

impl Default for Durations {
    fn default() -> Durations {
        Durations { some_ns: Vec::new(), step: 1, calls: 0 }
    }
}

impl Durations {
    fn add(&mut self, duration_ns: u64) {
        if self.calls.is_multiple_of(self.step) {
            self.some_ns.push(duration_ns);
        }
        self.calls += 1;
        if self.some_ns.len() > 2 * MOST {
            let mut is_kept = false;
            self.some_ns.retain(|_| {
                is_kept = !is_kept;
                is_kept
            });
            self.step *= 2;
        }
    }
}

/// The durations of the whole calls that began on the selected CPUs in the selected time; `None` if
/// system calls were not traced.
pub(super) fn durations(
    recording: &Recording,
    selection: &Selection,
) -> Option<BTreeMap<CallName, Durations>> {
    let calls = calls::find(recording);
    let (first_ns, last_ns) = selection.time.bounds(recording);
    let mut by_name: BTreeMap<_, Durations> = BTreeMap::new();
    let whole = calls.all().iter().filter(|call| {
        let is_selected = selection.has_cpu(call.cpu) && (first_ns..=last_ns).contains(&call.start_ns);
        is_selected && call.is_whole() && call.doubt.is_none()
    });
    for call in whole {
        by_name.entry((recording.task(call.task).comm, call.name)).or_default().add(call.duration_ns());
    }
    let named = by_name.into_iter().map(|((comm, name), durations)| {
        ((recording.name(comm).to_owned(), recording.name(name).to_owned()), durations)
    });
    calls.is_traced.then(|| named.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_stands_for_all() {
        let mut durations = Durations::default();
        (0..1_000_000).for_each(|number| durations.add(number));
        let kept = &durations.some_ns;
        assert!((MOST..=2 * MOST).contains(&kept.len()), "{}", kept.len());
        let distances: Vec<u64> = kept.windows(2).map(|pair| pair[1] - pair[0]).collect();
        assert!(distances.iter().all(|distance| *distance == durations.step), "{distances:?}");
        assert_eq!(durations.calls, 1_000_000);
    }
}
