//! Trust: which files may be opened for a recording, and which of them count as the recorded ones.
//!
//! A recording may come from a stranger, and so may every path, host name and build id in it. All
//! code that opens a file for a recording asks here first; docs/names.md lists the same rules by
//! source.
//!
//! # Which files may be opened
//!
//! - No file that a recording names is opened unless the recording was made on this host by this
//!   user or root, or by this process ([`Sources::is_own`]), or `--symfs` is given: then none
//!   outside that folder ([`Trust::root`]).
//! - With a pack, no file of this machine is opened unless an option names it.
//! - A file that an option names is opened, whoever made the recording.
//! - Only regular files are opened, since opening a device may act; only `--kallsyms` may name a
//!   pipe. A file that a recording names must also not be empty: some files of /proc act too, and
//!   they have no length ([`has_content`]).
//! - Build-id caches and `/usr/lib/debug/.build-id` are searched for any recording
//!   ([`Trust::debug_root`]): there a file's name is the hash of its content, so a recording can
//!   only name what it already knows. The user's own cache counts only if nobody else can fill it.
//! - Files beside the recording (`kallsyms`, `FILE.tar.bz2`) are read if the recording itself is a
//!   stored file and not a stream ([`is_stored`]), and if they belong to this user, root or the
//!   recording's owner ([`Owners`]): anybody may put files into `/tmp`.
//! - A path that a recording names ends at the first folder on a file system that holds no programs
//!   (`search/walk.rs`).
//!
//! # Which files count as the recorded ones
//!
//! - A program, library or kernel module: the recorded build id agrees. If none was recorded: it is
//!   the file that was mapped, by device and inode, or lies below `--symfs`
//!   ([`Trust::check_program`]).
//! - Separate debug information: its build id is that of the program. If one of them has none: the
//!   checksum in the program's `.gnu_debuglink` agrees ([`is_debug_of`]).
//! - A list of functions that a process generated (perf map, jitdump): it is a regular file of this
//!   user or root, or in a container of the process's user or root, has one name, and was written
//!   in the boot of the recording. The last two do not count below `--symfs`
//!   ([`Trust::check_list`], [`is_list_of`]).
//!   Anybody may write to `/tmp`, and process ids start anew in each boot.
//! - Symbols of the kernel: the build id agrees. If one of them has none: the code is as long as
//!   that of the recorded kernel. Where the recording does not tell how long that is: the code lies
//!   at the same address ([`kernel_refusal`]).
//! - Symbols of a kernel module in a kallsyms: it has the module where it was recorded, which only
//!   the recorded boot has (`kernel_symbols.rs`).
//! - This machine's own `/proc/kallsyms`: host, release and build id are those of the recording
//!   ([`is_this_kernel`]), and the code is as long, as above.
//! - This process's own `[vdso]`: the recorded build id agrees. If none was recorded: as
//!   `/proc/kallsyms`, by [`is_this_kernel`].

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use crate::model::{KernelCode, Module, Symbols};

use super::build_id::hex;
use super::formats::bytes::Bytes;
use super::formats::elf::{self, Elf};
use super::formats::stored::FileBytes;
use super::request::Request;
use super::sources::Sources;

/// Bytes of separate debug information that are read for a checksum; a longer file is not used.
const MAX_CHECKED: u64 = 4 << 30;

/// The files that may be opened and believed for one recording.
pub struct Trust {
    root: Option<PathBuf>,
    debug_root: Option<PathBuf>,
    /// Whether the root is the folder that `--symfs` names.
    is_symfs: bool,
    opens_process_roots: bool,
    /// When the recording was last written.
    recorded: Option<SystemTime>,
}

impl Trust {
    /// The files that may be opened and believed for the recording of `request`.
    pub fn new(request: &Request, sources: &Sources) -> Trust {
        let opens_recorded_paths = request.pack.is_none() && (sources.is_own || is_made_here(request));
        let root_if = |is_allowed: bool| match &sources.symfs {
            Some(folder) => Some(folder.to_owned()),
            None => is_allowed.then(|| PathBuf::from("/")),
        };
        let now = sources.is_own.then(SystemTime::now);
        let written = || fs::metadata(request.recording).and_then(|metadata| metadata.modified()).ok();
        Trust {
            root: root_if(opens_recorded_paths),
            debug_root: root_if(request.pack.is_none()),
            is_symfs: sources.symfs.is_some(),
            opens_process_roots: sources.container_root && opens_recorded_paths,
            recorded: now.or_else(written),
        }
    }

    /// The folder below which paths that the recording names may be opened; `None` if none may be.
    pub fn root(&self) -> Option<&Path> {
        self.root.as_deref()
    }

    /// The folder below which separate debug information is installed by build id.
    pub fn debug_root(&self) -> Option<&Path> {
        self.debug_root.as_deref()
    }

    /// Whether the user named the folder below which all files are.
    pub fn is_symfs(&self) -> bool {
        self.is_symfs
    }

    /// Whether files may be opened below the roots of processes (`/proc/PID/root`). The recorded
    /// processes are of this host, and may still be running.
    pub fn opens_process_roots(&self) -> bool {
        self.opens_process_roots
    }

    /// Whether an ELF file is the one that was recorded as `module`.
    ///
    /// # Errors
    ///
    /// Why it is not, or cannot be known to be.
    pub fn check_program(&self, module: &Module, elf: &Elf, file: &fs::Metadata) -> Result<(), Symbols> {
        match &module.build_id {
            Some(recorded) if elf.build_id().is_some_and(|id| is_build_id(recorded, id)) => Ok(()),
            Some(_) => Err(Symbols::BuildIdDiffers),
            None if self.is_symfs || is_recorded_inode(module, file) => Ok(()),
            None => Err(Symbols::Unverified),
        }
    }

    /// Whether a list of functions outside of containers is one that a recorded process wrote.
    ///
    /// perf checks for the same owners (dso__load, tools/perf/util/symbol.c).
    ///
    /// # Errors
    ///
    /// Why it is not.
    pub fn check_list(&self, list: &fs::Metadata) -> Result<(), Symbols> {
        if !list.is_file() {
            Err(Symbols::PerfMapNotRegular)
        } else if !is_own_or_roots(list) || !self.is_symfs && has_other_names(list) {
            // Whoever may write to the folder may give it a name in it.
            Err(Symbols::PerfMapOfOther)
        } else if !self.is_symfs && !self.is_same_boot(list) {
            // Below --symfs, times are those of copies.
            Err(Symbols::PerfMapOfOtherBoot)
        } else {
            Ok(())
        }
    }

    /// Whether a file and the recording were written in the same boot, according to their times.
    pub fn is_same_boot(&self, file: &fs::Metadata) -> bool {
        let boot = fs::read_to_string("/proc/stat").ok().and_then(|text| boot_time(&text));
        let (Some(boot), Some(recorded), Ok(written)) = (boot, self.recorded, file.modified()) else {
            return true;
        };
        (recorded >= boot) == (written >= boot)
    }
}

/// Whether the recording was made on this host, by this user or root. A stream has no owner.
fn is_made_here(request: &Request) -> bool {
    let is_owner = fs::metadata(request.recording).is_ok_and(|metadata| is_own_or_roots(&metadata));
    is_this_host(request) && is_stored(request.recording) && is_owner
}

/// Whether the recording says that it was made on this host.
fn is_this_host(request: &Request) -> bool {
    let hostname = fs::read_to_string("/proc/sys/kernel/hostname").ok();
    request.about.hostname.is_some()
        && request.about.hostname.as_deref() == hostname.as_deref().map(str::trim)
}

/// Whether a recording is stored at its path, and did not come as a stream. The paths of streams
/// (`/dev/stdin`, `/dev/fd/3`) belong to the reading user, whatever file they refer to.
pub fn is_stored(recording: &Path) -> bool {
    let is_outside = |real: PathBuf| !real.starts_with("/dev") && !real.starts_with("/proc");
    let is_link_to_open_file = recording.starts_with("/dev") || recording.starts_with("/proc");
    recording.as_os_str() != "-"
        && !is_link_to_open_file
        && fs::canonicalize(recording).is_ok_and(is_outside)
        && fs::metadata(recording).is_ok_and(|metadata| metadata.is_file() || metadata.is_dir())
}

/// Whether the recording was made on this host by this kernel, in this boot or another.
pub fn is_this_kernel(request: &Request) -> bool {
    let release = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let is_build = || match request.kernel_build_id {
        Some(recorded) => running_build_id().as_deref() == Some(recorded),
        None => true,
    };
    is_this_host(request) && request.about.kernel.as_deref() == Some(release.trim()) && is_build()
}

/// The build id of the kernel that runs here, if the recording was made by it. `perf record -B` and
/// `-z` record none.
pub fn own_build_id(request: &Request) -> Option<Vec<u8>> {
    is_this_kernel(request).then(running_build_id).flatten()
}

fn running_build_id() -> Option<Vec<u8>> {
    let notes = fs::read("/sys/kernel/notes").ok()?;
    elf::build_id_in(&notes, cfg!(target_endian = "big")).map(<[u8]>::to_vec)
}

/// Whether this is a regular file that is not empty.
pub fn has_content(file: &fs::Metadata) -> bool {
    file.is_file() && file.len() > 0
}

/// Whether a file belongs to this user or to root.
pub fn is_own_or_roots(file: &fs::Metadata) -> bool {
    file.uid() == 0 || file.uid() == rustix::process::geteuid().as_raw()
}

/// Whether a file has several names: who owns it need not have made the one by which it was found.
fn has_other_names(file: &fs::Metadata) -> bool {
    file.nlink() > 1
}

/// The users whose files count beside a recording: this one, root, and the recording's owner, who
/// can make it say anything.
pub struct Owners {
    recordings: Option<u32>,
}

impl Owners {
    /// The users whose files count beside a recording with this metadata.
    pub fn of(recording: &fs::Metadata) -> Owners {
        // In a user namespace, and over NFS, all users without an id there have this one.
        let overflow = fs::read_to_string("/proc/sys/kernel/overflowuid").ok();
        let overflow = overflow.and_then(|text| text.trim().parse().ok()).unwrap_or(65534);
        Owners { recordings: Some(recording.uid()).filter(|owner| *owner != overflow) }
    }

    fn include(&self, file: &fs::Metadata) -> bool {
        is_own_or_roots(file) || Some(file.uid()) == self.recordings
    }

    /// Why a file, or a link, in `folder` does not count; `None` if it does.
    pub fn refusal(&self, file: &fs::Metadata, folder: &fs::Metadata) -> Option<String> {
        const OTHERS_WRITE: u32 = 0o022;
        let has_others = folder.mode() & OTHERS_WRITE != 0 || !self.include(folder);
        if !self.include(file) {
            let owner = file.uid();
            Some(format!("it belongs to user {owner}, who is neither you, root nor the recording's owner"))
        } else if has_other_names(file) && has_others {
            Some("it has several names (hard links), and others can make files in its folder".to_owned())
        } else {
            None
        }
    }
}

/// Whether a list of functions in a container belongs to the user of the process that it describes,
/// or to root. `process` is the metadata of `/proc/PID`.
pub fn is_list_of(process: &fs::Metadata, list: &fs::Metadata) -> bool {
    (list.uid() == process.uid() || list.uid() == 0) && !has_other_names(list)
}

/// Whether an ELF file has the recorded build id.
pub fn has_build_id<'f>(file: impl Into<FileBytes<'f>>, recorded: &[u8]) -> bool {
    Elf::parse(file).and_then(|elf| elf.build_id()).is_some_and(|id| is_build_id(recorded, id))
}

/// Whether a build id is the recorded one. perf pads a recorded build id with zeros to 20 bytes
/// where it does not record the length.
fn is_build_id(recorded: &[u8], build_id: &[u8]) -> bool {
    match recorded.split_at_checked(build_id.len()) {
        Some((id, padding)) => id == build_id && padding.iter().all(|byte| *byte == 0),
        None => false,
    }
}

/// Whether `debug` is the separate debug information of the program with this build id: by the
/// build id, or, where one of them has none, by the `checksum` that the program gives.
pub fn is_debug_of(debug: &Bytes, build_id: Option<&[u8]>, checksum: Option<u32>) -> bool {
    let Some(elf) = debug.elf() else { return false };
    match (elf.build_id(), build_id) {
        (Some(own), Some(wanted)) => own == wanted,
        _ => checksum.is_some() && debug.length() <= MAX_CHECKED && debug.checksum() == checksum,
    }
}

/// Why symbols cannot be those of the recorded kernel; `None` if they can be.
///
/// `build_id` is the build id of the symbols' file, and `address_of` gives the address of a symbol.
/// `recorded` is the build id of the recorded kernel, `code` its map, and `end` where that map
/// ends, if it shows that.
pub fn kernel_refusal(
    build_id: Option<&[u8]>,
    address_of: impl Fn(&str) -> Option<u64>,
    recorded: Option<&[u8]>,
    code: Option<&KernelCode>,
    end: Option<u64>,
) -> Option<String> {
    if let (Some(build_id), Some(recorded)) = (build_id, recorded) {
        return (!is_build_id(recorded, build_id)).then(|| {
            format!(
                "it is another kernel's: its build id is {}, the recorded kernel's {}",
                hex(build_id),
                hex(recorded)
            )
        });
    }
    let code = code?;
    let (symbol, recorded) = code.reference.as_ref()?;
    let Some(start) = address_of(symbol) else {
        return Some(format!("it has no {symbol}, which the recording refers to"));
    };
    let Some(end) = end else {
        return (start != *recorded).then(|| {
            format!("it is another kernel's or boot's: {symbol} is at {start:#x}, the recorded kernel's at {recorded:#x}")
        });
    };
    let length = end.wrapping_sub(code.start);
    // One after the other: a search in a kallsyms takes some time.
    let lengths = ["_etext", "_edata"].iter().filter_map(|end| Some(address_of(end)?.wrapping_sub(start)));
    (!lengths.clone().any(|own| own == length)).then(|| {
        let lengths: Vec<String> = lengths.map(|length| format!("{length:#x} bytes")).collect();
        let own = if lengths.is_empty() { "of unknown length".to_owned() } else { lengths.join(" or ") };
        format!("it is another kernel's: its code is {own}, the recorded kernel's {length:#x}")
    })
}

/// Whether a file is the very one that was mapped as `module`, by device and inode.
fn is_recorded_inode(module: &Module, file: &fs::Metadata) -> bool {
    let device = file.dev();
    // gnu_dev_major and gnu_dev_minor of glibc (sys/sysmacros.h).
    let major = ((device >> 8) & 0xfff | (device >> 32) & !0xfff) as u32;
    let minor = (device & 0xff | (device >> 12) & !0xff) as u32;
    module.inode == Some((major, minor, file.ino()))
}

/// When this machine was started, from the text of `/proc/stat` (`btime`, seconds since 1970).
fn boot_time(stat: &str) -> Option<SystemTime> {
    let line = stat.lines().find_map(|line| line.strip_prefix("btime "))?;
    SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(line.trim().parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recorded_build_id_may_be_padded_with_zeros() {
        assert!(is_build_id(&[1, 2, 3], &[1, 2, 3]));
        assert!(is_build_id(&[1, 2, 3, 0, 0], &[1, 2, 3]));
        for other in [&[1, 2][..], &[1, 2, 4], &[1, 2, 3, 4], &[]] {
            assert!(!is_build_id(&[1, 2, 3], other), "{other:?}");
        }
        assert!(!is_build_id(&[1, 2, 3, 0, 1], &[1, 2, 3]));
    }

    #[test]
    fn streams_are_not_stored() {
        for stream in ["-", "/dev/stdin", "/dev/fd/3", "/proc/self/fd/0", "/dev/null", "/no/such/file"] {
            assert!(!is_stored(Path::new(stream)), "{stream}");
        }
        let file = tempfile::NamedTempFile::new().expect("a temporary file");
        assert!(is_stored(file.path()));
    }

    #[test]
    fn a_boot_is_told_by_its_time() {
        let expected = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
        assert_eq!(boot_time("cpu  1 2 3\nbtime 1700000000\nprocesses 7\n"), Some(expected));
        assert_eq!(boot_time("cpu  1 2 3\n"), None);
        assert_eq!(boot_time("btime soon\n"), None);
    }
}
