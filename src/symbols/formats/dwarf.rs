//! DWARF debug information: which functions were inlined at an address, and which line of source
//! its code comes from.

use std::borrow::Cow;
use std::cell::Cell;

use addr2line::Context;
use addr2line::gimli::{DwarfSections, EndianSlice, RunTimeEndian};

use crate::pack::Budget;

use super::demangle::demangle;
use super::elf::Elf;

/// How deep functions may be inlined into each other at one address; compilers stop far earlier.
const MAX_DEPTH: usize = 32;

/// What debug information says about the code at an address.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct CodeOrigin {
    /// The functions that were inlined there, outermost first, without the function that they were
    /// inlined into.
    pub inlined: Vec<String>,
    /// `FILE:LINE` of the innermost function.
    pub line: Option<String>,
}

/// Whether a file has debug information.
pub fn has_debug_info(elf: &Elf) -> bool {
    elf.has_section(".debug_info")
}

/// What the debug information of `elf` says about each address; `None` if there is none that can be
/// read. What it decompresses to counts against `budget`.
pub fn origins(elf: &Elf, addresses: &[u64], budget: &Budget) -> Option<Vec<CodeOrigin>> {
    let endian = if elf.is_big_endian() { RunTimeEndian::Big } else { RunTimeEndian::Little };
    let unpacked = Cell::new(0);
    let load = |id: addr2line::gimli::SectionId| -> Result<Cow<[u8]>, addr2line::gimli::Error> {
        let section = elf.unpacked_section(id.name(), budget).unwrap_or_default();
        if let Cow::Owned(section) = &section {
            unpacked.set(unpacked.get() + section.len() as u64);
        }
        Ok(section)
    };
    let sections = DwarfSections::load(load).ok()?;
    let dwarf = sections.borrow(|section| EndianSlice::new(section, endian));
    let origins = Context::from_dwarf(dwarf).ok().map(|context| {
        addresses.iter().map(|&address| origin(&context, address).unwrap_or_default()).collect()
    });
    budget.give_back(unpacked.get());
    origins
}

fn origin(context: &Context<EndianSlice<RunTimeEndian>>, address: u64) -> Option<CodeOrigin> {
    // No code is at the last address, which stands for an unknown one; addr2line adds 1 to it.
    let address = Some(address).filter(|address| *address < u64::MAX)?;
    let mut frames = context.find_frames(address).skip_all_loads().ok()?;
    let (mut names, mut line) = (Vec::new(), None);
    for depth in 0..MAX_DEPTH {
        let Some(frame) = frames.next().ok()? else { break };
        if depth == 0 {
            line = frame.location.and_then(|location| Some(format!("{}:{}", location.file?, location.line?)));
        }
        let name = frame.function.and_then(|name| Some(demangle(&name.raw_name().ok()?).into_owned()));
        names.push(name.unwrap_or_else(|| "[unknown]".to_owned()));
    }
    // The last frame is the function that the others were inlined into.
    names.pop();
    names.reverse();
    Some(CodeOrigin { inlined: names, line })
}
