//! Opens files that names come from: only regular ones, and below a folder only those that are
//! still below it once all links are followed.

use std::fs::{self, File};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use crate::pack::Budget;
use crate::symbols::formats::bytes::Bytes;
use crate::symbols::formats::stored::StoredFile;
use crate::symbols::trust;

/// The real path of `path` below `root`, if it is still below `root` once all links are followed.
pub fn real_below(root: &Path, path: &str) -> Option<PathBuf> {
    let path = Path::new(path);
    let is_plain = |component| matches!(component, Component::Normal(_));
    if path.as_os_str().is_empty() || !path.components().all(is_plain) {
        return None;
    }
    let root = root.canonicalize().ok()?;
    let real = root.join(path).canonicalize().ok()?;
    real.starts_with(&root).then_some(real)
}

/// Opens the regular file `path` below `root`, if it is still below `root` once all links are
/// followed. Empty files are not opened.
pub fn open_below(root: &Path, path: &str) -> Option<File> {
    let real = real_below(root, path)?;
    let has_content = fs::metadata(&real).is_ok_and(|metadata| trust::has_content(&metadata));
    if has_content { open_regular(&real) } else { None }
}

/// The bytes of the regular file `path` below `root`, under the conditions of [`open_below`]. What
/// is read of them counts against `budget`.
pub fn bytes_below(root: &Path, path: &str, budget: &Arc<Budget>) -> Option<Bytes<'static>> {
    stored(open_below(root, path)?, budget)
}

/// The bytes of an open file. What is read of them counts against `budget`.
pub fn stored(file: File, budget: &Arc<Budget>) -> Option<Bytes<'static>> {
    StoredFile::new(file, budget).ok().map(|file| Bytes::Stored(Box::new(file)))
}

/// Opens a file if it is a regular one. If a FIFO replaces it meanwhile, opening does not wait for
/// a writer.
pub fn open_regular(path: &Path) -> Option<File> {
    let is_regular = |metadata: fs::Metadata| metadata.is_file();
    if !fs::metadata(path).is_ok_and(is_regular) {
        return None;
    }
    let file = File::options().read(true).custom_flags(libc::O_NONBLOCK).open(path).ok()?;
    file.metadata().is_ok_and(is_regular).then_some(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_outside_the_folder_is_opened() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir_all(folder.path().join("usr/bin")).unwrap();
        fs::write(folder.path().join("usr/bin/tool"), "x").unwrap();
        std::os::unix::fs::symlink("/etc/hostname", folder.path().join("leaves")).unwrap();
        std::os::unix::fs::symlink("usr/bin/tool", folder.path().join("stays")).unwrap();
        let is_opened = |path: &str| open_below(folder.path(), path).is_some();
        assert!(is_opened("usr/bin/tool"));
        assert!(is_opened("stays"));
        fs::write(folder.path().join("empty"), "").unwrap();
        assert!(!is_opened("empty"));
        assert!(!is_opened("leaves"));
        assert!(!is_opened("usr/bin"));
        assert!(!is_opened("../../etc/hostname"));
        assert!(!is_opened("/etc/hostname"));
        assert!(!is_opened(""));
    }
}
