//! ELF files: their identity, and their symbols by position in the file, which is what samples know.
//!
//! The file may be anybody's: whatever is counted in it is looked at up to a bound that no real file reaches, so that neither holes
//! nor tables that lie over each other take long.

use std::borrow::Cow;

use object::elf::{
    ELFCOMPRESS_ZLIB, ELFCOMPRESS_ZSTD, EM_AARCH64, EM_ARM, EM_RISCV, EM_X86_64, ET_REL, FileHeader32,
    FileHeader64, PF_X, PT_LOAD, PT_NOTE, SHN_LORESERVE, SHT_DYNSYM, SHT_NOTE, SHT_PROGBITS, SHT_SYMTAB,
    STB_LOCAL, STB_WEAK, STT_COMMON, STT_FUNC, STT_GNU_IFUNC, STT_NOTYPE, STT_OBJECT, SectionType,
};
use object::read::elf::{
    CompressionHeader as _, FileHeader, ProgramHeader as _, Rela as _, SectionHeader as _, Sym as _,
};
use object::{CompressedData, CompressionFormat, Endianness, FileKind};

use crate::model::Segment;

use super::table::{Binding, Symbol, SymbolTable};

/// Sections that are looked at; more need an escape in the header that no linker of programs uses.
pub(super) const MOST_SECTIONS: usize = 1 << 16;
/// Loaded segments that are looked at; programs have about four.
const MOST_SEGMENTS: usize = 64;
/// Symbols that are looked at: a browser with all its libraries in one file has some two million.
const MOST_SYMBOLS: usize = 1 << 24;
/// Bytes of a symbol's name; longer ones are passed over.
const LONGEST_NAME: usize = 1 << 14;
/// Bytes of all names together; those of a browser are some 200 MB.
const ALL_NAMES: usize = 1 << 30;
/// Bytes that a packed section may come to: those of a browser have some 1.5 GB.
const MOST_UNPACKED: u64 = 4 << 30;
/// How many bytes one packed byte may come to: deflate has 1032 at most, and no debug information comes near.
const MOST_PACKED: u64 = 1032;
/// Bytes of notes, among which the build id is.
pub(super) const ALL_NOTES: usize = 1 << 20;

/// An ELF file of which the headers are there.
pub enum Elf<'a> {
    /// 32 bits.
    Small(Headers<'a, FileHeader32<Endianness>>),
    /// 64 bits.
    Large(Headers<'a, FileHeader64<Endianness>>),
}

/// A symbol as it stands in the file: by address, not by position.
pub struct Found<'a> {
    /// Where it begins once it is loaded.
    pub address: u64,
    /// Bytes; 0 where the file does not tell.
    size: u64,
    binding: Binding,
    is_typed: bool,
    /// Its name, as it stands in the file.
    pub name: &'a str,
}

impl<'a> Found<'a> {
    /// The symbol for a table by address.
    pub fn at_address(&self) -> Symbol<'a> {
        self.at(self.address)
    }

    fn at(&self, start: u64) -> Symbol<'a> {
        Symbol {
            start,
            end: start.saturating_add(self.size),
            binding: self.binding,
            is_typed: self.is_typed,
            name: self.name,
        }
    }
}

/// The headers of an ELF file.
pub struct Headers<'a, H: FileHeader> {
    pub(super) header: &'a H,
    pub(super) endian: Endianness,
    pub(super) bytes: &'a [u8],
    pub(super) programs: &'a [H::ProgramHeader],
    pub(super) sections: &'a [H::SectionHeader],
    /// The names of the sections.
    names: &'a [u8],
}

/// What both sizes of file can be asked.
macro_rules! either {
    ($elf:expr, $headers:ident => $answer:expr) => {
        match $elf {
            Elf::Small($headers) => $answer,
            Elf::Large($headers) => $answer,
        }
    };
}

impl<'a> Elf<'a> {
    /// Reads the headers of `bytes`; `None` if they are not those of an ELF file.
    pub fn parse(bytes: &'a [u8]) -> Option<Elf<'a>> {
        match FileKind::parse(bytes).ok()? {
            FileKind::Elf32 => Some(Elf::Small(Headers::parse(bytes)?)),
            FileKind::Elf64 => Some(Elf::Large(Headers::parse(bytes)?)),
            _ => None,
        }
    }

    /// The build id in the file's notes.
    pub fn build_id(&self) -> Option<&'a [u8]> {
        either!(self, headers => headers.build_id())
    }

    /// The symbols of `.symtab`, `None` if it has none; with `wanted` addresses, which ascend, only those that can tell their names.
    pub fn full_symbols(&self, wanted: Option<&[u64]>) -> Option<Vec<Found<'a>>> {
        either!(self, headers => headers.symbols(SHT_SYMTAB, wanted))
    }

    /// As [`Elf::full_symbols`], of `.dynsym`: what a stripped library still exports.
    pub fn dynamic_symbols(&self, wanted: Option<&[u64]>) -> Option<Vec<Found<'a>>> {
        either!(self, headers => headers.symbols(SHT_DYNSYM, wanted))
    }

    /// The stubs through which other objects' functions are called, as `NAME@plt`. Their names are new strings, so they
    /// come with the position and size of the stub and are owned.
    pub fn plt_stubs(&self) -> Vec<(u64, u64, String)> {
        either!(self, headers => headers.plt_stubs())
    }

    /// Whether it has yet to be loaded to have addresses, as a kernel module.
    pub fn is_relocatable(&self) -> bool {
        either!(self, headers => headers.header.e_type(headers.endian) == ET_REL)
    }

    /// Whether the most significant byte of a number stands first.
    pub fn is_big_endian(&self) -> bool {
        either!(self, headers => headers.header.is_big_endian())
    }

    /// The bytes of the section of this name.
    pub fn section(&self, name: &str) -> Option<&'a [u8]> {
        either!(self, headers => headers.section_data(headers.section(name)?))
    }

    /// The bytes of the section of this name, unpacked if they are packed.
    pub fn unpacked_section(&self, name: &str) -> Option<Cow<'a, [u8]>> {
        either!(self, headers => headers.unpacked_section(name))
    }

    /// A small file of the same identity that gives the same symbols, and the same functions that were inlined if
    /// `with_debug_information`; `None` if that would not be smaller.
    pub fn reduced(&self, with_debug_information: bool) -> Option<Vec<u8>> {
        either!(self, headers => headers.reduced(with_debug_information))
    }

    /// The address of a position in this file once it is loaded.
    pub fn address_of(&self, position: u64) -> Option<u64> {
        let covers = |(_, offset, size): &&(u64, u64, u64)| *offset <= position && position - *offset < *size;
        let segments = self.segments();
        let (start, offset, _) = segments.iter().find(covers)?;
        start.checked_add(position - offset)
    }

    /// What to add to a position in the file that this was split from to get its address, if `segment` is the only part of that file with
    /// code: then it is as long, in pages of some size. Separate debug information does not tell where in the file it was.
    pub fn shift(&self, segment: Segment) -> Option<u64> {
        const PAGES: [u64; 3] = [4 << 10, 16 << 10, 64 << 10];
        let [(address, size, alignment)] = either!(self, headers => headers.code())[..] else { return None };
        let shift = |page: u64| {
            let within = address % page;
            let length = within.checked_add(size)?.checked_next_multiple_of(page)?;
            let shift = (address - within).wrapping_sub(segment.offset);
            (length == segment.length && shift.is_multiple_of(alignment.max(1))).then_some(shift)
        };
        let mut shifts = PAGES.into_iter().filter_map(shift);
        shifts.next().filter(|first| shifts.all(|other| other == *first))
    }

    /// A table by position in this file, of `symbols` that may stem from the file's separate debug information: that has
    /// the same addresses but another layout.
    pub fn table<'s>(&self, symbols: &[Found<'s>], stubs: &'s [(u64, u64, String)]) -> SymbolTable<'s> {
        let segments = self.segments();
        let named = symbols.iter().filter_map(|found| Some(found.at(position(&segments, found.address)?)));
        let stubs = stubs.iter().map(|(start, size, name)| Symbol {
            start: *start,
            end: start.saturating_add(*size),
            binding: Binding::Global,
            is_typed: true,
            name,
        });
        SymbolTable::new(named.chain(stubs).collect())
    }

    /// Loaded segments: address, position in the file, size.
    fn segments(&self) -> Vec<(u64, u64, u64)> {
        either!(self, headers => headers.segments())
    }
}

impl<'a, H: FileHeader<Endian = Endianness>> Headers<'a, H> {
    fn parse(bytes: &'a [u8]) -> Option<Self> {
        let header = H::parse(bytes).ok()?;
        let endian = header.endian().ok()?;
        // A file whose sections were cut off has segments still.
        let sections = header.section_headers(endian, bytes).unwrap_or_default();
        let names = header.shstrndx(endian, bytes).ok().and_then(|names| sections.get(names as usize));
        let names = names.and_then(|names| names.data(endian, bytes).ok()).unwrap_or_default();
        Some(Headers {
            header,
            endian,
            bytes,
            programs: header.program_headers(endian, bytes).unwrap_or_default(),
            sections: sections.get(..MOST_SECTIONS).unwrap_or(sections),
            names,
        })
    }

    pub(super) fn section(&self, name: &str) -> Option<&'a H::SectionHeader> {
        self.sections.iter().find(|section| self.section_name(section) == Some(name.as_bytes()))
    }

    pub(super) fn section_name(&self, section: &H::SectionHeader) -> Option<&'a [u8]> {
        text_at(self.names, section.sh_name(self.endian), 64)
    }

    pub(super) fn section_data(&self, section: &H::SectionHeader) -> Option<&'a [u8]> {
        section.data(self.endian, self.bytes).ok()
    }

    fn unpacked_section(&self, name: &str) -> Option<Cow<'a, [u8]>> {
        let section = self.section(name)?;
        let data = self.section_data(section)?;
        let Some((header, offset, size)) = section.compression(self.endian, self.bytes).ok()? else {
            return Some(Cow::Borrowed(data));
        };
        let start = usize::try_from(offset).ok()?;
        let data = self.bytes.get(start..start.checked_add(usize::try_from(size).ok()?)?)?;
        let uncompressed_size: u64 = header.ch_size(self.endian).into();
        let format = match header.ch_type(self.endian) {
            ELFCOMPRESS_ZLIB => CompressionFormat::Zlib,
            ELFCOMPRESS_ZSTD => CompressionFormat::Zstandard,
            _ => return None,
        };
        // What is said of the size is not believed beyond what packing can do and what a machine can bear.
        let is_possible = uncompressed_size <= MOST_UNPACKED && uncompressed_size / MOST_PACKED <= size;
        is_possible.then_some(CompressedData { format, data, uncompressed_size })?.decompress().ok()
    }

    fn segments(&self) -> Vec<(u64, u64, u64)> {
        let loaded = self.programs.iter().filter(|header| header.p_type(self.endian) == PT_LOAD);
        let place = |header: &H::ProgramHeader| {
            (
                header.p_vaddr(self.endian).into(),
                header.p_offset(self.endian).into(),
                header.p_memsz(self.endian).into(),
            )
        };
        loaded.map(place).take(MOST_SEGMENTS).collect()
    }

    /// Loaded segments with code: address, bytes, alignment.
    fn code(&self) -> Vec<(u64, u64, u64)> {
        let endian = self.endian;
        let is_code = |header: &&H::ProgramHeader| {
            header.p_type(endian) == PT_LOAD && header.p_flags(endian).0 & PF_X.0 != 0
        };
        let place = |header: &H::ProgramHeader| {
            (header.p_vaddr(endian).into(), header.p_memsz(endian).into(), header.p_align(endian).into())
        };
        self.programs.iter().filter(is_code).map(place).take(MOST_SEGMENTS).collect()
    }

    /// The build id: a note of type 3 (NT_GNU_BUILD_ID) of the name `GNU`, in a segment, or in a section where there are no
    /// segments.
    fn build_id(&self) -> Option<&'a [u8]> {
        let endian = self.endian;
        let segments = self.programs.iter().filter(|header| header.p_type(endian) == PT_NOTE);
        let segments = segments.filter_map(|header| header.data(endian, self.bytes).ok());
        let sections = self.sections.iter().filter(|section| section.sh_type(endian) == SHT_NOTE);
        let sections = sections.filter_map(|section| self.section_data(section));
        let mut left = ALL_NOTES;
        for notes in segments.chain(sections) {
            let notes = notes.get(..left).unwrap_or(notes);
            if let Some(found) = self.build_id_in(notes) {
                return Some(found);
            }
            left -= notes.len();
        }
        None
    }

    /// Each note: name size, description size, type, name, description, the last two filled up to four bytes.
    fn build_id_in(&self, mut notes: &'a [u8]) -> Option<&'a [u8]> {
        let is_big = self.header.is_big_endian();
        let number =
            |bytes: [u8; 4]| if is_big { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) };
        loop {
            let (head, rest) = notes.split_at_checked(12)?;
            let field = |at: usize| Some(number(head.get(at..at + 4)?.try_into().ok()?));
            let (name_size, size, kind) = (field(0)? as usize, field(4)? as usize, field(8)?);
            let name = rest.get(..name_size)?;
            let rest = rest.get(name_size.next_multiple_of(4)..)?;
            let description = rest.get(..size)?;
            if kind == 3 && name == b"GNU\0" && !description.is_empty() {
                return Some(description);
            }
            notes = rest.get(size.next_multiple_of(4)..).unwrap_or_default();
        }
    }

    /// The symbols that perf takes: functions and data that are defined here, and labels in code (tools/perf/util/symbol-elf.c). Of a
    /// kernel module only those in code, by their distance from where it is loaded.
    fn symbols(&self, kind: SectionType, wanted: Option<&[u64]>) -> Option<Vec<Found<'a>>> {
        let (symbols, mut names) = self.symbol_section(kind)?;
        let symbols = symbols.get(..MOST_SYMBOLS).unwrap_or(symbols);
        let endian = self.endian;
        let is_text = |section: &H::SectionHeader| {
            self.section_name(section).is_some_and(|name| memchr::memmem::find(name, b"text").is_some())
        };
        let is_code: Vec<bool> = self.sections.iter().map(is_text).collect();
        let has_mapping_symbols = matches!(self.header.e_machine(endian), EM_ARM | EM_AARCH64 | EM_RISCV);
        let name_bytes = names.bytes;
        let layout = self.module_layout();
        let place = |symbol: &H::Sym| match &layout {
            None => Some(0),
            Some(layout) => *layout.get(usize::from(symbol.st_shndx(endian).0))?,
        };
        let is_taken = |symbol: &&H::Sym| {
            let section = symbol.st_shndx(endian);
            let is_kind_taken = match symbol.st_type() {
                STT_FUNC | STT_GNU_IFUNC | STT_OBJECT | STT_COMMON => true,
                STT_NOTYPE if section.0 >= SHN_LORESERVE => false,
                STT_NOTYPE => is_code.get(usize::from(section.0)).is_some_and(|is_code| *is_code),
                _ => false,
            };
            // Absolute ones are versions and sizes, not places.
            let is_placed =
                !symbol.is_undefined(endian) && !symbol.is_absolute(endian) && place(symbol).is_some();
            is_kind_taken
                && is_placed
                && match name_bytes.get(symbol.st_name(endian) as usize) {
                    None | Some(0) => false,
                    Some(first) => !(has_mapping_symbols && *first == b'$'),
                }
        };
        let taken = symbols.iter().filter(is_taken);
        let extent = |symbol: &H::Sym| {
            let value: u64 = symbol.st_value(endian).into();
            (value.wrapping_add(place(symbol).unwrap_or(0)), symbol.st_size(endian).into())
        };
        let starts = wanted.map(|wanted| wanted_starts(taken.clone().map(extent), wanted));
        let is_wanted = |symbol: &&H::Sym| {
            starts.as_ref().is_none_or(|starts| starts.binary_search(&extent(symbol).0).is_ok())
        };
        let mut found = |symbol: &H::Sym| {
            let (address, size) = extent(symbol);
            Some(Found {
                address,
                size,
                binding: match symbol.st_bind() {
                    STB_LOCAL => Binding::Local,
                    STB_WEAK => Binding::Weak,
                    _ => Binding::Global,
                },
                is_typed: symbol.st_type() != STT_NOTYPE,
                name: names.at(symbol.st_name(endian))?,
            })
        };
        taken.clone().next()?;
        let few: Option<Vec<Found>> = taken.clone().filter(is_wanted).map(&mut found).collect();
        // A symbol whose name cannot be read ends none: which one does then, only all of them tell.
        Some(few.unwrap_or_else(|| taken.filter_map(found).collect()))
    }

    /// The symbols of the first section of this type, and their names.
    fn symbol_section(&self, kind: SectionType) -> Option<(&'a [H::Sym], SymbolNames<'a>)> {
        let section = self.sections.iter().find(|section| section.sh_type(self.endian) == kind)?;
        let symbols = section.data_as_array(self.endian, self.bytes).ok()?;
        let names = self.sections.get(section.sh_link(self.endian) as usize)?;
        Some((symbols, SymbolNames { bytes: self.section_data(names)?, left: ALL_NAMES }))
    }

    /// One stub for each relocation of `.rela.plt`, in its order: in `.plt.sec` where the linker made one for indirect branch
    /// tracking, else in `.plt` after its first, common entry.
    fn plt_stubs(&self) -> Vec<(u64, u64, String)> {
        // Bytes of a stub on x86-64 and arm64.
        const STUB: u64 = 16;
        // Bytes of the common entry that `.plt` begins with: 16 on x86-64, 32 on arm64.
        let common = match self.header.e_machine(self.endian) {
            EM_X86_64 => 16,
            EM_AARCH64 => 32,
            _ => return Vec::new(),
        };
        let segments = self.segments();
        // By its address, which stays the same where the file was reduced.
        let place = |name: &str, skipped: u64| {
            let section = self.section(name)?;
            let start = position(&segments, section.sh_addr(self.endian).into())?;
            let size: u64 = section.sh_size(self.endian).into();
            // Not of separate debug information, nor of a file that was cut.
            let is_code =
                section.sh_type(self.endian) == SHT_PROGBITS && self.section_data(section).is_some();
            is_code.then_some((start.checked_add(skipped)?, start.checked_add(size)?))
        };
        let stubs = place(".plt.sec", 0).or_else(|| place(".plt", common));
        let (Some((first, end)), Some(names)) = (stubs, self.plt_names()) else {
            return Vec::new();
        };
        (0u64..)
            .zip(names)
            .map_while(|(number, name)| Some((first.checked_add(number * STUB)?, name)))
            .take_while(|(start, _)| *start < end)
            .filter_map(|(start, name)| Some((start, STUB, name?)))
            .collect()
    }

    /// The names that `.rela.plt` refers to; `None` within for a relocation without a symbol.
    fn plt_names(&self) -> Option<Vec<Option<String>>> {
        const MOST_STUBS: usize = 1 << 20;
        let section = self.section(".rela.plt")?;
        let relocations: &[H::Rela] = section.data_as_array(self.endian, self.bytes).ok()?;
        let (symbols, mut names) = self.symbol_section(SHT_DYNSYM)?;
        let mut name = |relocation: &H::Rela| {
            let symbol = symbols.get(relocation.r_sym(self.endian, false) as usize)?;
            let name = names.at(symbol.st_name(self.endian))?;
            (!name.is_empty()).then(|| format!("{name}@plt"))
        };
        Some(relocations.iter().take(MOST_STUBS).map(&mut name).collect())
    }
}

/// Where those of the symbols, given as start and size, begin that decide the names of the `wanted` addresses: each that covers one
/// of them, each of unknown size, and that which ends it, being the next one. A large program has a hundred thousand symbols, of
/// which samples hit some hundred: the names of the others need not be read.
fn wanted_starts(symbols: impl Iterator<Item = (u64, u64)> + Clone, wanted: &[u64]) -> Vec<u64> {
    let mut open: Vec<u64> = symbols.clone().filter(|(_, size)| *size == 0).map(|(start, _)| start).collect();
    open.sort_unstable();
    open.dedup();
    let mut ends: Vec<Option<u64>> = vec![None; open.len()];
    let mut starts = Vec::new();
    for (start, size) in symbols {
        if let Some(before) = open.partition_point(|open| *open < start).checked_sub(1) {
            let end = &mut ends[before];
            *end = Some(end.map_or(start, |end| end.min(start)));
        }
        let next = wanted.partition_point(|address| *address < start);
        if wanted.get(next).is_some_and(|address| address - start < size) {
            starts.push(start);
        }
    }
    starts.extend(open);
    starts.extend(ends.into_iter().flatten());
    starts.sort_unstable();
    starts.dedup();
    starts
}

/// The names of symbols.
struct SymbolNames<'a> {
    bytes: &'a [u8],
    /// How many more of them are looked at.
    left: usize,
}

impl<'a> SymbolNames<'a> {
    fn at(&mut self, offset: u32) -> Option<&'a str> {
        let name = text_at(self.bytes, offset, LONGEST_NAME.min(self.left));
        // To find no end takes as long.
        self.left -= name.map_or(LONGEST_NAME.min(self.left), <[u8]>::len);
        std::str::from_utf8(name?).ok()
    }
}

/// The position in the file of an address, by the file's loaded segments.
fn position(segments: &[(u64, u64, u64)], address: u64) -> Option<u64> {
    let covers = |(start, _, size): &&(u64, u64, u64)| *start <= address && address - *start < *size;
    let (start, offset, _) = segments.iter().find(covers)?;
    offset.checked_add(address - start)
}

/// The text that begins at `offset` and ends before a NUL, if that comes within `longest` bytes.
fn text_at(texts: &[u8], offset: u32, longest: usize) -> Option<&[u8]> {
    let rest = texts.get(offset as usize..)?;
    let rest = rest.get(..longest).unwrap_or(rest);
    rest.get(..memchr::memchr(0, rest)?)
}

#[cfg(test)]
mod tests {
    use object::write::{Object, Symbol as Written, SymbolSection};
    use object::{Architecture, BinaryFormat, SectionKind, SymbolFlags, SymbolKind, SymbolScope};

    use super::*;

    #[test]
    fn a_symbol_whose_name_cannot_be_read_ends_none() {
        let mut object = Object::new(BinaryFormat::Elf, Architecture::X86_64, object::Endianness::Little);
        let text = object.add_section(Vec::new(), b".text".to_vec(), SectionKind::Text);
        for (name, value, size) in [(&b"open"[..], 0x100, 0), (b"\xff", 0x140, 0x10), (b"next", 0x180, 0x10)]
        {
            object.add_symbol(Written {
                name: name.to_vec(),
                value,
                size,
                kind: SymbolKind::Text,
                scope: SymbolScope::Dynamic,
                weak: false,
                section: SymbolSection::Section(text),
                flags: SymbolFlags::None,
            });
        }
        let file = object.write().expect("an ELF file");
        let elf = Elf::parse(&file).expect("an ELF file");
        let name = |wanted: Option<&[u64]>, address| {
            let symbols = elf.full_symbols(wanted).expect("symbols");
            let table = SymbolTable::new(symbols.iter().map(Found::at_address).collect());
            table.find(address).map(|(_, symbol)| symbol.name.to_owned())
        };
        for (address, expected) in
            [(0x120, Some("open")), (0x150, Some("open")), (0x188, Some("next")), (0x1a0, None)]
        {
            assert_eq!(name(Some(&[address]), address).as_deref(), expected, "{address:#x}");
            assert_eq!(name(None, address).as_deref(), expected, "{address:#x}");
        }
    }

    #[test]
    fn symbols_that_are_left_out_change_no_name() {
        let mut dice = 0x2545_f491_4f6c_dd1d_u64;
        let mut below = |limit: u64| {
            dice ^= dice << 13;
            dice ^= dice >> 7;
            dice ^= dice << 17;
            dice % limit
        };
        let names: Vec<String> = (0..30).map(|number| format!("symbol_{number}")).collect();
        for _ in 0..2000 {
            // Some of unknown size, some at one address, some inside others.
            let extents: Vec<(u64, u64)> = (0..30).map(|_| (below(200), below(4) * below(8))).collect();
            let mut wanted: Vec<u64> = (0..3).map(|_| below(220)).collect();
            wanted.sort_unstable();
            let starts = wanted_starts(extents.iter().copied(), &wanted);
            let table = |is_kept: &dyn Fn(u64) -> bool| {
                let kept = extents.iter().zip(&names).filter(|((start, _), _)| is_kept(*start));
                let symbols = kept.map(|(&(start, size), name)| Symbol {
                    start,
                    end: start + size,
                    binding: Binding::Global,
                    is_typed: true,
                    name,
                });
                SymbolTable::new(symbols.collect())
            };
            let (all, few) = (table(&|_| true), table(&|start| starts.binary_search(&start).is_ok()));
            for &address in &wanted {
                let name =
                    |table: &SymbolTable| table.find(address).map(|(_, symbol)| symbol.name.to_owned());
                assert_eq!(name(&few), name(&all), "{extents:?} {wanted:?}");
            }
        }
    }
}
