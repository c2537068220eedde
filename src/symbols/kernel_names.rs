//! The names of frames of the kernel and its modules.
//!
//! The first file that belongs to the recorded kernel gives the names. It may lack those of
//! modules: a vmlinux has none, and a kallsyms of another boot has them at other addresses. Then
//! the other kallsyms are looked through for them in a second pass. Modules that are still unnamed
//! are named from their own files.

use std::path::{Path, PathBuf};

use crate::error::Result;
use crate::model::{Diagnostic, KernelNames, NamePlace, Severity, Symbols};
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
    let first_pass = kernel.name_from_first(kernel_files::all(lookup)?)?;
    if let Some(pass) = first_pass
        && kernel.lacks_modules()
    {
        kernel.name_modules(kernel_files::kallsyms_only(lookup, pass.kallsyms)?)?;
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

/// What gave the names in the first pass.
#[derive(Clone, Copy)]
struct Pass {
    /// The place of the kallsyms; `None` if it was a vmlinux.
    kallsyms: Option<NamePlace>,
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

    /// Names all modules from the first of `files` that belongs to the recorded kernel; `None` if
    /// there is none. It is an error if an option names a file that does not.
    fn name_from_first(&mut self, files: KernelFiles) -> Result<Option<Pass>> {
        for file in files {
            if let Some(symbols) = self.check(&file)? {
                self.name_from(&symbols, &file);
                self.add_source(&file);
                return Ok(Some(Pass { kallsyms: symbols.is_kallsyms().then_some(file.place) }));
            }
        }
        Ok(None)
    }

    /// Names those modules that have no names yet from those of `files` that belong to the recorded
    /// kernel, until all have names. It is an error if an option names a file that does not.
    fn name_modules(&mut self, files: KernelFiles) -> Result<()> {
        for file in files {
            if let Some(symbols) = self.check(&file)?
                && self.name_from(&symbols, &file)
            {
                self.add_source(&file);
            }
            if !self.lacks_modules() {
                break;
            }
        }
        Ok(())
    }

    /// Whether a kernel module has no names yet.
    fn lacks_modules(&self) -> bool {
        let mut modules = self.modules.iter().zip(&self.names);
        modules.any(|(frames, names)| is_kernel_module(frames) && names.symbols == Symbols::NoKallsyms)
    }

    /// Notes that names come from a file.
    fn add_source(&mut self, file: &KernelFile) {
        if let Some(gatherer) = self.lookup.request.gatherer {
            file.add_to(gatherer);
        }
        self.files.push(KernelNames::new(&file.path.to_string_lossy(), file.place));
    }

    /// The symbols of `file`; `None` if they are not those of the recorded kernel, which is an
    /// error if an option names the file.
    fn check<'f>(&mut self, file: &'f KernelFile) -> Result<Option<KernelSymbols<'f>>> {
        match self.symbols_of(file) {
            Ok(symbols) => Ok(Some(symbols)),
            Err(why) => match file.error_if_named(&why) {
                Some(error) => Err(error),
                None => {
                    self.refuse(&file.path, why);
                    Ok(None)
                }
            },
        }
    }

    /// The symbols of `file`, or why they are not those of the recorded kernel.
    fn symbols_of<'f>(&self, file: &'f KernelFile) -> std::result::Result<KernelSymbols<'f>, String> {
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

    /// Names the modules that have no names yet. Returns whether one has names now.
    fn name_from(&mut self, symbols: &KernelSymbols, file: &KernelFile) -> bool {
        let boot = symbols.boot(self.lookup.modules, file.is_whole());
        let mut is_any_named = false;
        for (frames, names) in self.modules.iter().zip(&mut self.names) {
            let Some(code) = frames.module.kernel.as_ref().filter(|code| !code.is_function) else { continue };
            if names.symbols != Symbols::NoKallsyms {
                continue;
            }
            let shift = symbols.shift(code);
            if let Some(table) = symbols.table(frames.module, boot, &frames.addresses(shift)) {
                *names = frames.names_from(&table, shift);
                is_any_named = true;
            }
        }
        is_any_named
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
