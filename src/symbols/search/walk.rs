//! Finds the file that a path from a recording names, without opening anything on the way.
//!
//! Whoever makes a recording, or runs in a container that is recorded, chooses such paths, and the
//! links that they lead through. To open a file of a device or of the kernel may act, and to look
//! into a folder may mount something, or wait for a process that answers for it. So each part of a
//! path is looked up alone with O_PATH, which names it and does not open it; links are followed
//! here and not by the kernel; and the walk ends at the first folder or file that is on a file
//! system on which no programs are. A lookup of one name with O_PATH mounts nothing
//! (follow_automount in fs/namei.c) but in a folder of autofs, where none is made.
//!
//! openat2 has RESOLVE_NO_XDEV for this. It is too strict: programs of containers are often on
//! another file system than the root, in a volume or a bind mount.

use std::ffi::{OsStr, OsString};
use std::fs::{File, Metadata};
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Component, Path, PathBuf};

use rustix::fs::{CWD, Mode, OFlags};

use crate::model::Symbols;

/// File systems on which programs are: their names, and the numbers that `fstatfs` has for them
/// (include/uapi/linux/magic.h; zfs in OpenZFS, bcachefs in fs/bcachefs).
///
/// None of them is answered for by a process of another user, as FUSE is, or shows objects of the
/// kernel as files, as proc, sysfs, debugfs, tracefs, cgroup2, bpf and autofs do. devtmpfs has the
/// number of tmpfs; what acts there is no regular file.
const HOLD_PROGRAMS: [(&str, u32); 14] = [
    ("9p", 0x0102_1997),
    ("bcachefs", 0xca45_1a4e),
    ("btrfs", 0x9123_683e),
    ("erofs", 0xe0f5_e1e2),
    ("ext4", 0xef53),
    ("f2fs", 0xf2f5_2010),
    ("iso9660", 0x9660),
    ("nfs", 0x6969),
    ("overlay", 0x794c_7630),
    ("ramfs", 0x8584_58f6),
    ("squashfs", 0x7371_7368),
    ("tmpfs", 0x0102_1994),
    ("xfs", 0x5846_5342),
    ("zfs", 0x2fc1_2fc1),
];

/// As many links as the kernel follows (MAXSYMLINKS, include/linux/namei.h).
const MOST_LINKS: u32 = 40;

/// A folder below which paths are looked up.
pub struct Root {
    handle: File,
    /// The file system that counts whatever it is: that of a folder which the user chose.
    device: Option<u64>,
    /// Its path, for links that lead there from the root of this process.
    path: Option<PathBuf>,
}

/// What to do at a symbolic link.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Links {
    /// Follow it.
    Followed,
    /// Follow it, but not where the path ends.
    NotAtEnd,
    /// End there.
    Refused,
}

impl Root {
    /// A folder that the user chose, or `/`. Its own file system counts, whatever it is.
    pub fn of_user(folder: &Path) -> Option<Root> {
        let handle = folder_handle(folder)?;
        let device = Some(handle.metadata().ok()?.dev());
        Some(Root { handle, device, path: folder.canonicalize().ok() })
    }

    /// The root of a process, which may be any folder.
    pub fn of_process(process: i32) -> Option<Root> {
        let handle = folder_handle(Path::new(&format!("/proc/{process}/root")))?;
        holds_programs(&handle).then_some(Root { handle, device: None, path: None })
    }

    fn counts(&self, handle: &File, metadata: &Metadata) -> bool {
        self.device == Some(metadata.dev()) || holds_programs(handle)
    }
}

/// Finds what `path` names below `root`, which is the root for links too. The result can be asked
/// for its metadata, and it can be opened later.
///
/// # Errors
///
/// If there is nothing, or it is on a file system that holds no programs.
pub fn find_below(root: &Root, path: &str, links: Links) -> Result<File, Symbols> {
    let path = Path::new(path);
    let is_plain = |component| matches!(component, Component::Normal(_));
    if path.as_os_str().is_empty() || !path.components().all(is_plain) {
        return Err(Symbols::NoFile);
    }
    let mut ahead = parts(path);
    // The way from the root to here, so that `..` never leads above the root, even if somebody
    // moves folders meanwhile.
    let mut trail: Vec<File> = Vec::new();
    let mut followed = 0;
    while let Some(part) = ahead.pop() {
        if part == ".." {
            trail.pop();
            continue;
        }
        let handle = named(trail.last().unwrap_or(&root.handle), &part).ok_or(Symbols::NoFile)?;
        let metadata = handle.metadata().map_err(|_| Symbols::NoFile)?;
        if metadata.is_symlink() && !(links == Links::NotAtEnd && ahead.is_empty()) {
            followed += 1;
            if links == Links::Refused || followed > MOST_LINKS {
                return Err(Symbols::NoFile);
            }
            let target = rustix::fs::readlinkat(&handle, "", Vec::new());
            let target = target.map_err(|_| Symbols::NoFile)?;
            let target = PathBuf::from(OsString::from_vec(target.into_bytes()));
            if target.is_absolute() {
                trail.clear();
            }
            let below = root.path.as_ref().and_then(|root| target.strip_prefix(root).ok());
            ahead.extend(parts(below.unwrap_or(&target)));
            continue;
        }
        if !root.counts(&handle, &metadata) {
            return Err(Symbols::OtherFileSystem);
        }
        trail.push(handle);
    }
    trail.pop().ok_or(Symbols::NoFile)
}

/// The names in a path that matter to a walk, the last first.
fn parts(path: &Path) -> Vec<OsString> {
    let part = |component: Component| match component {
        Component::Normal(name) => Some(name.to_owned()),
        Component::ParentDir => Some(OsString::from("..")),
        Component::RootDir | Component::CurDir | Component::Prefix(_) => None,
    };
    path.components().rev().filter_map(part).collect()
}

/// A handle on the folder at a path.
fn folder_handle(path: &Path) -> Option<File> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    rustix::fs::openat(CWD, path, flags, Mode::empty()).ok().map(File::from)
}

/// A handle on what has a name in a folder, even if that is a link.
fn named(folder: &File, name: &OsStr) -> Option<File> {
    let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    rustix::fs::openat(folder, name, flags, Mode::empty()).ok().map(File::from)
}

fn holds_programs(handle: &File) -> bool {
    let number = rustix::fs::fstatfs(handle).ok().map(|system| system.f_type as u32);
    HOLD_PROGRAMS.iter().any(|(_, listed)| number == Some(*listed))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_kernel_shows_as_files_is_not_found() {
        let root = Root::of_user(Path::new("/")).unwrap();
        let find = |path: &str| find_below(&root, path, Links::Followed).map(drop);
        assert_eq!(find("usr"), Ok(()));
        assert_eq!(find("no/such/file"), Err(Symbols::NoFile));
        for path in ["proc", "proc/self/exe", "proc/self/root/usr", "sys", "sys/kernel/btf/vmlinux"] {
            assert_eq!(find(path), Err(Symbols::OtherFileSystem), "{path}");
        }
        let own = Root::of_process(std::process::id() as i32);
        assert!(own.is_none_or(|own| find_below(&own, "proc/self/exe", Links::Followed).is_err()));
    }
}
