//! The folder of all tables, as a reader finds it.

use std::fs;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};

use super::schema::Table;

/// How deep folders are nested: `date=…/node=…`, and some that a user adds.
const DEEPEST: usize = 8;

/// Whether a folder has tables in it.
pub fn is_folder(path: &Path) -> bool {
    // Where no recording has a stall, there is no table of stalls.
    path.join(Table::Recordings.name()).is_dir()
}

/// The files of a table in `folder`, in the order of their names. What engines leave beside them
/// (`_SUCCESS`, `.part.crc`) has names of its own, and no link to a folder is followed.
///
/// # Errors
///
/// If a folder cannot be read.
pub fn files_of(folder: &Path, table: Table) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    let top = folder.join(table.name());
    if top.is_dir() {
        add(&top, DEEPEST, &mut files)?;
    }
    files.sort();
    Ok(files)
}

fn add(folder: &Path, deeper: usize, files: &mut Vec<PathBuf>) -> Result<()> {
    let unreadable = |cause| Error::Io { file: folder.to_owned(), cause, remedy: None };
    for entry in fs::read_dir(folder).map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?;
        let kind = entry.file_type().map_err(unreadable)?;
        let path = entry.path();
        let name = entry.file_name();
        let is_beside = name.to_string_lossy().starts_with(['.', '_']);
        let is_table = path.extension().is_some_and(|extension| extension == "parquet");
        match kind {
            _ if is_beside => {}
            kind if kind.is_dir() && deeper > 0 => add(&path, deeper - 1, files)?,
            kind if !kind.is_dir() && is_table && path.is_file() => files.push(path),
            _ => {}
        }
    }
    Ok(())
}
