//! The procedure linkage table (`.plt`): the stubs through which a program calls functions of other
//! objects. They have no symbols, so their names are made here, as perf makes them: `NAME@plt`.

use object::Endianness;
use object::elf::{EM_AARCH64, EM_X86_64, SHT_DYNSYM, SHT_PROGBITS};
use object::read::elf::{FileHeader, Rela as _, SectionHeader as _, Sym as _};

use super::headers::{Headers, file_position};

/// Stubs that are read.
const MAX_STUBS: usize = 1 << 20;

/// A stub through which a function of another object is called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PltStub {
    /// Its position in the file.
    pub start: u64,
    /// Bytes.
    pub size: u64,
    /// `NAME@plt`.
    pub name: String,
}

impl<H: FileHeader<Endian = Endianness>> Headers<'_, H> {
    /// One stub for each relocation of `.rela.plt`, in its order: in `.plt.sec` where the linker
    /// made one for indirect branch tracking, else in `.plt` after its first, common entry.
    pub fn plt_stubs(&self) -> Vec<PltStub> {
        // Bytes of a stub on x86-64 and arm64.
        const STUB: u64 = 16;
        // Bytes of the common entry that `.plt` starts with.
        let common = match self.header.e_machine(self.endian) {
            EM_X86_64 => 16,
            EM_AARCH64 => 32,
            _ => return Vec::new(),
        };
        let segments = self.loaded_segments();
        let extent = |name: &str, skipped: u64| {
            let section = self.section(name)?;
            // From its address and not from its offset, which differs in a reduced file.
            let start = file_position(&segments, section.sh_addr(self.endian).into())?;
            let size: u64 = section.sh_size(self.endian).into();
            // Separate debug information and files that were cut have the header without the bytes.
            let is_code = section.sh_type(self.endian) == SHT_PROGBITS && self.has_data(section);
            is_code.then_some((start.checked_add(skipped)?, start.checked_add(size)?))
        };
        let stubs = extent(".plt.sec", 0).or_else(|| extent(".plt", common));
        let (Some((first, end)), Some(names)) = (stubs, self.plt_names()) else {
            return Vec::new();
        };
        (0u64..)
            .zip(names)
            .map_while(|(number, name)| Some((first.checked_add(number * STUB)?, name)))
            .take_while(|(start, _)| *start < end)
            .filter_map(|(start, name)| Some(PltStub { start, size: STUB, name: name? }))
            .collect()
    }

    /// The name of the stub of each relocation of `.rela.plt`; `None` for a relocation without a
    /// symbol.
    fn plt_names(&self) -> Option<Vec<Option<String>>> {
        let section = self.section(".rela.plt")?;
        let relocations: &[H::Rela] = self.items(section, MAX_STUBS)?;
        let (symbols, mut names) = self.symbol_section(SHT_DYNSYM)?;
        let mut name = |relocation: &H::Rela| {
            let symbol = symbols.get(relocation.r_sym(self.endian, false) as usize)?;
            let name = names.at(symbol.st_name(self.endian))?;
            (!name.is_empty()).then(|| format!("{name}@plt"))
        };
        Some(relocations.iter().map(&mut name).collect())
    }
}
