//! Symbols: gives every distinct frame its name, in one batch, from kallsyms and ELF files that belong to the recording.

mod cache;
mod demangle;
mod dwarf;
mod elf;
mod file_names;
mod files;
mod gather;
mod jitdump;
mod kallsyms;
mod kernel_names;
mod kernel_symbols;
mod lines;
mod module_layout;
mod module_names;
mod perf_map;
mod process_root;
mod reduce;
mod search;
mod table;
mod unpack;
mod vdso;

use std::fs;
use std::path::{Path, PathBuf};

use rayon::prelude::*;
use rustc_hash::FxHashMap;

use crate::error::{Error, Result};
use crate::model::{About, Diagnostic, Frame, Mode, Module, NameId, Names, Naming, Severity, Symbols};
use crate::pack::Pack;

pub use elf::{Elf, Found};
use file_names::name_file;
pub use gather::Gatherer;
pub use jitdump::{Jitdump, Wanted};
pub use kallsyms::Kallsyms;
use kernel_names::name_kernel;
pub use lines::source_lines;
use module_names::{Hits, ModuleNames};
pub use perf_map::PerfMap;
use search::{Search, is_own_or_roots};
pub use table::{Symbol, SymbolTable};
pub use unpack::debug_data as unpack_debug_data;

/// The names of all frames.
#[derive(Debug, Default)]
pub struct FrameNames {
    /// For each frame its name.
    pub names: Vec<FrameName>,
    /// For frames into whose code other functions were inlined, these, outermost first.
    pub inlined: FxHashMap<usize, Vec<FrameName>>,
}

/// Where names come from.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// Whether functions that were inlined are shown in user space.
    pub inline: bool,
    /// Whether frames get no names at all.
    pub disabled: bool,
    /// The kernel's ELF file, if the user named it.
    pub vmlinux: Option<PathBuf>,
    /// A kallsyms file that the user named.
    pub kallsyms: Option<PathBuf>,
    /// Whether files are also looked for where their processes have their root, which in containers is another one.
    pub container_root: bool,
    /// A folder that holds the recorded machine's files.
    pub symfs: Option<PathBuf>,
    /// A build-id cache, as perf fills it, or an archive that `perf archive` made of one; by default `.debug` below `symfs`, else in the
    /// user's home.
    pub buildid_dir: Option<PathBuf>,
}

/// A frame's name, and how far it is one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FrameName {
    /// The symbol, or `[module]`, or `[unknown]`.
    pub name: NameId,
    /// Whether it is a symbol.
    pub naming: Naming,
}

/// What naming needs to know of a recording.
pub struct Request<'r> {
    /// The recording's file.
    pub recording: &'r Path,
    /// What it says about itself.
    pub about: &'r About,
    /// The kernel's build id, where recorded.
    pub kernel_build_id: Option<&'r [u8]>,
    /// The frames to name.
    pub frames: &'r [Frame],
    /// For each frame whether its offset is where a call returns to, and not where the CPU was; needed for inlined functions only,
    /// and empty where they are not asked for.
    pub callers: &'r [bool],
    /// The pack that the recording was read from.
    pub pack: Option<&'r Pack>,
    /// Who gathers the files that names come from.
    pub gatherer: Option<&'r Gatherer>,
    /// The archive of programs that came with the recording, as it is packed.
    pub archive: Option<&'r [u8]>,
    /// Bytes of memory for what an archive of this size holds.
    pub memory: &'r (dyn Fn(u64) -> u64 + Sync),
    /// When each frame was sampled; `None` where no names are asked for.
    pub seen: Option<Seen<'r>>,
}

/// When a frame was sampled first and last, in ns of the recording's clock.
pub type Seen<'r> = &'r (dyn Fn(usize) -> Option<(u64, u64)> + Sync);

impl Request<'_> {
    /// When a frame was sampled first and last, in ns of CLOCK_MONOTONIC, if that is the recording's clock.
    fn seen_monotonic(&self, frame: usize) -> Option<(u64, u64)> {
        const CLOCK_MONOTONIC: i32 = 1;
        let seen = self.seen.filter(|_| self.about.clock.id == Some(CLOCK_MONOTONIC))?;
        seen(frame)
    }
}

/// Names all frames, notes in `modules` what became of the search, and adds to `diagnostics` what the user should know.
pub fn name_frames(
    request: &Request,
    sources: &Sources,
    modules: &mut [Module],
    names: &mut Names,
    diagnostics: &mut Vec<Diagnostic>,
) -> Result<FrameNames> {
    let mut named = unnamed(request.frames, modules, names);
    let mut inlined = FxHashMap::default();
    if sources.disabled {
        return Ok(FrameNames { names: named, inlined });
    }
    check_places(sources)?;
    let mut by_module: Vec<Vec<usize>> = vec![Vec::new(); modules.len()];
    for (index, frame) in request.frames.iter().enumerate() {
        if let Some(module) = frame.module {
            by_module[module.index()].push(index);
        }
    }
    let is_hit = |module: &usize| !by_module[*module].is_empty();
    let mut hit: Vec<usize> = (0..modules.len()).filter(is_hit).collect();
    // The kernel's come first.
    hit.sort_by_key(|module| modules[*module].kernel.is_none());
    let hits = Hits { frames: request.frames, callers: request.callers, by_module: &by_module };
    let (found, said) = match request.pack.filter(|pack| pack.is_redacted()) {
        Some(pack) => names_in(pack, sources, modules, &hit, &hits)?,
        None => look_up(request, sources, modules, &hit, &hits)?,
    };
    diagnostics.extend(said);
    for (module, found) in hit.into_iter().zip(found) {
        let texts: Vec<NameId> = found.texts.iter().map(|text| names.intern(text)).collect();
        for (&frame, text) in by_module[module].iter().zip(found.of_frames) {
            named[frame] = match text {
                Some(text) => FrameName { name: texts[text], naming: Naming::Named },
                None => FrameName { naming: Naming::NoSymbolHere, ..named[frame] },
            };
        }
        for (frame, functions) in found.inlined {
            let Some(&frame) = by_module[module].get(frame) else { continue };
            // As perf marks them.
            let name = |function: String| FrameName {
                name: names.intern(&format!("{function} (inlined)")),
                naming: Naming::Named,
            };
            inlined.insert(frame, functions.into_iter().map(name).collect());
        }
        modules[module].symbols = found.symbols;
    }
    Ok(FrameNames { names: named, inlined })
}

/// For each of the modules that were `hit`, the kernel's first, the names of its frames, from all files that they may come from; and
/// what the user should know.
fn look_up(
    request: &Request,
    sources: &Sources,
    modules: &[Module],
    hit: &[usize],
    hits: &Hits,
) -> Result<(Vec<ModuleNames>, Vec<Diagnostic>)> {
    let (kernel, user) = hit.split_at(hit.partition_point(|module| modules[*module].kernel.is_some()));
    let search = Search::new(request, sources, modules, request.pack.is_none() && is_made_here(request));
    if let Some(gatherer) = request.gatherer.filter(|_| kernel_symbols::is_this_kernel(request)) {
        gatherer.add_machine();
    }
    let (in_kernel, in_files) = rayon::join(
        || name_kernel(request, sources, &search, modules, kernel, hits),
        || -> Vec<ModuleNames> {
            let name = |&module: &usize| name_file(request, sources, &search, modules, module, hits);
            user.par_iter().map(name).collect()
        },
    );
    let (mut found, missing) = in_kernel?;
    found.extend(in_files);
    Ok((found, missing.into_iter().chain(search.notes()).collect()))
}

/// The same in a redacted pack, which holds these names and nothing that they come from.
fn names_in(
    pack: &Pack,
    sources: &Sources,
    modules: &[Module],
    hit: &[usize],
    hits: &Hits,
) -> Result<(Vec<ModuleNames>, Vec<Diagnostic>)> {
    let named = [
        ("--kallsyms", sources.kallsyms.is_some()),
        ("--symfs", sources.symfs.is_some()),
        ("--buildid-dir", sources.buildid_dir.is_some()),
        ("--container-root", sources.container_root),
    ];
    if let Some((option, _)) = named.into_iter().find(|(_, is_named)| *is_named) {
        let why = "the pack is redacted: its names are in it, and no files can be found for its paths";
        return Err(Error::Usage(format!("{option}: {why}")));
    }
    // It is for lines of source.
    kernel_symbols::named_vmlinux(sources)?;
    let name = |&module: &usize| match pack.find(&modules[module]) {
        Ok(list) => hits.name(module, &PerfMap::new(list).table(&hits.addresses(module, 0)), 0),
        Err(why @ (Symbols::NotAFile | Symbols::NoKallsyms)) => ModuleNames::none(why),
        // What would cure it there cures nothing here.
        Err(_) => ModuleNames::none(Symbols::NotPacked),
    };
    let found: Vec<ModuleNames> = hit.par_iter().map(name).collect();
    let lacks_kernel = found.iter().any(|names| names.symbols == Symbols::NoKallsyms);
    let missing = || {
        Diagnostic::new(
            Severity::Warning,
            "kernel_names",
            1,
            "kernel functions have no names: none were there when the recording was redacted",
            "on the recorded machine, in the same boot, as root, pack it again: stallgraph pack --redact",
        )
    };
    Ok((found, lacks_kernel.then(missing).into_iter().collect()))
}

/// An error if what options name is not there.
fn check_places(sources: &Sources) -> Result<()> {
    let wrong =
        |option, place: &Path, what| Err(Error::Usage(format!("{option} {}: {what}", place.display())));
    if let Some(folder) = sources.symfs.as_ref().filter(|folder| !folder.is_dir()) {
        return wrong("--symfs", folder, "there is no such folder");
    }
    match &sources.buildid_dir {
        Some(place) if !place.exists() => wrong("--buildid-dir", place, "there is no such folder or archive"),
        Some(place) if !place.is_dir() && !search::is_archive(place) => {
            wrong("--buildid-dir", place, "it is neither a folder nor an archive that perf archive made")
        }
        _ => Ok(()),
    }
}

/// The names of frames before any symbols are looked up.
fn unnamed(frames: &[Frame], modules: &[Module], names: &mut Names) -> Vec<FrameName> {
    let unknown = names.intern("[unknown]");
    let mut module_names: Vec<NameId> = Vec::with_capacity(modules.len());
    for module in modules {
        module_names.push(names.intern(&format!("[{}]", module.basename())));
    }
    let name = |frame: &Frame| match (frame.mode, frame.module) {
        (Mode::Guest | Mode::Hypervisor, _) => (unknown, Naming::Foreign),
        (_, None) => (unknown, Naming::NoModule),
        (_, Some(module)) => (module_names[module.index()], Naming::NoSymbols),
    };
    frames.iter().map(name).map(|(name, naming)| FrameName { name, naming }).collect()
}

/// Whether the recording was made on this host, by this user or root. A stream has no owner.
fn is_made_here(request: &Request) -> bool {
    let is_owner = fs::metadata(request.recording).is_ok_and(|metadata| is_own_or_roots(&metadata));
    is_this_host(request) && is_stored(request.recording) && is_owner
}

/// Whether a recording lies where its path says, and did not come as a stream: what leads to one (`/dev/stdin`, `/dev/fd/3`)
/// belongs to whoever reads, whatever file is behind it.
fn is_stored(recording: &Path) -> bool {
    let is_itself = |real: PathBuf| !real.starts_with("/dev") && !real.starts_with("/proc");
    let is_link_to_open_file = recording.starts_with("/dev") || recording.starts_with("/proc");
    recording.as_os_str() != "-"
        && !is_link_to_open_file
        && fs::canonicalize(recording).is_ok_and(is_itself)
        && fs::metadata(recording).is_ok_and(|metadata| metadata.is_file() || metadata.is_dir())
}

/// Whether the recording says that it was made on this host.
fn is_this_host(request: &Request) -> bool {
    let hostname = fs::read_to_string("/proc/sys/kernel/hostname").ok();
    request.about.hostname.is_some()
        && request.about.hostname.as_deref() == hostname.as_deref().map(str::trim)
}
