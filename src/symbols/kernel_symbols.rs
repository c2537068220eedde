//! The kernel's symbols from one file: whether they belong to the recorded kernel, and how far
//! KASLR moved that kernel.

use crate::model::{KernelCode, Module};

use super::formats::elf::FileSymbol;
use super::formats::kallsyms::Kallsyms;
use super::formats::table::SymbolTable;
use super::trust;

/// The kernel's symbols.
pub enum KernelSymbols<'f> {
    /// From a kallsyms, with those of its modules.
    Kallsyms(Kallsyms<'f>),
    /// From a vmlinux, which has no modules.
    Vmlinux {
        /// The file's build id.
        build_id: Option<&'f [u8]>,
        /// All its symbols.
        symbols: Vec<FileSymbol<'f>>,
    },
}

impl<'f> KernelSymbols<'f> {
    fn address_of(&self, name: &str) -> Option<u64> {
        match self {
            KernelSymbols::Kallsyms(kallsyms) => kallsyms.address_of(name),
            KernelSymbols::Vmlinux { symbols, .. } => {
                symbols.iter().find(|symbol| symbol.name == name).map(|symbol| symbol.address)
            }
        }
    }

    /// Why these cannot be the symbols of the recorded kernel, which has the build id `recorded`;
    /// `None` if they can be.
    pub fn refusal(&self, modules: &[Module], recorded: Option<&[u8]>) -> Option<String> {
        let build_id = match self {
            KernelSymbols::Kallsyms(kallsyms) if kallsyms.is_empty() => {
                return Some("it holds no symbols".to_owned());
            }
            KernelSymbols::Kallsyms(kallsyms) if kallsyms.is_hidden() => {
                return Some("its addresses are all 0, as /proc/kallsyms reads without root".to_owned());
            }
            KernelSymbols::Vmlinux { symbols, .. } if symbols.is_empty() => {
                return Some("it holds no symbols; vmlinux, not vmlinuz, and not stripped".to_owned());
            }
            KernelSymbols::Kallsyms(_) => None,
            KernelSymbols::Vmlinux { build_id, .. } => *build_id,
        };
        let kernel = mapped_kernel(modules);
        let end = kernel.and_then(|code| mapped_end(code, modules));
        trust::kernel_refusal(build_id, |name| self.address_of(name), recorded, kernel, end)
    }

    /// What to add to an offset in the recorded code to get an address of these symbols. They may
    /// be from another boot, in which KASLR moved the kernel.
    pub fn shift(&self, code: &KernelCode) -> u64 {
        let moved = code
            .reference
            .as_ref()
            .and_then(|(symbol, recorded)| Some(self.address_of(symbol)?.wrapping_sub(*recorded)));
        code.start.wrapping_add(moved.unwrap_or(0))
    }

    /// The symbols of the kernel proper, or of a kernel module, that cover the `wanted` addresses,
    /// which are in ascending order. `None` if there are no symbols of the module, or if nothing
    /// shows that it was at the same address when this kallsyms was read: each boot loads a module
    /// somewhere else.
    pub fn table(&self, module: &Module, boot: Boot, wanted: &[u64]) -> Option<SymbolTable<'f>> {
        let kallsyms = match self {
            KernelSymbols::Kallsyms(kallsyms) => kallsyms,
            KernelSymbols::Vmlinux { symbols, .. } => {
                return module
                    .is_kernel_proper()
                    .then(|| SymbolTable::new(symbols.iter().map(FileSymbol::at_address).collect()));
            }
        };
        if module.is_kernel_proper() {
            return Some(kallsyms.table(None, wanted));
        }
        let name = kernel_module_name(module);
        let is_there = match agreement_of(module, kallsyms.code_of(&name)?) {
            Agreement::Recorded => boot != Boot::Other,
            Agreement::Possible => boot == Boot::Recorded,
            Agreement::Other => false,
        };
        is_there.then(|| kallsyms.table(Some(&name), wanted))
    }

    /// Whether all that the recording shows of addresses agrees with these: the kernel proper, and
    /// each module that both have. If `is_whole`, nobody shortened the list: then one module at
    /// least must be exactly where it was.
    pub fn boot(&self, modules: &[Module], is_whole: bool) -> Boot {
        let KernelSymbols::Kallsyms(kallsyms) = self else { return Boot::Unknown };
        let Some(proper) = mapped_kernel(modules) else { return Boot::Unknown };
        if self.shift(proper) != proper.start {
            return Boot::Other;
        }
        let is_loaded = |module: &&Module| {
            !module.is_kernel_proper() && module.kernel.as_ref().is_some_and(|code| !code.is_function)
        };
        let agreement = |module| Some(agreement_of(module, kallsyms.code_of(&kernel_module_name(module))?));
        let all: Vec<Agreement> = modules.iter().filter(is_loaded).filter_map(agreement).collect();
        let is_shown = !is_whole || all.contains(&Agreement::Recorded);
        match is_shown && !all.contains(&Agreement::Other) {
            true => Boot::Recorded,
            false => Boot::Unknown,
        }
    }

    /// Whether these are from a kallsyms.
    pub fn is_kallsyms(&self) -> bool {
        matches!(self, KernelSymbols::Kallsyms(_))
    }
}

/// Which boot a kallsyms is from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Boot {
    /// That of the recording: all addresses agree.
    Recorded,
    /// Another: KASLR put the kernel somewhere else.
    Other,
    /// Nothing shows it.
    Unknown,
}

/// Whether a kallsyms has a module where the recording mapped it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Agreement {
    /// At the same address.
    Recorded,
    /// At the same address, or some pages from it.
    Possible,
    /// Elsewhere.
    Other,
}

/// Where a kallsyms has a module whose functions have these as their lowest and highest address.
///
/// Modules begin at pages, and nearly all with a function: then the page of the first one is the
/// map's. Large modules of arm64 begin with a `.plt` that is longer than a page, and who shortens a
/// kallsyms may drop the first function. The map of a module is that of its code. Since 6.4 its
/// data is allocated by itself and may lie below (module_memory_alloc, kernel/module/main.c).
fn agreement_of(module: &Module, (first, last): (u64, u64)) -> Agreement {
    const PAGE: u64 = 4096;
    let Some(map) = &module.kernel else { return Agreement::Other };
    let is_in_map = |address: u64| address.wrapping_sub(map.start) < map.length;
    match is_in_map(first) && is_in_map(last) {
        true if first - map.start < PAGE => Agreement::Recorded,
        true => Agreement::Possible,
        false => Agreement::Other,
    }
}

/// The code of the kernel proper, where the recording has a map of it.
pub fn mapped_kernel(modules: &[Module]) -> Option<&KernelCode> {
    let mut codes = modules.iter().filter_map(|module| module.kernel.as_ref());
    codes.find(|code| code.reference.is_some())
}

/// Where the map of the kernel proper ends: at `_etext`, or at `_edata` with perf since 6.6; `None`
/// where perf found neither, and gave the map all addresses up to the next module's or the last one
/// (machine__create_kernel_maps and machine__get_running_kernel_start, tools/perf/util/machine.c).
/// Before 6.6 it asked for an `_etext` that is a function, which that of arm64 is not.
fn mapped_end(code: &KernelCode, modules: &[Module]) -> Option<u64> {
    let end = code.start.checked_add(code.length)?;
    let is_next = |next: &KernelCode| !next.is_function && next.start == end;
    let is_open = end == u64::MAX || modules.iter().filter_map(|module| module.kernel.as_ref()).any(is_next);
    (!is_open && code.length > 0).then_some(end)
}

/// A kernel module's name, from `[nf_conntrack]` or `/lib/modules/…/nf-conntrack.ko.xz`.
fn kernel_module_name(module: &Module) -> String {
    let name = module.basename().trim_matches(['[', ']']);
    let name = name.split(".ko").next().unwrap_or(name);
    name.replace('-', "_")
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &[u8] = b"\
ffffffff81000000 T _text
ffffffff82000000 T _etext
ffffffff83000000 D _edata
";

    fn kernel(length: u64) -> [Module; 1] {
        let reference = Some(("_text".to_owned(), 0xffff_ffff_9100_0000));
        let code = KernelCode { start: 0xffff_ffff_9100_0000, length, is_function: false, reference };
        [Module { kernel: Some(code), ..Module::new(Module::KERNEL.to_owned()) }]
    }

    #[test]
    fn a_kallsyms_of_the_same_length_belongs_to_the_recorded_kernel() {
        let kallsyms = KernelSymbols::Kallsyms(Kallsyms::parse(TEXT));
        // The map reaches to _etext with perf before 6.6, to _edata since.
        for (length, is_refused) in [(0x100_0000, false), (0x200_0000, false), (0x100_1000, true)] {
            assert_eq!(kallsyms.refusal(&kernel(length), None).is_some(), is_refused, "{length:#x}");
        }
        let other = KernelSymbols::Kallsyms(Kallsyms::parse(b"ffffffff81000000 T _stext\n"));
        assert!(other.refusal(&kernel(0x100_0000), None).is_some_and(|why| why.contains("no _text")));
        let endless = KernelSymbols::Kallsyms(Kallsyms::parse(b"ffffffff81000000 T _text\n"));
        assert!(
            endless.refusal(&kernel(0x100_0000), None).is_some_and(|why| why.contains("of unknown length"))
        );
    }

    /// In 7.x the data of a module lies below its code, and its code is where the map says.
    #[test]
    fn a_module_is_found_by_its_code() {
        let [proper] = kernel(0x100_0000);
        let module = |name: &str, start| {
            let code = KernelCode { start, length: 0x8000, is_function: false, reference: None };
            Module { kernel: Some(code), ..Module::new(name.to_owned()) }
        };
        let veth = module("[veth]", 0xffff_ffff_c040_0000);
        let modules = [proper, veth.clone(), module("[br]", 0xffff_ffff_c050_0000)];
        // The kernel proper is not where it was recorded, or is.
        let moved = "ffffffff81000000 T _text\n";
        let unmoved = "ffffffff91000000 T _text\n";
        for (start, lines, is_found) in [
            (unmoved, "ffffffffc021a1f8 b key\t[veth]\nffffffffc0400d30 t veth_xmit\t[veth]\n", true),
            (unmoved, "ffffffffc0400d30 t veth_xmit\t[veth]\n", true),
            // Of another boot.
            (moved, "ffffffffc0400d30 t veth_xmit\t[veth]\n", false),
            (unmoved, "ffffffffc0400d38 b key\t[veth]\nffffffffc0500d30 t veth_xmit\t[veth]\n", false),
            (unmoved, "ffffffffc0408000 t veth_xmit\t[veth]\n", false),
            (unmoved, "ffffffffc0400d30 t veth_xmit\t[wireguard]\n", false),
            (unmoved, "ffffffffc0400d30 t veth_xmit\t[veth]\nffffffffc0408000 t veth_open\t[veth]\n", false),
            (unmoved, "ffffffffc03ff000 t veth_open\t[veth]\nffffffffc0400d30 t veth_xmit\t[veth]\n", false),
            // Of a boot that loaded it a page higher, or with a `.plt` longer than a page.
            (moved, "ffffffffc0401d30 t veth_xmit\t[veth]\n", false),
            (unmoved, "ffffffffc0401d30 t veth_xmit\t[veth]\nffffffffc0600000 t br\t[br]\n", false),
            (unmoved, "ffffffffc0401d30 t veth_xmit\t[veth]\nffffffffc0500000 t br\t[br]\n", true),
            (unmoved, "ffffffffc0401d30 t veth_xmit\t[veth]\n", true),
        ] {
            let text = format!("{start}{lines}");
            let kallsyms = KernelSymbols::Kallsyms(Kallsyms::parse(text.as_bytes()));
            let wanted = 0xffff_ffff_c040_1d40;
            let table = kallsyms.table(&veth, kallsyms.boot(&modules, false), &[wanted]);
            let name = table.as_ref().and_then(|table| Some(table.find(wanted)?.1.name));
            assert_eq!(name, is_found.then_some("veth_xmit"), "{text}");
        }
    }

    /// Without KASLR the kernel proper is always at one address.
    #[test]
    fn a_whole_kallsyms_of_the_boot_has_a_module_where_it_was() {
        let [proper] = kernel(0x100_0000);
        let start = 0xffff_ffff_c040_0000;
        let code = KernelCode { start, length: 0x8000, is_function: false, reference: None };
        let veth = Module { kernel: Some(code), ..Module::new("[veth]".to_owned()) };
        let modules = [proper, veth.clone()];
        for (first, is_whole, is_found) in
            [(start + 0x20, true, true), (start + 0x1020, true, false), (start + 0x1020, false, true)]
        {
            let text = format!("ffffffff91000000 T _text\n{first:x} t veth_xmit\t[veth]\n");
            let kallsyms = KernelSymbols::Kallsyms(Kallsyms::parse(text.as_bytes()));
            let table = kallsyms.table(&veth, kallsyms.boot(&modules, is_whole), &[start + 0x1030]);
            assert_eq!(table.is_some(), is_found, "{first:x} {is_whole}");
        }
    }

    /// arm64 with perf before 6.6.
    #[test]
    fn where_the_length_is_not_recorded_the_address_must_agree() {
        const START: u64 = 0xffff_ffff_9100_0000;
        let there = format!("{START:016x} T _text\nffffffff92000000 D _etext\n");
        let there = KernelSymbols::Kallsyms(Kallsyms::parse(there.as_bytes()));
        let elsewhere = KernelSymbols::Kallsyms(Kallsyms::parse(TEXT));
        let module = |start: u64| {
            let code = KernelCode { start, length: 0x1000, is_function: false, reference: None };
            Module { kernel: Some(code), ..Module::new("[veth]".to_owned()) }
        };
        let [to_the_last_address] = kernel(u64::MAX - START);
        let [to_the_next_module] = kernel(0x300_0000);
        let [without_length] = kernel(0);
        for modules in [
            vec![to_the_last_address],
            vec![module(START + 0x300_0000), to_the_next_module],
            vec![without_length],
        ] {
            assert_eq!(there.refusal(&modules, None), None);
            let why = elsewhere.refusal(&modules, None).expect("another boot's");
            assert!(why.contains("_text is at 0xffffffff81000000"), "{why}");
        }
    }

    #[test]
    fn the_move_by_kaslr_is_undone() {
        let [module] = kernel(0x100_0000);
        let code = module.kernel.expect("kernel code");
        let kallsyms = KernelSymbols::Kallsyms(Kallsyms::parse(TEXT));
        assert_eq!(kallsyms.shift(&code).wrapping_add(0x10), 0xffff_ffff_8100_0010);
    }
}
