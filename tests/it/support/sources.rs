//! The files of this project.

use std::fs;
use std::path::{Path, PathBuf};

/// Folders that git, Python and cargo fill.
const FOREIGN: [&str; 3] = [".git", "__pycache__", "target"];

/// The folder of the project.
pub fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// The text of a file.
pub fn read(file: &Path) -> String {
    fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

/// All files of this project below a folder, by name.
pub fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    // A published package has no fuzz folder: cargo leaves out packages below another.
    if folder.starts_with(root().join("fuzz")) && !folder.exists() {
        return files;
    }
    add_files(folder, &mut files);
    files.sort();
    files
}

fn add_files(folder: &Path, into: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder of sources") {
        let path = entry.expect("an entry").path();
        if !path.is_dir() {
            into.push(path);
        } else if path.file_name().is_some_and(|name| !FOREIGN.iter().any(|foreign| name == *foreign)) {
            add_files(&path, into);
        }
    }
}

/// The Rust files below a folder.
pub fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = files(folder);
    files.retain(|file| file.extension().is_some_and(|extension| extension == "rs"));
    files
}
