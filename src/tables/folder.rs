//! The folder of all tables, as a reader finds it.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use crate::error::Error;

use super::schema::Table;

/// How deep folders are nested: `date=…/node=…`, and some that a user adds.
const DEEPEST: usize = 8;

/// Whether a folder has tables in it: where no recording has a stall, there is no table of stalls.
pub fn is_folder(path: &Path) -> bool {
    let entries = fs::read_dir(path.join(Table::Recordings.name())).into_iter().flatten().flatten();
    let mut names = entries.map(|entry| entry.file_name().to_string_lossy().into_owned());
    names.any(|name| name.starts_with("date=") || name.ends_with(".parquet"))
}

/// The files of a table in `folder`, in the order of their names, and the folders that cannot be
/// read. What engines leave beside files (`_SUCCESS`, `.part.crc`) has names of its own, and no
/// link to a folder is followed.
pub fn files_of(folder: &Path, table: Table) -> (Vec<PathBuf>, Vec<Error>) {
    let mut found = Found::default();
    let top = folder.join(table.name());
    if top.is_dir() {
        found.search(&top, DEEPEST);
    }
    found.files.sort();
    (found.files, found.errors)
}

#[derive(Default)]
struct Found {
    files: Vec<PathBuf>,
    errors: Vec<Error>,
}

impl Found {
    fn search(&mut self, folder: &Path, deeper: usize) {
        let entries = match fs::read_dir(folder) {
            Ok(entries) => entries,
            // Who removes old days may do so meanwhile.
            Err(cause) if cause.kind() == ErrorKind::NotFound => return,
            Err(cause) => {
                self.errors.push(Error::Io { file: folder.to_owned(), cause, remedy: None });
                return;
            }
        };
        for entry in entries.flatten() {
            let path = entry.path();
            let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
            let is_beside = entry.file_name().to_string_lossy().starts_with(['.', '_']);
            let is_table = path.extension().is_some_and(|extension| extension == "parquet");
            match is_folder {
                _ if is_beside => {}
                true if deeper > 0 => self.search(&path, deeper - 1),
                false if is_table && path.is_file() => self.files.push(path),
                _ => {}
            }
        }
    }
}
