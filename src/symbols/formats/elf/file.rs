//! An ELF file of 32 or 64 bits.

use std::borrow::Cow;
use std::ops::Range;

use object::FileKind;
use object::elf::{ET_REL, FileHeader32, FileHeader64, Machine, SHT_DYNSYM, SHT_SYMTAB};
use object::read::elf::FileHeader as _;

use crate::model::Segment;

use super::headers::{CodeSegment, Headers, LoadedSegment, file_position};
use super::plt::PltStub;
use super::reduce::{Parts, Reduced};
use super::symbols::FileSymbol;
use crate::pack::Budget;
use crate::symbols::formats::stored::FileBytes;
use crate::symbols::formats::table::{Binding, Symbol, SymbolTable};

type Endian = object::Endianness;

/// An ELF file whose headers could be read.
pub enum Elf<'a> {
    /// 32 bits.
    Small(Headers<'a, FileHeader32<Endian>>),
    /// 64 bits.
    Large(Headers<'a, FileHeader64<Endian>>),
}

/// The segments of a file that are loaded.
pub struct LoadedSegments(Vec<LoadedSegment>);

impl LoadedSegments {
    /// The address of a position in the file.
    pub fn address_of(&self, position: u64) -> Option<u64> {
        let covers =
            |segment: &&LoadedSegment| segment.offset <= position && position - segment.offset < segment.size;
        let segment = self.0.iter().find(covers)?;
        segment.address.checked_add(position - segment.offset)
    }
}

/// Evaluates `$answer` with the headers of either size.
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
    pub fn parse(bytes: impl Into<FileBytes<'a>>) -> Option<Elf<'a>> {
        let bytes = bytes.into();
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

    /// The symbols of `.symtab`; `None` if there are none.
    ///
    /// With `wanted` addresses, in ascending order, only those symbols are read that decide the
    /// names of these addresses.
    pub fn full_symbols(&self, wanted: Option<&[u64]>) -> Option<Vec<FileSymbol<'a>>> {
        either!(self, headers => headers.symbols(SHT_SYMTAB, wanted))
    }

    /// Like [`Elf::full_symbols`], for `.dynsym`, which has the symbols that a stripped library
    /// still exports.
    pub fn dynamic_symbols(&self, wanted: Option<&[u64]>) -> Option<Vec<FileSymbol<'a>>> {
        either!(self, headers => headers.symbols(SHT_DYNSYM, wanted))
    }

    /// The stubs of the procedure linkage table, through which functions of other objects are
    /// called.
    pub fn plt_stubs(&self) -> Vec<PltStub> {
        either!(self, headers => headers.plt_stubs())
    }

    /// Whether the file is relocatable, as a kernel module is: it gets its addresses when it is
    /// loaded.
    pub fn is_relocatable(&self) -> bool {
        either!(self, headers => headers.header.e_type(headers.endian) == ET_REL)
    }

    /// The machine that it is for: EM_X86_64 and others.
    pub fn machine(&self) -> Machine {
        either!(self, headers => headers.header.e_machine(headers.endian))
    }

    /// Whether the most significant byte of a number comes first.
    pub fn is_big_endian(&self) -> bool {
        either!(self, headers => headers.header.is_big_endian())
    }

    /// The bytes of the section of this name.
    pub fn section(&self, name: &str) -> Option<&'a [u8]> {
        either!(self, headers => headers.section_data(headers.section(name)?))
    }

    /// Whether the file has a section of this name with all its bytes.
    pub fn has_section(&self, name: &str) -> bool {
        either!(self, headers => headers.section(name).is_some_and(|section| headers.has_data(section)))
    }

    /// The bytes of the section of this name, decompressed where the section is compressed. What it
    /// decompresses to is taken from `budget`.
    pub fn unpacked_section(&self, name: &str, budget: &Budget) -> Option<Cow<'a, [u8]>> {
        either!(self, headers => headers.unpacked_section(name, budget))
    }

    /// A smaller file with the same build id, the same symbols and these `parts`, of at most
    /// `limit` bytes.
    pub fn reduced(&self, parts: Parts, limit: u64) -> Reduced {
        either!(self, headers => headers.reduced(parts, limit))
    }

    /// The address of a position in this file once the file is loaded.
    pub fn address_of(&self, position: u64) -> Option<u64> {
        self.loaded_segments().address_of(position)
    }

    /// The segments of this file that are loaded.
    pub fn loaded_segments(&self) -> LoadedSegments {
        LoadedSegments(self.segments())
    }

    /// The addresses of the section of this name once the file is loaded.
    pub fn section_addresses(&self, name: &str) -> Option<Range<u64>> {
        either!(self, headers => headers.section_addresses(name))
    }

    /// For separate debug information: what to add to a position in the program's file to get its
    /// address.
    ///
    /// Separate debug information does not say where in the program's file the code was. It
    /// follows only if `segment`, which was mapped, is all code of the program: then this file has
    /// one code segment of the same length, in pages of some size.
    pub fn shift(&self, segment: Segment) -> Option<u64> {
        const PAGES: [u64; 3] = [4 << 10, 16 << 10, 64 << 10];
        let [CodeSegment { address, size, alignment }] =
            either!(self, headers => headers.code_segments())[..]
        else {
            return None;
        };
        let shift = |page: u64| {
            let within = address % page;
            let length = within.checked_add(size)?.checked_next_multiple_of(page)?;
            let shift = (address - within).wrapping_sub(segment.offset);
            (length == segment.length && shift.is_multiple_of(alignment.max(1))).then_some(shift)
        };
        let mut shifts = PAGES.into_iter().filter_map(shift);
        shifts.next().filter(|first| shifts.all(|other| other == *first))
    }

    /// A table of `symbols` and `stubs` by position in this file.
    ///
    /// The symbols may come from the file's separate debug information, which has the same
    /// addresses at other positions.
    pub fn table<'s>(&self, symbols: &[FileSymbol<'s>], stubs: &'s [PltStub]) -> SymbolTable<'s> {
        let segments = self.segments();
        let symbols =
            symbols.iter().filter_map(|symbol| Some(symbol.at(file_position(&segments, symbol.address)?)));
        let stubs = stubs.iter().map(|stub| Symbol {
            start: stub.start,
            end: stub.start.saturating_add(stub.size),
            binding: Binding::Global,
            is_typed: true,
            name: &stub.name,
        });
        SymbolTable::new(symbols.chain(stubs).collect())
    }

    fn segments(&self) -> Vec<LoadedSegment> {
        either!(self, headers => headers.loaded_segments())
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use flate2::Compression;
    use flate2::read::ZlibEncoder;
    use object::elf::{ELFCOMPRESS_ZLIB, ELFCOMPRESS_ZSTD, SHF_COMPRESSED, SHT_PROGBITS};
    use object::write::{Object, Symbol as WrittenSymbol, SymbolSection};
    use object::{Architecture, BinaryFormat, SectionFlags, SectionKind};
    use object::{SymbolFlags, SymbolKind, SymbolScope};

    use super::*;

    /// A file with a section `.debug_line` that is compressed in this way, and that says to have
    /// so many bytes.
    fn with_compressed_section(kind: u32, packed: &[u8], size: u64) -> Vec<u8> {
        let mut object = Object::new(BinaryFormat::Elf, Architecture::X86_64, object::Endianness::Little);
        let section = object.add_section(Vec::new(), b".debug_line".to_vec(), SectionKind::Debug);
        // Elf64_Chdr: ch_type, ch_reserved, ch_size, ch_addralign.
        let header = [&kind.to_le_bytes()[..], &[0; 4], &size.to_le_bytes(), &1u64.to_le_bytes()].concat();
        object.append_section_data(section, &[&header, packed].concat(), 8);
        object.section_mut(section).flags =
            SectionFlags::Elf { sh_type: SHT_PROGBITS, sh_flags: SHF_COMPRESSED };
        object.write().expect("an ELF file")
    }

    #[test]
    fn sections_are_decompressed_if_they_have_the_size_that_they_say() {
        let lines: Vec<u8> = (0..20_000u32).flat_map(|number| (number % 3000).to_le_bytes()).collect();
        let mut zlib = Vec::new();
        ZlibEncoder::new(&lines[..], Compression::fast()).read_to_end(&mut zlib).expect("it packs");
        let zstd = zstd::encode_all(&lines[..], 1).expect("it packs");
        let size = lines.len() as u64;
        for (kind, packed) in [(ELFCOMPRESS_ZLIB, zlib), (ELFCOMPRESS_ZSTD, zstd)] {
            let unpacked = |packed: &[u8], size| {
                let file = with_compressed_section(kind.0, packed, size);
                let elf = Elf::parse(&file).expect("an ELF file");
                let budget = Budget::new(1 << 20);
                elf.unpacked_section(".debug_line", &budget).map(Cow::into_owned)
            };
            assert!(unpacked(&packed, size).is_some_and(|unpacked| unpacked == lines), "{kind:?}");
            for wrong in [0, size - 1, size + 1, 2 << 20, u64::MAX] {
                assert_eq!(unpacked(&packed, wrong), None, "{kind:?}, {wrong} bytes");
            }
            assert_eq!(unpacked(&packed[..packed.len() / 2], size), None, "{kind:?}, cut");
        }
    }

    #[test]
    fn a_symbol_whose_name_cannot_be_read_ends_none() {
        let mut object = Object::new(BinaryFormat::Elf, Architecture::X86_64, object::Endianness::Little);
        let text = object.add_section(Vec::new(), b".text".to_vec(), SectionKind::Text);
        for (name, value, size) in [(&b"open"[..], 0x100, 0), (b"\xff", 0x140, 0x10), (b"next", 0x180, 0x10)]
        {
            object.add_symbol(WrittenSymbol {
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
            let table = SymbolTable::new(symbols.iter().map(FileSymbol::at_address).collect());
            table.find(address).map(|(_, symbol)| symbol.name.to_owned())
        };
        for (address, expected) in
            [(0x120, Some("open")), (0x150, Some("open")), (0x188, Some("next")), (0x1a0, None)]
        {
            assert_eq!(name(Some(&[address]), address).as_deref(), expected, "{address:#x}");
            assert_eq!(name(None, address).as_deref(), expected, "{address:#x}");
        }
    }
}
