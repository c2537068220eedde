//! The symbols of an ELF file.

use object::Endianness;
use object::elf::{
    EM_AARCH64, EM_ARM, EM_RISCV, SHN_LORESERVE, STB_LOCAL, STB_WEAK, STT_COMMON, STT_FUNC, STT_GNU_IFUNC,
    STT_NOTYPE, STT_OBJECT, SectionType,
};
use object::read::elf::{FileHeader, SectionHeader as _, Sym as _};

use super::headers::{Headers, text_at};
use crate::symbols::formats::stored::FileBytes;
use crate::symbols::formats::table::{Binding, Symbol};

/// Symbols that are read: a browser with all its libraries in one file has some two million.
const MAX_SYMBOLS: usize = 1 << 24;
/// Bytes of a symbol's name; symbols with longer names are skipped.
const MAX_NAME: usize = 1 << 14;
/// Bytes of all names together; those of a browser are some 200 MB.
const MAX_ALL_NAMES: usize = 1 << 30;

/// A symbol by its address, as in the file, and not by its position in the file.
pub struct FileSymbol<'a> {
    /// Its first address once the file is loaded.
    pub address: u64,
    /// Bytes; 0 where the file does not say.
    size: u64,
    binding: Binding,
    is_typed: bool,
    /// Its name as in the file, mangled.
    pub name: &'a str,
}

impl<'a> FileSymbol<'a> {
    /// The symbol for a table by address.
    pub fn at_address(&self) -> Symbol<'a> {
        self.at(self.address)
    }

    /// The symbol for a table in which it starts at `start`.
    pub fn at(&self, start: u64) -> Symbol<'a> {
        Symbol {
            start,
            end: start.saturating_add(self.size),
            binding: self.binding,
            is_typed: self.is_typed,
            name: self.name,
        }
    }
}

/// Which symbols perf uses: functions and data that are defined here, and labels in code
/// (tools/perf/util/symbol-elf.c).
struct Users<'h, 'a, H: FileHeader> {
    headers: &'h Headers<'a, H>,
    /// For each section, whether it is code.
    is_code: Vec<bool>,
    /// Of a kernel module, where each section is loaded.
    layout: Option<Vec<Option<u64>>>,
    /// Whether symbols whose names begin with `$` only tell code from data.
    has_mapping_symbols: bool,
}

impl<'a, H: FileHeader<Endian = Endianness>> Users<'_, 'a, H> {
    /// The address that a symbol's value counts from; `None` if it is unknown.
    fn base(&self, symbol: &H::Sym) -> Option<u64> {
        match &self.layout {
            None => Some(0),
            Some(layout) => *layout.get(usize::from(symbol.st_shndx(self.headers.endian).0))?,
        }
    }

    /// Whether a symbol is used, if it has a name.
    fn has_use(&self, symbol: &H::Sym) -> bool {
        let endian = self.headers.endian;
        let section = symbol.st_shndx(endian);
        let has_used_type = match symbol.st_type() {
            STT_FUNC | STT_GNU_IFUNC | STT_OBJECT | STT_COMMON => true,
            STT_NOTYPE if section.0 >= SHN_LORESERVE => false,
            STT_NOTYPE => self.is_code.get(usize::from(section.0)).is_some_and(|is_code| *is_code),
            _ => false,
        };
        // Absolute symbols are versions and sizes, not addresses.
        has_used_type
            && !symbol.is_undefined(endian)
            && !symbol.is_absolute(endian)
            && self.base(symbol).is_some()
    }

    /// Whether a symbol is used, by its name among `names` too.
    fn is_used(&self, symbol: &H::Sym, names: &[u8]) -> bool {
        self.has_use(symbol)
            && match names.get(symbol.st_name(self.headers.endian) as usize) {
                None | Some(0) => false,
                Some(first) => !(self.has_mapping_symbols && *first == b'$'),
            }
    }

    /// The start and the size of a symbol.
    fn extent(&self, symbol: &H::Sym) -> (u64, u64) {
        let endian = self.headers.endian;
        let value: u64 = symbol.st_value(endian).into();
        (value.wrapping_add(self.base(symbol).unwrap_or(0)), symbol.st_size(endian).into())
    }

    fn named(&self, symbol: &H::Sym, name: &'a str) -> FileSymbol<'a> {
        let (address, size) = self.extent(symbol);
        FileSymbol {
            address,
            size,
            binding: match symbol.st_bind() {
                STB_LOCAL => Binding::Local,
                STB_WEAK => Binding::Weak,
                _ => Binding::Global,
            },
            is_typed: symbol.st_type() != STT_NOTYPE,
            name,
        }
    }
}

impl<'a, H: FileHeader<Endian = Endianness>> Headers<'a, H> {
    /// The symbols that perf uses. For a kernel module, only the symbols in code, by their distance
    /// from the module's load address.
    pub fn symbols(&self, kind: SectionType, wanted: Option<&[u64]>) -> Option<Vec<FileSymbol<'a>>> {
        let is_text = |section: &H::SectionHeader| {
            self.section_name(section).is_some_and(|name| memchr::memmem::find(name, b"text").is_some())
        };
        let users = Users {
            headers: self,
            is_code: self.sections.iter().map(is_text).collect(),
            layout: self.module_layout(),
            has_mapping_symbols: matches!(self.header.e_machine(self.endian), EM_ARM | EM_AARCH64 | EM_RISCV),
        };
        if let Some(few) = wanted.and_then(|wanted| self.few_symbols(kind, &users, wanted)) {
            return Some(few);
        }
        let (symbols, mut names) = self.symbol_section(kind)?;
        let name_bytes = names.bytes;
        let used = symbols.iter().filter(|symbol| users.is_used(symbol, name_bytes));
        let starts =
            wanted.map(|wanted| wanted_starts(used.clone().map(|symbol| users.extent(symbol)), wanted));
        let is_wanted = |symbol: &&H::Sym| {
            starts.as_ref().is_none_or(|starts| starts.binary_search(&users.extent(symbol).0).is_ok())
        };
        let mut read = |symbol: &H::Sym| Some(users.named(symbol, names.at(symbol.st_name(self.endian))?));
        used.clone().next()?;
        let few: Option<Vec<FileSymbol>> = used.clone().filter(is_wanted).map(&mut read).collect();
        // A symbol whose name cannot be read is no symbol, so it must not end the symbol before it.
        // The symbol that does can then only be found among all symbols.
        Some(few.unwrap_or_else(|| used.filter_map(read).collect()))
    }

    /// The symbols that decide the names of the `wanted` addresses, of a file of which parts are
    /// read: of a large program the names of all symbols are many megabytes, and few are needed.
    /// `None` if they are not few, or if it takes all names to say which they are.
    fn few_symbols(
        &self,
        kind: SectionType,
        users: &Users<'_, 'a, H>,
        wanted: &[u64],
    ) -> Option<Vec<FileSymbol<'a>>> {
        /// Shorter tables of names are read whole.
        const LARGE: u64 = 1 << 18;
        /// More names than this are not few.
        const FEW: usize = 1 << 14;
        let section = self.sections.iter().find(|section| section.sh_type(self.endian) == kind)?;
        let names = self.sections.get(section.sh_link(self.endian) as usize)?;
        let (names_at, names_size) = names.file_range(self.endian)?;
        if users.has_mapping_symbols || names_size < LARGE || !matches!(self.bytes, FileBytes::Stored(_)) {
            return None;
        }
        let symbols: &[H::Sym] = self.items(section, MAX_SYMBOLS)?;
        let used = symbols.iter().filter(|symbol| symbol.st_name(self.endian) != 0 && users.has_use(symbol));
        let starts = wanted_starts(used.clone().map(|symbol| users.extent(symbol)), wanted);
        let is_wanted = |symbol: &&H::Sym| starts.binary_search(&users.extent(symbol).0).is_ok();
        let few: Vec<&H::Sym> = used.filter(is_wanted).take(FEW + 1).collect();
        if few.is_empty() || few.len() > FEW {
            return None;
        }
        let parts = NameParts::read(
            self.bytes,
            (names_at, names_size),
            few.iter().map(|symbol| symbol.st_name(self.endian)).collect(),
        )?;
        // A name that is empty or cannot be read is none: then its symbol decides nothing.
        few.iter().map(|symbol| Some(users.named(symbol, parts.at(symbol.st_name(self.endian))?))).collect()
    }

    /// The symbols of the first section of this type, and their names.
    pub fn symbol_section(&self, kind: SectionType) -> Option<(&'a [H::Sym], SymbolNames<'a>)> {
        let section = self.sections.iter().find(|section| section.sh_type(self.endian) == kind)?;
        let symbols: &[H::Sym] = self.items(section, MAX_SYMBOLS)?;
        let names = self.sections.get(section.sh_link(self.endian) as usize)?;
        // No more of the names is read than symbols refer to.
        let last = symbols.iter().map(|symbol| symbol.st_name(self.endian)).max().unwrap_or(0);
        let reach = (MAX_ALL_NAMES as u64).min(u64::from(last) + MAX_NAME as u64);
        Some((symbols, SymbolNames { bytes: self.section_up_to(names, reach)?, left: MAX_ALL_NAMES }))
    }
}

/// Parts of a table of names.
struct NameParts<'a> {
    file: FileBytes<'a>,
    /// Position and length of the table in the file.
    table: (u64, u64),
    /// Where each part begins in the table, and its bytes.
    parts: Vec<(u64, &'a [u8])>,
}

impl<'a> NameParts<'a> {
    /// Reads the parts of a table that hold the names at `offsets`.
    fn read(file: FileBytes<'a>, table: (u64, u64), mut offsets: Vec<u32>) -> Option<NameParts<'a>> {
        /// Bytes of a name; few are longer.
        const NAME: u64 = 512;
        /// Names that are no farther apart are read together.
        const NEAR: u64 = 1 << 10;
        /// More parts than this take longer than all names.
        const MOST: usize = 1 << 11;
        let (_, size) = table;
        offsets.sort_unstable();
        let mut ranges: Vec<(u64, u64)> = Vec::new();
        for offset in offsets.into_iter().map(u64::from) {
            let end = size.min(offset + NAME);
            match ranges.last_mut().filter(|(_, last)| offset <= *last + NEAR) {
                Some((_, last)) => *last = end.max(*last),
                None => ranges.push((offset, end)),
            }
        }
        let mut read = NameParts { file, table, parts: Vec::new() };
        if ranges.len() <= MOST {
            for (start, end) in ranges {
                read.parts.push((start, read.part(start, end)?));
            }
            return Some(read);
        }
        None
    }

    /// The bytes of the table from `start` to `end`.
    fn part(&self, start: u64, end: u64) -> Option<&'a [u8]> {
        self.file.part(self.table.0.checked_add(start)?, end.checked_sub(start)?)
    }

    /// The name at `offset`, if it is not empty.
    fn at(&self, offset: u32) -> Option<&'a str> {
        let at = u64::from(offset);
        let before = self.parts.partition_point(|(start, _)| *start <= at).checked_sub(1)?;
        let (start, bytes) = self.parts[before];
        let in_part = text_at(bytes, u32::try_from(at - start).ok()?, MAX_NAME);
        let name = match in_part {
            Some(name) => name,
            // It is longer than most.
            None => text_at(self.part(at, self.table.1.min(at + MAX_NAME as u64))?, 0, MAX_NAME)?,
        };
        std::str::from_utf8(name).ok().filter(|name| !name.is_empty())
    }
}

/// The starts of those symbols that decide the names of the `wanted` addresses, in ascending order.
///
/// `symbols` are given as start and size. The deciding symbols are: each that covers a wanted
/// address, each of unknown size, and the one after it, which ends it. A large program has a
/// hundred thousand symbols, of which samples hit some hundred: the names of the others need not be
/// read.
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

/// The names of symbols, read up to a budget.
pub struct SymbolNames<'a> {
    bytes: &'a [u8],
    /// Bytes that may still be read.
    left: usize,
}

impl<'a> SymbolNames<'a> {
    /// The name at `offset`.
    pub fn at(&mut self, offset: u32) -> Option<&'a str> {
        let name = text_at(self.bytes, offset, MAX_NAME.min(self.left));
        // Finding no end costs as much as reading the longest name.
        self.left -= name.map_or(MAX_NAME.min(self.left), <[u8]>::len);
        std::str::from_utf8(name?).ok()
    }
}

#[cfg(test)]
mod tests {
    use crate::symbols::formats::table::SymbolTable;

    use super::*;

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
            // Some are of unknown size, some at the same address, some inside others.
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
