//! Control groups: the pod and the container that a path belongs to, as named by kubelet,
//! containerd, CRI-O and docker.

use super::ids::NameId;

/// A control group: its path, and the pod and container in the path.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Cgroup {
    /// The path, safe to print.
    pub path: NameId,
    /// The UID of the pod, with dashes.
    pub pod_uid: Option<String>,
    /// The container's id: 64 hexadecimal digits.
    pub container_id: Option<String>,
}

impl Cgroup {
    /// Reads a path, which is interned as `name`.
    pub(crate) fn parse(path: &str, name: NameId) -> Self {
        Cgroup {
            path: name,
            pod_uid: path.split('/').rev().find_map(pod_uid),
            container_id: path.split('/').rev().find_map(container_id),
        }
    }
}

/// The UID in `pod3f2a9c1e-7b54-…` (cgroupfs driver) or
/// `kubepods-burstable-pod3f2a9c1e_7b54_….slice` (systemd driver, which keeps dashes for the
/// hierarchy).
fn pod_uid(component: &str) -> Option<String> {
    const LENGTH: usize = 36;
    let component = component.strip_suffix(".slice").unwrap_or(component);
    let (_, uid) = component.rsplit_once("pod")?;
    let uid = uid.replace('_', "-");
    let is_uid = uid.len() == LENGTH
        && uid.bytes().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        });
    is_uid.then_some(uid)
}

/// The id, which is alone (cgroupfs driver) or after the runtime's name: `cri-containerd-ID.scope`,
/// `crio-ID.scope`, `docker-ID.scope`.
fn container_id(component: &str) -> Option<String> {
    const LENGTH: usize = 64;
    let component = component.strip_suffix(".scope").unwrap_or(component);
    let id = component.rsplit('-').next()?;
    let is_id = id.len() == LENGTH && id.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_id.then(|| id.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pods_and_containers_of_every_driver() {
        let id = "a".repeat(64);
        let uid = "3f2a9c1e-7b54-4d0a-9e61-2c8d5a7f1b90";
        let slice = "kubepods-burstable-pod3f2a9c1e_7b54_4d0a_9e61_2c8d5a7f1b90.slice";
        for (path, pod, container) in [
            (format!("/kubepods.slice/x.slice/{slice}/cri-containerd-{id}.scope"), true, true),
            (format!("/kubepods/burstable/pod{uid}/{id}"), true, true),
            (format!("/kubepods.slice/{slice}/crio-{id}.scope/container"), true, true),
            (format!("/system.slice/docker-{id}.scope"), false, true),
            (format!("/docker/{id}"), false, true),
            ("/system.slice/podman.service".to_owned(), false, false),
            ("/".to_owned(), false, false),
        ] {
            let cgroup = Cgroup::parse(&path, NameId(0));
            assert_eq!(cgroup.pod_uid.as_deref(), pod.then_some(uid), "{path}");
            assert_eq!(cgroup.container_id.as_deref(), container.then_some(id.as_str()), "{path}");
        }
    }
}
