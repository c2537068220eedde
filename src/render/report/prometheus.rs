//! A check in Prometheus' text format, for the textfile collector of node_exporter.
//!
//! Values are in base units. There are no timestamps, which the collector refuses, and few series:
//! anybody can call a process as he likes, and Prometheus keeps each series that it ever saw. So
//! only the first fifty culprits of a page's life have series of their own. Comments in the page,
//! which Prometheus ignores, remember them.
//! The format is described at <https://prometheus.io/docs/instrumenting/exposition_formats/>, the
//! collector is node_exporter's collector/textfile.go.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use crate::analyses::check::{Check, Status};
use crate::analyses::stalls::Holder;
use crate::model::{NameId, Recording};
use crate::render::subject;

/// The most culprits with series of their own in one page.
const CULPRITS_SHOWN: usize = 5;
/// The most culprits with series of their own in all pages that follow one another.
const MOST_LABELS: usize = 50;
/// What a line that remembers a culprit begins with.
const REMEMBERED: &str = "# known culprit ";

/// The labels of the culprits that pages have had.
#[derive(Debug, Default)]
pub struct Labels(BTreeSet<String>);

impl Labels {
    /// The labels that `page`, the one before, remembers.
    pub fn of(page: &str) -> Labels {
        let remembered = page.lines().filter_map(|line| line.strip_prefix(REMEMBERED));
        Labels(remembered.take(MOST_LABELS).map(str::to_owned).collect())
    }

    /// The labels of a culprit: its own, or those of all others if there are too many.
    fn admit(&mut self, comm: &str, system_call: &str) -> String {
        let labels =
            |comm, system_call| format!("comm=\"{}\",syscall=\"{}\"", escaped(comm), escaped(system_call));
        let own = labels(comm, system_call);
        let is_known = self.0.contains(&own) || self.0.len() < MOST_LABELS && self.0.insert(own.clone());
        if is_known { own } else { labels("other", "other") }
    }
}

/// The label of a holder: a comm as it is, since a label has quotes of its own.
fn label(recording: &Recording, holder: Holder<NameId>) -> String {
    match holder {
        Holder::Task(comm) => recording.name(comm).to_owned(),
        holder => subject::holder(recording, holder).into_owned(),
    }
}

/// The page for `check` of `recording`; `labels` are those of the page before.
pub fn text(recording: &Recording, check: &Check, mut labels: Labels) -> String {
    let mut page = Page::default();
    page.conclusive(!matches!(check.status, Status::Unknown(_)));
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
    page.0
}

/// The page for a recording that cannot be checked; `labels` are those of the page before.
pub fn text_of_failure(labels: &Labels) -> String {
    let mut page = Page::default();
    page.conclusive(false);
    page.remember(labels);
    page.0
}

/// Seconds, exact to the ns for times below 104 days.
fn seconds(ns: u64) -> f64 {
    ns as f64 / 1e9
}

#[derive(Default)]
struct Page(String);

impl Page {
    fn conclusive(&mut self, is_conclusive: bool) {
        self.gauge(
            "check_conclusive",
            "Whether the last check could tell if the node stalls.",
            f64::from(u8::from(is_conclusive)),
        );
    }

    fn gauge(&mut self, name: &str, help: &str, value: f64) {
        self.family(name, help, [("", value)].into_iter());
    }

    /// Appends the series of one name, each with its labels; nothing if there are none.
    fn family<'l>(&mut self, name: &str, help: &str, series: impl Iterator<Item = (&'l str, f64)>) {
        let mut series = series.peekable();
        if series.peek().is_none() {
            return;
        }
        let page = &mut self.0;
        // Writing to a `String` cannot fail.
        let _ = write!(page, "# HELP stallgraph_{name} {help}\n# TYPE stallgraph_{name} gauge\n");
        for (labels, value) in series {
            let labels = if labels.is_empty() { String::new() } else { format!("{{{labels}}}") };
            let _ = writeln!(page, "stallgraph_{name}{labels} {value}");
        }
    }

    /// Remembers the culprits for the page that comes next.
    fn remember(&mut self, labels: &Labels) {
        for labels in &labels.0 {
            let _ = writeln!(self.0, "{REMEMBERED}{labels}");
        }
    }
}

/// A label's value with backslash, quote and line feed escaped.
fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn culprits_of_a_pages_life_are_few() {
        let mut labels = Labels::default();
        for round in 0..10 {
            let mut page = Page::default();
            for at in 0..20 {
                let own = labels.admit(&format!("evil\n\"{round}-{at}"), "read");
                assert_eq!(own.starts_with("comm=\"other\""), round * 20 + at >= MOST_LABELS, "{own}");
            }
            page.remember(&labels);
            labels = Labels::of(&page.0);
        }
        assert_eq!(labels.0.len(), MOST_LABELS);
        assert!(labels.admit("evil\n\"0-0", "read").contains("evil"));
        let hostile = format!("{REMEMBERED}x\n").repeat(1000);
        assert_eq!(Labels::of(&hostile).0.len(), 1);
    }

    #[test]
    fn label_values_are_escaped() {
        assert_eq!(escaped("a\\b\"c\nd"), "a\\\\b\\\"c\\nd");
    }
}
