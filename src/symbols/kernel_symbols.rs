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
        trust::kernel_refusal(build_id, |name| self.address_of(name), recorded, kernel)
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
    /// which are in ascending order. `None` if there are no symbols of the module, or if the module
    /// is at another address here: then this kallsyms is from another boot.
    pub fn table(&self, module: &Module, code: &KernelCode, wanted: &[u64]) -> Option<SymbolTable<'f>> {
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
        let is_same_boot = kallsyms.first(Some(&name))?.wrapping_sub(code.start) < code.length;
        is_same_boot.then(|| kallsyms.table(Some(&name), wanted))
    }

    /// Whether these do not include the symbols of kernel modules.
    pub fn lacks_modules(&self) -> bool {
        matches!(self, KernelSymbols::Vmlinux { .. })
    }
}

/// The code of the kernel proper, where the recording has a map of it.
pub fn mapped_kernel(modules: &[Module]) -> Option<&KernelCode> {
    let mut codes = modules.iter().filter_map(|module| module.kernel.as_ref());
    codes.find(|code| code.reference.is_some())
}

/// A kernel module's name, from `[nf_conntrack]` or `/lib/modules/…/nf-conntrack.ko.xz`.
fn kernel_module_name(module: &Module) -> String {
    let name = module.basename().trim_matches(['[', ']']);
    let name = name.split(".ko").next().unwrap_or(name);
    name.replace('-', "_")
}

#[cfg(test)]
mod tests {
    use crate::model::Symbols;

    use super::*;

    const TEXT: &[u8] = b"\
ffffffff81000000 T _text
ffffffff82000000 T _etext
ffffffff83000000 D _edata
";

    fn kernel(length: u64) -> [Module; 1] {
        let reference = Some(("_text".to_owned(), 0xffff_ffff_9100_0000));
        [Module {
            path: Module::KERNEL.to_owned(),
            build_id: None,
            inode: None,
            kernel: Some(KernelCode { start: 0xffff_ffff_9100_0000, length, is_function: false, reference }),
            mapped_by: None,
            segment: None,
            process: None,
            symbols: Symbols::default(),
        }]
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
        assert!(endless.refusal(&kernel(0x100_0000), None).is_some());
    }

    #[test]
    fn the_move_by_kaslr_is_undone() {
        let [module] = kernel(0x100_0000);
        let code = module.kernel.expect("kernel code");
        let kallsyms = KernelSymbols::Kallsyms(Kallsyms::parse(TEXT));
        assert_eq!(kallsyms.shift(&code).wrapping_add(0x10), 0xffff_ffff_8100_0010);
    }
}
