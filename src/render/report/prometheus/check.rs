//! A check as a page.

use std::collections::{BTreeMap, BTreeSet};

use crate::analyses::check::{Check, Status};
use crate::model::Recording;
use crate::render::subject;

use super::page::{Labels, Page, label, seconds};

/// The most culprits with series of their own in one page.
const CULPRITS_SHOWN: usize = 5;
/// The page for `check` of `recording`; `labels` are those of the page before.
pub fn text(recording: &Recording, check: &Check, mut labels: Labels) -> String {
    let mut page = Page::default();
    conclusive(&mut page, !matches!(check.status, Status::Unknown(_)));
    let is_stalling = f64::from(u8::from(check.status == Status::Stalling));
    page.gauge("stalling", "Whether the limits of the last check were reached.", is_stalling);
    let overloaded: BTreeSet<u32> = check.overloads.iter().map(|overload| overload.cpu).collect();
    page.gauge("overloaded_cpus", "CPUs that softirqs overloaded in it.", overloaded.len() as f64);
    page.gauge("stalls", "Stalls in the recording that was checked last.", check.stalls as f64);
    page.gauge("unsure_stalls", "Stalls in it that were not sure enough to count.", check.unsure as f64);
    page.gauge(
        "stalled_seconds",
        "Time in which at least one CPU was in one of these stalls.",
        seconds(check.stalled_ns),
    );
    page.gauge("longest_stall_seconds", "The longest of these stalls.", seconds(check.longest_ns));
    page.gauge(
        "recorded_seconds",
        "Length of the recording that was checked last.",
        seconds(check.duration_ns),
    );
    page.gauge("recorded_cpus", "CPUs in the recording that was checked last.", check.cpus as f64);
    page.gauge("lost_records", "Records that the kernel dropped from it.", recording.tally.lost as f64);
    // The number of stalls and their time in ns, by labels: several culprits may share theirs.
    let mut culprits: BTreeMap<String, (u64, u64)> = BTreeMap::new();
    for culprit in check.culprits.iter().take(CULPRITS_SHOWN) {
        let system_call =
            culprit.owner.map_or("", |owner| subject::work(recording, owner, culprit.system_call));
        let own = labels.admit(&label(recording, culprit.holder), system_call);
        let (stalls, ns) = culprits.entry(format!("cpu=\"{}\",{own}", culprit.cpu)).or_default();
        *stalls += culprit.stalls;
        *ns = ns.saturating_add(culprit.stalled_ns);
    }
    page.family(
        "culprit_stalls",
        "Stalls by who held the CPU, those with the most stalled time only.",
        culprits.iter().map(|(labels, (stalls, _))| (labels.as_str(), *stalls as f64)),
    );
    page.family(
        "culprit_stalled_seconds",
        "Time of stalls by who held the CPU, those with the most only.",
        culprits.iter().map(|(labels, (_, ns))| (labels.as_str(), seconds(*ns))),
    );
    page.remember(&labels);
    page.text()
}

/// The page for a recording that cannot be checked; `labels` are those of the page before.
pub fn text_of_failure(labels: &Labels) -> String {
    let mut page = Page::default();
    conclusive(&mut page, false);
    page.remember(labels);
    page.text()
}

fn conclusive(page: &mut Page, is_conclusive: bool) {
    page.gauge(
        "check_conclusive",
        "Whether the last check could tell if the node stalls.",
        f64::from(u8::from(is_conclusive)),
    );
}
