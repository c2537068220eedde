//! Where symbol files may be looked for: no file that a recording names is opened unless the recording was made here by this
//! user or root, or the user gave `--symfs`; then nothing outside it.

use std::fs::{self, File};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Component, Path, PathBuf};
use std::time::{Duration, SystemTime};

use crate::mapped::{self, Map};
use crate::model::{Module, Symbols};

use super::elf::Elf;

/// Where separate debug information is installed, below the root or `--symfs`.
const DEBUG_DIRECTORY: &str = "usr/lib/debug/.build-id";

/// Longest perf map that is read, in bytes. Those of long-lived processes reach some hundred MB.
const LONGEST_PERF_MAP: u64 = 1 << 30;

/// Where to look for a module's file.
pub struct Search {
    /// The folder below which recorded paths are looked up; `None` if they may not be.
    root: Option<PathBuf>,
    /// Whether the user named the folder: then a file whose identity nothing tells is taken.
    is_named: bool,
    /// When the recording was last written.
    recorded: Option<SystemTime>,
}

/// A module's file, mapped, and its separate debug information if there is some.
pub struct ModuleFile {
    /// The file that was mapped when the recording was made.
    pub file: Map,
    /// Its separate debug information.
    pub debug: Option<Map>,
}

impl Search {
    /// Looks below `symfs` if the user gave it, else in the whole file system if `is_trusted`.
    pub fn new(recording: &Path, symfs: Option<&Path>, is_trusted: bool) -> Self {
        Search {
            root: match symfs {
                Some(folder) => Some(folder.to_owned()),
                None => is_trusted.then(|| PathBuf::from("/")),
            },
            is_named: symfs.is_some(),
            recorded: fs::metadata(recording).and_then(|metadata| metadata.modified()).ok(),
        }
    }

    /// The list of functions that `process` made at run time, or why there is none. Anybody may write to `/tmp`, and what is
    /// there may be a link to a file that is nobody else's business: so it must be a regular file of this user or of root, as
    /// perf has it (dso__load, tools/perf/util/symbol.c), and no link, which perf follows.
    pub fn perf_map(&self, process: i32) -> Result<Map, Symbols> {
        let root = self.root.as_ref().ok_or(Symbols::NotLookedFor)?;
        let folder = real_below(root, "tmp").ok_or(Symbols::NoPerfMap)?;
        let path = folder.join(format!("perf-{process}.map"));
        let metadata = fs::symlink_metadata(&path).map_err(|_| Symbols::NoPerfMap)?;
        if !metadata.is_file() {
            return Err(Symbols::PerfMapNotRegular);
        }
        let flags = libc::O_NONBLOCK | libc::O_NOFOLLOW;
        let file = File::options().read(true).custom_flags(flags).open(&path);
        // It belongs to somebody who lets nobody else read it.
        let file = file.map_err(|_| Symbols::PerfMapOfOther)?;
        let metadata = file.metadata().map_err(|_| Symbols::NoPerfMap)?;
        if !metadata.is_file() {
            return Err(Symbols::PerfMapNotRegular);
        }
        if !is_own_or_roots(&metadata) {
            return Err(Symbols::PerfMapOfOther);
        }
        // Below --symfs, times are those of copies.
        if !self.is_named && !self.is_same_boot(&metadata) {
            return Err(Symbols::PerfMapOfOtherBoot);
        }
        match metadata.len() {
            0 => Err(Symbols::NoPerfMap),
            length if length > LONGEST_PERF_MAP => Err(Symbols::PerfMapTooLong),
            _ => mapped::map(&file).map_err(|_| Symbols::NoPerfMap),
        }
    }

    /// Whether a file and the recording were written in the same boot, as far as can be told. Process ids begin anew in each.
    fn is_same_boot(&self, file: &fs::Metadata) -> bool {
        let boot = fs::read_to_string("/proc/stat").ok().and_then(|text| boot_time(&text));
        let (Some(boot), Some(recorded), Ok(written)) = (boot, self.recorded, file.modified()) else {
            return true;
        };
        (recorded >= boot) == (written >= boot)
    }

    /// The file of `module`, or why there is none.
    pub fn find(&self, module: &Module) -> Result<ModuleFile, Symbols> {
        if !module.path.starts_with('/') || module.path.starts_with("//") {
            return Err(Symbols::NotAFile);
        }
        let root = self.root.as_ref().ok_or(Symbols::NotLookedFor)?;
        let file = open_below(root, &module.path[1..]).ok_or(Symbols::NoFile)?;
        let metadata = file.metadata().map_err(|_| Symbols::NoFile)?;
        let file = mapped::map(&file).map_err(|_| Symbols::NotElf)?;
        let elf = Elf::parse(&file).ok_or(Symbols::NotElf)?;
        let found = elf.build_id();
        match &module.build_id {
            Some(wanted) if found.is_some_and(|found| found == trimmed(wanted, found)) => {}
            Some(_) => return Err(Symbols::BuildIdDiffers),
            None if self.is_named || is_inode(module, &metadata) => {}
            None => return Err(Symbols::Unverified),
        }
        let debug = found.and_then(|build_id| self.find_debug(root, build_id));
        Ok(ModuleFile { file, debug })
    }

    fn find_debug(&self, root: &Path, build_id: &[u8]) -> Option<Map> {
        let (first, rest) = build_id.split_first()?;
        let hex: String = rest.iter().map(|byte| format!("{byte:02x}")).collect();
        let file = open_below(root, &format!("{DEBUG_DIRECTORY}/{first:02x}/{hex}.debug"))?;
        let debug = mapped::map(&file).ok()?;
        let is_same = Elf::parse(&debug)?.build_id() == Some(build_id);
        is_same.then_some(debug)
    }
}

/// perf fills a build id up to 20 bytes with zeros where it does not note its length.
fn trimmed<'w>(wanted: &'w [u8], found: &[u8]) -> &'w [u8] {
    match wanted.split_at_checked(found.len()) {
        Some((id, padding)) if padding.iter().all(|&byte| byte == 0) => id,
        _ => wanted,
    }
}

fn is_inode(module: &Module, metadata: &fs::Metadata) -> bool {
    let device = metadata.dev();
    // glibc's gnu_dev_major and gnu_dev_minor (sys/sysmacros.h).
    let major = ((device >> 8) & 0xfff | (device >> 32) & !0xfff) as u32;
    let minor = (device & 0xff | (device >> 12) & !0xff) as u32;
    module.inode == Some((major, minor, metadata.ino()))
}

/// When this machine was started, from the text of `/proc/stat` (`btime`, seconds since 1970).
fn boot_time(stat: &str) -> Option<SystemTime> {
    let line = stat.lines().find_map(|line| line.strip_prefix("btime "))?;
    SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(line.trim().parse().ok()?))
}

/// Whether a file belongs to this user or to root.
pub fn is_own_or_roots(file: &fs::Metadata) -> bool {
    let user = || fs::metadata("/proc/self").ok().map(|metadata| metadata.uid());
    file.uid() == 0 || Some(file.uid()) == user()
}

/// Where `path` below `root` leads, if it lies there once all links are followed.
fn real_below(root: &Path, path: &str) -> Option<PathBuf> {
    let path = Path::new(path);
    let is_plain = |component| matches!(component, Component::Normal(_));
    if path.as_os_str().is_empty() || !path.components().all(is_plain) {
        return None;
    }
    let root = root.canonicalize().ok()?;
    let real = root.join(path).canonicalize().ok()?;
    real.starts_with(&root).then_some(real)
}

/// Opens the regular file `path` below `root`, if it lies there once all links are followed.
fn open_below(root: &Path, path: &str) -> Option<File> {
    let real = real_below(root, path)?;
    // The files of /proc have no length, and some of them act.
    let has_bytes = fs::metadata(&real).is_ok_and(|metadata| metadata.len() > 0);
    if has_bytes { open_regular(&real) } else { None }
}

/// Opens a file only if it is a regular one: a device may act when it is opened. Should it become a FIFO in between, opening it
/// does not wait for a writer.
pub fn open_regular(path: &Path) -> Option<File> {
    let is_regular = |metadata: fs::Metadata| metadata.is_file();
    if !fs::metadata(path).is_ok_and(is_regular) {
        return None;
    }
    let file = File::options().read(true).custom_flags(libc::O_NONBLOCK).open(path).ok()?;
    file.metadata().is_ok_and(is_regular).then_some(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_outside_the_folder_is_opened() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir_all(folder.path().join("usr/bin")).unwrap();
        fs::write(folder.path().join("usr/bin/tool"), "x").unwrap();
        std::os::unix::fs::symlink("/etc/hostname", folder.path().join("leaves")).unwrap();
        std::os::unix::fs::symlink("usr/bin/tool", folder.path().join("stays")).unwrap();
        let is_opened = |path: &str| open_below(folder.path(), path).is_some();
        assert!(is_opened("usr/bin/tool"));
        assert!(is_opened("stays"));
        fs::write(folder.path().join("empty"), "").unwrap();
        assert!(!is_opened("empty"));
        assert!(!is_opened("leaves"));
        assert!(!is_opened("usr/bin"));
        assert!(!is_opened("../../etc/hostname"));
        assert!(!is_opened("/etc/hostname"));
        assert!(!is_opened(""));
    }
}
