//! Groups: nodes of which less can be said than of others, and why.

use std::collections::BTreeMap;

use crate::model::NameId;

use super::facts::{Facts, Recorded};
use super::result::{Group, Node, Reason};
use super::status::Status;

/// The groups of these nodes, which are ranked.
pub(super) fn groups(facts: &Facts, nodes: &[Node]) -> Vec<Group> {
    let mut recordings: BTreeMap<usize, Vec<&Recorded>> = BTreeMap::new();
    for (_, recorded) in facts.counting() {
        recordings.entry(recorded.node).or_default().push(recorded);
    }
    let mut groups: BTreeMap<Reason, Group> = BTreeMap::new();
    for (at, node) in nodes.iter().enumerate() {
        let Some(entered) = facts.nodes.get_index_of(&node.name) else { continue };
        let recordings = recordings.get(&entered).map(Vec::as_slice).unwrap_or_default();
        for (reason, count) in reasons(facts, node, recordings) {
            let new = || Group { reason: reason.clone(), nodes: Vec::new(), recordings: 0 };
            let group = groups.entry(reason.clone()).or_insert_with(new);
            group.nodes.push(at);
            group.recordings += count;
        }
    }
    let mut groups: Vec<Group> = groups.into_values().collect();
    groups.iter_mut().for_each(|group| group.nodes.sort_by_key(|at| &nodes[*at].name));
    groups
}

/// Why less can be said of a node, each with the number of its recordings.
fn reasons(facts: &Facts, node: &Node, recordings: &[&Recorded]) -> Vec<(Reason, u64)> {
    let count = |is_such: fn(&Recorded) -> bool| recordings.iter().filter(|one| is_such(one)).count() as u64;
    let mut reasons = Vec::new();
    if !node.is_judged {
        let doubt = doubt(recordings).map(|doubt| facts.names.get(doubt).to_owned());
        reasons
            .push((Reason::Unknown(doubt.unwrap_or_default()), count(|one| one.status == Status::Unknown)));
    }
    if node.name.host().is_none() {
        reasons.push((Reason::NoHost, recordings.len() as u64));
    }
    reasons.extend([
        (Reason::NoTime, count(|one| one.time.is_none())),
        (Reason::NoNames, count(|one| !one.has_names)),
        (Reason::Damaged, count(|one| one.is_damaged)),
        (Reason::Overloaded, count(|one| one.is_overloaded)),
    ]);
    reasons.retain(|(_, count)| *count > 0);
    reasons
}

/// The doubt of most of these recordings.
fn doubt(recordings: &[&Recorded]) -> Option<NameId> {
    let mut counts: BTreeMap<NameId, u64> = BTreeMap::new();
    recordings.iter().for_each(|recorded| *counts.entry(recorded.doubt).or_default() += 1);
    counts.into_iter().rev().max_by_key(|(_, count)| *count).map(|(doubt, _)| doubt)
}
