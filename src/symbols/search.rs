//! Where symbol files may be looked for: no file that a recording names is opened unless the recording was made here by this
//! user or root, or the user gave `--symfs`; then nothing outside it. A pack comes before all others.

use std::fs::{self, File};
use std::io::Read;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use crate::mapped::{self, Map};
use crate::model::{Diagnostic, Module, Symbols};
use crate::pack::{self, Pack};

use super::cache::{Cache, forms, split_hex};
use super::elf::Elf;
use super::files::{Bytes, map_below, open_below, open_regular, real_below};
use super::gather::Gatherer;
use super::{Request, Sources, is_stored, process_root, unpack};

/// Where separate debug information is installed, below the root or `--symfs`.
const DEBUG_DIRECTORY: &str = "usr/lib/debug";

/// Longest separate debug information that is read to its end for its checksum, in bytes.
const LONGEST_CHECKED: usize = 4 << 30;

/// Longest perf map or jitdump that is read, in bytes. Those of long-lived processes reach some hundred MB.
const LONGEST_PERF_MAP: u64 = 1 << 30;

/// Where to look for a module's file.
pub struct Search<'p> {
    /// The pack that the recording was read from.
    pack: Option<&'p Pack>,
    /// Who is to be told what was found.
    gatherer: Option<&'p Gatherer>,
    /// The folder below which recorded paths are looked up; `None` if they may not be.
    root: Option<PathBuf>,
    /// The folder in which separate debug information is installed by build id. What is there tells nothing of the recording, so it is
    /// looked into for any.
    debug_root: Option<PathBuf>,
    /// Whether the user named the folder: then a file whose identity nothing tells is taken.
    is_named: bool,
    /// Whether the roots of processes are looked into: processes are of this host, and maybe still there.
    has_container_roots: bool,
    /// The build-id caches, in the order in which they are asked. The last is the archive that belongs to the recording.
    caches: Vec<Cache<'p>>,
    /// When the recording was last written.
    recorded: Option<SystemTime>,
}

impl<'p> Search<'p> {
    /// Looks into the pack if the recording was read from one, and then only where options say. Else looks below `--symfs` if the user
    /// gave it, else in the whole file system if `is_trusted`; and in build-id caches, where files have no names but those that their
    /// content gives them, so that a recording can name nothing in them that is not its own.
    pub fn new(request: &Request<'p>, sources: &Sources, modules: &[Module], is_trusted: bool) -> Self {
        let symfs = sources.symfs.as_ref();
        let own = || match symfs {
            // As perf has it (symbol__config_symfs, tools/perf/util/symbol.c).
            Some(symfs) => Some(symfs.join(".debug")),
            None => own_cache(),
        };
        let cache = match &sources.buildid_dir {
            Some(file) if file.is_file() => Some(Cache::archive(request, modules, file)),
            Some(folder) => Some(Cache::Folder(folder.to_owned())),
            None if request.pack.is_some() && symfs.is_none() => None,
            None => own().map(Cache::Folder),
        };
        let archive = match request.archive {
            Some(bytes) => Some(Cache::nested_archive(request, modules, bytes)),
            None => archive_beside(request, sources).map(|file| Cache::archive(request, modules, &file)),
        };
        Search {
            pack: request.pack,
            gatherer: request.gatherer,
            root: match symfs {
                Some(folder) => Some(folder.to_owned()),
                None => is_trusted.then(|| PathBuf::from("/")),
            },
            debug_root: match symfs {
                Some(folder) => Some(folder.to_owned()),
                None => request.pack.is_none().then(|| PathBuf::from("/")),
            },
            is_named: symfs.is_some(),
            has_container_roots: sources.container_root && is_trusted,
            caches: cache.into_iter().chain(archive).collect(),
            recorded: fs::metadata(request.recording).and_then(|metadata| metadata.modified()).ok(),
        }
    }

    /// What the user should know of the archives that were unpacked.
    pub fn notes(&self) -> impl Iterator<Item = Diagnostic> {
        self.caches.iter().flat_map(Cache::notes)
    }

    /// Whether all files are to be in a folder that the user named, or in a pack.
    pub fn is_confined(&self) -> bool {
        self.is_named || self.pack.is_some()
    }

    /// The pack's answer, if there is a pack and it has one, or nothing else may be asked.
    fn in_pack(&self, module: &Module) -> Option<Result<Bytes<'p>, Symbols>> {
        let found = self.pack?.find(module).map(Bytes::Packed);
        let is_final = found.is_ok() || self.root.is_none() && self.caches.is_empty();
        is_final.then_some(found)
    }

    /// The list of functions that `process` made at run time, whose code is `module`: where the process has its root, else here.
    pub fn find_perf_map(&self, module: &Module, process: i32) -> Result<Bytes<'p>, Symbols> {
        if let Some(found) = self.in_pack(module) {
            return found;
        }
        let found = self.look_for_perf_map(process);
        if let Some(gatherer) = self.gatherer {
            gatherer.set_list(module, found.as_deref().map_err(|why| *why));
        }
        found.map(Bytes::Mapped)
    }

    fn look_for_perf_map(&self, process: i32) -> Result<Map, Symbols> {
        let in_container = self.has_container_roots.then(|| process_root::open_perf_map(process)).flatten();
        match self.map_list(in_container) {
            Some(map) => Ok(map),
            None => {
                let root = self.root.as_ref().ok_or(Symbols::NotLookedFor)?;
                self.list(root, "tmp", &format!("perf-{process}.map"))
            }
        }
    }

    /// The jitdump that `process` mapped as `module`: where the process has its root, else here, under the same rule as its perf
    /// map.
    pub fn find_jitdump(&self, process: i32, module: &Module) -> Result<Bytes<'p>, Symbols> {
        if let Some(found) = self.in_pack(module) {
            return found;
        }
        let found = self.look_for_jitdump(process, module);
        if let Some(gatherer) = self.gatherer {
            gatherer.set_list(module, found.as_deref().map_err(|why| *why));
        }
        found.map(Bytes::Mapped)
    }

    fn look_for_jitdump(&self, process: i32, module: &Module) -> Result<Map, Symbols> {
        if !is_path(module) {
            return Err(Symbols::NoPerfMap);
        }
        let open = || process_root::open_list(process, &module.path);
        let in_container = self.has_container_roots.then(open).flatten();
        if let Some(map) = self.map_list(in_container) {
            return Ok(map);
        }
        let root = self.root.as_ref().ok_or(Symbols::NotLookedFor)?;
        let (folder, name) = module.path[1..].rsplit_once('/').ok_or(Symbols::NoPerfMap)?;
        self.list(root, folder, name).map_err(|why| match why {
            Symbols::NoPerfMap => why,
            _ => Symbols::JitdumpRefused,
        })
    }

    /// Maps a list of functions that a process wrote in its own container.
    fn map_list(&self, file: Option<File>) -> Option<Map> {
        let is_usable =
            |metadata: fs::Metadata| metadata.len() <= LONGEST_PERF_MAP && self.is_same_boot(&metadata);
        let file = file.filter(|file| file.metadata().is_ok_and(is_usable))?;
        mapped::map(&file).ok()
    }

    /// A list of functions that a process made at run time, or why there is none. Anybody may write to `/tmp`, and what is
    /// there may be a link to a file that is nobody else's business: so it must be a regular file of this user or of root, as
    /// perf has it (dso__load, tools/perf/util/symbol.c), and no link, which perf follows.
    fn list(&self, root: &Path, folder: &str, name: &str) -> Result<Map, Symbols> {
        let folder = real_below(root, folder).ok_or(Symbols::NoPerfMap)?;
        let path = folder.join(name);
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

    /// The file of `module`, which is an ELF file: where its process had it, else where it was recorded, else in the build-id cache;
    /// or why there is none.
    pub fn find(&self, module: &Module) -> Result<Bytes<'_>, Symbols> {
        if let Some(found) = self.in_pack(module) {
            return found;
        }
        let found = self.look_for(module);
        if let Some(gatherer) = self.gatherer {
            gatherer.set_elf(module, found.as_deref().map_err(|why| *why));
        }
        found
    }

    fn look_for(&self, module: &Module) -> Result<Bytes<'_>, Symbols> {
        let in_container = module
            .mapped_by
            .filter(|_| self.has_container_roots && is_path(module))
            .and_then(|process| process_root::open(process, &module.path));
        in_container
            .and_then(|file| self.check(module, file).ok())
            .map_or_else(|| self.find_at_path(module), Ok)
            .or_else(|why| self.find_in_caches(module).ok_or(why))
    }

    fn find_at_path(&self, module: &Module) -> Result<Bytes<'static>, Symbols> {
        if !is_path(module) {
            return Err(Symbols::NotAFile);
        }
        let root = self.root.as_ref().ok_or(Symbols::NotLookedFor)?;
        self.check(module, open_below(root, &module.path[1..]).ok_or(Symbols::NoFile)?)
    }

    /// Maps a file if it is the recorded one.
    fn check(&self, module: &Module, file: File) -> Result<Bytes<'static>, Symbols> {
        let metadata = file.metadata().map_err(|_| Symbols::NoFile)?;
        let file = mapped::map(&file).map(Bytes::Mapped).map_err(|_| Symbols::NotElf)?;
        let file = unpacked(module, file).ok_or(Symbols::NotElf)?;
        let elf = Elf::parse(&file).ok_or(Symbols::NotElf)?;
        let found = elf.build_id();
        match &module.build_id {
            Some(wanted) if found.is_some_and(|found| is_build_id(wanted, found)) => {}
            Some(_) => return Err(Symbols::BuildIdDiffers),
            None if self.is_named || is_inode(module, &metadata) => {}
            None => return Err(Symbols::Unverified),
        }
        Ok(file)
    }

    /// perf keeps a program as `elf`, and `[vdso]` as `vdso` (build_id_cache__basename, tools/perf/util/build-id.c).
    fn find_in_caches(&self, module: &Module) -> Option<Bytes<'_>> {
        let wanted = module.build_id.as_ref()?;
        let is_same = |file: &Bytes| {
            Elf::parse(file).and_then(|elf| elf.build_id()).is_some_and(|found| is_build_id(wanted, found))
        };
        self.caches.iter().find_map(|cache| {
            let file = ["elf", "vdso"].iter().find_map(|name| cache.find(wanted, name))?;
            unpacked(module, file).filter(is_same)
        })
    }

    /// What the build-id caches hold as `name` of this build id. The first that has anything of it is the one that was filled for it: no
    /// archive is unpacked for what is not in the cache that it was made from.
    pub fn find_cached(&self, build_id: &[u8], name: &str) -> Option<Bytes<'_>> {
        self.caches.iter().find(|cache| cache.has(build_id))?.find(build_id, name)
    }

    /// The kernel's own ELF file, where distributions install it with its debug information.
    pub fn find_vmlinux(&self, release: &str, build_id: &[u8]) -> Option<Bytes<'_>> {
        let is_same = |file: &Bytes| {
            let found = Elf::parse(file).and_then(|elf| elf.build_id());
            found.is_some_and(|found| is_build_id(build_id, found))
        };
        if let Some(file) = self.find_installed(build_id).filter(is_same) {
            return Some(file);
        }
        let root = self.root.as_ref()?;
        let places = [
            format!("{DEBUG_DIRECTORY}/boot/vmlinux-{release}"),
            format!("{DEBUG_DIRECTORY}/lib/modules/{release}/vmlinux"),
            format!("boot/vmlinux-{release}"),
            format!("lib/modules/{release}/build/vmlinux"),
        ];
        places.iter().find_map(|place| map_below(root, place).filter(is_same))
    }

    /// Debug information that is installed under this build id.
    fn find_installed(&self, build_id: &[u8]) -> Option<Bytes<'static>> {
        let root = self.debug_root.as_ref()?;
        forms(build_id)
            .find_map(|id| map_below(root, &format!("{DEBUG_DIRECTORY}/.build-id/{}.debug", split_hex(id)?)))
    }

    /// The separate debug information of `module`, whose own file is not there.
    pub fn find_debug_alone(&self, module: &Module) -> Option<Bytes<'_>> {
        if let Some(debug) = self.pack.and_then(|pack| pack.find_debug(module)) {
            return Some(Bytes::Packed(debug));
        }
        let wanted = module.build_id.as_ref()?;
        let is_same = |debug: &Bytes| {
            Elf::parse(debug).and_then(|elf| elf.build_id()).is_some_and(|found| is_build_id(wanted, found))
        };
        let installed = self.find_installed(wanted).filter(is_same);
        let debug = installed.or_else(|| self.find_cached(wanted, "debug").filter(is_same))?;
        if let Some(gatherer) = self.gatherer {
            gatherer.set_debug(module, &debug);
        }
        Some(debug)
    }

    /// The separate debug information of `module`, whose file is `elf`.
    pub fn find_debug(&self, module: &Module, elf: &Elf) -> Option<Bytes<'_>> {
        if let Some(debug) = self.pack.and_then(|pack| pack.find_debug(module)) {
            return Some(Bytes::Packed(debug));
        }
        let debug = self.look_for_debug(&module.path, elf)?;
        if let Some(gatherer) = self.gatherer {
            gatherer.set_debug(module, &debug);
        }
        Some(debug)
    }

    /// The separate debug information of the file at `path`: installed under its build id, in the cache, or where the file itself
    /// says (`.gnu_debuglink`), in the places where gdb looks.
    pub fn look_for_debug(&self, path: &str, elf: &Elf) -> Option<Bytes<'_>> {
        let build_id = elf.build_id();
        let is_same = |debug: &Bytes| Elf::parse(debug).is_some_and(|debug| debug.build_id() == build_id);
        if let Some(build_id) = build_id {
            let installed = || self.find_installed(build_id).filter(is_same);
            let cached = || self.find_cached(build_id, "debug").filter(is_same);
            if let Some(debug) = installed().or_else(cached) {
                return Some(debug);
            }
        }
        let (name, checksum) = debug_link(elf)?;
        let folder = path.strip_prefix('/')?.rsplit_once('/').map_or("", |(folder, _)| folder);
        let places = [
            format!("{folder}/{name}"),
            format!("{folder}/.debug/{name}"),
            format!("{DEBUG_DIRECTORY}/{folder}/{name}"),
        ];
        let root = self.root.as_ref()?;
        places.iter().find_map(|place| {
            let debug = map_below(root, place.trim_start_matches('/'))?;
            let found = Elf::parse(&debug)?.build_id();
            let is_same = match (found, build_id) {
                (Some(found), Some(wanted)) => found == wanted,
                _ => debug.len() <= LONGEST_CHECKED && crc32fast::hash(&debug) == checksum,
            };
            is_same.then_some(debug)
        })
    }
}

/// A kernel module may be installed packed, and perf keeps it as it is.
fn unpacked<'b>(module: &Module, file: Bytes<'b>) -> Option<Bytes<'b>> {
    match module.kernel {
        Some(_) => unpack::kernel_module(file),
        None => Some(file),
    }
}

/// perf's own build-id cache of this user (set_buildid_dir, tools/perf/util/config.c), if nobody else can fill it.
fn own_cache() -> Option<PathBuf> {
    let cache = Path::new(&std::env::var_os("HOME").filter(|home| !home.is_empty())?).join(".debug");
    fs::metadata(&cache).is_ok_and(|metadata| is_own_or_roots(&metadata)).then_some(cache)
}

/// The archive that `perf archive` made of a recording that lies in the file system, unless an option names it.
fn archive_beside(request: &Request, sources: &Sources) -> Option<PathBuf> {
    let mut name = request.recording.file_name()?.to_owned();
    name.push(".tar.bz2");
    let file = request.recording.with_file_name(name);
    let is_regular = || fs::metadata(&file).is_ok_and(|metadata| metadata.is_file());
    let is_wanted = request.pack.is_none() && is_stored(request.recording) && is_regular();
    let named = || sources.buildid_dir.as_ref()?.canonicalize().ok();
    (is_wanted && named().is_none_or(|named| file.canonicalize().is_ok_and(|file| file != named)))
        .then_some(file)
}

/// What `.gnu_debuglink` holds: the name of a file, NUL, filled up to four bytes, the CRC-32 of all its bytes.
fn debug_link<'a>(elf: &Elf<'a>) -> Option<(&'a str, u32)> {
    let link = elf.section(".gnu_debuglink")?;
    let end = link.get(..256).unwrap_or(link).iter().position(|byte| *byte == 0)?;
    let name = std::str::from_utf8(link.get(..end)?).ok().filter(|name| !name.contains('/'))?;
    let at = (end + 1).next_multiple_of(4);
    let checksum = link.get(at..at + 4)?.try_into().ok()?;
    Some((
        name,
        if elf.is_big_endian() { u32::from_be_bytes(checksum) } else { u32::from_le_bytes(checksum) },
    ))
}

/// Whether a build id is the one that was recorded.
pub fn is_build_id(recorded: &[u8], found: &[u8]) -> bool {
    found == trimmed(recorded, found)
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

/// Whether a module is called by the path of a file.
fn is_path(module: &Module) -> bool {
    module.path.starts_with('/') && !module.path.starts_with("//")
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

/// Whether a file is an archive, as far as its beginning tells.
pub fn is_archive(path: &Path) -> bool {
    let mut head = [0; 3];
    let read = open_regular(path).is_some_and(|mut file| file.read_exact(&mut head).is_ok());
    read && pack::may_be_archive(&head)
}
