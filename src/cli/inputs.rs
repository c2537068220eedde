//! The files that a command reads: none of them is a place for its result.

use std::collections::BTreeSet;
use std::fs::{self, Metadata};
use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use stallgraph::model::{FileId, clean};

/// The files that a command reads, by device and inode: a file has any number of names.
#[derive(Default)]
pub struct Inputs {
    /// The files of the recording, and its folder if it is one.
    recording: BTreeSet<FileId>,
    /// The files that names come from.
    others: BTreeSet<FileId>,
    /// Those of other options.
    of_options: BTreeSet<FileId>,
}

impl Inputs {
    /// The recording at `path` (`-` is standard input), the files at the paths `named`, and those
    /// that were `opened`.
    pub fn new(path: &Path, named: &[PathBuf], opened: &BTreeSet<FileId>) -> Inputs {
        let path = if path == Path::new("-") { Path::new("/dev/stdin") } else { path };
        let parts = fs::read_dir(path).into_iter().flatten().flatten().map(|entry| entry.path());
        let identity = |path: &Path| fs::metadata(path).ok().map(|metadata| FileId::from(&metadata));
        let recording = identity(path).into_iter().chain(parts.filter_map(|part| identity(&part))).collect();
        let named = named.iter().filter_map(|path| identity(path));
        let others = named.chain(opened.iter().copied()).collect();
        Inputs { recording, others, of_options: BTreeSet::new() }
    }

    /// The same, and the files that other options name; of a folder, also those in it.
    pub fn with<'p>(mut self, paths: impl Iterator<Item = &'p Path>) -> Inputs {
        for path in paths {
            let parts = fs::read_dir(path).into_iter().flatten().flatten().map(|entry| entry.path());
            let all = [path.to_owned()].into_iter().chain(parts);
            self.of_options
                .extend(all.filter_map(|path| fs::metadata(path).ok()).map(|file| FileId::from(&file)));
        }
        self
    }

    /// Checks that a result at `path` would take the place of no input, whatever name it has there,
    /// and would not become a part of a recording that is a folder.
    pub fn check(&self, path: &Path) -> Result<()> {
        let here = [fs::symlink_metadata(path), fs::metadata(path)];
        let here: BTreeSet<FileId> = here.iter().flatten().map(FileId::from).collect();
        let name = clean(&path.to_string_lossy()).into_owned();
        if !self.recording.is_disjoint(&here) {
            bail!("-o {name}: that is the recording itself");
        }
        if !self.others.is_disjoint(&here) {
            bail!("-o {name}: that is a file that the names of functions come from");
        }
        if !self.of_options.is_disjoint(&here) {
            bail!("-o {name}: that is a file that another option names");
        }
        if is_name_of_part(path) && fs::metadata(folder_of(path)).is_ok_and(|folder| self.has_folder(&folder))
        {
            bail!("-o {name}: the recording would take that for a part of itself");
        }
        Ok(())
    }

    fn has_folder(&self, folder: &Metadata) -> bool {
        self.recording.contains(&folder.into())
    }
}

/// The folder that a file is in.
pub fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Whether a file of this name in a folder is a part of the recording there.
fn is_name_of_part(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    name == "data" || name.starts_with("data.")
}
