//! Symbols: gives each distinct frame its name, in one batch, from files that belong to the
//! recording.
//!
//! This file is the flow. `trust` says which files may be opened and which count as the recorded
//! ones, `search` finds them, `formats` reads them, and the `*_names` files turn symbols into
//! names.

mod build_id;
mod file_names;
mod formats;
mod frame_names;
#[cfg(feature = "pack")]
mod gather;
#[cfg(not(feature = "pack"))]
#[path = "no_gatherer.rs"]
mod gather;
mod generated_names;
mod kernel_files;
mod kernel_names;
mod kernel_symbols;
mod lines;
mod lookup;
mod module_names;
mod redacted;
mod request;
mod search;
mod sources;
mod trust;
mod unwind;

use std::collections::BTreeSet;

use rayon::prelude::*;

use crate::error::Result;
use crate::model::{
    Diagnostic, FileId, Frame, KernelNames, Mode, Module, NameId, Names, Naming, Severity, Symbols,
};

use lookup::Lookup;
use module_names::{ModuleFrames, ModuleNames};

pub use crate::pack::Budget;
pub use formats::elf::{Elf, FileSymbol, Parts, PltStub, Reduced};
pub use formats::jitdump::{Jitdump, WantedAddress};
pub use formats::kallsyms::Kallsyms;
pub use formats::perf_map::PerfMap;
pub use formats::table::SymbolTable;
pub use formats::unpack::debug_data as unpack_debug_data;
pub use frame_names::{FrameName, FrameNames};
pub use gather::Gatherer;
pub use lines::source_lines;
pub use request::Request;
pub use sources::Sources;
pub use unwind::{CallFrames, Code, Machine, Piece, Registers, TableFiles, Unwinder, Worker as StackWorker};

/// Names all frames. Sets in `modules` whether symbols were found, and adds to `diagnostics` what
/// the user should know.
///
/// # Errors
///
/// If a file or folder that an option names cannot be used, or if an option makes no sense for a
/// redacted pack.
pub fn name_frames(
    request: &Request,
    sources: &Sources,
    modules: &mut [Module],
    names: &mut Names,
    diagnostics: &mut Vec<Diagnostic>,
) -> Result<FrameNames> {
    let mut frame_names = FrameNames { names: unnamed(request.frames, modules, names), ..Default::default() };
    if sources.disabled {
        return Ok(frame_names);
    }
    search::check_options(sources)?;
    let mut by_module: Vec<Vec<usize>> = vec![Vec::new(); modules.len()];
    for (index, frame) in request.frames.iter().enumerate() {
        if let Some(module) = frame.module {
            by_module[module.index()].push(index);
        }
    }
    let mut hit: Vec<usize> = (0..modules.len()).filter(|&module| !by_module[module].is_empty()).collect();
    // The kernel's come first.
    hit.sort_by_key(|module| modules[*module].kernel.is_none());
    let frames_of = |&module: &usize| ModuleFrames::new(request, &modules[module], &by_module[module]);
    let hit_frames: Vec<ModuleFrames> = hit.iter().map(frames_of).collect();
    let all_names = match request.pack.filter(|pack| pack.is_redacted()) {
        Some(pack) => {
            let (all_names, missing) = redacted::name_redacted(pack, sources, request.budget, &hit_frames)?;
            diagnostics.extend(missing);
            let is_left_out = |names: &&ModuleNames| names.symbols == Symbols::OverBudget;
            let left_out = all_names.iter().filter(is_left_out).count();
            diagnostics.extend((left_out > 0).then(|| over_budget(left_out)));
            all_names
        }
        None => {
            let found = look_up(request, sources, modules, &hit_frames)?;
            diagnostics.extend(found.notes);
            frame_names.kernel_names = found.kernel_files;
            frame_names.symbol_files = found.opened;
            found.names
        }
    };
    for (module, module_names) in hit.into_iter().zip(all_names) {
        modules[module].symbols = module_names.symbols;
        set_names(&mut frame_names, &by_module[module], module_names, names);
    }
    Ok(frame_names)
}

/// What was found for some modules.
struct Found {
    /// For each module the names of its frames.
    names: Vec<ModuleNames>,
    /// The files that names of the kernel come from.
    kernel_files: Vec<KernelNames>,
    /// The files that were opened.
    opened: BTreeSet<FileId>,
    /// What the user should know.
    notes: Vec<Diagnostic>,
}

/// The names of the frames of each of `hit`, which are those of `modules` that have frames, the
/// kernel's first, from all files that they may come from.
fn look_up(request: &Request, sources: &Sources, modules: &[Module], hit: &[ModuleFrames]) -> Result<Found> {
    kernel_files::check_named(sources)?;
    if let Some(gatherer) = request.gatherer.filter(|_| trust::is_this_kernel(request)) {
        gatherer.add_machine();
    }
    let mut found = name_all(&Lookup::new(request, sources, modules), hit, true)?;
    if request.budget.is_exceeded() {
        // Which modules went without names depended on the order in which threads took memory. One
        // after the other the result is always the same.
        request.start_again();
        found = name_all(&Lookup::new(request, sources, modules), hit, false)?;
    }
    let with = |wanted: Symbols| {
        let all_names = hit.iter().zip(&found.names);
        all_names.filter(move |(_, names)| names.symbols == wanted).map(|(frames, _)| frames)
    };
    let cut = with(Symbols::CutWhileRead).map(|frames| cut_file(frames.module));
    let over = request.budget.is_exceeded().then(|| over_budget(with(Symbols::OverBudget).count()));
    let notes: Vec<Diagnostic> = cut.chain(over).collect();
    found.notes.extend(notes);
    Ok(found)
}

/// Looks up the names of the frames of each of `modules`.
fn name_all(lookup: &Lookup, modules: &[ModuleFrames], is_parallel: bool) -> Result<Found> {
    let is_kernel = |frames: &ModuleFrames| frames.module.kernel.is_some();
    let (kernel, user) = modules.split_at(modules.partition_point(is_kernel));
    let name_user = |frames: &ModuleFrames| match frames.module.process {
        Some(process) => generated_names::name_generated(lookup, frames, process),
        None => file_names::name_file(lookup, frames),
    };
    let name_kernel = || kernel_names::name_kernel(lookup, kernel);
    let (kernel_names, user_names): (_, Vec<ModuleNames>) = match is_parallel {
        true => rayon::join(name_kernel, || user.par_iter().map(name_user).collect()),
        false => (name_kernel(), user.iter().map(name_user).collect()),
    };
    let kernel = kernel_names?;
    Ok(Found {
        names: kernel.names.into_iter().chain(user_names).collect(),
        kernel_files: kernel.files,
        opened: lookup.search.opener().opened(),
        notes: kernel.diagnostic.into_iter().chain(lookup.search.notes()).collect(),
    })
}

/// The diagnostic for memory that was used up: this many modules have no names for it.
fn over_budget(modules: usize) -> Diagnostic {
    Diagnostic::new(
        Severity::Warning,
        "memory",
        1,
        &format!(
            "the memory that is allowed is used up by files that names come from: not all were read or kept, and \
             {modules} of them give no names"
        ),
        Symbols::OverBudget.remedy(),
    )
}

/// The diagnostic for a file that another process wrote while it was read: nothing of it is used.
fn cut_file(module: &Module) -> Diagnostic {
    Diagnostic::new(
        Severity::Warning,
        "cut_file",
        1,
        &format!("{} was written or cut while it was read: its functions have no names", module.path),
        Symbols::CutWhileRead.remedy(),
    )
}

/// Gives the frames with these `indices` the names that were found in their module.
fn set_names(frame_names: &mut FrameNames, indices: &[usize], module_names: ModuleNames, names: &mut Names) {
    let texts: Vec<NameId> = module_names.texts.iter().map(|text| names.intern(text)).collect();
    for (&frame, text) in indices.iter().zip(module_names.of_frames) {
        let frame_name = &mut frame_names.names[frame];
        match text {
            Some(text) => *frame_name = FrameName { name: texts[text], naming: Naming::Named },
            None => frame_name.naming = Naming::NoSymbolHere,
        }
    }
    for (number, functions) in module_names.inlined {
        let Some(&frame) = indices.get(number) else { continue };
        // As perf marks them.
        let name = |function: String| FrameName {
            name: names.intern(&format!("{function} (inlined)")),
            naming: Naming::Named,
        };
        frame_names.inlined.insert(frame, functions.into_iter().map(name).collect());
    }
}

/// The names that frames have without symbols: `[MODULE]`, or `[unknown]`.
fn unnamed(frames: &[Frame], modules: &[Module], names: &mut Names) -> Vec<FrameName> {
    let unknown = names.intern("[unknown]");
    let mut module_names: Vec<NameId> = Vec::with_capacity(modules.len());
    for module in modules {
        module_names.push(names.intern(&format!("[{}]", module.basename())));
    }
    let not_read = names.intern("[user frames not read]");
    let not_unwound = names.intern(Frame::NOT_UNWOUND_NAME);
    let foreign =
        [Mode::Guest, Mode::Hypervisor].map(|mode| names.intern(mode.placeholder().unwrap_or_default()));
    let name = |frame: &Frame| match (frame.mode, frame.module) {
        _ if *frame == Frame::USER_NOT_READ => (not_read, Naming::NotRead),
        _ if *frame == Frame::NOT_UNWOUND => (not_unwound, Naming::NotUnwound),
        (Mode::Guest, _) => (foreign[0], Naming::Foreign),
        (Mode::Hypervisor, _) => (foreign[1], Naming::Foreign),
        (_, None) => (unknown, Naming::NoModule),
        (_, Some(module)) => (module_names[module.index()], Naming::NoSymbols),
    };
    frames.iter().map(name).map(|(name, naming)| FrameName { name, naming }).collect()
}
