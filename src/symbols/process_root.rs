//! The root of a process (`/proc/PID/root`): in a container it is not ours, and paths that were recorded there mean files in it.
//!
//! Whoever is in the container can change it at any time, links above all. So the kernel itself resolves each path below that
//! root (openat2 with RESOLVE_IN_ROOT, Linux 5.6), and a file is opened for reading only once it is known to be a regular one.

use std::fs::{self, File};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::MetadataExt;

use rustix::fs::{Mode, OFlags, ResolveFlags};

/// The regular file that `path` is for a process.
pub fn open(process: i32, path: &str) -> Option<File> {
    open_as(process, path, ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS)
}

fn open_as(process: i32, path: &str, resolve: ResolveFlags) -> Option<File> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let root = rustix::fs::open(format!("/proc/{process}/root"), flags, Mode::empty()).ok()?;
    // Nothing happens to what is opened so.
    let place: OwnedFd =
        rustix::fs::openat2(root, path, OFlags::PATH | OFlags::CLOEXEC, Mode::empty(), resolve).ok()?;
    let place = File::from(place);
    let metadata = place.metadata().ok()?;
    // The files of /proc have no length, and some of them act.
    let is_regular = metadata.is_file() && metadata.len() > 0;
    is_regular.then(|| File::open(format!("/proc/self/fd/{}", place.as_raw_fd())).ok())?
}

/// The perf map of a process, which calls it by its id in its own container. It must belong to the process's user, or to root: who
/// asks for the roots of processes asks for what they wrote there.
pub fn open_perf_map(process: i32) -> Option<File> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let inner = inner_id(&status)?;
    open_list(process, &format!("/tmp/perf-{inner}.map"))
}

/// A list of functions that a process made and wrote to `path`, if it belongs to the process's user or to root.
pub fn open_list(process: i32, path: &str) -> Option<File> {
    // No link either: see Search::list.
    let resolve = ResolveFlags::IN_ROOT | ResolveFlags::NO_SYMLINKS;
    let file = open_as(process, path, resolve)?;
    let owner = file.metadata().ok()?.uid();
    let user = fs::metadata(format!("/proc/{process}")).ok()?.uid();
    (owner == user || owner == 0).then_some(file)
}

/// A process's id in the innermost of its namespaces, from the text of `/proc/PID/status` (`NStgid:`, outermost first).
fn inner_id(status: &str) -> Option<i32> {
    let ids = status.lines().find_map(|line| line.strip_prefix("NStgid:"))?;
    ids.split_whitespace().next_back()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_innermost_id_is_the_containers() {
        assert_eq!(inner_id("Name:\tjava\nNStgid:\t4711\t1\nPid:\t4711\n"), Some(1));
        assert_eq!(inner_id("NStgid:\t7\n"), Some(7));
        assert_eq!(inner_id("NStgid:\n"), None);
        assert_eq!(inner_id(""), None);
    }

    #[test]
    fn only_regular_files_below_the_root_are_opened() {
        let own = std::process::id() as i32;
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name).display().to_string();
        fs::write(path("file"), "x").unwrap();
        fs::write(path("empty"), "").unwrap();
        std::os::unix::fs::symlink(path("file"), path("link")).unwrap();
        let is_opened = |path: &str| open(own, path).is_some();
        // Where openat2 is not known or not allowed, nothing is opened at all.
        assert_eq!(is_opened(&path("link")), is_opened(&path("file")));
        assert!(!is_opened(&path("empty")));
        assert!(!is_opened(&path(".")));
        assert!(!is_opened("/dev/null"));
        assert!(!is_opened("/proc/self/mem"));
        assert!(!is_opened("/proc/self/exe"));
        assert!(open(i32::MAX, &path("file")).is_none());
    }
}
