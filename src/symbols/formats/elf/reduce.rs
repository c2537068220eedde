//! Reduces an ELF file to what names need: headers, symbols and their names, stubs, notes.
//!
//! All other sections are marked as having no bytes in the file, as in separate debug information.
//! So sections keep their numbers, and segments still map positions to addresses.

use std::collections::BTreeSet;

use object::Endianness;
use object::elf::{PT_LOAD, PT_NOTE, SHT_DYNSYM, SHT_NOBITS, SHT_NOTE, SHT_NULL, SHT_SYMTAB};
use object::pod::{bytes_of, bytes_of_slice};
use object::read::elf::{FileHeader, ProgramHeader as _, SectionHeader as _};

use super::headers::Headers;
use super::notes::MAX_NOTES;

/// Sections that are kept by name, besides symbols, their names and notes.
const KEPT: [&[u8]; 5] = [b".rela.plt", b".plt", b".plt.sec", b".gnu_debugdata", b".modinfo"];
/// Sections with tables for unwinding.
const TABLES: [&[u8]; 3] = [b".eh_frame_hdr", b".eh_frame", b".debug_frame"];
/// Prefixes of sections with debug information; those of `.zdebug_` are compressed in the old way.
const DEBUG: [&[u8]; 2] = [b".debug_", b".zdebug_"];

/// Bytes of a file that is kept as it is if it cannot be made smaller. In a long file there is more
/// than what is kept.
const MAX_AS_IS: u64 = 16 << 20;

/// Where the fields that change are in the headers of 32 and of 64 bits (`Elf32_Ehdr`,
/// `Elf64_Ehdr`, … in elf.h).
struct FieldOffsets {
    /// Bytes of a position.
    word: usize,
    program_headers: usize,
    section_headers: usize,
    segment_offset: usize,
    segment_file_size: usize,
    section_offset: usize,
}

/// `p_type` is the first field of a program header, and `sh_type` the second of a section's.
const SEGMENT_TYPE: usize = 0;
const SECTION_TYPE: usize = 4;

const SMALL: FieldOffsets = FieldOffsets {
    word: 4,
    program_headers: 28,
    section_headers: 32,
    segment_offset: 4,
    segment_file_size: 16,
    section_offset: 16,
};
const LARGE: FieldOffsets = FieldOffsets {
    word: 8,
    program_headers: 32,
    section_headers: 40,
    segment_offset: 8,
    segment_file_size: 32,
    section_offset: 24,
};

/// Parts of a file that are kept besides its symbols.
#[derive(Clone, Copy, Debug)]
pub struct Parts {
    /// Debug information.
    pub debug_information: bool,
    /// Tables for unwinding.
    pub tables: bool,
}

/// What a file can be reduced to.
pub enum Reduced {
    /// A smaller file that gives the same symbols.
    Smaller(Vec<u8>),
    /// It would not be smaller, and is short.
    AsIs,
    /// It would be longer than is allowed, or its sections cannot be read.
    TooLong,
}

impl<H: FileHeader<Endian = Endianness>> Headers<'_, H> {
    /// A smaller file of at most `limit` bytes that gives the same symbols. Lengths are compared
    /// before anything is copied.
    pub fn reduced(&self, parts: Parts, limit: u64) -> Reduced {
        if self.sections.is_empty() && self.header.e_shoff(self.endian).into() != 0 {
            return Reduced::TooLong;
        }
        let kept = self.kept(parts);
        // Headers and sections may overlap, and then the copies are longer than the file.
        match self.length_of(&kept) {
            Some(length) if length < self.bytes.length() && length <= limit => {}
            Some(length) if length <= limit && self.bytes.length() <= MAX_AS_IS => return Reduced::AsIs,
            _ => return Reduced::TooLong,
        }
        let mut output = Output {
            bytes: bytes_of(self.header).to_vec(),
            is_big: self.header.is_big_endian(),
            fields: if self.header.is_class_64() { LARGE } else { SMALL },
        };
        let programs = output.bytes.len();
        output.bytes.extend(bytes_of_slice(self.programs));
        let sections = output.bytes.len().next_multiple_of(8);
        output.bytes.resize(sections, 0);
        output.bytes.extend(bytes_of_slice(self.sections));
        if !self.programs.is_empty() {
            output.put_word(output.fields.program_headers, programs as u64);
        }
        if !self.sections.is_empty() {
            output.put_word(output.fields.section_headers, sections as u64);
        }
        let notes_left = self.reduce_segments(&mut output, programs);
        match self.reduce_sections(&mut output, sections, &kept, notes_left) {
            Some(()) => Reduced::Smaller(output.bytes),
            None => Reduced::TooLong,
        }
    }

    /// Bytes that headers and the sections that are `kept` take, and that notes take at most.
    fn length_of(&self, kept: &BTreeSet<usize>) -> Option<u64> {
        /// Bytes before a section that align it.
        const PADDING: u64 = 8;
        let headers = size_of::<H>() + size_of_val(self.programs) + size_of_val(self.sections);
        let segments = self.programs.iter().filter(|program| program.p_type(self.endian) == PT_NOTE);
        let segments = segments.map(|program| program.file_range(self.endian).1);
        let section = |(number, section): (usize, &H::SectionHeader)| match section.sh_type(self.endian) {
            SHT_NOTE => section.file_range(self.endian),
            _ if kept.contains(&number) => section.file_range(self.endian),
            _ => None,
        };
        let sections = self.sections.iter().enumerate().filter_map(section).map(|(_, size)| size);
        segments
            .chain(sections)
            .try_fold(headers as u64 + PADDING, |sum, size| sum.checked_add(size)?.checked_add(PADDING))
    }

    /// Copies the segments with notes and empties all others. The program headers are at
    /// `programs`. Returns how many bytes of notes may still be copied.
    fn reduce_segments(&self, output: &mut Output, programs: usize) -> u64 {
        let endian = self.endian;
        let mut notes_left = MAX_NOTES;
        for (number, program) in self.programs.iter().enumerate() {
            let at = programs + number * size_of::<H::ProgramHeader>();
            let (offset, size) = program.file_range(endian);
            let is_kept = program.p_type(endian) == PT_NOTE && size <= notes_left;
            match is_kept.then(|| self.bytes.part(offset, size)).flatten() {
                Some(note) => {
                    notes_left -= size;
                    let offset = output.add(note);
                    output.put_word(at + output.fields.segment_offset, offset);
                }
                // Other bytes are at the old position now, so that no reader may look for notes
                // there.
                None if program.p_type(endian) == PT_NOTE => output.put(at + SEGMENT_TYPE, 4, 0),
                None => {}
            }
            if program.p_type(endian) == PT_LOAD {
                output.put_word(at + output.fields.segment_file_size, 0);
            }
        }
        notes_left
    }

    /// Copies the sections that are `kept` and those with notes, and empties all others. The
    /// section headers are at `sections`. `None` if a section that is there cannot be read.
    fn reduce_sections(
        &self,
        output: &mut Output,
        sections: usize,
        kept: &BTreeSet<usize>,
        mut notes_left: u64,
    ) -> Option<()> {
        let endian = self.endian;
        for (number, section) in self.sections.iter().enumerate() {
            let kind = section.sh_type(endian);
            // A section that names come from is read whatever its type, even SHT_NULL.
            if kind == SHT_NOBITS || kind == SHT_NULL && !kept.contains(&number) {
                continue;
            }
            let at = sections + number * size_of::<H::SectionHeader>();
            let (offset, size) = section.file_range(endian)?;
            let is_kept = match kind {
                SHT_NOTE => size <= notes_left,
                _ => kept.contains(&number),
            };
            if is_kept && self.bytes.has(offset, size) {
                if kind == SHT_NOTE {
                    notes_left -= size;
                }
                let offset = output.add(self.bytes.part(offset, size)?);
                output.put_word(at + output.fields.section_offset, offset);
            } else {
                output.put(at + SECTION_TYPE, 4, u64::from(SHT_NOBITS.0));
            }
        }
        Some(())
    }

    /// The numbers of the sections that are kept, apart from notes: the first of each kind, which
    /// is the one that is read.
    fn kept(&self, parts: Parts) -> BTreeSet<usize> {
        let endian = self.endian;
        let mut kept = BTreeSet::new();
        kept.extend(self.header.shstrndx(endian, self.bytes).map(|number| number as usize).ok());
        for kind in [SHT_SYMTAB, SHT_DYNSYM] {
            let numbered = self.sections.iter().enumerate();
            if let Some((number, section)) =
                numbered.clone().find(|(_, section)| section.sh_type(endian) == kind)
            {
                kept.extend([number, section.sh_link(endian) as usize]);
            }
        }
        let mut names = BTreeSet::new();
        for (number, section) in self.sections.iter().enumerate() {
            let Some(name) = self.section_name(section) else { continue };
            let is_debug = DEBUG.iter().any(|prefix| name.starts_with(prefix));
            let is_wanted = KEPT.contains(&name)
                || is_debug && parts.debug_information
                || TABLES.contains(&name) && parts.tables;
            if is_wanted && names.insert(name) {
                kept.insert(number);
            }
        }
        kept
    }
}

/// The reduced file.
struct Output {
    bytes: Vec<u8>,
    is_big: bool,
    fields: FieldOffsets,
}

impl Output {
    /// Adds `bytes` at the next multiple of 8, which suits the alignment of any symbol, and returns
    /// their position.
    fn add(&mut self, bytes: &[u8]) -> u64 {
        let offset = self.bytes.len().next_multiple_of(8);
        self.bytes.resize(offset, 0);
        self.bytes.extend(bytes);
        offset as u64
    }

    fn put_word(&mut self, at: usize, value: u64) {
        self.put(at, self.fields.word, value);
    }

    /// Writes `value` in `width` bytes over what is at `at`.
    fn put(&mut self, at: usize, width: usize, value: u64) {
        let little = value.to_le_bytes();
        let bytes = little.iter().take(width);
        let Some(field) = self.bytes.get_mut(at..at + width) else { return };
        match self.is_big {
            false => field.iter_mut().zip(bytes).for_each(|(to, byte)| *to = *byte),
            true => field.iter_mut().rev().zip(bytes).for_each(|(to, byte)| *to = *byte),
        }
    }
}
