//! Finds the lists of functions that processes generated at run time: perf maps and jitdumps.

use std::fs::{self, File};
use std::path::Path;

use crate::model::{Module, Symbols};
use crate::symbols::formats::bytes::{Bytes, Text};

use super::open::stored;
use super::places::{Search, is_path};
use super::process_root;
use super::walk::{Links, Root, find_below};

/// The most bytes of a perf map or jitdump that is read. Those of long-lived processes reach some
/// hundred MB.
const MAX_LIST: u64 = 1 << 30;

impl<'p> Search<'p> {
    /// The perf map of `process`, whose generated code is `module`: below the root of the process,
    /// else in `/tmp` here.
    ///
    /// # Errors
    ///
    /// Why there is none.
    pub fn find_perf_map(&self, module: &Module, process: i32) -> Result<Text<'p>, Symbols> {
        self.find_list(module, || {
            let open = || process_root::open_perf_map(&self.opener, process);
            let in_container = self.trust.opens_process_roots().then(open).flatten();
            if let Some(list) = self.read_container_list(in_container) {
                return Ok(list);
            }
            let root = self.trust.root().ok_or(Symbols::NotLookedFor)?;
            self.open_list(root, &format!("tmp/perf-{process}.map"))
        })
    }

    /// The jitdump that `process` mapped as `module`: below the root of the process, else at its
    /// recorded path.
    ///
    /// # Errors
    ///
    /// Why there is none.
    pub fn find_jitdump(&self, module: &Module, process: i32) -> Result<Text<'p>, Symbols> {
        self.find_list(module, || {
            if !is_path(module) {
                return Err(Symbols::NoPerfMap);
            }
            let open = || process_root::open_list(&self.opener, process, &module.path);
            let in_container = self.trust.opens_process_roots().then(open).flatten();
            if let Some(list) = self.read_container_list(in_container) {
                return Ok(list);
            }
            let root = self.trust.root().ok_or(Symbols::NotLookedFor)?;
            self.open_list(root, &module.path[1..]).map_err(|why| match why {
                Symbols::NoPerfMap | Symbols::OverBudget => why,
                _ => Symbols::JitdumpRefused,
            })
        })
    }

    /// The list that belongs to `module`: the pack's, else the one that `search` finds. It is given
    /// to the gatherer.
    fn find_list(
        &self,
        module: &Module,
        search: impl FnOnce() -> Result<Text<'p>, Symbols>,
    ) -> Result<Text<'p>, Symbols> {
        if let Some(list) = self.find_in_pack(module) {
            return list.and_then(|list| list.into_text(u64::MAX).ok_or(Symbols::OverBudget));
        }
        let list = search();
        if let Some(gatherer) = self.gatherer {
            gatherer.set_list(module, list.as_deref().map_err(|why| *why));
        }
        list
    }

    /// Reads a list that a process wrote in its own container.
    fn read_container_list(&self, list: Option<File>) -> Option<Text<'p>> {
        let is_usable =
            |metadata: fs::Metadata| metadata.len() <= MAX_LIST && self.trust.is_same_boot(&metadata);
        let list = list.filter(|list| list.metadata().is_ok_and(is_usable))?;
        self.read_list(list).ok()
    }

    fn read_list(&self, list: File) -> Result<Text<'p>, Symbols> {
        let list: Bytes<'p> = stored(list, &self.budget).ok_or(Symbols::NoPerfMap)?;
        list.into_text(MAX_LIST).ok_or(Symbols::OverBudget)
    }

    /// Reads the list at `path` below `root`. Unlike perf it does not follow a link there: anybody
    /// may write to `/tmp`, and a link there may lead to a private file.
    fn open_list(&self, root: &Path, path: &str) -> Result<Text<'p>, Symbols> {
        let root = Root::of_user(root).ok_or(Symbols::NoPerfMap)?;
        let list = find_below(&root, path, Links::NotAtEnd).map_err(|_| Symbols::NoPerfMap)?;
        let metadata = list.metadata().map_err(|_| Symbols::NoPerfMap)?;
        self.trust.check_list(&metadata)?;
        match metadata.len() {
            0 => Err(Symbols::NoPerfMap),
            length if length > MAX_LIST => Err(Symbols::PerfMapTooLong),
            _ => self.read_list(self.opener.open_handle(&list).map_err(|_| Symbols::PerfMapOfOther)?),
        }
    }
}
