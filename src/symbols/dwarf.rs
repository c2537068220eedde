//! DWARF: which functions were inlined at an address, and from which line of source its code was made.

use std::borrow::Cow;

use addr2line::Context;
use addr2line::gimli::{DwarfSections, EndianSlice, RunTimeEndian};

use super::demangle::demangle;
use super::elf::Elf;

/// Functions that are inlined into each other at one address; a compiler stops far earlier.
const DEEPEST: usize = 32;

/// What debug information tells of an address.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// The functions that were inlined there, outermost first; the function that they were inlined into is not among them.
    pub inlined: Vec<String>,
    /// `FILE:LINE` of the innermost.
    pub line: Option<String>,
}

/// Whether a file has debug information.
pub fn is_in(elf: &Elf) -> bool {
    elf.section(".debug_info").is_some()
}

/// What the debug information of `elf` tells of each address; `None` if it has none that can be read.
pub fn places(elf: &Elf, addresses: &[u64]) -> Option<Vec<Place>> {
    let endian = if elf.is_big_endian() { RunTimeEndian::Big } else { RunTimeEndian::Little };
    let load = |id: addr2line::gimli::SectionId| -> Result<Cow<[u8]>, addr2line::gimli::Error> {
        Ok(elf.unpacked_section(id.name()).unwrap_or_default())
    };
    let sections = DwarfSections::load(load).ok()?;
    let dwarf = sections.borrow(|section| EndianSlice::new(section, endian));
    let context = Context::from_dwarf(dwarf).ok()?;
    Some(addresses.iter().map(|&address| place(&context, address).unwrap_or_default()).collect())
}

fn place(context: &Context<EndianSlice<RunTimeEndian>>, address: u64) -> Option<Place> {
    let mut frames = context.find_frames(address).skip_all_loads().ok()?;
    let (mut names, mut line) = (Vec::new(), None);
    for depth in 0..DEEPEST {
        let Some(frame) = frames.next().ok()? else { break };
        if depth == 0 {
            line = frame.location.and_then(|location| Some(format!("{}:{}", location.file?, location.line?)));
        }
        let name = frame.function.and_then(|name| Some(demangle(&name.raw_name().ok()?).into_owned()));
        names.push(name.unwrap_or_else(|| "[unknown]".to_owned()));
    }
    // The last is the function itself.
    names.pop();
    names.reverse();
    Some(Place { inlined: names, line })
}
