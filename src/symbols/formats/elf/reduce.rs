//! Reduces an ELF file to what names need: headers, symbols and their names, stubs, notes.
//!
//! All other sections are marked as having no bytes in the file, as in separate debug information.
//! So sections keep their numbers, and segments still map positions to addresses.

use std::collections::BTreeSet;

use object::Endianness;
use object::elf::{PT_LOAD, PT_NOTE, SHT_DYNSYM, SHT_NOBITS, SHT_NOTE, SHT_NULL, SHT_SYMTAB};
use object::pod::{bytes_of, bytes_of_slice};
use object::read::elf::{FileHeader, ProgramHeader as _, SectionHeader as _};

use super::headers::{Headers, MAX_SECTIONS};
use super::notes::MAX_NOTES;

/// Sections that are kept by name, besides symbols, their names and notes.
const KEPT: [&[u8]; 5] = [b".rela.plt", b".plt", b".plt.sec", b".gnu_debugdata", b".modinfo"];
/// Prefixes of sections with debug information; those of `.zdebug_` are compressed in the old way.
const DEBUG: [&[u8]; 2] = [b".debug_", b".zdebug_"];

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

impl<H: FileHeader<Endian = Endianness>> Headers<'_, H> {
    /// A smaller file that gives the same symbols; `None` if it would not be smaller.
    pub fn reduced(&self, with_debug_information: bool) -> Option<Vec<u8>> {
        if self.sections.is_empty() || self.sections.len() == MAX_SECTIONS {
            return None;
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
        output.put_word(output.fields.section_headers, sections as u64);

        let notes_left = self.reduce_segments(&mut output, programs);
        self.reduce_sections(&mut output, sections, &self.kept(with_debug_information), notes_left)?;
        // Headers may overlap what they describe, and then the copies are longer than the file.
        (output.bytes.len() < self.bytes.len()).then_some(output.bytes)
    }

    /// Copies the segments with notes and empties all others. The program headers are at
    /// `programs`. Returns how many bytes of notes may still be copied.
    fn reduce_segments(&self, output: &mut Output, programs: usize) -> usize {
        let endian = self.endian;
        let mut notes_left = MAX_NOTES;
        for (number, program) in self.programs.iter().enumerate() {
            let at = programs + number * size_of::<H::ProgramHeader>();
            let note =
                (program.p_type(endian) == PT_NOTE).then(|| program.data(endian, self.bytes).ok()).flatten();
            match note.filter(|note| note.len() <= notes_left) {
                Some(note) => {
                    notes_left -= note.len();
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
    /// section headers are at `sections`. `None` if the output grows to the length of the file.
    fn reduce_sections(
        &self,
        output: &mut Output,
        sections: usize,
        kept: &BTreeSet<usize>,
        mut notes_left: usize,
    ) -> Option<()> {
        let endian = self.endian;
        for (number, section) in self.sections.iter().enumerate() {
            let kind = section.sh_type(endian);
            // A section that names come from is read whatever its type, even SHT_NULL.
            if kind == SHT_NOBITS || kind == SHT_NULL && !kept.contains(&number) {
                continue;
            }
            let at = sections + number * size_of::<H::SectionHeader>();
            let data = section.data(endian, self.bytes).ok();
            let data = data.filter(|data| match kind {
                SHT_NOTE => data.len() <= notes_left,
                _ => kept.contains(&number),
            });
            match data {
                Some(data) => {
                    if kind == SHT_NOTE {
                        notes_left -= data.len();
                    }
                    let offset = output.add(data);
                    output.put_word(at + output.fields.section_offset, offset);
                }
                None => output.put(at + SECTION_TYPE, 4, u64::from(SHT_NOBITS.0)),
            }
            // Sections may overlap each other, and then the output would grow without end.
            if output.bytes.len() >= self.bytes.len() {
                return None;
            }
        }
        Some(())
    }

    /// The numbers of the sections that are kept, apart from notes: the first of each kind, which
    /// is the one that is read.
    fn kept(&self, with_debug_information: bool) -> BTreeSet<usize> {
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
            if (KEPT.contains(&name) || is_debug && with_debug_information) && names.insert(name) {
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
