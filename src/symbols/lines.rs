//! Lines of source: which line of which file the code at a place in the kernel was made from, by the debug information of its
//! vmlinux.

use crate::error::Result;
use crate::model::{CodePlace, Diagnostic, Module, Severity, clean};

use super::dwarf;
use super::kernel_symbols::vmlinux_files;
use super::search::Search;
use super::{Request, Sources, is_made_here};

/// The line of source, `FILE:LINE` and safe to print, of each place that lies in the kernel proper; or what to tell the user if
/// there is no debug information of the recorded kernel.
pub fn source_lines(
    request: &Request,
    sources: &Sources,
    modules: &[Module],
    places: &[CodePlace],
) -> Result<std::result::Result<Vec<Option<String>>, Diagnostic>> {
    let search = Search::new(request, sources, modules, is_made_here(request));
    let kernel_code = |place: &CodePlace| {
        let frame = request.frames.get(place.frame.index())?;
        let module = modules.get(frame.module?.index()).filter(|module| module.is_kernel_proper())?;
        Some((module.kernel.as_ref()?, frame.offset))
    };
    for file in vmlinux_files(request, sources, &search)? {
        let Some((elf, symbols)) = file.elf().zip(file.symbols()) else { continue };
        if symbols.refusal(modules, request.kernel_build_id).is_some() {
            continue;
        }
        // The file may have its debug information elsewhere: then that is found by its build id.
        let separate = if dwarf::is_in(&elf) { None } else { search.look_for_debug("", &elf) };
        let separate = separate.as_ref().and_then(|file| super::Elf::parse(file));
        let debug = separate.as_ref().unwrap_or(&elf);
        if !dwarf::is_in(debug) {
            continue;
        }
        let address = |place: &CodePlace| match kernel_code(place) {
            // What a call returns to may be another line.
            Some((code, offset)) => {
                symbols.shift(code).wrapping_add(offset).wrapping_sub(u64::from(place.is_call))
            }
            None => u64::MAX,
        };
        let addresses: Vec<u64> = places.iter().map(address).collect();
        let Some(found) = dwarf::places(debug, &addresses) else { continue };
        let line = |place: dwarf::Place| place.line.map(|line| clean(&line).into_owned());
        return Ok(Ok(found.into_iter().map(line).collect()));
    }
    Ok(Err(missing()))
}

fn missing() -> Diagnostic {
    Diagnostic::new(
        Severity::Info,
        "source_lines",
        1,
        "no lines of source: no vmlinux with debug information of the recorded kernel was found",
        "install its debug package: linux-image-RELEASE-dbg (Debian), kernel-debuginfo (Fedora); or give its vmlinux with -k",
    )
}
