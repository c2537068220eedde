//! Lines of source: for places in the kernel's code, the line of the source file that they come
//! from, by the debug information of the kernel's vmlinux.

use crate::error::Result;
use crate::model::{CodePlace, Diagnostic, Module, Severity, clean};

use super::formats::bytes::Bytes;
use super::formats::dwarf::{self, CodeOrigin};
use super::kernel_files;
use super::lookup::Lookup;
use super::request::Request;
use super::sources::Sources;

/// For each place in the kernel proper its line of source, `FILE:LINE` and safe to print; or the
/// diagnostic if there is no debug information of the recorded kernel.
///
/// # Errors
///
/// If the vmlinux that an option names cannot be read, or is not of the recorded kernel.
pub fn source_lines(
    request: &Request,
    sources: &Sources,
    modules: &[Module],
    places: &[CodePlace],
) -> Result<std::result::Result<Vec<Option<String>>, Diagnostic>> {
    let lookup = Lookup::new(request, sources, modules);
    let kernel_code = |place: &CodePlace| {
        let frame = request.frames.get(place.frame.index())?;
        let module = modules.get(frame.module?.index()).filter(|module| module.is_kernel_proper())?;
        Some((module.kernel.as_ref()?, frame.offset))
    };
    for file in kernel_files::vmlinux_only(&lookup)? {
        let Some((elf, symbols)) = file.elf().zip(file.symbols().ok()) else { continue };
        if let Some(why) = symbols.refusal(modules, request.kernel_build_id) {
            match file.error_if_named(&why) {
                Some(error) => return Err(error),
                None => continue,
            }
        }
        // The debug information may be split off: then its file is found by the build id.
        let separate = if dwarf::has_debug_info(&elf) { None } else { lookup.search.find_debug_of("", &elf) };
        let separate = separate.as_ref().and_then(Bytes::elf);
        let debug = separate.as_ref().unwrap_or(&elf);
        if !dwarf::has_debug_info(debug) {
            continue;
        }
        let address = |place: &CodePlace| match kernel_code(place) {
            // The line of a return address may be the one after the call.
            Some((code, offset)) => {
                symbols.shift(code).wrapping_add(offset).wrapping_sub(u64::from(place.is_call))
            }
            None => u64::MAX,
        };
        let addresses: Vec<u64> = places.iter().map(address).collect();
        let Some(origins) = dwarf::origins(debug, &addresses, request.budget) else { continue };
        let line = |origin: CodeOrigin| origin.line.map(|line| clean(&line).into_owned());
        return Ok(Ok(origins.into_iter().map(line).collect()));
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
