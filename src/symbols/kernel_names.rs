//! The names of frames of the kernel and its modules.
//!
//! The first file that belongs to the recorded kernel gives the names. If it is a vmlinux, which
//! has no modules, the first kallsyms gives the modules' names in a second pass. Modules that are
//! still unnamed are named from their own files.

use std::path::{Path, PathBuf};

use crate::error::Result;
use crate::model::{Diagnostic, KernelNames, Severity, Symbols};
use crate::pack::Pack;

use super::formats::elf::{Elf, FileSymbol};
use super::formats::table::SymbolTable;
use super::kernel_files::{self, KernelFile, KernelFiles};
use super::kernel_symbols::KernelSymbols;
use super::lookup::Lookup;
use super::module_names::{ModuleFrames, ModuleNames};

/// The names of the kernel and its modules.
pub struct NamedKernel {
    /// For each module its names.
    pub names: Vec<ModuleNames>,
    /// The files that they come from, that of the kernel proper first.
    pub files: Vec<KernelNames>,
    /// What the user should know.
    pub diagnostic: Option<Diagnostic>,
}

/// Names the frames of the kernel and its modules.
///
/// # Errors
///
/// If a file with kernel symbols that an option names cannot be read, or is not of the recorded
/// kernel.
pub fn name_kernel(lookup: &Lookup, modules: &[ModuleFrames]) -> Result<NamedKernel> {
    let mut kernel = KernelNaming::new(lookup, modules);
    if modules.is_empty() {
        return Ok(NamedKernel { names: kernel.names, files: kernel.files, diagnostic: None });
    }
    let first_pass = kernel.name_from_first(kernel_files::all(lookup)?, |_| true)?;
    if first_pass.is_some_and(|pass| pass.lacks_modules) && modules.iter().any(is_kernel_module) {
        kernel.name_from_first(kernel_files::kallsyms_only(lookup)?, is_kernel_module)?;
    }
    kernel.name_from_own_files();
    let has_unnamed = kernel.names.iter().any(|names| names.symbols == Symbols::NoKallsyms);
    let diagnostic = match first_pass {
        None => has_unnamed.then(|| missing(kernel.refused)),
        Some(_) => kernel.refused.map(not_used),
    };
    Ok(NamedKernel { names: kernel.names, files: kernel.files, diagnostic })
}

/// The names of the kernel's modules found so far.
struct KernelNaming<'l> {
    lookup: &'l Lookup<'l>,
    modules: &'l [ModuleFrames<'l>],
    /// For each of `modules` its names so far.
    names: Vec<ModuleNames>,
    /// The files that they come from.
    files: Vec<KernelNames>,
    /// The first file that was not used, and why.
    refused: Option<(PathBuf, String)>,
}

/// The work left after a pass over a file of kernel symbols.
#[derive(Clone, Copy)]
struct Pass {
    lacks_modules: bool,
}

impl<'l> KernelNaming<'l> {
    /// Only functions that the kernel generated at run time have names yet: the recording holds
    /// them.
    fn new(lookup: &'l Lookup<'l>, modules: &'l [ModuleFrames<'l>]) -> Self {
        let name = |frames: &ModuleFrames| match is_generated(frames) {
            true => frames.all_named(&frames.module.path),
            false => ModuleNames::none(Symbols::NoKallsyms),
        };
        let refused = lookup.request.pack.and_then(Pack::refused);
        KernelNaming {
            lookup,
            modules,
            names: modules.iter().map(name).collect(),
            files: Vec::new(),
            refused: refused.map(|(path, why)| (path.into(), why.to_owned())),
        }
    }

    /// Names those modules for which `is_wanted` holds, from the first of `files` that belongs to
    /// the recorded kernel; `None` if there is none. It is an error if an option names a file that
    /// does not.
    fn name_from_first(
        &mut self,
        files: KernelFiles,
        is_wanted: impl Fn(&ModuleFrames) -> bool,
    ) -> Result<Option<Pass>> {
        for file in files {
            match self.check(&file) {
                Ok(symbols) => {
                    if let Some(gatherer) = self.lookup.request.gatherer {
                        file.add_to(gatherer);
                    }
                    self.name_from(&symbols, is_wanted);
                    self.files.push(KernelNames::new(&file.path.to_string_lossy(), file.place));
                    return Ok(Some(Pass { lacks_modules: symbols.lacks_modules() }));
                }
                Err(why) => match file.error_if_named(&why) {
                    Some(error) => return Err(error),
                    None => self.refuse(&file.path, why),
                },
            }
        }
        Ok(None)
    }

    /// The symbols of `file`, or why they are not those of the recorded kernel.
    fn check<'f>(&self, file: &'f KernelFile) -> std::result::Result<KernelSymbols<'f>, String> {
        let symbols = file.symbols()?;
        if let Some(why) = file.trouble() {
            return Err(why.reason().replace("the file here", "it"));
        }
        match symbols.refusal(self.lookup.modules, self.lookup.request.kernel_build_id) {
            Some(why) => Err(why),
            None => Ok(symbols),
        }
    }

    fn refuse(&mut self, path: &Path, why: String) {
        if let Some(gatherer) = self.lookup.request.gatherer {
            gatherer.refuse_kernel(path, &why);
        }
        self.refused.get_or_insert_with(|| (path.to_owned(), why));
    }

    fn name_from(&mut self, symbols: &KernelSymbols, is_wanted: impl Fn(&ModuleFrames) -> bool) {
        for (frames, names) in self.modules.iter().zip(&mut self.names) {
            let Some(code) = frames.module.kernel.as_ref().filter(|code| !code.is_function) else { continue };
            if !is_wanted(frames) {
                continue;
            }
            let shift = symbols.shift(code);
            if let Some(table) = symbols.table(frames.module, code, &frames.addresses(shift)) {
                *names = frames.names_from(&table, shift);
            }
        }
    }

    /// Names the modules that are still unnamed from their own files.
    fn name_from_own_files(&mut self) {
        for (frames, names) in self.modules.iter().zip(&mut self.names) {
            if names.symbols == Symbols::NoKallsyms
                && !frames.module.is_kernel_proper()
                && let Some(own) = name_from_own_file(self.lookup, frames)
            {
                *names = own;
            }
        }
    }
}

/// Names the frames of a kernel module from its file, or from separate debug information if the
/// file is not here.
fn name_from_own_file(lookup: &Lookup, frames: &ModuleFrames) -> Option<ModuleNames> {
    let search = &lookup.search;
    let file = search.find(frames.module).ok().or_else(|| search.find_debug_alone(frames.module))?;
    let elf = file.elf().filter(Elf::is_relocatable)?;
    let symbols = elf.full_symbols(Some(&frames.addresses(0)))?;
    let table = SymbolTable::new(symbols.iter().map(FileSymbol::at_address).collect());
    let names = frames.names_from(&table, 0);
    Some(file.trouble().map_or(names, ModuleNames::none))
}

/// Whether these frames belong to one function that the kernel generated at run time, such as a BPF
/// program.
fn is_generated(frames: &ModuleFrames) -> bool {
    frames.module.kernel.as_ref().is_some_and(|code| code.is_function)
}

/// Whether these frames are of a kernel module.
fn is_kernel_module(frames: &ModuleFrames) -> bool {
    !frames.module.is_kernel_proper() && !is_generated(frames)
}

/// The diagnostic if another file belongs to the recorded kernel than the one that was found first.
fn not_used((path, why): (PathBuf, String)) -> Diagnostic {
    let message = format!("{} is not used for names of the kernel: {why}", path.display());
    Diagnostic::new(Severity::Info, "kernel_names", 1, &message, "")
}

/// The diagnostic if no file belongs to the recorded kernel. `refused` is the first file that was
/// found, and the reason why it was not used.
fn missing(refused: Option<(PathBuf, String)>) -> Diagnostic {
    let why = match refused {
        None => "no kallsyms or vmlinux of the recorded kernel was found".to_owned(),
        Some((path, why)) => format!("{} is not used: {why}", path.display()),
    };
    Diagnostic::new(
        Severity::Warning,
        "kernel_names",
        1,
        &format!("kernel functions have no names: {why}"),
        "on the recorded machine, in the same boot, as root: cat /proc/kallsyms > kallsyms; then give --kallsyms, \
         or put it beside the perf.data",
    )
}
