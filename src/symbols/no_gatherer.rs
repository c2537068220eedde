//! Gathering in a build without the feature `pack`: nothing is gathered.

use std::path::Path;

use crate::model::{Module, Symbols};

use super::formats::bytes::Bytes;

/// Collects the files that names come from. No value of it exists.
#[derive(Debug)]
pub enum Gatherer {}

impl Gatherer {
    pub(super) fn add_vmlinux(&self, _path: &Path, _file: &Bytes) {
        match *self {}
    }

    pub(super) fn add_kallsyms(&self, _path: &Path, _text: &[u8]) {
        match *self {}
    }

    pub(super) fn refuse_kernel(&self, _path: &Path, _why: &str) {
        match *self {}
    }

    pub fn start_again(&self) {
        match *self {}
    }

    pub(super) fn keep_tables(&self) {
        match *self {}
    }

    pub(super) fn keeps_tables(&self) -> bool {
        match *self {}
    }

    pub(super) fn set_elf(&self, _module: &Module, _file: Result<&Bytes, Symbols>) {
        match *self {}
    }

    pub(super) fn set_list(&self, _module: &Module, _list: Result<&[u8], Symbols>) {
        match *self {}
    }

    pub(super) fn set_debug(&self, _module: &Module, _file: &Bytes) {
        match *self {}
    }

    pub(super) fn add_machine(&self) {
        match *self {}
    }
}
