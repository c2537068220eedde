//! How to find out which pod or container a culprit ran in: the recording has the ids alone.

use crate::model::{Cgroup, CgroupId, Recording};

/// The command that looks up the pod or container of a control group, in parts: a line may be
/// broken between two of them. There is none if the group is of no pod and no container.
///
/// The ids come from a path in the recording. [`Cgroup`] has only those of the expected form: no
/// other text of the path gets into a command. kubectl has no field selector for a pod's UID.
pub fn command(recording: &Recording, cgroup: CgroupId) -> Vec<String> {
    let Some(cgroup) = recording.cgroup(cgroup) else { return Vec::new() };
    match cgroup {
        Cgroup { pod_uid: Some(uid), .. } => vec![
            "kubectl get pods -A -o".to_owned(),
            "custom-columns=N:metadata.namespace,P:metadata.name,U:metadata.uid |".to_owned(),
            format!("grep {uid}"),
        ],
        Cgroup { container_id: Some(id), path, .. } => {
            // Docker's command knows nothing of containers of others.
            vec![match recording.name(*path).contains("docker") {
                true => format!("docker ps -a --filter id={}", start_of(id)),
                false => format!("crictl ps -a --id {}", start_of(id)),
            }]
        }
        Cgroup { pod_uid: None, container_id: None, .. } => Vec::new(),
    }
}

/// The command as lines of a report, which a shell takes as one.
pub fn lines(recording: &Recording, cgroup: CgroupId) -> Vec<String> {
    let parts = command(recording, cgroup);
    let last = parts.len().saturating_sub(1);
    let line = |(number, part): (usize, &String)| {
        let label = if number == 0 { "lookup    " } else { "            " };
        // After a pipe, a shell goes on by itself.
        let end = if number == last || part.ends_with('|') { "" } else { " \\" };
        format!("{label}{part}{end}")
    };
    parts.iter().enumerate().map(line).collect()
}

/// The beginning of a container's id, which tells containers of a node apart.
pub fn start_of(id: &str) -> &str {
    const LENGTH: usize = 12;
    &id[..id.len().min(LENGTH)]
}
