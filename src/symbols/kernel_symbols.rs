//! Kernel symbols: finds the kallsyms that belongs to the recording's boot, refuses any other, and undoes KASLR.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::model::{Diagnostic, KernelCode, Module, Severity};

use super::kallsyms::Kallsyms;
use super::search::open_regular;
use super::table::SymbolTable;
use super::{Request, Sources, is_stored, is_this_host};

/// The text of a kallsyms, and where it was found.
pub(super) struct KallsymsFile {
    pub path: PathBuf,
    pub text: Vec<u8>,
}

/// The kallsyms to use: `--kallsyms`, a file `kallsyms` beside the recording, this kernel's own if it is the recording's.
pub(super) fn find(request: &Request, sources: &Sources, modules: &[Module]) -> Result<Option<KallsymsFile>> {
    if let Some(path) = sources.kallsyms.clone() {
        let remedy = Some(
            "--kallsyms takes what cat /proc/kallsyms prints as root on the recorded machine".to_owned(),
        );
        let text = fs::read(&path).map_err(|cause| Error::Io { file: path.clone(), cause, remedy })?;
        return Ok(Some(KallsymsFile { path, text }));
    }
    let beside = request.recording.with_file_name("kallsyms");
    if let Some(text) = read_regular(&beside).filter(|_| is_stored(request.recording)) {
        return Ok(Some(KallsymsFile { path: beside, text }));
    }
    // Without a map of the kernel nothing tells whether this boot is the recording's: KASLR moves the kernel at each.
    let own = kernel_code(modules).and_then(|_| read_own(request));
    Ok(own.map(|text| KallsymsFile { path: PathBuf::from("/proc/kallsyms"), text }))
}

/// What to tell the user if there is none, or if the one that was found is refused.
pub(super) fn missing(refused: Option<(&Path, String)>) -> Diagnostic {
    let why = match refused {
        None => "no kallsyms of the recorded kernel was found".to_owned(),
        Some((path, why)) => format!("{} is not used: {why}", path.display()),
    };
    Diagnostic::new(
        Severity::Warning,
        "kernel_names",
        1,
        &format!("kernel functions have no names: {why}"),
        "on the recorded machine, in the same boot, as root: cat /proc/kallsyms > kallsyms; then give --kallsyms, \
         or put it beside the perf.data",
    )
}

fn read_regular(path: &Path) -> Option<Vec<u8>> {
    let mut text = Vec::new();
    open_regular(path)?.read_to_end(&mut text).ok()?;
    Some(text)
}

/// This kernel's kallsyms, if the recording was made on this host by this kernel. Whether it was this boot too is then seen
/// by the addresses: see [`refusal`] and [`table`].
fn read_own(request: &Request) -> Option<Vec<u8>> {
    let release = fs::read_to_string("/proc/sys/kernel/osrelease").ok()?;
    let is_kernel = request.about.kernel.as_deref() == Some(release.trim());
    let is_build = match request.kernel_build_id {
        Some(wanted) => own_kernel_build_id().is_some_and(|own| own == wanted),
        None => true,
    };
    if !is_this_host(request) || !is_kernel || !is_build {
        return None;
    }
    fs::read("/proc/kallsyms").ok()
}

/// The build id in this kernel's notes: name size, description size, type 3, `GNU\0`, id.
fn own_kernel_build_id() -> Option<Vec<u8>> {
    let notes = fs::read("/sys/kernel/notes").ok()?;
    let mut rest = notes.as_slice();
    let word = |bytes: &[u8], at: usize| {
        let field = bytes.get(at..at + 4)?.try_into().ok()?;
        Some(u32::from_ne_bytes(field) as usize)
    };
    loop {
        let (name_size, size, kind) = (word(rest, 0)?, word(rest, 4)?, word(rest, 8)?);
        let name = rest.get(12..12 + name_size)?;
        let start = 12 + name_size.next_multiple_of(4);
        let description = rest.get(start..start.checked_add(size)?)?;
        if kind == 3 && name == b"GNU\0" {
            return Some(description.to_vec());
        }
        rest = rest.get(start + size.next_multiple_of(4)..)?;
    }
}

/// Why a kallsyms cannot be that of the recorded kernel; `None` if nothing speaks against it.
///
/// The kernel's map reaches from its reference symbol to `_etext`, or to `_edata` with perf from 6.6 on
/// (machine__get_running_kernel_start, tools/perf/util/machine.c).
pub(super) fn refusal(kallsyms: &Kallsyms, modules: &[Module]) -> Option<String> {
    if kallsyms.is_empty() {
        return Some("it holds no symbols".to_owned());
    }
    if kallsyms.is_hidden() {
        return Some("its addresses are all 0, as /proc/kallsyms reads without root".to_owned());
    }
    let code = kernel_code(modules)?;
    let (symbol, _) = code.reference.as_ref()?;
    let Some(start) = kallsyms.address_of(symbol) else {
        return Some(format!("it has no {symbol}, which the recording refers to"));
    };
    let ends = ["_etext", "_edata"].map(|end| kallsyms.address_of(end));
    let lengths: Vec<u64> = ends.into_iter().flatten().map(|end| end.wrapping_sub(start)).collect();
    (code.length != 0 && !lengths.contains(&code.length)).then(|| {
        let found: Vec<String> = lengths.iter().map(|length| format!("{length:#x}")).collect();
        let found = if found.is_empty() { "of unknown length".to_owned() } else { found.join(" or ") };
        format!("it is another kernel's: its code is {found} bytes, the recorded kernel's {:#x}", code.length)
    })
}

/// The kernel proper, where the recording has a map of it.
fn kernel_code(modules: &[Module]) -> Option<&KernelCode> {
    let mut codes = modules.iter().filter_map(|module| module.kernel.as_ref());
    codes.find(|code| code.reference.is_some())
}

/// What to add to an offset in the kernel's code to get an address of this kallsyms: KASLR may have moved the kernel since.
pub(super) fn shift(kallsyms: &Kallsyms, code: &KernelCode) -> u64 {
    let moved = code
        .reference
        .as_ref()
        .and_then(|(symbol, recorded)| Some(kallsyms.address_of(symbol)?.wrapping_sub(*recorded)));
    code.start.wrapping_add(moved.unwrap_or(0))
}

/// The symbols of the kernel proper, or of a kernel module, that cover the `wanted` addresses, which ascend; `None` if the module
/// lies elsewhere in this kallsyms, which is then of another boot.
pub(super) fn table<'k>(
    kallsyms: &Kallsyms<'k>,
    module: &Module,
    code: &KernelCode,
    wanted: &[u64],
) -> Option<SymbolTable<'k>> {
    if module.is_kernel_proper() {
        return Some(kallsyms.table(None, wanted));
    }
    let name = kernel_module_name(module);
    let lies_there = kallsyms.first(Some(&name))?.wrapping_sub(code.start) < code.length;
    lies_there.then(|| kallsyms.table(Some(&name), wanted))
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
            kernel: Some(KernelCode { start: 0xffff_ffff_9100_0000, length, reference }),
            process: None,
            symbols: Symbols::default(),
        }]
    }

    #[test]
    fn a_kallsyms_of_the_same_length_is_the_recorded_kernels() {
        let kallsyms = Kallsyms::parse(TEXT);
        // To _etext with perf before 6.6, to _edata since.
        for (length, is_refused) in [(0x100_0000, false), (0x200_0000, false), (0x100_1000, true)] {
            assert_eq!(refusal(&kallsyms, &kernel(length)).is_some(), is_refused, "{length:#x}");
        }
        let other = Kallsyms::parse(b"ffffffff81000000 T _stext\n");
        assert!(refusal(&other, &kernel(0x100_0000)).is_some_and(|why| why.contains("no _text")));
        let endless = Kallsyms::parse(b"ffffffff81000000 T _text\n");
        assert!(refusal(&endless, &kernel(0x100_0000)).is_some());
    }

    #[test]
    fn what_kaslr_moved_is_moved_back() {
        let [module] = kernel(0x100_0000);
        let code = module.kernel.expect("kernel code");
        assert_eq!(shift(&Kallsyms::parse(TEXT), &code).wrapping_add(0x10), 0xffff_ffff_8100_0010);
    }
}
