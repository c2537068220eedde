//! The root of a process (`/proc/PID/root`). A process in a container has another root than this
//! one, and its recorded paths are below that root.
//!
//! Programs in the container can change its files and links at any time. The walk (`walk.rs`) never
//! leads out of that root, and a file is opened for reading only once it is known to be a regular
//! one.

use std::fs::{self, File};

use crate::symbols::trust;

use super::open::Opener;
use super::walk::{Links, Root, find_below};

/// Opens the regular file that has the path `path` for a process.
pub fn open(opener: &Opener, process: i32, path: &str) -> Option<File> {
    opener.open_below(&Root::of_process(process)?, path.strip_prefix('/')?).ok()
}

/// Opens the perf map of a process. Its name has the id that the process has in its own container.
pub fn open_perf_map(opener: &Opener, process: i32) -> Option<File> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let inner = inner_id(&status)?;
    open_list(opener, process, &format!("/tmp/perf-{inner}.map"))
}

/// Opens the list of functions that a process wrote to `path`, if it belongs to the process's user
/// or to root.
pub fn open_list(opener: &Opener, process: i32, path: &str) -> Option<File> {
    // Links are not followed: see `Search::open_list`.
    let list = find_below(&Root::of_process(process)?, path.strip_prefix('/')?, Links::Refused).ok()?;
    let process = fs::metadata(format!("/proc/{process}")).ok()?;
    let metadata = list.metadata().ok()?;
    let is_wanted = trust::has_content(&metadata) && trust::is_list_of(&process, &metadata);
    is_wanted.then(|| opener.open_handle(&list).ok())?
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
        let opener = Opener::default();
        let is_opened = |path: &str| open(&opener, own, path).is_some();
        assert!(is_opened(&path("file")));
        assert!(is_opened(&path("link")));
        assert!(!is_opened(&path("empty")));
        assert!(!is_opened(&path(".")));
        assert!(!is_opened("/dev/null"));
        assert!(!is_opened("/proc/self/mem"));
        assert!(!is_opened("/proc/self/exe"));
        assert!(open(&opener, i32::MAX, &path("file")).is_none());
    }
}
