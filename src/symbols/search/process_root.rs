//! The root of a process (`/proc/PID/root`). A process in a container has another root than this
//! one, and its recorded paths are below that root.
//!
//! Programs in the container can change its files at any time, especially its links. So the kernel
//! itself resolves each path below that root (openat2 with RESOLVE_IN_ROOT, Linux 5.6), and a file
//! is opened for reading only once it is known to be a regular one.

use std::fs::{self, File};
use std::os::fd::{AsRawFd, OwnedFd};

use rustix::fs::{Mode, OFlags, ResolveFlags};

use crate::symbols::trust;

/// Opens the regular file that has the path `path` for a process.
pub fn open(process: i32, path: &str) -> Option<File> {
    open_as(process, path, ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS)
}

fn open_as(process: i32, path: &str, resolve: ResolveFlags) -> Option<File> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let root = rustix::fs::open(format!("/proc/{process}/root"), flags, Mode::empty()).ok()?;
    // O_PATH only names the file: a device does not act on it.
    let handle: OwnedFd =
        rustix::fs::openat2(root, path, OFlags::PATH | OFlags::CLOEXEC, Mode::empty(), resolve).ok()?;
    let handle = File::from(handle);
    let has_content = trust::has_content(&handle.metadata().ok()?);
    has_content.then(|| File::open(format!("/proc/self/fd/{}", handle.as_raw_fd())).ok())?
}

/// Opens the perf map of a process. Its name has the id that the process has in its own container.
pub fn open_perf_map(process: i32) -> Option<File> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let inner = inner_id(&status)?;
    open_list(process, &format!("/tmp/perf-{inner}.map"))
}

/// Opens the list of functions that a process wrote to `path`, if it belongs to the process's user
/// or to root.
pub fn open_list(process: i32, path: &str) -> Option<File> {
    // Links are not followed: see `Search::open_list`.
    let resolve = ResolveFlags::IN_ROOT | ResolveFlags::NO_SYMLINKS;
    let file = open_as(process, path, resolve)?;
    let process = fs::metadata(format!("/proc/{process}")).ok()?;
    trust::is_list_of(&process, &file.metadata().ok()?).then_some(file)
}

/// A process's id in the innermost of its namespaces, from the text of `/proc/PID/status`
/// (`NStgid:` lists its ids from the outermost namespace inward).
fn inner_id(status: &str) -> Option<i32> {
    let ids = status.lines().find_map(|line| line.strip_prefix("NStgid:"))?;
    ids.split_whitespace().next_back()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_innermost_id_is_that_of_the_container() {
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
        // Without openat2, or where it is not allowed, nothing is opened at all.
        assert_eq!(is_opened(&path("link")), is_opened(&path("file")));
        assert!(!is_opened(&path("empty")));
        assert!(!is_opened(&path(".")));
        assert!(!is_opened("/dev/null"));
        assert!(!is_opened("/proc/self/mem"));
        assert!(!is_opened("/proc/self/exe"));
        assert!(open(i32::MAX, &path("file")).is_none());
    }
}
