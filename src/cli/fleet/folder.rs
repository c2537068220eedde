//! The recordings in folders.

use std::fs::{self, DirEntry};
use std::path::{Path, PathBuf};

use stallgraph::load;
use stallgraph::model::clean;

use super::source::Source;
use super::tables;

/// What was found.
pub enum Found {
    /// A recording, or a file that is called like one.
    Recording(Source),
    /// A folder of tables.
    Tables(PathBuf),
    /// A folder that cannot be read, and why.
    Unreadable(PathBuf, String),
}

/// All that is named, and all in the folders that are, in the order of their names. What is named
/// twice is there once.
pub fn find(paths: &[PathBuf]) -> Vec<Found> {
    let mut found = Vec::new();
    for path in paths {
        match path.is_dir() && !load::looks_like_recording(path) {
            true => search(path, &mut found),
            false => found.push(Found::Recording(Source::new(path.clone()))),
        }
    }
    found.sort_by(|one, other| one.path().cmp(other.path()));
    found.dedup_by(|one, other| one.path() == other.path());
    found
}

impl Found {
    fn path(&self) -> &Path {
        match self {
            Found::Recording(source) => &source.path,
            Found::Tables(path) | Found::Unreadable(path, _) => path,
        }
    }
}

/// Searches a folder and all in it. Links to folders are not followed: they may lead in circles.
fn search(folder: &Path, found: &mut Vec<Found>) {
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        let has_tables = tables::are_in(&folder);
        if has_tables {
            found.push(Found::Tables(folder.clone()));
        }
        let entries = match fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(error) => {
                let why = format!("{}: {error}", clean(&folder.to_string_lossy()));
                found.push(Found::Unreadable(folder, why));
                continue;
            }
        };
        for entry in entries.flatten().filter(|entry| !is_hidden(entry)) {
            let path = entry.path();
            let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
            if load::looks_like_recording(&path) && (is_folder || !path.is_dir()) || is_named_so(&path) {
                found.push(Found::Recording(Source::new(path)));
            } else if is_folder && !(has_tables && tables::is_one(&entry.file_name())) {
                folders.push(path);
            }
        }
    }
}

/// Whether a file is hidden, or not whole yet: what this program writes is called `.stallgraph-…`
/// until then.
fn is_hidden(entry: &DirEntry) -> bool {
    entry.file_name().as_encoded_bytes().starts_with(b".")
}

/// Whether a file is named as a recording or a pack is, so that it is told if it is none.
fn is_named_so(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().as_encoded_bytes();
    path.is_file() && (name.ends_with(b".data") || name.ends_with(b".tar.zst"))
}
