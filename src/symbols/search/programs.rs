//! Finds the ELF file of a module: a program, a library, a kernel module, `[vdso]`; and the
//! kernel's files in build-id caches.

use std::fs::File;

use crate::model::{Module, Symbols};
use crate::pack::Compression;
use crate::symbols::formats::bytes::{Bytes, Text};
use crate::symbols::formats::stored::Copied;
use crate::symbols::formats::unpack;
use crate::symbols::request::Request;
use crate::symbols::trust::{self, is_this_kernel};

use super::open::stored;
use super::places::{Search, is_path};
use super::walk::Root;
use super::{process_root, vdso};

impl Search<'_> {
    /// The ELF file of `module`: below the root of the process that mapped it, else at its recorded
    /// path, else in a build-id cache.
    ///
    /// # Errors
    ///
    /// Why there is none.
    pub fn find(&self, module: &Module) -> Result<Bytes<'_>, Symbols> {
        if let Some(file) = self.find_in_pack(module) {
            return file;
        }
        let file = self.find_in_files(module);
        if let Some(gatherer) = self.gatherer {
            gatherer.set_elf(module, file.as_ref().map_err(|why| *why));
        }
        file
    }

    fn find_in_files(&self, module: &Module) -> Result<Bytes<'_>, Symbols> {
        let in_container = module
            .mapped_by
            .filter(|_| self.trust.opens_process_roots() && is_path(module))
            .and_then(|process| process_root::open(&self.opener, process, &module.path));
        in_container
            .and_then(|file| self.read_checked(module, file).ok())
            .map_or_else(|| self.find_at_path(module), Ok)
            .or_else(|why| self.find_in_caches(module).ok_or(why))
    }

    fn find_at_path(&self, module: &Module) -> Result<Bytes<'static>, Symbols> {
        if !is_path(module) {
            return Err(Symbols::NotAFile);
        }
        let root = self.trust.root().ok_or(Symbols::NotLookedFor)?;
        let root = Root::of_user(root).ok_or(Symbols::NoFile)?;
        self.read_checked(module, self.opener.open_below(&root, &module.path[1..])?)
    }

    /// Reads a file if it is the recorded one.
    fn read_checked(&self, module: &Module, file: File) -> Result<Bytes<'static>, Symbols> {
        let metadata = file.metadata().map_err(|_| Symbols::NoFile)?;
        let bytes = stored(file, &self.budget).ok_or(Symbols::NotElf)?;
        let bytes = self.unpacked(module, bytes)?;
        let elf = bytes.elf().ok_or(Symbols::NotElf)?;
        self.trust.check_program(module, &elf, &metadata)?;
        Ok(bytes)
    }

    /// The ELF file of `module` in a build-id cache. perf names a program `elf` there, and `[vdso]`
    /// `vdso` (build_id_cache__basename, tools/perf/util/build-id.c).
    fn find_in_caches(&self, module: &Module) -> Option<Bytes<'_>> {
        let build_id = module.build_id.as_ref()?;
        self.caches.iter().find_map(|cache| {
            let file = ["elf", "vdso"].iter().find_map(|name| cache.find(&self.opener, build_id, name))?;
            self.unpacked(module, file).ok().filter(|file| trust::has_build_id(file, build_id))
        })
    }

    /// The file `name` of this build id in the build-id caches. Only the first cache with any file
    /// of this build id is searched. It was filled for that build id. An archive made from it comes
    /// later in the order and has nothing more, so unpacking the archive would be useless.
    pub fn find_cached(&self, build_id: &[u8], name: &str) -> Option<Bytes<'_>> {
        let cache = self.caches.iter().find(|cache| cache.has(&self.opener, build_id))?;
        cache.find(&self.opener, build_id, name)
    }

    /// The `[vdso]` of this process, if `module` is the recorded one and both are the same. With
    /// `--symfs` or a pack, the files are those of another machine, so this machine's `[vdso]` is
    /// not used.
    pub fn find_own_vdso(&self, request: &Request, module: &Module) -> Option<Vec<u8>> {
        if module.path != "[vdso]" || self.trust.is_symfs() || self.pack.is_some() {
            return None;
        }
        let file = match &module.build_id {
            None if !is_this_kernel(request) => None,
            None => vdso::own(),
            Some(recorded) => vdso::own().filter(|file| trust::has_build_id(file, recorded)),
        }?;
        if let Some(gatherer) = self.gatherer {
            gatherer.set_elf(module, Ok(&Bytes::of(&file)));
        }
        Some(file)
    }

    /// The ELF file in `file`. Kernel modules may be installed compressed, and perf keeps them so.
    fn unpacked<'b>(&self, module: &Module, file: Bytes<'b>) -> Result<Bytes<'b>, Symbols> {
        let is_packed = |compression: &Compression| file.starts_with(compression.magic());
        let compression = Compression::ALL.into_iter().find(is_packed);
        let Some(compression) = compression.filter(|_| module.kernel.is_some()) else { return Ok(file) };
        let text = file.into_text(unpack::MAX_MODULE).ok_or(Symbols::OverBudget)?;
        match unpack::kernel_module(compression, &text, &self.budget) {
            Some(unpacked) => Ok(Bytes::Text(Text::Copied(Copied::whole(unpacked)))),
            None if self.budget.is_exceeded() => Err(Symbols::OverBudget),
            None => Err(Symbols::NotElf),
        }
    }
}
