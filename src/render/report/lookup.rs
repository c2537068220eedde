//! How to find out which pod or container a culprit ran in: the recording has the ids alone.

use crate::model::{Cgroup, CgroupId, Recording};

/// The command that names what has the ids of a control group, in lines that a shell takes as one
/// command; none if it is of no pod and no container.
///
/// The ids come from a path in the recording. [`Cgroup`] has only those of the expected form: no
/// other text of the path gets into a command. kubectl has no field selector for a pod's UID.
pub fn lines(recording: &Recording, cgroup: CgroupId) -> Vec<String> {
    let Some(cgroup) = recording.cgroup(cgroup) else { return Vec::new() };
    match cgroup {
        Cgroup { pod_uid: Some(uid), .. } => vec![
            "lookup    kubectl get pods -A -o \\".to_owned(),
            "            custom-columns=N:metadata.namespace,P:metadata.name,U:metadata.uid |".to_owned(),
            format!("            grep {uid}"),
        ],
        Cgroup { container_id: Some(id), path, .. } => {
            // Docker's command knows nothing of containers of others.
            let command = match recording.name(*path).contains("docker") {
                true => format!("docker ps -a --filter id={}", start_of(id)),
                false => format!("crictl ps -a --id {}", start_of(id)),
            };
            vec![format!("lookup    {command}")]
        }
        Cgroup { pod_uid: None, container_id: None, .. } => Vec::new(),
    }
}

/// The beginning of a container's id, which tells containers of a node apart.
pub fn start_of(id: &str) -> &str {
    const LENGTH: usize = 12;
    &id[..id.len().min(LENGTH)]
}
