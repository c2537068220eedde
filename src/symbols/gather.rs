//! Collects the files that names come from while they are looked up, so that a pack gives the same
//! names on any machine.

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::model::{Module, Symbols};
use crate::pack::{Budget, Contents, KeptFile};

use super::formats::bytes::Bytes;
use super::formats::elf::{Parts, Reduced};

/// Files that describe the machine (distribution, version of the kernel, modules), and the names of
/// their entries in a pack. They are for people who read the pack.
const MACHINE: [(&str, &str); 3] =
    [("os-release", "/etc/os-release"), ("uname", "/proc/version"), ("modules", "/proc/modules")];

/// At most so many files stay open until the pack is written. A file that is copied whole stays
/// open if it is longer than the budget divided by this number. All files together are within the
/// budget, so there are no more of them.
const MOST_OPEN: u64 = 64;

/// Collects the files that names come from. Modules are looked up in parallel, hence the lock.
#[derive(Debug)]
pub struct Gatherer {
    contents: Mutex<Contents>,
    /// Whether files are copied whole, and not reduced to what names need.
    whole_files: bool,
    /// Whether debug information is kept, which inlined functions come from.
    inline: bool,
    /// Whether tables for unwinding are kept.
    tables: AtomicBool,
    /// The memory for what is collected.
    budget: Arc<Budget>,
}

impl Gatherer {
    /// A gatherer that keeps whole files, or else reduces them, with their debug information if
    /// `inline`. What it keeps is taken from `budget`.
    pub fn new(whole_files: bool, inline: bool, budget: Arc<Budget>) -> Gatherer {
        let contents = Mutex::new(Contents::new(whole_files || inline));
        Gatherer { contents, whole_files, inline, tables: AtomicBool::new(false), budget }
    }

    /// From now on keeps the tables for unwinding of each file: there are stacks to unwind.
    pub(super) fn keep_tables(&self) {
        self.tables.store(true, Ordering::Relaxed);
    }

    /// Whether tables for unwinding are kept.
    pub(super) fn keeps_tables(&self) -> bool {
        self.tables.load(Ordering::Relaxed)
    }

    /// Forgets the files of modules: they are looked for again.
    pub fn start_again(&self) {
        self.with(Contents::forget_modules);
    }

    /// What was collected.
    pub fn into_contents(self) -> Contents {
        self.contents.into_inner().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds an ELF file of the kernel that names come from.
    pub(super) fn add_vmlinux(&self, path: &Path, file: &Bytes) {
        match self.kept(path, file) {
            Some(file) => self.with(|contents| contents.add_kernel(path.display().to_string(), true, file)),
            None => self.refuse_kernel(path, Symbols::OverBudget.reason()),
        }
    }

    /// Adds a kallsyms that names come from.
    pub(super) fn add_kallsyms(&self, path: &Path, text: &[u8]) {
        match self.copied(text) {
            Some(text) => self.with(|contents| contents.add_kernel(path.display().to_string(), false, text)),
            None => self.refuse_kernel(path, Symbols::OverBudget.reason()),
        }
    }

    /// Records that a file with kernel symbols was not used, and why.
    pub(super) fn refuse_kernel(&self, path: &Path, why: &str) {
        self.with(|contents| contents.refuse_kernel(path.display().to_string(), why.to_owned()));
    }

    /// Sets the ELF file of `module`, or why there is none.
    pub(super) fn set_elf(&self, module: &Module, file: Result<&Bytes, Symbols>) {
        // Its tables may have been read before.
        if self.contents.lock().unwrap_or_else(PoisonError::into_inner).has_file(module) {
            return;
        }
        let file = file.and_then(|file| self.kept(module.path.as_ref(), file).ok_or(Symbols::OverBudget));
        self.with(|contents| contents.set(module, file));
    }

    /// Sets the list of generated functions that belongs to `module`, a perf map or a jitdump, or
    /// why there is none.
    pub(super) fn set_list(&self, module: &Module, list: Result<&[u8], Symbols>) {
        let list = list.and_then(|list| self.copied(list).ok_or(Symbols::OverBudget));
        self.with(|contents| contents.set(module, list));
    }

    /// Sets the separate debug information of `module`.
    pub(super) fn set_debug(&self, module: &Module, file: &Bytes) {
        // Unwinding and names may both have asked for it.
        if self.contents.lock().unwrap_or_else(PoisonError::into_inner).has_debug(module) {
            return;
        }
        if let Some(file) = self.kept(module.path.as_ref(), file) {
            self.with(|contents| contents.set_debug(module, file));
        }
    }

    /// Adds the files that describe this machine, which made the recording.
    pub(super) fn add_machine(&self) {
        for (entry, path) in MACHINE {
            if let Ok(text) = fs::read(path) {
                self.with(|contents| contents.add_readable(entry, text));
            }
        }
    }

    /// What is kept of an ELF file; `None` if it is more than is allowed. Its length is known
    /// before anything is copied. A file that cannot be reduced is not kept whole instead.
    fn kept(&self, path: &Path, file: &Bytes) -> Option<KeptFile> {
        if self.whole_files && self.budget.take(file.length()) {
            return match file {
                Bytes::Stored(stored) if stored.length() > self.budget.all() / MOST_OPEN => {
                    Some(KeptFile::Open(stored.to_pack(path)))
                }
                _ => file.copy(file.length()).map(KeptFile::Memory),
            };
        }
        let parts = Parts { debug_information: self.inline, tables: self.keeps_tables() };
        let kept = match file.elf()?.reduced(parts, self.budget.left()) {
            Reduced::Smaller(reduced) => self.budget.take(reduced.len() as u64).then_some(reduced),
            Reduced::AsIs => self.budget.take(file.length()).then(|| file.copy(file.length()))?,
            Reduced::TooLong => {
                self.budget.exceed();
                None
            }
        };
        kept.map(KeptFile::Memory)
    }

    fn copied(&self, bytes: &[u8]) -> Option<KeptFile> {
        self.budget.take(bytes.len() as u64).then(|| KeptFile::Memory(bytes.to_vec()))
    }

    fn with(&self, change: impl FnOnce(&mut Contents)) {
        change(&mut self.contents.lock().unwrap_or_else(PoisonError::into_inner));
    }
}
