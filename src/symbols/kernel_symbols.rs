//! Kernel symbols: finds the kallsyms that belongs to the recording's boot, refuses any other, and undoes KASLR.

use std::fs;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::model::{Diagnostic, KernelCode, Module, Severity, clean};

use super::kallsyms::Kallsyms;
use super::search::open_regular;
use super::table::SymbolTable;
use super::{Request, Sources, is_made_here};

/// The text of a kallsyms, and where it was found.
pub(super) struct KallsymsFile {
    pub path: PathBuf,
    pub text: Vec<u8>,
}

/// The kallsyms to use: `--kallsyms`, a file `kallsyms` beside the recording, this kernel's own if it is the recording's.
pub(super) fn find(request: &Request, sources: &Sources) -> Result<Option<KallsymsFile>> {
    if let Some(path) = sources.kallsyms.clone() {
        let text = fs::read(&path).map_err(|cause| Error::Io { file: path.clone(), cause, remedy: None })?;
        return Ok(Some(KallsymsFile { path, text }));
    }
    let beside = request.recording.with_file_name("kallsyms");
    if let Some(text) = read_regular(&beside) {
        return Ok(Some(KallsymsFile { path: beside, text }));
    }
    let own = read_own(request);
    Ok(own.map(|text| KallsymsFile { path: PathBuf::from("/proc/kallsyms"), text }))
}

/// What to tell the user if there is none, or if the one that was found is refused.
pub(super) fn missing(refused: Option<(&Path, String)>) -> Diagnostic {
    let why = match refused {
        None => "no kallsyms of the recorded kernel was found".to_owned(),
        Some((path, why)) => format!("{} is not used: {why}", clean(&path.to_string_lossy())),
    };
    Diagnostic {
        severity: Severity::Warning,
        code: "kernel_names",
        count: 1,
        message: format!("kernel functions have no names: {why}"),
        remedy: Some(
            "on the recorded machine, in the same boot, as root: cat /proc/kallsyms > kallsyms; then give \
             --kallsyms, or put it beside the perf.data"
                .to_owned(),
        ),
    }
}

fn read_regular(path: &Path) -> Option<Vec<u8>> {
    open_regular(path)?;
    fs::read(path).ok()
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
    if !is_made_here(request) || !is_kernel || !is_build {
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
pub(super) fn refusal(kallsyms: &Kallsyms, modules: &[Module]) -> Option<String> {
    if kallsyms.is_empty() {
        return Some("it holds no symbols".to_owned());
    }
    if kallsyms.is_hidden() {
        return Some("its addresses are all 0, as /proc/kallsyms reads without root".to_owned());
    }
    let code =
        modules.iter().filter_map(|module| module.kernel.as_ref()).find(|code| code.reference.is_some())?;
    let (symbol, _) = code.reference.as_ref()?;
    let Some(start) = kallsyms.address_of(symbol) else {
        return Some(format!("it has no {symbol}, which the recording refers to"));
    };
    let length = kallsyms.address_of("_etext")?.wrapping_sub(start);
    (code.length != 0 && length != code.length).then(|| {
        format!(
            "it is another kernel's: its code is {length:#x} bytes long, the recorded kernel's {:#x}",
            code.length
        )
    })
}

/// What to add to an offset in the kernel's code to get an address of this kallsyms: KASLR may have moved the kernel since.
pub(super) fn shift(kallsyms: &Kallsyms, code: &KernelCode) -> u64 {
    let moved = code
        .reference
        .as_ref()
        .and_then(|(symbol, recorded)| Some(kallsyms.address_of(symbol)?.wrapping_sub(*recorded)));
    code.start.wrapping_add(moved.unwrap_or(0))
}

/// The symbols of the kernel proper, or of a kernel module; `None` if the module lies elsewhere in this kallsyms, which is
/// then of another boot.
pub(super) fn table<'k>(
    kallsyms: &Kallsyms<'k>,
    module: &Module,
    code: &KernelCode,
) -> Option<SymbolTable<'k>> {
    if module.is_kernel_proper() {
        return Some(kallsyms.table(None));
    }
    let table = kallsyms.table(Some(&kernel_module_name(module)));
    let lies_there = table.first()?.wrapping_sub(code.start) < code.length;
    lies_there.then_some(table)
}

/// A kernel module's name, from `[nf_conntrack]` or `/lib/modules/…/nf-conntrack.ko.xz`.
fn kernel_module_name(module: &Module) -> String {
    let name = module.basename().trim_matches(['[', ']']);
    let name = name.split(".ko").next().unwrap_or(name);
    name.replace('-', "_")
}
