//! Gathering what names come from while they are looked up, so that a pack gives the same names anywhere.

use std::fs;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use crate::model::{Module, Symbols};
use crate::pack::Contents;

use super::elf::Elf;

/// What the machine says of itself, for people who read the pack, and what the entry is called: distribution, version of the kernel,
/// modules.
const MACHINE: [(&str, &str); 3] =
    [("os-release", "/etc/os-release"), ("uname", "/proc/version"), ("modules", "/proc/modules")];

/// Gathers the files that names come from. Modules are looked up at the same time.
#[derive(Debug)]
pub struct Gatherer {
    contents: Mutex<Contents>,
    /// Whether files are copied whole, and not reduced to what names need.
    whole_files: bool,
    /// Whether debug information is kept.
    inline: bool,
}

impl Gatherer {
    /// One that keeps whole files, or of files that are reduced also their debug information.
    pub fn new(whole_files: bool, inline: bool) -> Gatherer {
        Gatherer { contents: Mutex::new(Contents::new(whole_files || inline)), whole_files, inline }
    }

    /// What was gathered.
    pub fn into_contents(self) -> Contents {
        self.contents.into_inner().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds an ELF file of the kernel that names are from.
    pub(super) fn add_vmlinux(&self, path: &Path, file: &[u8]) {
        self.with(|contents| contents.add_kernel(path.display().to_string(), true, self.reduced(file)));
    }

    /// Adds a kallsyms that names are from.
    pub(super) fn add_kallsyms(&self, path: &Path, text: &[u8]) {
        self.with(|contents| contents.add_kernel(path.display().to_string(), false, text.to_vec()));
    }

    /// Notes a file of kernel symbols that was not used.
    pub(super) fn refuse_kernel(&self, path: &Path, why: &str) {
        self.with(|contents| contents.refuse_kernel(path.display().to_string(), why.to_owned()));
    }

    /// Notes the ELF file of `module`, or why there is none.
    pub(super) fn set_elf(&self, module: &Module, found: Result<&[u8], Symbols>) {
        let file = found.map(|file| self.reduced(file));
        self.with(|contents| contents.set(module, file));
    }

    /// Notes the list of functions made at run time that belongs to `module`, a perf map or a jitdump, or why there is none.
    pub(super) fn set_list(&self, module: &Module, found: Result<&[u8], Symbols>) {
        self.with(|contents| contents.set(module, found.map(<[u8]>::to_vec)));
    }

    /// Adds the separate debug information of `module`.
    pub(super) fn set_debug(&self, module: &Module, file: &[u8]) {
        let file = self.reduced(file);
        self.with(|contents| contents.set_debug(module, file));
    }

    /// Adds what this machine, which made the recording, says of itself.
    pub(super) fn add_machine(&self) {
        for (entry, path) in MACHINE {
            if let Ok(text) = fs::read(path) {
                self.with(|contents| contents.add_machine(entry, text));
            }
        }
    }

    fn reduced(&self, file: &[u8]) -> Vec<u8> {
        let reduced = || Elf::parse(file).and_then(|elf| elf.reduced(self.inline));
        if self.whole_files { None } else { reduced() }.unwrap_or_else(|| file.to_vec())
    }

    fn with(&self, change: impl FnOnce(&mut Contents)) {
        change(&mut self.contents.lock().unwrap_or_else(PoisonError::into_inner));
    }
}
