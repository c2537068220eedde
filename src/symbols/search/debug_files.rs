//! Finds separate debug information, and the kernel's ELF file, which is installed with it.

use crate::model::Module;
use crate::symbols::build_id::{forms, split_hex};
use crate::symbols::formats::bytes::Bytes;
use crate::symbols::formats::elf::Elf;
use crate::symbols::trust;

use super::places::Search;

/// The folder in which separate debug information is installed, below the root or `--symfs`.
const DEBUG_FOLDER: &str = "usr/lib/debug";

impl Search<'_> {
    /// The separate debug information of `module`, whose file is `elf`.
    pub fn find_debug(&self, module: &Module, elf: &Elf) -> Option<Bytes<'_>> {
        self.find_packed_debug(module)
            .or_else(|| self.gather_debug(module, self.find_debug_of(&module.path, elf)))
    }

    /// The separate debug information of `module`, whose own file is not there.
    pub fn find_debug_alone(&self, module: &Module) -> Option<Bytes<'_>> {
        self.find_packed_debug(module).or_else(|| {
            let build_id = module.build_id.as_ref()?;
            let is_same = |debug: &Bytes| trust::has_build_id(debug, build_id);
            let installed = self.find_installed(build_id).filter(is_same);
            let debug = installed.or_else(|| self.find_cached(build_id, "debug").filter(is_same));
            self.gather_debug(module, debug)
        })
    }

    /// The separate debug information of the file `elf` at `path`: installed under its build id, in
    /// a build-id cache, or named by its `.gnu_debuglink`, in the folders in which gdb looks.
    pub fn find_debug_of(&self, path: &str, elf: &Elf) -> Option<Bytes<'_>> {
        let build_id = elf.build_id();
        if let Some(id) = build_id {
            let is_same = |debug: &Bytes| trust::is_debug_of(debug, build_id, None);
            let installed = || self.find_installed(id).filter(is_same);
            let cached = || self.find_cached(id, "debug").filter(is_same);
            if let Some(debug) = installed().or_else(cached) {
                return Some(debug);
            }
        }
        let (name, checksum) = debug_link(elf)?;
        let folder = path.strip_prefix('/')?.rsplit_once('/').map_or("", |(folder, _)| folder);
        let paths = [
            format!("{folder}/{name}"),
            format!("{folder}/.debug/{name}"),
            format!("{DEBUG_FOLDER}/{folder}/{name}"),
        ];
        let root = self.trust.root()?;
        paths.iter().find_map(|path| {
            let debug = self.opener.bytes_below(root, path.trim_start_matches('/'), &self.budget)?;
            trust::is_debug_of(&debug, build_id, Some(checksum)).then_some(debug)
        })
    }

    /// The kernel's ELF file, where distributions install it.
    pub fn find_vmlinux(&self, release: &str, build_id: &[u8]) -> Option<Bytes<'_>> {
        let is_same = |file: &Bytes| trust::has_build_id(file, build_id);
        if let Some(file) = self.find_installed(build_id).filter(is_same) {
            return Some(file);
        }
        let root = self.trust.root()?;
        let paths = [
            format!("{DEBUG_FOLDER}/boot/vmlinux-{release}"),
            format!("{DEBUG_FOLDER}/lib/modules/{release}/vmlinux"),
            format!("boot/vmlinux-{release}"),
            format!("lib/modules/{release}/build/vmlinux"),
        ];
        paths.iter().find_map(|path| self.opener.bytes_below(root, path, &self.budget).filter(is_same))
    }

    /// The debug information that is installed under this build id.
    fn find_installed(&self, build_id: &[u8]) -> Option<Bytes<'static>> {
        let root = self.trust.debug_root()?;
        forms(build_id).find_map(|id| {
            let path = format!("{DEBUG_FOLDER}/.build-id/{}.debug", split_hex(id)?);
            self.opener.bytes_below(root, &path, &self.budget)
        })
    }

    fn find_packed_debug(&self, module: &Module) -> Option<Bytes<'_>> {
        self.use_packed(self.pack?.find_debug(module)?).ok()
    }

    /// Adds debug information that was found to the contents of a pack.
    fn gather_debug<'b>(&self, module: &Module, debug: Option<Bytes<'b>>) -> Option<Bytes<'b>> {
        if let (Some(gatherer), Some(debug)) = (self.gatherer, &debug) {
            gatherer.set_debug(module, debug);
        }
        debug
    }
}

/// What `.gnu_debuglink` holds: the name of a file, NUL, padding to four bytes, and the CRC-32 of
/// the file's content.
fn debug_link<'a>(elf: &Elf<'a>) -> Option<(&'a str, u32)> {
    let link = elf.section(".gnu_debuglink")?;
    let end = link.get(..256).unwrap_or(link).iter().position(|byte| *byte == 0)?;
    let name = std::str::from_utf8(link.get(..end)?).ok().filter(|name| !name.contains('/'))?;
    let at = (end + 1).next_multiple_of(4);
    let checksum = link.get(at..at + 4)?.try_into().ok()?;
    let checksum =
        if elf.is_big_endian() { u32::from_be_bytes(checksum) } else { u32::from_le_bytes(checksum) };
    Some((name, checksum))
}
