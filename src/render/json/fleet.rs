//! The recordings of many nodes, as JSON.

use std::borrow::Cow;
use std::io::{self, Write};

use serde::Serialize;

use crate::analyses::fleet::{
    Association, Cause, Culprit, Drain, FleetReport, Group, Node, NodeName, Trend, Worst,
};
use crate::analyses::rows::Moment;
use crate::model::{Utc, clean};
use crate::render::report::fleet::sentence;

use super::view::{SCHEMA, write_document};

/// Writes `report`.
///
/// # Errors
///
/// If `out` does not take the bytes.
pub fn write(report: &FleetReport, out: &mut dyn Write) -> io::Result<()> {
    let totals = &report.totals;
    let document = Document {
        schema: SCHEMA,
        outcome: report.outcome().name(),
        min_stalls: report.options.min_stalls,
        min_share: report.options.min_share,
        totals: TotalsView {
            nodes: totals.nodes,
            judged: totals.judged,
            stalling: totals.stalling,
            drained: totals.drained,
            recordings: totals.recordings,
            kernels: totals
                .kernels
                .iter()
                .map(|(kernel, nodes)| KernelView { kernel, nodes: *nodes })
                .collect(),
            first_since_1970_ns: since_1970_ns(totals.first),
            first_at: at(totals.first),
            last_since_1970_ns: since_1970_ns(totals.last),
            last_at: at(totals.last),
            observed_ns: totals.observed_ns,
            stalls: totals.stalls,
            stalled_ns: totals.stalled_ns,
            unsure: totals.unsure,
            repeated: totals.repeated,
            min_ns: totals.min_ns.0,
            max_min_ns: totals.min_ns.1,
        },
        culprits: report.culprits.iter().map(culprit).collect(),
        nodes: report.nodes.iter().map(node).collect(),
        groups: report.groups.iter().map(|one| group(report, one)).collect(),
        twins: report.twins.iter().map(|twin| TwinView { file: &twin.file, of: &twin.of }).collect(),
        skipped: report.skipped.iter().map(|one| SkippedView { file: &one.file, why: &one.why }).collect(),
    };
    write_document(&document, out)
}

#[derive(Serialize)]
struct Document<'r> {
    schema: u32,
    outcome: &'static str,
    min_stalls: u64,
    min_share: f64,
    totals: TotalsView<'r>,
    culprits: Vec<CulpritView<'r>>,
    nodes: Vec<NodeView<'r>>,
    groups: Vec<GroupView<'r>>,
    twins: Vec<TwinView<'r>>,
    skipped: Vec<SkippedView<'r>>,
}

#[derive(Serialize)]
struct TotalsView<'r> {
    nodes: u64,
    judged: u64,
    stalling: u64,
    drained: u64,
    recordings: u64,
    kernels: Vec<KernelView<'r>>,
    first_since_1970_ns: Option<i128>,
    first_at: Option<Utc>,
    last_since_1970_ns: Option<i128>,
    last_at: Option<Utc>,
    observed_ns: u64,
    stalls: u64,
    stalled_ns: u64,
    unsure: u64,
    repeated: u64,
    min_ns: u64,
    max_min_ns: u64,
}

#[derive(Serialize)]
struct KernelView<'r> {
    kernel: &'r str,
    nodes: u64,
}

#[derive(Serialize)]
struct CulpritView<'r> {
    culprit: &'r str,
    nodes: u64,
    stalls: u64,
    stalled_ns: u64,
    longest_ns: u64,
    function: Option<&'r str>,
    first_since_1970_ns: Option<i128>,
    first_at: Option<Utc>,
    last_since_1970_ns: Option<i128>,
    last_at: Option<Utc>,
    #[serde(rename = "known")]
    cause: Option<CauseView<'r>>,
    associations: Vec<AssociationView<'r>>,
}

#[derive(Serialize)]
struct CauseView<'r> {
    name: &'r str,
    certainty: &'static str,
    stalls: u64,
}

#[derive(Serialize)]
struct AssociationView<'r> {
    key: &'r str,
    value: &'r str,
    is_label: bool,
    is_only: bool,
    affected: u64,
    affected_with: u64,
    others: u64,
    others_with: u64,
    p_value: f64,
    p_value_corrected: f64,
}

#[derive(Serialize)]
struct NodeView<'r> {
    node: Cow<'r, str>,
    is_host: bool,
    recordings: u64,
    kernels: &'r [String],
    labels: Vec<LabelView<'r>>,
    is_judged: bool,
    stalls: u64,
    stalled_ns: u64,
    longest_ns: u64,
    observed_ns: u64,
    share: Option<f64>,
    first_since_1970_ns: Option<i128>,
    first_at: Option<Utc>,
    last_since_1970_ns: Option<i128>,
    last_at: Option<Utc>,
    trend: Option<&'static str>,
    worst: Option<WorstView<'r>>,
    drain: Option<&'static str>,
}

#[derive(Serialize)]
struct LabelView<'r> {
    key: &'r str,
    value: &'r str,
}

#[derive(Serialize)]
struct WorstView<'r> {
    culprit: &'r str,
    stalls: u64,
    stalled_ns: u64,
}

#[derive(Serialize)]
struct GroupView<'r> {
    reason: &'static str,
    message: String,
    nodes: Vec<Cow<'r, str>>,
    recordings: u64,
}

#[derive(Serialize)]
struct TwinView<'r> {
    file: &'r str,
    of: &'r str,
}

#[derive(Serialize)]
struct SkippedView<'r> {
    file: &'r str,
    why: &'r str,
}

fn since_1970_ns(moment: Moment) -> Option<i128> {
    moment.map(|moment_us| i128::from(moment_us) * 1000)
}

fn at(moment: Moment) -> Option<Utc> {
    since_1970_ns(moment).map(Utc::from_ns)
}

fn name(name: &NodeName) -> Cow<'_, str> {
    let (NodeName::Host(text) | NodeName::OfFile(text)) = name;
    clean(text)
}

fn culprit(one: &Culprit) -> CulpritView<'_> {
    CulpritView {
        culprit: &one.culprit,
        nodes: one.nodes,
        stalls: one.stalls,
        stalled_ns: one.stalled_ns,
        longest_ns: one.longest_ns,
        function: one.function.as_deref(),
        first_since_1970_ns: since_1970_ns(one.first),
        first_at: at(one.first),
        last_since_1970_ns: since_1970_ns(one.last),
        last_at: at(one.last),
        cause: one.cause.as_ref().map(cause),
        associations: one.associations.iter().map(association).collect(),
    }
}

fn cause(cause: &Cause) -> CauseView<'_> {
    let certainty = if cause.is_sure { "sure" } else { "possible" };
    CauseView { name: &cause.name, certainty, stalls: cause.stalls }
}

fn association(found: &Association) -> AssociationView<'_> {
    let (key, value) = found.attribute.pair();
    AssociationView {
        key,
        value,
        is_label: found.attribute.is_label(),
        is_only: found.is_only,
        affected: found.affected,
        affected_with: found.affected_with,
        others: found.others,
        others_with: found.others_with,
        p_value: found.p_value,
        p_value_corrected: found.corrected,
    }
}

fn node(node: &Node) -> NodeView<'_> {
    NodeView {
        node: name(&node.name),
        is_host: node.name.host().is_some(),
        recordings: node.recordings,
        kernels: &node.kernels,
        labels: node.labels.iter().map(|(key, value)| LabelView { key, value }).collect(),
        is_judged: node.is_judged,
        stalls: node.stalls,
        stalled_ns: node.stalled_ns,
        longest_ns: node.longest_ns,
        observed_ns: node.observed_ns,
        share: node.share,
        first_since_1970_ns: since_1970_ns(node.first),
        first_at: at(node.first),
        last_since_1970_ns: since_1970_ns(node.last),
        last_at: at(node.last),
        trend: node.trend.map(Trend::name),
        worst: node.worst.as_ref().map(worst),
        drain: node.drain.map(Drain::name),
    }
}

fn worst(worst: &Worst) -> WorstView<'_> {
    WorstView { culprit: &worst.culprit, stalls: worst.stalls, stalled_ns: worst.stalled_ns }
}

fn group<'r>(report: &'r FleetReport, group: &Group) -> GroupView<'r> {
    let names = group.nodes.iter().filter_map(|at| report.nodes.get(*at));
    GroupView {
        reason: group.reason.name(),
        message: sentence(&group.reason),
        nodes: names.map(|node| name(&node.name)).collect(),
        recordings: group.recordings,
    }
}
