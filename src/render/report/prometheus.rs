//! A check in Prometheus' text format, for the textfile collector of node_exporter.
//!
//! Values are in base units. There are no timestamps, which the collector refuses, and few series.
//! The format is described at <https://prometheus.io/docs/instrumenting/exposition_formats/>, the
//! collector is node_exporter's collector/textfile.go.

use std::collections::BTreeSet;
use std::fmt::Write;

use crate::analyses::check::{Check, Status};
use crate::analyses::stalls::Holder;
use crate::model::{NameId, Recording};
use crate::render::subject;

/// The most culprits with series of their own.
const CULPRITS_SHOWN: usize = 5;

/// The label of a holder: a comm as it is, since a label has quotes of its own.
fn label(recording: &Recording, holder: Holder<NameId>) -> String {
    match holder {
        Holder::Task(comm) => recording.name(comm).to_owned(),
        holder => subject::holder(recording, holder).into_owned(),
    }
}

/// The page for `check` of `recording`.
pub fn text(recording: &Recording, check: &Check) -> String {
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
    let culprits = || {
        check.culprits.iter().take(CULPRITS_SHOWN).map(|culprit| {
            let system_call =
                culprit.owner.map_or("", |owner| subject::work(recording, owner, culprit.system_call));
            let cpu = culprit.cpu.to_string();
            let labels = [
                ("cpu", cpu),
                ("comm", label(recording, culprit.holder)),
                ("syscall", system_call.to_owned()),
            ];
            (labels, culprit)
        })
    };
    page.family(
        "culprit_stalls",
        "Stalls by who held the CPU, those with the most stalled time only.",
        culprits().map(|(labels, culprit)| (labels, culprit.stalls as f64)),
    );
    page.family(
        "culprit_stalled_seconds",
        "Time of stalls by who held the CPU, those with the most only.",
        culprits().map(|(labels, culprit)| (labels, seconds(culprit.stalled_ns))),
    );
    page.0
}

/// The page for a recording that cannot be checked.
pub fn text_of_failure() -> String {
    let mut page = Page::default();
    page.conclusive(false);
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
        self.family(name, help, [([], value)].into_iter());
    }

    /// Appends the series of one name; nothing if there are none.
    fn family<const N: usize>(
        &mut self,
        name: &str,
        help: &str,
        series: impl Iterator<Item = ([(&'static str, String); N], f64)>,
    ) {
        let mut series = series.peekable();
        if series.peek().is_none() {
            return;
        }
        let page = &mut self.0;
        // Writing to a `String` cannot fail.
        let _ = write!(page, "# HELP stallgraph_{name} {help}\n# TYPE stallgraph_{name} gauge\n");
        for (labels, value) in series {
            let labels: Vec<String> =
                labels.iter().map(|(label, value)| format!("{label}=\"{}\"", escaped(value))).collect();
            let labels = if labels.is_empty() { String::new() } else { format!("{{{}}}", labels.join(",")) };
            let _ = writeln!(page, "stallgraph_{name}{labels} {value}");
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
    fn label_values_are_escaped() {
        assert_eq!(escaped("a\\b\"c\nd"), "a\\\\b\\\"c\\nd");
    }
}
