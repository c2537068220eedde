//! Finds the lists of functions that processes generated at run time: perf maps and jitdumps.

use std::fs::{self, File};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use crate::model::{Module, Symbols};
use crate::symbols::formats::bytes::{Bytes, Text};

use super::open::{real_below, stored};
use super::places::{Search, is_path};
use super::process_root;

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
            let open = || process_root::open_perf_map(process);
            let in_container = self.trust.opens_process_roots().then(open).flatten();
            if let Some(list) = self.read_container_list(in_container) {
                return Ok(list);
            }
            let root = self.trust.root().ok_or(Symbols::NotLookedFor)?;
            self.open_list(root, "tmp", &format!("perf-{process}.map"))
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
            let open = || process_root::open_list(process, &module.path);
            let in_container = self.trust.opens_process_roots().then(open).flatten();
            if let Some(list) = self.read_container_list(in_container) {
                return Ok(list);
            }
            let root = self.trust.root().ok_or(Symbols::NotLookedFor)?;
            let (folder, name) = module.path[1..].rsplit_once('/').ok_or(Symbols::NoPerfMap)?;
            self.open_list(root, folder, name).map_err(|why| match why {
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

    /// Reads the list `name` in `folder` below `root`. Unlike perf it does not follow a link:
    /// anybody may write to `/tmp`, and a link there may lead to a private file.
    fn open_list(&self, root: &Path, folder: &str, name: &str) -> Result<Text<'p>, Symbols> {
        let folder = real_below(root, folder).ok_or(Symbols::NoPerfMap)?;
        let path = folder.join(name);
        let metadata = fs::symlink_metadata(&path).map_err(|_| Symbols::NoPerfMap)?;
        if !metadata.is_file() {
            return Err(Symbols::PerfMapNotRegular);
        }
        let flags = libc::O_NONBLOCK | libc::O_NOFOLLOW;
        let file = File::options().read(true).custom_flags(flags).open(&path);
        // It belongs to another user and is not readable.
        let file = file.map_err(|_| Symbols::PerfMapOfOther)?;
        let metadata = file.metadata().map_err(|_| Symbols::NoPerfMap)?;
        self.trust.check_list(&metadata)?;
        match metadata.len() {
            0 => Err(Symbols::NoPerfMap),
            length if length > MAX_LIST => Err(Symbols::PerfMapTooLong),
            _ => self.read_list(file),
        }
    }
}
