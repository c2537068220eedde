//! Packs and archives in a build without the feature `pack`: neither can be read.

use std::io::Read;
use std::path::Path;

use crate::error::{Error, Result};
use crate::model::{Module, Symbols};

use super::damage::Damage;

/// A pack that was read. No value of it exists.
#[derive(Debug)]
pub enum Pack {}

impl Pack {
    /// Returns an error: no pack can be read.
    ///
    /// # Errors
    ///
    /// Always.
    pub fn read(_bytes: &[u8], path: &Path, _budget: u64) -> Result<Option<Pack>> {
        let message = "is compressed by zstd; if it is a pack, it needs a build with the feature pack";
        Err(Error::input(path, message, "otherwise unpack it first: zstd -d FILE"))
    }

    pub fn damage(&self) -> Option<Damage> {
        match *self {}
    }

    pub fn recording(&self) -> impl Iterator<Item = (Option<&str>, &[u8], bool)> {
        std::iter::empty()
    }

    pub fn has_inlined(&self) -> bool {
        match *self {}
    }

    pub fn is_redacted(&self) -> bool {
        match *self {}
    }

    pub fn memory(&self) -> u64 {
        match *self {}
    }

    pub fn packed(&self) -> u64 {
        match *self {}
    }

    pub fn kernel(&self) -> impl Iterator<Item = (&str, bool, &[u8])> {
        std::iter::empty()
    }

    pub fn refused(&self) -> Option<(&str, &str)> {
        match *self {}
    }

    pub fn find(&self, _module: &Module) -> std::result::Result<&[u8], Symbols> {
        match *self {}
    }

    pub fn find_debug(&self, _module: &Module) -> Option<&[u8]> {
        match *self {}
    }
}

/// An archive of `perf archive`. Nothing is read from it.
#[derive(Debug, Default)]
pub struct Archive;

impl Archive {
    pub fn read(_bytes: impl Read, _is_wanted: &dyn Fn(&[u8]) -> bool, _budget: u64) -> Archive {
        Archive
    }

    pub fn memory(&self) -> u64 {
        0
    }

    pub fn is_empty(&self) -> bool {
        true
    }

    pub fn has(&self, _build_id: &[u8]) -> bool {
        false
    }

    pub fn find(&self, _build_id: &[u8], _name: &str) -> Option<&[u8]> {
        None
    }

    pub fn damage(&self) -> Option<Damage> {
        None
    }
}

/// An archive of `perf archive --all`. Nothing is read from it.
#[derive(Debug)]
pub struct Bundle;

impl Bundle {
    pub fn read(_bytes: &[u8], _is_recording: &dyn Fn(&[u8]) -> bool, _budget: u64) -> Bundle {
        Bundle
    }

    pub fn count(&self) -> usize {
        0
    }

    pub fn recording(&self) -> impl Iterator<Item = (Option<&str>, &[u8])> {
        std::iter::empty()
    }

    pub fn symbols(&self) -> Option<&[u8]> {
        None
    }

    /// Damage that makes the caller report that the file is compressed.
    pub fn damage(&self) -> Option<Damage> {
        Some(Damage::NoArchive)
    }

    pub fn packed(&self) -> u64 {
        0
    }

    pub fn memory(&self) -> u64 {
        0
    }
}
