//! Where the sections of a kernel module's file are loaded. The file is relocatable: its symbols
//! have no addresses, only offsets from the start of their section.
//!
//! The kernel places the sections with code one after the other, in the order of the file and each
//! at its alignment, at the start of what perf records as the module's map (layout_sections and
//! __layout_sections, kernel/module/main.c; since 6.4 there are several kinds of memory, and in the
//! first kind the sections with code still come first). Sections whose names start with `.init` are
//! placed elsewhere and freed once the module is loaded.

use object::Endianness;
use object::elf::{ET_REL, SHF_ALLOC, SHF_EXECINSTR};
use object::read::elf::{FileHeader, SectionHeader as _};

use super::headers::Headers;

/// Sections whose size is decided when the module is loaded (module_frob_arch_sections of arm64,
/// arm, riscv, loongarch, powerpc, m68k). Where the sections after them are loaded is unknown.
const GROWING: [&[u8]; 4] = [b".plt", b".got", b".stubs", b".text.ftrace_trampoline"];

impl<H: FileHeader<Endian = Endianness>> Headers<'_, H> {
    /// For each section, by its number, its distance from the start of the loaded module; `None`
    /// for a section without code and for one whose position is unknown. `None` for all if the file
    /// is not relocatable: then its symbols have addresses.
    pub fn module_layout(&self) -> Option<Vec<Option<u64>>> {
        let endian = self.endian;
        if self.header.e_type(endian) != ET_REL {
            return None;
        }
        let code = SHF_ALLOC | SHF_EXECINSTR;
        let keeps_exit = self.can_be_unloaded();
        let mut offsets = vec![None; self.sections.len()];
        let mut end = Some(0u64);
        for (offset, section) in offsets.iter_mut().zip(self.sections) {
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
            *offset = end.and_then(|end| end.checked_next_multiple_of(alignment.max(1)));
            end = offset.and_then(|start| start.checked_add(size));
        }
        Some(offsets)
    }

    /// Whether the module's kernel keeps the sections `.exit`, which only unloading needs
    /// (`CONFIG_MODULE_UNLOAD`). The module records the options of its kernel:
    /// `vermagic=6.1.0 SMP mod_unload` (include/linux/vermagic.h).
    fn can_be_unloaded(&self) -> bool {
        let info = self.section(".modinfo").and_then(|section| self.section_data(section));
        let mut entries = info.unwrap_or_default().split(|byte| *byte == 0);
        let magic = entries.find_map(|entry| entry.strip_prefix(b"vermagic="));
        magic.is_some_and(|magic| magic.split(|byte| *byte == b' ').any(|word| word == b"mod_unload"))
    }
}
