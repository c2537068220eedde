//! The paths that dominate windows before ksoftirqd ran, compared: whether one dominates a larger
//! or a smaller share of them after a change.

use std::collections::BTreeSet;

use crate::analyses::statistics::{Table, fisher_exact_stratified};

use super::corrected::corrected;
use super::dominated::Dominated;
use super::names::CulpritName;
use super::result::{Changes, PathChange};
use super::side::Side;

fn dominated(side: &Side) -> Dominated {
    let mut all = Dominated::default();
    side.recordings.iter().for_each(|summary| all.add(&summary.windows));
    all
}

/// Compares the paths of both sides; `None` if one of them has no window.
pub(super) fn compare(before: &Side, after: &Side) -> Option<Changes<PathChange>> {
    let (before, after) = (dominated(before), dominated(after));
    let (before_windows, after_windows) = (before.all(), after.all());
    if before_windows == 0 || after_windows == 0 {
        return None;
    }
    let names: BTreeSet<&CulpritName> = before.paths.keys().chain(after.paths.keys()).collect();
    let p_value = |name: &CulpritName| {
        let table = |one: &Dominated, other: &Dominated, cpu: u32| Table {
            windows: one.windows.get(&cpu).copied().unwrap_or(0),
            windows_with: one.on(name, cpu),
            baseline: other.windows.get(&cpu).copied().unwrap_or(0),
            baseline_with: other.on(name, cpu),
        };
        // Other CPUs would change nothing.
        let cpus: BTreeSet<u32> = before.cpus(name).chain(after.cpus(name)).collect();
        let more: Vec<Table> = cpus.iter().map(|&cpu| table(&after, &before, cpu)).collect();
        let fewer: Vec<Table> = cpus.iter().map(|&cpu| table(&before, &after, cpu)).collect();
        let tail = |tables: &[Table]| fisher_exact_stratified(tables).p_value;
        (2.0 * tail(&more).min(tail(&fewer))).min(1.0)
    };
    let names: Vec<&CulpritName> = names.into_iter().collect();
    let p_values = corrected(&names.iter().map(|name| p_value(name)).collect::<Vec<f64>>());
    let change = |(name, p_value): (&&CulpritName, f64)| PathChange {
        name: (*name).clone(),
        before: before.with(name),
        before_windows,
        after: after.with(name),
        after_windows,
        p_value,
    };
    let changes = names.iter().zip(p_values).map(change);
    Some(Changes::new(changes.collect(), |change| change.p_value))
}
