//! Reducing an ELF file to what names need: headers, symbols and their names, stubs, notes. All else is said to be without bytes,
//! as in separate debug information, so that sections keep their numbers and segments what position an address had.

use std::collections::BTreeSet;

use object::Endianness;
use object::elf::{PT_LOAD, PT_NOTE, SHT_DYNSYM, SHT_NOBITS, SHT_NOTE, SHT_NULL, SHT_SYMTAB};
use object::pod::{bytes_of, bytes_of_slice};
use object::read::elf::{FileHeader, ProgramHeader as _, SectionHeader as _};

use super::elf::{ALL_NOTES, Headers, MOST_SECTIONS};

/// Sections that are kept by their name, besides symbols, their names and notes.
const KEPT: [&[u8]; 5] = [b".rela.plt", b".plt", b".plt.sec", b".gnu_debugdata", b".modinfo"];
/// Debug information, packed in the old way or not.
const DEBUG: [&[u8]; 2] = [b".debug_", b".zdebug_"];

/// Where the fields that change lie in the headers of 32 and of 64 bits (`Elf32_Ehdr`, `Elf64_Ehdr`, … of elf.h).
struct Layout {
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

const SMALL: Layout = Layout {
    word: 4,
    program_headers: 28,
    section_headers: 32,
    segment_offset: 4,
    segment_file_size: 16,
    section_offset: 16,
};
const LARGE: Layout = Layout {
    word: 8,
    program_headers: 32,
    section_headers: 40,
    segment_offset: 8,
    segment_file_size: 32,
    section_offset: 24,
};

impl<H: FileHeader<Endian = Endianness>> Headers<'_, H> {
    pub(super) fn reduced(&self, with_debug_information: bool) -> Option<Vec<u8>> {
        if self.sections.is_empty() || self.sections.len() == MOST_SECTIONS {
            return None;
        }
        let endian = self.endian;
        let layout = if self.header.is_class_64() { LARGE } else { SMALL };
        let mut out =
            Out { bytes: bytes_of(self.header).to_vec(), is_big: self.header.is_big_endian(), layout };
        let programs = out.bytes.len();
        out.bytes.extend(bytes_of_slice(self.programs));
        let sections = out.bytes.len().next_multiple_of(8);
        out.bytes.resize(sections, 0);
        out.bytes.extend(bytes_of_slice(self.sections));
        if !self.programs.is_empty() {
            out.put_word(out.layout.program_headers, programs as u64);
        }
        out.put_word(out.layout.section_headers, sections as u64);

        let mut notes = ALL_NOTES;
        for (number, program) in self.programs.iter().enumerate() {
            let at = programs + number * size_of::<H::ProgramHeader>();
            let note =
                (program.p_type(endian) == PT_NOTE).then(|| program.data(endian, self.bytes).ok()).flatten();
            match note.filter(|note| note.len() <= notes) {
                Some(note) => {
                    notes -= note.len();
                    let offset = out.add(note);
                    out.put_word(at + out.layout.segment_offset, offset);
                }
                // Not to be looked for where other bytes are now.
                None if program.p_type(endian) == PT_NOTE => out.put(at + SEGMENT_TYPE, 4, 0),
                None => {}
            }
            if program.p_type(endian) == PT_LOAD {
                out.put_word(at + out.layout.segment_file_size, 0);
            }
        }
        let kept = self.kept(with_debug_information);
        for (number, section) in self.sections.iter().enumerate() {
            let kind = section.sh_type(endian);
            // What names come from may be said to be no section at all, and is read all the same.
            if kind == SHT_NOBITS || kind == SHT_NULL && !kept.contains(&number) {
                continue;
            }
            let at = sections + number * size_of::<H::SectionHeader>();
            let data = section.data(endian, self.bytes).ok();
            let data = data.filter(|data| match kind {
                SHT_NOTE => data.len() <= notes,
                _ => kept.contains(&number),
            });
            match data {
                Some(data) => {
                    if kind == SHT_NOTE {
                        notes -= data.len();
                    }
                    let offset = out.add(data);
                    out.put_word(at + out.layout.section_offset, offset);
                }
                None => out.put(at + SECTION_TYPE, 4, u64::from(SHT_NOBITS.0)),
            }
            // Sections may lie over each other, and then this would grow without end.
            if out.bytes.len() >= self.bytes.len() {
                return None;
            }
        }
        // So may the headers and what they lead to.
        (out.bytes.len() < self.bytes.len()).then_some(out.bytes)
    }

    /// The numbers of the sections that are kept, apart from notes: of each kind the first, which is the one that is read.
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

struct Out {
    bytes: Vec<u8>,
    is_big: bool,
    layout: Layout,
}

impl Out {
    /// Adds bytes at a position that fits any alignment of a symbol; returns it.
    fn add(&mut self, bytes: &[u8]) -> u64 {
        let offset = self.bytes.len().next_multiple_of(8);
        self.bytes.resize(offset, 0);
        self.bytes.extend(bytes);
        offset as u64
    }

    fn put_word(&mut self, at: usize, value: u64) {
        self.put(at, self.layout.word, value);
    }

    fn put(&mut self, at: usize, width: usize, value: u64) {
        let little = value.to_le_bytes();
        let bytes = little.iter().take(width);
        let Some(place) = self.bytes.get_mut(at..at + width) else { return };
        match self.is_big {
            false => place.iter_mut().zip(bytes).for_each(|(to, byte)| *to = *byte),
            true => place.iter_mut().rev().zip(bytes).for_each(|(to, byte)| *to = *byte),
        }
    }
}
