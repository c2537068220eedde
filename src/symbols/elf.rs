//! ELF files: the symbols of a mapped file by position in the file, which is what samples know.

use object::elf::SHT_PROGBITS;
use object::read::elf::{
    ElfFile32, ElfFile64, FileHeader, ProgramHeader as _, Rela as _, SectionHeader as _,
};
use object::{
    Endianness, FileKind, Object, ObjectSection, ObjectSymbol, SectionIndex, SymbolKind, SymbolSection,
};

use super::table::{Binding, Symbol, SymbolTable};

/// An ELF file that was read far enough to ask for its identity and symbols.
pub enum Elf<'a> {
    /// 32 bits.
    Small(ElfFile32<'a, Endianness>),
    /// 64 bits.
    Large(ElfFile64<'a, Endianness>),
}

/// A symbol as it stands in the file: by address, not by position.
pub struct Found<'a> {
    address: u64,
    size: u64,
    binding: Binding,
    is_typed: bool,
    name: &'a str,
}

impl<'a> Elf<'a> {
    /// Reads the headers of `bytes`; `None` if they are not those of an ELF file.
    pub fn parse(bytes: &'a [u8]) -> Option<Elf<'a>> {
        match FileKind::parse(bytes).ok()? {
            FileKind::Elf32 => Some(Elf::Small(ElfFile32::parse(bytes).ok()?)),
            FileKind::Elf64 => Some(Elf::Large(ElfFile64::parse(bytes).ok()?)),
            _ => None,
        }
    }

    /// The build id in the file's notes.
    pub fn build_id(&self) -> Option<&'a [u8]> {
        match self {
            Elf::Small(elf) => elf.build_id().ok()?,
            Elf::Large(elf) => elf.build_id().ok()?,
        }
    }

    /// The symbols of `.symtab`, or an empty list.
    pub fn full_symbols(&self) -> Vec<Found<'a>> {
        match self {
            Elf::Small(elf) => collect(elf, elf.symbols()),
            Elf::Large(elf) => collect(elf, elf.symbols()),
        }
    }

    /// The symbols of `.dynsym`: what a stripped library still exports.
    pub fn dynamic_symbols(&self) -> Vec<Found<'a>> {
        match self {
            Elf::Small(elf) => collect(elf, elf.dynamic_symbols()),
            Elf::Large(elf) => collect(elf, elf.dynamic_symbols()),
        }
    }

    /// The stubs through which other objects' functions are called, as `NAME@plt`. Their names are new strings, so they
    /// come with the position and size of the stub and are owned.
    pub fn plt_stubs(&self) -> Vec<(u64, u64, String)> {
        match self {
            Elf::Small(elf) => plt_stubs(elf),
            Elf::Large(elf) => plt_stubs(elf),
        }
    }

    /// A table by position in this file, of `symbols` that may stem from the file's separate debug information: that has
    /// the same addresses but another layout.
    pub fn table<'s>(&self, symbols: &[Found<'s>], stubs: &'s [(u64, u64, String)]) -> SymbolTable<'s> {
        let segments = self.segments();
        let position = |address: u64| {
            let covers = |(start, _, size): &&(u64, u64, u64)| *start <= address && address - *start < *size;
            let (start, offset, _) = segments.iter().find(covers)?;
            offset.checked_add(address - start)
        };
        let named = symbols.iter().filter_map(|found| {
            let start = position(found.address)?;
            Some(Symbol {
                start,
                end: start.saturating_add(found.size),
                binding: found.binding,
                is_typed: found.is_typed,
                name: found.name,
            })
        });
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
        match self {
            Elf::Small(elf) => segments(elf),
            Elf::Large(elf) => segments(elf),
        }
    }
}

type ElfFile<'a, H> = object::read::elf::ElfFile<'a, H>;

fn segments<'a, H: FileHeader<Endian = Endianness>>(elf: &ElfFile<'a, H>) -> Vec<(u64, u64, u64)> {
    let endian = elf.endian();
    elf.elf_program_headers()
        .iter()
        .filter(|header| header.p_type(endian) == object::elf::PT_LOAD)
        .map(|header| {
            (header.p_vaddr(endian).into(), header.p_offset(endian).into(), header.p_memsz(endian).into())
        })
        .collect()
}

/// The symbols that perf takes: functions and data that are defined here, and labels in code (tools/perf/util/symbol-elf.c).
fn collect<'a, H: FileHeader<Endian = Endianness>>(
    elf: &ElfFile<'a, H>,
    symbols: impl Iterator<Item = impl ObjectSymbol<'a>>,
) -> Vec<Found<'a>> {
    let is_code = |section: Option<SectionIndex>| {
        section
            .and_then(|index| elf.section_by_index(index).ok())
            .is_some_and(|section| section.name().is_ok_and(|name| name.contains("text")))
    };
    symbols.filter_map(|symbol| found(&symbol, is_code)).collect()
}

fn found<'a>(
    symbol: &impl ObjectSymbol<'a>,
    is_code: impl Fn(Option<SectionIndex>) -> bool,
) -> Option<Found<'a>> {
    // Absolute ones are versions and sizes, not places.
    if symbol.is_undefined() || symbol.section() == SymbolSection::Absolute {
        return None;
    }
    let is_typed = match symbol.kind() {
        SymbolKind::Text | SymbolKind::Data => true,
        SymbolKind::Unknown | SymbolKind::Label => {
            if !is_code(symbol.section_index()) {
                return None;
            }
            false
        }
        _ => return None,
    };
    let name = symbol.name().ok().filter(|name| !name.is_empty())?;
    Some(Found {
        address: symbol.address(),
        size: symbol.size(),
        binding: if symbol.is_weak() {
            Binding::Weak
        } else if symbol.is_global() {
            Binding::Global
        } else {
            Binding::Local
        },
        is_typed,
        name,
    })
}

/// One stub for each relocation of `.rela.plt`, in its order: in `.plt.sec` where the linker made one for indirect branch
/// tracking, else in `.plt` after its first, common entry.
fn plt_stubs<'a, H: FileHeader<Endian = Endianness>>(elf: &ElfFile<'a, H>) -> Vec<(u64, u64, String)> {
    // Bytes of a stub on x86-64 and arm64.
    const STUB: u64 = 16;
    // Bytes of the common entry that `.plt` begins with: 16 on x86-64, 32 on arm64.
    let common = match elf.architecture() {
        object::Architecture::X86_64 => 16,
        object::Architecture::Aarch64 => 32,
        _ => return Vec::new(),
    };
    let position = |name: &str| {
        let section = elf.section_by_name(name)?;
        (section.elf_section_header().sh_type(elf.endian()) == SHT_PROGBITS)
            .then(|| section.file_range())?
            .map(|(start, _)| start)
    };
    let first = position(".plt.sec").or_else(|| position(".plt").and_then(|start| start.checked_add(common)));
    let (Some(first), Some(names)) = (first, plt_names(elf)) else {
        return Vec::new();
    };
    (0u64..)
        .zip(names)
        .filter_map(|(number, name)| Some((first.checked_add(number * STUB)?, STUB, name?)))
        .collect()
}

/// The names that `.rela.plt` refers to; `None` within for a relocation without a symbol.
fn plt_names<'a, H: FileHeader<Endian = Endianness>>(elf: &ElfFile<'a, H>) -> Option<Vec<Option<String>>> {
    let endian = elf.endian();
    let section = elf.section_by_name(".rela.plt")?;
    let (relocations, _) = section.elf_section_header().rela(endian, elf.data()).ok()??;
    let symbols = elf.elf_dynamic_symbol_table();
    let name = |relocation: &H::Rela| {
        let symbol = relocation.symbol(endian, false)?;
        let symbol = symbols.symbol(symbol).ok()?;
        let name = symbols.symbol_name(endian, symbol).ok()?;
        let name = std::str::from_utf8(name).ok()?;
        (!name.is_empty()).then(|| format!("{name}@plt"))
    };
    Some(relocations.iter().map(name).collect())
}
