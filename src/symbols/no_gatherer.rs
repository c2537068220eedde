//! Gathering in a build without the feature `pack`: nobody gathers.

use std::path::Path;

use crate::model::{Module, Symbols};

/// What gathers the files that names come from: there is none.
#[derive(Debug)]
pub enum Gatherer {}

impl Gatherer {
    pub(super) fn add_vmlinux(&self, _path: &Path, _file: &[u8]) {
        match *self {}
    }

    pub(super) fn add_kallsyms(&self, _path: &Path, _text: &[u8]) {
        match *self {}
    }

    pub(super) fn refuse_kernel(&self, _path: &Path, _why: &str) {
        match *self {}
    }

    pub(super) fn set_elf(&self, _module: &Module, _file: Result<&[u8], Symbols>) {
        match *self {}
    }

    pub(super) fn set_list(&self, _module: &Module, _list: Result<&[u8], Symbols>) {
        match *self {}
    }

    pub(super) fn set_debug(&self, _module: &Module, _file: &[u8]) {
        match *self {}
    }

    pub(super) fn add_machine(&self) {
        match *self {}
    }
}
