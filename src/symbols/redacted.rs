//! Names in a redacted pack: it holds the names of each module's frames, and none of the files that
//! they came from.

use std::collections::HashSet;

use rayon::prelude::*;

use crate::error::{Error, Result};
use crate::model::{Diagnostic, Severity, Symbols};
use crate::pack::{Budget, Pack};

use super::formats::perf_map::PerfMap;
use super::kernel_files;
use super::module_names::{ModuleFrames, ModuleNames};
use super::sources::Sources;

/// Names the frames of each of `modules`, and says what the user should know.
///
/// # Errors
///
/// [`Error::Usage`] if an option names files, which cannot be found by redacted paths.
pub fn name_redacted(
    pack: &Pack,
    sources: &Sources,
    budget: &Budget,
    modules: &[ModuleFrames],
) -> Result<(Vec<ModuleNames>, Option<Diagnostic>)> {
    let options = [
        ("--kallsyms", sources.kallsyms.is_some()),
        ("--symfs", sources.symfs.is_some()),
        ("--buildid-dir", sources.buildid_dir.is_some()),
        ("--container-root", sources.container_root),
    ];
    if let Some((option, _)) = options.into_iter().find(|(_, is_given)| *is_given) {
        let why = "the pack is redacted: its names are in it, and no files can be found for its paths";
        return Err(Error::Usage(format!("{option}: {why}")));
    }
    // A vmlinux is allowed, for lines of source, but it must be readable.
    kernel_files::check_named(sources)?;
    // Thousands of modules may name the same list, and each reads it: from the second on its length
    // counts against the budget.
    let mut used = HashSet::new();
    let mut find = |frames: &ModuleFrames| {
        let list = pack.find(frames.module)?;
        let is_allowed = used.insert(list.as_ptr()) || budget.take(list.len() as u64);
        if is_allowed { Ok(list) } else { Err(Symbols::OverBudget) }
    };
    let lists: Vec<std::result::Result<&[u8], Symbols>> = modules.iter().map(&mut find).collect();
    let name = |(frames, list): (&ModuleFrames, &std::result::Result<&[u8], Symbols>)| match *list {
        Ok(list) => frames.names_from(&PerfMap::new(list).table(&frames.addresses(0)), 0),
        Err(why @ (Symbols::NotAFile | Symbols::NoKallsyms | Symbols::OverBudget)) => ModuleNames::none(why),
        // The other reasons have a remedy that works only on the machine that made the pack.
        Err(_) => ModuleNames::none(Symbols::NotPacked),
    };
    let names: Vec<ModuleNames> = modules.par_iter().zip(&lists).map(name).collect();
    let lacks_kernel = names.iter().any(|names| names.symbols == Symbols::NoKallsyms);
    let missing = || {
        Diagnostic::new(
            Severity::Warning,
            "kernel_names",
            1,
            "kernel functions have no names: none were there when the recording was redacted",
            "on the recorded machine, in the same boot, as root, pack it again: stallgraph pack --redact",
        )
    };
    Ok((names, lacks_kernel.then(missing)))
}
