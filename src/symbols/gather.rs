//! Collects the files that names come from while they are looked up, so that a pack gives the same
//! names on any machine.

use std::fs;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use crate::model::{Module, Symbols};
use crate::pack::Contents;

use super::formats::elf::Elf;

/// Files that describe the machine (distribution, version of the kernel, modules), and the names of
/// their entries in a pack. They are for people who read the pack.
const MACHINE: [(&str, &str); 3] =
    [("os-release", "/etc/os-release"), ("uname", "/proc/version"), ("modules", "/proc/modules")];

/// Collects the files that names come from. Modules are looked up in parallel, hence the lock.
#[derive(Debug)]
pub struct Gatherer {
    contents: Mutex<Contents>,
    /// Whether files are copied whole, and not reduced to what names need.
    whole_files: bool,
    /// Whether debug information is kept, which inlined functions come from.
    inline: bool,
}

impl Gatherer {
    /// A gatherer that keeps whole files, or else reduces them, with their debug information if
    /// `inline`.
    pub fn new(whole_files: bool, inline: bool) -> Gatherer {
        Gatherer { contents: Mutex::new(Contents::new(whole_files || inline)), whole_files, inline }
    }

    /// What was collected.
    pub fn into_contents(self) -> Contents {
        self.contents.into_inner().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds an ELF file of the kernel that names come from.
    pub(super) fn add_vmlinux(&self, path: &Path, file: &[u8]) {
        self.with(|contents| contents.add_kernel(path.display().to_string(), true, self.reduced(file)));
    }

    /// Adds a kallsyms that names come from.
    pub(super) fn add_kallsyms(&self, path: &Path, text: &[u8]) {
        self.with(|contents| contents.add_kernel(path.display().to_string(), false, text.to_vec()));
    }

    /// Records that a file with kernel symbols was not used, and why.
    pub(super) fn refuse_kernel(&self, path: &Path, why: &str) {
        self.with(|contents| contents.refuse_kernel(path.display().to_string(), why.to_owned()));
    }

    /// Sets the ELF file of `module`, or why there is none.
    pub(super) fn set_elf(&self, module: &Module, file: Result<&[u8], Symbols>) {
        let file = file.map(|file| self.reduced(file));
        self.with(|contents| contents.set(module, file));
    }

    /// Sets the list of generated functions that belongs to `module`, a perf map or a jitdump, or
    /// why there is none.
    pub(super) fn set_list(&self, module: &Module, list: Result<&[u8], Symbols>) {
        self.with(|contents| contents.set(module, list.map(<[u8]>::to_vec)));
    }

    /// Sets the separate debug information of `module`.
    pub(super) fn set_debug(&self, module: &Module, file: &[u8]) {
        let file = self.reduced(file);
        self.with(|contents| contents.set_debug(module, file));
    }

    /// Adds the files that describe this machine, which made the recording.
    pub(super) fn add_machine(&self) {
        for (entry, path) in MACHINE {
            if let Ok(text) = fs::read(path) {
                self.with(|contents| contents.add_machine(entry, text));
            }
        }
    }

    /// The part of an ELF file that is kept.
    fn reduced(&self, file: &[u8]) -> Vec<u8> {
        let reduced = || Elf::parse(file).and_then(|elf| elf.reduced(self.inline));
        if self.whole_files { None } else { reduced() }.unwrap_or_else(|| file.to_vec())
    }

    fn with(&self, change: impl FnOnce(&mut Contents)) {
        change(&mut self.contents.lock().unwrap_or_else(PoisonError::into_inner));
    }
}
