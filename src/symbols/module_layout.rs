//! Where the sections of a kernel module's file come to lie when it is loaded: the file is relocatable, so its symbols are told by
//! section and not by address.
//!
//! The kernel puts the sections with code one behind the other in the order of the file, each at its alignment, at the start of what
//! perf records as the module's map (layout_sections and __layout_sections, kernel/module/main.c; of each kind of memory the first
//! are those with code, also since 6.4 divided it). Those whose names begin with `.init` lie apart and are gone once the module is
//! loaded.

use object::Endianness;
use object::elf::{ET_REL, SHF_ALLOC, SHF_EXECINSTR};
use object::read::elf::{FileHeader, SectionHeader as _};

use super::elf::Headers;

/// Sections whose size is decided when the module is loaded (module_frob_arch_sections of arm64, arm, riscv, loongarch, powerpc,
/// m68k): what follows lies nobody knows where.
const GROWING: [&[u8]; 4] = [b".plt", b".got", b".stubs", b".text.ftrace_trampoline"];

impl<H: FileHeader<Endian = Endianness>> Headers<'_, H> {
    /// For each section, by its number, how far behind the start of the module it is loaded; `None` for those that hold no code or of
    /// which that cannot be told. `None` for all if the file is not relocatable: then its symbols have addresses.
    pub(super) fn module_layout(&self) -> Option<Vec<Option<u64>>> {
        let endian = self.endian;
        if self.header.e_type(endian) != ET_REL {
            return None;
        }
        let code = SHF_ALLOC | SHF_EXECINSTR;
        let keeps_exit = self.can_be_unloaded();
        let mut places = vec![None; self.sections.len()];
        let mut end = Some(0u64);
        for (place, section) in places.iter_mut().zip(self.sections) {
            if section.sh_flags(endian) & code != code {
                continue;
            }
            let Some(name) = self.section_name(section) else { break };
            if name.starts_with(b".init") {
                continue;
            }
            let grows = GROWING.iter().any(|prefix| name.starts_with(prefix));
            if grows || name.starts_with(b".exit") && !keeps_exit {
                break;
            }
            let alignment: u64 = section.sh_addralign(endian).into();
            let size: u64 = section.sh_size(endian).into();
            *place = end.and_then(|end| end.checked_next_multiple_of(alignment.max(1)));
            end = place.and_then(|start| start.checked_add(size));
        }
        Some(places)
    }

    /// Whether the kernel that it is for keeps what only unloading needs, the sections `.exit` (`CONFIG_MODULE_UNLOAD`). The module says so
    /// among what it was made for: `vermagic=6.1.0 SMP mod_unload` (include/linux/vermagic.h).
    fn can_be_unloaded(&self) -> bool {
        let facts =
            self.section(".modinfo").and_then(|section| self.section_data(section)).unwrap_or_default();
        let mut facts = facts.split(|byte| *byte == 0);
        let magic = facts.find_map(|fact| fact.strip_prefix(b"vermagic="));
        magic.is_some_and(|magic| magic.split(|byte| *byte == b' ').any(|word| word == b"mod_unload"))
    }
}
